/*
 * TLS 1.2, by BearSSL; as a server, see tls_server.h. Trust anchors from a PEM bundle, one engine
 * per connection, its four ports moved by the caller's socket. The profile is
 * strict: ECDHE with AES-GCM or ChaCha20, no SHA-1, no RSA below 2048 bits, no
 * renegotiation, the name is always checked. Nothing switches that off.
 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_trust;	/* trust anchors */
struct tls;		/* one connection */

/*
 * Reads PEM bundles (extra may be NULL or ""): a certificate that cannot be
 * read is skipped and counted. NULL with one sentence in err when no anchor is
 * left, or memory or the file fails.
 */
struct tls_trust *tls_trust_load(const char *bundle, const char *extra, char *err, size_t nerr);
int tls_trust_count(const struct tls_trust *t, int *skipped);
void tls_trust_free(struct tls_trust *t);

/* The first bundle of the usual places that exists, or NULL. */
const char *tls_default_bundle(void);

/* Bytes of a session record; zeroed it means none. Kept by the caller per host and port. */
struct tls_session {
	unsigned char bytes[96];
	bool set;
};

/*
 * A connection to host over a connected non-blocking socket. session may be
 * NULL. trust must outlive it. NULL: out of memory or of entropy, or a name
 * that cannot be checked (empty, or over 255 bytes).
 */
struct tls *tls_new(const struct tls_trust *trust, const char *host, const struct tls_session *session);
void tls_free(struct tls *t);	/* wipes it; does not close the socket */

enum tls_state {
	TLS_HANDSHAKE, TLS_OPEN,
	TLS_CLOSED,	/* close_notify came: a clean end */
	TLS_CUT,	/* the connection ended without it */
	TLS_FAILED	/* tls_why tells */
};

/*
 * Moves records between the engine and the socket until it would block, or a
 * bounded number of times; outgoing first. Returns the state. *again: call
 * soon even without a socket event.
 */
enum tls_state tls_step(struct tls *t, int fd, bool *again);

/* The same over two descriptors, which may be pipes; SIGPIPE is ignored then. */
enum tls_state tls_step_pair(struct tls *t, int in, int out, bool *again);

bool tls_want_read(const struct tls *t);
bool tls_want_write(const struct tls *t);

/* bytes of records that came from and went to the kernel so far */
uint64_t tls_received(const struct tls *t);
uint64_t tls_sent(const struct tls *t);

/*
 * Sends close_notify with the next step. What is put and not flushed goes
 * before it; nothing can be put any more, and what comes is thrown away.
 */
void tls_close(struct tls *t);

/* Plain text: where it can be put (NULL: not now) and what can be taken. */
char *tls_tx(struct tls *t, size_t *room);
void tls_tx_done(struct tls *t, size_t n);	/* n > 0 */
void tls_flush(struct tls *t);			/* sends a record that is not full */
const char *tls_rx(struct tls *t, size_t *n);
void tls_rx_done(struct tls *t, size_t n);	/* n > 0 */
bool tls_tx_idle(const struct tls *t);		/* all that was put has left for the kernel */

/* For --check: the suite's name; the session to keep after the handshake; whether this one was resumed. */
const char *tls_suite(const struct tls *t);
void tls_session_get(const struct tls *t, struct tls_session *out);
bool tls_resumed(const struct tls *t);
void tls_wipe(void *p, size_t n);	/* zeroes what was secret; not optimised away */

bool tls_opened(const struct tls *t);	/* the handshake was finished */
bool tls_broken(const struct tls *t);	/* nothing can be sent any more: an error of the socket */

/* What came first, if it failed, is no TLS. */
bool tls_alien(const struct tls *t);

/* What went wrong, in words a user can act on (terminated, with the engine's error number). */
void tls_why(const struct tls *t, char *dst, size_t room);

/* TLS_FAILED for a reason that another attempt meets again: certificate, name, version, suites. */
bool tls_permanent(const struct tls *t);

#endif
