/*
 * The upstream's side of a connection: find a connection, send the request and
 * watch for an early answer at the same time, read the response head, and pass
 * the body on in one of six ways (enum relay_mode).
 *
 * Every stage moves min(have, room) and stops. An event is read only when what
 * the one before became is in tx, so a slow client stops the reading of the
 * upstream, and the TCP window does the rest.
 *
 * The proxy tries again by itself only where no byte of the request can have
 * reached the upstream's application: resolving, connecting, the handshake; and
 * once for a reused connection that closed without a byte (RFC 9112 9.3.1).
 */
#include "conn.h"

#include "error.h"

#define NEVER INT64_MAX
#define INTERIM_MAX 8		/* 1xx heads before the real one */
#define DEFAULT_IDLE 300	/* seconds without progress of the upstream */
#define BACKOFF 100		/* ms before the second try, doubled for each after it */

static int64_t idle_limit(const struct conn *c)
{
	int seconds = c->inst->cfg->request_timeout;

	if (seconds == 0)
		seconds = c->q.idle > 0 ? c->q.idle : DEFAULT_IDLE;
	return (int64_t)seconds * 1000;
}

/* Whether the client gets events, of which a ping is one. */
static bool to_events(const struct conn *c)
{
	return c->route == ROUTE_MESSAGES && c->facts.stream;
}

/* ---- finding a connection ---- */

static void dial(struct conn *c, bool fresh)
{
	c->up = up_open(c->srv->pool, c->inst->cfg, fresh, c->srv->now);
	c->retry_at = 0;
	if (c->up == NULL) {
		conn_fail(c, 529, "out of memory for a connection to the upstream; try again", "no memory");
		return;
	}
	if (!up_reused(c->up))
		c->tries++;
	c->up_head_at = c->plan_pulled = 0;
	c->plan_at = (struct plan_pos){ 0 };
	c->up_rx = (struct buf){ c->event_bytes, sizeof c->event_bytes, 0, 0 };
	c->interim = 0;
	c->up_head_done = c->up_body_done = c->up_keep = false;
	c->run = 0;
	conn_enter(c, PHASE_DIAL);
}

static void reply_begin(struct conn *c)
{
	struct reply_options o = { .sink = to_events(c) ? SINK_EVENTS : SINK_MESSAGE, .q = &c->q,
		.session = &c->session, .binding = c->binding, .model = c->model, .nmodel = c->nmodel,
		.show_thinking = c->facts.show_thinking, .estimate = c->facts.estimate, .stash = &c->stash };

	memcpy(o.seed, c->seed, sizeof o.seed);
	reply_start(&c->reply, &o);
}

void relay_start(struct conn *c)
{
	if (c->drain != NULL && drain_step(c))
		drain_stop(c, false);
	c->progress = c->started = c->srv->now;
	if (c->route != ROUTE_CHAT)
		reply_begin(c);
	dial(c, false);
}

void relay_stop(struct conn *c, bool keep)
{
	if (c->up == NULL)
		return;
	if (c->run > 0)
		keep = false;
	up_close(c->up, keep, c->srv->now);
	c->up = NULL;
	c->run = 0;
}

/* The connection could not be made: once more, or tell the client. */
static void dial_failed(struct conn *c)
{
	bool again = up_retry(c->up) && c->tries <= (unsigned)c->inst->cfg->max_retries;
	bool config = !up_retry(c->up);
	int status = up_timed_out(c->up) ? 504 : 502;

	if (again) {
		log_line(&c->srv->log, LOG_WARNING, "%s try %u: %s", c->id, c->tries, up_why(c->up));
		relay_stop(c, false);
		c->retry_at = c->srv->now + ((int64_t)BACKOFF << (c->tries < 5 ? c->tries : 5));
		return;
	}
	error_set(&c->error, status, up_why(c->up));
	if (config)
		c->error.should_retry = 0;
	conn_fail_with(c, &c->error, "no connection to the upstream");
}

static bool step_dial(struct conn *c)
{
	if (c->up == NULL) {
		if (c->srv->now < c->retry_at)
			return false;
		dial(c, true);
		return true;
	}
	up_step(c->up, c->srv->now);
	switch (up_state(c->up)) {
	case UP_OPEN:
		c->progress = c->srv->now;
		conn_enter(c, PHASE_TALK);
		return true;
	case UP_ENDED:
	case UP_FAILED:
		dial_failed(c);
		return true;
	case UP_NAME:
	case UP_DIAL:
	case UP_TLS:
		break;
	}
	return false;
}

/* ---- sending the request ---- */

static bool sent_all(const struct conn *c)
{
	return c->up_head_at == c->up_head.n && c->plan_pulled == c->plan.total;
}

static bool send_request(struct conn *c)
{
	size_t room, n = 0;
	char *p;

	if (sent_all(c) || (p = up_tx(c->up, &room)) == NULL || room == 0)
		return false;
	if (c->up_head_at < c->up_head.n) {
		n = c->up_head.n - c->up_head_at;
		n = n < room ? n : room;
		memcpy(p, c->up_head.p + c->up_head_at, n);
		c->up_head_at += n;
	}
	if (n < room) {
		size_t k = plan_pull(&c->plan, &c->plan_at, p + n, room - n);
		c->plan_pulled += k;
		n += k;
	}
	up_tx_done(c->up, n);
	if (sent_all(c))
		up_flush(c->up);
	c->progress = c->srv->now;
	return n > 0;
}

/* ---- the response head ---- */

static void bad_upstream(struct conn *c, const char *message)
{
	char text[256];

	fmt(text, sizeof text, "the upstream's response is broken: %s", message);
	conn_fail(c, 502, text, "broken response");
}

/* Which way the body goes, by the status alone; the rest is sniffed. */
static void choose_mode(struct conn *c, const struct http_head *h)
{
	bool good = h->status >= 200 && h->status < 300;

	c->mode = good ? RELAY_SNIFF : RELAY_ERROR;
	if (c->route == ROUTE_CHAT && (good || h->status >= 400))
		c->mode = RELAY_RAW;
}

static void start_raw(struct conn *c, const struct http_head *h)
{
	struct http_text type = http_field(h, "content-type");
	char text[128];
	size_t n = type.p != NULL && type.n < sizeof text ? type.n : 0;

	if (n > 0)
		memcpy(text, type.p, n);
	text[n] = '\0';
	if (h->framing == HTTP_LENGTH || h->framing == HTTP_EMPTY)
		answer_head(c, h->status, n > 0 ? text : "application/json", FRAME_LENGTH, h->length);
	else
		answer_head(c, h->status, n > 0 ? text : "application/json", FRAME_CHUNKED, 0);
}

static void take_response(struct conn *c, const struct http_head *h)
{
	struct http_text coding = http_field(h, "content-encoding");

	conn_debug(c, "upstream head", c->up_rx.p, c->up_rx.len);
	if (h->status == 101 || (h->status < 200 && ++c->interim > INTERIM_MAX)) {
		bad_upstream(c, h->status == 101 ? "it switched protocols" : "too many 1xx heads");
		return;
	}
	if (h->status < 200) {
		c->up_rx.len = 0;
		return;
	}
	if (coding.p != NULL && coding.n > 0 && !http_is(coding, "identity")) {
		bad_upstream(c, "it is compressed although that was not asked for");
		return;
	}
	c->up_head_done = true;
	c->up_status = h->status;
	c->up_keep = h->keep_alive;
	http_body_init(&c->body_up, h);
	choose_mode(c, h);
	if (c->mode != RELAY_ERROR && sent_all(c)) {
		heap_free(&c->body);
		heap_free(&c->plan_bytes);
	}
	if (c->mode == RELAY_SNIFF)
		sse_init(&c->sse, c->event_bytes, sizeof c->event_bytes);
	if (c->mode == RELAY_RAW)
		start_raw(c, h);
	conn_enter(c, PHASE_RELAY);
}

/* Bytes of the head are collected, since records and packets end where they like; what is behind it stays in rx. */
static bool read_head(struct conn *c)
{
	struct http_head h;
	const char *why = "";
	size_t n, before = c->up_rx.len;
	const char *p = up_rx(c->up, &n);

	if (n == 0)
		return false;
	if (n > buf_room(&c->up_rx))
		n = buf_room(&c->up_rx);
	buf_put(&c->up_rx, p, n);
	int size = http_response(c->up_rx.p, c->up_rx.len, false, &h, &why);
	if (size < 0 || (size == 0 && buf_room(&c->up_rx) == 0)) {
		bad_upstream(c, size < 0 ? why : "its head is too large");
		return true;
	}
	if (size == 0) {
		up_rx_done(c->up, n);
		return true;
	}
	up_rx_done(c->up, (size_t)size - before);
	c->up_rx.len = (size_t)size;
	c->progress = c->srv->now;
	take_response(c, &h);
	return true;
}

/* The connection ended before a response head. */
static void ended_early(struct conn *c)
{
	bool stale = up_reused(c->up) && c->up_rx.len == 0 && c->interim == 0 && !c->redialled;
	char text[512];

	if (stale) {
		relay_stop(c, false);
		c->redialled = true;
		dial(c, true);
		return;
	}
	if (!up_sent(c->up) && up_state(c->up) == UP_FAILED) {
		dial_failed(c);
		return;
	}
	const char *why = up_why(c->up);
	fmt(text, sizeof text, "the upstream closed the connection before it answered%s%s",
		why[0] != '\0' ? ": " : "", why);
	conn_fail(c, up_timed_out(c->up) ? 504 : 502, text, "upstream closed before answering");
}

static void upstream_io(struct conn *c)
{
	size_t n;

	up_rx(c->up, &n);
	if (n == 0 || !up_tx_idle(c->up) || up_again(c->up))
		up_step(c->up, c->srv->now);
}

static bool step_talk(struct conn *c)
{
	bool moved = send_request(c);

	upstream_io(c);
	if (read_head(c))
		return true;
	if (up_ended(c->up) != UP_END_NONE || up_state(c->up) == UP_FAILED) {
		ended_early(c);
		return true;
	}
	return moved;
}

/* ---- the response body ---- */

/* The answer is complete for us; the connection may have a few bytes to come before it can be used again. */
static void let_upstream_go(struct conn *c)
{
	if (c->up == NULL)
		return;
	if (c->up_body_done || !c->up_keep || !sent_all(c) || c->drain != NULL) {
		relay_stop(c, c->up_body_done && c->up_keep && sent_all(c));
		return;
	}
	if (c->run > 0)
		up_rx_done(c->up, c->run);
	c->run = 0;
	c->drain = c->up;
	c->drain_body = c->body_up;
	c->drain_until = c->srv->now + CONN_DRAIN;
	c->up = NULL;
	drain_step(c);
}

void drain_stop(struct conn *c, bool keep)
{
	if (c->drain == NULL)
		return;
	up_close(c->drain, keep, c->srv->now);
	c->drain = NULL;
}

/* Reads a response that nobody needs to its end. Returns whether the connection is still being drained. */
bool drain_step(struct conn *c)
{
	struct http_text data;
	const char *why;
	size_t n, used;

	up_step(c->drain, c->srv->now);
	for (;;) {
		const char *p = up_rx(c->drain, &n);
		enum http_progress got = http_body_next(&c->drain_body, n > 0 ? p : "", n, &used, &data, &why);
		if (used > 0)
			up_rx_done(c->drain, used);
		if (got == HTTP_DONE) {
			drain_stop(c, true);
			return false;
		}
		if (got == HTTP_BAD || up_ended(c->drain) != UP_END_NONE || c->srv->now >= c->drain_until) {
			drain_stop(c, false);
			return false;
		}
		if (used == 0)
			return true;
	}
}

static void answer_done(struct conn *c)
{
	c->why = reply_stop_reason(&c->reply);
	c->out_ended = c->reply_over = true;
	let_upstream_go(c);
	conn_enter(c, PHASE_FLUSH);
}

/* A folded stream: what the plan holds goes to the heap, to be sent as one message. */
static void fold(struct conn *c, bool done)
{
	char bytes[4096];
	size_t n;

	while ((n = plan_pull(&c->out_plan, &c->out_at, bytes, sizeof bytes)) > 0)
		if (!heap_add(&c->whole, bytes, n, (size_t)c->inst->cfg->max_body)) {
			conn_fail(c, 502, "the upstream's answer is larger than MAX_BODY allows", "answer too large");
			return;
		}
	out_reset(c);
	if (!done)
		return;
	c->why = reply_stop_reason(&c->reply);
	let_upstream_go(c);
	if (c->route == ROUTE_TEST) {
		serve_test_done(c, j_root(c->whole.p, c->whole.n));
		return;
	}
	plan_span(&c->out_plan, SPAN_RAW, c->whole.p, c->whole.n);
	answer_plan(c, 200);
}

/* What the conversion made of an event, or of the end. */
static void take_reply(struct conn *c, enum reply_what what)
{
	if (what == REPLY_FAILED) {
		conn_fail_with(c, reply_error(&c->reply), "upstream error");
		return;
	}
	if (!plan_fits(&c->out_plan)) {
		conn_fail(c, 529, "out of memory for the answer", "no memory");
		return;
	}
	if (reply_finished(&c->reply) && c->finished_at == 0)
		c->finished_at = c->srv->now;
	if (c->mode == RELAY_FOLD) {
		fold(c, what == REPLY_DONE);
		return;
	}
	if (c->out_plan.total > 0) {
		if (!c->answered)
			answer_head(c, 200, "text/event-stream; charset=utf-8", FRAME_CHUNKED, 0);
		c->last_event = c->last_out = c->srv->now;
	}
	if (what == REPLY_DONE)
		answer_done(c);
}

static void take_event(struct conn *c)
{
	c->progress = c->srv->now;
	conn_debug(c, "upstream event", c->sse.data, c->sse.len);
	take_reply(c, reply_event(&c->reply, c->sse.data, c->sse.len, c->sse.name, c->sse.error_field, &c->out_plan));
}

/* An event that is larger than its storage: more, up to MAX_EVENT. */
static bool grow_event(struct conn *c)
{
	size_t max = (size_t)c->inst->cfg->max_event, want = c->sse.cap * 2;
	bool moved = c->event.p != NULL;

	if (c->sse.cap >= max || !heap_grow(&c->event, want < max ? want : max, max))
		return false;
	if (!moved)
		memcpy(c->event.p, c->event_bytes, c->sse.len);
	c->sse.data = c->event.p;
	c->sse.cap = c->event.cap < max ? c->event.cap : max;
	return true;
}

static size_t use_events(struct conn *c, const char *p, size_t n)
{
	size_t used;
	enum sse_what what = sse_feed(&c->sse, p, n, &used);

	if (what == SSE_FULL && !grow_event(c)) {
		conn_fail(c, 502, "an event of the upstream's stream is larger than MAX_EVENT allows", "event too large");
		return 0;
	}
	if (what == SSE_EVENT)
		take_event(c);
	return used;
}

static bool blank(char ch)
{
	return ch == ' ' || ch == '\n' || ch == '\r' || ch == '\t';
}

/* White space between a keep-alive's lines is no progress; anything else is. */
static void note_progress(struct conn *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!blank(p[i])) {
			c->progress = c->srv->now;
			return;
		}
}

static size_t use_whole(struct conn *c, const char *p, size_t n)
{
	note_progress(c, p, n);
	if (heap_add(&c->whole, p, n, (size_t)c->inst->cfg->max_body))
		return n;
	conn_fail(c, 502, "the upstream's answer is larger than MAX_BODY allows", "answer too large");
	return 0;
}

/* The first byte tells: types are wrong too often (text/plain, JSON labelled as a stream and the reverse). */
static size_t use_sniff(struct conn *c, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && blank(p[i]))
		i++;
	if (i == n)
		return n;
	if (strchr(":deir\xEF", p[i]) == NULL)
		c->mode = RELAY_WHOLE;
	else
		c->mode = to_events(c) ? RELAY_EVENTS : RELAY_FOLD;
	return i;
}

static size_t use_error(struct conn *c, const char *p, size_t n)
{
	size_t room = CONN_ERROR_BODY - c->whole.n;

	note_progress(c, p, n);
	if (n > room)
		c->up_keep = false;
	heap_add(&c->whole, p, n < room ? n : room, CONN_ERROR_BODY);
	return n;
}

/* As much as tx has room for, in one chunk where the answer is chunked. */
static size_t use_raw(struct conn *c, const char *p, size_t n)
{
	bool chunked = c->frame == FRAME_CHUNKED;
	char head[16];

	buf_pack(&c->tx);
	size_t room = buf_room(&c->tx);
	if (room < 64)
		return 0;
	room -= chunked ? 16 : 0;
	n = n < room ? n : room;
	if (chunked) {
		fmt(head, sizeof head, "%x\r\n", (unsigned)n);
		buf_str(&c->tx, head);
	}
	buf_put(&c->tx, p, n);
	if (chunked)
		buf_str(&c->tx, "\r\n");
	c->progress = c->last_out = c->srv->now;
	return n;
}

static size_t use_run(struct conn *c, const char *p, size_t n)
{
	switch (c->mode) {
	case RELAY_SNIFF:
		return use_sniff(c, p, n);
	case RELAY_EVENTS:
	case RELAY_FOLD:
		return use_events(c, p, n);
	case RELAY_WHOLE:
		return use_whole(c, p, n);
	case RELAY_ERROR:
		return use_error(c, p, n);
	case RELAY_RAW:
		return use_raw(c, p, n);
	}
	return n;
}

/* ---- the end of the response body ---- */

static void finish_whole(struct conn *c)
{
	struct j_err err;
	char text[200];

	conn_debug(c, "upstream body", c->whole.p, c->whole.n);
	if (j_check_keep(c->whole.p, c->whole.n, &err) != 0) {
		if (!error_text(c->whole.p, c->whole.n, &c->error)) {
			fmt(text, sizeof text, "the upstream's answer is not JSON: %s at byte %zu", err.why, err.at);
			error_set(&c->error, 502, text);
		}
		conn_fail_with(c, &c->error, "broken answer");
		return;
	}
	struct j_val root = j_root(c->whole.p, c->whole.n);
	if (!heap_grow(&c->stash_bytes, c->whole.n + 1024, HEAP_NO_MAX)) {
		conn_fail(c, 529, "out of memory for the answer", "no memory");
		return;
	}
	c->stash.b = (struct buf){ c->stash_bytes.p, c->stash_bytes.cap, 0, 0 };
	enum reply_what what = reply_whole(&c->reply, root, &c->out_plan);
	if (what != REPLY_DONE || to_events(c)) {
		take_reply(c, what);
		return;
	}
	c->why = reply_stop_reason(&c->reply);
	let_upstream_go(c);
	if (c->route == ROUTE_TEST) {
		out_reset(c);
		serve_test_done(c, root);
		return;
	}
	answer_plan(c, 200);
}

static void finish_error(struct conn *c)
{
	struct http_head h;
	const char *why;

	http_response(c->up_rx.p, c->up_rx.len, false, &h, &why);
	conn_debug(c, "upstream body", c->whole.p, c->whole.n);
	error_read(&h, c->whole.p, c->whole.n, &c->error);
	let_upstream_go(c);
	conn_fail_with(c, &c->error, "upstream error");
}

/* clean: the body ended as its framing promised */
static void finish_body(struct conn *c, bool clean)
{
	c->up_body_done = clean;
	switch (c->mode) {
	case RELAY_EVENTS:
	case RELAY_FOLD:
		if (sse_end(&c->sse) == SSE_EVENT)
			take_event(c);
		if (c->phase == PHASE_RELAY)
			take_reply(c, reply_end(&c->reply, clean, &c->out_plan));
		return;
	case RELAY_WHOLE:
		if (clean || c->body_up.framing == HTTP_TO_END)
			finish_whole(c);
		else
			conn_fail(c, 502, "the upstream's answer was cut off", "truncated");
		return;
	case RELAY_ERROR:
		finish_error(c);
		return;
	case RELAY_SNIFF:
		conn_fail(c, 502, clean ? "the upstream's answer is empty" : "the upstream's answer was cut off",
			clean ? "empty answer" : "truncated");
		return;
	case RELAY_RAW:
		if (!clean) {
			conn_fail(c, 502, "the upstream's answer was cut off", "truncated");
			return;
		}
		c->out_ended = c->reply_over = true;
		let_upstream_go(c);
		conn_enter(c, PHASE_FLUSH);
		return;
	}
}

/* The connection ended within the body, or where the body ends with it. */
static void body_cut(struct conn *c)
{
	bool may = http_body_may_end(&c->body_up);

	c->up_keep = false;
	finish_body(c, may && up_ended(c->up) == UP_END_CLEAN);
}

/* Bytes of body, one run at a time. Returns whether anything moved. */
static bool read_body(struct conn *c)
{
	struct http_text data = { NULL, 0 };
	const char *why = "";
	size_t n, used;
	const char *p = up_rx(c->up, &n);

	if (c->run == 0) {
		enum http_progress got = http_body_next(&c->body_up, n > 0 ? p : "", n, &used, &data, &why);
		size_t frame = used - (got == HTTP_DATA ? data.n : 0);
		if (frame > 0)
			up_rx_done(c->up, frame);
		if (got == HTTP_BAD) {
			bad_upstream(c, why);
			return true;
		}
		if (got == HTTP_DONE) {
			finish_body(c, true);
			return true;
		}
		c->run = got == HTTP_DATA ? data.n : 0;
		if (c->run == 0)
			return frame > 0;
		p = up_rx(c->up, &n);
	}
	used = use_run(c, p, c->run);
	if (c->phase != PHASE_RELAY || c->up == NULL)
		return true;
	if (used > 0)
		up_rx_done(c->up, used);
	c->run -= used;
	return used > 0 || c->mode != RELAY_RAW;
}

static bool step_relay(struct conn *c)
{
	bool moved = out_pump(c);

	if (!out_empty(c))
		return moved;
	if (c->mode != RELAY_ERROR)
		moved = send_request(c) || moved;
	upstream_io(c);
	if (read_body(c))
		return true;
	if (c->phase != PHASE_RELAY || c->up == NULL)
		return true;
	if (c->run == 0 && (up_ended(c->up) != UP_END_NONE || up_state(c->up) == UP_FAILED)) {
		body_cut(c);
		return true;
	}
	return moved;
}

/* ---- time ---- */

/* The head can be held no longer: message_start, and pings from now on. */
static void commit(struct conn *c)
{
	reply_commit(&c->reply, &c->out_plan);
	answer_head(c, 200, "text/event-stream; charset=utf-8", FRAME_CHUNKED, 0);
	reply_ping(&c->reply, &c->out_plan);
}

static bool may_ping(const struct conn *c)
{
	return to_events(c) && c->answered && !c->reply_over;
}

static int64_t idle_due(const struct conn *c)
{
	return c->progress + idle_limit(c);
}

int64_t relay_due(const struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	int64_t due = NEVER, t;

	if (c->up == NULL)
		return c->retry_at;
	due = up_again(c->up) ? 0 : up_due(c->up);
	if (c->phase == PHASE_DIAL)
		return due;
	if ((t = idle_due(c)) < due)
		due = t;
	if (c->finished_at > 0 && (t = c->finished_at + CONN_GRACE) < due)
		due = t;
	if (to_events(c) && !c->answered && (t = c->started + cfg->hold) < due)
		due = t;
	if (may_ping(c) && out_empty(c)) {
		if ((t = c->last_out + cfg->ping) < due)
			due = t;
		if ((t = c->last_event + cfg->nudge) < due)
			due = t;
	}
	return due;
}

static void too_idle(struct conn *c)
{
	char text[160];

	fmt(text, sizeof text, "the upstream made no progress for %lld seconds (REQUEST_TIMEOUT)",
		(long long)(idle_limit(c) / 1000));
	conn_fail(c, 504, text, "upstream idle");
}

/* What time alone makes happen in TALK and RELAY. Returns whether anything did. */
static bool relay_time(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	int64_t now = c->srv->now;

	if (now >= idle_due(c)) {
		too_idle(c);
		return true;
	}
	if (c->finished_at > 0 && now >= c->finished_at + CONN_GRACE && out_empty(c)) {
		c->up_keep = false;
		take_reply(c, reply_end(&c->reply, true, &c->out_plan));
		return true;
	}
	if (to_events(c) && !c->answered && now >= c->started + cfg->hold) {
		commit(c);
		return true;
	}
	if (!may_ping(c) || !out_empty(c))
		return false;
	if (now >= c->last_event + cfg->nudge) {
		reply_nudge(&c->reply, &c->out_plan);
		c->last_event = c->last_out = now;
		return true;
	}
	if (now >= c->last_out + cfg->ping) {
		reply_ping(&c->reply, &c->out_plan);
		c->last_out = now;
		return true;
	}
	return false;
}

/* Whether more of the upstream's bytes can be taken: not while the client has not taken what they became. */
bool relay_rx_wanted(const struct conn *c)
{
	if (c->phase == PHASE_RELAY)
		return c->run == 0 && out_empty(c);
	return c->phase == PHASE_DIAL || c->phase == PHASE_TALK;
}

bool relay_step(struct conn *c)
{
	if (c->phase == PHASE_DIAL)
		return step_dial(c);
	if (relay_time(c))
		return true;
	if (c->phase == PHASE_TALK) {
		bool moved = out_pump(c);
		return step_talk(c) || moved;
	}
	return step_relay(c);
}
