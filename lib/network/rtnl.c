/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/rtnl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>

#define NEW (NLM_F_CREATE | NLM_F_EXCL)

static void begin_link(struct nl *n, int type, int flags, const char *label, const char *name,
		       unsigned set)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_flags = set, .ifi_change = set };

	nl_begin(n, type, flags, label, &header, sizeof(header));
	mnl.mnl_attr_put_strz(n->msg, IFLA_IFNAME, name);
}

void rtnl_bridge_new(struct nl *n, const char *name, const uint8_t mac[MAC_SIZE], uint32_t mtu,
		     uint32_t group)
{
	struct nlattr *info, *data;

	begin_link(n, RTM_NEWLINK, NEW, "make the bridge", name, 0);
	mnl.mnl_attr_put(n->msg, IFLA_ADDRESS, MAC_SIZE, mac);
	mnl.mnl_attr_put_u32(n->msg, IFLA_MTU, mtu);
	mnl.mnl_attr_put_u32(n->msg, IFLA_GROUP, group);
	info = mnl.mnl_attr_nest_start(n->msg, IFLA_LINKINFO);
	mnl.mnl_attr_put_strz(n->msg, IFLA_INFO_KIND, "bridge");
	data = mnl.mnl_attr_nest_start(n->msg, IFLA_INFO_DATA);
	/* Without a querier everything is flooded anyway, and with snooping the timers of all ports
	 * are set for each new one. */
	mnl.mnl_attr_put_u8(n->msg, IFLA_BR_MCAST_SNOOPING, 0);
	mnl.mnl_attr_nest_end(n->msg, data);
	mnl.mnl_attr_nest_end(n->msg, info);
	nl_end(n);
}

/* Of one queue each: veth makes one for each CPU, and then waits for RCU to close all but one. */
static void one_queue(struct nl *n)
{
	mnl.mnl_attr_put_u32(n->msg, IFLA_NUM_TX_QUEUES, 1);
	mnl.mnl_attr_put_u32(n->msg, IFLA_NUM_RX_QUEUES, 1);
}

void rtnl_veth_new(struct nl *n, const struct rtnl_veth *v)
{
	struct ifinfomsg peer_header = { 0 }; /* cannot be up yet: it has no peer */
	static const uint8_t any[MAC_SIZE];
	struct nlattr *info, *data, *peer;

	begin_link(n, RTM_NEWLINK, NEW, "make the interface", v->name, 0);
	mnl.mnl_attr_put_u32(n->msg, IFLA_MTU, v->mtu);
	one_queue(n);
	info = mnl.mnl_attr_nest_start(n->msg, IFLA_LINKINFO);
	mnl.mnl_attr_put_strz(n->msg, IFLA_INFO_KIND, "veth");
	data = mnl.mnl_attr_nest_start(n->msg, IFLA_INFO_DATA);
	peer = mnl.mnl_attr_nest_start(n->msg, VETH_INFO_PEER);
	memcpy(mnl.mnl_nlmsg_put_extra_header(n->msg, sizeof(peer_header)), &peer_header,
	       sizeof(peer_header));
	mnl.mnl_attr_put_strz(n->msg, IFLA_IFNAME, v->peer_name);
	if (memcmp(v->mac, any, MAC_SIZE) != 0)
		mnl.mnl_attr_put(n->msg, IFLA_ADDRESS, MAC_SIZE, v->mac);
	mnl.mnl_attr_put_u32(n->msg, IFLA_MTU, v->mtu);
	one_queue(n);
	if (v->netns >= 0)
		mnl.mnl_attr_put_u32(n->msg, IFLA_NET_NS_FD, (uint32_t)v->netns);
	mnl.mnl_attr_nest_end(n->msg, peer);
	mnl.mnl_attr_nest_end(n->msg, data);
	mnl.mnl_attr_nest_end(n->msg, info);
	nl_end(n);
}

void rtnl_link_up(struct nl *n, const char *name)
{
	begin_link(n, RTM_NEWLINK, 0, "set the interface up", name, IFF_UP);
	nl_end(n);
}

void rtnl_link_up_mute(struct nl *n, const char *name)
{
	begin_link(n, RTM_NEWLINK, 0, "set the interface up", name, IFF_UP | IFF_NOARP);
	nl_end(n);
}

void rtnl_port_up(struct nl *n, const char *name, unsigned flags)
{
	struct nlattr *info, *data;

	begin_link(n, RTM_NEWLINK, 0, "set up the bridge's port", name, IFF_UP);
	info = mnl.mnl_attr_nest_start(n->msg, IFLA_LINKINFO);
	mnl.mnl_attr_put_strz(n->msg, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl.mnl_attr_nest_start(n->msg, IFLA_INFO_SLAVE_DATA);
	mnl.mnl_attr_put_u8(n->msg, IFLA_BRPORT_MODE, (flags & RTNL_HAIRPIN) != 0);
	mnl.mnl_attr_put_u8(n->msg, IFLA_BRPORT_UNICAST_FLOOD, !(flags & RTNL_NO_FLOOD));
	mnl.mnl_attr_put_u8(n->msg, IFLA_BRPORT_LEARNING, !(flags & RTNL_NO_LEARNING));
	mnl.mnl_attr_nest_end(n->msg, data);
	mnl.mnl_attr_nest_end(n->msg, info);
	nl_end(n);
}

void rtnl_port_mac(struct nl *n, int index, const uint8_t mac[MAC_SIZE])
{
	struct ndmsg header = { .ndm_family = AF_BRIDGE,
				.ndm_ifindex = index,
				.ndm_state = NUD_NOARP,
				.ndm_flags = NTF_MASTER | NTF_STICKY };

	nl_begin(n, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, "tell the bridge who is there",
		 &header, sizeof(header));
	mnl.mnl_attr_put(n->msg, NDA_LLADDR, MAC_SIZE, mac);
	nl_end(n);
}

void rtnl_link_master(struct nl *n, const char *name, int master)
{
	begin_link(n, RTM_NEWLINK, 0, "put the interface to its bridge", name, 0);
	mnl.mnl_attr_put_u32(n->msg, IFLA_MASTER, (uint32_t)master);
	nl_end(n);
}

void rtnl_link_delete(struct nl *n, const char *name)
{
	begin_link(n, RTM_DELLINK, 0, "delete the interface", name, 0);
	nl_end(n);
}

void rtnl_address_new(struct nl *n, int index, const struct prefix *p)
{
	struct ifaddrmsg header = { .ifa_family = (uint8_t)p->ip.family,
				    .ifa_prefixlen = (uint8_t)p->len,
				    .ifa_index = (unsigned)index };
	struct ip broadcast = prefix_last(p);

	nl_begin(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, "add the address", &header,
		 sizeof(header));
	mnl.mnl_attr_put(n->msg, IFA_LOCAL, ip_size(&p->ip), p->ip.b);
	mnl.mnl_attr_put(n->msg, IFA_ADDRESS, ip_size(&p->ip), p->ip.b);
	if (p->ip.family == AF_INET6)
		mnl.mnl_attr_put_u32(n->msg, IFA_FLAGS, IFA_F_NODAD);
	else if (p->len < 31)
		mnl.mnl_attr_put(n->msg, IFA_BROADCAST, 4, broadcast.b);
	nl_end(n);
}

void rtnl_route_default(struct nl *n, int index, const struct ip *gateway)
{
	struct rtmsg header = { .rtm_family = (uint8_t)gateway->family,
				.rtm_table = RT_TABLE_MAIN,
				.rtm_protocol = RTPROT_STATIC,
				.rtm_scope = RT_SCOPE_UNIVERSE,
				.rtm_type = RTN_UNICAST };

	nl_begin(n, RTM_NEWROUTE, NEW, "add the default route", &header, sizeof(header));
	mnl.mnl_attr_put(n->msg, RTA_GATEWAY, ip_size(gateway), gateway->b);
	mnl.mnl_attr_put_u32(n->msg, RTA_OIF, (uint32_t)index);
	nl_end(n);
}

/* --- reading --- */

static uint32_t attr_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	memcpy(&v, mnl.mnl_attr_get_payload(a),
	       MIN(sizeof(v), (size_t)mnl.mnl_attr_get_payload_len(a)));
	return v;
}

static void read_info(const struct nlattr *a, void *arg)
{
	struct rtnl_link *link = arg;

	if (mnl.mnl_attr_get_type(a) == IFLA_INFO_KIND)
		snprintf(link->kind, sizeof(link->kind), "%.*s",
			 (int)mnl.mnl_attr_get_payload_len(a),
			 (const char *)mnl.mnl_attr_get_payload(a));
}

static void read_link_attr(const struct nlattr *a, void *arg)
{
	struct rtnl_link *link = arg;
	size_t len = mnl.mnl_attr_get_payload_len(a);

	switch (mnl.mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		snprintf(link->name, sizeof(link->name), "%.*s", (int)len,
			 (const char *)mnl.mnl_attr_get_payload(a));
		break;
	case IFLA_ADDRESS:
		memcpy(link->mac, mnl.mnl_attr_get_payload(a), MIN(len, sizeof(link->mac)));
		break;
	case IFLA_MTU:
		link->mtu = attr_u32(a);
		break;
	case IFLA_MASTER:
		link->master = (int)attr_u32(a);
		break;
	case IFLA_LINKINFO:
		nl_each_attr(mnl.mnl_attr_get_payload(a), len, read_info, link);
		break;
	default:
		break;
	}
}

static int read_link(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct rtnl_link *link = arg;
	const struct ifinfomsg *header = mnl.mnl_nlmsg_get_payload(h);
	size_t len = mnl.mnl_nlmsg_get_payload_len(h);

	if (h->nlmsg_type != RTM_NEWLINK || len < sizeof(*header))
		return err_set(e, ERR_FAIL, "the kernel's answer is no link");
	link->index = header->ifi_index;
	link->flags = header->ifi_flags;
	nl_each_attr(mnl.mnl_nlmsg_get_payload_offset(h, sizeof(*header)),
		     len - NLMSG_ALIGN(sizeof(*header)), read_link_attr, link);
	return 0;
}

int rtnl_link_find(struct nl *n, const char *name, struct rtnl_link *out, struct err *e)
{
	int rc;

	*out = (struct rtnl_link){ 0 };
	begin_link(n, RTM_GETLINK, 0, "look for the interface", name, 0);
	mnl.mnl_attr_put_u32(n->msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	nl_end(n);
	rc = nl_ask(n, read_link, out, e);
	return rc == 0 ? 1 : e->sys == ENODEV ? 0 : -1;
}

struct links {
	rtnl_link_fn *fn;
	void *arg;
};

static int read_links(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct links *links = arg;
	struct rtnl_link link = { 0 };

	if (read_link(h, &link, e) < 0)
		return -1;
	links->fn(&link, links->arg);
	return 0;
}

int rtnl_links(struct nl *n, rtnl_link_fn *fn, void *arg, struct err *e)
{
	struct links links = { .fn = fn, .arg = arg };
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC };

	nl_begin(n, RTM_GETLINK, NLM_F_DUMP, "list the interfaces", &header, sizeof(header));
	mnl.mnl_attr_put_u32(n->msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	nl_end(n);
	return nl_ask(n, read_links, &links, e);
}

struct addresses {
	int index, count;
};

static int read_address(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct addresses *l = arg;
	const struct ifaddrmsg *header = mnl.mnl_nlmsg_get_payload(h);

	(void)e;
	if (h->nlmsg_type == RTM_NEWADDR && mnl.mnl_nlmsg_get_payload_len(h) >= sizeof(*header) &&
	    header->ifa_family == AF_INET6 && (int)header->ifa_index == l->index &&
	    !(header->ifa_flags & IFA_F_TENTATIVE))
		l->count++;
	return 0;
}

int rtnl_addresses6(struct nl *n, int index, struct err *e)
{
	struct addresses l = { .index = index };
	struct ifaddrmsg header = { .ifa_family = AF_INET6 };

	nl_begin(n, RTM_GETADDR, NLM_F_DUMP, "list the addresses", &header, sizeof(header));
	nl_end(n);
	return nl_ask(n, read_address, &l, e) < 0 ? -1 : l.count;
}

struct route {
	struct prefix to;
	int index;
	uint32_t table;
};

static void read_route_attr(const struct nlattr *a, void *arg)
{
	struct route *r = arg;
	size_t len = mnl.mnl_attr_get_payload_len(a);

	switch (mnl.mnl_attr_get_type(a)) {
	case RTA_DST:
		memcpy(r->to.ip.b, mnl.mnl_attr_get_payload(a), MIN(len, sizeof(r->to.ip.b)));
		break;
	case RTA_OIF:
		r->index = (int)attr_u32(a);
		break;
	case RTA_TABLE:
		r->table = attr_u32(a);
		break;
	default:
		break;
	}
}

struct routes {
	rtnl_route_fn *fn;
	void *arg;
};

static int read_route(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct routes *routes = arg;
	const struct rtmsg *header = mnl.mnl_nlmsg_get_payload(h);
	size_t len = mnl.mnl_nlmsg_get_payload_len(h);
	struct route r = { 0 };

	(void)e;
	if (h->nlmsg_type != RTM_NEWROUTE || len < sizeof(*header) ||
	    header->rtm_type != RTN_UNICAST ||
	    (header->rtm_family != AF_INET && header->rtm_family != AF_INET6))
		return 0;
	r.to.ip.family = header->rtm_family;
	r.to.len = header->rtm_dst_len;
	r.table = header->rtm_table;
	nl_each_attr(mnl.mnl_nlmsg_get_payload_offset(h, sizeof(*header)),
		     len - NLMSG_ALIGN(sizeof(*header)), read_route_attr, &r);
	if (r.table == RT_TABLE_MAIN)
		routes->fn(&r.to, r.index, routes->arg);
	return 0;
}

int rtnl_routes(struct nl *n, rtnl_route_fn *fn, void *arg, struct err *e)
{
	struct routes routes = { .fn = fn, .arg = arg };
	struct rtmsg header = { .rtm_family = AF_UNSPEC };

	nl_begin(n, RTM_GETROUTE, NLM_F_DUMP, "list the host's routes", &header, sizeof(header));
	nl_end(n);
	return nl_ask(n, read_route, &routes, e);
}
