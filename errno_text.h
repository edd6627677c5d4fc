/* What the system's errors are called. */
#ifndef ERRNO_TEXT_H
#define ERRNO_TEXT_H

/*
 * The text of a value of errno, as strerror has it, but for those alone that the
 * calls of this program return: a C library's table is 2 KB of the static binary.
 * Never NULL; of any other value: that it is an unusual error.
 */
const char *errno_text(int error);

#endif
