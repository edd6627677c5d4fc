/*
 * State that a provider wants back on the next turn, in the signature of a
 * thinking block: the process keeps nothing, so any replica can go on.
 *
 *   ccp1.FROM.PIECE.PIECE...CHECK
 *
 * FROM says where the reasoning text came from (carry_word); each
 * PIECE is one letter and base64; CHECK is 16 hex digits over all before it
 * and the binding. All of it is plain ASCII that JSON never escapes. A
 * signature of another target, of somebody else, or with one byte changed
 * does not check and counts as none. Pure.
 */
#ifndef CARRY_H
#define CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "plan.h"

enum carry_from {
	FROM_NONE,		/* there was no text: state only */
	FROM_REASONING_CONTENT, FROM_REASONING, FROM_REASONING_TEXT, FROM_THINKING,	/* fields of these names */
	FROM_TAGS,		/* <think> in the content */
	FROM_PARTS,		/* Mistral's content parts */
	FROM_DETAILS,		/* only in reasoning_details */
	FROMS
};

/* what a signature says for it; of the fields their names */
const char *carry_word(enum carry_from from);

enum carry_kind {
	CARRY_DETAILS = 'd',	/* items of reasoning_details with commas between them, without the array's brackets */
	CARRY_OPAQUE = 'o',	/* the inside of the JSON string reasoning_opaque */
	CARRY_SIGNATURE = 'g'	/* the inside of the JSON string thought_signature of one call, or of the message */
};

/*
 * Writing: open, put any number of pieces, close. Several CARRY_DETAILS mean
 * one list. call: j_hash of the id by which the client knows the call, 0 for
 * the message itself; only for CARRY_SIGNATURE. What is put goes upstream as
 * it is, so it must be checked JSON; bytes must outlive the plan.
 */
struct plan_pos carry_open(struct plan *out, enum carry_from from);
void carry_put(struct plan *out, enum carry_kind kind, uint64_t call, const char *bytes, size_t n);
void carry_close(struct plan *out, struct plan_pos begin, const char *binding);

/* what a signature holds: pieces p[0..n) */
struct carry {
	enum carry_from from;
	const char *p;
	size_t n;
};

/* one piece; p[0..n) is base64 for SPAN_UNB64. Start with all zero. */
struct carry_piece {
	enum carry_kind kind;
	uint64_t call;
	const char *p;
	size_t n;
};

/* False when there is nothing of this binding in the string; c is all zero then. */
bool carry_read(struct j_val signature, const char *binding, struct carry *c);

/* The next piece, false behind the last. */
bool carry_next(const struct carry *c, struct carry_piece *piece);

#endif
