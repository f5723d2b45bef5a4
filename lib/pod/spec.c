/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a container's configuration, its image's and its sandbox's to the OCI runtime spec. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "pod/container.h"
#include "pod/container_ns.h"
#include "pod/devices.h"
#include "pod/mounts.h"
#include "pod/resources.h"
#include "pod/security.h"
#include "pod/userns.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULT_PIDS_LIMIT 2048 /* podman's: a fork bomb ends in its container */

static void set_env(struct oci_spec *spec, const struct strv *image_env, const struct sandbox *sb,
		    const struct container_record *r)
{
	struct strmap env = { 0 };

	strmap_set(&env, "PATH", DEFAULT_PATH);
	if (r->config.tty)
		strmap_set(&env, "TERM", "xterm");
	strmap_set(&env, "HOSTNAME", sb->record.config.hostname);
	for (size_t i = 0; i < image_env->n; i++) {
		const char *eq = strchr(image_env->v[i], '=');

		/* No '=' or no key: not a variable, and never a request for one of the host's. */
		if (!eq || eq == image_env->v[i])
			continue;
		own(str) char *key = xstrndup(image_env->v[i], (size_t)(eq - image_env->v[i]));

		strmap_set(&env, key, eq + 1);
	}
	for (size_t i = 0; i < r->config.envs.n; i++) {
		const struct cri_env *v = &((const struct cri_env *)r->config.envs.v)[i];

		strmap_set(&env, v->key, v->value ? v->value : "");
	}
	for (size_t i = 0; i < env.n; i++)
		strv_take(&spec->process.env, str_fmt("%s=%s", env.v[i].key, env.v[i].value));
	strmap_free(&env);
}

static bool mounted_by_user(const struct container_record *r, const char *destination)
{
	for (size_t i = 0; i < r->config.mounts.n; i++)
		if (str_eq(((const struct cri_mount *)r->config.mounts.v)[i].container_path,
			   destination))
			return true;
	return false;
}

static void add_sandbox_files(const struct store *s, const struct sandbox *sb,
			      const struct container_record *r, struct oci_spec *spec)
{
	static const char *const files[] = { "hosts", "hostname", "resolv.conf" };
	/* The container's root owns them, whoever that is on the host. */
	own(str) char *options =
		str_fmt("bind,rprivate,nosuid,nodev%s%s",
			r->config.linux_.security_context.readonly_rootfs ? ",ro" : "",
			userns_wanted(&sb->record.config.linux_.security_context.namespace_options)
				? ",idmap"
				: "");

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		own(str) char *to = str_fmt("/etc/%s", files[i]);
		own(str) char *from = str_fmt("%s/sandboxes/%s/%s", s->root_path, sb->id, files[i]);

		if (!mounted_by_user(r, to))
			oci_add_mount(spec, to, "bind", from, options);
	}
}

/* "net_admin", "CAP_NET_ADMIN" -> "CAP_NET_ADMIN"; NULL for no capability. Newly allocated. */
static char *cap_full_name(const char *s)
{
	own(str) char *full =
		str_starts(s, "CAP_") || str_starts(s, "cap_") ? xstrdup(s) : str_fmt("CAP_%s", s);
	cap_value_t value;

	for (char *p = full; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	return cap_from_name(full, &value) < 0 ? NULL : ptr_steal(full);
}

/* Everything that this process itself may hand on. */
static void all_caps(struct strv *l)
{
	strv_free(l);
	for (int i = 0; i < cap_max_bits(); i++) {
		char *lower;

		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 1)
			continue;
		lower = cap_to_name(i);
		if (!lower)
			continue;
		for (char *p = lower; *p; p++)
			if (*p >= 'a' && *p <= 'z')
				*p = (char)(*p - 'a' + 'A');
		strv_add(l, lower);
		cap_free(lower);
	}
}

static int apply_caps(struct strv *set, const struct strv *names, bool add, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		own(str) char *full = cap_full_name(names->v[i]);

		if (strcasecmp(names->v[i], "ALL") == 0) {
			if (add)
				all_caps(set);
			else
				strv_free(set);
			continue;
		}
		if (!full) {
			err_set(e, ERR_USAGE, "capability '%.60s': there is none such",
				names->v[i]);
			return err_hint(e, "capabilities(7) lists them; ALL means all");
		}
		struct strv next = { 0 };

		for (size_t k = 0; k < set->n; k++)
			if (!str_eq(set->v[k], full))
				strv_add(&next, set->v[k]);
		if (add)
			strv_add(&next, full);
		strv_free(set);
		*set = next;
	}
	return 0;
}

static void put_caps(struct oci_caps *caps, const struct strv *set)
{
	struct strv *const all[] = { &caps->bounding, &caps->effective, &caps->permitted };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		strv_free(all[i]);
		strv_copy(all[i], set);
	}
}

/* ALL first, then names: "--cap-add ALL --cap-drop X" and "--cap-drop ALL --cap-add X" both mean
 * what they say. */
static int set_caps(const struct container_record *r, struct oci_spec *spec, struct err *e)
{
	const struct cri_container_security *sec = &r->config.linux_.security_context;
	const struct cri_capabilities *c = sec->capabilities;
	struct oci_caps *caps = spec->process.capabilities;
	own(strv) struct strv set = { 0 };
	bool drop_all = false;

	if (sec->privileged)
		all_caps(&set);
	else
		strv_copy(&set, &caps->bounding);
	for (size_t i = 0; c && i < c->drop_capabilities.n; i++)
		drop_all = drop_all || strcasecmp(c->drop_capabilities.v[i], "ALL") == 0;
	if (drop_all)
		strv_free(&set);
	if (c && (apply_caps(&set, &c->add_capabilities, true, e) < 0 ||
		  (!drop_all && apply_caps(&set, &c->drop_capabilities, false, e) < 0)))
		return -1;
	for (size_t i = 0; drop_all && i < c->drop_capabilities.n; i++) {
		struct strv one = { .v = &c->drop_capabilities.v[i], .n = 1 };

		if (strcasecmp(one.v[0], "ALL") != 0 && apply_caps(&set, &one, false, e) < 0)
			return -1;
	}
	put_caps(caps, &set);
	return 0;
}

int container_grant_caps(struct oci_caps *caps, const struct strv *names, struct err *e)
{
	own(strv) struct strv set = { 0 };

	strv_copy(&set, &caps->bounding);
	if (!names)
		all_caps(&set);
	else if (apply_caps(&set, names, true, e) < 0)
		return -1;
	put_caps(caps, &set);
	return 0;
}

static void make_privileged(struct oci_spec *spec)
{
	struct oci_device_rule *rule;

	strv_free(&spec->linux_.masked_paths);
	strv_free(&spec->linux_.readonly_paths);
	objlist_free(&spec->linux_.resources.devices, &oci_device_rule_table);
	rule = objlist_add(&spec->linux_.resources.devices, &oci_device_rule_table);
	rule->allow = true;
	rule->access = xstrdup("rwm");
	for (size_t i = 0; i < spec->mounts.n; i++) {
		struct oci_mount *m = &((struct oci_mount *)spec->mounts.v)[i];

		if (!str_eq(m->type, "sysfs") && !str_eq(m->type, "cgroup"))
			continue;
		for (size_t k = 0; k < m->options.n; k++)
			if (str_eq(m->options.v[k], "ro"))
				memcpy(m->options.v[k], "rw", 3);
	}
	devices_of_host(spec);
}

static void set_resources(const struct container_record *r, struct oci_spec *spec)
{
	const struct cri_resources *res = r->config.linux_.resources;

	resources_of_cri(res, &spec->linux_.resources);
	if (!spec->linux_.resources.pids.limit.set)
		spec->linux_.resources.pids.limit = OPTINT(DEFAULT_PIDS_LIMIT);
	if (res)
		spec->process.oom_score_adj = res->oom_score_adj;
}

static void set_rlimits(const struct container_record *r, struct oci_spec *spec)
{
	const struct oci_rlimit *l = r->config.linux_.rlimits.v;

	for (size_t i = 0; i < r->config.linux_.rlimits.n; i++) {
		struct oci_rlimit *to = objlist_add(&spec->process.rlimits, &oci_rlimit_table);

		fields_copy(&oci_rlimit_table, to, &l[i]);
	}
}

int container_spec(struct store *s, const struct sandbox *sb, const struct container_record *r,
		   const struct strv *image_env, struct oci_spec *out, struct err *e)
{
	const struct cri_container_security *sec = &r->config.linux_.security_context;

	oci_spec_default(out);
	out->root.readonly = sec->readonly_rootfs;
	strv_copy(&out->process.args, &r->argv);
	str_set(&out->process.cwd, r->config.working_dir);
	out->process.terminal = r->config.tty;
	out->process.no_new_privileges = sec->no_new_privs;
	str_set(&out->linux_.cgroups_path, r->cgroup);
	set_env(out, image_env, sb, r);
	add_sandbox_files(s, sb, r, out);
	set_resources(r, out);
	if (container_ns_spec(s, sb, r, out, e) < 0 || mounts_of_cri(&r->config, out, e) < 0 ||
	    set_caps(r, out, e) < 0)
		return -1;
	if (sec->privileged)
		make_privileged(out);
	set_rlimits(r, out);
	if (devices_of_cri(&r->config, out, e) < 0)
		return -1;
	return security_spec(s, r, out, e);
}
