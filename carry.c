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

#define CHECK_DIGITS 16
#define CALL_DIGITS 16
#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

const char *const carry_words[FROMS] = {
	[FROM_NONE] = "none",
	[FROM_REASONING_CONTENT] = "reasoning_content",
	[FROM_REASONING] = "reasoning",
	[FROM_REASONING_TEXT] = "reasoning_text",
	[FROM_THINKING] = "thinking",
	[FROM_TAGS] = "tags",
	[FROM_PARTS] = "parts",
	[FROM_DETAILS] = "details"
};

static uint64_t add(uint64_t check, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check = (check ^ (unsigned char)p[i]) * FNV_PRIME;
	return check;
}

/* the binding and a byte that it cannot hold */
static uint64_t start(const char *binding)
{
	return add(FNV_START, binding, strlen(binding) + 1);
}

static uint64_t lit(struct plan *out, uint64_t check, const char *text)
{
	plan_lit(out, text);
	return add(check, text, strlen(text));
}

static void hex16(uint64_t v, char dst[16])
{
	for (size_t i = 16; i-- > 0; v >>= 4)
		dst[i] = "0123456789abcdef"[v & 15];
}

static bool from_hex16(const char *p, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 16; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (uint64_t)(p[i] - '0');
		else if (p[i] >= 'a' && p[i] <= 'f')
			v = v << 4 | (uint64_t)(p[i] - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

/* the check goes over the base64 as it will be read, made here three bytes at a time */
static uint64_t add_base64(uint64_t check, const char *bytes, size_t n)
{
	struct span one;
	struct plan p;
	char text[256];
	size_t got;

	plan_init(&p, &one, 1, NULL, 0);
	plan_span(&p, SPAN_B64, bytes, n);
	struct plan_pos pos = { 0 };
	while ((got = plan_pull(&p, &pos, text, sizeof text)) > 0)
		check = add(check, text, got);
	return check;
}

uint64_t carry_open(struct plan *out, const char *binding, enum carry_from from)
{
	uint64_t check = start(binding);

	check = lit(out, check, CARRY_PREFIX);
	check = lit(out, check, carry_words[from]);
	return lit(out, check, ".");
}

uint64_t carry_put(struct plan *out, uint64_t check, enum carry_kind kind, uint64_t call, const char *bytes, size_t n)
{
	char head[1 + CALL_DIGITS];
	size_t len = 1;

	head[0] = (char)kind;
	if (kind == CARRY_SIGNATURE) {
		hex16(call, head + 1);
		len += CALL_DIGITS;
	}
	plan_copy(out, SPAN_RAW, head, len);
	check = add(check, head, len);
	plan_span(out, SPAN_B64, bytes, n);
	check = add_base64(check, bytes, n);
	return lit(out, check, ".");
}

void carry_close(struct plan *out, uint64_t check)
{
	char digits[CHECK_DIGITS];

	hex16(check, digits);
	plan_copy(out, SPAN_RAW, digits, sizeof digits);
}

/* the word at p, up to a dot */
static bool read_from(const char *p, size_t n, enum carry_from *from)
{
	for (int i = 0; i < FROMS; i++) {
		if (strlen(carry_words[i]) == n && memcmp(carry_words[i], p, n) == 0) {
			*from = (enum carry_from)i;
			return true;
		}
	}
	return false;
}

bool carry_read(struct j_val signature, const char *binding, struct carry *c)
{
	const size_t nprefix = strlen(CARRY_PREFIX);
	uint64_t check;
	size_t n;
	const char *p = j_raw(signature, &n);

	memset(c, 0, sizeof *c);
	if (n < nprefix + CHECK_DIGITS || memcmp(p, CARRY_PREFIX, nprefix) != 0)
		return false;
	size_t body = n - CHECK_DIGITS;
	if (!from_hex16(p + body, &check) || add(start(binding), p, body) != check)
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
