/*
 * A body that is never built: a list of spans over bytes that lie elsewhere.
 *
 * The writer is straight-line code that runs twice: once over a plan without
 * storage, which only counts, and once over one allocation of just that size.
 * Then plan_pull yields the body piece by piece and can stop anywhere.
 * Pure: no allocation, no I/O.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

enum span_kind {
	SPAN_RAW,	/* as they are */
	SPAN_ESC,	/* any UTF-8 bytes -> the inside of a JSON string */
	SPAN_UNESC,	/* the inside of a JSON string -> its bytes */
	SPAN_B64,	/* any bytes -> base64 (RFC 4648, with padding) */
	SPAN_UNB64	/* base64, padded or not -> its bytes; what is no digit counts as one of zeros */
};

/* small, since a request of many small blocks has many: no body and no text is larger than 1 GB (MAX_BODY) */
struct span {
	const char *p;
	uint32_t n;
	enum span_kind kind;
};

/*
 * spans and arena may be NULL with caps of 0: then the plan only counts.
 * Past its capacity a plan asks grow, when there is one, and else goes on
 * counting and keeps nothing more.
 * total: bytes that the spans yield. It is right at every moment.
 * arena: text made by the writer (numbers, ids). It is used up in the order in
 * which it was written, so a span of it needs no address (p is NULL) and the
 * arena may move while it grows.
 */
struct plan {
	struct span *spans;
	size_t nspans, span_cap;
	char *arena;
	size_t narena, arena_cap;
	size_t total;
	/* makes room for at least so many more spans and bytes (moving both, setting the caps); 0: it cannot */
	int (*grow)(struct plan *p, size_t spans, size_t bytes);
	void *owner;		/* for grow */
};

/* where a reader stands; all zero is the beginning */
struct plan_pos {
	size_t span, off;
	size_t arena;		/* bytes of the arena that are behind it */
	unsigned char held, at;	/* pend[at..held) is output that did not fit yet */
	char pend[8];
};

/* An empty plan without grow. To use its storage once more, set nspans, narena and total to 0 (plan_clear). */
void plan_init(struct plan *p, struct span *spans, size_t span_cap, char *arena, size_t arena_cap);
void plan_clear(struct plan *p);

/* Whether everything put so far was kept. */
bool plan_fits(const struct plan *p);

/* One span. The bytes must outlive the plan. n = 0 puts nothing. */
void plan_span(struct plan *p, enum span_kind kind, const char *bytes, size_t n);

/* A literal: text in static storage, as it is. */
void plan_lit(struct plan *p, const char *text);

/* Short bytes that do not last: copied to the arena. kind SPAN_RAW or SPAN_ESC. */
void plan_copy(struct plan *p, enum span_kind kind, const char *bytes, size_t n);

/* A number in decimal. */
void plan_num(struct plan *p, int64_t n);

/* A value's text as it is. Puts nothing for J_NONE. */
void plan_val(struct plan *p, struct j_val v);

/* A terminated C string (kept by the caller) as a JSON string with its quotes. */
void plan_str(struct plan *p, const char *text);

/*
 * A template in static storage, put as it is but for
 *   %s   const char *, static: as it is
 *   %e   const char *, kept by the caller, any UTF-8: as text within a string
 *   %c   const char *, short, any bytes: copied
 *   %d   int64_t: in decimal
 *   %v   const struct j_val *: its text
 *   %t   const struct j_val *: as text within a string: a string's inside, nothing for
 *        null or J_NONE, and any other value's text escaped
 * There is no other % in it.
 */
void plan_put(struct plan *p, const char *template, ...);

/* A value as text within a string, as by %t. */
void plan_text(struct plan *p, struct j_val v);

/*
 * UTF-8 text as a JSON string with its quotes into dst, or only counted when
 * that is NULL. Returns the length.
 */
size_t plan_quote(char *dst, const char *text, size_t n);

/* What a base64 digit stands for (RFC 4648 section 4), -1: it is none. */
int base64_digit(char c);

/*
 * The next bytes of a plan that fits into dst, at most room of them (room > 0). Returns how many;
 * 0 only at the end. Any room gives the same bytes.
 */
size_t plan_pull(const struct plan *p, struct plan_pos *pos, char *dst, size_t room);

#endif
