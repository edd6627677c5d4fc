/* What the log says of a connection: one line per request, and at DEBUG heads and bodies with the keys replaced. */
#include "conn.h"

#include <stdlib.h>

#define PIECE 1600		/* bytes of a body in one line */

static int64_t since(const struct conn *c, int64_t then)
{
	return then > 0 ? then - c->began : 0;
}

static const char *route_name(enum route r)
{
	static const char *const names[] = {
		[ROUTE_MESSAGES] = "messages", [ROUTE_COUNT] = "count_tokens", [ROUTE_CHAT] = "chat",
		[ROUTE_MODELS] = "models", [ROUTE_MODEL] = "model", [ROUTE_HEALTH] = "health",
		[ROUTE_TEST] = "test-connection", [ROUTE_ROOT] = "other",
	};

	return names[r];
}

static void log_exchange(struct conn *c, enum log_level level)
{
	int64_t in, cached, out;

	reply_usage(&c->reply, &in, &cached, &out);
	log_line(&c->srv->log, level, "%s %s %j -> %j %d in %lld cached %lld out %lld first %m total %m: %s",
		c->id, route_name(c->route), c->model, c->nmodel, c->up_model, strlen(c->up_model), c->status,
		(long long)in, (long long)cached, (long long)out, since(c, c->first_byte),
		c->srv->now - c->began, c->why);
}

void conn_log(struct conn *c)
{
	enum log_level level = c->has_error || c->broken ? LOG_WARNING : LOG_INFO;

	if (c->route == ROUTE_HEALTH && !c->has_error)
		level = LOG_DEBUG;
	if (c->converted && c->route != ROUTE_CHAT)
		log_exchange(c, level);
	else
		log_line(&c->srv->log, level, "%s %s %j -> %j %d total %m: %s", c->id, route_name(c->route), c->model,
			c->nmodel, c->up_model, strlen(c->up_model), c->status, c->srv->now - c->began, c->why);
	if (c->has_error)
		log_line(&c->srv->log, level, "%s %s: %j", c->id, c->error.type, c->error.message,
			strlen(c->error.message));
}

void conn_debug(struct conn *c, const char *what, const char *p, size_t n)
{
	const struct config *cfg = c->inst->cfg;
	const char *secrets[] = { cfg->openai_api_key, cfg->anthropic_api_key, cfg->requesty_api_key };
	size_t room = n * 2 + 64;

	if (c->srv->log.level > LOG_DEBUG || c->srv->log.fd < 0)
		return;
	char *clean = malloc(room);
	if (clean == NULL)
		return;
	size_t len = log_redact(clean, room, n > 0 ? p : "", n, secrets, 3);
	if (len >= room)
		len = room - 1;
	for (size_t at = 0; at == 0 || at < len; at += PIECE)
		log_line(&c->srv->log, LOG_DEBUG, "%s %s: %j", c->id, what, clean + at,
			len - at < PIECE ? len - at : (size_t)PIECE);
	free(clean);
}
