/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox.h - the files behind 'caddis sandbox': sandbox.c has the table of its commands and the
 * short ones. */
#ifndef CADDIS_CMD_SANDBOX_H
#define CADDIS_CMD_SANDBOX_H

#include "cli.h"
#include "net_opts.h"
#include "pod/sandbox.h"
#include "spec/field.h"
#include "spec/label.h"
#include "table.h"

/* sandbox_ns.c: the options of create that concern namespaces. */
struct sandbox_ns_args {
	const char *pid, *userns;
	struct strmap sysctls;
};
int sandbox_config_ns(const struct sandbox_ns_args *a, struct cri_sandbox_config *c, struct err *e);
/* .linux.namespaces: the path of each. */
struct json_object *sandbox_ns_json(const struct store *s, const struct sandbox *sb);

/* sandbox_resources.c: limits by flags, for create and update. */
struct sandbox_resource_args {
	const char *cpu, *memory, *pids_limit, *cpuset_cpus, *cpuset_mems;
	struct optint cpu_shares;
};
// clang-format off
#define SANDBOX_RESOURCE_OPTS(struct_)                                                             \
	OPT('m', "memory", "QUANTITY", OPT_STR, struct_, resources.memory, "memory limit of all its containers together, e.g. 128Mi, 1.5Gi, 1e9; max: none"), \
	OPT(0, "cpu", "QUANTITY", OPT_STR, struct_, resources.cpu, "CPU limit of all its containers together, e.g. 500m, 1.5; max: none"), \
	OPT(0, "cpu-shares", "N", OPT_INT, struct_, resources.cpu_shares, "weight among its siblings, 2 to 262144"), \
	OPT(0, "cpuset-cpus", "LIST", OPT_STR, struct_, resources.cpuset_cpus, "CPUs that its containers may use, e.g. 0-1,3"), \
	OPT(0, "cpuset-mems", "LIST", OPT_STR, struct_, resources.cpuset_mems, "memory nodes that its containers may use"), \
	OPT(0, "pids-limit", "N", OPT_STR, struct_, resources.pids_limit, "limit of processes of all its containers together; max: none")
// clang-format on
/* Sets in *r what flags were given, and nothing else. */
int sandbox_resources(const struct sandbox_resource_args *a, struct cri_resources *r,
		      struct err *e);
bool sandbox_resources_given(const struct sandbox_resource_args *a);
int sandbox_update_main(struct cli *cli, const void *args, char **operands, size_t n);
extern const struct opt sandbox_update_opts[];
struct sandbox_update_args {
	struct sandbox_resource_args resources;
};

/* sandbox_config.c: the options of create, and the configuration made of them. */
struct sandbox_create_args {
	const char *file, *output;
	bool print_config;
	const char *name, *namespace_, *uid, *hostname, *ipc, *log_directory,
		*cgroup_parent, *overhead_cpu, *overhead_memory;
	struct optint attempt, run_as_user, run_as_group;
	struct sandbox_resource_args resources;
	struct strmap labels, annotations;
	struct strv dns_servers, dns_searches, dns_options, supplemental_groups, security_opts;
	struct optint read_only, privileged;
	struct sandbox_ns_args ns;
	struct net_args net;
};
extern const struct opt sandbox_create_opts[];
/* The file's configuration, then the flags', which win. operand: the name as an argument, or NULL.
 */
int sandbox_config(const struct sandbox_create_args *a, const char *operand,
		   struct cri_sandbox_config *c, struct err *e);

/* sandbox_list.c: ls and inspect. */
struct sandbox_list_args {
	struct list_args list;
	const char *name, *id, *state, *selector;
	bool watch;
};
// clang-format off
#define SANDBOX_COLUMNS                                                                            \
	{ "SANDBOX ID", "id", COL_ID, false },                                                     \
	{ "NAME", "name", COL_STR, false },                                                        \
	{ "STATE", "state", COL_STR, false },                                                      \
	{ "IPS", "ips", COL_LIST, false },                                                         \
	{ "CREATED", "created_at", COL_TIME, false },                                              \
	{ "HOSTNAME", "hostname", COL_STR, true },                                                 \
	{ "LABELS", "labels", COL_MAP, true },                                                     \
	{ "ANNOTATIONS", "annotations", COL_MAP, true }
// clang-format on
void sandbox_row(struct table *t, const struct sandbox *sb);
/* Do the filters let it through? labels: a->selector, parsed. */
bool sandbox_wanted(const struct sandbox_list_args *a, const struct selector *labels,
		    const struct sandbox *sb);
/* sandbox_watch.c: "ls --watch"; ends with cli_done(). */
int sandbox_watch(struct cli *cli, const struct sandbox_list_args *a,
		  const struct selector *labels);

extern const struct opt sandbox_list_opts[];
int sandbox_list_main(struct cli *cli, const void *args, char **operands, size_t n);
/* What inspect shows. */
struct json_object *sandbox_json(struct cli *cli, const struct sandbox *sb);
int sandbox_inspect_main(struct cli *cli, const void *args, char **operands, size_t n);

#endif
