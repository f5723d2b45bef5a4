/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/network.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "network/bridge.h"
#include "network/cni.h"

/* In the order in which they are asked for a name: a network of our own wins over one of CNI. */
static const struct network_ops *const kinds[] = { &bridge_ops, &network_cni };

static const struct network_ops *kind_named(const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(kinds[i]->kind, kind))
			return kinds[i];
	return NULL;
}

static const struct network_ops *kind_of(struct store *s, const char *name, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		int rc = kinds[i]->find(s, name, e);

		if (rc)
			return rc < 0 ? NULL : kinds[i];
	}
	own(str) char *shown = str_printable(name, strlen(name));

	err_set(e, ERR_NOT_FOUND, "no network %.80s", shown);
	err_hint(e, "'caddis network ls' lists them");
	return NULL;
}

/*
 * The kind of the request's network. One that names none gets the host's CNI network, where there
 * is one, else ours: *name is then its name, which the request borrows.
 */
static const struct network_ops *choose(struct store *s, struct network_request *r, char **name,
					struct err *e)
{
	if (str_some(r->network))
		return kind_of(s, r->network, e);
	*name = cni_default(e);
	if (!*name && e->msg[0]) {
		err_hint(e, "--network %s is the built-in network", NETWORK_DEFAULT);
		return NULL;
	}
	if (*name) {
		r->network = *name;
		return &network_cni;
	}
	r->network = NETWORK_DEFAULT;
	return kind_of(s, r->network, e);
}

/* Whoever named no network may not know that the host has one. */
static int by_default(const char *name, struct err *e)
{
	if (name)
		err_hint(e, "CNI's is the default here, --network %s is the built-in one",
			 NETWORK_DEFAULT);
	return -1;
}

int network_check(struct store *s, const struct network_request *req, struct err *e)
{
	struct network_request r = *req;
	own(str) char *name = NULL;
	const struct network_ops *ops = choose(s, &r, &name, e);

	if (!ops)
		return -1;
	return ops->check(s, &r, e) < 0 ? by_default(name, e) : 0;
}

static int save(int dir, const struct network_status *st, struct err *e)
{
	return fields_save(&network_status_table, dir, NETWORK_FILE, st, false, e);
}

static void copy_ports(const struct objlist *from, struct objlist *to)
{
	const struct cri_port_mapping *rows = from ? from->v : NULL;

	for (size_t i = 0; from && i < from->n; i++)
		fields_copy(&cri_port_mapping_table, objlist_add(to, &cri_port_mapping_table),
			    &rows[i]);
}

int network_attach(struct store *s, int dir, const struct network_request *req,
		   struct network_status *out, struct err *e)
{
	struct network_request r = *req;
	own(str) char *name = NULL;
	const struct network_ops *ops = choose(s, &r, &name, e);

	*out = (struct network_status){ 0 };
	if (!ops)
		return -1;
	str_set(&out->network, r.network);
	str_set(&out->kind, ops->kind);
	copy_ports(r.ports, &out->ports);
	if (save(dir, out, e) == 0 && ops->attach(s, dir, &r, out, e) == 0) {
		out->attached = true;
		if (save(dir, out, e) == 0)
			return 0;
	}
	network_status_free(out);
	err_in(e, "network %s", r.network);
	return by_default(name, e);
}

/* Of a damaged file every kind gives back what it finds of the ID. */
static int detach_unknown(struct store *s, const char *id, int dir, const char *netns_path,
			  struct err *e)
{
	static const struct network_status unknown;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i]->detach(s, id, dir, netns_path, &unknown, e) < 0)
			return -1;
	return 0;
}

int network_detach(struct store *s, const char *id, int dir, const char *netns_path, struct err *e)
{
	own(network_status) struct network_status st = { 0 };
	bool damaged = network_load(dir, &st, e) < 0;
	const struct network_ops *ops = st.kind ? kind_named(st.kind) : NULL;
	int rc = 0;

	if (damaged || (st.kind && !ops))
		rc = detach_unknown(s, id, dir, netns_path, e);
	else if (ops)
		rc = ops->detach(s, id, dir, netns_path, &st, e);
	if (rc < 0)
		return err_in(e, "network %s", st.network ? st.network : "");
	return unlinkat(dir, NETWORK_FILE, 0) < 0 && errno != ENOENT ? err_sys(e, NETWORK_FILE) : 0;
}
