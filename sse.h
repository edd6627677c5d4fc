/*
 * Cuts a byte stream into events: the WHATWG event-stream algorithm, and the
 * liberties that providers take with it. Lines end at LF, CRLF or CR; a BOM,
 * comments, id: and retry: are skipped; the space after the colon is optional;
 * data lines of one event are joined by LF. Pure: no allocation, no I/O.
 */
#ifndef SSE_H
#define SSE_H

#include <stdbool.h>
#include <stddef.h>

enum sse_what {
	SSE_MORE,	/* all input used, no event yet */
	SSE_EVENT,	/* an event is complete: s->data[0..len), s->name */
	SSE_FULL	/* s->data has no room: enlarge it (or give up) and feed the rest */
};

struct sse {
	char *data;		/* storage of the owner; may be moved and enlarged between calls */
	size_t len, cap;
	char name[32];		/* the event: field, "" without; cut when longer */
	bool error_field;	/* the data came in a field named error: (old llama.cpp) */
	/* below: where the parser stands */
	unsigned char state, kind, bom, nname, nfield;
	bool crlf, ready, has_data;
	char field[8];
};

void sse_init(struct sse *s, char *data, size_t cap);

/*
 * Takes bytes up to the end of the next event. *used is how many. After
 * SSE_EVENT the data stay until the next call, which begins a new event.
 * An event without data is not reported.
 */
enum sse_what sse_feed(struct sse *s, const char *in, size_t n, size_t *used);

/* The stream ended: SSE_EVENT when an unfinished event holds data, else SSE_MORE. */
enum sse_what sse_end(struct sse *s);

/* Whether the first bytes of a body (white space and BOM skipped) look like an event stream: 1 yes, 0 no, -1 too few to tell. */
int sse_sniff(const char *p, size_t n);

#endif
