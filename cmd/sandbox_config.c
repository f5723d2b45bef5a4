/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file and the options of create as CRI's PodSandboxConfig. */
#include "base/path.h"
#include "common.h"
#include "sandbox.h"
#include "security.h"

// clang-format off
const struct opt sandbox_create_opts[] = {
	OPT('f', "file", "FILE", OPT_STR, struct sandbox_create_args, file, "read CRI's PodSandboxConfig from FILE, JSON or YAML; -: standard input; options win", "file"),
	OPT(0, "print-config", NULL, OPT_BOOL, struct sandbox_create_args, print_config, "print the configuration that file and options make, and create nothing"),
	OPT('o', "output", "FORMAT", OPT_STR, struct sandbox_create_args, output, "format of --print-config: json (default) or yaml", "json|yaml"),
	OPT(0, "name", "NAME", OPT_STR, struct sandbox_create_args, name, "name of the sandbox, unique; may also be given as the argument"),
	OPT(0, "namespace", "NAME", OPT_STR, struct sandbox_create_args, namespace_, "CRI metadata: Kubernetes' namespace, kept"),
	OPT(0, "uid", "UID", OPT_STR, struct sandbox_create_args, uid, "CRI metadata: the pod's UID, kept"),
	OPT(0, "attempt", "N", OPT_INT, struct sandbox_create_args, attempt, "CRI metadata: how often it was made before, kept"),
	OPT(0, "hostname", "NAME", OPT_STR, struct sandbox_create_args, hostname, "host name in its containers (default: its name)"),
	NET_OPTS(struct sandbox_create_args),
	OPT(0, "ipc", "MODE", OPT_STR, struct sandbox_create_args, ipc, "sandbox: shared by its containers (default); host: the host's", "sandbox|host"),
	OPT(0, "pid", "MODE", OPT_STR, struct sandbox_create_args, ns.pid, "processes that its containers see: container: their own (default); sandbox: all of it; host: all of the host", "container|sandbox|host"),
	OPT(0, "userns", "MAP", OPT_STR, struct sandbox_create_args, ns.userns, "users: auto: ids of its own; host: the host's (default); or CONTAINER:HOST:SIZE[,...]", "auto|host"),
	OPT(0, "sysctl", "K=V", OPT_MAP, struct sandbox_create_args, ns.sysctls, "set a kernel setting of its network or ipc namespace; may be repeated"),
	OPT(0, "dns-server", "ADDRESS", OPT_LIST, struct sandbox_create_args, dns_servers, "name server for resolv.conf; may be repeated"),
	OPT(0, "dns-search", "DOMAIN", OPT_LIST, struct sandbox_create_args, dns_searches, "search domain for resolv.conf; may be repeated"),
	OPT(0, "dns-option", "OPTION", OPT_LIST, struct sandbox_create_args, dns_options, "option for resolv.conf; may be repeated"),
	OPT(0, "label", "K=V", OPT_MAP, struct sandbox_create_args, labels, "add a label; may be repeated"),
	OPT(0, "annotation", "K=V", OPT_MAP, struct sandbox_create_args, annotations, "add an annotation; may be repeated"),
	OPT(0, "log-directory", "DIR", OPT_STR, struct sandbox_create_args, log_directory, "where its containers' logs go", "dir"),
	OPT(0, "cgroup-parent", "PATH", OPT_STR, struct sandbox_create_args, cgroup_parent, "cgroup below which its own is made (default: /caddis)"),
	SANDBOX_RESOURCE_OPTS(struct sandbox_create_args),
	OPT(0, "overhead-cpu", "QUANTITY", OPT_STR, struct sandbox_create_args, overhead_cpu, "CPU of the sandbox itself, added to the limit"),
	OPT(0, "overhead-memory", "QUANTITY", OPT_STR, struct sandbox_create_args, overhead_memory, "memory of the sandbox itself, added to the limit"),
	OPT(0, "run-as-user", "UID", OPT_INT, struct sandbox_create_args, run_as_user, "user of its containers, unless they say otherwise"),
	OPT(0, "run-as-group", "GID", OPT_INT, struct sandbox_create_args, run_as_group, "group of its containers; needs --run-as-user"),
	OPT(0, "supplemental-group", "GID", OPT_LIST, struct sandbox_create_args, supplemental_groups, "further group of its containers; may be repeated"),
	OPT(0, "read-only", NULL, OPT_SWITCH, struct sandbox_create_args, read_only, "root file systems of its containers are read-only"),
	OPT(0, "privileged", NULL, OPT_SWITCH, struct sandbox_create_args, privileged, "its containers may be privileged"),
	OPT(0, "security-opt", "OPTION", OPT_LIST, struct sandbox_create_args, security_opts, "seccomp=default|unconfined|FILE, apparmor=default|unconfined|PROFILE, label=user|role|type|level:VALUE; may be repeated"),
	OPT_END,
};
// clang-format on

static int set_modes(const struct sandbox_create_args *a, struct cri_namespace_options *ns,
		     struct err *e)
{
	if (str_eq(a->ipc, "host"))
		ns->ipc = CRI_NS_NODE;
	else if (str_eq(a->ipc, "sandbox"))
		ns->ipc = CRI_NS_POD;
	else if (a->ipc)
		return err_set(e, ERR_USAGE, "--ipc %.40s: expected sandbox or host", a->ipc);
	return 0;
}

static int set_resources(const struct sandbox_create_args *a, struct cri_sandbox_linux *l,
			 struct err *e)
{
	if (sandbox_resources_given(&a->resources)) {
		if (!l->resources)
			l->resources = xcalloc(1, sizeof(*l->resources));
		if (sandbox_resources(&a->resources, l->resources, e) < 0)
			return -1;
	}
	if (!a->overhead_cpu && !a->overhead_memory)
		return 0;
	if (!l->overhead)
		l->overhead = xcalloc(1, sizeof(*l->overhead));
	if (memory_quantity_option("overhead-memory", a->overhead_memory,
				   &l->overhead->memory_limit_in_bytes, e) < 0)
		return -1;
	return cpu_quantity_option("overhead-cpu", a->overhead_cpu, &l->overhead->cpu_quota,
				   &l->overhead->cpu_period, e);
}

static int set_security(const struct sandbox_create_args *a, struct cri_sandbox_security *sec,
			struct err *e)
{
	struct security_options to = { &sec->seccomp, &sec->apparmor, &sec->selinux_options };

	option_win_bool(&sec->readonly_rootfs, &a->read_only);
	option_win_bool(&sec->privileged, &a->privileged);
	if (security_id_option("run-as-user", &a->run_as_user, &sec->run_as_user, e) < 0 ||
	    security_id_option("run-as-group", &a->run_as_group, &sec->run_as_group, e) < 0 ||
	    security_groups_option(&a->supplemental_groups, &sec->supplemental_groups, e) < 0)
		return -1;
	return security_options_parse(&a->security_opts, &to, e);
}

static int set_metadata(const struct sandbox_create_args *a, const char *operand,
			struct cri_metadata *m, struct err *e)
{
	if (a->name && operand && !str_eq(a->name, operand))
		return err_set(e, ERR_USAGE, "two names: --name %.63s and %.63s", a->name, operand);
	if ((a->name && !*a->name) || (operand && !*operand))
		return err_set(e, ERR_USAGE, "sandbox name '': a name cannot be empty");
	if (a->attempt.set && (a->attempt.v < 0 || a->attempt.v > UINT32_MAX))
		return err_set(e, ERR_USAGE, "--attempt %lld: expected 0 to 4294967295",
			       (long long)a->attempt.v);
	option_win(&m->name, operand);
	option_win(&m->name, a->name);
	option_win(&m->namespace_, a->namespace_);
	option_win(&m->uid, a->uid);
	if (a->attempt.set)
		m->attempt = a->attempt.v;
	return 0;
}

int sandbox_config(const struct sandbox_create_args *a, const char *operand,
		   struct cri_sandbox_config *c, struct err *e)
{
	/* CRI counts from POD, a shared PID namespace; ours is each container's, unless asked. */
	c->linux_.security_context.namespace_options.pid = CRI_NS_CONTAINER;
	if (a->file && fields_read_file(&cri_sandbox_config_table, a->file, c, e) < 0)
		return -1;
	if (set_metadata(a, operand, &c->metadata, e) < 0)
		return -1;
	option_win(&c->hostname, a->hostname);
	option_win(&c->linux_.cgroup_parent, a->cgroup_parent);
	option_win(&c->log_directory, a->log_directory);
	option_win_map(&c->labels, &a->labels);
	option_win_map(&c->annotations, &a->annotations);
	option_win_list(&c->dns_config.servers, &a->dns_servers);
	option_win_list(&c->dns_config.searches, &a->dns_searches);
	option_win_list(&c->dns_config.options, &a->dns_options);
	if (net_config(&a->net, c, e) < 0 ||
	    set_modes(a, &c->linux_.security_context.namespace_options, e) < 0 ||
	    sandbox_config_ns(&a->ns, c, e) < 0 ||
	    set_security(a, &c->linux_.security_context, e) < 0)
		return -1;
	return set_resources(a, &c->linux_, e);
}
