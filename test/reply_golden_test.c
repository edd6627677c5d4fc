/*
 * Golden cases of answers, byte for byte: test/golden/stream/NAME (upstream.sse,
 * want.sse) and test/golden/reply/NAME (upstream.json, want.json), with options
 * where they are needed: "hide", "native", "commit", "nudge N" (a ping and a
 * nudge behind event N), "session ID", "search QUERY" (a web search was asked
 * for), "set K=V".
 *
 * What is made of random or hashed bytes is masked: msg_*, toolu_* and srvtoolu_*
 * for made ids, * for the check of carried state and for the hash of a call in it.
 */
#include "reply_run.h"

#include "check.h"

#include <ctype.h>
#include <dirent.h>

static size_t run_of(const char *p, size_t n, int (*is)(int), size_t most)
{
	size_t i = 0;

	while (i < n && i < most && is((unsigned char)p[i]))
		i++;
	return i;
}

/* from "ccp1." to the quote behind it */
static size_t mask_state(struct bytes *to, const char *p, size_t n)
{
	const char *quote = memchr(p, '"', n);
	size_t len = quote != NULL ? (size_t)(quote - p) : n, i = 0;

	while (i < len) {
		const char *dot = memchr(p + i, '.', len - i);
		size_t part = dot != NULL ? (size_t)(dot + 1 - (p + i)) : len - i;

		if (dot == NULL) {
			bytes_add(to, part == 16 && run_of(p + i, part, isxdigit, 16) == 16 ? "*" : "?", 1);
		} else if (i > 6 && p[i] == 'g' && part > 18) {
			bytes_add(to, "g*", 2);
			bytes_add(to, p + i + 17, part - 17);
		} else {
			bytes_add(to, p + i, part);
		}
		i += part;
	}
	return len;
}

static struct bytes mask(const struct bytes *b)
{
	static const char *const made[] = { "msg_", "toolu_", "srvtoolu_" };
	struct bytes to = { 0 };
	size_t i = 0;

	bytes_add(&to, "", 0);
	while (i < b->n) {
		size_t taken = 0;

		if (b->n - i > 5 && memcmp(b->p + i, "ccp1.", 5) == 0)
			taken = mask_state(&to, b->p + i, b->n - i);
		for (int k = 0; k < 3 && taken == 0; k++) {
			size_t len = strlen(made[k]);

			if (b->n - i < len + 24 || memcmp(b->p + i, made[k], len) != 0 ||
			    run_of(b->p + i + len, b->n - i - len, isalnum, 24) != 24)
				continue;
			bytes_add(&to, made[k], len);
			bytes_add(&to, "*", 1);
			taken = len + 24;
		}
		if (taken == 0) {
			bytes_add(&to, b->p + i, 1);
			taken = 1;
		}
		i += taken;
	}
	return to;
}

static void read_options(struct run_options *o, char *text)
{
	const char *why;
	size_t at;

	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strcmp(line, "hide") == 0)
			o->hide_thinking = true;
		else if (strcmp(line, "native") == 0)
			o->q.native = true;
		else if (strcmp(line, "commit") == 0)
			o->commit = true;
		else if (strncmp(line, "nudge ", 6) == 0)
			o->nudge_at = (size_t)atoi(line + 6);
		else if (strncmp(line, "session ", 8) == 0)
			o->ids[o->nids++] = hash_bytes(line + 8, strlen(line + 8));
		else if (strncmp(line, "search ", 7) == 0)
			o->search = snprintf(o->query, sizeof o->query, "%s", line + 7) > 0;
		else if (strncmp(line, "set ", 4) != 0 || q_apply(&o->q, line + 4, strlen(line + 4), &why, &at) != 0)
			CHECK(line, false);
	}
}

static void compare(const char *what, const struct run *run, const char *want, size_t n)
{
	struct bytes got = mask(&run->out);
	bool same = got.n == n && memcmp(got.p, want, n) == 0;

	CHECK(what, same);
	if (!same)
		printf("# got:\n%s\n# want:\n%s\n", got.p, want);
	free(got.p);
}

static void try_case(const char *kind, const char *ext, const char *name)
{
	struct run_options o;
	struct run run;
	char path[512], what[600];
	size_t n, nwant, noptions;

	run_options(&o);
	snprintf(path, sizeof path, "test/golden/%s/%s/upstream.%s", kind, name, ext);
	char *in = run_file(path, &n);
	snprintf(path, sizeof path, "test/golden/%s/%s/want.%s", kind, name, ext);
	char *want = run_file(path, &nwant);
	snprintf(path, sizeof path, "test/golden/%s/%s/options", kind, name);
	char *options = run_file(path, &noptions);
	if (options != NULL)
		read_options(&o, options);
	if (strcmp(kind, "reply") == 0)
		o.sink = SINK_MESSAGE;
	snprintf(what, sizeof what, "%s/%s", kind, name);
	if (in == NULL || want == NULL) {
		CHECK(what, false);
	} else {
		run_any(&run, &o, in, n, 0, 0);
		compare(what, &run, want, nwant);
		free(run.out.p);
		snprintf(what, sizeof what, "%s/%s, byte by byte", kind, name);
		run_any(&run, &o, in, n, 1, 1);
		compare(what, &run, want, nwant);
		free(run.out.p);
	}
	free(in);
	free(want);
	free(options);
}

static int try_all(const char *kind, const char *ext, const char *only)
{
	char path[64];
	struct dirent *entry;
	int count = 0;

	snprintf(path, sizeof path, "test/golden/%s", kind);
	DIR *dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || (only != NULL && strcmp(only, entry->d_name) != 0))
			continue;
		try_case(kind, ext, entry->d_name);
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	int streams = try_all("stream", "sse", only), replies = try_all("reply", "json", only);

	CHECK("the cases are there", only != NULL || (streams > 20 && replies > 10));
	return CHECK_END();
}
