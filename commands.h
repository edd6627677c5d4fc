/* The command line, and the commands that are not the server. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_ENV 32

enum command { COMMAND_SERVE, COMMAND_INETD, COMMAND_WAIT, COMMAND_CHECK, COMMAND_STATUS, COMMAND_ENV, COMMAND_CONVERT };

struct options {
	enum command command;
	const char *env[OPTIONS_ENV];	/* --env, in order */
	int nenv;
	const char *convert;		/* request, reply, stream or error */
	bool fish;			/* env: whose syntax */
	int port[OPTIONS_ENV];		/* status: of instances that have no file here */
	int nport;
};

/*
 * Reads the command line. Returns 0; -1 when it was answered here (--help,
 * --version, completion) and the program ends well; 100 after telling what is wrong.
 */
int options_read(int argc, char *argv[], struct options *o);

/* --check: tells of each step to the upstream what happened. 0 when all went well, 111 when not, 100 for a bad configuration. */
int command_check(const struct options *o);

/* convert: a filter from fd 0 to fd 1. 0; 1 when the result is an error (it is written all the same); 100, 111. */
int command_convert(const struct options *o);

/* status: a line for each instance, as it answers at /health. 0; 111 when one does not; 100 for a bad configuration. */
int command_status(const struct options *o);

/* env: what a shell has to run before Claude Code is started. 0, 100, 111. */
int command_env(const struct options *o);

/* What bash has to run, once, to complete the command line. False: it cannot be written. */
bool print_completion(void);

/* A number in decimal, nothing else. -1: it is none, or a large one. */
int small_number(const char *text);

/* An answer that is one JSON text, as it was read from a connection: its status and the text's root, in place. False: it is none. */
struct j_val;
bool answer_json(char *answer, size_t n, int *status, struct j_val *root);

/* Whether fds 0 and 1 are one socket. */
bool same_socket(void);

/* A line for people on fd 2, unless that is a socket (inetd's client); on any fd. */
void say(const char *format, ...);
bool say_to(int fd, const char *format, va_list ap);
bool print(const char *format, ...);	/* on fd 1; false: that failed */

/* Milliseconds of the clock that nobody sets. */
int64_t clock_ms(void);

/* Whether the system clock cannot be right, since it is before the date of this program: then a sentence for people. */
bool clock_unset(char *said, size_t room);

#endif
