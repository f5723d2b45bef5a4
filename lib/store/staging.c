/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "store/record.h"
#include "store/store.h"

/*
 * A directory in staging is alive while its lock is held. The moment between its mkdir and its
 * flock is covered by a shared flock on the staging directory itself; who judges entries takes that
 * exclusively.
 */

static int open_staging(struct store *s, struct err *e)
{
	int fd = openat(s->root, "staging", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "%s/staging", s->root_path) : fd;
}

int staging_new_named(struct store *s, const char *name, struct staging *out, struct err *e)
{
	own(fd) int parent = open_staging(s, e);
	struct staging st = STAGING_NONE;

	*out = st;
	if (parent < 0)
		return -1;
	if (flock(parent, LOCK_SH) < 0)
		return err_sys(e, "%s/staging: cannot lock", s->root_path);
	snprintf(st.name, sizeof(st.name), "%s", name);
	if (mkdirat(parent, st.name, 0700) < 0)
		return err_sys(e, "%s/staging/%s", s->root_path, st.name);
	st.dir = openat(parent, st.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	st.lock = st.dir < 0 ? -1 : lock_file(s, st.dir, "lock", LOCK_EXCLUSIVE, "staging", e);
	if (st.lock < 0) {
		if (st.dir < 0)
			err_sys(e, "%s/staging/%s", s->root_path, st.name);
		else
			unlinkat(st.dir, "lock", 0);
		unlinkat(parent, st.name, AT_REMOVEDIR);
		staging_close(&st);
		return -1;
	}
	*out = st;
	return 0;
}

int staging_new(struct store *s, struct staging *out, struct err *e)
{
	char id[ID_SIZE], name[ID_SIZE + 2];

	if (staging_sweep(s, e) < 0)
		return -1;
	id_new(id);
	snprintf(name, sizeof(name), "t-%s", id);
	return staging_new_named(s, name, out, e);
}

int staging_publish(struct store *s, struct staging *st, int parent, const char *name,
		    struct err *e)
{
	char path[ID_SIZE + 24];

	snprintf(path, sizeof(path), "staging/%s", st->name);
	if (renameat2(s->root, path, parent, name, RENAME_NOREPLACE) < 0)
		return err_sys(e, "%s: cannot publish", name);
	st->name[0] = '\0';
	return 0;
}

int staging_take_as(struct store *s, int parent, const char *name, const char *as, struct err *e)
{
	char path[ID_SIZE + 24];

	snprintf(path, sizeof(path), "staging/%s", as);
	if (renameat2(parent, name, s->root, path, RENAME_NOREPLACE) < 0)
		return err_sys(e, "%s: cannot move to staging", name);
	return 0;
}

int staging_take(struct store *s, int parent, const char *name, int lock, struct staging *out,
		 struct err *e)
{
	char id[ID_SIZE];
	struct staging st = { .lock = lock };

	id_new(id);
	snprintf(st.name, sizeof(st.name), "t-%s", id);
	st.dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (st.dir < 0 || staging_take_as(s, parent, name, st.name, e) < 0) {
		if (st.dir < 0)
			err_sys(e, "%s", name);
		st.name[0] = '\0';
		staging_close(&st);
		return -1;
	}
	*out = st;
	return 0;
}

void staging_close(struct staging *st)
{
	fd_drop(&st->dir);
	fd_drop(&st->lock);
	st->dir = st->lock = -1;
}

void staging_drop(struct store *s, struct staging *st)
{
	own(fd) int parent = openat(s->root, "staging", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err ignored; /* what cannot be removed now, the next sweep finds */

	if (parent >= 0 && st->name[0])
		path_remove_tree(parent, st->name, &ignored);
	staging_close(st);
	st->name[0] = '\0';
}

/* Frees what a record in staging owns: its kind and ID are in its name. */
static int release_entry(struct store *s, const char *name, int dir, struct err *e)
{
	if ((name[0] != 's' && name[0] != 'c') || name[1] != '-' || !id_valid(name + 2))
		return 0;
	return record_release(s, name[0] == 's' ? RECORD_SANDBOX : RECORD_CONTAINER, name + 2, dir,
			      e);
}

/* The entry's directory and its lock, taken; false when somebody alive holds it, or it is gone. */
static bool claim(int parent, const char *name, int *dir, int *lock)
{
	*dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	*lock = *dir < 0 ? -1 : lock_try(*dir, "lock", LOCK_EXCLUSIVE);
	/* No lock file: its maker died before it made one, or its remover after it removed it. */
	return *dir >= 0 && (*lock >= 0 || errno == ENOENT);
}

static int sweep_one(struct store *s, int parent, const char *name, struct err *e)
{
	own(fd) int dir = -1;
	own(fd) int lock = -1;
	bool ours;

	if (flock(parent, LOCK_EX | LOCK_NB) < 0)
		return 0; /* somebody is at it: the next command will do it */
	ours = claim(parent, name, &dir, &lock);
	/* Without a lock file nobody can be told off later: keep the directory's lock meanwhile. */
	if (!ours || lock >= 0)
		flock(parent, LOCK_UN);
	if (!ours)
		return 0;
	if (release_entry(s, name, dir, e) < 0 || path_remove_tree(parent, name, e) < 0)
		return -1;
	flock(parent, LOCK_UN);
	return 0;
}

int staging_sweep(struct store *s, struct err *e)
{
	own(fd) int parent = open_staging(s, e);
	own(fd) int list =
		parent < 0 ? -1 : openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = list < 0 ? NULL : fdopendir(list);

	if (!d)
		return err_sys(e, "%s/staging", s->root_path);
	fd_steal(&list);
	for (struct dirent *de; (de = readdir(d));) {
		struct err ignored; /* garbage that resists must not stop a command that only passed
				       by */

		if (de->d_name[0] != '.')
			sweep_one(s, parent, de->d_name, &ignored);
	}
	return 0;
}
