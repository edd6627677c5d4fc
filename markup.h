/*
 * Tool calls that a model wrote as text, because the server in front of it
 * does not know the model's template: they become calls when, and only when,
 * they name a declared tool.
 */
#ifndef MARKUP_H
#define MARKUP_H

#include "answer.h"

/* Text of the body: the inside of a JSON string. */
void markup_text(struct reply *r, const char *raw, size_t n);

/* Nothing more will come. */
void markup_end(struct reply *r);

#endif
