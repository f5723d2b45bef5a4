/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaching a sandbox to a bridge, and detaching it. */
#include "network/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "network/lease.h"
#include "network/port.h"
#include "network/rtnl.h"

#define INTERFACE "eth0"
#define RETRIES 10
#define SETTLE_TRIES 30
#define SETTLE_US 100

static int find_network(struct store *s, const char *name, struct err *e)
{
	(void)e;
	return str_eq(name, NETWORK_DEFAULT) || network_exists(s, name);
}

/* --- the request, understood --- */

struct plan {
	struct ip ips[2]; /* wanted ones; family 0: any */
	uint8_t mac[MAC_SIZE];
	char mac_text[MAC_TEXT_SIZE]; /* "": none was asked for */
	bool have[2];		      /* families of the network */
	struct ports ports;
};
static void plan_free(struct plan *p)
{
	ports_free(&p->ports);
}
OWNED_STRUCT(plan, struct plan, plan_free)

static int plan_addresses(const struct network_request *req, struct plan *p, struct err *e)
{
	for (size_t i = 0; req->ips && i < req->ips->n; i++) {
		struct ip a;

		if (ip_parse(req->ips->v[i], &a) < 0)
			return err_set(e, ERR_USAGE, "address '%.60s': not an IP address",
				       req->ips->v[i]);
		if (p->ips[a.family == AF_INET6].family)
			return err_set(e, ERR_USAGE, "two IPv%d addresses: one is possible",
				       a.family == AF_INET ? 4 : 6);
		p->ips[a.family == AF_INET6] = a;
	}
	return 0;
}

/* From the address: whoever gets it next has the same, so that no neighbour's cache is stale. */
static void default_mac(const struct ip ips[2], uint8_t mac[MAC_SIZE])
{
	const struct ip *a = &ips[ips[0].family ? 0 : 1];

	mac[0] = 0x02; /* locally administered */
	mac[1] = 0xca;
	memcpy(mac + 2, a->b + ip_size(a) - 4, 4);
}

/* Two of one MAC address would take each other's packets. */
static const char *mac_of_others(const struct network *n, const struct plan *p)
{
	uint8_t own_mac[MAC_SIZE];

	if (bridge_part_has_mac(n, p->mac))
		return "it is the bridge's";
	default_mac(p->ips, own_mac);
	if (memcmp(p->mac, own_mac, 2) == 0 &&
	    (!p->ips[p->have[0] ? 0 : 1].family || memcmp(p->mac, own_mac, MAC_SIZE) != 0))
		return "02:ca: and an address is what other sandboxes have";
	return NULL;
}

static int plan_mac(const struct network_request *req, const struct network *n, struct plan *p,
		    struct err *e)
{
	const char *wrong;

	if (!str_some(req->mac))
		return 0;
	wrong = mac_parse(req->mac, p->mac);
	if (!wrong) {
		mac_format(p->mac, p->mac_text);
		wrong = mac_of_others(n, p);
	}
	return wrong ? err_set(e, ERR_USAGE, "MAC address '%.40s': %s", req->mac, wrong) : 0;
}

static int make_plan(const struct network_request *req, const struct network *n, struct plan *p,
		     struct err *e)
{
	for (size_t f = 0; f < 2; f++)
		p->have[f] = n->subnet[f].gateway.family != 0;
	if (plan_addresses(req, p, e) < 0 || plan_mac(req, n, p, e) < 0 ||
	    (req->ports && ports_expand(req->ports, p->have, &p->ports, e) < 0))
		return -1;
	if (n->config.internal && p->ports.n)
		return err_set(e, ERR_USAGE, "network %s is internal: no ports can be published",
			       n->config.name);
	return 0;
}

static int bridge_check(struct store *s, const struct network_request *req, struct err *e)
{
	own(network) struct network n = { 0 };
	own(plan) struct plan p = { 0 };

	if (network_open_or_default(s, req->network, &n, e) < 0 || make_plan(req, &n, &p, e) < 0)
		return -1;
	if ((p.ips[0].family || p.ips[1].family) && lease_check(s, &n, p.ips, e) < 0)
		return -1;
	if (p.mac_text[0] && lease_check_mac(s, &n, p.mac_text, e) < 0)
		return -1;
	return ports_check(s, &p.ports, e);
}

/* --- attach --- */

/*
 * Takes the networks' lock, shared, with the network open and its bridge in order: made or repaired
 * where it is not. Returns the bridge's index.
 */
static int enter_network(struct store *s, const char *name, struct bridge_nl *nl, struct network *n,
			 int *lock, struct err *e)
{
	for (int try = 0; try < RETRIES; try++) {
		own(fd) int held = network_lock(s, LOCK_SHARED, e);
		int index, rc;

		if (held < 0)
			return -1;
		network_free(n);
		if (network_open(s, name, n, e) < 0) {
			if (e->kind != ERR_NOT_FOUND || !str_eq(name, NETWORK_DEFAULT))
				return -1;
			fd_drop(&held); /* pruned just now, or never made */
			held = -1;
			if (network_open_or_default(s, name, n, e) < 0)
				return -1;
			continue;
		}
		index = bridge_index(nl, n, e);
		if (index) {
			*lock = fd_steal(&held);
			return index;
		}
		fd_drop(&held);
		held = network_lock(s, LOCK_EXCLUSIVE, e);
		if (held < 0)
			return -1;
		network_free(n);
		rc = network_open(s, name, n, e);
		if (rc == 0 && bridge_up(s, nl, n, e) < 0)
			return -1;
		if (rc < 0 && e->kind != ERR_NOT_FOUND)
			return -1;
	}
	return err_set(e, ERR_BUSY, "it is made and removed all the time");
}

/*
 * Settings of the sandbox's namespace, before its interface is born. Routers are not listened to
 * from the beginning. accept_dad: as for the bridge, see bridge_host.c. Reports of the multicast
 * groups that it is in would go to all other sandboxes, and nobody on a bridge without snooping
 * needs them: version 1 sends them at once, which is before the bridge is joined, and again within
 * that many milliseconds. Queries are answered in any case.
 */
// clang-format off
static const struct { const char *path, *value; } inside_settings[] = {
	{ "ipv6/conf/default/accept_ra", "0" },
	{ "ipv6/conf/default/accept_dad", "0" },
	{ "ipv6/conf/default/force_mld_version", "1" },
	{ "ipv6/conf/default/mldv1_unsolicited_report_interval", "2147483647" },
};
// clang-format on

/* A socket in the sandbox's namespace. */
static int open_inside(int netns, int proc, struct nl *inside, struct err *e)
{
	own(fd) int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct err back;
	int rc = 0;

	if (host < 0 || mnl_load(e) < 0)
		return host < 0 ? err_sys(e, "open own network namespace") : -1;
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_sys(e, "enter the sandbox's network namespace");
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(inside_settings); i++)
		rc = net_sysctl(proc, inside_settings[i].path, inside_settings[i].value, e);
	if (rc == 0)
		rc = nl_open(NETLINK_ROUTE, inside, e);
	if (setns(host, CLONE_NEWNET) < 0) {
		err_sys(&back, "return to own network namespace");
		*e = back;
		return -1;
	}
	return rc;
}

static int add_link(struct nl *route, int proc, const struct rtnl_veth *v, struct err *e)
{
	rtnl_veth_new(route, v);
	if (nl_run(route, e) < 0 || net_no_ipv6(proc, v->name, e) < 0)
		return -1;
	rtnl_link_up(route, v->name);
	return nl_run(route, e);
}

/*
 * The kernel uses the addresses of IPv6 a moment later, and then reports the groups that it is in:
 * to every sandbox, and with the kernel's lock of all interfaces held, if the bridge is joined by
 * then. That moment is waited for, but not long.
 */
static int wait_inside(struct nl *inside, const struct network *n, int index, struct err *e)
{
	int wanted = n->subnet[NETWORK_V6].gateway.family ? 2 : 1; /* with the interface's own */

	for (int try = 0; try < SETTLE_TRIES; try++) {
		int have = rtnl_addresses6(inside, index, e);

		if (have < 0 || have >= wanted)
			return have < 0 ? -1 : 0;
		usleep(SETTLE_US);
	}
	return 0;
}

static int configure_inside(struct nl *inside, const struct network *n, const struct ip ips[2],
			    struct err *e)
{
	struct rtnl_link link;
	int rc = rtnl_link_find(inside, INTERFACE, &link, e);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(e, ERR_FAIL, "the interface is not in the sandbox");
	rtnl_link_up(inside, INTERFACE);
	for (size_t f = 0; f < 2; f++) {
		struct prefix p = { .ip = ips[f], .len = n->subnet[f].prefix.len };

		if (!ips[f].family)
			continue;
		rtnl_address_new(inside, link.index, &p);
		if (!n->config.internal)
			rtnl_route_default(inside, link.index, &n->subnet[f].gateway);
	}
	return nl_run(inside, e) < 0 ? -1 : wait_inside(inside, n, link.index, e);
}

/*
 * The index of the part's bridge. Who needs it first makes it, and goes on with the exclusive lock:
 * the lease keeps the network while there is none.
 */
static int enter_part(struct store *s, struct bridge_nl *nl, const struct network *n, unsigned part,
		      int bridge, int *lock, struct err *e)
{
	int index = bridge_part_index(&nl->route, n, part, bridge, e);

	if (index)
		return index;
	fd_drop(lock);
	*lock = network_lock(s, LOCK_EXCLUSIVE, e);
	if (*lock < 0 || bridge_up(s, nl, n, e) < 0)
		return -1;
	bridge = bridge_index(nl, n, e);
	index = bridge < 0 ? -1 : bridge_part_index(&nl->route, n, part, bridge, e);
	return index ? index : err_set(e, ERR_BUSY, "somebody removes its interfaces");
}

static void fill_status(struct network_status *st, const struct network *n, const struct ip ips[2],
			const struct rtnl_veth *v)
{
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	str_set(&st->interface, v->peer_name);
	str_set(&st->host_interface, v->name);
	mac_format(v->mac, mac);
	str_set(&st->mac, mac);
	st->mtu = v->mtu;
	for (size_t f = 0; f < 2; f++) {
		struct prefix p = { .ip = ips[f], .len = n->subnet[f].prefix.len };
		struct network_ip *row;

		if (!ips[f].family)
			continue;
		row = objlist_add(&st->ips, &network_ip_table);
		prefix_format(&p, text);
		row->address = xstrdup(text);
		if (n->config.internal)
			continue;
		ip_format(&n->subnet[f].gateway, text);
		row->gateway = xstrdup(text);
	}
}

static void port_elems(const struct ports *ports, const struct ip ips[2], struct nft_elems *l)
{
	for (size_t i = 0; i < ports->n; i++) {
		const struct port *p = &ports->v[i];

		nft_add_port(l, p->protocol, &p->host, p->host_port,
			     &ips[p->host.family == AF_INET6], p->port);
	}
}

static int publish_ports(struct nl *nft, const struct plan *p, const struct ip ips[2], bool stale,
			 struct err *e)
{
	own(nft_elems) struct nft_elems elems = { 0 };

	port_elems(&p->ports, ips, &elems);
	if (stale && nft_remove(nft, &elems, e) < 0)
		return -1;
	if (nft_insert(nft, &elems, true, e) == 0)
		return 0;
	if (e->kind != ERR_EXISTS)
		return -1;
	err_set(e, ERR_EXISTS, "cannot publish the ports: one is published already");
	return err_hint(e, "by sandboxes of another state directory; see nft list table inet %s",
			NFT_TABLE);
}

static int bridge_attach(struct store *s, int dir, const struct network_request *req,
			 struct network_status *st, struct err *e)
{
	own(network) struct network n = { 0 };
	own(plan) struct plan p = { 0 };
	own(bridge_nl) struct bridge_nl nl = { 0 };
	own(nl) struct nl inside = { 0 };
	own(fd) int lock = -1, proc = -1;
	char name[IFNAMSIZ];
	int bridge;
	unsigned part;
	bool stale;
	struct ip ips[2];
	struct rtnl_veth v = { .name = name, .peer_name = INTERFACE, .netns = req->netns };

	(void)dir;
	snprintf(name, sizeof(name), "cad%.12s", req->id);
	proc = net_proc_open(e);
	if (proc < 0 || bridge_open(&nl, e) < 0)
		return -1;
	bridge = enter_network(s, req->network, &nl, &n, &lock, e);
	if (bridge < 0 || make_plan(req, &n, &p, e) < 0 ||
	    lease_addresses(s, &n, req->id, p.ips, ips, e) < 0 ||
	    (p.mac_text[0] && lease_mac(s, &n, req->id, p.mac_text, e) < 0) ||
	    ports_claim(s, req->id, &p.ports, &stale, e) < 0)
		return -1;
	part = bridge_part(&n, &ips[p.have[0] ? 0 : 1]);
	bridge = enter_part(s, &nl, &n, part, bridge, &lock, e);
	if (bridge < 0)
		return -1;
	if (!p.mac_text[0])
		default_mac(ips, p.mac);
	memcpy(v.mac, p.mac, MAC_SIZE);
	v.mtu = (uint32_t)n.config.mtu;
	/* The sandbox's end is up first: what it says at its birth is not for the others. */
	if (open_inside(req->netns, proc, &inside, e) < 0 || add_link(&nl.route, proc, &v, e) < 0 ||
	    configure_inside(&inside, &n, ips, e) < 0 ||
	    bridge_join(&nl.route, name, v.mac, part, bridge, e) < 0 ||
	    publish_ports(&nl.nft, &p, ips, stale, e) < 0)
		return -1;
	fill_status(st, &n, ips, &v);
	return 0;
}

/* --- detach --- */

int bridge_port_elems(const struct network_status *st, struct nft_elems *l, struct err *e)
{
	const struct network_ip *rows = st->ips.v;
	own(ports) struct ports ports = { 0 };
	bool have[2] = { false, false };
	struct ip ips[2];

	for (size_t i = 0; i < st->ips.n; i++) {
		struct prefix p;

		if (!rows[i].address || prefix_parse(rows[i].address, &p) < 0)
			return err_set(e, ERR_CORRUPT, "%s: a bad address", NETWORK_FILE);
		ips[p.ip.family == AF_INET6] = p.ip;
		have[p.ip.family == AF_INET6] = true;
	}
	if (ports_expand(&st->ports, have, &ports, e) < 0)
		return -1;
	port_elems(&ports, ips, l);
	return 0;
}

/* To remove an element, only its key is needed. */
static const struct ip zero_ips[2] = { { .family = AF_INET }, { .family = AF_INET6 } };

/* The rules first: while the leases are ours nobody else's are of the same port. */
static int unpublish(struct store *s, const char *id, const struct network_status *st,
		     struct err *e)
{
	static const bool both[2] = { true, true };
	own(nft_elems) struct nft_elems elems = { 0 };
	own(ports) struct ports ports = { 0 }, held = { 0 };
	own(fd) int lock = -1;
	own(nl) struct nl nft = { 0 };

	if (!st->ports.n)
		return 0;
	lock = network_lock(s, LOCK_SHARED, e);
	if (lock < 0)
		return -1;
	if (ports_expand(&st->ports, both, &ports, e) < 0)
		return 0; /* refused when it was asked for */
	if (ports_held(s, id, &ports, &held, e) < 0)
		return -1;
	port_elems(&held, zero_ips, &elems);
	if (held.n && (nft_open(&nft, e) < 0 || nft_remove(&nft, &elems, e) < 0))
		return -1;
	/* Not only those that it has: of one released before a kill the directory may be left. */
	return ports_release(s, id, &ports, e);
}

/*
 * What a dead maker left, found by who owns it: the status says only what was asked for. An element
 * of the table may be another state directory's: ours lead to our addresses.
 */
static int scrub_ports(struct store *s, const char *id, const struct ports *ports, struct err *e)
{
	own(nft_elems) struct nft_elems all = { 0 }, ours = { 0 };
	own(fd) int lock = network_lock(s, LOCK_SHARED, e);
	own(nl) struct nl nft = { 0 };
	struct ip ips[2];

	if (lock < 0 || lease_of(s, id, ips, e) < 0 || nft_open(&nft, e) < 0)
		return -1;
	port_elems(ports, zero_ips, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct ip *to = &ips[ports->v[i].host.family == AF_INET6];
		int rc = to->family ? nft_leads_to(&nft, &all.v[i], to, e) : 0;

		if (rc < 0)
			return -1;
		if (rc)
			nft_elems_copy(&ours, &all.v[i]);
	}
	if (nft_remove(&nft, &ours, e) < 0)
		return -1;
	return ports_release(s, id, ports, e);
}

static int scrub(struct store *s, const char *id, struct err *e)
{
	own(ports) struct ports ports = { 0 };

	if (ports_of(s, id, &ports, e) < 0)
		return -1;
	if (ports.n && scrub_ports(s, id, &ports, e) < 0)
		return -1;
	return lease_release_all(s, id, e);
}

static int bridge_detach(struct store *s, const char *id, int dir, const char *netns_path,
			 const struct network_status *st, struct err *e)
{
	const struct network_ip *rows = st->ips.v;

	/* The veth pair goes with the namespace: to delete it here would wait for RCU, 20-30 ms. */
	(void)netns_path;
	(void)dir;
	if (!st->attached)
		return scrub(s, id, e);
	if (unpublish(s, id, st, e) < 0)
		return -1;
	for (size_t i = 0; i < st->ips.n; i++)
		if (rows[i].address && lease_release(s, st->network, rows[i].address, id, e) < 0)
			return -1;
	return str_some(st->mac) ? lease_release(s, st->network, st->mac, id, e) : 0;
}

const struct network_ops bridge_ops = {
	.kind = "bridge",
	.find = find_network,
	.check = bridge_check,
	.attach = bridge_attach,
	.detach = bridge_detach,
};
