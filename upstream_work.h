/* An upstream connection, for upstream.c and upstream_dial.c alone. */
#ifndef UPSTREAM_WORK_H
#define UPSTREAM_WORK_H

#include "buf.h"
#include "dial.h"
#include "log.h"
#include "pool.h"
#include "via.h"

#define RX CHUNK
#define TX CHUNK

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

/* ---- upstream.c ---- */

/* Who is spoken with now, behind these words, into u->why. Returns the length. */
size_t up_say_who(struct upstream *u, const char *what);

/* It has failed: u->why says it already; or is made of who it is, behind what, and why; or tells of a deadline. */
void up_failed(struct upstream *u, bool retry);
void up_fail(struct upstream *u, bool retry, const char *what, const char *why);
void up_fail_late(struct upstream *u, const char *what, int timeout);

/* Storage for what comes and what goes; false when there is none, and it failed. */
bool up_wake(struct upstream *u);

/* Bytes of rx and tx, as far as the socket goes now. The other side's end: UP_ENDED or UP_FAILED. */
void up_send(struct upstream *u);
void up_receive(struct upstream *u);

/* ---- upstream_dial.c ---- */

/* From UP_NAME on: asks for the name, and for the roots before. */
void up_begin(struct upstream *u, int64_t now);

/* One step, or several where nothing has to be waited for. */
void up_advance(struct upstream *u, int64_t now);

#endif
