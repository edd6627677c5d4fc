/*
 * The formatter and the log.
 *
 * Promises: no heap, no stdio, no floating point, nothing that waits. A line is
 * one write() of at most LOG_LINE_MAX bytes, of LOG_JSON_MAX as a JSON object. The log may fail (full disk, full
 * pipe, reader gone): it loses lines, counts them, and says how many as soon as
 * it works again. SIGPIPE is ignored by the program.
 *
 * Limit: a blocking terminal or pipe is asked with poll() first. Linux says
 * "ready" there only with room for a page, so a line never waits for its reader.
 */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- the formatter ---- */

struct out {
	char *p;
	size_t room;		/* without the terminator */
	size_t n;		/* wanted so far, written or not */
	va_list ap;
};

struct spec {
	bool left, zero, cut;	/* cut: a precision is given */
	size_t width, precision;
	char size;		/* 0, l, L for ll, z */
	char kind;
};

static void put(struct out *o, const char *p, size_t n)
{
	if (n > 0 && o->n < o->room)
		memcpy(o->p + o->n, p, n < o->room - o->n ? n : o->room - o->n);
	o->n += n;
}

static void fill(struct out *o, char c, size_t n)
{
	while (n-- > 0)
		put(o, &c, 1);
}

/* digits of v in front of end; returns where they begin */
static char *digits(char *end, uint64_t v, unsigned base)
{
	do
		*--end = "0123456789abcdef"[v % base];
	while (v /= base);
	return end;
}

static void padded(struct out *o, const struct spec *s, const char *p, size_t n)
{
	size_t pad = s->width > n ? s->width - n : 0;

	if (!s->left)
		fill(o, ' ', pad);
	put(o, p, n);
	if (s->left)
		fill(o, ' ', pad);
}

static void number(struct out *o, const struct spec *s, bool negative, uint64_t v)
{
	char room[72], *end = room + sizeof room;
	char *p = digits(end, v, s->kind == 'x' ? 16 : 10);
	size_t width = s->width < 64 ? s->width : 64;

	while (s->zero && (size_t)(end - p) + negative < width)
		*--p = '0';
	if (negative)
		*--p = '-';
	padded(o, s, p, (size_t)(end - p));
}

static int64_t argument(struct out *o, const struct spec *s)
{
	bool is_signed = s->kind == 'd';

	switch (s->size) {
	case 'l': return is_signed ? va_arg(o->ap, long) : (int64_t)va_arg(o->ap, unsigned long);
	case 'L': return va_arg(o->ap, long long);
	case 'z': return (int64_t)va_arg(o->ap, size_t);
	}
	return is_signed ? va_arg(o->ap, int) : (int64_t)va_arg(o->ap, unsigned);
}

static void any_number(struct out *o, const struct spec *s)
{
	int64_t v = argument(o, s);
	bool negative = s->kind == 'd' && v < 0;

	number(o, s, negative, negative ? 0 - (uint64_t)v : (uint64_t)v);
}

static void text(struct out *o, const struct spec *s)
{
	const char *p = va_arg(o->ap, const char *);
	const char *end;
	size_t n = 0;

	if (p && s->cut) {
		end = memchr(p, 0, s->precision);
		n = end ? (size_t)(end - p) : s->precision;
	} else if (p) {
		n = strlen(p);
	}
	padded(o, s, p, n);
}

/*
 * The second byte alone tells overlong forms, surrogates and what is above
 * U+10FFFF, and the C1 controls U+0080 to U+009F.
 */
size_t printable(const unsigned char *p, size_t n)
{
	size_t want = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < want)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	switch (p[0]) {
	case 0xc2:
	case 0xe0: return p[1] < 0xa0 ? 0 : want;
	case 0xed: return p[1] > 0x9f ? 0 : want;
	case 0xf0: return p[1] < 0x90 ? 0 : want;
	case 0xf4: return p[1] > 0x8f ? 0 : want;
	}
	return want;
}

/* json: as the content of a JSON string (RFC 8259 7), which dots end where there is no room, never half an escape */
static void foreign(struct out *o, bool json)
{
	const unsigned char *p = (const unsigned char *)va_arg(o->ap, const char *);
	size_t n = va_arg(o->ap, size_t);
	char escape[4] = { '\\', 'x' };
	size_t k;

	while (n > 0 && (!json || o->n + 8 <= o->room)) {
		k = printable(p, n);
		if (json && (k == 0 || *p == '"' || *p == '\\'))
			put(o, escape, 1);
		if (k > 0) {
			put(o, (const char *)p, k);
		} else {
			escape[2] = "0123456789abcdef"[*p >> 4];
			escape[3] = "0123456789abcdef"[*p & 15];
			put(o, escape, 4);
			k = 1;
		}
		p += k;
		n -= k;
	}
	if (n > 0)
		put(o, "...", 3);
}

static void duration(struct out *o)
{
	int64_t v = va_arg(o->ap, int64_t);
	uint64_t ms = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	struct spec whole = { .kind = 'u' }, part = { .kind = 'u', .zero = true, .width = 3 };

	number(o, &whole, v < 0, ms / 1000);
	put(o, ".", 1);
	number(o, &part, false, ms % 1000);
	put(o, "s", 1);
}

static size_t count(struct out *o, const char **f)
{
	size_t n = 0;
	int given;

	if (**f == '*') {
		++*f;
		given = va_arg(o->ap, int);
		return given > 0 ? (size_t)given : 0;
	}
	while (**f >= '0' && **f <= '9')
		n = n * 10 + (size_t)(*(*f)++ - '0');
	return n;
}

/* reads what stands behind a '%'; returns the place behind the conversion */
static const char *spec(struct out *o, const char *f, struct spec *s)
{
	*s = (struct spec){ 0 };
	for (; *f == '-' || *f == '0'; f++)
		*(*f == '-' ? &s->left : &s->zero) = true;
	s->width = count(o, &f);
	if (*f == '.') {
		f++;
		s->cut = true;
		s->precision = count(o, &f);
	}
	if (*f == 'l' || *f == 'z')
		s->size = *f++;
	if (*f == 'l') {
		s->size = 'L';
		f++;
	}
	s->kind = *f;
	return *f ? f + 1 : f;
}

static void convert(struct out *o, const struct spec *s)
{
	char c;

	switch (s->kind) {
	case 'd': case 'u': case 'x': any_number(o, s); break;
	case 's': text(o, s); break;
	case 'j': case 'e': foreign(o, s->kind == 'e'); break;
	case 'm': duration(o); break;
	case 'c':
		c = (char)va_arg(o->ap, int);
		padded(o, s, &c, 1);
		break;
	default: put(o, &s->kind, s->kind != 0);
	}
}

size_t vfmt(char *dst, size_t room, const char *format, va_list ap)
{
	struct out o = { .p = dst, .room = room ? room - 1 : 0 };
	struct spec s;
	size_t n;

	va_copy(o.ap, ap);
	while (*format) {
		n = strcspn(format, "%");
		put(&o, format, n);
		format += n;
		if (*format) {
			format = spec(&o, format + 1, &s);
			convert(&o, &s);
		}
	}
	va_end(o.ap);
	if (room)
		dst[o.n < room ? o.n : room - 1] = 0;
	return o.n;
}

size_t fmt(char *dst, size_t room, const char *format, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, format);
	n = vfmt(dst, room, format, ap);
	va_end(ap);
	return n;
}

/* ---- lines ---- */

const char *log_level_name(enum log_level level)
{
	static const char names[][9] = { "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL" };

	return names[level];
}

void log_init(struct log *l, int fd, enum log_level level, bool stamp)
{
	struct stat st;

	*l = (struct log){ .fd = fd, .level = level, .stamp = stamp };
	l->socket = fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

bool log_needs_stamp(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

#define DAY 86400
#define LAST_SECOND 253402300799	/* of the year 9999 */

/* days of a year from its month on, 12: of the year */
static unsigned days_of(unsigned year, unsigned month)
{
	static const char days[] = "\37\34\37\36\37\36\37\37\36\37\36\37";
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return (month == 12 ? 365 : (unsigned)days[month]) + (leap && (month == 12 || month == 1));
}

size_t log_time(char *dst, size_t room, int64_t seconds)
{
	uint64_t whole = seconds > 0 && seconds <= LAST_SECOND ? (uint64_t)seconds : 0;
	unsigned day = (unsigned)(whole / DAY), s = (unsigned)(whole % DAY), year = 1970, month = 0, n;

	for (; day >= (n = days_of(year, 12)); year++)
		day -= n;
	for (; day >= (n = days_of(year, month)); month++)
		day -= n;
	return fmt(dst, room, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, month + 1, day + 1, s / 3600, s / 60 % 60, s % 60);
}

/* with milliseconds in place of the Z */
static size_t stamp(char *dst, size_t room)
{
	struct timespec now = { 0 };
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	n = log_time(dst, room, now.tv_sec) - 1;
	return n + fmt(dst + n, room - n, ".%03ldZ ", (long)now.tv_nsec / 1000000);
}

#define TRIES 8		/* of a write that signals interrupt */

static ssize_t push_once(const struct log *l, const char *p, size_t n)
{
	struct pollfd ready = { .fd = l->fd, .events = POLLOUT };

	if (l->socket)
		return send(l->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return -1;
	return write(l->fd, p, n);
}

static ssize_t push(const struct log *l, const char *p, size_t n)
{
	ssize_t k = -1;

	errno = EINTR;
	for (int i = 0; i < TRIES && k < 0 && errno == EINTR; i++) {
		errno = 0;
		k = push_once(l, p, n);
	}
	return k;
}

/* p[0..n) with room for one byte before it, for the newline that a cut line lacks */
static bool emit(struct log *l, const char *p, size_t n)
{
	if (l->full != NULL && l->size + (int64_t)n >= l->max)
		l->full(l);
	if (l->full != NULL && l->size + (int64_t)n >= l->max)
		return false;
	ssize_t k = push(l, p - l->cut, n + l->cut);
	if (k > 0)
		l->size += k;
	if (k == (ssize_t)(n + l->cut)) {
		l->cut = false;
		return true;
	}
	l->cut |= k > 0;
	return false;
}

/* whatever the level; as one of the lines that may be lost */
static void tell_lost(struct log *l)
{
	unsigned long lost = l->lost;
	enum log_level level = l->level;

	l->lost = 0;
	l->level = LOG_WARNING;
	log_line(l, LOG_WARNING, "%lu log line%s lost", lost, lost == 1 ? "" : "s");
	l->level = level;
	if (l->lost > 0)
		l->lost = lost;
}

/* shortens to whole characters and dots, ends the line, leaves no other control character */
static size_t finish(char *line, size_t n, size_t max)
{
	if (n > max - 1) {
		n = max - 4;
		while (n > 0 && ((unsigned char)line[n] & 0xc0) == 0x80)
			n--;
		memcpy(line + n, "...", 3);
		n += 3;
	}
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	return n;
}

/* a whole line; each returns its length */
static size_t as_text(const struct log *l, enum log_level level, char *line, const char *format, va_list ap)
{
	size_t n = l->stamp ? stamp(line, LOG_LINE_MAX) : 0;

	n += fmt(line + n, LOG_LINE_MAX - n, "%s ", log_level_name(level));
	n += vfmt(line + n, LOG_LINE_MAX - n, format, ap);
	return finish(line, n, LOG_LINE_MAX);
}

static size_t as_json(enum log_level level, const char *fields, char *line, const char *format, va_list ap)
{
	char text[LOG_LINE_MAX];
	size_t k = finish(text, vfmt(text, sizeof text, format, ap), sizeof text), n = fmt(line, LOG_JSON_MAX, "{\"time\":\"");

	n += stamp(line + n, LOG_JSON_MAX - n) - 1;
	n += fmt(line + n, LOG_JSON_MAX - 3 - n, "\",\"level\":\"%s\"%s,\"text\":\"%e", log_level_name(level), fields, text, k - 1);
	return n + fmt(line + n, 4, "\"}\n");
}

static void put_line(struct log *l, enum log_level level, const char *fields, const char *format, va_list ap)
{
	char room[1 + LOG_JSON_MAX], *line = room + 1;
	int keep = errno;

	if ((l->fd < 0 && l->full == NULL) || level < l->level)
		return;
	room[0] = '\n';
	if (l->lost > 0)
		tell_lost(l);
	size_t n = l->json ? as_json(level, fields, line, format, ap) : as_text(l, level, line, format, ap);
	if (l->lost > 0 || !emit(l, line, n))
		l->lost++;
	errno = keep;
}

void log_fields(struct log *l, enum log_level level, const char *fields, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	put_line(l, level, fields, format, ap);
	va_end(ap);
}

/* ---- output of commands ---- */

bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (k < 0 && errno != EINTR)
			return false;
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
	return true;
}

/* ---- redaction ---- */

struct scan {
	const char *p;
	size_t n, at;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool word(char c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* length of the lower-case text when it stands here, case folded; 0 otherwise */
static size_t here(const struct scan *s, const char *t)
{
	size_t n = strlen(t);

	if (s->n - s->at < n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (lower(s->p[s->at + i]) != t[i])
			return 0;
	return n;
}

static size_t run_of_word(const struct scan *s, size_t from)
{
	size_t n = 0;

	while (s->at + from + n < s->n && (word(s->p[s->at + from + n]) || s->p[s->at + from + n] == '.'))
		n++;
	return n;
}

static size_t secret_here(const struct scan *s, const char *const secrets[], size_t nsecrets)
{
	size_t n, best = 0;

	for (size_t i = 0; i < nsecrets; i++) {
		n = secrets[i] ? strlen(secrets[i]) : 0;
		if (n >= 4 && n > best && s->n - s->at >= n && memcmp(s->p + s->at, secrets[i], n) == 0)
			best = n;
	}
	return best;
}

/* keys that can be told by how they begin */
static size_t key_here(const struct scan *s)
{
	static const char begins[] = "sk-\0sk_\0gsk_\0xai-\0aiza\0gho_\0ghp_\0ghu_\0github_pat_\0nvapi-\0hf_\0tvly-\0eyj\0";
	size_t n, tail;

	for (const char *begin = begins; *begin; begin += strlen(begin) + 1) {
		n = here(s, begin);
		tail = n ? run_of_word(s, n) : 0;
		if (tail >= 16 || (tail >= 8 && *begin == 's'))
			return n + tail;
	}
	return 0;
}

/* the separator of a name and its value: ": " of a field, "\":\"" of JSON (also escaped); 0 when it is none */
static size_t colon_here(const struct scan *s, size_t from)
{
	size_t at = s->at + from;
	bool colon = false;

	for (; at < s->n && memchr("\": \t\\", s->p[at], 5); at++)
		colon = colon || s->p[at] == ':';
	return colon ? at - s->at - from : 0;
}

/* a name whose value is a key, with the separator: length of both, 0 when none stands here */
static size_t name_here(const struct scan *s)
{
	static const char names[] = "authorization\0proxy-authorization\0cf-aig-authorization\0x-api-key\0x-goog-api-key\0"
		"api-key\0api_key\0apikey\0access_token\0key\0";
	bool query = s->at > 0 && memchr("?&", s->p[s->at - 1], 2);
	size_t n, between;

	for (const char *name = names; *name; name += strlen(name) + 1) {
		n = here(s, name);
		if (n == 0)
			continue;
		if (query && s->at + n < s->n && s->p[s->at + n] == '=')
			return n + 1;
		between = n > strlen("key") ? colon_here(s, n) : 0;
		if (between > 0)
			return n + between;
	}
	return 0;
}

static size_t scheme_here(const struct scan *s, bool after_name)
{
	size_t n = here(s, "bearer ");

	return n || !after_name ? n : here(s, "basic ");
}

static size_t value_length(const struct scan *s)
{
	size_t n = 0;

	while (s->at + n < s->n && (unsigned char)s->p[s->at + n] > ' ' && !strchr("\"'&,;#\\<>", s->p[s->at + n]))
		n++;
	return n;
}

static void copy(struct out *o, struct scan *s, size_t n)
{
	put(o, s->p + s->at, n);
	s->at += n;
}

static void hide(struct out *o, struct scan *s, size_t n)
{
	if (n > 0)
		put(o, "***", 3);
	s->at += n;
}

/* a name, perhaps a scheme, then the value */
static bool named_value(struct out *o, struct scan *s)
{
	size_t name = name_here(s), scheme = name ? 0 : scheme_here(s, false);

	if (name + scheme == 0)
		return false;
	copy(o, s, name + scheme);
	if (name > 0)
		copy(o, s, scheme_here(s, true));
	hide(o, s, value_length(s));
	return true;
}

size_t log_redact(char *dst, size_t room, const char *p, size_t n, const char *const secrets[], size_t nsecrets)
{
	struct out o = { .p = dst, .room = room - 1 };
	struct scan s = { p, n, 0 };
	bool begin = true;
	size_t k;

	while (s.at < s.n && o.n < o.room) {
		k = secret_here(&s, secrets, nsecrets);
		if (k == 0 && begin)
			k = key_here(&s);
		if (k > 0)
			hide(&o, &s, k);
		else if (!named_value(&o, &s))
			copy(&o, &s, 1);
		begin = s.at > 0 && !word(s.p[s.at - 1]);
	}
	k = o.n < o.room ? o.n : o.room;
	dst[k] = 0;
	return k;
}
