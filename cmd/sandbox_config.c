/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of create as CRI's PodSandboxConfig. */
#include "common.h"
#include "sandbox.h"

// clang-format off
const struct opt sandbox_create_opts[] = {
	OPT(0, "name", "NAME", OPT_STR, struct sandbox_create_args, name, "name of the sandbox, unique; may also be given as the argument"),
	OPT(0, "hostname", "NAME", OPT_STR, struct sandbox_create_args, hostname, "host name in its containers (default: its name)"),
	NET_OPTS(struct sandbox_create_args),
	OPT(0, "ipc", "MODE", OPT_STR, struct sandbox_create_args, ipc, "sandbox: shared by its containers (default); host: the host's", "sandbox|host"),
	OPT(0, "pid", "MODE", OPT_STR, struct sandbox_create_args, ns.pid, "processes that its containers see: container: their own (default); sandbox: all of it; host: all of the host", "container|sandbox|host"),
	OPT(0, "sysctl", "K=V", OPT_MAP, struct sandbox_create_args, ns.sysctls, "set a kernel setting of its network or ipc namespace; may be repeated"),
	OPT(0, "dns-server", "ADDRESS", OPT_LIST, struct sandbox_create_args, dns_servers, "name server for resolv.conf; may be repeated"),
	OPT(0, "dns-search", "DOMAIN", OPT_LIST, struct sandbox_create_args, dns_searches, "search domain for resolv.conf; may be repeated"),
	OPT(0, "dns-option", "OPTION", OPT_LIST, struct sandbox_create_args, dns_options, "option for resolv.conf; may be repeated"),
	OPT(0, "label", "K=V", OPT_MAP, struct sandbox_create_args, labels, "add a label; may be repeated"),
	OPT(0, "annotation", "K=V", OPT_MAP, struct sandbox_create_args, annotations, "add an annotation; may be repeated"),
	OPT(0, "log-directory", "DIR", OPT_STR, struct sandbox_create_args, log_directory, "where its containers' logs go", "dir"),
	OPT(0, "cgroup-parent", "PATH", OPT_STR, struct sandbox_create_args, cgroup_parent, "cgroup below which its own is made (default: /caddis)"),
	OPT('m', "memory", "SIZE", OPT_STR, struct sandbox_create_args, memory, "memory limit of all its containers together"),
	OPT(0, "cpu", "N", OPT_STR, struct sandbox_create_args, cpu, "CPU limit of all its containers together, e.g. 1.5"),
	OPT(0, "pids-limit", "N", OPT_INT, struct sandbox_create_args, pids_limit, "limit of processes of all its containers together"),
	OPT_END,
};
// clang-format on

static int set_modes(const struct sandbox_create_args *a, struct cri_namespace_options *ns,
		     struct err *e)
{
	if (str_eq(a->ipc, "host"))
		ns->ipc = CRI_NS_NODE;
	else if (a->ipc && !str_eq(a->ipc, "sandbox"))
		return err_set(e, ERR_USAGE, "--ipc %.40s: expected sandbox or host", a->ipc);
	return 0;
}

static int set_resources(const struct sandbox_create_args *a, struct cri_sandbox_config *c,
			 struct err *e)
{
	struct cri_resources r = { 0 };

	if (size_option("memory", a->memory, &r.memory_limit_in_bytes, e) < 0 ||
	    cpus_option("cpu", a->cpu, &r.cpu_quota, &r.cpu_period, e) < 0)
		return -1;
	if (a->pids_limit.set && a->pids_limit.v < 1)
		return err_set(e, ERR_USAGE, "--pids-limit %lld: expected at least 1",
			       (long long)a->pids_limit.v);
	r.pids_limit = a->pids_limit;
	if (!a->memory && !a->cpu && !a->pids_limit.set)
		return 0;
	c->linux_.resources = xcalloc(1, sizeof(r));
	*c->linux_.resources = r;
	return 0;
}

int sandbox_config(const struct sandbox_create_args *a, const char *operand,
		   struct cri_sandbox_config *c, struct err *e)
{
	if (a->name && operand && !str_eq(a->name, operand))
		return err_set(e, ERR_USAGE, "two names: --name %.63s and %.63s", a->name, operand);
	if ((a->name && !*a->name) || (operand && !*operand))
		return err_set(e, ERR_USAGE, "sandbox name '': a name cannot be empty");
	str_set(&c->metadata.name, a->name ? a->name : operand);
	str_set(&c->hostname, a->hostname);
	str_set(&c->linux_.cgroup_parent, a->cgroup_parent);
	strmap_copy(&c->labels, &a->labels);
	strmap_copy(&c->annotations, &a->annotations);
	strv_copy(&c->dns_config.servers, &a->dns_servers);
	strv_copy(&c->dns_config.searches, &a->dns_searches);
	strv_copy(&c->dns_config.options, &a->dns_options);
	if (a->log_directory && a->log_directory[0] != '/')
		return err_set(e, ERR_USAGE, "--log-directory %.200s: must be an absolute path",
			       a->log_directory);
	str_set(&c->log_directory, a->log_directory);
	if (net_config(&a->net, c, e) < 0 ||
	    set_modes(a, &c->linux_.security_context.namespace_options, e) < 0 ||
	    sandbox_config_ns(&a->ns, c, e) < 0)
		return -1;
	return set_resources(a, c, e);
}
