/*
 * Fuzzing the conversion of requests: a first line of settings for q_apply,
 * then a request. What passes the checks converts to valid JSON, the same
 * when counted, kept and pulled in any pieces, and without settings to what
 * every server may expect; what does not names a place.
 */
#include "chat_grammar.h"
#include "request_run.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static void refused(const struct result *r)
{
	MUST(r->e.status == 400 && r->e.message[0] != '\0' && r->n == 0);
}

/* the settings may put in anything, so without them more must hold */
static void converted(const struct result *r, bool plain, bool usual)
{
	struct j_err err;
	char *copy = malloc(r->n + 1);

	memcpy(copy, r->body, r->n + 1);
	MUST(r->same && j_check(copy, r->n, &err) == 0 && memcmp(copy, r->body, r->n) == 0);
	struct j_val body = j_root(copy, r->n), model = j_get(body, "model");
	MUST(!plain || (j_is(model, "up-model") && j_count(j_get(body, "messages")) > 0));
	MUST(!usual || chat_wrong(body, false) == NULL);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct setting s;
	const char *text = (const char *)data, *why;
	const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
	struct j_err err;
	struct api_error e;
	size_t at, skip = line != NULL ? (size_t)(line - text) + 1 : 0;

	setting_init(&s);
	if (line != NULL)
		q_apply(&s.q, text, skip - 1, &why, &at);
	char *body = malloc(size - skip + 1);
	memcpy(body, text + skip, size - skip);
	body[size - skip] = '\0';
	if (j_check(body, size - skip, &err) == 0) {
		struct j_val v = j_root(body, size - skip);
		struct result small = run_value(v, &s.t, 1), large = run_value(v, &s.t, 4096);
		MUST(small.rc == large.rc && small.n == large.n && memcmp(small.body, large.body, small.n) == 0);
		if (large.rc == 0)
			converted(&large, s.q.extra[0] == '\0' && s.q.drop[0] == '\0' && s.q.search[0] == '\0', skip <= 1);
		else
			refused(&large);
		int rc = request_check(v, &e);
		MUST(large.rc != 0 || rc == 0 || line != NULL);
		result_free(&small);
		result_free(&large);
	}
	free(body);
	return 0;
}
