/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's side of a built-in network: the bridge, its addresses, settings, and the firewall. */
#include "network/bridge.h"

#include <errno.h>

#include "base/fd.h"

#include "network/rtnl.h"

int bridge_open(struct bridge_nl *n, struct err *e)
{
	*n = (struct bridge_nl){ 0 };
	if (nl_open(NETLINK_ROUTE, &n->route, e) == 0 && nft_open(&n->nft, e) == 0)
		return 0;
	bridge_close(n);
	return -1;
}

void bridge_close(struct bridge_nl *n)
{
	nl_close(&n->route);
	nl_close(&n->nft);
}

int bridge_find(struct nl *route, const struct network *n, const char *name,
		const uint8_t mac[MAC_SIZE], struct rtnl_link *link, struct err *e)
{
	int rc = rtnl_link_find(route, name, link, e);

	if (rc <= 0)
		return rc;
	if (str_eq(link->kind, "bridge") && memcmp(mac, link->mac, MAC_SIZE) == 0)
		return 1;
	err_set(e, ERR_EXISTS, "the interface %s is not the network's bridge", name);
	return err_hint(e, "remove one of them, e.g. 'caddis network rm %s'", n->config.name);
}

static int find_main(struct nl *route, const struct network *n, struct rtnl_link *link,
		     struct err *e)
{
	return bridge_find(route, n, n->config.bridge, n->bridge_mac, link, e);
}

static bool firewall_has(struct bridge_nl *nl, const struct network *n, int *failed, struct err *e)
{
	own(nft_elems) struct nft_elems l = { 0 };
	int rc;

	nft_add_bridge(&l, n->config.bridge, false);
	rc = nft_has(&nl->nft, &l.v[0], e);
	*failed = rc < 0;
	return rc == 1;
}

int bridge_index(struct bridge_nl *nl, const struct network *n, struct err *e)
{
	struct rtnl_link link;
	int failed, rc = find_main(&nl->route, n, &link, e);

	if (rc <= 0)
		return rc;
	if (!(link.flags & IFF_UP))
		return 0;
	if (firewall_has(nl, n, &failed, e))
		return link.index;
	return failed ? -1 : 0;
}

static int set_sysctls(int proc, const struct network *n, struct err *e)
{
	own(str) char *accept_ra = str_fmt("ipv6/conf/%s/accept_ra", n->config.bridge);
	own(str) char *accept_dad = str_fmt("ipv6/conf/%s/accept_dad", n->config.bridge);
	own(str) char *localnet = str_fmt("ipv4/conf/%s/route_localnet", n->config.bridge);

	/* A sandbox must not tell the host where its routers are (CVE-2020-13401); and 127.0.0.1
	 * may be routed to published ports, with a rule against all else (nft_rules.c). */
	if (net_sysctl(proc, accept_ra, "0", e) < 0 || net_sysctl(proc, localnet, "1", e) < 0)
		return -1;
	/* While it is looked for a duplicate of the link's own address, for a second or two, no
	 * neighbour can be asked for: what comes from outside would wait. */
	return net_sysctl(proc, accept_dad, "0", e);
}

int bridge_up(struct store *s, struct bridge_nl *nl, const struct network *n, struct err *e)
{
	own(nft_elems) struct nft_elems elems = { 0 };
	struct rtnl_link link;
	own(fd) int proc = net_proc_open(e);
	int rc = proc < 0 ? -1 : find_main(&nl->route, n, &link, e);

	if (rc == 0) {
		rtnl_bridge_new(&nl->route, n->config.bridge, n->bridge_mac,
				(uint32_t)n->config.mtu, 0);
		if (nl_run(&nl->route, e) < 0)
			return err_in(e, "network %s", n->config.name);
		rc = find_main(&nl->route, n, &link, e);
	}
	if (rc <= 0 || set_sysctls(proc, n, e) < 0)
		return -1;
	for (size_t f = 0; f < 2; f++) {
		struct prefix p = { .ip = n->subnet[f].gateway, .len = n->subnet[f].prefix.len };

		if (p.ip.family)
			rtnl_address_new(&nl->route, link.index, &p);
	}
	rtnl_link_up(&nl->route, n->config.bridge);
	if (nl_run(&nl->route, e) < 0)
		return err_in(e, "network %s", n->config.name);
	if (!n->config.internal && net_forwarding(proc, n->subnet[NETWORK_V4].gateway.family != 0,
						  n->subnet[NETWORK_V6].gateway.family != 0, e) < 0)
		return -1;
	if (bridge_parts_make(s, &nl->route, n, link.index, e) < 0)
		return err_in(e, "network %s", n->config.name);
	if (bridge_store_elems(s, n, &elems, e) < 0)
		return -1;
	return nft_table_make(&nl->nft, &elems, e);
}

void bridge_elems(const struct network *n, struct nft_elems *l)
{
	nft_add_bridge(l, n->config.bridge, n->config.internal);
	for (size_t f = 0; f < 2; f++)
		if (n->subnet[f].gateway.family && !n->config.internal)
			nft_add_subnet(l, &n->subnet[f].prefix);
}

int bridge_down(const struct network *n, struct err *e)
{
	own(bridge_nl) struct bridge_nl nl = { 0 };
	own(nft_elems) struct nft_elems elems = { 0 };
	struct rtnl_link link;

	if (bridge_open(&nl, e) < 0)
		return -1;
	bridge_elems(n, &elems);
	/* Somebody else's interface of that name stays, whatever is wrong with it. */
	if (find_main(&nl.route, n, &link, e) == 1) {
		rtnl_link_delete(&nl.route, n->config.bridge);
		if (nl_run(&nl.route, e) < 0 && e->sys != ENODEV)
			return -1;
	}
	if (bridge_parts_remove(&nl.route, n, e) < 0)
		return -1;
	if (nft_remove(&nl.nft, &elems, e) < 0)
		return -1;
	return nft_table_prune(&nl.nft, e);
}
