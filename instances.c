/*
 * The instances: their start, and what a reload makes of them.
 *
 *   a file, read again          its instance
 *   wrong, or cannot be read    stays
 *   the same HOST and PORT,     another one takes over the listener, and idle connections
 *   or a supervisor's socket
 *   another PORT, HOST          the new listener is opened first, then the old one is closed: who waits there
 *                               is accepted, what is accepted gets its answer
 *   another HOST, same PORT     the old one has to be closed first; it is opened again when the new one cannot
 */
#include "instances.h"

#include <stdlib.h>
#include <unistd.h>

#include "version.h"
#include "via.h"

extern char **environ;

struct log *instances_log(struct instances *s)
{
	return s->n > 0 ? &s->at[0]->log->log : &s->logs.log;
}

static void complain(struct instances *s, const char *what)
{
	if (s->running)
		log_line(instances_log(s), LOG_ERROR, "%s; the settings before stay in force", what);
	else
		say("claude-code-proxy: %s\n", what);
}

static void warn(void *ctx, const char *line)
{
	struct instances *s = ctx;

	log_line(s->running ? instances_log(s) : &s->logs.log, LOG_WARNING, "%s", line);
}

/* NULL after telling; *bad: the exit status for it */
static struct instance *make(struct instances *s, const char *file, int *bad)
{
	char why[600] = "out of memory";
	struct logfile *log = NULL;
	struct instance *inst = NULL;
	struct config *cfg = cfg_load(file, environ, why, sizeof why, warn, s);

	*bad = cfg == NULL ? 100 : 111;
	if (cfg != NULL)
		log = logfile_get(&s->logs, cfg, s->anew, why, sizeof why);
	if (log != NULL)
		inst = instance_new(cfg, &s->logs, log);
	if (inst != NULL)
		return inst;
	complain(s, why);
	if (log != NULL)
		logfile_drop(&s->logs, log);
	cfg_free(cfg);
	return NULL;
}

/* Each log has the lowest of its instances' levels; what is said for one of them is held to its own. */
static void set_levels(struct instances *s)
{
	for (struct logfile *f = &s->logs; f != NULL; f = f->next)
		f->log.level = LOG_CRITICAL;
	for (int i = 0; i < s->n; i++)
		if (s->at[i]->cfg->log_level < s->at[i]->log->log.level)
			s->at[i]->log->log.level = s->at[i]->cfg->log_level;
}

int instances_load(struct instances *s, const struct options *o)
{
	int bad;

	do {
		struct instance *inst = make(s, o->env[s->n], &bad);
		if (inst == NULL)
			return bad;
		s->at[s->n++] = inst;
	} while (s->n < o->nenv);
	set_levels(s);
	return 0;
}

static void banner(const struct instance *inst)
{
	const struct config *cfg = inst->cfg;
	struct log *l = &inst->log->log;
	char where[300];

	log_line(l, LOG_INFO, "claude-code-proxy %s listening on %s%s -> %s", VERSION, cfg->host[0] == '/' ? "" : cfg->identity != NULL ? "https://" : "http://",
		listen_where(inst->cfg->host, inst->port, where, sizeof where), cfg->target.shown);
	via_shown(cfg, where, sizeof where);
	if (where[0] != '\0')
		log_line(l, LOG_INFO, "%s", where);
	log_line(l, LOG_INFO, "models: big %s, middle %s, small %s; client keys are %s",
		cfg->big_model, cfg->middle_model, cfg->small_model,
		cfg->asks_key ? "checked" : "not checked");
	log_line(l, LOG_INFO, "limits: max_tokens %lld, bodies of %lld bytes, %d connections", (long long)cfg->max_tokens_limit,
		(long long)cfg->max_body, cfg->max_connections);
}

/* Now, so that a bundle that cannot be read is not found out by the first request. */
static bool read_roots(struct instances *s, const struct instance *inst)
{
	char said[512];

	if (!inst->cfg->target.tls)
		return true;
	bool ok = up_pool_trust(s->srv->pool, inst->cfg, said, sizeof said) == 0;
	if (ok)
		log_line(&inst->log->log, LOG_INFO, "%s", said);
	else
		complain(s, said);
	return ok;
}

int instances_open(struct instances *s)
{
	char why[512];

	if (clock_unset(why, sizeof why))
		log_line(&s->at[0]->log->log, LOG_WARNING, "%s", why);
	for (int i = 0; i < s->n; i++)
		listen_inherit(s->at[i], &s->in);
	for (int i = 0; i < s->n; i++) {
		struct instance *inst = s->at[i];
		if (inst->listener < 0 && !listen_open(inst, &s->in, why, sizeof why)) {
			complain(s, why);
			return 111;
		}
		banner(inst);
		if (!read_roots(s, inst))
			return 111;
	}
	inherited_close(&s->in);
	/* what the program before this one made is this one's now */
	for (int i = 0; i < s->n; i++)
		if (!s->at[i]->given)
			instance_owns(s->at[i]);
	s->running = true;
	return 0;
}

/* ---- reload ---- */

static void close_listener(struct instances *s, struct instance *inst)
{
	s->empty(s->ctx, inst);
	instance_deaf(inst);
}

/* Gives the new one a listener, the old one's where that is right. False with why: the old one has its own as before. */
static bool settle(struct instances *s, struct instance *new, struct instance *old, char *why, size_t room)
{
	char ignored[512];

	if (old->given || (new->cfg->port == old->cfg->port && strcmp(new->cfg->host, old->cfg->host) == 0)) {
		new->given = old->given;
		new->listener = old->listener;
		new->port = old->port;
		new->dev = old->dev;
		new->ino = old->ino;
		old->listener = -1;
		return true;
	}
	if (listen_open(new, &s->in, why, room))
		return true;
	if (new->cfg->port != old->port || new->cfg->host[0] == '/' || old->cfg->host[0] == '/')
		return false;
	close_listener(s, old);
	if (listen_open(new, &s->in, why, room))
		return true;
	listen_open(old, &s->in, ignored, sizeof ignored);
	return false;
}

static void replace(struct instances *s, int i, struct instance *new)
{
	struct instance *old = s->at[i];

	if (old->listener >= 0) {
		close_listener(s, old);
		old->leaving = true;
	} else {
		old->successor = new;
		new->refs++;
	}
	new->calibration = old->calibration;
	new->totals = old->totals;
	s->at[i] = new;
	set_levels(s);
	banner(new);
	instance_drop(old);
}

/* One after the other, since one may want the port that another leaves. Returns whether any came to its place; at last, those that cannot are told of. */
static bool settle_all(struct instances *s, struct instance *fresh[], bool last)
{
	char why[512];
	bool moved = false;

	for (int i = 0; i < s->n; i++) {
		if (fresh[i] == NULL)
			continue;
		bool good = settle(s, fresh[i], s->at[i], why, sizeof why);
		if (good) {
			replace(s, i, fresh[i]);
		} else if (last) {
			complain(s, why);
			instance_drop(fresh[i]);
		}
		if (good || last)
			fresh[i] = NULL;
		moved |= good;
	}
	return moved;
}

void instances_reload(struct instances *s, const struct options *o)
{
	struct instance *fresh[OPTIONS_ENV];
	int bad;

	logfile_reopen(&s->logs);
	log_line(instances_log(s), LOG_INFO, "reading the settings again");
	for (int i = 0; i < s->n; i++) {
		fresh[i] = make(s, o->env[i], &bad);
		if (fresh[i] == NULL || read_roots(s, fresh[i]))
			continue;
		instance_drop(fresh[i]);
		fresh[i] = NULL;
	}
	while (settle_all(s, fresh, false))
		;
	settle_all(s, fresh, true);
}

/* ---- the end ---- */

void instances_close(struct instances *s, bool handed)
{
	for (int i = 0; i < s->n; i++) {
		if (handed)
			s->at[i]->ino = 0;
		instance_deaf(s->at[i]);
	}
}

void instances_free(struct instances *s)
{
	for (int i = 0; i < s->n; i++)
		instance_drop(s->at[i]);
	s->n = 0;
}
