/* A tool's input_schema in the dialect that a provider accepts. Pure. */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "plan.h"
#include "quirks.h"

/*
 * Writes the schema (any value; J_NONE gives an empty object schema) into out.
 * SCHEMA_LIGHT: $schema, $id and $comment of the root are left out, type
 * "object" and properties are made sure of; all other values stay byte for
 * byte. The other dialects: see schema.c. The plan points into the schema and
 * static text. References are followed to a bounded depth.
 */
void schema_convert(struct j_val schema, enum q_schema dialect, struct plan *out);

#endif
