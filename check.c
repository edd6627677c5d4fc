/*
 * --check: the way to the upstream, one step after the other, with what
 * happened and what to do about it. The last step is the server's own
 * /test-connection, over a connection to ourselves.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "via.h"

extern char **environ;

static void warn(void *ctx, const char *line)
{
	(void)ctx;
	print("warning     %s\n", line);
}

static void wait_for(struct pollfd *p, int n, int64_t due, int64_t now)
{
	int64_t ms = due - now;

	poll(p, (nfds_t)n, ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms);
}

/* the steps to an open connection, in the order of enum up_state: a name, and what to do about a failure */
static const char steps[] = "resolve\0" "connect\0" "proxy\0" "TLS";
static const char advice[] = "check OPENAI_BASE_URL and this machine's DNS (/etc/resolv.conf)\0"
	"check OPENAI_BASE_URL, the network and firewalls on the way\0"
	"ask who runs that proxy; NO_PROXY=* goes without\0"
	"check the clock, the host and the CA bundle (SSL_CERT_FILE, EXTRA_CA_FILE)";

/* Tells of the steps from *seen up to the present one that they went well. */
static void passed(const struct config *cfg, enum up_state *seen, enum up_state now)
{
	for (; *seen < now && *seen <= UP_TLS; (*seen)++)
		if (*seen == UP_TLS ? cfg->target.tls : *seen != UP_TUNNEL || cfg->via.host[0] != '\0')
			print("%-12sok\n", q_text(steps, *seen));
}

static void connection_failed(const struct config *cfg, enum up_state seen, const struct upstream *u)
{
	enum up_state at = up_state(u) == UP_FAILED ? up_reached(u) : UP_TLS;

	if (at > UP_TLS)
		at = UP_TLS;
	/* a CA bundle that cannot be read fails before there is a step to tell of */
	if (seen > UP_NAME || at == UP_DIAL)
		passed(cfg, &seen, at);
	print("%-12sFAILED: %s\n            %s\n", q_text(steps, at), up_why(u), q_text(advice, at));
}

/* Resolve, connect, handshake. Leaves the connection to be reused by the request. */
static bool check_connection(struct server *srv, const struct config *cfg)
{
	struct upstream *u = up_open(srv->pool, cfg, true, srv->now);
	enum up_state seen = UP_NAME, state = UP_NAME;
	char text[256];

	if (u == NULL)
		return false;
	for (;;) {
		srv->now = clock_ms();
		up_pool_sweep(srv->pool, srv->now);
		up_step(u, srv->now);
		state = up_state(u);
		if (state <= UP_OPEN)
			passed(cfg, &seen, state);
		if (state >= UP_OPEN)
			break;
		struct pollfd p[UP_FDS];
		int n = up_poll(u, p, true);
		wait_for(p, n, up_again(u) ? 0 : up_due(u), srv->now);
	}
	if (state == UP_OPEN) {
		up_describe(u, text, sizeof text);
		print("            %s\n", text);
	} else {
		connection_failed(cfg, seen, u);
	}
	up_close(u, state == UP_OPEN, srv->now);
	return state == UP_OPEN;
}

static bool ask(int fd, const struct config *cfg)
{
	static const char before[] = "GET /test-connection HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nx-api-key: ";
	const char *key = cfg_client_key(cfg);

	return write_all(fd, before, sizeof before - 1) && write_all(fd, key, strlen(key)) && write_all(fd, "\r\n\r\n", 4);
}

/* Runs the one connection until the server's end is done; the answer comes to our end. */
static size_t exchange(struct server *srv, struct conn *c, int fd, char *answer, size_t room)
{
	size_t n = 0;
	ssize_t k = 1;

	while (c->phase != PHASE_OVER && k != 0) {
		struct pollfd p[CONN_FDS + 1];
		int count = conn_poll(c, p);
		int64_t due = conn_due(c), sweep = up_pool_sweep(srv->pool, srv->now);
		p[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
		wait_for(p, count + 1, due < sweep ? due : sweep, srv->now);
		srv->now = clock_ms();
		conn_step(c, p, count);
		while (n < room && (k = read(fd, answer + n, room - n)) > 0)
			n += (size_t)k;
	}
	return n;
}

bool answer_json(char *answer, size_t n, int *status, struct j_val *root)
{
	struct http_head h;
	struct j_err err;
	const char *why;
	int head = http_response(answer, n, false, &h, &why);

	if (head <= 0 || j_check(answer + head, n - (size_t)head, &err) != 0)
		return false;
	*status = h.status;
	*root = j_root(answer + head, n - (size_t)head);
	return true;
}

static bool tell(char *answer, size_t n)
{
	char text[4096];
	struct j_val root;
	int status;

	if (!answer_json(answer, n, &status, &root))
		return false;
	j_text(j_get(root, "message"), text, sizeof text);
	if (status == 200) {
		j_text(j_get(root, "model_used"), text, sizeof text);
		print("request     ok: %s answered\n", text);
		return true;
	}
	print("request     FAILED: %s\n", text);
	struct j_val item = { 0 }, list = j_get(root, "suggestions");
	while (j_item(list, &item)) {
		j_text(item, text, sizeof text);
		print("            %s\n", text);
	}
	return true;
}

/* What /test-connection says, where the small model is the one that is meant. */
static bool check_request(struct server *srv, struct instance *inst)
{
	char answer[20480];
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		fcntl(sv[i], F_SETFL, O_NONBLOCK);
	struct conn *c = conn_new(srv, inst, sv[0], sv[0], "check");
	bool ok = c != NULL && ask(sv[1], inst->cfg);
	size_t n = ok ? exchange(srv, c, sv[1], answer, sizeof answer) : 0;
	if (c != NULL)
		conn_free(c);
	close(sv[1]);
	if (!tell(answer, n))
		print("request     FAILED: no answer\n");
	return n > 12 && memcmp(answer + 9, "200", 3) == 0;
}

/* from which row each setting has its value */
struct origins {
	struct quirks before;
	struct http_text hosts[Q_KEYS_MAX], models[Q_KEYS_MAX];
};

static bool differs(const struct quirks *a, const struct quirks *b, size_t key, char value[640])
{
	char other[640];

	q_show(a, key, value, 640);
	q_show(b, key, other, sizeof other);
	return strcmp(value, other) != 0;
}

static void row_matched(void *ctx, const struct quirks *q, const struct http_text *hosts, const struct http_text *models)
{
	struct origins *o = ctx;
	char value[640];

	for (size_t i = 0; q_key(i) != NULL; i++)
		if (differs(q, &o->before, i, value)) {
			o->hosts[i] = *hosts;
			o->models[i] = *models;
		}
	o->before = *q;
}

/* Each setting that differs from what holds anywhere, and the row that it came from. */
static void show_settings(const struct config *cfg, const char *model)
{
	struct origins o = { 0 };
	struct q_place place = { cfg->target.host, cfg->target.port, model, row_matched, &o };
	struct quirks q, usual;
	char value[640];

	q_init(&usual);
	q_init(&o.before);
	cfg_quirks_told(cfg, &place, &q);
	print("settings    for %s:\n", model);
	for (size_t i = 0; q_key(i) != NULL; i++)
		if (differs(&q, &usual, i, value))
			print("            %s=%s   from %.*s%s%.*s\n", q_key(i), value, (int)o.hosts[i].n, o.hosts[i].p,
				o.models[i].n > 0 ? " " : "", (int)o.models[i].n, o.models[i].p);
}

static void show_certificate(const struct config *cfg)
{
	if (cfg->identity == NULL)
		return;
	const char *names = tls_identity_names(cfg->identity);
	print("            TLS for clients: %s, for %s, until %s\n", cfg->tls_cert, names[0] != '\0' ? names : "no name",
		tls_identity_until(cfg->identity));
}

static void show_config(const struct config *cfg)
{
	char way[400];

	print("config      ok: %s\n", cfg->file != NULL ? cfg->file : "environment");
	print("            upstream %s, path %s%s%s\n", cfg->target.shown, cfg->target.path, cfg->target.query,
		cfg->target.native ? " (Anthropic's API)" : "");
	via_shown(cfg, way, sizeof way);
	if (way[0] != '\0')
		print("            %s\n", way);
	print("            models: big %s, middle %s, small %s\n", cfg->big_model, cfg->middle_model, cfg->small_model);
	print("            OPENAI_API_KEY is %s, client keys are %s\n", cfg->openai_api_key[0] != '\0' ? "set" : "not set",
		cfg->asks_key ? "checked" : "not checked");
	show_certificate(cfg);
	show_settings(cfg, cfg->big_model);
	if (strcmp(cfg->small_model, cfg->big_model) != 0)
		show_settings(cfg, cfg->small_model);
	if (cfg->vision_model[0] != '\0')
		show_settings(cfg, cfg->vision_model);
}

/* One tiny request to each of the models. */
static bool check_models(struct server *srv, const struct config *cfg)
{
	const char *const models[] = { cfg->small_model, cfg->big_model, cfg->middle_model };
	struct config one = *cfg;	/* spoken to over a connection of our own, without TLS */
	struct logfile silent = { .log = { .fd = -1 } };
	struct instance inst = { .refs = 1, .cfg = &one, .log = &silent, .listener = -1, .port = cfg->port };
	bool ok = true;

	one.identity = NULL;
	for (size_t i = 0; i < 3; i++) {
		if ((i > 0 && strcmp(models[i], models[0]) == 0) || (i > 1 && strcmp(models[i], models[1]) == 0))
			continue;
		one.small_model = models[i];
		ok = check_request(srv, &inst) && ok;
	}
	return ok;
}

static int check_one(const char *file)
{
	struct learned learned = { 0 };
	struct server srv = { .now = clock_ms(), .learned = &learned };
	char err[512];
	struct config *cfg = cfg_load(file, environ, err, sizeof err, warn, NULL);

	if (cfg == NULL) {
		print("config      FAILED: %s\n", err);
		return 100;
	}
	show_config(cfg);
	if (clock_unset(err, sizeof err))
		warn(NULL, err);
	srv.pool = up_pool_new();
	bool ok = srv.pool != NULL && check_connection(&srv, cfg) && check_models(&srv, cfg);
	if (srv.pool != NULL)
		up_pool_free(srv.pool);
	cfg_free(cfg);
	print(ok ? "all is well\n" : "not ready\n");
	return ok ? 0 : 111;
}

int command_check(const struct options *o)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int code = o->nenv == 0 ? 0 : -1, worst = 0;

	sigaction(SIGPIPE, &ignore, NULL);
	if (code == 0)
		return check_one(NULL);
	for (int i = 0; i < o->nenv; i++) {
		code = check_one(o->env[i]);
		if (code > worst)
			worst = code;
	}
	return worst;
}
