/*
 * The system message at the head, and what must not stand in it.
 *
 * It is made of the top-level system and the role:system messages in front of
 * the first other one (system=merge: of all), one piece each. Cut out of it,
 * since a provider's prompt cache works on equal prefixes:
 *   a first line "x-anthropic-billing-header: ...", which differs from session
 *   to session, and names no one that this provider knows;
 *   <total_tokens>...</total_tokens>, which differs from turn to turn: it goes
 *   to the end of the last turn of the user's side.
 */
#include <string.h>

#include "request_work.h"

/* a piece of the inside of a JSON string: a marker, or what stands between them */
struct stretch {
	const char *p;
	size_t n;
	bool marker;
};

/* Cuts s off in front of p, if that is anywhere. */
static bool cut(struct stretch *s, const char *p)
{
	if (p != NULL)
		s->n = (size_t)(p - s->p);
	return p != NULL;
}

/* The stretch that begins at *at, which moves behind it; false at the end. */
static bool next_stretch(struct j_val string, size_t *at, struct stretch *s)
{
	static const char opening[] = "<total_tokens>", closing[] = "</total_tokens>";
	size_t n;
	const char *raw = j_raw(string, &n), *p;

	if (*at >= n)
		return false;
	s->p = raw + *at;
	s->n = n - *at;
	p = find_text(s->p, s->n, opening);
	s->marker = p == s->p;
	if (!s->marker)
		cut(s, p);
	else if (cut(s, find_text(s->p, s->n, closing)))
		s->n += sizeof closing - 1;
	else
		cut(s, find_text(s->p, s->n, "\\n"));
	*at += s->n;
	return true;
}

/* how much of a string is a billing header, its line's end included */
static size_t billing(struct j_val string)
{
	struct stretch s = { NULL, 0, false };

	if (!j_begins(string, "x-anthropic-billing-header"))
		return 0;
	s.p = j_raw(string, &s.n);
	return cut(&s, find_text(s.p, s.n, "\\n")) ? s.n + 2 : s.n;
}

/* the text without markers, as one piece unless nothing is left */
static void write_system_text(struct content *c, struct j_val string)
{
	struct stretch s;
	size_t at = billing(string);
	bool begun = false;

	while (next_stretch(string, &at, &s)) {
		if (s.marker)
			c->w->markers = true;
		/* a stretch lies within quotes: with a byte on both sides it is as good as a string */
		if (s.marker || (!begun && j_blank(j_value(s.p - 1, s.n + 2, J_STRING))))
			continue;
		if (!begun)
			content_open(c);
		begun = true;
		plan_span(c->w->out, SPAN_RAW, s.p, s.n);
	}
}

static void write_marks(struct content *c, struct j_val string)
{
	struct stretch s;
	size_t at = 0;

	while (next_stretch(string, &at, &s))
		if (s.marker)
			plan_span(content_open(c), SPAN_RAW, s.p, s.n);
}

void system_marks(struct content *c)
{
	struct blocks i;
	struct block b;

	blocks_begin(&i, NULL, "system", c->w->top[TOP_SYSTEM]);
	while (blocks_next(c->w, &i, &b))
		if (b.type == BLOCK_TEXT)
			write_marks(c, b.f[B_TEXT]);
}

static void write_top(struct content *c)
{
	struct blocks i;
	struct block b;

	work_want(c->w, NULL, "system", &c->w->top[TOP_SYSTEM], 'c');
	blocks_begin(&i, NULL, "system", c->w->top[TOP_SYSTEM]);
	while (blocks_next(c->w, &i, &b)) {
		size_t before = c->pieces;
		if (b.type == BLOCK_TEXT)
			write_system_text(c, b.f[B_TEXT]);
		else
			block_write(c, &i.at, &b);
		if (c->pieces > before)
			content_mark(c, &b.f[B_MARK]);
	}
}

/* the index of the last message that may take what is moved out of the head */
static void find_last_user(struct work *w)
{
	struct cursor c = { 0 };
	struct message m;

	while (message_next(w, &c, &m))
		if (m.role != ROLE_ASSISTANT)
			w->last_user = m.at.index;
}

void system_write(struct work *w, struct cursor *c)
{
	struct content head;
	struct cursor ahead = *c;
	struct message m;
	bool leading = true;

	content_init(&head, w, "system", WANT_TEXT);
	write_top(&head);
	while ((leading || w->q->system == SYSTEM_MERGE) && message_next(w, &ahead, &m)) {
		leading = leading && m.role == ROLE_SYSTEM;
		if (m.role == ROLE_SYSTEM)
			block_message(&head, &m);
		if (leading)
			*c = ahead;
	}
	search_note(&head);
	content_end(&head);
	if (w->markers)
		find_last_user(w);
}
