/* The texts of errno (see errno_text.h): the words of glibc, on every system. */
#include "errno_text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define ERRORS(E) \
	E(EPERM, "Operation not permitted") \
	E(ENOENT, "No such file or directory") \
	E(EINTR, "Interrupted system call") \
	E(EIO, "Input/output error") \
	E(ENXIO, "No such device or address") \
	E(E2BIG, "Argument list too long") \
	E(ENOEXEC, "Exec format error") \
	E(EBADF, "Bad file descriptor") \
	E(EAGAIN, "Resource temporarily unavailable") \
	E(ENOMEM, "Cannot allocate memory") \
	E(EACCES, "Permission denied") \
	E(EBUSY, "Device or resource busy") \
	E(EEXIST, "File exists") \
	E(ENODEV, "No such device") \
	E(ENOTDIR, "Not a directory") \
	E(EISDIR, "Is a directory") \
	E(EINVAL, "Invalid argument") \
	E(ENFILE, "Too many open files in system") \
	E(EMFILE, "Too many open files") \
	E(ETXTBSY, "Text file busy") \
	E(EFBIG, "File too large") \
	E(ENOSPC, "No space left on device") \
	E(EROFS, "Read-only file system") \
	E(EPIPE, "Broken pipe") \
	E(ENAMETOOLONG, "File name too long") \
	E(ENOSYS, "Function not implemented") \
	E(ELOOP, "Too many levels of symbolic links") \
	E(EPROTO, "Protocol error") \
	E(ENOTSOCK, "Socket operation on non-socket") \
	E(EPROTONOSUPPORT, "Protocol not supported") \
	E(EOPNOTSUPP, "Operation not supported") \
	E(EAFNOSUPPORT, "Address family not supported by protocol") \
	E(EADDRINUSE, "Address already in use") \
	E(EADDRNOTAVAIL, "Cannot assign requested address") \
	E(ENETDOWN, "Network is down") \
	E(ENETUNREACH, "Network is unreachable") \
	E(ECONNABORTED, "Software caused connection abort") \
	E(ECONNRESET, "Connection reset by peer") \
	E(ENOBUFS, "No buffer space available") \
	E(ENOTCONN, "Socket is not connected") \
	E(ETIMEDOUT, "Connection timed out") \
	E(ECONNREFUSED, "Connection refused") \
	E(EHOSTDOWN, "Host is down") \
	E(EHOSTUNREACH, "No route to host") \
	E(ESTALE, "Stale file handle") \
	E(EDQUOT, "Disk quota exceeded")

const char *errno_text(int error)
{
#define NUMBER(number, text) number,
#define TEXT(number, text) text "\0"
	static const unsigned short numbers[] = { ERRORS(NUMBER) };
	static const char texts[] = ERRORS(TEXT) "Unusual error of the system";
	const char *text = texts;

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers && numbers[i] != error; i++)
		text += strlen(text) + 1;
	return text;
}
