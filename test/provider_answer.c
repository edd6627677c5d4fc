/*
 * Answers of the scripted provider: the same text, reasoning and tool calls in
 * the shape that each dialect gives them, streamed or whole.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

static const struct dialect dialects[] = {
	{ "openai", FORM_REASONING_CONTENT, CALL_FRAGMENTS, false, ID_CALL, "tool_calls", USAGE_LAST, false, false, "", 400, false },
	{ "gemini", FORM_THOUGHT_TAGS, CALL_WHOLE, true, ID_EMPTY, "stop", USAGE_FINISH, false, true, "parallel_tool_calls", 400, false },
	{ "kimi", FORM_REASONING_CONTENT, CALL_FRAGMENTS, false, ID_FUNCTIONS, "tool_calls", USAGE_CHOICE, false, false, "", 0, false },
	{ "glm", FORM_REASONING_CONTENT, CALL_REPEATED, false, ID_CALL, "tool_calls", USAGE_FINISH, false, false, "max_completion_tokens", 0, false },
	{ "minimax", FORM_THINK_TAGS, CALL_WHOLE, false, ID_CALL, "tool_calls", USAGE_FINISH, false, false, "", 0, false },
	{ "deepseek", FORM_REASONING_CONTENT, CALL_FRAGMENTS, false, ID_CALL, "tool_calls", USAGE_FINISH, true, false, "", 0, false },
	{ "ollama", FORM_REASONING, CALL_WHOLE, false, ID_CALL, "tool_calls", USAGE_LAST, false, false, "", 0, false },
	{ "any", FORM_REASONING_CONTENT, CALL_FRAGMENTS, false, ID_CALL, "tool_calls", USAGE_LAST, false, false, "", 0, false },
	{ "mistral", FORM_PARTS, CALL_WHOLE, true, ID_NINE, "tool_calls", USAGE_FINISH, false, false, "max_completion_tokens stream_options", 422, false },
	{ "anthropic", FORM_REASONING_CONTENT, CALL_FRAGMENTS, false, ID_CALL, "tool_use", USAGE_LAST, false, false, "", 0, true },
};

const struct dialect *dialect_find(const char *name)
{
	for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
		if (strcmp(dialects[i].name, name) == 0)
			return &dialects[i];
	return NULL;
}

void str_put(struct str *s, const char *p, size_t n)
{
	if (s->n + n + 1 > s->cap) {
		s->cap = (s->n + n + 1) * 2;
		s->p = realloc(s->p, s->cap);
		if (!s->p)
			abort();
	}
	if (n > 0)
		memcpy(s->p + s->n, p, n);
	s->n += n;
	s->p[s->n] = 0;
}

void str_add(struct str *s, const char *text)
{
	str_put(s, text, strlen(text));
}

void str_fmt(struct str *s, const char *format, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	str_add(s, line);
}

void str_json(struct str *s, const char *p, size_t n)
{
	str_put(s, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c == '"' || c == '\\')
			str_fmt(s, "\\%c", c);
		else if (c == '\n')
			str_add(s, "\\n");
		else if (c < 0x20)
			str_fmt(s, "\\u%04x", c);
		else
			str_put(s, p + i, 1);
	}
	str_put(s, "\"", 1);
}

void answer_start(struct answer *a, const struct dialect *d, int id)
{
	memset(a, 0, sizeof *a);
	a->d = d;
	a->id = id;
	a->status = 200;
	a->in = 1200;
	a->out = 40;
	a->cached = 1000;
}

void answer_free(struct answer *a)
{
	for (size_t i = 0; i < a->nsteps; i++)
		free(a->steps[i].bytes.p);
	free(a->steps);
	free(a->headers.p);
	free(a->text.p);
	free(a->think.p);
	free(a->calls.p);
	memset(a, 0, sizeof *a);
}

static struct step *add_step(struct answer *a, enum step_kind kind)
{
	a->steps = realloc(a->steps, (a->nsteps + 1) * sizeof *a->steps);
	if (!a->steps)
		abort();
	struct step *s = &a->steps[a->nsteps++];
	memset(s, 0, sizeof *s);
	s->kind = kind;
	return s;
}

static const char *reason(int status)
{
	return status == 200 ? "OK" : status < 400 ? "Other" : status < 500 ? "Client Error" : "Server Error";
}

/* length < 0: not known */
static void head(struct answer *a, long length)
{
	if (a->head_done)
		return;
	a->head_done = true;
	if (a->frame == FRAME_AUTO)
		a->frame = length < 0 ? FRAME_CHUNKED : FRAME_LENGTH;
	struct str *s = &add_step(a, STEP_SEND)->bytes;
	str_fmt(s, "HTTP/1.1 %d %s\r\n", a->status, reason(a->status));
	if (!a->headers.p || !strstr(a->headers.p, "Content-Type:"))
		str_fmt(s, "Content-Type: %s\r\n", a->stream && a->status == 200 ? "text/event-stream" : "application/json");
	if (a->headers.n)
		str_put(s, a->headers.p, a->headers.n);
	if (a->frame == FRAME_CHUNKED)
		str_add(s, "Transfer-Encoding: chunked\r\n");
	else if (a->frame == FRAME_LENGTH && length >= 0)
		str_fmt(s, "Content-Length: %ld\r\n", length);
	else
		str_add(s, "Connection: close\r\n");
	str_add(s, "\r\n");
}

void answer_head(struct answer *a)
{
	head(a, -1);
}

static void body(struct answer *a, const char *p, size_t n)
{
	if (n == 0)
		return;
	struct str *s = &add_step(a, STEP_SEND)->bytes;
	if (a->frame == FRAME_CHUNKED)
		str_fmt(s, "%zx\r\n", n);
	str_put(s, p, n);
	if (a->frame == FRAME_CHUNKED)
		str_add(s, "\r\n");
}

void answer_raw(struct answer *a, const char *p, size_t n)
{
	a->raw = true;
	head(a, a->stream && a->frame != FRAME_LENGTH ? -1 : (long)n);
	body(a, p, n);
}

void answer_bytes(struct answer *a, const char *p, size_t n)
{
	head(a, -1);
	body(a, p, n);
}

void answer_data(struct answer *a, const char *p, size_t n)
{
	struct str s = { 0 };
	str_add(&s, "data: ");
	str_put(&s, p, n);
	str_add(&s, "\n\n");
	a->raw = true;
	head(a, -1);
	body(a, s.p, s.n);
	free(s.p);
}

void answer_error(struct answer *a, int status, const char *type, const char *message)
{
	struct str s = { 0 };
	a->status = status;
	a->stream = false;
	str_add(&s, a->d->native ? "{\"type\":\"error\",\"error\":{\"message\":" : "{\"error\":{\"message\":");
	str_json(&s, message, strlen(message));
	str_add(&s, ",\"type\":");
	str_json(&s, type, strlen(type));
	str_add(&s, a->d->native ? "},\"request_id\":\"req_up\"}" : ",\"param\":null,\"code\":null}}");
	answer_raw(a, s.p, s.n);
	free(s.p);
}

static void usage(const struct answer *a, struct str *s)
{
	str_fmt(s, "\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d", a->in, a->out, a->in + a->out);
	if (strcmp(a->d->name, "deepseek") == 0)
		str_fmt(s, ",\"prompt_cache_hit_tokens\":%d,\"prompt_cache_miss_tokens\":%d}", a->cached, a->in - a->cached);
	else if (strcmp(a->d->name, "kimi") == 0)
		str_fmt(s, ",\"cached_tokens\":%d}", a->cached);
	else
		str_fmt(s, ",\"prompt_tokens_details\":{\"cached_tokens\":%d}}", a->cached);
}

static void chunk_open(const struct answer *a, struct str *s)
{
	str_fmt(s, "data: {\"id\":\"chatcmpl-%d\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":", a->id);
	str_json(s, a->model, strlen(a->model));
}

/* one chunk with this delta; finish NULL: not the last */
static void chunk(struct answer *a, const char *delta, const char *finish)
{
	struct str s = { 0 };
	head(a, -1);
	if (a->d->comments)
		str_add(&s, ": keep-alive\n\n");
	chunk_open(a, &s);
	str_fmt(&s, ",\"choices\":[{\"index\":0,\"delta\":");
	str_add(&s, delta);
	str_add(&s, ",\"finish_reason\":");
	if (finish)
		str_json(&s, finish, strlen(finish));
	else
		str_add(&s, "null");
	if (finish && a->d->usage == USAGE_CHOICE) {
		str_add(&s, ",");
		usage(a, &s);
	}
	str_add(&s, "}]");
	if (finish && a->d->usage == USAGE_FINISH) {
		str_add(&s, ",");
		usage(a, &s);
	}
	str_add(&s, "}\n\n");
	body(a, s.p, s.n);
	free(s.p);
}

static void chunk_string(struct answer *a, const char *before, const char *p, size_t n, const char *after)
{
	struct str s = { 0 };
	str_add(&s, before);
	str_json(&s, p, n);
	str_add(&s, after);
	chunk(a, s.p, NULL);
	free(s.p);
}

static const char *const think_before[] = {
	[FORM_REASONING_CONTENT] = "{\"reasoning_content\":",
	[FORM_REASONING] = "{\"content\":\"\",\"reasoning\":",
	[FORM_THOUGHT_TAGS] = "{\"extra_content\":{\"google\":{\"thought\":true}},\"content\":",
	[FORM_THINK_TAGS] = "{\"content\":",
	[FORM_DETAILS] = "{\"content\":\"\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"id\":\"reasoning-text-1\",\"index\":0,\"text\":",
	[FORM_PARTS] = "{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":",
};

static const char *const think_open[] = { [FORM_THOUGHT_TAGS] = "<thought>", [FORM_THINK_TAGS] = "<think>", [FORM_DETAILS] = NULL };
static const char *const think_close[] = { [FORM_THOUGHT_TAGS] = "</thought>", [FORM_THINK_TAGS] = "</think>\n\n", [FORM_DETAILS] = NULL };

/* a word and the white space behind it, never half a character */
size_t answer_piece(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && p[i] != ' ' && p[i] != '\n')
		i++;
	while (i < n && (p[i] == ' ' || p[i] == '\n'))
		i++;
	return i;
}

static const char *think_after(enum think_form form)
{
	return form == FORM_PARTS ? "}]}]}" : form == FORM_DETAILS ? "}]}" : "}";
}

/* snapshots: each holds all that came before */
static void snapshots(struct answer *a, const char *before, const char *p, size_t n, const char *after)
{
	for (size_t m = 0; m < n;) {
		m += answer_piece(p + m, n - m);
		chunk_string(a, before, p, m, after);
	}
}

static void pieces(struct answer *a, const char *before, const char *p, size_t n, const char *after)
{
	for (size_t m; n > 0; p += m, n -= m) {
		m = answer_piece(p, n);
		chunk_string(a, before, p, m, after);
	}
}

void answer_text(struct answer *a, const char *p, size_t n)
{
	a->composed = true;
	if (a->d->native) {
		native_text(a, p, n);
		return;
	}
	str_put(&a->text, p, n);
	if (a->stream)
		pieces(a, "{\"content\":", p, n, "}");
}

void answer_think(struct answer *a, const char *p, size_t n)
{
	struct str s = { 0 };
	enum think_form form = a->split_reasoning ? FORM_DETAILS : a->d->think;
	const char *open = think_open[form], *shut = think_close[form];
	a->composed = true;
	if (a->d->native) {
		native_think(a, p, n);
		return;
	}
	if (open)
		str_add(&s, open);
	str_put(&s, p, n);
	if (shut)
		str_add(&s, shut);
	if (a->stream)
		(form == FORM_DETAILS ? snapshots : pieces)(a, think_before[form], s.p, s.n, think_after(form));
	if (open)
		str_put(&a->text, s.p, s.n);
	else
		str_put(&a->think, p, n);
	free(s.p);
}

static void call_id(const struct answer *a, const char *name, struct str *s)
{
	switch (a->d->id) {
	case ID_CALL:
		str_fmt(s, "call_%d_%d", a->id, a->ncalls);
		return;
	case ID_FUNCTIONS:
		str_fmt(s, "functions.%s:%d", name, a->id * 8 + a->ncalls);
		return;
	case ID_NINE:
		str_fmt(s, "m%05dc%02d", a->id, a->ncalls);
		return;
	case ID_EMPTY:
		return;
	}
}

/* {"index":0,"id":"...","type":"function","function":{"name":"...","arguments":"..."}} */
static void call_json(const struct answer *a, struct str *s, const char *id, const char *name, const char *args, size_t n)
{
	str_add(s, "{");
	if (a->stream && !a->d->no_index)
		str_fmt(s, "\"index\":%d,", a->ncalls);
	if (id) {
		str_add(s, "\"id\":");
		str_json(s, id, strlen(id));
		str_add(s, ",\"type\":\"function\",");
	}
	if (a->d->signature && id && a->ncalls == 0)
		str_fmt(s, "\"extra_content\":{\"google\":{\"thought_signature\":\"c2lnLSVk%d\"}},", a->id);
	str_add(s, "\"function\":{");
	if (name) {
		str_add(s, "\"name\":");
		str_json(s, name, strlen(name));
		str_add(s, ",");
	}
	str_add(s, "\"arguments\":");
	str_json(s, args, n);
	str_add(s, "}}");
}

static void call_chunk(struct answer *a, const char *id, const char *name, const char *args, size_t n)
{
	struct str s = { 0 };
	str_add(&s, "{\"tool_calls\":[");
	call_json(a, &s, id, name, args, n);
	str_add(&s, "]}");
	chunk(a, s.p, NULL);
	free(s.p);
}

static void call_fragments(struct answer *a, const char *id, const char *name, const char *args)
{
	bool again = a->d->call == CALL_REPEATED;
	size_t n = strlen(args);
	call_chunk(a, id, name, "", 0);
	for (size_t i = 0; i < n;) {
		size_t m = n - i < 7 ? n - i : 7;
		while (i + m < n && (args[i + m] & 0xC0) == 0x80)
			m++;
		call_chunk(a, again ? id : NULL, again ? name : NULL, args + i, m);
		i += m;
	}
}

void answer_call(struct answer *a, const char *name, const char *args)
{
	struct str id = { 0 };
	a->composed = true;
	if (a->d->native) {
		native_call(a, name, args);
		return;
	}
	str_add(&id, "");
	call_id(a, name, &id);
	bool whole = a->d->call == CALL_WHOLE || (a->d->call == CALL_REPEATED && !a->tool_stream);
	if (!a->stream) {
		if (a->ncalls)
			str_add(&a->calls, ",");
		call_json(a, &a->calls, id.p, name, args, strlen(args));
	} else if (whole) {
		call_chunk(a, id.p, name, args, strlen(args));
	} else {
		call_fragments(a, id.p, name, args);
	}
	a->ncalls++;
	free(id.p);
}

static const char *finish(const struct answer *a)
{
	return a->finish ? a->finish : a->ncalls ? a->d->finish_calls : "stop";
}

static void whole_content(const struct answer *a, struct str *s)
{
	if (a->d->think == FORM_PARTS && a->think.n) {
		str_add(s, "[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":");
		str_json(s, a->think.p, a->think.n);
		str_add(s, "}]},{\"type\":\"text\",\"text\":");
		str_json(s, a->text.p, a->text.n);
		str_add(s, "}]");
	} else if (a->text.n || !a->ncalls) {
		str_json(s, a->text.p, a->text.n);
	} else {
		str_add(s, "null");
	}
}

static void whole(struct answer *a, struct str *s)
{
	str_fmt(s, "{\"id\":\"chatcmpl-%d\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":", a->id);
	str_json(s, a->model, strlen(a->model));
	str_add(s, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	whole_content(a, s);
	if (a->think.n && a->split_reasoning) {
		str_add(s, ",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"id\":\"reasoning-text-1\",\"index\":0,\"text\":");
		str_json(s, a->think.p, a->think.n);
		str_add(s, "}]");
	} else if (a->think.n && a->d->think <= FORM_REASONING) {
		str_add(s, a->d->think == FORM_REASONING ? ",\"reasoning\":" : ",\"reasoning_content\":");
		str_json(s, a->think.p, a->think.n);
	}
	if (a->ncalls) {
		str_add(s, ",\"tool_calls\":[");
		str_put(s, a->calls.p, a->calls.n);
		str_add(s, "]");
	}
	str_fmt(s, "},\"finish_reason\":\"%s\"}],", finish(a));
	usage(a, s);
	str_add(s, "}");
}

/* The completion, or with a fraction only its first part: what a cut leaves. */
static void send_whole(struct answer *a, bool half)
{
	struct str s = { 0 };
	if (a->json_done)
		return;
	a->json_done = true;
	(a->d->native ? native_whole : whole)(a, &s);
	head(a, (long)s.n);
	body(a, s.p, half ? s.n / 2 : s.n);
	free(s.p);
}

void answer_step(struct answer *a, enum step_kind kind, int ms)
{
	if (!a->stream && a->composed && kind != STEP_PAUSE)
		send_whole(a, true);
	add_step(a, kind)->ms = ms;
}

static void end_stream(struct answer *a)
{
	if (a->d->native) {
		native_end_stream(a);
		return;
	}
	chunk(a, "{}", finish(a));
	if (a->d->usage == USAGE_LAST && a->usage_asked) {
		struct str s = { 0 };
		chunk_open(a, &s);
		str_add(&s, ",\"choices\":[],");
		usage(a, &s);
		str_add(&s, "}\n\n");
		body(a, s.p, s.n);
		free(s.p);
	}
	body(a, "data: [DONE]\n\n", 14);
}

void answer_end(struct answer *a)
{
	if (a->finished)
		return;
	a->finished = true;
	if (a->composed && a->stream && strcmp(finish(a), "none") != 0)
		end_stream(a);
	else if (a->composed && !a->stream)
		send_whole(a, false);
	head(a, 0);
	if (a->frame == FRAME_CHUNKED)
		str_add(&add_step(a, STEP_SEND)->bytes, "0\r\n\r\n");
	if (a->frame == FRAME_CLOSE)
		add_step(a, STEP_CUT);
}
