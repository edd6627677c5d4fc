/*
 * Reasoning: which of the places it may come in is read, what of it the
 * provider wants back (carry.h), and the blocks' order around both.
 *
 * Providers repeat themselves: reasoning_content and reasoning, or reasoning
 * and reasoning_details, say the same thing. The first place with text in it
 * is the answer's; another one counts only where that one is silent, and
 * details only where no plain field ever spoke.
 *
 * State leaves in the signature of the thinking block that closes next; when
 * none is open, an empty one is made for it before the next block or at the end.
 */
#include <string.h>

#include "answer.h"

#define SNAPSHOTS_MAX 64	/* items of details that are looked through for an older snapshot */

/* above this details that are pieces of one text are joined: the signature comes back with every later request */
#define DETAILS_AS_THEY_CAME 4096

static bool wanted(const struct reply *r)
{
	return r->o.show_thinking && r->o.q->echo != ECHO_NONE;
}

/* ---- blocks ---- */

void begin_message(struct reply *r)
{
	struct sink_head head = { r->id, r->o.model, r->o.nmodel, r->o.estimate };

	if (!r->sink.started)
		sink_start(&r->sink, &head);
}

static bool next_signature(const struct reply *r, struct piece *it, uint64_t *call)
{
	while (hold_next(&r->hold, it)) {
		*call = 0;
		if (it->kind == HOLD_SIGNATURE && (it->owner == 0 || calls_client_id(r, it->owner - 1, call)))
			return true;
	}
	return false;
}

static bool carry_due(const struct reply *r)
{
	struct piece it = { 0 };
	uint64_t call;

	if (r->hold.count[HOLD_DETAIL] > 0 || r->hold.count[HOLD_OPAQUE] > 0)
		return true;
	return r->hold.count[HOLD_SIGNATURE] > 0 && next_signature(r, &it, &call);
}

static void remember_sent(struct reply *r, const struct piece *it)
{
	r->sent[r->nsent++ % (sizeof r->sent / sizeof r->sent[0])] = hash_bytes(it->p, it->n);
}

/* how much was joined to an item's text */
static size_t joined(const struct reply *r, struct piece it)
{
	size_t n = 0;

	while (hold_next(&r->hold, &it) && it.kind != HOLD_DETAIL)
		n += it.kind == HOLD_DETAIL_TEXT ? it.n : 0;
	return n;
}

/* An item in one piece with what was joined to its text. */
static struct j_val whole_detail(struct reply *r, struct piece *it)
{
	size_t more = joined(r, *it), head;
	struct j_val item = j_value(it->p, it->n, J_OBJECT);
	struct piece text = *it;
	struct j_err err;

	char *p = more > 0 ? hold_put(&r->hold, HOLD_WORK, 0, NULL, it->n + more) : NULL;
	if (p == NULL)
		return item;
	hold_again(&r->hold, it);
	item = j_get(j_root(it->p, it->n), "text");
	head = (size_t)(item.p + item.n - 1 - it->p);
	memcpy(p, it->p, head);
	char *whole = p;
	size_t n = it->n + more;
	memcpy(p + head + more, it->p + head, it->n - head);
	for (p += head; more > 0 && hold_next(&r->hold, &text); ) {
		if (text.kind != HOLD_DETAIL_TEXT)
			continue;
		memcpy(p, text.p, text.n);
		p += text.n;
		more -= text.n;
		hold_take(&r->hold, &text);
	}
	hold_drop(&r->hold, HOLD_WORK, 0);
	j_check(whole, n, &err);
	return j_root(whole, n);
}

/* The signature of the open thinking block. */
static void sign(struct reply *r)
{
	struct piece detail = { 0 }, opaque = { 0 }, signature = { 0 };
	enum carry_from from = r->sink.empty ? FROM_NONE : (enum carry_from)r->from;
	uint64_t call;

	sink_sign(&r->sink);
	struct plan_pos begin = carry_open(r->sink.out, from);
	while (hold_out(&r->hold, HOLD_DETAIL, 0, &detail)) {
		struct j_val item = whole_detail(r, &detail);
		carry_put(r->sink.out, CARRY_DETAILS, 0, item.p, item.n);
		remember_sent(r, &detail);
	}
	while (hold_out(&r->hold, HOLD_OPAQUE, 0, &opaque))
		carry_put(r->sink.out, CARRY_OPAQUE, 0, opaque.p + 1, opaque.n - 2);
	while (next_signature(r, &signature, &call)) {
		carry_put(r->sink.out, CARRY_SIGNATURE, call, signature.p + 1, signature.n - 2);
		hold_take(&r->hold, &signature);
	}
	carry_close(r->sink.out, begin, r->o.binding);
	sink_signed(&r->sink);
	r->detail_bytes = 0;
}

static void close_thinking(struct reply *r)
{
	if (carry_due(r) || (r->o.show_thinking && !r->sink.empty))
		sign(r);
	sink_close(&r->sink);
}

void block_end(struct reply *r, enum sink_block next)
{
	begin_message(r);
	if (r->sink.open == BLOCK_TOOL)
		calls_close(r);
	else if (r->sink.open == BLOCK_THINKING)
		close_thinking(r);
	else
		sink_close(&r->sink);
	if (next == BLOCK_THINKING || !carry_due(r))
		return;
	sink_open(&r->sink, BLOCK_THINKING);
	close_thinking(r);
}

void block_open(struct reply *r, enum sink_block kind)
{
	if (r->sink.open == kind)
		return;
	block_end(r, kind);
	sink_open(&r->sink, kind);
}

void block_held(struct reply *r, enum hold_kind kind)
{
	struct piece it = { 0 };

	while (hold_out(&r->hold, kind, 0, &it))
		sink_put(&r->sink, it.p, it.n);
}

/* ---- reasoning text ---- */

void reasoning_put(struct reply *r, enum carry_from from, const char *raw, size_t n)
{
	if (n == 0)
		return;
	if (!r->o.show_thinking) {
		r->sink.bytes += (int64_t)n;
		return;
	}
	if (r->sink.open != BLOCK_THINKING && r->hold.count[HOLD_LATE_THOUGHT] == 0 && raw_blank(raw, n)) {
		hold_put(&r->hold, HOLD_WHITE_THOUGHT, 0, raw, n);
		return;
	}
	if (r->from == FROM_NONE)
		r->from = (unsigned char)from;
	r->real = true;
	if (calls_busy(r)) {
		hold_put(&r->hold, HOLD_LATE_THOUGHT, 0, raw, n);
		return;
	}
	hold_drop(&r->hold, HOLD_WHITE_TEXT, 0);
	block_open(r, BLOCK_THINKING);
	block_held(r, HOLD_WHITE_THOUGHT);
	sink_put(&r->sink, raw, n);
}

/*
 * Where reasoning comes as snapshots, all of it so far each time: only what is
 * new. What does not begin with what came before is taken as a delta.
 */
static void new_part(struct reply *r, int64_t index, const char **raw, size_t *n)
{
	size_t old = r->snapshot_length;
	bool grows;

	if (r->o.q->cumulative != CUMULATIVE_REASONING)
		return;
	grows = index == r->snapshot_index && old > 0 && *n >= old && hash_bytes(*raw, old) == r->snapshot_sum;
	r->snapshot_index = index;
	r->snapshot_length = *n;
	r->snapshot_sum = hash_bytes(*raw, *n);
	if (!grows)
		return;
	*raw += old;
	*n -= old;
}

static void put_string(struct reply *r, enum carry_from from, int64_t index, struct j_val text)
{
	size_t n;
	const char *raw = j_raw(text, &n);

	if (n == 0)
		return;
	new_part(r, index, &raw, &n);
	reasoning_put(r, from, raw, n);
}

static bool is_plain(unsigned from)
{
	return from >= FROM_REASONING_CONTENT && from <= FROM_THINKING;
}

/* the field to read, FROM_NONE when none speaks */
static enum carry_from pick(const struct reply *r, const struct j_val plain[])
{
	if (is_plain(r->from) && j_filled(plain[r->from - FROM_REASONING_CONTENT]))
		return (enum carry_from)r->from;
	for (int i = 0; i < PLAIN_FIELDS; i++)
		if (j_filled(plain[i]))
			return (enum carry_from)(FROM_REASONING_CONTENT + i);
	return FROM_NONE;
}

static struct j_val detail_text(struct j_val item)
{
	struct j_val text = j_get(item, "text");

	return j_filled(text) ? text : j_get(item, "summary");
}

static int64_t detail_index(struct j_val item)
{
	int64_t index = -1;

	j_whole(j_get(item, "index"), &index);
	return index;
}

/* ---- state for the next turn ---- */

static bool was_sent(const struct reply *r, struct j_val item)
{
	uint64_t hash = hash_bytes(item.p, item.n);

	for (unsigned i = 0; i < r->nsent && i < sizeof r->sent / sizeof r->sent[0]; i++)
		if (r->sent[i] == hash)
			return true;
	return false;
}

void reasoning_keep(struct reply *r, enum hold_kind kind, unsigned owner, struct j_val v)
{
	struct j_err err;
	char *p = hold_put(&r->hold, kind, owner, v.p, v.n);

	if (p != NULL)
		j_check(p, v.n, &err);
}

/* Of snapshots only the last is kept. */
static void drop_snapshot(struct reply *r, struct j_val item)
{
	struct piece it = { 0 };

	while (r->hold.count[HOLD_DETAIL] <= SNAPSHOTS_MAX && hold_find(&r->hold, HOLD_DETAIL, 0, &it))
		if (detail_index(j_root(it.p, it.n)) == detail_index(item))
			hold_take(&r->hold, &it);
}

/* whether b is a, but for its text, and both are nothing but pieces of a text: the same members in the same order */
static bool continues(struct j_val a, struct j_val b)
{
	struct j_val key = { 0 }, value = { 0 }, key_a = { 0 }, value_a = { 0 };

	if (!j_filled(j_get(a, "text")) || !j_filled(j_get(b, "text")) || j_count(a) != j_count(b))
		return false;
	while (j_member(b, &key, &value) && j_member(a, &key_a, &value_a)) {
		if (!j_same(key, key_a) || j_is(key, "signature") || j_is(key, "data"))
			return false;
		if (!j_is(key, "text") && (value_a.n != value.n || memcmp(value_a.p, value.p, value.n) != 0))
			return false;
	}
	return true;
}

/* Joins an item's text to that of the last one, when it continues it. */
static bool join_detail(struct reply *r, struct j_val item)
{
	struct piece last = { 0 };
	size_t n;

	if (!hold_last(&r->hold, HOLD_DETAIL, &last) || !continues(j_root(last.p, last.n), item))
		return false;
	const char *raw = j_raw(j_get(item, "text"), &n);
	hold_put(&r->hold, HOLD_DETAIL_TEXT, 0, raw, n);
	return true;
}

static void keep_detail(struct reply *r, struct j_val item)
{
	bool snapshots = r->o.q->cumulative == CUMULATIVE_REASONING;

	if (!wanted(r) || item.type != J_OBJECT || (snapshots && was_sent(r, item)))
		return;
	if (snapshots)
		drop_snapshot(r, item);
	else if (r->detail_bytes > DETAILS_AS_THEY_CAME && join_detail(r, item))
		return;
	r->detail_bytes += item.n;
	reasoning_keep(r, HOLD_DETAIL, 0, item);
}

/* A string in place of the one that came before it. */
static void keep_last(struct reply *r, enum hold_kind kind, unsigned owner, struct j_val v)
{
	if (!j_filled(v) || !wanted(r))
		return;
	hold_drop(&r->hold, kind, owner);
	reasoning_keep(r, kind, owner, v);
}

void reasoning_signature(struct reply *r, unsigned owner, struct j_val signature)
{
	keep_last(r, HOLD_SIGNATURE, owner, signature);
}

/* Returns whether there was text in them. */
static bool read_details(struct reply *r, struct j_val details, bool speak)
{
	struct j_val item = { 0 };
	bool spoke = false;

	while (j_item(details, &item)) {
		struct j_val text = detail_text(item);

		if (speak)
			put_string(r, FROM_DETAILS, detail_index(item), text);
		spoke = spoke || j_filled(text);
		keep_detail(r, item);
	}
	return speak && spoke;
}

struct j_val google_member(struct j_val extra, const char *name)
{
	struct j_val google = j_get(extra, "google");

	return j_get(google.type == J_OBJECT ? google : j_get(extra, "vertex"), name);
}

struct j_val google_signature(struct j_val extra, struct j_val other)
{
	struct j_val signature = google_member(extra, "thought_signature");

	return signature.type == J_STRING ? signature : other;
}

void reasoning_read(struct reply *r, const struct j_val f[THOUGHT_FIELDS])
{
	enum carry_from from = pick(r, f);
	bool details = r->from == FROM_DETAILS || (from == FROM_NONE && !is_plain(r->from));

	if (!read_details(r, f[THOUGHT_DETAILS], details) && from != FROM_NONE)
		put_string(r, from, -1, f[from - FROM_REASONING_CONTENT]);
	keep_last(r, HOLD_OPAQUE, 0, f[THOUGHT_OPAQUE]);
	reasoning_signature(r, 0, f[THOUGHT_SIGNATURE]);
}
