/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/oci.h"

#define U32 .max = UINT32_MAX
#define SUB(table) .sub = &(table)

// clang-format off
static const struct field root_fields[] = {
	FIELD(struct oci_root, path, FIELD_STR),
	FIELD(struct oci_root, readonly, FIELD_BOOL),
};
static FIELD_TABLE(root_table, "root", struct oci_root, 0, root_fields);

static const struct field user_fields[] = {
	FIELD(struct oci_user, uid, FIELD_INT, U32),
	FIELD(struct oci_user, gid, FIELD_INT, U32),
	FIELD(struct oci_user, umask, FIELD_OPTINT, .max = 0777),
	FIELD_AS(struct oci_user, additional_gids, "additionalGids", FIELD_INTLIST, U32),
};
static FIELD_TABLE(user_table, "user", struct oci_user, FIELDS_WRITE_ZERO, user_fields);

static const struct field rlimit_fields[] = {
	FIELD(struct oci_rlimit, type, FIELD_STR),
	FIELD(struct oci_rlimit, soft, FIELD_U64),
	FIELD(struct oci_rlimit, hard, FIELD_U64),
};
FIELD_TABLE(oci_rlimit_table, "rlimit", struct oci_rlimit, FIELDS_WRITE_ZERO, rlimit_fields);

static const struct field caps_fields[] = {
	FIELD(struct oci_caps, bounding, FIELD_STRLIST),
	FIELD(struct oci_caps, effective, FIELD_STRLIST),
	FIELD(struct oci_caps, inheritable, FIELD_STRLIST),
	FIELD(struct oci_caps, permitted, FIELD_STRLIST),
	FIELD(struct oci_caps, ambient, FIELD_STRLIST),
};
FIELD_TABLE(oci_caps_table, "capabilities", struct oci_caps, 0, caps_fields);

/* The kernel keeps a terminal's size in 16 bits. */
static const struct field box_fields[] = {
	FIELD(struct oci_box, height, FIELD_INT, .max = UINT16_MAX),
	FIELD(struct oci_box, width, FIELD_INT, .max = UINT16_MAX),
};
static FIELD_TABLE(box_table, "consoleSize", struct oci_box, 0, box_fields);

static const struct field process_fields[] = {
	FIELD(struct oci_process, terminal, FIELD_BOOL),
	FIELD_AS(struct oci_process, console_size, "consoleSize", FIELD_OBJ, SUB(box_table)),
	FIELD(struct oci_process, user, FIELD_OBJ, SUB(user_table)),
	FIELD(struct oci_process, args, FIELD_STRLIST),
	FIELD(struct oci_process, env, FIELD_STRLIST),
	FIELD(struct oci_process, cwd, FIELD_STR),
	FIELD(struct oci_process, capabilities, FIELD_OBJPTR, SUB(oci_caps_table)),
	FIELD(struct oci_process, rlimits, FIELD_OBJLIST, SUB(oci_rlimit_table)),
	FIELD_AS(struct oci_process, no_new_privileges, "noNewPrivileges", FIELD_BOOL),
	FIELD_AS(struct oci_process, apparmor_profile, "apparmorProfile", FIELD_STR),
	FIELD_AS(struct oci_process, selinux_label, "selinuxLabel", FIELD_STR),
	FIELD_AS(struct oci_process, oom_score_adj, "oomScoreAdj", FIELD_OPTINT, .min = -1000, .max = 1000),
};
FIELD_TABLE(oci_process_table, "process", struct oci_process, 0, process_fields);

static const struct field id_mapping_fields[] = {
	FIELD_AS(struct oci_id_mapping, container_id, "containerID", FIELD_INT, U32),
	FIELD_AS(struct oci_id_mapping, host_id, "hostID", FIELD_INT, U32),
	FIELD(struct oci_id_mapping, size, FIELD_INT, U32),
};
FIELD_TABLE(oci_id_mapping_table, "idMapping", struct oci_id_mapping, FIELDS_WRITE_ZERO, id_mapping_fields);

static const struct field mount_fields[] = {
	FIELD(struct oci_mount, destination, FIELD_STR),
	FIELD(struct oci_mount, type, FIELD_STR),
	FIELD(struct oci_mount, source, FIELD_STR),
	FIELD(struct oci_mount, options, FIELD_STRLIST),
	FIELD_AS(struct oci_mount, uid_mappings, "uidMappings", FIELD_OBJLIST, SUB(oci_id_mapping_table)),
	FIELD_AS(struct oci_mount, gid_mappings, "gidMappings", FIELD_OBJLIST, SUB(oci_id_mapping_table)),
	FIELD_AS(struct oci_mount, sub_path, "caddisSubPath", FIELD_STR),
};
FIELD_TABLE(oci_mount_table, "mount", struct oci_mount, 0, mount_fields);

static const struct field namespace_fields[] = {
	FIELD(struct oci_namespace, type, FIELD_STR),
	FIELD(struct oci_namespace, path, FIELD_STR),
};
FIELD_TABLE(oci_namespace_table, "namespace", struct oci_namespace, 0, namespace_fields);

static const struct field device_fields[] = {
	FIELD(struct oci_device, type, FIELD_STR),
	FIELD(struct oci_device, path, FIELD_STR),
	FIELD(struct oci_device, major, FIELD_INT, U32),
	FIELD(struct oci_device, minor, FIELD_INT, U32),
	FIELD_AS(struct oci_device, file_mode, "fileMode", FIELD_OPTINT, U32),
	FIELD(struct oci_device, uid, FIELD_OPTINT, U32),
	FIELD(struct oci_device, gid, FIELD_OPTINT, U32),
};
FIELD_TABLE(oci_device_table, "device", struct oci_device, 0, device_fields);

static const struct field device_rule_fields[] = {
	FIELD(struct oci_device_rule, allow, FIELD_BOOL),
	FIELD(struct oci_device_rule, type, FIELD_STR),
	FIELD(struct oci_device_rule, major, FIELD_OPTINT, .min = -1, U32),
	FIELD(struct oci_device_rule, minor, FIELD_OPTINT, .min = -1, U32),
	FIELD(struct oci_device_rule, access, FIELD_STR),
};
FIELD_TABLE(oci_device_rule_table, "deviceRule", struct oci_device_rule, FIELDS_WRITE_ZERO, device_rule_fields);

static const struct field memory_fields[] = {
	FIELD(struct oci_memory, limit, FIELD_OPTINT),
	FIELD(struct oci_memory, reservation, FIELD_OPTINT),
	FIELD(struct oci_memory, swap, FIELD_OPTINT),
	FIELD(struct oci_memory, kernel, FIELD_OPTINT),
	FIELD_AS(struct oci_memory, kernel_tcp, "kernelTCP", FIELD_OPTINT),
	FIELD(struct oci_memory, swappiness, FIELD_OPTINT, .max = 200),
	FIELD_AS(struct oci_memory, disable_oom_killer, "disableOOMKiller", FIELD_BOOL),
	FIELD_AS(struct oci_memory, use_hierarchy, "useHierarchy", FIELD_BOOL),
	FIELD_AS(struct oci_memory, check_before_update, "checkBeforeUpdate", FIELD_BOOL),
};
static FIELD_TABLE(memory_table, "memory", struct oci_memory, 0, memory_fields);

static const struct field cpu_fields[] = {
	FIELD(struct oci_cpu, shares, FIELD_OPTINT, .max = INT64_MAX),
	FIELD(struct oci_cpu, quota, FIELD_OPTINT),
	FIELD(struct oci_cpu, burst, FIELD_OPTINT, .max = INT64_MAX),
	FIELD(struct oci_cpu, period, FIELD_OPTINT, .max = INT64_MAX),
	FIELD_AS(struct oci_cpu, realtime_runtime, "realtimeRuntime", FIELD_OPTINT),
	FIELD_AS(struct oci_cpu, realtime_period, "realtimePeriod", FIELD_OPTINT, .max = INT64_MAX),
	FIELD(struct oci_cpu, idle, FIELD_OPTINT),
	FIELD(struct oci_cpu, cpus, FIELD_STR),
	FIELD(struct oci_cpu, mems, FIELD_STR),
};
static FIELD_TABLE(cpu_table, "cpu", struct oci_cpu, 0, cpu_fields);

static const struct field pids_fields[] = {
	FIELD(struct oci_pids, limit, FIELD_OPTINT),
};
static FIELD_TABLE(pids_table, "pids", struct oci_pids, 0, pids_fields);

static const struct field hugepage_limit_fields[] = {
	FIELD_AS(struct oci_hugepage_limit, page_size, "pageSize", FIELD_STR),
	FIELD(struct oci_hugepage_limit, limit, FIELD_U64),
};
static FIELD_TABLE(hugepage_limit_table, "hugepageLimit", struct oci_hugepage_limit, FIELDS_WRITE_ZERO, hugepage_limit_fields);

static const struct field resources_fields[] = {
	FIELD(struct oci_resources, devices, FIELD_OBJLIST, SUB(oci_device_rule_table)),
	FIELD(struct oci_resources, memory, FIELD_OBJ, SUB(memory_table)),
	FIELD(struct oci_resources, cpu, FIELD_OBJ, SUB(cpu_table)),
	FIELD(struct oci_resources, pids, FIELD_OBJ, SUB(pids_table)),
	FIELD_AS(struct oci_resources, hugepage_limits, "hugepageLimits", FIELD_OBJLIST, SUB(hugepage_limit_table)),
	FIELD(struct oci_resources, unified, FIELD_STRMAP),
};
FIELD_TABLE(oci_resources_table, "resources", struct oci_resources, 0, resources_fields);

static const struct field linux_fields[] = {
	FIELD_AS(struct oci_linux, uid_mappings, "uidMappings", FIELD_OBJLIST, SUB(oci_id_mapping_table)),
	FIELD_AS(struct oci_linux, gid_mappings, "gidMappings", FIELD_OBJLIST, SUB(oci_id_mapping_table)),
	FIELD(struct oci_linux, sysctl, FIELD_STRMAP),
	FIELD_AS(struct oci_linux, cgroups_path, "cgroupsPath", FIELD_STR),
	FIELD(struct oci_linux, resources, FIELD_OBJ, SUB(oci_resources_table)),
	FIELD(struct oci_linux, namespaces, FIELD_OBJLIST, SUB(oci_namespace_table)),
	FIELD(struct oci_linux, devices, FIELD_OBJLIST, SUB(oci_device_table)),
	FIELD(struct oci_linux, seccomp, FIELD_JSON),
	FIELD_AS(struct oci_linux, rootfs_propagation, "rootfsPropagation", FIELD_STR),
	FIELD_AS(struct oci_linux, mount_label, "mountLabel", FIELD_STR),
	FIELD_AS(struct oci_linux, masked_paths, "maskedPaths", FIELD_STRLIST),
	FIELD_AS(struct oci_linux, readonly_paths, "readonlyPaths", FIELD_STRLIST),
};
static FIELD_TABLE(linux_table, "linux", struct oci_linux, 0, linux_fields);

static const struct field spec_fields[] = {
	FIELD_AS(struct oci_spec, oci_version, "ociVersion", FIELD_STR),
	FIELD(struct oci_spec, root, FIELD_OBJ, SUB(root_table)),
	FIELD(struct oci_spec, process, FIELD_OBJ, SUB(oci_process_table)),
	FIELD(struct oci_spec, hostname, FIELD_STR),
	FIELD(struct oci_spec, domainname, FIELD_STR),
	FIELD(struct oci_spec, mounts, FIELD_OBJLIST, SUB(oci_mount_table)),
	FIELD(struct oci_spec, annotations, FIELD_STRMAP),
	FIELD_AS(struct oci_spec, linux_, "linux", FIELD_OBJ, SUB(linux_table)),
};
FIELD_TABLE(oci_spec_table, "config.json", struct oci_spec, 0, spec_fields);
// clang-format on

void oci_spec_free(struct oci_spec *s)
{
	fields_free(&oci_spec_table, s);
}

void oci_add_namespace(struct oci_spec *s, const char *type, const char *path)
{
	struct oci_namespace *ns = objlist_add(&s->linux_.namespaces, &oci_namespace_table);

	ns->type = xstrdup(type);
	ns->path = xstrdup(path);
}

struct oci_mount *oci_add_mount(struct oci_spec *s, const char *destination, const char *type,
				const char *source, const char *options)
{
	struct oci_mount *m = objlist_add(&s->mounts, &oci_mount_table);

	m->destination = xstrdup(destination);
	m->type = xstrdup(type);
	m->source = xstrdup(source);
	if (str_some(options))
		strv_split(&m->options, options, ',');
	return m;
}

void oci_id_mappings_add(struct objlist *to, const struct objlist *from)
{
	const struct oci_id_mapping *m = from->v;

	for (size_t i = 0; i < from->n; i++) {
		struct oci_id_mapping *copy = objlist_add(to, &oci_id_mapping_table);

		*copy = m[i];
	}
}
