/*
 * What a request head asks for, and whether it may: the routes, and the guards
 * that stand before them. Looks at a head and a configuration, nothing else.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include "config.h"
#include "convert.h"
#include "http.h"

enum route {
	ROUTE_MESSAGES,		/* POST /v1/messages */
	ROUTE_COUNT,		/* POST /v1/messages/count_tokens */
	ROUTE_CHAT,		/* POST /v1/chat/completions */
	ROUTE_MODELS,		/* GET /v1/models */
	ROUTE_MODEL,		/* GET /v1/models/ID */
	ROUTE_HEALTH,		/* GET /health, and HEAD /api/hello */
	ROUTE_TEST,		/* GET /test-connection */
	ROUTE_ROOT		/* GET / */
};

struct route_info {
	enum route route;
	struct http_text rest;	/* ROUTE_MODEL: the ID as sent, percent escapes kept */
	const char *key;	/* the name of the client's key, of the configuration; "": it has none */
	const char *allow;	/* with a 405: the Allow field */
};

/*
 * Decides in this order: Host (421) and Origin or Sec-Fetch-Site (403), before
 * anything is told; the path (404); the method (405, info->allow); the client's
 * key (401); Expect (417); the body's type (415) and its announced size (413).
 * Returns 0 with info filled, or -1 with e.
 */
int route_head(const struct http_head *h, const struct config *c, struct route_info *info, struct api_error *e);

/* The Origin to allow by name in the answer (CORS): the request's own when it is configured, else p NULL. */
struct http_text route_origin(const struct http_head *h, const struct config *c);

/* Whether this is a CORS preflight that may be answered: OPTIONS from an origin that is configured. */
bool route_preflight(const struct http_head *h, const struct config *c);

#endif
