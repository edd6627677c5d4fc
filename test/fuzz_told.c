/*
 * Fuzzing the conversion of answers from the model's side: the bytes choose
 * what a model says and how a provider tells it; text, reasoning and arguments
 * come out as they went in, whole, cut, and as one message.
 */
#define TELLER_DICE
#include "told.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())

static const uint8_t *dice_at;
static size_t dice_left;
static unsigned dice_behind;

/* behind the last byte one number after the other, so that whoever waits for one gets it */
static unsigned dice(unsigned n)
{
	unsigned value = 0;

	if (dice_left == 0)
		return dice_behind++ % n;
	for (unsigned most = 1; most < n && dice_left > 0; most <<= 8) {
		value = value << 8 | *dice_at++;
		dice_left--;
	}
	return value % n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run_options o;
	struct run whole, cut;
	struct teller t;
	struct speech s;

	dice_at = data;
	dice_left = size;
	dice_behind = 0;
	run_options(&o);
	o.search = true;
	o.nudge_at = dice(3) == 0 ? 1 + dice(6) : 0;
	make_speech(&s);
	tell(&t, &s);
	run_stream(&whole, &o, t.out.p, t.out.n, 0, 0);
	MUST(wrong(&whole, &s, false) == NULL);
	run_stream(&cut, &o, t.out.p, t.out.n, dice((unsigned)t.out.n), 1 + dice(50));
	MUST(run_same(&whole, &cut));
	free(cut.out.p);
	free(whole.out.p);
	o.sink = SINK_MESSAGE;
	o.nudge_at = 0;
	run_stream(&whole, &o, t.out.p, t.out.n, 0, 0);
	MUST(wrong(&whole, &s, true) == NULL);
	free(whole.out.p);
	free(t.out.p);
	for (size_t i = 0; i < s.n; i++)
		free(s.parts[i].text.p);
	return 0;
}
