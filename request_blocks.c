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

/* ---- reading ---- */

static enum block_type type_of(struct j_val type)
{
	static const char end[] = "_tool_result";
	int i = j_which(type, "text\0image\0document\0tool_use\0tool_result\0thinking\0redacted_thinking\0"
		"search_result\0tool_reference\0server_tool_use\0mcp_tool_use\0");
	size_t n;
	const char *raw = j_raw(type, &n);

	if (i >= 0)
		return i > BLOCK_SERVER_USE ? BLOCK_SERVER_USE : (enum block_type)i;
	if (n > sizeof end - 1 && memcmp(raw + n - (sizeof end - 1), end, sizeof end - 1) == 0)
		return BLOCK_SERVER_RESULT;
	return BLOCK_UNKNOWN;
}

static bool check_source(struct work *w, const struct place *at, struct block *b)
{
	static const char names[] = "type\0media_type\0data\0url\0content\0";
	static const char wants[][SOURCE_FIELDS + 1] = {
		[SOURCE_BASE64] = "SSS", [SOURCE_URL] = "S  S", [SOURCE_TEXT] = "S S", [SOURCE_CONTENT] = "S   C",
		[SOURCE_OTHER] = "S"
	};
	struct place source = { at, "source", NO_INDEX };
	int i;

	if (!work_want(w, at, "source", &b->f[B_SOURCE], 'O'))
		return false;
	j_pick(b->f[B_SOURCE], names, b->s);
	i = j_which(b->s[S_TYPE], "base64\0url\0text\0content\0");
	b->source = i >= 0 ? (enum source_type)i : SOURCE_OTHER;
	return work_wants(w, &source, names, wants[b->source], b->s);
}

void blocks_begin(struct blocks *i, const struct place *up, const char *name, struct j_val content)
{
	memset(i, 0, sizeof *i);
	i->content = content;
	i->at.up = up;
	i->at.name = name;
}

void blocks_of_message(struct blocks *i, const struct message *m)
{
	blocks_begin(i, &m->at, "content", m->content);
}

bool blocks_next(struct work *w, struct blocks *i, struct block *b)
{
	static const char names[] = "type\0text\0source\0name\0tool_name\0id\0tool_use_id\0is_error\0content\0"
		"thinking\0signature\0input\0title\0context\0cache_control\0";
	/* of each type, in the order of the names */
	static const char wants[] = "SS\0S\0S\0S  S s\0S     sbc\0S        ss\0S\0S\0S   S\0S\0S\0S\0";
	struct j_val content = i->content;
	bool first = i->item.p == NULL;

	i->at.index += !first;
	if (w->failed)
		return false;
	if (content.type == J_STRING && first) {
		memset(b, 0, sizeof *b);
		b->p = content.p;
		b->f[B_TEXT] = i->item = content;
		return true;
	}
	if (content.type != J_ARRAY)
		return false;
	const char *before = first ? content.p : i->item.p + i->item.n;
	unsigned slot = (uintptr_t)before % READ_KEPT;
	if (w->read[slot].before == before) {
		i->item = w->read[slot].item;
		*b = w->read[slot].b;
		return true;
	}
	if (!j_item_pick(content, &i->item, names, b->f) || !work_want(w, &i->at, "", &i->item, 'O'))
		return false;
	b->p = i->item.p;
	b->type = type_of(b->f[B_TYPE]);
	if (!work_wants(w, &i->at, names, q_text(wants, b->type), b->f)
		|| ((b->type == BLOCK_IMAGE || b->type == BLOCK_DOCUMENT) && !check_source(w, &i->at, b)))
		return false;
	w->read[slot].before = before;
	w->read[slot].item = i->item;
	w->read[slot].b = *b;
	return true;
}

/* ---- images and documents ---- */

static bool image_goes(const struct work *w, const struct block *b)
{
	return w->q->images == IMAGES_DATA && b->source <= SOURCE_URL;
}

static bool is_pdf(const struct block *b)
{
	return b->source == SOURCE_BASE64 && j_is(b->s[S_MEDIA], "application/pdf");
}

static bool file_goes(const struct work *w, const struct block *b)
{
	return w->q->files == FILES_OPENAI && is_pdf(b);
}

/* whether the part itself is to be written, and not what stands in for it */
static bool shown(struct content *c)
{
	if ((c->want & WANT_PARTS) != 0)
		return true;
	if (c->stand_in != NULL)
		content_lit(c, c->stand_in);
	return false;
}

static void data_url(struct work *w, const struct block *b)
{
	plan_put(w->out, "data:%t;base64,%t\"}", &b->s[S_MEDIA], &b->s[S_DATA]);
}

static void write_image(struct content *c, const struct block *b)
{
	if (!image_goes(c->w, b)) {
		if (b->source <= SOURCE_URL)
			c->w->f->hides_image = true;
		if ((c->want & WANT_TEXT) != 0)
			content_lit(c, b->source <= SOURCE_URL ? "[image omitted: this model takes no images]"
				: "[image omitted: it is stored where only Anthropic can read it]");
		return;
	}
	if (!shown(c))
		return;
	c->w->f->has_image = true;
	plan_lit(content_part(c), "{\"type\":\"image_url\",\"image_url\":{\"url\":\"");
	if (b->source == SOURCE_URL)
		plan_put(c->w->out, "%t\"}", &b->s[S_URL]);
	else
		data_url(c->w, b);
}

static void document_note(struct content *c, const struct block *b)
{
	struct plan *out = content_open(c);

	plan_lit(out, "[document ");
	if (b->f[B_TITLE].type == J_STRING)
		plan_put(out, "\\\"%t\\\" ", &b->f[B_TITLE]);
	if (b->source == SOURCE_URL)
		plan_put(out, "at %t ", &b->s[S_URL]);
	plan_put(out, "%somitted: this model takes no such files]", is_pdf(b) ? "(PDF) " : "");
}

static bool says(struct j_val v)
{
	return v.type == J_STRING && !j_blank(v);
}

/* "[document: title]", its context, its text: each on a line, and none of what is absent */
static void document_text(struct content *c, const struct place *at, const struct block *b)
{
	bool list = b->source == SOURCE_CONTENT && b->s[S_CONTENT].type == J_ARRAY;
	bool wanted = (c->want & WANT_TEXT) != 0;
	bool title = wanted && says(b->f[B_TITLE]), context = wanted && says(b->f[B_CONTEXT]);
	struct j_val text = b->s[b->source == SOURCE_CONTENT ? S_CONTENT : S_DATA];
	struct plan *out = c->w->out;

	if (!list && !wanted)
		return;
	if (title || context || !list)
		content_open(c);
	if (title)
		plan_put(out, "[document: %t]", &b->f[B_TITLE]);
	if (context)
		plan_put(out, "%s%t", title ? "\\n" : "", &b->f[B_CONTEXT]);
	if (list) {
		block_content(c, at, "source.content", text);
		return;
	}
	plan_lit(out, title || context ? "\\n" : "");
	if (j_blank(text))
		plan_lit(out, NO_TEXT);
	else if (b->source != SOURCE_BASE64)
		plan_text(out, text);
	else if (!base64_text(out, text))
		work_fail(c->w, at, "source.data", "not valid base64");
}

static bool is_text(const struct block *b)
{
	return b->source == SOURCE_TEXT || b->source == SOURCE_CONTENT || (b->source == SOURCE_BASE64
		&& (j_begins(b->s[S_MEDIA], "text/") || j_which(b->s[S_MEDIA], "application/json\0application/xml\0") >= 0));
}

static void write_document(struct content *c, const struct place *at, const struct block *b)
{
	if (!file_goes(c->w, b)) {
		if (is_text(b))
			document_text(c, at, b);
		else if ((c->want & WANT_TEXT) != 0)
			document_note(c, b);
		return;
	}
	if (!shown(c))
		return;
	plan_lit(content_part(c), "{\"type\":\"file\",\"file\":{\"filename\":\"");
	if (says(b->f[B_TITLE]))
		plan_text(c->w->out, b->f[B_TITLE]);
	else
		plan_lit(c->w->out, "document.pdf");
	plan_lit(c->w->out, "\",\"file_data\":\"");
	data_url(c->w, b);
}

/* ---- one block ---- */

static size_t depth(const struct place *at)
{
	size_t n = 0;

	for (; at != NULL; at = at->up)
		n++;
	return n;
}

static void write_server_result(struct plan *out, const struct block *b)
{
	struct j_val item = { 0 }, v[2];

	if (!j_is(b->f[B_TYPE], "web_search_tool_result") || b->f[B_CONTENT].type != J_ARRAY) {
		plan_put(out, "[%t: %t]", &b->f[B_TYPE], &b->f[B_CONTENT]);
		return;
	}
	plan_lit(out, "[search results]");
	while (j_item(b->f[B_CONTENT], &item)) {
		j_pick(item, "title\0url\0", v);
		plan_put(out, "\\n- %t: %t", &v[0], &v[1]);
	}
}

/* what a block says itself, as what it is taken for */
static void write_text(struct content *c, const struct block *b, enum block_type type)
{
	const struct j_val *f = b->f;
	struct plan *out;

	if (type == BLOCK_TEXT && j_blank(f[B_TEXT]))
		return;
	out = content_open(c);
	switch (type) {
	case BLOCK_TEXT:
		plan_text(out, f[B_TEXT]);
		break;
	case BLOCK_TOOL_RESULT:		/* the call that it answers is gone, so no server takes it as a tool message */
		plan_put(out, "[%s of a tool call that is no longer shown]", f[B_IS_ERROR].type == J_TRUE ? "error" : "result");
		break;
	case BLOCK_SEARCH_RESULT:
		plan_put(out, "[search result: %t (%t)]", &f[B_TITLE], &f[B_SOURCE]);
		break;
	case BLOCK_TOOL_REFERENCE:
		plan_put(out, "[tool %t is loaded]", &f[B_TOOL_NAME]);
		break;
	case BLOCK_SERVER_USE:
		plan_put(out, "[%t was called with %t]", &f[f[B_NAME].type == J_STRING ? B_NAME : B_TYPE], &f[B_INPUT]);
		break;
	case BLOCK_SERVER_RESULT:
		write_server_result(out, b);
		break;
	default:
		plan_put(out, "[content block of type %t is not supported by this proxy]", &f[B_TYPE]);
	}
}

void block_write(struct content *c, const struct place *at, const struct block *b)
{
	size_t before = c->pieces;
	enum block_type type = depth(at) <= NESTING || b->type == BLOCK_TEXT ? b->type : BLOCK_UNKNOWN;

	if (b->type == BLOCK_THINKING || b->type == BLOCK_REDACTED)
		return;
	if (type == BLOCK_IMAGE)
		write_image(c, b);
	else if (type == BLOCK_DOCUMENT)
		write_document(c, at, b);
	else if ((c->want & WANT_TEXT) != 0)
		write_text(c, b, type);
	if (type == BLOCK_TOOL_RESULT || type == BLOCK_SEARCH_RESULT)
		block_content(c, at, "content", b->f[B_CONTENT]);
	if (c->pieces > before)
		content_mark(c, &b->f[B_MARK]);
}

void block_content(struct content *c, const struct place *up, const char *name, struct j_val content)
{
	struct blocks i;
	struct block b;

	blocks_begin(&i, up, name, content);
	while (blocks_next(c->w, &i, &b))
		block_write(c, &i.at, &b);
}

void block_message(struct content *c, const struct message *m)
{
	block_content(c, &m->at, "content", m->content);
}

bool block_has_part(struct work *w, const struct place *at, const struct block *b)
{
	bool source = b->type == BLOCK_DOCUMENT;
	struct blocks i;
	struct block inner;

	if (depth(at) > NESTING)
		return false;
	if ((b->type == BLOCK_IMAGE && image_goes(w, b)) || (source && file_goes(w, b)))
		return true;
	if (!source && b->type != BLOCK_TOOL_RESULT && b->type != BLOCK_SEARCH_RESULT)
		return false;
	blocks_begin(&i, at, source ? "source.content" : "content", source ? b->s[S_CONTENT] : b->f[B_CONTENT]);
	while (blocks_next(w, &i, &inner))
		if (block_has_part(w, &i.at, &inner))
			return true;
	return false;
}
