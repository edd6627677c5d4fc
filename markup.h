/*
 * Tool calls that a model wrote as text, because the server in front of it
 * does not know the model's template: they become calls when, and only when,
 * they name a declared tool. Everything else stays text.
 */
#ifndef MARKUP_H
#define MARKUP_H

#include <stdbool.h>
#include <stddef.h>

/* ---- markup_parse.c: the forms, in decoded text ---- */

enum markup_what {
	MARKUP_NOT,	/* no call begins here */
	MARKUP_MORE,	/* one may, when more comes */
	MARKUP_CALL
};

/* how the arguments are written */
enum markup_args { ARGS_EQUALS, ARGS_NAME, ARGS_DSML, ARGS_KEY_VALUE, ARGS_JSON };

struct markup_call {
	char *text;		/* as it was parsed */
	const char *name;
	size_t nname;
	enum markup_args form;
	const char *args;
	size_t nargs;
	size_t used;		/* bytes of the text */
};

/* a declared tool? */
struct markup_tools {
	bool (*has)(const void *owner, const char *name, size_t n);
	const void *owner;
};

/* A call at the beginning of text[0..n), with what stands around it. end: the text is all there is. JSON in it is mended in place. */
enum markup_what markup_parse(char *text, size_t n, bool end, const struct markup_tools *tools, struct markup_call *c);

/*
 * Writes the arguments as JSON into dst, or only counts when it is NULL.
 * Returns how many bytes. Scalars become strings: who wants a number takes
 * "5", who wants a string does not take 5.
 */
size_t markup_write_args(const struct markup_call *c, char *dst);

/* what a token is for */
enum markup_set {
	TOKEN_OPEN_TAG = 1, TOKEN_CLOSE_TAG = 2,	/* around reasoning, one behind the other */
	TOKEN_OPENER = 4,	/* may begin a call */
	TOKEN_CLOSER = 16,	/* ends one or stands behind it */
	TOKEN_STRAY = 32,	/* no text has it: left over from a template */
	TOKEN_SECTION = 64	/* stands in front of a call, or lacks */
};

/* Each with its sets in the byte before it and a NUL behind it; a NUL behind the last. */
extern const char markup_tokens[];

#endif
