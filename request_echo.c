/*
 * Reasoning that goes back to the provider it came from.
 *
 * Only what a thinking block carries for this target counts (carry.h): text of
 * another model, or of another model's signature, is dropped. What is left
 * goes back in the form that the quirks ask for, else in the one it came in;
 * without a change of its bytes, since providers compare it (GLM, DeepSeek,
 * vLLM's prefix cache). Texts of several blocks of one turn were one text at
 * the provider, so they are joined without anything between them.
 *
 *   echo          with something carried                nothing carried
 *   reasoning_content, reasoning   that field            echo_fill in that field
 *   details       reasoning_details, else as auto        as auto
 *   tags          <think>...</think> in the content      -
 *   mistral       a thinking part in the content         -
 *   copilot       reasoning_text, reasoning_opaque       -
 *   gemini        thought_signature of calls             a filler on the first call
 *   auto          as it came                             echo_fill in reasoning_content
 */
#include <string.h>

#include "request_work.h"

/* the next thinking block of the turn that carries something for this target */
struct thoughts {
	struct cursor messages;
	struct message m;
	bool inside;			/* m is a message */
	struct blocks blocks;
	struct block b;
	struct carry carry;
};

static bool next_thought(struct work *w, const struct run *r, struct thoughts *t)
{
	while (!w->failed) {
		while (t->inside && blocks_next(w, &t->m.at, "content", t->m.content, &t->blocks, &t->b)) {
			if (t->b.type == BLOCK_THINKING
				&& carry_read(t->b.f[B_SIGNATURE], w->t->binding, &t->carry))
				return true;
		}
		memset(&t->blocks, 0, sizeof t->blocks);
		t->inside = run_next(w, r, &t->messages, &t->m);
		if (!t->inside)
			break;
	}
	return false;
}

static struct thoughts thoughts_of(const struct run *r)
{
	struct thoughts t;

	memset(&t, 0, sizeof t);
	t.messages = r->start;
	return t;
}

static bool has_text(const struct block *b)
{
	return b->f[B_THINKING].type == J_STRING && !j_empty(b->f[B_THINKING]);
}

/* the signature goes to its call, whatever their order */
static void keep_signature(struct work *w, struct echo *e, const struct carry_piece *piece)
{
	e->signature = e->signature || piece->call == 0;
	for (size_t i = 0; piece->call != 0 && i < w->ncalls; i++) {
		if (w->calls[i].hash == piece->call && w->calls[i].signature == NULL) {
			w->calls[i].signature = piece->p;
			w->calls[i].nsignature = piece->n;
			return;
		}
	}
}

static void choose(struct work *w, struct echo *e)
{
	enum q_echo echo = w->q->echo;

	switch (echo) {
	case ECHO_AUTO:
	case ECHO_DETAILS:
		break;
	case ECHO_NONE:
	case ECHO_GEMINI:
		return;
	case ECHO_REASONING_CONTENT:
		e->from = FROM_REASONING_CONTENT;
		break;
	case ECHO_REASONING:
		e->from = FROM_REASONING;
		break;
	case ECHO_COPILOT:
		e->from = FROM_REASONING_TEXT;
		break;
	case ECHO_TAGS:
		e->from = FROM_TAGS;
		break;
	case ECHO_MISTRAL:
		e->from = FROM_PARTS;
		break;
	}
	if (e->details && (echo == ECHO_AUTO || echo == ECHO_DETAILS)) {
		e->form = ECHO_FORM_DETAILS;
		return;
	}
	if (e->from == FROM_TAGS || e->from == FROM_PARTS) {
		e->form = !e->text ? ECHO_FORM_NONE : e->from == FROM_TAGS ? ECHO_FORM_TAGS : ECHO_FORM_PARTS;
		return;
	}
	e->form = ECHO_FORM_FIELD;
	e->field = e->from == FROM_NONE ? "reasoning_content" : e->from == FROM_DETAILS ? "reasoning" : carry_words[e->from];
}

void echo_scan(struct work *w, const struct run *r, struct echo *e)
{
	struct thoughts t = thoughts_of(r);

	memset(e, 0, sizeof *e);
	e->run = r;
	if (w->q->echo == ECHO_NONE || (w->ncalls == 0 && !w->q->echo_all))
		return;
	while (next_thought(w, r, &t)) {
		struct carry_piece piece = { 0 };
		if (e->from == FROM_NONE)
			e->from = t.carry.from;
		e->text = e->text || has_text(&t.b);
		while (carry_next(&t.carry, &piece)) {
			e->details = e->details || piece.kind == CARRY_DETAILS;
			e->opaque = e->opaque || piece.kind == CARRY_OPAQUE;
			if (piece.kind == CARRY_SIGNATURE)
				keep_signature(w, e, &piece);
		}
	}
	choose(w, e);
}

static void write_texts(struct work *w, const struct echo *e)
{
	struct thoughts t = thoughts_of(e->run);

	while (next_thought(w, e->run, &t))
		work_inner(w, t.b.f[B_THINKING]);
}

/* All pieces of a kind (of signatures the message's), with this between them; only the first when it is NULL. */
static void write_pieces(struct work *w, const struct echo *e, enum carry_kind kind, const char *between)
{
	struct thoughts t = thoughts_of(e->run);
	size_t n = 0;

	while (next_thought(w, e->run, &t)) {
		struct carry_piece piece = { 0 };
		while (carry_next(&t.carry, &piece)) {
			if (piece.kind != kind || piece.call != 0 || piece.n == 0)
				continue;
			if (n++ > 0 && between == NULL)
				return;
			if (n > 1)
				plan_lit(w->out, between);
			plan_span(w->out, SPAN_UNB64, piece.p, piece.n);
		}
	}
}

void echo_content(const struct echo *e, struct content *c)
{
	struct work *w = c->w;

	if (e->form == ECHO_FORM_TAGS) {
		content_lit(c, "<think>");
		write_texts(w, e);
		plan_lit(w->out, "</think>");
	} else if (e->form == ECHO_FORM_PARTS) {
		content_part(c, "{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"");
		write_texts(w, e);
		plan_lit(w->out, "\"}],\"closed\":true");
	}
}

static void write_field(struct work *w, const struct echo *e)
{
	enum q_fill fill = w->q->echo == ECHO_COPILOT ? FILL_NONE : w->q->echo_fill;

	if (work_dropped(w, e->field) || (!e->text && fill == FILL_NONE))
		return;
	plan_lit(w->out, ",\"");
	plan_lit(w->out, e->field);
	plan_lit(w->out, "\":\"");
	if (e->text)
		write_texts(w, e);
	else
		plan_lit(w->out, fill == FILL_DOT ? "." : "");
	plan_lit(w->out, "\"");
}

static void write_signature(struct work *w, const char *base64, size_t n)
{
	plan_lit(w->out, ",\"extra_content\":{\"google\":{\"thought_signature\":\"");
	plan_span(w->out, SPAN_UNB64, base64, n);
	plan_lit(w->out, "\"}}");
}

static bool takes_signatures(const struct work *w)
{
	return (w->q->echo == ECHO_GEMINI || w->q->echo == ECHO_AUTO) && !work_dropped(w, "extra_content");
}

void echo_members(struct work *w, const struct echo *e)
{
	if (e->form == ECHO_FORM_FIELD)
		write_field(w, e);
	if (e->form == ECHO_FORM_DETAILS && !work_dropped(w, "reasoning_details")) {
		plan_lit(w->out, ",\"reasoning_details\":[");
		write_pieces(w, e, CARRY_DETAILS, ",");
		plan_lit(w->out, "]");
	}
	if (e->opaque && (w->q->echo == ECHO_COPILOT || w->q->echo == ECHO_AUTO)
		&& !work_dropped(w, "reasoning_opaque")) {
		plan_lit(w->out, ",\"reasoning_opaque\":\"");
		write_pieces(w, e, CARRY_OPAQUE, NULL);
		plan_lit(w->out, "\"");
	}
	if (e->signature && takes_signatures(w)) {
		plan_lit(w->out, ",\"extra_content\":{\"google\":{\"thought_signature\":\"");
		write_pieces(w, e, CARRY_SIGNATURE, NULL);
		plan_lit(w->out, "\"}}");
	}
}

void echo_call(struct work *w, const struct call *call)
{
	/* "skip_thought_signature_validator", which Gemini takes in place of one that is lost */
	static const char filler[] = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

	if (!takes_signatures(w))
		return;
	if (call->signature != NULL)
		write_signature(w, call->signature, call->nsignature);
	else if (call == w->calls && w->q->echo == ECHO_GEMINI)
		write_signature(w, filler, sizeof filler - 1);
}
