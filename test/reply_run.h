/*
 * Runs what an upstream sends through the cutter and the conversion, in pieces
 * of any size, with storage that moves whenever it can, so that whatever points
 * at bytes of yesterday is found.
 */
#ifndef REPLY_RUN_H
#define REPLY_RUN_H

#include "../reply.h"
#include "../sse.h"
#include "grammar.h"

#define RUN_STASH_MAX (4u << 20)

struct run {
	struct bytes out;
	enum reply_what what;
	bool started;			/* something was written before the failure */
	bool finished;
	struct api_error error;
	const char *oddity;
	const char *stop_reason;
};

struct run_options {
	enum reply_sink sink;
	struct quirks q;
	bool hide_thinking;
	bool search;			/* for query: the inside of a JSON string */
	char query[64];
	int64_t estimate;
	size_t stash_max;
	size_t nudge_at;		/* after this event: a ping and a nudge; 0: never */
	bool commit;			/* message_start at once */
	char names[1024];		/* of tools, each with a NUL behind it */
	size_t nnames;
	uint64_t ids[8];
	size_t nids;
};

static inline void run_options(struct run_options *o)
{
	static const char names[] = "Bash\0Read\0Write\0Tasks\0get_current_time\0mcp__server__a_rather_long_tool_name_that_goes_on_and_on_for_more_than_64";

	memset(o, 0, sizeof *o);
	q_init(&o->q);
	o->estimate = 7;
	o->stash_max = RUN_STASH_MAX;
	memcpy(o->names, names, sizeof names);
	o->nnames = sizeof names;
}

/* always somewhere else, with not a byte to spare */
static inline int run_stash_grow(struct stash *s, size_t more)
{
	size_t max = *(const size_t *)s->owner, want = s->b.off + s->b.len + more;
	char *p;

	if (want > max || (p = malloc(want)) == NULL)
		return 0;
	if (s->b.p != NULL) {
		memcpy(p, s->b.p, s->b.off + s->b.len);
		memset(s->b.p, '~', s->b.off + s->b.len);
	}
	free(s->b.p);
	s->b.p = p;
	s->b.cap = want;
	return 1;
}

static inline int run_plan_grow(struct plan *p, size_t spans, size_t bytes)
{
	p->span_cap = p->span_cap + spans + 8;
	p->spans = realloc(p->spans, p->span_cap * sizeof *p->spans);
	p->arena_cap = p->arena_cap + bytes + 64;
	p->arena = realloc(p->arena, p->arena_cap);
	return 1;
}

struct runner {
	struct run *run;
	struct reply reply;
	struct stash stash;
	struct plan plan;
	struct session session;
	size_t events;
	bool forget;			/* every event is read in full */
	const struct run_options *o;
};

static inline void run_pull(struct runner *n)
{
	struct plan_pos pos = { 0 };
	char piece[777];
	size_t got, total = n->plan.total, before = n->run->out.n;

	while ((got = plan_pull(&n->plan, &pos, piece, sizeof piece)) > 0)
		bytes_add(&n->run->out, piece, got);
	if (n->run->out.n - before != total || !plan_fits(&n->plan))
		abort();
	plan_clear(&n->plan);
}

static inline void run_event(struct runner *n, const struct sse *s)
{
	/* a copy of just its size, gone as soon as the contract allows */
	char *data = malloc(s->len + (s->len == 0));

	if (s->len > 0)
		memcpy(data, s->data, s->len);
	if (n->forget)
		n->reply.again.head = 0;
	n->run->what = reply_event(&n->reply, data, s->len, s->name, s->error_field, &n->plan);
	run_pull(n);
	free(data);
	if (++n->events == n->o->nudge_at && n->run->what == REPLY_MORE) {
		reply_ping(&n->reply, &n->plan);
		run_pull(n);
		reply_nudge(&n->reply, &n->plan);
		run_pull(n);
	}
}

static inline void run_begin(struct runner *n, struct run *run, const struct run_options *o)
{
	struct reply_options ro = { .sink = o->sink, .q = &o->q, .binding = "host model", .model = "claude-x",
		.nmodel = 8, .show_thinking = !o->hide_thinking, .search = o->search,
		.query = o->query, .nquery = strlen(o->query), .estimate = o->estimate };

	memset(n, 0, sizeof *n);
	memset(run, 0, sizeof *run);
	bytes_add(&run->out, "", 0);
	n->run = run;
	n->o = o;
	n->session.names = (char *)(uintptr_t)o->names;
	n->session.nnames = n->session.names_cap = o->nnames;
	n->session.ids = (uint64_t *)(uintptr_t)o->ids;
	n->session.nids = n->session.ids_cap = o->nids;
	n->stash.grow = run_stash_grow;
	n->stash.owner = (void *)(uintptr_t)&o->stash_max;
	plan_init(&n->plan, NULL, 0, NULL, 0);
	n->plan.grow = run_plan_grow;
	ro.session = &n->session;
	ro.stash = &n->stash;
	memset(&n->reply, 0xa5, sizeof n->reply);
	reply_start(&n->reply, &ro);
	if (o->commit) {
		reply_commit(&n->reply, &n->plan);
		run_pull(n);
	}
}

static inline void run_finish(struct runner *n)
{
	n->run->started = reply_started(&n->reply);
	n->run->finished = reply_finished(&n->reply);
	n->run->oddity = reply_oddity(&n->reply);
	n->run->stop_reason = reply_stop_reason(&n->reply);
	n->run->error = *reply_error(&n->reply);
	if (n->run->what == REPLY_FAILED && n->run->started && !n->reply.sink.message) {
		error_event(&n->plan, reply_error(&n->reply), "req");
		run_pull(n);
	}
	free(n->stash.b.p);
	free(n->plan.spans);
	free(n->plan.arena);
}

/* Some of the stream's bytes; a copy, so that nobody keeps a pointer to them. */
static inline void run_feed(struct runner *r, struct sse *s, const char *p, size_t n)
{
	char *copy = malloc(n + (n == 0));
	size_t used;

	memcpy(copy, p, n);
	for (size_t i = 0; i < n && r->run->what == REPLY_MORE; i += used) {
		enum sse_what what = sse_feed(s, copy + i, n - i, &used);

		if (what == SSE_EVENT)
			run_event(r, s);
		else if (what == SSE_FULL)
			s->data = realloc(s->data, s->cap += 100);
	}
	free(copy);
}

/* The stream's end. */
static inline void run_close(struct runner *r, struct sse *s)
{
	if (r->run->what == REPLY_MORE && sse_end(s) == SSE_EVENT)
		run_event(r, s);
	if (r->run->what == REPLY_MORE) {
		r->run->what = reply_end(&r->reply, true, &r->plan);
		run_pull(r);
	}
	free(s->data);
	run_finish(r);
}

/*
 * cut: bytes of the first piece; then pieces of step bytes each (0: the rest
 * at once). A stream that is cut is also read in full, so that what again.c
 * spares is compared with it.
 */
static inline void run_stream(struct run *run, const struct run_options *o, const char *in, size_t n, size_t cut, size_t step)
{
	struct runner r;
	struct sse s;
	size_t piece;

	run_begin(&r, run, o);
	r.forget = cut > 0;
	sse_init(&s, NULL, 0);
	for (size_t at = 0; at < n && run->what == REPLY_MORE; at += piece) {
		piece = at < cut ? cut - at : step;
		if (piece == 0 || piece > n - at)
			piece = n - at;
		run_feed(&r, &s, in + at, piece);
	}
	run_close(&r, &s);
}

static inline void run_whole(struct run *run, const struct run_options *o, const char *in, size_t n)
{
	struct runner r;
	struct j_err err;
	char *copy = malloc(n + 1);

	memcpy(copy, in, n);
	run_begin(&r, run, o);
	if (j_check_keep(copy, n, &err) == 0) {
		run->what = reply_whole(&r.reply, j_root(copy, n), &r.plan);
		if (run->what == REPLY_FAILED && o->sink == SINK_MESSAGE)
			plan_clear(&r.plan);
	} else {
		run->what = REPLY_FAILED;
	}
	run_pull(&r);
	free(copy);
	run_finish(&r);
}

static inline void run_any(struct run *run, const struct run_options *o, const char *in, size_t n, size_t cut, size_t step)
{
	if (sse_sniff(in, n) == 1)
		run_stream(run, o, in, n, cut, step);
	else
		run_whole(run, o, in, n);
}

static inline bool run_same(const struct run *a, const struct run *b)
{
	return a->what == b->what && a->out.n == b->out.n && memcmp(a->out.p, b->out.p, a->out.n) == 0;
}

static inline char *run_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p;

	*n = 0;
	if (f == NULL)
		return NULL;
	p = malloc(1 << 20);
	*n = fread(p, 1, (1 << 20) - 1, f);
	p[*n] = '\0';
	fclose(f);
	return p;
}

#endif
