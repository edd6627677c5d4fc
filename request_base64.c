/*
 * Text that came as base64 (a text document), into the plan's arena: there is
 * no other way to escape what must be decoded first. Bounded by the request.
 */
#include <string.h>

#include "request_work.h"

#define CHUNK 1024		/* decoded at a time */

/* The length of the UTF-8 sequence at p (RFC 3629 section 4); 0: there is none; -1: it goes on behind n. */
static int sequence(const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char first, last, low, high;
		int length;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t f = 0;

	while (f < sizeof forms / sizeof forms[0] && (p[0] < forms[f].first || p[0] > forms[f].last))
		f++;
	if (f == sizeof forms / sizeof forms[0])
		return 0;
	for (int i = 1; i < forms[f].length; i++) {
		if ((size_t)i == n)
			return -1;
		if (p[i] < (i == 1 ? forms[f].low : 0x80) || p[i] > (i == 1 ? forms[f].high : 0xbf))
			return 0;
	}
	return forms[f].length;
}

/* Puts what is whole; all of it at the end. The rest moves to the front; returns its length. */
static size_t flush(struct plan *out, char *text, size_t n, bool end)
{
	size_t from = 0, at = 0;

	while (at < n) {
		int length = sequence((unsigned char *)text + at, n - at);
		if (length > 0) {
			at += (size_t)length;
			continue;
		}
		plan_copy(out, SPAN_ESC, text + from, at - from);
		from = at;
		if (length < 0 && !end)
			break;
		plan_lit(out, "\xef\xbf\xbd");
		from = ++at;
	}
	plan_copy(out, SPAN_ESC, text + from, at - from);
	memmove(text, text + at, n - at);
	return n - at;
}

static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = memchr(digits, c, 64);

	return p != NULL ? (int)(p - digits) : -1;
}

bool base64_text(struct plan *out, struct j_val data)
{
	char text[CHUNK];
	size_t n, have = 0;
	uint32_t bits = 0;
	unsigned held = 0;
	bool padded = false;
	const char *raw = j_raw(data, &n);

	for (size_t i = 0; i < n; i++) {
		/* JSON may escape the slash, and MIME breaks lines */
		if (raw[i] == '\\' && ++i < n && raw[i] != '/') {
			if (raw[i] != 'n' && raw[i] != 'r')
				return false;
			continue;
		}
		if (raw[i] == '=' && i == 0)
			return false;
		padded = padded || raw[i] == '=';
		int d = padded ? 0 : digit(raw[i]);
		if (d < 0 || (padded && raw[i] != '='))
			return false;
		if (padded)
			continue;
		bits = (bits << 6 | (uint32_t)d) & 0xffff;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		text[have++] = (char)(bits >> held & 255);
		if (have == sizeof text)
			have = flush(out, text, have, false);
	}
	flush(out, text, have, true);
	return true;
}
