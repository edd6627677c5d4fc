/*
 * TLS 1.2 as a server: a certificate with its key, and connections that show
 * it. The profile is that of tls.h. What a connection does is tls.h's too.
 */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;
struct tls_identity;	/* a certificate chain and its key; never changes */

/*
 * Reads PEM files: the server's certificate, behind it those it is signed by;
 * the key, RSA or of P-256 or P-384, as PKCS#8, PKCS#1 or SEC 1, in a file of
 * its own or in the same. The two are proved to fit. NULL: why says of which
 * file what is wrong, and *of_key whether that is the key's. Else why is a
 * warning (out of date), or "".
 */
struct tls_identity *tls_identity_load(const char *cert, const char *key, bool *of_key, char *why, size_t room);
void tls_identity_free(struct tls_identity *id);	/* wipes the key; NULL is fine */

/* Of the certificate: what it is for, with commas ("": nothing), cut at 255 bytes; the last second that it holds, as log_time(). */
const char *tls_identity_names(const struct tls_identity *id);
const char *tls_identity_until(const struct tls_identity *id);

/* Whether the last one of the file is signed by itself: who trusts that file trusts the server. */
bool tls_identity_own(const struct tls_identity *id);

/* A new connection of a client. id must outlive its handshake. NULL: out of memory or of entropy. */
struct tls *tls_accept(const struct tls_identity *id);

/* A connection to a server that has this identity: no other is taken, whatever its name and age. NULL as above. */
struct tls *tls_to(const struct tls_identity *id);

/* Why a client's handshake failed, for the log; terminated. */
void tls_accept_why(const struct tls *t, char *dst, size_t room);

#endif
