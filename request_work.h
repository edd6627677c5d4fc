/*
 * What the parts of the request conversion share: request.c (the body's other
 * members), request_turns.c (messages), request_content.c and request_blocks.c
 * (what stands in them), request_tools.c, request_search.c, request_think.c,
 * request_echo.c, request_native.c.
 * Nobody else includes this.
 *
 * One struct work lives for one pass on the stack of request_convert. The first
 * thing that is wrong is kept in it; what runs on after that does no harm,
 * since reading never fails, and its plan is thrown away.
 */
#ifndef REQUEST_WORK_H
#define REQUEST_WORK_H

#include "carry.h"
#include "request.h"

#define TURN_CALLS 256		/* tool calls of one assistant turn: as many as one answer can have */
#define READ_KEPT 8		/* blocks; a power of two */
#define SEEN_SLOTS 4096		/* for the ids of the conversation's tool calls; three quarters are used */
#define LOADED_MAX 512		/* deferred tools that a conversation loads */

/* members of the request that are read; the rest is accepted and not sent */
enum top {
	TOP_STREAM, TOP_SYSTEM, TOP_MESSAGES, TOP_TOOLS, TOP_TOOL_CHOICE, TOP_MAX_TOKENS, TOP_TEMPERATURE, TOP_TOP_P,
	TOP_STOP, TOP_THINKING, TOP_OUTPUT_CONFIG, TOP_OUTPUT_FORMAT, TOPS
};

#define NO_INDEX ((size_t)-1)

/* where something stands in the request, for messages: "messages.3.content.0" is content 0 in messages 3 */
struct place {
	const struct place *up;
	const char *name;
	size_t index;		/* NO_INDEX: the member itself */
};

/* a tool_use of the turn that is being written, and the result that was found for it */
struct call {
	struct j_val id, name, input;
	uint64_t hash;			/* of the id as the client knows it */
	size_t again;			/* not 0: its number among all calls; the id is empty or was there before */
	const char *result;		/* where its tool_result block begins; NULL: there is none */
	size_t message, block;		/* its place */
	struct j_val content, mark;	/* its content and cache_control */
	bool is_error;
	const char *signature;		/* base64 that was carried for it, NULL without */
	size_t nsignature;
};

/* as types of their own are named in request_blocks.c */
enum block_type {
	BLOCK_TEXT, BLOCK_IMAGE, BLOCK_DOCUMENT, BLOCK_TOOL_USE, BLOCK_TOOL_RESULT, BLOCK_THINKING, BLOCK_REDACTED,
	BLOCK_SEARCH_RESULT, BLOCK_TOOL_REFERENCE, BLOCK_SERVER_USE, BLOCK_SERVER_RESULT, BLOCK_UNKNOWN
};

enum block_field {
	B_TYPE, B_TEXT, B_SOURCE, B_NAME, B_TOOL_NAME, B_ID, B_TOOL_USE_ID, B_IS_ERROR, B_CONTENT, B_THINKING,
	B_SIGNATURE, B_INPUT, B_TITLE, B_CONTEXT, B_MARK, BLOCK_FIELDS
};

enum source_type { SOURCE_BASE64, SOURCE_URL, SOURCE_TEXT, SOURCE_CONTENT, SOURCE_OTHER };

enum source_field { S_TYPE, S_MEDIA, S_DATA, S_URL, S_CONTENT, SOURCE_FIELDS };

struct block {
	enum block_type type;
	enum source_type source;	/* of an image or document */
	const char *p;			/* where it begins */
	struct j_val f[BLOCK_FIELDS], s[SOURCE_FIELDS];
};

enum choice { CHOOSE_AUTO, CHOOSE_ANY, CHOOSE_TOOL, CHOOSE_NOTHING };

/* what tool_choice asks for; of a tool that is not declared CHOOSE_AUTO */
struct wanted {
	bool given, serial;		/* serial: disable_parallel_tool_use */
	enum choice choice;
	struct j_val name;
};

struct work {
	const struct target *t;
	const struct quirks *q;
	struct plan *out;
	struct session *s;
	struct request_facts *f;
	struct api_error *e;
	bool failed;
	bool counting;			/* for count_tokens: max_tokens may be absent */

	/* what is used most stands first: it is nearest */
	unsigned nmessages, nmembers;	/* written */
	unsigned ncalls, all_calls;	/* of this turn; of the conversation so far */
	unsigned tools, server_tools;	/* to be sent; left out because they run at Anthropic's */
	unsigned nloaded, nseen, nmerged;
	bool markers;			/* the system prompt has markers that change each turn */
	bool deferred;			/* some tools wait until the history refers to them */
	bool forced;			/* a tool call is demanded, in a form that is sent */
	size_t last_user;		/* index of the last message of the user's side, when markers must move there */

	struct wanted wanted;
	struct j_val top[TOPS];
	struct j_val extra;		/* of the quirks */
	bool firm;			/* what is written goes before what extra says of the same: thinking that is off */
	struct j_val search;		/* of the quirks, when a web search is asked for; else J_NONE */
	struct j_val search_tool;	/* the client's tool for it */
	const char *merged[8];		/* members that extra was merged into already */

	struct {
		const char *before;	/* what it stands behind in its list: a bracket, or the end of another */
		struct j_val item;
		struct block b;
	} read[READ_KEPT];		/* blocks that were read: whether a message is silent is asked of one, then it is written */

	/* from here on nothing is cleared at the start */
	uint64_t seen[SEEN_SLOTS];	/* hashes of ids, open addressing; 0: free; cleared for the first */
	struct call calls[TURN_CALLS];
	struct {
		uint64_t hash;
		struct j_val tool;
	} loaded[LOADED_MAX];		/* in the order of the first reference */
};

/* ---- request.c ---- */

/*
 * Keeps "messages.3.content.0.leaf: why" unless something was wrong before.
 * at NULL: top level; leaf "": the place itself.
 */
void work_fail(struct work *w, const struct place *at, const char *leaf, const char *why);

/*
 * Checks one member. want: what it must be, b boolean, n number, s string, a
 * array, o object, c content (string or array); a capital where it is
 * required, while else it may be absent or null; a space: anything. False and
 * failed when it is not.
 */
bool work_want(struct work *w, const struct place *at, const char *leaf, const struct j_val *v, char want);

/* The same for what j_pick found: a letter for each of the first names. */
bool work_wants(struct work *w, const struct place *at, const char *names, const char *wants, const struct j_val v[]);

/* Begins a member of the body: comma, name, colon. False when it is dropped, or extra or search replaces it. */
bool work_member(struct work *w, const char *name);

/* A member given as JSON that need not last; one that is an object is merged with extra's member of that name. */
void work_put(struct work *w, const char *name, const char *text);

void work_whole(struct work *w, const char *name, int64_t n);

bool work_dropped(const struct work *w, const char *name);

/* What extra has and was not written with another member. */
void work_extra(struct work *w);

/* max_tokens within the limits; 0 where it is wrong (which has been told), or absent and not needed. */
int64_t work_limit(struct work *w);

/* ---- messages, request_turns.c ---- */

struct content;

enum role { ROLE_USER, ROLE_ASSISTANT, ROLE_SYSTEM };

struct message {
	enum role role;
	struct j_val content;
	struct place at;
};

/* start with all zero */
struct cursor {
	struct j_val item;
	size_t next;
};

/* messages of one side of the conversation, and silent ones of the other between them */
struct run {
	struct cursor start, second;	/* in front of the first message; of the second */
	struct message first;
	size_t behind;			/* index of the first message behind it */
	bool assistant;			/* which side */
	bool any;
};

void turns_write(struct work *w);

/* A call's id as the upstream gets it, and a tool's name; both within a string, behind static text. */
void call_id(struct work *w, const char *before, const struct call *call);
void tool_name(struct work *w, const char *before, struct j_val name);

/* The next message, checked; false behind the last, and when it is wrong. */
bool message_next(struct work *w, struct cursor *c, struct message *m);

/* The next message of a run, those of the other side left out. Start at r->start. */
bool run_next(struct work *w, const struct run *r, struct cursor *c, struct message *m);

/* a place between the blocks of a content; blocks_begin and blocks_of_message set it in front of the first */
struct blocks {
	struct j_val content, item;
	struct place at;
};

/* the blocks of a run; turn_begin sets it in front of the first */
struct turn {
	struct cursor messages;
	struct message m;
	bool inside;			/* m is a message */
	struct blocks blocks;
	struct block b;
};

void turn_begin(struct turn *t, const struct run *r);

/* The next block of a run, whatever message it stands in. */
bool turn_next(struct work *w, const struct run *r, struct turn *t);

/* ---- request_system.c ---- */

/* The system message at the head; c moves behind the messages that went into it. */
void system_write(struct work *w, struct cursor *c);

/* What changes each turn and was cut out of the system prompt, as pieces. */
void system_marks(struct content *c);

/* ---- blocks, request_blocks.c ---- */

/* A content is named so in messages; a string is one block of text. */
void blocks_begin(struct blocks *i, const struct place *up, const char *name, struct j_val content);
void blocks_of_message(struct blocks *i, const struct message *m);

/* The next block, checked; false behind the last, and when it is wrong. */
bool blocks_next(struct work *w, struct blocks *i, struct block *b);

/* ---- request_base64.c ---- */

/*
 * Base64 that holds text, as the inside of a JSON string; what is not UTF-8
 * becomes U+FFFD; NO_TEXT behind what is blank. False when it is no base64.
 */
#define NO_TEXT "[empty document]"
bool base64_text(struct plan *out, struct j_val data);

/* ---- content being written, request_content.c ---- */

enum { WANT_TEXT = 1, WANT_PARTS = 2 };

enum part { PART_NONE, PART_TEXT, PART_OTHER };

struct content {
	struct work *w;
	const char *role;		/* a message of this role is begun with the first piece; NULL: it has been */
	bool bare;			/* inside a piece of another content: without quotes; not to be ended */
	bool list;			/* parts, instead of one string with blank lines between the pieces */
	unsigned want;
	const char *stand_in;		/* text where an image or file is shown elsewhere; NULL: none */
	const char *prefix;		/* of the first text; NULL: none */
	const struct call *label;	/* the next part belongs to the result of this call; told in front of it */
	size_t pieces;
	enum part part;			/* what the last piece is, while it may still get a mark */
	struct j_val mark;
	bool marked;
};

/* An empty content that takes marks where the provider does. */
void content_init(struct content *c, struct work *w, const char *role, unsigned want);

/* Begins a piece of text; any spans of the inside of a JSON string follow, into the plan that it returns. */
struct plan *content_open(struct content *c);

/* A piece of static text. */
void content_lit(struct content *c, const char *text);

/* Begins a part that is no text; its members follow into the plan, but not its last brace. */
struct plan *content_part(struct content *c);

/* cache_control of the piece that was written last */
void content_mark(struct content *c, const struct j_val *mark);

/* Ends the string or list; and the message, when it has a role. */
void content_end(struct content *c);

/* Begins a message: comma, brace, role. */
void message_open(struct work *w, const char *role);
void message_close(struct work *w, bool marked);

/* What a block has to say of the kinds that c wants. */
void block_write(struct content *c, const struct place *at, const struct block *b);

/* All blocks of a content. */
void block_content(struct content *c, const struct place *up, const char *name, struct j_val content);
void block_message(struct content *c, const struct message *m);

/* Whether the block, or one inside it, may become a part that is no text. */
bool block_has_part(struct work *w, const struct place *at, const struct block *b);

/* ---- request_tools.c ---- */

/* Reads tools and tool_choice: the session's names, what is left out, what is forced. */
void tools_scan(struct work *w);
void tools_write(struct work *w);

/* ---- request_search.c ---- */

/* What becomes of the web search that the client's tool asks for, once the others have been counted. */
void search_choose(struct work *w, struct j_val tool, bool demanded);

/* The provider's tools for it, behind so many others, and the bracket in front of the first. */
void search_tools(struct work *w, size_t before);

/* What the model is told of searches, and of what cannot be had, as pieces. */
void search_note(struct content *c);

/* ---- request_native.c ---- */

/* The whole body for a provider that speaks the Messages API itself. */
void native_write(struct work *w, struct j_val body);

/* ---- request_think.c ---- */

/* Whether thinking was asked for or forbidden; the members that say so. */
bool think_off(const struct work *w);
void think_write(struct work *w);
void think_format(struct work *w);

/* ---- request_echo.c ---- */

/* how the reasoning of one assistant turn goes back */
enum echo_form { ECHO_FORM_NONE, ECHO_FORM_FIELD, ECHO_FORM_DETAILS, ECHO_FORM_TAGS, ECHO_FORM_PARTS };

struct echo {
	const struct run *run;
	enum carry_from from;		/* of the first block that carries something */
	bool text, details, opaque, signature;	/* what was carried; signature: the message's own */
	enum echo_form form;
	const char *field;
};

void echo_scan(struct work *w, const struct run *r, struct echo *e);

/* In front of the content's text; members of the message; of one of its calls. */
void echo_content(const struct echo *e, struct content *c);
void echo_members(struct work *w, const struct echo *e);
void echo_call(struct work *w, const struct call *call);

#endif
