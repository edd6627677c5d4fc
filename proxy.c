/*
 * claude-code-proxy: main, listeners or fds 0 and 1, signals, the poll loop.
 * Everything that lives as long as the process is owned here.
 *
 *   SIGTERM, SIGINT   no accepting, idle connections are closed, what runs is finished within DRAIN_MS; a second one: the end
 *   SIGHUP            the settings are read again (instances.c)
 *   SIGUSR2           the program is started anew on the same listeners (upgrade.c); when it serves, there is no accepting
 *                     here, what runs is finished however long it takes, and idle connections get one request more
 *
 * Exit codes: 0, 100 (usage, configuration), 111 (the system refused).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "errno_text.h"
#include "park.h"
#include "sandbox.h"
#include "target.h"
#include "upgrade.h"

#define ACCEPT_PAUSE 100	/* ms without accepting after EMFILE and the like */
#define ACCEPT_QUIET 60000	/* ms before that is told again */
#define REFUSALS 16		/* connections over the limit that are served /health and told so; more wait in the backlog */
#define LOOK 60000		/* ms between two looks at the log files */
#define EXIT_SYSTEM 111

/* What is looked at each turn, side by side: thousands of these are less than a hundred connections. */
struct place {
	struct conn *c;
	int64_t due;			/* as conn_due() */
	int n;				/* entries of the present poll set; none: it is parked */
	struct parked parked;
};

struct loop {
	struct server srv;
	struct learned learned;
	struct instances all;
	const struct options *options;
	char **argv;
	struct upgrade upgrade;
	int signals[2];			/* self-pipe */
	struct place *places;		/* srv.count of them have a connection */
	struct park park;
	struct pollfd *fds;		/* by place: AT_..., each connection's; then the same without holes */
	size_t nfds;			/* of each half */
	int64_t accept_at;		/* no accepting before */
	int64_t tell_at;		/* nor telling again that it fails */
	int64_t drain_until;
	int64_t look_at;		/* at the log files */
	int64_t busy_at;		/* when there last was a connection */
	unsigned room;			/* of places, without those for refusals */
	unsigned max;			/* connections, within the limit of open files */
};

enum { AT_SIGNALS, AT_UPGRADE, AT_PARK, AT_LISTENERS, AT_CONNS = AT_LISTENERS + OPTIONS_ENV };	/* in the poll set */

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

/* MAX_CONNECTIONS, of which each needs three descriptors, within what the system allows. */
static unsigned connection_limit(const struct loop *l)
{
	struct rlimit files;
	unsigned long want = 0;

	for (int i = 0; i < l->all.n; i++)
		want += (unsigned long)l->all.at[i]->cfg->max_connections;
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
	static const unsigned char taken[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2 };
	static const unsigned char ignored[] = { SIGPIPE, SIGUSR1, SIGXFSZ };	/* the last: a log file at the limit of files */

	if (pipe(l->signals) != 0)
		return -1;
	if (listen_own(l->signals[0]) < 0 || listen_own(l->signals[1]) < 0)
		return -1;
	signal_pipe = l->signals[1];
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < sizeof taken; i++)
		sigaction(taken[i], &act, NULL);
	for (size_t i = 0; i < sizeof ignored; i++)
		sigaction(ignored[i], &ignore, NULL);
	return 0;
}

/* ---- connections ---- */

/*
 * Places for all connections there may be and what they poll for, in one piece
 * at the start: grown later they would lie on top of the heap and hold what is
 * free below. What is never used is never touched. Only a reload that allows
 * more makes others. False: out of memory, and what was there stays.
 */
static bool make_places(struct loop *l, unsigned max)
{
	size_t conns = (size_t)max + REFUSALS, fds = AT_CONNS + conns * CONN_FDS;
	struct place *more = malloc(conns * sizeof *more);
	struct pollfd *polled = malloc(2 * fds * sizeof *polled);

	if (more == NULL || polled == NULL) {
		free(more);
		free(polled);
		return false;
	}
	if (l->srv.count > 0)
		memcpy(more, l->places, l->srv.count * sizeof *more);
	if (l->fds == NULL)
		park_open(&l->park, 3 * conns);
	free(l->places);
	free(l->fds);
	l->places = more;
	l->fds = polled;
	l->nfds = fds;
	l->room = l->max = max;
	return true;
}

static void add_conn(struct loop *l, struct conn *c)
{
	c->at = l->srv.count - 1;
	l->places[c->at] = (struct place){ .c = c, .parked = { .fd = { -1, -1 } } };
}

static void remove_conn(struct loop *l, size_t i)
{
	struct conn *c = l->places[i].c;

	park_drop(&l->park, &l->places[i].parked);
	l->places[i] = l->places[l->srv.count - 1];
	l->places[i].c->at = (unsigned)i;
	conn_free(c);
}

static bool is_from(const struct conn *c, const char *peer)
{
	return *peer == '\0' || strcmp(c->peer, peer) == 0;
}

/* Of those from peer ("": all) the one that was idle longest makes room. */
static bool close_idle(struct loop *l, const char *peer)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < l->srv.count; i++)
		if (conn_idle(l->places[i].c) && is_from(l->places[i].c, peer) &&
				(found == SIZE_MAX || l->places[i].c->entered < l->places[found].c->entered))
			found = i;
	if (found == SIZE_MAX)
		return false;
	remove_conn(l, found);
	return true;
}

/* An idle connection gives its descriptor; without one accepting pauses. Returns whether to try again at once. */
static bool accept_failed(struct loop *l)
{
	if (errno == EINTR || errno == ECONNABORTED)
		return true;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return false;
	if (l->srv.now >= l->tell_at) {
		log_line(instances_log(&l->all), LOG_ERROR, "accept: %s; pausing", errno_text(errno));
		l->tell_at = l->srv.now + ACCEPT_QUIET;
	}
	if (close_idle(l, ""))
		return true;
	l->accept_at = l->srv.now + ACCEPT_PAUSE;
	return false;
}

/* How many connections peer may have; what is no address is of this machine. */
static unsigned address_limit(const struct loop *l, const struct config *cfg, const char *peer)
{
	unsigned char a[16];

	if (cfg->max_per_address > 0)
		return (unsigned)cfg->max_per_address;
	return target_loopback(peer) || !q_address(peer, a) ? UINT_MAX : l->max - l->max / 4;
}

/*
 * Whether there is a place for one more from peer: an idle one of its own
 * makes room for it, then any. *crowd: it has so many more that no other is told.
 */
static bool has_place(struct loop *l, const struct config *cfg, const char *peer, bool *crowd)
{
	unsigned may = address_limit(l, cfg, peer), own = 0;

	for (size_t i = 0; may != UINT_MAX && i < l->srv.count; i++)
		own += is_from(l->places[i].c, peer);
	*crowd = false;
	if (own >= may && !close_idle(l, peer)) {
		*crowd = own - may >= REFUSALS / 2;
		return false;
	}
	return l->srv.count < l->max || close_idle(l, "");
}

static bool accept_one(struct loop *l, struct instance *inst)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	char peer[64];
	int one = 1, fd = listen_own(accept(inst->listener, (struct sockaddr *)&sa, &n));

	if (fd < 0)
		return accept_failed(l);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	listen_peer(&sa, peer, sizeof peer);
	bool crowd, place = has_place(l, inst->cfg, peer, &crowd);
	struct conn *c = crowd ? NULL : conn_new(&l->srv, inst, fd, fd, peer);
	if (c == NULL) {
		close(fd);
		return true;
	}
	add_conn(l, c);
	c->refused = !place;
	conn_step(c, NULL, 0);
	if (c->phase == PHASE_OVER)
		remove_conn(l, l->srv.count - 1);
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

static void close_idle_ones(struct loop *l)
{
	for (size_t i = l->srv.count; i-- > 0; )
		if (conn_idle(l->places[i].c))
			remove_conn(l, i);
}

/* Accepts no more; what runs is finished. bounded: within DRAIN_MS, and what idles is closed. */
static void drain(struct loop *l, bool bounded)
{
	int longest = 0;

	for (int i = 0; i < l->all.n; i++)
		if (l->all.at[i]->cfg->drain > longest)
			longest = l->all.at[i]->cfg->drain;
	/* while a new program starts, it may be that program's already */
	instances_close(&l->all, !bounded || l->upgrade.ready >= 0);
	l->srv.draining = true;
	l->srv.patient = !bounded;
	l->drain_until = bounded ? l->srv.now + longest : INT64_MAX;
	if (bounded)
		close_idle_ones(l);
	log_line(instances_log(&l->all), LOG_INFO, "stopping: %u connections to finish", l->srv.count);
}

/* What waits at a listener that is to be closed. */
static void empty_listener(void *ctx, struct instance *inst)
{
	struct loop *l = ctx;

	while (l->srv.count < l->max + REFUSALS && accept_one(l, inst))
		;
}

static void reload(struct loop *l)
{
	instances_reload(&l->all, l->options);
	for (size_t i = 0; i < l->srv.count; i++)
		if (conn_idle(l->places[i].c)) {
			conn_renew(l->places[i].c);
			l->places[i].due = conn_due(l->places[i].c);
		}
	unsigned max = connection_limit(l);
	if (max <= l->room)
		l->max = max;
	else
		make_places(l, max);
}

static void begin_upgrade(struct loop *l)
{
	int fds[OPTIONS_ENV], n = 0;

	for (int i = 0; i < l->all.n; i++)
		if (l->all.at[i]->listener >= 0)
			fds[n++] = l->all.at[i]->listener;
	int error = upgrade_start(&l->upgrade, l->argv, fds, n);
	log_line(instances_log(&l->all), error == 0 ? LOG_INFO : LOG_ERROR, "upgrade: starting %s: %s", l->argv[0],
		error == 0 ? "waiting until it serves" : errno_text(error));
}

static void end_upgrade(struct loop *l)
{
	int status = upgrade_end(&l->upgrade);
	char main_pid[32];

	if (status != 0)
		log_line(instances_log(&l->all), LOG_ERROR, "upgrade: the new program did not start (%s %d); this one goes on",
			WIFEXITED(status) ? "exit status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	else
		log_line(instances_log(&l->all), LOG_INFO, "upgrade: process %ld serves now", (long)l->upgrade.pid);
	if (status == 0 && !l->srv.draining) {
		fmt(main_pid, sizeof main_pid, "MAINPID=%ld", (long)l->upgrade.pid);
		upgrade_notify(main_pid);
		drain(l, false);
	}
}

/* False: the end, now. */
static bool take_signals(struct loop *l)
{
	bool hup = false, usr2 = false, ends = l->srv.draining && !l->srv.patient;
	unsigned char byte;

	while (read(l->signals[0], &byte, 1) == 1) {
		hup |= byte == SIGHUP;
		usr2 |= byte == SIGUSR2;
		if (byte == SIGHUP || byte == SIGUSR2)
			continue;
		if (ends)
			return false;
		drain(l, true);
		ends = true;
	}
	if (l->srv.draining || l->options->command == COMMAND_INETD)
		return true;
	if (hup)
		reload(l);
	if (usr2 && l->options->command != COMMAND_WAIT && l->upgrade.ready < 0)
		begin_upgrade(l);
	return true;
}

/* Under inetd's wait mode: how long nobody has to come until the process ends. */
static int64_t idle_due(const struct loop *l)
{
	return l->options->command == COMMAND_WAIT && l->srv.count == 0 ? l->busy_at + l->all.at[0]->cfg->keepalive : INT64_MAX;
}

static int64_t loop_due(const struct loop *l, int64_t due)
{
	if (l->srv.draining && l->drain_until < due)
		due = l->drain_until;
	if (idle_due(l) < due)
		due = idle_due(l);
	if (l->accept_at > l->srv.now && l->accept_at < due)
		due = l->accept_at;
	if (l->all.logs.next != NULL && l->look_at < due)
		due = l->look_at;
	for (size_t i = 0; i < l->srv.count; i++)
		if (l->places[i].due < due)
			due = l->places[i].due;
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

/* Which descriptors a name waits for is known only while it does: that is not parked. */
static void step_conn(struct loop *l, struct place *at, struct pollfd *p, int n)
{
	struct conn *c = at->c;
	bool relayed = c->phase == PHASE_RELAY;

	conn_step(c, p, n);
	if (c->phase == PHASE_OVER) {
		remove_conn(l, c->at);
		return;
	}
	if (c->phase == PHASE_DIAL || l->srv.count < PARK_MIN) {
		park_drop(&l->park, &at->parked);
		return;
	}
	struct pollfd now[CONN_FDS];
	park_keep(&l->park, &at->parked, now, conn_poll(c, now), c, relayed && c->phase == PHASE_RELAY);
	at->due = conn_due(c);
}

/* Connections from the last to the first: one that ends is replaced by one that had its turn. */
static void step_conns(struct loop *l, struct pollfd *p)
{
	for (size_t i = l->srv.count; i-- > 0; ) {
		int n = l->places[i].n;
		p -= n;
		bool woken = l->places[i].due <= l->srv.now;
		for (int k = 0; k < n && !woken; k++)
			woken = p[k].revents != 0;
		if (woken)
			step_conn(l, &l->places[i], p, n);
	}
}

static void step_parked(struct loop *l)
{
	struct pollfd events[PARK_EVENTS], p[CONN_FDS];
	int got = park_events(&l->park, events);

	for (int i = 0; i < got; i++) {
		struct conn *c = l->park.owner[events[i].fd];
		int n = c == NULL ? 0 : conn_poll(c, p);
		for (int k = 0; k < n; k++)
			p[k].revents = p[k].fd == events[i].fd ? events[i].revents : 0;
		if (c != NULL)
			step_conn(l, &l->places[c->at], p, n);
	}
}

/* The poll set behind its first entries. Returns its end. */
static struct pollfd *gather(struct loop *l)
{
	struct pollfd *p = l->fds;

	p[AT_SIGNALS] = (struct pollfd){ .fd = l->signals[0], .events = POLLIN };
	p[AT_UPGRADE] = (struct pollfd){ .fd = l->upgrade.ready, .events = POLLIN };
	p[AT_PARK] = (struct pollfd){ .fd = l->park.fd, .events = POLLIN };
	p += AT_LISTENERS;
	for (int i = 0; i < l->all.n; i++)
		*p++ = (struct pollfd){ .fd = listening(l) ? l->all.at[i]->listener : -1, .events = POLLIN };
	for (struct place *at = l->places; at < l->places + l->srv.count; at++) {
		at->n = 0;
		if (at->parked.fd[0] >= 0)
			continue;
		at->n = conn_poll(at->c, p);
		at->due = conn_due(at->c);
		p += at->n;
	}
	return p;
}

static bool turn(struct loop *l)
{
	struct pollfd *p = gather(l);
	int64_t due = loop_due(l, up_pool_sweep(l->srv.pool, l->srv.now));
	if (!wait_for_events(l, (size_t)(p - l->fds), wait_ms(l, due)))
		return false;
	l->srv.now = clock_ms();
	if (l->srv.count > 0)
		l->busy_at = l->srv.now;
	step_conns(l, p);
	if (l->fds[AT_PARK].revents != 0)
		step_parked(l);
	for (int i = 0; i < l->all.n; i++)
		if (l->fds[AT_LISTENERS + i].revents != 0)
			for (int k = 0; k < 64 && listening(l) && accept_one(l, l->all.at[i]); k++)
				;
	if (l->srv.now >= l->look_at) {
		logfile_look(&l->all.logs, wall_clock());
		l->look_at = l->srv.now + LOOK;
	}
	/* last, since these may take connections away, which the poll set knows by their place */
	if (l->fds[AT_UPGRADE].revents != 0)
		end_upgrade(l);
	return l->fds[AT_SIGNALS].revents == 0 || take_signals(l);
}

static int run(struct loop *l)
{
	for (;;) {
		bool over = l->srv.count == 0 && (l->srv.draining || l->options->command == COMMAND_INETD || l->srv.now >= idle_due(l));
		if (over || (l->srv.draining && l->srv.now >= l->drain_until))
			return 0;
		if (!turn(l))
			return l->srv.draining ? 0 : EXIT_SYSTEM;
	}
}

static int refused(struct loop *l)
{
	log_line(instances_log(&l->all), LOG_CRITICAL, "cannot start: %s", errno_text(errno));
	return EXIT_SYSTEM;
}

static int serve_inetd(struct loop *l)
{
	if (listen_own(0) < 0 || listen_own(1) < 0)
		return refused(l);
	if (!confine(&l->all) || !make_places(l, 1))
		return EXIT_SYSTEM;
	struct conn *c = conn_new(&l->srv, l->all.at[0], 0, same_socket() ? 0 : 1, "inetd");
	if (c == NULL)
		return EXIT_SYSTEM;
	add_conn(l, c);
	conn_step(c, NULL, 0);
	return run(l);
}

static int serve_listeners(struct loop *l)
{
	int ready = l->all.in.ready, bad = instances_open(&l->all);
	if (bad != 0)
		return bad;
	if (!make_places(l, connection_limit(l)))
		return refused(l);
	if (!confine(&l->all))
		return EXIT_SYSTEM;
	upgrade_tell(ready);
	upgrade_notify("READY=1");
	return run(l);
}

static int prepare(struct loop *l, const struct options *o)
{
	/* where fd 2 is inetd's socket */
	bool waits = o->command == COMMAND_WAIT, silent = o->command == COMMAND_INETD || (waits && same_socket());

	l->options = o;
	l->busy_at = l->srv.began = l->srv.now = clock_ms();
	l->srv.learned = &l->learned;
	l->upgrade.ready = -1;
	log_init(&l->all.logs.log, silent ? -1 : 2, LOG_INFO, log_needs_stamp(2));
	tokens_init(&l->srv.tokens);
	l->all.srv = &l->srv;
	l->all.empty = empty_listener;
	l->all.ctx = l;
	inherited_find(&l->all.in, waits);
	if (waits && l->all.in.n == 0) {
		say("claude-code-proxy: -w: file descriptor 0 is no listening socket\n");
		return 100;
	}
	l->all.anew = o->command == COMMAND_SERVE && l->all.in.ready < 0;
	int bad = instances_load(&l->all, o);
	if (bad != 0)
		return bad;
	l->srv.pool = up_pool_new();
	return l->srv.pool == NULL || set_signals(l) != 0 ? refused(l) : 0;
}

static int serve(struct loop *l, const struct options *o)
{
	int bad = prepare(l, o);

	if (bad == 0)
		bad = o->command == COMMAND_INETD ? serve_inetd(l) : serve_listeners(l);
	while (l->srv.count > 0) {
		client_gone(l->places[l->srv.count - 1].c, "stopped");
		remove_conn(l, l->srv.count - 1);
	}
	if (l->srv.pool != NULL)
		up_pool_free(l->srv.pool);
	instances_free(&l->all);
	free(l->places);
	free(l->fds);
	free(l->park.owner);
	return bad;
}

int main(int argc, char *argv[])
{
	static struct loop loop;	/* large, and as long-lived as the process */
	struct options o;

	standard_fds();
	sandbox_no_core();
	int bad = options_read(argc, argv, &o);
	if (bad != 0)
		return bad < 0 ? 0 : bad;
	switch (o.command) {
	case COMMAND_CHECK:
		return command_check(&o);
	case COMMAND_STATUS:
		return command_status(&o);
	case COMMAND_ENV:
		return command_env(&o);
	case COMMAND_CONVERT:
		return command_convert(&o);
	case COMMAND_SERVE:
	case COMMAND_INETD:
	case COMMAND_WAIT:
		break;
	}
	loop.argv = argv;
	return serve(&loop, &o);
}
