/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/commit.h"

#include "base/interrupt.h"
#include "base/path.h"
#include "image/layer_tree.h"
#include "pod/diff.h"
#include "pod/view.h"

struct commit {
	struct store *store;
	struct view upper;
	int lower;
	struct interrupt guard;
	bool paused;
};

static void commit_release(struct commit *c)
{
	struct err ignored;

	if (c->paused)
		container_resume(c->store, c->upper.container.id, &ignored);
	interrupt_end(&c->guard);
	fd_drop(&c->lower);
	view_release(&c->upper);
}
OWNED_STRUCT(commit, struct commit, commit_release)

/* What caddis made to mount on is no change. */
static bool is_change(void *ctx, const char *path, const struct statx *st)
{
	const struct commit *c = ctx;
	own(fd) int fd = -1;
	struct stat below;

	if (!diff_is_ours(path, st->stx_mode, (int64_t)st->stx_size))
		return true;
	fd = path_try_open_in(c->lower, path, O_PATH | O_NOFOLLOW, 0);
	/* A view of one layer shows its whiteouts. */
	return fd >= 0 && fstat(fd, &below) == 0 && !tree_is_whiteout(&below);
}

static int pack_upper(void *ctx, pack_sink *sink, void *sink_ctx, struct err *e)
{
	struct commit *c = ctx;
	const struct pack_options o = {
		.skip = -1,
		.layer = true,
		.upper = true,
		.live = c->upper.live,
		.ids = { c->upper.uids, c->upper.gids },
		.want = is_change,
		.want_ctx = c,
	};

	if (pack_tree(c->upper.root, &o, sink, sink_ctx, e) < 0)
		return err_in(e, "its writable layer");
	/* What a removal took away meanwhile would be left out without a word. */
	if (!record_exists(c->store, RECORD_CONTAINER, c->upper.container.id))
		return err_set(e, ERR_NOT_FOUND, "it was removed meanwhile");
	return 0;
}

static void resume(void *ctx)
{
	struct commit *c = ctx;
	struct err ignored;

	container_resume(c->store, c->upper.container.id, &ignored);
}

/* One that is paused already stays so. */
static int pause_it(struct commit *c, struct err *e)
{
	if (!c->upper.live || container_paused(&c->upper.container))
		return 0;
	if (interrupt_begin(&c->guard, resume, c, e) < 0 ||
	    container_pause(c->store, c->upper.container.id, e) < 0)
		return -1;
	c->paused = true;
	return 0;
}

static char *command_of(const struct container *c)
{
	own(buf) struct buf line = { 0 };

	for (size_t i = 0; i < c->record.argv.n; i++)
		buf_addf(&line, "%s%s", i ? " " : "", c->record.argv.v[i]);
	return str_printable(line.len ? line.s : "", line.len);
}

int container_commit(struct store *s, const char *container, const struct commit_options *o,
		     char id[DIGEST_SIZE], struct err *e)
{
	own(commit) struct commit c = { .store = s, .upper = VIEW_NONE, .lower = -1 };
	own(str) char *command = NULL;
	struct image_commit image = { .name = o->name,
				      .author = o->author,
				      .message = o->message,
				      .changes = *o->changes,
				      .docker = o->docker,
				      .layer = pack_upper,
				      .ctx = &c };

	if (view_upper(s, container, &c.upper, e) < 0)
		return -1;
	c.lower = view_layers(s, &c.upper.container.record.layers, e);
	if (c.lower < 0 || (o->pause && pause_it(&c, e) < 0))
		return err_in(e, "container %.12s", container);
	command = command_of(&c.upper.container);
	image.created_by = command;
	image.base = c.upper.container.record.image_id;
	return image_commit(s, &image, id, e) < 0 ? err_in(e, "container %.12s", container) : 0;
}
