/*
 * What a provider found on the web for an answer, wherever it says so: it
 * becomes one search and its results, as Anthropic's own web search has them.
 * Where the whole answer is here they stand in front of its text; in a stream
 * behind everything, since providers tell of sources as they cite them.
 *
 * A source is a URL with a title and perhaps a date. Found in
 *   annotations, of type url_citation, with the members in it or beside it
 *                        OpenAI, OpenRouter and most relays
 *   web_search           GLM: link, title, publish_date
 *   search_results       Perplexity, Qianfan; in search_info: DashScope
 *   citations            bare URLs
 *   executed_tools       Groq: search_results.results in each
 *
 * Limits: the first SOURCES different URLs.
 */
#include <string.h>

#include "answer.h"

#define DEPTH 6			/* lists and objects in each other */

static const char places[] = "annotations\0web_search\0search_results\0search_info\0citations\0executed_tools\0results\0";
enum { PLACES = 7 };

struct source {
	struct j_val url, title, age;
};

/* the first string of them */
static struct j_val string_of(const struct j_val v[], int n)
{
	while (n > 1 && (v->type != J_STRING || j_empty(*v))) {
		v++;
		n--;
	}
	return v->type == J_STRING ? *v : (struct j_val){ 0 };
}

/* False: it is none. */
static bool read_source(struct j_val v, struct source *s)
{
	static const char names[] = "url\0link\0uri\0title\0name\0page_age\0publish_date\0date\0";
	struct j_val f[8], inner = j_get(v, "url_citation");

	*s = (struct source){ v, { 0 }, { 0 } };
	if (v.type == J_STRING)
		return j_begins(v, "http");
	j_pick(inner.type == J_OBJECT ? inner : v, names, f);
	s->url = string_of(f, 3);
	s->title = string_of(f + 3, 2);
	s->age = string_of(f + 5, 3);
	return !j_empty(s->url);
}

static void add(struct reply *r, struct j_val v, struct j_val url)
{
	uint64_t hash = j_hash(url);

	for (unsigned i = 0; i < r->nsources; i++)
		if (r->sources[i] == hash)
			return;
	if (r->nsources == SOURCES)
		return;
	r->sources[r->nsources++] = hash;
	reasoning_keep(r, HOLD_SOURCE, 0, v);
}

static void take(struct reply *r, struct j_val v, int depth)
{
	struct j_val item = { 0 }, f[PLACES];
	struct source s;

	if (depth > DEPTH)
		return;
	while (j_item(v, &item))
		take(r, item, depth + 1);
	if (read_source(v, &s)) {
		add(r, v, s.url);
		return;
	}
	j_pick(v, places, f);
	for (int i = 0; v.type == J_OBJECT && i < PLACES; i++)
		take(r, f[i], depth + 1);
}

void sources_read(struct reply *r, struct j_val object)
{
	if (r->o.search)
		take(r, object, 0);
}

static void write_use(struct reply *r, const struct span *id)
{
	static const char before[] = "{\"query\":\"";
	const struct span name = { "web_search", 10, SPAN_ESC };
	void (*put)(struct sink *, const char *, size_t) = r->sink.message ? sink_input : sink_put_json;

	sink_tool(&r->sink, "server_tool_use", id, &name);
	put(&r->sink, before, sizeof before - 1);
	put(&r->sink, r->o.query, r->o.nquery);
	put(&r->sink, "\"}", 2);
	sink_close(&r->sink);
}

void sources_write(struct reply *r)
{
	struct piece it = { 0 };
	struct source s;
	char id[40];

	if (r->hold.count[HOLD_SOURCE] == 0 || r->hold.failed)
		return;
	size_t n = conv_fresh("srvtoolu_", r->o.seed, REPLY_CALLS + ++r->searches, id, sizeof id);
	const struct span of = { id, (uint32_t)n, SPAN_ESC };
	block_end(r, BLOCK_NONE);
	write_use(r, &of);
	sink_results(&r->sink, &of);
	while (hold_out(&r->hold, HOLD_SOURCE, 0, &it)) {
		read_source(j_root(it.p, it.n), &s);
		sink_result(&r->sink, s.url, s.title.type != J_NONE ? s.title : s.url, s.age);
	}
	sink_results_end(&r->sink);
	r->real = true;
}
