/*
 * CHROOT, RUN_AS, SANDBOX (see confine.h), in this order: each takes away what
 * the one before it needs.
 *
 * The user is looked up in /etc/passwd, in which all of its rights are: it has
 * its own group and none besides. That the rights are gone for good is tried.
 */
#define _DEFAULT_SOURCE 1	/* chroot and setgroups are older than POSIX, and not in it */
#define _BSD_SOURCE 1

#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dotenv.h"
#include "errno_text.h"
#include "sandbox.h"

#define PASSWD "/etc/passwd"

struct user {
	uid_t uid;
	gid_t gid;
};

static unsigned number(const char **p)
{
	unsigned n = 0;

	while (**p >= '0' && **p <= '9')
		n = n * 10 + (unsigned)(*(*p)++ - '0');
	return n;
}

/* "name:password:uid:gid:..." */
static bool is_user(const char *line, const char *name, struct user *u)
{
	size_t n = strlen(name);
	const char *p = strncmp(line, name, n) == 0 && line[n] == ':' ? strchr(line + n + 1, ':') : NULL;

	if (p == NULL)
		return false;
	p++;
	u->uid = (uid_t)number(&p);
	if (*p++ != ':')
		return false;
	u->gid = (gid_t)number(&p);
	return *p == ':';
}

static bool find_user(const char *name, struct user *u, char *why, size_t room)
{
	struct dotenv d;
	bool shared, found = false;
	size_t n;
	char *text = dotenv_read(PASSWD, &n, &shared, why, room), *line;

	if (text == NULL)
		return false;
	fmt(why, room, "no such user in " PASSWD);
	dotenv_init(&d, text, n);
	while (!found && (line = dotenv_line(&d)) != NULL)
		found = is_user(line, name, u);
	free(text);
	return found;
}

static bool become(const struct user *u)
{
	if (getuid() == u->uid && geteuid() == u->uid && getgid() == u->gid && getegid() == u->gid)
		return true;
	if (setgroups(1, &u->gid) != 0 || setgid(u->gid) != 0 || setuid(u->uid) != 0)
		return false;
	errno = EPERM;
	return u->uid == 0 || (setuid(0) != 0 && setgid(0) != 0 && geteuid() == u->uid);
}

static bool give_up(struct instances *s, const char *name, const char *root, char *why, size_t room)
{
	struct user u = { 0, 0 };

	if (*name != '\0' && !find_user(name, &u, why, room))
		return false;
	for (struct logfile *f = s->logs.next; *name != '\0' && f != NULL; f = f->next)
		if (f->log.fd >= 0 && fchown(f->log.fd, u.uid, u.gid) != 0)
			break;	/* not root, which become tells */
	if ((*root != '\0' && (chroot(root) != 0 || chdir("/") != 0)) || (*name != '\0' && !become(&u))) {
		fmt(why, room, "%s", errno_text(errno));
		return false;
	}
	return true;
}

bool confine(struct instances *s)
{
	const struct config *c = s->at[0]->cfg;
	char text[200];

	if (!give_up(s, c->run_as, c->chroot, text, sizeof text)) {
		log_line(instances_log(s), LOG_ERROR, "RUN_AS=%s CHROOT=%s: %s", c->run_as, c->chroot, text);
		return false;
	}
	if (!sandbox_enter((enum sandbox)c->sandbox))
		log_line(instances_log(s), LOG_DEBUG, "SANDBOX: this system has no filter of system calls for it");
	return true;
}
