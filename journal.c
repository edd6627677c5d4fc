/* What the log says of a connection: one line per request, and at DEBUG heads and bodies with the keys replaced. */
#include "conn.h"

#include <stdlib.h>

#define PIECE 1600		/* bytes of a body in one line */
#define MODEL_SHOWN 96		/* bytes of a model's name */

static int64_t since(const struct conn *c, int64_t then)
{
	return then > 0 ? then - c->began : 0;
}

static const char *route_name(enum route r)
{
	static const char names[][16] = {
		[ROUTE_MESSAGES] = "messages", [ROUTE_COUNT] = "count_tokens", [ROUTE_CHAT] = "chat",
		[ROUTE_MODELS] = "models", [ROUTE_MODEL] = "model", [ROUTE_HEALTH] = "health",
		[ROUTE_TEST] = "test-connection", [ROUTE_ROOT] = "other",
	};

	return names[r];
}

/* at most so much of a model's name, so that the rest of the line is seen */
static size_t shown(size_t n)
{
	return n < MODEL_SHOWN ? n : MODEL_SHOWN;
}

/* Whether a custom header's value is a secret, by the end of its name: "Bearer x" in Authorization, X-Some-Key ... */
static bool carries_key(const char *name)
{
	static const char ends[] = "authorization\0key\0token\0secret\0cookie\0";
	size_t k, n = strlen(name);

	for (const char *end = ends; *end; end += k + 1) {
		k = strlen(end);
		if (n >= k && http_is((struct http_text){ name + n - k, k }, end))
			return true;
	}
	return false;
}

/* whether an answer of the upstream was counted */
static bool counted(const struct conn *c)
{
	return c->converted && c->route != ROUTE_CHAT;
}

static void put_numbers(const struct conn *c, char *dst, size_t room)
{
	const char *key = c->key != NULL ? c->key : "", *by = *key != '\0' ? " key " : "";
	int64_t in, cached, out;

	if (!counted(c)) {
		fmt(dst, room, "from %s%s%s", c->peer, by, key);
		return;
	}
	reply_usage(&c->reply, &in, &cached, &out);
	fmt(dst, room, "in %lld cached %lld out %lld first %m%s%s", (long long)in, (long long)cached, (long long)out,
		since(c, c->first_byte), by, key);
}

/* The same as members of an object. */
static void put_fields(const struct conn *c, char *dst, size_t room)
{
	int64_t in = 0, cached = 0, out = 0;

	if (counted(c))
		reply_usage(&c->reply, &in, &cached, &out);
	fmt(dst, room, ",\"id\":\"%s\",\"route\":\"%s\",\"from\":\"%s\",\"key_name\":\"%s\",\"model\":\"%e\",\"upstream_model\":\"%e\",\"status\":%d,"
		"\"input_tokens\":%lld,\"cached_tokens\":%lld,\"output_tokens\":%lld,\"first_ms\":%lld,\"total_ms\":%lld",
		c->id, route_name(c->route), c->peer, c->key, c->model, shown(c->nmodel), c->up_model, shown(strlen(c->up_model)), c->status,
		(long long)in, (long long)cached, (long long)out, (long long)since(c, c->first_byte),
		(long long)(c->srv->now - c->began));
}

/* After a reload the instance that came of it goes on counting. */
static void add_up(const struct conn *c)
{
	struct instance *inst = c->inst;
	int64_t in, cached, out;

	while (inst->successor != NULL)
		inst = inst->successor;
	inst->totals.requests++;
	inst->totals.errors += c->has_error || c->broken;
	if (!counted(c) || c->status != 200)
		return;
	reply_usage(&c->reply, &in, &cached, &out);
	inst->totals.in += in;
	inst->totals.cached += cached;
	inst->totals.out += out;
}

/* One line, whatever happened: an error's own words stand at the end of it. */
void conn_log(struct conn *c)
{
	enum log_level level = c->has_error || c->broken ? LOG_WARNING : LOG_INFO;
	const char *said = c->has_error ? c->error.message : "", *colon = *said != '\0' ? ": " : "";
	struct log *l = &c->inst->log->log;
	char fields[1024];

	if (c->route == ROUTE_HEALTH && !c->has_error)
		level = LOG_DEBUG;
	else
		add_up(c);
	if (level < c->inst->cfg->log_level)
		return;
	if (l->json) {
		put_fields(c, fields, sizeof fields);
		log_fields(l, level, fields, "%s%s%j", c->why, colon, said, strlen(said));
		return;
	}
	put_numbers(c, fields, sizeof fields);
	log_line(l, level, "%s %s%s%j%s%j %d %s total %m: %s%s%j", c->id, route_name(c->route), c->nmodel > 0 ? " " : "",
		c->model, shown(c->nmodel), c->up_model[0] != '\0' ? " -> " : "", c->up_model, shown(strlen(c->up_model)),
		c->status, fields, c->srv->now - c->began, c->why, colon, said, strlen(said));
}

uint64_t conn_model(const struct conn *c)
{
	return hash_bytes(c->place, strlen(c->place));
}

void conn_counted(struct conn *c)
{
	uint64_t key[3] = { conn_model(c), hash_bytes(c->session_id, strlen(c->session_id)), c->agent };
	int64_t prompt, read;

	/* what a search found is counted with the prompt */
	if (c->facts.search || !reply_counted(&c->reply, &prompt, &read))
		return;
	tokens_learn(&c->inst->calibration, key[0], &c->facts.tokens, prompt);
	if (c->session_id[0] == '\0' ||
			!caches_collapsed(&c->srv->caches, hash_bytes((const char *)key, sizeof key), prompt, read))
		return;
	log_line(&c->inst->log->log, LOG_WARNING, "%s session %s: %s found only %lld of %lld tokens in its prompt cache, again, after"
		" more than 80 %% before: see what changes at the head of the prompt (CLAUDE.md, tools, MCP servers, hooks), pauses"
		" longer than the cache is kept, UP_CACHE", c->id, c->session_id, c->up_model, (long long)read, (long long)prompt);
}

size_t conn_redact(const struct conn *c, char *dst, size_t room, const char *p, size_t n)
{
	const struct config *cfg = c->inst->cfg;
	const char *secrets[3 + CFG_HEADERS_MAX + CFG_KEYS_MAX] = { cfg->openai_api_key, cfg->anthropic_api_key, cfg->requesty_api_key };
	const char *at = cfg->client_keys;
	size_t count = 3;

	for (int i = 0; i < cfg->nkeys; i++, at = cfg_key_next(at))
		secrets[count++] = at = cfg_key_next(at);
	for (size_t i = 0; i < cfg->nheaders; i++)
		if (carries_key(cfg->headers[i].name)) {
			const char *space = strrchr(cfg->headers[i].value, ' ');
			secrets[count++] = space != NULL ? space + 1 : cfg->headers[i].value;
		}
	return log_redact(dst, room, p, n, secrets, count);
}

void conn_redact_error(struct conn *c)
{
	char clean[sizeof c->error.message];

	c->has_error = true;
	conn_redact(c, clean, sizeof clean, c->error.message, strlen(c->error.message));
	memcpy(c->error.message, clean, sizeof clean);
}

void conn_debug(struct conn *c, const char *what, const char *p, size_t n)
{
	size_t room = n * 2 + 64;

	if (c->inst->cfg->log_level > LOG_DEBUG || c->inst->log->log.fd < 0)
		return;
	char *clean = malloc(room);
	if (clean == NULL)
		return;
	size_t len = conn_redact(c, clean, room, n > 0 ? p : "", n);
	if (len >= room)
		len = room - 1;
	for (size_t at = 0; at == 0 || at < len; at += PIECE)
		log_line(&c->inst->log->log, LOG_DEBUG, "%s %s: %j", c->id, what, clean + at,
			len - at < PIECE ? len - at : (size_t)PIECE);
	free(clean);
}

struct note {
	char text[1024];
	size_t n;
};

static void note_row(void *ctx, const struct quirks *q, const struct http_text *hosts, const struct http_text *models)
{
	struct note *t = ctx;

	(void)q;
	t->n += fmt(t->text + t->n, sizeof t->text - t->n, ", %.*s %.*s", (int)hosts->n, hosts->p, (int)models->n, models->p);
	if (t->n >= sizeof t->text)
		t->n = sizeof t->text - 1;
}

void conn_show_mapping(struct conn *c, const char *learned)
{
	const struct config *cfg = c->inst->cfg;
	struct note t = { .n = 0 };
	struct quirks q;

	if (cfg->log_level > LOG_DEBUG)
		return;
	t.n = fmt(t.text, sizeof t.text, "%.*s -> %s (rule: %s); settings of", (int)c->nmodel, c->model, c->up_model,
		c->facts.hides_image ? "image" : cfg_model_rule(cfg, c->model, c->nmodel));
	cfg_quirks_told(cfg, &(struct q_place){ cfg->target.host, cfg->target.port, c->up_model, note_row, &t }, &q);
	t.n += fmt(t.text + t.n, sizeof t.text - t.n, "; learned: %s", learned);
	conn_debug(c, "mapping", t.text, t.n < sizeof t.text ? t.n : sizeof t.text - 1);
}
