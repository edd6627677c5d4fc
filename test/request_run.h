/*
 * Runs the request conversion as the program does: counted, kept in exactly
 * what was counted, pulled. For the tests of it.
 *
 * A case's env file holds lines of these forms:
 *   quirks KEY=VALUE ...   as in a row
 *   model NAME   binding TEXT   session ID   limit N   minimum N   requesty   native
 */
#ifndef REQUEST_RUN_H
#define REQUEST_RUN_H

#include "../request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct setting {
	struct quirks q;
	struct target t;
	char model[64], binding[65], session[64];
};

struct result {
	int rc;
	bool same;		/* counting, keeping and pulling agree */
	char *body;		/* terminated */
	size_t n;
	struct session s;
	struct request_facts f;
	struct api_error e;
};

static inline void setting_init(struct setting *s)
{
	memset(s, 0, sizeof *s);
	q_init(&s->q);
	strcpy(s->model, "up-model");
	strcpy(s->binding, "host/up-model");
	s->t = (struct target){ .q = &s->q, .model = s->model, .max_tokens_limit = 131072, .binding = s->binding,
		.session_id = s->session };
}

/* false when a line is not understood */
static inline bool setting_line(struct setting *s, const char *line)
{
	const char *why, *value = strchr(line, ' ');
	size_t at, n = value != NULL ? (size_t)(value++ - line) : strlen(line);

	if (line[0] == '\0' || line[0] == '#')
		return true;
	if (strncmp(line, "native", n) == 0)
		return s->q.native = true;
	if (strncmp(line, "requesty", n) == 0)
		return s->t.requesty_auto_cache = true;
	if (value == NULL)
		return false;
	if (strncmp(line, "quirks", n) == 0)
		return q_apply(&s->q, value, strlen(value), &why, &at) == 0;
	if (strncmp(line, "limit", n) == 0)
		return (s->t.max_tokens_limit = atoi(value)) > 0;
	if (strncmp(line, "minimum", n) == 0)
		return (s->t.min_tokens_limit = atoi(value)) > 0;
	char *dst = strncmp(line, "model", n) == 0 ? s->model : strncmp(line, "binding", n) == 0 ? s->binding
		: strncmp(line, "session", n) == 0 ? s->session : NULL;
	if (dst == NULL || strlen(value) > 63)
		return false;
	strcpy(dst, value);
	return true;
}

/* each line of text; false when one is not understood. Cuts text up. */
static inline bool setting_lines(struct setting *s, char *text)
{
	bool good = true;

	for (char *line = text, *next; line != NULL && line[0] != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		good = setting_line(s, line) && good;
	}
	return good;
}

static inline void result_free(struct result *r)
{
	free(r->body);
	free(r->s.ids);
	free(r->s.names);
}

/* body as checked JSON; room: what one pull may take */
static inline struct result run_value(struct j_val body, const struct target *t, size_t room)
{
	struct result r = { 0 };
	struct plan count, p;
	struct session counted = { 0 };
	struct request_facts f = { 0 };

	plan_init(&count, NULL, 0, NULL, 0);
	count.grow = NULL;
	r.rc = request_convert(body, t, &count, &counted, &f, &r.e);
	if (r.rc != 0) {
		r.same = true;
		r.body = calloc(1, 1);
		return r;
	}
	struct span *spans = malloc((count.nspans + 1) * sizeof *spans);
	char *arena = malloc(count.narena + 1);
	plan_init(&p, spans, count.nspans, arena, count.narena);
	p.grow = NULL;
	r.s.ids = malloc((counted.nids + 1) * sizeof *r.s.ids);
	r.s.ids_cap = counted.nids;
	r.s.names = malloc(counted.nnames + 1);
	r.s.names_cap = counted.nnames;
	r.rc = request_convert(body, t, &p, &r.s, &r.f, &r.e);
	r.body = malloc(p.total + room + 1);
	struct plan_pos pos = { 0 };
	for (size_t some; r.n <= p.total && (some = plan_pull(&p, &pos, r.body + r.n, room)) > 0;)
		r.n += some;
	r.body[r.n] = '\0';
	r.same = plan_fits(&p) && p.total == count.total && p.nspans == count.nspans && p.narena == count.narena
		&& r.n == p.total && r.s.nids == counted.nids && r.s.nnames == counted.nnames
		&& memcmp(&f, &r.f, sizeof f) == 0;
	free(spans);
	free(arena);
	return r;
}

/* text is mended in place when it must be, as at the border */
static inline struct result run_text(char *text, const struct target *t, size_t room)
{
	struct j_err err;

	if (j_check(text, strlen(text), &err) != 0) {
		struct result r = { .rc = -2 };
		r.body = calloc(1, 1);
		return r;
	}
	return run_value(j_root(text, strlen(text)), t, room);
}

/* a whole file, terminated; NULL when there is none */
static inline char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	long n;

	if (f == NULL)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (n = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) {
		text = malloc((size_t)n + 1);
		text[fread(text, 1, (size_t)n, f)] = '\0';
	}
	fclose(f);
	return text;
}

/* Takes white space outside of strings out of JSON text. */
static inline void squeeze(char *text)
{
	char *out = text;
	bool inside = false;

	for (const char *p = text; *p != '\0'; p++) {
		if (inside && *p == '\\' && p[1] != '\0') {
			*out++ = *p++;
			*out++ = *p;
			continue;
		}
		if (*p == '"')
			inside = !inside;
		if (inside || strchr(" \t\r\n", *p) == NULL)
			*out++ = *p;
	}
	*out = '\0';
}

#endif
