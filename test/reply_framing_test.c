/*
 * Every answer of test/providers as a response on the wire: its body with a
 * length, up to the end of the connection, in chunks of one byte and of some,
 * with LF and with CRLF; in one piece, byte by byte and cut in two (chunks of
 * LF lines at every byte). What comes of it is what comes of the bare body, of
 * which reply_test says that it is right.
 */
#include "reply_run.h"

#include "../error.h"
#include "../http.h"
#include "check.h"

#include <dirent.h>

static const struct form {
	const char *name;
	size_t chunk;			/* bytes of the first chunk, the next has one more, and so on; 0: no chunks */
	size_t most;
	size_t every;			/* bytes from one cut to the next */
	bool length;
} forms[] = {
	{ "chunks", 3, 9, 1, false }, { "chunks of a byte", 1, 1, 13, false },
	/* the framing passes their bytes as they are, and reply_test cuts those everywhere */
	{ "length", 0, 0, 5, true }, { "to the end", 0, 0, 5, false }
};

#define CRLF_EVERY 11

/* with sanitizers a cut costs ten times as much; the cross build says what it wants */
#ifndef SPARSE
#ifdef __SANITIZE_ADDRESS__
#define SPARSE 5
#else
#define SPARSE 1
#endif
#endif

static void add(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

/* a response head, the status line first; returns where the body begins */
static size_t frame(struct bytes *to, const struct form *f, int status, const struct bytes *body)
{
	char line[64];
	size_t start, chunk = f->chunk;

	snprintf(line, sizeof line, "HTTP/1.1 %d X\r\nContent-Type: x\r\n", status);
	add(to, line);
	snprintf(line, sizeof line, "Content-Length: %zu\r\n", body->n);
	if (f->length)
		add(to, line);
	add(to, f->chunk > 0 ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
	start = to->n;
	if (f->chunk == 0)
		bytes_add(to, body->p, body->n);
	for (size_t at = 0, n; f->chunk > 0 && at < body->n; at += n, chunk = chunk < f->most ? chunk + 1 : f->chunk) {
		n = chunk < body->n - at ? chunk : body->n - at;
		snprintf(line, sizeof line, n % 2 == 0 ? "%zX;x=\"y\"\r\n" : "0%zx\r\n", n);
		add(to, line);
		bytes_add(to, body->p + at, n);
		add(to, "\r\n");
	}
	if (f->chunk > 0)
		add(to, "0\r\nX-Trailer: 1\r\n\r\n");
	return start;
}

/* where a response's body goes */
struct taker {
	const struct run_options *o;
	struct run *run;
	struct runner runner;
	struct sse sse;
	struct http_head head;
	struct http_body body;
	struct bytes kept;		/* of a body that is no stream */
	bool stream, begun;
	const char *wrong;
};

/* Bytes of the body's framing. */
static void take_body(struct taker *t, const char *p, size_t n)
{
	struct http_text data;
	const char *why = "";
	size_t used;

	for (;;) {
		enum http_progress got = http_body_next(&t->body, p, n, &used, &data, &why);

		if (got == HTTP_BAD || (got != HTTP_DATA && used < n))
			t->wrong = got == HTTP_BAD ? why : "bytes behind the body";
		if (got != HTTP_DATA)
			return;
		if (t->stream)
			run_feed(&t->runner, &t->sse, data.p, data.n);
		else
			bytes_add(&t->kept, data.p, data.n);
		p += used;
		n -= used;
	}
}

static void read_status(struct run *run, const struct http_head *head, const struct bytes *body)
{
	memset(run, 0, sizeof *run);
	bytes_add(&run->out, "", 0);
	run->what = REPLY_FAILED;
	error_read(head, body->p, body->n, &run->error);
}

/* A response in pieces: one of cut bytes, then all of step bytes (0: the rest). NULL, or what is wrong with its framing. */
static const char *respond(struct run *run, const struct run_options *o, bool stream, const struct bytes *wire, size_t cut, size_t step)
{
	static struct taker t;
	const char *why;
	size_t piece, head = 0;

	memset(&t, 0, sizeof t);
	t.stream = stream;
	bytes_add(&t.kept, "", 0);
	if (stream) {
		run_begin(&t.runner, run, o);
		sse_init(&t.sse, NULL, 0);
	}
	for (size_t at = 0; at < wire->n && t.wrong == NULL; at += piece) {
		piece = at < cut ? cut - at : step;
		if (piece == 0 || piece > wire->n - at)
			piece = wire->n - at;
		if (t.begun) {
			take_body(&t, wire->p + at, piece);
			continue;
		}
		int n = http_response(wire->p, at + piece, false, &t.head, &why);
		if (n < 0)
			t.wrong = why;
		if (n <= 0)
			continue;
		t.begun = true;
		head = (size_t)n;
		http_body_init(&t.body, &t.head);
		take_body(&t, wire->p + head, at + piece - head);
	}
	if (t.wrong == NULL && (!t.begun || !http_body_may_end(&t.body)))
		t.wrong = "the body is not complete";
	if (stream)
		run_close(&t.runner, &t.sse);
	else if (t.head.status != 200)
		read_status(run, &t.head, &t.kept);
	else
		run_any(run, o, t.kept.p, t.kept.n, 0, 0);
	free(t.kept.p);
	return t.wrong;
}

static bool same(const struct run *a, const struct run *b)
{
	return run_same(a, b) && a->error.status == b->error.status && strcmp(a->error.message, b->error.message) == 0;
}

/* One form of an answer: how many of its cuts differ from the bare body. */
static size_t try_form(const struct run_options *o, const struct form *f, size_t every, int status, const struct bytes *body,
	const struct run *bare)
{
	bool stream = status == 200 && sse_sniff(body->p, body->n) == 1;
	struct bytes wire = { 0 };
	struct run run;
	size_t start = frame(&wire, f, status, body), differ = 0;

	/* byte by byte; a first piece that ends in the body; all in one piece */
	for (size_t cut = 0, last = 0; last < wire.n; cut = cut < start ? start : cut + every * SPARSE) {
		last = cut < wire.n ? cut : wire.n;
		const char *wrong = respond(&run, o, stream, &wire, last, cut == 0 ? 1 : 0);

		if (differ == 0 && (wrong != NULL || !same(&run, bare)))
			printf("# %s, cut %zu: %s\n# %s\n# %s\n", f->name, cut, wrong != NULL ? wrong : "differs", run.error.message, run.out.p);
		differ += wrong != NULL || !same(&run, bare);
		free(run.out.p);
	}
	free(wire.p);
	return differ;
}

/* the same body with CRLF; false where that is no other body */
static bool with_crlf(struct bytes *to, const struct bytes *body)
{
	if (memchr(body->p, '\r', body->n) != NULL || memchr(body->p, '\n', body->n) == NULL)
		return false;
	for (size_t i = 0; i < body->n; i++)
		bytes_add(to, body->p[i] == '\n' ? "\r\n" : body->p + i, body->p[i] == '\n' ? 2 : 1);
	return true;
}

/* the lines of a .want file that say how the answer came */
static int read_want(struct run_options *o, char *text)
{
	int status = 200;
	const char *why;
	size_t at;

	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strncmp(line, "http ", 5) == 0)
			status = atoi(line + 5);
		else if (strncmp(line, "flags ", 6) == 0 && q_apply(&o->q, line + 6, strlen(line + 6), &why, &at) != 0)
			abort();
		else if (strcmp(line, "request whole") == 0)
			o->sink = SINK_MESSAGE;
	}
	return status;
}

static void try_answer(const char *name, int status, const struct run_options *o, const struct bytes *body)
{
	struct bytes crlf = { 0 };
	struct run bare;
	char what[256];

	if (status == 200) {
		run_any(&bare, o, body->p, body->n, 0, 0);
	} else {
		struct http_head head = { .status = status };
		read_status(&bare, &head, body);
	}
	/* white space of a document stays what it was */
	bool ends = sse_sniff(body->p, body->n) == 1 && with_crlf(&crlf, body);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		snprintf(what, sizeof what, "%s, %s, cut anywhere", name, forms[i].name);
		CHECK(what, try_form(o, &forms[i], forms[i].every, status, body, &bare) == 0);
		snprintf(what, sizeof what, "%s, %s, CRLF, cut anywhere", name, forms[i].name);
		if (ends)
			CHECK(what, try_form(o, &forms[i], CRLF_EVERY, status, &crlf, &bare) == 0);
	}
	free(bare.out.p);
	free(crlf.p);
}

static void try_file(const char *file)
{
	struct run_options o;
	struct bytes body = { 0 };
	char path[512];
	size_t n;

	run_options(&o);
	snprintf(path, sizeof path, "test/providers/%.*s.want", (int)(strrchr(file, '.') - file), file);
	char *want = run_file(path, &n);
	snprintf(path, sizeof path, "test/providers/%s", file);
	body.p = run_file(path, &body.n);
	CHECK(file, want != NULL && body.p != NULL);
	if (want != NULL && body.p != NULL)
		try_answer(file, read_want(&o, want), &o, &body);
	free(want);
	free(body.p);
}

/* with a file's name: only that one */
int main(int argc, char **argv)
{
	DIR *dir = opendir("test/providers");
	struct dirent *entry;
	int count = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot == NULL || (strcmp(dot, ".sse") != 0 && strcmp(dot, ".json") != 0) ||
		    (argc > 1 && strcmp(argv[1], entry->d_name) != 0))
			continue;
		try_file(entry->d_name);
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	CHECK("all samples are there", argc > 1 || count >= 126);
	return CHECK_END();
}
