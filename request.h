/*
 * A Messages request (Anthropic API reference, "Create a Message") into a Chat
 * Completions request (OpenAI API reference, "Create chat completion").
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "convert.h"
#include "tokens.h"

/* what the connection needs to know of a request */
struct request_facts {
	struct j_val model, metadata;	/* as the client wrote them */
	bool stream;		/* the client wants events */
	bool up_stream;		/* the upstream is asked for events */
	bool show_thinking;	/* reasoning is shown: not when thinking is disabled and there are no tools */
	bool has_image;		/* an image goes upstream */
	bool hides_image;	/* a note stands for one that was shown since the user last spoke */
	bool last_is_user;	/* the last message is a user's own, not tool results */
	bool search;		/* the provider is asked to search the web */
	bool unsearched;	/* nothing but a web search is demanded, and the provider has none */
	const char *query;	/* what to search for, as far as that can be told: the inside of a JSON string in body */
	size_t nquery;
	struct tokens tokens;	/* the owner's: tokens_count */
};

/*
 * First look: model and stream, so that a target can be chosen. Checks that
 * body is an object with a model (string, at most CONV_MODEL_MAX bytes, none 0).
 * Returns 0, or -1 with e naming the field.
 */
int request_read(struct j_val body, struct request_facts *f, struct api_error *e);

/*
 * Writes the upstream's body into out and the session into s, both counting
 * or keeping as their storage says; the same input gives the same output. The
 * plan points into body, into t's strings and its quirks, and into static text.
 * A plan with grow can be filled without counting first. Returns 0, or
 * -1 with e: 400 with "messages.3.content.0.source: what is wrong".
 */
int request_convert(struct j_val body, const struct target *t, struct plan *out, struct session *s,
	struct request_facts *f, struct api_error *e);

/*
 * Whether a whole answer calls functions of the provider's own, with $ in front
 * of their names (Kimi's $web_search): it runs them once it has been sent back
 * what it said. Then puts the messages that say so, for target.more.
 */
bool request_more(struct j_val completion, struct plan *out);

/* Only the checks, for count_tokens: messages required, max_tokens not. */
int request_check(struct j_val body, struct api_error *e);

#endif
