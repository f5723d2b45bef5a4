/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/mounts.h"

#include <errno.h>
#include <sys/stat.h>

#include "executor/executor.h"
#include "executor/idmap.h"
#include "pod/security.h"

bool mount_is_image(const struct cri_mount *m)
{
	return m->image && str_some(m->image->image);
}

static int check_image(const struct cri_mount *m, struct err *e)
{
	if (!mount_is_image(m))
		return str_some(m->image_sub_path)
			       ? err_set(e, ERR_USAGE,
					 "mount on %.200s: image_sub_path without image",
					 m->container_path)
			       : 0;
	if (m->tmpfs || str_some(m->host_path) || str_some(m->sub_path))
		return err_set(e, ERR_USAGE,
			       "mount on %.200s: it is of image %.200s, and has no other source",
			       m->container_path, m->image->image);
	if (m->idmap || m->uid_mappings.n || m->gid_mappings.n)
		return err_set(
			e, ERR_USAGE,
			"mount on %.200s: the ids of image %.200s are the container's anyway",
			m->container_path, m->image->image);
	if (m->propagation != CRI_PROPAGATION_PRIVATE)
		return err_set(e, ERR_USAGE, "mount on %.200s: an image propagates nothing",
			       m->container_path);
	return 0;
}

static int check_ids(const struct cri_mount *m, struct err *e)
{
	if (!m->uid_mappings.n && !m->gid_mappings.n)
		return 0;
	if (!m->uid_mappings.n != !m->gid_mappings.n)
		return err_set(e, ERR_USAGE,
			       "mount on %.200s: uid_mappings and gid_mappings go together",
			       m->container_path);
	if (m->idmap)
		return err_set(e, ERR_USAGE, "mount on %.200s: either idmap or maps of its own",
			       m->container_path);
	return idmap_check_mount("uids", &m->uid_mappings, e) < 0 ||
			       idmap_check_mount("gids", &m->gid_mappings, e) < 0
		       ? err_in(e, "mount on %.200s", m->container_path)
		       : 0;
}

static int check_mount(const struct cri_mount *m, struct err *e)
{
	if (!str_some(m->container_path) || m->container_path[0] != '/')
		return err_set(e, ERR_USAGE,
			       "mount of %.200s: its target '%.200s' is not an absolute path",
			       m->host_path ? m->host_path : "tmpfs",
			       m->container_path ? m->container_path : "");
	if (check_image(m, e) < 0 || check_ids(m, e) < 0)
		return -1;
	if (m->tmpfs &&
	    (str_some(m->host_path) || str_some(m->sub_path) || m->idmap || m->uid_mappings.n))
		return err_set(e, ERR_USAGE, "mount on %.200s: a tmpfs has no source",
			       m->container_path);
	if (!m->tmpfs && !mount_is_image(m) && (!str_some(m->host_path) || m->host_path[0] != '/'))
		return err_set(e, ERR_USAGE,
			       "mount on %.200s: its source '%.200s' is not an absolute path",
			       m->container_path, m->host_path ? m->host_path : "");
	if (m->recursive_read_only && !m->readonly)
		return err_set(e, ERR_USAGE, "mount on %.200s: recursive_read_only needs readonly",
			       m->container_path);
	if (m->recursive_read_only && m->propagation != CRI_PROPAGATION_PRIVATE)
		return err_set(e, ERR_USAGE,
			       "mount on %.200s: recursive_read_only needs private propagation",
			       m->container_path);
	/* Silence would leave files that the container cannot touch. */
	if (m->selinux_relabel && security_selinux_on())
		return err_set(e, ERR_USAGE,
			       "mount on %.200s: files are not relabelled for SELinux; use chcon",
			       m->container_path);
	return 0;
}

static void add_tmpfs(const struct cri_mount *m, struct oci_spec *spec)
{
	long long mode = m->tmpfs->mode.set ? m->tmpfs->mode.v : 01777;
	own(str) char *options =
		str_fmt("nosuid,nodev,mode=%llo%s", mode, m->readonly ? ",ro" : "");
	struct oci_mount *oci = oci_add_mount(spec, m->container_path, "tmpfs", "tmpfs", options);

	if (m->tmpfs->size.set)
		strv_take(&oci->options, str_fmt("size=%lld", (long long)m->tmpfs->size.v));
}

static int add_bind(const struct cri_mount *m, struct oci_spec *spec, struct err *e)
{
	static const char *const propagation[] = { "rprivate", "rslave", "rshared" };
	own(str) char *options = str_fmt("rbind,%s%s%s", propagation[m->propagation],
					 m->recursive_read_only ? ",rro"
					 : m->readonly		? ",ro"
								: "",
					 m->idmap ? ",idmap" : "");
	struct oci_mount *oci;
	struct stat st;

	if (stat(m->host_path, &st) < 0)
		return err_sys(e, "mount on %.200s: source %.200s", m->container_path,
			       m->host_path);
	oci = oci_add_mount(spec, m->container_path, "bind", m->host_path, options);
	str_set(&oci->sub_path, m->sub_path);
	oci_id_mappings_add(&oci->uid_mappings, &m->uid_mappings);
	oci_id_mappings_add(&oci->gid_mappings, &m->gid_mappings);
	return 0;
}

static void add_image(const struct cri_mount *m, struct oci_spec *spec)
{
	struct oci_mount *oci = oci_add_mount(spec, m->container_path, EXECUTOR_IMAGE_MOUNT,
					      m->image->image_ref, "ro,nosuid,nodev");

	str_set(&oci->sub_path, m->image_sub_path);
}

int mounts_of_cri(const struct cri_container_config *c, struct oci_spec *spec, struct err *e)
{
	const struct cri_mount *m = c->mounts.v;

	for (size_t i = 0; i < c->mounts.n; i++) {
		if (check_mount(&m[i], e) < 0)
			return -1;
		if (m[i].tmpfs)
			add_tmpfs(&m[i], spec);
		else if (mount_is_image(&m[i]))
			add_image(&m[i], spec);
		else if (add_bind(&m[i], spec, e) < 0)
			return -1;
	}
	return 0;
}
