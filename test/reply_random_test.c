/*
 * Random answers of fixed seeds: what a model says is made first, then told in
 * a dialect chosen at random, with fragments, nulls and noise. Nothing of text,
 * reasoning and arguments may be lost. Then the same streams damaged: whatever
 * comes of it, the grammar holds, whole and cut.
 */
#include "reply_run.h"

#include "check.h"

#define SEEDS 1500
#define DAMAGED 1500

static uint64_t state;

static unsigned dice(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % n;
}

static void add(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

/* what a model says */
enum { SAYS_THOUGHT, SAYS_TEXT, SAYS_CALL };

#define PARTS 12

struct part {
	int type;
	struct bytes text;	/* as it is; arguments as JSON */
	const char *name;
	char id[32];
};

struct speech {
	size_t n;
	struct part parts[PARTS];
};

/* characters as JSON writes them, and as they are */
static const struct {
	const char *raw, *text;
} letters[] = {
	{ "a", "a" }, { "b", "b" }, { " ", " " }, { "\\n", "\n" }, { "\\\"", "\"" }, { "\\\\", "\\" }, { "<", "<" },
	{ "\\u003c", "<" }, { "\xc3\xa9", "\xc3\xa9" }, { "\\u00e9", "\xc3\xa9" }, { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	{ "\\ud83d\\ude00", "\xf0\x9f\x98\x80" }, { "{", "{" }, { "}", "}" }, { "/", "/" }, { "\\u2028", "\xe2\x80\xa8" }
};

#define LETTERS (sizeof letters / sizeof letters[0])

static void say(struct bytes *text, unsigned most)
{
	static const char *const first[] = { "A", "So ", "1", "\xe4\xbd\xa0" };

	add(text, first[dice(4)]);
	for (unsigned i = dice(most); i > 0; i--)
		add(text, letters[dice(LETTERS)].text);
}

static void say_json(struct bytes *text)
{
	struct bytes inner = { 0 };
	struct span spans[3];
	struct plan plan;
	struct plan_pos pos = { 0 };
	char piece[2000];

	if (dice(5) == 0) {
		add(text, "{}");
		return;
	}
	add(text, dice(2) ? "{\"command\":" : "{ \"list\": [1, {\"a\": \"]}\"}], \"x\":");
	say(&inner, 30);
	plan_init(&plan, spans, 3, NULL, 0);
	plan_str(&plan, inner.p);
	bytes_add(text, piece, plan_pull(&plan, &pos, piece, sizeof piece));
	add(text, "}");
	free(inner.p);
}

static void make_speech(struct speech *s)
{
	static const char *const names[] = { "Bash", "Read", "Write", "Tasks" };

	memset(s, 0, sizeof *s);
	s->n = 1 + dice(PARTS - 1);
	for (size_t i = 0; i < s->n; i++) {
		struct part *p = &s->parts[i];

		p->type = (int)dice(3);
		if (p->type == SAYS_CALL) {
			p->name = names[dice(4)];
			snprintf(p->id, sizeof p->id, "call_%zu_%u", i, dice(1000));
			say_json(&p->text);
		} else {
			say(&p->text, 40);
		}
	}
}

/* ---- telling it ---- */

/* one character as JSON may write it: one of its forms, with the form of a pair cut in two when cut is asked for */
static size_t write_char(struct bytes *to, const char *p, size_t n, bool *half)
{
	for (unsigned k = 0; k < 2 * LETTERS; k++) {
		size_t i = dice(LETTERS), len = strlen(letters[i].text);

		if (len > n || memcmp(letters[i].text, p, len) != 0)
			continue;
		if (*half && strncmp(letters[i].raw, "\\ud83d", 6) == 0) {
			add(to, "\\ud83d");
			return len;
		}
		*half = false;
		add(to, letters[i].raw);
		return len;
	}
	*half = false;
	size_t len = 1;
	while (len < n && ((unsigned char)p[len] & 0xc0) == 0x80)
		len++;
	if (*p == '"' || *p == '\\')
		add(to, "\\");
	if (*p == '\n')
		add(to, "\\n");
	else
		bytes_add(to, p, len);
	return len;
}

/* the next fragment of a text, as the inside of a JSON string; owes: half a pair that was left over */
static void fragment(struct bytes *to, const struct bytes *text, size_t *at, bool *owes)
{
	unsigned most = 1 + dice(12);

	if (*owes)
		add(to, "\\ude00");
	*owes = false;
	while (*at < text->n && most-- > 0) {
		bool half = most == 0 && dice(2) == 0;

		*at += write_char(to, text->p + *at, text->n - *at, &half);
		*owes = half;
	}
}

struct teller {
	struct bytes out;
	bool nulls, whole_ids, whole_calls, no_index, late_name, spaces, snake;
	const char *thoughts;
	unsigned calls;
};

static void noise(struct teller *t)
{
	static const char *const kinds[] = {
		": comment\n\n", "data: null\n\n", "data: {\"choices\":[]}\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n",
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"tool_calls\":[]},\"finish_reason\":\"\"}],\"usage\":{\"prompt_tokens\":0}}\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":null,\"tool_calls\":null,\"unknown\":[{}]}}],\"error\":null}\n\n",
		"id: 1\n\n", "data:{\"choices\":[null,{\"delta\":null}]}\n\n"
	};

	if (dice(4) == 0)
		add(&t->out, kinds[dice(8)]);
}

static void begin_delta(struct teller *t)
{
	noise(t);
	add(&t->out, t->spaces ? "data: { \"id\" : \"x\" , \"choices\" : [ { \"index\" : 0 , \"delta\" : { " : "data: {\"choices\":[{\"delta\":{");
}

static void end_delta(struct teller *t)
{
	add(&t->out, t->nulls ? "},\"finish_reason\":null,\"logprobs\":null}],\"usage\":null}\n\n" : "}}]}\n\n");
}

static void tell_text(struct teller *t, const struct part *p, const char *field)
{
	size_t at = 0;
	bool owes = false;

	while (at < p->text.n || owes) {
		begin_delta(t);
		add(&t->out, "\"");
		add(&t->out, field);
		add(&t->out, "\":\"");
		fragment(&t->out, &p->text, &at, &owes);
		add(&t->out, "\"");
		end_delta(t);
	}
}

static void tell_head(struct teller *t, const struct part *p, unsigned index, bool with_id, bool with_name)
{
	char text[200];

	add(&t->out, "{");
	if (!t->no_index) {
		snprintf(text, sizeof text, "\"index\":%u,", index);
		add(&t->out, text);
	}
	snprintf(text, sizeof text, "\"id\":\"%s\",\"type\":\"function\",", p->id);
	if (with_id)
		add(&t->out, text);
	else if (t->nulls)
		add(&t->out, dice(2) ? "\"id\":null," : "\"id\":\"\",");
	add(&t->out, "\"function\":{");
	snprintf(text, sizeof text, "\"name\":\"%s\",", p->name);
	if (with_name)
		add(&t->out, text);
	else if (t->nulls)
		add(&t->out, dice(2) ? "\"name\":null," : "\"name\":\"\",");
	add(&t->out, "\"arguments\":");
}

/* a call alone */
static void tell_call(struct teller *t, const struct part *p)
{
	unsigned index = t->calls++;
	size_t at = 0;
	bool owes = false, first = true;

	do {
		begin_delta(t);
		add(&t->out, "\"tool_calls\":[");
		tell_head(t, p, index, first || t->whole_ids, first ? !t->late_name : (t->whole_ids || t->late_name));
		if (t->whole_calls && dice(2)) {
			bytes_add(&t->out, p->text.p, p->text.n);
			at = p->text.n;
		} else {
			add(&t->out, "\"");
			do
				fragment(&t->out, &p->text, &at, &owes);
			while ((at < p->text.n || owes) && t->whole_calls);
			add(&t->out, "\"");
		}
		add(&t->out, "}}]");
		end_delta(t);
		if (first && t->late_name && at == p->text.n && !owes) {
			begin_delta(t);
			add(&t->out, "\"tool_calls\":[");
			tell_head(t, p, index, false, true);
			add(&t->out, "\"\"}}]");
			end_delta(t);
		}
		first = false;
	} while (at < p->text.n || owes);
}

/* some calls at once, their pieces in any order */
static void tell_calls(struct teller *t, const struct part *p, size_t n)
{
	size_t at[PARTS] = { 0 }, left = n;
	bool owes[PARTS] = { 0 }, begun[PARTS] = { 0 }, done[PARTS] = { 0 };
	unsigned first = t->calls;

	t->calls += (unsigned)n;
	begin_delta(t);
	add(&t->out, "\"tool_calls\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			add(&t->out, ",");
		tell_head(t, &p[i], first + (unsigned)i, true, true);
		add(&t->out, "\"\"}}");
		begun[i] = true;
	}
	add(&t->out, "]");
	end_delta(t);
	while (left > 0) {
		size_t i = dice((unsigned)n);

		if (done[i])
			continue;
		begin_delta(t);
		add(&t->out, "\"tool_calls\":[");
		tell_head(t, &p[i], first + (unsigned)i, !begun[i] || t->whole_ids, false);
		add(&t->out, "\"");
		fragment(&t->out, &p[i].text, &at[i], &owes[i]);
		add(&t->out, "\"}}]");
		end_delta(t);
		done[i] = at[i] == p[i].text.n && !owes[i];
		left -= done[i];
	}
}

static void tell(struct teller *t, const struct speech *s)
{
	static const char *const fields[] = { "reasoning_content", "reasoning", "reasoning_text", "thinking" };

	memset(t, 0, sizeof *t);
	t->nulls = dice(2);
	t->whole_ids = dice(3) == 0;
	t->whole_calls = dice(3) == 0;
	t->no_index = t->whole_calls && dice(2);
	t->late_name = !t->no_index && !t->whole_ids && dice(4) == 0;
	t->spaces = dice(4) == 0;
	t->thoughts = fields[dice(4)];
	for (size_t i = 0; i < s->n; ) {
		const struct part *p = &s->parts[i];
		size_t run = 1;

		while (p->type == SAYS_CALL && i + run < s->n && p[run].type == SAYS_CALL)
			run++;
		if (p->type == SAYS_THOUGHT)
			tell_text(t, p, t->thoughts);
		else if (p->type == SAYS_TEXT)
			tell_text(t, p, "content");
		else if (run > 1 && !t->no_index && !t->late_name && dice(2))
			tell_calls(t, p, run);
		else
			for (size_t k = 0; k < run; k++)
				tell_call(t, p + k);
		i += run;
	}
	noise(t);
	add(&t->out, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n");
	if (dice(3) > 0)
		add(&t->out, "data: [DONE]\n\n");
}

/* ---- what came of it ---- */

static struct bytes all_of(const struct got *g, int type)
{
	struct bytes b = { 0 };

	bytes_add(&b, "", 0);
	for (size_t i = 0; i < g->nblocks; i++)
		if ((int)g->blocks[i].type == type)
			bytes_add(&b, g->blocks[i].text.p, g->blocks[i].text.n);
	return b;
}

static bool told(const struct got *g, const struct speech *s, int says, int type)
{
	struct bytes want = { 0 }, got = all_of(g, type);

	bytes_add(&want, "", 0);
	for (size_t i = 0; i < s->n; i++)
		if (s->parts[i].type == says)
			bytes_add(&want, s->parts[i].text.p, s->parts[i].text.n);
	bool same = want.n == got.n && memcmp(want.p, got.p, got.n) == 0;
	free(want.p);
	free(got.p);
	return same;
}

static bool called(const struct got *g, const struct speech *s)
{
	size_t at = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct part *p = &s->parts[i];

		if (p->type != SAYS_CALL)
			continue;
		while (at < g->nblocks && g->blocks[at].type != GOT_TOOL)
			at++;
		if (at == g->nblocks)
			return false;
		const struct block *b = &g->blocks[at++];
		const char *input = b->text.n > 0 ? b->text.p : "{}";
		if (strcmp(b->name.p, p->name) != 0 || strcmp(b->id.p, p->id) != 0 || strcmp(input, p->text.p) != 0)
			return false;
	}
	while (at < g->nblocks && g->blocks[at].type != GOT_TOOL)
		at++;
	return at == g->nblocks;
}

static const char *wrong(const struct run *run, const struct speech *s, bool message)
{
	static struct got g;
	const char *why;

	if (run->what != REPLY_DONE)
		return "it failed";
	if (message)
		got_whole(&g, run->out.p, run->out.n);
	else
		got_events(&g, run->out.p, run->out.n);
	why = got_wrong(&g);
	if (why == NULL && !told(&g, s, SAYS_TEXT, GOT_TEXT))
		why = "text was lost";
	if (why == NULL && !told(&g, s, SAYS_THOUGHT, GOT_THINKING))
		why = "reasoning was lost";
	if (why == NULL && !called(&g, s))
		why = "a call was lost";
	got_free(&g);
	return why;
}

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
