/*
 * A JSON Schema node as it holds, for schema.c and schema_gemini.c: its parts
 * are itself, what $ref names, the members of allOf and the only branch of a
 * union; the first part that has a keyword gives it.
 */
#ifndef SCHEMA_NODE_H
#define SCHEMA_NODE_H

#include "schema.h"

#define SCHEMA_PARTS 24	/* of one node */

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

struct node;

/* one schema being written */
struct walk {
	struct plan *out;
	struct j_val root;
	enum q_schema dialect;
	int refs, ref_nodes;	/* left of the limits: references followed, nodes written behind them */
};

struct node {
	const struct node *up;		/* NULL: the root */
	struct j_val part[SCHEMA_PARTS];
	size_t n;
	size_t nrequired;		/* parts whose required names hold: not those of a flattened union */
	int depth;
	bool behind_ref;
	bool cut;			/* a reference that could not be followed */
	bool nullable;			/* null is a branch of its union */
};

void walk_open(struct walk *w, struct j_val schema, enum q_schema dialect, struct plan *out);

/* Finds the parts. value: any; other than an object it gives a node without parts. */
void node_open(struct walk *w, struct node *nd, const struct node *up, struct j_val value);

/* False where a node is too deep, or one too many behind references: it is to be cut short. */
bool node_within_limits(struct walk *w, const struct node *nd);

/* The branches of its unions become parts too. They hold in turns, so what they require need not be. */
void node_flatten(struct walk *w, struct node *nd);

bool node_has_properties(const struct node *nd);

/* The properties of all parts as an object. */
void node_write_properties(struct walk *w, const struct node *nd);

/*
 * The required member, between in front of it, with the names that are
 * properties (Gemini and Moonshot refuse others). Returns false and writes
 * nothing when there is none.
 */
bool node_write_required(struct walk *w, const struct node *nd, const char *between);

/* Steps over a union's branches that are not null and not the first once more; *item and *first start all zero. */
bool branch_next(struct j_val list, struct j_val *item, struct j_val *first);

/* How many these are, counted up to two, and the first of them (J_NONE without). */
int branch_count(struct j_val list, struct j_val *first);

bool branch_has_null(struct j_val list);

/* Writes a node within another, in its dialect. schema.c */
void schema_node(struct walk *w, const struct node *up, struct j_val value);

/* schema_gemini.c */
void schema_gemini(struct walk *w, const struct node *up, struct j_val value);

#endif
