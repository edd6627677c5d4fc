/*
 * What upstream connections leave for each other.
 *
 *   idle         kept at most UP_IDLE_MAX; the one that ends first makes room;
 *                looked at every LOOK, and once more before it is used: one
 *                that can be read has ended, or spoken out of turn
 *   roots        one set for each pair of CA files; replaced by up_pool_trust,
 *                freed when nobody holds it
 *   sessions     SESSIONS identities, the oldest makes room; all are forgotten
 *                when roots are replaced, since a resumed handshake checks no
 *                certificate
 *   handshakes   one goes on in a turn of the loop: each costs milliseconds
 */
#include "pool.h"

#include <bearssl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"

#define SESSIONS 16
#define LOOK 1000	/* ms between two looks at idle connections */

struct idle {
	struct upstream *up;
	struct identity id;
	int fd;
	int64_t until;
};

struct session {
	struct identity id;
	struct tls_session s;
	uint64_t age;	/* of the pool's count when it was kept; 0: free */
};

struct up_pool {
	struct dns *dns;
	struct roots *roots;
	struct chunks chunks;
	uint64_t count;
	int64_t looked;
	int nidle;
	bool turn_taken;
	struct idle idle[UP_IDLE_MAX];	/* in the order they came */
	struct session session[SESSIONS];
};

/* ---------------------------------------------------------------- identity */

static void digest_text(br_sha256_context *h, const char *text)
{
	br_sha256_update(h, text, strlen(text) + 1);	/* with its end, so that two texts are not one */
}

static void digest_files(br_sha256_context *h, const struct config *c)
{
	digest_text(h, c->ssl_cert_file);
	digest_text(h, c->extra_ca_file);
}

static void digest_via(br_sha256_context *h, const struct cfg_via *v)
{
	unsigned char where[3] = { (unsigned char)(v->port >> 8), (unsigned char)v->port, v->socks };

	digest_text(h, v->host);
	br_sha256_update(h, where, sizeof where);
	digest_text(h, v->login != NULL ? v->login : "");
}

void pool_identity(const struct config *c, struct identity *id)
{
	br_sha256_context h;
	unsigned char where[3] = { (unsigned char)(c->target.port >> 8), (unsigned char)c->target.port, c->target.tls };

	br_sha256_init(&h);
	digest_text(&h, c->target.host);
	br_sha256_update(&h, where, sizeof where);
	digest_files(&h, c);
	digest_text(&h, c->openai_api_key);
	digest_via(&h, &c->via);
	br_sha256_out(&h, id->digest);
}

static bool same(const struct identity *a, const struct identity *b)
{
	return memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

/* ------------------------------------------------------------------- roots */

static struct tls_trust *read_files(const struct config *c, char *err, size_t nerr)
{
	const char *bundle = c->ssl_cert_file[0] != '\0' ? c->ssl_cert_file : tls_default_bundle();

	if (bundle == NULL) {
		fmt(err, nerr, "no CA bundle was found in the usual places: install ca-certificates, or set SSL_CERT_FILE");
		return NULL;
	}
	struct tls_trust *t = tls_trust_load(bundle, c->extra_ca_file, err, nerr);
	if (t == NULL)
		return NULL;
	int skipped, count = tls_trust_count(t, &skipped);
	fmt(err, nerr, "CA bundle: %d loaded, %d skipped (%s%s%s)", count, skipped, bundle,
		c->extra_ca_file[0] != '\0' ? ", " : "", c->extra_ca_file);
	return t;
}

static struct roots *roots_find(struct up_pool *p, const struct identity *files)
{
	for (struct roots *r = p->roots; r != NULL; r = r->next)
		if (r->current && same(&r->files, files))
			return r;
	return NULL;
}

static void roots_free_unused(struct up_pool *p)
{
	for (struct roots **at = &p->roots; *at != NULL;) {
		struct roots *r = *at;
		if (r->current || r->held > 0) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		tls_trust_free(r->trust);
		free(r);
	}
}

static struct roots *roots_read(struct up_pool *p, const struct config *c, const struct identity *files,
	char *err, size_t nerr)
{
	struct roots *r = calloc(1, sizeof *r);

	if (r == NULL) {
		fmt(err, nerr, "out of memory for the CA bundle");
		return NULL;
	}
	r->trust = read_files(c, err, nerr);
	if (r->trust == NULL) {
		free(r);
		return NULL;
	}
	r->files = *files;
	r->current = true;
	r->next = p->roots;
	p->roots = r;
	return r;
}

static void files_identity(const struct config *c, struct identity *files)
{
	br_sha256_context h;

	br_sha256_init(&h);
	digest_files(&h, c);
	br_sha256_out(&h, files->digest);
}

struct roots *pool_roots(struct up_pool *p, const struct config *c, char *err, size_t nerr)
{
	struct identity files;

	files_identity(c, &files);
	struct roots *r = roots_find(p, &files);
	if (r == NULL)
		r = roots_read(p, c, &files, err, nerr);
	if (r != NULL)
		r->held++;
	return r;
}

void pool_roots_drop(struct up_pool *p, struct roots *r)
{
	r->held--;
	roots_free_unused(p);
}

int up_pool_trust(struct up_pool *p, const struct config *c, char *err, size_t nerr)
{
	struct identity files;

	files_identity(c, &files);
	struct roots *old = roots_find(p, &files);
	if (roots_read(p, c, &files, err, nerr) == NULL)
		return -1;
	if (old != NULL) {
		old->current = false;
		tls_wipe(p->session, sizeof p->session);
	}
	roots_free_unused(p);
	return 0;
}

/* ---------------------------------------------------------------- sessions */

static struct session *session_find(struct up_pool *p, const struct identity *id)
{
	for (int i = 0; i < SESSIONS; i++)
		if (p->session[i].age > 0 && same(&p->session[i].id, id))
			return &p->session[i];
	return NULL;
}

void pool_session(struct up_pool *p, const struct identity *id, struct tls_session *out)
{
	const struct session *e = session_find(p, id);

	if (e != NULL)
		*out = e->s;
	else
		memset(out, 0, sizeof *out);
}

void pool_session_keep(struct up_pool *p, const struct identity *id, const struct tls_session *s)
{
	struct session *slot = session_find(p, id);

	if (s == NULL || !s->set) {
		if (slot != NULL)
			tls_wipe(slot, sizeof *slot);
		return;
	}
	if (slot == NULL) {
		slot = p->session;
		for (int i = 1; i < SESSIONS; i++)
			if (p->session[i].age < slot->age)
				slot = &p->session[i];
	}
	slot->id = *id;
	slot->s = *s;
	slot->age = ++p->count;
}

bool pool_turn(const struct up_pool *p)
{
	return !p->turn_taken;
}

void pool_turn_taken(struct up_pool *p)
{
	p->turn_taken = true;
}

/* -------------------------------------------------------------------- idle */

static struct upstream *idle_remove(struct up_pool *p, int i)
{
	struct upstream *u = p->idle[i].up;

	p->nidle--;
	memmove(&p->idle[i], &p->idle[i + 1], (size_t)(p->nidle - i) * sizeof p->idle[0]);
	return u;
}

/* whether nothing came, not even an end */
static bool silent(int fd)
{
	char c;
	ssize_t n;

	do
		n = recv(fd, &c, 1, MSG_PEEK);
	while (n < 0 && errno == EINTR);
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

struct upstream *pool_take(struct up_pool *p, const struct identity *id)
{
	for (int i = p->nidle - 1; i >= 0; i--) {
		if (!same(&p->idle[i].id, id))
			continue;
		bool usable = silent(p->idle[i].fd);
		struct upstream *u = idle_remove(p, i);
		if (usable && up_current(u))
			return u;
		up_destroy(u);
	}
	return NULL;
}

void pool_put(struct up_pool *p, struct upstream *u, const struct identity *id, int fd, int64_t until)
{
	int oldest = 0;

	if (p->nidle == UP_IDLE_MAX) {
		for (int i = 1; i < p->nidle; i++)
			if (p->idle[i].until < p->idle[oldest].until)
				oldest = i;
		up_destroy(idle_remove(p, oldest));
	}
	struct idle *slot = &p->idle[p->nidle++];
	slot->up = u;
	slot->id = *id;
	slot->fd = fd;
	slot->until = until;
}

/* one system call for all of them */
static void look(struct up_pool *p)
{
	struct pollfd fds[UP_IDLE_MAX];

	for (int i = 0; i < p->nidle; i++)
		fds[i] = (struct pollfd){ .fd = p->idle[i].fd, .events = POLLIN };
	if (poll(fds, (nfds_t)p->nidle, 0) <= 0)	/* a signal: next time */
		return;
	for (int i = p->nidle - 1; i >= 0; i--)
		if (fds[i].revents != 0)
			up_destroy(idle_remove(p, i));
}

int64_t up_pool_sweep(struct up_pool *p, int64_t now)
{
	int64_t due = INT64_MAX;

	p->turn_taken = false;
	for (int i = p->nidle - 1; i >= 0; i--)
		if (now >= p->idle[i].until || !up_current(p->idle[i].up))
			up_destroy(idle_remove(p, i));
	if (now - p->looked >= LOOK) {
		look(p);
		p->looked = now;
	}
	for (int i = 0; i < p->nidle; i++)
		if (p->idle[i].until < due)
			due = p->idle[i].until;
	return p->nidle > 0 && p->looked + LOOK < due ? p->looked + LOOK : due;
}

/* ---------------------------------------------------------------- the pool */

struct chunks *up_pool_chunks(struct up_pool *p)
{
	return &p->chunks;
}

struct dns *pool_dns(struct up_pool *p)
{
	return p->dns;
}

struct up_pool *up_pool_new(void)
{
	struct up_pool *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->dns = dns_new();
	if (p->dns == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void up_pool_free(struct up_pool *p)
{
	if (p == NULL)
		return;
	while (p->nidle > 0)
		up_destroy(idle_remove(p, p->nidle - 1));
	for (struct roots *r = p->roots; r != NULL; r = r->next)
		r->current = false;
	roots_free_unused(p);
	dns_free(p->dns);
	chunks_free(&p->chunks);
	tls_wipe(p->session, sizeof p->session);
	free(p);
}
