/*
 * Lines for people, one write() each, and the small formatter that serves the
 * whole program in place of printf (no floating point, no locale, no stdio).
 */
#ifndef LOG_H
#define LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_CRITICAL };

#define LOG_LINE_MAX 2048	/* bytes of a line; longer ones end in "..." */
#define LOG_JSON_MAX 4096	/* of one that is a JSON object: what a pipe that is ready takes at once */

/*
 * The formatter: %s %d %u (int), %ld %lu %zu %lld %llu, %x (also with l, ll,
 * z), %c, %%, %.*s, %j (const char *, size_t: bytes from outside, control
 * characters, DEL, C1 and what is no UTF-8 escaped as \xNN), %e (the same two: as
 * the content of a JSON string), %m (a duration in
 * int64_t milliseconds as 1.234s). A width stands before the size: %8d, %02u,
 * %-20s, %-*s; without one of %s the text may be NULL, which prints nothing.
 * Always terminates when room > 0. Returns the length that all of it would have.
 */
size_t fmt(char *dst, size_t room, const char *format, ...);
size_t vfmt(char *dst, size_t room, const char *format, va_list ap);

/* Bytes of the character at p (RFC 3629; n > 0), 0 when it is none or a control character that must not reach a terminal. */
size_t printable(const unsigned char *p, size_t n);

struct log {
	int fd;			/* -1: nowhere */
	enum log_level level;
	bool stamp;		/* begin lines with the time */
	bool socket;		/* fd is one: needs send() not to wait */
	bool cut;		/* the last line lost its end: begin a new one */
	bool json;		/* a line is a JSON object, always with the time */
	unsigned long lost;	/* lines that could not be written since the last that could */
	/* of a file: its bytes, below what they stay, and what makes room for a line more; else NULL */
	int64_t size, max;
	void (*full)(struct log *l);
};

void log_init(struct log *l, int fd, enum log_level level, bool stamp);

/*
 * Whether lines to fd need a time of their own: on a terminal and in a file
 * they do; who reads a pipe or a socket (runit, systemd, docker) adds it.
 */
bool log_needs_stamp(int fd);

/*
 * One line "[time ]LEVEL text\n" when level is high enough. Control characters
 * left in the text become "?", so that a line is always one. Never waits: a
 * line that cannot be written is counted and dropped, and the count is logged
 * before the next one that can.
 */
#define log_line(log, level, ...) log_fields(log, level, "", __VA_ARGS__)

/* The same with fields (",\"name\":value", at most 1 KB), which only a JSON object has: it holds them before the text. */
void log_fields(struct log *l, enum log_level level, const char *fields, const char *format, ...);

/* "2026-01-31T23:59:59Z": seconds since 1970 in UTC, 0 for those before it or behind the year 9999. Returns the length. */
size_t log_time(char *dst, size_t room, int64_t seconds);

const char *log_level_name(enum log_level level);

/* For the output of commands: writes all of it, whatever the fd takes, and waits. False when that fails. */
bool write_all(int fd, const char *p, size_t n);

/*
 * Copies bytes from outside into dst with every secret replaced by "***": the
 * values given (those of four bytes and more), and what looks like a key:
 * sk-... and the like, what follows Bearer, the value of a field, member or
 * query part that carries a key. Returns the length written, terminated; room > 0.
 */
size_t log_redact(char *dst, size_t room, const char *p, size_t n, const char *const secrets[], size_t nsecrets);

#endif
