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
	size_t room = buf_room(&c->tx);

	if (c->frame != FRAME_CHUNKED)
		return room;
	return room > CHUNK_EXTRA ? room - CHUNK_EXTRA : 0;
}

static size_t pull_chunk(struct conn *c, size_t room)
{
	static const char hex[] = "0123456789abcdef";
	char *p = buf_end(&c->tx);
	size_t n = plan_pull(&c->out_plan, &c->out_at, p + 6, room);

	for (int i = 0; i < 4; i++)
		p[i] = hex[n >> (12 - 4 * i) & 15];
	memcpy(p + 4, "\r\n", 2);
	memcpy(p + 6 + n, "\r\n", 2);
	buf_added(&c->tx, n + CHUNK_EXTRA);
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
		size_t n;
		if (c->frame == FRAME_CHUNKED) {
			n = pull_chunk(c, room);
		} else {
			n = plan_pull(&c->out_plan, &c->out_at, buf_end(&c->tx), room);
			buf_added(&c->tx, n);
		}
		c->out_pulled += n;
		moved = true;
	}
	if (c->out_pulled > 0)
		out_reset(c);
	if (!c->out_ended || c->terminated)
		return moved;
	if (c->frame == FRAME_CHUNKED && !c->broken && !buf_str(&c->tx, "0\r\n\r\n")) {
		buf_pack(&c->tx);
		if (!buf_str(&c->tx, "0\r\n\r\n"))
			return moved;
	}
	c->terminated = true;
	return true;
}

static bool put_head(struct conn *c, int status, const char *type, enum framing frame, uint64_t length)
{
	struct buf *b = &c->tx;
	bool close = !c->keep_alive || frame == FRAME_CLOSE;
	int ok = http_put_status(b, status);

	ok = ok && http_put_field(b, "content-type", type, strlen(type));
	ok = ok && http_put_field(b, "request-id", c->id, strlen(c->id));
	if (c->origin[0] != '\0') {
		ok = ok && http_put_field(b, "access-control-allow-origin", c->origin, strlen(c->origin));
		ok = ok && buf_str(b, "vary: origin\r\n");
	}
	if (c->allow != NULL)
		ok = ok && http_put_field(b, "allow", c->allow, strlen(c->allow));
	if (c->has_error && c->error.retry_after[0] != '\0')
		ok = ok && http_put_field(b, "retry-after", c->error.retry_after, strlen(c->error.retry_after));
	if (c->has_error && c->error.should_retry >= 0)
		ok = ok && buf_str(b, c->error.should_retry ? "x-should-retry: true\r\n" : "x-should-retry: false\r\n");
	if (frame == FRAME_CHUNKED)
		ok = ok && buf_str(b, "transfer-encoding: chunked\r\ncache-control: no-cache\r\n");
	if (frame == FRAME_LENGTH)
		ok = ok && buf_str(b, "content-length: ") && http_put_number(b, length) && buf_str(b, "\r\n");
	if (close)
		ok = ok && buf_str(b, "connection: close\r\n");
	else if (c->http10)
		ok = ok && buf_str(b, "connection: keep-alive\r\n");
	return ok && buf_str(b, "\r\n");
}

bool answer_head(struct conn *c, int status, const char *type, enum framing frame, uint64_t length)
{
	if (frame == FRAME_CHUNKED && c->http10)
		frame = FRAME_CLOSE;
	if (frame == FRAME_CLOSE)
		c->keep_alive = false;
	buf_pack(&c->tx);
	size_t before = c->tx.len;
	if (!put_head(c, status, type, frame, length)) {
		c->tx.len = before;
		return false;
	}
	c->frame = frame;
	c->status = status;
	c->answered = true;
	c->first_byte = c->last_out = c->last_event = c->srv->now;
	return true;
}

void answer_plan(struct conn *c, int status)
{
	if (!plan_fits(&c->out_plan)) {
		client_gone(c, "no memory");
		return;
	}
	if (!answer_head(c, status, "application/json", FRAME_LENGTH, c->out_plan.total)) {
		client_gone(c, "answer head too big");
		return;
	}
	if (c->head_method)
		out_reset(c);
	c->out_ended = c->reply_over = true;
	conn_enter(c, PHASE_FLUSH);
}

/* ---- failures ---- */

void conn_fail_with(struct conn *c, const struct api_error *e, const char *why)
{
	char clean[sizeof e->message];

	c->why = why;
	if (e != &c->error)
		c->error = *e;
	c->has_error = true;
	conn_redact(c, clean, sizeof clean, e->message, strlen(e->message));
	memcpy(c->error.message, clean, sizeof clean);
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
	c->broken = c->out_ended = c->reply_over = true;
	conn_enter(c, PHASE_FLUSH);
}

void conn_fail(struct conn *c, int status, const char *message, const char *why)
{
	struct api_error *e = &c->error;

	error_set(e, status, message);
	conn_fail_with(c, e, why);
}
