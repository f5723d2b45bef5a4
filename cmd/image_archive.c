/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis image load, save: images from and to files. */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "image/archive.h"
#include "image_limits.h"
#include "output.h"

// clang-format off
const struct opt image_load_opts[] = {
	OPT('i', "input", "FILE", OPT_STR, struct image_load_args, input, "read FILE, or the directory of that name, instead of standard input", "file"),
	OPT(0, "name", "NAME", OPT_STR, struct image_load_args, name, "give the image this name, and none of those in the archive"),
	OPT(0, "platform", "OS/ARCH[/VARIANT]", OPT_STR, struct image_load_args, platform, "of several images under one name, the one for this platform instead of this machine's"),
	LIMIT_OPT(struct image_load_args),
	OPT_END,
};
const struct opt image_save_opts[] = {
	OPT('o', "output", "FILE", OPT_STR, struct image_save_args, output, "write to FILE instead of standard output", "file"),
	OPT(0, "format", "FORMAT", OPT_STR, struct image_save_args, format, "oci-archive (the default), docker-archive, or oci-dir: a directory", "oci-archive|docker-archive|oci-dir"),
	OPT(0, "compress", "FORM", OPT_STR, struct image_save_args, compress, "compress the archive: gzip, zstd or none (the default)", "gzip|zstd|none"),
	OPT_END,
};
// clang-format on

static int open_input(const char *path, struct err *e)
{
	bool in = !path || str_eq(path, "-");
	own(fd) int fd = in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, "%s", in ? "standard input" : path);
	if (isatty(fd)) {
		err_set(e, ERR_USAGE, "%s is a terminal", in ? "standard input" : path);
		return err_hint(e, "name an archive with --input");
	}
	return fd_steal(&fd);
}

int image_load_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_load_args *a = args;
	struct layer_limits limits;
	struct image_load_options o = { a->name, a->platform, &limits };
	own(strv) struct strv loaded = { 0 };
	own(fd) int fd = -1;
	int status = 0;
	struct err e;

	(void)operands, (void)n;
	if (image_limits(&a->limits, &limits, &e) < 0 || (fd = open_input(a->input, &e)) < 0)
		return cli_error(cli, &e);
	if (image_load(&cli->store, fd,
		       a->input && !str_eq(a->input, "-") ? a->input : "standard input", &o,
		       &loaded, &e) < 0)
		status = cli_error(cli, &e);
	for (size_t i = 0; i < loaded.n; i++)
		printf("%s\n", loaded.v[i]);
	return cli_done(cli, status);
}

/* --- save --- */

static int choose(const struct image_save_args *a, struct image_save_options *o, bool *directory,
		  struct err *e)
{
	*directory = str_eq(a->format, "oci-dir");
	o->format = str_eq(a->format, "docker-archive") ? ARCHIVE_DOCKER : ARCHIVE_OCI;
	if (a->format && !*directory && o->format == ARCHIVE_OCI &&
	    !str_eq(a->format, "oci-archive"))
		return err_set(e, ERR_USAGE,
			       "--format: expected oci-archive, docker-archive or oci-dir, found "
			       "\"%.40s\"",
			       a->format);
	o->compression = str_eq(a->compress, "gzip")   ? LAYER_GZIP
			 : str_eq(a->compress, "zstd") ? LAYER_ZSTD
						       : LAYER_TAR;
	if (a->compress && o->compression == LAYER_TAR && !str_eq(a->compress, "none"))
		return err_set(e, ERR_USAGE,
			       "--compress: expected gzip, zstd or none, found \"%.40s\"",
			       a->compress);
	if (*directory && o->compression != LAYER_TAR)
		return err_set(e, ERR_USAGE, "--compress: a directory is not compressed");
	if (*directory && (!a->output || str_eq(a->output, "-")))
		return err_set(e, ERR_USAGE, "--format oci-dir: name the directory with --output");
	return 0;
}

int image_save_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_save_args *a = args;
	own(output) struct output out = OUTPUT_NONE;
	struct image_save_options o = { 0 };
	bool directory;
	struct err e;

	if (choose(a, &o, &directory, &e) < 0)
		return cli_error(cli, &e);
	if ((directory ? output_open_directory(a->output, &out, &e)
		       : output_open(a->output, &out, &e)) < 0 ||
	    (directory ? image_save_directory(&cli->store, operands, n, out.fd, &e)
		       : image_save(&cli->store, operands, n, &o, output_sink, &out, &e)) < 0 ||
	    output_commit(&out, &e) < 0)
		return cli_error(cli, &e);
	return cli_done(cli, 0);
}
