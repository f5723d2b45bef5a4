/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/copy.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/path.h"
#include "image/layer.h"
#include "image/layer_tree.h"
#include "pod/copy_path.h"
#include "pod/view.h"

#define CHUNK (256 * 1024)

struct copy {
	struct store *store;
	const struct copy_end *src, *dst;
	const struct copy_options *o;
	struct view views[2]; /* of the source, and of the target unless it is the same container */
	struct copy_root from_root, to_root;
	struct copy_source from;
	struct copy_target to;
	struct layer_writer *writer;
	bool writer_failed;
};

static void copy_release(struct copy *c)
{
	layer_writer_close(c->writer); /* before its root goes */
	copy_source_close(&c->from);
	copy_target_close(&c->to);
	copy_root_close(&c->from_root);
	copy_root_close(&c->to_root);
	view_release(&c->views[0]);
	view_release(&c->views[1]);
}
OWNED_STRUCT(copy, struct copy, copy_release)

static bool is_stream(const struct copy_end *end)
{
	return !end->container && str_eq(end->path, "-");
}

/* ---- the two sides ---- */

static int open_view(struct copy *c, const char *id, struct view *v, struct err *e)
{
	return id ? view_container(c->store, id, v, e) : 0;
}

/* Each view of a stopped container holds its lock: always in the same order, and once. */
static int open_views(struct copy *c, struct err *e)
{
	const char *a = c->src->container, *b = c->dst->container;
	bool swap = a && b && strcmp(a, b) > 0;

	if (str_eq(a, b))
		b = NULL;
	if (open_view(c, swap ? b : a, &c->views[swap], e) < 0)
		return -1;
	return open_view(c, swap ? a : b, &c->views[!swap], e);
}

static int open_roots(struct copy *c, struct err *e)
{
	const char *a = c->src->container, *b = c->dst->container;

	if (copy_root_open(a ? &c->views[0] : NULL, c->src->path, false, &c->from_root, e) < 0)
		return err_in(e, "%s", c->src->shown);
	if (copy_root_open(!b		  ? NULL
			   : str_eq(a, b) ? &c->views[0]
					  : &c->views[1],
			   c->dst->path, true, &c->to_root, e) < 0)
		return err_in(e, "%s", c->dst->shown);
	return 0;
}

static int find_ends(struct copy *c, struct err *e)
{
	if (!is_stream(c->src) && copy_source_open(&c->from_root, c->o->follow, &c->from, e) < 0)
		return err_in(e, "%s", c->src->shown);
	if (is_stream(c->dst))
		return 0;
	if (copy_target_open(&c->to_root, is_stream(c->src) ? NULL : &c->from, c->o->overwrite,
			     &c->to, e) < 0)
		return err_in(e, "%s", c->dst->shown);
	return 0;
}

/* ---- the stream between them ---- */

static void undo(void *ctx)
{
	layer_writer_stop(ctx);
}

static int push(void *ctx, const void *p, size_t n, struct err *e)
{
	struct copy *c = ctx;

	if (layer_writer_push(c->writer, p, n, e) == 0)
		return 0;
	c->writer_failed = true;
	return -1;
}

/* A device of a container must not become one of the host. */
static bool no_devices(void *ctx, const char *path, const struct statx *st)
{
	struct copy *c = ctx;

	if (!S_ISCHR(st->stx_mode) && !S_ISBLK(st->stx_mode))
		return true;
	if (c->o->left_out)
		c->o->left_out(c->o->ctx, path, "devices are not made on the host");
	return false;
}

static int read_source(struct copy *c, const char *top, pack_sink *sink, void *ctx, struct err *e)
{
	struct pack_options pack = {
		.skip = c->src->container ? -1 : c->store->root,
		.live = c->from_root.live,
		.mounts = true,
		.sparse = !is_stream(c->dst),
		.ids = c->from_root.ids,
		.top = top,
		.want_ctx = c,
	};

	if (!is_stream(c->dst) && !c->dst->container) {
		struct stat st;

		if (fstat(c->from.fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
			return err_set(e, ERR_USAGE, "a device is not made on the host");
		pack.want = no_devices;
	}
	return pack_tree(c->from.fd, &pack, sink, ctx, e);
}

static int read_stdin(struct copy *c, struct err *e)
{
	own(str) char *chunk = xmalloc(CHUNK);
	ssize_t n;

	while ((n = read_full(STDIN_FILENO, chunk, CHUNK)) > 0)
		if (push(c, chunk, (size_t)n, e) < 0)
			return -1;
	return n < 0 ? err_sys(e, "read") : 0;
}

/* The writer takes what begins with "./" for nothing but a tar. */
static int feed(struct copy *c, struct err *e)
{
	own(str) char *top = c->to.name ? str_fmt("./%s", c->to.name) : NULL;

	return is_stream(c->src) ? read_stdin(c, e) : read_source(c, top, push, c, e);
}

static int write_target(struct copy *c, int64_t *bytes, struct err *e)
{
	const struct copy_rules rules = {
		.below = c->to.below,
		.owners = c->o->owners,
		.overwrite = c->o->overwrite,
		.ids = c->to_root.ids,
	};
	own(interrupt) struct interrupt guard = { 0 };
	char digest[DIGEST_SIZE];
	int r;

	if (layer_writer_open_copy(c->to.dir, &rules, &c->writer, e) < 0 ||
	    interrupt_begin(&guard, undo, c->writer, e) < 0)
		return -1;
	r = feed(c, e);
	if (r == 0) {
		r = layer_writer_finish(c->writer, digest, bytes, e);
		c->writer_failed = r < 0;
	}
	/* Half of a stream is not to be written as if it were the whole. */
	if (r < 0)
		layer_writer_stop(c->writer);
	interrupt_end(&guard);
	layer_writer_close(c->writer);
	c->writer = NULL;
	return r < 0 ? err_in(e, "%s", c->writer_failed ? c->dst->shown : c->src->shown) : 0;
}

static int check_ends(const struct copy_end *src, const struct copy_end *dst, struct err *e)
{
	if (src->container || dst->container)
		return 0;
	err_set(e, ERR_USAGE, "neither %s nor %s is in a container", src->shown, dst->shown);
	return err_hint(e, "write CONTAINER:PATH");
}

int container_copy(struct store *s, const struct copy_end *src, const struct copy_end *dst,
		   const struct copy_options *o, int64_t *bytes, struct err *e)
{
	own(copy) struct copy c = {
		.store = s,
		.src = src,
		.dst = dst,
		.o = o,
		.views = { VIEW_NONE, VIEW_NONE },
		.from_root = COPY_ROOT_NONE,
		.to_root = COPY_ROOT_NONE,
		.from = COPY_SOURCE_NONE,
		.to = COPY_TARGET_NONE,
	};

	if (check_ends(src, dst, e) < 0 || open_views(&c, e) < 0 || open_roots(&c, e) < 0 ||
	    find_ends(&c, e) < 0)
		return -1;
	if (!is_stream(dst))
		return write_target(&c, bytes, e);
	if (read_source(&c, c.from.name, o->sink, o->ctx, e) < 0)
		return err_in(e, "%s", src->shown);
	return 0;
}
