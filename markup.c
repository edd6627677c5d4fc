/*
 * What is held back because it may be a call written as text. It goes out as
 * text as soon as it is seen to be text, at HELD_MAX bytes, or at the end.
 * Where the model's rows say that its template leaks (heal=), tokens of
 * templates alone are dropped too.
 */
#include "markup.h"

#include <string.h>

#include "answer.h"

#define HELD_MAX (1u << 20)	/* a file that is written in one call must fit */
#define PROBE_MAX 512		/* up to here every piece is looked at, until a name is known */

bool markup_leaks(const struct reply *r)
{
	return r->o.q->heal == HEAL_KIMI || r->o.q->heal == HEAL_DEEPSEEK;
}

bool markup_reads(const struct reply *r)
{
	return r->o.q->heal != HEAL_OFF && (r->o.session->nnames > 0 || markup_leaks(r));
}

bool markup_due(const struct reply *r)
{
	return (!r->named && r->held <= PROBE_MAX) || r->held > HELD_MAX;
}

void markup_begin(struct reply *r, const char *token, size_t n)
{
	r->named = false;
	r->opener_leaks = token[1] == '|' || token[1] == '\xef';
	markup_hold(r, token, n);
}

void markup_hold(struct reply *r, const char *raw, size_t n)
{
	hold_put(&r->hold, HOLD_MARKUP, 0, raw, n);
	r->held += n;
}

/* It is text. The opening token is the first piece by itself: where templates leak it is dropped. */
static void release(struct reply *r)
{
	struct piece it = { 0 };

	r->held = 0;
	if (markup_leaks(r) && r->opener_leaks)
		hold_out(&r->hold, HOLD_MARKUP, 0, &it);
	if (r->hold.count[HOLD_MARKUP] == 0)
		return;
	r->real = true;
	if (calls_busy(r)) {
		while (hold_out(&r->hold, HOLD_MARKUP, 0, &it))
			hold_put(&r->hold, HOLD_LATE_TEXT, 0, it.p, it.n);
		return;
	}
	if (r->sink.open != BLOCK_TEXT)
		text_open(r);
	block_held(r, HOLD_MARKUP);
}

static bool has_tool(const void *owner, const char *name, size_t n)
{
	return session_tool(owner, name, n) != NULL;
}

/* The call that was parsed. Its parts lie in the stash, which may move once. */
static void make_call(struct reply *r, struct markup_call *c)
{
	const struct stash *s = r->o.stash;
	size_t text_at = (size_t)(c->text - s->b.p), args_at = (size_t)(c->args - c->text);
	size_t n = markup_write_args(c, NULL);
	unsigned owner = calls_made(r, session_tool(r->o.session, c->name, c->nname), n);

	if (owner == 0 || n == 0)
		return;
	char *args = hold_put(&r->hold, HOLD_OBJECT, owner, NULL, n);
	if (args == NULL)
		return;
	c->text = s->b.p + text_at;
	c->args = c->text + args_at;
	markup_write_args(c, args);
}

enum markup_what markup_look(struct reply *r, bool end)
{
	struct markup_tools tools = { has_tool, r->o.session };
	struct markup_call call;
	size_t n;
	char *text = hold_text(&r->hold, HOLD_MARKUP, 0, &n);

	if (text == NULL)
		return MARKUP_MORE;
	enum markup_what what = markup_parse(text, n, end, &tools, &call);
	r->named = call.nname > 0;
	if (what == MARKUP_MORE && !end && r->held <= HELD_MAX)
		return what;
	if (what != MARKUP_CALL || call.used != n) {
		release(r);
		return MARKUP_NOT;
	}
	make_call(r, &call);
	hold_drop(&r->hold, HOLD_MARKUP, 0);
	r->held = 0;
	reply_odd(r, "a tool call written as text was made one");
	calls_settle(r, false);
	return what;
}
