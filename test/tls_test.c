/* tls.c and trust.c: the bundle reader, the certificate checks, the pump. */
#include "tls.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>

#include "check.h"
#include "tls_peer.h"

/* the program's own clock and randomness, so that both can be wrong */
static time_t clock_shift;
static int random_error;

time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	time_t now = clock_shift == 1 ? 3600 : ts.tv_sec + clock_shift;
	if (out != NULL)
		*out = now;
	return now;
}

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	if (random_error != 0) {
		errno = random_error;
		return -1;
	}
	int fd = open("/dev/urandom", O_RDONLY);
	ssize_t k = read(fd, p, n);
	close(fd);
	return flags == GRND_NONBLOCK ? k : -1;
}

#define DAY 86400

/* -------------------------------------------------------------- the bundle */

static const char *write_file(const struct files *f, const char *text, size_t n)
{
	const char *path = file(f, "made.pem");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	close(fd);
	return path;
}

/* "count/skipped" of a bundle with that text, or the error */
static const char *loaded(const struct files *f, const char *text, size_t n)
{
	static char result[512];
	char err[512] = "";
	int skipped = -1;
	struct tls_trust *t = tls_trust_load(write_file(f, text, n), NULL, err, sizeof err);

	if (t == NULL)
		return strcpy(result, err);
	int count = tls_trust_count(t, &skipped);
	snprintf(result, sizeof result, "%d/%d", count, skipped);
	tls_trust_free(t);
	return result;
}

static void bundle_variants(const struct files *f)
{
	static char pem[8192], text[32768];
	size_t n = file_read(file(f, "ca.pem"), pem, sizeof pem - 1);

	pem[n] = '\0';
	CHECK("two roots", strcmp(loaded(f, pem, n), "2/0") == 0);
	CHECK("no newline at the end", strcmp(loaded(f, pem, n - 1), "2/0") == 0);

	size_t k = (size_t)sprintf(text, "\xef\xbb\xbf%s", pem);
	CHECK("F72 byte order mark", strcmp(loaded(f, text, k), "2/0") == 0);

	k = 0;
	for (size_t i = 0; i < n; i++) {
		if (pem[i] == '\n')
			text[k++] = '\r';
		text[k++] = pem[i];
	}
	CHECK("F72 CRLF", strcmp(loaded(f, text, k), "2/0") == 0);

	k = (size_t)sprintf(text, "# words\nsubject=/CN=x\n-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n%s", pem);
	CHECK("words and other blocks are no certificates", strcmp(loaded(f, text, k), "2/0") == 0);

	k = (size_t)sprintf(text, "-----BEGIN CERTIFICATE-----\nMIIB!!!!\n-----END CERTIFICATE-----\n%s", pem);
	CHECK("F72 a block that is not base64 is skipped", strcmp(loaded(f, text, k), "2/1") == 0);

	k = (size_t)sprintf(text, "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n%s", pem);
	CHECK("F72 a block that is no certificate is skipped", strcmp(loaded(f, text, k), "2/1") == 0);

	size_t first = (size_t)(strstr(pem, "\n-----END") - pem);
	k = (size_t)sprintf(text, "%.*s=%s", (int)first, pem, pem + first);
	CHECK("a block with too much padding is skipped", strcmp(loaded(f, text, k), "1/1") == 0);

	k = (size_t)sprintf(text, "-----BEGIN CERTIFICATE-----\nMIIB\n%s-----BEGIN CERTIFICATE-----\nMIIB\n", pem);
	CHECK("blocks without an end are skipped", strcmp(loaded(f, text, k), "2/2") == 0);

	memset(text, 'A', 20000);
	memcpy(text, "-----BEGIN CERTIFICATE-----\n", 28);
	k = 20000 + (size_t)sprintf(text + 20000, "\n-----END CERTIFICATE-----\n%s", pem);
	CHECK("a block over the limit is skipped", strcmp(loaded(f, text, k), "2/1") == 0);

	CHECK("F72 an empty bundle is refused", strstr(loaded(f, "", 0), "has no certificate") != NULL);
	CHECK("only bad certificates: refused with their number",
		strstr(loaded(f, "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n", 63), "1 skipped") != NULL);
	n = file_read(file(f, "ca.der"), pem, sizeof pem);
	CHECK("F72 DER is refused, PEM asked for", strstr(loaded(f, pem, n), "PEM is needed") != NULL);
}

/* one damaged byte anywhere costs at most the certificate it stands in */
static void bundle_damage(const struct files *f)
{
	static char pem[8192];
	size_t n = file_read(file(f, "ca.pem"), pem, sizeof pem);
	int bad = 0;

	for (size_t i = 0; i < n; i += 37) {
		char was = pem[i];
		pem[i] = '*';
		const char *result = loaded(f, pem, n);
		bad += result[0] != '1' && result[0] != '2';
		pem[i] = was;
	}
	CHECK("a damaged byte costs one certificate at most", bad == 0);
}

static void bundle_files(const struct files *f)
{
	char err[512] = "";
	struct tls_trust *t = tls_trust_load(file(f, "ca-ec.pem"), file(f, "ca-rsa.pem"), err, sizeof err);

	CHECK("bundle and extra file add up", t != NULL && tls_trust_count(t, NULL) == 2);
	tls_trust_free(t);
	CHECK("F72 a missing bundle is named", tls_trust_load("/nonexistent.pem", NULL, err, sizeof err) == NULL
		&& strstr(err, "/nonexistent.pem") != NULL && strstr(err, "No such file") != NULL);
	CHECK("a missing extra file is named",
		tls_trust_load(file(f, "ca.pem"), "/nonexistent.pem", err, sizeof err) == NULL
		&& strstr(err, "/nonexistent.pem") != NULL);
	CHECK("a directory is no bundle", tls_trust_load("/", NULL, err, sizeof err) == NULL);
	CHECK("a file without an end is no bundle", tls_trust_load("/dev/zero", NULL, err, sizeof err) == NULL);
	err[0] = '\0';
	CHECK("an empty extra file is refused",
		tls_trust_load(file(f, "ca.pem"), "/dev/null", err, sizeof err) == NULL && strstr(err, "/dev/null has no") != NULL);
}

/* ------------------------------------------------------------ certificates */

static int dial_port(int port)
{
	struct sockaddr_in sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&sa, 0, sizeof sa);
	sa.sin_family = AF_INET;
	sa.sin_port = htons((uint16_t)port);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* steps until it is open, ended, or two seconds are over */
static enum tls_state handshake(struct tls *t, int fd)
{
	int64_t until = clock_ms() + 2000;
	enum tls_state state = TLS_HANDSHAKE;
	bool again;

	while (clock_ms() < until && (state = tls_step(t, fd, &again)) == TLS_HANDSHAKE) {
		struct pollfd p = { .fd = fd };
		p.events = (short)((tls_want_read(t) ? POLLIN : 0) | (tls_want_write(t) ? POLLOUT : 0));
		poll(&p, 1, again ? 0 : 200);
	}
	return state;
}

struct matrix {
	const char *what, *certificate, *host;
	const char *option[6];
	time_t shift;		/* of the clock; 1: it is 1970 */
	const char *want;	/* part of the error; NULL: it opens */
};

static const struct matrix matrix[] = {
	{ "F58 P-256", "good", "localhost", { NULL }, 0, NULL },
	{ "F58 RSA-2048", "rsa", "localhost", { NULL }, 0, NULL },
	{ "F58 an intermediate", "chain", "localhost", { NULL }, 0, NULL },
	{ "F58 a wildcard", "good", "a.wild.test", { NULL }, 0, NULL },
	{ "upper case", "good", "LOCALHOST", { NULL }, 0, NULL },
	{ "AES-256", "good", "localhost", { "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384" }, 0, NULL },
	{ "ChaCha20", "rsa", "localhost", { "-cipher", "ECDHE-RSA-CHACHA20-POLY1305" }, 0, NULL },
	{ "X25519", "good", "localhost", { "-groups", "X25519" }, 0, NULL },
	{ "ALPN http/1.1", "good", "localhost", { "-alpn", "http/1.1" }, 0, NULL },
	{ "F58 wildcard, two labels", "good", "a.b.wild.test", { NULL }, 0, "is for another name (TLS error 56)" },
	{ "F58 wrong name", "wrong", "localhost", { NULL }, 0, "is for another name (TLS error 56)" },
	{ "F57 expired", "good", "localhost", { NULL }, 31 * DAY, "has expired or is not yet valid" },
	{ "F57 not yet valid", "good", "localhost", { NULL }, -2 * DAY, "has expired or is not yet valid" },
	{ "F59 clock in 1970, valid when the program was made", "old", "localhost", { NULL }, 1, NULL },
	{ "F59 clock in 1970", "good", "localhost", { NULL }, 1, "the system clock says 1970-01-01T01:00:00Z" },
	{ "F58 unknown root", "unknown", "localhost", { NULL }, 0, "signed by nobody in" },
	{ "F58 missing intermediate", "broken", "localhost", { NULL }, 0, "(2 roots)" },
	{ "F58 disorder", "disorder", "localhost", { NULL }, 0, "in the order sent (TLS error 55)" },
	{ "F58 SHA-1", "sha1", "localhost", { "-cipher", "ALL@SECLEVEL=0" }, 0, "SHA-1 is not) (TLS error 49)" },
	{ "F58 RSA-1024", "short", "localhost", { "-cipher", "ALL@SECLEVEL=0" }, 0, "a weak key (RSA below 2048 bits) (TLS error 60)" },
	{ "F58 critical extension", "critical", "localhost", { NULL }, 0, "critical extension that cannot be checked" },
	{ "F58 Ed25519", "ed25519", "localhost", { NULL }, 0, "shares no TLS version, cipher suite" },
	{ "F60 TLS 1.3 only", "good", "localhost", { "-tls1_3" }, 0, "requires TLS 1.3" },
	{ "F61 TLS 1.1 only", "rsa", "localhost", { "-tls1_1", "-cipher", "ALL@SECLEVEL=0" }, 0, "shares no TLS version, cipher suite" },
	{ "CBC only", "rsa", "localhost", { "-cipher", "ECDHE-RSA-AES128-SHA256" }, 0, "shares no TLS version, cipher suite" },
	{ "static RSA only", "rsa", "localhost", { "-cipher", "AES128-GCM-SHA256" }, 0, "shares no TLS version, cipher suite" },
};

/* with all.pem */
static const struct matrix further[] = {
	{ "F58 a chain of P-384", "p384", "localhost", { NULL }, 0, NULL },
	{ "F58 P-521", "p521", "localhost", { NULL }, 0, NULL },
	{ "F58 RSA-4096", "rsa4096", "localhost", { NULL }, 0, NULL },
	{ "F58 the root sent along", "rooted", "localhost", { NULL }, 0, NULL },
	{ "F58 certificates behind the root", "extra", "localhost", { NULL }, 0, NULL },
	{ "F58 critical name constraints", "named", "localhost", { NULL }, 0, "critical extension that cannot be checked" },
	{ "F58 other name constraints are not read", "hinted", "localhost", { NULL }, 0, NULL },
	{ "F58 a critical extended key usage", "usage", "localhost", { NULL }, 0, "critical extension that cannot be checked" },
	{ "F58 a wish for a stapled answer", "staple", "localhost", { NULL }, 0, NULL },
	{ "F58 an address for a name", "address", "127.0.0.1", { NULL }, 0, "is for another name (TLS error 56)" },
	{ "F58 no alternative name: the common one", "common", "localhost", { NULL }, 0, NULL },
	{ "F58 the common name is another one", "common", "other.test", { NULL }, 0, "is for another name (TLS error 56)" },
	{ "F58 a certificate that is trusted itself", "pinned", "localhost", { NULL }, 0, NULL },
	{ "F58 the same for another name", "pinned", "other.test", { NULL }, 0, "is for another name (TLS error 56)" },
	{ "F58 a root of 8192 bits", "long", "localhost", { NULL }, 0, "key longer than 4096 bits" },
	{ "F58 a dot behind the name", "good", "localhost.", { NULL }, 0, "is for another name (TLS error 56)" },
	{ "F58 the name without its label", "good", "wild.test", { NULL }, 0, "is for another name (TLS error 56)" },
	{ "F59 the clock set again", "good", "localhost", { NULL }, 0, NULL },
	{ "F57 since a day", "expired", "localhost", { NULL }, 0, "has expired or is not yet valid" },
};

static void certificate(const struct files *f, const struct tls_trust *trust, const struct matrix *m)
{
	char cert[32], key[32], more[32], why[512], what[128];
	const char *args[16] = { "-rev", "-cert", NULL, "-key", NULL };
	int n = 5;

	snprintf(cert, sizeof cert, "%s.pem", m->certificate);
	snprintf(key, sizeof key, "%s.key", m->certificate);
	snprintf(more, sizeof more, "%s.more", m->certificate);
	args[2] = file(f, cert);
	args[4] = file(f, key);
	if (access(file(f, more), R_OK) == 0) {
		args[n++] = "-cert_chain";
		args[n++] = file(f, more);
	}
	for (int i = 0; i < 6 && m->option[i] != NULL; i++)
		args[n++] = m->option[i];
	struct s_server s = s_server((char *const *)(void *)args);
	int fd = s.port > 0 ? dial_port(s.port) : -1;
	clock_shift = m->shift;
	struct tls *t = tls_new(trust, m->host, NULL);
	enum tls_state state = fd < 0 ? TLS_HANDSHAKE : handshake(t, fd);
	clock_shift = 0;
	tls_why(t, why, sizeof why);
	snprintf(what, sizeof what, "%s: %s", m->what, m->want == NULL ? "it opens" : "refused");
	if (m->want == NULL)
		CHECK(what, state == TLS_OPEN && !tls_permanent(t));
	else
		CHECK(what, state == TLS_FAILED && strstr(why, m->want) != NULL && tls_permanent(t));
	if (state != (m->want == NULL ? TLS_OPEN : TLS_FAILED) || (m->want != NULL && strstr(why, m->want) == NULL))
		printf("# state %d, port %d: %s\n", (int)state, s.port, why);
	tls_free(t);
	if (fd >= 0)
		close(fd);
	s_server_end(&s);
}

static void names(const struct tls_trust *trust)
{
	char host[300];

	memset(host, 'a', sizeof host);
	host[256] = '\0';
	CHECK("a name of 256 bytes is refused", tls_new(trust, host, NULL) == NULL);
	CHECK("no name is refused", tls_new(trust, "", NULL) == NULL);
	random_error = EAGAIN;
	CHECK("F71 no handshake without randomness", tls_new(trust, "localhost", NULL) == NULL);
	random_error = ENOSYS;
	struct tls *t = tls_new(trust, "localhost", NULL);
	CHECK("F71 an old kernel has /dev/urandom", t != NULL);
	tls_free(t);
	random_error = 0;
}

/* what the error is for a server that says only this */
static const char *greeted(const struct tls_trust *trust, const char *greeting, size_t n)
{
	static char why[512];
	int fd[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	struct tls *t = tls_new(trust, "localhost", NULL);
	(void)!write(fd[1], greeting, n);
	enum tls_state state = handshake(t, fd[0]);
	tls_why(t, why, sizeof why);
	if (state != TLS_FAILED || !tls_permanent(t))
		strcpy(why, "no failure, or not a permanent one");
	tls_free(t);
	close(fd[0]);
	close(fd[1]);
	return why;
}

/* told by the first bytes */
static void greetings(const struct tls_trust *trust)
{
	static const char *const alien[] = {
		"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n", "220 mail ESMTP\r\n",
	};
	/* RFC 5246 7.4.1.3, with the version of RFC 4346 */
	static const char old[] = "\x16\x03\x02\0\x2a\x02\0\0\x26\x03\x02" "0123456789abcdef0123456789abcdef" "\0\xc0\x2f";
	static const char alert[] = "\x15\x03\x03\0\x02\x02\x70";

	for (size_t i = 0; i < sizeof alien / sizeof alien[0]; i++)
		CHECK("a server without TLS",
			strstr(greeted(trust, alien[i], strlen(alien[i])), "does not speak TLS on this port") != NULL);
	CHECK("F61 a server with TLS 1.1", strstr(greeted(trust, old, sizeof old), "no TLS newer than 1.1") != NULL);
	CHECK("a server that does not know the name",
		strstr(greeted(trust, alert, sizeof alert - 1), "does not know this name (TLS error 368)") != NULL);
}

/* -------------------------------------------------- the pump, by hand */

/* client - a wire of two socket pairs, so that bytes can be counted, split and spoilt - server */
struct wire {
	struct tls *t;
	struct peer *p;
	int client, left, right;
	size_t piece;		/* bytes that move at a time */
	bool spoil;		/* the next byte to the client */
	enum tls_state state;
};

static void wire_open(struct wire *w, const struct tls_trust *trust, struct peer_keys *k, size_t piece,
	const struct tls_session *session)
{
	int a[2], b[2];
	static struct peer peer;

	memset(w, 0, sizeof *w);
	socketpair(AF_UNIX, SOCK_STREAM, 0, a);
	socketpair(AF_UNIX, SOCK_STREAM, 0, b);
	w->client = a[0];
	w->left = a[1];
	w->right = b[0];
	fcntl(a[0], F_SETFL, O_NONBLOCK);
	fcntl(a[1], F_SETFL, O_NONBLOCK);
	fcntl(b[0], F_SETFL, O_NONBLOCK);
	w->p = &peer;
	w->piece = piece;
	peer_start(w->p, k, b[1], true);
	w->t = tls_new(trust, "localhost", session);
}

static void wire_close(struct wire *w)
{
	tls_free(w->t);
	close(w->client);
	close(w->left);
	close(w->right);
	close(w->p->fd);
}

static bool carry(struct wire *w, int from, int to, bool to_client)
{
	char chunk[16384];
	ssize_t n = recv(from, chunk, w->piece, MSG_PEEK);

	if (n <= 0)
		return false;
	if (to_client && w->spoil) {
		chunk[n - 1] ^= 1;
		w->spoil = false;
	}
	n = send(to, chunk, (size_t)n, MSG_NOSIGNAL);
	if (n > 0)
		n = recv(from, chunk, (size_t)n, 0);
	return n > 0;
}

/* one round of everybody; false: nothing moved */
static bool wire_step(struct wire *w)
{
	bool again;
	uint64_t before = tls_received(w->t) + tls_sent(w->t);

	w->state = tls_step(w->t, w->client, &again);
	bool moved = tls_received(w->t) + tls_sent(w->t) > before;
	moved |= carry(w, w->left, w->right, false);
	moved |= peer_step(w->p);
	moved |= carry(w, w->right, w->left, true);
	return moved;
}

static bool wire_shake(struct wire *w)
{
	for (int i = 0; i < 20000 && (w->state == TLS_HANDSHAKE || wire_step(w)); i++)
		wire_step(w);
	return w->state == TLS_OPEN;
}

/* what the client could read of n bytes the server puts, all of the same letter; the longest record goes to longest */
static size_t receive(struct wire *w, size_t n, size_t *longest)
{
	static char letters[16384];
	size_t put = 0, got = 0;

	*longest = 0;
	memset(letters, 'x', sizeof letters);
	for (int idle = 0; idle < 3 && got < n;) {
		size_t want = n - put < sizeof letters ? n - put : sizeof letters, k;
		put += peer_put(w->p, letters, want);
		idle = wire_step(w) ? 0 : idle + 1;
		const char *p = tls_rx(w->t, &k);
		if (p == NULL)
			continue;
		idle = 0;
		got += k;
		*longest = k > *longest ? k : *longest;
		if (memchr(p, 'x', k) != p)
			return 0;
		tls_rx_done(w->t, k);
	}
	return got;
}

static void talk(const struct tls_trust *trust, struct peer_keys *k, size_t piece)
{
	struct wire w;
	char got[64];
	size_t n, room, total = 0;

	wire_open(&w, trust, k, piece, NULL);
	CHECK("nothing can be put before the handshake", tls_tx(w.t, &room) == NULL && room == 0);
	CHECK("handshake", wire_shake(&w));
	const char *alpn = br_ssl_engine_get_selected_protocol(&w.p->sc.eng);
	CHECK("HTTP/1.1 by ALPN", alpn != NULL && strcmp(alpn, "http/1.1") == 0);
	CHECK("a suite that was offered", strstr(tls_suite(w.t), "ECDHE-ECDSA-") != NULL);
	char *p = tls_tx(w.t, &room);
	CHECK("room for 4 KB at most", p != NULL && room <= 4096 && room >= 5);
	if (p == NULL)
		return;
	memcpy(p, "hello", 5);
	tls_tx_done(w.t, 5);
	CHECK("not idle before the flush", !tls_tx_idle(w.t));
	for (int i = 0; i < 10; i++)
		wire_step(&w);
	CHECK("nothing leaves before the flush", peer_get(w.p, got, sizeof got) == 0);
	tls_flush(w.t);
	for (int i = 0; i < 200 && total < 5; i++) {
		wire_step(&w);
		while ((n = peer_get(w.p, got + total, sizeof got - total)) > 0)
			total += n;
	}
	CHECK("the server has it", total == 5 && memcmp(got, "hello", 5) == 0);
	CHECK("idle when all has left", tls_tx_idle(w.t));
	CHECK("the answer comes, in the records that were asked for", receive(&w, 40000, &n) == 40000 && n == 4096);
	w.p->sc.eng.max_frag_len = 16384;
	CHECK("F68 a server may send the longest ones all the same", receive(&w, 40000, &n) == 40000 && n == 16384);
	CHECK("want nothing but to read", tls_want_read(w.t) && !tls_want_write(w.t));
	br_ssl_engine_close(&w.p->sc.eng);
	for (int i = 0; i < 200 && w.state == TLS_OPEN; i++)
		wire_step(&w);
	CHECK("close_notify is a clean end", w.state == TLS_CLOSED);
	wire_close(&w);
}

static void ends(const struct tls_trust *trust, struct peer_keys *k)
{
	struct wire w;
	char why[256];
	size_t n;

	wire_open(&w, trust, k, 16384, NULL);
	wire_shake(&w);
	peer_put(w.p, "rest", 4);
	br_ssl_engine_close(&w.p->sc.eng);
	for (int i = 0; i < 20; i++)
		wire_step(&w);
	const char *p = tls_rx(w.t, &n);
	CHECK("bytes before close_notify come first", w.state == TLS_OPEN && p != NULL && n == 4);
	CHECK("no reading while they wait", !tls_want_read(w.t));
	tls_rx_done(w.t, 4);
	wire_step(&w);
	CHECK("then the clean end", w.state == TLS_CLOSED);
	wire_close(&w);

	wire_open(&w, trust, k, 16384, NULL);
	wire_shake(&w);
	shutdown(w.left, SHUT_RDWR);
	wire_step(&w);
	tls_why(w.t, why, sizeof why);
	CHECK("end of file alone is a cut", w.state == TLS_CUT && strstr(why, "without close_notify") != NULL);
	CHECK("a cut is not permanent", !tls_permanent(w.t) && !tls_want_read(w.t) && !tls_want_write(w.t));
	wire_close(&w);

	wire_open(&w, trust, k, 16384, NULL);
	wire_step(&w);
	shutdown(w.left, SHUT_RDWR);
	wire_step(&w);
	tls_why(w.t, why, sizeof why);
	CHECK("an end in the handshake is a failure", w.state == TLS_FAILED
		&& strstr(why, "during the TLS handshake") != NULL && !tls_permanent(w.t));
	wire_close(&w);

	wire_open(&w, trust, k, 16384, NULL);
	wire_shake(&w);
	w.spoil = true;
	peer_put(w.p, "spoilt", 6);
	for (int i = 0; i < 20; i++)
		wire_step(&w);
	tls_why(w.t, why, sizeof why);
	CHECK("F67 a spoilt record is a failure, its bytes are not seen", w.state == TLS_FAILED
		&& tls_rx(w.t, &n) == NULL && strstr(why, "TLS error 7") != NULL);
	wire_close(&w);
}

/* puts until nothing moves, since the server reads no more; returns how much */
static size_t jam(struct wire *w)
{
	size_t room, put = 0;

	w->p->deaf = true;
	for (int idle = 0; idle < 3;) {
		char *p = tls_tx(w->t, &room);
		if (p != NULL) {
			memset(p, 'b', room);
			tls_tx_done(w->t, room);
			put += room;
		}
		idle = wire_step(w) ? 0 : idle + 1;
	}
	return put;
}

/* a server that reads no more, but has answered */
static void early(const struct tls_trust *trust, struct peer_keys *k)
{
	struct wire w;
	size_t room, n = 0;

	wire_open(&w, trust, k, 16384, NULL);
	wire_shake(&w);
	size_t put = jam(&w);
	CHECK("sending is stuck", put > 8192 && tls_want_write(w.t) && tls_tx(w.t, &room) == NULL);
	peer_put(w.p, "401", 3);
	for (int i = 0; i < 5; i++)
		wire_step(&w);
	CHECK("and the early answer is heard", tls_rx(w.t, &n) != NULL && n == 3);
	tls_rx_done(w.t, 3);
	close(w.left);
	w.left = -1;
	wire_step(&w);
	CHECK("a reset while sending is no clean end", w.state == TLS_FAILED);
	wire_close(&w);

	wire_open(&w, trust, k, 16384, NULL);
	wire_shake(&w);
	jam(&w);
	br_ssl_engine_close(&w.p->sc.eng);
	for (int i = 0; i < 5; i++)
		wire_step(&w);
	CHECK("close_notify is an end though sending is stuck", w.state == TLS_CLOSED);
	wire_close(&w);
}

static void both_ways(const struct tls_trust *trust, struct peer_keys *k)
{
	enum { TOTAL = 1 << 21 };
	static char letters[16384];
	char sink[16384];
	struct wire w;
	size_t up = 0, down = 0, heard = 0, got = 0, n;

	memset(letters, 'y', sizeof letters);
	wire_open(&w, trust, k, 16384, NULL);
	wire_shake(&w);
	for (int idle = 0; idle < 3 && (heard < TOTAL || got < TOTAL);) {
		size_t room;
		char *p = tls_tx(w.t, &room);
		if (p != NULL && up < TOTAL) {
			n = TOTAL - up < room ? TOTAL - up : room;
			memset(p, 'z', n);
			tls_tx_done(w.t, n);
			up += n;
			if (up == TOTAL)
				tls_flush(w.t);
		}
		down += peer_put(w.p, letters, TOTAL - down < sizeof letters ? TOTAL - down : sizeof letters);
		bool moved = wire_step(&w);
		heard += n = peer_get(w.p, sink, sizeof sink);
		moved |= n > 0;
		if (tls_rx(w.t, &n) != NULL) {
			got += n;
			tls_rx_done(w.t, n);
			moved = true;
		}
		idle = moved ? 0 : idle + 1;
	}
	CHECK("2 MB each way at the same time", heard == TOTAL && got == TOTAL);
	wire_close(&w);
}

static void small_records(const struct tls_trust *trust, struct peer_keys *k)
{
	struct wire w;
	size_t got = 0, n;

	wire_open(&w, trust, k, 16384, NULL);
	wire_shake(&w);
	for (int i = 0; i < 40000 && got < 5000; i++) {
		peer_put(w.p, "x", 1);
		wire_step(&w);
		if (tls_rx(w.t, &n) != NULL) {
			got += n;
			tls_rx_done(w.t, n);
		}
	}
	CHECK("F69 records of one byte", got >= 5000 && w.state == TLS_OPEN);
	wire_close(&w);
}

static void renegotiation(const struct tls_trust *trust, struct peer_keys *k)
{
	struct wire w;

	wire_open(&w, trust, k, 16384, NULL);
	wire_shake(&w);
	br_ssl_engine_renegotiate(&w.p->sc.eng);
	for (int i = 0; i < 20; i++)
		wire_step(&w);
	/* RFC 5246 7.2.2: the alert no_renegotiation; this server gives up with it */
	CHECK("F66 a server's wish to begin again is refused", w.state == TLS_OPEN
		&& br_ssl_engine_last_error(&w.p->sc.eng) == BR_ERR_RECV_FATAL_ALERT + BR_ALERT_NO_RENEGOTIATION);
	wire_close(&w);
}

static void resumption(const struct tls_trust *trust, struct peer_keys *k)
{
	struct tls_session s, other;
	struct wire w;
	size_t n;

	wire_open(&w, trust, k, 16384, NULL);
	tls_session_get(w.t, &s);
	CHECK("no session before the handshake", !s.set);
	wire_shake(&w);
	tls_session_get(w.t, &s);
	CHECK("a session after it, not a resumed one", s.set && !tls_resumed(w.t));
	wire_close(&w);

	wire_open(&w, trust, k, 16384, &s);
	CHECK("resumed", wire_shake(&w) && tls_resumed(w.t));
	CHECK("and it works", receive(&w, 1000, &n) == 1000);
	wire_close(&w);

	other = s;
	other.bytes[0] ^= 1;
	wire_open(&w, trust, k, 16384, &other);
	CHECK("F70 declined: a full handshake", wire_shake(&w) && !tls_resumed(w.t));
	wire_close(&w);

	other = s;
	other.bytes[60] ^= 1;
	wire_open(&w, trust, k, 16384, &other);
	CHECK("a wrong secret fails", !wire_shake(&w) && w.state == TLS_FAILED);
	wire_close(&w);
}

int main(int argc, char **argv)
{
	static struct files f;
	static struct peer_keys keys;
	char err[512];

	(void)argc;
	if (!files_make(&f, argv[0], true)) {
		CHECK("mkca makes the certificates (it needs openssl)", false);
		return CHECK_END();
	}
	bundle_variants(&f);
	bundle_damage(&f);
	bundle_files(&f);
	struct tls_trust *trust = tls_trust_load(file(&f, "ca.pem"), NULL, err, sizeof err);
	if (trust == NULL) {
		CHECK("the roots load", false);
		return CHECK_END();
	}
	for (size_t i = 0; i < sizeof matrix / sizeof matrix[0]; i++)
		certificate(&f, trust, &matrix[i]);
	struct tls_trust *all = tls_trust_load(file(&f, "all.pem"), NULL, err, sizeof err);
	CHECK("F72 all roots load, or are left out", all != NULL);
	for (size_t i = 0; all != NULL && i < sizeof further / sizeof further[0]; i++)
		certificate(&f, all, &further[i]);
	tls_trust_free(all);
	names(trust);
	greetings(trust);
	peer_keys(&keys, &f);
	talk(trust, &keys, 16384);
	talk(trust, &keys, 1);
	ends(trust, &keys);
	early(trust, &keys);
	both_ways(trust, &keys);
	small_records(trust, &keys);
	renegotiation(trust, &keys);
	resumption(trust, &keys);
	tls_trust_free(trust);
	files_free(&f);
	return CHECK_END();
}
