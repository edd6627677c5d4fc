/*
 * Gemini's Schema message: one type, description, enum of strings, properties,
 * required, items, nullable, minimum, maximum, minItems, maxItems, format
 * (enum, date-time); or anyOf and nothing beside it. All else is refused.
 *
 * References and allOf are merged in (schema_node.h), const becomes enum, null
 * becomes nullable, oneOf becomes anyOf, a type list becomes anyOf. A union
 * beside properties, and any at the root, gives its properties to the object.
 * A node without a type gets one; a list without items gets strings. What has
 * no place is told in the description: "(pattern: ^a)". What is cut becomes
 * {"type":"object"}.
 */
#include <string.h>

#include "schema_node.h"

#define HINT_MAX 200	/* bytes of a value that is told in the description */

/* keywords that are looked at, those of the description last */
enum keyword {
	K_TYPE, K_DESCRIPTION, K_ENUM, K_CONST, K_PROPERTIES, K_ITEMS, K_PREFIX, K_NULLABLE,
	K_MINIMUM, K_MAXIMUM, K_MINITEMS, K_MAXITEMS, K_FORMAT,
	K_PATTERN, K_MINLENGTH, K_MAXLENGTH, K_ABOVE, K_BELOW, K_MULTIPLE, K_UNIQUE, K_MINPROPS, K_MAXPROPS,
	K_ADDITIONAL, K_PATTERNS, K_NAMES, K_DEFAULT, K_EXAMPLES, KEYWORDS
};

static const char *const keywords[KEYWORDS] = {
	"type", "description", "enum", "const", "properties", "items", "prefixItems", "nullable",
	"minimum", "maximum", "minItems", "maxItems", "format",
	"pattern", "minLength", "maxLength", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems",
	"minProperties", "maxProperties", "additionalProperties", "patternProperties", "propertyNames", "default",
	"examples"
};

enum kind { T_STRING, T_NUMBER, T_INTEGER, T_BOOLEAN, T_ARRAY, T_OBJECT, T_NULL, KINDS };

static const char *const kinds[KINDS] = { "string", "number", "integer", "boolean", "array", "object", "null" };

/* what a node and the unions around it say, written outermost first; a union has no place for it */
struct above {
	const struct above *up;
	const struct j_val *field;
};

static void node_fields(const struct node *nd, struct j_val field[KEYWORDS])
{
	memset(field, 0, KEYWORDS * sizeof field[0]);
	for (size_t i = 0; i < nd->n; i++) {
		struct j_val own[KEYWORDS];

		j_fields(nd->part[i], keywords, KEYWORDS, own);
		for (size_t k = 0; k < KEYWORDS; k++)
			if (field[k].type == J_NONE)
				field[k] = own[k];
	}
}

/* ---- what a node is ---- */

static enum kind kind_of_name(struct j_val name)
{
	int kind = 0;

	while (kind < KINDS && !j_is(name, kinds[kind]))
		kind++;
	return (enum kind)kind;
}

static unsigned kind_bit(struct j_val name)
{
	enum kind kind = kind_of_name(name);

	return kind < KINDS ? 1u << kind : 0;
}

/* the kinds that a type keyword allows */
static unsigned kinds_of_type(struct j_val type)
{
	struct j_val item = { 0 };
	unsigned mask = kind_bit(type);

	while (j_item(type, &item))
		mask |= kind_bit(item);
	return mask;
}

static unsigned kind_of_value(struct j_val v)
{
	switch (v.type) {
	case J_STRING:
		return 1u << T_STRING;
	case J_NUMBER:
		if (memchr(v.p, '.', v.n) == NULL && memchr(v.p, 'e', v.n) == NULL && memchr(v.p, 'E', v.n) == NULL)
			return 1u << T_INTEGER;
		return 1u << T_NUMBER;
	case J_TRUE:
	case J_FALSE:
		return 1u << T_BOOLEAN;
	case J_ARRAY:
		return 1u << T_ARRAY;
	case J_OBJECT:
		return 1u << T_OBJECT;
	case J_NULL:
		return 1u << T_NULL;
	case J_NONE:
		break;
	}
	return 0;
}

static unsigned kinds_of_values(const struct j_val field[KEYWORDS])
{
	struct j_val item = { 0 };
	unsigned mask = kind_of_value(field[K_CONST]);

	while (j_item(field[K_ENUM], &item))
		mask |= kind_of_value(item);
	/* a mixed enum can only be written as strings */
	return mask & 1u << T_STRING ? mask & (1u << T_STRING | 1u << T_NULL) : mask;
}

static unsigned kinds_by_keyword(const struct j_val field[KEYWORDS])
{
	static const struct {
		enum keyword keyword;
		enum kind kind;
	} rows[] = {
		{ K_PROPERTIES, T_OBJECT }, { K_ITEMS, T_ARRAY }, { K_PREFIX, T_ARRAY }, { K_PATTERN, T_STRING },
		{ K_MINLENGTH, T_STRING }, { K_MAXLENGTH, T_STRING }, { K_FORMAT, T_STRING }, { K_MINIMUM, T_NUMBER },
		{ K_MAXIMUM, T_NUMBER }, { K_ABOVE, T_NUMBER }, { K_BELOW, T_NUMBER }, { K_MULTIPLE, T_NUMBER },
		{ K_MINITEMS, T_ARRAY }, { K_MAXITEMS, T_ARRAY }, { K_UNIQUE, T_ARRAY }, { K_ADDITIONAL, T_OBJECT },
		{ K_PATTERNS, T_OBJECT }, { K_NAMES, T_OBJECT }, { K_MINPROPS, T_OBJECT }, { K_MAXPROPS, T_OBJECT },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (field[rows[i].keyword].type != J_NONE)
			return 1u << rows[i].kind;
	return 0;
}

/* the kinds of a node, null among them; at least one other */
static unsigned node_kinds(const struct node *nd, const struct j_val field[KEYWORDS], unsigned inherited)
{
	unsigned null = 1u << T_NULL, mask = kinds_of_type(field[K_TYPE]);

	if (nd->nullable || field[K_NULLABLE].type == J_TRUE)
		mask |= null;
	mask |= (kinds_of_values(field) | inherited) & null;
	if ((mask & ~null) == 0)
		mask |= kinds_of_values(field);
	if ((mask & ~null) == 0)
		mask |= kinds_by_keyword(field);
	if ((mask & ~null) == 0)
		mask |= nd->cut ? 1u << T_OBJECT : inherited;
	/* a node without a type is refused; a string suits one that takes anything */
	if ((mask & ~null) == 0)
		mask |= 1u << T_STRING;
	if (mask & 1u << T_NUMBER)
		mask &= ~(1u << T_INTEGER);
	return mask;
}

/* ---- writing ---- */

static bool format_stays(struct j_val format)
{
	return j_is(format, "enum") || j_is(format, "date-time");
}

/* keyword values that have no place of their own when the node is of this kind */
static bool is_hint(enum keyword k, struct j_val value, enum kind kind)
{
	if (value.type == J_NONE || value.n > HINT_MAX)
		return false;
	switch (k) {
	case K_ENUM:
	case K_CONST:
		return kind != T_STRING && value.type != J_NULL;
	case K_FORMAT:
		return kind != T_STRING || !format_stays(value);
	case K_MINIMUM:
	case K_MAXIMUM:
		return value.type == J_NUMBER && kind != T_NUMBER && kind != T_INTEGER;
	case K_ADDITIONAL:
		return value.type == J_OBJECT && !j_empty(value);
	case K_DEFAULT:
		return value.type != J_NULL;
	default:
		return k >= K_PATTERN;
	}
}

static void write_hints(struct plan *out, const struct j_val field[KEYWORDS], enum kind kind, bool *any)
{
	for (int k = 0; k < KEYWORDS; k++) {
		size_t n;
		const char *raw = j_raw(field[k], &n);

		if (!is_hint((enum keyword)k, field[k], kind))
			continue;
		plan_lit(out, *any ? " (" : ",\"description\":\"(");
		plan_lit(out, keywords[k]);
		plan_lit(out, ": ");
		if (raw != NULL)
			plan_span(out, SPAN_RAW, raw, n);
		else
			plan_span(out, SPAN_ESC, field[k].p, field[k].n);
		plan_lit(out, ")");
		*any = true;
	}
}

static void write_text(struct plan *out, struct j_val description, bool *any)
{
	size_t n;
	const char *raw = j_raw(description, &n);

	if (n == 0)
		return;
	plan_lit(out, *any ? " " : ",\"description\":\"");
	plan_span(out, SPAN_RAW, raw, n);
	*any = true;
}

static void write_description(struct plan *out, const struct above *tell, enum kind kind)
{
	const struct above *done = NULL;
	bool any = false;

	while (done != tell) {
		const struct above *at = tell;

		while (at->up != done)
			at = at->up;
		write_text(out, at->field[K_DESCRIPTION], &any);
		write_hints(out, at->field, kind, &any);
		done = at;
	}
	plan_lit(out, any ? "\"" : "");
}

static void enum_value(struct plan *out, struct j_val v, bool *any)
{
	/* Gemini refuses empty strings and anything but strings */
	if (v.type == J_NULL || v.type == J_ARRAY || v.type == J_OBJECT || (v.type == J_STRING && v.n == 2))
		return;
	plan_lit(out, *any ? "," : ",\"enum\":[");
	if (v.type == J_STRING) {
		plan_val(out, v);
	} else {
		plan_lit(out, "\"");
		plan_val(out, v);
		plan_lit(out, "\"");
	}
	*any = true;
}

static void write_enum(struct plan *out, const struct j_val field[KEYWORDS])
{
	struct j_val item = { 0 };
	bool any = false;

	if (field[K_CONST].type != J_NONE)
		enum_value(out, field[K_CONST], &any);
	else
		while (j_item(field[K_ENUM], &item))
			enum_value(out, item, &any);
	plan_lit(out, any ? "]" : "");
}

static void write_number(struct plan *out, const char *name, struct j_val v)
{
	if (v.type != J_NUMBER)
		return;
	plan_lit(out, name);
	plan_val(out, v);
}

static void gemini_node(struct walk *w, const struct node *up, struct j_val value, unsigned inherited,
	const struct above *above);

static void write_branches(struct walk *w, const struct node *nd, struct j_val list, unsigned inherited,
	const struct above *tell)
{
	struct j_val item = { 0 }, first = { 0 };
	bool any = false;

	plan_lit(w->out, "{\"anyOf\":[");
	while (branch_next(list, &item, &first)) {
		plan_lit(w->out, any ? "," : "");
		gemini_node(w, nd, item, inherited, any ? NULL : tell);
		any = true;
	}
	plan_lit(w->out, "]}");
}

static void write_items(struct walk *w, const struct node *nd, const struct j_val field[KEYWORDS])
{
	struct j_val items = field[K_PREFIX].type == J_ARRAY ? field[K_PREFIX] : field[K_ITEMS], first;

	plan_lit(w->out, ",\"items\":");
	if (branch_count(items, &first) > 1)
		write_branches(w, nd, items, 0, NULL);
	else
		gemini_node(w, nd, items.type == J_ARRAY ? first : items, 0, NULL);
	write_number(w->out, ",\"minItems\":", field[K_MINITEMS]);
	write_number(w->out, ",\"maxItems\":", field[K_MAXITEMS]);
}

static void write_object(struct walk *w, const struct node *nd)
{
	if (nd->up != NULL && !node_has_properties(nd))
		return;
	plan_lit(w->out, ",\"properties\":");
	node_write_properties(w, nd);
	node_write_required(w, nd, true);
}

/* tell: NULL where an earlier kind of the node told its description */
static void write_kind(struct walk *w, const struct node *nd, const struct j_val field[KEYWORDS],
	const struct above *tell, enum kind kind, bool nullable)
{
	struct plan *out = w->out;

	plan_lit(out, "{\"type\":\"");
	plan_lit(out, kinds[kind]);
	plan_lit(out, "\"");
	if (kind == T_STRING && format_stays(field[K_FORMAT])) {
		plan_lit(out, ",\"format\":");
		plan_val(out, field[K_FORMAT]);
	}
	write_description(out, tell, kind);
	plan_lit(out, nullable ? ",\"nullable\":true" : "");
	if (kind == T_STRING)
		write_enum(out, field);
	if (kind == T_NUMBER || kind == T_INTEGER) {
		write_number(out, ",\"minimum\":", field[K_MINIMUM]);
		write_number(out, ",\"maximum\":", field[K_MAXIMUM]);
	}
	if (kind == T_ARRAY)
		write_items(w, nd, field);
	if (kind == T_OBJECT)
		write_object(w, nd);
	plan_lit(out, "}");
}

/* several kinds: a branch for each */
static void write_kinds(struct walk *w, const struct node *nd, const struct j_val field[KEYWORDS],
	const struct above *tell, unsigned mask)
{
	bool nullable = (mask & 1u << T_NULL) != 0, any = false;
	unsigned left = mask & ~(1u << T_NULL);
	bool several = (left & (left - 1)) != 0;

	plan_lit(w->out, several ? "{\"anyOf\":[" : "");
	for (int kind = 0; kind < T_NULL; kind++) {
		if ((left & 1u << kind) == 0)
			continue;
		plan_lit(w->out, any ? "," : "");
		write_kind(w, nd, field, any ? NULL : tell, (enum kind)kind, nullable);
		any = true;
	}
	plan_lit(w->out, several ? "]}" : "");
}

/* the first union of two branches or more among the parts */
static struct j_val node_union(const struct node *nd)
{
	static const char *const names[] = { "anyOf", "oneOf" };
	struct j_val field[2], first;

	for (size_t i = 0; i < nd->n; i++) {
		j_fields(nd->part[i], names, 2, field);
		for (int k = 0; k < 2; k++)
			if (branch_count(field[k], &first) > 1)
				return field[k];
	}
	return (struct j_val){ 0 };
}

/* whether a node is told by a union and not by its own shape */
static bool is_union(const struct node *nd, const struct j_val field[KEYWORDS], struct j_val list)
{
	return list.type != J_NONE && nd->up != NULL && !node_has_properties(nd)
		&& field[K_ITEMS].type == J_NONE && field[K_ENUM].type == J_NONE;
}

/* inherited: kinds that a branch takes from around its union; above: what it must tell for the union, or NULL */
static void gemini_node(struct walk *w, const struct node *up, struct j_val value, unsigned inherited,
	const struct above *above)
{
	struct j_val field[KEYWORDS], list;
	const struct above tell = { above, field };
	struct node nd;

	node_open(w, &nd, up, value);
	if (!node_within_limits(w, &nd)) {
		plan_lit(w->out, "{\"type\":\"object\"}");
		return;
	}
	if (up == NULL || node_has_properties(&nd))
		node_flatten(w, &nd);
	node_fields(&nd, field);
	list = node_union(&nd);
	if (is_union(&nd, field, list)) {
		inherited |= kinds_of_type(field[K_TYPE]);
		if (nd.nullable || branch_has_null(list) || field[K_NULLABLE].type == J_TRUE)
			inherited |= 1u << T_NULL;
		write_branches(w, &nd, list, inherited, &tell);
		return;
	}
	write_kinds(w, &nd, field, &tell, up == NULL ? 1u << T_OBJECT : node_kinds(&nd, field, inherited));
}

void schema_gemini(struct walk *w, const struct node *up, struct j_val value)
{
	gemini_node(w, up, value, 0, NULL);
}
