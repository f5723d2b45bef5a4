/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci.h - the files behind 'caddis oci', which is caddis-oci: the command line of runc and crun. */
#ifndef CADDIS_CMD_OCI_H
#define CADDIS_CMD_OCI_H

#include "cli.h"
#include "oci/life.h"
#include "spec/field.h"

struct oci_globals {
	const char *root, *log, *log_format, *cgroup_manager, *rootless;
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
/* What of the descriptors from 3 on the process shall have: each must be open, now. */
int oci_preserve_fds(const struct optint *option, unsigned *out, struct err *e);

/* oci_list.c */
int oci_state_main(struct cli *cli, const void *args, char **operands, size_t n);
int oci_list_main(struct cli *cli, const void *args, char **operands, size_t n);

#endif
