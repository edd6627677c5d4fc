/* From a base URL to where requests go. Each returns NULL, or a static sentence that says what is wrong with the URL. */
#ifndef TARGET_H
#define TARGET_H

#include "config.h"
#include "http.h"

/* Takes the URL (RFC 3986) apart: t->path and t->query become those of the URL, without slashes at the end of the path; t->native what the path says. */
const char *target_url(struct cfg_target *t, const char *url);

/* The part "host" or "host:port" of a URL, IPv6 in brackets: fills t->host, and t->port when it is there. */
const char *target_authority(struct cfg_target *t, struct http_text a);

/*
 * Completes t->path and t->query to those of the requests. q: the provider's
 * row. azure_version "": none.
 */
const char *target_path(struct cfg_target *t, const struct quirks *q, const char *azure_version);

/* Whether a name or address without brackets is this machine's own. */
bool target_loopback(const char *host);

#endif
