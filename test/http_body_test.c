/*
 * Bodies: whole, cut in two at every place, and byte by byte, always with the
 * same data, the same end and the same number of bytes used. And what is
 * written into heads.
 */
#include <stdlib.h>

#include "../http.h"
#include "check.h"

#define S(text) text, sizeof text - 1

struct seen {
	enum http_progress end;
	size_t used;		/* bytes of the input that belong to the body */
	size_t n;
	char data[512];
	bool may_end;
};

/* Feeds one piece, in memory of its exact size, until it wants more or has ended. */
static bool feed(struct http_body *b, const char *p, size_t n, struct seen *s)
{
	char *copy = malloc(n > 0 ? n : 1);
	size_t at = 0, used, turns;
	struct http_text data;
	const char *why = NULL;
	bool sane = true;

	memcpy(copy, p, n);
	for (turns = 0; turns < 2 * n + 3; turns++) {
		s->end = http_body_next(b, copy + at, n - at, &used, &data, &why);
		sane = sane && used <= n - at;
		at += used;
		if (s->end != HTTP_DATA)
			break;
		sane = sane && data.n > 0 && data.n <= used && s->n + data.n <= sizeof s->data
			&& data.p >= copy && data.p + data.n == copy + at;
		if (!sane)
			break;
		memcpy(s->data + s->n, data.p, data.n);
		s->n += data.n;
	}
	sane = sane && s->end != HTTP_DATA && (s->end != HTTP_MORE || at == n) && (s->end != HTTP_BAD || why != NULL);
	s->used += at;
	s->may_end = http_body_may_end(b);
	free(copy);
	return sane;
}

/* The body in pieces: up to cut, then step bytes each. */
static bool run(enum http_framing framing, uint64_t length, const char *p, size_t n, size_t cut, size_t step, struct seen *s)
{
	struct http_head h;
	struct http_body b;
	size_t at = 0, k = cut;
	bool sane;

	memset(&h, 0, sizeof h);
	h.framing = framing;
	h.length = length;
	memset(s, 0, sizeof *s);
	http_body_init(&b, &h);
	do {
		sane = feed(&b, p + at, k, s);
		at += k;
		k = step < n - at ? step : n - at;
	} while (sane && s->end == HTTP_MORE && k > 0);
	return sane;
}

struct body {
	const char *in;
	size_t n;
	enum http_progress end;
	size_t used;		/* at the end; not looked at with HTTP_BAD */
	const char *data;
};

static bool as_wanted(const struct body *t, const struct seen *s)
{
	return s->end == t->end && (s->end == HTTP_BAD || s->used == t->used)
		&& s->n == strlen(t->data) && memcmp(s->data, t->data, s->n) == 0;
}

static const char *name_of(const char *p, size_t n, const char *what)
{
	static char name[1024];
	size_t i, at = 0;

	for (i = 0; i < n && at < sizeof name - 64; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\r' || c == '\n')
			at += (size_t)snprintf(name + at, 3, "\\%c", c == '\r' ? 'r' : 'n');
		else
			at += (size_t)snprintf(name + at, 5, c < ' ' || c > '~' ? "\\x%02x" : "%c", c);
	}
	snprintf(name + at, sizeof name - at, "%s", what);
	return name;
}

static void check_body(enum http_framing framing, uint64_t length, const struct body *t)
{
	struct seen s;
	bool sane = run(framing, length, t->in, t->n, t->n, 1, &s), ends;
	size_t cut;

	CHECK(name_of(t->in, t->n, " whole"), sane && as_wanted(t, &s));
	ends = t->end == HTTP_DONE || framing == HTTP_TO_END;
	CHECK(name_of(t->in, t->n, " may end"), s.may_end == ends);
	for (cut = 0; sane && cut <= t->n; cut++)
		sane = run(framing, length, t->in, t->n, cut, t->n, &s) && as_wanted(t, &s);
	CHECK(name_of(t->in, t->n, " cut in two"), sane);
	sane = run(framing, length, t->in, t->n, 1 < t->n ? 1 : t->n, 1, &s);
	CHECK(name_of(t->in, t->n, " byte by byte"), sane && as_wanted(t, &s));
}

#define DONE(text, rest, data) { text rest, sizeof text rest - 1, HTTP_DONE, sizeof text - 1, data }
#define MORE(text, data) { text, sizeof text - 1, HTTP_MORE, sizeof text - 1, data }
#define BAD(text, data) { text, sizeof text - 1, HTTP_BAD, 0, data }

static const struct body chunked[] = {
	DONE("0\r\n\r\n", "", ""),
	DONE("0\r\n\r\n", "GET / HTTP/1.1\r\n", ""),
	DONE("5\r\nhello\r\n0\r\n\r\n", "", "hello"),
	DONE("5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n", "hello"),
	DONE("1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", "", "hello"),
	DONE("a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", "x", "01234567890123456789"),
	DONE("0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "", "hello"),
	DONE("4\r\n\r\n\r\n\r\n0\r\n\r\n", "", "\r\n\r\n"),
	DONE("7\r\n0\r\n\r\nab\r\n0\r\n\r\n", "", "0\r\n\r\nab"),
	/* extensions and trailers are dropped */
	DONE("5;x\r\nhello\r\n0;y=z\r\n\r\n", "", "hello"),
	DONE("5;x=\"a;b\\\"c\" ; y\r\nhello\r\n0\r\n\r\n", "", "hello"),
	DONE("5;\tcaf\303\251\r\nhello\r\n0\r\n\r\n", "", "hello"),
	DONE("5\r\nhello\r\n0\r\nContent-Length: 99\r\nX:\r\n\r\n", "more", "hello"),
	DONE("0\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\n", ""),
	/* not whole yet */
	MORE("", ""), MORE("5", ""), MORE("5\r", ""), MORE("5\r\n", ""), MORE("5;x", ""), MORE("5\r\nhel", "hel"),
	MORE("5\r\nhello", "hello"), MORE("5\r\nhello\r", "hello"), MORE("5\r\nhello\r\n", "hello"),
	MORE("5\r\nhello\r\n0", "hello"), MORE("5\r\nhello\r\n0\r\n", "hello"), MORE("5\r\nhello\r\n0\r\n\r", "hello"),
	MORE("0\r\nX", ""), MORE("0\r\nX: y", ""), MORE("0\r\nX: y\r", ""), MORE("0\r\nX: y\r\n", ""),
	MORE("ffffffffffffffff\r\nabc", "abc"),
	/* sizes */
	BAD("\r\n\r\n", ""), BAD("\n", ""), BAD(" 5\r\nhello\r\n", ""), BAD("5 \r\nhello\r\n", ""), BAD("7 \r\n", ""),
	BAD("5\t\r\nhello\r\n", ""), BAD("5 ;x\r\nhello\r\n", ""), BAD("0x7\r\n", ""), BAD("+7\r\n", ""), BAD("-7\r\n", ""),
	BAD("g\r\n", ""), BAD("5g\r\nhello\r\n", ""), BAD("5h\r\n", ""), BAD("5,5\r\n", ""), BAD("\"5\"\r\n", ""),
	BAD(";x\r\n", ""), BAD("\0005\r\n", ""), BAD("5\0\r\n", ""), BAD("\3575\r\n", ""), BAD("1_0\r\n", ""),
	BAD("00000000000000005\r\nhello\r\n", ""), BAD("10000000000000005\r\nhello\r\n", ""),
	BAD("fffffffffffffffff\r\n", ""),
	/* line ends */
	BAD("5\nhello\r\n0\r\n\r\n", ""), BAD("5\rhello\r\n", ""), BAD("5\r\rhello\r\n", ""), BAD("5;x\nhello\r\n", ""),
	BAD("5;x\rhello\r\n", ""), BAD("5;x\0\r\nhello\r\n", ""), BAD("5;x\177\r\n", ""),
	BAD("5\r\nhello\n0\r\n\r\n", "hello"), BAD("5\r\nhello0\r\n\r\n", "hello"), BAD("5\r\nhello\r0\r\n\r\n", "hello"),
	BAD("5\r\nhellox\r\n0\r\n\r\n", "hello"), BAD("4\r\nhello\r\n0\r\n\r\n", "hell"), BAD("6\r\nhello\r\n0\r\n\r\n", "hello\r"),
	BAD("0\r\n\n", ""), BAD("0\r\n\rx", ""), BAD("0\n\n", ""), BAD("0\r\n\r\r", ""),
	/* trailers */
	BAD("0\r\n X: y\r\n\r\n", ""), BAD("0\r\nX: y\r\n z\r\n\r\n", ""), BAD("0\r\n: y\r\n\r\n", ""),
	BAD("0\r\nX : y\r\n\r\n", ""), BAD("0\r\nX\r\n\r\n", ""), BAD("0\r\nX: y\n\r\n", ""), BAD("0\r\nX: y\rz\r\n\r\n", ""),
	BAD("0\r\nX: \0\r\n\r\n", ""), BAD("0\r\n\0\r\n", ""), BAD("0\r\nGET / HTTP/1.1\r\n\r\n", ""),
};

static const struct body five[] = {
	DONE("hello", "", "hello"), DONE("hello", "GET", "hello"), DONE("\r\n\r\n0", "", "\r\n\r\n0"),
	MORE("", ""), MORE("hell", "hell"),
};

static const struct body none[] = { DONE("", "", ""), DONE("", "GET", "") };
static const struct body to_end[] = { MORE("", ""), MORE("hello", "hello"), MORE("0\r\n\r\n", "0\r\n\r\n") };

/* ---- limits ---- */

/* Feeds the same text again and again; returns how often before it is refused, at most times. */
static size_t until_bad(struct http_body *b, const char *p, size_t n, size_t times)
{
	struct seen s;
	size_t i;

	for (i = 0; i < times; i++) {
		memset(&s, 0, sizeof s);
		feed(b, p, n, &s);
		if (s.end == HTTP_BAD)
			break;
	}
	return i;
}

static size_t start(struct http_body *b, const char *first, const char *p, size_t n, size_t times)
{
	struct http_head h;

	memset(&h, 0, sizeof h);
	h.framing = HTTP_CHUNKED;
	http_body_init(b, &h);
	if (until_bad(b, first, strlen(first), 1) == 0)
		return 0;
	return until_bad(b, p, n, times);
}

static void check_limits(void)
{
	char line[20 + 200];
	struct http_body b;
	size_t i, n;

	CHECK("an extension of the limit", start(&b, "5;", "x", 1, HTTP_CHUNK_LINE_MAX - 2) == HTTP_CHUNK_LINE_MAX - 2);
	CHECK("a longer one", start(&b, "5;", "x", 1, 9999) == HTTP_CHUNK_LINE_MAX - 2);
	CHECK("  is refused for good", until_bad(&b, "\r\n", 2, 9) == 0 && !http_body_may_end(&b));
	CHECK("endless trailers", start(&b, "0\r\n", "X: y\r\n", 6, 99999) == HTTP_TRAILER_MAX / 6);
	CHECK("an endless trailer", start(&b, "0\r\nX: ", "y", 1, 99999) == HTTP_TRAILER_MAX - 3);
	CHECK("chunks of one byte", start(&b, "", "1\r\nx\r\n", 6, 200000) == 200000);

	n = (size_t)snprintf(line, sizeof line, "1;");
	for (i = 0; i < 200; i++)
		line[n++] = 'x';
	memcpy(line + n, "\r\ny\r\n", 5);
	n += 5;
	i = start(&b, "", line, n, 200000);
	CHECK("chunks of one byte behind 200 of extension", i >= 100 * 1024 / n && i <= 2 * 100 * 1024 / n);
	i = start(&b, "", "0000000000000001\r\ny\r\n", 21, 200000);
	CHECK("chunks of one byte with sizes of sixteen", i >= 100 * 1024 / 21 && i < 200000);
}

static void check_length_ends(void)
{
	struct seen s;

	CHECK("length 0 ends at once", run(HTTP_LENGTH, 0, S("x"), 0, 1, &s) && s.end == HTTP_DONE && s.used == 0 && s.may_end);
	CHECK("a huge length", run(HTTP_LENGTH, INT64_MAX, S("hello"), 5, 1, &s) && s.end == HTTP_MORE && s.n == 5 && !s.may_end);
}

/* ---- writing ---- */

static bool holds(const struct buf *b, const char *text)
{
	return b->len == strlen(text) && memcmp(buf_at(b), text, b->len) == 0;
}

static void check_status(int status, const char *want)
{
	char room[100], name[64];
	struct buf b = { room, sizeof room, 0, 0 }, tight = { room, strlen(want) + 1, 0, 0 }, small = { room, strlen(want), 0, 0 };

	snprintf(name, sizeof name, "status %d", status);
	CHECK(name, http_put_status(&b, status) == 1 && holds(&b, want));
	CHECK("  no room, nothing written", http_put_status(&tight, status) == 1 && http_put_status(&small, status) == 0
		&& small.len == 0);
}

static void check_writing(void)
{
	char room[100];

	for (size_t i = 0; i <= 11; i++) {
		struct buf b = { room, i, 0, 0 };

		CHECK("a field", http_put(&b, "Name: %s\r\n", "va") == (i == 11) && holds(&b, i == 11 ? "Name: va\r\n" : ""));
	}
	struct buf two = { room, sizeof room, 0, 0 };
	CHECK("behind each other", http_put(&two, "a: %d\r\n", 1) && http_put(&two, "b: %llu\r\n", (unsigned long long)UINT64_MAX)
		&& holds(&two, "a: 1\r\nb: 18446744073709551615\r\n"));
	check_status(100, "HTTP/1.1 100 Continue\r\n");
	check_status(102, "HTTP/1.1 102 Processing\r\n");
	check_status(200, "HTTP/1.1 200 OK\r\n");
	check_status(400, "HTTP/1.1 400 Bad Request\r\n");
	check_status(401, "HTTP/1.1 401 Unauthorized\r\n");
	check_status(404, "HTTP/1.1 404 Not Found\r\n");
	check_status(405, "HTTP/1.1 405 Method Not Allowed\r\n");
	check_status(413, "HTTP/1.1 413 Content Too Large\r\n");
	check_status(429, "HTTP/1.1 429 Too Many Requests\r\n");
	check_status(502, "HTTP/1.1 502 Bad Gateway\r\n");
	check_status(529, "HTTP/1.1 529 Overloaded\r\n");
	check_status(299, "HTTP/1.1 299 Success\r\n");
	check_status(499, "HTTP/1.1 499 Client Error\r\n");
	check_status(520, "HTTP/1.1 520 Server Error\r\n");
	check_status(600, "HTTP/1.1 600 Unknown\r\n");
	check_status(999, "HTTP/1.1 999 Unknown\r\n");
}

#define EACH(table, framing, length) \
	for (i = 0; i < sizeof table / sizeof table[0]; i++) \
		check_body(framing, length, &table[i])

int main(void)
{
	size_t i;

	EACH(chunked, HTTP_CHUNKED, 0);
	EACH(five, HTTP_LENGTH, 5);
	EACH(none, HTTP_EMPTY, 0);
	EACH(to_end, HTTP_TO_END, 0);
	check_limits();
	check_length_ends();
	check_writing();
	return CHECK_END();
}
