/*
 * Answers of the Messages API that fail, or are of another form than was asked
 * for; what is counted. Each whole and byte by byte. What goes well is in
 * test/golden/stream/native-* and test/golden/reply/native.
 */
#include "reply_run.h"

#include "check.h"

#define START "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":9," \
	"\"cache_read_input_tokens\":4}}}\n\n"
#define BLOCK "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":" \
	"{\"type\":\"text\",\"text\":\"\"}}\n\n"
#define ERROR(type, text) "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" text "\"}}\n\n"
#define ENDING(reason) "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\"}," \
	"\"usage\":{\"input_tokens\":0,\"output_tokens\":5}}\n\n"

static const struct {
	const char *what, *in;
	enum reply_sink sink;
	bool started;
	int status;
	const char *type, *message;	/* the message begins so */
} failures[] = {
	{ "an error before any content has its status", START ERROR("overloaded_error", "Overloaded"), SINK_EVENTS, false, 529,
	  "overloaded_error", "Overloaded" },
	{ "an error first", ERROR("rate_limit_error", "slow down"), SINK_EVENTS, false, 429, "rate_limit_error", "slow down" },
	{ "an empty account", ERROR("billing_error", "no credit"), SINK_EVENTS, false, 402, "billing_error", "no credit" },
	{ "an error within", START BLOCK ERROR("api_error", "Internal server error"), SINK_EVENTS, true, 500, "api_error",
	  "Internal server error" },
	{ "OpenAI's shape too", START "data: {\"error\":{\"message\":\"bad key\",\"code\":401}}\n\n", SINK_EVENTS, false, 401,
	  "authentication_error", "bad key" },
	{ "MiniMax's", "data: {\"base_resp\":{\"status_code\":1008,\"status_msg\":\"insufficient balance\"}}\n\n", SINK_EVENTS, false,
	  402, "billing_error", "insufficient balance" },
	{ "an overflow that is told in the stream", ERROR("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
	  SINK_EVENTS, false, 400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum" },
	{ "a full window and nothing else", START ENDING("model_context_window_exceeded"), SINK_EVENTS, false, 400,
	  "invalid_request_error", "prompt is too long" },
	{ "nothing", ": hello\n\n", SINK_EVENTS, false, 502, "api_error", "the upstream closed" },
	{ "only pings", "data: {\"type\":\"ping\"}\n\n", SINK_EVENTS, false, 502, "api_error", "the upstream closed" },
	{ "cut before any content", START, SINK_EVENTS, false, 502, "api_error", "the upstream closed" },
	{ "[DONE] is no end", START BLOCK "data: [DONE]\n\n", SINK_EVENTS, true, 500, "api_error", "the upstream closed" },
	{ "a broken event", START BLOCK "data: {\"type\":\"content_block_delta\",\n\n", SINK_EVENTS, true, 502, "api_error",
	  "the upstream sent a broken event" },
	{ "events for a message", START, SINK_MESSAGE, false, 502, "api_error", "the upstream's answer is no message" },
	{ "a message for events", "{\"type\":\"message\",\"content\":[]}", SINK_EVENTS, false, 502, "api_error",
	  "the upstream does not stream" },
	{ "another document", "{\"type\":\"list\",\"data\":[]}", SINK_MESSAGE, false, 502, "api_error",
	  "the upstream's answer is no message" },
	{ "an empty document", "{}", SINK_MESSAGE, false, 502, "api_error", "the upstream's answer has no" },
	{ "an error as a document", "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"model: x\"}}", SINK_MESSAGE,
	  false, 404, "not_found_error", "model: x" },
	{ "a full window in a message", "{\"type\":\"message\",\"model\":\"m\",\"content\":[],\"stop_reason\":"
	  "\"model_context_window_exceeded\"}", SINK_MESSAGE, false, 400, "invalid_request_error", "prompt is too long" },
};

static void fails(size_t i, size_t step)
{
	struct run_options o;
	struct run run;

	run_options(&o);
	o.q.native = true;
	o.sink = failures[i].sink;
	run_any(&run, &o, failures[i].in, strlen(failures[i].in), step, step);
	bool good = run.what == REPLY_FAILED && run.started == failures[i].started && run.error.status == failures[i].status
		&& strcmp(run.error.type, failures[i].type) == 0
		&& strncmp(run.error.message, failures[i].message, strlen(failures[i].message)) == 0;
	CHECK(failures[i].what, good);
	if (!good)
		printf("# %d %d %d %s %s\n# %s\n", (int)run.what, run.started, run.error.status, run.error.type, run.error.message, run.out.p);
	free(run.out.p);
}

/* what a message_delta leaves out, or says is 0, message_start has told */
static void usage(void)
{
	static const char in[] = "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":4,"
		"\"cache_creation_input_tokens\":2,\"output_tokens\":1}}}";
	static const char end[] = "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":0,"
		"\"output_tokens\":5}}";
	static const char more[] = "{\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"input_tokens\":11,\"cache_read_input_tokens\":null}}";
	const char *const events[] = { in, end, more };
	struct run_options o;
	struct runner n;
	struct run run;
	int64_t input = 0, cached = 0, output = 0, prompt = 0, read = 0;

	run_options(&o);
	o.q.native = true;
	run_begin(&n, &run, &o);
	reply_usage(&n.reply, &input, &cached, &output);
	CHECK("before anything is told: the estimate", input == 7 && cached == 0);
	for (int i = 0; i < 3; i++) {
		struct sse s = { .data = strdup(events[i]), .len = strlen(events[i]) };

		run_event(&n, &s);
		free(s.data);
		reply_usage(&n.reply, &input, &cached, &output);
		CHECK("tokens", input == (i < 2 ? 9 : 11) && cached == 4 && output == (i < 1 ? 1 : 5));
		CHECK("the whole prompt and what the cache had", reply_counted(&n.reply, &prompt, &read) && read == 4
			&& prompt == (i < 2 ? 15 : 17));
		CHECK("finished", reply_finished(&n.reply) == (i > 0) && run.what == REPLY_MORE);
	}
	run.what = reply_end(&n.reply, true, &n.plan);
	CHECK("the end after it", run.what == REPLY_DONE && strcmp(reply_stop_reason(&n.reply), "end_turn") == 0);
	run_pull(&n);
	run_finish(&n);
	free(run.out.p);
}

/* what is cut off, or damaged in one place: the same whole and in pieces */
static void damaged(void)
{
	size_t n, bad = 0;
	char *in = run_file("test/golden/stream/native-all/upstream.sse", &n);
	struct run_options o;
	struct run whole, pieces;

	run_options(&o);
	o.q.native = true;
	for (size_t i = 0; in != NULL && i < n; i += 3) {
		size_t length = i % 2 == 0 ? i : n;

		in[i] ^= i % 2 == 0 ? 0 : 0x10;
		run_stream(&whole, &o, in, length, 0, 0);
		run_stream(&pieces, &o, in, length, i % 7, 5);
		bad += !run_same(&whole, &pieces);
		free(whole.out.p);
		free(pieces.out.p);
		in[i] ^= i % 2 == 0 ? 0 : 0x10;
	}
	CHECK("damaged, cut anywhere", in != NULL && bad == 0);
	free(in);
}

int main(void)
{
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		fails(i, 0);
		fails(i, 1);
	}
	usage();
	damaged();
	return CHECK_END();
}
