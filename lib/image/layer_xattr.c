/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer_xattr.h"

#include <errno.h>
#include <sys/xattr.h>

#include "base/path.h"

/*
 * The first match decides. What overlayfs would obey is the store's alone; labels and signatures
 * are the host's; of the file system's own only ACLs mean the same everywhere.
 */
static const struct {
	const char *prefix;
	enum xattr_fate fate;
} rules[] = {
	{ "trusted.overlay.", XATTR_DROP },
	{ "user.overlay.", XATTR_DROP },
	{ "security.capability", XATTR_SET },
	{ "security.", XATTR_DROP },
	{ "system.posix_acl_access", XATTR_SET },
	{ "system.posix_acl_default", XATTR_LATER },
	{ "system.", XATTR_DROP },
	{ "", XATTR_SET },
};

enum xattr_fate xattr_fate(const char *name)
{
	size_t i = 0;

	while (!str_starts(name, rules[i].prefix))
		i++;
	return rules[i].fate;
}

int xattr_write(int fd, mode_t mode, const char *name, const void *value, size_t n, struct err *e)
{
	/* An O_PATH fd has no fsetxattr(); this link leads to its file, even when that is a
	 * symlink. */
	int r = S_ISREG(mode) || S_ISDIR(mode) ? fsetxattr(fd, name, value, n, 0)
					       : setxattr(fd_path(fd).s, name, value, n, 0);
	own(str) char *shown = NULL;

	if (r == 0)
		return 0;
	/* The kernel has no user.* but on files and directories, so no real file had them. */
	if (!S_ISREG(mode) && !S_ISDIR(mode) && errno == EPERM && str_starts(name, "user."))
		return 0;
	shown = str_printable(name, strlen(name));
	return err_sys(e, "set xattr %.100s", shown);
}
