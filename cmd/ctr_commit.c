/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr commit: an image of a container. */
#include <stdio.h>

#include "ctr.h"
#include "output.h"
#include "pod/commit.h"

// clang-format off
const struct opt ctr_commit_opts[] = {
	OPT('a', "author", "TEXT", OPT_STR, struct commit_args, author, "who made the image"),
	OPT('m', "message", "TEXT", OPT_STR, struct commit_args, message, "a comment, for its history"),
	OPT('c', "change", "INSTRUCTION", OPT_LIST, struct commit_args, changes, "change its configuration, as in a Dockerfile: 'CMD [\"sh\"]', ENV=A=1; may be repeated"),
	OPT('p', "pause", NULL, OPT_BOOL, struct commit_args, pause, "let a running container stand still meanwhile"),
	OPT('f', "format", "FORMAT", OPT_STR, struct commit_args, format, "of its documents: oci (default) or docker", "oci|docker"),
	OPT(0, "iidfile", "FILE", OPT_STR, struct commit_args, iidfile, "write the image's ID to FILE", "file"),
	OPT('q', "quiet", NULL, OPT_BOOL, struct commit_args, quiet, "print nothing but the ID (as it does anyway)"),
	OPT_END,
};
// clang-format on

static int write_id(const char *path, struct output *out, const char *id, struct err *e)
{
	if (!path)
		return 0;
	return output_sink(out, id, strlen(id), e) < 0 ? -1 : output_commit(out, e);
}

int ctr_commit_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct commit_args *a = args;
	struct commit_options o = { .name = n > 1 ? operands[1] : NULL,
				    .author = a->author,
				    .message = a->message,
				    .changes = &a->changes,
				    .pause = a->pause,
				    .docker = str_eq(a->format, "docker") };
	own(output) struct output iidfile = OUTPUT_NONE;
	char id[ID_SIZE], image[DIGEST_SIZE];
	struct err e;

	if (a->format && !o.docker && !str_eq(a->format, "oci"))
		return cli_usage(cli, "--format: expected oci or docker, found \"%.40s\"",
				 a->format);
	if (record_find(&cli->store, RECORD_CONTAINER, operands[0], id, &e) < 0 ||
	    (a->iidfile && output_open(a->iidfile, &iidfile, &e) < 0) ||
	    container_commit(&cli->store, id, &o, image, &e) < 0 ||
	    write_id(a->iidfile, &iidfile, image, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", image);
	return cli_done(cli, 0);
}
