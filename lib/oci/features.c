/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/features.h"

#include <json-c/json.h>

#include "executor/mount_opt.h"
#include "executor/ns.h"
#include "executor/seccomp.h"
#include "oci/life.h"
#include "spec/cap_name.h"

static struct json_object *array_of(const struct strv *names)
{
	struct json_object *j = json_object_new_array();

	for (size_t i = 0; i < names->n; i++)
		json_object_array_add(j, json_object_new_string(names->v[i]));
	return j;
}

static void add_bools(struct json_object *o, const char *const *names, bool value)
{
	for (; *names; names++)
		json_object_object_add(o, *names, json_object_new_boolean(value));
}

/* Adds {NAME: {"enabled": value}}. */
static void add_enabled(struct json_object *o, const char *name, bool value)
{
	struct json_object *inner = json_object_new_object();

	json_object_object_add(inner, "enabled", json_object_new_boolean(value));
	json_object_object_add(o, name, inner);
}

static struct json_object *hook_names(void)
{
	struct json_object *j = json_object_new_array();

	for (size_t i = 0; i < oci_hooks_table.n; i++)
		json_object_array_add(j, json_object_new_string(oci_hooks_table.fields[i].name));
	return j;
}

static struct json_object *capability_names(void)
{
	struct json_object *j = json_object_new_array();

	for (int i = 0; cap_name(i); i++) {
		own(str) char *name = str_fmt("CAP_%s", cap_name(i));

		json_object_array_add(j, json_object_new_string(name));
	}
	return j;
}

static struct json_object *cgroup_features(void)
{
	static const char *const yes[] = { "v1", "v2", "rdma", NULL };
	static const char *const no[] = { "systemd", "systemdUser", NULL };
	struct json_object *j = json_object_new_object();

	add_bools(j, yes, true);
	add_bools(j, no, false);
	return j;
}

static struct json_object *rdt_features(void)
{
	static const char *const yes[] = { "enabled", "schemata", "monitoring", NULL };
	struct json_object *j = json_object_new_object();

	add_bools(j, yes, true);
	return j;
}

static struct json_object *seccomp_features(void)
{
	own(strv) struct strv actions = { 0 }, operators = { 0 }, archs = { 0 }, flags = { 0 };
	struct json_object *j = json_object_new_object();

	seccomp_names(&actions, &operators, &archs, &flags);
	json_object_object_add(j, "enabled", json_object_new_boolean(true));
	json_object_object_add(j, "actions", array_of(&actions));
	json_object_object_add(j, "operators", array_of(&operators));
	json_object_object_add(j, "archs", array_of(&archs));
	json_object_object_add(j, "knownFlags", array_of(&flags));
	json_object_object_add(j, "supportedFlags", array_of(&flags));
	return j;
}

static struct json_object *linux_features(void)
{
	own(strv) struct strv namespaces = { 0 };
	struct json_object *j = json_object_new_object(), *mounts = json_object_new_object();

	ns_type_names(&namespaces);
	json_object_object_add(j, "namespaces", array_of(&namespaces));
	json_object_object_add(j, "capabilities", capability_names());
	json_object_object_add(j, "cgroup", cgroup_features());
	json_object_object_add(j, "seccomp", seccomp_features());
	add_enabled(j, "apparmor", true);
	add_enabled(j, "selinux", true);
	json_object_object_add(j, "intelRdt", rdt_features());
	add_enabled(mounts, "idmap", true);
	json_object_object_add(j, "mountExtensions", mounts);
	add_enabled(j, "netDevices", true);
	return j;
}

struct json_object *oci_features(void)
{
	own(strv) struct strv options = { 0 };
	struct json_object *j = json_object_new_object();

	mount_opt_names(&options);
	json_object_object_add(j, "ociVersionMin", json_object_new_string("1.0.0"));
	json_object_object_add(j, "ociVersionMax", json_object_new_string(OCI_VERSION_MAX));
	json_object_object_add(j, "hooks", hook_names());
	json_object_object_add(j, "mountOptions", array_of(&options));
	json_object_object_add(j, "linux", linux_features());
	return j;
}
