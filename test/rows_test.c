/*
 * The rows of the quirk table, each with what it makes of the same requests
 * (test/rows/table), and the page of providers (docs/PROVIDERS.md): every row
 * is met there by a base URL and a model, and every base URL there has a row
 * and leads where the row's path does.
 */
#include "../quirks_rows.c"

#include "../target.h"
#include "chat_grammar.h"
#include "request_says.h"

#include "check.h"

#define ROWS 80

/* the rows' hosts and models, as they stand there; met: by a section or a line of the page */
static struct {
	struct http_text hosts, models;
	bool met;
} known[ROWS];
static size_t nknown;

static void list_rows(void)
{
	struct http_text above = { "", 0 };

	for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++) {
		struct http_text text = { builtin[i], strlen(builtin[i]) }, line;

		while (http_cut(&text, '\n', &line)) {
			struct http_text hosts = column(&line);
			if (hosts.n == 0 || nknown == ROWS)
				continue;
			above = http_is(hosts, "^") ? above : hosts;
			known[nknown].hosts = above;
			known[nknown++].models = column(&line);
		}
	}
	CHECK("rows: there are some, and room for more", nknown > 50 && nknown < ROWS);
}

static bool same_text(struct http_text a, struct http_text b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void meet(void *ctx, const struct quirks *q, const struct http_text *hosts, const struct http_text *models)
{
	(void)q;
	++*(size_t *)ctx;
	for (size_t i = 0; i < nknown; i++)
		if (same_text(known[i].hosts, *hosts) && same_text(known[i].models, *models))
			known[i].met = true;
}

/* the quirks there; how many rows spoke */
static size_t settle(struct quirks *q, const char *host, int port, const char *model, bool native)
{
	const char *why;
	size_t line, met = 0;

	q_init(q);
	q->native = native;
	q_rows(q, NULL, &(struct q_place){ .host = host, .port = port, .model = model, .matched = meet, .ctx = &met }, &why, &line);
	return met;
}

static void all_met(const char *where)
{
	char what[512];

	for (size_t i = 0; i < nknown; i++) {
		snprintf(what, sizeof what, "%s: the row %.*s %.*s", where, (int)known[i].hosts.n, known[i].hosts.p,
			(int)known[i].models.n, known[i].models.p);
		CHECK(what, known[i].met);
		known[i].met = false;
	}
}

/* ---- requests ---- */

#define LINES 160

struct section {
	char *at;		/* "HOST PORT MODEL", "native" behind it where Anthropic's API is spoken */
	char *lines[LINES];
	size_t n;
};

/* the requests, and what each became */
static const char *const files[] = { "turn", "forced", "search" };

enum { FILES = 3 };

/* which of them a line speaks of, and the rest of it; -1: none */
static int file_of(const char *line, const char **rest)
{
	for (int i = 0; i < FILES; i++) {
		size_t n = strlen(files[i]);
		if (strncmp(line, files[i], n) == 0 && line[n] == ' ') {
			*rest = line + n + 1;
			return i;
		}
	}
	return -1;
}

/* how much of a line says what it is about: "turn PATH", "path", "turn X" of "turn nowhere X" */
static size_t subject(const char *line, const char **from)
{
	const char *rest = line;

	*from = line;
	if (file_of(line, &rest) < 0)
		return strcspn(line, " ");
	if (strncmp(rest, "nowhere ", 8) == 0 || strncmp(rest, "anywhere ", 9) == 0) {
		*from = strchr(rest, ' ');
		return strlen(*from);
	}
	return (size_t)(rest - line) + strcspn(rest, " ");
}

/* whether one of the section's lines is about the same */
static bool says_more(const struct section *s, const char *line)
{
	const char *a, *b;
	size_t n = subject(line, &a);

	for (size_t i = 0; i < s->n; i++)
		if (subject(s->lines[i], &b) == n && memcmp(a, b, n) == 0)
			return true;
	return false;
}

static bool line_holds(char *line, const struct quirks *q, const struct result sent[FILES])
{
	static const char *const auths[] = { [AUTH_BEARER] = "bearer", [AUTH_API_KEY] = "api-key", [AUTH_NONE] = "none",
		[AUTH_X_API_KEY] = "x-api-key", [AUTH_BOTH] = "both" };
	const char *rest;
	int file = file_of(line, &rest);

	if (file >= 0)
		return holds(&sent[file], line + (rest - line));
	if (strncmp(line, "path", 4) == 0)
		return strcmp(q->path, line[4] == ' ' ? line + 5 : "") == 0;
	return strncmp(line, "auth ", 5) == 0 && strcmp(auths[q->auth], line + 5) == 0;
}

static struct result sent_for(const char *file, struct setting *s)
{
	char path[64];

	snprintf(path, sizeof path, "test/rows/%s.json", file);
	char *text = read_file(path);
	struct result r = run_text(text, &s->t, 4096);
	free(text);
	return r;
}

static void expect(const char *at, char *line, const struct quirks *q, const struct result sent[FILES])
{
	char what[1024];
	const char *rest;
	bool good = line_holds(line, q, sent);

	snprintf(what, sizeof what, "rows: %s: %.800s", at, line);
	CHECK(what, good);
	if (!good)
		printf("#  %s\n", file_of(line, &rest) >= 0 ? sent[file_of(line, &rest)].body : "");
}

static void try_section(const struct section *s, const struct section *defaults)
{
	char host[128], what[256], native[8] = "";
	int port;
	struct setting set;
	struct result sent[FILES];

	setting_init(&set);
	strcpy(set.session, "session-1");
	if (sscanf(s->at, "%127s %d %63s %7s", host, &port, set.model, native) < 3) {
		CHECK(s->at, false);
		return;
	}
	settle(&set.q, host, port, set.model, native[0] != '\0');
	for (int i = 0; i < FILES; i++) {
		sent[i] = sent_for(files[i], &set);
		const char *wrong = set.q.native ? NULL : chat_wrong(j_root(sent[i].body, sent[i].n), true);
		snprintf(what, sizeof what, "rows: %s, %s: a good request", s->at, files[i]);
		CHECK(what, sent[i].rc == 0 && wrong == NULL);
	}
	for (size_t i = 0; i < s->n; i++)
		expect(s->at, s->lines[i], &set.q, sent);
	for (size_t i = 0; i < defaults->n && !set.q.native; i++)
		if (!says_more(s, defaults->lines[i]))
			expect(s->at, defaults->lines[i], &set.q, sent);
	for (int i = 0; i < FILES; i++)
		result_free(&sent[i]);
}

static void requests(void)
{
	static struct section defaults, section;
	struct section *now = &defaults;
	char *text = read_file("test/rows/table");

	CHECK("rows: the table is there", text != NULL);
	for (char *line = text != NULL ? strtok(text, "\n") : NULL; line != NULL; line = strtok(NULL, "\n")) {
		line += strspn(line, "\t");
		if (line[0] == '#' || line[0] == '\0' || strcmp(line, "default") == 0)
			continue;
		if (strncmp(line, "at ", 3) == 0) {
			if (now == &section)
				try_section(now, &defaults);
			now = &section;
			section = (struct section){ .at = line + 3 };
		} else if (now->n < LINES) {
			now->lines[now->n++] = line;
		}
	}
	try_section(&section, &defaults);
	free(text);
	all_met("rows: a request is told for");
}

/* ---- the page ---- */

/* The next text between backticks before end; false when there is none. */
static bool quoted(char **p, const char *end, char *dst, size_t room)
{
	char *open = memchr(*p, '`', (size_t)(end - *p)), *close;

	if (open == NULL || (close = memchr(open + 1, '`', (size_t)(end - open - 1))) == NULL || (size_t)(close - open) > room)
		return false;
	memcpy(dst, open + 1, (size_t)(close - open - 1));
	dst[close - open - 1] = '\0';
	*p = close + 1;
	return true;
}

/* One base URL with the models of its line. first: where a URL without a path leads. */
static void try_url(const char *url, char *models, const char *end, bool first, bool native)
{
	struct cfg_target t = { .port = 0 };
	struct quirks q;
	char what[512], model[128];
	size_t n = 0;

	snprintf(what, sizeof what, "page: %s: a base URL", url);
	CHECK(what, target_url(&t, url) == NULL);
	for (; quoted(&models, end, model, sizeof model); n++) {
		snprintf(what, sizeof what, "page: %s %s: there is a row", url, model);
		CHECK(what, settle(&q, t.host, t.port, model, native) > 0);
		snprintf(what, sizeof what, "page: %s: the path of the row", url);
		if (first && q.path[0] != '\0' && strncmp(t.path, "/v1/projects/", 13) != 0)
			CHECK(what, strcmp(q.path, t.path) == 0);
	}
	snprintf(what, sizeof what, "page: %s: models", url);
	CHECK(what, n > 0);
}

/* | provider | `URL`, `URL` | `model`, `model` | what is special | */
static void try_line(char *line, bool native)
{
	char *cell[5] = { line }, *p, url[256];

	for (int i = 1; i < 5; i++) {
		cell[i] = cell[i - 1] != NULL ? strchr(cell[i - 1] + 1, '|') : NULL;
		if (cell[i] == NULL) {
			CHECK(line, false);
			return;
		}
	}
	p = cell[1];
	for (bool first = true; quoted(&p, cell[2], url, sizeof url); first = false)
		try_url(url, cell[2], cell[3], first, native);
}

static void page(void)
{
	char *text = read_file("docs/PROVIDERS.md"), *readme = read_file("README.md"), *next;
	bool native = false;
	size_t n = 0;

	CHECK("page: README leads there", readme != NULL && strstr(readme, "(docs/PROVIDERS.md)") != NULL);
	for (char *line = text; line != NULL && *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		next += *next == '\n';
		if (next > line && next[-1] == '\n')
			next[-1] = '\0';
		native = native || strcmp(line, "## In Anthropic's API") == 0;
		if (strncmp(line, "| ", 2) != 0 || strncmp(line, "| provider", 10) == 0)
			continue;
		try_line(line, native);
		n++;
	}
	CHECK("page: it has its table", n > 30);
	all_met("page: a line for");
	free(text);
	free(readme);
}

int main(void)
{
	list_rows();
	requests();
	page();
	return CHECK_END();
}
