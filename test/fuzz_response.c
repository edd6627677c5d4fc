/*
 * Fuzzing http.c, http_text.c and http_body.c with a whole response, head and
 * body: it means the same whole and in pieces, and a connection whose framing
 * is in doubt is not kept. The first byte says whether HEAD was asked.
 */
#include "../http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

/* a response as it was understood */
struct meant {
	int head;		/* what http_response said at last */
	int status;
	enum http_framing framing;
	bool keep_alive;
	enum http_progress end;
	bool may_end;
	size_t used, n;		/* bytes used of all; bytes of data */
	char *data;
};

static void read_body(const char *p, size_t n, size_t piece, const struct http_head *h, struct meant *m)
{
	struct http_body b;
	struct http_text data;
	const char *why = NULL;
	size_t k = 1, have = 0;

	http_body_init(&b, h);
	do {
		have = piece < n - m->used ? piece : n - m->used;
		m->end = http_body_next(&b, p + m->used, have, &k, &data, &why);
		MUST(k <= have && (m->end != HTTP_MORE || k == have) && (m->end != HTTP_BAD || why != NULL));
		m->used += k;
		if (m->end != HTTP_DATA)
			continue;
		MUST(data.n > 0 && data.n <= k && data.p + data.n == p + m->used);
		memcpy(m->data + m->n, data.p, data.n);
		m->n += data.n;
	} while (m->end == HTTP_DATA || (m->end == HTTP_MORE && have > 0));
	m->may_end = http_body_may_end(&b);
}

/* The head is tried again with every piece, as it comes. */
static struct meant read_all(const char *p, size_t n, size_t piece, bool no_body)
{
	struct meant m = { .data = malloc(n + 1) };
	struct http_head h;
	const char *why = NULL;
	size_t have = 0;

	do {
		have = piece < n - have ? have + piece : n;
		char *copy = malloc(have + 1);
		memcpy(copy, p, have);
		m.head = http_response(copy, have, no_body, &h, &why);
		if (m.head > 0 && http_count(&h, "content-length") > 0 && h.framing == HTTP_CHUNKED)
			MUST(!h.keep_alive);
		free(copy);
		MUST(m.head >= -1 && m.head <= (int)have && (m.head < 0) == (why[0] != '\0'));
	} while (m.head == 0 && have < n);
	if (m.head <= 0)
		return m;
	m.status = h.status;
	m.framing = h.framing;
	m.keep_alive = h.keep_alive;
	m.used = (size_t)m.head;
	read_body(p, n, piece, &h, &m);
	MUST(h.status >= 100 && h.status <= 999);
	MUST(h.framing != HTTP_TO_END || !h.keep_alive);
	return m;
}

static void same(const struct meant *a, const struct meant *b)
{
	MUST(a->head == b->head && a->status == b->status && a->framing == b->framing && a->keep_alive == b->keep_alive);
	MUST(a->end == b->end && a->may_end == b->may_end && a->used == b->used);
	MUST(a->n == b->n && memcmp(a->data, b->data, a->n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const char *p = (const char *)data + 1;
	bool no_body = (data[0] & 1) != 0;
	struct meant whole = read_all(p, size - 1, size, no_body);

	for (size_t piece = size < 500 ? 1 : 40; piece < size; piece = piece * 3 + 1) {
		struct meant again = read_all(p, size - 1, piece, no_body);

		same(&whole, &again);
		free(again.data);
	}
	free(whole.data);
	return 0;
}
