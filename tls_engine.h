/*
 * One TLS connection as tls.c and tls_server.c have it: what is the same at
 * both ends is tls.c's; only how it begins and what an error means differ.
 */
#ifndef TLS_ENGINE_H
#define TLS_ENGINE_H

#include <bearssl.h>

#include "tls.h"

#define TLS_IN 16709	/* the largest record with any overhead (RFC 5246 6.2.3) */
#define TLS_OUT 4181	/* 4096 bytes of plain text a record; a server is told so (RFC 6066 4) */

/* the first member of the block that holds the context too */
struct tls {
	br_ssl_engine_context *eng;
	size_t size;		/* of the block */
	enum tls_state state;
	bool opened;		/* the handshake was finished */
	int socket_error;	/* errno, or 0; ends the sending side */
	bool eof;		/* the socket's end was read */
	bool unflushed;		/* plain text was put since the last flush */
	uint64_t received, sent;
	unsigned char first[2];	/* bytes received: do they look like TLS? */
	unsigned char in[TLS_IN], out[TLS_OUT];
};

/* The curves of the profile: P-256, P-384, P-521 and X25519. */
extern const br_ec_impl tls_curves;

/* For an engine zeroed before: the profile, its buffers and its entropy. False: there is no entropy. */
bool tls_profile(struct tls *t);

/* A client that takes a server with this key and no other, whatever its certificate says. key must outlive it. */
struct tls *tls_new_known(const br_x509_pkey *key);

#endif
