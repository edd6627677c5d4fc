/*
 * How many tokens a request has: an estimate by classes of characters, and what
 * providers' own counts teach about it. Pure.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include <stdint.h>

#include "json.h"

#define TOKENS_UNIT 16		/* a token in units of cost */
#define TOKENS_MODELS 32	/* models whose counts are remembered; the oldest makes room */

/* what a request holds; additive over its blocks */
struct tokens {
	int64_t plain;		/* of ASCII text, in units */
	int64_t foreign;	/* of other text, in units: there vocabularies differ most */
	int64_t media;		/* of images and PDF files, in tokens; not known well enough to learn from */
};

#define TOKENS_CELLS (42 * 23)	/* states, classes */

/* what characters cost, by what stands before them; the same for all, made once */
struct tokens_machine {
	unsigned char class[256];
	uint16_t next[TOKENS_CELLS];	/* the index of a row: one less to compute at each byte */
	uint64_t cost[TOKENS_CELLS];
};

void tokens_init(struct tokens_machine *m);

/*
 * Factors by which estimates become a model's counts. A cache, not state: any
 * replica has them after its first answer.
 */
struct calibration {
	unsigned next;		/* the row that is overwritten next */
	struct {
		uint64_t model;			/* a hash; 0: none */
		uint32_t plain, foreign;	/* in 1024ths */
	} rows[TOKENS_MODELS];
};

/* Counts a Messages request (also a count_tokens one): system, messages, tools, tool results, images, documents. */
struct tokens tokens_count(const struct tokens_machine *m, struct j_val body);

/* The estimate for a model, as its answers calibrated it, or as it is without any. Monotonic; rounded up once. */
int64_t tokens_estimate(const struct tokens *t, const struct calibration *c, uint64_t model);

/*
 * An answer of the model said that the request had so many tokens. Ignored
 * where that tells nothing of the text: a short one, much media beside it, a
 * count that is less than half or more than two and a half times the estimate
 * (a part, or something else). A factor moves at once where it was off by more
 * than a twentieth, else not at all: differences within a burst stay true.
 */
void tokens_learn(struct calibration *c, uint64_t model, const struct tokens *t, int64_t count);

#endif
