/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the runtime specification says about values, as far as the text alone tells. Errors name the
 * field from config.json's top: "linux.namespaces[2].type: ...".
 */
#include "spec/oci.h"

#include "base/json.h"
#include "spec/oci_check.h"

// clang-format off
static const char *const namespace_types[] = {
	"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", NULL,
};
static const char *const device_types[] = { "c", "b", "u", "p", NULL };
static const char *const propagations[] = {
	"shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable", NULL,
};
static const char *const memory_modes[] = {
	"MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED",
	"MPOL_PREFERRED_MANY", "MPOL_LOCAL", NULL,
};
static const char *const memory_flags[] = {
	"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES", NULL,
};
static const char *const personalities[] = { "LINUX", "LINUX32", NULL };
static const char *const clocks[] = { "monotonic", "boottime", NULL };
// clang-format on

bool oci_known(const char *const *names, const char *s)
{
	for (; *names; names++)
		if (str_eq(*names, s))
			return true;
	return false;
}

int oci_check_name(const char *const *names, const char *s, struct err *e)
{
	own(buf) struct buf list = { 0 };
	own(str) char *shown = str_printable(s ? s : "", s ? strnlen(s, 60) : 0);

	if (oci_known(names, s))
		return 0;
	for (size_t i = 0; names[i]; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", names[i]);
	return err_set(e, ERR_USAGE, "expected one of %s, found \"%s\"", list.s, shown);
}

int oci_check_names(const char *const *names, const struct strv *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (oci_check_name(names, l->v[i], e) < 0)
			return err_in(e, "[%zu]", i);
	return 0;
}

static int check_absolute(const char *s, struct err *e)
{
	own(str) char *shown = str_printable(s ? s : "", s ? strnlen(s, 60) : 0);

	return s && s[0] == '/'
		       ? 0
		       : err_set(e, ERR_USAGE, "expected an absolute path, found \"%s\"", shown);
}

static int check_absolutes(const char *name, const struct strv *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (check_absolute(l->v[i], e) < 0)
			return err_in(e, "%s[%zu]", name, i);
	return 0;
}

/* Semantic Versioning 2.0.0: three numbers, then what is no number. */
static int check_version(const char *s, struct err *e)
{
	own(str) char *shown = str_printable(s, strnlen(s, 60));
	const char *p = s;

	for (int i = 0; i < 3; i++) {
		size_t n = strspn(p, "0123456789");

		if (n == 0 || n > 9 || (n > 1 && *p == '0') || (i < 2 && p[n] != '.'))
			return err_set(e, ERR_USAGE,
				       "ociVersion: expected a version like 1.3.0, found \"%s\"",
				       shown);
		p += n + (i < 2);
	}
	if (*p && *p != '-' && *p != '+')
		return err_set(e, ERR_USAGE,
			       "ociVersion: expected a version like 1.3.0, found \"%s\"", shown);
	if (!str_starts(s, "1."))
		return err_set(e, ERR_USAGE,
			       "ociVersion: version %s of the specification is not supported; "
			       "1.3.0 and what is before it are",
			       shown);
	return 0;
}

/* ---- namespaces ---- */

static const struct oci_namespace *namespace_find(const struct oci_linux *l, const char *type)
{
	const struct oci_namespace *ns = l->namespaces.v;

	for (size_t i = 0; i < l->namespaces.n; i++)
		if (str_eq(ns[i].type, type))
			return &ns[i];
	return NULL;
}

static int check_namespaces(const struct oci_linux *l, struct err *e)
{
	const struct oci_namespace *ns = l->namespaces.v;

	for (size_t i = 0; i < l->namespaces.n; i++) {
		if (oci_check_name(namespace_types, ns[i].type, e) < 0)
			return err_in(e, "linux.namespaces[%zu].type", i);
		if (namespace_find(l, ns[i].type) != &ns[i])
			return err_set(e, ERR_USAGE,
				       "linux.namespaces[%zu].type: %s is there twice", i,
				       ns[i].type);
		if (str_some(ns[i].path) && check_absolute(ns[i].path, e) < 0)
			return err_in(e, "linux.namespaces[%zu].path", i);
	}
	return 0;
}

static int needs_namespace(const struct oci_linux *l, const char *type, bool asked,
			   const char *field, struct err *e)
{
	if (!asked || namespace_find(l, type))
		return 0;
	return err_set(e, ERR_USAGE, "%s: needs a namespace of type %s in linux.namespaces", field,
		       type);
}

static int check_what_needs_namespaces(const struct oci_spec *s, struct err *e)
{
	const struct oci_linux *l = &s->linux_;
	const struct oci_namespace *user = namespace_find(l, "user");
	const struct {
		const char *type;
		bool asked;
		const char *field;
	} rows[] = {
		{ "uts", str_some(s->hostname), "hostname" },
		{ "uts", str_some(s->domainname), "domainname" },
		{ "user", l->uid_mappings.n > 0, "linux.uidMappings" },
		{ "user", l->gid_mappings.n > 0, "linux.gidMappings" },
		{ "time", l->time_offsets.n > 0, "linux.timeOffsets" },
		{ "network", l->net_devices.n > 0, "linux.netDevices" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (needs_namespace(l, rows[i].type, rows[i].asked, rows[i].field, e) < 0)
			return -1;
	if (user && !str_some(user->path) && (!l->uid_mappings.n || !l->gid_mappings.n))
		return err_set(e, ERR_USAGE,
			       "linux.%s: is missing, and a new user namespace needs it",
			       l->uid_mappings.n ? "gidMappings" : "uidMappings");
	return 0;
}

static int check_mappings(const char *field, const struct objlist *map, struct err *e)
{
	const struct oci_id_mapping *m = map->v;

	for (size_t i = 0; i < map->n; i++)
		if (m[i].size < 1 || m[i].container_id + m[i].size > UINT32_MAX ||
		    m[i].host_id + m[i].size > UINT32_MAX)
			return err_set(
				e, ERR_USAGE,
				"%s[%zu]: %lld ids from %lld (host: %lld) are no range of ids",
				field, i, (long long)m[i].size, (long long)m[i].container_id,
				(long long)m[i].host_id);
	return 0;
}

static int check_time_offsets(const struct objlist *l, struct err *e)
{
	const struct oci_time_offset *o = l->v;

	for (size_t i = 0; i < l->n; i++)
		if (oci_check_name(clocks, o[i].clock, e) < 0)
			return err_in(e, "linux.timeOffsets");
	return 0;
}

/* As the kernel takes them: dev_valid_name(). */
static bool is_interface(const char *s)
{
	return str_is_word(s) && strlen(s) < 16 && !strpbrk(s, "/:") && !str_eq(s, ".") &&
	       !str_eq(s, "..");
}

static int check_net_devices(const struct objlist *l, struct err *e)
{
	const struct oci_net_device *d = l->v;

	for (size_t i = 0; i < l->n; i++) {
		const char *name = str_some(d[i].name) ? d[i].name : d[i].host_name;
		own(str) char *key = str_printable(d[i].host_name, strnlen(d[i].host_name, 60));

		if (!is_interface(d[i].host_name) || !is_interface(name))
			return err_set(
				e, ERR_USAGE,
				"linux.netDevices[\"%s\"]: \"%.60s\" is no name of a network "
				"device",
				key, is_interface(name) ? d[i].host_name : name);
		for (size_t k = 0; k < i; k++)
			if (str_eq(name, str_some(d[k].name) ? d[k].name : d[k].host_name))
				return err_set(e, ERR_USAGE,
					       "linux.netDevices[\"%s\"].name: %s is there twice",
					       key, name);
	}
	return 0;
}

/* ---- mounts, devices, paths ---- */

static int check_mounts(const struct oci_spec *s, struct err *e)
{
	const struct oci_mount *m = s->mounts.v;

	for (size_t i = 0; i < s->mounts.n; i++) {
		bool bind = strv_has(&m[i].options, "bind") || strv_has(&m[i].options, "rbind") ||
			    str_eq(m[i].type, "bind");

		if (!*m[i].destination)
			return err_set(e, ERR_USAGE, "mounts[%zu].destination: is empty", i);
		if (bind && !str_some(m[i].source))
			return err_set(e, ERR_USAGE,
				       "mounts[%zu].source: is missing, and a bind mount needs it",
				       i);
		if (!bind && !str_some(m[i].type))
			return err_set(e, ERR_USAGE,
				       "mounts[%zu].type: is missing, and this is no bind mount",
				       i);
		if (!m[i].uid_mappings.n != !m[i].gid_mappings.n)
			return err_set(e, ERR_USAGE,
				       "mounts[%zu].%s: is missing, and goes with the other one", i,
				       m[i].uid_mappings.n ? "gidMappings" : "uidMappings");
		if (check_mappings("uidMappings", &m[i].uid_mappings, e) < 0 ||
		    check_mappings("gidMappings", &m[i].gid_mappings, e) < 0)
			return err_in(e, "mounts[%zu]", i);
	}
	return 0;
}

static int check_devices(const struct objlist *l, struct err *e)
{
	const struct oci_device *d = l->v;

	for (size_t i = 0; i < l->n; i++) {
		if (check_absolute(d[i].path, e) < 0)
			return err_in(e, "linux.devices[%zu].path", i);
		if (oci_check_name(device_types, d[i].type, e) < 0)
			return err_in(e, "linux.devices[%zu].type", i);
		for (size_t k = 0; k < i; k++)
			if (str_eq(d[k].path, d[i].path) &&
			    (!str_eq(d[k].type, d[i].type) || d[k].major != d[i].major ||
			     d[k].minor != d[i].minor))
				return err_set(e, ERR_USAGE,
					       "linux.devices[%zu].path: %.60s is there twice, as "
					       "another device",
					       i, d[i].path);
	}
	return 0;
}

/* ---- the rest of linux ---- */

static int check_memory_policy(const struct oci_memory_policy *p, struct err *e)
{
	uint64_t mask[16] = { 0 };
	bool none;

	if (!p)
		return 0;
	none = str_eq(p->mode, "MPOL_DEFAULT") || str_eq(p->mode, "MPOL_LOCAL");
	if (oci_check_name(memory_modes, p->mode, e) < 0)
		return err_in(e, "linux.memoryPolicy.mode");
	if (oci_check_names(memory_flags, &p->flags, e) < 0)
		return err_in(e, "linux.memoryPolicy.flags");
	if (str_some(p->nodes) && oci_list_parse(p->nodes, mask, 1024) < 0)
		return err_set(e, ERR_USAGE,
			       "linux.memoryPolicy.nodes: expected a list like 0-3,7, found "
			       "\"%.60s\"",
			       p->nodes);
	if (none && str_some(p->nodes))
		return err_set(e, ERR_USAGE, "linux.memoryPolicy.nodes: %s takes none", p->mode);
	if (!none && !str_some(p->nodes) && !str_eq(p->mode, "MPOL_PREFERRED"))
		return err_set(e, ERR_USAGE,
			       "linux.memoryPolicy.nodes: is missing, and %s needs it", p->mode);
	if (strv_has(&p->flags, "MPOL_F_STATIC_NODES") &&
	    strv_has(&p->flags, "MPOL_F_RELATIVE_NODES"))
		return err_set(e, ERR_USAGE,
			       "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and "
			       "MPOL_F_RELATIVE_NODES exclude each other");
	return 0;
}

static int check_personality(const struct oci_personality *p, struct err *e)
{
	if (!p)
		return 0;
	if (oci_check_name(personalities, p->domain, e) < 0)
		return err_in(e, "linux.personality.domain");
	if (p->flags.n)
		return err_set(e, ERR_USAGE, "linux.personality.flags: there is no flag \"%.60s\"",
			       p->flags.v[0]);
	return 0;
}

static int check_intel_rdt(const struct oci_intel_rdt *r, struct err *e)
{
	const char *id = r && str_some(r->clos_id) ? r->clos_id : "x";

	if (strchr(id, '/') || str_eq(id, ".") || str_eq(id, ".."))
		return err_set(e, ERR_USAGE, "linux.intelRdt.closID: \"%.60s\" is no name", id);
	return 0;
}

static int check_linux(const struct oci_spec *s, struct err *e)
{
	const struct oci_linux *l = &s->linux_;

	if (check_namespaces(l, e) < 0 || check_what_needs_namespaces(s, e) < 0 ||
	    check_mappings("linux.uidMappings", &l->uid_mappings, e) < 0 ||
	    check_mappings("linux.gidMappings", &l->gid_mappings, e) < 0 ||
	    check_time_offsets(&l->time_offsets, e) < 0 ||
	    check_net_devices(&l->net_devices, e) < 0 || check_devices(&l->devices, e) < 0)
		return -1;
	if (str_some(l->rootfs_propagation) &&
	    oci_check_name(propagations, l->rootfs_propagation, e) < 0)
		return err_in(e, "linux.rootfsPropagation");
	if (check_absolutes("linux.maskedPaths", &l->masked_paths, e) < 0 ||
	    check_absolutes("linux.readonlyPaths", &l->readonly_paths, e) < 0 ||
	    check_memory_policy(l->memory_policy, e) < 0 ||
	    check_personality(l->personality, e) < 0 || check_intel_rdt(l->intel_rdt, e) < 0)
		return -1;
	if (oci_resources_check(&l->resources, e) < 0)
		return err_in(e, "linux.resources");
	return l->seccomp ? oci_seccomp_check(l->seccomp, e) : 0;
}

static int check_hooks(const char *name, const struct objlist *l, struct err *e)
{
	const struct oci_hook *h = l->v;

	for (size_t i = 0; i < l->n; i++)
		if (check_absolute(h[i].path, e) < 0)
			return err_in(e, "hooks.%s[%zu].path", name, i);
	return 0;
}

int oci_spec_check(struct oci_spec *s, struct strv *warnings, struct err *e)
{
	if (!s->oci_version)
		return err_set(e, ERR_USAGE, "ociVersion: is missing, and must be there");
	if (check_version(s->oci_version, e) < 0)
		return -1;
	if (!str_some(s->root.path))
		return err_set(e, ERR_USAGE, "root.path: is missing, and must be there");
	if (oci_process_check(&s->process, warnings, e) < 0)
		return err_in(e, "process");
	for (size_t i = 0; i < oci_hooks_table.n; i++) {
		const struct field *f = &oci_hooks_table.fields[i];

		if (check_hooks(f->name, (const void *)((const char *)&s->hooks + f->offset), e) <
		    0)
			return -1;
	}
	return check_mounts(s, e) < 0 ? -1 : check_linux(s, e);
}
