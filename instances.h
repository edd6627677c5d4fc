/* All that is served: an instance for each file, loaded at the start and again by a reload. */
#ifndef INSTANCES_H
#define INSTANCES_H

#include "listen.h"

struct instances {
	struct server *srv;
	struct logfile logs;		/* stderr's, and behind it those in files */
	struct instance *at[OPTIONS_ENV];
	int n;
	struct inherited in;
	bool anew;			/* no other process writes to the log files */
	bool running;			/* what is wrong goes to the log, not to stderr */
	/* accepts what waits at a listener that is to be closed */
	void (*empty)(void *ctx, struct instance *inst);
	void *ctx;
};

/* Loads a file for each. 0; else it was told what is wrong: 100 a configuration, 111 the system. Then instances_free is due all the same. */
int instances_load(struct instances *s, const struct options *o);

/* Listens, reads the certificates of authorities, and says so in the logs. 0 or 111, as above. */
int instances_open(struct instances *s);

/*
 * Reads all files again, opens the logs again. What is right is served from now
 * on, where it was or at its new address; what is wrong is told in the log, and
 * what was stays. Connections go on with what they have: see conn_renew.
 */
void instances_reload(struct instances *s, const struct options *o);

/* The listeners. handed: a new program has them too, and socket files stay. */
void instances_close(struct instances *s, bool handed);
void instances_free(struct instances *s);

/* For lines of the whole program: the first instance's. */
struct log *instances_log(struct instances *s);

#endif
