/*
 * What the upstream counted, wherever it says so and however it calls it, into
 * Anthropic's four numbers. Of several objects the last counts, but what it
 * lacks or calls zero is as it was said before.
 *
 *	cache_read      the first positive of the names for cached tokens
 *	cache_creation  likewise of those for written ones
 *	input           prompt - cache_read - cache_creation, never below 0; in
 *	                Anthropic's own names the prompt leaves out what is cached
 *	output          the larger of completion and total - prompt: some leave
 *	                reasoning out of the completion, but not out of the total
 *
 * Where nobody counted, the request's estimate and one by characters.
 */
#include "answer.h"

#define CHARS_A_TOKEN 4			/* an estimate, where nobody counted */
#define TOKENS_MAX (INT64_C(1) << 40)	/* what claims to be more is nonsense */

static int64_t tokens(struct j_val v)
{
	int64_t n;

	if (!j_whole(v, &n) || n < 0)
		return 0;
	return n < TOKENS_MAX ? n : TOKENS_MAX;
}

/* the first of them that is positive */
static int64_t first_of(const struct j_val v[], size_t count)
{
	int64_t n = 0;

	for (size_t i = 0; i < count && n == 0; i++)
		n = tokens(v[i]);
	return n;
}

static void latest(int64_t *count, int64_t said)
{
	if (said > 0)
		*count = said;
}

void usage_read(struct reply *r, struct j_val usage)
{
	enum { PROMPT, INPUT, COMPLETION, OUTPUT, TOTAL, READ, DETAILS = READ + 2, READ_OWN, WRITTEN, CREATED_OWN = WRITTEN + 2,
		IN_DETAILS = WRITTEN + 4, FIELDS };
	/* those of the details are among them */
	static const char names[] =
		"prompt_tokens\0input_tokens\0completion_tokens\0output_tokens\0total_tokens\0"
		"cached_tokens\0prompt_cache_hit_tokens\0prompt_tokens_details\0cache_read_input_tokens\0"
		"cache_write_tokens\0caching_tokens\0cache_creation_input_tokens\0cache_creation_tokens\0"
		"input_tokens_details\0";
	struct j_val f[FIELDS], d[FIELDS];
	struct reply_count *c = &r->count;

	if (usage.type != J_OBJECT)
		return;
	j_pick(usage, names, f);
	j_pick(f[DETAILS].type == J_OBJECT ? f[DETAILS] : f[IN_DETAILS], names, d);
	f[DETAILS] = d[READ];
	int64_t prompt = first_of(&f[PROMPT], 2), completion = first_of(&f[COMPLETION], 2), read = first_of(&f[READ], 4);
	int64_t created = first_of(&d[WRITTEN], 4);
	if (created == 0)
		created = first_of(&f[WRITTEN], 4);
	/* in Anthropic's own words input_tokens leaves out what is cached */
	if (prompt > 0 && f[PROMPT].type != J_NUMBER && (f[READ_OWN].type == J_NUMBER || f[CREATED_OWN].type == J_NUMBER))
		prompt += read + created;
	c->known = true;
	latest(&c->prompt, prompt);
	latest(&c->completion, completion);
	latest(&c->read, read);
	latest(&c->created, created);
	/* a total belongs to the numbers beside it */
	if (prompt + completion > 0 || c->total == 0)
		c->total = tokens(f[TOTAL]);
}

void usage_timings(struct reply *r, struct j_val timings)
{
	struct j_val f[3];

	if (timings.type != J_OBJECT || r->count.known)
		return;
	j_pick(timings, "cache_n\0prompt_n\0predicted_n\0", f);
	r->count.read = tokens(f[0]);
	r->count.prompt = r->count.read + tokens(f[1]);
	r->count.completion = tokens(f[2]);
	r->count.known = r->count.prompt + r->count.completion > 0;
}

struct sink_usage usage_of(const struct reply *r)
{
	const struct reply_count *c = &r->count;
	struct sink_usage u = { .searches = r->searches };

	if (!c->known) {
		u.input = r->o.estimate;
		u.output = r->sink.bytes / CHARS_A_TOKEN + 1;
		return u;
	}
	u.read = c->read;
	u.created = c->created;
	u.input = c->prompt - c->read - c->created;
	if (u.input < 0)
		u.input = 0;
	u.output = c->total - c->prompt;
	if (u.output < c->completion)
		u.output = c->completion;
	return u;
}
