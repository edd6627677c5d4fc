/* The estimate of tokens: against counts of real tokenizers, additive over blocks, images by their size. */
#include "../tokens.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static struct tokens_machine machine;

static int64_t estimate(const char *text)
{
	struct j_err err;
	char *copy = strdup(text);

	if (j_check(copy, strlen(copy), &err) != 0)
		abort();
	static const struct calibration none;
	struct tokens t = tokens_count(&machine, j_root(copy, strlen(copy)));
	free(copy);
	return tokens_estimate(&t, &none, 1);
}

/* test/tokens/NAME.json, measured with o200k_base and cl100k_base (of tools: their JSON) */
static void test_counts(void)
{
	static const struct {
		const char *name;
		int o200k, cl100k;
	} files[] = {
		{ "english", 223, 225 }, { "code", 724, 723 }, { "json", 1081, 1067 }, { "chinese", 180, 262 },
		{ "output", 437, 435 }, { "german", 99, 134 }, { "tools", 1242, 1213 },
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		static char text[65536];
		char path[100], what[100];
		int middle = (files[i].o200k + files[i].cl100k) / 2;

		snprintf(path, sizeof path, "test/tokens/%s.json", files[i].name);
		FILE *f = fopen(path, "rb");
		text[f != NULL ? fread(text, 1, sizeof text - 1, f) : 0] = '\0';
		if (f != NULL)
			fclose(f);
		int64_t n = text[0] != '\0' ? estimate(text) : 0;
		snprintf(what, sizeof what, "%s within 20 %%", files[i].name);
		CHECK(what, n * 10 >= middle * 8 && n * 10 <= middle * 12);
		if (n * 10 < middle * 8 || n * 10 > middle * 12)
			printf("# %ld, measured %d and %d\n", (long)n, files[i].o200k, files[i].cl100k);
	}
}

#define MESSAGE(role, content) "{\"role\":\"" role "\",\"content\":" content "}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define BODY(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"

/* sums are rounded once each */
static bool is_near(int64_t a, int64_t b)
{
	return a - b <= 2 && b - a <= 2;
}

static void test_sums(void)
{
	int64_t one = estimate(BODY(MESSAGE("user", "\"What does the function in main.c do?\"")));
	int64_t two = estimate(BODY(MESSAGE("assistant", "[" TEXT("It reads a line and prints it twice.") "]")));
	int64_t both = estimate(BODY(MESSAGE("user", "\"What does the function in main.c do?\"") ","
		MESSAGE("assistant", "[" TEXT("It reads a line and prints it twice.") "]")));
	int64_t string = estimate(BODY(MESSAGE("user", "\"some words of a text\"")));
	int64_t block = estimate(BODY(MESSAGE("user", "[" TEXT("some words of a text") "]")));
	int64_t blocks = estimate(BODY(MESSAGE("user", "[" TEXT("some words of a text") "," TEXT("some words of a text") "]")));

	CHECK("messages add up", is_near(both, one + two) && one > 8 && two > 8);
	CHECK("a string is a block of text", string == block);
	CHECK("blocks add up", is_near(blocks - 4, 2 * (block - 4)));
	CHECK("nothing is nothing", estimate("{}") == 0 && estimate("[]") == 0 && estimate(BODY("")) == 0);
	CHECK("an empty message costs its wrapping", estimate(BODY(MESSAGE("user", "\"\""))) == 4);
}

/* what is ASCII, what is not, and what is no text are summed apart */
static void test_kinds(void)
{
	static const struct {
		const char *what, *text;
		bool plain, foreign;
		int media;
	} rows[] = {
		{ "words", "{\"system\":\"words\"}", true, false, 0 },
		{ "characters", "{\"system\":\"\xe4\xb8\xad\xe6\x96\x87\"}", false, true, 0 },
		{ "escaped characters", "{\"system\":\"\\u4e2d\\u6587\"}", false, true, 0 },
		{ "both", "{\"system\":\"words \xe4\xb8\xad\"}", true, true, 0 },
		{ "an image", BODY(MESSAGE("user", "[{\"type\":\"image\",\"source\":{\"type\":\"url\"}}]")), true, false, 1600 },
		{ "a PDF", BODY(MESSAGE("user", "[{\"type\":\"document\",\"source\":{\"type\":\"url\"}}]")), true, false, 1500 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *copy = strdup(rows[i].text);
		struct tokens t = tokens_count(&machine, j_root(copy, strlen(copy)));
		CHECK(rows[i].what, (t.plain > 0) == rows[i].plain && (t.foreign > 0) == rows[i].foreign && t.media == rows[i].media);
		free(copy);
	}
}

/* the same text in other escapes costs the same */
static void test_escapes(void)
{
	CHECK("an escaped slash", is_near(estimate("{\"system\":\"usr/bin/cc\"}"), estimate("{\"system\":\"usr\\/bin\\/cc\"}")));
	CHECK("an escaped character", is_near(estimate("{\"system\":\"\xe4\xb8\xad\xe6\x96\x87\"}"),
		estimate("{\"system\":\"\\u4e2d\\u6587\"}")));
	CHECK("lines", estimate("{\"system\":\"one\\ntwo\\nsix\\nten\"}") >= 6 && estimate("{\"system\":\"one\\ntwo\\nsix\\nten\"}") <= 9);
	CHECK("indents cost once", estimate("{\"system\":\"a\\n                b\"}") <= 6);
	CHECK("a rule of one sign is cheap", estimate("{\"system\":\"================================\"}") <= 8);
	CHECK("digits go by threes", is_near(estimate("{\"system\":\"123456789012\"}"), 6));
}

static void test_long(void)
{
	char *text = malloc(70000);
	size_t n = (size_t)sprintf(text, "{\"system\":\"");

	/* halves are read at once: no seam shows */
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "the quick brown fox jumps over the \\\"lazy\\\" dog\\n");
	sprintf(text + n, "\"}");
	int64_t whole = estimate(text);
	int64_t line = estimate("{\"system\":\"the quick brown fox jumps over the \\\"lazy\\\" dog\\n\"}");
	CHECK("a long text is its lines", whole > 1000 * (line - 2) && whole < 1000 * (line + 1));
	free(text);
}

static void test_blocks(void)
{
	int64_t plain = estimate(BODY(MESSAGE("user", "[]")));
	int64_t call = estimate(BODY(MESSAGE("assistant",
		"[{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"Bash\",\"input\":{\"command\":\"ls -la /usr/share/doc\"}}]")));
	int64_t result = estimate(BODY(MESSAGE("user", "[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",\"content\":["
		TEXT("total 8 files of text") "]}]")));
	int64_t unknown = estimate(BODY(MESSAGE("user", "[{\"type\":\"new_thing\",\"data\":\"words that nobody knows\"}]")));
	int64_t document = estimate(BODY(MESSAGE("user",
		"[{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"a plain text of some words\"}}]")));
	int64_t far = estimate(BODY(MESSAGE("user", "[{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x.test/a.pdf\"}}]")));

	CHECK("a tool call", call - plain > 15 && call - plain < 35);
	CHECK("a tool result", result - plain > 8 && result - plain < 20);
	CHECK("an unknown block", unknown - plain > 8);
	CHECK("a document of text", document - plain > 4 && document - plain < 12);
	CHECK("a document elsewhere", far - plain == 1500);
	CHECK("redacted thinking", estimate(BODY(MESSAGE("assistant", "[{\"type\":\"redacted_thinking\",\"data\":\"xxxx\"}]"))) == plain);
	CHECK("the billing header", estimate("{\"system\":[" TEXT("x-anthropic-billing-header: cc_version=1; cch=abc;") "]}") == 0);
}

static void test_tools(void)
{
	const char *plain = "{\"tools\":[{\"name\":\"Read\",\"description\":\"Reads a file\",\"input_schema\":{\"type\":\"object\"}}]}";
	const char *deferred = "{\"tools\":[{\"name\":\"Read\",\"description\":\"Reads a file\",\"input_schema\":{\"type\":\"object\"},"
		"\"defer_loading\":true}]}";
	const char *referenced = "{\"tools\":[{\"name\":\"Read\",\"description\":\"Reads a file\",\"input_schema\":{\"type\":\"object\"},"
		"\"defer_loading\":true}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
		"\"content\":[{\"type\":\"tool_reference\",\"tool_name\":\"Read\"}]}]}]}";

	CHECK("a tool", estimate(plain) > 15 && estimate(plain) < 30);
	CHECK("a deferred tool waits", estimate(deferred) == 0);
	CHECK("until it is referenced", is_near(estimate(referenced), estimate(plain) + 10));
}

/* ---- images ---- */

static int64_t image(const char *base64)
{
	char text[4096];

	snprintf(text, sizeof text, BODY(MESSAGE("user", "[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/x\","
		"\"data\":\"%s\"}}]")), base64);
	return estimate(text) - 4;
}

static void encode(const unsigned char *p, size_t n, char *dst)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned long bits = (unsigned long)p[i] << 16 | (unsigned long)(i + 1 < n ? p[i + 1] : 0) << 8 | (i + 2 < n ? p[i + 2] : 0);
		for (int k = 18; k >= 0; k -= 6)
			*dst++ = digits[bits >> k & 63];
	}
	*dst = '\0';
}

static void test_images(void)
{
	/* each 600 x 500: 400 tokens at 750 pixels, and one for the rest */
	static const unsigned char png[] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 2, 0x58, 0, 0, 1,
		0xf4, 8, 6, 0, 0, 0 };
	static const unsigned char gif[] = { 'G', 'I', 'F', '8', '9', 'a', 0x58, 2, 0xf4, 1, 0, 0, 0 };
	static const unsigned char jpeg[] = { 0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0xff, 0xdb, 0, 5,
		0, 1, 2, 0xff, 0xc2, 0, 17, 8, 1, 0xf4, 2, 0x58, 3, 1, 0x22, 0 };
	static const unsigned char webp_x[] = { 'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8', 'X', 10, 0, 0, 0, 0, 0, 0, 0,
		0x57, 2, 0, 0xf3, 1, 0 };
	static const unsigned char webp[] = { 'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8', ' ', 10, 0, 0, 0, 0x30, 1, 0,
		0x9d, 1, 0x2a, 0x58, 2, 0xf4, 1, 0 };
	/* 14 bits of width - 1, then 14 of height - 1: 599 | 499 << 14 */
	static const unsigned char webp_l[] = { 'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8', 'L', 10, 0, 0, 0, 0x2f, 0x57,
		0xc2, 0x7c, 0, 0 };
	static const unsigned char wide[] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0x1e, 0, 0, 0, 0x10,
		0xe0, 8, 6, 0, 0, 0 };
	const struct {
		const char *what;
		const unsigned char *p;
		size_t n;
	} files[] = {
		{ "PNG", png, sizeof png }, { "GIF", gif, sizeof gif }, { "JPEG", jpeg, sizeof jpeg }, { "WebP, extended", webp_x, sizeof webp_x },
		{ "WebP, lossy", webp, sizeof webp }, { "WebP, lossless", webp_l, sizeof webp_l },
	};
	char text[256];

	for (size_t i = 0; i < COUNT(files); i++) {
		encode(files[i].p, files[i].n, text);
		CHECK(files[i].what, image(text) == 401);
		for (size_t n = 0; n < strlen(text); n++) {
			char cut[256];
			memcpy(cut, text, n);
			cut[n] = '\0';
			if (image(cut) < 1 || image(cut) > 1600)
				CHECK("a head that is cut anywhere", false);
		}
	}
	encode(wide, sizeof wide, text);
	CHECK("7680 x 4320 is scaled down and capped", image(text) == 1600);
	CHECK("what is no image", image("AAAA") == 1600 && image("") == 1600 && image("iVBORw0KGgo\\/AAA") == 1600);
}

int main(void)
{
	tokens_init(&machine);
	test_counts();
	test_sums();
	test_kinds();
	test_escapes();
	test_long();
	test_blocks();
	test_tools();
	test_images();
	return CHECK_END();
}
