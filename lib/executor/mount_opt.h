/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mount_opt.h - the options of a mount, sorted into what mount_setattr() takes and what the file
 * system takes. */
#ifndef CADDIS_EXECUTOR_MOUNT_OPT_H
#define CADDIS_EXECUTOR_MOUNT_OPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct mount_opts {
	bool bind, recursive;	/* bind, rbind */
	uint64_t set, clear;	/* MOUNT_ATTR_* of this mount */
	uint64_t rset, rclear;	/* and of all below it (rro, rnosuid…) */
	uint64_t propagation;	/* MS_PRIVATE…; 0: not asked for */
	bool propagation_below; /* rprivate… */
	bool copy_up;		/* tmpcopyup */
	bool copy_symlink;	/* a source that is a link is made one again, not mounted */
	bool src_nofollow;	/* a link at the end of the source, or of the destination, is mounted, */
	bool dest_nofollow;	/* or mounted on, itself */
	bool idmap, ridmap;	/* the ids of its files are the container's; with what is below */
	struct strv data;	/* "size=64k": for the file system; borrowed from nobody */
};

/* What is no option of a mount is one of its file system. */
void mount_opts_parse(const struct strv *options, struct mount_opts *out);
/* The names of all that are understood. */
void mount_opt_names(struct strv *out);
void mount_opts_free(struct mount_opts *o);
OWNED_STRUCT(mount_opts, struct mount_opts, mount_opts_free)

#endif
