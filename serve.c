/*
 * A request whose body is complete, on its way to the upstream: check, choose
 * a target, convert (count, then keep), write the request head. What fails
 * here fails before a byte was sent or a name was asked for.
 */
#include "conn.h"

#include <strings.h>

#include "version.h"

/* the request head as it is written; ok is false from the first lack of memory on */
struct writer {
	struct heap *h;
	const struct config *cfg;
	bool ok;
};

static void put(struct writer *w, const char *name, const char *between, const char *value)
{
	w->ok = w->ok && heap_str(w->h, name) && heap_str(w->h, between) && heap_str(w->h, value) && heap_str(w->h, "\r\n");
}

static bool replaced(const struct writer *w, const char *name)
{
	return cfg_header(w->cfg, name, strlen(name));
}

static void put_default(struct writer *w, const char *name, const char *value)
{
	if (!replaced(w, name))
		put(w, name, ": ", value);
}

static void put_key(struct writer *w, const char *name, const char *before)
{
	if (w->cfg->openai_api_key[0] != '\0' && !replaced(w, name))
		put(w, name, before, w->cfg->openai_api_key);
}

static void put_auth(struct writer *w, enum q_auth auth)
{
	if (auth == AUTH_BEARER || auth == AUTH_BOTH)
		put_key(w, "Authorization", ": Bearer ");
	if (auth == AUTH_X_API_KEY || auth == AUTH_BOTH)
		put_key(w, "x-api-key", ": ");
	if (auth == AUTH_API_KEY)
		put_key(w, "api-key", ": ");
}

/* A row's value with what its placeholder stands for in this request. False: that is nothing, the field is left out. */
static bool fill(const struct conn *c, struct http_text value, char *dst, size_t room)
{
	const char *const names[] = { "{session}", "{initiator}", "{vision}" };
	const char *const texts[] = { c->session_id, c->facts.last_is_user ? "user" : "agent", c->facts.has_image ? "true" : "" };

	fmt(dst, room, "%.*s", (int)value.n, value.p);
	for (int i = 0; i < 3; i++) {
		const char *at = strstr(dst, names[i]);
		size_t before = at != NULL ? (size_t)(at - dst) : 0;

		if (at == NULL)
			continue;
		fmt(dst, room, "%.*s%s%.*s", (int)before, value.p, texts[i], (int)(value.n - before - strlen(names[i])),
			value.p + before + strlen(names[i]));
		return texts[i][0] != '\0';
	}
	return value.n > 0;
}

/* "Name: value|Name: value" of a provider's row */
static void put_row_headers(struct writer *w, const struct conn *c)
{
	struct http_text rows = { c->q.headers, strlen(c->q.headers) }, value, name;
	char field[Q_TEXT], text[Q_TEXT + sizeof c->session_id];

	while (http_cut(&rows, '|', &value)) {
		http_cut(&value, ':', &name);
		fmt(field, sizeof field, "%.*s", (int)name.n, name.p);
		if (name.n > 0 && fill(c, value.p != NULL ? http_trim(value.p, value.n) : value, text, sizeof text))
			put_default(w, field, text);
	}
}

static bool make_head(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	struct writer w = { &c->up_head, cfg, true };
	char text[sizeof cfg->target.path + sizeof cfg->target.query + 3 * CONV_MODEL_MAX];

	w.ok = cfg_path(cfg, c->up_model, text, sizeof text) < sizeof text;
	put(&w, "POST ", text, " HTTP/1.1");
	put_default(&w, "Host", cfg->target.authority);
	put_auth(&w, c->q.auth);
	if (c->q.native && !c->versioned)
		put_default(&w, "anthropic-version", "2023-06-01");
	w.ok = w.ok && heap_add(w.h, c->passed.p, c->passed.n, HEAP_NO_MAX);
	put_default(&w, "User-Agent", "claude-code-proxy/" VERSION);
	put_default(&w, "Accept", c->facts.up_stream ? "text/event-stream" : "application/json");
	put_default(&w, "Content-Type", "application/json");
	fmt(text, sizeof text, "%zu", c->plan.total);
	put(&w, "Content-Length", ": ", text);
	put_row_headers(&w, c);
	for (size_t i = 0; i < cfg->nheaders; i++)
		put(&w, cfg->headers[i].name, ": ", cfg->headers[i].value);
	put(&w, "", "", "");
	return w.ok;
}

/* how much a conversion writes */
struct sizes {
	size_t spans, arena, ids, names;
};

/* Storage for a conversion: the plan's spans, then its arena; the session's ids, then its names. */
static bool make_room(struct conn *c, struct sizes n)
{
	size_t spans = n.spans * sizeof(struct span), ids = n.ids * sizeof(uint64_t);

	heap_free(&c->plan_bytes);
	heap_free(&c->names);
	if (!heap_grow(&c->plan_bytes, spans + n.arena + 1, HEAP_NO_MAX) || !heap_grow(&c->names, ids + n.names + 1, HEAP_NO_MAX))
		return false;
	plan_init(&c->plan, (struct span *)(void *)c->plan_bytes.p, n.spans, c->plan_bytes.p + spans, n.arena);
	c->session = (struct session){ .ids = (uint64_t *)(void *)c->names.p, .ids_cap = n.ids,
		.names = c->names.p + ids, .names_cap = n.names };
	return true;
}

/* The request as it leaves, for the log at DEBUG. */
static void show_request(struct conn *c)
{
	struct heap body = { 0 };
	struct plan_pos at = { 0 };

	if (c->inst->cfg->log_level > LOG_DEBUG || !heap_grow(&body, c->plan.total + 1, HEAP_NO_MAX))
		return;
	body.n = plan_pull(&c->plan, &at, body.p, body.cap);
	conn_debug(c, "upstream request head", c->up_head.p, c->up_head.n);
	conn_debug(c, "upstream request body", body.p, body.n);
	heap_free(&body);
}

static const struct quirks *settings_for(struct instance *inst, const char *model)
{
	struct model_settings *s = inst->settings;

	for (size_t i = 0; i < INSTANCE_MODELS; i++)
		if (model[0] != '\0' && strcmp(s[i].model, model) == 0)
			return &s[i].q;
	s += inst->next++ % INSTANCE_MODELS;
	fmt(s->model, sizeof s->model, "%s", model);
	cfg_quirks(inst->cfg, model, &s->q);
	return &s->q;
}

/* The settings of the provider for the model. What was learned stands between its rows and UP_*. */
static void take_settings(struct conn *c)
{
	const struct config *cfg = c->inst->cfg;
	const char *learned, *why;
	size_t at;

	c->q = *settings_for(c->inst, c->up_model);
	size_t n = fmt(c->place, sizeof c->place, "%s/%s", cfg->target.host, c->up_model);
	fmt(c->binding, sizeof c->binding, "%llx", (unsigned long long)hash_bytes(c->place, n));
	learned = learned_find(c->srv->learned, c->place);
	conn_show_mapping(c, learned);
	if (learned[0] == '\0')
		return;
	q_apply(&c->q, learned, strlen(learned), &why, &at);
	q_apply(&c->q, cfg->up_settings, strlen(cfg->up_settings), &why, &at);
}

static void choose_target(struct conn *c)
{
	cfg_model(c->inst->cfg, c->model, c->nmodel, c->up_model, sizeof c->up_model);
	take_settings(c);
}

/* Another model for what this one cannot see; not in the middle of a repair, which is this one's. */
static bool choose_for_images(struct conn *c)
{
	const char *vision = c->inst->cfg->vision_model;

	if (!c->facts.hides_image || vision[0] == '\0' || c->nrepairs > 0 || strcmp(c->up_model, vision) == 0)
		return false;
	fmt(c->up_model, sizeof c->up_model, "%s", vision);
	take_settings(c);
	return true;
}

static int convert(struct conn *c, struct j_val root)
{
	const struct config *cfg = c->inst->cfg;
	struct target t = { .q = &c->q, .model = c->up_model, .max_tokens_limit = cfg->max_tokens_limit,
		.min_tokens_limit = cfg->min_tokens_limit, .requesty_auto_cache = cfg->requesty_auto_cache,
		.binding = c->binding, .session_id = c->session_id, .more = c->more.p, .nmore = c->more.n };

	if (c->route == ROUTE_CHAT)
		return chat_convert(root, c->up_model, &c->plan, &c->error);
	if (c->fit_tokens > 0 && c->fit_tokens < t.max_tokens_limit)
		t.max_tokens_limit = c->fit_tokens;
	if (t.min_tokens_limit > t.max_tokens_limit)
		t.min_tokens_limit = 0;
	return request_convert(root, &t, &c->plan, &c->session, &c->facts, &c->error);
}

/*
 * Converts into room that most requests stay within (pages that are not used
 * cost nothing); one that does not was counted, and is converted again. Whether
 * it could be.
 */
static bool convert_whole(struct conn *c, struct j_val root)
{
	if (!make_room(c, (struct sizes){ 128 + root.n / 128, 1024 + root.n / 64, 64 + root.n / 2048, 2048 + root.n / 256 })) {
		conn_no_memory(c);
		return false;
	}
	if (convert(c, root) != 0) {
		conn_failed(c, "bad request");
		return false;
	}
	if (plan_fits(&c->plan) && c->session.nids <= c->session.ids_cap && c->session.nnames <= c->session.names_cap)
		return true;
	if (!make_room(c, (struct sizes){ c->plan.nspans, c->plan.narena, c->session.nids, c->session.nnames })) {
		conn_no_memory(c);
		return false;
	}
	convert(c, root);
	return true;
}

/* Converts, and turns to the upstream. */
static void go_upstream(struct conn *c, struct j_val root)
{
	static const char no_search[] = "{\"choices\":[{\"message\":{\"content\":\"Web search is not available: the provider"
		" has none for this model (UP_SEARCH). Nothing was looked up; another search would fail as well.\"},"
		"\"finish_reason\":\"stop\"}],\"usage\":{}}";

	if (!convert_whole(c, root))
		return;
	if (choose_for_images(c)) {
		go_upstream(c, root);
		return;
	}
	if (c->facts.unsearched) {
		relay_local(c, no_search);
		return;
	}
	if (!make_head(c)) {
		conn_no_memory(c);
		return;
	}
	c->converted = true;
	show_request(c);
	relay_start(c);
}

/* Clients that send no field for it name the session in metadata.user_id: in JSON, or as ..._session_ID. */
static void session_of_user(struct conn *c, struct j_val user_id)
{
	char text[512], *p;

	j_text(user_id, text, sizeof text);
	p = strstr(text, "session_");
	if (p == NULL || c->session_id[0] != '\0')
		return;
	p += strlen("session_");
	p += strncmp(p, "id\"", 3) == 0 ? 3 + strspn(p + 3, ": \"") : 0;
	conn_session(c, (struct http_text){ p, strcspn(p, "\"") });
}

static void serve_messages(struct conn *c, struct j_val root)
{
	if (request_read(root, &c->facts, &c->error) != 0) {
		conn_failed(c, "bad request");
		return;
	}
	c->facts.tokens = tokens_count(&c->srv->tokens, root);
	c->nmodel = j_text(c->facts.model, c->model, sizeof c->model);
	session_of_user(c, j_get(c->facts.metadata, "user_id"));
	choose_target(c);
	go_upstream(c, root);
}

void serve_again(struct conn *c)
{
	heap_free(&c->plan_bytes);
	heap_free(&c->names);
	heap_free(&c->up_head);
	c->session = (struct session){ 0 };
	go_upstream(c, j_root(c->body.p, c->body.n));
}

/* what a provider's fields say of a request */
static void chat_facts(struct request_facts *f, struct j_val messages)
{
	struct j_val message = { 0 }, part;

	while (j_item(messages, &message)) {
		f->last_is_user = j_is(j_get(message, "role"), "user");
		for (part = (struct j_val){ 0 }; j_item(j_get(message, "content"), &part);)
			f->has_image = f->has_image || j_is(j_get(part, "type"), "image_url");
	}
}

static void serve_chat(struct conn *c, struct j_val root)
{
	struct j_val model = j_get(root, "model");

	c->nmodel = j_text(model, c->model, sizeof c->model);
	choose_target(c);
	if (c->q.native) {
		conn_fail(c, 404, "only /v1/messages is passed on to this provider", "no such path");
		return;
	}
	c->facts.model = model;
	c->facts.stream = c->facts.up_stream = j_get(root, "stream").type == J_TRUE;
	chat_facts(&c->facts, j_get(root, "messages"));
	go_upstream(c, root);
}

static void serve_count(struct conn *c, struct j_val root)
{
	if (request_check(root, &c->error) != 0) {
		conn_failed(c, "bad request");
		return;
	}
	struct tokens t = tokens_count(&c->srv->tokens, root);
	c->nmodel = j_text(j_get(root, "model"), c->model, sizeof c->model);
	choose_target(c);
	plan_put(&c->out_plan, "{\"input_tokens\":%d}", tokens_estimate(&t, &c->inst->calibration, conn_model(c)));
	answer_plan(c, 200);
}

/* /test-connection: one tiny request, told in the words of the old tools */
static void serve_test(struct conn *c)
{
	struct plan p;
	struct plan_pos at = { 0 };
	struct span spans[5];

	plan_init(&p, spans, 5, NULL, 0);
	plan_put(&p, "{\"model\":\"%e\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}",
		c->inst->cfg->small_model);
	if (!heap_grow(&c->body, p.total, HEAP_NO_MAX)) {
		conn_no_memory(c);
		return;
	}
	c->body.n = plan_pull(&p, &at, c->body.p, c->body.cap);
	serve_messages(c, j_root(c->body.p, c->body.n));
}

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
