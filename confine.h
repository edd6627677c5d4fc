/* Giving up what only the start needed: rights of root, files outside of a directory, system calls. */
#ifndef CONFINE_H
#define CONFINE_H

#include "instances.h"

/*
 * CHROOT, RUN_AS and SANDBOX of the first instance, when all is bound and open.
 * Log files are given to the user. False, and it is in the log: what was asked
 * for is not so, and the program must not go on.
 */
bool confine(struct instances *s);

#endif
