/* Listening sockets: opened here, or inherited from a supervisor or from the program that this one replaces. */
#ifndef LISTEN_H
#define LISTEN_H

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "commands.h"
#include "conn.h"

/* Those that are open already (sd_listen_fds(3)), until an instance takes them. */
struct inherited {
	int fd[OPTIONS_ENV];	/* -1: taken */
	int n;
	const char *names;	/* of them, a list with colons; "": none */
	int ready;		/* whom to tell that this program serves, -1: nobody. See upgrade.h */
};

/*
 * What the environment says of them: LISTEN_FDS of them from fd 3 on, when
 * LISTEN_PID is this process, or nothing. LISTEN_READY names the fd for ready.
 * wait: not the environment, but fd 0 is the one; it must listen.
 */
void inherited_find(struct inherited *in, bool wait);

/* Closes what nobody took, so that it does not take connections which nobody accepts. */
void inherited_close(struct inherited *in);

/*
 * Takes the inherited socket that has the name of the instance's file (with or
 * without its suffix), else that of HOST and port, if there is
 * one: sets listener and port.
 */
void listen_inherit(struct instance *inst, struct inherited *in);

/*
 * Makes the instance listen: on what no listen_inherit took, when that comes
 * from a supervisor or PORT is 0, else on a new socket. Sets listener and port.
 * False with a sentence in why.
 */
bool listen_open(struct instance *inst, struct inherited *in, char *why, size_t room);

/* Where HOST and PORT are: some addresses, or the one of a socket in the file system. */
struct places {
	struct addrinfo *list;
	struct addrinfo one;
	struct sockaddr_un file;
};

/* False: there is no such address. Else listen_forget is due. */
bool listen_resolve(struct places *p, const char *host, int port);
void listen_forget(struct places *p);

/* "127.0.0.1:8082", "unix:/path". Returns dst. */
const char *listen_where(const char *host, int port, char *dst, size_t room);

/* An address for the log. */
void listen_peer(const struct sockaddr_storage *sa, char *dst, size_t room);

/*
 * Makes fd, when there is one (>= 0), this program's alone: not blocking, closed when another is executed. Returns fd; -1: there
 * is none, or it could not be made so and is closed; errno says why.
 */
int listen_own(int fd);

#endif
