/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nftnl_dl.h - libnftnl, opened when the table of rules is made. */
#ifndef CADDIS_NETWORK_NFTNL_DL_H
#define CADDIS_NETWORK_NFTNL_DL_H

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>

#include "base/dl.h"

#define NFTNL_FUNCTIONS(X)                                                                         \
	X(nftnl_chain_alloc)                                                                       \
	X(nftnl_chain_free)                                                                        \
	X(nftnl_chain_set_str)                                                                     \
	X(nftnl_chain_set_u32)                                                                     \
	X(nftnl_chain_nlmsg_build_payload)                                                         \
	X(nftnl_set_alloc)                                                                         \
	X(nftnl_set_free)                                                                          \
	X(nftnl_set_set_str)                                                                       \
	X(nftnl_set_set_u32)                                                                       \
	X(nftnl_set_set_data)                                                                      \
	X(nftnl_set_nlmsg_build_payload)                                                           \
	X(nftnl_rule_alloc)                                                                        \
	X(nftnl_rule_free)                                                                         \
	X(nftnl_rule_set_str)                                                                      \
	X(nftnl_rule_add_expr)                                                                     \
	X(nftnl_rule_nlmsg_build_payload)                                                          \
	X(nftnl_expr_alloc)                                                                        \
	X(nftnl_expr_set)                                                                          \
	X(nftnl_expr_set_u32)                                                                      \
	X(nftnl_expr_set_str)

struct nftnl_api {
	NFTNL_FUNCTIONS(DL_MEMBER)
};
extern struct nftnl_api nftnl;
int nftnl_load(struct err *e); /* cheap when loaded */

#endif
