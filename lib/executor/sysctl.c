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

static bool owner_fits(const struct owner *o, const char *key)
{
	return str_ends(o->key, ".") ? str_starts(key, o->key) : str_eq(key, o->key);
}

int sysctl_check(const char *key, const char *value, unsigned namespaces, struct err *e)
{
	size_t n = strlen(key);

	if (n > 200 ||
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@") !=
		    n ||
	    strstr(key, "..") || key[0] == '.' || (n && key[n - 1] == '.'))
		return err_set(e, ERR_USAGE,
			       "sysctl \"%.64s\" is not a name like net.ipv4.ip_forward", key);
	for (const char *p = value; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return err_set(e, ERR_USAGE,
				       "sysctl %s: the value holds a control character", key);
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
