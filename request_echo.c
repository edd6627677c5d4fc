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

/* the thinking blocks of a turn that carry something for this target */
struct thoughts {
	struct turn turn;
	struct carry carry;
};

static bool next_thought(struct work *w, const struct run *r, struct thoughts *t)
{
	while (turn_next(w, r, &t->turn))
		if (t->turn.b.type == BLOCK_THINKING
			&& carry_read(t->turn.b.f[B_SIGNATURE], w->t->binding, &t->carry))
			return true;
	return false;
}

/* the signature goes to its call, whatever their order */
static void keep_signature(struct work *w, struct echo *e, const struct carry_piece *piece)
{
	if (piece->call == 0)
		e->signature = true;
	for (size_t i = 0; piece->call != 0 && i < w->ncalls; i++) {
		if (w->calls[i].hash == piece->call && w->calls[i].signature == NULL) {
			w->calls[i].signature = piece->p;
			w->calls[i].nsignature = piece->n;
			return;
		}
	}
}

static void choose(enum q_echo echo, struct echo *e)
{
	static const unsigned char from[] = {	/* FROM_NONE: as it came */
		[ECHO_REASONING_CONTENT] = FROM_REASONING_CONTENT, [ECHO_REASONING] = FROM_REASONING,
		[ECHO_COPILOT] = FROM_REASONING_TEXT, [ECHO_TAGS] = FROM_TAGS, [ECHO_MISTRAL] = FROM_PARTS,
		[ECHO_GEMINI] = FROM_NONE
	};

	if (echo == ECHO_NONE || echo == ECHO_GEMINI)
		return;
	if (from[echo] != FROM_NONE)
		e->from = (enum carry_from)from[echo];
	if (e->details && (echo == ECHO_AUTO || echo == ECHO_DETAILS)) {
		e->form = ECHO_FORM_DETAILS;
		return;
	}
	if (e->from == FROM_TAGS || e->from == FROM_PARTS) {
		e->form = !e->text ? ECHO_FORM_NONE : e->from == FROM_TAGS ? ECHO_FORM_TAGS : ECHO_FORM_PARTS;
		return;
	}
	e->form = ECHO_FORM_FIELD;
	e->field = e->from == FROM_NONE ? "reasoning_content" : e->from == FROM_DETAILS ? "reasoning" : carry_word(e->from);
}

void echo_scan(struct work *w, const struct run *r, struct echo *e)
{
	struct thoughts t;

	turn_begin(&t.turn, r);
	memset(e, 0, sizeof *e);
	e->run = r;
	if (w->q->echo == ECHO_NONE || (w->ncalls == 0 && !w->q->echo_all))
		return;
	while (next_thought(w, r, &t)) {
		struct carry_piece piece = { 0 };
		if (e->from == FROM_NONE)
			e->from = t.carry.from;
		if (!j_empty(t.turn.b.f[B_THINKING]))
			e->text = true;
		while (carry_next(&t.carry, &piece)) {
			if (piece.kind == CARRY_DETAILS)
				e->details = true;
			if (piece.kind == CARRY_OPAQUE)
				e->opaque = true;
			if (piece.kind == CARRY_SIGNATURE)
				keep_signature(w, e, &piece);
		}
	}
	choose(w->q->echo, e);
}

static void write_texts(struct work *w, const struct echo *e)
{
	struct thoughts t;

	turn_begin(&t.turn, e->run);
	while (next_thought(w, e->run, &t))
		plan_text(w->out, t.turn.b.f[B_THINKING]);
}

/* All pieces of a kind (of signatures the message's), with this between them; only the first when it is NULL. */
static void write_pieces(struct work *w, const struct echo *e, enum carry_kind kind, const char *between)
{
	struct thoughts t;
	size_t n = 0;

	turn_begin(&t.turn, e->run);
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
		plan_lit(content_part(c), "{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"");
		write_texts(w, e);
		plan_lit(w->out, "\"}],\"closed\":true");
	}
}

static void write_field(struct work *w, const struct echo *e)
{
	enum q_fill fill = w->q->echo == ECHO_COPILOT ? FILL_NONE : w->q->echo_fill;

	if (work_dropped(w, e->field) || (!e->text && fill == FILL_NONE))
		return;
	plan_put(w->out, ",\"%s\":\"%s", e->field, !e->text && fill == FILL_DOT ? "." : "");
	if (e->text)
		write_texts(w, e);
	plan_lit(w->out, "\"");
}

static const char signature[] = ",\"extra_content\":{\"google\":{\"thought_signature\":\"";

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
		plan_lit(w->out, signature);
		write_pieces(w, e, CARRY_SIGNATURE, NULL);
		plan_lit(w->out, "\"}}");
	}
}

void echo_call(struct work *w, const struct call *call)
{
	bool lost = call->signature == NULL;

	if (!takes_signatures(w) || (lost && (call != w->calls || w->q->echo != ECHO_GEMINI)))
		return;
	plan_lit(w->out, signature);
	if (lost)	/* what Gemini takes in place of it */
		plan_lit(w->out, "skip_thought_signature_validator");
	else
		plan_span(w->out, SPAN_UNB64, call->signature, call->nsignature);
	plan_lit(w->out, "\"}}");
}
