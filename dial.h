/*
 * Connecting: the addresses of one host in turn, a new one every DIAL_STAGGER
 * or as soon as one fails, the first that answers wins (RFC 8305 5).
 */
#ifndef DIAL_H
#define DIAL_H

#include <poll.h>
#include <stdint.h>

#include "dns.h"

#define DIAL_AT_ONCE 4		/* sockets under way */
#define DIAL_STAGGER 250	/* ms between two beginnings */

struct dial {
	const struct dns_answer *answer;
	int next;		/* the first address not tried yet */
	struct dial_try {
		int fd;		/* -1: free */
		int index;	/* of its address */
		int64_t since;
	} at[DIAL_AT_ONCE];
	int64_t stagger, deadline, each;
	int won;		/* the index of the address that answered */
	int error;		/* errno of the last failure; ETIMEDOUT at the deadline */
};

enum { DIAL_GOING = -1, DIAL_FAILED = -2 };

/* Begins. The answer must outlive it and hold at least one address; timeout in milliseconds for all together. */
void dial_start(struct dial *d, const struct dns_answer *answer, int64_t now, int timeout);

/* Returns a connected socket, now the caller's (d->won says whose), or DIAL_GOING, or DIAL_FAILED (d->error says why). */
int dial_step(struct dial *d, int64_t now);

/* What to poll for: fills up to DIAL_AT_ONCE entries, returns how many. */
int dial_poll(const struct dial *d, struct pollfd *p);
int64_t dial_due(const struct dial *d);
void dial_stop(struct dial *d);	/* closes what is under way */

#endif
