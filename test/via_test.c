/* via.c: proxy URLs, NO_PROXY, and what is said to a proxy, whole and byte by byte. */
#include "via.h"

#include <stdlib.h>

#include "check.h"
#include "http.h"
#include "target.h"

/* ---- who it is ---- */

static const struct {
	const char *url;
	const char *host;	/* "": refused */
	int port;
	bool socks;
	const char *login;	/* NULL: none */
	size_t nuser;
	const char *bad;	/* part of the refusal */
} urls[] = {
	{ "http://proxy.corp:3128", "proxy.corp", 3128, false, NULL, 0, NULL },
	{ "HTTP://Proxy.Corp:3128/", "proxy.corp", 3128, false, NULL, 0, NULL },
	{ "proxy.corp:3128", "proxy.corp", 3128, false, NULL, 0, NULL },
	{ "http://proxy", "proxy", 80, false, NULL, 0, NULL },
	{ "socks5://proxy", "proxy", 1080, true, NULL, 0, NULL },
	{ "socks5h://10.0.0.1:9", "10.0.0.1", 9, true, NULL, 0, NULL },
	{ "http://[fd00::1]:8080", "fd00::1", 8080, false, NULL, 0, NULL },
	{ "http://joe:secret@proxy:1", "proxy", 1, false, "joe:secret", 3, NULL },
	{ "joe:secret@proxy:1", "proxy", 1, false, "joe:secret", 3, NULL },
	{ "http://joe@proxy:1", "proxy", 1, false, "joe:", 3, NULL },
	{ "http://joe:@proxy:1", "proxy", 1, false, "joe:", 3, NULL },
	{ "http://:pw@proxy:1", "proxy", 1, false, ":pw", 0, NULL },
	{ "http://@proxy:1", "proxy", 1, false, ":", 0, NULL },
	{ "http://a%40b:p%3Aq%2f:r@proxy:1", "proxy", 1, false, "a@b:p:q/:r", 3, NULL },
	{ "http://joe:p@ss@proxy:1", "proxy", 1, false, "joe:p@ss", 3, NULL },
	{ "https://proxy:1", "", 0, false, NULL, 0, "TLS to a proxy is not spoken" },
	{ "socks4://proxy:1", "", 0, false, NULL, 0, "neither http:// nor socks5://" },
	{ "://proxy:1", "", 0, false, NULL, 0, "neither http:// nor socks5://" },
	{ "http://", "", 0, false, NULL, 0, "no host" },
	{ "http://joe:secret@", "", 0, false, NULL, 0, "no host" },
	{ "http://proxy:0", "", 0, false, NULL, 0, "the port" },
	{ "http://proxy:65536", "", 0, false, NULL, 0, "the port" },
	{ "http://proxy:80x", "", 0, false, NULL, 0, "the port" },
	{ "http://proxy:1/path", "", 0, false, NULL, 0, "no path" },
	{ "http://proxy:1?q", "", 0, false, NULL, 0, "no path" },
	{ "http://fd00::1:80", "", 0, false, NULL, 0, "in brackets" },
	{ "http://pro xy:1", "", 0, false, NULL, 0, "a character" },
	{ "http://joe:%zz@proxy:1", "", 0, false, NULL, 0, "two hex digits" },
	{ "http://joe:%4@proxy:1", "", 0, false, NULL, 0, "two hex digits" },
	{ "http://joe:%@proxy:1", "", 0, false, NULL, 0, "two hex digits" },
	{ "http://joe:%00@proxy:1", "", 0, false, NULL, 0, "two hex digits" },
	{ "http://a%3ab:c@proxy:1", "", 0, false, NULL, 0, "has a :" },
};

static void proxies(void)
{
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct cfg_via v = { .host = "" };
		char *url = malloc(strlen(urls[i].url) + 1);	/* as long as it is: a byte too far shows */
		strcpy(url, urls[i].url);
		const char *bad = via_url(&v, url);
		if (urls[i].bad)
			CHECK(urls[i].url, bad && strstr(bad, urls[i].bad) && !v.host[0]);
		else
			CHECK(urls[i].url, !bad && strcmp(v.host, urls[i].host) == 0 && v.port == urls[i].port && v.socks == urls[i].socks
				&& (urls[i].login ? v.login && strcmp(v.login, urls[i].login) == 0 && v.nuser == urls[i].nuser : !v.login));
		free(url);
	}
	struct cfg_via v = { .host = "" };
	char url[600] = "http://";
	memset(url + 7, 'u', 255);
	strcpy(url + 7 + 255, "@p");
	CHECK("a user of 255 bytes", !via_url(&v, url) && v.nuser == 255);
	memset(url, 'u', 256);
	strcpy(url + 256, ":x@p");
	CHECK("and no more", via_url(&v, url) != NULL);
	memset(url, 'u', 300);
	url[1] = ':';
	strcpy(url + 258, "@p");
	CHECK("nor a longer password", via_url(&v, url) != NULL);
}

/* ---- for whom it is not meant ---- */

static const struct {
	const char *list, *url;
	const char *entry;	/* the one that holds it; NULL: none */
} lists[] = {
	{ "", "https://api.corp", NULL },
	{ "*", "https://api.corp", "*" },
	{ "corp", "https://api.corp", "corp" },
	{ ".corp", "https://api.corp", ".corp" },
	{ "*.corp", "https://api.corp", "*.corp" },
	{ "*corp", "https://api.corp", NULL },
	{ "CORP.", "https://api.corp", "CORP." },
	{ "api.corp", "https://API.corp", "api.corp" },
	{ "api.corp", "https://xapi.corp", NULL },
	{ "pi.corp", "https://api.corp", NULL },
	{ "api.corp", "https://a.api.corp", "api.corp" },
	{ "a.api.corp", "https://api.corp", NULL },
	{ "x,, y , api.corp:443 ,z", "https://api.corp", "api.corp:443" },
	{ "api.corp:8443", "https://api.corp", NULL },
	{ "api.corp:8443", "https://api.corp:8443", "api.corp:8443" },
	{ "api.corp:", "https://api.corp", NULL },
	{ "api.corp:x", "https://api.corp", NULL },
	{ "*:443", "https://api.corp", "*:443" },
	{ "*:80", "https://api.corp", NULL },
	{ ".", "https://api.corp", NULL },
	{ "10.1.2.3", "http://10.1.2.3", "10.1.2.3" },
	{ "10.1.2.4", "http://10.1.2.3", NULL },
	{ "10.1.2.3:80", "http://10.1.2.3", "10.1.2.3:80" },
	{ "10.1.2.3:81", "http://10.1.2.3", NULL },
	{ "2.3", "http://10.1.2.3", "2.3" },	/* as a name: no address can be told from it */
	{ "10.0.0.0/8", "http://10.1.2.3", "10.0.0.0/8" },
	{ "10.0.0.0/8:80", "http://10.1.2.3", "10.0.0.0/8:80" },
	{ "10.0.0.0/8:81", "http://10.1.2.3", NULL },
	{ "10.1.3.0/23", "http://10.1.2.3", "10.1.3.0/23" },
	{ "10.1.3.0/24", "http://10.1.2.3", NULL },
	{ "0.0.0.0/0", "http://10.1.2.3", "0.0.0.0/0" },
	{ "10.1.2.3/32", "http://10.1.2.3", "10.1.2.3/32" },
	{ "10.1.2.3/33", "http://10.1.2.3", NULL },
	{ "10.1.2.3/", "http://10.1.2.3", NULL },
	{ "10.1.2.3/x", "http://10.1.2.3", NULL },
	{ "0.0.0.0/0", "http://[fd00::1]", NULL },
	{ "::/0", "http://[fd00::1]", "::/0" },
	{ "fd00::/8", "http://[fd00::1]", "fd00::/8" },
	{ "fd00::/129", "http://[fd00::1]", NULL },
	{ "fd00::1", "http://[fd00::1]", "fd00::1" },
	{ "[fd00::1]", "http://[fd00:0::1]", "[fd00::1]" },
	{ "[fd00::1]:80", "http://[fd00::1]", "[fd00::1]:80" },
	{ "[fd00::1]:81", "http://[fd00::1]", NULL },
	{ "[fd00::1", "http://[fd00::1]", NULL },
	{ "[]", "http://[fd00::1]", NULL },
	{ "10.0.0.0/8", "http://api.corp", NULL },
	{ "corp/8", "http://api.corp", NULL },
};

static void spared(void)
{
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct cfg_target t;
		char what[128];
		size_t n = 0;
		const char *bad = target_url(&t, lists[i].url), *entry = via_spared(lists[i].list, &t, &n);
		snprintf(what, sizeof what, "NO_PROXY=%s and %s", lists[i].list, lists[i].url);
		CHECK(what, !bad && (lists[i].entry ? entry && n == strlen(lists[i].entry) && memcmp(entry, lists[i].entry, n) == 0 : !entry));
	}
}

/* ---- what is said ---- */

#define BYTES(text) text, sizeof text - 1

static const struct talk {
	const char *what, *url, *upstream;
	struct { const char *p; size_t n; } answer, want;	/* what comes, in all; what is put, in all */
	enum via_said said;
	const char *why;
} talks[] = {
	{ "CONNECT", "http://p:1", "https://api.corp", { BYTES("HTTP/1.1 200 Connection established\r\n\r\n") },
		{ BYTES("CONNECT api.corp:443 HTTP/1.1\r\nHost: api.corp:443\r\n\r\n") }, VIA_OPEN, "" },
	{ "CONNECT with a login", "http://Aladdin:open%20sesame@p:1", "http://[fd00::1]:8080",
		{ BYTES("HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n") },
		{ BYTES("CONNECT [fd00::1]:8080 HTTP/1.1\r\nHost: [fd00::1]:8080\r\n"
			"Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n") }, VIA_OPEN, "" },	/* RFC 7617 2 */
	{ "a length and a coding at 200 mean nothing", "http://p:1", "https://a",
		{ BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") }, VIA_OPEN, "" },
	{ "an interim answer", "http://p:1", "https://a", { BYTES("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") }, VIA_OPEN, "" },
	{ "407", "http://p:1", "https://a", { BYTES("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") }, VIA_DENIED, "wants a user and a password: write them into HTTPS_PROXY" },
	{ "407 with a login", "http://u:secret@p:1", "https://a", { BYTES("HTTP/1.1 407 No\r\n\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nProxy-Authorization: Basic dTpzZWNyZXQ=\r\n\r\n") },
		VIA_DENIED, "does not accept the user and password that HTTPS_PROXY has" },
	{ "401 in its place", "http://u:secret@p:1", "https://a", { BYTES("HTTP/1.0 401 Unauthorized\r\n\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nProxy-Authorization: Basic dTpzZWNyZXQ=\r\n\r\n") },
		VIA_DENIED, "HTTPS_PROXY has (401;" },
	{ "403", "http://p:1", "https://a", { BYTES("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") }, VIA_DENIED, "let this pass to a:443: it is the proxy that answered 403" },
	{ "302", "http://p:1", "https://a", { BYTES("HTTP/1.1 302 Login\r\nLocation: http://portal/\r\n\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") }, VIA_DENIED, "answered 302" },
	{ "502", "http://p:1", "https://a", { BYTES("HTTP/1.1 502 Bad Gateway\r\n\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") }, VIA_REFUSED, "cannot reach a:443: it is the proxy that answered 502" },
	{ "garbage", "http://p:1", "https://a", { BYTES("SSH-2.0-x\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") }, VIA_REFUSED, "in no way" },
	{ "half a head", "http://p:1", "https://a", { BYTES("HTTP/1.1 200 OK\r\nProxy-Agent: x\r\n") },
		{ BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") }, VIA_MORE, "" },

	{ "SOCKS", "socks5://p", "https://api.corp", { BYTES("\5\0\5\0\0\1\0\0\0\0\0\0") },
		{ BYTES("\5\1\0\5\1\0\3\10api.corp\1\273") }, VIA_OPEN, "" },
	{ "SOCKS to an IPv4 address", "socks5://p", "http://10.1.2.3", { BYTES("\5\0\5\0\0\4" "0123456789abcdef" "\0\0") },
		{ BYTES("\5\1\0\5\1\0\1\12\1\2\3\0\120") }, VIA_OPEN, "" },
	{ "SOCKS to an IPv6 address", "socks5h://p", "http://[fd00::1]", { BYTES("\5\0\5\0\0\3\3abc\0\0") },
		{ BYTES("\5\1\0\5\1\0\4\375\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\120") }, VIA_OPEN, "" },
	{ "SOCKS with a login", "socks5://joe:pw@p", "https://a", { BYTES("\5\2\1\0\5\0\0\1\0\0\0\0\0\0") },
		{ BYTES("\5\2\0\2\1\3joe\2pw\5\1\0\3\1a\1\273") }, VIA_OPEN, "" },
	{ "SOCKS with a login that is not wanted", "socks5://joe:pw@p", "https://a", { BYTES("\5\0\5\0\0\1\0\0\0\0\0\0") },
		{ BYTES("\5\2\0\2\5\1\0\3\1a\1\273") }, VIA_OPEN, "" },
	{ "SOCKS, the login refused", "socks5://joe:pw@p", "https://a", { BYTES("\5\2\1\1") },
		{ BYTES("\5\2\0\2\1\3joe\2pw") }, VIA_DENIED, "does not accept the user and password that HTTPS_PROXY has" },
	{ "SOCKS, no way to log in", "socks5://p", "https://a", { BYTES("\5\377") }, { BYTES("\5\1\0") },
		VIA_DENIED, "wants a user and a password: write them into HTTPS_PROXY" },
	{ "SOCKS, no way with a login", "socks5://u@p", "https://a", { BYTES("\5\377") }, { BYTES("\5\2\0\2") },
		VIA_DENIED, "does not accept" },
	{ "SOCKS, a way that was not offered", "socks5://p", "https://a", { BYTES("\5\2") }, { BYTES("\5\1\0") }, VIA_REFUSED, "in no way" },
	{ "SOCKS 4 answers", "socks5://p", "https://a", { BYTES("\0\133") }, { BYTES("\5\1\0") }, VIA_REFUSED, "in no way" },
	{ "HTTP answers", "socks5://p", "https://a", { BYTES("HTTP/1.1 400 Bad\r\n\r\n") }, { BYTES("\5\1\0") }, VIA_REFUSED, "in no way" },
	{ "SOCKS, an unknown kind of address", "socks5://p", "https://a", { BYTES("\5\0\5\0\0\2\0\0") },
		{ BYTES("\5\1\0\5\1\0\3\1a\1\273") }, VIA_REFUSED, "in no way" },
};

/* Lets it come in pieces of so many bytes; what is put in all goes to put. */
static enum via_said run(const struct config *c, const struct talk *t, size_t piece, struct buf *put, char *why, size_t room)
{
	char storage[HTTP_HEAD_MAX];
	struct buf in = { storage, sizeof storage, 0, 0 };
	unsigned char step = 0;
	size_t at = 0;
	enum via_said said = via_talk(c, &step, &in, put, why, room);

	while (said == VIA_MORE && at < t->answer.n) {
		size_t n = t->answer.n - at < piece ? t->answer.n - at : piece;
		/* who is asked waits for an answer: what is behind it comes after the next words */
		size_t before = put->len;
		buf_put(&in, t->answer.p + at, n);
		at += n;
		while ((said = via_talk(c, &step, &in, put, why, room)) == VIA_MORE && put->len > before)
			before = put->len;
	}
	return said;
}

static void talking(void)
{
	for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
		const struct talk *t = &talks[i];
		struct config c = { .file = NULL };
		char url[128], what[128];
		strcpy(url, t->url);
		c.via.setting = "HTTPS_PROXY";
		const char *bad = via_url(&c.via, url);
		bad = bad ? bad : target_url(&c.target, t->upstream);
		for (size_t piece = 1; piece < 200; piece = piece == 1 ? 7 : piece == 7 ? 199 : 200) {
			char out[2048], why[400] = "";
			struct buf put = { out, sizeof out, 0, 0 };
			enum via_said said = run(&c, t, piece, &put, why, sizeof why);
			snprintf(what, sizeof what, "%s, %zu at a time", t->what, piece);
			CHECK(what, !bad && said == t->said && put.len == t->want.n && memcmp(out, t->want.p, put.len) == 0
				&& (said < VIA_REFUSED || strstr(why, t->why)) && !strstr(why, "secret"));
		}
	}
}

/* every reply code, known or not */
static void codes(void)
{
	static const char *const texts[] = { "", "no reason", "rules", "network", "host", "refused", "in time", "for others", "such an address" };
	struct config c = { .file = NULL };
	char url[] = "socks5://p";

	c.via.setting = "ALL_PROXY";
	via_url(&c.via, url);
	target_url(&c.target, "https://a");
	for (int code = 1; code < 256; code++) {
		char answer[12] = { 5, 0, 5, (char)code, 0, 1 }, out[2048], why[400] = "", number[32];
		const struct talk t = { .answer = { answer, sizeof answer } };
		struct buf put = { out, sizeof out, 0, 0 };
		enum via_said want = code == 2 || code == 7 || code == 8 ? VIA_DENIED : VIA_REFUSED;
		snprintf(number, sizeof number, "SOCKS reply %d, ", code);
		if (run(&c, &t, 1, &put, why, sizeof why) != want || !strstr(why, number) || !strstr(why, code < 9 ? texts[code] : "unknown"))
			CHECK(number, false);
	}
	CHECK("every reply of SOCKS has its words", true);
}

/* nothing may stand behind the answer, and a head has an end */
static void excess(void)
{
	static const char *const answers[] = { "HTTP/1.1 200 OK\r\n\r\nx", "\5\0", "\5\0\0\1\0\0\0\0\0\0x" };
	char storage[HTTP_HEAD_MAX], out[2048], why[400];
	struct config c = { .file = NULL };
	struct buf put = { out, sizeof out, 0, 0 }, in = { storage, sizeof storage, 0, 0 };
	unsigned char step = 0;
	char url[] = "http://p";

	via_url(&c.via, url);
	target_url(&c.target, "https://a");
	via_talk(&c, &step, &in, &put, why, sizeof why);
	buf_str(&in, answers[0]);
	CHECK("more than the answer", via_talk(&c, &step, &in, &put, why, sizeof why) == VIA_REFUSED);
	c.via.socks = true;
	step = 0;
	in.len = in.off = put.len = 0;
	via_talk(&c, &step, &in, &put, why, sizeof why);
	buf_put(&in, answers[1], 2);
	via_talk(&c, &step, &in, &put, why, sizeof why);
	buf_put(&in, answers[2], 11);
	CHECK("more than the reply", via_talk(&c, &step, &in, &put, why, sizeof why) == VIA_REFUSED);
	c.via.socks = false;
	step = 0;
	in.len = in.off = put.len = 0;
	via_talk(&c, &step, &in, &put, why, sizeof why);
	buf_str(&in, "HTTP/1.1 200 OK\r\nX: ");
	while (buf_put(&in, "y", 1))
		;
	CHECK("a head without end", via_talk(&c, &step, &in, &put, why, sizeof why) == VIA_REFUSED);
}

int main(void)
{
	proxies();
	spared();
	talking();
	codes();
	excess();
	return CHECK_END();
}
