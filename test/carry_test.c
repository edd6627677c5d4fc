/* State in signatures: written, read, and refused when it is another's or not whole. */
#include "../carry.h"

#include "check.h"

#include <stdlib.h>

static const char binding[] = "host/model";

/* FNV-1a over the binding, a NUL and what stands before the digits, worked out apart from the program */
#define EMPTY "ccp1.none.950cfc7bd0cff6c8"
#define FULL "ccp1.reasoning.dWyIxIl0=.o.g00000000000000ffc2ln.a3dc4bd6c19937c4"

static char text[4096];

/* a plan's bytes as a JSON string */
static struct j_val written(struct plan *p)
{
	struct plan_pos pos = { 0 };

	text[0] = '"';
	size_t n = 1 + plan_pull(p, &pos, text + 1, sizeof text - 2);
	text[n++] = '"';
	return j_root(text, n);
}

static struct j_val as_string(const char *inside)
{
	size_t n = strlen(inside);

	text[0] = '"';
	memcpy(text + 1, inside, n);
	text[n + 1] = '"';
	return (struct j_val){ text, (uint32_t)(n + 2), J_STRING };
}

static void write_it(bool full, const char *want)
{
	struct span spans[32];
	char arena[256];
	struct plan p;

	plan_init(&p, spans, 32, arena, sizeof arena);
	p.grow = NULL;
	struct plan_pos begin = carry_open(&p, full ? FROM_REASONING : FROM_NONE);
	if (full) {
		carry_put(&p, CARRY_DETAILS, 0, "[\"1\"]", 5);
		carry_put(&p, CARRY_OPAQUE, 0, "", 0);
		carry_put(&p, CARRY_SIGNATURE, 255, "sig", 3);
	}
	carry_close(&p, begin, binding);
	struct j_val v = written(&p);
	CHECK(full ? "carry: pieces of every kind" : "carry: nothing but the source", plan_fits(&p)
		&& v.n == strlen(want) + 2 && memcmp(v.p + 1, want, v.n - 2) == 0);
}

static bool decodes(const struct carry_piece *piece, const char *want)
{
	struct span one;
	struct plan p;
	struct plan_pos pos = { 0 };
	char bytes[64];

	plan_init(&p, &one, 1, NULL, 0);
	p.grow = NULL;
	plan_span(&p, SPAN_UNB64, piece->p, piece->n);
	size_t n = plan_pull(&p, &pos, bytes, sizeof bytes);
	return n == strlen(want) && memcmp(bytes, want, n) == 0;
}

static void read_it(void)
{
	struct carry c;
	struct carry_piece p = { 0 };
	struct j_val v = as_string(FULL);

	CHECK("carry: read", carry_read(v, binding, &c) && c.from == FROM_REASONING);
	CHECK("carry: the first piece", carry_next(&c, &p) && p.kind == CARRY_DETAILS && p.call == 0 && decodes(&p, "[\"1\"]"));
	CHECK("carry: an empty piece", carry_next(&c, &p) && p.kind == CARRY_OPAQUE && p.n == 0);
	CHECK("carry: a call's piece", carry_next(&c, &p) && p.kind == CARRY_SIGNATURE && p.call == 255 && decodes(&p, "sig"));
	CHECK("carry: the end", !carry_next(&c, &p));
	v = as_string(EMPTY);
	memset(&p, 0, sizeof p);
	CHECK("carry: no pieces", carry_read(v, binding, &c) && c.from == FROM_NONE && !carry_next(&c, &p));
}

static void refuse(void)
{
	static const char *const foreign[] = { "", "ccp1.", "EqQBCkYIBRgCKkA=", "ccp1.none.0000000000000000", "ccp2.none.950cfc7bd0cff6c8" };
	struct carry c;
	char copy[] = FULL;
	bool any = false;

	CHECK("carry: another target", !carry_read(as_string(FULL), "host/mode", &c) && !carry_read(as_string(FULL), "", &c));
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		any = any || carry_read(as_string(foreign[i]), binding, &c);
	CHECK("carry: somebody else's", !any);
	CHECK("carry: no string", !carry_read((struct j_val){ 0 }, binding, &c));
	for (size_t i = 0; i < sizeof copy - 1; i++) {
		copy[i] ^= 1;
		any = any || carry_read(as_string(copy), binding, &c);
		copy[i] ^= 1;
	}
	CHECK("carry: any byte changed", !any);
	for (size_t n = sizeof copy - 1; n-- > 0;) {
		copy[n] = '\0';
		any = any || carry_read(as_string(copy), binding, &c);
	}
	CHECK("carry: cut anywhere", !any);
}

int main(void)
{
	write_it(false, EMPTY);
	write_it(true, FULL);
	read_it();
	refuse();
	return CHECK_END();
}
