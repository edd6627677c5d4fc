/* What the scripted provider's parts share: dialects, answers, the check of requests. */
#ifndef PROVIDER_H
#define PROVIDER_H

#include <stdbool.h>
#include <stddef.h>

#include "../json.h"

/* a growing string, always terminated */
struct str {
	char *p;
	size_t n, cap;
};

void str_put(struct str *s, const char *p, size_t n);
void str_add(struct str *s, const char *text);
void str_fmt(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_json(struct str *s, const char *p, size_t n);	/* as a JSON string, quotes included */

enum think_form { FORM_REASONING_CONTENT, FORM_REASONING, FORM_THOUGHT_TAGS, FORM_THINK_TAGS, FORM_PARTS, FORM_DETAILS };
enum call_form { CALL_FRAGMENTS, CALL_WHOLE, CALL_REPEATED };
enum id_form { ID_CALL, ID_FUNCTIONS, ID_EMPTY, ID_NINE };
enum usage_form { USAGE_LAST, USAGE_FINISH, USAGE_CHOICE };

/* how a provider shapes the same answer, and what it insists on */
struct dialect {
	const char *name;
	enum think_form think;
	enum call_form call;
	bool no_index;			/* tool calls without index */
	enum id_form id;
	const char *finish_calls;	/* finish_reason of an answer with calls */
	enum usage_form usage;
	bool comments;			/* keep-alive comments between the chunks */
	bool signature;			/* Gemini's thought signature on the first call */
	const char *refused;		/* top-level names it answers 400 for, besides the unknown ones; "a b c" */
	int unknown_status;		/* for a top-level name it does not know; 0: ignored */
	bool native;			/* it speaks Anthropic's Messages API (provider_native.c); of the above only the name holds */
};

const struct dialect *dialect_find(const char *name);	/* NULL: none of that name */

/* one thing that happens on the wire */
enum step_kind { STEP_SEND, STEP_PAUSE, STEP_HOLD, STEP_CUT, STEP_RESET, STEP_HANG };

struct step {
	enum step_kind kind;
	struct str bytes;
	int ms;
};

enum frame { FRAME_AUTO, FRAME_CHUNKED, FRAME_LENGTH, FRAME_CLOSE };

/* an answer while it is put together, and then as steps */
struct answer {
	const struct dialect *d;
	bool stream, usage_asked, tool_stream;
	bool split_reasoning;		/* MiniMax: reasoning_details in place of tags */
	char model[128];
	int id;				/* of the request, for ids */
	int status;
	struct str headers;
	enum frame frame;
	bool head_done, json_done, raw, composed, finished;
	struct str text, think, calls;	/* of a whole completion */
	int ncalls;
	const char *finish;		/* NULL: by what the answer holds */
	int in, out, cached;
	bool started;			/* native: message_start is sent; */
	char open;			/* the kind of block that is open, 0: none; */
	int nblocks;			/* blocks begun */
	int split;			/* bytes sent at a time; 0: all */
	struct step *steps;
	size_t nsteps;
};

void answer_start(struct answer *a, const struct dialect *d, int id);
void answer_free(struct answer *a);

/* Content, in the dialect's shape: streamed piece by piece, or gathered for the completion. */
void answer_text(struct answer *a, const char *p, size_t n);
void answer_think(struct answer *a, const char *p, size_t n);
void answer_call(struct answer *a, const char *name, const char *args);

/* Bytes of the body as they are; the end is the script's own then. */
void answer_raw(struct answer *a, const char *p, size_t n);
void answer_data(struct answer *a, const char *p, size_t n);	/* as an event */
void answer_error(struct answer *a, int status, const char *type, const char *message);

void answer_head(struct answer *a);			/* sends the head now */
void answer_step(struct answer *a, enum step_kind kind, int ms);
void answer_end(struct answer *a);			/* finish reason, usage, [DONE], last chunk */

/* For provider_native.c: bytes of a streamed body; the bytes of the next word. */
void answer_bytes(struct answer *a, const char *p, size_t n);
size_t answer_piece(const char *p, size_t n);

void native_text(struct answer *a, const char *p, size_t n);
void native_think(struct answer *a, const char *p, size_t n);
void native_call(struct answer *a, const char *name, const char *args);
void native_whole(struct answer *a, struct str *s);
void native_end_stream(struct answer *a);
int native_refused(struct j_val body, char *why, size_t room);

/*
 * Whether a request is one that this provider takes. Returns 0, or the status
 * of the refusal with its reason in why.
 */
int request_refused(const struct dialect *d, struct j_val body, char *why, size_t room);

#endif
