/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host has lost - a flushed firewall, a deleted bridge - from configurations and leases.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "network/bridge.h"
#include "network/lease.h"
#include "network/rtnl.h"

/* The status of a sandbox of this network; false when it is gone or not attached. */
static bool load_user(struct store *s, const char *id, const char *network,
		      struct network_status *st)
{
	own(str) char *path = str_fmt("sandboxes/%s", id);
	own(fd) int dir = openat(s->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct err ignored;

	if (dir < 0 || network_load(dir, st, &ignored) < 0)
		return false;
	return st->attached && str_eq(st->kind, bridge_ops.kind) && str_eq(st->network, network);
}

/* A network with the IDs of its users. */
typedef int each_fn(struct store *s, const struct network *n, const struct strv *ids, void *arg,
		    struct err *e);

static int each_network(struct store *s, each_fn *fn, void *arg, struct err *e)
{
	own(strv) struct strv names = { 0 };

	if (network_names(s, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		own(network) struct network n = { 0 };
		own(strv) struct strv ids = { 0 };

		if (network_open(s, names.v[i], &n, e) < 0 ||
		    lease_owners(s, names.v[i], &ids, e) < 0 || fn(s, &n, &ids, arg, e) < 0)
			return -1;
	}
	return 0;
}

static int user_elems(struct store *s, const char *network, const struct strv *ids,
		      struct nft_elems *l, struct err *e)
{
	for (size_t i = 0; i < ids->n; i++) {
		own(network_status) struct network_status st = { 0 };

		if (load_user(s, ids->v[i], network, &st) && st.ports.n &&
		    bridge_port_elems(&st, l, e) < 0)
			return -1;
	}
	return 0;
}

struct collect {
	const struct network *also;
	struct nft_elems *l;
};

static int network_elems(struct store *s, const struct network *n, const struct strv *ids,
			 void *arg, struct err *e)
{
	const struct collect *c = arg;

	if (ids->n || (c->also && str_eq(c->also->config.name, n->config.name)))
		bridge_elems(n, c->l);
	return user_elems(s, n->config.name, ids, c->l, e);
}

int bridge_store_elems(struct store *s, const struct network *also, struct nft_elems *l,
		       struct err *e)
{
	struct collect c = { .also = also, .l = l };

	return each_network(s, network_elems, &c, e);
}

/* A port of a bridge that was deleted and made again, or from before a bridge had parts. */
static int put_back(struct bridge_nl *nl, const struct network *n, int bridge,
		    const struct network_status *st, struct err *e)
{
	const struct network_ip *first = st->ips.v;
	struct rtnl_link link;
	struct prefix p;
	uint8_t mac[MAC_SIZE];
	unsigned part;
	int rc, index;

	if (!st->host_interface || !st->mac || mac_parse(st->mac, mac) || !st->ips.n ||
	    prefix_parse(first->address, &p) < 0)
		return 0;
	part = bridge_part(n, &p.ip);
	index = bridge_part_index(&nl->route, n, part, bridge, e);
	rc = index < 0 ? -1 : rtnl_link_find(&nl->route, st->host_interface, &link, e);
	if (rc <= 0 || !index || link.master == index)
		return rc < 0 ? -1 : 0;
	if (bridge_join(&nl->route, st->host_interface, mac, part, index, e) < 0)
		return e->sys == ENODEV ? 0 : -1;
	return 0;
}

static int reload_one(struct store *s, const struct network *n, const struct strv *ids, void *arg,
		      struct err *e)
{
	struct bridge_nl *nl = arg;
	int bridge;

	if (!ids->n) /* of a network that nobody uses nothing need be there */
		return 0;
	if (bridge_up(s, nl, n, e) < 0)
		return -1;
	bridge = bridge_index(nl, n, e);
	for (size_t i = 0; bridge > 0 && i < ids->n; i++) {
		own(network_status) struct network_status st = { 0 };

		if (load_user(s, ids->v[i], n->config.name, &st) &&
		    put_back(nl, n, bridge, &st, e) < 0)
			return -1;
	}
	return bridge < 0 ? -1 : 0;
}

int network_reload(struct store *s, struct err *e)
{
	own(fd) int lock = network_lock(s, LOCK_EXCLUSIVE, e);
	own(bridge_nl) struct bridge_nl nl = { 0 };

	if (lock < 0 || bridge_open(&nl, e) < 0)
		return -1;
	return each_network(s, reload_one, &nl, e);
}
