/*
 * Fuzzing carry.c, and of convert.c names and ids. The first byte says how many
 * pieces of state the rest is, the second from where: what is written is read
 * again, by the same target only, and base64 of any bytes is those bytes. The
 * bytes as a signature, as a tool's name and as an id: what comes out can be
 * sent, and a name is known again.
 */
#include "carry.h"
#include "convert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define PIECES 4

static const char binding[] = "host/model", other[] = "host/other";

/* p[0..n) in so many pieces; the last has what is left */
static struct span part(const char *p, size_t n, unsigned pieces, unsigned i)
{
	size_t some = n / pieces;

	return (struct span){ p + i * some, (uint32_t)(i + 1 < pieces ? some : n - i * some), SPAN_RAW };
}

static enum carry_kind kind(unsigned i)
{
	static const enum carry_kind kinds[] = { CARRY_DETAILS, CARRY_SIGNATURE, CARRY_OPAQUE };

	return kinds[i % 3];
}

/* a signature as a JSON string */
static char *write_state(const char *p, size_t n, unsigned pieces, enum carry_from from, size_t *nout)
{
	struct span spans[5 * PIECES + 8];
	char arena[256];
	struct plan plan;
	struct plan_pos pos = { 0 };

	plan_init(&plan, spans, sizeof spans / sizeof spans[0], arena, sizeof arena);
	plan.grow = NULL;
	struct plan_pos begin = carry_open(&plan, from);
	for (unsigned i = 0; i < pieces; i++) {
		struct span s = part(p, n, pieces, i);
		carry_put(&plan, kind(i), kind(i) == CARRY_SIGNATURE ? hash_bytes(p, n) : 0, s.p, s.n);
	}
	carry_close(&plan, begin, binding);
	MUST(plan_fits(&plan));
	char *out = malloc(plan.total + 2);
	out[0] = out[plan.total + 1] = '"';
	MUST(plan_pull(&plan, &pos, out + 1, plan.total) == plan.total);
	*nout = plan.total + 2;
	return out;
}

static void decodes(const struct carry_piece *piece, struct span want)
{
	struct span one;
	struct plan p;
	struct plan_pos pos = { 0 };
	char *bytes = malloc(want.n + 1);

	plan_init(&p, &one, 1, NULL, 0);
	plan_span(&p, SPAN_UNB64, piece->p, piece->n);
	MUST(p.total == want.n && plan_pull(&p, &pos, bytes, want.n + 1) == want.n);
	MUST(memcmp(bytes, want.p, want.n) == 0);
	free(bytes);
}

static void state(const char *p, size_t n, unsigned pieces, enum carry_from from)
{
	struct carry c;
	struct carry_piece piece = { 0 };
	struct j_err err;
	size_t len;
	char *text = write_state(p, n, pieces, from, &len);

	MUST(j_check(text, len, &err) == 0);
	struct j_val v = j_root(text, len);
	MUST(v.n == len && !carry_read(v, other, &c) && carry_read(v, binding, &c) && c.from == from);
	for (unsigned i = 0; i < pieces; i++) {
		MUST(carry_next(&c, &piece) && piece.kind == kind(i));
		MUST(piece.call == (kind(i) == CARRY_SIGNATURE ? hash_bytes(p, n) : 0));
		decodes(&piece, part(p, n, pieces, i));
	}
	MUST(!carry_next(&c, &piece));
	text[1 + n % (len - 2)] ^= 1;
	MUST(!carry_read(v, binding, &c));
	free(text);
}

static bool good(const char *p, size_t n, const char *also)
{
	for (size_t i = 0; i < n; i++)
		if (strchr(also, p[i]) == NULL && (p[i] < '0' || p[i] > '9') && ((p[i] | 32) < 'a' || (p[i] | 32) > 'z'))
			return false;
	return p[n] == '\0';
}

/* a string in JSON is a tool's name and an id */
static void named(struct j_val v)
{
	char upstream[CONV_NAME_MAX + 1], again[CONV_NAME_MAX + 1], id[CONV_ID_MAX + 1];
	size_t length = j_length(v), n = conv_name_val(v, upstream), m;
	char *name = malloc(length + 1);
	struct session s = { 0 };

	j_text(v, name, length + 1);
	MUST(n > 0 && n <= CONV_NAME_MAX && good(upstream, n, "_-"));
	MUST(conv_name(name, length, again) == n && memcmp(upstream, again, n + 1) == 0);
	MUST(conv_name(upstream, n, again) == n && memcmp(upstream, again, n + 1) == 0);
	s.names = malloc(s.names_cap = length + 1);
	session_add_name(&s, v);
	if (memchr(name, '\0', length) == NULL) {
		const char *known = session_tool(&s, upstream, n);
		MUST(known != NULL && strcmp(known, name) == 0);
	}
	m = conv_id(v, ID_KEEP, id);
	MUST(m > 0 && m <= CONV_ID_MAX && (length < 1 || length > CONV_ID_MAX || memcmp(id, name, m) == 0));
	MUST(conv_id(v, ID_MISTRAL9, id) == 9 && good(id, 9, ""));
	free(s.names);
	free(name);
}

/* the bytes as a signature: whatever is read lies within */
static void foreign(struct j_val v)
{
	struct carry c;
	struct carry_piece piece = { 0 };

	if (!carry_read(v, binding, &c))
		return;
	while (carry_next(&c, &piece))
		MUST(piece.p > v.p && piece.p + piece.n < v.p + v.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct j_err err;

	if (size < 2)
		return 0;
	const char *p = (const char *)data + 2;
	size_t n = size - 2;
	state(p, n, 1 + data[0] % PIECES, (enum carry_from)(data[1] % FROMS));
	char *text = malloc(n + 2);
	text[0] = text[n + 1] = '"';
	memcpy(text + 1, p, n);
	if (j_check(text, n + 2, &err) == 0) {
		named(j_root(text, n + 2));
		foreign(j_root(text, n + 2));
	}
	free(text);
	return 0;
}
