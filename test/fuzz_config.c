/*
 * Fuzzing config.c and all it stands on with a file of settings: whatever it
 * holds, it is refused in one line, or what is accepted can be sent.
 */
#include "../config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static void sendable(const char *text, bool spaces)
{
	for (; *text; text++)
		MUST((unsigned char)*text > ' ' + !spaces - 1 && *text != 0x7f);
}

static void fits(const struct config *c)
{
	char text[1024];
	struct quirks q;
	size_t n;

	cfg_quirks(c, c->small_model, &q);
	sendable(q.headers, true);
	for (size_t i = 0; i < c->nheaders; i++)
		MUST(q_field_bad(c->headers[i].name, strlen(c->headers[i].name), c->headers[i].value,
			strlen(c->headers[i].value)) == NULL);
	n = cfg_path(c, "a model", text, sizeof text);
	MUST(n < sizeof text && text[0] == '/');
	sendable(text, false);
	sendable(c->target.authority, false);
	sendable(c->openai_api_key, true);
	sendable(c->big_model, true);
	MUST(c->target.port > 0 && c->target.port < 65536 && *c->host);
	MUST(c->target.tls || c->target.loopback || c->allow_plaintext);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char file[] = "/tmp/fuzz_config.XXXXXX", err[300];
	int fd = mkstemp(file);

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
	struct config *c = cfg_load(file, NULL, err, sizeof err, NULL, NULL);
	MUST(c || (*err && !strchr(err, '\n')));
	if (c)
		fits(c);
	cfg_free(c);
	unlink(file);
	return 0;
}
