/* Trust anchors as BearSSL wants them: what tls.c sees of trust.c. */
#ifndef TRUST_H
#define TRUST_H

#include <bearssl.h>

#include "tls.h"

struct tls_trust {
	br_x509_trust_anchor *anchor;
	size_t count, room;
	int skipped;
	char *bundle;	/* its path, for people */
};

#endif
