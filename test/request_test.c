/*
 * The conversion of requests, by cases: a directory of test/golden/request
 * holds request.json, want.json (the body, white space outside of strings not
 * counted) or want.error (the message), and env where settings matter
 * (request_run.h). What converts must be the same for any room, valid, and
 * good Chat Completions; and what is cut off or changed must never crash it.
 */
#include "chat_grammar.h"
#include "request_run.h"

#include "check.h"

#include <dirent.h>

#define CASES "test/golden/request"

static char *case_file(const char *name, const char *file)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s/%s", CASES, name, file);
	return read_file(path);
}

/* the request once more, in small rooms */
static bool same_in_any_room(const char *text, const struct target *t, const char *want)
{
	static const size_t rooms[] = { 1, 2, 3, 7, 13, 4096 };
	bool same = true;

	for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
		char *copy = strdup(text);
		struct result r = run_text(copy, t, rooms[i]);
		same = same && r.rc == 0 && r.same && strcmp(r.body, want) == 0;
		result_free(&r);
		free(copy);
	}
	return same;
}

static void good_case(const char *name, const char *text, struct setting *s, const char *want)
{
	char what[256];
	struct j_err err;
	char *copy = strdup(text);
	struct result r = run_text(copy, &s->t, 1 << 20);

	snprintf(what, sizeof what, "request: %s", name);
	bool good = r.rc == 0 && r.same && strcmp(r.body, want) == 0;
	CHECK(what, good);
	if (!good)
		printf("#  want %s\n#  got  %s%s\n", want, r.body, r.rc != 0 ? r.e.message : "");
	snprintf(what, sizeof what, "request: %s: valid, the same in any room", name);
	CHECK(what, j_check(r.body, r.n, &err) == 0 && same_in_any_room(text, &s->t, r.body));
	const char *wrong = s->q.native ? NULL : chat_wrong(j_root(r.body, r.n), s->q.system != SYSTEM_INLINE);
	snprintf(what, sizeof what, "request: %s: good Chat Completions", name);
	if (!s->q.native)
		CHECK(what, wrong == NULL);
	if (wrong != NULL)
		printf("#  %s\n", wrong);
	result_free(&r);
	free(copy);
}

static void bad_case(const char *name, char *text, struct setting *s, char *want)
{
	char what[256];
	struct result r = run_text(text, &s->t, 4096);

	want[strcspn(want, "\n")] = '\0';
	snprintf(what, sizeof what, "request: %s: refused", name);
	CHECK(what, r.rc == -1 && r.e.status == 400 && strcmp(r.e.type, "invalid_request_error") == 0
		&& strcmp(r.e.message, want) == 0);
	if (strcmp(r.e.message, want) != 0)
		printf("#  want %s\n#  got  %s\n", want, r.e.message);
	result_free(&r);
}

/* whatever is cut off or changed: an error, or a body that is valid */
static bool survives(const char *text, const struct target *t)
{
	static const char bytes[] = "\"\\{}[],:0tn \x80";
	size_t n = strlen(text), step = n / 60 + 1;
	unsigned seed = 1;
	bool good = true;
	struct j_err err;

	for (size_t cut = 0; cut < n - 1; cut += step) {	/* behind the last byte there is a line feed */
		char *copy = strdup(text);
		copy[cut] = '\0';
		struct result r = run_text(copy, t, 512);
		good = good && r.rc != 0;
		result_free(&r);
		free(copy);
	}
	for (int i = 0; i < 200; i++) {
		char *copy = strdup(text);
		seed = seed * 1103515245u + 12345u;
		copy[seed / 7 % n] = bytes[seed / 65536 % (sizeof bytes - 1)];
		struct result r = run_text(copy, t, 512);
		good = good && (r.rc != 0 || (r.same && j_check(r.body, r.n, &err) == 0));
		result_free(&r);
		free(copy);
	}
	return good;
}

static void run_case(const char *name)
{
	char what[256];
	struct setting s;
	char *text = case_file(name, "request.json"), *want = case_file(name, "want.json");
	char *error = case_file(name, "want.error"), *env = case_file(name, "env");

	setting_init(&s);
	bool ready = text != NULL && (want != NULL || error != NULL) && (env == NULL || setting_lines(&s, env));
	snprintf(what, sizeof what, "request: %s: can be read", name);
	CHECK(what, ready);
	if (ready) {
		snprintf(what, sizeof what, "request: %s: survives any change", name);
		CHECK(what, survives(text, &s.t));
	}
	if (ready && want != NULL) {
		squeeze(want);
		good_case(name, text, &s, want);
	} else if (ready) {
		bad_case(name, text, &s, error);
	}
	free(text);
	free(want);
	free(error);
	free(env);
}

int main(void)
{
	struct dirent **list;
	int n = scandir(CASES, &list, NULL, alphasort);

	CHECK("request: there are cases", n > 2);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			run_case(list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return CHECK_END();
}
