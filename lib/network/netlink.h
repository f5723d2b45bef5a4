/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netlink.h - a netlink socket, and requests that go out together in one send.
 *
 *     nl_begin(&nl, RTM_NEWADDR, NLM_F_CREATE, "add the address", &hdr, sizeof(hdr));
 *     mnl.mnl_attr_put(nl.msg, ...);
 *     nl_end(&nl);
 *     nl_run(&nl, e)           sends all of them and waits for every answer
 *
 * A message holds at most NL_MESSAGE_MAX bytes of what the caller puts in.
 */
#ifndef CADDIS_NETWORK_NETLINK_H
#define CADDIS_NETWORK_NETLINK_H

#include <linux/netlink.h>

#include "base/err.h"
#include "base/str.h"
#include "network/mnl_dl.h"

#define NL_MESSAGE_MAX (16 * 1024)
enum { NL_LABELS = 64 };

/* Called for each message of an answer that carries data. -1 with *e ends the run. */
typedef int nl_answer_fn(const struct nlmsghdr *h, void *arg, struct err *e);

struct nl {
	struct mnl_socket *socket;
	uint32_t seq;	      /* of the last message */
	uint32_t first;	      /* of the first message of this run */
	uint32_t wait;	      /* the one whose answer ends the run */
	struct buf out;	      /* messages that wait for nl_run() */
	size_t last;	      /* offset of the last message in out */
	struct nlmsghdr *msg; /* the one being built */
	char *scratch;
	const char *labels[NL_LABELS]; /* what the first messages do, for errors */
	bool batch; /* between nl_batch_begin() and the end of the run: all or nothing */
	nl_answer_fn *answer;
	void *arg;
};

/* bus: NETLINK_ROUTE, NETLINK_NETFILTER. The socket belongs to the network namespace of now. */
int nl_open(int bus, struct nl *out, struct err *e);
void nl_close(struct nl *n);
OWNED_STRUCT(nl, struct nl, nl_close)

/* label is a string constant. header: the protocol's own (struct ifinfomsg...), copied. */
void nl_begin(struct nl *n, int type, int flags, const char *label, const void *header,
	      size_t size);
void nl_end(struct nl *n);
/*
 * An nfnetlink transaction around what is between them. generation: of the ruleset that it was made
 * from; when that has changed meanwhile the kernel refuses it with ERESTART. 0: any.
 */
void nl_batch_begin(struct nl *n, uint16_t subsystem, uint32_t generation);
void nl_batch_end(struct nl *n, uint16_t subsystem);
/* The error's sys is the kernel's errno, its text begins with the label. Empties the queue. */
int nl_run(struct nl *n, struct err *e);
/* The same, with fn called for what is answered. */
int nl_ask(struct nl *n, nl_answer_fn *fn, void *arg, struct err *e);

/* Calls fn for each attribute; list and len: the first one and the bytes of all. */
typedef void nl_attr_fn(const struct nlattr *a, void *arg);
void nl_each_attr(const void *list, size_t len, nl_attr_fn *fn, void *arg);

#endif
