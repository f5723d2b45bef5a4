/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces that a process cannot make for itself and leave again: a user namespace (its maker has
 * no rights outside any more), a pid namespace (which is its children's, and ends with the first of
 * them). A child makes them all at once, the parent pins what it finds in /proc.
 */
#include "executor/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "executor/idmap.h"
#include "executor/init.h"
#include "executor/ns.h"
#include "executor/pid1.h"
#include "executor/sync.h"
#include "executor/syscalls.h"

struct maker {
	const struct ns_pin_args *a;
	int sock, parent_sock;
	int program; /* of pid 1; -1: none is asked for */
	struct cgroup_join join;
	struct seccomp filter;
};

static void maker_release(struct maker *m)
{
	fd_drop(&m->sock);
	fd_drop(&m->parent_sock);
	fd_drop(&m->program);
	cgroup_join_close(&m->join);
	seccomp_free(&m->filter);
}
OWNED_STRUCT(maker, struct maker, maker_release)

/* ---- the child ---- */

static int child_user(const struct maker *m, struct err *e)
{
	if (!(m->a->flags & CLONE_NEWUSER))
		return 0;
	if (sync_send(m->sock, SYNC_MAP_ME, -1, e) < 0 || sync_expect(m->sock, SYNC_MAPPED, e) < 0)
		return -1;
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_sys(e, "become root of the user namespace");
	return 0;
}

static int child_null_streams(struct err *e)
{
	own(fd) int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "open /dev/null");
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0)
			return err_sys(e, "standard stream %d", i);
	return 0;
}

/* /proc/1/root of the namespace leads to an empty directory that nobody can write to. */
static int child_empty_root(struct err *e)
{
	own(strv) struct strv data = { 0 };
	own(fd) int root = -1;

	strv_add(&data, "size=4k");
	strv_add(&data, "nr_inodes=1");
	strv_add(&data, "mode=0555");
	if (ns_leave_chroot(e) < 0)
		return -1;
	if (sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, "cut the mounts off from the host's");
	root = mount_new(
		"tmpfs", "tmpfs", &data,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
	if (root < 0)
		return -1;
	if (sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    fchdir(root) < 0 || sys_pivot_root(".", ".") < 0 || sys_umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		return err_sys(e, "change to an empty root");
	return 0;
}

/* No capability, no privilege to gain, few system calls: nothing that is worth taking over. */
static int child_give_up_rights(const struct maker *m, struct err *e)
{
	const struct oci_user *u = m->a->user;
	struct caps none = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	if (caps_bound(&none, e) < 0)
		return -1;
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, u->gid, u->gid, u->gid) < 0 ||
	    syscall(SYS_setresuid, u->uid, u->uid, u->uid) < 0)
		return err_sys(e, "become user %lld:%lld", (long long)u->uid, (long long)u->gid);
	return caps_apply(&none, (uid_t)u->uid, e);
}

static int child_prepare(const struct maker *m, struct err *e)
{
	sigset_t none;

	if (fd_cloexec_from(3) < 0)
		return err_sys(e, "mark descriptors close-on-exec");
	if (setsid() < 0)
		return err_sys(e, "make a session");
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return err_sys(e, "unblock signals");
	if (cgroup_join_self(&m->join, e) < 0 || child_user(m, e) < 0)
		return -1;
	if (m->a->flags & CLONE_NEWUTS && m->a->hostname &&
	    sethostname(m->a->hostname, strlen(m->a->hostname)) < 0)
		return err_sys(e, "set the host name \"%s\"", m->a->hostname);
	if (m->a->flags & CLONE_NEWNET && ns_loopback_up(e) < 0)
		return -1;
	if (m->program < 0)
		return 0;
	if (child_null_streams(e) < 0 || child_empty_root(e) < 0)
		return -1;
	return child_give_up_rights(m, e);
}

_Noreturn static void child_main(struct maker *m)
{
	static char name[] = "sandbox";
	char *const argv[] = { name, NULL }, *const env[] = { NULL };
	struct err e;

	close(m->parent_sock);
	if (child_prepare(m, &e) < 0)
		sync_die(m->sock, &e);
	if (sync_send(m->sock, SYNC_READY, -1, &e) < 0 || sync_expect(m->sock, SYNC_GO, &e) < 0)
		_exit(1); /* the parent is gone, or wants no more of us */
	if (m->program < 0)
		_exit(0);
	if (seccomp_install(&m->filter, &e) == 0) {
		sys_execveat(m->program, "", argv, env, AT_EMPTY_PATH);
		err_sys(&e, "execute pid 1");
	}
	sync_die(m->sock, &e);
}

/* ---- the parent ---- */

static int parent_wait_ready(const struct maker *m, pid_t pid, struct err *e)
{
	for (;;) {
		enum sync_step step;
		own(fd) int fd = -1;
		int n = sync_recv(m->parent_sock, &step, &fd, e);

		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(e, ERR_FAIL, "the maker of its namespaces died");
		if (step == SYNC_READY)
			return 0;
		if (step != SYNC_MAP_ME || idmap_write(pid, m->a->uid_map, m->a->gid_map, e) < 0 ||
		    sync_send(m->parent_sock, SYNC_MAPPED, -1, e) < 0)
			return step == SYNC_MAP_ME ? -1 : err_set(e, ERR_FAIL, "unexpected step");
	}
}

/* Pins, tells who it is, lets it go, and waits until it has executed its program or ended. */
static int parent_finish(const struct maker *m, int dir, pid_t pid, struct err *e)
{
	struct proc_id id;
	enum sync_step step;
	own(fd) int fd = -1;
	int n;

	if (parent_wait_ready(m, pid, e) < 0)
		return -1;
	for (size_t i = 0; i < NS_PIN_TYPES; i++)
		if (m->a->flags & ns_pin_types[i].flag &&
		    ns_pin_bind(dir, &ns_pin_types[i], pid, e) < 0)
			return -1;
	if (m->program >= 0) {
		if (proc_id_of(pid, &id) < 0)
			return err_sys(e, "look at process %d", (int)pid);
		if (m->a->record(m->a->arg, &id, e) < 0)
			return -1;
	}
	if (sync_send(m->parent_sock, SYNC_GO, -1, e) < 0)
		return -1;
	n = sync_recv(m->parent_sock, &step, &fd, e);
	return n > 0 ? err_set(e, ERR_FAIL, "unexpected step %d", (int)step) : n;
}

static int maker_open(struct maker *m, int *cgroup, struct err *e)
{
	int p[2];

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "become undumpable");
	if (fd_socketpair(p, e) < 0)
		return -1;
	m->parent_sock = p[0];
	m->sock = p[1];
	if (!(m->a->flags & CLONE_NEWPID))
		return 0;
	m->program = pid1_open(e);
	if (m->program < 0 || seccomp_default(0, &m->filter, e) < 0)
		return -1;
	*cgroup = cgroup_clone_fd(m->a->cgroup);
	return cgroup_join_open(m->a->cgroup, *cgroup < 0, &m->join, e);
}

int ns_pin_child(const struct ns_pin_args *a, int dir, struct err *e)
{
	own(maker) struct maker m = { .a = a, .sock = -1, .parent_sock = -1, .program = -1 };
	own(fd) int cgroup = -1, pidfd = -1;
	pid_t pid;
	int rc;

	if (maker_open(&m, &cgroup, e) < 0)
		return -1;
	pid = sys_clone(a->flags | (a->flags & CLONE_NEWPID ? CLONE_NEWNS : 0), cgroup, &pidfd);
	if (pid == 0)
		child_main(&m);
	if (pid < 0)
		return err_sys(e, "start a process in new namespaces");
	close(fd_steal(&m.sock));
	rc = parent_finish(&m, dir, pid, e);
	if (rc < 0)
		proc_pidfd_signal(pidfd, SIGKILL);
	if (rc < 0 || m.program < 0)
		proc_wait(pid);
	return rc;
}
