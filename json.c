/*
 * Reading checked JSON: cursors over arrays and objects, and numbers without
 * floating point. (The checker is json_check.c, strings are json_string.c.)
 *
 * Everything here trusts that its text has passed j_check: nothing can fail,
 * and skipping a value looks only for quotes and brackets. Nothing is read
 * beyond the text even so.
 */
#include "json.h"

#include <string.h>

#include "json_scan.h"

static const struct j_val none;

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* From an opening quote to behind the closing one. A quote after an odd number of backslashes is part of the text. */
static const char *skip_string(const char *p, const char *end)
{
	for (;;) {
		const char *quote = scan_quote(p + 1, end);
		if (quote == end)
			return end;
		const char *back = quote;
		while (back[-1] == '\\')
			back--;
		if ((quote - back) % 2 == 0)
			return quote + 1;
		p = quote;
	}
}

static const char *skip_brackets(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		switch (*p) {
		case '"':
			p = skip_string(p, end);
			continue;
		case '[':
		case '{':
			depth++;
			break;
		case ']':
		case '}':
			if (--depth == 0)
				return p + 1;
			break;
		}
		p++;
	}
	return end;
}

/* numbers, true, false, null: up to what can stand behind a value */
static const char *skip_word(const char *p, const char *end)
{
	while (p < end && *p != ',' && *p != ']' && *p != '}' && skip_space(p, end) == p)
		p++;
	return p;
}

static enum j_type type_of(char first)
{
	switch (first) {
	case '"': return J_STRING;
	case '{': return J_OBJECT;
	case '[': return J_ARRAY;
	case 'n': return J_NULL;
	case 't': return J_TRUE;
	case 'f': return J_FALSE;
	}
	return J_NUMBER;
}

/* the value that begins at p */
static struct j_val value_at(const char *p, const char *end)
{
	struct j_val v = none;

	if (p == end)
		return v;
	v.p = p;
	v.type = type_of(*p);
	if (v.type == J_STRING)
		end = skip_string(p, end);
	else if (v.type >= J_ARRAY)
		end = skip_brackets(p, end);
	else
		end = skip_word(p, end);
	v.n = (uint32_t)(end - p);
	return v;
}

struct j_val j_root(const char *text, size_t n)
{
	const char *p = skip_space(text, text + n), *end = text + n;

	while (end > p && skip_space(end - 1, end) == end)
		end--;
	return p < end ? j_value(p, (size_t)(end - p), type_of(*p)) : none;
}

/* where the next item or member begins, or NULL when there is none; last: the value before it, absent at first */
static const char *next_at(struct j_val list, struct j_val last)
{
	const char *end = list.p + list.n;
	const char *p = last.p != NULL ? last.p + last.n : list.p + 1;

	p = skip_space(p, end);
	if (p < end && *p == ',')
		p = skip_space(p + 1, end);
	return p == end || *p == ']' || *p == '}' ? NULL : p;
}

bool j_item(struct j_val array, struct j_val *item)
{
	const char *p = array.type == J_ARRAY ? next_at(array, *item) : NULL;

	*item = p != NULL ? value_at(p, array.p + array.n) : none;
	return p != NULL;
}

bool j_member(struct j_val object, struct j_val *key, struct j_val *value)
{
	const char *p = object.type == J_OBJECT ? next_at(object, *value) : NULL;

	if (p == NULL) {
		*key = *value = none;
		return false;
	}
	const char *end = object.p + object.n;
	*key = value_at(p, end);
	p = skip_space(key->p + key->n, end);
	*value = value_at(skip_space(p + 1, end), end);	/* behind the colon */
	return true;
}

int j_which(struct j_val string, const char *names)
{
	char first = string.type == J_STRING ? string.p[1] : '\0';

	for (int i = 0; *names != '\0'; i++, names += strlen(names) + 1)
		if ((first == *names || first == '\\') && j_is(string, names))
			return i;
	return -1;
}

/* j_pick, whose object may have more behind it: returns where its last value ends, or NULL */
static const char *pick(struct j_val object, const char *names, struct j_val out[])
{
	struct j_val key = none, value = none;
	const char *behind = NULL;
	int i = 0;

	for (const char *name = names; *name != '\0'; name += strlen(name) + 1)
		out[i++] = none;
	for (; j_member(object, &key, &value); behind = value.p + value.n)
		if ((i = j_which(key, names)) >= 0)
			out[i] = value;
	return behind;
}

void j_pick(struct j_val object, const char *names, struct j_val out[])
{
	pick(object, names, out);
}

bool j_item_pick(struct j_val array, struct j_val *item, const char *names, struct j_val out[])
{
	const char *p = array.type == J_ARRAY ? next_at(array, *item) : NULL;

	if (p == NULL || *p != '{') {
		pick(none, names, out);
		return j_item(array, item);
	}
	const char *end = array.p + array.n, *behind = pick(j_value(p, (size_t)(end - p), J_OBJECT), names, out);
	*item = j_value(p, (size_t)(skip_space(behind != NULL ? behind : p + 1, end) + 1 - p), J_OBJECT);
	return true;
}

struct j_val j_get(struct j_val object, const char *name)
{
	struct j_val key = none, value = none, found = none;

	while (j_member(object, &key, &value))
		if (j_is(key, name))
			found = value;
	return found;
}

size_t j_count(struct j_val v)
{
	struct j_val key = none, value = none;
	size_t n = 0;

	while (v.type == J_ARRAY ? j_item(v, &value) : j_member(v, &key, &value))
		n++;
	return n;
}

bool j_empty(struct j_val v)
{
	if (v.type >= J_ARRAY)
		return next_at(v, none) == NULL;
	return v.type <= J_NULL || (v.type == J_STRING && v.n == 2);
}

/* beyond this an exponent moves every digit out of sight, whatever the text's length */
#define EXPONENT_MAX (INT64_C(1) << 40)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* the exponent in p[0..n), which begins behind its e */
static int64_t exponent_of(const char *p, size_t n)
{
	int64_t e = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_digit(p[i]) && e < EXPONENT_MAX)
			e = e * 10 + (p[i] - '0');
	}
	return n > 0 && p[0] == '-' ? -e : e;
}

/* a number's size, moved by some decimal places and cut behind the point */
struct scaled {
	uint64_t size;		/* UINT64_MAX: too big */
	bool minus, exact;	/* exact: nothing but zeros was cut */
};

static void push_digit(struct scaled *s, unsigned digit)
{
	if (s->size > (UINT64_MAX - 9) / 10)
		s->size = UINT64_MAX;
	else
		s->size = s->size * 10 + digit;
}

static struct scaled scale(const char *p, size_t n, int64_t places)
{
	struct scaled s = { 0, n > 0 && p[0] == '-', true };
	size_t i = s.minus, whole = 0, digits;

	while (i + whole < n && is_digit(p[i + whole]))
		whole++;
	for (digits = i + whole; digits < n && (is_digit(p[digits]) || p[digits] == '.');)
		digits++;
	/* how many of the digits, counted from the first, stay before the point */
	int64_t keep = (int64_t)whole + places;
	if (digits < n)
		keep += exponent_of(p + digits + 1, n - digits - 1);
	for (; i < digits; i++) {
		if (p[i] == '.')
			continue;
		if (keep-- > 0)
			push_digit(&s, (unsigned)(p[i] - '0'));
		else if (p[i] != '0')
			s.exact = false;
	}
	for (; keep > 0 && s.size > 0 && s.size < UINT64_MAX; keep--)
		push_digit(&s, 0);
	return s;
}

/* the value with its sign, clamped; returns whether it fits */
static bool with_sign(struct scaled s, int64_t *out)
{
	uint64_t limit = (uint64_t)INT64_MAX + s.minus;
	bool fits = s.size <= limit;

	if (s.minus)
		*out = s.size >= limit ? INT64_MIN : -(int64_t)s.size;
	else
		*out = fits ? (int64_t)s.size : INT64_MAX;
	return fits;
}

bool j_whole(struct j_val v, int64_t *out)
{
	size_t n = v.n;
	const char *p = v.p;
	int64_t value;

	if (v.type == J_STRING) {
		p = j_raw(v, &n);
		for (size_t i = 0; i < n; i++) {
			if (!is_digit(p[i]))
				return false;
		}
	} else if (v.type != J_NUMBER) {
		return false;
	}
	struct scaled s = scale(p, n, 0);
	if (n == 0 || !s.exact || !with_sign(s, &value))
		return false;
	*out = value;
	return true;
}

bool j_millionths(struct j_val number, int64_t *out)
{
	if (number.type != J_NUMBER)
		return false;
	with_sign(scale(number.p, number.n, 6), out);
	return true;
}
