/* A configuration being loaded, for the files of config.h alone. */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "config_table.h"

/* where a value comes from: a line of the file, or one of these; ITS_OWN: as the table of what is given says */
enum { NOWHERE = 0, ENVIRONMENT = -1, ITS_OWN = -2 };

struct given {
	char *value;		/* in the storage; NULL: not given */
	int line;
};

struct load {
	struct config *c;
	struct given option[NOPTIONS];
	struct given quirk[Q_KEYS_MAX];
	char *at;		/* free part of the storage */
	int line;		/* where what is read now stands: what is told names it */
	char *err;
	size_t nerr;
	void (*warn)(void *ctx, const char *line);
	void *ctx;
};

/* The one line of a refusal: the place, the name of an option (or ""), and what the format says of it. Always false. */
bool load_fail(struct load *l, const char *name, const char *format, ...);
void load_warn(struct load *l, const char *name, const char *format, ...);

/* Bytes of storage that the file and the environment can need. */
size_t load_needs(const char *file, size_t nfile, char *const env[]);

/* A terminated copy in the storage. */
char *load_keep(struct load *l, const char *p, size_t n);

/*
 * Collect what is given: the last of a name counts. False after load_fail. The
 * file's text must live in the storage, with one byte behind it.
 */
bool load_environment(struct load *l, char *const env[]);
bool load_file(struct load *l, char *text, size_t n);

/* A file that an option names, read like the file of settings; NULL after load_fail. keys: it holds such, and others must not read it. */
char *load_other(struct load *l, const char *name, const char *path, bool keys, size_t *n);

/* Reads ANTHROPIC_API_KEYS_FILE (config_keys.c). False after load_fail. */
bool load_keys(struct load *l);

#endif
