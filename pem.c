/*
 * PEM (see pem.h). The reader of PEM and base64 is our own because BearSSL's
 * takes four fifths of the time that a bundle of certificates costs.
 *
 *   state    ends with
 *   TEXT     a line "-----BEGIN LABEL-----"      -> BLOCK
 *   BLOCK    a line "-----END ..."               -> TEXT, the block is given
 *            another BEGIN, or the file's end    -> it is given as one that is bad
 */
#include "pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "tls.h"

#define FILE_MAX (8L << 20)	/* a usual bundle has 220 KB */
#define DER_MAX 8192		/* the largest root in use has 2007 bytes */
#define LINE_MAX_PEM 44		/* bytes of a line that tell what it is */

struct reader {
	void (*give)(void *ctx, const char *label, const unsigned char *der, size_t n);
	void *ctx;
	bool block;		/* BLOCK rather than TEXT */
	bool bad;		/* of it */
	char label[LINE_MAX_PEM];
	char line[LINE_MAX_PEM];
	size_t nline;
	uint32_t bits;		/* base64: nbits of them wait */
	int nbits, padding;
	size_t nder;
	unsigned char der[DER_MAX];
};

/* the value of a base64 character (RFC 4648 4), or -1 */
static int base64_value(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	const char *p = memchr(alphabet + 52, c, 12);
	return p == NULL ? -1 : (int)(p - alphabet);
}

static void base64_char(struct reader *r, char c)
{
	int v = base64_value(c);

	if (c == ' ' || c == '\t')
		return;
	if (c == '=') {
		r->padding++;
		return;
	}
	if (v < 0 || r->padding > 0) {
		r->bad = true;
		return;
	}
	r->bits = (r->bits << 6 | (uint32_t)v) & 0xffffff;
	r->nbits += 6;
	if (r->nbits < 8)
		return;
	r->nbits -= 8;
	if (r->nder < sizeof r->der)
		r->der[r->nder++] = (unsigned char)(r->bits >> r->nbits);
	else
		r->bad = true;
}

static void block_begin(struct reader *r)
{
	size_t n = r->nline - 11;
	const char *label = r->line + 11, *end = memchr(label, '-', n);

	fmt(r->label, sizeof r->label, "%.*s", end != NULL ? (int)(end - label) : 0, label);
	r->block = true;
	r->bad = false;
	r->bits = 0;
	r->nbits = 0;
	r->padding = 0;
	r->nder = 0;
}

static void block_end(struct reader *r, bool whole)
{
	if (!r->block)
		return;
	r->block = false;
	/* of the last group 0, 2 or 4 bits are left over, with as many '=' / 2 */
	if (!whole || r->bad || r->nbits != 2 * r->padding)
		r->nder = 0;
	r->give(r->ctx, r->label, r->der, r->nder);
}

static bool line_is(const struct reader *r, const char *text)
{
	size_t n = strlen(text);

	return r->nline >= n && memcmp(r->line, text, n) == 0;
}

static void line_end(struct reader *r)
{
	if (line_is(r, "-----BEGIN ")) {
		block_end(r, false);
		block_begin(r);
	} else if (line_is(r, "-----END ")) {
		block_end(r, true);
	} else if (line_is(r, "Proc-Type:")) {	/* RFC 1421 4.6.1.1 */
		fmt(r->label, sizeof r->label, "%s", PEM_ENCRYPTED);
	}
	r->nline = 0;
}

static void reader_char(struct reader *r, char c)
{
	if (c == '\n' || c == '\r') {
		line_end(r);
		return;
	}
	if (r->nline < sizeof r->line)
		r->line[r->nline++] = c;
	if (r->block && r->line[0] != '-')
		base64_char(r, c);
}

/* a byte order mark before the first line is no part of it */
static void reader_bytes(struct reader *r, const char *p, size_t n, bool first)
{
	size_t i = first && n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	for (; i < n; i++)
		reader_char(r, p[i]);
}

/* 0 or an errno */
static int read_all(struct reader *r, int fd)
{
	char chunk[4096];

	for (long total = 0; total < FILE_MAX;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			return 0;
		reader_bytes(r, chunk, (size_t)n, total == 0);
		total += n;
	}
	return EFBIG;
}

int pem_read(const char *path, void (*give)(void *ctx, const char *label, const unsigned char *der, size_t n), void *ctx)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return errno;
	struct reader *r = calloc(1, sizeof *r);
	int error = ENOMEM;
	if (r != NULL) {
		r->give = give;
		r->ctx = ctx;
		error = read_all(r, fd);
		if (error == 0) {
			line_end(r);
			block_end(r, false);
		}
		tls_wipe(r, sizeof *r);
		free(r);
	}
	close(fd);
	return error;
}

bool pem_certificate(const char *label)
{
	return strcmp(label, "CERTIFICATE") == 0 || strcmp(label, "X509 CERTIFICATE") == 0;
}
