/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pid1.c - the first process of a pid namespace, a program of its own within this one: no libc, a
 * few pages of memory. When caddis is built its ELF file becomes an array (pid1_program.h), which is
 * executed from a sealed memory file, so that /proc/1/exe leads to nothing of the host.
 *
 *   pid1                           reaps, and ignores signals: a sandbox's shared pid namespace
 *   pid1 PROGRAM ARGV0 [ARG...]    runs PROGRAM, reaps, passes signals on, ends as it ends (--init)
 */
#include <asm/ioctls.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/wait.h>

enum { SIG_CHLD = 17, SIG_TTIN = 21, SIG_TTOU = 22, SIG_BLOCK_ = 0, SIG_SETMASK_ = 2 };

static long call(long nr, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"((long)0)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#else
#error "unknown architecture"
#endif
}

_Noreturn static void leave(int code)
{
	for (;;)
		call(__NR_exit_group, code, 0, 0, 0);
}

static void say(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	call(__NR_write, 2, (long)s, n, 0);
}

/* A process group of its own, in front of the terminal: what is typed signals it once, not us too. */
_Noreturn static void run(char **argv, char **env, const unsigned long *mask)
{
	int pid = (int)call(__NR_getpid, 0, 0, 0, 0);
	long err;

	call(__NR_setpgid, 0, 0, 0, 0);
	call(__NR_ioctl, 0, TIOCSPGRP, (long)&pid, 0);
	call(__NR_rt_sigprocmask, SIG_SETMASK_, (long)mask, 0, 8);
	err = call(__NR_execve, (long)argv[0], (long)(argv + 1), (long)env, 0);
	say("caddis: exec: ");
	say(argv[0]);
	say(err == -ENOENT ? ": not found\n" : ": cannot be executed\n");
	leave(err == -ENOENT ? 127 : 126);
}

/* All that have ended. The one that we run ends us. */
static void reap(long child)
{
	int status = 0;
	long pid;

	while ((pid = call(__NR_wait4, -1, (long)&status, WNOHANG, 0)) > 0)
		if (pid == child)
			leave(status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff);
}

_Noreturn __attribute__((used)) void start(long *stack)
{
	long argc = stack[0], child = 0, sig;
	char **argv = (char **)(stack + 1), **env = argv + argc + 1;
	unsigned long all = ~0UL, before = 0;

	call(__NR_rt_sigprocmask, SIG_BLOCK_, (long)&all, (long)&before, 8);
	call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
	if (argc > 2) {
		child = call(__NR_clone, SIG_CHLD, 0, 0, 0);
		if (child == 0)
			run(argv + 1, env, &before);
		if (child < 0) {
			say("caddis: --init cannot start a process\n");
			leave(126);
		}
	} else {
		call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0);
	}
	for (;;) {
		sig = call(__NR_rt_sigtimedwait, (long)&all, 0, 0, 8);
		if (sig == SIG_CHLD)
			reap(child);
		else if (child && sig > 0 && sig != SIG_TTIN && sig != SIG_TTOU)
			call(__NR_kill, child, sig, 0, 0);
	}
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#else
__asm__(".globl _start\n_start: mov x29, xzr\n mov x30, xzr\n mov x0, sp\n bl start\n");
#endif
