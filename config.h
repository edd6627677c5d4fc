/*
 * Configuration: .env files and the environment into one const struct, from
 * one table of options. The table is the only place that names them: parsing,
 * --help, the start-up dump, .env.example and the manual are made from it or
 * compared with it.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "quirks.h"
#include "tls_server.h"

#define CFG_HEADERS_MAX 32	/* CUSTOM_HEADER_* of one instance */
#define CFG_LOG_PATH 512
#define CFG_KEYS_MAX 256	/* clients in ANTHROPIC_API_KEYS_FILE: all are compared for each request */
#define CFG_KEY_NAME_MAX 32	/* bytes of such a client's name, which every log line of its requests has */
#define CFG_LIST_MAX 16		/* entries of ALLOWED_ORIGINS, ALLOWED_HOSTS */

struct cfg_header {
	const char *name, *value;
};

/* where requests go; derived from OPENAI_BASE_URL once */
struct cfg_target {
	char host[256];		/* lower case, no brackets around IPv6 */
	int port;
	bool tls;
	bool literal;		/* host is an IP address */
	bool loopback;
	bool native;		/* Anthropic's Messages API is spoken there: by UPSTREAM_API, else by the path */
	char authority[280];	/* for the Host header: no default port */
	char path[512];		/* "/v1/chat/completions", "/anthropic/v1/messages"; for Azure deployments holds %s where the model goes */
	char query[256];	/* "" or "?api-version=..." */
	char shown[512];	/* the base URL without userinfo and query, for people */
};

/* the proxy of the network on the way there; derived from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY once */
struct cfg_via {
	const char *setting;	/* which of them names one; NULL: none */
	const char *spared;	/* what in NO_PROXY makes the way direct, nspared bytes; NULL: nothing there */
	size_t nspared;
	char host[256];		/* "": the way is direct */
	int port;
	bool socks;
	const char *login;	/* "user:password", NULL: none; the user has nuser bytes and no colon */
	size_t nuser;
};

struct config {
	const char *file;	/* NULL: environment only */
	/* strings are never NULL; "" is not set */
	const char *openai_api_key, *openai_base_url, *upstream_api, *big_model, *middle_model, *small_model, *vision_model;
	const char *host;	/* a name, an address without brackets, or the path of a socket: it begins with / */
	const char *anthropic_api_key, *keys_file, *azure_api_version, *requesty_api_key;
	const char *https_proxy, *http_proxy, *all_proxy, *no_proxy;
	const char *ssl_cert_file, *extra_ca_file, *up_quirks, *tls_cert, *tls_key;
	const char *up_settings;	/* UP_* options joined to "key=value key=value" */
	char *client_keys;		/* "name\0key\0" nkeys times, of ANTHROPIC_API_KEYS_FILE, or NULL */
	size_t nclient_keys;		/* its bytes */
	int nkeys;
	bool asks_key;			/* of clients: any is configured */
	char *quirk_rows;		/* text of the file that UP_QUIRKS names, or NULL */
	const char *allowed_origins, *allowed_hosts;	/* comma lists */
	const char *log_dir, *log_file, *log_format;
	char log_path[CFG_LOG_PATH];			/* of the log file, "": stderr */
	enum log_level log_level;
	bool log_json;
	int log_days, log_max_size;
	int port, max_retries, max_connections, max_per_address;
	int max_tokens_limit, min_tokens_limit;		/* min 0: not set */
	int max_body, max_event;			/* bytes */
	int request_timeout;				/* seconds; 0: the provider row's, else 300 */
	const char *run_as, *chroot;
	int sandbox;
	bool requesty_auto_cache, allow_anonymous, allow_plaintext;
	/* timers, milliseconds */
	int head_timeout, body_idle, body_max, write_stall, keepalive, up_keepalive;
	int resolve_timeout, connect_timeout, tls_timeout, hold, ping, nudge, linger, drain, dns_ttl;
	size_t nheaders;
	struct cfg_header headers[CFG_HEADERS_MAX];	/* canonical names: Name-Parts */
	struct cfg_target target;
	struct cfg_via via;
	struct tls_identity *identity;	/* of TLS_CERT and TLS_KEY; NULL: clients speak plain HTTP */
	bool key_is_set;		/* OPENAI_API_KEY is there and not a placeholder's emptiness */
	char *storage;			/* all strings but those of quirk_rows and client_keys; wiped when freed */
	size_t nstorage;
};

/* a row of the table, for those who print it */
struct cfg_option {
	char name[40];
	const char *group;		/* heading, the same for neighbours */
	char def[80];			/* default as text, "": none */
	char range[128];		/* "1 to 10 seconds", "true or false", "" for texts */
	const char *doc;		/* one line */
};
bool cfg_option(size_t i, struct cfg_option *o);	/* false behind the last */

/*
 * Reads the file (NULL: none), over the environment env (NAME=value strings,
 * NULL at the end). Returns a new config, or NULL after writing one line
 * "FILE:LINE: what is wrong, and how to mend it" to err. Warnings go to warn
 * (one line each), which may be NULL. Free with cfg_free.
 */
struct config *cfg_load(const char *file, char *const env[], char *err, size_t nerr,
	void (*warn)(void *ctx, const char *line), void *ctx);

void cfg_free(struct config *c);	/* wipes the keys */

/*
 * The request target for an upstream model: path and query, the model's name
 * escaped where Azure wants it. Returns the length that all of it has,
 * terminated as by fmt.
 */
size_t cfg_path(const struct config *c, const char *model, char *dst, size_t room);

/* Whether a custom header has this name, case folded: it stands in for what else would be sent. */
bool cfg_header(const struct config *c, const char *name, size_t n);

/* The settings for one upstream model: defaults, built-in rows, the user's rows, UP_*. */
void cfg_quirks(const struct config *c, const char *model, struct quirks *q);

/* The same for a place, which is also told of AZURE_API_VERSION and of UP_*, as rows without models. */
void cfg_quirks_told(const struct config *c, const struct q_place *place, struct quirks *q);

/*
 * Which model a client's id (length n) means, into dst: haiku is SMALL_MODEL,
 * sonnet MIDDLE_MODEL, opus and any other claude-* BIG_MODEL, with or without
 * "anthropic/" before and "[1m]" behind, or as the bare word. Any other id, and
 * one of the three models' own names, goes through as it is, without [1m]. No
 * id at all is BIG_MODEL. Returns the length that all of it has; terminated.
 */
size_t cfg_model(const struct config *c, const char *id, size_t n, char *dst, size_t room);

/* What in the id that was chosen by, for the log: haiku, sonnet, opus, default, claude, "no model", "passed on". */
const char *cfg_model_rule(const struct config *c, const char *id, size_t n);

/* Whether a comma list (ALLOWED_ORIGINS, ALLOWED_HOSTS) holds exactly this, case folded. */
bool cfg_listed(const char *list, const char *p, size_t n);

/* Steps through such a list: the next entry and its length, *list behind it; NULL at the end. */
const char *cfg_entry(const char **list, size_t *n);

/*
 * Compares a presented client key with all that are configured, in a time that
 * tells neither which is right nor how much of it. True when one is, with the
 * name that ANTHROPIC_API_KEYS_FILE gives it in *name ("": none); when none is
 * configured, any is.
 */
bool cfg_key_ok(const struct config *c, const char *key, size_t n, const char **name);

/* The key for a client of whoever can read the settings: ANTHROPIC_API_KEY, else the first of the file, else "". */
const char *cfg_client_key(const struct config *c);

/* Steps through client_keys: the text behind this one. */
const char *cfg_key_next(const char *text);

/* Writes the options for --help, or as .env.example. 0, or -1 on a write error. */
int cfg_print(int fd, bool example);

#endif
