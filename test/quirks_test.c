/* The quirks: words and their enums, what settings and rows may be, patterns, and what every provider's row says. */
#include "../quirks.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static struct quirks q;
static const char *why;
static size_t at;

static bool apply(const char *settings)
{
	why = NULL;
	return q_apply(&q, settings, strlen(settings), &why, &at) == 0;
}

/* a key's present value as text */
static const char *shown(const char *key)
{
	static char text[600];

	for (size_t i = 0; q_key(i); i++)
		if (strcmp(q_key(i), key) == 0)
			q_show(&q, i, text, sizeof text);
	return text;
}

/* one setting "key=word": the field is the constant, and is shown as the word */
#define WORD(key, word, constant) do { \
	q_init(&q); \
	CHECK(#key "=" word, apply(#key "=" word) && q.key == (constant) && strcmp(shown(#key), word) == 0); \
} while (0)

static void words(void)
{
	WORD(auth, "bearer", AUTH_BEARER); WORD(auth, "api-key", AUTH_API_KEY); WORD(auth, "none", AUTH_NONE);
	WORD(auth, "x-api-key", AUTH_X_API_KEY); WORD(auth, "both", AUTH_BOTH);
	WORD(maxtok, "max_tokens", MAXTOK_MAX_TOKENS); WORD(maxtok, "none", MAXTOK_NONE);
	WORD(maxtok, "max_completion_tokens", MAXTOK_COMPLETION);
	WORD(temp, "drop1", TEMP_DROP1); WORD(temp, "omit", TEMP_OMIT); WORD(temp, "pass", TEMP_PASS);
	WORD(temp, "unit", TEMP_UNIT); WORD(temp, "gt0", TEMP_GT0);
	WORD(tool_choice, "full", CHOICE_FULL); WORD(tool_choice, "strings", CHOICE_STRINGS);
	WORD(tool_choice, "any", CHOICE_ANY); WORD(tool_choice, "auto", CHOICE_AUTO); WORD(tool_choice, "none", CHOICE_NONE);
	WORD(tool_id, "keep", ID_KEEP); WORD(tool_id, "mistral9", ID_MISTRAL9);
	WORD(tool_text, "merge", TEXT_MERGE); WORD(tool_text, "user", TEXT_USER);
	WORD(schema, "light", SCHEMA_LIGHT); WORD(schema, "gemini", SCHEMA_GEMINI);
	WORD(schema, "moonshot", SCHEMA_MOONSHOT); WORD(schema, "xai", SCHEMA_XAI); WORD(schema, "grammar", SCHEMA_GRAMMAR);
	WORD(images, "data", IMAGES_DATA); WORD(images, "none", IMAGES_NONE);
	WORD(files, "none", FILES_NONE); WORD(files, "openai", FILES_OPENAI);
	WORD(think, "none", THINK_NONE); WORD(think, "effort", THINK_EFFORT); WORD(think, "type", THINK_TYPE);
	WORD(think, "enable", THINK_ENABLE); WORD(think, "template", THINK_TEMPLATE);
	WORD(think, "openrouter", THINK_OPENROUTER); WORD(think, "gemini", THINK_GEMINI);
	WORD(think, "adaptive", THINK_ADAPTIVE);
	WORD(echo, "auto", ECHO_AUTO); WORD(echo, "none", ECHO_NONE);
	WORD(echo, "reasoning_content", ECHO_REASONING_CONTENT); WORD(echo, "reasoning", ECHO_REASONING);
	WORD(echo, "details", ECHO_DETAILS); WORD(echo, "tags", ECHO_TAGS); WORD(echo, "mistral", ECHO_MISTRAL);
	WORD(echo, "copilot", ECHO_COPILOT); WORD(echo, "gemini", ECHO_GEMINI);
	WORD(echo_fill, "none", FILL_NONE); WORD(echo_fill, "empty", FILL_EMPTY); WORD(echo_fill, "dot", FILL_DOT);
	WORD(prefill, "plain", PREFILL_PLAIN); WORD(prefill, "prefix", PREFILL_PREFIX); WORD(prefill, "partial", PREFILL_PARTIAL);
	WORD(think_tags, "head", TAGS_HEAD); WORD(think_tags, "open", TAGS_OPEN); WORD(think_tags, "off", TAGS_OFF);
	WORD(heal, "auto", HEAL_AUTO); WORD(heal, "off", HEAL_OFF); WORD(heal, "kimi", HEAL_KIMI);
	WORD(heal, "deepseek", HEAL_DEEPSEEK);
	WORD(stream, "asked", STREAM_ASKED); WORD(stream, "always", STREAM_ALWAYS);
	WORD(system, "reminder", SYSTEM_REMINDER); WORD(system, "inline", SYSTEM_INLINE); WORD(system, "merge", SYSTEM_MERGE);
	WORD(cumulative, "off", CUMULATIVE_OFF); WORD(cumulative, "reasoning", CUMULATIVE_REASONING);
	WORD(cumulative, "args", CUMULATIVE_ARGS);
	WORD(cache, "strip", CACHE_STRIP); WORD(cache, "anthropic", CACHE_ANTHROPIC); WORD(cache, "key", CACHE_KEY);
	WORD(cache, "copilot", CACHE_COPILOT);
	WORD(usage, "off", false); WORD(usage, "on", true);
	WORD(tool_name, "1", true); WORD(tool_stream, "1", true); WORD(echo_all, "1", true); WORD(empty_length, "1", true);
	WORD(stop, "0", 0); WORD(stop, "16", 16); WORD(idle, "86400", 86400);
	WORD(efforts, "none,max", 1U << EFFORT_NONE | 1U << EFFORT_MAX);
	WORD(efforts, "none,minimal,low,medium,high,xhigh,max", (1U << EFFORTS) - 1);
}

static void defaults(void)
{
	static const char *const t[][2] = {
		{ "path", "/v1" }, { "auth", "bearer" }, { "headers", "" }, { "maxtok", "max_tokens" }, { "temp", "drop1" },
		{ "drop", "" }, { "stop", "4" }, { "usage", "on" }, { "tool_choice", "full" }, { "tool_id", "keep" },
		{ "tool_text", "merge" }, { "tool_name", "0" }, { "tool_stream", "0" }, { "schema", "light" },
		{ "images", "data" }, { "files", "none" }, { "think", "none" }, { "efforts", "low,medium,high" },
		{ "echo", "auto" }, { "echo_all", "0" }, { "echo_fill", "none" }, { "prefill", "plain" }, { "think_tags", "head" }, { "heal", "auto" },
		{ "stream", "asked" }, { "system", "reminder" }, { "cumulative", "off" }, { "empty_length", "0" },
		{ "cache", "strip" }, { "idle", "0" }, { "search", "" }, { "extra", "" },
	};
	size_t n = 0;

	q_init(&q);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		CHECK(t[i][0], strcmp(shown(t[i][0]), t[i][1]) == 0);
	while (q_key(n) && q_doc(n) && *q_doc(n) && q_values(n) && *q_values(n))
		n++;
	CHECK("every key has a doc, values and a default here", n == sizeof t / sizeof *t && !q_key(n) && !q_doc(n));
}

static void settings(void)
{
	static const char *const bad[] = {
		"temp", "=omit", "nosuch=1", "temp=", "temp=Omit", "temp=omit,pass", "usage=maybe", "stop=-1", "stop=65",
		"stop=", "stop=4x", "stop=99999999999999999999", "idle=86401", "efforts=", "efforts=low,,high", "efforts=huge",
		"path=v1", "path=/v 1", "path=/a?b", "path=/%41", "headers=X-A", "headers=:v", "headers=\"X A: v\"",
		"headers=\"X-A: \x01\"", "headers=\"X-A: b", "headers=Content-Length:5", "headers=X-A:b|TE:x",
		"headers=\"X-A: b\"c", "drop=a b", "drop=a\"", "extra={\"a\":1", "extra={a:1}", "extra=[1]", "extra={}}",
		"extra={\"a\":\"}", "search=none", "\n", "temp=omit\n",
	};
	static const char *const good[] = {
		"", " ", "# nothing", "temp=omit # comment", "\ttemp=omit\t ", "path=", "path=/", "headers=", "headers=\"\"",
		"extra=", "extra={}", "drop=", "drop=a,b", "efforts=max", "headers='X-A: \"b\"'", "extra={\"a\":\"\\\"}\"}",
	};
	struct quirks before;
	char text[64];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		q_init(&q);
		apply("stop=2 drop=x");
		before = q;
		snprintf(text, sizeof text, "refused: %.40s", strcmp(bad[i], "\n") ? bad[i] : "a line end");
		text[strcspn(text, "\n\x01")] = 0;
		CHECK(text, !apply(bad[i]) && why && *why && memcmp(&before, &q, sizeof q) == 0);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		q_init(&q);
		CHECK(*good[i] ? good[i] : "empty", apply(good[i]) && !why);
	}
	q_init(&q);
	CHECK("the place of the error", !apply("temp=omit  stop=x echo=none") && at == 11 && q.temp == TEMP_DROP1);
	CHECK("several", apply("temp=omit stop=1  echo=tags") && q.temp == TEMP_OMIT && q.stop == 1 && q.echo == ECHO_TAGS);
	CHECK("the last of a key counts", apply("stop=1 stop=3") && q.stop == 3);
	CHECK("slashes at the end of a path go", apply("path=/a/b//") && strcmp(q.path, "/a/b") == 0);
	CHECK("an object with blanks and braces in texts", apply("extra={\"a\": {\"b\": \"} {\"}} stop=2")
		&& strcmp(q.extra, "{\"a\": {\"b\": \"} {\"}}") == 0 && q.stop == 2);
	CHECK("a quoted value with blanks", apply("headers=\"X-A: b c|Y: d\" stop=5")
		&& strcmp(q.headers, "X-A: b c|Y: d") == 0 && q.stop == 5);
	for (size_t i = 0; i < 5; i++)
		CHECK("a flag's words", apply((const char *const[]){ "usage=off", "usage=0", "usage=false", "usage=no", "usage=off" }[i])
			&& !q.usage && apply((const char *const[]){ "usage=on", "usage=1", "usage=true", "usage=yes", "usage=on" }[i])
			&& q.usage);
}

static void limits(void)
{
	char text[1200] = "path=/";

	q_init(&q);
	memset(text + 6, 'a', Q_TEXT - 2);
	CHECK("a text that just fits", apply(text) && strlen(q.path) == Q_TEXT - 1);
	text[6 + Q_TEXT - 2] = 'a';
	CHECK("one byte more does not", !apply(text));
	strcpy(text, "extra={\"a\":\"");
	memset(text + 12, 'b', 2 * Q_TEXT);
	strcpy(text + 12 + 2 * Q_TEXT, "\"}");
	CHECK("an object that is too long", !apply(text));
	for (size_t room = 1; room < 20; room++) {
		char small[20];

		q_init(&q);
		for (size_t i = 0; q_key(i); i++) {
			memset(small, '#', sizeof small);
			if (q_show(&q, i, small, room) != strlen(small) || strlen(small) >= room)
				CHECK("shown within the room", 0);
		}
	}
}

static void headers(void)
{
	static const struct { const char *name, *value; bool good; } t[] = {
		{ "X-Title", "a b", true }, { "User-Agent", "curl/8", true }, { "Host", "h", true }, { "Authorization", "x", true },
		{ "X", "", true }, { "X", "tab\there", true }, { "X", "caf\xc3\xa9", true },
		{ "", "x", false }, { "X Y", "x", false }, { "X:", "x", false }, { "X\r\nY", "x", false }, { "X\xc3\xa9", "x", false },
		{ "X", "a\r\nB: c", false }, { "X", "a\nb", false }, { "X", "a\x7f", false }, { "X", "a\x01", false },
		{ "content-length", "5", false }, { "Content-Length", "5", false }, { "TRANSFER-ENCODING", "chunked", false },
		{ "Connection", "close", false }, { "Keep-Alive", "1", false }, { "Proxy-Connection", "1", false },
		{ "TE", "trailers", false }, { "Trailer", "X", false }, { "Upgrade", "h2c", false }, { "Expect", "x", false },
		{ "Accept-Encoding", "gzip", false }, { "Content-Encoding", "gzip", false },
		{ "Content-Length-But-Much-Longer-Than-Any", "5", true },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		CHECK(i < 7 ? "a field that may be set" : "a field and its verdict",
			(q_field_bad(t[i].name, strlen(t[i].name), t[i].value, strlen(t[i].value)) == NULL) == t[i].good);
	CHECK("a NUL in a value", q_field_bad("X", 1, "a\0b", 3) != NULL);
}

static bool matches(const char *hosts, const char *models, const char *host, int port, const char *model)
{
	char table[256];

	snprintf(table, sizeof table, "%s %s stop=9\n", hosts, models);
	q_init(&q);
	return q_rows(&q, table, &(struct q_place){ .host = host, .port = port, .model = model }, &why, &at) == 0 && q.stop == 9;
}

static void patterns(void)
{
	CHECK("exact", matches("a.example", "*", "a.example", 443, ""));
	CHECK("behind a dot", matches("a.example", "*", "x.y.a.example", 443, ""));
	CHECK("not without the dot", !matches("a.example", "*", "xa.example", 443, ""));
	CHECK("not the head alone", !matches("a.example", "*", "a.example.evil", 443, ""));
	CHECK("everything", matches("*", "*", "any.thing", 1, "") && matches("*", "*", "::1", 1, ""));
	CHECK("a star inside a label", matches("d*.example", "*", "d-intl.example", 443, "")
		&& matches("d*.example", "*", "d.example", 443, "") && matches("*plat.example", "*", "eu-plat.example", 443, ""));
	CHECK("no star over a dot", !matches("d*.example", "*", "d.x.example", 443, ""));
	CHECK("one of several", matches("a|b|c.example", "*", "c.example", 443, "") && !matches("a|b", "*", "c", 443, ""));
	CHECK("a port", matches(":11434", "*", "box.example", 11434, "") && !matches(":11434", "*", "box.example", 1143, ""));
	CHECK("a port behind a name", matches("box:99", "*", "box", 99, "") && !matches("box:99", "*", "box", 9, "")
		&& !matches("box:99", "*", "bix", 99, ""));
	CHECK("local", matches("local", "*", "10.1.2.3", 80, "") && !matches("local", "*", "8.8.8.8", 80, ""));
	CHECK("a model inside", matches("*", "*k2*", "h", 1, "Kimi-K2-Turbo") && !matches("*", "*k2*", "h", 1, "k3"));
	CHECK("a model's head", matches("*", "o1*|gpt-5*", "h", 1, "gpt-5-mini") && !matches("*", "o1*", "h", 1, "foo1"));
	CHECK("a model's tail", matches("*", "*v", "h", 1, "glm-4.5v") && !matches("*", "*v", "h", 1, "glm-4.5v-x"));
	CHECK("a star over slashes and dots", matches("*", "a*z", "h", 1, "a/b.c/z"));
	CHECK("a whole model", matches("*", "gpt-4o", "h", 1, "GPT-4o") && !matches("*", "gpt-4o", "h", 1, "gpt-4o-mini"));
	CHECK("stars that must go back", matches("*", "*ab*abc", "h", 1, "xabababc") && !matches("*", "*ab*abc", "h", 1, "xabc"));
	CHECK("no model, no model rule", !matches("*", "gpt*", "h", 1, "") && !matches("*", "gpt*", "h", 1, NULL)
		&& matches("*", "*", "h", 1, NULL));
}

static void tables(void)
{
	static const struct { const char *text; size_t line; } bad[] = {
		{ "a * stop=x", 1 }, { "# c\n\na * stop=1\nb * nosuch=1\n", 4 }, { "a\n", 1 }, { "a * stop", 1 },
		{ "\r\n  a:x * stop=1", 2 }, { "a:1x|b * stop=1", 1 }, { "a * extra={\"x\":", 1 },
	};
	const char *good = "# my rows\r\n\r\n  lab.example\t*\tstop=1 temp=omit # mine\r\nlab.example *big* stop=2\n\n:77 * path=";

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		q_init(&q);
		why = NULL;
		CHECK("a bad row is found, also for another host", q_rows(&q, bad[i].text, &(struct q_place){ .host = "zzz", .port = 1, .model = "m" }, &why, &at) == -1
			&& why && at == bad[i].line);
	}
	q_init(&q);
	CHECK("a table", q_rows(&q, good, &(struct q_place){ .host = "lab.example", .port = 443, .model = "small" }, &why, &at) == 0 && q.stop == 1 && q.temp == TEMP_OMIT);
	CHECK("later rows win", q_rows(&q, good, &(struct q_place){ .host = "lab.example", .port = 443, .model = "BIG" }, &why, &at) == 0 && q.stop == 2 && q.temp == TEMP_OMIT);
	CHECK("the last line needs no end", q_rows(&q, good, &(struct q_place){ .host = "h", .port = 77, .model = "" }, &why, &at) == 0 && q.path[0] == 0);
	CHECK("^: the hosts of the row above", q_rows(&q, "a|b * stop=5\nc * stop=6\n# c\n^ x* stop=7", &(struct q_place){ .host = "c", .model = "x1" },
		&why, &at) == 0 && q.stop == 7);
	CHECK("and no others", q_rows(&q, "a|b * stop=5\nc * stop=6\n^ * stop=7", &(struct q_place){ .host = "a" }, &why, &at) == 0
		&& q.stop == 5);
	q_init(&q);
	q.native = true;
	CHECK("@: only for who speaks the Messages API", q_rows(&q, "a * stop=5\n@a|b * idle=6\n^ m* stop=7", &(struct q_place){ .host = "b",
		.model = "m1" }, &why, &at) == 0 && q.stop == 7 && q.idle == 6 && q.native);
	q_init(&q);
	CHECK("and else not", q_rows(&q, "a * stop=5\n@a|b * idle=6\n^ m* stop=7", &(struct q_place){ .host = "a", .model = "m1" }, &why,
		&at) == 0 && q.stop == 5 && q.idle == 0);
	CHECK("an empty table", q_rows(&q, "", &(struct q_place){ .host = "h" }, &why, &at) == 0);
}

#define OPENAI_SEARCH " search={\"model\":\"gpt-5-search-api\",\"web_search_options\":{},\"reasoning_effort\":null}"
#define ROUTER_SEARCH " search={\"tools\":[{\"type\":\"openrouter:web_search\"}]}"
#define KIMI_SEARCH " search={\"stream\":false,\"thinking\":{\"type\":\"disabled\"}," \
	"\"tools\":[{\"type\":\"builtin_function\",\"function\":{\"name\":\"$web_search\"}}]}"
#define GLM_SEARCH " search={\"stream\":false,\"tools\":[{\"type\":\"web_search\",\"web_search\":{\"enable\":true," \
	"\"search_engine\":\"search_pro_jina\",\"search_result\":true}}]}"

/* what the built-in rows say: host, port, model, then the settings that must hold, all others as they begin */
#define GROK " headers=\"x-grok-conv-id: {session}\""
#define COPILOT "|X-Initiator: {initiator}|Copilot-Vision-Request: {vision}"

static const struct { const char *host; int port; const char *model, *settings; } rows[] = {
	{ "unknown.example", 443, "some-model", "" },
	{ "api.openai.com", 443, "gpt-4o",
		"path=/v1 maxtok=max_completion_tokens echo=none tool_text=user files=openai cache=key"
		" efforts=none,minimal,low,medium,high,xhigh" OPENAI_SEARCH },
	{ "api.openai.com", 443, "o3-mini", "path=/v1 maxtok=max_completion_tokens echo=none tool_text=user files=openai cache=key"
		" think=effort efforts=none,minimal,low,medium,high,xhigh temp=omit stop=0 idle=600" OPENAI_SEARCH },
	{ "api.openai.com", 443, "GPT-5.1", "path=/v1 maxtok=max_completion_tokens echo=none tool_text=user files=openai cache=key"
		" think=effort efforts=none,minimal,low,medium,high,xhigh temp=omit stop=0 idle=600" OPENAI_SEARCH },
	{ "my-res.openai.azure.com", 443, "gpt-4o",
		"path=/openai/v1 auth=api-key maxtok=max_completion_tokens echo=none tool_text=user" },
	{ "r.services.ai.azure.com", 443, "gpt-5", "path=/openai/v1 auth=api-key maxtok=max_completion_tokens echo=none"
		" tool_text=user think=effort temp=omit stop=0 idle=600" },
	{ "r.services.ai.azure.com", 443, "Mistral-Large",
		"path=/openai/v1 auth=api-key maxtok=max_tokens echo=none tool_text=user" },
	{ "r.cognitiveservices.azure.com", 443, "x",
		"path=/openai/v1 auth=api-key maxtok=max_completion_tokens echo=none tool_text=user" },
	{ "openrouter.ai", 443, "qwen/qwen3", "path=/api/v1 think=openrouter echo=details files=openai"
		" headers=\"X-Title: claude-code-proxy\" idle=300" ROUTER_SEARCH },
	{ "openrouter.ai", 443, "anthropic/claude-sonnet-4.5", "path=/api/v1 think=openrouter echo=details files=openai"
		" headers=\"X-Title: claude-code-proxy\" idle=300 cache=anthropic" ROUTER_SEARCH },
	/* a rule for a model holds under its host's row, which comes later */
	{ "openrouter.ai", 443, "google/gemini-3-pro", "path=/api/v1 think=openrouter echo=details files=openai schema=gemini"
		" headers=\"X-Title: claude-code-proxy\" idle=300 cache=anthropic" ROUTER_SEARCH },
	{ "router.requesty.ai", 443, "x", "path=/v1 think=effort cache=anthropic headers=\"X-Title: claude-code-proxy\"" },
	{ "api.moonshot.ai", 443, "kimi-latest", "path=/v1 think=type temp=omit tool_choice=auto schema=moonshot"
		" echo=reasoning_content echo_fill=dot prefill=partial idle=300" KIMI_SEARCH },
	{ "api.moonshot.cn", 443, "kimi-k2.6", "path=/v1 think=type temp=omit tool_choice=auto schema=moonshot heal=kimi"
		" echo=reasoning_content echo_fill=dot prefill=partial idle=300 extra={\"thinking\":{\"type\":\"enabled\",\"keep\":\"all\"}}" KIMI_SEARCH },
	{ "api.moonshot.ai", 443, "kimi-k2.5", "path=/v1 think=type temp=omit tool_choice=auto schema=moonshot heal=kimi"
		" echo=reasoning_content echo_fill=dot prefill=partial idle=300" KIMI_SEARCH },
	{ "api.moonshot.ai", 443, "kimi-k3", "path=/v1 think=effort efforts=low,high,max temp=omit tool_choice=strings"
		" schema=moonshot echo=reasoning_content echo_fill=dot prefill=partial idle=300" },
	{ "api.kimi.com", 443, "kimi-k3", "path=/coding/v1 think=effort efforts=low,high,max temp=omit tool_choice=strings"
		" schema=moonshot echo=reasoning_content echo_fill=dot prefill=partial cache=key idle=300" },
	{ "api.z.ai", 443, "glm-4.6", "path=/api/paas/v4 think=type temp=unit tool_choice=auto tool_stream=1"
		" echo=reasoning_content images=none idle=600 extra={\"thinking\":{\"clear_thinking\":false}}" GLM_SEARCH },
	{ "open.bigmodel.cn", 443, "glm-4.5v", "path=/api/paas/v4 think=type temp=unit tool_choice=auto tool_stream=1"
		" echo=reasoning_content images=data idle=600 extra={\"thinking\":{\"clear_thinking\":false}}" GLM_SEARCH },
	{ "api.z.ai", 443, "glm-5.3-flash", "path=/api/paas/v4 think=type temp=unit tool_choice=auto tool_stream=1"
		" echo=reasoning_content images=data efforts=low,high,max idle=600 extra={\"thinking\":{\"clear_thinking\":false}}" GLM_SEARCH },
	{ "api.minimax.io", 443, "MiniMax-M2.1", "path=/v1 maxtok=max_completion_tokens temp=gt0 tool_choice=auto think=adaptive"
		" echo=details images=none cumulative=reasoning extra={\"reasoning_split\":true} idle=300" },
	{ "generativelanguage.googleapis.com", 443, "gemini-2.5-pro",
		"path=/v1beta/openai think=gemini echo=gemini schema=gemini tool_text=user" },
	{ "us-central1-aiplatform.googleapis.com", 443, "google/gemini-3-pro",
		"think=gemini echo=gemini schema=gemini tool_text=user" " search={\"web_search_options\":{}}" },
	{ "api.deepseek.com", 443, "deepseek-v4", "path=/v1 think=type efforts=low,high,max tool_choice=none heal=deepseek"
		" echo=reasoning_content images=none echo_all=1 echo_fill=empty idle=660" },
	{ "api.deepseek.com", 443, "deepseek-flash-4.1", "path=/v1 think=type efforts=low,high,max tool_choice=none heal=deepseek"
		" echo=reasoning_content images=data echo_all=1 echo_fill=empty idle=660" },
	{ "dashscope-intl.aliyuncs.com", 443, "qwen3-coder",
		"path=/compatible-mode/v1 think=enable tool_choice=strings idle=600" " search={\"enable_search\":true,\"search_options\":{\"forced_search\":true}}" },
	{ "token-plan.ap-southeast-1.maas.aliyuncs.com", 443, "qwen3",
		"path=/compatible-mode/v1 think=enable tool_choice=strings idle=600" },
	{ "coding-intl.dashscope.aliyuncs.com", 443, "qwen3", "path=/v1 think=enable tool_choice=strings idle=600" },
	{ "api.groq.com", 443, "qwen3", "path=/openai/v1 maxtok=max_completion_tokens think=effort echo=none" },
	{ "api.groq.com", 443, "openai/gpt-oss-120b",
		"path=/openai/v1 maxtok=max_completion_tokens think=effort echo=reasoning images=none" " search={\"tools\":[{\"type\":\"browser_search\"}]}" },
	{ "api.groq.com", 443, "groq/compound-mini", "path=/openai/v1 maxtok=max_completion_tokens think=effort echo=none search={}" },
	{ "api.x.ai", 443, "grok-4", "path=/v1 schema=xai echo=none stop=0 cache=key idle=900" GROK },
	{ "api.x.ai", 443, "grok-4.3", "path=/v1 schema=xai echo=none stop=0 cache=key idle=900" GROK " think=effort" },
	{ "api.mistral.ai", 443, "codestral", "path=/v1 usage=off tool_choice=any tool_id=mistral9 tool_name=1 echo=mistral prefill=prefix" },
	{ "api.mistral.ai", 443, "mistral-small-latest", "path=/v1 usage=off tool_choice=any tool_id=mistral9 tool_name=1"
		" echo=mistral prefill=prefix think=effort efforts=none,high" },
	{ "api.together.xyz", 443, "moonshotai/Kimi-K2-Instruct", "path=/v1 heal=kimi echo_fill=dot temp=omit" },
	{ "api.fireworks.ai", 443, "m",
		"path=/inference/v1 think=effort efforts=none,low,medium,high echo=reasoning_content" },
	{ "api.siliconflow.com", 443, "m", "path=/v1 think=enable echo=reasoning_content" },
	{ "ark.cn-beijing.volces.com", 443, "ep-1", "path=/api/v3 think=type echo=reasoning_content" },
	{ "ark.ap-southeast.bytepluses.com", 443, "m", "path=/api/v3 think=type echo=reasoning_content" },
	{ "api.cerebras.ai", 443, "llama", "path=/v1 maxtok=max_completion_tokens drop=parallel_tool_calls usage=off"
		" tool_choice=strings echo=none" },
	{ "api.cerebras.ai", 443, "qwen-3-coder", "path=/v1 maxtok=max_completion_tokens drop=parallel_tool_calls usage=off"
		" tool_choice=strings echo=none think=effort" },
	{ "integrate.api.nvidia.com", 443, "m", "path=/v1 think=template" },
	{ "api.githubcopilot.com", 443, "gpt-4o", "path= echo=copilot cache=copilot headers=\"Copilot-Integration-Id: vscode-chat"
		"|Editor-Version: vscode/1.99.0|Editor-Plugin-Version: copilot-chat/0.26.7"
		"|Openai-Intent: conversation-panel" COPILOT "\"" },
	{ "api.business.githubcopilot.com", 443, "gpt-4o", "path= echo=copilot cache=copilot"
		" headers=\"Copilot-Integration-Id: vscode-chat|Editor-Version: vscode/1.99.0"
		"|Editor-Plugin-Version: copilot-chat/0.26.7|Openai-Intent: conversation-panel" COPILOT "\"" },
	{ "models.github.ai", 443, "m", "path=/inference maxtok=max_completion_tokens" },
	{ "api.cloudflare.com", 443, "m", "path=" },
	{ "gateway.ai.cloudflare.com", 443, "m", "path=" },
	{ "bedrock-runtime.eu-west-1.amazonaws.com", 443, "m", "path=/openai/v1 echo=none" },
	{ "bedrock-mantle.eu-west-1.api.aws", 443, "m", "path=/v1 echo=none" },
	{ "qianfan.baidubce.com", 443, "m", "path=/v2 echo=none" " search={\"web_search\":{\"enable\":true,\"enable_trace\":true}}" },
	{ "ollama.com", 443, "qwen3", "path=/v1 think=effort efforts=none,low,medium,high,max echo=reasoning tool_choice=none"
		" empty_length=1 schema=grammar" },
	{ "localhost", 11434, "qwen3", "path=/v1 think=effort efforts=none,low,medium,high,max echo=reasoning tool_choice=none"
		" empty_length=1 schema=grammar idle=600" },
	{ "192.168.1.5", 1234, "m", "path=/v1 think=effort tool_choice=strings echo=reasoning_content schema=grammar idle=600" },
	{ "127.0.0.1", 8080, "m", "path=/v1 think=template tool_choice=strings echo=reasoning_content schema=grammar idle=600" },
	{ "gpu.example", 8000, "m", "path=/v1 think=template" },
	{ "gpu.local", 30000, "m", "path=/v1 think=template idle=600" },
	{ "unknown.example", 443, "deepseek-ai/DeepSeek-V4.1-Flash", "heal=deepseek images=data echo_all=1 echo_fill=empty" },
	{ "unknown.example", 443, "gemini-3-flash", "echo=gemini schema=gemini" },
	{ "api.openai.com.evil.example", 443, "o3", "" },
};

static void providers(void)
{
	struct quirks want;
	char what[160];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		q_init(&q);
		if (!apply(rows[i].settings))
			abort();
		want = q;
		q_init(&q);
		snprintf(what, sizeof what, "%s:%d %s", rows[i].host, rows[i].port, rows[i].model);
		CHECK(what, q_rows(&q, NULL, &(struct q_place){ .host = rows[i].host, .port = rows[i].port, .model = rows[i].model }, &why, &at) == 0
			&& memcmp(&want, &q, sizeof q) == 0);
	}
}

/* the same where Anthropic's API is spoken */
static void native_providers(void)
{
	static const struct { const char *host, *settings; } t[] = {
		{ "unknown.example", "path= auth=x-api-key idle=600" },
		{ "api.anthropic.com", "path= auth=x-api-key idle=600" },
		{ "api.moonshot.ai", "path=/anthropic auth=both echo=reasoning_content echo_fill=dot echo_all=1 idle=600" },
		{ "api.moonshot.cn", "path=/anthropic auth=both echo=reasoning_content echo_fill=dot echo_all=1 idle=600" },
		{ "api.kimi.com", "path=/coding auth=both echo=reasoning_content echo_fill=dot echo_all=1 idle=600" },
		{ "api.deepseek.com", "path=/anthropic auth=both echo=reasoning_content echo_fill=dot echo_all=1 idle=600" },
		{ "api.z.ai", "path=/api/anthropic auth=both echo=reasoning_content idle=600" },
		{ "open.bigmodel.cn", "path=/api/anthropic auth=both echo=reasoning_content idle=600" },
		{ "api.minimax.io", "path=/anthropic auth=both echo=reasoning_content idle=600" },
		{ "api.minimaxi.com", "path=/anthropic auth=both echo=reasoning_content idle=600" },
		{ "openrouter.ai", "path=/api auth=bearer idle=600" },
	};
	struct quirks want;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		q_init(&q);
		q.native = true;
		if (!apply(t[i].settings))
			abort();
		want = q;
		q_init(&q);
		q.native = true;
		CHECK(t[i].host, q_rows(&q, NULL, &(struct q_place){ .host = t[i].host, .port = 443, .model = "kimi-k2.6" }, &why, &at) == 0
			&& memcmp(&want, &q, sizeof q) == 0);
	}
}

static void places(void)
{
	static const char *const local[] = {
		"localhost", "box", "a.localhost", "nas.local", "host.docker.internal", "pi.lan", "x.home.arpa", "127.0.0.1",
		"127.255.0.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.1.1", "100.64.0.1", "::1",
		"fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "::ffff:10.0.0.1",
	};
	static const char *const far[] = {
		"", "example.com", "local.example.com", "xlocal.example", "8.8.8.8", "11.0.0.1", "172.15.0.1", "172.32.0.1",
		"192.169.0.1", "100.128.0.1", "127.0.0.1.example", "10.0.0.256", "2001:db8::1", "fec0::1", "::ffff:8.8.8.8", "fc::1",
		"feed::1", ".local",
	};

	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		CHECK(local[i], q_local(local[i]));
	for (size_t i = 0; i < sizeof far / sizeof *far; i++)
		CHECK(*far[i] ? far[i] : "no name", !q_local(far[i]));
}

int main(void)
{
	words();
	defaults();
	settings();
	limits();
	headers();
	patterns();
	tables();
	providers();
	native_providers();
	places();
	return CHECK_END();
}
