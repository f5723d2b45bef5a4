/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtnl.h - links, addresses and routes by rtnetlink. Functions without a result queue a message for
 * nl_run(); the socket's network namespace is the one that they act in.
 */
#ifndef CADDIS_NETWORK_RTNL_H
#define CADDIS_NETWORK_RTNL_H

#include <net/if.h>
#include <stdbool.h>

#include "network/addr.h"
#include "network/netlink.h"

struct rtnl_link {
	char name[IFNAMSIZ];
	int index;
	int master; /* index; 0: none */
	unsigned flags;
	uint32_t mtu;
	uint8_t mac[MAC_SIZE];
	char kind[IFNAMSIZ]; /* "bridge", "veth"; "" for hardware */
};
/* 1: found, 0: there is none of this name, -1. */
int rtnl_link_find(struct nl *n, const char *name, struct rtnl_link *out, struct err *e);
/* Calls fn for every link of the namespace. */
typedef void rtnl_link_fn(const struct rtnl_link *link, void *arg);
int rtnl_links(struct nl *n, rtnl_link_fn *fn, void *arg, struct err *e);

/* group: of interfaces (IFLA_GROUP), which the firewall's rules can ask for; 0: none. */
void rtnl_bridge_new(struct nl *n, const char *name, const uint8_t mac[MAC_SIZE], uint32_t mtu,
		     uint32_t group);
struct rtnl_veth {
	const char *name;      /* of the host's end */
	const char *peer_name; /* of the end that is born in the namespace netns */
	int netns;	       /* -1: it stays here */
	uint8_t mac[MAC_SIZE]; /* the peer's; all zero: any */
	uint32_t mtu;
};
void rtnl_veth_new(struct nl *n, const struct rtnl_veth *v); /* both ends down */
void rtnl_link_up(struct nl *n, const char *name);
/* Up, as something without addresses that answers nobody. */
void rtnl_link_up_mute(struct nl *n, const char *name);
/* Up as a port of its bridge. */
enum rtnl_port {
	RTNL_HAIRPIN = 1,     /* the bridge may send back where a packet came from */
	RTNL_NO_FLOOD = 2,    /* not for packets to a MAC address that the bridge does not know */
	RTNL_NO_LEARNING = 4, /* who sends from there is not known to be there */
};
void rtnl_port_up(struct nl *n, const char *name, unsigned flags);
/* The bridge knows for good that mac is behind the port of this index, whoever else sends by it. */
void rtnl_port_mac(struct nl *n, int index, const uint8_t mac[MAC_SIZE]);
void rtnl_link_master(struct nl *n, const char *name, int master);
void rtnl_link_delete(struct nl *n, const char *name);
/* No duplicate address detection: the lease says that it is unique. */
void rtnl_address_new(struct nl *n, int index, const struct prefix *p);
/* How many IPv6 addresses of the interface are in use: it is in their multicast groups by then. -1. */
int rtnl_addresses6(struct nl *n, int index, struct err *e);
void rtnl_route_default(struct nl *n, int index, const struct ip *gateway);

/* Every unicast route of the main table, with its interface (0: several or none). */
typedef void rtnl_route_fn(const struct prefix *to, int index, void *arg);
int rtnl_routes(struct nl *n, rtnl_route_fn *fn, void *arg, struct err *e);

#endif
