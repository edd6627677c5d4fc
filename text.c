/*
 * Content: reasoning in tags at its head, white space that opens no block.
 *
 *	state    awaits
 *	HEAD     an opening tag, behind white space; anything else is text
 *	OPENED   the same, but anything else is reasoning (think_tags=open)
 *	INSIDE   the closing tag
 *	BEHIND   what follows it: white space is dropped, another tag may come
 *	BODY     nothing more: all of it is text
 *
 * A tag may be cut anywhere and its characters may be written as escapes. What
 * has matched so far is not kept but known: it is the beginning of a tag.
 */
#include <string.h>

#include "answer.h"

enum { HEAD, OPENED, INSIDE, BEHIND, BODY };

static const struct {
	const char *open, *close;
} tags[] = {
	{ "<think>", "</think>" },
	{ "<thinking>", "</thinking>" },
	{ "<thought>", "</thought>" },
	{ "<reasoning>", "</reasoning>" },
	{ "\xe2\x97\x81think\xe2\x96\xb7", "\xe2\x97\x81/think\xe2\x96\xb7" }
};

#define TAGS (sizeof tags / sizeof tags[0])
#define ANY_TAG 255		/* opened by the prompt's template: any closing tag ends it */

void text_begin(struct reply *r)
{
	static const unsigned char states[] = { [TAGS_HEAD] = HEAD, [TAGS_OPEN] = OPENED, [TAGS_OFF] = BODY };

	r->text_state = states[r->o.q->think_tags];
	r->tag = r->matched = 0;
}

size_t raw_unit(const char *raw, size_t n, char unit[4], size_t *used)
{
	*used = 1;
	unit[0] = *raw;
	return *raw == '\\' ? j_escape(raw, n, unit, used) : 1;
}

bool is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
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
	struct piece it = { 0 };

	hold_drop(&r->hold, HOLD_WHITE_THOUGHT, 0);
	block_open(r, BLOCK_TEXT);
	while (hold_find(&r->hold, HOLD_WHITE_TEXT, 0, &it)) {
		sink_put(&r->sink, it.p, it.n);
		hold_take(&r->hold, &it);
	}
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
	r->real = true;
	if (calls_busy(r)) {
		hold_put(&r->hold, HOLD_LATE_TEXT, 0, raw, n);
		return;
	}
	text_open(r);
	sink_put(&r->sink, raw, n);
}

/* ---- tags ---- */

static const char *tag_text(const struct reply *r, size_t tag)
{
	return r->text_state == INSIDE ? tags[tag].close : tags[tag].open;
}

/* whether the unit brings a tag one step further; the tag becomes the candidate */
static bool match(struct reply *r, const char *unit, size_t n)
{
	const char *so_far = tag_text(r, r->candidate);

	for (size_t i = 0; i < TAGS; i++) {
		const char *tag = tag_text(r, i);
		size_t left = strlen(tag);

		if (r->text_state == INSIDE && r->tag != ANY_TAG && i != r->tag)
			continue;
		if (left < r->matched + n || memcmp(tag, so_far, r->matched) != 0 || memcmp(tag + r->matched, unit, n) != 0)
			continue;
		r->candidate = (unsigned char)i;
		r->matched = (unsigned char)(r->matched + n);
		return true;
	}
	return false;
}

/* Text outside of tags or inside of them. */
static void put(struct reply *r, const char *raw, size_t n)
{
	if (r->text_state == HEAD)
		text_put(r, raw, n);
	else if (r->text_state == BODY)
		markup_text(r, raw, n);
	else if (r->text_state != BEHIND && !r->tag_cut)
		reasoning_put(r, FROM_TAGS, raw, n);
}

/* The candidate is whole. */
static void pass_tag(struct reply *r)
{
	r->matched = 0;
	if (r->text_state == INSIDE) {
		r->text_state = BEHIND;
		return;
	}
	r->text_state = INSIDE;
	r->tag = r->candidate;
	/* what a field has said already the tags say once more */
	r->tag_cut = r->from != FROM_NONE && r->from != FROM_TAGS;
	hold_drop(&r->hold, HOLD_WHITE_TEXT, 0);
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

/* There is no tag here: what had matched is text of the state that follows. */
static void no_tag(struct reply *r)
{
	const char *was = tag_text(r, r->candidate);
	size_t n = r->matched;

	r->matched = 0;
	if (r->text_state == OPENED) {
		r->text_state = INSIDE;
		r->tag = ANY_TAG;
	} else if (r->text_state != INSIDE) {
		r->text_state = BODY;
	}
	put(r, was, n);
}

/* How many bytes of raw surely begin no tag. */
static size_t plain_run(const struct reply *r, const char *raw, size_t n)
{
	size_t i = 0, used;
	char unit[4];

	if (r->text_state == BODY)
		return n;
	if (r->text_state != INSIDE || r->matched > 0)
		return 0;
	for (; i < n; i += used) {
		raw_unit(raw + i, n - i, unit, &used);
		if (unit[0] == '<' || unit[0] == '\xe2')
			break;
	}
	return i;
}

/*
 * One unit where a tag may stand. Returns how many bytes of it are text (all
 * or none): 0 when they belong to a tag, or are white space behind one.
 */
static size_t step(struct reply *r, const char *raw, size_t n, size_t *used)
{
	char unit[4];
	size_t len = raw_unit(raw, n, unit, used);

	if (r->matched == 0 && len == 1 && is_white(unit[0]))
		return r->text_state == BEHIND ? 0 : *used;
	if (r->text_state == BEHIND)
		r->text_state = HEAD;
	if (match(r, unit, len)) {
		if (r->matched == strlen(tag_text(r, r->candidate)))
			pass_tag(r);
		return 0;
	}
	if (r->text_state == INSIDE && r->matched == 0)
		return *used;
	no_tag(r);
	*used = 0;	/* once more, in the state that follows */
	return 0;
}

static void read_content(struct reply *r, const char *raw, size_t n)
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
	read_content(r, raw, n);
}

void text_end(struct reply *r)
{
	if (r->matched > 0)
		no_tag(r);
}
