/*
 * The base URL.
 *
 * Promises: pure; what is accepted can be written into a request line and a
 * Host field as it is. Refused with a reason: userinfo, fragments, zone ids,
 * names that a resolver would read as an odd IPv4 address, white space and
 * control characters anywhere.
 */
#include "target.h"

#include <string.h>

#include "http_char.h"

#define COMPLETIONS "/chat/completions"
#define DEPLOYMENTS "/deployments/"
#define MESSAGES "/v1/messages"

/* ---- hosts ---- */

static bool ends(const char *s, const char *tail)
{
	size_t n = strlen(s), k = strlen(tail);

	return n >= k && memcmp(s + n - k, tail, k) == 0;
}

bool target_loopback(const char *host)
{
	static const unsigned char one[16] = { [15] = 1 }, mapped[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
	unsigned char a[16];

	if (q_address(host, a))
		return memcmp(a, one, 16) == 0 || memcmp(a, mapped, 13) == 0;
	return strcmp(host, "localhost") == 0 || ends(host, ".localhost");
}

/* a last label of digits (or 0x...) is an address to resolvers: then it must be a whole one */
static bool odd_address(const char *host)
{
	const char *last = strrchr(host, '.');
	unsigned char a[16];

	last = last ? last + 1 : host;
	return is_digit((unsigned char)*last) && strspn(last, "0123456789abcdefx") == strlen(last)
		&& (last[1] == 'x' || strspn(last, "0123456789") == strlen(last)) && !q_address(host, a);
}

static const char *name_bad(const char *host)
{
	size_t label = 0;

	for (const char *p = host; ; p++) {
		if (*p == '.' || *p == 0) {
			if (label == 0 || label > 63)
				return "the host name is not one";
			label = 0;
		} else if (is_letter((unsigned char)*p) || is_digit((unsigned char)*p) || *p == '-' || *p == '_') {
			label++;
		} else {
			return "the host name holds a character that none can have (write international names as xn--)";
		}
		if (*p == 0)
			break;
	}
	return odd_address(host) ? "the host is an IP address in a form that is not read: write four numbers" : NULL;
}

static const char *take_host(struct cfg_target *t, struct http_text h)
{
	if (h.n > 1 && h.p[h.n - 1] == '.')
		h.n--;
	if (h.n == 0)
		return "there is no host in it";
	if (h.n >= sizeof t->host)
		return "the host name is too long";
	for (size_t i = 0; i < h.n; i++)
		t->host[i] = (char)fold((unsigned char)h.p[i]);
	t->host[h.n] = 0;
	return NULL;
}

static const char *take_six(struct cfg_target *t, struct http_text *rest)
{
	const char *close = memchr(rest->p, ']', rest->n);
	unsigned char a[16];
	const char *bad;

	if (!close)
		return "the [ of the IPv6 address is not closed";
	bad = take_host(t, (struct http_text){ rest->p + 1, (size_t)(close - rest->p) - 1 });
	rest->n -= (size_t)(close + 1 - rest->p);
	rest->p = close + 1;
	return !bad && !(strchr(t->host, ':') && q_address(t->host, a)) ? "what stands in [ ] is no IPv6 address" : bad;
}

static const char *take_name(struct cfg_target *t, struct http_text *rest)
{
	const char *colon = memchr(rest->p, ':', rest->n);
	struct http_text host = { rest->p, colon ? (size_t)(colon - rest->p) : rest->n };
	const char *bad;

	rest->p += host.n;
	rest->n -= host.n;
	if (rest->n > 1 && memchr(rest->p + 1, ':', rest->n - 1))
		return "an IPv6 address stands in brackets: http://[::1]:8080";
	bad = take_host(t, host);
	return bad ? bad : name_bad(t->host);
}

static const char *take_port(struct cfg_target *t, struct http_text rest)
{
	if (rest.n == 0 || (rest.n == 1 && rest.p[0] == ':'))
		return NULL;
	if (rest.p[0] != ':')
		return "text behind the ] of the address";
	t->port = (int)http_number((struct http_text){ rest.p + 1, rest.n - 1 }, 65535);
	return t->port < 1 ? "the port is not a number from 1 to 65535" : NULL;
}

static void set_authority(struct cfg_target *t)
{
	const char *form = strchr(t->host, ':') ? "[%s]" : "%s";
	size_t n = fmt(t->authority, sizeof t->authority, form, t->host);

	if (t->port != (t->tls ? 443 : 80))
		fmt(t->authority + n, sizeof t->authority - n, ":%d", t->port);
}

/* ---- the URL ---- */

static bool is_hex(char c)
{
	return is_digit((unsigned char)c) || (fold((unsigned char)c) >= 'a' && fold((unsigned char)c) <= 'f');
}

static const char *text_bad(struct http_text s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || memchr("\"<>\\^`{|}", s.p[i], 9))
			return "it holds a character that must be written as %XX";
		if (s.p[i] == '#')
			return "a # has no meaning here";
		if (s.p[i] == '%' && (s.n - i < 3 || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))
			return "behind % stand two hex digits";
	}
	return NULL;
}

static const char *take_path(struct cfg_target *t, struct http_text rest)
{
	const char *question = memchr(rest.p, '?', rest.n);
	struct http_text path = { rest.p, question ? (size_t)(question - rest.p) : rest.n };
	struct http_text query = { rest.p + path.n, rest.n - path.n };

	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	/* room for what target_path appends */
	if (path.n + 64 > sizeof t->path || query.n + 80 > sizeof t->query)
		return "it is too long";
	memcpy(t->path, path.p, path.n);
	t->path[path.n] = 0;
	if (query.n == 1)
		query.n = 0;
	memcpy(t->query, query.p, query.n);
	t->query[query.n] = 0;
	return text_bad(rest);
}

const char *target_authority(struct cfg_target *t, struct http_text a)
{
	const char *bad;

	if (memchr(a.p, '@', a.n))
		return "a name or key before @ is not used: put the key into OPENAI_API_KEY";
	bad = a.n > 0 && a.p[0] == '[' ? take_six(t, &a) : take_name(t, &a);
	if (bad)
		return bad;
	return take_port(t, a);
}

const char *target_url(struct cfg_target *t, const char *url)
{
	const char *mark = strstr(url, "://");
	struct http_text scheme = { url, mark ? (size_t)(mark - url) : 0 };
	bool tls = http_is(scheme, "https");
	struct http_text authority, rest;
	unsigned char a[16];
	const char *bad;

	*t = (struct cfg_target){ .tls = tls, .port = tls ? 443 : 80 };
	if (!tls && !http_is(scheme, "http"))
		return "it does not begin with https:// (or http:// for a server on this machine)";
	authority.p = mark + 3;
	authority.n = strcspn(authority.p, "/?#");
	rest.p = authority.p + authority.n;
	rest.n = strlen(rest.p);
	bad = target_authority(t, authority);
	if (!bad)
		bad = take_path(t, rest);
	if (bad)
		return bad;
	t->literal = q_address(t->host, a);
	t->loopback = target_loopback(t->host);
	t->native = ends(t->path, "/anthropic") || ends(t->path, "/anthropic/v1") || ends(t->path, MESSAGES);
	set_authority(t);
	fmt(t->shown, sizeof t->shown, "%s://%s%s", t->tls ? "https" : "http", t->authority, t->path);
	return NULL;
}

/* ---- the path of requests ---- */

static const char *append(struct cfg_target *t, const char *more)
{
	size_t n = strlen(t->path);

	return fmt(t->path + n, sizeof t->path - n, "%s", more) < sizeof t->path - n ? NULL : "it is too long";
}

static void add_version(struct cfg_target *t, const char *version)
{
	size_t n = strlen(t->query);

	if (!strstr(t->query, "?api-version=") && !strstr(t->query, "&api-version="))
		fmt(t->query + n, sizeof t->query - n, "%sapi-version=%s", n ? "&" : "?", version);
}

/* Azure's dated form; its v1 form refuses the query */
static const char *azure_path(struct cfg_target *t, const char *version)
{
	const char *bad = NULL;

	if (ends(t->path, "/v1") || ends(t->path, "/v1" COMPLETIONS))
		return ends(t->path, COMPLETIONS) ? NULL : append(t, COMPLETIONS);
	add_version(t, version);
	if (ends(t->path, COMPLETIONS))
		return NULL;
	if (!*t->path)
		bad = append(t, "/openai");
	if (!bad && ends(t->path, "/openai"))
		bad = append(t, DEPLOYMENTS "%s");
	return bad ? bad : append(t, COMPLETIONS);
}

static const char *native_path(struct cfg_target *t, const struct quirks *q)
{
	if (ends(t->path, MESSAGES))
		return NULL;
	if (!*t->path)
		fmt(t->path, sizeof t->path, "%s", q->path);
	return append(t, ends(t->path, "/v1") ? "/messages" : MESSAGES);
}

const char *target_path(struct cfg_target *t, const struct quirks *q, const char *azure_version)
{
	/* "/openai" at a host that wants api-key is how Azure's endpoint is often written */
	bool azure_root = q->auth == AUTH_API_KEY && strcmp(t->path, "/openai") == 0;

	if (t->native)
		return native_path(t, q);
	if (*azure_version)
		return azure_path(t, azure_version);
	if (ends(t->path, COMPLETIONS))
		return NULL;
	if (!*t->path || azure_root)
		fmt(t->path, sizeof t->path, "%s", q->path);
	return append(t, COMPLETIONS);
}

/* ---- the request target ---- */

static size_t put_escaped(char *dst, size_t room, size_t at, const char *model)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *model; model++) {
		unsigned char c = (unsigned char)*model;
		bool plain = is_digit(c) || is_letter(c) || strchr("-._~", c);

		at += fmt(at < room ? dst + at : NULL, at < room ? room - at : 0, plain ? "%s%c" : "%s%c%c", plain ? "" : "%",
			plain ? c : hex[c >> 4], hex[c & 15]);
	}
	return at;
}

size_t cfg_path(const struct config *c, const char *model, char *dst, size_t room)
{
	const char *hole = strstr(c->target.path, "%s");
	size_t at;

	if (!hole)
		return fmt(dst, room, "%s%s", c->target.path, c->target.query);
	at = fmt(dst, room, "%.*s", (int)(hole - c->target.path), c->target.path);
	at = put_escaped(dst, room, at, model);
	return at + fmt(at < room ? dst + at : NULL, at < room ? room - at : 0, "%s%s", hole + 2, c->target.query);
}
