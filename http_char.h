/* The characters that HTTP is made of, for the files of http.h alone. */
#ifndef HTTP_CHAR_H
#define HTTP_CHAR_H

#include <stdbool.h>
#include <stdint.h>

/* RFC 9110 5.6.2 */
static inline bool is_token(unsigned char c)
{
	static const uint32_t set[4] = { 0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff };

	return c < 128 && (set[c >> 5] >> (c & 31) & 1) != 0;
}

/* field-value, reason-phrase: RFC 9110 5.5 */
static inline bool is_text(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

static inline bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static inline bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* The locale has no say here. */
static inline unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static inline bool is_letter(unsigned char c)
{
	return fold(c) >= 'a' && fold(c) <= 'z';
}

#endif
