/* Scripts of the provider: which answer a request gets. */
#ifndef PROVIDER_SCRIPT_H
#define PROVIDER_SCRIPT_H

#include "provider.h"

struct rule;

struct script {
	struct rule *rules, *last;
	char dir[1024];		/* of the script; its files are named from there */
};

struct request {
	const char *head, *body;
	size_t nhead, nbody;
	struct j_val json;	/* J_NONE before the body came */
	bool early;		/* only the head is there */
};

/* 0, or -1 after saying on stderr which line is wrong. */
int script_read(struct script *s, const char *path);

/* The first rule that matches and has uses left; takes one use. NULL: none. */
struct rule *script_match(struct script *s, const struct request *q);
bool rule_deaf(const struct rule *r);
void rule_play(struct script *s, const struct rule *r, struct answer *a, const struct request *q);

/* The answer without a script: text, a tool call when asked for one, reasoning when asked for it. */
void demo_play(struct answer *a, struct j_val body);

#endif
