/*
 * How an answer ended: the words that providers have for it, and Anthropic's.
 * A word that nobody knows is a natural end. tool_use and stop_sequence are
 * natural ends too: what came in the answer tells them apart.
 */
#include <string.h>

#include "answer.h"

static enum finish by_word(const char *word)
{
	static const struct {
		const char *word;
		enum finish finish;
	} words[] = {
		{ "length", FINISH_LENGTH }, { "max_tokens", FINISH_LENGTH }, { "model_length", FINISH_LENGTH },
		{ "max_output_tokens", FINISH_LENGTH },
		{ "content_filter", FINISH_REFUSAL }, { "content_filtered", FINISH_REFUSAL },
		{ "sensitive", FINISH_REFUSAL }, { "safety", FINISH_REFUSAL }, { "refusal", FINISH_REFUSAL },
		{ "recitation", FINISH_REFUSAL }, { "blocklist", FINISH_REFUSAL },
		{ "prohibited_content", FINISH_REFUSAL }, { "spii", FINISH_REFUSAL },
		{ "image_safety", FINISH_REFUSAL }, { "guardrail_intervened", FINISH_REFUSAL },
		{ "model_context_window_exceeded", FINISH_CONTEXT }, { "context_length_exceeded", FINISH_CONTEXT },
		{ "context_window_exceeded", FINISH_CONTEXT },
		{ "insufficient_system_resource", FINISH_OVERLOAD }, { "overloaded", FINISH_OVERLOAD },
		{ "network_error", FINISH_ERROR }, { "error", FINISH_ERROR }, { "abort", FINISH_ERROR },
		{ "aborted", FINISH_ERROR }, { "malformed_function_call", FINISH_ERROR },
		{ "server_error", FINISH_ERROR }, { "timeout", FINISH_ERROR }, { "cancelled", FINISH_ERROR },
		{ "error_finish", FINISH_ERROR_TEXT }
	};

	if (word[0] == '\0')
		return FINISH_NONE;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i].word) == 0)
			return words[i].finish;
	/* "function_call_filter: MALFORMED_FUNCTION_CALL" (Gemini): the reason stands behind */
	const char *behind = strstr(word, ": ");
	return behind != NULL ? by_word(behind + 2) : FINISH_STOP;
}

enum finish finish_of(struct j_val reason, char *dst, size_t room)
{
	size_t n = j_text(reason, dst, room);

	for (size_t i = 0; i < n; i++) {
		if (dst[i] >= 'A' && dst[i] <= 'Z')
			dst[i] = (char)(dst[i] + 32);
		else if (dst[i] < ' ' || dst[i] > '~')
			dst[i] = '?';
	}
	return by_word(dst);
}

const char *finish_stop_reason(const struct reply *r)
{
	switch ((enum finish)r->finish) {
	case FINISH_LENGTH:
		return "max_tokens";
	case FINISH_REFUSAL:
		return "refusal";
	case FINISH_CONTEXT:
		return "model_context_window_exceeded";
	case FINISH_NONE:
	case FINISH_STOP:
	case FINISH_OVERLOAD:
	case FINISH_ERROR:
	case FINISH_ERROR_TEXT:
		break;
	}
	if (r->refused)
		return "refusal";
	if (r->tools > 0)
		return "tool_use";
	return r->hold.count[HOLD_STOP] > 0 ? "stop_sequence" : "end_turn";
}

void finish_explain(const struct reply *r, char *dst, size_t room)
{
	static const char head[] = "the provider ended the answer: ";
	size_t n = sizeof head - 1;

	dst[0] = '\0';
	if (r->finish != FINISH_REFUSAL)
		return;
	memcpy(dst, head, n);
	n += error_clean(dst + n, room - n, r->finish_word, strlen(r->finish_word));
	if (r->filtered[0] == '\0')
		return;
	memcpy(dst + n, " (", 2);
	n += 2;
	n += error_clean(dst + n, room - n - 1, r->filtered, strlen(r->filtered));
	memcpy(dst + n, ")", 2);
}

void finish_filter(struct reply *r, struct j_val results)
{
	struct j_val key = { 0 }, value = { 0 };
	size_t n = 0;

	while (j_member(results, &key, &value)) {
		if (j_get(value, "filtered").type != J_TRUE || n + key.n + 2 > sizeof r->filtered)
			continue;
		if (n > 0) {
			memcpy(r->filtered + n, ", ", 2);
			n += 2;
		}
		n += j_text(key, r->filtered + n, sizeof r->filtered - n);
	}
}

void finish_stop(struct reply *r, struct j_val stop)
{
	static const char *const reasons[] = { "stop", "end_turn", "eos", "tool_use", "tool_calls", "length", "max_tokens" };

	if (stop.type != J_STRING || j_empty(stop) || r->hold.count[HOLD_STOP] > 0)
		return;
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (j_is(stop, reasons[i]))
			return;
	hold_put(&r->hold, HOLD_STOP, 0, stop.p, stop.n);
}
