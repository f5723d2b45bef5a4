/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout.h - ROOT/images, an OCI image layout, and ROOT/layers beside it.
 *
 *     images/oci-layout, images/index.json       which images there are: the one commit point
 *     images/index.BOOT.json                      the same in this boot, not synced yet: settle.h
 *     images/blobs/sha256/HEX                    manifests, configurations, compressed layers; all
 * verified layers/HEX/{tree/,complete}       a layer unpacked, by diff ID
 *
 * index.json has one entry per name; the annotation org.opencontainers.image.ref.name holds the
 * whole normalised name. An image that lost its last name keeps one entry without it. Readers take
 * no lock: they see the old file or the new one.
 */
#ifndef CADDIS_IMAGE_LAYOUT_H
#define CADDIS_IMAGE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "image/digest.h"
#include "store/store.h"

#define LAYOUT_DOCUMENT_MAX (4 << 20) /* bytes of a manifest or configuration */

struct layout {
	int images, blobs, layers; /* directory fds: ROOT/images, its blobs/sha256, ROOT/layers */
	int writer;		   /* see layout_open_writer() */
};
// clang-format off
#define LAYOUT_NONE { -1, -1, -1, -1 }
// clang-format on
/* Makes what is missing. */
int layout_open(struct store *s, struct layout *out, struct err *e);
/* The same for a pull or import: until layout_close() no garbage is collected. Waits for a
 * collection. */
int layout_open_writer(struct store *s, struct layout *out, struct err *e);
void layout_close(struct layout *l);
OWNED_STRUCT(layout, struct layout, layout_close)

/* Adds a small blob (configuration, manifest) and tells its digest. Nothing happens when it is
 * there. */
int layout_blob_add(struct layout *l, const void *p, size_t n, char digest[DIGEST_SIZE],
		    struct err *e);
/* Moves the verified file name below dir to its place among the blobs. */
int layout_blob_take(struct layout *l, int dir, const char *name, const char *digest,
		     struct err *e);
bool layout_blob_exists(struct layout *l, const char *digest, int64_t size);
int layout_blob_open(struct layout *l, const char *digest, struct err *e); /* fd for reading */
int layout_blob_load(struct layout *l, const char *digest, struct buf *out, struct err *e);

/*
 * A layer that was unpacked into st's subdirectory "tree" appears at its place, marked as complete
 * for this boot. If somebody else was quicker, st is left to be dropped: a success too.
 */
int layout_layer_publish(struct store *s, struct layout *l, struct staging *st, const char *diff_id,
			 struct err *e);
/* True when the layer is there and can be trusted: marked durable, or marked since the last boot.
 */
bool layout_layer_exists(struct layout *l, const char *diff_id);
/* Nobody trusts the layer any more, and the next one who publishes it takes its place. What is no
 * directory goes. */
int layout_layer_distrust(struct layout *l, const char *diff_id, struct err *e);
/* Everything written so far reaches the disk; then the layers are marked durable. Before
 * layout_commit(). */
int layout_sync(struct layout *l, const struct strv *diff_ids, struct err *e);

struct layout_entry {
	char *name; /* NULL: lost its name */
	char *media_type;
	char digest[DIGEST_SIZE]; /* of the manifest */
	char source[DIGEST_SIZE]; /* of what the registry has under the name: the manifest's or an
				     index's */
	int64_t size;
	struct json_object *json; /* what else the entry has; kept */
};
struct layout_index {
	struct layout_entry *v;
	size_t n;
};
void layout_index_free(struct layout_index *x);
OWNED_STRUCT(layout_index, struct layout_index, layout_index_free)
/* What there is now: of the list that is not synced yet, or else of index.json. */
int layout_index_load(struct layout *l, struct layout_index *out, struct err *e);
/* Of index.json: what there is after a power cut. */
int layout_index_load_synced(struct layout *l, struct layout_index *out, struct err *e);
/* Replaces index.json durably. The lock of settle_and_lock() is held. */
int layout_index_save(struct layout *l, const struct layout_index *x, struct err *e);
/* The list of this boot, which index.json does not have yet. The lock of the images is held. */
int layout_index_save_unsynced(struct layout *l, const struct layout_index *x, struct err *e);
/* Its file's name in l->images; NULL with *e when the boot has no ID. */
#define LAYOUT_UNSYNCED_SIZE 64
const char *layout_unsynced_name(char name[LAYOUT_UNSYNCED_SIZE], struct err *e);

/* What gets a name. */
struct layout_naming {
	const char *name, *media_type, *digest; /* name NULL: none, if it has none yet */
	const char *source; /* see struct layout_entry; NULL: the digest */
	int64_t size;
};
/* Gives the name to the manifest; whatever had it stays without. */
void layout_index_set(struct layout_index *x, const struct layout_naming *want);
/* Takes the name away; the entry goes too if the manifest has another one. */
void layout_index_unname(struct layout_index *x, struct layout_entry *en);
/* Removes entry i. */
void layout_index_remove(struct layout_index *x, size_t i);
/* The entry with that name; NULL: none. */
struct layout_entry *layout_index_find(const struct layout_index *x, const char *name);

/*
 * The last step of an import: syncs, takes the lock, names the manifest in index.json (see
 * layout_index_set()). diff_ids: its layers, all published. A pull has settle.h.
 */
int layout_commit(struct store *s, struct layout *l, const struct layout_naming *want,
		  const struct strv *diff_ids, struct err *e);

#endif
