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

#include "log.h"

enum state { VALUE, ITEM, MEMBER, KEY, BEHIND, DONE, BAD };

struct check {
	char *text;
	size_t n, at;
	struct j_err *err;
	bool mend;		/* overwrite lone surrogates */
	size_t depth;
	char close[J_DEPTH];	/* the brackets that are awaited, innermost last */
};

static enum state bad_at(struct check *c, size_t at, const char *why)
{
	c->err->at = at;
	c->err->why = at < c->n ? why : "the text ends too early";
	return BAD;
}

static enum state bad(struct check *c, const char *why)
{
	return bad_at(c, c->at, why);
}

/* the byte that is next, or NUL at the end; a NUL in the text is as unwelcome as the end, wherever this is asked */
static char next(const struct check *c)
{
	return c->at < c->n ? c->text[c->at] : '\0';
}

static void skip_space(struct check *c)
{
	while (next(c) == ' ' || next(c) == '\n' || next(c) == '\r' || next(c) == '\t')
		c->at++;
}

static bool skip_digits(struct check *c)
{
	size_t from = c->at;

	while (next(c) >= '0' && next(c) <= '9')
		c->at++;
	return c->at > from;
}

/* RFC 8259 section 6 */
static enum state number(struct check *c)
{
	if (next(c) == '-')
		c->at++;
	if (next(c) == '0')
		c->at++;
	else if (!skip_digits(c))
		return bad(c, "expected a digit");
	if (next(c) == '.') {
		c->at++;
		if (!skip_digits(c))
			return bad(c, "expected a digit");
	}
	if (next(c) == 'e' || next(c) == 'E') {
		c->at++;
		if (next(c) == '+' || next(c) == '-')
			c->at++;
		if (!skip_digits(c))
			return bad(c, "expected a digit");
	}
	return BEHIND;
}

static enum state word(struct check *c, const char *text)
{
	for (; *text != '\0'; text++, c->at++) {
		if (next(c) != *text)
			return bad(c, "expected a value");
	}
	return BEHIND;
}

/* this byte in every byte of a word */
#define EACH(byte) ((size_t)-1 / 255 * (byte))

/*
 * How many bytes from p on are ASCII that stands for itself in a string. A
 * word at a time: of a byte below 0x80, subtracting m sets the top bit just
 * when the byte is below m. (A borrow can mark the byte above one that is
 * marked rightly; the first mark is never wrong, and more is not asked.)
 */
static size_t plain(const char *p, size_t n)
{
	size_t i = 0, w;

	for (; n - i >= sizeof w; i += sizeof w) {
		memcpy(&w, p + i, sizeof w);
		size_t low = w - EACH(0x20);
		size_t quote = (w ^ EACH('"')) - EACH(1);
		size_t back = (w ^ EACH('\\')) - EACH(1);
		if (((w | low | quote | back) & EACH(0x80)) != 0)
			break;
	}
	while (i < n && p[i] >= 0x20 && (unsigned char)p[i] < 0x80 && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
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

static bool skip_utf8(struct check *c)
{
	while (c->at < c->n && (unsigned char)c->text[c->at] >= 0x80) {
		size_t length = utf8_character(c->text + c->at, c->n - c->at);
		if (length == 0) {
			bad(c, "invalid UTF-8");
			return false;
		}
		c->at += length;
	}
	return true;
}

/* whether p[0..n) begins with \u, a D, and then a digit of these, which tells the halves of a pair apart */
static bool is_half(const char *p, size_t n, const char *digits)
{
	return n >= 6 && p[0] == '\\' && p[1] == 'u' && (p[2] | 32) == 'd'
		&& memchr(digits, p[3], strlen(digits)) != NULL && hex_digit(p[4]) >= 0 && hex_digit(p[5]) >= 0;
}

#define HIGH_HALF "89abAB"
#define LOW_HALF "cdefCDEF"

static bool skip_unicode(struct check *c)
{
	char *p = c->text + c->at;
	size_t left = c->n - c->at;

	for (size_t i = 2; i < 6; i++) {
		if (i >= left || hex_digit(p[i]) < 0) {
			bad_at(c, c->at + i, "expected a hex digit");
			return false;
		}
	}
	c->at += 6;
	if (is_half(p, left, HIGH_HALF) && is_half(p + 6, left - 6, LOW_HALF))
		c->at += 6;
	else if (c->mend && is_half(p, left, HIGH_HALF LOW_HALF))
		memcpy(p + 2, "fffd", 4);
	return true;
}

static bool skip_escape(struct check *c)
{
	char letter = c->n - c->at > 1 ? c->text[c->at + 1] : '\0';

	if (letter == 'u')
		return skip_unicode(c);
	if (memchr("\"\\/bfnrt", letter, 8) == NULL) {
		bad_at(c, c->at + 1, "unknown escape in a string");
		return false;
	}
	c->at += 2;
	return true;
}

/* from the opening quote to behind the closing one */
static bool skip_string(struct check *c)
{
	c->at++;
	for (;;) {
		c->at += plain(c->text + c->at, c->n - c->at);
		char byte = next(c);
		if (byte == '"') {
			c->at++;
			return true;
		}
		if (byte == '\\') {
			if (!skip_escape(c))
				return false;
		} else if ((unsigned char)byte >= 0x80) {
			if (!skip_utf8(c))
				return false;
		} else {
			bad(c, "control character in a string");
			return false;
		}
	}
}

static enum state enter(struct check *c, char close, enum state state)
{
	if (c->depth == J_DEPTH)
		return bad(c, "too deep");
	c->close[c->depth++] = close;
	c->at++;
	return state;
}

static enum state leave(struct check *c)
{
	c->depth--;
	c->at++;
	return BEHIND;
}

static enum state value(struct check *c)
{
	switch (next(c)) {
	case '{': return enter(c, '}', MEMBER);
	case '[': return enter(c, ']', ITEM);
	case '"': return skip_string(c) ? BEHIND : BAD;
	case 't': return word(c, "true");
	case 'f': return word(c, "false");
	case 'n': return word(c, "null");
	}
	if (next(c) == '-' || (next(c) >= '0' && next(c) <= '9'))
		return number(c);
	return bad(c, "expected a value");
}

static enum state key(struct check *c)
{
	if (next(c) != '"')
		return bad(c, "expected a key in quotes");
	if (!skip_string(c))
		return BAD;
	skip_space(c);
	if (next(c) != ':')
		return bad(c, "expected a colon");
	c->at++;
	return VALUE;
}

static enum state behind(struct check *c)
{
	if (c->depth == 0)
		return c->at == c->n ? DONE : bad(c, "expected the end of the text");
	char close = c->close[c->depth - 1];
	if (next(c) == close)
		return leave(c);
	if (next(c) != ',')
		return bad(c, close == '}' ? "expected a comma or }" : "expected a comma or ]");
	c->at++;
	return close == '}' ? KEY : VALUE;
}

static enum state step(struct check *c, enum state state)
{
	switch (state) {
	case ITEM: return next(c) == ']' ? leave(c) : value(c);
	case VALUE: return value(c);
	case MEMBER: return next(c) == '}' ? leave(c) : key(c);
	case KEY: return key(c);
	case BEHIND: return behind(c);
	case DONE:
	case BAD: break;
	}
	return state;
}

static int check(char *text, size_t n, struct j_err *err, bool mend)
{
	struct check c;
	enum state state = VALUE;

	c.text = text;
	c.n = n;
	c.at = 0;
	c.err = err;
	c.mend = mend;
	c.depth = 0;
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		state = bad(&c, "begins with a byte order mark");
	if ((uint64_t)n > UINT32_MAX)
		state = bad(&c, "is 4 GiB or more");
	while (state != DONE && state != BAD) {
		skip_space(&c);
		state = step(&c, state);
	}
	return state == DONE ? 0 : -1;
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
