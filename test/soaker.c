/*
 * Streams for a long time, for what must neither be lost nor grow:
 *
 * soaker PORT-FILE GO-FILE STREAMS SECONDS SEED
 *
 * is the upstream, whose port it writes to PORT-FILE, and once GO-FILE says "PORT
 * PID KEY" of a proxy also its clients: for SECONDS there are STREAMS of them, one
 * after the other in each place, of the kinds that soak_plan.h has. What comes is
 * compared with what the seed says, byte for byte, as it comes. In between the
 * size, the descriptors and the children of the proxy are looked at once a second.
 *
 * Prints a line for each kind and figure; the status is 1 when a stream was not
 * as it should be. Each such stream is told of on stderr, the first twenty.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "soak_look.h"
#include "soak_plan.h"

#define TICK 5			/* ms between two looks at everything */
#define SILENCE_MAX 60000	/* ms: a client to which nothing comes gives up */
#define DRAIN_MAX 180000	/* ms for the streams that run at the end */
#define REQUEST_MAX 40000
#define EVENT_MAX (CODED_MAX + 512)
#define SLOW_EVERY 100		/* ms: a slow client takes */
#define SLOW_BYTES 2500		/* so much */

/* first in both of the following, so that epoll can tell them apart */
struct end {
	int fd;			/* -1: free */
	bool up;
};

struct up {
	struct end end;
	bool answers;		/* its request is there */
	uint64_t seed;
	struct plan plan;
	unsigned next;		/* delta */
	long long due;
	size_t nin, nout, sent;
	char in[REQUEST_MAX], out[EVENT_MAX + 1024];
};

enum part { HEAD, SIZE, DATA, DATA_END, TRAILER, WHOLE_ANSWER };

struct client {
	struct end end;
	uint64_t seed;
	struct plan plan;
	long long until, last;	/* paused until then; when something came last */
	bool paused, was_paused, stopped, told;
	enum part part;
	unsigned long left;	/* of the chunk */
	unsigned next;		/* delta */
	size_t at, have_len;	/* how much of the one before has come */
	size_t nout, sent, nline, line_size;
	char *line;		/* of the head, of a chunk's size or of an event */
	char have[TEXT_MAX], out[REQUEST_MAX];
};

struct figure {
	const char *name;
	long first, later, highest, last;	/* later: after two thirds */
};

static struct {
	int epoll, listener;
	unsigned streams, seconds;
	uint64_t seed, begun;
	int port;
	long pid;
	char key[100];
	long long now, start;
	bool over;		/* no stream begins any more */
	unsigned active;
	struct up *ups;
	unsigned nup;
	struct client *clients;
	unsigned long right[KINDS], wrong[KINDS], told;
	unsigned long long bytes, received;
	struct figure figures[3];
} soak = { .figures = { { .name = "rss" }, { .name = "descriptors" }, { .name = "children" } } };

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "soaker: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void watch(struct end *e, int how, unsigned events)
{
	struct epoll_event v = { 0 };
	v.events = events;
	v.data.ptr = e;
	must(epoll_ctl(soak.epoll, how, e->fd, &v) == 0, "epoll_ctl");
}

static void drop(struct end *e, bool hard)
{
	struct linger reset = { 1, 0 };
	if (hard)
		setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(e->fd);
	e->fd = -1;
}

/* ---- the upstream ---- */

static void up_accept(void)
{
	int fd;
	while ((fd = accept(soak.listener, NULL, NULL)) >= 0) {
		unsigned i = 0;
		while (i < soak.nup && soak.ups[i].end.fd >= 0)
			i++;
		must(i < soak.nup, "more connections than streams");
		struct up *u = &soak.ups[i];
		fcntl(fd, F_SETFL, O_NONBLOCK);
		u->end.fd = fd;
		u->answers = false;
		u->nin = u->nout = u->sent = 0;
		watch(&u->end, EPOLL_CTL_ADD, EPOLLIN);
	}
}

/* one chunk (RFC 9112 section 7.1) behind what is there */
static void up_chunk(struct up *u, const char *data, size_t n)
{
	u->nout += (size_t)sprintf(u->out + u->nout, "%zx\r\n", n);
	memcpy(u->out + u->nout, data, n);
	u->nout += n;
	memcpy(u->out + u->nout, "\r\n", 2);
	u->nout += 2;
}

#define EVENT "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":"

static void up_delta(struct up *u)
{
	char text[TEXT_MAX], event[EVENT_MAX];
	size_t n = delta_text(u->seed, &u->plan, u->next, text), len = sizeof EVENT - 1;
	memcpy(event, EVENT, len);
	len += (size_t)sprintf(event + len, "{%s\"content\":\"", u->next == 0 ? "\"role\":\"assistant\"," : "");
	len += json_coded(text, n, u->next % 4 == 3, event + len);
	len += (size_t)sprintf(event + len, "\"},\"finish_reason\":null}]}\n\n");
	up_chunk(u, event, len);
	u->next++;
}

static void up_finish(struct up *u)
{
	static const char stop[] = EVENT "{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5,"
		"\"total_tokens\":8}}\n\n", done[] = "data: [DONE]\n\n";
	up_chunk(u, stop, sizeof stop - 1);
	up_chunk(u, done, sizeof done - 1);
	memcpy(u->out + u->nout, "0\r\n\r\n", 5);
	u->nout += 5;
	u->answers = false;
}

/* part: only half of it now, the rest when it is looked at next */
static void up_put(struct up *u, bool part)
{
	size_t n = (u->nout - u->sent) / (part ? 2 : 1);
	ssize_t put = n ? send(u->end.fd, u->out + u->sent, n, MSG_NOSIGNAL) : 0;
	if (put < 0 && errno != EAGAIN && errno != EINTR) {
		drop(&u->end, false);
		return;
	}
	u->sent += put > 0 ? (size_t)put : 0;
	if (u->sent == u->nout)
		u->sent = u->nout = 0;
}

static void up_begin(struct up *u, const char *said)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
	u->seed = strtoull(said, NULL, 10);
	u->plan = plan_of(u->seed, soak.seconds);
	u->answers = true;
	u->next = 0;
	u->nin = 0;
	u->due = soak.now + u->plan.period;
	memcpy(u->out, head, sizeof head - 1);
	u->nout = sizeof head - 1;
}

/* a request of which the head gives the length */
static void up_take(struct up *u)
{
	ssize_t n = recv(u->end.fd, u->in + u->nin, sizeof u->in - 1 - u->nin, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(&u->end, false);
		return;
	}
	u->nin += (size_t)n;
	u->in[u->nin] = 0;
	char *body = strstr(u->in, "\r\n\r\n"), *length = strstr(u->in, "Content-Length: ");
	if (!body || !length || u->nin < (size_t)(body + 4 - u->in) + strtoul(length + 16, NULL, 10))
		return;
	const char *said = strstr(body, "soak-");
	must(said != NULL && !u->answers, "a request that no client sent");
	up_begin(u, said + 5);
}

static void up_tick(struct up *u)
{
	up_put(u, false);
	if (u->end.fd < 0 || !u->answers || u->nout || soak.now < u->due)
		return;
	bool here = u->next == u->plan.at;
	if (u->next == u->plan.count)
		up_finish(u);
	else
		up_delta(u);
	if (here && u->plan.kind == UP_CUTS) {
		up_put(u, true);
		if (u->end.fd >= 0)
			drop(&u->end, u->plan.hard);
		return;
	}
	u->due = soak.now > u->due + 200 ? soak.now : u->due + u->plan.period;
	if (here && u->plan.kind == UP_STALLS)
		u->due += u->plan.pause;
	up_put(u, u->next % 8 == 0);
}

/* ---- the clients ---- */

static void client_connect(struct client *c)
{
	struct sockaddr_in a = { 0 };
	int small = 4096, segment = 536;
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)soak.port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->end.fd = socket(AF_INET, SOCK_STREAM, 0);
	must(c->end.fd >= 0, "socket");
	fcntl(c->end.fd, F_SETFL, O_NONBLOCK);
	/* for the proxy, not the system, to feel that nothing is taken */
	if (c->plan.bulk) {
		setsockopt(c->end.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
		setsockopt(c->end.fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
	}
	must(connect(c->end.fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EINPROGRESS, "connect");
	watch(&c->end, EPOLL_CTL_ADD, c->plan.kind == CLIENT_SLOW ? 0 : EPOLLIN);
}

static void client_request(struct client *c)
{
	char body[REQUEST_MAX];
	int n = sprintf(body, "{\"model\":\"claude-opus-4-8\",\"max_tokens\":9999,\"stream\":true,\"messages\":[{\"role\":\"user\","
		"\"content\":\"soak-%llu ", (unsigned long long)c->seed);
	memset(body + n, 'x', c->plan.padding);
	n += (int)c->plan.padding;
	n += sprintf(body + n, "\"}]}");
	c->nout = (size_t)sprintf(c->out, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: "
		"application/json\r\nContent-Length: %d\r\n%s\r\n%.*s", soak.key, n, c->plan.keep ? "" : "Connection: close\r\n", n, body);
	c->sent = 0;
}

/* on a connection that is there, or on a new one */
static void client_begin(struct client *c)
{
	c->seed = mix(soak.seed + soak.begun++) >> 20;
	c->plan = plan_of(c->seed, soak.seconds);
	if (c->plan.bulk && c->end.fd >= 0)
		drop(&c->end, false);
	c->paused = c->was_paused = c->stopped = c->told = false;
	c->part = HEAD;
	c->next = 0;
	c->at = c->have_len = c->nline = 0;
	c->last = soak.now;
	soak.active++;
	client_request(c);
	if (c->end.fd < 0)
		client_connect(c);
}

/* why: NULL, or what was wrong */
static void client_end(struct client *c, const char *why)
{
	bool keep = !why && c->plan.keep && c->part == WHOLE_ANSWER;
	(why ? soak.wrong : soak.right)[c->plan.kind]++;
	if (why && soak.told++ < 20)
		fprintf(stderr, "soaker: at %lld ms: stream %llu (%s), delta %u of %u, byte %zu: %s: %.*s\n", soak.now - soak.start,
			(unsigned long long)c->seed, kinds[c->plan.kind].name, c->next, c->plan.count, c->at, why,
			(int)(c->nline < 300 ? c->nline : 300), c->line ? c->line : "");
	soak.active--;
	if (!keep)
		drop(&c->end, why || (c->plan.kind == CLIENT_ABORTS && c->plan.hard));
	if (!soak.over)
		client_begin(c);
	else if (keep)
		drop(&c->end, false);
}

static bool all_came(const struct client *c)
{
	return c->next == c->plan.count && c->at == c->have_len;
}

/* NULL, or what is wrong with the n bytes that came of the text */
static const char *client_text(struct client *c, const char *text, size_t n)
{
	soak.bytes += n;
	while (n > 0) {
		if (c->at == c->have_len) {
			if (c->next == c->plan.count)
				return "more text than was sent";
			c->have_len = delta_text(c->seed, &c->plan, c->next++, c->have);
			c->at = 0;
		}
		size_t part = n < c->have_len - c->at ? n : c->have_len - c->at;
		if (memcmp(text, c->have + c->at, part) != 0)
			return "other text than was sent";
		c->at += part;
		text += part;
		n -= part;
	}
	return NULL;
}

/* a line of the events, which ends with a NUL */
static const char *client_event(struct client *c)
{
	if (strcmp(c->line, "event: message_stop") == 0)
		c->stopped = true;
	if (strcmp(c->line, "event: error") == 0)
		c->told = true;
	char *text = strstr(c->line, "\"text\":\"");
	if (strncmp(c->line, "data: ", 6) != 0 || !text || !strstr(c->line, "\"text_delta\""))
		return NULL;
	return client_text(c, text + 8, json_decoded(text + 8));
}

static void line_add(struct client *c, char ch)
{
	if (c->nline + 1 >= c->line_size) {
		c->line_size = c->line_size ? 2 * c->line_size : 1024;
		c->line = realloc(c->line, c->line_size);
		must(c->line != NULL, "memory");
	}
	c->line[c->nline++] = ch;
	c->line[c->nline] = 0;
}

/* the next byte of what is in chunks */
static const char *client_data(struct client *c, char ch)
{
	const char *why = NULL;
	if (ch != '\n') {
		line_add(c, ch);
	} else if (c->nline) {
		why = client_event(c);
		c->nline = why ? c->nline : 0;
	}
	if (--c->left == 0)
		c->part = DATA_END;
	return why;
}

static const char *client_head(struct client *c, char ch)
{
	line_add(c, ch);
	if (c->nline < 4 || memcmp(c->line + c->nline - 4, "\r\n\r\n", 4) != 0)
		return NULL;
	if (strncmp(c->line, "HTTP/1.1 200 ", 13) != 0 || !strstr(c->line, "chunked"))
		return "another head";
	c->nline = c->left = 0;
	c->part = SIZE;
	return NULL;
}

/* a byte of the answer; RFC 9112 section 7.1 */
static const char *client_byte(struct client *c, char ch)
{
	switch (c->part) {
	case HEAD:
		return client_head(c, ch);
	case SIZE:
		if (ch == '\n')
			c->part = c->left ? DATA : TRAILER;
		else if (ch != '\r')
			c->left = c->left << 4 | (unsigned)(ch <= '9' ? ch - '0' : (ch | 0x20) - 'a' + 10);
		return NULL;
	case DATA:
		return client_data(c, ch);
	case DATA_END:
		if (ch == '\n')
			c->part = SIZE;
		return NULL;
	case TRAILER:
		if (ch == '\n')
			c->part = WHOLE_ANSWER;
		return NULL;
	case WHOLE_ANSWER:
		return "more than an answer";
	}
	return NULL;
}

/* what is wrong with an answer that is at its end */
static const char *client_judge(const struct client *c)
{
	if (c->plan.kind == UP_CUTS)
		return c->stopped ? "cut, and ended as if it were whole" : c->told ? NULL : "cut, and nothing told";
	if (c->told)
		return "an error";
	if (c->part != WHOLE_ANSWER)
		return "an end in the middle";
	return !c->stopped ? "no message_stop" : !all_came(c) ? "less text than was sent" : NULL;
}

/* leaves, or takes nothing for a while; false: the stream is over */
static bool client_acts(struct client *c)
{
	if (c->plan.kind == CLIENT_ABORTS && c->next >= c->plan.at) {
		client_end(c, NULL);
		return false;
	}
	if (c->plan.kind == CLIENT_STALLS && !c->was_paused && c->next >= c->plan.at) {
		c->paused = c->was_paused = true;
		c->until = soak.now + c->plan.pause;
		watch(&c->end, EPOLL_CTL_MOD, 0);
	}
	return true;
}

/* at most so many bytes */
static void client_take(struct client *c, size_t most)
{
	char part[65536];
	ssize_t n = recv(c->end.fd, part, most < sizeof part ? most : sizeof part, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_end(c, n < 0 ? strerror(errno) : client_judge(c));
		return;
	}
	soak.received += (unsigned long long)n;
	c->last = soak.now;
	for (ssize_t i = 0; i < n; i++) {
		const char *why = client_byte(c, part[i]);
		if (why) {
			client_end(c, why);
			return;
		}
	}
	if (c->part == WHOLE_ANSWER)
		client_end(c, client_judge(c));
	else
		client_acts(c);
}

static void client_tick(struct client *c)
{
	if (c->sent < c->nout) {
		ssize_t n = send(c->end.fd, c->out + c->sent, c->nout - c->sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			client_end(c, strerror(errno));
			return;
		}
		c->sent += n > 0 ? (size_t)n : 0;
	}
	if (c->paused && soak.now >= c->until) {
		c->paused = false;
		c->last = soak.now;
		watch(&c->end, EPOLL_CTL_MOD, EPOLLIN);
	}
	if (c->plan.kind == CLIENT_SLOW && soak.now >= c->until) {
		c->until = soak.now + SLOW_EVERY;
		client_take(c, SLOW_BYTES);
	}
	if (c->end.fd >= 0 && !c->paused && soak.now - c->last > SILENCE_MAX)
		client_end(c, "silence");
}

/* ---- all of it ---- */

static void look(void)
{
	long is[3] = { resident(soak.pid), descriptors(soak.pid), children(soak.pid) };
	/* the first tenth: streams are young, and few of the kinds that take long are among them */
	if (soak.over || soak.now - soak.start < soak.seconds * 100LL)
		return;
	for (int i = 0; i < 3; i++) {
		struct figure *f = &soak.figures[i];
		f->first = f->first ? f->first : is[i];
		f->later = soak.now - soak.start < soak.seconds * 667LL ? is[i] : f->later;
		f->highest = is[i] > f->highest ? is[i] : f->highest;
		f->last = is[i];
	}
}

/* both sides for as long as wait says, at most TICK */
static void turn(void)
{
	struct epoll_event v[256];
	int n = epoll_wait(soak.epoll, v, 256, TICK);
	soak.now = now_ms();
	for (int i = 0; i < n; i++) {
		struct end *e = v[i].data.ptr;
		if (!e)
			up_accept();
		else if (e->fd >= 0 && e->up)
			up_take((struct up *)e);
		else if (e->fd >= 0)
			client_take((struct client *)e, 65536);
	}
}

static void tick(void)
{
	for (unsigned i = 0; i < soak.nup; i++)
		if (soak.ups[i].end.fd >= 0)
			up_tick(&soak.ups[i]);
	for (unsigned i = 0; i < soak.streams; i++)
		if (soak.clients[i].end.fd >= 0)
			client_tick(&soak.clients[i]);
}

static void run(void)
{
	unsigned started = 0;
	long long ticked = 0, looked = 0;
	soak.now = soak.start = now_ms();
	while (!soak.over || soak.active) {
		turn();
		soak.over = soak.now - soak.start >= soak.seconds * 1000LL;
		/* not all in one moment: the queue of a listener has an end */
		for (int i = 0; i < 8 && started < soak.streams && !soak.over && soak.now - ticked >= TICK; i++)
			client_begin(&soak.clients[started++]);
		if (soak.now - ticked >= TICK) {
			ticked = soak.now;
			tick();
		}
		if (soak.now - looked >= 1000) {
			looked = soak.now;
			look();
		}
		if (soak.now - soak.start >= soak.seconds * 1000LL + DRAIN_MAX)
			break;
	}
	for (unsigned i = 0; i < soak.streams; i++)
		if (soak.clients[i].end.fd >= 0)
			client_end(&soak.clients[i], "no end");
}

static void set_up(const char *port_file)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof a;
	struct rlimit most;
	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	soak.nup = 2 * soak.streams + 100;
	soak.ups = calloc(soak.nup, sizeof *soak.ups);
	soak.clients = calloc(soak.streams, sizeof *soak.clients);
	must(soak.ups && soak.clients, "memory");
	for (unsigned i = 0; i < soak.nup; i++) {
		soak.ups[i].end.fd = -1;
		soak.ups[i].end.up = true;
	}
	for (unsigned i = 0; i < soak.streams; i++)
		soak.clients[i].end.fd = -1;
	soak.epoll = epoll_create1(0);
	soak.listener = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(bind(soak.listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(soak.listener, 1024) == 0 &&
		getsockname(soak.listener, (struct sockaddr *)&a, &len) == 0, "listen");
	fcntl(soak.listener, F_SETFL, O_NONBLOCK);
	struct epoll_event v = { .events = EPOLLIN };
	must(epoll_ctl(soak.epoll, EPOLL_CTL_ADD, soak.listener, &v) == 0, "epoll_ctl");
	FILE *f = fopen(port_file, "w");
	must(f && fprintf(f, "%d\n", ntohs(a.sin_port)) > 0 && fclose(f) == 0, port_file);
}

/* meanwhile whoever tries the upstream's port is answered to by a close */
static bool told_to_go(const char *file)
{
	for (long long end = now_ms() + 60000; now_ms() < end;) {
		FILE *f = fopen(file, "r");
		int n = f ? fscanf(f, "%d %ld %99s", &soak.port, &soak.pid, soak.key) : 0;
		if (f)
			fclose(f);
		if (n == 3)
			return true;
		turn();
	}
	return false;
}

static int report(void)
{
	unsigned long streams = 0, wrong = 0, lost = 0;
	for (unsigned i = 0; i < KINDS; i++) {
		streams += soak.right[i] + soak.wrong[i];
		wrong += soak.wrong[i];
		lost += WHOLE(i) ? soak.wrong[i] : 0;
		printf("%s: %lu as they should be, %lu not\n", kinds[i].name, soak.right[i], soak.wrong[i]);
	}
	printf("streams %lu\nlost %lu\nuntold %lu\ntext %llu\nreceived %llu\n", streams, lost, soak.wrong[UP_CUTS], soak.bytes,
		soak.received);
	for (int i = 0; i < 3; i++)
		printf("%s %ld %ld %ld %ld\n", soak.figures[i].name, soak.figures[i].first, soak.figures[i].later,
			soak.figures[i].highest, soak.figures[i].last);
	return wrong > 0;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: soaker PORT-FILE GO-FILE STREAMS SECONDS SEED\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	soak.streams = (unsigned)atoi(argv[3]);
	soak.seconds = (unsigned)atoi(argv[4]);
	soak.seed = strtoull(argv[5], NULL, 10);
	set_up(argv[1]);
	if (!told_to_go(argv[2]))
		return 2;
	run();
	return report();
}
