/*
 * dns.c, with a getaddrinfo of our own: what the children meet is told by the
 * host's name. Times are made up.
 */
#include "dns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/*
 * The scripted name server. "changing" asks the file at state: a digit d there
 * is the address 10.0.0.d, h hangs, anything else is a server that does not answer. Each
 * child adds a byte to the file at count.
 */
static char state[64], count[64];

struct script {
	const char *host;
	int six, four;		/* EAI_ code, HANG, DIE, or how many addresses: n + 1000 */
};

enum { HANG = 100, DIE, LATE, FDS, CHANGING, FOUND = 1000 };

static const struct script scripts[] = {
	{ "both", FOUND + 1, FOUND + 1 },
	{ "four", EAI_NONAME, FOUND + 1 },
	{ "broken6", EAI_AGAIN, FOUND + 1 },
	{ "hung6", HANG, FOUND + 1 },
	{ "late6", LATE, FOUND + 1 },
	{ "hung4", FOUND + 1, HANG },
	{ "hung", HANG, HANG },
	{ "none", EAI_NONAME, EAI_NONAME },
	{ "again", EAI_NONAME, EAI_AGAIN },
	{ "fail", EAI_FAIL, EAI_NONAME },
	{ "dead", DIE, DIE },
	{ "dead6", DIE, FOUND + 1 },
	{ "many", FOUND + 12, FOUND + 12 },
	{ "manyfew", FOUND + 12, FOUND + 2 },
	{ "fds", EAI_NONAME, FDS },
	{ "changing", EAI_NONAME, CHANGING },
};

static int make(int n, int family, int first, struct addrinfo **out)
{
	*out = NULL;
	while (n-- > 0) {
		struct addrinfo *a = calloc(1, sizeof *a);
		a->ai_next = *out;
		a->ai_family = family;
		if (family == AF_INET) {
			struct sockaddr_in *in = calloc(1, sizeof *in);
			in->sin_family = AF_INET;
			in->sin_addr.s_addr = htonl(0x0a000000u + (unsigned)(first + n));
			a->ai_addr = (struct sockaddr *)in;
		} else {
			struct sockaddr_in6 *in6 = calloc(1, sizeof *in6);
			in6->sin6_family = AF_INET6;
			in6->sin6_addr.s6_addr[15] = (unsigned char)(first + n);
			a->ai_addr = (struct sockaddr *)in6;
		}
		*out = a;
	}
	return 0;
}

/* 10 for every descriptor above the standard ones, 1 for every standard one that is not /dev/null */
static int count_fds(void)
{
	int n = 3;
	char target[64];
	struct rlimit limit;
	DIR *d = opendir("/proc/self/fd");

	getrlimit(RLIMIT_NOFILE, &limit);	/* valgrind has its own descriptors above it */
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		int fd = atoi(e->d_name);
		char path[64];
		if (e->d_name[0] == '.' || fd == dirfd(d) || (rlim_t)fd >= limit.rlim_cur)
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t k = readlink(path, target, sizeof target);
		n += fd > 2 ? 10 : -(k == 9 && memcmp(target, "/dev/null", 9) == 0);
	}
	closedir(d);
	return n;
}

static void hang(void)
{
	for (;;)
		pause();
}

static int changing(struct addrinfo **out)
{
	char c = 'x';
	int fd = open(state, O_RDONLY);

	if (fd >= 0 && read(fd, &c, 1) == 1 && c == 'h')
		hang();
	if (c < '0' || c > '9')
		return EAI_AGAIN;
	return make(1, AF_INET, c - '0', out);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	int what = EAI_NONAME, fd = open(count, O_WRONLY | O_APPEND);

	(void)service;
	(void)!write(fd, "x", 1);
	close(fd);
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
		if (strcmp(scripts[i].host, host) == 0)
			what = hints->ai_family == AF_INET ? scripts[i].four : scripts[i].six;
	if (hints->ai_socktype != SOCK_STREAM || (hints->ai_family != AF_INET && hints->ai_family != AF_INET6))
		return EAI_FAMILY;
	if (what == HANG)
		hang();
	if (what == DIE)
		raise(SIGKILL);
	if (what == LATE)
		poll(NULL, 0, 20);
	if (what == LATE)
		what = FOUND + 1;
	if (what == FDS)
		return make(1, AF_INET, count_fds(), out);
	if (what == CHANGING)
		return changing(out);
	return what >= FOUND ? make(what - FOUND, hints->ai_family, 1, out) : what;
}

void freeaddrinfo(struct addrinfo *a)
{
	while (a != NULL) {
		struct addrinfo *next = a->ai_next;
		free(a->ai_addr);
		free(a);
		a = next;
	}
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* children that asked since the last call */
static int asked(void)
{
	char bytes[256];
	int fd = open(count, O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof bytes);

	close(fd);
	put(count, "");
	return (int)n;
}

#define TIMEOUT 8000
#define TTL 60000

/*
 * Asks at the made-up time now. Time stands still until all children but the
 * given number of hung ones have ended, then it jumps to what is due. Returns
 * how far it went.
 */
static int64_t ask_hung(struct dns *d, const char *host, int64_t now, int hung, struct dns_answer *a)
{
	int64_t began = now;
	struct dns_query *q = dns_ask(d, host, 443, now, TIMEOUT, TTL, a);

	while (q != NULL && dns_poll(d, q, 443, now, a) == 0) {
		struct pollfd p[2];
		int fds[2], n = dns_fds(q, fds, 2);
		for (int i = 0; i < n; i++)
			p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
		if (n <= hung)
			now = dns_due(q);
		else
			poll(p, (nfds_t)n, 2000);
	}
	return now - began;
}

static void ask_at(struct dns *d, const char *host, int64_t now, struct dns_answer *a)
{
	ask_hung(d, host, now, 0, a);
}

/* "6:1 4:1 ..." the last bytes of the addresses, or the error */
static const char *shown(const struct dns_answer *a)
{
	static char text[256];
	size_t n = 0;

	if (a->count == 0)
		return a->error;
	text[0] = '\0';
	for (int i = 0; i < a->count; i++) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&a->address[i].sa;
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&a->address[i].sa;
		bool six = a->address[i].sa.ss_family == AF_INET6;
		n += (size_t)sprintf(text + n, "%s%d:%d", i > 0 ? " " : "", six ? 6 : 4,
			six ? in6->sin6_addr.s6_addr[15] : (int)(ntohl(in->sin_addr.s_addr) & 0xff));
		if (a->address[i].n != (six ? sizeof *in6 : sizeof *in) || ntohs(six ? in6->sin6_port : in->sin_port) != 443)
			return "wrong port or length";
	}
	return text;
}

static struct dns *fresh;

static int64_t ask(const char *host, int hung, struct dns_answer *a)
{
	dns_free(fresh);
	fresh = dns_new();
	return ask_hung(fresh, host, 1000, hung, a);
}

static bool is(const struct dns_answer *a, const char *want)
{
	if (strcmp(shown(a), want) == 0)
		return true;
	printf("# %s, wanted %s\n", shown(a), want);
	return false;
}

/* no child is left, running or dead */
static bool childless(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

/* ------------------------------------------------------------------ cases */

static void literals(void)
{
	struct dns_answer a;
	char name[300];

	asked();
	ask("10.0.0.7", 0, &a);
	CHECK("an IPv4 literal", is(&a, "4:7"));
	ask("::9", 0, &a);
	CHECK("an IPv6 literal", is(&a, "6:9"));
	ask("", 0, &a);
	CHECK("no name", a.count == 0 && a.final);
	memset(name, 'a', 256);
	name[256] = '\0';
	ask(name, 0, &a);
	CHECK("a name of 256 bytes", a.count == 0 && a.final);
	CHECK("none of them asked anybody", asked() == 0);
}

static void families(void)
{
	struct dns_answer a;

	ask("both", 0, &a);
	CHECK("both families, IPv6 first", is(&a, "6:1 4:1"));
	ask("four", 0, &a);
	CHECK("F47 AAAA does not exist", is(&a, "4:1"));
	ask("broken6", 0, &a);
	CHECK("F47 AAAA fails", is(&a, "4:1"));
	int64_t ms = ask("hung6", 1, &a);
	CHECK("F47 AAAA hangs: waited for 50 ms", is(&a, "4:1") && ms == 50);
	ask("late6", 0, &a);
	CHECK("F47 AAAA a little late: waited for", is(&a, "6:1 4:1"));
	ask("dead6", 0, &a);
	CHECK("F48 a child that dies takes nothing else along", is(&a, "4:1"));
	ask("many", 0, &a);
	CHECK("eight of many, families in turn", is(&a, "6:1 4:1 6:2 4:2 6:3 4:3 6:4 4:4"));
	ask("manyfew", 0, &a);
	CHECK("the rest from the family that has more", is(&a, "6:1 4:1 6:2 4:2 6:3 6:4 6:5 6:6"));
	CHECK("no child is left", childless());
}

static void failures(void)
{
	struct dns_answer a;

	ask("none", 0, &a);
	CHECK("F45 no such name", is(&a, "no such name") && a.final && !a.late);
	ask("again", 0, &a);
	CHECK("F46 no answer from the server", is(&a, "the name server does not answer") && !a.final);
	ask("fail", 0, &a);
	CHECK("F46 a server that refuses", is(&a, "the name server refuses"));
	ask("dead", 0, &a);
	CHECK("F48 both children die", is(&a, "the resolver died"));
	int64_t ms = ask("hung", 2, &a);
	CHECK("F46 the deadline", is(&a, "no answer in time") && a.final && a.late && ms == TIMEOUT);
	CHECK("F48 no child is left by failures", childless());
}

/* half an answer is used, but not kept, and the next lookup waits longer for the other half */
static void half(void)
{
	struct dns_answer a;
	struct dns *d = dns_new();

	int64_t ms = ask_hung(d, "hung4", 1000, 1, &a);
	CHECK("IPv6 alone is used", is(&a, "6:1") && ms == 50);
	ms = ask_hung(d, "hung4", 2000, 1, &a);
	CHECK("but asked for again, with patience", is(&a, "6:1") && ms == 1000);
	asked();
	ask_at(d, "hung4", 3000, &a);
	CHECK("and kept then", is(&a, "6:1") && asked() == 0);
	dns_free(d);
}

static void child_descriptors(void)
{
	struct dns_answer a;
	int extra[3] = { dup(0), dup(1), open("/dev/zero", O_RDONLY) };

	ask("fds", 0, &a);
	CHECK("F49 T27 a child has its pipe and /dev/null", is(&a, "4:10"));
	for (int i = 0; i < 3; i++)
		close(extra[i]);
}

static void cache(void)
{
	struct dns_answer a;
	struct dns *d = dns_new();

	put(state, "1");
	asked();
	ask_at(d, "changing", 1000, &a);
	CHECK("asked once, in two families", is(&a, "4:1") && asked() == 2);
	put(state, "2");
	ask_at(d, "changing", 1000 + TTL / 2, &a);
	CHECK("F55 answered from the cache", is(&a, "4:1") && asked() == 0);
	ask_at(d, "changing", 1000 + TTL, &a);
	CHECK("F55 asked again after its time", is(&a, "4:2") && asked() == 2);
	put(state, "x");
	ask_at(d, "changing", 1000000, &a);
	CHECK("F56 a failing server: the old answer", is(&a, "4:2") && asked() == 2);
	ask_at(d, "changing", 1001000, &a);
	CHECK("and no new question for two seconds", is(&a, "4:2") && asked() == 0);
	ask_at(d, "changing", 1004000, &a);
	CHECK("then a question again", is(&a, "4:2") && asked() == 2);
	ask_at(d, "changing", 5000000, &a);
	CHECK("F56 after an hour the old answer is gone", is(&a, "the name server does not answer"));
	ask_at(d, "changing", 5001000, &a);
	CHECK("a failure is kept two seconds", a.count == 0 && asked() == 2);
	put(state, "3");
	ask_at(d, "changing", 5004000, &a);
	CHECK("recovery", is(&a, "4:3") && asked() == 2);
	dns_free(d);
}

static void eviction(void)
{
	struct dns_answer a;
	struct dns *d = dns_new();
	char host[32];

	put(state, "1");
	ask_at(d, "changing", 1000, &a);
	for (int i = 0; i < DNS_HOSTS; i++) {
		sprintf(host, "absent%d", i);
		ask_at(d, host, 2000 + TTL, &a);
	}
	put(state, "2");
	ask_at(d, "changing", 3000, &a);
	CHECK("the oldest made room", is(&a, "4:2"));
	dns_free(d);
}

static void worked(void)
{
	struct dns_answer a;
	struct dns *d = dns_new();

	ask_at(d, "many", 1000, &a);
	struct dns_address good = a.address[3];
	dns_worked(d, "many", &good);
	ask_at(d, "many", 2000, &a);
	CHECK("what worked comes first", is(&a, "4:2 6:1 4:1 6:2 6:3 4:3 6:4 4:4"));
	ask_at(d, "many", 2000 + 2 * TTL, &a);
	CHECK("and its family first after the next lookup", is(&a, "4:2 4:1 6:1 6:2 4:3 6:3 4:4 6:4"));
	dns_worked(d, "unheard", &good);
	CHECK("of an unknown host nothing is kept", dns_ask(d, "many", 443, 3000 + 2 * TTL, TIMEOUT, TTL, &a) == NULL);
	dns_free(d);
}

static void shared(void)
{
	struct dns_answer a, b;
	struct dns *d = dns_new();
	int fds[2];
	struct dns_query *q[9];

	asked();
	struct dns_query *one = dns_ask(d, "hung", 443, 0, TIMEOUT, TTL, &a);
	struct dns_query *two = dns_ask(d, "hung", 443, 10, TIMEOUT, TTL, &b);
	CHECK("two wishes, one lookup", one != NULL && two == one && dns_fds(one, fds, 2) == 2
		&& dns_due(one) == TIMEOUT && dns_due(two) == TIMEOUT);
	CHECK("no more than asked for", dns_fds(one, fds, 1) == 1);
	dns_drop(one);
	CHECK("one gives up, the other waits", dns_poll(d, two, 443, 20, &b) == 0);
	struct dns_query *three = dns_ask(d, "hung", 443, 30, TIMEOUT, TTL, &a);
	CHECK("the end for the first", dns_poll(d, two, 443, TIMEOUT, &b) == 1 && is(&b, "no answer in time"));
	CHECK("is due for the other at once", dns_due(three) <= TIMEOUT && dns_fds(three, fds, 2) == 0);
	CHECK("and its end too", dns_poll(d, three, 443, TIMEOUT, &a) == 1 && is(&a, "no answer in time"));
	CHECK("no child is left of a shared lookup", childless());
	for (int i = 0; i < 9; i++) {
		char host[32];
		sprintf(host, "host%d", i);
		q[i] = dns_ask(d, host, 443, 0, TIMEOUT, TTL, &a);
	}
	CHECK("eight lookups at a time", q[7] != NULL && q[8] == NULL && a.count == 0 && !a.final);
	for (int i = 0; i < 4; i++)
		dns_drop(q[i]);
	dns_free(d);	/* the program's end, with lookups under way */
	CHECK("no child is left at the end", childless());
}

static void stale_hung(void)
{
	struct dns_answer a;
	struct dns *d = dns_new();

	put(state, "1");
	ask_at(d, "changing", 1000, &a);
	put(state, "h");
	int64_t ms = ask_hung(d, "changing", 1000000, 1, &a);
	CHECK("F56 a server that hangs: the old answer after two seconds", is(&a, "4:1") && ms == 2000);
	dns_free(d);
}

/* no descriptor for a pipe */
static void starved(void)
{
	struct dns_answer a;
	struct dns *d = dns_new();
	struct rlimit old, none;
	int probe = dup(0);

	put(state, "1");
	ask_at(d, "changing", 1000, &a);
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = (rlim_t)probe;
	close(probe);
	setrlimit(RLIMIT_NOFILE, &none);
	ask_at(d, "changing", 1000000, &a);
	CHECK("F48 no lookup possible: the old answer", is(&a, "4:1"));
	ask_at(d, "both", 1000000, &a);
	CHECK("F48 or a reason", is(&a, "no process, descriptor or memory for the resolver") && !a.final);
	setrlimit(RLIMIT_NOFILE, &old);
	ask_at(d, "both", 1000000, &a);
	CHECK("F48 and all is well afterwards", is(&a, "6:1 4:1"));
	dns_free(d);
}

int main(void)
{
	strcpy(state, "/tmp/dns_test.XXXXXX");
	close(mkstemp(state));
	strcpy(count, "/tmp/dns_test.XXXXXX");
	close(mkstemp(count));
	literals();
	families();
	failures();
	half();
	child_descriptors();
	cache();
	eviction();
	worked();
	stale_hung();
	shared();
	starved();
	dns_free(fresh);
	unlink(state);
	unlink(count);
	return CHECK_END();
}
