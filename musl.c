/*
 * For the static build: parts of musl that serve every program, as small as this
 * one and musl's resolver need them. That saves 10 KB.
 *
 * Promises what the standard says of the functions that it defines, but for:
 * texts are of the C locale, numbers have no sign, and there is one thread.
 * Limits: sorting and searching are by the plain ways, for the tens of addresses
 * and the short words that are sorted and searched for here.
 *
 * All of it is weak: where a libc needs more of the same file, its own is taken.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma weak qsort
#pragma weak strstr
#pragma weak strtoul
#pragma weak strtoull
#pragma weak mbstowcs
#pragma weak fork
#pragma weak __synccall
#pragma weak __lock
#pragma weak __unlock
#pragma weak __lockfile
#pragma weak __unlockfile
#pragma weak __stdio_exit_needed

pid_t _Fork(void);
void __synccall(void (*call)(void *ctx), void *ctx);
void __lock(volatile int *lock);
void __unlock(volatile int *lock);
int __lockfile(void *file);
void __unlockfile(void *file);
void __stdio_exit_needed(void);

/* ---- one thread ---- */

/* no handlers to run, no locks to take */
pid_t fork(void)
{
	return _Fork();
}

/* what a change of user does in every thread */
void __synccall(void (*call)(void *ctx), void *ctx)
{
	call(ctx);
}

void __lock(volatile int *lock)
{
	(void)lock;
}

void __unlock(volatile int *lock)
{
	(void)lock;
}

int __lockfile(void *file)
{
	(void)file;
	return 0;
}

void __unlockfile(void *file)
{
	(void)file;
}

/* files that are read alone have nothing to flush at the end */
void __stdio_exit_needed(void)
{
}

/* ---- what the resolver calls ---- */

static void swap(char *a, char *b, size_t n)
{
	while (n-- > 0) {
		char c = a[n];
		a[n] = b[n];
		b[n] = c;
	}
}

void qsort(void *all, size_t n, size_t size, int (*compare)(const void *a, const void *b))
{
	char *first = all;

	for (size_t i = 1; i < n; i++)
		for (char *p = first + i * size; p > first && compare(p - size, p) > 0; p -= size)
			swap(p - size, p, size);
}

char *strstr(const char *text, const char *word)
{
	size_t n = strlen(word);

	while (strncmp(text, word, n) != 0)
		if (*text++ == '\0')
			return NULL;
	return (char *)text;
}

static unsigned value_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10 : UINT_MAX;
}

unsigned long long strtoull(const char *s, char **end, int base)
{
	unsigned long long v = 0;
	unsigned radix = (unsigned)base;
	const char *p = s + strspn(s, " \t\n\v\f\r");

	if ((radix | 16) == 16 && p[0] == '0' && (p[1] | 0x20) == 'x' && value_of(p[2]) < 16) {
		radix = 16;
		p += 2;
	}
	if (radix == 0)
		radix = *p == '0' ? 8 : 10;
	if (value_of(*p) < radix)
		s = p;
	for (; value_of(*p) < radix; s = ++p)
		v = v > (ULLONG_MAX - value_of(*p)) / radix ? ULLONG_MAX : v * radix + value_of(*p);
	if (end != NULL)
		*end = (char *)s;
	return v;
}

unsigned long strtoul(const char *s, char **end, int base)
{
	unsigned long long v = strtoull(s, end, base);

	return v > ULONG_MAX ? ULONG_MAX : (unsigned long)v;
}

/* Whether a text is valid, and how long: in the C locale each byte is a character. */
size_t mbstowcs(wchar_t *dst, const char *s, size_t n)
{
	size_t i = 0;

	for (; dst == NULL ? s[i] != '\0' : i < n; i++)
		if (dst != NULL && (dst[i] = (unsigned char)s[i]) == 0)
			break;
	return i;
}
