/*
 * json_check.c against the grammar of RFC 8259 written down once more,
 * plainly: every text up to a length over small alphabets. Each function
 * g_... returns how many bytes its production takes from p, which ends with a
 * NUL, or 0 for none.
 */
#include "json.h"

#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))


static size_t ws(const char *p)
{
	return strspn(p, " ");
}

static size_t g_string(const char *p)
{
	size_t i = 1;

	if (p[0] != '"')
		return 0;
	for (; p[i] != '"'; i++) {
		if (p[i] == '\0')
			return 0;
		if (p[i] != '\\')
			continue;
		i++;
		if (p[i] == '\0' || strchr("\"\\nu", p[i]) == NULL)
			return 0;
		if (p[i] == 'u' && strspn(p + i + 1, "01e") < 4)
			return 0;
	}
	return i + 1;
}

static size_t g_number(const char *p)
{
	size_t i = p[0] == '-', n;

	n = p[i] == '0' ? 1 : strspn(p + i, "01");
	if (n == 0)
		return 0;
	i += n;
	if (p[i] == '.') {
		if ((n = strspn(p + i + 1, "01")) == 0)
			return 0;
		i += n + 1;
	}
	if (p[i] == 'e') {
		i += 1 + (size_t)(p[i + 1] == '-');
		if ((n = strspn(p + i, "01")) == 0)
			return 0;
		i += n;
	}
	return i;
}

static size_t g_value(const char *p);

static size_t g_member(const char *p)
{
	size_t i = g_string(p), n;

	if (i == 0)
		return 0;
	i += ws(p + i);
	if (p[i++] != ':')
		return 0;
	i += ws(p + i);
	n = g_value(p + i);
	return n == 0 ? 0 : i + n;
}

static size_t g_list(const char *p, char close, size_t (*element)(const char *p))
{
	size_t i = 1 + ws(p + 1), n;

	if (p[i] == close)
		return i + 1;
	for (;;) {
		if ((n = element(p + i)) == 0)
			return 0;
		i += n;
		i += ws(p + i);
		if (p[i] == close)
			return i + 1;
		if (p[i++] != ',')
			return 0;
		i += ws(p + i);
	}
}

static size_t g_value(const char *p)
{
	switch (p[0]) {
	case '[': return g_list(p, ']', g_value);
	case '{': return g_list(p, '}', g_member);
	case '"': return g_string(p);
	}
	return g_number(p);
}

static bool g_text(const char *p)
{
	size_t i = ws(p), n = g_value(p + i);

	return n > 0 && p[i + n + ws(p + i + n)] == '\0';
}

/* texts over the alphabet on which the two disagree; right: those that both accept */
static unsigned long disagreements(const char *alphabet, size_t length, const char *head, unsigned long *right)
{
	size_t base = strlen(alphabet), before = strlen(head);
	unsigned long total = 1, wrong = 0;

	for (size_t i = 0; i < length; i++)
		total *= base;
	for (unsigned long code = 0; code < total; code++) {
		char text[32];
		struct j_err err;
		unsigned long rest = code;
		memcpy(text, head, before);
		for (size_t i = 0; i < length; i++, rest /= base)
			text[before + i] = alphabet[rest % base];
		text[before + length] = '\0';
		bool want = g_text(text);
		wrong += want != (j_check(text, before + length, &err) == 0);
		*right += want;
	}
	return wrong;
}

int main(void)
{
	static const struct {
		const char *what, *alphabet, *head;
		size_t length;
	} rows[] = {
		{ "all short texts of structure", "[]{},:\"1 ", "", 6 },
		{ "all short rests of an object", "[]{},:\"1 ", "{\"\":", 6 },
		{ "all short numbers", "01-.e ,]", "[", 6 },
		{ "all short strings", "\"\\nu01e", "\"", 7 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned long right = 0, wrong = 0;
		for (size_t n = 0; n <= rows[i].length; n++)
			wrong += disagreements(rows[i].alphabet, n, rows[i].head, &right);
		CHECK(rows[i].what, wrong == 0 && right > 50);
	}
	return CHECK_END();
}
