/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "executor/sync.h"
#include "executor/syscalls.h"

/*
 * What is not needed is closed at once: we may be born in a PID namespace where somebody with
 * CAP_SYS_PTRACE looks into /proc/PID/fd, and directories of the host would be open there.
 */
static void close_rest(const struct init *in)
{
	const int ours[] = { in->sock,	     in->stdio[0], in->stdio[1], in->stdio[2],
			     in->join_pidfd, in->root,	   in->pid1,	 in->notify };
	size_t n = ARRAY_LEN(ours);
	int *keep =
		xcalloc(n + NS_MAX + CGROUP_HIERARCHIES + in->preserve + in->ngiven, sizeof(*keep));

	memcpy(keep, ours, sizeof(ours));
	for (unsigned i = 0; i < in->preserve; i++)
		keep[n++] = 3 + (int)i;
	for (size_t i = 0; i < in->ns.nfds; i++)
		keep[n++] = in->ns.fds[i].fd;
	for (size_t i = 0; i < in->join.n; i++)
		keep[n++] = in->join.fds[i];
	for (size_t i = 0; i < in->ngiven; i++)
		if (in->given[i] >= 0)
			keep[n++] = in->given[i];
	fd_close_but(keep, n);
	free(keep);
}

/* The standard streams are kept out of the way of 0-2 until the end; nothing else survives
 * execve(). */
static int step_descriptors(struct init *in, struct err *e)
{
	close_rest(in);
	if (fd_cloexec_from(3) < 0)
		return err_sys(e, "mark descriptors close-on-exec");
	for (unsigned i = 0; i < in->preserve; i++)
		if (fcntl(3 + (int)i, F_SETFD, 0) < 0)
			return err_sys(e, "preserve descriptor %u", 3 + i);
	for (int i = 0; i < 3 && !in->process->terminal; i++) {
		in->stdio[i] = fcntl(in->stdio[i], F_DUPFD_CLOEXEC, 3);
		if (in->stdio[i] < 0)
			return err_sys(e, "standard stream %d", i);
	}
	umask(0);
	return setsid() < 0 && errno != EPERM ? err_sys(e, "make a session") : 0;
}

static int step_cgroup(struct init *in, struct err *e)
{
	if (cgroup_join_self(&in->join, e) < 0)
		return -1;
	cgroup_join_close(&in->join);
	return 0;
}

/* Waits in a new user namespace until the parent has written the maps, then is root in it. */
static int step_user_namespace(struct init *in, struct err *e)
{
	if (in->ns.create & CLONE_NEWUSER && (sync_send(in->sock, SYNC_MAP_ME, -1, e) < 0 ||
					      sync_expect(in->sock, SYNC_MAPPED, e) < 0))
		return -1;
	return 0;
}

static int become_root(struct err *e)
{
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_sys(e, "become root of the user namespace");
	return 0;
}

/* What is there already, before anything of ours is new: a user namespace first of all. One that is
 * yet to be made has no rights over the others, so they are joined before it. */
static int join_outside(struct init *in, struct err *e)
{
	int userns = ns_joined(&in->ns, CLONE_NEWUSER), pid_ns = ns_joined(&in->ns, CLONE_NEWPID);

	if (userns >= 0 && setns(userns, CLONE_NEWUSER) < 0)
		return err_sys(e, "join the user namespace");
	if (userns >= 0 && become_root(e) < 0)
		return -1;
	if (pid_ns >= 0 && setns(pid_ns, CLONE_NEWPID) < 0)
		return err_sys(e, "join the pid namespace");
	if (userns < 0 && ns_join(&in->ns, e) < 0)
		return -1;
	in->ns_done = userns < 0;
	return 0;
}

/*
 * What is new is made by a process in the user namespace, or one that makes that, too: so it
 * belongs to it. That process is a child of the same parent, and goes on from here; this one ends.
 * What needs the rights of the host's root (limits, the sources of mounts) is done by now.
 */
static int step_sibling(struct init *in, struct err *e)
{
	unsigned flags = in->ns.create & ~(unsigned)(CLONE_NEWCGROUP | CLONE_NEWTIME);
	own(fd) int pidfd = -1;
	pid_t pid;

	if (!(in->ns.all & CLONE_NEWUSER))
		return 0;
	if ((in->root < 0 && rootfs_open(in, e) < 0) || join_outside(in, e) < 0)
		return -1;
	pid = sys_clone(flags | CLONE_PARENT, -1, &pidfd);
	if (pid < 0)
		return err_sys(e, "start a process in the user namespace");
	if (pid == 0)
		return setsid() < 0 ? err_sys(e, "make a session") : 0;
	_exit(sync_send(in->sock, SYNC_BORN, pidfd, e) < 0);
}

static int step_join(struct init *in, struct err *e)
{
	if (!in->ns_done && ns_join(&in->ns, e) < 0)
		return -1;
	return in->ns.create & CLONE_NEWUSER ? become_root(e) : 0;
}

/* After the cgroup was joined: that one becomes the root of what the namespace shows. */
static int step_cgroup_namespace(struct init *in, struct err *e)
{
	if (in->ns.create & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(e, "make a cgroup namespace");
	return 0;
}

static int step_hostname(struct init *in, struct err *e)
{
	const struct oci_spec *s = in->spec;

	if (str_some(s->hostname)) {
		if (!(in->ns.all & CLONE_NEWUTS))
			return err_set(e, ERR_USAGE, "a host name needs a uts namespace");
		if (sethostname(s->hostname, strlen(s->hostname)) < 0)
			return err_sys(e, "set host name \"%s\"", s->hostname);
	}
	if (str_some(s->domainname)) {
		if (!(in->ns.all & CLONE_NEWUTS))
			return err_set(e, ERR_USAGE, "a domain name needs a uts namespace");
		if (setdomainname(s->domainname, strlen(s->domainname)) < 0)
			return err_sys(e, "set domain name \"%s\"", s->domainname);
	}
	return 0;
}

static int step_network(struct init *in, struct err *e)
{
	if (in->ns.create & CLONE_NEWNET && ns_loopback_up(e) < 0)
		return -1;
	if (!in->spec->linux_.net_devices.n)
		return 0;
	return sync_send(in->sock, SYNC_NET, -1, e) < 0 ? -1 : sync_expect(in->sock, SYNC_DONE, e);
}

static int step_join_container(struct init *in, struct err *e)
{
	/* The pid namespace is for children: ours, or nobody's. */
	unsigned flags = in->ns.all & ~(unsigned)(in->born_last ? 0 : CLONE_NEWPID);

	if (setns(in->join_pidfd, (int)flags) < 0)
		return err_sys(e, "join the container's namespaces");
	if (flags & CLONE_NEWUSER && become_root(e) < 0)
		return -1;
	if (!(flags & CLONE_NEWNS))
		return err_set(e, ERR_USAGE, "the container has no mount namespace");
	in->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return in->root < 0 ? err_sys(e, "open the container's root") : 0;
}

static int take_terminal(struct init *in, struct err *e)
{
	if (in->slave >= 0 && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(e, "take the terminal");
	return 0;
}

static int step_stdio(struct init *in, struct err *e)
{
	for (int i = 0; i < 3; i++)
		if (dup2(in->slave >= 0 ? in->slave : in->stdio[i], i) < 0)
			return err_sys(e, "standard stream %d", i);
	return in->born_last ? 0 : take_terminal(in, e); /* else see step_birth() */
}

/*
 * By now whoever looks at us from inside finds nothing that he has not got himself. Not clone3(),
 * which filters refuse, for they cannot see its flags.
 */
static int step_birth(struct init *in, struct err *e)
{
	own(fd) int pidfd = -1;
	long pid;

	if (!in->born_last)
		return 0;
	pid = syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD, NULL, &pidfd, NULL, NULL);
	if (pid < 0)
		return err_sys(e, "start a process in the pid namespace");
	if (pid > 0)
		_exit(sync_send(in->sock, SYNC_BORN, pidfd, e) < 0);
	return setsid() < 0 ? err_sys(e, "make a session") : take_terminal(in, e);
}

int init_signals(struct init *in, struct err *e)
{
	/* The kernel's struct, of any architecture: SIG_DFL, no flags. libc's sigaction() refuses
	 * its own two, 32 and 33, which its posix_spawn() leaves ignored in every child. */
	static const uint64_t dfl[8];
	sigset_t none;

	(void)in;
	for (int s = 1; s < NSIG; s++)
		syscall(SYS_rt_sigaction, s, dfl, NULL, _NSIG / 8); /* not KILL and STOP: EINVAL */
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? err_sys(e, "unblock signals") : 0;
}

/* After the ids: a change of them clears it. A parent that died before has closed its end of the
 * socket. */
static int step_parent_death(struct init *in, struct err *e)
{
	struct pollfd p = { .fd = in->sock, .events = POLLIN };

	if (!in->die_with_parent)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(e, "ask for a signal at the parent's death");
	if (poll(&p, 1, 0) > 0 && p.revents & POLLHUP)
		_exit(1);
	return 0;
}

// clang-format off
const struct init_step init_create_steps[] = {
	{ "prepare",              step_descriptors },
	{ "prepare",              cred_host_proc },
	{ "cgroup",               step_cgroup },
	{ "mounts",               mount_open_sources },
	{ "prepare",              cred_userns },
	{ "user namespace",       step_sibling },
	{ "user namespace",       step_user_namespace },
	{ "namespaces",           step_join },
	{ "cgroup namespace",     step_cgroup_namespace },
	{ "time namespace",       timens_make },
	{ "seccomp",              notify_prepare },
	{ "host name",            step_hostname },
	{ "network",              step_network },
	{ "root file system",     rootfs_make },
	{ "mounts",               mount_all },
	{ "devices",              dev_make },
	{ "terminal",             console_make },
	{ NULL,                   hooks_create },
	{ "sysctl",               sysctl_apply },
	{ "mounts",               rootfs_mask },
	{ "root file system",     rootfs_pivot },
	{ "root file system",     rootfs_readonly },
	{ NULL,                   sched_self },
	{ "limits",               cred_rlimits },
	{ "user",                 cred_user },
	{ "working directory",    program_cwd },
	{ "standard streams",     step_stdio },
	{ "signals",              init_signals },
	{ "credentials",          cred_apply },
	{ "parent",               step_parent_death },
	{ NULL,                   program_find },
};
const struct init_step init_exec_steps[] = {
	{ "prepare",              step_descriptors },
	{ "prepare",              cred_host_proc },
	{ "prepare",              sched_initial },
	{ "cgroup",               step_cgroup },
	{ "prepare",              cred_userns },
	{ "seccomp",              notify_prepare },
	{ "namespaces",           step_join_container },
	{ "terminal",             console_join },
	{ NULL,                   sched_self },
	{ "limits",               cred_rlimits },
	{ "user",                 cred_user },
	{ "working directory",    program_cwd },
	{ "standard streams",     step_stdio },
	{ "signals",              init_signals },
	{ "credentials",          cred_apply },
	{ "pid namespace",        step_birth },
	{ "parent",               step_parent_death },
	{ NULL,                   program_find },
};
// clang-format on
const size_t init_ncreate_steps = ARRAY_LEN(init_create_steps);
const size_t init_nexec_steps = ARRAY_LEN(init_exec_steps);

/* From the parent, or from anybody later, at a socket that it has left us (leave.c). */
static int wait_for_go(struct init *in, struct err *e)
{
	for (;;) {
		enum sync_step step;
		own(fd) int fd = -1;

		if (sync_recv(in->sock, &step, &fd, e) <= 0)
			return -1;
		if (step != SYNC_GO && (step != SYNC_WAIT || fd < 0))
			return -1;
		if (fd >= 0)
			in->sock = fd_steal(&fd); /* the old one is close-on-exec */
		if (step == SYNC_GO)
			return 0;
	}
}

void init_main(struct init *in, const struct init_step *steps, size_t n)
{
	struct err e;

	for (size_t i = 0; i < n; i++) {
		if (steps[i].fn(in, &e) == 0)
			continue;
		if (steps[i].what)
			err_in(&e, "%s", steps[i].what);
		sync_die(in->sock, &e);
	}
	if (sync_send(in->sock, SYNC_READY, -1, &e) < 0 || wait_for_go(in, &e) < 0)
		_exit(1); /* the parent is gone */
	if (in->join_pidfd < 0 && hooks_start(in, &e) < 0)
		sync_die(in->sock, &e);
	if (in->process->no_new_privileges && notify_install(in, &e) < 0)
		sync_die(in->sock, &e);
	program_exec(in, &e);
	sync_die(in->sock, &e);
}
