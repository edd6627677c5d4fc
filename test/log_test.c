/* The formatter, the log's lines and what it does when they cannot be written, and redaction. */
#include "../log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static char got[4096];

#define FMT(want, ...) \
	CHECK(want, fmt(got, sizeof got, __VA_ARGS__) == strlen(want) && strcmp(got, want) == 0)

static void numbers(void)
{
	FMT("0 -1 2147483647 -2147483648", "%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	FMT("0 4294967295", "%u %u", 0u, 4294967295u);
	FMT("-9223372036854775808 9223372036854775807", "%lld %lld", (long long)INT64_MIN, (long long)INT64_MAX);
	FMT("18446744073709551615 1", "%llu %d", (unsigned long long)UINT64_MAX, 1);
	FMT("-5 5 7", "%ld %lu %zu", -5L, 5UL, (size_t)7);
	FMT("deadbeef 0 ffffffffffffffff 1f", "%x %x %llx %lx", 0xdeadbeefu, 0u, (unsigned long long)UINT64_MAX, 31UL);
	FMT("[   42][42   ][00042][-0042]", "[%5d][%-5d][%05d][%05d]", 42, 42, 42, -42);
	FMT("0000000000c0ffee", "%016llx", 0xc0ffeeULL);
	FMT("a%b", "%c%%%c", 'a', 'b');
	FMT("1 2 3 4 5", "%d %lld %d %llu %d", 1, 2LL, 3, 4ULL, 5);
}

static void texts(void)
{
	FMT("plain", "plain");
	FMT("", "%s", "");
	FMT("()", "(%s)", (const char *)0);
	FMT("abc|ab||abc", "%s|%.*s|%.*s|%.9s", "abc", 2, "abc", 0, "abc", "abc");
	FMT("[  abc][abc  ][ab ]", "[%5s][%-5s][%-*.*s]", "abc", "abc", 3, 2, "abc");
	CHECK("a width of * below zero is none", fmt(got, sizeof got, "[%*d]", -4, 7) == 3);
	FMT("0.000s 0.007s 1.234s 86400.010s", "%m %m %m %m", (int64_t)0, (int64_t)7, (int64_t)1234, (int64_t)86400010);
	FMT("-1.500s 3", "%m %d", (int64_t)-1500, 3);
	FMT("9223372036854775.807s", "%m", INT64_MAX);
}

static void foreign_bytes(void)
{
	static const struct { const char *in; size_t n; const char *out; } t[] = {
		{ "plain text", 10, "plain text" },
		{ "a\r\nb\tc", 6, "a\\x0d\\x0ab\\x09c" },
		{ "a\0b", 3, "a\\x00b" },
		{ "\x7f\x1b[31m", 6, "\\x7f\\x1b[31m" },
		{ "gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f" },
		{ "\xe4\xb8\xad\xf0\x9f\x98\x80", 7, "\xe4\xb8\xad\xf0\x9f\x98\x80" },
		{ "\xc2\x85\xc2\xa0", 4, "\\xc2\\x85\xc2\xa0" },
		{ "\x80\xff", 2, "\\x80\\xff" },
		{ "\xc0\xaf\xe0\x80\xaf", 5, "\\xc0\\xaf\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", 3, "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80" },
		{ "\xe4\xb8", 2, "\\xe4\\xb8" },
		{ "\xe4\xb8" "a", 3, "\\xe4\\xb8" "a" },
		{ "", 0, "" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		fmt(got, sizeof got, "<%j>%d", t[i].in, t[i].n, 9);
		CHECK(t[i].out, strlen(got) == strlen(t[i].out) + 3 && memcmp(got + 1, t[i].out, strlen(t[i].out)) == 0);
	}
}

static void bounds(void)
{
	char small[6] = "#####";

	CHECK("the length of all is told", fmt(small, 4, "%s", "abcdef") == 6);
	CHECK("what fits is there, terminated", strcmp(small, "abc") == 0 && small[4] == '#');
	CHECK("no room, nothing written", fmt(small, 0, "%d", 123456) == 6 && small[0] == 'a');
	CHECK("no storage at all", fmt(NULL, 0, "%d", 123456) == 6);
	CHECK("room for the end only", fmt(small, 1, "x") == 1 && small[0] == 0);
	CHECK("a number cut", fmt(small, 3, "%d", -987) == 4 && strcmp(small, "-9") == 0);
	for (size_t room = 1; room < 12; room++) {
		memset(got, '#', 16);
		if (fmt(got, room, "%j|%05d|%s", "\n", (size_t)1, 42, "z") != 12 || strlen(got) != room - 1
			|| memcmp(got, "\\x0a|00042|z", room - 1) != 0 || got[room] != '#')
			break;
		if (room == 11)
			CHECK("every room gives a prefix", 1);
	}
}

/* a non-blocking pipe's read end and its log */
static int piped(struct log *l, int fds[2])
{
	if (pipe(fds) != 0)
		abort();
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	log_init(l, fds[1], LOG_INFO, false);
	return fds[0];
}

static const char *drain(int fd)
{
	static char all[1 << 17];
	size_t n = 0;
	ssize_t k;

	while ((k = read(fd, all + n, sizeof all - 1 - n)) > 0)
		n += (size_t)k;
	all[n] = 0;
	return all;
}

static void times(void)
{
	static const struct { int64_t at; const char *want; } t[] = {
		{ 0, "1970-01-01T00:00:00Z" }, { 86399, "1970-01-01T23:59:59Z" }, { 68169600, "1972-02-29T00:00:00Z" },
		{ 951782400, "2000-02-29T00:00:00Z" }, { 1735689600, "2025-01-01T00:00:00Z" }, { 4107542399, "2100-02-28T23:59:59Z" },
		{ 4107542400, "2100-03-01T00:00:00Z" }, { 1798761599, "2026-12-31T23:59:59Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" }, { 253402300800, "1970-01-01T00:00:00Z" },
		{ -1, "1970-01-01T00:00:00Z" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		CHECK(t[i].want, log_time(got, sizeof got, t[i].at) == 20 && strcmp(got, t[i].want) == 0);
}

static void lines(void)
{
	struct log l;
	int fds[2], fd = piped(&l, fds);
	static char big[5000];
	const char *text;

	log_line(&l, LOG_DEBUG, "not this");
	CHECK("below the level nothing is written", strcmp(drain(fd), "") == 0);
	log_line(&l, LOG_INFO, "%s %d", "one", 1);
	log_line(&l, LOG_CRITICAL, "two");
	CHECK("lines", strcmp(drain(fd), "INFO one 1\nCRITICAL two\n") == 0);
	log_line(&l, LOG_ERROR, "a%sb%sc\td", "\r\n", "\x7f");
	CHECK("a line is one line", strcmp(drain(fd), "ERROR a??b?c\td\n") == 0);
	memset(big, 'x', sizeof big - 1);
	log_line(&l, LOG_WARNING, "%s", big);
	text = drain(fd);
	CHECK("a long line ends in dots", strlen(text) == LOG_LINE_MAX && strcmp(text + LOG_LINE_MAX - 5, "x...\n") == 0);
	for (size_t i = 0; i + 2 < sizeof big; i += 2)
		memcpy(big + i, "\xc3\xa9", 2);
	log_line(&l, LOG_WARNING, "%s", big);
	text = drain(fd);
	CHECK("no half character before the dots", strcmp(text + strlen(text) - 6, "\xc3\xa9...\n") == 0);
	l.stamp = true;
	log_line(&l, LOG_INFO, "t");
	text = drain(fd);
	CHECK("a time stamp", strlen(text) == 32 && text[4] == '-' && text[10] == 'T' && text[19] == '.'
		&& strcmp(text + 23, "Z INFO t\n") == 0);
	close(fds[0]);
	close(fds[1]);
	log_init(&l, -1, LOG_DEBUG, true);
	log_line(&l, LOG_CRITICAL, "nowhere");
	CHECK("nowhere is no loss", l.lost == 0);
}

static void full(const char *what, int fds[2])
{
	struct log l;
	const char *text;
	unsigned long n;

	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	log_init(&l, fds[1], LOG_INFO, false);
	for (n = 0; n < 20000 && l.lost < 3; n++)
		log_line(&l, LOG_INFO, "a line that is a good deal longer than a few bytes %lu", n);
	errno = ENOENT;
	log_line(&l, LOG_INFO, "lost as well");
	CHECK(what, l.lost == 4);
	CHECK("errno is left alone", errno == ENOENT);
	drain(fds[0]);
	log_line(&l, LOG_INFO, "back");
	text = drain(fds[0]);
	while (*text == '\n')
		text++;
	CHECK("the loss is told, once", strcmp(text, "WARNING 4 log lines lost\nINFO back\n") == 0 && l.lost == 0);
	close(fds[0]);
	errno = 0;
	log_line(&l, LOG_INFO, "gone");
	CHECK("a reader that is gone is survived", l.lost == 1);
	close(fds[1]);
	log_line(&l, LOG_INFO, "closed");
	CHECK("a closed descriptor too", l.lost == 2);
}

static void failures(void)
{
	int fds[2];
	struct log l;
	int fd = open("/dev/full", O_WRONLY);

	if (pipe(fds) != 0)
		abort();
	full("a blocking pipe that is full costs lines, not time", fds);
	if (pipe(fds) != 0)
		abort();
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	full("a non-blocking pipe that is full costs lines", fds);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		abort();
	full("a blocking socket that is full costs lines, not time", fds);
	log_init(&l, fd, LOG_INFO, false);
	log_line(&l, LOG_INFO, "to a full disk");
	CHECK("a full disk costs a line", fd < 0 || l.lost == 1);
	close(fd);
	fd = piped(&l, fds);
	l.cut = true;
	log_line(&l, LOG_INFO, "next");
	CHECK("a cut line is ended before the next", strcmp(drain(fd), "\nINFO next\n") == 0 && !l.cut);
	CHECK("a pipe needs no stamp, a file does", !log_needs_stamp(fd) && log_needs_stamp(open("/dev/null", O_WRONLY)));
}

/* a disk that fills up inside a line */
static void short_write(void)
{
	char name[] = "/tmp/log_test.XXXXXX", text[256];
	struct rlimit old, few = { 30, 0 };
	int fd = mkstemp(name);
	struct log l;
	ssize_t n;

	if (fd < 0 || getrlimit(RLIMIT_FSIZE, &old) != 0)
		abort();
	unlink(name);
	few.rlim_max = old.rlim_max;
	log_init(&l, fd, LOG_INFO, false);
	setrlimit(RLIMIT_FSIZE, &few);
	log_line(&l, LOG_INFO, "first");
	log_line(&l, LOG_INFO, "a line of which half is lost");
	log_line(&l, LOG_INFO, "a line of which all is lost");
	setrlimit(RLIMIT_FSIZE, &old);
	log_line(&l, LOG_INFO, "last");
	n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	CHECK("a cut line and its successors stay apart",
		strcmp(text, "INFO first\nINFO a line of whic\nWARNING 2 log lines lost\nINFO last\n") == 0);
	close(fd);
}

/* in place of the C library's: the next so many writes are interrupted */
static int interrupts, writes;

ssize_t write(int fd, const void *p, size_t n)
{
	writes++;
	if (interrupts > 0) {
		interrupts--;
		errno = EINTR;
		return -1;
	}
	return writev(fd, &(struct iovec){ (void *)(uintptr_t)p, n }, 1);
}

static void interrupted(void)
{
	struct log l;
	char text[64];
	int p[2];

	CHECK("a pipe", pipe(p) == 0 && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
	log_init(&l, p[1], LOG_INFO, false);
	interrupts = 3;
	log_line(&l, LOG_INFO, "through");
	ssize_t n = read(p[0], text, sizeof text);
	CHECK("a write that signals interrupt is made again", n == 13 && memcmp(text, "INFO through\n", 13) == 0 && l.lost == 0);
	interrupts = 1000;
	writes = 0;
	log_line(&l, LOG_INFO, "not through");
	CHECK("but not for ever", l.lost == 1 && writes < 20);
	interrupts = 0;
	log_line(&l, LOG_INFO, "again");
	n = read(p[0], text, sizeof text);
	CHECK("then the loss is told", n > 20 && memcmp(text, "WARNING 1 log line lost\nINFO again\n", 35) == 0);
	close(p[0]);
	close(p[1]);
}

static void redaction(void)
{
	static const char *const secrets[] = { "hunter2hunter2", "canary", "abc", "", NULL, "canary-long" };
	static const struct { const char *in, *out; } t[] = {
		{ "nothing to hide", "nothing to hide" },
		{ "a hunter2hunter2 b", "a *** b" },
		{ "xcanaryx", "x***x" },
		{ "canary-long canary", "*** ***" },
		{ "abcabc", "abcabc" },
		{ "Authorization: Bearer whatever.it-is\r\nHost: x", "Authorization: Bearer ***\r\nHost: x" },
		{ "authorization: Basic dXNlcjpwYXNz", "authorization: Basic ***" },
		{ "X-Api-Key: 1234\r\n", "X-Api-Key: ***\r\n" },
		{ "api-key:1234", "api-key:***" },
		{ "{\"api_key\": \"1234\", \"a\": 1}", "{\"api_key\": \"***\", \"a\": 1}" },
		{ "{\\\"api_key\\\":\\\"1234\\\"}", "{\\\"api_key\\\":\\\"***\\\"}" },
		{ "bearer abcdef", "bearer ***" },
		{ "{\"openai_api_key\":\"1234\"}", "{\"openai_api_key\":\"***\"}" },
		{ "a basic understanding", "a basic understanding" },
		{ "the \"authorization\" field", "the \"authorization\" field" },
		{ "GET /v1?key=1234&x=1", "GET /v1?key=***&x=1" },
		{ "/v1?x=1&api-key=1234#f", "/v1?x=1&api-key=***#f" },
		{ "sorted(x, key=len)", "sorted(x, key=len)" },
		{ "monkey: 5, key: 6", "monkey: 5, key: 6" },
		{ "Incorrect API key provided: sk-proj-AbC123_xyz.", "Incorrect API key provided: ***" },
		{ "sk-learn is a package, task-sk-abcdefghijkl", "sk-learn is a package, task-sk-abcdefghijkl" },
		{ "AIzaSyA1234567890abcdefg,gsk_0123456789abcdef", "***,***" },
		{ "", "" },
	};
	char dst[256], small[8];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		size_t n = log_redact(dst, sizeof dst, t[i].in, strlen(t[i].in), secrets, 6);
		fmt(got, sizeof got, "%j", t[i].in, strlen(t[i].in));
		CHECK(got, n == strlen(t[i].out) && strcmp(dst, t[i].out) == 0);
	}
	CHECK("cut at the room", log_redact(small, sizeof small, "0123456789", 10, NULL, 0) == 7 && strcmp(small, "0123456") == 0);
	CHECK("no key cut to a piece", log_redact(small, sizeof small, "012345canary", 12, secrets, 6) == 7
		&& strcmp(small, "012345*") == 0);
}

/* what a reader of JSON would make of it is checked in logs.t; here the bytes */
static void json(void)
{
	static const struct { const char *in; size_t n; const char *out; } t[] = {
		{ "plain", 5, "plain" },
		{ "a \"b\" c:\\d", 10, "a \\\"b\\\" c:\\\\d" },
		{ "\x1b[1m\n\0\x7f", 7, "\\\\x1b[1m\\\\x0a\\\\x00\\\\x7f" },
		{ "gr\xc3\xbc\xc3 \xff", 7, "gr\xc3\xbc\\\\xc3 \\\\xff" },
	};
	struct log l;
	char text[LOG_JSON_MAX + 1], long_one[3 * LOG_LINE_MAX];
	int fds[2];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		FMT(t[i].out, "%e", t[i].in, t[i].n);
	for (size_t room = 12; room < 24; room++) {
		size_t n = fmt(got, room, "%e", "\"\"\"\"\"\"\"\"\"\"\"\"", (size_t)12);
		CHECK("cut between two characters", n < room && n % 2 == 1 && strcmp(got + n - 4, "\"...") == 0);
	}
	int fd = piped(&l, fds);
	l.json = true;
	log_fields(&l, LOG_WARNING, ",\"n\":7", "it's \"%s\"", "so");
	ssize_t k = read(fd, text, sizeof text);
	CHECK("a line is an object", k > 40 && memcmp(text, "{\"time\":\"20", 11) == 0 && text[k - 1] == '\n');
	text[k > 0 ? k - 1 : 0] = 0;
	CHECK("level, fields, text", strstr(text, "Z\",\"level\":\"WARNING\",\"n\":7,\"text\":\"it's \\\"so\\\"\"}") != NULL);
	memset(long_one, '"', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = 0;
	log_line(&l, LOG_INFO, "%s", long_one);
	k = read(fd, text, sizeof text);
	CHECK("a long one is whole, and within its limit", k > 4000 && k <= LOG_JSON_MAX && memcmp(text + k - 6, "...\"}\n", 6) == 0);
	close(fds[0]);
	close(fds[1]);
}

static int turned;

static void turn(struct log *l)
{
	l->size = 0;
	turned++;
}

static void no_turn(struct log *l)
{
	(void)l;
	turned++;
}

static void limit(void)
{
	char text[64] = "";
	struct log l;
	int fds[2], fd = piped(&l, fds);

	l.max = 20;
	l.full = turn;
	log_line(&l, LOG_INFO, "0123");
	log_line(&l, LOG_INFO, "0123");
	CHECK("two lines of ten bytes do not stay below 20", turned == 1 && l.size == 10);
	l.full = no_turn;
	log_line(&l, LOG_INFO, "0123");
	CHECK("what does not get room is lost", turned == 2 && l.size == 10 && l.lost == 1);
	l.max = 100;
	log_line(&l, LOG_INFO, "45");
	CHECK("and told of", read(fd, text, sizeof text - 1) == 52 && strstr(text, "INFO 0123\nINFO 0123\nWARNING 1 log line lost\nINFO 45\n") == text);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	numbers();
	texts();
	foreign_bytes();
	bounds();
	times();
	lines();
	failures();
	short_write();
	interrupted();
	json();
	limit();
	redaction();
	return CHECK_END();
}
