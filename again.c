/*
 * Events that are as the one before but for one string. Of the hundreds of an
 * answer nearly all are: the next piece of text, reasoning, or a call's arguments,
 * in a frame that does not change. What stands around the string is compared
 * instead of read; that an event with this frame says nothing else was seen
 * when the first was read in full.
 *
 * Learnt from an event that said one thing only, in a string that is not
 * empty: reply.c and calls.c tell. Anything that differs is read in full, so
 * the answer is the same, byte for byte.
 */
#include <string.h>

#include "answer.h"

void again_begin(struct reply *r)
{
	r->again.kind = AGAIN_NOTHING;
	r->again.head = 0;
}

void again_said(struct reply *r, enum again_kind kind, struct j_val string)
{
	r->again.kind = r->again.kind == AGAIN_NOTHING ? kind : AGAIN_OTHER;
	r->again.string = string;
}

void again_learn(struct reply *r, const char *data, size_t n)
{
	struct again *a = &r->again;

	if (a->kind == AGAIN_NOTHING || a->kind == AGAIN_OTHER || r->what != REPLY_MORE || r->finish != FINISH_NONE)
		return;
	size_t head = (size_t)(a->string.p + 1 - data), end = head + a->string.n - 2;
	if (head + n - end > sizeof a->frame)
		return;
	a->head = (unsigned short)head;
	a->tail = (unsigned short)(n - end);
	memcpy(a->frame, data, head);
	memcpy(a->frame + head, data + end, n - end);
}

static void said_again(struct reply *r, const char *raw, size_t n)
{
	struct j_val string = j_value(raw - 1, n + 2, J_STRING), thought[THOUGHT_FIELDS] = { { 0 } };

	if (r->again.kind == AGAIN_TEXT) {
		text_content(r, raw, n, false);
	} else if (r->again.kind == AGAIN_ARGUMENTS) {
		calls_again(r, string);
	} else {
		thought[r->again.key] = string;
		reasoning_read(r, thought);
	}
}

bool again_read(struct reply *r, char *data, size_t n)
{
	struct again *a = &r->again;
	struct j_err err;

	if (a->head == 0 || n <= (size_t)a->head + a->tail || r->finish != FINISH_NONE)
		return false;
	size_t len = n - a->head - a->tail;
	char *string = data + a->head;
	if (memcmp(data, a->frame, a->head) != 0 || memcmp(string + len, a->frame + a->head, a->tail) != 0)
		return false;
	/* with its quotes it must be one string and no more */
	if (j_check_keep(string - 1, len + 2, &err) != 0)
		return false;
	said_again(r, string, len);
	calls_settle(r, false);
	return true;
}
