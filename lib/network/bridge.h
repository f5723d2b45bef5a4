/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge.h - the built-in kind of network: a bridge on the host, a veth pair for each sandbox, and
 * what they need of the kernel's settings and the firewall.
 */
#ifndef CADDIS_NETWORK_BRIDGE_H
#define CADDIS_NETWORK_BRIDGE_H

#include "network/config.h"
#include "network/nft.h"

extern const struct network_ops bridge_ops;

/* Sockets of the host's network namespace, opened together. */
struct bridge_nl {
	struct nl route, nft;
};
int bridge_open(struct bridge_nl *n, struct err *e);
void bridge_close(struct bridge_nl *n);
OWNED_STRUCT(bridge_nl, struct bridge_nl, bridge_close)

/* Is the bridge there, up, ours, and in the firewall's table? Its index is returned; 0: no; -1. */
int bridge_index(struct bridge_nl *nl, const struct network *n, struct err *e);
/* Makes what is missing of one network. The exclusive lock is held. */
int bridge_up(struct store *s, struct bridge_nl *nl, const struct network *n, struct err *e);
/* Removes all of it; what is gone already is a success. The exclusive lock is held. */
int bridge_down(const struct network *n, struct err *e);

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
/* Switches forwarding on for the families that the network has. */
int net_forwarding(int proc, bool v4, bool v6, struct err *e);

#endif
