/*
 * One client connection: phases, buffers, deadlines (see conn.h).
 *
 * Who ends when, and what happens:
 *
 *   client    before a byte of a request     closed silently
 *   client    inside head or body            400, closed
 *   client    later                          a half-close is served; one that is gone is noticed at
 *                                            once (below) and the upstream is closed
 *   upstream  reused connection, no byte     one resend on a fresh connection
 *   upstream  fresh one, before its head     502 when a byte of the request left (it may have been
 *                                            billed), else another try
 *   upstream  inside a delimited body        failure
 *   upstream  body to the end of connection  done when the end is clean, or the answer was complete
 *   nobody    upstream's idle limit          504 before the head, an error event after
 *   SIGTERM                                  what runs is finished, then closed
 *   its listener is gone, an upgrade         the same, and an idle one gets one answer more
 *
 * A client that half-closed and one that is gone look alike until something is
 * written. So after an EOF on its side something harmless is written at once,
 * a 102 head before the response or a ping within it: the gone one answers RST.
 *
 * A failure ends the answer uncleanly: never half a chunk, never the last one.
 */
#include "conn.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEVER INT64_MAX

static int stash_grow(struct stash *s, size_t more)
{
	struct conn *c = s->owner;

	if (!heap_grow(&c->stash_bytes, s->b.off + s->b.len + more, (size_t)c->inst->cfg->max_body))
		return 0;
	s->b.p = c->stash_bytes.p;
	s->b.cap = c->stash_bytes.cap;
	return 1;
}

/* Forgets the request before: all that belongs to one request and its answer. */
static void forget(struct conn *c)
{
	heap_free(&c->more);
	heap_free(&c->body);
	heap_free(&c->up_head);
	heap_free(&c->passed);
	heap_free(&c->plan_bytes);
	heap_free(&c->names);
	heap_free(&c->event);
	heap_free(&c->stash_bytes);
	heap_free(&c->whole);
	out_reset(c);
	memset((char *)c + offsetof(struct conn, body_over), 0, offsetof(struct conn, rx) - offsetof(struct conn, body_over));
	c->stash.grow = stash_grow;
	c->stash.owner = c;
	c->why = "done";
}

struct conn *conn_new(struct server *srv, struct instance *inst, int in, int out, const char *peer)
{
	struct conn *c = malloc(sizeof *c);
	struct stat st;

	if (c == NULL)
		return NULL;
	memset(c, 0, offsetof(struct conn, spans));
	if (inst->cfg->identity != NULL && (c->tls = tls_accept(inst->cfg->identity)) == NULL) {
		free(c);
		return NULL;
	}
	c->srv = srv;
	c->inst = inst;
	inst->refs++;
	c->in = in;
	c->out = out;
	c->is_socket = in == out && fstat(in, &st) == 0 && S_ISSOCK(st.st_mode);
	fmt(c->peer, sizeof c->peer, "%s", peer);
	c->rx.cap = CONN_RX;
	c->tx.cap = CONN_TX;
	forget(c);
	c->phase = PHASE_HEAD;
	c->entered = c->client_moved = srv->now;
	srv->count++;
	return c;
}

void conn_free(struct conn *c)
{
	struct chunks *k = up_pool_chunks(c->srv->pool);

	relay_stop(c, false);
	drain_stop(c, false);
	client_close(c, !c->answered || c->terminated);
	forget(c);
	chunk_give(k, &c->rx.p);
	chunk_give(k, &c->tx.p);
	chunk_give(k, &c->event_chunk);
	close(c->in);
	if (c->out != c->in)
		close(c->out);
	/* kept on top of the heap, one would hold all that is free below it */
	if (--c->srv->count == 0)
		chunks_free(k);
	instance_drop(c->inst);
	free(c);
}

void conn_renew(struct conn *c)
{
	struct instance *old = c->inst;

	if (old->successor == NULL)
		return;
	drain_stop(c, false);		/* it is of the old configuration */
	while (c->inst->successor != NULL)
		c->inst = c->inst->successor;
	c->inst->refs++;
	instance_drop(old);
}

/* not before those that came behind it are answered too: who sent them was not told that there would be an end */
bool conn_leaving(const struct conn *c)
{
	bool other = (c->tls == NULL) != (c->inst->cfg->identity == NULL);	/* TLS began or ended in a reload */

	return (c->srv->draining || c->inst->leaving || other) && c->rx.len == 0;
}

/* ---- buffers ---- */

/* All three, for a step. */
static bool wake(struct conn *c)
{
	struct chunks *k = up_pool_chunks(c->srv->pool);

	if (c->rx.p == NULL)
		c->rx.p = chunk_take(k);
	if (c->tx.p == NULL)
		c->tx.p = chunk_take(k);
	if (c->event_chunk == NULL) {
		c->event_chunk = chunk_take(k);
		c->up_rx.p = c->event_chunk;
		if (c->event.p == NULL)
			c->sse.data = c->event_chunk;
	}
	return c->rx.p != NULL && c->tx.p != NULL && c->event_chunk != NULL;
}

/* Behind the step: those in which nothing waits. A plan may point into an event. */
static void rest(struct conn *c)
{
	struct chunks *k = up_pool_chunks(c->srv->pool);
	bool head = c->up_rx.len > 0 && (c->phase == PHASE_TALK || (c->phase == PHASE_RELAY && c->mode == RELAY_ERROR));
	bool event = c->sse.len > 0 && !c->sse.ready && c->event.p == NULL;

	if (c->rx.len == 0)
		chunk_give(k, &c->rx.p);
	if (c->tx.len == 0)
		chunk_give(k, &c->tx.p);
	if (!head && !event && out_empty(c))
		chunk_give(k, &c->event_chunk);
	if (c->up != NULL)
		up_rest(c->up);
	if (c->drain != NULL)
		up_rest(c->drain);
}

void conn_enter(struct conn *c, enum phase phase)
{
	c->phase = phase;
	c->entered = c->client_moved = c->srv->now;
}

bool conn_idle(const struct conn *c)
{
	return c->phase == PHASE_HEAD && c->rx.len == 0 && c->tx.len == 0 && !c->refused && !client_shakes(c);
}

/* ---- the request ---- */

static void copy_text(char *dst, size_t room, struct http_text t)
{
	fmt(dst, room, "%.*s", (int)t.n, t.p);
}

void conn_session(struct conn *c, struct http_text t)
{
	if (t.n >= sizeof c->session_id)
		return;
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] <= ' ' || t.p[i] > '~')
			return;
	copy_text(c->session_id, sizeof c->session_id, t);
}

static void begin(struct conn *c)
{
	c->began = c->srv->now;
	/* ids need to be different, not secret: where the kernel has no random bytes yet, time and place do */
	int64_t instead[2] = { wall_clock() ^ (int64_t)(intptr_t)c, c->began };
	if (getrandom(c->seed, sizeof c->seed, GRND_NONBLOCK) != (ssize_t)sizeof c->seed)
		memcpy(c->seed, instead, sizeof c->seed);
	conv_fresh("req_", c->seed, UINT_MAX, c->id, sizeof c->id);
}

/* What a client of the API says of it goes on to a provider that speaks it: an open list. False: no memory. */
static bool keep_fields(struct conn *c, const struct http_head *h)
{
	const struct http_field *f = h->fields, *end = f + h->nfields;
	bool ok = true;

	for (; f < end; f++) {
		size_t n = (size_t)(f->value.p + f->value.n - f->name.p);

		if (f->name.n <= 10 || !http_is((struct http_text){ f->name.p, 10 }, "anthropic-") || cfg_header(c->inst->cfg, f->name.p, f->name.n))
			continue;
		c->versioned = c->versioned || http_is(f->name, "anthropic-version");
		ok = ok && heap_add(&c->passed, f->name.p, n, HEAP_NO_MAX) && heap_str(&c->passed, "\r\n");
	}
	return ok;
}

static void no_place(struct conn *c)
{
	error_set(&c->error, 529, "all connections are taken (MAX_CONNECTIONS, MAX_PER_ADDRESS); try again");
	fmt(c->error.retry_after, sizeof c->error.retry_after, "2");
	c->keep_alive = false;
	conn_failed(c, "no place");
}

static void take_head(struct conn *c, const struct http_head *h)
{
	struct route_info info;
	int bad;

	c->keep_alive = h->keep_alive && !c->refused;
	c->http10 = h->minor == 0;
	c->head_method = h->head_method;
	http_body_init(&c->body_in, h);
	c->body_over = h->framing == HTTP_EMPTY || (h->framing == HTTP_LENGTH && h->length == 0);
	copy_text(c->origin, sizeof c->origin, route_origin(h, c->inst->cfg));
	conn_session(c, http_field(h, "x-claude-code-session-id"));
	struct http_text agent = http_field(h, "x-claude-code-agent-id");
	if (agent.p != NULL)
		c->agent = hash_bytes(agent.p, agent.n);
	if (route_preflight(h, c->inst->cfg)) {
		serve_preflight(c, http_field(h, "access-control-request-headers"));
		return;
	}
	bad = route_head(h, c->inst->cfg, &info, &c->error);
	if (bad != 0) {
		c->allow = info.allow;
		c->route = ROUTE_ROOT;
		conn_failed(c, "refused");
		return;
	}
	c->route = info.route;
	c->key = info.key;
	if (c->refused && (c->route != ROUTE_HEALTH || !c->body_over)) {
		no_place(c);
		return;
	}
	copy_text(c->model, sizeof c->model, info.rest);
	bool kept = !c->inst->cfg->target.native || keep_fields(c, h);
	if (!kept || (h->framing == HTTP_LENGTH && !heap_grow(&c->body, (size_t)h->length, (size_t)c->inst->cfg->max_body))) {
		conn_no_memory(c);
		return;
	}
	conn_enter(c, PHASE_BODY);
}

/* RFC 9110 10.1.1: not when a part of the body is here already. */
static void invite_body(struct conn *c)
{
	if (c->phase == PHASE_BODY && !c->body_over && c->rx.len == 0)
		buf_str(&c->tx, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void refuse_head(struct conn *c, int status, const char *message, const char *why)
{
	c->keep_alive = c->body_over = false;
	c->route = ROUTE_ROOT;
	conn_fail(c, status, message, why);
}

void conn_alien(struct conn *c)
{
	begin(c);
	refuse_head(c, 400, "this port speaks TLS: the address begins with https://", "no TLS");
}

static bool step_head(struct conn *c)
{
	struct http_head h;
	const char *why = "";

	if (c->rx.len == c->looked && !fill_rx(c) && !c->in_eof)
		return false;
	if (c->phase != PHASE_HEAD)
		return false;
	if (c->rx.len == 0) {
		if (c->in_eof)
			conn_enter(c, PHASE_OVER);
		return false;
	}
	if (c->id[0] == '\0')
		begin(c);
	int n = http_request(buf_at(&c->rx), c->rx.len, &h, &why);
	if (n > 0) {
		conn_debug(c, "client head", buf_at(&c->rx), (size_t)n);
		take_head(c, &h);
		buf_skip(&c->rx, (size_t)n);
		if (h.expect_continue)
			invite_body(c);
	} else if (n < 0) {
		refuse_head(c, -n, why, "bad request head");
	} else if (c->in_eof) {
		refuse_head(c, 400, "the connection ended inside the request head", "client ended early");
	}
	c->looked = c->rx.len;
	return true;
}

/* A body of known length goes straight to where it will stay. */
static bool read_direct(struct conn *c)
{
	size_t want = (size_t)c->body_in.left;
	size_t k = client_read(c, c->body.p + c->body.n, want < 262144 ? want : 262144);

	c->body.n += k;
	c->body_in.left -= k;
	c->body_over = c->body_in.left == 0;
	return k > 0;
}

static bool take_body(struct conn *c)
{
	struct http_text data = { NULL, 0 };
	const char *why = "";
	size_t used;
	enum http_progress got = http_body_next(&c->body_in, buf_at(&c->rx), c->rx.len, &used, &data, &why);
	bool fits = data.n == 0 || heap_add(&c->body, data.p, data.n, (size_t)c->inst->cfg->max_body);

	buf_skip(&c->rx, used);
	if (!fits) {
		conn_fail(c, 413, "request body is larger than MAX_BODY allows", "body too large");
		return true;
	}
	if (got == HTTP_BAD) {
		c->keep_alive = false;
		conn_fail(c, 400, why, "bad chunks");
		return true;
	}
	c->body_over = got == HTTP_DONE || (c->body_in.framing == HTTP_LENGTH && c->body_in.left == 0);
	return used > 0 || c->body_over;
}

static bool step_body(struct conn *c)
{
	bool moved = false;

	if (!c->body_over && c->rx.len > 0)
		moved = take_body(c);
	else if (!c->body_over && c->body_in.framing == HTTP_LENGTH)
		moved = read_direct(c);
	else if (!c->body_over)
		moved = fill_rx(c);
	if (c->phase != PHASE_BODY)
		return moved;
	if (c->body_over) {
		conn_debug(c, "client body", c->body.p, c->body.n);
		serve_request(c);
		return true;
	}
	if (c->in_eof && !moved && c->rx.len == 0) {
		c->keep_alive = false;
		conn_fail(c, 400, "the connection ended inside the request body", "client ended early");
		return true;
	}
	return moved;
}

/* ---- after the answer ---- */

static void next_request(struct conn *c)
{
	bool clean = !c->broken, keep = c->keep_alive && clean;

	conn_log(c);
	relay_stop(c, false);
	forget(c);
	conn_renew(c);
	if (keep && (!c->srv->draining || c->srv->patient || c->rx.len > 0)) {
		conn_enter(c, PHASE_HEAD);
		return;
	}
	client_close(c, clean);
	if (!c->is_socket || c->in_eof) {
		conn_enter(c, PHASE_OVER);
		return;
	}
	shutdown(c->out, SHUT_WR);
	conn_enter(c, PHASE_LINGER);
}

static bool step_flush(struct conn *c)
{
	bool moved = out_pump(c);

	if (c->terminated && c->tx.len == 0) {
		next_request(c);
		return c->phase != PHASE_OVER;
	}
	return moved;
}

static bool step_linger(struct conn *c)
{
	bool moved = client_read(c, c->rx.p, CONN_RX) > 0;

	if (c->in_eof)
		conn_enter(c, PHASE_OVER);
	return moved;
}

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The client's own deadlines; the upstream's are relay_due. */
static int64_t client_due(const struct conn *c)
{
	const struct config *cfg = c->inst->cfg;

	switch (c->phase) {
	case PHASE_HEAD:
		if (client_shakes(c))
			return c->entered + cfg->head_timeout;
		if (c->tx.len > 0)
			return c->client_moved + cfg->write_stall;
		if (c->refused)
			return c->entered + CONN_REFUSED;
		return c->id[0] == '\0' ? c->entered + cfg->keepalive : c->began + cfg->head_timeout;
	case PHASE_BODY:
		return earlier(c->client_moved + cfg->body_idle, c->entered + cfg->body_max);
	case PHASE_DIAL:
	case PHASE_TALK:
	case PHASE_RELAY:
	case PHASE_FLUSH:
		return c->tx.len > 0 ? c->client_moved + cfg->write_stall : NEVER;
	case PHASE_LINGER:
		return c->entered + cfg->linger;
	case PHASE_OVER:
		break;
	}
	return NEVER;
}

int64_t conn_due(const struct conn *c)
{
	int64_t due = client_due(c);

	if (c->again || c->phase == PHASE_OVER)
		return 0;
	if (c->drain != NULL)
		due = earlier(due, earlier(c->drain_until, up_due(c->drain)));
	if (c->phase == PHASE_DIAL || c->phase == PHASE_TALK || c->phase == PHASE_RELAY)
		due = earlier(due, relay_due(c));
	return due;
}

static void client_late(struct conn *c)
{
	if (client_shakes(c)) {
		client_unshaken(c);
	} else if (c->phase == PHASE_HEAD && c->refused && c->tx.len == 0) {
		if (c->id[0] == '\0')
			begin(c);
		c->route = ROUTE_ROOT;
		no_place(c);
	} else if (c->phase == PHASE_HEAD && c->id[0] != '\0' && c->tx.len == 0) {
		refuse_head(c, 408, "the request head did not come in time", "head too slow");
	} else if (c->phase == PHASE_BODY) {
		c->keep_alive = false;
		conn_fail(c, 408, "the request body did not come in time", "body too slow");
	} else if (c->phase == PHASE_HEAD || c->phase == PHASE_LINGER) {
		conn_enter(c, PHASE_OVER);
	} else {
		client_gone(c, "client stalled");
	}
}

/* ---- the loop's view ---- */

static short client_events(const struct conn *c)
{
	bool input = !c->in_eof && (c->phase == PHASE_LINGER || buf_room(&c->rx) > 0 || c->rx.off > 0);

	return input && (c->tls == NULL || tls_want_read(c->tls)) ? POLLIN : 0;
}

int conn_poll(struct conn *c, struct pollfd *p)
{
	short in = client_events(c), out = c->tx.len > 0 || (c->tls != NULL && tls_want_write(c->tls)) ? POLLOUT : 0;
	int n = 2;

	if (c->in == c->out) {
		p[0] = (struct pollfd){ .fd = c->in, .events = (short)(in | out) };
		p[1] = (struct pollfd){ .fd = -1 };
	} else {
		p[0] = (struct pollfd){ .fd = in ? c->in : -1, .events = in };
		p[1] = (struct pollfd){ .fd = c->out, .events = out };
	}
	if (c->up != NULL)
		n += up_poll(c->up, p + n, relay_rx_wanted(c));
	if (c->drain != NULL)
		n += up_poll(c->drain, p + n, true);
	return n;
}

static bool hung_up(const struct conn *c, const struct pollfd *p)
{
	if (c->phase == PHASE_LINGER)
		return (p[0].revents & (POLLERR | POLLNVAL)) != 0;
	if (c->in == c->out)
		return c->is_socket && (p[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
	return (p[1].revents & (POLLERR | POLLNVAL)) != 0;
}

static bool step_phase(struct conn *c)
{
	switch (c->phase) {
	case PHASE_HEAD:
		return c->tx.len == 0 && step_head(c);
	case PHASE_BODY:
		return step_body(c);
	case PHASE_DIAL:
	case PHASE_TALK:
	case PHASE_RELAY:
		return relay_step(c);
	case PHASE_FLUSH:
		return step_flush(c);
	case PHASE_LINGER:
		return step_linger(c);
	case PHASE_OVER:
		break;
	}
	return false;
}

static bool waits_for_others(const struct conn *c)
{
	return c->phase == PHASE_DIAL || c->phase == PHASE_TALK || c->phase == PHASE_RELAY || c->phase == PHASE_FLUSH;
}

void conn_step(struct conn *c, const struct pollfd *p, int n)
{
	int64_t now = c->srv->now;
	int rounds;

	c->again = false;
	if (c->phase == PHASE_OVER)
		return;
	if (!wake(c) || (n > 0 && hung_up(c, p))) {
		client_gone(c, c->event_chunk == NULL ? "out of memory" : "client gone");
		return;
	}
	client_turn(c);
	if (n > 0 && (p[0].revents & (POLLIN | POLLHUP)) != 0 && waits_for_others(c))
		fill_rx(c);
	if (c->drain != NULL)
		drain_step(c);
	if (client_due(c) <= now)
		client_late(c);
	for (rounds = 0; rounds < CONN_ROUNDS && c->phase != PHASE_OVER; rounds++)
		if (!step_phase(c) && !client_write(c))
			break;
	c->again |= rounds == CONN_ROUNDS;
	/* what it takes now makes room, which nothing else would tell of */
	if (c->phase != PHASE_OVER && c->tx.len > 0 && client_write(c))
		c->again = true;
	if (c->phase == PHASE_FLUSH && c->terminated && c->tx.len == 0)
		c->again = true;
	rest(c);
}
