/* json_check.c: what is accepted, what is refused and where. */
#include "json.h"

#include <dirent.h>
#include <stdlib.h>

#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* a verdict over a copy that ends where the text ends, so that a sanitizer sees every step beyond */
static int verdict(const char *text, size_t n, struct j_err *err)
{
	char *copy = malloc(n > 0 ? n : 1);

	memcpy(copy, text, n);
	int result = j_check(copy, n, err);
	free(copy);
	return result;
}

static bool accepts(const char *text, size_t n)
{
	struct j_err err;

	return verdict(text, n, &err) == 0;
}

static bool accepts_text(const char *text)
{
	return accepts(text, strlen(text));
}

/* files */

static char *read_file(const char *dir, const char *name, size_t *n)
{
	char path[512];
	char *text = malloc(1 << 20);

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "rb");
	*n = f != NULL ? fread(text, 1, 1 << 20, f) : 0;
	if (f != NULL)
		fclose(f);
	return text;
}

enum { REJECT, ACCEPT, SKIP };

/* what RFC 8259 leaves open and this checker decides: numbers of any size and lone surrogate escapes pass */
static int open_verdict(const char *name)
{
	static const char *const pass[] = {
		"i_number_", "i_object_key_lone_2nd", "i_string_1st_", "i_string_incomplete_surrogate",
		"i_string_invalid_lonely", "i_string_invalid_surrogate", "i_string_inverted_", "i_string_lone_second",
	};

	for (size_t i = 0; i < COUNT(pass); i++) {
		if (strncmp(name, pass[i], strlen(pass[i])) == 0)
			return ACCEPT;
	}
	return REJECT;
}

static int parsing_verdict(const char *name)
{
	return name[0] == 'y' ? ACCEPT : name[0] == 'n' ? REJECT : name[0] == 'i' ? open_verdict(name) : SKIP;
}

/* the two that are left out by name demand an array or object on top, and a depth of 19 at most: RFC 8259 does not */
static int checker_verdict(const char *name)
{
	if (name[0] == '.')
		return SKIP;
	return name[0] == 'p' || strstr(name, "EXCLUDE") != NULL ? ACCEPT : REJECT;
}

static int valid_verdict(const char *name)
{
	return name[0] == '.' ? SKIP : ACCEPT;
}

/* the codepoints that are raw and invalid are lone surrogates in UTF-8 */
static int transform_verdict(const char *name)
{
	if (name[0] == '.')
		return SKIP;
	return strncmp(name, "string_", 7) == 0 && strstr(name, "_invalid") != NULL
		&& strstr(name, "escaped") == NULL ? REJECT : ACCEPT;
}

static void test_files(const char *dir, int (*expected)(const char *name), size_t count)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t seen = 0;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		int want = expected(entry->d_name);
		size_t n;
		if (want == SKIP)
			continue;
		char *text = read_file(dir, entry->d_name, &n);
		CHECK(entry->d_name, accepts(text, n) == (want == ACCEPT));
		free(text);
		seen++;
	}
	if (d != NULL)
		closedir(d);
	CHECK(dir, seen == count);
}

/* UTF-8 */

static size_t from_hex(struct j_val hex, char *out)
{
	char text[64];
	size_t n = j_text(hex, text, sizeof text) / 2;

	for (size_t i = 0; i < n; i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1], '\0' };
		out[i] = (char)strtol(digits, NULL, 16);
	}
	return n;
}

/* in a string, behind so many bytes of ASCII */
static bool accepts_behind(size_t ascii, const char *bytes, size_t n)
{
	char text[128];

	memset(text, 'x', sizeof text);
	text[0] = '"';
	memcpy(text + 1 + ascii, bytes, n);
	text[1 + ascii + n] = '"';
	return accepts(text, ascii + n + 2) && !accepts(text, ascii + n + 1);
}

static void test_utf8_vectors(void)
{
	struct j_err err;
	struct j_val item = { 0 }, field[3];
	char name[128], bytes[64];
	size_t n, count = 0;
	char *text = read_file("test/json", "utf8-vectors.json", &n);

	CHECK("utf8-vectors.json", j_check(text, n, &err) == 0);
	while (j_item(j_root(text, n), &item)) {
		j_pick(item, "name\0hex\0valid\0", field);
		j_text(field[0], name, sizeof name);
		size_t length = from_hex(field[1], bytes);
		/* valid UTF-8, but a JSON string holds no control character */
		bool want = field[2].type == J_TRUE && (unsigned char)bytes[0] >= 0x20;
		bool right = true;
		for (size_t ascii = 0; ascii < 18; ascii++)
			right = right && accepts_behind(ascii, bytes, length) == want;
		CHECK(name, right);
		count++;
	}
	CHECK("all UTF-8 vectors read", count == 257);
	free(text);
}

/* RFC 3629 section 4, as the ranges that its grammar names */
static bool is_utf8_3(unsigned a, unsigned b, unsigned c)
{
	if (c < 0x80 || c > 0xbf || b < 0x80 || b > 0xbf || a < 0xe0 || a > 0xef)
		return false;
	return !(a == 0xe0 && b < 0xa0) && !(a == 0xed && b > 0x9f);
}

static void test_utf8_exhaustive(void)
{
	bool two = true, three = true, four = true;

	for (unsigned a = 0x80; a < 0x100; a++) {
		for (unsigned b = 0x80; b < 0x100; b++) {
			char text[] = { '"', (char)a, (char)b, '"' };
			two = two && accepts(text, 4) == (a >= 0xc2 && a <= 0xdf && b <= 0xbf);
		}
	}
	CHECK("every pair of bytes from 0x80 on", two);
	for (unsigned i = 0; i < 128 * 256 * 4; i++) {
		static const unsigned char last[] = { 0x7f, 0x80, 0xbf, 0xc0 };
		unsigned a = 0x80 | i >> 10, b = i >> 2 & 0xff, c = last[i & 3];
		char text[] = { '"', (char)a, (char)b, (char)c, '"' };
		if (a >= 0xe0)
			three = three && accepts(text, 5) == is_utf8_3(a, b, c);
		char more[] = { '"', (char)a, (char)b, (char)0xbf, (char)c, '"' };
		bool in = a >= 0xf0 && a <= 0xf4 && b >= 0x80 && b <= 0xbf && c >= 0x80 && c <= 0xbf
			&& !(a == 0xf0 && b < 0x90) && !(a == 0xf4 && b > 0x8f);
		if (a >= 0xf0)
			four = four && accepts(more, 6) == in;
	}
	CHECK("every lead of three with every second byte", three);
	CHECK("every lead of four with every second byte", four);
}

/* every byte at every place of three words */
static void test_plain_bytes(void)
{
	bool right = true;

	for (unsigned byte = 0; byte < 0x80; byte++) {
		for (size_t at = 0; at < 25; at++) {
			char c = (char)byte;
			char text[32];
			memset(text, '}', sizeof text);
			text[0] = text[26] = '"';
			text[1 + at] = c;
			/* a quote ends the string and leaves a }, a backslash makes \} or takes the closing quote */
			bool want = byte >= 0x20 && c != '"' && c != '\\';
			right = right && accepts(text, 27) == want;
		}
	}
	CHECK("each byte at each place in a string", right);
}

/* own tables */

static void test_numbers(void)
{
	static const char *const good[] = {
		"0", "-0", "1", "-1", "10", "123456789012345678901234567890", "0.0", "-0.5", "1.25", "0e0", "1e5", "1E5",
		"1e+5", "1e-05", "1.5e300", "1e999999999", "0.00000000000000000000000001", "20E0",
	};
	static const char *const bad[] = {
		"-", "+1", "01", "-01", "00", ".5", "-.5", "1.", "1.e5", "1e", "1e+", "1E-", "1e5.5", "0x10", "1_000", "1,5",
		"NaN", "nan", "Infinity", "-Infinity", "inf", "1 2", "--1", "1-", "1e1e1", "0.1.2", "1f", "\xef\xbc\x91",
	};

	for (size_t i = 0; i < COUNT(good); i++) {
		char in_array[64];
		snprintf(in_array, sizeof in_array, "[%s]", good[i]);
		CHECK(good[i], accepts_text(good[i]) && accepts_text(in_array));
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(bad[i], !accepts_text(bad[i]));
}

static void test_refusals(void)
{
	static const struct {
		const char *text;
		size_t at;
		const char *why;
	} rows[] = {
		{ "", 0, "the text ends too early" },
		{ " \t\r\n", 4, "the text ends too early" },
		{ "\xef\xbb\xbf{}", 0, "begins with a byte order mark" },
		{ "{} {}", 3, "expected the end of the text" },
		{ "[1,]", 3, "expected a value" },
		{ "[,1]", 1, "expected a value" },
		{ "[1 2]", 3, "expected a comma or ]" },
		{ "[1}", 2, "expected a comma or ]" },
		{ "{\"a\":1]", 6, "expected a comma or }" },
		{ "{\"a\":1,}", 7, "expected a key in quotes" },
		{ "{,}", 1, "expected a key in quotes" },
		{ "{a:1}", 1, "expected a key in quotes" },
		{ "{1:1}", 1, "expected a key in quotes" },
		{ "{\"a\"}", 4, "expected a colon" },
		{ "{\"a\",1}", 4, "expected a colon" },
		{ "{\"a\":}", 5, "expected a value" },
		{ "]", 0, "expected a value" },
		{ "[truE]", 4, "expected a value" },
		{ "nulL", 3, "expected a value" },
		{ "nullx", 4, "expected the end of the text" },
		{ "tru", 3, "the text ends too early" },
		{ "[-x]", 2, "expected a digit" },
		{ "[1.]", 3, "expected a digit" },
		{ "[1ex]", 3, "expected a digit" },
		{ "[01]", 2, "expected a comma or ]" },
		{ "\"a", 2, "the text ends too early" },
		{ "\"a\\", 3, "the text ends too early" },
		{ "\"\\x\"", 2, "unknown escape in a string" },
		{ "\"\\U0041\"", 2, "unknown escape in a string" },
		{ "\"\\u12g4\"", 5, "expected a hex digit" },
		{ "\"\\u123\"", 6, "expected a hex digit" },
		{ "\"\\u123", 6, "the text ends too early" },
		{ "\"\\ud800\\u12\"", 11, "expected a hex digit" },
		{ "\"\\ud800\\x\"", 8, "unknown escape in a string" },
		{ "\"a\nb\"", 2, "control character in a string" },
		{ "\"tab\there\"", 4, "control character in a string" },
		{ "\"caf\xe9\"", 4, "invalid UTF-8" },
		{ "\"\x80\"", 1, "invalid UTF-8" },
		{ "[\"\xc3\xa9\xc3\"]", 4, "invalid UTF-8" },
		{ "[\xc3\xa9]", 1, "expected a value" },
		{ "[1,\v2]", 3, "expected a value" },
		{ "[1]\f", 3, "expected the end of the text" },
		{ "['a']", 1, "expected a value" },
		{ "[1]//", 3, "expected the end of the text" },
		{ "/**/[]", 0, "expected a value" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct j_err err = { "", 999 };
		int result = verdict(rows[i].text, strlen(rows[i].text), &err);
		CHECK(rows[i].why, result == -1 && err.at == rows[i].at && strcmp(err.why, rows[i].why) == 0);
	}
	CHECK("a NUL is no space", !accepts("[1]\0", 4) && !accepts("[\0]", 3) && !accepts("\0", 1));
	CHECK("a NUL in a string must be escaped", !accepts("\"\0\"", 3) && accepts_text("\"\\u0000\""));
	CHECK("a NUL is no escape", !accepts("\"\\\0\"", 4));
	CHECK("DEL, U+2028 and noncharacters are plain text", accepts_text("\"\x7f\xe2\x80\xa8\xef\xbf\xbf\""));
	CHECK("all white space", accepts_text(" \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 ] } \t\r\n"));
}

/* nesting */

static char *nested(size_t depth, const char *open, const char *middle, const char *close)
{
	size_t n = depth * (strlen(open) + strlen(close)) + strlen(middle) + 1;
	char *text = malloc(n), *p = text;

	for (size_t i = 0; i < depth; i++)
		p = (char *)memcpy(p, open, strlen(open)) + strlen(open);
	p = (char *)memcpy(p, middle, strlen(middle)) + strlen(middle);
	for (size_t i = 0; i < depth; i++)
		p = (char *)memcpy(p, close, strlen(close)) + strlen(close);
	*p = '\0';
	return text;
}

static void test_depth(void)
{
	static const struct {
		const char *what, *open, *middle, *close;
		size_t levels;		/* of each opening */
	} rows[] = {
		{ "arrays", "[", "", "]", 1 },
		{ "objects", "{\"a\":", "0", "}", 1 },
		{ "both", "[{\"a\":", "0", "}]", 2 },
		{ "arrays with neighbours", "[[],{},", "0", ",[]]", 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct j_err err = { "", 0 };
		char *fits = nested(J_DEPTH / rows[i].levels, rows[i].open, rows[i].middle, rows[i].close);
		char *more = nested(J_DEPTH / rows[i].levels + 1, rows[i].open, rows[i].middle, rows[i].close);
		bool inner = i < 3;	/* the neighbours of the innermost level are one level too deep themselves */
		CHECK(rows[i].what, accepts_text(fits) == inner && verdict(more, strlen(more), &err) == -1
			&& strcmp(err.why, "too deep") == 0);
		if (rows[i].levels == 1 && inner)
			CHECK("the bracket that is too much is named", err.at == J_DEPTH * strlen(rows[i].open));
		free(fits);
		free(more);
	}
	char *open = nested(100000, "[", "", "");
	CHECK("n_structure_100000_opening_arrays", !accepts_text(open));
	free(open);
	open = nested(50000, "[{\"\":", "\n", "");
	CHECK("n_structure_open_array_object", !accepts_text(open));
	free(open);
	CHECK("depth comes down again", accepts_text("[[[1]],[[2]],{\"a\":{\"b\":[]}}]"));
}

/* surrogates */

static void test_surrogates(void)
{
	static const struct {
		const char *what, *in, *out;
	} rows[] = {
		{ "a pair stays", "\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\"" },
		{ "a pair in capitals stays", "\"\\uD83D\\uDE00\"", "\"\\uD83D\\uDE00\"" },
		{ "the first and last pairs stay", "\"\\ud800\\udc00\\udbff\\udfff\"", "\"\\ud800\\udc00\\udbff\\udfff\"" },
		{ "a high half alone", "\"\\ud800\"", "\"\\ufffd\"" },
		{ "a low half alone", "\"\\udfff\"", "\"\\ufffd\"" },
		{ "the wrong way round", "\"\\ude00\\ud83d\"", "\"\\ufffd\\ufffd\"" },
		{ "two high halves and a low one", "\"\\ud800\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\"" },
		{ "a pair and a low half", "\"\\ud83d\\ude00\\ude00\"", "\"\\ud83d\\ude00\\ufffd\"" },
		{ "text between halves", "\"\\ud83dx\\ude00\"", "\"\\ufffdx\\ufffd\"" },
		{ "another escape between halves", "\"\\ud83d\\n\\ude00\"", "\"\\ufffd\\n\\ufffd\"" },
		{ "digits that no u precedes", "\"\\ud83d\\nde00\"", "\"\\ufffd\\nde00\"" },
		{ "two low halves", "\"\\udc00\\udc00\"", "\"\\ufffd\\ufffd\"" },
		{ "two high halves", "\"\\udbff\\udbff\"", "\"\\ufffd\\ufffd\"" },
		{ "a half and an ordinary escape", "\"\\uDBFF\\u0041\"", "\"\\ufffd\\u0041\"" },
		{ "a half as a key", "{\"\\udc00\":\"\\uDC00\"}", "{\"\\ufffd\":\"\\ufffd\"}" },
		{ "an escaped backslash before ud800", "\"\\\\ud800\"", "\"\\\\ud800\"" },
		{ "neighbours of the range stay", "\"\\ud7ff\\ue000\"", "\"\\ud7ff\\ue000\"" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct j_err err;
		char text[64], kept[64];
		size_t n = strlen(rows[i].in);
		memcpy(text, rows[i].in, n + 1);
		memcpy(kept, rows[i].in, n + 1);
		CHECK(rows[i].what, j_check(text, n, &err) == 0 && strcmp(text, rows[i].out) == 0
			&& j_check_keep(kept, n, &err) == 0 && strcmp(kept, rows[i].in) == 0
			&& j_check_keep(text, n, &err) == 0 && strcmp(text, rows[i].out) == 0);
	}
}

/* every beginning of a document */
static void test_truncation(void)
{
	static const char text[] =
		"{\"model\": \"claude-sonnet-4-5\", \"max_tokens\": 32000, \"stream\": true, \"system\": [{\"type\": \"text\",\n"
		" \"text\": \"You are \\\"helpful\\\".\\n\\u00e9\\ud83d\\ude00\", \"cache_control\": {\"type\": \"ephemeral\"}}],\r\n"
		" \"messages\": [{\"role\": \"user\", \"content\": \"Gr\xc3\xbc\xc3\x9f \xe4\xb8\xad\xf0\x9f\x98\x80\"}, {\"role\": \"assistant\",\n"
		" \"content\": [{\"type\": \"tool_use\", \"id\": \"toolu_1\", \"name\": \"Read\", \"input\": {\"a\": -1.5e+3, \"b\": null,\n"
		" \"c\": [false, [], {}]}}]}], \"metadata\": {}, \"temperature\": 1.0}";
	bool refused = true, placed = true;

	for (size_t n = 0; n < sizeof text - 1; n++) {
		struct j_err err = { NULL, 0 };
		refused = refused && verdict(text, n, &err) == -1;
		/* at the end, or at the character that is cut */
		size_t lead = n;
		while (lead > 0 && ((unsigned char)text[lead] & 0xc0) == 0x80)
			lead--;
		placed = placed && err.at == lead;
	}
	CHECK("the whole document", accepts_text(text));
	CHECK("no beginning of it", refused);
	CHECK("each for its end", placed);
}

static void test_where(void)
{
	static const char text[] = "{\n  \"a\": 1,\r\n\n  x";
	static const struct {
		size_t at, line, column;
	} rows[] = {
		{ 0, 1, 1 }, { 1, 1, 2 }, { 2, 2, 1 }, { 4, 2, 3 }, { 11, 2, 10 }, { 13, 3, 1 }, { 14, 4, 1 }, { 16, 4, 3 }, { 17, 4, 4 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t line, column;
		j_where(text, rows[i].at, &line, &column);
		CHECK("line and column", line == rows[i].line && column == rows[i].column);
	}
}

int main(void)
{
	test_files("test/json/parsing", parsing_verdict, 316);
	test_files("test/json/checker", checker_verdict, 36);
	test_files("test/json/roundtrip", valid_verdict, 27);
	test_files("test/json/transform", transform_verdict, 22);
	test_utf8_vectors();
	test_utf8_exhaustive();
	test_plain_bytes();
	test_numbers();
	test_refusals();
	test_depth();
	test_surrogates();
	test_truncation();
	test_where();
	return CHECK_END();
}
