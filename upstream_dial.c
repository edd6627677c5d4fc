/*
 * The way to an open connection: the name, the connects, the proxy of the
 * network where there is one, the handshake; the states of upstream.c before
 * UP_OPEN, in that order. Each ends by the next, or by up_fail and its like.
 */
#include "upstream_work.h"

#include <string.h>

#include "errno_text.h"

/* The host that is dialled: the proxy, where there is one. */
static const char *dialled(const struct upstream *u)
{
	return u->c->via.host[0] != '\0' ? u->c->via.host : u->c->target.host;
}

static int dialled_port(const struct upstream *u)
{
	return u->c->via.host[0] != '\0' ? u->c->via.port : u->c->target.port;
}

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
		up_fail(u, false, "cannot begin TLS with ", "no memory or no randomness");
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
		up_fail(u, !u->answer.final, "cannot resolve ", u->answer.error);
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
		up_fail_late(u, "cannot connect to ", u->c->connect_timeout);
	else {
		size_t n = up_say_who(u, "cannot connect to ");
		fmt(u->why + n, sizeof u->why - n, " port %d: %s", dialled_port(u), errno_text(u->dial.error));
		up_failed(u, true);
	}
}

/* Whatever the proxy has said last counts, also where it closed behind it. */
static void step_tunnel(struct upstream *u, int64_t now)
{
	char why[400];

	if (now >= u->deadline) {
		up_fail_late(u, "", u->c->connect_timeout);
		return;
	}
	if (!up_wake(u))
		return;
	up_receive(u);
	enum via_said said = via_talk(u->c, &u->step, &u->rx, &u->tx, why, sizeof why);
	bool ended = u->state != UP_TUNNEL;
	if (!ended && said == VIA_MORE) {
		up_send(u);
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
	up_fail(u, !u->permanent, "", said >= VIA_REFUSED ? why : "it closed the connection before it answered");
}

/* the session is forgotten with the failure: it may have been the cause */
static void handshake_failed(struct upstream *u)
{
	char why[384];

	tls_why(u->tls, why, sizeof why);
	pool_session_keep(u->pool, &u->id, NULL);
	u->permanent = tls_permanent(u->tls);
	up_fail(u, !u->permanent, "cannot agree on TLS with ", why);
}

static void step_handshake(struct upstream *u, int64_t now)
{
	struct tls_session s;
	uint64_t before = tls_received(u->tls);

	if (now >= u->deadline) {
		up_fail_late(u, "TLS handshake with ", u->c->tls_timeout);
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

void up_advance(struct upstream *u, int64_t now)
{
	if (u->state == UP_NAME)
		step_name(u, now);
	if (u->state == UP_DIAL)
		step_dial(u, now);
	if (u->state == UP_TUNNEL)
		step_tunnel(u, now);
	if (u->state == UP_TLS)
		step_handshake(u, now);
}

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
	up_failed(u, false);
	u->reached = UP_TLS;
	u->permanent = true;
	return false;
}

void up_begin(struct upstream *u, int64_t now)
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
