/*
 * What the counts of providers teach about an estimate of tokens (see tokens.h).
 *
 * One number gives two factors. Where a model's vocabulary differs, text that
 * is not ASCII differs about twice as much as the rest (in variance thrice), so
 * that is how a difference is shared out. The count that taught them then comes
 * out exactly.
 *
 * Whole numbers only: sums are halved until products of them fit 64 bits.
 */
#include "tokens.h"

#include <string.h>

#define ONE 1024
#define FACTOR_MIN (ONE / 2)
#define FACTOR_MAX (ONE * 5 / 2)
#define LEAST (40 * TOKENS_UNIT)	/* shorter texts are outweighed by what a provider wraps them in */
#define MEDIA_SHARE 8			/* at most 1/8 of the text may be images */
#define STEADY 20			/* 1/20 off is good enough */

static size_t row_of(const struct calibration *c, uint64_t model)
{
	size_t i = 0;

	while (i < TOKENS_MODELS && c->rows[i].model != model)
		i++;
	return i;
}

int64_t tokens_estimate(const struct tokens *t, const struct calibration *c, uint64_t model)
{
	size_t i = row_of(c, model);
	int64_t plain = ONE, foreign = ONE, one = ONE * TOKENS_UNIT;

	if (i < TOKENS_MODELS) {
		plain = c->rows[i].plain;
		foreign = c->rows[i].foreign;
	}
	return t->media + (t->plain * plain + t->foreign * foreign + one - 1) / one;
}

static uint32_t moved(uint32_t factor, int64_t by)
{
	int64_t f = factor * (ONE + by) / ONE;

	return f < FACTOR_MIN ? FACTOR_MIN : f > FACTOR_MAX ? FACTOR_MAX : (uint32_t)f;
}

void tokens_learn(struct calibration *c, uint64_t model, const struct tokens *t, int64_t count)
{
	int64_t text = t->plain + t->foreign, told = (count - t->media) * TOKENS_UNIT;
	size_t i = row_of(c, model);

	if (text < LEAST || t->media * TOKENS_UNIT > text / MEDIA_SHARE || told < text / 2 || told > text / 2 * 5)
		return;
	bool fresh = i == TOKENS_MODELS;
	if (fresh) {
		i = c->next++ % TOKENS_MODELS;
		c->rows[i].model = model;
		c->rows[i].plain = c->rows[i].foreign = ONE;
	}
	int64_t a = t->plain * c->rows[i].plain / ONE, z = t->foreign * c->rows[i].foreign / ONE;
	int64_t off = told - a - z;
	if (!fresh && (off < 0 ? -off : off) <= (a + z) / STEADY)
		return;
	for (; a + z > 1 << 20; off /= 2) {
		a /= 2;
		z /= 2;
	}
	int64_t all = a * (a + z) + z * (a + 3 * z);
	c->rows[i].plain = moved(c->rows[i].plain, off * (a + z) * ONE / all);
	c->rows[i].foreign = moved(c->rows[i].foreign, off * (a + 3 * z) * ONE / all);
}
