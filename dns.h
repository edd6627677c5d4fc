/*
 * Names without waiting: getaddrinfo in a forked child per family, the answer
 * through a pipe. Answers are cached; the last good one is kept for as long as
 * an hour in case later lookups fail.
 */
#ifndef DNS_H
#define DNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define DNS_ADDRESSES 8		/* of one host, both families */
#define DNS_HOSTS 16		/* in the cache; the oldest makes room */

struct dns_address {
	socklen_t n;
	struct sockaddr_storage sa;
};

struct dns_answer {
	int count;
	struct dns_address address[DNS_ADDRESSES];	/* families alternate, IPv6 first, what worked last before all */
	const char *error;	/* static text when count is 0 */
	bool final;		/* the name has no address, or the time was used up: do not ask again at once */
	bool late;		/* the time was used up */
};

struct dns;		/* the cache and the lookups under way */
struct dns_query;	/* a lookup under way, shared by all who ask for the host */

struct dns *dns_new(void);	/* NULL: out of memory */
void dns_free(struct dns *d);	/* ends the children; NULL is nothing. All queries were given back before */

/*
 * Asks. Cached or literal: *answer is filled and NULL is returned. Else a
 * query under way, or NULL with
 * answer->count 0 and an error. now and the times in milliseconds.
 */
struct dns_query *dns_ask(struct dns *d, const char *host, int port, int64_t now, int timeout, int ttl,
	struct dns_answer *answer);

/*
 * 1: *answer is filled and the query is given back; 0: not yet. dns_drop gives
 * it back when it is no longer wanted. Each dns_ask needs one of both.
 */
int dns_poll(struct dns *d, struct dns_query *q, int port, int64_t now, struct dns_answer *answer);
void dns_drop(struct dns_query *q);

/* The pipes to watch for POLLIN (at most max are written to fds), and when time alone changes something. */
int dns_fds(const struct dns_query *q, int fds[], int max);
int64_t dns_due(const struct dns_query *q);

/* This address worked: try it first next time. */
void dns_worked(struct dns *d, const char *host, const struct dns_address *a);

#endif
