/*
 * What is given: names and values from the environment and from the file over
 * it, sorted by the rows of the table; names that are nobody's are warned about
 * where they look like a slip.
 */
#include "config_load.h"

#include <string.h>
#include <strings.h>

#include "dotenv.h"
#include "http_char.h"

/* "FILE:LINE: NAME" and what the format says */
static void compose(struct load *l, const char *name, char *dst, size_t room, const char *format, va_list ap)
{
	int line = l->line;
	const char *file;
	char at[16] = "";
	size_t n;

	if (line == ITS_OWN)
		line = l->option[option_named(name)].line;
	file = l->c->file && line != ENVIRONMENT ? l->c->file : "environment";
	if (line > 0)
		fmt(at, sizeof at, ":%d", line);
	n = fmt(dst, room, "%s%s: %s", file, at, name);
	if (n < room)
		vfmt(dst + n, room - n, format, ap);
}

bool load_fail(struct load *l, const char *name, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	compose(l, name, l->err, l->nerr, format, ap);
	va_end(ap);
	return false;
}

void load_warn(struct load *l, const char *name, const char *format, ...)
{
	char text[512];
	va_list ap;

	if (!l->warn)
		return;
	va_start(ap, format);
	compose(l, name, text, sizeof text, format, ap);
	va_end(ap);
	l->warn(l->ctx, text);
}

char *load_other(struct load *l, const char *name, const char *path, bool keys, size_t *n)
{
	char why[160];
	bool shared;
	char *text = dotenv_read(path, n, &shared, why, sizeof why);

	if (!text)
		load_fail(l, name, ": %s %s", path, why);
	else if (keys && shared)
		load_warn(l, name, ": %s: others on this machine can read the keys in it: chmod 600 it", path);
	return text;
}

char *load_keep(struct load *l, const char *p, size_t n)
{
	char *kept = l->at;

	memcpy(kept, p, n);
	kept[n] = 0;
	l->at += n + 1;
	return kept;
}

/* ---- names ---- */

static size_t quirk_named(const char *name)
{
	char known[40];
	size_t i;

	for (i = 0; q_key(i); i++)
		if (quirk_name(i, known, sizeof known) && strcmp(known, name) == 0)
			break;
	return i;
}

/* whether one is the other with a letter changed, left out, put in or swapped, or in another case */
static bool nearly(const char *a, const char *b)
{
	while (*a && fold((unsigned char)*a) == fold((unsigned char)*b)) {
		a++;
		b++;
	}
	if (!*a || !*b)
		return strlen(a) + strlen(b) <= 1;
	return strcasecmp(a + 1, b + 1) == 0 || strcasecmp(a + 1, b) == 0 || strcasecmp(a, b + 1) == 0
		|| (fold((unsigned char)a[0]) == fold((unsigned char)b[1])
			&& fold((unsigned char)a[1]) == fold((unsigned char)b[0]) && strcasecmp(a + 2, b + 2) == 0);
}

static bool begins(const char *s, const char *head)
{
	return strncmp(s, head, strlen(head)) == 0;
}

/* A name that is nobody's. The environment is full of such, so there only what is long or ours by its head counts. */
static void unknown(struct load *l, const char *name)
{
	bool ours = begins(name, "UP_") || begins(name, "CUSTOM_HEADER");
	const char *meant = NULL;
	char known[40];

	if (strcmp(name, "UP_IDLE") == 0)
		meant = "REQUEST_TIMEOUT";
	for (size_t i = 0; !meant && i < NOPTIONS && (l->line > 0 || strlen(name) >= 8); i++)
		if (nearly(options[i].text, name))
			meant = options[i].text;
	for (size_t i = 0; !meant && ours && q_key(i); i++)
		if (quirk_name(i, known, sizeof known) && nearly(known, name))
			meant = known;
	if (meant)
		load_warn(l, name, " is not used: is %s meant?", meant);
	else if (ours)
		load_warn(l, name, " is not used: no option has this name");
}

/* ---- headers ---- */

/* "X_FOO" to "X-Foo", in place */
static void canonical(char *name)
{
	bool first = true;

	for (; *name; name++) {
		if (*name == '_')
			*name = '-';
		else if (first && *name >= 'a' && *name <= 'z')
			*name = (char)(*name - 'a' + 'A');
		else if (!first)
			*name = (char)fold((unsigned char)*name);
		first = *name == '-';
	}
}

static bool add_header(struct load *l, const char *part, const char *value)
{
	struct config *c = l->c;
	char *name = load_keep(l, part, strlen(part));
	const char *bad;
	size_t i;

	canonical(name);
	bad = q_field_bad(name, strlen(name), value, strlen(value));
	if (bad)
		return load_fail(l, "CUSTOM_HEADER_", "%s: %s", part, bad);
	for (i = 0; i < c->nheaders && strcmp(c->headers[i].name, name) != 0; i++)
		;
	if (i == CFG_HEADERS_MAX)
		return load_fail(l, "", "more than %d CUSTOM_HEADER_ settings: leave some out", CFG_HEADERS_MAX);
	if (*value) {
		c->headers[i] = (struct cfg_header){ name, value };
		c->nheaders += i == c->nheaders;
	} else if (i < c->nheaders) {
		c->headers[i] = c->headers[--c->nheaders];
	}
	return true;
}

/* ---- collecting ---- */

static bool is_ours(const char *name)
{
	return option_named(name) < NOPTIONS || begins(name, "CUSTOM_HEADER_") || q_key(quirk_named(name));
}

/* the value must live in the storage */
static bool take(struct load *l, const char *name, char *value)
{
	size_t i = option_named(name), k = quirk_named(name);
	size_t head = strlen("CUSTOM_HEADER_");

	if (i < NOPTIONS && options[i].kind != PREFIX)
		l->option[i] = (struct given){ value, l->line };
	else if (begins(name, "CUSTOM_HEADER_"))
		return add_header(l, name + head, value);
	else if (q_key(k))
		l->quirk[k] = (struct given){ value, l->line };
	else
		unknown(l, name);
	return true;
}

static bool is_proxy(const char *name, const char *tail)
{
	size_t n = strlen(name), k = strlen(tail);

	return n > k && strcmp(name + n - k, tail) == 0;
}

/*
 * The length of the name in "NAME=value"; copies it into name when it fits
 * there, else leaves "". https_proxy and its like, which all programs share, are written in
 * lower case too. HTTP_PROXY is not taken: to a program that a web server
 * starts it is what a client's field Proxy says (RFC 3875 4.1.18).
 */
static size_t split(const char *entry, char *name, size_t room)
{
	size_t n = strcspn(entry, "=");

	name[0] = 0;
	if (!entry[n] || n >= room)
		return n;
	fmt(name, room, "%.*s", (int)n, entry);
	if (is_proxy(name, "_proxy"))
		for (size_t i = 0; i < n; i++)
			name[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
	else if (strcmp(name, "HTTP_PROXY") == 0)
		name[0] = 0;
	return n;
}

bool load_environment(struct load *l, char *const env[])
{
	char name[128];
	const char *value;
	size_t n, i;

	l->line = ENVIRONMENT;
	for (; env && *env; env++) {
		n = split(*env, name, sizeof name);
		if (!*name)
			continue;
		if (!is_ours(name)) {
			unknown(l, name);
			continue;
		}
		/* in lower case it goes before, whichever comes first */
		i = option_named(name);
		if (i < NOPTIONS && l->option[i].value && is_proxy(name, "_PROXY") && **env < 'a')
			continue;
		value = *env + n + 1;
		if (!take(l, name, load_keep(l, value, strlen(value))))
			return false;
	}
	return true;
}

bool load_file(struct load *l, char *text, size_t n)
{
	struct dotenv d;
	char *name, *value;
	const char *why;
	int got;

	dotenv_init(&d, text, n);
	do {
		got = dotenv_next(&d, &name, &value, &why);
		l->line = d.line;
		if (got > 0 && !take(l, name, value))
			return false;
	} while (got > 0);
	return got == 0 || load_fail(l, why, "");
}

/* Each text is kept once, header names and UP_ settings a second time, both no longer than the line they come from. */
size_t load_needs(const char *file, size_t nfile, char *const env[])
{
	size_t n = 2 * (nfile + 2) + (file ? strlen(file) : 0) + 64;
	char name[128];

	for (; env && *env; env++) {
		split(*env, name, sizeof name);
		if (is_ours(name))
			n += 2 * (strlen(*env) + 2);
	}
	return n;
}
