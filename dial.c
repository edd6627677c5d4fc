/*
 * Connecting, as dial.h says. A blackholed address gives its place to one not
 * tried yet after EACH of the whole time; where none is left it keeps it.
 */
#include "dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define EACH(whole) ((whole) * 2 / 5)

void dial_start(struct dial *d, const struct dns_answer *answer, int64_t now, int timeout)
{
	d->answer = answer;
	d->next = 0;
	for (int i = 0; i < DIAL_AT_ONCE; i++)
		d->at[i].fd = -1;
	d->stagger = now;
	d->deadline = now + timeout;
	d->each = EACH((int64_t)timeout);
	d->won = -1;
	d->error = 0;
}

void dial_stop(struct dial *d)
{
	for (int i = 0; i < DIAL_AT_ONCE; i++) {
		if (d->at[i].fd >= 0)
			close(d->at[i].fd);
		d->at[i].fd = -1;
	}
}

/* a failure makes room for the next address at once */
static void try_end(struct dial *d, struct dial_try *t, int error, int64_t now)
{
	close(t->fd);
	t->fd = -1;
	d->error = error;
	d->stagger = now;
}

static int make_socket(int family)
{
	int one = 1;
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

/* Begins to connect; 0 or an errno. Asked again after EINTR it says EALREADY, or EISCONN (POSIX, connect). */
static int begin_connect(int fd, const struct dns_address *a)
{
	int r;

	do
		r = connect(fd, (const struct sockaddr *)(const void *)&a->sa, a->n);
	while (r < 0 && errno == EINTR);
	return r == 0 || errno == EINPROGRESS || errno == EALREADY || errno == EISCONN ? 0 : errno;
}

static void try_begin(struct dial *d, struct dial_try *t, int64_t now)
{
	const struct dns_address *a = &d->answer->address[d->next];

	t->index = d->next++;
	t->since = now;
	t->fd = make_socket(a->sa.ss_family);
	if (t->fd < 0) {
		d->error = errno;
		return;
	}
	d->stagger = now + DIAL_STAGGER;
	int error = begin_connect(t->fd, a);
	if (error != 0)
		try_end(d, t, error, now);
}

static int running(const struct dial *d)
{
	int n = 0;

	for (int i = 0; i < DIAL_AT_ONCE; i++)
		n += d->at[i].fd >= 0;
	return n;
}

/* the socket's events now */
static short ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) > 0 ? p.revents : 0;	/* after a signal: when the loop polls again */
}

static int win(struct dial *d, struct dial_try *t)
{
	int fd = t->fd;

	d->won = t->index;
	t->fd = -1;
	dial_stop(d);
	return fd;
}

/* looks at those under way; a connected socket or DIAL_GOING */
static int reap(struct dial *d, int64_t now)
{
	for (int i = 0; i < DIAL_AT_ONCE; i++) {
		struct dial_try *t = &d->at[i];
		short events = t->fd < 0 ? 0 : ready(t->fd);
		int error = 0;
		socklen_t n = sizeof error;
		if (events == 0)
			continue;
		if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
			error = errno;
		if (error == 0 && (events & POLLOUT) != 0)
			return win(d, t);
		try_end(d, t, error != 0 ? error : ECONNREFUSED, now);
	}
	return DIAL_GOING;
}

/* a free place for the next address, or the place of one that had its time, or NULL */
static struct dial_try *place(struct dial *d, int64_t now)
{
	for (int i = 0; i < DIAL_AT_ONCE; i++)
		if (d->at[i].fd < 0)
			return &d->at[i];
	for (int i = 0; i < DIAL_AT_ONCE; i++)
		if (now - d->at[i].since >= d->each) {
			try_end(d, &d->at[i], ETIMEDOUT, now);
			return &d->at[i];
		}
	return NULL;
}

int dial_step(struct dial *d, int64_t now)
{
	int fd = reap(d, now);

	if (fd >= 0)
		return fd;
	if (now >= d->deadline) {
		dial_stop(d);
		d->error = ETIMEDOUT;
		return DIAL_FAILED;
	}
	while (d->next < d->answer->count && (now >= d->stagger || running(d) == 0)) {
		struct dial_try *t = place(d, now);
		if (t == NULL)
			break;
		try_begin(d, t, now);
	}
	return running(d) > 0 ? DIAL_GOING : DIAL_FAILED;
}

int dial_poll(const struct dial *d, struct pollfd *p)
{
	int n = 0;

	for (int i = 0; i < DIAL_AT_ONCE; i++) {
		if (d->at[i].fd < 0)
			continue;
		p[n++] = (struct pollfd){ .fd = d->at[i].fd, .events = POLLOUT };
	}
	return n;
}

int64_t dial_due(const struct dial *d)
{
	int64_t due = d->deadline;

	if (d->next >= d->answer->count)
		return due;
	if (running(d) < DIAL_AT_ONCE)
		return d->stagger < due ? d->stagger : due;
	for (int i = 0; i < DIAL_AT_ONCE; i++)
		if (d->at[i].since + d->each < due)
			due = d->at[i].since + d->each;
	return due;
}
