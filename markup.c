/*
 * Looks for calls in the text of an answer (their forms: markup_parse.c).
 *
 *	state   awaits
 *	PLAIN   a token that may begin a call; everything else is text
 *	HELD    the rest of a call, or the first sign that it is none
 *	BEHIND  what stands behind a call: white space and closing tokens are
 *	        dropped, another call may come
 *
 * What is held back goes out as text as soon as it is seen to be text, at
 * HELD_MAX bytes, or at the end. Where the model's rows say that its template
 * leaks (heal=), tokens of templates alone are dropped too.
 */
#include "markup.h"

#include <string.h>

#include "answer.h"

enum { PLAIN, HELD, BEHIND };

#define HELD_MAX (1u << 20)	/* a file that is written in one call must fit */
#define PROBE_MAX 512		/* up to here every piece is looked at, until a name is known */

static bool heals(const struct reply *r)
{
	return r->o.q->heal == HEAL_KIMI || r->o.q->heal == HEAL_DEEPSEEK;
}

/* ---- tokens ---- */

/* all tokens in one row: openers, closers, strays */
static const char *token_at(size_t i, unsigned *set)
{
	static const char *const *const sets[] = { markup_openers, markup_closers, markup_strays };

	for (*set = 0; *set < 3; ++*set) {
		const char *const *token = sets[*set];

		for (; *token != NULL; token++)
			if (i-- == 0)
				return *token;
	}
	return NULL;
}

/* whether tokens of this set mean something in this state */
static bool applies(const struct reply *r, unsigned set)
{
	switch (r->markup_state) {
	case HELD:
		return set == 1;
	case BEHIND:
		return set < 2 || heals(r);
	}
	return set == 0 || (set == 2 && heals(r));
}

/* Whether the unit brings a token one step further. *set is that of the token, when it is whole. */
static bool match(struct reply *r, const char *unit, size_t n, bool *whole, unsigned *set)
{
	unsigned s;
	const char *so_far = token_at(r->token, &s), *token;

	for (size_t i = 0; (token = token_at(i, &s)) != NULL; i++) {
		size_t len = strlen(token);

		if (!applies(r, s) || len < r->token_matched + n || memcmp(token, so_far, r->token_matched) != 0 ||
		    memcmp(token + r->token_matched, unit, n) != 0)
			continue;
		r->token = (unsigned char)i;
		r->token_matched = (unsigned char)(r->token_matched + n);
		*whole = r->token_matched == len;
		*set = s;
		return true;
	}
	return false;
}

/* ---- what is held ---- */

static void hold(struct reply *r, const char *raw, size_t n)
{
	if (n == 0)
		return;
	hold_put(&r->hold, HOLD_MARKUP, 0, raw, n);
	r->held += n;
}

/* It is text. The opening token is the first piece by itself: where templates leak it is dropped. */
static void release(struct reply *r)
{
	struct piece it = { 0 };

	r->markup_state = PLAIN;
	r->held = 0;
	if (heals(r) && r->opener_leaks && hold_find(&r->hold, HOLD_MARKUP, 0, &it))
		hold_take(&r->hold, &it);
	if (r->hold.count[HOLD_MARKUP] == 0)
		return;
	r->real = true;
	bool late = calls_busy(r);
	if (!late && r->sink.open != BLOCK_TEXT)
		text_open(r);
	it = (struct piece){ 0 };
	while (hold_find(&r->hold, HOLD_MARKUP, 0, &it)) {
		if (late)
			hold_put(&r->hold, HOLD_LATE_TEXT, 0, it.p, it.n);
		else
			sink_put(&r->sink, it.p, it.n);
		hold_again(&r->hold, &it);
		hold_take(&r->hold, &it);
	}
}

/* All that is held, decoded; NULL when it cannot be kept. */
static char *decode(struct reply *r, size_t *n)
{
	struct piece it = { 0 };
	char *p = hold_put(&r->hold, HOLD_WORK, 0, NULL, 2 * r->held + 2);
	size_t at = 1;

	hold_drop(&r->hold, HOLD_WORK, 0);
	if (p == NULL)
		return NULL;
	p[0] = '"';
	while (hold_find(&r->hold, HOLD_MARKUP, 0, &it)) {
		memcpy(p + at, it.p, it.n);
		at += it.n;
	}
	p[at++] = '"';
	*n = j_copy(j_value(p, at, J_STRING), p + at, r->held);
	return p + at;
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

/* Looks whether what is held is a call by now. */
static void look(struct reply *r, bool end)
{
	struct markup_tools tools = { has_tool, r->o.session };
	struct markup_call call;
	size_t n;
	char *text = decode(r, &n);

	if (text == NULL)
		return;
	enum markup_what what = markup_parse(text, n, end, &tools, &call);
	r->named = call.nname > 0;
	if (what == MARKUP_MORE && !end && r->held <= HELD_MAX)
		return;
	if (what != MARKUP_CALL || call.used != n) {
		release(r);
		return;
	}
	make_call(r, &call);
	hold_drop(&r->hold, HOLD_MARKUP, 0);
	r->held = 0;
	r->markup_state = BEHIND;
	reply_odd(r, "a tool call written as text was made one");
	calls_settle(r, false);
}

/* ---- reading ---- */

static void put(struct reply *r, const char *raw, size_t n)
{
	if (r->markup_state == HELD)
		hold(r, raw, n);
	else
		text_put(r, raw, n);
}

/* What had matched is no token. */
static void no_token(struct reply *r)
{
	unsigned set;
	size_t n = r->token_matched;

	r->token_matched = 0;
	if (r->markup_state == BEHIND)
		r->markup_state = PLAIN;
	put(r, token_at(r->token, &set), n);
}

static void pass_token(struct reply *r, unsigned set)
{
	unsigned ignored;
	const char *token = token_at(r->token, &ignored);
	size_t n = r->token_matched;

	r->token_matched = 0;
	if (r->markup_state == HELD) {
		hold(r, token, n);
		look(r, false);
	} else if (set == 0) {
		r->markup_state = HELD;
		r->named = false;
		r->opener_leaks = token[1] == '|' || token[1] == '\xef';
		hold(r, token, n);
	}
}

/* How many bytes of raw surely begin no token. */
static size_t plain_run(const struct reply *r, const char *raw, size_t n)
{
	size_t i = 0, used;
	char unit[4];

	if (r->token_matched > 0 || r->markup_state == BEHIND)
		return 0;
	for (; i < n; i += used) {
		used = 1;
		if (raw[i] == '<')
			break;
		if (raw[i] == '\\' && raw_unit(raw + i, n - i, unit, &used) == 1 && unit[0] == '<')
			break;
	}
	return i;
}

/* One unit where a token may stand: how many of its bytes are text (all or none). */
static size_t step(struct reply *r, const char *raw, size_t n, size_t *used)
{
	char unit[4];
	size_t len = raw_unit(raw, n, unit, used);
	bool whole;
	unsigned set;

	if (match(r, unit, len, &whole, &set)) {
		if (whole)
			pass_token(r, set);
		return 0;
	}
	if (r->token_matched > 0) {
		no_token(r);
		*used = 0;	/* once more */
		return 0;
	}
	if (r->markup_state != BEHIND)
		return *used;
	if (len == 1 && is_white(unit[0]))
		return 0;
	r->markup_state = PLAIN;
	*used = 0;
	return 0;
}

static void read_text(struct reply *r, const char *raw, size_t n)
{
	const char *from = raw, *end = raw + n;

	while ((raw += plain_run(r, raw, (size_t)(end - raw))) < end) {
		size_t used;

		put(r, from, (size_t)(raw - from));
		from = raw;
		if (step(r, raw, (size_t)(end - raw), &used) == 0)
			from += used;
		raw += used;
	}
	put(r, from, (size_t)(end - from));
}

void markup_text(struct reply *r, const char *raw, size_t n)
{
	if (r->o.q->heal == HEAL_OFF || (r->o.session->nnames == 0 && !heals(r))) {
		text_put(r, raw, n);
		return;
	}
	read_text(r, raw, n);
	if (r->markup_state == HELD && ((!r->named && r->held <= PROBE_MAX) || r->held > HELD_MAX))
		look(r, false);
}

void markup_end(struct reply *r)
{
	if (r->token_matched > 0)
		no_token(r);
	if (r->markup_state == HELD)
		look(r, true);
}
