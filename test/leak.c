/* Linked into the program, it loses a block on purpose: test/memcheck must notice. */
#include <stdlib.h>

void *volatile lost_block;

__attribute__((constructor)) static void lose(void)
{
	lost_block = malloc(77);
	lost_block = NULL;
}
