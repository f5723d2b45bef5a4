/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cri.h - the CRI v1 configurations of sandboxes and containers as structs.
 * https://github.com/kubernetes/cri-api/blob/v0.31.0/pkg/apis/runtime/v1/api.proto
 * Names are CRI's in snake_case; JSON in camelCase is read too; an unknown field is an error with
 * its path. Fields that CRI lacks and caddis adds are marked (caddis).
 */
#ifndef CADDIS_SPEC_CRI_H
#define CADDIS_SPEC_CRI_H

#include "spec/field.h"

enum cri_namespace_mode { CRI_NS_POD, CRI_NS_CONTAINER, CRI_NS_NODE, CRI_NS_TARGET };
enum cri_protocol { CRI_TCP, CRI_UDP, CRI_SCTP };
enum cri_propagation {
	CRI_PROPAGATION_PRIVATE,
	CRI_PROPAGATION_HOST_TO_CONTAINER,
	CRI_PROPAGATION_BIDIRECTIONAL
};

struct cri_metadata {
	char *name, *uid, *namespace_;
	int64_t attempt;
};

struct cri_dns {
	struct strv servers, searches, options;
};

struct cri_port_mapping {
	int protocol; /* enum cri_protocol */
	int64_t container_port, host_port;
	char *host_ip;
};

struct cri_userns { /* UserNamespace */
	int mode;   /* enum cri_namespace_mode: POD or NODE */
	struct objlist uids,
		gids; /* struct oci_id_mapping, spelled length here; none: (caddis) chosen */
};

struct cri_namespace_options {
	int network, pid, ipc; /* enum cri_namespace_mode */
	char *target_id;
	struct cri_userns *userns_options; /* NULL: the host's */
	char *network_name; /* (caddis) "none" or a named network; NULL: the default */
};

struct cri_resources { /* LinuxContainerResources */
	struct optint cpu_period, cpu_quota, cpu_shares, memory_limit_in_bytes, oom_score_adj;
	char *cpuset_cpus, *cpuset_mems;
	struct objlist hugepage_limits; /* struct oci_hugepage_limit, spelled page_size here */
	struct strmap unified;
	struct optint memory_swap_limit_in_bytes;
	struct optint pids_limit; /* (caddis) */
};

struct cri_selinux {
	char *user, *role, *type, *level;
};

struct cri_int64 { /* google.protobuf.Int64Value as CRI spells it: {"value": 1000} */
	int64_t value;
};

struct cri_profile {	  /* SecurityProfile */
	int profile_type; /* RuntimeDefault, Unconfined, Localhost */
	char *localhost_ref;
};

struct cri_sandbox_security {
	struct cri_namespace_options namespace_options;
	struct cri_selinux *selinux_options;
	struct cri_int64 *run_as_user, *run_as_group;
	bool readonly_rootfs, privileged;
	struct intlist supplemental_groups;
	struct cri_profile *seccomp, *apparmor;
	char *seccomp_profile_path; /* before seccomp, "runtime/default"…; that one wins */
};

struct cri_sandbox_linux {
	char *cgroup_parent;
	struct cri_sandbox_security security_context;
	struct strmap sysctls;
	struct cri_resources *overhead, *resources;
};

struct cri_sandbox_config {
	struct cri_metadata metadata;
	char *hostname, *log_directory;
	struct cri_dns dns_config;
	struct objlist port_mappings; /* struct cri_port_mapping */
	struct strmap labels, annotations;
	struct cri_sandbox_linux linux_; /* "linux" */
	struct json_object *windows;	 /* refused */
	char *mac_address;		 /* (caddis) of its interface */
	struct strv ip_addresses;	 /* (caddis) one of a family */
};

struct cri_image {
	char *image; /* as the user wrote it */
	struct strmap annotations;
	char *user_specified_image;
	char *runtime_handler, *image_ref; /* the CRI server's own notes */
};

struct cri_env {
	char *key, *value;
};

struct cri_tmpfs {		  /* (caddis) */
	struct optint size, mode; /* bytes; permissions, 01777 by default */
};

struct cri_mount {
	char *container_path, *host_path;
	char *sub_path;		 /* (caddis) below host_path, and never outside of it */
	struct cri_image *image; /* instead of host_path, read-only */
	char *image_sub_path;
	struct cri_tmpfs *tmpfs; /* (caddis) in memory, instead of host_path */
	bool readonly, selinux_relabel;
	int propagation; /* enum cri_propagation */
	bool recursive_read_only;
	struct objlist uid_mappings, gid_mappings; /* struct oci_id_mapping */
	bool idmap;				   /* (caddis) by the maps of the sandbox */
};

struct cri_device {
	char *container_path, *host_path, *permissions;
};

struct cri_cdi_device {
	char *name; /* "vendor.com/class=name" */
};

struct cri_capabilities {
	struct strv add_capabilities, drop_capabilities, add_ambient_capabilities;
};

struct cri_container_security {
	struct cri_capabilities *capabilities;
	bool privileged;
	struct cri_namespace_options *namespace_options;
	struct cri_selinux *selinux_options;
	struct cri_int64 *run_as_user, *run_as_group;
	char *run_as_username; /* (caddis) also "UID:GID", "user:group" */
	bool readonly_rootfs, no_new_privs;
	struct intlist supplemental_groups;
	int supplemental_groups_policy; /* Merge: the image's groups of the user too; Strict */
	struct strv masked_paths, readonly_paths;
	struct cri_profile *seccomp, *apparmor;
	/* What came before those two, which win: "runtime/default", "unconfined", "localhost/…". */
	char *seccomp_profile_path, *apparmor_profile;
};

struct cri_container_linux {
	struct cri_resources *resources;
	struct cri_container_security security_context;
	struct objlist rlimits; /* (caddis) struct oci_rlimit: RLIMIT_NOFILE… */
	bool init;		/* (caddis) pid 1 is a program of ours that reaps and forwards */
};

#define CRI_LOG_SIZE_MIN 4096
#define CRI_LOG_FILES_MAX 1000
#define CRI_LOG_FILES_DEFAULT                                                                      \
	5 /* kubelet's containerLogMaxFiles; the one that is written to counts */
struct cri_container_config {
	struct cri_metadata metadata;
	struct cri_image image;
	struct strv command, args;
	char *working_dir;
	struct objlist envs;   /* struct cri_env */
	struct objlist mounts; /* struct cri_mount */
	struct objlist devices;
	struct objlist cdi_devices; /* "CDI_devices": struct cri_cdi_device */
	struct strmap labels, annotations;
	char *log_path;
	bool stdin_, stdin_once, tty;		   /* "stdin" */
	struct cri_container_linux linux_;	   /* "linux" */
	char *stop_signal;			   /* CRI spells SIGTERM */
	struct json_object *windows;		   /* refused */
	struct optint log_max_size, log_max_files; /* (caddis) bytes; the log rotates by itself */
};

extern const struct field_table cri_sandbox_config_table, cri_container_config_table, cri_env_table,
	cri_dns_table, cri_mount_table, cri_port_mapping_table, cri_device_table,
	cri_cdi_device_table, cri_resources_table, cri_hugepage_limit_table, cri_capabilities_table,
	cri_int64_table, cri_namespace_options_table, cri_userns_table, cri_id_mapping_table,
	cri_rlimit_table, cri_tmpfs_table, cri_selinux_table, cri_profile_table;

void cri_sandbox_config_free(struct cri_sandbox_config *c);
void cri_container_config_free(struct cri_container_config *c);
OWNED_STRUCT(cri_sandbox_config, struct cri_sandbox_config, cri_sandbox_config_free)
OWNED_STRUCT(cri_container_config, struct cri_container_config, cri_container_config_free)

#endif
