/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis image cat, export: the files in an image. */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/pack.h"
#include "output.h"
#include "pod/view.h"

#define CHUNK (256 * 1024)

// clang-format off
const struct opt image_export_opts[] = {
	OPT('o', "output", "FILE", OPT_STR, struct image_export_args, output, "write to FILE instead of standard output", "file"),
	OPT_END,
};
// clang-format on

static int view(struct cli *cli, const char *ref, struct err *e)
{
	own(image) struct image i = { 0 };
	int fd;

	if (image_find(&cli->store, ref, &i, e) < 0)
		return -1;
	fd = view_image(&cli->store, &i, e);
	return fd < 0 ? err_in(e, "image %.200s", ref) : fd;
}

static int cat(int root, const char *path, struct err *e)
{
	/* O_PATH first: to open a device or a FIFO of the image's is an action in itself. */
	own(fd) int at = path_open_in(root, path, O_PATH, 0, e);
	own(fd) int fd = -1;
	own(str) char *chunk = xmalloc(CHUNK);
	struct stat st;
	ssize_t n;

	if (at < 0)
		return -1;
	if (fstat(at, &st) < 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_STATE, "%.200s: %s", path,
			       S_ISDIR(st.st_mode) ? "is a directory; 'caddis image export' gives "
						     "all of it"
						   : "not a regular file");
	fd = open(fd_path(at).s, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "%s", path);
	while ((n = read_full(fd, chunk, CHUNK)) > 0)
		if (write_all(STDOUT_FILENO, chunk, (size_t)n) < 0)
			return err_sys(e, "standard output");
	return n < 0 ? err_sys(e, "read %s", path) : 0;
}

int image_cat_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	struct err e;
	own(fd) int root = view(cli, operands[0], &e);
	int status = 0;

	(void)args;
	if (root < 0)
		return cli_error(cli, &e);
	for (size_t i = 1; i < n; i++)
		if (cat(root, operands[i], &e) < 0) {
			err_in(&e, "image %.200s", operands[0]);
			status = cli_error(cli, &e);
		}
	return cli_done(cli, status);
}

int image_export_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_export_args *a = args;
	const struct pack_options pack = { .skip = -1, .layer = true };
	own(output) struct output out = OUTPUT_NONE;
	struct err e;
	own(fd) int root = view(cli, operands[0], &e);

	(void)n;
	if (root < 0 || output_open(a->output, &out, &e) < 0 ||
	    pack_tree(root, &pack, output_sink, &out, &e) < 0 || output_commit(&out, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}
