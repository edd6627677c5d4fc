#include "errno_text.h"

#include <errno.h>
#include <string.h>

#include "check.h"

int main(void)
{
	CHECK("the first", strcmp(errno_text(EPERM), "Operation not permitted") == 0);
	CHECK("the second", strcmp(errno_text(ENOENT), "No such file or directory") == 0);
	CHECK("one in the middle", strcmp(errno_text(EADDRINUSE), "Address already in use") == 0);
	CHECK("the last", strcmp(errno_text(EDQUOT), "Disk quota exceeded") == 0);
	CHECK("a file", strcmp(errno_text(EMFILE), "Too many open files") == 0);
	CHECK("a connection", strcmp(errno_text(ECONNREFUSED), "Connection refused") == 0);
	CHECK("none", strcmp(errno_text(0), "Unusual error of the system") == 0);
	CHECK("unknown", strcmp(errno_text(-1), errno_text(0)) == 0 && strcmp(errno_text(1 << 30), errno_text(0)) == 0);
	return CHECK_END();
}
