/*
 * Routes and guards (see route.h).
 *
 * A page in the user's browser can send requests here, with the user's money
 * at stake. What stops it: a page's request carries Origin or Sec-Fetch-Site
 * (Fetch Standard, 3.1 and Fetch Metadata), and is refused unless its origin is
 * configured; a POST must be application/json, which a page cannot send without
 * a preflight; the Host must be one of ours, so that a name that is made to
 * point here later (DNS rebinding) gains nothing.
 */
#include "route.h"

#include <string.h>

static const struct {
	const char *path;
	bool post;		/* else GET and HEAD */
	bool key;		/* the client's key is asked for */
} routes[] = {
	[ROUTE_MESSAGES] = { "/v1/messages", true, true },
	[ROUTE_COUNT] = { "/v1/messages/count_tokens", true, true },
	[ROUTE_CHAT] = { "/v1/chat/completions", true, true },
	[ROUTE_MODELS] = { "/v1/models", false, true },
	[ROUTE_MODEL] = { "/v1/models/", false, true },
	[ROUTE_HEALTH] = { "/health", false, false },
	[ROUTE_TEST] = { "/test-connection", false, true },
	[ROUTE_ROOT] = { "/", false, false },
};

static bool same(struct http_text t, const char *text)
{
	return t.n == strlen(text) && memcmp(t.p, text, t.n) == 0;
}

/* Takes ":port" off an authority; *port_ok is false when what is there is no port. */
static struct http_text host_only(struct http_text t, bool *port_ok)
{
	size_t n = t.n;

	*port_ok = true;
	while (n > 0 && t.p[n - 1] >= '0' && t.p[n - 1] <= '9')
		n--;
	if (n > 0 && t.p[n - 1] == ':' && (t.p[0] != '[' || (n > 1 && t.p[n - 2] == ']'))) {
		*port_ok = t.n - n <= 5;
		t.n = n - 1;
	}
	return t;
}

/* 127.0.0.0/8 in its dotted form, nothing shorter */
static bool is_loopback4(struct http_text t)
{
	unsigned char a[16];
	char host[16];

	if (t.n >= sizeof host || memchr(t.p, ':', t.n) != NULL)
		return false;
	memcpy(host, t.p, t.n);
	host[t.n] = '\0';
	return q_address(host, a) && a[12] == 127;
}

static bool host_allowed(struct http_text authority, const struct config *c)
{
	bool port_ok;
	struct http_text t = host_only(authority, &port_ok);

	if (!port_ok || t.n == 0)
		return false;
	if (cfg_listed("localhost,[::1]", t.p, t.n) || is_loopback4(t) || cfg_listed(c->allowed_hosts, t.p, t.n)
		|| cfg_listed(c->allowed_hosts, authority.p, authority.n))
		return true;
	if (t.n > 2 && t.p[0] == '[' && t.p[t.n - 1] == ']' && strchr(c->host, ':') != NULL) {
		t.p++;
		t.n -= 2;
	}
	return cfg_listed(c->host, t.p, t.n);
}

/*
 * A server on all addresses, or on a socket behind another server, is known by
 * names that it cannot know itself; it asks for a key, which a page does not
 * have. ALLOWED_HOSTS narrows it.
 */
static bool any_host(const struct config *c)
{
	bool all = strcmp(c->host, "0.0.0.0") == 0 || strcmp(c->host, "::") == 0 || c->host[0] == '/';

	return all && c->asks_key && c->allowed_hosts[0] == '\0';
}

/* The authority of an absolute-form target (RFC 9112 3.2.2), whatever its scheme; p NULL for the usual form. */
static struct http_text split_target(struct http_text target, struct http_text *path)
{
	const char *end = target.p + target.n, *p = target.p;

	*path = target;
	if (*p == '/')
		return (struct http_text){ NULL, 0 };
	while (end - p > 2 && memcmp(p, "://", 3) != 0)
		p++;
	if (end - p <= 2)
		return (struct http_text){ NULL, 0 };
	p += 3;
	const char *slash = memchr(p, '/', (size_t)(end - p));
	*path = slash != NULL ? (struct http_text){ slash, (size_t)(end - slash) } : (struct http_text){ "/", 1 };
	return (struct http_text){ p, (size_t)((slash != NULL ? slash : end) - p) };
}

static int refuse(struct api_error *e, int status, const char *why)
{
	error_set(e, status, why);
	return -1;
}

/* Whether the request is meant for this server; its path. */
static bool for_us(const struct http_head *h, const struct config *c, struct http_text *path)
{
	struct http_text authority = split_target(h->target, path);
	struct http_text host = http_field(h, "host");

	return any_host(c) || ((host.p == NULL || host_allowed(host, c))
		&& (authority.p == NULL || host_allowed(authority, c)));
}

/* Whether a page sent it that may not. */
static int check_origin(const struct http_head *h, const struct config *c, struct api_error *e)
{
	struct http_text site = http_field(h, "sec-fetch-site");

	if (route_origin(h, c).p != NULL)
		return 0;
	if (http_field(h, "origin").p != NULL)
		return refuse(e, 403, "Origin: requests from web pages are refused; add the origin to ALLOWED_ORIGINS to allow it");
	if (site.p != NULL && !http_is(site, "none") && !http_is(site, "same-origin"))
		return refuse(e, 403, "Sec-Fetch-Site: requests from other sites' pages are refused");
	return 0;
}

/* The last component sequence decides, so that a base URL with a path of its own works. */
static bool path_ends(struct http_text path, const char *tail)
{
	size_t n = strlen(tail);

	return path.n >= n && memcmp(path.p + path.n - n, tail, n) == 0;
}

/* The id behind /v1/models/ may end like another path. */
static bool find_model(struct http_text path, struct http_text *id)
{
	static const char model[] = "/v1/models/";
	const size_t n = sizeof model - 1;

	for (size_t i = 0; i + n < path.n; i++)
		if (memcmp(path.p + i, model, n) == 0) {
			*id = (struct http_text){ path.p + i + n, path.n - i - n };
			return true;
		}
	return false;
}

/* The route, or -1. */
static int find(struct http_text path, struct http_text *rest)
{
	if (path.n == 1 && path.p[0] == '/')
		return ROUTE_ROOT;
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	if (find_model(path, rest))
		return ROUTE_MODEL;
	for (int i = 0; i < ROUTE_ROOT; i++)
		if (path_ends(path, routes[i].path))
			return i;
	/* what some clients ask for to see whether anybody is there */
	return path_ends(path, "/api/hello") ? ROUTE_HEALTH : -1;
}

static bool key_presented(const struct http_head *h, const struct config *c, const char **name)
{
	struct http_text key = http_field(h, "x-api-key");
	struct http_text bearer = http_field(h, "authorization");

	if (key.p != NULL && cfg_key_ok(c, key.p, key.n, name))
		return true;
	if (bearer.p == NULL || bearer.n < 7 || !http_is((struct http_text){ bearer.p, 7 }, "bearer "))
		return cfg_key_ok(c, "", 0, name);
	bearer = http_trim(bearer.p + 7, bearer.n - 7);
	return cfg_key_ok(c, bearer.p, bearer.n, name);
}

/* RFC 9110 8.3: application/json, parameters as they like */
static int check_type(const struct http_head *h, struct api_error *e)
{
	struct http_text field = http_field(h, "content-type"), type;

	if (!http_cut(&field, ';', &type) || !http_is(type, "application/json"))
		return refuse(e, 415, "Content-Type: must be application/json");
	struct http_text coding = http_field(h, "content-encoding");
	if (coding.p != NULL && !http_is(coding, "identity"))
		return refuse(e, 415, "Content-Encoding: send the body as it is, without compression");
	return 0;
}

/* A GET may have a body too, which is read and ignored. */
static int check_body(const struct http_head *h, const struct config *c, bool typed, struct api_error *e)
{
	if (h->expect_other)
		return refuse(e, 417, "Expect: only 100-continue can be met");
	if (typed && check_type(h, e) != 0)
		return -1;
	if (h->framing == HTTP_LENGTH && h->length > (uint64_t)c->max_body)
		return refuse(e, 413, "request body is larger than MAX_BODY allows");
	return 0;
}

int route_head(const struct http_head *h, const struct config *c, struct route_info *info, struct api_error *e)
{
	struct http_text path;

	info->allow = NULL;
	info->key = "";
	info->rest = (struct http_text){ NULL, 0 };
	if (!for_us(h, c, &path))
		return refuse(e, 421, "Host: this server does not answer to that name; add it to ALLOWED_HOSTS");
	if (check_origin(h, c, e) != 0)
		return -1;
	const char *query = memchr(path.p, '?', path.n);
	if (query != NULL)
		path.n = (size_t)(query - path.p);
	int i = find(path, &info->rest);
	if (i < 0)
		return refuse(e, 404, "no such path here: POST /v1/messages is the one for Claude Code");
	info->route = (enum route)i;
	bool post = routes[i].post;
	if (!same(h->method, post ? "POST" : h->head_method ? "HEAD" : "GET")) {
		info->allow = post ? "POST" : "GET, HEAD";
		return refuse(e, 405, "this path is not for that method");
	}
	if (routes[i].key && !key_presented(h, c, &info->key))
		return refuse(e, 401, "invalid x-api-key (it must be the ANTHROPIC_API_KEY that this proxy was configured with, or one of its ANTHROPIC_API_KEYS_FILE)");
	return check_body(h, c, post, e);
}

struct http_text route_origin(const struct http_head *h, const struct config *c)
{
	struct http_text origin = http_field(h, "origin");

	if (origin.p == NULL || !cfg_listed(c->allowed_origins, origin.p, origin.n))
		return (struct http_text){ NULL, 0 };
	return origin;
}

bool route_preflight(const struct http_head *h, const struct config *c)
{
	struct http_text path;

	return same(h->method, "OPTIONS") && route_origin(h, c).p != NULL && for_us(h, c, &path);
}
