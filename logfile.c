/*
 * Log files.
 *
 * Promises: a file and its archives together stay below LOG_MAX_SIZE: a part of
 * it is archived, and the oldest archives go where there would be no room for
 * another part. An archive is never written over; what is no regular file (a
 * symbolic link too) is never written to. A log that cannot be archived or
 * opened loses lines, which log.c counts, and nothing else fails for it.
 *
 *   the start            what is in it is archived; not by inetd or an upgrade, where others write to it
 *   another day (UTC)    archived
 *   a part of the size   archived
 *   archived             archives older than their days go, and the oldest above the size
 *   SIGHUP               opened again by its name
 *
 * A file that another process has archived, or somebody has moved, is opened
 * again instead of being archived.
 */
#include "logfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>	/* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "errno_text.h"

#define DAY 86400
#define STAMP 16		/* "YYYYMMDD_HHMMSS" */
#define NAME (CFG_LOG_PATH + STAMP)
#define AHEAD 3600		/* of the clock: many archives of one second have the names of those after it */
#define SMALL 32768		/* below this a part is half of the size, so that a line always fits, else a quarter */

/* ---- archives ---- */

static void stamp_text(char dst[STAMP], int64_t when)
{
	char text[32];
	size_t k = 0;

	log_time(text, sizeof text, when);
	for (const char *p = text; k < STAMP - 1 && *p != '\0'; p++)
		if (*p == 'T' || (*p >= '0' && *p <= '9'))
			dst[k++] = *p == 'T' ? '_' : *p;
	dst[k] = '\0';
}

static bool is_stamp(const char *p)
{
	for (int i = 0; i < STAMP - 1; i++)
		if (i == 8 ? p[i] != '_' : p[i] < '0' || p[i] > '9')
			return false;
	return p[STAMP - 1] == '\0';
}

static void archive_name(const struct logfile *f, const char *stamp, char name[NAME])
{
	fmt(name, NAME, "%s.%s", f->path, stamp);
}

/* Removes archives from before limit. Returns the bytes of the others, and the stamp of the oldest or "". */
static int64_t survey(const struct logfile *f, const char *limit, char oldest[STAMP])
{
	const char *slash = strrchr(f->path, '/'), *base = slash != NULL ? slash + 1 : f->path;
	size_t n = strlen(base);
	char name[NAME];
	int64_t bytes = 0;
	struct stat st;

	oldest[0] = '\0';
	fmt(name, sizeof name, "%.*s.", (int)(base - f->path), f->path);
	DIR *d = opendir(name);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL; ) {
		const char *stamp = e->d_name + n + 1;
		if (strncmp(e->d_name, base, n) != 0 || e->d_name[n] != '.' || !is_stamp(stamp))
			continue;
		archive_name(f, stamp, name);
		if (strcmp(stamp, limit) < 0 && unlink(name) == 0)
			continue;
		if (oldest[0] == '\0' || strcmp(stamp, oldest) < 0)
			memcpy(oldest, stamp, STAMP);
		bytes += lstat(name, &st) == 0 ? st.st_size : 0;
	}
	if (d != NULL)
		closedir(d);
	return bytes;
}

static void remove_old(const struct logfile *f, int64_t now)
{
	char limit[STAMP], oldest[STAMP], name[NAME];

	stamp_text(limit, now - (int64_t)f->days * DAY);
	while (survey(f, limit, oldest) > f->total - f->log.max && oldest[0] != '\0') {
		archive_name(f, oldest, name);
		if (unlink(name) != 0)
			return;
	}
}

/* A name that no archive has, later than the last one's, unless the clock was set back. */
static bool free_name(struct logfile *f, int64_t now, char name[NAME])
{
	char stamp[STAMP];
	struct stat st;

	if (f->last < now || f->last >= now + AHEAD)
		f->last = now - 1;
	while (++f->last < now + AHEAD) {
		stamp_text(stamp, f->last);
		archive_name(f, stamp, name);
		if (lstat(name, &st) != 0)
			return true;
	}
	return false;
}

/* ---- the file ---- */

/* By its name, in place of what is open. False, with errno: that stays. */
static bool open_file(struct logfile *f)
{
	struct stat st;
	int fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		errno = EINVAL;
		return false;
	}
	if (f->log.fd >= 0)
		close(f->log.fd);
	f->log.fd = fd;
	f->log.size = st.st_size;
	f->log.cut = false;
	f->day = (st.st_size > 0 ? st.st_mtime : time(NULL)) / DAY;
	return true;
}

static bool is_ours(const struct logfile *f)
{
	struct stat named, open;

	return lstat(f->path, &named) == 0 && fstat(f->log.fd, &open) == 0 && named.st_ino == open.st_ino &&
		named.st_dev == open.st_dev;
}

static void archive(struct logfile *f, int64_t now)
{
	char name[NAME];

	if (!is_ours(f))
		open_file(f);
	else if (f->log.size > 0 && free_name(f, now, name) && rename(f->path, name) == 0 && !open_file(f))
		(void)rename(name, f->path);
	f->day = now / DAY;
	remove_old(f, now);
}

static void full(struct log *l)
{
	archive((struct logfile *)(void *)l, time(NULL));
}

/* ---- the list ---- */

static void set(struct logfile *f, const struct config *c)
{
	f->log.json = c->log_json;
	f->total = c->log_max_size;
	f->log.max = f->total / (f->total < SMALL ? 2 : 4);
	f->days = c->log_days;
}

static struct logfile *open_new(struct logfile *list, const struct config *c, bool anew, char *why, size_t room)
{
	struct logfile *f = calloc(1, sizeof *f);

	if (f == NULL) {
		fmt(why, room, "out of memory");
		return NULL;
	}
	memcpy(f->path, c->log_path, sizeof f->path);
	log_init(&f->log, -1, LOG_INFO, true);
	f->log.full = full;
	set(f, c);
	if (!open_file(f) && errno != ENOSPC) {
		fmt(why, room, "cannot open %s: %s", f->path, errno_text(errno));
		free(f);
		return NULL;
	}
	if (anew)
		archive(f, time(NULL));
	f->next = list->next;
	list->next = f;
	return f;
}

struct logfile *logfile_get(struct logfile *list, const struct config *c, bool anew, char *why, size_t room)
{
	struct logfile *f = list;

	while (f != NULL && strcmp(f->path, c->log_path) != 0)
		f = f->next;
	if (f == NULL)
		f = open_new(list, c, anew, why, room);
	if (f == NULL)
		return NULL;
	set(f, c);
	f->refs++;
	return f;
}

void logfile_drop(struct logfile *list, struct logfile *f)
{
	if (--f->refs > 0 || f == list)
		return;
	while (list->next != f)
		list = list->next;
	list->next = f->next;
	if (f->log.fd >= 0)
		close(f->log.fd);
	free(f);
}

void logfile_reopen(struct logfile *list)
{
	for (struct logfile *f = list->next; f != NULL; f = f->next)
		if (!open_file(f))
			log_line(&f->log, LOG_ERROR, "cannot open %s again: %s", f->path, errno_text(errno));
}

void logfile_look(struct logfile *list, int64_t now)
{
	for (struct logfile *f = list->next; f != NULL; f = f->next)
		if (f->log.fd < 0)
			open_file(f);
		else if (f->day != now / DAY)
			archive(f, now);
}
