/*
 * A Messages request for a provider that speaks the Messages API itself: the
 * body as it came, but for
 *
 *   model            the upstream's
 *   max_tokens       within the limits
 *   drop, extra      left out; in place of what is there
 *   thinking blocks  in the history, below
 *
 * All else, known or not, goes upstream byte for byte (but for white space
 * between members and between items).
 *
 * A signature is good where it was made. Ours (carry.h) were made for another
 * form of the conversation and never leave: where thinking is signed (echo=auto)
 * the block goes, else its text stays, unsigned. Who signed the others cannot
 * be told, so they pass. Providers that want thinking back with every tool call
 * (echo_fill) get some where there is none; what only Anthropic can read
 * (redacted_thinking) goes to those who sign.
 */
#include "request_work.h"

static const struct j_val none;

/* from up to a place behind it */
static void copy(struct plan *out, const char *from, const char *to)
{
	plan_span(out, SPAN_RAW, from, (size_t)(to - from));
}

/* ---- thinking in the history ---- */

/* what becomes of a block; 0: it goes. Or of all blocks of a content. */
enum { KEPT = 1, CALLS = 2, THINKS = 4, UNSIGNED = 8 };

static unsigned fate_of(const struct work *w, struct j_val block, struct j_val *signature)
{
	enum { TYPE, TEXT, SIGNATURE, FIELDS };
	const struct quirks *q = w->q;
	struct j_val f[FIELDS];

	j_pick(block, "type\0thinking\0signature\0", f);
	*signature = f[SIGNATURE];
	if (j_is(f[TYPE], "redacted_thinking"))
		return q->echo == ECHO_AUTO ? KEPT | THINKS : 0;
	if (!j_is(f[TYPE], "thinking"))
		return j_is(f[TYPE], "tool_use") ? KEPT | CALLS : KEPT;
	if (q->echo == ECHO_NONE || (q->echo_fill == FILL_DOT && j_empty(f[TEXT])))
		return 0;
	if (!j_begins(f[SIGNATURE], CARRY_PREFIX))
		return KEPT | THINKS;
	return q->echo == ECHO_AUTO ? 0 : KEPT | THINKS | UNSIGNED;
}

static void write_blocks(struct work *w, struct j_val content, bool fill)
{
	struct j_val block = none, signature;
	const char *before = "[";

	if (fill) {
		plan_put(w->out, "[{\"type\":\"thinking\",\"thinking\":\"%s\"}", w->q->echo_fill == FILL_DOT ? "." : "");
		before = ",";
	}
	while (j_item(content, &block)) {
		unsigned fate = fate_of(w, block, &signature);
		const char *from = block.p;

		if (fate == 0)
			continue;
		plan_lit(w->out, before);
		before = ",";
		if (fate & UNSIGNED) {
			copy(w->out, from, signature.p + 1);
			from = signature.p + signature.n - 1;
		}
		copy(w->out, from, block.p + block.n);
	}
	plan_lit(w->out, "]");
}

static void write_messages(struct work *w, struct j_val messages)
{
	bool wanted = w->q->echo_fill != FILL_NONE && !j_is(j_get(w->top[TOP_THINKING], "type"), "disabled");
	struct j_val message = none, block = none, signature, f[2];
	const char *before = "";

	plan_lit(w->out, "[");
	while (j_item(messages, &message)) {
		const char *from = message.p;

		j_pick(message, "role\0content\0", f);
		bool ours = j_is(f[0], "assistant") && f[1].type == J_ARRAY && j_count(f[1]) > 0;
		unsigned left = ours ? 0 : KEPT;

		while (ours && j_item(f[1], &block))
			left |= fate_of(w, block, &signature);
		if (left == 0)
			continue;
		plan_lit(w->out, before);
		before = ",";
		if (ours) {
			copy(w->out, from, f[1].p);
			write_blocks(w, f[1], wanted && (left & (CALLS | THINKS)) == CALLS);
			from = f[1].p + f[1].n;
		}
		copy(w->out, from, message.p + message.n);
	}
	plan_lit(w->out, "]");
}

/* ---- members ---- */

static void write_member(struct work *w, struct j_val key, struct j_val v, int64_t limit)
{
	plan_put(w->out, "%s%v:", w->nmembers++ > 0 ? "," : "{", &key);
	switch (j_which(key, "messages\0model\0max_tokens\0")) {
	case 0:
		write_messages(w, v);
		return;
	case 1:
		plan_str(w->out, w->t->model);
		return;
	case 2:
		plan_num(w->out, limit);
		return;
	}
	plan_val(w->out, v);
}

void native_write(struct work *w, struct j_val body)
{
	struct j_val key = none, v = none;
	int64_t limit = work_limit(w);
	char name[Q_TEXT];

	if (!work_want(w, NULL, "messages", &w->top[TOP_MESSAGES], 'A'))
		return;
	while (j_member(body, &key, &v)) {
		j_text(key, name, sizeof name);
		if (j_is(key, "messages") || (!work_dropped(w, name) && j_get(w->extra, name).type == J_NONE))
			write_member(w, key, v, limit);
	}
	work_extra(w);
	plan_lit(w->out, "}");
}
