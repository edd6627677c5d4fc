/*
 * .env files: NAME=value lines as shells and docker read them. What is read is
 * cut in place: names and values point into the caller's text.
 */
#ifndef DOTENV_H
#define DOTENV_H

#include <stdbool.h>
#include <stddef.h>

#define DOTENV_MAX 65536	/* bytes of a file: hundreds of settings */

/*
 * Reads a file of settings whole (also a pipe). Returns its text, terminated,
 * to be freed (wipe it: it may hold keys), or NULL with a sentence in why.
 * *shared: others than its owner may read it. A file that everyone may write
 * is refused.
 */
char *dotenv_read(const char *file, size_t *n, bool *shared, char *why, size_t room);

struct dotenv {
	char *at, *end;
	int line;		/* of the setting that dotenv_next gave, from 1 */
};

/* text[0..n) needs one more byte behind it, which becomes 0 */
void dotenv_init(struct dotenv *d, char *text, size_t n);

/* The next line that is neither empty nor a comment, terminated, without the white space before it; NULL at the end. */
char *dotenv_line(struct dotenv *d);

/* The next setting: 1 with name and value, 0 at the end, -1 with a static sentence in *why. */
int dotenv_next(struct dotenv *d, char **name, char **value, const char **why);

/* Overwrites memory in a way that the compiler must keep. */
void wipe(void *p, size_t n);

#endif
