/*
 * State in the signature of a thinking block (carry.h says how it is written).
 *
 * The check is FNV-1a over the text and the binding. It is no defence against
 * a client that makes up its own state: that client could send the same bytes
 * to the provider itself. It keeps out what was bound to another target, cut
 * or edited, so that what is read is what was written, and valid JSON.
 */
#include "carry.h"

#include <string.h>

#include "convert.h"
#include "log.h"

#define CHECK_DIGITS 16
#define CALL_DIGITS 16

static const char words[] = "none\0reasoning_content\0reasoning\0reasoning_text\0thinking\0tags\0parts\0details\0";

const char *carry_word(enum carry_from from)
{
	return q_text(words, from);
}

/* of the binding and a byte that it cannot hold */
static uint64_t start(const char *binding)
{
	return hash_bytes(binding, strlen(binding) + 1);
}

static bool from_hex16(const char *p, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < 16; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return false;
		*out = *out << 4 | (uint64_t)digit;
	}
	return true;
}

struct plan_pos carry_open(struct plan *out, enum carry_from from)
{
	struct plan_pos begin = { .span = out->nspans, .arena = out->narena };

	plan_put(out, CARRY_PREFIX "%s.", carry_word(from));
	return begin;
}

void carry_put(struct plan *out, enum carry_kind kind, uint64_t call, const char *bytes, size_t n)
{
	char head[1 + CALL_DIGITS + 1];
	size_t len = fmt(head, sizeof head, kind == CARRY_SIGNATURE ? "%c%016llx" : "%c", kind, (unsigned long long)call);

	plan_copy(out, SPAN_RAW, head, len);
	plan_span(out, SPAN_B64, bytes, n);
	plan_lit(out, ".");
}

void carry_close(struct plan *out, struct plan_pos begin, const char *binding)
{
	uint64_t check = start(binding);
	char text[256];
	size_t n;

	/* a plan that only counts has nothing to read, and any digits do */
	while (plan_fits(out) && (n = plan_pull(out, &begin, text, sizeof text)) > 0)
		check = hash_more(check, text, n);
	plan_copy(out, SPAN_RAW, text, fmt(text, sizeof text, "%016llx", (unsigned long long)check));
}

/* the word at p, up to a dot */
static bool read_from(const char *p, size_t n, enum carry_from *from)
{
	for (int i = 0; i < FROMS; i++) {
		const char *word = carry_word((enum carry_from)i);

		if (strlen(word) == n && memcmp(word, p, n) == 0) {
			*from = (enum carry_from)i;
			return true;
		}
	}
	return false;
}

bool carry_read(struct j_val signature, const char *binding, struct carry *c)
{
	const size_t nprefix = strlen(CARRY_PREFIX);
	char check[CHECK_DIGITS + 1];
	size_t n;
	const char *p = j_raw(signature, &n);

	memset(c, 0, sizeof *c);
	if (n < nprefix + CHECK_DIGITS || memcmp(p, CARRY_PREFIX, nprefix) != 0)
		return false;
	size_t body = n - CHECK_DIGITS;
	fmt(check, sizeof check, "%016llx", (unsigned long long)hash_more(start(binding), p, body));
	if (memcmp(p + body, check, CHECK_DIGITS) != 0)
		return false;
	const char *word = p + nprefix;
	const char *dot = memchr(word, '.', body - nprefix);
	if (dot == NULL || !read_from(word, (size_t)(dot - word), &c->from))
		return false;
	c->p = dot + 1;
	c->n = (size_t)(p + body - c->p);
	return true;
}

bool carry_next(const struct carry *c, struct carry_piece *piece)
{
	const char *end = c->p + c->n;
	const char *p = piece->p != NULL ? piece->p + piece->n + 1 : c->p;
	const char *dot = p < end ? memchr(p, '.', (size_t)(end - p)) : NULL;

	if (dot == NULL || dot == p)
		return false;
	piece->kind = (enum carry_kind)*p++;
	piece->call = 0;
	if (piece->kind == CARRY_SIGNATURE) {
		if (dot - p < CALL_DIGITS || !from_hex16(p, &piece->call))
			return false;
		p += CALL_DIGITS;
	}
	piece->p = p;
	piece->n = (size_t)(dot - p);
	return true;
}
