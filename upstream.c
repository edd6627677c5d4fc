/*
 * One upstream connection.
 *
 *   state      waits for                         then
 *   UP_NAME    the lookup                        UP_DIAL
 *   UP_DIAL    one of several connects           UP_TUNNEL, UP_TLS, or UP_OPEN when plain
 *   UP_TUNNEL  the proxy on the way to agree     UP_TLS, or UP_OPEN when plain
 *   UP_TLS     the handshake                     UP_OPEN
 *   UP_OPEN    its user, and the other side      UP_ENDED at the other side's end
 *   any        its own deadline, or a failure    UP_FAILED
 *
 * An error in sending does not end it: the other side may have answered before
 * it reset the connection, so receiving goes on to its own end. Whatever the
 * end, bytes that came can be read first, and only then is it told.
 *
 * With a proxy UP_NAME and UP_DIAL are for its host, and the name of the
 * upstream is left to it.
 *
 * Up to UP_OPEN the steps are in upstream_dial.c.
 *
 * Buffers: RX and TX when plain and in UP_TUNNEL, those of tls.c otherwise.
 */
#include "upstream_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errno_text.h"

#define READS 4		/* of a plain connection in one step: others wait too */

/* ------------------------------------------------------------------- ends */

static void release(struct upstream *u)
{
	if (u->query != NULL)
		dns_drop(u->query);
	u->query = NULL;
	if (u->state == UP_DIAL)
		dial_stop(&u->dial);
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

/* who is spoken with now, behind these words */
size_t up_say_who(struct upstream *u, const char *what)
{
	if (u->c->via.host[0] != '\0' && u->state <= UP_TUNNEL)
		return fmt(u->why, sizeof u->why, "%sthe %s %s", what, u->c->via.setting, u->c->via.host);
	return fmt(u->why, sizeof u->why, "%s%s", what, u->c->target.host);
}

/* u->why says it */
void up_failed(struct upstream *u, bool retry)
{
	release(u);
	u->reached = u->state;
	u->state = UP_FAILED;
	u->end = UP_END_ERROR;
	u->retry = retry;
}

void up_fail(struct upstream *u, bool retry, const char *what, const char *why)
{
	size_t n = up_say_who(u, what);

	fmt(u->why + n, sizeof u->why - n, ": %s", why);
	up_failed(u, retry);
}

/* a deadline of ours has passed: another attempt would take as long again */
void up_fail_late(struct upstream *u, const char *what, int timeout)
{
	char why[48];

	fmt(why, sizeof why, "no answer within %m", (int64_t)timeout);
	up_fail(u, false, what, why);
	u->timed_out = true;
}

static void end(struct upstream *u, enum up_end how)
{
	release(u);
	u->state = UP_ENDED;
	u->end = how;
}

/* Storage for what comes and what goes; false when there is none, and it failed. */
bool up_wake(struct upstream *u)
{
	struct chunks *k = up_pool_chunks(u->pool);

	if (u->rx.p == NULL)
		u->rx.p = chunk_take(k);
	if (u->tx.p == NULL)
		u->tx.p = chunk_take(k);
	u->rx.cap = RX;
	u->tx.cap = TX;
	if (u->rx.p == NULL || u->tx.p == NULL)
		up_fail(u, false, "cannot talk to ", "out of memory");
	return u->state != UP_FAILED;
}

void up_rest(struct upstream *u)
{
	if (u->rx.len == 0)
		chunk_give(up_pool_chunks(u->pool), &u->rx.p);
	if (u->tx.len == 0)
		chunk_give(up_pool_chunks(u->pool), &u->tx.p);
}

void up_destroy(struct upstream *u)
{
	release(u);
	u->rx.len = u->tx.len = 0;
	up_rest(u);
	tls_free(u->tls);
	if (u->roots != NULL)
		pool_roots_drop(u->pool, u->roots);
	free(u);
}

bool up_current(const struct upstream *u)
{
	return u->roots == NULL || u->roots->current;
}

/* -------------------------------------------------------- records and bytes */

static void step_records(struct upstream *u)
{
	char why[384];
	enum tls_state state = tls_step(u->tls, u->fd, &u->again);

	u->sent |= u->put && tls_sent(u->tls) > u->before;
	if (state == TLS_CLOSED)
		end(u, UP_END_CLEAN);
	else if (state == TLS_CUT)
		end(u, UP_END_CUT);
	else if (state == TLS_FAILED) {
		tls_why(u->tls, why, sizeof why);
		up_fail(u, !u->sent, "", why);
	}
}

static bool later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

void up_send(struct upstream *u)
{
	while (u->tx.len > 0 && u->broken == 0) {
		ssize_t n = send(u->fd, buf_at(&u->tx), u->tx.len, MSG_NOSIGNAL);
		if (n > 0) {
			u->sent = true;
			buf_skip(&u->tx, (size_t)n);
			continue;
		}
		if (n < 0 && !later(errno))
			u->broken = errno;
		u->again |= n < 0 && errno == EINTR;
		return;
	}
}

static void receive_end(struct upstream *u, int error)
{
	char why[160];

	if (error == 0)
		error = u->broken;
	if (error == 0)
		end(u, UP_END_CLEAN);
	else {
		fmt(why, sizeof why, "the connection broke: %s", errno_text(error));
		up_fail(u, !u->sent, "", why);
	}
}

void up_receive(struct upstream *u)
{
	for (int i = 0; i < READS; i++) {
		if (u->rx.off > 0)
			buf_pack(&u->rx);
		size_t room = buf_room(&u->rx);
		if (room == 0)
			return;
		ssize_t n = recv(u->fd, buf_end(&u->rx), room, 0);
		if (n > 0) {
			buf_added(&u->rx, (size_t)n);
			if ((size_t)n < room)
				return;
			continue;
		}
		u->again |= n < 0 && errno == EINTR;
		if (n == 0 || !later(errno))
			receive_end(u, n == 0 ? 0 : errno);
		return;
	}
}

/* ---------------------------------------------------------------- one step */

static void step_open(struct upstream *u)
{
	if (u->tls != NULL) {
		step_records(u);
		return;
	}
	if (!up_wake(u))
		return;
	up_send(u);
	up_receive(u);
}

void up_step(struct upstream *u, int64_t now)
{
	u->again = false;
	if (u->state < UP_OPEN)
		up_advance(u, now);
	if (u->state == UP_OPEN)
		step_open(u);
}

/* ----------------------------------------------------------- opening, closing */

static struct upstream *reuse(struct up_pool *p, const struct config *c, const struct identity *id)
{
	struct upstream *u = pool_take(p, id);

	if (u == NULL)
		return NULL;
	u->c = c;
	u->reused = true;
	u->put = u->sent = false;
	return u;
}

struct upstream *up_open(struct up_pool *p, const struct config *c, bool fresh, int64_t now)
{
	struct identity id;

	pool_identity(c, &id);
	struct upstream *u = fresh ? NULL : reuse(p, c, &id);
	if (u != NULL)
		return u;
	u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	u->pool = p;
	u->c = c;
	u->id = id;
	u->fd = -1;
	u->state = UP_NAME;
	u->end = UP_END_NONE;
	up_begin(u, now);
	return u;
}

static bool waiting(const struct upstream *u)
{
	size_t n = u->rx.len;

	if (u->tls != NULL)
		(void)tls_rx(u->tls, &n);
	return n > 0;
}

void up_close(struct upstream *u, bool keep, int64_t now)
{
	bool can = u->state == UP_OPEN && u->broken == 0 && !waiting(u) && up_tx_idle(u) && up_current(u);

	if (!keep || !can || u->c->up_keepalive <= 0) {
		up_destroy(u);
		return;
	}
	int64_t until = now + u->c->up_keepalive;
	up_rest(u);
	u->c = NULL;	/* may be gone before this connection is used again */
	pool_put(u->pool, u, &u->id, u->fd, until);
}

/* ------------------------------------------------------------- what it says */

enum up_state up_state(const struct upstream *u)
{
	return u->state == UP_FAILED && waiting(u) ? UP_ENDED : u->state;
}

bool up_reused(const struct upstream *u)
{
	return u->reused;
}

bool up_sent(const struct upstream *u)
{
	return u->sent;
}

bool up_retry(const struct upstream *u)
{
	return u->retry;
}

bool up_permanent(const struct upstream *u)
{
	return u->permanent;
}

const char *up_why(const struct upstream *u)
{
	return u->why;
}

enum up_state up_reached(const struct upstream *u)
{
	return u->reached;
}

bool up_timed_out(const struct upstream *u)
{
	return u->timed_out;
}

static int poll_name(const struct upstream *u, struct pollfd *p)
{
	int fds[UP_FDS];
	int n = dns_fds(u->query, fds, UP_FDS);

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	return n;
}

static short interest(const struct upstream *u, bool rx_room)
{
	bool in, out;

	if (u->tls != NULL) {
		in = tls_want_read(u->tls);
		out = tls_want_write(u->tls);
	} else {
		in = u->rx.len < u->rx.cap;
		out = u->tx.len > 0 && u->broken == 0;
	}
	return (short)((in && (rx_room || u->state != UP_OPEN) ? POLLIN : 0) | (out ? POLLOUT : 0));
}

int up_poll(const struct upstream *u, struct pollfd *p, bool rx_room)
{
	if (u->state == UP_NAME)
		return poll_name(u, p);
	if (u->state == UP_DIAL)
		return dial_poll(&u->dial, p);
	if (u->state < UP_TUNNEL || u->state > UP_OPEN)
		return 0;
	*p = (struct pollfd){ .fd = u->fd, .events = interest(u, rx_room) };
	return p->events != 0;
}

int64_t up_due(const struct upstream *u)
{
	switch (u->state) {
	case UP_NAME:
		return dns_due(u->query);
	case UP_DIAL:
		return dial_due(&u->dial);
	case UP_TUNNEL:
	case UP_TLS:
		return u->deadline;
	case UP_OPEN:
	case UP_ENDED:
	case UP_FAILED:
		break;
	}
	return INT64_MAX;
}

bool up_again(const struct upstream *u)
{
	return u->again && u->state >= UP_TUNNEL && u->state <= UP_OPEN;
}

enum up_end up_ended(const struct upstream *u)
{
	return waiting(u) ? UP_END_NONE : u->end;
}

size_t up_describe(const struct upstream *u, char *dst, size_t room)
{
	int skipped;

	if (u->tls == NULL)
		return fmt(dst, room, "plain text");
	int count = tls_trust_count(u->roots->trust, &skipped);
	return fmt(dst, room, "TLS 1.2, %s, %d roots (%d skipped)%s", tls_suite(u->tls), count, skipped,
		tls_resumed(u->tls) ? ", session resumed" : "");
}

/* ---------------------------------------------------------------- the ports */

char *up_tx(struct upstream *u, size_t *room)
{
	*room = 0;
	if (u->state != UP_OPEN || u->broken != 0)
		return NULL;
	if (u->tls != NULL)
		return tls_tx(u->tls, room);
	if (!up_wake(u))
		return NULL;
	if (u->tx.off > TX / 2)
		buf_pack(&u->tx);
	*room = buf_room(&u->tx);
	return *room > 0 ? buf_end(&u->tx) : NULL;
}

void up_tx_done(struct upstream *u, size_t n)
{
	if (u->tls == NULL) {
		buf_added(&u->tx, n);
		return;
	}
	if (!u->put)
		u->before = tls_sent(u->tls);
	u->put = true;
	tls_tx_done(u->tls, n);
}

void up_flush(struct upstream *u)
{
	if (u->tls != NULL && u->state == UP_OPEN)
		tls_flush(u->tls);
}

const char *up_rx(struct upstream *u, size_t *n)
{
	if (u->tls != NULL)
		return tls_rx(u->tls, n);
	*n = u->rx.len;
	return *n > 0 ? buf_at(&u->rx) : NULL;
}

void up_rx_done(struct upstream *u, size_t n)
{
	if (u->tls != NULL)
		tls_rx_done(u->tls, n);
	else
		buf_skip(&u->rx, n);
}

bool up_tx_idle(const struct upstream *u)
{
	return u->tls != NULL ? tls_tx_idle(u->tls) : u->tx.len == 0;
}
