/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/cdi.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/path.h"
#include "pod/devices.h"
#include "spec/cdi.h"

#define FILES_MAX 1024

static const char *const default_dirs[] = { "/etc/cdi", "/var/run/cdi", NULL };

struct file {
	char *path;
	size_t dir; /* a later one wins */
	bool used;
	struct cdi_spec spec;
};

struct files {
	struct file *v;
	size_t n;
	struct err bad; /* of the first that cannot be read */
	bool has_bad;
};

static void files_free(struct files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		cdi_spec_free(&f->v[i].spec);
	}
	free(f->v);
}
OWNED_STRUCT(files, struct files, files_free)

static void load_one(struct files *f, const char *dir, const char *name, size_t number)
{
	own(str) char *path = str_fmt("%s/%s", dir, name);
	struct cdi_spec spec = { 0 };
	struct err why;

	if (fields_read_file(&cdi_spec_table, path, &spec, &why) < 0 ||
	    cdi_spec_check(path, &spec, &why) < 0) {
		cdi_spec_free(&spec);
		if (!f->has_bad)
			f->bad = why;
		f->has_bad = true;
		return;
	}
	f->v = xgrow(f->v, f->n, sizeof(*f->v));
	f->v[f->n++] = (struct file){ .path = ptr_steal(path), .dir = number, .spec = spec };
}

static int load_dir(struct files *f, const char *dir, size_t number, struct err *e)
{
	own(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(strv) struct strv names = { 0 };

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%.200s", dir);
	if (path_list(fd, &names, e) < 0)
		return err_in(e, "%.200s", dir);
	for (size_t i = 0; i < names.n; i++) {
		if (!str_ends(names.v[i], ".json") && !str_ends(names.v[i], ".yaml"))
			continue;
		if (f->n == FILES_MAX)
			return err_set(e, ERR_USAGE, "%.200s: more than %d files", dir, FILES_MAX);
		load_one(f, dir, names.v[i], number);
	}
	return 0;
}

static const struct cdi_device *device_of(const struct file *f, const char *name, size_t kind)
{
	const struct cdi_device *d = f->spec.devices.v;

	if (strlen(f->spec.kind) != kind || strncmp(f->spec.kind, name, kind) != 0)
		return NULL;
	for (size_t i = 0; i < f->spec.devices.n; i++)
		if (str_eq(d[i].name, name + kind + 1))
			return &d[i];
	return NULL;
}

static int find(struct files *f, const char *name, struct file **file,
		const struct cdi_device **device, struct err *e)
{
	const char *eq = cdi_name_split(name);
	const struct file *same = NULL;

	*file = NULL;
	if (!eq)
		return err_set(e, ERR_USAGE, "device '%.200s': expected VENDOR/CLASS=NAME", name);
	for (size_t i = 0; i < f->n; i++) {
		const struct cdi_device *d = device_of(&f->v[i], name, (size_t)(eq - name));

		if (!d)
			continue;
		same = *file && (*file)->dir == f->v[i].dir ? *file : NULL;
		*file = &f->v[i];
		*device = d;
	}
	if (same)
		return err_set(e, ERR_USAGE, "device %.200s: both %.200s and %.200s have it", name,
			       same->path, (*file)->path);
	if (*file)
		return 0;
	if (f->has_bad) {
		*e = f->bad;
		return err_in(e, "device %.200s", name);
	}
	return err_set(e, ERR_NOT_FOUND, "device %.200s: no CDI file has it", name);
}

/* ---- what a file says, into the spec ---- */

static int add_node(const struct cdi_device_node *n, struct oci_spec *spec, struct err *e)
{
	const char *host = str_some(n->host_path) ? n->host_path : n->path;
	size_t before = spec->linux_.devices.n;
	struct oci_device *d;

	if (str_some(n->type) && (n->major || n->minor) && !spec->linux_.uid_mappings.n) {
		struct oci_device node = {
			.type = n->type, .path = n->path, .major = n->major, .minor = n->minor
		};

		devices_add_node(&node, n->permissions, spec);
	} else if (devices_add(host, n->path, n->permissions, spec, e) < 0) {
		return -1;
	}
	for (size_t i = before; i < spec->linux_.devices.n; i++) {
		d = &((struct oci_device *)spec->linux_.devices.v)[i];
		if (n->file_mode.set)
			d->file_mode = n->file_mode;
		if (n->uid.set)
			d->uid = n->uid;
		if (n->gid.set)
			d->gid = n->gid;
	}
	return 0;
}

static void add_mount(const struct cdi_mount *m, struct oci_spec *spec)
{
	struct oci_mount *to = objlist_add(&spec->mounts, &oci_mount_table);
	bool given = strv_has(&m->options, "bind") || strv_has(&m->options, "rbind");

	to->destination = xstrdup(m->container_path);
	to->source = xstrdup(m->host_path);
	to->type = xstrdup(str_some(m->type) ? m->type : "bind");
	strv_copy(&to->options, &m->options);
	if (str_eq(to->type, "bind") && !given)
		strv_add(&to->options, "rbind");
}

static int add_hook(const struct cdi_hook *h, struct oci_hooks *hooks, struct err *e)
{
	const struct {
		const char *name;
		struct objlist *list;
	} kinds[] = {
		{ "prestart", &hooks->prestart },
		{ "createRuntime", &hooks->create_runtime },
		{ "createContainer", &hooks->create_container },
		{ "startContainer", &hooks->start_container },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct oci_hook *to;

		if (!str_eq(kinds[i].name, h->hook_name))
			continue;
		to = objlist_add(kinds[i].list, &oci_hook_table);
		to->path = xstrdup(h->path);
		strv_copy(&to->args, &h->args);
		strv_copy(&to->env, &h->env);
		to->timeout = h->timeout;
		return 0;
	}
	return err_set(e, ERR_USAGE, "hook \"%.40s\" is not supported", h->hook_name);
}

static int set_rdt(const struct cdi_rdt *r, struct oci_spec *spec, struct err *e)
{
	struct oci_intel_rdt *to;

	if (!r)
		return 0;
	if (spec->linux_.intel_rdt)
		return err_set(e, ERR_USAGE, "intelRdt: another device has set it");
	to = spec->linux_.intel_rdt = xcalloc(1, sizeof(*to));
	str_set(&to->clos_id, r->clos_id);
	str_set(&to->l3_cache_schema, r->l3_cache_schema);
	str_set(&to->mem_bw_schema, r->mem_bw_schema);
	to->enable_monitoring = r->enable_cmt || r->enable_mbm;
	return 0;
}

static int edit(const struct cdi_edits *c, struct oci_spec *spec, struct err *e)
{
	const struct cdi_device_node *nodes = c->device_nodes.v;
	const struct cdi_mount *mounts = c->mounts.v;
	const struct cdi_hook *hooks = c->hooks.v;

	for (size_t i = 0; i < c->env.n; i++) {
		if (!strchr(c->env.v[i], '=') || c->env.v[i][0] == '=')
			return err_set(e, ERR_USAGE, "env[%zu]: expected NAME=VALUE", i);
		strv_set_assignment(&spec->process.env, c->env.v[i]);
	}
	for (size_t i = 0; i < c->device_nodes.n; i++)
		if (add_node(&nodes[i], spec, e) < 0)
			return -1;
	for (size_t i = 0; i < c->mounts.n; i++)
		add_mount(&mounts[i], spec);
	for (size_t i = 0; i < c->hooks.n; i++)
		if (add_hook(&hooks[i], &spec->hooks, e) < 0)
			return -1;
	for (size_t i = 0; i < c->additional_gids.n; i++)
		intlist_add(&spec->process.user.additional_gids, c->additional_gids.v[i]);
	return set_rdt(c->intel_rdt, spec, e);
}

static bool asked_before(const struct cri_cdi_device *d, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(d[k].name, d[i].name))
			return true;
	return false;
}

int cdi_apply(const struct strv *dirs, const struct cri_container_config *c, struct oci_spec *spec,
	      struct err *e)
{
	const struct cri_cdi_device *d = c->cdi_devices.v;
	const char *const *dir = dirs && dirs->n ? (const char *const *)dirs->v : default_dirs;
	own(files) struct files f = { 0 };

	for (size_t i = 0; c->cdi_devices.n && dir[i]; i++)
		if (load_dir(&f, dir[i], i, e) < 0)
			return -1;
	for (size_t i = 0; i < c->cdi_devices.n; i++) {
		const struct cdi_device *device = NULL;
		struct file *file;

		if (asked_before(d, i))
			continue;
		if (find(&f, d[i].name ? d[i].name : "", &file, &device, e) < 0)
			return -1;
		if ((!file->used && edit(&file->spec.edits, spec, e) < 0) ||
		    edit(&device->edits, spec, e) < 0)
			return err_in(e, "device %.200s: %.200s", d[i].name, file->path);
		file->used = true;
	}
	return 0;
}
