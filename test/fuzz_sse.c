/*
 * Fuzzing sse.c: any stream gives the same events whole and in any pieces,
 * with enough room and with room that grows, and those of a plain reading that
 * knows all of it at once. What sse_sniff says of a prefix stays true.
 */
#include "../sse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

/* all events, one after the other: name NUL data NUL flag */
struct events {
	char *p;
	size_t n;
};

static void add(struct events *e, const char *name, const char *data, size_t n, bool error)
{
	memcpy(e->p + e->n, name, strlen(name) + 1);
	e->n += strlen(name) + 1;
	if (n > 0)
		memcpy(e->p + e->n, data, n);
	e->n += n;
	e->p[e->n++] = '\0';
	e->p[e->n++] = error ? '!' : '.';
}

static size_t line_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '\n' && p[i] != '\r')
		i++;
	return i;
}

/* one event of the plain reading */
struct plain {
	char name[32], *data;
	size_t n, lines;
	bool error;
};

static void plain_field(struct plain *e, const char *p, size_t n, bool at_end)
{
	const char *colon = memchr(p, ':', n);
	size_t name = colon != NULL ? (size_t)(colon - p) : n;
	const char *value = colon != NULL ? colon + 1 : p + n;

	if (colon == NULL && at_end)
		return;		/* a line that breaks off in its field name */
	if (value < p + n && *value == ' ')
		value++;
	size_t k = (size_t)(p + n - value);
	bool error = name == 5 && memcmp(p, "error", 5) == 0;
	if (error || (name == 4 && memcmp(p, "data", 4) == 0)) {
		if (e->lines++ > 0)
			e->data[e->n++] = '\n';
		memcpy(e->data + e->n, value, k);
		e->n += k;
		e->error = e->error || error;
	} else if (name == 5 && memcmp(p, "event", 5) == 0) {
		memset(e->name, 0, sizeof e->name);
		memcpy(e->name, value, k < sizeof e->name - 1 ? k : sizeof e->name - 1);
	}
}

static void plain_event(struct plain *e, struct events *all)
{
	if (e->lines > 0)
		add(all, e->name, e->data, e->n, e->error);
	memset(e->name, 0, sizeof e->name);
	e->n = e->lines = 0;
	e->error = false;
}

static void read_plainly(const char *p, size_t n, struct events *all)
{
	struct plain e = { .data = malloc(n + 1) };
	size_t at = n >= 3 && memcmp(p, "\357\273\277", 3) == 0 ? 3 : 0;

	while (at < n) {
		size_t k = line_length(p + at, n - at);

		if (k > 0)
			plain_field(&e, p + at, k, at + k == n);
		else
			plain_event(&e, all);
		at += k;
		at += at + 1 < n && p[at] == '\r' && p[at + 1] == '\n' ? 2 : 1;
	}
	plain_event(&e, all);
	free(e.data);
}

/* Does what sse_feed asks for. */
static void handle(struct sse *s, enum sse_what what, size_t room, struct events *all)
{
	MUST(s->len <= s->cap && memchr(s->name, '\0', sizeof s->name) != NULL);
	if (what == SSE_EVENT)
		add(all, s->name, s->data, s->len, s->error_field);
	if (what == SSE_FULL) {
		char *larger = malloc(s->cap + room);

		if (s->len > 0)
			memcpy(larger, s->data, s->len);
		free(s->data);
		s->data = larger;
		s->cap += room;
	}
}

static void read_pieces(const char *p, size_t n, size_t piece, size_t room, struct events *all)
{
	struct sse s;
	size_t at = 0, used;

	sse_init(&s, malloc(room), room);
	while (at < n) {
		size_t have = piece < n - at ? piece : n - at;
		char *copy = malloc(have);

		memcpy(copy, p + at, have);
		enum sse_what what = sse_feed(&s, copy, have, &used);
		free(copy);
		MUST(used <= have && (what != SSE_MORE || used == have));
		at += used;
		handle(&s, what, room, all);
	}
	if (sse_end(&s) == SSE_EVENT)
		add(all, s.name, s.data, s.len, s.error_field);
	MUST(sse_end(&s) == SSE_MORE);
	free(s.data);
}

static void sniff(const char *p, size_t n)
{
	int r = sse_sniff(p, n);

	for (size_t k = 0; k < n && k < 64; k++) {
		int before = sse_sniff(p, k);

		MUST(before == -1 || before == r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct events plain = { malloc(8 * size + 64), 0 }, pieces = { malloc(8 * size + 64), 0 };

	read_plainly(p, size, &plain);
	for (size_t piece = 1; piece < 4 * size + 4; piece = piece * 3 + 1) {
		pieces.n = 0;
		read_pieces(p, size, piece, piece % 2 == 0 ? 1 : size + 1, &pieces);
		MUST(plain.n == pieces.n && memcmp(plain.p, pieces.p, plain.n) == 0);
	}
	sniff(p, size);
	free(plain.p);
	free(pieces.p);
	return 0;
}
