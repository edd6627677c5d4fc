/*
 * Content: reasoning in tags at its head, white space that opens no block,
 * calls written as text (their forms: markup_parse.c).
 *
 *	state    awaits
 *	HEAD     an opening tag, behind white space; anything else is text
 *	OPENED   the same, but anything else is reasoning (think_tags=open)
 *	INSIDE   the closing tag
 *	BEHIND   what follows it: white space is dropped, another tag may come
 *	BODY     a token that may begin a call; everything else is text
 *	HELD     the rest of a call, or the first sign that it is none
 *	CALLED   what stands behind a call: white space and closing tokens are
 *	         dropped, another call may come
 *
 * A tag or token may be cut anywhere and its characters may be written as
 * escapes. What has matched so far is not kept but known: it is the beginning
 * of a token. What is held goes to markup.c.
 */
#include <string.h>

#include "answer.h"
#include "markup.h"

enum { HEAD, OPENED, INSIDE, BEHIND, BODY, HELD, CALLED };

#define ANY_TAG 0		/* opened by the prompt's template: any closing tag ends it */

void text_begin(struct reply *r)
{
	static const unsigned char states[] = { [TAGS_HEAD] = HEAD, [TAGS_OPEN] = OPENED, [TAGS_OFF] = BODY };

	r->text_state = states[r->o.q->think_tags];
	r->tag = ANY_TAG;
	r->matched = 0;
}

size_t raw_unit(const char *raw, size_t n, char unit[4], size_t *used)
{
	*used = 1;
	unit[0] = *raw;
	return *raw == '\\' ? j_escape(raw, n, unit, used) : 1;
}

bool raw_blank(const char *raw, size_t n)
{
	char unit[4];
	size_t used;

	for (; n > 0; raw += used, n -= used)
		if (raw_unit(raw, n, unit, &used) != 1 || !is_white(unit[0]))
			return false;
	return true;
}

/* ---- where text goes ---- */

void text_open(struct reply *r)
{
	hold_drop(&r->hold, HOLD_WHITE_THOUGHT, 0);
	block_open(r, BLOCK_TEXT);
	block_held(r, HOLD_WHITE_TEXT);
}

void text_put(struct reply *r, const char *raw, size_t n)
{
	if (n == 0)
		return;
	if (r->sink.open == BLOCK_TEXT) {
		sink_put(&r->sink, raw, n);
		return;
	}
	if (r->hold.count[HOLD_LATE_TEXT] == 0 && raw_blank(raw, n)) {
		hold_put(&r->hold, HOLD_WHITE_TEXT, 0, raw, n);
		return;
	}
	r->real = r->spoke = true;
	if (calls_busy(r)) {
		hold_put(&r->hold, HOLD_LATE_TEXT, 0, raw, n);
		return;
	}
	text_open(r);
	sink_put(&r->sink, raw, n);
}

/* ---- tags and tokens ---- */

/* the sets whose tokens mean something in this state */
static int awaited(const struct reply *r)
{
	static const unsigned char sets[] = {
		[HEAD] = TOKEN_OPEN_TAG, [OPENED] = TOKEN_OPEN_TAG, [INSIDE] = TOKEN_CLOSE_TAG, [BEHIND] = TOKEN_OPEN_TAG,
		[BODY] = TOKEN_OPENER, [HELD] = TOKEN_CLOSER, [CALLED] = TOKEN_OPENER | TOKEN_CLOSER
	};
	int set = sets[r->text_state];

	return (set & TOKEN_OPENER) != 0 && markup_leaks(r) ? set | TOKEN_STRAY : set;
}

/* whether the unit brings a token one step further, the new r->token */
static bool match(struct reply *r, const char *unit, size_t n)
{
	int sets = awaited(r);
	size_t i, len;

	for (i = 0; markup_tokens[i] != '\0'; i += len + 2) {
		const char *token = markup_tokens + i + 1;

		len = strlen(token);
		if ((markup_tokens[i] & sets) == 0 || (r->text_state == INSIDE && r->tag != ANY_TAG && i != r->tag))
			continue;
		if (len < r->matched + n || memcmp(token, markup_tokens + r->token + 1, r->matched) != 0 ||
		    memcmp(token + r->matched, unit, n) != 0)
			continue;
		r->token = (unsigned short)i;
		r->matched = (unsigned char)(r->matched + n);
		return true;
	}
	return false;
}

/* Text of the present state. */
static void put(struct reply *r, const char *raw, size_t n)
{
	if (n == 0)
		return;
	if (r->text_state == HELD)
		markup_hold(r, raw, n);
	else if (r->text_state != OPENED && r->text_state != INSIDE)
		text_put(r, raw, n);
	else if (!r->tag_cut)
		reasoning_put(r, FROM_TAGS, raw, n);
}

/* Whether what is held is a call, or text, by now. */
static void look(struct reply *r, bool end)
{
	enum markup_what what = markup_look(r, end);

	if (what != MARKUP_MORE)
		r->text_state = what == MARKUP_CALL ? CALLED : BODY;
}

/* The token is whole. */
static void pass_token(struct reply *r)
{
	const char *token = markup_tokens + r->token + 1;
	size_t n = r->matched;
	int set = token[-1];

	r->matched = 0;
	if (r->text_state == HELD) {
		markup_hold(r, token, n);
		look(r, false);
	} else if (set & TOKEN_CLOSE_TAG) {
		r->text_state = BEHIND;
	} else if (set & TOKEN_OPEN_TAG) {
		r->text_state = INSIDE;
		r->tag = (unsigned short)(r->token + n + 2);
		/* what a field has said already the tags say once more */
		r->tag_cut = r->from != FROM_NONE && r->from != FROM_TAGS;
		hold_drop(&r->hold, HOLD_WHITE_TEXT, 0);
	} else if (set & TOKEN_OPENER) {
		r->text_state = HELD;
		markup_begin(r, token, n);
	}
}

/* whether the first character behind white space may begin a tag */
static bool begins_tag(const char *raw, size_t n)
{
	char unit[4];
	size_t used;

	for (; n > 0; raw += used, n -= used) {
		raw_unit(raw, n, unit, &used);
		if (!is_white(unit[0]))
			return unit[0] == '<' || unit[0] == '\xe2';
	}
	return false;
}

static void read_text(struct reply *r, const char *raw, size_t n);

/* There is no token here: what had matched is text, or belongs to the state that follows. */
static void no_token(struct reply *r)
{
	const char *was = markup_tokens + r->token + 1;
	size_t n = r->matched;
	unsigned char state = r->text_state;

	r->matched = 0;
	if (state == OPENED)
		r->text_state = INSIDE;
	else if (state == HEAD || state == CALLED)
		r->text_state = BODY;
	if (r->text_state != state)
		read_text(r, was, n);
	else
		put(r, was, n);
}

/* How many bytes of raw surely begin no token. */
static size_t plain_run(const struct reply *r, const char *raw, size_t n)
{
	size_t i = 0, used;
	char unit[4];

	if (r->text_state == BODY && !markup_reads(r))
		return n;
	if (r->matched > 0 || (r->text_state != INSIDE && r->text_state != BODY && r->text_state != HELD))
		return 0;
	for (; i < n; i += used) {
		raw_unit(raw + i, n - i, unit, &used);
		if (unit[0] == '<' || (unit[0] == '\xe2' && r->text_state == INSIDE))
			break;
	}
	return i;
}

/*
 * One unit where a token may stand. Returns how many bytes of it are text (all
 * or none): 0 when they belong to a token, or are white space behind one.
 */
static size_t step(struct reply *r, const char *raw, size_t n, size_t *used)
{
	char unit[4];
	size_t len = raw_unit(raw, n, unit, used);
	bool behind = r->text_state == BEHIND || r->text_state == CALLED;

	if (r->matched == 0 && len == 1 && is_white(unit[0]))
		return behind ? 0 : *used;
	if (r->text_state == BEHIND)
		r->text_state = HEAD;
	if (match(r, unit, len)) {
		if (markup_tokens[r->token + 1 + r->matched] == '\0')
			pass_token(r);
		return 0;
	}
	if (r->matched == 0 && (r->text_state == INSIDE || r->text_state == BODY || r->text_state == HELD))
		return *used;
	no_token(r);
	*used = 0;	/* once more, in the state that follows */
	return 0;
}

static void read_text(struct reply *r, const char *raw, size_t n)
{
	const char *from = raw, *end = raw + n;

	while ((raw += plain_run(r, raw, (size_t)(end - raw))) < end) {
		size_t used;

		/* the text before leaves in the state that it belongs to */
		put(r, from, (size_t)(raw - from));
		from = raw;
		if (step(r, raw, (size_t)(end - raw), &used) == 0)
			from += used;
		raw += used;
	}
	put(r, from, (size_t)(end - from));
}

void text_content(struct reply *r, const char *raw, size_t n, bool is_thought)
{
	if (n == 0)
		return;
	/* marked as reasoning, and without tags around it */
	if (is_thought && r->text_state == HEAD && r->matched == 0 && !begins_tag(raw, n)) {
		reasoning_put(r, FROM_TAGS, raw, n);
		return;
	}
	read_text(r, raw, n);
	if (r->text_state == HELD && markup_due(r))
		look(r, false);
}

void text_end(struct reply *r)
{
	while (r->matched > 0)
		no_token(r);
	if (r->text_state == HELD)
		look(r, true);
}
