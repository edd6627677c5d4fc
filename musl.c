/*
 * For the static build by musl: what it lacks, and in place of what is large.
 *
 * A libbearssl.a that was compiled with _FORTIFY_SOURCE, as Debian's is, wants
 * glibc's checked copies. room is what the compiler knew of the destination's
 * size.
 *
 * musl's setrlimit brings what stops all other threads (on kernels before
 * 2.6.36), semaphores and all: here is one thread. Its getaddrinfo sorts at
 * most 48 addresses. Its strstr looks for long words fast: ours are short.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *dst, const void *src, size_t n, size_t room);
void *__memmove_chk(void *dst, const void *src, size_t n, size_t room);
void *__memset_chk(void *dst, int c, size_t n, size_t room);
void __synccall(void (*act)(void *), void *ctx);

void *__memcpy_chk(void *dst, const void *src, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memcpy(dst, src, n);
}

void *__memmove_chk(void *dst, const void *src, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memmove(dst, src, n);
}

void *__memset_chk(void *dst, int c, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memset(dst, c, n);
}

void __synccall(void (*act)(void *), void *ctx)
{
	act(ctx);
}

/* stable, as it is by insertion */
void qsort(void *base, size_t count, size_t size, int (*order)(const void *, const void *))
{
	char *first = base;

	for (size_t i = 1; i < count; i++)
		for (char *at = first + i * size; at > first && order(at - size, at) > 0; at -= size)
			for (char *p = at; p < at + size; p++) {
				char c = *p;
				*p = *(p - size);
				*(p - size) = c;
			}
}

char *strstr(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; strncmp(text, word, n) != 0; text++)
		if (*text == '\0')
			return NULL;
	return (char *)(uintptr_t)text;
}
