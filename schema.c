/*
 * A tool's input_schema (JSON Schema) in the dialect that a provider accepts.
 *
 *   light     $schema, $id, $comment of the root go; type and properties are made sure of
 *   gemini    a whitelist: schema_gemini.c
 *   moonshot  type beside anyOf moves into the branches, tuples become prefixItems,
 *             required names that are no properties go, a union or a reference at the
 *             root is flattened
 *   xai       a union at the root is flattened; the rest as light
 *   grammar   true and false become {}, pattern and format go (servers that compile
 *             the schema into a grammar)
 *
 * Flattened: one object with the properties of every branch and the required
 * names of what holds in all of them.
 */
#include "schema_node.h"

static const char *const root_noise[] = { "$schema", "$id", "$comment" };

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
		if (schema_is_one_of(key, root_noise, COUNT(root_noise)))
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

/* ---- moonshot, xai, grammar: a copy with edits ---- */

enum form { FORM_OTHER, FORM_SCHEMA, FORM_SCHEMA_OR_BOOL, FORM_LIST, FORM_BRANCHES, FORM_MAP };

static enum form form_of(struct j_val key)
{
	static const struct {
		const char *name;
		enum form form;
	} rows[] = {
		{ "properties", FORM_MAP }, { "$defs", FORM_MAP }, { "definitions", FORM_MAP },
		{ "patternProperties", FORM_MAP }, { "dependentSchemas", FORM_MAP }, { "items", FORM_SCHEMA },
		{ "prefixItems", FORM_LIST }, { "allOf", FORM_LIST }, { "anyOf", FORM_BRANCHES },
		{ "oneOf", FORM_BRANCHES }, { "additionalProperties", FORM_SCHEMA_OR_BOOL },
		{ "not", FORM_SCHEMA }, { "if", FORM_SCHEMA }, { "then", FORM_SCHEMA }, { "else", FORM_SCHEMA },
		{ "contains", FORM_SCHEMA }, { "propertyNames", FORM_SCHEMA },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (j_is(key, rows[i].name))
			return rows[i].form;
	return FORM_OTHER;
}

static void copy_node(struct walk *w, struct j_val value, struct j_val type, bool root);

static void copy_list(struct walk *w, struct j_val list, struct j_val type)
{
	struct j_val item = { 0 };
	const char *between = "";

	plan_lit(w->out, "[");
	while (j_item(list, &item)) {
		plan_lit(w->out, between);
		copy_node(w, item, type, false);
		between = ",";
	}
	plan_lit(w->out, "]");
}

static void copy_map(struct walk *w, struct j_val map)
{
	struct j_val key = { 0 }, value = { 0 }, none = { 0 };
	const char *between = "";

	plan_lit(w->out, "{");
	while (j_member(map, &key, &value)) {
		plan_lit(w->out, between);
		plan_val(w->out, key);
		plan_lit(w->out, ":");
		copy_node(w, value, none, false);
		between = ",";
	}
	plan_lit(w->out, "}");
}

/* type: what the branches of a union take over */
static void copy_value(struct walk *w, enum form form, struct j_val value, struct j_val type)
{
	struct j_val none = { 0 };
	bool boolean = value.type == J_TRUE || value.type == J_FALSE;

	if (w->dialect == SCHEMA_XAI || form == FORM_OTHER || (form == FORM_SCHEMA_OR_BOOL && boolean))
		plan_val(w->out, value);
	else if (value.type == J_ARRAY)
		copy_list(w, value, form == FORM_BRANCHES ? type : none);
	else if (form == FORM_MAP && value.type == J_OBJECT)
		copy_map(w, value);
	else
		copy_node(w, value, none, false);
}

static bool is_dropped(const struct walk *w, struct j_val key, struct j_val value, bool root)
{
	if (root && schema_is_one_of(key, root_noise, COUNT(root_noise)))
		return true;
	if (w->dialect == SCHEMA_GRAMMAR)
		return j_is(key, "pattern") || j_is(key, "format");
	if (w->dialect != SCHEMA_MOONSHOT)
		return false;
	if (j_is(key, "items"))
		return value.type == J_TRUE || value.type == J_FALSE;
	return j_is(key, "$schema") || j_is(key, "additionalItems");
}

/* a name and its value, edited; returns whether anything was written */
static bool copy_member(struct walk *w, struct j_val object, struct j_val key, struct j_val value, struct j_val type,
	bool comma)
{
	const bool moonshot = w->dialect == SCHEMA_MOONSHOT;
	const bool tuple = moonshot && j_is(key, "items") && value.type == J_ARRAY;

	if (tuple && j_get(object, "prefixItems").type != J_NONE)
		return false;
	if (moonshot && j_is(key, "required")) {
		struct node nd = { .part = { object }, .n = 1, .nrequired = 1 };
		return node_write_required(w, &nd, comma);
	}
	plan_lit(w->out, comma ? "," : "");
	if (tuple)
		plan_lit(w->out, "\"prefixItems\"");
	else
		plan_val(w->out, key);
	plan_lit(w->out, ":");
	copy_value(w, tuple ? FORM_LIST : form_of(key), value, type);
	return true;
}

static bool copy_root_type(struct walk *w, bool has_properties)
{
	plan_lit(w->out, "\"type\":\"object\"");
	plan_lit(w->out, has_properties ? "" : ",\"properties\":{}");
	return true;
}

static bool copy_type(struct walk *w, struct j_val type)
{
	if (type.type == J_NONE)
		return false;
	plan_lit(w->out, "\"type\":");
	plan_val(w->out, type);
	return true;
}

static void copy_other(struct walk *w, struct j_val value)
{
	if (value.type == J_TRUE || value.type == J_FALSE)
		plan_lit(w->out, "{}");
	else
		plan_val(w->out, value);
}

/* type: a branch's when it has none of its own */
static void copy_node(struct walk *w, struct j_val value, struct j_val type, bool root)
{
	static const char *const names[] = { "type", "anyOf", "oneOf", "$ref", "properties" };
	struct j_val field[COUNT(names)], key = { 0 }, member = { 0 }, none = { 0 };
	bool any = false, moves;

	if (value.type != J_OBJECT) {
		copy_other(w, value);
		return;
	}
	j_fields(value, names, COUNT(names), field);
	if (field[0].type != J_NONE || field[3].type != J_NONE)
		type = field[0];
	moves = w->dialect == SCHEMA_MOONSHOT && (field[1].type == J_ARRAY || field[2].type == J_ARRAY);
	plan_lit(w->out, "{");
	if (root)
		any = copy_root_type(w, field[4].type == J_OBJECT);
	else if (!moves)
		any = copy_type(w, type);
	while (j_member(value, &key, &member)) {
		if (j_is(key, "type") || is_dropped(w, key, member, root))
			continue;
		if (root && j_is(key, "properties") && member.type != J_OBJECT)
			continue;
		if (copy_member(w, value, key, member, moves ? type : none, any))
			any = true;
	}
	plan_lit(w->out, "}");
}

static void write_node(struct walk *w, const struct node *up, struct j_val value)
{
	struct j_val none = { 0 };

	if (w->dialect == SCHEMA_GEMINI)
		schema_gemini(w, up, value);
	else if (w->dialect == SCHEMA_XAI)
		plan_val(w->out, value);
	else
		copy_node(w, value, none, false);
}

/* a union or a reference at the root: the properties of all of it */
static void flat_root(struct walk *w, struct j_val schema)
{
	static const char *const gone[] = { "type", "properties", "required", "anyOf", "oneOf", "allOf", "$ref" };
	struct j_val key = { 0 }, value = { 0 }, none = { 0 };
	struct node nd;

	node_open(w, &nd, NULL, schema);
	node_flatten(w, &nd);
	plan_lit(w->out, "{\"type\":\"object\",\"properties\":");
	node_write_properties(w, &nd);
	node_write_required(w, &nd, true);
	while (j_member(schema, &key, &value))
		if (!schema_is_one_of(key, gone, COUNT(gone)) && !is_dropped(w, key, value, true))
			copy_member(w, schema, key, value, none, true);
	plan_lit(w->out, "}");
}

static bool is_flattened(struct j_val schema, enum q_schema dialect)
{
	static const char *const names[] = { "anyOf", "oneOf", "$ref" };
	struct j_val field[COUNT(names)];

	j_fields(schema, names, COUNT(names), field);
	if (dialect != SCHEMA_MOONSHOT && dialect != SCHEMA_XAI)
		return false;
	if (field[0].type == J_ARRAY || field[1].type == J_ARRAY)
		return true;
	return dialect == SCHEMA_MOONSHOT && field[2].type != J_NONE;
}

void schema_convert(struct j_val schema, enum q_schema dialect, struct plan *out)
{
	struct j_val none = { 0 };
	struct walk w;

	walk_open(&w, schema, dialect, out);
	w.write = write_node;
	if (schema.type != J_OBJECT)
		plan_lit(out, "{\"type\":\"object\",\"properties\":{}}");
	else if (dialect == SCHEMA_GEMINI)
		schema_gemini(&w, NULL, schema);
	else if (is_flattened(schema, dialect))
		flat_root(&w, schema);
	else if (dialect == SCHEMA_LIGHT || dialect == SCHEMA_XAI)
		light(schema, out);
	else
		copy_node(&w, schema, none, true);
}
