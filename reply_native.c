/*
 * An answer of the Messages API, for a client of it: what comes goes on byte
 * for byte, but for the model's name, which becomes the one that was asked for.
 *
 *	message_start          kept back until there is content, so that an error or a
 *	                       full window behind it is still one with a status
 *	content_block_*        go on; counted behind blocks of our own (reply_nudge)
 *	message_delta          goes on: the answer is finished
 *	message_stop           goes on: the answer is done
 *	ping                   dropped: pings are made here, by the clock
 *	error                  the answer failed, unless it was finished
 *	anything else          goes on once the message has begun
 *
 * Where nothing came for long, message_start was made here, with an estimate
 * of the tokens; then the upstream's is dropped.
 *
 * A message where events were asked for fails, as events do where a message was.
 */
#include "answer.h"
#include "error.h"

#define KINDS "message_start\0content_block_start\0content_block_delta\0content_block_stop\0message_delta\0" \
	"message_stop\0ping\0error\0message\0"

enum kind { OTHER = -1, START, BLOCK_START, BLOCK_DELTA, BLOCK_STOP, ENDING, STOP, PING, ERROR, MESSAGE };

/* the members of events that are looked at */
#define NAMES "type\0index\0message\0content_block\0delta\0usage\0error\0"

enum { TYPE, INDEX, INNER, BLOCK, DELTA, USAGE, FAULT, FIELDS };

static const struct j_val none;

void native_line(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\n' || p[i] == '\r')
			p[i] = ' ';
}

/* What is told again, and is not 0, counts: message_delta over message_start. input_tokens are without the cached ones. */
static void count(struct reply *r, struct j_val usage)
{
	struct reply_count *c = &r->count;
	int64_t input = c->prompt - c->read - c->created, n;
	int64_t *const counts[] = { &input, &c->read, &c->created, &c->completion };
	struct j_val f[4];

	j_pick(usage, "input_tokens\0cache_read_input_tokens\0cache_creation_input_tokens\0output_tokens\0", f);
	for (int i = 0; i < 4; i++)
		if (j_whole(f[i], &n) && n > 0 && n <= INT32_MAX)
			*counts[i] = n;
	c->prompt = input + c->read + c->created;
	c->known = c->prompt > 0 || c->completion > 0;
}

/*
 * An event, or (type J_NONE) a message. In place of the value inner within it
 * stands, where that is a number, this one, else the model that was asked for.
 */
static void put(struct reply *r, struct j_val v, struct j_val type, struct j_val inner, int64_t number)
{
	struct plan *out = r->sink.out;
	const char *end = v.p + v.n, *at = inner.n > 0 ? inner.p : end;

	if (type.n > 0)
		plan_put(out, "event: %t\ndata: ", &type);
	plan_span(out, SPAN_RAW, v.p, (size_t)(at - v.p));
	if (inner.type == J_NUMBER) {
		plan_num(out, number);
	} else if (inner.type != J_NONE) {
		plan_lit(out, "\"");
		plan_span(out, SPAN_ESC, r->o.model, r->o.nmodel);
		plan_lit(out, "\"");
	}
	at += inner.n;
	plan_span(out, SPAN_RAW, at, (size_t)(end - at));
	if (type.n > 0)
		plan_lit(out, "\n\n");
}

/* ---- the message's beginning and end ---- */

void native_start(struct reply *r)
{
	struct piece it = { 0 };

	if (r->sink.started)
		return;
	if (!hold_find(&r->hold, HOLD_START, 0, &it)) {
		begin_message(r);
		return;
	}
	struct j_val v = j_root(it.p, it.n);
	put(r, v, j_get(v, "type"), j_get(j_get(v, "message"), "model"), 0);
	hold_take(&r->hold, &it);
	r->sink.started = true;
}

/* The upstream goes on: a block of our own ends. */
static void go_on(struct reply *r)
{
	native_start(r);
	if (r->own_block)
		sink_close(&r->sink);
	r->own_block = false;
}

void native_end(struct reply *r)
{
	go_on(r);
	plan_lit(r->sink.out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
	r->what = REPLY_DONE;
}

/* How it ended; whether the answer is still one. */
static bool ends(struct reply *r, struct j_val reason)
{
	char word[sizeof r->finish_word];

	reply_ends(r, finish_of(reason, word, sizeof word), word);
	return r->what == REPLY_MORE && !reply_overflow(r);
}

/* ---- what comes ---- */

/* A whole message. */
static void read_message(struct reply *r, struct j_val v)
{
	r->real = !j_empty(j_get(v, "content"));
	if (!ends(r, j_get(v, "stop_reason")))
		return;
	put(r, v, none, j_get(v, "model"), 0);
	r->what = REPLY_DONE;
}

/* An event of a block, moved behind those of our own. */
static void read_block(struct reply *r, struct j_val v, const struct j_val f[FIELDS], enum kind kind)
{
	struct j_val index = f[INDEX].type == J_NUMBER ? f[INDEX] : none;
	int64_t number = 0;

	if (j_whole(index, &number))
		number += r->own_blocks;
	if (kind == BLOCK_START) {
		static const unsigned char blocks[] = { BLOCK_OTHER, BLOCK_TEXT, BLOCK_THINKING, BLOCK_TOOL, BLOCK_TOOL };
		int type = j_which(j_get(f[BLOCK], "type"), "text\0thinking\0tool_use\0server_tool_use\0");

		go_on(r);
		r->sink.open = (enum sink_block)blocks[type + 1];
		r->sink.blocks = (unsigned)number + 1;
		r->tools += type == 2;
		r->real = true;
	}
	native_start(r);
	if (kind == BLOCK_STOP && !r->own_block)
		r->sink.open = BLOCK_NONE;
	put(r, v, f[TYPE], index, number);
}

static void read_event(struct reply *r, struct j_val v, const struct j_val f[FIELDS], enum kind kind)
{
	switch (kind) {
	case START:
		if (!r->sink.started && r->hold.count[HOLD_START] == 0)
			hold_put(&r->hold, HOLD_START, 0, v.p, v.n);
		return;
	case BLOCK_START: case BLOCK_DELTA: case BLOCK_STOP:
		read_block(r, v, f, kind);
		return;
	case ENDING:
		if (!ends(r, j_get(f[DELTA], "stop_reason")))
			return;
		go_on(r);
		put(r, v, f[TYPE], none, 0);
		return;
	case STOP:
		native_end(r);
		return;
	case OTHER:
		if (r->sink.started)
			put(r, v, f[TYPE], none, 0);
		return;
	case PING: case ERROR: case MESSAGE:
		return;
	}
}

void native_read(struct reply *r, struct j_val v, bool named)
{
	struct j_val f[FIELDS];

	j_pick(v, NAMES, f);
	enum kind kind = (enum kind)j_which(f[TYPE], KINDS);
	named = named || kind == ERROR;
	if (named || (kind == OTHER && (f[TYPE].type != J_STRING || !j_empty(f[FAULT])))) {
		if (r->finish == FINISH_NONE)
			reply_fail_error(r, error_object(v, true, &r->error), named, v.p, v.n);
		return;
	}
	count(r, f[USAGE]);
	count(r, j_get(f[INNER], "usage"));
	if (r->sink.message != (kind == MESSAGE))
		reply_fail(r, 502, r->sink.message ? "the upstream's answer is no message" : "the upstream does not stream");
	else if (kind == MESSAGE)
		read_message(r, v);
	else
		read_event(r, v, f, kind);
}
