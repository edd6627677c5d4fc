/*
 * Messages into messages.
 *
 * The conversation is read as turns: a run of assistant messages, then a run
 * of user messages and of role:system ones between them. Messages that say
 * nothing (blank, or only thinking) belong to whichever run they stand in, so
 * neighbours of one role always become one message, and none is empty.
 *
 *   assistant   one message: content, reasoning (request_echo.c), tool_calls;
 *               a call's cache_control goes to the text in front of it
 *   user        one tool message for each call, in the calls' order, whatever
 *               the order of the results; "(no result)" where there is none.
 *               Then the rest: text joins the last tool message (tool_text=merge:
 *               a user message would end the provider's preserved thinking),
 *               images and files of results and of the user go into one user
 *               message. A result that answers no call is text.
 *   system      between messages: user text in <system-reminder>
 *               (system=inline: a message of its own; merge: moved to the head)
 *
 * An id of a call that is empty, or that the conversation had before, gets
 * another; its result is found by order, the first result for the first call.
 */
#include <string.h>

#include "log.h"
#include "request_work.h"

static const struct j_val none;

/* ---- reading ---- */

bool message_next(struct work *w, struct cursor *c, struct message *m)
{
	static const char names[] = "role\0content\0";
	struct j_val v[2];

	m->at.up = NULL;
	m->at.name = "messages";
	m->at.index = c->next++;
	if (w->failed || !j_item_pick(w->top[TOP_MESSAGES], &c->item, names, v)
		|| !work_want(w, &m->at, "", &c->item, 'O'))
		return false;
	if (!work_wants(w, &m->at, names, "SC", v))
		return false;
	int role = j_which(v[0], "user\0assistant\0system\0");
	if (role < 0)
		work_fail(w, &m->at, "role", "must be user, assistant or system");
	m->role = (enum role)role;
	m->content = v[1];
	return !w->failed;
}

bool run_next(struct work *w, const struct run *r, struct cursor *c, struct message *m)
{
	while (c->next < r->behind) {
		if (c->next == r->first.at.index) {
			*m = r->first;
			*c = r->second;
		} else if (!message_next(w, c, m)) {
			return false;
		}
		if ((m->role == ROLE_ASSISTANT) == r->assistant)
			return true;
	}
	return false;
}

void turn_begin(struct turn *t, const struct run *r)
{
	t->messages = r->start;
	t->inside = false;
}

bool turn_next(struct work *w, const struct run *r, struct turn *t)
{
	while (!t->inside || !blocks_next(w, &t->blocks, &t->b)) {
		t->inside = run_next(w, r, &t->messages, &t->m);
		if (!t->inside)
			return false;
		blocks_of_message(&t->blocks, &t->m);
	}
	return true;
}

static bool silent_block(const struct block *b)
{
	return b->type == BLOCK_THINKING || b->type == BLOCK_REDACTED || (b->type == BLOCK_TEXT && j_blank(b->f[B_TEXT]));
}

static bool silent(struct work *w, const struct message *m)
{
	struct blocks i;
	struct block b;

	if (m->role == ROLE_SYSTEM && w->q->system == SYSTEM_MERGE)
		return true;
	blocks_of_message(&i, m);
	while (blocks_next(w, &i, &b))
		if (!silent_block(&b))
			return false;
	return true;
}

/* a place between messages, and the message behind it once it has been looked at: reading one costs its length */
struct reader {
	struct cursor at, behind;
	struct message m;
	bool looked;
};

static bool look(struct work *w, struct reader *r)
{
	if (!r->looked) {
		r->behind = r->at;
		r->looked = message_next(w, &r->behind, &r->m);
	}
	return r->looked;
}

/* Takes the messages of one side, and silent ones of the other. */
static void take_run(struct work *w, struct reader *from, bool assistant, struct run *r)
{
	r->start = from->at;
	r->assistant = assistant;
	r->any = false;
	while (look(w, from) && ((from->m.role == ROLE_ASSISTANT) == assistant || silent(w, &from->m))) {
		if (!r->any) {
			r->first = from->m;
			r->second = from->behind;
		}
		r->any = true;
		from->at = from->behind;
		from->looked = false;
	}
	r->behind = from->at.next;
}

/* ---- ids ---- */

/* Whether the conversation had this id before; remembers it while there is room. */
static bool seen(struct work *w, uint64_t hash)
{
	size_t i = (size_t)(hash % SEEN_SLOTS);

	hash += hash == 0;
	if (w->nseen == 0)
		memset(w->seen, 0, sizeof w->seen);
	while (w->seen[i] != 0) {
		if (w->seen[i] == hash)
			return true;
		i = (i + 1) % SEEN_SLOTS;
	}
	if (w->nseen < SEEN_SLOTS / 4 * 3) {
		w->seen[i] = hash;
		w->nseen++;
	}
	return false;
}

void call_id(struct work *w, const char *before, const struct call *call)
{
	char again[40], id[CONV_ID_MAX + 1];
	struct j_val v = call->id;

	if (call->again > 0)
		v = j_value(again, fmt(again, sizeof again, "\"call_again_%zu\"", call->again), J_STRING);
	plan_lit(w->out, before);
	plan_copy(w->out, SPAN_ESC, id, conv_id(v, w->q->tool_id, id));
}

void tool_name(struct work *w, const char *before, struct j_val name)
{
	char text[CONV_NAME_MAX + 1];

	plan_lit(w->out, before);
	plan_copy(w->out, SPAN_ESC, text, conv_name_val(name, text));
}

static void add_call(struct work *w, const struct place *at, const struct block *b)
{
	if (w->ncalls == TURN_CALLS) {
		work_fail(w, at, "", "more than 256 tool calls in one turn");
		return;
	}
	struct call *call = &w->calls[w->ncalls++];
	memset(call, 0, sizeof *call);
	w->all_calls++;
	call->id = b->f[B_ID];
	call->name = b->f[B_NAME];
	call->input = b->f[B_INPUT];
	call->hash = j_hash(call->id);
	if (j_empty(call->id) || seen(w, call->hash))
		call->again = w->all_calls;
	if (call->id.type == J_STRING)
		session_add_id(w->s, call->id);
}

/* ---- assistant ---- */

/* Finds the calls of the run; whether it has text, and marks. */
static bool scan_assistant(struct work *w, const struct run *r, bool *marks)
{
	struct turn t;
	bool text = false;

	turn_begin(&t, r);
	w->ncalls = 0;
	while (turn_next(w, r, &t)) {
		if (t.b.type == BLOCK_TOOL_USE)
			add_call(w, &t.blocks.at, &t.b);
		else if (!silent_block(&t.b))
			text = true;
		if (t.b.f[B_MARK].type == J_OBJECT)
			*marks = true;
	}
	return text;
}

static void write_call(struct work *w, const struct call *call, bool first)
{
	struct j_val input = call->input;

	call_id(w, first ? ",\"tool_calls\":[{\"id\":\"" : ",{\"id\":\"", call);
	tool_name(w, "\",\"type\":\"function\",\"function\":{\"name\":\"", call->name);
	plan_lit(w->out, "\",\"arguments\":\"");
	/* servers parse it, and templates walk it, as an object */
	if (input.type != J_OBJECT)
		plan_lit(w->out, input.type == J_NONE ? "{" : "{\\\"input\\\":");
	plan_span(w->out, SPAN_ESC, input.p, input.n);
	plan_lit(w->out, input.type != J_OBJECT ? "}\"}" : "\"}");
	echo_call(w, call);
	plan_lit(w->out, "}");
}

/* last: no message follows, so the answer is to go on where this one ends */
static void write_assistant(struct work *w, const struct run *r, bool last)
{
	bool marks = false, text = scan_assistant(w, r, &marks);
	struct content c;
	struct turn t;
	struct echo echo;

	if (!text && w->ncalls == 0)
		return;
	w->f->last_is_user = false;
	echo_scan(w, r, &echo);
	content_init(&c, w, NULL, WANT_TEXT);
	c.stand_in = "[image]";
	/* a list where it must be, since some templates take only strings of an assistant */
	c.list = echo.form == ECHO_FORM_PARTS || (c.list && marks);
	message_open(w, "assistant");
	plan_lit(w->out, ",\"content\":");
	echo_content(&echo, &c);
	turn_begin(&t, r);
	while (turn_next(w, r, &t)) {
		if (t.b.type == BLOCK_TOOL_USE)
			content_mark(&c, &t.b.f[B_MARK]);	/* a call has no place for it */
		else
			block_write(&c, &t.blocks.at, &t.b);
	}
	content_end(&c);
	if (c.pieces == 0)
		plan_lit(w->out, w->q->echo_fill == FILL_NONE ? "null" : "\"\"");
	echo_members(w, &echo);
	for (size_t i = 0; i < w->ncalls; i++)
		write_call(w, &w->calls[i], i == 0);
	if (w->ncalls > 0)
		plan_lit(w->out, "]");
	else if (last && w->q->prefill != PREFILL_PLAIN)
		plan_lit(w->out, w->q->prefill == PREFILL_PREFIX ? ",\"prefix\":true" : ",\"partial\":true");
	message_close(w, c.marked);
}

/* ---- user ---- */

/* what a run of the user's side holds */
struct user_side {
	struct run run;
	bool own;		/* something that is no result of the turn's calls */
	bool parts;		/* images or files of that */
	bool result_parts;	/* images or files of results */
	enum { MARKS_NONE, MARKS_IN_TOOL, MARKS_IN_USER } marks;	/* where what changes each turn goes: to the very end */
};

static bool is_result(const struct work *w, const struct block *b)
{
	for (size_t i = 0; b->type == BLOCK_TOOL_RESULT && i < w->ncalls; i++)
		if (w->calls[i].result == b->p)
			return true;
	return false;
}

/* Gives the result to the first call with its id that has none yet. open: the first call without one. */
static bool match(struct work *w, const struct place *at, const struct block *b, size_t *open)
{
	uint64_t hash = j_hash(b->f[B_TOOL_USE_ID]);
	size_t i = *open;

	while (i < w->ncalls && (w->calls[i].hash != hash || w->calls[i].result != NULL))
		i++;
	if (i == w->ncalls)
		return false;
	struct call *call = &w->calls[i];
	call->result = b->p;
	call->message = at->up->index;
	call->block = at->index;
	call->content = b->f[B_CONTENT];
	call->mark = b->f[B_MARK];
	call->is_error = b->f[B_IS_ERROR].type == J_TRUE;
	while (*open < w->ncalls && w->calls[*open].result != NULL)
		++*open;
	return true;
}

static void scan_user(struct work *w, struct user_side *u)
{
	struct cursor c = u->run.start;
	struct message m;
	size_t open = 0;

	while (run_next(w, &u->run, &c, &m)) {
		struct blocks i;
		struct block b;
		blocks_of_message(&i, &m);
		if (m.role == ROLE_USER)
			w->f->last_is_user = true;
		while (blocks_next(w, &i, &b)) {
			bool result = b.type == BLOCK_TOOL_RESULT && match(w, &i.at, &b, &open);
			if (b.type == BLOCK_TOOL_RESULT)
				w->f->last_is_user = false;
			if (!result)
				u->own = true;
			if (block_has_part(w, &i.at, &b))
				*(result ? &u->result_parts : &u->parts) = true;
		}
		if (w->f->last_is_user)
			w->f->hides_image = false;
	}
}

static void place_marks(struct work *w, struct user_side *u, bool merged)
{
	if (!w->markers || !u->run.any || u->run.behind <= w->last_user)
		return;
	u->marks = merged && !u->parts && !u->result_parts && w->q->system != SYSTEM_INLINE ? MARKS_IN_TOOL : MARKS_IN_USER;
}

static void write_reminder(struct content *c, const struct message *m)
{
	struct content inside = { .w = c->w, .bare = true, .want = WANT_TEXT, .stand_in = "[image]" };
	bool tagged = j_begins(m->content, "<system-reminder>");

	if (silent(c->w, m) || (c->want & WANT_TEXT) == 0)
		return;
	content_lit(c, tagged ? "" : "<system-reminder>\\n");
	block_message(&inside, m);
	plan_lit(c->w->out, tagged ? "" : "\\n</system-reminder>");
	content_mark(c, &inside.mark);
}

/* what is no result of this turn's calls */
static void write_own(struct content *c, const struct message *m)
{
	struct blocks i;
	struct block b;

	if (m->role == ROLE_SYSTEM) {
		write_reminder(c, m);
		return;
	}
	blocks_of_message(&i, m);
	while (blocks_next(c->w, &i, &b))
		if (!is_result(c->w, &b))
			block_write(c, &i.at, &b);
}

/* the text of the user's side up to a system message that stays one */
static void write_own_text(struct content *c, const struct user_side *u)
{
	struct cursor at = u->run.start;
	struct message m;

	c->stand_in = NULL;
	while (u->own && run_next(c->w, &u->run, &at, &m)) {
		if (m.role == ROLE_SYSTEM && c->w->q->system == SYSTEM_INLINE)
			return;
		write_own(c, &m);
	}
	if (u->marks == MARKS_IN_TOOL)
		system_marks(c);
}

static void write_result_content(struct content *c, const struct call *call)
{
	struct place message = { NULL, "messages", call->message }, block = { &message, "content", call->block };

	block_content(c, &block, "content", call->content);
}

/* whether the text says so itself */
static bool says_error(struct j_val content)
{
	struct j_val first = none;

	if (j_item(content, &first))
		content = j_get(first, "text");
	return j_begins(content, "Error:");
}

static void write_result(struct work *w, const struct call *call, const struct user_side *text)
{
	struct content c;

	content_init(&c, w, NULL, WANT_TEXT);
	c.stand_in = "[shown in the user message below]";
	message_open(w, "tool");
	call_id(w, ",\"tool_call_id\":\"", call);
	if (w->q->tool_name && !work_dropped(w, "name"))
		tool_name(w, "\",\"name\":\"", call->name);
	plan_lit(w->out, "\",\"content\":");
	if (call->is_error && !says_error(call->content))
		c.prefix = "Error: ";
	if (call->result != NULL)
		write_result_content(&c, call);
	if (c.pieces == 0)
		content_lit(&c, call->result != NULL ? "(no output)" : "(no result)");
	content_mark(&c, &call->mark);
	if (text != NULL)
		write_own_text(&c, text);
	content_end(&c);
	message_close(w, c.marked);
}

static void write_inline(struct work *w, const struct message *m)
{
	struct content c;

	content_init(&c, w, "system", WANT_TEXT);
	block_message(&c, m);
	content_end(&c);
}

/* user messages: what results and the user show, and the user's text unless it was merged */
static void write_rest(struct work *w, const struct user_side *u, bool merged)
{
	struct content fresh, c;
	struct cursor at = u->run.start;
	struct message m;

	content_init(&fresh, w, "user", WANT_TEXT | WANT_PARTS);
	if (u->parts || u->result_parts)
		fresh.list = true;
	c = fresh;
	c.want = WANT_PARTS;
	for (size_t i = 0; u->result_parts && i < w->ncalls; i++) {
		c.label = &w->calls[i];
		write_result_content(&c, c.label);
	}
	c.label = NULL;
	c.want = merged ? WANT_PARTS : fresh.want;
	while (u->own && run_next(w, &u->run, &at, &m)) {
		if (m.role != ROLE_SYSTEM || w->q->system != SYSTEM_INLINE) {
			write_own(&c, &m);
			continue;
		}
		content_end(&c);
		write_inline(w, &m);
		c = fresh;
	}
	if (u->marks == MARKS_IN_USER)
		system_marks(&c);
	content_end(&c);
}

static void write_user(struct work *w, struct user_side *u)
{
	bool merged = w->ncalls > 0 && w->q->tool_text == TEXT_MERGE;

	scan_user(w, u);
	place_marks(w, u, merged);
	for (size_t i = 0; i < w->ncalls; i++)
		write_result(w, &w->calls[i], merged && i + 1 == w->ncalls ? u : NULL);
	write_rest(w, u, merged);
}

/* ---- all of them ---- */

void turns_write(struct work *w)
{
	struct reader from;
	struct run assistant;
	struct user_side user;

	if (!work_want(w, NULL, "messages", &w->top[TOP_MESSAGES], 'A'))
		return;
	memset(&from, 0, sizeof from);
	plan_lit(w->out, "[");
	system_write(w, &from.at);
	size_t head = w->nmessages;
	do {
		take_run(w, &from, true, &assistant);
		write_assistant(w, &assistant, !look(w, &from));
		memset(&user, 0, sizeof user);
		take_run(w, &from, false, &user.run);
		write_user(w, &user);
	} while (!w->failed && (assistant.any || user.run.any));
	plan_span(w->out, SPAN_RAW, w->t->more, w->t->nmore);
	plan_lit(w->out, "]");
	if (w->nmessages == head)
		work_fail(w, NULL, "messages", "at least one message that says something is required");
}
