/*
 * Events that repeat a frame: what is compared instead of read must come to
 * what reading comes to. (Every stream of the other tests is read both ways,
 * too.)
 */
#include "reply_run.h"

#include "check.h"

#define TEXT_HEAD "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
#define TEXT_TAIL "\"},\"finish_reason\":null}],\"usage\":null}\n\n"
#define TEXT(text) TEXT_HEAD text TEXT_TAIL
#define THOUGHT(text) "data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning\":\"" text "\"}}]}\n\n"
#define CALL "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"Bash\",\"arguments\":\"\"}}]}}]}\n\n"
#define ARGS_HEAD "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\""
#define ARGS_TAIL "\"}}]}}]}\n\n"
#define ARGS(text) ARGS_HEAD text ARGS_TAIL

#define DELTA(members) "data: {\"choices\":[{\"delta\":{" members "}}]}\n\n"
#define PIECE(index, args) "{\"index\":" index ",\"function\":{\"arguments\":\"" args "\"}}"
#define OPEN(index, id, name) DELTA("\"tool_calls\":[{\"index\":" index ",\"id\":\"" id "\",\"function\":{\"name\":\"" name "\"}}]")
#define ONE(index, args) DELTA("\"tool_calls\":[" PIECE(index, args) "]")
#define TWO(first, second) DELTA("\"tool_calls\":[" PIECE("0", first) "," PIECE("1", second) "]")
#define SPLIT(args) "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[" PIECE("0", args) "]}}," \
	"{\"index\":1,\"delta\":{\"tool_calls\":[" PIECE("0", "") "]}}]}\n\n"

static const struct {
	const char *what, *in;
	const char *has;	/* in what the client gets */
	int spared;		/* whether a frame is known when the stream has ended, or was when it failed */
} cases[] = {
	{ "text in one frame", TEXT("one ") TEXT("two ") TEXT("three"), "\"text\":\"three\"", 1 },
	{ "an empty piece", TEXT("one") TEXT("") TEXT("two"), "\"text\":\"two\"", 1 },
	{ "a quote in the piece", TEXT("one") TEXT("t\\\"wo") TEXT("\\\\"), "\"text\":\"t\\\"wo\"", 1 },
	{ "a member that hides in the piece", TEXT("one") TEXT("two\",\"refusal\":\"no"), "\"text\":\"twono\"", 0 },
	{ "another content that hides in the piece", TEXT("one") TEXT("two\",\"content\":\"three"), "\"text\":\"three\"", 1 },
	{ "halves of a pair", TEXT("one") TEXT("\\ud83d") TEXT("\\ude00"), "\\ud83d\\ude00", 1 },
	{ "an escape that is none", TEXT("one") TEXT("\\x"), "event: error", 0 },
	{ "a control character", TEXT("one") TEXT("a\tb"), "event: error", 0 },
	{ "bytes that are no UTF-8", TEXT("one") TEXT("a\xff" "b"), "\"text\":\"a?b\"", 0 },
	{ "a frame learnt from none of these", TEXT("a\xff") TEXT("two") TEXT("three"), "\"text\":\"three\"", 1 },
	{ "a tag of reasoning", TEXT("<think>") TEXT("hm") TEXT("</think>") TEXT("yes"), "\"text\":\"yes\"", 1 },
	{ "reasoning in one frame", THOUGHT("one ") THOUGHT("two ") THOUGHT("three"), "\"thinking\":\"three\"", 1 },
	{ "reasoning, then text", THOUGHT("one ") THOUGHT("two ") TEXT("three") TEXT("four"), "\"text\":\"four\"", 1 },
	{ "arguments in one frame", CALL ARGS("{\\\"command\\\":") ARGS("\\\"l") ARGS("s\\\"}"), "\"partial_json\":\"s\\\"}\"", 1 },
	{ "arguments, then text", CALL ARGS("{\\\"command\\\":") ARGS("1}") TEXT("one") TEXT("two"), "\"text\":\"two\"", 1 },
	{ "two events in one, then one more", TEXT("one") "data: {\"choices\":[{\"delta\":{\"content\":\"two\"}}]}\n" TEXT("three") TEXT("four"),
		"\"text\":\"four\"", 1 },
	{ "arguments of another call", CALL ARGS("{\\\"a\\\":") ARGS("1}")
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"c2\",\"function\":{\"name\":\"Read\",\"arguments\":\"{\"}}]}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"\\\"b\\\":\"}}]}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"2}\"}}]}}]}\n\n",
		"\"partial_json\":\"2}\"", 1 },
	{ "arguments beside an empty piece of another call", CALL OPEN("1", "c2", "Read") TWO("{\\\"a\\\":", "") TWO("1}", ""), "\"partial_json\":\"1}\"", 0 },
	{ "arguments beside an empty piece in another choice", CALL SPLIT("{\\\"a\\\":") SPLIT("1}"), "\"partial_json\":\"1}\"", 0 },
	{ "two things in one event", "data: {\"choices\":[{\"delta\":{\"content\":\"a\",\"reasoning_content\":\"b\"}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"content\":\"c\",\"reasoning_content\":\"b\"}}]}\n\n", "\"thinking\":\"b\"", 0 },
	{ "two choices", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"content\":\"c\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n\n", "\"text\":\"cb\"", 0 },
	{ "usage in every event", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":3}}\n\n", "\"text\":\"a\"", 0 },
	{ "a finish with text", TEXT("a") "data: {\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n", "\"text\":\"b\"", 0 },
	{ "a message in place of a delta", "data: {\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n\n", "\"text\":\"a\"", 0 },
	{ "an event that is an error by name", TEXT("a") TEXT("b") "event: error\n" TEXT("c"), "upstream error", 0 },
};

/* reads events one by one; full: each in full. Whether a frame is known behind them. */
static int run(struct run *out, const char *in, bool full)
{
	struct run_options o;
	struct runner r;
	struct sse s;
	int spared;

	run_options(&o);
	run_begin(&r, out, &o);
	r.forget = full;
	sse_init(&s, NULL, 0);
	run_feed(&r, &s, in, strlen(in));
	spared = r.reply.again.head > 0;
	run_close(&r, &s);
	return spared;
}

static void frame_of(size_t size, bool fits)
{
	struct bytes in = { 0 };
	struct run a;

	bytes_add(&in, "data: {\"id\":\"", 13);
	while (in.n < 6 + size - strlen("\",\"choices\":[{\"delta\":{\"content\":\"\"}}]}"))
		bytes_add(&in, "x", 1);
	bytes_add(&in, "\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", 43);
	bytes_add(&in, "", 1);
	CHECK(fits ? "the largest frame that is kept" : "a frame of one byte more", run(&a, in.p, false) == fits);
	free(a.out.p);
	free(in.p);
}

int main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct run a, b;
		int spared = run(&a, cases[i].in, false);

		run(&b, cases[i].in, true);
		CHECK(cases[i].what, run_same(&a, &b) && strstr(a.out.p, cases[i].has) != NULL && spared == cases[i].spared);
		if (spared != cases[i].spared || strstr(a.out.p, cases[i].has) == NULL)
			fprintf(stderr, "spared %d: %s\n", spared, a.out.p);
		free(a.out.p);
		free(b.out.p);
	}
	frame_of(REPLY_FRAME, true);
	frame_of(REPLY_FRAME + 1, false);
	return CHECK_END();
}
