/* The command line (see commands.h). */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "version.h"

static const char usage[] =
	"usage: claude-code-proxy [--env FILE]...          serve; one instance for each file\n"
	"       claude-code-proxy -i [--env FILE]          serve one connection on fds 0 and 1 (inetd)\n"
	"       claude-code-proxy --check [--env FILE]     try the way to the upstream, step by step\n"
	"       claude-code-proxy convert request|reply|stream|error [--env FILE] <IN >OUT\n"
	"       claude-code-proxy --help | --version\n";

void say_to(int fd, const char *format, va_list ap)
{
	char line[4608];
	size_t n = vfmt(line, sizeof line, format, ap);

	write_all(fd, line, n < sizeof line ? n : sizeof line - 1);
}

void say(const char *format, ...)
{
	struct stat st;
	va_list ap;

	if (fstat(2, &st) != 0 || S_ISSOCK(st.st_mode))
		return;
	va_start(ap, format);
	say_to(2, format, ap);
	va_end(ap);
}

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool same_socket(void)
{
	struct stat in, out;

	return fstat(0, &in) == 0 && fstat(1, &out) == 0 && S_ISSOCK(in.st_mode) &&
		in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

static int wrong(const char *what, const char *arg)
{
	say("claude-code-proxy: %s%s\n%s", what, arg, usage);
	return 100;
}

static int add_env(struct options *o, const char *file)
{
	if (file == NULL || file[0] == '\0')
		return wrong("--env needs a file", "");
	if (o->nenv == OPTIONS_ENV)
		return wrong("too many --env files", "");
	o->env[o->nenv++] = file;
	return 0;
}

static int help(void)
{
	static const char more[] =
		"\nSettings are NAME=value, in the files of --env, else in the environment. The manual page has more.\n\n";

	bool ok = write_all(1, usage, sizeof usage - 1) && write_all(1, more, sizeof more - 1);
	return ok && cfg_print(1, false) == 0 ? -1 : 111;
}

static int set_convert(struct options *o, const char *what)
{
	static const char *const kinds[] = { "request", "reply", "stream", "error" };

	for (size_t i = 0; what != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(what, kinds[i]) == 0) {
			o->convert = kinds[i];
			return 0;
		}
	return wrong("convert needs one of request, reply, stream, error", "");
}

/* One argument; *i moves on when it takes the next as its value. */
static int argument(struct options *o, char *argv[], int *i)
{
	const char *a = argv[*i];

	if (strcmp(a, "--env") == 0)
		return add_env(o, argv[++*i]);
	if (strncmp(a, "--env=", 6) == 0)
		return add_env(o, a + 6);
	if (strcmp(a, "-i") == 0)
		o->inetd = true;
	else if (strcmp(a, "--check") == 0)
		o->check = true;
	else if (strcmp(a, "convert") == 0)
		return set_convert(o, argv[++*i]);
	else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
		return help();
	else if (strcmp(a, "--version") == 0)
		return write_all(1, "claude-code-proxy " VERSION "\n", sizeof VERSION + 18) ? -1 : 111;
	else if (strcmp(a, "--env-example") == 0)
		return cfg_print(1, true) == 0 ? -1 : 111;
	else
		return wrong("unknown option: ", a);
	return 0;
}

int options_read(int argc, char *argv[], struct options *o)
{
	int bad = 0;

	memset(o, 0, sizeof *o);
	for (int i = 1; i < argc && argv[i] != NULL && bad == 0; i++)
		bad = argument(o, argv, &i);
	if (bad != 0)
		return bad;
	if (o->inetd + o->check + (o->convert != NULL) > 1)
		return wrong("-i, --check and convert exclude each other", "");
	if ((o->inetd || o->convert != NULL) && o->nenv > 1)
		return wrong("only one --env here", "");
	return 0;
}
