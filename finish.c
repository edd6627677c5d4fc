/*
 * How an answer ended: the words that providers have for it, and Anthropic's.
 * A word that nobody knows is a natural end. tool_use and stop_sequence are
 * natural ends too: what came in the answer tells them apart.
 */
#include <string.h>

#include "answer.h"
#include "log.h"

/* the words in lower case, each behind the letter of what it means */
#define LENGTH "\2"
#define REFUSAL "\3"
#define CONTEXT "\4"
#define OVERLOAD "\5"
#define ERROR "\6"
#define ERROR_TEXT "\7"

static enum finish by_word(const char *word)
{
	static const char words[] =
		LENGTH "length\0" LENGTH "max_tokens\0" LENGTH "model_length\0" LENGTH "max_output_tokens\0"
		REFUSAL "content_filter\0" REFUSAL "content_filtered\0" REFUSAL "sensitive\0" REFUSAL "safety\0"
		REFUSAL "refusal\0" REFUSAL "recitation\0" REFUSAL "blocklist\0" REFUSAL "prohibited_content\0"
		REFUSAL "spii\0" REFUSAL "image_safety\0" REFUSAL "guardrail_intervened\0"
		CONTEXT "model_context_window_exceeded\0" CONTEXT "context_length_exceeded\0"
		CONTEXT "context_window_exceeded\0"
		OVERLOAD "insufficient_system_resource\0" OVERLOAD "overloaded\0"
		ERROR "network_error\0" ERROR "error\0" ERROR "abort\0" ERROR "aborted\0"
		ERROR "malformed_function_call\0" ERROR "server_error\0" ERROR "timeout\0" ERROR "cancelled\0"
		ERROR_TEXT "error_finish\0";

	if (word[0] == '\0')
		return FINISH_NONE;
	for (const char *w = words; *w != '\0'; w += strlen(w) + 1)
		if (strcmp(word, w + 1) == 0)
			return (enum finish)*w;
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
	if (r->finish == FINISH_LENGTH)
		return "max_tokens";
	if (r->finish == FINISH_CONTEXT)
		return "model_context_window_exceeded";
	if (r->finish == FINISH_REFUSAL || r->refused)
		return "refusal";
	if (r->tools > 0)
		return "tool_use";
	return r->hold.count[HOLD_STOP] > 0 ? "stop_sequence" : "end_turn";
}

void finish_explain(const struct reply *r, char *dst, size_t room)
{
	dst[0] = '\0';
	if (r->finish != FINISH_REFUSAL)
		return;
	size_t n = fmt(dst, room, r->filtered[0] != '\0' ? "the provider ended the answer: %s (%s)" : "the provider ended the answer: %s",
		r->finish_word, r->filtered);
	error_clean(dst, room, dst, n < room ? n : room - 1);
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
	static const char reasons[] = "stop\0end_turn\0eos\0tool_use\0tool_calls\0length\0max_tokens\0";

	if (stop.type != J_STRING || j_empty(stop) || r->hold.count[HOLD_STOP] > 0 || j_which(stop, reasons) >= 0)
		return;
	hold_put(&r->hold, HOLD_STOP, 0, stop.p, stop.n);
}
