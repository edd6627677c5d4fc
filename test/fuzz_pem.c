/*
 * Fuzzing trust.c with a PEM bundle: it is refused in one line, or its anchors
 * are there; wherever in the file a block stands and however its lines end, it
 * means the same.
 */
#include "tls.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

#define BEFORE 4093	/* moves what follows across the borders of what is read at once */

static char path[] = "/tmp/fuzz_pem.XXXXXX";

static void leave(void)
{
	unlink(path);
}

/* anchors and what was skipped; -1 for a bundle that was refused */
struct meant {
	int count, skipped;
};

static struct meant load(int fd, const char *p, size_t n)
{
	struct meant m = { -1, 0 };
	char err[300] = "";

	MUST(ftruncate(fd, 0) == 0 && pwrite(fd, p, n, 0) == (ssize_t)n);
	struct tls_trust *t = tls_trust_load(path, NULL, err, sizeof err);
	MUST(t != NULL ? err[0] == '\0' : err[0] != '\0' && strchr(err, '\n') == NULL);
	if (t != NULL)
		m.count = tls_trust_count(t, &m.skipped);
	MUST(t == NULL || m.count > 0);
	tls_trust_free(t);
	return m;
}

static void same(struct meant a, struct meant b)
{
	MUST(a.count == b.count && a.skipped == b.skipped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		MUST((fd = mkstemp(path)) >= 0);
		atexit(leave);
	}
	struct meant plain = load(fd, (const char *)data, size);
	char *other = malloc(2 * size + BEFORE);
	size_t n = 0;
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n')
			other[n++] = '\r';
		other[n++] = (char)data[i];
	}
	same(plain, load(fd, other, n));
	if (size < 3 || memcmp(data, "\xef\xbb\xbf", 3) != 0) {
		memset(other, '\n', BEFORE);
		if (size > 0)
			memcpy(other + BEFORE, data, size);
		same(plain, load(fd, other, BEFORE + size));
	}
	free(other);
	return 0;
}
