/*
 * A small scripted provider: Chat Completions over plain HTTP/1.1 on loopback,
 * one thread, poll(). Without a script it plays a demonstration.
 *
 * provider [--port N] [--port-file FILE] [--dialect NAME] [--script FILE]
 *          [--log DIR] [--seconds N]
 * provider --check DIALECT <body    says whether that provider takes the body
 * provider --wait PORT              returns when something listens there
 *
 * Port 0 (the default) takes a free one; the port is printed, and written to
 * FILE. DIR gets NNNN.head and NNNN.body of every request as it came, NNNN.closed
 * when the client closed before the answer's end, NNNN.refused with the reason
 * where the dialect's check refused it, and one line per request in `log`. The
 * provider ends by itself after N seconds (3600). test/README has the script.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "provider_script.h"

#define CONNS_MAX 1200
#define BODY_MAX (64u << 20)

enum phase { READING, ANSWERING, HANGING, DRAINING };

struct conn {
	int fd, number;
	enum phase phase;
	struct str in;
	size_t nhead, length;	/* of the request, once its head is there */
	bool early, close, deaf, eof;
	int id;			/* of the request */
	struct answer answer;
	size_t step, off;
	long long due;		/* end of a pause; 0: none */
	sig_atomic_t held;	/* releases when a hold began */
};

static volatile sig_atomic_t releases;

static void release(int signal)
{
	(void)signal;
	releases++;
}

struct server {
	int fd;
	const struct dialect *dialect;
	struct script script;
	bool scripted;
	const char *log;
	int requests, accepted;
	int nconns;
	struct conn *conns[CONNS_MAX];
};

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Whole at once: what waits for the file never sees half of it. */
static void log_file(const struct server *s, int id, const char *what, const char *p, size_t n)
{
	char name[1200], part[1200];
	if (!s->log)
		return;
	snprintf(name, sizeof name, "%s/%04d.%s", s->log, id, what);
	snprintf(part, sizeof part, "%s/.%04d.%s", s->log, id, what);
	FILE *f = fopen(part, "wb");
	if (!f)
		return;
	fwrite(p, 1, n, f);
	if (fclose(f) == 0)
		rename(part, name);
}

static void log_request(const struct server *s, const struct conn *c)
{
	char name[1200];
	if (!s->log)
		return;
	snprintf(name, sizeof name, "%s/log", s->log);
	FILE *f = fopen(name, "a");
	if (!f)
		return;
	fprintf(f, "%04d connection %d body %zu %.*s\n", c->id, c->number, c->length, (int)strcspn(c->in.p, "\r\n"), c->in.p);
	fclose(f);
}

static void drop(struct server *s, int i, bool reset)
{
	struct conn *c = s->conns[i];
	struct linger hard = { 1, 0 };
	if ((c->phase == ANSWERING || c->phase == HANGING) && c->eof)
		log_file(s, c->id, "closed", "", 0);
	if (c->phase == READING && c->in.n > 0)
		log_file(s, s->requests + 1, "partial", c->in.p, c->in.n);
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(c->fd);
	answer_free(&c->answer);
	free(c->in.p);
	free(c);
	s->conns[i] = s->conns[--s->nconns];
}

/* the value of a field, "" without; name lower case */
static const char *field(const struct conn *c, const char *name, char *dst, size_t room)
{
	size_t n = strlen(name);
	*dst = 0;
	for (const char *p = c->in.p, *end = p + c->nhead; p && p < end; p = memchr(p, '\n', (size_t)(end - p))) {
		p += *p == '\n';
		if ((size_t)(end - p) > n && strncasecmp(p, name, n) == 0 && p[n] == ':') {
			p += n + 1;
			p += strspn(p, " \t");
			snprintf(dst, room, "%.*s", (int)strcspn(p, "\r\n"), p);
			return dst;
		}
	}
	return dst;
}

static void find_head(struct conn *c)
{
	char value[64];
	if (c->nhead || !c->in.p)
		return;
	const char *end = strstr(c->in.p, "\r\n\r\n");
	if (!end)
		return;
	c->nhead = (size_t)(end - c->in.p) + 4;
	c->length = (size_t)strtoul(field(c, "content-length", value, sizeof value), NULL, 10);
	c->close = strcasecmp(field(c, "connection", value, sizeof value), "close") == 0;
	if (*field(c, "transfer-encoding", value, sizeof value))
		c->length = BODY_MAX + 1;
}

static void models(struct answer *a)
{
	static const char list[] = "{\"object\":\"list\",\"data\":[{\"id\":\"scripted-large\",\"object\":\"model\",\"created\":1760000000,"
		"\"owned_by\":\"provider\"},{\"id\":\"scripted-small\",\"object\":\"model\",\"created\":1760000000,\"owned_by\":\"provider\"}]}";
	a->stream = false;
	answer_raw(a, list, sizeof list - 1);
	answer_end(a);
}

static void fail(struct answer *a, int status, const char *message)
{
	answer_error(a, status, "invalid_request_error", message);
	answer_end(a);
}

static bool path_ends(const struct conn *c, const char *method, const char *path)
{
	size_t m = strlen(method), n = strlen(path);
	if (strncmp(c->in.p, method, m) != 0 || c->in.p[m] != ' ')
		return false;
	const char *target = c->in.p + m + 1;
	size_t length = strcspn(target, " ?\r\n");
	return length >= n && memcmp(target + length - n, path, n) == 0;
}

static void facts(struct answer *a, struct j_val body)
{
	j_text(j_get(body, "model"), a->model, sizeof a->model);
	a->stream = j_get(body, "stream").type == J_TRUE;
	a->usage_asked = j_get(j_get(body, "stream_options"), "include_usage").type == J_TRUE;
	a->split_reasoning = strcmp(a->d->name, "minimax") == 0 && j_get(body, "reasoning_split").type == J_TRUE;
	a->tool_stream = j_get(body, "tool_stream").type == J_TRUE;
}

static void answer_chat(struct server *s, struct conn *c, struct request *q)
{
	struct answer *a = &c->answer;
	struct j_err err;
	char why[512];
	char *text = malloc(c->length + 1);
	if (!text)
		abort();
	memcpy(text, q->body, q->nbody);
	if (j_check(text, q->nbody, &err) != 0) {
		snprintf(why, sizeof why, "body is no JSON: %s at byte %zu", err.why, err.at);
		log_file(s, c->id, "refused", why, strlen(why));
		fail(a, 400, why);
		free(text);
		return;
	}
	q->json = j_root(text, q->nbody);
	facts(a, q->json);
	int status = request_refused(s->dialect, q->json, why, sizeof why);
	struct rule *r = status ? NULL : script_match(&s->script, q);
	if (status) {
		log_file(s, c->id, "refused", why, strlen(why));
		fail(a, status, why);
	} else if (r) {
		rule_play(&s->script, r, a, q);
	} else if (s->scripted) {
		log_file(s, c->id, "unmatched", "", 0);
		fail(a, 400, "the script has no rule for this request");
	} else {
		demo_play(a, q->json);
		answer_end(a);
	}
	free(text);
}

/* Whether it speaks the Messages API, to who says what that needs. */
static bool takes_messages(const struct server *s, const struct conn *c)
{
	char key[128], version[32];
	field(c, "x-api-key", key, sizeof key);
	field(c, "anthropic-version", version, sizeof version);
	return s->dialect->native ? *key && *version : strcmp(s->dialect->name, "any") == 0;
}

static void begin_answer(struct server *s, struct conn *c)
{
	struct request q = { c->in.p, c->in.p + c->nhead, c->nhead, c->length, { NULL, 0, J_NONE }, false };
	log_file(s, c->id, "head", q.head, q.nhead);
	log_file(s, c->id, "body", q.body, q.nbody);
	log_request(s, c);
	answer_start(&c->answer, s->dialect, c->id);
	if (path_ends(c, "GET", "/models"))
		models(&c->answer);
	else if (path_ends(c, "POST", "/chat/completions") && !s->dialect->native)
		answer_chat(s, c, &q);
	else if (path_ends(c, "POST", "/v1/messages") && takes_messages(s, c))
		answer_chat(s, c, &q);
	else
		fail(&c->answer, 404, "no such path");
	c->phase = ANSWERING;
}

/* rules that answer, or go deaf, as soon as the head is there */
static bool begin_early(struct server *s, struct conn *c)
{
	struct request q = { c->in.p, c->in.p, c->nhead, 0, { NULL, 0, J_NONE }, true };
	struct rule *r = c->early ? NULL : script_match(&s->script, &q);
	c->early = true;
	if (!r)
		return false;
	c->id = ++s->requests;
	log_file(s, c->id, "head", q.head, q.nhead);
	answer_start(&c->answer, s->dialect, c->id);
	rule_play(&s->script, r, &c->answer, &q);
	c->deaf = rule_deaf(r);
	c->close = true;
	c->phase = ANSWERING;
	return true;
}

static void next_request(struct server *s, struct conn *c)
{
	if (c->phase != READING)
		return;
	find_head(c);
	if (!c->nhead || begin_early(s, c))
		return;
	if (c->length > BODY_MAX) {
		c->id = ++s->requests;
		answer_start(&c->answer, s->dialect, c->id);
		fail(&c->answer, 411, "Content-Length is required");
		c->close = true;
		c->phase = ANSWERING;
		return;
	}
	if (c->in.n - c->nhead < c->length)
		return;
	c->id = ++s->requests;
	begin_answer(s, c);
}

/* 1: goes on, 0: waits, -1: drop, -2: drop with a reset */
static int step(struct server *s, struct conn *c)
{
	struct answer *a = &c->answer;
	if (c->step == a->nsteps) {
		size_t used = c->nhead + c->length;
		answer_free(a);
		if (c->close) {
			shutdown(c->fd, SHUT_WR);	/* closing over unread bytes would reset the answer away */
			c->phase = DRAINING;
			return 0;
		}
		memmove(c->in.p, c->in.p + used, c->in.n - used + 1);
		c->in.n -= used;
		c->nhead = c->length = c->step = c->off = 0;
		c->early = false;
		c->phase = READING;
		next_request(s, c);
		return c->phase == ANSWERING;
	}
	const struct step *t = &a->steps[c->step];
	switch (t->kind) {
	case STEP_SEND:
		break;
	case STEP_PAUSE:
		if (c->due == 0)
			c->due = now_ms() + t->ms;
		if (now_ms() < c->due)
			return 0;
		c->due = 0;
		c->step++;
		return 1;
	case STEP_HOLD:
		if (c->due == 0)
			c->held = releases;
		if (c->held == releases) {
			c->due = now_ms() + 10;
			return 0;
		}
		c->due = 0;
		c->step++;
		return 1;
	case STEP_CUT:
		return -1;
	case STEP_RESET:
		return -2;
	case STEP_HANG:
		c->phase = HANGING;
		return 0;
	}
	size_t left = t->bytes.n - c->off;
	if (a->split && left > (size_t)a->split)
		left = (size_t)a->split;
	ssize_t n = left ? write(c->fd, t->bytes.p + c->off, left) : 0;
	if (n < 0)
		return errno == EAGAIN ? 0 : (c->eof = true, -1);
	c->off += (size_t)n;
	if (c->off < t->bytes.n)
		return a->split ? 0 : 1;
	c->off = 0;
	c->step++;
	return a->split ? 0 : 1;
}

static bool fill(struct conn *c)
{
	char part[65536];
	ssize_t n = read(c->fd, part, sizeof part);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return c->eof = true, false;
	if (c->phase == READING || !c->close)
		str_put(&c->in, part, (size_t)n);
	return true;
}

static void visit(struct server *s, int i, short got)
{
	struct conn *c = s->conns[i];
	int r = 1;
	if ((got & (POLLIN | POLLHUP | POLLERR)) && (!c->deaf || (got & (POLLHUP | POLLERR))) && !fill(c)) {
		drop(s, i, false);
		return;
	}
	next_request(s, c);
	for (int turns = 0; c->phase == ANSWERING && r == 1 && turns < 64; turns++)
		r = step(s, c);
	if (r < 0)
		drop(s, i, r == -2);
}

static void accept_one(struct server *s)
{
	int on = 1, fd = accept(s->fd, NULL, NULL);
	if (fd < 0)
		return;
	if (s->nconns == CONNS_MAX) {
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct conn *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->fd = fd;
	c->number = ++s->accepted;
	str_add(&c->in, "");
	s->conns[s->nconns++] = c;
}

static short interest(const struct conn *c)
{
	short in = c->deaf ? 0 : POLLIN;
	return (short)(c->phase == ANSWERING && c->due == 0 ? in | POLLOUT : in);
}

static void serve(struct server *s)
{
	static struct pollfd p[CONNS_MAX + 1];
	for (;;) {
		int wait = -1, n = s->nconns;
		long long now = now_ms();
		p[0] = (struct pollfd){ s->fd, POLLIN, 0 };
		for (int i = 0; i < n; i++) {
			const struct conn *c = s->conns[i];
			p[i + 1] = (struct pollfd){ c->fd, interest(c), 0 };
			if (c->due && (wait < 0 || c->due - now < wait))
				wait = c->due > now ? (int)(c->due - now) : 0;
		}
		if (poll(p, (nfds_t)n + 1, wait) < 0 && errno != EINTR)
			return;
		for (int i = n - 1; i >= 0; i--)
			if (p[i + 1].revents || s->conns[i]->due)
				visit(s, i, p[i + 1].revents);
		if (p[0].revents)
			accept_one(s);
	}
}

static int listen_on(int port, const char *file)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof a;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 128) < 0
		|| getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return -1;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	if (file) {
		char part[1024];
		snprintf(part, sizeof part, "%s.part", file);
		FILE *f = fopen(part, "w");
		if (!f || fprintf(f, "%d\n", ntohs(a.sin_port)) < 0 || fclose(f) != 0 || rename(part, file) != 0)
			return -1;
	}
	return fd;
}

static int wait_for(int port)
{
	struct sockaddr_in a = { 0 };
	struct timespec pause = { 0, 50000000 };
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int tries = 0; tries < 200; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int bad = connect(fd, (struct sockaddr *)&a, sizeof a);
		close(fd);
		if (!bad)
			return 0;
		nanosleep(&pause, NULL);
	}
	return 1;
}

static int check_stdin(const char *name)
{
	struct str in = { 0 };
	struct j_err err;
	char part[65536], why[512];
	size_t n;
	const struct dialect *d = dialect_find(name);
	str_add(&in, "");
	while ((n = fread(part, 1, sizeof part, stdin)) > 0)
		str_put(&in, part, n);
	if (!d || j_check(in.p, in.n, &err) != 0) {
		printf("%s\n", d ? err.why : "no such dialect");
		return 2;
	}
	int status = request_refused(d, j_root(in.p, in.n), why, sizeof why);
	if (status)
		printf("%d %s\n", status, why);
	free(in.p);
	return status != 0;
}

int main(int argc, char **argv)
{
	static struct server s;
	int port = 0;
	unsigned seconds = 3600;
	const char *file = NULL;
	s.dialect = dialect_find("openai");
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		if (strcmp(name, "--check") == 0)
			return check_stdin(value);
		else if (strcmp(name, "--wait") == 0)
			return wait_for(atoi(value));
		else if (strcmp(name, "--port") == 0)
			port = atoi(value);
		else if (strcmp(name, "--port-file") == 0)
			file = value;
		else if (strcmp(name, "--log") == 0)
			s.log = value;
		else if (strcmp(name, "--seconds") == 0)
			seconds = (unsigned)atoi(value);
		else if (strcmp(name, "--dialect") == 0)
			s.dialect = dialect_find(value);
		else if (strcmp(name, "--script") == 0 && script_read(&s.script, value) == 0)
			s.scripted = true;
		else
			return fprintf(stderr, "provider: %s %s: not understood\n", name, value), 2;
	}
	if (!s.dialect)
		return fprintf(stderr, "provider: no such dialect\n"), 2;
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = release }, NULL);
	alarm(seconds);
	s.fd = listen_on(port, file);
	if (s.fd < 0)
		return perror("provider"), 1;
	serve(&s);
	return 1;
}
