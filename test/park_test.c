/* What is parked is told of, once it is dropped it is not, and numbers that come again harm nobody. */
#include "check.h"
#include "park.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct park k;
static struct conn *const one = (struct conn *)&k, *const other = (struct conn *)((char *)&k + 1);

static int told(int fd)
{
	struct pollfd p[PARK_EVENTS];
	int n = park_events(&k, p);

	for (int i = 0; i < n; i++)
		if (p[i].fd == fd)
			return p[i].revents;
	return 0;
}

int main(void)
{
	struct parked mine = { .fd = { -1, -1 } }, its = mine;
	int a[2], b[2];

	park_open(&k, 64);
	if (k.fd < 0) {
		CHECK("without epoll nothing is parked", !park_keep(&k, &mine, &(struct pollfd){ .fd = 0 }, 1, one, false));
		return CHECK_END();
	}
	CHECK("sockets", socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0);
	struct pollfd p[3] = { { .fd = a[0], .events = POLLIN }, { .fd = -1 }, { .fd = b[0], .events = POLLIN } };
	CHECK("parked", park_keep(&k, &mine, p, 3, one, false));
	CHECK("whose they are", k.owner[a[0]] == one && k.owner[b[0]] == one);
	CHECK("nothing yet", told(a[0]) == 0 && told(b[0]) == 0);
	CHECK("a byte", write(b[1], "x", 1) == 1 && told(b[0]) == POLLIN && told(a[0]) == 0);
	CHECK("told until it is read", told(b[0]) == POLLIN);
	p[0].events = POLLIN | POLLOUT;
	CHECK("other events", park_keep(&k, &mine, p, 3, one, true) && told(a[0]) == POLLOUT);
	p[0].events = 0;
	CHECK("no events", park_keep(&k, &mine, p, 3, one, true) && told(a[0]) == 0);
	CHECK("but the end is told", close(a[1]) == 0 && (told(a[0]) & POLLHUP) != 0);

	CHECK("no number is free below", dup(a[0]) == a[1]);
	close(b[0]);
	close(b[1]);
	CHECK("sockets again, of the same numbers", socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0 && b[0] == p[2].fd);
	CHECK("parked again", park_keep(&k, &mine, p, 3, one, false) && write(b[1], "x", 1) == 1 && told(b[0]) == POLLIN);

	CHECK("only the first stays", park_keep(&k, &mine, p, 1, one, true) && told(b[0]) == 0 && k.owner[b[0]] == NULL && k.owner[a[0]] == one);
	CHECK("the second of another", park_keep(&k, &its, p + 2, 1, other, false) && k.owner[b[0]] == other && told(b[0]) == POLLIN);
	park_drop(&k, &mine);
	CHECK("dropped", told(a[0]) == 0 && k.owner[a[0]] == NULL && mine.fd[0] < 0 && told(b[0]) == POLLIN);
	struct pollfd three[3] = { p[0], p[2], p[0] };
	CHECK("three are too many, and what was parked is not", !park_keep(&k, &its, three, 3, other, true) && told(b[0]) == 0 && its.fd[0] < 0);
	CHECK("a number that is too large", !park_keep(&k, &its, &(struct pollfd){ .fd = 64 }, 1, other, false));
	CHECK("what cannot be watched", !park_keep(&k, &its, &(struct pollfd){ .fd = 63 }, 1, other, false) && k.owner[63] == NULL);
	return CHECK_END();
}
