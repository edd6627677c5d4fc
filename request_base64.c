/*
 * Text that came as base64 (a text document), into the plan's arena: there is
 * no other way to escape what must be decoded first. Bounded by the request.
 */
#include <string.h>

#include "request_work.h"

#define CHUNK 1024		/* decoded at a time */

/*
 * Puts what is whole; all of it at the end. The rest, which is less than a
 * character, moves to the front; returns its length.
 */
static size_t flush(struct plan *out, char *text, size_t n, bool end)
{
	size_t from = 0, at = 0;

	while (at < n) {
		size_t length = utf8_character(text + at, n - at);
		if (length == 0 && !end && n - at < 4)
			break;
		if (length == 0) {
			plan_copy(out, SPAN_ESC, text + from, at - from);
			plan_lit(out, "\xef\xbf\xbd");
			length = 1;
			from = at + length;
		}
		at += length;
	}
	plan_copy(out, SPAN_ESC, text + from, at - from);
	memmove(text, text + at, n - at);
	return n - at;
}

bool base64_text(struct plan *out, struct j_val data)
{
	char text[CHUNK];
	size_t n, have = 0;
	uint32_t bits = 0;
	unsigned held = 0;
	bool padded = false, says = false;
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
		if (raw[i] == '=')
			padded = true;
		int d = padded ? 0 : base64_digit(raw[i]);
		if (d < 0 || (padded && raw[i] != '='))
			return false;
		if (padded)
			continue;
		bits = (bits << 6 | (uint32_t)d) & 0xffff;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		text[have] = (char)(bits >> held & 255);
		says = says || !is_white(text[have]);
		have++;
		if (have == sizeof text)
			have = flush(out, text, have, false);
	}
	flush(out, text, have, true);
	if (!says)
		plan_lit(out, NO_TEXT);
	/* one digit alone is no byte (RFC 4648 section 4) */
	return held < 6;
}
