/* What every Chat Completions server may expect of a request, whoever it is: NULL, or what is wrong. */
#ifndef CHAT_GRAMMAR_H
#define CHAT_GRAMMAR_H

#include "../json.h"

#include <string.h>

static inline bool good_name(struct j_val name)
{
	size_t n;
	const char *raw = j_raw(name, &n);

	return n >= 1 && n <= 64 && strspn(raw, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static inline const char *wrong_part(struct j_val part)
{
	struct j_val type = j_get(part, "type");

	if (j_is(type, "text"))
		return j_blank(j_get(part, "text")) ? "an empty text part" : NULL;
	if (j_is(type, "image_url"))
		return j_empty(j_get(j_get(part, "image_url"), "url")) ? "an image without a url" : NULL;
	if (j_is(type, "file"))
		return j_empty(j_get(j_get(part, "file"), "file_data")) ? "a file without data" : NULL;
	return j_is(type, "thinking") ? NULL : "a part of an unknown type";
}

/* required: null is wrong too */
static inline const char *wrong_content(struct j_val content, bool texts_only)
{
	struct j_val part = { 0 };

	if (content.type == J_STRING)
		return j_blank(content) ? "an empty content" : NULL;
	if (content.type != J_ARRAY || j_empty(content))
		return "a content that is neither text nor parts";
	while (j_item(content, &part)) {
		if (wrong_part(part) != NULL)
			return wrong_part(part);
		if (texts_only && !j_is(j_get(part, "type"), "text"))
			return "a part that cannot stand in this role";
	}
	return NULL;
}

static inline const char *wrong_call(struct j_val call)
{
	struct j_val function = j_get(call, "function"), arguments = j_get(function, "arguments");
	struct j_err err;
	static char text[1 << 20];

	if (!j_is(j_get(call, "type"), "function") || !good_name(j_get(function, "name")))
		return "a call without a good name";
	if (j_length(j_get(call, "id")) < 1 || j_length(j_get(call, "id")) > 40)
		return "a call without a good id";
	if (arguments.type != J_STRING || j_length(arguments) > sizeof text)
		return "arguments that are no string";
	size_t n = j_copy(arguments, text, sizeof text);
	if (j_check(text, n, &err) != 0 || j_root(text, n).type != J_OBJECT)
		return "arguments that are no JSON object";
	return NULL;
}

static inline const char *wrong_assistant(struct j_val message)
{
	struct j_val content = j_get(message, "content"), calls = j_get(message, "tool_calls"), call = { 0 };

	if (calls.type == J_NONE)
		return wrong_content(content, false);
	if (calls.type != J_ARRAY || j_empty(calls))
		return "empty tool_calls";
	while (j_item(calls, &call))
		if (wrong_call(call) != NULL)
			return wrong_call(call);
	return content.type == J_NULL || j_empty(content) ? NULL : wrong_content(content, false);
}

/* every call is answered at once, in order */
static inline const char *wrong_messages(struct j_val messages, bool one_system)
{
	struct j_val m = { 0 }, call = { 0 }, calls = { 0 };
	const char *before = "", *wrong = NULL;
	size_t n = 0;

	for (; wrong == NULL && j_item(messages, &m); n++) {
		struct j_val role = j_get(m, "role");
		if (j_is(role, "tool")) {
			if (!j_item(calls, &call) || !j_same(j_get(call, "id"), j_get(m, "tool_call_id")))
				return "a tool message that answers no call, or not in order";
			wrong = wrong_content(j_get(m, "content"), true);
			before = "tool";
			continue;
		}
		if (j_item(calls, &call))
			return "a call without an answer";
		memset(&calls, 0, sizeof calls);
		if (j_is(role, before))
			return "two messages of one role in a row";
		if (j_is(role, "system")) {
			wrong = n > 0 && one_system ? "a second system message" : wrong_content(j_get(m, "content"), true);
			before = "";
		} else if (j_is(role, "user")) {
			wrong = wrong_content(j_get(m, "content"), false);
			before = "user";
		} else if (j_is(role, "assistant")) {
			wrong = wrong_assistant(m);
			calls = j_get(m, "tool_calls");
			memset(&call, 0, sizeof call);
			before = "assistant";
		} else {
			return "an unknown role";
		}
	}
	if (wrong == NULL && j_item(calls, &call))
		return "a call without an answer";
	return wrong != NULL ? wrong : n == 0 ? "no messages" : NULL;
}

static inline const char *wrong_tools(struct j_val body)
{
	/* what providers run themselves */
	static const char server_tools[] = "openrouter:web_search\0web_search\0browser_search\0builtin_function\0";
	struct j_val tools = j_get(body, "tools"), tool = { 0 };

	if (tools.type == J_NONE)
		return j_get(body, "tool_choice").type == J_NONE && j_get(body, "parallel_tool_calls").type == J_NONE ? NULL
			: "a choice without tools";
	if (tools.type != J_ARRAY || j_empty(tools))
		return "empty tools";
	while (j_item(tools, &tool)) {
		struct j_val function = j_get(tool, "function");
		if (j_which(j_get(tool, "type"), server_tools) >= 0)
			continue;
		if (!j_is(j_get(tool, "type"), "function") || !good_name(j_get(function, "name")))
			return "a tool without a good name";
		if (j_get(function, "parameters").type != J_OBJECT)
			return "a tool without parameters";
		if (j_count(tool) != 2 || j_get(function, "strict").type != J_NONE)
			return "a tool with members of its own";
	}
	return NULL;
}

static inline const char *chat_wrong(struct j_val body, bool one_system)
{
	struct j_val key = { 0 }, value = { 0 };

	if (body.type != J_OBJECT)
		return "no object";
	while (j_member(body, &key, &value))
		if (value.type == J_NULL || (value.type != J_FALSE && j_empty(value) && !j_is(key, "web_search_options")))
			return "an empty member";
	if (j_get(body, "model").type != J_STRING)
		return "no model";
	const char *wrong = wrong_messages(j_get(body, "messages"), one_system);
	return wrong != NULL ? wrong : wrong_tools(body);
}

#endif
