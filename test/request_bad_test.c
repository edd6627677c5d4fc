/*
 * Requests that are refused, each with the message that names the field and
 * its place; and odd ones that are not. A row's request is the value of the
 * body; M stands for a good max_tokens and a good message.
 */
#include "request_run.h"

#include "check.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define M "\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"
#define MESSAGES(text) "{\"max_tokens\":9,\"messages\":" text "}"
#define BLOCK(text) MESSAGES("[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"y\"}," text "]}]")
#define SAYS(text) MESSAGES("[{\"role\":\"assistant\",\"content\":[" text "]}]")

static const struct {
	const char *body, *message;	/* NULL: it is fine */
} rows[] = {
	{ "[]", "the request body must be a JSON object" },
	{ "{}", "messages: Field required" },
	{ "{\"max_tokens\":9}", "messages: Field required" },
	{ MESSAGES("{}"), "messages: must be an array" },
	{ MESSAGES("null"), "messages: must be an array" },
	{ MESSAGES("[]"), "messages: at least one message that says something is required" },
	{ MESSAGES("[{\"role\":\"system\",\"content\":\"x\"}]"), "messages: at least one message that says something is required" },
	{ MESSAGES("[1]"), "messages.0: must be an object" },
	{ MESSAGES("[{\"role\":\"user\",\"content\":\"x\"},{\"content\":\"x\"}]"), "messages.1.role: Field required" },
	{ MESSAGES("[{\"role\":5,\"content\":\"x\"}]"), "messages.0.role: must be a string" },
	{ MESSAGES("[{\"role\":\"tool\",\"content\":\"x\"}]"), "messages.0.role: must be user, assistant or system" },
	{ MESSAGES("[{\"role\":\"user\"}]"), "messages.0.content: Field required" },
	{ MESSAGES("[{\"role\":\"user\",\"content\":null}]"), "messages.0.content: must be a string or an array" },
	{ MESSAGES("[{\"role\":\"user\",\"content\":7}]"), "messages.0.content: must be a string or an array" },
	{ BLOCK("\"x\""), "messages.1.content.1: must be an object" },
	{ BLOCK("{}"), "messages.1.content.1.type: Field required" },
	{ BLOCK("{\"type\":1}"), "messages.1.content.1.type: must be a string" },
	{ BLOCK("{\"type\":\"text\"}"), "messages.1.content.1.text: Field required" },
	{ BLOCK("{\"type\":\"text\",\"text\":{}}"), "messages.1.content.1.text: must be a string" },
	{ BLOCK("{\"type\":\"image\"}"), "messages.1.content.1.source: Field required" },
	{ BLOCK("{\"type\":\"image\",\"source\":\"x\"}"), "messages.1.content.1.source: must be an object" },
	{ BLOCK("{\"type\":\"image\",\"source\":{}}"), "messages.1.content.1.source.type: Field required" },
	{ BLOCK("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"x\"}}"), "messages.1.content.1.source.media_type: Field required" },
	{ BLOCK("{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\"}}"), "messages.1.content.1.source.data: Field required" },
	{ BLOCK("{\"type\":\"image\",\"source\":{\"type\":\"url\"}}"), "messages.1.content.1.source.url: Field required" },
	{ BLOCK("{\"type\":\"document\",\"source\":{\"type\":\"text\",\"data\":5}}"), "messages.1.content.1.source.data: must be a string" },
	{ BLOCK("{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":{}}}"), "messages.1.content.1.source.content: must be a string or an array" },
	{ BLOCK("{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[{\"type\":\"text\"}]}}"),
		"messages.1.content.1.source.content.0.text: Field required" },
	{ BLOCK("{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"text/plain\",\"data\":\"a*b\"}}"),
		"messages.1.content.1.source.data: not valid base64" },
	{ BLOCK("{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"text/plain\",\"data\":\"YQ==YQ==\"}}"),
		"messages.1.content.1.source.data: not valid base64" },
	{ BLOCK("{\"type\":\"tool_result\",\"tool_use_id\":4}"), "messages.1.content.1.tool_use_id: must be a string" },
	{ BLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":{}}"), "messages.1.content.1.content: must be a string or an array" },
	{ BLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"is_error\":\"yes\"}"), "messages.1.content.1.is_error: must be true or false" },
	{ BLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"a\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\"}]}"),
		"messages.1.content.1.content.1.text: Field required" },
	{ MESSAGES("[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"n\",\"input\":{}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\",\"content\":[{\"type\":\"image\",\"source\":5}]}]}]"),
		"messages.1.content.0.content.0.source: must be an object" },
	{ SAYS("{\"type\":\"tool_use\",\"id\":\"c\",\"input\":{}}"), "messages.0.content.0.name: Field required" },
	{ SAYS("{\"type\":\"tool_use\",\"id\":7,\"name\":\"n\",\"input\":{}}"), "messages.0.content.0.id: must be a string" },
	{ SAYS("{\"type\":\"thinking\",\"thinking\":[]}"), "messages.0.content.0.thinking: must be a string" },
	{ SAYS("{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":5}"), "messages.0.content.0.signature: must be a string" },

	{ "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "max_tokens: Field required" },
	{ "{" M ",\"max_tokens\":\"lots\"}", "max_tokens: must be a whole number above 0" },
	{ "{" M ",\"max_tokens\":0}", "max_tokens: must be a whole number above 0" },
	{ "{" M ",\"max_tokens\":1.5}", "max_tokens: must be a whole number above 0" },
	{ "{" M ",\"max_tokens\":null}", "max_tokens: must be a whole number above 0" },
	{ "{" M ",\"stream\":\"true\"}", "stream: must be true or false" },
	{ "{" M ",\"temperature\":\"hot\"}", "temperature: must be a number" },
	{ "{" M ",\"top_p\":[]}", "top_p: must be a number" },
	{ "{" M ",\"stop_sequences\":\"x\"}", "stop_sequences: must be an array" },
	{ "{" M ",\"stop_sequences\":[\"a\",5]}", "stop_sequences.1: must be a string" },
	{ "{" M ",\"system\":5}", "system: must be a string or an array" },
	{ "{" M ",\"system\":[{\"type\":\"text\"}]}", "system.0.text: Field required" },
	{ "{" M ",\"system\":[\"x\"]}", "system.0: must be an object" },
	{ "{" M ",\"tools\":{}}", "tools: must be an array" },
	{ "{" M ",\"tools\":[5]}", "tools.0: must be an object" },
	{ "{" M ",\"tools\":[{\"name\":\"a\"},{\"input_schema\":{}}]}", "tools.1.name: Field required" },
	{ "{" M ",\"tools\":[{\"name\":\"  \"}]}", "tools.0.name: must not be empty" },
	{ "{" M ",\"tools\":[{\"name\":\"a\",\"description\":5}]}", "tools.0.description: must be a string" },
	{ "{" M ",\"tools\":[{\"name\":\"a\",\"input_schema\":true}]}", "tools.0.input_schema: must be an object" },
	{ "{" M ",\"tool_choice\":\"auto\"}", "tool_choice: must be an object" },
	{ "{" M ",\"tool_choice\":{}}", "tool_choice.type: Field required" },
	{ "{" M ",\"tool_choice\":{\"type\":\"required\"}}", "tool_choice.type: must be auto, any, tool or none" },
	{ "{" M ",\"tool_choice\":{\"type\":\"tool\"}}", "tool_choice.name: Field required" },
	{ "{" M ",\"thinking\":true}", "thinking: must be an object" },
	{ "{" M ",\"thinking\":{}}", "thinking.type: Field required" },
	{ "{" M ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":\"many\"}}", "thinking.budget_tokens: must be a whole number above 0" },
	{ "{" M ",\"output_config\":[]}", "output_config: must be an object" },
	{ "{" M ",\"output_config\":{\"effort\":3}}", "output_config.effort: must be a string" },
	{ "{" M ",\"output_config\":{\"format\":\"json\"}}", "output_config.format: must be an object" },
	{ "{" M ",\"output_config\":{\"format\":{\"type\":\"json_schema\"}}}", "output_config.format: a json_schema needs a schema, which is an object" },
	{ "{" M ",\"output_format\":5}", "output_format: must be an object" },

	/* odd, and taken */
	{ "{" M "}", NULL },
	{ "{" M ",\"tools\":[{\"name\":\"a\"},{\"name\":\"b\",\"input_schema\":null,\"type\":null}]}", NULL },
	{ "{" M ",\"tools\":[{\"type\":\"bash_20250124\"}]}", NULL },
	{ "{" M ",\"output_config\":{\"format\":{\"type\":\"text\"},\"task_budget\":5}}", NULL },
	{ SAYS("{\"type\":\"tool_use\",\"name\":\"\"}"), NULL },
	{ SAYS("{\"type\":\"thinking\"},{\"type\":\"text\",\"text\":\"x\"}"), NULL },
	{ BLOCK("{\"type\":\"tool_result\"}"), NULL },
	{ BLOCK("{\"type\":\"text\",\"text\":\"x\",\"cache_control\":null,\"citations\":null,\"no_such\":[]}"), NULL },
};

/* the checks alone say the same, but want no max_tokens */
static bool same_without_limit(const char *body, const char *message)
{
	char *copy = strdup(body);
	struct j_err err;
	struct api_error e;

	j_check(copy, strlen(copy), &err);
	int rc = request_check(j_root(copy, strlen(copy)), &e);
	bool limit = message != NULL && strcmp(message, "max_tokens: Field required") == 0;
	bool same = message == NULL || limit ? rc == 0 : rc == -1 && strcmp(e.message, message) == 0;
	free(copy);
	return same;
}

static void convert_rows(void)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		char what[1024], *copy = strdup(rows[i].body);
		struct setting s;
		setting_init(&s);
		struct result r = run_text(copy, &s.t, 64);
		const char *message = rows[i].message;
		snprintf(what, sizeof what, "bad: %s %.700s", message != NULL ? message : "is taken:", rows[i].body);
		bool good = message == NULL ? r.rc == 0 : r.rc == -1 && r.e.status == 400 && strcmp(r.e.message, message) == 0;
		CHECK(what, good && same_without_limit(rows[i].body, message));
		if (!good)
			printf("#  got %d %s\n", r.rc, r.e.message);
		result_free(&r);
		free(copy);
	}
}

/* the first look */
static void look(const char *body, const char *message)
{
	struct request_facts f;
	struct api_error e;
	char what[512], *copy = strdup(body);
	struct j_err err;

	snprintf(what, sizeof what, "bad: the first look at %.300s", body);
	j_check(copy, strlen(copy), &err);
	int rc = request_read(j_root(copy, strlen(copy)), &f, &e);
	CHECK(what, message == NULL ? rc == 0 && f.model.type == J_STRING : rc == -1 && e.status == 400 && strcmp(e.message, message) == 0);
	free(copy);
}

static void looks(void)
{
	char text[400], model[300];

	look("[]", "the request body must be a JSON object");
	look("{}", "model: Field required");
	look("{\"model\":5}", "model: must be a string");
	look("{\"model\":\" \"}", "model: must not be empty");
	look("{\"model\":\"m\\u0000x\"}", "model: must not hold U+0000");
	look("{\"model\":\"kimi-k2\",\"messages\":5}", NULL);
	memset(model, 'm', sizeof model);
	model[256] = '\0';
	snprintf(text, sizeof text, "{\"model\":\"%s\"}", model);
	look(text, NULL);
	snprintf(text, sizeof text, "{\"model\":\"%sm\"}", model);
	look(text, "model: must have at most 256 bytes");
}

/* 256 calls in a turn are fine, one more is not */
static void calls(int n, int rc)
{
	struct setting s;
	char *text = malloc(100000), *p = text, what[64];

	p += sprintf(p, "{\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[");
	for (int i = 0; i < n; i++)
		p += sprintf(p, "%s{\"type\":\"tool_use\",\"id\":\"c%d\",\"name\":\"n\",\"input\":{}}", i > 0 ? "," : "", i);
	strcpy(p, "]}]}");
	setting_init(&s);
	struct result r = run_text(text, &s.t, 4096);
	snprintf(what, sizeof what, "bad: %d calls in a turn", n);
	CHECK(what, r.rc == rc && (rc == 0 || strcmp(r.e.message, "messages.0.content.256: more than 256 tool calls in one turn") == 0));
	result_free(&r);
	free(text);
}

int main(void)
{
	convert_rows();
	looks();
	calls(256, 0);
	calls(257, -1);
	return CHECK_END();
}
