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
	return said_has(s, "unsupported|not support|n't support|unknown|unrecognized|unrecognised|not permitted|not allowed|"
		"extra_forbidden|extra inputs|unexpected|cannot find field|additional properties|not recognized");
}

/* a name or its value is refused */
static bool is_refused(const struct said *s)
{
	return is_unknown(s)
		|| said_has(s, "is not valid|invalid |incompatible|only |must be |out of range|deprecated|not available");
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
	const char *words;
	const char *setting[2];	/* the second where the first holds already; none where the second does */
	bool refused;		/* a word of refusal must be there too */
};

static const struct rule rules[] = {
	{ "reasoning_content*missing|reasoning_content*passed back|reasoning_content*required|missing*reasoning_content",
	  { "echo=reasoning_content echo_all=1 echo_fill=empty", "echo=reasoning_content echo_all=1 echo_fill=dot" }, false },
	{ "thought_signature|thought signature", { "echo=gemini", NULL }, false },
	{ "non-streaming|only support*stream|stream must be|stream=true is required", { "stream=always", NULL }, false },
	{ "stream_options|stream options", { "usage=off", NULL }, false },
	{ "moonshot flavored", { "schema=moonshot", NULL }, false },
	{ "function_declarations|functiondeclaration", { "schema=gemini", NULL }, false },
	{ "at 'tools[", { "schema=gemini", NULL }, true },
	{ "schema*anyof*top level|schema*oneof*top level", { "schema=xai", NULL }, false },
	{ "unrecognized schema|grammar|schema conversion failed", { "schema=grammar", NULL }, false },
	{ "tool_choice|tool choice", { "tool_choice=auto", "tool_choice=none" }, true },
	{ "unknown variant `image_url`|image_url*not support|not support*image_url|image_url is only supported|"
	  "not support image|n't support image|image input*not support|images*not support|not a multimodal model|"
	  "not support vision|unknown variant `image`", { "images=none", NULL }, false },
	{ "unknown variant `file`|not support file|not support pdf", { "files=none", NULL }, false },
	{ "tool call id was", { "tool_id=mistral9", NULL }, false },
	{ "unexpected role 'user' after role 'tool'", { "tool_text=merge", NULL }, false },
	{ "system message must be at the beginning", { "system=merge", NULL }, false },
};

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
		if (!said_has(s, rules[i].words) || (rules[i].refused && !is_refused(s)))
			continue;
		const char *setting = next_setting(&rules[i], q);
		return setting != NULL && propose(q, setting, dst) ? FOUND : HELD;
	}
	return NOTHING;
}

/* the one of the two names that is refused: not the one to use, else the first that is told; NULL for neither */
static const char *refused_name(const struct said *s)
{
	const char *old = strstr(s->all, "max_tokens"), *renamed = strstr(s->all, "max_completion_tokens");

	if (said_has(s, "use 'max_completion|use `max_completion|use max_completion"))
		return "max_tokens";
	if (said_has(s, "use 'max_tokens|use `max_tokens|use max_tokens"))
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
	const char *leads = "values are|values:|one of|should be|expected|allowed|only", *list = NULL;
	const char *efforts = "none|minimal|low|medium|high|xhigh|max";
	char setting[80] = "efforts=", word[WORD];
	size_t n = strlen(setting), k;

	if (!said_has(s, "effort"))
		return false;
	while (list == NULL && next_word(&leads, word) > 0)
		list = strstr(s->all, word);
	while (list != NULL && (k = next_word(&efforts, word)) > 0) {
		if (!has_word(list, word))
			continue;
		if (setting[n - 1] != '=')
			setting[n++] = ',';
		memcpy(setting + n, word, k + 1);
		n += k;
	}
	return setting[n - 1] != '=' && propose(q, setting, dst);
}

/* ---- refused names ---- */

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
	static const struct {
		const char *names, *setting;
	} own[] = {
		/* what a request cannot do without */
		{ "model,messages,stream,tools,tool,role,content,type,function,functions,parameters,arguments,input,prompt,id,"
		  "tool_calls,tool_call_id,text,description,properties,items,required,value,body,loc,msg,object,assistant,user,"
		  "system,extra_forbidden,null,true,false,string,max_tokens,max_completion_tokens,url,image_url,file", "" },
		{ "reasoning_content,reasoning_details,reasoning_text,reasoning_opaque,extra_content", "echo=none" },
		{ "cache_control,copilot_cache_control", "cache=strip" },
		{ "name", "tool_name=0" },
		{ "tool_stream", "tool_stream=0" },
		{ "stream_options,include_usage", "usage=off" },
	};

	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (in_list(own[i].names, name))
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
	const char *leads = "unsupported parameter|unsupported value|unsupported field|unknown name|unknown parameter|"
		"unknown field|unknown argument|unrecognized request argument|unrecognized parameter|unrecognized field|"
		"unrecognized key|argument not supported|unexpected keyword argument|unexpected field|not support parameter|"
		"not allowed (|invalid parameter|property|parameter|field|argument";
	char name[WORD];
	size_t n;

	while ((n = next_word(&leads, name)) > 0) {
		const char *p = strstr(s->all, name);

		if (p == NULL)
			continue;
		p += n;
		/* behind a colon or a quote there is a name; else only what looks like one */
		size_t gap = strcspn(p, ":'\"`\n");
		if (gap <= 40 && p[gap] != '\n' && p[gap] != '\0')
			p += gap;
		p += strspn(p, " :'\"`[(");
		if (read_name(p, name) > 0 && without(q, name, dst))
			return true;
	}
	return false;
}

/* whether a plain word is meant as a name: "stop" is, "the answer stopped" is not */
static bool stands_out(const char *text, const char *p, size_t n)
{
	if (memchr(p, '_', n) != NULL || (p > text && strchr("'\"`", p[-1]) != NULL))
		return true;
	if (p[n] != '\0' && strchr("'\"`:", p[n]) != NULL)
		return true;
	return text_begins(p + n, " is | must| should| parameter| value| only| not | does")
		|| text_ends(text, p, ": |invalid |parameter ");
}

/* names that we send and that the text holds as a word */
static bool by_known(const struct said *s, const struct quirks *q, char *dst)
{
	const char *known = "temperature|top_p|top_k|stop|parallel_tool_calls|reasoning_effort|reasoning_content|"
		"reasoning_details|reasoning_split|reasoning|enable_thinking|thinking_budget|thinking|chat_template_kwargs|"
		"prompt_cache_key|tool_stream|response_format|cache_control|extra_content|extra_body|service_tier|metadata|"
		"requesty|store|verbosity";
	char name[WORD];
	size_t n;

	while ((n = next_word(&known, name)) > 0) {
		for (const char *p = strstr(s->all, name); p != NULL; p = strstr(p + 1, name)) {
			bool inside = (p > s->all && name_char(p[-1])) || name_char(p[n]);

			if (!inside && stands_out(s->all, p, n) && without(q, name, dst))
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
	if (said_has(&s, "tool_use_failed|failed to call a function"))
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
