/* Answers that are made here, without the upstream: /health, /, the models, CORS, the words of /test-connection. */
#include "conn.h"

#include <time.h>

#include "version.h"

int64_t wall_clock(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_REALTIME, &t) == 0 ? (int64_t)t.tv_sec : 0;
}

static const char *now(char text[32])
{
	log_time(text, 32, wall_clock());
	return text;
}

static const char *boolean(bool b)
{
	return b ? "true" : "false";
}

#define MODELS "\"big_model\":\"%e\",\"middle_model\":\"%e\",\"small_model\":\"%e\""

void serve_health(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	const struct totals *t = &c->inst->totals;
	char time[32];

	plan_put(&c->out_plan, "{\"status\":\"healthy\",\"timestamp\":\"%c\",\"version\":\"" VERSION "\",\"server\":{\"host\":\"%e\","
		"\"port\":%d},\"models\":{" MODELS "},\"api_status\":{\"openai_api_configured\":%s,\"api_key_valid\":%s,"
		"\"client_api_key_validation\":%s,\"openai_base_url\":\"%e\"},\"requesty\":{\"auto_cache_enabled\":%s,"
		"\"requesty_api_key_configured\":%s},\"totals\":{\"uptime_seconds\":%d,\"requests\":%d,\"errors\":%d,"
		"\"input_tokens\":%d,\"cached_tokens\":%d,\"output_tokens\":%d}}", now(time), cfg->host, (int64_t)c->inst->port, cfg->big_model,
		cfg->middle_model, cfg->small_model, boolean(cfg->openai_api_key[0] != '\0'), boolean(cfg->key_is_set),
		boolean(cfg->asks_key), cfg->target.shown, boolean(cfg->requesty_auto_cache),
		boolean(cfg->requesty_api_key[0] != '\0'), (c->srv->now - c->srv->began) / 1000, t->requests, t->errors, t->in,
		t->cached, t->out);
	answer_plan(c, 200);
}

void serve_root(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;

	plan_put(&c->out_plan, "{\"message\":\"claude-code-proxy " VERSION "\",\"status\":\"running\",\"config\":{"
		"\"openai_base_url\":\"%e\",\"max_tokens_limit\":%d,\"api_key_configured\":%s,\"client_api_key_validation\":%s,"
		MODELS "},\"endpoints\":{\"messages\":\"/v1/messages\",\"count_tokens\":\"/v1/messages/count_tokens\","
		"\"chat_completions\":\"/v1/chat/completions\",\"models\":\"/v1/models\",\"health\":\"/health\","
		"\"test_connection\":\"/test-connection\"}}", cfg->target.shown, (int64_t)cfg->max_tokens_limit,
		boolean(cfg->openai_api_key[0] != '\0'), boolean(cfg->asks_key), cfg->big_model,
		cfg->middle_model, cfg->small_model);
	answer_plan(c, 200);
}

#define IDS 6

/* Claude Code's /model menu shows ids that begin with claude or anthropic; OpenAI clients want the models themselves. */
static const char *model_id(const struct config *cfg, int i, const char **meaning)
{
	static const char claude[3][18] = { "claude-opus-4-8", "claude-sonnet-5", "claude-haiku-4-5" };
	const char *const models[] = { cfg->big_model, cfg->middle_model, cfg->small_model };

	*meaning = models[i % 3];
	return i < 3 ? claude[i] : *meaning;
}

static bool model_listed_before(const struct config *cfg, int i)
{
	const char *meaning, *id = model_id(cfg, i, &meaning);

	while (i-- > 0)
		if (strcmp(model_id(cfg, i, &meaning), id) == 0)
			return true;
	return false;
}

static void put_model(struct plan *p, const char *id, const char *name)
{
	plan_put(p, "{\"type\":\"model\",\"id\":\"%e\",\"display_name\":\"%e\",\"created_at\":\"2025-01-01T00:00:00Z\","
		"\"object\":\"model\",\"created\":1735689600,\"owned_by\":\"claude-code-proxy\"}", id, name);
}

void serve_models(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	struct plan *p = &c->out_plan;
	const char *meaning, *last = "";

	plan_lit(p, "{\"object\":\"list\",\"data\":[");
	for (int i = 0; i < IDS; i++) {
		if (model_listed_before(cfg, i))
			continue;
		if (i > 0)
			plan_lit(p, ",");
		last = model_id(cfg, i, &meaning);
		put_model(p, last, meaning);
	}
	plan_put(p, "],\"has_more\":false,\"first_id\":\"claude-opus-4-8\",\"last_id\":\"%e\"}", last);
	answer_plan(c, 200);
}

/* SDKs escape the slash of an id. What is not printable ASCII stays escaped: no model has it. */
static size_t unescape(char *p, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		int high = p[i] == '%' && n - i > 2 ? hex_digit(p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(p[i + 2]) : -1;
		int ch = high * 16 + low;
		bool good = low >= 0 && ch > ' ' && ch < 0x7f;
		p[k++] = good ? (char)ch : p[i];
		i += good ? 2 : 0;
	}
	p[k] = '\0';
	return k;
}

void serve_model(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	char up[CONV_MODEL_MAX + 1];
	size_t n = unescape(c->model, strlen(c->model));
	const char *meaning;

	c->nmodel = n;
	if (cfg_model(cfg, c->model, n, up, sizeof up) == 0 || n == 0) {
		conn_fail(c, 404, "model: no such model", "no such model");
		return;
	}
	for (int i = 0; i < IDS / 2; i++) {
		model_id(cfg, i, &meaning);
		if (strcmp(up, meaning) == 0) {
			put_model(&c->out_plan, c->model, meaning);
			answer_plan(c, 200);
			return;
		}
	}
	conn_fail(c, 404, "model: this proxy serves the models of /v1/models; other ids are passed to the provider unseen",
		"no such model");
}

/*
 * A preflight of an origin that is configured (Fetch Standard, "CORS-preflight
 * fetch"). SDKs send fields of their own: the page may have what it asks for.
 */
void serve_preflight(struct conn *c, struct http_text wanted)
{
	static const char usual[] = "authorization, x-api-key, content-type, anthropic-version, anthropic-beta";
	struct buf *b = &c->tx;

	if (wanted.p == NULL || wanted.n == 0 || wanted.n > 2048)
		wanted = (struct http_text){ usual, sizeof usual - 1 };
	c->keep_alive = c->keep_alive && c->body_over;
	buf_pack(b);
	http_put_status(b, 204);
	http_put(b, "request-id: %s\r\naccess-control-allow-origin: %s\r\naccess-control-allow-headers: %.*s\r\n"
		"vary: origin\r\naccess-control-allow-methods: GET, POST\r\naccess-control-max-age: 600\r\n%s\r\n",
		c->id, c->origin, (int)wanted.n, wanted.p, c->keep_alive ? "" : "connection: close\r\n");
	c->answered = c->terminated = true;
	c->status = 204;
	c->route = ROUTE_ROOT;
	answer_over(c);
}

void serve_test_done(struct conn *c)
{
	struct j_val id = j_get(j_root(c->whole.p, c->whole.n), "id");
	char time[32];

	if (id.type != J_STRING)
		id = j_value("\"unknown\"", 9, J_STRING);
	out_reset(c);
	plan_put(&c->out_plan, "{\"status\":\"success\",\"message\":\"Successfully connected to the upstream\",\"model_used\":\"%e\","
		"\"timestamp\":\"%c\",\"response_id\":%v}", c->up_model, now(time), &id);
	answer_plan(c, 200);
}

void serve_test_failed(struct conn *c)
{
	char time[32];

	out_reset(c);
	plan_put(&c->out_plan, "{\"status\":\"failed\",\"error_type\":\"%e\",\"message\":\"%e\",\"timestamp\":\"%c\",\"suggestions\":["
		"\"Check OPENAI_API_KEY and OPENAI_BASE_URL\",\"Check that the provider has the models of BIG_MODEL and SMALL_MODEL\","
		"\"Check the account's limits and balance\",\"claude-code-proxy --check shows each step\"]}", c->error.type,
		c->error.message, now(time));
	/* a person asks: no advice for programs */
	c->error.retry_after[0] = '\0';
	c->error.should_retry = -1;
	answer_plan(c, 503);
}
