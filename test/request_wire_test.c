/*
 * The requests that Claude Code sends (test/wire/requests), and what the
 * upstream must receive for each (test/wire/upstream): lines of
 *
 *   roles = system user ...     the messages' roles, in order
 *   members = model ...         the names of the body's members
 *   tool names = Agent ...      the tools' names
 *   PATH = JSON                 a value, byte for byte; 0 1 2 are items
 *   PATH ^ TEXT   PATH $ TEXT   its JSON begins, ends with this
 *   PATH ~ TEXT   PATH #N       holds this; has N items
 *   PATH absent   nowhere TEXT  is not there; is not in the body
 *   has_image   hidden thinking   last is user     what the connection learns
 *   counted                     a count_tokens request: only checked
 *
 * Whatever provider it goes to, it must be good Chat Completions.
 */
#include "chat_grammar.h"
#include "request_run.h"

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

static struct j_val at(struct j_val v, const char *path)
{
	while (*path != '\0') {
		char name[64];
		size_t n = strcspn(path, ".");
		memcpy(name, path, n);
		name[n] = '\0';
		path += n + (path[n] == '.');
		if (v.type == J_ARRAY) {
			struct j_val item = { 0 };
			for (long i = atol(name); i >= 0 && j_item(v, &item); i--)
				;
			v = item;
		} else {
			v = j_get(v, name);
		}
	}
	return v;
}

static void append(char *list, struct j_val name)
{
	if (list[0] != '\0')
		strcat(list, " ");
	j_text(name, list + strlen(list), 100);
}

/* "system user ..." */
static bool listed(struct j_val body, const char *what, const char *want)
{
	char list[4096] = "";
	struct j_val key = { 0 }, v = { 0 };

	if (strcmp(what, "members") == 0) {
		while (j_member(body, &key, &v))
			append(list, key);
	} else {
		bool tools = strcmp(what, "tool names") == 0;
		while (j_item(j_get(body, tools ? "tools" : "messages"), &v))
			append(list, tools ? at(v, "function.name") : j_get(v, "role"));
	}
	return strcmp(list, want) == 0;
}

static bool contains(const char *p, size_t n, const char *text)
{
	size_t k = strlen(text);

	for (size_t i = 0; i + k <= n; i++)
		if (memcmp(p + i, text, k) == 0)
			return true;
	return false;
}

static bool holds_value(struct j_val body, char *line)
{
	char *blank = strchr(line, ' ');
	if (blank == NULL)
		return false;
	*blank = '\0';
	struct j_val v = at(body, line);
	*blank = ' ';
	const char *rest = blank + 1;
	size_t n = strlen(rest) > 2 ? strlen(rest + 2) : 0;
	if (strcmp(rest, "absent") == 0)
		return v.type == J_NONE;
	if (rest[0] == '#')
		return j_count(v) == (size_t)atoi(rest + 1);
	if (v.type == J_NONE || rest[1] != ' ')
		return false;
	switch (rest[0]) {
	case '=': return v.n == n && memcmp(v.p, rest + 2, n) == 0;
	case '^': return v.n >= n && memcmp(v.p, rest + 2, n) == 0;
	case '$': return v.n >= n && memcmp(v.p + v.n - n, rest + 2, n) == 0;
	case '~': return contains(v.p, v.n, rest + 2);
	}
	return false;
}

static bool holds(const struct result *r, char *line)
{
	static const char *const lists[] = { "roles", "members", "tool names" };
	struct j_val body = j_root(r->body, r->n);

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(lists[i]);
		if (strncmp(line, lists[i], n) == 0 && strncmp(line + n, " = ", 3) == 0)
			return listed(body, lists[i], line + n + 3);
	}
	if (strncmp(line, "nowhere ", 8) == 0)
		return !contains(r->body, r->n, line + 8);
	if (strcmp(line, "has_image") == 0)
		return r->f.has_image;
	if (strcmp(line, "hidden thinking") == 0)
		return !r->f.show_thinking;
	if (strcmp(line, "last is user") == 0)
		return r->f.last_is_user;
	return holds_value(body, line);
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
