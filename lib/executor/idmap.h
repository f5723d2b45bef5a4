/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * idmap.h - the id maps of a user namespace (user_namespaces(7)): struct oci_id_mapping in lists.
 */
#ifndef CADDIS_EXECUTOR_IDMAP_H
#define CADDIS_EXECUTOR_IDMAP_H

#include <sys/types.h>

#include "base/err.h"
#include "spec/id_mapping.h"

/*
 * What the kernel would refuse, and what would make another container than asked for: no line or
 * more than 340 (Linux 4.15), an empty line, ids past 4294967294, lines that overlap on either
 * side, no root, more text than a page. what: "uids" or "gids", in front of the error. Maps of
 * mounts need no root.
 */
int idmap_check(const char *what, const struct objlist *map, struct err *e);
int idmap_check_mount(const char *what, const struct objlist *map, struct err *e);
/* Writes both maps of the user namespace that process pid made. */
int idmap_write(pid_t pid, const struct objlist *uids, const struct objlist *gids, struct err *e);
/* An fd of a new user namespace with these maps, for mounts. */
int idmap_userns(const struct objlist *uids, const struct objlist *gids, struct err *e);
/* Makes the files of the detached mount (and of those below it) appear with the ids that userns
 * gives to theirs on disk. Linux 5.12, and what the file system supports. */
int idmap_mount(int mount, int userns, bool below, struct err *e);

#endif
