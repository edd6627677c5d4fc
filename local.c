/* Answers that are made here, without the upstream: /health, /, the models, CORS, the words of /test-connection. */
#include "conn.h"

#include <time.h>

#include "version.h"

int64_t wall_clock(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_REALTIME, &t) == 0 ? (int64_t)t.tv_sec : 0;
}

/* ---- answers made here ---- */

/*
 * Puts a template, in static storage: $s is a text, $d an int, $b a bool (as
 * int), $t the time, $v a struct j_val *.
 */
static void put(struct plan *p, const char *template, ...)
{
	char time[32];
	va_list ap;

	va_start(ap, template);
	for (; *template; template += 2) {
		size_t n = strcspn(template, "$");
		plan_span(p, SPAN_RAW, template, n);
		template += n;
		if (*template == '\0')
			break;
		switch (template[1]) {
		case 's': plan_str(p, va_arg(ap, const char *)); break;
		case 'd': plan_num(p, va_arg(ap, int)); break;
		case 'b': plan_lit(p, va_arg(ap, int) ? "true" : "false"); break;
		case 'v': plan_val(p, *va_arg(ap, struct j_val *)); break;
		case 't':
			plan_lit(p, "\"");
			plan_copy(p, SPAN_RAW, time, log_time(time, sizeof time, wall_clock()));
			plan_lit(p, "\"");
		}
	}
	va_end(ap);
}

#define MODELS "\"big_model\":$s,\"middle_model\":$s,\"small_model\":$s"

void serve_health(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;

	put(&c->out_plan, "{\"status\":\"healthy\",\"timestamp\":$t,\"version\":\"" VERSION "\",\"server\":{\"host\":$s,\"port\":$d},"
		"\"models\":{" MODELS "},\"api_status\":{\"openai_api_configured\":$b,\"api_key_valid\":$b,"
		"\"client_api_key_validation\":$b,\"openai_base_url\":$s},\"requesty\":{\"auto_cache_enabled\":$b,"
		"\"requesty_api_key_configured\":$b}}", cfg->host, c->inst->port, cfg->big_model, cfg->middle_model,
		cfg->small_model, cfg->openai_api_key[0] != '\0', cfg->key_is_set, cfg->anthropic_api_key[0] != '\0',
		cfg->target.shown, cfg->requesty_auto_cache, cfg->requesty_api_key[0] != '\0');
	answer_plan(c, 200);
}

void serve_root(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;

	put(&c->out_plan, "{\"message\":\"claude-code-proxy " VERSION "\",\"status\":\"running\",\"config\":{\"openai_base_url\":$s,"
		"\"max_tokens_limit\":$d,\"api_key_configured\":$b,\"client_api_key_validation\":$b," MODELS "},\"endpoints\":{"
		"\"messages\":\"/v1/messages\",\"count_tokens\":\"/v1/messages/count_tokens\","
		"\"chat_completions\":\"/v1/chat/completions\",\"models\":\"/v1/models\",\"health\":\"/health\","
		"\"test_connection\":\"/test-connection\"}}", cfg->target.shown, cfg->max_tokens_limit,
		cfg->openai_api_key[0] != '\0', cfg->anthropic_api_key[0] != '\0', cfg->big_model, cfg->middle_model,
		cfg->small_model);
	answer_plan(c, 200);
}

/* Claude Code's /model menu shows ids that begin with claude or anthropic; OpenAI clients want the models themselves. */
static const char *model_id(const struct config *cfg, int i, const char **meaning)
{
	const char *const ids[] = { "claude-opus-4-8", "claude-sonnet-5", "claude-haiku-4-5",
		cfg->big_model, cfg->middle_model, cfg->small_model };
	const char *const means[] = { cfg->big_model, cfg->middle_model, cfg->small_model,
		cfg->big_model, cfg->middle_model, cfg->small_model };

	if (i >= 6)
		return NULL;
	*meaning = means[i];
	return ids[i];
}

static bool model_listed_before(const struct config *cfg, int i)
{
	const char *meaning, *id = model_id(cfg, i, &meaning);

	for (int k = 0; k < i; k++)
		if (strcmp(model_id(cfg, k, &meaning), id) == 0)
			return true;
	return false;
}

static void put_model(struct plan *p, const char *id, const char *name)
{
	put(p, "{\"type\":\"model\",\"id\":$s,\"display_name\":$s,\"created_at\":\"2025-01-01T00:00:00Z\",\"object\":\"model\","
		"\"created\":1735689600,\"owned_by\":\"claude-code-proxy\"}", id, name);
}

void serve_models(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	struct plan *p = &c->out_plan;
	const char *id, *meaning, *last = "";

	plan_lit(p, "{\"object\":\"list\",\"data\":[");
	for (int i = 0; (id = model_id(cfg, i, &meaning)) != NULL; i++) {
		if (model_listed_before(cfg, i))
			continue;
		if (i > 0)
			plan_lit(p, ",");
		put_model(p, id, meaning);
		last = id;
	}
	put(p, "],\"has_more\":false,\"first_id\":\"claude-opus-4-8\",\"last_id\":$s}", last);
	answer_plan(c, 200);
}

static int hex(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

/* SDKs escape the slash of an id. What is not printable ASCII stays escaped: no model has it. */
static size_t unescape(char *p, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		int ch = p[i] == '%' && n - i > 2 && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0
			? hex(p[i + 1]) * 16 + hex(p[i + 2]) : 0;
		bool good = ch > ' ' && ch < 0x7f;
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
	const char *meaning, *id;

	c->nmodel = n;
	if (cfg_model(cfg, c->model, n, up, sizeof up) == 0 || n == 0) {
		conn_fail(c, 404, "model: no such model", "no such model");
		return;
	}
	for (int i = 0; (id = model_id(cfg, i, &meaning)) != NULL; i++)
		if (strcmp(up, meaning) == 0) {
			put_model(&c->out_plan, c->model, meaning);
			answer_plan(c, 200);
			return;
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
	http_put_field(b, "request-id", c->id, strlen(c->id));
	http_put_field(b, "access-control-allow-origin", c->origin, strlen(c->origin));
	http_put_field(b, "access-control-allow-headers", wanted.p, wanted.n);
	buf_str(b, "vary: origin\r\naccess-control-allow-methods: GET, POST\r\naccess-control-max-age: 600\r\n");
	buf_str(b, c->keep_alive ? "\r\n" : "connection: close\r\n\r\n");
	c->answered = c->terminated = c->out_ended = c->reply_over = true;
	c->status = 204;
	c->route = ROUTE_ROOT;
	conn_enter(c, PHASE_FLUSH);
}

void serve_test_done(struct conn *c, struct j_val completion)
{
	struct j_val id = j_get(completion, "id");

	put(&c->out_plan, "{\"status\":\"success\",\"message\":\"Successfully connected to the upstream\",\"model_used\":$s,"
		"\"timestamp\":$t,\"response_id\":", c->up_model);
	put(&c->out_plan, id.type == J_STRING ? "$v}" : "\"unknown\"}", &id);
	answer_plan(c, 200);
}

void serve_test_failed(struct conn *c)
{
	out_reset(c);
	put(&c->out_plan, "{\"status\":\"failed\",\"error_type\":$s,\"message\":$s,\"timestamp\":$t,\"suggestions\":["
		"\"Check that OPENAI_API_KEY is valid for this provider\",\"Check OPENAI_BASE_URL\","
		"\"Check that the provider has the model that SMALL_MODEL names\",\"Check the account's rate limits and balance\","
		"\"claude-code-proxy --check shows each step\"]}", c->error.type, c->error.message);
	/* a person asks: no advice for programs */
	c->error.retry_after[0] = '\0';
	c->error.should_retry = -1;
	answer_plan(c, 503);
}
