/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net_opts.h - the options about a new sandbox's network, of 'sandbox create' and 'ctr run' alike. */
#ifndef CADDIS_CMD_NET_OPTS_H
#define CADDIS_CMD_NET_OPTS_H

#include "cli.h"
#include "spec/cri.h"

struct net_args {
	const char *network, *mac;
	struct strv ports, ips;
};
// clang-format off
#define NET_OPTS(struct_)                                                                          \
	OPT(0, "network", "NAME", OPT_STR, struct_, net.network, "network of the sandbox (default: caddis); none: loopback only; host: the host's", "network-mode"), \
	OPT('p', "publish", "[IP:]PORT:PORT[/PROTOCOL]", OPT_LIST, struct_, net.ports, "publish a port, or a range, of the sandbox on the host's; may be repeated"), \
	OPT(0, "ip", "ADDRESS", OPT_LIST, struct_, net.ips, "address in its network; once for IPv4, once for IPv6"), \
	OPT(0, "mac", "ADDRESS", OPT_STR, struct_, net.mac, "MAC address of its interface")
// clang-format on

bool net_args_given(const struct net_args *a);
int net_config(const struct net_args *a, struct cri_sandbox_config *c, struct err *e);

#endif
