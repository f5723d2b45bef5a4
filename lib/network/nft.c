/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <stdlib.h>

void nft_elems_free(struct nft_elems *l)
{
	free(l->v);
	*l = (struct nft_elems){ 0 };
}

static struct nft_elem *elem_new(struct nft_elems *l, const char *set, size_t key_len,
				 size_t data_len)
{
	l->v = xgrow(l->v, l->n, sizeof(*l->v));
	l->v[l->n] = (struct nft_elem){ .set = set,
					.key_len = (uint8_t)key_len,
					.data_len = (uint8_t)data_len };
	return &l->v[l->n++];
}

void nft_elems_copy(struct nft_elems *l, const struct nft_elem *el)
{
	*elem_new(l, el->set, el->key_len, el->data_len) = *el;
}

void nft_add_bridge(struct nft_elems *l, const char *bridge, bool internal)
{
	struct nft_elem *el = elem_new(l, "bridges", IFNAMSIZ, 0);
	size_t len = MIN(strlen(bridge), (size_t)IFNAMSIZ - 1);

	memcpy(el->key, bridge, len);
	el = elem_new(l, "same", 2 * IFNAMSIZ, 0);
	memcpy(el->key, bridge, len);
	memcpy(el->key + IFNAMSIZ, bridge, len);
	if (internal) {
		el = elem_new(l, "internal", IFNAMSIZ, 0);
		memcpy(el->key, bridge, len);
	}
}

void nft_add_subnet(struct nft_elems *l, const struct prefix *p)
{
	const char *set = p->ip.family == AF_INET ? "subnets4" : "subnets6";
	struct ip from = prefix_first(p), behind = prefix_last(p);
	struct nft_elem *el = elem_new(l, set, ip_size(&from), 0);

	memcpy(el->key, from.b, ip_size(&from));
	if (!ip_next(&behind)) /* up to the very last address: an interval without an end */
		return;
	el = elem_new(l, set, ip_size(&behind), 0);
	memcpy(el->key, behind.b, ip_size(&behind));
	el->interval_end = true;
}

uint8_t nft_protocol(int protocol)
{
	return protocol == CRI_UDP    ? IPPROTO_UDP
	       : protocol == CRI_SCTP ? IPPROTO_SCTP
				      : IPPROTO_TCP;
}

/* Each part of a concatenation fills whole registers of 4 bytes. */
void nft_add_port(struct nft_elems *l, int protocol, const struct ip *host, uint16_t host_port,
		  const struct ip *to, uint16_t port)
{
	bool any = ip_any(host), v4 = to->family == AF_INET;
	size_t address = ip_size(to), at = any ? 0 : address;
	const char *set = v4 ? any ? "any4" : "ports4" : any ? "any6" : "ports6";
	struct nft_elem *el = elem_new(l, set, at + 8, address + 4);

	if (!any)
		memcpy(el->key, host->b, address);
	el->key[at] = nft_protocol(protocol);
	el->key[at + 4] = (uint8_t)(host_port >> 8);
	el->key[at + 5] = (uint8_t)host_port;
	memcpy(el->data, to->b, address);
	el->data[address] = (uint8_t)(port >> 8);
	el->data[address + 1] = (uint8_t)port;
}

int nft_open(struct nl *n, struct err *e)
{
	return nl_open(NETLINK_NETFILTER, n, e);
}

void nft_begin(struct nl *n, int type, int flags, const char *label)
{
	struct nfgenmsg header = { .nfgen_family = NFPROTO_INET };

	nl_begin(n, NFNL_SUBSYS_NFTABLES << 8 | type, flags, label, &header, sizeof(header));
}

static void put_value(struct nl *n, uint16_t attr, const void *value, size_t len)
{
	struct nlattr *nest = mnl.mnl_attr_nest_start(n->msg, attr);

	mnl.mnl_attr_put(n->msg, NFTA_DATA_VALUE, len, value);
	mnl.mnl_attr_nest_end(n->msg, nest);
}

/* A message about one element. To find or remove one, its data is not wanted. */
static void queue_elem(struct nl *n, int type, int flags, const char *label,
		       const struct nft_elem *el)
{
	struct nlattr *list, *one;

	nft_begin(n, type, flags, label);
	mnl.mnl_attr_put_strz(n->msg, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
	mnl.mnl_attr_put_strz(n->msg, NFTA_SET_ELEM_LIST_SET, el->set);
	list = mnl.mnl_attr_nest_start(n->msg, NFTA_SET_ELEM_LIST_ELEMENTS);
	one = mnl.mnl_attr_nest_start(n->msg, NFTA_LIST_ELEM);
	if (el->interval_end)
		mnl.mnl_attr_put_u32(n->msg, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	put_value(n, NFTA_SET_ELEM_KEY, el->key, el->key_len);
	if (el->data_len && type == NFT_MSG_NEWSETELEM)
		put_value(n, NFTA_SET_ELEM_DATA, el->data, el->data_len);
	mnl.mnl_attr_nest_end(n->msg, one);
	mnl.mnl_attr_nest_end(n->msg, list);
	nl_end(n);
}

int nft_has(struct nl *n, const struct nft_elem *el, struct err *e)
{
	queue_elem(n, NFT_MSG_GETSETELEM, 0, "look into the firewall's table", el);
	if (nl_run(n, e) == 0)
		return 1;
	return e->sys == ENOENT ? 0 : -1;
}

struct target {
	const struct ip *to;
	bool same;
};

/* Down to the data of the one element of the answer. */
static void target_attr(const struct nlattr *a, void *arg)
{
	struct target *t = arg;

	if (mnl.mnl_attr_get_type(a) == NFTA_DATA_VALUE &&
	    mnl.mnl_attr_get_payload_len(a) > ip_size(t->to))
		t->same = memcmp(mnl.mnl_attr_get_payload(a), t->to->b, ip_size(t->to)) == 0;
}

static void target_elem(const struct nlattr *a, void *arg)
{
	if (mnl.mnl_attr_get_type(a) == NFTA_SET_ELEM_DATA)
		nl_each_attr(mnl.mnl_attr_get_payload(a), mnl.mnl_attr_get_payload_len(a),
			     target_attr, arg);
}

static void target_one(const struct nlattr *a, void *arg)
{
	nl_each_attr(mnl.mnl_attr_get_payload(a), mnl.mnl_attr_get_payload_len(a), target_elem,
		     arg);
}

static void target_list(const struct nlattr *a, void *arg)
{
	if (mnl.mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_ELEMENTS)
		nl_each_attr(mnl.mnl_attr_get_payload(a), mnl.mnl_attr_get_payload_len(a),
			     target_one, arg);
}

/* The attributes behind nf_tables' header. */
static void each_attr(const struct nlmsghdr *h, nl_attr_fn *fn, void *arg)
{
	size_t len = mnl.mnl_nlmsg_get_payload_len(h);

	if (len > sizeof(struct nfgenmsg))
		nl_each_attr(mnl.mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg)),
			     len - sizeof(struct nfgenmsg), fn, arg);
}

static int target_answer(const struct nlmsghdr *h, void *arg, struct err *e)
{
	(void)e;
	each_attr(h, target_list, arg);
	return 0;
}

int nft_leads_to(struct nl *n, const struct nft_elem *el, const struct ip *to, struct err *e)
{
	struct target t = { .to = to };

	queue_elem(n, NFT_MSG_GETSETELEM, 0, "look into the firewall's table", el);
	if (nl_ask(n, target_answer, &t, e) == 0)
		return t.same;
	return e->sys == ENOENT ? 0 : -1;
}

static void queue_inserts(struct nl *n, const struct nft_elems *l, int flags)
{
	for (size_t i = 0; i < l->n; i++)
		queue_elem(n, NFT_MSG_NEWSETELEM, NLM_F_CREATE | flags,
			   "add to the firewall's table", &l->v[i]);
}

int nft_insert(struct nl *n, const struct nft_elems *l, bool only_new, struct err *e)
{
	if (!l->n)
		return 0;
	nl_batch_begin(n, NFNL_SUBSYS_NFTABLES, 0);
	queue_inserts(n, l, only_new ? NLM_F_EXCL : 0);
	nl_batch_end(n, NFNL_SUBSYS_NFTABLES);
	return nl_run(n, e);
}

static int remove_some(struct nl *n, const struct nft_elem *v, size_t count, struct err *e)
{
	nl_batch_begin(n, NFNL_SUBSYS_NFTABLES, 0);
	for (size_t i = 0; i < count; i++)
		queue_elem(n, NFT_MSG_DELSETELEM, 0, "remove from the firewall's table", &v[i]);
	nl_batch_end(n, NFNL_SUBSYS_NFTABLES);
	return nl_run(n, e);
}

int nft_remove(struct nl *n, const struct nft_elems *l, struct err *e)
{
	if (!l->n || remove_some(n, l->v, l->n, e) == 0)
		return 0;
	if (e->sys != ENOENT)
		return -1;
	/* One that is not there spoils the batch: one by one then. */
	for (size_t i = 0; i < l->n; i++)
		if (remove_some(n, &l->v[i], 1, e) < 0 && e->sys != ENOENT)
			return -1;
	return 0;
}

static void queue_table(struct nl *n, int type, int flags, const char *label)
{
	nft_begin(n, type, flags, label);
	/* The same attribute, number 1, for a table and for all rules of one. */
	mnl.mnl_attr_put_strz(n->msg, NFTA_TABLE_NAME, NFT_TABLE);
	nl_end(n);
}
_Static_assert((int)NFTA_TABLE_NAME == (int)NFTA_RULE_TABLE, "queue_table() does for both");

int nft_table_make(struct nl *n, const struct nft_elems *l, struct err *e)
{
	nl_batch_begin(n, NFNL_SUBSYS_NFTABLES, 0);
	queue_table(n, NFT_MSG_NEWTABLE, NLM_F_CREATE, "make the firewall's table");
	queue_table(n, NFT_MSG_DELRULE, 0, "clear the firewall's rules");
	if (nft_rules_queue(n, e) < 0) {
		buf_free(&n->out);
		n->batch = false;
		return -1;
	}
	queue_inserts(n, l, 0);
	nl_batch_end(n, NFNL_SUBSYS_NFTABLES);
	return nl_run(n, e);
}

/* --- is a bridge left? --- */

struct look {
	uint32_t generation;
	bool bridge;
};

static void look_attr(const struct nlattr *a, void *arg)
{
	struct look *look = arg;
	uint32_t value;

	if (mnl.mnl_attr_get_type(a) != NFTA_GEN_ID ||
	    mnl.mnl_attr_get_payload_len(a) != sizeof(value))
		return;
	memcpy(&value, mnl.mnl_attr_get_payload(a), sizeof(value));
	look->generation = ntohl(value);
}

static void look_list(const struct nlattr *a, void *arg)
{
	struct look *look = arg;

	if (mnl.mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_ELEMENTS &&
	    mnl.mnl_attr_get_payload_len(a) > 0)
		look->bridge = true;
}

static int look_answer(const struct nlmsghdr *h, void *arg, struct err *e)
{
	(void)e;
	each_attr(h, (h->nlmsg_type & 0xff) == NFT_MSG_NEWGEN ? look_attr : look_list, arg);
	return 0;
}

static int table_look(struct nl *n, struct look *look, struct err *e)
{

	nft_begin(n, NFT_MSG_GETGEN, 0, "read the firewall's generation");
	nl_end(n);
	if (nl_ask(n, look_answer, look, e) < 0)
		return -1;
	nft_begin(n, NFT_MSG_GETSETELEM, NLM_F_DUMP, "list the firewall's bridges");
	mnl.mnl_attr_put_strz(n->msg, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
	mnl.mnl_attr_put_strz(n->msg, NFTA_SET_ELEM_LIST_SET, "bridges");
	nl_end(n);
	return nl_ask(n, look_answer, look, e);
}

int nft_table_prune(struct nl *n, struct err *e)
{
	for (int try = 0; try < 10; try++) {
		struct look look = { 0 };

		if (table_look(n, &look, e) < 0)
			return e->sys == ENOENT ? 0 : -1;
		if (look.bridge)
			return 0;
		/* Refused when somebody changed the ruleset since: then look again. */
		nl_batch_begin(n, NFNL_SUBSYS_NFTABLES, look.generation);
		queue_table(n, NFT_MSG_DELTABLE, 0, "delete the firewall's table");
		nl_batch_end(n, NFNL_SUBSYS_NFTABLES);
		if (nl_run(n, e) == 0)
			return 0;
		if (e->sys != ERESTART)
			return e->sys == ENOENT ? 0 : -1;
	}
	return 0; /* a busy firewall: the next removal does it */
}
