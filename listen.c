/* Listening sockets (see listen.h). */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 511
#define FIRST_FD 3	/* of what is inherited */

void listen_own(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* ---- addresses as text ---- */

const char *listen_where(const char *host, int port, char *dst, size_t room)
{
	bool six = strchr(host, ':') != NULL;

	fmt(dst, room, "%s%s%s:%d", six ? "[" : "", host, six ? "]" : "", port);
	return dst;
}

static void ipv4_text(const unsigned char *a, char *dst, size_t room)
{
	fmt(dst, room, "%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
}

/* The address for the log, by hand: getnameinfo would bring printf along. */
void listen_peer(const struct sockaddr_storage *sa, char *dst, size_t room)
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

/* ---- inherited ---- */

/* a small number in the environment; -1: none */
static int env_number(const char *name)
{
	const char *p = getenv(name);

	return p != NULL ? small_number(p) : -1;
}

static void find_waiting(struct inherited *in)
{
	int yes = 0;
	socklen_t n = sizeof yes;

	if (getsockopt(0, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) != 0 || yes == 0)
		return;
	in->fd[0] = fcntl(0, F_DUPFD_CLOEXEC, FIRST_FD);
	if (in->fd[0] < 0)
		return;
	listen_own(in->fd[0]);
	in->n = 1;
}

void inherited_find(struct inherited *in, bool wait)
{
	const char *names = getenv("LISTEN_FDNAMES");
	int n = env_number("LISTEN_FDS");

	in->n = 0;
	in->names = "";
	in->ready = -1;
	if (wait) {
		find_waiting(in);
		return;
	}
	if (env_number("LISTEN_PID") != getpid() || n < 0)
		return;
	for (int i = 0; i < n && i < OPTIONS_ENV; i++) {
		listen_own(FIRST_FD + i);
		in->fd[in->n++] = FIRST_FD + i;
	}
	if (names != NULL)
		in->names = names;
	in->ready = env_number("LISTEN_READY");
	if (in->ready >= 0)
		listen_own(in->ready);
}

void inherited_close(struct inherited *in)
{
	for (int i = 0; i < in->n; i++)
		if (in->fd[i] >= 0)
			close(in->fd[i]);
	in->n = 0;
}

/* ---- opening ---- */

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

static int listen_on(const struct addrinfo *a)
{
	int one = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
		listen_own(fd);
		return fd;
	}
	one = errno;
	close(fd);
	errno = one;
	return -1;
}

static bool is_at(int fd, const struct addrinfo *a)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;

	return getsockname(fd, (struct sockaddr *)&sa, &n) == 0 && n == a->ai_addrlen && memcmp(&sa, a->ai_addr, n) == 0;
}

/* the inherited socket of one of these addresses (NULL: the first that is left), which is no longer there to take; -1: none */
static int take(struct inherited *in, const struct addrinfo *list)
{
	for (int i = 0; i < in->n; i++) {
		int fd = in->fd[i];
		const struct addrinfo *a = list;
		while (a != NULL && !is_at(fd, a))
			a = a->ai_next;
		if (fd >= 0 && (list == NULL || a != NULL)) {
			in->fd[i] = -1;
			return fd;
		}
	}
	return -1;
}

/* the inherited socket that has the file's name, likewise */
static int take_named(struct inherited *in, const char *file)
{
	const char *slash = strrchr(file, '/'), *name = in->names;

	file = slash != NULL ? slash + 1 : file;
	for (int i = 0; i < in->n; i++) {
		size_t n = strcspn(name, ":");
		int fd = in->fd[i];
		bool same = n > 0 && strncmp(file, name, n) == 0 && (file[n] == '\0' || file + n == strrchr(file, '.'));
		if (fd >= 0 && same) {
			in->fd[i] = -1;
			return fd;
		}
		name += n + (name[n] != '\0');
	}
	return -1;
}

struct addrinfo *listen_resolve(const char *host, int port_number)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list;
	char port[16];

	fmt(port, sizeof port, "%d", port_number);
	return getaddrinfo(host, port, &hints, &list) == 0 ? list : NULL;
}

static bool listens(struct instance *inst, int fd)
{
	inst->listener = fd;
	if (fd >= 0)
		inst->port = port_of(fd);
	return fd >= 0;
}

/* A supervisor's socket is where it wants it, whatever the settings say. */
static bool inherits(struct instance *inst, const struct inherited *in, int fd)
{
	inst->given = fd >= 0 && in->ready < 0;
	return listens(inst, fd);
}

void listen_inherit(struct instance *inst, struct inherited *in)
{
	const char *file = inst->cfg->file;

	if (in->n == 0 || (file != NULL && inherits(inst, in, take_named(in, file))))
		return;
	struct addrinfo *list = listen_resolve(inst->cfg->host, inst->port);
	if (list == NULL)
		return;
	inherits(inst, in, take(in, list));
	freeaddrinfo(list);
}

bool listen_open(struct instance *inst, struct inherited *in, char *why, size_t room)
{
	char where[300];
	int fd = in->ready < 0 || inst->port == 0 ? take(in, NULL) : -1;

	if (inherits(inst, in, fd))
		return true;
	struct addrinfo *list = listen_resolve(inst->cfg->host, inst->port);
	if (list == NULL) {
		fmt(why, room, "HOST %s: no such address", inst->cfg->host);
		return false;
	}
	/* a name of both families, such as localhost, means IPv4: that is what people write in base URLs */
	for (int four = 1; four >= 0; four--)
		for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
			if ((a->ai_family == AF_INET) == four)
				fd = listen_on(a);
	int error = errno;
	freeaddrinfo(list);
	if (!listens(inst, fd))
		fmt(why, room, "cannot listen on %s: %s", listen_where(inst->cfg->host, inst->port, where, sizeof where), error == EADDRINUSE ?
			"the port is in use; set another PORT, or stop what listens there" : strerror(error));
	return fd >= 0;
}
