/*
 * What a provider refuses. Every dialect insists on valid Chat Completions
 * (OpenAI API reference, "Create chat completion"); each adds what it is known
 * to answer 400 or 422 for, in its own words where they matter.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider.h"

#define CALLS_MAX 512
#define ID_ROOM 80

struct check {
	const struct dialect *d;
	char *why;
	size_t room;
	bool tools, thinking, called;	/* called: the history holds tool calls */
	char pending[CALLS_MAX][ID_ROOM];	/* calls that wait for their results */
	int npending;
	size_t at;			/* index of the message */
	size_t user;			/* index of the last message of a user */
	char last[16];			/* role of the message before */
};

static int refuse(struct check *c, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(struct check *c, int status, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(c->why, c->room, format, ap);
	va_end(ap);
	return status;
}

static bool is(const struct check *c, const char *dialect)
{
	return strcmp(c->d->name, dialect) == 0;
}

static const char *const known[] = {
	"model", "messages", "tools", "tool_choice", "parallel_tool_calls", "stream", "stream_options", "max_tokens",
	"max_completion_tokens", "temperature", "top_p", "stop", "n", "reasoning_effort", "response_format", "user",
	"metadata", "seed", "prompt_cache_key", "presence_penalty", "frequency_penalty", "extra_body", "prompt_mode",
	"web_search_options",
};

static bool name_known(struct j_val key)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (j_is(key, known[i]))
			return true;
	return false;
}

static bool listed(const char *list, struct j_val key)
{
	char copy[256];
	snprintf(copy, sizeof copy, "%s", list);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		if (j_is(key, word))
			return true;
	return false;
}

static int check_names(struct check *c, struct j_val body)
{
	struct j_val key = { 0 }, value = { 0 };
	while (j_member(body, &key, &value)) {
		bool bad = c->d->unknown_status && !name_known(key);
		if (bad || listed(c->d->refused, key))
			return refuse(c, c->d->unknown_status ? c->d->unknown_status : 400,
				"Unsupported parameter: '%.*s'", (int)(key.n - 2), key.p + 1);
	}
	return 0;
}

static bool good_name(struct j_val name)
{
	char text[ID_ROOM];
	size_t n = j_text(name, text, sizeof text);
	if (name.type != J_STRING || n < 1 || n > 64)
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static const char *const gemini_refused[] = { "$schema", "$ref", "$defs", "propertyNames", "patternProperties", "const",
	"exclusiveMinimum", "exclusiveMaximum", "additionalProperties", NULL };

/* A schema's keywords at every level; names of properties are no keywords. */
static int gemini_schema(struct check *c, struct j_val schema, int depth)
{
	struct j_val key = { 0 }, value = { 0 }, name = { 0 }, property = { 0 }, item = { 0 };
	if (depth > 40)
		return refuse(c, 400, "schema too deep");
	while (j_member(schema, &key, &value)) {
		for (int i = 0; gemini_refused[i]; i++)
			if (j_is(key, gemini_refused[i]))
				return refuse(c, 400, "Invalid JSON payload received. Unknown name \"%s\" at 'tools': Cannot find field.", gemini_refused[i]);
		if (j_is(key, "type") && value.type != J_STRING)
			return refuse(c, 400, "Invalid value at 'tools': type is no string");
	}
	while (j_member(j_get(schema, "properties"), &name, &property))
		if (gemini_schema(c, property, depth + 1))
			return 400;
	while (j_item(j_get(schema, "anyOf"), &item))
		if (gemini_schema(c, item, depth + 1))
			return 400;
	struct j_val items = j_get(schema, "items");
	return items.type == J_OBJECT ? gemini_schema(c, items, depth + 1) : 0;
}

static int check_tools(struct check *c, struct j_val tools)
{
	struct j_val tool = { 0 };
	size_t i = 0;
	if (tools.type == J_NONE)
		return 0;
	if (tools.type != J_ARRAY || j_count(tools) == 0)
		return refuse(c, 400, "[] is too short - 'tools'");
	for (; j_item(tools, &tool); i++) {
		if (is(c, "any") && !j_is(j_get(tool, "type"), "function"))
			continue;
		struct j_val f = j_get(tool, "function"), parameters = j_get(f, "parameters");
		if (!j_is(j_get(tool, "type"), "function") || !good_name(j_get(f, "name")))
			return refuse(c, 400, "Invalid 'tools[%zu].function.name'", i);
		if (parameters.type != J_NONE && !j_is(j_get(parameters, "type"), "object"))
			return refuse(c, 400, "Invalid schema for function: tools[%zu] is not of type 'object'", i);
		if (is(c, "gemini") && gemini_schema(c, parameters, 0))
			return 400;
	}
	return i > 128 ? refuse(c, 400, "Invalid 'tools': array too long. Expected an array with maximum length 128") : 0;
}

static int check_part(struct check *c, struct j_val part)
{
	struct j_val type = j_get(part, "type"), image = j_get(j_get(part, "image_url"), "url");
	if (j_is(type, "text") && j_get(part, "text").type == J_STRING)
		return 0;
	if (j_is(type, "image_url") && image.type == J_STRING) {
		if (is(c, "deepseek") || (!j_begins(image, "data:") && (is(c, "ollama") || is(c, "kimi"))))
			return refuse(c, 400, "messages[%zu]: image_url is not supported", c->at);
		return 0;
	}
	if (j_is(type, "file") && is(c, "openai") && j_get(j_get(part, "file"), "file_data").type == J_STRING)
		return 0;
	if (j_is(type, "thinking") && is(c, "mistral"))
		return 0;
	return refuse(c, 400, "Invalid value: 'messages[%zu].content[].type'", c->at);
}

static int check_content(struct check *c, struct j_val content)
{
	struct j_val part = { 0 };
	if (content.type == J_STRING)
		return 0;
	if (content.type != J_ARRAY || j_count(content) == 0)
		return refuse(c, 400, "Invalid type for 'messages[%zu].content': expected a string or an array", c->at);
	while (j_item(content, &part)) {
		int status = check_part(c, part);
		if (status)
			return status;
	}
	return 0;
}

static bool good_arguments(struct j_val arguments)
{
	if (arguments.type != J_STRING)
		return false;
	size_t n = j_length(arguments);
	char *text = malloc(n + 1);
	struct j_err err;
	if (!text)
		return false;
	n = j_copy(arguments, text, n);
	bool good = j_check(text, n, &err) == 0;
	free(text);
	return good;
}

static int check_call(struct check *c, struct j_val call, bool first)
{
	char id[ID_ROOM];
	struct j_val f = j_get(call, "function");
	size_t n = j_text(j_get(call, "id"), id, sizeof id);
	if (n < 1 || n > 40)
		return refuse(c, 400, "Invalid 'messages[%zu].tool_calls[].id': string too long. Expected maximum length 40", c->at);
	if (is(c, "mistral") && (n != 9 || strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != 9))
		return refuse(c, 400, "Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9.", id);
	if (!j_is(j_get(call, "type"), "function") || !good_name(j_get(f, "name")))
		return refuse(c, 400, "Invalid 'messages[%zu].tool_calls[].function.name'", c->at);
	if (!good_arguments(j_get(f, "arguments")))
		return refuse(c, 400, "Invalid 'messages[%zu].tool_calls[].function.arguments'", c->at);
	struct j_val signature = j_get(j_get(j_get(call, "extra_content"), "google"), "thought_signature");
	if (is(c, "gemini") && first && c->at > c->user && j_length(signature) == 0)
		return refuse(c, 400, "Function call is missing a thought_signature in functionCall parts.");
	if (c->npending == CALLS_MAX)
		return refuse(c, 400, "too many tool calls");
	memcpy(c->pending[c->npending++], id, sizeof id);
	return 0;
}

static int check_reasoning(struct check *c, struct j_val message, bool calls)
{
	struct j_val reasoning = j_get(message, "reasoning_content");
	if (is(c, "kimi") && c->thinking && calls && j_length(reasoning) == 0)
		return refuse(c, 400, "thinking is enabled but reasoning_content is missing in assistant tool call message at index %zu", c->at);
	if (is(c, "deepseek") && c->thinking && c->called && reasoning.type != J_STRING)
		return refuse(c, 400, "The `reasoning_content` in the thinking mode must be passed back to the API.");
	return 0;
}

static int check_assistant(struct check *c, struct j_val message)
{
	struct j_val calls = j_get(message, "tool_calls"), content = j_get(message, "content"), call = { 0 };
	bool null = content.type == J_NONE || content.type == J_NULL;
	if (null && calls.type != J_ARRAY)
		return refuse(c, 400, "Invalid value for 'messages[%zu].content': expected a string, got null", c->at);
	if (content.type == J_ARRAY && !is(c, "mistral"))
		return refuse(c, 400, "Invalid type for 'messages[%zu].content': expected a string", c->at);
	if (!null && check_content(c, content))
		return 400;
	if (calls.type != J_NONE && j_count(calls) == 0)
		return refuse(c, 400, "Invalid 'messages[%zu].tool_calls': empty array", c->at);
	for (bool first = true; j_item(calls, &call); first = false) {
		int status = check_call(c, call, first);
		if (status)
			return status;
	}
	c->called |= calls.type == J_ARRAY;
	return check_reasoning(c, message, calls.type == J_ARRAY);
}

static int check_result(struct check *c, struct j_val message)
{
	char id[ID_ROOM];
	struct j_val content = j_get(message, "content");
	j_text(j_get(message, "tool_call_id"), id, sizeof id);
	if (content.type != J_STRING)
		return refuse(c, 400, "Invalid type for 'messages[%zu].content': a tool message is text", c->at);
	for (int i = 0; i < c->npending; i++) {
		if (strcmp(c->pending[i], id) != 0)
			continue;
		if (i > 0)
			return refuse(c, 400, "messages[%zu]: tool results out of order", c->at);
		c->npending--;
		memmove(c->pending[0], c->pending[1], (size_t)c->npending * sizeof c->pending[0]);
		return 0;
	}
	return refuse(c, 400, "Invalid parameter: messages[%zu] with role 'tool' must be a response to a preceeding message with 'tool_calls'.", c->at);
}

static int check_order(struct check *c, struct j_val role)
{
	if (c->npending && !j_is(role, "tool"))
		return refuse(c, 400, "An assistant message with 'tool_calls' must be followed by tool messages: messages[%zu], id %s",
			c->at, c->pending[0]);
	if (is(c, "mistral") && j_is(role, "user") && strcmp(c->last, "tool") == 0)
		return refuse(c, 400, "Unexpected role 'user' after role 'tool'");
	if (j_is(role, "system") && c->at > 0 && (is(c, "minimax") || is(c, "mistral")))
		return refuse(c, 400, "messages[%zu]: only one system message, at the head", c->at);
	return 0;
}

static int check_message(struct check *c, struct j_val message)
{
	struct j_val role = j_get(message, "role");
	int status = check_order(c, role);
	if (status)
		return status;
	if (j_is(role, "assistant"))
		status = check_assistant(c, message);
	else if (j_is(role, "tool"))
		status = check_result(c, message);
	else if (j_is(role, "user") || j_is(role, "system"))
		status = check_content(c, j_get(message, "content"));
	else
		status = refuse(c, 400, "Invalid value for 'messages[%zu].role'", c->at);
	j_text(role, c->last, sizeof c->last);
	return status;
}

static int check_messages(struct check *c, struct j_val messages)
{
	struct j_val message = { 0 };
	if (messages.type != J_ARRAY || j_count(messages) == 0)
		return refuse(c, 400, "Invalid 'messages': empty array");
	for (size_t i = 0; j_item(messages, &message); i++)
		if (j_is(j_get(message, "role"), "user"))
			c->user = i;
	memset(&message, 0, sizeof message);
	for (c->at = 0; j_item(messages, &message); c->at++) {
		int status = check_message(c, message);
		if (status)
			return status;
	}
	if (c->npending)
		return refuse(c, 400, "'tool_calls' without a result: id %s", c->pending[0]);
	if (is(c, "mistral") && strcmp(c->last, "assistant") == 0)
		return refuse(c, 400, "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant");
	return 0;
}

static int check_choice(struct check *c, struct j_val choice)
{
	if (choice.type == J_NONE)
		return 0;
	if (!c->tools)
		return refuse(c, 400, "'tool_choice' is only allowed when 'tools' are specified.");
	if (is(c, "glm") && !j_is(choice, "auto"))
		return refuse(c, 400, "tool_choice: only auto is supported");
	if (is(c, "kimi") && c->thinking && !j_is(choice, "auto") && !j_is(choice, "none"))
		return refuse(c, 400, "tool_choice 'specified' is incompatible with thinking enabled");
	if (is(c, "deepseek") && c->thinking)
		return refuse(c, 400, "tool_choice is not supported in thinking mode");
	return 0;
}

static int check_numbers(struct check *c, struct j_val body)
{
	static const char *const limits[] = { "max_tokens", "max_completion_tokens" };
	struct j_val temperature = j_get(body, "temperature");
	int64_t n;
	for (int i = 0; i < 2; i++) {
		struct j_val v = j_get(body, limits[i]);
		if (v.type != J_NONE && (v.type != J_NUMBER || !j_whole(v, &n) || n < 1))
			return refuse(c, 400, "Invalid '%s': integer above 0 expected", limits[i]);
	}
	if (temperature.type != J_NONE && temperature.type != J_NUMBER)
		return refuse(c, 400, "Invalid type for 'temperature'");
	if (temperature.type == J_NUMBER && is(c, "kimi") && !(j_whole(temperature, &n) && n == 1))
		return refuse(c, 400, "invalid temperature: only 1 is allowed for this model");
	if (temperature.type == J_NUMBER && is(c, "minimax") && j_millionths(temperature, &n) && (n <= 0 || n > 1000000))
		return refuse(c, 400, "invalid params, temperature must be in (0, 1]");
	if (j_get(body, "max_tokens").type != J_NONE && j_get(body, "max_completion_tokens").type != J_NONE)
		return refuse(c, 400, "max_tokens and max_completion_tokens cannot both be set");
	if (j_count(j_get(body, "stop")) > 4)
		return refuse(c, 400, "Invalid 'stop': array too long");
	return 0;
}

int request_refused(const struct dialect *d, struct j_val body, char *why, size_t room)
{
	static struct check c;
	int status;
	if (strcmp(d->name, "any") == 0)
		return 0;
	if (d->native)
		return native_refused(body, why, room);
	memset(&c, 0, sizeof c);
	c.d = d;
	c.why = why;
	c.room = room;
	if (body.type != J_OBJECT || j_length(j_get(body, "model")) == 0)
		return refuse(&c, 400, "you must provide a model parameter");
	c.tools = j_get(body, "tools").type == J_ARRAY;
	c.thinking = !j_is(j_get(j_get(body, "thinking"), "type"), "disabled");
	if ((status = check_names(&c, body)) || (status = check_tools(&c, j_get(body, "tools")))
		|| (status = check_choice(&c, j_get(body, "tool_choice"))) || (status = check_numbers(&c, body)))
		return status;
	if (j_get(body, "parallel_tool_calls").type != J_NONE && !c.tools)
		return refuse(&c, 400, "'parallel_tool_calls' is only allowed when 'tools' are specified.");
	if (j_get(body, "stream_options").type != J_NONE && j_get(body, "stream").type != J_TRUE)
		return refuse(&c, 400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
	return check_messages(&c, j_get(body, "messages"));
}
