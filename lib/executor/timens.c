/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new time namespace. The offsets of its clocks can be set until the first process is in it, so a
 * process makes it, its parent (with the rights for it) writes them, and then it enters.
 */
#include "executor/init.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "executor/sync.h"

int timens_write(const struct init *in, pid_t pid, struct err *e)
{
	const struct objlist *l = &in->spec->linux_.time_offsets;
	const struct oci_time_offset *o = l->v;
	own(buf) struct buf text = { 0 };
	char path[48];

	for (size_t i = 0; i < l->n; i++)
		buf_addf(&text, "%s %lld %lld\n", o[i].clock, (long long)o[i].secs,
			 (long long)o[i].nanosecs);
	if (!text.len)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/timens_offsets", (int)pid);
	if (file_write_kernel(AT_FDCWD, path, text.s, e) < 0)
		return err_in(e, "linux.timeOffsets");
	return 0;
}

int timens_make(struct init *in, struct err *e)
{
	own(fd) int fd = -1;

	if (!(in->ns.create & CLONE_NEWTIME))
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_sys(e, "make a time namespace");
	if (in->spec->linux_.time_offsets.n &&
	    (sync_send(in->sock, SYNC_TIME, -1, e) < 0 || sync_expect(in->sock, SYNC_DONE, e) < 0))
		return -1;
	/* By the host's /proc: the container's is not there yet. */
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return err_sys(e, "enter the new time namespace");
	return 0;
}
