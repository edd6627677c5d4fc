/*
 * The table of options, and what is printed from it. A new option is a field in
 * struct config and a row here; the UP_* settings are made from the keys of
 * quirks.h.
 */
#include "config_table.h"

#include <string.h>

#include "sandbox.h"

#define DAY 86400000

/* headings, in the order of group */
enum { ROUTE, MODELS, LISTEN, JOURNAL, LIMITS, TIMERS, DIALECT };
static const char headings[] = "Provider\0Models\0Listening and clients\0Log\0Limits\0Timers\0"
	"Dialect of the provider (over what is known of it)";

/* what stands behind a number, in the order of enum kind from COUNT on */
static const char units[] = "\0 tokens\0 bytes\0 seconds\0 ms";

#define OPTION(group, kind, field, min, max, name, def, doc) \
	{ name "\0" def "\0" doc, group, kind, offsetof(struct config, field), min, max }

const struct option options[] = {
	OPTION(ROUTE, SECRET, openai_api_key, 0, 0, "OPENAI_API_KEY", "",
		"the provider's key; a server on this machine needs none"),
	OPTION(ROUTE, TEXT, openai_base_url, 0, 0, "OPENAI_BASE_URL", "https://api.openai.com/v1",
		"the provider; without a path its usual one; /chat/completions is appended"),
	OPTION(ROUTE, TEXT, upstream_api, 0, 0, "UPSTREAM_API", "",
		"openai, or anthropic: passed on; not set: anthropic where the URL ends so"),
	OPTION(ROUTE, TEXT, azure_api_version, 0, 0, "AZURE_API_VERSION", "",
		"Azure's dated form, such as 2024-10-21; not set: /openai/v1"),
	OPTION(ROUTE, PREFIX, headers, 0, 0, "CUSTOM_HEADER_NAME", "",
		"CUSTOM_HEADER_X_TEAM=\"blue\" sends X-Team: blue, in place of that header"),
	OPTION(ROUTE, BOOL, requesty_auto_cache, 0, 0, "REQUESTY_AUTO_CACHE", "false",
		"ask Requesty to cache prompts"),
	OPTION(ROUTE, SECRET, requesty_api_key, 0, 0, "REQUESTY_API_KEY", "",
		"only told of in /health; OPENAI_API_KEY is sent"),
	OPTION(ROUTE, BOOL, allow_plaintext, 0, 0, "ALLOW_PLAINTEXT", "false",
		"allow http:// to another machine: it can be read on the way"),
	OPTION(ROUTE, SECRET, https_proxy, 0, 0, "HTTPS_PROXY", "",
		"way to an https:// provider: http://user:password@host:port or socks5://"),
	OPTION(ROUTE, SECRET, http_proxy, 0, 0, "HTTP_PROXY", "",
		"the same to an http:// provider; in the environment: http_proxy"),
	OPTION(ROUTE, SECRET, all_proxy, 0, 0, "ALL_PROXY", "", "the same to both, where theirs is not set"),
	OPTION(ROUTE, TEXT, no_proxy, 0, 0, "NO_PROXY", "",
		"reached without it: names (and all below), addresses, nets (10.0.0.0/8), each with :port or not; *"),
	OPTION(ROUTE, TEXT, ssl_cert_file, 0, 0, "SSL_CERT_FILE", "",
		"certificate authorities; not set: the system's"),
	OPTION(ROUTE, TEXT, extra_ca_file, 0, 0, "EXTRA_CA_FILE", "", "further certificate authorities"),
	OPTION(ROUTE, TEXT, up_quirks, 0, 0, "UP_QUIRKS", "",
		"file of rows: hosts (^: as above; @ before them: Anthropic's API), models, settings"),

	OPTION(MODELS, TEXT, big_model, 0, 0, "BIG_MODEL", "gpt-4o", "for opus and every other claude-*"),
	OPTION(MODELS, TEXT, middle_model, 0, 0, "MIDDLE_MODEL", "", "for sonnet; not set: BIG_MODEL"),
	OPTION(MODELS, TEXT, small_model, 0, 0, "SMALL_MODEL", "gpt-4o-mini", "for haiku"),
	OPTION(MODELS, TEXT, vision_model, 0, 0, "VISION_MODEL", "",
		"for images that the model does not take; not set: a note in their place"),
	OPTION(MODELS, TOKENS, max_tokens_limit, 1, 100000000, "MAX_TOKENS_LIMIT", "131072", "most max_tokens sent"),
	OPTION(MODELS, TOKENS, min_tokens_limit, 0, 100000000, "MIN_TOKENS_LIMIT", "0",
		"least max_tokens sent"),

	OPTION(LISTEN, TEXT, host, 0, 0, "HOST", "127.0.0.1", "address to listen on, or a Unix socket: /path, unix:/path"),
	OPTION(LISTEN, COUNT, port, 0, 65535, "PORT", "8082", "0: the system picks one"),
	OPTION(LISTEN, TEXT, tls_cert, 0, 0, "TLS_CERT", "",
		"for TLS to clients: PEM file of the certificate and its signers'"),
	OPTION(LISTEN, TEXT, tls_key, 0, 0, "TLS_KEY", "", "PEM file of its key: RSA, P-256, P-384"),
	OPTION(LISTEN, SECRET, anthropic_api_key, 0, 0, "ANTHROPIC_API_KEY", "",
		"what clients must present (x-api-key or Bearer)"),
	OPTION(LISTEN, TEXT, keys_file, 0, 0, "ANTHROPIC_API_KEYS_FILE", "",
		"file of further client keys: lines of a name, for the log, and a key"),
	OPTION(LISTEN, BOOL, allow_anonymous, 0, 0, "ALLOW_ANONYMOUS", "false",
		"other machines need no key: who reaches the port spends your money"),
	OPTION(LISTEN, TEXT, allowed_origins, 0, 0, "ALLOWED_ORIGINS", "",
		"web pages that may call: https://host:port, with commas"),
	OPTION(LISTEN, TEXT, allowed_hosts, 0, 0, "ALLOWED_HOSTS", "",
		"further names of this proxy, with commas"),
	OPTION(LISTEN, TEXT, run_as, 0, 0, "RUN_AS", "",
		"user of /etc/passwd that root becomes when all is open; of several files the first counts"),
	OPTION(LISTEN, TEXT, chroot, 0, 0, "CHROOT", "",
		"directory that is all it sees from then on (SECURITY.md)"),
	OPTION(LISTEN, COUNT, sandbox, SANDBOX_OFF, SANDBOX_STRICT, "SANDBOX", "1",
		"1: only the system calls it needs, nobody traces it; 2: no upgrade (SIGUSR2) either; 0: none of it"),

	OPTION(JOURNAL, LEVEL, log_level, 0, 0, "LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
	OPTION(JOURNAL, TEXT, log_format, 0, 0, "LOG_FORMAT", "text", "text or json"),
	OPTION(JOURNAL, TEXT, log_dir, 0, 0, "LOG_DIR", "",
		"directory of the log; not set, nor LOG_FILE: stderr"),
	OPTION(JOURNAL, TEXT, log_file, 0, 0, "LOG_FILE", "",
		"its name there, or its path; not set: claude-code-proxy-PORT.log"),
	OPTION(JOURNAL, COUNT, log_days, 1, 3650, "LOG_RETENTION_DAYS", "3",
		"days that archives are kept"),
	OPTION(JOURNAL, BYTES, log_max_size, 16384, 1 << 30, "LOG_MAX_SIZE", "10485760",
		"of the log and its archives together"),

	OPTION(LIMITS, SECONDS, request_timeout, 0, 86400, "REQUEST_TIMEOUT", "",
		"without progress until the provider counts as dead; not set: its row's, else 300"),
	OPTION(LIMITS, COUNT, max_retries, 0, 10, "MAX_RETRIES", "2",
		"further attempts while nothing can have reached the provider"),
	OPTION(LIMITS, COUNT, max_connections, 1, 60000, "MAX_CONNECTIONS", "1024", "clients at a time"),
	OPTION(LIMITS, COUNT, max_per_address, 0, 60000, "MAX_PER_ADDRESS", "",
		"from one address; not set: three quarters, from this machine all"),
	OPTION(LIMITS, BYTES, max_body, 1024, 1 << 30, "MAX_BODY", "33554432",
		"largest request or answer; K and M are known"),
	OPTION(LIMITS, BYTES, max_event, 1024, 1 << 30, "MAX_EVENT", "8388608", "largest event of a stream"),

	OPTION(TIMERS, MS, head_timeout, 1, DAY, "HEAD_TIMEOUT_MS", "10000", "for the head of a request"),
	OPTION(TIMERS, MS, body_idle, 1, DAY, "BODY_IDLE_MS", "30000", "between two pieces of a request body"),
	OPTION(TIMERS, MS, body_max, 1, DAY, "BODY_MAX_MS", "600000", "for a whole request body"),
	OPTION(TIMERS, MS, write_stall, 1, DAY, "WRITE_STALL_MS", "60000", "for a client that takes nothing"),
	OPTION(TIMERS, MS, keepalive, 1, DAY, "KEEPALIVE_MS", "60000", "an idle client connection is kept"),
	OPTION(TIMERS, MS, up_keepalive, 0, DAY, "UP_KEEPALIVE_MS", "30000",
		"an idle provider connection is kept; 0: none"),
	OPTION(TIMERS, MS, resolve_timeout, 1, DAY, "RESOLVE_MS", "8000", "to look up the provider's name"),
	OPTION(TIMERS, MS, connect_timeout, 1, DAY, "CONNECT_MS", "10000", "to connect to the provider"),
	OPTION(TIMERS, MS, tls_timeout, 1, DAY, "TLS_MS", "10000", "for the TLS handshake"),
	OPTION(TIMERS, MS, hold, 0, DAY, "HOLD_MS", "15000",
		"the answer's head waits for the provider's first event"),
	OPTION(TIMERS, MS, ping, 1, DAY, "PING_MS", "15000", "between pings in a silent stream"),
	OPTION(TIMERS, MS, nudge, 1, DAY, "NUDGE_MS", "120000", "between empty deltas in a silent stream"),
	OPTION(TIMERS, MS, linger, 0, DAY, "LINGER_MS", "2000", "for a client to close after its last answer"),
	OPTION(TIMERS, MS, drain, 0, DAY, "DRAIN_MS", "30000", "for running requests when told to end"),
	OPTION(TIMERS, MS, dns_ttl, 0, DAY, "DNS_TTL_MS", "60000", "a looked-up name is remembered"),
};
typedef char every_row_is_counted[sizeof options / sizeof *options == NOPTIONS ? 1 : -1];

size_t option_named(const char *name)
{
	size_t i = 0;

	while (i < NOPTIONS && strcmp(options[i].text, name) != 0)
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

const char *option_default(const struct option *o)
{
	return q_text(o->text, 1);
}

size_t option_range(const struct option *o, char *dst, size_t room)
{
	*dst = 0;
	if (o->kind == BOOL)
		return fmt(dst, room, "true or false");
	return o->kind < COUNT ? 0 : fmt(dst, room, "%d to %d%s", o->min, o->max, q_text(units, o->kind - COUNT));
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
	o->group = q_text(headings, DIALECT);
	o->doc = q_doc(k);
	quirk_name(k, o->name, sizeof o->name);
	fmt(o->range, sizeof o->range, "%s", q_values(k));
	q_show(&q, k, o->def, sizeof o->def);
	return true;
}

bool cfg_option(size_t i, struct cfg_option *o)
{
	const struct option *row = options + i;

	if (i >= NOPTIONS)
		return quirk_row(i - NOPTIONS, o);
	o->group = q_text(headings, row->group);
	o->doc = q_text(row->text, 2);
	fmt(o->name, sizeof o->name, "%s", row->text);
	fmt(o->def, sizeof o->def, "%s", option_default(row));
	option_range(row, o->range, sizeof o->range);
	return true;
}

/* ---- printing ---- */

int cfg_print(int fd, bool example)
{
	static const char head[] = "# Settings of claude-code-proxy. Take the # away from what you set; what stands there is the default.\n\n";
	const char *group = "";
	struct cfg_option o;
	char text[640], range[140];
	size_t n;

	if (example && !write_all(fd, head, sizeof head - 1))
		return -1;
	for (size_t i = 0; cfg_option(i, &o); i++) {
		n = strcmp(group, o.group) == 0 ? 0 : fmt(text, sizeof text, example ? "%s# ---- %s ----\n" : "%s%s\n", i ? "\n" : "",
			o.group);
		group = o.group;
		fmt(range, sizeof range, *o.range ? " (%s)" : "", o.range);
		if (example)
			fmt(text + n, sizeof text - n, "# %s%s\n#%s=%s\n", o.doc, range, o.name, o.def);
		else
			fmt(text + n, sizeof text - n, "  %s=%s\n        %s%s\n", o.name, o.def, o.doc, range);
		if (!write_all(fd, text, strlen(text)))
			return -1;
	}
	return 0;
}
