/*
 * What the conversions share: tool names and ids in both directions, errors as
 * the client gets them, and an OpenAI client's own request.
 *
 * Names and ids are functions of their input alone (a hash, never a counter),
 * so every turn of a conversation, and every replica, writes the same bytes.
 * Different names that shorten to the same one would need two equal 32-bit
 * hashes behind the same 55 characters.
 */
#include <string.h>

#include "convert.h"
#include "log.h"

#define NAME_HEAD (CONV_NAME_MAX - 9)	/* in front of '_' and 8 hex digits */
#define FRESH_LANES 3			/* of 8 characters: 24 together */

static const char alnum[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool name_char(char c)
{
	return is_alnum(c) || c == '_' || c == '-';
}

/* finalizer of splitmix64: FNV alone leaves the high bits of short inputs alike */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void put_alnum(char *dst, size_t n, uint64_t x)
{
	for (size_t i = 0; i < n; i++) {
		dst[i] = alnum[x % 62];
		x /= 62;
	}
}

/* ---- tool names ---- */

static bool plain_name(const char *p, size_t n)
{
	if (n == 0 || n > CONV_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!name_char(p[i]))
			return false;
	return true;
}

static size_t hashed_name(const char *p, size_t n, uint64_t hash, char *dst)
{
	size_t len = 0;

	for (size_t i = 0; i < n && i < NAME_HEAD; i++)
		dst[len++] = name_char(p[i]) ? p[i] : '_';
	return len + fmt(dst + len, CONV_NAME_MAX + 1 - len, "_%08x", (unsigned)mix(hash));
}

size_t conv_name(const char *name, size_t n, char *dst)
{
	if (!plain_name(name, n))
		return hashed_name(name, n, hash_bytes(name, n), dst);
	memcpy(dst, name, n);
	dst[n] = '\0';
	return n;
}

size_t conv_name_val(struct j_val name, char *dst)
{
	/* one character more than NAME_HEAD can never be cut inside the head */
	char head[CONV_NAME_MAX];
	size_t n = j_copy(name, head, sizeof head);

	if (j_length(name) > CONV_NAME_MAX || !plain_name(head, n))
		return hashed_name(head, n, j_hash(name), dst);
	memcpy(dst, head, n);
	dst[n] = '\0';
	return n;
}

/* ---- tool call ids ---- */

static bool nine_alnum(const char *p, size_t n)
{
	if (n != 9)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(p[i]))
			return false;
	return true;
}

size_t conv_id(struct j_val id, enum q_tool_id form, char *dst)
{
	size_t n = j_length(id);

	if (n >= 1 && n <= CONV_ID_MAX) {
		n = j_copy(id, dst, CONV_ID_MAX);
		dst[n] = '\0';
		if (form == ID_KEEP || nine_alnum(dst, n))
			return n;
	}
	n = 0;
	if (form == ID_KEEP) {
		memcpy(dst, "call_", 5);
		n = 5;
	}
	/* 62^9 is 2^53; the longer form uses the whole hash */
	size_t digits = form == ID_KEEP ? 11 : 9;
	put_alnum(dst + n, digits, mix(j_hash(id)));
	dst[n + digits] = '\0';
	return n + digits;
}

static uint64_t seed_half(const unsigned char *p)
{
	uint64_t x = 0;

	for (int i = 0; i < 8; i++)
		x = x << 8 | p[i];
	return x;
}

size_t conv_fresh(const char *prefix, const unsigned char seed[16], unsigned count, char *dst, size_t room)
{
	char text[8 * FRESH_LANES];
	uint64_t a = seed_half(seed), b = seed_half(seed + 8);

	for (unsigned i = 0; i < FRESH_LANES; i++)
		put_alnum(text + 8 * i, 8, mix(mix(a + count) + b + i));
	size_t n = fmt(dst, room, "%s%.*s", prefix, (int)sizeof text, text);
	return n < room ? n : room - (room > 0);
}

/* ---- session ---- */

bool session_has_id(const struct session *s, uint64_t hash)
{
	size_t n = s->nids < s->ids_cap ? s->nids : s->ids_cap;

	for (size_t i = 0; i < n; i++)
		if (s->ids[i] == hash)
			return true;
	return false;
}

void session_add_id(struct session *s, struct j_val id)
{
	if (s->nids < s->ids_cap)
		s->ids[s->nids] = j_hash(id);
	s->nids++;
}

void session_add_name(struct session *s, struct j_val name)
{
	size_t n = j_length(name);

	if (s->nnames + n + 1 <= s->names_cap) {
		j_copy(name, s->names + s->nnames, n);
		s->names[s->nnames + n] = '\0';
	}
	s->nnames += n + 1;
}

const char *session_tool(const struct session *s, const char *upstream_name, size_t n)
{
	const char *verbatim = NULL;
	size_t end = s->nnames <= s->names_cap ? s->nnames : 0;

	for (size_t at = 0; at < end;) {
		const char *name = s->names + at;
		size_t len = strlen(name);
		char up[CONV_NAME_MAX + 1];

		if (conv_name(name, len, up) == n && memcmp(up, upstream_name, n) == 0)
			return name;
		/* a model that read the long name in the prompt may use it */
		if (len == n && memcmp(name, upstream_name, n) == 0)
			verbatim = name;
		at += len + 1;
	}
	return verbatim;
}

/* ---- texts ---- */

bool is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void trim(const char **p, size_t *n)
{
	while (*n > 0 && is_white(**p)) {
		++*p;
		--*n;
	}
	while (*n > 0 && is_white((*p)[*n - 1]))
		--*n;
}

const char *find_text(const char *p, size_t n, const char *text)
{
	size_t len = strlen(text);
	const char *end = p + n;

	while ((size_t)(end - p) >= len && (p = memchr(p, text[0], (size_t)(end - p) - len + 1)) != NULL) {
		if (memcmp(p, text, len) == 0)
			return p;
		p++;
	}
	return NULL;
}

bool list_has(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (; list != NULL; list = strchr(list, ',')) {
		list += *list == ',';
		if (strncmp(list, name, n) == 0 && (list[n] == ',' || list[n] == '\0'))
			return true;
	}
	return false;
}

/* ---- errors ---- */

const char *error_type(int status)
{
	switch (status) {
	case 401:
		return "authentication_error";
	case 402:
		return "billing_error";
	case 403:
		return "permission_error";
	case 404:
		return "not_found_error";
	case 408:
	case 504:
		return "timeout_error";
	case 413:
		return "request_too_large";
	case 429:
		return "rate_limit_error";
	case 503:
	case 529:
		return "overloaded_error";
	case 501:
	case 505:
		return "invalid_request_error";
	}
	return status >= 400 && status < 500 ? "invalid_request_error" : "api_error";
}

size_t error_clean(char *dst, size_t room, const char *p, size_t n)
{
	size_t len = 0, step;

	for (; n > 0; p += step, n -= step) {
		const unsigned char *in = (const unsigned char *)p;
		bool bad = false;

		step = *p == '\n' || *p == '\t' ? 1 : printable(in, n);
		if (step == 0) {
			bad = true;
			/* the two bytes of C1 are one character */
			step = n > 1 && in[0] == 0xc2 && (in[1] & 0xe0) == 0x80 ? 2 : 1;
		}
		if (len + (bad ? 1 : step) >= room)
			break;
		if (bad) {
			dst[len++] = ' ';
			continue;
		}
		memmove(dst + len, p, step);
		len += step;
	}
	dst[len] = '\0';
	return len;
}

void error_set(struct api_error *e, int status, const char *message)
{
	e->status = status;
	e->type = error_type(status);
	error_clean(e->message, sizeof e->message, message, strlen(message));
	e->retry_after[0] = '\0';
	e->should_retry = -1;
}

void error_body(struct plan *p, const struct api_error *e, const char *request_id)
{
	plan_put(p, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%e\"}", e->type, e->message);
	if (request_id != NULL && request_id[0] != '\0')
		plan_put(p, ",\"request_id\":\"%e\"", request_id);
	plan_lit(p, "}");
}

void error_event(struct plan *p, const struct api_error *e, const char *request_id)
{
	plan_lit(p, "event: error\ndata: ");
	error_body(p, e, request_id);
	plan_lit(p, "\n\n");
}

/* ---- an OpenAI client's request ---- */

int chat_convert(struct j_val body, const char *model, struct plan *out, struct api_error *e)
{
	struct j_val key = { 0 }, value = { 0 };
	const char *from = body.p;
	bool seen = false;

	if (body.type != J_OBJECT) {
		error_set(e, 400, "the request body must be a JSON object");
		return -1;
	}
	while (j_member(body, &key, &value)) {
		if (!j_is(key, "model"))
			continue;
		if (value.type != J_STRING) {
			error_set(e, 400, "model: must be a string");
			return -1;
		}
		plan_span(out, SPAN_RAW, from, (size_t)(value.p - from));
		plan_str(out, model);
		from = value.p + value.n;
		seen = true;
	}
	if (!seen) {
		error_set(e, 400, "model: is missing");
		return -1;
	}
	plan_span(out, SPAN_RAW, from, (size_t)(body.p + body.n - from));
	return 0;
}
