/*
 * Self-healing: a 400 or 422 that names what the provider does not like is
 * answered by the same request without it, before anything was relayed. What
 * then works is remembered for the host and the model.
 */
#include "conn.h"

#include "error.h"

#define REPAIRS_MAX 3		/* of one request; then the error goes on */

static void upper(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 32);
}

/* What makes a repair permanent, for people: maxtok=x is UP_MAXTOK=x in their file. */
static void tell(struct conn *c, const char *settings)
{
	char text[3 * Q_TEXT];
	size_t n = 0;

	while (*settings && n < sizeof text) {
		size_t k = strcspn(settings, " "), name = strcspn(settings, "="), at = n;
		n += fmt(text + n, sizeof text - n, " UP_%.*s", (int)k, settings);
		if (n < sizeof text)
			upper(text + at, name + strlen(" UP_"));
		settings += k + (settings[k] == ' ');
	}
	log_line(&c->inst->log->log, LOG_WARNING, "%s %s refused the request; trying again with%s", c->id, c->place, text);
}

static void note(struct conn *c, const char *setting)
{
	size_t n = strlen(c->repairs);

	tell(c, setting);
	fmt(c->repairs + n, sizeof c->repairs - n, "%s%s", n > 0 ? " " : "", setting);
}

/* A request that is passed on has only its members and its thinking to mend. */
static bool mends(const struct conn *c, const char *setting)
{
	return !c->q.native || setting[0] == '\0' || strncmp(setting, "drop=", 5) == 0 || strncmp(setting, "echo=", 5) == 0;
}

bool heal_try(struct conn *c, int status, const char *p, size_t n)
{
	char setting[2 * Q_TEXT];
	int64_t fit = 0;
	const char *why;
	size_t at;

	if (c->route != ROUTE_MESSAGES || c->answered || c->nrepairs == REPAIRS_MAX)
		return false;
	if (!error_repair(status, p, n, &c->q, setting, &fit) || !mends(c, setting))
		return false;
	if (setting[0] != '\0' && q_apply(&c->q, setting, strlen(setting), &why, &at) != 0)
		return false;
	if (setting[0] == '\0' && fit == 0 && c->resent)
		return false;
	if (setting[0] != '\0')
		note(c, setting);
	else if (fit > 0)
		c->fit_tokens = fit;
	else
		c->resent = true;
	c->nrepairs++;
	let_upstream_go(c);
	heap_free(&c->whole);
	heap_free(&c->event);
	serve_again(c);
	return true;
}

void heal_worked(struct conn *c)
{
	if (c->repairs[0] == '\0')
		return;
	learned_add(c->srv->learned, c->place, c->repairs);
	c->repairs[0] = '\0';
}
