/*
 * The sandbox: on Linux a seccomp filter, which is a list of system calls, on
 * OpenBSD pledge (never tried there).
 *
 * Promises: a call that is not in the list does not reach the kernel's code for
 * it; it fails with ENOSYS, upon which C libraries try an older one. What musl
 * and glibc make of the same function differs, so the list is of both. Calls of
 * another machine's kind (32-bit ones of a 64-bit kernel) end the process.
 * Limits: arguments are not looked at: a file that the process may open, it may
 * open. Lists are made for machines that have them below; for others
 * sandbox_enter says so.
 */
#include "sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sys/resource.h>

void sandbox_no_core(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
}

#ifdef __linux__

#include <sys/prctl.h>
#include <sys/syscall.h>

/* of <linux/audit.h>: the number of the machine in ELF heads, 64 bits, little endian */
#if defined(__x86_64__) && !defined(__ILP32__)
#define MACHINE (62 | 0x80000000u | 0x40000000u)
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define MACHINE (183 | 0x80000000u | 0x40000000u)
#endif

/* the sanitizers stop, fork and trace the process at its end */
#ifdef __SANITIZE_ADDRESS__
#undef MACHINE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef MACHINE
#endif
#endif

#ifdef MACHINE

/* what looking up a name takes */
static const uint16_t resolver[] = {
	__NR_read, __NR_write, __NR_close, __NR_ppoll, __NR_clock_gettime, __NR_recvfrom, __NR_sendto, __NR_fcntl,
	__NR_readv, __NR_writev, __NR_recvmsg, __NR_sendmsg, __NR_recvmmsg, __NR_sendmmsg, __NR_socket, __NR_connect, __NR_bind,
	__NR_getsockname, __NR_getpeername, __NR_setsockopt, __NR_getsockopt, __NR_ioctl,
	__NR_openat, __NR_fstat, __NR_newfstatat, __NR_statx, __NR_faccessat, __NR_readlinkat, __NR_lseek, __NR_pread64,
	__NR_mmap, __NR_mprotect, __NR_munmap, __NR_mremap, __NR_madvise, __NR_brk, __NR_futex,
	__NR_gettimeofday, __NR_nanosleep, __NR_clock_nanosleep, __NR_getrandom, __NR_uname, __NR_sysinfo,
	__NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigreturn, __NR_restart_syscall,
	__NR_getpid, __NR_gettid, __NR_getuid, __NR_geteuid, __NR_getgid, __NR_getegid, __NR_exit, __NR_exit_group,
#ifdef __NR_open
	__NR_open, __NR_poll, __NR_stat, __NR_lstat, __NR_access, __NR_readlink, __NR_time,
#endif
};

/* what the program takes besides, and what starts it */
static const uint16_t program[] = {
	__NR_accept, __NR_accept4, __NR_listen, __NR_shutdown, __NR_pipe2, __NR_dup, __NR_dup3, __NR_getdents64,
	__NR_clone, __NR_wait4, __NR_kill, __NR_tkill, __NR_tgkill, __NR_getppid, __NR_setitimer,
	__NR_renameat, __NR_renameat2, __NR_unlinkat, __NR_umask, __NR_prlimit64, __NR_getrlimit, __NR_setrlimit, __NR_prctl,
	__NR_epoll_create1, __NR_epoll_ctl, __NR_epoll_pwait,
	__NR_set_tid_address, __NR_set_robust_list, __NR_sigaltstack,
#ifdef __NR_rseq
	__NR_rseq,
#endif
#ifdef __NR_open
	__NR_epoll_wait, __NR_epoll_create, __NR_pipe, __NR_dup2, __NR_fork, __NR_vfork, __NR_rename, __NR_unlink, __NR_alarm, __NR_arch_prctl,
#endif
	__NR_execve,	/* the last: STRICT is without */
};
#define COUNT(list) (sizeof (list) / sizeof *(list))

/* <linux/filter.h> and <linux/seccomp.h>, which C libraries need not bring */
struct step {
	uint16_t code;
	uint8_t yes, no;	/* how many steps to leave out */
	uint32_t k;
};
struct filter {
	uint16_t n;
	struct step *at;
};
#define LOAD(offset) { 0x20, 0, 0, offset }
#define EQUAL 0x15
#define RETURN(k) { 0x06, 0, 0, k }
#define KILL_PROCESS 0x80000000u
#define ALLOW 0x7fff0000u
#define FAIL 0x00050000u
#define FILTER 2

static struct step *add(struct step *s, const uint16_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*s++ = (struct step){ EQUAL, 0, 0, list[i] };
	return s;
}

/* The calls of resolver, and the first n of program. */
static bool allow_only(size_t n)
{
	static const struct step head[] = { LOAD(4), { EQUAL, 1, 0, MACHINE }, RETURN(KILL_PROCESS), LOAD(0) };
	static const struct step tail[] = { RETURN(FAIL | ENOSYS), RETURN(ALLOW) };
	struct step all[COUNT(head) + COUNT(resolver) + COUNT(program) + COUNT(tail)], *first, *s;

	memcpy(all, head, sizeof head);
	first = all + COUNT(head);
	s = add(add(first, resolver, COUNT(resolver)), program, n);
	memcpy(s, tail, sizeof tail);
	/* each to the one behind the refusal */
	for (; first < s; first++)
		first->yes = (uint8_t)(s - first);
	struct filter f = { (uint16_t)(s + COUNT(tail) - all), all };
	return prctl(PR_SET_SECCOMP, FILTER, &f, 0, 0) == 0;
}

typedef char a_jump_reaches_the_end[COUNT(resolver) + COUNT(program) < 256 ? 1 : -1];

#endif

bool sandbox_enter(enum sandbox level)
{
	if (level == SANDBOX_OFF)
		return true;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifdef MACHINE
	return allow_only(COUNT(program) - (level == SANDBOX_STRICT));
#else
	return false;
#endif
}

void sandbox_resolver(void)
{
#ifdef MACHINE
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == FILTER)
		allow_only(0);
#endif
}

#elif defined(__OpenBSD__)

#include <unistd.h>

/* pledge knows no asking for what holds; a child may give up what it no longer has */
int pledge(const char *promises, const char *of_programs);

bool sandbox_enter(enum sandbox level)
{
	if (level == SANDBOX_OFF)
		return true;
	return pledge(level == SANDBOX_ON ? "stdio rpath wpath cpath inet unix dns proc exec" :
		"stdio rpath wpath cpath inet unix dns proc", NULL) == 0;
}

void sandbox_resolver(void)
{
	pledge("stdio rpath inet dns", NULL);
}

#else

bool sandbox_enter(enum sandbox level)
{
	return level == SANDBOX_OFF;
}

void sandbox_resolver(void)
{
}

#endif
