/* musl.c, under names of its own beside the C library's */
#define qsort small_qsort
#define strstr small_strstr
#define strtoul small_strtoul
#define strtoull small_strtoull
#define mbstowcs small_mbstowcs
#define fork small_fork
#define _Fork small_child
#define __lock small_lock
#define __unlock small_unlock
#define __lockfile small_lockfile
#define __unlockfile small_unlockfile
#define __stdio_exit_needed small_exit
#undef _FORTIFY_SOURCE
#include "../musl.c"
#undef strstr

#include "check.h"

pid_t small_child(void)
{
	return 7;
}

static int by_first(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

static void sorted(const char *what, const char *in, const char *want)
{
	char text[32];
	size_t n = strlen(in);

	memcpy(text, in, n + 1);
	small_qsort(text, n / 2, 2, by_first);
	CHECK(what, strcmp(text, want) == 0);
}

static void found(const char *text, const char *word, long at)
{
	char *p = small_strstr(text, word);

	CHECK(word, at < 0 ? p == NULL : p == text + at);
}

static void numbers(void)
{
	static const struct { const char *s; int base; unsigned long long want; size_t end; } t[] = {
		{ "0", 10, 0, 1 }, { "65535", 10, 65535, 5 }, { " \t12/udp", 10, 12, 4 }, { "x", 10, 0, 0 }, { "", 10, 0, 0 },
		{ "  x", 10, 0, 0 }, { "0x7f.1", 0, 127, 4 }, { "0177.1", 0, 127, 4 }, { "08", 0, 0, 1 }, { "0x", 0, 0, 1 },
		{ "0xg", 16, 0, 1 }, { "0XaF", 16, 175, 4 }, { "af", 16, 175, 2 }, { "127", 0, 127, 3 },
		{ "18446744073709551615", 10, ULLONG_MAX, 20 }, { "18446744073709551616", 10, ULLONG_MAX, 20 },
		{ "99999999999999999999999", 10, ULLONG_MAX, 23 }, { "12a", 10, 12, 2 }, { "0x1", 10, 0, 1 },
	};
	char *end;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		CHECK(t[i].s, small_strtoull(t[i].s, &end, t[i].base) == t[i].want && end == t[i].s + t[i].end);
		CHECK(t[i].s, small_strtoul(t[i].s, NULL, t[i].base) == (t[i].want > ULONG_MAX ? ULONG_MAX : t[i].want));
	}
}

static void wide(void)
{
	wchar_t dst[4] = { 9, 9, 9, 9 };

	CHECK("the length of a text", small_mbstowcs(NULL, "a\xc3z", 0) == 3);
	CHECK("each byte", small_mbstowcs(dst, "a\xc3", 4) == 2 && dst[0] == 'a' && dst[1] == 0xc3 && dst[2] == 0 && dst[3] == 9);
	CHECK("as many as fit", small_mbstowcs(dst, "xyz", 2) == 2 && dst[1] == 'y' && dst[2] == 0);
}

static void called(void *ctx)
{
	++*(int *)ctx;
}

int main(void)
{
	int times = 0;

	sorted("nothing to sort", "", "");
	sorted("one", "a1", "a1");
	sorted("in order already", "a1b2c3", "a1b2c3");
	sorted("backwards", "c3b2a1", "a1b2c3");
	sorted("equals stay in their order", "b1a1b2a2b3", "a1a2b1b2b3");
	found("abcabd", "abd", 3);
	found("aab", "ab", 1);
	found("abc", "", 0);
	found("", "", 0);
	found("", "a", -1);
	found("ab", "abc", -1);
	found("xyz", "z", 2);
	numbers();
	wide();
	__synccall(called, &times);
	CHECK("the one thread is called once", times == 1);
	CHECK("fork", small_fork() == 7);
	CHECK("a file's lock", small_lockfile(&times) == 0);
	return CHECK_END();
}
