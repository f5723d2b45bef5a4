/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - built-in networks: ROOT/networks/NAME.json, each replaced whole, and what can be done
 * with them.
 *
 * ROOT/networks/lock: shared by whoever attaches or detaches a sandbox, exclusive for whoever
 * makes, removes or repairs a network. Last in the lock order.
 */
#ifndef CADDIS_NETWORK_CONFIG_H
#define CADDIS_NETWORK_CONFIG_H

#include "network/addr.h"
#include "network/network.h"

struct network_subnet {
	char *subnet;	/* "10.128.0.0/16" */
	char *gateway;	/* the bridge's own address in it: "10.128.0.1" */
	char *ip_range; /* where addresses are taken from; NULL: all of the subnet */
};

struct network_config {
	char *name, *bridge, *bridge_mac;
	struct objlist subnets; /* struct network_subnet: one IPv4, one IPv6, or one of them */
	int64_t mtu;
	bool internal; /* no way out, no way in */
	struct strmap labels;
	int64_t created_at; /* ns since 1970 */
};
extern const struct field_table network_config_table, network_subnet_table;

/* A network, read and understood. */
struct network {
	struct network_config config;
	struct subnet {
		struct prefix prefix, range;
		struct ip gateway;
	} subnet[2]; /* NETWORK_V4, NETWORK_V6; gateway.family 0: the network has none of this
			family */
	uint8_t bridge_mac[MAC_SIZE];
};
enum { NETWORK_V4, NETWORK_V6 };
void network_free(struct network *n);
OWNED_STRUCT(network, struct network, network_free)

/* What 'network create' may say; NULL and empty: chosen here. */
struct network_create_args {
	const char *name;
	const struct strv *subnets, *gateways, *ip_ranges;
	int64_t mtu; /* 0: that of the interface with the default route */
	bool internal, no_ipv6;
	const struct strmap *labels;
};

int network_lock(struct store *s, enum lock_mode mode, struct err *e);
bool network_exists(struct store *s, const char *name);
/* ERR_NOT_FOUND when there is none such. */
int network_open(struct store *s, const char *name, struct network *out, struct err *e);
/* The same, but the default network is made when it is missing. No lock is held by the caller. */
int network_open_or_default(struct store *s, const char *name, struct network *out, struct err *e);
int network_names(struct store *s, struct strv *names, struct err *e); /* sorted */
int network_create(struct store *s, const struct network_create_args *a, struct err *e);
/* ERR_STATE, naming a sandbox, while one uses it. */
int network_remove(struct store *s, const char *name, struct err *e);
/* Removes every network that no sandbox uses; removed gets their names. */
int network_prune(struct store *s, struct strv *removed, struct err *e);
/* Puts back what the host lost: bridges, addresses, kernel settings, the firewall's table. */
int network_reload(struct store *s, struct err *e);

/* config.c: strings of the configuration to numbers; an error names the field. */
int network_parse(struct network *n, struct err *e);
/* config_choose.c: the subnets, bridge, MAC address and MTU that a has left open. The exclusive
 * lock is held. */
int network_choose(struct store *s, const struct network_create_args *a, struct network_config *out,
		   struct err *e);

#endif
