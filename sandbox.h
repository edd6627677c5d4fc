/* What the process lets the kernel take from it, for the case that somebody else comes to run in it. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

/*
 * SANDBOX of the settings. OFF: nothing. ON: no more rights than now, nobody
 * traces the process or reads its memory and environment (they are root's), and
 * only those system calls that the program needs, its start as an upgrade
 * included: any other is ENOSYS. STRICT: nor can it start a program, so that an
 * upgrade fails.
 */
enum sandbox { SANDBOX_OFF, SANDBOX_ON, SANDBOX_STRICT };

/* For good, and for all children. False: the system has no filter of calls, or not for this machine; the rest holds. */
bool sandbox_enter(enum sandbox level);

/* Keys are in memory: no core file will hold them. */
void sandbox_no_core(void);

/* In a resolver child of a process with a filter: looking up names and writing to its pipe is all that is left to it. */
void sandbox_resolver(void);

#endif
