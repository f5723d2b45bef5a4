/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr cp: files into and out of containers. */
#include <stdio.h>

#include "ctr.h"
#include "output.h"
#include "pod/copy.h"

// clang-format off
const struct opt ctr_copy_opts[] = {
	OPT('a', "archive", NULL, OPT_BOOL, struct copy_args, archive, "keep owners, by number (default: all is root's)"),
	OPT('L', "follow-link", NULL, OPT_BOOL, struct copy_args, follow, "copy what SRC points at when it is a symlink"),
	OPT(0, "overwrite", NULL, OPT_BOOL, struct copy_args, overwrite, "let directories take the place of files, and files that of directories"),
	OPT('q', "quiet", NULL, OPT_BOOL, struct copy_args, quiet, "say nothing but errors"),
	OPT_END,
};
// clang-format on

/* "CONTAINER:PATH"; what begins with "/" or "." is a path here, whatever colons it has. */
static int parse_end(struct cli *cli, const char *word, char id[ID_SIZE], struct copy_end *end,
		     struct err *e)
{
	const char *colon = *word == '/' || *word == '.' ? NULL : strchr(word, ':');
	own(str) char *name = NULL;

	*end = (struct copy_end){ .path = word, .shown = word };
	if (!colon)
		return 0;
	name = xstrndup(word, (size_t)(colon - word));
	if (record_find(&cli->store, RECORD_CONTAINER, name, id, e) < 0)
		return e->kind == ERR_NOT_FOUND
			       ? err_hint(e, "a path with a colon is written ./%.200s", word)
			       : -1;
	end->container = id;
	end->path = colon + 1;
	return 0;
}

struct report {
	struct output out;
	bool quiet;
};

static void left_out(void *ctx, const char *path, const char *why)
{
	const struct report *r = ctx;
	own(str) char *shown = str_printable(path, strlen(path));

	if (!r->quiet)
		fprintf(stderr, "caddis: left out: %s: %s\n", shown, why);
}

static int sink(void *ctx, const void *p, size_t n, struct err *e)
{
	struct report *r = ctx;

	return output_sink(&r->out, p, n, e);
}

int ctr_copy_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct copy_args *a = args;
	struct report report = { .out = OUTPUT_NONE, .quiet = a->quiet };
	struct copy_options o = { .owners = a->archive,
				  .follow = a->follow,
				  .overwrite = a->overwrite,
				  .left_out = left_out,
				  .sink = sink,
				  .ctx = &report };
	char ids[2][ID_SIZE], size[16];
	struct copy_end src, dst;
	int64_t bytes = -1;
	struct err e;
	int r;

	(void)n;
	if (parse_end(cli, operands[0], ids[0], &src, &e) < 0 ||
	    parse_end(cli, operands[1], ids[1], &dst, &e) < 0)
		return cli_error(cli, &e);
	if (!dst.container && str_eq(dst.path, "-") && output_open(NULL, &report.out, &e) < 0)
		return cli_error(cli, &e);
	r = container_copy(&cli->store, &src, &dst, &o, &bytes, &e);
	output_close(&report.out);
	if (r < 0)
		return cli_error(cli, &e);
	if (bytes >= 0 && !a->quiet && isatty(STDERR_FILENO)) {
		str_size_format(bytes, size, sizeof(size));
		fprintf(stderr, "Copied %s to %s\n", size, operands[1]);
	}
	return cli_done(cli, 0);
}
