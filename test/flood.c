/*
 * Many requests at once, for what must not grow:
 *
 * flood COUNT AT-ONCE KEY PORT ...
 *
 * Request N goes to one port after the other and is one of the kinds below: most
 * are read to the end of the connection, some are left in the middle. The
 * provider's script tells them apart by the words in them. Prints how many
 * answers of which kind were as they should be; the status is 1 when some were not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE_MAX 256
#define SILENCE_MAX 20000	/* ms without anything moving anywhere */

enum leave { STAY, LEAVE_BODY, LEAVE_SENT, LEAVE_FIRST, LEAVE_RESET };

static const struct kind {
	const char *words;
	bool stream;
	int pipelined;		/* requests on the connection */
	enum leave leave;
	const char *status;	/* what each answer begins with */
	const char *holds;	/* and what the last one holds */
} kinds[] = {
	{ "flood-text", true, 1, STAY, "HTTP/1.1 200", "event: message_stop" },
	{ "flood-text", false, 1, STAY, "HTTP/1.1 200", "\"stop_reason\":\"end_turn\"" },
	{ "flood-call", true, 3, STAY, "HTTP/1.1 200", "event: message_stop" },
	{ "flood-slow", true, 1, LEAVE_FIRST, "", "" },
	{ "flood-text", true, 1, STAY, "HTTP/1.1 200", "event: message_stop" },
	{ "flood-cut", true, 1, STAY, "HTTP/1.1 200", "event: error" },
	{ "flood-large", true, 1, STAY, "HTTP/1.1 200", "event: message_stop" },
	{ "flood-slow", true, 1, LEAVE_RESET, "", "" },
	{ "flood-error", true, 1, STAY, "HTTP/1.1 429", "rate_limit_error" },
	{ "flood-call", false, 2, STAY, "HTTP/1.1 200", "\"stop_reason\":\"tool_use\"" },
	{ "flood-slow", false, 1, LEAVE_SENT, "", "" },
	{ "flood-text", true, 1, LEAVE_BODY, "", "" },
	{ "flood-\\ud800\\u0000", true, 1, STAY, "HTTP/1.1 200", "event: message_stop" },
	{ "flood-\x01", true, 1, STAY, "HTTP/1.1 400", "invalid_request_error" },
};
#define KINDS ((int)(sizeof kinds / sizeof *kinds))

struct visit {
	int fd;			/* -1: free */
	const struct kind *kind;
	char *out, *in;
	size_t nout, sent, nin;
};

static long right[KINDS], wrong[KINDS];

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* the bytes of a kind: its requests one behind the other */
static char *requests(const struct kind *k, const char *key, size_t *n)
{
	size_t large = strcmp(k->words, "flood-large") == 0 ? 100000 : 0;
	char *body = malloc(large + 512), *all = malloc((size_t)k->pipelined * (large + 1024)), *p = all;
	if (!body || !all)
		abort();
	int len = sprintf(body, "{\"model\":\"claude-x\",\"max_tokens\":99,\"stream\":%s,\"tools\":[{\"name\":\"Bash\",\"input_schema\":"
		"{\"type\":\"object\"}}],\"messages\":[{\"role\":\"user\",\"content\":\"%s ", k->stream ? "true" : "false", k->words);
	memset(body + len, 'x', large);
	len += (int)large + sprintf(body + (size_t)len + large, "\"}]}");
	for (int i = 0; i < k->pipelined; i++) {
		p += sprintf(p, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\n"
			"Content-Length: %d\r\n%s\r\n", key, len, i + 1 < k->pipelined ? "" : "Connection: close\r\n");
		memcpy(p, body, (size_t)len);
		p += len;
	}
	free(body);
	*n = (size_t)(p - all);
	if (k->leave == LEAVE_BODY)
		*n -= 20;
	return all;
}

static void begin(struct visit *v, int number, const char *key, int port)
{
	struct sockaddr_in a = { 0 };
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(v, 0, sizeof *v);
	v->kind = &kinds[number % KINDS];
	v->out = requests(v->kind, key, &v->nout);
	v->fd = socket(AF_INET, SOCK_STREAM, 0);
	fcntl(v->fd, F_SETFL, O_NONBLOCK);
	if (v->fd < 0 || (connect(v->fd, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)) {
		perror("flood");
		exit(1);
	}
}

static int count(const struct visit *v, const char *what)
{
	int n = 0;
	for (const char *p = v->in; p && (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void end(struct visit *v)
{
	const struct kind *k = v->kind;
	bool good = k->leave != STAY || (count(v, k->status) == k->pipelined && count(v, "HTTP/1.1 ") == k->pipelined
		&& count(v, k->holds) == k->pipelined);
	(good ? right : wrong)[k - kinds]++;
	if (!good && wrong[k - kinds] == 1)
		fprintf(stderr, "flood: %s: %.*s\n", k->words, (int)(v->nin < 2000 ? v->nin : 2000), v->in ? v->in : "");
	if (k->leave == LEAVE_RESET || k->leave == LEAVE_SENT) {
		struct linger hard = { 1, 0 };
		setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	}
	close(v->fd);
	free(v->out);
	free(v->in);
	v->fd = -1;
}

/* false: the visit is over */
static bool put(struct visit *v)
{
	ssize_t n = send(v->fd, v->out + v->sent, v->nout - v->sent, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	v->sent += (size_t)n;
	return v->sent < v->nout || (v->kind->leave != LEAVE_BODY && v->kind->leave != LEAVE_SENT);
}

static bool take(struct visit *v)
{
	char part[65536];
	ssize_t n = recv(v->fd, part, sizeof part, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	v->in = realloc(v->in, v->nin + (size_t)n + 1);
	if (!v->in)
		abort();
	memcpy(v->in + v->nin, part, (size_t)n);
	v->nin += (size_t)n;
	v->in[v->nin] = 0;
	return v->kind->leave != LEAVE_FIRST && v->kind->leave != LEAVE_RESET;
}

static void visit(struct visit *v, short got)
{
	if ((got & POLLOUT) && v->sent < v->nout && !put(v)) {
		end(v);
		return;
	}
	if ((got & (POLLIN | POLLHUP | POLLERR)) && !take(v))
		end(v);
}

static int report(void)
{
	long bad = 0, good = 0;
	for (int i = 0; i < KINDS; i++) {
		good += right[i];
		bad += wrong[i];
	}
	printf("%ld right, %ld wrong\n", good, bad);
	return bad > 0;
}

int main(int argc, char **argv)
{
	static struct visit visits[AT_ONCE_MAX];
	struct pollfd p[AT_ONCE_MAX];
	long total, begun = 0;
	int at_once, running = 0;
	if (argc < 5 || (at_once = atoi(argv[2])) < 1 || at_once > AT_ONCE_MAX)
		return fprintf(stderr, "usage: flood COUNT AT-ONCE KEY PORT ...\n"), 2;
	total = atol(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < at_once; i++)
		visits[i].fd = -1;
	for (long long moved = now_ms(); begun < total || running > 0;) {
		running = 0;
		for (int i = 0; i < at_once; i++) {
			struct visit *v = &visits[i];
			if (v->fd < 0 && begun < total) {
				/* each round of kinds goes to the next port */
				begin(v, (int)(begun % KINDS), argv[3], atoi(argv[4 + begun / KINDS % (argc - 4)]));
				begun++;
			}
			p[i] = (struct pollfd){ v->fd, (short)(POLLIN | (v->fd >= 0 && v->sent < v->nout ? POLLOUT : 0)), 0 };
			running += v->fd >= 0;
		}
		if (running == 0)
			break;
		if (poll(p, (nfds_t)at_once, 1000) > 0)
			moved = now_ms();
		else if (now_ms() - moved > SILENCE_MAX)
			return fprintf(stderr, "flood: nothing moves\n"), 1;
		for (int i = 0; i < at_once; i++)
			if (visits[i].fd >= 0 && p[i].revents)
				visit(&visits[i], p[i].revents);
	}
	return report();
}
