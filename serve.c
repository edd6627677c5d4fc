/*
 * A request whose body is complete: routes that are answered here, and the
 * way to the upstream for the others: check, choose a target, convert (count,
 * then keep), write the request head. What fails here fails before a byte was
 * sent or a name was asked for.
 */
#include "conn.h"

#include <stdlib.h>
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

static void serve_health(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	struct plan *p = &c->out_plan;

	plan_lit(p, "{\"status\":\"healthy\",\"timestamp\":");
	put_time(p);
	plan_lit(p, ",\"version\":\"" VERSION "\",\"server\":{\"host\":");
	plan_str(p, cfg->host);
	plan_lit(p, ",\"port\":");
	plan_num(p, cfg->port);
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

static void serve_root(struct conn *c)
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

static void serve_models(struct conn *c)
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

static void serve_model(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	char up[CONV_MODEL_MAX + 1];
	size_t n = strlen(c->model);
	const char *meaning, *id;

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

/* A preflight of an origin that is configured (Fetch Standard, "CORS-preflight fetch"). */
void serve_preflight(struct conn *c)
{
	buf_pack(&c->tx);
	http_put_status(&c->tx, 204);
	http_put_field(&c->tx, "access-control-allow-origin", c->origin, strlen(c->origin));
	buf_str(&c->tx, "vary: origin\r\naccess-control-allow-methods: GET, POST\r\n"
		"access-control-allow-headers: authorization, x-api-key, content-type, anthropic-version, anthropic-beta\r\n"
		"access-control-max-age: 600\r\n\r\n");
	c->answered = c->terminated = c->out_ended = true;
	c->status = 204;
	c->keep_alive = c->keep_alive && c->body_over;
	conn_enter(c, PHASE_FLUSH);
}

/* ---- the upstream's request ---- */

/* What a custom header replaces is left out. */
static bool customised(const struct config *cfg, const char *name)
{
	struct http_text t;

	for (size_t i = 0; i < cfg->nheaders; i++) {
		t.p = cfg->headers[i].name;
		t.n = strlen(t.p);
		if (http_is(t, name))
			return true;
	}
	return false;
}

static bool add_field(struct heap *h, const struct config *cfg, const char *lower, const char *name, const char *value)
{
	if (customised(cfg, lower))
		return true;
	return heap_str(h, name) && heap_str(h, ": ") && heap_str(h, value) && heap_str(h, "\r\n");
}

static bool add_key(struct heap *h, const struct config *cfg, const struct quirks *q)
{
	if (q->auth == AUTH_NONE || cfg->openai_api_key[0] == '\0')
		return true;
	if (q->auth == AUTH_API_KEY)
		return add_field(h, cfg, "api-key", "api-key", cfg->openai_api_key);
	if (customised(cfg, "authorization"))
		return true;
	return heap_str(h, "Authorization: Bearer ") && heap_str(h, cfg->openai_api_key) && heap_str(h, "\r\n");
}

/* "Name: value|Name: value" of a provider's row */
static bool add_row_headers(struct heap *h, const struct config *cfg, const char *rows)
{
	char name[64];

	while (*rows) {
		size_t n = strcspn(rows, "|"), colon = strcspn(rows, ":");
		if (colon < n && colon < sizeof name) {
			for (size_t i = 0; i < colon; i++)
				name[i] = (char)(rows[i] >= 'A' && rows[i] <= 'Z' ? rows[i] + 32 : rows[i]);
			name[colon] = '\0';
			if (!customised(cfg, name) && (!heap_add(h, rows, n, HEAP_NO_MAX) || !heap_str(h, "\r\n")))
				return false;
		}
		rows += n + (rows[n] == '|');
	}
	return true;
}

/* The path, with the model in it where Azure wants a deployment. */
static bool add_target(struct heap *h, const struct config *cfg, const char *model)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *path = cfg->target.path, *mark = strstr(path, "%s");

	if (mark == NULL)
		return heap_str(h, path) && heap_str(h, cfg->target.query);
	if (!heap_add(h, path, (size_t)(mark - path), HEAP_NO_MAX))
		return false;
	for (const unsigned char *m = (const unsigned char *)model; *m; m++) {
		char esc[3] = { '%', hex[*m >> 4], hex[*m & 15] };
		bool plain = (*m >= 'a' && *m <= 'z') || (*m >= 'A' && *m <= 'Z') || (*m >= '0' && *m <= '9') ||
			strchr("-._~", *m) != NULL;
		if (!heap_add(h, plain ? (const char *)m : esc, plain ? 1 : 3, HEAP_NO_MAX))
			return false;
	}
	return heap_str(h, mark + 2) && heap_str(h, cfg->target.query);
}

static bool make_head(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	struct heap *h = &c->up_head;
	char length[24];
	bool ok = heap_str(h, "POST ") && add_target(h, cfg, c->up_model) && heap_str(h, " HTTP/1.1\r\n");

	fmt(length, sizeof length, "%zu", c->plan.total);
	ok = ok && add_field(h, cfg, "host", "Host", cfg->target.authority);
	ok = ok && add_key(h, cfg, &c->q);
	ok = ok && add_field(h, cfg, "user-agent", "User-Agent", "claude-code-proxy/" VERSION);
	ok = ok && add_field(h, cfg, "accept", "Accept", c->facts.up_stream ? "text/event-stream" : "application/json");
	ok = ok && add_field(h, cfg, "accept-encoding", "Accept-Encoding", "identity");
	ok = ok && add_field(h, cfg, "content-type", "Content-Type", "application/json");
	ok = ok && heap_str(h, "Content-Length: ") && heap_str(h, length) && heap_str(h, "\r\n");
	ok = ok && add_row_headers(h, cfg, c->q.headers);
	for (size_t i = 0; ok && i < cfg->nheaders; i++)
		ok = heap_str(h, cfg->headers[i].name) && heap_str(h, ": ") && heap_str(h, cfg->headers[i].value) && heap_str(h, "\r\n");
	return ok && heap_str(h, "\r\n");
}

/* Storage for a plan that was counted: spans first, then the arena. */
static bool keep_plan(struct conn *c)
{
	size_t spans = c->plan.nspans * sizeof(struct span), arena = c->plan.narena;

	if (!heap_grow(&c->plan_bytes, spans + arena + 1, HEAP_NO_MAX))
		return false;
	plan_init(&c->plan, (struct span *)(void *)c->plan_bytes.p, c->plan.nspans, c->plan_bytes.p + spans, arena);
	return true;
}

static bool keep_session(struct conn *c)
{
	size_t ids = c->session.nids * sizeof(uint64_t), names = c->session.nnames;

	if (!heap_grow(&c->names, ids + names + 1, HEAP_NO_MAX))
		return false;
	c->session = (struct session){ .ids = (uint64_t *)(void *)c->names.p, .ids_cap = c->session.nids,
		.names = c->names.p + ids, .names_cap = names };
	return true;
}

static void go_upstream(struct conn *c)
{
	if (!make_head(c)) {
		conn_fail(c, 529, "out of memory; try again", "no memory");
		return;
	}
	c->converted = true;
	c->plan_at = (struct plan_pos){ 0 };
	relay_start(c);
}

/* The model, and with it the settings of the provider for it. */
static void choose_target(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	char place[sizeof cfg->target.host + sizeof c->up_model + 2];

	cfg_model(cfg, c->model, c->nmodel, c->up_model, sizeof c->up_model);
	cfg_quirks(cfg, c->up_model, &c->q);
	size_t n = fmt(place, sizeof place, "%s/%s", cfg->target.host, c->up_model);
	fmt(c->binding, sizeof c->binding, "%llx", (unsigned long long)hash_bytes(place, n));
}

static void serve_messages(struct conn *c, struct j_val root)
{
	const struct config *cfg = c->inst->cfg;

	if (request_read(root, &c->facts, &c->error) != 0) {
		conn_fail_with(c, &c->error, "bad request");
		return;
	}
	c->nmodel = j_text(c->facts.model, c->model, sizeof c->model);
	choose_target(c);
	struct target t = { .q = &c->q, .model = c->up_model, .max_tokens_limit = cfg->max_tokens_limit,
		.min_tokens_limit = cfg->min_tokens_limit, .requesty_auto_cache = cfg->requesty_auto_cache,
		.binding = c->binding, .session_id = c->session_id };
	plan_init(&c->plan, NULL, 0, NULL, 0);
	if (request_convert(root, &t, &c->plan, &c->session, &c->facts, &c->error) != 0) {
		conn_fail_with(c, &c->error, "bad request");
		return;
	}
	if (!keep_plan(c) || !keep_session(c)) {
		conn_fail(c, 529, "out of memory for the request; try again", "no memory");
		return;
	}
	request_convert(root, &t, &c->plan, &c->session, &c->facts, &c->error);
	go_upstream(c);
}

static void serve_chat(struct conn *c, struct j_val root)
{
	struct j_val model = j_get(root, "model");

	c->nmodel = j_text(model, c->model, sizeof c->model);
	choose_target(c);
	c->facts = (struct request_facts){ .model = model, .stream = j_get(root, "stream").type == J_TRUE };
	c->facts.up_stream = c->facts.stream;
	plan_init(&c->plan, NULL, 0, NULL, 0);
	if (chat_convert(root, c->up_model, &c->plan, &c->error) != 0) {
		conn_fail_with(c, &c->error, "bad request");
		return;
	}
	if (!keep_plan(c)) {
		conn_fail(c, 529, "out of memory for the request; try again", "no memory");
		return;
	}
	chat_convert(root, c->up_model, &c->plan, &c->error);
	go_upstream(c);
}

static void serve_count(struct conn *c, struct j_val root)
{
	if (request_check(root, &c->error) != 0) {
		conn_fail_with(c, &c->error, "bad request");
		return;
	}
	c->nmodel = j_text(j_get(root, "model"), c->model, sizeof c->model);
	plan_lit(&c->out_plan, "{\"input_tokens\":");
	plan_num(&c->out_plan, tokens_estimate(root));
	plan_lit(&c->out_plan, "}");
	answer_plan(c, 200);
}

/* ---- /test-connection: one tiny request, told in the words of the old tools ---- */

static void serve_test(struct conn *c)
{
	static const char after[] = "\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}";
	struct plan p;
	struct plan_pos at = { 0 };
	struct span spans[3];

	plan_init(&p, spans, 3, NULL, 0);
	plan_lit(&p, "{\"model\":\"");
	plan_span(&p, SPAN_ESC, c->inst->cfg->small_model, strlen(c->inst->cfg->small_model));
	plan_lit(&p, after);
	if (!heap_grow(&c->body, p.total, HEAP_NO_MAX)) {
		conn_fail(c, 529, "out of memory; try again", "no memory");
		return;
	}
	c->body.n = plan_pull(&p, &at, c->body.p, c->body.cap);
	serve_messages(c, j_root(c->body.p, c->body.n));
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
	c->has_error = false;
	answer_plan(c, 503);
}

/* ---- dispatch ---- */

static void serve_json(struct conn *c)
{
	struct j_err err;
	char text[160];
	size_t line, column;

	if (c->body.n == 0) {
		conn_fail(c, 400, "request body is empty: a JSON object is expected", "bad request");
		return;
	}
	if (j_check(c->body.p, c->body.n, &err) != 0) {
		j_where(c->body.p, err.at, &line, &column);
		fmt(text, sizeof text, "request body is not valid JSON: %s at line %zu column %zu (byte %zu)",
			err.why, line, column, err.at);
		conn_fail(c, 400, text, "bad request");
		return;
	}
	struct j_val root = j_root(c->body.p, c->body.n);
	if (c->route == ROUTE_COUNT)
		serve_count(c, root);
	else if (c->route == ROUTE_CHAT)
		serve_chat(c, root);
	else
		serve_messages(c, root);
}

void serve_request(struct conn *c)
{
	switch (c->route) {
	case ROUTE_MESSAGES:
	case ROUTE_COUNT:
	case ROUTE_CHAT:
		serve_json(c);
		break;
	case ROUTE_MODELS:
		serve_models(c);
		break;
	case ROUTE_MODEL:
		serve_model(c);
		break;
	case ROUTE_HEALTH:
		serve_health(c);
		break;
	case ROUTE_TEST:
		serve_test(c);
		break;
	case ROUTE_ROOT:
		serve_root(c);
		break;
	}
}
