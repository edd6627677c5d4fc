/*
 * The system's functions, of which one call fails: linked in by --wrap, so that
 * calls of the program's own code come here first. See test/torture.
 *
 *   TORTURE_LOG=FILE       each call is noted there: its name, the ways in which it can fail, and whom it is for: 0, or a
 *                          port of TORTURE_PORTS ("N N") to which the descriptor is connected, or 1, another peer
 *   TORTURE=N WAY NAME WHO the Nth of these calls fails in that way, and only that is noted
 *   TORTURE_CHILD=1        calls of resolver children are meant, counted in each from its fork
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT (-1)	/* one byte, and no error */

static long count, at = -1;
static int way, log_fd = -1;
static bool child, in_child;
static char the_name[32];
static unsigned the_peer, ports[2], peer;	/* peer: of the call that is made */

ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fcntl(int fd, int what, ...);
int __real_shutdown(int fd, int how);

static void note(const char *name, int ways)
{
	char line[80];
	int n = snprintf(line, sizeof line, "%s %d %u\n", name, ways, peer);

	if (log_fd >= 0 && (in_child == child || at >= 0))
		(void)!__real_write(log_fd, line, (size_t)n);
}

static void begin(void)
{
	const char *what = getenv("TORTURE"), *file = getenv("TORTURE_LOG"), *known = getenv("TORTURE_PORTS");
	int fd;

	child = getenv("TORTURE_CHILD") != NULL;
	at = 0;
	if (what != NULL)
		sscanf(what, "%ld %d %31s %u", &at, &way, the_name, &the_peer);
	if (known != NULL)
		sscanf(known, "%u %u", &ports[0], &ports[1]);
	fd = file ? openat(AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
	/* out of the way of numbers that mean something */
	if (fd >= 0) {
		log_fd = __real_fcntl(fd, F_DUPFD_CLOEXEC, 900);
		close(fd);
	}
}

/* 0: the call is to be made; an errno or SHORT: it fails so. The list of ways ends with 0. */
static int fails(const char *name, const int *ways)
{
	int n = 0;

	if (at < 0)
		begin();
	while (ways[n])
		n++;
	if (in_child != child)
		return 0;
	if (at == 0)
		note(name, n);
	if (strcmp(name, the_name) != 0 || peer != the_peer || ++count != at || way >= n)
		return 0;
	note(name, ways[way]);
	if (ways[way] != SHORT)
		errno = ways[way];
	return ways[way];
}

static unsigned whose(const struct sockaddr *a)
{
	/* the port is at the same place in both families */
	unsigned port = ntohs(((const struct sockaddr_in *)(const void *)a)->sin_port);

	if (a->sa_family != AF_INET && a->sa_family != AF_INET6)
		return 0;
	return port == ports[0] || port == ports[1] ? port : 1;
}

static unsigned peer_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;

	return getpeername(fd, (struct sockaddr *)&a, &n) == 0 ? whose((const struct sockaddr *)&a) : 0;
}

static int fails_toward(const char *name, unsigned toward, const int *ways)
{
	peer = toward;
	int how = fails(name, ways);
	peer = 0;
	return how;
}

#define WAYS(...) (const int[]){ __VA_ARGS__, 0 }
#define WRAP(type, name, params, args, failure, ...) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		return fails(#name, WAYS(__VA_ARGS__)) ? (failure) : __real_##name args; \
	}
/* a connection that is said to be broken is: nothing comes from there any more */
static int broken(int fd, int how)
{
	if (how == EPIPE || how == ECONNRESET)
		__real_shutdown(fd, SHUT_RDWR);
	errno = how;
	return -1;
}

/* what moves bytes may move one */
#define MOVES(name, params, args, n, ...) \
	ssize_t __real_##name params; \
	ssize_t __wrap_##name params; \
	ssize_t __wrap_##name params \
	{ \
		int how = fails_toward(#name, peer_of(fd), WAYS(__VA_ARGS__, SHORT)); \
		if (how > 0) \
			return broken(fd, how); \
		if (how == SHORT && n > 1) \
			n = 1; \
		return __real_##name args; \
	}

MOVES(read, (int fd, void *p, size_t n), (fd, p, n), n, EINTR, EIO)
MOVES(write, (int fd, const void *p, size_t n), (fd, p, n), n, EINTR, ENOSPC)
MOVES(recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags), n, EINTR, EAGAIN, ECONNRESET)
MOVES(send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags), n, EINTR, EAGAIN, EPIPE)
WRAP(ssize_t, getrandom, (void *p, size_t n, unsigned flags), (p, n, flags), -1, EINTR, EAGAIN)
WRAP(ssize_t, sendto, (int fd, const void *p, size_t n, int flags, const struct sockaddr *a, socklen_t k), (fd, p, n, flags, a, k), -1, EPERM)
WRAP(int, accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1, EINTR, ECONNABORTED, EMFILE)
WRAP(int, socket, (int family, int type, int protocol), (family, type, protocol), -1, EMFILE, EAFNOSUPPORT)
WRAP(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1, EADDRINUSE)
WRAP(int, listen, (int fd, int n), (fd, n), -1, EADDRINUSE)
WRAP(int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1, ENOBUFS)
WRAP(int, getsockopt, (int fd, int level, int name, void *p, socklen_t *n), (fd, level, name, p, n), -1, ENOBUFS)
WRAP(int, setsockopt, (int fd, int level, int name, const void *p, socklen_t n), (fd, level, name, p, n), -1, ENOBUFS)
WRAP(int, shutdown, (int fd, int how), (fd, how), -1, ENOTCONN)
WRAP(int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms), -1, EINTR, ENOMEM)
WRAP(int, epoll_create1, (int flags), (flags), -1, EMFILE)
WRAP(int, epoll_ctl, (int k, int op, int fd, struct epoll_event *e), (k, op, fd, e), -1, ENOMEM)
WRAP(int, epoll_wait, (int k, struct epoll_event *e, int n, int ms), (k, e, n, ms), -1, EINTR)
WRAP(int, pipe, (int fd[2]), (fd), -1, EMFILE)
WRAP(int, dup2, (int from, int to), (from, to), -1, EMFILE)
WRAP(int, fstat, (int fd, struct stat *st), (fd, st), -1, EIO)
WRAP(int, lstat, (const char *path, struct stat *st), (path, st), -1, EIO)
WRAP(int, rename, (const char *from, const char *to), (from, to), -1, ENOSPC)
WRAP(int, unlink, (const char *path), (path), -1, EROFS)
WRAP(DIR *, opendir, (const char *path), (path), NULL, EMFILE)
WRAP(struct dirent *, readdir, (DIR *d), (d), NULL, EIO)
WRAP(int, getrlimit, (int what, struct rlimit *r), (what, r), -1, EPERM)
WRAP(int, setrlimit, (int what, const struct rlimit *r), (what, r), -1, EPERM)
WRAP(int, kill, (pid_t pid, int sig), (pid, sig), -1, EPERM)
WRAP(pid_t, waitpid, (pid_t pid, int *status, int flags), (pid, status, flags), -1, EINTR)
WRAP(void *, malloc, (size_t n), (n), NULL, ENOMEM)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL, ENOMEM)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL, ENOMEM)
WRAP(int, getaddrinfo, (const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **all),
	(host, port, hints, all), EAI_AGAIN, ENOMEM)

int __real_connect(int fd, const struct sockaddr *a, socklen_t n);
int __wrap_connect(int fd, const struct sockaddr *a, socklen_t n);
int __wrap_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	return fails_toward("connect", whose(a), WAYS(ENETUNREACH, EAGAIN)) ? -1 : __real_connect(fd, a, n);
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
	pid_t pid = fails("fork", WAYS(EAGAIN)) ? -1 : __real_fork();

	if (pid == 0)
		in_child = true;
	return pid;
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	unsigned mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, unsigned) : 0;
	va_end(ap);
	return fails("open", WAYS(EMFILE, EACCES, ENOSPC)) ? -1 : openat(AT_FDCWD, path, flags, mode);
}

int __wrap_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...)
{
	va_list ap;
	int with;

	va_start(ap, what);
	with = va_arg(ap, int);
	va_end(ap);
	return fails("fcntl", WAYS(EMFILE)) ? -1 : __real_fcntl(fd, what, with);
}
