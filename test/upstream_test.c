/*
 * upstream.c, pool.c and dial.c against servers of this process. The names are
 * answered by a getaddrinfo of our own; time goes on only by what the test adds,
 * so that deadlines are met at once.
 */
#include "upstream.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>

#include "check.h"
#include "tls_peer.h"

static const struct {
	const char *host;
	const char *six, *four;	/* addresses with spaces between, "hang" or nothing */
} names[] = {
	{ "localhost", "", "127.0.0.1" },
	{ "refused", "", "127.0.0.2" },
	{ "second", "", "127.0.0.2 127.0.0.1" },
	{ "six", "::1", "127.0.0.1" },
	{ "black", "", "127.0.0.3" },
	{ "stagger", "", "127.0.0.3 127.0.0.1" },
	{ "mixed", "", "127.0.0.3 127.0.0.2 127.0.0.1" },
	{ "blacks", "", "127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.6 127.0.0.1" },
	{ "absent", "", "" },
	{ "hang", "hang", "hang" },
};

static struct addrinfo *make(int family, const char *text)
{
	struct addrinfo *a = calloc(1, sizeof *a);
	struct sockaddr_in *in = calloc(1, sizeof(struct sockaddr_in6));
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)in;

	a->ai_family = family;
	a->ai_addr = (struct sockaddr *)in;
	in->sin_family = (sa_family_t)family;
	inet_pton(family, text, family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr);
	return a;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	char text[128] = "";

	(void)service;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i].host, host) == 0)
			strcpy(text, hints->ai_family == AF_INET ? names[i].four : names[i].six);
	while (strcmp(text, "hang") == 0)
		pause();
	*out = NULL;
	for (char *p = strtok(text, " "); p != NULL; p = strtok(NULL, " ")) {
		*out = make(hints->ai_family, p);
		out = &(*out)->ai_next;
	}
	return text[0] == '\0' ? EAI_NONAME : 0;
}

void freeaddrinfo(struct addrinfo *a)
{
	while (a != NULL) {
		struct addrinfo *next = a->ai_next;
		free(a->ai_addr);
		free(a);
		a = next;
	}
}

/* ---------------------------------------------------------------- the scene */

static struct files files;
static struct peer_keys keys;
static struct up_pool *pool;
static struct config config;
static struct upstream *up;
static struct peer peer;
static int listener, port, server = -1;	/* server: the accepted side, or -1 */
static bool tls_server;
static int64_t now = 1000;

static int listen_at(const char *address, int at, int backlog)
{
	struct sockaddr_in sa;
	socklen_t n = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&sa, 0, sizeof sa);
	sa.sin_family = AF_INET;
	sa.sin_port = htons((uint16_t)at);
	inet_pton(AF_INET, address, &sa.sin_addr);
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, backlog) < 0)
		return -1;
	getsockname(fd, (struct sockaddr *)&sa, &n);
	port = ntohs(sa.sin_port);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void defaults(struct config *c, const char *host, bool tls)
{
	static char bundle[128];

	strcpy(bundle, file(&files, "ca.pem"));
	memset(c, 0, sizeof *c);
	c->openai_api_key = "sk-one";
	c->ssl_cert_file = bundle;
	c->extra_ca_file = "";
	strcpy(c->target.host, host);
	c->target.port = port;
	c->target.tls = tls;
	c->resolve_timeout = 8000;
	c->connect_timeout = 10000;
	c->tls_timeout = 9000;
	c->up_keepalive = 30000;
	c->dns_ttl = 60000;
}

/* everybody does what he can, until nothing moved for a while */
static void serve(void)
{
	if (server < 0) {
		server = accept(listener, NULL, NULL);
		if (server >= 0 && tls_server)
			peer_start(&peer, &keys, server, true);
		else if (server >= 0)
			fcntl(server, F_SETFL, O_NONBLOCK);
	}
	if (server >= 0 && tls_server)
		peer_step(&peer);
}

static void turn(struct upstream *u)
{
	up_pool_sweep(pool, now);
	up_step(u, now);
	serve();
}

static void wait_fds(const struct upstream *u, int ms)
{
	struct pollfd p[UP_FDS + 2];
	int n = up_poll(u, p, true);

	p[n++] = (struct pollfd){ .fd = listener, .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = server, .events = POLLIN };
	poll(p, (nfds_t)n, up_again(u) ? 0 : ms);
}

/* turns until the state is reached or passed; two seconds at most */
static enum up_state until(enum up_state want)
{
	int64_t end = clock_ms() + 2000;

	turn(up);
	while (up_state(up) < want && clock_ms() < end) {
		wait_fds(up, 10);
		turn(up);
	}
	return up_state(up);
}

/* turns until the condition holds; two seconds at most */
#define UNTIL(condition) \
	for (int64_t end_ = clock_ms() + 2000; !(condition) && clock_ms() < end_;) { \
		turn(up); \
		if (!(condition)) \
			wait_fds(up, 5); \
	}

static void open_up(const char *host, bool tls)
{
	defaults(&config, host, tls);
	tls_server = tls;
	up = up_open(pool, &config, true, now);
}

static void close_server(void)
{
	if (server >= 0)
		close(server);
	server = -1;
}

static void close_all(bool keep)
{
	up_close(up, keep, now);
	up = NULL;
	if (!keep)
		close_server();
}

/* all connections that wait, and all that are idle, are closed */
static void clean(void)
{
	int fd;

	now += 1000000;
	up_pool_sweep(pool, now);
	close_server();
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
}

static void put(const char *text)
{
	size_t room, n = strlen(text);
	char *p = up_tx(up, &room);

	if (p == NULL || room < n)
		return;
	memcpy(p, text, n);
	up_tx_done(up, n);
	up_flush(up);
}

static void server_put(const char *text)
{
	if (tls_server)
		peer_put(&peer, text, strlen(text));
	else
		(void)!send(server, text, strlen(text), MSG_NOSIGNAL);
}

/* what the server reads next, as a string */
static const char *server_get(void)
{
	static char text[256];
	size_t n = 0;

	for (int64_t end = clock_ms() + 2000; n == 0 && clock_ms() < end;) {
		ssize_t k = 0;
		turn(up);
		if (tls_server)
			n = peer_get(&peer, text, sizeof text - 1);
		else if (server >= 0 && (k = recv(server, text, sizeof text - 1, 0)) > 0)
			n = (size_t)k;
		if (n == 0)
			wait_fds(up, 5);
	}
	text[n] = '\0';
	return text;
}

/* what came so far, as a string; taken when take */
static const char *came(bool take)
{
	static char text[256];
	size_t n;

	UNTIL(up_rx(up, &n) != NULL);
	const char *p = up_rx(up, &n);
	if (p == NULL)
		return "";
	snprintf(text, sizeof text, "%.*s", (int)n, p);
	if (take)
		up_rx_done(up, n);
	return text;
}

static void reset(int fd)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
	close(fd);
}

static int count_fds(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* -------------------------------------------------------- both kinds alike */

static void talk(bool tls)
{
	struct pollfd p[UP_FDS];
	size_t n, room;
	char text[256];

	open_up("localhost", tls);
	CHECK("nothing can be put before it is open", up_tx(up, &room) == NULL && up_rx(up, &n) == NULL);
	CHECK("it opens", until(UP_OPEN) == UP_OPEN);
	CHECK("fresh, nothing sent, all well", !up_reused(up) && !up_sent(up) && up_why(up)[0] == '\0'
		&& up_ended(up) == UP_END_NONE && up_due(up) == INT64_MAX && !up_again(up));
	CHECK("polled for reading only", up_poll(up, p, true) == 1 && p[0].events == POLLIN);
	CHECK("or for nothing, without an entry", up_poll(up, p, false) == 0);
	up_describe(up, text, sizeof text);
	CHECK("described", tls ? strstr(text, "TLS 1.2, ECDHE-ECDSA-") != NULL && strstr(text, "2 roots (0 skipped)") != NULL
		: strcmp(text, "plain text") == 0);
	put("hello");
	CHECK("put is not sent", !up_sent(up));
	CHECK("the server has it", strcmp(server_get(), "hello") == 0);
	CHECK("then it was sent", up_sent(up) && up_tx_idle(up));
	server_put("answer");
	CHECK("the answer", strcmp(came(false), "answer") == 0);
	up_rx_done(up, 2);
	CHECK("taken in parts", strcmp(came(true), "swer") == 0);
	for (const char *c = "abcdefgh"; *c != '\0'; c++) {
		char one[2] = { *c, '\0' };
		server_put(one);
		if (strcmp(came(true), one) != 0)
			CHECK("byte by byte", false);
	}
	close_all(false);
	clean();
}

static void ends(bool tls)
{
	size_t n;

	open_up("localhost", tls);
	until(UP_OPEN);
	server_put("last words");
	if (tls)
		br_ssl_engine_close(&peer.sc.eng);
	else
		shutdown(server, SHUT_WR);
	came(false);
	for (int i = 0; i < 20; i++)
		turn(up);
	CHECK("an end behind bytes is not told yet", up_ended(up) == UP_END_NONE && up_rx(up, &n) != NULL && n == 10);
	up_rx_done(up, 10);
	UNTIL(up_state(up) == UP_ENDED);
	CHECK("then it is: clean", up_state(up) == UP_ENDED && up_ended(up) == UP_END_CLEAN);
	CHECK("and nothing can be put", up_tx(up, &n) == NULL && up_poll(up, NULL, true) == 0);
	close_all(true);
	CHECK("an ended connection is not kept", up_pool_sweep(pool, now) == INT64_MAX);
	clean();

	open_up("localhost", tls);
	until(UP_OPEN);
	server_put("torso");
	came(false);
	for (int i = 0; i < 5; i++)
		turn(up);
	reset(server);
	server = -1;
	for (int i = 0; i < 20; i++)
		turn(up);
	CHECK("what came before a reset can be read", up_ended(up) == UP_END_NONE && up_state(up) != UP_FAILED
		&& up_rx(up, &n) != NULL && n == 5);
	up_rx_done(up, 5);
	UNTIL(up_state(up) == UP_FAILED);
	CHECK("then the reset is told", up_state(up) == UP_FAILED && up_ended(up) == UP_END_ERROR
		&& strstr(up_why(up), "localhost: the connection broke: Connection reset") != NULL);
	CHECK("nothing was sent: try again", up_retry(up) && !up_timed_out(up));
	close_all(false);
	clean();
}

/* puts until nothing moves, since the server reads no more; returns how much */
static size_t jam(void)
{
	size_t room, total = 0;

	for (int idle = 0; idle < 50; idle++) {
		turn(up);
		char *p = up_tx(up, &room);
		if (p == NULL)
			continue;
		memset(p, 'b', room);
		up_tx_done(up, room);
		total += room;
		idle = 0;
	}
	return total;
}

/* the server answers, and reads no more */
static void early(bool tls)
{
	size_t n;

	open_up("localhost", tls);
	until(UP_OPEN);
	peer.deaf = true;
	size_t total = jam();
	struct pollfd fds[UP_FDS];
	CHECK("sending is stuck", total > 16384 && up_poll(up, fds, true) == 1
		&& fds[0].events == (POLLIN | POLLOUT));
	server_put("401");
	CHECK("the early answer is heard", strcmp(came(true), "401") == 0 && up_sent(up));
	jam();
	reset(server);
	server = -1;
	UNTIL(up_state(up) >= UP_ENDED);
	CHECK("the reset is an error, no clean end, and not to be tried again",
		up_ended(up) == UP_END_ERROR && !up_retry(up));
	CHECK("nothing waits", up_rx(up, &n) == NULL);
	close_all(false);
	clean();
}

static void both_ways(bool tls)
{
	enum { TOTAL = 1 << 21 };
	static char letters[16384], sink[65536];
	size_t put_up = 0, put_down = 0, got_up = 0, got_down = 0, n;
	int64_t end = clock_ms() + 10000;

	memset(letters, 'b', sizeof letters);
	open_up("localhost", tls);
	until(UP_OPEN);
	while ((got_up < TOTAL || got_down < TOTAL) && clock_ms() < end) {
		char *p = up_tx(up, &n);
		if (p != NULL && put_up < TOTAL) {
			n = n < TOTAL - put_up ? n : TOTAL - put_up;
			n = n < sizeof letters ? n : sizeof letters;
			memcpy(p, letters, n);
			up_tx_done(up, n);
			put_up += n;
			up_flush(up);
		}
		turn(up);
		n = sizeof letters < TOTAL - put_down ? sizeof letters : TOTAL - put_down;
		ssize_t k = tls ? (ssize_t)peer_put(&peer, letters, n) : send(server, letters, n, MSG_NOSIGNAL);
		put_down += k > 0 ? (size_t)k : 0;
		k = tls ? (ssize_t)peer_get(&peer, sink, sizeof sink) : recv(server, sink, sizeof sink, 0);
		got_up += k > 0 ? (size_t)k : 0;
		if (up_rx(up, &n) != NULL) {
			got_down += n;
			up_rx_done(up, n);
		}
	}
	CHECK("2 MB each way at the same time", got_up == TOTAL && got_down == TOTAL);
	close_all(false);
	clean();
}

/* ------------------------------------------------------------------- reuse */

/* opens with this configuration, an idle connection if there is one; whether it was one */
static bool reopened(const struct config *c)
{
	up = up_open(pool, c, false, now);
	bool old = up_reused(up);
	if (!old)
		close_server();
	until(UP_OPEN);
	return old;
}

static void kept(bool tls)
{
	struct config other;

	open_up("localhost", tls);
	until(UP_OPEN);
	put("one");
	server_get();
	server_put("reply");
	came(true);
	close_all(true);
	CHECK("kept for its time", up_pool_sweep(pool, now) <= now + 30000);
	/* what was kept holds nothing of the configuration it was made with */
	memset(&config, 0xff, sizeof config);
	defaults(&other, "localhost", tls);
	CHECK("used again by an equal configuration", reopened(&other) && up_state(up) == UP_OPEN
		&& !up_sent(up) && up_ended(up) == UP_END_NONE);
	put("two");
	CHECK("and it is the same connection", strcmp(server_get(), "two") == 0 && up_sent(up));
	close_all(true);
	up = up_open(pool, &other, true, now);
	CHECK("not where a fresh one is wanted", !up_reused(up));
	close_all(true);
	other.openai_api_key = "sk-two";
	up = up_open(pool, &other, false, now);
	CHECK("F108 nor with another key", !up_reused(up));
	close_all(true);
	defaults(&other, "LOCALHOST", tls);
	up = up_open(pool, &other, false, now);
	CHECK("F108 nor for another host", !up_reused(up));
	close_all(true);
	defaults(&other, "localhost", tls);
	other.target.port++;
	up = up_open(pool, &other, false, now);
	CHECK("F108 nor for another port", !up_reused(up));
	close_all(true);
	defaults(&other, "localhost", !tls);
	up = up_open(pool, &other, false, now);
	CHECK("F108 nor with TLS for plain, or the other way", !up_reused(up));
	close_all(true);
	defaults(&other, "localhost", tls);
	strcpy(other.via.host, "localhost");
	other.via.port = port;
	up = up_open(pool, &other, false, now);
	CHECK("nor through a proxy", !up_reused(up));
	close_all(true);
	defaults(&other, "localhost", tls);
	other.extra_ca_file = other.ssl_cert_file;
	up = up_open(pool, &other, false, now);
	CHECK("F108 nor with other roots", !up_reused(up));
	close_all(true);
	clean();
}

/* what one proxy has made is for no other, nor for another user of it */
static void tunnels(void)
{
	struct config other;

	defaults(&config, "far", false);
	tls_server = false;
	config.via = (struct cfg_via){ .setting = "HTTP_PROXY", .host = "localhost", .port = port, .login = "joe:one", .nuser = 3 };
	up = up_open(pool, &config, true, now);
	CHECK("the proxy is asked first", until(UP_TUNNEL) == UP_TUNNEL && up_due(up) == now + 10000);
	CHECK("with its login", strstr(server_get(), "\r\nProxy-Authorization: Basic am9lOm9uZQ==\r\n") != NULL && up_state(up) == UP_TUNNEL);
	server_put("HTTP/1.1 200 OK\r\n\r\n");
	CHECK("then it is a tunnel", until(UP_OPEN) == UP_OPEN && !up_sent(up));
	put("hello");
	CHECK("to the upstream", strcmp(server_get(), "hello") == 0 && up_sent(up));
	close_all(true);
	for (int i = 0; i < 5; i++) {
		other = config;
		other.via.port += i == 0;
		other.via.socks = i == 1;
		if (i == 2)
			other.via.login = "joe:two";
		if (i == 3)
			other.via.login = NULL;
		if (i == 4)
			strcpy(other.via.host, "second");
		up = up_open(pool, &other, false, now);
		CHECK("not for another proxy or login", !up_reused(up));
		up_close(up, false, now);
	}
	up = up_open(pool, &config, false, now);
	CHECK("but for the same", up_reused(up) && up_state(up) == UP_OPEN);
	close_all(false);
	clean();

	up = up_open(pool, &config, true, now);
	until(UP_TUNNEL);
	server_get();
	now += 10000;
	turn(up);
	CHECK("a silent proxy has the time of a connect", up_state(up) == UP_FAILED && up_timed_out(up) && up_reached(up) == UP_TUNNEL
		&& strcmp(up_why(up), "the HTTP_PROXY localhost: no answer within 10.000s") == 0);
	close_all(false);
	clean();
}

static void stale(bool tls)
{
	open_up("localhost", tls);
	until(UP_OPEN);
	close_all(true);
	close_server();
	CHECK("F104 closed by the server: a new one", !reopened(&config) && up_state(up) == UP_OPEN);

	close_all(true);
	server_put("unasked");
	serve();
	CHECK("F104 spoke out of turn: a new one", !reopened(&config) && up_state(up) == UP_OPEN);

	server_put("waits");
	came(false);
	close_all(true);
	CHECK("with bytes that wait it is not kept", up_pool_sweep(pool, now) == INT64_MAX);
	close_server();

	open_up("localhost", tls);
	until(UP_OPEN);
	put("unsent");
	close_all(true);
	CHECK("nor with bytes that were not sent", up_pool_sweep(pool, now) == INT64_MAX);
	close_server();

	open_up("localhost", tls);
	until(UP_OPEN);
	close_all(true);
	CHECK("it is looked at", up_pool_sweep(pool, now) == now + 1000);
	now += 29999;
	CHECK("it lives its time", up_pool_sweep(pool, now) == now + 1);
	now += 1;
	CHECK("and no longer", up_pool_sweep(pool, now) == INT64_MAX);
	clean();

	open_up("localhost", tls);
	until(UP_OPEN);
	close_all(true);
	close_server();
	now += 1000;
	CHECK("an end is seen by looking", up_pool_sweep(pool, now) == INT64_MAX);

	/* the server closes while the request is on its way */
	open_up("localhost", tls);
	until(UP_OPEN);
	close_all(true);
	CHECK("used again", reopened(&config));
	close_server();
	put("request");
	UNTIL(up_state(up) >= UP_ENDED);
	CHECK("closed before an answer: reused, and it shows", up_reused(up) && up_state(up) >= UP_ENDED);
	close_all(false);
	clean();

	open_up("localhost", tls);
	config.up_keepalive = 0;
	until(UP_OPEN);
	close_all(true);
	CHECK("with no time to live it is not kept", up_pool_sweep(pool, now) == INT64_MAX);
	clean();
}

/* one more than can be kept: the first goes */
static void crowd(void)
{
	static struct upstream *many[UP_IDLE_MAX + 1];
	static int accepted[UP_IDLE_MAX + 1];
	char c;

	defaults(&config, "localhost", false);
	tls_server = false;
	for (int i = 0; i <= UP_IDLE_MAX; i++) {
		up = many[i] = up_open(pool, &config, true, now);
		until(UP_OPEN);
		accepted[i] = server;
		server = -1;
	}
	for (int i = 0; i <= UP_IDLE_MAX; i++)
		up_close(many[i], true, now - i);
	CHECK("the one that ends first makes room", recv(accepted[UP_IDLE_MAX - 1], &c, 1, 0) == 0);
	CHECK("and no other", recv(accepted[0], &c, 1, 0) < 0 && recv(accepted[UP_IDLE_MAX], &c, 1, 0) < 0);
	for (int i = 0; i <= UP_IDLE_MAX; i++)
		close(accepted[i]);
	clean();
}

/* ---------------------------------------------------- names and connecting */

static void resolving(void)
{
	open_up("absent", false);
	CHECK("F45 no such name", until(UP_OPEN) == UP_FAILED
		&& strcmp(up_why(up), "cannot resolve absent: no such name") == 0 && !up_retry(up) && up_permanent(up) && !up_timed_out(up));
	close_all(false);

	struct pollfd p[UP_FDS];
	open_up("hang", false);
	CHECK("a lookup is polled", up_state(up) == UP_NAME && up_poll(up, p, true) == 2
		&& p[0].events == POLLIN && up_due(up) == now + 8000);
	now += 8000;
	CHECK("F46 until its deadline", until(UP_OPEN) == UP_FAILED
		&& strcmp(up_why(up), "cannot resolve hang: no answer in time") == 0 && !up_retry(up) && !up_permanent(up));
	close_all(false);
	now += 3000;
	open_up("hang", false);
	CHECK("and can be given up", up_state(up) == UP_NAME);
	close_all(false);

	defaults(&config, "127.0.0.1", false);
	tls_server = false;
	up = up_open(pool, &config, true, now);
	CHECK("an address needs no lookup", up_state(up) != UP_NAME && until(UP_OPEN) == UP_OPEN);
	close_all(false);
	clean();
}

/* a listener that takes no more connections: SYNs are dropped */
static void blackhole(const char *address, int fds[4])
{
	struct sockaddr_in sa;
	int real = port;

	fds[0] = listen_at(address, port, 0);
	port = real;
	memset(&sa, 0, sizeof sa);
	sa.sin_family = AF_INET;
	sa.sin_port = htons((uint16_t)port);
	inet_pton(AF_INET, address, &sa.sin_addr);
	for (int i = 1; i < 4; i++) {
		struct pollfd p = { .events = POLLOUT };
		p.fd = fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		fcntl(fds[i], F_SETFL, O_NONBLOCK);
		if (connect(fds[i], (struct sockaddr *)&sa, sizeof sa) < 0)
			poll(&p, 1, 20);
	}
}

static void connecting(void)
{
	struct pollfd p[UP_FDS];
	char want[128];
	int hole[4][4];

	open_up("refused", false);
	snprintf(want, sizeof want, "cannot connect to refused port %d: %s", port, getenv("REFUSED") != NULL ? getenv("REFUSED") : "Connection refused");
	CHECK("F53 refused", until(UP_OPEN) == UP_FAILED && strcmp(up_why(up), want) == 0 && up_retry(up) && !up_permanent(up) && !up_timed_out(up));
	close_all(false);

	open_up("second", false);
	CHECK("F50 the first address refuses, the second works", until(UP_OPEN) == UP_OPEN);
	close_all(false);
	clean();
	open_up("six", false);
	CHECK("F52 IPv6 refuses, IPv4 works", until(UP_OPEN) == UP_OPEN);
	close_all(false);
	clean();

	static const char *const holes[] = { "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6" };
	for (int i = 0; i < 4; i++)
		blackhole(holes[i], hole[i]);

	open_up("stagger", false);
	until(UP_DIAL);
	CHECK("F51 the second address waits 250 ms", up_state(up) == UP_DIAL && up_poll(up, p, true) == 1
		&& p[0].events == POLLOUT && up_due(up) == now + 250);
	now += 250;
	CHECK("F51 and wins", until(UP_OPEN) == UP_OPEN);
	close_all(false);
	clean();
	now -= 1000000;		/* within the time that the names are kept */
	open_up("stagger", false);
	CHECK("F51 next time it is first", until(UP_OPEN) == UP_OPEN);
	close_all(false);
	clean();

	open_up("mixed", false);
	until(UP_DIAL);
	now += 250;
	CHECK("after a refusal the next is tried at once", until(UP_OPEN) == UP_OPEN);
	close_all(false);
	clean();

	open_up("black", false);
	until(UP_DIAL);
	int64_t began = now;
	CHECK("one address has all the time", up_due(up) == began + 10000);
	now = began + 9999;
	turn(up);
	CHECK("to the end", up_state(up) == UP_DIAL);
	now = began + 10000;
	turn(up);
	CHECK("F54 a deadline is told as one", up_state(up) == UP_FAILED && up_timed_out(up) && !up_retry(up) && !up_permanent(up)
		&& strcmp(up_why(up), "cannot connect to black: no answer within 10.000s") == 0);
	close_all(false);
	clean();

	open_up("blacks", false);
	until(UP_DIAL);
	began = now;
	for (int i = 0; i < 20 && up_state(up) == UP_DIAL && up_due(up) < began + 4000; i++) {
		now = up_due(up);
		turn(up);
	}
	CHECK("four at a time", up_state(up) == UP_DIAL && up_poll(up, p, true) == 4 && now == began + 750
		&& up_due(up) == began + 4000);
	now = began + 4000;
	CHECK("the fifth takes the first one's place", until(UP_OPEN) == UP_OPEN);
	close_all(false);
	clean();
	for (int i = 0; i < 16; i++)
		close(hole[i / 4][i % 4]);
}

/* --------------------------------------------------------------- TLS alone */

/* opens with TLS against this server; its end in words */
static const char *refusal(bool with_tls)
{
	tls_server = with_tls;
	up = up_open(pool, &config, true, now);
	if (until(UP_OPEN) != UP_FAILED)
		return "no failure";
	return up_why(up);
}

static void distrust(void)
{
	char want[256];

	defaults(&config, "localhost", true);
	config.ssl_cert_file = file(&files, "alien.pem");
	snprintf(want, sizeof want, "signed by nobody in %s (1 roots)", config.ssl_cert_file);
	CHECK("F58 an unknown root", strstr(refusal(true), want) != NULL && !up_retry(up) && up_permanent(up) && !up_sent(up));
	close_all(false);
	clean();

	defaults(&config, "localhost", true);
	config.ssl_cert_file = file(&files, "alien.pem");
	config.extra_ca_file = file(&files, "ca.pem");
	tls_server = true;
	up = up_open(pool, &config, true, now);
	CHECK("a root of one's own", until(UP_OPEN) == UP_OPEN);
	close_all(false);
	clean();

	defaults(&config, "second", true);
	CHECK("F58 another name", strstr(refusal(true), "cannot agree on TLS with second: the server's certificate is for another name") != NULL
		&& !up_retry(up));
	close_all(false);
	clean();

	defaults(&config, "127.0.0.1", true);
	config.target.literal = true;
	CHECK("an address cannot be checked", strcmp(refusal(true), "TLS needs a name to check: 127.0.0.1 is an address") == 0
		&& !up_retry(up));
	close_all(false);

	defaults(&config, "localhost", true);
	config.ssl_cert_file = "/nonexistent.pem";
	CHECK("no bundle", strstr(refusal(true), "cannot read the CA bundle /nonexistent.pem: No such file") != NULL
		&& !up_retry(up));
	close_all(false);
	clean();
}

static void no_handshake(void)
{
	defaults(&config, "localhost", true);
	tls_server = false;
	up = up_open(pool, &config, true, now);
	UNTIL(server >= 0);
	server_put("HTTP/1.1 400 Bad Request\r\n\r\n");
	CHECK("F62 a server without TLS", until(UP_OPEN) == UP_FAILED && !up_retry(up)
		&& strstr(up_why(up), "does not speak TLS on this port") != NULL);
	close_all(false);
	clean();

	up = up_open(pool, &config, true, now);
	UNTIL(up_state(up) == UP_TLS && server >= 0);
	int64_t due = up_due(up);
	CHECK("F64 a server that says nothing", up_state(up) == UP_TLS && due == now + 9000);
	now = due;
	CHECK("F64 has a deadline", until(UP_OPEN) == UP_FAILED && up_timed_out(up) && !up_retry(up) && !up_permanent(up)
		&& strcmp(up_why(up), "TLS handshake with localhost: no answer within 9.000s") == 0);
	close_all(false);
	clean();

	for (int hard = 0; hard < 2; hard++) {
		char hello[1024];
		up = up_open(pool, &config, true, now);
		UNTIL(server >= 0 && recv(server, hello, sizeof hello, MSG_PEEK) > 0);
		if (hard)
			reset(server);
		else {
			while (recv(server, hello, sizeof hello, 0) > 0)
				;
			close(server);
		}
		server = -1;
		CHECK(hard ? "F65 a reset in the handshake" : "F65 an end in the handshake", until(UP_OPEN) == UP_FAILED
			&& up_retry(up) && !up_sent(up) && strstr(up_why(up), "during the TLS handshake") != NULL);
		close_all(false);
		clean();
	}
}

static bool resumed(void)
{
	char text[256];

	up_describe(up, text, sizeof text);
	return strstr(text, ", session resumed") != NULL;
}

static void sessions(void)
{
	char err[256];
	struct config other;

	up_pool_free(pool);
	pool = up_pool_new();
	open_up("localhost", true);
	CHECK("the first handshake is a full one", until(UP_OPEN) == UP_OPEN && !resumed());
	close_all(false);
	clean();
	open_up("localhost", true);
	CHECK("F70 the second is resumed", until(UP_OPEN) == UP_OPEN && resumed());
	close_all(false);
	clean();
	tls_server = false;
	up = up_open(pool, &config, true, now);
	UNTIL(up_state(up) == UP_TLS && server >= 0);
	reset(server);
	server = -1;
	CHECK("a failed handshake", until(UP_OPEN) == UP_FAILED);
	close_all(false);
	clean();
	open_up("localhost", true);
	CHECK("is followed by a full one", until(UP_OPEN) == UP_OPEN && !resumed());
	close_all(false);
	clean();
	defaults(&other, "localhost", true);
	other.openai_api_key = "sk-two";
	up = up_open(pool, &other, true, now);
	CHECK("not with another key", until(UP_OPEN) == UP_OPEN && !resumed());
	close_all(false);
	clean();
	br_ssl_session_cache_lru_init(&keys.cache, keys.store, sizeof keys.store);
	open_up("localhost", true);
	CHECK("F70 a server that forgot has a full one", until(UP_OPEN) == UP_OPEN && !resumed());
	put("hello");
	CHECK("that works", strcmp(server_get(), "hello") == 0);
	close_all(true);

	CHECK("roots can be read again", up_pool_trust(pool, &config, err, sizeof err) == 0);
	CHECK("idle connections of the old ones end", up_pool_sweep(pool, now) == INT64_MAX);
	close_server();
	open_up("localhost", true);
	CHECK("and sessions too", until(UP_OPEN) == UP_OPEN && !resumed());
	other = config;
	other.ssl_cert_file = "/nonexistent.pem";
	CHECK("roots that cannot be read change nothing", up_pool_trust(pool, &other, err, sizeof err) == -1
		&& strstr(err, "/nonexistent.pem") != NULL && up_pool_trust(pool, &config, err, sizeof err) == 0);
	put("still here");
	CHECK("an open connection outlives its roots", strcmp(server_get(), "still here") == 0);
	close_all(true);
	CHECK("but is not kept", up_pool_sweep(pool, now) == INT64_MAX);
	clean();
}

static void cut(void)
{
	open_up("localhost", true);
	until(UP_OPEN);
	server_put("part");
	came(true);
	shutdown(server, SHUT_WR);
	UNTIL(up_state(up) >= UP_ENDED);
	CHECK("an end without close_notify is a cut", up_state(up) == UP_ENDED && up_ended(up) == UP_END_CUT);
	close_all(false);
	clean();
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* one handshake moves in a turn, the other waits for the next one */
static void one_a_turn(void)
{
	static struct peer peers[2];
	struct upstream *two[2];
	struct pollfd p[UP_FDS];

	defaults(&config, "localhost", true);
	tls_server = false;
	for (int i = 0; i < 2; i++) {
		up = two[i] = up_open(pool, &config, true, now);
		UNTIL(up_state(up) == UP_TLS && server >= 0 && readable(server));
		peer_start(&peers[i], &keys, server, false);
		server = -1;
	}
	for (int i = 0; i < 2; i++) {
		peer_step(&peers[i]);
		up_poll(two[i], p, true);
		poll(p, 1, 2000);
	}
	up_pool_sweep(pool, now);
	up_step(two[0], now);
	up_step(two[1], now);
	CHECK("of two handshakes one moves in a turn", readable(peers[0].fd) && !readable(peers[1].fd) && up_again(two[1]));
	up_pool_sweep(pool, now);
	up_step(two[0], now);
	up_step(two[1], now);
	CHECK("and the other in the next", readable(peers[1].fd) && !up_again(two[1]));
	for (int i = 0; i < 2; i++) {
		up_close(two[i], false, now);
		close(peers[i].fd);
	}
	clean();
}

int main(int argc, char **argv)
{
	(void)argc;
	if (!files_make(&files, argv[0], false)) {
		CHECK("mkca makes the certificates (it needs openssl)", false);
		return CHECK_END();
	}
	peer_keys(&keys, &files);
	int before = count_fds();
	listener = listen_at("127.0.0.1", 0, 128);
	pool = up_pool_new();
	for (int tls = 0; tls < 2; tls++) {
		talk(tls);
		ends(tls);
		early(tls);
		both_ways(tls);
		kept(tls);
		stale(tls);
	}
	crowd();
	tunnels();
	resolving();
	connecting();
	distrust();
	no_handshake();
	sessions();
	cut();
	one_a_turn();
	up_pool_free(pool);
	close(listener);
	CHECK("every descriptor was closed", count_fds() == before);
	CHECK("no child is left", waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	files_free(&files);
	return CHECK_END();
}
