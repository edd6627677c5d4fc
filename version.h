#ifndef VERSION_H
#define VERSION_H

#define VERSION "0.1.0"

/* A date that is not after this version: no clock that is right says less. test/structure.t holds it to the last year. */
#define BUILT 1793491200	/* 2026-11-01 */

#endif
