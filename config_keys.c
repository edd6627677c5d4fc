/*
 * ANTHROPIC_API_KEYS_FILE: the clients that may call, each with a key.
 *
 *   # a comment                      a line is: a name, white space, the key
 *   alice  2f8c...                   [white space, # a comment]
 *
 * LF or CRLF, a BOM at the head is skipped. A name is what the log says in the
 * key's place, so it is of bytes that cannot forge a line there; a key is what
 * a header field can carry (RFC 9110 5.5, visible ASCII alone). A name or a key
 * that comes twice is refused: one of the two would never be told of.
 * Limits: CFG_KEYS_MAX keys, CFG_KEY_NAME_MAX bytes of a name, DOTENV_MAX of the file.
 *
 * The text is cut in place to "name\0key\0" for each.
 */
#include "config_load.h"

#include <string.h>

#include "dotenv.h"

static size_t length_of(const char *p, int first, int last, const char *except)
{
	size_t n = 0;

	while (p[n] >= first && p[n] <= last && !strchr(except, p[n]))
		n++;
	return n;
}

static const char *behind_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* Moves the line's name and key to dst, which is never behind them. NULL, or what is wrong with the line. */
static const char *entry(const char *line, char *dst)
{
	size_t n = length_of(line, '-', 'z', "/:;<=>?@[\\]^`"), k;
	const char *key = behind_blanks(line + n), *rest;

	if (n == 0 || (line[n] && key == line + n))
		return "a line is a name of letters, digits, dots, - and _, white space and the key: mend it, or put a # before it";
	if (n > CFG_KEY_NAME_MAX)
		return "the name is too long: it may have 32 bytes";
	k = *key == '#' ? 0 : length_of(key, '!', '~', "");
	rest = behind_blanks(key + k);
	if (k == 0 && (!*key || *key == '#'))
		return "the key is missing behind the name";
	if (k == 0 || (*rest && (*rest != '#' || rest == key + k)))
		return "the key may hold visible ASCII characters alone, and nothing but a comment may follow it";
	memmove(dst, line, n);
	dst[n] = 0;
	memmove(dst + n + 1, key, k);
	dst[n + 1 + k] = 0;
	return NULL;
}

/* NULL, or why what stands at the end of the list cannot be added to it */
static const char *repeated(const struct config *c, const char *name)
{
	const char *key = cfg_key_next(name), *at = c->client_keys;

	if (c->nkeys == CFG_KEYS_MAX)
		return "more than 256 keys: leave some out";
	for (int i = 0; i < c->nkeys; i++) {
		if (strcmp(at, name) == 0)
			return "this name stands above already: each key needs a name of its own";
		at = cfg_key_next(at);
		if (strcmp(at, key) == 0)
			return "this key stands above already: each client needs a key of its own";
		at = cfg_key_next(at);
	}
	return NULL;
}

bool load_keys(struct load *l)
{
	struct config *c = l->c;
	const char *path = c->keys_file, *bad = NULL;
	struct dotenv d;
	size_t n;
	char *line, *end;

	if (!*path)
		return true;
	end = c->client_keys = load_other(l, "ANTHROPIC_API_KEYS_FILE", path, true, &n);
	if (!end)
		return false;
	c->nclient_keys = n;
	dotenv_init(&d, end, n);
	while (!bad && (line = dotenv_line(&d)) != NULL) {
		bad = entry(line, end);
		if (!bad)
			bad = repeated(c, end);
		if (bad)
			break;
		end = (char *)(uintptr_t)cfg_key_next(cfg_key_next(end));
		c->nkeys++;
	}
	if (bad)
		fmt(l->err, l->nerr, "%s:%d: %s", path, d.line, bad);
	else if (c->nkeys == 0)
		fmt(l->err, l->nerr, "%s:1: no key is in it: write a line for each client, a name, a blank and the key", path);
	return !bad && c->nkeys > 0;
}
