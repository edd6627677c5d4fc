/* Growing storage (see heap.h). */
#include "heap.h"

#include <stdlib.h>
#include <string.h>

#include "dotenv.h"

/*
 * The least that is asked for. C libraries keep small pieces aside when they
 * are freed; one of them on top would hold all memory below it.
 */
#define HEAP_FIRST 2048

/*
 * Heads have keys in them, and fit in this: nothing of it is left in memory
 * that somebody else may get. What is larger is a body.
 */
#define SECRET_MAX CHUNK

static void give_back(char *p, size_t n)
{
	if (p != NULL && n <= SECRET_MAX)
		wipe(p, n);
	free(p);
}

/* realloc, which may leave a copy behind, for what is no secret */
static char *regrow(struct heap *h, size_t cap)
{
	char *p = h->cap > SECRET_MAX ? realloc(h->p, cap) : malloc(cap);

	if (p == NULL || h->cap > SECRET_MAX || h->p == NULL)
		return p;
	memcpy(p, h->p, h->cap);
	give_back(h->p, h->cap);
	return p;
}

bool heap_grow(struct heap *h, size_t need, size_t max)
{
	size_t cap = h->cap;

	if (need > max)
		return false;
	if (need <= cap && h->p != NULL)
		return true;
	/* a first request is taken at its word, growth doubles */
	if (cap == 0)
		cap = need > HEAP_FIRST ? need : HEAP_FIRST;
	while (cap < need)
		cap = cap > max / 2 ? max : cap * 2;
	char *p = regrow(h, cap);
	if (p == NULL)
		return false;
	h->p = p;
	h->cap = cap;
	return true;
}

bool heap_add(struct heap *h, const char *p, size_t n, size_t max)
{
	if (n == 0)
		return true;
	if (h->n > max || n > max - h->n || !heap_grow(h, h->n + n, max))
		return false;
	memcpy(h->p + h->n, p, n);
	h->n += n;
	return true;
}

bool heap_str(struct heap *h, const char *text)
{
	return heap_add(h, text, strlen(text), HEAP_NO_MAX);
}

void heap_free(struct heap *h)
{
	give_back(h->p, h->cap);
	*h = (struct heap){ 0 };
}

char *chunk_take(struct chunks *c)
{
	return c->n > 0 ? c->kept[--c->n] : malloc(CHUNK);
}

void chunk_give(struct chunks *c, char **p)
{
	if (*p != NULL && c->n < CHUNKS_KEPT)
		c->kept[c->n++] = *p;
	else
		give_back(*p, CHUNK);
	*p = NULL;
}

void chunks_free(struct chunks *c)
{
	while (c->n > 0)
		give_back(c->kept[--c->n], CHUNK);
}

/* The first storage is the owner's own: what it holds moves along. */
static bool move_out(struct heap *h, const void *now, size_t used, size_t need)
{
	bool first = h->p == NULL;

	if (!heap_grow(h, need, HEAP_NO_MAX))
		return false;
	if (first && used > 0)
		memcpy(h->p, now, used);
	return true;
}

int plan_heap_grow(struct plan *p, size_t spans, size_t bytes)
{
	struct plan_heap *h = p->owner;
	size_t one = sizeof(struct span);

	if (p->nspans + spans > p->span_cap) {
		if (!move_out(&h->spans, p->spans, p->nspans * one, (p->nspans + spans) * one))
			return 0;
		p->spans = (struct span *)(void *)h->spans.p;
		p->span_cap = h->spans.cap / one;
	}
	if (p->narena + bytes > p->arena_cap) {
		if (!move_out(&h->arena, p->arena, p->narena, p->narena + bytes))
			return 0;
		p->arena = h->arena.p;
		p->arena_cap = h->arena.cap;
	}
	return 1;
}

void plan_heap_free(struct plan_heap *h)
{
	heap_free(&h->spans);
	heap_free(&h->arena);
}
