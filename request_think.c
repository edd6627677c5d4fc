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

#include "log.h"
#include "request_work.h"
#include "schema.h"

static const char words[] = "none\0minimal\0low\0medium\0high\0xhigh\0max\0";

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
	static const char names[] = "type\0budget_tokens\0";
	const struct place at = { NULL, "thinking", NO_INDEX };
	struct wish wish = { ASK_NOTHING, EFFORT_HIGH, 0 };
	struct j_val thinking[2], effort = j_get(w->top[TOP_OUTPUT_CONFIG], "effort");

	if (!work_wants(w, NULL, "thinking\0output_config\0", "oo", &w->top[TOP_THINKING])
		|| !work_want(w, NULL, "output_config.effort", &effort, 's'))
		return wish;
	if (w->top[TOP_THINKING].type == J_OBJECT) {
		j_pick(w->top[TOP_THINKING], names, thinking);
		work_wants(w, &at, names, "S", thinking);
		wish.ask = j_is(thinking[0], "disabled") ? ASK_OFF : ASK_ON;
		if (thinking[1].type > J_NULL && (!j_whole(thinking[1], &wish.budget) || wish.budget < 1))
			work_fail(w, &at, "budget_tokens", "must be a whole number above 0");
	}
	int word = j_which(effort, words);
	wish.effort = word > EFFORT_NONE ? word : effort_of(wish.budget);
	if (word > EFFORT_NONE && wish.ask == ASK_NOTHING)
		wish.ask = ASK_EFFORT;
	return wish;
}

static void put_effort(struct work *w, int effort)
{
	if (work_member(w, "reasoning_effort"))
		plan_str(w->out, q_text(words, (unsigned)effort));
}

/* ---- the styles ---- */

/* a member that is a switch */
static void put_switch(struct work *w, const struct wish *wish, const char *name, const char *off, const char *on)
{
	if (wish->ask != ASK_EFFORT)
		work_put(w, name, wish->ask == ASK_OFF ? off : on);
}

static void as_effort(struct work *w, const struct wish *wish)
{
	put_effort(w, wish->ask == ASK_OFF ? weakest(w) : nearest(w, wish->effort));
}

static void as_type(struct work *w, const struct wish *wish)
{
	const unsigned usual = 1U << EFFORT_LOW | 1U << EFFORT_MEDIUM | 1U << EFFORT_HIGH;

	put_switch(w, wish, "thinking", "{\"type\":\"disabled\"}", "{\"type\":\"enabled\"}");
	if (wish->ask != ASK_OFF && w->q->efforts != usual)
		put_effort(w, nearest(w, wish->effort));
}

static void as_adaptive(struct work *w, const struct wish *wish)
{
	put_switch(w, wish, "thinking", "{\"type\":\"disabled\"}", "{\"type\":\"adaptive\"}");
}

static void as_enable(struct work *w, const struct wish *wish)
{
	put_switch(w, wish, "enable_thinking", "false", "true");
	if (wish->ask == ASK_ON && wish->budget > 0)
		work_whole(w, "thinking_budget", wish->budget);
}

/* templates read one name or the other, and take no notice of what they do not know */
static void as_template(struct work *w, const struct wish *wish)
{
	put_switch(w, wish, "chat_template_kwargs", "{\"enable_thinking\":false,\"thinking\":false}",
		"{\"enable_thinking\":true,\"thinking\":true}");
}

static void as_openrouter(struct work *w, const struct wish *wish)
{
	char text[64];

	if (wish->ask == ASK_OFF)
		fmt(text, sizeof text, "{\"enabled\":false}");
	else if (wish->budget > 0)
		fmt(text, sizeof text, "{\"max_tokens\":%lld}", (long long)wish->budget);
	else
		fmt(text, sizeof text, "{\"effort\":\"%s\"}", q_text(words, (unsigned)nearest(w, wish->effort)));
	work_put(w, "reasoning", text);
}

/* a budget and an effort together are refused */
static void as_gemini(struct work *w, const struct wish *wish)
{
	char text[128];

	if (wish->ask != ASK_ON || wish->budget == 0) {
		as_effort(w, wish);
		return;
	}
	fmt(text, sizeof text, "{\"google\":{\"thinking_config\":{\"thinking_budget\":%lld,\"include_thoughts\":true}}}",
		(long long)wish->budget);
	work_put(w, "extra_body", text);
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
	w->firm = wish.ask == ASK_OFF;
	if (wish.ask != ASK_NOTHING && styles[style] != NULL)
		styles[style](w, &wish);
	w->firm = false;
}

/* ---- response_format ---- */

void think_format(struct work *w)
{
	struct j_val format = j_get(w->top[TOP_OUTPUT_CONFIG], "format"), v[2];
	const char *leaf = "output_config.format";

	if (format.type <= J_NULL) {
		format = w->top[TOP_OUTPUT_FORMAT];
		leaf = "output_format";
	}
	if (!work_want(w, NULL, leaf, &format, 'o'))
		return;
	j_pick(format, "type\0schema\0", v);
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
