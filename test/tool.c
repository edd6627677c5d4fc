/*
 * What shell tests need and a shell lacks:
 *
 * tool port             a TCP port of loopback that is free now
 * tool drip [PORT]      its input byte by byte: to its output, or to that port and
 *                       then what comes from there
 * tool reset PORT N     sends its input there, reads N bytes, and resets the connection
 * tool crowd PORT N [FILE]  opens N connections, sends FILE on each and waits for "one " in each answer,
 *                       says so, and keeps them until its input ends
 * tool inetd COMMAND ... runs it with one socket as its fds 0, 1 and 2, as inetd does,
 *                       and copies from its input and to its output; its exit status
 * tool tunnel FILE [USER:PASSWORD]
 *                       a proxy on loopback, by CONNECT and by SOCKS 5, to any port of any
 *                       name here: FILE.port is its own, FILE.asked has whom it was asked
 *                       for, FILE.came all that came, until its input ends
 * tool body <answer     the body of an HTTP/1.1 answer, decoded; fails when it is not whole
 * tool json PATH <text  a value: strings decoded, others as they stand; a path is
 *                       names and numbers with dots (.messages.0.role), # the count
 * tool message <events  checks the grammar of a Messages stream and prints what
 *                       it says, one line for each block, then the end
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../json.h"

static char *slurp(size_t *n)
{
	size_t cap = 1 << 16, got;
	char *p = malloc(cap);
	*n = 0;
	while (p && (got = fread(p + *n, 1, cap - *n - 1, stdin)) > 0) {
		*n += got;
		if (cap - *n < 2)
			p = realloc(p, cap *= 2);
	}
	if (!p)
		abort();
	p[*n] = 0;
	return p;
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k <= 0)
			return 0;
		p += k;
		n -= (size_t)k;
	}
	return 1;
}

static int tool_port(void)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return 1;
	printf("%d\n", ntohs(a.sin_port));
	return 0;
}

static int dial(const char *port)
{
	struct sockaddr_in a = { 0 };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((unsigned short)atoi(port));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static int tool_drip(const char *port)
{
	struct timespec moment = { 0, 300000 };
	char part[4096];
	ssize_t k;
	size_t n;
	char *text = slurp(&n);
	int fd = port ? dial(port) : 1;
	if (fd < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < n && send_all(fd, text + i, 1); i++)
		nanosleep(&moment, NULL);
	free(text);
	while (port && (k = read(fd, part, sizeof part)) > 0) {
		fwrite(part, 1, (size_t)k, stdout);
		fflush(stdout);
	}
	return 0;
}

static int tool_reset(const char *port, size_t want)
{
	struct linger hard = { 1, 0 };
	char part[4096];
	ssize_t k = 1;
	size_t n;
	char *text = slurp(&n);
	int fd = dial(port);
	if (fd < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	send_all(fd, text, n);
	for (; want > 0 && k > 0; want -= k > 0 ? (size_t)k : 0)
		k = read(fd, part, want < sizeof part ? want : sizeof part);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
	free(text);
	return k <= 0;
}

/* the request to each, and from each of the answers the first word */
static int ask_all(const char *file, const int fd[], int n)
{
	char text[65536], part[65537];
	FILE *f = fopen(file, "r");
	size_t len = f ? fread(text, 1, sizeof text, f) : 0, got;
	ssize_t k;

	if (f)
		fclose(f);
	for (int i = 0; i < n; i++)
		if (!send_all(fd[i], text, len))
			return 0;
	for (int i = 0; i < n; i++) {
		for (got = 0, part[0] = 0; !strstr(part, "\"one "); part[got] = 0) {
			k = read(fd[i], part + got, sizeof part - 1 - got);
			if (k <= 0)
				return 0;
			got += (size_t)k;
		}
	}
	return 1;
}

static int tool_crowd(const char *port, int n, const char *file)
{
	int fd[1024];
	char byte;
	if (n > 1024)
		return 1;
	for (int i = 0; i < n; i++)
		if ((fd[i] = dial(port)) < 0)
			return 1;
	signal(SIGPIPE, SIG_IGN);
	if (file && !ask_all(file, fd, n))
		return 1;
	puts("open");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

/* what comes from the socket, until it ends; its input is sent meanwhile */
static void copy_both(int fd)
{
	struct pollfd p[2] = { { 0, POLLIN, 0 }, { fd, POLLIN, 0 } };
	char part[65536];
	ssize_t k = 1;
	while (k > 0 && poll(p, 2, -1) > 0) {
		if (p[1].revents && (k = read(fd, part, sizeof part)) > 0) {
			fwrite(part, 1, (size_t)k, stdout);
			fflush(stdout);
		}
		if (p[0].revents) {
			ssize_t n = read(0, part, sizeof part);
			if (n > 0 && send_all(fd, part, (size_t)n))
				continue;
			shutdown(fd, SHUT_WR);
			p[0].fd = -1;
		}
	}
}

static int tool_inetd(char **command)
{
	int sv[2], status = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0)
		return 111;
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			dup2(sv[1], i);
		close(sv[0]);
		close(sv[1]);
		execvp(command[0], command);
		_exit(127);
	}
	close(sv[1]);
	signal(SIGPIPE, SIG_IGN);
	copy_both(sv[0]);
	close(sv[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- tunnel ---- */

struct tunnel {
	const char *file, *login;
	int client;
};

static void note(const struct tunnel *t, const char *kind, const char *p, size_t n)
{
	char path[512];
	snprintf(path, sizeof path, "%s.%s", t->file, kind);
	FILE *f = fopen(path, "a");
	if (!f || fwrite(p, 1, n, f) != n)
		abort();
	fclose(f);
}

/* n bytes from the client, or its end */
static void take(const struct tunnel *t, char *p, size_t n)
{
	for (size_t at = 0; at < n; at++) {
		if (read(t->client, p + at, 1) != 1)
			_exit(0);
		note(t, "came", p + at, 1);
	}
}

static void reply(const struct tunnel *t, const char *p, size_t n)
{
	if (!send_all(t->client, p, n))
		_exit(0);
}

static void encode(char *dst, const char *p)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(p);
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = 0;
		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < n ? (unsigned char)p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*dst++ = i + k > n ? '=' : digits[v >> (18 - 6 * k) & 63];
	}
	*dst = 0;
}

/* The port asked for; host gets its name. */
static const char *asked_connect(const struct tunnel *t, char first, char host[300])
{
	static char port[8];
	char head[4096] = { first }, secret[600], want[700];
	size_t n = 1;
	while (n < sizeof head - 1 && !strstr(head, "\r\n\r\n"))
		take(t, head + n++, 1);
	if (t->login) {
		encode(secret, t->login);
		snprintf(want, sizeof want, "\r\nProxy-Authorization: Basic %s\r\n", secret);
		if (!strstr(head, want)) {
			reply(t, "HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\nwho", 42);
			_exit(0);
		}
	}
	if (sscanf(head, "CONNECT %299[^ :]:%7[0-9] HTTP/1.1\r\n", host, port) != 2)
		_exit(0);
	reply(t, "HTTP/1.1 200 OK\r\n\r\n", 19);
	return port;
}

static const char *asked_socks(const struct tunnel *t, char host[300])
{
	static char port[8];
	char p[600] = "", login[600];
	take(t, p, 1);
	take(t, p + 1, (size_t)p[0]);
	reply(t, t->login ? (p[0] == 2 ? "\5\2" : "\5\377") : "\5\0", 2);
	if (t->login) {
		take(t, p, 2);
		size_t user = (unsigned char)p[1];
		take(t, login, user);
		login[user] = ':';
		take(t, p, 1);
		size_t n = (unsigned char)p[0];
		take(t, login + user + 1, n);
		login[user + 1 + n] = 0;
		reply(t, "\1", 1);
		reply(t, strcmp(login, t->login) == 0 ? "\0" : "\1", 1);
	}
	take(t, p, 4);
	if (p[3] == 3) {
		take(t, p, 1);
		size_t n = (unsigned char)p[0];
		take(t, host, n);
		host[n] = 0;
	} else {
		take(t, p, 4);
		inet_ntop(AF_INET, p, host, 300);
	}
	take(t, p, 2);
	snprintf(port, sizeof port, "%d", (unsigned char)p[0] << 8 | (unsigned char)p[1]);
	reply(t, "\5\0\0\1\0\0\0\0\0\0", 10);
	return port;
}

static void tunnel(const struct tunnel *t)
{
	char first, host[300] = "", line[400], part[65536];
	take(t, &first, 1);
	const char *port = first == 5 ? asked_socks(t, host) : asked_connect(t, first, host);
	int n = snprintf(line, sizeof line, "%s %s:%s\n", first == 5 ? "socks" : "connect", host, port);
	note(t, "asked", line, (size_t)n);
	struct pollfd p[2] = { { t->client, POLLIN, 0 }, { dial(port), POLLIN, 0 } };
	while (p[1].fd >= 0 && poll(p, 2, -1) > 0)
		for (int i = 0; i < 2; i++) {
			if (!p[i].revents)
				continue;
			ssize_t k = read(p[i].fd, part, sizeof part);
			if (k <= 0 || !send_all(p[!i].fd, part, (size_t)k))
				_exit(0);
			if (i == 0)
				note(t, "came", part, (size_t)k);
		}
	_exit(0);
}

static int tool_tunnel(const char *file, const char *login)
{
	struct tunnel t = { file, login, -1 };
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	char text[16];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0
		|| getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return 1;
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	note(&t, "came", "", 0);
	note(&t, "asked", "", 0);
	note(&t, "port", text, (size_t)snprintf(text, sizeof text, "%d", ntohs(a.sin_port)));
	struct pollfd p[2] = { { 0, POLLIN, 0 }, { fd, POLLIN, 0 } };
	while (poll(p, 2, -1) >= 0 && (!p[0].revents || read(0, text, sizeof text) > 0)) {
		if (!p[1].revents)
			continue;
		t.client = accept(fd, NULL, NULL);
		if (fork() == 0) {
			close(fd);
			tunnel(&t);
		}
		close(t.client);
	}
	return 0;
}

static int chunks(const char *p, const char *end)
{
	for (;;) {
		char *after;
		size_t n = strtoul(p, &after, 16);
		p = strstr(after, "\r\n");
		if (!p || after == end)
			return 1;
		p += 2;
		if (n == 0)
			return 0;
		if ((size_t)(end - p) < n + 2)
			return fwrite(p, 1, (size_t)(end - p), stdout), 1;
		fwrite(p, 1, n, stdout);
		p += n + 2;
	}
}

static int tool_body(void)
{
	size_t n, length = 0;
	int chunked = 0, known = 0;
	char *text = slurp(&n), *line = text, *end;
	while (strncmp(line, "HTTP/1.1 1", 10) == 0 && (end = strstr(line, "\r\n\r\n")))
		line = end + 4;		/* interim answers */
	char *body = strstr(line, "\r\n\r\n");
	if (!body)
		return 1;
	body += 4;
	while ((line = strstr(line, "\r\n")) && line + 4 < body) {
		line += 2;
		chunked |= strncasecmp(line, "transfer-encoding: chunked", 26) == 0;
		if (strncasecmp(line, "content-length:", 15) == 0) {
			length = strtoul(line + 15, NULL, 10);
			known = 1;
		}
	}
	if (chunked)
		return chunks(body, text + n);
	n -= (size_t)(body - text);
	fwrite(body, 1, known && n > length ? length : n, stdout);
	return known && n < length;
}

static struct j_val child(struct j_val v, const char *name)
{
	struct j_val item = { 0 };
	if (v.type != J_ARRAY)
		return j_get(v, name);
	for (long i = strtol(name, NULL, 10); i >= 0; i--)
		if (!j_item(v, &item))
			return (struct j_val){ 0 };
	return item;
}

static void print(struct j_val v)
{
	size_t n = j_length(v);
	char *text = malloc(n + 1);
	if (v.type != J_STRING || !text) {
		printf("%.*s\n", (int)v.n, v.p ? v.p : "");
	} else {
		fwrite(text, 1, j_copy(v, text, n), stdout);
		putchar('\n');
	}
	free(text);
}

static int tool_json(char *path)
{
	struct j_err err;
	size_t n;
	char *text = slurp(&n);
	if (j_check(text, n, &err) != 0)
		return printf("no JSON: %s at byte %zu\n", err.why, err.at), 2;
	struct j_val v = j_root(text, n);
	for (char *name = strtok(path, "."); name; name = strtok(NULL, ".")) {
		if (strcmp(name, "#") == 0)
			return printf("%zu\n", j_count(v)), 0;
		v = child(v, name);
	}
	if (v.type == J_NONE)
		return 1;
	print(v);
	return 0;
}

/* the stream's grammar: what was said, and what may come */
struct stream {
	int started, delta, stopped, failed, open;
	long index;		/* of the next block */
	char kind[32];
	char *said;
	size_t n;
	char reason[64], usage[512];
};

static int wrong(const char *what)
{
	printf("wrong: %s\n", what);
	return 1;
}

static void say(struct stream *s, struct j_val text)
{
	size_t n = j_length(text);
	s->said = realloc(s->said, s->n + n + 1);
	if (!s->said)
		abort();
	s->n += j_copy(text, s->said + s->n, n);
	s->said[s->n] = 0;
}

static int block_start(struct stream *s, struct j_val e)
{
	struct j_val block = j_get(e, "content_block");
	int64_t index;
	if (!s->started || s->open || s->delta)
		return wrong("content_block_start out of place");
	if (!j_whole(j_get(e, "index"), &index) || index != s->index)
		return wrong("index");
	s->open = 1;
	s->n = 0;
	j_text(j_get(block, "type"), s->kind, sizeof s->kind);
	printf("%s", s->kind);
	if (strcmp(s->kind, "tool_use") == 0) {
		char id[200], name[200];
		if (j_text(j_get(block, "id"), id, sizeof id) == 0 || j_text(j_get(block, "name"), name, sizeof name) == 0)
			return wrong("tool_use without id or name");
		printf(" %s", name);
	}
	say(s, j_get(block, "text"));
	if (s->n > 0)
		return wrong("text in content_block_start is lost");
	return 0;
}

static const struct { const char *kind, *delta, *field; } deltas[] = {
	{ "text", "text_delta", "text" },
	{ "text", "citations_delta", "citation" },
	{ "thinking", "thinking_delta", "thinking" },
	{ "thinking", "signature_delta", NULL },
	{ "tool_use", "input_json_delta", "partial_json" },
	{ "server_tool_use", "input_json_delta", "partial_json" },
};

static int block_delta(struct stream *s, struct j_val e)
{
	struct j_val delta = j_get(e, "delta");
	int64_t index;
	if (!s->open || !j_whole(j_get(e, "index"), &index) || index != s->index)
		return wrong("content_block_delta out of place");
	for (size_t i = 0; i < sizeof deltas / sizeof *deltas; i++)
		if (strcmp(deltas[i].kind, s->kind) == 0 && j_is(j_get(delta, "type"), deltas[i].delta)) {
			if (deltas[i].field)
				say(s, j_get(delta, deltas[i].field));
			return 0;
		}
	return wrong("a delta that does not fit its block");
}

static int block_stop(struct stream *s)
{
	struct j_err err;
	if (!s->open)
		return wrong("content_block_stop out of place");
	s->open = 0;
	s->index++;
	if (strcmp(s->kind, "tool_use") == 0 && s->n > 0 && j_check(s->said, s->n, &err) != 0)
		return wrong("tool input is no JSON");
	printf(" ");
	for (size_t i = 0; i < s->n; i++)
		printf(s->said[i] == '\n' ? "\\n" : "%c", s->said[i]);
	printf("\n");
	return 0;
}

static int message_delta(struct stream *s, struct j_val e)
{
	struct j_val usage = j_get(e, "usage");
	if (!s->started || s->open || s->delta)
		return wrong("message_delta out of place");
	s->delta = 1;
	j_text(j_get(j_get(e, "delta"), "stop_reason"), s->reason, sizeof s->reason);
	snprintf(s->usage, sizeof s->usage, "%.*s", (int)usage.n, usage.p ? usage.p : "");
	return 0;
}

static int event(struct stream *s, const char *name, struct j_val e)
{
	struct j_val type = j_get(e, "type");
	if (!j_is(type, name))
		return wrong("event: and type differ");
	if (s->stopped || s->failed)
		return wrong("an event behind the end");
	if (j_is(type, "message_start")) {
		if (s->started++ || j_length(j_get(j_get(e, "message"), "id")) == 0)
			return wrong("message_start");
		return 0;
	}
	if (j_is(type, "content_block_start"))
		return block_start(s, e);
	if (j_is(type, "content_block_delta"))
		return block_delta(s, e);
	if (j_is(type, "content_block_stop"))
		return block_stop(s);
	if (j_is(type, "message_delta"))
		return message_delta(s, e);
	if (j_is(type, "message_stop"))
		return s->open || !s->delta ? wrong("message_stop out of place") : (s->stopped = 1, 0);
	if (j_is(type, "error")) {
		s->failed = 1;
		printf("%serror ", s->open ? "\n" : "");
		print(j_get(j_get(e, "error"), "message"));
		return 0;
	}
	return j_is(type, "ping") ? 0 : wrong("an unknown event");
}

static int tool_message(void)
{
	struct stream s = { 0 };
	struct j_err err;
	size_t n;
	char *text = slurp(&n), name[64] = "";
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "event: ", 7) == 0)
			snprintf(name, sizeof name, "%s", line + 7);
		if (strncmp(line, "data: ", 6) != 0)
			continue;
		if (j_check(line + 6, strlen(line + 6), &err) != 0)
			return wrong("data is no JSON");
		if (event(&s, name, j_root(line + 6, strlen(line + 6))))
			return 1;
	}
	if (s.failed)
		return 0;
	if (!s.stopped)
		return wrong("no end");
	printf("end %s %s\n", s.reason, s.usage);
	free(s.said);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "port") == 0)
		return tool_port();
	if (strcmp(what, "drip") == 0)
		return tool_drip(argc > 2 ? argv[2] : NULL);
	if (strcmp(what, "reset") == 0 && argc > 3)
		return tool_reset(argv[2], strtoul(argv[3], NULL, 10));
	if (strcmp(what, "crowd") == 0 && argc > 3)
		return tool_crowd(argv[2], atoi(argv[3]), argv[4]);
	if (strcmp(what, "inetd") == 0 && argc > 2)
		return tool_inetd(argv + 2);
	if (strcmp(what, "tunnel") == 0 && argc > 2)
		return tool_tunnel(argv[2], argc > 3 ? argv[3] : NULL);
	if (strcmp(what, "body") == 0)
		return tool_body();
	if (strcmp(what, "json") == 0 && argc == 3)
		return tool_json(argv[2]);
	if (strcmp(what, "message") == 0)
		return tool_message();
	fprintf(stderr, "usage: tool port | drip [PORT] | reset PORT N | crowd PORT N [FILE] | inetd COMMAND ... | tunnel FILE [USER:PASSWORD] | body | json PATH | message\n");
	return 2;
}
