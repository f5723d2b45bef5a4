/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tar stream of a layer, compressed or not, into a tree on a tmpfs of our own: nothing beside
 * the tree may change. Needs root, as unpacking does.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "image/layer.h"

static int top = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	HOLDS(unshare(CLONE_NEWNS) == 0);
	HOLDS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	HOLDS(mount("fuzz", "/mnt", "tmpfs", 0, "size=256m,nr_inodes=100k") == 0);
	top = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	HOLDS(top >= 0 && mkdirat(top, "canary", 0700) == 0);
	return 0;
}

/* Only the tree and the canary are there, and the canary is as it was. */
static void check_outside(void)
{
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	struct stat st;
	int n = 0;

	HOLDS(d);
	while (readdir(d))
		n++;
	closedir(d);
	HOLDS(n == 4);
	HOLDS(fstatat(top, "canary", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	      (st.st_mode & 07777) == 0700 && st.st_uid == 0 && st.st_nlink == 2 && st.st_size == 40);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct layer_limits limits = layer_limits_default;
	own(layer_writer) struct layer_writer *w = NULL;
	char diff_id[72];
	struct err e;
	int tree;

	limits.bytes = 8 << 20;
	limits.entries = 2000;
	limits.file_size = 1 << 20;
	limits.sparse_bytes = 4 << 20;
	limits.window = 1 << 20;
	HOLDS(mkdirat(top, "tree", 0700) == 0);
	tree = openat(top, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	HOLDS(tree >= 0);
	HOLDS(layer_writer_open_limits(tree, LAYER_TAR, &limits, &w, &e) == 0);
	if (layer_writer_push(w, data, size, &e) == 0 &&
	    layer_writer_finish(w, diff_id, NULL, &e) == 0)
		HOLDS(strncmp(diff_id, "sha256:", 7) == 0);
	layer_writer_close(w);
	w = NULL;
	close(tree);
	check_outside();
	HOLDS(path_remove_tree(top, "tree", &e) == 0);
	return 0;
}
