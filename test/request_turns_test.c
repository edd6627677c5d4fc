/*
 * Requests of one conversation: the next turn begins as the turn before did,
 * to the byte; long conversations; what the answer learns of its request.
 */
#include "chat_grammar.h"
#include "request_run.h"

#include "check.h"

/* ---- a conversation that grows ---- */

/* one after the other, as Claude Code sends them; a cache mark is on the last block only */
static const char *const history[] = {
	"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"<system-reminder>\\nx\\n</system-reminder>\"},"
		"{\"type\":\"text\",\"text\":\"Go\"@}]}",
	"{\"role\":\"system\",\"content\":\"Agents: none\"}",
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"abc\"},"
		"{\"type\":\"text\",\"text\":\"Ok\"},"
		"{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"Read\",\"input\":{\"file_path\":\"a\"}},"
		"{\"type\":\"tool_use\",\"id\":\"c2\",\"name\":\"Read\",\"input\":{\"file_path\":\"b\"}}]}",
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c2\",\"content\":\"B\"},"
		"{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\","
		"\"media_type\":\"image/png\",\"data\":\"AA==\"}}]@}]}",
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"ToolSearch\",\"input\":{}}]}",
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":[{\"type\":\"tool_reference\","
		"\"tool_name\":\"late\"}]@},{\"type\":\"text\",\"text\":\"Tool loaded.\"}]}",
	"{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"\",\"name\":\"late\",\"input\":{\"q\":1}}]}",
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"\",\"content\":\"found\"@}]}",
	"{\"role\":\"system\",\"content\":\"A task ended\"}",
	"{\"role\":\"assistant\",\"content\":\"Done.\"}",
	"{\"role\":\"user\",\"content\":\"Thanks\"}",
};
#define HISTORY (sizeof history / sizeof history[0])

/* the request when so many messages have been said; turn: which request of the session */
static char *request_of(size_t n, int turn)
{
	char *text = malloc(16384), *p = text;

	p += sprintf(p, "{\"model\":\"m\",\"messages\":[");
	for (size_t i = 0; i < n; i++) {
		p += sprintf(p, "%s", i > 0 ? "," : "");
		for (const char *c = history[i]; *c != '\0'; c++) {
			if (*c != '@')
				*p++ = *c;
			else if (i + 1 == n)
				p += sprintf(p, ",\"cache_control\":{\"type\":\"ephemeral\"}");
		}
	}
	sprintf(p, "],\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cch=%d;\"},{\"type\":\"text\","
		"\"text\":\"Be good.\\n<total_tokens>%d left</total_tokens>\",\"cache_control\":{\"type\":\"ephemeral\"}}],"
		"\"tools\":[{\"name\":\"late\",\"input_schema\":{},\"defer_loading\":true},{\"name\":\"Read\",\"input_schema\":{}},"
		"{\"name\":\"ToolSearch\",\"input_schema\":{}}],\"max_tokens\":%d,\"stream\":true}", turn, 9000 - turn, 100 + turn);
	return text;
}

/* where the messages end in a body, the marker of this turn not counted; 0: it is not at their end */
static size_t messages_end(const struct result *r, int turn)
{
	char mark[100];
	struct j_val messages = j_get(j_root(r->body, r->n), "messages"), m = { 0 }, last = { 0 };

	while (j_item(messages, &m))
		last = m;
	size_t n = last.p != NULL ? (size_t)(last.p + last.n - r->body) : 0;
	for (int i = 0; i < 2; i++) {
		snprintf(mark, sizeof mark, i == 0 ? "\\n\\n<total_tokens>%d left</total_tokens>\"}"
			: ",{\"type\":\"text\",\"text\":\"<total_tokens>%d left</total_tokens>\"}]}", 9000 - turn);
		size_t k = strlen(mark);
		if (n > k && memcmp(r->body + n - k, mark, k) == 0)
			return n - k;
	}
	return 0;
}

static void stable(const char *settings)
{
	static const size_t turns[] = { 2, 4, 6, 9, 11 };
	char what[200], line[128];
	struct setting s;
	struct result before = { 0 };
	size_t length = 0;

	setting_init(&s);
	strcpy(line, settings);
	setting_line(&s, line);
	for (int i = 0; i < 5; i++) {
		char *text = request_of(turns[i], i);
		struct result r = run_text(text, &s.t, 512);
		snprintf(what, sizeof what, "turns: %s: turn %d begins as the one before", settings, i + 1);
		bool same = r.rc == 0 && (i == 0 || (r.n > length && memcmp(r.body, before.body, length) == 0));
		CHECK(what, same);
		if (!same)
			printf("#  before %s\n#  now    %s\n", before.body, r.body);
		length = messages_end(&r, i);
		snprintf(what, sizeof what, "turns: %s: turn %d ends with what changes each turn", settings, i + 1);
		CHECK(what, length > 0);
		const char *wrong = chat_wrong(j_root(r.body, r.n), true);
		CHECK("turns: good Chat Completions", wrong == NULL);
		result_free(&before);
		before = r;
		free(text);
	}
	result_free(&before);
}

/* tools too: what is loaded comes behind what was there */
static void stable_tools(void)
{
	struct setting s;

	setting_init(&s);
	char *early = request_of(4, 0), *late = request_of(6, 0);
	struct result a = run_text(early, &s.t, 512), b = run_text(late, &s.t, 512);
	struct j_val one = j_get(j_root(a.body, a.n), "tools"), two = j_get(j_root(b.body, b.n), "tools");
	CHECK("turns: tools begin with the tools of the turn before", one.n > 2 && two.n > one.n
		&& memcmp(one.p, two.p, one.n - 1) == 0);
	result_free(&a);
	result_free(&b);
	free(early);
	free(late);
}

/* ---- long ones ---- */

#define LONG 10000

static void long_conversation(void)
{
	char *text = malloc(LONG * 200), *p = text;
	struct setting s;
	struct j_err err;
	size_t tools = 0;

	p += sprintf(p, "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}");
	for (int i = 0; i < LONG / 2; i++)
		p += sprintf(p, ",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c%d\",\"name\":\"n\",\"input\":{}}]}"
			",{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c%d\",\"content\":\"%d\"}]}", i, i, i);
	strcpy(p, "]}");
	setting_init(&s);
	struct result r = run_text(text, &s.t, 65536);
	struct j_val m = { 0 }, messages;
	CHECK("turns: 10,001 messages", r.rc == 0 && r.same && j_check(r.body, r.n, &err) == 0
		&& chat_wrong(j_root(r.body, r.n), true) == NULL);
	messages = j_get(j_root(r.body, r.n), "messages");
	while (j_item(messages, &m))
		tools += j_is(j_get(m, "role"), "tool");
	CHECK("turns: 10,001 messages: every result", tools == LONG / 2 && r.s.nids == LONG / 2);
	result_free(&r);
	free(text);
}

/* ---- what the answer learns ---- */

static void learned(void)
{
	static char text[] = "{\"max_tokens\":9,\"messages\":["
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\\u0062c\",\"name\":\"n\",\"input\":{}},"
		"{\"type\":\"tool_use\",\"id\":\"abc\",\"name\":\"n\",\"input\":{}},{\"type\":\"tool_use\",\"name\":\"n\",\"input\":{}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"abc\"}]}],"
		"\"tools\":[{\"name\":\"Re\\u0061d\"},{\"type\":\"web_search_20250305\",\"name\":\"web_search\"},"
		"{\"name\":\"a.long.name\",\"defer_loading\":true}],\"tool_choice\":{\"type\":\"none\"}}";
	struct setting s;
	char name[CONV_NAME_MAX + 1];
	struct j_err err;

	setting_init(&s);
	struct result r = run_text(text, &s.t, 512);
	CHECK("turns: the session converts", r.rc == 0 && r.same && j_check(r.body, r.n, &err) == 0);
	CHECK("turns: ids of all calls that have one", r.s.nids == 2 && session_has_id(&r.s, hash_bytes("abc", 3))
		&& !session_has_id(&r.s, hash_bytes("abd", 3)));
	CHECK("turns: names of all tools that the client runs", r.s.nnames == 5 + 12
		&& memcmp(r.s.names, "Read\0a.long.name", 17) == 0);
	size_t n = conv_name("a.long.name", 11, name);
	const char *back = session_tool(&r.s, name, n);
	CHECK("turns: and back from the upstream's", back != NULL && strcmp(back, "a.long.name") == 0);
	CHECK("turns: not a server's tool", session_tool(&r.s, "web_search", 10) == NULL);
	result_free(&r);
}

/* ---- names and ids that the upstream would refuse ---- */

static struct j_val item(struct j_val array, int i)
{
	struct j_val v = { 0 };

	for (; i >= 0 && j_item(array, &v); i--)
		;
	return v;
}

static void renamed(const char *settings)
{
	static char text[] = "{\"max_tokens\":9,\"messages\":["
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"call-that-is-longer-than-forty-bytes-which-is-the-limit\","
		"\"name\":\"mcp__server.with.dots__and_a_name_that_is_longer_than_sixty_four_bytes\",\"input\":{}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":\"1\","
		"\"tool_use_id\":\"call-that-is-longer-than-forty-bytes-which-is-the-limit\"}]}],"
		"\"tools\":[{\"name\":\"mcp__server.with.dots__and_a_name_that_is_longer_than_sixty_four_bytes\"}]}";
	char line[64], what[128];
	struct setting s;

	setting_init(&s);
	strcpy(line, settings);
	setting_line(&s, line);
	struct result r = run_text(text, &s.t, 512);
	struct j_val body = j_root(r.body, r.n), messages = j_get(body, "messages");
	struct j_val call = item(j_get(item(messages, 0), "tool_calls"), 0), answer = item(messages, 1);
	struct j_val name = j_get(j_get(call, "function"), "name"), id = j_get(call, "id");
	snprintf(what, sizeof what, "turns: %s: a name and an id that are too long", settings);
	CHECK(what, r.rc == 0 && chat_wrong(body, true) == NULL && j_length(name) == 64 && j_length(id) <= 40
		&& j_same(name, j_get(j_get(item(j_get(body, "tools"), 0), "function"), "name"))
		&& j_same(name, j_get(answer, "name")) && j_same(id, j_get(answer, "tool_call_id")));
	CHECK("turns: nine letters and digits for Mistral", s.q.tool_id != ID_MISTRAL9 || j_length(id) == 9);
	result_free(&r);
}

int main(void)
{
	stable("quirks temp=drop1");
	stable("quirks echo_fill=dot echo_all=1 tool_name=1");
	stable("quirks echo=gemini schema=gemini");
	stable("quirks tool_id=mistral9");
	stable_tools();
	long_conversation();
	learned();
	renamed("quirks tool_name=1");
	renamed("quirks tool_name=1 tool_id=mistral9");
	return CHECK_END();
}
