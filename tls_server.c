/*
 * TLS 1.2 as a server, by BearSSL (see tls_server.h); tls.c moves the records.
 *
 * The choice of suite is by the key: ECDHE signed by RSA or by ECDSA, with the
 * smallest hash of SHA-256 and up that the client takes. There is no static
 * RSA, no client certificate, no resumption (a connection is kept alive, and
 * the cache would be the largest part of this).
 *
 * Limits: CHAIN_MAX certificates, pem.h's of the files, RSA of 4096 bits.
 */
#include "tls_server.h"

#include <bearssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "der.h"
#include "errno_text.h"
#include "log.h"
#include "pem.h"
#include "tls_engine.h"

#define CHAIN_MAX 8
#define SIGNATURE_MAX 512
#define UNKNOWN_CA 48		/* alerts of RFC 5246 7.2 */
#define BAD_CERTIFICATE 42
#define CERTIFICATE_UNKNOWN 46

struct tls_identity {
	const br_ssl_server_policy_class *policy;	/* the first member: what BearSSL holds of it */
	br_x509_certificate chain[CHAIN_MAX];
	size_t nchain;
	unsigned char *der;		/* of the key */
	size_t nder;
	br_rsa_private_key rsa;		/* n_bitlen 0: the key is ec */
	br_ec_private_key ec;
	struct der_certificate leaf;
	char from[DER_TIME], until[DER_TIME];	/* the leaf's dates */
	char names[256];
	bool encrypted, odd, full;	/* while the files are read */
};

struct tls_conn {
	struct tls t;
	br_ssl_server_context sc;
};

/* a number's bytes, which nobody writes to */
static bool number(struct der *in, unsigned char **p, size_t *n)
{
	struct der v;

	if (!der_number(in, &v))
		return false;
	*p = (unsigned char *)(uintptr_t)v.p;
	*n = v.n;
	return true;
}

/* ---- the key ---- */

/* RFC 8017 A.1.2, behind the version */
static bool rsa_key(struct tls_identity *id, struct der in)
{
	br_rsa_private_key *k = &id->rsa;
	unsigned char *n, *skip;
	size_t len, nskip;

	if (!number(&in, &n, &len) || !number(&in, &skip, &nskip) || !number(&in, &skip, &nskip) || !number(&in, &k->p, &k->plen)
		|| !number(&in, &k->q, &k->qlen) || !number(&in, &k->dp, &k->dplen) || !number(&in, &k->dq, &k->dqlen)
		|| !number(&in, &k->iq, &k->iqlen) || len > SIGNATURE_MAX)
		return false;
	k->n_bitlen = (uint32_t)len * 8;
	for (unsigned bit = 0x80; (n[0] & bit) == 0; bit >>= 1)
		k->n_bitlen--;
	return true;
}

static int curve_of(struct der oid)
{
	int curve = der_curve(oid);

	return curve != BR_EC_secp521r1 ? curve : 0;
}

/* RFC 5915 3, behind the version; curve 0: it is told within */
static bool ec_key(struct tls_identity *id, struct der in, int curve)
{
	struct der x, part, oid;

	if (!der_take(&in, DER_OCTETS, &x))
		return false;
	if (curve == 0 && der_take(&in, 0xa0, &part) && der_take(&part, DER_OID, &oid))
		curve = curve_of(oid);
	id->ec = (br_ec_private_key){ curve, (unsigned char *)(uintptr_t)x.p, x.n };
	return curve != 0 && x.n > 0;
}

/* Which of the three forms it is, its first members tell. PKCS#8 (RFC 5208 5) has one of the others within. */
static bool any_key(struct tls_identity *id)
{
	struct der in = { id->der, id->nder }, all, version, alg, oid, part, inner;
	int curve = 0;

	if (!der_take(&in, DER_SEQUENCE, &all) || !der_take(&all, DER_INTEGER, &version))
		return false;
	part = all;
	if (!der_take(&part, DER_SEQUENCE, &alg))
		return all.p[0] == 0x02 ? rsa_key(id, all) : ec_key(id, all, 0);
	if (!der_take(&part, DER_OCTETS, &inner) || !der_take(&inner, DER_SEQUENCE, &all) || !der_take(&all, DER_INTEGER, &version) || !der_take(&alg, DER_OID, &oid))
		return false;
	if (DER_IS(oid, der_rsa))
		return rsa_key(id, all);
	if (DER_IS(oid, der_ec) && der_take(&alg, DER_OID, &oid))
		curve = curve_of(oid);
	return curve != 0 && ec_key(id, all, curve);
}

static unsigned char *copied(const unsigned char *p, size_t n)
{
	unsigned char *kept = malloc(n);

	return kept != NULL ? memcpy(kept, p, n) : NULL;
}

static void take_key(void *ctx, const char *label, const unsigned char *der, size_t n)
{
	struct tls_identity *id = ctx;
	size_t len = strlen(label);

	if (len < 11 || strcmp(label + len - 11, "PRIVATE KEY") != 0 || id->der != NULL)
		return;
	id->encrypted |= strcmp(label, PEM_ENCRYPTED) == 0;
	if (n == 0 || id->encrypted)
		return;
	id->der = copied(der, n);
	id->nder = id->der != NULL ? n : 0;
}

/* ---- the certificate ---- */

static void take_certificate(void *ctx, const char *label, const unsigned char *der, size_t n)
{
	struct tls_identity *id = ctx;

	if (!pem_certificate(label))
		return;
	id->odd |= n == 0;
	id->full |= id->nchain == CHAIN_MAX;
	if (id->odd || id->full)
		return;
	unsigned char *kept = copied(der, n);
	id->odd = kept == NULL;
	if (kept != NULL)
		id->chain[id->nchain++] = (br_x509_certificate){ kept, n };
}

/* the subject's alternative names (RFC 5280 4.2.1.6): those of hosts, addresses of version 4, and ::1 */
static void read_names(struct tls_identity *id)
{
	static const char oid[] = "\x06\x03\x55\x1d\x11";
	struct der in = { id->chain[0].data, id->chain[0].data_len }, value, list, name;
	size_t at = 0;

	while (in.n > 5 && memcmp(in.p, oid, 5) != 0) {
		in.p++;
		in.n--;
	}
	if (der_next(&in, &value) == 0)
		return;
	unsigned tag = der_next(&in, &value);
	if (tag == 0x01)	/* critical */
		tag = der_next(&in, &value);
	if (tag != 0x04 || !der_take(&value, DER_SEQUENCE, &list))
		return;
	while ((tag = der_next(&list, &name)) != 0 && at < sizeof id->names) {
		const char *comma = at > 0 ? "," : "";
		if (tag == 0x82)
			at += fmt(id->names + at, sizeof id->names - at, "%s%.*s", comma, (int)name.n, (const char *)name.p);
		else if (tag == 0x87 && name.n == 4)
			at += fmt(id->names + at, sizeof id->names - at, "%s%d.%d.%d.%d", comma, name.p[0], name.p[1], name.p[2], name.p[3]);
		else if (tag == 0x87 && der_is(name, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16))
			at += fmt(id->names + at, sizeof id->names - at, "%s::1", comma);
	}
}

bool tls_identity_own(const struct tls_identity *id)
{
	const br_x509_certificate *last = &id->chain[id->nchain - 1];
	struct der_certificate c;

	return der_certificate(last->data, last->data_len, &c) && der_is(c.issuer, (const char *)c.name.p, c.name.n);
}

const char *tls_identity_names(const struct tls_identity *id)
{
	return id->names;
}

const char *tls_identity_until(const struct tls_identity *id)
{
	return id->until;
}

/* ---- signing ---- */

static const struct {
	const char *oid;
	const br_hash_class *class;
} hashes[] = {	/* from br_sha256_ID on */
	{ (const char *)BR_HASH_OID_SHA256, &br_sha256_vtable },
	{ (const char *)BR_HASH_OID_SHA384, &br_sha384_vtable },
	{ (const char *)BR_HASH_OID_SHA512, &br_sha512_vtable },
};
#define HASHES (sizeof hashes / sizeof hashes[0])

static size_t sign(const struct tls_identity *id, size_t hash, const unsigned char *hv, size_t n, unsigned char *sig, size_t room)
{
	size_t len = (id->rsa.n_bitlen + 7) / 8;

	if (id->rsa.n_bitlen == 0)
		return br_ecdsa_i31_sign_asn1(&tls_curves, hashes[hash].class, hv, &id->ec, sig);
	return len <= room && br_rsa_i31_pkcs1_sign((const unsigned char *)hashes[hash].oid, hv, n, &id->rsa, sig) != 0 ? len : 0;
}

/* What the key signs, the certificate's proves. */
static bool fits(struct tls_identity *id)
{
	static const unsigned char hv[br_sha256_SIZE] = "claude-code-proxy";
	unsigned char sig[SIGNATURE_MAX], out[sizeof hv];
	const br_x509_pkey *k = &id->leaf.key;
	bool rsa = id->rsa.n_bitlen != 0;

	if ((k->key_type == BR_KEYTYPE_RSA) != rsa || (!rsa && id->ec.curve != k->key.ec.curve))
		return false;
	size_t n = sign(id, 0, hv, sizeof hv, sig, sizeof sig);
	if (!rsa)
		return n > 0 && br_ecdsa_i31_vrfy_asn1(&tls_curves, hv, sizeof hv, &k->key.ec, sig, n) != 0;
	return n > 0 && br_rsa_i31_pkcs1_vrfy(sig, n, (const unsigned char *)hashes[0].oid, sizeof hv, &k->key.rsa, out) != 0
		&& memcmp(out, hv, sizeof hv) == 0;
}

/* ---- the policy ---- */

static const struct tls_identity *identity(const br_ssl_server_policy_class **policy)
{
	return (const void *)policy;
}

static int choose(const br_ssl_server_policy_class **policy, const br_ssl_server_context *sc, br_ssl_server_choices *choices)
{
	const struct tls_identity *id = identity(policy);
	bool rsa = id->rsa.n_bitlen != 0;
	size_t n, i = 0, hash = 0;
	const br_suite_translated *suites = br_ssl_server_get_client_suites(sc, &n);
	uint32_t takes = br_ssl_server_get_client_hashes(sc) >> (rsa ? 0 : 8);

	while (i < n && suites[i][1] >> 12 != (rsa ? BR_SSLKEYX_ECDHE_RSA : BR_SSLKEYX_ECDHE_ECDSA))
		i++;
	while (hash < HASHES && (takes >> (hash + br_sha256_ID) & 1) == 0)
		hash++;
	if (i == n || hash == HASHES)
		return 0;
	choices->cipher_suite = suites[i][0];
	choices->algo_id = 0xff00 + (unsigned)hash + br_sha256_ID;
	choices->chain = id->chain;
	choices->chain_len = id->nchain;
	return 1;
}

/* of static RSA and ECDH, which no suite has */
static uint32_t exchange(const br_ssl_server_policy_class **policy, unsigned char *data, size_t *n)
{
	(void)policy;
	(void)data;
	(void)n;
	return 0;
}

static size_t do_sign(const br_ssl_server_policy_class **policy, unsigned algo, unsigned char *data, size_t n, size_t room)
{
	unsigned char hv[br_sha512_SIZE];

	memcpy(hv, data, n);
	return sign(identity(policy), (algo & 0xff) - br_sha256_ID, hv, n, data, room);
}

/* ---- the interface ---- */

void tls_identity_free(struct tls_identity *id)
{
	if (id == NULL)
		return;
	for (size_t i = 0; i < id->nchain; i++)
		free(id->chain[i].data);
	if (id->der != NULL)
		tls_wipe(id->der, id->nder);
	free(id->der);
	free(id);
}

/* NULL: good */
static const char *bad_certificate(struct tls_identity *id)
{
	if (id->full)
		return "holds more than 8 certificates: only the server's and those up to the root belong there";
	if (id->odd)
		return "holds a certificate that cannot be read: copy the file again";
	if (id->nchain == 0)
		return "holds no certificate: a PEM file is needed (-----BEGIN CERTIFICATE-----)";
	if (!der_certificate(id->chain[0].data, id->chain[0].data_len, &id->leaf) || !der_dates(id->leaf.validity, id->from, id->until))
		return "holds a first certificate that is damaged, or of a kind of key that is neither RSA nor ECDSA";
	read_names(id);
	return NULL;
}

static const char *bad_key(struct tls_identity *id)
{
	if (id->encrypted)
		return "is encrypted, and nobody is there to type its password: write it without (openssl pkey -in FILE -out NEW)";
	if (id->der == NULL)
		return "holds no private key: a PEM file is needed (-----BEGIN PRIVATE KEY-----)";
	if (!any_key(id))
		return "holds a key that is damaged, or neither RSA (up to 4096 bits) nor of P-256 or P-384";
	return fits(id) ? NULL : "is not the key of the first certificate in TLS_CERT: give the two that were made together";
}

static void warn_of_dates(const struct tls_identity *id, const char *cert, char *why, size_t room)
{
	char now[DER_TIME];

	why[0] = '\0';
	log_time(now, sizeof now, time(NULL));
	if (strcmp(now, id->until) > 0)
		fmt(why, room, ": %s ended at %s: clients refuse it; renew it", cert, id->until);
	else if (strcmp(now, id->from) < 0)
		fmt(why, room, ": %s begins at %s only, or the clock is wrong", cert, id->from);
}

struct tls_identity *tls_identity_load(const char *cert, const char *key, bool *of_key, char *why, size_t room)
{
	static const br_ssl_server_policy_class policy = { sizeof(struct tls_identity), choose, exchange, do_sign };
	struct tls_identity *id = calloc(1, sizeof *id);
	const char *bad = "cannot be kept: out of memory";

	*of_key = false;
	if (id != NULL) {
		id->policy = &policy;
		int error = pem_read(cert, take_certificate, id);
		bad = error != 0 ? errno_text(error) : bad_certificate(id);
	}
	if (bad == NULL) {
		*of_key = true;
		int error = pem_read(key, take_key, id);
		bad = error != 0 ? errno_text(error) : bad_key(id);
	}
	if (bad == NULL) {
		warn_of_dates(id, cert, why, room);
		return id;
	}
	fmt(why, room, ": %s %s", *of_key ? key : cert, bad);
	tls_identity_free(id);
	return NULL;
}

struct tls *tls_accept(const struct tls_identity *id)
{
	struct tls_conn *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	br_ssl_server_zero(&c->sc);
	c->t.eng = &c->sc.eng;
	c->t.size = sizeof *c;
	br_ssl_server_set_policy(&c->sc, (const br_ssl_server_policy_class **)(uintptr_t)&id->policy);
	if (tls_profile(&c->t) && br_ssl_server_reset(&c->sc) != 0)
		return &c->t;
	tls_free(&c->t);
	return NULL;
}

struct tls *tls_to(const struct tls_identity *id)
{
	return tls_new_known(&id->leaf.key);
}

void tls_accept_why(const struct tls *t, char *dst, size_t room)
{
	int error = br_ssl_engine_last_error(t->eng), alert = error - BR_ERR_RECV_FATAL_ALERT;

	if (alert == UNKNOWN_CA || alert == BAD_CERTIFICATE || alert == CERTIFICATE_UNKNOWN)
		fmt(dst, room, "the client does not trust the certificate of TLS_CERT (NODE_EXTRA_CA_CERTS tells it whom to; TLS alert %d)", alert);
	else if (error == BR_ERR_OK)
		fmt(dst, room, "the client ended the connection in the TLS handshake");
	else
		fmt(dst, room, "the TLS handshake failed: TLS 1.2 with ECDHE and AES-GCM or ChaCha20 is spoken here (TLS error %d)", error);
}
