/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked of CNI networks outside of a sandbox's own life: users, STATUS, CHECK, GC. */
#include <errno.h>
#include <fcntl.h>

#include "network/cni.h"
#include "network/cni_chain.h"

/* Those in the making too, which have no status yet. */
int cni_users(struct store *s, const char *network, struct strv *ids, struct err *e)
{
	own(fd) int fd = openat(s->root, "sandboxes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return err_sys(e, "%s/sandboxes", s->root_path);
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d));) {
		own(cni_attachment) struct cni_attachment a = { 0 };
		own(fd) int dir = id_valid(de->d_name) ? openat(dirfd(d), de->d_name,
								O_RDONLY | O_DIRECTORY | O_CLOEXEC)
						       : -1;
		int rc = dir < 0 ? 0 : cni_attachment_load(dir, &a, e);

		if (rc < 0)
			return err_in(e, "sandbox %.12s", de->d_name);
		if (rc && str_eq(a.conf.name, network))
			strv_add(ids, de->d_name);
	}
	strv_sort(ids);
	return 0;
}

int cni_check(struct store *s, const char *id, struct err *e)
{
	own(cni_attachment) struct cni_attachment a = { 0 };
	own(str) char *record = str_fmt("sandboxes/%s", id);
	own(str) char *netns = str_fmt("%s/sandboxes/%s/ns/net", s->state_path, id);
	own(fd) int dir = openat(s->root, record, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = dir < 0 ? 0 : cni_attachment_load(dir, &a, e);

	if (rc < 0)
		return -1;
	if (rc == 0 || !a.result)
		return 1; /* gone, or not there yet */
	if (!cni_is_namespace(netns))
		return err_set(e, ERR_STATE, "sandbox %.12s: its network namespace is gone", id);
	rc = cni_chain_check(id, netns, &a, e);
	return rc < 0 ? err_in(e, "sandbox %.12s", id) : rc;
}

/* Every plugin there, and the version settled. */
static int prepare(const struct cni_conf *c, struct cni_attachment *a, struct err *e)
{
	fields_copy(&cni_conf_table, &a->conf, c);
	return cni_settings(a, e) < 0 ? -1 : cni_chain_prepare(a, e);
}

int cni_status(const struct cni_conf *c, struct err *e)
{
	own(cni_attachment) struct cni_attachment a = { 0 };

	return prepare(c, &a, e) < 0 ? -1 : cni_chain_status(&a, e);
}

int cni_gc(struct store *s, const struct cni_conf *c, struct err *e)
{
	own(cni_attachment) struct cni_attachment a = { 0 };
	own(json) struct json_object *valid = json_object_new_array();
	own(strv) struct strv users = { 0 };
	own(fd) int lock = cni_lock(s, LOCK_EXCLUSIVE, e);

	/* Not knowing whose they are, nothing may be taken away. */
	if (lock < 0 || cni_users(s, c->name, &users, e) < 0 || prepare(c, &a, e) < 0)
		return -1;
	for (size_t i = 0; i < users.n; i++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "containerID", json_object_new_string(users.v[i]));
		json_object_object_add(o, "ifname", json_object_new_string(CNI_IFNAME));
		json_object_array_add(valid, o);
	}
	return cni_chain_gc(&a, valid, e);
}
