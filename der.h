/* What of an X.509 certificate a trust anchor needs. Looks at bytes, nothing else. */
#ifndef DER_H
#define DER_H

#include <bearssl.h>
#include <stdbool.h>
#include <stddef.h>

struct der_certificate {
	const unsigned char *subject;	/* the name, encoded; as all pointers here into the certificate */
	size_t nsubject;
	br_x509_pkey key;
	bool ca;			/* basicConstraints says so */
};

/* Reads a certificate in DER (RFC 5280 4.1). False: it is none, or its key is neither RSA of at most 4096 bits nor on P-256, P-384 or P-521. */
bool der_certificate(const unsigned char *p, size_t n, struct der_certificate *c);

#endif
