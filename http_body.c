/*
 * Bodies of HTTP/1.1 (RFC 9112 6 and 7), by length, by chunk and to the end of
 * the connection.
 *
 * A chunked body is a state machine over framing bytes and runs of data. It is
 * strict: nothing but what RFC 9112 7.1 writes down, CR LF for every line end.
 *
 *   state      awaits                       then
 *   SIZE       hex digits, at most 16       ';' EXT, CR SIZE_LF
 *   EXT        an extension, dropped        CR SIZE_LF
 *   SIZE_LF    LF                           DATA, or LINE after size 0
 *   DATA       that many bytes              DATA_CR
 *   DATA_CR    CR                           DATA_LF
 *   DATA_LF    LF                           SIZE
 *   LINE       a trailer or the end         NAME, CR LAST_LF
 *   NAME       the name of a trailer        ':' VALUE
 *   VALUE      its value, dropped           CR VALUE_LF
 *   VALUE_LF   LF                           LINE
 *   LAST_LF    LF                           ENDED
 *   ENDED, BROKEN                           for good
 *
 * Limits: a size line, the trailers, and framing that outweighs the data.
 */
#include "http.h"
#include "http_char.h"

#define CHUNK_DIGITS 16			/* what 64 bits hold */
#define CHUNK_OVERHEAD (100 * 1024)	/* framing that no data justify before a peer is called hostile */
#define CHUNK_JUST 5			/* framing that a byte of data justifies: the least that a chunk of one byte takes */

enum chunk_state {
	SIZE, EXT, SIZE_LF, DATA, DATA_CR, DATA_LF, LINE, NAME, VALUE, VALUE_LF, LAST_LF, ENDED, BROKEN
};

void http_body_init(struct http_body *b, const struct http_head *h)
{
	memset(b, 0, sizeof *b);
	b->framing = h->framing;
	b->state = SIZE;
	if (h->framing == HTTP_LENGTH)
		b->left = h->length;
}

static int hex(unsigned char c)
{
	if (is_digit(c))
		return c - '0';
	c = fold(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *enter(struct http_body *b, enum chunk_state state)
{
	b->state = (unsigned char)state;
	if (state == SIZE || state == LAST_LF)
		b->line = 0;
	return NULL;
}

/* one byte that must be this one */
static const char *expect(struct http_body *b, unsigned char c, char wanted, enum chunk_state next, const char *why)
{
	return c == (unsigned char)wanted ? enter(b, next) : why;
}

static const char *size_byte(struct http_body *b, unsigned char c)
{
	int digit = hex(c);

	if (digit >= 0) {
		if (b->line > CHUNK_DIGITS)
			return "A chunk size has too many digits.";
		b->left = b->left << 4 | (unsigned)digit;
		return NULL;
	}
	if (b->line == 1)
		return "A chunk has no size.";
	if (c == ';')
		return enter(b, EXT);
	return expect(b, c, '\r', SIZE_LF, "A chunk size is malformed.");
}

static const char *trailer_byte(struct http_body *b, unsigned char c)
{
	static const char why[] = "A trailer is malformed.";

	if (b->state == LINE && c == '\r')
		return enter(b, LAST_LF);
	if (b->state == NAME && c == ':')
		return enter(b, VALUE);
	return is_token(c) ? enter(b, NAME) : why;
}

/* text until CR: extensions and the values of trailers */
static const char *text_byte(struct http_body *b, unsigned char c, enum chunk_state next)
{
	return is_text(c) ? NULL : expect(b, c, '\r', next, "The framing of a chunk holds a control character.");
}

/* Takes one byte of framing. Returns NULL, or why it is wrong. */
static const char *frame_byte(struct http_body *b, unsigned char c)
{
	static const char no_lf[] = "The framing of a chunk has a CR without LF.";

	switch ((enum chunk_state)b->state) {
	case SIZE:
		return size_byte(b, c);
	case EXT:
		return text_byte(b, c, SIZE_LF);
	case SIZE_LF:
		b->line = 0;
		return expect(b, c, '\n', b->left > 0 ? DATA : LINE, no_lf);
	case DATA_CR:
		return expect(b, c, '\r', DATA_LF, "A chunk is longer than its size says.");
	case DATA_LF:
		return expect(b, c, '\n', SIZE, no_lf);
	case LINE:
	case NAME:
		return trailer_byte(b, c);
	case VALUE:
		return text_byte(b, c, VALUE_LF);
	case VALUE_LF:
		return expect(b, c, '\n', LINE, no_lf);
	case LAST_LF:
		return expect(b, c, '\n', ENDED, no_lf);
	case DATA:
	case ENDED:
	case BROKEN:
		break;
	}
	return "The body is over.";
}

/* what is wrong with the amount of framing, or NULL */
static const char *too_much(const struct http_body *b)
{
	if (b->overhead > CHUNK_OVERHEAD)
		return "The chunks are nearly all framing.";
	if (b->state >= LINE)
		return b->line > HTTP_TRAILER_MAX ? "The trailers are too long." : NULL;
	return b->line > HTTP_CHUNK_LINE_MAX ? "A chunk's size line is too long." : NULL;
}

static void justify(struct http_body *b, size_t n)
{
	if (b->overhead / CHUNK_JUST < n)
		b->overhead = 0;
	else
		b->overhead -= (uint64_t)n * CHUNK_JUST;
}

/* n > 0 bytes of data, up to what is left */
static enum http_progress take_data(struct http_body *b, const char *in, size_t n, size_t *used, struct http_text *data)
{
	size_t k = b->left < n ? (size_t)b->left : n;

	data->p = in;
	data->n = k;
	*used += k;
	b->left -= k;
	return HTTP_DATA;
}

static enum http_progress next_chunked(struct http_body *b, const char *in, size_t n, size_t *used,
	struct http_text *data, const char **why)
{
	const char *wrong = b->state == BROKEN ? "The framing of the body is lost." : NULL;

	while (wrong == NULL && b->state != ENDED && *used < n) {
		if (b->state == DATA) {
			take_data(b, in + *used, n - *used, used, data);
			justify(b, data->n);
			if (b->left == 0)
				enter(b, DATA_CR);
			return HTTP_DATA;
		}
		b->line++;
		b->overhead++;
		wrong = frame_byte(b, (unsigned char)in[(*used)++]);
		if (wrong == NULL)
			wrong = too_much(b);
	}
	if (wrong != NULL) {
		*why = wrong;
		enter(b, BROKEN);
		return HTTP_BAD;
	}
	return b->state == ENDED ? HTTP_DONE : HTTP_MORE;
}

enum http_progress http_body_next(struct http_body *b, const char *in, size_t n, size_t *used,
	struct http_text *data, const char **why)
{
	*used = 0;
	data->p = in;
	data->n = 0;
	if (b->framing == HTTP_CHUNKED)
		return next_chunked(b, in, n, used, data, why);
	if (b->framing == HTTP_EMPTY || (b->framing == HTTP_LENGTH && b->left == 0))
		return HTTP_DONE;
	if (n == 0)
		return HTTP_MORE;
	if (b->framing == HTTP_LENGTH)
		return take_data(b, in, n, used, data);
	data->n = n;
	*used = n;
	return HTTP_DATA;
}

bool http_body_may_end(const struct http_body *b)
{
	switch (b->framing) {
	case HTTP_EMPTY:
	case HTTP_TO_END:
		return true;
	case HTTP_LENGTH:
		return b->left == 0;
	case HTTP_CHUNKED:
		return b->state == ENDED;
	}
	return false;
}
