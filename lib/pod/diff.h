/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff.h - what a container changed in its image: its writable layer against the layers below. */
#ifndef CADDIS_POD_DIFF_H
#define CADDIS_POD_DIFF_H

#include <stdint.h>
#include <sys/types.h>

#include "store/store.h"

struct change {
	char kind;  /* 'A' added, 'C' changed, 'D' deleted */
	char *path; /* "/etc/passwd" */
};
struct changes {
	struct change *v;
	size_t n, size;
};
void changes_free(struct changes *c);
OWNED_STRUCT(changes, struct changes, changes_free)

/*
 * By path. A directory is changed as soon as something in it is. Of a deleted directory, only it
 * itself is listed. Left out: what caddis itself makes in each container, to mount on.
 */
int container_diff(struct store *s, const char *id, struct changes *out, struct err *e);

/* Of what the layers below lack: an empty file or directory that caddis makes to mount on? path: "etc/hosts" */
bool diff_is_ours(const char *path, mode_t mode, int64_t size);

#endif
