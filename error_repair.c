/*
 * Repairs: what a 400 or 422 says the provider does not like, as a setting.
 * Rules in a table, the first that fits decides; then the name of a parameter
 * that is refused is dropped. What q holds already is never told again, so a
 * provider that keeps refusing ends the loop.
 */
#include <string.h>

#include "error.h"
#include "error_said.h"
#include "log.h"

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

	/* all of it is fields, and a text is zeros behind its end */
	return strlen(setting) < Q_TEXT && q_apply(&with, setting, strlen(setting), &why, &at) == 0
		&& memcmp(&with, q, sizeof with) != 0;
}

static bool propose(const struct quirks *q, const char *setting, char *dst)
{
	if (!changes(q, setting))
		return false;
	memcpy(dst, setting, strlen(setting) + 1);
	return true;
}

/* ---- rules ---- */

/*
 * Three texts each: words, a setting, and the one to try where that holds
 * already or nothing. Behind ! a word of refusal must be there too.
 */
static const char rules[] =
	"in `thinking` block|adaptive thinking is not supported\0" "\0" "\0"	/* Claude Code mends these itself */
	"cannot be disabled when reasoning_effort\0" "drop=output_config\0" "\0"
	"reasoning_content*missing|reasoning_content*passed back|thinking`*passed back|reasoning_content*required|missing*reasoning_content\0"
	"echo=reasoning_content echo_all=1 echo_fill=empty\0" "echo=reasoning_content echo_all=1 echo_fill=dot\0"
	"thought_signature|thought signature\0" "echo=gemini\0" "\0"
	"non-streaming|only support*stream|stream must be|stream=true is required\0" "stream=always\0" "\0"
	"stream_options|stream options\0" "usage=off\0" "\0"
	"moonshot flavored\0" "schema=moonshot\0" "\0"
	"function_declarations|functiondeclaration\0" "schema=gemini\0" "\0"
	"!at 'tools[\0" "schema=gemini\0" "\0"
	"schema*anyof*top level|schema*oneof*top level\0" "schema=xai\0" "\0"
	"unrecognized schema|grammar|schema conversion failed\0" "schema=grammar\0" "\0"
	"!tools with reasoning_effort|tools*with reasoning\0" "think=effort efforts=none\0" "\0"
	"!tool_choice|tool choice\0" "tool_choice=auto\0" "tool_choice=none\0"
	"unknown variant `image_url`|image_url*not support|not support*image_url|image_url is only supported|"
	"not support image|n't support image|image input*not support|images*not support|not a multimodal model|"
	"not support vision|unknown variant `image`\0" "images=none\0" "\0"
	"unknown variant `file`|not support file|not support pdf\0" "files=none\0" "\0"
	"tool call id was\0" "tool_id=mistral9\0" "\0"
	"unexpected role 'user' after role 'tool'\0" "tool_text=merge\0" "\0"
	"system message must be at the beginning\0" "system=merge\0" "\0";

enum found { NOTHING, HELD, FOUND };

/* HELD: the first rule that fits has nothing more to set; others would only undo it */
static enum found by_rule(const struct said *s, const struct quirks *q, char *dst)
{
	for (const char *rule = rules; *rule != '\0'; rule = q_text(rule, 3)) {
		bool refused = *rule == '!';

		if (!said_has(s, rule + refused) || (refused && !is_refused(s)))
			continue;
		const char *second = q_text(rule, 2);
		if (*second != '\0' && !changes(q, second))
			return HELD;
		return propose(q, q_text(rule, 1), dst) || propose(q, second, dst) ? FOUND : HELD;
	}
	return NOTHING;
}

/* Of the two names of the limit the one that is refused is not the one to use, else the first that is told. */
static bool output_name(const struct said *s, const struct quirks *q, char *dst)
{
	const char *old = strstr(s->all, "max_tokens"), *renamed = strstr(s->all, "max_completion_tokens");
	bool rename = old != NULL && (renamed == NULL || old < renamed);

	if (!is_refused(s))
		return false;
	if (said_has(s, "use 'max_completion|use `max_completion|use max_completion"))
		rename = true;
	else if (said_has(s, "use 'max_tokens|use `max_tokens|use max_tokens"))
		rename = false;
	else if (old == NULL && renamed == NULL)
		return false;
	return propose(q, rename ? "maxtok=max_completion_tokens" : "maxtok=max_tokens", dst);
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
	char setting[80], word[WORD];
	size_t n = 0;

	if (!said_has(s, "effort"))
		return false;
	while (list == NULL && next_word(&leads, word) > 0)
		list = strstr(s->all, word);
	while (list != NULL && next_word(&efforts, word) > 0)
		if (has_word(list, word))
			n += fmt(setting + n, sizeof setting - n, n > 0 ? ",%s" : "efforts=%s", word);
	return n > 0 && propose(q, setting, dst);
}

/* ---- refused names ---- */

static bool drop(const struct quirks *q, const char *name, char *dst)
{
	char setting[Q_TEXT];

	return !list_has(q->drop, name)
		&& fmt(setting, sizeof setting, "drop=%s%s%s", q->drop, q->drop[0] != '\0' ? "," : "", name) < sizeof setting
		&& propose(q, setting, dst);
}

/* the setting that keeps a name away */
static bool without(const struct quirks *q, const char *name, char *dst)
{
	static const char own[] =
		/* what a request cannot do without */
		"model,messages,stream,tools,tool,role,content,type,function,functions,parameters,arguments,input,prompt,id,"
		"tool_calls,tool_call_id,text,description,properties,items,required,value,body,loc,msg,object,assistant,user,"
		"system,extra_forbidden,null,true,false,string,max_tokens,max_completion_tokens,url,image_url,file\0" "\0"
		"reasoning_content,reasoning_details,reasoning_text,reasoning_opaque,extra_content\0" "echo=none\0"
		"cache_control,copilot_cache_control\0" "cache=strip\0"
		"name\0" "tool_name=0\0"
		"tool_stream\0" "tool_stream=0\0"
		"stream_options,include_usage\0" "usage=off\0";

	for (const char *names = own; *names != '\0'; names = q_text(names, 2))
		if (list_has(names, name))
			return propose(q, q_text(names, 1), dst);
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

/* "context_management: Extra inputs are not permitted": where it stands alone the name is at the top level */
static bool by_head(const struct said *s, const struct quirks *q, char *dst)
{
	const char *end = strstr(s->all, ": extra inputs"), *p = end;
	char name[64];

	while (p != NULL && p > s->all && name_char(p[-1]))
		p--;
	if (p == end || (p > s->all && p[-1] == '.'))
		return false;
	return read_name(p, name) > 0 && without(q, name, dst);
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
	char name[64], last[64];

	if (p == NULL)
		return false;
	last[0] = '\0';
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
	if (is_unknown(&s) && (by_location(&s, q, setting) || by_param(&s, q, setting) || by_head(&s, q, setting)
		|| by_lead(&s, q, setting)))
		return true;
	return is_refused(&s) && by_known(&s, q, setting);
}
