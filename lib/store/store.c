/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/proc.h"

#define BOOT_ID_LEN 36 /* a UUID */

static const char *const root_entries[] = { "version",	  "images",  "layers",	"sandboxes",
					    "containers", "names",   "staging", "networks",
					    "seccomp",	  "targets", "lock",	"events",
					    "events.1",	  NULL };
static const char *const root_dirs[] = {
	"images",	   "layers",	       "sandboxes", "containers", "names",
	"names/sandboxes", "names/containers", "staging",   "networks",	  NULL
};
static const char *const state_entries[] = { "boot",   "sandboxes", "containers", "network",
					     "userns", "lock",	    NULL };
static const char *const state_dirs[] = { "sandboxes", "containers", "network", "userns", NULL };

/* Anything in there that is not ours (or a half-written ".new")? Then it is somebody else's
 * directory. */
static int dir_is_ours(int fd, const char *path, const char *const *known, struct err *e)
{
	own(fd) int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *d = again < 0 ? NULL : fdopendir(again);

	if (!d)
		return err_sys(e, "%s", path);
	fd_steal(&again);
	for (struct dirent *de; (de = readdir(d));) {
		size_t i = 0;

		if (de->d_name[0] == '.')
			continue;
		while (known[i] && !str_eq(known[i], de->d_name))
			i++;
		if (!known[i]) {
			err_set(e, ERR_STATE, "%s is not a directory of caddis: it holds '%s'",
				path, de->d_name);
			return err_hint(e, "name an empty or a new directory");
		}
	}
	return 0;
}

/* Opens the directory at path, made if missing, private to its owner. */
static int open_private(const char *path, struct err *e)
{
	own(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		if (path_mkdirs(path, 0700, e) < 0)
			return -1;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, "%s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "%s", path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_DENIED, "%s belongs to user %u, not to root", path,
			       st.st_uid);
	return fd_steal(&fd);
}

static int make_dirs(int fd, const char *path, const char *const *dirs, struct err *e)
{
	if (fchmod(fd, 0700) < 0)
		return err_sys(e, "%s", path);
	for (size_t i = 0; dirs[i]; i++)
		if (mkdirat(fd, dirs[i], 0700) < 0 && errno != EEXIST)
			return err_sys(e, "%s/%s", path, dirs[i]);
	return 0;
}

/* The layout version of the root: 0 when there is none yet. */
static int read_version(int root, const char *path, int64_t *version, struct err *e)
{
	own(buf) struct buf b = { 0 };

	*version = 0;
	if (file_load(root, "version", 64, &b, e) < 0)
		return e->sys == ENOENT ? 0 : err_in(e, "%s", path);
	if (b.len && b.s[b.len - 1] == '\n')
		b.s[--b.len] = '\0';
	if (str_to_i64(b.s, 1, INT32_MAX, version) < 0) {
		err_set(e, ERR_CORRUPT, "%s/version: not a version number", path);
		return err_hint(e, "it should hold the line %d", STORE_VERSION);
	}
	if (*version > STORE_VERSION)
		return err_set(e, ERR_STATE,
			       "%s has layout version %d, this caddis knows %d; use a newer caddis",
			       path, (int)*version, STORE_VERSION);
	return 0;
}

static int open_root(struct store *s, struct err *e)
{
	int64_t version;
	char text[16];

	s->root = open_private(s->root_path, e);
	if (s->root < 0 || read_version(s->root, s->root_path, &version, e) < 0)
		return -1;
	if (version)
		return 0;
	if (dir_is_ours(s->root, s->root_path, root_entries, e) < 0)
		return -1;
	own(fd) int lock = lock_file(s, s->root, "lock", LOCK_EXCLUSIVE, s->root_path, e);

	if (lock < 0 || make_dirs(s->root, s->root_path, root_dirs, e) < 0)
		return -1;
	snprintf(text, sizeof(text), "%d\n", STORE_VERSION);
	return file_replace(s->root, "version", text, strlen(text), FILE_SYNC,
			    e); /* the commit point */
}

static bool boot_is(int state, const char *boot)
{
	own(buf) struct buf b = { 0 };
	struct err ignored;

	return file_load(state, "boot", 64, &b, &ignored) == 0 && str_eq(b.s, boot);
}

/* What whoever made the directory wrote first; what else is in it then is ours. */
static bool has_boot(int state)
{
	own(buf) struct buf b = { 0 };
	struct err ignored;

	return file_load(state, "boot", 64, &b, &ignored) == 0 && b.len == BOOT_ID_LEN &&
	       strspn(b.s, "0123456789abcdef-") == BOOT_ID_LEN;
}

/*
 * Pinned namespaces end with their boot, but not where the boot ID is another one for some other
 * reason: a restored machine, a directory that another container of this machine used. Mounts
 * would keep the directory from being emptied.
 */
static void drop_pins(int state)
{
	own(fd) int fd =
		openat(state, "sandboxes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return;
	fd_steal(&fd);
	for (struct dirent *de; (de = readdir(d));) {
		own(str) char *pin = str_fmt("%s/%s/ns", fd_path(dirfd(d)).s, de->d_name);

		if (id_valid(de->d_name))
			umount2(pin, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
}

/* The state directory is of another boot, or new: empty it, so that nothing in it is believed. */
static int reset_state(struct store *s, const char *boot, struct err *e)
{
	own(fd) int lock = -1;

	if (!has_boot(s->state) && dir_is_ours(s->state, s->state_path, state_entries, e) < 0)
		return -1;
	lock = lock_file(s, s->state, "lock", LOCK_EXCLUSIVE, s->state_path, e);
	if (lock < 0)
		return -1;
	if (boot_is(s->state, boot)) /* somebody was faster */
		return 0;
	drop_pins(s->state);
	for (size_t i = 0; state_dirs[i]; i++)
		if (path_remove_tree(s->state, state_dirs[i], e) < 0)
			return err_in(e, "%s", s->state_path);
	if (make_dirs(s->state, s->state_path, state_dirs, e) < 0)
		return -1;
	return file_replace(s->state, "boot", boot, strlen(boot), FILE_NOSYNC, e);
}

static int open_state(struct store *s, struct err *e)
{
	const char *boot = proc_boot_id(e);

	if (!boot)
		return -1;
	s->state = open_private(s->state_path, e);
	if (s->state < 0)
		return -1;
	return boot_is(s->state, boot) ? 0 : reset_state(s, boot, e);
}

static char *choose_path(const char *given, const char *variable, const char *otherwise,
			 struct err *e)
{
	const char *path = given ? given : getenv(variable);

	if (!str_some(path))
		path = otherwise;
	return path_absolute(path, e);
}

int store_open(const char *root, const char *state, int lock_timeout, struct store *out,
	       struct err *e)
{
	*out = (struct store){ .root = -1, .state = -1, .lock_timeout = lock_timeout };
	if (geteuid() != 0)
		return err_set(e, ERR_DENIED, "caddis needs root; try sudo");
	out->root_path = choose_path(root, "CADDIS_ROOT", STORE_ROOT_DEFAULT, e);
	out->state_path = choose_path(state, "CADDIS_STATE", STORE_STATE_DEFAULT, e);
	if (out->root_path && out->state_path && open_root(out, e) == 0 && open_state(out, e) == 0)
		return 0;
	store_close(out);
	return -1;
}

void store_close(struct store *s)
{
	if (s->root_path) {
		fd_drop(&s->root);
		fd_drop(&s->state);
	}
	free(s->root_path);
	free(s->state_path);
	*s = (struct store){ .root = -1, .state = -1 };
}

void id_new(char id[ID_SIZE])
{
	unsigned char raw[32];
	static const char hex[] = "0123456789abcdef";

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		abort(); /* not with 32 bytes on any kernel that we run on: getrandom(2) */
	for (size_t i = 0; i < sizeof(raw); i++) {
		id[2 * i] = hex[raw[i] >> 4];
		id[2 * i + 1] = hex[raw[i] & 15];
	}
	id[ID_SIZE - 1] = '\0';
}

bool id_valid(const char *s)
{
	return strlen(s) == ID_SIZE - 1 && strspn(s, "0123456789abcdef") == ID_SIZE - 1;
}

const char *name_check(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (!*s)
		return "a name cannot be empty";
	if (s[0] == '-')
		return "a name cannot begin with '-'";
	if (strspn(s, allowed) != strlen(s))
		return "a name has only letters, digits, '_' and '-'";
	if (strlen(s) > 63)
		return "a name has at most 63 characters";
	return NULL;
}
