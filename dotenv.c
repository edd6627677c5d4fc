/*
 * .env files.
 *
 * A line is empty, a comment, or [export ]NAME=value, with white space where
 * people put it. 'single quotes' keep everything, "double quotes" know \n \t \"
 * and \\ (any other backslash stays); without quotes the value ends at the end
 * of the line or at a # behind white space, and white space around it goes. LF
 * or CRLF, a BOM at the head is skipped. Nothing is expanded or executed. A
 * curly quote at the head of a value is refused: it was meant as a plain one.
 */
#include "dotenv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errno_text.h"
#include "log.h"

void wipe(void *p, size_t n)
{
	/* which function it is, the compiler cannot know */
	static void *(*const volatile set)(void *, int, size_t) = memset;

	set(p, 0, n);
}

/* ---- the file ---- */

/* reads to the end or to room; -1 with errno */
static ssize_t read_all(int fd, char *dst, size_t room)
{
	size_t n = 0;
	ssize_t k;

	while (n < room) {
		k = read(fd, dst + n, room - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		n += (size_t)k;
	}
	return (ssize_t)n;
}

static const char *mode_bad(int fd, bool *shared)
{
	struct stat st;

	*shared = false;
	if (fstat(fd, &st) != 0)
		return "cannot be examined";
	if (S_ISDIR(st.st_mode))
		return "is a directory, not a file";
	if (!S_ISREG(st.st_mode))
		return NULL;
	if (st.st_mode & S_IWOTH)
		return "can be written by everyone on this machine: chmod 600 it, and look whether it is still yours";
	*shared = (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
	return NULL;
}

/* the text of an open file, or NULL with *why */
static char *take(int fd, size_t *n, bool *shared, const char **why)
{
	char *text;
	ssize_t k;

	*why = mode_bad(fd, shared);
	if (*why)
		return NULL;
	*why = "out of memory";
	text = malloc(DOTENV_MAX + 1);
	if (!text)
		return NULL;
	k = read_all(fd, text, DOTENV_MAX + 1);
	*why = k < 0 ? errno_text(errno) : "is larger than 64 KB: this is not a file of settings";
	if (k >= 0 && k <= DOTENV_MAX) {
		text[k] = 0;
		*n = (size_t)k;
		*why = memchr(text, 0, *n) ? "holds NUL bytes: save it as UTF-8 text" : NULL;
	}
	if (!*why)
		return text;
	wipe(text, DOTENV_MAX + 1);
	free(text);
	return NULL;
}

char *dotenv_read(const char *file, size_t *n, bool *shared, char *why, size_t room)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	const char *bad;
	char *text;

	if (fd < 0) {
		fmt(why, room, "cannot be opened: %s", errno_text(errno));
		return NULL;
	}
	text = take(fd, n, shared, &bad);
	if (!text)
		fmt(why, room, "%s", bad);
	close(fd);
	return text;
}

/* ---- lines ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blank(char *p)
{
	while (blank(*p))
		p++;
	return p;
}

static bool name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'
		|| c == '.';
}

/* cuts the next line off and returns it terminated; NULL at the end */
static char *next_line(struct dotenv *d)
{
	char *line = d->at;
	char *stop;

	if (d->at >= d->end)
		return NULL;
	stop = memchr(line, '\n', (size_t)(d->end - line));
	if (!stop)
		stop = d->end;
	d->at = stop + 1;
	d->line++;
	*stop = 0;
	if (stop > line && stop[-1] == '\r')
		stop[-1] = 0;
	return line;
}

static const char *end_of_quoted(const char *p)
{
	bool apart = blank(*p);

	while (blank(*p))
		p++;
	return *p == 0 || (apart && *p == '#') ? NULL : "text behind the closing quote: put the whole value into quotes";
}

static const char not_closed[] = "the quote is not closed on this line";

static const char *single_quoted(char *p)
{
	char *close = strchr(p, '\'');

	if (!close)
		return not_closed;
	*close = 0;
	return end_of_quoted(close + 1);
}

static const char *double_quoted(char *p)
{
	static const char from[] = "nt\"\\", to[] = "\n\t\"\\";
	char *w = p;
	const char *known;

	for (; *p && *p != '"'; p++) {
		known = *p == '\\' && p[1] ? strchr(from, p[1]) : NULL;
		if (known)
			p++;
		*w++ = known ? to[known - from] : *p;
	}
	if (!*p)
		return not_closed;
	*w = 0;
	return end_of_quoted(p + 1);
}

/* begin: where the white space before the value began, which a comment may follow */
static void unquoted(char *begin, char *p)
{
	char *end = p;

	if (*p == '#' && p > begin)
		*p = 0;
	for (; *p && !(*p == '#' && blank(p[-1])); p++)
		if (!blank(*p))
			end = p + 1;
	*end = 0;
}

/* as word processors put them: U+2018 to U+201F */
static bool curly(const char *p)
{
	return strncmp(p, "\xe2\x80", 2) == 0 && (unsigned char)p[2] >= 0x98 && (unsigned char)p[2] <= 0x9f;
}

static int setting(char *p, char **name, char **value, const char **why)
{
	char *begin;

	if (strncmp(p, "export", 6) == 0 && blank(p[6]))
		p = skip_blank(p + 6);
	*name = p;
	while (name_byte(*p))
		p++;
	begin = skip_blank(p);
	*why = "not NAME=value: begin comments with #";
	if (p == *name || *begin != '=')
		return -1;
	*p = 0;
	p = skip_blank(++begin);
	*value = p + (*p == '"' || *p == '\'');
	*why = NULL;
	if (*p == '"')
		*why = double_quoted(p + 1);
	else if (*p == '\'')
		*why = single_quoted(p + 1);
	else if (curly(p))
		*why = "a curly quote before the value: type a plain one, or none";
	else
		unquoted(begin, p);
	return *why ? -1 : 1;
}

void dotenv_init(struct dotenv *d, char *text, size_t n)
{
	size_t bom = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	text[n] = 0;
	*d = (struct dotenv){ text + bom, text + n, 0 };
}

char *dotenv_line(struct dotenv *d)
{
	char *p;

	do
		p = next_line(d);
	while (p && (p = skip_blank(p), *p == 0 || *p == '#'));
	return p;
}

int dotenv_next(struct dotenv *d, char **name, char **value, const char **why)
{
	char *p = dotenv_line(d);

	return p ? setting(p, name, value, why) : 0;
}
