/*
 * Tools and tool_choice.
 *
 *   tool_choice   full        strings     any         auto      none
 *   auto          auto        auto        auto        auto      -
 *   any           required    required    any         auto      -
 *   tool          its name    required    its name    auto      -
 *   none          none        none        none        no tools  no tools
 *
 * A tool that is not sent cannot be demanded: auto.
 *
 * Tools that run at Anthropic's are left out, but for a web search
 * (request_search.c). Tools with defer_loading go
 * upstream once a tool_reference in the history names them: behind the others,
 * in the order of the first references, so that each turn's list begins with
 * the list of the turn before.
 */
#include <string.h>

#include "request_work.h"
#include "schema.h"

static const struct j_val none;

enum tool_field { T_TYPE, T_NAME, T_DESCRIPTION, T_SCHEMA, T_DEFER, TOOL_FIELDS };

struct tool {
	struct j_val item;
	struct place at;
	struct j_val f[TOOL_FIELDS];
	bool server;			/* has a type of its own: no schema, and Anthropic's to run */
	bool deferred;
};

static const char tool_fields[] = "type\0name\0description\0input_schema\0defer_loading\0";

/* Start with all zero. */
static bool next_tool(struct work *w, struct tool *t)
{
	t->at.index += t->item.p != NULL;
	t->at.name = "tools";
	if (w->failed || !j_item(w->top[TOP_TOOLS], &t->item) || !work_want(w, &t->at, "", &t->item, 'O'))
		return false;
	j_pick(t->item, tool_fields, t->f);
	t->server = t->f[T_TYPE].type == J_STRING && !j_is(t->f[T_TYPE], "custom");
	t->deferred = !t->server && t->f[T_DEFER].type == J_TRUE;
	if (t->server)
		return true;
	if (j_blank(t->f[T_NAME]))
		work_fail(w, &t->at, "name", "must not be empty");
	return work_wants(w, &t->at, tool_fields, "sSsob", t->f);
}

/* ---- deferred tools ---- */

static size_t loaded_at(const struct work *w, uint64_t hash)
{
	size_t i = 0;

	while (i < w->nloaded && w->loaded[i].hash != hash)
		i++;
	return i;
}

static void load(struct work *w, struct j_val name)
{
	uint64_t hash = j_hash(name);

	if (w->nloaded == LOADED_MAX || loaded_at(w, hash) < w->nloaded)
		return;
	w->loaded[w->nloaded].hash = hash;
	w->loaded[w->nloaded++].tool = none;
}

static void load_results(struct work *w, const struct message *m)
{
	struct blocks i, k;
	struct block b, inner;

	blocks_of_message(&i, m);
	while (blocks_next(w, &i, &b)) {
		if (b.type != BLOCK_TOOL_RESULT)
			continue;
		blocks_begin(&k, &i.at, "content", b.f[B_CONTENT]);
		while (blocks_next(w, &k, &inner))
			if (inner.type == BLOCK_TOOL_REFERENCE)
				load(w, inner.f[B_TOOL_NAME]);
	}
}

static void find_loaded(struct work *w, struct j_val chosen)
{
	struct cursor c = { 0 };
	struct message m;
	struct tool t = { 0 };

	while (message_next(w, &c, &m))
		if (m.role == ROLE_USER)
			load_results(w, &m);
	if (chosen.type == J_STRING)
		load(w, chosen);
	while (next_tool(w, &t)) {
		size_t i = t.deferred ? loaded_at(w, j_hash(t.f[T_NAME])) : w->nloaded;
		if (i < w->nloaded && w->loaded[i].tool.p == NULL) {
			w->loaded[i].tool = t.item;
			w->tools++;
		}
	}
}

/* ---- what was asked for ---- */

static void read_choice(struct work *w)
{
	static const char names[] = "type\0name\0disable_parallel_tool_use\0";
	const struct place at = { NULL, "tool_choice", NO_INDEX };
	struct wanted *a = &w->wanted;
	struct j_val v[3];

	if (!work_want(w, NULL, at.name, &w->top[TOP_TOOL_CHOICE], 'o') || w->top[TOP_TOOL_CHOICE].type != J_OBJECT)
		return;
	j_pick(w->top[TOP_TOOL_CHOICE], names, v);
	int choice = j_which(v[0], "auto\0any\0tool\0none\0");
	if (!work_wants(w, &at, names, choice == CHOOSE_TOOL ? "SSb" : "S b", v))
		return;
	if (choice < 0) {
		work_fail(w, &at, "type", "must be auto, any, tool or none");
		return;
	}
	a->given = true;
	a->serial = v[2].type == J_TRUE;
	a->choice = (enum choice)choice;
	if (choice == CHOOSE_TOOL)
		a->name = v[1];
}

/* whether the only way to forbid tools is to show none */
static bool hidden(const struct work *w)
{
	return w->wanted.choice == CHOOSE_NOTHING
		&& (w->q->tool_choice == CHOICE_AUTO || w->q->tool_choice == CHOICE_NONE);
}

void tools_scan(struct work *w)
{
	struct wanted *a = &w->wanted;
	struct tool t = { 0 };
	struct j_val search = none, name = none;
	bool declared = false;

	read_choice(w);
	if (!work_want(w, NULL, "tools", &w->top[TOP_TOOLS], 'a'))
		return;
	while (next_tool(w, &t)) {
		w->server_tools += t.server;
		if (t.server && a->choice != CHOOSE_NOTHING && j_begins(t.f[T_TYPE], "web_search_")) {
			search = t.item;
			name = t.f[T_NAME];
		}
		if (t.deferred)
			w->deferred = true;
		w->tools += !t.server && !t.deferred;
		if (t.server)
			continue;
		session_add_name(w->s, t.f[T_NAME]);
		if (j_same(t.f[T_NAME], a->name))
			declared = true;
	}
	if (w->deferred)
		find_loaded(w, a->name);
	if (a->choice == CHOOSE_TOOL && !declared)
		a->choice = CHOOSE_AUTO;
	if (hidden(w))
		w->tools = 0;
	w->forced = w->tools > 0 && (a->choice == CHOOSE_ANY || a->choice == CHOOSE_TOOL)
		&& w->q->tool_choice != CHOICE_AUTO && w->q->tool_choice != CHOICE_NONE;
	if (search.type == J_OBJECT)
		search_choose(w, search, a->choice == CHOOSE_ANY || j_same(name, a->name));
}

/* ---- writing ---- */

static void function_open(struct work *w, const char *before, struct j_val name)
{
	plan_lit(w->out, before);
	tool_name(w, "{\"type\":\"function\",\"function\":{\"name\":\"", name);
	plan_lit(w->out, "\"");
}

static void write_tool(struct work *w, const struct j_val f[TOOL_FIELDS], bool first)
{
	function_open(w, first ? "[" : ",", f[T_NAME]);
	if (j_filled(f[T_DESCRIPTION]))
		plan_put(w->out, ",\"description\":%v", &f[T_DESCRIPTION]);
	plan_lit(w->out, ",\"parameters\":");
	schema_convert(f[T_SCHEMA], w->q->schema, w->out);
	plan_lit(w->out, "}}");
}

static void write_list(struct work *w)
{
	struct tool t = { 0 };
	size_t n = 0;

	while (next_tool(w, &t))
		if (!t.server && !t.deferred)
			write_tool(w, t.f, n++ == 0);
	for (size_t i = 0; i < w->nloaded; i++) {
		if (w->loaded[i].tool.p == NULL)
			continue;
		j_pick(w->loaded[i].tool, tool_fields, t.f);
		write_tool(w, t.f, n++ == 0);
	}
	search_tools(w, n);
	plan_lit(w->out, "]");
}

static void write_choice(struct work *w)
{
	const struct wanted *a = &w->wanted;
	/* of the request, and of what the provider takes: a word, or the function's name */
	enum { NAMED, AUTO, REQUIRED, ANY, NOTHING };
	static const char words[] = "\0auto\0required\0any\0none\0";
	static const unsigned char which[][4] = {
		[CHOICE_FULL] = { AUTO, REQUIRED, NAMED, NOTHING },
		[CHOICE_STRINGS] = { AUTO, REQUIRED, REQUIRED, NOTHING },
		[CHOICE_ANY] = { AUTO, ANY, NAMED, NOTHING },
		[CHOICE_AUTO] = { AUTO, AUTO, AUTO, NAMED }
	};

	if (!a->given || w->q->tool_choice == CHOICE_NONE || !work_member(w, "tool_choice"))
		return;
	unsigned word = which[w->q->tool_choice][a->choice];
	if (word != NAMED) {
		plan_str(w->out, q_text(words, word));
		return;
	}
	function_open(w, "", a->name);
	plan_lit(w->out, "}}");
}

void tools_write(struct work *w)
{
	if (w->tools == 0 && j_count(j_get(w->search, "tools")) == 0)
		return;
	if (work_member(w, "tools"))
		write_list(w);
	if (w->tools == 0)
		return;
	write_choice(w);
	if (w->wanted.serial)
		work_put(w, "parallel_tool_calls", "false");
}
