/*
 * An estimate of tokens without a vocabulary: a machine over the classes of
 * bytes adds a cost at every step. Words cost one and more where they are long,
 * CamelCase or upper case; digits go by threes, white space and punctuation by
 * runs; other scripts by the character. The costs are fitted to o200k_base,
 * cl100k_base and Llama's on prose, code, JSON and a dozen languages, slightly
 * above the first two, since others have smaller vocabularies. Typical texts
 * stay within 20 % (Chinese, where the vocabularies differ by half, lies
 * between them).
 *
 * Works on JSON strings as they are escaped; whole numbers only. Sums over
 * blocks, so a conversation's estimate is that of its parts. One table of 4 KB
 * is made on the stack for each call.
 *
 *   state      behind
 *   W1..W13    so many letters of a word, the last lower case
 *   U1..U3     upper case letters
 *   D1..D3     digits of a group
 *   S1 S2      a blank, several
 *   P1..P3     punctuation
 *   E_x        a backslash, and x before it
 *   H4..H1     \u, so many digits to come
 */
#include <string.h>

#include "convert.h"

#define UNIT 16		/* a token in units of cost */

#define MESSAGE_TOKENS 4	/* role and separators */
#define TOOL_TOKENS 10		/* what a declaration is wrapped in */
#define CALL_TOKENS 10
#define RESULT_TOKENS 6
#define IMAGE_TOKENS 1600	/* of a large one, and of one whose size is not known */
#define IMAGE_SIDE 1568		/* larger ones are scaled down */
#define IMAGE_PIXELS 750	/* of a token */
#define DOCUMENT_TOKENS 1500	/* of one that is elsewhere */
#define DOCUMENT_BYTES 24	/* bytes of a PDF for a token */
#define NEST 4			/* blocks in blocks */
#define SPLIT_MIN 512		/* bytes from which a text is read at two places at once */

enum class {
	LOWER, LETTER_N, LETTER_R, LETTER_T, LETTER_U,	/* these four have a meaning behind a backslash */
	UPPER, DIGIT, BLANK, NEWLINE, TAB, UNDERSCORE, BACKSLASH, PUNCT,
	LATIN, TWO, INDIC, SYMBOL, KANA, CJK, HANGUL, FULL, FOUR, INNER, CLASSES
};

enum state {
	START, W1, W13 = W1 + 12, U1, U3 = U1 + 2, D1, D3 = D1 + 2, S1, S2, NEW, TABS, P1, P3 = P1 + 2, UNDER, LETTER, ALIEN,
	OTHER, E_START, E_WORD, E_PUNCT, E_MORE, E_NEW, E_BLANK, H4, H1 = H4 + 3, STATES
};

struct machine {
	unsigned char class[256];
	uint16_t next[STATES * CLASSES];	/* state * CLASSES: an index less to compute at each byte */
	unsigned char cost[STATES * CLASSES];
};

/* ---- classes ---- */

/* by the first byte of a character (RFC 3629): scripts are blocks */
static enum class class_above(unsigned c)
{
	static const unsigned char rows[][2] = {	/* below which byte */
		{ 0xc0, INNER }, { 0xcd, LATIN }, { 0xe0, TWO }, { 0xe2, INDIC }, { 0xe3, SYMBOL }, { 0xe4, KANA }, { 0xea, CJK },
		{ 0xee, HANGUL }, { 0xf0, FULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (c < rows[i][0])
			return (enum class)rows[i][1];
	return FOUR;
}

static enum class class_of(unsigned c)
{
	static const char special[] = "nrtu \n\r\t_\\";
	static const unsigned char classes[] = {
		LETTER_N, LETTER_R, LETTER_T, LETTER_U, BLANK, NEWLINE, NEWLINE, TAB, UNDERSCORE, BACKSLASH
	};
	const char *found = c != 0 ? strchr(special, (int)c) : NULL;

	if (c >= 0x80)
		return class_above(c);
	if (found != NULL)
		return (enum class)classes[found - special];
	if (c >= 'a' && c <= 'z')
		return LOWER;
	if (c >= 'A' && c <= 'Z')
		return UPPER;
	return c >= '0' && c <= '9' ? DIGIT : PUNCT;
}

/* ---- steps ---- */

#define MORE STATES		/* next: the state behind this one */
#define STAY (STATES + 1)
#define ANY START, OTHER	/* all but what is within an escape */
#define ESCAPED E_START, E_BLANK
#define LETTERS LOWER, LETTER_U
#define BYTES LOWER, INNER

/* from the first state to the last, at the first class to the last; the first row that fits counts */
static const unsigned char steps[][6] = {
	{ H1, H1, BYTES, OTHER, 0 }, { H4, H1, BYTES, MORE, 0 },

	/* as what the escape stands for, behind what was before the backslash */
	{ ESCAPED, LETTER_T, LETTER_T, TABS, 16 }, { ESCAPED, LETTER_U, LETTER_U, H4, 16 },
	{ E_NEW, E_NEW, LETTER_N, LETTER_R, NEW, 12 }, { E_PUNCT, E_MORE, LETTER_N, LETTER_R, NEW, 0 },
	{ ESCAPED, LETTER_N, LETTER_R, NEW, 19 },
	{ E_PUNCT, E_PUNCT, BYTES, P1 + 1, 7 }, { E_MORE, E_MORE, BYTES, P3, 2 }, { ESCAPED, BYTES, P1, 14 },

	/* letters 7 and 9, and each from 13 on, make another token likelier */
	{ W1 + 5, W1 + 5, LETTERS, MORE, 3 }, { W1 + 7, W1 + 7, LETTERS, MORE, 8 }, { W13 - 1, W13, LETTERS, W13, 13 },
	{ W1, W13, LETTERS, MORE, 0 }, { U1, U1, LETTERS, W1 + 1, 0 }, { LETTER, LETTER, LETTERS, W1 + 1, 0 },
	{ U1, U3, LETTERS, W1, 20 }, { S1, S2, LETTERS, W1, 15 }, { ANY, LETTERS, W1, 11 },

	{ U1, U1, UPPER, UPPER, MORE, 0 }, { U1, U3, UPPER, UPPER, U3, 5 }, { W1, W13, UPPER, UPPER, U1, 20 },
	{ S1, S2, UPPER, UPPER, U1, 14 }, { ANY, UPPER, UPPER, U1, 10 },
	{ D1, D3 - 1, DIGIT, DIGIT, MORE, 0 }, { S1, S2, DIGIT, DIGIT, D1, 36 }, { ANY, DIGIT, DIGIT, D1, 22 },
	{ S1, S1, BLANK, BLANK, S2, 20 }, { S2, S2, BLANK, BLANK, S2, 0 }, { ANY, BLANK, BLANK, S1, 0 },
	{ NEW, NEW, NEWLINE, NEWLINE, NEW, 12 }, { P1, UNDER, NEWLINE, NEWLINE, NEW, 0 }, { ANY, NEWLINE, NEWLINE, NEW, 19 },
	{ TABS, TABS, TAB, TAB, TABS, 6 }, { ANY, TAB, TAB, TABS, 16 },
	{ UNDER, UNDER, UNDERSCORE, UNDERSCORE, UNDER, 2 }, { ANY, UNDERSCORE, UNDERSCORE, UNDER, 7 },
	{ P1, P1, BACKSLASH, BACKSLASH, E_PUNCT, 0 }, { UNDER, UNDER, BACKSLASH, BACKSLASH, E_PUNCT, 0 },
	{ P1, P3, BACKSLASH, BACKSLASH, E_MORE, 0 }, { NEW, NEW, BACKSLASH, BACKSLASH, E_NEW, 0 },
	{ S1, S2, BACKSLASH, BACKSLASH, E_BLANK, 0 }, { START, START, BACKSLASH, BACKSLASH, E_START, 0 },
	{ ANY, BACKSLASH, BACKSLASH, E_WORD, 0 },
	{ P1, P1, PUNCT, PUNCT, MORE, 7 }, { P1, P3, PUNCT, PUNCT, P3, 2 }, { ANY, PUNCT, PUNCT, P1, 14 },

	{ ANY, LATIN, LATIN, LETTER, 28 }, { ALIEN, ALIEN, TWO, TWO, ALIEN, 4 }, { ANY, TWO, TWO, ALIEN, 21 },
	{ ANY, INDIC, INDIC, OTHER, 16 }, { ANY, SYMBOL, SYMBOL, OTHER, 22 }, { ANY, KANA, KANA, OTHER, 13 },
	{ ANY, CJK, CJK, OTHER, 12 }, { ANY, HANGUL, FULL, OTHER, 15 }, { ANY, FOUR, FOUR, OTHER, 48 },
	{ ANY, INNER, INNER, STAY, 0 },
};

static void machine_init(struct machine *m)
{
	for (unsigned c = 0; c < 256; c++)
		m->class[c] = (unsigned char)class_of(c);
	for (size_t i = sizeof steps / sizeof steps[0]; i-- > 0;) {
		const unsigned char *r = steps[i];

		for (unsigned s = r[0]; s <= r[1]; s++) {
			unsigned next = r[4] == STAY ? s : r[4] == MORE ? s + 1 : r[4];

			for (unsigned c = r[2]; c <= r[3]; c++) {
				m->next[s * CLASSES + c] = (uint16_t)(next * CLASSES);
				m->cost[s * CLASSES + c] = r[5];
			}
		}
	}
}

/* ---- text ---- */

/*
 * The cost of a text, in units. A long one is read from its head and from a
 * blank near its middle at once: each byte waits for the state before it, and
 * two that wait together take the time of one.
 */
static int64_t cost(const struct machine *m, const char *p, size_t n)
{
	const unsigned char *a = (const unsigned char *)p, *b = a;
	unsigned i, k, sa = START, sb = START;
	uint64_t total = 0;
	size_t half = 0;

	if (n >= SPLIT_MIN) {
		const char *blank_at = memchr(p + n / 2, ' ', n - n / 2);
		half = blank_at != NULL ? (size_t)(blank_at - p) : 0;
	}
	if (half > 0) {
		size_t both = n - half < half ? n - half : half;

		b = a + half;
		for (size_t at = 0; at < both; at++) {
			i = sa + m->class[a[at]];
			k = sb + m->class[b[at]];
			sa = m->next[i];
			sb = m->next[k];
			total += (uint64_t)m->cost[i] + m->cost[k];
		}
		a += both;
		for (; a < (const unsigned char *)p + half; a++) {
			i = sa + m->class[*a];
			sa = m->next[i];
			total += m->cost[i];
		}
		b += both;
	}
	for (; b < (const unsigned char *)p + n; b++) {
		i = sb + m->class[*b];
		sb = m->next[i];
		total += m->cost[i];
	}
	return (int64_t)total;
}

static int64_t string_cost(const struct machine *m, struct j_val string)
{
	size_t n;
	const char *p = j_raw(string, &n);

	return n > 0 ? cost(m, p, n) : 0;
}

static int64_t json_cost(const struct machine *m, struct j_val v)
{
	return v.n > 0 ? cost(m, v.p, v.n) : 0;
}

/* ---- images ---- */

/* a file in base64 that is read here and there */
struct file {
	const unsigned char *p;
	size_t n;
};

/* of either alphabet (RFC 4648 sections 4 and 5) */
static unsigned digit_value(unsigned char c)
{
	int digit = base64_digit((char)c);

	return digit >= 0 ? (unsigned)digit : c == '-' ? 62 : 63;
}

/* byte i, 0 behind the end */
static unsigned byte_at(const struct file *f, size_t i)
{
	size_t at = i / 3 * 4 + i % 3;

	if (at + 1 >= f->n)
		return 0;
	unsigned two = digit_value(f->p[at]) << 6 | digit_value(f->p[at + 1]);
	return two >> (4 - 2 * (i % 3)) & 0xff;
}

static unsigned big(const struct file *f, size_t i)
{
	return byte_at(f, i) << 8 | byte_at(f, i + 1);
}

static unsigned little(const struct file *f, size_t i)
{
	return byte_at(f, i + 1) << 8 | byte_at(f, i);
}

/* a JPEG's frame header stands behind segments of any length (ITU T.81, annex B) */
static void jpeg_size(const struct file *f, unsigned *w, unsigned *h)
{
	size_t i = 2;

	for (int segment = 0; segment < 64 && byte_at(f, i) == 0xff; segment++) {
		unsigned marker = byte_at(f, i + 1);
		bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;

		if (frame) {
			*h = big(f, i + 5);
			*w = big(f, i + 7);
			return;
		}
		i += 2 + (size_t)big(f, i + 2);
	}
}

/* the three kinds of WebP (RFC 9649, section 2) */
static void webp_size(const struct file *f, unsigned *w, unsigned *h)
{
	switch (byte_at(f, 15)) {
	case 'X':
		*w = (little(f, 24) | byte_at(f, 26) << 16) + 1;
		*h = (little(f, 27) | byte_at(f, 29) << 16) + 1;
		return;
	case 'L':
		*w = (little(f, 21) & 0x3fff) + 1;
		*h = (little(f, 22) >> 6 | (byte_at(f, 24) & 15) << 10) + 1;
		return;
	default:
		*w = little(f, 26) & 0x3fff;
		*h = little(f, 28) & 0x3fff;
	}
}

static void image_size(const struct file *f, unsigned *w, unsigned *h)
{
	*w = *h = 0;
	switch (big(f, 0)) {
	case 0x8950:	/* PNG: the header chunk comes first */
		*w = big(f, 16) << 16 | big(f, 18);
		*h = big(f, 20) << 16 | big(f, 22);
		break;
	case 0x4749:	/* GIF */
		*w = little(f, 6);
		*h = little(f, 8);
		break;
	case 0xffd8:
		jpeg_size(f, w, h);
		break;
	case 0x5249:	/* RIFF */
		webp_size(f, w, h);
		break;
	}
}

static int64_t image_tokens(struct j_val source)
{
	size_t n;
	const char *data = j_raw(j_get(source, "data"), &n);
	struct file f = { (const unsigned char *)data, n };
	unsigned width, height;

	/* an escaped slash shifts what follows */
	if (n == 0 || memchr(data, '\\', n < 4096 ? n : 4096) != NULL)
		return IMAGE_TOKENS;
	image_size(&f, &width, &height);
	uint64_t w = width, h = height, side = w > h ? w : h;
	if (w == 0 || h == 0)
		return IMAGE_TOKENS;
	if (side > IMAGE_SIDE) {
		w = w * IMAGE_SIDE / side;
		h = h * IMAGE_SIDE / side;
	}
	uint64_t tokens = w * h / IMAGE_PIXELS + 1;
	return tokens < IMAGE_TOKENS ? (int64_t)tokens : IMAGE_TOKENS;
}

/* ---- blocks ---- */

/* what all blocks are counted with */
struct count {
	struct machine machine;
	struct j_val tools;
};

static int64_t content_cost(const struct count *c, struct j_val content, int nest);

/* without its title and context */
static int64_t document_cost(const struct count *c, struct j_val source, int nest)
{
	enum { TYPE, DATA, CONTENT, FIELDS };
	struct j_val f[FIELDS];

	j_pick(source, "type\0data\0content\0", f);
	switch (j_which(f[TYPE], "text\0content\0base64\0")) {
	case 0:
		return string_cost(&c->machine, f[DATA]);
	case 1:
		return content_cost(c, f[CONTENT], nest);
	case 2:
		return ((int64_t)f[DATA].n / 4 * 3 / DOCUMENT_BYTES + 1) * UNIT;
	default:
		return DOCUMENT_TOKENS * UNIT;
	}
}

static int64_t tool_cost(const struct machine *m, struct j_val tool)
{
	struct j_val field[3];

	j_pick(tool, "name\0description\0input_schema\0", field);
	return TOOL_TOKENS * UNIT + string_cost(m, field[0]) + string_cost(m, field[1]) + json_cost(m, field[2]);
}

/* a deferred tool is sent where it is referenced */
static int64_t reference_cost(const struct count *c, struct j_val name)
{
	struct j_val tool = { 0 };

	while (j_item(c->tools, &tool))
		if (j_same(j_get(tool, "name"), name))
			return tool_cost(&c->machine, tool);
	return 0;
}

static int64_t block_cost(const struct count *c, struct j_val block, int nest)
{
	/* first the fields that some of the types are named after */
	enum { TEXT, THINKING, TYPE, NAME, INPUT, CONTENT, SOURCE, TITLE, CONTEXT, TOOL_NAME, FIELDS };
	enum { DOCUMENT = THINKING + 1, IMAGE, RESULT, REFERENCE, REDACTED, USE, SERVER_USE };
	const struct machine *m = &c->machine;
	struct j_val f[FIELDS];

	j_pick(block, "text\0thinking\0type\0name\0input\0content\0source\0title\0context\0tool_name\0", f);
	int type = j_which(f[TYPE], "text\0thinking\0document\0image\0tool_result\0tool_reference\0redacted_thinking\0"
		"tool_use\0server_tool_use\0");
	switch (type) {
	case TEXT:
	case THINKING:
		return string_cost(m, f[type]);
	case USE:
	case SERVER_USE:
		return CALL_TOKENS * UNIT + string_cost(m, f[NAME]) + json_cost(m, f[INPUT]);
	case RESULT:
		return RESULT_TOKENS * UNIT + content_cost(c, f[CONTENT], nest);
	case IMAGE:
		return image_tokens(f[SOURCE]) * UNIT;
	case DOCUMENT:
		return string_cost(m, f[TITLE]) + string_cost(m, f[CONTEXT]) + document_cost(c, f[SOURCE], nest);
	case REFERENCE:
		return reference_cost(c, f[TOOL_NAME]);
	case REDACTED:
		return 0;
	default:
		return json_cost(m, block);
	}
}

static int64_t content_cost(const struct count *c, struct j_val content, int nest)
{
	struct j_val item = { 0 };
	int64_t total = string_cost(&c->machine, content);

	while (nest > 0 && j_item(content, &item))
		total += item.type == J_STRING ? string_cost(&c->machine, item) : block_cost(c, item, nest - 1);
	return total;
}

/* ---- the request ---- */

/* the first block of Claude Code's is for billing and is not sent on */
static int64_t system_cost(const struct count *c, struct j_val system)
{
	struct j_val block = { 0 };
	int64_t total = string_cost(&c->machine, system);

	while (j_item(system, &block))
		if (!j_begins(j_get(block, "text"), "x-anthropic-billing-header"))
			total += block_cost(c, block, NEST);
	return total;
}

static int64_t tools_cost(const struct count *c)
{
	struct j_val tool = { 0 };
	int64_t total = 0;

	while (j_item(c->tools, &tool))
		if (j_get(tool, "defer_loading").type != J_TRUE)
			total += tool_cost(&c->machine, tool);
	return total;
}

int64_t tokens_estimate(struct j_val body)
{
	struct j_val field[3], message = { 0 };
	struct count c;

	machine_init(&c.machine);
	j_pick(body, "system\0messages\0tools\0", field);
	c.tools = field[2];
	int64_t total = system_cost(&c, field[0]) + tools_cost(&c);
	while (j_item(field[1], &message))
		total += MESSAGE_TOKENS * UNIT + content_cost(&c, j_get(message, "content"), NEST);
	return (total + UNIT - 1) / UNIT;
}
