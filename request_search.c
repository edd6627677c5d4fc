/*
 * A web search that the client leaves to the server (Anthropic API reference,
 * "Web search tool"): asked for as the provider has it, which the setting
 * search says as JSON. Its tools stand behind the others, its other members
 * stand for the request's own, and null leaves one out.
 *
 *   search     the client's tools     what becomes of it
 *   not set    it alone, demanded     the answer is made here: there is none
 *              else                   left out, and the model is told
 *   tools      any                    asked for
 *   more       it alone               asked for
 *              others as well         left out, and the model is told: what else
 *                                     is set, such as another model, is not
 *                                     meant for them
 *
 * A setting of which a member is dropped counts as not set.
 */
#include <string.h>

#include "request_work.h"

#define QUERY_MAX 1000		/* bytes of a user's text that may be a query; a longer one is not */

/* whether nothing of it is dropped */
static bool whole(const struct work *w, struct j_val search)
{
	struct j_val k = { 0 }, v = { 0 };
	char name[Q_TEXT];

	while (j_member(search, &k, &v)) {
		j_text(k, name, sizeof name);
		if (work_dropped(w, name))
			return false;
	}
	return search.type == J_OBJECT;
}

/* The first text of the last message, behind what Claude Code puts in front of a query. */
static void find_query(struct work *w)
{
	static const char front[] = "Perform a web search for the query: ";
	struct j_val item = { 0 }, block = { 0 }, text = { 0 };
	size_t n, cut = sizeof front - 1;

	while (j_item(w->top[TOP_MESSAGES], &item))
		text = j_get(item, "content");
	if (j_item(text, &block))
		text = j_get(block, "text");
	const char *raw = j_raw(text, &n);
	if (n < cut || memcmp(raw, front, cut) != 0)
		cut = 0;
	w->f->query = cut > 0 ? raw + cut : raw;
	w->f->nquery = n <= QUERY_MAX ? n - cut : 0;
}

void search_choose(struct work *w, struct j_val tool, bool demanded)
{
	struct j_val search = j_root(w->q->search, strlen(w->q->search)), tools = j_get(search, "tools");
	bool alone = w->tools == 0 && w->server_tools == 1;

	if (!whole(w, search) || (!alone && (tools.type != J_ARRAY || j_count(search) > 1))) {
		w->f->unsearched = alone && demanded;
		return;
	}
	w->server_tools--;
	w->search = search;
	w->search_tool = tool;
	w->f->search = true;
	find_query(w);
}

void search_tools(struct work *w, size_t before)
{
	struct j_val item = { 0 }, list = j_get(w->search, "tools");

	while (j_item(list, &item))
		plan_put(w->out, before++ == 0 ? "[%v" : ",%v", &item);
}

static void write_domains(struct content *c, const char *name, const char *text)
{
	struct j_val item = { 0 }, list = j_get(c->w->search_tool, name);

	if (j_count(list) == 0)
		return;
	content_lit(c, text);
	while (j_item(list, &item))
		plan_put(c->w->out, " %t", &item);
}

void search_note(struct content *c)
{
	write_domains(c, "allowed_domains", "Search only these sites:");
	write_domains(c, "blocked_domains", "Use nothing from these sites:");
	if (c->w->server_tools > 0)
		content_lit(c, "Tools that run on the server, such as web search, are not available here: nothing"
			" can be looked up with them. Answer without, and say plainly that you could not search.");
}

bool request_more(struct j_val completion, struct plan *out)
{
	enum { ID, FUNCTION, NAME = FUNCTION, ARGUMENTS, FIELDS };
	struct j_val choice = { 0 }, call = { 0 }, f[FIELDS];

	j_item(j_get(completion, "choices"), &choice);
	struct j_val message = j_get(choice, "message"), calls = j_get(message, "tool_calls");
	plan_put(out, ",%v", &message);
	while (j_item(calls, &call)) {
		j_pick(call, "id\0function\0", f);
		j_pick(f[FUNCTION], "name\0arguments\0", f + NAME);
		if (!j_begins(f[NAME], "$"))
			return false;
		plan_put(out, ",{\"role\":\"tool\",\"tool_call_id\":\"%t\",\"name\":%v,\"content\":\"%t\"}", &f[ID], &f[NAME], &f[ARGUMENTS]);
	}
	return j_count(calls) > 0;
}
