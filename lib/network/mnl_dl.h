/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mnl_dl.h - libmnl, opened when the first netlink socket is. */
#ifndef CADDIS_NETWORK_MNL_DL_H
#define CADDIS_NETWORK_MNL_DL_H

#include <libmnl/libmnl.h>

#include "base/dl.h"

#define MNL_FUNCTIONS(X)                                                                           \
	X(mnl_socket_open2)                                                                        \
	X(mnl_socket_bind)                                                                         \
	X(mnl_socket_close)                                                                        \
	X(mnl_socket_get_fd)                                                                       \
	X(mnl_socket_get_portid)                                                                   \
	X(mnl_nlmsg_put_header)                                                                    \
	X(mnl_nlmsg_put_extra_header)                                                              \
	X(mnl_nlmsg_ok)                                                                            \
	X(mnl_nlmsg_next)                                                                          \
	X(mnl_nlmsg_get_payload)                                                                   \
	X(mnl_nlmsg_get_payload_offset)                                                            \
	X(mnl_nlmsg_get_payload_len)                                                               \
	X(mnl_nlmsg_get_payload_tail)                                                              \
	X(mnl_attr_put)                                                                            \
	X(mnl_attr_put_u8)                                                                         \
	X(mnl_attr_put_u16)                                                                        \
	X(mnl_attr_put_u32)                                                                        \
	X(mnl_attr_put_strz)                                                                       \
	X(mnl_attr_nest_start)                                                                     \
	X(mnl_attr_nest_end)                                                                       \
	X(mnl_attr_ok)                                                                             \
	X(mnl_attr_next)                                                                           \
	X(mnl_attr_get_type)                                                                       \
	X(mnl_attr_get_payload)                                                                    \
	X(mnl_attr_get_payload_len)

struct mnl_api {
	MNL_FUNCTIONS(DL_MEMBER)
};
extern struct mnl_api mnl;
int mnl_load(struct err *e); /* cheap when loaded */

#endif
