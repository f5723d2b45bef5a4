/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "executor/syscalls.h"

/* In the order of joining: the user namespace gives the rights for the others. */
// clang-format off
static const struct ns_type {
	const char *name;
	unsigned flag;
} ns_types[] = {
	{ "user",    CLONE_NEWUSER },
	{ "cgroup",  CLONE_NEWCGROUP },
	{ "ipc",     CLONE_NEWIPC },
	{ "uts",     CLONE_NEWUTS },
	{ "network", CLONE_NEWNET },
	{ "pid",     CLONE_NEWPID },
	{ "mount",   CLONE_NEWNS },
	{ "time",    CLONE_NEWTIME },
};
// clang-format on
_Static_assert(ARRAY_LEN(ns_types) == NS_MAX, "one fd for each type");

static const struct ns_type *ns_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ns_types); i++)
		if (str_eq(ns_types[i].name, name))
			return &ns_types[i];
	return NULL;
}

void ns_type_names(struct strv *out)
{
	for (size_t i = 0; i < ARRAY_LEN(ns_types); i++)
		strv_add(out, ns_types[i].name);
}

static int ns_open(const struct ns_type *t, const char *path, struct err *e)
{
	own(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int type;

	if (fd < 0)
		return err_sys(e, "open %s namespace %s", t->name, path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0 || (unsigned)type != t->flag)
		return err_set(e, ERR_USAGE, "%s is not a %s namespace", path, t->name);
	return fd_steal(&fd);
}

int ns_plan(const struct oci_linux *l, bool without_paths, struct ns_plan *out, struct err *e)
{
	const struct oci_namespace *ns = l->namespaces.v;

	*out = (struct ns_plan){ 0 };
	for (size_t i = 0; i < l->namespaces.n; i++) {
		const struct ns_type *t = ns_type_find(ns[i].type);
		int fd;

		if (!t || out->all & t->flag) {
			err_set(e, ERR_USAGE, "linux.namespaces: %s type \"%.32s\"",
				t ? "repeated" : "unknown", ns[i].type ? ns[i].type : "");
			ns_plan_close(out);
			return -1;
		}
		out->all |= t->flag;
		if (!str_some(ns[i].path)) {
			out->create |= t->flag;
			continue;
		}
		out->join |= t->flag;
		if (without_paths)
			continue;
		fd = ns_open(t, ns[i].path, e);
		if (fd < 0) {
			ns_plan_close(out);
			return -1;
		}
		out->fds[out->nfds++] = (struct ns_join){ t->flag, fd };
	}
	return 0;
}

int ns_joined(const struct ns_plan *p, unsigned flag)
{
	for (size_t i = 0; i < p->nfds; i++)
		if (p->fds[i].flag == flag)
			return p->fds[i].fd;
	return -1;
}

void ns_plan_close(struct ns_plan *p)
{
	for (size_t i = 0; i < p->nfds; i++)
		close(p->fds[i].fd);
	*p = (struct ns_plan){ 0 };
}

int ns_join(const struct ns_plan *p, struct err *e)
{
	for (size_t t = 0; t < ARRAY_LEN(ns_types); t++) {
		for (size_t i = 0; i < p->nfds; i++) {
			if (p->fds[i].flag != ns_types[t].flag ||
			    p->fds[i].flag & (CLONE_NEWPID | CLONE_NEWUSER))
				continue;
			if (setns(p->fds[i].fd, (int)p->fds[i].flag) < 0)
				return err_sys(e, "join the %s namespace", ns_types[t].name);
		}
	}
	return 0;
}

int ns_children_enter(int fd, int *saved, struct err *e)
{
	own(fd) int own_ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (own_ns < 0)
		return err_sys(e, "open own pid namespace");
	if (setns(fd, CLONE_NEWPID) < 0)
		return err_sys(e, "join the pid namespace");
	*saved = fd_steal(&own_ns);
	return 0;
}

int ns_children_restore(int saved, struct err *e)
{
	if (setns(saved, CLONE_NEWPID) < 0)
		return err_sys(e, "return to own pid namespace");
	return 0;
}

int ns_loopback_up(struct err *e)
{
	own(fd) int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_name = "lo" };

	if (s < 0)
		return err_sys(e, "open a socket");
	if (ioctl(s, SIOCGIFFLAGS, &r) < 0)
		return err_sys(e, "read the flags of lo");
	if (r.ifr_flags & IFF_UP)
		return 0;
	r.ifr_flags |= IFF_UP;
	return ioctl(s, SIOCSIFFLAGS, &r) < 0 ? err_sys(e, "set lo up") : 0;
}

int ns_leave_chroot(struct err *e)
{
	own(fd) int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
		return err_sys(e, "enter the root of the mount namespace");
	return 0;
}
