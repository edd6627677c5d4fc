/*
 * X.509 certificates in DER (RFC 5280, X.690), as far as a trust anchor goes:
 * subject, key, dates, and whether it is an authority. BearSSL's decoder works byte by
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

enum { BOOLEAN = 0x01, UTC_TIME = 0x17, GENERALIZED_TIME = 0x18, VERSION = 0xa0, ISSUER_ID = 0x81, SUBJECT_ID = 0x82, EXTENSIONS = 0xa3 };

const char der_rsa[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", der_ec[] = "\x2a\x86\x48\xce\x3d\x02\x01";

unsigned der_next(struct der *d, struct der *in)
{
	size_t head = 2, n;

	if (d->n < 2)
		return 0;
	unsigned tag = d->p[0];
	n = d->p[1];
	/* the long form: so many bytes of length; two are enough for DER_MAX of trust.c */
	if (n > 0x80 && n <= 0x82) {
		head += n - 0x80;
		if (d->n < head)
			return 0;
		n = head == 3 ? d->p[2] : (size_t)d->p[2] << 8 | d->p[3];
	} else if (n >= 0x80) {
		return 0;
	}
	if (n > d->n - head)
		return 0;
	*in = (struct der){ d->p + head, n };
	d->p += head + n;
	d->n -= head + n;
	return tag;
}

bool der_take(struct der *d, unsigned tag, struct der *in)
{
	return d->n > 0 && d->p[0] == tag && der_next(d, in) == tag;
}

/* The same for one that may be left out. False: it is there and is broken. */
static bool skip(struct der *d, unsigned tag)
{
	struct der in;

	return d->n == 0 || d->p[0] != tag || der_take(d, tag, &in);
}

bool der_is(struct der d, const char *bytes, size_t n)
{
	return d.n == n && memcmp(d.p, bytes, n) == 0;
}

static unsigned char *bytes_of(struct der d, size_t *n)
{
	*n = d.n;
	return (unsigned char *)(uintptr_t)d.p;
}

bool der_number(struct der *d, struct der *in)
{
	if (!der_take(d, DER_INTEGER, in))
		return false;
	while (in->n > 0 && *in->p == 0) {
		in->p++;
		in->n--;
	}
	return in->n > 0;
}

int der_curve(struct der oid)
{
	return DER_IS(oid, "\x2a\x86\x48\xce\x3d\x03\x01\x07") ? BR_EC_secp256r1 : DER_IS(oid, "\x2b\x81\x04\x00\x22") ? BR_EC_secp384r1 :
		DER_IS(oid, "\x2b\x81\x04\x00\x23") ? BR_EC_secp521r1 : 0;
}

/* RFC 3279 2.3.1 */
static bool rsa_key(struct der bits, br_rsa_public_key *k)
{
	struct der both, n, e;

	if (!der_take(&bits, DER_SEQUENCE, &both) || !der_number(&both, &n) || !der_number(&both, &e) || n.n > RSA_MAX)
		return false;
	k->n = bytes_of(n, &k->nlen);
	k->e = bytes_of(e, &k->elen);
	return true;
}

/* RFC 5480 2.1.1 */
static bool ec_key(struct der curve, struct der bits, br_ec_public_key *k)
{
	k->q = bytes_of(bits, &k->qlen);
	k->curve = der_curve(curve);
	return k->curve != 0;
}

/* SubjectPublicKeyInfo */
static bool key(struct der info, br_x509_pkey *k)
{
	struct der algorithm, kind, curve, bits;

	if (!der_take(&info, DER_SEQUENCE, &algorithm) || !der_take(&algorithm, DER_OID, &kind) || !der_take(&info, DER_BITS, &bits) || bits.n == 0 || *bits.p != 0)
		return false;
	bits.p++;
	bits.n--;
	if (DER_IS(kind, der_rsa)) {
		k->key_type = BR_KEYTYPE_RSA;
		return rsa_key(bits, &k->key.rsa);
	}
	k->key_type = BR_KEYTYPE_EC;
	return DER_IS(kind, der_ec) && der_take(&algorithm, DER_OID, &curve) && ec_key(curve, bits, &k->key.ec);
}

/* basicConstraints (RFC 5280 4.2.1.9), found among the extensions; false when one of them is broken */
static bool constraints(struct der list, bool *ca)
{
	struct der one, id, value, basic, yes;

	while (list.n > 0) {
		if (!der_take(&list, DER_SEQUENCE, &one) || !der_take(&one, DER_OID, &id) || !skip(&one, BOOLEAN) || !der_take(&one, DER_OCTETS, &value))
			return false;
		if (!DER_IS(id, "\x55\x1d\x13"))
			continue;
		if (!der_take(&value, DER_SEQUENCE, &basic))
			return false;
		*ca = der_take(&basic, BOOLEAN, &yes) && yes.n == 1 && *yes.p != 0;
	}
	return true;
}

/* TBSCertificate */
static bool body(struct der d, struct der_certificate *c)
{
	struct der in, info, tagged;

	/* behind serial number and algorithm */
	if (!skip(&d, VERSION) || !der_take(&d, DER_INTEGER, &in) || !der_take(&d, DER_SEQUENCE, &in) || !der_take(&d, DER_SEQUENCE, &c->issuer) ||
			!der_take(&d, DER_SEQUENCE, &c->validity))
		return false;
	c->subject = d.p;
	if (!der_take(&d, DER_SEQUENCE, &c->name))
		return false;
	c->nsubject = (size_t)(d.p - c->subject);
	c->ca = false;
	if (!der_take(&d, DER_SEQUENCE, &info) || !key(info, &c->key) || !skip(&d, ISSUER_ID) || !skip(&d, SUBJECT_ID))
		return false;
	if (d.n == 0)
		return true;
	return der_take(&d, EXTENSIONS, &tagged) && d.n == 0 && der_take(&tagged, DER_SEQUENCE, &in) && constraints(in, &c->ca);
}

bool der_certificate(const unsigned char *p, size_t n, struct der_certificate *c)
{
	struct der all = { p, n }, whole, in, algorithm, signature;

	return der_take(&all, DER_SEQUENCE, &whole) && all.n == 0 && der_take(&whole, DER_SEQUENCE, &in) && der_take(&whole, DER_SEQUENCE, &algorithm)
		&& der_take(&whole, DER_BITS, &signature) && whole.n == 0 && body(in, c);
}

/* RFC 5280 4.1.2.5: YYMMDDHHMMSSZ until 2049, else with four digits of the year */
static bool date(struct der *d, char out[DER_TIME])
{
	struct der in;
	unsigned tag = der_next(d, &in);
	const char *digit;

	if ((tag != UTC_TIME && tag != GENERALIZED_TIME) || in.n != (tag == UTC_TIME ? 13 : 15))
		return false;
	digit = (const char *)in.p;
	memcpy(out, tag == UTC_TIME && *digit < '5' ? "20" : "19", 2);
	for (int i = tag == UTC_TIME ? 2 : 0; i < DER_TIME - 1; i++) {
		char between = "    -  -  T  :  :  Z"[i];
		out[i] = between != ' ' ? between : *digit++;
	}
	out[DER_TIME - 1] = '\0';
	return true;
}

bool der_dates(struct der validity, char from[DER_TIME], char until[DER_TIME])
{
	return date(&validity, from) && date(&validity, until);
}
