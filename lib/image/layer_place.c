/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer_place.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/path.h"

/*
 * The rename would take a mount away that is only in the container's namespace, and leave what is
 * mounted as it is.
 */
static int check_mount(const struct statx *st, struct err *e)
{
	if (!(st->stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return 0;
	err_set(e, ERR_STATE, "it is mounted there by itself");
	return err_hint(e, "write to it from inside, by ctr exec");
}

/* Whoever names a device means to write to it, and a host without /dev/null is broken. */
static int check_special(const struct place *p, mode_t mode, struct err *e)
{
	if (S_ISCHR(mode) || S_ISBLK(mode)) {
		err_set(e, ERR_STATE, "it is a device, which no copy replaces");
		return err_hint(e, "give the copy another name");
	}
	if ((S_ISFIFO(mode) || S_ISSOCK(mode)) && !p->tree->copy->overwrite) {
		err_set(e, ERR_EXISTS, "it is %s", S_ISFIFO(mode) ? "a FIFO" : "a socket");
		return err_hint(e, "replace it by --overwrite");
	}
	return 0;
}

static int check(const struct place *p, struct err *e)
{
	struct statx st;

	if (statx(p->tree->parent, p->base, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at what it replaces");
	if (S_ISDIR(st.stx_mode) && !p->tree->copy->overwrite) {
		err_set(e, ERR_EXISTS, "there is a directory of that name, and this is none");
		return err_hint(e, "replace it by --overwrite");
	}
	return check_special(p, st.stx_mode, e) < 0 ? -1 : check_mount(&st, e);
}

int place_begin(struct place *p, struct tree *t, const char *base, struct err *e)
{
	uint64_t random;

	*p = (struct place){ .tree = t, .base = base, .name = base };
	if (!t->copy)
		return 0;
	if (check(p, e) < 0)
		return -1;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_sys(e, "find a temporary name");
	snprintf(p->temporary, sizeof(p->temporary), ".caddis-%016llx", (unsigned long long)random);
	p->name = p->temporary;
	return 0;
}

int place_clear(struct place *p, struct err *e)
{
	struct statx st;

	if (statx(p->tree->parent, p->base, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at what it replaces");
	if (p->tree->copy && (check_special(p, st.stx_mode, e) < 0 || check_mount(&st, e) < 0))
		return -1;
	if (S_ISDIR(st.stx_mode) || S_ISLNK(st.stx_mode))
		tree_forget(p->tree);
	if (S_ISDIR(st.stx_mode))
		return path_remove_tree(p->tree->parent, p->base, e);
	if (unlinkat(p->tree->parent, p->base, 0) < 0)
		return err_sys(e, "remove what it replaces");
	return 0;
}

int place_end(struct place *p, struct err *e)
{
	int dir = p->tree->parent;

	if (!*p->temporary)
		return 0;
	if (renameat(dir, p->temporary, dir, p->base) < 0 &&
	    (errno != EISDIR || !p->tree->copy->overwrite || place_clear(p, e) < 0 ||
	     renameat(dir, p->temporary, dir, p->base) < 0))
		return err_sys(e, "replace it");
	*p->temporary = '\0';
	return 0;
}

void place_drop(struct place *p)
{
	if (*p->temporary)
		unlinkat(p->tree->parent, p->temporary, 0);
	*p->temporary = '\0';
}
