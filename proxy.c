/*
 * claude-code-proxy: main, options, listeners or fds 0 and 1, signals, the
 * poll loop. Everything that lives as long as the process is owned here.
 *
 * Exit codes: 0, 100 (usage, configuration), 111 (the system refused).
 */
#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"
#include "version.h"

#define ACCEPT_PAUSE 100	/* ms without accepting after EMFILE and the like */
#define ACCEPT_QUIET 60000	/* ms before that is told again */
#define REFUSALS 16		/* connections over the limit that are told so; more wait in the backlog */
#define BACKLOG 511
#define EXIT_USAGE 100
#define EXIT_SYSTEM 111

extern char **environ;

struct loop {
	struct server srv;
	struct learned learned;
	struct instance inst[OPTIONS_ENV];
	int ninst;
	int signals[2];			/* self-pipe */
	struct conn **conns;		/* srv.count of them */
	struct pollfd *fds;		/* by place: signals, listeners, each connection's; then the same without holes */
	size_t nfds;			/* of each half */
	int64_t accept_at;		/* no accepting before */
	int64_t tell_at;		/* nor telling again that it fails */
	int64_t drain_until;
	unsigned max;			/* connections, within the limit of open files */
};

static int signal_pipe = -1;	/* the one thing that a signal handler can know */

static void on_signal(int sig)
{
	unsigned char byte = (unsigned char)sig;
	int saved = errno;

	/* when the pipe is full, one is on its way already */
	while (write(signal_pipe, &byte, 1) < 0 && errno == EINTR)
		;
	errno = saved;
}

static void nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* ---- start ---- */

/* Sockets must never get the numbers of the standard streams. */
static void standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/* Keys are in memory: no core file may hold them. */
static void no_core(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
}

static void warn(void *ctx, const char *line)
{
	log_line(ctx, LOG_WARNING, "%s", line);
}

static const char *where_text(const struct instance *inst, char *dst, size_t room)
{
	const char *host = inst->cfg->host;
	bool six = strchr(host, ':') != NULL;

	fmt(dst, room, "%s%s%s:%d", six ? "[" : "", host, six ? "]" : "", inst->port);
	return dst;
}

static int listen_on(const struct addrinfo *a)
{
	int one = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
		nonblocking(fd);
		return fd;
	}
	one = errno;
	close(fd);
	errno = one;
	return -1;
}

static int port_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;

	if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
		return 0;
	if (sa.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)(void *)&sa)->sin6_port);
	return ntohs(((struct sockaddr_in *)(void *)&sa)->sin_port);
}

static bool open_listener(struct instance *inst)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list;
	char port[16], where[300];

	fmt(port, sizeof port, "%d", inst->port);
	if (getaddrinfo(inst->cfg->host, port, &hints, &list) != 0) {
		say("claude-code-proxy: HOST %s: no such address\n", inst->cfg->host);
		return false;
	}
	/* a name of both families, such as localhost, means IPv4: that is what people write in base URLs */
	for (int four = 1; four >= 0; four--)
		for (struct addrinfo *a = list; a != NULL && inst->listener < 0; a = a->ai_next)
			if ((a->ai_family == AF_INET) == four)
				inst->listener = listen_on(a);
	int why = errno;
	freeaddrinfo(list);
	if (inst->listener < 0)
		say("claude-code-proxy: cannot listen on %s: %s\n", where_text(inst, where, sizeof where),
			why == EADDRINUSE ? "the port is in use; set another PORT, or stop what listens there" : strerror(why));
	else
		inst->port = port_of(inst->listener);
	return inst->listener >= 0;
}

static void banner(struct log *l, const struct instance *inst)
{
	const struct config *cfg = inst->cfg;
	char where[300];

	log_line(l, LOG_INFO, "claude-code-proxy %s listening on http://%s -> %s", VERSION,
		where_text(inst, where, sizeof where), cfg->target.shown);
	log_line(l, LOG_INFO, "models: big %s, middle %s, small %s; client keys are %s",
		cfg->big_model, cfg->middle_model, cfg->small_model,
		cfg->anthropic_api_key[0] != '\0' ? "checked" : "not checked");
	log_line(l, LOG_INFO, "limits: max_tokens %lld, bodies of %lld bytes, %d connections", (long long)cfg->max_tokens_limit,
		(long long)cfg->max_body, cfg->max_connections);
}

static int add_instance(struct loop *l, const char *file)
{
	char err[512];

	struct config *cfg = cfg_load(file, environ, err, sizeof err, warn, &l->srv.log);
	if (cfg == NULL) {
		say("claude-code-proxy: %s\n", err);
		return EXIT_USAGE;
	}
	l->inst[l->ninst++] = (struct instance){ .cfg = cfg, .listener = -1, .port = cfg->port };
	return 0;
}

static void drop_instances(struct loop *l)
{
	for (int i = 0; i < l->ninst; i++) {
		if (l->inst[i].listener >= 0)
			close(l->inst[i].listener);
		cfg_free((struct config *)(uintptr_t)l->inst[i].cfg);
	}
}

/* MAX_CONNECTIONS, of which each needs three descriptors, within what the system allows. */
static unsigned connection_limit(const struct loop *l)
{
	struct rlimit files;
	unsigned long want = 0;

	for (int i = 0; i < l->ninst; i++)
		want += (unsigned long)l->inst[i].cfg->max_connections;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return (unsigned)want;
	if (files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	unsigned long may = files.rlim_cur > 64 ? (unsigned long)(files.rlim_cur - 32) / 3 : 8;
	return (unsigned)(want < may ? want : may);
}

static int set_signals(struct loop *l)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	static const unsigned char ignored[] = { SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2 };

	if (pipe(l->signals) != 0)
		return -1;
	nonblocking(l->signals[0]);
	nonblocking(l->signals[1]);
	signal_pipe = l->signals[1];
	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	for (size_t i = 0; i < sizeof ignored; i++)
		sigaction(ignored[i], &ignore, NULL);
	return 0;
}

/* ---- connections ---- */

/*
 * Places for all connections there may be and what they poll for, in one piece
 * at the start: grown later they would lie on top of the heap and hold what is
 * free below. What is never used is never touched.
 */
static bool make_places(struct loop *l, unsigned max)
{
	size_t conns = (size_t)max + REFUSALS, fds = 1 + OPTIONS_ENV + conns * CONN_FDS;

	l->max = max;
	l->conns = malloc(conns * sizeof *l->conns);
	l->fds = malloc(2 * fds * sizeof *l->fds);
	l->nfds = fds;
	return l->conns != NULL && l->fds != NULL;
}

static void remove_conn(struct loop *l, size_t i)
{
	struct conn *c = l->conns[i];

	l->conns[i] = l->conns[l->srv.count - 1];
	conn_free(c);
}

/* The connection that was idle longest makes room. */
static bool close_idle(struct loop *l)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < l->srv.count; i++)
		if (conn_idle(l->conns[i]) && (found == SIZE_MAX || l->conns[i]->entered < l->conns[found]->entered))
			found = i;
	if (found == SIZE_MAX)
		return false;
	remove_conn(l, found);
	return true;
}

static void ipv4_text(const unsigned char *a, char *dst, size_t room)
{
	fmt(dst, room, "%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
}

/* The address for the log, by hand: getnameinfo would bring printf along. */
static void peer_text(const struct sockaddr_storage *sa, char *dst, size_t room)
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	const struct sockaddr_in *four = (const void *)sa;
	const struct sockaddr_in6 *six = (const void *)sa;
	const unsigned char *a = six->sin6_addr.s6_addr;
	size_t n = 0;

	if (sa->ss_family == AF_INET) {
		ipv4_text((const unsigned char *)&four->sin_addr, dst, room);
		return;
	}
	if (memcmp(a, mapped, sizeof mapped) == 0) {
		ipv4_text(a + 12, dst, room);
		return;
	}
	for (int i = 0; i < 16; i += 2)
		n += fmt(dst + n, room - n, "%s%x", i > 0 ? ":" : "", (unsigned)(a[i] << 8 | a[i + 1]));
}

/* An idle connection gives its descriptor; without one accepting pauses. Returns whether to try again at once. */
static bool accept_failed(struct loop *l)
{
	if (errno == EINTR || errno == ECONNABORTED)
		return true;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return false;
	if (l->srv.now >= l->tell_at) {
		log_line(&l->srv.log, LOG_ERROR, "accept: %s; pausing", strerror(errno));
		l->tell_at = l->srv.now + ACCEPT_QUIET;
	}
	if (close_idle(l))
		return true;
	l->accept_at = l->srv.now + ACCEPT_PAUSE;
	return false;
}

static bool accept_one(struct loop *l, struct instance *inst)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	char peer[64];
	int one = 1, fd = accept(inst->listener, (struct sockaddr *)&sa, &n);

	if (fd < 0)
		return accept_failed(l);
	nonblocking(fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	peer_text(&sa, peer, sizeof peer);
	bool full = l->srv.count >= l->max && !close_idle(l);
	struct conn *c = conn_new(&l->srv, inst, fd, fd, peer);
	if (c == NULL) {
		close(fd);
		return true;
	}
	l->conns[l->srv.count - 1] = c;
	if (full)
		conn_refuse(c);
	conn_step(c, NULL, 0);
	return true;
}

/* ---- the loop ---- */

static bool listening(const struct loop *l)
{
	return !l->srv.draining && l->srv.now >= l->accept_at && l->srv.count < l->max + REFUSALS;
}

/* More entries than files may be open, holes counted, are an error for poll. False: it failed for good. */
static bool wait_for_events(struct loop *l, size_t n, int ms)
{
	struct pollfd *dense = l->fds + l->nfds;
	nfds_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (l->fds[i].fd >= 0)
			dense[k++] = l->fds[i];
	int got = poll(dense, k, ms);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN || errno == ENOMEM;
	k = 0;
	for (size_t i = 0; i < n; i++)
		if (l->fds[i].fd >= 0)
			l->fds[i].revents = dense[k++].revents;
	return true;
}

static void drain(struct loop *l)
{
	int longest = 0;

	for (int i = 0; i < l->ninst; i++) {
		if (l->inst[i].cfg->drain > longest)
			longest = l->inst[i].cfg->drain;
		if (l->inst[i].listener >= 0)
			close(l->inst[i].listener);
		l->inst[i].listener = -1;
	}
	l->srv.draining = true;
	l->drain_until = l->srv.now + longest;
	for (size_t i = l->srv.count; i-- > 0; )
		if (conn_idle(l->conns[i]))
			remove_conn(l, i);
	log_line(&l->srv.log, LOG_INFO, "stopping: %u connections to finish", l->srv.count);
}

static bool take_signals(struct loop *l)
{
	unsigned char byte;
	bool again = l->srv.draining;

	while (read(l->signals[0], &byte, 1) == 1) {
		if (again)
			return false;
		drain(l);
		again = true;
	}
	return true;
}

static int64_t loop_due(const struct loop *l, int64_t due)
{
	if (l->srv.draining && l->drain_until < due)
		due = l->drain_until;
	if (l->accept_at > l->srv.now && l->accept_at < due)
		due = l->accept_at;
	for (size_t i = 0; i < l->srv.count; i++) {
		int64_t t = conn_due(l->conns[i]);
		if (t < due)
			due = t;
	}
	return due;
}

static int wait_ms(const struct loop *l, int64_t due)
{
	if (due == INT64_MAX)
		return -1;
	if (due <= l->srv.now)
		return 0;
	return due - l->srv.now > 3600000 ? 3600000 : (int)(due - l->srv.now);
}

/* Connections from the last to the first: one that ends is replaced by one that had its turn. */
static void step_conns(struct loop *l, const struct pollfd *p)
{
	for (size_t i = l->srv.count; i-- > 0; ) {
		struct conn *c = l->conns[i];
		int n = c->npoll;
		p -= n;
		bool woken = conn_due(c) <= l->srv.now;
		for (int k = 0; k < n && !woken; k++)
			woken = p[k].revents != 0;
		if (woken)
			conn_step(c, p, n);
		if (c->phase == PHASE_OVER)
			remove_conn(l, i);
	}
}

static bool turn(struct loop *l)
{
	struct pollfd *p = l->fds;
	int nlisten = 0;

	*p++ = (struct pollfd){ .fd = l->signals[0], .events = POLLIN };
	for (int i = 0; i < l->ninst; i++, nlisten++)
		*p++ = (struct pollfd){ .fd = listening(l) ? l->inst[i].listener : -1, .events = POLLIN };
	for (size_t i = 0; i < l->srv.count; i++) {
		l->conns[i]->npoll = conn_poll(l->conns[i], p);
		p += l->conns[i]->npoll;
	}
	int64_t due = loop_due(l, up_pool_sweep(l->srv.pool, l->srv.now));
	if (!wait_for_events(l, (size_t)(p - l->fds), wait_ms(l, due)))
		return false;
	l->srv.now = clock_ms();
	step_conns(l, p);
	for (int i = 0; i < nlisten; i++)
		if (l->fds[1 + i].revents != 0)
			for (int k = 0; k < 64 && listening(l) && accept_one(l, &l->inst[i]); k++)
				;
	/* last, since it may take connections away, which the poll set knows by their place */
	return l->fds[0].revents == 0 || take_signals(l);
}

static int run(struct loop *l)
{
	for (;;) {
		bool over = l->srv.count == 0 && (l->srv.draining || l->inst[0].listener < 0);
		if (over || (l->srv.draining && l->srv.now >= l->drain_until))
			return 0;
		if (!turn(l))
			return l->srv.draining ? 0 : EXIT_SYSTEM;
	}
}

static int serve_inetd(struct loop *l)
{
	nonblocking(0);
	nonblocking(1);
	if (!make_places(l, 1))
		return EXIT_SYSTEM;
	struct conn *c = conn_new(&l->srv, &l->inst[0], 0, same_socket() ? 0 : 1, "inetd");
	if (c == NULL)
		return EXIT_SYSTEM;
	l->conns[0] = c;
	conn_step(c, NULL, 0);
	return run(l);
}

/* Now, so that a bundle that cannot be read is not found out by the first request. */
static bool read_roots(struct loop *l, const struct config *c)
{
	char said[512];

	if (!c->target.tls)
		return true;
	bool ok = up_pool_trust(l->srv.pool, c, said, sizeof said) == 0;
	log_line(&l->srv.log, ok ? LOG_INFO : LOG_ERROR, "%s", said);
	return ok;
}

static int serve_listeners(struct loop *l)
{
	for (int i = 0; i < l->ninst; i++) {
		if (!open_listener(&l->inst[i]))
			return EXIT_SYSTEM;
		banner(&l->srv.log, &l->inst[i]);
		if (!read_roots(l, l->inst[i].cfg))
			return EXIT_SYSTEM;
	}
	if (!make_places(l, connection_limit(l)))
		return EXIT_SYSTEM;
	return run(l);
}

/* The lowest of the instances' levels; what is said for one of them is held to its own. */
static enum log_level talkative(const struct loop *l)
{
	enum log_level level = LOG_CRITICAL;

	for (int i = 0; i < l->ninst; i++)
		if (l->inst[i].cfg->log_level < level)
			level = l->inst[i].cfg->log_level;
	return level;
}

static int serve(struct loop *l, const struct options *o)
{
	int bad = 0;

	l->srv.now = clock_ms();
	l->srv.learned = &l->learned;
	log_init(&l->srv.log, o->inetd ? -1 : 2, LOG_INFO, log_needs_stamp(2));
	for (int i = 0; i < o->nenv && bad == 0; i++)
		bad = add_instance(l, o->env[i]);
	if (o->nenv == 0)
		bad = add_instance(l, NULL);
	if (bad == 0) {
		l->srv.log.level = talkative(l);
		l->srv.pool = up_pool_new();
		bad = l->srv.pool == NULL || set_signals(l) != 0 ? EXIT_SYSTEM : 0;
	}
	if (bad == 0)
		bad = o->inetd ? serve_inetd(l) : serve_listeners(l);
	while (l->srv.count > 0) {
		client_gone(l->conns[l->srv.count - 1], "stopped");
		remove_conn(l, l->srv.count - 1);
	}
	if (l->srv.pool != NULL)
		up_pool_free(l->srv.pool);
	chunks_free(&l->srv.chunks);
	drop_instances(l);
	free(l->conns);
	free(l->fds);
	return bad;
}

int main(int argc, char *argv[])
{
	static struct loop loop;	/* large, and as long-lived as the process */
	struct options o;

	standard_fds();
	no_core();
	int bad = options_read(argc, argv, &o);
	if (bad != 0)
		return bad < 0 ? 0 : bad;
	if (o.check)
		return command_check(&o);
	if (o.convert != NULL)
		return command_convert(&o);
	return serve(&loop, &o);
}
