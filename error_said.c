/*
 * Unwrapping: arrays, error in error, errors[0], detail (text, or pydantic's
 * list), base_resp, flat objects, strings, JSON in strings, JSON behind words,
 * HTML, text. The innermost words win; OpenRouter's metadata.raw is innermost.
 * Bounded: NEST levels of wrapping, and JSON in strings up to NESTED_MAX bytes.
 */
#include <string.h>

#include "error_said.h"
#include "log.h"

#define NEST 10			/* levels of wrapping: objects, arrays and strings each count */
#define NESTED_MAX 4096		/* bytes of JSON within a string */
#define HTML_TEXT 400		/* bytes of a page's text: its title and first lines */

static void value_at(struct said *s, struct j_val v, int nest);

/* ---- text ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* a byte order mark, and white space */
static void trim_body(const char **p, size_t *n)
{
	if (*n >= 3 && memcmp(*p, "\xef\xbb\xbf", 3) == 0) {
		*p += 3;
		*n -= 3;
	}
	trim(p, n);
}

/* the first words win */
static void take_text(struct said *s, const char *p, size_t n)
{
	trim_body(&p, &n);
	if (s->text[0] == '\0')
		error_clean(s->text, sizeof s->text, p, n);
}

static void add_text(struct said *s, const char *p)
{
	size_t n = strlen(s->text);

	error_clean(s->text + n, sizeof s->text - n, p, strlen(p));
}

static void add_tag(struct said *s, const char *p, size_t n)
{
	size_t at = strlen(s->tags);

	if (n == 0 || at + n + 2 > sizeof s->tags)
		return;
	at += error_clean(s->tags + at, sizeof s->tags - at, p, n);
	if (at + 1 < sizeof s->tags) {
		s->tags[at] = ' ';
		s->tags[at + 1] = '\0';
	}
}

/* ---- JSON in text ---- */

/* whether p[0..n) is JSON that says something */
static bool take_json(struct said *s, const char *p, size_t n, int nest)
{
	struct j_err err;

	/* j_check_keep takes its text as writable and leaves it as it is */
	if (n == 0 || nest == 0 || j_check_keep((char *)p, n, &err) != 0)
		return false;
	value_at(s, j_root(p, n), nest - 1);
	return s->text[0] != '\0';
}

/* JSON with words or an event's field name around it */
static bool take_inner_json(struct said *s, const char *p, size_t n, int nest)
{
	const char *from = n > 0 ? memchr(p, '{', n) : NULL, *to = p + n;

	if (from == NULL)
		return false;
	while (to > from && to[-1] != '}')
		to--;
	return take_json(s, from, (size_t)(to - from), nest);
}

/* a message that is JSON itself: Google's and AWS's errors behind relays */
static bool take_nested(struct said *s, struct j_val string, int nest)
{
	char text[NESTED_MAX];
	size_t n = j_length(string);
	const char *p = text;

	if (n >= sizeof text || nest == 0)
		return false;
	n = j_copy(string, text, sizeof text);
	trim_body(&p, &n);
	if (n == 0 || (*p != '{' && *p != '[' && strncmp(p, "data:", 5) != 0))
		return false;
	return take_json(s, p, n, nest) || take_inner_json(s, p, n, nest);
}

static void take_string(struct said *s, struct j_val string, int nest)
{
	const char *p = s->text;
	size_t n;

	if (string.type != J_STRING || s->text[0] != '\0' || j_blank(string))
		return;
	if (take_nested(s, string, nest))
		return;
	n = j_copy(string, s->text, sizeof s->text - 1);
	trim_body(&p, &n);
	error_clean(s->text, sizeof s->text, p, n);
}

/* ---- numbers and names ---- */

static void take_code(struct said *s, struct j_val v)
{
	int64_t code;

	if (!j_whole(v, &code))
		return;
	if (code >= 400 && code <= 599) {
		if (s->status == 0)
			s->status = (int)code;
	} else if (s->code == 0 && code > 0) {
		s->code = code;
	}
}

static void take_tag(struct said *s, struct j_val v)
{
	char text[128];

	if (v.type == J_STRING)
		add_tag(s, text, j_copy(v, text, sizeof text));
	else if (v.type == J_NUMBER && v.n < sizeof text)
		add_tag(s, v.p, v.n);
}

static void take_param(struct said *s, struct j_val v)
{
	if (v.type == J_STRING && s->param[0] == '\0' && j_length(v) < sizeof s->param)
		j_text(v, s->param, sizeof s->param);
	take_tag(s, v);
}

static void take_count(int64_t *count, struct j_val v)
{
	if (v.type == J_NUMBER && *count == 0)
		j_whole(v, count);
}

/* google.rpc.RetryInfo and QuotaFailure */
static void take_details(struct said *s, struct j_val details)
{
	struct j_val item = { 0 };

	while (j_item(details, &item)) {
		struct j_val delay = j_get(item, "retryDelay"), violation = { 0 };
		char text[32];

		if (delay.type == J_STRING && s->delay < 0) {
			j_text(delay, text, sizeof text);
			s->delay = said_duration(text);
		}
		take_tag(s, j_get(item, "reason"));
		while (j_item(j_get(item, "violations"), &violation))
			take_tag(s, j_get(violation, "quotaId"));
	}
}

/* ---- shapes ---- */

/* pydantic: {"type","loc":["body","messages",2,"name"],"msg"} becomes "body.messages.2.name: msg" */
static void take_pydantic(struct said *s, struct j_val item)
{
	struct j_val loc = j_get(item, "loc"), msg = j_get(item, "msg"), part = { 0 };
	char text[256];

	if (s->text[0] != '\0' || msg.type != J_STRING)
		return;
	while (j_item(loc, &part)) {
		size_t n = j_text(part, text, sizeof text);

		if (part.type == J_NUMBER && part.n < 16)
			fmt(text, sizeof text, "%.*s", (int)part.n, part.p);
		else if (part.type == J_STRING && n < sizeof s->param)
			memcpy(s->param, text, n + 1);
		add_text(s, s->text[0] != '\0' ? "." : "");
		add_text(s, text);
	}
	add_text(s, s->text[0] != '\0' ? ": " : "");
	j_text(msg, text, sizeof text);
	add_text(s, text);
	take_tag(s, j_get(item, "type"));
}

static void take_list(struct said *s, struct j_val list, int nest)
{
	struct j_val item = { 0 };

	while (s->text[0] == '\0' && j_item(list, &item)) {
		if (j_get(item, "loc").type == J_ARRAY)
			take_pydantic(s, item);
		else
			value_at(s, item, nest);
	}
}

/* OpenRouter: what the provider behind it said, in whatever shape; the status is OpenRouter's own */
static void take_metadata(struct said *s, struct j_val metadata, int nest)
{
	struct j_val raw = j_get(metadata, "raw"), name = j_get(metadata, "provider_name");
	char text[93];

	value_at(s, raw, nest);
	s->status = 0;
	if (s->text[0] == '\0' || name.type != J_STRING)
		return;
	j_text(name, text, sizeof text);
	add_text(s, " (");
	add_text(s, text);
	add_text(s, ")");
}

enum meaning { INNER = 1, WORDS, METADATA, DETAILS, CONTAINER, NAME, CODE, TAG, PARAM, PROMPT, LIMIT };

/*
 * The members with their meaning in front of the name, in this order: what is
 * inside goes before what is beside it.
 */
static const char members[] =
	"\3metadata\0" "\4details\0" "\5error\0" "\1errors\0" "\1detail\0" "\1base_resp\0" "\2message\0" "\2Message\0" "\2msg\0"
	"\2status_msg\0" "\2error_msg\0" "\2error_description\0" "\2title\0" "\6error\0" "\7status_code\0" "\7statusCode\0"
	"\7error_code\0" "\7code\0" "\7status\0" "\10type\0" "\10__type\0" "\11param\0" "\12n_prompt_tokens\0" "\13n_ctx\0";

static void take_member(struct said *s, enum meaning meaning, struct j_val v, int nest)
{
	switch (meaning) {
	case METADATA:
		take_metadata(s, v, nest);
		return;
	case DETAILS:
		take_details(s, v);
		return;
	case CONTAINER:
		if (v.type != J_STRING)
			value_at(s, v, nest);
		return;
	case INNER:
		value_at(s, v, nest);
		return;
	case WORDS:
		if (s->text[0] == '\0')
			value_at(s, v, nest);
		return;
	case NAME:
		/* {"error":"Not Found","message":"..."} has a name and a text; alone it is the text */
		if (s->text[0] == '\0')
			take_string(s, v, nest);
		else
			take_tag(s, v);
		return;
	case CODE:
		take_code(s, v);
		take_tag(s, v);
		return;
	case TAG:
		take_tag(s, v);
		return;
	case PARAM:
		take_param(s, v);
		return;
	case PROMPT:
		take_count(&s->prompt, v);
		return;
	case LIMIT:
		take_count(&s->limit, v);
		return;
	}
}

static void object_at(struct said *s, struct j_val object, int nest)
{
	for (const char *m = members; *m != '\0'; m += strlen(m) + 1)
		take_member(s, (enum meaning)*m, j_get(object, m + 1), nest);
}

static void value_at(struct said *s, struct j_val v, int nest)
{
	if (nest == 0)
		return;
	if (v.type == J_OBJECT)
		object_at(s, v, nest - 1);
	else if (v.type == J_ARRAY)
		take_list(s, v, nest - 1);
	else
		take_string(s, v, nest);
}

/* ---- HTML ---- */

static bool same_word(const char *p, size_t n, const char *word)
{
	for (; *word != '\0'; p++, n--, word++)
		if (n == 0 || lower(*p) != *word)
			return false;
	return true;
}

static const char *find_word(const char *p, const char *end, const char *word)
{
	for (; p < end; p++)
		if (same_word(p, (size_t)(end - p), word))
			return p;
	return NULL;
}

static bool is_html(const char *p, size_t n)
{
	const char *tags = "<html|<!doctype|<head|<body|<title|<h1";
	const char *end = p + (n < 1024 ? n : 1024);
	char tag[WORD];

	while (n > 0 && *p == '<' && next_word(&tags, tag) > 0)
		if (find_word(p, end, tag) != NULL)
			return true;
	return false;
}

/* the character that an entity at p stands for and the bytes it takes; 0 when it is none of the common ones */
static char entity(const char *p, size_t n, size_t *used)
{
	static const struct {
		char name[7], c;
	} rows[] = {
		{ "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&#39;", '\'' },
		{ "&apos;", '\'' }, { "&nbsp;", ' ' },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (same_word(p, n, rows[i].name)) {
			*used = strlen(rows[i].name);
			return rows[i].c;
		}
	}
	return '\0';
}

/* behind the tag at p; scripts and styles with what they hold */
static const char *behind_tag(const char *p, const char *end)
{
	static const char hidden[][2][9] = {
		{ "<script", "</script" }, { "<style", "</style" }, { "<!--", "-->" }, { "<svg", "</svg" },
	};
	const char *close = p;

	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		if (same_word(p, (size_t)(end - p), hidden[i][0]))
			close = find_word(p, end, hidden[i][1]);
	if (close == NULL)
		return end;
	close = memchr(close, '>', (size_t)(end - close));
	return close != NULL ? close + 1 : end;
}

/* the text of p..end without tags, white space folded, into dst; its length */
static size_t html_text(const char *p, const char *end, char *dst, size_t room)
{
	size_t n = 0, used;

	while (p < end && n + 1 < room) {
		char c = *p;

		if (c == '<') {
			p = behind_tag(p, end);
			c = ' ';
		} else if (c == '&' && (c = entity(p, (size_t)(end - p), &used)) != '\0') {
			p += used;
		} else {
			c = *p++;
		}
		if (is_white(c))
			c = ' ';
		if (c != ' ' || (n > 0 && dst[n - 1] != ' '))
			dst[n++] = c;
	}
	while (n > 0 && dst[n - 1] == ' ')
		n--;
	dst[n] = '\0';
	return n;
}

/* the title, and the page's text where it says more */
static void take_html(struct said *s, const char *p, size_t n)
{
	const char *end = p + n, *title = find_word(p, end, "<title"), *close = NULL, *body;
	char head[HTML_TEXT / 2], text[HTML_TEXT];
	size_t nhead = 0;

	s->html = true;
	if (title != NULL)
		close = find_word(title, end, "</title");
	if (close != NULL)
		nhead = html_text(title, close, head, sizeof head);
	body = find_word(p, end, "<body");
	if (body == NULL)
		body = close != NULL ? close : p;
	html_text(body, end, text, sizeof text);
	if (nhead > 0 && strncmp(text, head, nhead) != 0) {
		take_text(s, head, nhead);
		add_text(s, text[0] != '\0' ? ": " : "");
	}
	add_text(s, text);
}

/* ---- the whole ---- */

static void said_open(struct said *s)
{
	memset(s, 0, sizeof *s);
	s->delay = -1;
}

static void said_close(struct said *s)
{
	size_t n = 0;

	for (const char *p = s->text; *p != '\0'; p++)
		s->all[n++] = lower(*p);
	s->all[n++] = '\n';
	for (const char *p = s->tags; *p != '\0' && n + 1 < sizeof s->all; p++)
		s->all[n++] = lower(*p);
	s->all[n] = '\0';
}

void said_read(struct said *s, const char *body, size_t n)
{
	said_open(s);
	trim_body(&body, &n);
	s->empty = n == 0;
	if (is_html(body, n))
		take_html(s, body, n);
	/* null, {}, [], "": JSON that says nothing */
	else if ((n > 4 || memchr("n{[\"", n > 0 ? *body : ' ', 4) == NULL) && !take_json(s, body, n, NEST) && !take_inner_json(s, body, n, NEST))
		take_text(s, body, n);
	said_close(s);
}

void said_value(struct said *s, struct j_val value)
{
	said_open(s);
	value_at(s, value, NEST);
	s->empty = value.type == J_NONE;
	said_close(s);
}

size_t next_word(const char **words, char word[WORD])
{
	size_t n = strcspn(*words, "|");

	memcpy(word, *words, n);
	word[n] = '\0';
	*words += n + ((*words)[n] == '|');
	return n;
}

/* whether the parts of a word follow each other; cuts it up */
static bool has_parts(const char *text, char *word)
{
	for (;;) {
		size_t n = strcspn(word, "*");
		bool last = word[n] == '\0';

		word[n] = '\0';
		text = strstr(text, word);
		if (text == NULL || last)
			return text != NULL;
		text += n;
		word += n + 1;
	}
}

bool text_has(const char *text, const char *words)
{
	char word[WORD];

	while (next_word(&words, word) > 0)
		if (has_parts(text, word))
			return true;
	return false;
}

bool said_has(const struct said *s, const char *words)
{
	return text_has(s->all, words);
}

size_t text_ends(const char *text, const char *at, const char *words)
{
	char word[WORD];
	size_t n;

	while ((n = next_word(&words, word)) > 0)
		if ((size_t)(at - text) >= n && memcmp(at - n, word, n) == 0)
			return n;
	return 0;
}

size_t text_begins(const char *p, const char *words)
{
	char word[WORD];
	size_t n;

	while ((n = next_word(&words, word)) > 0)
		if (strncmp(p, word, n) == 0)
			return n;
	return 0;
}

/* milliseconds of a unit at p, 0 for none */
static int64_t unit(const char *p)
{
	if (p[0] == 'm')
		return p[1] == 's' ? 1 : 60000;
	if (p[0] == 'h')
		return 3600000;
	return p[0] == 's' ? 1000 : 0;
}

int64_t said_duration(const char *p)
{
	int64_t total = -1;

	while (*p >= '0' && *p <= '9') {
		int64_t thousandths = 0, part = 1000;
		bool point = false;

		for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
			if (*p == '.') {
				point = true;
			} else if (!point && thousandths < 1000000000000) {
				thousandths = 10 * thousandths + 1000 * (*p - '0');
			} else if (point) {
				part /= 10;
				thousandths += part * (*p - '0');
			}
		}
		if (*p == ' ')
			p++;
		int64_t per = unit(p);
		if (per == 0 || thousandths > 1000000000)
			return -1;
		/* up: a wait that is too short is refused again */
		total = (total < 0 ? 0 : total) + (thousandths * per + 999) / 1000;
		while (*p >= 'a' && *p <= 'z')
			p++;
	}
	return total;
}
