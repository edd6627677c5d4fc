/*
 * The forms in which models write calls, when nobody reads them:
 *
 *	Kimi       <|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>JSON<|tool_call_end|>
 *	DeepSeek   <|tool_call_begin|>NAME<|tool_sep|>JSON<|tool_call_end|>, with U+FF5C and U+2581 for | and _;
 *	           or "function" before the separator, the name and JSON in a code fence behind it
 *	invoke     <invoke name="NAME"><parameter name="KEY">VALUE</parameter></invoke>,
 *	           where DeepSeek puts a DSML token into each tag
 *	function   <function=NAME><parameter=KEY>VALUE</parameter></function>, or JSON inside (Qwen, Llama)
 *	Hermes     <tool_call>{"name":NAME,"arguments":JSON}</tool_call>
 *	GLM        <tool_call>NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value></tool_call>
 *
 * around which tokens of a section may stand. A name that is not declared, or
 * whatever else does not fit, is text as soon as that can be seen.
 */
#include "markup.h"

#include <stdint.h>
#include <string.h>

#include "convert.h"
#include "json.h"
#include "plan.h"
#include "quirks.h"

#define BAR "\xef\xbd\x9c"	/* U+FF5C */
#define LOW "\xe2\x96\x81"	/* U+2581 */
#define DSML BAR "DSML" BAR

#define KIMI_BEGIN "<|tool_call_begin|>"
#define KIMI_ARGS "<|tool_call_argument_begin|>"
#define KIMI_END "<|tool_call_end|>"
#define DEEPSEEK_BEGIN "<" BAR "tool" LOW "call" LOW "begin" BAR ">"
#define DEEPSEEK_SEP "<" BAR "tool" LOW "sep" BAR ">"
#define DEEPSEEK_END "<" BAR "tool" LOW "call" LOW "end" BAR ">"

#define HEAD_MAX 200		/* bytes in front of the arguments, where a name may stand */

/* the sets of a token (markup.h), in front of it */
#define TAG(name) "\1<" name ">\0" "\2</" name ">\0"
#define OPENER "\4"
#define SECTION "\104"
#define CLOSER "\20"
#define STRAY "\40"
#define LEFT "\60"		/* both */

const char markup_tokens[] =
	TAG("think") TAG("thinking") TAG("thought") TAG("reasoning")
	"\1\xe2\x97\x81think\xe2\x96\xb7\0" "\2\xe2\x97\x81/think\xe2\x96\xb7\0"
	SECTION "<|tool_calls_section_begin|>\0" SECTION "<|tool_call_section_begin|>\0"
	SECTION "<" BAR "tool" LOW "calls" LOW "begin" BAR ">\0"
	SECTION "<minimax:tool_call>\0" SECTION "<function_calls>\0"
	OPENER KIMI_BEGIN "\0" OPENER DEEPSEEK_BEGIN "\0"
	OPENER "<" DSML "\0" OPENER "<invoke name=\0" OPENER "<function=\0" OPENER "<tool_call>\0"
	LEFT KIMI_END "\0" LEFT "<|tool_calls_section_end|>\0" LEFT "<|tool_call_section_end|>\0"
	LEFT DEEPSEEK_END "\0" LEFT "<" BAR "tool" LOW "calls" LOW "end" BAR ">\0"
	CLOSER "</" DSML "invoke>\0" CLOSER "</" DSML "function_calls>\0" CLOSER "</" DSML "tool_calls>\0"
	CLOSER "</invoke>\0" CLOSER "</function>\0" CLOSER "</tool_call>\0"
	CLOSER "</minimax:tool_call>\0" CLOSER "</function_calls>\0"
	STRAY KIMI_ARGS "\0" STRAY DEEPSEEK_SEP "\0"
	STRAY "<" BAR "tool" LOW "outputs" LOW "begin" BAR ">\0" STRAY "<" BAR "tool" LOW "outputs" LOW "end" BAR ">\0"
	STRAY "<" BAR "tool" LOW "output" LOW "begin" BAR ">\0" STRAY "<" BAR "tool" LOW "output" LOW "end" BAR ">\0"
	STRAY "<" BAR "end" LOW "of" LOW "sentence" BAR ">\0" STRAY "<|im_end|>\0"
	/* no openers: the mark that they begin with is one */
	"\100<" DSML "function_calls>\0" "\100<" DSML "tool_calls>\0";

/* what is left of the text */
struct cursor {
	char *text;		/* all of it; JSON in it is mended in place */
	const char *p;
	size_t n;
	bool end;		/* nothing more will come */
	const struct markup_tools *tools;
};

static void skip(struct cursor *c, size_t n)
{
	c->p += n;
	c->n -= n;
}

static void skip_white(struct cursor *c)
{
	while (c->n > 0 && is_white(*c->p))
		skip(c, 1);
}

/* MARKUP_CALL: the token was here and is behind now; MARKUP_MORE: its beginning is all there is */
static enum markup_what eat(struct cursor *c, const char *token)
{
	size_t n = strlen(token);

	if (c->n >= n && memcmp(c->p, token, n) == 0) {
		skip(c, n);
		return MARKUP_CALL;
	}
	return !c->end && c->n < n && memcmp(c->p, token, c->n) == 0 ? MARKUP_MORE : MARKUP_NOT;
}

/* Takes what stands before the token, and the token. False when it is not there. */
static bool take_until(struct cursor *c, const char *token, const char **text, size_t *n)
{
	const char *at = find_text(c->p, c->n, token);

	if (at == NULL)
		return false;
	*text = c->p;
	*n = (size_t)(at - c->p);
	skip(c, *n + strlen(token));
	return true;
}

/* The arguments up to the token, which may lack at the end of everything. */
static enum markup_what take_args(struct cursor *c, const char *token, struct markup_call *call)
{
	if (take_until(c, token, &call->args, &call->nargs))
		return MARKUP_CALL;
	if (!c->end)
		return MARKUP_MORE;
	call->args = c->p;
	call->nargs = c->n;
	skip(c, c->n);
	return MARKUP_CALL;
}

/* A name between here and the token. */
static enum markup_what take_head(struct cursor *c, const char *token, const char **text, size_t *n)
{
	if (!take_until(c, token, text, n))
		return c->end || c->n > HEAD_MAX ? MARKUP_NOT : MARKUP_MORE;
	trim(text, n);
	return *n > 0 && *n <= HEAD_MAX ? MARKUP_CALL : MARKUP_NOT;
}

static bool name_is(struct cursor *c, struct markup_call *call, const char *name, size_t n)
{
	call->name = name;
	call->nname = n;
	return n > 0 && c->tools->has(c->tools->owner, name, n);
}

/* Arguments may stand in a code fence. */
static void strip_fence(struct markup_call *call)
{
	const char *p = call->args;
	size_t n = call->nargs;

	if (n < 3 || memcmp(p, "```", 3) != 0)
		return;
	const char *line = memchr(p, '\n', n);
	n -= line != NULL ? (size_t)(line - p) : 3;
	p = line != NULL ? line : p + 3;
	const char *close = find_text(p, n, "```");
	if (close != NULL)
		n = (size_t)(close - p);
	trim(&p, &n);
	call->args = p;
	call->nargs = n;
}

/* functions.NAME:0 */
static void strip_kimi(const char **name, size_t *n)
{
	static const char prefix[] = "functions.";
	const size_t lead = sizeof prefix - 1;

	if (*n > lead && memcmp(*name, prefix, lead) == 0) {
		*name += lead;
		*n -= lead;
	}
	size_t digits = *n;
	while (digits > 0 && (*name)[digits - 1] >= '0' && (*name)[digits - 1] <= '9')
		digits--;
	if (digits > 0 && digits < *n && (*name)[digits - 1] == ':')
		*n = digits - 1;
}

/* those that begin with a name: what they begin with, what stands behind the name, what behind the arguments */
enum form { KIMI, DEEPSEEK, INVOKE, DSML_INVOKE, FUNCTION, TOOL_CALL };

static const char forms[] =
	KIMI_BEGIN "\0" KIMI_ARGS "\0" KIMI_END "\0"
	DEEPSEEK_BEGIN "\0" DEEPSEEK_SEP "\0" DEEPSEEK_END "\0"
	"<invoke name=\"\0" "\"\0" "</invoke>\0"
	"<" DSML "invoke name=\"\0" "\"\0" "</" DSML "invoke>\0"
	"<function=\0" ">\0" "</function>\0"
	"<tool_call>\0";

/* behind what it begins with */
static enum markup_what named(struct cursor *c, struct markup_call *call, enum form form)
{
	const char *name, *rest, *token = q_text(forms, 3 * form + 1);
	size_t n, nrest;
	enum markup_what what = take_head(c, token, &name, &n);

	if (what == MARKUP_CALL && form == DEEPSEEK && n == 8 && memcmp(name, "function", 8) == 0)
		what = take_head(c, "\n", &name, &n);
	if (what != MARKUP_CALL)
		return what;
	if (form == KIMI)
		strip_kimi(&name, &n);
	if (!name_is(c, call, name, n))
		return MARKUP_NOT;
	if (form == INVOKE || form == DSML_INVOKE) {
		call->form = ARGS_NAME;
		if (!take_until(c, ">", &rest, &nrest))
			return c->end || c->n > HEAD_MAX ? MARKUP_NOT : MARKUP_MORE;
	}
	token = q_text(token, 1);
	/* some end with the tag around it and forget their own */
	if (form == FUNCTION && find_text(c->p, c->n, token) == NULL && find_text(c->p, c->n, "</tool_call>") != NULL)
		token = "</tool_call>";
	what = take_args(c, token, call);
	if (what != MARKUP_CALL || call->form == ARGS_NAME)
		return what;
	trim(&call->args, &call->nargs);
	if (form == DEEPSEEK)
		strip_fence(call);
	if (form == FUNCTION && call->nargs > 0 && call->args[0] != '{')
		call->form = ARGS_EQUALS;
	return what;
}

/* White space and a token. */
static bool ate(struct cursor *c, const char *token)
{
	skip_white(c);
	return eat(c, token) == MARKUP_CALL;
}

/* What stands in the quotes of "name": at the beginning of an object, as far as it came. NULL: something else. */
static const char *early_name(const char *p, size_t n, size_t *len)
{
	struct cursor c = { NULL, p, n, false, NULL };

	if (!ate(&c, "{") || !ate(&c, "\"name\"") || !ate(&c, ":") || !ate(&c, "\""))
		return NULL;
	const char *close = memchr(c.p, '"', c.n);
	*len = close != NULL ? (size_t)(close - c.p) : 0;
	return close != NULL ? c.p : NULL;
}

/* An object with a name and arguments, in text[0..n). */
static bool named_object(struct cursor *c, struct markup_call *call, const char *text, size_t n)
{
	char name[HEAD_MAX];
	struct j_val root, args;
	struct j_err err;

	if (j_check(c->text + (text - c->text), n, &err) != 0)
		return false;
	root = j_root(text, n);
	struct j_val called = j_get(root, "name");
	size_t len = j_copy(called, name, sizeof name);
	if (called.type != J_STRING || called.n != len + 2 || !name_is(c, call, called.p + 1, len))
		return false;
	args = j_get(root, "arguments");
	if (args.type == J_NONE)
		args = j_get(root, "parameters");
	call->args = args.p != NULL ? args.p : "";
	call->nargs = args.n;
	return true;
}

static enum markup_what hermes(struct cursor *c, struct markup_call *call)
{
	static const char close[] = "</tool_call>";
	size_t n, len;
	const char *name = early_name(c->p, c->n, &len);

	if (name != NULL && !c->tools->has(c->tools->owner, name, len))
		return MARKUP_NOT;
	/* the closing tag may also stand in a string */
	for (const char *at = c->p; (at = find_text(at, c->n - (size_t)(at - c->p), close)) != NULL; at++) {
		n = (size_t)(at - c->p);
		if (named_object(c, call, c->p, n)) {
			skip(c, n + sizeof close - 1);
			return MARKUP_CALL;
		}
	}
	if (!c->end)
		return MARKUP_MORE;
	if (!named_object(c, call, c->p, c->n))
		return MARKUP_NOT;
	skip(c, c->n);
	return MARKUP_CALL;
}

static enum markup_what glm(struct cursor *c, struct markup_call *call)
{
	size_t n = 0;
	enum markup_what what;

	while (n < c->n && !is_white(c->p[n]) && c->p[n] != '<')
		n++;
	if (n == c->n)
		return c->end || n > HEAD_MAX ? MARKUP_NOT : MARKUP_MORE;
	if (!name_is(c, call, c->p, n))
		return MARKUP_NOT;
	skip(c, n);
	skip_white(c);
	struct cursor ahead = *c;
	what = eat(&ahead, "<arg_key>");
	if (what == MARKUP_NOT)
		what = eat(&ahead, "</tool_call>");
	if (what == MARKUP_NOT && c->n == 0)
		what = c->end ? MARKUP_CALL : MARKUP_MORE;
	if (what != MARKUP_CALL)
		return what;
	call->form = ARGS_KEY_VALUE;
	return take_args(c, "</tool_call>", call);
}

/* behind <tool_call> */
static enum markup_what tool_call(struct cursor *c, struct markup_call *call)
{
	enum markup_what what;

	skip_white(c);
	if (c->n == 0)
		return c->end ? MARKUP_NOT : MARKUP_MORE;
	if (*c->p == '{')
		return hermes(c, call);
	what = eat(c, "<function=");
	if (what == MARKUP_CALL)
		return named(c, call, FUNCTION);
	return what == MARKUP_MORE ? what : glm(c, call);
}

/* Takes the tokens in front of a call. Returns whether more of one may come. */
static bool skip_sections(struct cursor *c)
{
	bool more = false, again = true;

	while (again) {
		again = more = false;
		skip_white(c);
		for (const char *token = markup_tokens; *token != '\0'; token += strlen(token) + 1) {
			if ((*token & TOKEN_SECTION) == 0)
				continue;
			enum markup_what what = eat(c, token + 1);

			again = again || what == MARKUP_CALL;
			more = more || what == MARKUP_MORE;
		}
	}
	return more || (c->n == 0 && !c->end);
}

enum markup_what markup_parse(char *text, size_t n, bool end, const struct markup_tools *tools, struct markup_call *call)
{
	struct cursor c = { text, text, n, end, tools };
	bool more = skip_sections(&c);
	enum markup_what what = MARKUP_NOT;
	int form = -1;

	memset(call, 0, sizeof *call);
	call->form = ARGS_JSON;
	while (what != MARKUP_CALL && form < TOOL_CALL) {
		what = eat(&c, q_text(forms, 3 * (unsigned)++form));
		more = more || what == MARKUP_MORE;
	}
	if (what != MARKUP_CALL)
		what = more ? MARKUP_MORE : MARKUP_NOT;
	else
		what = form == TOOL_CALL ? tool_call(&c, call) : named(&c, call, (enum form)form);
	call->text = text;
	call->used = n - c.n;
	return what;
}

/* ---- arguments as JSON ---- */

struct writer {
	char *p;		/* NULL: only counting */
	size_t n;
};

static void put(struct writer *w, const char *p, size_t n)
{
	if (w->p != NULL && n > 0)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void put_string(struct writer *w, const char *p, size_t n)
{
	w->n += plan_quote(w->p != NULL ? w->p + w->n : NULL, p, n);
}

/* parameters that are texts whatever they look like */
static bool is_text_name(const char *p, size_t n)
{
	static const char names[] = "content\0new_string\0old_string\0text\0command\0prompt\0code\0query\0pattern\0"
		"description\0new_source\0data\0";

	for (const char *name = names; *name != '\0'; name += strlen(name) + 1)
		if (strlen(name) == n && memcmp(name, p, n) == 0)
			return true;
	return false;
}

/* as: what the markup says of the type, 's' text, 'j' JSON, 0 nothing */
static void put_value(struct writer *w, char *base, const char *key, size_t nkey, const char *p, size_t n, char as)
{
	struct j_err err;
	const char *json = p;
	size_t njson = n;

	trim(&json, &njson);
	bool list = njson > 0 && (*json == '[' || *json == '{');
	if (as == 'j' || (as == 0 && list && !is_text_name(key, nkey))) {
		if (j_check(base + (json - base), njson, &err) == 0) {
			put(w, json, njson);
			return;
		}
	}
	put_string(w, p, n);
}

/* one line end on either side belongs to the markup */
static void trim_lines(const char **p, size_t *n)
{
	if (*n > 0 && **p == '\n') {
		++*p;
		--*n;
	}
	if (*n > 0 && (*p)[*n - 1] == '\n')
		--*n;
}

/* The closing token of a value: what looks like one inside of it is not followed by another parameter or the end. */
static const char *find_close(const char *p, size_t n, const char *token, const char *next)
{
	const char *end = p + n, *at = p;
	size_t nnext = strcspn(next, "\"");

	for (; (at = find_text(at, (size_t)(end - at), token)) != NULL; at++) {
		const char *behind = at + strlen(token);

		while (behind < end && is_white(*behind))
			behind++;
		if (behind == end || ((size_t)(end - behind) >= nnext && memcmp(behind, next, nnext) == 0))
			return at;
	}
	return NULL;
}

/* A value up to its closing token, or to the end where that lacks. */
static void take_value(struct cursor *c, const char *token, const char *next, const char **text, size_t *n)
{
	const char *close = find_close(c->p, c->n, token, next);

	*text = c->p;
	*n = close != NULL ? (size_t)(close - c->p) : c->n;
	skip(c, close != NULL ? *n + strlen(token) : *n);
}

/* of each form of arguments: what a parameter begins with, what ends its key, what its value begins with, what ends that */
static const char parameters[] =
	"<parameter=\0" ">\0" "\0" "</parameter>\0"
	"<parameter name=\"\0" "\"\0" ">\0" "</parameter>\0"
	"<" DSML "parameter name=\"\0" "\"\0" ">\0" "</" DSML "parameter>\0"
	"<arg_key>\0" "</arg_key>\0" "<arg_value>\0" "</arg_value>\0";

/* A parameter: its key, its value, and what is said of its type. */
static bool next_parameter(struct cursor *c, enum markup_args form, const char *part[2], size_t n[2], char *as)
{
	const char *open = q_text(parameters, 4 * form), *key, *value, *rest;
	size_t nrest;

	if (form == ARGS_NAME && find_text(c->p, c->n, q_text(open, 4)) != NULL) {
		form = ARGS_DSML;
		open = q_text(open, 4);
	}
	key = q_text(open, 1);
	value = q_text(open, 2);
	if (!take_until(c, open, &rest, &nrest) || !take_until(c, key, &part[0], &n[0])
		|| (*value != '\0' && !take_until(c, value, &rest, &nrest)))
		return false;
	*as = 0;
	if (form == ARGS_DSML && nrest > 0)
		*as = find_text(rest, nrest, "\"false\"") != NULL ? 'j' : 's';
	take_value(c, q_text(open, 3), open, &part[1], &n[1]);
	if (form == ARGS_EQUALS || form == ARGS_NAME)
		trim_lines(&part[1], &n[1]);
	return true;
}

size_t markup_write_args(const struct markup_call *call, char *dst)
{
	struct cursor c = { NULL, call->args, call->nargs, true, NULL };
	struct writer w = { dst, 0 };
	const char *part[2];
	size_t n[2];
	char as;

	if (call->form == ARGS_JSON) {
		put(&w, call->args, call->nargs);
		return w.n;
	}
	put(&w, "{", 1);
	while (next_parameter(&c, call->form, part, n, &as)) {
		trim(&part[0], &n[0]);
		if (w.n > 1)
			put(&w, ",", 1);
		put_string(&w, part[0], n[0]);
		put(&w, ":", 1);
		put_value(&w, call->text, part[0], n[0], part[1], n[1], as);
	}
	put(&w, "}", 1);
	return w.n;
}
