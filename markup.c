/* Text as tool calls: for now there is no family that this file knows, and all text is text. */
#include "markup.h"

void markup_text(struct reply *r, const char *raw, size_t n)
{
	text_put(r, raw, n);
}

void markup_end(struct reply *r)
{
	(void)r;
}
