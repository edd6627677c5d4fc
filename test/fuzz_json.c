/*
 * Fuzzing json.c, json_check.c, json_string.c and plan.c: a text that is
 * accepted is walked to its last byte, its strings survive decoding and
 * encoding, and plans yield what they count.
 */
#include "json.h"
#include "plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static const struct j_val none;

/* all that a span yields, in pieces of this size; *n becomes its length */
static char *pull_all(enum span_kind kind, const char *bytes, size_t in, size_t piece, size_t *n)
{
	struct span s[1];
	struct plan p;
	struct plan_pos pos = { 0 };
	size_t some;

	plan_init(&p, s, 1, NULL, 0);
	plan_span(&p, kind, bytes, in);
	char *out = malloc(p.total + piece);
	for (*n = 0; (some = plan_pull(&p, &pos, out + *n, piece)) > 0; *n += some)
		MUST(some <= piece && *n + some <= p.total);
	MUST(*n == p.total);
	return out;
}

static void any_bytes(enum span_kind kind, const char *bytes, size_t in)
{
	size_t n, m;
	char *small = pull_all(kind, bytes, in, 1, &n);

	for (size_t piece = 3; piece < 4096; piece = piece * 3 + 1) {
		char *large = pull_all(kind, bytes, in, piece, &m);
		MUST(n == m && memcmp(small, large, n) == 0);
		free(large);
	}
	free(small);
}

/* decoded by j_copy and by a span alike; encoded again it is the same string */
static void string(struct j_val v)
{
	struct j_err err;
	size_t raw_n, n, m, length = j_length(v);
	const char *raw = j_raw(v, &raw_n);
	char *decoded = malloc(length + 1);

	MUST(j_text(v, decoded, length + 1) == length);
	char *pulled = pull_all(SPAN_UNESC, raw, raw_n, 7, &n);
	MUST(n == length && memcmp(pulled, decoded, n) == 0);
	char *again = pull_all(SPAN_ESC, decoded, length, 7, &m);
	char *text = malloc(m + 2);
	text[0] = text[m + 1] = '"';
	memcpy(text + 1, again, m);
	MUST(j_check(text, m + 2, &err) == 0);	/* so the decoded bytes are valid UTF-8 too */
	struct j_val encoded = j_root(text, m + 2);
	MUST(encoded.n == m + 2 && j_same(v, encoded) && j_hash(encoded) == hash_bytes(decoded, length));
	MUST(memchr(decoded, '\0', length) != NULL || (j_is(v, decoded) && j_begins(v, decoded)));
	free(decoded);
	free(pulled);
	free(again);
	free(text);
}

static void number(struct j_val v)
{
	char arena[21];
	struct span s[1];
	struct plan p;
	int64_t whole, again, millionths;

	MUST(j_millionths(v, &millionths));
	if (!j_whole(v, &whole))
		return;
	plan_init(&p, s, 1, arena, sizeof arena);
	plan_num(&p, whole);
	struct j_val written = j_root(arena, p.narena);
	MUST(j_whole(written, &again) && again == whole);
	if (whole > INT64_MIN / 1000000 && whole < INT64_MAX / 1000000)
		MUST(millionths == whole * 1000000);
}

static bool only_space(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p) != NULL && *p != '\0')
		p++;
	return p == end;
}

static void walk(struct j_val v, size_t depth);

/* what is inside follows one after the other; behind the last there is nothing but space and the bracket */
static void list(struct j_val v, size_t depth)
{
	struct j_val key = none, value = none;
	const char *at = v.p + 1;
	size_t n = 0;

	MUST(depth <= J_DEPTH && v.n >= 2 && v.p[v.n - 1] == (v.type == J_ARRAY ? ']' : '}'));
	while (v.type == J_ARRAY ? j_item(v, &value) : j_member(v, &key, &value)) {
		MUST(value.p >= at && value.p + value.n < v.p + v.n);
		if (v.type == J_OBJECT) {
			MUST(key.p >= at && key.p + key.n < value.p && key.type == J_STRING);
			string(key);
		}
		walk(value, depth);
		at = value.p + value.n;
		n++;
	}
	MUST(only_space(at, v.p + v.n - 1));
	MUST(n == j_count(v) && (n == 0) == j_empty(v));
}

static void walk(struct j_val v, size_t depth)
{
	MUST(v.type != J_NONE && v.n > 0);
	if (v.type == J_STRING)
		string(v);
	else if (v.type == J_NUMBER)
		number(v);
	else if (v.type == J_ARRAY || v.type == J_OBJECT)
		list(v, depth + 1);
	else
		MUST(v.n == (v.type == J_FALSE ? 5 : 4));
}

static void accepted(char *text, size_t n)
{
	struct j_err err;
	struct j_val root = j_root(text, n);
	char *before = malloc(n);

	MUST(only_space(text, root.p) && only_space(root.p + root.n, text + n));
	walk(root, 0);
	memcpy(before, text, n);
	MUST(j_check(text, n, &err) == 0 && memcmp(text, before, n) == 0);	/* nothing is left to mend */
	free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct j_err err = { NULL, 0 }, kept_err = { NULL, 0 };
	size_t line, column;
	char *text = malloc(size + (size == 0)), *kept = malloc(size + (size == 0));

	if (size > 0) {
		memcpy(text, data, size);
		memcpy(kept, data, size);
	}
	int result = j_check(text, size, &err);
	MUST(j_check_keep(kept, size, &kept_err) == result && (size == 0 || memcmp(kept, data, size) == 0));
	if (result == 0) {
		accepted(text, size);
		walk(j_root(kept, size), 0);
	} else {
		MUST(err.why != NULL && err.at <= size && err.at == kept_err.at && err.why == kept_err.why);
		j_where(text, err.at, &line, &column);
		MUST(line >= 1 && column >= 1 && column <= err.at + 1);
	}
	for (int kind = SPAN_RAW; kind <= SPAN_UNB64; kind++)
		any_bytes((enum span_kind)kind, kept, size);
	free(text);
	free(kept);
	return 0;
}
