/*
 * What came of a speech that was told as a stream (teller.h): all of its text,
 * reasoning and calls, as they were.
 */
#ifndef TOLD_H
#define TOLD_H

#include "reply_run.h"
#include "teller.h"

static inline struct bytes all_of(const struct got *g, int type)
{
	struct bytes b = { 0 };

	bytes_add(&b, "", 0);
	for (size_t i = 0; i < g->nblocks; i++)
		if ((int)g->blocks[i].type == type)
			bytes_add(&b, g->blocks[i].text.p, g->blocks[i].text.n);
	return b;
}

static inline bool told(const struct got *g, const struct speech *s, int says, int type)
{
	static const char instead[] = "The web search gave no answer.";
	struct bytes want = { 0 }, got = all_of(g, type);
	bool more = false;

	bytes_add(&want, "", 0);
	for (size_t i = 0; i < s->n; i++) {
		more = more || s->parts[i].type == SAYS_CALL;
		if (s->parts[i].type == says)
			bytes_add(&want, s->parts[i].text.p, s->parts[i].text.n);
	}
	for (size_t i = 0; i < g->nblocks; i++)
		more = more || g->blocks[i].type == GOT_RESULTS;
	/* all of these asked for a search: one without text, calls and results says so */
	if (says == SAYS_TEXT && want.n == 0 && !more)
		bytes_add(&want, instead, strlen(instead));
	bool same = want.n == got.n && memcmp(want.p, got.p, got.n) == 0;
	free(want.p);
	free(got.p);
	return same;
}

static inline bool called(const struct got *g, const struct speech *s)
{
	size_t at = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];

		if (p->type != SAYS_CALL)
			continue;
		while (at < g->nblocks && g->blocks[at].type != GOT_TOOL)
			at++;
		if (at == g->nblocks)
			return false;
		const struct block *b = &g->blocks[at++];
		const char *input = b->text.n > 0 ? b->text.p : "{}";
		if (strcmp(b->name.p, p->name) != 0 || strcmp(b->id.p, p->id) != 0 || strcmp(input, p->text.p) != 0)
			return false;
	}
	while (at < g->nblocks && g->blocks[at].type != GOT_TOOL)
		at++;
	return at == g->nblocks;
}

static inline const char *wrong(const struct run *run, const struct speech *s, bool message)
{
	static struct got g;
	const char *why;

	if (run->what != REPLY_DONE)
		return "it failed";
	if (message)
		got_whole(&g, run->out.p, run->out.n);
	else
		got_events(&g, run->out.p, run->out.n);
	why = got_wrong(&g);
	if (why == NULL && !told(&g, s, SAYS_TEXT, GOT_TEXT))
		why = "text was lost";
	if (why == NULL && !told(&g, s, SAYS_THOUGHT, GOT_THINKING))
		why = "reasoning was lost";
	if (why == NULL && !called(&g, s))
		why = "a call was lost";
	got_free(&g);
	return why;
}

#endif
