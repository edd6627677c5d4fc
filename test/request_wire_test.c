/*
 * The requests that Claude Code sends (test/wire/requests), and what the
 * upstream must receive for each (test/wire/upstream): lines of request_says.h,
 * or "counted" for a count_tokens request, which is only checked.
 *
 * Whatever provider it goes to, it must be good Chat Completions.
 */
#include "chat_grammar.h"
#include "request_says.h"

#include "check.h"

#include <dirent.h>

#define REQUESTS "test/wire/requests"
#define UPSTREAM "test/wire/upstream"

static char *wire_file(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return read_file(path);
}

/* what no upstream may see, and what every one gets */
static void always(const char *name, const struct result *r)
{
	static const char *const never[] = {
		"billing-header", "cache_control", "context_management", "\"metadata\"", "input_schema", "$schema", "tool_result",
		"\"signature\"", "defer_loading"
	};
	char what[256];
	struct j_err err;

	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
		snprintf(what, sizeof what, "wire: %s: nowhere %s", name, never[i]);
		CHECK(what, !contains(r->body, r->n, never[i]));
	}
	snprintf(what, sizeof what, "wire: %s: converts, and is valid", name);
	CHECK(what, r->rc == 0 && r->same && j_check(r->body, r->n, &err) == 0);
	const char *wrong = chat_wrong(j_root(r->body, r->n), true);
	snprintf(what, sizeof what, "wire: %s: good Chat Completions", name);
	CHECK(what, wrong == NULL);
	if (wrong != NULL)
		printf("#  %s\n", wrong);
}

static void expect(const char *name, const struct result *r, char *lines)
{
	char what[1024];

	for (char *line = strtok(lines, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		bool good = holds(r, line);
		snprintf(what, sizeof what, "wire: %s: %.800s", name, line);
		CHECK(what, good);
	}
}

static void counted(const char *name, char *text)
{
	char what[256];
	struct j_err err;
	struct api_error e;

	snprintf(what, sizeof what, "wire: %s: checks, without max_tokens", name);
	CHECK(what, j_check(text, strlen(text), &err) == 0 && request_check(j_root(text, strlen(text)), &e) == 0);
}

/* the same request, as other providers want it */
static void elsewhere(const char *name, char *text)
{
	static const struct {
		const char *host;
		int port;
		const char *model;
	} hosts[] = {
		{ "api.openai.com", 443, "gpt-5.2" }, { "api.openai.com", 443, "gpt-4o" }, { "openrouter.ai", 443, "anthropic/claude" },
		{ "requesty.ai", 443, "x" }, { "api.moonshot.ai", 443, "kimi-k2.6" }, { "api.moonshot.ai", 443, "kimi-k3" },
		{ "api.z.ai", 443, "glm-5.2" }, { "api.minimax.io", 443, "minimax-m3" },
		{ "generativelanguage.googleapis.com", 443, "gemini-3-pro" }, { "api.deepseek.com", 443, "deepseek-v4-pro" },
		{ "dashscope.aliyuncs.com", 443, "qwen3.8" }, { "api.groq.com", 443, "openai/gpt-oss-120b" }, { "api.x.ai", 443, "grok-4.6" },
		{ "api.mistral.ai", 443, "mistral-small" }, { "api.cerebras.ai", 443, "qwen-3" }, { "api.githubcopilot.com", 443, "gpt-4o" },
		{ "localhost", 11434, "qwen3" }, { "localhost", 1234, "x" }, { "localhost", 8080, "x" },
	};

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		struct setting s;
		const char *why;
		char what[256];
		size_t line;
		setting_init(&s);
		const struct q_place place = { .host = hosts[i].host, .port = hosts[i].port, .model = hosts[i].model };
		bool good = q_rows(&s.q, NULL, &place, &why, &line) == 0;
		struct result r = run_text(text, &s.t, 8192);
		const char *wrong = r.rc == 0 ? chat_wrong(j_root(r.body, r.n), true) : r.e.message;
		snprintf(what, sizeof what, "wire: %s: good for %s, %s", name, hosts[i].host, hosts[i].model);
		CHECK(what, good && r.same && wrong == NULL);
		if (wrong != NULL)
			printf("#  %s\n", wrong);
		result_free(&r);
	}
}

static void run_file(const char *file)
{
	char name[128], what[256];
	struct setting s;

	snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
	char *text = wire_file(REQUESTS, file), *lines = wire_file(UPSTREAM, name);
	snprintf(what, sizeof what, "wire: %s: is described", name);
	CHECK(what, text != NULL && lines != NULL);
	if (text != NULL && lines != NULL && strncmp(lines, "counted", 7) == 0) {
		counted(name, text);
	} else if (text != NULL && lines != NULL) {
		setting_init(&s);
		struct result r = run_text(text, &s.t, 4096);
		always(name, &r);
		expect(name, &r, lines);
		result_free(&r);
		elsewhere(name, text);
	}
	free(text);
	free(lines);
}

int main(void)
{
	struct dirent **list;
	int n = scandir(REQUESTS, &list, NULL, alphasort);

	CHECK("wire: there are 43 requests", n == 45);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			run_file(list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return CHECK_END();
}
