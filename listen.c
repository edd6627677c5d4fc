/* Listening sockets (see listen.h). */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errno_text.h"

#define BACKLOG 511
#define FIRST_FD 3	/* of what is inherited */
#define SOCKET_MODE 0660

int listen_own(int fd)
{
	int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;

	if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		return fd;
	flags = errno;
	if (fd >= 0)
		close(fd);
	errno = flags;
	return -1;
}

/* ---- addresses as text ---- */

const char *listen_where(const char *host, int port, char *dst, size_t room)
{
	bool six = strchr(host, ':') != NULL;

	if (*host == '/')
		fmt(dst, room, "unix:%s", host);
	else
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

	if (sa->ss_family == AF_UNIX) {
		fmt(dst, room, "unix");
		return;
	}
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
	in->fd[0] = listen_own(fcntl(0, F_DUPFD_CLOEXEC, FIRST_FD));
	in->n = in->fd[0] >= 0;
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
	for (int i = 0; i < n && i < OPTIONS_ENV; i++)
		in->fd[in->n++] = listen_own(FIRST_FD + i);
	if (names != NULL)
		in->names = names;
	in->ready = listen_own(env_number("LISTEN_READY"));
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

	if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0 || sa.ss_family == AF_UNIX)
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
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return listen_own(fd);
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

bool listen_resolve(struct places *p, const char *host, int port_number)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	size_t n = strlen(host);
	char port[16];

	if (*host != '/') {
		fmt(port, sizeof port, "%d", port_number);
		return getaddrinfo(host, port, &hints, &p->list) == 0;
	}
	*p = (struct places){ .list = &p->one, .file.sun_family = AF_UNIX };
	p->one = (struct addrinfo){ .ai_family = AF_UNIX, .ai_socktype = SOCK_STREAM, .ai_addr = (struct sockaddr *)(void *)&p->file,
		.ai_addrlen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1) };
	memcpy(p->file.sun_path, host, n);
	return true;
}

void listen_forget(struct places *p)
{
	if (p->list != &p->one)
		freeaddrinfo(p->list);
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
	struct places p;
	if (!listen_resolve(&p, inst->cfg->host, inst->port))
		return;
	inherits(inst, in, take(in, p.list));
	listen_forget(&p);
}

/*
 * Whether a socket can be made there: nothing is there, or was a socket that
 * nobody listens on any more, which is removed. False with *why.
 */
static bool clear_file(const struct addrinfo *a, const char *path, const char **why)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return true;	/* or what is wrong with it comes of bind */
	*why = "there is a file that is no socket; set another HOST, or remove it";
	if (!S_ISSOCK(st.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
	if (fd >= 0)
		close(fd);
	*why = error == EACCES ? "another account's socket is there; set another HOST" :
		"the socket is in use; set another HOST, or stop what listens there";
	if (error == ECONNREFUSED)
		unlink(path);
	return error == ENOENT || error == ECONNREFUSED;
}

/* For its owner and its group, from its first moment on. */
static int listen_at(const struct addrinfo *a, const char *path, const char **why)
{
	if (!clear_file(a, path, why))
		return -1;
	mode_t mask = umask(~(mode_t)SOCKET_MODE & 0777);
	int fd = listen_on(a);
	umask(mask);
	*why = errno_text(errno);
	return fd;
}

/* A name of both families, such as localhost, means IPv4: that is what people write in base URLs. */
static int listen_first(const struct addrinfo *list, const char **why)
{
	int fd = -1;

	for (int four = 1; four >= 0; four--)
		for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
			if ((a->ai_family == AF_INET) == four)
				fd = listen_on(a);
	*why = errno == EADDRINUSE ? "the port is in use; set another PORT, or stop what listens there" : errno_text(errno);
	return fd;
}

bool listen_open(struct instance *inst, struct inherited *in, char *why, size_t room)
{
	const char *host = inst->cfg->host, *said;
	bool file = *host == '/';
	char where[300];
	int fd = in->ready < 0 || (inst->port == 0 && !file) ? take(in, NULL) : -1;
	struct places p;

	if (inherits(inst, in, fd))
		return true;
	if (!listen_resolve(&p, host, inst->port)) {
		fmt(why, room, "HOST %s: no such address", host);
		return false;
	}
	fd = file ? listen_at(p.list, host, &said) : listen_first(p.list, &said);
	listen_forget(&p);
	if (listens(inst, fd))
		instance_owns(inst);
	else
		fmt(why, room, "cannot listen on %s: %s", listen_where(host, inst->port, where, sizeof where), said);
	return fd >= 0;
}
