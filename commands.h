/* The command line, and the commands that are not the server. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_ENV 32

struct options {
	const char *env[OPTIONS_ENV];	/* --env, in order */
	int nenv;
	bool inetd, check;
	const char *convert;		/* request, reply, stream or error */
};

/*
 * Reads the command line. Returns 0; -1 when it was answered here (--help,
 * --version) and the program ends well; 100 after telling what is wrong.
 */
int options_read(int argc, char *argv[], struct options *o);

/* --check: tells of each step to the upstream what happened. 0 when all went well, 111 when not, 100 for a bad configuration. */
int command_check(const struct options *o);

/* convert: a filter from fd 0 to fd 1. 0; 1 when the result is an error (it is written all the same); 100, 111. */
int command_convert(const struct options *o);

/* Whether fds 0 and 1 are one socket. */
bool same_socket(void);

/* A line for people on fd 2, unless that is a socket (inetd's client); on any fd. */
void say(const char *format, ...);
void say_to(int fd, const char *format, va_list ap);

/* Milliseconds of the clock that nobody sets. */
int64_t clock_ms(void);

#endif
