/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"

#define RECEIVE_SIZE (64 * 1024) /* more than the kernel puts into one dump packet (32 KiB) */
#define ANSWER_SECONDS 30	 /* the kernel answers at once; this only ends a broken wait */

int nl_open(int bus, struct nl *out, struct err *e)
{
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	int fd;

	*out = (struct nl){ 0 };
	if (mnl_load(e) < 0)
		return -1;
	out->socket = mnl.mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!out->socket)
		return err_sys(e, "open a netlink socket");
	fd = mnl.mnl_socket_get_fd(out->socket);
	if (mnl.mnl_socket_bind(out->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0) {
		err_sys(e, "bind a netlink socket");
		nl_close(out);
		return -1;
	}
	out->scratch = xmalloc(NL_MESSAGE_MAX + MNL_NLMSG_HDRLEN);
	return 0;
}

void nl_close(struct nl *n)
{
	if (n->socket)
		mnl.mnl_socket_close(n->socket);
	buf_free(&n->out);
	free(n->scratch);
	*n = (struct nl){ 0 };
}

void nl_begin(struct nl *n, int type, int flags, const char *label, const void *header, size_t size)
{
	uint32_t index;

	if (!n->out.len)
		n->first = n->seq + 1;
	n->seq++;
	index = n->seq - n->first;
	if (index < NL_LABELS)
		n->labels[index] = label;
	n->msg = mnl.mnl_nlmsg_put_header(n->scratch);
	n->msg->nlmsg_type = (uint16_t)type;
	n->msg->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags | (n->batch ? 0 : NLM_F_ACK));
	n->msg->nlmsg_seq = n->seq;
	if (size)
		memcpy(mnl.mnl_nlmsg_put_extra_header(n->msg, size), header, size);
}

void nl_end(struct nl *n)
{
	if (!n->batch)
		n->wait = n->seq;
	n->last = n->out.len;
	buf_addn(&n->out, n->msg, NLMSG_ALIGN(n->msg->nlmsg_len));
	n->msg = NULL;
}

void nl_batch_begin(struct nl *n, uint16_t subsystem, uint32_t generation)
{
	struct nfgenmsg header = { .res_id = htons(subsystem) };

	n->batch = true;
	nl_begin(n, NFNL_MSG_BATCH_BEGIN, 0, "begin a firewall transaction", &header,
		 sizeof(header));
	if (generation)
		mnl.mnl_attr_put_u32(n->msg, NFNL_BATCH_GENID, htonl(generation));
	nl_end(n);
}

void nl_batch_end(struct nl *n, uint16_t subsystem)
{
	struct nfgenmsg header = { .res_id = htons(subsystem) };

	/* The last one before this answers for all; out is a buffer of ours, changed in place. */
	n->wait = n->seq;
	((struct nlmsghdr *)(void *)(n->out.s + n->last))->nlmsg_flags |= NLM_F_ACK;
	nl_begin(n, NFNL_MSG_BATCH_END, 0, "end a firewall transaction", &header, sizeof(header));
	nl_end(n);
}

static int nl_send(struct nl *n, struct err *e)
{
	int fd = mnl.mnl_socket_get_fd(n->socket);
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int size = (int)MIN(n->out.len * 2 + RECEIVE_SIZE, (size_t)INT32_MAX / 4);

	/* A batch must go in one piece. Both need CAP_NET_ADMIN, which we have. */
	if (n->out.len > RECEIVE_SIZE) {
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	}
	if (sendto(fd, n->out.s, n->out.len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return err_sys(e, "send to the kernel");
	return 0;
}

struct run {
	struct nl *n;
	bool failed, done;
	struct err *e;
};

/* The kernel's yes or no to one message; the first no is the one to tell. */
static void nl_verdict(struct run *r, const struct nlmsghdr *h)
{
	const struct nlmsgerr *v = mnl.mnl_nlmsg_get_payload(h);
	uint32_t index = h->nlmsg_seq - r->n->first;

	if (mnl.mnl_nlmsg_get_payload_len(h) < sizeof(*v))
		return;
	if (v->error && !r->failed) {
		r->failed = true;
		errno = -v->error;
		err_sys(r->e, "%s",
			index < NL_LABELS && r->n->labels[index] ? r->n->labels[index]
								 : "talk to the kernel");
	}
	/* A batch that is refused as a whole is refused at its first message. */
	if (h->nlmsg_seq == r->n->wait || (r->n->batch && v->error && index == 0))
		r->done = true;
}

static int nl_message(struct run *r, const struct nlmsghdr *h)
{
	uint32_t index = h->nlmsg_seq - r->n->first;

	if (index > r->n->seq - r->n->first) /* of an earlier run that was given up */
		return 0;
	if (h->nlmsg_type == NLMSG_ERROR) {
		nl_verdict(r, h);
		return 0;
	}
	if (h->nlmsg_type == NLMSG_DONE) {
		r->done = r->done || h->nlmsg_seq == r->n->wait;
		return 0;
	}
	if (h->nlmsg_type < NLMSG_MIN_TYPE || !r->n->answer)
		return 0;
	return r->n->answer(h, r->n->arg, r->e);
}

static int nl_receive(struct run *r, char *in, struct err *e)
{
	ssize_t got = recv(mnl.mnl_socket_get_fd(r->n->socket), in, RECEIVE_SIZE, MSG_TRUNC);
	const struct nlmsghdr *h = (const void *)in;
	int left = (int)got;

	if (got < 0)
		return errno == EINTR ? 0 : err_sys(e, "hear from the kernel");
	if (got > RECEIVE_SIZE)
		return err_set(e, ERR_FAIL, "the kernel's answer is too long");
	for (; mnl.mnl_nlmsg_ok(h, left); h = mnl.mnl_nlmsg_next(h, &left))
		if (nl_message(r, h) < 0)
			return -1;
	return 0;
}

int nl_run(struct nl *n, struct err *e)
{
	struct run r = { .n = n, .e = e };
	own(str) char *in = xmalloc(RECEIVE_SIZE);
	int rc = 0;

	if (!n->out.len)
		return 0;
	rc = nl_send(n, e);
	while (rc == 0 && !r.done)
		rc = nl_receive(&r, in, e);
	buf_free(&n->out);
	n->batch = false;
	return rc < 0 || r.failed ? -1 : 0;
}

int nl_ask(struct nl *n, nl_answer_fn *fn, void *arg, struct err *e)
{
	int rc;

	n->answer = fn;
	n->arg = arg;
	rc = nl_run(n, e);
	n->answer = NULL;
	n->arg = NULL;
	return rc;
}

void nl_each_attr(const void *list, size_t len, nl_attr_fn *fn, void *arg)
{
	const struct nlattr *a = list;
	const char *end = (const char *)list + len;

	for (; mnl.mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl.mnl_attr_next(a))
		fn(a, arg);
}
