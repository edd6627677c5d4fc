/*
 * The table of options, and what is printed from it. A new option is a field in
 * struct config and a row here; the UP_* settings are made from the keys of
 * quirks.h.
 */
#include "config_table.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define AT(field) offsetof(struct config, field)
#define DAY 86400000

#define ROUTE "Provider"
#define MODELS "Models"
#define LISTEN "Listening and clients"
#define LIMITS "Limits"
#define TIMERS "Timers"

const struct option options[] = {
	{ ROUTE, "OPENAI_API_KEY", SECRET, AT(openai_api_key), 0, 0, NULL, "",
		"the provider's key; a server on this machine needs none" },
	{ ROUTE, "OPENAI_BASE_URL", TEXT, AT(openai_base_url), 0, 0, "https://api.openai.com/v1", "",
		"the provider; /chat/completions is appended, a URL without a path gets the provider's usual one" },
	{ ROUTE, "AZURE_API_VERSION", TEXT, AT(azure_api_version), 0, 0, NULL, "",
		"Azure's dated form, such as 2024-10-21; not set: its /openai/v1 form" },
	{ ROUTE, "CUSTOM_HEADER_NAME", PREFIX, 0, 0, 0, NULL, "",
		"any name: CUSTOM_HEADER_X_TEAM=\"blue\" sends X-Team: blue, in place of a header of that name" },
	{ ROUTE, "REQUESTY_AUTO_CACHE", BOOL, AT(requesty_auto_cache), 0, 0, "false", "",
		"ask Requesty to cache prompts" },
	{ ROUTE, "REQUESTY_API_KEY", SECRET, AT(requesty_api_key), 0, 0, NULL, "",
		"reported in /health, otherwise unused: the key that is sent is OPENAI_API_KEY" },
	{ ROUTE, "ALLOW_PLAINTEXT", BOOL, AT(allow_plaintext), 0, 0, "false", "",
		"allow http:// to another machine: key and conversation can be read on the way" },
	{ ROUTE, "SSL_CERT_FILE", TEXT, AT(ssl_cert_file), 0, 0, NULL, "",
		"bundle of certificate authorities; not set: the system's" },
	{ ROUTE, "EXTRA_CA_FILE", TEXT, AT(extra_ca_file), 0, 0, NULL, "",
		"further certificate authorities, trusted besides the bundle" },
	{ ROUTE, "UP_QUIRKS", TEXT, AT(up_quirks), 0, 0, NULL, "",
		"file with rows for providers of your own: hosts, models, settings" },

	{ MODELS, "BIG_MODEL", TEXT, AT(big_model), 0, 0, "gpt-4o", "", "stands in for opus and every other claude-*" },
	{ MODELS, "MIDDLE_MODEL", TEXT, AT(middle_model), 0, 0, NULL, "",
		"stands in for sonnet; not set: BIG_MODEL" },
	{ MODELS, "SMALL_MODEL", TEXT, AT(small_model), 0, 0, "gpt-4o-mini", "", "stands in for haiku" },
	{ MODELS, "MAX_TOKENS_LIMIT", INT64, AT(max_tokens_limit), 1, 100000000, "131072", "tokens",
		"most max_tokens sent" },
	{ MODELS, "MIN_TOKENS_LIMIT", INT64, AT(min_tokens_limit), 0, 100000000, "0", "tokens",
		"raise max_tokens below this to it; 0: never" },

	{ LISTEN, "HOST", TEXT, AT(host), 0, 0, "127.0.0.1", "", "address to listen on" },
	{ LISTEN, "PORT", INT, AT(port), 0, 65535, "8082", "", "port to listen on; 0: the system picks one" },
	{ LISTEN, "ANTHROPIC_API_KEY", SECRET, AT(anthropic_api_key), 0, 0, NULL, "",
		"what clients must present, as x-api-key or Authorization: Bearer; not set: nothing" },
	{ LISTEN, "ALLOW_ANONYMOUS", BOOL, AT(allow_anonymous), 0, 0, "false", "",
		"serve other machines without ANTHROPIC_API_KEY: whoever reaches the port spends your money" },
	{ LISTEN, "ALLOWED_ORIGINS", TEXT, AT(allowed_origins), 0, 0, NULL, "",
		"web pages that may call, as https://host:port, separated by commas; not set: none" },
	{ LISTEN, "ALLOWED_HOSTS", TEXT, AT(allowed_hosts), 0, 0, NULL, "",
		"further names by which clients reach this proxy, separated by commas" },
	{ LISTEN, "LOG_LEVEL", LEVEL, AT(log_level), 0, 0, "INFO", "", "DEBUG, INFO, WARNING, ERROR or CRITICAL" },

	{ LIMITS, "REQUEST_TIMEOUT", INT, AT(request_timeout), 0, 86400, NULL, "seconds",
		"the provider counts as dead after this time without progress; not set: its row's, else 300" },
	{ LIMITS, "MAX_RETRIES", INT, AT(max_retries), 0, 10, "2", "",
		"further attempts when no byte of a request can have reached the provider" },
	{ LIMITS, "MAX_CONNECTIONS", INT, AT(max_connections), 1, 60000, "1024", "", "clients at a time" },
	{ LIMITS, "MAX_BODY", INT64, AT(max_body), 1024, 1 << 30, "33554432", "bytes",
		"largest request or answer; K and M may follow the number" },
	{ LIMITS, "MAX_EVENT", INT64, AT(max_event), 1024, 1 << 30, "8388608", "bytes",
		"largest event of a stream" },

	{ TIMERS, "HEAD_TIMEOUT_MS", INT, AT(head_timeout), 1, DAY, "10000", "ms", "for the head of a request" },
	{ TIMERS, "BODY_IDLE_MS", INT, AT(body_idle), 1, DAY, "30000", "ms", "between two pieces of a request body" },
	{ TIMERS, "BODY_MAX_MS", INT, AT(body_max), 1, DAY, "600000", "ms", "for a whole request body" },
	{ TIMERS, "WRITE_STALL_MS", INT, AT(write_stall), 1, DAY, "60000", "ms", "for a client that takes nothing" },
	{ TIMERS, "KEEPALIVE_MS", INT, AT(keepalive), 1, DAY, "60000", "ms", "an idle client connection is kept" },
	{ TIMERS, "UP_KEEPALIVE_MS", INT, AT(up_keepalive), 0, DAY, "30000", "ms",
		"an idle connection to the provider is kept; 0: none" },
	{ TIMERS, "RESOLVE_MS", INT, AT(resolve_timeout), 1, DAY, "8000", "ms", "to look up the provider's name" },
	{ TIMERS, "CONNECT_MS", INT, AT(connect_timeout), 1, DAY, "10000", "ms", "to connect to the provider" },
	{ TIMERS, "TLS_MS", INT, AT(tls_timeout), 1, DAY, "10000", "ms", "for the TLS handshake" },
	{ TIMERS, "HOLD_MS", INT, AT(hold), 0, DAY, "15000", "ms",
		"the answer's head waits this long for the provider's first event" },
	{ TIMERS, "PING_MS", INT, AT(ping), 1, DAY, "15000", "ms", "between pings in a silent stream" },
	{ TIMERS, "NUDGE_MS", INT, AT(nudge), 1, DAY, "120000", "ms", "between empty deltas in a silent stream" },
	{ TIMERS, "LINGER_MS", INT, AT(linger), 0, DAY, "2000", "ms", "for a client to close after the last answer" },
	{ TIMERS, "DRAIN_MS", INT, AT(drain), 0, DAY, "30000", "ms", "for running requests when told to end" },
	{ TIMERS, "DNS_TTL_MS", INT, AT(dns_ttl), 0, DAY, "60000", "ms", "a looked-up name is remembered" },
};
typedef char every_row_is_counted[sizeof options / sizeof *options == NOPTIONS ? 1 : -1];

size_t option_named(const char *name)
{
	size_t i = 0;

	while (i < NOPTIONS && strcmp(options[i].name, name) != 0)
		i++;
	return i;
}

bool quirk_name(size_t i, char *dst, size_t room)
{
	const char *key = q_key(i);
	size_t n = fmt(dst, room, "UP_%s", key);

	for (size_t k = 3; k < n; k++)
		if (dst[k] >= 'a' && dst[k] <= 'z')
			dst[k] = (char)(dst[k] - 'a' + 'A');
	/* REQUEST_TIMEOUT is this already */
	return strcmp(key, "idle") != 0;
}

/* ---- rows for those who print them ---- */

static void range(const struct option *o, char *dst, size_t room)
{
	*dst = 0;
	if (o->kind == BOOL)
		fmt(dst, room, "true or false");
	if (o->kind == INT || o->kind == INT64)
		fmt(dst, room, "%lld to %lld%s%s", (long long)o->min, (long long)o->max, *o->unit ? " " : "", o->unit);
}

/* the i-th key of quirks.h that is an option, or where the keys end */
static size_t quirk_option(size_t i)
{
	char name[40];
	size_t k;

	for (k = 0; q_key(k); k++)
		if (quirk_name(k, name, sizeof name) && i-- == 0)
			break;
	return k;
}

static bool quirk_row(size_t i, struct cfg_option *o)
{
	size_t k = quirk_option(i);
	struct quirks q;

	if (!q_key(k))
		return false;
	q_init(&q);
	*o = (struct cfg_option){ .group = "Dialect of the provider (over what is known of it)", .doc = q_doc(k) };
	quirk_name(k, o->name, sizeof o->name);
	fmt(o->range, sizeof o->range, "%s", q_values(k));
	q_show(&q, k, o->def, sizeof o->def);
	return true;
}

bool cfg_option(size_t i, struct cfg_option *o)
{
	const struct option *row = options + (i < NOPTIONS ? i : 0);

	if (i >= NOPTIONS)
		return quirk_row(i - NOPTIONS, o);
	*o = (struct cfg_option){ .group = row->group, .doc = row->doc, .secret = row->kind == SECRET };
	fmt(o->name, sizeof o->name, "%s", row->name);
	fmt(o->def, sizeof o->def, "%s", row->def ? row->def : "");
	range(row, o->range, sizeof o->range);
	return true;
}

static size_t show_headers(const struct config *c, char *dst, size_t room)
{
	size_t n = 0;

	*dst = 0;
	for (size_t i = 0; i < c->nheaders && n < room; i++)
		n += fmt(dst + n, room - n, "%s%s", i ? ", " : "", c->headers[i].name);
	return strlen(dst);
}

static size_t show_quirk(const struct config *c, size_t i, char *dst, size_t room)
{
	struct quirks q;

	cfg_quirks(c, c->big_model, &q);
	return q_show(&q, quirk_option(i), dst, room);
}

size_t cfg_show(const struct config *c, size_t i, char *dst, size_t room)
{
	const struct option *o = options + (i < NOPTIONS ? i : 0);
	const char *at = (const char *)c + o->offset;

	if (i >= NOPTIONS)
		return show_quirk(c, i - NOPTIONS, dst, room);
	switch (o->kind) {
	case TEXT:
		/* a base URL may carry a key in its query */
		fmt(dst, room, "%s", o->offset == AT(openai_base_url) ? c->target.shown : *(const char *const *)at);
		break;
	case SECRET: fmt(dst, room, "%s", **(const char *const *)at ? "set" : ""); break;
	case INT: fmt(dst, room, "%d", *(const int *)at); break;
	case INT64: fmt(dst, room, "%lld", (long long)*(const int64_t *)at); break;
	case BOOL: fmt(dst, room, "%s", *(const bool *)at ? "true" : "false"); break;
	case LEVEL: fmt(dst, room, "%s", log_level_name(*(const enum log_level *)at)); break;
	case PREFIX: return show_headers(c, dst, room);
	}
	return strlen(dst);
}

/* ---- printing ---- */

static int print(int fd, const char *p)
{
	size_t n = strlen(p);
	ssize_t k;

	while (n > 0) {
		k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static size_t help_entry(char *dst, size_t room, const struct cfg_option *o)
{
	return fmt(dst, room, *o->range ? "  %s=%s\n        %s (%s)\n" : "  %s=%s\n        %s\n", o->name, o->def, o->doc,
		o->range);
}

static size_t example_entry(char *dst, size_t room, const struct cfg_option *o)
{
	return fmt(dst, room, *o->range ? "# %s (%s)\n#%s=%s\n" : "# %s%s\n#%s=%s\n", o->doc, o->range, o->name, o->def);
}

static int print_all(int fd, const char *heading, size_t (*entry)(char *, size_t, const struct cfg_option *))
{
	const char *group = "";
	struct cfg_option o;
	char text[640];
	size_t n;

	for (size_t i = 0; cfg_option(i, &o); i++) {
		n = strcmp(group, o.group) == 0 ? 0 : fmt(text, sizeof text, heading, i ? "\n" : "", o.group);
		group = o.group;
		entry(text + n, sizeof text - n, &o);
		if (print(fd, text) != 0)
			return -1;
	}
	return 0;
}

int cfg_help(int fd)
{
	return print_all(fd, "%s%s\n", help_entry);
}

int cfg_example(int fd)
{
	return print(fd, "# Settings of claude-code-proxy. Take the # away from what you set; what stands there is the default.\n\n")
		|| print_all(fd, "%s# ---- %s ----\n", example_entry) ? -1 : 0;
}
