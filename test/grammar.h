/*
 * Reads an answer as the client gets it, a stream of events or one message,
 * against the grammar of Anthropic's API, and rebuilds its blocks. It knows
 * nothing of how the answer was made.
 */
#ifndef GRAMMAR_H
#define GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../json.h"

struct bytes {
	char *p;
	size_t n;
};

static inline void bytes_add(struct bytes *b, const void *p, size_t n)
{
	b->p = realloc(b->p, b->n + n + 1);
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

static inline void bytes_string(struct bytes *b, struct j_val v)
{
	size_t n = j_length(v);
	char *p = malloc(n + 1);

	n = j_copy(v, p, n);
	bytes_add(b, p, n);
	free(p);
}

enum got_type { GOT_TEXT, GOT_THINKING, GOT_TOOL, GOT_SERVER, GOT_RESULTS, GOT_TYPES };

/* whether a block of the type takes pieces of input */
#define GOT_INPUT(type) ((type) == GOT_TOOL || (type) == GOT_SERVER)

struct block {
	enum got_type type;
	struct bytes text;		/* or thinking, or the input as JSON */
	struct bytes id, name, signature;
};

#define GOT_BLOCKS 600

struct got {
	const char *wrong;		/* NULL: the grammar holds */
	char id[64];
	size_t nblocks;
	struct block blocks[GOT_BLOCKS];
	bool started, ended, error;
	int open;			/* -1 */
	bool is_signed;
	struct bytes stop_reason, stop_sequence, error_type, error_message, explanation;
	int64_t in, out, read, write;
	size_t pings;
};

static inline void got_free(struct got *g)
{
	for (size_t i = 0; i < g->nblocks; i++) {
		free(g->blocks[i].text.p);
		free(g->blocks[i].id.p);
		free(g->blocks[i].name.p);
		free(g->blocks[i].signature.p);
	}
	free(g->stop_reason.p);
	free(g->stop_sequence.p);
	free(g->error_type.p);
	free(g->error_message.p);
	free(g->explanation.p);
}

static inline int64_t got_tokens(struct got *g, struct j_val usage, const char *name)
{
	int64_t n = -1;

	if (!j_whole(j_get(usage, name), &n) || n < 0)
		g->wrong = "usage lacks a member, or it is no count";
	return n;
}

static inline void got_usage(struct got *g, struct j_val usage)
{
	g->in = got_tokens(g, usage, "input_tokens");
	g->out = got_tokens(g, usage, "output_tokens");
	g->read = got_tokens(g, usage, "cache_read_input_tokens");
	g->write = got_tokens(g, usage, "cache_creation_input_tokens");
}

static inline void got_message(struct got *g, struct j_val m)
{
	size_t n = j_copy(j_get(m, "id"), g->id, sizeof g->id - 1);

	g->id[n] = '\0';
	if (n < 8 || memcmp(g->id, "msg_", 4) != 0)
		g->wrong = "message id";
	if (!j_is(j_get(m, "type"), "message") || !j_is(j_get(m, "role"), "assistant"))
		g->wrong = "type or role of the message";
	if (j_get(m, "model").type != J_STRING || j_get(m, "content").type != J_ARRAY)
		g->wrong = "model or content of the message";
	got_usage(g, j_get(m, "usage"));
}

static inline void got_stop(struct got *g, struct j_val d)
{
	struct j_val reason = j_get(d, "stop_reason"), sequence = j_get(d, "stop_sequence");

	if (reason.type != J_STRING || (sequence.type != J_STRING && sequence.type != J_NULL))
		g->wrong = "stop_reason or stop_sequence";
	if ((sequence.type == J_STRING) != j_is(reason, "stop_sequence"))
		g->wrong = "stop_sequence without its reason, or the reason without it";
	bytes_string(&g->stop_reason, reason);
	bytes_string(&g->stop_sequence, sequence);
	bytes_string(&g->explanation, j_get(j_get(d, "stop_details"), "explanation"));
}

/* results of the search in the block before, which is the last that could have asked for them */
static inline void got_results(struct got *g, struct j_val b)
{
	const struct block *use = g->nblocks > 0 ? &g->blocks[g->nblocks - 1] : NULL;
	struct j_val item = { 0 };

	if (use == NULL || use->type != GOT_SERVER || j_length(j_get(b, "tool_use_id")) != use->id.n)
		g->wrong = "results of no search";
	else if (!j_is(j_get(b, "tool_use_id"), use->id.p))
		g->wrong = "results of another search";
	if (j_empty(j_get(b, "content")) || j_get(b, "content").type != J_ARRAY)
		g->wrong = "a search without results";
	while (j_item(j_get(b, "content"), &item)) {
		struct j_val age = j_get(item, "page_age");
		if (!j_is(j_get(item, "type"), "web_search_result") || j_empty(j_get(item, "url")) ||
		    j_get(item, "title").type != J_STRING || j_length(j_get(item, "encrypted_content")) == 0 ||
		    (age.type != J_STRING && age.type != J_NULL))
			g->wrong = "a result lacks a member";
	}
}

static inline struct block *got_block(struct got *g, struct j_val b)
{
	static const char *const types[] = { "text", "thinking", "tool_use", "server_tool_use", "web_search_tool_result" };

	if (g->nblocks == GOT_BLOCKS) {
		g->wrong = "too many blocks for this test";
		return NULL;
	}
	struct block *to = &g->blocks[g->nblocks];
	memset(to, 0, sizeof *to);
	for (int i = 0; i < GOT_TYPES; i++) {
		if (j_is(j_get(b, "type"), types[i])) {
			to->type = (enum got_type)i;
			if (i == GOT_RESULTS)
				got_results(g, b);
			if (GOT_INPUT(i)) {
				bytes_string(&to->id, j_get(b, "id"));
				bytes_string(&to->name, j_get(b, "name"));
				if (to->id.n == 0 || to->name.n == 0)
					g->wrong = "a tool_use without id or name";
				for (size_t k = 0; k < g->nblocks; k++)
					if (g->blocks[k].id.n == to->id.n && memcmp(g->blocks[k].id.p, to->id.p, to->id.n) == 0)
						g->wrong = "an id twice";
			}
			g->nblocks++;
			return to;
		}
	}
	g->wrong = "a block of an unknown type";
	return NULL;
}

static inline void got_start_block(struct got *g, struct j_val b)
{
	struct block *to = got_block(g, b);

	if (to == NULL)
		return;
	if (to->type == GOT_TEXT && !(j_get(b, "text").type == J_STRING && j_empty(j_get(b, "text"))))
		g->wrong = "text in a block's start is lost";
	if (to->type == GOT_THINKING && !j_empty(j_get(b, "thinking")))
		g->wrong = "thinking in a block's start is lost";
	if (GOT_INPUT(to->type) && !(j_get(b, "input").type == J_OBJECT && j_empty(j_get(b, "input"))))
		g->wrong = "input in a block's start is lost";
	g->open = (int)g->nblocks - 1;
	g->is_signed = false;
}

static inline void got_delta(struct got *g, struct j_val d)
{
	static const struct {
		const char *type, *member;
		int block;
	} kinds[] = {
		{ "text_delta", "text", GOT_TEXT },
		{ "thinking_delta", "thinking", GOT_THINKING },
		{ "input_json_delta", "partial_json", GOT_TOOL },
		{ "signature_delta", "signature", GOT_THINKING }
	};
	struct block *to = &g->blocks[g->open];

	for (int i = 0; i < 4; i++) {
		if (!j_is(j_get(d, "type"), kinds[i].type))
			continue;
		struct j_val v = j_get(d, kinds[i].member);
		if (v.type != J_STRING || (int)(to->type == GOT_SERVER ? GOT_TOOL : to->type) != kinds[i].block || g->is_signed)
			g->wrong = "a delta that does not fit its block";
		bytes_string(i == 3 ? &to->signature : &to->text, v);
		g->is_signed = i == 3;
		return;
	}
	g->wrong = "a delta of an unknown type";
}

static inline void got_indexed(struct got *g, struct j_val v, const char *type)
{
	int64_t index = -1;

	j_whole(j_get(v, "index"), &index);
	if (strcmp(type, "content_block_start") == 0) {
		if (g->open >= 0 || index != (int64_t)g->nblocks)
			g->wrong = "a block opened inside another, or indices not contiguous";
		else
			got_start_block(g, j_get(v, "content_block"));
		return;
	}
	if (g->open < 0 || index != g->open)
		g->wrong = "a delta or stop for a block that is not open";
	else if (strcmp(type, "content_block_delta") == 0)
		got_delta(g, j_get(v, "delta"));
	else
		g->open = -1;
}

static inline void got_event(struct got *g, const char *type, struct j_val v)
{
	if (!j_is(j_get(v, "type"), type))
		g->wrong = "event name and type differ";
	if (g->ended || g->error)
		g->wrong = "an event behind the end";
	if (strcmp(type, "error") == 0) {
		g->error = true;
		bytes_string(&g->error_type, j_get(j_get(v, "error"), "type"));
		bytes_string(&g->error_message, j_get(j_get(v, "error"), "message"));
		return;
	}
	if (!g->started && strcmp(type, "message_start") != 0) {
		g->wrong = "an event before message_start";
	} else if (strcmp(type, "message_start") == 0) {
		if (g->started)
			g->wrong = "message_start twice";
		g->started = true;
		got_message(g, j_get(v, "message"));
		if (!j_empty(j_get(j_get(v, "message"), "content")))
			g->wrong = "content in message_start";
	} else if (strncmp(type, "content_block_", 14) == 0) {
		got_indexed(g, v, type);
	} else if (strcmp(type, "message_delta") == 0) {
		if (g->open >= 0 || g->stop_reason.p != NULL)
			g->wrong = "message_delta twice or inside a block";
		got_stop(g, j_get(v, "delta"));
		got_usage(g, j_get(v, "usage"));
	} else if (strcmp(type, "message_stop") == 0) {
		if (g->stop_reason.p == NULL)
			g->wrong = "message_stop without message_delta";
		g->ended = true;
	} else if (strcmp(type, "ping") == 0) {
		g->pings++;
	} else {
		g->wrong = "an unknown event";
	}
}

/* The events in p[0..n), which must be whole: "event: NAME\ndata: JSON\n\n" and nothing else. Overwrites nothing. */
static inline void got_events(struct got *g, const char *p, size_t n)
{
	struct j_err err;

	memset(g, 0, sizeof *g);
	g->open = -1;
	while (n > 0 && g->wrong == NULL) {
		const char *line = memchr(p, '\n', n);
		const char *last = line != NULL ? memchr(line + 1, '\n', n - (size_t)(line + 1 - p)) : NULL;
		char type[32];

		if (last == NULL || (size_t)(last - p) + 1 >= n || last[1] != '\n' || memcmp(p, "event: ", 7) != 0 ||
		    line - p - 7 >= (int)sizeof type || last - line < 8 || memcmp(line + 1, "data: ", 6) != 0) {
			g->wrong = "not two lines and an empty one";
			return;
		}
		memcpy(type, p + 7, (size_t)(line - p - 7));
		type[line - p - 7] = '\0';
		size_t len = (size_t)(last - line - 7);
		char *json = malloc(len), *was = malloc(len);
		memcpy(json, line + 7, len);
		memcpy(was, line + 7, len);
		if (j_check(json, len, &err) != 0)
			g->wrong = "data that is no JSON";
		else if (memcmp(json, was, len) != 0)
			g->wrong = "half a surrogate pair";
		else
			got_event(g, type, j_root(json, len));
		n -= (size_t)(last + 2 - p);
		p = last + 2;
		free(json);
		free(was);
	}
}

/* The same for one message. */
static inline void got_whole(struct got *g, const char *p, size_t n)
{
	struct j_val item = { 0 };
	struct j_err err;
	char *json = malloc(n + 1);

	memset(g, 0, sizeof *g);
	g->open = -1;
	memcpy(json, p, n);
	if (j_check(json, n, &err) != 0 || memcmp(json, p, n) != 0) {
		g->wrong = "the message is no JSON, or has half a surrogate pair";
		free(json);
		return;
	}
	struct j_val m = j_root(json, n);
	got_message(g, m);
	got_stop(g, m);
	while (j_item(j_get(m, "content"), &item)) {
		struct block *b = got_block(g, item);

		if (b == NULL)
			break;
		bytes_string(&b->text, j_get(item, b->type == GOT_TEXT ? "text" : "thinking"));
		if (b->type == GOT_THINKING && j_get(item, "signature").type != J_STRING)
			g->wrong = "thinking without a signature";
		bytes_string(&b->signature, j_get(item, "signature"));
		struct j_val input = j_get(item, "input");
		if (GOT_INPUT(b->type) && input.type != J_OBJECT)
			g->wrong = "an input that is no object";
		if (GOT_INPUT(b->type))
			bytes_add(&b->text, input.p, input.n);
	}
	g->started = g->ended = true;
	free(json);
}

/* What must hold at the end: one end or one error, and for a message that ended a reason that fits. */
static inline const char *got_wrong(const struct got *g)
{
	size_t tools = 0;

	if (g->wrong != NULL)
		return g->wrong;
	if (!g->ended && !g->error)
		return "no end";
	for (size_t i = 0; i < g->nblocks; i++)
		tools += g->blocks[i].type == GOT_TOOL;
	if (g->ended && tools == 0 && strcmp(g->stop_reason.p, "tool_use") == 0)
		return "tool_use without a tool_use block";
	return NULL;
}

#endif
