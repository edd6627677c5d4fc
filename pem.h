/* PEM files (RFC 7468), a block after the other. Limits: 8 MB a file, 8 KB a block. */
#ifndef PEM_H
#define PEM_H

#include <stdbool.h>
#include <stddef.h>

#define PEM_ENCRYPTED "ENCRYPTED PRIVATE KEY"	/* the label, also of what RFC 1421 encrypts */

/*
 * Gives each block, with its label (terminated, cut at 43 bytes) and its bytes,
 * which are wiped afterwards; n is 0 when it is none: no base64, too large,
 * without an end. 0, or the errno with which the file could not be read.
 */
int pem_read(const char *path, void (*give)(void *ctx, const char *label, const unsigned char *der, size_t n), void *ctx);

bool pem_certificate(const char *label);

#endif
