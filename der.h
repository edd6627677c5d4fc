/* DER (X.690), as far as certificates and keys go. Looks at bytes, nothing else. */
#ifndef DER_H
#define DER_H

#include <bearssl.h>
#include <stdbool.h>
#include <stddef.h>

/* bytes that are left */
struct der {
	const unsigned char *p;
	size_t n;
};

#define DER_TIME 21	/* as log_time() writes it, with its NUL */

enum { DER_INTEGER = 0x02, DER_BITS = 0x03, DER_OCTETS = 0x04, DER_OID = 0x06, DER_SEQUENCE = 0x30 };

/* Takes the next element, what is in it to *in. Returns its tag; 0: there is none, or it goes beyond what it stands in. */
unsigned der_next(struct der *d, struct der *in);

/* The same for one that must have that tag; else nothing is taken. */
bool der_take(struct der *d, unsigned tag, struct der *in);

/* An INTEGER above 0, without the zeros before it. */
bool der_number(struct der *d, struct der *in);

bool der_is(struct der d, const char *bytes, size_t n);
#define DER_IS(d, text) der_is(d, text, sizeof(text) - 1)

/* BR_EC_... of a curve's OBJECT IDENTIFIER (RFC 5480 2.1.1.1); 0: another. */
int der_curve(struct der oid);

extern const char der_rsa[9 + 1], der_ec[7 + 1];	/* kinds of keys: the OBJECT IDENTIFIERs of RFC 3279 2.3 */

struct der_certificate {
	const unsigned char *subject;	/* the name, encoded; as all pointers here into the certificate */
	size_t nsubject;
	struct der issuer, name, validity;	/* their contents; name: the subject's */
	br_x509_pkey key;
	bool ca;			/* basicConstraints says so */
};

/* Reads a certificate in DER (RFC 5280 4.1). False: it is none, or its key is neither RSA of at most 4096 bits nor on P-256, P-384 or P-521. */
bool der_certificate(const unsigned char *p, size_t n, struct der_certificate *c);

/* The two dates of a certificate's validity (RFC 5280 4.1.2.5), in an order that strcmp() knows. False: they are none. */
bool der_dates(struct der validity, char from[DER_TIME], char until[DER_TIME]);

#endif
