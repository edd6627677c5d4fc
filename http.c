/*
 * HTTP/1.1 heads (RFC 9112).
 *
 * A head is read strictly from left to right by a cursor, and the first byte
 * that cannot be right decides, so that a prefix of a head says "more" or
 * already what the whole will say. Nothing is remembered between calls.
 * Whatever two parsers might read in two ways is refused: that is the whole
 * defence against request smuggling.
 *
 * Limits: those of http.h. A request line has its own (414); all else that is
 * too long is a head too long (431).
 */
#include "http.h"
#include "http_char.h"

/* Visible ASCII. A fragment is never part of a request target. */
static bool is_target(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

/* uri-host and port; a comma would be two Hosts joined */
static bool is_host(unsigned char c)
{
	return is_target(c) && memchr("\"/<>?@\\^`{|},", c, 13) == NULL;
}

/* Whether the list that all fields of this name make together holds the token. */
static bool any_has(const struct http_head *h, const char *name, const char *token)
{
	size_t i;

	for (i = 0; i < h->nfields; i++)
		if (http_is(h->fields[i].name, name) && http_has(h->fields[i].value, token))
			return true;
	return false;
}

/* ---- the cursor ---- */

/*
 * The functions that move it return 1, 0 when the bytes end before it can be
 * told, or -(status). A response's caller makes -1 of any status.
 */
struct cursor {
	const char *p;
	size_t at, n;		/* n: min(size, limit) */
	size_t size;		/* bytes there are */
	size_t limit;		/* bytes there may be, */
	int too_long;		/* and the status when they do not do */
	bool bare_lf;		/* LF alone ends a line too: a recipient MAY, RFC 9112 2.2 */
	const char *why;
};

static void set_limit(struct cursor *c, size_t limit, int too_long)
{
	c->limit = limit;
	c->too_long = too_long;
	c->n = c->size < limit ? c->size : limit;
}

static int bad(struct cursor *c, int status, const char *why)
{
	c->why = why;
	return -status;
}

/* The bytes end here: more may come unless the limit is reached. */
static int more(struct cursor *c)
{
	if (c->n < c->limit)
		return 0;
	return bad(c, c->too_long, c->too_long == 414 ? "The request line is too long." : "The head is too long.");
}

static int take(struct cursor *c, char wanted, const char *why)
{
	if (c->at == c->n)
		return more(c);
	if (c->p[c->at] != wanted)
		return bad(c, 400, why);
	c->at++;
	return 1;
}

static int take_run(struct cursor *c, bool (*is)(unsigned char), struct http_text *run)
{
	size_t start = c->at;

	while (c->at < c->n && is((unsigned char)c->p[c->at]))
		c->at++;
	run->p = c->p + start;
	run->n = c->at - start;
	return c->at < c->n ? 1 : more(c);
}

static int take_digit(struct cursor *c, int *value, const char *why)
{
	if (c->at == c->n)
		return more(c);
	if (!is_digit((unsigned char)c->p[c->at]))
		return bad(c, 400, why);
	*value = c->p[c->at++] - '0';
	return 1;
}

/* CR LF. A CR with anything else behind it is never a line end nor data. */
static int take_eol(struct cursor *c, const char *why)
{
	int r;

	if (c->at < c->n && c->p[c->at] == '\n') {
		if (!c->bare_lf)
			return bad(c, 400, "A line ends without its CR.");
		c->at++;
		return 1;
	}
	r = take(c, '\r', why);
	return r <= 0 ? r : take(c, '\n', "A CR stands without its LF.");
}

static bool at_eol(const struct cursor *c)
{
	return c->at < c->n && (c->p[c->at] == '\r' || c->p[c->at] == '\n');
}

/* "HTTP/1.x". A later minor version is read as 1.1: RFC 9110 2.5. */
static int take_version(struct cursor *c, int *minor)
{
	static const char name[] = "HTTP/", why[] = "The HTTP version is malformed.";
	int major = 0, r;
	size_t i;

	for (i = 0; name[i] != '\0'; i++)
		if ((r = take(c, name[i], why)) <= 0)
			return r;
	if ((r = take_digit(c, &major, why)) <= 0)
		return r;
	if (major != 1)
		return bad(c, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
	if ((r = take(c, '.', why)) <= 0 || (r = take_digit(c, minor, why)) <= 0)
		return r;
	if (*minor > 1)
		*minor = 1;
	return 1;
}

static int take_field(struct cursor *c, struct http_head *h)
{
	struct http_text name, value;
	int r;

	if (h->nfields == HTTP_FIELDS_MAX)
		return bad(c, 431, "The head has too many fields.");
	if ((r = take_run(c, is_token, &name)) <= 0)
		return r;
	if (name.n == 0)
		return bad(c, 400, is_space((unsigned char)c->p[c->at])
			? "A field is folded over two lines." : "A field has no name.");
	if ((r = take(c, ':', "A field name is not followed by a colon.")) <= 0)
		return r;
	if ((r = take_run(c, is_text, &value)) <= 0)
		return r;
	if ((r = take_eol(c, "A field holds a control character.")) <= 0)
		return r;
	h->fields[h->nfields].name = name;
	h->fields[h->nfields].value = http_trim(value.p, value.n);
	h->nfields++;
	return 1;
}

/* all fields and the empty line behind them */
static int take_fields(struct cursor *c, struct http_head *h)
{
	int r = 1;

	while (r > 0) {
		if (c->at == c->n)
			return more(c);
		if (at_eol(c))
			return take_eol(c, "");
		r = take_field(c, h);
	}
	return r;
}

/* ---- requests ---- */

/*
 * origin-form, asterisk-form, absolute-form, and authority-form for CONNECT:
 * RFC 9112 3.2.
 */
static bool right_form(const struct http_head *h)
{
	struct http_text t = h->target;
	size_t i;

	if (t.p[0] == '/' || (t.n == 1 && t.p[0] == '*'))
		return true;
	if (h->method.n == 7 && memcmp(h->method.p, "CONNECT", 7) == 0)
		return true;
	for (i = 1; i + 3 <= t.n; i++)
		if (memcmp(t.p + i, "://", 3) == 0)
			return true;
	return false;
}

static int take_request_line(struct cursor *c, struct http_head *h)
{
	static const char why[] = "The request line is malformed.";
	int r;

	while (at_eol(c))
		if ((r = take_eol(c, why)) <= 0)
			return r;
	if (c->at + HTTP_LINE_MAX + 2 < HTTP_HEAD_MAX)
		set_limit(c, c->at + HTTP_LINE_MAX + 2, 414);
	if ((r = take_run(c, is_token, &h->method)) <= 0)
		return r;
	if (h->method.n == 0)
		return bad(c, 400, "This is not an HTTP request.");
	if ((r = take(c, ' ', why)) <= 0 || (r = take_run(c, is_target, &h->target)) <= 0)
		return r;
	if (h->target.n == 0)
		return bad(c, 400, why);
	if ((r = take(c, ' ', why)) <= 0 || (r = take_version(c, &h->minor)) <= 0 || (r = take_eol(c, why)) <= 0)
		return r;
	if (!right_form(h))
		return bad(c, 400, "The request target is malformed.");
	set_limit(c, HTTP_HEAD_MAX, 431);
	h->head_method = h->method.n == 4 && memcmp(h->method.p, "HEAD", 4) == 0;
	return 1;
}

/* RFC 9112 3.2: none, several and malformed ones are 400. */
static int check_host(struct cursor *c, const struct http_head *h)
{
	size_t i, count = http_count(h, "host");
	struct http_text host = http_field(h, "host");

	if (count > 1)
		return bad(c, 400, "There are several Host fields.");
	if (count == 0 && h->minor > 0)
		return bad(c, 400, "There is no Host field.");
	for (i = 0; i < host.n; i++)
		if (!is_host((unsigned char)host.p[i]))
			return bad(c, 400, "The Host field is malformed.");
	return 1;
}

/* RFC 9112 6.3, with every choice that it leaves taken for refusal */
static int request_framing(struct cursor *c, struct http_head *h)
{
	size_t codings = http_count(h, "transfer-encoding"), lengths = http_count(h, "content-length");
	int64_t length;

	if (codings > 0 && lengths > 0)
		return bad(c, 400, "There are both Content-Length and Transfer-Encoding.");
	if (codings > 1 || lengths > 1)
		return bad(c, 400, "Content-Length or Transfer-Encoding is repeated.");
	if (codings > 0 && h->minor == 0)
		return bad(c, 400, "HTTP/1.0 has no Transfer-Encoding.");
	if (codings > 0) {
		if (!http_is(http_field(h, "transfer-encoding"), "chunked"))
			return bad(c, 501, "The only transfer coding known is chunked.");
		h->framing = HTTP_CHUNKED;
	}
	if (lengths > 0) {
		length = http_number(http_field(h, "content-length"), INT64_MAX);
		if (length < 0)
			return bad(c, 400, "Content-Length is malformed.");
		h->framing = HTTP_LENGTH;
		h->length = (uint64_t)length;
	}
	return 1;
}

/* RFC 9110 10.1.1: an HTTP/1.0 client cannot expect anything. */
static void request_expect(struct http_head *h)
{
	size_t i;

	for (i = 0; h->minor > 0 && i < h->nfields; i++) {
		if (!http_is(h->fields[i].name, "expect"))
			continue;
		if (http_is(h->fields[i].value, "100-continue"))
			h->expect_continue = true;
		else
			h->expect_other = true;
	}
}

/* RFC 9112 9.3 */
static bool persists(const struct http_head *h)
{
	if (any_has(h, "connection", "close"))
		return false;
	return h->minor > 0 || any_has(h, "connection", "keep-alive");
}

static void begin_head(struct cursor *c, const char *p, size_t n, bool bare_lf, struct http_head *h)
{
	memset(h, 0, sizeof *h);
	memset(c, 0, sizeof *c);
	c->p = p;
	c->size = n;
	c->bare_lf = bare_lf;
	c->why = "";
	set_limit(c, HTTP_HEAD_MAX, 431);
}

static int read_request(struct cursor *c, struct http_head *h)
{
	int r;

	if ((r = take_request_line(c, h)) <= 0 || (r = take_fields(c, h)) <= 0)
		return r;
	if ((r = check_host(c, h)) <= 0 || (r = request_framing(c, h)) <= 0)
		return r;
	request_expect(h);
	h->keep_alive = persists(h);
	return (int)c->at;
}

int http_request(const char *p, size_t n, struct http_head *h, const char **why)
{
	struct cursor c;
	int r;

	begin_head(&c, p, n, false, h);
	r = read_request(&c, h);
	*why = c.why;
	return r;
}

/* ---- responses ---- */

static int take_status_line(struct cursor *c, struct http_head *h)
{
	static const char why[] = "The status line is malformed.";
	struct http_text reason;
	int i, digit, r;

	if ((r = take_version(c, &h->minor)) <= 0 || (r = take(c, ' ', why)) <= 0)
		return r;
	for (i = 0; i < 3; i++) {
		if ((r = take_digit(c, &digit, why)) <= 0)
			return r;
		h->status = h->status * 10 + digit;
	}
	if (h->status < 100)
		return bad(c, 400, why);
	if (c->at == c->n)
		return more(c);
	if (at_eol(c))
		return take_eol(c, why);
	if ((r = take(c, ' ', why)) <= 0 || (r = take_run(c, is_text, &reason)) <= 0)
		return r;
	return take_eol(c, why);
}

/* All Content-Length members there are; -1 when one is malformed or differs from another: RFC 9112 6.3. */
static int64_t one_length(const struct http_head *h)
{
	struct http_text list, member;
	int64_t length = -1, other;
	size_t i;

	for (i = 0; i < h->nfields; i++) {
		if (!http_is(h->fields[i].name, "content-length"))
			continue;
		list = h->fields[i].value;
		while (http_next(&list, &member)) {
			other = http_number(member, INT64_MAX);
			if (other < 0 || (length >= 0 && other != length))
				return -1;
			length = other;
		}
	}
	return length;
}

/*
 * RFC 9112 6.3. Chunks win over a length, and are believed in HTTP/1.0 too,
 * but such a connection is not used again (6.1).
 */
static int response_framing(struct cursor *c, struct http_head *h)
{
	size_t codings = http_count(h, "transfer-encoding"), lengths = http_count(h, "content-length");
	int64_t length;

	if (codings > 0) {
		if (codings > 1 || !http_is(http_field(h, "transfer-encoding"), "chunked"))
			return bad(c, 400, "The transfer coding is not chunked.");
		h->framing = HTTP_CHUNKED;
		if (lengths > 0 || h->minor == 0)
			h->keep_alive = false;
	} else if (lengths > 0) {
		length = one_length(h);
		if (length < 0)
			return bad(c, 400, "Content-Length is malformed or contradicts itself.");
		h->framing = HTTP_LENGTH;
		h->length = (uint64_t)length;
	} else {
		h->framing = HTTP_TO_END;
		h->keep_alive = false;
	}
	return 1;
}

static int read_response(struct cursor *c, bool no_body, struct http_head *h)
{
	int r;

	if ((r = take_status_line(c, h)) <= 0 || (r = take_fields(c, h)) <= 0)
		return r;
	h->keep_alive = persists(h);
	if (no_body || h->status < 200 || h->status == 204 || h->status == 304)
		return (int)c->at;
	r = response_framing(c, h);
	return r <= 0 ? r : (int)c->at;
}

int http_response(const char *p, size_t n, bool no_body, struct http_head *h, const char **why)
{
	struct cursor c;
	int r;

	begin_head(&c, p, n, true, h);
	r = read_response(&c, no_body, h);
	*why = c.why;
	return r < 0 ? -1 : r;
}
