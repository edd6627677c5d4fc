/* The option table, for the files of config.h alone. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config.h"

/* PREFIX: stands for every CUSTOM_HEADER_ name; it has no field of its own */
enum kind { TEXT, SECRET, INT, INT64, BOOL, LEVEL, PREFIX };

struct option {
	const char *group, *name;
	enum kind kind;
	size_t offset;			/* into struct config */
	int64_t min, max;		/* INT, INT64 */
	const char *def;		/* as text, NULL: none */
	const char *unit;		/* "ms", "seconds", "bytes", "tokens", "" */
	const char *doc;		/* one line */
};

#define NOPTIONS 42
extern const struct option options[];

/* The row of this name; NOPTIONS when there is none. */
size_t option_named(const char *name);

/* The option name of a key of quirks.h: UP_TOOL_ID of tool_id. False when the key is no option. */
bool quirk_name(size_t i, char *dst, size_t room);

#endif
