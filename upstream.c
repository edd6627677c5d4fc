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
 * Buffers: RX and TX when plain and in UP_TUNNEL, those of tls.c otherwise.
 */
#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "dial.h"
#include "log.h"
#include "pool.h"
#include "via.h"

#define RX CHUNK
#define TX CHUNK
#define READS 4		/* of a plain connection in one step: others wait too */

struct upstream {
	struct up_pool *pool;
	const struct config *c;
	struct roots *roots;
	enum up_state state, reached;
	enum up_end end;
	int fd;
	int broken;		/* errno that ended sending, or 0 */
	bool put, sent, reused, retry, permanent, timed_out, again;
	struct tls *tls;
	struct buf rx, tx;	/* plain: only while something waits in them */
	unsigned char step;	/* of what is said to the proxy */
	int64_t deadline;	/* of UP_TUNNEL and of the handshake */
	uint64_t before;	/* what TLS had sent when the user's first byte was put */
	struct dns_query *query;
	struct dial dial;
	struct dns_answer answer;
	struct identity id;
	char why[512];
};

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

/* The host that is dialled: the proxy, where there is one. */
static const char *dialled(const struct upstream *u)
{
	return u->c->via.host[0] != '\0' ? u->c->via.host : u->c->target.host;
}

static int dialled_port(const struct upstream *u)
{
	return u->c->via.host[0] != '\0' ? u->c->via.port : u->c->target.port;
}

/* who is spoken with now, behind these words */
static size_t say_who(struct upstream *u, const char *what)
{
	if (u->c->via.host[0] != '\0' && u->state <= UP_TUNNEL)
		return fmt(u->why, sizeof u->why, "%sthe %s %s", what, u->c->via.setting, u->c->via.host);
	return fmt(u->why, sizeof u->why, "%s%s", what, u->c->target.host);
}

/* u->why says it */
static void failed(struct upstream *u, bool retry)
{
	release(u);
	u->reached = u->state;
	u->state = UP_FAILED;
	u->end = UP_END_ERROR;
	u->retry = retry;
}

static void fail(struct upstream *u, bool retry, const char *what, const char *why)
{
	size_t n = say_who(u, what);

	fmt(u->why + n, sizeof u->why - n, ": %s", why);
	failed(u, retry);
}

/* a deadline of ours has passed: another attempt would take as long again */
static void fail_late(struct upstream *u, const char *what, int timeout)
{
	char why[48];

	fmt(why, sizeof why, "no answer within %m", (int64_t)timeout);
	fail(u, false, what, why);
	u->timed_out = true;
}

static void end(struct upstream *u, enum up_end how)
{
	release(u);
	u->state = UP_ENDED;
	u->end = how;
}

/* Storage for what comes and what goes; false when there is none, and it failed. */
static bool wake(struct upstream *u)
{
	struct chunks *k = up_pool_chunks(u->pool);

	if (u->rx.p == NULL)
		u->rx.p = chunk_take(k);
	if (u->tx.p == NULL)
		u->tx.p = chunk_take(k);
	u->rx.cap = RX;
	u->tx.cap = TX;
	if (u->rx.p == NULL || u->tx.p == NULL)
		fail(u, false, "cannot talk to ", "out of memory");
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
		fail(u, !u->sent, "", why);
	}
}

static bool later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void send_bytes(struct upstream *u)
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
		fmt(why, sizeof why, "the connection broke: %s", strerror(error));
		fail(u, !u->sent, "", why);
	}
}

static void receive_bytes(struct upstream *u)
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

/* ------------------------------------------------------------------ phases */

static void opened(struct upstream *u)
{
	u->state = UP_OPEN;
	dns_worked(pool_dns(u->pool), dialled(u), &u->answer.address[u->dial.won]);
}

static void handshake_begin(struct upstream *u, int64_t now)
{
	struct tls_session s;

	pool_session(u->pool, &u->id, &s);
	u->tls = tls_new(u->roots->trust, u->c->target.host, &s);
	tls_wipe(&s, sizeof s);
	u->deadline = now + u->c->tls_timeout;
	u->state = UP_TLS;
	if (u->tls == NULL)
		fail(u, false, "cannot begin TLS with ", "no memory or no randomness");
}

/* The way to the upstream is there. */
static void reached(struct upstream *u, int64_t now)
{
	if (u->roots != NULL)
		handshake_begin(u, now);
	else
		opened(u);
}

static void connected(struct upstream *u, int fd, int64_t now)
{
	u->fd = fd;
	if (u->c->via.host[0] == '\0') {
		reached(u, now);
		return;
	}
	u->deadline = now + u->c->connect_timeout;
	u->state = UP_TUNNEL;
}

static void named(struct upstream *u, int64_t now)
{
	if (u->answer.count == 0) {
		u->permanent = u->answer.final && !u->answer.late;
		fail(u, !u->answer.final, "cannot resolve ", u->answer.error);
		return;
	}
	dial_start(&u->dial, &u->answer, now, u->c->connect_timeout);
	u->state = UP_DIAL;
}

static void step_name(struct upstream *u, int64_t now)
{
	if (dns_poll(pool_dns(u->pool), u->query, dialled_port(u), now, &u->answer) == 0)
		return;
	u->query = NULL;
	named(u, now);
}

static void step_dial(struct upstream *u, int64_t now)
{
	int fd = dial_step(&u->dial, now);

	if (fd == DIAL_GOING)
		return;
	if (fd >= 0)
		connected(u, fd, now);
	else if (now >= u->dial.deadline)
		fail_late(u, "cannot connect to ", u->c->connect_timeout);
	else {
		size_t n = say_who(u, "cannot connect to ");
		fmt(u->why + n, sizeof u->why - n, " port %d: %s", dialled_port(u), strerror(u->dial.error));
		failed(u, true);
	}
}

/* Whatever the proxy has said last counts, also where it closed behind it. */
static void step_tunnel(struct upstream *u, int64_t now)
{
	char why[400];

	if (now >= u->deadline) {
		fail_late(u, "", u->c->connect_timeout);
		return;
	}
	if (!wake(u))
		return;
	receive_bytes(u);
	enum via_said said = via_talk(u->c, &u->step, &u->rx, &u->tx, why, sizeof why);
	bool ended = u->state != UP_TUNNEL;
	if (!ended && said == VIA_MORE) {
		send_bytes(u);
		u->sent = false;
		return;
	}
	u->rx.len = u->tx.len = 0;
	up_rest(u);
	if (said == VIA_OPEN && !ended) {
		reached(u, now);
		return;
	}
	if (said == VIA_MORE && u->state == UP_FAILED)
		return;		/* it says why already */
	u->state = UP_TUNNEL;
	u->permanent = said == VIA_DENIED;
	fail(u, !u->permanent, "", said >= VIA_REFUSED ? why : "it closed the connection before it answered");
}

/* the session is forgotten with the failure: it may have been the cause */
static void handshake_failed(struct upstream *u)
{
	char why[384];

	tls_why(u->tls, why, sizeof why);
	pool_session_keep(u->pool, &u->id, NULL);
	u->permanent = tls_permanent(u->tls);
	fail(u, !u->permanent, "cannot agree on TLS with ", why);
}

static void step_handshake(struct upstream *u, int64_t now)
{
	struct tls_session s;
	uint64_t before = tls_received(u->tls);

	if (now >= u->deadline) {
		fail_late(u, "TLS handshake with ", u->c->tls_timeout);
		return;
	}
	if (!pool_turn(u->pool)) {
		u->again = true;
		return;
	}
	enum tls_state state = tls_step(u->tls, u->fd, &u->again);
	if (tls_received(u->tls) > before)
		pool_turn_taken(u->pool);
	if (state == TLS_HANDSHAKE)
		return;
	if (state == TLS_FAILED) {
		handshake_failed(u);
		return;
	}
	tls_session_get(u->tls, &s);
	pool_session_keep(u->pool, &u->id, &s);
	tls_wipe(&s, sizeof s);
	opened(u);
}

static void step_open(struct upstream *u)
{
	if (u->tls != NULL) {
		step_records(u);
		return;
	}
	if (!wake(u))
		return;
	send_bytes(u);
	receive_bytes(u);
}

void up_step(struct upstream *u, int64_t now)
{
	u->again = false;
	if (u->state == UP_NAME)
		step_name(u, now);
	if (u->state == UP_DIAL)
		step_dial(u, now);
	if (u->state == UP_TUNNEL)
		step_tunnel(u, now);
	if (u->state == UP_TLS)
		step_handshake(u, now);
	if (u->state == UP_OPEN)
		step_open(u);
}

/* ----------------------------------------------------------- opening, closing */

/* Before the first packet, and yet a matter of TLS. */
static bool trust(struct upstream *u)
{
	if (u->c->target.literal)
		fmt(u->why, sizeof u->why, "TLS needs a name to check: %s is an address", u->c->target.host);
	else
		u->roots = pool_roots(u->pool, u->c, u->why, sizeof u->why);
	if (u->roots != NULL) {
		u->why[0] = '\0';
		return true;
	}
	failed(u, false);
	u->reached = UP_TLS;
	u->permanent = true;
	return false;
}

static void begin(struct upstream *u, int64_t now)
{
	const struct config *c = u->c;

	if (c->target.tls && !trust(u))
		return;
	u->query = dns_ask(pool_dns(u->pool), dialled(u), dialled_port(u), now, c->resolve_timeout, c->dns_ttl,
		&u->answer);
	if (u->query != NULL)
		return;
	named(u, now);
	up_step(u, now);
}

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
	begin(u, now);
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
	if (!wake(u))
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
