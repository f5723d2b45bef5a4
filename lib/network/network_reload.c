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

int bridge_store_elems(struct store *s, const struct network *also, struct nft_elems *l,
		       struct err *e)
{
	own(strv) struct strv names = { 0 };

	if (network_names(s, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		own(network) struct network n = { 0 };
		own(strv) struct strv ids = { 0 };

		if (network_open(s, names.v[i], &n, e) < 0 ||
		    lease_owners(s, names.v[i], &ids, e) < 0)
			return -1;
		if (ids.n || (also && str_eq(also->config.name, names.v[i])))
			bridge_elems(&n, l);
		if (user_elems(s, names.v[i], &ids, l, e) < 0)
			return -1;
	}
	return 0;
}

/* Ports of a bridge that was deleted and made again. */
static int put_back(struct store *s, struct bridge_nl *nl, const struct network *n,
		    const struct strv *ids, struct err *e)
{
	struct rtnl_link bridge;

	if (rtnl_link_find(&nl->route, n->config.bridge, &bridge, e) != 1)
		return -1;
	for (size_t i = 0; i < ids->n; i++) {
		own(network_status) struct network_status st = { 0 };
		struct rtnl_link link;
		int rc;

		if (!load_user(s, ids->v[i], n->config.name, &st) || !st.host_interface)
			continue;
		rc = rtnl_link_find(&nl->route, st.host_interface, &link, e);
		if (rc < 0)
			return -1;
		if (rc == 0 || link.master == bridge.index)
			continue;
		rtnl_link_master(&nl->route, st.host_interface, bridge.index);
		rtnl_port_up(&nl->route, st.host_interface);
		if (nl_run(&nl->route, e) < 0 && e->sys != ENODEV)
			return -1;
	}
	return 0;
}

int network_reload(struct store *s, struct err *e)
{
	own(fd) int lock = network_lock(s, LOCK_EXCLUSIVE, e);
	own(bridge_nl) struct bridge_nl nl = { 0 };
	own(strv) struct strv names = { 0 };

	if (lock < 0 || network_names(s, &names, e) < 0 || bridge_open(&nl, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		own(network) struct network n = { 0 };
		own(strv) struct strv ids = { 0 };

		if (network_open(s, names.v[i], &n, e) < 0 ||
		    lease_owners(s, names.v[i], &ids, e) < 0)
			return -1;
		/* Of a network that nobody uses nothing need be there. */
		if (ids.n && (bridge_up(s, &nl, &n, e) < 0 || put_back(s, &nl, &n, &ids, e) < 0))
			return err_in(e, "network %s", names.v[i]);
	}
	return 0;
}
