/*
 * What must hold of an upstream's body, a line each:
 *
 *   roles = system user ...     the messages' roles, in order
 *   members = model ...         the names of the body's members
 *   tool names = Agent ...      the tools' names
 *   PATH = JSON                 a value, byte for byte; 0 1 2 are items
 *   PATH ^ TEXT   PATH $ TEXT   its JSON begins, ends with this
 *   PATH ~ TEXT   PATH #N       holds this; has N items, or N characters
 *   PATH absent                 is not there
 *   anywhere TEXT nowhere TEXT  is, is not in the body
 *   has_image   hidden thinking   last is user     what the connection learns
 *   asks for a search, for none   likewise, of a request that demands one
 */
#ifndef REQUEST_SAYS_H
#define REQUEST_SAYS_H

#include "request_run.h"

static inline struct j_val at(struct j_val v, const char *path)
{
	while (*path != '\0') {
		char name[64];
		size_t n = strcspn(path, ".");
		memcpy(name, path, n);
		name[n] = '\0';
		path += n + (path[n] == '.');
		if (v.type == J_ARRAY) {
			struct j_val item = { 0 };
			for (long i = atol(name); i >= 0 && j_item(v, &item); i--)
				;
			v = item;
		} else {
			v = j_get(v, name);
		}
	}
	return v;
}

static inline void append(char *list, struct j_val name)
{
	if (list[0] != '\0')
		strcat(list, " ");
	j_text(name, list + strlen(list), 100);
}

/* "system user ..." */
static inline bool listed(struct j_val body, const char *what, const char *want)
{
	char list[4096] = "";
	struct j_val key = { 0 }, v = { 0 };

	if (strcmp(what, "members") == 0) {
		while (j_member(body, &key, &v))
			append(list, key);
	} else {
		bool tools = strcmp(what, "tool names") == 0;
		while (j_item(j_get(body, tools ? "tools" : "messages"), &v))
			append(list, tools ? at(v, "function.name") : j_get(v, "role"));
	}
	return strcmp(list, want) == 0;
}

static inline bool contains(const char *p, size_t n, const char *text)
{
	size_t k = strlen(text);

	for (size_t i = 0; i + k <= n; i++)
		if (memcmp(p + i, text, k) == 0)
			return true;
	return false;
}

static inline bool holds_value(struct j_val body, char *line)
{
	char *blank = strchr(line, ' ');
	if (blank == NULL)
		return false;
	*blank = '\0';
	struct j_val v = at(body, line);
	*blank = ' ';
	const char *rest = blank + 1;
	size_t n = strlen(rest) > 2 ? strlen(rest + 2) : 0;
	if (strcmp(rest, "absent") == 0)
		return v.type == J_NONE;
	if (rest[0] == '#')
		return (v.type == J_STRING ? j_length(v) : j_count(v)) == (size_t)atoi(rest + 1);
	if (v.type == J_NONE || rest[1] != ' ')
		return false;
	switch (rest[0]) {
	case '=': return v.n == n && memcmp(v.p, rest + 2, n) == 0;
	case '^': return v.n >= n && memcmp(v.p, rest + 2, n) == 0;
	case '$': return v.n >= n && memcmp(v.p + v.n - n, rest + 2, n) == 0;
	case '~': return contains(v.p, v.n, rest + 2);
	}
	return false;
}

static inline bool holds(const struct result *r, char *line)
{
	static const char *const lists[] = { "roles", "members", "tool names" };
	struct j_val body = j_root(r->body, r->n);

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(lists[i]);
		if (strncmp(line, lists[i], n) == 0 && strncmp(line + n, " = ", 3) == 0)
			return listed(body, lists[i], line + n + 3);
	}
	if (strncmp(line, "nowhere ", 8) == 0)
		return !contains(r->body, r->n, line + 8);
	if (strncmp(line, "anywhere ", 9) == 0)
		return contains(r->body, r->n, line + 9);
	if (strcmp(line, "has_image") == 0)
		return r->f.has_image;
	if (strcmp(line, "hidden thinking") == 0)
		return !r->f.show_thinking;
	if (strcmp(line, "last is user") == 0)
		return r->f.last_is_user;
	if (strcmp(line, "asks for a search") == 0)
		return r->f.search && !r->f.unsearched;
	if (strcmp(line, "asks for none") == 0)
		return r->f.unsearched && !r->f.search;
	return holds_value(body, line);
}

#endif
