/*
 * Answers as providers send them (test/providers) and as they might (test/answers;
 * the README there says how expectations are written), each whole, cut in two at every byte, byte by byte, and with other line ends; as
 * events and as one message.
 */
#include "reply_run.h"

#include "../carry.h"
#include "../error.h"
#include "check.h"

#include <dirent.h>

/* bytes from one cut to the next: more where a cut costs much, under an emulator */
#ifndef SPARSE
#define SPARSE 1
#endif

/* one line of a .want file at a time */
struct want {
	char *text;
	char *next;
};

static char *want_line(struct want *w)
{
	char *line = w->next, *feed;

	while (line != NULL && *line == '#') {
		feed = strchr(line, '\n');
		line = feed != NULL ? feed + 1 : NULL;
	}
	if (line == NULL || *line == '\0')
		return NULL;
	feed = strchr(line, '\n');
	if (feed != NULL)
		*feed = '\0';
	w->next = feed != NULL ? feed + 1 : line + strlen(line);
	return line;
}

/* where the JSON value at the beginning of a text ends: at a blank outside of strings and brackets, or with the text */
static const char *value_end(const char *p)
{
	bool string = false;
	int depth = 0;

	for (; *p != '\0' && (string || depth > 0 || *p != ' '); p++) {
		if (string && *p == '\\')
			p++;
		else if (*p == '"')
			string = !string;
		else if (!string)
			depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
	}
	return p;
}

/* the JSON value at the beginning of a text, and what is behind it */
static struct j_val value_of(const char *p, const char **rest)
{
	*rest = value_end(p);
	struct j_val v = j_root(p, (size_t)(*rest - p));

	while (**rest == ' ')
		++*rest;
	return v;
}

static bool is_text(const struct bytes *b, struct j_val v)
{
	struct bytes want = { 0 };
	bool same;

	bytes_string(&want, v);
	same = b->n == want.n && memcmp(b->p != NULL ? b->p : "", want.p, want.n) == 0;
	free(want.p);
	return same;
}

/* JSON without white space between tokens */
static void squeeze(struct bytes *to, const char *p, size_t n)
{
	bool string = false;

	for (size_t i = 0; i < n; i++) {
		if (string && p[i] == '\\') {
			bytes_add(to, p + i++, 1);
		} else if (p[i] == '"') {
			string = !string;
		} else if (!string && strchr(" \n\r\t", p[i]) != NULL) {
			continue;
		}
		bytes_add(to, p + i, 1);
	}
}

static bool is_input(const struct bytes *got, struct j_val want, bool raw, bool message)
{
	struct bytes a = { 0 }, b = { 0 };
	bool same;

	if (raw && !message)
		return is_text(got, want);
	squeeze(&a, got->n > 0 ? got->p : "{}", got->n > 0 ? got->n : 2);
	squeeze(&b, raw ? "{}" : want.p, raw ? 2 : want.n);
	same = a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
	free(a.p);
	free(b.p);
	return same;
}

static const char *wrong_tool(const struct block *b, char *line, bool message)
{
	const char *rest;
	char *name = line, *space = strchr(line, ' ');
	bool raw;

	*space = '\0';
	if (b->type != GOT_TOOL || strcmp(b->name.p, name) != 0)
		return "a tool_use of this name";
	raw = strncmp(space + 1, "raw ", 4) == 0;
	struct j_val input = value_of(space + (raw ? 5 : 1), &rest);
	if (!is_input(&b->text, input, raw, message))
		return "its input";
	if (strcmp(rest, "id *") == 0)
		return strncmp(b->id.p, "toolu_", 6) == 0 && b->id.n == 30 ? NULL : "a fresh id";
	return strncmp(rest, "id ", 3) == 0 && strcmp(rest + 3, b->id.p) == 0 ? NULL : "its id";
}

/* state that came back in signatures, over all blocks: how many pieces of a kind, and the first with this call */
static size_t carried(const struct got *g, enum carry_kind kind, uint64_t call, struct bytes *first, const char **from)
{
	size_t count = 0;

	*from = "none";
	for (size_t i = 0; i < g->nblocks; i++) {
		struct bytes quoted = { 0 };
		struct carry c;
		struct carry_piece piece = { 0 };

		bytes_add(&quoted, "\"", 1);
		bytes_add(&quoted, g->blocks[i].signature.p != NULL ? g->blocks[i].signature.p : "", g->blocks[i].signature.n);
		bytes_add(&quoted, "\"", 1);
		struct j_val v = { quoted.p, (uint32_t)quoted.n, J_STRING };
		if (g->blocks[i].type == GOT_THINKING && carry_read(v, "host model", &c)) {
			if (c.from != FROM_NONE)
				*from = carry_word(c.from);
			while (carry_next(&c, &piece)) {
				char text[4096];
				struct span span;
				struct plan plan;
				struct plan_pos pos = { 0 };

				if (piece.kind != kind || piece.call != call || count++ > 0)
					continue;
				plan_init(&plan, &span, 1, NULL, 0);
				plan_span(&plan, SPAN_UNB64, piece.p, piece.n);
				bytes_add(first, text, plan_pull(&plan, &pos, text, sizeof text));
			}
		}
		free(quoted.p);
	}
	return count;
}

/* a line "carry KIND ..." */
static bool carries(const struct got *g, char *line)
{
	struct bytes first = { 0 };
	const char *from, *rest;
	bool ok;

	bytes_add(&first, "", 0);
	if (strncmp(line, "details ", 8) == 0) {
		ok = carried(g, CARRY_DETAILS, 0, &first, &from) == (size_t)atoi(line + 8);
	} else if (strncmp(line, "from ", 5) == 0) {
		carried(g, CARRY_DETAILS, 0, &first, &from);
		ok = strcmp(from, line + 5) == 0;
	} else if (strncmp(line, "opaque ", 7) == 0) {
		carried(g, CARRY_OPAQUE, 0, &first, &from);
		ok = is_text(&first, value_of(line + 7, &rest));
	} else {
		char *id = line + strlen("signature "), *space = strchr(id, ' ');

		*space = '\0';
		carried(g, CARRY_SIGNATURE, strcmp(id, "message") == 0 ? 0 : hash_bytes(id, strlen(id)), &first, &from);
		ok = is_text(&first, value_of(space + 1, &rest));
	}
	free(first.p);
	return ok;
}

static bool is_usage(const struct got *g, const char *line)
{
	long long in, out, read, write;

	return sscanf(line, "in %lld out %lld read %lld write %lld", &in, &out, &read, &write) == 4 && g->in == in &&
		g->out == out && g->read == read && g->write == write;
}

static const char *wrong_error(const struct run *run, const struct got *g, bool message, const char *line)
{
	char type[64];
	int status, at = 0;
	const char *rest;
	struct bytes has = { 0 };
	bool ok;

	if (sscanf(line, "%d %63s %n", &status, type, &at) < 2)
		return run->what == REPLY_FAILED && run->error.status == atoi(line) ? NULL : "the error's status";
	if (run->what != REPLY_FAILED)
		return "an error";
	if (run->error.status != status || strcmp(run->error.type, type) != 0)
		return "the error's status or type";
	bool after = strncmp(line + at, "after ", 6) == 0;
	if (!message && after != (g->nblocks > 0))
		return after ? "output before the error" : "no output before the error";
	bytes_string(&has, value_of(strstr(line + at, "has ") + 4, &rest));
	ok = strstr(run->error.message, has.p) != NULL;
	free(has.p);
	return ok ? NULL : "the error's message";
}

/* a block that only carries state is none of the answer's */
static bool only_carries(const struct block *b)
{
	return b->type == GOT_THINKING && b->text.n == 0 && b->signature.n > 0;
}

/* Compares one line; returns what should have been there, or NULL. */
static const char *wrong_line(char *line, const struct run *run, const struct got *g, bool message, size_t *block)
{
	char *space = strchr(line, ' ');
	size_t word = space != NULL ? (size_t)(space - line) : strlen(line);
	char *rest = space != NULL ? space + 1 : line + word;
	const char *end;
	bool failed_whole = message && run->what == REPLY_FAILED;

#define WORD(text) (word == strlen(text) && memcmp(line, text, word) == 0)
	if (WORD("text") || WORD("thinking") || WORD("tool_use")) {
		if (failed_whole)
			return NULL;
		struct j_val want = value_of(rest, &end);
		bool empty = WORD("thinking") && j_empty(want);
		while (!empty && *block < g->nblocks && only_carries(&g->blocks[*block]))
			++*block;
		if (*block == g->nblocks)
			return "one more block";
		const struct block *b = &g->blocks[(*block)++];
		if (WORD("tool_use"))
			return wrong_tool(b, rest, message);
		return (int)b->type == (WORD("text") ? GOT_TEXT : GOT_THINKING) && is_text(&b->text, want) ? NULL : "this block";
	}
	if (WORD("stop"))
		return run->what == REPLY_DONE && strcmp(g->stop_reason.p, rest) == 0 ? NULL : "this stop_reason";
	if (WORD("stop_sequence"))
		return is_text(&g->stop_sequence, value_of(rest, &end)) ? NULL : "this stop_sequence";
	if (WORD("usage"))
		return is_usage(g, rest) ? NULL : "this usage";
	if (WORD("carry"))
		return carries(g, rest) ? NULL : "this state";
	if (WORD("error"))
		return wrong_error(run, g, message, rest);
	if (WORD("explanation"))
		return is_text(&g->explanation, value_of(rest, &end)) ? NULL : "this explanation";
	if (WORD("retry_after")) {
		struct bytes b = { (char *)(uintptr_t)run->error.retry_after, strlen(run->error.retry_after) };
		return is_text(&b, value_of(rest, &end)) ? NULL : "this retry-after";
	}
	if (WORD("should_retry"))
		return run->error.should_retry == (strcmp(rest, "true") == 0) ? NULL : "this x-should-retry";
	if (WORD("flags") || WORD("http") || WORD("type") || WORD("header") || WORD("request") || WORD("hide") || WORD("session") || WORD("retry") || WORD("repair"))
		return NULL;
	return "a line that this test knows";
#undef WORD
}

/* The error that a status other than 200 becomes: the conversion of answers never sees it. */
static void read_error(struct run *run, int status, const char *fields, const char *body, size_t n)
{
	static struct http_head head;
	char text[1024];
	const char *why;

	memset(run, 0, sizeof *run);
	bytes_add(&run->out, "", 0);
	run->what = REPLY_FAILED;
	snprintf(text, sizeof text, "HTTP/1.1 %d Error\r\n%sContent-Length: %zu\r\n\r\n", status, fields, n);
	http_response(text, strlen(text), false, &head, &why);
	error_read(&head, body, n, &run->error);
}

struct sample {
	char *in, *want;
	size_t n, nwant;
	struct run_options o;
	int status;
	char fields[256];
};

static void read_settings(struct sample *s)
{
	struct want w = { 0 };
	char *line, *copy = malloc(s->nwant + 1);
	const char *why;
	size_t at;

	memcpy(copy, s->want, s->nwant + 1);
	w.next = copy;
	while ((line = want_line(&w)) != NULL) {
		if (strncmp(line, "flags ", 6) == 0 && q_apply(&s->o.q, line + 6, strlen(line + 6), &why, &at) != 0)
			abort();
		if (strncmp(line, "http ", 5) == 0)
			s->status = atoi(line + 5);
		if (strcmp(line, "hide") == 0)
			s->o.hide_thinking = true;
		if (strncmp(line, "session ", 8) == 0)
			s->o.ids[s->o.nids++] = hash_bytes(line + 8, strlen(line + 8));
		if (strncmp(line, "header ", 7) == 0)
			snprintf(s->fields, sizeof s->fields, "%s\r\n", line + 7);
	}
	free(copy);
}

/* The first line of the .want file that does not hold, or NULL. */
static const char *compare(const struct sample *s, const struct run *run, bool message)
{
	static char said[512];
	static struct got g;
	struct want w = { 0 };
	char *line, *copy = malloc(s->nwant + 1);
	const char *wrong = NULL;
	size_t block = 0;

	memset(&g, 0, sizeof g);
	if (message && run->what == REPLY_DONE)
		got_whole(&g, run->out.p, run->out.n);
	else if (!message && run->out.n > 0)
		got_events(&g, run->out.p, run->out.n);
	if (run->out.n > 0 && !(message && run->what == REPLY_FAILED))
		wrong = got_wrong(&g);
	memcpy(copy, s->want, s->nwant + 1);
	w.next = copy;
	said[0] = '\0';
	while (wrong == NULL && (line = want_line(&w)) != NULL) {
		snprintf(said, sizeof said, "%.200s: expected ", line);
		wrong = wrong_line(line, run, &g, message, &block);
	}
	while (wrong == NULL && block < g.nblocks) {
		said[0] = '\0';
		if (!only_carries(&g.blocks[block++]))
			wrong = "a block too many";
	}
	got_free(&g);
	free(copy);
	if (wrong == NULL)
		return NULL;
	snprintf(said + strlen(said), sizeof said - strlen(said), "%.200s", wrong);
	return said;
}

static void report(const char *name, const char *how, const char *wrong, const struct run *run)
{
	char what[600];

	snprintf(what, sizeof what, "%s, %s%s%.300s", name, how, wrong != NULL ? ": " : "", wrong != NULL ? wrong : "");
	CHECK(what, wrong == NULL);
	if (wrong != NULL)
		printf("# %d %s\n# %.*s\n", run->error.status, run->error.message, (int)run->out.n, run->out.p);
}

static void try_cuts(const char *name, const struct sample *s, const struct run *whole)
{
	size_t differ = 0;
	struct run run;

	if (sse_sniff(s->in, s->n) != 1)
		return;
	for (size_t cut = s->o.sink == SINK_EVENTS ? 1 : s->n; cut <= s->n; cut += cut < s->n && s->n - cut < SPARSE ? s->n - cut : SPARSE) {
		run_any(&run, &s->o, s->in, s->n, cut < s->n ? cut : 1, cut < s->n ? 0 : 1);
		differ += !run_same(&run, whole);
		free(run.out.p);
	}
	report(name, s->o.sink == SINK_EVENTS ? "cut at every byte" : "byte by byte, as a message",
		differ > 0 ? "differs" : NULL, whole);
}

/* every LF becomes another line end */
static void try_ends(const char *name, const struct sample *s, const struct run *whole, const char *end, const char *how)
{
	struct bytes b = { 0 };
	struct run run;

	if (sse_sniff(s->in, s->n) != 1 || memchr(s->in, '\r', s->n) != NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		bytes_add(&b, s->in[i] == '\n' ? end : s->in + i, s->in[i] == '\n' ? strlen(end) : 1);
	run_any(&run, &s->o, b.p, b.n, 0, 1);
	report(name, how, run_same(&run, whole) ? NULL : "differs", &run);
	free(run.out.p);
	free(b.p);
}

static void try_sample(const char *name, struct sample *s)
{
	struct run run;

	if (s->status != 200) {
		read_error(&run, s->status, s->fields, s->in, s->n);
		report(name, "as an error", compare(s, &run, true), &run);
		free(run.out.p);
		return;
	}
	run_any(&run, &s->o, s->in, s->n, 0, 0);
	report(name, "as events", compare(s, &run, false), &run);
	try_cuts(name, s, &run);
	try_ends(name, s, &run, "\r\n", "CRLF");
	try_ends(name, s, &run, "\r", "CR");
	free(run.out.p);
	s->o.sink = SINK_MESSAGE;
	run_any(&run, &s->o, s->in, s->n, 0, 0);
	report(name, "as a message", compare(s, &run, true), &run);
	try_cuts(name, s, &run);
	free(run.out.p);
}

static void try_file(const char *dir, const char *file)
{
	const char *dot = strrchr(file, '.');
	char path[512];
	struct sample s = { .status = 200 };

	snprintf(path, sizeof path, "%s/%s", dir, file);
	s.in = run_file(path, &s.n);
	snprintf(path, sizeof path, "%s/%.*s.want", dir, (int)(dot - file), file);
	s.want = run_file(path, &s.nwant);
	if (s.in == NULL || s.want == NULL) {
		CHECK(path, false);
	} else {
		run_options(&s.o);
		read_settings(&s);
		try_sample(file, &s);
	}
	free(s.in);
	free(s.want);
}

static int try_dir(const char *name, const char *only)
{
	DIR *dir = opendir(name);
	struct dirent *entry;
	int count = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot == NULL || (strcmp(dot, ".sse") != 0 && strcmp(dot, ".json") != 0) ||
		    (only != NULL && strcmp(only, entry->d_name) != 0))
			continue;
		try_file(name, entry->d_name);
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* with a file's name: only that one */
int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	int providers = try_dir("test/providers", only), answers = try_dir("test/answers", only);

	CHECK("all samples are there", only != NULL || (providers >= 126 && answers > 100));
	return CHECK_END();
}
