/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.sysctl: only what belongs to a namespace of the container's own. */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/path.h"
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

static const struct {
	const char *name; /* of the pin, and below /proc/self/ns */
	unsigned flag;
} visited[] = { { "net", CLONE_NEWNET }, { "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS } };

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

struct visit {
	int saved[ARRAY_LEN(visited)]; /* our own namespaces */
	bool left[ARRAY_LEN(visited)];
};

static int visit_enter(struct visit *v, int pins, unsigned flags, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(visited); i++) {
		own(str) char *own_path = str_fmt("/proc/self/ns/%s", visited[i].name);
		own(fd) int ns = -1;

		if (!(flags & visited[i].flag))
			continue;
		v->saved[i] = open(own_path, O_RDONLY | O_CLOEXEC);
		ns = openat(pins, visited[i].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (v->saved[i] < 0 || ns < 0)
			return err_sys(e, "open the %s namespace", visited[i].name);
		if (setns(ns, (int)visited[i].flag) < 0)
			return err_sys(e, "enter the %s namespace", visited[i].name);
		v->left[i] = true;
	}
	return 0;
}

static int visit_leave(struct visit *v, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(visited); i++) {
		if (v->left[i] && setns(v->saved[i], (int)visited[i].flag) < 0)
			rc = err_sys(e, "return to own %s namespace", visited[i].name);
		if (v->saved[i] >= 0)
			close(v->saved[i]);
	}
	return rc;
}

static unsigned owners_of(const struct strmap *m)
{
	unsigned flags = 0;

	for (size_t k = 0; k < m->n; k++)
		for (size_t i = 0; i < ARRAY_LEN(owners); i++)
			if (owner_fits(&owners[i], m->v[k].key))
				flags |= owners[i].ns;
	return flags;
}

int sysctl_set_pinned(int pins, const struct strmap *sysctls, struct err *e)
{
	struct visit v = { .saved = { -1, -1, -1 } };
	own(fd) int proc = -1;
	struct err back;
	int rc;

	if (sysctls->n == 0)
		return 0;
	proc = mount_new("proc", "proc", NULL, 0, e);
	if (proc < 0)
		return -1;
	rc = visit_enter(&v, pins, owners_of(sysctls), e);
	for (size_t i = 0; rc == 0 && i < sysctls->n; i++)
		rc = sysctl_write(proc, sysctls->v[i].key, sysctls->v[i].value, e);
	if (visit_leave(&v, &back) < 0) {
		*e = back;
		return -1;
	}
	return rc;
}
