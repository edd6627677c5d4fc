/*
 * What the parts of reply.c call of each other. All take the answer's state;
 * writing goes to r->sink.out, which is set while an event is read.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "carry.h"
#include "markup.h"
#include "reply.h"

/* ---- reasoning.c: reasoning in every spelling, the state for the next turn, opening and closing of blocks ---- */

/* the members of a delta that are about reasoning: first the plain fields in the order of enum carry_from */
enum { PLAIN_FIELDS = 4, THOUGHT_DETAILS = PLAIN_FIELDS, THOUGHT_OPAQUE, THOUGHT_SIGNATURE, THOUGHT_FIELDS };

#define PLAIN_NAMES "reasoning_content\0reasoning\0reasoning_text\0thinking\0"
#define THOUGHT_NAMES PLAIN_NAMES "reasoning_details\0reasoning_opaque\0thought_signature\0"

void reasoning_read(struct reply *r, const struct j_val f[THOUGHT_FIELDS]);

/* A member of what Google (or Vertex) puts into extra_content. */
struct j_val google_member(struct j_val extra, const char *name);

/* The thought signature in there, else the other one. */
struct j_val google_signature(struct j_val extra, struct j_val other);

/* Reasoning from elsewhere: the inside of a JSON string. */
void reasoning_put(struct reply *r, enum carry_from from, const char *raw, size_t n);

/* A thought signature; owner: a call's number + 1, 0 for the message. */
void reasoning_signature(struct reply *r, unsigned owner, struct j_val signature);

/* Keeps a value in the stash, fit to be passed on. */
void reasoning_keep(struct reply *r, enum hold_kind kind, unsigned owner, struct j_val v);

/* message_start, where there was none. */
void begin_message(struct reply *r);

/* Makes ready for a block of another kind: message_start, the open block closed, carried state in a block of its own. */
void block_end(struct reply *r, enum sink_block next);

/* Opens a text or thinking block where none of its kind is open. */
void block_open(struct reply *r, enum sink_block kind);

/* What waits of a kind goes to the open block. */
void block_held(struct reply *r, enum hold_kind kind);

/* ---- text.c: the content ---- */

void text_begin(struct reply *r);

/* Content: the inside of a JSON string. thought: the provider marks it as reasoning. */
void text_content(struct reply *r, const char *raw, size_t n, bool thought);

/* Text that is nothing but text. */
void text_put(struct reply *r, const char *raw, size_t n);

/* Nothing more will come: what is held back as the beginning of a tag or a call was none. */
void text_end(struct reply *r);

/* Opens a text block, with the white space that waits for text. */
void text_open(struct reply *r);

/* One character of the inside of a JSON string: its 1 to 4 bytes, and how many raw ones stand for it. */
size_t raw_unit(const char *raw, size_t n, char unit[4], size_t *used);

/* Whether there is only white space in the inside of a JSON string. */
bool raw_blank(const char *raw, size_t n);

/* ---- markup.c: calls written as text ---- */

/* Whether the model's template leaks its tokens; whether calls are looked for. */
bool markup_leaks(const struct reply *r);
bool markup_reads(const struct reply *r);

/* Holds a token that may begin a call, and what follows it: the inside of a JSON string. */
void markup_begin(struct reply *r, const char *token, size_t n);
void markup_hold(struct reply *r, const char *raw, size_t n);

/* Whether it is worth looking at before the next token. */
bool markup_due(const struct reply *r);

/*
 * What is held: MARKUP_CALL, it became one; MARKUP_NOT, it went out as text;
 * else it stays. end: nothing more will come.
 */
enum markup_what markup_look(struct reply *r, bool end);

/* ---- calls.c: tool calls ---- */

void calls_read(struct reply *r, struct j_val list, unsigned choice);

/* The deprecated function_call. */
void calls_function(struct reply *r, struct j_val call, unsigned choice);

/*
 * A whole call that is no fragment: nargs bytes of arguments must follow, as a
 * HOLD_OBJECT of the owner that is returned; 0: there are too many calls.
 */
unsigned calls_made(struct reply *r, const char *name, size_t nargs);

/* Whether a call's block is open whose arguments are not complete. */
bool calls_busy(const struct reply *r);

/* Opens what has waited and whose turn it is; end: nothing more will come. */
void calls_settle(struct reply *r, bool end);

/* One more piece of arguments, by a fragment that is as the last one but for these. */
void calls_again(struct reply *r, struct j_val args);

/* ---- again.c: events that repeat their frame ---- */

/* An event is read in full. */
void again_begin(struct reply *r);

/* The event said this: a piece of text or of arguments, or something else. */
void again_said(struct reply *r, enum again_kind kind, struct j_val string);

/* Remembers the frame of an event that was read in full. */
void again_learn(struct reply *r, const char *data, size_t n);

/* Reads an event in the frame that is known; false when it is not in it, and nothing was read. */
bool again_read(struct reply *r, char *data, size_t n);

/* Closes the open call's block. */
void calls_close(struct reply *r);

/* The hash of the id by which the client knows a call. False while that is not decided. */
bool calls_client_id(const struct reply *r, unsigned call, uint64_t *hash);

/* ---- sources.c: what was found on the web ---- */

/* What a delta or message, or all of an event, says of it; nothing unless a search was asked for. */
void sources_read(struct reply *r, struct j_val object);

/* Writes what has been read, as a search and its results; nothing where there is nothing. */
void sources_write(struct reply *r);

/* ---- finish.c: how it ended ---- */

enum finish {
	FINISH_NONE,
	FINISH_STOP,		/* a natural end */
	FINISH_LENGTH,
	FINISH_REFUSAL,
	FINISH_CONTEXT,		/* the window is full */
	FINISH_OVERLOAD,
	FINISH_ERROR,
	FINISH_ERROR_TEXT	/* the content beside it is the error */
};

/* Reads a finish reason; dst gets the word in lower case, and only plain ASCII. */
enum finish finish_of(struct j_val reason, char *dst, size_t room);

/* Anthropic's word for the end. */
const char *finish_stop_reason(const struct reply *r);

/* What a content filter found. */
void finish_filter(struct reply *r, struct j_val results);

/* A member that may say which stop sequence ended the answer; or hold a finish reason in another place. */
void finish_stop(struct reply *r, struct j_val stop);

/* Why the provider refused, for people; "" when it did not. room: at least 64 + REPLY_FILTERED. */
void finish_explain(const struct reply *r, char *dst, size_t room);

/* ---- usage.c ---- */

void usage_read(struct reply *r, struct j_val usage);

/* llama.cpp's counts, where it sends no others. */
void usage_timings(struct reply *r, struct j_val timings);

struct sink_usage usage_of(const struct reply *r);

/* ---- reply.c ---- */

void reply_fail(struct reply *r, int status, const char *message);
void reply_odd(struct reply *r, const char *what);

/* Whether it failed: the words are an error's (found, read into r->error), or the stream says that they are (named). */
bool reply_fail_error(struct reply *r, bool found, bool named, const char *p, size_t n);

/* How it ended, by finish_of: the first counts, and may be a failure. */
void reply_ends(struct reply *r, enum finish finish, const char *word);

/* Whether it failed as an answer without anything in it that tells of a full window. */
bool reply_overflow(struct reply *r);

/* ---- reply_native.c: an answer of the Messages API ---- */

/* message_start: the upstream's where it came, else one of our own. */
void native_start(struct reply *r);

/* Checked JSON that goes on as it is must not end its line: white space that would becomes blanks. */
void native_line(char *p, size_t n);

/* An event, or the whole message. named: the stream says that it is an error. */
void native_read(struct reply *r, struct j_val v, bool named);

/* The upstream has told how the answer ends, and ends: message_stop. */
void native_end(struct reply *r);

#endif
