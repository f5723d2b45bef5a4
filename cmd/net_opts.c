/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net_opts.h"

#include <string.h>

bool net_args_given(const struct net_args *a)
{
	return a->network || a->mac || a->ports.n || a->ips.n;
}

struct range {
	int64_t first, last;
};

/* "80" or "80-90" */
static int parse_range(const char *text, struct range *out)
{
	const char *dash = strchr(text, '-');
	own(str) char *first = xstrndup(text, dash ? (size_t)(dash - text) : strlen(text));

	if (str_to_i64(first, 1, UINT16_MAX, &out->first) < 0)
		return -1;
	out->last = out->first;
	return dash ? str_to_i64(dash + 1, out->first, UINT16_MAX, &out->last) : 0;
}

static int parse_protocol(const char *text)
{
	static const char *const names[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(text, names[i]))
			return (int)i;
	return -1;
}

/* Cuts "IP:" or "[IP]:" off the front: what follows. NULL: a bracket that does not end. */
static const char *cut_address(const char *text, char **address)
{
	const char *end = text[0] == '[' ? strstr(text, "]:") : NULL;
	const char *colon = strchr(text, ':');

	*address = NULL;
	if (text[0] == '[') {
		if (!end)
			return NULL;
		*address = xstrndup(text + 1, (size_t)(end - text) - 1);
		return end + 2;
	}
	if (!colon || !strchr(colon + 1, ':'))
		return text;
	*address = xstrndup(text, (size_t)(colon - text));
	return colon + 1;
}

static int bad_port(const char *text, const char *why, struct err *e)
{
	return err_set(e, ERR_USAGE,
		       "--publish %.80s: %s; expected [HOST_IP:]HOST_PORT:PORT[/tcp|udp|sctp]",
		       text, why);
}

static int add_ports(const char *text, struct objlist *out, struct err *e)
{
	own(str) char *address = NULL;
	const char *rest = cut_address(text, &address);
	own(str) char *ports = xstrdup(rest ? rest : "");
	char *slash = strchr(ports, '/'), *colon;
	int protocol = CRI_TCP;
	struct range host, inside;

	if (!rest || (address && !*address))
		return bad_port(text, "not an address", e);
	if (slash) {
		*slash = '\0';
		protocol = parse_protocol(slash + 1);
	}
	if (protocol < 0)
		return bad_port(text, "unknown protocol", e);
	colon = strchr(ports, ':');
	if (!colon)
		return bad_port(text, "one port only", e);
	*colon = '\0';
	if (parse_range(ports, &host) < 0 || parse_range(colon + 1, &inside) < 0)
		return bad_port(text, "not a port from 1 to 65535, nor a range", e);
	if (host.last - host.first != inside.last - inside.first)
		return bad_port(text, "ranges of different lengths", e);
	for (int64_t i = 0; i <= host.last - host.first; i++) {
		struct cri_port_mapping *m = objlist_add(out, &cri_port_mapping_table);

		m->protocol = protocol;
		m->host_port = host.first + i;
		m->container_port = inside.first + i;
		m->host_ip = xstrdup(address);
	}
	return 0;
}

int net_config(const struct net_args *a, struct cri_sandbox_config *c, struct err *e)
{
	struct cri_namespace_options *ns = &c->linux_.security_context.namespace_options;

	if (a->network && !*a->network)
		return err_set(e, ERR_USAGE, "--network '': a name cannot be empty");
	if (a->network) { /* wins over a file */
		ns->network = str_eq(a->network, "host") ? CRI_NS_NODE : CRI_NS_POD;
		str_set(&ns->network_name, ns->network == CRI_NS_NODE ? NULL : a->network);
	}
	if (a->ports.n)
		objlist_free(&c->port_mappings, &cri_port_mapping_table);
	for (size_t i = 0; i < a->ports.n; i++)
		if (add_ports(a->ports.v[i], &c->port_mappings, e) < 0)
			return -1;
	if (a->mac)
		str_set(&c->mac_address, a->mac);
	if (a->ips.n)
		strv_free(&c->ip_addresses);
	for (size_t i = 0; i < a->ips.n; i++)
		strv_add(&c->ip_addresses, a->ips.v[i]);
	return 0;
}
