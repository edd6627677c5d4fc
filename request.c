/*
 * A Messages request into a Chat Completions request: the first look, the
 * members beside messages and tools, and the order of all of them.
 *
 *   model messages tools tool_choice parallel_tool_calls response_format
 *   max_tokens temperature top_p stop (thinking) stream stream_options
 *   tool_stream prompt_cache_key requesty (the rest of extra) (search)
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

#include "log.h"
#include "request_work.h"
#include "schema.h"

#define MILLION 1000000

static const struct j_val none;
static const char not_object[] = "the request body must be a JSON object";

/* ---- what is wrong ---- */

/* The length of what it writes: a few names and numbers, since blocks nest to a small depth. */
static size_t put_place(char *dst, size_t room, const struct place *at)
{
	size_t n = at->up != NULL ? put_place(dst, room, at->up) : 0;

	return n + fmt(dst + n, room - n, at->index != NO_INDEX ? "%s%s.%zu" : "%s%s", n > 0 ? "." : "", at->name, at->index);
}

void work_fail(struct work *w, const struct place *at, const char *leaf, const char *why)
{
	char text[1024];
	size_t n = at != NULL ? put_place(text, sizeof text, at) : 0;

	if (w->failed)
		return;
	w->failed = true;
	fmt(text + n, sizeof text - n, "%s%s: %s", n > 0 && leaf[0] != '\0' ? "." : "", leaf, why);
	error_set(w->e, 400, text);
}

bool work_want(struct work *w, const struct place *at, const char *leaf, const struct j_val *v, char want)
{
	static const char wrong[] = "must be true or false\0must be a number\0must be a string\0must be an array\0"
		"must be an object\0must be a string or an array\0";
	static const char letters[] = "bnsaoc";		/* as these, and but for the last as the types from J_TRUE on */
	bool required = want < 'a';

	if (want == ' ')
		return true;
	int i = (int)(strchr(letters, want | 32) - letters);
	int type = v->type == J_FALSE ? J_TRUE : (int)v->type;

	if (type == J_TRUE + i || (i == 5 && (type == J_STRING || type == J_ARRAY)))
		return true;
	if (type <= J_NULL && !required)
		return true;
	work_fail(w, at, leaf, type == J_NONE ? "Field required" : q_text(wrong, (unsigned)i));
	return false;
}

bool work_wants(struct work *w, const struct place *at, const char *names, const char *wants, const struct j_val v[])
{
	for (; *wants != '\0'; wants++, v++, names += strlen(names) + 1)
		if (!work_want(w, at, names, v, *wants))
			return false;
	return true;
}

/* ---- members of the body ---- */

bool work_dropped(const struct work *w, const char *name)
{
	return list_has(w->q->drop, name);
}

static void key(struct work *w, const char *name)
{
	plan_put(w->out, "%s\"%s\":", w->nmembers++ > 0 ? "," : "{", name);
}

bool work_member(struct work *w, const char *name)
{
	if (work_dropped(w, name) || j_get(w->extra, name).type != J_NONE)
		return false;
	if (j_get(w->search, name).type != J_NONE && strcmp(name, "tools") != 0)
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
	const char *before = "";

	plan_lit(out, "{");
	for (; j_member(ours, &k, &v); before = ",") {
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
	}
	/* both are all zero again */
	while (j_member(theirs, &k, &v)) {
		if (same_member(ours, k).type != J_NONE)
			continue;
		plan_put(out, "%s%v:%v", before, &k, &v);
		before = ",";
	}
	plan_lit(out, "}");
}

void work_put(struct work *w, const char *name, const char *text)
{
	size_t n = strlen(text);
	struct j_val theirs = j_get(w->extra, name);

	if (theirs.type != J_OBJECT || j_get(w->search, name).type != J_NONE) {
		if (work_member(w, name))
			plan_copy(w->out, SPAN_RAW, text, n);
		return;
	}
	if (work_dropped(w, name) || w->nmerged == sizeof w->merged / sizeof w->merged[0])
		return;
	w->merged[w->nmerged++] = name;
	key(w, name);
	if (w->firm)
		merge(w->out, theirs, j_root(text, n));
	else
		merge(w->out, j_root(text, n), theirs);
}

void work_whole(struct work *w, const char *name, int64_t n)
{
	if (work_member(w, name))
		plan_num(w->out, n);
}

/* whether a member of extra was written already, or is to be, or may not be */
static bool extra_done(const struct work *w, struct j_val name)
{
	char text[Q_TEXT];

	if (same_member(w->search, name).type != J_NONE)
		return true;
	for (size_t i = 0; i < w->nmerged; i++)
		if (j_is(name, w->merged[i]))
			return true;
	j_text(name, text, sizeof text);
	return j_is(name, "messages") || work_dropped(w, text);
}

void work_extra(struct work *w)
{
	struct j_val k = none, v = none;

	while (j_member(w->extra, &k, &v))
		if (!extra_done(w, k))
			plan_put(w->out, ",%v:%v", &k, &v);
	/* both are all zero again */
	while (j_member(w->search, &k, &v))
		if (v.type != J_NULL && j_which(k, "tools\0messages\0") < 0)
			plan_put(w->out, ",%v:%v", &k, &v);
}

/* ---- limits and sampling ---- */

int64_t work_limit(struct work *w)
{
	struct j_val v = w->top[TOP_MAX_TOKENS];
	int64_t value;

	if (v.type == J_NONE && w->counting)
		return 0;
	if (!j_whole(v, &value) || value < 1) {
		work_fail(w, NULL, "max_tokens", v.type == J_NONE ? "Field required" : "must be a whole number above 0");
		return 0;
	}
	if (w->t->max_tokens_limit > 0 && value > w->t->max_tokens_limit)
		value = w->t->max_tokens_limit;
	return value < w->t->min_tokens_limit ? w->t->min_tokens_limit : value;
}

static void write_max_tokens(struct work *w)
{
	int64_t value = work_limit(w);

	if (value > 0 && w->q->maxtok != MAXTOK_NONE)
		work_whole(w, w->q->maxtok == MAXTOK_COMPLETION ? "max_completion_tokens" : "max_tokens", value);
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

	if (!work_wants(w, NULL, "temperature\0top_p\0", "nn", &w->top[TOP_TEMPERATURE]) || w->q->temp == TEMP_OMIT)
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
	int n = 0, most = w->q->stop;

	work_want(w, NULL, at.name, &list, 'a');
	for (; j_item(list, &item); at.index++) {
		work_want(w, &at, "", &item, 'S');
		if (j_empty(item) || n >= most)
			continue;
		if (n == 0 && !work_member(w, "stop")) {
			most = 0;
			continue;
		}
		plan_put(w->out, n++ == 0 ? "[%v" : ",%v", &item);
	}
	plan_lit(w->out, n > 0 ? "]" : "");
}

/* ---- the rest ---- */

static void write_stream(struct work *w)
{
	if (!w->f->up_stream)
		return;
	work_put(w, "stream", "true");
	if (w->q->usage)
		work_put(w, "stream_options", "{\"include_usage\":true}");
	if (w->q->tool_stream && w->tools > 0)
		work_put(w, "tool_stream", "true");
}

static void write_cache(struct work *w)
{
	const char *session = w->t->session_id;

	if (w->q->cache == CACHE_KEY && session != NULL && session[0] != '\0' && work_member(w, "prompt_cache_key"))
		plan_str(w->out, session);
	if (w->t->requesty_auto_cache)
		work_put(w, "requesty", "{\"auto_cache\":true}");
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
	work_extra(w);
	plan_lit(w->out, "}");
}

static void facts(struct work *w)
{
	struct request_facts *f = w->f;

	work_want(w, NULL, "stream", &w->top[TOP_STREAM], 'b');
	f->stream = w->top[TOP_STREAM].type == J_TRUE;
	f->up_stream = (f->stream || (w->q->stream == STREAM_ALWAYS && !w->q->native))
		&& j_get(w->search, "stream").type != J_FALSE;
	/* without tools nothing is lost when what was not asked for stays hidden; with them it must come back */
	f->show_thinking = !think_off(w) || w->tools > 0;
	f->has_image = f->hides_image = f->last_is_user = false;
}

static int convert(struct j_val body, const struct target *t, struct plan *out, struct session *s,
	struct request_facts *f, struct api_error *e, bool counting)
{
	struct work w;

	if (body.type != J_OBJECT) {
		error_set(e, 400, not_object);
		return -1;
	}
	memset(&w, 0, offsetof(struct work, seen));
	w.t = t;
	w.q = t->q;
	w.out = out;
	w.s = s;
	w.f = f;
	w.e = e;
	w.counting = counting;
	j_pick(body, "stream\0system\0messages\0tools\0tool_choice\0max_tokens\0temperature\0top_p\0"
		"stop_sequences\0thinking\0output_config\0output_format\0", w.top);
	w.extra = j_root(w.q->extra, strlen(w.q->extra));
	f->search = f->unsearched = false;
	if (!w.q->native)
		tools_scan(&w);
	facts(&w);
	if (w.q->native)
		native_write(&w, body);
	else
		write_body(&w);
	return w.failed ? -1 : 0;
}

/* ---- what others call ---- */

int request_read(struct j_val body, struct request_facts *f, struct api_error *e)
{
	char model[CONV_MODEL_MAX + 1];
	struct j_val v[3];

	memset(f, 0, sizeof *f);
	j_pick(body, "model\0stream\0metadata\0", v);
	const char *why = body.type != J_OBJECT ? not_object
		: v[0].type == J_NONE ? "model: Field required"
		: v[0].type != J_STRING ? "model: must be a string"
		: j_blank(v[0]) ? "model: must not be empty"
		: j_length(v[0]) > CONV_MODEL_MAX ? "model: must have at most 256 bytes"
		: memchr(model, 0, j_text(v[0], model, sizeof model)) != NULL ? "model: must not hold U+0000" : NULL;
	if (why != NULL) {
		error_set(e, 400, why);
		return -1;
	}
	f->model = v[0];
	f->stream = v[1].type == J_TRUE;
	f->metadata = v[2];
	return 0;
}

int request_convert(struct j_val body, const struct target *t, struct plan *out, struct session *s,
	struct request_facts *f, struct api_error *e)
{
	return convert(body, t, out, s, f, e, false);
}

int request_check(struct j_val body, struct api_error *e)
{
	struct quirks q;
	struct target t = { .q = &q, .model = "", .binding = "", .session_id = "" };
	struct session s = { 0 };
	struct request_facts f = { 0 };
	struct plan out = { 0 };

	q_init(&q);
	return convert(body, &t, &out, &s, &f, e, true);
}
