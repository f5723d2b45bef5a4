/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "image/local.h"

#define TRIES 20 /* others who pull all the time must not keep us for ever */

int settle_commit(struct store *s, struct layout *l, const struct layout_naming *want,
		  struct err *e)
{
	own(layout_index) struct layout_index x = { 0 };
	own(fd) int lock = lock_images(s, LOCK_EXCLUSIVE, e);

	if (lock < 0 || layout_index_load(l, &x, e) < 0)
		return -1;
	layout_index_set(&x, want);
	return layout_index_save_unsynced(l, &x, e);
}

static bool has_digest(const struct layout_index *x, const char *digest)
{
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->v[i].digest, digest))
			return true;
	return false;
}

/* The layers of images that index.json does not have. One that is damaged holds nobody up. */
static int new_layers(struct layout *l, const struct layout_index *x, struct strv *out,
		      struct err *e)
{
	own(layout_index) struct layout_index synced = { 0 };

	if (layout_index_load_synced(l, &synced, e) < 0)
		return -1;
	for (size_t i = 0; i < x->n; i++) {
		own(image) struct image image = { 0 };
		struct err ignored;

		if (has_digest(&synced, x->v[i].digest) ||
		    local_image(l, x, &x->v[i], &image, &ignored) < 0)
			continue;
		for (size_t k = 0; k < image.layers.n; k++)
			if (layout_layer_exists(l, image.layers.v[k]))
				strv_add(out, image.layers.v[k]);
	}
	return 0;
}

/* 0: done; 1: the list has changed meanwhile. */
static int settle_once(struct store *s, struct layout *l, const char *name, struct err *e)
{
	own(layout_index) struct layout_index x = { 0 };
	own(strv) struct strv diff_ids = { 0 };
	own(fd) int lock = -1;
	struct stat before, now;

	if (fstatat(l->images, name, &before, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at %s", name);
	if (layout_index_load(l, &x, e) < 0 || new_layers(l, &x, &diff_ids, e) < 0 ||
	    layout_sync(l, &diff_ids, e) < 0)
		return -1;
	lock = lock_images(s, LOCK_EXCLUSIVE, e);
	if (lock < 0)
		return -1;
	/* A new one is another file: that is what replacing it means. */
	if (fstatat(l->images, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at %s", name);
	if (now.st_ino != before.st_ino || now.st_ctim.tv_sec != before.st_ctim.tv_sec ||
	    now.st_ctim.tv_nsec != before.st_ctim.tv_nsec)
		return 1;
	if (layout_index_save(l, &x, e) < 0)
		return -1;
	return unlinkat(l->images, name, 0) < 0 ? err_sys(e, "remove %s", name) : 0;
}

int settle(struct store *s, struct layout *l, struct err *e)
{
	char name[LAYOUT_UNSYNCED_SIZE];
	int r = 1;

	if (!layout_unsynced_name(name, e))
		return -1;
	for (int i = 0; r > 0 && i < TRIES; i++)
		r = settle_once(s, l, name, e);
	if (r > 0)
		return err_set(e, ERR_BUSY, "image store: others change it all the time");
	return r;
}

static bool is_settled(struct layout *l)
{
	char name[LAYOUT_UNSYNCED_SIZE];
	struct err ignored;

	return layout_unsynced_name(name, &ignored) && faccessat(l->images, name, F_OK, 0) < 0;
}

int settle_and_lock(struct store *s, struct layout *l, struct layout_index *x, struct err *e)
{
	own(fd) int lock = -1;

	*x = (struct layout_index){ 0 };
	for (int i = 0; i < TRIES; i++) {
		if (settle(s, l, e) < 0)
			return -1;
		lock = lock_images(s, LOCK_EXCLUSIVE, e);
		if (lock < 0)
			return -1;
		if (is_settled(l))
			return layout_index_load(l, x, e) < 0 ? -1 : fd_steal(&lock);
		fd_drop(&lock);
	}
	return err_set(e, ERR_BUSY, "image store: others change it all the time");
}

/* Keeps nothing of who started us: no terminal, no pipe, no directory, no signal meant for it. */
static void leave(struct store *s, struct layout *l)
{
	const int keep[] = { s->root, s->state, l->images, l->blobs, l->layers };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	fd_close_but(keep, ARRAY_LEN(keep));
	if (chdir("/") < 0)
		return;
}

void settle_later(struct store *s, struct layout *l)
{
	struct err ignored;
	pid_t pid;

	if (is_settled(l))
		return;
	pid = fork();
	if (pid > 0)
		proc_wait(pid);
	if (pid != 0)
		return;
	/* A grandchild, so that it is nobody's to wait for. */
	if (setsid() < 0 || fork() != 0)
		_exit(0);
	leave(s, l);
	settle(s, l, &ignored);
	_exit(0);
}
