/*
 * Fuzzing http.c, http_text.c and http_body.c with requests: the reading of a
 * prefix is "more" or that of the whole, what a head points to lies within it,
 * framing is never in doubt, and a chunked body is the same in any pieces.
 */
#include "../http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static int head(const char *p, size_t n, struct http_head *h)
{
	const char *why = NULL;
	char *copy = malloc(n + 1);

	memcpy(copy, p, n);
	int r = http_request(copy, n, h, &why);
	MUST(why != NULL && (r < 0) == (why[0] != '\0') && r <= (int)n && r <= HTTP_HEAD_MAX);
	MUST(r >= 0 || r == -400 || r == -414 || r == -431 || r == -501 || r == -505);
	for (size_t i = 0; r > 0 && i < h->nfields; i++) {
		struct http_text name = h->fields[i].name, value = h->fields[i].value;

		MUST(name.n > 0 && name.p > copy && value.p >= name.p + name.n + 1);
		MUST(value.p + value.n + 2 <= copy + r);
	}
	free(copy);
	return r;
}

/* Any two readers must agree on this head: its fields are read again, plainly. */
static void framing(const char *p, size_t n, const struct http_head *h)
{
	static const char te[] = "transfer-encoding:";
	size_t codings = 0, lengths = 0;

	for (size_t i = 0; i + sizeof te < n; i++) {
		if (p[i] != '\n')
			continue;
		struct http_text line = { p + i + 1, 15 };
		lengths += http_is(line, "content-length:");
		line.n = 18;
		codings += http_is(line, te);
	}
	MUST(codings + lengths <= 1);
	MUST((h->framing == HTTP_CHUNKED) == (codings == 1));
	MUST((h->framing == HTTP_LENGTH) == (lengths == 1));
	MUST(h->framing != HTTP_TO_END && h->target.n > 0 && h->method.n > 0);
}

static void prefixes(const char *p, size_t n, int whole)
{
	struct http_head h;
	size_t limit = n < 300 ? n : 300;

	for (size_t k = 0; k < limit; k++) {
		int r = head(p, k, &h);

		MUST(r == 0 || r == whole);
		MUST(whole <= 0 || r == (k < (size_t)whole ? 0 : whole));
	}
	if (n >= HTTP_HEAD_MAX)
		MUST(whole != 0);
}

/* all data of a body whose input comes in pieces; returns how it ended */
static enum http_progress body(const char *p, size_t n, size_t piece, char *out, size_t *nout, size_t *used)
{
	struct http_head h = { .framing = HTTP_CHUNKED };
	struct http_body b;
	enum http_progress end = HTTP_MORE;
	struct http_text data;
	const char *why = NULL;
	size_t k;

	http_body_init(&b, &h);
	*nout = 0;
	for (*used = 0; *used < n && (end == HTTP_MORE || end == HTTP_DATA); *used += k) {
		size_t have = piece < n - *used ? piece : n - *used;

		end = http_body_next(&b, p + *used, have, &k, &data, &why);
		MUST(k <= have && (end != HTTP_MORE || k == have) && (end != HTTP_BAD || why != NULL));
		if (end == HTTP_DATA) {
			MUST(data.n > 0 && data.n <= k && data.p + data.n == p + *used + k);
			memcpy(out + *nout, data.p, data.n);
			*nout += data.n;
		}
	}
	MUST(http_body_may_end(&b) == (end == HTTP_DONE));
	return end == HTTP_DATA ? HTTP_MORE : end;
}

static void chunks(const char *p, size_t n)
{
	char *whole = malloc(n + 1), *again = malloc(n + 1);
	size_t used[2], nout[2];
	enum http_progress end = body(p, n, n, whole, &nout[0], &used[0]);

	for (size_t piece = 1; piece < n; piece = piece * 3 + 1) {
		MUST(body(p, n, piece, again, &nout[1], &used[1]) == end);
		MUST(nout[0] == nout[1] && memcmp(whole, again, nout[0]) == 0);
		MUST(used[0] == used[1]);
	}
	free(whole);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	const char *why;
	struct http_head h;
	int r = head(p, size, &h);

	if (r > 0) {
		http_request(p, size, &h, &why);
		framing(p, (size_t)r, &h);
		chunks(p + r, size - (size_t)r);
	} else {
		chunks(p, size);
	}
	prefixes(p, size, r);
	return 0;
}
