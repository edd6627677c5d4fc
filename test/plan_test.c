/* plan.c: what is counted is what is pulled, whatever the room. */
#include "plan.h"

#include <stdlib.h>

#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct j_val none;

/*
 * Whether the plan yields exactly this: in one piece, in pieces of every size
 * up to 40, in pieces of changing size, and again after a rewind, without a
 * byte written beyond the room.
 */
static bool yields_in(const struct plan *p, const char *want, size_t n, size_t room)
{
	struct plan_pos pos = { 0 };
	char *got = malloc(n + 64);
	size_t done = 0, some, step = room;
	bool right = true;

	for (;;) {
		if (room == 0)
			step = (step * 7 + 3) % 11 + 1;
		memset(got + done, '#', n + 64 - done);
		some = plan_pull(p, &pos, got + done, step);
		right = right && some <= step && got[done + some] == '#';
		done += some;
		if (some < step || done > n)
			break;
	}
	char extra = '#';
	right = right && plan_pull(p, &pos, &extra, 1) == 0 && extra == '#';
	right = right && done == n && memcmp(got, want, n) == 0;
	free(got);
	return right;
}

static bool yields(const struct plan *p, const char *want, size_t n)
{
	bool right = p->total == n && plan_fits(p);

	for (size_t room = 0; room <= 40; room++)
		right = right && yields_in(p, want, n, room);
	return right && yields_in(p, want, n, n + 1);
}

static bool span_yields(enum span_kind kind, const char *in, size_t n, const char *want, size_t want_n)
{
	struct span s[1];
	struct plan p;
	char *copy = malloc(n > 0 ? n : 1);

	memcpy(copy, in, n);
	plan_init(&p, s, 1, NULL, 0);
	plan_span(&p, kind, copy, n);
	bool right = yields(&p, want, want_n);
	free(copy);
	return right;
}

static void test_kinds(void)
{
	static const struct {
		enum span_kind kind;
		const char *in, *out;
	} rows[] = {
		{ SPAN_RAW, "", "" },
		{ SPAN_RAW, "x", "x" },
		{ SPAN_RAW, "\"as\\nit is\" and longer than what can be pending", "\"as\\nit is\" and longer than what can be pending" },
		{ SPAN_ESC, "", "" },
		{ SPAN_ESC, "plain /text/", "plain /text/" },
		{ SPAN_ESC, "\"", "\\\"" },
		{ SPAN_ESC, "a\"b\\c", "a\\\"b\\\\c" },
		{ SPAN_ESC, "\b\f\n\r\t", "\\b\\f\\n\\r\\t" },
		{ SPAN_ESC, "\x01\x0b\x1f\x7f", "\\u0001\\u000b\\u001f\x7f" },
		{ SPAN_ESC, "Gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "Gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80" },
		/* an object into the string that holds it, and a string's inside into a string's inside */
		{ SPAN_ESC, "{\"a\":\"\\n\\u00e9\"}", "{\\\"a\\\":\\\"\\\\n\\\\u00e9\\\"}" },
		{ SPAN_ESC, "a\\\"b", "a\\\\\\\"b" },
		{ SPAN_UNESC, "", "" },
		{ SPAN_UNESC, "plain", "plain" },
		{ SPAN_UNESC, "{\\\"a\\\":\\\"\\\\n\\\"}", "{\"a\":\"\\n\"}" },
		{ SPAN_UNESC, "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
		{ SPAN_UNESC, "\\u00e9\\u4e2d\\ud83d\\ude00", "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80" },
		{ SPAN_UNESC, "x\\ud83dy\\ude00", "x\xef\xbf\xbdy\xef\xbf\xbd" },
		{ SPAN_UNESC, "a long plain beginning\\nand then more", "a long plain beginning\nand then more" },
		/* RFC 4648 section 10 */
		{ SPAN_B64, "", "" }, { SPAN_B64, "f", "Zg==" }, { SPAN_B64, "fo", "Zm8=" }, { SPAN_B64, "foo", "Zm9v" },
		{ SPAN_B64, "foob", "Zm9vYg==" }, { SPAN_B64, "fooba", "Zm9vYmE=" }, { SPAN_B64, "foobar", "Zm9vYmFy" },
		{ SPAN_B64, "\xfb\xef\xff", "++//" },
		{ SPAN_UNB64, "", "" }, { SPAN_UNB64, "Zg==", "f" }, { SPAN_UNB64, "Zm8=", "fo" }, { SPAN_UNB64, "Zm9v", "foo" },
		{ SPAN_UNB64, "Zm9vYg==", "foob" }, { SPAN_UNB64, "Zm9vYmE=", "fooba" }, { SPAN_UNB64, "Zm9vYmFy", "foobar" },
		{ SPAN_UNB64, "++//", "\xfb\xef\xff" },
		/* without padding, with too much of it, and nothing but it */
		{ SPAN_UNB64, "Zg", "f" }, { SPAN_UNB64, "Zm8", "fo" }, { SPAN_UNB64, "Zm9vYg===", "foob" }, { SPAN_UNB64, "====", "" },
		/* a single digit is not a byte */
		{ SPAN_UNB64, "Z", "" }, { SPAN_UNB64, "Zm9vY", "foo" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *what = rows[i].in[0] != '\0' ? rows[i].in : "nothing";
		bool printable = strpbrk(what, "\b\f\n\r\t\x01\xfb") == NULL;
		CHECK(printable ? what : "bytes that are not for print", span_yields(rows[i].kind, rows[i].in, strlen(rows[i].in),
			rows[i].out, strlen(rows[i].out)));
	}
	CHECK("a NUL is escaped", span_yields(SPAN_ESC, "a\0b", 3, "a\\u0000b", 8));
	CHECK("a NUL is unescaped", span_yields(SPAN_UNESC, "a\\u0000b", 8, "a\0b", 3));
	CHECK("a NUL in base64", span_yields(SPAN_B64, "\0\0", 2, "AAA=", 4) && span_yields(SPAN_UNB64, "AAA=", 4, "\0\0", 2));
}

/* pulls all of one span in pieces of 5; returns the bytes */
static size_t through(enum span_kind kind, const char *in, size_t n, char *out)
{
	struct span s[1];
	struct plan p;
	struct plan_pos pos = { 0 };
	size_t done = 0, some;

	plan_init(&p, s, 1, NULL, 0);
	plan_span(&p, kind, in, n);
	while ((some = plan_pull(&p, &pos, out + done, 5)) > 0)
		done += some;
	return done == p.total ? done : 0;
}

/* there and back again gives the same bytes */
static bool returns(enum span_kind there, enum span_kind back, const char *bytes, size_t n)
{
	char out[2048], again[2048];
	size_t made = through(there, bytes, n, out);

	return through(back, out, made, again) == n && memcmp(again, bytes, n) == 0
		&& span_yields(there, bytes, n, out, made) && span_yields(back, out, made, bytes, n);
}

static void test_round_trips(void)
{
	char bytes[300], text[2 + 6 * 300];
	struct j_err err;
	unsigned seed = 1;
	bool base64 = true, escaped = true, valid = true;

	for (size_t n = 1; n < 80; n++) {
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			bytes[i] = (char)(seed >> 16);
		}
		base64 = base64 && returns(SPAN_B64, SPAN_UNB64, bytes, n);
		for (size_t i = 0; i < n; i++)
			bytes[i] &= 0x7f;
		escaped = escaped && returns(SPAN_ESC, SPAN_UNESC, bytes, n);
		text[0] = '"';
		size_t made = through(SPAN_ESC, bytes, n, text + 1);
		text[made + 1] = '"';
		valid = valid && j_check(text, made + 2, &err) == 0 && j_length(j_root(text, made + 2)) == n;
	}
	CHECK("base64 of any bytes and back", base64);
	CHECK("any ASCII escaped and back", escaped);
	CHECK("what is escaped is a JSON string", valid);
	/* Escaping a string's inside once more loses nothing, surrogates and all. */
	static const char inside[] = "a\\\"b\\\\c\\n\\ud83d\\ude00\\ufffd\\u0000";
	CHECK("an inside escaped and back", returns(SPAN_ESC, SPAN_UNESC, inside, sizeof inside - 1));
}

/* one of everything, as a writer does it */
static void write_all(struct plan *p, struct j_val v)
{
	plan_lit(p, "{\"a\":");
	plan_val(p, v);
	plan_lit(p, "");
	plan_val(p, none);
	plan_lit(p, ",\"n\":");
	plan_num(p, -120);
	plan_lit(p, ",\"s\":");
	plan_str(p, "x\"\n");
	plan_lit(p, ",\"e\":");
	plan_str(p, "");
	plan_lit(p, ",\"i\":\"");
	plan_copy(p, SPAN_ESC, "i\\1", 3);
	plan_copy(p, SPAN_RAW, "-2", 2);
	plan_copy(p, SPAN_RAW, "", 0);
	plan_span(p, SPAN_ESC, v.p, v.n);
	plan_lit(p, "\",\"b\":\"");
	plan_span(p, SPAN_B64, "\xff\xfe", 2);
	plan_lit(p, "\",\"u\":");
	plan_span(p, SPAN_UNESC, "[\\\"\\\"]", 6);
	plan_span(p, SPAN_UNB64, "fQ==", 4);
}

static void test_writer(void)
{
	static const char text[] = "[1,\"\\t\"]";
	static const char want[] =
		"{\"a\":[1,\"\\t\"],\"n\":-120,\"s\":\"x\\\"\\n\",\"e\":\"\",\"i\":\"i\\\\1-2[1,\\\"\\\\t\\\"]\",\"b\":\"//4=\",\"u\":[\"\"]}";
	struct j_val v = j_root(text, sizeof text - 1);
	struct plan count, p;

	plan_init(&count, NULL, 0, NULL, 0);
	CHECK("a plan with nothing in it fits", plan_fits(&count) && count.total == 0);
	write_all(&count, v);
	CHECK("a plan without storage only counts", !plan_fits(&count) && count.total == sizeof want - 1 && count.narena == 9);

	struct span *spans = malloc(count.nspans * sizeof *spans);
	char *arena = malloc(count.narena);
	plan_init(&p, spans, count.nspans, arena, count.narena);
	write_all(&p, v);
	CHECK("the count is just what is needed", p.nspans == count.nspans && p.narena == count.narena && plan_fits(&p));
	CHECK("the whole body", yields(&p, want, sizeof want - 1));

	bool counts = true;
	for (size_t cap = 0; cap < count.nspans; cap++) {
		plan_init(&p, spans, cap, arena, count.narena);
		write_all(&p, v);
		counts = counts && !plan_fits(&p) && p.total == count.total && p.nspans == count.nspans;
	}
	for (size_t cap = 0; cap < count.narena; cap++) {
		plan_init(&p, spans, count.nspans, arena, cap);
		write_all(&p, v);
		counts = counts && !plan_fits(&p) && p.total == count.total && p.narena == count.narena;
	}
	CHECK("too little of either goes on counting and tells", counts);
	free(spans);
	free(arena);
}

static void test_storage(void)
{
	static const char text[] = "static";
	struct span s[2];
	struct plan p;
	char arena[8], gone[4] = "abc";

	plan_init(&p, s, 2, arena, sizeof arena);
	plan_lit(&p, text);
	CHECK("a literal is not copied", s[0].p == text && s[0].n == 6 && p.narena == 0);
	plan_copy(&p, SPAN_RAW, gone, 3);
	memset(gone, 'x', 3);
	CHECK("short bytes are", p.narena == 3 && yields(&p, "staticabc", 9));
	plan_init(&p, s, 2, arena, sizeof arena);
	plan_lit(&p, "");
	plan_span(&p, SPAN_ESC, NULL, 0);
	plan_val(&p, none);
	CHECK("nothing puts no span", p.nspans == 0 && p.total == 0 && yields(&p, "", 0));
}

static void test_numbers(void)
{
	static const struct {
		int64_t n;
		const char *text;
	} rows[] = {
		{ 0, "0" }, { 7, "7" }, { -1, "-1" }, { 10, "10" }, { 1000000, "1000000" }, { -2147483648, "-2147483648" },
		{ INT64_MAX, "9223372036854775807" }, { INT64_MIN, "-9223372036854775808" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span s[1];
		struct plan p;
		char arena[20];
		plan_init(&p, s, 1, arena, sizeof arena);
		plan_num(&p, rows[i].n);
		CHECK(rows[i].text, yields(&p, rows[i].text, strlen(rows[i].text)));
	}
}

/* a retry begins again from any place, and leaves nothing behind of what was pending */
static void test_rewind(void)
{
	static const char want[] = "<\\u0001\\u0002>";
	struct span s[3];
	struct plan p;
	bool right = true;

	plan_init(&p, s, 3, NULL, 0);
	plan_lit(&p, "<");
	plan_span(&p, SPAN_ESC, "\x01\x02", 2);
	plan_lit(&p, ">");
	for (size_t first = 0; first <= sizeof want - 1; first++) {
		struct plan_pos pos = { 0 };
		char got[sizeof want] = "";
		for (size_t i = 0; i < first; i++)
			plan_pull(&p, &pos, got + i, 1);
		memset(&pos, 0, sizeof pos);
		right = right && plan_pull(&p, &pos, got, sizeof got) == sizeof want - 1 && strcmp(got, want) == 0;
	}
	CHECK("from the beginning again", right);
}

static void test_templates(void)
{
	static const char json[] = "[\"a\\n\", null, {\"k\":1}]";
	static const char want[] = "x\"a\\n\",a\\n,,{\\\"k\\\":1},{\"k\":1}yz-9007199254740993\\\"qbrief";
	struct j_val list = j_root(json, sizeof json - 1), v[3] = { { 0 } };
	struct span s[16];
	char arena[32], brief[] = "brief";
	struct plan p;

	for (size_t i = 0; i < 3; i++) {
		v[i] = i > 0 ? v[i - 1] : none;
		j_item(list, &v[i]);
	}
	plan_init(&p, s, COUNT(s), arena, sizeof arena);
	plan_put(&p, "x%v,%t,%t,%t,%v%s%t%s%d%e%c", &v[0], &v[0], &v[1], &v[2], &v[2], "y", &none, "z",
		-INT64_C(9007199254740993), "\"q", brief);
	memset(brief, '-', sizeof brief - 1);
	CHECK("a template", yields(&p, want, sizeof want - 1));
	plan_init(&p, s, COUNT(s), NULL, 0);
	plan_put(&p, "");
	CHECK("an empty template", p.nspans == 0 && p.total == 0);
}

int main(void)
{
	test_kinds();
	test_round_trips();
	test_writer();
	test_storage();
	test_numbers();
	test_rewind();
	test_templates();
	return CHECK_END();
}
