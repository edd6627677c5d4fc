/*
 * The way out through a proxy of the network, as HTTPS_PROXY and the like name
 * it: who it is, for whom it is not meant, and what is said to it until it is a
 * tunnel. CONNECT (RFC 9110 9.3.6) with Basic (RFC 7617), or SOCKS 5 (RFC 1928,
 * RFC 1929) with the name of the upstream, never its address.
 */
#ifndef VIA_H
#define VIA_H

#include "buf.h"
#include "config.h"

/*
 * Takes "[http://|socks5://|socks5h://][user[:password]@]host[:port]" apart. What it is
 * is decoded in place, and v points there. NULL, or a static sentence that says what is wrong.
 */
const char *via_url(struct cfg_via *v, char *url);

/*
 * The entry of a NO_PROXY list that names the target, n bytes of it, or NULL. An
 * entry is *, a name (which stands for all below it), an address or a net, with :port or without.
 */
const char *via_spared(const char *list, const struct cfg_target *t, size_t *n);

enum via_said {
	VIA_MORE,	/* send what is in out; more must come */
	VIA_OPEN,	/* it is a tunnel now, and in is empty */
	VIA_REFUSED,	/* another attempt may fare better */
	VIA_DENIED	/* only another configuration mends it */
};

/*
 * Goes on: takes what came from the proxy out of in, and puts what it is to get
 * into out, which has room for 2 KB. *step is 0 at first, when nothing has come. Refused or denied: why is a
 * sentence without its subject, which is the proxy.
 */
enum via_said via_talk(const struct config *c, unsigned char *step, struct buf *in, struct buf *out, char *why, size_t room);

/* The way for people: "through the HTTPS_PROXY host:port", "direct: NO_PROXY has .lan", or "" where nothing is set. */
size_t via_shown(const struct config *c, char *dst, size_t room);

#endif
