/*
 * status: what each instance says of itself at /health, as a table.
 *
 *   it says                  its line                             exit status
 *   it is healthy            uptime, counts, models               0
 *   something else           "no claude-code-proxy"               111
 *   400, or no TLS that its
 *   file is for              that it is so                        111
 *   nothing                  "no answer", after two seconds       111
 *   (it does not listen)     the system's words                   111
 *   (its file is wrong)      what is wrong, on standard error     100
 */
#include "commands.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "errno_text.h"
#include "listen.h"

#define PATIENCE 2	/* seconds */

extern char **environ;

/* 0 when one of HOST's addresses takes the connection; else why the last did not. *fd is -1 before. */
static int dial(const char *host, int port, int *fd)
{
	struct timeval limit = { .tv_sec = PATIENCE };
	struct places p;
	int error = EADDRNOTAVAIL;

	if (!listen_resolve(&p, host, port))
		return error;
	for (struct addrinfo *a = p.list; a != NULL && error != 0; a = a->ai_next) {
		if (*fd >= 0)
			close(*fd);
		*fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
		setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
		setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		error = connect(*fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
	}
	listen_forget(&p);
	return error == EINPROGRESS ? ETIMEDOUT : error;	/* the limit was reached */
}

static const char request[] = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/* What is answered, or came of it in time. */
static size_t ask(int fd, char *answer, size_t room)
{
	int64_t until = clock_ms() + PATIENCE * 1000;
	size_t n = 0;
	ssize_t k = send(fd, request, sizeof request - 1, MSG_NOSIGNAL);

	while (k > 0 && n < room && clock_ms() < until) {
		k = recv(fd, answer + n, room - n, 0);
		n += k > 0 ? (size_t)k : 0;
	}
	return n;
}

/* The same by TLS. *other: what answers has no TLS, or another certificate. */
static size_t ask_sealed(struct tls *t, int fd, char *answer, size_t room, bool *other)
{
	int64_t until = clock_ms() + PATIENCE * 1000;
	bool again, asked = false;
	size_t n = 0, k;

	(void)listen_own(fd);	/* where it is closed, TLS fails */
	while (n < room && clock_ms() < until && tls_step(t, fd, &again) <= TLS_OPEN) {
		char *to = asked ? NULL : tls_tx(t, &k);
		const char *from = tls_rx(t, &k);
		if (to != NULL) {
			memcpy(to, request, sizeof request - 1);
			tls_tx_done(t, sizeof request - 1);
			tls_flush(t);
			asked = true;
		} else if (from != NULL) {
			k = k < room - n ? k : room - n;
			memcpy(answer + n, from, k);
			tls_rx_done(t, k);
			n += k;
		} else {
			struct pollfd p = { .fd = fd, .events = (short)(POLLIN | (tls_want_write(t) ? POLLOUT : 0)) };
			poll(&p, 1, 100);
		}
	}
	*other = tls_received(t) > 0 && !tls_opened(t);
	tls_free(t);
	return n;
}

static void tell(struct j_val root)
{
	static const char counts[] = "requests\0errors\0input_tokens\0cached_tokens\0output_tokens\0";
	static const char models[] = "  \0big_model\0, \0middle_model\0, \0small_model\0";
	struct j_val part = j_get(root, "totals");
	char text[512];
	int64_t v = 0;

	j_whole(j_get(part, "uptime_seconds"), &v);
	int s = (int)v;
	print(" %5d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
	for (const char *name = counts; *name != '\0'; name += strlen(name) + 1) {
		v = 0;
		j_whole(j_get(part, name), &v);
		print(" %10lld", (long long)v);
	}
	part = j_get(root, "models");
	for (const char *between = models, *name; *between != '\0'; between = name + strlen(name) + 1) {
		name = between + 3;
		size_t n = j_text(j_get(part, name), text, sizeof text);
		print("%s%j", between, text, n);
	}
	print("\n");
}

static int row(const char *host, int port, const struct tls_identity *id)
{
	char answer[16384];
	struct j_val root;
	bool other = false;
	int status, fd = -1;
	const char *why = "no answer";
	int error = dial(host, port, &fd);
	struct tls *t = error == 0 && id != NULL ? tls_to(id) : NULL;
	size_t n = t != NULL ? ask_sealed(t, fd, answer, sizeof answer, &other) : error == 0 ? ask(fd, answer, sizeof answer) : 0;

	if (error != 0)
		why = errno_text(error);
	else if (other)
		why = "has other settings than its file: TLS_CERT is read again at a HUP";
	else if (n > 12 && memcmp(answer, "HTTP/1.1 400", 12) == 0)
		why = "speaks TLS: name its file with --env";
	else if (n > 0)
		why = answer_json(answer, n, &status, &root) && j_is(j_get(root, "status"), "healthy") ? NULL : "no claude-code-proxy";
	close(fd);
	if (*host == '/')
		print("%s", host);
	else
		print("%5d", port);
	if (why == NULL)
		tell(root);
	else
		print("  %s\n", why);
	return why == NULL ? 0 : 111;
}

static int row_of_file(const char *file)
{
	char err[512];
	struct config *cfg = cfg_load(file, environ, err, sizeof err, NULL, NULL);

	if (cfg == NULL) {
		say("claude-code-proxy: %s\n", err);
		return 100;
	}
	int code = row(cfg->host, cfg->port, cfg->identity);
	cfg_free(cfg);
	return code;
}

int command_status(const struct options *o)
{
	int worst = 0, code;

	print(" PORT      UPTIME   REQUESTS     ERRORS  TOKENS IN     CACHED        OUT  BIG, MIDDLE, SMALL MODEL\n");
	for (int i = 0; i < o->nenv || (i == 0 && o->nport == 0); i++) {
		code = row_of_file(o->env[i]);
		worst = code > worst ? code : worst;
	}
	for (int i = 0; i < o->nport; i++) {
		code = row("127.0.0.1", o->port[i], NULL);
		worst = code > worst ? code : worst;
	}
	return worst;
}
