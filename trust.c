/*
 * Trust anchors from PEM bundles (RFC 7468). The reader of PEM and base64 is
 * our own because BearSSL's takes four fifths of the time that a bundle costs;
 * the certificates are read by der.c. What cannot be read is skipped
 * and counted: one odd certificate must not take the other 140 away.
 *
 *   state    ends with
 *   TEXT     a line "-----BEGIN CERTIFICATE-----" -> BLOCK
 *   BLOCK    a line "-----END ..."                -> TEXT, the certificate is decoded
 *            another BEGIN, or the file's end     -> the block is counted as skipped
 *
 * Limits: FILE_MAX bytes a file, DER_MAX a certificate, ANCHORS_MAX.
 */
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "der.h"
#include "log.h"

#define FILE_MAX (8L << 20)	/* a usual bundle has 220 KB */
#define DER_MAX 8192		/* the largest root in use has 2007 bytes */
#define ANCHORS_MAX 1024
#define LINE_MAX_PEM 40		/* bytes of a line that tell what it is */

struct reader {
	struct tls_trust *trust;
	bool block;		/* BLOCK rather than TEXT */
	bool bad;		/* the block cannot be a certificate */
	bool failed;		/* out of memory */
	char line[LINE_MAX_PEM];
	size_t nline;
	uint32_t bits;		/* base64: nbits of them wait */
	int nbits, padding;
	size_t nder;
	unsigned char der[DER_MAX];
};

/* takes n bytes of *store for a copy of src */
static unsigned char *keep(unsigned char **store, const unsigned char *src, size_t n)
{
	unsigned char *p = *store;

	memcpy(p, src, n);
	*store += n;
	return p;
}

static size_t key_size(const br_x509_pkey *k)
{
	return k->key_type == BR_KEYTYPE_RSA ? k->key.rsa.nlen + k->key.rsa.elen : k->key.ec.qlen;
}

/* one block per anchor, the name first: what trust_free gives back is dn.data */
static bool anchor_copy(br_x509_trust_anchor *a, const struct der_certificate *c)
{
	const br_x509_pkey *k = &c->key;
	unsigned char *store = malloc(c->nsubject + key_size(k));

	if (store == NULL)
		return false;
	memset(a, 0, sizeof *a);
	a->flags = c->ca ? BR_X509_TA_CA : 0;
	a->dn.data = keep(&store, c->subject, c->nsubject);
	a->dn.len = c->nsubject;
	a->pkey = *k;
	if (k->key_type == BR_KEYTYPE_RSA) {
		a->pkey.key.rsa.n = keep(&store, k->key.rsa.n, k->key.rsa.nlen);
		a->pkey.key.rsa.e = keep(&store, k->key.rsa.e, k->key.rsa.elen);
	} else {
		a->pkey.key.ec.q = keep(&store, k->key.ec.q, k->key.ec.qlen);
	}
	return true;
}

static bool anchor_room(struct tls_trust *t)
{
	if (t->count < t->room)
		return true;
	size_t room = t->room == 0 ? 16 : t->room * 2;
	br_x509_trust_anchor *p = realloc(t->anchor, room * sizeof *p);
	if (p == NULL)
		return false;
	t->anchor = p;
	t->room = room;
	return true;
}

static void certificate(struct reader *r)
{
	struct der_certificate c;
	struct tls_trust *t = r->trust;

	if (!der_certificate(r->der, r->nder, &c) || t->count >= ANCHORS_MAX) {
		t->skipped++;
		return;
	}
	if (!anchor_room(t) || !anchor_copy(&t->anchor[t->count], &c))
		r->failed = true;
	else
		t->count++;
}

/* ------------------------------------------------------------------- PEM */

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
		r->trust->skipped++;
	else
		certificate(r);
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
		if (line_is(r, "-----BEGIN CERTIFICATE-----") || line_is(r, "-----BEGIN X509 CERTIFICATE-----"))
			block_begin(r);
	} else if (line_is(r, "-----END ")) {
		block_end(r, true);
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

static int read_file(struct reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return errno;
	int error = read_all(r, fd);
	close(fd);
	if (error == 0) {
		line_end(r);
		block_end(r, false);
	}
	return error == 0 && r->failed ? ENOMEM : error;
}

/* ---------------------------------------------------------- the interface */

static char *copy(const char *text)
{
	size_t n = strlen(text) + 1;
	char *p = malloc(n);

	if (p != NULL)
		memcpy(p, text, n);
	return p;
}

static bool load(struct tls_trust *t, struct reader *r, const char *path, char *err, size_t nerr)
{
	size_t before = t->count;
	int error = read_file(r, path);

	if (error != 0)
		fmt(err, nerr, "cannot read the CA bundle %s: %s", path, strerror(error));
	else if (t->count == before)
		fmt(err, nerr, "the CA bundle %s has no certificate that can be used (PEM is needed; %d skipped)",
			path, t->skipped);
	return error == 0 && t->count > before;
}

struct tls_trust *tls_trust_load(const char *bundle, const char *extra, char *err, size_t nerr)
{
	struct tls_trust *t = calloc(1, sizeof *t);
	struct reader *r = calloc(1, sizeof *r);
	bool ok = t != NULL && r != NULL && (t->bundle = copy(bundle)) != NULL;

	if (ok) {
		r->trust = t;
		ok = load(t, r, bundle, err, nerr)
			&& (extra == NULL || extra[0] == '\0' || load(t, r, extra, err, nerr));
	} else {
		fmt(err, nerr, "out of memory for the CA bundle");
	}
	free(r);
	if (ok)
		return t;
	tls_trust_free(t);
	return NULL;
}

int tls_trust_count(const struct tls_trust *t, int *skipped)
{
	if (skipped != NULL)
		*skipped = t->skipped;
	return (int)t->count;
}

void tls_trust_free(struct tls_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->anchor[i].dn.data);
	free(t->anchor);
	free(t->bundle);
	free(t);
}

const char *tls_default_bundle(void)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt",		/* Debian, Alpine, OpenWrt */
		"/etc/pki/tls/certs/ca-bundle.crt",		/* Fedora */
		"/etc/ssl/ca-bundle.pem",			/* openSUSE */
		"/etc/ssl/cert.pem",				/* BSD, macOS */
		"/usr/local/share/certs/ca-root-nss.crt",	/* FreeBSD */
		"/opt/etc/ssl/certs/ca-certificates.crt",	/* Entware */
	};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}
