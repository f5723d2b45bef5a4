/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image.h - images as the rest of caddis sees them: find one, get its configuration and its layers.
 *
 * The store is an OCI image layout at ROOT/images; unpacked layers are at ROOT/layers.
 */
#ifndef CADDIS_IMAGE_IMAGE_H
#define CADDIS_IMAGE_IMAGE_H

#include "base/str.h"
#include "image/registry.h"
#include "store/store.h"

struct image {
	char *id;	   /* "sha256:…": the digest of its configuration */
	char *digest;	   /* of its manifest */
	char *media_type;  /* the same; NULL: the manifest says it itself */
	struct strv names; /* "docker.io/library/alpine:latest", … */
	char *created, *os, *architecture, *variant;
	int64_t size; /* of its blobs, compressed */
	/* configuration */
	struct strv entrypoint, cmd, env, volumes;
	char *user, *working_dir, *stop_signal;
	struct strmap labels;
	struct strv layers; /* diff IDs, "sha256:…", lowest first */
};
void image_free(struct image *i);
OWNED_STRUCT(image, struct image, image_free)

/*
 * Finds a local image: name, name:tag, name@digest, ID, unique ID prefix (of at least 4 hex
 * digits), with or without "sha256:". ERR_NOT_FOUND, ERR_USAGE when ambiguous (lists the
 * candidates) or malformed.
 */
int image_find(struct store *s, const char *ref, struct image *out, struct err *e);
/* All images, newest first. */
int image_list(struct store *s, struct image **out, size_t *n, struct err *e);

/* What a progress bar shows; called from the pulling thread only, at most 10 times a second. */
struct image_progress {
	size_t layer, layers; /* which one this is about */
	const char *digest;
	int64_t done, total; /* compressed bytes; total -1 when unknown */
	int64_t kept;	     /* of done: what an interrupted pull had left */
	const char *state;   /* "waiting", "downloading", "done", "exists" */
};

struct image_pull_options {
	struct registry_options registry;  /* how it is spoken to; cancel is set by image_pull() */
	const struct layer_limits *limits; /* layer.h; NULL: the defaults */
	const char *platform;		   /* "linux/arm64/v8"; NULL: this machine's */
	bool quiet, always; /* no progress; ask the registry even if the name is here */
	bool sync;	    /* wait until it would survive a power cut */
	void (*progress)(void *ctx, const struct image_progress *p);
	void *ctx;
};
/* Pulls ref and names it; *out is the image. Refuses everything that does not verify. */
int image_pull(struct store *s, const char *ref, const struct image_pull_options *o,
	       struct image *out, struct err *e);

/*
 * A layer, ready to be a lower directory of overlayfs: an O_PATH fd of its tree. ERR_CORRUPT when
 * it is missing or not marked complete. Whoever records a container with these layers holds
 * lock_images(LOCK_SHARED) from image_find() until the container's record is published: then gc
 * sees it.
 */
int image_layer_open(struct store *s, const char *diff_id, struct err *e);
/*
 * What containers use, for rm and gc: keys are diff IDs of layers and, to tell which image it is,
 * image IDs; the value names the user for messages ("container a"). Set once by cmd/ to lib/pod's
 * function.
 */
extern int (*image_layers_in_use)(struct store *s, struct strmap *layer_to_user, struct err *e);
/* The same of containers that run: their layers must not be replaced beneath them. */
extern int (*image_layers_running)(struct store *s, struct strmap *layer_to_user, struct err *e);

/* Gives the image one more name; if another image has it, that one loses it. */
int image_tag(struct store *s, const char *ref, const char *name, struct err *e);
/* Takes the name away; the image stays, if need be without a name. ERR_NOT_FOUND when it is no name
 * of an image. */
int image_untag(struct store *s, const char *name, struct err *e);
/* A document of an image as it is stored, byte for byte. */
enum image_document { IMAGE_MANIFEST, IMAGE_CONFIG };
int image_document(struct store *s, const char *ref, enum image_document what, struct buf *out,
		   struct err *e);
/*
 * By a name: takes that name away, and removes the image with the last one. By ID: removes the
 * image, with all its names if force. An image that a container uses: ERR_STATE; with force it only
 * loses its names. untagged: the names that went; deleted: the ID when the image went, else NULL.
 */
struct image_removed {
	struct strv untagged;
	char *deleted;
};
void image_removed_free(struct image_removed *r);
OWNED_STRUCT(image_removed, struct image_removed, image_removed_free)
int image_remove(struct store *s, const char *ref, bool force, struct image_removed *out,
		 struct err *e);
/*
 * Removes images that no container uses: those without a name, or all of them. keep: asked for each
 * candidate; true spares it; NULL spares none. dry: only tells. removed: what went; bytes: of the
 * blobs and layers on disk that went with them, garbage of earlier failures too.
 */
struct image_prune_options {
	bool all, dry;
	bool (*keep)(void *ctx, const struct image *i);
	void *ctx;
};
int image_prune(struct store *s, const struct image_prune_options *o, struct strv *removed,
		int64_t *bytes, struct err *e);
/*
 * Removes blobs and layers that no image and no container needs. While a pull or an import is under
 * way it does nothing but leave a note, and whoever finishes last does it.
 */
int image_gc(struct store *s, struct err *e);

#endif
