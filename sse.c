/*
 * The event-stream algorithm of the WHATWG HTML standard, section 9.2.6, as a
 * machine that stops at any byte.
 *
 *   state   awaits
 *   START   the first byte of a line; a line end here ends the event
 *   FIELD   more of a field name, its colon, or the line end
 *   SPACE   the one space that may stand behind the colon
 *   DATA    bytes of data, kept
 *   NAME    bytes of the event's name, kept as far as they fit
 *   SKIP    bytes of a comment, of id, retry and unknown fields
 *
 * A CR ends a line at once; an LF right behind it is then swallowed (crlf).
 * The LF that joins two lines of data is put when the second begins, so that
 * none has to be taken off the last. Limits: those of the owner's storage; a
 * name keeps 31 bytes.
 */
#include "sse.h"

#include <string.h>

enum sse_state { START, FIELD, SPACE, DATA, NAME, SKIP };

static const unsigned char bom[3] = { 0xef, 0xbb, 0xbf };

static void begin_event(struct sse *s)
{
	s->len = 0;
	s->name[0] = '\0';
	s->nname = 0;
	s->error_field = false;
	s->has_data = false;
	s->ready = false;
}

void sse_init(struct sse *s, char *data, size_t cap)
{
	memset(s, 0, sizeof *s);
	s->data = data;
	s->cap = cap;
	s->state = START;
}

static bool is_eol(char c)
{
	return c == '\n' || c == '\r';
}

/* How many bytes stand before the line's end. */
static size_t line_part(const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n), *cr;

	if (lf != NULL)
		n = (size_t)(lf - p);
	cr = n > 0 ? memchr(p, '\r', n) : NULL;
	return cr != NULL ? (size_t)(cr - p) : n;
}

static bool field_is(const struct sse *s, const char *name)
{
	return s->nfield == strlen(name) && memcmp(s->field, name, s->nfield) == 0;
}

/* The name of a field is whole. False when there is no room for the LF that joins data. */
static bool open_value(struct sse *s)
{
	bool error = field_is(s, "error");

	s->kind = SKIP;
	if (error || field_is(s, "data")) {
		if (s->has_data && s->len >= s->cap)
			return false;
		if (s->has_data)
			s->data[s->len++] = '\n';
		s->has_data = true;
		s->error_field = s->error_field || error;
		s->kind = DATA;
	} else if (field_is(s, "event")) {
		s->name[0] = '\0';
		s->nname = 0;
		s->kind = NAME;
	}
	return true;
}

static void end_line(struct sse *s, char c)
{
	s->state = START;
	s->crlf = c == '\r';
}

/* An empty line: whether it makes an event. */
static bool end_event(struct sse *s)
{
	if (!s->has_data)
		begin_event(s);
	s->ready = s->has_data;
	return s->ready;
}

/* Whether a byte belongs to the BOM. A beginning of one that breaks off is an unknown field. */
static bool take_bom(struct sse *s, char c)
{
	if ((unsigned char)c == bom[s->bom]) {
		s->bom++;
		return true;
	}
	if (s->bom > 0)
		s->state = SKIP;
	s->bom = sizeof bom;
	return false;
}

/* One byte of a field name, colon and line end included. False: no room. */
static bool field_byte(struct sse *s, char c)
{
	if (c == ':' || is_eol(c)) {
		if (!open_value(s))
			return false;
		s->state = SPACE;
		if (c != ':')
			end_line(s, c);
	} else if (s->nfield == sizeof s->field) {
		s->state = SKIP;
	} else {
		s->field[s->nfield++] = c;
	}
	return true;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Keeps or skips n bytes of a value; returns how many were taken: fewer only when there is no room. */
static size_t take_value(struct sse *s, const char *p, size_t n)
{
	size_t k;

	if (s->state == DATA) {
		n = smaller(n, s->cap - s->len);
		if (n > 0)
			memcpy(s->data + s->len, p, n);
		s->len += n;
	} else if (s->state == NAME) {
		k = smaller(n, sizeof s->name - 1 - s->nname);
		memcpy(s->name + s->nname, p, k);
		s->nname = (unsigned char)(s->nname + k);
		s->name[s->nname] = '\0';
	}
	return n;
}

/*
 * Takes what it can at one go: one byte, or a run of a value. Returns how
 * many; 0 when there is no room.
 */
static size_t step(struct sse *s, const char *p, size_t n)
{
	size_t k;

	if (s->state == START) {
		s->nfield = 0;
		s->state = FIELD;
	}
	if (s->state == FIELD)
		return field_byte(s, *p) ? 1 : 0;
	if (s->state == SPACE) {
		s->state = s->kind;
		if (*p == ' ')
			return 1;
	}
	k = line_part(p, n);
	if (k > 0)
		return take_value(s, p, k);
	end_line(s, *p);
	return 1;
}

enum sse_what sse_feed(struct sse *s, const char *in, size_t n, size_t *used)
{
	size_t i = 0, k;

	if (s->ready)
		begin_event(s);
	while (i < n) {
		bool after_cr = s->crlf;

		s->crlf = false;
		if ((after_cr && in[i] == '\n') || (s->bom < sizeof bom && take_bom(s, in[i]))) {
			i++;
			continue;
		}
		if (s->state == START && is_eol(in[i])) {
			end_line(s, in[i++]);
			if (!end_event(s))
				continue;
			*used = i;
			return SSE_EVENT;
		}
		k = step(s, in + i, n - i);
		i += k;
		if (k == 0) {
			*used = i;
			return SSE_FULL;
		}
	}
	*used = n;
	return SSE_MORE;
}

enum sse_what sse_end(struct sse *s)
{
	if (s->ready)
		begin_event(s);
	return end_event(s) ? SSE_EVENT : SSE_MORE;
}

/* 1 when p begins with the name and a colon, -1 when it may yet, else 0 */
static int begins(const char *p, size_t n, const char *name)
{
	size_t len = strlen(name), k = smaller(n, len);

	if (memcmp(p, name, k) != 0)
		return 0;
	if (n <= len)
		return -1;
	return p[len] == ':';
}

int sse_sniff(const char *p, size_t n)
{
	static const char *const names[] = { "", "data", "event", "id", "retry", "error" };
	size_t i, k = smaller(n, sizeof bom);
	int r;

	if (k == 0)
		return -1;
	if (memcmp(p, bom, k) == 0) {
		if (k < sizeof bom)
			return -1;
		p += k;
		n -= k;
	}
	while (n > 0 && (is_eol(*p) || *p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if ((r = begins(p, n, names[i])) != 0)
			return r;
	return 0;
}
