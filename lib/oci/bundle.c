/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>

#include "executor/cgroup.h"

#define SENDFILE_MAX (1 << 20)

void oci_bundle_close(struct oci_bundle *b)
{
	free(b->path);
	fd_drop(&b->config);
	strv_free(&b->warnings);
	oci_spec_free(&b->spec);
	*b = (struct oci_bundle)OCI_BUNDLE_NONE;
}

static int bundle_read(const char *dir, const char *config, struct oci_bundle *b, struct err *e)
{
	if (dir && chdir(dir) < 0)
		return err_sys(e, "bundle %s", dir);
	b->path = realpath(".", NULL);
	if (!b->path)
		return err_sys(e, "the current directory");
	b->config = open(config, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (b->config < 0) {
		err_sys(e, "open %s", config);
		return err_in(e, "bundle %s", b->path);
	}
	return oci_spec_load(b->config, config, b->path, &b->spec, &b->warnings, e);
}

int oci_bundle_open(const char *dir, const char *config, struct oci_bundle *out, struct err *e)
{
	*out = (struct oci_bundle)OCI_BUNDLE_NONE;
	if (bundle_read(dir, config ? config : "config.json", out, e) == 0)
		return 0;
	oci_bundle_close(out);
	return -1;
}

int oci_bundle_copy(const struct oci_bundle *b, int dir, struct err *e)
{
	own(fd) int to = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	off_t at = 0;
	ssize_t n;

	if (to < 0)
		return err_sys(e, "keep config.json");
	do
		n = sendfile(to, b->config, &at, SENDFILE_MAX);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? err_sys(e, "keep config.json") : 0;
}

void oci_add_devices(struct oci_spec *s)
{
	struct objlist *own_rules = &s->linux_.resources.devices, all = { 0 };
	const struct oci_device_rule *r = own_rules->v;
	struct oci_device_rule *deny = objlist_add(&all, &oci_device_rule_table);

	deny->type = xstrdup("a");
	deny->access = xstrdup("rwm");
	for (size_t i = 0; i < own_rules->n; i++)
		fields_copy(&oci_device_rule_table, objlist_add(&all, &oci_device_rule_table),
			    &r[i]);
	oci_add_device_rules(&all, true);
	objlist_free(own_rules, &oci_device_rule_table);
	*own_rules = all;
}

char *oci_cgroup_path(const struct oci_spec *s, const char *id, struct err *e)
{
	const char *given = s->linux_.cgroups_path;
	own(str) char *path = NULL;
	size_t n;

	path = !str_some(given) ? str_fmt("/caddis-oci-%s", id)
				: str_fmt("%s%s", given[0] == '/' ? "" : "/", given);
	n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	if (cgroup_check_path(path, e) < 0) {
		err_in(e, "linux.cgroupsPath");
		return NULL;
	}
	return ptr_steal(path);
}
