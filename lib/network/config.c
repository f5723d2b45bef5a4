/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "network/bridge.h"
#include "network/lease.h"

static const struct field subnet_fields[] = {
	FIELD(struct network_subnet, subnet, FIELD_STR),
	FIELD(struct network_subnet, gateway, FIELD_STR),
	FIELD(struct network_subnet, ip_range, FIELD_STR),
};
FIELD_TABLE(network_subnet_table, "subnet", struct network_subnet, FIELDS_STRICT, subnet_fields);

static const struct field config_fields[] = {
	FIELD(struct network_config, name, FIELD_STR),
	FIELD(struct network_config, bridge, FIELD_STR),
	FIELD(struct network_config, bridge_mac, FIELD_STR),
	FIELD(struct network_config, subnets, FIELD_OBJLIST, .sub = &network_subnet_table),
	FIELD(struct network_config, mtu, FIELD_INT),
	FIELD(struct network_config, internal, FIELD_BOOL),
	FIELD(struct network_config, labels, FIELD_STRMAP),
	FIELD(struct network_config, created_at, FIELD_INT),
};
FIELD_TABLE(network_config_table, "network", struct network_config, FIELDS_STRICT, config_fields);

void network_free(struct network *n)
{
	fields_free(&network_config_table, &n->config);
}

/* ROOT/networks, made if missing: roots of older versions have none. */
static int open_dir(struct store *s, struct err *e)
{
	int fd = openat(s->root, "networks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(s->root, "networks", 0700) < 0 && errno != EEXIST)
			return err_sys(e, "%s/networks", s->root_path);
		fd = openat(s->root, "networks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(e, "%s/networks", s->root_path) : fd;
}

int network_lock(struct store *s, enum lock_mode mode, struct err *e)
{
	own(fd) int dir = open_dir(s, e);

	return dir < 0 ? -1 : lock_file(s, dir, "lock", mode, "the networks", e);
}

static void config_path(const char *name, char dst[96])
{
	snprintf(dst, 96, "networks/%s.json", name);
}

bool network_exists(struct store *s, const char *name)
{
	char path[96];

	if (name_check(name))
		return false;
	config_path(name, path);
	return faccessat(s->root, path, F_OK, 0) == 0;
}

static int parse_subnet(struct network *n, const struct network_subnet *row, struct err *e)
{
	struct prefix p, range;
	struct subnet *sub;
	struct ip gateway;

	if (!row->subnet || prefix_parse(row->subnet, &p) < 0)
		return err_set(e, ERR_CORRUPT, "subnet \"%.60s\": not an address with a prefix",
			       row->subnet ? row->subnet : "");
	if (!row->gateway || ip_parse(row->gateway, &gateway) < 0 || !prefix_has(&p, &gateway))
		return err_set(e, ERR_CORRUPT, "gateway \"%.60s\": not an address in %.60s",
			       row->gateway ? row->gateway : "", row->subnet);
	range = p;
	if (row->ip_range && (prefix_parse(row->ip_range, &range) < 0 || range.len < p.len ||
			      !prefix_has(&p, &range.ip)))
		return err_set(e, ERR_CORRUPT, "address range \"%.60s\": not a part of %.60s",
			       row->ip_range, row->subnet);
	sub = &n->subnet[p.ip.family == AF_INET ? NETWORK_V4 : NETWORK_V6];
	if (sub->gateway.family)
		return err_set(e, ERR_CORRUPT, "two subnets of one family");
	*sub = (struct subnet){ .prefix = p, .range = range, .gateway = gateway };
	return 0;
}

int network_parse(struct network *n, struct err *e)
{
	const struct network_subnet *rows = n->config.subnets.v;
	for (size_t i = 0; i < n->config.subnets.n; i++)
		if (parse_subnet(n, &rows[i], e) < 0)
			return -1;
	if (!n->config.subnets.n)
		return err_set(e, ERR_CORRUPT, "no subnet");
	if (!n->config.bridge || strlen(n->config.bridge) > BRIDGE_NAME_MAX || !*n->config.bridge ||
	    !n->config.bridge_mac || mac_parse(n->config.bridge_mac, n->bridge_mac))
		return err_set(e, ERR_CORRUPT, "no bridge, or without a MAC address");
	return 0;
}

int network_open(struct store *s, const char *name, struct network *out, struct err *e)
{
	char path[96];

	*out = (struct network){ 0 };
	if (!network_exists(s, name)) {
		own(str) char *shown = str_printable(name, strlen(name));

		err_set(e, ERR_NOT_FOUND, "no network %.80s", shown);
		return err_hint(e, "'caddis network ls' lists them");
	}
	config_path(name, path);
	if (fields_load(&network_config_table, s->root, path, &out->config, e) < 0 ||
	    network_parse(out, e) < 0) {
		network_free(out);
		return err_in(e, "network %s", name);
	}
	return 0;
}

int network_names(struct store *s, struct strv *names, struct err *e)
{
	own(fd) int fd = open_dir(s, e);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return -1;
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d));) {
		own(str) char *name = NULL;

		if (de->d_name[0] == '.' || !str_ends(de->d_name, ".json"))
			continue;
		name = xstrndup(de->d_name, strlen(de->d_name) - strlen(".json"));
		if (!name_check(name))
			strv_take(names, ptr_steal(name));
	}
	strv_sort(names);
	return 0;
}

/* The exclusive lock is held. */
static int create_locked(struct store *s, const struct network_create_args *a, struct err *e)
{
	own(network) struct network n = { 0 };
	char path[96];

	if (network_exists(s, a->name))
		return err_set(e, ERR_EXISTS, "it is there already");
	if (network_choose(s, a, &n.config, e) < 0 || network_parse(&n, e) < 0)
		return -1;
	config_path(a->name, path);
	return fields_save(&network_config_table, s->root, path, &n.config, true, e);
}

int network_create(struct store *s, const struct network_create_args *a, struct err *e)
{
	const char *wrong = name_check(a->name);
	own(fd) int lock = -1;

	if (wrong)
		return err_set(e, ERR_USAGE, "network name '%.80s': %s", a->name, wrong);
	if (str_eq(a->name, "none") || str_eq(a->name, "host"))
		return err_set(e, ERR_USAGE, "network name '%s': it has a meaning of its own",
			       a->name);
	lock = network_lock(s, LOCK_EXCLUSIVE, e);
	if (lock < 0)
		return -1;
	return create_locked(s, a, e) < 0 ? err_in(e, "network %s", a->name) : 0;
}

int network_open_or_default(struct store *s, const char *name, struct network *out, struct err *e)
{
	static const struct strv none;
	struct network_create_args a = {
		.name = NETWORK_DEFAULT, .subnets = &none, .gateways = &none, .ip_ranges = &none
	};

	if (str_eq(name, NETWORK_DEFAULT) && !network_exists(s, name) &&
	    network_create(s, &a, e) < 0 && e->kind != ERR_EXISTS)
		return -1;
	return network_open(s, name, out, e);
}

/* The exclusive lock is held: nobody attaches. */
static int remove_locked(struct store *s, const char *name, struct err *e)
{
	own(network) struct network n = { 0 };
	own(strv) struct strv users = { 0 };
	char path[96];

	if (network_open(s, name, &n, e) < 0 || lease_owners(s, name, &users, e) < 0)
		return -1;
	if (users.n) {
		own(str) char *user = record_label(s, RECORD_SANDBOX, users.v[0]);

		err_set(e, ERR_STATE, "network %s is in use by sandbox %s%s", name, user,
			users.n > 1 ? " and others" : "");
		return err_hint(e, "remove or stop it first");
	}
	if (bridge_down(&n, e) < 0 || lease_forget(s, name, e) < 0)
		return err_in(e, "network %s", name);
	config_path(name, path);
	if (unlinkat(s->root, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, "network %s", name);
	return 0;
}

int network_remove(struct store *s, const char *name, struct err *e)
{
	own(fd) int lock = network_lock(s, LOCK_EXCLUSIVE, e);

	return lock < 0 ? -1 : remove_locked(s, name, e);
}

int network_prune(struct store *s, struct strv *removed, struct err *e)
{
	own(fd) int lock = network_lock(s, LOCK_EXCLUSIVE, e);
	own(strv) struct strv names = { 0 };

	if (lock < 0 || network_names(s, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (remove_locked(s, names.v[i], e) == 0)
			strv_add(removed, names.v[i]);
		else if (e->kind != ERR_STATE)
			return -1;
	}
	return 0;
}
