/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container can reach the file of any process that enters it by /proc/PID/exe, and on the host
 * that file would be this program. So that leads elsewhere: to an empty memory file (see
 * protect_in_place.c), or, after a start anew, to a copy: this program seen through a read-only
 * overlay that is mounted nowhere (nothing is copied; a write ends with EROFS), or else a sealed
 * memory file.
 */
#include "executor/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "executor/protect.h"
#include "executor/syscalls.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef OVERLAYFS_SUPER_MAGIC
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define SELF "/proc/self/exe"
/*
 * glibc's malloc keeps up to seven freed chunks of each size for good, here and there on pages that
 * malloc_trim() then cannot give back: a quarter of a monitor's memory. Only the environment
 * switches that off (other libcs do not look at it).
 */
#define TUNABLES "GLIBC_TUNABLES"
#define LEAN_MALLOC "glibc.malloc.tcache_count=0"
/*
 * An overlay without a writable layer wants two others. The second is never looked at, for the
 * first has the one name that we open; it only must not overlap it (nor be procfs, which cannot be
 * stacked).
 */
#define OTHER_DIR "/sys"

/*
 * The kernel is asked, not the environment, which anybody sets: is the file that we run from beyond
 * everybody's reach? A sealed memory file is; so is a read-only overlay in which no path leads to
 * it.
 */
static bool is_protected(void)
{
	own(fd) int fd = open(SELF, O_RDONLY | O_CLOEXEC);
	char path[PATH_MAX];
	struct stat self, there;
	struct statfs fs;
	ssize_t n;

	if (fd < 0)
		return false;
	n = fcntl(fd, F_GET_SEALS);
	if (n >= 0)
		return (n & SEALS) == SEALS;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != OVERLAYFS_SUPER_MAGIC ||
	    !(fs.f_flags & ST_RDONLY) || fstat(fd, &self) < 0)
		return false;
	n = readlink(SELF, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return lstat(path, &there) < 0 || there.st_dev != self.st_dev;
}

static int overlay_lower(int fs, int dir, const char *path)
{
	if (sys_fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, dir) == 0)
		return 0;
	return sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", path, 0);
}

static int overlay_fs(int dir, int other)
{
	own(fd) int fs = sys_fsopen("overlay");
	own(str) char *both = NULL;

	if (fs < 0)
		return -1;
	if (overlay_lower(fs, dir, fd_path(dir).s) < 0) {
		both = str_fmt("%s:%s", fd_path(dir).s, fd_path(other).s);
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir", both, 0) < 0)
			return -1;
	} else if (overlay_lower(fs, other, fd_path(other).s) < 0) {
		return -1;
	}
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

/* This program, opened through the overlay; -1: not to be had this way. */
static int copy_by_overlay(void)
{
	own(fd) int dir = -1, other = -1, mount = -1, exe = -1;
	char path[PATH_MAX], *name;
	ssize_t n = readlink(SELF, path, sizeof(path) - 1);
	struct stat a, b;

	if (n <= 0)
		return -1;
	path[n] = '\0';
	name = strrchr(path, '/');
	if (!name || path[0] != '/' || stat(SELF, &a) < 0 || stat(path, &b) < 0 ||
	    a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return -1; /* replaced or deleted since it was started */
	*name++ = '\0';
	dir = open(*path ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	other = open(OTHER_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || other < 0)
		return -1;
	mount = overlay_fs(dir, other);
	if (mount < 0)
		return -1;
	exe = openat(mount, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (exe < 0 || fstat(exe, &b) < 0 || !S_ISREG(b.st_mode) || b.st_size != a.st_size)
		return -1;
	return fd_steal(&exe);
}

int protect_memory_file(int from)
{
	own(fd) int mem = memfd_create("caddis", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	struct stat st = { 0 };

	if (mem < 0 && errno == EINVAL)
		mem = memfd_create("caddis", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mem < 0 || (from >= 0 && fstat(from, &st) < 0))
		return -1;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(mem, from, NULL, (size_t)left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		left -= n;
	}
	if (fchmod(mem, 0500) < 0 || fcntl(mem, F_ADD_SEALS, SEALS) < 0)
		return -1;
	return fd_steal(&mem);
}

static int copy_to_memory(struct err *e)
{
	own(fd) int self = open(SELF, O_RDONLY | O_CLOEXEC);
	int mem;

	if (self < 0)
		return err_sys(e, "open %s", SELF);
	mem = protect_memory_file(self);
	return mem < 0 ? err_sys(e, "copy this program to a memory file") : mem;
}

/* Of the program, once /proc/self/exe is no longer that. */
static int program_fd = -1;

const char *executor_program(void)
{
	static struct fdpath path;

	if (program_fd < 0)
		return SELF;
	path = fd_path(program_fd);
	return path.s;
}

static int protect(char **argv, bool here, struct err *e)
{
	own(fd) int copy = -1;
	struct statfs fs;
	/* An fd that was executed by itself gets this name from the kernel. */
	unsigned long by = getauxval(AT_EXECFN);
	bool again = by && str_starts((const char *)by, "/dev/fd/");

	fd_open_std();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "become undumpable");
	if (statfs("/proc", &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return err_set(e, ERR_FAIL, "/proc is not mounted; containers need it");
	if (is_protected()) {
		if (str_eq(getenv(TUNABLES), LEAN_MALLOC))
			unsetenv(TUNABLES); /* ours, and nobody else's concern */
		return 0;
	}
	if (again)
		return err_set(e, ERR_FAIL, "cannot run from a copy that containers cannot write");
	if (here && program_fd < 0)
		program_fd = protect_in_place();
	if (program_fd >= 0 && is_protected())
		return 0;
	copy = copy_by_overlay();
	if (copy < 0)
		copy = copy_to_memory(e);
	if (copy < 0)
		return -1;
	setenv(TUNABLES, LEAN_MALLOC, 0);
	sys_execveat(copy, "", argv, environ, AT_EMPTY_PATH);
	return err_sys(e, "execute the copy of this program");
}

int executor_protect(char **argv, struct err *e)
{
	return protect(argv, false, e);
}

int executor_protect_here(char **argv, struct err *e)
{
	return protect(argv, true, e);
}
