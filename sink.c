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

static void lit(struct sink *s, const char *text)
{
	plan_lit(s->out, text);
}

static void key_num(struct sink *s, const char *key, int64_t n)
{
	lit(s, key);
	plan_num(s->out, n);
}

static void usage(struct sink *s, const struct sink_usage *u)
{
	key_num(s, "\"usage\":{\"input_tokens\":", u->input);
	key_num(s, ",\"cache_creation_input_tokens\":", u->created);
	key_num(s, ",\"cache_read_input_tokens\":", u->read);
	key_num(s, ",\"output_tokens\":", u->output);
	lit(s, "}");
}

void sink_start(struct sink *s, const struct sink_head *head)
{
	struct sink_usage first = { head->input_tokens, 0, 0, 0 };

	s->started = true;
	if (!s->message)
		lit(s, EVENT("message_start") ",\"message\":");
	lit(s, "{\"id\":");
	plan_str(s->out, head->id);
	lit(s, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"");
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
		key_num(s, EVENT("content_block_start") ",\"index\":", s->blocks);
	else if (s->blocks > 0)
		lit(s, ",");
	if (!s->message)
		lit(s, ",\"content_block\":");
	s->open = kind;
	s->empty = true;
	s->is_signed = false;
	s->blocks++;
}

static void end_start(struct sink *s)
{
	if (!s->message)
		lit(s, "}\n\n");
}

void sink_open(struct sink *s, enum sink_block kind)
{
	begin_block(s, kind);
	lit(s, kind == BLOCK_TEXT ? "{\"type\":\"text\",\"text\":\"" : "{\"type\":\"thinking\",\"thinking\":\"");
	if (!s->message)
		lit(s, kind == BLOCK_TEXT ? "\"}" : "\",\"signature\":\"\"}");
	s->in_delta = s->message;
	end_start(s);
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

void sink_tool(struct sink *s, struct span id, struct span name)
{
	begin_block(s, BLOCK_TOOL);
	s->in_delta = false;
	lit(s, "{\"type\":\"tool_use\",\"id\":\"");
	if (id.kind == SPAN_RAW)
		put_string(s, id.p, id.n);
	else
		plan_copy(s->out, SPAN_ESC, id.p, id.n);
	lit(s, "\",\"name\":\"");
	if (name.kind == SPAN_RAW)
		put_string(s, name.p, name.n);
	else
		plan_span(s->out, SPAN_ESC, name.p, name.n);
	lit(s, s->message ? "\",\"input\":" : "\",\"input\":{}}");
	end_start(s);
}

static void begin_delta(struct sink *s)
{
	static const char *const heads[] = {
		[BLOCK_NONE] = "",
		[BLOCK_TEXT] = ",\"delta\":{\"type\":\"text_delta\",\"text\":\"",
		[BLOCK_THINKING] = ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"",
		[BLOCK_TOOL] = ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\""
	};

	if (s->in_delta)
		return;
	key_num(s, EVENT("content_block_delta") ",\"index\":", s->blocks - 1);
	lit(s, heads[s->open]);
	s->in_delta = true;
}

static void put(struct sink *s, const char *raw, size_t n)
{
	if (n == 0)
		return;
	begin_delta(s);
	plan_span(s->out, SPAN_RAW, raw, n);
	s->bytes += (int64_t)n;
	s->empty = false;
}

static void put_lone(struct sink *s)
{
	put(s, "\\ufffd", 6);
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
	put(s, raw, 6);
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
		put(s, raw, (size_t)(lone - raw));
		n -= (size_t)(lone - raw) + 6;
		raw = lone + 6;
		if (n == 0 && is_half(lone, 6, false)) {
			memcpy(s->half, lone, sizeof s->half);
			s->has_half = true;
			return;
		}
		put_lone(s);
	}
	put(s, raw, n);
}

void sink_put_json(struct sink *s, const char *text, size_t n)
{
	if (n == 0)
		return;
	if (s->has_half)
		join_half(s, text, 0);
	begin_delta(s);
	plan_span(s->out, SPAN_ESC, text, n);
	s->bytes += (int64_t)n;
	s->empty = false;
}

void sink_input(struct sink *s, const char *json, size_t n)
{
	plan_span(s->out, SPAN_RAW, json, n);
	s->bytes += (int64_t)n;
	s->empty = false;
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
	if (s->message) {
		lit(s, "\",\"signature\":\"");
		return;
	}
	key_num(s, EVENT("content_block_delta") ",\"index\":", s->blocks - 1);
	lit(s, ",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"");
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
	if (s->message) {
		end_in_message(s);
	} else {
		key_num(s, EVENT("content_block_stop") ",\"index\":", s->blocks - 1);
		lit(s, "}\n\n");
	}
	s->open = BLOCK_NONE;
}

void sink_ping(struct sink *s)
{
	lit(s, EVENT("ping") "}\n\n");
}

static void stop(struct sink *s, const struct sink_end *end)
{
	lit(s, "\"stop_reason\":");
	plan_str(s->out, end->stop_reason);
	lit(s, ",\"stop_sequence\":");
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
	if (end->explanation[0] != '\0')
		plan_str(s->out, end->explanation);
	else
		lit(s, "null");
	lit(s, "}");
}

void sink_end(struct sink *s, const struct sink_end *end)
{
	lit(s, s->message ? "]," : EVENT("message_delta") ",\"delta\":{");
	stop(s, end);
	lit(s, s->message ? "," : "},");
	usage(s, &end->usage);
	lit(s, s->message ? "}" : "}\n\n" EVENT("message_stop") "}\n\n");
}
