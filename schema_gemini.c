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

static const char keywords[] = "type\0description\0enum\0const\0properties\0items\0prefixItems\0nullable\0"
	"minimum\0maximum\0minItems\0maxItems\0format\0"
	"pattern\0minLength\0maxLength\0exclusiveMinimum\0exclusiveMaximum\0multipleOf\0uniqueItems\0"
	"minProperties\0maxProperties\0additionalProperties\0patternProperties\0propertyNames\0default\0examples\0";

enum kind { T_STRING, T_NUMBER, T_INTEGER, T_BOOLEAN, T_ARRAY, T_OBJECT, T_NULL };

static const char kinds[] = "string\0number\0integer\0boolean\0array\0object\0null\0";

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

		j_pick(nd->part[i], keywords, own);
		for (size_t k = 0; k < KEYWORDS; k++)
			if (field[k].type == J_NONE)
				field[k] = own[k];
	}
}

/* ---- what a node is ---- */

#define BIT(kind) (1u << (kind))

static unsigned kind_bit(struct j_val name)
{
	int kind = j_which(name, kinds);

	return kind >= 0 ? BIT(kind) : 0;
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
	static const unsigned char bits[] = {	/* by enum j_type */
		0, BIT(T_NULL), BIT(T_BOOLEAN), BIT(T_BOOLEAN), BIT(T_INTEGER), BIT(T_STRING), BIT(T_ARRAY), BIT(T_OBJECT)
	};
	size_t i = 0;

	while (v.type == J_NUMBER && i < v.n && v.p[i] != '.' && (v.p[i] | 32) != 'e')
		i++;
	return v.type == J_NUMBER && i < v.n ? BIT(T_NUMBER) : bits[v.type];
}

static unsigned kinds_of_values(const struct j_val field[KEYWORDS])
{
	struct j_val item = { 0 };
	unsigned mask = kind_of_value(field[K_CONST]);

	while (j_item(field[K_ENUM], &item))
		mask |= kind_of_value(item);
	/* a mixed enum can only be written as strings */
	return mask & BIT(T_STRING) ? mask & (BIT(T_STRING) | BIT(T_NULL)) : mask;
}

static unsigned kinds_by_keyword(const struct j_val field[KEYWORDS])
{
	static const unsigned char rows[][2] = {
		{ K_PROPERTIES, T_OBJECT }, { K_ITEMS, T_ARRAY }, { K_PREFIX, T_ARRAY }, { K_PATTERN, T_STRING },
		{ K_MINLENGTH, T_STRING }, { K_MAXLENGTH, T_STRING }, { K_FORMAT, T_STRING }, { K_MINIMUM, T_NUMBER },
		{ K_MAXIMUM, T_NUMBER }, { K_ABOVE, T_NUMBER }, { K_BELOW, T_NUMBER }, { K_MULTIPLE, T_NUMBER },
		{ K_MINITEMS, T_ARRAY }, { K_MAXITEMS, T_ARRAY }, { K_UNIQUE, T_ARRAY }, { K_ADDITIONAL, T_OBJECT },
		{ K_PATTERNS, T_OBJECT }, { K_NAMES, T_OBJECT }, { K_MINPROPS, T_OBJECT }, { K_MAXPROPS, T_OBJECT },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (field[rows[i][0]].type != J_NONE)
			return BIT(rows[i][1]);
	return 0;
}

/* the kinds of a node, null among them; at least one other */
static unsigned node_kinds(const struct node *nd, const struct j_val field[KEYWORDS], unsigned inherited)
{
	/* a node without a type is refused; a string suits one that takes anything */
	const unsigned by[] = {
		kinds_of_type(field[K_TYPE]), kinds_of_values(field), kinds_by_keyword(field),
		nd->cut ? BIT(T_OBJECT) : inherited, BIT(T_STRING)
	};
	unsigned mask = (by[1] | inherited) & BIT(T_NULL);

	if (nd->nullable || field[K_NULLABLE].type == J_TRUE)
		mask |= BIT(T_NULL);
	for (size_t i = 0; (mask & ~BIT(T_NULL)) == 0; i++)
		mask |= by[i];
	if (mask & BIT(T_NUMBER))
		mask &= ~BIT(T_INTEGER);
	return mask;
}

/* ---- writing ---- */

static bool format_stays(struct j_val format)
{
	return j_which(format, "enum\0date-time\0") >= 0;
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
	const char *name = keywords;

	for (int k = 0; k < KEYWORDS; k++, name += strlen(name) + 1) {
		if (!is_hint((enum keyword)k, field[k], kind))
			continue;
		plan_put(out, "%s(%s: %t)", *any ? " " : ",\"description\":\"", name, &field[k]);
		*any = true;
	}
}

static void write_description(struct plan *out, const struct above *tell, enum kind kind)
{
	const struct above *done = NULL;
	bool any = false;

	while (done != tell) {
		const struct above *at = tell;

		while (at->up != done)
			at = at->up;
		if (j_filled(at->field[K_DESCRIPTION])) {
			plan_put(out, "%s%t", any ? " " : ",\"description\":\"", &at->field[K_DESCRIPTION]);
			any = true;
		}
		write_hints(out, at->field, kind, &any);
		done = at;
	}
	plan_lit(out, any ? "\"" : "");
}

static void enum_value(struct plan *out, struct j_val v, bool *any)
{
	/* Gemini refuses empty strings and anything but strings */
	if (v.type <= J_NULL || v.type >= J_ARRAY || j_empty(v))
		return;
	plan_put(out, "%s\"%t\"", *any ? "," : ",\"enum\":[", &v);
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

/* "name":value when it is a number, a comma in front */
static void write_number(struct plan *out, const char *name, struct j_val v)
{
	if (v.type == J_NUMBER)
		plan_put(out, ",\"%s\":%v", name, &v);
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
	write_number(w->out, "minItems", field[K_MINITEMS]);
	write_number(w->out, "maxItems", field[K_MAXITEMS]);
}

static void write_object(struct walk *w, const struct node *nd)
{
	if (nd->up != NULL && !node_has_properties(nd))
		return;
	plan_lit(w->out, ",\"properties\":");
	node_write_properties(w, nd);
	node_write_required(w, nd, ",");
}

/* tell: NULL where an earlier kind of the node told its description */
static void write_kind(struct walk *w, const struct node *nd, const struct j_val field[KEYWORDS],
	const struct above *tell, enum kind kind, bool nullable)
{
	struct plan *out = w->out;

	plan_put(out, "{\"type\":\"%s\"", q_text(kinds, kind));
	if (kind == T_STRING && format_stays(field[K_FORMAT]))
		plan_put(out, ",\"format\":%v", &field[K_FORMAT]);
	write_description(out, tell, kind);
	plan_lit(out, nullable ? ",\"nullable\":true" : "");
	if (kind == T_STRING)
		write_enum(out, field);
	if (kind == T_NUMBER || kind == T_INTEGER) {
		write_number(out, "minimum", field[K_MINIMUM]);
		write_number(out, "maximum", field[K_MAXIMUM]);
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
	bool nullable = (mask & BIT(T_NULL)) != 0, any = false;
	unsigned left = mask & ~(BIT(T_NULL));
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
	struct j_val field[2], first;

	for (size_t i = 0; i < nd->n; i++) {
		j_pick(nd->part[i], "anyOf\0oneOf\0", field);
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
			inherited |= BIT(T_NULL);
		write_branches(w, &nd, list, inherited, &tell);
		return;
	}
	write_kinds(w, &nd, field, &tell, up == NULL ? BIT(T_OBJECT) : node_kinds(&nd, field, inherited));
}

void schema_gemini(struct walk *w, const struct node *up, struct j_val value)
{
	gemini_node(w, up, value, 0, NULL);
}
