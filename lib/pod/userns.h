/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * userns.h - ids for the user namespaces of sandboxes, 65536 each, that no two of them have in
 * common: STATE/userns/<first uid> is a lease like those of lib/network.
 *
 * They come from the range that /etc/subuid and /etc/subgid give to "containers", else to "root",
 * else from 1879048192 on (4094 times 65536), which systemd's list of uid ranges leaves unused.
 */
#ifndef CADDIS_POD_USERNS_H
#define CADDIS_POD_USERNS_H

#include "spec/cri.h"
#include "store/store.h"

#define USERNS_SIZE 65536

/* Has it one of its own? */
bool userns_wanted(const struct cri_namespace_options *o);
/* Maps that were asked for: as idmap_check(). */
int userns_check(const struct cri_namespace_options *o, struct err *e);
/*
 * Leases ids for the sandbox id and fills the maps in where none were asked for. Ids of the range
 * that were asked for are leased as well: ERR_EXISTS names the sandbox that has them.
 */
int userns_lease(struct store *s, const char *id, struct cri_userns *u, struct err *e);
/* u NULL: its maps are not known. Twice is a success. */
int userns_release(struct store *s, const char *id, const struct cri_userns *u, struct err *e);

#endif
