/* Answers that are made here, without the upstream: /health, /, the models, CORS, the words of /test-connection. */
#include "conn.h"

#include <time.h>

#include "version.h"

int64_t wall_clock(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_REALTIME, &t) == 0 ? (int64_t)t.tv_sec : 0;
}

/* Days since 1970-01-01 into a date: the Gregorian calendar repeats every 146097 days. */
static void civil(int64_t days, int64_t *year, int *month, int *day)
{
	days += 719468;		/* from 0000-03-01 */
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

static void two(char *dst, int64_t n)
{
	dst[0] = (char)('0' + n / 10 % 10);
	dst[1] = (char)('0' + n % 10);
}

size_t time_text(char *dst, size_t room, int64_t seconds)
{
	char text[] = "0000-00-00T00:00:00Z";
	int64_t year, day_seconds = seconds % 86400, days = seconds / 86400;
	int month, day;

	if (day_seconds < 0) {
		day_seconds += 86400;
		days--;
	}
	civil(days, &year, &month, &day);
	two(text, year / 100);
	two(text + 2, year);
	two(text + 5, month);
	two(text + 8, day);
	two(text + 11, day_seconds / 3600);
	two(text + 14, day_seconds / 60 % 60);
	two(text + 17, day_seconds % 60);
	return fmt(dst, room, "%s", text);
}

/* ---- answers made here ---- */

static void put_time(struct plan *p)
{
	char text[32];
	size_t n = time_text(text, sizeof text, wall_clock());

	plan_lit(p, "\"");
	plan_copy(p, SPAN_RAW, text, n);
	plan_lit(p, "\"");
}

static void put_bool(struct plan *p, bool b)
{
	plan_lit(p, b ? "true" : "false");
}

static void put_models(struct plan *p, const struct config *cfg)
{
	plan_lit(p, "\"big_model\":");
	plan_str(p, cfg->big_model);
	plan_lit(p, ",\"middle_model\":");
	plan_str(p, cfg->middle_model);
	plan_lit(p, ",\"small_model\":");
	plan_str(p, cfg->small_model);
}

void serve_health(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	struct plan *p = &c->out_plan;

	plan_lit(p, "{\"status\":\"healthy\",\"timestamp\":");
	put_time(p);
	plan_lit(p, ",\"version\":\"" VERSION "\",\"server\":{\"host\":");
	plan_str(p, cfg->host);
	plan_lit(p, ",\"port\":");
	plan_num(p, c->inst->port);
	plan_lit(p, "},\"models\":{");
	put_models(p, cfg);
	plan_lit(p, "},\"api_status\":{\"openai_api_configured\":");
	put_bool(p, cfg->openai_api_key[0] != '\0');
	plan_lit(p, ",\"api_key_valid\":");
	put_bool(p, cfg->key_is_set);
	plan_lit(p, ",\"client_api_key_validation\":");
	put_bool(p, cfg->anthropic_api_key[0] != '\0');
	plan_lit(p, ",\"openai_base_url\":");
	plan_str(p, cfg->target.shown);
	plan_lit(p, "},\"requesty\":{\"auto_cache_enabled\":");
	put_bool(p, cfg->requesty_auto_cache);
	plan_lit(p, ",\"requesty_api_key_configured\":");
	put_bool(p, cfg->requesty_api_key[0] != '\0');
	plan_lit(p, "}}");
	answer_plan(c, 200);
}

void serve_root(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	struct plan *p = &c->out_plan;

	plan_lit(p, "{\"message\":\"claude-code-proxy " VERSION "\",\"status\":\"running\",\"config\":{\"openai_base_url\":");
	plan_str(p, cfg->target.shown);
	plan_lit(p, ",\"max_tokens_limit\":");
	plan_num(p, cfg->max_tokens_limit);
	plan_lit(p, ",\"api_key_configured\":");
	put_bool(p, cfg->openai_api_key[0] != '\0');
	plan_lit(p, ",\"client_api_key_validation\":");
	put_bool(p, cfg->anthropic_api_key[0] != '\0');
	plan_lit(p, ",");
	put_models(p, cfg);
	plan_lit(p, "},\"endpoints\":{\"messages\":\"/v1/messages\",\"count_tokens\":\"/v1/messages/count_tokens\","
		"\"chat_completions\":\"/v1/chat/completions\",\"models\":\"/v1/models\",\"health\":\"/health\","
		"\"test_connection\":\"/test-connection\"}}");
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

static void put_model(struct plan *p, const char *id, size_t nid, const char *name)
{
	plan_lit(p, "{\"type\":\"model\",\"id\":\"");
	plan_copy(p, SPAN_ESC, id, nid);
	plan_lit(p, "\",\"display_name\":\"");
	plan_copy(p, SPAN_ESC, name, strlen(name));
	plan_lit(p, "\",\"created_at\":\"2025-01-01T00:00:00Z\",\"object\":\"model\",\"created\":1735689600,"
		"\"owned_by\":\"claude-code-proxy\"}");
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
		put_model(p, id, strlen(id), meaning);
		last = id;
	}
	plan_lit(p, "],\"has_more\":false,\"first_id\":\"claude-opus-4-8\",\"last_id\":");
	plan_str(p, last);
	plan_lit(p, "}");
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
			put_model(&c->out_plan, c->model, n, up);
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
	struct plan *p = &c->out_plan;
	struct j_val id = j_get(completion, "id");

	plan_lit(p, "{\"status\":\"success\",\"message\":\"Successfully connected to the upstream\",\"model_used\":");
	plan_str(p, c->up_model);
	plan_lit(p, ",\"timestamp\":");
	put_time(p);
	plan_lit(p, ",\"response_id\":");
	if (id.type == J_STRING)
		plan_val(p, id);
	else
		plan_lit(p, "\"unknown\"");
	plan_lit(p, "}");
	answer_plan(c, 200);
}

void serve_test_failed(struct conn *c)
{
	struct plan *p = &c->out_plan;

	out_reset(c);
	plan_lit(p, "{\"status\":\"failed\",\"error_type\":");
	plan_str(p, c->error.type);
	plan_lit(p, ",\"message\":");
	plan_str(p, c->error.message);
	plan_lit(p, ",\"timestamp\":");
	put_time(p);
	plan_lit(p, ",\"suggestions\":[\"Check that OPENAI_API_KEY is valid for this provider\","
		"\"Check OPENAI_BASE_URL\",\"Check that the provider has the model that SMALL_MODEL names\","
		"\"Check the account's rate limits and balance\",\"claude-code-proxy --check shows each step\"]}");
	/* a person asks: no advice for programs */
	c->error.retry_after[0] = '\0';
	c->error.should_retry = -1;
	answer_plan(c, 503);
}
