/* json.c and json_string.c: reading checked text. */
#include "json.h"

#include <stdlib.h>

#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct j_val none;

/* the value of checked text; J_NONE, and so a failing test, when it is not right */
static struct j_val read_value(const char *text)
{
	static char copy[8][4096];	/* a few may be looked at side by side */
	static unsigned turn;
	char *p = copy[turn++ % 8];
	size_t n = strlen(text);
	struct j_err err;

	memcpy(p, text, n + 1);
	return j_check_keep(p, n, &err) == 0 ? j_root(p, n) : none;
}

/* the text as one line, to name a check */
static const char *line(const char *text)
{
	static char out[256];
	size_t n = strlen(text);

	for (size_t i = 0; i <= n; i++)
		out[i] = text[i] == '\n' || text[i] == '\r' ? ' ' : text[i];
	return out;
}

static bool is_text(struct j_val v, const char *text)
{
	return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

static void test_types(void)
{
	static const struct {
		const char *text, *value;
		enum j_type type;
	} rows[] = {
		{ "null", "null", J_NULL }, { " true\n", "true", J_TRUE }, { "\tfalse", "false", J_FALSE },
		{ "-1.5e3", "-1.5e3", J_NUMBER }, { " 0 ", "0", J_NUMBER }, { "\"\"", "\"\"", J_STRING },
		{ " \"a\\\"]}\" ", "\"a\\\"]}\"", J_STRING }, { "\"\\\\\"", "\"\\\\\"", J_STRING },
		{ "\"\\\\\\\"\" ", "\"\\\\\\\"\"", J_STRING },
		{ "[ ]", "[ ]", J_ARRAY }, { " {} ", "{}", J_OBJECT }, { "[\"]\",[\"\\\"]\"]] ", "[\"]\",[\"\\\"]\"]]", J_ARRAY },
		{ "{\"}\":{\"{\":\"}\"}}", "{\"}\":{\"{\":\"}\"}}", J_OBJECT },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct j_val v = read_value(rows[i].text);
		CHECK(line(rows[i].text), v.type == rows[i].type && is_text(v, rows[i].value));
	}
	struct j_val absent = j_root("  ", 2);
	CHECK("nothing but space is no value", absent.type == J_NONE && absent.p == NULL && absent.n == 0);
	CHECK("no text is no value", j_root("", 0).type == J_NONE && j_root(NULL, 0).type == J_NONE);
}

/* the items, or the keys and values, each followed by a bar */
static void list(struct j_val v, char *out)
{
	struct j_val key = none, value = none;

	*out = '\0';
	while (v.type == J_ARRAY ? j_item(v, &value) : j_member(v, &key, &value)) {
		if (key.n > 0)
			strcat(strncat(out, key.p, key.n), ":");
		strcat(strncat(out, value.p, value.n), "|");
	}
	if (value.type != J_NONE || value.p != NULL || key.p != NULL)
		strcat(out, "not none at the end");
}

static void test_lists(void)
{
	static const struct {
		const char *text, *all;
		size_t count;
	} rows[] = {
		{ "[]", "", 0 }, { "[ \n ]", "", 0 }, { "{}", "", 0 }, { "{ }", "", 0 },
		{ "[1]", "1|", 1 }, { "[1,2]", "1|2|", 2 },
		{ " [ 1 , -2.5e3\t,\n\"a,b\" , null,true , false ] ", "1|-2.5e3|\"a,b\"|null|true|false|", 6 },
		{ "[[1,[2]],{\"a\":[3,4]},[]]", "[1,[2]]|{\"a\":[3,4]}|[]|", 3 },
		{ "[\"\\\\\",\"\\\"\"]", "\"\\\\\"|\"\\\"\"|", 2 },
		{ "{\"a\":1}", "\"a\":1|", 1 },
		{ " { \"a\" : 1 , \"b\"\n:\n[ 1 , 2 ] , \"c:,\":{\"d\":null} } ", "\"a\":1|\"b\":[ 1 , 2 ]|\"c:,\":{\"d\":null}|", 3 },
		{ "{\"a\":1,\"a\":2,\"\":3}", "\"a\":1|\"a\":2|\"\":3|", 3 },
		{ "1", "", 0 }, { "\"[1,2]\"", "", 0 }, { "null", "", 0 },
	};
	char all[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct j_val v = read_value(rows[i].text);
		list(v, all);
		CHECK(line(rows[i].text), strcmp(all, rows[i].all) == 0 && j_count(v) == rows[i].count);
	}
	struct j_val item = none, key = none, value = none;
	CHECK("an object has no items", !j_item(read_value("{\"a\":1}"), &item));
	CHECK("an array has no members", !j_member(read_value("[1]"), &key, &value));
	CHECK("nothing has neither", !j_item(none, &item) && !j_member(none, &key, &value) && j_count(none) == 0);
}

static void test_fields(void)
{
	static const char names[] = "type\0text\0absent\0";
	struct j_val v[3];

	j_pick(read_value("{\"x\":{\"type\":0},\"text\":[1] , \"type\":\"a\",\"\":2}"), names, v);
	CHECK("members in any order", is_text(v[0], "\"a\"") && is_text(v[1], "[1]"));
	CHECK("an absent member", v[2].type == J_NONE && v[2].p == NULL && v[2].n == 0);
	j_pick(read_value("{\"type\":1,\"text\":2,\"type\":3,\"t\\u0079pe\":4}"), names, v);
	CHECK("of duplicates the last, however it is written", is_text(v[0], "4") && is_text(v[1], "2"));
	j_pick(read_value("{\"typ\":1,\"types\":2,\"Type\":3,\"type\\u0000\":4,\"\":5}"), names, v);
	CHECK("only whole names", v[0].type == J_NONE && v[1].type == J_NONE && v[2].type == J_NONE);
	memset(v, 1, sizeof v);
	j_pick(read_value("[\"type\"]"), names, v);
	CHECK("an array has no members", v[0].type == J_NONE && v[2].type == J_NONE);
	j_pick(none, names, v);
	CHECK("nothing has no members", v[0].type == J_NONE && v[2].type == J_NONE);
	struct j_val list = read_value("[{}, { } ,{\"text\":[1] }\n,5,{\"type\":\"}\",\"x\":{}} ]"), item = none;
	CHECK("an item without members", j_item_pick(list, &item, names, v) && is_text(item, "{}") && v[0].type == J_NONE);
	CHECK("one of white space", j_item_pick(list, &item, names, v) && is_text(item, "{ }") && v[1].type == J_NONE);
	CHECK("one with white space behind", j_item_pick(list, &item, names, v) && is_text(item, "{\"text\":[1] }")
		&& is_text(v[1], "[1]"));
	CHECK("one that is no object", j_item_pick(list, &item, names, v) && is_text(item, "5") && v[1].type == J_NONE);
	CHECK("the last", j_item_pick(list, &item, names, v) && is_text(item, "{\"type\":\"}\",\"x\":{}}") && is_text(v[0], "\"}\""));
	CHECK("and no other", !j_item_pick(list, &item, names, v) && item.type == J_NONE && v[0].type == J_NONE);
	CHECK("no items in what is no array", !j_item_pick(read_value("{\"type\":1}"), &item, names, v) && v[0].type == J_NONE);
	CHECK("which of some names", j_which(read_value("\"text\""), names) == 1 && j_which(read_value("\"\""), names) == -1
		&& j_which(read_value("\"\\u0061bsent\""), names) == 2 && j_which(read_value("[]"), names) == -1);
	CHECK("j_get", is_text(j_get(read_value("{\"a\":1,\"b\":2,\"a\":3}"), "a"), "3"));
	CHECK("j_get through absent ones", j_get(j_get(read_value("{}"), "a"), "b").type == J_NONE);
}

/* strings and what they decode to; n: its length, where there is a NUL inside */
static const struct {
	const char *json, *text;
	size_t n;
} strings[] = {
	{ "\"\"", "", 0 },
	{ "\"plain\"", "plain", 5 },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
	{ "\"\\u0041\\u00e9\\u20AC\\uFFFF\"", "A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf", 9 },
	{ "\"\\u007f\\u0080\\u07ff\\u0800\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80", 8 },
	{ "\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8 },
	{ "\"x\\ud83d\\ude00y\"", "x\xf0\x9f\x98\x80y", 6 },
	{ "\"a\\u0000b\"", "a\0b", 3 },
	{ "\"\\ud83d\"", "\xef\xbf\xbd", 3 },
	{ "\"\\ude00\\ud83d!\"", "\xef\xbf\xbd\xef\xbf\xbd!", 7 },
	{ "\"\\ud83d\\nde00\"", "\xef\xbf\xbd\nde00", 8 },
	{ "\"\\ud83d..de00\"", "\xef\xbf\xbd..de00", 9 },
	{ "\"\\udc00\\udc00\"", "\xef\xbf\xbd\xef\xbf\xbd", 6 },
	{ "\"\\udfff.\"", "\xef\xbf\xbd.", 4 },
	{ "\"\\ud83d\\u0041\"", "\xef\xbf\xbd" "A", 4 },
	{ "\"\\ud83d\\\\ude00\"", "\xef\xbf\xbd\\ude00", 9 },
	{ "\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7 },
	{ "\"Gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x98\x80\"", "Gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x98\x80", 15 },
	{ "\"\\\\u0041\"", "\\u0041", 6 },
};

static bool is_boundary(const char *text, size_t n, size_t at)
{
	return at == n || ((unsigned char)text[at] & 0xc0) != 0x80;
}

/* as much as fits, whole characters, and nothing written beyond */
static bool copies_into_any_room(struct j_val v, const char *text, size_t n)
{
	char dst[64];

	for (size_t room = 0; room <= n + 3; room++) {
		size_t want = room < n ? room : n;
		while (!is_boundary(text, n, want))
			want--;
		memset(dst, '#', sizeof dst);
		if (j_copy(v, dst, room) != want || memcmp(dst, text, want) != 0 || dst[room] != '#')
			return false;
		memset(dst, '#', sizeof dst);
		if (j_text(v, dst, room + 1) != want || memcmp(dst, text, want) != 0 || dst[want] != '\0' || dst[room + 1] != '#')
			return false;
	}
	return true;
}

static void test_strings(void)
{
	for (size_t i = 0; i < COUNT(strings); i++) {
		struct j_val v = read_value(strings[i].json);
		size_t n;
		const char *raw = j_raw(v, &n);
		CHECK(strings[i].json, v.type == J_STRING && j_length(v) == strings[i].n
			&& copies_into_any_room(v, strings[i].text, strings[i].n));
		CHECK("its inside", raw == v.p + 1 && n == v.n - 2 && j_raw_length(raw, n) == strings[i].n);
		CHECK("its hash", j_hash(v) == hash_bytes(strings[i].text, strings[i].n));
		bool ends = strlen(strings[i].text) == strings[i].n;
		CHECK("it is its text", j_is(v, strings[i].text) == ends && j_begins(v, strings[i].text));
		for (size_t k = 0; k < COUNT(strings); k++) {
			bool same = j_same(read_value(strings[i].json), read_value(strings[k].json));
			if (same != (k == i))
				CHECK("the same only as itself", false);
		}
	}
	size_t n = 7;
	struct j_val number = read_value("12");
	CHECK("no other type has text", j_raw(number, &n) == NULL && n == 0 && j_length(number) == 0
		&& j_copy(number, NULL, 0) == 0 && j_length(none) == 0);
	CHECK("FNV-1a", hash_bytes("", 0) == UINT64_C(0xcbf29ce484222325)
		&& hash_bytes("a", 1) == UINT64_C(0xaf63dc4c8601ec8c) && hash_bytes("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

/* whatever follows a backslash, cut anywhere */
static void test_escapes(void)
{
	static const struct {
		const char *raw, *out;
		size_t used;
	} rows[] = {
		{ "\\", "\xef\xbf\xbd", 1 }, { "\\x", "\xef\xbf\xbd", 2 }, { "\\n...", "\n", 2 },
		{ "\\u", "\xef\xbf\xbd", 2 }, { "\\u12", "\xef\xbf\xbd", 4 }, { "\\u12g4", "\xef\xbf\xbd", 6 },
		{ "\\u00e9\\", "\xc3\xa9", 6 }, { "\\ud83d", "\xef\xbf\xbd", 6 }, { "\\ud83d\\ude0", "\xef\xbf\xbd", 6 },
		{ "\\ud83d\\ude0g", "\xef\xbf\xbd", 6 }, { "\\ud83d\\ude00", "\xf0\x9f\x98\x80", 12 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = strlen(rows[i].raw), used = 0;
		char out[4], *raw = malloc(n);
		memcpy(raw, rows[i].raw, n);
		size_t made = j_escape(raw, n, out, &used);
		CHECK(rows[i].raw, made == strlen(rows[i].out) && memcmp(out, rows[i].out, made) == 0 && used == rows[i].used);
		free(raw);
	}
	size_t used = 0;
	char out[4];
	CHECK("a NUL is no escape", j_escape("\\\0", 2, out, &used) == 3 && used == 2);
}

static void test_compare(void)
{
	struct j_val v = read_value("\"tool_\\u0075se\"");

	CHECK("equal decoded", j_is(v, "tool_use") && !j_is(v, "tool_us") && !j_is(v, "tool_user") && !j_is(v, ""));
	CHECK("a beginning", j_begins(v, "tool_u") && j_begins(v, "") && !j_begins(v, "use") && !j_begins(v, "tool_uses"));
	CHECK("the same however written", j_same(v, read_value("\"t\\u006fol_use\"")) && !j_same(v, read_value("\"tool_us\""))
		&& !j_same(read_value("\"tool_us\""), v) && j_same(read_value("\"\""), read_value("\"\"")));
	CHECK("bytes above 0x7f", j_is(read_value("\"\\u00e9\""), "\xc3\xa9") && j_is(read_value("\"\xc3\xa9\""), "\xc3\xa9"));
	CHECK("a NUL ends no comparison", !j_is(read_value("\"a\\u0000\""), "a") && j_begins(read_value("\"a\\u0000\""), "a")
		&& !j_same(read_value("\"a\\u0000b\""), read_value("\"a\\u0000c\"")));
	CHECK("an empty string is no other type", !j_same(read_value("\"\""), none) && !j_same(read_value("1"), read_value("\"\"")));
	CHECK("other types are no text", !j_is(read_value("null"), "null") && !j_begins(read_value("12"), "1") && !j_is(none, "")
		&& !j_begins(none, "") && !j_same(read_value("1"), read_value("1")) && !j_same(none, none));
}

static void test_blank_and_empty(void)
{
	static const struct {
		const char *text;
		bool blank, empty;
	} rows[] = {
		{ "\"\"", true, true }, { "\"  \"", true, false }, { "\"\\n\\t \\r\\u0020\\u000b\\f\"", true, false },
		{ "\" x\"", false, false }, { "\"\\u0000\"", false, false }, { "\"\\\\n\"", false, false }, { "\"\\b\"", false, false },
		{ "[]", false, true }, { "[ ]", false, true }, { "[null]", false, false }, { "{}", false, true },
		{ "{\n}", false, true }, { "{\"\":\"\"}", false, false }, { "null", false, true }, { "false", false, false },
		{ "true", false, false }, { "0", false, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct j_val v = read_value(rows[i].text);
		CHECK(line(rows[i].text), j_blank(v) == rows[i].blank && j_empty(v) == rows[i].empty);
	}
	CHECK("what is absent is empty, not blank", j_empty(none) && !j_blank(none));
}

static void test_whole(void)
{
	static const struct {
		const char *text;
		bool whole;
		int64_t value;
	} rows[] = {
		{ "0", true, 0 }, { "-0", true, 0 }, { "7", true, 7 }, { "-12", true, -12 }, { "5.0", true, 5 }, { "5.000e0", true, 5 },
		{ "1e3", true, 1000 }, { "1E+3", true, 1000 }, { "1.5e1", true, 15 }, { "1.5e0", false, 0 }, { "15e-1", false, 0 },
		{ "1500e-2", true, 15 }, { "-2.50e1", true, -25 }, { "0.5", false, 0 }, { "0e999999999999999999999", true, 0 },
		{ "0.0e-999999999999999999999", true, 0 }, { "1e-1", false, 0 }, { "1e999999999999999999999", false, 0 },
		{ "1e-999999999999999999999", false, 0 }, { "0.000001e6", true, 1 },
		{ "9223372036854775807", true, INT64_MAX }, { "9223372036854775808", false, 0 },
		{ "-9223372036854775808", true, INT64_MIN }, { "-9223372036854775809", false, 0 },
		{ "9.223372036854775807e18", true, INT64_MAX }, { "922337203685477580700e-2", true, INT64_MAX },
		{ "92233720368547758080e-1", false, 0 }, { "18446744073709551615", false, 0 }, { "18446744073709551616", false, 0 },
		{ "99999999999999999999999999", false, 0 }, { "-1e18", true, -INT64_C(1000000000000000000) }, { "1e19", false, 0 },
		{ "\"42\"", true, 42 }, { "\"007\"", true, 7 }, { "\"\"", false, 0 }, { "\"-1\"", false, 0 }, { "\"1.0\"", false, 0 },
		{ "\"1e3\"", false, 0 }, { "\" 1\"", false, 0 }, { "\"9223372036854775808\"", false, 0 }, { "true", false, 0 },
		{ "null", false, 0 }, { "[1]", false, 0 }, { "{}", false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t value = 4711;
		bool whole = j_whole(read_value(rows[i].text), &value);
		CHECK(line(rows[i].text), whole == rows[i].whole && value == (whole ? rows[i].value : 4711));
	}
	int64_t value;
	CHECK("nothing is no number", !j_whole(none, &value) && !j_millionths(none, &value));
}

static void test_millionths(void)
{
	static const struct {
		const char *text;
		int64_t value;
	} rows[] = {
		{ "0", 0 }, { "-0.0", 0 }, { "1", 1000000 }, { "0.7", 700000 }, { "1.0", 1000000 }, { "-0.25", -250000 },
		{ "0.0000019", 1 }, { "-0.0000019", -1 }, { "0.0000009", 0 }, { "1e-6", 1 }, { "1e-7", 0 }, { "25e-1", 2500000 },
		{ "3.14159265358979", 3141592 }, { "0.1e1", 1000000 }, { "1e12", INT64_C(1000000000000000000) },
		{ "9223372036854.775807", INT64_MAX }, { "9223372036854.775808", INT64_MAX }, { "1e300", INT64_MAX },
		{ "-9223372036854.775808", INT64_MIN }, { "-9223372036854.775807", -INT64_MAX }, { "-1e300", INT64_MIN },
		{ "1e-99999999999999999999", 0 }, { "18446744073709551616", INT64_MAX }, { "0.00000000000000000000000000001e29", 1000000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t value = 4711;
		CHECK(line(rows[i].text), j_millionths(read_value(rows[i].text), &value) && value == rows[i].value);
	}
	int64_t value = 4711;
	CHECK("only a number has millionths", !j_millionths(read_value("\"1\""), &value)
		&& !j_millionths(read_value("true"), &value) && value == 4711);
}

int main(void)
{
	test_types();
	test_lists();
	test_fields();
	test_strings();
	test_escapes();
	test_compare();
	test_blank_and_empty();
	test_whole();
	test_millionths();
	return CHECK_END();
}
