/*
 * What the conversions share: the upstream as they see it, what an answer must
 * know of its request, tool names and ids in both directions, errors. All of
 * the conversion is pure: bytes in, plans out; no allocation of its own, no
 * I/O, no clock, no log, no state but what the caller holds.
 */
#ifndef CONVERT_H
#define CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "json.h"
#include "plan.h"
#include "quirks.h"

#define CONV_NAME_MAX 64	/* bytes of a tool name upstream (OpenAI's limit) */
#define CONV_ID_MAX 40		/* bytes of a tool call id upstream (OpenAI's limit) */
#define CONV_MODEL_MAX 256	/* bytes of a model id */

/* an error as the client gets it */
struct api_error {
	int status;
	int should_retry;		/* x-should-retry: -1 not sent, 0 false, 1 true */
	const char *type;		/* static: "invalid_request_error" ... by status */
	char retry_after[64];		/* "" or the value of the field */
	char message[4096];		/* terminated, valid UTF-8; last, so that an error that never comes touches no page */
};

/* where a request goes and how it is written there */
struct target {
	const struct quirks *q;
	const char *model;		/* the upstream's id */
	int64_t max_tokens_limit;	/* larger max_tokens are cut to it */
	int64_t min_tokens_limit;	/* smaller ones are raised; 0: not */
	bool requesty_auto_cache;
	const char *binding;		/* names host and model in carried state (see below), at most 64 bytes */
	const char *session_id;		/* x-claude-code-session-id, "" without: prompt_cache_key where cache=key */
	const char *more;		/* messages in the upstream's form behind the others, each with its comma in front */
	size_t nmore;
};

/*
 * State that a provider wants back on the next turn rides in the signature of
 * a thinking block; carry.h writes and reads it. A signature that does not
 * begin so, or is bound to another target, is somebody else's: it and its
 * thinking are dropped with nothing sent.
 */
#define CARRY_PREFIX "ccp1."

/*
 * What the conversion of an answer must know of its request. ids and names are
 * filled as a plan is: with caps of 0 they are only counted.
 */
struct session {
	uint64_t *ids;			/* j_hash of every tool call id in the conversation, as the client knows them */
	size_t nids, ids_cap;
	char *names;			/* names of the declared tools, decoded, each with a NUL behind it */
	size_t nnames, names_cap;	/* bytes */
};

/* Whether the session declares this tool; the name as the client knows it for an upstream's, NULL for none. */
const char *session_tool(const struct session *s, const char *upstream_name, size_t n);
bool session_has_id(const struct session *s, uint64_t hash);
void session_add_id(struct session *s, struct j_val id);
void session_add_name(struct session *s, struct j_val name);

/*
 * A tool's name as the upstream gets it: as it is when it has at most
 * CONV_NAME_MAX bytes of [a-zA-Z0-9_-], else a readable head, '_' and 8 hex
 * digits of its hash. The same for every call; dst holds CONV_NAME_MAX + 1.
 * Returns its length.
 */
size_t conv_name(const char *name, size_t n, char *dst);
size_t conv_name_val(struct j_val name, char *dst);

/*
 * A tool call's id as the upstream gets it: verbatim when it has 1 to
 * CONV_ID_MAX bytes, else made from its hash; nine alphanumerics for
 * ID_MISTRAL9. dst holds CONV_ID_MAX + 1. Returns its length.
 */
size_t conv_id(struct j_val id, enum q_tool_id form, char *dst);

/* A fresh id "prefix" + 24 alphanumerics, from a seed that the caller makes random for each answer, and a count within it. */
size_t conv_fresh(const char *prefix, const unsigned char seed[16], unsigned count, char *dst, size_t room);

bool is_white(char c);

/* Cuts white space off both ends. */
void trim(const char **p, size_t *n);

/* The first place of a text in p[0..n), NULL without. text: not empty. */
const char *find_text(const char *p, size_t n, const char *text);

/* Whether one of a list's names, with commas between them, is this. */
bool list_has(const char *list, const char *name);

/* Anthropic's error type for a status (its API reference, "Errors"). */
const char *error_type(int status);

/*
 * Copies a text for people into dst (room > 0): control characters and bytes
 * that are not UTF-8 become spaces (tab and line feed stay), cut at a whole
 * character, terminated. dst may be p. Returns the length.
 */
size_t error_clean(char *dst, size_t room, const char *p, size_t n);

/* Fills e: status, its type, no retry fields, and the message (error_clean). */
void error_set(struct api_error *e, int status, const char *message);

/* {"type":"error","error":{...},"request_id":...}; and the same as an SSE event. e and request_id must outlive the plan. */
void error_body(struct plan *p, const struct api_error *e, const char *request_id);
void error_event(struct plan *p, const struct api_error *e, const char *request_id);

/*
 * An OpenAI client's request (Chat Completions): the same body with the model
 * replaced. Returns 0, or -1 with e.
 */
int chat_convert(struct j_val body, const char *model, struct plan *out, struct api_error *e);

#endif
