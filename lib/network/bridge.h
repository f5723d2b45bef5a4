/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge.h - the built-in kind of network: a bridge on the host, a veth pair for each sandbox, and
 * what they need of the kernel's settings and the firewall.
 */
#ifndef CADDIS_NETWORK_BRIDGE_H
#define CADDIS_NETWORK_BRIDGE_H

#include "network/config.h"
#include "network/nft.h"
#include "network/rtnl.h"

extern const struct network_ops bridge_ops;

/* Sockets of the host's network namespace, opened together. */
struct bridge_nl {
	struct nl route, nft;
};
int bridge_open(struct bridge_nl *n, struct err *e);
void bridge_close(struct bridge_nl *n);
OWNED_STRUCT(bridge_nl, struct bridge_nl, bridge_close)

/* 1: an interface of this name and MAC address is there, a bridge; 0: none of this name is; -1: it is
 * somebody else's. */
int bridge_find(struct nl *route, const struct network *n, const char *name,
		const uint8_t mac[MAC_SIZE], struct rtnl_link *link, struct err *e);
/* Is the bridge there, up, ours, and in the firewall's table? Its index is returned; 0: no; -1. */
int bridge_index(struct bridge_nl *nl, const struct network *n, struct err *e);
/* Makes what is missing of one network, its parts too. The exclusive lock is held. */
int bridge_up(struct store *s, struct bridge_nl *nl, const struct network *n, struct err *e);
/* Removes all of it; what is gone already is a success. The exclusive lock is held. */
int bridge_down(const struct network *n, struct err *e);

/*
 * bridge_parts.c. A bridge takes the longer for a new port the more it has, and has 1023 at most. So
 * only the first BRIDGE_PART addresses of a network's range are behind ports of its bridge, each
 * further so many behind those of a part: a bridge of its own that is a switch and no more.
 * "caddis0-3" is joined to caddis0 by a veth pair, "caddis0-3u" on it and "caddis0-3d" on caddis0.
 * Which part that is follows from the address. Parts are made when an address of theirs is first
 * leased, and those without one go when another is made, or with the network.
 */
#define BRIDGE_PART 128
/* The longest name: the suffix is of at most 5 bytes. */
#define BRIDGE_NAME_MAX 10
unsigned bridge_part(const struct network *n, const struct ip *a); /* 0: the network's bridge */
bool bridge_part_has_mac(const struct network *n, const uint8_t mac[MAC_SIZE]);
/* Index of the part's bridge. 0: it is not there, or not joined to the network's bridge; -1. */
int bridge_part_index(struct nl *route, const struct network *n, unsigned part, int bridge,
		      struct err *e);
/* Makes and joins the parts that have a lease, removes the others. The exclusive lock is held. */
int bridge_parts_make(struct store *s, struct nl *route, const struct network *n, int bridge,
		      struct err *e);
int bridge_parts_remove(struct nl *route, const struct network *n, struct err *e);
/* Makes the sandbox's host interface a port, and up, of bridge: the index of its part. */
int bridge_join(struct nl *route, const char *name, const uint8_t mac[MAC_SIZE], unsigned part,
		int bridge, struct err *e);

/* What a network is in the firewall's table. */
void bridge_elems(const struct network *n, struct nft_elems *l);
/* What the published ports of a sandbox are in it. */
int bridge_port_elems(const struct network_status *st, struct nft_elems *l, struct err *e);
/* network_reload.c: all elements of this store: networks in use, and also, and published ports. */
int bridge_store_elems(struct store *s, const struct network *also, struct nft_elems *l,
		       struct err *e);

/* Where net_sysctl() finds the kernel's settings; an fd. */
int net_proc_open(struct err *e);
/* Writes a setting below sys/net, of the network namespace of now. Not there (no IPv6): a success.
 */
int net_sysctl(int proc, const char *path, const char *value, struct err *e);
/*
 * A bridge's port needs no addresses; and routes of a thousand of them would make each further
 * interface of the host dear.
 */
int net_no_ipv6(int proc, const char *interface, struct err *e);
/* Switches forwarding on for the families that the network has. */
int net_forwarding(int proc, bool v4, bool v6, struct err *e);

#endif
