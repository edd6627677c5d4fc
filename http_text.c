/*
 * Small texts of HTTP: fields by name, comma lists, numbers, and the lines
 * that this program writes. Names and tokens are compared case folded, in
 * ASCII and without a locale.
 */
#include "http.h"
#include "http_char.h"

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

int http_put_number(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return buf_put(b, digits + at, sizeof digits - at);
}

int http_put_field(struct buf *b, const char *name, const char *value, size_t n)
{
	size_t room = buf_room(b), k = strlen(name);

	if (k > room || n > room - k || room - k - n < 4)
		return 0;
	return buf_put(b, name, k) && buf_str(b, ": ") && buf_put(b, value, n) && buf_str(b, "\r\n");
}

/* RFC 9110 15, RFC 6585, and what this protocol's servers use */
static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} known[] = {
		{ 100, "Continue" }, { 102, "Processing" }, { 200, "OK" }, { 204, "No Content" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" }, { 409, "Conflict" }, { 411, "Length Required" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" }, { 421, "Misdirected Request" }, { 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" }, { 529, "Overloaded" }
	};
	static const char *const kind[] = { "Informational", "Success", "Redirection", "Client Error", "Server Error" };
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].status == status)
			return known[i].reason;
	return status >= 100 && status < 600 ? kind[status / 100 - 1] : "Unknown";
}

int http_put_status(struct buf *b, int status)
{
	const char *reason = reason_of(status);

	if (buf_room(b) < strlen("HTTP/1.1 200 ") + strlen(reason) + 2)
		return 0;
	return buf_str(b, "HTTP/1.1 ") && http_put_number(b, (uint64_t)status) && buf_str(b, " ")
		&& buf_str(b, reason) && buf_str(b, "\r\n");
}
