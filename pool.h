/*
 * What upstream connections leave for each other: the name cache, trust
 * anchors, TLS sessions, idle connections. Between upstream.c and pool.c; all
 * others see upstream.h.
 *
 * An identity says which connections may stand in for each other: a digest of
 * host, port, TLS, proxy, CA files and key. It holds no pointer into a configuration,
 * which may be gone, its address reused, while a connection is still idle.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "dns.h"
#include "tls.h"
#include "upstream.h"

struct identity {
	unsigned char digest[32];
};

/* trust anchors of one pair of files; lives while it is current or held */
struct roots {
	struct roots *next;
	struct identity files;
	struct tls_trust *trust;
	int held;
	bool current;
};

void pool_identity(const struct config *c, struct identity *id);

struct dns *pool_dns(struct up_pool *p);

/* The anchors for a configuration, read when they are not there yet. Held until pool_roots_drop. NULL: a sentence in err. */
struct roots *pool_roots(struct up_pool *p, const struct config *c, char *err, size_t nerr);
void pool_roots_drop(struct up_pool *p, struct roots *r);

/* The session of the last connection of that identity (set is false: none); NULL forgets it. */
void pool_session(struct up_pool *p, const struct identity *id, struct tls_session *out);
void pool_session_keep(struct up_pool *p, const struct identity *id, const struct tls_session *s);

/* Whether a handshake may go on in this turn of the loop, and that one did. */
bool pool_turn(const struct up_pool *p);
void pool_turn_taken(struct up_pool *p);

/* Takes the youngest idle connection of that identity that is still silent, or NULL. */
struct upstream *pool_take(struct up_pool *p, const struct identity *id);
void pool_put(struct up_pool *p, struct upstream *u, const struct identity *id, int fd, int64_t until);

/* upstream.c: closes and frees */
void up_destroy(struct upstream *u);
bool up_current(const struct upstream *u);	/* its trust anchors were not replaced since */

#endif
