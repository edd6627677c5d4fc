#ifndef PARK_H
#define PARK_H

#include <stdbool.h>
#include <stddef.h>

struct conn;
struct pollfd;

/*
 * Where connections wait once there are many. poll() looks at each descriptor it
 * is given, each time: with some thousands that is most of the work. What is
 * parked costs nothing until something happens to it; the whole lot is one
 * descriptor in the loop's poll set (epoll(7), Linux alone: elsewhere nothing is
 * parked).
 */
#define PARK_MIN 64	/* connections, before the first is parked */
#define PARK_EVENTS 64	/* of one turn */

struct park {
	int fd;			/* to poll for POLLIN; negative: nothing is ever parked */
	size_t fds;		/* descriptors below this can be parked */
	struct conn **owner;	/* by descriptor; NULL: not parked */
};

/* What is parked of one connection: at most the client's socket and the upstream's; -1: none. */
struct parked {
	int fd[2];
	short events[2];
};

/* fds: the number of descriptors that the process is likely to have open at most. */
void park_open(struct park *k, size_t fds);

/*
 * Parks the n entries of p, those below 0 left out, for the connection, or leaves
 * only what is in p of what was parked. same: no descriptor was closed and opened
 * again since the last call, so what has not changed in p has not changed at all.
 * False: there are too many or they cannot be watched; nothing of it is parked then.
 */
bool park_keep(struct park *k, struct parked *was, const struct pollfd *p, int n, struct conn *owner, bool same);

/* Nothing of it is parked any more; closed descriptors are no error. */
void park_drop(struct park *k, struct parked *was);

/* What happened: descriptors and their revents as of poll(); at most PARK_EVENTS. Returns their number. */
int park_events(struct park *k, struct pollfd *p);

#endif
