/*
 * The keys of the quirks: what each may be, how it is written and shown. The
 * rows are in quirks_rows.c.
 *
 * Promises: pure (no allocation, no I/O, no state); settings are taken all or
 * none; what has been taken can be sent: fields are tokens without control
 * characters, paths are URL paths, extra is a JSON object.
 * Limits: a text of Q_TEXT - 1 bytes, extra of twice that.
 *
 * A new kind of difference is a field in struct quirks and a line in keys[].
 */
#include "quirks.h"

#include <string.h>

#include "http.h"
#include "http_char.h"
#include "json.h"
#include "log.h"

/* ---- keys ---- */

/* the first four are numbers, kept as unsigned (enums too), the others texts */
enum kind { WORD, FLAG, WHOLE, EFFORT_LIST, PATH, FIELDS, NAMES, OBJECT };

struct key {
	const char *text;	/* its name; what it may be (WORD, FLAG: in the order of the numbers); what it means */
	unsigned limit;		/* the largest number, or the bytes of a text */
	unsigned short offset;
	unsigned char kind;
};

typedef char enums_are_unsigned[sizeof(enum q_think) == sizeof(unsigned) ? 1 : -1];

#define KEY(name, kind, limit, values, doc) { #name "\0" values "\0" doc, limit, offsetof(struct quirks, name), kind }

static const struct key keys[] = {
	KEY(path, PATH, Q_TEXT, "a path", "of the API when the base URL has no path"),
	KEY(auth, WORD, 0, "bearer api-key none x-api-key both",
		"field of the key: Authorization: Bearer, api-key, none, x-api-key, that and Bearer"),
	KEY(headers, FIELDS, Q_TEXT, "Name: value|Name: value", "further fields of requests; {session}: the session's id, {initiator}: user or agent,"
		" {vision}: true where there is an image"),
	KEY(maxtok, WORD, 0, "max_tokens max_completion_tokens none", "name of the output limit"),
	KEY(temp, WORD, 0, "drop1 omit pass unit gt0",
		"temperature: left out when 1, never sent, as it is, within 0..1, (0,1]"),
	KEY(drop, NAMES, Q_TEXT, "a comma list", "top-level names never sent"),
	KEY(stop, WHOLE, 64, "0 to 64", "most stop sequences sent"),
	KEY(usage, FLAG, 0, "off on", "ask for usage in streams (stream_options)"),
	KEY(tool_choice, WORD, 0, "full strings any auto none",
		"objects too, words only, \"any\" for required, auto, never sent"),
	KEY(tool_id, WORD, 0, "keep mistral9", "tool call ids: as they are, or nine letters and digits"),
	KEY(tool_text, WORD, 0, "merge user", "text behind tool results: in the last one, or a user message"),
	KEY(tool_name, FLAG, 0, "0 1", "put the tool's name into tool messages"),
	KEY(tool_stream, FLAG, 0, "0 1", "send tool_stream: true, for arguments in pieces"),
	KEY(schema, WORD, 0, "light gemini moonshot xai grammar", "dialect that tool schemas are cleaned for"),
	KEY(images, WORD, 0, "data none", "images as data URLs, or a note in their place"),
	KEY(files, WORD, 0, "none openai", "PDF files: a note in their place, or file parts"),
	KEY(think, WORD, 0, "none effort type enable template openrouter gemini adaptive",
		"how thinking and its depth are asked for"),
	KEY(efforts, EFFORT_LIST, 0, "a comma list of none minimal low medium high xhigh max",
		"efforts the model knows; others go to the nearest"),
	KEY(echo, WORD, 0, "auto none reasoning_content reasoning details tags mistral copilot gemini",
		"form in which reasoning goes back; auto: as it came"),
	KEY(echo_all, FLAG, 0, "0 1", "send reasoning back with every message, not only with tool calls"),
	KEY(echo_fill, WORD, 0, "none empty dot", "sent where reasoning must go back and there is none"),
	KEY(prefill, WORD, 0, "plain prefix partial", "how an assistant message to be continued is marked"),
	KEY(think_tags, WORD, 0, "head open off", "<think> in answers: at the head, begun before it, plain text"),
	KEY(heal, WORD, 0, "auto off kimi deepseek", "tool calls in the text: every known markup, none, one"),
	KEY(stream, WORD, 0, "asked always", "stream from the provider when asked, or always"),
	KEY(system, WORD, 0, "reminder inline merge",
		"system messages in the history: user text, as they are, moved to the head"),
	KEY(cumulative, WORD, 0, "off reasoning args", "what comes as growing snapshots"),
	KEY(empty_length, FLAG, 0, "0 1", "an empty answer that ends with length: prompt too long"),
	KEY(cache, WORD, 0, "strip anthropic key copilot", "prompt cache control the provider takes"),
	KEY(idle, WHOLE, 86400, "0 to 86400", "seconds without progress: the provider is dead"),
	KEY(search, OBJECT, Q_TEXT, "a JSON object", "merged into requests for a web search; {}: needs nothing; not set: there is none"),
	KEY(extra, OBJECT, 2 * Q_TEXT, "a JSON object", "merged into every request last"),
};
#define NKEYS (sizeof keys / sizeof *keys)
typedef char keys_have_room[NKEYS <= Q_KEYS_MAX ? 1 : -1];

/* "a comma list of" stands before them */
static const char effort_words[] = "none minimal low medium high xhigh max";

const char *q_text(const char *texts, unsigned i)
{
	while (i-- > 0)
		texts += strlen(texts) + 1;
	return texts;
}

const char *q_key(size_t i)
{
	return i < NKEYS ? keys[i].text : NULL;
}

const char *q_values(size_t i)
{
	return i < NKEYS ? q_text(keys[i].text, 1) : NULL;
}

const char *q_doc(size_t i)
{
	return i < NKEYS ? q_text(keys[i].text, 2) : NULL;
}

static bool equal(struct http_text t, const char *p, size_t n)
{
	return t.n == n && memcmp(t.p, p, n) == 0;
}

static const struct key *key_named(struct http_text name)
{
	for (size_t i = 0; i < NKEYS; i++)
		if (equal(name, keys[i].text, strlen(keys[i].text)))
			return &keys[i];
	return NULL;
}

/* the number of a word in a list with blanks, -1 when it is none of them */
static int word_number(const char *words, struct http_text t)
{
	size_t k;

	for (int i = 0; *words; i++) {
		k = strcspn(words, " ");
		if (equal(t, words, k))
			return i;
		words += k + (words[k] == ' ');
	}
	return -1;
}

int q_word(const char *words, const char *p, size_t n)
{
	char lower[32];

	for (size_t i = 0; i < n && i < sizeof lower; i++)
		lower[i] = (char)fold((unsigned char)p[i]);
	return n > sizeof lower ? -1 : word_number(words, (struct http_text){ lower, n });
}

void q_init(struct quirks *q)
{
	*q = (struct quirks){
		.efforts = 1U << EFFORT_LOW | 1U << EFFORT_MEDIUM | 1U << EFFORT_HIGH,
		.usage = true,
		.stop = 4,
		.path = "/v1",
	};
}

/* ---- numbers: -1 is refused ---- */

static int64_t effort_set(struct http_text list)
{
	struct http_text word;
	unsigned set = 0;
	int i;

	while (list.n > 0) {
		http_cut(&list, ',', &word);
		i = word_number(effort_words, word);
		if (i < 0)
			return -1;
		set |= 1U << i;
	}
	return set > 0 ? (int64_t)set : -1;
}

static int64_t number(const struct key *k, struct http_text t)
{
	int i;

	switch (k->kind) {
	case WORD: return word_number(q_text(k->text, 1), t);
	case WHOLE: return http_number(t, k->limit);
	case EFFORT_LIST: return effort_set(t);
	}
	i = word_number("0 1 off on false true no yes", t);
	return i < 0 ? i : i & 1;
}

/* ---- texts: each returns NULL, or why it is refused ---- */

static const char *path_bad(struct http_text t)
{
	if (t.n > 0 && t.p[0] != '/')
		return "a path begins with /";
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] <= ' ' || (unsigned char)t.p[i] >= 0x7f || memchr("\"#%<>?\\^`{|}", t.p[i], 12))
			return "a character no path can have";
	return NULL;
}

static const char *names_bad(struct http_text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] != ',' && !is_token((unsigned char)t.p[i]))
			return "a character no name can have";
	return NULL;
}

/* shorter than the room of extra */
static const char *object_bad(struct http_text t)
{
	char text[sizeof ((struct quirks *)0)->extra];
	struct j_err err;

	memcpy(text, t.p, t.n);
	if (t.n > 0 && (text[0] != '{' || j_check(text, t.n, &err) != 0))
		return "not a JSON object";
	return memcmp(text, t.p, t.n) != 0 ? "half of a surrogate pair" : NULL;
}

const char *q_field_bad(const char *name, size_t n, const char *value, size_t nvalue)
{
	static const char refused[] = "content-length transfer-encoding connection keep-alive proxy-connection te "
		"trailer upgrade expect content-encoding accept-encoding";

	if (n == 0)
		return "a header without a name";
	for (size_t i = 0; i < n; i++)
		if (!is_token((unsigned char)name[i]))
			return "a header name holds letters, digits and - only";
	for (size_t i = 0; i < nvalue; i++)
		if (!is_text((unsigned char)value[i]))
			return "a header value cannot hold control characters";
	if (q_word(refused, name, n) >= 0)
		return "this header is the proxy's own to set: it frames the message";
	return NULL;
}

static const char *fields_bad(struct http_text list)
{
	struct http_text value, name;
	const char *bad;

	while (list.n > 0) {
		http_cut(&list, '|', &value);
		http_cut(&value, ':', &name);
		if (!value.p)
			return "a header is Name: value";
		value = http_trim(value.p, value.n);
		bad = q_field_bad(name.p, name.n, value.p, value.n);
		if (bad)
			return bad;
	}
	return NULL;
}

static const char *text_bad(const struct key *k, struct http_text t)
{
	if (t.n >= k->limit)
		return "too long";
	switch (k->kind) {
	case PATH: return path_bad(t);
	case FIELDS: return fields_bad(t);
	case NAMES: return names_bad(t);
	}
	return object_bad(t);
}

static const char *set(struct quirks *q, const struct key *k, struct http_text t)
{
	char *field = (char *)q + k->offset;
	const char *bad;
	int64_t v;
	unsigned u;

	if (k->kind < PATH) {
		v = number(k, t);
		u = (unsigned)v;
		if (v >= 0)
			memcpy(field, &u, sizeof u);
		return v < 0 ? "not what this setting may be" : NULL;
	}
	bad = text_bad(k, t);
	if (bad)
		return bad;
	while (k->kind == PATH && t.n > 0 && t.p[t.n - 1] == '/')
		t.n--;
	/* no byte of an earlier text stays: equal settings are equal bytes */
	memset(field, 0, k->limit);
	memcpy(field, t.p, t.n);
	return NULL;
}

/* ---- "key=value key=value" ---- */

/* bytes of the object that begins at p, 0 when it does not end */
static size_t object_length(const char *p, size_t n)
{
	bool text = false;
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (text && p[i] == '\\') {
			i++;
		} else if (p[i] == '"') {
			text = !text;
		} else if (!text && p[i] == '{') {
			depth++;
		} else if (!text && p[i] == '}' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

/* finds the value at p; returns the bytes used, or 0 when a quote or brace is not closed */
static size_t value_at(const char *p, size_t n, struct http_text *value)
{
	const char *close;

	*value = (struct http_text){ p, 0 };
	if (n > 0 && (*p == '"' || *p == '\'')) {
		close = memchr(p + 1, *p, n - 1);
		value->p++;
		value->n = close ? (size_t)(close - p) - 1 : 0;
		return close ? value->n + 2 : 0;
	}
	if (n > 0 && *p == '{')
		return value->n = object_length(p, n);
	while (value->n < n && !is_space((unsigned char)p[value->n]))
		value->n++;
	return value->n;
}

/* one setting at p; *used gets its length */
static const char *apply_one(struct quirks *q, const char *p, size_t n, size_t *used)
{
	const char *equals = memchr(p, '=', n);
	const struct key *k = equals ? key_named((struct http_text){ p, (size_t)(equals - p) }) : NULL;
	struct http_text value;
	size_t after;

	if (!equals)
		return "a setting without =";
	if (!k)
		return "no setting has this name";
	*used = (size_t)(equals - p) + 1;
	p += *used;
	n -= *used;
	after = value_at(p, n, &value);
	if (after == 0 && n > 0 && !is_space((unsigned char)*p))
		return "a quote or brace is not closed";
	if (after < n && !is_space((unsigned char)p[after]))
		return "text behind the closing quote or brace";
	for (size_t i = 0; i < value.n; i++)
		if (!is_text((unsigned char)value.p[i]))
			return "a control character";
	*used += after;
	return set(q, k, value);
}

int q_apply(struct quirks *q, const char *settings, size_t n, const char **why, size_t *at)
{
	struct quirks next = *q;
	size_t used = 0;

	for (*at = 0; *at < n; *at += used) {
		used = 1;
		if (is_space((unsigned char)settings[*at]))
			continue;
		if (settings[*at] == '#')
			break;
		*why = apply_one(&next, settings + *at, n - *at, &used);
		if (*why)
			return -1;
	}
	*q = next;
	return 0;
}

/* ---- showing ---- */

/* the words whose bits are set, with commas */
static void show_words(const char *words, unsigned set, char *dst, size_t room)
{
	size_t at = 0, n;

	for (dst[0] = 0; set > 0; set >>= 1) {
		n = strcspn(words, " ");
		if ((set & 1) && at < room)
			at += fmt(dst + at, room - at, "%s%.*s", at > 0 ? "," : "", (int)n, words);
		words += n + (words[n] == ' ');
	}
}

size_t q_show(const struct quirks *q, size_t i, char *dst, size_t room)
{
	const struct key *k = &keys[i];
	const char *field = (const char *)q + k->offset;
	unsigned v;

	memcpy(&v, field, sizeof v);
	if (k->kind >= PATH)
		fmt(dst, room, "%s", field);
	else if (k->kind == WHOLE)
		fmt(dst, room, "%u", v);
	else if (k->kind == EFFORT_LIST)
		show_words(effort_words, v, dst, room);
	else
		show_words(q_text(k->text, 1), 1U << v, dst, room);
	return strlen(dst);
}
