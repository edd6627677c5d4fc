/* A process, looked at from outside: what /proc says of it. */
#ifndef SOAK_LOOK_H
#define SOAK_LOOK_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* KB; -1: not known */
static long resident(long process)
{
	char name[64], line[256];
	long kb = -1;
	sprintf(name, "/proc/%ld/status", process);
	FILE *f = fopen(name, "r");
	while (f && kb < 0 && fgets(line, sizeof line, f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static long descriptors(long process)
{
	char name[64];
	long n = -2;		/* . and .. */
	sprintf(name, "/proc/%ld/fd", process);
	DIR *d = opendir(name);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static long children(long process)
{
	char name[64];
	long n = 0, pid;
	sprintf(name, "/proc/%ld/task/%ld/children", process, process);
	FILE *f = fopen(name, "r");
	while (f && fscanf(f, "%ld", &pid) == 1)
		n++;
	if (f)
		fclose(f);
	return n;
}

#endif
