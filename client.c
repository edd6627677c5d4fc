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
		k = read(c->in, p, room);
	while (k < 0 && errno == EINTR);
	if (k > 0) {
		c->client_moved = c->srv->now;
		return (size_t)k;
	}
	if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
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
