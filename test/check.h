/* The whole of a C test: CHECK prints "ok" or "not ok" lines that test/run counts. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static int check_failed;

#define CHECK(what, condition) \
	((condition) ? (void)printf("ok - %s\n", what) \
	: (check_failed++, (void)printf("not ok - %s (%s:%d: %s)\n", what, __FILE__, __LINE__, #condition)))

#define CHECK_END() (check_failed > 0)

#endif
