/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/container_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "executor/executor.h"
#include "executor/idmap.h"
#include "pod/userns.h"

static const struct cri_namespace_options *ns_options(const struct container_record *r,
						      const struct sandbox *sb)
{
	const struct cri_namespace_options *own_ns =
		r->config.linux_.security_context.namespace_options;

	return own_ns ? own_ns : &sb->record.config.linux_.security_context.namespace_options;
}

static int add_pid_namespace(const struct store *s, const struct sandbox *sb,
			     const struct container_record *r, struct oci_spec *spec, struct err *e)
{
	const struct cri_namespace_options *ns = ns_options(r, sb);
	const struct cri_namespace_options *pod =
		&sb->record.config.linux_.security_context.namespace_options;
	own(str) char *path = NULL;

	if (ns->pid == CRI_NS_NODE && userns_wanted(pod))
		return err_set(e, ERR_USAGE,
			       "a container of a sandbox with a user namespace cannot have the "
			       "host's processes");
	if (ns->pid == CRI_NS_NODE)
		return 0;
	if (ns->pid == CRI_NS_POD) {
		if (pod->pid != CRI_NS_POD) {
			err_set(e, ERR_USAGE,
				"sandbox %.12s has no pid namespace that its containers share",
				sb->id);
			return err_hint(e, "create it with --pid sandbox");
		}
		path = sandbox_ns_path(s, sb->id, "pid");
	} else if (ns->pid == CRI_NS_TARGET) {
		/* Which one that is, is only known when it starts. */
		path = str_fmt("container:%s", ns->target_id);
	}
	oci_add_namespace(spec, "pid", path);
	return 0;
}

static void drop_option(struct oci_mount *m, const char *option)
{
	struct strv kept = { 0 };

	for (size_t i = 0; i < m->options.n; i++)
		if (!str_eq(m->options.v[i], option))
			strv_add(&kept, m->options.v[i]);
	strv_free(&m->options);
	m->options = kept;
}

/* The maps are for what is made for the container: the namespace itself is there already. */
static void add_user_namespace(const struct store *s, const struct sandbox *sb,
			       struct oci_spec *spec)
{
	const struct cri_namespace_options *pod =
		&sb->record.config.linux_.security_context.namespace_options;
	own(str) char *path = sandbox_ns_path(s, sb->id, "user");
	struct oci_mount *m = spec->mounts.v;

	if (!userns_wanted(pod))
		return;
	oci_add_namespace(spec, "user", path);
	oci_id_mappings_add(&spec->linux_.uid_mappings, &pod->userns_options->uids);
	oci_id_mappings_add(&spec->linux_.gid_mappings, &pod->userns_options->gids);
	for (size_t i = 0; i < spec->mounts.n; i++)
		if (str_eq(m[i].type, "devpts") && idmap_to_host(&spec->linux_.gid_mappings, 5) < 0)
			drop_option(&m[i], "gid=5"); /* there is no such group */
}

/*
 * POSIX shared memory goes with the ipc namespace: containers that share one share the other. A
 * sandbox that an older caddis made has no such directory.
 */
static void share_shm(const struct store *s, const struct sandbox *sb, struct oci_spec *spec)
{
	bool host = sb->record.config.linux_.security_context.namespace_options.ipc == CRI_NS_NODE;
	own(str) char *from = host ? xstrdup("/dev/shm") : sandbox_ns_path(s, sb->id, NS_PIN_SHM);
	struct oci_mount *m = spec->mounts.v;

	if (access(from, F_OK) < 0)
		return;
	for (size_t i = 0; i < spec->mounts.n; i++)
		if (str_eq(m[i].destination, "/dev/shm")) {
			str_set(&m[i].type, "bind");
			str_set(&m[i].source, from);
			strv_free(&m[i].options);
			strv_split(&m[i].options, "bind,rprivate,nosuid,noexec,nodev", ',');
		}
}

int container_ns_spec(const struct store *s, const struct sandbox *sb,
		      const struct container_record *r, struct oci_spec *spec, struct err *e)
{
	const struct cri_namespace_options *pod =
		&sb->record.config.linux_.security_context.namespace_options;
	own(str) char *net = sandbox_ns_path(s, sb->id, "net");
	own(str) char *ipc = sandbox_ns_path(s, sb->id, "ipc");
	own(str) char *uts = sandbox_ns_path(s, sb->id, "uts");

	oci_add_namespace(spec, "mount", NULL);
	oci_add_namespace(spec, "cgroup", NULL);
	add_user_namespace(s, sb, spec);
	if (add_pid_namespace(s, sb, r, spec, e) < 0)
		return -1;
	if (pod->network != CRI_NS_NODE) {
		oci_add_namespace(spec, "network", net);
		oci_add_namespace(spec, "uts", uts);
	}
	if (pod->ipc != CRI_NS_NODE)
		oci_add_namespace(spec, "ipc", ipc);
	share_shm(s, sb, spec);
	return 0;
}

/* ---- TARGET: the pid namespace of another container of the same sandbox ---- */

int container_ns_resolve(struct store *s, const struct sandbox *sb, struct container_record *r,
			 struct err *e)
{
	struct cri_namespace_options *ns = r->config.linux_.security_context.namespace_options;
	own(container) struct container target = { 0 };
	own(str) char *scoped = NULL;
	char id[ID_SIZE];

	if (!ns || ns->pid != CRI_NS_TARGET)
		return 0;
	if (!str_some(ns->target_id))
		return err_set(e, ERR_USAGE,
			       "pid namespace TARGET: which container's? target_id "
			       "is not set");
	/* By its name in this sandbox first: elsewhere there may be another of that name. */
	scoped = str_fmt("%s/%s", sb->id, ns->target_id);
	if (record_find(s, RECORD_CONTAINER, scoped, id, e) < 0 &&
	    record_find(s, RECORD_CONTAINER, ns->target_id, id, e) < 0)
		return -1;
	if (container_load(s, id, &target, e) < 0)
		return -1;
	if (!str_eq(target.record.sandbox_id, sb->id))
		return err_set(e, ERR_USAGE,
			       "container %s is in another sandbox: its pid namespace cannot be "
			       "joined from here",
			       container_name(&target));
	str_set(&ns->target_id, id);
	return 0;
}

static struct oci_namespace *pid_namespace(struct oci_spec *spec)
{
	struct oci_namespace *ns = spec->linux_.namespaces.v;

	for (size_t i = 0; i < spec->linux_.namespaces.n; i++)
		if (str_eq(ns[i].type, "pid"))
			return &ns[i];
	return NULL;
}

/* The process is looked at again after its namespace was opened: the number may be another's by
 * then. */
static int open_target(const struct container *c, struct err *e)
{
	struct proc_id init = { .pid = (pid_t)c->status.pid, .start = (uint64_t)c->status.start };
	own(fd) int fd = -1;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)init.pid);
	if (c->status.state == CONTAINER_RUNNING)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !proc_alive(&init))
		return err_set(e, ERR_STATE,
			       "container %s is not running: its pid namespace cannot be joined",
			       container_name(c));
	return fd_steal(&fd);
}

int container_ns_target(struct store *s, const struct container *c, struct oci_spec *spec, int *fd,
			struct err *e)
{
	const struct cri_namespace_options *ns =
		c->record.config.linux_.security_context.namespace_options;
	struct oci_namespace *pid = pid_namespace(spec);
	own(container) struct container target = { 0 };

	*fd = -1;
	if (!ns || ns->pid != CRI_NS_TARGET || !pid)
		return 0;
	if (container_load(s, ns->target_id, &target, e) < 0)
		return err_in(e, "its pid namespace");
	*fd = open_target(&target, e);
	if (*fd < 0)
		return -1;
	str_set(&pid->path, fd_path(*fd).s);
	return 0;
}
