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
	FIELD(struct oci_rlimit, type, FIELD_STR, .required = true),
	FIELD(struct oci_rlimit, soft, FIELD_U64, .required = true),
	FIELD(struct oci_rlimit, hard, FIELD_U64, .required = true),
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

static const struct field scheduler_fields[] = {
	FIELD(struct oci_scheduler, policy, FIELD_STR, .required = true),
	FIELD(struct oci_scheduler, nice, FIELD_INT, .min = -20, .max = 19),
	FIELD(struct oci_scheduler, priority, FIELD_INT, .max = 99),
	FIELD(struct oci_scheduler, flags, FIELD_STRLIST),
	FIELD(struct oci_scheduler, runtime, FIELD_INT, .max = INT64_MAX),
	FIELD(struct oci_scheduler, deadline, FIELD_INT, .max = INT64_MAX),
	FIELD(struct oci_scheduler, period, FIELD_INT, .max = INT64_MAX),
};
static FIELD_TABLE(scheduler_table, "scheduler", struct oci_scheduler, 0, scheduler_fields);

static const struct field io_priority_fields[] = {
	FIELD_AS(struct oci_io_priority, class_, "class", FIELD_STR, .required = true),
	FIELD(struct oci_io_priority, priority, FIELD_INT, .max = 7, .required = true),
};
static FIELD_TABLE(io_priority_table, "ioPriority", struct oci_io_priority, FIELDS_WRITE_ZERO, io_priority_fields);

static const struct field exec_affinity_fields[] = {
	FIELD(struct oci_exec_affinity, initial, FIELD_STR),
	FIELD(struct oci_exec_affinity, final, FIELD_STR),
};
static FIELD_TABLE(exec_affinity_table, "execCPUAffinity", struct oci_exec_affinity, 0, exec_affinity_fields);

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
	FIELD(struct oci_process, scheduler, FIELD_OBJPTR, SUB(scheduler_table)),
	FIELD_AS(struct oci_process, io_priority, "ioPriority", FIELD_OBJPTR, SUB(io_priority_table)),
	FIELD_AS(struct oci_process, exec_affinity, "execCPUAffinity", FIELD_OBJ, SUB(exec_affinity_table)),
};
FIELD_TABLE(oci_process_table, "process", struct oci_process, 0, process_fields);

static const struct field id_mapping_fields[] = {
	FIELD_AS(struct oci_id_mapping, container_id, "containerID", FIELD_INT, U32, .required = true),
	FIELD_AS(struct oci_id_mapping, host_id, "hostID", FIELD_INT, U32, .required = true),
	FIELD(struct oci_id_mapping, size, FIELD_INT, U32, .required = true),
};
FIELD_TABLE(oci_id_mapping_table, "idMapping", struct oci_id_mapping, FIELDS_WRITE_ZERO, id_mapping_fields);

static const struct field mount_fields[] = {
	FIELD(struct oci_mount, destination, FIELD_STR, .required = true),
	FIELD(struct oci_mount, type, FIELD_STR),
	FIELD(struct oci_mount, source, FIELD_STR),
	FIELD(struct oci_mount, options, FIELD_STRLIST),
	FIELD_AS(struct oci_mount, uid_mappings, "uidMappings", FIELD_OBJLIST, SUB(oci_id_mapping_table)),
	FIELD_AS(struct oci_mount, gid_mappings, "gidMappings", FIELD_OBJLIST, SUB(oci_id_mapping_table)),
	FIELD_AS(struct oci_mount, sub_path, "caddisSubPath", FIELD_STR),
};
FIELD_TABLE(oci_mount_table, "mount", struct oci_mount, 0, mount_fields);

static const struct field namespace_fields[] = {
	FIELD(struct oci_namespace, type, FIELD_STR, .required = true),
	FIELD(struct oci_namespace, path, FIELD_STR),
};
FIELD_TABLE(oci_namespace_table, "namespace", struct oci_namespace, 0, namespace_fields);

static const struct field device_fields[] = {
	FIELD(struct oci_device, type, FIELD_STR, .required = true),
	FIELD(struct oci_device, path, FIELD_STR, .required = true),
	FIELD(struct oci_device, major, FIELD_INT, U32),
	FIELD(struct oci_device, minor, FIELD_INT, U32),
	FIELD_AS(struct oci_device, file_mode, "fileMode", FIELD_OPTINT, U32),
	FIELD(struct oci_device, uid, FIELD_OPTINT, U32),
	FIELD(struct oci_device, gid, FIELD_OPTINT, U32),
};
FIELD_TABLE(oci_device_table, "device", struct oci_device, 0, device_fields);

static const struct field device_rule_fields[] = {
	FIELD(struct oci_device_rule, allow, FIELD_BOOL, .required = true),
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
	FIELD_AS(struct oci_hugepage_limit, page_size, "pageSize", FIELD_STR, .required = true),
	FIELD(struct oci_hugepage_limit, limit, FIELD_U64, .required = true),
};
static FIELD_TABLE(hugepage_limit_table, "hugepageLimit", struct oci_hugepage_limit, FIELDS_WRITE_ZERO, hugepage_limit_fields);

static const struct field weight_device_fields[] = {
	FIELD(struct oci_weight_device, major, FIELD_INT, U32, .required = true),
	FIELD(struct oci_weight_device, minor, FIELD_INT, U32, .required = true),
	FIELD(struct oci_weight_device, weight, FIELD_OPTINT, .max = 1000),
	FIELD_AS(struct oci_weight_device, leaf_weight, "leafWeight", FIELD_OPTINT, .max = 1000),
};
static FIELD_TABLE(weight_device_table, "weightDevice", struct oci_weight_device, FIELDS_WRITE_ZERO, weight_device_fields);

static const struct field throttle_device_fields[] = {
	FIELD(struct oci_throttle_device, major, FIELD_INT, U32, .required = true),
	FIELD(struct oci_throttle_device, minor, FIELD_INT, U32, .required = true),
	FIELD(struct oci_throttle_device, rate, FIELD_U64, .required = true),
};
static FIELD_TABLE(throttle_device_table, "throttleDevice", struct oci_throttle_device, FIELDS_WRITE_ZERO, throttle_device_fields);

static const struct field block_io_fields[] = {
	FIELD(struct oci_block_io, weight, FIELD_OPTINT, .max = 1000),
	FIELD_AS(struct oci_block_io, leaf_weight, "leafWeight", FIELD_OPTINT, .max = 1000),
	FIELD_AS(struct oci_block_io, weight_device, "weightDevice", FIELD_OBJLIST, SUB(weight_device_table)),
	FIELD_AS(struct oci_block_io, read_bps, "throttleReadBpsDevice", FIELD_OBJLIST, SUB(throttle_device_table)),
	FIELD_AS(struct oci_block_io, write_bps, "throttleWriteBpsDevice", FIELD_OBJLIST, SUB(throttle_device_table)),
	FIELD_AS(struct oci_block_io, read_iops, "throttleReadIOPSDevice", FIELD_OBJLIST, SUB(throttle_device_table)),
	FIELD_AS(struct oci_block_io, write_iops, "throttleWriteIOPSDevice", FIELD_OBJLIST, SUB(throttle_device_table)),
};
static FIELD_TABLE(block_io_table, "blockIO", struct oci_block_io, 0, block_io_fields);

static const struct field if_priority_fields[] = {
	FIELD(struct oci_if_priority, name, FIELD_STR, .required = true),
	FIELD(struct oci_if_priority, priority, FIELD_INT, U32, .required = true),
};
static FIELD_TABLE(if_priority_table, "priority", struct oci_if_priority, FIELDS_WRITE_ZERO, if_priority_fields);

static const struct field network_fields[] = {
	FIELD_AS(struct oci_network, class_id, "classID", FIELD_OPTINT, U32),
	FIELD(struct oci_network, priorities, FIELD_OBJLIST, SUB(if_priority_table)),
};
static FIELD_TABLE(network_table, "network", struct oci_network, 0, network_fields);

static const struct field rdma_fields[] = {
	FIELD_KEY(struct oci_rdma, device),
	FIELD_AS(struct oci_rdma, hca_handles, "hcaHandles", FIELD_OPTINT, U32),
	FIELD_AS(struct oci_rdma, hca_objects, "hcaObjects", FIELD_OPTINT, U32),
};
static FIELD_TABLE(rdma_table, "rdma", struct oci_rdma, 0, rdma_fields);

static const struct field resources_fields[] = {
	FIELD(struct oci_resources, devices, FIELD_OBJLIST, SUB(oci_device_rule_table)),
	FIELD(struct oci_resources, memory, FIELD_OBJ, SUB(memory_table)),
	FIELD(struct oci_resources, cpu, FIELD_OBJ, SUB(cpu_table)),
	FIELD(struct oci_resources, pids, FIELD_OBJ, SUB(pids_table)),
	FIELD_AS(struct oci_resources, hugepage_limits, "hugepageLimits", FIELD_OBJLIST, SUB(hugepage_limit_table)),
	FIELD_AS(struct oci_resources, block_io, "blockIO", FIELD_OBJ, SUB(block_io_table)),
	FIELD(struct oci_resources, network, FIELD_OBJ, SUB(network_table)),
	FIELD(struct oci_resources, rdma, FIELD_OBJMAP, SUB(rdma_table)),
	FIELD(struct oci_resources, unified, FIELD_STRMAP),
};
FIELD_TABLE(oci_resources_table, "resources", struct oci_resources, 0, resources_fields);

static const struct field time_offset_fields[] = {
	FIELD_KEY(struct oci_time_offset, clock),
	FIELD(struct oci_time_offset, secs, FIELD_INT),
	FIELD(struct oci_time_offset, nanosecs, FIELD_INT, .max = 999999999),
};
static FIELD_TABLE(time_offset_table, "timeOffset", struct oci_time_offset, 0, time_offset_fields);

static const struct field net_device_fields[] = {
	FIELD_KEY(struct oci_net_device, host_name),
	FIELD(struct oci_net_device, name, FIELD_STR),
};
static FIELD_TABLE(net_device_table, "netDevice", struct oci_net_device, 0, net_device_fields);

static const struct field memory_policy_fields[] = {
	FIELD(struct oci_memory_policy, mode, FIELD_STR, .required = true),
	FIELD(struct oci_memory_policy, nodes, FIELD_STR),
	FIELD(struct oci_memory_policy, flags, FIELD_STRLIST),
};
static FIELD_TABLE(memory_policy_table, "memoryPolicy", struct oci_memory_policy, 0, memory_policy_fields);

static const struct field intel_rdt_fields[] = {
	FIELD_AS(struct oci_intel_rdt, clos_id, "closID", FIELD_STR),
	FIELD(struct oci_intel_rdt, schemata, FIELD_STRLIST),
	FIELD_AS(struct oci_intel_rdt, l3_cache_schema, "l3CacheSchema", FIELD_STR),
	FIELD_AS(struct oci_intel_rdt, mem_bw_schema, "memBwSchema", FIELD_STR),
	FIELD_AS(struct oci_intel_rdt, enable_monitoring, "enableMonitoring", FIELD_BOOL),
};
static FIELD_TABLE(intel_rdt_table, "intelRdt", struct oci_intel_rdt, 0, intel_rdt_fields);

static const struct field personality_fields[] = {
	FIELD(struct oci_personality, domain, FIELD_STR, .required = true),
	FIELD(struct oci_personality, flags, FIELD_STRLIST),
};
static FIELD_TABLE(personality_table, "personality", struct oci_personality, 0, personality_fields);

static const struct field hook_fields[] = {
	FIELD(struct oci_hook, path, FIELD_STR, .required = true),
	FIELD(struct oci_hook, args, FIELD_STRLIST),
	FIELD(struct oci_hook, env, FIELD_STRLIST),
	FIELD(struct oci_hook, timeout, FIELD_OPTINT, .min = 1, .max = INT32_MAX),
};
FIELD_TABLE(oci_hook_table, "hook", struct oci_hook, 0, hook_fields);

static const struct field hooks_fields[] = {
	FIELD(struct oci_hooks, prestart, FIELD_OBJLIST, SUB(oci_hook_table)),
	FIELD_AS(struct oci_hooks, create_runtime, "createRuntime", FIELD_OBJLIST, SUB(oci_hook_table)),
	FIELD_AS(struct oci_hooks, create_container, "createContainer", FIELD_OBJLIST, SUB(oci_hook_table)),
	FIELD_AS(struct oci_hooks, start_container, "startContainer", FIELD_OBJLIST, SUB(oci_hook_table)),
	FIELD(struct oci_hooks, poststart, FIELD_OBJLIST, SUB(oci_hook_table)),
	FIELD(struct oci_hooks, poststop, FIELD_OBJLIST, SUB(oci_hook_table)),
};
FIELD_TABLE(oci_hooks_table, "hooks", struct oci_hooks, 0, hooks_fields);

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
	FIELD_AS(struct oci_linux, time_offsets, "timeOffsets", FIELD_OBJMAP, SUB(time_offset_table)),
	FIELD_AS(struct oci_linux, net_devices, "netDevices", FIELD_OBJMAP, SUB(net_device_table)),
	FIELD_AS(struct oci_linux, memory_policy, "memoryPolicy", FIELD_OBJPTR, SUB(memory_policy_table)),
	FIELD_AS(struct oci_linux, intel_rdt, "intelRdt", FIELD_OBJPTR, SUB(intel_rdt_table)),
	FIELD(struct oci_linux, personality, FIELD_OBJPTR, SUB(personality_table)),
};
static FIELD_TABLE(linux_table, "linux", struct oci_linux, 0, linux_fields);

static const struct field spec_fields[] = {
	FIELD_AS(struct oci_spec, oci_version, "ociVersion", FIELD_STR),
	FIELD(struct oci_spec, root, FIELD_OBJ, SUB(root_table)),
	FIELD(struct oci_spec, process, FIELD_OBJ, SUB(oci_process_table)),
	FIELD(struct oci_spec, hostname, FIELD_STR),
	FIELD(struct oci_spec, domainname, FIELD_STR),
	FIELD(struct oci_spec, mounts, FIELD_OBJLIST, SUB(oci_mount_table)),
	FIELD(struct oci_spec, hooks, FIELD_OBJ, SUB(oci_hooks_table)),
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
