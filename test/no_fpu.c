/*
 * Linked into the C tests in place of musl's own, which saves registers of the
 * FPU and so dies on a processor without one: what these tests print, with no
 * floating point. Flags 0 and -, width, precision, l, ll, z; d u x X c s %.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int vfprintf(FILE *restrict f, const char *restrict format, va_list ap);

struct spec {
	bool left, zeros;
	int width, precision;	/* precision -1: none */
	int longs;
};

static int take_number(const char **p, va_list *ap)
{
	int n = 0;

	if (**p == '*') {
		++*p;
		return va_arg(*ap, int);
	}
	while (**p >= '0' && **p <= '9')
		n = n * 10 + *(*p)++ - '0';
	return n;
}

static struct spec take_spec(const char **p, va_list *ap)
{
	struct spec s = { .precision = -1 };

	for (; **p == '0' || **p == '-'; ++*p)
		*(**p == '0' ? &s.zeros : &s.left) = true;
	s.width = take_number(p, ap);
	if (**p == '.') {
		++*p;
		s.precision = take_number(p, ap);
	}
	for (; **p == 'l' || **p == 'z'; ++*p)
		s.longs += **p == 'z' ? sizeof(size_t) == sizeof(long) : 1;
	return s;
}

static int put(FILE *f, const struct spec *s, const char *sign, const char *text, size_t n)
{
	size_t all = n + strlen(sign), room = s->width > 0 && (size_t)s->width > all ? (size_t)s->width - all : 0;

	for (size_t i = room; i > 0 && !s->left && !s->zeros; i--)
		fputc(' ', f);
	fwrite(sign, 1, strlen(sign), f);
	for (size_t i = room; i > 0 && !s->left && s->zeros; i--)
		fputc('0', f);
	fwrite(text, 1, n, f);
	for (size_t i = room; i > 0 && s->left; i--)
		fputc(' ', f);
	return (int)(all + room);
}

static int put_number(FILE *f, const struct spec *s, char as, va_list *ap)
{
	const char *digits = as == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned base = as == 'd' || as == 'u' ? 10 : 16;
	char text[24], *p = text + sizeof text;
	uint64_t n;

	if (as == 'd')
		n = (uint64_t)(s->longs == 0 ? va_arg(*ap, int) : s->longs == 1 ? va_arg(*ap, long) : va_arg(*ap, long long));
	else
		n = s->longs == 0 ? va_arg(*ap, unsigned) : s->longs == 1 ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned long long);
	bool minus = as == 'd' && n >> 63 != 0;
	if (minus)
		n = -n;
	do
		*--p = digits[n % base];
	while ((n /= base) != 0);
	return put(f, s, minus ? "-" : "", p, (size_t)(text + sizeof text - p));
}

static int put_text(FILE *f, const struct spec *s, const char *text)
{
	size_t n = 0;

	while ((s->precision < 0 || n < (size_t)s->precision) && text[n] != '\0')
		n++;
	return put(f, s, "", text, n);
}

int vfprintf(FILE *restrict f, const char *restrict format, va_list ap)
{
	va_list args;
	int n = 0;

	va_copy(args, ap);
	for (const char *p = format; *p != '\0'; p++) {
		if (*p != '%') {
			n += fputc(*p, f) == EOF ? 0 : 1;
			continue;
		}
		p++;
		struct spec s = take_spec(&p, &args);
		char c = *p;
		if (c == 's')
			n += put_text(f, &s, va_arg(args, const char *));
		else if (c == 'c' || c == '%')
			n += put(f, &s, "", (char[1]){ c == '%' ? '%' : (char)va_arg(args, int) }, 1);
		else
			n += put_number(f, &s, c, &args);
	}
	va_end(args);
	return n;
}
