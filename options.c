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
	"       claude-code-proxy -i | -w [--env FILE]     the same for inetd: one connection on fds 0 and 1; a listening fd 0\n"
	"       claude-code-proxy --check [--env FILE]     try the way to the upstream, step by step\n"
	"       claude-code-proxy status [--env FILE | PORT]...   ask those that run\n"
	"       claude-code-proxy env [sh|fish] [--env FILE]      settings of Claude Code, for eval\n"
	"       claude-code-proxy convert request|reply|stream|error [--env FILE] <IN >OUT\n"
	"       claude-code-proxy completion | --help | --version\n";

bool say_to(int fd, const char *format, va_list ap)
{
	char line[4608];
	size_t n = vfmt(line, sizeof line, format, ap);

	return write_all(fd, line, n < sizeof line ? n : sizeof line - 1);
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

int small_number(const char *p)
{
	int v = 0;

	if (*p == '\0')
		return -1;
	for (; *p >= '0' && *p <= '9' && v < 100000000; p++)
		v = v * 10 + (*p - '0');
	return *p == '\0' ? v : -1;
}

bool print(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	bool good = say_to(1, format, ap);
	va_end(ap);
	return good;
}

int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool clock_unset(char *said, size_t room)
{
	char now[32], built[32];
	int64_t seconds = time(NULL);

	if (seconds >= BUILT)
		return false;
	log_time(now, sizeof now, seconds);
	log_time(built, sizeof built, BUILT);
	fmt(said, room, "the system clock says %s: set it; until then certificates are checked as of %.10s, the date of this program",
		now, built);
	return true;
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

/* Which command a word is. COMMAND_SERVE: none. */
static enum command command_of(const char *a)
{
	static const char names[] = "-i\0-w\0--check\0status\0env\0convert\0";
	enum command c = COMMAND_INETD;

	for (const char *name = names; *name != '\0'; name += strlen(name) + 1, c++)
		if (strcmp(name, a) == 0)
			return c;
	return COMMAND_SERVE;
}

static int set_command(struct options *o, enum command c, const char *next)
{
	const char *shell = getenv("SHELL");
	size_t n = shell != NULL ? strlen(shell) : 0;

	if (o->command != COMMAND_SERVE)
		return wrong("-i, -w, --check and the commands exclude each other", "");
	o->command = c;
	o->fish = n >= 4 && memcmp(shell + n - 4, "fish", 4) == 0;
	return c == COMMAND_CONVERT ? set_convert(o, next) : 0;
}

static bool add_port(struct options *o, const char *a)
{
	int port = small_number(a);

	if (port <= 0 || port > 65535 || o->nport == OPTIONS_ENV)
		return false;
	o->port[o->nport++] = port;
	return true;
}

/* What may stand behind the command. False: it is none of that. */
static bool operand(struct options *o, const char *a)
{
	bool fish = strcmp(a, "fish") == 0;

	if (o->command == COMMAND_STATUS)
		return add_port(o, a);
	if (o->command != COMMAND_ENV || (!fish && strcmp(a, "sh") != 0))
		return false;
	o->fish = fish;
	return true;
}

/* One argument; *i moves on when it takes the next as its value. */
static int argument(struct options *o, char *argv[], int *i)
{
	const char *a = argv[*i];
	enum command c = command_of(a);

	if (c != COMMAND_SERVE) {
		*i += c == COMMAND_CONVERT;
		return set_command(o, c, argv[*i]);
	}
	if (operand(o, a))
		return 0;
	if (strcmp(a, "--env") == 0)
		return add_env(o, argv[++*i]);
	if (strncmp(a, "--env=", 6) == 0)
		return add_env(o, a + 6);
	if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
		return help();
	if (strcmp(a, "completion") == 0)
		return print_completion() ? -1 : 111;
	if (strcmp(a, "--version") == 0)
		return write_all(1, "claude-code-proxy " VERSION "\n", sizeof VERSION + 18) ? -1 : 111;
	if (strcmp(a, "--env-example") == 0)
		return cfg_print(1, true) == 0 ? -1 : 111;
	return wrong("unknown option: ", a);
}

int options_read(int argc, char *argv[], struct options *o)
{
	int bad = 0;

	memset(o, 0, sizeof *o);
	for (int i = 1; i < argc && argv[i] != NULL && bad == 0; i++)
		bad = argument(o, argv, &i);
	if (bad != 0)
		return bad;
	bool several = o->command == COMMAND_SERVE || o->command == COMMAND_CHECK || o->command == COMMAND_STATUS;
	return o->nenv > 1 && !several ? wrong("only one --env here", "") : 0;
}
