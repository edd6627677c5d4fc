/*
 * micro [CASE]: what checking and converting cost, without sockets. Without a
 * case: for each a line with its time. With one: that once, for callgrind to
 * count (test/micro.t): all that is measured happens in measured().
 */
#include "convert.h"
#include "heap.h"
#include "json.h"
#include "plan.h"
#include "quirks.h"
#include "request.h"
#include "reply.h"
#include "sse.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 7
#define ENOUGH 0.15		/* seconds of a round */

static struct heap input;
static struct plan_heap spans;
static struct plan plan;
static struct quirks q;
static char sink[65536];

/* ---- what is measured: each returns a number that depends on all of its work ---- */

static size_t pull(void)
{
	struct plan_pos at = { 0 };
	size_t n, all = 0;

	while ((n = plan_pull(&plan, &at, sink, sizeof sink)) > 0)
		all += n;
	plan_clear(&plan);
	return all;
}

static size_t check(void)
{
	struct j_err err;

	if (j_check_keep(input.p, input.n, &err) != 0)
		exit(1);
	return input.n;
}

static size_t request(void)
{
	static struct session session;
	struct target t = { .q = &q, .model = "up-model", .max_tokens_limit = 131072, .binding = "b", .session_id = "s" };
	struct request_facts facts;
	struct api_error e;
	struct j_val root = j_root(input.p, input.n);

	if (request_read(root, &facts, &e) != 0 || request_convert(root, &t, &plan, &session, &facts, &e) != 0)
		exit(1);
	return pull();
}

static size_t stream(void)
{
	static struct reply reply;
	static char event[65536], held[65536];
	struct stash stash = { .b = { held, sizeof held, 0, 0 } };
	struct session none = { 0 };
	struct reply_options o = { .sink = SINK_EVENTS, .q = &q, .session = &none, .binding = "b", .model = "m", .nmodel = 1,
		.stash = &stash };
	struct sse sse;
	size_t used, all = 0;

	reply_start(&reply, &o);
	sse_init(&sse, event, sizeof event);
	for (size_t at = 0; at < input.n; at += used) {
		if (sse_feed(&sse, input.p + at, input.n - at, &used) != SSE_EVENT)
			continue;
		if (reply_event(&reply, sse.data, sse.len, sse.name, sse.error_field, &plan) == REPLY_FAILED)
			exit(1);
		all += pull();
	}
	return all;
}

/* ---- the inputs ---- */

static void put(const char *text)
{
	if (!heap_str(&input, text))
		exit(1);
}

static void put_n(const char *text, int n)
{
	for (int i = 0; i < n; i++)
		put(text);
}

static void strings(void)
{
	put("[\"");
	put_n("The quick brown fox jumps over the lazy dog, and \u00e4 little \\\"further\\\" on.\\n", 14000);
	put("\"]");
}

#define SCHEMA "{\"name\":\"Grep\",\"description\":\"A search tool built on ripgrep. Supports full regex syntax.\\nUsage: pass a pattern.\"," \
	"\"input_schema\":{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"properties\":{\"pattern\":" \
	"{\"type\":\"string\",\"description\":\"The regular expression\"},\"path\":{\"type\":\"string\"},\"head_limit\":{\"type\":\"number\"," \
	"\"minimum\":0},\"multiline\":{\"type\":\"boolean\",\"default\":false},\"mode\":{\"type\":\"string\",\"enum\":[\"content\",\"count\"]}}," \
	"\"required\":[\"pattern\"],\"additionalProperties\":false}}"

static void schemas(void)
{
	put("[" SCHEMA);
	put_n("," SCHEMA, 1600);
	put("]");
}

/* a conversation of n turns, each a call, its result and a word about it */
static void conversation(int n)
{
	char turn[256];

	put("{\"model\":\"claude-x\",\"max_tokens\":32000,\"stream\":true,\"system\":[{\"type\":\"text\",\"text\":\"You are an agent.\","
		"\"cache_control\":{\"type\":\"ephemeral\"}}],\"tools\":[" SCHEMA "],\"messages\":[{\"role\":\"user\",\"content\":\"Begin\"}");
	for (int i = 0; i < n; i++) {
		sprintf(turn, ",{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Step %d\"},{\"type\":\"tool_use\","
			"\"id\":\"toolu_%06d\",\"name\":\"Grep\",\"input\":{\"pattern\":\"a+b\",\"path\":\"/src\"}}]}", i, i);
		put(turn);
		sprintf(turn, ",{\"role\":\"user\",\"content\":[{\"tool_use_id\":\"toolu_%06d\",\"type\":\"tool_result\",\"content\":\"", i);
		put(turn);
		put_n("src/main.c:42:\\tif (argc > 1 && strcmp(argv[1], \\\"-v\\\") == 0)\\n", 32);
		put("\"}]}");
	}
	put("]}");
}

static void small(void)
{
	put("{\"model\":\"claude-x\",\"max_tokens\":64,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}");
}

static void large(void)
{
	conversation(400);
}

#define EVENT "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{"
#define END "},\"finish_reason\":null}]}\n\n"

static void deltas(void)
{
	put(EVENT "\"role\":\"assistant\",\"content\":\"\"" END);
	put_n(EVENT "\"content\":\" some words\"" END, 998);
	put(EVENT "},\"finish_reason\":\"stop\"}]}\n\n");
}

static void fragments(void)
{
	put(EVENT "\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"Grep\",\"arguments\":\"{\\\"a\\\":\\\"\"}}]" END);
	put_n(EVENT "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"abc\"}}]" END, 997);
	put(EVENT "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\"}\"}}]" END);
	put(EVENT "},\"finish_reason\":\"tool_calls\"}]}\n\n");
}

static const struct {
	const char *name;
	void (*fill)(void);
	size_t (*run)(void);
	int events;		/* of one run, or 0: its bytes count */
} cases[] = {
	{ "check-strings", strings, check, 0 },
	{ "check-schemas", schemas, check, 0 },
	{ "request-small", small, request, 1 },
	{ "request-large", large, request, 0 },
	{ "stream-deltas", deltas, stream, 1000 },
	{ "stream-arguments", fragments, stream, 1000 },
};

size_t measured(size_t (*run)(void));

size_t measured(size_t (*run)(void))
{
	return run();
}

/* by its name callgrind finds it, so it is called where the compiler cannot see that it is it */
static size_t (*volatile const apart)(size_t (*run)(void)) = measured;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* the best of some rounds: what else the machine does can only add to it */
static double best(size_t (*run)(void))
{
	double least = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double began = seconds(), took = 0;
		int n = 0;
		for (; took < ENOUGH; n++, took = seconds() - began)
			apart(run);
		if (took / n < least)
			least = took / n;
	}
	return least;
}

int main(int argc, char **argv)
{
	q_init(&q);
	plan_init(&plan, NULL, 0, NULL, 0);
	plan.grow = plan_heap_grow;
	plan.owner = &spans;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (argc > 1 && strcmp(argv[1], cases[i].name) != 0)
			continue;
		input.n = 0;
		cases[i].fill();
		size_t out = cases[i].run();	/* storage is there from now on */
		if (argc > 1)
			return apart(cases[i].run) != out;
		double took = best(cases[i].run);
		if (cases[i].events > 0)
			printf("%-18s %9.3f us an event or request\n", cases[i].name, took * 1e6 / cases[i].events);
		else
			printf("%-18s %9.3f ms, %.3f GB/s of %zu bytes\n", cases[i].name, took * 1e3, (double)input.n / took / 1e9, input.n);
	}
	heap_free(&input);
	plan_heap_free(&spans);
	return argc > 1 ? 2 : 0;
}
