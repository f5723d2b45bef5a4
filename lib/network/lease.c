/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"

#define CURSOR ".next" /* where the search goes on: a freed address is not used again at once */
#define TAKEOVER ".taking"

/* 1: it has an owner; 0: it is not leased, or damaged; -1 with errno: nobody can tell. */
static int read_owner(int dir, const char *name, char owner[ID_SIZE])
{
	ssize_t n = readlinkat(dir, name, owner, ID_SIZE);

	if (n < 0)
		return errno == ENOENT || errno == EINVAL ? 0 : -1;
	if (n != ID_SIZE - 1)
		return 0;
	owner[n] = '\0';
	return id_valid(owner);
}

int lease_holder(struct store *s, int dir, const char *name, char holder[ID_SIZE])
{
	int found = read_owner(dir, name, holder);

	if (found < 0)
		return -1;
	return found && record_exists(s, RECORD_SANDBOX, holder) ? 0 : 1;
}

/*
 * The owner that we saw is dead. Under the directory's lock nobody else takes it over, and nobody
 * but a living owner removes it: a rename puts ours in its place.
 */
static int take_over(int dir, const char *name, const char *id, const char *dead, struct err *e)
{
	own(fd) int lock = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char owner[ID_SIZE] = "";

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_sys(e, "lock the leases");
	if (read_owner(dir, name, owner) > 0 && !str_eq(owner, dead))
		return 1; /* somebody was faster */
	unlinkat(dir, TAKEOVER, 0);
	if (symlinkat(id, dir, TAKEOVER) < 0 || renameat(dir, TAKEOVER, dir, name) < 0)
		return err_sys(e, "lease %s", name);
	return 0;
}

int lease_take(struct store *s, int dir, const char *name, const char *id, char holder[ID_SIZE],
	       struct err *e)
{
	holder[0] = '\0';
	for (int try = 0; try < 10; try++) {
		int rc;

		if (symlinkat(id, dir, name) == 0)
			return 0;
		if (errno != EEXIST)
			return err_sys(e, "lease %s", name);
		holder[0] = '\0';
		rc = lease_holder(s, dir, name, holder);
		if (rc < 0)
			return err_sys(e, "lease %s", name);
		if (rc == 0)
			return str_eq(holder, id) ? 0 : 1;
		rc = take_over(dir, name, id, holder, e);
		if (rc <= 0)
			return rc;
	}
	return 1;
}

int lease_drop(int dir, const char *name, const char *id, struct err *e)
{
	char owner[ID_SIZE];
	int found = read_owner(dir, name, owner);

	if (found < 0)
		return err_sys(e, "free %s", name);
	if (!found || !str_eq(owner, id))
		return 0;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? err_sys(e, "free %s", name) : 0;
}

/* STATE/network/NETWORK; -1 with sys ENOENT when there is none and it is not to be made. */
static int open_leases(struct store *s, const char *network, bool create, struct err *e)
{
	own(str) char *path = str_fmt("network/%s", network);
	int fd;

	if (name_check(network))
		return err_set(e, ERR_CORRUPT, "'%.80s' is no network's name", network);
	fd = openat(s->state, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(s->state, path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, "%s/%s", s->state_path, path);
		fd = openat(s->state, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd < 0 ? err_sys(e, "%s/%s", s->state_path, path) : fd;
}

/* Neither the subnet's own nor its broadcast address, nor the bridge's. */
static const char *unusable(const struct subnet *sub, const struct ip *a)
{
	if (!prefix_has(&sub->prefix, a))
		return "it is not in the network's subnet";
	if (ip_compare(a, &sub->gateway) == 0)
		return "it is the gateway's";
	return prefix_no_host(&sub->prefix, a);
}

static int taken(struct store *s, const char *address, const char *holder, struct err *e)
{
	own(str) char *who = record_label(s, RECORD_SANDBOX, holder);

	return err_set(e, ERR_EXISTS, "address %s is in use by sandbox %s", address, who);
}

static int wanted_subnet(const struct network *n, const struct ip *a, const struct subnet **out,
			 struct err *e)
{
	const struct subnet *sub = &n->subnet[a->family == AF_INET ? NETWORK_V4 : NETWORK_V6];
	const char *why = sub->gateway.family ? unusable(sub, a)
					      : "the network has no addresses of this family";
	char text[IP_TEXT_SIZE];

	ip_format(a, text);
	if (why)
		return err_set(e, ERR_USAGE, "address %s cannot be had in network %s: %s", text,
			       n->config.name, why);
	*out = sub;
	return 0;
}

int lease_check(struct store *s, const struct network *n, const struct ip wanted[2], struct err *e)
{
	own(fd) int dir = open_leases(s, n->config.name, true, e);

	if (dir < 0)
		return -1;
	for (size_t f = 0; f < 2; f++) {
		const struct subnet *sub;
		char text[IP_TEXT_SIZE], holder[ID_SIZE];

		if (!wanted[f].family)
			continue;
		if (wanted_subnet(n, &wanted[f], &sub, e) < 0)
			return -1;
		ip_format(&wanted[f], text);
		if (lease_holder(s, dir, text, holder) == 0 && !lease_heal(s, holder))
			return taken(s, text, holder, e);
	}
	return 0;
}

int lease_check_mac(struct store *s, const struct network *n, const char *mac, struct err *e)
{
	own(fd) int dir = open_leases(s, n->config.name, true, e);
	char holder[ID_SIZE];

	if (dir < 0)
		return -1;
	if (lease_holder(s, dir, mac, holder) == 0 && !lease_heal(s, holder))
		return taken(s, mac, holder, e);
	return 0;
}

int lease_mac(struct store *s, const struct network *n, const char *id, const char *mac,
	      struct err *e)
{
	own(fd) int dir = open_leases(s, n->config.name, true, e);
	char holder[ID_SIZE];
	int rc = dir < 0 ? -1 : lease_take(s, dir, mac, id, holder, e);

	return rc > 0 ? taken(s, mac, holder, e) : rc;
}

static uint64_t read_cursor(int fd)
{
	char text[24] = "";
	int64_t v;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return str_to_i64(text, 0, INT64_MAX, &v) < 0 ? 0 : (uint64_t)v;
}

/* A hint and no more: two writers at once cost the next one a few tries. */
static void write_cursor(int fd, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n", v);

	if (pwrite(fd, text, (size_t)n, 0) == n && ftruncate(fd, n) < 0)
		return;
}

/* One look for free addresses. */
struct seek {
	struct store *s;
	int dir; /* of the leases */
	const struct network *n;
	const char *id;
	bool any[2]; /* families that any address is taken of */
	struct ip *out;
};

static int seek_family(const struct seek *k, size_t f, uint64_t place, struct err *e)
{
	char text[IP_TEXT_SIZE], holder[ID_SIZE];

	k->out[f] = prefix_nth(&k->n->subnet[f].range, place);
	ip_format(&k->out[f], text);
	if (unusable(&k->n->subnet[f], &k->out[f]))
		return 1;
	return lease_take(k->s, k->dir, text, k->id, holder, e);
}

/* The addresses at this place of both families: 0, both are leased now; 1, none is; -1. */
static int seek_at(const struct seek *k, uint64_t place, struct err *e)
{
	char text[IP_TEXT_SIZE];
	int rc = k->any[0] ? seek_family(k, 0, place, e) : 0;

	if (rc || !k->any[1])
		return rc;
	rc = seek_family(k, 1, place, e);
	if (rc <= 0 || !k->any[0])
		return rc;
	ip_format(&k->out[0], text);
	return lease_drop(k->dir, text, k->id, e) < 0 ? -1 : 1;
}

static int take_free(const struct seek *k, struct err *e)
{
	own(fd) int cursor =
		openat(k->dir, CURSOR, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	uint64_t places = UINT64_MAX, from;

	if (cursor < 0)
		return err_sys(e, "the place of the next address");
	for (size_t f = 0; f < 2; f++)
		if (k->any[f])
			places = MIN(places, prefix_size(&k->n->subnet[f].range));
	if (places == UINT64_MAX)
		return 0; /* all are wanted ones */
	from = read_cursor(cursor) % places;
	for (uint64_t i = 0; i < places; i++) {
		uint64_t place = (from + i) % places;
		int rc = seek_at(k, place, e);

		if (rc < 0)
			return -1;
		if (rc == 0) {
			write_cursor(cursor, place + 1);
			return 0;
		}
	}
	err_set(e, ERR_FAIL, "no free address is left");
	return err_hint(e, "create another network, with a larger subnet");
}

int lease_addresses(struct store *s, const struct network *n, const char *id,
		    const struct ip wanted[2], struct ip out[2], struct err *e)
{
	own(fd) int dir = open_leases(s, n->config.name, true, e);
	struct seek k = { .s = s, .dir = dir, .n = n, .id = id, .out = out };

	if (dir < 0)
		return -1;
	out[0] = out[1] = (struct ip){ 0 };
	for (size_t f = 0; f < 2; f++) {
		const struct subnet *sub;
		char text[IP_TEXT_SIZE], holder[ID_SIZE];
		int rc;

		k.any[f] = n->subnet[f].gateway.family && !wanted[f].family;
		if (!wanted[f].family)
			continue;
		if (wanted_subnet(n, &wanted[f], &sub, e) < 0)
			return -1;
		ip_format(&wanted[f], text);
		rc = lease_take(s, dir, text, id, holder, e);
		if (rc)
			return rc < 0 ? -1 : taken(s, text, holder, e);
		out[f] = wanted[f];
	}
	return take_free(&k, e);
}

int lease_release(struct store *s, const char *network, const char *address, const char *id,
		  struct err *e)
{
	own(str) char *name = xstrndup(address, strcspn(address, "/"));
	own(fd) int dir = open_leases(s, network, false, e);

	if (dir < 0)
		return e->sys == ENOENT ? 0 : -1;
	return lease_drop(dir, name, id, e);
}

/* Calls for each lease of the network; the name may be removed meanwhile. */
static int each_lease(struct store *s, const char *network,
		      int (*fn)(struct store *s, int dir, const char *name, void *arg,
				struct err *e),
		      void *arg, struct err *e)
{
	own(fd) int fd = open_leases(s, network, false, e);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return e->sys == ENOENT ? 0 : -1;
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.' && fn(s, dirfd(d), de->d_name, arg, e) < 0)
			return -1;
	return 0;
}

/* The same for all networks that have a directory of leases. */
static int each_lease_anywhere(struct store *s,
			       int (*fn)(struct store *s, int dir, const char *name, void *arg,
					 struct err *e),
			       void *arg, struct err *e)
{
	own(fd) int fd = openat(s->state, "network", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "%s/network", s->state_path);
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d));)
		if (!name_check(de->d_name) && each_lease(s, de->d_name, fn, arg, e) < 0)
			return -1;
	return 0;
}

static int drop_one(struct store *s, int dir, const char *name, void *arg, struct err *e)
{
	(void)s;
	return lease_drop(dir, name, arg, e);
}

int lease_release_all(struct store *s, const char *id, struct err *e)
{
	own(str) char *owner = xstrdup(id);

	return each_lease_anywhere(s, drop_one, owner, e);
}

struct search {
	const char *id;
	struct ip *ips;
};

static int note_address(struct store *s, int dir, const char *name, void *arg, struct err *e)
{
	struct search *search = arg;
	char owner[ID_SIZE];
	struct ip a;

	int found = read_owner(dir, name, owner);

	(void)s;
	if (found < 0)
		return err_sys(e, "lease %s", name);
	if (found && str_eq(owner, search->id) && ip_parse(name, &a) == 0)
		search->ips[a.family == AF_INET6] = a;
	return 0;
}

int lease_of(struct store *s, const char *id, struct ip ips[2], struct err *e)
{
	struct search search = { .id = id, .ips = ips };

	ips[0] = ips[1] = (struct ip){ 0 };
	return each_lease_anywhere(s, note_address, &search, e);
}

bool lease_heal(struct store *s, const char *holder)
{
	own(record) struct record r = RECORD_NONE;
	struct err e;

	/* Half made, opening it heals it; half removed, the sweep does. */
	if (record_open(s, RECORD_SANDBOX, holder, false, &r, &e) == 0 || e.kind != ERR_NOT_FOUND)
		return false;
	return !record_exists(s, RECORD_SANDBOX, holder) ||
	       (staging_sweep(s, &e) == 0 && !record_exists(s, RECORD_SANDBOX, holder));
}

struct each {
	lease_fn *fn;
	void *arg;
};

static int tell_address(struct store *s, int dir, const char *name, void *arg, struct err *e)
{
	struct each *each = arg;
	char owner[ID_SIZE];
	struct ip a;

	(void)e;
	if (ip_parse(name, &a) == 0 && lease_holder(s, dir, name, owner) == 0)
		each->fn(&a, each->arg);
	return 0;
}

int lease_each(struct store *s, const char *network, lease_fn *fn, void *arg, struct err *e)
{
	struct each each = { .fn = fn, .arg = arg };

	return each_lease(s, network, tell_address, &each, e);
}

static int note_owner(struct store *s, int dir, const char *name, void *arg, struct err *e)
{
	struct strv *ids = arg;
	char owner[ID_SIZE];

	(void)e;
	/* Both addresses of a sandbox, often one after the other. */
	if (lease_holder(s, dir, name, owner) == 0 && !strv_has(ids, owner))
		strv_add(ids, owner);
	return 0;
}

int lease_owners(struct store *s, const char *network, struct strv *ids, struct err *e)
{
	return each_lease(s, network, note_owner, ids, e);
}

int lease_forget(struct store *s, const char *network, struct err *e)
{
	own(fd) int parent = openat(s->state, "network", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (parent < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%s/network", s->state_path);
	return path_remove_tree(parent, network, e);
}
