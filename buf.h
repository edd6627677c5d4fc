/*
 * A linear byte buffer over storage that its owner provides.
 *
 * Bytes wait at p+off, len of them; room is behind them. Reading moves off
 * forward; buf_pack moves what is left to the front, so that all room is in
 * one piece. Nothing here allocates.
 */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>
#include <string.h>

struct buf {
	char *p;
	size_t cap, off, len;
};

/* the waiting bytes: buf_at(b) .. buf_at(b)+b->len */
static inline char *buf_at(const struct buf *b)
{
	return b->p + b->off;
}

/* where the next byte goes, and how many fit there without packing */
static inline char *buf_end(const struct buf *b)
{
	return b->p + b->off + b->len;
}

static inline size_t buf_room(const struct buf *b)
{
	return b->cap - b->off - b->len;
}

/* n bytes were read from the front */
static inline void buf_skip(struct buf *b, size_t n)
{
	b->off += n;
	b->len -= n;
	if (b->len == 0)
		b->off = 0;
}

/* n bytes were written at buf_end */
static inline void buf_added(struct buf *b, size_t n)
{
	b->len += n;
}

static inline void buf_pack(struct buf *b)
{
	if (b->off > 0 && b->len > 0)
		memmove(b->p, b->p + b->off, b->len);
	b->off = 0;
}

/* appends what fits; returns 1, or 0 and appends nothing when it does not fit */
static inline int buf_put(struct buf *b, const void *src, size_t n)
{
	if (n > buf_room(b))
		return 0;
	if (n > 0)
		memcpy(buf_end(b), src, n);
	b->len += n;
	return 1;
}

static inline int buf_str(struct buf *b, const char *text)
{
	return buf_put(b, text, strlen(text));
}

#endif
