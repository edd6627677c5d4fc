/*
 * A Messages request into a Chat Completions request: the first look, the
 * members beside messages and tools, and the order of all of them.
 *
 *   model messages tools tool_choice parallel_tool_calls response_format
 *   max_tokens temperature top_p stop (thinking) stream stream_options
 *   tool_stream prompt_cache_key requesty (the rest of extra)
 *
 * Promises: what is absent is not sent; numbers and the insides of strings go
 * upstream byte for byte; the same request gives the same bytes, and the next
 * turn of a conversation the same bytes up to its new messages, so that the
 * provider's prompt cache holds. top_k, metadata, service_tier, container,
 * context_management and unknown members are accepted and not sent.
 *
 * Limits: TURN_CALLS tool calls in one turn; ids are told apart over the first
 * 3072 calls of a conversation; LOADED_MAX deferred tools keep their place.
 * Reading costs a bounded number of sweeps over the body, whatever is in it.
 */
#include <string.h>

#include "buf.h"
#include "request_work.h"
#include "schema.h"

#define MILLION 1000000

static const struct j_val none;

/* ---- what is wrong ---- */

static void put_number(struct buf *b, size_t n)
{
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	buf_put(b, digits + at, sizeof digits - at);
}

static void put_place(struct buf *b, const struct place *at)
{
	if (at == NULL)
		return;
	put_place(b, at->up);
	if (b->len > 0)
		buf_str(b, ".");
	buf_str(b, at->name);
	buf_str(b, ".");
	put_number(b, at->index);
}

void work_fail(struct work *w, const struct place *at, const char *leaf, const char *why)
{
	char text[512];
	struct buf b = { .p = text, .cap = sizeof text - 1 };

	if (w->failed)
		return;
	w->failed = true;
	put_place(&b, at);
	if (b.len > 0 && leaf[0] != '\0')
		buf_str(&b, ".");
	buf_str(&b, leaf);
	buf_str(&b, ": ");
	buf_str(&b, why);
	text[b.len] = '\0';
	error_set(w->e, 400, text);
}

bool work_want(struct work *w, const struct place *at, const char *leaf, struct j_val v, enum j_type type,
	bool required)
{
	static const char *const wrong[] = {
		[J_TRUE] = "must be true or false", [J_NUMBER] = "must be a number", [J_STRING] = "must be a string",
		[J_ARRAY] = "must be an array", [J_OBJECT] = "must be an object"
	};

	if (v.type == type || (type == J_TRUE && v.type == J_FALSE))
		return true;
	if (v.type == J_NONE || (v.type == J_NULL && !required)) {
		if (required)
			work_fail(w, at, leaf, "Field required");
		return !required;
	}
	work_fail(w, at, leaf, wrong[type]);
	return false;
}

bool work_content(struct work *w, const struct place *at, const char *leaf, struct j_val v)
{
	if (v.type == J_NONE || v.type == J_NULL || v.type == J_STRING || v.type == J_ARRAY)
		return true;
	work_fail(w, at, leaf, "must be a string or an array");
	return false;
}

/* ---- members of the body ---- */

bool work_dropped(const struct work *w, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = w->q->drop; p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	}
	return false;
}

static void key(struct work *w, const char *name)
{
	plan_lit(w->out, w->nmembers++ > 0 ? ",\"" : "{\"");
	plan_lit(w->out, name);
	plan_lit(w->out, "\":");
}

bool work_member(struct work *w, const char *name)
{
	if (work_dropped(w, name) || j_get(w->extra, name).type != J_NONE)
		return false;
	key(w, name);
	return true;
}

static struct j_val same_member(struct j_val object, struct j_val name)
{
	struct j_val k = none, v = none;

	while (j_member(object, &k, &v))
		if (j_same(k, name))
			break;
	return v;
}

/* ours is short and does not last; theirs does. As deep as ours nests. */
static void merge(struct plan *out, struct j_val ours, struct j_val theirs)
{
	struct j_val k = none, v = none;
	const char *before = "{";

	while (j_member(ours, &k, &v)) {
		struct j_val their = same_member(theirs, k);
		plan_lit(out, before);
		plan_copy(out, SPAN_RAW, k.p, k.n);
		plan_lit(out, ":");
		if (v.type == J_OBJECT && their.type == J_OBJECT)
			merge(out, v, their);
		else if (their.type != J_NONE)
			plan_val(out, their);
		else
			plan_copy(out, SPAN_RAW, v.p, v.n);
		before = ",";
	}
	k = v = none;
	while (j_member(theirs, &k, &v)) {
		if (same_member(ours, k).type != J_NONE)
			continue;
		plan_lit(out, before);
		plan_val(out, k);
		plan_lit(out, ":");
		plan_val(out, v);
		before = ",";
	}
	plan_lit(out, before[0] == '{' ? "{}" : "}");
}

void work_object(struct work *w, const char *name, const char *text, size_t n)
{
	struct j_val theirs = j_get(w->extra, name);

	if (theirs.type != J_OBJECT) {
		if (work_member(w, name))
			plan_copy(w->out, SPAN_RAW, text, n);
		return;
	}
	if (work_dropped(w, name) || w->nmerged == sizeof w->merged / sizeof w->merged[0])
		return;
	w->merged[w->nmerged++] = name;
	key(w, name);
	merge(w->out, j_root(text, n), theirs);
}

/* whether a member of extra was written already, or may not be */
static bool extra_done(const struct work *w, struct j_val name)
{
	char text[Q_TEXT];

	for (size_t i = 0; i < w->nmerged; i++)
		if (j_is(name, w->merged[i]))
			return true;
	j_text(name, text, sizeof text);
	return j_is(name, "messages") || (j_is(name, text) && work_dropped(w, text));
}

static void write_extra(struct work *w)
{
	struct j_val k = none, v = none;

	while (j_member(w->extra, &k, &v)) {
		if (extra_done(w, k))
			continue;
		plan_lit(w->out, w->nmembers++ > 0 ? "," : "{");
		plan_val(w->out, k);
		plan_lit(w->out, ":");
		plan_val(w->out, v);
	}
}

void work_inner(struct work *w, struct j_val string)
{
	size_t n;
	const char *raw = j_raw(string, &n);

	plan_span(w->out, SPAN_RAW, raw, n);
}

/* ---- limits and sampling ---- */

/* A number as it stands where it is one that any server reads; else in plain digits. */
static void write_whole(struct work *w, struct j_val v, int64_t value)
{
	bool digits = v.type == J_NUMBER;

	for (size_t i = 0; i < v.n; i++)
		digits = digits && v.p[i] >= '0' && v.p[i] <= '9';
	if (digits)
		plan_val(w->out, v);
	else
		plan_num(w->out, value);
}

static void write_max_tokens(struct work *w)
{
	static const char *const names[] = {
		[MAXTOK_MAX_TOKENS] = "max_tokens", [MAXTOK_COMPLETION] = "max_completion_tokens", [MAXTOK_NONE] = NULL
	};
	struct j_val v = w->top[TOP_MAX_TOKENS];
	const char *name = names[w->q->maxtok];
	int64_t value;

	if (v.type == J_NONE) {
		if (!w->counting)
			work_fail(w, NULL, "max_tokens", "Field required");
		return;
	}
	if (!j_whole(v, &value) || value < 1) {
		work_fail(w, NULL, "max_tokens", "must be a whole number above 0");
		return;
	}
	if (w->t->max_tokens_limit > 0 && value > w->t->max_tokens_limit) {
		value = w->t->max_tokens_limit;
		v = none;
	}
	if (value < w->t->min_tokens_limit) {
		value = w->t->min_tokens_limit;
		v = none;
	}
	if (name != NULL && work_member(w, name))
		write_whole(w, v, value);
}

/* the setting's range for a temperature other than 1; NULL: as it is */
static const char *clamped(enum q_temp mode, int64_t millionths)
{
	if (mode != TEMP_UNIT && mode != TEMP_GT0)
		return NULL;
	if (millionths > MILLION)
		return "1";
	if (mode == TEMP_GT0 && millionths <= 0)
		return "0.01";
	return millionths < 0 ? "0" : NULL;
}

static void write_sampling(struct work *w)
{
	struct j_val temperature = w->top[TOP_TEMPERATURE], top_p = w->top[TOP_TOP_P];
	int64_t millionths;

	if (!work_want(w, NULL, "temperature", temperature, J_NUMBER, false)
		|| !work_want(w, NULL, "top_p", top_p, J_NUMBER, false) || w->q->temp == TEMP_OMIT)
		return;
	/* 1 is what every provider takes for granted, and what some refuse to be told */
	if (j_millionths(temperature, &millionths) && (millionths != MILLION || w->q->temp == TEMP_PASS)
		&& work_member(w, "temperature")) {
		const char *instead = clamped(w->q->temp, millionths);
		if (instead != NULL)
			plan_lit(w->out, instead);
		else
			plan_val(w->out, temperature);
	}
	if (top_p.type == J_NUMBER && work_member(w, "top_p"))
		plan_val(w->out, top_p);
}

static void write_stop(struct work *w)
{
	struct j_val list = w->top[TOP_STOP], item = none;
	struct place at = { NULL, "stop_sequences", 0 };
	int n = 0;
	bool sent = true;

	if (!work_want(w, NULL, "stop_sequences", list, J_ARRAY, false))
		return;
	for (; j_item(list, &item); at.index++) {
		if (item.type != J_STRING)
			work_fail(w, &at, "", "must be a string");
		if (j_empty(item) || n == w->q->stop || !sent)
			continue;
		if (n == 0)
			sent = work_member(w, "stop");
		if (sent) {
			plan_lit(w->out, n++ == 0 ? "[" : ",");
			plan_val(w->out, item);
		}
	}
	if (n > 0)
		plan_lit(w->out, "]");
}

/* ---- the rest ---- */

static void write_stream(struct work *w)
{
	static const char usage[] = "{\"include_usage\":true}";

	if (!w->f->up_stream)
		return;
	if (work_member(w, "stream"))
		plan_lit(w->out, "true");
	if (w->q->usage)
		work_object(w, "stream_options", usage, sizeof usage - 1);
	if (w->q->tool_stream && w->tools > 0 && work_member(w, "tool_stream"))
		plan_lit(w->out, "true");
}

static void write_cache(struct work *w)
{
	static const char automatic[] = "{\"auto_cache\":true}";
	const char *session = w->t->session_id;

	if (w->q->cache == CACHE_KEY && session != NULL && session[0] != '\0' && work_member(w, "prompt_cache_key"))
		plan_str(w->out, session);
	if (w->t->requesty_auto_cache)
		work_object(w, "requesty", automatic, sizeof automatic - 1);
}

static void write_body(struct work *w)
{
	if (work_member(w, "model"))
		plan_str(w->out, w->t->model);
	key(w, "messages");
	turns_write(w);
	tools_write(w);
	think_format(w);
	write_max_tokens(w);
	write_sampling(w);
	write_stop(w);
	think_write(w);
	write_stream(w);
	write_cache(w);
	write_extra(w);
	plan_lit(w->out, "}");
}

static void facts(struct work *w)
{
	struct request_facts *f = w->f;

	work_want(w, NULL, "stream", w->top[TOP_STREAM], J_TRUE, false);
	f->stream = w->top[TOP_STREAM].type == J_TRUE;
	f->up_stream = f->stream || w->q->stream == STREAM_ALWAYS;
	/* without tools nothing is lost when what was not asked for stays hidden; with them it must come back */
	f->show_thinking = !think_off(w) || w->tools > 0;
	f->has_image = f->last_is_user = false;
}

static int convert(struct work *w, struct j_val body)
{
	static const char *const names[TOPS] = {
		"stream", "system", "messages", "tools", "tool_choice", "max_tokens", "temperature", "top_p",
		"stop_sequences", "thinking", "output_config", "output_format"
	};

	if (body.type != J_OBJECT) {
		error_set(w->e, 400, "the request body must be a JSON object");
		return -1;
	}
	j_fields(body, names, TOPS, w->top);
	w->extra = j_root(w->q->extra, strlen(w->q->extra));
	tools_scan(w);
	facts(w);
	write_body(w);
	return w->failed ? -1 : 0;
}

/* ---- what others call ---- */

int request_read(struct j_val body, struct request_facts *f, struct api_error *e)
{
	static const char *const names[] = { "model", "stream" };
	struct j_val v[2];

	memset(f, 0, sizeof *f);
	j_fields(body, names, 2, v);
	const char *why = body.type != J_OBJECT ? "the request body must be a JSON object"
		: v[0].type == J_NONE ? "model: Field required"
		: v[0].type != J_STRING ? "model: must be a string"
		: j_blank(v[0]) ? "model: must not be empty"
		: j_length(v[0]) > CONV_MODEL_MAX ? "model: must have at most 256 bytes" : NULL;
	if (why != NULL) {
		error_set(e, 400, why);
		return -1;
	}
	f->model = v[0];
	f->stream = v[1].type == J_TRUE;
	f->estimate = tokens_estimate(body);
	return 0;
}

int request_convert(struct j_val body, const struct target *t, struct plan *out, struct session *s,
	struct request_facts *f, struct api_error *e)
{
	struct work w;

	memset(&w, 0, offsetof(struct work, calls));
	w.t = t;
	w.q = t->q;
	w.out = out;
	w.s = s;
	w.f = f;
	w.e = e;
	return convert(&w, body);
}

int request_check(struct j_val body, struct api_error *e)
{
	struct quirks q;
	struct target t = { .q = &q, .model = "", .binding = "", .session_id = "" };
	struct session s = { 0 };
	struct request_facts f = { 0 };
	struct plan out = { 0 };
	struct work w;

	q_init(&q);
	memset(&w, 0, offsetof(struct work, calls));
	w.t = &t;
	w.q = &q;
	w.out = &out;
	w.s = &s;
	w.f = &f;
	w.e = e;
	w.counting = true;
	return convert(&w, body);
}
