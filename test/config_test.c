/* Configurations: .env syntax, files, options and their bounds, base URLs, models, keys, and what is printed of them. */
#include "../config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../dotenv.h"
#include "check.h"

static char dir[64], file[96], err[700], warned[4096];
static struct config *c;

#define KEY "OPENAI_API_KEY=k\n"

static void note(void *ctx, const char *line)
{
	(void)ctx;
	strncat(warned, line, sizeof warned - strlen(warned) - 2);
	strcat(warned, "\n");
}

static void put_bytes(const char *path, const char *text, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fchmod(fd, mode) != 0 || close(fd) != 0)
		abort();
}

static bool load_env(const char *path, char *const env[])
{
	cfg_free(c);
	err[0] = warned[0] = 0;
	c = cfg_load(path, env, err, sizeof err, note, NULL);
	return c != NULL;
}

static bool load_bytes(const char *text, size_t n)
{
	put_bytes(file, text, n, 0600);
	return load_env(file, NULL);
}

static bool load(const char *text)
{
	return load_bytes(text, strlen(text));
}

/* the part of the refusal behind the path of the file */
static const char *refusal(void)
{
	return strncmp(err, file, strlen(file)) == 0 ? err + strlen(file) : err;
}

static bool is(const char *got, const char *want)
{
	return strcmp(got, want) == 0;
}

/* a name that fits on a line of the test's output */
static const char *label(const char *text)
{
	static char out[128];

	fmt(out, sizeof out, "%j", text, strlen(text) < 90 ? strlen(text) : 90);
	return out;
}

static void defaults(void)
{
	CHECK("a key is enough", load(KEY) && is(err, "") && is(warned, ""));
	CHECK("file", is(c->file, file));
	CHECK("OPENAI_API_KEY", is(c->openai_api_key, "k") && c->key_is_set);
	CHECK("models", is(c->big_model, "gpt-4o") && is(c->middle_model, "gpt-4o") && is(c->small_model, "gpt-4o-mini"));
	CHECK("target", is(c->target.host, "api.openai.com") && c->target.port == 443 && c->target.tls
		&& is(c->target.path, "/v1/chat/completions") && is(c->target.shown, "https://api.openai.com/v1"));
	CHECK("listening", is(c->host, "127.0.0.1") && c->port == 8082 && is(c->anthropic_api_key, ""));
	CHECK("limits", c->max_tokens_limit == 131072 && c->min_tokens_limit == 0 && c->request_timeout == 0
		&& c->max_retries == 2 && c->max_connections == 1024 && c->max_per_address == 0 && c->max_body == 33554432);
	CHECK("timers", c->head_timeout == 10000 && c->body_idle == 30000 && c->body_max == 600000 && c->write_stall == 60000
		&& c->keepalive == 60000 && c->up_keepalive == 30000 && c->resolve_timeout == 8000
		&& c->connect_timeout == 10000 && c->tls_timeout == 10000 && c->hold == 15000 && c->ping == 15000
		&& c->nudge == 120000 && c->linger == 2000 && c->drain == 30000 && c->dns_ttl == 60000);
	CHECK("switches", !c->requesty_auto_cache && !c->allow_anonymous && !c->allow_plaintext && c->log_level == LOG_INFO);
	CHECK("nothing else", c->nheaders == 0 && is(c->up_settings, "") && !c->quirk_rows && is(c->ssl_cert_file, "")
		&& is(c->extra_ca_file, "") && is(c->allowed_origins, "") && is(c->allowed_hosts, "")
		&& is(c->requesty_api_key, "") && is(c->azure_api_version, "") && is(c->up_quirks, ""));
	CHECK("MIDDLE_MODEL follows BIG_MODEL", load(KEY "BIG_MODEL=b") && is(c->middle_model, "b"));
	CHECK("empty is not set", load(KEY "PORT=\nBIG_MODEL=\"\"\nMAX_RETRIES= # none\n") && c->port == 8082
		&& is(c->big_model, "gpt-4o") && c->max_retries == 2);
}

/* how the line of BIG_MODEL is written, and what it then is */
static void syntax(void)
{
	static const char *const t[][2] = {
		{ "BIG_MODEL=m", "m" }, { "BIG_MODEL=m\n", "m" }, { "BIG_MODEL=m\r\n", "m" }, { "  BIG_MODEL = m  \n", "m" },
		{ "\tBIG_MODEL\t=\tm\t\n", "m" }, { "export BIG_MODEL=m\n", "m" }, { "export\tBIG_MODEL='m'\n", "m" },
		{ "BIG_MODEL=\"m\"\n", "m" }, { "BIG_MODEL='m'\n", "m" }, { "BIG_MODEL=\"m\"\r\n", "m" },
		{ "BIG_MODEL=a b\n", "a b" }, { "BIG_MODEL=a b # c\n", "a b" }, { "BIG_MODEL=a\t# c\n", "a" },
		{ "BIG_MODEL=a#b\n", "a#b" }, { "BIG_MODEL=#a\n", "#a" }, { "BIG_MODEL= # a\n", "gpt-4o" },
		{ "BIG_MODEL=\"a # b\" # c\n", "a # b" }, { "BIG_MODEL='a # b'\t#c\n", "a # b" },
		{ "BIG_MODEL=\" a \"\n", " a " }, { "BIG_MODEL=a=b\n", "a=b" }, { "BIG_MODEL=it's\n", "it's" },
		{ "BIG_MODEL=\"a\\\"b\\\\c\"\n", "a\"b\\c" }, { "BIG_MODEL='a\\nb'\n", "a\\nb" }, { "BIG_MODEL=a\\nb\n", "a\\nb" },
		{ "BIG_MODEL=\"a\\qb\"\n", "a\\qb" }, { "BIG_MODEL=\"it's\"\n", "it's" }, { "BIG_MODEL='say \"x\"'\n", "say \"x\"" },
		{ "BIG_MODEL=\"$HOME `id`\"\n", "$HOME `id`" }, { "\n\n# c\n  # d\nBIG_MODEL=m\n# e", "m" },
		{ "\xef\xbb\xbf" "BIG_MODEL=m\n", "m" }, { "BIG_MODEL=1\nBIG_MODEL=2\n", "2" }, { "BIG_MODEL=caf\xc3\xa9\n", "caf\xc3\xa9" },
		{ "exported=1\nBIG_MODEL=m\n", "m" }, { "SOME_OTHER-thing.x=1\nBIG_MODEL=m\n", "m" }, { "", "gpt-4o" },
		{ "BIG_MODEL=\"m\"   \n", "m" }, { "BIG_MODEL=\"\"\n", "gpt-4o" }, { "BIG_MODEL=\"m\\\\\"\n", "m\\" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(text, sizeof text, "%s\n" KEY, t[i][0]);
		CHECK(label(t[i][0]), load(text) && is(c->big_model, t[i][1]) && is(warned, ""));
		/* the same as the last line of the file, whatever ends it */
		snprintf(text, sizeof text, KEY "%s", t[i][0]);
		if (strncmp(t[i][0], "\xef", 1) != 0)
			CHECK("and as the last line", load(text) && is(c->big_model, t[i][1]));
	}
}

static void refusals(void)
{
	static const struct { const char *text, *want; } t[] = {
		{ "PORT\n", ":1: not NAME=value" },
		{ "#\n\n=x\n", ":3: not NAME=value" },
		{ "A B=c\n", ":1: not NAME=value" },
		{ KEY "BIG_MODEL=\"m\n", ":2: the quote is not closed" },
		{ KEY "BIG_MODEL=\"m\\\"\n", ":2: the quote is not closed" },
		{ KEY "BIG_MODEL='m\nX='y'\n", ":2: the quote is not closed" },
		{ KEY "BIG_MODEL=\"m\"x\n", ":2: text behind the closing quote" },
		{ KEY "BIG_MODEL=\"m\"#x\n", ":2: text behind the closing quote" },
		{ KEY "BIG_MODEL=\xe2\x80\x9cm\xe2\x80\x9d\n", ":2: a curly quote" },
		{ KEY "BIG_MODEL= \xe2\x80\x98m\xe2\x80\x99\n", ":2: a curly quote" },
		{ KEY "BIG_MODEL=\"m\\nX: y\"\n", ":2: BIG_MODEL holds a control character" },
		{ "OPENAI_API_KEY=a\rb\n", ":1: OPENAI_API_KEY holds a control character" },
		{ KEY "PORT=65536\n", ":2: PORT is \"65536\": give a whole number from 0 to 65535" },
		{ KEY "PORT=-1\n", ":2: PORT is \"-1\"" },
		{ KEY "PORT=80x\n", ":2: PORT is \"80x\"" },
		{ KEY "PORT=8 2\n", ":2: PORT is \"8 2\"" },
		{ KEY "PORT=99999999999999999999999\n", ":2: PORT is" },
		{ KEY "PORT=1K\n", ":2: PORT is" },
		{ KEY "MAX_RETRIES=11\n", ":2: MAX_RETRIES is \"11\": give a whole number from 0 to 10" },
		{ KEY "REQUEST_TIMEOUT=90.0\n", ":2: REQUEST_TIMEOUT is \"90.0\": give a whole number from 0 to 86400 seconds" },
		{ KEY "MAX_BODY=1\n", ":2: MAX_BODY is" },
		{ KEY "MAX_BODY=2048M\n", ":2: MAX_BODY is" },
		{ KEY "MAX_BODY=9999999999999999999M\n", ":2: MAX_BODY is" },
		{ KEY "MAX_BODY=32MB\n", ":2: MAX_BODY is" },
		{ KEY "PING_MS=0\n", ":2: PING_MS is" },
		{ KEY "MAX_TOKENS_LIMIT=0\n", ":2: MAX_TOKENS_LIMIT is" },
		{ KEY "MAX_TOKENS_LIMIT=10\nMIN_TOKENS_LIMIT=11\n", ":3: MIN_TOKENS_LIMIT is above MAX_TOKENS_LIMIT (10)" },
		{ KEY "REQUESTY_AUTO_CACHE=maybe\n", ":2: REQUESTY_AUTO_CACHE is \"maybe\": give true or false" },
		{ "", ": OPENAI_API_KEY is not set" },
		{ "OPENAI_API_KEY=\n", ":1: OPENAI_API_KEY is not set" },
		{ KEY "HOST=0.0.0.0\n", ":2: HOST=0.0.0.0 lets other machines" },
		{ KEY "HOST=::\n", ":2: HOST=:: lets" },
		{ KEY "HOST=[::]\n", ":2: HOST=:: lets" },
		{ KEY "HOST=box.example\n", ":2: HOST=box.example lets" },
		{ KEY "HOST=localhost.example\n", ":2: HOST=localhost.example lets" },
		{ KEY "HOST=127.0.0.1:80/x\n", ":2: HOST is" },
		{ KEY "ANTHROPIC_API_KEY=s\nHOST=[]\n", ":3: HOST is" },
		{ KEY "CUSTOM_HEADER_CONTENT_LENGTH=5\n", ":2: CUSTOM_HEADER_CONTENT_LENGTH: this header is the proxy's own" },
		{ KEY "CUSTOM_HEADER_transfer-encoding=x\n", ":2: CUSTOM_HEADER_transfer-encoding: this header" },
		{ KEY "CUSTOM_HEADER_CONNECTION=x\n", ":2: CUSTOM_HEADER_CONNECTION: this header" },
		{ KEY "CUSTOM_HEADER_X=\"a\\nB: c\"\n", ":2: CUSTOM_HEADER_X: a header value" },
		{ KEY "CUSTOM_HEADER_=x\n", ":2: CUSTOM_HEADER_: a header without a name" },
		{ KEY "UP_TEMP=cold\n", ":2: UP_TEMP: not what this setting may be (drop1 omit pass unit gt0)" },
		{ KEY "UP_EXTRA={\"a\":}\n", ":2: UP_EXTRA: not a JSON object" },
		{ KEY "UP_EXTRA='{\"a\":1} stop=3'\n", ":2: UP_EXTRA: text behind the object" },
		{ KEY "UP_EXTRA='{\"a\":1}x'\n", ":2: UP_EXTRA: text behind" },
		{ KEY "UP_HEADERS=\"a: \\\"'\"\n", ":2: UP_HEADERS: both kinds of quotes" },
		{ KEY "UP_QUIRKS=/nonexistent/rows\n", ":2: UP_QUIRKS: /nonexistent/rows cannot be opened" },
		{ KEY "ALLOWED_ORIGINS=*\n", ":2: ALLOWED_ORIGINS: a * would" },
		{ KEY "ALLOWED_ORIGINS=https://a.example, b.example\n", ":2: ALLOWED_ORIGINS: \"b.example\" is no origin" },
		{ KEY "ALLOWED_ORIGINS=https://a.example/\n", ":2: ALLOWED_ORIGINS: \"https://a.example/\" is no origin" },
		{ KEY "ALLOWED_HOSTS=*.example\n", ":2: ALLOWED_HOSTS: a * would" },
		{ KEY "ALLOWED_HOSTS=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n", ":2: ALLOWED_HOSTS has more than 16" },
		{ KEY "AZURE_API_VERSION=2024&x=1\n", ":2: AZURE_API_VERSION is \"2024&x=1\"" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		CHECK(label(t[i].want), !load(t[i].text) && strncmp(refusal(), t[i].want, strlen(t[i].want)) == 0
			&& !strchr(err, '\n'));
	CHECK("a small room for the refusal", !cfg_load("/nonexistent/file", NULL, err, 12, NULL, NULL) && is(err, "/nonexisten"));
	CHECK("no key is ever shown", !load("OPENAI_API_KEY=sk-canary\x01\n") && !strstr(err, "canary"));
}

static void values(void)
{
	static const struct { const char *text; bool want; } flags[] = {
		{ "true", true }, { "1", true }, { "yes", true }, { "on", true }, { "TRUE", true }, { "On", true },
		{ "false", false }, { "0", false }, { "no", false }, { "off", false }, { "\"\"", false },
	};
	static const struct { const char *text; enum log_level want; bool warns; } levels[] = {
		{ "DEBUG", LOG_DEBUG, false }, { "debug", LOG_DEBUG, false }, { "INFO", LOG_INFO, false },
		{ "Warning", LOG_WARNING, false }, { "ERROR", LOG_ERROR, false }, { "CRITICAL", LOG_CRITICAL, false },
		{ "\"ERROR  # comment\"", LOG_ERROR, false }, { "DEBUG # comment", LOG_DEBUG, false }, { "", LOG_INFO, false },
		{ "LOUD", LOG_INFO, true }, { "INFORMATION", LOG_INFO, true }, { "DEBU", LOG_INFO, true },
	};
	char text[128];

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		snprintf(text, sizeof text, KEY "REQUESTY_AUTO_CACHE=%s\n", flags[i].text);
		CHECK(flags[i].text, load(text) && c->requesty_auto_cache == flags[i].want);
	}
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		snprintf(text, sizeof text, KEY "LOG_LEVEL=%s\n", levels[i].text);
		CHECK(*levels[i].text ? levels[i].text : "no level", load(text) && c->log_level == levels[i].want
			&& (strstr(warned, ":2: LOG_LEVEL is") != NULL) == levels[i].warns);
	}
	CHECK("numbers at their bounds", load(KEY "PORT=0\nMAX_RETRIES=10\nMAX_BODY=1073741824\nHOLD_MS=0\nPING_MS=86400000\n")
		&& c->port == 0 && c->max_retries == 10 && c->max_body == 1073741824 && c->hold == 0 && c->ping == 86400000);
	CHECK("bytes with K and M", load(KEY "MAX_BODY=2M\nMAX_EVENT=64k\n") && c->max_body == 2097152 && c->max_event == 65536);
	CHECK("leading zeros", load(KEY "PORT=08083\n") && c->port == 8083);
	CHECK("a large 64-bit value", load(KEY "MAX_TOKENS_LIMIT=100000000\nMIN_TOKENS_LIMIT=100000000\n")
		&& c->max_tokens_limit == 100000000 && c->min_tokens_limit == 100000000);
	CHECK("REQUEST_TIMEOUT", load(KEY "REQUEST_TIMEOUT=90\n") && c->request_timeout == 90);
	CHECK("a key for clients opens HOST", load(KEY "HOST=0.0.0.0\nANTHROPIC_API_KEY=s\n") && is(c->host, "0.0.0.0"));
	CHECK("so does ALLOW_ANONYMOUS", load(KEY "HOST=::\nALLOW_ANONYMOUS=true\n") && is(c->host, "::"));
	CHECK("loopback needs neither", load(KEY "HOST=[::1]\n") && is(c->host, "::1") && load(KEY "HOST=localhost\n")
		&& load(KEY "HOST=127.8.9.10\n"));
	CHECK("texts", load(KEY "SSL_CERT_FILE=/a b\nEXTRA_CA_FILE=/c\nREQUESTY_API_KEY=r\n") && is(c->ssl_cert_file, "/a b")
		&& is(c->extra_ca_file, "/c") && is(c->requesty_api_key, "r"));
}

static void slips(void)
{
	static const char *const t[][2] = {
		{ "PROT=1", "PROT is not used: is PORT meant?" }, { "POR=1", "POR is not used: is PORT meant?" },
		{ "PORTT=1", "PORTT is not used: is PORT meant?" }, { "PART=1", "PART is not used: is PORT meant?" },
		{ "port=1", "port is not used: is PORT meant?" }, { "BIG_MODELS=m", "BIG_MODELS is not used: is BIG_MODEL meant?" },
		{ "OPENAI_BASE_UR=x", "OPENAI_BASE_UR is not used: is OPENAI_BASE_URL meant?" },
		{ "UP_TMEP=omit", "UP_TMEP is not used: is UP_TEMP meant?" },
		{ "UP_NOSUCH=1", "UP_NOSUCH is not used: no option has this name" },
		{ "UP_IDLE=5", "UP_IDLE is not used: is REQUEST_TIMEOUT meant?" },
		{ "CUSTOM_HEADERS=x", "CUSTOM_HEADERS is not used: no option has this name" },
	};
	char text[128], *const env[] = { "UP_TEMPO=1", "PROT=1", "OPENAI_API_KE=x", "HOME=/", "", "NOVALUE", NULL };

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(text, sizeof text, KEY "%s\n", t[i][0]);
		CHECK(t[i][0], load(text) && strstr(warned, ":2: ") && strstr(warned, t[i][1]));
	}
	CHECK("another provider with the default's small model", load(KEY "OPENAI_BASE_URL=https://api.example.com/v1\nBIG_MODEL=x\n")
		&& strstr(warned, "SMALL_MODEL is not set") != NULL);
	CHECK("not with one of its own", load(KEY "OPENAI_BASE_URL=https://api.example.com/v1\nBIG_MODEL=x\nSMALL_MODEL=y\n")
		&& is(warned, ""));
	CHECK("other programs' names are left alone", load(KEY "PATH=/bin\nDATABASE_URL=x\nTEMP=y\nNO_COLOR=1\n") && is(warned, ""));
	put_bytes(file, KEY, strlen(KEY), 0600);
	CHECK("in the environment only what is clear", load_env(file, env)
		&& is(warned, "environment: UP_TEMPO is not used: is UP_TEMP meant?\n"
			"environment: OPENAI_API_KE is not used: is OPENAI_API_KEY meant?\n"));
	CHECK("no one needs to listen", (cfg_free(c), c = cfg_load(file, env, err, sizeof err, NULL, NULL)) != NULL);
}

static void environment(void)
{
	char *const env[] = { "OPENAI_API_KEY=from-env", "PORT=1234", "BIG_MODEL=env model # no comment here",
		"CUSTOM_HEADER_X_A=env", "CUSTOM_HEADER_X_B=env", "UP_STOP=1", "UP_TEMP=omit", NULL };
	char *const bad[] = { "OPENAI_API_KEY=k", "PORT=banana", NULL };
	const char *over = "PORT=99\nCUSTOM_HEADER_X_A=file\nCUSTOM_HEADER_X_B=\nUP_STOP=2\n";
	struct quirks q;

	CHECK("the environment alone", load_env(NULL, env) && is(c->openai_api_key, "from-env") && c->port == 1234 && !c->file);
	CHECK("its values are taken as they are", is(c->big_model, "env model # no comment here"));
	cfg_quirks(c, "", &q);
	CHECK("headers and settings too", c->nheaders == 2 && q.stop == 1 && q.temp == TEMP_OMIT);
	put_bytes(file, over, strlen(over), 0600);
	CHECK("a file goes before it", load_env(file, env) && c->port == 99 && is(c->openai_api_key, "from-env"));
	cfg_quirks(c, "", &q);
	CHECK("for headers and settings too", c->nheaders == 1 && is(c->headers[0].name, "X-A") && is(c->headers[0].value, "file")
		&& q.stop == 2 && q.temp == TEMP_OMIT);
	CHECK("a bad value is told", !load_env(NULL, bad) && strncmp(err, "environment: PORT is \"banana\"", 28) == 0);
	put_bytes(file, "PORT=99\n", 8, 0600);
	CHECK("unless the file has a better one", load_env(file, bad) && c->port == 99);
	CHECK("without both, the key is missed", !load_env(NULL, NULL) && strncmp(err, "environment: OPENAI_API_KEY is not set", 38) == 0);
	put_bytes(file, "OPENAI_API_KEY=\n", 16, 0600);
	CHECK("an empty value in the file unsets", !load_env(file, env));
}

static void custom_headers(void)
{
	char text[2048] = KEY;

	CHECK("headers", load(KEY "CUSTOM_HEADER_X_FOO=\"v w\"\nCUSTOM_HEADER_USER_AGENT=curl/8\nCUSTOM_HEADER_host=h\n"
		"CUSTOM_HEADER_AUTHORIZATION=\"Basic x\"\nCUSTOM_HEADER_CF_Aig-Token=t\n") && c->nheaders == 5);
	CHECK("names", is(c->headers[0].name, "X-Foo") && is(c->headers[1].name, "User-Agent") && is(c->headers[2].name, "Host")
		&& is(c->headers[3].name, "Authorization") && is(c->headers[4].name, "Cf-Aig-Token"));
	CHECK("values", is(c->headers[0].value, "v w") && is(c->headers[3].value, "Basic x"));
	CHECK("the last of a name counts", load(KEY "CUSTOM_HEADER_X=1\nCUSTOM_HEADER_Y=2\nCUSTOM_HEADER_x=3\n")
		&& c->nheaders == 2 && is(c->headers[0].value, "3"));
	CHECK("an Authorization of one's own needs no key", load("CUSTOM_HEADER_AUTHORIZATION=x\n") && !c->key_is_set);
	for (int i = 0; i < CFG_HEADERS_MAX; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "CUSTOM_HEADER_N%d=v\n", i);
	CHECK("as many as there is room for", load(text) && c->nheaders == CFG_HEADERS_MAX);
	strcat(text, "CUSTOM_HEADER_N0=w\n");
	CHECK("replacing one is no more", load(text) && is(c->headers[0].value, "w"));
	strcat(text, "CUSTOM_HEADER_ONE_MORE=v\n");
	CHECK("one more is refused", !load(text) && strstr(err, ":35: more than 32 CUSTOM_HEADER_"));
}

/* base URL, AZURE_API_VERSION, authority, request target ("" and a reason when refused) */
static const struct { const char *url, *version, *authority, *path; } urls[] = {
	{ "https://api.openai.com", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com/", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com//", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com/v1", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com/v1/", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com/v1///", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com/v1/chat/completions", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com/v1/chat/completions/", "", "api.openai.com", "/v1/chat/completions" },
	{ "HTTPS://API.OpenAI.com/V1", "", "api.openai.com", "/V1/chat/completions" },
	{ "https://api.openai.com.", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com:443/v1", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com:/v1", "", "api.openai.com", "/v1/chat/completions" },
	{ "https://api.openai.com:8443/v1", "", "api.openai.com:8443", "/v1/chat/completions" },
	{ "https://api.openai.com:80", "", "api.openai.com:80", "/v1/chat/completions" },
	{ "https://api.openai.com?a=b", "", "api.openai.com", "/v1/chat/completions?a=b" },
	{ "https://gw.example/x/y?a=b&c=%20d", "", "gw.example", "/x/y/chat/completions?a=b&c=%20d" },
	{ "https://gw.example/v1/?", "", "gw.example", "/v1/chat/completions" },
	{ "https://gw.example/a%2Fb/v1", "", "gw.example", "/a%2Fb/v1/chat/completions" },
	{ "https://gw.example/x/chat/completions?k=v", "", "gw.example", "/x/chat/completions?k=v" },
	{ "https://unknown.example", "", "unknown.example", "/v1/chat/completions" },
	{ "https://openrouter.ai", "", "openrouter.ai", "/api/v1/chat/completions" },
	{ "https://openrouter.ai/api/v1", "", "openrouter.ai", "/api/v1/chat/completions" },
	{ "https://router.requesty.ai/v1", "", "router.requesty.ai", "/v1/chat/completions" },
	{ "https://api.z.ai", "", "api.z.ai", "/api/paas/v4/chat/completions" },
	{ "https://api.z.ai/api/coding/paas/v4", "", "api.z.ai", "/api/coding/paas/v4/chat/completions" },
	{ "https://api.kimi.com", "", "api.kimi.com", "/coding/v1/chat/completions" },
	{ "https://api.groq.com/", "", "api.groq.com", "/openai/v1/chat/completions" },
	{ "https://api.groq.com/openai", "", "api.groq.com", "/openai/chat/completions" },
	{ "https://generativelanguage.googleapis.com", "", "generativelanguage.googleapis.com",
		"/v1beta/openai/chat/completions" },
	{ "https://generativelanguage.googleapis.com/v1beta/openai/", "", "generativelanguage.googleapis.com",
		"/v1beta/openai/chat/completions" },
	{ "https://api.githubcopilot.com", "", "api.githubcopilot.com", "/chat/completions" },
	{ "https://api.cloudflare.com/client/v4/accounts/a/ai/v1", "", "api.cloudflare.com",
		"/client/v4/accounts/a/ai/v1/chat/completions" },
	{ "https://dashscope-intl.aliyuncs.com", "", "dashscope-intl.aliyuncs.com",
		"/compatible-mode/v1/chat/completions" },
	{ "http://localhost:11434", "", "localhost:11434", "/v1/chat/completions" },
	{ "http://localhost", "", "localhost", "/v1/chat/completions" },
	{ "http://127.0.0.1:8080/v1", "", "127.0.0.1:8080", "/v1/chat/completions" },
	{ "https://api.moonshot.ai/anthropic", "", "api.moonshot.ai", "/anthropic/v1/messages" },
	{ "https://api.z.ai/api/anthropic/", "", "api.z.ai", "/api/anthropic/v1/messages" },
	{ "https://api.minimax.io/anthropic/v1", "", "api.minimax.io", "/anthropic/v1/messages" },
	{ "https://api.deepseek.com/anthropic/v1/messages", "", "api.deepseek.com", "/anthropic/v1/messages" },
	{ "https://gw.example/v1/messages?k=v", "", "gw.example", "/v1/messages?k=v" },
	{ "https://r.services.ai.azure.com/anthropic", "2024-10-21", "r.services.ai.azure.com", "/anthropic/v1/messages" },
	{ "https://gw.example/anthropic/x", "", "gw.example", "/anthropic/x/chat/completions" },
	{ "https://gw.example/xanthropic", "", "gw.example", "/xanthropic/chat/completions" },
	{ "http://127.9.9.9:1/", "", "127.9.9.9:1", "/v1/chat/completions" },
	{ "http://[::1]:8080", "", "[::1]:8080", "/v1/chat/completions" },
	{ "http://[::1]", "", "[::1]", "/v1/chat/completions" },
	{ "http://[0:0:0:0:0:0:0:1]:80/v1", "", "[0:0:0:0:0:0:0:1]", "/v1/chat/completions" },
	{ "http://my.localhost:443", "", "my.localhost:443", "/v1/chat/completions" },
	{ "https://under_score.example", "", "under_score.example", "/v1/chat/completions" },
	{ "https://xn--bcher-kva.example", "", "xn--bcher-kva.example", "/v1/chat/completions" },
	{ "https://1password.example", "", "1password.example", "/v1/chat/completions" },
	{ "https://abc.0xyz", "", "abc.0xyz", "/v1/chat/completions" },
	/* Azure's v1 form */
	{ "https://r.openai.azure.com", "", "r.openai.azure.com", "/openai/v1/chat/completions" },
	{ "https://r.openai.azure.com/openai", "", "r.openai.azure.com", "/openai/v1/chat/completions" },
	{ "https://r.openai.azure.com/openai/v1/", "", "r.openai.azure.com", "/openai/v1/chat/completions" },
	{ "https://r.services.ai.azure.com/openai/v1", "", "r.services.ai.azure.com", "/openai/v1/chat/completions" },
	{ "https://r.openai.azure.com/openai/v1", "2024-10-21", "r.openai.azure.com", "/openai/v1/chat/completions" },
	{ "https://r.openai.azure.com/openai/v1/chat/completions", "2024-10-21", "r.openai.azure.com",
		"/openai/v1/chat/completions" },
	/* and its dated form, for the model "my model/4" */
	{ "https://r.openai.azure.com", "2024-10-21", "r.openai.azure.com",
		"/openai/deployments/my%20model%2F4/chat/completions?api-version=2024-10-21" },
	{ "https://r.openai.azure.com/openai/", "2024-10-21", "r.openai.azure.com",
		"/openai/deployments/my%20model%2F4/chat/completions?api-version=2024-10-21" },
	{ "https://apim.example/team/openai", "2024-10-21", "apim.example",
		"/team/openai/deployments/my%20model%2F4/chat/completions?api-version=2024-10-21" },
	{ "https://r.openai.azure.com/openai/deployments/dep", "2024-10-21", "r.openai.azure.com",
		"/openai/deployments/dep/chat/completions?api-version=2024-10-21" },
	{ "https://r.openai.azure.com/openai/deployments/dep/?x=1", "2024-10-21", "r.openai.azure.com",
		"/openai/deployments/dep/chat/completions?x=1&api-version=2024-10-21" },
	{ "https://r.openai.azure.com/openai/deployments/dep/chat/completions?api-version=2023-05-15", "2024-10-21",
		"r.openai.azure.com", "/openai/deployments/dep/chat/completions?api-version=2023-05-15" },
	{ "https://r.openai.azure.com/openai/deployments/dep?api-version=2024-10-21", "", "r.openai.azure.com",
		"/openai/deployments/dep/chat/completions?api-version=2024-10-21" },
	{ "https://r.services.ai.azure.com/models", "2024-05-01-preview", "r.services.ai.azure.com",
		"/models/chat/completions?api-version=2024-05-01-preview" },
	{ "http://localhost:9/openai", "2024-10-21", "localhost:9",
		"/openai/deployments/my%20model%2F4/chat/completions?api-version=2024-10-21" },
	/* refused */
	{ "api.openai.com/v1", "", "", "does not begin with https://" },
	{ "ftp://api.openai.com", "", "", "does not begin with https://" },
	{ "https:/api.openai.com", "", "", "does not begin with https://" },
	{ "https://", "", "", "there is no host" },
	{ "https:///v1", "", "", "there is no host" },
	{ "https://:443/v1", "", "", "there is no host" },
	{ "https://sk-key@api.openai.com/v1", "", "", "put the key into OPENAI_API_KEY" },
	{ "https://user:pw@api.openai.com/v1", "", "", "put the key into OPENAI_API_KEY" },
	{ "https://api.openai.com@evil.example", "", "", "put the key into OPENAI_API_KEY" },
	{ "https://api.openai.com/v1#x", "", "", "a # has no meaning" },
	{ "https://api.openai.com:0/v1", "", "", "the port is not" },
	{ "https://api.openai.com:65536/v1", "", "", "the port is not" },
	{ "https://api.openai.com:99999999999999999999/v1", "", "", "the port is not" },
	{ "https://api.openai.com:80a/v1", "", "", "the port is not" },
	{ "https://api.openai.com:-1", "", "", "the port is not" },
	{ "http://::1:8080", "", "", "stands in brackets" },
	{ "http://[::1", "", "", "is not closed" },
	{ "http://[::1]x", "", "", "text behind the ]" },
	{ "http://[::1%25lo]:80", "", "", "is no IPv6 address" },
	{ "http://[]", "", "", "there is no host" },
	{ "http://[127.0.0.1]", "", "", "is no IPv6 address" },
	{ "https://a..example", "", "", "the host name is not one" },
	{ "https://.example", "", "", "the host name is not one" },
	{ "https://a b.example", "", "", "a character that none can have" },
	{ "https://caf\xc3\xa9.example", "", "", "write international names" },
	{ "https://api.openai.com/v1/\xc3\xa9", "", "", "must be written as %XX" },
	{ "https://api.openai.com/v 1", "", "", "must be written as %XX" },
	{ "https://api.openai.com/v1?a=b\"c", "", "", "must be written as %XX" },
	{ "https://api.openai.com/%zz", "", "", "behind % stand two hex digits" },
	{ "https://api.openai.com/%s", "", "", "behind % stand two hex digits" },
	{ "https://api.openai.com/%4", "", "", "behind % stand two hex digits" },
	{ "http://127.1", "", "", "an IP address in a form that is not read" },
	{ "http://2130706433", "", "", "an IP address in a form that is not read" },
	{ "http://0x7f.0.0.1", "", "", "an IP address in a form that is not read" },
	{ "http://127.0.0.0x1", "", "", "an IP address in a form that is not read" },
	{ "http://1.2.3.4.5", "", "", "an IP address in a form that is not read" },
	{ "https://1.2.3.4/v1", "", "", "TLS to an IP address cannot be verified" },
	{ "https://[::1]:8443/v1", "", "", "TLS to an IP address cannot be verified" },
	{ "http://api.openai.com/v1", "", "", "http:// to api.openai.com would show the key" },
	{ "http://192.168.1.5:11434", "", "", "ALLOW_PLAINTEXT=true" },
	{ "http://0.0.0.0:11434", "", "", "ALLOW_PLAINTEXT=true" },
	{ "http://notlocalhost:11434", "", "", "ALLOW_PLAINTEXT=true" },
};

static void targets(void)
{
	char text[600], got[600];

	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		snprintf(text, sizeof text, KEY "AZURE_API_VERSION=%s\nOPENAI_BASE_URL='%s'\n", urls[i].version, urls[i].url);
		snprintf(got, sizeof got, "%s %s", label(urls[i].url), urls[i].version);
		if (!*urls[i].authority) {
			CHECK(got, !load(text) && strncmp(refusal(), ":3: OPENAI_BASE_URL: ", 21) == 0 && strstr(err, urls[i].path));
			continue;
		}
		CHECK(got, load(text) && is(c->target.authority, urls[i].authority) && is(warned, "")
			&& cfg_path(c, "my model/4", got, sizeof got) == strlen(urls[i].path) && is(got, urls[i].path));
	}
}

/* UPSTREAM_API goes over what the path says */
static void apis(void)
{
	static const struct { const char *api, *url, *path; bool native; } t[] = {
		{ "", "https://gw.example/v1", "/v1/chat/completions", false },
		{ "", "https://gw.example/anthropic", "/anthropic/v1/messages", true },
		{ "openai", "https://gw.example/anthropic", "/anthropic/chat/completions", false },
		{ "anthropic", "https://gw.example", "/v1/messages", true },
		{ "anthropic", "https://gw.example/v1", "/v1/messages", true },
		{ "anthropic", "https://gw.example/x/v1/messages/", "/x/v1/messages", true },
		{ "anthropic", "https://gw.example/coding", "/coding/v1/messages", true },
		{ "anthropic", "https://api.z.ai", "/api/anthropic/v1/messages", true },
		{ "anthropic", "https://api.moonshot.cn", "/anthropic/v1/messages", true },
		{ "anthropic", "https://api.kimi.com", "/coding/v1/messages", true },
		{ "anthropic", "https://openrouter.ai", "/api/v1/messages", true },
	};
	char text[200];
	struct quirks q;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(text, sizeof text, KEY "UPSTREAM_API=%s\nOPENAI_BASE_URL=%s\n", t[i].api, t[i].url);
		CHECK(t[i].url, load(text) && c->target.native == t[i].native && is(c->target.path, t[i].path));
		cfg_quirks(c, "m", &q);
		CHECK("the settings know it", q.native == t[i].native && (q.auth == AUTH_BEARER) == (!t[i].native || i == 10));
	}
	CHECK("another API is refused", !load(KEY "UPSTREAM_API=claude\n")
		&& is(refusal(), ":2: UPSTREAM_API is \"claude\": it may be openai or anthropic"));
}

static void target_parts(void)
{
	char text[1200] = KEY "OPENAI_BASE_URL=https://a.example/";
	char small[24];
	struct quirks q;

	CHECK("a loopback host needs no key", load("OPENAI_BASE_URL=http://localhost:11434/v1") && c->target.loopback
		&& !c->key_is_set && !c->target.literal && !c->target.tls && c->target.port == 11434);
	CHECK("an IPv6 host has no brackets", load("OPENAI_BASE_URL=http://[::1]:99") && is(c->target.host, "::1")
		&& c->target.literal && c->target.loopback && c->target.port == 99);
	CHECK("IPv4 inside IPv6", load("OPENAI_BASE_URL=http://[::ffff:127.0.0.1]:99") && c->target.loopback);
	CHECK("ALLOW_PLAINTEXT", load(KEY "ALLOW_PLAINTEXT=1\nOPENAI_BASE_URL=http://192.168.1.5:11434") && !c->target.loopback
		&& c->target.literal);
	CHECK("and then a key is wanted", !load("ALLOW_PLAINTEXT=1\nOPENAI_BASE_URL=http://192.168.1.5:11434")
		&& strstr(err, "UP_AUTH=none"));
	CHECK("unless none is sent", load("ALLOW_PLAINTEXT=1\nUP_AUTH=none\nOPENAI_BASE_URL=http://192.168.1.5:11434"));
	CHECK("what is shown", load(KEY "OPENAI_BASE_URL=https://GW.example:8443/team/v1/?key=canary")
		&& is(c->target.shown, "https://gw.example:8443/team/v1") && is(c->target.query, "?key=canary"));
	CHECK("UP_PATH goes before the row's", load(KEY "UP_PATH=/x/\nOPENAI_BASE_URL=https://api.z.ai")
		&& is(c->target.path, "/x/chat/completions"));
	CHECK("but not before the URL's", load(KEY "UP_PATH=/x\nOPENAI_BASE_URL=https://api.z.ai/y")
		&& is(c->target.path, "/y/chat/completions"));
	CHECK("a deployment without a version is warned about", load(KEY
		"OPENAI_BASE_URL=https://r.openai.azure.com/openai/deployments/d") && strstr(warned, "AZURE_API_VERSION is not set"));
	load(KEY "AZURE_API_VERSION=2024-10-21\nOPENAI_BASE_URL=https://apim.example/openai");
	cfg_quirks(c, "m", &q);
	CHECK("Azure's dated form takes api-key, wherever it is", q.auth == AUTH_API_KEY);
	CHECK("a path that is cut", cfg_path(c, "m", small, sizeof small) == strlen("/openai/deployments/m/chat/completions"
		"?api-version=2024-10-21") && is(small, "/openai/deployments/m/c"));
	CHECK("cut inside the model", cfg_path(c, "a very long name", small, sizeof small) > sizeof small
		&& is(small, "/openai/deployments/a%2") && cfg_path(c, "m", NULL, 0) > 0);
	memset(text + strlen(text), 'a', 440);
	CHECK("a long path", load(text));
	memset(text + strlen(text), 'a', 40);
	CHECK("a path that is too long", !load(text) && strstr(err, "it is too long"));
	fmt(text, sizeof text, "%sOPENAI_BASE_URL=https://%064d.example", KEY, 0);
	CHECK("a label that is too long", !load(text) && strstr(err, "the host name is not one"));
	strcpy(text, KEY "OPENAI_BASE_URL=https://");
	for (int i = 0; i < 40; i++)
		strcat(text, "abcdefg.");
	CHECK("a name that is too long", !load(text) && strstr(err, "too long"));
}

static void models(void)
{
	static const char *const t[][2] = {
		{ "claude-3-5-haiku-20241022", "small" }, { "claude-haiku-4-5", "small" }, { "claude-haiku-4-5-20251001", "small" },
		{ "claude-3-5-sonnet-latest", "middle" }, { "claude-sonnet-4-5-20250929", "middle" },
		{ "claude-sonnet-4-5[1m]", "middle" }, { "CLAUDE-Sonnet-4-5[1M]", "middle" },
		{ "claude-3-opus-20240229", "big" }, { "claude-opus-4-1", "big" }, { "claude-opus-4-8[1m]", "big" },
		{ "claude-2.1", "big" }, { "claude-instant-1.2", "big" }, { "claude-fable-9", "big" }, { "claude-", "big" },
		{ "claude", "big" }, { "haiku", "small" }, { "sonnet", "middle" }, { "opus", "big" }, { "default", "big" },
		{ "sonnet[1m]", "middle" }, { "Opus", "big" }, { "sonnet-4-5", "middle" }, { "", "big" }, { "[1m]", "big" },
		{ "anthropic/claude-haiku-4.5", "small" }, { "anthropic/claude-sonnet-4.5[1m]", "middle" },
		{ "openrouter/anthropic/claude-opus-4", "big" }, { "anthropic/sonnet", "middle" },
		{ "anthropic.claude-3-haiku-20240307-v1:0", "small" }, { "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "middle" },
		{ "vertex/claude-sonnet-4@20250514", "middle" }, { "claude-3-7-sonnet@20250219", "middle" },
		/* themselves */
		{ "kimi-k2", "kimi-k2" }, { "openai/gpt-5", "openai/gpt-5" }, { "gpt-4o", "gpt-4o" }, { "kimi-k2[1m]", "kimi-k2" },
		{ "claudette-7b", "claudette-7b" }, { "my-claude-3", "my-claude-3" }, { "mistral/haiku", "mistral/haiku" },
		{ "haiku-poet", "haiku-poet" }, { "opusplan", "opusplan" }, { "magnum-opus", "magnum-opus" },
		{ "default-model", "default-model" }, { "m [1m] x", "m [1m] x" }, { "1m]", "1m]" },
		{ "big", "big" }, { "middle", "middle" }, { "small", "small" },
	};
	char dst[64];

	load(KEY "BIG_MODEL=big\nMIDDLE_MODEL=middle\nSMALL_MODEL=small\n");
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		CHECK(*t[i][0] ? t[i][0] : "no model", cfg_model(c, t[i][0], strlen(t[i][0]), dst, sizeof dst) == strlen(t[i][1])
			&& is(dst, t[i][1]));
	CHECK("only n bytes count", cfg_model(c, "gpt-4o-mini", 6, dst, sizeof dst) == 6 && is(dst, "gpt-4o"));
	CHECK("cut at the room", cfg_model(c, "gpt-4o-mini", 11, dst, 4) == 11 && is(dst, "gpt"));
	load(KEY "BIG_MODEL=anthropic/claude-opus-4.1\nMIDDLE_MODEL=anthropic/claude-haiku-4.5\n");
	CHECK("a configured model is itself", cfg_model(c, "anthropic/claude-haiku-4.5", 26, dst, sizeof dst) == 26
		&& is(dst, "anthropic/claude-haiku-4.5"));
	CHECK("its tier is another", cfg_model(c, "claude-haiku-4.5", 16, dst, sizeof dst) && is(dst, "gpt-4o-mini"));
}

static const char *who;

static bool key_ok(const char *key, size_t n)
{
	return cfg_key_ok(c, key, n, &who);
}

static void keys(void)
{
	load(KEY);
	CHECK("no key wanted", key_ok("", 0) && key_ok("x", 1));
	load(KEY "ANTHROPIC_API_KEY=secret\n");
	CHECK("the key", key_ok("secret", 6) && key_ok("secretx", 6));
	CHECK("others", !key_ok("", 0) && !key_ok("secre", 5) && !key_ok("secrets", 7)
		&& !key_ok("Secret", 6) && !key_ok("secretsecret", 12) && !key_ok("secrev", 6));
}

/* with this as the file of keys */
static bool load_clients(const char *text, mode_t mode, const char *more)
{
	char path[96], settings[256];

	fmt(path, sizeof path, "%s/rows", dir);
	put_bytes(path, text, strlen(text), mode);
	fmt(settings, sizeof settings, KEY "ANTHROPIC_API_KEYS_FILE=%s\n%s", path, more);
	return load(settings);
}

static void clients(void)
{
	static const char *const bad[][2] = {
		{ "", "1: no key is in it" }, { "\n# alice key\n", "1: no key is in it" },
		{ "alice", "1: the key is missing" }, { "a k\nalice \n", "2: the key is missing" }, { "a k\n\nb # k\n", "3: the key is missing" }, { "a k # k\nb k# k\n", "2: the key may hold" },
		{ "al:ice k", "1: a line is a name" }, { "\x1b[1m k", "1: a line is a name" }, { "a\xc3\xa9 k", "1: a line is a name" },
		{ "alice=k", "1: a line is a name" }, { "a\"b k", "1: a line is a name" }, { "a/b k", "1: a line is a name" },
		{ "a k\x7f", "1: the key may hold" }, { "a k\xc3\xa9", "1: the key may hold" }, { "a \x01", "1: the key may hold" },
		{ "a k l", "1: the key may hold" }, { "a k\nb l\na m\n", "3: this name stands above" },
		{ "a k\nb l\nc k\n", "3: this key stands above" },
		{ "a23456789012345678901234567890123 k", "1: the name is too long" },
	};
	char text[8192], path[96], want[160];
	size_t n = 0;

	fmt(path, sizeof path, "%s/rows", dir);
	CHECK("clients", load_clients("# who may\n\nalice  k-one\nBob_2.x-\tk#two # a comment\r\n", 0600, "HOST=0.0.0.0\n") && c->nkeys == 2
		&& is(warned, "") && c->asks_key);
	CHECK("the first", key_ok("k-one", 5) && is(who, "alice") && is(cfg_client_key(c), "k-one"));
	CHECK("the last", key_ok("k#two", 5) && is(who, "Bob_2.x-"));
	CHECK("no other", !key_ok("", 0) && is(who, "") && !key_ok("k-on", 4) && !key_ok("k-one1", 6) && !key_ok("alice", 5)
		&& !key_ok("k-two", 5) && !key_ok("k-onek-one", 10));
	CHECK("a BOM, no end of line", load_clients("\xef\xbb\xbf" "alice k", 0600, "") && key_ok("k", 1) && is(who, "alice"));
	CHECK("beside ANTHROPIC_API_KEY", load_clients("alice k1\n", 0600, "ANTHROPIC_API_KEY=k0\n") && key_ok("k0", 2) && is(who, "")
		&& key_ok("k1", 2) && is(who, "alice") && !key_ok("", 0) && is(cfg_client_key(c), "k0"));
	CHECK("the same key in both: it has a name", load_clients("alice k0\n", 0600, "ANTHROPIC_API_KEY=k0\n") && key_ok("k0", 2)
		&& is(who, "alice"));
	CHECK("others can read it", load_clients("alice k\n", 0640, "") && strstr(warned, path) && strstr(warned, "chmod 600")
		&& strstr(warned, ":2: ANTHROPIC_API_KEYS_FILE: "));
	CHECK("others can write it", !load_clients("alice k\n", 0602, "") && strstr(err, ":2: ANTHROPIC_API_KEYS_FILE: ")
		&& strstr(err, "chmod 600"));
	CHECK("there is none", !load(KEY "ANTHROPIC_API_KEYS_FILE=/nowhere/keys\n")
		&& strstr(err, ":2: ANTHROPIC_API_KEYS_FILE: /nowhere/keys cannot be opened"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fmt(want, sizeof want, "%s:%s", path, bad[i][1]);
		CHECK(label(bad[i][0]), !load_clients(bad[i][0], 0600, "") && strncmp(err, want, strlen(want)) == 0
			&& !strchr(err, '\n'));
	}
	CHECK("the longest name", load_clients("a2345678901234567890123456789012 k", 0600, "") && key_ok("k", 1)
		&& strlen(who) == CFG_KEY_NAME_MAX);
	for (int i = 0; i < CFG_KEYS_MAX; i++)
		n += fmt(text + n, sizeof text - n, "n%d key-%d\n", i, i);
	CHECK("as many as there may be", load_clients(text, 0600, "") && c->nkeys == CFG_KEYS_MAX && key_ok("key-255", 7)
		&& is(who, "n255") && key_ok("key-0", 5) && is(who, "n0") && !key_ok("key-256", 7));
	fmt(text + n, sizeof text - n, "more k\n");
	CHECK("one more", !load_clients(text, 0600, "") && strstr(err, ":257: more than 256 keys"));
}

static void lists(void)
{
	const char *list = " a.example , B.example:80,,c", *at = list;
	size_t n;

	CHECK("listed", cfg_listed(list, "a.example", 9) && cfg_listed(list, "b.EXAMPLE:80", 12) && cfg_listed(list, "c", 1));
	CHECK("not listed", !cfg_listed(list, "a", 1) && !cfg_listed(list, "example", 7) && !cfg_listed(list, "", 0)
		&& !cfg_listed("", "a", 1) && !cfg_listed(list, "B.example", 9));
	CHECK("entries", cfg_entry(&at, &n) && n == 9 && cfg_entry(&at, &n) && n == 12 && cfg_entry(&at, &n) && n == 1
		&& !cfg_entry(&at, &n));
	CHECK("good lists", load(KEY "ALLOWED_ORIGINS=https://a.example,http://localhost:3000\nALLOWED_HOSTS=proxy.lan, box\n")
		&& cfg_listed(c->allowed_origins, "http://localhost:3000", 21) && cfg_listed(c->allowed_hosts, "box", 3));
}

static void quirk_settings(void)
{
	char rows[120], text[400];
	struct quirks q;

	snprintf(rows, sizeof rows, "%s/rows", dir);
	put_bytes(rows, "api.groq.com * temp=unit stop=2 echo=tags\n", 42, 0644);
	snprintf(text, sizeof text, KEY "OPENAI_BASE_URL=https://api.groq.com\nUP_QUIRKS=%s\nUP_STOP=3\nUP_HEADERS=\"X-A: b c\"\n"
		"UP_EXTRA='{\"a\": {\"b\": 1}}'\nUP_DROP=\nUP_ECHO=none\n", rows);
	CHECK("rows and settings", load(text) && is(warned, ""));
	cfg_quirks(c, "m", &q);
	CHECK("built-in, then rows, then settings", q.maxtok == MAXTOK_COMPLETION && q.temp == TEMP_UNIT && q.stop == 3
		&& q.echo == ECHO_NONE);
	CHECK("texts", is(q.headers, "X-A: b c") && is(q.extra, "{\"a\": {\"b\": 1}}") && is(q.drop, ""));
	put_bytes(rows, "# fine\nother.example * temp=no\n", 31, 0644);
	CHECK("a bad row is told with its place", !load(text) && strncmp(err, rows, strlen(rows)) == 0
		&& strncmp(err + strlen(rows), ":2: not what this setting", 25) == 0);
	put_bytes(rows, "* * temp=unit\n", 14, 0666);
	CHECK("rows that everyone may write are refused", !load(text) && strstr(err, "written by everyone"));
}

static void files(void)
{
	static char big[DOTENV_MAX + 2];
	char text[32];
	int fds[2];

	CHECK("a file that is not there", !load_env("/nonexistent/x", NULL)
		&& strncmp(err, "/nonexistent/x: cannot be opened: ", 34) == 0);
	CHECK("a directory", !load_env(dir, NULL) && strstr(err, "is a directory"));
	put_bytes(file, KEY, strlen(KEY), 0666);
	CHECK("a file that everyone may write", !load_env(file, NULL) && strstr(err, "can be written by everyone"));
	put_bytes(file, KEY, strlen(KEY), 0644);
	CHECK("a file that others may read", load_env(file, NULL) && strstr(warned, "others on this machine can read"));
	put_bytes(file, KEY, strlen(KEY), 0640);
	CHECK("a file that its group may read", load_env(file, NULL) && strstr(warned, "others on this machine can read"));
	CHECK("NUL bytes", !load_bytes(KEY "A=\0b\n", strlen(KEY) + 5) && strstr(err, "NUL"));
	memset(big, '#', sizeof big);
	memcpy(big, KEY, strlen(KEY));
	CHECK("as large as it may be", load_bytes(big, DOTENV_MAX) && is(c->openai_api_key, "k"));
	CHECK("larger", !load_bytes(big, DOTENV_MAX + 1) && strstr(err, "larger than 64 KB"));
	if (pipe(fds) != 0 || write(fds[1], KEY, strlen(KEY)) < 0)
		abort();
	close(fds[1]);
	snprintf(text, sizeof text, "/dev/fd/%d", fds[0]);
	CHECK("a pipe", access(text, F_OK) != 0 || (load_env(text, NULL) && is(c->openai_api_key, "k") && is(warned, "")));
	close(fds[0]);
	CHECK("an empty device", !load_env("/dev/null", NULL) && strstr(err, "OPENAI_API_KEY is not set"));
}

static bool has_option(const char *name)
{
	struct cfg_option o;

	for (size_t i = 0; cfg_option(i, &o); i++)
		if (is(o.name, name))
			return true;
	return false;
}

/* what a function prints */
static const char *printed(bool example)
{
	static char text[32768];
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t n;

	if (fd < 0 || cfg_print(fd, example) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void printing(void)
{
	static char example[32768], lines[34000] = KEY;
	char value[128], name[48];
	struct cfg_option o;
	size_t n = 0;

	for (; cfg_option(n, &o); n++)
		if (!*o.doc || !*o.name || !*o.group || strchr(o.doc, '\n') || strlen(o.range) > 100)
			CHECK(o.name, 0);
	for (size_t i = 0; q_key(i); i++) {
		snprintf(name, sizeof name, "UP_%s", q_key(i));
		for (char *p = name; *p; p++)
			*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
		CHECK(name, has_option(name) == !is(q_key(i), "idle"));
	}
	strcpy(example, printed(true));
	for (size_t i = 0; cfg_option(i, &o); i++) {
		snprintf(value, sizeof value, "\n#%s=%s\n", o.name, o.def);
		if (!strstr(example, value))
			CHECK(o.name, 0);
	}
	/* every default is a value that the option takes, and changes nothing */
	for (const char *p = example; (p = strstr(p, "\n#")) != NULL; p++)
		if (p[2] != ' ')
			strncat(lines, p + 2, strcspn(p + 2, "\n") + 1);
	CHECK("the defaults, written out, lack nothing but the key", !load(lines) && strstr(err, "OPENAI_API_KEY is not set"));
	strcat(lines, KEY);
	CHECK("and with a key are the defaults", load(lines) && is(warned, "") && c->port == 8082 && is(c->big_model, "gpt-4o")
		&& is(c->middle_model, "gpt-4o") && c->max_body == 33554432 && c->log_level == LOG_INFO && c->nheaders == 0);
	CHECK("help has a line for every option", strstr(printed(false), "\n  PORT=8082\n        ") != NULL);
	CHECK("a write error is told", cfg_print(-1, false) == -1 && cfg_print(-1, true) == -1);
}

int main(void)
{
	fmt(dir, sizeof dir, "/tmp/config_test.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	fmt(file, sizeof file, "%s/env", dir);
	defaults();
	syntax();
	refusals();
	values();
	slips();
	environment();
	custom_headers();
	targets();
	apis();
	target_parts();
	models();
	keys();
	clients();
	lists();
	quirk_settings();
	files();
	printing();
	cfg_free(c);
	cfg_free(NULL);
	unlink(file);
	strcat(dir, "/rows");
	unlink(dir);
	dir[strlen(dir) - 5] = 0;
	return CHECK_END() || rmdir(dir) != 0;
}
