/*
 * The pure half as a Unix filter: claude-code-proxy convert KIND <IN >OUT.
 * An input that begins with an HTTP response head is taken with it, so that a
 * recorded answer can be tried as it is.
 */
#include "commands.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "config.h"
#include "error.h"
#include "heap.h"
#include "log.h"
#include "reply.h"
#include "request.h"
#include "sse.h"

extern char **environ;

struct filter {
	const struct config *cfg;
	struct quirks q;
	char model[CONV_MODEL_MAX + 1];
	struct heap in, stash_bytes, event;
	struct stash stash;
	struct plan plan;
	struct plan_heap plan_heap;
	struct reply reply;
	struct api_error error;
};

#define READ_MAX (1 << 30)	/* bytes: as MAX_BODY may be at most */

static bool read_all(struct heap *h)
{
	ssize_t k;

	do {
		if (!heap_grow(h, h->n + 65536, READ_MAX))
			return false;
		k = read(0, h->p + h->n, h->cap - h->n);
		if (k > 0)
			h->n += (size_t)k;
	} while (k > 0 || (k < 0 && errno == EINTR));
	return k == 0;
}

/* Filters need no key and no listener: a lack of both is no error. What the environment says of them comes behind and wins. */
static struct config *load(const struct options *o)
{
	static char key[] = "OPENAI_API_KEY=unused", any[] = "ALLOW_ANONYMOUS=true";
	struct config *c = NULL;
	char err[512] = "out of memory";
	size_t n = 1;

	while (environ[n - 1] != NULL)
		n++;
	char **list = calloc(n + 2, sizeof *list);
	if (list != NULL) {
		list[0] = key;
		list[1] = any;
		memcpy(list + 2, environ, n * sizeof *list);
		c = cfg_load(o->nenv > 0 ? o->env[0] : NULL, list, err, sizeof err, NULL, NULL);
		free(list);
	}
	if (c == NULL)
		say("claude-code-proxy: %s\n", err);
	return c;
}

static int stash_grow(struct stash *s, size_t more)
{
	struct filter *f = s->owner;

	if (!heap_grow(&f->stash_bytes, s->b.off + s->b.len + more, (size_t)f->cfg->max_body))
		return 0;
	s->b.p = f->stash_bytes.p;
	s->b.cap = f->stash_bytes.cap;
	return 1;
}

/* Writes what the plan holds and empties it. */
static bool put_plan(struct filter *f)
{
	struct plan_pos at = { 0 };
	char bytes[8192];
	size_t n;

	while ((n = plan_pull(&f->plan, &at, bytes, sizeof bytes)) > 0)
		if (!write_all(1, bytes, n))
			return false;
	plan_clear(&f->plan);
	return true;
}

static int put_error(struct filter *f, bool as_event)
{
	if (as_event)
		error_event(&f->plan, &f->error, "req_filter");
	else
		error_body(&f->plan, &f->error, "req_filter");
	return put_plan(f) ? 1 : 111;
}

static int not_json(struct filter *f, const struct j_err *err)
{
	char text[160];

	fmt(text, sizeof text, "input is not valid JSON: %s at byte %zu", err->why, err->at);
	error_set(&f->error, 400, text);
	return put_error(f, false);
}

static int convert_request(struct filter *f)
{
	struct j_err err;
	struct request_facts facts;
	struct session session = { 0 };

	if (j_check(f->in.p, f->in.n, &err) != 0)
		return not_json(f, &err);
	struct j_val root = j_root(f->in.p, f->in.n);
	if (request_read(root, &facts, &f->error) != 0)
		return put_error(f, false);
	char id[CONV_MODEL_MAX + 1];
	size_t n = j_text(facts.model, id, sizeof id);
	cfg_model(f->cfg, id, n, f->model, sizeof f->model);
	cfg_quirks(f->cfg, f->model, &f->q);
	struct target t = { .q = &f->q, .model = f->model, .max_tokens_limit = f->cfg->max_tokens_limit,
		.min_tokens_limit = f->cfg->min_tokens_limit, .requesty_auto_cache = f->cfg->requesty_auto_cache,
		.binding = "filter", .session_id = "" };
	if (request_convert(root, &t, &f->plan, &session, &facts, &f->error) != 0) {
		plan_clear(&f->plan);
		return put_error(f, false);
	}
	return put_plan(f) ? 0 : 111;
}

/* Skips a response head before the body. Returns where the body begins. */
static size_t skip_head(struct filter *f, struct http_head *h, bool *has_head)
{
	const char *why;

	*has_head = f->in.n > 7 && memcmp(f->in.p, "HTTP/1.", 7) == 0;
	int n = *has_head ? http_response(f->in.p, f->in.n, false, h, &why) : 0;
	*has_head = n > 0;
	return n > 0 ? (size_t)n : 0;
}

static void start(struct filter *f, enum reply_sink sink)
{
	static const struct session none = { 0 };
	struct reply_options o = { .sink = sink, .q = &f->q, .session = &none, .binding = "filter", .model = f->model,
		.nmodel = strlen(f->model), .show_thinking = true, .search = true, .stash = &f->stash };

	if (getrandom(o.seed, sizeof o.seed, GRND_NONBLOCK) < 0)
		o.seed[0] = 1;
	reply_start(&f->reply, &o);
}

/* Writes what came of a step. Returns -1 to go on, else the exit code. */
static int took(struct filter *f, enum reply_what what, bool events)
{
	if (what == REPLY_FAILED) {
		f->error = *reply_error(&f->reply);
		if (!events)
			plan_clear(&f->plan);
		return put_error(f, events && reply_started(&f->reply));
	}
	if (!put_plan(f))
		return 111;
	return what == REPLY_DONE ? 0 : -1;
}

static int convert_reply(struct filter *f, size_t at)
{
	struct j_err err;
	char *p = f->in.p + at;
	size_t n = f->in.n - at;

	if (j_check_keep(p, n, &err) != 0)
		return not_json(f, &err);
	if (!heap_grow(&f->stash_bytes, n + 1024, HEAP_NO_MAX))
		return 111;
	f->stash.b = (struct buf){ f->stash_bytes.p, f->stash_bytes.cap, 0, 0 };
	start(f, SINK_MESSAGE);
	return took(f, reply_whole(&f->reply, j_root(p, n), &f->plan), false);
}

static int convert_stream(struct filter *f, size_t at)
{
	struct sse sse;
	size_t used;
	int code = -1;

	if (!heap_grow(&f->event, f->in.n + 1, HEAP_NO_MAX))
		return 111;
	sse_init(&sse, f->event.p, f->event.cap);
	start(f, SINK_EVENTS);
	for (; at < f->in.n && code < 0; at += used)
		if (sse_feed(&sse, f->in.p + at, f->in.n - at, &used) == SSE_EVENT)
			code = took(f, reply_event(&f->reply, sse.data, sse.len, sse.name, sse.error_field, &f->plan), true);
	if (code < 0 && sse_end(&sse) == SSE_EVENT)
		code = took(f, reply_event(&f->reply, sse.data, sse.len, sse.name, sse.error_field, &f->plan), true);
	if (code < 0)
		code = took(f, reply_end(&f->reply, true, &f->plan), true);
	return code < 0 ? 111 : code;
}

static int run(struct filter *f, const char *kind)
{
	struct http_head head;
	bool has_head;

	if (strcmp(kind, "request") == 0)
		return convert_request(f);
	size_t at = skip_head(f, &head, &has_head);
	if (strcmp(kind, "error") == 0) {
		error_read(has_head ? &head : NULL, f->in.p + at, f->in.n - at, &f->error);
		put_error(f, false);
		return 0;
	}
	return strcmp(kind, "reply") == 0 ? convert_reply(f, at) : convert_stream(f, at);
}

int command_convert(const struct options *o)
{
	struct filter *f = calloc(1, sizeof *f);
	int code = 111;

	if (f == NULL)
		return code;
	struct config *cfg = load(o);
	f->cfg = cfg;
	f->stash.grow = stash_grow;
	f->stash.owner = f;
	plan_init(&f->plan, NULL, 0, NULL, 0);
	f->plan.grow = plan_heap_grow;
	f->plan.owner = &f->plan_heap;
	if (cfg == NULL) {
		code = 100;
	} else if (read_all(&f->in)) {
		fmt(f->model, sizeof f->model, "%s", cfg->big_model);
		cfg_quirks(cfg, f->model, &f->q);
		code = run(f, o->convert);
	}
	heap_free(&f->in);
	heap_free(&f->stash_bytes);
	heap_free(&f->event);
	plan_heap_free(&f->plan_heap);
	if (cfg != NULL)
		cfg_free(cfg);
	free(f);
	return code;
}
