/*
 * Writes an answer as Anthropic has it (API reference, "Messages" and
 * "Streaming Messages"), as events or as the one JSON message: it knows blocks
 * and nothing of where they come from.
 *
 * The order is kept here: message_start first, one block open at a time,
 * indices contiguous from 0, deltas of the open block's kind, one end. What a
 * block's text is made of comes as the inside of JSON strings; half a surrogate
 * pair (RFC 8259 section 7) waits for its other half over pieces and deltas,
 * and becomes U+FFFD when that does not come. Pure.
 */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"

enum sink_block { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_TOOL, BLOCK_OTHER };	/* the last: of an upstream, nothing is written into it */

struct sink {
	bool message;		/* one message, not events */
	bool started;
	bool in_delta;		/* a delta's string is open */
	bool is_signed;		/* the open thinking block has its signature */
	bool empty;		/* nothing was put into the open block yet */
	unsigned char half[6];	/* \uD8xx that waits for its other half */
	bool has_half;
	enum sink_block open;
	unsigned blocks;	/* opened so far */
	int64_t bytes;		/* of text, thinking and arguments so far */
	struct plan *out;	/* where the present call writes */
};

/* what message_start says; all must last as long as the plan */
struct sink_head {
	const char *id;
	const char *model;	/* any UTF-8 */
	size_t nmodel;
	int64_t input_tokens;
};

struct sink_usage {
	int64_t input, output, created, read;	/* tokens; input without the cached ones */
	int64_t searches;			/* of the web; 0: nothing is said of them */
};

struct sink_end {
	const char *stop_reason;
	struct j_val stop_sequence;	/* J_NONE: null */
	bool refused;			/* stop_details are written */
	const char *explanation;	/* of a refusal, terminated; "" for none */
	struct sink_usage usage;
};

void sink_start(struct sink *s, const struct sink_head *head);

/* Opens a text or thinking block; none may be open. */
void sink_open(struct sink *s, enum sink_block kind);

/*
 * Opens a block of type "tool_use", or another of that form. id and name: SPAN_RAW is the inside of a JSON string that outlives the plan, SPAN_ESC any
 * UTF-8 and copied. In a message its input must follow.
 */
void sink_tool(struct sink *s, const char *type, const struct span *id, const struct span *name);

/* The next piece of the open block: the inside of a JSON string, no escape cut. */
void sink_put(struct sink *s, const char *raw, size_t n);

/* The same for text that is not escaped yet: JSON as arguments. */
void sink_put_json(struct sink *s, const char *text, size_t n);

/* The whole input of the open tool block of a message: checked JSON. */
void sink_input(struct sink *s, const char *json, size_t n);

/*
 * A web_search_tool_result block: its beginning with the search's id (as
 * above); each result (the URL and title are JSON strings without half
 * surrogate pairs, the age is one or J_NONE); its end.
 */
void sink_results(struct sink *s, const struct span *id);
void sink_result(struct sink *s, struct j_val url, struct j_val title, struct j_val age);
void sink_results_end(struct sink *s);

/* A delta of the open block with no text in it. */
void sink_nothing(struct sink *s);

/* The signature of the open thinking block goes between these. */
void sink_sign(struct sink *s);
void sink_signed(struct sink *s);

/* Ends the open delta: the plan is a whole number of events then. */
void sink_flush(struct sink *s);

/* Closes the open block; nothing when there is none. */
void sink_close(struct sink *s);

void sink_ping(struct sink *s);

/* message_delta and message_stop, or the rest of the message. No block may be open. */
void sink_end(struct sink *s, const struct sink_end *end);

#endif
