/*
 * Plans: spans put one after the other, and pulled through the codec of their
 * kind. Each codec says how many bytes a span yields and makes as many of them
 * as fit whole; what it makes never depends on the room. Where the caller's
 * room is below PEND_MAX it works into pos->pend, which is handed out byte by
 * byte: so every room gives the same bytes.
 */
#include "plan.h"

#include <stdarg.h>
#include <string.h>

#include "log.h"

#define PEND_MAX sizeof((struct plan_pos *)0)->pend	/* no unit of any codec is longer */

static const char hex[] = "0123456789abcdef";
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_digit(char c)
{
	const char *digit = memchr(base64, c, 64);

	return digit != NULL ? (int)(digit - base64) : -1;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t raw_length(const char *p, size_t n)
{
	(void)p;
	return n;
}

static size_t raw_make(const struct span *s, size_t *off, char *dst, size_t room)
{
	size_t n = min(s->n - *off, room);

	memcpy(dst, s->p + *off, n);
	*off += n;
	return n;
}

/* What follows the backslash where a byte must be escaped (RFC 8259 section 7), else 0. */
static char escape_letter(char byte)
{
	static const char control[33] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";

	if ((unsigned char)byte < 0x20)
		return control[(unsigned char)byte];
	return byte == '"' || byte == '\\' ? byte : '\0';
}

static size_t esc_length(const char *p, size_t n)
{
	size_t length = n;

	for (size_t i = 0; i < n; i++) {
		char letter = escape_letter(p[i]);
		if (letter != '\0')
			length += letter == 'u' ? 5 : 1;
	}
	return length;
}

static size_t esc_make(const struct span *s, size_t *off, char *dst, size_t room)
{
	size_t done = 0, i = *off;

	for (; i < s->n && room - done >= 6; i++) {
		char letter = escape_letter(s->p[i]);
		if (letter == '\0') {
			dst[done++] = s->p[i];
			continue;
		}
		dst[done++] = '\\';
		dst[done++] = letter;
		if (letter == 'u') {
			dst[done++] = '0';
			dst[done++] = '0';
			dst[done++] = hex[s->p[i] >> 4];
			dst[done++] = hex[s->p[i] & 15];
		}
	}
	*off = i;
	return done;
}

static size_t unesc_make(const struct span *s, size_t *off, char *dst, size_t room)
{
	size_t done = 0, used;

	while (*off < s->n && room - done >= 4) {
		const char *p = s->p + *off;
		size_t n = min(s->n - *off, room - done);
		const char *back = memchr(p, '\\', n);
		if (back == p) {
			done += j_escape(p, s->n - *off, dst + done, &used);
			*off += used;
			continue;
		}
		if (back != NULL)
			n = (size_t)(back - p);
		memcpy(dst + done, p, n);
		done += n;
		*off += n;
	}
	return done;
}

static size_t b64_length(const char *p, size_t n)
{
	(void)p;
	return (n + 2) / 3 * 4;
}

/* RFC 4648 section 4 */
static size_t b64_make(const struct span *s, size_t *off, char *dst, size_t room)
{
	size_t done = 0;

	for (; *off < s->n && room - done >= 4; done += 4) {
		size_t n = min(s->n - *off, 3);
		uint32_t bits = 0;
		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < n ? (unsigned char)s->p[*off + i] : 0);
		for (size_t i = 0; i < 4; i++)
			dst[done + i] = i <= n ? base64[bits >> (18 - 6 * i) & 63] : '=';
		*off += n;
	}
	return done;
}

static size_t without_padding(const char *p, size_t n)
{
	while (n > 0 && p[n - 1] == '=')
		n--;
	return n;
}

/* how many bytes this many base64 digits stand for */
static size_t bytes_of(size_t digits)
{
	return digits / 4 * 3 + digits % 4 * 3 / 4;
}

static size_t unb64_length(const char *p, size_t n)
{
	return bytes_of(without_padding(p, n));
}

static size_t unb64_make(const struct span *s, size_t *off, char *dst, size_t room)
{
	size_t done = 0, end = without_padding(s->p, s->n);

	while (*off < end && room - done >= 3) {
		size_t n = min(end - *off, 4);
		uint32_t bits = 0;
		for (size_t i = 0; i < 4; i++) {
			int digit = i < n ? base64_digit(s->p[*off + i]) : 0;
			bits = bits << 6 | (digit > 0 ? (uint32_t)digit : 0);
		}
		for (size_t i = 0; i < bytes_of(n); i++)
			dst[done++] = (char)(bits >> (16 - 8 * i) & 255);
		*off += n;
	}
	if (*off == end)
		*off = s->n;
	return done;
}

static const struct codec {
	/* the bytes that p[0..n) yields */
	size_t (*length)(const char *p, size_t n);
	/* makes output from *off on, as much as room (at least PEND_MAX) holds whole, and moves *off */
	size_t (*make)(const struct span *s, size_t *off, char *dst, size_t room);
} codecs[] = {
	[SPAN_RAW] = { raw_length, raw_make },
	[SPAN_ESC] = { esc_length, esc_make },
	[SPAN_UNESC] = { j_raw_length, unesc_make },
	[SPAN_B64] = { b64_length, b64_make },
	[SPAN_UNB64] = { unb64_length, unb64_make }
};

void plan_init(struct plan *p, struct span *spans, size_t span_cap, char *arena, size_t arena_cap)
{
	p->spans = spans;
	p->span_cap = span_cap;
	p->arena = arena;
	p->arena_cap = arena_cap;
	p->grow = NULL;
	p->owner = NULL;
	plan_clear(p);
}

void plan_clear(struct plan *p)
{
	p->nspans = p->narena = p->total = 0;
}

bool plan_fits(const struct plan *p)
{
	return p->nspans <= p->span_cap && p->narena <= p->arena_cap;
}

/* Whether one more span and so many bytes of arena can be kept. */
static bool room_for(struct plan *p, size_t bytes)
{
	if (p->nspans < p->span_cap && (bytes == 0 || p->narena + bytes <= p->arena_cap))
		return true;
	return p->grow != NULL && plan_fits(p) && p->grow(p, 1, bytes);
}

static void put(struct plan *p, enum span_kind kind, const char *bytes, size_t n)
{
	if (p->nspans < p->span_cap)
		p->spans[p->nspans] = (struct span){ bytes, (uint32_t)n, kind };
	p->nspans++;
}

void plan_span(struct plan *p, enum span_kind kind, const char *bytes, size_t n)
{
	if (n == 0)
		return;
	room_for(p, 0);
	put(p, kind, bytes, n);
	p->total += codecs[kind].length(bytes, n);
}

void plan_lit(struct plan *p, const char *text)
{
	plan_span(p, SPAN_RAW, text, strlen(text));
}

void plan_copy(struct plan *p, enum span_kind kind, const char *bytes, size_t n)
{
	if (n == 0)
		return;
	if (room_for(p, n))
		memcpy(p->arena + p->narena, bytes, n);
	p->narena += n;
	put(p, kind, NULL, n);
	p->total += codecs[kind].length(bytes, n);
}

void plan_num(struct plan *p, int64_t n)
{
	char digits[21];	/* -9223372036854775808 */

	plan_copy(p, SPAN_RAW, digits, fmt(digits, sizeof digits, "%lld", (long long)n));
}

void plan_val(struct plan *p, struct j_val v)
{
	plan_span(p, SPAN_RAW, v.p, v.n);
}

void plan_text(struct plan *p, struct j_val v)
{
	size_t n;
	const char *raw = j_raw(v, &n);

	if (raw != NULL)
		plan_span(p, SPAN_RAW, raw, n);
	else if (v.type > J_NULL)
		plan_span(p, SPAN_ESC, v.p, v.n);
}

void plan_put(struct plan *p, const char *template, ...)
{
	va_list ap;

	va_start(ap, template);
	for (;; template += 2) {
		size_t n = strcspn(template, "%");
		plan_span(p, SPAN_RAW, template, n);
		template += n;
		if (*template == '\0')
			break;
		if (template[1] == 'd') {
			plan_num(p, va_arg(ap, int64_t));
			continue;
		}
		const void *what = va_arg(ap, const void *);	/* POSIX: pointers to objects look alike */
		switch (template[1]) {
		case 's': plan_lit(p, what); break;
		case 'c': plan_copy(p, SPAN_RAW, what, strlen(what)); break;
		case 'e': plan_span(p, SPAN_ESC, what, strlen(what)); break;
		case 'v': plan_val(p, *(const struct j_val *)what); break;
		default: plan_text(p, *(const struct j_val *)what);
		}
	}
	va_end(ap);
}

void plan_str(struct plan *p, const char *text)
{
	plan_put(p, "\"%e\"", text);
}

/* the next output of the span that pos stands in; room is at least PEND_MAX */
static size_t make(const struct plan *p, struct plan_pos *pos, char *dst, size_t room)
{
	struct span s = p->spans[pos->span];
	bool in_arena = s.p == NULL;

	if (in_arena)
		s.p = p->arena + pos->arena;
	size_t n = codecs[s.kind].make(&s, &pos->off, dst, room);
	if (pos->off == s.n) {
		pos->span++;
		pos->off = 0;
		pos->arena += in_arena ? s.n : 0;
	}
	return n;
}

size_t plan_pull(const struct plan *p, struct plan_pos *pos, char *dst, size_t room)
{
	size_t done = 0;

	while (done < room) {
		if (pos->at < pos->held) {
			dst[done++] = pos->pend[pos->at++];
		} else if (pos->span == p->nspans) {
			break;
		} else if (room - done >= PEND_MAX) {
			done += make(p, pos, dst + done, room - done);
		} else {
			pos->held = (unsigned char)make(p, pos, pos->pend, PEND_MAX);
			pos->at = 0;
		}
	}
	return done;
}

size_t plan_quote(char *dst, const char *text, size_t n)
{
	struct span spans[3];
	struct plan_pos pos = { 0 };
	struct plan p;

	plan_init(&p, spans, 3, NULL, 0);
	plan_lit(&p, "\"");
	plan_span(&p, SPAN_ESC, text, n);
	plan_lit(&p, "\"");
	if (dst != NULL)
		plan_pull(&p, &pos, dst, p.total);
	return p.total;
}
