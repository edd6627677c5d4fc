/*
 * There and back: what a provider's answer became at the client comes back in
 * the next request, and the provider gets the state that it gave: the same
 * text, in the form and at the place that it wants. Another model, or another
 * host, gets nothing of it.
 */
#include "reply_run.h"
#include "request_says.h"

#include "check.h"

#define CHUNK(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define END "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
#define CALL_MEMBERS(n, args) "\"id\":\"call_" n "\",\"type\":\"function\",\"function\":{\"name\":\"Bash\",\"arguments\":\"" args "\"}"
#define CALL(n) CHUNK("{\"tool_calls\":[{\"index\":" n "," CALL_MEMBERS(n, "{}") "}]}")
#define GOOGLE(signature) ",\"extra_content\":{\"google\":{\"thought_signature\":\"" signature "\"}}"
#define GEMINI_CALL(n, more) CHUNK("{\"tool_calls\":[{" CALL_MEMBERS(n, "{}") more "}]}")
#define DETAIL_A "{\"type\":\"reasoning.text\",\"text\":\"Plan \\u00e9\",\"signature\":\"sig/A+=\",\"format\":\"anthropic-claude-v1\",\"index\":0}"
#define DETAIL_B "{\"type\":\"reasoning.encrypted\",\"data\":\"ZW5j\",\"id\":\"rs_1\",\"format\":\"openai-responses-v1\",\"index\":1}"
#define SNAPSHOT(text) "{\"type\":\"reasoning.text\",\"id\":\"r-1\",\"index\":0,\"text\":\"" text "\"}"
#define WORDS 6

static const struct journey {
	const char *name, *host, *model;
	const char *answer;
	const char *wants[WORDS];	/* of the next request's assistant message: lines of request_says.h */
} journeys[] = {
	{ "Gemini, a call", "generativelanguage.googleapis.com", "gemini-3-pro",
		CHUNK("{\"content\":\"<thought>Plan</thought>\"" GOOGLE("") "}") GEMINI_CALL("0", GOOGLE("c2lnQQ==")) END,
		{ "messages.1.tool_calls.0.extra_content = {\"google\":{\"thought_signature\":\"c2lnQQ==\"}}", "nowhere Plan" } },
	{ "Gemini, parallel calls: only the first has a signature", "generativelanguage.googleapis.com", "gemini-3-pro",
		GEMINI_CALL("0", GOOGLE("c2lnQQ==")) GEMINI_CALL("1", "") END,
		{ "messages.1.tool_calls.0.extra_content = {\"google\":{\"thought_signature\":\"c2lnQQ==\"}}",
		  "messages.1.tool_calls.1.extra_content absent" } },
	{ "Gemini, each call with its own", "generativelanguage.googleapis.com", "gemini-3-pro",
		GEMINI_CALL("0", GOOGLE("c2lnQQ==")) GEMINI_CALL("1", GOOGLE("c2lnQg==")) END,
		{ "messages.1.tool_calls.0.extra_content = {\"google\":{\"thought_signature\":\"c2lnQQ==\"}}",
		  "messages.1.tool_calls.1.extra_content = {\"google\":{\"thought_signature\":\"c2lnQg==\"}}" } },
	{ "Gemini, none: its filler on the first call", "generativelanguage.googleapis.com", "gemini-3-pro",
		GEMINI_CALL("0", "") GEMINI_CALL("1", "") END,
		{ "messages.1.tool_calls.0.extra_content = {\"google\":{\"thought_signature\":\"skip_thought_signature_validator\"}}",
		  "messages.1.tool_calls.1.extra_content absent" } },
	{ "Vertex, its own word for it", "us-central1-aiplatform.googleapis.com", "google/gemini-3-pro",
		GEMINI_CALL("0", ",\"extra_content\":{\"vertex\":{\"thought_signature\":\"c2lnQQ==\"}}") END,
		{ "messages.1.tool_calls.0.extra_content = {\"google\":{\"thought_signature\":\"c2lnQQ==\"}}" } },
	{ "DeepSeek", "api.deepseek.com", "deepseek-v4-pro",
		CHUNK("{\"reasoning_content\":\"Plan \\u00e9\"}") CHUNK("{\"reasoning_content\":\"\\n!\"}") CALL("0") END,
		{ "messages.1.reasoning_content = \"Plan \xc3\xa9\\n!\"", "messages.1.content = \"\"" } },
	{ "DeepSeek, without a call too", "api.deepseek.com", "deepseek-v4-pro",
		CHUNK("{\"reasoning_content\":\"Plan\"}") CHUNK("{\"content\":\"Hi.\"}") END,
		{ "messages.1.reasoning_content = \"Plan\"", "messages.1.content = \"Hi.\"" } },
	{ "DeepSeek, without reasoning", "api.deepseek.com", "deepseek-v4-pro", CALL("0") END, { "messages.1.reasoning_content = \"\"" } },
	{ "Kimi", "api.moonshot.ai", "kimi-k2.6",
		CHUNK("{\"reasoning_content\":\"Plan\"}") CHUNK("{\"content\":\"Hi.\"}") CALL("0") CALL("1") END,
		{ "messages.1.reasoning_content = \"Plan\"", "messages.1.content = \"Hi.\"", "messages.1.tool_calls.1.id = \"call_1\"" } },
	{ "Kimi, without reasoning", "api.moonshot.ai", "kimi-k2.6", CALL("0") END, { "messages.1.reasoning_content = \".\"" } },
	{ "GLM", "api.z.ai", "glm-5.2", CHUNK("{\"reasoning_content\":\"Plan\"}") CALL("0") END,
		{ "messages.1.reasoning_content = \"Plan\"", "messages.1.content = null" } },
	{ "OpenRouter, details as they came", "openrouter.ai", "anthropic/claude",
		CHUNK("{\"reasoning\":\"Plan \\u00e9\",\"reasoning_details\":[" DETAIL_A "]}") CHUNK("{\"reasoning_details\":[" DETAIL_B "]}") CALL("0") END,
		{ "messages.1.reasoning_details = [" DETAIL_A "," DETAIL_B "]", "messages.1.reasoning absent", "messages.1.reasoning_content absent" } },
	{ "OpenRouter, nothing but state", "openrouter.ai", "openai/gpt-5.1",
		CHUNK("{\"reasoning_details\":[" DETAIL_B "]}") CALL("0") END,
		{ "messages.1.reasoning_details = [" DETAIL_B "]", "messages.1.reasoning absent" } },
	{ "OpenRouter, details behind the call", "openrouter.ai", "openai/gpt-5.1",
		CALL("0") CHUNK("{\"reasoning_details\":[" DETAIL_B "]}") END, { "messages.1.reasoning_details = [" DETAIL_B "]" } },
	{ "MiniMax, the last snapshot", "api.minimax.io", "MiniMax-M2.1",
		CHUNK("{\"reasoning_details\":[" SNAPSHOT("Pl") "]}") CHUNK("{\"reasoning_details\":[" SNAPSHOT("Plan") "]}") CALL("0") END,
		{ "messages.1.reasoning_details = [" SNAPSHOT("Plan") "]", "messages.1.reasoning_content absent" } },
	{ "Mistral, parts", "api.mistral.ai", "magistral-medium",
		CHUNK("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"Plan\"}]}]}") CHUNK("{\"content\":\"Hi.\"}")
		CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"abcDEF123\",\"function\":{\"name\":\"Bash\",\"arguments\":\"{}\"}}]}") END,
		{ "messages.1.content = [{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"Plan\"}],\"closed\":true},"
			"{\"type\":\"text\",\"text\":\"Hi.\"}]",
		  "messages.1.tool_calls.0.id = \"abcDEF123\"", "messages.2.tool_call_id = \"abcDEF123\"", "messages.1.reasoning_content absent" } },
	{ "Copilot, opaque", "api.githubcopilot.com", "claude-x",
		CHUNK("{\"reasoning_text\":\"Plan\"}") CHUNK("{\"reasoning_opaque\":\"b3BhcXVl\"}") CALL("0") END,
		{ "messages.1.reasoning_text = \"Plan\"", "messages.1.reasoning_opaque = \"b3BhcXVl\"" } },
	{ "Ollama", "localhost", "qwen3", CHUNK("{\"reasoning\":\"Plan\"}") CALL("0") END,
		{ "messages.1.reasoning = \"Plan\"", "messages.1.reasoning_content absent" } },
	{ "Groq, gpt-oss", "api.groq.com", "openai/gpt-oss-120b", CHUNK("{\"reasoning\":\"Plan\"}") CALL("0") END,
		{ "messages.1.reasoning = \"Plan\"", "messages.1.reasoning_content absent" } },
	{ "Groq, others refuse it", "api.groq.com", "qwen3", CHUNK("{\"reasoning\":\"Plan\"}") CALL("0") END, { "nowhere Plan" } },
	{ "anyone: the field that it came in", "unknown.example", "m", CHUNK("{\"reasoning\":\"Plan\"}") CALL("0") END,
		{ "messages.1.reasoning = \"Plan\"", "messages.1.reasoning_content absent" } },
	{ "anyone: the other field", "unknown.example", "m", CHUNK("{\"reasoning_content\":\"Plan\"}") CALL("0") END,
		{ "messages.1.reasoning_content = \"Plan\"", "messages.1.reasoning absent" } },
	{ "anyone: tags", "unknown.example", "m", CHUNK("{\"content\":\"<think>Plan</think>\\n\\nHi.\"}") CALL("0") END,
		{ "messages.1.content = \"<think>Plan</think>\\n\\nHi.\"", "messages.1.reasoning_content absent" } },
	{ "OpenAI wants nothing", "api.openai.com", "gpt-5.2", CHUNK("{\"reasoning_content\":\"Plan\"}") CALL("0") END, { "nowhere Plan" } },
};

static void add(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

static void add_string(struct bytes *b, const char *before, const struct bytes *text)
{
	struct span spans[3];
	struct plan plan;
	struct plan_pos pos = { 0 };
	char piece[4000];

	add(b, before);
	plan_init(&plan, spans, 3, NULL, 0);
	plan_str(&plan, text->p != NULL ? text->p : "");
	bytes_add(b, piece, plan_pull(&plan, &pos, piece, sizeof piece));
}

static void add_block(struct bytes *b, const struct block *from)
{
	if (from->type == GOT_TEXT) {
		add_string(b, "{\"type\":\"text\",\"text\":", &from->text);
	} else if (from->type == GOT_THINKING) {
		add_string(b, "{\"type\":\"thinking\",\"thinking\":", &from->text);
		add_string(b, ",\"signature\":", &from->signature);
	} else {
		add_string(b, "{\"type\":\"tool_use\",\"id\":", &from->id);
		add_string(b, ",\"name\":", &from->name);
		add(b, ",\"input\":{}");
	}
	add(b, "}");
}

/* the request of the turn that follows the answer */
static struct bytes next_turn(const struct got *g)
{
	struct bytes b = { 0 };
	const char *between = "";

	add(&b, "{\"model\":\"claude-x\",\"max_tokens\":99,\"thinking\":{\"type\":\"adaptive\"},\"tools\":[{\"name\":\"Bash\",\"input_schema\":{}}],"
		"\"messages\":[{\"role\":\"user\",\"content\":\"Go\"},{\"role\":\"assistant\",\"content\":[");
	for (size_t i = 0; i < g->nblocks; i++, between = ",") {
		add(&b, between);
		add_block(&b, &g->blocks[i]);
	}
	add(&b, "]},{\"role\":\"user\",\"content\":[");
	for (size_t i = 0; i < g->nblocks; i++) {
		if (g->blocks[i].type != GOT_TOOL)
			continue;
		add_string(&b, "{\"type\":\"tool_result\",\"tool_use_id\":", &g->blocks[i].id);
		add(&b, ",\"content\":\"1\"},");
	}
	add(&b, "{\"type\":\"text\",\"text\":\"On.\"}]}]}");
	return b;
}

static void report(const char *name, const char *how, const char *line, bool good, const struct result *r)
{
	char what[1000];

	snprintf(what, sizeof what, "%s, %s: %.600s", name, how, line);
	CHECK(what, good);
	if (!good)
		printf("# %s%s\n", r->body, r->rc != 0 ? r->e.message : "");
}

/* nothing of the answer's state or reasoning may be in a request that goes elsewhere */
static void elsewhere(const char *name, const struct bytes *request, const char *binding)
{
	static const char *const secret[] = { "nowhere Plan", "nowhere c2ln", "nowhere ZW5j", "nowhere b3BhcXVl", "nowhere ccp1", "nowhere sig/A" };
	struct setting s;
	char line[64];

	setting_init(&s);
	strcpy(s.binding, binding);
	char *text = strdup(request->p);
	struct result r = run_text(text, &s.t, 512);
	for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
		strcpy(line, secret[i]);
		report(name, binding, line, r.rc == 0 && holds(&r, line), &r);
	}
	result_free(&r);
	free(text);
}

static void try_journey(const struct journey *j, enum reply_sink sink)
{
	static struct got g;
	const struct q_place place = { .host = j->host, .port = strcmp(j->host, "localhost") == 0 ? 11434 : 443, .model = j->model };
	const char *how = sink == SINK_EVENTS ? "streamed" : "whole", *why;
	struct run_options o;
	struct run run;
	struct setting s;
	size_t at;
	char line[1000];

	run_options(&o);
	q_rows(&o.q, NULL, &place, &why, &at);
	o.sink = sink;
	run_stream(&run, &o, j->answer, strlen(j->answer), 0, 7);
	if (sink == SINK_EVENTS)
		got_events(&g, run.out.p, run.out.n);
	else
		got_whole(&g, run.out.p, run.out.n);
	snprintf(line, sizeof line, "%s, %s: an answer", j->name, how);
	CHECK(line, run.what == REPLY_DONE && got_wrong(&g) == NULL);
	struct bytes request = next_turn(&g);
	setting_init(&s);
	s.q = o.q;
	strcpy(s.model, j->model);
	strcpy(s.binding, "host model");	/* as reply_run.h has it */
	char *text = strdup(request.p);
	struct result r = run_text(text, &s.t, 512);
	for (size_t i = 0; i < WORDS && j->wants[i] != NULL; i++) {
		strcpy(line, j->wants[i]);
		report(j->name, how, j->wants[i], r.rc == 0 && holds(&r, line), &r);
	}
	elsewhere(j->name, &request, "host other");
	elsewhere(j->name, &request, "elsewhere model");
	result_free(&r);
	free(text);
	free(request.p);
	free(run.out.p);
	got_free(&g);
}

int main(void)
{
	for (size_t i = 0; i < sizeof journeys / sizeof journeys[0]; i++) {
		try_journey(&journeys[i], SINK_EVENTS);
		try_journey(&journeys[i], SINK_MESSAGE);
	}
	return CHECK_END();
}
