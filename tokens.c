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
 * blocks, so a conversation's estimate is that of its parts. What is ASCII and
 * what is not are summed apart, in the two halves of a word. A table of 11 KB
 * is made on the stack for each call.
 *
 *   state      behind
 *   W1..W13    so many letters of a word, the last lower case
 *   U1..U3     upper case letters
 *   D1..D3     digits of a group
 *   S1 S2      a blank, several
 *   P1..P3     punctuation
 *   HAN        a Chinese character
 *   E_x        a backslash, and x before it
 *   H4..H1     \u, so many digits to come
 */
#include "tokens.h"

#include <string.h>

#include "plan.h"

#define UNIT TOKENS_UNIT
#define FOREIGN 32	/* the bits by which the costs of what is not ASCII are shifted */

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
	HAN, OTHER, E_START, E_WORD, E_PUNCT, E_MORE, E_NEW, E_BLANK, H4, H1 = H4 + 3, STATES
};

/* tokens.h has room for just these */
typedef char enough_cells[TOKENS_CELLS == STATES * CLASSES ? 1 : -1];

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
	{ ESCAPED, LETTER_T, LETTER_T, TABS, 10 }, { ESCAPED, LETTER_U, LETTER_U, H4, 16 },
	{ E_NEW, E_NEW, LETTER_N, LETTER_R, NEW, 10 }, { E_PUNCT, E_MORE, LETTER_N, LETTER_R, NEW, 0 },
	{ ESCAPED, LETTER_N, LETTER_R, NEW, 10 },
	{ E_PUNCT, E_PUNCT, BYTES, P1 + 1, 4 }, { E_MORE, E_MORE, BYTES, P3, 2 }, { ESCAPED, BYTES, P1, 18 },

	/* the ninth letter, and each from the 13th on, make another token likelier */
	{ W1 + 7, W1 + 7, LETTERS, MORE, 3 }, { W13 - 1, W13, LETTERS, W13, 13 },
	{ W1, W13, LETTERS, MORE, 0 }, { U1, U1, LETTERS, W1 + 1, 0 }, { LETTER, LETTER, LETTERS, W1 + 1, 0 },
	{ U1, U3, LETTERS, W1, 21 }, { S1, S2, LETTERS, W1, 17 }, { ANY, LETTERS, W1, 13 },

	{ U1, U1, UPPER, UPPER, MORE, 0 }, { U1, U3, UPPER, UPPER, U3, 2 }, { W1, W13, UPPER, UPPER, U1, 19 },
	{ S1, S2, UPPER, UPPER, U1, 20 }, { P1, P1, UPPER, UPPER, U1, 15 }, { ANY, UPPER, UPPER, U1, 21 },
	{ D1, D3 - 1, DIGIT, DIGIT, MORE, 0 }, { S1, S2, DIGIT, DIGIT, D1, 39 }, { ANY, DIGIT, DIGIT, D1, 24 },
	{ S1, S1, BLANK, BLANK, S2, 18 }, { S2, S2, BLANK, BLANK, S2, 0 }, { ANY, BLANK, BLANK, S1, 0 },
	{ NEW, NEW, NEWLINE, NEWLINE, NEW, 12 }, { P1, UNDER, NEWLINE, NEWLINE, NEW, 0 }, { ANY, NEWLINE, NEWLINE, NEW, 19 },
	{ TABS, TABS, TAB, TAB, TABS, 6 }, { ANY, TAB, TAB, TABS, 16 },
	{ ANY, UNDERSCORE, UNDERSCORE, UNDER, 7 },
	{ P1, P1, BACKSLASH, BACKSLASH, E_PUNCT, 0 }, { UNDER, UNDER, BACKSLASH, BACKSLASH, E_PUNCT, 0 },
	{ P1, P3, BACKSLASH, BACKSLASH, E_MORE, 0 }, { NEW, NEW, BACKSLASH, BACKSLASH, E_NEW, 0 },
	{ S1, S2, BACKSLASH, BACKSLASH, E_BLANK, 0 }, { START, START, BACKSLASH, BACKSLASH, E_START, 0 },
	{ ANY, BACKSLASH, BACKSLASH, E_WORD, 0 },
	{ P1, P1, PUNCT, PUNCT, MORE, 0 }, { P1, P3, PUNCT, PUNCT, P3, 3 }, { ANY, PUNCT, PUNCT, P1, 15 },

	{ ANY, LATIN, LATIN, LETTER, 28 }, { ALIEN, ALIEN, TWO, TWO, ALIEN, 4 }, { ANY, TWO, TWO, ALIEN, 20 },
	{ ANY, INDIC, INDIC, OTHER, 16 }, { ANY, SYMBOL, SYMBOL, OTHER, 20 }, { ANY, KANA, KANA, OTHER, 13 },
	{ HAN, HAN, CJK, CJK, HAN, 12 }, { ANY, CJK, CJK, HAN, 16 },
	{ ANY, HANGUL, HANGUL, OTHER, 15 }, { ANY, FULL, FULL, OTHER, 13 }, { ANY, FOUR, FOUR, OTHER, 48 },
	{ ANY, INNER, INNER, STAY, 0 },
};

void tokens_init(struct tokens_machine *m)
{
	for (unsigned c = 0; c < 256; c++)
		m->class[c] = (unsigned char)class_of(c);
	for (size_t i = sizeof steps / sizeof steps[0]; i-- > 0;) {
		const unsigned char *r = steps[i];

		for (unsigned s = r[0]; s <= r[1]; s++) {
			unsigned next = r[4] == STAY ? s : r[4] == MORE ? s + 1 : r[4];

			for (unsigned c = r[2]; c <= r[3]; c++) {
				m->next[s * CLASSES + c] = (uint16_t)(next * CLASSES);
				m->cost[s * CLASSES + c] = (uint64_t)r[5] << (c >= LATIN || next == H4 ? FOREIGN : 0);
			}
		}
	}
}

/* ---- text ---- */

/*
 * The costs of a text, in units, both in one. A long one is read from its head and from a
 * blank near its middle at once: each byte waits for the state before it, and
 * two that wait together take the time of one.
 */
static uint64_t cost(const struct tokens_machine *m, const char *p, size_t n)
{
	const char *blank_at = n >= SPLIT_MIN ? memchr(p + (n + 1) / 2, ' ', n / 2) : NULL;
	size_t half = blank_at != NULL ? (size_t)(blank_at - p) : n, at = 0;
	const unsigned char *a = (const unsigned char *)p, *b = n > 0 ? a + half : a;
	unsigned i, k, sa = START, sb = START;
	uint64_t total = 0;

	/* the second part is never the longer one */
	for (; at < n - half; at++) {
		i = sa + m->class[a[at]];
		k = sb + m->class[b[at]];
		sa = m->next[i];
		sb = m->next[k];
		total += m->cost[i] + m->cost[k];
	}
	for (; at < half; at++) {
		i = sa + m->class[a[at]];
		sa = m->next[i];
		total += m->cost[i];
	}
	return total;
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

/* the request's tools, the sums so far, and what they are made with */
struct count {
	const struct tokens_machine *machine;
	struct j_val tools;
	struct tokens sum;
};

static void add_raw(struct count *c, const char *p, size_t n)
{
	uint64_t both = n > 0 ? cost(c->machine, p, n) : 0;

	c->sum.plain += (uint32_t)both;
	c->sum.foreign += (int64_t)(both >> FOREIGN);
}

static void add_string(struct count *c, struct j_val string)
{
	size_t n;
	const char *p = j_raw(string, &n);

	add_raw(c, p, n);
}

static void add_json(struct count *c, struct j_val v)
{
	add_raw(c, v.p, v.n);
}

static void add_content(struct count *c, struct j_val content, int nest);

/* without its title and context */
static void add_document(struct count *c, struct j_val source, int nest)
{
	enum { TYPE, DATA, CONTENT, FIELDS };
	struct j_val f[FIELDS];

	j_pick(source, "type\0data\0content\0", f);
	switch (j_which(f[TYPE], "text\0content\0base64\0")) {
	case 0:
		add_string(c, f[DATA]);
		break;
	case 1:
		add_content(c, f[CONTENT], nest);
		break;
	case 2:
		c->sum.media += (int64_t)f[DATA].n / 4 * 3 / DOCUMENT_BYTES + 1;
		break;
	default:
		c->sum.media += DOCUMENT_TOKENS;
	}
}

enum { TOOL_NAME_FIELD, TOOL_DESCRIPTION, TOOL_SCHEMA, TOOL_DEFER, TOOL_FIELDS };
static const char tool_names[] = "name\0description\0input_schema\0defer_loading\0";

static void add_tool(struct count *c, const struct j_val f[])
{
	c->sum.plain += TOOL_TOKENS * UNIT;
	add_string(c, f[TOOL_NAME_FIELD]);
	add_string(c, f[TOOL_DESCRIPTION]);
	add_json(c, f[TOOL_SCHEMA]);
}

/* a deferred tool is sent where it is referenced */
static void add_reference(struct count *c, struct j_val name)
{
	struct j_val tool = { 0 }, f[TOOL_FIELDS];

	while (j_item_pick(c->tools, &tool, tool_names, f))
		if (j_same(f[TOOL_NAME_FIELD], name)) {
			add_tool(c, f);
			return;
		}
}

/* first the fields that some of the types are named after */
enum { TEXT, THINKING, TYPE, NAME, INPUT, CONTENT, SOURCE, TITLE, CONTEXT, TOOL_NAME, FIELDS };
static const char block_names[] = "text\0thinking\0type\0name\0input\0content\0source\0title\0context\0tool_name\0";

static void add_block(struct count *c, struct j_val block, const struct j_val f[], int nest)
{
	enum { DOCUMENT = THINKING + 1, IMAGE, RESULT, REFERENCE, REDACTED, USE, SERVER_USE };
	int type = j_which(f[TYPE], "text\0thinking\0document\0image\0tool_result\0tool_reference\0redacted_thinking\0"
		"tool_use\0server_tool_use\0");
	switch (type) {
	case TEXT:
	case THINKING:
		add_string(c, f[type]);
		break;
	case USE:
	case SERVER_USE:
		c->sum.plain += CALL_TOKENS * UNIT;
		add_string(c, f[NAME]);
		add_json(c, f[INPUT]);
		break;
	case RESULT:
		c->sum.plain += RESULT_TOKENS * UNIT;
		add_content(c, f[CONTENT], nest);
		break;
	case IMAGE:
		c->sum.media += image_tokens(f[SOURCE]);
		break;
	case DOCUMENT:
		add_string(c, f[TITLE]);
		add_string(c, f[CONTEXT]);
		add_document(c, f[SOURCE], nest);
		break;
	case REFERENCE:
		add_reference(c, f[TOOL_NAME]);
		break;
	case REDACTED:
		break;
	default:
		add_json(c, block);
	}
}

static void add_content(struct count *c, struct j_val content, int nest)
{
	struct j_val item = { 0 }, f[FIELDS];

	add_string(c, content);
	while (nest > 0 && j_item_pick(content, &item, block_names, f))
		if (item.type == J_STRING)
			add_string(c, item);
		else
			add_block(c, item, f, nest - 1);
}

/* ---- the request ---- */

/* the first block of Claude Code's is for billing and is not sent on */
static void add_system(struct count *c, struct j_val system)
{
	struct j_val block = { 0 }, f[FIELDS];

	add_string(c, system);
	while (j_item_pick(system, &block, block_names, f))
		if (!j_begins(f[TEXT], "x-anthropic-billing-header"))
			add_block(c, block, f, NEST);
}

struct tokens tokens_count(const struct tokens_machine *m, struct j_val body)
{
	struct j_val field[3], tool[TOOL_FIELDS], item = { 0 }, content;
	struct count c;

	c.machine = m;
	j_pick(body, "system\0messages\0tools\0", field);
	c.tools = field[2];
	c.sum = (struct tokens){ 0 };
	add_system(&c, field[0]);
	while (j_item_pick(c.tools, &item, tool_names, tool))
		if (tool[TOOL_DEFER].type != J_TRUE)
			add_tool(&c, tool);
	item = (struct j_val){ 0 };
	while (j_item_pick(field[1], &item, "content\0", &content)) {
		c.sum.plain += MESSAGE_TOKENS * UNIT;
		add_content(&c, content, NEST);
	}
	return c.sum;
}
