/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's settings of the current network namespace, /proc/sys/net. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "network/bridge.h"

static bool is_set(const char *path, const char *value)
{
	own(buf) struct buf have = { 0 };
	struct err ignored;

	return file_load_kernel(AT_FDCWD, path, &have, &ignored) == 0 && str_eq(have.s, value);
}

int net_sysctl(const char *path, const char *value, struct err *e)
{
	own(str) char *full = str_fmt("/proc/sys/net/%s", path);

	/* Another process may set the same: what counts is that it is so. A read-only /proc/sys
	 * with the right value in it will do, too. */
	if (file_write_kernel(AT_FDCWD, full, value, e) == 0 || e->sys == ENOENT ||
	    is_set(full, value))
		return 0;
	return -1;
}

/*
 * A host that forwards IPv6 no longer listens to routers on interfaces with accept_ra=1, where its
 * own default route may come from; 2 means: even when forwarding (ip-sysctl.rst).
 */
static int keep_listening(struct err *e)
{
	own(dir) DIR *d = opendir("/proc/sys/net/ipv6/conf");

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "/proc/sys/net/ipv6/conf");
	for (struct dirent *de; (de = readdir(d));) {
		own(str) char *path = str_fmt("ipv6/conf/%s/accept_ra", de->d_name);
		own(str) char *full = str_fmt("/proc/sys/net/%s", path);

		if (de->d_name[0] == '.' || str_eq(de->d_name, "all") ||
		    str_eq(de->d_name, "default") || str_eq(de->d_name, "lo"))
			continue;
		if (is_set(full, "1") && net_sysctl(path, "2", e) < 0)
			return -1;
	}
	return 0;
}

int net_forwarding(bool v4, bool v6, struct err *e)
{
	if (v4 && !is_set("/proc/sys/net/ipv4/ip_forward", "1") &&
	    net_sysctl("ipv4/ip_forward", "1", e) < 0)
		return err_in(e, "switch IPv4 forwarding on");
	if (!v6 || is_set("/proc/sys/net/ipv6/conf/all/forwarding", "1"))
		return 0;
	if (keep_listening(e) < 0 || net_sysctl("ipv6/conf/all/forwarding", "1", e) < 0)
		return err_in(e, "switch IPv6 forwarding on");
	return 0;
}
