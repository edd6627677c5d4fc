/* Tool schemas in every dialect: each rule by a row, and what must hold for any schema over the files of test/schema. */
#include "../schema.h"

#include "check.h"

#include <dirent.h>
#include <stdlib.h>

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static const struct j_val none;

static void read_into(struct plan *p, char *dst, size_t piece)
{
	struct plan_pos pos = { 0 };
	size_t some, n = 0;

	while ((some = plan_pull(p, &pos, dst + n, piece)) > 0)
		n += some;
	dst[n] = '\0';
}

/* the converted schema as text, made as a request is: counted, kept, pulled; NULL when the passes differ */
static char *converted(struct j_val schema, enum q_schema dialect, size_t piece)
{
	struct plan count, p;

	plan_init(&count, NULL, 0, NULL, 0);
	schema_convert(schema, dialect, &count);
	struct span *spans = calloc(count.nspans + 1, sizeof *spans);
	char *arena = malloc(count.narena + 1), *text = malloc(count.total + 1 + piece);
	plan_init(&p, spans, count.nspans, arena, count.narena);
	schema_convert(schema, dialect, &p);
	read_into(&p, text, piece);
	bool same = plan_fits(&p) && p.total == count.total && strlen(text) == count.total;
	free(spans);
	free(arena);
	if (!same) {
		free(text);
		return NULL;
	}
	return text;
}

static struct j_val checked(char *text)
{
	struct j_err err;

	if (text == NULL || j_check(text, strlen(text), &err) != 0)
		return none;
	return j_root(text, strlen(text));
}

/* ---- rows ---- */

struct row {
	const char *what;
	enum q_schema dialect;
	const char *in, *out;
};

static const struct row rows[] = {
	{ "light: values stay byte for byte", SCHEMA_LIGHT,
	  "{ \"type\" : \"object\",\n \"properties\": {\"$schema\": {\"type\":\"string\"} } }",
	  "{\"type\":\"object\",\"properties\":{\"$schema\": {\"type\":\"string\"} }}" },
	{ "light: noise of the root goes", SCHEMA_LIGHT,
	  "{\"$schema\":\"x\",\"type\":\"object\",\"$id\":\"y\",\"properties\":{}, \"required\" : [] ,\"$comment\":\"z\"}",
	  "{\"type\":\"object\",\"properties\":{},\"required\":[]}" },
	{ "light: an escaped name is the same name", SCHEMA_LIGHT,
	  "{\"\\u0024schema\":1,\"type\":\"object\",\"properties\":{}}", "{\"type\":\"object\",\"properties\":{}}" },
	{ "light: type and properties are added", SCHEMA_LIGHT,
	  "{\"required\":[]}", "{\"type\":\"object\",\"properties\":{},\"required\":[]}" },
	{ "light: an empty schema", SCHEMA_LIGHT, "{}", "{\"type\":\"object\",\"properties\":{}}" },
	{ "light: a wrong type and null properties are mended in place", SCHEMA_LIGHT,
	  "{\"a\":1,\"type\":[\"object\",\"null\"],\"b\":2,\"properties\":null}",
	  "{\"a\":1,\"type\":\"object\",\"b\":2,\"properties\":{}}" },
	{ "light: what is no object", SCHEMA_LIGHT, "true", "{\"type\":\"object\",\"properties\":{}}" },
	{ "light: a union at the root stays", SCHEMA_LIGHT, "{\"type\":\"object\",\"properties\":{},\"anyOf\":[{}]}",
	  "{\"type\":\"object\",\"properties\":{},\"anyOf\":[{}]}" },

	{ "gemini: unknown keywords go, names of properties stay", SCHEMA_GEMINI,
	  "{\"$schema\":\"s\",\"title\":\"T\",\"type\":\"object\",\"additionalProperties\":false,"
	  "\"properties\":{\"title\":{\"type\":\"string\",\"title\":\"t\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"}}}" },
	{ "gemini: constraints are told in the description", SCHEMA_GEMINI,
	  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"description\":\"A \\\"b\\\"\",\"pattern\":\"^\\\\d\","
	  "\"minLength\":2,\"default\":\"x\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"description\":"
	  "\"A \\\"b\\\" (pattern: ^\\\\d) (minLength: 2) (default: x)\"}}}" },
	{ "gemini: a value that is no string is told as JSON", SCHEMA_GEMINI,
	  "{\"properties\":{\"m\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}}}",
	  "{\"type\":\"object\",\"properties\":{\"m\":{\"type\":\"object\",\"description\":"
	  "\"(additionalProperties: {\\\"type\\\":\\\"integer\\\"})\"}}}" },
	{ "gemini: const becomes enum", SCHEMA_GEMINI, "{\"properties\":{\"k\":{\"const\":\"v\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\",\"enum\":[\"v\"]}}}" },
	{ "gemini: an enum of numbers is told", SCHEMA_GEMINI, "{\"properties\":{\"k\":{\"enum\":[1,2]}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"integer\",\"description\":\"(enum: [1,2])\"}}}" },
	{ "gemini: a mixed enum becomes strings, null nullable, empty strings go", SCHEMA_GEMINI,
	  "{\"properties\":{\"k\":{\"enum\":[\"a\",1,true,null,\"\"]}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\",\"nullable\":true,\"enum\":[\"a\",\"1\",\"true\"]}}}" },
	{ "gemini: a type list with null", SCHEMA_GEMINI, "{\"properties\":{\"k\":{\"type\":[\"string\",\"null\"]}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\",\"nullable\":true}}}" },
	{ "gemini: a type list becomes anyOf, the first tells", SCHEMA_GEMINI,
	  "{\"properties\":{\"k\":{\"type\":[\"string\",\"boolean\"],\"description\":\"D\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"anyOf\":[{\"type\":\"string\",\"description\":\"D\"},{\"type\":\"boolean\"}]}}}" },
	{ "gemini: integer or number is number", SCHEMA_GEMINI,
	  "{\"properties\":{\"k\":{\"type\":[\"integer\",\"number\"],\"minimum\":1,\"exclusiveMaximum\":5}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"number\",\"description\":\"(exclusiveMaximum: 5)\",\"minimum\":1}}}" },
	{ "gemini: one branch or null is that branch", SCHEMA_GEMINI,
	  "{\"properties\":{\"k\":{\"anyOf\":[{\"type\":\"string\",\"format\":\"uri\"},{\"type\":\"null\"}],\"default\":null,"
	  "\"description\":\"D\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\",\"description\":\"D (format: uri)\",\"nullable\":true}}}" },
	{ "gemini: oneOf becomes anyOf and nothing beside it", SCHEMA_GEMINI,
	  "{\"properties\":{\"k\":{\"description\":\"D\",\"default\":1,\"oneOf\":[{\"type\":\"string\",\"description\":\"S\"},"
	  "{\"type\":\"number\"}]}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"anyOf\":[{\"type\":\"string\",\"description\":\"D (default: 1) S\"},"
	  "{\"type\":\"number\"}]}}}" },
	{ "gemini: branches take the type from around them", SCHEMA_GEMINI,
	  "{\"properties\":{\"k\":{\"type\":\"string\",\"anyOf\":[{\"format\":\"email\"},{\"pattern\":\"x\"}]}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"anyOf\":[{\"type\":\"string\",\"description\":\"(format: email)\"},"
	  "{\"type\":\"string\",\"description\":\"(pattern: x)\"}]}}}" },
	{ "gemini: a reference, its description first", SCHEMA_GEMINI,
	  "{\"properties\":{\"k\":{\"$ref\":\"#/$defs/a~1b%20c\",\"description\":\"Own\"}},"
	  "\"$defs\":{\"a/b c\":{\"type\":\"integer\",\"description\":\"Theirs\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"integer\",\"description\":\"Own\"}}}" },
	{ "gemini: a reference to itself is cut", SCHEMA_GEMINI,
	  "{\"properties\":{\"n\":{\"$ref\":\"#/$defs/n\"}},\"$defs\":{\"n\":{\"type\":\"object\",\"properties\":"
	  "{\"next\":{\"$ref\":\"#/$defs/n\",\"description\":\"D\"},\"root\":{\"$ref\":\"#\"}}}}}",
	  "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"object\",\"properties\":"
	  "{\"next\":{\"type\":\"object\",\"description\":\"D\"},\"root\":{\"type\":\"object\"}}}}}" },
	{ "gemini: a reference that leads nowhere", SCHEMA_GEMINI,
	  "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/x\"},\"b\":{\"$ref\":\"http://x/y\"},\"c\":{\"$ref\":7}}}",
	  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\"},\"b\":{\"type\":\"object\"},\"c\":{\"type\":\"string\"}}}" },
	{ "gemini: allOf is merged, required once and only of properties", SCHEMA_GEMINI,
	  "{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\",\"ghost\"]},"
	  "{\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"boolean\"}},\"required\":[\"a\",\"b\"]}]}",
	  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"boolean\"}},\"required\":[\"a\",\"b\"]}" },
	{ "gemini: a union at the root gives its properties, none required", SCHEMA_GEMINI,
	  "{\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]},"
	  "{\"properties\":{\"b\":{\"type\":\"string\"}},\"required\":[\"b\"]}],\"required\":[\"b\"]}",
	  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\"}},\"required\":[\"b\"]}" },
	{ "gemini: a union beside properties does so too", SCHEMA_GEMINI,
	  "{\"properties\":{\"k\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"oneOf\":["
	  "{\"properties\":{\"b\":{\"type\":\"string\"}},\"required\":[\"b\"]},{\"required\":[\"a\"]}]}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},"
	  "\"b\":{\"type\":\"string\"}}}}}" },
	{ "gemini: lists without items, tuples, booleans", SCHEMA_GEMINI,
	  "{\"properties\":{\"l\":{\"type\":\"array\"},\"t\":{\"type\":\"array\",\"items\":[{\"type\":\"string\"},{\"type\":\"number\"}]},"
	  "\"p\":{\"prefixItems\":[{\"type\":\"number\"},{\"type\":\"number\"}],\"items\":false,\"minItems\":2},\"x\":true}}",
	  "{\"type\":\"object\",\"properties\":{\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	  "\"t\":{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}},"
	  "\"p\":{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"minItems\":2},\"x\":{\"type\":\"string\"}}}" },
	{ "gemini: date-time stays", SCHEMA_GEMINI, "{\"properties\":{\"k\":{\"type\":\"string\",\"format\":\"date-time\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\",\"format\":\"date-time\"}}}" },
	{ "gemini: what is no object", SCHEMA_GEMINI, "[]", "{\"type\":\"object\",\"properties\":{}}" },

	{ "moonshot: type moves into the branches", SCHEMA_MOONSHOT,
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\",\"description\":\"D\",\"anyOf\":[{\"format\":\"uri\"},"
	  "{\"type\":\"string\",\"enum\":[\"a\"]},{\"$ref\":\"#/x\"},{\"oneOf\":[{}]}]}}}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"description\":\"D\",\"anyOf\":[{\"type\":\"string\",\"format\":\"uri\"},"
	  "{\"type\":\"string\",\"enum\":[\"a\"]},{\"$ref\":\"#/x\"},{\"oneOf\":[{\"type\":\"string\"}]}]}}}" },
	{ "moonshot: tuples become prefixItems without items", SCHEMA_MOONSHOT,
	  "{\"type\":\"object\",\"properties\":{\"t\":{\"type\":\"array\",\"items\":[{\"type\":\"string\"}],\"additionalItems\":false},"
	  "\"p\":{\"type\":\"array\",\"prefixItems\":[true],\"items\":false}}}",
	  "{\"type\":\"object\",\"properties\":{\"t\":{\"type\":\"array\",\"prefixItems\":[{\"type\":\"string\"}]},"
	  "\"p\":{\"type\":\"array\",\"prefixItems\":[{}]}}}" },
	{ "moonshot: a union at the root is flattened", SCHEMA_MOONSHOT,
	  "{\"$schema\":\"s\",\"type\":\"object\",\"description\":\"D\",\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}},"
	  "\"required\":[\"a\"]},{\"properties\":{\"b\":{\"items\":[]}}}],\"required\":[\"b\",\"c\"],\"$defs\":{\"d\":true}}",
	  "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"prefixItems\":[]}},\"required\":[\"b\"],"
	  "\"description\":\"D\",\"$defs\":{\"d\":{}}}" },
	{ "moonshot: a reference at the root", SCHEMA_MOONSHOT,
	  "{\"$ref\":\"#/$defs/d\",\"$defs\":{\"d\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/e\"}},"
	  "\"required\":[\"a\"]},\"e\":{\"type\":\"string\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/e\"}},\"required\":[\"a\"],"
	  "\"$defs\":{\"d\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/e\"}},\"required\":[\"a\"]},"
	  "\"e\":{\"type\":\"string\"}}}" },
	{ "moonshot: required names that are no properties go", SCHEMA_MOONSHOT,
	  "{\"required\":[\"a\"],\"properties\":{\"o\":{\"type\":\"object\",\"required\":[\"x\",\"y\"],\"properties\":{\"y\":{}}}}}",
	  "{\"type\":\"object\",\"properties\":{\"o\":{\"type\":\"object\",\"required\":[\"y\"],\"properties\":{\"y\":{}}}}}" },

	{ "xai: a union at the root is flattened, what is within stays", SCHEMA_XAI,
	  "{\"$id\":\"i\",\"oneOf\":[{\"properties\":{\"a\":{ \"anyOf\":[true] }}},{\"properties\":{\"b\":{}}}]}",
	  "{\"type\":\"object\",\"properties\":{\"a\":{ \"anyOf\":[true] },\"b\":{}}}" },
	{ "xai: without one as light", SCHEMA_XAI,
	  "{\"$id\":\"i\",\"type\":\"object\",\"properties\":{\"a\":{ \"type\" :\"string\"}}}",
	  "{\"type\":\"object\",\"properties\":{\"a\":{ \"type\" :\"string\"}}}" },

	{ "grammar: booleans, pattern and format", SCHEMA_GRAMMAR,
	  "{\"type\":\"object\",\"properties\":{\"pattern\":{\"type\":\"string\",\"pattern\":\"(?=x)\",\"format\":\"uri\"},"
	  "\"any\":true,\"l\":{\"items\":true},\"u\":{\"anyOf\":[true,{\"format\":\"x\"}]},\"d\":{\"default\":{\"format\":1}}},"
	  "\"additionalProperties\":false}",
	  "{\"type\":\"object\",\"properties\":{\"pattern\":{\"type\":\"string\"},\"any\":{},\"l\":{\"items\":{}},"
	  "\"u\":{\"anyOf\":[{},{}]},\"d\":{\"default\":{\"format\":1}}},\"additionalProperties\":false}" },
	{ "grammar: type stays beside a union", SCHEMA_GRAMMAR,
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\",\"anyOf\":[{\"minLength\":1}]}},\"anyOf\":[{}]}",
	  "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\",\"anyOf\":[{\"minLength\":1}]}},\"anyOf\":[{}]}" },
	{ "grammar: the root is made sure of", SCHEMA_GRAMMAR, "{\"$schema\":\"s\",\"properties\":[]}",
	  "{\"type\":\"object\",\"properties\":{}}" },
};

static void test_row(const struct row *r)
{
	char *in = strdup(r->in);
	char *whole = converted(checked(in), r->dialect, 4096), *bytes = converted(checked(in), r->dialect, 1);
	bool right = whole != NULL && bytes != NULL && strcmp(whole, r->out) == 0 && strcmp(bytes, r->out) == 0;

	CHECK(r->what, right);
	if (!right)
		printf("# got  %s\n# want %s\n", whole != NULL ? whole : "(passes differ)", r->out);
	free(in);
	free(whole);
	free(bytes);
}

/* ---- what must hold for any schema ---- */

static bool gemini_ok(struct j_val node, bool root);

static bool each_gemini_ok(struct j_val v)
{
	struct j_val key = none, value = none;

	while (v.type == J_ARRAY ? j_item(v, &value) : j_member(v, &key, &value))
		if (!gemini_ok(value, false))
			return false;
	return true;
}

static bool strings_only(struct j_val list)
{
	struct j_val item = none;

	while (j_item(list, &item))
		if (item.type != J_STRING || j_length(item) == 0)
			return false;
	return j_count(list) > 0;
}

static bool names_exist(struct j_val names, struct j_val object)
{
	struct j_val item = none;

	while (j_item(names, &item)) {
		struct j_val key = none, value = none;
		bool found = false;

		while (!found && j_member(object, &key, &value))
			found = j_same(key, item);
		if (!found)
			return false;
	}
	return true;
}

static bool is_whitelisted(struct j_val node)
{
	static const char *const names[] = {
		"type", "description", "enum", "properties", "required", "items", "nullable", "minimum", "maximum",
		"minItems", "maxItems", "format",
	};
	struct j_val key = none, value = none;

	while (j_member(node, &key, &value)) {
		size_t i = 0;

		while (i < COUNT(names) && !j_is(key, names[i]))
			i++;
		if (i == COUNT(names))
			return false;
	}
	return true;
}

static bool gemini_ok(struct j_val node, bool root)
{
	struct j_val any = j_get(node, "anyOf"), type = j_get(node, "type");
	struct j_val list = j_get(node, "enum"), format = j_get(node, "format");

	if (any.type != J_NONE)
		return !root && j_count(node) == 1 && any.type == J_ARRAY && j_count(any) > 1 && each_gemini_ok(any);
	if (node.type != J_OBJECT || type.type != J_STRING || !is_whitelisted(node))
		return false;
	if (list.type != J_NONE && !(j_is(type, "string") && strings_only(list)))
		return false;
	if (format.type != J_NONE && !j_is(format, "enum") && !j_is(format, "date-time"))
		return false;
	if (j_is(type, "array") != (j_get(node, "items").type != J_NONE))
		return false;
	if (j_is(type, "array") && !gemini_ok(j_get(node, "items"), false))
		return false;
	return names_exist(j_get(node, "required"), j_get(node, "properties")) && each_gemini_ok(j_get(node, "properties"));
}

/* type beside a union, tuples and booleans in the places of schemas */
static bool moonshot_ok(struct j_val node)
{
	struct j_val any = j_get(node, "anyOf"), items = j_get(node, "items"), key = none, value = none;

	if (node.type != J_OBJECT)
		return false;
	if (any.type == J_ARRAY && j_get(node, "type").type != J_NONE)
		return false;
	if (items.type != J_NONE && !moonshot_ok(items))
		return false;
	while (j_member(j_get(node, "properties"), &key, &value))
		if (!moonshot_ok(value))
			return false;
	for (value = none; j_item(any, &value);)
		if (!moonshot_ok(value))
			return false;
	return true;
}

static bool root_ok(struct j_val root)
{
	return j_is(j_get(root, "type"), "object") && j_get(root, "properties").type == J_OBJECT
		&& j_get(root, "$schema").type == J_NONE;
}

static bool dialect_ok(struct j_val root, enum q_schema dialect)
{
	switch (dialect) {
	case SCHEMA_GEMINI:
		return gemini_ok(root, true);
	case SCHEMA_MOONSHOT:
		return moonshot_ok(root) && j_get(root, "anyOf").type == J_NONE;
	case SCHEMA_XAI:
		return j_get(root, "anyOf").type == J_NONE && j_get(root, "oneOf").type == J_NONE;
	case SCHEMA_LIGHT:
	case SCHEMA_GRAMMAR:
		break;
	}
	return true;
}

static void test_properties(const char *name, char *text)
{
	static const char *const dialects[] = { "light", "gemini", "moonshot", "xai", "grammar" };
	struct j_val schema = checked(text);
	char what[400];

	for (int d = SCHEMA_LIGHT; d <= SCHEMA_GRAMMAR; d++) {
		enum q_schema dialect = (enum q_schema)d;
		char *once = converted(schema, dialect, 4096);
		struct j_val result = checked(once);
		char *twice = converted(result, dialect, 7);

		snprintf(what, sizeof what, "%s as %s: valid, as the dialect wants it, the same when done again", name,
			dialects[d]);
		CHECK(what, root_ok(result) && dialect_ok(result, dialect) && twice != NULL && strcmp(once, twice) == 0);
		free(once);
		free(twice);
	}
}

static void test_files(void)
{
	DIR *dir = opendir("test/schema");
	struct dirent *entry;
	int seen = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[512], text[16384];

		if (strstr(entry->d_name, ".json") == NULL)
			continue;
		snprintf(path, sizeof path, "test/schema/%s", entry->d_name);
		FILE *f = fopen(path, "rb");
		text[f != NULL ? fread(text, 1, sizeof text - 1, f) : 0] = '\0';
		if (f != NULL)
			fclose(f);
		test_properties(entry->d_name, text);
		seen++;
	}
	if (dir != NULL)
		closedir(dir);
	CHECK("all files of test/schema were there", seen == 16);
}

/* ---- limits ---- */

/* $defs where each refers to the next twice: 2^40 nodes when nothing stops it */
static void test_doubling(void)
{
	char *text = malloc(8192);
	size_t n = (size_t)sprintf(text, "{\"properties\":{\"x\":{\"$ref\":\"#/$defs/d0\"}},\"$defs\":{");

	for (int i = 0; i < 40; i++)
		n += (size_t)sprintf(text + n, "\"d%d\":{\"properties\":{\"a\":{\"$ref\":\"#/$defs/d%d\"},"
			"\"b\":{\"$ref\":\"#/$defs/d%d\"}}},", i, i + 1, i + 1);
	sprintf(text + n, "\"d40\":{\"type\":\"string\"}}}");
	char *out = converted(checked(text), SCHEMA_GEMINI, 4096);
	CHECK("references that double are bounded", out != NULL && strlen(out) < 200000 && gemini_ok(checked(out), true));
	free(out);
	free(text);
}

static void test_deep(void)
{
	char *text = malloc(8192);
	size_t n = 0;

	for (int i = 0; i < 60; i++)
		n += (size_t)sprintf(text + n, "{\"properties\":{\"p\":");
	n += (size_t)sprintf(text + n, "{\"type\":\"string\"}");
	for (int i = 0; i < 60; i++)
		n += (size_t)sprintf(text + n, "}}");
	for (int d = SCHEMA_LIGHT; d <= SCHEMA_GRAMMAR; d++) {
		char *out = converted(checked(text), (enum q_schema)d, 4096);
		CHECK("a deep schema stays valid", checked(out).type == J_OBJECT);
		free(out);
	}
	free(text);
}

static void test_branches(void)
{
	char *text = malloc(65536);
	size_t n = (size_t)sprintf(text, "{\"anyOf\":[");

	for (int i = 0; i < 200; i++)
		n += (size_t)sprintf(text + n, "%s{\"properties\":{\"p%d\":{\"type\":\"string\"}}}", i > 0 ? "," : "", i);
	sprintf(text + n, "]}");
	char *out = converted(checked(text), SCHEMA_GEMINI, 4096);
	CHECK("a union of many branches at the root", gemini_ok(checked(out), true) && j_count(j_get(checked(out), "properties")) >= 20);
	free(out);
	free(text);
}

int main(void)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		test_row(&rows[i]);
	char *absent = converted(none, SCHEMA_LIGHT, 1);
	CHECK("no schema at all", absent != NULL && strcmp(absent, "{\"type\":\"object\",\"properties\":{}}") == 0);
	free(absent);
	test_files();
	test_doubling();
	test_deep();
	test_branches();
	return CHECK_END();
}
