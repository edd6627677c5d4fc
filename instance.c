/* Configurations in use, by reference (see conn.h). */
#include "conn.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct instance *instance_new(const struct config *cfg, struct logfile *logs, struct logfile *log)
{
	struct instance *i = calloc(1, sizeof *i);

	if (i == NULL)
		return NULL;
	i->refs = 1;
	i->cfg = cfg;
	i->logs = logs;
	i->log = log;
	i->listener = -1;
	i->port = cfg->port;
	return i;
}

void instance_owns(struct instance *i)
{
	struct stat st;

	if (i->cfg->host[0] != '/' || lstat(i->cfg->host, &st) != 0)
		return;
	i->dev = st.st_dev;
	i->ino = st.st_ino;
}

void instance_deaf(struct instance *i)
{
	struct stat st;

	if (i->listener < 0)
		return;
	/* before it is closed: another that starts would take the file for a stale one, and this would remove its */
	if (i->ino != 0 && lstat(i->cfg->host, &st) == 0 && st.st_dev == i->dev && st.st_ino == i->ino)
		unlink(i->cfg->host);
	close(i->listener);
	i->listener = -1;
}

void instance_drop(struct instance *i)
{
	while (i != NULL && --i->refs == 0) {
		struct instance *successor = i->successor;
		instance_deaf(i);
		logfile_drop(i->logs, i->log);
		cfg_free((struct config *)(uintptr_t)i->cfg);
		free(i);
		i = successor;
	}
}
