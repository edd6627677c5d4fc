/*
 * X.509 certificates in DER (RFC 5280, X.690), as far as a trust anchor goes:
 * subject, key, and whether it is an authority. BearSSL's decoder works byte by
 * byte and takes ten times as long, which a start with a bundle of 150 is made of.
 *
 * Promises: no byte outside of what is given is read; a length that goes beyond
 * what it stands in is refused, and so is what follows the certificate. It is
 * not verified: who trusts the file trusts what stands in it.
 */
#include "der.h"

#include <stdint.h>
#include <string.h>

#define RSA_MAX BR_X509_BUFSIZE_SIG	/* bytes of a modulus: BearSSL verifies with no longer one */

enum { BOOLEAN = 0x01, INTEGER = 0x02, BITS = 0x03, OCTETS = 0x04, OID = 0x06, SEQUENCE = 0x30,
	VERSION = 0xa0, ISSUER_ID = 0x81, SUBJECT_ID = 0x82, EXTENSIONS = 0xa3 };

/* bytes that are left */
struct der {
	const unsigned char *p;
	size_t n;
};

/* Takes the next element, which must have that tag: what is in it. */
static bool take(struct der *d, unsigned tag, struct der *in)
{
	size_t head = 2, n;

	if (d->n < 2 || d->p[0] != tag)
		return false;
	n = d->p[1];
	/* the long form: so many bytes of length; two are enough for DER_MAX of trust.c */
	if (n > 0x80 && n <= 0x82) {
		head += n - 0x80;
		if (d->n < head)
			return false;
		n = head == 3 ? d->p[2] : (size_t)d->p[2] << 8 | d->p[3];
	} else if (n >= 0x80) {
		return false;
	}
	if (n > d->n - head)
		return false;
	*in = (struct der){ d->p + head, n };
	d->p += head + n;
	d->n -= head + n;
	return true;
}

/* The same for one that may be left out. False: it is there and is broken. */
static bool skip(struct der *d, unsigned tag)
{
	struct der in;

	return d->n == 0 || d->p[0] != tag || take(d, tag, &in);
}

static bool is(struct der d, const char *bytes, size_t n)
{
	return d.n == n && memcmp(d.p, bytes, n) == 0;
}

#define IS(d, text) is(d, text, sizeof(text) - 1)

static unsigned char *bytes_of(struct der d, size_t *n)
{
	*n = d.n;
	return (unsigned char *)(uintptr_t)d.p;
}

/* A number without its leading zeros. */
static bool number(struct der *d, struct der *in)
{
	if (!take(d, INTEGER, in))
		return false;
	while (in->n > 0 && *in->p == 0) {
		in->p++;
		in->n--;
	}
	return in->n > 0;
}

/* RFC 3279 2.3.1 */
static bool rsa_key(struct der bits, br_rsa_public_key *k)
{
	struct der both, n, e;

	if (!take(&bits, SEQUENCE, &both) || !number(&both, &n) || !number(&both, &e) || n.n > RSA_MAX)
		return false;
	k->n = bytes_of(n, &k->nlen);
	k->e = bytes_of(e, &k->elen);
	return true;
}

/* RFC 5480 2.1.1 */
static bool ec_key(struct der curve, struct der bits, br_ec_public_key *k)
{
	k->q = bytes_of(bits, &k->qlen);
	k->curve = IS(curve, "\x2a\x86\x48\xce\x3d\x03\x01\x07") ? BR_EC_secp256r1 : IS(curve, "\x2b\x81\x04\x00\x22") ? BR_EC_secp384r1 :
		IS(curve, "\x2b\x81\x04\x00\x23") ? BR_EC_secp521r1 : 0;
	return k->curve != 0;
}

/* SubjectPublicKeyInfo */
static bool key(struct der info, br_x509_pkey *k)
{
	struct der algorithm, kind, curve, bits;

	if (!take(&info, SEQUENCE, &algorithm) || !take(&algorithm, OID, &kind) || !take(&info, BITS, &bits) || bits.n == 0 || *bits.p != 0)
		return false;
	bits.p++;
	bits.n--;
	if (IS(kind, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")) {
		k->key_type = BR_KEYTYPE_RSA;
		return rsa_key(bits, &k->key.rsa);
	}
	k->key_type = BR_KEYTYPE_EC;
	return IS(kind, "\x2a\x86\x48\xce\x3d\x02\x01") && take(&algorithm, OID, &curve) && ec_key(curve, bits, &k->key.ec);
}

/* basicConstraints (RFC 5280 4.2.1.9), found among the extensions; false when one of them is broken */
static bool constraints(struct der list, bool *ca)
{
	struct der one, id, value, basic, yes;

	while (list.n > 0) {
		if (!take(&list, SEQUENCE, &one) || !take(&one, OID, &id) || !skip(&one, BOOLEAN) || !take(&one, OCTETS, &value))
			return false;
		if (!IS(id, "\x55\x1d\x13"))
			continue;
		if (!take(&value, SEQUENCE, &basic))
			return false;
		*ca = take(&basic, BOOLEAN, &yes) && yes.n == 1 && *yes.p != 0;
	}
	return true;
}

/* TBSCertificate */
static bool body(struct der d, struct der_certificate *c)
{
	struct der in, info, tagged;

	/* serial number, algorithm, issuer, validity */
	if (!skip(&d, VERSION) || !take(&d, INTEGER, &in) || !take(&d, SEQUENCE, &in) || !take(&d, SEQUENCE, &in) || !take(&d, SEQUENCE, &in))
		return false;
	c->subject = d.p;
	if (!take(&d, SEQUENCE, &in))
		return false;
	c->nsubject = (size_t)(d.p - c->subject);
	c->ca = false;
	if (!take(&d, SEQUENCE, &info) || !key(info, &c->key) || !skip(&d, ISSUER_ID) || !skip(&d, SUBJECT_ID))
		return false;
	if (d.n == 0)
		return true;
	return take(&d, EXTENSIONS, &tagged) && d.n == 0 && take(&tagged, SEQUENCE, &in) && constraints(in, &c->ca);
}

bool der_certificate(const unsigned char *p, size_t n, struct der_certificate *c)
{
	struct der all = { p, n }, whole, in, algorithm, signature;

	return take(&all, SEQUENCE, &whole) && all.n == 0 && take(&whole, SEQUENCE, &in) && take(&whole, SEQUENCE, &algorithm)
		&& take(&whole, BITS, &signature) && whole.n == 0 && body(in, c);
}
