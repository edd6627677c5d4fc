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

#include "http_char.h"
#include "json.h"

/* ---- keys ---- */

enum kind { WORD, FLAG, WHOLE, EFFORT_LIST, PATH, FIELDS, NAMES, OBJECT };

struct key {
	const char *name;
	enum kind kind;
	size_t offset, size;
	const char *values;	/* WORD: the words in the order of the enum; else what it may be, for people */
	const char *doc;
	int max;		/* WHOLE */
};

/* enums are read and written as unsigned, bools as bool */
typedef char enums_are_unsigned[sizeof(enum q_think) == sizeof(unsigned) ? 1 : -1];

#define NUMBER(name, max, values, doc) \
	{ #name, WHOLE, offsetof(struct quirks, name), sizeof ((struct quirks *)0)->name, values, doc, max }
#define KEY(name, kind, values, doc) \
	{ #name, kind, offsetof(struct quirks, name), sizeof ((struct quirks *)0)->name, values, doc, 0 }

static const struct key keys[] = {
	KEY(path, PATH, "a path", "stands before /chat/completions when the base URL has no path"),
	KEY(auth, WORD, "bearer api-key none", "how the key is sent: Authorization: Bearer, api-key, or not at all"),
	KEY(headers, FIELDS, "Name: value|Name: value", "further fields of every request"),
	KEY(maxtok, WORD, "max_tokens max_completion_tokens none", "the name of the output limit"),
	KEY(temp, WORD, "drop1 omit pass unit gt0",
		"temperature: left out when 1, never sent, as it is, clamped to 0..1, clamped to (0,1]"),
	KEY(drop, NAMES, "a comma list", "top-level names that are never sent"),
	NUMBER(stop, 64, "0 to 64", "most stop sequences sent"),
	KEY(usage, FLAG, "on off", "ask for usage in streams (stream_options)"),
	KEY(tool_choice, WORD, "full strings any auto none",
		"objects allowed, words only, \"any\" for required, always auto, never sent"),
	KEY(tool_id, WORD, "keep mistral9", "form of tool call ids: as they are, or nine letters and digits"),
	KEY(tool_text, WORD, "merge user", "text behind tool results: in the last of them, or a user message of its own"),
	KEY(tool_name, FLAG, "0 1", "put the tool's name into tool messages"),
	KEY(tool_stream, FLAG, "0 1", "send tool_stream: true, for arguments that come in pieces"),
	KEY(schema, WORD, "light gemini moonshot xai grammar", "dialect that tool schemas are cleaned for"),
	KEY(images, WORD, "data none", "images as data URLs, or a note in their place"),
	KEY(files, WORD, "none openai", "PDF files: a note in their place, or file parts"),
	KEY(think, WORD, "none effort type enable template openrouter gemini adaptive",
		"how thinking and its depth are asked for"),
	KEY(efforts, EFFORT_LIST, "a comma list of none minimal low medium high xhigh max",
		"effort words that the model accepts; others go to the nearest"),
	KEY(echo, WORD, "auto none reasoning_content reasoning details tags mistral copilot gemini",
		"form in which reasoning goes back; auto: as it came"),
	KEY(echo_all, FLAG, "0 1", "send reasoning back on every assistant message, not only with tool calls"),
	KEY(echo_fill, WORD, "none empty dot", "what is sent where reasoning must go back and there is none"),
	KEY(think_tags, WORD, "head open off",
		"<think> in answers: at the head of the text, answer begins inside it, plain text"),
	KEY(heal, WORD, "auto off kimi deepseek", "tool calls that leak into the text: every known markup, none, one"),
	KEY(stream, WORD, "asked always", "stream from the provider as the client asked, or always"),
	KEY(system, WORD, "reminder inline merge",
		"system messages inside the history: marked user text, as they are, moved to the head"),
	KEY(cumulative, WORD, "off reasoning args", "what comes as growing snapshots instead of pieces"),
	KEY(empty_length, FLAG, "0 1", "an empty answer that ends with length means that the prompt was too long"),
	KEY(cache, WORD, "strip anthropic key copilot", "prompt cache control that the provider takes"),
	NUMBER(idle, 86400, "0 to 86400", "seconds without progress before the provider counts as dead"),
	KEY(extra, OBJECT, "a JSON object", "merged into every request last"),
};
#define NKEYS (sizeof keys / sizeof *keys)

static const char effort_words[] = "none minimal low medium high xhigh max";

static const struct key *key_named(const char *p, size_t n)
{
	for (size_t i = 0; i < NKEYS; i++)
		if (strlen(keys[i].name) == n && memcmp(keys[i].name, p, n) == 0)
			return &keys[i];
	return NULL;
}

/* the number of a word in a list with blanks, -1 when it is none of them */
static int word_number(const char *words, const char *p, size_t n)
{
	size_t k;

	for (int i = 0; *words; i++) {
		k = strcspn(words, " ");
		if (k == n && memcmp(words, p, n) == 0)
			return i;
		words += k + (words[k] == ' ');
	}
	return -1;
}

static const char *word_at(const char *words, unsigned i, size_t *n)
{
	for (; i > 0; i--)
		words += strcspn(words, " ") + 1;
	*n = strcspn(words, " ");
	return words;
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

/* ---- values: each returns NULL, or why it is refused ---- */

static void *field(struct quirks *q, const struct key *k)
{
	return (char *)q + k->offset;
}

static const char *set_word(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	int i = word_number(k->values, p, n);
	unsigned v = (unsigned)i;

	if (i < 0)
		return "not one of the words that this setting knows";
	memcpy(field(q, k), &v, sizeof v);
	return NULL;
}

static const char *set_flag(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	int i = word_number("0 1 off on false true no yes", p, n);
	bool v = i & 1;

	if (i < 0)
		return "neither on nor off";
	memcpy(field(q, k), &v, sizeof v);
	return NULL;
}

static const char *set_whole(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	int v = 0;

	if (n == 0 || n > 5)
		return "not a number that this setting can have";
	for (size_t i = 0; i < n; i++) {
		if (!is_digit((unsigned char)p[i]))
			return "not a whole number";
		v = v * 10 + (p[i] - '0');
	}
	if (v > k->max)
		return "a number above what this setting can have";
	memcpy(field(q, k), &v, sizeof v);
	return NULL;
}

/* the next piece of a list: *p..*end lose it, with its separator */
static const char *piece(const char **p, const char *end, char separator, size_t *n)
{
	const char *begin = *p;
	const char *stop = memchr(begin, separator, (size_t)(end - begin));

	*n = (size_t)((stop ? stop : end) - begin);
	*p = stop ? stop + 1 : end;
	return begin;
}

static const char *set_efforts(struct quirks *q, const char *p, size_t n)
{
	const char *end = p + n, *word;
	unsigned set = 0;
	int i;

	while (p < end) {
		word = piece(&p, end, ',', &n);
		i = word_number(effort_words, word, n);
		if (i < 0)
			return "not a list of effort words (none, minimal, low, medium, high, xhigh, max)";
		set |= 1U << i;
	}
	if (set == 0)
		return "an empty list of effort words";
	q->efforts = set;
	return NULL;
}

static const char *set_text(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	char *dst = field(q, k);

	if (n >= k->size)
		return "too long";
	/* no byte of an earlier text stays: equal settings are equal bytes */
	memset(dst, 0, k->size);
	memcpy(dst, p, n);
	return NULL;
}

static const char *set_path(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	if (n > 0 && p[0] != '/')
		return "a path begins with /";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] <= ' ' || (unsigned char)p[i] >= 0x7f || memchr("\"#%<>?\\^`{|}", p[i], 12))
			return "a character that cannot stand in a path";
	while (n > 0 && p[n - 1] == '/')
		n--;
	return set_text(q, k, p, n);
}

static const char *set_names(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ',' && !is_token((unsigned char)p[i]))
			return "a character that cannot stand in a list of names";
	return set_text(q, k, p, n);
}

static const char *set_object(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	char text[sizeof q->extra];
	struct j_err err;

	if (n >= sizeof text)
		return "too long";
	memcpy(text, p, n);
	if (n > 0 && (p[0] != '{' || j_check(text, n, &err) != 0))
		return "not a JSON object";
	return set_text(q, k, text, n);
}

const char *q_field_bad(const char *name, size_t n, const char *value, size_t nvalue)
{
	static const char refused[] = "content-length transfer-encoding connection keep-alive proxy-connection te "
		"trailer upgrade expect content-encoding accept-encoding";
	char lower[32];

	if (n == 0)
		return "a header without a name";
	for (size_t i = 0; i < n; i++)
		if (!is_token((unsigned char)name[i]))
			return "a header name may hold letters, digits and - only";
	for (size_t i = 0; i < nvalue; i++)
		if (!is_text((unsigned char)value[i]))
			return "a header value cannot hold control characters";
	for (size_t i = 0; i < n && i < sizeof lower; i++)
		lower[i] = (char)fold((unsigned char)name[i]);
	if (n <= sizeof lower && word_number(refused, lower, n) >= 0)
		return "this header is the proxy's own to set: it frames the message";
	return NULL;
}

/* one "Name: value" of a list; what comes of it points into the text */
static void split_header(const char *p, size_t n, const char **name, size_t *nname, const char **value, size_t *nvalue)
{
	const char *end = p + n;

	while (p < end && is_space((unsigned char)*p))
		p++;
	*name = piece(&p, end, ':', nname);
	while (p < end && is_space((unsigned char)*p))
		p++;
	while (end > p && is_space((unsigned char)end[-1]))
		end--;
	*value = p;
	*nvalue = (size_t)(end - p);
}

static const char *set_headers(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	const char *at = p, *end = p + n, *one, *name, *value, *bad;
	size_t none, nname, nvalue;

	while (at < end) {
		one = piece(&at, end, '|', &none);
		if (!memchr(one, ':', none))
			return "a header is Name: value";
		split_header(one, none, &name, &nname, &value, &nvalue);
		bad = q_field_bad(name, nname, value, nvalue);
		if (bad)
			return bad;
	}
	return set_text(q, k, p, n);
}

bool q_header(const struct quirks *q, size_t *at, const char **name, size_t *n, const char **value, size_t *nvalue)
{
	const char *p = q->headers + *at, *end = p + strlen(p), *one;
	size_t none;

	if (p == end)
		return false;
	one = piece(&p, end, '|', &none);
	*at = (size_t)(p - q->headers);
	split_header(one, none, name, n, value, nvalue);
	return true;
}

static const char *set(struct quirks *q, const struct key *k, const char *p, size_t n)
{
	switch (k->kind) {
	case WORD: return set_word(q, k, p, n);
	case FLAG: return set_flag(q, k, p, n);
	case WHOLE: return set_whole(q, k, p, n);
	case EFFORT_LIST: return set_efforts(q, p, n);
	case PATH: return set_path(q, k, p, n);
	case FIELDS: return set_headers(q, k, p, n);
	case NAMES: return set_names(q, k, p, n);
	case OBJECT: return set_object(q, k, p, n);
	}
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

/* finds the value at p: *from and *len; returns the bytes used, or 0 when a quote or brace is not closed */
static size_t value_at(const char *p, size_t n, size_t *from, size_t *len)
{
	const char *close;

	*from = 0;
	if (n > 0 && (*p == '"' || *p == '\'')) {
		close = memchr(p + 1, *p, n - 1);
		*from = 1;
		*len = close ? (size_t)(close - p) - 1 : 0;
		return close ? *len + 2 : 0;
	}
	if (n > 0 && *p == '{')
		return *len = object_length(p, n);
	for (*len = 0; *len < n && !is_space((unsigned char)p[*len]); ++*len)
		;
	return *len;
}

/* one setting at p; *used gets its length */
static const char *apply_one(struct quirks *q, const char *p, size_t n, size_t *used)
{
	const char *equals = memchr(p, '=', n);
	const struct key *k = equals ? key_named(p, (size_t)(equals - p)) : NULL;
	size_t from, len, after;

	if (!equals)
		return "a setting without =";
	if (!k)
		return "no setting has this name";
	*used = (size_t)(equals - p) + 1;
	p += *used;
	n -= *used;
	after = value_at(p, n, &from, &len);
	if (after == 0 && n > 0 && !is_space((unsigned char)*p))
		return "a quote or brace that is not closed";
	if (after < n && !is_space((unsigned char)p[after]))
		return "text behind the closing quote or brace";
	for (size_t i = 0; i < len; i++)
		if (!is_text((unsigned char)p[from + i]))
			return "a control character";
	*used += after;
	return set(q, k, p + from, len);
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

const char *q_key(size_t i)
{
	return i < NKEYS ? keys[i].name : NULL;
}

const char *q_doc(size_t i)
{
	return i < NKEYS ? keys[i].doc : NULL;
}

const char *q_values(size_t i)
{
	return i < NKEYS ? keys[i].values : NULL;
}

static size_t append(char *dst, size_t room, size_t at, const char *p, size_t n)
{
	if (n > room - 1 - at)
		n = room - 1 - at;
	memcpy(dst + at, p, n);
	dst[at + n] = 0;
	return at + n;
}

static size_t show_efforts(unsigned set, char *dst, size_t room)
{
	const char *word;
	size_t at = 0, n;

	for (unsigned i = 0; i < EFFORTS; i++) {
		if (!(set >> i & 1))
			continue;
		word = word_at(effort_words, i, &n);
		if (at > 0)
			at = append(dst, room, at, ",", 1);
		at = append(dst, room, at, word, n);
	}
	return at;
}

static size_t show_whole(int v, char *dst, size_t room)
{
	char digits[12], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	return append(dst, room, 0, p, (size_t)(digits + sizeof digits - p));
}

size_t q_show(const struct quirks *q, size_t i, char *dst, size_t room)
{
	const struct key *k = &keys[i];
	const char *p = (const char *)q + k->offset;
	unsigned number = 0;
	bool flag = false;
	size_t n;

	dst[0] = 0;
	switch (k->kind) {
	case FLAG:
		memcpy(&flag, p, sizeof flag);
		/* on stands first in the words of one key, 0 in those of the others */
		p = flag ? (k->values[0] == 'o' ? "on" : "1") : (k->values[0] == 'o' ? "off" : "0");
		return append(dst, room, 0, p, strlen(p));
	case WORD:
		memcpy(&number, p, sizeof number);
		p = word_at(k->values, number, &n);
		return append(dst, room, 0, p, n);
	case WHOLE:
		memcpy(&number, p, sizeof number);
		return show_whole((int)number, dst, room);
	case EFFORT_LIST:
		return show_efforts(q->efforts, dst, room);
	case PATH: case FIELDS: case NAMES: case OBJECT:
		break;
	}
	return append(dst, room, 0, p, strlen(p));
}
