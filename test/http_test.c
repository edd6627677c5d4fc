/*
 * Heads of requests and responses: what is read out of good ones, the status
 * that refuses bad ones, and that no prefix says anything else. Every head is
 * given in memory of its exact size, so that a reader past its end is caught.
 */
#include <stdlib.h>

#include "../http.h"
#include "check.h"

#define S(text) text, sizeof text - 1

/* a head as one line: method target minor framing [close] [head] [expect] [odd] nfields; or status minor framing.. */
static void show(const struct http_head *h, char *dst, size_t room)
{
	char framing[40];

	if (h->framing == HTTP_LENGTH)
		snprintf(framing, sizeof framing, "length=%llu", (unsigned long long)h->length);
	else
		snprintf(framing, sizeof framing, "%s",
			h->framing == HTTP_EMPTY ? "empty" : h->framing == HTTP_CHUNKED ? "chunked" : "to-end");
	if (h->method.p != NULL)
		snprintf(dst, room, "%.*s %.*s 1.%d %s%s%s%s%s %zu", (int)h->method.n, h->method.p,
			(int)h->target.n, h->target.p, h->minor, framing, h->keep_alive ? "" : " close",
			h->head_method ? " head" : "", h->expect_continue ? " expect" : "",
			h->expect_other ? " odd" : "", h->nfields);
	else
		snprintf(dst, room, "%d 1.%d %s%s %zu", h->status, h->minor, framing,
			h->keep_alive ? "" : " close", h->nfields);
}

/* bytes as a name of one line, and what is asked of them */
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

enum side { REQUEST, RESPONSE, RESPONSE_TO_HEAD };

/* Parses a copy of exactly n bytes. */
static int parse(enum side side, const char *p, size_t n, char *shown, size_t room)
{
	struct http_head h;
	const char *why = NULL;
	char *copy = malloc(n > 0 ? n : 1);
	int r;

	memcpy(copy, p, n);
	r = side == REQUEST ? http_request(copy, n, &h, &why)
		: http_response(copy, n, side == RESPONSE_TO_HEAD, &h, &why);
	shown[0] = '\0';
	if (r > 0)
		show(&h, shown, room);
	if (why == NULL || (r < 0) != (why[0] != '\0'))
		r = 999999;	/* no reason, or one without need */
	free(copy);
	return r;
}

/* Whether every prefix gives 0 and then the result of the whole for ever. */
static bool prefixes_agree(enum side side, const char *p, size_t n, int whole)
{
	char shown[8192], first[8192] = "";
	bool decided = false;
	size_t k;
	int r;

	for (k = 0; k <= n; k++) {
		r = parse(side, p, k, shown, sizeof shown);
		if (r != 0 && r != whole)
			return false;
		if (decided && (r != whole || strcmp(first, shown) != 0))
			return false;
		if (r > 0 && !decided && (size_t)r != k)
			return false;
		if (r != 0 && !decided)
			strcpy(first, shown);
		decided = r != 0;
	}
	return decided || whole == 0;
}

struct good {
	const char *head;
	size_t n;
	const char *want;
};

static void check_good(enum side side, const struct good *g)
{
	char shown[8192];
	int r = parse(side, g->head, g->n, shown, sizeof shown);

	CHECK(name_of(g->head, g->n, ""), r == (int)g->n && strcmp(shown, g->want) == 0);
	CHECK(name_of(g->head, g->n, " in pieces"), prefixes_agree(side, g->head, g->n, r));
}

#define H "Host: a\r\n"

static const struct good requests[] = {
	{ S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET / 1.1 empty 1" },
	{ S("GET / HTTP/1.1\r\nHost:a\r\n\r\n"), "GET / 1.1 empty 1" },
	{ S("GET / HTTP/1.1\r\nHOST: \t a \t\r\n\r\n"), "GET / 1.1 empty 1" },
	{ S("GET / HTTP/1.1\r\nHost: [::1]:8082\r\n\r\n"), "GET / 1.1 empty 1" },
	{ S("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "GET / 1.1 empty 1" },
	{ S("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET / 1.1 empty 1" },
	{ S("GET / HTTP/1.0\r\n\r\n"), "GET / 1.0 empty close 0" },
	{ S("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "GET / 1.0 empty 1" },
	{ S("GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n"), "GET / 1.0 empty close 1" },
	{ S("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n"), "GET / 1.1 empty close 2" },
	{ S("GET / HTTP/1.1\r\n" H "Connection: x\r\nConnection: TE, Close\r\n\r\n"), "GET / 1.1 empty close 3" },
	{ S("GET / HTTP/1.1\r\n" H "Connection: closed\r\n\r\n"), "GET / 1.1 empty 2" },
	{ S("GET / HTTP/1.9\r\n" H "\r\n"), "GET / 1.1 empty 1" },
	{ S("HEAD /health HTTP/1.1\r\n" H "\r\n"), "HEAD /health 1.1 empty head 1" },
	{ S("head /health HTTP/1.1\r\n" H "\r\n"), "head /health 1.1 empty 1" },
	{ S("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "OPTIONS * 1.1 empty 1" },
	{ S("CONNECT a:443 HTTP/1.1\r\n" H "\r\n"), "CONNECT a:443 1.1 empty 1" },
	{ S("GET http://a/x HTTP/1.1\r\n" H "\r\n"), "GET http://a/x 1.1 empty 1" },
	{ S("M-SEARCH!#$%&'*+-.^_`|~09 / HTTP/1.1\r\n" H "\r\n"), "M-SEARCH!#$%&'*+-.^_`|~09 / 1.1 empty 1" },
	{ S("POST /v1/messages?beta=true HTTP/1.1\r\n" H "Content-Length: 71786\r\n\r\n"),
		"POST /v1/messages?beta=true 1.1 length=71786 2" },
	{ S("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), "POST / 1.1 length=0 2" },
	{ S("POST / HTTP/1.1\r\n" H "Content-Length: 007\r\n\r\n"), "POST / 1.1 length=7 2" },
	{ S("POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775807\r\n\r\n"),
		"POST / 1.1 length=9223372036854775807 2" },
	{ S("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n"), "POST / 1.0 length=5 close 1" },
	{ S("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), "POST / 1.1 chunked 2" },
	{ S("POST / HTTP/1.1\r\n" H "transfer-encoding:CHUNKED\r\n\r\n"), "POST / 1.1 chunked 2" },
	{ S("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
		"POST / 1.1 length=5 expect 3" },
	{ S("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\n\r\n"), "POST / 1.1 empty expect 2" },
	{ S("POST / HTTP/1.1\r\n" H "Expect: tea\r\n\r\n"), "POST / 1.1 empty odd 2" },
	{ S("POST / HTTP/1.1\r\n" H "Expect: 100-continue, tea\r\n\r\n"), "POST / 1.1 empty odd 2" },
	{ S("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), "POST / 1.0 empty close 1" },
	{ S("GET / HTTP/1.1\r\n" H "X: caf\303\251 \377\r\nY:\r\nZ: a\tb\r\n\r\n"), "GET / 1.1 empty 4" },
	{ S("GET /\"<>\\^`{|} HTTP/1.1\r\n" H "\r\n"), "GET /\"<>\\^`{|} 1.1 empty 1" },
	{ S("POST /v1/messages?beta=true HTTP/1.1\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
		"User-Agent: claude-cli/2.1.197 (external, sdk-cli)\r\nX-Stainless-Retry-Count: 0\r\n"
		"anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14\r\nanthropic-version: 2023-06-01\r\n"
		"x-api-key: sk-dummy\r\nConnection: keep-alive\r\nHost: 127.0.0.1:8099\r\n"
		"Accept-Encoding: gzip, deflate, br, zstd\r\nContent-Length: 71786\r\n\r\n"),
		"POST /v1/messages?beta=true 1.1 length=71786 11" },
	/* names that only look like the framing fields */
	{ S("POST / HTTP/1.1\r\n" H "Content_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n"), "POST / 1.1 empty 3" },
};

struct refused {
	const char *head;
	size_t n;
	int status;
	size_t early;	/* so many bytes are enough to tell */
};

#define BAD(text, status) { text, sizeof text - 1, status, sizeof text - 1 }
#define EARLY(text, rest, status) { text rest, sizeof text rest - 1, status, sizeof text - 1 }

static const struct refused refusals[] = {
	/* not HTTP, or not this HTTP */
	EARLY("\026", "\003\001\002\000\001\000\001\374\003\003", 400),
	EARLY("\200", ".\001\000\002", 400),
	EARLY("\0", "\0\0\0", 400),
	EARLY("{", "\"model\":1}", 400),
	EARLY(" ", "GET / HTTP/1.1\r\n", 400),
	EARLY("\n", "GET / HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("\rG", "ET / HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET /\r", "\n", 400),
	EARLY("GET\r", "\n\r\n", 400),
	EARLY("GET /\n", "", 400),
	EARLY("GET / \r", "\n\r\n", 400),
	EARLY("SSH-2.0-OpenSSH_9.2\r", "\n", 400),
	EARLY("PRI * HTTP/2", ".0\r\n\r\nSM\r\n\r\n", 505),
	EARLY("GET / HTTP/0", ".9\r\n\r\n", 505),
	EARLY("GET / HTTP/3", ".0\r\n\r\n", 505),
	EARLY("GET / HTTP/11", ".0\r\n\r\n", 400),
	EARLY("GET / HTTP/1.10", "\r\n\r\n", 400),
	EARLY("GET / HTTP/1\r", "\n\r\n", 400),
	EARLY("GET / HTTP/x", ".1\r\n\r\n", 400),
	EARLY("GET / h", "ttp/1.1\r\n\r\n", 400),
	EARLY("GET / HTTP-", "1.1\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1 ", "\r\n" H "\r\n", 400),
	EARLY("GET / HTTP/1.1\n", H "\r\n", 400),
	EARLY("GET / HTTP/1.1\r\r", "\n" H "\r\n", 400),
	EARLY("GET  ", "/ HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET /  ", "HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET\t", "/ HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET /a b", "c HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET /a#", "b HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET /\303", "\251 HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET /\0", " HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET /\177", " HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GE(", "T / HTTP/1.1\r\n" H "\r\n", 400),
	EARLY("GET x HTTP/1.1\r\n", H "\r\n", 400),
	EARLY("GET a:443 HTTP/1.1\r\n", H "\r\n", 400),
	EARLY("GET *x HTTP/1.1\r\n", H "\r\n", 400),
	EARLY("GET :// HTTP/1.1\r\n", H "\r\n", 400),
	/* fields */
	EARLY("GET / HTTP/1.1\r\n" "Host ", ": a\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" "Host\t", ": a\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X: a\r\n ", "b\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X: a\r\n\t", "b\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n ", H "\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H ":", " x\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X\r", "\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X\n", "\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X ", "y: z\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X: a\0", "b\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X\0", ": b\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X: a\rb", "\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X: a\n", "Y: b\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X: a\177", "\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X: a\033", "[2J\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "X: a\013", "\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "\n", "", 400),
	EARLY("GET / HTTP/1.1\r\n" H "\rx", "", 400),
	EARLY("GET / HTTP/1.1\r\n" H "caf\303", "\251: x\r\n\r\n", 400),
	EARLY("GET / HTTP/1.1\r\n" H "\"", "x\": y\r\n\r\n", 400),
	/* Host */
	BAD("GET / HTTP/1.1\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHosts: a\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400),
	BAD("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
	BAD("GET / HTTP/1.1\r\nHost: \303\251\r\n\r\n", 400),
	/* lengths */
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 5,\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: +7\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 0x7\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 7.0\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 1e1\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 7 7\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: \"7\"\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: seven\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551623\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999999999\r\n\r\n", 400),
	BAD("POST / HTTP/1.0\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
	/* both, in either order, whatever they say */
	BAD("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n", 400),
	/* transfer codings */
	BAD("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 501),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 501),
	BAD("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", 501),
};

static void check_refused(enum side side, const struct refused *t)
{
	char shown[8192];

	CHECK(name_of(t->head, t->n, ""), parse(side, t->head, t->n, shown, sizeof shown) == -t->status);
	CHECK(name_of(t->head, t->early, " is enough"), parse(side, t->head, t->early, shown, sizeof shown) == -t->status
		&& parse(side, t->head, t->early - 1, shown, sizeof shown) == 0);
	CHECK(name_of(t->head, t->n, " in pieces"), prefixes_agree(side, t->head, t->n, -t->status));
}

/* ---- Transfer-Encoding, nearly ---- */

/*
 * Puts the line into a request with a Content-Length and into one without.
 * With: a proxy in front may have read one or the other, so only a field that
 * is certainly another one may be passed over. Without: it may not be taken
 * for chunked unless all readers would.
 */
static bool coding_is_safe(const char *line, size_t n, bool other_field, bool is_chunked)
{
	static const char begin[2][64] = {
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n", "POST / HTTP/1.1\r\nHost: a\r\n"
	};
	char head[512], shown[2][8192];
	size_t k;
	int i, r[2];

	for (i = 0; i < 2; i++) {
		k = strlen(begin[i]);
		memcpy(head, begin[i], k);
		memcpy(head + k, line, n);
		memcpy(head + k + n, "\r\n\r\n", 4);
		r[i] = parse(REQUEST, head, k + n + 4, shown[i], sizeof shown[i]);
	}
	if (other_field)
		return strcmp(shown[0], "POST / 1.1 length=5 3") == 0 && strcmp(shown[1], "POST / 1.1 empty 2") == 0;
	if (is_chunked)
		return r[0] == -400 && strcmp(shown[1], "POST / 1.1 chunked 2") == 0;
	return r[0] == -400 && (r[1] == -400 || r[1] == -501);
}

#define TE(line) { line, sizeof line - 1, false, false }
#define OTHER(line) { line, sizeof line - 1, true, false }
#define CHUNKED(line) { line, sizeof line - 1, false, true }

static const struct {
	const char *line;
	size_t n;
	bool other_field, is_chunked;
} codings[] = {
	CHUNKED("Transfer-Encoding: chunked"), CHUNKED("Transfer-Encoding:chunked"),
	CHUNKED("TRANSFER-ENCODING: Chunked"), CHUNKED("Transfer-Encoding: \t chunked \t "),
	TE("Transfer-Encoding: xchunked"), TE("Transfer-Encoding: chunkedx"), TE("Transfer-Encoding: chunke"),
	TE("Transfer-Encoding: chunked, chunked"), TE("Transfer-Encoding: chunked,"), TE("Transfer-Encoding: ,chunked"),
	TE("Transfer-Encoding: chunked, identity"), TE("Transfer-Encoding: identity, chunked"),
	TE("Transfer-Encoding: chunked;q=1"), TE("Transfer-Encoding: chunked; x"), TE("Transfer-Encoding: chunked;"),
	TE("Transfer-Encoding: \"chunked\""), TE("Transfer-Encoding: 'chunked'"), TE("Transfer-Encoding: (x) chunked"),
	TE("Transfer-Encoding: chunked chunked"), TE("Transfer-Encoding: x chunked"), TE("Transfer-Encoding: chunked x"),
	TE("Transfer-Encoding: c\302\255hunked"), TE("Transfer-Encoding: \357\273\277chunked"),
	TE("Transfer-Encoding: chun\304\270ed"), TE("Transfer-Encoding: \302\240chunked"),
	TE("Transfer-Encoding: %63hunked"), TE("Transfer-Encoding: =?utf-8?q?chunked?="),
	TE("Transfer-Encoding: deflate"), TE("Transfer-Encoding: compress, chunked"), TE("Transfer-Encoding: trailers"),
	TE("Transfer-Encoding: "), TE("Transfer-Encoding:"), TE("Transfer-Encoding: ;"), TE("Transfer-Encoding: ,"),
	TE("Transfer-Encoding : chunked"), TE("Transfer-Encoding\t: chunked"), TE("Transfer-Encoding  :chunked"),
	TE(" Transfer-Encoding: chunked"), TE("\tTransfer-Encoding: chunked"), TE("Transfer Encoding: chunked"),
	TE("Transfer-Encoding chunked"), TE("Transfer-Encoding"), TE("Transfer-Encoding; chunked"),
	TE("Transfer-Encoding:\r\n chunked"), TE("Transfer-Encoding:\r\n\tchunked"), TE("Transfer-Encoding\r\n : chunked"),
	TE("Transfer-Encoding: chunked\r\n "), TE("Transfer-Encoding: chunked\r\n , identity"),
	TE("Transfer-Encoding:\n chunked"), TE("Transfer-Encoding:\n\tchunked"), TE("Transfer-Encoding: \nchunked"),
	TE("X: y\nTransfer-Encoding: chunked"), TE("X: y\rTransfer-Encoding: chunked"),
	TE("X: y\r\rTransfer-Encoding: chunked"), TE("X: y\r\n\rTransfer-Encoding: chunked"),
	TE("X: y\n\rTransfer-Encoding: chunked"), TE("X: y\0Transfer-Encoding: chunked"),
	TE("Transfer-Encoding: chunked\n\n"), TE("Transfer-Encoding: chunked\r\r"),
	TE("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
	TE("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
	TE("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
	TE("Transfer-Encoding:\r\nTransfer-Encoding: chunked"),
	TE("Transfer-Encoding: chunked\r\ntransfer-encoding:"),
	TE("\"Transfer-Encoding\": chunked"), TE("(Transfer-Encoding): chunked"), TE("Transfer-Encoding[]: chunked"),
	TE("Transfer\302\255-Encoding: chunked"), TE("\357\273\277Transfer-Encoding: chunked"), TE("Transfer/Encoding: chunked"),
	TE("Transfer-Enc\0oding: chunked"), TE("\0Transfer-Encoding: chunked"), TE("Transfer-Encoding\0: chunked"),
	TE(": Transfer-Encoding: chunked"), TE("Transfer-\rEncoding: chunked"), TE("Transfer-\nEncoding: chunked"),
	TE("Transfer-Encoding:: chunked"), TE("Transfer-Encoding: : chunked"),
	OTHER("Transfer_Encoding: chunked"), OTHER("TransferEncoding: chunked"), OTHER("Transfer-Encodin: chunked"),
	OTHER("Transfer-Encodings: chunked"), OTHER("XTransfer-Encoding: chunked"), OTHER("Transfer--Encoding: chunked"),
	OTHER("Transfer.Encoding: chunked"), OTHER("TE: chunked"), OTHER("Content-Encoding: chunked"),
	OTHER("X-Transfer-Encoding: chunked"), OTHER("!Transfer-Encoding: chunked"), OTHER("'Transfer-Encoding': chunked"),
	OTHER("X: Transfer-Encoding: chunked"), OTHER("Trailer: Transfer-Encoding"), OTHER("TE: trailers"),
	OTHER("Connection: Transfer-Encoding"), OTHER("Proxy-Transfer-Encoding: chunked"), OTHER("0Transfer-Encoding: chunked"),
};

static bool token_char(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
		|| (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* every byte, at every joint of the field; the name says which one was the last */
static void check_coding_bytes(void)
{
	static const struct {
		const char *format;
		bool in_name;
	} joints[4] = {
		{ "%cTransfer-Encoding: chunked", true }, { "Transfer-Encoding%c: chunked", true },
		{ "Transfer-Encoding:%cchunked", false }, { "Transfer-Encoding: chunked%c", false }
	};
	char line[64];
	size_t i, n;
	bool safe;
	int c;

	for (i = 0; i < 4; i++) {
		for (c = 0, safe = true; safe && c < 256; c++) {
			n = (size_t)snprintf(line, sizeof line, joints[i].format, c);
			safe = coding_is_safe(line, n, joints[i].in_name && token_char(c),
				!joints[i].in_name && (c == ' ' || c == '\t'));
		}
		CHECK(name_of(line, n, " and all bytes before"), safe && c == 256);
	}
}

/* ---- limits ---- */

static void put(char *p, size_t *n, const char *text)
{
	memcpy(p + *n, text, strlen(text));
	*n += strlen(text);
}

static void fill(char *p, size_t *n, size_t count)
{
	memset(p + *n, 'a', count);
	*n += count;
}

static int length_of(const char *p, size_t n)
{
	char shown[8192];

	return parse(REQUEST, p, n, shown, sizeof shown);
}

static void check_limits(void)
{
	static char p[3 * HTTP_HEAD_MAX];
	size_t n, i, line;

	n = 0;
	put(p, &n, "GET /");
	fill(p, &n, HTTP_LINE_MAX - strlen("GET / HTTP/1.1"));
	put(p, &n, " HTTP/1.1\r\n" H "\r\n");
	CHECK("a request line of the limit", length_of(p, n) == (int)n);

	for (i = 1; i <= 12; i++) {	/* the limit falls on each byte behind the target */
		n = 0;
		put(p, &n, "GET /");
		fill(p, &n, HTTP_LINE_MAX + i - strlen("GET / HTTP/1.1"));
		put(p, &n, " HTTP/1.1\r\n" H "\r\n");
		CHECK("a longer one", length_of(p, n) == -414 && length_of(p, HTTP_LINE_MAX + 2) == -414
			&& length_of(p, HTTP_LINE_MAX + 1) == 0);
	}
	CHECK("  and in pieces", prefixes_agree(REQUEST, p, n, -414));

	n = 0;
	fill(p, &n, HTTP_LINE_MAX + 2);
	CHECK("an endless method", length_of(p, n) == -414);
	CHECK("  not before the limit", length_of(p, n - 1) == 0);
	fill(p, &n, 2 * HTTP_HEAD_MAX);
	CHECK("  nor later", length_of(p, n) == -414);
	n = 0;
	put(p, &n, "GET /");
	fill(p, &n, 2 * HTTP_HEAD_MAX);
	CHECK("an endless target", length_of(p, n) == -414);

	n = 0;
	put(p, &n, "GET / HTTP/1.1\r\n" H);
	line = n;
	put(p, &n, "X: ");
	fill(p, &n, HTTP_HEAD_MAX - n - 4);
	put(p, &n, "\r\n\r\n");
	CHECK("a head of the limit", n == HTTP_HEAD_MAX && length_of(p, n) == HTTP_HEAD_MAX);
	CHECK("  its body behind it", length_of(p, n + 10) == HTTP_HEAD_MAX);
	n = line;
	put(p, &n, "X: ");
	fill(p, &n, HTTP_HEAD_MAX + 1 - n - 4);
	put(p, &n, "\r\n\r\n");
	CHECK("one byte longer", length_of(p, n) == -431);
	CHECK("  known when the buffer is full", length_of(p, HTTP_HEAD_MAX) == -431);
	CHECK("  not before", length_of(p, HTTP_HEAD_MAX - 1) == 0);
	n = line;
	fill(p, &n, 2 * HTTP_HEAD_MAX);
	CHECK("an endless field name", length_of(p, n) == -431);

	for (n = 0; n < HTTP_HEAD_MAX; )
		put(p, &n, "\r\n");
	CHECK("nothing but empty lines", length_of(p, n) == -431);

	n = 0;
	put(p, &n, "GET / HTTP/1.1\r\n" H);
	for (i = 1; i < HTTP_FIELDS_MAX; i++)
		put(p, &n, "X: y\r\n");
	line = n;
	put(p, &n, "\r\n");
	CHECK("as many fields as may be", length_of(p, n) == (int)n);
	n = line;
	put(p, &n, "X");
	CHECK("one more", length_of(p, n) == -431);
}

/* ---- responses ---- */

static const struct good responses[] = {
	{ S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), "200 1.1 length=5 1" },
	{ S("HTTP/1.1 200 OK\nContent-Length: 5\n\n"), "200 1.1 length=5 1" },
	{ S("HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\n"), "200 1.1 length=5 1" },
	{ S("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), "200 1.1 length=0 1" },
	{ S("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), "200 1.1 length=0 1" },
	{ S("HTTP/1.1 200\nContent-Length: 0\n\n"), "200 1.1 length=0 1" },
	{ S("HTTP/1.1 429 Trop de requ\303\252tes\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n"), "429 1.1 length=2 2" },
	{ S("HTTP/1.1 529 Overloaded\r\nContent-Length: 2\r\n\r\n"), "529 1.1 length=2 1" },
	{ S("HTTP/1.1 999 x\r\nContent-Length: 2\r\n\r\n"), "999 1.1 length=2 1" },
	{ S("HTTP/1.3 200 OK\r\nContent-Length: 5\r\n\r\n"), "200 1.1 length=5 1" },
	{ S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"), "200 1.1 length=5 close 2" },
	{ S("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"), "200 1.0 length=5 close 1" },
	{ S("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"), "200 1.0 length=5 2" },
	{ S("HTTP/1.1 200 OK\r\n\r\n"), "200 1.1 to-end close 0" },
	{ S("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"), "200 1.0 to-end close 1" },
	{ S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "200 1.1 chunked 1" },
	{ S("HTTP/1.1 200 OK\r\nTransfer-Encoding:Chunked\r\n\r\n"), "200 1.1 chunked 1" },
	{ S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), "200 1.1 chunked close 2" },
	{ S("HTTP/1.1 200 OK\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n"), "200 1.1 chunked close 2" },
	{ S("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"), "200 1.0 chunked close 2" },
	{ S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"), "200 1.1 length=5 2" },
	{ S("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 05\r\n\r\n"), "200 1.1 length=5 2" },
	{ S("HTTP/1.1 204 No Content\r\n\r\n"), "204 1.1 empty 0" },
	{ S("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "304 1.1 empty 1" },
	{ S("HTTP/1.1 100 Continue\r\n\r\n"), "100 1.1 empty 0" },
	{ S("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), "103 1.1 empty 1" },
	{ S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "101 1.1 empty 1" },
	{ S("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"), "302 1.1 length=0 2" },
};

static const struct good head_responses[] = {
	{ S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), "200 1.1 empty 1" },
	{ S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "200 1.1 empty 1" },
	{ S("HTTP/1.1 200 OK\r\n\r\n"), "200 1.1 empty 0" },
};

static const struct refused bad_responses[] = {
	EARLY("I", "CY 200 OK\r\n\r\n", 1),
	EARLY("<", "html>", 1),
	EARLY("{", "}", 1),
	EARLY("\025", "\003\003\000\002\002\106", 1),
	EARLY("\r", "\nHTTP/1.1 200 OK\r\n\r\n", 1),
	EARLY(" ", "HTTP/1.1 200 OK\r\n\r\n", 1),
	EARLY("HTTP/2", " 200\r\n\r\n", 1),
	EARLY("HTTP/0", ".9 200\r\n\r\n", 1),
	EARLY("h", "ttp/1.1 200 OK\r\n\r\n", 1),
	EARLY("HTTP/1.1  ", "200 OK\r\n\r\n", 1),
	EARLY("HTTP/1.1\t", "200 OK\r\n\r\n", 1),
	EARLY("HTTP/1.1 20\r", "\n\r\n", 1),
	EARLY("HTTP/1.1 2000", " OK\r\n\r\n", 1),
	EARLY("HTTP/1.1 099", " OK\r\n\r\n", 1),
	EARLY("HTTP/1.1 -", "20 OK\r\n\r\n", 1),
	EARLY("HTTP/1.1 200-", "OK\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 O\0", "K\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 O\rK", "\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 OK\r\nX: a\r\n ", "b\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 OK\r\nX: a\n\t", "b\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 OK\r\nContent-Length ", ": 5\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 OK\r\nX: a\0", "b\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 OK\r\nX: a\rb", "\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 OK\r\n:", "a\r\n\r\n", 1),
	EARLY("HTTP/1.1 200 OK\r\nX\n", "\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length: 5,\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nContent-Length: x\r\nContent-Length: 5\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n", 1),
	BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 1),
};

static void check_response_limits(void)
{
	static char p[2 * HTTP_HEAD_MAX];
	char shown[8192];
	size_t n = 0, i;

	put(p, &n, "HTTP/1.1 200 ");
	fill(p, &n, HTTP_HEAD_MAX);
	CHECK("an endless reason", parse(RESPONSE, p, n, shown, sizeof shown) == -1);
	CHECK("  not before the limit", parse(RESPONSE, p, HTTP_HEAD_MAX - 1, shown, sizeof shown) == 0);
	n = 0;
	put(p, &n, "HTTP/1.1 200 OK\r\n");
	for (i = 0; i < HTTP_FIELDS_MAX; i++)
		put(p, &n, "X: y\r\n");
	put(p, &n, "X");
	CHECK("too many fields", parse(RESPONSE, p, n, shown, sizeof shown) == -1
		&& parse(RESPONSE, p, n - 1, shown, sizeof shown) == 0);
}

/* ---- texts ---- */

static struct http_text text(const char *p)
{
	struct http_text t = { p, strlen(p) };

	return t;
}

static void check_fields(void)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nX-One: first \r\nx-one: second\r\nEmpty:\r\n\r\n";
	struct http_head h;
	const char *why;
	struct http_text t;

	CHECK("a head with fields", http_request(head, sizeof head - 1, &h, &why) == (int)sizeof head - 1);
	t = http_field(&h, "x-one");
	CHECK("the first of several", t.n == 5 && memcmp(t.p, "first", 5) == 0);
	CHECK("  points into the head", t.p > head && t.p < head + sizeof head);
	CHECK("how many", http_count(&h, "x-one") == 2 && http_count(&h, "host") == 1 && http_count(&h, "x") == 0);
	t = http_field(&h, "empty");
	CHECK("an empty field is there", t.p != NULL && t.n == 0);
	CHECK("an absent one is not", http_field(&h, "x-on").p == NULL && http_field(&h, "x-one2").p == NULL);
	CHECK("and is nothing", !http_is(http_field(&h, "x-on"), "") && http_number(http_field(&h, "x-on"), 9) == -1
		&& !http_has(http_field(&h, "x-on"), ""));
}

static void check_texts(void)
{
	CHECK("is", http_is(text("ChUnKeD"), "chunked") && !http_is(text("chunked "), "chunked")
		&& !http_is(text("chunke"), "chunked") && http_is(text(""), ""));
	CHECK("is: only letters fold", !http_is(text("A\020"), "a0") && !http_is(text("@"), "`") && !http_is(text("["), "{"));
	CHECK("has", http_has(text("close"), "close") && http_has(text("a,close"), "close")
		&& http_has(text(" a ,\tCLOSE\t, b"), "close"));
	CHECK("has not", !http_has(text("closed"), "close") && !http_has(text("a close"), "close")
		&& !http_has(text(""), "close") && !http_has(text("close;q=1"), "close"));
	CHECK("number", http_number(text("0"), 9) == 0 && http_number(text("00012"), 99) == 12
		&& http_number(text("99"), 99) == 99 && http_number(text("100"), 99) == -1);
	CHECK("number: not one", http_number(text(""), 9) == -1 && http_number(text("-1"), 9) == -1
		&& http_number(text("+1"), 9) == -1 && http_number(text(" 1"), 9) == -1 && http_number(text("1x"), 9) == -1);
	CHECK("number: the greatest", http_number(text("9223372036854775807"), INT64_MAX) == INT64_MAX
		&& http_number(text("9223372036854775808"), INT64_MAX) == -1
		&& http_number(text("18446744073709551617"), INT64_MAX) == -1);
}

static void check_list(void)
{
	struct http_text list = text(" a,, b\t,"), m;
	size_t i, n[4] = { 1, 0, 1, 0 };

	for (i = 0; i < 4; i++)
		CHECK("a member", http_next(&list, &m) && m.n == n[i]);
	CHECK("no more", !http_next(&list, &m) && list.p == NULL && !http_next(&list, &m));
}

#define EACH(table, call) \
	for (i = 0; i < sizeof table / sizeof table[0]; i++) \
		call

int main(void)
{
	size_t i;

	EACH(requests, check_good(REQUEST, &requests[i]));
	EACH(refusals, check_refused(REQUEST, &refusals[i]));
	EACH(codings, CHECK(name_of(codings[i].line, codings[i].n, " is safe"),
		coding_is_safe(codings[i].line, codings[i].n, codings[i].other_field, codings[i].is_chunked)));
	check_coding_bytes();
	check_limits();
	EACH(responses, check_good(RESPONSE, &responses[i]));
	EACH(head_responses, check_good(RESPONSE_TO_HEAD, &head_responses[i]));
	EACH(bad_responses, check_refused(RESPONSE, &bad_responses[i]));
	check_response_limits();
	check_fields();
	check_texts();
	check_list();
	return CHECK_END();
}
