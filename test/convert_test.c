/* What the conversions share: names, ids, sessions, errors, an OpenAI client's request. */
#include "../convert.h"

#include "check.h"

#include <stdlib.h>

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* a JSON text that lasts as long as the test */
static struct j_val json(const char *text)
{
	static char store[32768];
	static size_t used;
	struct j_err err;
	size_t n = strlen(text);

	if (used + n > sizeof store)
		used = 0;
	char *copy = memcpy(store + used, text, n);
	used += n;
	if (j_check(copy, n, &err) != 0)
		abort();
	return j_root(copy, n);
}

static struct j_val string(const char *text)
{
	char quoted[1024];

	snprintf(quoted, sizeof quoted, "\"%s\"", text);
	return json(quoted);
}

static bool only(const char *text, const char *allowed)
{
	return text[strspn(text, allowed)] == '\0';
}

#define ALNUM "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* ---- names ---- */

static const char *const names[] = {
	"Bash", "a", "mcp__server__tool-name_2", "0123456789012345678901234567890123456789012345678901234567890123",
	/* 65 bytes and more, and others that are not allowed */
	"01234567890123456789012345678901234567890123456789012345678901234",
	"mcp__a_very_long_server_name_indeed__and_a_tool_with_a_long_name_too_1",
	"mcp__a_very_long_server_name_indeed__and_a_tool_with_a_long_name_too_2",
	"with.dot", "with space", "caf\xc3\xa9", "\xe5\xb7\xa5\xe5\x85\xb7", "",
	"012345678901234567890123456789012345678901234567890123\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
};

static void test_names(void)
{
	char seen[COUNT(names)][CONV_NAME_MAX + 1];
	bool valid = true, same = true, distinct = true, verbatim = true;

	for (size_t i = 0; i < COUNT(names); i++) {
		char again[CONV_NAME_MAX + 1];
		size_t n = conv_name(names[i], strlen(names[i]), seen[i]);

		valid = valid && n == strlen(seen[i]) && n >= 1 && n <= CONV_NAME_MAX && only(seen[i], ALNUM "_-");
		same = same && conv_name_val(string(names[i]), again) == n && strcmp(again, seen[i]) == 0;
		verbatim = verbatim && (strcmp(seen[i], names[i]) == 0) == (i < 4);
		for (size_t k = 0; k < i; k++)
			distinct = distinct && strcmp(seen[i], seen[k]) != 0;
	}
	CHECK("names are what every upstream takes", valid);
	CHECK("names are the same from JSON", same);
	CHECK("names that are taken are left alone, others are not", verbatim);
	CHECK("names stay distinct", distinct);
	CHECK("a long name keeps a readable head", strncmp(seen[5], names[5], 50) == 0 && strlen(seen[5]) == 64);
	CHECK("an escaped name is the same name", conv_name_val(json("\"B\\u0061sh\""), seen[0]) == 4 && strcmp(seen[0], "Bash") == 0);
}

/* ---- ids ---- */

static void test_ids(void)
{
	static const char *const ids[] = {
		"call_abc", "functions.Bash:0", "toolu_01AbCdEfGhIjKlMnOpQrStUv", "0123456789012345678901234567890123456789",
		"01234567890123456789012345678901234567890", "abcDEF123", "abcDEF12-", "call \xc3\xa9", "",
	};
	char keep[COUNT(ids)][CONV_ID_MAX + 1], nine[COUNT(ids)][CONV_ID_MAX + 1];
	bool distinct = true, form = true;

	for (size_t i = 0; i < COUNT(ids); i++) {
		size_t n = conv_id(string(ids[i]), ID_KEEP, keep[i]), m = conv_id(string(ids[i]), ID_MISTRAL9, nine[i]);

		form = form && n == strlen(keep[i]) && n >= 1 && n <= CONV_ID_MAX && m == 9 && strlen(nine[i]) == 9 && only(nine[i], ALNUM);
		for (size_t k = 0; k < i; k++)
			distinct = distinct && strcmp(keep[i], keep[k]) != 0 && strcmp(nine[i], nine[k]) != 0;
	}
	CHECK("ids have their form", form);
	CHECK("ids stay distinct", distinct);
	CHECK("ids up to 40 bytes are verbatim", strcmp(keep[1], ids[1]) == 0 && strcmp(keep[3], ids[3]) == 0 && strcmp(keep[7], ids[7]) == 0);
	CHECK("longer ones are not", strlen(keep[4]) < strlen(ids[4]));
	CHECK("nine alphanumerics are verbatim for Mistral", strcmp(nine[5], ids[5]) == 0);
	conv_id(string(ids[2]), ID_MISTRAL9, keep[0]);
	CHECK("the same id gives the same", strcmp(keep[0], nine[2]) == 0);
}

static void test_fresh(void)
{
	static char seen[2000][40];
	unsigned char seed[16] = { 1, 2, 3 };
	bool form = true, distinct = true;
	char small[8];

	for (unsigned i = 0; i < 2000; i++) {
		seed[15] = (unsigned char)(i / 1000);
		size_t n = conv_fresh("toolu_", seed, i % 1000, seen[i], sizeof seen[i]);
		form = form && n == 30 && strlen(seen[i]) == 30 && strncmp(seen[i], "toolu_", 6) == 0 && only(seen[i] + 6, ALNUM);
		for (unsigned k = i > 50 ? i - 50 : 0; k < i; k++)
			distinct = distinct && strcmp(seen[i], seen[k]) != 0;
	}
	CHECK("fresh ids have their form", form);
	CHECK("fresh ids differ by count", distinct);
	CHECK("fresh ids differ by seed", strcmp(seen[0], seen[1000]) != 0);
	CHECK("a small room is kept to", conv_fresh("toolu_", seed, 0, small, sizeof small) == 7 && strlen(small) == 7);
}

/* ---- sessions ---- */

static void fill(struct session *s)
{
	session_add_name(s, json("\"Bash\""));
	session_add_name(s, json("\"mcp__x__with.dot\""));
	session_add_name(s, json("\"mcp__a_very_long_server_name_indeed__and_a_tool_with_a_long_name_too_1\""));
	session_add_name(s, json("\"R\\u00e9ad\""));
	session_add_id(s, json("\"call_1\""));
	session_add_id(s, json("\"call_\\u0032\""));
}

static void test_session(void)
{
	struct session count = { 0 }, s = { 0 };
	char up[CONV_NAME_MAX + 1];
	bool back = true;

	fill(&count);
	CHECK("a session without storage counts", count.nids == 2 && count.nnames == 5 + 17 + 71 + 6);
	CHECK("and holds nothing", session_tool(&count, "Bash", 4) == NULL && !session_has_id(&count, j_hash(json("\"call_1\""))));
	s.ids_cap = count.nids;
	s.names_cap = count.nnames;
	s.ids = calloc(s.ids_cap, sizeof *s.ids);
	s.names = malloc(s.names_cap);
	fill(&s);
	CHECK("with it, it holds ids", session_has_id(&s, j_hash(json("\"call_1\""))) && session_has_id(&s, hash_bytes("call_2", 6))
		&& !session_has_id(&s, hash_bytes("call_3", 6)));
	for (size_t at = 0; at < s.nnames; at += strlen(s.names + at) + 1) {
		size_t n = conv_name(s.names + at, strlen(s.names + at), up);
		back = back && session_tool(&s, up, n) == s.names + at;
	}
	CHECK("names come back as the client knows them", back);
	CHECK("a name as the client wrote it, too", session_tool(&s, "mcp__x__with.dot", 16) == s.names + 5);
	CHECK("others are none", session_tool(&s, "bash", 4) == NULL && session_tool(&s, "Bas", 3) == NULL && session_tool(&s, "", 0) == NULL);
	free(s.ids);
	free(s.names);
}

/* ---- errors ---- */

static const char *pulled(const struct plan *p)
{
	static char text[8192];
	struct plan_pos pos = { 0 };
	size_t n = 0, some;

	/* a byte at a time and more */
	while ((some = plan_pull(p, &pos, text + n, 1 + n % 7)) > 0)
		n += some;
	text[n] = '\0';
	return n == p->total && plan_fits(p) ? text : "";
}

static void test_types(void)
{
	static const struct {
		int status;
		const char *type;
	} rows[] = {
		{ 400, "invalid_request_error" }, { 401, "authentication_error" }, { 402, "billing_error" }, { 403, "permission_error" },
		{ 404, "not_found_error" }, { 405, "invalid_request_error" }, { 408, "timeout_error" }, { 409, "invalid_request_error" },
		{ 411, "invalid_request_error" }, { 413, "request_too_large" }, { 415, "invalid_request_error" },
		{ 417, "invalid_request_error" }, { 421, "invalid_request_error" }, { 429, "rate_limit_error" },
		{ 431, "invalid_request_error" }, { 500, "api_error" }, { 501, "invalid_request_error" }, { 502, "api_error" },
		{ 503, "overloaded_error" }, { 504, "timeout_error" }, { 505, "invalid_request_error" }, { 520, "api_error" },
		{ 529, "overloaded_error" },
	};
	bool right = true;

	for (size_t i = 0; i < COUNT(rows); i++)
		right = right && strcmp(error_type(rows[i].status), rows[i].type) == 0;
	CHECK("a type for each status", right);
}

static void test_errors(void)
{
	struct span spans[16];
	struct api_error e;
	struct plan p;

	memset(&e, 0x5a, sizeof e);
	error_set(&e, 404, "no \"such\"\nthing\x1b[1m \xff");
	CHECK("an error is filled", e.status == 404 && strcmp(e.type, "not_found_error") == 0 && e.retry_after[0] == '\0' && e.should_retry == -1);
	CHECK("its message is clean", strcmp(e.message, "no \"such\"\nthing [1m  ") == 0);
	plan_init(&p, spans, COUNT(spans), NULL, 0);
	error_body(&p, &e, "req_1");
	CHECK("an error's body", strcmp(pulled(&p), "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"no \\\"such\\\"\\nthing [1m  \"},"
		"\"request_id\":\"req_1\"}") == 0);
	plan_clear(&p);
	error_set(&e, 529, "busy");
	error_event(&p, &e, "");
	CHECK("an error's event, without an id", strcmp(pulled(&p), "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
		"\"overloaded_error\",\"message\":\"busy\"}}\n\n") == 0);
}

static void test_clean(void)
{
	static const struct {
		const char *in, *out;
		size_t room;
	} rows[] = {
		{ "plain", "plain", 100 }, { "a\x01\x7f" "b\tc\nd", "a  b\tc\nd", 100 }, { "\xc2\x9b" "31m\xc2\xa0", " 31m\xc2\xa0", 100 },
		{ "\xed\xa0\x80 \xc0\xaf \xf4\x90\x80\x80 \xe2\x82", "              ", 100 }, { "\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!", 100 },
		{ "ab\xc3\xa9", "ab", 4 }, { "ab\xc3\xa9", "ab\xc3\xa9", 5 }, { "abc", "", 1 }, { "", "", 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[100];
		size_t n = error_clean(text, rows[i].room, rows[i].in, strlen(rows[i].in));

		CHECK("a text for people", n == strlen(rows[i].out) && strcmp(text, rows[i].out) == 0);
	}
}

/* ---- chat ---- */

static void test_chat(void)
{
	static const struct {
		const char *in, *out;	/* out NULL: refused */
	} rows[] = {
		{ "{\"model\":\"gpt-x\",\"messages\":[ 1, 2 ]}", "{\"model\":\"up\\\"1\",\"messages\":[ 1, 2 ]}" },
		{ "{ \"stream\" : true , \"mod\\u0065l\" : \"a\" , \"x\":{\"model\":\"stays\"} }",
		  "{ \"stream\" : true , \"mod\\u0065l\" : \"up\\\"1\" , \"x\":{\"model\":\"stays\"} }" },
		{ "{\"model\":\"a\",\"model\":\"b\"}", "{\"model\":\"up\\\"1\",\"model\":\"up\\\"1\"}" },
		{ "{\"messages\":[]}", NULL }, { "{\"model\":7}", NULL }, { "{\"model\":null}", NULL }, { "[]", NULL }, { "\"model\"", NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span spans[32];
		struct api_error e;
		struct plan p;

		plan_init(&p, spans, COUNT(spans), NULL, 0);
		e.status = 0;
		int result = chat_convert(json(rows[i].in), "up\"1", &p, &e);
		if (rows[i].out != NULL)
			CHECK("a chat request with another model", result == 0 && strcmp(pulled(&p), rows[i].out) == 0);
		else
			CHECK("a chat request that is refused", result == -1 && e.status == 400 && e.message[0] != '\0');
	}
}

int main(void)
{
	test_names();
	test_ids();
	test_fresh();
	test_session();
	test_types();
	test_errors();
	test_clean();
	test_chat();
	return CHECK_END();
}
