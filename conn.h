/*
 * One client connection, from its first byte to its last: phases, buffers,
 * deadlines, and what to poll for. conn.c holds the table of who may end when.
 */
#ifndef CONN_H
#define CONN_H

#include <poll.h>
#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "caches.h"
#include "config.h"
#include "heap.h"
#include "http.h"
#include "learned.h"
#include "log.h"
#include "logfile.h"
#include "reply.h"
#include "request.h"
#include "route.h"
#include "sse.h"
#include "tls.h"
#include "upstream.h"

#define CONN_FDS (2 + 2 * UP_FDS)	/* descriptors that one connection may want polled */
#define CONN_RX CHUNK			/* client's bytes; also the limit of a request head */
#define CONN_TX CHUNK			/* bytes for the client */
#define CONN_EVENT CHUNK		/* an upstream's event, or response head; larger events use the heap */
#define CONN_ERROR_BODY 65536		/* bytes of an upstream's error that are looked at */
#define CONN_SPANS 64			/* of a plan for the client; larger ones use the heap */
#define CONN_ARENA 1024
#define CONN_GRACE 2000			/* ms to wait for usage after the finish reason (providers' streams stay open) */
#define CONN_DRAIN 500			/* ms to wait for the end of a response that is complete for us, to reuse its connection */
#define CONN_SEARCHES 8		/* searches that a provider may do for one request, each with its own */
#define CONN_REFUSED 500		/* ms to wait for the request of who will be refused */
#define CONN_ROUNDS 64			/* moves of one connection before others get their turn */

#define INSTANCE_MODELS 4	/* upstream models whose settings are kept: as many as can be configured */

/* the settings for one upstream model, as rows and UP_* have them: applying the rows costs more than a small request */
struct model_settings {
	char model[CONV_MODEL_MAX + 1];	/* "": free */
	struct quirks q;
};

/* what /health tells of the requests so far, those for /health itself left out */
struct totals {
	int64_t requests, errors, in, cached, out;	/* the last three are tokens */
};

/*
 * One configuration and where it listens. A reload makes another in its place;
 * what runs keeps this one, and the last reference frees it.
 */
struct instance {
	unsigned refs;			/* of the table in main, of connections, of the one before it */
	const struct config *cfg;
	struct logfile *logs, *log;	/* the list that log is from */
	struct instance *successor;	/* of the same listener, after a reload; a reference */
	bool given;			/* the listener is a supervisor's, wherever that is */
	bool leaving;			/* nobody accepts for it any more: the same as draining and patient */
	int listener;			/* -1: none (any more) */
	dev_t dev;			/* the socket file that is to be removed with it; ino 0: none */
	ino_t ino;
	int port;			/* where it listens: with PORT=0 the one that the system picked */
	unsigned next;			/* of the settings that make room */
	struct model_settings settings[INSTANCE_MODELS];
	struct calibration calibration;	/* of the estimates, by conn_model */
	struct totals totals;
};

/* what all connections share; main owns it */
struct server {
	struct up_pool *pool;
	struct learned *learned;
	struct tokens_machine tokens;
	int64_t now;			/* CLOCK_MONOTONIC in ms, read once a turn */
	int64_t began;			/* the program, by the same clock */
	unsigned count;			/* connections */
	bool draining;			/* the program ends: an answer is the last of its connection */
	bool patient;			/* and idle connections are left to get theirs */
	int64_t shaken;			/* when a client's TLS handshake last went on: one at a time, each costs milliseconds */
	struct caches caches;
};

enum phase {
	PHASE_HEAD,		/* the request head */
	PHASE_BODY,		/* the rest of the body */
	PHASE_DIAL,		/* a connection to the upstream, or the pause before the next try */
	PHASE_TALK,		/* sending the request, and the response head (both live) */
	PHASE_RELAY,		/* the response body */
	PHASE_FLUSH,		/* the client to take the rest */
	PHASE_LINGER,		/* the client to close; its input is thrown away */
	PHASE_OVER		/* nothing: free it */
};

/* how the upstream's response body is read */
enum relay_mode {
	RELAY_SNIFF,		/* not known yet */
	RELAY_EVENTS,		/* an event stream, to a client that wants events */
	RELAY_FOLD,		/* an event stream, to a client that wants a message */
	RELAY_WHOLE,		/* a JSON document */
	RELAY_ERROR,		/* an error's body */
	RELAY_RAW		/* an OpenAI client's answer, passed as it is */
};

/* how the answer to the client is framed */
enum framing { FRAME_LENGTH, FRAME_CHUNKED, FRAME_CLOSE };

/*
 * What is asked for most stands first: the first 128 bytes of a struct are
 * reached by shorter instructions. All between body_over and rx belongs to one
 * request and its answer, and is emptied behind it.
 */
struct conn {
	struct server *srv;
	struct instance *inst;
	enum phase phase;
	bool in_eof, is_socket, again;
	bool refused;			/* it has no place: /health is answered, all else gets 529 */
	struct upstream *drain;		/* a connection whose response is to be read to its end, to be reused */

	bool body_over;			/* the request's body was read to its end */
	bool keep_alive, http10, head_method;
	bool answered;			/* a response head was written */
	bool has_error;			/* the answer is an error: c->error */
	bool converted;			/* the request was good, and is meant for the upstream */
	bool resent;			/* as it was, once */
	bool up_keep, up_body_done;
	bool over;			/* the answer is complete, or failed: the plan in out_plan is the last of it */
	bool terminated;		/* the last chunk was written */
	bool broken;			/* the answer ends uncleanly */
	enum route route;
	enum relay_mode mode;
	enum framing frame;
	struct upstream *up;
	size_t run;			/* bytes of body at up_rx that are not used yet */
	struct heap whole;		/* a JSON answer, an error's body, a folded message */
	const char *why;		/* static: why it ended, for the log line */
	int64_t progress;		/* when the upstream last made some */

	/* the request */
	size_t looked;			/* bytes in rx that are no complete head */
	const char *allow;		/* the Allow field of a 405, NULL without */
	int64_t began;			/* its first byte */
	unsigned char seed[16];		/* random, for the ids of this request */
	char id[32];			/* request-id */
	const char *key;		/* the name of the client's, of inst->cfg; NULL: not asked for yet */
	char session_id[72];
	uint64_t agent;			/* a hash of the subagent's id, the same for all without */
	char origin[128];		/* Access-Control-Allow-Origin of the answer, "" without */
	char model[CONV_MODEL_MAX + 1], up_model[CONV_MODEL_MAX + 1];
	size_t nmodel;
	struct http_body body_in;
	struct heap body;
	struct request_facts facts;
	struct heap passed;		/* fields of the client's head that go upstream, as lines */
	bool versioned;			/* anthropic-version is one of them */
	char binding[24];
	char place[sizeof ((struct cfg_target *)0)->host + CONV_MODEL_MAX + 2];	/* "host/model" */
	unsigned nrepairs;		/* of a refused request */
	int64_t fit_tokens;		/* a smaller max_tokens that fits the context; 0: none */
	char repairs[LEARNED_TEXT];	/* settings that are on trial */
	struct heap more;		/* what the provider has to be sent back while it searches, for target.more */
	unsigned searches;		/* how often it was */

	/* the upstream */
	unsigned tries;			/* connections begun for this request, reused ones not counted */
	unsigned interim;		/* 1xx heads seen */
	int64_t retry_at;
	int64_t started;		/* when the request turned to the upstream */
	struct heap up_head;		/* the request head for the upstream */
	size_t up_head_at;
	struct heap plan_bytes;		/* spans and arena of its body's plan */
	struct plan plan;
	struct plan_pos plan_at;
	size_t plan_pulled;
	struct session session;		/* in a heap block of its own: it outlives the plan */
	struct heap names;
	struct buf up_rx;		/* the response head as it arrives, in event_chunk */
	struct http_body body_up;
	int up_status;

	/* the answer */
	struct sse sse;
	struct heap event;		/* in place of event_chunk for large ones */
	struct heap stash_bytes;
	struct stash stash;
	int64_t finished_at;		/* the finish reason came; 0: not yet */
	int64_t last_out, last_event;	/* when something, a real event went to the client */
	int64_t first_byte;
	int status;			/* of the answer */

	/* the connection */
	struct buf rx, tx;		/* these and event_chunk: only while something waits in them (conn_rest) */
	char *event_chunk;
	int64_t entered;		/* when the phase began */
	int64_t client_moved;		/* when the client last took or gave something */
	int64_t drain_until;
	struct http_body drain_body;
	int in, out;			/* the same for a socket */
	unsigned at;			/* its place in the loop, whose it is */
	struct tls *tls;		/* the client's end of it is TLS; NULL: plain, or over */
	size_t sealed;			/* bytes of tx that are in its record, on their way */
	char peer[64];

	/* of a request too, but set up before each use */
	struct plan out_plan;
	struct plan_pos out_at;
	size_t out_pulled;
	struct plan_heap out_heap;
	struct quirks q;

	/* from here on nothing is ever cleared: pages that are not used are not touched */
	struct span spans[CONN_SPANS];
	char arena[CONN_ARENA];
	struct reply reply;
	struct api_error error;
};

/* Takes a reference of the caller's to a configuration and a log. NULL: out of memory (nothing is taken). */
struct instance *instance_new(const struct config *cfg, struct logfile *logs, struct logfile *log);
void instance_drop(struct instance *i);	/* gives one back */

/* Its listener is a socket in the file system and its own: instance_deaf removes the file, unless another stands there. */
void instance_owns(struct instance *i);

/* Closes the listener. */
void instance_deaf(struct instance *i);

/* A new connection on in and out (both closed by conn_free). NULL: out of memory (nothing is closed). */
struct conn *conn_new(struct server *srv, struct instance *inst, int in, int out, const char *peer);
void conn_free(struct conn *c);

/* What to poll for: fills up to CONN_FDS entries, client's first. Returns how many. */
int conn_poll(struct conn *c, struct pollfd *p);

/* When time alone changes something; INT64_MAX: never. */
int64_t conn_due(const struct conn *c);

/* Does all that can be done; p and n as conn_poll filled them (n 0: no events looked at). c->phase is PHASE_OVER when it is to be freed. */
void conn_step(struct conn *c, const struct pollfd *p, int n);

/* The answer that begins now is to be the last one. */
bool conn_leaving(const struct conn *c);

/* For an idle connection after a reload: what comes next is of the present configuration. */
void conn_renew(struct conn *c);

/* Idle: between requests, nothing read. Such a connection may be closed when others need its place. */
bool conn_idle(const struct conn *c);

/* --- for conn's own files --- */

void conn_enter(struct conn *c, enum phase phase);

/* The client began with something else than TLS, c->tls is no more: it is told so in plain HTTP. */
void conn_alien(struct conn *c);

/* Takes t as the session's id. It goes upstream: visible ASCII, else it is none. */
void conn_session(struct conn *c, struct http_text t);

/* client.c. Reading into p gives the bytes, 0 when nothing is there now; an end is noted in in_eof. */
size_t client_read(struct conn *c, char *p, size_t room);
bool fill_rx(struct conn *c);			/* what has come, into rx */
bool client_write(struct conn *c);		/* what waits in tx */
void client_turn(struct conn *c);		/* records that wait, of a handshake too */
bool client_shakes(const struct conn *c);	/* the TLS handshake goes on */
void client_unshaken(struct conn *c);		/* for too long: the connection is over */
void client_close(struct conn *c, bool clean);	/* the end of TLS; what comes behind it is thrown away. clean: it is told */
void client_gone(struct conn *c, const char *why);	/* nobody is left to tell: the connection is over */

/* response.c */

/*
 * The request failed. Before the response head: an Anthropic error with that
 * status; after it: one error event and an unclean end. why is for the log.
 */
void conn_fail(struct conn *c, int status, const char *message, const char *why);
void conn_failed(struct conn *c, const char *why);	/* the error stands in c->error */
void conn_no_memory(struct conn *c);

/* Starts the answer: the head. length only with FRAME_LENGTH. */
void answer_head(struct conn *c, int status, const char *type, enum framing frame, uint64_t length);

/* What is in out_plan is the last of it. */
void answer_over(struct conn *c);

/* An answer in one piece: status, and the JSON that the plan c->out_plan holds. */
void answer_plan(struct conn *c, int status);

void out_reset(struct conn *c);			/* empties out_plan, giving back what it had on the heap */
bool out_pump(struct conn *c);			/* moves it into tx; whether anything moved */
bool out_empty(const struct conn *c);

/* serve.c: takes what the client's request body is at its end: converts it and turns to the upstream, or answers. */
void serve_request(struct conn *c);

void serve_again(struct conn *c);		/* the same body, with c->q as it is now */

/*
 * heal.c: a request refused with that status and in these words, once more with what would please the provider;
 * whether it was tried, the upstream having been let go. And: it helped.
 */
bool heal_try(struct conn *c, int status, const char *p, size_t n);
void heal_worked(struct conn *c);

/* local.c */
void serve_health(struct conn *c);
void serve_root(struct conn *c);
void serve_models(struct conn *c);
void serve_model(struct conn *c);
void serve_preflight(struct conn *c, struct http_text wanted);	/* wanted: the fields asked for, or p NULL */
void serve_test_done(struct conn *c);				/* /test-connection: the upstream answered, c->whole */
void serve_test_failed(struct conn *c);				/* or c->error came of it */
int64_t wall_clock(void);					/* seconds since 1970 */

/* talk.c and relay.c, the upstream's side: one move each; false when nothing moved. */
void relay_start(struct conn *c);		/* the plan is ready: find a connection */
void relay_local(struct conn *c, const char *completion);	/* the answer is this, and no upstream is asked */
void relay_stop(struct conn *c, bool keep);	/* lets the upstream go */
void reply_begin(struct conn *c);		/* c->reply for a new answer */
void let_upstream_go(struct conn *c);		/* likewise, having taken all that is needed of its answer */
bool relay_step(struct conn *c);
bool step_dial(struct conn *c);
bool step_talk(struct conn *c);
int64_t relay_due(const struct conn *c);
bool relay_rx_wanted(const struct conn *c);
bool drain_step(struct conn *c);		/* whether the connection is still being drained */
void drain_stop(struct conn *c, bool keep);
bool to_events(const struct conn *c);		/* whether the client gets events, of which a ping is one */
bool sent_all(const struct conn *c);		/* the request */
void sent_enough(struct conn *c);		/* it will not be sent once more: its storage is given back */
bool upstream_io(struct conn *c);
void bad_upstream(struct conn *c, const char *message);
bool compressed(const struct http_head *h);	/* its body is */
void pass_head(struct conn *c, const struct http_head *h, enum framing frame, uint64_t length);	/* the upstream's, to the client */

/* journal.c. Copies text from outside with our keys and what looks like one replaced (log_redact). */
size_t conn_redact(const struct conn *c, char *dst, size_t room, const char *p, size_t n);
void conn_redact_error(struct conn *c);	/* c->error, which is the answer's */
void conn_debug(struct conn *c, const char *what, const char *p, size_t n);
void conn_show_mapping(struct conn *c, const char *learned);	/* which model became which, by which rule, and whose settings hold for it */
void conn_log(struct conn *c);

/* The upstream's usage has come: the estimate learns from it, and a cache that is no longer hit is told of. */
void conn_counted(struct conn *c);

/* The upstream's model, for what is remembered of it. */
uint64_t conn_model(const struct conn *c);

#endif
