/*
 * Content blocks: what each has to say in a Chat Completions message.
 *
 *   text               its text; nothing when it is blank
 *   image              an image_url part, or a note where the model takes none
 *   document           text: its text; PDF: a file part, or a note
 *   tool_result        (only one that answers no call comes here) a note and what it holds
 *   tool_reference     a note that the tool is loaded
 *   search_result, server_tool_use, *_tool_result of the server   readable text
 *   thinking, redacted_thinking   nothing: request_echo.c gives them back
 *   all else           a note that names its type: nothing is dropped in silence
 *
 * Blocks stand in blocks (a document in a tool result); more than NESTING deep
 * they become notes.
 */
#include <string.h>

#include "request_work.h"

#define NESTING 6

static const struct j_val none;

/* ---- reading ---- */

static enum block_type type_of(struct j_val type)
{
	static const struct {
		const char *name;
		enum block_type type;
	} types[] = {
		{ "text", BLOCK_TEXT }, { "image", BLOCK_IMAGE }, { "document", BLOCK_DOCUMENT },
		{ "tool_use", BLOCK_TOOL_USE }, { "tool_result", BLOCK_TOOL_RESULT },
		{ "thinking", BLOCK_THINKING }, { "redacted_thinking", BLOCK_REDACTED },
		{ "search_result", BLOCK_SEARCH_RESULT }, { "tool_reference", BLOCK_TOOL_REFERENCE },
		{ "server_tool_use", BLOCK_SERVER_USE }, { "mcp_tool_use", BLOCK_SERVER_USE },
	};
	static const char end[] = "_tool_result";
	size_t n;
	const char *raw = j_raw(type, &n);

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (j_is(type, types[i].name))
			return types[i].type;
	if (n > sizeof end - 1 && memcmp(raw + n - (sizeof end - 1), end, sizeof end - 1) == 0)
		return BLOCK_SERVER_RESULT;
	return BLOCK_UNKNOWN;
}

static bool check_source(struct work *w, const struct place *at, struct block *b)
{
	static const char *const types[] = { "base64", "url", "text", "content" };
	static const char *const names[] = { "type", "media_type", "data", "url", "content" };
	struct source *s = &b->source;
	struct j_val v[5];

	if (!work_want(w, at, "source", b->f[B_SOURCE], J_OBJECT, true))
		return false;
	j_fields(b->f[B_SOURCE], names, 5, v);
	if (!work_want(w, at, "source.type", v[0], J_STRING, true))
		return false;
	*s = (struct source){ SOURCE_OTHER, v[1], v[2], v[3], v[4] };
	for (int i = 0; i < SOURCE_OTHER; i++)
		if (j_is(v[0], types[i]))
			s->type = (enum source_type)i;
	switch (s->type) {
	case SOURCE_BASE64:
		return work_want(w, at, "source.media_type", s->media, J_STRING, true)
			&& work_want(w, at, "source.data", s->data, J_STRING, true);
	case SOURCE_URL:
		return work_want(w, at, "source.url", s->url, J_STRING, true);
	case SOURCE_TEXT:
		return work_want(w, at, "source.data", s->data, J_STRING, true);
	case SOURCE_CONTENT:
		return s->content.type == J_STRING || work_want(w, at, "source.content", s->content, J_ARRAY, true);
	case SOURCE_OTHER:
		break;
	}
	return true;
}

static bool check(struct work *w, const struct place *at, struct block *b)
{
	const struct j_val *f = b->f;

	if (!work_want(w, at, "type", f[B_TYPE], J_STRING, true))
		return false;
	switch (b->type) {
	case BLOCK_TEXT:
		return work_want(w, at, "text", f[B_TEXT], J_STRING, true);
	case BLOCK_IMAGE:
	case BLOCK_DOCUMENT:
		return check_source(w, at, b);
	case BLOCK_TOOL_USE:
		return work_want(w, at, "id", f[B_ID], J_STRING, false)
			&& work_want(w, at, "name", f[B_NAME], J_STRING, true);
	case BLOCK_TOOL_RESULT:
		return work_want(w, at, "tool_use_id", f[B_TOOL_USE_ID], J_STRING, false)
			&& work_want(w, at, "is_error", f[B_IS_ERROR], J_TRUE, false)
			&& work_content(w, at, "content", f[B_CONTENT]);
	case BLOCK_THINKING:
		return work_want(w, at, "thinking", f[B_THINKING], J_STRING, false)
			&& work_want(w, at, "signature", f[B_SIGNATURE], J_STRING, false);
	case BLOCK_TOOL_REFERENCE:
		return work_want(w, at, "tool_name", f[B_TOOL_NAME], J_STRING, true);
	case BLOCK_REDACTED:
	case BLOCK_SEARCH_RESULT:
	case BLOCK_SERVER_USE:
	case BLOCK_SERVER_RESULT:
	case BLOCK_UNKNOWN:
	case BLOCK_TYPES:
		break;
	}
	return true;
}

bool blocks_next(struct work *w, const struct place *up, const char *name, struct j_val content, struct blocks *i,
	struct block *b)
{
	static const char *const names[BLOCK_FIELDS] = {
		"type", "text", "source", "content", "id", "tool_use_id", "name", "input", "is_error", "title",
		"context", "thinking", "signature", "tool_name", "cache_control"
	};

	i->at.index += i->item.p != NULL;
	i->at.up = up;
	i->at.name = name;
	if (content.type != J_ARRAY || w->failed)
		return false;
	bool first = i->item.p == NULL;
	if (first && w->last.content == content.p) {
		i->item = w->last.item;
		*b = w->last.b;
		return true;
	}
	if (!j_item(content, &i->item) || !work_want(w, &i->at, "", i->item, J_OBJECT, true))
		return false;
	j_fields(i->item, names, BLOCK_FIELDS, b->f);
	b->p = i->item.p;
	b->type = type_of(b->f[B_TYPE]);
	if (!check(w, &i->at, b))
		return false;
	if (first) {
		w->last.content = content.p;
		w->last.item = i->item;
		w->last.b = *b;
	}
	return true;
}

/* ---- images and documents ---- */

static bool image_goes(const struct work *w, const struct block *b)
{
	return w->q->images == IMAGES_DATA && b->source.type <= SOURCE_URL;
}

static bool is_pdf(const struct source *s)
{
	return s->type == SOURCE_BASE64 && j_is(s->media, "application/pdf");
}

static bool file_goes(const struct work *w, const struct block *b)
{
	return w->q->files == FILES_OPENAI && is_pdf(&b->source);
}

static void data_url(struct work *w, const struct source *s)
{
	plan_lit(w->out, "data:");
	work_inner(w, s->media);
	plan_lit(w->out, ";base64,");
	work_inner(w, s->data);
}

static void stand_in(struct content *c)
{
	if (c->stand_in != NULL && (c->want & WANT_TEXT) != 0)
		content_lit(c, c->stand_in);
}

static void write_image(struct content *c, const struct place *at, const struct block *b)
{
	const struct source *s = &b->source;

	(void)at;
	if (!image_goes(c->w, b)) {
		if ((c->want & WANT_TEXT) != 0)
			content_lit(c, s->type <= SOURCE_URL ? "[image omitted: this model takes no images]"
				: "[image omitted: it is stored where only Anthropic can read it]");
		return;
	}
	if ((c->want & WANT_PARTS) == 0) {
		stand_in(c);
		return;
	}
	c->w->f->has_image = true;
	content_part(c, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
	if (s->type == SOURCE_URL)
		work_inner(c->w, s->url);
	else
		data_url(c->w, s);
	plan_lit(c->w->out, "\"}");
}

static bool text_media(struct j_val media)
{
	return j_begins(media, "text/") || j_is(media, "application/json") || j_is(media, "application/xml");
}

/* "[document: title]", a new line, its context; nothing of what is absent */
static void document_head(struct content *c, const struct block *b, bool *begun)
{
	if (b->f[B_TITLE].type == J_STRING && !j_blank(b->f[B_TITLE])) {
		content_lit(c, "[document: ");
		work_inner(c->w, b->f[B_TITLE]);
		plan_lit(c->w->out, "]");
		*begun = true;
	}
	if (b->f[B_CONTEXT].type == J_STRING && !j_blank(b->f[B_CONTEXT])) {
		if (*begun)
			plan_lit(c->w->out, "\\n");
		else
			content_open(c);
		work_inner(c->w, b->f[B_CONTEXT]);
		*begun = true;
	}
}

static void document_note(struct content *c, const struct block *b)
{
	const struct source *s = &b->source;

	content_lit(c, "[document ");
	if (b->f[B_TITLE].type == J_STRING) {
		plan_lit(c->w->out, "\\\"");
		work_inner(c->w, b->f[B_TITLE]);
		plan_lit(c->w->out, "\\\" ");
	}
	if (s->type == SOURCE_URL) {
		plan_lit(c->w->out, "at ");
		work_inner(c->w, s->url);
		plan_lit(c->w->out, " ");
	}
	plan_lit(c->w->out, is_pdf(s) ? "(PDF) " : "");
	plan_lit(c->w->out, "omitted: this model takes no such files]");
}

static void document_text(struct content *c, const struct place *at, const struct block *b)
{
	const struct source *s = &b->source;
	struct j_val text = s->type == SOURCE_CONTENT ? s->content : s->data;
	bool begun = false;

	document_head(c, b, &begun);
	if (s->type == SOURCE_CONTENT && s->content.type == J_ARRAY) {
		block_content(c, at, "source.content", s->content);
		return;
	}
	if (begun)
		plan_lit(c->w->out, "\\n");
	else
		content_open(c);
	if (j_blank(text))
		plan_lit(c->w->out, "[empty document]");
	else if (s->type != SOURCE_BASE64)
		work_inner(c->w, text);
	else if (!base64_text(c->w->out, s->data))
		work_fail(c->w, at, "source.data", "not valid base64");
}

static void write_document(struct content *c, const struct place *at, const struct block *b)
{
	const struct source *s = &b->source;
	struct work *w = c->w;
	bool text = s->type == SOURCE_TEXT || s->type == SOURCE_CONTENT || (s->type == SOURCE_BASE64 && text_media(s->media));

	if (!file_goes(w, b)) {
		if (text && (s->type == SOURCE_CONTENT || (c->want & WANT_TEXT) != 0))
			document_text(c, at, b);
		else if (!text && (c->want & WANT_TEXT) != 0)
			document_note(c, b);
		return;
	}
	if ((c->want & WANT_PARTS) == 0) {
		stand_in(c);
		return;
	}
	content_part(c, "{\"type\":\"file\",\"file\":{\"filename\":\"");
	if (b->f[B_TITLE].type == J_STRING && !j_blank(b->f[B_TITLE]))
		work_inner(w, b->f[B_TITLE]);
	else
		plan_lit(w->out, "document.pdf");
	plan_lit(w->out, "\",\"file_data\":\"");
	data_url(w, s);
	plan_lit(w->out, "\"}");
}

/* ---- text ---- */

static void write_text(struct content *c, const struct place *at, const struct block *b)
{
	(void)at;
	content_string(c, b->f[B_TEXT]);
}

static void write_unknown(struct content *c, const struct place *at, const struct block *b)
{
	(void)at;
	content_lit(c, "[content block of type ");
	work_inner(c->w, b->f[B_TYPE]);
	plan_lit(c->w->out, " is not supported by this proxy]");
}

static void write_reference(struct content *c, const struct place *at, const struct block *b)
{
	(void)at;
	content_lit(c, "[tool ");
	work_inner(c->w, b->f[B_TOOL_NAME]);
	plan_lit(c->w->out, " is loaded]");
}

/* a value as text, inside a string */
static void json_text(struct content *c, struct j_val v)
{
	if (v.type == J_STRING)
		work_inner(c->w, v);
	else
		plan_span(c->w->out, SPAN_ESC, v.p, v.n);
}

static void write_server_use(struct content *c, const struct place *at, const struct block *b)
{
	(void)at;
	content_lit(c, "[");
	work_inner(c->w, b->f[B_NAME].type == J_STRING ? b->f[B_NAME] : b->f[B_TYPE]);
	plan_lit(c->w->out, " was called with ");
	json_text(c, b->f[B_INPUT]);
	plan_lit(c->w->out, "]");
}

static void write_search_hits(struct content *c, const struct block *b)
{
	static const char *const names[] = { "title", "url" };
	struct j_val item = none, v[2];

	content_lit(c, "[search results]");
	while (j_item(b->f[B_CONTENT], &item)) {
		j_fields(item, names, 2, v);
		plan_lit(c->w->out, "\\n- ");
		work_inner(c->w, v[0]);
		plan_lit(c->w->out, ": ");
		work_inner(c->w, v[1]);
	}
}

static void write_server_result(struct content *c, const struct place *at, const struct block *b)
{
	(void)at;
	if (j_is(b->f[B_TYPE], "web_search_tool_result") && b->f[B_CONTENT].type == J_ARRAY) {
		write_search_hits(c, b);
		return;
	}
	content_lit(c, "[");
	work_inner(c->w, b->f[B_TYPE]);
	plan_lit(c->w->out, ": ");
	json_text(c, b->f[B_CONTENT]);
	plan_lit(c->w->out, "]");
}

static void write_search_result(struct content *c, const struct place *at, const struct block *b)
{
	if ((c->want & WANT_TEXT) != 0) {
		content_lit(c, "[search result: ");
		work_inner(c->w, b->f[B_TITLE]);
		plan_lit(c->w->out, " (");
		work_inner(c->w, b->f[B_SOURCE]);
		plan_lit(c->w->out, ")]");
	}
	block_content(c, at, "content", b->f[B_CONTENT]);
}

/* An orphan: the call that it answers is gone, so no server takes it as a tool message. */
static void write_result(struct content *c, const struct place *at, const struct block *b)
{
	if ((c->want & WANT_TEXT) != 0)
		content_lit(c, b->f[B_IS_ERROR].type == J_TRUE ? "[error of a tool call that is no longer shown]"
			: "[result of a tool call that is no longer shown]");
	block_content(c, at, "content", b->f[B_CONTENT]);
}

/* ---- one block ---- */

static size_t depth(const struct place *at)
{
	size_t n = 0;

	for (; at != NULL; at = at->up)
		n++;
	return n;
}

void block_write(struct content *c, const struct place *at, const struct block *b)
{
	static const struct {
		void (*write)(struct content *c, const struct place *at, const struct block *b);
		unsigned kinds;		/* pieces that it may write */
	} writers[BLOCK_TYPES] = {
		[BLOCK_TEXT] = { write_text, WANT_TEXT },
		[BLOCK_IMAGE] = { write_image, WANT_TEXT | WANT_PARTS },
		[BLOCK_DOCUMENT] = { write_document, WANT_TEXT | WANT_PARTS },
		[BLOCK_TOOL_USE] = { write_unknown, WANT_TEXT },
		[BLOCK_TOOL_RESULT] = { write_result, WANT_TEXT | WANT_PARTS },
		[BLOCK_THINKING] = { NULL, 0 },
		[BLOCK_REDACTED] = { NULL, 0 },
		[BLOCK_SEARCH_RESULT] = { write_search_result, WANT_TEXT | WANT_PARTS },
		[BLOCK_TOOL_REFERENCE] = { write_reference, WANT_TEXT },
		[BLOCK_SERVER_USE] = { write_server_use, WANT_TEXT },
		[BLOCK_SERVER_RESULT] = { write_server_result, WANT_TEXT },
		[BLOCK_UNKNOWN] = { write_unknown, WANT_TEXT }
	};
	size_t before = c->pieces;

	if ((writers[b->type].kinds & c->want) == 0)
		return;
	if (depth(at) <= NESTING)
		writers[b->type].write(c, at, b);
	else if ((c->want & WANT_TEXT) != 0)
		write_unknown(c, at, b);
	if (c->pieces > before)
		content_mark(c, b->f[B_MARK]);
}

void block_content(struct content *c, const struct place *up, const char *name, struct j_val content)
{
	struct blocks i = { 0 };
	struct block b;

	if ((c->want & WANT_TEXT) != 0)
		content_string(c, content);
	while (blocks_next(c->w, up, name, content, &i, &b))
		block_write(c, &i.at, &b);
}

static bool content_has_part(struct work *w, const struct place *up, const char *name, struct j_val content)
{
	struct blocks i = { 0 };
	struct block b;

	while (blocks_next(w, up, name, content, &i, &b))
		if (block_has_part(w, &i.at, &b))
			return true;
	return false;
}

bool block_has_part(struct work *w, const struct place *at, const struct block *b)
{
	if (depth(at) > NESTING)
		return false;
	switch (b->type) {
	case BLOCK_IMAGE:
		return image_goes(w, b);
	case BLOCK_DOCUMENT:
		return file_goes(w, b) || content_has_part(w, at, "source.content", b->source.content);
	case BLOCK_TOOL_RESULT:
	case BLOCK_SEARCH_RESULT:
		return content_has_part(w, at, "content", b->f[B_CONTENT]);
	case BLOCK_TEXT:
	case BLOCK_TOOL_USE:
	case BLOCK_THINKING:
	case BLOCK_REDACTED:
	case BLOCK_TOOL_REFERENCE:
	case BLOCK_SERVER_USE:
	case BLOCK_SERVER_RESULT:
	case BLOCK_UNKNOWN:
	case BLOCK_TYPES:
		break;
	}
	return false;
}
