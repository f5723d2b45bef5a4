/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/new_layer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/json.h"
#include "image/documents.h"

void new_layer_release(struct new_layer *l)
{
	layer_writer_close(l->writer); /* before its tree goes */
	digest_free(l->digest);
	fd_drop(&l->blob);
	fd_drop(&l->tree);
	if (l->staging.dir >= 0)
		staging_drop(l->store, &l->staging);
	staging_close(&l->staging);
	layout_close(&l->layout);
	*l = (struct new_layer)NEW_LAYER_NONE;
}

int new_layer_begin(struct store *s, const struct layer_limits *given, struct new_layer *l,
		    struct err *e)
{
	struct layer_limits limits = given ? *given : layer_limits_default;

	limits.need_end = true; /* no digest tells a file that was cut */
	l->store = s;
	if (layout_open_writer(s, &l->layout, e) < 0 || staging_new(s, &l->staging, e) < 0 ||
	    digest_new(&l->digest, e) < 0)
		return -1;
	l->blob = openat(l->staging.dir, "blob", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (l->blob < 0 || mkdirat(l->staging.dir, "tree", 0700) < 0)
		return err_sys(e, "prepare the layer");
	l->tree = openat(l->staging.dir, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->tree < 0)
		return err_sys(e, "prepare the layer");
	return layer_writer_open_limits(l->tree, LAYER_TAR, &limits, &l->writer, e);
}

int new_layer_take(void *ctx, const void *p, size_t n, struct err *e)
{
	struct new_layer *l = ctx;

	if (layer_writer_push(l->writer, p, n, e) < 0)
		return -1;
	digest_update(l->digest, p, n);
	l->blob_size += (int64_t)n;
	if (write_all(l->blob, p, n) < 0)
		return err_sys(e, "store the layer");
	return 0;
}

int new_layer_finish(struct new_layer *l, struct err *e)
{
	if (layer_writer_finish(l->writer, l->diff_id, NULL, e) < 0)
		return -1;
	digest_final(l->digest, l->blob_digest);
	return 0;
}

int new_layer_publish(struct new_layer *l, struct err *e)
{
	if (layout_blob_take(&l->layout, l->staging.dir, "blob", l->blob_digest, e) < 0)
		return -1;
	return layout_layer_publish(l->store, &l->layout, &l->staging, l->diff_id, e);
}

static int add_document(struct new_layer *l, struct json_object *j, char digest[DIGEST_SIZE],
			int64_t *size, struct err *e)
{
	own(buf) struct buf text = { 0 };

	json_print(j, &text);
	*size = (int64_t)text.len;
	return layout_blob_add(&l->layout, text.s, text.len, digest, e);
}

int new_image_commit(struct new_layer *l, const struct new_image *i, char id[DIGEST_SIZE],
		     struct err *e)
{
	struct descriptor *layers = xcalloc(i->n + 1, sizeof(*layers));
	own(json) struct json_object *m = NULL;
	own(strv) struct strv diff_ids = { 0 };
	char digest[DIGEST_SIZE];
	struct layout_naming want = { i->name,
				      i->docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST,
				      digest, NULL, 0 };
	int64_t size = 0;

	for (size_t k = 0; k < i->n; k++)
		layers[k] = i->below[k];
	layers[i->n] = (struct descriptor){ .size = l->blob_size, .compression = l->form };
	memcpy(layers[i->n].digest, l->blob_digest, DIGEST_SIZE);
	if (add_document(l, i->config, id, &size, e) == 0)
		m = document_manifest(id, size, layers, i->n + 1, i->docker);
	free(layers);
	if (!m || add_document(l, m, digest, &want.size, e) < 0)
		return -1;
	if (i->below_ids)
		strv_copy(&diff_ids, i->below_ids);
	strv_add(&diff_ids, l->diff_id);
	return layout_commit(l->store, &l->layout, &want, &diff_ids, e);
}
