/*
 * A tool's input_schema (JSON Schema) in the dialect that a provider accepts.
 */
#include "schema.h"

static const char *const root_noise[] = { "$schema", "$id", "$comment" };

static bool is_one_of(struct j_val key, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (j_is(key, names[i]))
			return true;
	return false;
}

/* ---- light ---- */

/* members that stay as they are go out in one span with what is between them */
struct run {
	struct plan *out;
	const char *from, *to;
	bool any;		/* a member was written */
};

static void run_flush(struct run *r)
{
	if (r->from == NULL)
		return;
	if (r->any)
		plan_lit(r->out, ",");
	plan_span(r->out, SPAN_RAW, r->from, (size_t)(r->to - r->from));
	r->any = true;
	r->from = NULL;
}

static void run_literal(struct run *r, const char *member)
{
	run_flush(r);
	if (r->any)
		plan_lit(r->out, ",");
	plan_lit(r->out, member);
	r->any = true;
}

static void run_member(struct run *r, struct j_val key, struct j_val value)
{
	if (r->from == NULL)
		r->from = key.p;
	r->to = value.p + value.n;
}

static void light(struct j_val schema, struct plan *out)
{
	struct run r = { out, NULL, NULL, false };
	struct j_val key = { 0 }, value = { 0 };

	plan_lit(out, "{");
	if (j_get(schema, "type").type == J_NONE)
		run_literal(&r, "\"type\":\"object\"");
	if (j_get(schema, "properties").type == J_NONE)
		run_literal(&r, "\"properties\":{}");
	while (j_member(schema, &key, &value)) {
		if (is_one_of(key, root_noise, sizeof root_noise / sizeof root_noise[0]))
			run_flush(&r);
		else if (j_is(key, "type") && !j_is(value, "object"))
			run_literal(&r, "\"type\":\"object\"");
		else if (j_is(key, "properties") && value.type != J_OBJECT)
			run_literal(&r, "\"properties\":{}");
		else
			run_member(&r, key, value);
	}
	run_flush(&r);
	plan_lit(out, "}");
}

void schema_convert(struct j_val schema, enum q_schema dialect, struct plan *out)
{
	(void)dialect;
	light(schema, out);
}
