/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "base/path.h"

/* No file of the kernel that we read is as long, not even mountinfo with 100,000 mounts. */
#define KERNEL_FILE_MAX ((size_t)64 << 20)

/* Appends the rest of fd to out, up to max bytes; 1 when there is more. */
static int read_all(int fd, size_t max, size_t hint, struct buf *out)
{
	size_t start = out->len, step = MIN(hint, max) + 1;

	for (;;) {
		ssize_t got;

		buf_reserve(out, step);
		got = read_full(fd, out->s + out->len, step);
		if (got < 0) {
			out->len = start;
			out->s[start] = '\0';
			return -1;
		}
		out->len += (size_t)got;
		out->s[out->len] = '\0';
		if (out->len - start > max) {
			out->len = start;
			out->s[start] = '\0';
			return 1;
		}
		if ((size_t)got < step)
			return 0;
		step = MIN(MAX(out->len - start, (size_t)4096), max - (out->len - start) + 1);
	}
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "a symbolic link";
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

int file_load(int dir, const char *name, size_t max, struct buf *out, struct err *e)
{
	/* O_PATH first: to open a FIFO or a device for reading is an action in itself. */
	own(fd) int path = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	own(fd) int fd = -1;
	struct stat st;
	int more;

	if (path < 0 || fstat(path, &st) < 0)
		return err_sys(e, "open %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAIL, "%s is %s, not a regular file", name,
			       type_name(st.st_mode));
	if ((uint64_t)st.st_size > max)
		return err_set(e, ERR_FAIL, "%s is larger than %zu bytes", name, max);
	fd = open(fd_path(path).s, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_sys(e, "open %s", name);
	more = read_all(fd, max, (size_t)st.st_size, out);
	if (more < 0)
		return err_sys(e, "read %s", name);
	if (more > 0)
		return err_set(e, ERR_FAIL, "%s is larger than %zu bytes", name, max);
	return 0;
}

int file_load_kernel(int dir, const char *name, struct buf *out, struct err *e)
{
	own(fd) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t start = out->len;
	int more;

	if (fd < 0)
		return err_sys(e, "open %s", name);
	more = read_all(fd, KERNEL_FILE_MAX, 4095, out);
	if (more < 0)
		return err_sys(e, "read %s", name);
	if (more > 0)
		return err_set(e, ERR_FAIL, "%s is larger than %zu bytes", name, KERNEL_FILE_MAX);
	if (out->len > start && out->s[out->len - 1] == '\n')
		out->s[--out->len] = '\0';
	return 0;
}

/* A new file that only we have open. The name is fixed, so a crash leaves one at most. */
static int create_new(int dir, const char *tmp)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, tmp, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlinkat(dir, tmp, 0) == 0)
		fd = openat(dir, tmp, flags, 0600);
	return fd;
}

static int sync_directory(int dir, const char *name, size_t dirlen)
{
	own(str) char *parent = dirlen ? xstrndup(name, dirlen) : xstrdup(".");
	own(fd) int fd = openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

/*
 * Puts tmp in the place of name. Where the data need not be on the disk, an exchange and the
 * removal of the old file: ext4 answers a rename over a file by writing the new one out at once
 * (auto_da_alloc), which costs milliseconds. Readers see the old or the new file either way.
 */
static int put_in_place(int dir, const char *tmp, const char *name, enum file_sync sync)
{
	if (sync == FILE_NOSYNC &&
	    syscall(SYS_renameat2, dir, tmp, dir, name, RENAME_EXCHANGE) == 0) {
		/* A directory may be exchanged too, but is not what was to be replaced. */
		int sys;

		if (unlinkat(dir, tmp, 0) == 0)
			return 0;
		sys = errno;
		syscall(SYS_renameat2, dir, tmp, dir, name, RENAME_EXCHANGE);
		errno = sys;
		return -1;
	}
	return renameat(dir, tmp, dir, name);
}

/* Mode and content. A change of mode costs ext4 as much as a write does, and mostly it is right. */
static int fill(int fd, const char *data, size_t len)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0))
		return -1;
	return write_all(fd, data, len);
}

int file_create(int dir, const char *name, const char *data, size_t len, struct err *e)
{
	own(fd) int fd = create_new(dir, name);

	if (fd < 0)
		return err_sys(e, "create %s", name);
	return fill(fd, data, len) < 0 ? err_sys(e, "write %s", name) : 0;
}

int file_replace(int dir, const char *name, const char *data, size_t len, enum file_sync sync,
		 struct err *e)
{
	const char *slash = strrchr(name, '/');
	size_t dirlen = slash ? (size_t)(slash + 1 - name) : 0;
	own(str) char *tmp = str_fmt("%.*s.%s.new", (int)dirlen, name, name + dirlen);
	own(fd) int fd = create_new(dir, tmp);

	if (fd < 0)
		return err_sys(e, "create %s", tmp);
	if (fill(fd, data, len) < 0 || (sync == FILE_SYNC && fsync(fd) < 0)) {
		err_sys(e, "write %s", name);
		unlinkat(dir, tmp, 0);
		return -1;
	}
	if (put_in_place(dir, tmp, name, sync) < 0) {
		err_sys(e, "replace %s", name);
		unlinkat(dir, tmp, 0);
		return -1;
	}
	if (sync == FILE_SYNC && sync_directory(dir, name, dirlen) < 0)
		return err_sys(e, "sync the directory of %s", name);
	return 0;
}

int file_write_kernel(int dir, const char *name, const char *text, struct err *e)
{
	own(fd) int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t done;

	if (fd < 0)
		return err_sys(e, "open %s", name);
	do
		done = write(fd, text, len);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return err_sys(e, "write \"%s\" to %s", text, name);
	if ((size_t)done != len)
		return err_set(e, ERR_FAIL, "write \"%s\" to %s: the kernel took %zd bytes", text,
			       name, done);
	return 0;
}
