/* Log files: days, archives and their names, sharing, what happens when a file is moved or cannot be opened. */
#include "../logfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define DAY 86400

static char dir[64], why[512];
static struct config c;
static struct logfile list;

static void name_it(const char *name)
{
	snprintf(c.log_path, sizeof c.log_path, "%s/%s", dir, name);
}

/* how many files begin so; the last of them, in the order of names */
static int count(const char *begin, char last[256])
{
	struct dirent **e;
	int n = scandir(dir, &e, NULL, alphasort), found = 0;

	for (int i = 0; i < n; i++) {
		if (strncmp(e[i]->d_name, begin, strlen(begin)) == 0) {
			found++;
			if (last)
				snprintf(last, 256, "%s", e[i]->d_name);
		}
		free(e[i]);
	}
	free(e);
	return found;
}

static void put(const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
		abort();
}

static bool holds(const char *name, const char *text)
{
	char path[512], got[16384];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof got - 1);
	if (fd >= 0)
		close(fd);
	got[n < 0 ? 0 : n] = 0;
	return n >= 0 && strstr(got, text) != NULL;
}

static void days(void)
{
	char last[256];
	int64_t now = time(NULL);
	struct logfile *f;

	name_it("days");
	f = logfile_get(&list, &c, true, why, sizeof why);
	if (!f)
		abort();
	log_line(&f->log, LOG_INFO, "of the first day");
	logfile_look(&list, now);
	CHECK("the same day: nothing", count("days", NULL) == 1);
	logfile_look(&list, now + DAY);
	CHECK("another day: an archive", count("days", last) == 2 && holds(last, "of the first day"));
	CHECK("and a new file", holds("days", "") && !holds("days", "of the first day"));
	logfile_look(&list, now + 2 * DAY);
	CHECK("what is empty is not archived", count("days", NULL) == 2);
	log_line(&f->log, LOG_INFO, "of the third day");
	logfile_look(&list, now + 3 * DAY);
	CHECK("a third day", count("days", NULL) == 3);
	logfile_look(&list, now + 4 * DAY + 60);
	CHECK("the first is older than three days now", count("days", last) == 2 && holds(last, "of the third day"));
	log_line(&f->log, LOG_INFO, "before the clock was set");
	logfile_look(&list, now);
	CHECK("a clock that is set back keeps nothing from being archived", count("days", NULL) == 3
		&& !holds("days", "before the clock was set"));
	logfile_drop(&list, f);
}

static void names(void)
{
	char last[256] = "", before[256];
	struct logfile *f;
	int64_t now = 1700000000;	/* 2023-11-14T22:13:20Z */
	bool ordered = true;

	name_it("names");
	f = logfile_get(&list, &c, false, why, sizeof why);
	if (!f)
		abort();
	put("names.20231114_221320", "of another");
	f->day = 0;
	for (int i = 0; i < 4; i++) {
		log_line(&f->log, LOG_INFO, "number %d", i);
		f->day = 0;
		logfile_look(&list, now);
		snprintf(before, sizeof before, "%s", last);
		char text[16];
		snprintf(text, sizeof text, "number %d", i);
		ordered = ordered && count("names.", last) == i + 2 && strcmp(before, last) < 0 && holds(last, text);
	}
	CHECK("many in a second: none over another, in order", ordered && strcmp(last, "names.20231114_221324") == 0);
	CHECK("nor over one that was there", holds("names.20231114_221320", "of another"));
	logfile_drop(&list, f);
}

static void sharing(void)
{
	struct logfile *f, *g, *h;

	name_it("shared");
	put("shared", "of the run before");
	f = logfile_get(&list, &c, true, why, sizeof why);
	g = logfile_get(&list, &c, true, why, sizeof why);
	CHECK("one path is one file", f != NULL && f == g && f->refs == 2);
	CHECK("archived once", count("shared", NULL) == 2);
	name_it("other");
	h = logfile_get(&list, &c, true, why, sizeof why);
	CHECK("another is another", h != NULL && h != f);
	c.log_path[0] = 0;
	CHECK("none is that of the list's head", logfile_get(&list, &c, true, why, sizeof why) == &list);
	logfile_drop(&list, &list);
	logfile_drop(&list, f);
	CHECK("it stays until the last has gone", list.next == h && h->next == g);
	logfile_drop(&list, g);
	logfile_drop(&list, h);
	CHECK("then it is closed", list.next == NULL);
	name_it("shared");
	f = logfile_get(&list, &c, false, why, sizeof why);
	CHECK("where others write, what is there stays", f != NULL && count("shared", NULL) == 2 && f->log.size == 0);
	logfile_drop(&list, f);
}

static void moved(void)
{
	char from[256], to[256];
	struct logfile *f;

	name_it("moved");
	f = logfile_get(&list, &c, true, why, sizeof why);
	if (!f)
		abort();
	log_line(&f->log, LOG_INFO, "first");
	snprintf(from, sizeof from, "%s/moved", dir);
	snprintf(to, sizeof to, "%s/away", dir);
	rename(from, to);
	log_line(&f->log, LOG_INFO, "second");
	f->day = 0;
	logfile_look(&list, time(NULL));
	log_line(&f->log, LOG_INFO, "third");
	CHECK("a file that another has moved is opened anew, not archived", count("moved", NULL) == 1 && holds("away", "second")
		&& holds("moved", "third"));
	rename(from, to);
	mkdir(from, 0700);
	logfile_reopen(&list);
	log_line(&f->log, LOG_INFO, "fourth");
	CHECK("one that cannot be opened again goes on", holds("away", "ERROR cannot open") && holds("away", "fourth"));
	rmdir(from);
	logfile_reopen(&list);
	log_line(&f->log, LOG_INFO, "fifth");
	CHECK("until it can", holds("moved", "fifth"));
	logfile_drop(&list, f);
	name_it("none/such");
	CHECK("no directory: why", logfile_get(&list, &c, true, why, sizeof why) == NULL && strstr(why, "none/such: No such file"));
	name_it("link");
	snprintf(from, sizeof from, "%s/link", dir);
	if (symlink(to, from) != 0)
		abort();
	CHECK("T18 a symbolic link is not followed", logfile_get(&list, &c, true, why, sizeof why) == NULL);
}

static void sizes(void)
{
	struct logfile *f;
	char name[512], last[256];
	struct stat st;
	int64_t sum = 0;

	name_it("sizes");
	f = logfile_get(&list, &c, true, why, sizeof why);
	if (!f)
		abort();
	for (int i = 0; i < 3000; i++)
		log_line(&f->log, LOG_INFO, "line %d", i);
	int n = count("sizes", last);
	CHECK("a half is archived at a time", n == 2);
	snprintf(name, sizeof name, "%s/%s", dir, last);
	sum += stat(name, &st) == 0 ? st.st_size : 1 << 30;
	CHECK("both within their half", sum < 8192 && f->log.size < 8192 && f->log.size > 0);
	CHECK("the last line is there, none was lost", holds("sizes", "line 2999") && f->log.lost == 0);
	logfile_drop(&list, f);
}

int main(void)
{
	char command[128];

	snprintf(dir, sizeof dir, "/tmp/logfile_test.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	c.log_days = 3;
	c.log_max_size = 16384;
	list.refs = 1;
	log_init(&list.log, -1, LOG_INFO, true);
	days();
	names();
	sharing();
	moved();
	sizes();
	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command) != 0)
		return 1;
	return CHECK_END();
}
