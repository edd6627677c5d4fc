/*
 * Content that is being written: one string with blank lines between the
 * pieces, or a list of parts. Which of the two is decided before the first
 * piece; a message that gets no piece is never begun.
 *
 * Why blank lines: blocks of a message are pieces that stand for themselves (a
 * reminder, the question, text before and behind a tool call); run together
 * their words would touch.
 *
 * A part stays open until the next one begins, since the mark of a tool
 * result belongs to whatever its last piece was.
 */
#include <string.h>

#include "request_work.h"

void message_open(struct work *w, const char *role)
{
	plan_put(w->out, "%s{\"role\":\"%s\"", w->nmessages++ > 0 ? "," : "", role);
}

void message_close(struct work *w, bool marked)
{
	if (marked && w->q->cache == CACHE_COPILOT)
		plan_lit(w->out, ",\"copilot_cache_control\":{\"type\":\"ephemeral\"}");
	plan_lit(w->out, "}");
}

static void part_end(struct content *c)
{
	struct plan *out = c->w->out;

	if (c->list && c->part == PART_TEXT)
		plan_lit(out, "\"");
	if (c->list && c->part != PART_NONE) {
		if (c->w->q->cache == CACHE_ANTHROPIC && c->mark.type == J_OBJECT)
			plan_put(out, ",\"cache_control\":%v", &c->mark);
		plan_lit(out, "}");
	}
	c->part = PART_NONE;
	c->mark = (struct j_val){ 0 };
}

static void piece(struct content *c, enum part part)
{
	struct plan *out = c->w->out;

	part_end(c);
	c->part = part;
	if (c->pieces++ > 0) {
		plan_lit(out, c->list ? "," : "\\n\\n");
		return;
	}
	if (c->role != NULL) {
		message_open(c->w, c->role);
		plan_lit(out, ",\"content\":");
	}
	if (!c->bare)
		plan_lit(out, c->list ? "[" : "\"");
}

void content_init(struct content *c, struct work *w, const char *role, unsigned want)
{
	memset(c, 0, sizeof *c);
	c->w = w;
	c->role = role;
	c->list = w->q->cache == CACHE_ANTHROPIC;
	c->want = want;
}

struct plan *content_open(struct content *c)
{
	piece(c, PART_TEXT);
	plan_put(c->w->out, "%s%s", c->list ? "{\"type\":\"text\",\"text\":\"" : "", c->prefix != NULL ? c->prefix : "");
	c->prefix = NULL;
	return c->w->out;
}

void content_mark(struct content *c, const struct j_val *mark)
{
	if (mark->type != J_OBJECT || c->pieces == 0)
		return;
	c->mark = *mark;
	c->marked = true;
}

void content_lit(struct content *c, const char *text)
{
	plan_lit(content_open(c), text);
}

static void write_label(struct content *c)
{
	const struct call *call = c->label;

	c->label = NULL;
	content_open(c);
	call_id(c->w, "[shown by the result of tool call ", call);
	plan_lit(c->w->out, "]");
}

struct plan *content_part(struct content *c)
{
	if (c->label != NULL)
		write_label(c);
	piece(c, PART_OTHER);
	return c->w->out;
}

void content_end(struct content *c)
{
	if (c->pieces == 0)
		return;
	part_end(c);
	plan_lit(c->w->out, c->list ? "]" : "\"");
	if (c->role != NULL)
		message_close(c->w, c->marked);
}
