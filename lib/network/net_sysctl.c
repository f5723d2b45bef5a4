/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's settings of the current network namespace, /proc/sys/net. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "network/bridge.h"

/*
 * Of each network namespace /proc holds an "ipv6" in the same place of its cache, and walks through
 * all of them to find one: with a thousand sandboxes that takes a millisecond. A mount of proc of
 * our own, seen by nobody, begins with an empty one.
 */
int net_proc_open(struct err *e)
{
	own(fd) int fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
	int proc = -1;

	if (fs >= 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		proc = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (proc < 0) /* e.g. in a container, whose /proc is covered in parts */
		proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return proc < 0 ? err_sys(e, "/proc") : proc;
}

static bool is_set(int proc, const char *path, const char *value)
{
	own(buf) struct buf have = { 0 };
	struct err ignored;

	return file_load_kernel(proc, path, &have, &ignored) == 0 && str_eq(have.s, value);
}

int net_sysctl(int proc, const char *path, const char *value, struct err *e)
{
	own(str) char *full = str_fmt("sys/net/%s", path);

	/* Another process may set the same: what counts is that it is so. A read-only /proc/sys
	 * with the right value in it will do, too. */
	if (file_write_kernel(proc, full, value, e) == 0 || e->sys == ENOENT ||
	    is_set(proc, full, value))
		return 0;
	return -1;
}

/*
 * A host that forwards IPv6 no longer listens to routers on interfaces with accept_ra=1, where its
 * own default route may come from; 2 means: even when forwarding (ip-sysctl.rst).
 */
static int keep_listening(int proc, struct err *e)
{
	own(fd) int fd = openat(proc, "sys/net/ipv6/conf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "/proc/sys/net/ipv6/conf");
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d));) {
		own(str) char *path = str_fmt("ipv6/conf/%s/accept_ra", de->d_name);
		own(str) char *full = str_fmt("sys/net/%s", path);

		if (de->d_name[0] == '.' || str_eq(de->d_name, "all") ||
		    str_eq(de->d_name, "default") || str_eq(de->d_name, "lo"))
			continue;
		if (is_set(proc, full, "1") && net_sysctl(proc, path, "2", e) < 0)
			return -1;
	}
	return 0;
}

int net_no_ipv6(int proc, const char *interface, struct err *e)
{
	own(str) char *path = str_fmt("ipv6/conf/%s/disable_ipv6", interface);

	return net_sysctl(proc, path, "1", e);
}

int net_forwarding(int proc, bool v4, bool v6, struct err *e)
{
	if (v4 && !is_set(proc, "sys/net/ipv4/ip_forward", "1") &&
	    net_sysctl(proc, "ipv4/ip_forward", "1", e) < 0)
		return err_in(e, "switch IPv4 forwarding on");
	if (!v6 || is_set(proc, "sys/net/ipv6/conf/all/forwarding", "1"))
		return 0;
	if (keep_listening(proc, e) < 0 || net_sysctl(proc, "ipv6/conf/all/forwarding", "1", e) < 0)
		return err_in(e, "switch IPv6 forwarding on");
	return 0;
}
