/*
 * Bytes of an answer that must wait: a log of pieces, each with its kind and
 * its owner (the number of a tool call, or 0), over storage that the answer's
 * owner provides and enlarges. Pieces are taken out in the order in which they
 * were put in. Pure.
 *
 * Spans of the present plan may point at pieces: they are moved along when the
 * storage moves, and no piece is overwritten before the next event.
 */
#ifndef STASH_H
#define STASH_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "plan.h"

/* grow returns 1 with at least `more` bytes of room, or 0 (its limit, or memory). Content may move. */
struct stash {
	struct buf b;
	int (*grow)(struct stash *s, size_t more);
	void *owner;
};

enum hold_kind {
	HOLD_DEAD,		/* taken out */
	HOLD_WHITE_TEXT,	/* white space that real text must follow; likewise reasoning: */
	HOLD_WHITE_THOUGHT,
	HOLD_LATE_TEXT,		/* text that came inside a tool call; likewise reasoning: */
	HOLD_LATE_THOUGHT,
	HOLD_DETAIL,		/* an item of reasoning_details */
	HOLD_DETAIL_TEXT,	/* more of the last item's text, the inside of a JSON string */
	HOLD_OPAQUE,		/* reasoning_opaque, a JSON string */
	HOLD_SIGNATURE,		/* a thought signature, a JSON string; owner: call + 1, 0 for the message. Of a call up to HOLD_OBJECT: */
	HOLD_NAME,		/* a call's name, a JSON string; likewise its id: */
	HOLD_ID,
	HOLD_ARGS,		/* a call's arguments, the inside of a JSON string; */
	HOLD_OBJECT,		/* or all of them, not escaped */
	HOLD_STOP,		/* the stop sequence that ended the answer, a JSON string */
	HOLD_MARKUP,		/* text that may turn out to be a tool call, the inside of a JSON string */
	HOLD_SOURCE,		/* something found on the web: JSON as it came */
	HOLD_START,		/* an upstream's message_start */
	HOLD_WORK,		/* made of other pieces, for the present plan */
	HOLD_KINDS
};

struct hold {
	struct stash *s;
	struct plan *out;		/* whose spans are moved along */
	size_t dead;			/* bytes of pieces taken out */
	unsigned count[HOLD_KINDS];
	size_t last[HOLD_KINDS];	/* where the last of a kind begins */
	bool failed;			/* something could not be kept */
};

/* one piece; all zero before the first */
struct piece {
	char *p;
	size_t n;
	enum hold_kind kind;
	unsigned owner;
	size_t at;			/* behind it, in the log */
};

void hold_init(struct hold *h, struct stash *s);

/* A new event: what the last plan pointed at may go. */
void hold_event(struct hold *h, struct plan *out);

/* Keeps a copy, also of another piece's bytes (NULL: room for n, to be filled by the caller). Returns it, or NULL and sets failed. */
char *hold_put(struct hold *h, enum hold_kind kind, unsigned owner, const char *bytes, size_t n);

/* The next piece that is not dead, of any kind and owner. */
bool hold_next(const struct hold *h, struct piece *it);

/* The next of a kind and owner. */
bool hold_find(const struct hold *h, enum hold_kind kind, unsigned owner, struct piece *it);

/* The last that was put in of a kind, if it is still there. */
bool hold_last(const struct hold *h, enum hold_kind kind, struct piece *it);

/* A piece's address, after something was put in: the storage may have moved. */
void hold_again(const struct hold *h, struct piece *it);

/* Takes pieces out; their bytes stay for the present plan. hold_out: as hold_find, and it is out. */
void hold_take(struct hold *h, const struct piece *it);
bool hold_out(struct hold *h, enum hold_kind kind, unsigned owner, struct piece *it);
void hold_drop(struct hold *h, enum hold_kind kind, unsigned owner);

/*
 * Pieces that are the inside of a JSON string, one behind the other and
 * decoded: n bytes, for the present plan, until something is put in. NULL as
 * hold_put.
 */
char *hold_text(struct hold *h, enum hold_kind kind, unsigned owner, size_t *n);

#endif
