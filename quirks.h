/*
 * What a provider wants, as settings: the only place that knows providers.
 * Rows of one text table (host pattern, model pattern, key=value ...) are
 * applied from top to bottom, later ones win key by key. The same parser reads
 * a user's own rows (UP_QUIRKS), UP_* settings and learned repairs. Everything
 * else in the program asks these fields and never a host name. Pure.
 */
#ifndef QUIRKS_H
#define QUIRKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"

enum q_auth { AUTH_BEARER, AUTH_API_KEY, AUTH_NONE, AUTH_X_API_KEY, AUTH_BOTH };
enum q_maxtok { MAXTOK_MAX_TOKENS, MAXTOK_COMPLETION, MAXTOK_NONE };
enum q_temp { TEMP_DROP1, TEMP_OMIT, TEMP_PASS, TEMP_UNIT, TEMP_GT0 };
enum q_tool_choice { CHOICE_FULL, CHOICE_STRINGS, CHOICE_ANY, CHOICE_AUTO, CHOICE_NONE };
enum q_tool_id { ID_KEEP, ID_MISTRAL9 };
enum q_tool_text { TEXT_MERGE, TEXT_USER };
enum q_schema { SCHEMA_LIGHT, SCHEMA_GEMINI, SCHEMA_MOONSHOT, SCHEMA_XAI, SCHEMA_GRAMMAR };
enum q_images { IMAGES_DATA, IMAGES_NONE };
enum q_files { FILES_NONE, FILES_OPENAI };
enum q_think { THINK_NONE, THINK_EFFORT, THINK_TYPE, THINK_ENABLE, THINK_TEMPLATE, THINK_OPENROUTER, THINK_GEMINI, THINK_ADAPTIVE };
enum q_echo { ECHO_AUTO, ECHO_NONE, ECHO_REASONING_CONTENT, ECHO_REASONING, ECHO_DETAILS, ECHO_TAGS, ECHO_MISTRAL, ECHO_COPILOT, ECHO_GEMINI };
enum q_fill { FILL_NONE, FILL_EMPTY, FILL_DOT };
enum q_prefill { PREFILL_PLAIN, PREFILL_PREFIX, PREFILL_PARTIAL };
enum q_tags { TAGS_HEAD, TAGS_OPEN, TAGS_OFF };
enum q_heal { HEAL_AUTO, HEAL_OFF, HEAL_KIMI, HEAL_DEEPSEEK };
enum q_stream { STREAM_ASKED, STREAM_ALWAYS };
enum q_system { SYSTEM_REMINDER, SYSTEM_INLINE, SYSTEM_MERGE };
enum q_cumulative { CUMULATIVE_OFF, CUMULATIVE_REASONING, CUMULATIVE_ARGS };
enum q_cache { CACHE_STRIP, CACHE_ANTHROPIC, CACHE_KEY, CACHE_COPILOT };

/* effort words, weakest first: the bits of q->efforts */
enum q_effort { EFFORT_NONE, EFFORT_MINIMAL, EFFORT_LOW, EFFORT_MEDIUM, EFFORT_HIGH, EFFORT_XHIGH, EFFORT_MAX, EFFORTS };

#define Q_KEYS_MAX 40		/* the keys, with room */
#define Q_TEXT 256		/* bytes of a text setting, its end included */

/* meanings: q_doc has one line for each, shown by --help and --check */
struct quirks {
	enum q_auth auth;
	enum q_maxtok maxtok;
	enum q_temp temp;
	enum q_tool_choice tool_choice;
	enum q_tool_id tool_id;
	enum q_tool_text tool_text;
	enum q_schema schema;
	enum q_images images;
	enum q_files files;
	enum q_think think;
	enum q_echo echo;
	enum q_fill echo_fill;
	enum q_prefill prefill;		/* the mark of a last message that is the assistant's */
	enum q_tags think_tags;
	enum q_heal heal;
	enum q_stream stream;
	enum q_system system;
	enum q_cumulative cumulative;
	enum q_cache cache;
	unsigned efforts;		/* 1 << enum q_effort, what the model accepts */
	unsigned usage;			/* 0 or 1: stream_options.include_usage is sent */
	unsigned tool_name;		/* 0 or 1: name in tool messages */
	unsigned tool_stream;		/* 0 or 1: tool_stream: true */
	unsigned echo_all;		/* 0 or 1: echo on every assistant message */
	unsigned empty_length;		/* 0 or 1: an empty answer that ends with length is an overflow */
	bool native;			/* the provider speaks the Messages API itself; no key: set before rows are applied */
	int stop;			/* most stop sequences sent */
	int idle;			/* seconds without progress; 0: not set by any row */
	char path[Q_TEXT];		/* before /chat/completions or /v1/messages when the base URL has none */
	char headers[Q_TEXT];		/* extra request fields: "Name: value|Name: value" */
	char drop[Q_TEXT];		/* top-level names never sent, comma list */
	char search[Q_TEXT];		/* a JSON object: how a web search is asked for; "": not at all */
	char extra[2 * Q_TEXT];		/* a JSON object merged into the body last */
};

/* What holds where no row says otherwise. */
void q_init(struct quirks *q);

/*
 * Applies "key=value key=value". A value ends at white space; one that begins
 * with a quote (" or ') at the next such quote; one that begins with { at its
 * closing brace. A # where a key should begin starts a comment. Returns 0, or
 * -1 and changes nothing, with a static sentence in *why and the offset of the
 * setting in *at.
 */
int q_apply(struct quirks *q, const char *settings, size_t n, const char **why, size_t *at);

/* what rows are matched with */
struct q_place {
	const char *host;	/* lower case without port or brackets */
	int port;
	const char *model;	/* NULL or "": none; then only rows whose model pattern is * match */
	/* unless NULL told of every row that matched, when it has been applied */
	void (*matched)(void *ctx, const struct quirks *q, const struct http_text *hosts, const struct http_text *models);
	void *ctx;
};

/*
 * Applies every matching row of a table's text to q: first the built-in one
 * (table NULL), then a user's. Returns 0, or -1 with *why and the number of the
 * bad line in *at; rows that do not match are checked as well.
 *
 * A row is "HOSTS MODELS SETTINGS" on one line, patterns joined by |, lines
 * that begin with # are comments. A host pattern is a name or the end of one
 * behind a dot; * in it matches within a label, alone it matches everything;
 * :PORT (also behind a name) matches the port; local is what q_local says. ^
 * in place of hosts means those of the row above. With @ in front of the hosts
 * a row is for q->native, without it for all else. A model pattern is a glob
 * over the whole id, case folded.
 */
int q_rows(struct quirks *q, const char *table, const struct q_place *place, const char **why, size_t *at);

/*
 * Whether the name is one that only this machine or network can have: loopback,
 * private, shared (RFC 6598) and link-local addresses, a name without a dot or
 * under .local, .localhost, .internal, .lan or home.arpa.
 */
bool q_local(const char *host);

/* Whether the host is an IP address without brackets; puts it into a, IPv4 as RFC 4291 2.5.5.2 maps it. */
bool q_address(const char *host, unsigned char a[16]);

/* Whether the first so many bits of an address are those of net. */
bool q_in_net(const unsigned char a[16], const void *net, int bits);

/*
 * Why a request field may not be set by a person: no token, control characters,
 * or one of those that frame the message or that the proxy must decide itself.
 * NULL: it may.
 */
const char *q_field_bad(const char *name, size_t n, const char *value, size_t nvalue);

/* The number of a text, case folded, in a list of lower-case words with blanks between; -1: it is none of them. */
int q_word(const char *words, const char *p, size_t n);

/* The i-th of texts that stand one behind the other, each terminated. */
const char *q_text(const char *texts, unsigned i);

/* The keys in order, NULL behind the last; what each means; what it may be; the present value as text. */
const char *q_key(size_t i);
const char *q_doc(size_t i);
const char *q_values(size_t i);
size_t q_show(const struct quirks *q, size_t i, char *dst, size_t room);	/* returns the length; room > 0 */

#endif
