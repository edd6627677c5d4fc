/*
 * Anthropic's side of an answer (sink.h says what holds).
 *
 *	open block   a delta holds               in a message the block ends with
 *	TEXT         text_delta                  "}
 *	THINKING     thinking_delta, and at      ","signature":"..."}
 *	             the end signature_delta
 *	TOOL         input_json_delta            }
 *
 * A delta is opened by its first byte and ended by sink_flush, so that all
 * pieces of one upstream event become one delta. In a message the "delta" is
 * the block's one string and stays open until the block closes.
 */
#include "sink.h"

#include <string.h>

#define EVENT(name) "event: " name "\ndata: {\"type\":\"" name "\""
#define DELTA(type, key) ",\"delta\":{\"type\":\"" type "\",\"" key "\":\""

static void lit(struct sink *s, const char *text)
{
	plan_lit(s->out, text);
}

static void usage(struct sink *s, const struct sink_usage *u)
{
	plan_put(s->out, "\"usage\":{\"input_tokens\":%d,\"cache_creation_input_tokens\":%d,"
		"\"cache_read_input_tokens\":%d,\"output_tokens\":%d", u->input, u->created, u->read, u->output);
	if (u->searches > 0)
		plan_put(s->out, ",\"server_tool_use\":{\"web_search_requests\":%d}", u->searches);
	lit(s, "}");
}

void sink_start(struct sink *s, const struct sink_head *head)
{
	struct sink_usage first = { .input = head->input_tokens };

	s->started = true;
	plan_put(s->out, "%s{\"id\":\"%e\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"",
		s->message ? "" : EVENT("message_start") ",\"message\":", head->id);
	plan_span(s->out, SPAN_ESC, head->model, head->nmodel);
	lit(s, "\",\"content\":[");
	if (s->message)
		return;
	lit(s, "],\"stop_reason\":null,\"stop_sequence\":null,");
	usage(s, &first);
	lit(s, "}}\n\n");
}

/* up to where a block's own members begin */
static void begin_block(struct sink *s, enum sink_block kind)
{
	if (!s->message)
		plan_put(s->out, EVENT("content_block_start") ",\"index\":%d,\"content_block\":", (int64_t)s->blocks);
	else if (s->blocks > 0)
		lit(s, ",");
	s->open = kind;
	s->empty = true;
	s->is_signed = false;
	s->in_delta = s->message;
	s->blocks++;
}

void sink_open(struct sink *s, enum sink_block kind)
{
	begin_block(s, kind);
	lit(s, kind == BLOCK_TEXT ? "{\"type\":\"text\",\"text\":\"" : "{\"type\":\"thinking\",\"thinking\":\"");
	if (!s->message)
		lit(s, kind == BLOCK_TEXT ? "\"}}\n\n" : "\",\"signature\":\"\"}}\n\n");
}

/* ---- halves of surrogate pairs ---- */

/* whether raw begins with \uDXXX of the first or second kind */
static bool is_half(const char *raw, size_t n, bool second)
{
	if (n < 6 || raw[0] != '\\' || raw[1] != 'u' || (raw[2] | 32) != 'd')
		return false;
	return memchr(second ? "cdefCDEF" : "89abAB", raw[3], second ? 8 : 6) != NULL;
}

/*
 * The first half in raw[0..n) that has no other half beside it, or NULL.
 */
static const char *lone_half(const char *raw, size_t n)
{
	const char *end = raw + n, *p = raw;

	while (p < end && (p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		size_t left = (size_t)(end - p);

		if (is_half(p, left, true))
			return p;
		if (is_half(p, left, false)) {
			if (!is_half(p + 6, left - 6, true))
				return p;
			p += 12;
		} else {
			p += 2;
		}
	}
	return NULL;
}

/* A whole string's inside, with U+FFFD for halves. */
static void put_string(struct sink *s, const char *raw, size_t n)
{
	const char *lone;

	if (n == 0)
		return;
	while ((lone = lone_half(raw, n)) != NULL) {
		plan_span(s->out, SPAN_RAW, raw, (size_t)(lone - raw));
		lit(s, "\\ufffd");
		n -= (size_t)(lone - raw) + 6;
		raw = lone + 6;
	}
	plan_span(s->out, SPAN_RAW, raw, n);
}

/* ---- what is in a block ---- */

static void put_copy(struct sink *s, const struct span *text)
{
	if (text->kind == SPAN_RAW)
		put_string(s, text->p, text->n);
	else
		plan_copy(s->out, SPAN_ESC, text->p, text->n);
}

void sink_tool(struct sink *s, const char *type, const struct span *id, const struct span *name)
{
	begin_block(s, BLOCK_TOOL);
	plan_put(s->out, "{\"type\":\"%s\",\"id\":\"", type);
	put_copy(s, id);
	lit(s, "\",\"name\":\"");
	put_copy(s, name);
	lit(s, s->message ? "\",\"input\":" : "\",\"input\":{}}}\n\n");
}

static void delta_event(struct sink *s, const char *delta)
{
	plan_put(s->out, EVENT("content_block_delta") ",\"index\":%d%s", (int64_t)s->blocks - 1, delta);
}

void sink_results(struct sink *s, const struct span *id)
{
	begin_block(s, BLOCK_TOOL);
	lit(s, "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"");
	put_copy(s, id);
	lit(s, "\",\"content\":[");
}

/* what Anthropic encrypts for itself must be there, and not be empty */
void sink_result(struct sink *s, struct j_val url, struct j_val title, struct j_val age)
{
	plan_put(s->out, "%s{\"type\":\"web_search_result\",\"url\":%v,\"title\":%v,\"encrypted_content\":\"none\","
		"\"page_age\":%v%s}", s->empty ? "" : ",", &url, &title, &age, age.type == J_NONE ? "null" : "");
	s->empty = false;
}

void sink_results_end(struct sink *s)
{
	lit(s, s->message ? "]" : "]}}\n\n");
	sink_close(s);
}

static void begin_delta(struct sink *s)
{
	static const char *const heads[] = {
		[BLOCK_NONE] = "",
		[BLOCK_TEXT] = DELTA("text_delta", "text"),
		[BLOCK_THINKING] = DELTA("thinking_delta", "thinking"),
		[BLOCK_TOOL] = DELTA("input_json_delta", "partial_json")
	};

	if (s->in_delta)
		return;
	delta_event(s, heads[s->open]);
	s->in_delta = true;
}

static void put(struct sink *s, enum span_kind kind, const char *bytes, size_t n)
{
	if (n == 0)
		return;
	begin_delta(s);
	plan_span(s->out, kind, bytes, n);
	s->bytes += (int64_t)n;
	s->empty = false;
}

static void put_lone(struct sink *s)
{
	put(s, SPAN_RAW, "\\ufffd", 6);
}

/* The half that waited: with its other half at raw, or alone. Returns how many bytes of raw it took. */
static size_t join_half(struct sink *s, const char *raw, size_t n)
{
	bool joins = is_half(raw, n, true);

	s->has_half = false;
	if (!joins) {
		put_lone(s);
		return 0;
	}
	begin_delta(s);
	plan_copy(s->out, SPAN_RAW, (const char *)s->half, sizeof s->half);
	put(s, SPAN_RAW, raw, 6);
	return 6;
}

void sink_put(struct sink *s, const char *raw, size_t n)
{
	const char *lone;

	if (n == 0)
		return;
	if (s->has_half) {
		size_t took = join_half(s, raw, n);
		raw += took;
		n -= took;
	}
	while ((lone = lone_half(raw, n)) != NULL) {
		put(s, SPAN_RAW, raw, (size_t)(lone - raw));
		n -= (size_t)(lone - raw) + 6;
		raw = lone + 6;
		if (n == 0 && is_half(lone, 6, false)) {
			memcpy(s->half, lone, sizeof s->half);
			s->has_half = true;
			return;
		}
		put_lone(s);
	}
	put(s, SPAN_RAW, raw, n);
}

void sink_put_json(struct sink *s, const char *text, size_t n)
{
	if (n > 0 && s->has_half)
		join_half(s, text, 0);
	put(s, SPAN_ESC, text, n);
}

void sink_input(struct sink *s, const char *json, size_t n)
{
	put(s, SPAN_RAW, json, n);
}

void sink_nothing(struct sink *s)
{
	begin_delta(s);
	sink_flush(s);
}

void sink_flush(struct sink *s)
{
	if (s->message || !s->in_delta)
		return;
	lit(s, "\"}}\n\n");
	s->in_delta = false;
}

/* the last half of a block has no other half to wait for */
static void end_text(struct sink *s)
{
	if (s->has_half)
		join_half(s, "", 0);
	sink_flush(s);
}

void sink_sign(struct sink *s)
{
	end_text(s);
	if (s->message)
		lit(s, "\",\"signature\":\"");
	else
		delta_event(s, DELTA("signature_delta", "signature"));
}

void sink_signed(struct sink *s)
{
	if (!s->message)
		lit(s, "\"}}\n\n");
	s->is_signed = true;
}

/* what a block of a message still lacks */
static void end_in_message(struct sink *s)
{
	if (s->open == BLOCK_THINKING && !s->is_signed)
		lit(s, "\",\"signature\":\"");
	lit(s, s->open == BLOCK_TOOL ? "}" : "\"}");
	s->in_delta = false;
}

void sink_close(struct sink *s)
{
	if (s->open == BLOCK_NONE)
		return;
	end_text(s);
	if (s->message)
		end_in_message(s);
	else
		plan_put(s->out, EVENT("content_block_stop") ",\"index\":%d}\n\n", (int64_t)s->blocks - 1);
	s->open = BLOCK_NONE;
}

void sink_ping(struct sink *s)
{
	lit(s, EVENT("ping") "}\n\n");
}

static void stop(struct sink *s, const struct sink_end *end)
{
	plan_put(s->out, "\"stop_reason\":\"%s\",\"stop_sequence\":", end->stop_reason);
	if (end->stop_sequence.type == J_STRING) {
		lit(s, "\"");
		put_string(s, end->stop_sequence.p + 1, end->stop_sequence.n - 2);
		lit(s, "\"");
	} else {
		lit(s, "null");
	}
	if (!end->refused)
		return;
	lit(s, ",\"stop_details\":{\"type\":\"refusal\",\"category\":null,\"explanation\":");
	plan_put(s->out, end->explanation[0] != '\0' ? "\"%e\"}" : "null}", end->explanation);
}

void sink_end(struct sink *s, const struct sink_end *end)
{
	lit(s, s->message ? "]," : EVENT("message_delta") ",\"delta\":{");
	stop(s, end);
	lit(s, s->message ? "," : "},");
	usage(s, &end->usage);
	lit(s, s->message ? "}" : "}\n\n" EVENT("message_stop") "}\n\n");
}
