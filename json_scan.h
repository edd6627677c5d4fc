/*
 * Looking over the bytes of JSON strings a word at a time, for json*.c only.
 * Portable: any size of word, any order of bytes.
 *
 * Of a byte below 0x80, subtracting m sets the top bit just when the byte is
 * below m. A borrow can mark the byte above one that is marked rightly, so of a
 * word's marks only that of its lowest byte is sure, which is the first one where
 * the low bytes come first; elsewhere a word with a mark is looked at byte by byte.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stddef.h>
#include <string.h>

/* this byte in every byte of a word */
#define SCAN_EACH(byte) ((size_t)-1 / 255 * (byte))

static inline size_t scan_load(const char *p)
{
	size_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* marks this byte */
static inline size_t scan_marks(size_t w, char byte)
{
	w ^= SCAN_EACH((unsigned char)byte);
	return (w - SCAN_EACH(1)) & ~w & SCAN_EACH(0x80);
}

/* how far into its word the first mark is; or 0, to look on from there */
static inline size_t scan_first(size_t marks)
{
#if defined __GNUC__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (size_t)__builtin_ctzll(marks) / 8;
#else
	return marks * 0;
#endif
}

/* From p on, the first byte that is not ASCII that stands for itself in a string; end when there is none. */
static inline const char *scan_plain(const char *p, const char *end)
{
	for (; (size_t)(end - p) >= sizeof(size_t); p += sizeof(size_t)) {
		size_t w = scan_load(p);
		size_t marks = ((w | (w - SCAN_EACH(0x20))) & SCAN_EACH(0x80)) | scan_marks(w, '"') | scan_marks(w, '\\');
		if (marks != 0) {
			p += scan_first(marks);
			break;
		}
	}
	while (p < end && *p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* From p on, the first quote; end when there is none. Most are near; what is further is for the library's means. */
static inline const char *scan_quote(const char *p, const char *end)
{
	for (int words = 2; words > 0 && (size_t)(end - p) >= sizeof(size_t); words--, p += sizeof(size_t)) {
		size_t marks = scan_marks(scan_load(p), '"');
		if (marks != 0) {
			p += scan_first(marks);
			while (*p != '"')
				p++;
			return p;
		}
	}
	const char *quote = memchr(p, '"', (size_t)(end - p));
	return quote != NULL ? quote : end;
}

#endif
