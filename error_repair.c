/*
 * Repairs: what a 400 or 422 says the provider does not like, as a setting.
 * Rules in a table, the first that fits decides; then the name of a parameter
 * that is refused is dropped. What q holds already is never told again, so a
 * provider that keeps refusing ends the loop.
 */
#include <string.h>

#include "error.h"
#include "error_said.h"

/* a name is refused, whatever its value */
static bool is_unknown(const struct said *s)
{
	static const char *const words[] = {
		"unsupported", "not support", "n't support", "unknown", "unrecognized", "unrecognised", "not permitted",
		"not allowed", "extra_forbidden", "extra inputs", "unexpected", "cannot find field", "additional properties",
		"not recognized", NULL
	};

	return said_any(s, words);
}

/* a name or its value is refused */
static bool is_refused(const struct said *s)
{
	static const char *const words[] = {
		"is not valid", "invalid ", "incompatible", "only ", "must be ", "out of range", "deprecated", "not available",
		NULL
	};

	return is_unknown(s) || said_any(s, words);
}

/* ---- settings ---- */

/* whether a setting can be applied and changes anything */
static bool changes(const struct quirks *q, const char *setting)
{
	struct quirks with = *q;
	const char *why;
	size_t at;

	if (strlen(setting) >= Q_TEXT || q_apply(&with, setting, strlen(setting), &why, &at) != 0)
		return false;
	for (size_t i = 0; q_key(i) != NULL; i++) {
		char now[2 * Q_TEXT], then[2 * Q_TEXT];
		size_t n = q_show(q, i, now, sizeof now), m = q_show(&with, i, then, sizeof then);

		if (n != m || memcmp(now, then, n < sizeof now ? n : sizeof now) != 0)
			return true;
	}
	return false;
}

static bool propose(const struct quirks *q, const char *setting, char *dst)
{
	if (!changes(q, setting))
		return false;
	memcpy(dst, setting, strlen(setting) + 1);
	return true;
}

/* ---- rules ---- */

struct rule {
	const char *words[4];	/* any of them, as said_has reads it */
	bool refused;		/* a word of refusal must be there too */
	const char *setting[2];	/* the second where the first holds already; none where the second does */
};

static const struct rule rules[] = {
	{ { "reasoning_content*missing", "reasoning_content*passed back", "reasoning_content*required",
	    "missing*reasoning_content" }, false,
	  { "echo=reasoning_content echo_all=1 echo_fill=empty", "echo=reasoning_content echo_all=1 echo_fill=dot" } },
	{ { "thought_signature", "thought signature" }, false, { "echo=gemini" } },
	{ { "non-streaming", "only support*stream", "stream must be", "stream=true is required" }, false, { "stream=always" } },
	{ { "stream_options", "stream options" }, false, { "usage=off" } },
	{ { "moonshot flavored" }, false, { "schema=moonshot" } },
	{ { "function_declarations", "functiondeclaration" }, false, { "schema=gemini" } },
	{ { "at 'tools[" }, true, { "schema=gemini" } },
	{ { "schema*anyof*top level", "schema*oneof*top level" }, false, { "schema=xai" } },
	{ { "unrecognized schema", "grammar", "schema conversion failed" }, false, { "schema=grammar" } },
	{ { "tool_choice", "tool choice" }, true, { "tool_choice=auto", "tool_choice=none" } },
	{ { "unknown variant `image_url`", "image_url*not support", "not support*image_url", "image_url is only supported" },
	  false, { "images=none" } },
	{ { "not support image", "n't support image", "image input*not support", "images*not support" }, false,
	  { "images=none" } },
	{ { "not a multimodal model", "not support vision", "unknown variant `image`" }, false, { "images=none" } },
	{ { "unknown variant `file`", "not support file", "not support pdf" }, false, { "files=none" } },
	{ { "tool call id was" }, false, { "tool_id=mistral9" } },
	{ { "unexpected role 'user' after role 'tool'" }, false, { "tool_text=merge" } },
	{ { "system message must be at the beginning" }, false, { "system=merge" } },
};

static bool fits(const struct said *s, const struct rule *r)
{
	if (r->refused && !is_refused(s))
		return false;
	for (size_t i = 0; i < 4 && r->words[i] != NULL; i++)
		if (said_has(s, r->words[i]))
			return true;
	return false;
}

/* what comes behind the last of a rule's settings that holds, NULL for none */
static const char *next_setting(const struct rule *r, const struct quirks *q)
{
	for (size_t k = 2; k > 0; k--)
		if (r->setting[k - 1] != NULL && !changes(q, r->setting[k - 1]))
			return k < 2 ? r->setting[k] : NULL;
	return r->setting[0];
}

enum found { NOTHING, HELD, FOUND };

/* HELD: the first rule that fits has nothing more to set; others would only undo it */
static enum found by_rule(const struct said *s, const struct quirks *q, char *dst)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (!fits(s, &rules[i]))
			continue;
		const char *setting = next_setting(&rules[i], q);
		return setting != NULL && propose(q, setting, dst) ? FOUND : HELD;
	}
	return NOTHING;
}

/* the one of the two names that is refused: not the one to use, else the first that is told; NULL for neither */
static const char *refused_name(const struct said *s)
{
	static const char *const use_new[] = { "use 'max_completion", "use `max_completion", "use max_completion", NULL };
	static const char *const use_old[] = { "use 'max_tokens", "use `max_tokens", "use max_tokens", NULL };
	const char *old = strstr(s->all, "max_tokens"), *renamed = strstr(s->all, "max_completion_tokens");

	if (said_any(s, use_new))
		return "max_tokens";
	if (said_any(s, use_old))
		return "max_completion_tokens";
	if (old == NULL && renamed == NULL)
		return NULL;
	return renamed == NULL || (old != NULL && old < renamed) ? "max_tokens" : "max_completion_tokens";
}

static bool output_name(const struct said *s, const struct quirks *q, char *dst)
{
	const char *name = is_refused(s) ? refused_name(s) : NULL;

	if (name == NULL)
		return false;
	if (strcmp(name, "max_tokens") == 0)
		return propose(q, "maxtok=max_completion_tokens", dst);
	return propose(q, "maxtok=max_tokens", dst);
}

/* ---- effort words ---- */

/* a word that is not the end of another ("high" in "xhigh") */
static bool has_word(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	while (at != NULL && at > text && ((at[-1] >= 'a' && at[-1] <= 'z') || at[-1] == '_'))
		at = strstr(at + 1, word);
	return at != NULL;
}

/* "Supported values are: 'low', 'medium', and 'high'": those behind the words that lead to the list */
static bool effort_list(const struct said *s, const struct quirks *q, char *dst)
{
	static const char *const efforts[] = { "none", "minimal", "low", "medium", "high", "xhigh", "max" };
	static const char *const leads[] = { "values are", "values:", "one of", "should be", "expected", "allowed", "only" };
	const char *list = NULL;
	char setting[80] = "efforts=";
	size_t n = strlen(setting);

	if (!said_has(s, "effort"))
		return false;
	for (size_t i = 0; list == NULL && i < sizeof leads / sizeof leads[0]; i++)
		list = strstr(s->all, leads[i]);
	for (size_t i = 0; list != NULL && i < sizeof efforts / sizeof efforts[0]; i++) {
		if (!has_word(list, efforts[i]))
			continue;
		if (setting[n - 1] != '=')
			setting[n++] = ',';
		memcpy(setting + n, efforts[i], strlen(efforts[i]) + 1);
		n += strlen(efforts[i]);
	}
	return setting[n - 1] != '=' && propose(q, setting, dst);
}

/* ---- refused names ---- */

static bool is_in(const char *name, const char *const names[])
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* whether a comma list holds the name */
static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (*list != '\0') {
		size_t k = strcspn(list, ",");

		if (k == n && memcmp(list, name, n) == 0)
			return true;
		list += k + (list[k] == ',');
	}
	return false;
}

static bool drop(const struct quirks *q, const char *name, char *dst)
{
	char setting[Q_TEXT] = "drop=";
	size_t n = strlen(setting), old = strlen(q->drop), len = strlen(name);

	if (in_list(q->drop, name) || n + old + 1 + len >= sizeof setting)
		return false;
	memcpy(setting + n, q->drop, old);
	n += old;
	if (old > 0)
		setting[n++] = ',';
	memcpy(setting + n, name, len + 1);
	return propose(q, setting, dst);
}

/* the setting that keeps a name away */
static bool without(const struct quirks *q, const char *name, char *dst)
{
	static const char *const needed[] = {
		"model", "messages", "stream", "tools", "tool", "role", "content", "type", "function", "functions", "parameters",
		"arguments", "input", "prompt", "id", "tool_calls", "tool_call_id", "text", "description", "properties", "items",
		"required", "value", "body", "loc", "msg", "object", "assistant", "user", "system", "extra_forbidden", "null",
		"true", "false", "string", "max_tokens", "max_completion_tokens", "url", "image_url", "file", NULL
	};
	static const struct {
		const char *name, *setting;
	} own[] = {
		{ "reasoning_content", "echo=none" }, { "reasoning_details", "echo=none" }, { "reasoning_text", "echo=none" },
		{ "reasoning_opaque", "echo=none" }, { "extra_content", "echo=none" }, { "cache_control", "cache=strip" },
		{ "copilot_cache_control", "cache=strip" }, { "name", "tool_name=0" }, { "tool_stream", "tool_stream=0" },
		{ "stream_options", "usage=off" }, { "include_usage", "usage=off" },
	};

	if (is_in(name, needed))
		return false;
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (strcmp(name, own[i].name) == 0)
			return propose(q, own[i].setting, dst);
	return drop(q, name, dst);
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/*
 * The name at p, quoted or not, the last part of a dotted one. Returns its
 * length in name (room for 64), 0 for none.
 */
static size_t read_name(const char *p, char *name)
{
	size_t n = 0;

	for (; name_char(*p) || *p == '.' || *p == '[' || *p == ']'; p++) {
		if (!name_char(*p))
			n = 0;
		else if (n < 63)
			name[n++] = *p;
	}
	name[n] = '\0';
	/* an index is no name */
	return name[strspn(name, "0123456789")] != '\0' ? n : 0;
}

/* names behind these words are refused, whatever they are */
static bool by_lead(const struct said *s, const struct quirks *q, char *dst)
{
	static const char *const leads[] = {
		"unsupported parameter", "unsupported value", "unsupported field", "unknown name", "unknown parameter",
		"unknown field", "unknown argument", "unrecognized request argument", "unrecognized parameter",
		"unrecognized field", "unrecognized key", "argument not supported", "unexpected keyword argument",
		"unexpected field", "not support parameter", "not allowed (", "invalid parameter", "property", "parameter",
		"field", "argument",
	};

	for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
		const char *p = strstr(s->all, leads[i]), *quote;
		char name[64];

		if (p == NULL)
			continue;
		p += strlen(leads[i]);
		/* behind a colon or a quote there is a name; else only what looks like one */
		size_t gap = strcspn(p, ":'\"`\n");
		quote = gap <= 40 && p[gap] != '\n' && p[gap] != '\0' ? p + gap : p;
		quote += strspn(quote, " :'\"`[(");
		if (read_name(quote, name) > 0 && without(q, name, dst))
			return true;
	}
	return false;
}

/* whether a plain word is meant as a name: "stop" is, "the answer stopped" is not */
static bool stands_out(const char *text, const char *p, size_t n)
{
	static const char *const behind[] = { " is ", " must", " should", " parameter", " value", " only", " not ", " does" };
	static const char *const front[] = { ": ", "invalid ", "parameter " };

	if (memchr(p, '_', n) != NULL || (p > text && strchr("'\"`", p[-1]) != NULL))
		return true;
	if (p[n] != '\0' && strchr("'\"`:", p[n]) != NULL)
		return true;
	for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++)
		if (strncmp(p + n, behind[i], strlen(behind[i])) == 0)
			return true;
	for (size_t i = 0; i < sizeof front / sizeof front[0]; i++) {
		size_t k = strlen(front[i]);

		if ((size_t)(p - text) >= k && memcmp(p - k, front[i], k) == 0)
			return true;
	}
	return false;
}

/* names that we send and that the text holds as a word */
static bool by_known(const struct said *s, const struct quirks *q, char *dst)
{
	static const char *const known[] = {
		"temperature", "top_p", "top_k", "stop", "parallel_tool_calls", "reasoning_effort", "reasoning_content",
		"reasoning_details", "reasoning_split", "reasoning", "enable_thinking", "thinking_budget", "thinking",
		"chat_template_kwargs", "prompt_cache_key", "tool_stream", "response_format", "cache_control", "extra_content",
		"extra_body", "service_tier", "metadata", "requesty", "store", "verbosity", NULL
	};

	for (size_t i = 0; known[i] != NULL; i++) {
		size_t n = strlen(known[i]);

		for (const char *p = strstr(s->all, known[i]); p != NULL; p = strstr(p + 1, known[i])) {
			bool inside = (p > s->all && name_char(p[-1])) || name_char(p[n]);

			if (!inside && stands_out(s->all, p, n) && without(q, known[i], dst))
				return true;
		}
	}
	return false;
}

/* the last name of a pydantic location in words: 'loc': ('body', 'enable_thinking') */
static bool by_location(const struct said *s, const struct quirks *q, char *dst)
{
	const char *p = strstr(s->all, "'loc': (");
	char name[64], last[64] = "";

	if (p == NULL)
		return false;
	for (p += 8; *p != ')' && *p != '\0'; p++)
		if (*p == '\'' && read_name(p + 1, name) > 0)
			memcpy(last, name, sizeof last);
	return last[0] != '\0' && without(q, last, dst);
}

static bool by_param(const struct said *s, const struct quirks *q, char *dst)
{
	char name[64];

	return read_name(s->param, name) > 0 && without(q, name, dst);
}

/* ---- */

static bool fit_output(const struct overflow *o, int64_t *max_tokens)
{
	if (o->what == OVER_LIMIT)
		*max_tokens = o->limit;
	else if (o->what == OVER_OUTPUT && o->input > 0)
		*max_tokens = o->limit - o->input;
	else if (o->what == OVER_OUTPUT)
		*max_tokens = o->limit / 2;
	return *max_tokens > 0;
}

bool error_repair(int status, const char *body, size_t n, const struct quirks *q, char *setting, int64_t *max_tokens)
{
	struct overflow o;
	struct said s;

	*max_tokens = 0;
	setting[0] = '\0';
	if (status != 400 && status != 422)
		return false;
	said_read(&s, body, n);
	if (s.empty || said_rate(&s))
		return false;
	/* the model's own slip: Groq's tool_use_failed */
	if (said_has(&s, "tool_use_failed") || said_has(&s, "failed to call a function"))
		return true;
	said_overflow(&s, &o);
	if (o.what != OVER_NONE)
		return fit_output(&o, max_tokens);
	enum found found = by_rule(&s, q, setting);
	if (found != NOTHING)
		return found == FOUND;
	if (output_name(&s, q, setting) || effort_list(&s, q, setting))
		return true;
	if (is_unknown(&s) && (by_location(&s, q, setting) || by_param(&s, q, setting) || by_lead(&s, q, setting)))
		return true;
	return is_refused(&s) && by_known(&s, q, setting);
}
