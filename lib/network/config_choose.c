/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new network gets: what was asked for, if it is free, and what is free for the rest. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "network/config.h"
#include "network/rtnl.h"

#define MTU_OTHERWISE 1500

/* Where a subnet is looked for when none is given: big ones, away from the usual addresses. */
static const struct pool {
	const char *first;
	unsigned len, count; /* of each, and how many */
} pools[] = {
	{ "10.128.0.0", 16, 96 },
	{ "172.20.0.0", 16, 12 },
	{ "192.168.128.0", 20, 8 },
};
/* Not for networks. */
static const char *const reserved[] = { "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3",
					"::/8",	     "fe80::/10",   "ff00::/8" };

struct used {
	struct prefix prefix;
	char owner[80];
};
struct host {
	struct nl nl;
	struct used *used;
	size_t n;
	int default_index;   /* interface of the default route; 0: none */
	struct strv bridges; /* of the other networks */
};

static void host_free(struct host *h)
{
	nl_close(&h->nl);
	free(h->used);
	strv_free(&h->bridges);
}
OWNED_STRUCT(host, struct host, host_free)

static void use(struct host *h, const struct prefix *p, const char *what, const char *owner)
{
	struct used *u;

	h->used = xgrow(h->used, h->n, sizeof(*h->used));
	u = &h->used[h->n++];
	u->prefix = *p;
	snprintf(u->owner, sizeof(u->owner), "%s%s", what, owner);
}

static void note_route(const struct prefix *to, int index, void *arg)
{
	struct host *h = arg;
	char text[IP_TEXT_SIZE];

	if (to->len == 0) {
		if (!h->default_index || to->ip.family == AF_INET)
			h->default_index = index;
		return;
	}
	prefix_format(to, text);
	use(h, to, "the host's route ", text);
}

static int look_around(struct store *s, struct host *h, struct err *e)
{
	own(strv) struct strv names = { 0 };

	if (network_names(s, &names, e) < 0 || nl_open(NETLINK_ROUTE, &h->nl, e) < 0)
		return -1;
	/* Networks first: an error then names them, not the routes that they made. */
	for (size_t i = 0; i < names.n; i++) {
		own(network) struct network n = { 0 };

		if (network_open(s, names.v[i], &n, e) < 0)
			return -1;
		strv_add(&h->bridges, n.config.bridge);
		for (size_t f = 0; f < 2; f++)
			if (n.subnet[f].gateway.family)
				use(h, &n.subnet[f].prefix, "network ", names.v[i]);
	}
	return rtnl_routes(&h->nl, note_route, h, e);
}

static const char *used_by(const struct host *h, const struct prefix *p)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->used[i].prefix.ip.family == p->ip.family &&
		    prefix_overlaps(&h->used[i].prefix, p))
			return h->used[i].owner;
	return NULL;
}

static void add_subnet(struct network_config *out, const struct prefix *p)
{
	struct network_subnet *sub = objlist_add(&out->subnets, &network_subnet_table);
	struct ip gateway = prefix_nth(p, 1);
	char text[IP_TEXT_SIZE];

	prefix_format(p, text);
	sub->subnet = xstrdup(text);
	ip_format(&gateway, text);
	sub->gateway = xstrdup(text);
}

static int check_subnet(const struct host *h, const char *text, struct prefix *p, struct err *e)
{
	const char *owner;

	if (prefix_parse(text, p) < 0)
		return err_set(e, ERR_USAGE,
			       "subnet '%.60s': expected ADDRESS/LENGTH, like 10.1.0.0/16", text);
	if (p->len > ip_size(&p->ip) * 8 - 2 || p->len < 8)
		return err_set(e, ERR_USAGE, "subnet '%.60s': too %s", text,
			       p->len < 8 ? "large" : "small");
	p->ip = prefix_first(p);
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		struct prefix r;

		if (prefix_parse(reserved[i], &r) == 0 && r.ip.family == p->ip.family &&
		    prefix_overlaps(&r, p))
			return err_set(e, ERR_USAGE, "subnet '%.60s': %s is not for networks", text,
				       reserved[i]);
	}
	owner = used_by(h, p);
	if (owner) {
		err_set(e, ERR_EXISTS, "subnet %.60s overlaps %s", text, owner);
		return err_hint(e, "choose another, or none to have one chosen");
	}
	return 0;
}

static int given_subnets(const struct host *h, const struct network_create_args *a,
			 struct network_config *out, bool have[2], struct err *e)
{
	for (size_t i = 0; i < a->subnets->n; i++) {
		struct prefix p;
		size_t family;

		if (check_subnet(h, a->subnets->v[i], &p, e) < 0)
			return -1;
		family = p.ip.family == AF_INET ? NETWORK_V4 : NETWORK_V6;
		if (have[family])
			return err_set(e, ERR_USAGE,
				       "two subnets of IPv%d: one of each is possible",
				       family == NETWORK_V4 ? 4 : 6);
		if (family == NETWORK_V6 && a->no_ipv6)
			return err_set(e, ERR_USAGE, "subnet %s: but no IPv6 is wanted",
				       a->subnets->v[i]);
		have[family] = true;
		add_subnet(out, &p);
	}
	return 0;
}

static int free_subnet4(const struct host *h, struct network_config *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		struct prefix p = { .len = pools[i].len };

		if (ip_parse(pools[i].first, &p.ip) < 0)
			continue;
		for (unsigned k = 0; k < pools[i].count; k++) {
			struct ip behind = prefix_last(&p);

			if (!used_by(h, &p)) {
				add_subnet(out, &p);
				return 0;
			}
			if (!ip_next(&behind))
				break;
			p.ip = behind;
		}
	}
	err_set(e, ERR_FAIL, "no subnet is free on this host");
	return err_hint(e, "name one with --subnet");
}

static void random_bytes(uint8_t *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		abort(); /* not with so few bytes: getrandom(2) */
}

/* A unique local prefix: fd and 40 random bits (RFC 4193, 3.2). */
static void free_subnet6(const struct host *h, struct network_config *out)
{
	struct prefix p = { .ip = { .family = AF_INET6, .b = { 0xfd } }, .len = 64 };

	do
		random_bytes(p.ip.b + 1, 5);
	while (used_by(h, &p));
	add_subnet(out, &p);
}

static struct network_subnet *subnet_of(struct network_config *c, const struct ip *a)
{
	struct network_subnet *rows = c->subnets.v;

	for (size_t i = 0; i < c->subnets.n; i++) {
		struct prefix p;

		if (prefix_parse(rows[i].subnet, &p) == 0 && p.ip.family == a->family &&
		    prefix_has(&p, a))
			return &rows[i];
	}
	return NULL;
}

static int set_gateways(const struct network_create_args *a, struct network_config *out,
			struct err *e)
{
	for (size_t i = 0; i < a->gateways->n; i++) {
		const char *text = a->gateways->v[i], *why = NULL;
		struct network_subnet *sub;
		struct ip gateway;
		struct prefix p;
		char plain[IP_TEXT_SIZE];

		if (ip_parse(text, &gateway) < 0)
			return err_set(e, ERR_USAGE, "gateway '%.60s': not an address", text);
		sub = subnet_of(out, &gateway);
		if (!sub)
			return err_set(e, ERR_USAGE, "gateway %.60s is in none of the subnets",
				       text);
		if (prefix_parse(sub->subnet, &p) == 0)
			why = prefix_no_host(&p, &gateway);
		if (why)
			return err_set(e, ERR_USAGE, "gateway %.60s: %s", text, why);
		ip_format(&gateway, plain);
		str_set(&sub->gateway, plain);
	}
	for (size_t i = 0; i < a->ip_ranges->n; i++) {
		const char *text = a->ip_ranges->v[i];
		struct network_subnet *sub;
		struct prefix range, whole;

		if (prefix_parse(text, &range) < 0)
			return err_set(e, ERR_USAGE,
				       "address range '%.60s': expected ADDRESS/LENGTH", text);
		sub = subnet_of(out, &range.ip);
		if (!sub || prefix_parse(sub->subnet, &whole) < 0 || range.len < whole.len)
			return err_set(e, ERR_USAGE,
				       "address range %.60s is in none of the subnets", text);
		str_set(&sub->ip_range, text);
	}
	return 0;
}

static int choose_bridge(struct host *h, const char *network, struct network_config *out,
			 struct err *e)
{
	uint8_t mac[MAC_SIZE];
	char text[MAC_TEXT_SIZE];

	for (int i = str_eq(network, NETWORK_DEFAULT) ? 0 : 1; i < 10000; i++) {
		struct rtnl_link link;
		char name[IFNAMSIZ];
		int rc;

		snprintf(name, sizeof(name), "caddis%d", i);
		if (strv_has(&h->bridges, name))
			continue;
		rc = rtnl_link_find(&h->nl, name, &link, e);
		if (rc < 0)
			return -1;
		if (rc)
			continue; /* somebody else's, perhaps of another root */
		random_bytes(mac, sizeof(mac));
		mac[0] = (uint8_t)((mac[0] & 0xfc) | 2); /* locally administered, no group */
		mac_format(mac, text);
		out->bridge = xstrdup(name);
		out->bridge_mac = xstrdup(text);
		return 0;
	}
	return err_set(e, ERR_FAIL, "no name is free for a bridge");
}

static int64_t default_mtu(struct host *h)
{
	char name[IFNAMSIZ];
	struct rtnl_link link;
	struct err ignored;

	if (!h->default_index || !if_indextoname((unsigned)h->default_index, name) ||
	    rtnl_link_find(&h->nl, name, &link, &ignored) != 1 || link.mtu < 1280 ||
	    link.mtu > 65535)
		return MTU_OTHERWISE;
	return link.mtu;
}

int network_choose(struct store *s, const struct network_create_args *a, struct network_config *out,
		   struct err *e)
{
	own(host) struct host h = { 0 };
	bool have[2] = { false, false };

	if (a->mtu && (a->mtu < 1280 || a->mtu > 65535))
		return err_set(e, ERR_USAGE, "MTU %lld: expected 1280 to 65535", (long long)a->mtu);
	if (look_around(s, &h, e) < 0 || given_subnets(&h, a, out, have, e) < 0)
		return -1;
	if (!have[NETWORK_V4] && !have[NETWORK_V6] && free_subnet4(&h, out, e) < 0)
		return -1;
	if (!have[NETWORK_V6] && !a->no_ipv6 && access("/proc/sys/net/ipv6", F_OK) == 0)
		free_subnet6(&h, out);
	if (set_gateways(a, out, e) < 0 || choose_bridge(&h, a->name, out, e) < 0)
		return -1;
	out->name = xstrdup(a->name);
	out->mtu = a->mtu ? a->mtu : default_mtu(&h);
	out->internal = a->internal;
	if (a->labels)
		strmap_copy(&out->labels, a->labels);
	out->created_at = clock_now();
	return 0;
}
