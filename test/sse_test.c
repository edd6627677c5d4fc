/*
 * Event streams: whole, cut in two at every place, and byte by byte, with
 * enough room and with room that grows by one byte at a time, always the same
 * events. Input and storage lie in memory of their exact size.
 */
#include <stdlib.h>

#include "../sse.h"
#include "check.h"

#define S(text) text, sizeof text - 1
#define BOM "\357\273\277"

/*
 * What came out: name{data}, !name{data} of an error field, $name{data} at the
 * end of the stream. A NUL is shown as \1.
 */
struct seen {
	char text[8192];
	size_t n;
	bool sane;
};

struct feeder {
	struct sse s;
	size_t step;	/* by which storage grows; 0: it is large from the start */
	struct seen *seen;
};

static void note(struct seen *seen, const char *p, size_t n)
{
	size_t i;

	if (n > sizeof seen->text - seen->n) {
		seen->sane = false;
		return;
	}
	for (i = 0; i < n; i++)
		seen->text[seen->n++] = p[i] != '\0' ? p[i] : '\1';
}

static void note_event(struct feeder *f, const char *mark)
{
	if (strlen(f->s.name) >= sizeof f->s.name || f->s.len > f->s.cap)
		f->seen->sane = false;
	note(f->seen, mark, strlen(mark));
	note(f->seen, "!", f->s.error_field ? 1 : 0);
	note(f->seen, f->s.name, strlen(f->s.name));
	note(f->seen, "{", 1);
	note(f->seen, f->s.data, f->s.len);
	note(f->seen, "}", 1);
}

/* Moves the storage to a place that is step bytes larger. */
static void grow(struct feeder *f)
{
	char *larger = malloc(f->s.cap + f->step);

	if (f->s.len > 0)
		memcpy(larger, f->s.data, f->s.len);
	free(f->s.data);
	f->s.data = larger;
	f->s.cap += f->step;
}

static void feed(struct feeder *f, const char *p, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	size_t at = 0, used, turns = 0;
	enum sse_what what;

	memcpy(copy, p, n);
	do {
		what = sse_feed(&f->s, copy + at, n - at, &used);
		f->seen->sane = f->seen->sane && used <= n - at && turns++ < 4 * n + 4;
		at += used;
		if (what == SSE_EVENT)
			note_event(f, "");
		else if (what == SSE_FULL && f->step > 0)
			grow(f);
		else
			f->seen->sane = f->seen->sane && what == SSE_MORE && at == n;
	} while (f->seen->sane && what != SSE_MORE);
	free(copy);
}

static void run(const char *p, size_t n, size_t cut, size_t piece, size_t step, struct seen *seen)
{
	struct feeder f;
	size_t at = 0, k = cut, cap = step > 0 ? step : 4096;

	memset(seen, 0, sizeof *seen);
	seen->sane = true;
	f.step = step;
	f.seen = seen;
	sse_init(&f.s, malloc(cap), step > 0 ? 0 : cap);
	do {
		feed(&f, p + at, k);
		at += k;
		k = piece < n - at ? piece : n - at;
	} while (seen->sane && k > 0);
	if (sse_end(&f.s) == SSE_EVENT)
		note_event(&f, "$");
	seen->sane = seen->sane && sse_end(&f.s) == SSE_MORE;
	free(f.s.data);
}

struct vector {
	const char *in;
	size_t n;
	const char *want;
};

static bool right(const struct vector *v, const struct seen *seen)
{
	return seen->sane && seen->n == strlen(v->want) && memcmp(seen->text, v->want, seen->n) == 0;
}

static const char *name_of(const struct vector *v, const char *what)
{
	static char name[1024];
	size_t i, at = 0;

	for (i = 0; i < v->n && at < sizeof name - 64; i++) {
		unsigned char c = (unsigned char)v->in[i];

		if (c == '\r' || c == '\n')
			at += (size_t)snprintf(name + at, 3, "\\%c", c == '\r' ? 'r' : 'n');
		else
			at += (size_t)snprintf(name + at, 5, c < ' ' || c > '~' ? "\\x%02x" : "%c", c);
	}
	snprintf(name + at, sizeof name - at, "%s", what);
	return name;
}

static void check_vector(const struct vector *v)
{
	struct seen seen;
	size_t cut, step;
	bool all = true;

	run(v->in, v->n, v->n, 1, 0, &seen);
	CHECK(name_of(v, " whole"), right(v, &seen));
	for (cut = 0; all && cut <= v->n; cut++) {
		run(v->in, v->n, cut, v->n, 0, &seen);
		all = right(v, &seen);
	}
	CHECK(name_of(v, " cut in two"), all);
	run(v->in, v->n, 1 < v->n ? 1 : v->n, 1, 0, &seen);
	CHECK(name_of(v, " byte by byte"), right(v, &seen));
	for (step = 1, all = true; all && step < 5; step++) {
		run(v->in, v->n, v->n, 1, step, &seen);
		all = right(v, &seen);
		run(v->in, v->n, v->n / 2, 1, step, &seen);
		all = all && right(v, &seen);
	}
	CHECK(name_of(v, " in storage that grows"), all);
}

static const struct vector vectors[] = {
	/* line ends */
	{ S("data: a\n\ndata: b\n\n"), "{a}{b}" },
	{ S("data: a\r\n\r\ndata: b\r\n\r\n"), "{a}{b}" },
	{ S("data: a\r\rdata: b\r\r"), "{a}{b}" },
	{ S("data: a\r\n\ndata: b\n\r\n"), "{a}{b}" },
	{ S("data: a\n\rdata: b\r\n\r"), "{a}{b}" },
	{ S("data: a\r\r\ndata: b\n\n"), "{a}{b}" },
	{ S("data: a\r\n\r\n\r\n\n\r\r\ndata: b\r\n\n"), "{a}{b}" },
	{ S("data: a\rdata: b\ndata: c\r\ndata: d\n\n"), "{a\nb\nc\nd}" },
	/* the byte order mark */
	{ S(BOM "data: a\n\n"), "{a}" },
	{ S(BOM "\ndata: a\n\n"), "{a}" },
	{ S(BOM BOM "data: a\n\ndata: b\n\n"), "{b}" },
	{ S("\n" BOM "data: a\n\ndata: b\n\n"), "{b}" },
	{ S("data: a\n\n" BOM "data: b\n\ndata: c\n\n"), "{a}{c}" },
	{ S("data: " BOM "a\n\n"), "{" BOM "a}" },
	{ S("\357\273data: a\n\ndata: b\n\n"), "{b}" },
	{ S("\357\ndata: a\n\n"), "{a}" },
	{ S("\357data: a\n\ndata: b\n\n"), "{b}" },
	{ S("\357\273\rdata: a\n\n"), "{a}" },
	{ S("\357:data: a\n\ndata: b\n\n"), "{b}" },
	{ S(BOM), "" },
	{ S("\357\273"), "" },
	/* comments and other fields */
	{ S(": OPENROUTER PROCESSING\n\ndata: a\n\n"), "{a}" },
	{ S(":\n:\n\n:\n\ndata: a\n\n"), "{a}" },
	{ S(": data: x\n:data: x\ndata: a\n: y\n\n"), "{a}" },
	{ S(": keep-alive\r\n\r\ndata: a\r\n: in the middle\r\ndata: b\r\n\r\n"), "{a\nb}" },
	{ S("id: 7\nretry: 3000\ndata: a\n\n"), "{a}" },
	{ S("id: 7\nretry: 3000\n\n"), "" },
	{ S("datax: x\ndat: x\nDATA: x\nData: x\n data: x\ndata : x\ndata: a\n\n"), "{a}" },
	{ S("averylongfieldname: x\ndatadata: x\ndatadatad: x\neventevent: x\ndata: a\n\n"), "{a}" },
	{ S("foo\nbar\n\nbaz\ndata: a\n\n"), "{a}" },
	{ S("da\0ta: x\ndata\0: x\ndata: a\n\n"), "{a}" },
	/* spaces behind the colon */
	{ S("data:a\n\n"), "{a}" },
	{ S("data:  a \n\n"), "{ a }" },
	{ S("data:\ta\n\n"), "{\ta}" },
	{ S("data: :a: b\n\n"), "{:a: b}" },
	{ S("data:{\"a\":1}\n\ndata:[DONE]\n\n"), "{{\"a\":1}}{[DONE]}" },
	/* lines of data */
	{ S("data: a\ndata: b\n\n"), "{a\nb}" },
	{ S("data: a\ndata:\ndata: b\n\n"), "{a\n\nb}" },
	{ S("data: {\ndata: \"x\":1\ndata: }\n\n"), "{{\n\"x\":1\n}}" },
	{ S("data:\ndata:\n\n"), "{\n}" },
	{ S("data:\ndata: a\n\n"), "{\na}" },
	{ S("data: a\ndata\n\n"), "{a\n}" },
	{ S("data: a\nid: 7\nfoo\ndata: b\n\n"), "{a\nb}" },
	/* no colon, no data */
	{ S("data\n\n"), "{}" },
	{ S("data:\n\n"), "{}" },
	{ S("data: \n\n"), "{}" },
	{ S("data\n\ndata\ndata\n\ndata:"), "{}{\n}${}" },
	{ S("event: x\n\ndata: a\n\n"), "{a}" },
	{ S("event: x\nid: 7\n\n\ndata: a\n\n"), "{a}" },
	{ S("\n\n\n\n"), "" },
	{ S("\r\n\r\n"), "" },
	{ S(""), "" },
	/* names */
	{ S("event: ping\ndata: a\n\ndata: b\n\n"), "ping{a}{b}" },
	{ S("data: a\nevent:ping\n\n"), "ping{a}" },
	{ S("event: x\nevent: longer\nevent: y\ndata: a\n\n"), "y{a}" },
	{ S("event: x\nevent\ndata: a\n\n"), "{a}" },
	{ S("event:  x y\ndata: a\n\n"), " x y{a}" },
	{ S("event: 0123456789012345678901234567890\ndata: a\n\n"), "0123456789012345678901234567890{a}" },
	{ S("event: 0123456789012345678901234567890123456789\ndata: a\n\n"), "0123456789012345678901234567890{a}" },
	{ S("event: 0123456789012345678901234567890123456789\nevent: x\ndata: a\n\n"), "x{a}" },
	/* an error field is data */
	{ S("error: {\"code\":500}\n\ndata: a\n\n"), "!{{\"code\":500}}{a}" },
	{ S("error:x\r\nevent: y\r\ndata: z\r\n\r\n"), "!y{x\nz}" },
	{ S("event: error\ndata: x\n\n"), "error{x}" },
	{ S("error: x"), "$!{x}" },
	/* the stream ends within an event */
	{ S("data: a"), "${a}" },
	{ S("data: a\n"), "${a}" },
	{ S("data: a\r"), "${a}" },
	{ S("data: a\r\n"), "${a}" },
	{ S("data: a\n\n"), "{a}" },
	{ S("data: a\r\n\r"), "{a}" },
	{ S("data: a\n\ndata: [DONE]"), "{a}${[DONE]}" },
	{ S("data: a\n\ndata: b\nevent: x\n"), "{a}$x{b}" },
	{ S("data: {\"a\":1}\ndata: {\"b\":2}\ndata: [DONE]\n"), "${{\"a\":1}\n{\"b\":2}\n[DONE]}" },
	{ S("data: a\n\ndat"), "{a}" },
	{ S("data: a\n\nevent: x\n"), "{a}" },
	{ S("data: a\n\n: bye"), "{a}" },
	/* bytes that are nothing special */
	{ S("data: a\0b\013\014\n\n"), "{a\1b\013\014}" },
	{ S("data: \342\200\250\302\205\n\n"), "{\342\200\250\302\205}" },
	{ S("data: \377\376\303\n\n"), "{\377\376\303}" },
	/* not an event stream at all */
	{ S("{\"error\":{\"message\":\"no\"}}\n"), "" },
	{ S("<html>\n<body>data: x</body>\n\n</html>\n"), "" },
};

/* ---- one by one ---- */

/* Data stay while the owner looks at them; the next call begins anew. */
static void check_calls(void)
{
	static const char in[] = "event: n\ndata: first\n\n\ndata: second\n\n";
	char room[64];
	struct sse s;
	size_t used, at = 0, n = sizeof in - 1;

	sse_init(&s, room, sizeof room);
	CHECK("the first event", sse_feed(&s, in, n, &used) == SSE_EVENT && s.len == 5 && memcmp(s.data, "first", 5) == 0
		&& strcmp(s.name, "n") == 0);
	CHECK("  ends at its empty line", used == strlen("event: n\ndata: first\n\n"));
	at = used;
	CHECK("the second", sse_feed(&s, in + at, n - at, &used) == SSE_EVENT && s.len == 6
		&& memcmp(s.data, "second", 6) == 0 && s.name[0] == '\0');
	at += used;
	CHECK("no more", at == n && sse_feed(&s, in + at, 0, &used) == SSE_MORE && used == 0);
	CHECK("nothing is left at the end", sse_end(&s) == SSE_MORE);
}

static void check_full(void)
{
	char room[8], larger[64];
	struct sse s;
	size_t used;

	sse_init(&s, room, 5);
	CHECK("just enough room", sse_feed(&s, S("data: hello\n\n"), &used) == SSE_EVENT && s.len == 5);
	CHECK("no room", sse_feed(&s, S("data: hello!\n\n"), &used) == SSE_FULL && s.len == 5 && used == 11);
	CHECK("  nor for the rest", sse_feed(&s, S("!\n\n"), &used) == SSE_FULL && used == 0);
	memcpy(larger, room, 5);
	s.data = larger;
	s.cap = 6;
	CHECK("  until there is more", sse_feed(&s, S("!\n\n"), &used) == SSE_EVENT && s.len == 6
		&& memcmp(larger, "hello!", 6) == 0);
	s.cap = 5;
	CHECK("no room for the LF that joins", sse_feed(&s, S("data: hello\ndata:\n\n"), &used) == SSE_FULL && used == 16);
	s.cap = 6;
	CHECK("  until there is more", sse_feed(&s, S(":\n\n"), &used) == SSE_EVENT && s.len == 6
		&& memcmp(larger, "hello\n", 6) == 0);
	s.cap = 0;
	CHECK("empty data need no room", sse_feed(&s, S("data\n\n"), &used) == SSE_EVENT && s.len == 0);
	CHECK("comments need no room", sse_feed(&s, S(": a long comment\n\n"), &used) == SSE_MORE);
	CHECK("names need no room", sse_feed(&s, S("event: ping\n"), &used) == SSE_MORE);
}

/* ---- sniffing ---- */

static const struct {
	const char *in;
	size_t n;
	int want;
} sniffed[] = {
	{ S("data: {"), 1 }, { S("data:{"), 1 }, { S("event: x"), 1 }, { S("id: 7"), 1 }, { S("retry: 1"), 1 },
	{ S("error: {"), 1 }, { S(": comment"), 1 }, { S(":"), 1 }, { S("\r\n\r\ndata: x"), 1 }, { S(" \t\n:"), 1 },
	{ S(BOM "data: x"), 1 }, { S(BOM "\n\n: x"), 1 },
	{ S("{\"id\":1}"), 0 }, { S("[{"), 0 }, { S("\n\n  {"), 0 }, { S(BOM "{"), 0 }, { S("<html>"), 0 },
	{ S("\"x\""), 0 }, { S("data {"), 0 }, { S("dato"), 0 }, { S("datas:"), 0 }, { S("Data:"), 0 }, { S("x"), 0 },
	{ S("evil"), 0 }, { S("429 Too Many Requests"), 0 }, { S("\0"), 0 }, { S("\357\273x"), 0 }, { S("\357x"), 0 },
	{ S("null"), 0 }, { S("error"), -1 }, { S("e"), -1 }, { S("er"), -1 }, { S("ev"), -1 }, { S("data"), -1 },
	{ S("d"), -1 }, { S("id"), -1 }, { S("retr"), -1 }, { S(""), -1 }, { S(" \r\n"), -1 }, { S(BOM), -1 },
	{ S(BOM " "), -1 }, { S("\357"), -1 }, { S("\357\273"), -1 },
};

/* In memory of its exact size; and what is known of a prefix stays. */
static void check_sniff(const char *in, size_t n, int want)
{
	struct vector v = { in, n, "" };
	bool steady = true;
	char *copy;
	size_t k;
	int r = -1;

	for (k = 0; k <= n; k++) {
		int before = r;

		copy = malloc(k > 0 ? k : 1);
		memcpy(copy, in, k);
		r = sse_sniff(copy, k);
		steady = steady && (before == -1 || before == r);
		free(copy);
	}
	CHECK(name_of(&v, want == 1 ? " is a stream" : want == 0 ? " is none" : " may be one"), r == want && steady);
}

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		check_vector(&vectors[i]);
	check_calls();
	check_full();
	for (i = 0; i < sizeof sniffed / sizeof sniffed[0]; i++)
		check_sniff(sniffed[i].in, sniffed[i].n, sniffed[i].want);
	return CHECK_END();
}
