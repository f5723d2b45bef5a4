/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni.h - networks by the host's CNI plugins: a kind of network (network.h).
 *
 * Directories: configurations in $NETCONFPATH, else /etc/cni/net.d; plugins in those of $CNI_PATH,
 * else in the usual ones. $CADDIS_CNI_TIMEOUT: seconds for one plugin, else 60. (--cni-conf-dir,
 * --cni-bin-dir and --cni-timeout set these.)
 *
 * A DEL that fails is told, and tried again: by the next stop or rm of the sandbox; once that is
 * removed, by later commands, after one minute, two, four, up to an hour, without its namespace.
 * Until it succeeded the record stays in staging; nothing else of the sandbox does.
 */
#ifndef CADDIS_NETWORK_CNI_H
#define CADDIS_NETWORK_CNI_H

#include "network/cni_conf.h"
#include "network/network.h"

extern const struct network_ops network_cni;

/* Where configurations are. Borrowed. */
const char *cni_conf_dir(void);
/* The name of the host's default network; NULL: none, or with *e (e->msg not empty) a broken one.
 */
char *cni_default(struct err *e);

/* IDs of the sandboxes attached to it, those in the making too; sorted. */
int cni_users(struct store *s, const char *network, struct strv *ids, struct err *e);
/* CHECK of a sandbox's attachment; 1: there is none (any more), or its network has no CHECK. */
int cni_check(struct store *s, const char *id, struct err *e);
/* STATUS: 0: ready, 1: a network before 1.1, nobody knows, -1: why not. */
int cni_status(const struct cni_conf *c, struct err *e);
/*
 * GC: plugins forget all attachments to this network that are not of a sandbox in this store -
 * those of other programs too, where they share the network. 1: it has no GC.
 */
int cni_gc(struct store *s, const struct cni_conf *c, struct err *e);

#endif
