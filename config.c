/*
 * The options: one table, filled from the environment and over it a file.
 *
 * Promises: a configuration is whole and consistent or there is none; what it
 * holds can be sent (no control characters in texts, tokens as header names);
 * a refusal names the file and line and how to mend it; keys are wiped when it
 * is freed. A value that is empty counts as not set.
 * Limits: DOTENV_MAX of a file, CFG_HEADERS_MAX headers.
 *
 * Loading: collect what is given for every row of the table (config_table.c),
 * convert, then check what depends on several rows.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config_load.h"
#include "dotenv.h"
#include "errno_text.h"
#include "http_char.h"
#include "target.h"
#include "via.h"

/* ---- converting ---- */

static void *field(struct config *c, const struct option *o)
{
	return (char *)c + o->offset;
}

static bool number(const char *p, bool bytes, int64_t *out)
{
	int64_t v = 0;

	if (!is_digit((unsigned char)*p))
		return false;
	for (; is_digit((unsigned char)*p); p++) {
		if (v > INT64_MAX / 10 / 1048576 - 10)
			return false;
		v = v * 10 + (*p - '0');
	}
	if (bytes && fold((unsigned char)*p) == 'k')
		v *= 1024;
	else if (bytes && fold((unsigned char)*p) == 'm')
		v *= 1048576;
	else
		p--;
	*out = v;
	return p[1] == 0;
}

static bool set_number(struct load *l, const struct option *o, const char *value)
{
	char range[64];
	int64_t v;

	if (number(value, o->kind == BYTES, &v) && v >= o->min && v <= o->max) {
		*(int *)field(l->c, o) = (int)v;
		return true;
	}
	option_range(o, range, sizeof range);
	return load_fail(l, o->text, " is \"%j\": give a whole number from %s", value, strlen(value), range);
}

static bool set_bool(struct load *l, const struct option *o, const char *value)
{
	int word = q_word("false true 0 1 no yes off on", value, strlen(value));

	*(bool *)field(l->c, o) = word & 1;
	return word >= 0
		|| load_fail(l, o->text, " is \"%j\": give true or false", value, strlen(value));
}

/* only the first word counts: old files have a comment inside the quotes */
static bool set_level(struct load *l, const struct option *o, const char *value)
{
	int level = q_word("debug info warning error critical", value, strcspn(value, " \t#"));

	*(enum log_level *)field(l->c, o) = level < 0 ? LOG_INFO : (enum log_level)level;
	if (level < 0)
		load_warn(l, o->text, " is \"%j\", which is no level: INFO is used (%s)",
			value, strlen(value), q_text(o->text, 2));
	return true;
}

static bool set_text(struct load *l, const struct option *o, const char *value)
{
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return load_fail(l, o->text, " holds a control character: write it on one line");
	*(const char **)field(l->c, o) = value;
	return true;
}

static bool set_option(struct load *l, size_t i)
{
	const struct option *o = &options[i];
	const char *value = l->option[i].value;

	if (!value || !*value)
		value = option_default(o);
	switch (o->kind) {
	case TEXT: case SECRET: return set_text(l, o, value);
	case BOOL: return set_bool(l, o, value);
	case LEVEL: return set_level(l, o, value);
	case PREFIX: return true;
	}
	return !*value || set_number(l, o, value);
}

/* ---- quirks ---- */

/* appends key="value" to the storage, in the quotes that the value leaves free; NULL when there are none */
static char *join(struct load *l, const char *key, const char *value)
{
	const char *quote = *value == '{' ? "" : !strchr(value, '"') ? "\"" : !strchr(value, '\'') ? "'" : NULL;
	char *begin = l->at;

	if (quote)
		l->at += fmt(begin, strlen(key) + strlen(value) + 5, "%s=%s%s%s ", key, quote, value, quote);
	return quote ? begin : NULL;
}

/* Whether an object was all of its value: what follows it would be taken for further settings. */
static bool whole_object(const struct quirks *q, size_t i, const char *value)
{
	char text[sizeof q->extra];

	q_show(q, i, text, sizeof text);
	return *value != '{' || strcmp(text, value) == 0;
}

static bool set_quirks(struct load *l)
{
	struct quirks scratch;
	char name[40];
	const char *why;
	char *begin;
	size_t at;

	q_init(&scratch);
	l->c->up_settings = l->at;
	for (size_t i = 0; q_key(i); i++) {
		if (!l->quirk[i].value)
			continue;
		l->line = l->quirk[i].line;
		quirk_name(i, name, sizeof name);
		begin = join(l, q_key(i), l->quirk[i].value);
		if (!begin)
			return load_fail(l, name, ": both kinds of quotes in one value");
		if (q_apply(&scratch, begin, (size_t)(l->at - begin), &why, &at) != 0)
			return load_fail(l, name, ": %s (%s)", why, q_values(i));
		if (!whole_object(&scratch, i, l->quirk[i].value))
			return load_fail(l, name, ": text behind the object");
	}
	*l->at++ = 0;
	l->line = ITS_OWN;
	return true;
}

/* the user's rows, checked here so that no request can fail for them */
static bool read_rows(struct load *l)
{
	struct config *c = l->c;
	size_t n, at;
	const struct q_place nowhere = { .host = "" };
	struct quirks scratch;
	const char *why;

	if (!*c->up_quirks)
		return true;
	c->quirk_rows = load_other(l, "UP_QUIRKS", c->up_quirks, false, &n);
	if (!c->quirk_rows)
		return false;
	q_init(&scratch);
	if (q_rows(&scratch, c->quirk_rows, &nowhere, &why, &at) == 0)
		return true;
	fmt(l->err, l->nerr, "%s:%zu: %s", c->up_quirks, at, why);
	return false;
}

/* ---- checks over several options ---- */

static const char base_url[] = "OPENAI_BASE_URL";

static bool check_upstream(struct load *l, const struct quirks *q)
{
	const struct cfg_target *t = &l->c->target;

	if (t->tls && t->literal)
		return load_fail(l, base_url, ": TLS to an IP address cannot be verified: "
			"use the name in its certificate");
	if (!t->tls && !t->loopback && !l->c->allow_plaintext)
		return load_fail(l, base_url, ": http:// to %s would show the key and the conversation: "
			"use https://, or set ALLOW_PLAINTEXT=true", t->host);
	if (l->c->key_is_set || t->loopback || q->auth == AUTH_NONE || cfg_header(l->c, "Authorization", 13)
		|| cfg_header(l->c, "Api-Key", 7) || cfg_header(l->c, "X-Api-Key", 9))
		return true;
	return load_fail(l, "OPENAI_API_KEY",
		" is not set: put the key for %s there (UP_AUTH=none if it needs none)", t->host);
}

static bool set_target(struct load *l)
{
	struct config *c = l->c;
	const char *version = c->azure_api_version;
	struct quirks q;
	const char *bad = target_url(&c->target, c->openai_base_url);

	for (const char *p = version; *p; p++)
		if (!is_digit((unsigned char)*p) && !is_letter((unsigned char)*p) && *p != '-' && *p != '.')
			return load_fail(l, "AZURE_API_VERSION", " is \"%j\": give a date such as 2024-10-21",
				version, strlen(version));
	if (*c->upstream_api) {
		c->target.native = strcmp(c->upstream_api, "anthropic") == 0;
		if (!c->target.native && strcmp(c->upstream_api, "openai") != 0)
			return load_fail(l, "UPSTREAM_API", " is \"%j\": it may be openai or anthropic", c->upstream_api,
				strlen(c->upstream_api));
	}
	if (!bad) {
		cfg_quirks(c, "", &q);
		bad = target_path(&c->target, &q, version);
	}
	if (bad)
		return load_fail(l, base_url, ": %s", bad);
	if (strstr(c->target.path, "/deployments/") && !strstr(c->target.query, "api-version="))
		load_warn(l, base_url,
			" names an Azure deployment, but AZURE_API_VERSION is not set");
	return check_upstream(l, &q);
}

/* A socket in the file system: it has no port, and who may use it is told by its mode and its directory's. */
static bool check_socket(struct load *l)
{
	size_t most = sizeof ((struct sockaddr_un *)0)->sun_path - 1;

	l->c->port = 0;
	return strlen(l->c->host) <= most
		|| load_fail(l, "HOST", ": the path of a socket may have %zu bytes: give a shorter one", most);
}

/* Which proxy of the network the upstream is reached through. Nothing is said of one that is not used. */
static bool set_via(struct load *l)
{
	struct config *c = l->c;
	struct cfg_via *v = &c->via;
	const char *name = c->target.tls ? "HTTPS_PROXY" : "HTTP_PROXY", *bad;

	if (*(c->target.tls ? c->https_proxy : c->http_proxy) == 0)
		name = *c->all_proxy ? "ALL_PROXY" : NULL;
	v->setting = name;
	if (!name || c->target.loopback)
		return true;
	v->spared = via_spared(c->no_proxy, &c->target, &v->nspared);
	if (v->spared)
		return true;
	bad = via_url(v, l->option[option_named(name)].value);
	return !bad || load_fail(l, name, ": %s", bad);
}

static bool check_host(struct load *l)
{
	struct config *c = l->c;
	size_t i = option_named("HOST"), n = strlen(c->host);
	static const char scheme[] = "unix:";

	if (strncmp(c->host, scheme, sizeof scheme - 1) == 0)
		c->host += sizeof scheme - 1;
	if (*c->host == '/')
		return check_socket(l);
	if (c->host[0] == '[' && c->host[n - 1] == ']') {
		l->option[i].value[n - 1] = 0;
		c->host++;
	}
	if (!*c->host || strpbrk(c->host, " /[]"))
		return load_fail(l, "HOST", " is \"%s\": give a name or an IP address alone, or the path of a socket",
			c->host);
	if (target_loopback(c->host) || c->asks_key || c->allow_anonymous)
		return true;
	return load_fail(l, "HOST", "=%s lets other machines use your key: "
		"set ANTHROPIC_API_KEY or ANTHROPIC_API_KEYS_FILE, or ALLOW_ANONYMOUS=true where all are trusted", c->host);
}

static bool check_list(struct load *l, const char *name, const char *list, bool origins)
{
	const char *at = list, *entry;
	size_t n, count = 0;

	while ((entry = cfg_entry(&at, &n)) != NULL) {
		if (memchr(entry, '*', n))
			return load_fail(l, name, ": a * would let every web page in: name each one");
		if (origins && (!memchr(entry, ':', n) || entry[n - 1] == '/'))
			return load_fail(l, name, ": \"%.*s\" is no origin: write https://host or https://host:port",
				(int)n, entry);
		if (++count > CFG_LIST_MAX)
			return load_fail(l, name, " has more than %d entries", CFG_LIST_MAX);
	}
	return true;
}

static bool given(const struct load *l, const char *name)
{
	return l->option[option_named(name)].value != NULL;
}

/* The listener's certificate and key: read here, so that what is wrong is told with its line. */
static bool check_tls(struct load *l)
{
	struct config *c = l->c;
	bool cert = *c->tls_cert != '\0', of_key;
	char why[600];
	struct stat st;

	if (!cert && !*c->tls_key)
		return true;
	if (!cert || !*c->tls_key)
		return load_fail(l, cert ? "TLS_KEY" : "TLS_CERT", " is not set, and %s is: TLS takes both (it may be the same file)",
			cert ? "TLS_CERT" : "TLS_KEY");
	c->identity = tls_identity_load(c->tls_cert, c->tls_key, &of_key, why, sizeof why);
	if (!c->identity)
		return load_fail(l, of_key ? "TLS_KEY" : "TLS_CERT", "%s", why);
	if (*why)
		load_warn(l, "TLS_CERT", "%s", why);
	if (stat(c->tls_key, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		load_warn(l, "TLS_KEY", ": others on this machine can read %s: chmod 600 it", c->tls_key);
	return true;
}

/* Another provider than the default's seldom has the default's small model. */
static void check_models(struct load *l)
{
	if (given(l, "OPENAI_BASE_URL") && given(l, "BIG_MODEL") && !given(l, "SMALL_MODEL"))
		load_warn(l, "SMALL_MODEL", " is not set: haiku, which subagents ask for, will be %s", l->c->small_model);
}

/* Whether a file of this path can be made; the directory is not: where it is missing, the path is likely wrong. */
static bool check_log_path(struct load *l, const char *name)
{
	const char *path = l->c->log_path, *slash = strrchr(path, '/');
	char dir[CFG_LOG_PATH + 1];
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return load_fail(l, name, ": %s is no regular file: give the name of one", path);
	fmt(dir, sizeof dir, "%.*s.", slash != NULL ? (int)(slash + 1 - path) : 0, path);
	return access(dir, W_OK | X_OK) == 0
		|| load_fail(l, name, ": %s: %s: make that directory, or let this account write there", dir, errno_text(errno));
}

static bool check_log(struct load *l)
{
	struct config *c = l->c;
	const char *dir = c->log_dir, *name = c->log_file;
	char usual[sizeof ((struct sockaddr_un *)0)->sun_path + 40];
	const char *slash = strrchr(c->host, '/');
	int format = q_word("text json", c->log_format, strlen(c->log_format));

	if (format < 0)
		return load_fail(l, "LOG_FORMAT", " is \"%j\": give text or json", c->log_format, strlen(c->log_format));
	c->log_json = format == 1;
	if (!*dir && !*name)
		return true;
	if (*dir && strchr(name, '/'))
		return load_fail(l, "LOG_FILE", " is a path, and LOG_DIR is set too: give a name alone");
	if (slash != NULL)
		fmt(usual, sizeof usual, "claude-code-proxy-%s.log", slash + 1);
	else
		fmt(usual, sizeof usual, "claude-code-proxy-%d.log", c->port);
	if (fmt(c->log_path, sizeof c->log_path, "%s%s%s", dir, *dir ? "/" : "", *name ? name : usual) >= sizeof c->log_path)
		return load_fail(l, *dir ? "LOG_DIR" : "LOG_FILE", " is too long");
	return check_log_path(l, *dir ? "LOG_DIR" : "LOG_FILE");
}

static bool check(struct load *l)
{
	struct config *c = l->c;

	if (!*c->middle_model)
		c->middle_model = c->big_model;
	check_models(l);
	c->key_is_set = *c->openai_api_key != 0;
	if (c->min_tokens_limit > c->max_tokens_limit)
		return load_fail(l, "MIN_TOKENS_LIMIT", " is above MAX_TOKENS_LIMIT (%d)", c->max_tokens_limit);
	if (!load_keys(l))
		return false;
	c->asks_key = *c->anthropic_api_key || c->nkeys > 0;
	return read_rows(l) && set_target(l) && set_via(l) && check_host(l)
		&& check_list(l, "ALLOWED_ORIGINS", c->allowed_origins, true)
		&& check_list(l, "ALLOWED_HOSTS", c->allowed_hosts, false) && check_tls(l) && check_log(l);
}

/* ---- loading ---- */

static bool fill(struct load *l, char *text, size_t n, char *const env[])
{
	if (!load_environment(l, env))
		return false;
	if (text) {
		text = memcpy(l->at, text, n);
		l->at += n + 1;
		if (!load_file(l, text, n))
			return false;
	}
	l->line = ITS_OWN;
	for (size_t i = 0; i < NOPTIONS; i++)
		if (!set_option(l, i))
			return false;
	return set_quirks(l) && check(l);
}

static bool allocate(struct load *l, const char *file, size_t n, char *const env[])
{
	struct config *c = l->c;

	c->nstorage = load_needs(file, n, env);
	c->storage = calloc(1, c->nstorage);
	if (!c->storage)
		return load_fail(l, "", "out of memory");
	l->at = c->storage;
	if (file)
		c->file = load_keep(l, file, strlen(file));
	return true;
}

struct config *cfg_load(const char *file, char *const env[], char *err, size_t nerr,
	void (*warn)(void *ctx, const char *line), void *ctx)
{
	struct load l = { .err = err, .nerr = nerr, .warn = warn, .ctx = ctx };
	struct config *c = calloc(1, sizeof *c);
	char *text = NULL, why[160];
	size_t n = 0;
	bool shared = false, good = false;

	l.c = c;
	if (!c) {
		fmt(err, nerr, "out of memory");
		return NULL;
	}
	c->file = file;
	if (file)
		text = dotenv_read(file, &n, &shared, why, sizeof why);
	if (file && !text)
		load_fail(&l, why, "");
	else
		good = allocate(&l, file, n, env) && fill(&l, text, n, env);
	l.line = NOWHERE;
	if (shared)
		load_warn(&l, "", "others on this machine can read the keys in it: chmod 600 it");
	if (text) {
		wipe(text, n);
		free(text);
	}
	if (good)
		return c;
	cfg_free(c);
	return NULL;
}

void cfg_free(struct config *c)
{
	if (!c)
		return;
	if (c->storage)
		wipe(c->storage, c->nstorage);
	free(c->storage);
	if (c->client_keys)
		wipe(c->client_keys, c->nclient_keys);
	free(c->client_keys);
	free(c->quirk_rows);
	tls_identity_free(c->identity);
	free(c);
}
