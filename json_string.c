/*
 * The strings of checked JSON (RFC 8259 section 7): decoded, measured,
 * compared and hashed where they lie, never built.
 */
#include "json.h"

#include <string.h>

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* four hex digits as a number, or -1 */
static long hex4(const char *p, size_t n)
{
	long unit = 0;

	for (size_t i = 0; i < 4; i++) {
		int digit = i < n ? hex_digit(p[i]) : -1;
		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* RFC 3629 section 3 */
static size_t utf8_put(long point, char out[4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (point & 0x3f));
		point >>= 6;
	}
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	out[0] = (char)(lead[n] | point);
	return n;
}

/* the code point of \uXXXX or of a pair of them (RFC 8259 section 7) */
static long code_point(const char *raw, size_t n, size_t *used)
{
	long unit = hex4(raw + 2, n - 2);

	*used = n < 6 ? n : 6;
	if (unit < 0)
		return 0xfffd;
	if (unit < 0xd800 || unit > 0xdfff)
		return unit;
	if (unit < 0xdc00 && n >= 12 && raw[6] == '\\' && raw[7] == 'u') {
		long low = hex4(raw + 8, 4);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*used = 12;
			return 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00);
		}
	}
	return 0xfffd;
}

size_t j_escape(const char *raw, size_t n, char out[4], size_t *used)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";

	if (n >= 2 && raw[1] == 'u')
		return utf8_put(code_point(raw, n, used), out);
	*used = n < 2 ? n : 2;
	const char *letter = n < 2 ? NULL : memchr(letters, raw[1], sizeof letters - 1);
	if (letter == NULL)
		return utf8_put(0xfffd, out);
	out[0] = bytes[letter - letters];
	return 1;
}

const char *j_raw(struct j_val string, size_t *n)
{
	*n = string.type == J_STRING ? string.n - 2 : 0;
	return string.type == J_STRING ? string.p + 1 : NULL;
}

size_t j_raw_length(const char *raw, size_t n)
{
	size_t length = n;
	char out[4];

	while (n > 0) {
		const char *back = memchr(raw, '\\', n);
		if (back == NULL)
			break;
		n -= (size_t)(back - raw);
		size_t used, made = j_escape(back, n, out, &used);
		length = length - used + made;
		raw = back + used;
		n -= used;
	}
	return length;
}

size_t j_length(struct j_val string)
{
	size_t n;
	const char *raw = j_raw(string, &n);

	return j_raw_length(raw, n);
}

/* bytes of text that fit without cutting a character */
static size_t whole_characters(const char *text, size_t n, size_t room)
{
	if (n <= room)
		return n;
	while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80)
		room--;
	return room;
}

size_t j_copy(struct j_val string, char *dst, size_t room)
{
	size_t n, done = 0, used;
	const char *raw = j_raw(string, &n);
	char out[4];

	while (n > 0) {
		const char *back = memchr(raw, '\\', n);
		size_t run = back != NULL ? (size_t)(back - raw) : n;
		size_t fits = whole_characters(raw, run, room - done);
		memcpy(dst + done, raw, fits);
		done += fits;
		if (back == NULL || fits < run)
			break;
		n -= run;
		size_t made = j_escape(back, n, out, &used);
		if (made > room - done)
			break;
		memcpy(dst + done, out, made);
		done += made;
		raw = back + used;
		n -= used;
	}
	return done;
}

size_t j_text(struct j_val string, char *dst, size_t room)
{
	size_t n = j_copy(string, dst, room - 1);

	dst[n] = '\0';
	return n;
}

/* a string's decoded bytes, one at a time */
struct reader {
	const char *raw;
	size_t n;
	size_t held, at;	/* out[at..held): bytes of an escape that wait */
	char out[4];
};

static struct reader reader_of(struct j_val string)
{
	struct reader r = { 0 };

	r.raw = j_raw(string, &r.n);
	return r;
}

/* 0 to 255, or -1 at the end */
static int next_byte(struct reader *r)
{
	size_t used = 1;

	if (r->at < r->held)
		return (unsigned char)r->out[r->at++];
	if (r->n == 0)
		return -1;
	int byte = (unsigned char)*r->raw;
	if (byte == '\\') {
		r->held = j_escape(r->raw, r->n, r->out, &used);
		r->at = 1;
		byte = (unsigned char)r->out[0];
	}
	r->raw += used;
	r->n -= used;
	return byte;
}

/* reads text's bytes off a string; false at the first that differs */
static bool read_text(struct reader *r, const char *text)
{
	for (; *text != '\0'; text++) {
		if (next_byte(r) != (unsigned char)*text)
			return false;
	}
	return true;
}

bool j_is(struct j_val string, const char *text)
{
	struct reader r;
	size_t i = 0, n;
	const char *raw = j_raw(string, &n);

	while (i < n && raw[i] == text[i] && raw[i] != '\\' && text[i] != '\0')
		i++;
	if (i == n || raw[i] != '\\')
		return i == n && text[i] == '\0' && raw != NULL;
	r = reader_of(string);
	return read_text(&r, text) && next_byte(&r) < 0;
}

bool j_begins(struct j_val string, const char *text)
{
	struct reader r = reader_of(string);

	return string.type == J_STRING && read_text(&r, text);
}

bool j_same(struct j_val a, struct j_val b)
{
	struct reader ra = reader_of(a), rb = reader_of(b);
	int byte;

	if (a.type != J_STRING || b.type != J_STRING)
		return false;
	do {
		byte = next_byte(&ra);
		if (byte != next_byte(&rb))
			return false;
	} while (byte >= 0);
	return true;
}

bool j_blank(struct j_val string)
{
	struct reader r = reader_of(string);
	int byte;

	do
		byte = next_byte(&r);
	while (byte == ' ' || (byte >= '\t' && byte <= '\r'));
	return string.type == J_STRING && byte < 0;
}

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

uint64_t j_hash(struct j_val string)
{
	struct reader r = reader_of(string);
	uint64_t hash = FNV_START;
	int byte;

	while ((byte = next_byte(&r)) >= 0)
		hash = (hash ^ (uint64_t)byte) * FNV_PRIME;
	return hash;
}

uint64_t hash_bytes(const char *p, size_t n)
{
	return hash_more(FNV_START, p, n);
}

uint64_t hash_more(uint64_t hash, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * FNV_PRIME;
	return hash;
}
