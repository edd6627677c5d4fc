/* The client's side of a connection: reading, writing, and noticing that nobody is there (see conn.h). */
#include "conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t put_bytes(const struct conn *c, const char *p, size_t n)
{
	ssize_t k;

	do
		k = c->is_socket ? send(c->out, p, n, MSG_NOSIGNAL) : write(c->out, p, n);
	while (k < 0 && errno == EINTR);
	return k;
}

/* ---- TLS ---- */

bool client_shakes(const struct conn *c)
{
	return c->tls != NULL && !tls_opened(c->tls);
}

/* One that says nothing at all is no news: so do those that only look whether the port is open. */
static void tell(const struct conn *c, const char *why)
{
	if (tls_received(c->tls) > 0)
		log_line(&c->inst->log->log, LOG_WARNING, "%s: %s", c->peer, why);
}

static enum tls_state move_records(struct conn *c)
{
	bool again, shakes = client_shakes(c);
	uint64_t before = tls_received(c->tls);
	char why[256];

	if (shakes && c->srv->shaken == c->srv->now) {
		c->again = true;
		return TLS_HANDSHAKE;
	}
	enum tls_state state = tls_step_pair(c->tls, c->in, c->out, &again);
	if (shakes && tls_received(c->tls) > before)
		c->srv->shaken = c->srv->now;
	if (shakes && state == TLS_OPEN)
		c->entered = c->srv->now;	/* it is idle from here on */
	if (shakes && state == TLS_FAILED && !c->in_eof && !tls_alien(c->tls)) {
		tls_accept_why(c->tls, why, sizeof why);
		tell(c, why);
	}
	return state;
}

void client_turn(struct conn *c)
{
	if (c->tls != NULL && tls_want_write(c->tls))
		move_records(c);
}

void client_unshaken(struct conn *c)
{
	tell(c, "the TLS handshake did not come to its end in time");
	conn_enter(c, PHASE_OVER);
}

void client_close(struct conn *c, bool clean)
{
	bool again;

	if (c->tls != NULL && clean && tls_opened(c->tls)) {
		tls_close(c->tls);
		tls_step_pair(c->tls, c->in, c->out, &again);
	}
	tls_free(c->tls);
	c->tls = NULL;
	c->sealed = 0;
}

/* As read(2): after close_notify there is nobody left to answer (RFC 5246 7.2.1), before the request is whole that is told as any end. */
static ssize_t get_plain(struct conn *c, char *p, size_t room)
{
	enum tls_state state = TLS_OPEN;
	size_t n;
	const char *from = tls_rx(c->tls, &n);

	if (from == NULL) {
		state = move_records(c);
		from = tls_rx(c->tls, &n);
	}
	if (from != NULL) {
		n = n < room ? n : room;
		memcpy(p, from, n);
		tls_rx_done(c->tls, n);
		return (ssize_t)n;
	}
	if (state == TLS_CUT || (state == TLS_CLOSED && (c->phase == PHASE_HEAD || c->phase == PHASE_BODY)))
		return 0;
	errno = state <= TLS_OPEN ? EAGAIN : ECONNRESET;
	return -1;
}

/* What of tx is in a record stays there until the record has left. */
static bool write_sealed(struct conn *c)
{
	bool moved = false;

	while (c->tx.len > 0) {
		size_t room;
		char *p = c->sealed == 0 ? tls_tx(c->tls, &room) : NULL;
		if (p != NULL) {
			c->sealed = room < c->tx.len ? room : c->tx.len;
			memcpy(p, buf_at(&c->tx), c->sealed);
			tls_tx_done(c->tls, c->sealed);
			tls_flush(c->tls);
		}
		enum tls_state state = move_records(c);
		bool left = c->sealed > 0 && tls_tx_idle(c->tls);	/* its end may have come right behind */
		if (!left && (state == TLS_CLOSED || state == TLS_FAILED || tls_broken(c->tls))) {
			client_gone(c, "client gone");
			return false;
		}
		if (!left)
			return moved;
		buf_skip(&c->tx, c->sealed);
		c->sealed = 0;
		c->client_moved = c->srv->now;
		moved = true;
	}
	return moved;
}

/* ---- either ---- */

/* The client is gone: nobody is left to tell. */
void client_gone(struct conn *c, const char *why)
{
	bool between = c->phase == PHASE_HEAD || c->phase == PHASE_LINGER || c->phase == PHASE_OVER;

	if (!between && !c->terminated) {
		c->why = why;
		if (!c->answered)
			c->status = 499;
		conn_log(c);
	}
	conn_enter(c, PHASE_OVER);
}

bool client_write(struct conn *c)
{
	bool moved = false;

	if (c->tls != NULL)
		return write_sealed(c);
	while (c->tx.len > 0) {
		ssize_t k = put_bytes(c, buf_at(&c->tx), c->tx.len);
		if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return moved;
		if (k <= 0) {
			client_gone(c, "client gone");
			return false;
		}
		buf_skip(&c->tx, (size_t)k);
		c->client_moved = c->srv->now;
		moved = true;
	}
	return moved;
}

/* A probe for a client that closed its side (see the head comment). */
static void probe(struct conn *c)
{
	static const char processing[] = "HTTP/1.1 102 Processing\r\n\r\n";

	if (!c->is_socket || c->phase == PHASE_HEAD || c->phase == PHASE_BODY || c->phase == PHASE_LINGER)
		return;
	if (!c->answered && !c->http10)
		buf_put(&c->tx, processing, sizeof processing - 1);
	else if (c->mode == RELAY_EVENTS && out_empty(c) && !c->over && reply_started(&c->reply))
		reply_ping(&c->reply, &c->out_plan);
}

/* Reads into p. Returns the bytes, 0 when nothing is there now, and notes an end. */
size_t client_read(struct conn *c, char *p, size_t room)
{
	ssize_t k;

	if (c->in_eof || room == 0)
		return 0;
	do
		k = c->tls != NULL ? get_plain(c, p, room) : read(c->in, p, room);
	while (k < 0 && errno == EINTR);
	if (k > 0) {
		c->client_moved = c->srv->now;
		return (size_t)k;
	}
	if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (c->tls != NULL && tls_alien(c->tls)) {
		tls_free(c->tls);
		c->tls = NULL;
		conn_alien(c);
		return 0;
	}
	c->in_eof = true;
	if (k < 0)
		client_gone(c, "client gone");
	else
		probe(c);
	return 0;
}

/* Takes what has come into rx. Returns whether anything did. */
bool fill_rx(struct conn *c)
{
	if (buf_room(&c->rx) < CONN_RX / 4)
		buf_pack(&c->rx);
	size_t k = client_read(c, buf_end(&c->rx), buf_room(&c->rx));
	buf_added(&c->rx, k);
	return k > 0;
}
