/* What counts of providers teach: exact behind one answer, steady, bounded, per model, not misled. */
#include "../tokens.h"

#include "check.h"

#define PLAIN(tokens) { .plain = (tokens) * TOKENS_UNIT }
#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static bool is_near(int64_t a, int64_t b, int64_t off)
{
	return a - b <= off && b - a <= off;
}

/* a request of 1000 tokens in ASCII and as many in Chinese, by the estimate */
static const struct tokens plain = PLAIN(1000), chinese = { .foreign = 1000 * TOKENS_UNIT };

static void test_one_answer(void)
{
	static const struct {
		const char *what;
		struct tokens t;
		int64_t count;
	} rows[] = {
		{ "more", PLAIN(1000), 1300 }, { "fewer", PLAIN(1000), 700 }, { "a little less", PLAIN(1000), 990 },
		{ "Chinese", { .foreign = 1000 * TOKENS_UNIT }, 1450 }, { "both", { 30000, 10000, 0 }, 3100 },
		{ "a large one", { INT64_C(300000000), INT64_C(200000000), 0 }, 40000000 },
		{ "an image beside it", { 160000, 0, 1000 }, 13000 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct calibration c = { 0 };
		tokens_learn(&c, 7, &rows[i].t, rows[i].count);
		/* factors are in 1024ths */
		CHECK(rows[i].what, is_near(tokens_estimate(&rows[i].t, &c, 7), rows[i].count, rows[i].count / 500 + 1));
		CHECK("another model is not touched", tokens_estimate(&plain, &c, 8) == 1000);
	}
}

/* Chinese is what differs most between vocabularies */
static void test_shares(void)
{
	static const struct tokens half = { 500 * TOKENS_UNIT, 500 * TOKENS_UNIT, 0 };
	struct calibration c = { 0 };

	tokens_learn(&c, 1, &half, 1120);
	CHECK("twice as much of a difference is put down to it", is_near(tokens_estimate(&plain, &c, 1), 1080, 2)
		&& is_near(tokens_estimate(&chinese, &c, 1), 1160, 2));
	c = (struct calibration){ 0 };
	tokens_learn(&c, 1, &plain, 1200);
	CHECK("where there is none, both move", is_near(tokens_estimate(&chinese, &c, 1), 1200, 2));
	tokens_learn(&c, 1, &chinese, 900);
	CHECK("where there is nothing else, the rest follows by a third", is_near(tokens_estimate(&chinese, &c, 1), 900, 2)
		&& is_near(tokens_estimate(&plain, &c, 1), 1100, 2));
}

static void test_steady(void)
{
	struct calibration c = { 0 };

	tokens_learn(&c, 1, &plain, 1200);
	int64_t first = tokens_estimate(&plain, &c, 1);
	tokens_learn(&c, 1, &plain, 1250);
	tokens_learn(&c, 1, &plain, 1150);
	CHECK("a twentieth off moves nothing", tokens_estimate(&plain, &c, 1) == first);
	tokens_learn(&c, 1, &plain, 1300);
	CHECK("more does", is_near(tokens_estimate(&plain, &c, 1), 1300, 2));
}

static void test_additive(void)
{
	struct calibration c = { 0 };
	int64_t last = 0;
	bool good = true;

	tokens_learn(&c, 1, &plain, 1234);
	for (int64_t n = 0; n < 3000; n++) {
		struct tokens a = { n, 3000 - n, 2 }, b = { 77 * n, n, 0 }, both = { a.plain + b.plain, a.foreign + b.foreign, 2 };
		struct tokens one = { n, n, 0 };
		int64_t sum = tokens_estimate(&a, &c, 1) + tokens_estimate(&b, &c, 1), now = tokens_estimate(&one, &c, 1);
		good = good && is_near(sum, tokens_estimate(&both, &c, 1), 1) && now >= last;
		last = now;
	}
	CHECK("parts add up, and more is never less", good);
	CHECK("nothing is nothing", tokens_estimate(&(struct tokens){ 0 }, &c, 1) == 0);
}

/* what says nothing of the text */
static void test_ignored(void)
{
	static const struct {
		const char *what;
		struct tokens t;
		int64_t count;
	} rows[] = {
		{ "no count", PLAIN(1000), 0 }, { "a part of it", PLAIN(1000), 400 }, { "far too many", PLAIN(1000), 2600 },
		{ "nonsense", PLAIN(1000), INT64_C(1) << 40 }, { "a short text", PLAIN(30), 45 }, { "nothing", { 0 }, 12 },
		{ "an image of more than an eighth", { 16000, 0, 200 }, 2000 }, { "fewer than the image has", { 16000, 0, 100 }, 50 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct calibration c = { 0 };
		tokens_learn(&c, 1, &rows[i].t, rows[i].count);
		CHECK(rows[i].what, tokens_estimate(&plain, &c, 1) == 1000 && tokens_estimate(&chinese, &c, 1) == 1000);
	}
}

static void test_bounds(void)
{
	static const struct tokens mixed = { 2000 * TOKENS_UNIT, 100 * TOKENS_UNIT, 0 };
	struct calibration c = { 0 };

	tokens_learn(&c, 1, &mixed, 5200);
	tokens_learn(&c, 1, &chinese, 2500);
	tokens_learn(&c, 1, &mixed, 5250);
	CHECK("never above two and a half", tokens_estimate(&plain, &c, 1) <= 2500 && tokens_estimate(&chinese, &c, 1) <= 2500);
	tokens_learn(&c, 1, &plain, 500);
	tokens_learn(&c, 1, &chinese, 500);
	tokens_learn(&c, 1, &plain, 500);
	CHECK("never below half", is_near(tokens_estimate(&plain, &c, 1), 512, 12) && is_near(tokens_estimate(&chinese, &c, 1), 512, 12));
}

static void test_models(void)
{
	struct calibration c = { 0 };
	bool good = true;

	for (uint64_t model = 1; model <= TOKENS_MODELS; model++)
		tokens_learn(&c, model, &plain, 1100 + (int64_t)model);
	for (uint64_t model = 1; model <= TOKENS_MODELS; model++)
		good = good && is_near(tokens_estimate(&plain, &c, model), 1100 + (int64_t)model, 2);
	CHECK("so many models", good);
	tokens_learn(&c, 1000, &plain, 1400);
	CHECK("one more takes the place of the oldest", is_near(tokens_estimate(&plain, &c, 1000), 1400, 2)
		&& tokens_estimate(&plain, &c, 1) == 1000 && is_near(tokens_estimate(&plain, &c, 2), 1102, 2));
}

int main(void)
{
	test_one_answer();
	test_shares();
	test_steady();
	test_additive();
	test_ignored();
	test_bounds();
	test_models();
	return CHECK_END();
}
