/*
 * To the upstream: find a connection, send the request and watch for an early
 * answer at the same time, read the response head.
 *
 * The proxy tries again by itself only where no byte of the request can have
 * reached the upstream's application: resolving, connecting, the handshake; and
 * once for a reused connection that closed without a byte (RFC 9112 9.3.1).
 */
#include "conn.h"

#define INTERIM_MAX 8		/* 1xx heads before the real one */
#define BACKOFF 100		/* ms before the second try, doubled for each after it */

/* Whether the client gets events, of which a ping is one. */
bool to_events(const struct conn *c)
{
	return c->route == ROUTE_MESSAGES && c->facts.stream;
}

/* ---- finding a connection ---- */

static void dial(struct conn *c, bool fresh)
{
	c->up = up_open(c->srv->pool, c->inst->cfg, fresh, c->srv->now);
	c->retry_at = 0;
	if (c->up == NULL) {
		conn_no_memory(c);
		return;
	}
	if (!up_reused(c->up))
		c->tries++;
	c->up_head_at = c->plan_pulled = 0;
	c->plan_at = (struct plan_pos){ 0 };
	c->up_rx = (struct buf){ c->event_chunk, CONN_EVENT, 0, 0 };
	c->interim = 0;
	c->up_body_done = c->up_keep = false;
	c->run = 0;
	conn_enter(c, PHASE_DIAL);
}

void reply_begin(struct conn *c)
{
	struct reply_options o = { .sink = to_events(c) ? SINK_EVENTS : SINK_MESSAGE, .q = &c->q,
		.session = &c->session, .binding = c->binding, .model = c->model, .nmodel = c->nmodel,
		.show_thinking = c->facts.show_thinking, .search = c->facts.search, .query = c->facts.query,
		.nquery = c->facts.nquery, .stash = &c->stash };

	o.estimate = tokens_estimate(&c->facts.tokens, &c->inst->calibration, conn_model(c));
	memcpy(o.seed, c->seed, sizeof o.seed);
	reply_start(&c->reply, &o);
}

void relay_start(struct conn *c)
{
	if (c->drain != NULL && drain_step(c))
		drain_stop(c, false);
	c->progress = c->started = c->srv->now;
	/* events to the client go on where they are, once they have begun */
	if (c->route != ROUTE_CHAT && !c->answered)
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
	int status = up_timed_out(c->up) ? 504 : 502;

	if (again) {
		log_line(&c->inst->log->log, LOG_WARNING, "%s try %u: %s", c->id, c->tries, up_why(c->up));
		relay_stop(c, false);
		conn_enter(c, PHASE_DIAL);	/* a fresh connection may have broken under the first byte */
		c->retry_at = c->srv->now + ((int64_t)BACKOFF << (c->tries < 5 ? c->tries : 5));
		return;
	}
	error_set(&c->error, status, up_why(c->up));
	if (up_permanent(c->up))
		c->error.should_retry = 0;
	conn_failed(c, "no connection to the upstream");
}

bool step_dial(struct conn *c)
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
	case UP_TUNNEL:
	case UP_TLS:
		break;
	}
	return false;
}

/* ---- sending the request ---- */

bool sent_all(const struct conn *c)
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

void bad_upstream(struct conn *c, const char *message)
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
	if (c->route == ROUTE_CHAT && good)
		c->mode = RELAY_RAW;
}

bool compressed(const struct http_head *h)
{
	struct http_text coding = http_field(h, "content-encoding");

	return coding.p != NULL && coding.n > 0 && !http_is(coding, "identity");
}

void pass_head(struct conn *c, const struct http_head *h, enum framing frame, uint64_t length)
{
	struct http_text type = http_field(h, "content-type");
	char text[128];
	size_t n = type.p != NULL && type.n < sizeof text ? type.n : 0;

	if (n > 0)
		memcpy(text, type.p, n);
	text[n] = '\0';
	answer_head(c, h->status, n > 0 ? text : "application/json", frame, length);
}

static void start_raw(struct conn *c, const struct http_head *h)
{
	bool known = h->framing == HTTP_LENGTH || h->framing == HTTP_EMPTY;

	pass_head(c, h, known ? FRAME_LENGTH : FRAME_CHUNKED, known ? h->length : 0);
}

void sent_enough(struct conn *c)
{
	/* a search may need it once more, and tells of its query */
	if (!sent_all(c) || c->facts.search)
		return;
	heap_free(&c->up_head);
	c->up_head_at = 0;
	heap_free(&c->body);
	heap_free(&c->plan_bytes);
}

static void take_response(struct conn *c, const struct http_head *h)
{
	conn_debug(c, "upstream head", c->up_rx.p, c->up_rx.len);
	if (h->status == 101 || (h->status < 200 && ++c->interim > INTERIM_MAX)) {
		bad_upstream(c, h->status == 101 ? "it switched protocols" : "too many 1xx heads");
		return;
	}
	if (h->status < 200) {
		c->up_rx.len = 0;
		return;
	}
	if (compressed(h) && h->status < 300) {
		bad_upstream(c, "it is compressed although that was not asked for");
		return;
	}
	c->up_status = h->status;
	c->up_keep = h->keep_alive;
	http_body_init(&c->body_up, h);
	choose_mode(c, h);
	if (c->mode == RELAY_SNIFF) {
		heal_worked(c);
		sse_init(&c->sse, c->event_chunk, CONN_EVENT);
	}
	if (c->mode == RELAY_RAW) {
		sent_enough(c);
		start_raw(c, h);
	}
	conn_enter(c, PHASE_RELAY);
}

/* A TLS alert (RFC 8446 5.1), which is how a TLS server answers a plain request: not to be tried again as it is. */
static bool tls_alert(struct conn *c)
{
	if (c->up_rx.p[0] != 0x15)
		return false;
	error_set(&c->error, 502, "the upstream speaks TLS on this port: use https:// in OPENAI_BASE_URL");
	c->error.should_retry = 0;
	conn_failed(c, "broken response");
	return true;
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
		if (!tls_alert(c))
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
	bool stale = up_reused(c->up) && c->up_rx.len == 0 && c->interim == 0;	/* so once: the next is a fresh one */
	char text[512];

	if (stale) {
		relay_stop(c, false);
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

/*
 * Bytes both ways. What is sent here makes room that nothing else would tell
 * of: with an empty buffer there is nothing to poll for, so it is filled again.
 */
bool upstream_io(struct conn *c)
{
	bool more = c->phase == PHASE_TALK || c->mode != RELAY_ERROR;	/* a refused request is not sent to its end */
	bool moved = more && send_request(c);
	size_t n;

	up_rx(c->up, &n);
	if (n == 0 || !up_tx_idle(c->up) || up_again(c->up))
		up_step(c->up, c->srv->now);
	return (more && send_request(c)) || moved;
}

bool step_talk(struct conn *c)
{
	bool moved = upstream_io(c);

	if (read_head(c))
		return true;
	if (up_ended(c->up) != UP_END_NONE || up_state(c->up) == UP_FAILED) {
		ended_early(c);
		return true;
	}
	return moved;
}
