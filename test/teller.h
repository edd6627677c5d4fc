/*
 * Random answers: a speech is what a model says, a teller tells it as a stream
 * in a dialect chosen at random. All of it follows from state, the seed.
 */
#ifndef TELLER_H
#define TELLER_H

#include "grammar.h"

#include "../plan.h"

#ifndef TELLER_DICE
static uint64_t state;

static inline unsigned dice(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state >> 33) % n;
}
#else
static unsigned dice(unsigned n);	/* the includer's: below n */
#endif

static inline void add(struct bytes *b, const char *text)
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

static inline void say(struct bytes *text, unsigned most)
{
	static const char *const first[] = { "A", "So ", "1", "\xe4\xbd\xa0" };

	add(text, first[dice(4)]);
	for (unsigned i = dice(most); i > 0; i--)
		add(text, letters[dice(LETTERS)].text);
}

static inline void say_json(struct bytes *text)
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

static inline void make_speech(struct speech *s)
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
static inline size_t write_char(struct bytes *to, const char *p, size_t n, bool *half)
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

/* the next fragment of a text, as the inside of a JSON string; owes: half a pair that was left over; NULL: no halves */
static inline void fragment(struct bytes *to, const struct bytes *text, size_t *at, bool *owes)
{
	unsigned most = 1 + dice(12);

	if (owes != NULL && *owes) {
		add(to, "\\ude00");
		*owes = false;
	}
	while (*at < text->n && most-- > 0) {
		bool half = owes != NULL && most == 0 && dice(2) == 0;

		*at += write_char(to, text->p + *at, text->n - *at, &half);
		if (owes != NULL)
			*owes = half;
	}
}

struct teller {
	struct bytes out;
	bool nulls, whole_ids, whole_calls, no_index, late_name, spaces, unknown, parts, tags, twice;
	const char *thoughts;
	unsigned calls;
	unsigned choice;		/* of the calls: some put text and calls into two */
};

static inline void noise(struct teller *t)
{
	static const char *const kinds[] = {
		": comment\n\n", "data: null\n\n", "data: {\"choices\":[]}\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n",
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"tool_calls\":[]},\"finish_reason\":\"\"}],\"usage\":{\"prompt_tokens\":0}}\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":null,\"tool_calls\":null,\"unknown\":[{}]}}],\"error\":null}\n\n",
		"id: 1\n\n", "data:{\"choices\":[null,{\"delta\":null}]}\n\n",
		("data: {\"choices\":[{\"delta\":{\"annotations\":[{\"url\":\"https://n.org/\\ud83d\",\"title\":\"\\ude00\"},null,[\"x\"]]}}],"
		"\"citations\":[\"https://n.org/2\"],\"search_results\":{}}\n\n")
	};

	if (dice(4) == 0)
		add(&t->out, kinds[dice(9)]);
}

/* what means nothing here, though it has names that mean something elsewhere */
static inline void add_unknown(struct teller *t)
{
	static const char *const kinds[] = {
		"\"annotations\":[{\"text\":\"no\"}],", "\"padding\":\"{}\",", "\"extra\":{\"content\":\"no\",\"tool_calls\":[{\"index\":0}]},",
		"\"provider_specific_fields\":null,", "\"\":0,"
	};

	if (t->unknown && dice(2))
		add(&t->out, kinds[dice(5)]);
}

static inline void begin_choice(struct teller *t, unsigned choice)
{
	char text[80];

	noise(t);
	snprintf(text, sizeof text, "data: { \"id\" : \"x\" , \"choices\" : [ { \"index\" : %u , \"delta\" : { ", choice);
	add(&t->out, t->spaces || choice > 0 ? text : "data: {\"choices\":[{\"delta\":{");
	add_unknown(t);
}

static inline void begin_delta(struct teller *t)
{
	begin_choice(t, 0);
}

static inline void end_delta(struct teller *t)
{
	add(&t->out, t->nulls ? "},\"finish_reason\":null,\"logprobs\":null}],\"usage\":null}\n\n" : "}}]}\n\n");
}

static inline void add_member(struct teller *t, const char *name, const char *before, const struct bytes *text, const char *behind)
{
	add(&t->out, "\"");
	add(&t->out, name);
	add(&t->out, "\":");
	add(&t->out, before);
	bytes_add(&t->out, text->p, text->n);
	add(&t->out, behind);
}

/* the next fragment of a part that is no call, as a delta */
static inline void tell_some(struct teller *t, const struct part *p, size_t *at, bool *owes)
{
	struct bytes some = { 0 };
	bool thought = p->type == SAYS_THOUGHT;

	bytes_add(&some, "", 0);
	if (thought && t->tags && *at == 0)
		add(&some, dice(2) ? "<think>" : "\\u003cthink>");
	fragment(&some, &p->text, at, owes);
	if (thought && t->tags && *at == p->text.n && (owes == NULL || !*owes))
		add(&some, dice(2) ? "</think>" : "</think>\\n\\n");
	begin_delta(t);
	if (thought && t->twice)
		add_member(t, "reasoning_details", "[{\"type\":\"reasoning.text\",\"text\":\"", &some, "\"}],");
	if (thought && !t->tags)
		add_member(t, t->thoughts, "\"", &some, "\"");
	else if (t->parts && !t->tags)
		add_member(t, "content", "[{\"type\":\"text\",\"text\":\"", &some, "\"}]");
	else
		add_member(t, "content", "\"", &some, "\"");
	end_delta(t);
	free(some.p);
}

static inline void tell_text(struct teller *t, const struct part *p)
{
	size_t at = 0;
	bool owes = false;

	while (at < p->text.n || owes)
		tell_some(t, p, &at, &owes);
}

static inline void tell_head(struct teller *t, const struct part *p, unsigned index, bool with_id, bool with_name)
{
	char text[200];

	add(&t->out, "{");
	add_unknown(t);
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

/* a call; other: what is said in between, in one block or in more, NULL for nothing */
static inline void tell_call(struct teller *t, const struct part *p, const struct part *other)
{
	unsigned index = t->calls++;
	size_t at = 0, other_at = 0;
	bool owes = false, first = true;

	do {
		begin_choice(t, t->choice);
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
			begin_choice(t, t->choice);
			add(&t->out, "\"tool_calls\":[");
			tell_head(t, p, index, false, true);
			add(&t->out, "\"\"}}]");
			end_delta(t);
		}
		first = false;
		if (other != NULL && other_at < other->text.n && dice(2))
			tell_some(t, other, &other_at, NULL);
	} while (at < p->text.n || owes);
	while (other != NULL && other_at < other->text.n)
		tell_some(t, other, &other_at, NULL);
}

/* some calls at once, their pieces in any order */
static inline void tell_calls(struct teller *t, const struct part *p, size_t n)
{
	size_t at[PARTS] = { 0 }, left = n;
	bool owes[PARTS] = { 0 }, done[PARTS] = { 0 };
	unsigned first = t->calls;

	t->calls += (unsigned)n;
	begin_choice(t, t->choice);
	add(&t->out, "\"tool_calls\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			add(&t->out, ",");
		tell_head(t, &p[i], first + (unsigned)i, true, true);
		add(&t->out, "\"\"}}");
	}
	add(&t->out, "]");
	end_delta(t);
	while (left > 0) {
		size_t i = dice((unsigned)n);

		if (done[i])
			continue;
		begin_choice(t, t->choice);
		add(&t->out, "\"tool_calls\":[");
		/* one or more in a delta */
		do {
			tell_head(t, &p[i], first + (unsigned)i, t->whole_ids, t->whole_ids && dice(2));
			add(&t->out, "\"");
			fragment(&t->out, &p[i].text, &at[i], &owes[i]);
			add(&t->out, "\"}}");
			done[i] = at[i] == p[i].text.n && !owes[i];
			left -= done[i];
			i = dice((unsigned)n);
		} while (!done[i] && dice(2) && (add(&t->out, ","), true));
		add(&t->out, "]");
		end_delta(t);
	}
}

/* whether its reasoning may come in tags: it is at the head, and nowhere else */
static inline bool tags_fit(const struct speech *s)
{
	for (size_t i = 1; i < s->n; i++)
		if (s->parts[i].type == SAYS_THOUGHT)
			return false;
	return s->parts[0].type == SAYS_THOUGHT;
}

/* lines end otherwise, an event has some of them, the blank behind the name is missing */
static inline void rewrite(struct teller *t)
{
	static const char *const ends[] = { "\n", "\r\n", "\r" };
	const char *end = ends[dice(3)];
	bool lines = t->spaces && dice(2), tight = dice(3) == 0;
	struct bytes to = { 0 };

	for (size_t i = 0; i < t->out.n; i++) {
		const char *p = t->out.p + i;

		if (*p == '\n')
			add(&to, end);
		else if (tight && strncmp(p, "data: ", 6) == 0 && (i == 0 || p[-1] == '\n'))
			bytes_add(&to, p, (i += 5, 5));
		else if (lines && strncmp(p, " , \"", 4) == 0)
			add(&to, " ,"), add(&to, end), add(&to, "data:"), i++;
		else
			bytes_add(&to, p, 1);
	}
	free(t->out.p);
	t->out = to;
}

static inline void tell(struct teller *t, const struct speech *s)
{
	static const char *const fields[] = { "reasoning_content", "reasoning", "reasoning_text", "thinking" };

	memset(t, 0, sizeof *t);
	t->nulls = dice(2);
	t->whole_ids = dice(3) == 0;
	t->whole_calls = dice(3) == 0;
	t->no_index = t->whole_calls && dice(2);
	t->late_name = !t->no_index && !t->whole_ids && dice(4) == 0;
	t->spaces = dice(4) == 0;
	t->unknown = dice(3) == 0;
	t->parts = dice(4) == 0;
	t->choice = dice(4) == 0;
	t->thoughts = fields[dice(4)];
	t->tags = tags_fit(s) && dice(2);
	t->twice = !t->tags && dice(4) == 0;
	for (size_t i = 0; i < s->n; ) {
		const struct part *p = &s->parts[i];
		size_t run = 1;

		while (p->type == SAYS_CALL && i + run < s->n && p[run].type == SAYS_CALL)
			run++;
		bool between = run == 1 && i + 1 < s->n && !t->whole_calls && dice(2);
		if (p->type != SAYS_CALL)
			tell_text(t, p);
		else if (run > 1 && !t->no_index && !t->late_name && dice(2))
			tell_calls(t, p, run);
		else
			for (size_t k = 0; k < run; k++)
				tell_call(t, p + k, between ? p + 1 : NULL);
		i += run + (p->type == SAYS_CALL && between);
	}
	noise(t);
	add(&t->out, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n");
	if (dice(3) > 0)
		add(&t->out, "data: [DONE]\n\n");
	if (dice(2))
		rewrite(t);
}

#endif
