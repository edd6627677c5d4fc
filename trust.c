/*
 * Trust anchors from PEM bundles, the certificates read by der.c. What cannot be
 * read is skipped and counted: one odd certificate must not take the other 140 away.
 *
 * Limits: pem.h's, ANCHORS_MAX.
 */
#include "trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "der.h"
#include "errno_text.h"
#include "log.h"
#include "pem.h"

#define ANCHORS_MAX 1024

struct reader {
	struct tls_trust *trust;
	bool failed;		/* out of memory */
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

static void certificate(void *ctx, const char *label, const unsigned char *der, size_t n)
{
	struct reader *r = ctx;
	struct der_certificate c;
	struct tls_trust *t = r->trust;

	if (!pem_certificate(label))
		return;
	if (!der_certificate(der, n, &c) || t->count >= ANCHORS_MAX) {
		t->skipped++;
		return;
	}
	if (!anchor_room(t) || !anchor_copy(&t->anchor[t->count], &c))
		r->failed = true;
	else
		t->count++;
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
	int error = pem_read(path, certificate, r);

	if (error == 0 && r->failed)
		error = ENOMEM;
	if (error != 0)
		fmt(err, nerr, "cannot read the CA bundle %s: %s", path, errno_text(error));
	else if (t->count == before)
		fmt(err, nerr, "the CA bundle %s has no certificate that can be used (PEM is needed; %d skipped)",
			path, t->skipped);
	return error == 0 && t->count > before;
}

struct tls_trust *tls_trust_load(const char *bundle, const char *extra, char *err, size_t nerr)
{
	struct tls_trust *t = calloc(1, sizeof *t);
	struct reader r = { t, false };
	bool ok = t != NULL && (t->bundle = copy(bundle)) != NULL;

	if (ok)
		ok = load(t, &r, bundle, err, nerr) && (extra == NULL || extra[0] == '\0' || load(t, &r, extra, err, nerr));
	else
		fmt(err, nerr, "out of memory for the CA bundle");
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
