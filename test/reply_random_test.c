/*
 * Random answers of fixed seeds: what a model says is made first, then told in
 * a dialect chosen at random, with fragments, nulls and noise, members that
 * nobody knows, names and ids again or late or never, calls and text in between
 * each other, reasoning said twice, lines of any kind. Nothing of text,
 * reasoning and arguments may be lost. Then the same streams damaged: whatever
 * comes of it, the grammar holds, whole and cut anywhere.
 */
#include "told.h"

#include "check.h"

#define SEEDS 1500
#define DAMAGED 1500

static size_t say_wrong(const char *why, unsigned seed, const struct bytes *in, const struct run *run)
{
	if (why != NULL)
		printf("# seed %u: %s\n%s# came to %d %s:\n%s\n", seed, why, in->p, (int)run->what, run->error.message, run->out.p);
	return why != NULL;
}

static size_t try_seed(unsigned seed)
{
	struct run_options o;
	struct run whole, cut;
	struct teller t;
	struct speech s;
	size_t bad;

	state = seed;
	run_options(&o);
	o.search = true;
	o.nudge_at = dice(3) == 0 ? 1 + dice(6) : 0;
	make_speech(&s);
	tell(&t, &s);
	run_stream(&whole, &o, t.out.p, t.out.n, 0, 0);
	bad = say_wrong(wrong(&whole, &s, false), seed, &t.out, &whole);
	run_stream(&cut, &o, t.out.p, t.out.n, dice((unsigned)t.out.n), 1 + dice(50));
	bad += say_wrong(run_same(&whole, &cut) ? NULL : "cut it differs", seed, &t.out, &cut);
	free(cut.out.p);
	free(whole.out.p);
	o.sink = SINK_MESSAGE;
	o.nudge_at = 0;
	run_stream(&whole, &o, t.out.p, t.out.n, 0, 0);
	bad += say_wrong(wrong(&whole, &s, true), seed, &t.out, &whole);
	free(whole.out.p);
	free(t.out.p);
	for (size_t i = 0; i < s.n; i++)
		free(s.parts[i].text.p);
	return bad;
}

/* ---- damage ---- */

static void damage(struct bytes *b)
{
	static const char bytes[] = "{}[]\",:\\\n\r dtu0\x80\xc3";
	size_t at = dice((unsigned)b->n), n = dice(30);

	if (n > b->n - at)
		n = b->n - at;
	switch (dice(4)) {
	case 0:
		b->p[at] = bytes[dice(sizeof bytes - 1)];
		break;
	case 1:
		memmove(b->p + at, b->p + at + n, b->n - at - n);
		b->n -= n;
		break;
	case 2: {
		char copy[30];
		memcpy(copy, b->p + at, n);
		bytes_add(b, copy, n);
		break;
	}
	default: {
		/* a line is lost, or comes twice */
		char *line = memchr(b->p + at, '\n', b->n - at), *end;
		if (line == NULL || (end = memchr(line + 1, '\n', b->n - (size_t)(line + 1 - b->p))) == NULL)
			break;
		memmove(line, end, b->n - (size_t)(end - b->p));
		b->n -= (size_t)(end - line);
		break;
	}
	}
	b->p[b->n] = '\0';
}

static const char *wrong_events(const struct run *run)
{
	static struct got g;
	const char *why;

	if (run->out.n == 0)
		return run->what == REPLY_FAILED ? NULL : "nothing came of it";
	got_events(&g, run->out.p, run->out.n);
	why = got_wrong(&g);
	if (why == NULL && g.error != (run->what == REPLY_FAILED))
		why = "an error that is none, or none that is one";
	got_free(&g);
	return why;
}

static const char *wrong_message(const struct run *run)
{
	static struct got g;
	const char *why;

	if (run->what == REPLY_FAILED)
		return NULL;
	got_whole(&g, run->out.p, run->out.n);
	why = got_wrong(&g);
	got_free(&g);
	return why;
}

static size_t try_damaged(unsigned seed)
{
	struct run_options o;
	struct run whole, cut;
	struct teller t;
	struct speech s;
	size_t bad;

	state = seed;
	run_options(&o);
	o.search = true;
	make_speech(&s);
	tell(&t, &s);
	if (dice(4) == 0)
		o.q.cumulative = dice(2) ? CUMULATIVE_ARGS : CUMULATIVE_REASONING;
	if (dice(8) == 0)
		o.q.think_tags = TAGS_OPEN;
	if (dice(8) == 0)
		o.stash_max = dice(2000);
	o.nudge_at = dice(4) == 0 ? 1 + dice(6) : 0;
	o.commit = dice(8) == 0;
	for (unsigned i = 1 + dice(4); i > 0; i--)
		damage(&t.out);
	run_stream(&whole, &o, t.out.p, t.out.n, 0, 0);
	bad = say_wrong(wrong_events(&whole), seed, &t.out, &whole);
	run_stream(&cut, &o, t.out.p, t.out.n, 1 + dice(100), 1 + dice(9));
	bad += say_wrong(run_same(&whole, &cut) ? NULL : "cut it differs", seed, &t.out, &cut);
	free(cut.out.p);
	free(whole.out.p);
	o.sink = SINK_MESSAGE;
	o.commit = false;
	o.nudge_at = 0;
	run_stream(&whole, &o, t.out.p, t.out.n, 0, 0);
	bad += say_wrong(wrong_message(&whole), seed, &t.out, &whole);
	free(whole.out.p);
	free(t.out.p);
	for (size_t i = 0; i < s.n; i++)
		free(s.parts[i].text.p);
	return bad;
}

int main(int argc, char **argv)
{
	unsigned from = argc > 1 ? (unsigned)atoi(argv[1]) : 0, seeds = argc > 1 ? 1 : SEEDS;
	size_t lost = 0, broken = 0;

	for (unsigned i = 0; i < seeds && lost < 3; i++)
		lost += try_seed(from + i);
	CHECK("nothing of a random answer is lost", lost == 0);
	for (unsigned i = 0; i < DAMAGED && argc == 1 && broken < 3; i++)
		broken += try_damaged(i);
	if (argc > 2)
		broken += try_damaged((unsigned)atoi(argv[2]));
	CHECK("a damaged answer keeps the grammar", broken == 0);
	return CHECK_END();
}
