/*
 * Names without waiting. One child per family runs getaddrinfo and writes one
 * fixed record to its pipe; a child can therefore hang, crash or be killed and
 * nothing but its lookup is lost. Asking per family is on purpose: a resolver
 * that asks for both fails as a whole when only AAAA fails.
 *
 *   child     what is known of its family
 *   running   nothing yet: its pipe is polled, its end is the deadline
 *   ended     addresses or a reason; killed, reaped, pipe closed
 *
 *   lookup    ends when
 *   both ended, or the deadline, or one has addresses and GRACE is over
 *
 * Limits: DNS_HOSTS cached hosts, LOOKUPS at a time (two children each),
 * DNS_ADDRESSES per host, names of NAME_LEN bytes (RFC 1035 2.3.4).
 */
#include "dns.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quirks.h"
#include "sandbox.h"

#define NAME_LEN 255
#define LOOKUPS 8
#define GRACE 50		/* ms for the other family, once one has answered (RFC 8305 3) */
#define GRACE_AGAIN 1000	/* the same where the last lookup missed IPv4 */
#define NEGATIVE 2000		/* ms that a failure is kept */
#define STALE 3600000		/* ms that a good answer may stand in for failures */
#define STALE_WAIT 2000		/* ms to wait for a new answer where an old one is at hand */
#define FDS_WITHOUT_PROC 1024	/* descriptors closed blindly where /proc is not mounted */

/* why a family has no address; of two reasons the later in this list is told */
enum why { WHY_NONE, WHY_NONAME, WHY_NODATA, WHY_REFUSED, WHY_DIED, WHY_SILENT, WHY_LATE, WHY_RESOURCES };

static const char why_text[] = "\0"
	"no such name\0"
	"the name has no address\0"
	"the name server refuses\0"
	"the resolver died\0"
	"the name server does not answer\0"
	"no answer in time\0"
	"no process, descriptor or memory for the resolver";

struct packed {
	uint32_t scope;			/* of a link-local IPv6 address */
	unsigned char bytes[16];	/* as by q_address */
};

/* what a child writes: below PIPE_BUF, so it comes whole or not at all */
struct message {
	enum why why;
	int count;
	struct packed at[DNS_ADDRESSES];
};

struct child {
	pid_t pid;	/* 0: ended */
	int fd;
	struct message m;
};

enum { SIX, FOUR, FAMILIES };

struct list {
	int count;
	struct packed at[DNS_ADDRESSES];
};

struct dns_query {
	int wishes;		/* 0: the slot is free */
	bool done;
	bool patient;		/* waits GRACE_AGAIN */
	char host[NAME_LEN + 1];
	int ttl;
	int64_t deadline, grace;	/* grace 0: no address yet */
	struct child child[FAMILIES];
	struct list list;	/* the result */
	enum why why;
};

struct entry {
	char host[NAME_LEN + 1];	/* "": free */
	struct list list;	/* last good answer */
	int64_t good, fresh;	/* when it came; until when not to ask again */
	enum why why;		/* of the last failure */
	bool half;		/* IPv4 had not answered when the list was made */
	struct packed worked;	/* all 0: none */
};

struct dns {
	struct entry entry[DNS_HOSTS];
	struct dns_query lookup[LOOKUPS];
};

struct dns *dns_new(void)
{
	return calloc(1, sizeof(struct dns));
}

/* ------------------------------------------------------------ addresses */

/* what stands before an IPv4 address: RFC 4291 2.5.5.2 */
static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_four(const struct packed *p)
{
	return memcmp(p->bytes, mapped, sizeof mapped) == 0;
}

static void unpack(struct dns_address *a, const struct packed *p, int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&a->sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&a->sa;

	memset(a, 0, sizeof *a);
	if (is_four(p)) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		memcpy(&in->sin_addr, p->bytes + sizeof mapped, 4);
		a->n = sizeof *in;
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		in6->sin6_scope_id = p->scope;
		memcpy(&in6->sin6_addr, p->bytes, 16);
		a->n = sizeof *in6;
	}
}

/* false: a family that is not ours */
static bool pack(struct packed *p, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	memset(p, 0, sizeof *p);
	if (sa->sa_family == AF_INET) {
		memcpy(p->bytes, mapped, sizeof mapped);
		memcpy(p->bytes + sizeof mapped, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		p->scope = in6->sin6_scope_id;
		memcpy(p->bytes, &in6->sin6_addr, 16);
	}
	return sa->sa_family == AF_INET || sa->sa_family == AF_INET6;
}

/* moves the address to the front, where the list has it */
static void promote(struct list *l, const struct packed *p)
{
	for (int i = 0; i < l->count; i++) {
		if (memcmp(&l->at[i], p, sizeof *p) != 0)
			continue;
		memmove(&l->at[1], &l->at[0], (size_t)i * sizeof l->at[0]);
		l->at[0] = *p;
		return;
	}
}

/* families in turn (RFC 8305 4), beginning with the one that worked last */
static void interleave(struct list *out, const struct child c[FAMILIES], const struct packed *worked)
{
	int used[FAMILIES] = { 0, 0 };
	int turn = is_four(worked) ? FOUR : SIX;

	out->count = 0;
	while (out->count < DNS_ADDRESSES) {
		if (used[turn] >= c[turn].m.count)
			turn = !turn;
		if (used[turn] >= c[turn].m.count)
			break;
		out->at[out->count++] = c[turn].m.at[used[turn]++];
		turn = !turn;
	}
	promote(out, worked);
}

static void answer_list(struct dns_answer *a, const struct list *l, int port)
{
	a->error = NULL;
	a->final = a->late = false;
	a->count = l->count;
	for (int i = 0; i < l->count; i++)
		unpack(&a->address[i], &l->at[i], port);
}

static void answer_error(struct dns_answer *a, enum why why)
{
	a->count = 0;
	a->error = q_text(why_text, why);
	a->late = why == WHY_LATE;
	a->final = why == WHY_NONAME || why == WHY_NODATA || a->late;
}

/* ------------------------------------------------------------ the child */

/* every descriptor but keep: one that stayed open would hide other connections' ends */
static void close_others(int keep)
{
	DIR *d = opendir("/proc/self/fd");

	if (d == NULL) {
		for (int fd = 0; fd < FDS_WITHOUT_PROC; fd++)
			if (fd != keep)
				close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		int fd = 0;
		for (const char *s = e->d_name; *s >= '0' && *s <= '9'; s++)
			fd = fd * 10 + (*s - '0');
		if (e->d_name[0] != '.' && fd != keep && fd != dirfd(d))
			close(fd);
	}
	closedir(d);
}

/* 0, 1 and 2 may be a client's socket under inetd */
static void standard_fds(void)
{
	for (int i = 0; i < 3; i++)
		if (open("/dev/null", O_RDWR) > 2)
			return;
}

static enum why why_of(int code)
{
	switch (code) {
	case EAI_NONAME:
		return WHY_NONAME;
	case EAI_AGAIN:
		return WHY_SILENT;
	case EAI_FAIL:
		return WHY_REFUSED;
	case EAI_SYSTEM:
	case EAI_MEMORY:
		return WHY_RESOURCES;
	default:
		return WHY_NODATA;	/* EAI_NODATA and its kin are not in POSIX */
	}
}

static void resolve(struct message *m, const char *host, int family)
{
	struct addrinfo hints, *all = NULL;

	memset(m, 0, sizeof *m);
	memset(&hints, 0, sizeof hints);
	hints.ai_family = family;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICSERV;
	int code = getaddrinfo(host, NULL, &hints, &all);
	if (code != 0) {
		m->why = why_of(code);
		return;
	}
	for (struct addrinfo *a = all; a != NULL && m->count < DNS_ADDRESSES; a = a->ai_next)
		if (pack(&m->at[m->count], a->ai_addr))
			m->count++;
	if (m->count == 0)
		m->why = WHY_NODATA;
	freeaddrinfo(all);
}

static void default_signals(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	for (int sig = 1; sig < 32; sig++)
		sigaction(sig, &sa, NULL);
}

static void child_main(int fd, const char *host, int family, int timeout)
{
	struct message m;
	sigset_t none;
	int keep = fcntl(fd, F_DUPFD, 3);

	default_signals();
	if (keep < 0)
		_exit(1);
	close_others(keep);
	standard_fds();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* for the case that nobody is left to kill it */
	alarm((unsigned)timeout / 1000 + 2);
	sandbox_resolver();
	resolve(&m, host, family);
	while (write(keep, &m, sizeof m) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* ------------------------------------------------------ parent and child */

static void child_end(struct child *c, enum why why)
{
	if (c->pid == 0)
		return;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(c->fd);
	c->pid = 0;
	c->fd = -1;
	if (c->m.count == 0 && c->m.why == WHY_NONE)
		c->m.why = why;
}

/* signals wait while the child still has the parent's handlers */
static pid_t fork_child(const int fd[2], const char *host, int family, int timeout)
{
	sigset_t all, old;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = fork();
	if (pid == 0)
		child_main(fd[1], host, family, timeout);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

static void child_start(struct child *c, const char *host, int family, int timeout)
{
	int fd[2];

	memset(c, 0, sizeof *c);
	c->fd = -1;
	c->m.why = WHY_RESOURCES;
	if (pipe(fd) < 0)
		return;
	if (fcntl(fd[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd[1], F_SETFD, FD_CLOEXEC) == 0
	    && fcntl(fd[0], F_SETFL, O_NONBLOCK) == 0) {
		pid_t pid = fork_child(fd, host, family, timeout);
		c->pid = pid > 0 ? pid : 0;
	}
	close(fd[1]);
	if (c->pid == 0) {
		close(fd[0]);
		return;
	}
	c->fd = fd[0];
	c->m.why = WHY_NONE;
}

static void child_read(struct child *c)
{
	struct message m;
	ssize_t n;

	if (c->pid == 0)
		return;
	do
		n = read(c->fd, &m, sizeof m);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n == (ssize_t)sizeof m && m.count >= 0 && m.count <= DNS_ADDRESSES && m.why <= WHY_RESOURCES)
		c->m = m;
	child_end(c, WHY_DIED);
}

/* -------------------------------------------------------------- the cache */

static struct entry *entry_find(struct dns *d, const char *host)
{
	for (int i = 0; i < DNS_HOSTS; i++)
		if (d->entry[i].host[0] != '\0' && strcmp(d->entry[i].host, host) == 0)
			return &d->entry[i];
	return NULL;
}

/* the host's entry, or one made from the least fresh */
static struct entry *entry_make(struct dns *d, const char *host)
{
	struct entry *e = entry_find(d, host);

	if (e != NULL)
		return e;
	e = &d->entry[0];
	for (int i = 0; i < DNS_HOSTS && e->host[0] != '\0'; i++)
		if (d->entry[i].host[0] == '\0' || d->entry[i].fresh < e->fresh)
			e = &d->entry[i];
	memset(e, 0, sizeof *e);
	memcpy(e->host, host, strlen(host));
	return e;
}

static bool usable(const struct entry *e, int64_t now)
{
	return e != NULL && e->list.count > 0 && now - e->good <= STALE;
}

static void answer_entry(struct dns_answer *a, const struct entry *e, int64_t now, int port)
{
	if (usable(e, now))
		answer_list(a, &e->list, port);
	else
		answer_error(a, e->why);
}

/* ------------------------------------------------------------ the lookup */

static struct dns_query *lookup_find(struct dns *d, const char *host)
{
	for (int i = 0; i < LOOKUPS; i++) {
		struct dns_query *l = &d->lookup[i];
		if (l->wishes > 0 && !l->done && strcmp(l->host, host) == 0)
			return l;
	}
	return NULL;
}

/* NULL: no slot, or no child could be started */
static struct dns_query *lookup_start(struct dns *d, const char *host, int64_t now, int timeout, int ttl)
{
	struct dns_query *l = NULL;
	const struct entry *e = entry_find(d, host);

	for (int i = 0; i < LOOKUPS && l == NULL; i++)
		if (d->lookup[i].wishes == 0)
			l = &d->lookup[i];
	if (l == NULL)
		return NULL;
	memset(l, 0, sizeof *l);
	memcpy(l->host, host, strlen(host));
	child_start(&l->child[SIX], host, AF_INET6, timeout);
	child_start(&l->child[FOUR], host, AF_INET, timeout);
	if (l->child[SIX].pid == 0 && l->child[FOUR].pid == 0)
		return NULL;
	l->ttl = ttl;
	l->patient = e != NULL && e->half;
	l->deadline = now + (usable(e, now) && timeout > STALE_WAIT ? STALE_WAIT : timeout);
	return l;
}

/*
 * Without IPv4's answer the list may be of no use here, so it is not kept as
 * fresh and the next lookup is patient; after that it counts as all there is.
 */
static void lookup_store(struct dns *d, struct dns_query *l, bool half, int64_t now)
{
	struct entry *e = entry_make(d, l->host);

	interleave(&l->list, l->child, &e->worked);
	if (l->list.count > 0) {
		e->list = l->list;
		e->good = now;
		e->half = half && !l->patient;
		e->fresh = e->half ? now : now + l->ttl;
		return;
	}
	for (int i = 0; i < FAMILIES; i++)
		if (l->why < l->child[i].m.why)
			l->why = l->child[i].m.why;
	e->why = l->why;
	/* what failed here says nothing of the name */
	e->fresh = l->why == WHY_DIED || l->why == WHY_RESOURCES ? now : now + NEGATIVE;
	if (usable(e, now))
		l->list = e->list;
}

static void lookup_step(struct dns *d, struct dns_query *l, int64_t now)
{
	bool running = false, found = false;

	if (l->done)
		return;
	for (int i = 0; i < FAMILIES; i++) {
		child_read(&l->child[i]);
		running |= l->child[i].pid > 0;
		found |= l->child[i].m.count > 0;
	}
	if (found && l->grace == 0)
		l->grace = now + (l->patient ? GRACE_AGAIN : GRACE);
	if (running && now < l->deadline && (!found || now < l->grace))
		return;
	bool half = l->child[FOUR].pid > 0;
	for (int i = 0; i < FAMILIES; i++)
		child_end(&l->child[i], WHY_LATE);
	l->done = true;
	lookup_store(d, l, half, now);
}

void dns_drop(struct dns_query *l)
{
	if (--l->wishes > 0)
		return;
	for (int i = 0; i < FAMILIES; i++)
		child_end(&l->child[i], WHY_LATE);
}

/* ---------------------------------------------------------- the interface */

struct dns_query *dns_ask(struct dns *d, const char *host, int port, int64_t now, int timeout, int ttl,
	struct dns_answer *answer)
{
	struct list one = { .count = 1 };
	struct entry *e = entry_find(d, host);

	if (q_address(host, one.at[0].bytes)) {
		answer_list(answer, &one, port);
		return NULL;
	}
	if (host[0] == '\0' || strlen(host) > NAME_LEN) {
		answer_error(answer, WHY_NONAME);
		return NULL;
	}
	if (e != NULL && now < e->fresh) {
		answer_entry(answer, e, now, port);
		return NULL;
	}
	struct dns_query *q = lookup_find(d, host);
	if (q == NULL)
		q = lookup_start(d, host, now, timeout, ttl);
	if (q != NULL) {
		q->wishes++;
		return q;
	}
	if (usable(e, now))
		answer_list(answer, &e->list, port);
	else
		answer_error(answer, WHY_RESOURCES);
	return NULL;
}

int dns_poll(struct dns *d, struct dns_query *q, int port, int64_t now, struct dns_answer *answer)
{
	lookup_step(d, q, now);
	if (!q->done)
		return 0;
	if (q->list.count > 0)
		answer_list(answer, &q->list, port);
	else
		answer_error(answer, q->why);
	dns_drop(q);
	return 1;
}

int dns_fds(const struct dns_query *q, int fds[], int max)
{
	int n = 0;

	for (int i = 0; i < FAMILIES && n < max; i++)
		if (q->child[i].pid > 0)
			fds[n++] = q->child[i].fd;
	return n;
}

int64_t dns_due(const struct dns_query *q)
{
	if (q->done)
		return 0;
	return q->grace != 0 && q->grace < q->deadline ? q->grace : q->deadline;
}

void dns_worked(struct dns *d, const char *host, const struct dns_address *a)
{
	struct entry *e = entry_find(d, host);
	struct packed p;

	if (e == NULL || !pack(&p, (const struct sockaddr *)(const void *)&a->sa))
		return;
	e->worked = p;
	promote(&e->list, &p);
}

void dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	for (int i = 0; i < LOOKUPS; i++)
		for (int k = 0; d->lookup[i].wishes > 0 && k < FAMILIES; k++)
			child_end(&d->lookup[i].child[k], WHY_LATE);
	free(d);
}
