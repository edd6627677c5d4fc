/*
 * The dialect "anthropic": a provider that speaks the Messages API itself
 * (Anthropic API reference, "Create a Message", "Streaming Messages"). It signs
 * its thinking, and refuses thinking that it did not sign.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

#define SIGNATURE "sig-"
#define IDS_MAX 512

static void event(struct answer *a, const char *type, const char *format, int index, const char *p, size_t n, const char *after)
{
	struct str s = { 0 };
	str_fmt(&s, "event: %s\ndata: {\"type\":\"%s\"", type, type);
	str_fmt(&s, format, index);
	if (p)
		str_json(&s, p, n);
	str_add(&s, after);
	str_add(&s, "\n\n");
	answer_bytes(a, s.p, s.n);
	free(s.p);
}

static void usage(const struct answer *a, struct str *s, int out)
{
	str_fmt(s, "\"usage\":{\"input_tokens\":%d,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":%d,\"output_tokens\":%d}",
		a->in - a->cached, a->cached, out);
}

static void message_head(const struct answer *a, struct str *s)
{
	str_fmt(s, "{\"id\":\"msg_up_%d\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", a->id);
	str_json(s, a->model, strlen(a->model));
	str_add(s, ",\"content\":[");
}

static void start(struct answer *a)
{
	struct str s = { 0 };
	if (a->started)
		return;
	a->started = true;
	str_add(&s, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
	message_head(a, &s);
	str_add(&s, "],\"stop_reason\":null,\"stop_sequence\":null,");
	usage(a, &s, 1);
	str_add(&s, "}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n");
	answer_bytes(a, s.p, s.n);
	free(s.p);
}

static void close_block(struct answer *a)
{
	if (a->open == 0)
		return;
	if (a->stream)
		event(a, "content_block_stop", ",\"index\":%d}", a->nblocks - 1, NULL, 0, "");
	else
		str_add(&a->text, a->open == 't' ? "\"}" : "");
	a->open = 0;
}

/* a block begins, with its members (a format of its number) */
static void open_block(struct answer *a, char kind, const char *members)
{
	close_block(a);
	a->open = kind;
	if (a->stream) {
		start(a);
		event(a, "content_block_start", ",\"index\":%d,\"content_block\":", a->nblocks, NULL, 0, members);
	} else {
		str_add(&a->text, a->nblocks > 0 ? "," : "");
	}
	a->nblocks++;
}

static void deltas(struct answer *a, const char *format, const char *p, size_t n)
{
	for (size_t m; n > 0; p += m, n -= m) {
		m = answer_piece(p, n);
		event(a, "content_block_delta", format, a->nblocks - 1, p, m, "}}");
	}
}

void native_text(struct answer *a, const char *p, size_t n)
{
	if (a->open != 't') {
		open_block(a, 't', "{\"type\":\"text\",\"text\":\"\"}}");
		if (!a->stream)
			str_add(&a->text, "{\"type\":\"text\",\"text\":\"");
	}
	if (a->stream) {
		deltas(a, ",\"index\":%d,\"delta\":{\"type\":\"text_delta\",\"text\":", p, n);
		return;
	}
	struct str s = { 0 };
	str_json(&s, p, n);
	str_put(&a->text, s.p + 1, s.n - 2);
	free(s.p);
}

void native_think(struct answer *a, const char *p, size_t n)
{
	char signature[32];
	snprintf(signature, sizeof signature, SIGNATURE "%d", a->id);
	open_block(a, 'h', "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}");
	if (a->stream) {
		deltas(a, ",\"index\":%d,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":", p, n);
		event(a, "content_block_delta", ",\"index\":%d,\"delta\":{\"type\":\"signature_delta\",\"signature\":", a->nblocks - 1,
			signature, strlen(signature), "}}");
	} else {
		str_add(&a->text, "{\"type\":\"thinking\",\"thinking\":");
		str_json(&a->text, p, n);
		str_fmt(&a->text, ",\"signature\":\"%s\"}", signature);
	}
	close_block(a);
}

void native_call(struct answer *a, const char *name, const char *args)
{
	char head[256];
	snprintf(head, sizeof head, "{\"type\":\"tool_use\",\"id\":\"toolu_%d_%d\",\"name\":\"%s\",\"input\":", a->id, a->ncalls++, name);
	struct str s = { 0 };
	str_add(&s, head);
	str_add(&s, a->stream ? "{}}}" : args);
	open_block(a, 'c', s.p);
	if (a->stream) {
		deltas(a, ",\"index\":%d,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":", args, strlen(args));
	} else {
		str_add(&a->text, s.p);
		str_add(&a->text, "}");
	}
	free(s.p);
	close_block(a);
}

static const char *reason(const struct answer *a)
{
	return a->finish ? a->finish : a->ncalls ? "tool_use" : "end_turn";
}

void native_whole(struct answer *a, struct str *s)
{
	close_block(a);
	message_head(a, s);
	if (a->text.n)
		str_put(s, a->text.p, a->text.n);
	str_fmt(s, "],\"stop_reason\":\"%s\",\"stop_sequence\":null,", reason(a));
	usage(a, s, a->out);
	str_add(s, "}");
}

void native_end_stream(struct answer *a)
{
	struct str s = { 0 };
	start(a);
	close_block(a);
	str_fmt(&s, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},"
		"\"usage\":{\"output_tokens\":%d}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", reason(a), a->out);
	answer_bytes(a, s.p, s.n);
	free(s.p);
}

/* ---- the check ---- */

struct pending {
	struct j_val ids[IDS_MAX];
	int n;
};

static bool take_result(struct pending *p, struct j_val id)
{
	for (int i = 0; i < p->n; i++)
		if (j_same(p->ids[i], id)) {
			p->ids[i] = p->ids[--p->n];
			return true;
		}
	return false;
}

static const char *block_wrong(struct pending *p, struct j_val block)
{
	struct j_val type = j_get(block, "type");
	if (type.type != J_STRING)
		return "type: Field required";
	if (j_is(type, "thinking") && !j_begins(j_get(block, "signature"), SIGNATURE))
		return "Invalid `signature` in `thinking` block";
	if (j_is(type, "text") && j_length(j_get(block, "text")) == 0)
		return "text content blocks must be non-empty";
	if (j_is(type, "tool_use") && p->n < IDS_MAX)
		p->ids[p->n++] = j_get(block, "id");
	if (j_is(type, "tool_result") && !take_result(p, j_get(block, "tool_use_id")))
		return "unexpected `tool_use_id` found in `tool_result` blocks";
	return NULL;
}

static const char *message_wrong(struct pending *p, struct j_val message)
{
	struct j_val role = j_get(message, "role"), content = j_get(message, "content"), block = { 0 };
	const char *wrong = NULL;
	bool user = j_is(role, "user");
	if (!user && !j_is(role, "assistant") && !j_is(role, "system"))
		return "role: Input should be 'user' or 'assistant'";
	if (content.type != J_STRING && (content.type != J_ARRAY || j_count(content) == 0))
		return "content: must be a string or a list that is not empty";
	while (!wrong && j_item(content, &block))
		wrong = block_wrong(p, block);
	if (!wrong && user && p->n > 0)
		wrong = "`tool_use` ids were found without `tool_result` blocks immediately after";
	return wrong;
}

int native_refused(struct j_val body, char *why, size_t room)
{
	static struct pending p;
	struct j_val messages = j_get(body, "messages"), message = { 0 };
	const char *wrong = NULL;
	int64_t n;
	p.n = 0;
	if (j_length(j_get(body, "model")) == 0)
		wrong = "model: Field required";
	else if (!j_whole(j_get(body, "max_tokens"), &n) || n < 1)
		wrong = "max_tokens: Field required";
	else if (messages.type != J_ARRAY || j_count(messages) == 0)
		wrong = "messages: at least one message is required";
	for (int i = 0; !wrong && j_item(messages, &message); i++)
		if ((wrong = message_wrong(&p, message)) != NULL)
			return snprintf(why, room, "messages.%d: %s", i, wrong), 400;
	return wrong ? snprintf(why, room, "%s", wrong), 400 : 0;
}
