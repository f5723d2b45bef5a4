/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.netDevices: devices of ours move into the container's network namespace, under a name of
 * their own there, keep their permanent global addresses (the kernel takes them away), and are set
 * up. By rtnetlink(7), in a few messages, for which no library is opened.
 */
#include "executor/init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESSES_MAX 1000
#define SUFFIX_MAX 1000 /* of a name like "eth%d" */

struct message {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
	} u;
	char attrs[256];
};

/* Addresses as the kernel listed them, one message each. */
struct addresses {
	struct message *v;
	size_t n;
};

static void addresses_release(struct addresses *a)
{
	free(a->v);
}
OWNED_STRUCT(addresses, struct addresses, addresses_release)

static void attr_put(struct message *m, unsigned short type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	m->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static struct message message_new(unsigned short type, unsigned flags, size_t payload)
{
	struct message m = { .h = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(payload),
				    .nlmsg_type = type,
				    .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags) } };

	return m;
}

static int talk(int sock, struct message *m)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[1024];
	} answer;
	ssize_t n;

	m->h.nlmsg_flags |= NLM_F_ACK;
	if (send(sock, m, m->h.nlmsg_len, 0) < 0)
		return -1;
	do
		n = recv(sock, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(answer.e)) || answer.h.nlmsg_type != NLMSG_ERROR)
		return -1;
	errno = -answer.e.error;
	return errno ? -1 : 0;
}

static int netlink_open(struct err *e)
{
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return s < 0 ? err_sys(e, "open a netlink socket") : s;
}

/* A socket lies in the namespace it was made in. */
static int netlink_open_in(pid_t pid, struct err *e)
{
	char path[40];
	own(fd) int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	own(fd) int theirs = -1, sock = -1;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	theirs = open(path, O_RDONLY | O_CLOEXEC);
	if (ours < 0 || theirs < 0 || setns(theirs, CLONE_NEWNET) < 0)
		return err_sys(e, "enter the container's network namespace");
	sock = netlink_open(e);
	if (setns(ours, CLONE_NEWNET) < 0)
		return err_sys(e, "return to own network namespace");
	return sock < 0 ? -1 : fd_steal(&sock);
}

/* -1: there is no such device. */
static int index_of(int sock, const char *name)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return ioctl(sock, SIOCGIFINDEX, &r) < 0 ? -1 : r.ifr_ifindex;
}

/* ---- addresses ---- */

static void address_keep(struct addresses *l, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *in = NLMSG_DATA(h);
	struct message m = message_new(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*in));
	int left = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*in));

	m.u.addr = *in;
	m.u.addr.ifa_flags = 0;
	for (const struct rtattr *a = IFA_RTA(in); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type == IFA_LOCAL || a->rta_type == IFA_ADDRESS ||
		     a->rta_type == IFA_BROADCAST) &&
		    RTA_PAYLOAD(a) <= 16)
			attr_put(&m, a->rta_type, RTA_DATA(a), RTA_PAYLOAD(a));
	l->v = xgrow(l->v, l->n, sizeof(*l->v));
	l->v[l->n++] = m;
}

/* 1: that was the last of them. */
static int addresses_read(const char *buf, ssize_t n, int index, struct addresses *l)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;

	for (size_t left = (size_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		const struct ifaddrmsg *in = NLMSG_DATA(h);

		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return 1;
		if (h->nlmsg_type == RTM_NEWADDR && (int)in->ifa_index == index &&
		    in->ifa_scope == RT_SCOPE_UNIVERSE && in->ifa_flags & IFA_F_PERMANENT &&
		    l->n < ADDRESSES_MAX)
			address_keep(l, h);
	}
	return 0;
}

static int addresses_list(int sock, int index, struct addresses *l, struct err *e)
{
	struct message m = message_new(RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
	_Alignas(struct nlmsghdr) char buf[32768];
	ssize_t n;

	if (send(sock, &m, m.h.nlmsg_len, 0) < 0)
		return err_sys(e, "list its addresses");
	do {
		n = recv(sock, buf, sizeof(buf), 0);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "list its addresses");
	} while (n < 0 || !addresses_read(buf, n, index, l));
	return 0;
}

/* ---- one device ---- */

/* The first free one of "eth%d"; another name as it is. */
static int name_choose(int there, const char *wanted, char name[IF_NAMESIZE], struct err *e)
{
	const char *number = strstr(wanted, "%d");

	snprintf(name, IF_NAMESIZE, "%s", wanted);
	for (int i = 0; number && i < SUFFIX_MAX; i++) {
		if ((size_t)snprintf(name, IF_NAMESIZE, "%.*s%d%s", (int)(number - wanted), wanted,
				     i, number + 2) >= IF_NAMESIZE)
			break;
		if (index_of(there, name) < 0)
			return 0;
	}
	if (index_of(there, name) < 0 && !number)
		return 0;
	return err_set(e, ERR_EXISTS, "there is a device %s in the container already", name);
}

static int link_move(int here, int index, const char *name, pid_t pid, struct err *e)
{
	struct message m = message_new(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
	uint32_t target = (uint32_t)pid;

	m.u.link.ifi_index = index;
	attr_put(&m, IFLA_NET_NS_PID, &target, sizeof(target));
	attr_put(&m, IFLA_IFNAME, name, strlen(name) + 1);
	return talk(here, &m) < 0 ? err_sys(e, "move it into the container as %s", name) : 0;
}

static int link_up(int there, int index, struct err *e)
{
	struct message m = message_new(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));

	m.u.link.ifi_index = index;
	m.u.link.ifi_flags = IFF_UP;
	m.u.link.ifi_change = IFF_UP;
	return talk(there, &m) < 0 ? err_sys(e, "set it up") : 0;
}

static int move_one(int here, int there, const struct oci_net_device *d, pid_t pid, struct err *e)
{
	own(addresses) struct addresses l = { 0 };
	char name[IF_NAMESIZE];
	int index = index_of(here, d->host_name);

	if (index < 0)
		return err_sys(e, "look for it on the host");
	if (name_choose(there, str_some(d->name) ? d->name : d->host_name, name, e) < 0 ||
	    addresses_list(here, index, &l, e) < 0 || link_move(here, index, name, pid, e) < 0)
		return -1;
	index = index_of(there, name); /* it may have another one there */
	if (index < 0)
		return err_sys(e, "look for %s in the container", name);
	if (link_up(there, index, e) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		l.v[i].u.addr.ifa_index = (uint32_t)index;
		if (talk(there, &l.v[i]) < 0)
			return err_sys(e, "give %s its address again", name);
	}
	return 0;
}

int netdev_move(const struct init *in, pid_t pid, struct err *e)
{
	const struct objlist *l = &in->spec->linux_.net_devices;
	const struct oci_net_device *d = l->v;
	own(fd) int here = netlink_open(e);
	own(fd) int there = here < 0 ? -1 : netlink_open_in(pid, e);

	if (there < 0)
		return err_in(e, "linux.netDevices");
	for (size_t i = 0; i < l->n; i++)
		if (move_one(here, there, &d[i], pid, e) < 0)
			return err_in(e, "linux.netDevices[\"%s\"]", d[i].host_name);
	return 0;
}
