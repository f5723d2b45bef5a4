/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "image/config.h"
#include "image/documents.h"
#include "image/encode.h"
#include "image/gc.h"
#include "image/layer_decode.h"
#include "image/local.h"
#include "image/pack_header.h"

#define CHUNK (256 << 10)
#define OCI_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* Where the files of an archive go: into a tar, or a directory. */
struct target {
	pack_sink *sink; /* NULL: a directory */
	void *ctx;
	int dir;
	int file; /* of the directory, the one that is being written */
	struct strv written;
};
static void target_release(struct target *t)
{
	fd_drop(&t->file);
	strv_free(&t->written);
}
OWNED_STRUCT(target, struct target, target_release)

static int file_begin(struct target *t, const char *name, int64_t size, struct err *e)
{
	own(buf) struct buf header = { 0 }, records = { 0 };
	struct pack_entry entry = { .name = name, .type = '0', .mode = 0644, .size = size };

	strv_add(&t->written, name);
	if (t->sink) {
		pack_header(&header, &entry, &records);
		return t->sink(t->ctx, header.s, header.len, e);
	}
	t->file = openat(t->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return t->file < 0 ? err_sys(e, "%s", name) : 0;
}

static int file_data(struct target *t, const void *p, size_t n, struct err *e)
{
	if (t->sink)
		return t->sink(t->ctx, p, n, e);
	return write_all(t->file, p, n) < 0 ? err_sys(e, "write") : 0;
}

static int file_end(struct target *t, int64_t size, struct err *e)
{
	own(buf) struct buf padding = { 0 };

	fd_drop(&t->file);
	t->file = -1;
	if (!t->sink)
		return 0;
	pack_padding(&padding, size);
	return padding.len ? t->sink(t->ctx, padding.s, padding.len, e) : 0;
}

static int put_text(struct target *t, const char *name, const char *text, size_t n, struct err *e)
{
	if (file_begin(t, name, (int64_t)n, e) < 0 || file_data(t, text, n, e) < 0)
		return -1;
	return file_end(t, (int64_t)n, e);
}

static int put_json(struct target *t, const char *name, struct json_object *j, struct err *e)
{
	own(buf) struct buf text = { 0 };

	json_print(j, &text);
	return put_text(t, name, text.s, text.len, e);
}

static int make_dir(struct target *t, const char *name, struct err *e)
{
	own(buf) struct buf header = { 0 }, records = { 0 };
	own(str) char *slashed = str_fmt("%s/", name);
	struct pack_entry entry = { .name = slashed, .type = '5', .mode = 0755 };

	if (!t->sink)
		return mkdirat(t->dir, name, 0755) < 0 ? err_sys(e, "%s", name) : 0;
	pack_header(&header, &entry, &records);
	return t->sink(t->ctx, header.s, header.len, e);
}

/* --- blobs --- */

struct save {
	struct layout *layout;
	struct layout_index index;
	struct target *target;
	struct json_object *list; /* of images, for the document that names them */
};

/* A blob as it is; one that has gone bad is not handed on. */
static int put_blob(struct save *s, const char *digest, int64_t size, struct err *e)
{
	own(str) char *name = str_fmt("blobs/sha256/%s", digest_hex(digest));
	own(str) char *chunk = xmalloc(CHUNK);
	own(fd) int fd = -1;
	own(digest) struct digest *sum = NULL;
	char got[DIGEST_SIZE];
	int64_t left = size;
	ssize_t n;

	if (strv_has(&s->target->written, name))
		return 0;
	fd = layout_blob_open(s->layout, digest, e);
	if (fd < 0 || digest_new(&sum, e) < 0 || file_begin(s->target, name, size, e) < 0)
		return -1;
	while ((n = read_full(fd, chunk, (size_t)MIN(left, (int64_t)CHUNK))) > 0) {
		digest_update(sum, chunk, (size_t)n);
		if (file_data(s->target, chunk, (size_t)n, e) < 0)
			return -1;
		left -= n;
	}
	if (n < 0)
		return err_sys(e, "read blob %s", digest);
	digest_final(sum, got);
	if (left || strcmp(got, digest) != 0) {
		err_set(e, ERR_CORRUPT, "blob %s is damaged on disk", digest);
		return err_hint(e, "pull the image again");
	}
	return file_end(s->target, size, e);
}

/* --- images --- */

struct one {
	struct manifest manifest;
	struct image image;
	struct layout_entry *entry;
	const char *name; /* that it was asked for by; NULL: by ID */
	char *media_type;
};
static void one_release(struct one *x)
{
	manifest_free(&x->manifest);
	image_free(&x->image);
	free(x->media_type);
}
OWNED_STRUCT(one, struct one, one_release)

static int find(struct save *s, const char *ref, struct one *x, struct err *e)
{
	bool by_name;

	x->entry = local_find(s->layout, &s->index, ref, &by_name, e);
	if (!x->entry)
		return -1;
	if (local_manifest(s->layout, x->entry->digest, x->entry->media_type, &x->manifest, e) <
		    0 ||
	    local_image(s->layout, &s->index, x->entry, &x->image, e) < 0)
		return err_in(e, "image %.200s", ref);
	x->name = by_name ? x->entry->name : NULL;
	return 0;
}

static int put_oci(struct save *s, const struct one *x, struct err *e)
{
	const struct manifest *m = &x->manifest;
	struct json_object *j =
		document_descriptor(m->media_type, x->entry->digest, x->entry->size);
	struct json_object *notes;

	json_object_array_add(s->list, j);
	if (x->name) {
		notes = json_object_new_object();
		document_add_text(notes, "io.containerd.image.name", x->name);
		document_add_text(notes, "org.opencontainers.image.ref.name", x->name);
		json_object_object_add(j, "annotations", notes);
	}
	if (put_blob(s, x->entry->digest, x->entry->size, e) < 0 ||
	    put_blob(s, m->config.digest, m->config.size, e) < 0)
		return -1;
	for (size_t i = 0; i < m->n; i++)
		if (put_blob(s, m->entries[i].digest, m->entries[i].size, e) < 0)
			return -1;
	return 0;
}

/* --- docker save --- */

struct source {
	int fd;
	uint8_t *chunk;
};

static int source_next(void *ctx, const uint8_t **p, size_t *n, struct err *e)
{
	struct source *s = ctx;
	ssize_t got = read_full(s->fd, s->chunk, CHUNK);

	if (got < 0)
		return err_sys(e, "read");
	*p = s->chunk;
	*n = (size_t)got;
	return 0;
}

/* The tar in a blob: its length and digest, and with a target its bytes. */
static int unpack_blob(struct save *s, const char *blob, bool put, int64_t *size,
		       char digest[DIGEST_SIZE], struct err *e)
{
	own(fd) int fd = layout_blob_open(s->layout, blob, e);
	own(str) char *in = xmalloc(CHUNK), *out = xmalloc(CHUNK);
	struct source source = { fd, (uint8_t *)in };
	own(decoder) struct decoder *d = NULL;
	own(digest) struct digest *sum = NULL;
	size_t got = 1;

	if (fd < 0 || decoder_open(source_next, &source, &layer_limits_default, &d, e) < 0 ||
	    digest_new(&sum, e) < 0)
		return -1;
	for (*size = 0; got; *size += (int64_t)got) {
		if (decoder_read(d, (uint8_t *)out, CHUNK, &got, e) < 0)
			return err_in(e, "blob %s", blob);
		digest_update(sum, out, got);
		if (put && got && file_data(s->target, out, got, e) < 0)
			return -1;
	}
	digest_final(sum, digest);
	return 0;
}

/* Layers are plain tars there. A tar's header tells the length first: the blob is read twice. */
static int put_docker_layer(struct save *s, const char *blob, const char *diff_id, const char *name,
			    struct err *e)
{
	char digest[DIGEST_SIZE];
	int64_t size, again;

	if (strv_has(&s->target->written, name))
		return 0;
	if (unpack_blob(s, blob, false, &size, digest, e) < 0)
		return -1;
	if (strcmp(digest, diff_id) != 0) {
		err_set(e, ERR_CORRUPT, "blob %s is damaged on disk", blob);
		return err_hint(e, "pull the image again");
	}
	if (file_begin(s->target, name, size, e) < 0 ||
	    unpack_blob(s, blob, true, &again, digest, e) < 0)
		return -1;
	if (again != size || strcmp(digest, diff_id) != 0)
		return err_set(e, ERR_CORRUPT, "blob %s has changed", blob);
	return file_end(s->target, size, e);
}

static int put_docker(struct save *s, const struct one *x, struct err *e)
{
	struct json_object *j = json_object_new_object(), *tags = NULL;
	struct json_object *layers = json_object_new_array();
	own(str) char *config = str_fmt("%s.json", digest_hex(x->image.id));
	own(buf) struct buf text = { 0 };

	json_object_array_add(s->list, j);
	json_object_object_add(j, "Config", json_object_new_string(config));
	if (x->name && !strchr(x->name, '@')) {
		tags = json_object_new_array();
		json_object_array_add(tags, json_object_new_string(x->name));
	}
	json_object_object_add(j, "RepoTags", tags);
	json_object_object_add(j, "Layers", layers);
	for (size_t i = 0; i < x->manifest.n; i++) {
		const char *diff_id = x->image.layers.v[i];
		own(str) char *name = str_fmt("%s.tar", digest_hex(diff_id));

		json_object_array_add(layers, json_object_new_string(name));
		if (put_docker_layer(s, x->manifest.entries[i].digest, diff_id, name, e) < 0)
			return -1;
	}
	if (strv_has(&s->target->written, config))
		return 0;
	if (layout_blob_load(s->layout, x->image.id, &text, e) < 0)
		return -1;
	return put_text(s->target, config, text.s, text.len, e);
}

/* --- all of it --- */

static int put_images(struct save *s, char *const *refs, size_t n,
		      int (*put)(struct save *, const struct one *, struct err *), struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		own(one) struct one x = { 0 };

		if (find(s, refs[i], &x, e) < 0)
			return -1;
		if (put(s, &x, e) < 0)
			return err_in(e, "image %.200s", refs[i]);
	}
	return 0;
}

static int put_all(struct save *s, char *const *refs, size_t n, enum archive_format format,
		   struct err *e)
{
	own(json) struct json_object *index = json_object_new_object();

	s->list = json_object_new_array();
	json_object_object_add(index, "schemaVersion", json_object_new_int(2));
	document_add_text(index, "mediaType", MEDIA_OCI_INDEX);
	json_object_object_add(index, "manifests", s->list);
	if (format == ARCHIVE_DOCKER)
		return put_images(s, refs, n, put_docker, e) < 0
			       ? -1
			       : put_json(s->target, "manifest.json", s->list, e);
	if (put_text(s->target, "oci-layout", OCI_LAYOUT, strlen(OCI_LAYOUT), e) < 0 ||
	    make_dir(s->target, "blobs", e) < 0 || make_dir(s->target, "blobs/sha256", e) < 0 ||
	    put_images(s, refs, n, put_oci, e) < 0)
		return -1;
	return put_json(s->target, "index.json", index, e);
}

/* Nothing is collected meanwhile; what should have been is, afterwards. */
static int save(struct store *store, char *const *refs, size_t n, enum archive_format format,
		struct target *t, struct err *e)
{
	own(layout) struct layout l = LAYOUT_NONE;
	struct save s = { .layout = &l, .target = t };
	struct err ignored;
	int ret;

	if (layout_open_writer(store, &l, e) < 0)
		return -1;
	ret = layout_index_load(&l, &s.index, e) < 0 ? -1 : put_all(&s, refs, n, format, e);
	layout_index_free(&s.index);
	if (gc_noted(&l)) {
		layout_close(&l);
		image_gc(store, &ignored);
	}
	return ret;
}

int image_save(struct store *s, char *const *refs, size_t n, const struct image_save_options *o,
	       pack_sink *sink, void *ctx, struct err *e)
{
	static const char end[2 * TAR_BLOCK];
	own(encoder) struct encoder *x = NULL;
	own(target) struct target t = { .dir = -1, .file = -1, .sink = encoder_push };

	if (encoder_open(o->compression, sink, ctx, &x, e) < 0)
		return -1;
	t.ctx = x;
	if (save(s, refs, n, o->format, &t, e) < 0 || encoder_push(x, end, sizeof(end), e) < 0)
		return -1;
	return encoder_finish(x, e);
}

int image_save_directory(struct store *s, char *const *refs, size_t n, int dir, struct err *e)
{
	own(target) struct target t = { .dir = dir, .file = -1 };

	return save(s, refs, n, ARCHIVE_OCI, &t, e);
}
