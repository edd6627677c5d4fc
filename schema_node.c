/*
 * The parts of a schema node, and what is written from several of them. A
 * reference to a node that is being written, one that leads nowhere, and one
 * behind the limits is a cut: the node holds what it says itself.
 */
#include <string.h>

#include "schema_node.h"

#define DEPTH 48		/* nodes within nodes: JSON's limit is 128 levels, two of them a node */
#define REFS 256		/* references followed in one schema: each is a search from the root */
#define REF_NODES 4096		/* nodes written behind references: they can multiply */
#define MERGED_NAMES 512	/* required names, and properties of a later part, that are compared */
#define POINTER_MAX 256		/* bytes of a reference */

/* ---- references ---- */

/* the next token of a JSON pointer (RFC 6901 in a URI fragment) decoded into dst; returns what is behind it */
static const char *pointer_token(const char *p, char *dst)
{
	for (; *p != '\0' && *p != '/'; p++) {
		char c = *p;

		if (c == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
			c = (char)(unsigned char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
			p += 2;
		}
		if (c == '~' && (p[1] == '0' || p[1] == '1'))
			c = *++p == '0' ? '~' : '/';
		*dst++ = c;
	}
	*dst = '\0';
	return p;
}

static struct j_val array_item(struct j_val array, const char *token)
{
	struct j_val item = { 0 };
	size_t index = 0;

	for (const char *p = token; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || p - token > 4)
			return (struct j_val){ 0 };
		index = 10 * index + (size_t)(*p - '0');
	}
	while (j_item(array, &item))
		if (index-- == 0)
			return item;
	return (struct j_val){ 0 };
}

/* what a reference within the schema names, J_NONE when nothing */
static struct j_val resolve(struct walk *w, struct j_val ref)
{
	char text[POINTER_MAX], token[POINTER_MAX];
	struct j_val at = w->root;

	if (j_length(ref) >= sizeof text || w->refs == 0)
		return (struct j_val){ 0 };
	w->refs--;
	j_text(ref, text, sizeof text);
	if (text[0] != '#' || (text[1] != '\0' && text[1] != '/'))
		return (struct j_val){ 0 };
	for (const char *p = text + 1; *p == '/';) {
		p = pointer_token(p + 1, token);
		at = at.type == J_ARRAY ? array_item(at, token) : j_get(at, token);
	}
	return at;
}

static bool is_open(const struct node *nd, struct j_val value)
{
	for (; nd != NULL; nd = nd->up)
		for (size_t i = 0; i < nd->n; i++)
			if (nd->part[i].p == value.p)
				return true;
	return false;
}

/* ---- nodes ---- */

static bool is_null_branch(struct j_val branch)
{
	struct j_val field[2];

	j_pick(branch, "type\0const\0", field);
	return j_is(field[0], "null") || field[1].type == J_NULL;
}

bool branch_has_null(struct j_val list)
{
	struct j_val item = { 0 };

	while (j_item(list, &item))
		if (is_null_branch(item))
			return true;
	return false;
}

static bool same_text(struct j_val a, struct j_val b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

bool branch_next(struct j_val list, struct j_val *item, struct j_val *first)
{
	while (j_item(list, item)) {
		if (is_null_branch(*item))
			continue;
		if (first->p == NULL)
			*first = *item;
		else if (same_text(*item, *first))
			continue;
		return true;
	}
	return false;
}

int branch_count(struct j_val list, struct j_val *first)
{
	struct j_val item = { 0 };
	int n = 0;

	*first = item;
	while (n < 2 && branch_next(list, &item, first))
		n++;
	return n;
}

static void gather(struct walk *w, struct node *nd, struct j_val value);

static void gather_ref(struct walk *w, struct node *nd, struct j_val ref)
{
	struct j_val target = resolve(w, ref);

	if (target.type != J_OBJECT || is_open(nd, target)) {
		nd->cut = true;
		return;
	}
	nd->behind_ref = true;
	gather(w, nd, target);
}

/* a union of one branch, with or without null, is that branch */
static void gather_union(struct walk *w, struct node *nd, struct j_val list)
{
	struct j_val only;

	if (list.type != J_ARRAY || branch_count(list, &only) > 1)
		return;
	if (branch_has_null(list))
		nd->nullable = true;
	gather(w, nd, only);
}

/* adds a value, and what it refers to, to a node's parts; bounded since every step takes a part */
static void gather(struct walk *w, struct node *nd, struct j_val value)
{
	struct j_val field[4], item = { 0 };

	if (value.type != J_OBJECT || nd->n == SCHEMA_PARTS)
		return;
	nd->part[nd->n++] = value;
	j_pick(value, "$ref\0allOf\0anyOf\0oneOf\0", field);
	if (field[0].type == J_STRING)
		gather_ref(w, nd, field[0]);
	while (j_item(field[1], &item))
		gather(w, nd, item);
	for (int i = 2; i < 4; i++)
		gather_union(w, nd, field[i]);
}

void node_open(struct walk *w, struct node *nd, const struct node *up, struct j_val value)
{
	memset(nd, 0, sizeof *nd);
	nd->up = up;
	nd->depth = up != NULL ? up->depth + 1 : 0;
	nd->behind_ref = up != NULL && up->behind_ref;
	gather(w, nd, value);
	nd->nrequired = nd->n;
}

static void gather_once(struct walk *w, struct node *nd, struct j_val value)
{
	for (size_t i = 0; i < nd->n; i++)
		if (nd->part[i].p == value.p)
			return;
	gather(w, nd, value);
}

static struct j_val node_property(const struct node *nd, size_t parts, struct j_val name)
{
	for (size_t i = 0; i < parts; i++) {
		struct j_val properties = j_get(nd->part[i], "properties");
		struct j_val key = { 0 }, value = { 0 };

		while (j_member(properties, &key, &value))
			if (j_same(key, name))
				return value;
	}
	return (struct j_val){ 0 };
}

bool node_has_properties(const struct node *nd)
{
	for (size_t i = 0; i < nd->n; i++) {
		struct j_val properties = j_get(nd->part[i], "properties");

		if (properties.type == J_OBJECT && !j_empty(properties))
			return true;
	}
	return false;
}

void node_flatten(struct walk *w, struct node *nd)
{
	size_t required = nd->n;

	for (size_t i = 0; i < nd->n; i++) {
		struct j_val field[2], item = { 0 };

		/* item is all zero behind the last */
		j_pick(nd->part[i], "anyOf\0oneOf\0", field);
		for (int k = 0; k < 2; k++)
			while (j_item(field[k], &item))
				gather_once(w, nd, item);
	}
	nd->nrequired = required;
}

void node_write_properties(struct walk *w, const struct node *nd)
{
	bool any = false;

	plan_lit(w->out, "{");
	for (size_t i = 0; i < nd->n; i++) {
		struct j_val properties = j_get(nd->part[i], "properties");
		struct j_val key = { 0 }, value = { 0 };

		for (size_t k = 0; j_member(properties, &key, &value); k++) {
			if (i > 0 && (k >= MERGED_NAMES || node_property(nd, i, key).type != J_NONE))
				continue;
			plan_put(w->out, "%s%v:", any ? "," : "", &key);
			schema_node(w, nd, value);
			any = true;
		}
	}
	plan_lit(w->out, "}");
}

static bool has_string(struct j_val array, struct j_val name, const char *before)
{
	struct j_val item = { 0 };

	while (j_item(array, &item) && item.p != before)
		if (j_same(item, name))
			return true;
	return false;
}

/* whether an earlier part, or the same one earlier, requires it too */
static bool required_before(const struct node *nd, size_t part, struct j_val name)
{
	for (size_t i = 0; i <= part; i++)
		if (has_string(j_get(nd->part[i], "required"), name, name.p))
			return true;
	return false;
}

bool node_write_required(struct walk *w, const struct node *nd, const char *between)
{
	size_t seen = 0;
	bool any = false;

	for (size_t i = 0; i < nd->nrequired; i++) {
		struct j_val required = j_get(nd->part[i], "required"), item = { 0 };

		for (; j_item(required, &item) && seen < MERGED_NAMES; seen++) {
			if (item.type != J_STRING || required_before(nd, i, item)
				|| node_property(nd, nd->n, item).type == J_NONE)
				continue;
			plan_put(w->out, any ? "%s%v" : "%s\"required\":[%v", any ? "," : between, &item);
			any = true;
		}
	}
	plan_lit(w->out, any ? "]" : "");
	return any;
}

bool node_within_limits(struct walk *w, const struct node *nd)
{
	if (nd->depth >= DEPTH)
		return false;
	if (!nd->behind_ref)
		return true;
	if (w->ref_nodes == 0)
		return false;
	w->ref_nodes--;
	return true;
}

void walk_open(struct walk *w, struct j_val schema, enum q_schema dialect, struct plan *out)
{
	memset(w, 0, sizeof *w);
	w->out = out;
	w->root = schema;
	w->dialect = dialect;
	w->refs = REFS;
	w->ref_nodes = REF_NODES;
}
