/*
 * Whether a session's prompt cache is still hit. A cache of numbers for the
 * log, not state: another replica begins anew. Pure.
 */
#ifndef CACHES_H
#define CACHES_H

#include <stdbool.h>
#include <stdint.h>

#define CACHES_SESSIONS 64	/* sessions that are watched; the oldest makes room */

struct caches {
	unsigned next;		/* the row that is overwritten next */
	struct {
		uint64_t session;	/* a hash */
		int64_t prompt;		/* tokens of the last request that was read from the cache */
		unsigned lows;		/* requests since then that were not, in a row */
	} rows[CACHES_SESSIONS];
};

/*
 * A request of the session had so many tokens (prompt > 0), and so many of them
 * were read from the provider's cache. Returns whether the hits collapsed with
 * it: a share under 20 % twice in a row after one above 80 %. Once for a
 * session. Requests of less than half the size are others than the
 * conversation's (titles, summaries) and are passed over.
 */
bool caches_collapsed(struct caches *c, uint64_t session, int64_t prompt, int64_t read);

#endif
