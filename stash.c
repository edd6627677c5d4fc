/*
 * The log of pieces that wait. A piece is a head of HEAD bytes (length, owner,
 * kind) and its bytes; all pieces lie one behind the other.
 *
 * Room of dead pieces is won back between events, when it is more than half:
 * so an answer of any length costs what it holds back at one time, twice.
 * Limits: 4 GB of one piece, 65535 owners; the storage's owner sets a lower one.
 */
#include "stash.h"

#include <string.h>

struct head {
	uint32_t n;
	uint16_t owner;
	uint8_t kind;
};

#define HEAD sizeof(struct head)

void hold_init(struct hold *h, struct stash *s)
{
	memset(h, 0, sizeof *h);
	h->s = s;
	s->b.off = s->b.len = 0;
}

static void pack(struct hold *h)
{
	char *p = buf_at(&h->s->b);
	size_t from = 0, to = 0, end = h->s->b.len;

	while (from < end) {
		struct head head;

		memcpy(&head, p + from, HEAD);
		size_t size = HEAD + head.n;
		if (head.kind != HOLD_DEAD) {
			memmove(p + to, p + from, size);
			h->last[head.kind] = to;
			to += size;
		}
		from += size;
	}
	h->s->b.len = to;
	h->dead = 0;
}

void hold_event(struct hold *h, struct plan *out)
{
	h->out = out;
	if (h->dead > h->s->b.len / 2)
		pack(h);
}

/* Spans that pointed into the storage point at where it is now. */
static void follow(struct plan *out, uintptr_t old, size_t n, char *now)
{
	size_t count = out->nspans < out->span_cap ? out->nspans : out->span_cap;

	for (size_t i = 0; i < count; i++) {
		uintptr_t at = (uintptr_t)out->spans[i].p;

		if (at >= old && at - old < n)
			out->spans[i].p = now + (at - old);
	}
}

static bool make_room(struct hold *h, size_t more)
{
	struct buf *b = &h->s->b;
	uintptr_t old = (uintptr_t)b->p;
	size_t cap = b->cap;

	if (more <= buf_room(b))
		return true;
	if (h->s->grow == NULL || !h->s->grow(h->s, more) || more > buf_room(b))
		return false;
	if (cap > 0 && (uintptr_t)b->p != old)
		follow(h->out, old, cap, b->p);
	return true;
}

char *hold_put(struct hold *h, enum hold_kind kind, unsigned owner, const char *bytes, size_t n)
{
	struct head head = { (uint32_t)n, (uint16_t)owner, (uint8_t)kind };
	uintptr_t from = (uintptr_t)bytes - (uintptr_t)h->s->b.p;
	bool own = bytes != NULL && h->s->b.p != NULL && from < h->s->b.cap;

	if (n > UINT32_MAX - HEAD || !make_room(h, HEAD + n)) {
		h->failed = true;
		return NULL;
	}
	h->last[kind] = h->s->b.len;
	buf_put(&h->s->b, &head, HEAD);
	char *p = buf_end(&h->s->b);
	if (own)
		bytes = h->s->b.p + from;	/* it may have moved */
	if (bytes != NULL && n > 0)
		memcpy(p, bytes, n);
	buf_added(&h->s->b, n);
	h->count[kind]++;
	return p;
}

bool hold_next(const struct hold *h, struct piece *it)
{
	struct head head;

	while (it->at < h->s->b.len) {
		char *p = buf_at(&h->s->b);

		memcpy(&head, p + it->at, HEAD);
		it->p = p + it->at + HEAD;
		it->n = head.n;
		it->kind = (enum hold_kind)head.kind;
		it->owner = head.owner;
		it->at += HEAD + head.n;
		if (it->kind != HOLD_DEAD)
			return true;
	}
	return false;
}

bool hold_find(const struct hold *h, enum hold_kind kind, unsigned owner, struct piece *it)
{
	if (h->count[kind] == 0)
		return false;
	while (hold_next(h, it)) {
		if (it->kind == kind && it->owner == owner)
			return true;
	}
	return false;
}

bool hold_last(const struct hold *h, enum hold_kind kind, struct piece *it)
{
	if (h->count[kind] == 0)
		return false;
	it->at = h->last[kind];
	return hold_next(h, it) && it->kind == kind;
}

void hold_again(const struct hold *h, struct piece *it)
{
	it->p = buf_at(&h->s->b) + it->at - it->n;
}

void hold_take(struct hold *h, const struct piece *it)
{
	struct head head = { (uint32_t)it->n, (uint16_t)it->owner, HOLD_DEAD };

	memcpy(it->p - HEAD, &head, HEAD);
	h->count[it->kind]--;
	h->dead += HEAD + it->n;
}

bool hold_out(struct hold *h, enum hold_kind kind, unsigned owner, struct piece *it)
{
	if (!hold_find(h, kind, owner, it))
		return false;
	hold_take(h, it);
	return true;
}

void hold_drop(struct hold *h, enum hold_kind kind, unsigned owner)
{
	struct piece it = { 0 };

	/* mostly the last one is all there is */
	if (hold_last(h, kind, &it) && it.owner == owner)
		hold_take(h, &it);
	it.at = 0;
	while (hold_out(h, kind, owner, &it))
		;
}

char *hold_text(struct hold *h, enum hold_kind kind, unsigned owner, size_t *n)
{
	struct piece it = { 0 };
	size_t room = 0, at = 0;

	while (hold_find(h, kind, owner, &it))
		room += it.n;
	char *p = hold_put(h, HOLD_WORK, 0, NULL, 2 * room + 2);
	hold_drop(h, HOLD_WORK, 0);
	if (p == NULL)
		return NULL;
	/* a pair of surrogates may lie in two pieces, so all are joined first */
	p[at++] = '"';
	it = (struct piece){ 0 };
	while (hold_find(h, kind, owner, &it)) {
		memcpy(p + at, it.p, it.n);
		at += it.n;
	}
	p[at++] = '"';
	*n = j_copy(j_value(p, at, J_STRING), p + at, room);
	return p + at;
}
