/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oci.h - config.json of the OCI runtime specification 1.3 as structs: what the executor runs.
 * https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md and config-linux.md
 *
 * Unknown members are ignored, as the specification asks. Free with oci_spec_free().
 */
#ifndef CADDIS_SPEC_OCI_H
#define CADDIS_SPEC_OCI_H

#include "spec/field.h"

struct oci_root {
	char *path; /* absolute, or relative to the bundle; NULL when the executor is given an
		       overlay */
	bool readonly;
};

struct oci_user {
	int64_t uid, gid;
	struct optint umask;
	struct intlist additional_gids;
};

struct oci_rlimit {
	char *type;	    /* "RLIMIT_NOFILE" */
	int64_t soft, hard; /* RLIM_INFINITY is -1 here, 18446744073709551615 in JSON */
};

struct oci_caps {
	struct strv bounding, effective, inheritable, permitted, ambient; /* "CAP_CHOWN" */
};

struct oci_box {
	int64_t height, width;
};

struct oci_process {
	bool terminal;
	struct oci_box console_size;
	struct oci_user user;
	struct strv args, env;
	char *cwd;
	struct oci_caps *capabilities; /* NULL: none at all */
	struct objlist rlimits;	       /* struct oci_rlimit */
	bool no_new_privileges;
	char *apparmor_profile, *selinux_label;
	struct optint oom_score_adj;
};

struct oci_mount {
	char *destination, *type, *source;
	struct strv options;
	struct objlist uid_mappings, gid_mappings; /* struct oci_id_mapping */
	char *sub_path; /* ours, for bind mounts: below source, resolved inside of it at the start */
};

struct oci_id_mapping {
	int64_t container_id, host_id, size;
};

struct oci_namespace {
	char *type; /* pid network mount ipc uts user cgroup time */
	char *path; /* NULL: a new one */
};

struct oci_device {
	char *type, *path; /* type: c b u p */
	int64_t major, minor;
	struct optint file_mode, uid, gid;
};

struct oci_device_rule {
	bool allow;
	char *type;		    /* a c b; NULL: a */
	struct optint major, minor; /* absent or -1: any */
	char *access;		    /* of "rwm" */
};

struct oci_memory {
	struct optint limit, reservation, swap, kernel, kernel_tcp, swappiness;
	bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct oci_cpu {
	struct optint shares, quota, burst, period, realtime_runtime, realtime_period, idle;
	char *cpus, *mems;
};

struct oci_pids {
	struct optint limit;
};

struct oci_hugepage_limit {
	char *page_size;
	int64_t limit;
};

struct oci_resources {
	struct objlist devices; /* struct oci_device_rule */
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_pids pids;
	struct objlist hugepage_limits; /* struct oci_hugepage_limit */
	struct strmap unified;
};

struct oci_linux {
	struct objlist uid_mappings, gid_mappings; /* struct oci_id_mapping */
	struct strmap sysctl;
	char *cgroups_path;
	struct oci_resources resources;
	struct objlist namespaces;   /* struct oci_namespace */
	struct objlist devices;	     /* struct oci_device */
	struct json_object *seccomp; /* kept as JSON; NULL: see executor.h */
	char *rootfs_propagation, *mount_label;
	struct strv masked_paths, readonly_paths;
};

struct oci_spec {
	char *oci_version;
	struct oci_root root;
	struct oci_process process;
	char *hostname, *domainname;
	struct objlist mounts; /* struct oci_mount */
	struct strmap annotations;
	struct oci_linux linux_;
};

extern const struct field_table oci_spec_table, oci_process_table, oci_mount_table,
	oci_namespace_table, oci_device_table, oci_device_rule_table, oci_rlimit_table,
	oci_resources_table, oci_id_mapping_table, oci_caps_table;

void oci_spec_free(struct oci_spec *s);
OWNED_STRUCT(oci_spec, struct oci_spec, oci_spec_free)

/* Appending to the lists. Strings are copied. */
void oci_add_namespace(struct oci_spec *s, const char *type, const char *path);
struct oci_mount *oci_add_mount(struct oci_spec *s, const char *destination, const char *type,
				const char *source, const char *options /* comma-separated */);
/* Appends copies. */
void oci_id_mappings_add(struct objlist *to, const struct objlist *from);
/* What every container of ours starts from: /proc, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys,
 * cgroup; masked and read-only paths; device rules; containerd's default capabilities. */
void oci_spec_default(struct oci_spec *s);
extern const char *const oci_default_caps[]; /* "CAP_CHOWN", …, NULL */

#endif
