/*
 * What requests ask of a configuration: which model, which settings, whether a
 * key is right. Pure.
 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "http_char.h"

void cfg_quirks_told(const struct config *c, const struct q_place *place, struct quirks *q)
{
	const struct http_text version = { "AZURE_API_VERSION", 17 }, options = { "UP_*", 4 }, none = { "", 0 };
	const char *why;
	size_t at;

	q_init(q);
	q->native = c->target.native;
	(void)q_rows(q, NULL, place, &why, &at);
	if (*c->azure_api_version && !q->native)
		q->auth = AUTH_API_KEY;
	if (place->matched)
		place->matched(place->ctx, q, &version, &none);
	if (c->quirk_rows)
		(void)q_rows(q, c->quirk_rows, place, &why, &at);
	(void)q_apply(q, c->up_settings, strlen(c->up_settings), &why, &at);
	if (place->matched)
		place->matched(place->ctx, q, &options, &none);
}

void cfg_quirks(const struct config *c, const char *model, struct quirks *q)
{
	cfg_quirks_told(c, &(struct q_place){ .host = c->target.host, .port = c->target.port, .model = model }, q);
}

bool cfg_header(const struct config *c, const char *name, size_t n)
{
	for (size_t i = 0; i < c->nheaders; i++)
		if (strlen(c->headers[i].name) == n && strncasecmp(c->headers[i].name, name, n) == 0)
			return true;
	return false;
}

const char *cfg_key_next(const char *text)
{
	return text + strlen(text) + 1;
}

const char *cfg_client_key(const struct config *c)
{
	return *c->anthropic_api_key || c->nkeys == 0 ? c->anthropic_api_key : cfg_key_next(c->client_keys);
}

/* 1 when it is this one, which is not empty; else 0 */
static unsigned is_key(const char *want, const char *key, size_t n)
{
	size_t k = strlen(want), j = 0;
	volatile unsigned differ = (n != k) | (k == 0);

	for (size_t i = 0; i < n; i++) {
		differ |= (unsigned char)(key[i] ^ want[j]);
		j = j + 1 < k ? j + 1 : 0;
	}
	return (differ - 1) >> (sizeof differ * 8 - 1);
}

bool cfg_key_ok(const struct config *c, const char *key, size_t n, const char **name)
{
	const char *at = c->client_keys;
	volatile unsigned found = is_key(c->anthropic_api_key, key, n), where = 0;

	for (unsigned i = 1; i <= (unsigned)c->nkeys; i++) {
		unsigned same = is_key(cfg_key_next(at), key, n);
		found |= same;
		where |= (0 - same) & i;
		at = cfg_key_next(cfg_key_next(at));
	}
	*name = "";
	at = c->client_keys;
	for (unsigned i = 1; i <= where; i++) {
		*name = at;
		at = cfg_key_next(cfg_key_next(at));
	}
	return found != 0 || !c->asks_key;
}

const char *cfg_entry(const char **list, size_t *n)
{
	const char *p = *list + strspn(*list, " ,");

	*n = strcspn(p, " ,");
	*list = p + *n;
	return *n > 0 ? p : NULL;
}

bool cfg_listed(const char *list, const char *p, size_t n)
{
	const char *entry;
	size_t k;

	while ((entry = cfg_entry(&list, &k)) != NULL)
		if (k == n && strncasecmp(entry, p, n) == 0)
			return true;
	return false;
}

/* ---- models ---- */

struct id {
	const char *p;
	size_t n;
};

static bool has_head(struct id s, const char *word)
{
	size_t k = strlen(word);

	return s.n >= k && strncasecmp(s.p, word, k) == 0;
}

/* where a lower-case word begins in it, case folded; its end when it is not there */
static size_t find(struct id s, const char *word)
{
	size_t i = 0;

	while (i < s.n && !has_head((struct id){ s.p + i, s.n - i }, word))
		i++;
	return i;
}

static struct id behind(struct id s, size_t n)
{
	return (struct id){ s.p + n, s.n - n };
}

static struct id without_window(struct id s)
{
	if (s.n >= 4 && strncasecmp(s.p + s.n - 4, "[1m]", 4) == 0)
		s.n -= 4;
	return s;
}

/* the id without "vendor/" and without "region.anthropic."; *own: the vendor, if any, is Anthropic */
static struct id bare(struct id s, bool *own)
{
	size_t dot;

	*own = has_head(s, "anthropic/") || !memchr(s.p, '/', s.n);
	while (memchr(s.p, '/', s.n))
		s = behind(s, (size_t)((const char *)memchr(s.p, '/', s.n) - s.p) + 1);
	dot = find(s, "anthropic.");
	return dot < s.n ? behind(s, dot + strlen("anthropic.")) : s;
}

/* "claude" alone or before anything but a letter or digit */
static bool is_claude(struct id s)
{
	return has_head(s, "claude") && (s.n == 6 || (!is_letter((unsigned char)s.p[6]) && !is_digit((unsigned char)s.p[6])));
}

/* the word alone, or before a version: sonnet-4-5 */
static bool is_word(struct id s, const char *word)
{
	size_t k = strlen(word);

	return has_head(s, word) && (s.n == k || (s.n > k + 1 && s.p[k] == '-' && is_digit((unsigned char)s.p[k + 1])));
}

static bool is_id(struct id s, const char *model)
{
	return s.n == strlen(model) && memcmp(s.p, model, s.n) == 0;
}

/* the configured model that the id stands for, NULL when it stands for itself; and why */
static const char *tier(const struct config *c, struct id s, const char **rule)
{
	const char *const models[] = { c->small_model, c->middle_model, c->big_model, c->big_model };
	static const char *const words[] = { "haiku", "sonnet", "opus", "default" };
	bool own, claude;

	*rule = "no model";
	if (s.n == 0)
		return c->big_model;
	*rule = "passed on";
	if (is_id(s, c->big_model) || is_id(s, c->middle_model) || is_id(s, c->small_model))
		return NULL;
	s = bare(s, &own);
	claude = is_claude(s);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (claude ? find(s, words[i]) < s.n : own && is_word(s, words[i])) {
			*rule = words[i];
			return models[i];
		}
	if (!claude)
		return NULL;
	*rule = "claude";
	return c->big_model;
}

size_t cfg_model(const struct config *c, const char *id, size_t n, char *dst, size_t room)
{
	struct id s = without_window((struct id){ id, n });
	const char *rule, *model = tier(c, s, &rule);

	return model ? fmt(dst, room, "%s", model) : fmt(dst, room, "%.*s", (int)s.n, s.p);
}

const char *cfg_model_rule(const struct config *c, const char *id, size_t n)
{
	const char *rule;

	(void)tier(c, without_window((struct id){ id, n }), &rule);
	return rule;
}
