/* SPDX-License-Identifier: GPL-2.0-or-later */
/* user.h - the image's own passwd and group, parsed from memory. */
#ifndef CADDIS_EXECUTOR_USER_H
#define CADDIS_EXECUTOR_USER_H

#include "base/err.h"
#include "spec/oci.h"

#define USER_FILE_MAX (10 * 1024 * 1024)

/* Contents of /etc/passwd and /etc/group; NULL: the file is missing. */
struct user_files {
	const char *passwd, *group;
	size_t passwd_len, group_len;
};
int user_resolve(const struct user_files *f, const char *user, struct oci_user *out, char **home,
		 struct err *e);

#endif
