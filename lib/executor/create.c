/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent's side: opens what the child needs, clones it, and waits until it is ready. */
#include "executor/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "executor/idmap.h"
#include "executor/init.h"
#include "executor/pid1.h"
#include "executor/sync.h"
#include "executor/sysctl.h"
#include "executor/syscalls.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

void executor_close(struct executor *x)
{
	int *fds[] = { &x->pidfd, &x->sync, &x->console };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static void init_release(struct init *in)
{
	ns_plan_close(&in->ns);
	cgroup_join_close(&in->join);
	seccomp_free(&in->filter);
	if (in->sock >= 0)
		close(in->sock);
	if (in->parent_sock >= 0)
		close(in->parent_sock);
	if (in->join_pidfd >= 0)
		close(in->join_pidfd);
	if (in->root >= 0)
		close(in->root);
	fd_drop(&in->pid1);
	fd_drop(&in->notify);
	fd_drop(&in->resctrl);
	for (size_t i = 0; i < in->ngiven; i++)
		fd_drop(&in->given[i]);
	free(in->given);
}
OWNED_STRUCT(init, struct init, init_release)

/* Ends a child that is of no use and takes its exit status. */
static void child_reap(struct executor *x)
{
	siginfo_t info;

	if (x->pidfd < 0)
		return;
	syscall(SYS_pidfd_send_signal, x->pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)x->pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
}

static int write_maps(const struct init *in, pid_t pid, struct err *e)
{
	const struct oci_linux *l = &in->spec->linux_;

	if (idmap_check("uids", &l->uid_mappings, e) < 0 ||
	    idmap_check("gids", &l->gid_mappings, e) < 0 ||
	    idmap_write(pid, &l->uid_mappings, &l->gid_mappings, e) < 0)
		return -1;
	return sync_send(in->parent_sock, SYNC_MAPPED, -1, e);
}

/* The child made another one in its place (a pid of our namespace, by the fd's own word). */
static int take_over(struct executor *x, int pidfd, struct err *e)
{
	own(fd) int next = pidfd;
	own(str) char *path = str_fmt("/proc/self/fdinfo/%d", pidfd);
	own(buf) struct buf text = { 0 };
	siginfo_t info;
	char *line;

	if (next < 0)
		return err_set(e, ERR_FAIL, "the child handed on no process");
	if (file_load_kernel(AT_FDCWD, path, &text, e) < 0)
		return -1;
	while (waitid(P_PIDFD, (id_t)x->pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	close(x->pidfd);
	x->pidfd = fd_steal(&next);
	line = strstr(text.s, "Pid:");
	x->id.pid = line ? (pid_t)strtol(line + strlen("Pid:"), NULL, 10) : 0;
	return x->id.pid > 0 ? 0 : err_set(e, ERR_FAIL, "the container's process is gone");
}

/* What the child cannot do for itself. */
static const struct service {
	enum sync_step step;
	int (*serve)(const struct init *in, pid_t pid, struct err *e);
} services[] = {
	{ SYNC_TIME, timens_write },
	{ SYNC_NET, netdev_move },
	{ SYNC_HOOKS, hooks_create_runtime },
};

static int serve(const struct init *in, enum sync_step step, pid_t pid, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		if (services[i].step != step)
			continue;
		if (services[i].serve(in, pid, e) < 0)
			return -1;
		return sync_send(in->parent_sock, SYNC_DONE, -1, e);
	}
	return 0;
}

/* Until the child says that it is ready, or why it is not. */
static int wait_ready(const struct init *in, struct executor *x, struct err *e)
{
	bool ready = false, born = !in->replaced, map = false;

	/* They may come in any order; whose maps are asked for is known with its birth. */
	while (!ready || !born) {
		enum sync_step step;
		own(fd) int fd = -1;
		int n = sync_recv(in->parent_sock, &step, &fd, e);

		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(e, ERR_FAIL,
				       "the container's first process died while it was made");
		ready = ready || step == SYNC_READY;
		born = born || step == SYNC_BORN;
		if (step == SYNC_BORN && take_over(x, fd_steal(&fd), e) < 0)
			return -1;
		map = map || step == SYNC_MAP_ME;
		if (map && born && write_maps(in, x->id.pid, e) < 0)
			return -1;
		map = map && !born;
		if (serve(in, step, x->id.pid, e) < 0)
			return -1;
		if (step == SYNC_CONSOLE && x->console < 0)
			x->console = fd_steal(&fd);
	}
	return host_join(in, x->id.pid, e);
}

/* The cgroup directory for CLONE_INTO_CGROUP, and the files of the rest. */
static int open_cgroup(struct init *in, int *clone_fd, struct err *e)
{
	*clone_fd = -1;
	if (!in->cgroup)
		return 0;
	*clone_fd = cgroup_clone_fd(in->cgroup);
	return cgroup_join_open(in->cgroup, *clone_fd < 0, &in->join, e);
}

struct birth {
	unsigned flags;
	int pid_ns; /* to be born in; -1: ours */
	const struct init_step *steps;
	size_t nsteps;
};

static int give_birth(struct init *in, const struct birth *b, struct executor *out, struct err *e)
{
	own(fd) int cgroup = -1, saved = -1;
	struct err back;
	int p[2];
	pid_t pid;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "become undumpable");
	if (open_cgroup(in, &cgroup, e) < 0 || fd_socketpair(p, e) < 0)
		return -1;
	in->parent_sock = p[0];
	in->sock = p[1];
	if (b->pid_ns >= 0 && ns_children_enter(b->pid_ns, &saved, e) < 0)
		return -1;
	pid = sys_clone(b->flags, cgroup, &out->pidfd);
	if (pid == 0)
		init_main(in, b->steps, b->nsteps);
	if (pid < 0)
		err_sys(e, "start a process");
	if (saved >= 0 && ns_children_restore(saved, &back) < 0) {
		if (pid > 0)
			child_reap(out);
		*e = back;
		return -1;
	}
	if (pid < 0)
		return -1;
	close(fd_steal(&in->sock));
	out->id.pid = pid;
	if (wait_ready(in, out, e) < 0 || (proc_id_of(out->id.pid, &out->id) < 0 &&
					   err_sys(e, "look at process %d", (int)pid) < 0)) {
		child_reap(out);
		return -1;
	}
	out->sync = fd_steal(&in->parent_sock);
	return 0;
}

static int make_filter(struct init *in, bool default_seccomp, int cache, struct err *e)
{
	if (in->spec->linux_.seccomp)
		return seccomp_compile_cached(cache, in->spec->linux_.seccomp, in->caps.bounding,
					      &in->filter, e) < 0
			       ? err_in(e, "linux.seccomp")
			       : 0;
	return default_seccomp ? seccomp_default(in->caps.bounding, &in->filter, e) : 0;
}

static int check_sysctls(const struct init *in, struct err *e)
{
	const struct strmap *m = &in->spec->linux_.sysctl;

	for (size_t i = 0; i < m->n; i++)
		if (sysctl_check(m->v[i].key, m->v[i].value, in->ns.all, e) < 0)
			return -1;
	return 0;
}

static int check_process(const struct oci_process *p, struct err *e)
{
	if (p->args.n == 0)
		return err_set(e, ERR_USAGE, "no command given");
	if (p->console_size.height < 0 || p->console_size.height > UINT16_MAX ||
	    p->console_size.width < 0 || p->console_size.width > UINT16_MAX)
		return err_set(e, ERR_USAGE, "the size of the terminal is out of range");
	return 0;
}

/* What mounts need that a child in a pid namespace cannot make. */
static int give(struct init *in, const struct oci_mount *m, const struct executor_args *a,
		size_t *images, struct err *e)
{
	if (str_eq(m->type, EXECUTOR_IMAGE_MOUNT)) {
		if (*images == a->nimages)
			return err_set(e, ERR_USAGE, "no image is given for it");
		return rootfs_image(&a->images[(*images)++], ns_joined(&in->ns, CLONE_NEWUSER),
				    m->sub_path, e);
	}
	return idmap_userns(&m->uid_mappings, &m->gid_mappings, e);
}

static int give_all(struct init *in, const struct executor_args *a, struct err *e)
{
	const struct oci_mount *m = in->spec->mounts.v;
	size_t images = 0;

	in->given = xcalloc(in->spec->mounts.n + 1, sizeof(*in->given));
	for (size_t i = 0; i < in->spec->mounts.n; i++) {
		bool wanted = m[i].uid_mappings.n || m[i].gid_mappings.n ||
			      str_eq(m[i].type, EXECUTOR_IMAGE_MOUNT);

		in->given[in->ngiven++] = -1;
		if (!wanted)
			continue;
		in->given[i] = give(in, &m[i], a, &images, e);
		if (in->given[i] < 0)
			return err_in(e, "mount on %s", m[i].destination);
	}
	return 0;
}

int executor_create(const struct executor_args *a, struct executor *out, struct err *e)
{
	own(init) struct init in = INIT_NONE;
	struct birth b = { .pid_ns = -1, .steps = init_create_steps, .nsteps = init_ncreate_steps };
	int userns;

	*out = (struct executor)EXECUTOR_NONE;
	in.spec = a->spec;
	in.process = &a->spec->process;
	in.user = a->user;
	in.id = a->id;
	in.bundle = a->bundle;
	memcpy(in.stdio, a->stdio, sizeof(in.stdio));
	in.die_with_parent = a->die_with_parent;
	in.strict_groups = a->strict_groups;
	in.preserve = a->preserve;
	in.no_keyring = a->no_keyring;
	in.no_pivot = a->no_pivot;
	in.cgroup = a->cgroup;
	if (check_process(in.process, e) < 0 || ns_plan(&a->spec->linux_, false, &in.ns, e) < 0)
		return -1;
	if (!(in.ns.create & CLONE_NEWNS))
		return err_set(e, ERR_USAGE,
			       "linux.namespaces: a container needs a new mount namespace");
	if (check_sysctls(&in, e) < 0 || caps_read(in.process->capabilities, &in.caps, e) < 0 ||
	    make_filter(&in, a->default_seccomp, a->seccomp_cache, e) < 0 ||
	    notify_connect(&in, e) < 0 || host_check(&in, e) < 0)
		return -1;
	if (a->init) {
		in.pid1 = pid1_open(e);
		if (in.pid1 < 0)
			return -1;
	}
	userns = ns_joined(&in.ns, CLONE_NEWUSER);
	in.replaced = in.ns.all & CLONE_NEWUSER; /* see step_sibling() */
	if (a->rootfs.nlower > 0) {
		in.root = userns >= 0 ? rootfs_overlay_mapped(&a->rootfs, userns, e)
				      : rootfs_overlay(&a->rootfs, e);
		if (in.root < 0)
			return err_in(e, "root file system");
	}
	if (give_all(&in, a, e) < 0)
		return -1;
	if (!(in.ns.all & CLONE_NEWUSER)) { /* else see step_sibling() */
		b.pid_ns = ns_joined(&in.ns, CLONE_NEWPID);
		b.flags = in.ns.create & ~(unsigned)(CLONE_NEWCGROUP | CLONE_NEWTIME);
	}
	if (give_birth(&in, &b, out, e) < 0) {
		executor_close(out);
		return -1;
	}
	return 0;
}

int executor_start(struct executor *x, struct err *e)
{
	enum sync_step step;
	own(fd) int fd = -1;
	int n;

	if (x->sync < 0)
		return err_set(e, ERR_STATE, "already started");
	/* A child that was killed meanwhile has started, and ended: its status says so. */
	n = sync_send(x->sync, SYNC_GO, -1, e) < 0 && e->sys != EPIPE
		    ? -1
		    : sync_recv(x->sync, &step, &fd, e);
	close(fd_steal(&x->sync));
	if (n > 0)
		n = err_set(e, ERR_FAIL, "unexpected step %d", (int)step);
	if (n < 0)
		child_reap(x);
	return n;
}

/*
 * Whoever is in a pid namespace and has CAP_SYS_PTRACE can seize who enters it, with all the rights
 * that setting up needs. Where there may be somebody, the process is born there last of all, when
 * it has no more rights than it is to have. Not in a user namespace, whose capabilities do not
 * reach us; nor with a filter of the container's that has to be installed before (without
 * no_new_privs) and may forbid it, or whose agent is told of the process.
 */
static int choose_birth(const struct executor_exec_args *a, struct init *in, struct birth *b,
			struct err *e)
{
	bool filtered =
		in->notify >= 0 || (a->spec->linux_.seccomp && !in->process->no_new_privileges);
	struct caps theirs;

	if (!(in->ns.all & CLONE_NEWPID))
		return 0;
	if (caps_read(a->spec->process.capabilities, &theirs, e) < 0)
		return -1;
	in->born_last = (in->ns.join & CLONE_NEWPID || theirs.bounding >> CAP_SYS_PTRACE & 1) &&
			!(in->ns.all & CLONE_NEWUSER) && !filtered;
	in->replaced = in->born_last;
	b->pid_ns = in->born_last ? -1 : in->join_pidfd;
	return 0;
}

int executor_exec(const struct executor_exec_args *a, struct executor *out, struct err *e)
{
	own(init) struct init in = INIT_NONE;
	struct birth b = { .pid_ns = -1, .steps = init_exec_steps, .nsteps = init_nexec_steps };

	*out = (struct executor)EXECUTOR_NONE;
	in.spec = a->spec;
	in.process = a->process;
	in.id = a->id;
	in.bundle = a->bundle;
	in.first_pid = a->init->pid;
	in.user = a->user;
	memcpy(in.stdio, a->stdio, sizeof(in.stdio));
	in.die_with_parent = a->die_with_parent;
	in.strict_groups = a->strict_groups;
	in.preserve = a->preserve;
	in.cgroup = a->cgroup;
	if (check_process(in.process, e) < 0 || ns_plan(&a->spec->linux_, true, &in.ns, e) < 0 ||
	    caps_read(in.process->capabilities, &in.caps, e) < 0 ||
	    make_filter(&in, a->default_seccomp, a->seccomp_cache, e) < 0 ||
	    notify_connect(&in, e) < 0 || host_check(&in, e) < 0)
		return -1;
	in.join_pidfd = proc_open(a->init);
	if (in.join_pidfd < 0) {
		if (errno == ESRCH)
			return err_set(e, ERR_STATE, "the container is not running");
		return err_sys(e, "look at process %d", (int)a->init->pid);
	}
	if (choose_birth(a, &in, &b, e) < 0)
		return -1;
	if (give_birth(&in, &b, out, e) < 0 || executor_start(out, e) < 0) {
		executor_close(out);
		return -1;
	}
	return 0;
}
