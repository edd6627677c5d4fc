/* Replacing the program while it serves (see upgrade.h). */
#include "upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "log.h"

#define FIRST_FD 3

extern char **environ;

/* The environment with what the new program is told, in place of what this one was told; set in the new process alone. */
static bool set_environment(int n, char text[3][32])
{
	static const char own[] = "LISTEN_";
	size_t count = 3;

	for (char **e = environ; *e != NULL; e++)
		count++;
	char **env = malloc((count + 1) * sizeof *env), **at = env;
	if (env == NULL)
		return false;
	fmt(text[0], 32, "%sPID=%d", own, (int)getpid());
	fmt(text[1], 32, "%sFDS=%d", own, n);
	fmt(text[2], 32, "%sREADY=%d", own, FIRST_FD + n);
	for (int i = 0; i < 3; i++)
		*at++ = text[i];
	for (char **e = environ; *e != NULL; e++)
		if (strncmp(*e, own, sizeof own - 1) != 0)
			*at++ = *e;
	*at = NULL;
	environ = env;
	return true;
}

/* Puts the descriptors where they are expected: first all of them above those places, since they may stand in each other's. */
static bool place_fds(int fds[], int n)
{
	for (int i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + n);
		if (fds[i] < 0)
			return false;
	}
	for (int i = 0; i < n; i++)
		if (dup2(fds[i], FIRST_FD + i) < 0)
			return false;
	return true;
}

/* By the path that a shell would have taken (execvp is large); returns when there is none. */
static void execute(char *argv[])
{
	const char *path = strchr(argv[0], '/') != NULL ? "" : getenv("PATH");
	char file[4096];

	for (size_t n; path != NULL; path = path[n] != '\0' ? path + n + 1 : NULL) {
		n = strcspn(path, ":");
		if (fmt(file, sizeof file, "%.*s%s%s", (int)n, path, n > 0 ? "/" : "", argv[0]) < sizeof file)
			execve(file, argv, environ);
	}
}

static void become(char *argv[], const int fds[], int n, int ready)
{
	int all[OPTIONS_ENV + 1];
	char text[3][32];

	memcpy(all, fds, (size_t)n * sizeof *all);
	all[n] = ready;
	if (place_fds(all, n + 1) && set_environment(n, text))
		execute(argv);
	_exit(127);
}

int upgrade_start(struct upgrade *u, char *argv[], const int fds[], int n)
{
	int ends[2];

	if (pipe(ends) != 0)
		return errno;
	u->pid = fork();
	if (u->pid == 0)
		become(argv, fds, n, ends[1]);
	int error = u->pid < 0 ? errno : 0;
	close(ends[1]);
	if (error == 0) {
		fcntl(ends[0], F_SETFD, FD_CLOEXEC);
		u->ready = ends[0];
	} else {
		close(ends[0]);
	}
	return error;
}

int upgrade_end(struct upgrade *u)
{
	char byte;
	int status = 0;
	ssize_t n;

	do
		n = read(u->ready, &byte, 1);
	while (n < 0 && errno == EINTR);
	close(u->ready);
	u->ready = -1;
	if (n == 1)
		return 0;
	/* its end of the pipe is closed, so it ends already, unless it is a program that knows nothing of this */
	kill(u->pid, SIGKILL);
	while (waitpid(u->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status != 0 ? status : -1;
}

void upgrade_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = path != NULL ? strlen(path) : 0;

	if (n < 2 || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')	/* Linux: a name that is no file's */
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

void upgrade_tell(int ready)
{
	while (ready >= 0 && write(ready, "r", 1) < 0 && errno == EINTR)
		;
	if (ready >= 0)
		close(ready);
}
