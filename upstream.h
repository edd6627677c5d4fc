/*
 * One connection to the upstream: resolve, connect (IPv6 and IPv4 in turn,
 * staggered) to it or to the proxy on the way there, plain or TLS, kept for reuse. Its user sees four ports: where to
 * put bytes, what came, and both acknowledged. It never blocks and never calls
 * back; the loop polls its descriptors and calls up_step.
 */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "heap.h"

#define UP_FDS 4	/* descriptors that one upstream may want polled */
#define UP_IDLE_MAX 64	/* connections kept for reuse */

struct up_pool;		/* idle connections, the name cache, trust anchors, TLS sessions */
struct upstream;

struct up_pool *up_pool_new(void);	/* NULL: out of memory */
void up_pool_free(struct up_pool *p);

/* The buffers that connections on both sides take turns in. */
struct chunks *up_pool_chunks(struct up_pool *p);

/* Closes idle connections whose time is over, or that were closed or spoke; returns when to look again (INT64_MAX: never). */
int64_t up_pool_sweep(struct up_pool *p, int64_t now);

/*
 * Reads the CA bundle now rather than at the first TLS connection: again, when
 * it was read before. 0 or -1; said is a sentence of what was read, or why not.
 */
int up_pool_trust(struct up_pool *p, const struct config *c, char *said, size_t nsaid);

enum up_state {
	UP_NAME,	/* resolving */
	UP_DIAL,	/* connecting */
	UP_TUNNEL,	/* asking the proxy of the network for the way on */
	UP_TLS,		/* handshake */
	UP_OPEN,	/* ready for a request */
	UP_ENDED,	/* closed by the other side, all that came can still be read */
	UP_FAILED
};

enum up_end {
	UP_END_NONE,
	UP_END_CLEAN,	/* FIN on a plain connection, close_notify on TLS */
	UP_END_CUT,	/* FIN without close_notify */
	UP_END_ERROR	/* reset or TLS failure; up_why */
};

/*
 * Opens: an idle connection of the same host, port, TLS, proxy and configuration
 * unless fresh is asked for, else a new one. NULL: out of memory. c must
 * outlive it.
 */
struct upstream *up_open(struct up_pool *p, const struct config *c, bool fresh, int64_t now);

enum up_state up_state(const struct upstream *u);
bool up_reused(const struct upstream *u);
bool up_sent(const struct upstream *u);		/* whether any byte of the user's may have left this machine */
bool up_retry(const struct upstream *u);	/* failed in a way that another attempt may cure */
bool up_permanent(const struct upstream *u);	/* failed by what only another configuration mends: name, certificate, bundle */
const char *up_why(const struct upstream *u);	/* one sentence for the client, "" while all is well; no key, no path */
enum up_state up_reached(const struct upstream *u);	/* what it was at when it failed */
bool up_timed_out(const struct upstream *u);	/* failed by one of its own deadlines: 504 rather than 502 */

/* What to poll for: fills up to UP_FDS entries, returns how many. rx_room: whether the user could take bytes now. */
int up_poll(const struct upstream *u, struct pollfd *p, bool rx_room);
int64_t up_due(const struct upstream *u);	/* when time alone changes something; INT64_MAX: never */
bool up_again(const struct upstream *u);	/* step again without waiting */

/* Does what its descriptors and the time allow. */
void up_step(struct upstream *u, int64_t now);

/* The ports. tx: room for request bytes (NULL unless UP_OPEN). rx: bytes that came. n > 0 for the acknowledgements. */
char *up_tx(struct upstream *u, size_t *room);
void up_tx_done(struct upstream *u, size_t n);
void up_flush(struct upstream *u);		/* nothing more to put for now: send what is buffered */
const char *up_rx(struct upstream *u, size_t *n);
void up_rx_done(struct upstream *u, size_t n);
void up_rest(struct upstream *u);		/* nothing is done with it for now: buffers in which nothing waits are given back */
bool up_tx_idle(const struct upstream *u);	/* everything put has left for the kernel */

/* How the other side ended; UP_END_NONE while bytes wait in rx or the connection lives. */
enum up_end up_ended(const struct upstream *u);

/* Gives it back: kept for reuse when keep (and nothing waits in it), else closed at once. */
void up_close(struct upstream *u, bool keep, int64_t now);

/* For --check: what is known of the connection, as text ("TLS 1.2, ECDHE-..., 142 roots"). */
size_t up_describe(const struct upstream *u, char *dst, size_t room);

#endif
