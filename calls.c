/*
 * Tool calls: which call a fragment belongs to, and when a call's block may
 * stand in the answer.
 *
 * A fragment may carry an id, an index, a name, a piece of arguments: any of
 * them or none. It belongs to
 *   the call of its id;
 *   else the call last seen at its index;
 *   else, of several fragments without either, the one at the same place;
 *   else the call that was spoken of last;
 * but begins a new one when it brings a name and another id, or a name again
 * after complete arguments. The first id and the first name count. Without a
 * stream there are no fragments: each is a call.
 *
 *	state   the call
 *	WAITS   lacks its name or its id, or another call comes before it
 *	OPEN    its block is open: arguments pass
 *	CLOSED  its block is closed, or it had no name and was dropped
 *
 * Blocks stand in the order in which the calls began. A block closes when
 * something else follows and its arguments are complete JSON; until then what
 * comes for others waits in the stash. An id that never comes, or that the
 * session knows already, is made here. Limits: REPLY_CALLS.
 */
#include <string.h>

#include "answer.h"

enum { WAITS, OPEN, CLOSED };

/* keys: choice << 16 | index, with one of these above */
#define KEY_INDEX UINT32_C(0)
#define KEY_PLACE UINT32_C(0x80000000)
#define KEY_FUNCTION UINT32_C(0xffffffff)
#define KEY_MADE UINT32_C(0xfffffffe)
#define CHOICE_MASK 0x7fffu
#define INDEX_MAX 0xffff

#define NAME_SUM 0x3fff
#define DEPTH_MAX 127u		/* deeper arguments never count as complete before the end */

struct fragment {
	struct j_val id, name, args, signature;
	uint64_t id_hash;
	uint32_t key;
	unsigned name_sum;
	bool has_id, named, indexed;
	bool alone;		/* no other fragment came with it */
	bool eager;		/* an id cannot come */
};

/* FNV-1a, to be continued: arguments are summed as they come */
#define SUM_START UINT32_C(0x811c9dc5)

static uint32_t add_sum(uint32_t sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (unsigned char)p[i]) * UINT32_C(0x01000193);
	return sum;
}

bool calls_busy(const struct reply *r)
{
	return r->sink.open == BLOCK_TOOL && !r->calls[r->open_call].complete;
}

#define ID_ROOM 32

static size_t make_id(const struct reply *r, unsigned call, char id[ID_ROOM])
{
	return conv_fresh("toolu_", r->o.seed, call + 1, id, ID_ROOM);
}

bool calls_client_id(const struct reply *r, unsigned call, uint64_t *hash)
{
	const struct call *c = &r->calls[call];
	char id[ID_ROOM];

	if (c->state == WAITS)
		return false;
	*hash = c->made_id ? hash_bytes(id, make_id(r, call, id)) : c->id;
	return true;
}

/* ---- names ---- */

/* a decoded name of ordinary length; longer ones are nobody's */
static size_t decode_name(struct j_val name, char *dst, size_t room)
{
	return j_length(name) <= room ? j_copy(name, dst, room) : 0;
}

static const char *declared(const struct reply *r, struct j_val name)
{
	char text[512];
	size_t n = decode_name(name, text, sizeof text);

	return n > 0 ? session_tool(r->o.session, text, n) : NULL;
}

/* ---- which call ---- */

/* Reads one item of tool_calls (or a function_call); place: its position. */
static void read_fragment(struct fragment *g, struct j_val item, unsigned choice, size_t place)
{
	enum { INDEX, ID, FUNCTION, EXTRA, SIGNATURE, FIELDS };
	struct j_val f[FIELDS], call[2];
	int64_t index;

	memset(g, 0, sizeof *g);
	j_pick(item, "index\0id\0function\0extra_content\0thought_signature\0", f);
	j_pick(f[FUNCTION].type == J_OBJECT ? f[FUNCTION] : item, "name\0arguments\0", call);
	g->name = call[0];
	g->args = call[1];
	g->signature = google_signature(f[EXTRA], f[SIGNATURE]);
	g->id = f[ID];
	g->has_id = j_filled(f[ID]);
	g->id_hash = g->has_id ? j_hash(f[ID]) : 0;
	g->named = g->name.type == J_STRING && !j_blank(g->name);
	g->name_sum = g->named ? (unsigned)(j_hash(g->name) & NAME_SUM) : 0;
	g->indexed = j_whole(f[INDEX], &index) && index >= 0 && index <= INDEX_MAX;
	uint32_t low = g->indexed ? (uint32_t)index : (uint32_t)(place & INDEX_MAX);
	g->key = (g->indexed ? KEY_INDEX : KEY_PLACE) | (choice & CHOICE_MASK) << 16 | low;
}

/* whether the fragment holds any piece of arguments */
static bool speaks(const struct fragment *f)
{
	return f->args.type == J_OBJECT || f->args.type == J_ARRAY || (f->args.type == J_STRING && !j_blank(f->args));
}

static bool whole_again(const struct call *c, const struct fragment *f)
{
	size_t n = f->args.n;
	const char *p = f->args.type == J_STRING ? j_raw(f->args, &n) : f->args.p;

	return n == c->length && add_sum(SUM_START, p, n) == c->sum;
}

/* Whether a fragment with a call's own id is another call's all the same: some servers give every call one id. */
static bool id_reused(const struct call *c, const struct fragment *f)
{
	if (!f->named || !c->named)
		return false;
	if (f->indexed && (c->key & KEY_PLACE) == 0 && f->key != c->key)
		return true;
	return c->complete && !c->hollow && speaks(f) && (f->args.type != J_STRING || j_begins(f->args, "{")) &&
		!whole_again(c, f);
}

static bool begins_new(const struct reply *r, const struct call *c, const struct fragment *f)
{
	bool other_name = c->named && c->name_sum != f->name_sum;

	if (!f->named || !c->named)
		return f->named && f->has_id && c->has_id && f->id_hash != c->id;
	if (f->has_id && (c->has_id ? f->id_hash != c->id : other_name))
		return true;
	if (c->complete)
		return other_name || speaks(f);
	return other_name && c->length == 0 && declared(r, f->name) != NULL;
}

/* the newest call with this id, at this key if there is one; -1 for none */
static int find_id(const struct reply *r, const struct fragment *f)
{
	int found = -1;

	for (int i = (int)r->ncalls - 1; i >= 0; i--) {
		const struct call *c = &r->calls[i];

		if (!c->has_id || c->id != f->id_hash)
			continue;
		if (c->key == f->key)
			return i;
		if (found < 0)
			found = i;
	}
	return found;
}

static int find_key(const struct reply *r, uint32_t key)
{
	for (int i = (int)r->ncalls - 1; i >= 0; i--)
		if (r->calls[i].key == key)
			return i;
	return -1;
}

/* The call a fragment belongs to, -1 for a new one. */
static int find_call(const struct reply *r, const struct fragment *f)
{
	int i;

	if (r->whole)
		return -1;
	i = f->has_id ? find_id(r, f) : -1;
	if (i >= 0)
		return id_reused(&r->calls[i], f) ? -1 : i;
	if (f->indexed || !f->alone)
		i = find_key(r, f->key);
	else if (r->ncalls > 0)
		i = (int)r->latest;
	return i >= 0 && begins_new(r, &r->calls[i], f) ? -1 : i;
}

/* ---- arguments ---- */

/* One character of arguments: whether their outermost bracket has closed. */
static void scan(struct call *c, char byte)
{
	if (c->in_string) {
		if (c->escaped)
			c->escaped = 0;
		else if (byte == '\\')
			c->escaped = 1;
		else if (byte == '"')
			c->in_string = 0;
		return;
	}
	if (byte == '"')
		c->in_string = 1;
	else if ((byte == '{' || byte == '[') && c->depth < DEPTH_MAX)
		c->depth++;
	else if ((byte == '}' || byte == ']') && c->depth > 0 && c->depth < DEPTH_MAX)
		c->complete = --c->depth == 0;
}

static void scan_raw(struct call *c, const char *raw, size_t n)
{
	char unit[4];
	size_t used;

	for (; n > 0; raw += used, n -= used) {
		used = 1;
		unit[0] = *raw;
		if (*raw == '\\')
			j_escape(raw, n, unit, &used);
		scan(c, unit[0]);
	}
}

/* Arguments as HOLD_ARGS or HOLD_OBJECT has them, to the call's block where that is open and streams. */
static void pass(struct reply *r, unsigned i, enum hold_kind kind, const char *p, size_t n)
{
	if (r->calls[i].state != OPEN || r->sink.message)
		hold_put(&r->hold, kind, i + 1, p, n);
	else if (kind == HOLD_ARGS)
		sink_put(&r->sink, p, n);
	else
		sink_put_json(&r->sink, p, n);
}

/* {} and null may be all, or stand for arguments that are still to come: nothing is written for either */
static bool is_hollow(const char *raw, size_t n)
{
	return (n == 2 && memcmp(raw, "{}", 2) == 0) || (n == 4 && memcmp(raw, "null", 4) == 0);
}

static void restart(struct call *c)
{
	c->hollow = c->complete = 0;
	c->depth = c->in_string = c->escaped = 0;
	c->length = 0;
	c->sum = SUM_START;
}

/* Arguments that come as all of them so far each time: only what is new. False when that is nothing. */
static bool new_part(const struct reply *r, const struct call *c, const char **raw, size_t *n)
{
	size_t old = c->length;

	if (c->complete && *n == old && add_sum(SUM_START, *raw, *n) == c->sum)
		return false;
	if (r->o.q->cumulative != CUMULATIVE_ARGS || *n < old || add_sum(SUM_START, *raw, old) != c->sum)
		return true;
	*raw += old;
	*n -= old;
	return *n > 0;
}

static void put_args(struct reply *r, unsigned i, const char *raw, size_t n)
{
	struct call *c = &r->calls[i];

	if (c->state == CLOSED || n == 0 || !new_part(r, c, &raw, &n))
		return;
	if (c->hollow) {
		if (raw_blank(raw, n))
			return;
		restart(c);
	}
	if (c->length == 0)
		c->hollow = c->complete = is_hollow(raw, n);
	c->length += (uint32_t)n;
	c->sum = add_sum(c->sum, raw, n);
	if (c->hollow)
		return;
	scan_raw(c, raw, n);
	pass(r, i, HOLD_ARGS, raw, n);
}

static void put_object(struct reply *r, unsigned i, struct j_val v)
{
	struct call *c = &r->calls[i];

	if (c->state == CLOSED || (c->length > 0 && !c->hollow))
		return;
	restart(c);
	c->complete = 1;
	c->hollow = j_empty(v);
	c->length = (uint32_t)v.n;
	c->sum = add_sum(SUM_START, v.p, v.n);
	if (c->hollow)
		return;
	pass(r, i, HOLD_OBJECT, v.p, v.n);
}

/* ---- blocks ---- */

/* Whether the client can get the upstream's id: no other call of the session or of this answer has it. */
static bool id_is_new(const struct reply *r, unsigned i)
{
	const struct call *c = &r->calls[i];

	if (!c->has_id || session_has_id(r->o.session, c->id))
		return false;
	for (unsigned k = 0; k < r->ncalls; k++)
		if (k != i && r->calls[k].state != WAITS && r->calls[k].has_id && r->calls[k].id == c->id)
			return false;
	return true;
}

/* the value, or what was kept of it earlier */
static struct j_val or_held(const struct reply *r, struct j_val v, enum hold_kind kind, unsigned owner)
{
	struct piece it = { 0 };

	if (hold_find(&r->hold, kind, owner, &it))
		v = j_value(it.p, it.n, J_STRING);
	return v;
}

static struct span raw_span(struct j_val string)
{
	size_t n;
	const char *p = j_raw(string, &n);

	return (struct span){ p, (uint32_t)n, SPAN_RAW };
}

static void flush_args(struct reply *r, unsigned i)
{
	struct piece it = { 0 };

	if (r->sink.message)
		return;
	while (hold_next(&r->hold, &it)) {
		if (it.owner != i + 1 || (it.kind != HOLD_ARGS && it.kind != HOLD_OBJECT))
			continue;
		hold_take(&r->hold, &it);
		pass(r, i, it.kind, it.p, it.n);
	}
}

/* Opens a call's block. id and name: those of the present fragment, unless they came before. */
static void open_call(struct reply *r, unsigned i, struct j_val id, struct j_val name)
{
	struct call *c = &r->calls[i];
	char made[ID_ROOM];

	c->made_id = !id_is_new(r, i);
	c->state = OPEN;
	hold_drop(&r->hold, HOLD_WHITE_TEXT, 0);
	hold_drop(&r->hold, HOLD_WHITE_THOUGHT, 0);
	block_end(r, BLOCK_TOOL);
	struct span id_span = raw_span(or_held(r, id, HOLD_ID, i + 1));
	if (c->made_id)
		id_span = (struct span){ made, (uint32_t)make_id(r, i, made), SPAN_ESC };
	name = or_held(r, name, HOLD_NAME, i + 1);
	struct span name_span = raw_span(name);
	const char *known = declared(r, name);
	if (known != NULL)
		name_span = (struct span){ known, (uint32_t)strlen(known), SPAN_ESC };
	sink_tool(&r->sink, "tool_use", &id_span, &name_span);
	r->open_call = (int)i;
	r->tools++;
	r->real = true;
	hold_drop(&r->hold, HOLD_ID, i + 1);
	hold_drop(&r->hold, HOLD_NAME, i + 1);
	flush_args(r, i);
}

/* A message's input is JSON, not a string: arguments that are no object become {}. */
static void write_input(struct reply *r, unsigned owner)
{
	struct piece it = { 0 };
	struct j_err err;

	if (!hold_out(&r->hold, HOLD_OBJECT, owner, &it)) {
		it.p = hold_text(&r->hold, HOLD_ARGS, owner, &it.n);
		hold_drop(&r->hold, HOLD_ARGS, owner);
	}
	if (it.p == NULL)
		return;
	if (j_check(it.p, it.n, &err) == 0 && j_root(it.p, it.n).type == J_OBJECT)
		sink_input(&r->sink, it.p, it.n);
	else
		sink_input(&r->sink, "{}", 2);
}

void calls_close(struct reply *r)
{
	r->calls[r->open_call].state = CLOSED;
	if (r->sink.message)
		write_input(r, (unsigned)r->open_call + 1);
	sink_close(&r->sink);
	r->open_call = -1;
}

/* ---- order ---- */

static bool ready(const struct reply *r, const struct call *c)
{
	return c->named && (c->has_id || c->eager || r->whole);
}

static bool may_open(const struct reply *r, unsigned i)
{
	if (!ready(r, &r->calls[i]) || calls_busy(r) || r->hold.count[HOLD_LATE_TEXT] > 0 ||
	    r->hold.count[HOLD_LATE_THOUGHT] > 0)
		return false;
	for (unsigned k = 0; k < i; k++)
		if (r->calls[k].state == WAITS)
			return false;
	return true;
}

/* white: what came before the first that is real */
static void flush_late(struct reply *r, enum hold_kind white, enum hold_kind kind, enum sink_block block)
{
	if (r->hold.count[kind] == 0)
		return;
	block_open(r, block);
	block_held(r, white);
	block_held(r, kind);
}

static void drop_call(struct reply *r, unsigned i)
{
	reply_odd(r, "a tool call without a name was dropped");
	r->calls[i].state = CLOSED;
	for (int kind = HOLD_SIGNATURE; kind <= HOLD_OBJECT; kind++)
		hold_drop(&r->hold, (enum hold_kind)kind, i + 1);
}

void calls_settle(struct reply *r, bool end)
{
	struct j_val none = { 0 };

	if (calls_busy(r) && !end)
		return;
	flush_late(r, HOLD_WHITE_THOUGHT, HOLD_LATE_THOUGHT, BLOCK_THINKING);
	flush_late(r, HOLD_WHITE_TEXT, HOLD_LATE_TEXT, BLOCK_TEXT);
	for (unsigned i = 0; i < r->ncalls; i++) {
		if (r->calls[i].state != WAITS)
			continue;
		if (!end && !may_open(r, i))
			return;
		if (r->calls[i].named)
			open_call(r, i, none, none);
		else
			drop_call(r, i);
	}
}

/* ---- reading ---- */

static int add_call(struct reply *r, const struct fragment *f)
{
	if (r->ncalls == REPLY_CALLS) {
		reply_fail(r, 502, "the upstream's answer has too many tool calls");
		return -1;
	}
	struct call *c = &r->calls[r->ncalls];
	memset(c, 0, sizeof *c);
	restart(c);
	c->key = f->key;
	c->eager = f->eager;
	return (int)r->ncalls++;
}

/* Takes what a fragment says of its call. */
static void feed(struct reply *r, unsigned i, const struct fragment *f)
{
	struct call *c = &r->calls[i];
	bool new_id = f->has_id && !c->has_id, new_name = f->named && !c->named;

	r->latest = i;
	reasoning_signature(r, i + 1, f->signature);
	if (new_id) {
		c->has_id = 1;
		c->id = f->id_hash;
	}
	if (new_name) {
		c->named = 1;
		c->name_sum = f->name_sum & NAME_SUM;
	}
	if (c->state == WAITS && may_open(r, i)) {
		open_call(r, i, f->id, f->name);
	} else if (c->state == WAITS) {
		if (new_id)
			hold_put(&r->hold, HOLD_ID, i + 1, f->id.p, f->id.n);
		if (new_name)
			hold_put(&r->hold, HOLD_NAME, i + 1, f->name.p, f->name.n);
	}
	if (f->args.type == J_OBJECT || f->args.type == J_ARRAY) {
		put_object(r, i, f->args);
	} else {
		size_t n;
		const char *raw = j_raw(f->args, &n);
		put_args(r, i, raw, n);
	}
}

static void take(struct reply *r, const struct fragment *f)
{
	int i = find_call(r, f);

	if (i < 0)
		i = add_call(r, f);
	if (i >= 0)
		feed(r, (unsigned)i, f);
}

static void take_item(struct reply *r, struct j_val item, unsigned choice, size_t place, bool alone)
{
	struct fragment f;

	if (item.type != J_OBJECT)
		return;
	read_fragment(&f, item, choice, place);
	f.alone = alone;
	take(r, &f);
	/* an empty piece says something too: of which call the next one may be */
	bool more = f.args.type == J_STRING && !j_empty(f.args) && j_empty(f.id) && j_empty(f.name) && j_empty(f.signature);
	again_said(r, more ? AGAIN_ARGUMENTS : AGAIN_OTHER, f.args);
	r->again.key = f.key;
	r->again.indexed = f.indexed;
	r->again.alone = f.alone;
}

void calls_again(struct reply *r, struct j_val args)
{
	struct fragment f = { .args = args, .key = r->again.key, .indexed = r->again.indexed, .alone = r->again.alone };

	take(r, &f);
}

void calls_read(struct reply *r, struct j_val list, unsigned choice)
{
	struct j_val item = { 0 };
	bool alone = j_count(list) == 1;

	take_item(r, list, choice, 0, true);
	for (size_t place = 0; r->what == REPLY_MORE && j_item(list, &item); place++)
		take_item(r, item, choice, place, alone);
}

void calls_function(struct reply *r, struct j_val call, unsigned choice)
{
	struct fragment f;

	if (call.type != J_OBJECT)
		return;
	read_fragment(&f, call, choice, 0);
	f.key = KEY_FUNCTION;
	f.indexed = f.eager = true;
	take(r, &f);
}

unsigned calls_made(struct reply *r, const char *name, size_t nargs)
{
	struct fragment f = { .key = KEY_MADE, .eager = true };
	int i = add_call(r, &f);

	if (i < 0)
		return 0;
	struct call *c = &r->calls[i];
	c->named = c->complete = 1;
	c->hollow = nargs == 0;
	c->length = (uint32_t)nargs;
	size_t n = strlen(name);
	char *p = hold_put(&r->hold, HOLD_NAME, (unsigned)i + 1, NULL, plan_quote(NULL, name, n));
	if (p != NULL)
		plan_quote(p, name, n);
	return (unsigned)i + 1;
}
