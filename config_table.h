/* The option table, for the files of config.h alone. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config.h"

/* PREFIX: stands for every CUSTOM_HEADER_ name; it has no field of its own. COUNT and what follows are int. */
enum kind { TEXT, SECRET, BOOL, LEVEL, PREFIX, COUNT, TOKENS, BYTES, SECONDS, MS };

struct option {
	const char *text;		/* its name; the default, "": none; what it means, on one line */
	unsigned char group, kind;
	unsigned short offset;		/* into struct config */
	int min, max;
};

#define NOPTIONS 60
extern const struct option options[];

const char *option_default(const struct option *o);

/* "0 to 10 seconds", "true or false", "" for texts. Returns its length. */
size_t option_range(const struct option *o, char *dst, size_t room);

/* The row of this name; NOPTIONS when there is none. */
size_t option_named(const char *name);

/* The option name of a key of quirks.h: UP_TOOL_ID of tool_id. False when the key is no option. */
bool quirk_name(size_t i, char *dst, size_t room);

#endif
