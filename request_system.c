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

/* a stretch of the inside of a JSON string */
struct stretch {
	const char *p;
	size_t n;
};

static struct stretch stretch_of(struct j_val string)
{
	struct stretch s;

	s.p = j_raw(string, &s.n);
	return s;
}

static const char *find(struct stretch s, const char *text)
{
	size_t n = strlen(text);

	while (s.n >= n) {
		const char *p = memchr(s.p, text[0], s.n - n + 1);
		if (p == NULL)
			break;
		if (memcmp(p, text, n) == 0)
			return p;
		s.n -= (size_t)(p + 1 - s.p);
		s.p = p + 1;
	}
	return NULL;
}

/* Cuts s in two at its first marker: s keeps what is in front, *mark is the marker, *rest what is behind. */
static bool cut(struct stretch *s, struct stretch *mark, struct stretch *rest)
{
	static const char opening[] = "<total_tokens>", closing[] = "</total_tokens>";
	const char *end = s->p + s->n, *p = find(*s, opening);

	if (p == NULL)
		return false;
	mark->p = p;
	mark->n = (size_t)(end - p);
	const char *behind = find(*mark, closing);
	const char *line = find(*mark, "\\n");
	if (behind != NULL)
		mark->n = (size_t)(behind - p) + sizeof closing - 1;
	else if (line != NULL)
		mark->n = (size_t)(line - p);
	rest->p = p + mark->n;
	rest->n = (size_t)(end - rest->p);
	s->n = (size_t)(p - s->p);
	return true;
}

static struct stretch without_billing(struct j_val string)
{
	struct stretch s = stretch_of(string);

	if (!j_begins(string, "x-anthropic-billing-header"))
		return s;
	const char *line = find(s, "\\n");
	const char *rest = line != NULL ? line + 2 : s.p + s.n;
	s.n -= (size_t)(rest - s.p);
	s.p = rest;
	return s;
}

static bool is_blank(struct stretch s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool escape = s.p[i] == '\\' && i + 1 < s.n && memchr("nrt", s.p[i + 1], 3) != NULL;
		if (s.p[i] != ' ' && !escape)
			return false;
		i += escape;
	}
	return true;
}

/* the text without markers, as one piece unless nothing is left */
static void write_system_text(struct content *c, struct j_val string)
{
	struct stretch s = without_billing(string), mark, rest;
	bool begun = false, more;

	do {
		more = cut(&s, &mark, &rest);
		c->w->markers = c->w->markers || more;
		if (!begun && !is_blank(s)) {
			content_open(c);
			begun = true;
		}
		if (begun)
			plan_span(c->w->out, SPAN_RAW, s.p, s.n);
		s = rest;
	} while (more);
}

static void write_marks(struct content *c, struct j_val string)
{
	struct stretch s = stretch_of(string), mark, rest;

	while (cut(&s, &mark, &rest)) {
		content_open(c);
		plan_span(c->w->out, SPAN_RAW, mark.p, mark.n);
		s = rest;
	}
}

void system_marks(struct content *c)
{
	struct blocks i = { 0 };
	struct block b;

	while (blocks_next(c->w, NULL, "system", c->w->top[TOP_SYSTEM], &i, &b))
		if (b.type == BLOCK_TEXT)
			write_marks(c, b.f[B_TEXT]);
}

static void write_top(struct content *c)
{
	struct j_val system = c->w->top[TOP_SYSTEM];
	struct blocks i = { 0 };
	struct block b;

	work_want(c->w, NULL, "system", system, 'c');
	while (blocks_next(c->w, NULL, "system", system, &i, &b)) {
		size_t before = c->pieces;
		if (b.type == BLOCK_TEXT)
			write_system_text(c, b.f[B_TEXT]);
		else
			block_write(c, &i.at, &b);
		if (c->pieces > before)
			content_mark(c, b.f[B_MARK]);
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
			block_content(&head, &m.at, "content", m.content);
		if (leading)
			*c = ahead;
	}
	if (w->tools == 0 && w->server_tools > 0)
		content_lit(&head, "Tools that run on the server, such as web search, are not available here: nothing"
			" can be looked up. Answer from what you know, and say plainly that you could not search.");
	content_end(&head);
	if (w->markers)
		find_last_user(w);
}
