/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of our table. They never change while networks and ports come and go: those are
 * elements of the sets and maps.
 */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "network/nft.h"
#include "network/nftnl_dl.h"

/* nft(8)'s numbers of data types, six bits each in a concatenation; so that it can list us. */
enum { T_IP4 = 7, T_IP6 = 8, T_PROTO = 12, T_PORT = 13, T_IFNAME = 41 };
#define JOIN2(a, b) ((a) << 6 | (b))
#define JOIN3(a, b, c) ((a) << 12 | (b) << 6 | (c))
#define STATES (NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED))

// clang-format off
static const struct set_row {
	const char *name;
	uint32_t flags, key_type, key_len, data_type, data_len;
} sets[] = {
	{ "bridges",  0, T_IFNAME, 16, 0, 0 },                       /* of all our networks */
	{ "internal", 0, T_IFNAME, 16, 0, 0 },                       /* those that have no way out */
	{ "same",     0, JOIN2(T_IFNAME, T_IFNAME), 32, 0, 0 },      /* from a network to itself */
	{ "subnets4", NFT_SET_INTERVAL, T_IP4, 4, 0, 0 },            /* leave under the host's address */
	{ "subnets6", NFT_SET_INTERVAL, T_IP6, 16, 0, 0 },
	/* host address . protocol . host port : address . port of the sandbox; and for any address */
	{ "ports4",   NFT_SET_MAP, JOIN3(T_IP4, T_PROTO, T_PORT), 12, JOIN2(T_IP4, T_PORT), 8 },
	{ "any4",     NFT_SET_MAP, JOIN2(T_PROTO, T_PORT), 8, JOIN2(T_IP4, T_PORT), 8 },
	{ "ports6",   NFT_SET_MAP, JOIN3(T_IP6, T_PROTO, T_PORT), 24, JOIN2(T_IP6, T_PORT), 20 },
	{ "any6",     NFT_SET_MAP, JOIN2(T_PROTO, T_PORT), 8, JOIN2(T_IP6, T_PORT), 20 },
};

static const struct chain_row {
	const char *name, *type; /* type NULL: reached by a jump only */
	uint32_t hook;
	int priority;
} chains[] = {
	{ "ports",    NULL, 0, 0 }, /* first: others jump to it */
	{ "martians", "filter", NF_INET_PRE_ROUTING, -300 }, /* raw: before connections are tracked */
	{ "arriving", "nat", NF_INET_PRE_ROUTING, -100 },
	{ "local",    "nat", NF_INET_LOCAL_OUT, -100 },
	{ "leaving",  "nat", NF_INET_POST_ROUTING, 100 },
	{ "forward",  "filter", NF_INET_FORWARD, 0 },
	{ "entering", "filter", NF_INET_LOCAL_IN, 0 },
};

/* One expression. Registers are numbered by 4 bytes, 0 to 15. */
struct expr {
	enum { E_END, E_META, E_PAYLOAD, E_CT, E_FIB, E_MASK, E_EQ, E_NE, E_IN, E_NOT_IN, E_MAP, E_VERDICT, E_JUMP, E_DNAT, E_MASQUERADE, E_NOTRACK } op;
	uint32_t reg, a, b, c; /* what they are depends: see build_expr() */
	const char *name;
};
#define META(reg, key)       { E_META, reg, key, 0, 0, NULL }
#define NETWORK(reg, off, n) { E_PAYLOAD, reg, NFT_PAYLOAD_NETWORK_HEADER, off, n, NULL }
#define IS4                  META(0, NFT_META_NFPROTO), { E_EQ, 0, NFPROTO_IPV4, 1, 0, NULL }
#define IS6                  META(0, NFT_META_NFPROTO), { E_EQ, 0, NFPROTO_IPV6, 1, 0, NULL }
#define SADDR4(reg)          NETWORK(reg, 12, 4)
#define DADDR4(reg)          NETWORK(reg, 16, 4)
#define SADDR6(reg)          NETWORK(reg, 8, 16)
#define DADDR6(reg)          NETWORK(reg, 24, 16)
#define SLOOP4               NETWORK(0, 12, 1), { E_EQ, 0, 127, 1, 0, NULL } /* from 127.0.0.0/8 */
#define DLOOP4               NETWORK(0, 16, 1), { E_EQ, 0, 127, 1, 0, NULL }
#define PORT(reg)            { E_PAYLOAD, reg, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NULL }
#define IN(reg, set)         { E_IN, reg, 0, 0, 0, set }
#define NOT_IN(reg, set)     { E_NOT_IN, reg, 0, 0, 0, set }
#define FROM_US              META(0, NFT_META_IIFNAME), IN(0, "bridges")
#define TO_US                META(0, NFT_META_OIFNAME), IN(0, "bridges")
#define IN_PART              META(0, NFT_META_IIFGROUP), { E_EQ, 0, NFT_PART_GROUP, 4, 0, NULL }
#define OUT_OF_PARTS         META(0, NFT_META_OIFGROUP), { E_NE, 0, NFT_PART_GROUP, 4, 0, NULL }
#define TO_LOCAL             { E_FIB, 0, 0, 0, 0, NULL }, { E_EQ, 0, RTN_LOCAL, 4, 0, NULL }
#define PUBLISHED            { E_CT, 0, NFT_CT_STATUS, 0, 0, NULL }, { E_MASK, 0, IPS_DST_NAT, 0, 0, NULL }, { E_NE, 0, 0, 4, 0, NULL }
#define KNOWN                { E_CT, 0, NFT_CT_STATE, 0, 0, NULL }, { E_MASK, 0, STATES, 0, 0, NULL }, { E_NE, 0, 0, 4, 0, NULL }
#define TARGET(reg, map)     { E_MAP, reg, 8, 0, 0, map } /* address and port to register 8 on */
#define DNAT4                { E_DNAT, 8, NFPROTO_IPV4, 9, 0, NULL }
#define DNAT6                { E_DNAT, 8, NFPROTO_IPV6, 12, 0, NULL }
#define MASQUERADE           { E_MASQUERADE, 0, 0, 0, 0, NULL }
#define NOTRACK              { E_NOTRACK, 0, 0, 0, 0, NULL }
#define ACCEPT               { E_VERDICT, 0, NF_ACCEPT, 0, 0, NULL }
#define DROP                 { E_VERDICT, 0, NF_DROP, 0, 0, NULL }
#define TO_PORTS             { E_JUMP, 0, (uint32_t)NFT_JUMP, 0, 0, "ports" }

static const struct rule_row {
	const char *chain;
	struct expr exprs[12]; /* E_END ends them */
} rules[] = {
	/* A port published on 127.0.0.1 needs route_localnet on the bridge; this keeps sandboxes from
	 * reaching the host's loopback by it (CVE-2020-8558). */
	{ "martians", { IS4, FROM_US, DLOOP4, DROP } },
	{ "martians", { IS4, FROM_US, SLOOP4, DROP } },
	/* The parts of a bridge (bridge_parts.c) are switches and no more: where the kernel shows bridged
	 * packets to us (br_netfilter), published ports are the network's bridge's to find; and what a
	 * sandbox addresses to the part itself goes nowhere. */
	{ "martians", { IN_PART, NOTRACK } },
	{ "entering", { IN_PART, DROP } },
	{ "forward",  { IN_PART, OUT_OF_PARTS, DROP } },

	/* A neighbour that sends us packets for 127.0.0.1 does not reach what is published there. */
	{ "arriving", { IS4, DLOOP4, ACCEPT } },
	{ "arriving", { TO_LOCAL, TO_PORTS } },
	{ "local",    { TO_LOCAL, TO_PORTS } },
	{ "ports",    { IS4, DADDR4(0), META(1, NFT_META_L4PROTO), PORT(2), TARGET(0, "ports4"), DNAT4 } },
	{ "ports",    { IS4, META(0, NFT_META_L4PROTO), PORT(1), TARGET(0, "any4"), DNAT4 } },
	{ "ports",    { IS6, DADDR6(0), META(4, NFT_META_L4PROTO), PORT(5), TARGET(0, "ports6"), DNAT6 } },
	{ "ports",    { IS6, META(0, NFT_META_L4PROTO), PORT(1), TARGET(0, "any6"), DNAT6 } },

	{ "leaving",  { IS4, SADDR4(0), IN(0, "subnets4"), META(0, NFT_META_OIFNAME), NOT_IN(0, "bridges"), MASQUERADE } },
	{ "leaving",  { IS6, SADDR6(0), IN(0, "subnets6"), META(0, NFT_META_OIFNAME), NOT_IN(0, "bridges"), MASQUERADE } },
	/* Through a published port back into the network: answers must come by the host too. */
	{ "leaving",  { IS4, TO_US, PUBLISHED, SADDR4(0), IN(0, "subnets4"), MASQUERADE } },
	{ "leaving",  { IS6, TO_US, PUBLISHED, SADDR6(0), IN(0, "subnets6"), MASQUERADE } },
	{ "leaving",  { IS4, TO_US, SLOOP4, MASQUERADE } },

	{ "forward",  { KNOWN, ACCEPT } },
	{ "forward",  { META(0, NFT_META_IIFNAME), META(4, NFT_META_OIFNAME), IN(0, "same"), ACCEPT } },
	{ "forward",  { META(0, NFT_META_IIFNAME), IN(0, "internal"), DROP } },
	{ "forward",  { META(0, NFT_META_OIFNAME), IN(0, "internal"), DROP } },
	{ "forward",  { TO_US, PUBLISHED, ACCEPT } },
	{ "forward",  { TO_US, DROP } }, /* from another network, or from outside past published ports */
};
// clang-format on

/* Register of 4 bytes by its number. */
static uint32_t reg32(uint32_t n)
{
	return NFT_REG32_00 + n;
}

static void set_u32(struct nftnl_expr *x, uint16_t attr, uint32_t value)
{
	nftnl.nftnl_expr_set_u32(x, attr, value);
}

static const char *const expr_names[] = {
	[E_META] = "meta",  [E_PAYLOAD] = "payload",   [E_CT] = "ct",
	[E_FIB] = "fib",    [E_MASK] = "bitwise",      [E_EQ] = "cmp",
	[E_NE] = "cmp",	    [E_IN] = "lookup",	       [E_NOT_IN] = "lookup",
	[E_MAP] = "lookup", [E_VERDICT] = "immediate", [E_JUMP] = "immediate",
	[E_DNAT] = "nat",   [E_MASQUERADE] = "masq",   [E_NOTRACK] = "notrack",
};

static void build_compare(struct nftnl_expr *x, const struct expr *r)
{
	uint8_t byte = (uint8_t)r->a;

	set_u32(x, NFTNL_EXPR_CMP_SREG, reg32(r->reg));
	set_u32(x, NFTNL_EXPR_CMP_OP, r->op == E_EQ ? NFT_CMP_EQ : NFT_CMP_NEQ);
	if (r->b == 1)
		nftnl.nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, &byte, 1);
	else
		nftnl.nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, &r->a, sizeof(r->a));
}

static void build_lookup(struct nftnl_expr *x, const struct expr *r)
{
	set_u32(x, NFTNL_EXPR_LOOKUP_SREG, reg32(r->reg));
	nftnl.nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, r->name);
	if (r->op == E_MAP)
		set_u32(x, NFTNL_EXPR_LOOKUP_DREG, reg32(r->a));
	if (r->op == E_NOT_IN)
		set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

/* Loads something into a register. */
static void build_load(struct nftnl_expr *x, const struct expr *r)
{
	uint32_t zero = 0;

	if (r->op == E_META) {
		set_u32(x, NFTNL_EXPR_META_DREG, reg32(r->reg));
		set_u32(x, NFTNL_EXPR_META_KEY, r->a);
	} else if (r->op == E_PAYLOAD) {
		set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg32(r->reg));
		set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, r->a);
		set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, r->b);
		set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, r->c);
	} else if (r->op == E_CT) {
		set_u32(x, NFTNL_EXPR_CT_DREG, reg32(r->reg));
		set_u32(x, NFTNL_EXPR_CT_KEY, r->a);
	} else if (r->op == E_FIB) { /* the type of the destination address */
		set_u32(x, NFTNL_EXPR_FIB_DREG, reg32(r->reg));
		set_u32(x, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		set_u32(x, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	} else { /* E_MASK: in place */
		set_u32(x, NFTNL_EXPR_BITWISE_SREG, reg32(r->reg));
		set_u32(x, NFTNL_EXPR_BITWISE_DREG, reg32(r->reg));
		set_u32(x, NFTNL_EXPR_BITWISE_LEN, sizeof(r->a));
		nftnl.nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, &r->a, sizeof(r->a));
		nftnl.nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof(zero));
	}
}

static void build_verdict(struct nftnl_expr *x, const struct expr *r)
{
	set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	set_u32(x, NFTNL_EXPR_IMM_VERDICT, r->a);
	if (r->op == E_JUMP)
		nftnl.nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, r->name);
}

static void build_dnat(struct nftnl_expr *x, const struct expr *r)
{
	set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	set_u32(x, NFTNL_EXPR_NAT_FAMILY, r->a);
	set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, reg32(r->reg));
	set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, reg32(r->b));
}

static int add_expr(struct nftnl_rule *rule, const struct expr *r, struct err *e)
{
	struct nftnl_expr *x = nftnl.nftnl_expr_alloc(expr_names[r->op]);

	if (!x)
		return err_set(e, ERR_FAIL, "libnftnl knows no expression '%s'", expr_names[r->op]);
	if (r->op <= E_MASK)
		build_load(x, r);
	else if (r->op <= E_NE)
		build_compare(x, r);
	else if (r->op <= E_MAP)
		build_lookup(x, r);
	else if (r->op <= E_JUMP)
		build_verdict(x, r);
	else if (r->op == E_DNAT)
		build_dnat(x, r);
	nftnl.nftnl_rule_add_expr(rule, x);
	return 0;
}

static int queue_rule(struct nl *n, const struct rule_row *row, struct err *e)
{
	struct nftnl_rule *rule = nftnl.nftnl_rule_alloc();
	int rc = 0;

	if (!rule)
		return err_set(e, ERR_FAIL, "libnftnl makes no rule");
	nftnl.nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE);
	nftnl.nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, row->chain);
	for (const struct expr *r = row->exprs; rc == 0 && r->op != E_END; r++)
		rc = add_expr(rule, r, e);
	if (rc == 0) {
		nft_begin(n, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
			  "add the firewall's rules");
		nftnl.nftnl_rule_nlmsg_build_payload(n->msg, rule);
		nl_end(n);
	}
	nftnl.nftnl_rule_free(rule);
	return rc;
}

static int queue_chain(struct nl *n, const struct chain_row *row, struct err *e)
{
	struct nftnl_chain *c = nftnl.nftnl_chain_alloc();

	if (!c)
		return err_set(e, ERR_FAIL, "libnftnl makes no chain");
	nftnl.nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, NFT_TABLE);
	nftnl.nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, row->name);
	if (row->type) {
		nftnl.nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, row->type);
		nftnl.nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, row->hook);
		nftnl.nftnl_chain_set_u32(c, NFTNL_CHAIN_PRIO, (uint32_t)row->priority);
	}
	nft_begin(n, NFT_MSG_NEWCHAIN, NLM_F_CREATE, "add the firewall's chains");
	nftnl.nftnl_chain_nlmsg_build_payload(n->msg, c);
	nl_end(n);
	nftnl.nftnl_chain_free(c);
	return 0;
}

/* Set user data as nft(8) writes it: type 0 (byte order of keys), length 4, 1 (the host's). */
static const uint8_t host_order[] = { 0, 4, 1, 0, 0, 0 };

static int queue_set(struct nl *n, const struct set_row *row, uint32_t id, struct err *e)
{
	struct nftnl_set *s = nftnl.nftnl_set_alloc();

	if (!s)
		return err_set(e, ERR_FAIL, "libnftnl makes no set");
	nftnl.nftnl_set_set_str(s, NFTNL_SET_TABLE, NFT_TABLE);
	nftnl.nftnl_set_set_str(s, NFTNL_SET_NAME, row->name);
	nftnl.nftnl_set_set_u32(s, NFTNL_SET_ID, id);
	nftnl.nftnl_set_set_u32(s, NFTNL_SET_FLAGS, row->flags);
	nftnl.nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, row->key_type);
	nftnl.nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, row->key_len);
	if (row->data_len) {
		nftnl.nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, row->data_type);
		nftnl.nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, row->data_len);
	}
	if (row->key_type == T_IFNAME) /* nft(8) would list a name backwards without it */
		nftnl.nftnl_set_set_data(s, NFTNL_SET_USERDATA, host_order, sizeof(host_order));
	nft_begin(n, NFT_MSG_NEWSET, NLM_F_CREATE, "add the firewall's sets");
	nftnl.nftnl_set_nlmsg_build_payload(n->msg, s);
	nl_end(n);
	nftnl.nftnl_set_free(s);
	return 0;
}

int nft_rules_queue(struct nl *n, struct err *e)
{
	if (nftnl_load(e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (queue_set(n, &sets[i], (uint32_t)i + 1, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(chains); i++)
		if (queue_chain(n, &chains[i], e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (queue_rule(n, &rules[i], e) < 0)
			return -1;
	return 0;
}
