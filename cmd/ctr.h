/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctr.h - the files behind 'caddis ctr'. */
#ifndef CADDIS_CMD_CTR_H
#define CADDIS_CMD_CTR_H

#include "cli.h"
#include "net_opts.h"
#include "pod/container.h"
#include "spec/field.h"
#include "table.h"

/* ctr_mounts.c: -v, --mount, --tmpfs. One replaces what a file has on the same path. */
struct ctr_mount_args {
	struct strv volumes, mounts, tmpfs;
};
int ctr_config_mounts(const struct ctr_mount_args *a, struct objlist *mounts, struct err *e);

/* ctr_security.c: the options about rights, limits and devices. */
struct ctr_security_args {
	const char *groups_policy;
	struct strv security_opts, groups, ulimits, devices, ambient, cdi_dirs;
	struct optint init;
};
int ctr_config_security(const struct ctr_security_args *a, struct cri_container_config *c,
			struct err *e);

/* ctr_resources.c: limits, for create, run and update. */
struct ctr_resource_args {
	const char *memory, *memory_swap, *cpus, *cpuset_cpus, *cpuset_mems;
	struct optint cpu_period, cpu_quota, cpu_shares, pids_limit;
	struct strv hugetlb; /* each "2MB:64m" replaces the limit of that page size */
	struct strmap unified;
};
// clang-format off
#define CTR_RESOURCE_OPTS(struct_, member)                                                         \
	OPT('m', "memory", "SIZE", OPT_STR, struct_, member.memory, "memory limit, e.g. 64m"),      \
	OPT(0, "memory-swap", "SIZE", OPT_STR, struct_, member.memory_swap, "limit of memory and swap together; -1: none"), \
	OPT(0, "cpus", "N", OPT_STR, struct_, member.cpus, "CPU limit, e.g. 1.5"),                  \
	OPT(0, "cpu-period", "MICROSECONDS", OPT_INT, struct_, member.cpu_period, "period of --cpu-quota"), \
	OPT(0, "cpu-quota", "MICROSECONDS", OPT_INT, struct_, member.cpu_quota, "CPU time in each period; -1: no limit"), \
	OPT(0, "cpu-shares", "N", OPT_INT, struct_, member.cpu_shares, "weight among its siblings, 2 to 262144"), \
	OPT(0, "cpuset-cpus", "LIST", OPT_STR, struct_, member.cpuset_cpus, "only these CPUs, e.g. 0-1,3"), \
	OPT(0, "cpuset-mems", "LIST", OPT_STR, struct_, member.cpuset_mems, "only these memory nodes"), \
	OPT(0, "hugetlb", "PAGESIZE:LIMIT", OPT_LIST, struct_, member.hugetlb, "limit of huge pages of a size, e.g. 2MB:64m; may be repeated"), \
	OPT(0, "unified", "FILE=VALUE", OPT_MAP, struct_, member.unified, "write VALUE into a file of its cgroup (v2), e.g. memory.high=32M; may be repeated"), \
	OPT(0, "pids-limit", "N", OPT_INT, struct_, member.pids_limit, "limit of processes (default: 2048; -1: none)")
// clang-format on
bool ctr_resources_given(const struct ctr_resource_args *a);
/* What was given, and nothing else, is set in r. */
int ctr_resources(const struct ctr_resource_args *a, struct cri_resources *r, struct err *e);

/* What create and run take alike. */
struct ctr_config_args {
	struct ctr_security_args rights;
	struct ctr_mount_args mounts;
	const char *file, *output;
	bool print_config;
	const char *name, *workdir, *user, *pull, *log_path, *stop_signal, *entrypoint, *pid;
	struct ctr_resource_args resources;
	struct strmap labels, annotations;
	struct strv env, env_files, cap_add, cap_drop;
	struct optint oom_score_adj;
	const char *cidfile, *restart;
	struct optint stop_timeout;
	bool stdin_once;
	const char *log_max_size;
	struct optint log_max_files;
	struct optint stdin_, tty, read_only, privileged, no_new_privs;
};
// clang-format off
#define CTR_CONFIG_OPTS(struct_)                                                                   \
	OPT('f', "file", "FILE", OPT_STR, struct_, config.file, "read CRI's ContainerConfig from FILE, JSON or YAML; -: standard input; options win", "file"), \
	OPT(0, "print-config", NULL, OPT_BOOL, struct_, config.print_config, "print the configuration that file and options make, and create nothing"), \
	OPT('o', "output", "FORMAT", OPT_STR, struct_, config.output, "format of --print-config: json (default) or yaml", "json|yaml"), \
	OPT(0, "name", "NAME", OPT_STR, struct_, config.name, "name of the container, unique in its sandbox"), \
	OPT('e', "env", "K[=V]", OPT_LIST, struct_, config.env, "set an environment variable; K alone takes it from here; may be repeated"), \
	OPT(0, "env-file", "FILE", OPT_LIST, struct_, config.env_files, "set the variables in this file, one K=V a line; may be repeated", "file"), \
	OPT('w', "workdir", "DIR", OPT_STR, struct_, config.workdir, "working directory of the command"), \
	OPT('u', "user", "USER[:GROUP]", OPT_STR, struct_, config.user, "user, and group, by number or by name in the image"), \
	OPT('v', "volume", "SRC:DST[:OPTIONS]", OPT_LIST, struct_, config.mounts.volumes, "mount SRC of the host on DST; options: ro, rro, rprivate, rslave, rshared, idmap, idmap=uids=MAP;gids=MAP, z, Z; may be repeated"), \
	OPT(0, "mount", "SPEC", OPT_LIST, struct_, config.mounts.mounts, "a mount by words with commas between: type=bind, source=SRC, target=DST, subpath=PATH, options of -v; or type=tmpfs, target=DST, size=N, mode=M; or type=image, source=IMAGE, target=DST, subpath=PATH; may be repeated"), \
	OPT(0, "tmpfs", "DST[:OPTIONS]", OPT_LIST, struct_, config.mounts.tmpfs, "a file system in memory on DST; options: size=N, mode=M, ro; may be repeated"), \
	OPT(0, "label", "K=V", OPT_MAP, struct_, config.labels, "add a label; may be repeated"),    \
	OPT(0, "annotation", "K=V", OPT_MAP, struct_, config.annotations, "add an annotation; may be repeated"), \
	OPT(0, "entrypoint", "COMMAND", OPT_STR, struct_, config.entrypoint, "replace the image's entrypoint"), \
	OPT('i', "interactive", NULL, OPT_SWITCH, struct_, config.stdin_, "keep its standard input open"), \
	OPT('t', "tty", NULL, OPT_SWITCH, struct_, config.tty, "give it a terminal"),                 \
	OPT(0, "read-only", NULL, OPT_SWITCH, struct_, config.read_only, "root file system is read-only"), \
	CTR_RESOURCE_OPTS(struct_, config.resources),                                              \
	OPT(0, "oom-score-adj", "N", OPT_INT, struct_, config.oom_score_adj, "preference of the OOM killer, -1000 to 1000"), \
	OPT(0, "cap-add", "CAPABILITY", OPT_LIST, struct_, config.cap_add, "add a capability, or ALL; may be repeated"), \
	OPT(0, "cap-drop", "CAPABILITY", OPT_LIST, struct_, config.cap_drop, "drop a capability, or ALL; may be repeated"), \
	OPT(0, "privileged", NULL, OPT_SWITCH, struct_, config.privileged, "all capabilities and devices, nothing masked, no seccomp"), \
	OPT(0, "no-new-privileges", NULL, OPT_SWITCH, struct_, config.no_new_privs, "set-user-ID programs and file capabilities give nothing"), \
	OPT(0, "security-opt", "OPTION", OPT_LIST, struct_, config.rights.security_opts, "seccomp=default|unconfined|FILE, apparmor=default|unconfined|PROFILE, label=user|role|type|level:VALUE, no-new-privileges; may be repeated"), \
	OPT(0, "group-add", "GID", OPT_LIST, struct_, config.rights.groups, "add a supplementary group by number; may be repeated"), \
	OPT(0, "groups-policy", "POLICY", OPT_STR, struct_, config.rights.groups_policy, "merge: the user's groups in the image too (default); strict: only those given", "merge|strict"), \
	OPT(0, "cap-ambient", "CAPABILITY", OPT_LIST, struct_, config.rights.ambient, "keep a capability over the change to a user other than root; may be repeated"), \
	OPT(0, "ulimit", "NAME=SOFT[:HARD]", OPT_LIST, struct_, config.rights.ulimits, "limit of each process, e.g. nofile=1024:4096; -1: none; may be repeated"), \
	OPT(0, "device", "HOST[:CONTAINER][:rwm]", OPT_LIST, struct_, config.rights.devices, "add a device of the host, or all in a directory, or VENDOR/CLASS=NAME by CDI; may be repeated"), \
	OPT(0, "cdi-spec-dir", "DIR", OPT_LIST, struct_, config.rights.cdi_dirs, "look for CDI's files here, not in /etc/cdi and /var/run/cdi; may be repeated, the last one wins", "dir"), \
	OPT(0, "init", NULL, OPT_SWITCH, struct_, config.rights.init, "its first process is one that reaps others and passes signals on"), \
	OPT(0, "pid", "MODE", OPT_STR, struct_, config.pid, "processes it sees: the sandbox's setting (default), container, sandbox, host, or container:NAME", "container|sandbox|host|container:"), \
	OPT(0, "stop-signal", "SIGNAL", OPT_STR, struct_, config.stop_signal, "signal that stop sends first"), \
	OPT(0, "stop-timeout", "SECONDS", OPT_INT, struct_, config.stop_timeout, "grace period of stop before SIGKILL (default: 10)"), \
	OPT(0, "restart", "POLICY", OPT_STR, struct_, config.restart, "start it again when it ends: no (default), on-failure[:N], always or unless-stopped", "no|on-failure|always|unless-stopped"), \
	OPT(0, "cidfile", "FILE", OPT_STR, struct_, config.cidfile, "write its ID to this file, which must not exist", "file"), \
	OPT(0, "stdin-once", NULL, OPT_BOOL, struct_, config.stdin_once, "its standard input ends with the first client that gives some"), \
	OPT(0, "log-path", "PATH", OPT_STR, struct_, config.log_path, "its log, below the sandbox's log directory"), \
	OPT(0, "log-max-size", "SIZE", OPT_STR, struct_, config.log_max_size, "begin a new log file before one is longer than this, e.g. 10m; at least 4k"), \
	OPT(0, "log-max-files", "N", OPT_INT, struct_, config.log_max_files, "with --log-max-size: keep so many log files, the current one included (default: 5)"), \
	OPT(0, "pull", "WHEN", OPT_STR, struct_, config.pull, "pull the image: missing (default), always or never", "missing|always|never")
// clang-format on

/* The file's configuration, then the options' and operands' (IMAGE, COMMAND...), which win. */
int ctr_config(const struct ctr_config_args *a, char **operands, size_t n,
	       struct cri_container_config *out, struct err *e);
/* --print-config: the exit status. */
int ctr_config_print(struct cli *cli, const struct ctr_config_args *a, char **operands, size_t n);
/* Makes sure that its image, and those that it mounts, are here, by --pull. */
int ctr_images(struct cli *cli, const struct ctr_config_args *a,
	       const struct cri_container_config *c, struct err *e);
/*
 * The variables of files, then those given, which win: "K=V", or "K" from our own environment (left
 * out when it is not there). Files have one a line; empty lines and those that begin with # are
 * skipped.
 */
int ctr_envs(const struct strv *files, const struct strv *given, struct objlist *out,
	     struct err *e);

struct json_object *ctr_json(struct cli *cli, const struct container *c);

/* --restart: POLICY or on-failure:N. NULL: nothing. */
int ctr_restart_policy(const char *text, int *policy, int64_t *max, struct err *e);
/* What is no part of CRI's configuration. */
int ctr_create_options(const struct ctr_config_args *a, struct container_create_args *out,
		       struct err *e);
/* --cidfile: made before the container is, so that no two share it; *fd -1: not asked for. */
int ctr_cidfile_open(const char *path, int *fd, struct err *e);
int ctr_cidfile_close(const char *path, int *fd, const char *id,
		      struct err *e); /* id NULL: it was not made */

/* How we stay with a container: run, start, attach, exec. */
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
struct attach_opts {
	const char *detach_keys;
	bool no_sig_proxy;
};
// clang-format off
#define ATTACH_OPTS(struct_)                                                                       \
	OPT(0, "detach-keys", "KEYS", OPT_STR, struct_, attach.detach_keys, "leave the terminal by these keys, and the container running (default: ctrl-p,ctrl-q; '': none)"), \
	OPT(0, "sig-proxy", NULL, OPT_ON, struct_, attach.no_sig_proxy, "pass signals on (default: true)")
// clang-format on
void ctr_attach_options(const struct attach_opts *o, struct container_attach *out);
/* How it ended; output that was lost on the way (a full disk) is an error of ours. */
int ctr_report_end(struct cli *cli, const struct exit_status *ended);

/* ctr_attach.c, ctr_life.c, ctr_run.c, ctr_list.c, ctr_logs.c */
struct run_args {
	struct ctr_config_args config;
	struct net_args net;
	const char *sandbox;
	bool detach, remove;
	struct attach_opts attach;
};
/* No monitor is left behind, or only at a terminal's detach keys. */
bool ctr_run_transient(const void *args);
bool ctr_exec_transient(const void *args);
struct exec_args {
	const char *workdir, *user, *detach_keys, *timeout;
	struct strv env, env_files, cap_add;
	bool detach, stdin_, tty, privileged;
};
struct attach_args_ctr {
	struct attach_opts attach;
	bool no_stdin;
};
struct start_args {
	struct attach_opts attach;
	bool attached, stdin_;
};
struct stop_args {
	struct optint timeout;
	bool all;
};
struct kill_args {
	const char *signal;
	bool all;
};
struct rm_args {
	bool force, ignore, all;
};
struct wait_args {
	const char *condition;
};
struct pause_args {
	bool all;
};
struct diff_args {
	const char *output;
};
struct export_args {
	const char *output;
};
struct copy_args {
	bool archive, follow, overwrite, quiet;
};
struct commit_args {
	const char *author, *message, *format, *iidfile;
	struct strv changes;
	bool pause, quiet;
};
struct port_args {
	const char *address;
};
struct update_args {
	struct ctr_resource_args resources;
	const char *restart;
};
struct list_args_ctr {
	struct list_args list;
	const char *name, *id, *state, *sandbox, *selector;
	bool all;
};
struct top_args {
	struct list_args list;
};
extern const struct opt ctr_top_opts[];
int ctr_top_main(struct cli *cli, const void *args, char **operands, size_t n);
struct logs_args {
	bool follow, timestamps;
	const char *since, *until, *stream;
	struct optint tail, limit_bytes;
};
extern const struct opt ctr_list_opts[];
extern const struct opt ctr_attach_opts[], ctr_start_opts[], ctr_stop_opts[], ctr_restart_opts[],
	ctr_kill_opts[], ctr_rm_opts[], ctr_wait_opts[], ctr_pause_opts[], ctr_update_opts[],
	ctr_port_opts[], ctr_diff_opts[], ctr_export_opts[], ctr_copy_opts[], ctr_commit_opts[];
int ctr_attach_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_start_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_adopt_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_stop_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_restart_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_kill_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_rm_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_wait_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_pause_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_resume_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_rename_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_update_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_reopen_log_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_diff_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_export_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_commit_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_copy_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_port_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_run_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_exec_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_list_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_inspect_main(struct cli *cli, const void *args, char **operands, size_t n);
int ctr_logs_main(struct cli *cli, const void *args, char **operands, size_t n);

#endif
