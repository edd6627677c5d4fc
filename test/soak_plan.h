/*
 * What a stream of test/soaker.c is: all of it follows from its seed, so that
 * the upstream and the client know it alike and a run can be had again.
 */
#ifndef SOAK_PLAN_H
#define SOAK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 5120			/* of a delta */
#define CODED_MAX (TEXT_MAX * 6)	/* as a JSON string */

enum kind { HEALTHY, CLIENT_STALLS, CLIENT_SLOW, UP_STALLS, CLIENT_ABORTS, UP_CUTS, KINDS };

/* to the last byte: its text must come whole */
#define WHOLE(k) ((k) < CLIENT_ABORTS)

static const struct {
	const char *name;
	unsigned percent;
} kinds[KINDS] = {
	{ "healthy", 85 }, { "client-stalls", 3 }, { "client-slow", 3 }, { "upstream-stalls", 3 },
	{ "client-aborts", 3 }, { "upstream-cuts", 3 },
};

struct plan {
	enum kind kind;
	unsigned count;		/* deltas */
	unsigned period;	/* ms between two */
	unsigned at;		/* the delta at which it happens */
	unsigned pause;		/* ms, of what stalls */
	unsigned padding;	/* bytes of the request that say nothing */
	bool hard;		/* what goes away does so by a reset */
	bool keep;		/* the client's connection serves the next stream too */
	bool bulk;		/* deltas of a kilobyte or two */
};

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static unsigned upto(uint64_t *r, unsigned n)
{
	*r = mix(*r);
	return (unsigned)(*r >> 32) % n;
}

/* lengths and pauses are those of ten minutes, or in proportion to the seconds when these are less than one */
static struct plan plan_of(uint64_t seed, unsigned seconds)
{
	struct plan p = { 0 };
	unsigned scale = seconds < 60 ? seconds : 60, percent = upto(&seed, 100);
	while (percent >= kinds[p.kind].percent)
		percent -= kinds[p.kind++].percent;
	p.count = 4 + (200 + upto(&seed, 600)) * scale / 60;
	p.period = 20 + upto(&seed, 80);
	p.at = 2 + upto(&seed, p.count - 2);
	p.pause = (1000 + upto(&seed, 7000)) * scale / 60;
	p.padding = upto(&seed, 16) == 0 ? upto(&seed, 30000) : 0;
	p.hard = upto(&seed, 2);
	p.keep = p.kind != CLIENT_STALLS && p.kind != CLIENT_SLOW && upto(&seed, 2);
	p.bulk = p.kind == CLIENT_STALLS || p.kind == CLIENT_SLOW;
	return p;
}

static const char *const words[] = {
	"a ", "the ", "stream ", "of ", "words", ", ", "\n", "\n\n", "\t", "\"", "\\", "\\n", "{}", "< b", "&amp;", "/", "\r\n", "\x01",
	"\x7f", "data: ", "[DONE]", "caf\xc3\xa9 ", "\xd0\xbf\xd0\xbe ", "\xe6\xbc\xa2\xe5\xad\x97", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
	"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80", "\xe2\x80\xa8", "  ", "'", "0123456789",
};
#define WORDS ((unsigned)(sizeof words / sizeof *words))

/* the text of delta i: how long it is */
static size_t delta_text(uint64_t seed, const struct plan *p, unsigned i, char *to)
{
	uint64_t r = mix(seed ^ (uint64_t)i << 48);
	size_t n = 0;
	unsigned many = p->bulk ? 150 + upto(&r, 200) : upto(&r, 16) == 0 ? 60 : 1 + upto(&r, 12);
	if (i == 0)
		n = (size_t)sprintf(to, "[%llu] ", (unsigned long long)seed);
	while (many-- > 0) {
		const char *word = words[upto(&r, WORDS)];
		size_t len = strlen(word);
		memcpy(to + n, word, len);
		n += len;
	}
	return n;
}

/* RFC 8259 section 7; escaped says that what is not ASCII is to be \uXXXX */
static size_t json_coded(const char *text, size_t n, bool escaped, char *to)
{
	char *out = to;
	for (size_t i = 0; i < n; i++) {
		unsigned c = (unsigned char)text[i];
		if (c == '"' || c == '\\') {
			*out++ = '\\';
			*out++ = (char)c;
		} else if (c < 0x20) {
			out += sprintf(out, "\\u%04x", c);
		} else if (c < 0x80 || !escaped) {
			*out++ = (char)c;
		} else {
			int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
			unsigned long u = c & (0x3fu >> more);
			while (more-- > 0)
				u = u << 6 | ((unsigned char)text[++i] & 0x3f);
			if (u >= 0x10000)
				out += sprintf(out, "\\ud8%02lx\\ud%03lx", (u - 0x10000) >> 10, 0xc00 | (u & 0x3ff));
			else
				out += sprintf(out, "\\u%04lx", u);
		}
	}
	return (size_t)(out - to);
}

static unsigned hex4(const char *s)
{
	unsigned u = 0;
	for (int i = 0; i < 4; i++)
		u = u << 4 | (unsigned)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
	return u;
}

static char *utf8(char *out, unsigned long u)
{
	int more = u >= 0x10000 ? 3 : u >= 0x800 ? 2 : u >= 0x80 ? 1 : 0;
	static const unsigned lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	*out++ = (char)(lead[more] | u >> 6 * more);
	while (more-- > 0)
		*out++ = (char)(0x80 | (u >> 6 * more & 0x3f));
	return out;
}

/* the string that begins at s, behind its quote, decoded where it stands: how long it is. s ends with a NUL. */
static size_t json_decoded(char *s)
{
	static const char names[] = "nrtbf", means[] = "\n\r\t\b\f";
	char *out = s, *in = s;
	while (*in && *in != '"') {
		if (*in != '\\') {
			*out++ = *in++;
			continue;
		}
		const char *name = in[1] ? strchr(names, in[1]) : NULL;
		if (in[1] == 'u' && strlen(in) >= 6) {
			unsigned long u = hex4(in + 2);
			in += 6;
			if (u >= 0xd800 && u < 0xdc00 && strlen(in) >= 6) {
				u = 0x10000 + ((u & 0x3ff) << 10 | (hex4(in + 2) & 0x3ff));
				in += 6;
			}
			out = utf8(out, u);
		} else {
			*out++ = name ? means[name - names] : in[1];
			in += in[1] ? 2 : 1;
		}
	}
	return (size_t)(out - s);
}

#endif
