/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's view of its cgroups. Copies of the mounts of its own groups, not new mounts of
 * the hierarchies: the same to look at, cheaper, and there is nothing above them to reach.
 */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/cgroup_ops.h"
#include "executor/syscalls.h"

/* By the path: what our fds lie on are the mounts of the parent's namespace. */
static int group_tree(const struct cgroup_hierarchy *h, const char *path)
{
	own(str) char *full = str_fmt("%s%s", h->mount, path);

	return sys_open_tree(AT_FDCWD, full, OPEN_TREE_CLONE);
}

static int group_attr(int tree, const struct mount_opts *o, struct err *e)
{
	struct mount_attr attr = { .attr_set = o->set,
				   .attr_clr = o->clear,
				   .propagation = MS_PRIVATE };

	return sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0
		       ? err_sys(e, "set mount attributes")
		       : 0;
}

int mount_cgroup_open(struct init *in, struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);

	for (size_t i = 0; i < ARRAY_LEN(in->cgroups); i++)
		in->cgroups[i] = -1;
	if (!s)
		return -1;
	for (size_t i = 0; in->cgroup && i < s->n; i++) {
		in->cgroups[i] = group_tree(&s->h[i], in->cgroup);
		if (in->cgroups[i] < 0 && errno != ENOENT)
			return err_sys(e, "copy the mount of cgroup %s", s->h[i].mount);
	}
	return 0;
}

static int attach(int *tree, int target, const struct mount_opts *o, struct err *e)
{
	own(fd) int fd = fd_steal(tree);

	if (fd < 0)
		return err_set(e, ERR_USAGE, "cgroups can be mounted once");
	return group_attr(fd, o, e) < 0 ? -1 : mount_attach(fd, target, e);
}

/* "memory", "cpu,cpuacct": the last component of the host's mount point. */
static int mount_v1_one(const struct cgroup_hierarchy *h, int *tree, int top,
			const struct mount_opts *o, struct err *e)
{
	const char *name = strrchr(h->mount, '/') + 1;
	own(fd) int target = -1;

	if (*tree < 0) /* it has no group there */
		return 0;
	if (mkdirat(top, name, 0755) < 0)
		return err_sys(e, "make %s", name);
	target = openat(top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return err_sys(e, "open %s", name);
	return attach(tree, target, o, e);
}

/* Where others are mounted below it later, when it is read-only: systemd's hierarchy, by podman. */
static int make_points(const struct init *in, const char *destination, int top, struct err *e)
{
	const struct oci_mount *m = in->spec->mounts.v;
	size_t n = strlen(destination);

	for (size_t i = 0; i < in->spec->mounts.n; i++) {
		const char *d = m[i].destination, *name = d + n + 1;

		if (!str_starts(d, destination) || d[n] != '/' || !*name || strchr(name, '/'))
			continue;
		if (mkdirat(top, name, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make %s", d);
	}
	return 0;
}

int mount_cgroup(struct init *in, const struct oci_mount *m, const struct mount_opts *o, int target,
		 struct err *e)
{
	const struct cgroup_system *s = cgroup_system(e);
	own(strv) struct strv data = { 0 };
	struct mount_attr ro = { .attr_set = o->set };
	own(fd) int top = -1;

	if (!s)
		return -1;
	if (!in->cgroup) /* nothing of its own to show: an empty directory */
		return 0;
	if (s->pure_v2) {
		return attach(&in->cgroups[s->v2 - s->h], target, o, e);
	}
	strv_add(&data, "mode=0755");
	strv_add(&data, "size=64k");
	top = mount_new("tmpfs", "tmpfs", &data,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
	if (top < 0 || mount_attach(top, target, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (mount_v1_one(&s->h[i], &in->cgroups[i], top, o, e) < 0)
			return -1;
	if (make_points(in, m->destination, top, e) < 0)
		return -1;
	return sys_mount_setattr(top, "", AT_EMPTY_PATH, &ro) < 0
		       ? err_sys(e, "set mount attributes")
		       : 0;
}
