/*
 * JSON without a tree (RFC 8259): checked once at the border, then read by
 * cursor. A value is its type and its text inside the checked bytes; reading
 * cannot fail and skipping trusts. Pure: no allocation, no I/O, no recursion.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tool schemas nest deeply; a thousand would only serve an attacker */
#define J_DEPTH 128

enum j_type { J_NONE, J_NULL, J_FALSE, J_TRUE, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

/* p[0..n) is the value's text, quotes and brackets included; J_NONE: absent, p is NULL, n is 0 */
struct j_val {
	const char *p;
	uint32_t n;		/* with a type it fills two registers: values are passed by value everywhere */
	enum j_type type;
};

/* The value that p[0..n) is known to be. n < 4 GiB, as in all checked text. */
static inline struct j_val j_value(const char *p, size_t n, enum j_type type)
{
	return (struct j_val){ p, (uint32_t)n, type };
}

struct j_err {
	const char *why;	/* static text */
	size_t at;		/* offset of the byte that is wrong */
};

/*
 * Checks that text[0..n) is one JSON value with white space around it, valid
 * UTF-8 (RFC 3629), at most J_DEPTH levels deep. An escape of half a surrogate
 * pair without its other half is overwritten in place by \ufffd, so whatever
 * passes can be passed on. Returns 0, or -1 with err filled.
 */
int j_check(char *text, size_t n, struct j_err *err);

/* As j_check, but keeps lone surrogate escapes, for callers who join halves that come in two pieces. */
int j_check_keep(char *text, size_t n, struct j_err *err);

/* The line and column (both from 1, columns in bytes) of an offset. */
void j_where(const char *text, size_t at, size_t *line, size_t *column);

/* The value in checked text. */
struct j_val j_root(const char *text, size_t n);

/*
 * Steps through an array: start with *item all zero, it returns false behind
 * the last. False at once for any value that is not an array.
 */
bool j_item(struct j_val array, struct j_val *item);

/* The same for an object's members; key is a J_STRING. Start with both all zero. */
bool j_member(struct j_val object, struct j_val *key, struct j_val *value);

/*
 * One sweep over an object: of names in one text, each with a NUL behind it
 * (and, as in every literal, one more behind the last), out gets the values,
 * J_NONE where one is absent; it has room for as many. Of duplicate keys the
 * last wins. Keys are compared decoded. A value that is not an object has no
 * members.
 */
void j_pick(struct j_val object, const char *names, struct j_val out[]);

/* j_item, and j_pick of the item, for which it is swept once and not twice. */
bool j_item_pick(struct j_val array, struct j_val *item, const char *names, struct j_val out[]);

/* Which of such names a string is, counted from 0; -1: none of them. */
int j_which(struct j_val string, const char *names);

/* One member, J_NONE where it is absent (or object is none). */
struct j_val j_get(struct j_val object, const char *name);

/* Whether a string's decoded text is exactly this. False for other types. */
bool j_is(struct j_val string, const char *text);

/* Whether a string's decoded text begins with this. */
bool j_begins(struct j_val string, const char *text);

/* Whether two strings decode to the same bytes. */
bool j_same(struct j_val a, struct j_val b);

/* The bytes between a string's quotes, still escaped; *n their count. NULL and 0 for other types. */
const char *j_raw(struct j_val string, size_t *n);

/* How many bytes a string decodes to; 0 for other types. */
size_t j_length(struct j_val string);

/*
 * Decodes a string into dst, at most room bytes and never half a character.
 * Returns the bytes written. No terminator. A lone surrogate becomes U+FFFD.
 */
size_t j_copy(struct j_val string, char *dst, size_t room);

/* As j_copy, with a terminator; a NUL inside ends nothing and is kept. room > 0. Returns the length. */
size_t j_text(struct j_val string, char *dst, size_t room);

/* As j_length, for what j_raw gave, or a piece of it that cuts no escape. */
size_t j_raw_length(const char *raw, size_t n);

/*
 * Decodes the escape at raw[0] (a backslash, n > 0) into 1 to 4 bytes of
 * UTF-8, whose count it returns; *used becomes the bytes of raw it took, 1 to
 * 12. Half a surrogate pair, and whatever is no whole escape, become U+FFFD.
 */
size_t j_escape(const char *raw, size_t n, char out[4], size_t *used);

/* The length of the character that begins at p, n > 0; 0: it is none (RFC 3629 section 4). */
size_t utf8_character(const char *p, size_t n);

/* A hex digit's value, -1: it is none. */
int hex_digit(char c);

/* A string that is empty or only white space (escaped or not). False for other types. */
bool j_blank(struct j_val string);

/* A string with something in it. */
static inline bool j_filled(struct j_val v)
{
	return v.type == J_STRING && v.n > 2;
}

/* [] {} "" null or absent */
bool j_empty(struct j_val v);

/* The number of items of an array, or of members of an object. */
size_t j_count(struct j_val v);

/*
 * A whole number that fits, also written as 1e3 or 5.0, or as a string of
 * digits. Returns false for anything else.
 */
bool j_whole(struct j_val v, int64_t *out);

/* Any number as millionths, rounded toward zero, clamped to the type. False for other types. */
bool j_millionths(struct j_val number, int64_t *out);

/* Stable 64-bit hash of a string's decoded bytes (FNV-1a); of raw bytes; of those and more behind them. */
uint64_t j_hash(struct j_val string);
uint64_t hash_bytes(const char *p, size_t n);
uint64_t hash_more(uint64_t hash, const char *p, size_t n);

#endif
