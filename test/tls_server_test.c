/*
 * tls_server.h against tls.h's own client, over a wire on which every byte is
 * counted and moved in pieces: handshakes of each kind of key, what comes in
 * place of one, and the ends from either side. Other clients are tlsdown.t's.
 */
#include "../tls.h"
#include "../tls_server.h"

#include "check.h"
#include "tls_peer.h"

/* client - two socket pairs, the bytes between them carried by hand - server */
struct wire {
	struct tls *end[2];	/* client, server; NULL: what the test sends stands in its place */
	int fd[2], middle[2];
	size_t piece;
	bool spoil;		/* the next byte to the server */
	enum tls_state state[2];
};

static void wire_open(struct wire *w, struct tls *client, struct tls *server, size_t piece)
{
	memset(w, 0, sizeof *w);
	for (int i = 0; i < 2; i++) {
		int sv[2];
		socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
		w->fd[i] = sv[0];
		w->middle[i] = sv[1];
		fcntl(sv[0], F_SETFL, O_NONBLOCK);
		fcntl(sv[1], F_SETFL, O_NONBLOCK);
	}
	w->end[0] = client;
	w->end[1] = server;
	w->piece = piece;
}

static void wire_close(struct wire *w)
{
	for (int i = 0; i < 2; i++) {
		tls_free(w->end[i]);
		close(w->fd[i]);
		close(w->middle[i]);
	}
}

static bool carry(struct wire *w, int from)
{
	char chunk[16384];
	ssize_t n = recv(w->middle[from], chunk, w->piece, 0);

	if (n <= 0)
		return false;
	if (from == 0 && w->spoil) {
		chunk[n - 1] ^= 1;
		w->spoil = false;
	}
	return send(w->middle[!from], chunk, (size_t)n, MSG_NOSIGNAL) == n;
}

/* until nothing moves any more; bounded */
static void settle(struct wire *w)
{
	bool moved = true, again;

	for (int round = 0; moved && round < 100000; round++) {
		moved = false;
		for (int i = 0; i < 2; i++) {
			if (w->end[i] == NULL)
				continue;
			uint64_t before = tls_received(w->end[i]) + tls_sent(w->end[i]);
			w->state[i] = tls_step(w->end[i], w->fd[i], &again);
			moved |= again || tls_received(w->end[i]) + tls_sent(w->end[i]) > before;
		}
		moved |= carry(w, 0);
		moved |= carry(w, 1);
	}
}

static bool put(struct wire *w, int from, const char *text)
{
	size_t room;
	char *p = tls_tx(w->end[from], &room);

	if (p == NULL || room < strlen(text))
		return false;
	memcpy(p, text, strlen(text));
	tls_tx_done(w->end[from], strlen(text));
	tls_flush(w->end[from]);
	return true;
}

/* whether that, and no more, has come there */
static bool got(struct wire *w, int at, const char *text)
{
	size_t n;
	const char *p = tls_rx(w->end[at], &n);
	bool same = p != NULL && n == strlen(text) && memcmp(p, text, n) == 0;

	if (p != NULL)
		tls_rx_done(w->end[at], n);
	return same;
}

static bool said(const struct wire *w, const char *text)
{
	char why[256];

	tls_accept_why(w->end[1], why, sizeof why);
	return strstr(why, text) != NULL;
}

static struct tls_identity *load(const struct files *f, const char *cert, const char *key)
{
	char why[512];
	bool of_key;

	return tls_identity_load(file(f, cert), file(f, key), &of_key, why, sizeof why);
}

/* ---- handshakes ---- */

static void shakes(const char *what, struct tls *client, const struct tls_identity *id, size_t piece)
{
	struct wire w;
	char text[128];
	size_t n;

	wire_open(&w, client, tls_accept(id), piece);
	settle(&w);
	snprintf(text, sizeof text, "%s, pieces of %zu: it opens", what, piece);
	CHECK(text, w.state[0] == TLS_OPEN && w.state[1] == TLS_OPEN && tls_opened(w.end[1]) && !tls_alien(w.end[1]));
	snprintf(text, sizeof text, "%s, pieces of %zu: there and back", what, piece);
	bool there = put(&w, 0, "a question");
	settle(&w);
	there = there && got(&w, 1, "a question") && put(&w, 1, "an answer");
	settle(&w);
	CHECK(text, there && got(&w, 0, "an answer"));
	CHECK("and nothing else", tls_rx(w.end[0], &n) == NULL && tls_rx(w.end[1], &n) == NULL && tls_tx_idle(w.end[1]));
	wire_close(&w);
}

static void handshakes(const struct files *f, const struct tls_trust *trust)
{
	static const char *const pair[][2] = {
		{ "good.pem", "good.key" }, { "rsa.pem", "rsa.key" }, { "whole.pem", "chain.key" },
	};

	for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
		struct tls_identity *id = load(f, pair[i][0], pair[i][1]);
		CHECK(pair[i][0], id != NULL);
		if (id == NULL)
			continue;
		shakes(pair[i][0], tls_new(trust, "localhost", NULL), id, 16384);
		shakes(pair[i][0], tls_to(id), id, 1);
		tls_identity_free(id);
	}
}

/* A client that wants another: its alert is told of in words. */
static void distrust(const struct files *f, const struct tls_trust *trust, const struct tls_identity *id)
{
	struct tls_identity *unknown = load(f, "unknown.pem", "unknown.key");
	struct wire w;

	wire_open(&w, tls_new(trust, "localhost", NULL), tls_accept(unknown), 16384);
	settle(&w);
	CHECK("a client that does not trust it", w.state[0] == TLS_FAILED && w.state[1] != TLS_OPEN);
	wire_close(&w);
	wire_open(&w, tls_to(id), tls_accept(unknown), 16384);
	settle(&w);
	CHECK("a client that knows another key", w.state[0] == TLS_FAILED && !tls_opened(w.end[0]) && tls_received(w.end[0]) > 0);
	wire_close(&w);
	tls_identity_free(unknown);
}

/* ---- what is no handshake ---- */

struct first {
	const char *what, *bytes;
	size_t n;
	enum tls_state state;
	bool alien;
	const char *why;
};
#define BYTES(text) text, sizeof text - 1
static const struct first firsts[] = {
	{ "plain HTTP", BYTES("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), TLS_FAILED, true, NULL },
	{ "a first byte alone", BYTES("P"), TLS_HANDSHAKE, false, NULL },
	{ "a hello of SSL 2", BYTES("\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10"), TLS_FAILED, true, NULL },
	{ "SSH", BYTES("SSH-2.0-OpenSSH_9.9\r\n"), TLS_FAILED, true, NULL },
	{ "zeros", BYTES("\0\0\0\0\0\0\0\0"), TLS_FAILED, true, NULL },
	{ "application data", BYTES("\x17\x03\x03\0\x05hello"), TLS_FAILED, true, NULL },
	{ "a record of another version", BYTES("\x16\x04\x00\0\x05hello"), TLS_FAILED, true, NULL },
	{ "the head of a hello", BYTES("\x16\x03\x01"), TLS_HANDSHAKE, false, NULL },
	{ "a hello that is none", BYTES("\x16\x03\x01\0\x05hello"), TLS_FAILED, false, "TLS 1.2 with ECDHE" },
	{ "a fatal alert", BYTES("\x15\x03\x01\0\x02\x02\x30"), TLS_FAILED, false, "does not trust the certificate" },
};

static void first_bytes(const struct tls_identity *id)
{
	for (size_t i = 0; i < 2 * (sizeof firsts / sizeof firsts[0]); i++) {
		const struct first *f = &firsts[i / 2];
		struct wire w;
		wire_open(&w, NULL, tls_accept(id), i % 2 == 0 ? 16384 : 1);
		send(w.fd[0], f->bytes, f->n, MSG_NOSIGNAL);
		settle(&w);
		CHECK(f->what, w.state[1] == f->state && tls_alien(w.end[1]) == f->alien && !tls_opened(w.end[1])
			&& (f->why == NULL || said(&w, f->why)));
		wire_close(&w);
	}
}

/* ---- ends ---- */

static bool opened(struct wire *w, const struct tls_identity *id)
{
	wire_open(w, tls_to(id), tls_accept(id), 16384);
	settle(w);
	return w->state[0] == TLS_OPEN && w->state[1] == TLS_OPEN;
}

static void ends(const struct tls_identity *id)
{
	struct wire w;
	size_t n;

	for (int from = 0; from < 2; from++) {
		bool good = opened(&w, id) && put(&w, from, "last");
		tls_close(w.end[from]);
		CHECK("nothing can be put behind close_notify", good && tls_tx(w.end[from], &n) == NULL);
		settle(&w);
		CHECK("what was put before it comes first", w.state[!from] == TLS_OPEN && got(&w, !from, "last"));
		settle(&w);
		CHECK(from == 0 ? "the client's close_notify: a clean end" : "the server's close_notify: a clean end",
			w.state[!from] == TLS_CLOSED && !tls_broken(w.end[!from]));
		wire_close(&w);
	}
	bool good = opened(&w, id);
	shutdown(w.middle[1], SHUT_WR);
	settle(&w);
	CHECK("an end without it: a cut", good && w.state[1] == TLS_CUT);
	wire_close(&w);

	good = opened(&w, id) && put(&w, 0, "half of it");
	w.state[0] = tls_step(w.end[0], w.fd[0], &(bool){ false });
	w.piece = 9;
	carry(&w, 0);
	shutdown(w.middle[1], SHUT_WR);
	bool again;
	w.state[1] = tls_step(w.end[1], w.fd[1], &again);
	CHECK("an end inside a record: a cut, and nothing of it is seen", good && w.state[1] == TLS_CUT && tls_rx(w.end[1], &n) == NULL);
	wire_close(&w);

	good = opened(&w, id) && put(&w, 0, "spoilt");
	w.spoil = true;
	settle(&w);
	CHECK("a spoilt record: a failure, and nothing of it is seen", good && w.state[1] == TLS_FAILED && tls_rx(w.end[1], &n) == NULL
		&& !tls_alien(w.end[1]));
	wire_close(&w);
}

/* The connection ends after each byte of the client's hello. */
static void cut_hello(const struct tls_identity *id)
{
	char hello[1024];
	struct wire w;
	bool again, all = true;

	wire_open(&w, tls_to(id), NULL, 1);
	tls_step(w.end[0], w.fd[0], &again);
	ssize_t n = recv(w.middle[0], hello, sizeof hello, 0);
	wire_close(&w);
	CHECK("a hello", n > 50);
	for (ssize_t cut = 0; cut <= n; cut++) {
		wire_open(&w, NULL, tls_accept(id), sizeof hello);
		send(w.middle[1], hello, (size_t)cut, MSG_NOSIGNAL);
		shutdown(w.middle[1], SHUT_WR);
		w.state[1] = TLS_HANDSHAKE;
		for (int i = 0; i < 20 && w.state[1] == TLS_HANDSHAKE; i++)
			w.state[1] = tls_step(w.end[1], w.fd[1], &again);
		all = all && w.state[1] == TLS_FAILED && !tls_alien(w.end[1]) && said(&w, "ended the connection in the TLS handshake");
		wire_close(&w);
	}
	CHECK("an end at any byte of a hello", all);
}

/* whole.pem: the chain with its key's certificate first */
static void join(const struct files *f)
{
	static char text[16384];
	size_t n = file_read(file(f, "chain.pem"), text, sizeof text);
	FILE *to = fopen(file(f, "whole.pem"), "w");

	n += file_read(file(f, "middle.pem"), text + n, sizeof text - n);
	if (to == NULL || fwrite(text, 1, n, to) != n)
		abort();
	fclose(to);
}

int main(int argc, char **argv)
{
	static struct files f;
	char err[512];

	(void)argc;
	signal(SIGPIPE, SIG_IGN);
	if (!files_make(&f, argv[0], false)) {
		CHECK("mkca makes the certificates (it needs openssl)", false);
		return CHECK_END();
	}
	join(&f);
	struct tls_trust *trust = tls_trust_load(file(&f, "ca.pem"), NULL, err, sizeof err);
	struct tls_identity *id = load(&f, "good.pem", "good.key");
	CHECK("roots and an identity", trust != NULL && id != NULL);
	if (trust != NULL && id != NULL) {
		handshakes(&f, trust);
		distrust(&f, trust, id);
		first_bytes(id);
		ends(id);
		cut_hello(id);
	}
	tls_trust_free(trust);
	tls_identity_free(id);
	files_free(&f);
	return CHECK_END();
}
