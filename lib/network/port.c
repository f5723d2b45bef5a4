/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "network/lease.h"

static const struct protocol {
	const char *name;
	int type, number; /* for socket(2) */
} protocols[] = {
	[CRI_TCP] = { "tcp", SOCK_STREAM, IPPROTO_TCP },
	[CRI_UDP] = { "udp", SOCK_DGRAM, IPPROTO_UDP },
	[CRI_SCTP] = { "sctp", SOCK_STREAM, IPPROTO_SCTP },
};

const char *port_protocol_name(int protocol)
{
	return protocols[protocol].name;
}

void ports_free(struct ports *l)
{
	free(l->v);
	*l = (struct ports){ 0 };
}

static void ports_add(struct ports *l, const struct port *p)
{
	l->v = xgrow(l->v, l->n, sizeof(*l->v));
	l->v[l->n++] = *p;
}

/* "8080/tcp", with the address in front unless it is all of them. */
static void port_text(const struct port *p, char dst[IP_TEXT_SIZE + 16])
{
	char address[IP_TEXT_SIZE] = "";
	bool v6 = p->host.family == AF_INET6;

	if (!ip_any(&p->host))
		ip_format(&p->host, address);
	snprintf(dst, IP_TEXT_SIZE + 16, "%s%s%s%s%u/%s", *address && v6 ? "[" : "", address,
		 *address && v6 ? "]" : "", *address ? ":" : "", p->host_port,
		 port_protocol_name(p->protocol));
}

/* Can not both be published? */
static bool clash(const struct port *a, const struct port *b)
{
	return a->host_port == b->host_port && a->protocol == b->protocol &&
	       a->host.family == b->host.family &&
	       (ip_any(&a->host) || ip_any(&b->host) || ip_compare(&a->host, &b->host) == 0);
}

static int add_checked(struct ports *l, const struct port *p, struct err *e)
{
	char text[IP_TEXT_SIZE + 16];

	port_text(p, text);
	for (size_t i = 0; i < l->n; i++)
		if (clash(&l->v[i], p))
			return err_set(e, ERR_USAGE, "port %s is published twice", text);
	if (l->n >= (size_t)PORTS_MAX * 2)
		return err_set(e, ERR_USAGE, "more than %d published ports", PORTS_MAX);
	ports_add(l, p);
	return 0;
}

static int expand_one(const struct cri_port_mapping *m, const bool have[2], struct ports *out,
		      struct err *e)
{
	struct port p = { .protocol = m->protocol,
			  .host_port = (uint16_t)m->host_port,
			  .port = (uint16_t)m->container_port };

	if (!m->host_port) /* CRI: not published */
		return 0;
	if (!m->container_port)
		return err_set(e, ERR_USAGE, "host port %u: no container port", p.host_port);
	if (str_some(m->host_ip)) {
		if (ip_parse(m->host_ip, &p.host) < 0)
			return err_set(e, ERR_USAGE, "host address '%.60s': not an IP address",
				       m->host_ip);
		if (!have[p.host.family == AF_INET6])
			return err_set(e, ERR_USAGE,
				       "cannot publish on %.60s: the network has no IPv%d",
				       m->host_ip, p.host.family == AF_INET ? 4 : 6);
		return add_checked(out, &p, e);
	}
	for (size_t f = 0; f < 2; f++) {
		p.host = (struct ip){ .family = f == NETWORK_V4 ? AF_INET : AF_INET6 };
		if (have[f] && add_checked(out, &p, e) < 0)
			return -1;
	}
	return 0;
}

int ports_expand(const struct objlist *mappings, const bool have[2], struct ports *out,
		 struct err *e)
{
	const struct cri_port_mapping *rows = mappings->v;

	*out = (struct ports){ 0 };
	for (size_t i = 0; i < mappings->n; i++) {
		if (expand_one(&rows[i], have, out, e) < 0) {
			ports_free(out);
			return -1;
		}
	}
	return 0;
}

static int cannot(const struct port *p, struct err *e)
{
	char text[IP_TEXT_SIZE + 16];

	port_text(p, text);
	return err_in(e, "cannot publish port %s", text);
}

/* Does a process of the host have it? */
static int try_bind(const struct port *p, struct err *e)
{
	const struct protocol *proto = &protocols[p->protocol];
	own(fd) int fd = socket(p->host.family, proto->type | SOCK_CLOEXEC, proto->number);
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(p->host_port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(p->host_port) };
	int on = 1, rc;

	if (fd < 0) /* where the kernel has no such protocol nobody can listen */
		return 0;
	/* For TCP: connections that are about to end do not count, listeners still do. */
	if (p->protocol == CRI_TCP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (p->host.family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		memcpy(&v6.sin6_addr, p->host.b, 16);
		rc = bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	} else {
		memcpy(&v4.sin_addr, p->host.b, 4);
		rc = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	}
	if (rc == 0 && p->host.family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) {
		err_set(e, ERR_USAGE, "nothing goes from ::1 to a sandbox");
		err_hint(e, "publish it on 127.0.0.1");
	} else if (rc == 0) {
		return 0;
	} else if (errno == EADDRINUSE) {
		own(str) char *who = port_process(p);

		err_set(e, ERR_EXISTS, "already used by %s", who);
	} else if (errno == EADDRNOTAVAIL) {
		err_set(e, ERR_USAGE, "the host has no such address");
	} else {
		err_sys(e, "bind it");
	}
	return cannot(p, e);
}

/* --- leases --- */

static void dir_name(const struct port *p, char dst[24])
{
	snprintf(dst, 24, "%s-%u", port_protocol_name(p->protocol), p->host_port);
}

/* STATE/network/.ports; no network's name begins with a dot. */
static int open_ports(struct store *s, bool create, struct err *e)
{
	int fd;

	if (create && mkdirat(s->state, "network/.ports", 0700) < 0 && errno != EEXIST)
		return err_sys(e, "%s/network/.ports", s->state_path);
	fd = openat(s->state, "network/.ports", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "%s/network/.ports", s->state_path) : fd;
}

static int open_port(int ports, const struct port *p, bool create, struct err *e)
{
	char name[24];
	int fd;

	dir_name(p, name);
	if (create && mkdirat(ports, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "claim port %s", name);
	fd = openat(ports, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "port %s", name) : fd;
}

/* The living sandbox whose claim of this port clashes with p: true, and its ID. */
static bool claimed(struct store *s, int dir, const struct port *p, const char *id,
		    char holder[ID_SIZE])
{
	own(fd) int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = again < 0 ? NULL : fdopendir(again);

	if (!d)
		return false;
	fd_steal(&again);
	for (struct dirent *de; (de = readdir(d));) {
		struct port other = *p;

		if (ip_parse(de->d_name, &other.host) == 0 && clash(&other, p) &&
		    lease_holder(s, dir, de->d_name, holder) == 0 && !str_eq(holder, id))
			return true;
	}
	return false;
}

static int claimed_error(struct store *s, const struct port *p, const char *holder, struct err *e)
{
	own(str) char *who = record_label(s, RECORD_SANDBOX, holder);

	err_set(e, ERR_EXISTS, "already used by sandbox %s", who);
	return cannot(p, e);
}

int ports_check(struct store *s, const struct ports *l, struct err *e)
{
	own(fd) int ports = -1;

	if (!l->n)
		return 0;
	ports = open_ports(s, false, e);
	if (ports < 0 && e->sys != ENOENT)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		own(fd) int dir = ports < 0 ? -1 : open_port(ports, &l->v[i], false, e);
		char holder[ID_SIZE];

		while (dir >= 0 && claimed(s, dir, &l->v[i], "", holder))
			if (!lease_heal(s, holder))
				return claimed_error(s, &l->v[i], holder, e);
		if (try_bind(&l->v[i], e) < 0)
			return -1;
	}
	return 0;
}

static int claim_one(struct store *s, int ports, const char *id, const struct port *p, bool *stale,
		     struct err *e)
{
	own(fd) int dir = open_port(ports, p, true, e);
	char holder[ID_SIZE], address[IP_TEXT_SIZE];
	int rc;

	if (dir < 0)
		return -1;
	ip_format(&p->host, address);
	if (claimed(s, dir, p, id, holder))
		return claimed_error(s, p, holder, e);
	if (try_bind(p, e) < 0)
		return -1;
	rc = lease_take(s, dir, address, id, holder, e);
	*stale = *stale || holder[0];
	return rc <= 0 ? rc : claimed_error(s, p, holder, e);
}

/* The directory of a port that nobody claims any more; the ports' lock is held. */
static void drop_unclaimed(int ports, const struct port *p)
{
	char name[24];

	dir_name(p, name);
	(void)unlinkat(ports, name, AT_REMOVEDIR);
}

int ports_claim(struct store *s, const char *id, const struct ports *l, bool *stale, struct err *e)
{
	own(fd) int ports = -1, lock = -1;

	*stale = false;
	if (!l->n)
		return 0;
	ports = open_ports(s, true, e);
	lock = ports < 0 ? -1 : lock_file(s, ports, "lock", LOCK_EXCLUSIVE, "the ports", e);
	if (lock < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		if (claim_one(s, ports, id, &l->v[i], stale, e) < 0) {
			drop_unclaimed(ports, &l->v[i]);
			return -1;
		}
	}
	return 0;
}

int ports_held(struct store *s, const char *id, const struct ports *l, struct ports *held,
	       struct err *e)
{
	own(fd) int ports = l->n ? open_ports(s, false, e) : -1;

	*held = (struct ports){ 0 };
	if (ports < 0)
		return l->n && e->sys != ENOENT ? -1 : 0;
	for (size_t i = 0; i < l->n; i++) {
		own(fd) int dir = open_port(ports, &l->v[i], false, e);
		char address[IP_TEXT_SIZE], holder[ID_SIZE];
		int rc;

		if (dir < 0 && e->sys == ENOENT)
			continue;
		if (dir < 0)
			return -1;
		ip_format(&l->v[i].host, address);
		rc = lease_holder(s, dir, address, holder);
		if (rc < 0)
			return err_sys(e, "port %s", address);
		if (rc == 0 && str_eq(holder, id))
			ports_add(held, &l->v[i]);
	}
	return 0;
}

/* Claims below .ports/NAME, where NAME is PROTOCOL-PORT, that id has. */
static int note_claims(int ports, const char *name, const char *id, struct ports *out,
		       struct err *e)
{
	own(fd) int fd = openat(ports, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const char *dash = strchr(name, '-');
	struct port p = { .protocol = -1 };
	int64_t number;

	for (size_t i = 0; dash && i < ARRAY_LEN(protocols); i++)
		if (strncmp(name, protocols[i].name, (size_t)(dash - name)) == 0 &&
		    protocols[i].name[dash - name] == '\0')
			p.protocol = (int)i;
	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "port %s", name);
	fd_steal(&fd);
	if (p.protocol < 0 || str_to_i64(dash + 1, 1, UINT16_MAX, &number) < 0)
		return 0;
	p.host_port = (uint16_t)number;
	for (struct dirent *de; (de = readdir(d));) {
		char owner[ID_SIZE];
		ssize_t n = readlinkat(dirfd(d), de->d_name, owner, sizeof(owner));

		if (n == ID_SIZE - 1 && memcmp(owner, id, (size_t)n) == 0 &&
		    ip_parse(de->d_name, &p.host) == 0)
			ports_add(out, &p);
	}
	return 0;
}

int ports_of(struct store *s, const char *id, struct ports *out, struct err *e)
{
	own(fd) int fd = open_ports(s, false, e);
	own(fd) int again = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = again < 0 ? NULL : fdopendir(again);

	*out = (struct ports){ 0 };
	if (fd < 0)
		return e->sys == ENOENT ? 0 : -1;
	if (!d)
		return err_sys(e, "%s/network/.ports", s->state_path);
	fd_steal(&again);
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.' && note_claims(fd, de->d_name, id, out, e) < 0)
			return -1;
	return 0;
}

int ports_release(struct store *s, const char *id, const struct ports *l, struct err *e)
{
	own(fd) int ports = -1, lock = -1;

	if (!l->n)
		return 0;
	ports = open_ports(s, false, e);
	if (ports < 0 && e->sys == ENOENT)
		return 0;
	lock = ports < 0 ? -1 : lock_file(s, ports, "lock", LOCK_EXCLUSIVE, "the ports", e);
	if (lock < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		own(fd) int dir = open_port(ports, &l->v[i], false, e);
		char name[24], address[IP_TEXT_SIZE];

		if (dir < 0 && e->sys == ENOENT)
			continue;
		ip_format(&l->v[i].host, address);
		if (dir < 0 || lease_drop(dir, address, id, e) < 0)
			return -1;
		dir_name(&l->v[i], name);
		/* Another address may have it. */
		if (unlinkat(ports, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY &&
		    errno != ENOENT)
			return err_sys(e, "port %s", name);
	}
	return 0;
}
