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


/* an object that is copied with edits */
struct copy {
	struct walk *w;
	struct j_val object, type;	/* type: what the branches of its unions take over */
	bool root, moves;		/* moves: type is not to stand beside a union */
	const char *between;		/* in front of the next member */
};

static void copy_node(struct walk *w, struct j_val value, struct j_val type, bool root);

static bool is_boolean(struct j_val v)
{
	return v.type == J_TRUE || v.type == J_FALSE;
}

/* each item, or each member's value */
static void copy_each(struct walk *w, struct j_val value, struct j_val type)
{
	struct j_val key = { 0 }, item = { 0 };
	bool map = value.type == J_OBJECT;
	const char *between = "";

	plan_lit(w->out, map ? "{" : "[");
	while (map ? j_member(value, &key, &item) : j_item(value, &item)) {
		plan_put(w->out, map ? "%s%v:" : "%s", between, &key);
		copy_node(w, item, type, false);
		between = ",";
	}
	plan_lit(w->out, map ? "}" : "]");
}

static void copy_value(struct walk *w, struct j_val key, struct j_val value, struct j_val type)
{
	/* m: of schemas by name; l: a list of them; u: a union; b: a schema or a boolean; s: a schema */
	static const char forms[] = "mmmmmlluubsssssss";
	int i = j_which(key, "properties\0$defs\0definitions\0patternProperties\0dependentSchemas\0prefixItems\0allOf\0"
		"anyOf\0oneOf\0additionalProperties\0items\0not\0if\0then\0else\0contains\0propertyNames\0");
	char form = i >= 0 ? forms[i] : '\0';

	if (w->dialect == SCHEMA_XAI || w->dialect == SCHEMA_LIGHT || i < 0 || (form == 'b' && is_boolean(value)))
		plan_val(w->out, value);
	else if (value.type == J_ARRAY || (form == 'm' && value.type == J_OBJECT))
		copy_each(w, value, form == 'u' ? type : (struct j_val){ 0 });
	else
		copy_node(w, value, (struct j_val){ 0 }, false);
}

/* as they are named in copy_member */
enum edited { E_SCHEMA, E_ID, E_COMMENT, E_TYPE, E_PROPERTIES, E_PATTERN, E_FORMAT, E_REQUIRED, E_ITEMS, E_ADDITIONAL };

static bool is_dropped(const struct copy *c, int key, struct j_val value)
{
	bool moonshot = c->w->dialect == SCHEMA_MOONSHOT;

	switch (key) {
	case E_SCHEMA:
		return c->root || moonshot;
	case E_ID:
	case E_COMMENT:
		return c->root;
	case E_TYPE:
		return c->moves;
	case E_PATTERN:
	case E_FORMAT:
		return c->w->dialect == SCHEMA_GRAMMAR;
	case E_ITEMS:
		return moonshot && (is_boolean(value)
			|| (value.type == J_ARRAY && j_get(c->object, "prefixItems").type != J_NONE));
	case E_ADDITIONAL:
		return moonshot;
	default:
		return false;
	}
}

static void copy_member(struct copy *c, struct j_val key, struct j_val value)
{
	bool moonshot = c->w->dialect == SCHEMA_MOONSHOT;
	int which = j_which(key, "$schema\0$id\0$comment\0type\0properties\0pattern\0format\0required\0items\0"
		"additionalItems\0");
	struct plan *out = c->w->out;

	if (is_dropped(c, which, value))
		return;
	if (moonshot && which == E_REQUIRED) {
		struct node nd = { .part = { c->object }, .n = 1, .nrequired = 1 };
		if (node_write_required(c->w, &nd, c->between))
			c->between = ",";
		return;
	}
	plan_lit(out, c->between);
	c->between = ",";
	if (c->root && which == E_TYPE) {
		plan_lit(out, "\"type\":\"object\"");
	} else if (c->root && which == E_PROPERTIES && value.type != J_OBJECT) {
		plan_lit(out, "\"properties\":{}");
	} else if (moonshot && which == E_ITEMS && value.type == J_ARRAY) {
		plan_lit(out, "\"prefixItems\":");
		copy_each(c->w, value, (struct j_val){ 0 });
	} else {
		plan_put(out, "%v:", &key);
		copy_value(c->w, key, value, c->type);
	}
}

static void copy_members(struct copy *c, const char *but)
{
	struct j_val key = { 0 }, value = { 0 };

	while (j_member(c->object, &key, &value))
		if (j_which(key, but) < 0)
			copy_member(c, key, value);
	plan_lit(c->w->out, "}");
}

static void copy_missing(struct copy *c, const char *member, struct j_val type)
{
	plan_lit(c->w->out, c->between);
	plan_put(c->w->out, member, &type);
	c->between = ",";
}

/* type: a branch's when it has none of its own */
static void copy_node(struct walk *w, struct j_val value, struct j_val type, bool root)
{
	struct copy c = { w, value, type, root, false, "" };
	struct j_val field[5];

	if (value.type != J_OBJECT) {
		plan_put(w->out, is_boolean(value) ? "{}" : "%v", &value);
		return;
	}
	j_pick(value, "type\0$ref\0anyOf\0oneOf\0properties\0", field);
	if (field[0].type != J_NONE || field[1].type != J_NONE)
		c.type = field[0];
	c.moves = w->dialect == SCHEMA_MOONSHOT && (field[2].type == J_ARRAY || field[3].type == J_ARRAY);
	plan_lit(w->out, "{");
	if (root && field[0].type == J_NONE)
		copy_missing(&c, "\"type\":\"object\"", c.type);
	if (root && field[4].type == J_NONE)
		copy_missing(&c, "\"properties\":{}", c.type);
	if (!root && !c.moves && field[0].type == J_NONE && c.type.type != J_NONE)
		copy_missing(&c, "\"type\":%v", c.type);
	if (!c.moves)
		c.type = (struct j_val){ 0 };
	copy_members(&c, "");
}

void schema_node(struct walk *w, const struct node *up, struct j_val value)
{
	if (w->dialect == SCHEMA_GEMINI)
		schema_gemini(w, up, value);
	else if (w->dialect == SCHEMA_XAI)
		plan_val(w->out, value);
	else
		copy_node(w, value, (struct j_val){ 0 }, false);
}

/* a union or a reference at the root: the properties of all of it */
static void flat_root(struct walk *w, struct j_val schema)
{
	struct copy c = { w, schema, { 0 }, true, false, "," };
	struct node nd;

	node_open(w, &nd, NULL, schema);
	node_flatten(w, &nd);
	plan_lit(w->out, "{\"type\":\"object\",\"properties\":");
	node_write_properties(w, &nd);
	node_write_required(w, &nd, ",");
	copy_members(&c, "type\0properties\0required\0anyOf\0oneOf\0allOf\0$ref\0");
}

static bool is_flattened(struct j_val schema, enum q_schema dialect)
{
	struct j_val field[3];

	j_pick(schema, "anyOf\0oneOf\0$ref\0", field);
	if (dialect == SCHEMA_MOONSHOT && field[2].type != J_NONE)
		return true;
	return (dialect == SCHEMA_MOONSHOT || dialect == SCHEMA_XAI)
		&& (field[0].type == J_ARRAY || field[1].type == J_ARRAY);
}

void schema_convert(struct j_val schema, enum q_schema dialect, struct plan *out)
{
	struct walk w;

	walk_open(&w, schema, dialect, out);
	if (schema.type != J_OBJECT)
		plan_lit(out, "{\"type\":\"object\",\"properties\":{}}");
	else if (dialect == SCHEMA_GEMINI)
		schema_gemini(&w, NULL, schema);
	else if (is_flattened(schema, dialect))
		flat_root(&w, schema);
	else
		copy_node(&w, schema, (struct j_val){ 0 }, true);
}
