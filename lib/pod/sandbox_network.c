/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sandbox's network: what its configuration asks lib/network for. */
#include <fcntl.h>

#include "base/fd.h"
#include "pod/sandbox.h"

static const struct cri_namespace_options *options(const struct cri_sandbox_config *c)
{
	return &c->linux_.security_context.namespace_options;
}

bool sandbox_has_network(const struct cri_sandbox_config *c)
{
	return options(c)->network != CRI_NS_NODE && !str_eq(options(c)->network_name, "none");
}

static struct network_request request(const struct cri_sandbox_config *c)
{
	return (struct network_request){
		.name = c->metadata.name,
		.hostname = c->hostname,
		.network = str_some(options(c)->network_name) ? options(c)->network_name : NULL,
		.netns = -1,
		.ports = &c->port_mappings,
		.mac = c->mac_address,
		.ips = &c->ip_addresses,
		.dns = &c->dns_config,
		.metadata = &c->metadata,
		.annotations = &c->annotations,
	};
}

/* On the host's network a port is reachable as it is: a mapping to itself asks for nothing. */
static int check_without(const struct cri_sandbox_config *c, struct err *e)
{
	bool host = options(c)->network == CRI_NS_NODE;
	const struct cri_port_mapping *m = c->port_mappings.v;

	for (size_t i = 0; i < c->port_mappings.n; i++)
		if (m[i].host_port && !(host && m[i].host_port == m[i].container_port))
			return err_set(e, ERR_USAGE, "cannot publish port %lld: %s",
				       (long long)m[i].host_port,
				       host ? "on the host's network a port is what it is"
					    : "there is no network");
	if (str_some(c->mac_address) || c->ip_addresses.n)
		return err_set(e, ERR_USAGE, "no address can be chosen %s",
			       host ? "on the host's network" : "without a network");
	return 0;
}

int sandbox_network_check(struct store *s, const struct cri_sandbox_config *c, struct err *e)
{
	struct network_request req = request(c);

	return sandbox_has_network(c) ? network_check(s, &req, e) : check_without(c, e);
}

int sandbox_network_attach(struct store *s, const struct record *r,
			   const struct cri_sandbox_config *c, struct network_status *out,
			   struct err *e)
{
	own(str) char *path = sandbox_ns_path(s, r->id, "net");
	struct network_request req = request(c);
	own(fd) int netns = -1;

	if (!sandbox_has_network(c))
		return 0;
	netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return err_sys(e, "open the sandbox's network namespace");
	req.id = r->id;
	req.netns = netns;
	req.netns_path = path;
	return network_attach(s, r->dir, &req, out, e);
}

int sandbox_network_detach(struct store *s, const char *id, int dir, struct err *e)
{
	own(str) char *path = sandbox_ns_path(s, id, "net");

	return network_detach(s, id, dir, path, e);
}
