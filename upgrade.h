/*
 * Replacing the program while it serves: another one is started, by the same
 * path and with the same arguments, on the same listening sockets. They are its
 * fds from 3 on, told as sd_listen_fds(3) has it: LISTEN_PID, LISTEN_FDS. The fd
 * that LISTEN_READY names gets a byte when it serves.
 */
#ifndef UPGRADE_H
#define UPGRADE_H

#include <stdbool.h>
#include <sys/types.h>

struct upgrade {
	pid_t pid;
	int ready;	/* to be polled; -1: no upgrade goes on */
};

/* Starts it. 0, or errno. */
int upgrade_start(struct upgrade *u, char *argv[], const int fds[], int n);

/* What ready brought: 0 the new program serves; otherwise it is gone, with this status (wait(2)). ready is -1 then. */
int upgrade_end(struct upgrade *u);

/* Tells the service manager, if there is one (sd_notify(3)): a line such as READY=1. */
void upgrade_notify(const char *state);

/* In the new program. */
void upgrade_tell(int ready);

#endif
