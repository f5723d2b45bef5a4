/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ROOT/targets: a layer below those of every image, with the files and directories that every
 * container has something mounted on. Else each would be made in its writable layer, and removed
 * with it: new files are what a short-lived container costs most. What an image has, or has
 * removed, hides what is here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "pod/start.h"

#define TARGETS "targets"

static const char *const dirs[] = { "tree", "tree/dev", "tree/proc", "tree/sys", "tree/etc" };
static const char *const files[] = { "tree/etc/hosts", "tree/etc/hostname",
				     "tree/etc/resolv.conf" };

static int fill(int dir, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (mkdirat(dir, dirs[i], 0755) < 0 || fchmodat(dir, dirs[i], 0755, 0) < 0)
			return err_sys(e, TARGETS "/%s", dirs[i]);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		own(fd) int fd =
			openat(dir, files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0 || fchmod(fd, 0644) < 0)
			return err_sys(e, TARGETS "/%s", files[i]);
	}
	return 0;
}

static int make(struct store *s, struct err *e)
{
	struct staging st = STAGING_NONE;
	int rc;

	if (staging_new(s, &st, e) < 0)
		return -1;
	rc = fill(st.dir, e);
	if (rc == 0 && staging_publish(s, &st, s->root, TARGETS, e) < 0)
		rc = e->sys == EEXIST ? 0 : -1; /* somebody was faster */
	staging_drop(s, &st);
	return rc;
}

int targets_open(struct store *s, struct err *e)
{
	for (int try = 0;; try++) {
		int fd = openat(s->root, TARGETS "/tree",
				O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		if (errno != ENOENT || try > 0)
			return err_sys(e, "%s/" TARGETS "/tree", s->root_path);
		if (make(s, e) < 0)
			return -1;
	}
}
