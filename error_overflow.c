/*
 * Overflows of the context in every wording, and which number is which.
 *
 * No table of sentences: a family is known by its words, a number by the words
 * around it within its clause. What stands behind it decides first ("8000
 * tokens from the input", "4096 maximum"), then what stands before it, the
 * last word winning ("maximum context length is 8192", "however, you requested
 * 10000"). Of two numbers alone the larger is the count: an overflow has no
 * other order.
 */
#include <string.h>

#include "error_said.h"

#define NUMBERS 12
#define NUMBER_MIN 64		/* smaller ones count messages, drafts, positions */
#define BEFORE 72		/* bytes of a clause that are looked at */
#define AFTER 40
#define ROOM_MIN 256		/* tokens left for the answer below which compacting is the better way */

enum label { L_NONE, L_LIMIT, L_TOTAL, L_INPUT, L_OUTPUT, LABELS };

struct number {
	int64_t value;
	const char *at, *end;
	enum label label;
	bool least;		/* "at least": a lower bound */
};

/* ---- numbers ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* 131072, 131,072 and 131_072; what is behind the digits */
static const char *read_number(const char *p, int64_t *value)
{
	*value = 0;
	for (;; p++) {
		bool group = (*p == ',' || *p == '_') && is_digit(p[1]) && is_digit(p[2]) && is_digit(p[3])
			&& !is_digit(p[4]);

		if (group)
			continue;
		if (!is_digit(*p))
			return p;
		if (*value < INT64_MAX / 100)
			*value = 10 * *value + (*p - '0');
	}
}

/* models, versions, dates and request ids hold digits too */
static bool is_part_of_name(const char *text, const char *at, const char *end)
{
	if (at > text && (is_letter(at[-1]) || strchr("-_./#@", at[-1]) != NULL))
		return true;
	if (at[0] == '0' && end > at + 1)
		return true;
	if (text_begins(end + (*end == '-'), "token"))
		return false;
	if (is_letter(*end) || *end == '_' || *end == '/' || *end == '%' || *end == '-')
		return true;
	return (*end == '.' || *end == ':') && is_digit(end[1]);
}

static bool ends_word(const char *text, const char *at, const char *words)
{
	size_t n = text_ends(text, at, words);

	return n > 0 && (at == text + n || !is_letter(at[-(ptrdiff_t)n - 1]));
}

/* "error code: 400", "<400>", "request id: 2025" */
static bool is_code(const char *text, const char *at, int64_t value)
{
	while (at > text && strchr(" :'\"=(", at[-1]) != NULL)
		at--;
	if (ends_word(text, at, "id"))
		return true;
	return value >= 100 && value <= 599 && (text_ends(text, at, "<") || ends_word(text, at, "code|status|error|http"));
}

/* "128k" and "1m" tokens */
static const char *scale(const char *end, int64_t *value)
{
	if ((*end != 'k' && *end != 'm') || is_letter(end[1]) || is_digit(end[1]) || *value > 100000)
		return end;
	*value *= *end == 'k' ? 1000 : 1000000;
	return end + 1;
}

static size_t find_numbers(const char *text, struct number *out)
{
	size_t n = 0;

	for (const char *p = text; *p != '\0' && *p != '\n' && n < NUMBERS;) {
		struct number number = { 0, p, p, L_NONE, false };

		if (!is_digit(*p)) {
			p++;
			continue;
		}
		p = read_number(p, &number.value);
		p = scale(p, &number.value);
		number.end = p;
		if (is_part_of_name(text, number.at, p) || is_code(text, number.at, number.value)) {
			while (is_digit(*p) || is_letter(*p) || strchr("-_", *p) != NULL)
				if (*p++ == '\0')
					return n;
			continue;
		}
		if (number.value >= NUMBER_MIN)
			out[n++] = number;
	}
	return n;
}

/* ---- labels ---- */

/* the last place of any of the words in a text, -1 without */
static int last_of(const char *text, const char *words)
{
	char word[WORD];
	int last = -1;

	while (next_word(&words, word) > 0)
		for (const char *p = strstr(text, word); p != NULL; p = strstr(p + 1, word))
			if ((int)(p - text) > last)
				last = (int)(p - text);
	return last;
}

/* the clause in front of a number */
static void before(const char *from, const char *at, char *dst)
{
	if (at - from > BEFORE)
		from = at - BEFORE;
	for (const char *p = from; p < at; p++)
		if ((*p == '.' || *p == ';') && p[1] == ' ')
			from = p + 1;
	memcpy(dst, from, (size_t)(at - from));
	dst[at - from] = '\0';
}

/* the clause behind it */
static void behind(const char *end, char *dst)
{
	size_t n = 0;

	while (n < AFTER && end[n] != '\0' && !is_digit(end[n]) && strchr("().;:,\n[>", end[n]) == NULL
	       && !text_begins(end + n, " and | but | while | exceed| is | than | for the model"))
		n++;
	memcpy(dst, end, n);
	dst[n] = '\0';
}

static enum label label_behind(const char *text)
{
	if (text_begins(text, " + "))
		return L_INPUT;
	text += strspn(text, " ");
	if (text_begins(text, "token"))
		text += strcspn(text, " ");
	text += strspn(text, " ");
	if (text_begins(text, "max|limit"))
		return L_LIMIT;
	int input = last_of(text, "input|message|prompt"), output = last_of(text, "output|completion|generat|max_");
	if (input < 0 && output < 0)
		return L_NONE;
	return input > output ? L_INPUT : L_OUTPUT;
}

static enum label label_before(const char *text)
{
	const char *end = text + strlen(text);

	if (text_ends(text, end, "> |<= |< "))
		return L_LIMIT;
	if (text_ends(text, end, "+ ") || text_has(text, "max_tokens|max_completion_tokens|max_output_tokens|max_new_tokens"))
		return L_OUTPUT;
	int limit = last_of(text, "maximum|max |max_|limit|context length|context size|context window|context_length|allowed|"
		"at most|up to|less than|only|n_ctx|window of|capacity|longer than");
	int total = last_of(text, "resulted in|requested|contain|total of|count of|current length| got | has | have |provided|"
		"received| sent| used|actual");
	if (limit < 0 && total < 0)
		return L_NONE;
	return limit > total ? L_LIMIT : L_TOTAL;
}

static void label_numbers(const char *text, struct number *numbers, size_t n)
{
	const char *from = text;

	for (size_t i = 0; i < n; i++) {
		char clause[BEFORE + 1], rest[AFTER + 1];

		before(from, numbers[i].at, clause);
		behind(numbers[i].end, rest);
		numbers[i].least = strstr(clause, "at least") != NULL;
		numbers[i].label = label_behind(rest);
		if (numbers[i].label == L_NONE)
			numbers[i].label = label_before(clause);
		from = numbers[i].end;
	}
}

/* ---- what they mean ---- */

static bool is_repeated(const struct number *numbers, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (numbers[k].value == numbers[i].value)
			return true;
	return false;
}

static size_t distinct(const struct number *numbers, size_t n, int64_t *low, int64_t *high)
{
	size_t count = 0;

	*low = *high = n > 0 ? numbers[0].value : 0;
	for (size_t i = 0; i < n; i++) {
		count += !is_repeated(numbers, i);
		if (numbers[i].value < *low)
			*low = numbers[i].value;
		if (numbers[i].value > *high)
			*high = numbers[i].value;
	}
	return count;
}

/* the first number of each label; a lower bound of the input is no use */
static void sort_labels(const struct number *numbers, size_t n, int64_t value[LABELS], bool *least)
{
	for (size_t i = 0; i < n; i++) {
		enum label label = numbers[i].label == L_NONE ? L_TOTAL : numbers[i].label;

		if (value[label] != 0 || (numbers[i].label == L_NONE && is_repeated(numbers, i)))
			continue;
		value[label] = numbers[i].value;
		if (label == L_INPUT && numbers[i].least)
			*least = true;
	}
}

static void from_labels(const struct number *numbers, size_t n, struct overflow *o)
{
	int64_t value[LABELS] = { 0 };
	bool least = false;

	sort_labels(numbers, n, value, &least);
	o->limit = value[L_LIMIT];
	o->output = value[L_OUTPUT];
	o->input = value[L_INPUT];
	o->count = value[L_TOTAL] > 0 ? value[L_TOTAL] : value[L_INPUT] + value[L_OUTPUT];
	if (value[L_TOTAL] > o->output && o->output > 0)
		o->input = value[L_TOTAL] - o->output;
	if (least)
		o->input = 0;
	if (o->limit == 0 || o->output == 0)
		return;
	if (o->input > 0 && o->input + ROOM_MIN <= o->limit)
		o->what = OVER_OUTPUT;
	/* only max_tokens and the window are told: the input is unknown */
	if (value[L_TOTAL] == 0 && value[L_INPUT] == 0)
		o->what = OVER_OUTPUT;
}

static void count_tokens(const struct said *s, struct overflow *o)
{
	struct number numbers[NUMBERS];
	size_t n = find_numbers(s->all, numbers), kinds;
	int64_t low, high;

	label_numbers(s->all, numbers, n);
	kinds = distinct(numbers, n, &low, &high);
	from_labels(numbers, n, o);
	if (o->what == OVER_OUTPUT)
		return;
	if (kinds == 2) {
		o->count = high;
		o->limit = low;
	}
	if (s->prompt > 0 && s->limit > 0) {
		o->count = s->prompt;
		o->limit = s->limit;
	}
	if (o->limit == 0 || o->count <= o->limit)
		o->count = 0;
}

/* ---- families ---- */

bool said_rate(const struct said *s)
{
	return said_has(s, "rate limit|rate_limit|ratelimit|rate-limit|too many requests|per min|per day|per hour|per second|"
		"tpm limit|(tpm| tpm|rpm limit|(rpm| rpm|throttl|please wait|requests limit|concurren");
}

/* max_tokens above what the model can write, whatever the prompt */
static bool is_output_limit(const struct said *s)
{
	if (!said_has(s, "max_tokens|max_completion_tokens|max_output_tokens|completion tokens|output tokens"))
		return false;
	if (said_has(s, "input tokens|inputs|input and |in the messages|prompt contains|messages resulted|at least"))
		return false;
	if (said_has(s, "at most|less than or equal|range of max|valid range|must be less than|cannot be greater|"
	    "must not exceed|should be in [|maximum value|maximum allowed number of output|maximum output|must be <=|<= |"
	    "between 1 and|maxoutputtokens"))
		return true;
	return said_has(s, "exceed|too large|too high|greater than|larger than")
		&& !said_has(s, "context|prompt|input|message|max_model_len|max_seq_len");
}

static bool is_context(const struct said *s)
{
	return s->code == 1261 || s->code == 5021 || (s->prompt > 0 && s->limit > 0)
		|| said_has(s, "context length|context_length|contextlength|context window|context_window|context size|"
			"context_size|context limit|prompt is too long|prompt too long|prompt exceeds|prompt length|"
			"prompt token count|prompt_tokens|prompt contains*token|input is too long|input too long|input length|"
			"input_length|inputs tokens|inputs` tokens|input token count|input exceeds|"
			"max input token|max input char|too many input tokens|token limit:|model token limit|token limit exceeded|"
			"exceeds token limit|maximum number of tokens|maximum number of input tokens|"
			"maximum prompt|max_seq_len|max_model_len|token count exceeds|"
			"requested token|request too long|reduce the length of|reduce your prompt|shorten your|"
			"longer than the model|exceeds the model's max|exceed the model's max|too many tokens|messages too long|"
			"text too long|conversation is too long|string_above_max_length|exceeds max length|max context|"
			"inputs` must|prompt has*token|tokens*exceed|exceed*tokens|must be at least 1, got -|超长|上下文|最大长度");
}

/* the only number that can be a limit: the smallest; one number alone may be what was asked for */
static void output_limit(const struct said *s, struct overflow *o)
{
	struct number numbers[NUMBERS];
	int64_t low, high;
	size_t n = find_numbers(s->all, numbers);

	size_t kinds = distinct(numbers, n, &low, &high);
	o->limit = low;
	if (kinds > 1 || (kinds == 1 && !said_has(s, "too large|too high")))
		o->what = OVER_LIMIT;
}

void said_overflow(const struct said *s, struct overflow *o)
{
	memset(o, 0, sizeof *o);
	if (said_rate(s) || said_has(s, "quota"))
		return;
	if (is_output_limit(s)) {
		output_limit(s, o);
		return;
	}
	if (!is_context(s))
		return;
	o->what = OVER_PROMPT;
	count_tokens(s, o);
}
