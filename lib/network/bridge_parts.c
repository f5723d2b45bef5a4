/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a network's bridge (bridge.h), and how a sandbox becomes a port of one. */
#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "network/bridge.h"
#include "network/lease.h"

#define PARTS (65536 / BRIDGE_PART) /* the low 16 bits of an address tell them apart */
#define BRIDGE_PORTS 1023 /* BR_MAX_PORTS of the kernel (net/bridge/br_private.h), less port 0 */

static unsigned low16(const struct ip *a)
{
	const uint8_t *end = a->b + ip_size(a);

	return (unsigned)end[-2] << 8 | end[-1];
}

unsigned bridge_part(const struct network *n, const struct ip *a)
{
	const struct subnet *sub = &n->subnet[a->family == AF_INET ? NETWORK_V4 : NETWORK_V6];
	struct ip first = prefix_first(&sub->range), last = prefix_last(&sub->prefix);
	struct ip zero = prefix_first(&sub->prefix);
	unsigned hosts = low16(&last) ^ low16(&zero);

	return ((low16(a) - low16(&first)) & hosts) / BRIDGE_PART;
}

static void part_name(const struct network *n, unsigned part, const char *end, char dst[IFNAMSIZ])
{
	snprintf(dst, IFNAMSIZ, "%.*s-%u%.1s", BRIDGE_NAME_MAX, n->config.bridge, part % PARTS,
		 end);
}

/* None is the bridge's own, which would be taken for it. */
static void part_mac(const struct network *n, unsigned part, uint8_t mac[MAC_SIZE])
{
	memcpy(mac, n->bridge_mac, MAC_SIZE);
	mac[4] ^= (uint8_t)(part >> 8);
	mac[5] ^= (uint8_t)part;
}

bool bridge_part_has_mac(const struct network *n, const uint8_t mac[MAC_SIZE])
{
	return memcmp(mac, n->bridge_mac, 4) == 0 && (mac[4] ^ n->bridge_mac[4]) < PARTS >> 8;
}

static int find_part(struct nl *route, const struct network *n, unsigned part,
		     struct rtnl_link *link, struct err *e)
{
	char name[IFNAMSIZ];
	uint8_t mac[MAC_SIZE];

	part_name(n, part, "", name);
	part_mac(n, part, mac);
	return bridge_find(route, n, name, mac, link, e);
}

int bridge_part_index(struct nl *route, const struct network *n, unsigned part, int bridge,
		      struct err *e)
{
	struct rtnl_link link, down = { 0 };
	char name[IFNAMSIZ];
	int rc;

	if (!part)
		return bridge;
	part_name(n, part, "d", name);
	rc = find_part(route, n, part, &link, e);
	if (rc == 1)
		rc = rtnl_link_find(route, name, &down, e);
	if (rc <= 0)
		return rc;
	/* The last step of making one. */
	return down.master == bridge && link.flags & down.flags & IFF_UP ? link.index : 0;
}

/* --- making and removing --- */

static int make_pair(struct nl *route, const struct network *n, unsigned part, int proc,
		     struct err *e)
{
	char up[IFNAMSIZ], down[IFNAMSIZ];
	struct rtnl_veth v = {
		.name = up, .peer_name = down, .netns = -1, .mtu = (uint32_t)n->config.mtu
	};
	struct rtnl_link link;
	int rc;

	part_name(n, part, "u", up);
	part_name(n, part, "d", down);
	rc = rtnl_link_find(route, up, &link, e);
	if (rc == 0) {
		rtnl_veth_new(route, &v);
		rc = nl_run(route, e);
	}
	if (rc < 0 || net_no_ipv6(proc, up, e) < 0)
		return -1;
	return net_no_ipv6(proc, down, e);
}

/*
 * Packets that the bridge sends back to the part are not to be taken for those of a new place. And
 * no sandbox can take the bridge's own place by sending with its MAC address.
 */
static int join_pair(struct nl *route, const struct network *n, unsigned part, int index,
		     int bridge, struct err *e)
{
	char name[IFNAMSIZ];

	part_name(n, part, "u", name);
	rtnl_link_master(route, name, index);
	rtnl_port_mac(route, (int)if_nametoindex(name), n->bridge_mac);
	rtnl_port_up(route, name, RTNL_NO_LEARNING);
	part_name(n, part, "d", name);
	rtnl_link_master(route, name, bridge);
	rtnl_port_up(route, name, RTNL_HAIRPIN);
	return nl_run(route, e);
}

static int make_part(struct nl *route, const struct network *n, unsigned part, int bridge, int proc,
		     struct err *e)
{
	struct rtnl_link link;
	char name[IFNAMSIZ];
	uint8_t mac[MAC_SIZE];
	int rc = find_part(route, n, part, &link, e);

	part_name(n, part, "", name);
	part_mac(n, part, mac);
	if (rc == 0) {
		rtnl_bridge_new(route, name, mac, (uint32_t)n->config.mtu, NFT_PART_GROUP);
		if (nl_run(route, e) < 0)
			return -1;
		rc = find_part(route, n, part, &link, e);
	}
	if (rc <= 0 || net_no_ipv6(proc, name, e) < 0 || make_pair(route, n, part, proc, e) < 0)
		return -1;
	rtnl_link_up_mute(route, name);
	return join_pair(route, n, part, link.index, bridge, e);
}

static int remove_part(struct nl *route, const struct network *n, unsigned part, struct err *e)
{
	static const char *const ends[] = { "d", "" }; /* the pair goes as one */

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		char name[IFNAMSIZ];

		part_name(n, part, ends[i], name);
		rtnl_link_delete(route, name);
		if (nl_run(route, e) < 0 && e->sys != ENODEV)
			return -1;
	}
	return 0;
}

struct parts {
	const struct network *n;
	int family; /* of the addresses that tell */
	bool used[PARTS], there[PARTS];
};

static void note_address(const struct ip *a, void *arg)
{
	struct parts *p = arg;

	if (a->family == p->family)
		p->used[bridge_part(p->n, a)] = true;
}

/* Our own: the part's bridge, or an end of its pair. */
static void note_link(const struct rtnl_link *link, void *arg)
{
	struct parts *p = arg;
	const char *bridge = p->n->config.bridge;
	uint8_t mac[MAC_SIZE];
	int64_t part;

	if (!str_starts(link->name, bridge) || link->name[strlen(bridge)] != '-')
		return;
	own(str) char *number = xstrdup(link->name + strlen(bridge) + 1);
	size_t digits = strspn(number, "0123456789");
	bool pair = str_eq(number + digits, "u") || str_eq(number + digits, "d");

	if (number[digits] && !pair)
		return;
	number[digits] = '\0';
	if (str_to_i64(number, 1, PARTS - 1, &part) < 0)
		return;
	part_mac(p->n, (unsigned)part, mac);
	if (pair ? str_eq(link->kind, "veth")
		 : str_eq(link->kind, "bridge") && memcmp(mac, link->mac, MAC_SIZE) == 0)
		p->there[part] = true;
}

int bridge_parts_make(struct store *s, struct nl *route, const struct network *n, int bridge,
		      struct err *e)
{
	struct parts p = { .n = n,
			   .family = n->subnet[NETWORK_V4].gateway.family ? AF_INET : AF_INET6 };
	own(fd) int proc = net_proc_open(e);

	if (proc < 0 || lease_each(s, n->config.name, note_address, &p, e) < 0 ||
	    rtnl_links(route, note_link, &p, e) < 0)
		return -1;
	for (unsigned part = 1; part < PARTS; part++) {
		int rc = 0;

		if (p.used[part])
			rc = make_part(route, n, part, bridge, proc, e);
		else if (p.there[part])
			rc = remove_part(route, n, part, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int bridge_parts_remove(struct nl *route, const struct network *n, struct err *e)
{
	struct parts p = { .n = n };

	if (rtnl_links(route, note_link, &p, e) < 0)
		return -1;
	for (unsigned part = 1; part < PARTS; part++)
		if (p.there[part] && remove_part(route, n, part, e) < 0)
			return -1;
	return 0;
}

/* --- a sandbox's port --- */

int bridge_join(struct nl *route, const char *name, const uint8_t mac[MAC_SIZE], unsigned part,
		int bridge, struct err *e)
{
	unsigned index = if_nametoindex(name);

	rtnl_link_master(route, name, bridge);
	/* A part knows who is on it, and everybody else is behind the network's bridge. */
	if (part)
		rtnl_port_mac(route, (int)index, mac);
	rtnl_port_up(route, name, part ? RTNL_NO_FLOOD : RTNL_HAIRPIN);
	if (nl_run(route, e) == 0)
		return 0;
	if (e->sys != EXFULL)
		return -1;
	err_set(e, ERR_FAIL, "no place is free: a bridge has %d ports", BRIDGE_PORTS);
	return err_hint(e, "create another network");
}
