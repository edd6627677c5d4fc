/*
 * What the TLS tests share: the certificates of mkca in a directory of their
 * own, a TLS server that the test drives by hand (BearSSL's, so that it can do
 * what servers should not), and openssl s_server beside it.
 */
#ifndef TLS_PEER_H
#define TLS_PEER_H

#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct files {
	char dir[64];
};

/* the path of a name; the last eight stay */
static inline const char *file(const struct files *f, const char *name)
{
	static char path[8][128];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof path[0], "%s/%s", f->dir, name);
	return p;
}

static inline int run_wait(char *const argv[])
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* self is argv[0]: mkca lies in test/ below the working directory, or beside the program */
static inline bool files_make(struct files *f, const char *self, bool all)
{
	char beside[512];
	const char *slash = strrchr(self, '/');

	memset(f, 0, sizeof *f);
	strcpy(f->dir, "/tmp/tls_test.XXXXXX");
	snprintf(beside, sizeof beside, "%.*s/mkca", slash == NULL ? 1 : (int)(slash - self), slash == NULL ? "." : self);
	char *script = access("test/mkca", R_OK) == 0 ? "test/mkca" : beside;
	return mkdtemp(f->dir) != NULL && run_wait((char *[]){ "sh", script, f->dir, all ? "all" : NULL, NULL }) == 0;
}

static inline void files_free(struct files *f)
{
	run_wait((char *[]){ "rm", "-rf", f->dir, NULL });
}

static inline size_t file_read(const char *path, void *dst, size_t room)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, dst, room);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static inline int64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ------------------------------------------------------- a server by hand */

struct peer_keys {
	unsigned char cert[2048], key[2048];
	br_x509_certificate chain;
	br_skey_decoder_context dec;
	unsigned char store[4096];
	br_ssl_session_cache_lru cache;
};

struct peer {
	br_ssl_server_context sc;
	unsigned char buf[BR_SSL_BUFSIZE_BIDI];
	int fd;
	bool deaf;	/* reads no more */
	bool eof;
};

static inline void peer_keys(struct peer_keys *k, const struct files *f)
{
	size_t n = file_read(file(f, "good.key.der"), k->key, sizeof k->key);

	k->chain.data_len = file_read(file(f, "good.der"), k->cert, sizeof k->cert);
	k->chain.data = k->cert;
	br_skey_decoder_init(&k->dec);
	br_skey_decoder_push(&k->dec, k->key, n);
	br_ssl_session_cache_lru_init(&k->cache, k->store, sizeof k->store);
}

/* cached: sessions are kept for resumption */
static inline void peer_start(struct peer *p, struct peer_keys *k, int fd, bool cached)
{
	static const char *alpn[] = { "http/1.1" };

	memset(p, 0, sizeof *p);
	p->fd = fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	br_ssl_server_init_full_ec(&p->sc, &k->chain, 1, BR_KEYTYPE_EC, br_skey_decoder_get_ec(&k->dec));
	br_ssl_engine_set_buffer(&p->sc.eng, p->buf, sizeof p->buf, 1);
	br_ssl_engine_set_protocol_names(&p->sc.eng, alpn, 1);
	if (cached)
		br_ssl_server_set_cache(&p->sc, &k->cache.vtable);
	br_ssl_server_reset(&p->sc);
}

/* moves records while it can; false: nothing moved */
static inline bool peer_step(struct peer *p)
{
	bool moved = false;

	for (int i = 0; i < 64; i++) {
		size_t n;
		ssize_t k = 0;
		unsigned char *b = br_ssl_engine_sendrec_buf(&p->sc.eng, &n);
		if (b != NULL && (k = send(p->fd, b, n, MSG_NOSIGNAL)) > 0) {
			br_ssl_engine_sendrec_ack(&p->sc.eng, (size_t)k);
			moved = true;
			continue;
		}
		unsigned st = br_ssl_engine_current_state(&p->sc.eng);
		if (p->deaf || (st & (BR_SSL_RECVREC | BR_SSL_RECVAPP)) != BR_SSL_RECVREC)
			return moved;
		b = br_ssl_engine_recvrec_buf(&p->sc.eng, &n);
		k = recv(p->fd, b, n, 0);
		p->eof |= k == 0;
		if (k <= 0)
			return moved;
		br_ssl_engine_recvrec_ack(&p->sc.eng, (size_t)k);
		moved = true;
	}
	return moved;
}

/* returns how many of n bytes were put */
static inline size_t peer_put(struct peer *p, const void *src, size_t n)
{
	size_t room;
	unsigned char *b = br_ssl_engine_sendapp_buf(&p->sc.eng, &room);

	if (b == NULL || n == 0)
		return 0;
	if (n > room)
		n = room;
	memcpy(b, src, n);
	br_ssl_engine_sendapp_ack(&p->sc.eng, n);
	br_ssl_engine_flush(&p->sc.eng, 0);
	return n;
}

static inline size_t peer_get(struct peer *p, void *dst, size_t room)
{
	size_t n;
	unsigned char *b = br_ssl_engine_recvapp_buf(&p->sc.eng, &n);

	if (b == NULL)
		return 0;
	if (n > room)
		n = room;
	memcpy(dst, b, n);
	br_ssl_engine_recvapp_ack(&p->sc.eng, n);
	return n;
}

/* ------------------------------------------------------- openssl s_server */

struct s_server {
	pid_t pid;
	int port;
	int out;	/* its output; closed before its end it would die of it */
};

/* args: what comes after "openssl s_server -accept ..."; port 0 when it does not start */
static inline struct s_server s_server(char *const args[])
{
	struct s_server s = { 0, 0, -1 };
	char *argv[32] = { "openssl", "s_server", "-accept", "127.0.0.1:0" };
	char text[512];
	size_t n = 0;
	int fd[2];

	for (int i = 0; args[i] != NULL && i < 26; i++)
		argv[4 + i] = args[i];
	if (pipe(fd) < 0)
		return s;
	s.pid = fork();
	if (s.pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(fd[1], 1);
		dup2(null, 2);
		close(fd[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fd[1]);
	while (s.port == 0 && n < sizeof text - 1) {
		ssize_t k = read(fd[0], text + n, 1);
		if (k <= 0)
			break;
		n += (size_t)k;
		text[n] = '\0';
		char *at = strstr(text, "ACCEPT 127.0.0.1:");
		if (at != NULL && text[n - 1] == '\n')
			s.port = atoi(at + 17);
	}
	s.out = fd[0];
	return s;
}

static inline void s_server_end(struct s_server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
	if (s->out >= 0)
		close(s->out);
}

#endif
