/*
 * Repairs that worked: settings learned from a provider's refusals, per host
 * and model, for the life of the process. A cache, not state: another replica
 * learns them at its first request.
 */
#ifndef LEARNED_H
#define LEARNED_H

#include <stddef.h>

#include "quirks.h"

#define LEARNED_MAX 64		/* pairs of host and model; the oldest makes room */
#define LEARNED_TEXT (2 * Q_TEXT)

struct learned {
	unsigned next;		/* the row that is overwritten next */
	struct {
		char place[Q_TEXT + Q_TEXT];	/* "host/model" */
		char settings[LEARNED_TEXT];
	} rows[LEARNED_MAX];
};

/* The settings for a place, "" when nothing was learned. */
const char *learned_find(const struct learned *l, const char *place);

/* Adds "key=value" behind what is known of the place. A place or a list that is too long is not kept. */
void learned_add(struct learned *l, const char *place, const char *settings);

#endif
