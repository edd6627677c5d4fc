/*
 * The answer to the client: its head, the plan of its body into tx, and
 * failures (see conn.h). A chunk is framed when all of it is in tx.
 */
#include "conn.h"

#define CHUNK_EXTRA 8		/* "xxxx\r\n" before a chunk's data, "\r\n" behind it */

void out_reset(struct conn *c)
{
	plan_heap_free(&c->out_heap);
	plan_init(&c->out_plan, c->spans, CONN_SPANS, c->arena, CONN_ARENA);
	c->out_plan.grow = plan_heap_grow;
	c->out_plan.owner = &c->out_heap;
	c->out_at = (struct plan_pos){ 0 };
	c->out_pulled = 0;
}

bool out_empty(const struct conn *c)
{
	return c->out_pulled == c->out_plan.total;
}

static size_t pump_room(const struct conn *c)
{
	size_t room = buf_room(&c->tx), extra = c->frame == FRAME_CHUNKED ? CHUNK_EXTRA : 0;

	return room > extra ? room - extra : 0;
}

static size_t pull(struct conn *c, size_t room)
{
	bool chunked = c->frame == FRAME_CHUNKED;
	char *p = buf_end(&c->tx);
	size_t n = plan_pull(&c->out_plan, &c->out_at, chunked ? p + 6 : p, room);

	conn_debug(c, "answer body", chunked ? p + 6 : p, n);
	buf_added(&c->tx, n);
	if (!chunked)
		return n;
	for (int i = 0; i < 4; i++)
		p[i] = "0123456789abcdef"[n >> (12 - 4 * i) & 15];
	memcpy(p + 4, "\r\n", 2);
	memcpy(p + 6 + n, "\r\n", 2);
	buf_added(&c->tx, CHUNK_EXTRA);
	return n;
}

bool out_pump(struct conn *c)
{
	bool moved = false;

	while (!out_empty(c)) {
		if (pump_room(c) < 512)
			buf_pack(&c->tx);
		size_t room = pump_room(c);
		if (room == 0)
			return moved;
		c->out_pulled += pull(c, room);
		moved = true;
	}
	if (c->out_pulled > 0)
		out_reset(c);
	if (!c->over || c->terminated)
		return moved;
	if (c->frame == FRAME_CHUNKED && !c->broken) {
		buf_pack(&c->tx);
		if (!buf_str(&c->tx, "0\r\n\r\n"))
			return moved;
	}
	c->terminated = true;
	return true;
}

/* Before a head there are interim ones in tx at most, so there is room for one. */
static void put_head(struct conn *c, int status, const char *type, enum framing frame, uint64_t length)
{
	struct buf *b = &c->tx;
	bool close = !c->keep_alive || frame == FRAME_CLOSE;

	http_put_status(b, status);
	http_put(b, "content-type: %s\r\nrequest-id: %s\r\n", type, c->id);
	if (c->origin[0] != '\0')
		http_put(b, "access-control-allow-origin: %s\r\nvary: origin\r\n", c->origin);
	if (c->allow != NULL)
		http_put(b, "allow: %s\r\n", c->allow);
	if (c->has_error && c->error.retry_after[0] != '\0')
		http_put(b, "retry-after: %s\r\n", c->error.retry_after);
	if (c->has_error && c->error.should_retry >= 0)
		http_put(b, "x-should-retry: %s\r\n", c->error.should_retry ? "true" : "false");
	if (frame == FRAME_CHUNKED)
		buf_str(b, "transfer-encoding: chunked\r\ncache-control: no-cache\r\n");
	if (frame == FRAME_LENGTH)
		http_put(b, "content-length: %llu\r\n", (unsigned long long)length);
	if (close || c->http10)
		http_put(b, "connection: %s\r\n", close ? "close" : "keep-alive");
	buf_str(b, "\r\n");
}

void answer_head(struct conn *c, int status, const char *type, enum framing frame, uint64_t length)
{
	if (frame == FRAME_CHUNKED && c->http10)
		frame = FRAME_CLOSE;
	if (frame == FRAME_CLOSE || conn_leaving(c))
		c->keep_alive = false;
	buf_pack(&c->tx);
	size_t before = c->tx.len;
	put_head(c, status, type, frame, length);
	conn_debug(c, "answer head", buf_at(&c->tx) + before, c->tx.len - before);
	c->frame = frame;
	c->status = status;
	c->answered = true;
	c->first_byte = c->last_out = c->last_event = c->srv->now;
}

void answer_over(struct conn *c)
{
	c->over = true;
	conn_enter(c, PHASE_FLUSH);
}

void answer_plan(struct conn *c, int status)
{
	if (!plan_fits(&c->out_plan)) {
		client_gone(c, "no memory");
		return;
	}
	answer_head(c, status, "application/json", FRAME_LENGTH, c->out_plan.total);
	if (c->head_method)
		out_reset(c);
	answer_over(c);
}

/* ---- failures ---- */

void conn_failed(struct conn *c, const char *why)
{
	c->why = why;
	conn_redact_error(c);
	relay_stop(c, false);
	if (c->phase == PHASE_HEAD || c->phase == PHASE_BODY)
		c->keep_alive = c->keep_alive && c->body_over;
	if (c->route == ROUTE_TEST && !c->answered && c->converted) {
		serve_test_failed(c);
		return;
	}
	if (!c->answered) {
		out_reset(c);
		error_body(&c->out_plan, &c->error, c->id);
		answer_plan(c, c->error.status);
		return;
	}
	/* what was made before the failure comes first; the spans behind it may die with the upstream */
	if (!out_empty(c))
		out_pump(c);
	if (out_empty(c) && c->frame != FRAME_LENGTH && c->mode != RELAY_RAW)
		error_event(&c->out_plan, &c->error, c->id);
	else
		out_reset(c);
	c->keep_alive = false;
	c->broken = true;
	answer_over(c);
}

void conn_fail(struct conn *c, int status, const char *message, const char *why)
{
	error_set(&c->error, status, message);
	conn_failed(c, why);
}

void conn_no_memory(struct conn *c)
{
	conn_fail(c, 529, "out of memory; try again", "no memory");
}
