/*
 * The table of watched sessions (see caches.h).
 *
 *   lows      what was seen
 *   0, 1      so many low shares in a row since a high one
 *   LOWS      told of: nothing more
 *
 * A session has a row from its first high share on.
 */
#include "caches.h"

#include <stddef.h>

#define LOWS 2

bool caches_collapsed(struct caches *c, uint64_t session, int64_t prompt, int64_t read)
{
	bool high = read > prompt / 5 * 4, low = read < prompt / 5;
	size_t i = 0;

	while (i < CACHES_SESSIONS && (c->rows[i].session != session || c->rows[i].prompt == 0))
		i++;
	if (i == CACHES_SESSIONS) {
		if (!high)
			return false;
		i = c->next++ % CACHES_SESSIONS;
		c->rows[i].session = session;
		c->rows[i].lows = 0;
	}
	if (high)
		c->rows[i].prompt = prompt;
	if (c->rows[i].lows == LOWS || prompt < c->rows[i].prompt / 2)
		return false;
	c->rows[i].lows = low ? c->rows[i].lows + 1 : 0;
	return c->rows[i].lows == LOWS;
}
