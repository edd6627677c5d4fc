/* Configurations in use, by reference (see conn.h). */
#include "conn.h"

#include <stdlib.h>
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

void instance_drop(struct instance *i)
{
	while (i != NULL && --i->refs == 0) {
		struct instance *successor = i->successor;
		if (i->listener >= 0)
			close(i->listener);
		logfile_drop(i->logs, i->log);
		cfg_free((struct config *)(uintptr_t)i->cfg);
		free(i);
		i = successor;
	}
}
