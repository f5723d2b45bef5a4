/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * auth_file.h - stored credentials, in the files that docker and podman keep them in:
 *
 *     { "auths": { "reg.io:5000": { "auth": "BASE64" }, "reg.io/team": { "identitytoken": "T" } },
 *       "credHelpers": { "reg.io": "NAME" }, "credsStore": "NAME" }
 *
 * Read in this order, the first that knows the registry counts: the file given, or
 * $REGISTRY_AUTH_FILE, and then no other; else /run/containers/0/auth.json (with $XDG_RUNTIME_DIR:
 * containers/auth.json there), ~/.config/containers/auth.json ($XDG_CONFIG_HOME),
 * $DOCKER_CONFIG/config.json or ~/.docker/config.json. Within a file the longest key that is the
 * registry, or it with a leading part of the repository's path, as whole components; helpers come
 * before what is written there. containers-auth.json(5).
 */
#ifndef CADDIS_IMAGE_AUTH_FILE_H
#define CADDIS_IMAGE_AUTH_FILE_H

#include "base/str.h"
#include "image/auth.h"

/* *out stays empty when nothing is stored. A missing file is an error only if it was named. */
int auth_file_find(const struct auth_source *from, const char *domain, const char *path,
		   struct auth *out, struct err *e);
/*
 * Stores username and password or identity token for server ("reg.io:5000", "reg.io/team"): with
 * the helper that the file names, else in the file, replaced whole, mode 0600, everything else in
 * it kept. The file: as above, where there is a choice ~/.config/containers/auth.json. where: what
 * it was written to, for a message; newly allocated.
 */
int auth_file_login(const char *file, const char *server, const struct auth *a, char **where,
		    struct err *e);
/* Removes what is stored for server (NULL: for all) from every file above. ERR_NOT_FOUND when
 * nothing was. removed: the servers. */
int auth_file_logout(const char *file, const char *server, struct strv *removed, struct err *e);

#endif
