/*
 * The border: text from outside is one JSON value (RFC 8259), in valid UTF-8
 * (RFC 3629), nested at most J_DEPTH deep, or is refused with the place and
 * the reason. One pass, no recursion. A byte order mark is refused (RFC 8259
 * section 8.1).
 *
 *	state    takes                     goes to
 *	VALUE    a scalar                  BEHIND
 *	         [                         ITEM
 *	         {                         MEMBER
 *	ITEM     ]                         BEHIND
 *	         else as VALUE
 *	MEMBER   }                         BEHIND
 *	         else as KEY
 *	KEY      string, space, colon      VALUE
 *	BEHIND   , in an array             VALUE
 *	         , in an object            KEY
 *	         the bracket that closes   BEHIND
 *	         at depth 0: only the end
 */
#include "json.h"

#include <string.h>

#include "json_scan.h"
#include "log.h"

enum state { VALUE, ITEM, MEMBER, KEY, BEHIND, DONE };

/* every step takes the place where it stands and returns the place behind what it took, NULL when it refuses */
struct check {
	char *text, *end;
	struct j_err *err;
	bool mend;		/* overwrite lone surrogates */
	enum state state;	/* after the step */
	size_t depth;
	char close[J_DEPTH];	/* the brackets that are awaited, innermost last */
};

static char *bad(struct check *c, const char *p, const char *why)
{
	c->err->at = (size_t)(p - c->text);
	c->err->why = p < c->end ? why : "the text ends too early";
	return NULL;
}

/* the byte at p, or NUL at the end; a NUL in the text is as unwelcome as the end, wherever this is asked */
static char next(const struct check *c, const char *p)
{
	return p < c->end ? *p : '\0';
}

static char *skip_space(const struct check *c, char *p)
{
	while (p < c->end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

static char *skip_digits(struct check *c, char *p)
{
	char *from = p;

	while (next(c, p) >= '0' && next(c, p) <= '9')
		p++;
	return p > from ? p : bad(c, p, "expected a digit");
}

/* RFC 8259 section 6 */
static char *number(struct check *c, char *p)
{
	c->state = BEHIND;
	if (*p == '-')
		p++;
	p = next(c, p) == '0' ? p + 1 : skip_digits(c, p);
	if (p != NULL && next(c, p) == '.')
		p = skip_digits(c, p + 1);
	if (p != NULL && (next(c, p) | 32) == 'e') {
		p++;
		p = skip_digits(c, next(c, p) == '+' || next(c, p) == '-' ? p + 1 : p);
	}
	return p;
}

static char *word(struct check *c, char *p, const char *text)
{
	c->state = BEHIND;
	for (; *text != '\0'; text++, p++)
		if (next(c, p) != *text)
			return bad(c, p, "expected a value");
	return p;
}

size_t utf8_character(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t length = printable(p, n);

	if (length > 0)
		return length;
	/* the controls of ASCII, and those beyond it */
	return p[0] < 0x80 ? 1 : n > 1 && p[0] == 0xc2 && (p[1] & 0xe0) == 0x80 ? 2 : 0;
}

static char *skip_utf8(struct check *c, char *p)
{
	while (p < c->end && (unsigned char)*p >= 0x80) {
		size_t length = utf8_character(p, (size_t)(c->end - p));
		if (length == 0)
			return bad(c, p, "invalid UTF-8");
		p += length;
	}
	return p;
}

/* whether p[0..n) begins with \u, a D, and then a digit of these, which tells the halves of a pair apart */
static bool is_half(const char *p, size_t n, const char *digits)
{
	return n >= 6 && p[0] == '\\' && p[1] == 'u' && (p[2] | 32) == 'd'
		&& memchr(digits, p[3], strlen(digits)) != NULL && hex_digit(p[4]) >= 0 && hex_digit(p[5]) >= 0;
}

#define HIGH_HALF "89abAB"
#define LOW_HALF "cdefCDEF"

static char *skip_unicode(struct check *c, char *p)
{
	size_t left = (size_t)(c->end - p);

	for (size_t i = 2; i < 6; i++)
		if (i >= left || hex_digit(p[i]) < 0)
			return bad(c, p + i, "expected a hex digit");
	if (is_half(p, left, HIGH_HALF) && is_half(p + 6, left - 6, LOW_HALF))
		return p + 12;
	if (c->mend && is_half(p, left, HIGH_HALF LOW_HALF))
		memcpy(p + 2, "fffd", 4);
	return p + 6;
}

static char *skip_escape(struct check *c, char *p)
{
	switch (next(c, p + 1)) {
	case 'u': return skip_unicode(c, p);
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return p + 2;
	}
	return bad(c, p + 1, "unknown escape in a string");
}

/* from the opening quote to behind the closing one */
static char *skip_string(struct check *c, char *p)
{
	p++;
	while (p != NULL) {
		p = (char *)scan_plain(p, c->end);
		char byte = next(c, p);
		if (byte == '"')
			return p + 1;
		if (byte == '\\')
			p = skip_escape(c, p);
		else if ((unsigned char)byte >= 0x80)
			p = skip_utf8(c, p);
		else
			p = bad(c, p, "control character in a string");
	}
	return NULL;
}

static char *enter(struct check *c, char *p, char close, enum state state)
{
	if (c->depth == J_DEPTH)
		return bad(c, p, "too deep");
	c->close[c->depth++] = close;
	c->state = state;
	return p + 1;
}

static char *leave(struct check *c, char *p)
{
	c->depth--;
	c->state = BEHIND;
	return p + 1;
}

static char *value(struct check *c, char *p)
{
	char byte = next(c, p);

	c->state = BEHIND;
	switch (byte) {
	case '"': return skip_string(c, p);
	case '{': return enter(c, p, '}', MEMBER);
	case '[': return enter(c, p, ']', ITEM);
	case 't': return word(c, p, "true");
	case 'f': return word(c, p, "false");
	case 'n': return word(c, p, "null");
	}
	return byte == '-' || (byte >= '0' && byte <= '9') ? number(c, p) : bad(c, p, "expected a value");
}

static char *key(struct check *c, char *p)
{
	if (next(c, p) != '"')
		return bad(c, p, "expected a key in quotes");
	p = skip_string(c, p);
	if (p == NULL)
		return NULL;
	p = skip_space(c, p);
	if (next(c, p) != ':')
		return bad(c, p, "expected a colon");
	c->state = VALUE;
	return p + 1;
}

static char *behind(struct check *c, char *p)
{
	if (c->depth == 0) {
		c->state = DONE;
		return p == c->end ? p : bad(c, p, "expected the end of the text");
	}
	char close = c->close[c->depth - 1];
	if (next(c, p) == close)
		return leave(c, p);
	if (next(c, p) != ',')
		return bad(c, p, close == '}' ? "expected a comma or }" : "expected a comma or ]");
	c->state = close == '}' ? KEY : VALUE;
	return p + 1;
}

static char *step(struct check *c, char *p)
{
	switch (c->state) {
	case ITEM: return next(c, p) == ']' ? leave(c, p) : value(c, p);
	case VALUE: return value(c, p);
	case MEMBER: return next(c, p) == '}' ? leave(c, p) : key(c, p);
	case KEY: return key(c, p);
	case BEHIND: return behind(c, p);
	case DONE: break;
	}
	return p;
}

static int check(char *text, size_t n, struct j_err *err, bool mend)
{
	struct check c;
	char *p = text;

	c.text = text;
	c.end = text + n;
	c.err = err;
	c.mend = mend;
	c.state = VALUE;
	c.depth = 0;
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		p = bad(&c, p, "begins with a byte order mark");
	if (n >> 16 >> 16 != 0) /* in two: size_t may have 32 bits */
		p = bad(&c, p, "is 4 GiB or more");
	while (p != NULL && c.state != DONE)
		p = step(&c, skip_space(&c, p));
	return p != NULL ? 0 : -1;
}

int j_check(char *text, size_t n, struct j_err *err)
{
	return check(text, n, err, true);
}

int j_check_keep(char *text, size_t n, struct j_err *err)
{
	return check(text, n, err, false);
}

void j_where(const char *text, size_t at, size_t *line, size_t *column)
{
	const char *p = text, *feed;

	*line = 1;
	while ((feed = memchr(p, '\n', at - (size_t)(p - text))) != NULL) {
		++*line;
		p = feed + 1;
	}
	*column = at - (size_t)(p - text) + 1;
}
