/* Heap bytes with a limit, and plans that grow on the heap: the only growing storage there is. */
#ifndef HEAP_H
#define HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "plan.h"

#define HEAP_NO_MAX (SIZE_MAX / 4)

/* p NULL until needed */
struct heap {
	char *p;
	size_t n, cap;
};

/* Room for need bytes in all. False: more than max, or no memory; nothing changed. */
bool heap_grow(struct heap *h, size_t need, size_t max);
bool heap_add(struct heap *h, const char *p, size_t n, size_t max);
bool heap_str(struct heap *h, const char *text);
void heap_free(struct heap *h);

/*
 * Buffers of CHUNK bytes that many take turns in: each has one only while bytes
 * wait in it, so that a thousand quiet streams hold none. A few that are free
 * are kept; they are warm.
 */
#define CHUNK 16384
#define CHUNKS_KEPT 6

struct chunks {
	char *kept[CHUNKS_KEPT];
	unsigned n;
};

char *chunk_take(struct chunks *c);		/* NULL: out of memory */
void chunk_give(struct chunks *c, char **p);	/* *p becomes NULL; it may be */
void chunks_free(struct chunks *c);

/* where a plan's spans and arena go when its first storage is full */
struct plan_heap {
	struct heap spans, arena;
};

/* For plan->grow, with plan->owner a struct plan_heap. */
int plan_heap_grow(struct plan *p, size_t spans, size_t bytes);
void plan_heap_free(struct plan_heap *h);

#endif
