/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The default filter, installed in a child that then makes the calls itself. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "executor/seccomp.h"
#include "unit.h"

struct call {
	const char *name;
	long nr;
	long args[3];
	int want; /* errno; 0: not refused by the filter (any other error will do) */
};

#define CAP_ADMIN (UINT64_C(1) << 21)
#define HIGH(x) ((long)(0x100000000ULL | (x)))

// clang-format off
static const struct call calls[] = {
	{ "getpid",            SYS_getpid,          { 0 }, 0 },
	{ "unshare",           SYS_unshare,         { CLONE_NEWUSER }, EPERM },
	{ "unshare nothing",   SYS_unshare,         { 0 }, EPERM },
	{ "clone NEWUSER",     SYS_clone,           { CLONE_NEWUSER | SIGCHLD }, EPERM },
	{ "clone NEWNS",       SYS_clone,           { CLONE_NEWNS | SIGCHLD }, EPERM },
	{ "clone NEWCGROUP",   SYS_clone,           { CLONE_NEWCGROUP | SIGCHLD }, EPERM },
	{ "clone3",            SYS_clone3,          { 0 }, ENOSYS },
	{ "setns",             SYS_setns,           { -1 }, EPERM },
	{ "mount",             SYS_mount,           { 0 }, EPERM },
	{ "umount2",           SYS_umount2,         { 0 }, EPERM },
	{ "fsopen",            SYS_fsopen,          { 0 }, EPERM },
	{ "open_tree",         SYS_open_tree,       { -1 }, EPERM },
	{ "move_mount",        SYS_move_mount,      { -1 }, EPERM },
	{ "pivot_root",        SYS_pivot_root,      { 0 }, EPERM },
	{ "bpf",               SYS_bpf,             { 0 }, EPERM },
	{ "perf_event_open",   SYS_perf_event_open, { 0 }, EPERM },
	{ "keyctl",            SYS_keyctl,          { 0 }, EPERM },
	{ "add_key",           SYS_add_key,         { 0 }, EPERM },
	{ "request_key",       SYS_request_key,     { 0 }, EPERM },
	{ "io_uring_setup",    SYS_io_uring_setup,  { 0 }, EPERM },
	{ "io_uring_enter",    SYS_io_uring_enter,  { 0 }, EPERM },
	{ "userfaultfd",       SYS_userfaultfd,     { 0 }, EPERM },
	{ "open_by_handle_at", SYS_open_by_handle_at, { -1 }, EPERM },
	{ "kexec_load",        SYS_kexec_load,      { 0 }, EPERM },
	{ "init_module",       SYS_init_module,     { 0 }, EPERM },
	{ "reboot",            SYS_reboot,          { 0 }, EPERM },
	{ "swapon",            SYS_swapon,          { 0 }, EPERM },
	{ "acct",              SYS_acct,            { 0 }, EPERM },
	{ "settimeofday",      SYS_settimeofday,    { 0 }, EPERM },
	{ "TIOCSTI",           SYS_ioctl,           { -1, TIOCSTI }, EPERM },
	{ "TIOCSTI, high bits", SYS_ioctl,          { -1, HIGH(TIOCSTI) }, EPERM },
	{ "TIOCLINUX",         SYS_ioctl,           { -1, TIOCLINUX }, EPERM },
	{ "TCGETS",            SYS_ioctl,           { -1, TCGETS }, 0 },
	{ "AF_ALG",            SYS_socket,          { AF_ALG, SOCK_SEQPACKET }, EPERM },
	{ "AF_ALG, high bits", SYS_socket,          { HIGH(AF_ALG), SOCK_SEQPACKET }, EPERM },
	{ "AF_VSOCK",          SYS_socket,          { AF_VSOCK, SOCK_STREAM }, EPERM },
	{ "AF_INET",           SYS_socket,          { AF_INET, SOCK_STREAM }, 0 },
	{ "AF_UNIX",           SYS_socket,          { AF_UNIX, SOCK_STREAM }, 0 },
	{ "AF_NETLINK",        SYS_socket,          { AF_NETLINK, SOCK_RAW }, 0 },
	{ "personality query", SYS_personality,     { 0xffffffff }, 0 },
	{ "personality ADDR_NO_RANDOMIZE", SYS_personality, { ADDR_NO_RANDOMIZE }, EPERM },
	{ "a call of the future", 1000,             { 0 }, ENOSYS },
	{ "a call far away",   100000,              { 0 }, ENOSYS },
};
// clang-format on

static int filtered(uint64_t caps, int (*fn)(const void *), const void *arg)
{
	struct seccomp f;
	struct err e;
	int status;
	pid_t pid;

	ok(seccomp_default(caps, &f, &e) == 0, "%s", e.msg);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_install(&f, &e) < 0)
			_exit(255);
		_exit(fn(arg));
	}
	waitpid(pid, &status, 0);
	seccomp_free(&f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int make_call(const void *p)
{
	const struct call *c = p;
	long ret = syscall(c->nr, c->args[0], c->args[1], c->args[2], 0, 0, 0);

	return ret < 0 ? errno : 0;
}

/* SEC-R15 */
TEST(the_default_filter_refuses_what_containers_must_not_call)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		int got = filtered(0, make_call, &calls[i]);

		if (calls[i].want)
			ok(got == calls[i].want, "%s: errno %d", calls[i].name, got);
		else
			ok(got >= 0 && got != EPERM && got != ENOSYS, "%s: errno %d", calls[i].name,
			   got);
	}
}

TEST(a_capability_opens_its_calls_and_no_others)
{
	struct call unshare_none = { "unshare", SYS_unshare, { 0 }, 0 };
	struct call clone3 = { "clone3", SYS_clone3, { 0 }, 0 };
	struct call reboot_bad = { "reboot", SYS_reboot, { 0 }, 0 };
	struct call alg = { "AF_ALG", SYS_socket, { AF_ALG, SOCK_SEQPACKET }, 0 };

	same_int(filtered(CAP_ADMIN, make_call, &unshare_none), 0);
	same_int(filtered(CAP_ADMIN, make_call, &clone3), EINVAL);
	same_int(filtered(CAP_ADMIN, make_call, &reboot_bad), EPERM);
	same_int(filtered(UINT64_C(1) << 22, make_call, &reboot_bad), EINVAL);
	same_int(filtered(~UINT64_C(0), make_call, &alg), EPERM);
}

#ifdef __x86_64__
/* What the filter says of a call, by a reading of its program: not every kernel runs 32-bit code.
 */
static unsigned verdict(unsigned arch, int nr, unsigned long long arg0, unsigned long long arg1)
{
	struct seccomp_data d = { .nr = nr, .arch = arch, .args = { arg0, arg1 } };
	struct seccomp f;
	struct err e;
	unsigned a = 0, ret = 1;

	ok(seccomp_default(0, &f, &e) == 0, "%s", e.msg);
	for (unsigned pc = 0; pc < f.n; pc++) {
		const struct sock_filter *i = &f.insns[pc];
		bool yes = false;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)&d + i->k, sizeof(a));
			continue;
		case BPF_RET | BPF_K:
			ret = i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			pc += yes ? i->jt : i->jf;
			continue;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			pc += yes ? i->jt : i->jf;
			continue;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = a & i->k;
			pc += yes ? i->jt : i->jf;
			continue;
		default:
			ok(false, "instruction 0x%x", i->code);
		}
		break;
	}
	seccomp_free(&f);
	return ret;
}

TEST(the_same_holds_for_32_bit_calls)
{
	const unsigned eperm = SECCOMP_RET_ERRNO | EPERM, enosys = SECCOMP_RET_ERRNO | ENOSYS;
	const unsigned arch = AUDIT_ARCH_I386;

	/* Numbers of arch/x86/entry/syscalls/syscall_32.tbl. */
	same_int(verdict(arch, 20, 0, 0), SECCOMP_RET_ALLOW);  /* getpid */
	same_int(verdict(arch, 21, 0, 0), eperm);	       /* mount */
	same_int(verdict(arch, 310, CLONE_NEWUSER, 0), eperm); /* unshare */
	same_int(verdict(arch, 120, CLONE_NEWUSER, 0), eperm); /* clone */
	same_int(verdict(arch, 120, SIGCHLD, 0), SECCOMP_RET_ALLOW);
	same_int(verdict(arch, 54, 0, TIOCSTI), eperm); /* ioctl */
	same_int(verdict(arch, 54, 0, TCGETS), SECCOMP_RET_ALLOW);
	same_int(verdict(arch, 359, AF_ALG, 5), eperm); /* socket */
	same_int(verdict(arch, 102, 1, 0), eperm);  /* socketcall: its arguments are in memory */
	same_int(verdict(arch, 435, 0, 0), enosys); /* clone3 */
	same_int(verdict(arch, 166, 0, 0), eperm);  /* vm86 */
	same_int(verdict(arch, 5000, 0, 0), enosys);
}

TEST(a_foreign_architecture_ends_the_process)
{
	same_int(verdict(AUDIT_ARCH_S390X, 20, 0, 0), SECCOMP_RET_KILL_PROCESS);
	same_int(verdict(0, 20, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

TEST(x32_numbers_are_refused)
{
	struct call c = { "x32 getpid", 0x40000000 + SYS_getpid, { 0 }, 0 };

	same_int(filtered(0, make_call, &c), EPERM);
}
#endif

static int own_profile(const char *text, struct seccomp *f, struct err *e)
{
	own(json) struct json_object *j = json_parse("profile", text, strlen(text), e);

	return j ? seccomp_compile(j, 0, f, e) : -1;
}

TEST(a_profile_of_the_users_is_compiled_and_holds)
{
	struct seccomp f = { 0 };
	struct err e;
	int status;
	pid_t pid;

	ok(own_profile(
		   "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getppid\","
		   "\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":42},{\"names\":["
		   "\"kill\"],"
		   "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,\"value\":9,\"op\":\"SCMP_"
		   "CMP_EQ\"}]}]}",
		   &f, &e) == 0,
	   "%s", e.msg);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_install(&f, &e) < 0)
			_exit(1);
		if (syscall(SYS_getppid) != -1 || errno != 42)
			_exit(2);
		if (kill(getpid(), 9) != -1 || errno != EPERM)
			_exit(3);
		_exit(kill(getpid(), 0) == 0 ? 0 : 4);
	}
	waitpid(pid, &status, 0);
	same_int(status, 0);
	seccomp_free(&f);
}

TEST(a_profile_that_cannot_be_kept_is_refused)
{
	static const char *const bad[] = {
		"{}",
		"{\"defaultAction\":\"SCMP_ACT_FLY\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_NEW_"
		"LISTENER\"]}",
		"{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/x\"}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5000}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"kill\"],"
		"\"action\":"
		"\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":9,\"value\":9,\"op\":\"SCMP_CMP_EQ\"}]}]}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct seccomp f = { 0 };
		struct err e;

		ok(own_profile(bad[i], &f, &e) < 0, "%s", bad[i]);
		seccomp_free(&f);
	}
}

int main(void)
{
	return unit_run();
}
