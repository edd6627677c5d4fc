/*
 * Logs in files: opened, archived at the start, daily and before they grow too
 * large (as PATH.YYYYMMDD_HHMMSS, UTC), old archives removed. Configurations
 * that name the same path share a file; log.h writes the lines.
 */
#ifndef LOGFILE_H
#define LOGFILE_H

#include "config.h"

struct logfile {
	struct log log;			/* first, so that its full finds the rest */
	struct logfile *next;
	unsigned refs;
	char path[CFG_LOG_PATH];	/* "": no file; the log is what its owner made it */
	int64_t total;			/* bytes that the file and its archives may have together */
	int days;			/* that archives are kept */
	int64_t day;			/* since 1970, that the file is of */
	int64_t last;			/* the time in the name of the last archive */
};

/*
 * The log that a configuration names, with a reference: from the list, or
 * opened and put into it. anew: what an earlier run left is archived first, else
 * only what is of another day. NULL: out of memory, or it cannot be opened, with
 * a sentence in why. A full disk is no such reason: lines are lost until there
 * is room. The list begins with one whose path is "".
 */
struct logfile *logfile_get(struct logfile *list, const struct config *c, bool anew, char *why, size_t room);

/* Gives a reference back. The last one closes it. */
void logfile_drop(struct logfile *list, struct logfile *f);

/* Opens all again by their names, for those who moved a file away; one that cannot be opened stays as it was, and says so. */
void logfile_reopen(struct logfile *list);

/* Archives what is not of this day, opens what could not be opened before. now: seconds since 1970. To be called every minute or so. */
void logfile_look(struct logfile *list, int64_t now);

#endif
