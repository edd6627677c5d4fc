/*
 * The provider's scripts, and the demonstration that it plays without one.
 * test/README tells the words of a script.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider_script.h"

enum word {
	WORD_WHEN, WORD_UNLESS, WORD_TIMES, WORD_EARLY, WORD_DEAF,
	WORD_STATUS, WORD_HEADER, WORD_FRAME, WORD_SPLIT, WORD_HEAD,
	WORD_TEXT, WORD_REPEAT, WORD_THINK, WORD_CALL, WORD_FINISH, WORD_USAGE,
	WORD_RAW, WORD_FILE, WORD_WIRE, WORD_DATA, WORD_ERROR, WORD_DEMO,
	WORD_PAUSE, WORD_HOLD, WORD_CUT, WORD_RESET, WORD_HANG
};

static const char *const words[] = {
	"when", "unless", "times", "early", "deaf",
	"status", "header", "frame", "split", "head",
	"text", "repeat", "think", "call", "finish", "usage",
	"raw", "file", "wire", "data", "error", "demo",
	"pause", "hold", "cut", "reset", "hang"
};

#define ARGS_MAX 8
#define WORDS ((int)(sizeof words / sizeof *words))

struct act {
	enum word word;
	int nargs;
	struct str args[ARGS_MAX];
	struct act *next;
};

struct rule {
	struct act *conditions, *acts;
	int left;		/* uses left; -1: any number */
	bool early, deaf;
	struct rule *next;
};

static void *zalloc(size_t n)
{
	void *p = calloc(1, n);
	if (!p)
		abort();
	return p;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* behind a backslash; returns what it stands for and moves *p behind it */
static char escape(const char **p)
{
	char c = *(*p)++;
	if (c == 'x' && hex((*p)[0]) >= 0 && hex((*p)[1]) >= 0) {
		c = (char)(hex((*p)[0]) * 16 + hex((*p)[1]));
		*p += 2;
		return c;
	}
	return (char)(c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c);
}

/* A word, "quoted" with escapes, or {...} to the end of the line. */
static const char *argument(const char *p, struct str *out)
{
	str_add(out, "");
	if (*p == '{' || *p == '[') {
		str_add(out, p);
		return p + strlen(p);
	}
	if (*p != '"') {
		size_t n = strcspn(p, " \t");
		str_put(out, p, n);
		return p + n;
	}
	for (p++; *p && *p != '"';) {
		char c = *p++;
		if (c == '\\' && *p)
			c = escape(&p);
		str_put(out, &c, 1);
	}
	return *p ? p + 1 : p;
}

static bool parse(const char *line, struct act *act)
{
	size_t n = strcspn(line, " \t");
	int w = 0;
	while (w < WORDS && (strlen(words[w]) != n || memcmp(words[w], line, n) != 0))
		w++;
	if (w == WORDS)
		return false;
	act->word = (enum word)w;
	for (line += n; *(line += strspn(line, " \t")) && act->nargs < ARGS_MAX;)
		line = argument(line, &act->args[act->nargs++]);
	return true;
}

static void append(struct act **list, struct act *act)
{
	while (*list)
		list = &(*list)->next;
	*list = act;
}

/* a parsed line into the script; false when it is out of place */
static bool add(struct script *s, struct act *act)
{
	if (act->word == WORD_WHEN) {
		struct rule **end = &s->rules;
		while (*end)
			end = &(*end)->next;
		*end = s->last = zalloc(sizeof **end);
		s->last->left = -1;
	}
	struct rule *r = s->last;
	if (!r)
		return false;
	switch (act->word) {
	case WORD_WHEN: case WORD_UNLESS:
		append(&r->conditions, act);
		return true;
	case WORD_TIMES:
		r->left = act->nargs ? atoi(act->args[0].p) : 1;
		return true;
	case WORD_DEAF:
		r->deaf = r->early = true;
		return true;
	case WORD_EARLY:
		r->early = true;
		return true;
	default:
		append(&r->acts, act);
		return true;
	}
}

int script_read(struct script *s, const char *path)
{
	char line[65536];
	FILE *f = fopen(path, "r");
	if (!f)
		return perror(path), -1;
	const char *slash = strrchr(path, '/');
	snprintf(s->dir, sizeof s->dir, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	for (int n = 1; fgets(line, sizeof line, f); n++) {
		struct act *act = zalloc(sizeof *act);
		char *p = line + strspn(line, " \t");
		p[strcspn(p, "\r\n")] = 0;
		if (*p == 0 || *p == '#')
			continue;
		if (!parse(p, act) || !add(s, act)) {
			fprintf(stderr, "%s:%d: not understood: %s\n", path, n, p);
			return fclose(f), -1;
		}
	}
	fclose(f);
	return 0;
}

static bool within(const struct str *what, const char *p, size_t n)
{
	for (size_t i = 0; i + what->n <= n; i++)
		if (memcmp(p + i, what->p, what->n) == 0)
			return true;
	return false;
}

static bool holds(const struct act *condition, const struct request *q)
{
	for (int i = 0; i < condition->nargs; i++) {
		const struct str *a = &condition->args[i];
		bool any = strcmp(a->p, "*") == 0 || within(a, q->head, q->nhead) || within(a, q->body, q->nbody);
		if (any != (condition->word == WORD_WHEN))
			return false;
	}
	return true;
}

struct rule *script_match(struct script *s, const struct request *q)
{
	for (struct rule *r = s->rules; r; r = r->next) {
		const struct act *c = r->conditions;
		while (c && holds(c, q))
			c = c->next;
		if (c || r->left == 0 || (r->early && !q->early) || (!r->early && q->early))
			continue;
		if (r->left > 0)
			r->left--;
		return r;
	}
	return NULL;
}

bool rule_deaf(const struct rule *r)
{
	return r->deaf;
}

static void read_file(const struct script *s, const char *name, struct str *out)
{
	char path[2048], part[4096];
	size_t n;
	snprintf(path, sizeof path, "%s/%s", s->dir, name);
	FILE *f = fopen(*name == '/' ? name : path, "rb");
	if (!f) {
		perror(path);
		return;
	}
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		str_put(out, part, n);
	fclose(f);
}

static const char *arg(const struct act *act, int i)
{
	return i < act->nargs ? act->args[i].p : "";
}

static void play_file(const struct script *s, struct answer *a, const struct act *act)
{
	struct str bytes = { 0 };
	str_add(&bytes, "");
	read_file(s, arg(act, 0), &bytes);
	if (act->nargs > 1 && (size_t)atoi(arg(act, 1)) < bytes.n)
		bytes.n = (size_t)atoi(arg(act, 1));
	answer_raw(a, bytes.p, bytes.n);
	free(bytes.p);
}

static void play_wire(struct answer *a, const struct str *bytes)
{
	a->head_done = true;
	a->raw = true;
	a->frame = FRAME_CLOSE;
	answer_raw(a, bytes->p, bytes->n);
}

static enum frame frame_named(const char *name)
{
	return strcmp(name, "close") == 0 ? FRAME_CLOSE : strcmp(name, "length") == 0 ? FRAME_LENGTH : FRAME_CHUNKED;
}

static void play_head_words(struct answer *a, const struct act *act)
{
	switch (act->word) {
	case WORD_STATUS:
		a->status = atoi(arg(act, 0));
		return;
	case WORD_HEADER:
		for (int i = 0; i < act->nargs; i++) {
			str_put(&a->headers, i ? " " : "", i ? 1 : 0);
			str_put(&a->headers, act->args[i].p, act->args[i].n);
		}
		str_add(&a->headers, "\r\n");
		return;
	case WORD_FRAME:
		a->frame = frame_named(arg(act, 0));
		return;
	case WORD_SPLIT:
		a->split = atoi(arg(act, 0));
		return;
	case WORD_FINISH:
		a->finish = arg(act, 0);
		return;
	case WORD_USAGE:
		a->in = atoi(arg(act, 0));
		a->out = atoi(arg(act, 1));
		a->cached = atoi(arg(act, 2));
		return;
	default:
		return;
	}
}

static void play(struct script *s, struct answer *a, const struct act *act, const struct request *q)
{
	const struct str *first = &act->args[0];
	switch (act->word) {
	case WORD_TEXT:
		answer_text(a, first->p, first->n);
		return;
	case WORD_REPEAT:
		for (int i = atoi(first->p); i > 0; i--)
			answer_text(a, arg(act, 1), strlen(arg(act, 1)));
		return;
	case WORD_THINK:
		answer_think(a, first->p, first->n);
		return;
	case WORD_CALL:
		answer_call(a, arg(act, 0), act->nargs > 1 ? arg(act, 1) : "{}");
		return;
	case WORD_RAW:
		answer_raw(a, first->p, first->n);
		return;
	case WORD_FILE:
		play_file(s, a, act);
		return;
	case WORD_WIRE:
		play_wire(a, first);
		return;
	case WORD_DATA:
		answer_data(a, first->p, first->n);
		return;
	case WORD_ERROR:
		answer_error(a, atoi(arg(act, 0)), arg(act, 1), arg(act, 2));
		return;
	case WORD_HEAD:
		answer_head(a);
		return;
	case WORD_PAUSE: case WORD_HOLD: case WORD_CUT: case WORD_RESET: case WORD_HANG:
		answer_step(a, (enum step_kind)(STEP_PAUSE + (int)act->word - WORD_PAUSE), atoi(arg(act, 0)));
		return;
	case WORD_DEMO:
		demo_play(a, q->json);
		return;
	default:
		play_head_words(a, act);
	}
}

void rule_play(struct script *s, const struct rule *r, struct answer *a, const struct request *q)
{
	for (const struct act *act = r->acts; act; act = act->next)
		play(s, a, act, q);
	answer_end(a);
}

/* The last text that a person wrote: reminders that the client wraps in tags left out. Terminated. */
static void last_words(struct j_val messages, char *dst, size_t room, bool *result)
{
	struct j_val message = { 0 }, part = { 0 };
	char *tag, *end;
	*dst = 0;
	*result = false;
	while (j_item(messages, &message)) {
		struct j_val content = j_get(message, "content");
		*result = j_is(j_get(message, "role"), "tool");
		if (!j_is(j_get(message, "role"), "user"))
			continue;
		if (content.type == J_STRING)
			j_text(content, dst, room);
		memset(&part, 0, sizeof part);
		while (j_item(content, &part))
			if (j_is(j_get(part, "type"), "text"))
				j_text(j_get(part, "text"), dst, room);
	}
	while ((tag = strstr(dst, "<system-reminder>")) && (end = strstr(tag, "</system-reminder>")))
		memmove(tag, end + 18, strlen(end + 18) + 1);
}

static bool is_required(struct j_val schema, struct j_val name)
{
	struct j_val item = { 0 };
	while (j_item(j_get(schema, "required"), &item))
		if (j_same(item, name))
			return true;
	return false;
}

/* an example of a schema: its required properties with plain values */
static void example(struct j_val schema, struct str *out, const char *text)
{
	struct j_val name = { 0 }, property = { 0 };
	bool comma = false;
	str_add(out, "{");
	while (j_member(j_get(schema, "properties"), &name, &property)) {
		struct j_val type = j_get(property, "type"), choice = { 0 };
		if (!is_required(schema, name))
			continue;
		str_add(out, comma ? "," : "");
		str_put(out, name.p, name.n);
		str_add(out, ":");
		comma = true;
		if (j_item(j_get(property, "enum"), &choice))
			str_put(out, choice.p, choice.n);
		else if (j_is(name, "command"))
			str_add(out, "\"echo hello from the provider\"");
		else if (j_is(type, "string"))
			str_json(out, text, strlen(text));
		else if (j_is(type, "boolean"))
			str_add(out, "true");
		else if (j_is(type, "integer") || j_is(type, "number"))
			str_add(out, "1");
		else
			str_add(out, j_is(type, "array") ? "[]" : "{}");
	}
	str_add(out, "}");
}

/* Bash when it is there, else the first tool. */
static void demo_call(struct answer *a, struct j_val tools)
{
	struct j_val tool = { 0 }, chosen = { 0 };
	struct str args = { 0 };
	char name[80];
	while (j_item(tools, &tool))
		if (chosen.type == J_NONE || j_is(j_get(j_get(tool, "function"), "name"), "Bash"))
			chosen = tool;
	struct j_val function = j_get(chosen, "function");
	j_text(j_get(function, "name"), name, sizeof name);
	example(j_get(function, "parameters"), &args, "hello");
	answer_call(a, name, args.p);
	free(args.p);
}

static void demo_text(struct answer *a, const char *text)
{
	const char *p = text;
	for (size_t n; *p; p += n) {
		n = strcspn(p, " ");
		n += strspn(p + n, " ");
		answer_text(a, p, n);
		if (a->stream)
			answer_step(a, STEP_PAUSE, 30);
	}
}

void demo_play(struct answer *a, struct j_val body)
{
	char words_said[4096];
	bool result;
	struct j_val schema = j_get(j_get(j_get(body, "response_format"), "json_schema"), "schema");
	last_words(j_get(body, "messages"), words_said, sizeof words_said, &result);
	if (schema.type == J_OBJECT) {
		struct str json = { 0 };
		example(schema, &json, "A talk with the scripted provider");
		answer_text(a, json.p, json.n);
		free(json.p);
		return;
	}
	if (strstr(words_said, "think"))
		answer_think(a, "Someone wants to see reasoning, so here is some.", 48);
	if (result)
		demo_text(a, "The tool has run, and its result reached the provider.");
	else if (strstr(words_said, "tool") && j_count(j_get(body, "tools")) > 0)
		demo_call(a, j_get(body, "tools"));
	else
		demo_text(a, "Hello from the scripted provider: this answer was streamed word by word. "
			"Ask it to use a tool, or to think, and it will.");
}
