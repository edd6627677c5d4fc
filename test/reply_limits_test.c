/* What an answer may not do: more calls than there is room for, more held back than may be; and what the owner asks of it. */
#include "reply_run.h"

#include "../carry.h"
#include "check.h"

static void add(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

static void add_call(struct bytes *b, unsigned i, const char *args)
{
	char text[200];

	snprintf(text, sizeof text, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%u,\"id\":\"c%u\",\"function\":"
		"{\"name\":\"Tasks\",\"arguments\":\"%s\"}}]}}]}\n\n", i, i, args);
	add(b, text);
}

static const char finish[] = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

static size_t blocks_of(const struct run *run, int type)
{
	static struct got g;
	size_t n = 0;

	got_events(&g, run->out.p, run->out.n);
	for (size_t i = 0; i < g.nblocks; i++)
		n += (int)g.blocks[i].type == type;
	if (got_wrong(&g) != NULL)
		n = 99999;
	got_free(&g);
	return n;
}

static void calls(void)
{
	struct run_options o;
	struct run run;
	struct bytes b = { 0 };

	run_options(&o);
	for (unsigned i = 0; i < REPLY_CALLS; i++)
		add_call(&b, i, "{}");
	size_t most = b.n;
	add(&b, finish);
	run_stream(&run, &o, b.p, b.n, 0, 0);
	CHECK("as many calls as may be", run.what == REPLY_DONE && blocks_of(&run, GOT_TOOL) == REPLY_CALLS);
	free(run.out.p);
	b.n = most;
	add_call(&b, REPLY_CALLS, "{}");
	add(&b, finish);
	run_stream(&run, &o, b.p, b.n, 0, 0);
	CHECK("one more is an error that says so",
		run.what == REPLY_FAILED && run.error.status == 502 && strstr(run.error.message, "too many tool calls") != NULL);
	CHECK("and the grammar holds", blocks_of(&run, GOT_TOOL) == REPLY_CALLS);
	free(run.out.p);
	free(b.p);
}

/* the second call waits for the first, whose arguments never end */
static void held_back(void)
{
	struct run_options o;
	struct run run;
	struct bytes b = { 0 };

	run_options(&o);
	o.stash_max = 5000;
	add_call(&b, 0, "{");
	for (int i = 0; i < 100; i++)
		add_call(&b, 1, "01234567890123456789012345678901234567890123456789");
	add(&b, finish);
	run_stream(&run, &o, b.p, b.n, 0, 0);
	CHECK("too much held back is an error that says so",
		run.what == REPLY_FAILED && strstr(run.error.message, "holds back") != NULL && blocks_of(&run, GOT_TOOL) == 1);
	free(run.out.p);
	o.stash_max = 8000;
	run_stream(&run, &o, b.p, b.n, 0, 0);
	CHECK("with more room it is none", run.what == REPLY_DONE && blocks_of(&run, GOT_TOOL) == 2);
	free(run.out.p);
	free(b.p);
}

/* what is held back for a moment only does not add up */
static void reused(void)
{
	struct run_options o;
	struct run run;
	struct bytes b = { 0 };

	run_options(&o);
	o.stash_max = 1000;
	o.q.cumulative = CUMULATIVE_REASONING;
	for (int i = 0; i < 1000; i++) {
		char text[200];

		snprintf(text, sizeof text, "data: {\"choices\":[{\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.text\","
			"\"index\":0,\"text\":\"round %d\"}]}}]}\n\n", i);
		add(&b, text);
	}
	add(&b, finish);
	run_stream(&run, &o, b.p, b.n, 0, 0);
	CHECK("room of what is not needed any more is used again", run.what == REPLY_DONE);
	free(run.out.p);
	free(b.p);
}

static size_t signature_bytes(const struct run *run, size_t *pieces)
{
	static struct got g;
	struct bytes quoted = { 0 };
	struct carry c;
	struct carry_piece piece = { 0 };
	size_t n = 0;

	*pieces = 0;
	got_events(&g, run->out.p, run->out.n);
	if (g.nblocks > 0 && g.blocks[0].signature.n > 0) {
		add(&quoted, "\"");
		bytes_add(&quoted, g.blocks[0].signature.p, g.blocks[0].signature.n);
		add(&quoted, "\"");
		if (carry_read(j_value(quoted.p, quoted.n, J_STRING), "host model", &c))
			while (carry_next(&c, &piece))
				++*pieces;
		n = g.blocks[0].signature.n;
	}
	free(quoted.p);
	got_free(&g);
	return n;
}

/* the signature comes back with every request: pieces of one text are joined when they are many */
static void details(void)
{
	struct run_options o;
	struct run run;
	struct bytes b = { 0 };
	size_t pieces;

	run_options(&o);
	for (int i = 0; i < 2000; i++)
		add(&b, "data: {\"choices\":[{\"delta\":{\"reasoning\":\"ab \",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"ab \",\"index\":0}]}}]}\n\n");
	add(&b, "data: {\"choices\":[{\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"x\",\"index\":0}]}}]}\n\n");
	add(&b, finish);
	run_stream(&run, &o, b.p, b.n, 0, 0);
	size_t n = signature_bytes(&run, &pieces);
	CHECK("2000 details are carried as some", run.what == REPLY_DONE && pieces > 2 && pieces < 100 && n > 8000 && n < 25000);
	free(run.out.p);
	free(b.p);
}

static void owner(void)
{
	struct run_options o;
	struct run run;
	struct runner n;
	int64_t in, cached, out;
	static const char text[] = "{\"choices\":[{\"delta\":{\"content\":\"A\"},\"finish_reason\":\"stop\"}],\"usage\":"
		"{\"prompt_tokens\":9,\"completion_tokens\":2,\"cached_tokens\":4}}";
	char data[sizeof text];

	run_options(&o);
	run_begin(&n, &run, &o);
	reply_ping(&n.reply, &n.plan);
	reply_nudge(&n.reply, &n.plan);
	CHECK("nothing stands before message_start", n.plan.total == 0 && !reply_started(&n.reply));
	memcpy(data, text, sizeof text);
	CHECK("an event", reply_event(&n.reply, data, sizeof text - 1, "", false, &n.plan) == REPLY_MORE);
	run_pull(&n);
	CHECK("started and finished, not over", reply_started(&n.reply) && reply_finished(&n.reply) &&
		reply_stop_reason(&n.reply)[0] == '\0');
	reply_usage(&n.reply, &in, &cached, &out);
	CHECK("tokens for the log", in == 5 && cached == 4 && out == 2);
	reply_commit(&n.reply, &n.plan);
	CHECK("no second message_start", n.plan.total == 0);
	CHECK("an unclean end behind the finish is an end", reply_end(&n.reply, false, &n.plan) == REPLY_DONE);
	run_pull(&n);
	CHECK("the reason", strcmp(reply_stop_reason(&n.reply), "end_turn") == 0);
	memcpy(data, text, sizeof text);
	CHECK("nothing comes behind the end", reply_event(&n.reply, data, sizeof text - 1, "", false, &n.plan) == REPLY_DONE &&
		reply_end(&n.reply, true, &n.plan) == REPLY_DONE && n.plan.total == 0);
	CHECK("nothing was odd", reply_oddity(&n.reply)[0] == '\0');
	run_finish(&n);
	free(run.out.p);
	CHECK("the state of an answer is small", sizeof(struct reply) <= 13 * 1024);
}

/* an answer that goes on for long, held back call by call, does not slow down with what is behind it */
static void many(void)
{
	struct run_options o;
	struct run run;
	struct bytes b = { 0 };

	run_options(&o);
	add_call(&b, 0, "{");
	for (int i = 0; i < 3000; i++)
		add(&b, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"Bash\",\"arguments\":\"x\"}}]}}]}\n\n");
	add(&b, finish);
	run_stream(&run, &o, b.p, b.n, 0, 0);
	CHECK("3000 pieces of a call that waits", run.what == REPLY_DONE && blocks_of(&run, GOT_TOOL) == 2);
	free(run.out.p);
	free(b.p);
}

/* pieces of reasoning with very many members: comparing two takes one pass */
static void members(void)
{
	struct run_options o;
	struct run run;
	struct bytes b = { 0 };
	char text[40];

	run_options(&o);
	for (int piece = 0; piece < 4; piece++) {
		add(&b, "data: {\"choices\":[{\"delta\":{\"reasoning_details\":[{\"text\":\"t\"");
		for (int i = 0; i < 20000; i++) {
			snprintf(text, sizeof text, ",\"m%d\":1", i);
			add(&b, text);
		}
		add(&b, "}]}}]}\n\n");
	}
	add(&b, finish);
	run_stream(&run, &o, b.p, b.n, 0, 0);
	CHECK("pieces of reasoning with 20,000 members", run.what == REPLY_DONE && blocks_of(&run, GOT_THINKING) == 1);
	free(run.out.p);
	free(b.p);
}

int main(void)
{
	calls();
	held_back();
	reused();
	details();
	owner();
	many();
	members();
	return CHECK_END();
}
