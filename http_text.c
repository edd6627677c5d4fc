/*
 * Small texts of HTTP: fields by name, comma lists, numbers, and the lines
 * that this program writes. Names and tokens are compared case folded, in
 * ASCII and without a locale.
 */
#include "http.h"
#include "http_char.h"
#include "log.h"

#include <stdarg.h>

bool http_is(struct http_text t, const char *lower)
{
	size_t i;

	if (t.p == NULL || t.n != strlen(lower))
		return false;
	for (i = 0; i < t.n; i++)
		if (fold((unsigned char)t.p[i]) != (unsigned char)lower[i])
			return false;
	return true;
}

struct http_text http_trim(const char *p, size_t n)
{
	struct http_text t;

	while (n > 0 && is_space((unsigned char)p[0])) {
		p++;
		n--;
	}
	while (n > 0 && is_space((unsigned char)p[n - 1]))
		n--;
	t.p = p;
	t.n = n;
	return t;
}

bool http_cut(struct http_text *list, char separator, struct http_text *member)
{
	const char *stop;
	size_t n;

	if (list->p == NULL)
		return false;
	stop = list->n > 0 ? memchr(list->p, separator, list->n) : NULL;
	n = stop != NULL ? (size_t)(stop - list->p) : list->n;
	*member = http_trim(list->p, n);
	list->p = stop != NULL ? stop + 1 : NULL;
	list->n = stop != NULL ? list->n - n - 1 : 0;
	return true;
}

bool http_next(struct http_text *list, struct http_text *member)
{
	return http_cut(list, ',', member);
}

bool http_has(struct http_text list, const char *lower)
{
	struct http_text member;

	while (http_next(&list, &member))
		if (http_is(member, lower))
			return true;
	return false;
}

int64_t http_number(struct http_text t, int64_t max)
{
	int64_t v = 0;
	size_t i;

	if (t.p == NULL || t.n == 0 || max < 0)
		return -1;
	for (i = 0; i < t.n; i++) {
		int digit = t.p[i] - '0';

		if (!is_digit((unsigned char)t.p[i]) || v > max / 10)
			return -1;
		v *= 10;
		if (digit > max - v)
			return -1;
		v += digit;
	}
	return v;
}

struct http_text http_field(const struct http_head *h, const char *name)
{
	static const struct http_text none = { NULL, 0 };
	size_t i;

	for (i = 0; i < h->nfields; i++)
		if (http_is(h->fields[i].name, name))
			return h->fields[i].value;
	return none;
}

size_t http_count(const struct http_head *h, const char *name)
{
	size_t i, count = 0;

	for (i = 0; i < h->nfields; i++)
		if (http_is(h->fields[i].name, name))
			count++;
	return count;
}

int http_put(struct buf *b, const char *format, ...)
{
	size_t n, room = buf_room(b);
	va_list ap;

	va_start(ap, format);
	n = vfmt(buf_end(b), room, format, ap);
	va_end(ap);
	if (n >= room)
		return 0;
	buf_added(b, n);
	return 1;
}

/* RFC 9110 15, RFC 6585, and what this protocol's servers use; behind them those of a whole class */
static const char reasons[] = "100 Continue\0" "102 Processing\0" "200 OK\0" "204 No Content\0" "400 Bad Request\0"
	"401 Unauthorized\0" "402 Payment Required\0" "403 Forbidden\0" "404 Not Found\0" "405 Method Not Allowed\0"
	"408 Request Timeout\0" "409 Conflict\0" "413 Content Too Large\0" "415 Unsupported Media Type\0"
	"417 Expectation Failed\0" "421 Misdirected Request\0" "422 Unprocessable Content\0" "429 Too Many Requests\0"
	"431 Request Header Fields Too Large\0" "500 Internal Server Error\0" "501 Not Implemented\0" "502 Bad Gateway\0"
	"503 Service Unavailable\0" "504 Gateway Timeout\0" "505 HTTP Version Not Supported\0" "529 Overloaded\0"
	"1xx Informational\0" "2xx Success\0" "3xx Redirection\0" "4xx Client Error\0" "5xx Server Error\0";

int http_put_status(struct buf *b, int status)
{
	char digits[12];
	const char *p = reasons;

	fmt(digits, sizeof digits, "%d", status);
	while (*p && memcmp(p, digits, 3) != 0 && !(p[1] == 'x' && *p == *digits))
		p += strlen(p) + 1;
	return http_put(b, "HTTP/1.1 %s %s\r\n", digits, *p ? p + 4 : "Unknown");
}
