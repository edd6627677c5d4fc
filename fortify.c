/*
 * For the static build by musl.
 *
 * A libbearssl.a that was compiled with _FORTIFY_SOURCE, as Debian's is, wants
 * glibc's checked copies, which musl lacks. room is what the compiler knew of
 * the destination's size.
 *
 * musl's setrlimit brings what stops all other threads (on kernels before
 * 2.6.36), semaphores and all. Here is one thread.
 */
#include <stddef.h>
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
