/*
 * The parked descriptors are known to epoll by their number, and whose they are by
 * a table of ours: a number that was closed, or was given away meanwhile, wakes
 * nobody or somebody in vain, never somebody who is gone.
 */
#include "park.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __linux__
#include <sys/epoll.h>

void park_open(struct park *k, size_t fds)
{
	*k = (struct park){ .fd = epoll_create1(EPOLL_CLOEXEC), .fds = fds };
	if (k->fd >= 0)
		k->owner = calloc(fds, sizeof *k->owner);
	if (k->owner == NULL)
		k->fds = 0;
}

static bool watch(struct park *k, int fd, short events)
{
	struct epoll_event e = { .events = (uint32_t)events, .data.fd = fd };

	if (epoll_ctl(k->fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return true;
	return errno == EEXIST && epoll_ctl(k->fd, EPOLL_CTL_MOD, fd, &e) == 0;
}

static void forget(struct park *k, int fd)
{
	struct epoll_event unused = { 0 };

	if (fd < 0)
		return;
	epoll_ctl(k->fd, EPOLL_CTL_DEL, fd, &unused);
	k->owner[fd] = NULL;
}

int park_events(struct park *k, struct pollfd *p)
{
	struct epoll_event e[PARK_EVENTS];
	int n = epoll_wait(k->fd, e, PARK_EVENTS, 0);

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = e[i].data.fd, .revents = (short)e[i].events };
	return n;
}
#else
void park_open(struct park *k, size_t fds)
{
	*k = (struct park){ .fd = -1 };
}

static bool watch(struct park *k, int fd, short events)
{
	(void)k, (void)fd, (void)events;
	return false;
}

static void forget(struct park *k, int fd)
{
	(void)k, (void)fd;
}

int park_events(struct park *k, struct pollfd *p)
{
	(void)k, (void)p;
	return 0;
}
#endif

bool park_keep(struct park *k, struct parked *was, const struct pollfd *p, int n, struct conn *owner, bool same)
{
	struct parked now = { .fd = { -1, -1 } };
	int m = 0;

	for (int i = 0; i < n; i++) {
		if (p[i].fd < 0)
			continue;
		if (m == 2 || (size_t)p[i].fd >= k->fds) {
			park_drop(k, was);
			return false;
		}
		now.fd[m] = p[i].fd;
		now.events[m++] = p[i].events;
	}
	for (int i = 0; i < 2; i++)
		if (was->fd[i] != now.fd[i])
			forget(k, was->fd[i]);
	for (int i = 0; i < m; i++) {
		if (same && was->fd[i] == now.fd[i] && was->events[i] == now.events[i])
			continue;
		k->owner[now.fd[i]] = owner;
		if (!watch(k, now.fd[i], now.events[i])) {
			park_drop(k, &now);
			*was = now;
			return false;
		}
	}
	*was = now;
	return true;
}

void park_drop(struct park *k, struct parked *was)
{
	forget(k, was->fd[0]);
	forget(k, was->fd[1]);
	*was = (struct parked){ .fd = { -1, -1 } };
}
