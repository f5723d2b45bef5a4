/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci.h - the files behind 'caddis oci', which is caddis-oci: the command line of runc and crun. */
#ifndef CADDIS_CMD_OCI_H
#define CADDIS_CMD_OCI_H

#include "cli.h"
#include "oci/life.h"
#include "spec/field.h"

struct oci_globals {
	const char *root, *log, *log_format, *cgroup_manager, *rootless, *criu;
	bool debug, systemd_cgroup, version;
};
static inline const struct oci_globals *oci_globals(const struct cli *cli)
{
	return cli->own;
}
/* The state directory that --root names. */
int oci_open_home(const struct cli *cli, struct oci_home *out, struct err *e);
bool oci_no_cgroup(const struct cli *cli);

/* oci_log.c: own_line.open and report: --log, --log-format. */
int oci_log_open(struct cli *cli, struct err *e);
/* What home has gathered, to the log and standard error. */
void oci_put_warnings(struct cli *cli, const struct oci_home *home);
void oci_log_report(struct cli *cli, const char *msg);

/* oci_life.c */
struct oci_create_opts {
	const char *bundle, *config, *pid_file, *console_socket, *pidfd_socket;
	struct optint preserve_fds;
	bool no_pivot, no_new_keyring;
	bool detach, keep, no_subreaper; /* run */
};
struct oci_all_args {
	bool all;
};
struct oci_force_args {
	bool force;
};
struct oci_list_args {
	const char *format;
	bool quiet;
};
extern const struct opt oci_create_opts[], oci_run_opts[], oci_kill_opts[], oci_delete_opts[],
	oci_list_opts[];
int oci_create_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_run_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_start_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_kill_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_delete_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_pause_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_resume_main(struct cli *cli, const void *args, char **operands, size_t n);
/* How many of the descriptors from 3 on the process shall have, more of them before those that
 * --preserve-fds means: each must be open, now. */
int oci_preserve_fds(const struct optint *option, unsigned more, unsigned *out, struct err *e);

/* oci_exec.c */
struct oci_exec_opts {
	const char *process, *cwd, *user, *apparmor, *label, *cgroup;
	const char *pid_file, *console_socket, *pidfd_socket;
	struct strv env, gids, caps;
	struct optint preserve_fds;
	bool detach, tty, no_new_privs, ignore_paused, no_subreaper;
};
extern const struct opt oci_exec_opts[];
int oci_exec_main(struct cli *cli, const void *args, char **operands, size_t n);

/* oci_update.c */
struct oci_update_args {
	const char *resources, *cpus, *mems, *memory, *reservation, *swap, *kernel, *kernel_tcp,
		*l3_cache, *mem_bw;
	struct optint blkio_weight, cpu_period, cpu_quota, cpu_burst, cpu_shares, rt_period,
		rt_runtime, cpu_idle, pids;
};
extern const struct opt oci_update_opts[];
int oci_update_main(struct cli *cli, const void *args, char **operands, size_t n);

/* oci_spec.c */
struct oci_spec_args {
	const char *bundle, *file;
	bool rootless;
};
extern const struct opt oci_spec_opts[];
int oci_spec_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_features_main(struct cli *cli, const void *args, char **operands, size_t n);

/* oci_ps.c */
struct oci_events_args {
	const char *interval;
	bool stats;
};
extern const struct opt oci_ps_opts[], oci_events_opts[];
int oci_ps_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_events_main(struct cli *cli, const void *args, char **operands, size_t n);

/* oci_list.c */
int oci_state_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_list_main(struct cli *cli, const void *args, char **operands, size_t n);

#endif
