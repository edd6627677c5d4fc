/*
 * Fuzzing schema.c, schema_node.c and schema_gemini.c: for any JSON every
 * dialect gives valid JSON with an object at its root, the same in both passes
 * and whatever the room, and of what came out once more. The copying dialects
 * leave that as it is; others may see branches that have become alike.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

/* terminated */
static char *converted(struct j_val schema, enum q_schema dialect, size_t piece, size_t *n)
{
	struct plan count, p;
	struct plan_pos pos = { 0 };
	size_t some;

	plan_init(&count, NULL, 0, NULL, 0);
	schema_convert(schema, dialect, &count);
	struct span *spans = calloc(count.nspans + 1, sizeof *spans);
	char *arena = malloc(count.narena + 1), *out = malloc(count.total + piece);
	plan_init(&p, spans, count.nspans, arena, count.narena);
	schema_convert(schema, dialect, &p);
	MUST(plan_fits(&p) && p.total == count.total && p.nspans == count.nspans);
	for (*n = 0; (some = plan_pull(&p, &pos, out + *n, piece)) > 0; *n += some)
		MUST(*n + some <= count.total);
	MUST(*n == count.total);
	free(spans);
	free(arena);
	return out;
}

/* only what Gemini's Schema message has */
static void whitelisted(struct j_val node)
{
	static const char *const names[] = {
		"type", "description", "enum", "properties", "required", "items", "nullable", "minimum", "maximum", "minItems",
		"maxItems", "format", "anyOf",
	};
	struct j_val key = { 0 }, value = { 0 }, item = { 0 };

	MUST(node.type == J_OBJECT);
	while (j_member(node, &key, &value)) {
		size_t i = 0;
		while (i < sizeof names / sizeof names[0] && !j_is(key, names[i]))
			i++;
		MUST(i < sizeof names / sizeof names[0]);
	}
	memset(&value, 0, sizeof value);
	memset(&key, 0, sizeof key);
	while (j_member(j_get(node, "properties"), &key, &value))
		whitelisted(value);
	while (j_item(j_get(node, "anyOf"), &item))
		whitelisted(item);
	if (j_get(node, "items").type != J_NONE)
		whitelisted(j_get(node, "items"));
	MUST((j_get(node, "anyOf").type == J_NONE) == (j_get(node, "type").type == J_STRING));
}

static void dialect(struct j_val schema, enum q_schema d)
{
	size_t n, m;
	struct j_err err;
	char *once = converted(schema, d, 4096, &n), *bytes = converted(schema, d, 1, &m);

	MUST(n == m && memcmp(once, bytes, n) == 0);
	free(bytes);
	MUST(j_check_keep(once, n, &err) == 0);
	struct j_val root = j_root(once, n);
	MUST(j_is(j_get(root, "type"), "object") && j_get(root, "properties").type == J_OBJECT);
	if (d == SCHEMA_GEMINI)
		whitelisted(root);
	char *twice = converted(root, d, 4096, &m);
	MUST(j_check_keep(twice, m, &err) == 0);
	if (d == SCHEMA_GEMINI)
		whitelisted(j_root(twice, m));
	if (d == SCHEMA_LIGHT || d == SCHEMA_GRAMMAR)
		MUST(n == m && memcmp(once, twice, n) == 0);
	free(once);
	free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct j_err err;
	char *text = malloc(size + (size == 0));

	if (size > 0)
		memcpy(text, data, size);
	if (j_check(text, size, &err) == 0)
		for (int d = SCHEMA_LIGHT; d <= SCHEMA_GRAMMAR; d++)
			dialect(j_root(text, size), (enum q_schema)d);
	free(text);
	return 0;
}
