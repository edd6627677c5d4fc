/*
 * A Chat Completions answer, whole or streamed, into an Anthropic one, whole
 * or streamed: any of the four. One state machine reads (it knows OpenAI's
 * side), one sink writes content blocks (it knows Anthropic's).
 *
 * Events (Anthropic API reference, "Streaming Messages"): message_start, then
 * per block content_block_start, deltas, content_block_stop, one block open at
 * a time, indices contiguous from 0; then message_delta, message_stop.
 */
#ifndef REPLY_H
#define REPLY_H

#include "convert.h"
#include "sink.h"
#include "stash.h"

#define REPLY_CALLS 256		/* tool calls of one answer */
#define REPLY_FRAME 480		/* bytes of an event around the one string that changes */
#define SOURCES 50		/* of an answer: results of a web search */
#define REPLY_FILTERED 96	/* bytes of the names of a content filter's findings */

enum reply_sink { SINK_EVENTS, SINK_MESSAGE };

struct reply_options {
	enum reply_sink sink;
	const struct quirks *q;		/* native: what comes is an Anthropic answer, and goes on as it is */
	const struct session *session;
	const char *binding;		/* as in struct target */
	const char *model;		/* what the client asked for, any UTF-8; echoed */
	size_t nmodel;
	bool show_thinking;
	bool search;			/* a web search was asked for: what it found is shown */
	const char *query;		/* for it, the inside of a JSON string */
	size_t nquery;
	int64_t estimate;		/* input tokens, for message_start */
	unsigned char seed[16];		/* random */
	struct stash *stash;		/* emptied by reply_start */
};

enum reply_what {
	REPLY_MORE,	/* the answer goes on; the plan may hold something or nothing */
	REPLY_DONE,	/* the plan ends with the end of the answer */
	REPLY_FAILED	/* r->error; what the plan holds already is valid and comes before it */
};

/* one tool call of the answer (calls.c) */
struct call {
	uint64_t id;		/* j_hash of the upstream's id */
	uint32_t key;		/* choice and index, or place */
	uint32_t length;	/* bytes of arguments so far, as they came */
	uint32_t sum;		/* FNV-1a of them */
	unsigned depth : 8;	/* brackets open in the arguments */
	unsigned name_sum : 14;
	unsigned state : 2;
	unsigned has_id : 1, named : 1, made_id : 1, eager : 1;
	unsigned in_string : 1, escaped : 1, complete : 1, hollow : 1;
};

/* the event that was read in full last, when it said one thing only (again.c) */
struct again {
	enum again_kind { AGAIN_NOTHING, AGAIN_TEXT, AGAIN_THOUGHT, AGAIN_ARGUMENTS, AGAIN_OTHER } kind;
	struct j_val string;		/* what it said; inside the event */
	unsigned short head, tail;	/* bytes of it before and behind the string, quotes included; head 0: it is not known */
	uint32_t key;			/* of the fragment of arguments; which field has the thought */
	bool indexed, alone;
	char frame[REPLY_FRAME];	/* head, tail */
};

/* what the upstream counted */
struct reply_count {
	bool known;
	int64_t prompt, completion, total, read, created;
};

/* all state of one answer; the owner provides the storage and looks at none of it */
struct reply {
	struct reply_options o;
	struct sink sink;
	struct hold hold;
	/* reading */
	enum reply_what what;		/* REPLY_MORE until it is over */
	bool whole;			/* no more events follow */
	bool any_choice;		/* something that is an answer came */
	bool deltas;			/* some of it came in deltas */
	bool real;			/* a block with something in it was opened */
	bool spoke;			/* one of text */
	unsigned char finish;		/* enum finish of answer.h */
	char finish_word[48];		/* as it came, folded; "" until known */
	char filtered[REPLY_FILTERED];		/* what a content filter found */
	char explanation[256];		/* of a refusal */
	const char *oddity;
	struct reply_count count;
	/* reply_native.c; blocks of reply_nudge stand between the upstream's */
	bool own_block;			/* the open one is */
	unsigned own_blocks;		/* so far */
	/* reasoning.c */
	unsigned char from;		/* enum carry_from */
	uint64_t snapshot_sum;		/* of the reasoning so far, where it comes as snapshots */
	size_t snapshot_length;
	int64_t snapshot_index;
	uint64_t sent[4];		/* hashes of the last details that were carried already */
	unsigned nsent;
	size_t detail_bytes;
	/* sources.c */
	unsigned nsources, searches;	/* searches: written */
	uint64_t sources[SOURCES];	/* hashes of URLs */
	/* text.c */
	unsigned char text_state, matched;
	unsigned short token, tag;	/* in markup_tokens: of what has matched; what must close it */
	bool tag_cut;			/* the open tag's text repeats the reasoning: dropped */
	bool refused;			/* text came as a refusal */
	/* markup.c */
	bool named;			/* what is held names a declared tool */
	bool opener_leaks;		/* it began with a token of a template, not a tag that might be meant */
	size_t held;
	/* calls.c */
	unsigned ncalls, latest;
	unsigned tools;			/* tool_use blocks */
	int open_call;			/* whose block is open; -1 */
	char id[32];			/* of the message */
	/* from here on nothing is cleared at the start: pages that are not used are not touched */
	struct again again;
	struct api_error error;
	struct call calls[REPLY_CALLS];
};

void reply_start(struct reply *r, const struct reply_options *o);

/*
 * One event of the stream: data[0..n) as sse.h gave it, name its event: field,
 * error_field as there. Checks the JSON (and may mend it in place). The plan
 * points into data, into the stash, into static text and r until the next call.
 * plan->grow, when set, is used to enlarge it.
 */
enum reply_what reply_event(struct reply *r, char *data, size_t n, const char *name, bool error_field,
	struct plan *out);

/* A whole chat.completion (checked with j_check_keep): also ends it. status: HTTP's. */
enum reply_what reply_whole(struct reply *r, struct j_val completion, struct plan *out);

/*
 * The upstream's body ended. clean: as its framing promised. After a finish
 * reason: REPLY_DONE. Without: REPLY_FAILED (truncated).
 */
enum reply_what reply_end(struct reply *r, bool clean, struct plan *out);

/* Whether anything was written to the client's side; whether the finish reason came (usage may still follow). */
bool reply_started(const struct reply *r);
bool reply_finished(const struct reply *r);

/* Opens the message without waiting any longer (message_start), so that pings may follow. Events only. */
void reply_commit(struct reply *r, struct plan *out);

/* A ping; and a delta without text in the open block, or in a thinking block of its own. Events only; nothing before message_start. */
void reply_ping(struct reply *r, struct plan *out);
void reply_nudge(struct reply *r, struct plan *out);

/* The tokens for the log line, and the reason why it ended ("" until known). */
void reply_usage(const struct reply *r, int64_t *in, int64_t *cached, int64_t *out);
const char *reply_stop_reason(const struct reply *r);

/* Whether the upstream counted the request's tokens; how many, and how many of them its cache had. */
bool reply_counted(const struct reply *r, int64_t *prompt, int64_t *read);

/* The error, after REPLY_FAILED. */
const struct api_error *reply_error(const struct reply *r);

/* For the log: what was odd about the answer and was mended or dropped, one static sentence; "" for nothing. */
const char *reply_oddity(const struct reply *r);

#endif
