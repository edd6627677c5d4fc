/*
 * Fuzzing error.c and what is beside it: the first two bytes are a status, the
 * rest a body. Whatever it is, an error comes out that can be sent, and a
 * repair is one that can be applied and changes something.
 */
#include "error.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static void sound(const struct api_error *e)
{
	char text[4 * sizeof e->message];
	struct span spans[16];
	struct plan_pos pos = { 0 };
	struct j_err err;
	struct plan p;

	MUST(memchr(e->message, '\0', sizeof e->message) != NULL && e->message[0] != '\0');
	MUST(memchr(e->retry_after, '\0', sizeof e->retry_after) != NULL);
	MUST(e->status >= 400 && e->status <= 599 && e->type == error_type(e->status));
	MUST(e->should_retry >= -1 && e->should_retry <= 1);
	plan_init(&p, spans, 16, NULL, 0);
	error_body(&p, e, "req_fuzz");
	MUST(plan_fits(&p) && p.total <= sizeof text);
	size_t n = plan_pull(&p, &pos, text, sizeof text);
	MUST(n == p.total && j_check(text, n, &err) == 0);
}

static void repaired(int status, const char *body, size_t n)
{
	char setting[Q_TEXT];
	int64_t max_tokens;
	struct quirks q, with;
	const char *why;
	size_t at;

	q_init(&q);
	/* a repair that is applied is not found again: the loop ends */
	for (int i = 0; error_repair(status, body, n, &q, setting, &max_tokens); i++) {
		MUST(status == 400 || status == 422);
		MUST(i < 100 && memchr(setting, '\0', sizeof setting) != NULL);
		if (setting[0] == '\0')
			return;
		with = q;
		MUST(max_tokens == 0 && q_apply(&with, setting, strlen(setting), &why, &at) == 0);
		MUST(memcmp(&with, &q, sizeof q) != 0);
		q = with;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head h;
	struct api_error e;
	struct j_err err;

	if (size < 2)
		return 0;
	size_t n = size - 2;
	char *body = malloc(n + 1);
	memcpy(body, data + 2, n);
	memset(&h, 0, sizeof h);
	h.status = 100 + (data[0] << 8 | data[1]) % 500;
	error_read(&h, body, n, &e);
	sound(&e);
	error_read(NULL, body, n, &e);
	sound(&e);
	if (error_text(body, n, &e))
		sound(&e);
	repaired(400 + 22 * (data[0] & 1), body, n);
	if (n > 0 && j_check(body, n, &err) == 0 && error_object(j_root(body, n), n % 2, &e))
		sound(&e);
	free(body);
	return 0;
}
