/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - root file systems to look into, without a container that runs: an fd of a mount that is
 * attached nowhere and goes with the fd. Paths in it go through base/path.h, as always.
 */
#ifndef CADDIS_POD_VIEW_H
#define CADDIS_POD_VIEW_H

#include "image/image.h"
#include "pod/container.h"

/* All layers of an image as one tree, whiteouts applied, read-only. */
int view_image(struct store *s, const struct image *i, struct err *e);

int view_layers(struct store *s, const struct strv *layers, struct err *e);

/*
 * The root of a container. Of a running one it is what init sees, mounts included, and changes
 * meanwhile; of any other it is its overlay, with its record locked until view_release().
 */
struct view {
	int root;
	bool live;
	struct container container;
	struct sandbox sandbox;
	struct record held;
	const struct objlist *uids, *gids; /* files here have the host's ids of these; NULL: the same */
};
#define VIEW_NONE                                                                                  \
	{                                                                                          \
		.root = -1, .held = RECORD_NONE                                                    \
	}
int view_container(struct store *s, const char *id, struct view *out, struct err *e);
/* The same of its writable layer alone, as overlayfs keeps it; of a running one it changes, too. */
int view_upper(struct store *s, const char *id, struct view *out, struct err *e);
void view_release(struct view *v);
OWNED_STRUCT(view, struct view, view_release)

#endif
