/*
 * Thinking, effort and the form of the answer, as the provider understands
 * them.
 *
 *   think        on                                    off
 *   effort       reasoning_effort                      its weakest word
 *   type         thinking.type enabled, and the effort thinking.type disabled
 *                where the row names words of its own
 *   enable       enable_thinking, thinking_budget      enable_thinking false
 *   template     chat_template_kwargs                  the same, false
 *   openrouter   reasoning.max_tokens or .effort       reasoning.enabled false
 *   gemini       thinking_budget, else effort          as effort
 *   adaptive     thinking.type adaptive                thinking.type disabled
 *
 * On: thinking enabled or adaptive. Off: disabled. Without thinking an effort
 * alone is passed on in words, and no switch is touched. Depth: the effort,
 * else the budget (below 2,000 low, below 12,000 medium), else high, which is
 * Anthropic's own default. A word that the model does not know becomes the
 * nearest that it does, the stronger of two that are equally near.
 */
#include <string.h>

#include "buf.h"
#include "request_work.h"
#include "schema.h"

static const char *const words[EFFORTS] = {
	[EFFORT_NONE] = "none", [EFFORT_MINIMAL] = "minimal", [EFFORT_LOW] = "low", [EFFORT_MEDIUM] = "medium",
	[EFFORT_HIGH] = "high", [EFFORT_XHIGH] = "xhigh", [EFFORT_MAX] = "max"
};

enum ask { ASK_NOTHING, ASK_EFFORT, ASK_ON, ASK_OFF };

struct wish {
	enum ask ask;
	int effort;		/* as asked for; enum q_effort */
	int64_t budget;		/* 0: none was given */
};

static bool known(const struct work *w, int effort)
{
	return (w->q->efforts & 1U << effort) != 0;
}

/* the nearest word that the model knows; never none, unless it knows nothing else */
static int nearest(const struct work *w, int effort)
{
	for (int d = 0; d < EFFORTS; d++) {
		if (effort + d < EFFORTS && known(w, effort + d))
			return effort + d;
		if (effort - d > EFFORT_NONE && known(w, effort - d))
			return effort - d;
	}
	return EFFORT_NONE;
}

static int weakest(const struct work *w)
{
	int effort = EFFORT_NONE;

	while (effort < EFFORT_MAX && !known(w, effort))
		effort++;
	return effort;
}

bool think_off(const struct work *w)
{
	struct j_val type = j_get(w->top[TOP_THINKING], "type");

	return type.type != J_STRING || j_is(type, "disabled");
}

static int effort_of(int64_t budget)
{
	if (budget == 0)
		return EFFORT_HIGH;
	return budget < 2000 ? EFFORT_LOW : budget < 12000 ? EFFORT_MEDIUM : EFFORT_HIGH;
}

/* what the client said; wrong types are told */
static struct wish wish_of(struct work *w)
{
	static const char *const names[] = { "type", "budget_tokens" };
	struct wish wish = { ASK_NOTHING, EFFORT_HIGH, 0 };
	struct j_val thinking[2], effort = j_get(w->top[TOP_OUTPUT_CONFIG], "effort");

	if (!work_want(w, NULL, "thinking", w->top[TOP_THINKING], J_OBJECT, false)
		|| !work_want(w, NULL, "output_config", w->top[TOP_OUTPUT_CONFIG], J_OBJECT, false)
		|| !work_want(w, NULL, "output_config.effort", effort, J_STRING, false))
		return wish;
	j_fields(w->top[TOP_THINKING], names, 2, thinking);
	if (w->top[TOP_THINKING].type == J_OBJECT) {
		work_want(w, NULL, "thinking.type", thinking[0], J_STRING, true);
		wish.ask = j_is(thinking[0], "disabled") ? ASK_OFF : ASK_ON;
	}
	if (thinking[1].type != J_NONE && thinking[1].type != J_NULL
		&& (!j_whole(thinking[1], &wish.budget) || wish.budget < 1))
		work_fail(w, NULL, "thinking.budget_tokens", "must be a whole number above 0");
	wish.effort = effort_of(wish.budget);
	for (int i = EFFORT_MINIMAL; i < EFFORTS; i++) {
		if (j_is(effort, words[i])) {
			wish.effort = i;
			if (wish.ask == ASK_NOTHING)
				wish.ask = ASK_EFFORT;
		}
	}
	return wish;
}

static void put_effort(struct work *w, int effort)
{
	if (work_member(w, "reasoning_effort"))
		plan_str(w->out, words[effort]);
}

/* ---- the styles ---- */

static void as_effort(struct work *w, const struct wish *wish)
{
	put_effort(w, wish->ask == ASK_OFF ? weakest(w) : nearest(w, wish->effort));
}

static void put_object(struct work *w, const char *name, const char *text)
{
	work_object(w, name, text, strlen(text));
}

static void as_type(struct work *w, const struct wish *wish)
{
	const unsigned usual = 1U << EFFORT_LOW | 1U << EFFORT_MEDIUM | 1U << EFFORT_HIGH;

	if (wish->ask != ASK_EFFORT)
		put_object(w, "thinking", wish->ask == ASK_OFF ? "{\"type\":\"disabled\"}" : "{\"type\":\"enabled\"}");
	if (wish->ask != ASK_OFF && w->q->efforts != usual)
		put_effort(w, nearest(w, wish->effort));
}

static void as_adaptive(struct work *w, const struct wish *wish)
{
	if (wish->ask != ASK_EFFORT)
		put_object(w, "thinking", wish->ask == ASK_OFF ? "{\"type\":\"disabled\"}" : "{\"type\":\"adaptive\"}");
}

static void as_enable(struct work *w, const struct wish *wish)
{
	if (wish->ask == ASK_EFFORT)
		return;
	if (work_member(w, "enable_thinking"))
		plan_lit(w->out, wish->ask == ASK_OFF ? "false" : "true");
	if (wish->ask == ASK_ON && wish->budget > 0 && work_member(w, "thinking_budget"))
		plan_num(w->out, wish->budget);
}

/* templates read one name or the other, and take no notice of what they do not know */
static void as_template(struct work *w, const struct wish *wish)
{
	if (wish->ask != ASK_EFFORT)
		put_object(w, "chat_template_kwargs", wish->ask == ASK_OFF
			? "{\"enable_thinking\":false,\"thinking\":false}" : "{\"enable_thinking\":true,\"thinking\":true}");
}

static void put_digits(struct buf *b, int64_t n)
{
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	buf_put(b, digits + at, sizeof digits - at);
}

/* an object of text, a number, text */
static void put_budget(struct work *w, const char *name, const char *before, int64_t budget, const char *behind)
{
	char text[128];
	struct buf b = { .p = text, .cap = sizeof text };

	buf_str(&b, before);
	put_digits(&b, budget);
	buf_str(&b, behind);
	work_object(w, name, text, b.len);
}

static void as_openrouter(struct work *w, const struct wish *wish)
{
	char text[64];
	struct buf b = { .p = text, .cap = sizeof text };

	if (wish->ask == ASK_OFF) {
		put_object(w, "reasoning", "{\"enabled\":false}");
		return;
	}
	if (wish->budget > 0) {
		put_budget(w, "reasoning", "{\"max_tokens\":", wish->budget, "}");
		return;
	}
	buf_str(&b, "{\"effort\":\"");
	buf_str(&b, words[nearest(w, wish->effort)]);
	buf_str(&b, "\"}");
	work_object(w, "reasoning", text, b.len);
}

/* a budget and an effort together are refused */
static void as_gemini(struct work *w, const struct wish *wish)
{
	if (wish->ask == ASK_ON && wish->budget > 0)
		put_budget(w, "extra_body", "{\"google\":{\"thinking_config\":{\"thinking_budget\":", wish->budget,
			",\"include_thoughts\":true}}}");
	else
		as_effort(w, wish);
}

void think_write(struct work *w)
{
	static void (*const styles[])(struct work *w, const struct wish *wish) = {
		[THINK_NONE] = NULL, [THINK_EFFORT] = as_effort, [THINK_TYPE] = as_type, [THINK_ENABLE] = as_enable,
		[THINK_TEMPLATE] = as_template, [THINK_OPENROUTER] = as_openrouter, [THINK_GEMINI] = as_gemini,
		[THINK_ADAPTIVE] = as_adaptive
	};
	struct wish wish = wish_of(w);
	enum q_think style = w->q->think;

	/* where thinking is a switch, a call cannot be forced while it is on; Anthropic has the same rule */
	if (wish.ask == ASK_ON && w->forced && (style == THINK_TYPE || style == THINK_ENABLE || style == THINK_TEMPLATE))
		wish.ask = ASK_OFF;
	if (wish.ask != ASK_NOTHING && styles[style] != NULL)
		styles[style](w, &wish);
}

/* ---- response_format ---- */

void think_format(struct work *w)
{
	static const char *const names[] = { "type", "schema" };
	struct j_val format = j_get(w->top[TOP_OUTPUT_CONFIG], "format"), v[2];
	const char *leaf = "output_config.format";

	if (format.type == J_NONE || format.type == J_NULL) {
		format = w->top[TOP_OUTPUT_FORMAT];
		leaf = "output_format";
	}
	if (!work_want(w, NULL, leaf, format, J_OBJECT, false))
		return;
	j_fields(format, names, 2, v);
	if (!j_is(v[0], "json_schema"))
		return;
	if (v[1].type != J_OBJECT) {
		work_fail(w, NULL, leaf, "a json_schema needs a schema, which is an object");
		return;
	}
	/* not strict: that would demand more of the schema than Anthropic does */
	if (!work_member(w, "response_format"))
		return;
	plan_lit(w->out, "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\",\"schema\":");
	schema_convert(v[1], w->q->schema, w->out);
	plan_lit(w->out, "}}");
}
