/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.sysctl: only what belongs to a namespace of the container's own. */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "executor/sync.h"
#include "executor/sysctl.h"
#include "executor/syscalls.h"

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define KEY_CHARS ALNUM "._-@"
#define VALUE_CHARS ALNUM " \t.,_:/@-"

// clang-format off
static const struct owner {
	const char *key; /* ends with '.': a prefix */
	unsigned ns;
} owners[] = {
	{ "kernel.msgmax",          CLONE_NEWIPC },
	{ "kernel.msgmnb",          CLONE_NEWIPC },
	{ "kernel.msgmni",          CLONE_NEWIPC },
	{ "kernel.sem",             CLONE_NEWIPC },
	{ "kernel.shmall",          CLONE_NEWIPC },
	{ "kernel.shmmax",          CLONE_NEWIPC },
	{ "kernel.shmmni",          CLONE_NEWIPC },
	{ "kernel.shm_rmid_forced", CLONE_NEWIPC },
	{ "fs.mqueue.",             CLONE_NEWIPC },
	{ "net.",                   CLONE_NEWNET },
	{ "kernel.domainname",      CLONE_NEWUTS },
};
// clang-format on

/* Below net., but the whole machine's (writable in any namespace before Linux 5.12:
 * CVE-2021-38209). */
static const char *const not_owned[] = {
	"net.netfilter.nf_conntrack_max",
	"net.netfilter.nf_conntrack_expect_max",
	"net.netfilter.nf_conntrack_buckets",
	"net.nf_conntrack_max",
};

static bool owner_fits(const struct owner *o, const char *key)
{
	return str_ends(o->key, ".") ? str_starts(key, o->key) : str_eq(key, o->key);
}

int sysctl_check(const char *key, const char *value, unsigned namespaces, struct err *e)
{
	size_t n = strlen(key);

	if (n > 200 || strspn(key, KEY_CHARS) != n || strstr(key, "..") || key[0] == '.' ||
	    (n && key[n - 1] == '.'))
		return err_set(e, ERR_USAGE,
			       "sysctl \"%.64s\" is not a name like net.ipv4.ip_forward", key);
	if (!*value || strspn(value, VALUE_CHARS) != strlen(value))
		return err_set(
			e, ERR_USAGE,
			"sysctl %s: a value is made of letters, digits, blanks and . , _ : / "
			"@ -",
			key);
	for (size_t i = 0; i < ARRAY_LEN(not_owned); i++)
		if (str_eq(key, not_owned[i]))
			return err_set(e, ERR_USAGE, "sysctl %s does not belong to a container",
				       key);
	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		if (!owner_fits(&owners[i], key))
			continue;
		if (namespaces & owners[i].ns)
			return 0;
		return err_set(
			e, ERR_USAGE,
			"sysctl %s would change the host: the container shares that namespace",
			key);
	}
	return err_set(e, ERR_USAGE, "sysctl %s does not belong to a container", key);
}

/* One write(2): a value that the kernel takes only a part of is an error. */
static int sysctl_write(int proc, const char *key, const char *value, struct err *e)
{
	own(str) char *path = str_fmt("sys/%s", key);
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };
	own(fd) int fd = -1;
	size_t n = strlen(value);

	for (char *p = path + 4; *p; p++)
		if (*p == '.')
			*p = '/';
	fd = (int)syscall(SYS_openat2, proc, path, &how, sizeof(how));
	if (fd < 0 || write(fd, value, n) != (ssize_t)n)
		return err_sys(e, "set sysctl %s to \"%s\"", key, value);
	return 0;
}

/* Through a proc file system of our own, which nobody can have put anything on. */
int sysctl_apply(struct init *in, struct err *e)
{
	const struct strmap *m = &in->spec->linux_.sysctl;
	own(fd) int made = -1;
	int proc = in->proc;

	if (m->n == 0)
		return 0;
	if (proc < 0) {
		made = mount_new("proc", "proc", NULL, 0, e);
		if (made < 0)
			return -1;
		proc = made;
	}
	for (size_t i = 0; i < m->n; i++)
		if (sysctl_write(proc, m->v[i].key, m->v[i].value, e) < 0)
			return -1;
	return 0;
}

/* ---- of a sandbox ---- */

/* One without an owner is the host's: the caller should have said so before. */
static int check_owners(const struct strmap *m, struct err *e)
{
	for (size_t k = 0; k < m->n; k++) {
		size_t i = 0;

		while (i < ARRAY_LEN(owners) && !owner_fits(&owners[i], m->v[k].key))
			i++;
		if (i == ARRAY_LEN(owners))
			return err_set(e, ERR_USAGE, "sysctl %s does not belong to a container",
				       m->v[k].key);
	}
	return 0;
}

/* The user namespace, where there is one, first: its root may set what belongs to it, and he alone.
 */
static int enter_pinned(int pins, struct err *e)
{
	static const char *const names[] = { "user", "net", "ipc", "uts" };
	int fds[ARRAY_LEN(names)];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		fds[i] = openat(pins, names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fds[i] < 0 && errno != ENOENT)
			return err_sys(e, "open the %s namespace", names[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (fds[i] < 0)
			continue;
		if (setns(fds[i], 0) < 0)
			return err_sys(e, "enter the %s namespace", names[i]);
		if (i == 0 &&
		    (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0))
			return err_sys(e, "become root of the user namespace");
	}
	return 0;
}

static int write_all_of(int pins, int proc, const struct strmap *m, struct err *e)
{
	if (enter_pinned(pins, e) < 0)
		return -1;
	for (size_t i = 0; i < m->n; i++)
		if (sysctl_write(proc, m->v[i].key, m->v[i].value, e) < 0)
			return -1;
	return 0;
}

int sysctl_set_pinned(int pins, const struct strmap *sysctls, struct err *e)
{
	own(fd) int proc = -1, ours = -1, theirs = -1, pidfd = -1;
	int p[2], rc;
	pid_t pid;

	if (sysctls->n == 0)
		return 0;
	if (check_owners(sysctls, e) < 0)
		return -1;
	proc = mount_new("proc", "proc", NULL, 0, e);
	if (proc < 0 || fd_socketpair(p, e) < 0)
		return -1;
	ours = p[0];
	theirs = p[1];
	pid = sys_clone(0, -1, &pidfd);
	if (pid < 0)
		return err_sys(e, "start a process");
	if (pid == 0) {
		struct err why;

		if (write_all_of(pins, proc, sysctls, &why) < 0 ||
		    sync_send(theirs, SYNC_READY, -1, &why) < 0)
			sync_die(theirs, &why);
		_exit(0);
	}
	close(fd_steal(&theirs));
	rc = sync_expect(ours, SYNC_READY, e);
	proc_wait(pid);
	return rc;
}
