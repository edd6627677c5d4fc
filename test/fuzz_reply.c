/*
 * Fuzzing the conversion of answers: any stream, cut anywhere, gives the same
 * bytes, and they keep the grammar of Anthropic's events; folded into one
 * message it is JSON. The first byte chooses the settings.
 */
#include "reply_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static void settings(struct run_options *o, uint8_t choice)
{
	run_options(o);
	o->search = (choice & 2) != 0;
	if (choice & 1)
		o->q.cumulative = choice & 2 ? CUMULATIVE_ARGS : CUMULATIVE_REASONING;
	if (choice & 4)
		o->q.think_tags = choice & 2 ? TAGS_OPEN : TAGS_OFF;
	if (choice & 8)
		o->q.heal = choice & 2 ? HEAL_KIMI : HEAL_OFF;
	if (choice & 16)
		o->nudge_at = 2;
	if (choice & 32)
		o->commit = true;
	if (choice & 64)
		o->hide_thinking = true;
	if (choice & 128)
		o->stash_max = 300;
}

static void check_events(const struct run *run)
{
	static struct got g;

	if (run->out.n == 0) {
		MUST(run->what == REPLY_FAILED);
		return;
	}
	got_events(&g, run->out.p, run->out.n);
	MUST(got_wrong(&g) == NULL);
	MUST(g.error == (run->what == REPLY_FAILED));
	got_free(&g);
}

static void check_message(const struct run *run)
{
	static struct got g;

	if (run->what != REPLY_DONE)
		return;
	got_whole(&g, run->out.p, run->out.n);
	MUST(got_wrong(&g) == NULL);
	got_free(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run_options o;
	struct run whole, cut;

	if (size < 2)
		return 0;
	settings(&o, data[0]);
	const char *in = (const char *)data + 1;
	size_t n = size - 1;
	run_stream(&whole, &o, in, n, 0, 0);
	check_events(&whole);
	run_stream(&cut, &o, in, n, n / 3, 1 + data[1] % 7u);
	MUST(run_same(&whole, &cut));
	free(whole.out.p);
	free(cut.out.p);
	o.commit = false;
	o.nudge_at = 0;
	run_whole(&whole, &o, in, n);
	if (whole.out.n > 0)
		check_events(&whole);
	free(whole.out.p);
	o.sink = SINK_MESSAGE;
	run_stream(&whole, &o, in, n, 0, 0);
	check_message(&whole);
	free(whole.out.p);
	run_whole(&whole, &o, in, n);
	check_message(&whole);
	free(whole.out.p);
	return 0;
}
