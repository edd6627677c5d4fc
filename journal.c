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

static void put_numbers(const struct conn *c, char *dst, size_t room)
{
	int64_t in, cached, out;

	if (!c->converted || c->route == ROUTE_CHAT) {
		fmt(dst, room, "from %s", c->peer);
		return;
	}
	reply_usage(&c->reply, &in, &cached, &out);
	fmt(dst, room, "in %lld cached %lld out %lld first %m", (long long)in, (long long)cached, (long long)out,
		since(c, c->first_byte));
}

/* One line, whatever happened: an error's own words stand at the end of it. */
void conn_log(struct conn *c)
{
	enum log_level level = c->has_error || c->broken ? LOG_WARNING : LOG_INFO;
	const char *said = c->has_error ? c->error.message : "";
	char numbers[160];

	if (c->route == ROUTE_HEALTH && !c->has_error)
		level = LOG_DEBUG;
	if (level < c->inst->cfg->log_level)
		return;
	put_numbers(c, numbers, sizeof numbers);
	log_line(&c->srv->log, level, "%s %s%s%j%s%j %d %s total %m: %s%s%j", c->id, route_name(c->route),
		c->nmodel > 0 ? " " : "", c->model, shown(c->nmodel), c->up_model[0] != '\0' ? " -> " : "", c->up_model,
		shown(strlen(c->up_model)), c->status, numbers, c->srv->now - c->began, c->why, *said != '\0' ? ": " : "",
		said, strlen(said));
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
	log_line(&c->srv->log, LOG_WARNING, "%s session %s: %s found only %lld of %lld tokens in its prompt cache, again, after"
		" more than 80 %% before: see what changes at the head of the prompt (CLAUDE.md, tools, MCP servers, hooks), pauses"
		" longer than the cache is kept, UP_CACHE", c->id, c->session_id, c->up_model, (long long)read, (long long)prompt);
}

size_t conn_redact(const struct conn *c, char *dst, size_t room, const char *p, size_t n)
{
	const struct config *cfg = c->inst->cfg;
	const char *secrets[3 + CFG_HEADERS_MAX] = { cfg->openai_api_key, cfg->anthropic_api_key, cfg->requesty_api_key };
	size_t count = 3;

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

	if (c->inst->cfg->log_level > LOG_DEBUG || c->srv->log.fd < 0)
		return;
	char *clean = malloc(room);
	if (clean == NULL)
		return;
	size_t len = conn_redact(c, clean, room, n > 0 ? p : "", n);
	if (len >= room)
		len = room - 1;
	for (size_t at = 0; at == 0 || at < len; at += PIECE)
		log_line(&c->srv->log, LOG_DEBUG, "%s %s: %j", c->id, what, clean + at,
			len - at < PIECE ? len - at : (size_t)PIECE);
	free(clean);
}
