/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "executor/executor.h"
#include "executor/idmap.h"
#include "pod/userns.h"

/* r has upper, work and top, or -1 in them. userns: of the layers' ids; -1: none. */
static int assemble(struct store *s, const struct strv *layers, struct executor_rootfs *r,
		    int userns, struct err *e)
{
	int *lower = xcalloc(layers->n + 1, sizeof(*lower));
	int mount = -1;

	while (r->nlower < layers->n) {
		lower[r->nlower] = image_layer_open(s, layers->v[r->nlower], e);
		if (lower[r->nlower] < 0)
			break;
		r->nlower++;
	}
	r->lower = lower;
	if (layers->n == 0)
		err_set(e, ERR_STATE, "it has no layers");
	else if (r->nlower == layers->n)
		mount = userns >= 0 ? rootfs_overlay_mapped(r, userns, e) : rootfs_overlay(r, e);
	for (size_t i = 0; i < r->nlower; i++)
		close(lower[i]);
	free(lower);
	return mount;
}

int view_layers(struct store *s, const struct strv *layers, struct err *e)
{
	struct executor_rootfs r = { .upper = -1, .work = -1, .top = -1 };

	return assemble(s, layers, &r, -1, e);
}

int view_image(struct store *s, const struct image *i, struct err *e)
{
	return view_layers(s, &i->layers, e);
}

/* ---- of a container ---- */

void view_release(struct view *v)
{
	fd_drop(&v->root);
	record_close(&v->held);
	container_free(&v->container);
	sandbox_free(&v->sandbox);
	*v = (struct view)VIEW_NONE;
}

/*
 * The root of init, by its own mount namespace; nobody enters that. It is asked again whether it
 * lives when its root is open: the number may have been another's.
 */
static int open_live(struct view *v, struct err *e)
{
	struct proc_id init = { .pid = (pid_t)v->container.status.pid,
				.start = (uint64_t)v->container.status.start };
	own(fd) int fd = -1;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)init.pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !proc_alive(&init))
		return err_set(e, ERR_STATE, "it ended just now");
	v->root = fd_steal(&fd);
	v->live = true;
	return 0;
}

/* Its record stays locked while upper is mounted here: nobody starts or removes it meanwhile. */
static int mount_stopped(struct store *s, struct view *v, struct err *e)
{
	own(fd) int upper =
		openat(v->held.dir, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(fd) int work =
		openat(v->held.dir, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(fd) int userns = -1;
	struct executor_rootfs r = { .upper = upper,
				     .work = work,
				     .top = v->held.dir,
				     .throwaway = v->container.record.auto_remove };

	if (upper < 0 || work < 0)
		return err_sys(e, "its writable layer");
	if (v->uids) {
		userns = idmap_userns(v->uids, v->gids, e);
		if (userns < 0)
			return -1;
	}
	v->root = assemble(s, &v->container.record.layers, &r, userns, e);
	return v->root < 0 ? -1 : 0;
}

static int find_maps(struct store *s, struct view *v, struct err *e)
{
	const struct cri_namespace_options *o;

	if (sandbox_load(s, v->container.record.sandbox_id, &v->sandbox, e) < 0)
		return -1;
	o = &v->sandbox.record.config.linux_.security_context.namespace_options;
	if (userns_wanted(o)) {
		v->uids = &o->userns_options->uids;
		v->gids = &o->userns_options->gids;
	}
	return 0;
}

/* Its directory stays while it is open, whoever removes the container. */
static int open_upper(struct store *s, struct view *v, struct err *e)
{
	own(record) struct record r = RECORD_NONE;
	int dir = v->held.dir;

	if (dir < 0 && record_open(s, RECORD_CONTAINER, v->container.id, false, &r, e) < 0)
		return -1;
	v->live = dir < 0;
	v->root = openat(v->live ? r.dir : dir, "upper",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return v->root < 0 ? err_sys(e, "its writable layer") : 0;
}

static int open_view(struct store *s, const char *id, bool upper, struct view *v, struct err *e)
{
	if (container_load(s, id, &v->container, e) < 0 || find_maps(s, v, e) < 0)
		return -1;
	if (v->container.status.state == CONTAINER_RUNNING)
		return upper ? open_upper(s, v, e) : open_live(v, e);
	if (record_open(s, RECORD_CONTAINER, id, true, &v->held, e) < 0)
		return -1;
	container_free(&v->container);
	v->container = (struct container){ 0 };
	if (container_load(s, id, &v->container, e) < 0)
		return -1;
	if (v->container.status.state != CONTAINER_RUNNING)
		return upper ? open_upper(s, v, e) : mount_stopped(s, v, e);
	record_close(&v->held);
	v->held = (struct record)RECORD_NONE;
	return upper ? open_upper(s, v, e) : open_live(v, e);
}

int view_container(struct store *s, const char *id, struct view *out, struct err *e)
{
	*out = (struct view)VIEW_NONE;
	return open_view(s, id, false, out, e) < 0 ? err_in(e, "container %.12s", id) : 0;
}

int view_upper(struct store *s, const char *id, struct view *out, struct err *e)
{
	*out = (struct view)VIEW_NONE;
	return open_view(s, id, true, out, e) < 0 ? err_in(e, "container %.12s", id) : 0;
}
