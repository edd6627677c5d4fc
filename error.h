/*
 * Upstream errors of every shape into Anthropic ones: the status and type that
 * make Claude Code do the right thing, the provider's own words, a hint.
 */
#ifndef ERROR_H
#define ERROR_H

#include "convert.h"
#include "http.h"

/*
 * The answer to a request that did not succeed. head: the response head (its
 * status and retry fields), NULL when there was none worth reading; body: what
 * came, at most 64 KB of it, any bytes.
 */
void error_read(const struct http_head *head, const char *body, size_t n, struct api_error *e);

/*
 * Where Anthropic's API is spoken: the type that an error in its own shape has,
 * {"type":"error","error":{"type":...}}, when the API knows it.
 */
void error_keep_type(struct j_val value, struct api_error *e);

/*
 * An error object (or what stands for one) inside a 200: status from it, else
 * 500. by_message: a string, or an object with nothing but a message, is an
 * error too; otherwise only where its words are one's: some tell that they are
 * "processing". Returns false when value is no error.
 */
bool error_object(struct j_val value, bool by_message, struct api_error *e);

/* A line of text where JSON should be: an error when it reads like one ("429 Too Many Requests", HTML). */
bool error_text(const char *p, size_t n, struct api_error *e);

/*
 * What to try once more with: a setting for q_apply ("maxtok=max_completion_tokens",
 * "drop=temperature") that repairs a 400 or 422, given what q holds now; or
 * *max_tokens > 0 to use once; or, with neither, the same request once more and
 * only once (the model's own slip). Never what q holds already. Returns false
 * when nothing is known. setting holds Q_TEXT.
 */
bool error_repair(int status, const char *body, size_t n, const struct quirks *q, char *setting, int64_t *max_tokens);

#endif
