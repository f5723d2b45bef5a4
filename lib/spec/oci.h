/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oci.h - config.json of the OCI runtime specification 1.3 as structs: what the executor runs.
 * https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md and config-linux.md
 *
 * Unknown members are ignored, as the specification asks. Free with oci_spec_free(). What stands for
 * a name of the kernel's ("SCHED_FIFO") is kept as text; oci_spec_check() knows which there are.
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

/* sched_setattr(2) */
struct oci_scheduler {
	char *policy; /* "SCHED_FIFO" */
	int64_t nice, priority;
	struct strv flags;		   /* "SCHED_FLAG_RESET_ON_FORK" */
	int64_t runtime, deadline, period; /* ns, of SCHED_DEADLINE */
};

struct oci_io_priority {
	char *class_; /* "IOPRIO_CLASS_BE" */
	int64_t priority;
};

/* Lists like "0-3,7", of processes that are executed in a running container. */
struct oci_exec_affinity {
	char *initial, *final;
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
	struct oci_scheduler *scheduler;     /* NULL: as the caller's */
	struct oci_io_priority *io_priority; /* the same */
	struct oci_exec_affinity exec_affinity;
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

struct oci_weight_device {
	int64_t major, minor;
	struct optint weight, leaf_weight;
};

struct oci_throttle_device {
	int64_t major, minor;
	int64_t rate; /* bytes or operations per second; unsigned, as FIELD_U64 has it */
};

struct oci_block_io {
	struct optint weight, leaf_weight;
	struct objlist weight_device; /* struct oci_weight_device */
	/* struct oci_throttle_device */
	struct objlist read_bps, write_bps, read_iops, write_iops;
};

struct oci_if_priority {
	char *name;
	int64_t priority;
};

struct oci_network {
	struct optint class_id;
	struct objlist priorities; /* struct oci_if_priority */
};

struct oci_rdma {
	char *device; /* the key */
	struct optint hca_handles, hca_objects;
};

struct oci_resources {
	struct objlist devices; /* struct oci_device_rule */
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_pids pids;
	struct oci_block_io block_io;
	struct objlist hugepage_limits; /* struct oci_hugepage_limit */
	struct oci_network network;
	struct objlist rdma; /* struct oci_rdma */
	struct strmap unified;
};

struct oci_time_offset {
	char *clock; /* the key: "monotonic", "boottime" */
	int64_t secs, nanosecs;
};

struct oci_net_device {
	char *host_name; /* the key */
	char *name;	 /* in the container; NULL: the same */
};

struct oci_memory_policy {
	char *mode, *nodes; /* "MPOL_BIND", "0-3,7" */
	struct strv flags;  /* "MPOL_F_STATIC_NODES" */
};

struct oci_intel_rdt {
	char *clos_id;
	struct strv schemata;
	char *l3_cache_schema, *mem_bw_schema;
	bool enable_monitoring;
};

struct oci_personality {
	char *domain; /* "LINUX", "LINUX32" */
	struct strv flags;
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
	struct objlist time_offsets; /* struct oci_time_offset */
	struct objlist net_devices;  /* struct oci_net_device */
	struct oci_memory_policy *memory_policy;
	struct oci_intel_rdt *intel_rdt;
	struct oci_personality *personality;
};

struct oci_hook {
	char *path;
	struct strv args, env;
	struct optint timeout; /* seconds */
};
/* struct oci_hook; in which namespaces, and when, they run: executor/hooks.h */
struct oci_hooks {
	struct objlist prestart, create_runtime, create_container, start_container, poststart,
		poststop;
};

struct oci_spec {
	char *oci_version;
	struct oci_root root;
	struct oci_process process;
	char *hostname, *domainname;
	struct objlist mounts; /* struct oci_mount */
	struct oci_hooks hooks;
	struct strmap annotations;
	struct oci_linux linux_;
};

extern const struct field_table oci_spec_table, oci_process_table, oci_mount_table,
	oci_namespace_table, oci_device_table, oci_device_rule_table, oci_rlimit_table,
	oci_resources_table, oci_id_mapping_table, oci_caps_table, oci_hook_table, oci_hooks_table;

/*
 * Reads the config.json of a bundle: fd is open for reading, at most 16 MiB; what names it in errors,
 * which are ERR_USAGE and name the field ("config.json: process.rlimits[1].type: ..."). Checked whole
 * by oci_spec_check(). Paths of the host that are relative (root.path, sources of bind mounts) become
 * absolute below bundle, an absolute path. The struct at out is zero before, and after an error.
 */
int oci_spec_load(int fd, const char *what, const char *bundle, struct oci_spec *out,
		  struct strv *warnings, struct err *e);
/* The same of a process alone, as exec --process has it. */
int oci_process_load(int fd, const char *what, struct oci_process *out, struct strv *warnings,
		     struct err *e);
/* And of resources alone, as update --resources has them. */
int oci_resources_load(int fd, const char *what, struct oci_resources *out, struct err *e);
/*
 * Whatever can be told from the text alone: what the specification forbids, and what the executor
 * could not do. What is to be warned of and not refused (capabilities that are not known: they are
 * taken out) is added to warnings, one line each. (oci_check.c)
 */
int oci_spec_check(struct oci_spec *s, struct strv *warnings, struct err *e);
int oci_process_check(struct oci_process *p, struct strv *warnings, struct err *e);
int oci_resources_check(const struct oci_resources *r, struct err *e);
/* "0-3,7" as a bit mask of 64-bit words, at most bits of them; -1 without an error value. */
int oci_list_parse(const char *s, uint64_t *mask, unsigned bits);

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
/* The default device rules: only_allow leaves out the first, which denies everything. */
void oci_add_device_rules(struct objlist *l, bool only_allow);
extern const char *const oci_default_caps[]; /* "CAP_CHOWN", …, NULL */

#endif
