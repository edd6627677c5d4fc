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
#include "request_work.h"

void message_open(struct work *w, const char *role)
{
	plan_lit(w->out, w->nmessages++ > 0 ? ",{\"role\":\"" : "{\"role\":\"");
	plan_lit(w->out, role);
	plan_lit(w->out, "\"");
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

	if (c->list && c->part != PART_NONE) {
		if (c->part == PART_TEXT)
			plan_lit(out, "\"");
		if (c->w->q->cache == CACHE_ANTHROPIC && c->mark.type == J_OBJECT) {
			plan_lit(out, ",\"cache_control\":");
			plan_val(out, c->mark);
		}
		plan_lit(out, "}");
	}
	c->part = PART_NONE;
	c->mark = (struct j_val){ 0 };
}

static void piece(struct content *c)
{
	struct plan *out = c->w->out;

	part_end(c);
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

void content_open(struct content *c)
{
	piece(c);
	c->part = PART_TEXT;
	if (c->list)
		plan_lit(c->w->out, "{\"type\":\"text\",\"text\":\"");
	if (c->prefix != NULL)
		plan_lit(c->w->out, c->prefix);
	c->prefix = NULL;
}

void content_mark(struct content *c, struct j_val mark)
{
	if (mark.type != J_OBJECT || c->pieces == 0)
		return;
	c->mark = mark;
	c->marked = true;
}

void content_lit(struct content *c, const char *text)
{
	content_open(c);
	plan_lit(c->w->out, text);
}

void content_string(struct content *c, struct j_val string)
{
	if (string.type != J_STRING || j_blank(string))
		return;
	content_open(c);
	work_inner(c->w, string);
}

static void write_label(struct content *c)
{
	const struct call *call = c->label;
	char id[CONV_ID_MAX + 1];

	c->label = NULL;
	content_open(c);
	plan_lit(c->w->out, "[shown by the result of tool call ");
	plan_copy(c->w->out, SPAN_ESC, id, call_id(c->w, call, id));
	plan_lit(c->w->out, "]");
}

void content_part(struct content *c, const char *begin)
{
	if (c->label != NULL)
		write_label(c);
	piece(c);
	c->part = PART_OTHER;
	plan_lit(c->w->out, begin);
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
