/*
 * The upstream's response body, passed on in one of six ways (enum relay_mode).
 *
 * Every stage moves min(have, room) and stops. An event is read only when what
 * the one before became is in tx, so a slow client stops the reading of the
 * upstream, and the TCP window does the rest.
 */
#include "conn.h"

#include "error.h"

#define NEVER INT64_MAX
#define SNIFF_MAX 64		/* bytes that tell events from a document: a byte order mark, white space, a name */
#define DEFAULT_IDLE 300	/* seconds without progress of the upstream */

static int64_t idle_limit(const struct conn *c)
{
	int seconds = c->inst->cfg->request_timeout;

	if (seconds == 0)
		seconds = c->q.idle > 0 ? c->q.idle : DEFAULT_IDLE;
	return (int64_t)seconds * 1000;
}

/* The answer is complete for us; the connection may have a few bytes to come before it can be used again. */
void let_upstream_go(struct conn *c)
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

/* The next bytes of a body in rx: its framing is taken, the *data behind it are not. */
static enum http_progress next_run(struct upstream *up, struct http_body *b, size_t *frame, size_t *data, const char **why)
{
	struct http_text run = { NULL, 0 };
	size_t n;
	const char *p = up_rx(up, &n);
	enum http_progress got = http_body_next(b, n > 0 ? p : "", n, frame, &run, why);

	*data = got == HTTP_DATA ? run.n : 0;
	*frame -= *data;
	if (*frame > 0)
		up_rx_done(up, *frame);
	return got;
}

/* Reads a response that nobody needs to its end. Returns whether the connection is still being drained. */
bool drain_step(struct conn *c)
{
	const char *why;
	size_t frame, data;

	up_step(c->drain, c->srv->now);
	do {
		enum http_progress got = next_run(c->drain, &c->drain_body, &frame, &data, &why);
		if (data > 0)
			up_rx_done(c->drain, data);
		if (got == HTTP_DONE || got == HTTP_BAD || up_ended(c->drain) != UP_END_NONE || c->srv->now >= c->drain_until) {
			drain_stop(c, got == HTTP_DONE);
			return false;
		}
	} while (frame + data > 0);
	return true;
}

/* The answer was read to its end. */
static void settle(struct conn *c)
{
	c->why = reply_stop_reason(&c->reply);
	conn_counted(c);
	let_upstream_go(c);
}

static void answer_done(struct conn *c)
{
	settle(c);
	answer_over(c);
}

static void answer_whole(struct conn *c)
{
	settle(c);
	if (c->route == ROUTE_TEST)
		serve_test_done(c);
	else
		answer_plan(c, 200);
}

static void too_large(struct conn *c)
{
	conn_fail(c, 502, "the upstream's answer is larger than MAX_BODY allows", "answer too large");
}

/* The client gets events: their head. */
static void start_events(struct conn *c)
{
	sent_enough(c);
	answer_head(c, 200, "text/event-stream; charset=utf-8", FRAME_CHUNKED, 0);
}

/* What the plan holds goes to the heap. Whether it is there. */
static bool pull_to(struct conn *c, struct heap *h)
{
	char bytes[4096];
	size_t n;

	while ((n = plan_pull(&c->out_plan, &c->out_at, bytes, sizeof bytes)) > 0)
		if (!heap_add(h, bytes, n, (size_t)c->inst->cfg->max_body)) {
			too_large(c);
			return false;
		}
	out_reset(c);
	return true;
}

/* A folded stream, to be sent as one message. */
static void fold(struct conn *c, bool done)
{
	if (!pull_to(c, &c->whole) || !done)
		return;
	plan_span(&c->out_plan, SPAN_RAW, c->whole.p, c->whole.n);
	answer_whole(c);
}

/* What the conversion made of an event, or of the end; its words, which may be a refusal behind a good status. */
static void take_reply(struct conn *c, enum reply_what what, const char *p, size_t n)
{
	if (what == REPLY_FAILED) {
		if (!reply_started(&c->reply) && heal_try(c, reply_error(&c->reply)->status, p, n))
			return;
		c->error = *reply_error(&c->reply);
		conn_failed(c, "upstream error");
		return;
	}
	if (!plan_fits(&c->out_plan)) {
		conn_no_memory(c);
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
			start_events(c);
		c->last_event = c->last_out = c->srv->now;
	}
	if (what == REPLY_DONE)
		answer_done(c);
}

static void take_event(struct conn *c)
{
	c->progress = c->srv->now;
	conn_debug(c, "upstream event", c->sse.data, c->sse.len);
	take_reply(c, reply_event(&c->reply, c->sse.data, c->sse.len, c->sse.name, c->sse.error_field, &c->out_plan),
		c->sse.data, c->sse.len);
}

/* An event that is larger than its storage: more, up to MAX_EVENT. */
static bool grow_event(struct conn *c)
{
	size_t max = (size_t)c->inst->cfg->max_event, want = c->sse.cap * 2;
	bool moved = c->event.p != NULL;

	if (c->sse.cap >= max || !heap_grow(&c->event, want < max ? want : max, max))
		return false;
	if (!moved)
		memcpy(c->event.p, c->event_chunk, c->sse.len);
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
	too_large(c);
	return 0;
}

/* What the body is, now that its first bytes tell; these are in c->whole. */
static void sniffed(struct conn *c, bool events)
{
	size_t used;

	if (!events) {
		c->mode = RELAY_WHOLE;
		if (c->whole.n >= 3 && memcmp(c->whole.p, "\xEF\xBB\xBF", 3) == 0)
			memmove(c->whole.p, c->whole.p + 3, c->whole.n -= 3);
		return;
	}
	c->mode = to_events(c) ? RELAY_EVENTS : RELAY_FOLD;
	sse_feed(&c->sse, c->whole.p, c->whole.n, &used);	/* the name of a field at most, so no event yet */
	heap_free(&c->whole);
}

/* The first bytes tell: types are wrong too often (text/plain, JSON labelled as a stream and the reverse). */
static size_t use_sniff(struct conn *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c->whole.n == 0 && blank(p[i]))
			continue;
		c->progress = c->srv->now;
		if (!heap_add(&c->whole, p + i, 1, HEAP_NO_MAX)) {
			conn_no_memory(c);
			return 0;
		}
		int events = c->whole.n < SNIFF_MAX ? sse_sniff(c->whole.p, c->whole.n) : 0;
		if (events >= 0) {
			sniffed(c, events > 0);
			return i + 1;
		}
	}
	return n;
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

/* As much as tx has room for: the upstream's bytes do not stay for what a plan would keep. */
static size_t use_raw(struct conn *c, const char *p, size_t n)
{
	buf_pack(&c->tx);
	size_t room = buf_room(&c->tx);

	if (room < 64)
		return 0;
	n = n < room - 16 ? n : room - 16;
	plan_span(&c->out_plan, SPAN_RAW, p, n);
	out_pump(c);
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

/* The provider searches once it has got back what it said. Whether it is asked again, or that failed. */
static bool search_on(struct conn *c, struct j_val completion)
{
	if (!c->facts.search || !request_more(completion, &c->out_plan)) {
		out_reset(c);
		return false;
	}
	if (!plan_fits(&c->out_plan) || c->searches++ == CONN_SEARCHES) {
		conn_fail(c, 502, "the provider's web search does not come to an end", "endless search");
		return true;
	}
	if (pull_to(c, &c->more)) {
		let_upstream_go(c);
		heap_free(&c->whole);
		serve_again(c);
	}
	return true;
}

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
		conn_failed(c, "broken answer");
		return;
	}
	struct j_val root = j_root(c->whole.p, c->whole.n);
	if (search_on(c, root))
		return;
	if (!heap_grow(&c->stash_bytes, c->whole.n + 1024, HEAP_NO_MAX)) {
		conn_no_memory(c);
		return;
	}
	c->stash.b = (struct buf){ c->stash_bytes.p, c->stash_bytes.cap, 0, 0 };
	enum reply_what what = reply_whole(&c->reply, root, &c->out_plan);
	if (what != REPLY_DONE || to_events(c)) {
		take_reply(c, what, c->whole.p, c->whole.n);
		return;
	}
	answer_whole(c);
}

void relay_local(struct conn *c, const char *completion)
{
	heal_worked(c);
	reply_begin(c);
	if (heap_str(&c->whole, completion))
		finish_whole(c);
	else
		conn_no_memory(c);
}

/* An OpenAI client gets the provider's words as they are, but for a key that they may repeat. */
static void pass_error(struct conn *c, const struct http_head *h)
{
	if (!heap_grow(&c->event, 2 * c->whole.n + 16, HEAP_NO_MAX)) {
		conn_no_memory(c);
		return;
	}
	size_t n = conn_redact(c, c->event.p, c->event.cap, c->whole.p, c->whole.n);
	conn_redact_error(c);	/* for the log */
	c->why = "upstream error";
	plan_span(&c->out_plan, SPAN_RAW, c->event.p, n);
	pass_head(c, h, FRAME_LENGTH, n);
	answer_over(c);
}

static void finish_error(struct conn *c)
{
	static const char squeezed[] = "the upstream's words are compressed although that was not asked for";
	struct http_head h;
	struct j_err bad;
	const char *why;

	http_response(c->up_rx.p, c->up_rx.len, false, &h, &why);
	if (compressed(&h)) {
		heap_free(&c->whole);
		heap_str(&c->whole, squeezed);
	}
	conn_debug(c, "upstream body", c->whole.p, c->whole.n);
	error_read(&h, c->whole.p, c->whole.n, &c->error);
	if (c->q.native && c->error.status == h.status && j_check_keep(c->whole.p, c->whole.n, &bad) == 0)
		error_keep_type(j_root(c->whole.p, c->whole.n), &c->error);
	if (heal_try(c, c->up_status, c->whole.p, c->whole.n))
		return;
	let_upstream_go(c);
	if (c->route == ROUTE_CHAT && h.status >= 400)
		pass_error(c, &h);
	else
		conn_failed(c, "upstream error");
}

/* Whether the event that the end of the body ends was not cut by it: half of a JSON text tells nothing. */
static bool is_whole(const struct sse *s)
{
	struct j_err err;

	if (s->len == 0 || (s->data[0] != '{' && s->data[0] != '['))
		return true;
	return (s->len >= 6 && memcmp(s->data, "[DONE]", 6) == 0) || j_check_keep(s->data, s->len, &err) == 0;
}

/* clean: the body ended as its framing promised */
static void finish_body(struct conn *c, bool clean)
{
	c->up_body_done = clean;
	if (c->mode == RELAY_EVENTS || c->mode == RELAY_FOLD) {
		if (sse_end(&c->sse) == SSE_EVENT && is_whole(&c->sse))
			take_event(c);
		if (c->phase == PHASE_RELAY)
			take_reply(c, reply_end(&c->reply, clean, &c->out_plan), NULL, 0);
	} else if (c->mode == RELAY_ERROR) {
		finish_error(c);
	} else if (!clean && (c->mode != RELAY_WHOLE || c->body_up.framing != HTTP_TO_END)) {
		conn_fail(c, 502, "the upstream's answer was cut off", "truncated");
	} else if (c->mode == RELAY_RAW) {
		let_upstream_go(c);
		answer_over(c);
	} else if (c->whole.n > 0) {
		finish_whole(c);
	} else {
		conn_fail(c, 502, "the upstream's answer is empty", "empty answer");
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
	const char *why = "";
	size_t n, frame;

	if (c->run == 0) {
		enum http_progress got = next_run(c->up, &c->body_up, &frame, &c->run, &why);
		if (got == HTTP_BAD && c->finished_at > 0)
			body_cut(c);	/* behind a finished answer nothing is lost */
		else if (got == HTTP_BAD)
			bad_upstream(c, why);
		else if (got == HTTP_DONE)
			finish_body(c, true);
		else if (c->run == 0)
			return frame > 0;
		if (c->run == 0)
			return true;
	}
	const char *p = up_rx(c->up, &n);
	size_t used = use_run(c, p, c->run);
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
	moved = upstream_io(c) || moved;
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
	start_events(c);
	reply_ping(&c->reply, &c->out_plan);
}

enum due {
	DUE_IDLE,		/* the upstream makes no progress */
	DUE_GRACE,		/* it finished, but does not end */
	DUE_HOLD,		/* the client gets its head */
	DUE_NUDGE,		/* and an event that is more than a ping */
	DUE_PING
};

struct timer {
	int64_t at;
	enum due what;
};

static void sooner(struct timer *t, int64_t at, enum due what)
{
	if (at < t->at)
		*t = (struct timer){ at, what };
}

static struct timer next_timer(const struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	struct timer t = { c->progress + idle_limit(c), c->finished_at > 0 ? DUE_GRACE : DUE_IDLE };

	if (c->finished_at > 0 && out_empty(c))
		sooner(&t, c->finished_at + CONN_GRACE, DUE_GRACE);
	if (to_events(c) && !c->answered) {
		sooner(&t, c->started + cfg->hold, DUE_HOLD);
	} else if (to_events(c) && !c->over && out_empty(c)) {
		sooner(&t, c->last_event + cfg->nudge, DUE_NUDGE);
		sooner(&t, c->last_out + cfg->ping, DUE_PING);
	}
	return t;
}

int64_t relay_due(const struct conn *c)
{
	if (c->up == NULL)
		return c->retry_at;
	int64_t due = up_again(c->up) ? 0 : up_due(c->up);
	if (c->phase == PHASE_DIAL)
		return due;
	int64_t at = next_timer(c).at;
	return at < due ? at : due;
}

static void too_idle(struct conn *c)
{
	char text[160];

	fmt(text, sizeof text, "the upstream made no progress for %lld seconds (REQUEST_TIMEOUT)",
		(long long)(idle_limit(c) / 1000));
	conn_fail(c, 504, text, "upstream idle");
}

/* Whether bytes of the upstream wait for the client to take what was before them. */
static bool held_up(const struct conn *c)
{
	return c->phase == PHASE_RELAY && (!out_empty(c) || c->run > 0);
}

/* What time alone makes happen in TALK and RELAY. Returns whether anything did. */
static bool relay_time(struct conn *c)
{
	int64_t now = c->srv->now;

	if (held_up(c))
		c->progress = now;
	struct timer t = next_timer(c);
	if (now < t.at)
		return false;
	switch (t.what) {
	case DUE_IDLE:
		too_idle(c);
		break;
	case DUE_GRACE:
		c->up_keep = false;
		take_reply(c, reply_end(&c->reply, true, &c->out_plan), NULL, 0);
		break;
	case DUE_HOLD:
		commit(c);
		break;
	case DUE_NUDGE:
		reply_nudge(&c->reply, &c->out_plan);
		c->last_event = c->last_out = now;
		break;
	case DUE_PING:
		reply_ping(&c->reply, &c->out_plan);
		c->last_out = now;
		break;
	}
	return true;
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
