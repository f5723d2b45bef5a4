/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/cri.h"

#include "spec/label.h"
#include "spec/oci.h"

#define CRI_FLAGS (FIELDS_STRICT | FIELDS_ANY_CASE)
#define SUB(table) .sub = &(table)
#define PORT .max = UINT16_MAX
#define ID .max = UINT32_MAX - 1 /* the largest number means "none" to the kernel */
#define NOT_NEGATIVE .max = INT64_MAX
#define LABELS .check_key = label_key_check, .check = label_value_check

static const char *check_absolute(const char *s)
{
	return *s == '/' ? NULL : "expected an absolute path";
}

/* CRI's spelling before SecurityProfile. */
static const char *check_old_profile(const char *s)
{
	bool fine = str_eq(s, "") || str_eq(s, "runtime/default") || str_eq(s, "unconfined") ||
		    (str_starts(s, "localhost/") && s[strlen("localhost/")]);

	return fine ? NULL : "expected runtime/default, unconfined or localhost/PROFILE";
}

// clang-format off
static const char *const namespace_modes[] = { "POD", "CONTAINER", "NODE", "TARGET", NULL };
static const char *const protocols[] = { "TCP", "UDP", "SCTP", NULL };
static const char *const propagations[] = {
	"PROPAGATION_PRIVATE", "PROPAGATION_HOST_TO_CONTAINER", "PROPAGATION_BIDIRECTIONAL", NULL,
};
static const char *const group_policies[] = { "Merge", "Strict", NULL };
static const char *const profile_types[] = { "RuntimeDefault", "Unconfined", "Localhost", NULL };

/* CRI's enum Signal by its own numbers, which are not the kernel's; 0: the image's. */
static const char *const stop_signals[] = {
	"", "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL",
	"SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT",
	"SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN",
	"SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ",
	"SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5", "SIGRTMIN+6",
	"SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12",
	"SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13", "SIGRTMAX-12",
	"SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8", "SIGRTMAX-7", "SIGRTMAX-6",
	"SIGRTMAX-5", "SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2", "SIGRTMAX-1", "SIGRTMAX", NULL,
};

static const struct field metadata_fields[] = {
	FIELD(struct cri_metadata, name, FIELD_STR),
	FIELD(struct cri_metadata, uid, FIELD_STR),
	FIELD_AS(struct cri_metadata, namespace_, "namespace", FIELD_STR),
	FIELD(struct cri_metadata, attempt, FIELD_INT, .max = UINT32_MAX),
};
static FIELD_TABLE(sandbox_metadata_table, "PodSandboxMetadata", struct cri_metadata, CRI_FLAGS, metadata_fields);

static const struct field container_metadata_fields[] = {
	FIELD(struct cri_metadata, name, FIELD_STR),
	FIELD(struct cri_metadata, attempt, FIELD_INT, .max = UINT32_MAX),
};
static FIELD_TABLE(container_metadata_table, "ContainerMetadata", struct cri_metadata, CRI_FLAGS, container_metadata_fields);

static const struct field dns_fields[] = {
	FIELD(struct cri_dns, servers, FIELD_STRLIST),
	FIELD(struct cri_dns, searches, FIELD_STRLIST),
	FIELD(struct cri_dns, options, FIELD_STRLIST),
};
FIELD_TABLE(cri_dns_table, "DNSConfig", struct cri_dns, CRI_FLAGS, dns_fields);

static const struct field port_mapping_fields[] = {
	FIELD(struct cri_port_mapping, protocol, FIELD_ENUM, .names = protocols),
	FIELD(struct cri_port_mapping, container_port, FIELD_INT, PORT),
	FIELD(struct cri_port_mapping, host_port, FIELD_INT, PORT),
	FIELD(struct cri_port_mapping, host_ip, FIELD_STR),
};
FIELD_TABLE(cri_port_mapping_table, "PortMapping", struct cri_port_mapping, CRI_FLAGS, port_mapping_fields);

static const struct field id_mapping_fields[] = {
	FIELD(struct oci_id_mapping, host_id, FIELD_INT, ID),
	FIELD(struct oci_id_mapping, container_id, FIELD_INT, ID),
	FIELD_AS(struct oci_id_mapping, size, "length", FIELD_INT, .max = UINT32_MAX),
};
FIELD_TABLE(cri_id_mapping_table, "IDMapping", struct oci_id_mapping, CRI_FLAGS, id_mapping_fields);

static const struct field userns_fields[] = {
	FIELD(struct cri_userns, mode, FIELD_ENUM, .names = namespace_modes),
	FIELD(struct cri_userns, uids, FIELD_OBJLIST, SUB(cri_id_mapping_table)),
	FIELD(struct cri_userns, gids, FIELD_OBJLIST, SUB(cri_id_mapping_table)),
};
FIELD_TABLE(cri_userns_table, "UserNamespace", struct cri_userns, CRI_FLAGS, userns_fields);

static const struct field namespace_options_fields[] = {
	FIELD(struct cri_namespace_options, network, FIELD_ENUM, .names = namespace_modes),
	FIELD(struct cri_namespace_options, pid, FIELD_ENUM, .names = namespace_modes, .always = true),
	FIELD(struct cri_namespace_options, ipc, FIELD_ENUM, .names = namespace_modes),
	FIELD(struct cri_namespace_options, target_id, FIELD_STR),
	FIELD(struct cri_namespace_options, userns_options, FIELD_OBJPTR, SUB(cri_userns_table)),
	FIELD(struct cri_namespace_options, network_name, FIELD_STR),
};
FIELD_TABLE(cri_namespace_options_table, "NamespaceOption", struct cri_namespace_options, CRI_FLAGS, namespace_options_fields);

static const struct field hugepage_limit_fields[] = {
	FIELD(struct oci_hugepage_limit, page_size, FIELD_STR),
	FIELD(struct oci_hugepage_limit, limit, FIELD_U64),
};
FIELD_TABLE(cri_hugepage_limit_table, "HugepageLimit", struct oci_hugepage_limit, CRI_FLAGS, hugepage_limit_fields);

static const struct field resources_fields[] = {
	FIELD(struct cri_resources, cpu_period, FIELD_OPTINT, NOT_NEGATIVE),
	FIELD(struct cri_resources, cpu_quota, FIELD_OPTINT),
	FIELD(struct cri_resources, cpu_shares, FIELD_OPTINT, NOT_NEGATIVE),
	FIELD(struct cri_resources, memory_limit_in_bytes, FIELD_OPTINT, .min = -1, .max = INT64_MAX),
	FIELD(struct cri_resources, oom_score_adj, FIELD_OPTINT, .min = -1000, .max = 1000),
	FIELD(struct cri_resources, cpuset_cpus, FIELD_STR),
	FIELD(struct cri_resources, cpuset_mems, FIELD_STR),
	FIELD(struct cri_resources, hugepage_limits, FIELD_OBJLIST, SUB(cri_hugepage_limit_table)),
	FIELD(struct cri_resources, unified, FIELD_STRMAP),
	FIELD(struct cri_resources, memory_swap_limit_in_bytes, FIELD_OPTINT),
	FIELD(struct cri_resources, pids_limit, FIELD_OPTINT),
};
FIELD_TABLE(cri_resources_table, "LinuxContainerResources", struct cri_resources, CRI_FLAGS, resources_fields);

static const struct field selinux_fields[] = {
	FIELD(struct cri_selinux, user, FIELD_STR),
	FIELD(struct cri_selinux, role, FIELD_STR),
	FIELD(struct cri_selinux, type, FIELD_STR),
	FIELD(struct cri_selinux, level, FIELD_STR),
};
FIELD_TABLE(cri_selinux_table, "SELinuxOption", struct cri_selinux, CRI_FLAGS, selinux_fields);

static const struct field int64_fields[] = {
	FIELD(struct cri_int64, value, FIELD_INT, ID),
};
FIELD_TABLE(cri_int64_table, "Int64Value", struct cri_int64, CRI_FLAGS, int64_fields);

static const struct field profile_fields[] = {
	FIELD(struct cri_profile, profile_type, FIELD_ENUM, .names = profile_types, .always = true),
	FIELD(struct cri_profile, localhost_ref, FIELD_STR),
};
FIELD_TABLE(cri_profile_table, "SecurityProfile", struct cri_profile, CRI_FLAGS, profile_fields);

static const struct field sandbox_security_fields[] = {
	FIELD(struct cri_sandbox_security, namespace_options, FIELD_OBJ, SUB(cri_namespace_options_table)),
	FIELD(struct cri_sandbox_security, selinux_options, FIELD_OBJPTR, SUB(cri_selinux_table)),
	FIELD(struct cri_sandbox_security, run_as_user, FIELD_OBJPTR, SUB(cri_int64_table)),
	FIELD(struct cri_sandbox_security, run_as_group, FIELD_OBJPTR, SUB(cri_int64_table)),
	FIELD(struct cri_sandbox_security, readonly_rootfs, FIELD_BOOL),
	FIELD(struct cri_sandbox_security, privileged, FIELD_BOOL),
	FIELD(struct cri_sandbox_security, supplemental_groups, FIELD_INTLIST, ID),
	FIELD(struct cri_sandbox_security, seccomp, FIELD_OBJPTR, SUB(cri_profile_table)),
	FIELD(struct cri_sandbox_security, apparmor, FIELD_OBJPTR, SUB(cri_profile_table)),
	FIELD(struct cri_sandbox_security, seccomp_profile_path, FIELD_STR, .check = check_old_profile),
};
static FIELD_TABLE(sandbox_security_table, "LinuxSandboxSecurityContext", struct cri_sandbox_security, CRI_FLAGS, sandbox_security_fields);

static const struct field sandbox_linux_fields[] = {
	FIELD(struct cri_sandbox_linux, cgroup_parent, FIELD_STR),
	FIELD(struct cri_sandbox_linux, security_context, FIELD_OBJ, SUB(sandbox_security_table)),
	FIELD(struct cri_sandbox_linux, sysctls, FIELD_STRMAP),
	FIELD(struct cri_sandbox_linux, overhead, FIELD_OBJPTR, SUB(cri_resources_table)),
	FIELD(struct cri_sandbox_linux, resources, FIELD_OBJPTR, SUB(cri_resources_table)),
};
static FIELD_TABLE(sandbox_linux_table, "LinuxPodSandboxConfig", struct cri_sandbox_linux, CRI_FLAGS, sandbox_linux_fields);

static const struct field sandbox_config_fields[] = {
	FIELD(struct cri_sandbox_config, metadata, FIELD_OBJ, SUB(sandbox_metadata_table)),
	FIELD(struct cri_sandbox_config, hostname, FIELD_STR),
	FIELD(struct cri_sandbox_config, log_directory, FIELD_STR),
	FIELD(struct cri_sandbox_config, dns_config, FIELD_OBJ, SUB(cri_dns_table)),
	FIELD(struct cri_sandbox_config, port_mappings, FIELD_OBJLIST, SUB(cri_port_mapping_table)),
	FIELD(struct cri_sandbox_config, labels, FIELD_STRMAP, LABELS),
	FIELD(struct cri_sandbox_config, annotations, FIELD_STRMAP),
	FIELD_AS(struct cri_sandbox_config, linux_, "linux", FIELD_OBJ, SUB(sandbox_linux_table)),
	FIELD(struct cri_sandbox_config, windows, FIELD_JSON),
	FIELD(struct cri_sandbox_config, mac_address, FIELD_STR),
	FIELD(struct cri_sandbox_config, ip_addresses, FIELD_STRLIST),
};
FIELD_TABLE(cri_sandbox_config_table, "PodSandboxConfig", struct cri_sandbox_config, CRI_FLAGS, sandbox_config_fields);

static const struct field image_fields[] = {
	FIELD(struct cri_image, image, FIELD_STR),
	FIELD(struct cri_image, annotations, FIELD_STRMAP),
	FIELD(struct cri_image, user_specified_image, FIELD_STR),
	FIELD(struct cri_image, runtime_handler, FIELD_STR),
	FIELD(struct cri_image, image_ref, FIELD_STR),
};
static FIELD_TABLE(image_table, "ImageSpec", struct cri_image, CRI_FLAGS, image_fields);

static const struct field env_fields[] = {
	FIELD(struct cri_env, key, FIELD_STR),
	FIELD(struct cri_env, value, FIELD_STR),
};
FIELD_TABLE(cri_env_table, "KeyValue", struct cri_env, CRI_FLAGS, env_fields);

static const struct field tmpfs_fields[] = {
	FIELD(struct cri_tmpfs, size, FIELD_OPTINT, NOT_NEGATIVE),
	FIELD(struct cri_tmpfs, mode, FIELD_OPTINT, .max = 07777),
};
FIELD_TABLE(cri_tmpfs_table, "Tmpfs", struct cri_tmpfs, CRI_FLAGS, tmpfs_fields);

static const struct field mount_fields[] = {
	FIELD(struct cri_mount, container_path, FIELD_STR, .check = check_absolute),
	FIELD(struct cri_mount, host_path, FIELD_STR),
	FIELD(struct cri_mount, readonly, FIELD_BOOL),
	FIELD(struct cri_mount, selinux_relabel, FIELD_BOOL),
	FIELD(struct cri_mount, propagation, FIELD_ENUM, .names = propagations),
	FIELD(struct cri_mount, recursive_read_only, FIELD_BOOL),
	FIELD(struct cri_mount, uid_mappings, FIELD_OBJLIST, SUB(cri_id_mapping_table)),
	FIELD(struct cri_mount, gid_mappings, FIELD_OBJLIST, SUB(cri_id_mapping_table)),
	FIELD(struct cri_mount, idmap, FIELD_BOOL),
	FIELD(struct cri_mount, sub_path, FIELD_STR),
	FIELD(struct cri_mount, tmpfs, FIELD_OBJPTR, SUB(cri_tmpfs_table)),
	FIELD(struct cri_mount, image, FIELD_OBJPTR, SUB(image_table)),
	FIELD(struct cri_mount, image_sub_path, FIELD_STR),
};
FIELD_TABLE(cri_mount_table, "Mount", struct cri_mount, CRI_FLAGS, mount_fields);

static const struct field device_fields[] = {
	FIELD(struct cri_device, container_path, FIELD_STR, .check = check_absolute),
	FIELD(struct cri_device, host_path, FIELD_STR, .check = check_absolute),
	FIELD(struct cri_device, permissions, FIELD_STR),
};
FIELD_TABLE(cri_device_table, "Device", struct cri_device, CRI_FLAGS, device_fields);

static const struct field cdi_device_fields[] = {
	FIELD(struct cri_cdi_device, name, FIELD_STR),
};
FIELD_TABLE(cri_cdi_device_table, "CDIDevice", struct cri_cdi_device, CRI_FLAGS, cdi_device_fields);

static const struct field capabilities_fields[] = {
	FIELD(struct cri_capabilities, add_capabilities, FIELD_STRLIST),
	FIELD(struct cri_capabilities, drop_capabilities, FIELD_STRLIST),
	FIELD(struct cri_capabilities, add_ambient_capabilities, FIELD_STRLIST),
};
FIELD_TABLE(cri_capabilities_table, "Capability", struct cri_capabilities, CRI_FLAGS, capabilities_fields);

static const struct field container_security_fields[] = {
	FIELD(struct cri_container_security, capabilities, FIELD_OBJPTR, SUB(cri_capabilities_table)),
	FIELD(struct cri_container_security, privileged, FIELD_BOOL),
	FIELD(struct cri_container_security, namespace_options, FIELD_OBJPTR, SUB(cri_namespace_options_table)),
	FIELD(struct cri_container_security, selinux_options, FIELD_OBJPTR, SUB(cri_selinux_table)),
	FIELD(struct cri_container_security, run_as_user, FIELD_OBJPTR, SUB(cri_int64_table)),
	FIELD(struct cri_container_security, run_as_group, FIELD_OBJPTR, SUB(cri_int64_table)),
	FIELD(struct cri_container_security, run_as_username, FIELD_STR),
	FIELD(struct cri_container_security, readonly_rootfs, FIELD_BOOL),
	FIELD(struct cri_container_security, no_new_privs, FIELD_BOOL),
	FIELD(struct cri_container_security, supplemental_groups, FIELD_INTLIST, ID),
	FIELD(struct cri_container_security, supplemental_groups_policy, FIELD_ENUM, .names = group_policies),
	FIELD(struct cri_container_security, masked_paths, FIELD_STRLIST),
	FIELD(struct cri_container_security, readonly_paths, FIELD_STRLIST),
	FIELD(struct cri_container_security, seccomp, FIELD_OBJPTR, SUB(cri_profile_table)),
	FIELD(struct cri_container_security, apparmor, FIELD_OBJPTR, SUB(cri_profile_table)),
	FIELD(struct cri_container_security, seccomp_profile_path, FIELD_STR, .check = check_old_profile),
	FIELD(struct cri_container_security, apparmor_profile, FIELD_STR, .check = check_old_profile),
};
static FIELD_TABLE(container_security_table, "LinuxContainerSecurityContext", struct cri_container_security, CRI_FLAGS, container_security_fields);

static const struct field rlimit_fields[] = {
	FIELD(struct oci_rlimit, type, FIELD_STR),
	FIELD(struct oci_rlimit, soft, FIELD_INT),
	FIELD(struct oci_rlimit, hard, FIELD_INT),
};
FIELD_TABLE(cri_rlimit_table, "Rlimit", struct oci_rlimit, CRI_FLAGS, rlimit_fields);

static const struct field container_linux_fields[] = {
	FIELD(struct cri_container_linux, resources, FIELD_OBJPTR, SUB(cri_resources_table)),
	FIELD(struct cri_container_linux, security_context, FIELD_OBJ, SUB(container_security_table)),
	FIELD(struct cri_container_linux, rlimits, FIELD_OBJLIST, SUB(cri_rlimit_table)),
	FIELD(struct cri_container_linux, init, FIELD_BOOL),
};
static FIELD_TABLE(container_linux_table, "LinuxContainerConfig", struct cri_container_linux, CRI_FLAGS, container_linux_fields);

static const struct field container_config_fields[] = {
	FIELD(struct cri_container_config, metadata, FIELD_OBJ, SUB(container_metadata_table)),
	FIELD(struct cri_container_config, image, FIELD_OBJ, SUB(image_table)),
	FIELD(struct cri_container_config, command, FIELD_STRLIST),
	FIELD(struct cri_container_config, args, FIELD_STRLIST),
	FIELD(struct cri_container_config, working_dir, FIELD_STR),
	FIELD(struct cri_container_config, envs, FIELD_OBJLIST, SUB(cri_env_table)),
	FIELD(struct cri_container_config, mounts, FIELD_OBJLIST, SUB(cri_mount_table)),
	FIELD(struct cri_container_config, devices, FIELD_OBJLIST, SUB(cri_device_table)),
	FIELD_AS(struct cri_container_config, cdi_devices, "CDI_devices", FIELD_OBJLIST, SUB(cri_cdi_device_table)),
	FIELD(struct cri_container_config, labels, FIELD_STRMAP, LABELS),
	FIELD(struct cri_container_config, annotations, FIELD_STRMAP),
	FIELD(struct cri_container_config, log_path, FIELD_STR),
	FIELD_AS(struct cri_container_config, stdin_, "stdin", FIELD_BOOL),
	FIELD(struct cri_container_config, stdin_once, FIELD_BOOL),
	FIELD(struct cri_container_config, tty, FIELD_BOOL),
	FIELD_AS(struct cri_container_config, linux_, "linux", FIELD_OBJ, SUB(container_linux_table)),
	FIELD(struct cri_container_config, stop_signal, FIELD_STR, .names = stop_signals),
	FIELD(struct cri_container_config, windows, FIELD_JSON),
	FIELD(struct cri_container_config, log_max_size, FIELD_OPTINT, .min = CRI_LOG_SIZE_MIN, .max = INT64_MAX),
	FIELD(struct cri_container_config, log_max_files, FIELD_OPTINT, .min = 1, .max = CRI_LOG_FILES_MAX),
};
FIELD_TABLE(cri_container_config_table, "ContainerConfig", struct cri_container_config, CRI_FLAGS, container_config_fields);
// clang-format on

void cri_sandbox_config_free(struct cri_sandbox_config *c)
{
	fields_free(&cri_sandbox_config_table, c);
}

void cri_container_config_free(struct cri_container_config *c)
{
	fields_free(&cri_container_config_table, c);
}
