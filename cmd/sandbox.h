/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox.h - the files behind 'caddis sandbox': sandbox.c has the table of its commands and the short ones. */
#ifndef CADDIS_CMD_SANDBOX_H
#define CADDIS_CMD_SANDBOX_H

#include "cli.h"
#include "net_opts.h"
#include "pod/sandbox.h"
#include "spec/field.h"
#include "table.h"

/* sandbox_ns.c: the options of create that concern namespaces. */
struct sandbox_ns_args {
	const char *pid;
	struct strmap sysctls;
};
int sandbox_config_ns(const struct sandbox_ns_args *a, struct cri_sandbox_config *c, struct err *e);
/* .linux.namespaces: the path of each. */
struct json_object *sandbox_ns_json(const struct store *s, const struct sandbox *sb);

/* sandbox_config.c: the options of create, and the configuration made of them. */
struct sandbox_create_args {
	const char *name, *hostname, *ipc, *log_directory, *cgroup_parent, *memory, *cpu;
	struct optint pids_limit;
	struct strmap labels, annotations;
	struct strv dns_servers, dns_searches, dns_options;
	struct sandbox_ns_args ns;
	struct net_args net;
};

extern const struct opt sandbox_create_opts[];
/* operand: the name as an argument, or NULL. */
int sandbox_config(const struct sandbox_create_args *a, const char *operand, struct cri_sandbox_config *c, struct err *e);

/* sandbox_list.c: ls and inspect. */
struct sandbox_list_args {
	struct list_args list;
	const char *name, *id, *state, *selector;
};

extern const struct opt sandbox_list_opts[];
int sandbox_list_main(struct cli *cli, const void *args, char **operands, size_t n);
int sandbox_inspect_main(struct cli *cli, const void *args, char **operands, size_t n);

#endif
