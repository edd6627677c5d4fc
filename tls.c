/*
 * TLS 1.2 (RFC 5246), by BearSSL: the client, and what both ends share. One block of about 28 KB per
 * connection: engine, certificate checker, a buffer for one whole record in,
 * a smaller one out, so that both directions live at the same time: a server
 * that answers 401 and reads no further must still be heard.
 *
 *   state          ends with
 *   TLS_HANDSHAKE  the engine takes plain text  -> TLS_OPEN
 *   TLS_OPEN       close_notify                 -> TLS_CLOSED
 *                  end of file                  -> TLS_CUT
 *   both           an error of engine or socket -> TLS_FAILED
 *                  (end of file in a handshake is one)
 *
 * A record is taken only when the plain text of the one before was read, so at
 * any end nothing waits in tls_rx. After an error in sending the receiving
 * side goes on until its own end: the answer may have come before the reset.
 * After TLS_CUT the sending side goes on: the other may have closed only half.
 *
 * The profile: TLS 1.2, ECDHE with AES-GCM or ChaCha20 in the order that suits
 * the processor, signatures with SHA-256 and up, RSA of 2048 bits and up.
 *
 * The clock is looked at for each handshake. One that was not set yet stands for
 * the date of this program: BearSSL wants one point of time, and none before it can be true.
 */
#include "tls.h"

#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "errno_text.h"
#include "log.h"
#include "quirks.h"
#include "tls_engine.h"
#include "trust.h"
#include "version.h"

#define SEED 32			/* bytes of entropy for an engine */
#define STEPS 64		/* moves in one tls_step */
#define RSA_MIN 256		/* bytes of the shortest modulus accepted */
#define EPOCH_DAYS 719528	/* days from year 0 to 1970, as BearSSL counts */
#define UNRECOGNIZED_NAME 112	/* the alert of RFC 6066 3 */

/* t is its first member */
struct tls_client {
	struct tls t;
	br_ssl_client_context cc;
	br_x509_minimal_context xc;
	const struct tls_trust *trust;	/* NULL: known is what the server must have */
	br_x509_knownkey_context known;
	br_ssl_session_parameters offered;
	time_t now;		/* what the system clock said when certificates were to be checked */
};

static const struct tls_client *client(const struct tls *t)
{
	return (const void *)t;
}

/* -------------------------------------------------------------- beginning */

static bool urandom(unsigned char *p, size_t n)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	size_t got = 0;

	while (fd >= 0 && got < n) {
		ssize_t k = read(fd, p + got, n - got);
		if (k > 0)
			got += (size_t)k;
		else if (k == 0 || errno != EINTR)
			break;
	}
	if (fd >= 0)
		close(fd);
	return got == n;
}

/* Never waits: a kernel without entropy yet means false. An old kernel without the call has the device. */
static bool entropy(unsigned char *p, size_t n)
{
	ssize_t k;

	do
		k = getrandom(p, n, GRND_NONBLOCK);
	while (k < 0 && errno == EINTR);
	if (k < 0 && errno == ENOSYS)
		return urandom(p, n);
	return k == (ssize_t)n;
}

void tls_wipe(void *p, size_t n)
{
	volatile unsigned char *v = p;

	while (n-- > 0)
		*v++ = 0;
}

/* The smallest of each: code for one curve alone would be 2 to 9 KB for half a millisecond of a handshake. */
static const br_ec_impl *of(int curve)
{
	return curve == BR_EC_curve25519 ? &br_ec_c25519_i31 : &br_ec_prime_i31;
}

static const unsigned char *generator(int curve, size_t *n)
{
	return of(curve)->generator(curve, n);
}

static const unsigned char *order(int curve, size_t *n)
{
	return of(curve)->order(curve, n);
}

static size_t xoff(int curve, size_t *n)
{
	return of(curve)->xoff(curve, n);
}

static uint32_t mul(unsigned char *g, size_t n, const unsigned char *x, size_t nx, int curve)
{
	return of(curve)->mul(g, n, x, nx, curve);
}

static size_t mulgen(unsigned char *r, const unsigned char *x, size_t nx, int curve)
{
	return of(curve)->mulgen(r, x, nx, curve);
}

static uint32_t muladd(unsigned char *a, const unsigned char *b, size_t n, const unsigned char *x, size_t nx,
	const unsigned char *y, size_t ny, int curve)
{
	return of(curve)->muladd(a, b, n, x, nx, y, ny, curve);
}

const br_ec_impl tls_curves = {
	.supported_curves = UINT32_C(1) << BR_EC_secp256r1 | UINT32_C(1) << BR_EC_secp384r1 | UINT32_C(1) << BR_EC_secp521r1
		| UINT32_C(1) << BR_EC_curve25519,
	.generator = generator, .order = order, .xoff = xoff, .mul = mul, .mulgen = mulgen, .muladd = muladd
};

/* in the order for a processor that computes AES */
static const uint16_t with_aes[] = {
	BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};
#define SUITES (sizeof with_aes / sizeof with_aes[0])
static const char suite_names[] = "ECDHE-ECDSA-AES128-GCM-SHA256\0" "ECDHE-RSA-AES128-GCM-SHA256\0"
	"ECDHE-ECDSA-CHACHA20-POLY1305\0" "ECDHE-RSA-CHACHA20-POLY1305\0"
	"ECDHE-ECDSA-AES256-GCM-SHA384\0" "ECDHE-RSA-AES256-GCM-SHA384\0" "no cipher suite";

/*
 * AES first where the processor computes it; it stays offered elsewhere, for
 * servers without ChaCha20. What is not of the processor is the smallest that
 * takes constant time on 32 and 64 bits: a stream of text needs no speed.
 */
static void set_ciphers(br_ssl_engine_context *eng)
{
	static const uint16_t without[] = {
		BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	};
	const br_block_ctr_class *ctr = br_aes_x86ni_ctr_get_vtable();
	br_ghash ghash = br_ghash_pclmul_get();
	bool aes = ctr != NULL && ghash != 0;

	br_ssl_engine_set_suites(eng, aes ? with_aes : without, SUITES);
	br_ssl_engine_set_aes_ctr(eng, aes ? ctr : &br_aes_ct_ctr_vtable);
	br_ssl_engine_set_ghash(eng, aes ? ghash : br_ghash_ctmul);
	br_ssl_engine_set_gcm(eng, &br_sslrec_in_gcm_vtable, &br_sslrec_out_gcm_vtable);
	br_ssl_engine_set_chacha20(eng, br_chacha20_ct_run);
	br_ssl_engine_set_poly1305(eng, br_poly1305_ctmul_run);
	br_ssl_engine_set_chapol(eng, &br_sslrec_in_chapol_vtable, &br_sslrec_out_chapol_vtable);
}

static const struct {
	int id;
	const br_hash_class *class;
} hashes[] = {
	{ br_sha256_ID, &br_sha256_vtable },
	{ br_sha384_ID, &br_sha384_vtable },
	{ br_sha512_ID, &br_sha512_vtable },
};
#define HASHES (sizeof hashes / sizeof hashes[0])

static void set_hashes(br_ssl_engine_context *eng)
{
	for (size_t i = 0; i < HASHES; i++)
		br_ssl_engine_set_hash(eng, hashes[i].id, hashes[i].class);
	br_ssl_engine_set_prf_sha256(eng, br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(eng, br_tls12_sha384_prf);
}

static void set_checker(struct tls_client *c)
{
	br_ssl_engine_context *eng = &c->cc.eng;

	br_x509_minimal_init(&c->xc, &br_sha256_vtable, c->trust->anchor, c->trust->count);
	br_x509_minimal_set_rsa(&c->xc, br_ssl_engine_get_rsavrfy(eng));
	br_x509_minimal_set_ecdsa(&c->xc, br_ssl_engine_get_ec(eng), br_ssl_engine_get_ecdsa(eng));
	br_x509_minimal_set_minrsa(&c->xc, RSA_MIN);
	for (size_t i = 0; i < HASHES; i++)
		br_x509_minimal_set_hash(&c->xc, hashes[i].id, hashes[i].class);
	c->now = time(NULL);
	int64_t at = c->now < BUILT ? BUILT : c->now;
	br_x509_minimal_set_time(&c->xc, (uint32_t)(at / 86400) + EPOCH_DAYS, (uint32_t)(at % 86400));
	br_ssl_engine_set_x509(eng, &c->xc.vtable);
}

bool tls_profile(struct tls *t)
{
	static const char *alpn[] = { "http/1.1" };	/* RFC 7301 */
	br_ssl_engine_context *eng = t->eng;
	unsigned char seed[SEED];

	if (!entropy(seed, sizeof seed))
		return false;
	t->state = TLS_HANDSHAKE;
	br_ssl_engine_set_versions(eng, BR_TLS12, BR_TLS12);
	set_ciphers(eng);
	br_ssl_engine_set_ec(eng, &tls_curves);
	br_ssl_engine_set_all_flags(eng, BR_OPT_NO_RENEGOTIATION | BR_OPT_ENFORCE_SERVER_PREFERENCES);
	br_ssl_engine_set_protocol_names(eng, alpn, 1);
	br_ssl_engine_set_buffers_bidi(eng, t->in, sizeof t->in, t->out, sizeof t->out);
	set_hashes(eng);
	br_ssl_engine_inject_entropy(eng, seed, sizeof seed);
	tls_wipe(seed, sizeof seed);
	return true;
}

static bool begin(struct tls_client *c, const char *host, const struct tls_session *session)
{
	bool resume = session != NULL && session->set;

	br_ssl_client_zero(&c->cc);
	c->t.eng = &c->cc.eng;
	c->t.size = sizeof *c;
	if (!tls_profile(&c->t))
		return false;
	br_ssl_engine_set_rsavrfy(&c->cc.eng, br_rsa_i31_pkcs1_vrfy);
	br_ssl_engine_set_ecdsa(&c->cc.eng, br_ecdsa_i31_vrfy_asn1);
	if (c->trust != NULL)
		set_checker(c);
	else
		br_ssl_engine_set_x509(&c->cc.eng, &c->known.vtable);
	if (resume) {
		memcpy(&c->offered, session->bytes, sizeof c->offered);
		br_ssl_engine_set_session_parameters(&c->cc.eng, &c->offered);
	}
	return br_ssl_client_reset(&c->cc, host, resume) != 0;
}

/* NULL in vain; else it is the same */
static struct tls *begun(struct tls_client *c, const char *host, const struct tls_session *session)
{
	if (begin(c, host, session))
		return &c->t;
	tls_wipe(c, sizeof *c);
	free(c);
	return NULL;
}

struct tls *tls_new(const struct tls_trust *trust, const char *host, const struct tls_session *session)
{
	struct tls_client *c = host[0] != '\0' ? calloc(1, sizeof *c) : NULL;

	if (c == NULL)
		return NULL;
	c->trust = trust;
	return begun(c, host, session);
}

struct tls *tls_new_known(const br_x509_pkey *key)
{
	struct tls_client *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	if (key->key_type == BR_KEYTYPE_RSA)
		br_x509_knownkey_init_rsa(&c->known, &key->key.rsa, BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX);
	else
		br_x509_knownkey_init_ec(&c->known, &key->key.ec, BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX);
	return begun(c, NULL, NULL);
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	tls_wipe(t, t->size);
	free(t);
}

/* --------------------------------------------------------------- the pump */

static unsigned engine(const struct tls *t)
{
	return br_ssl_engine_current_state(t->eng);
}

static bool ended(const struct tls *t)
{
	return t->state != TLS_HANDSHAKE && t->state != TLS_OPEN;
}

/* whether an error of the socket means "later" */
static bool later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

/* true: something moved */
static bool move_out(struct tls *t, int in, int out)
{
	size_t n;
	unsigned char *p = br_ssl_engine_sendrec_buf(t->eng, &n);

	if (p == NULL || t->socket_error != 0)
		return false;
	ssize_t k = in == out ? send(out, p, n, MSG_NOSIGNAL) : write(out, p, n);
	if (k > 0) {
		t->sent += (size_t)k;
		br_ssl_engine_sendrec_ack(t->eng, (size_t)k);
		return true;
	}
	if (k < 0 && errno == EINTR)
		return true;
	if (k < 0 && !later(errno))
		t->socket_error = errno;
	return false;
}

static void look(struct tls *t, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n && t->received + i < sizeof t->first; i++)
		t->first[t->received + i] = p[i];
}

static bool move_in(struct tls *t, int fd)
{
	size_t n;

	if (!tls_want_read(t))
		return false;
	unsigned char *p = br_ssl_engine_recvrec_buf(t->eng, &n);
	ssize_t k = read(fd, p, n);
	if (k > 0) {
		look(t, p, (size_t)k);
		t->received += (size_t)k;
		br_ssl_engine_recvrec_ack(t->eng, (size_t)k);
		return true;
	}
	if (k < 0 && errno == EINTR)
		return true;
	if (k == 0)
		t->eof = true;
	else if (!later(errno)) {
		t->socket_error = errno;
		t->eof = true;
	}
	return false;
}

/*
 * What engine and socket have come to. Once close_notify was received nothing
 * more can come; our own answer to it need not be waited for.
 */
static enum tls_state settle(struct tls *t)
{
	unsigned st = engine(t);

	if (ended(t))
		return t->state;
	if ((st & (BR_SSL_SENDAPP | BR_SSL_RECVAPP)) != 0) {
		t->state = TLS_OPEN;
		t->opened = true;
	}
	if ((st & BR_SSL_CLOSED) != 0)
		t->state = br_ssl_engine_last_error(t->eng) == BR_ERR_OK ? TLS_CLOSED : TLS_FAILED;
	else if (t->eng->shutdown_recv && (st & BR_SSL_RECVAPP) == 0)
		t->state = TLS_CLOSED;
	else if (t->eof)
		t->state = t->state == TLS_OPEN && t->socket_error == 0 ? TLS_CUT : TLS_FAILED;
	return t->state;
}

enum tls_state tls_step(struct tls *t, int fd, bool *again)
{
	return tls_step_pair(t, fd, fd, again);
}

enum tls_state tls_step_pair(struct tls *t, int in, int out, bool *again)
{
	*again = false;
	for (int i = 0; i < STEPS; i++) {
		bool moved = move_out(t, in, out);
		moved |= move_in(t, in);
		if (settle(t) > TLS_OPEN || !moved)
			return t->state;
	}
	*again = true;
	return t->state;
}

bool tls_want_read(const struct tls *t)
{
	return !ended(t) && !t->eof && (engine(t) & (BR_SSL_RECVREC | BR_SSL_RECVAPP)) == BR_SSL_RECVREC;
}

bool tls_want_write(const struct tls *t)
{
	return (!ended(t) || t->state == TLS_CUT) && t->socket_error == 0 && (engine(t) & BR_SSL_SENDREC) != 0;
}

uint64_t tls_received(const struct tls *t)
{
	return t->received;
}

uint64_t tls_sent(const struct tls *t)
{
	return t->sent;
}

/* -------------------------------------------------------------- plain text */

char *tls_tx(struct tls *t, size_t *room)
{
	*room = 0;
	if ((t->state != TLS_OPEN && t->state != TLS_CUT) || t->socket_error != 0)
		return NULL;
	return (char *)br_ssl_engine_sendapp_buf(t->eng, room);
}

void tls_tx_done(struct tls *t, size_t n)
{
	br_ssl_engine_sendapp_ack(t->eng, n);
	t->unflushed = true;
}

void tls_close(struct tls *t)
{
	br_ssl_engine_close(t->eng);
}

void tls_flush(struct tls *t)
{
	br_ssl_engine_flush(t->eng, 0);
	t->unflushed = false;
}

const char *tls_rx(struct tls *t, size_t *n)
{
	*n = 0;
	return (const char *)br_ssl_engine_recvapp_buf(t->eng, n);
}

void tls_rx_done(struct tls *t, size_t n)
{
	br_ssl_engine_recvapp_ack(t->eng, n);
}

bool tls_tx_idle(const struct tls *t)
{
	return !t->unflushed && (engine(t) & BR_SSL_SENDREC) == 0;
}

bool tls_opened(const struct tls *t)
{
	return t->opened;
}

bool tls_broken(const struct tls *t)
{
	return t->socket_error != 0;
}

/* ------------------------------------------------------------- for people */

const char *tls_suite(const struct tls *t)
{
	unsigned i = 0;

	while (i < SUITES && with_aes[i] != t->eng->session.cipher_suite)
		i++;
	return q_text(suite_names, i);
}

/* a server without session ids (RFC 5246 7.4.1.3: it sends an empty one) gives nothing to resume */
void tls_session_get(const struct tls *t, struct tls_session *out)
{
	br_ssl_session_parameters p;

	memset(out, 0, sizeof *out);
	br_ssl_engine_get_session_parameters(t->eng, &p);
	out->set = t->state == TLS_OPEN && p.session_id_len > 0;
	if (out->set)
		memcpy(out->bytes, &p, sizeof p);
	tls_wipe(&p, sizeof p);
}

bool tls_resumed(const struct tls *t)
{
	const br_ssl_session_parameters *s = &t->eng->session, *offered = &client(t)->offered;

	return t->opened && offered->session_id_len > 0 && s->session_id_len == offered->session_id_len
		&& memcmp(s->session_id, offered->session_id, s->session_id_len) == 0;
}

/* the ends that another attempt meets again, and what is said of them behind the words "the server" */
#define REASONS(ROW) \
	ROW(BR_ERR_UNSUPPORTED_VERSION, " speaks no TLS newer than 1.1, and 1.2 is needed") \
	ROW(BR_ERR_BAD_VERSION, " speaks no TLS newer than 1.1, and 1.2 is needed") \
	ROW(BR_ERR_TOO_LARGE, " sends records that are larger than TLS allows") \
	ROW(BR_ERR_INVALID_ALGORITHM, " insists on a curve, hash or signature that is not accepted") \
	ROW(BR_ERR_BAD_CIPHER_SUITE, " insists on a cipher suite that was not offered") \
	ROW(BR_ERR_X509_UNSUPPORTED, "'s certificate has a key or signature of a kind that is not accepted (SHA-1 is not)") \
	ROW(BR_ERR_X509_LIMIT_EXCEEDED, "'s certificate has a key longer than 4096 bits") \
	ROW(BR_ERR_X509_BAD_SIGNATURE, "'s certificate chain has a wrong signature") \
	ROW(BR_ERR_X509_DN_MISMATCH, "'s certificates do not form a chain in the order sent") \
	ROW(BR_ERR_X509_BAD_SERVER_NAME, "'s certificate is for another name") \
	ROW(BR_ERR_X509_CRITICAL_EXTENSION, "'s certificate chain has a critical extension that cannot be checked here") \
	ROW(BR_ERR_X509_NOT_CA, "'s certificate is signed by one that may not sign others") \
	ROW(BR_ERR_X509_FORBIDDEN_KEY_USAGE, "'s certificate may not be used for this") \
	ROW(BR_ERR_X509_WEAK_PUBLIC_KEY, "'s certificate chain has a weak key (RSA below 2048 bits)") \
	ROW(BR_ERR_RECV_FATAL_ALERT + BR_ALERT_PROTOCOL_VERSION, \
		" requires TLS 1.3, and TLS 1.2 is the newest spoken here: " \
		"put a local TLS forwarder before it and use its http://127.0.0.1 address") \
	ROW(BR_ERR_RECV_FATAL_ALERT + BR_ALERT_HANDSHAKE_FAILURE, \
		" shares no TLS version, cipher suite or certificate kind with this side " \
		"(TLS 1.2, ECDHE with AES-GCM or ChaCha20, RSA or ECDSA)") \
	ROW(BR_ERR_RECV_FATAL_ALERT + BR_ALERT_INSUFFICIENT_SECURITY, " demands stronger cipher suites") \
	ROW(BR_ERR_RECV_FATAL_ALERT + UNRECOGNIZED_NAME, " does not know this name")
#define ROW_ERROR(error, text) error,
#define ROW_TEXT(error, text) text "\0"
static const short reason_errors[] = { REASONS(ROW_ERROR) };
static const char reasons[] = REASONS(ROW_TEXT);

/* whether what came first is no TLS record: handshake or alert, version 3.x (RFC 5246 6.2.1) */
bool tls_alien(const struct tls *t)
{
	return t->received >= sizeof t->first && t->state == TLS_FAILED
		&& (t->first[1] != 3 || (t->first[0] != 22 && t->first[0] != 21));
}

static const char *reason(const struct tls *t, int error)
{
	if (tls_alien(t))
		return " does not speak TLS on this port";
	for (unsigned i = 0; i < sizeof reason_errors / sizeof reason_errors[0]; i++)
		if (reason_errors[i] == error)
			return q_text(reasons, i);
	return NULL;
}

static void why_expired(const struct tls *t, char *dst, size_t room)
{
	char now[32];

	log_time(now, sizeof now, client(t)->now);
	fmt(dst, room, client(t)->now < BUILT
		? "the system clock says %s: set it, the server's certificate is not valid at the date of this program either (TLS error %d)"
		: "the server's certificate has expired or is not yet valid, or the system clock is wrong (now %s; TLS error %d)",
		now, BR_ERR_X509_EXPIRED);
}

static void why_socket(const struct tls *t, char *dst, size_t room)
{
	const char *during = t->opened ? "" : " during the TLS handshake";

	if (t->socket_error != 0)
		fmt(dst, room, "the connection broke%s: %s", during, errno_text(t->socket_error));
	else
		fmt(dst, room, "the server closed the connection%s", t->opened ? " without close_notify" : during);
}

void tls_why(const struct tls *t, char *dst, size_t room)
{
	int error = br_ssl_engine_last_error(t->eng);
	const char *text = reason(t, error);

	if (!ended(t) || t->state == TLS_CLOSED)
		fmt(dst, room, "%s", "");
	else if (error == BR_ERR_OK)
		why_socket(t, dst, room);
	else if (text != NULL)
		fmt(dst, room, "the server%s (TLS error %d)", text, error);
	else if (error == BR_ERR_X509_EXPIRED)
		why_expired(t, dst, room);
	else if (error == BR_ERR_X509_NOT_TRUSTED)
		fmt(dst, room, "the server's certificate is signed by nobody in %s (%zu roots), or an intermediate certificate is missing (TLS error %d)",
			client(t)->trust->bundle, client(t)->trust->count, error);
	else if (error >= BR_ERR_RECV_FATAL_ALERT && error < BR_ERR_SEND_FATAL_ALERT)
		fmt(dst, room, "the server refuses with TLS alert %d (TLS error %d)", error - BR_ERR_RECV_FATAL_ALERT, error);
	else
		fmt(dst, room, "TLS failed (TLS error %d)", error);
}

bool tls_permanent(const struct tls *t)
{
	int error = br_ssl_engine_last_error(t->eng);

	return t->state == TLS_FAILED && error != BR_ERR_OK
		&& (reason(t, error) != NULL || (error > BR_ERR_X509_OK && error <= BR_ERR_X509_NOT_TRUSTED));
}
