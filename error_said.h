/*
 * What an upstream said in an error, whatever its shape: for error.c,
 * error_overflow.c and error_repair.c.
 */
#ifndef ERROR_SAID_H
#define ERROR_SAID_H

#include "convert.h"

#define SAID_TEXT 3072	/* bytes of the provider's words: with a hint and numbers they fit into 4 KB */
#define SAID_TAGS 512

struct said {
	char text[SAID_TEXT];			/* the provider's words, cleaned; "" when there were none */
	char tags[SAID_TAGS];			/* types, codes, params: each with a blank behind it */
	char all[SAID_TEXT + SAID_TAGS];	/* both in lower case (ASCII) */
	char param[64];				/* the name that the error points at */
	int status;				/* 400..599 from the body, 0 without */
	int64_t code;				/* another code in numbers, 0 without */
	int64_t delay;				/* milliseconds to wait, -1 without */
	int64_t prompt, limit;			/* token counts in members of their own, 0 without */
	bool html, empty;			/* what came was HTML; was nothing */
};

/* Reads a body of any bytes: JSON of every shape, JSON within text, HTML, text. */
void said_read(struct said *s, const char *body, size_t n);

/* Reads an error's value. */
void said_value(struct said *s, struct j_val value);

/*
 * Words are lists in lower case with | between them. said_has: whether the
 * text and tags hold any of them; * stands between parts that follow each
 * other. text_has: the same of any text.
 */
bool said_has(const struct said *s, const char *words);
bool text_has(const char *text, const char *words);

/* The bytes of the first of the words (as they are, without *) at p, or in front of at within text; 0 without. */
size_t text_begins(const char *p, const char *words);
size_t text_ends(const char *text, const char *at, const char *words);

/* Takes the next word of a list (of at most WORD - 1 bytes), terminated. Returns its length, 0 behind the last. */
#define WORD 64
size_t next_word(const char **words, char word[WORD]);

/* "34.4s", "1m30s", "250ms" in milliseconds; -1 when it is none. */
int64_t said_duration(const char *p);

enum over {
	OVER_NONE,
	OVER_PROMPT,	/* the prompt does not fit */
	OVER_OUTPUT,	/* the prompt fits, with max_tokens it does not */
	OVER_LIMIT	/* max_tokens is above what the model can write */
};

/* tokens; 0 where the text does not tell */
struct overflow {
	enum over what;
	int64_t count, limit, input, output;
};

/* Whether this is an overflow of the context or of max_tokens. Never for rate limits. */
void said_overflow(const struct said *s, struct overflow *o);

/* A rate limit, whatever the status. */
bool said_rate(const struct said *s);

#endif
