/*
 * HTTP/1.1 messages (RFC 9110, RFC 9112): strict heads, bodies by length, by
 * chunk and to the end of the connection. Pure: no allocation, no I/O. Heads
 * are parsed in place: fields point into the caller's bytes.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define HTTP_HEAD_MAX 16384	/* bytes of a head, also the size of the buffers it is read into */
#define HTTP_LINE_MAX 4096	/* bytes of a request line */
#define HTTP_FIELDS_MAX 64	/* fields of a head */
#define HTTP_CHUNK_LINE_MAX 256	/* bytes of a chunk's size line, extensions included */
#define HTTP_TRAILER_MAX 8192	/* bytes of all trailer fields */

struct http_text {
	const char *p;
	size_t n;
};

struct http_field {
	struct http_text name, value;	/* value without white space around it */
};

enum http_framing { HTTP_EMPTY, HTTP_LENGTH, HTTP_CHUNKED, HTTP_TO_END };

struct http_head {
	/* request */
	struct http_text method, target;	/* target as sent */
	bool head_method;		/* HEAD */
	/* response */
	int status;
	/* both */
	int minor;			/* HTTP/1.minor, 0 or 1 */
	enum http_framing framing;
	uint64_t length;		/* with HTTP_LENGTH */
	bool keep_alive;
	bool expect_continue;
	bool expect_other;		/* an Expect that we cannot meet: 417 */
	size_t nfields;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/*
 * Parses a request head at p[0..n). Returns its size in bytes, 0 when it is
 * not complete yet, or -(status): 400 malformed (whatever could be read in two
 * ways), 414 request line too long, 431 head too big or too many fields, 501
 * transfer coding, 505 version. *why gets a static sentence. Leading empty
 * lines are skipped (RFC 9112 2.2) and part of the size. Checks of Host: exactly
 * one in HTTP/1.1. What h points to are the bytes at p. Results of a prefix are 0 or
 * what the whole gives.
 */
int http_request(const char *p, size_t n, struct http_head *h, const char **why);

/*
 * Parses a response head. Returns its size, 0 when not complete yet, -1 when
 * malformed, with *why. no_body: the request was HEAD. 1xx, 204 and 304 have
 * framing HTTP_EMPTY. The caller skips 1xx heads. LF alone ends a line too, the
 * reason may be missing; keep_alive is false when the framing is in any doubt.
 */
int http_response(const char *p, size_t n, bool no_body, struct http_head *h, const char **why);

/* The value of a field by its lower-case name, case folded; p NULL when absent. The first of several. */
struct http_text http_field(const struct http_head *h, const char *name);

/* How many fields have this name. */
size_t http_count(const struct http_head *h, const char *name);

/* Whether a text is exactly this, case folded. */
bool http_is(struct http_text t, const char *lower);

/* A text without the spaces and tabs around it. */
struct http_text http_trim(const char *p, size_t n);

/*
 * Cuts the next member off a list, trimmed, maybe empty. False when there is
 * none any more; then list->p is NULL.
 */
bool http_cut(struct http_text *list, char separator, struct http_text *member);
bool http_next(struct http_text *list, struct http_text *member);

/* Whether a comma list holds this token, case folded. */
bool http_has(struct http_text list, const char *lower);

/* A decimal of digits only, at most max. Returns -1 otherwise. */
int64_t http_number(struct http_text t, int64_t max);

/* a body as it arrives */
struct http_body {
	enum http_framing framing;
	uint64_t left;		/* of the length, or of the chunk */
	unsigned char state;
	size_t line;		/* bytes of the present line, or of the trailers */
	uint64_t overhead;	/* framing bytes beyond the five that each byte of data justifies */
};

enum http_progress {
	HTTP_MORE,	/* all input used, the body goes on */
	HTTP_DATA,	/* *data, within the input, are the next bytes of the body */
	HTTP_DONE,	/* the body is complete; input behind it belongs to the next message */
	HTTP_BAD	/* broken chunks: the framing is lost, *why says how */
};

void http_body_init(struct http_body *b, const struct http_head *h);

/*
 * Takes bytes up to the end of the next run of data. *used is how many,
 * framing included; call again with the rest until it says something else than
 * HTTP_DATA. n may be 0: that tells whether the body is complete. A body of
 * HTTP_TO_END never says HTTP_DONE itself. After HTTP_DONE and HTTP_BAD it
 * says the same for ever. *why is set with HTTP_BAD only.
 */
enum http_progress http_body_next(struct http_body *b, const char *in, size_t n, size_t *used,
	struct http_text *data, const char **why);

/* Whether the end of the connection here ends the body as it should. */
bool http_body_may_end(const struct http_body *b);

/*
 * Writing: each returns 1, or 0 when the buffer has no room for it and one
 * byte (nothing is written then). That values hold no CR or LF is the caller's
 * duty. http_put takes a format of fmt.
 */
int http_put(struct buf *b, const char *format, ...);

/* "HTTP/1.1 200 OK\r\n" with the standard reason phrase of RFC 9110 15. */
int http_put_status(struct buf *b, int status);

#endif
