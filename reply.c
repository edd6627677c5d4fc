/*
 * OpenAI's side of an answer: events, choices, the finish, usage. What a delta
 * holds goes on to reasoning.c, text.c, calls.c and sources.c.
 *
 *	what came                    before                 the answer
 *	a choice                     anything but the end   goes on, also behind a finish reason
 *	finish reason                none                   is finished: usage may follow
 *	                             another                nothing: the first counts
 *	error                        finish reason          nothing: the finish counts
 *	                             else                   failed
 *	[DONE], end of the stream    finish reason          done
 *	[DONE], end of a document    text, a call           done, by a natural end
 *	                             nothing of that        failed
 *	end of the stream            no finish reason       failed: it was cut
 *	anything                     the end                nothing
 *
 * The blocks close and the message ends when nothing more can come, so all of
 * it counts: content behind the finish reason, usage behind everything.
 */
#include "reply.h"

#include <string.h>

#include "answer.h"
#include "error.h"

#define TOLD 1024		/* bytes of a message with words of the upstream in it */
#define BAD_BYTES 64	/* places of an event that are mended; with more it is no text */

/* ---- failing ---- */

void reply_odd(struct reply *r, const char *what)
{
	r->oddity = what;
}

void reply_fail(struct reply *r, int status, const char *message)
{
	if (r->what != REPLY_MORE)
		return;
	error_set(&r->error, status, message);
	r->what = REPLY_FAILED;
}

/* A message of two parts. */
static void fail_with(struct reply *r, int status, const char *message, const char *p, size_t n)
{
	size_t len = strlen(message);

	reply_fail(r, status, message);
	error_clean(r->error.message + len, TOLD - len, p, n);
}

static void fail_context(struct reply *r, const char *why)
{
	char *message = r->error.message;

	fail_with(r, 400, "prompt is too long (upstream: ", why, strlen(why));
	memcpy(message + strlen(message), ")", 2);
}

bool reply_fail_error(struct reply *r, bool found, bool named, const char *p, size_t n)
{
	if (found)
		r->what = REPLY_FAILED;
	else if (named)
		fail_with(r, 500, "upstream error: ", p, n);
	return found || named;
}

/* ---- the end ---- */

bool reply_overflow(struct reply *r)
{
	bool told = r->finish == FINISH_CONTEXT || (r->finish == FINISH_LENGTH && r->o.q->empty_length);

	if (!told || r->real || r->ncalls > 0)
		return false;
	fail_context(r, r->finish == FINISH_CONTEXT ? r->finish_word : "no output before the length limit");
	return true;
}

/* Nothing more will come: what waits is written, the message ends. */
static void conclude(struct reply *r)
{
	static const char no_answer[] = "The web search gave no answer.";
	struct sink_end end = { 0 };
	struct piece it = { 0 };

	if (r->o.q->native) {
		native_end(r);
		return;
	}
	text_end(r);
	calls_settle(r, true);
	sources_write(r);
	if (reply_overflow(r))
		return;
	if (r->finish == FINISH_NONE && !r->real) {
		reply_fail(r, 502, "the upstream's answer was empty");
		return;
	}
	/* its client waits for results or for words */
	if (r->o.search && !r->spoke && r->tools == 0 && r->nsources == 0)
		text_put(r, no_answer, sizeof no_answer - 1);
	block_end(r, BLOCK_NONE);
	if (r->hold.failed || r->what != REPLY_MORE)
		return;
	end.stop_reason = finish_stop_reason(r);
	end.refused = strcmp(end.stop_reason, "refusal") == 0;
	if (strcmp(end.stop_reason, "stop_sequence") == 0 && hold_find(&r->hold, HOLD_STOP, 0, &it))
		end.stop_sequence = j_value(it.p, it.n, J_STRING);
	finish_explain(r, r->explanation, sizeof r->explanation);
	end.explanation = r->explanation;
	end.usage = usage_of(r);
	sink_end(&r->sink, &end);
	r->what = REPLY_DONE;
}

/* ---- choices ---- */

/* The text of a refusal. */
static const char *refusal(struct reply *r, struct j_val text, size_t *n)
{
	const char *raw = j_raw(text, n);

	r->refused = r->refused || *n > 0;
	return raw;
}

/* Reasoning in parts of content: a text, or an array of parts. */
static void read_thinking(struct reply *r, struct j_val thinking)
{
	size_t n;
	const char *raw = j_raw(thinking, &n);

	reasoning_put(r, FROM_PARTS, raw, n);
}

/* A part of content given as an array. */
static void read_part(struct reply *r, struct j_val part)
{
	enum { TYPE, TEXT, THINKING, REFUSAL, FIELDS };
	struct j_val f[FIELDS], item = { 0 };
	size_t n;

	j_pick(part, "type\0text\0thinking\0refusal\0", f);
	if (j_is(f[TYPE], "thinking")) {
		read_thinking(r, f[THINKING]);
		while (j_item(f[THINKING], &item))
			read_thinking(r, item.type == J_STRING ? item : j_get(item, "text"));
		return;
	}
	const char *raw = j_raw(part.type == J_STRING ? part : f[TEXT], &n);
	if (n == 0)
		raw = refusal(r, f[REFUSAL], &n);
	text_content(r, raw, n, false);
}

static void read_content(struct reply *r, struct j_val content, bool thought)
{
	struct j_val part = { 0 };
	size_t n;
	const char *raw = j_raw(content, &n);

	if (content.type == J_OBJECT)
		read_part(r, content);
	while (j_item(content, &part))
		read_part(r, part);
	text_content(r, raw, n, thought);
}

/* A delta, or a message: they have the same members. spare: those of the choice, where some put reasoning. */
static void read_delta(struct reply *r, struct j_val delta, struct j_val spare, unsigned choice)
{
	enum { EXTRA = THOUGHT_FIELDS, CONTENT, IMAGES, REFUSAL, TOOLS, FUNCTION, FIELDS };
	static const char image[] = "[an image, which cannot be shown here]";
	struct j_val f[FIELDS], s[PLAIN_FIELDS];
	size_t n;

	j_pick(delta, THOUGHT_NAMES "extra_content\0content\0images\0refusal\0tool_calls\0function_call\0", f);
	j_pick(spare, PLAIN_NAMES, s);
	for (int i = 0; i < PLAIN_FIELDS; i++)
		if (j_empty(f[i]))
			f[i] = s[i];
	f[THOUGHT_SIGNATURE] = google_signature(f[EXTRA], f[THOUGHT_SIGNATURE]);
	reasoning_read(r, f);
	sources_read(r, delta);
	if (r->whole)
		sources_write(r);
	read_content(r, f[CONTENT], !r->whole && google_member(f[EXTRA], "thought").type == J_TRUE);
	if (!j_empty(f[IMAGES]))
		text_put(r, image, sizeof image - 1);
	const char *refused = refusal(r, f[REFUSAL], &n);
	text_put(r, refused, n);
	calls_read(r, f[TOOLS], choice);
	calls_function(r, f[FUNCTION], choice);
	calls_settle(r, false);
	for (unsigned i = 0; i < FIELDS; i++) {
		enum again_kind kind = i < PLAIN_FIELDS ? AGAIN_THOUGHT : i == CONTENT ? AGAIN_TEXT : AGAIN_OTHER;

		if (i == TOOLS || j_empty(f[i]))
			continue;
		again_said(r, f[i].type == J_STRING ? kind : AGAIN_OTHER, f[i]);
		r->again.key = i;
	}
}

/* Trims; also off with a second "data:", which relays put before what is an event already. */
static void unprefix(char **data, size_t *n)
{
	const char *p = *data;

	trim(&p, n);
	if (*n >= 5 && memcmp(p, "data:", 5) == 0) {
		p += 5;
		*n -= 5;
		trim(&p, n);
	}
	*data += p - *data;
}

/* finish_reason error_finish: the content is no answer but an error, often an event of its own */
static void fail_with_content(struct reply *r, struct j_val delta)
{
	char text[4096];
	struct j_err err;
	char *p = text;
	size_t n = j_copy(j_get(delta, "content"), text, sizeof text);

	unprefix(&p, &n);
	bool found = j_check(p, n, &err) == 0 && error_object(j_root(p, n), true, &r->error);
	if (!reply_fail_error(r, found || error_text(p, n, &r->error), false, p, n))
		fail_with(r, 500, "the upstream ended the answer: error_finish: ", p, n);
}

void reply_ends(struct reply *r, enum finish finish, const char *word)
{
	if (finish == FINISH_NONE || r->finish != FINISH_NONE)
		return;
	memcpy(r->finish_word, word, sizeof r->finish_word);
	if (finish >= FINISH_OVERLOAD)
		fail_with(r, finish == FINISH_OVERLOAD ? 529 : 500, "the upstream ended the answer: ", word, strlen(word));
	else
		r->finish = (unsigned char)finish;
}

static void read_choice(struct reply *r, struct j_val choice, size_t place)
{
	enum { INDEX, DELTA, MESSAGE, TEXT, FINISH, USAGE, STOP, MATCHED, FILTER, FIELDS };
	struct j_val f[FIELDS];
	char word[sizeof r->finish_word];
	int64_t index;

	j_pick(choice, "index\0delta\0message\0text\0finish_reason\0usage\0stop_reason\0matched_stop\0content_filter_results\0", f);
	enum finish finish = finish_of(f[FINISH], word, sizeof word);
	struct j_val delta = f[DELTA].type == J_OBJECT ? f[DELTA] : f[MESSAGE];
	usage_read(r, f[USAGE]);
	if (finish == FINISH_ERROR_TEXT && r->finish == FINISH_NONE) {
		fail_with_content(r, delta);
		return;
	}
	if (!j_whole(f[INDEX], &index) || index < 0)
		index = (int64_t)place;
	bool in_delta = f[DELTA].type == J_OBJECT;
	/* the whole message behind its deltas: its text was said already */
	if (!in_delta && f[MESSAGE].type == J_OBJECT && r->deltas && r->real)
		calls_read(r, j_get(delta, "tool_calls"), (unsigned)(index & 0x7fff));
	else
		read_delta(r, delta, choice, (unsigned)(index & 0x7fff));
	/* legacy completions; others repeat the delta there */
	if (delta.type != J_OBJECT)
		read_content(r, f[TEXT], false);
	r->deltas = r->deltas || in_delta;
	if (finish == FINISH_REFUSAL)
		finish_filter(r, f[FILTER]);
	finish_stop(r, f[STOP].type == J_STRING ? f[STOP] : f[MATCHED]);
	reply_ends(r, finish, word);
	if (!in_delta || finish != FINISH_NONE || !j_empty(f[USAGE]) || !j_empty(f[STOP]) || !j_empty(f[MATCHED]))
		again_said(r, AGAIN_OTHER, choice);
}

/* ---- events ---- */

/* Whether an object without choices, or with an error in it, is worth asking whether it is an error. */
static bool suspicious(struct j_val error, struct j_val choices, struct j_val base, struct j_val object)
{
	int64_t code;

	if (!j_empty(error) || j_is(object, "error") || (j_whole(j_get(base, "status_code"), &code) && code != 0))
		return true;
	return choices.type != J_ARRAY;
}

/* One object of the stream, or the whole answer. named: the stream says that it is an error. */
static void read_object(struct reply *r, struct j_val v, bool named)
{
	enum { CHOICES, ERROR, USAGE, GROQ, TIMINGS, BASE, OBJECT, FIELDS };
	struct j_val f[FIELDS], choice = { 0 };
	bool finished = r->finish != FINISH_NONE;

	if (r->o.q->native) {
		native_read(r, v, named);
		return;
	}
	j_pick(v, "choices\0error\0usage\0x_groq\0timings\0base_resp\0object\0", f);
	if (!finished && (named || suspicious(f[ERROR], f[CHOICES], f[BASE], f[OBJECT])))
		reply_fail_error(r, error_object(v, named || r->whole, &r->error), named, v.p, v.n);
	if (r->what != REPLY_MORE)
		return;
	usage_read(r, f[USAGE]);
	usage_read(r, j_get(f[GROQ], "usage"));
	usage_timings(r, f[TIMINGS]);
	sources_read(r, v);
	for (size_t place = 0; r->what == REPLY_MORE && j_item(f[CHOICES], &choice); place++) {
		if (choice.type != J_OBJECT)
			continue;
		r->any_choice = true;
		read_choice(r, choice, place);
	}
	if (!j_empty(f[USAGE]) || !j_empty(f[GROQ]) || !j_empty(f[TIMINGS]))
		again_said(r, AGAIN_OTHER, v);
}

static void read_value(struct reply *r, struct j_val v, bool named)
{
	struct j_val item = { 0 };

	if (v.type == J_OBJECT) {
		read_object(r, v, named);
		return;
	}
	/* Gemini wraps its errors in an array */
	while (r->what == REPLY_MORE && j_item(v, &item))
		if (item.type == J_OBJECT)
			read_object(r, item, named);
	if (v.type != J_STRING || r->what != REPLY_MORE || r->finish != FINISH_NONE)
		return;
	reply_fail_error(r, error_object(v, named || r->whole, &r->error), named, v.p + 1, v.n - 2);
}

/* Text that is no JSON: an error, a broken event, or one of the things that relays send to keep a line open. */
static void read_other(struct reply *r, char *p, size_t n, const struct j_err *err, bool named)
{
	if (r->finish != FINISH_NONE)
		return;
	if (!reply_fail_error(r, error_text(p, n, &r->error), named, p, n) && (p[0] == '{' || p[0] == '['))
		fail_with(r, 502, "the upstream sent a broken event: ", err->why, strlen(err->why));
}

/*
 * Bytes that are no UTF-8 must not end an answer: a character cut in two by
 * whoever made the deltas. They become U+FFFD where there is room for it, else
 * a question mark. False: that is not all that is wrong.
 */
static bool mend(char *p, size_t *n, struct j_err *err)
{
	for (int bad = 0; bad < BAD_BYTES && err->at < *n && (p[err->at] & 0x80) != 0; bad++) {
		char *at = p + err->at;
		size_t run = 1, left = *n - err->at, kept;

		while (run < left && (at[run] & 0xc0) == 0x80)
			run++;
		kept = run < 3 ? 1 : 3;
		memcpy(at, run < 3 ? "?" : "\xef\xbf\xbd", kept);
		memmove(at + kept, at + run, left - run);
		*n -= run - kept;
		if (j_check_keep(p, *n, err) == 0)
			return true;
	}
	return false;
}

/* [DONE] at p, in letters of any case */
static bool is_done(const char *p)
{
	static const char word[] = "[done]";

	for (size_t i = 0; i < 6; i++)
		if ((p[i] | (i % 5 == 0 ? 0 : 32)) != word[i])
			return false;
	return true;
}

/* [DONE], in quotes too, or JSON; false when it is neither. */
static bool read_data(struct reply *r, char *p, size_t n, struct j_err *err, bool named)
{
	size_t quotes = n == 8 && p[0] == '"' && p[7] == '"';

	if (n == 6 + 2 * quotes && is_done(p + quotes)) {
		if (r->finish != FINISH_NONE || !r->o.q->native)
			conclude(r);
		return true;
	}
	if (j_check_keep(p, n, err) != 0) {
		if (!mend(p, &n, err))
			return false;
		again_said(r, AGAIN_OTHER, j_root(p, n));
	}
	if (r->o.q->native)
		native_line(p, n);
	read_value(r, j_root(p, n), named);
	return true;
}

/* Lines that are not JSON together may be it one by one: the work of relays that lose the empty lines. */
static void read_lines(struct reply *r, char *p, size_t n, bool named)
{
	struct j_err err;

	while (n > 0 && r->what == REPLY_MORE) {
		char *feed = memchr(p, '\n', n), *line = p;
		size_t len = feed != NULL ? (size_t)(feed - p) : n;
		size_t used = feed != NULL ? len + 1 : len;

		p += used;
		n -= used;
		unprefix(&line, &len);
		if (len > 0 && !read_data(r, line, len, &err, named))
			read_other(r, line, len, &err, named);
	}
}

/* Whether there is still something to write, to out. */
static bool begin(struct reply *r, struct plan *out)
{
	if (r->what != REPLY_MORE)
		return false;
	hold_event(&r->hold, out);
	r->sink.out = out;
	return true;
}

/* The same between the upstream's events, and only where events are written. */
static bool begin_between(struct reply *r, struct plan *out, bool started)
{
	return r->sink.started == started && !r->sink.message && begin(r, out);
}

/* What the event came to; the plan is left whole. */
static enum reply_what finish_event(struct reply *r)
{
	if (r->hold.failed)
		reply_fail(r, 502, "the upstream's answer holds back more than this proxy keeps");
	sink_flush(&r->sink);
	return r->what;
}

enum reply_what reply_event(struct reply *r, char *data, size_t n, const char *name, bool error_field,
	struct plan *out)
{
	bool named = error_field || strcmp(name, "error") == 0;
	struct j_err err;

	if (!begin(r, out))
		return r->what;
	unprefix(&data, &n);
	if (n > 0 && (named || !again_read(r, data, n))) {
		again_begin(r);
		if (read_data(r, data, n, &err, named))
			again_learn(r, data, n);
		else
			read_lines(r, data, n, named);
	}
	return finish_event(r);
}

enum reply_what reply_whole(struct reply *r, struct j_val completion, struct plan *out)
{
	if (!begin(r, out))
		return r->what;
	r->whole = true;
	read_value(r, completion, false);
	if (r->what == REPLY_MORE && !r->any_choice)
		reply_fail(r, 502, "the upstream's answer has no choices");
	if (r->what == REPLY_MORE)
		conclude(r);
	return finish_event(r);
}

enum reply_what reply_end(struct reply *r, bool clean, struct plan *out)
{
	if (!begin(r, out))
		return r->what;
	if (r->finish != FINISH_NONE)
		conclude(r);
	else
		reply_fail(r, r->real ? 500 : 502, clean ? "the upstream closed the stream before its answer was complete" :
			"the upstream's connection closed in the middle of its answer");
	return finish_event(r);
}

/* ---- what the owner asks for ---- */

void reply_start(struct reply *r, const struct reply_options *o)
{
	memset(r, 0, offsetof(struct reply, again));
	r->o = *o;
	r->sink.message = o->sink == SINK_MESSAGE;
	r->open_call = -1;
	r->snapshot_index = -1;
	r->oddity = "";
	error_set(&r->error, 0, "");
	again_begin(r);
	hold_init(&r->hold, o->stash);
	conv_fresh("msg_", r->o.seed, 0, r->id, sizeof r->id);
	text_begin(r);
}

bool reply_started(const struct reply *r)
{
	return r->sink.started;
}

bool reply_finished(const struct reply *r)
{
	return r->finish != FINISH_NONE;
}

void reply_commit(struct reply *r, struct plan *out)
{
	if (!begin_between(r, out, false))
		return;
	if (r->o.q->native)
		native_start(r);
	else
		block_end(r, BLOCK_THINKING);
}

void reply_ping(struct reply *r, struct plan *out)
{
	if (begin_between(r, out, true))
		sink_ping(&r->sink);
}

void reply_nudge(struct reply *r, struct plan *out)
{
	if (!begin_between(r, out, true))
		return;
	if (r->sink.open == BLOCK_OTHER) {
		sink_ping(&r->sink);
		return;
	}
	if (r->sink.open == BLOCK_NONE) {
		sink_open(&r->sink, BLOCK_THINKING);
		r->own_block = true;
		r->own_blocks++;
	}
	sink_nothing(&r->sink);
}

void reply_usage(const struct reply *r, int64_t *in, int64_t *cached, int64_t *out)
{
	struct sink_usage u = usage_of(r);

	*in = u.input;
	*cached = u.read;
	*out = u.output;
}

bool reply_counted(const struct reply *r, int64_t *prompt, int64_t *read)
{
	int64_t cached = r->count.read + r->count.created;

	*read = r->count.read;
	*prompt = r->count.prompt > cached ? r->count.prompt : cached;
	return r->count.known && *prompt > 0;
}

const char *reply_stop_reason(const struct reply *r)
{
	return r->what == REPLY_DONE ? finish_stop_reason(r) : "";
}

const struct api_error *reply_error(const struct reply *r)
{
	return &r->error;
}

const char *reply_oddity(const struct reply *r)
{
	return r->oddity;
}
