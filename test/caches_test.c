/* A session whose prompt cache is no longer hit is told of, once, and nothing else is. */
#include "../caches.h"

#include "check.h"

/* the answers of one session: prompt and read, prompt 0 ends; which of them is told of, -1: none */
static int told(struct caches *c, uint64_t session, const int64_t answers[][2])
{
	int first = -1;

	for (int i = 0; answers[i][0] > 0; i++)
		if (caches_collapsed(c, session, answers[i][0], answers[i][1]) && first++ != -1)
			return -2;
		else if (first == 0)
			first = i;
	return first;
}

int main(void)
{
	static const struct {
		const char *what;
		int64_t answers[12][2];
		int told;
	} rows[] = {
		{ "twice low behind a high one", { { 1000, 0 }, { 1100, 900 }, { 1200, 100 }, { 1300, 100 }, { 1400, 100 } }, 3 },
		{ "once low", { { 1000, 900 }, { 1100, 0 }, { 1200, 1100 }, { 1300, 0 }, { 1400, 1300 } }, -1 },
		{ "never high", { { 1000, 0 }, { 1000, 799 }, { 1000, 0 }, { 1000, 0 }, { 1000, 0 } }, -1 },
		{ "80 % is not high", { { 1000, 800 }, { 1000, 0 }, { 1000, 0 }, { 1000, 0 } }, -1 },
		{ "20 % is not low", { { 1000, 900 }, { 1000, 200 }, { 1000, 200 }, { 1000, 200 } }, -1 },
		{ "one between ends the row", { { 1000, 900 }, { 1000, 0 }, { 1000, 500 }, { 1000, 0 }, { 1000, 0 } }, 4 },
		{ "once for a session", { { 1000, 900 }, { 1000, 0 }, { 1000, 0 }, { 1000, 900 }, { 1000, 0 }, { 1000, 0 } }, 2 },
		{ "small ones are others", { { 1000, 900 }, { 300, 0 }, { 200, 0 }, { 300, 0 } }, -1 },
		{ "and do not come between", { { 1000, 900 }, { 1000, 0 }, { 300, 290 }, { 1000, 900 }, { 1000, 0 }, { 300, 0 },
			{ 1100, 0 } }, 6 },
	};
	struct caches c = { 0 };
	bool good = true;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CHECK(rows[i].what, told(&c, i + 1, rows[i].answers) == rows[i].told);

	for (uint64_t s = 100; s < 100 + CACHES_SESSIONS; s++)
		good = good && !caches_collapsed(&c, s, 1000, 900);
	for (uint64_t s = 100; s < 100 + CACHES_SESSIONS; s++)
		good = good && !caches_collapsed(&c, s, 1000, 0) && caches_collapsed(&c, s, 1000, 0);
	CHECK("sessions beside each other", good);
	caches_collapsed(&c, 1, 1000, 900);
	caches_collapsed(&c, 100, 1000, 0);
	CHECK("the oldest makes room", !caches_collapsed(&c, 100, 1000, 0) && !caches_collapsed(&c, 1, 1000, 0)
		&& caches_collapsed(&c, 1, 1000, 0));
	return CHECK_END();
}
