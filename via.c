/*
 * The way out through a proxy of the network.
 *
 * Promises: pure; a password is in nothing that is said to people; what comes
 * is taken only as whole answers, so that it may come in any pieces; a tunnel
 * begins silent, since both TLS and HTTP let this side speak first.
 *
 *   step      waits for                        then
 *   HELLO     nothing: CONNECT is put          HEAD
 *             the same: the greeting is put    METHOD
 *   HEAD      the head of an answer            open
 *   METHOD    the way to log in, two bytes     LOGIN, or ANSWER as below
 *   LOGIN     whether it is let in, two bytes  the request is put, ANSWER
 *   ANSWER    the reply, of 7 to 262 bytes     open
 */
#include "via.h"

#include <string.h>

#include "http.h"
#include "plan.h"
#include "target.h"

#define LOGIN_MAX 255	/* bytes of a user or password: RFC 1929 2 */
#define NO_METHOD 0xff

enum { HELLO, HEAD, METHOD, LOGIN, ANSWER };

/* ---- who it is ---- */

static const char *take_scheme(struct cfg_via *v, struct http_text scheme)
{
	v->socks = http_is(scheme, "socks5") || http_is(scheme, "socks5h");
	if (v->socks || http_is(scheme, "http"))
		return NULL;
	return http_is(scheme, "https") ? "TLS to a proxy is not spoken: most of them are http://"
		: "it begins with neither http:// nor socks5://";
}

/* user:password with %XX (RFC 3986 2.1), decoded where it stands: a byte behind it is written */
static const char *take_login(struct cfg_via *v, char *p, size_t n)
{
	char *to = p, *colon = NULL, *end = p + n;

	v->login = p;
	for (char *from = p; from < end; from++) {
		char c = *from;
		if (c == ':' && !colon)
			colon = to;
		if (c == '%') {
			int high = end - from > 2 ? hex_digit(from[1]) : -1, low = high < 0 ? -1 : hex_digit(from[2]);
			c = (char)(high * 16 + low);
			if (low < 0 || c == 0)
				return "behind % stand two hex digits, and not 00";
			from += 2;
		}
		*to++ = c;
	}
	if (!colon) {
		colon = to;
		*to++ = ':';
	}
	*to = 0;
	v->nuser = (size_t)(colon - p);
	if (memchr(p, ':', v->nuser))
		return "the user has a : in it";
	return v->nuser > LOGIN_MAX || strlen(colon + 1) > LOGIN_MAX ? "user and password have 255 bytes at most" : NULL;
}

const char *via_url(struct cfg_via *v, char *url)
{
	char *scheme = strstr(url, "://"), *p = scheme ? scheme + 3 : url, *host = p;
	size_t n = strcspn(p, "/?#");
	struct cfg_target t = { .host = "" };
	const char *bad = scheme ? take_scheme(v, (struct http_text){ url, (size_t)(scheme - url) }) : NULL;

	if (!bad && p[n] && strcmp(p + n, "/") != 0)
		bad = "a proxy has no path";
	for (size_t i = 0; i < n; i++)
		if (p[i] == '@')
			host = p + i + 1;
	t.port = v->socks ? 1080 : 80;
	if (!bad)
		bad = target_authority(&t, (struct http_text){ host, (size_t)(p + n - host) });
	if (!bad && host > p)
		bad = take_login(v, p, (size_t)(host - 1 - p));
	if (bad)
		return bad;
	memcpy(v->host, t.host, sizeof v->host);
	v->port = t.port;
	return NULL;
}

/* ---- for whom it is not meant ---- */

/* Whether an address, or a net with so many bits, holds the target. */
static bool holds(const unsigned char net[16], int bits, const struct cfg_target *t)
{
	unsigned char a[16];

	return q_address(t->host, a) && q_in_net(a, net, bits);
}

static bool names(struct http_text e, const struct cfg_target *t)
{
	size_t n = strlen(t->host);

	if (e.n > 1 && e.p[0] == '*' && e.p[1] == '.')
		e = (struct http_text){ e.p + 1, e.n - 1 };
	if (e.n > 1 && e.p[0] == '.')
		e = (struct http_text){ e.p + 1, e.n - 1 };
	if (e.n > 1 && e.p[e.n - 1] == '.')
		e.n--;
	return e.n > 0 && e.n <= n && http_is(e, t->host + n - e.n) && (e.n == n || t->host[n - e.n - 1] == '.');
}

/* a colon is a port's behind a ], or where it is the only one */
static bool cut_port(struct http_text *e, const struct cfg_target *t)
{
	bool six = e->n > 0 && e->p[0] == '[';
	const char *from = six ? memchr(e->p, ']', e->n) : e->p, *end = e->p + e->n;
	const char *colon = from ? memchr(from, ':', (size_t)(end - from)) : NULL;

	if (colon && !memchr(colon + 1, ':', (size_t)(end - colon) - 1)) {
		if (http_number((struct http_text){ colon + 1, (size_t)(end - colon) - 1 }, 65535) != t->port)
			return false;
		e->n = (size_t)(colon - e->p);
	}
	if (six && e->n > 2) {
		e->p++;
		e->n -= 2;
	}
	return true;
}

static bool spares(struct http_text e, const struct cfg_target *t)
{
	unsigned char net[16];
	char host[64];
	int bits = 128;

	if (!cut_port(&e, t))
		return false;
	if (http_is(e, "*"))
		return true;
	const char *slash = memchr(e.p, '/', e.n);
	size_t n = slash ? (size_t)(slash - e.p) : e.n;
	bool short_enough = fmt(host, sizeof host, "%.*s", (int)n, e.p) < sizeof host;
	if (!short_enough || !q_address(host, net))
		return !slash && names(e, t);
	if (slash) {
		int before = strchr(host, ':') ? 0 : 96;	/* RFC 4291 2.5.5.2 */
		bits = (int)http_number((struct http_text){ slash + 1, e.n - n - 1 }, 128 - before);
		if (bits < 0)
			return false;
		bits += before;
	}
	return holds(net, bits, t);
}

const char *via_spared(const char *list, const struct cfg_target *t, size_t *n)
{
	struct http_text rest = { list, strlen(list) }, entry;

	while (http_next(&rest, &entry)) {
		*n = entry.n;
		if (spares(entry, t))
			return entry.p;
	}
	return NULL;
}

size_t via_shown(const struct config *c, char *dst, size_t room)
{
	const struct cfg_via *v = &c->via;

	if (v->host[0])
		return fmt(dst, room, strchr(v->host, ':') ? "through the %s [%s]:%d" : "through the %s %s:%d", v->setting, v->host,
			v->port);
	if (!v->setting)
		return fmt(dst, room, "%s", "");
	return fmt(dst, room, v->spared ? "direct, not through the %s: NO_PROXY has %j" : "direct, not through the %s: it is this machine",
		v->setting, v->spared, v->nspared);
}

/* ---- what is said ---- */

static const char garbage[] = "it answers in no way that such a proxy does";

static enum via_said refused(char *why, size_t room, const char *text)
{
	fmt(why, room, "%s", text);
	return VIA_REFUSED;
}

static enum via_said opened(const struct buf *in, char *why, size_t room)
{
	return in->len == 0 ? VIA_OPEN : refused(why, room, garbage);
}

/* "host:port" with brackets around IPv6 */
static size_t put_target(const struct cfg_target *t, char *dst, size_t room)
{
	return fmt(dst, room, strchr(t->host, ':') ? "[%s]:%d" : "%s:%d", t->host, t->port);
}

static void put_connect(const struct config *c, struct buf *out)
{
	const char *login = c->via.login;
	struct plan_pos pos = { 0 };
	struct span spans[4];
	struct plan p;
	char to[280], head[640];

	put_target(&c->target, to, sizeof to);
	size_t n = fmt(head, sizeof head, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", to, to);
	plan_init(&p, spans, 4, NULL, 0);
	plan_span(&p, SPAN_RAW, head, n);
	if (login) {
		plan_lit(&p, "Proxy-Authorization: Basic ");
		plan_span(&p, SPAN_B64, login, strlen(login));
	}
	plan_lit(&p, login ? "\r\n\r\n" : "\r\n");
	while ((n = plan_pull(&p, &pos, buf_end(out), buf_room(out))) > 0)
		buf_added(out, n);
}

static enum via_said head_said(const struct config *c, int status, char *why, size_t room)
{
	char to[280];

	put_target(&c->target, to, sizeof to);
	/* some say 401 where RFC 9110 15.5.8 has 407 */
	if (status == 407 || status == 401)
		fmt(why, room, c->via.login ? "it does not accept the user and password that %s has (%d; only Basic is spoken)"
			: "it wants a user and a password: write them into %s, as in http://user:password@host:port (%d)",
			c->via.setting, status);
	else
		fmt(why, room, status >= 500 ? "it cannot reach %s: it is the proxy that answered %d"
			: "it does not let this pass to %s: it is the proxy that answered %d", to, status);
	return status >= 500 ? VIA_REFUSED : VIA_DENIED;
}

static enum via_said take_head(const struct config *c, struct buf *in, char *why, size_t room)
{
	struct http_head h;
	const char *bad;
	int n;

	do {
		n = http_response(buf_at(in), in->len, true, &h, &bad);
		if (n < 0 || (n == 0 && buf_room(in) == 0))
			return refused(why, room, garbage);
		if (n == 0)
			return VIA_MORE;
		buf_skip(in, (size_t)n);
	} while (h.status < 200);
	return h.status < 300 ? opened(in, why, room) : head_said(c, h.status, why, room);
}

/* a length before it */
static void put_short(struct buf *out, const char *p, size_t n)
{
	unsigned char length = (unsigned char)n;

	buf_put(out, &length, 1);
	buf_put(out, p, n);
}

static enum via_said put_request(const struct cfg_target *t, unsigned char *step, struct buf *out)
{
	unsigned char a[16], port[2] = { (unsigned char)(t->port >> 8), (unsigned char)t->port };
	bool four = t->literal && !strchr(t->host, ':');

	buf_put(out, "\5\1\0", 3);
	if (t->literal && q_address(t->host, a)) {
		buf_put(out, four ? "\1" : "\4", 1);
		buf_put(out, four ? a + 12 : a, four ? 4 : 16);
	} else {
		buf_put(out, "\3", 1);
		put_short(out, t->host, strlen(t->host));
	}
	buf_put(out, port, 2);
	*step = ANSWER;
	return VIA_MORE;
}

static enum via_said put_login(const struct cfg_via *v, unsigned char *step, struct buf *out)
{
	const char *password = v->login + v->nuser + 1;

	buf_put(out, "\1", 1);
	put_short(out, v->login, v->nuser);
	put_short(out, password, strlen(password));
	*step = LOGIN;
	return VIA_MORE;
}

static enum via_said denied_login(const struct config *c, char *why, size_t room)
{
	fmt(why, room, c->via.login ? "it does not accept the user and password that %s has"
		: "it wants a user and a password: write them into %s, as in socks5://user:password@host:port", c->via.setting);
	return VIA_DENIED;
}

static enum via_said take_method(const struct config *c, unsigned char *step, const unsigned char got[2], struct buf *out,
	char *why, size_t room)
{
	if (got[0] == 5 && got[1] == NO_METHOD)
		return denied_login(c, why, room);
	if (got[0] != 5 || (got[1] != 0 && (got[1] != 2 || !c->via.login)))
		return refused(why, room, garbage);
	return got[1] == 2 ? put_login(&c->via, step, out) : put_request(&c->target, step, out);
}

/* RFC 1928 6 */
static enum via_said socks_said(const struct config *c, unsigned code, char *why, size_t room)
{
	static const char texts[] = "no reason given\0" "its rules forbid it\0" "the network cannot be reached\0"
		"the host cannot be reached or found\0" "connection refused\0" "no answer in time\0" "it cannot connect for others\0"
		"it cannot take such an address\0" "unknown";
	char to[280];

	put_target(&c->target, to, sizeof to);
	fmt(why, room, "it does not connect to %s: SOCKS reply %u, %s", to, code, q_text(texts, (code < 9 ? code : 9) - 1));
	return code == 2 || code == 7 || code == 8 ? VIA_DENIED : VIA_REFUSED;
}

static enum via_said take_answer(const struct config *c, struct buf *in, char *why, size_t room)
{
	const unsigned char *got = (const unsigned char *)buf_at(in);

	if (in->len < 5)
		return in->len > 1 && got[0] == 5 && got[1] != 0 ? socks_said(c, got[1], why, room) : VIA_MORE;
	size_t n = got[3] == 1 ? 4 : got[3] == 4 ? 16 : got[3] == 3 ? 1 + (size_t)got[4] : 0;
	if (got[0] != 5 || (got[1] == 0 && n == 0))
		return refused(why, room, garbage);
	if (got[1] != 0)
		return socks_said(c, got[1], why, room);
	if (in->len < n + 6)
		return VIA_MORE;
	buf_skip(in, n + 6);
	return opened(in, why, room);
}

enum via_said via_talk(const struct config *c, unsigned char *step, struct buf *in, struct buf *out, char *why, size_t room)
{
	unsigned char got[2];
	bool login = *step == LOGIN;

	if (*step == HELLO) {
		*step = c->via.socks ? METHOD : HEAD;
		if (!c->via.socks)
			put_connect(c, out);
		else
			buf_put(out, c->via.login ? "\5\2\0\2" : "\5\1\0", c->via.login ? 4 : 3);
	}
	if (*step == HEAD)
		return take_head(c, in, why, room);
	if (*step == ANSWER)
		return take_answer(c, in, why, room);
	if (in->len < 2)
		return VIA_MORE;
	memcpy(got, buf_at(in), 2);
	buf_skip(in, 2);
	if (!login)
		return take_method(c, step, got, out, why, room);
	return got[1] == 0 ? put_request(&c->target, step, out) : denied_login(c, why, room);
}
