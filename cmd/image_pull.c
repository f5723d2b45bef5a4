/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_pull.h"

#include <stdio.h>

#include "image/image.h"
#include "image_limits.h"
#include "progress.h"

// clang-format off
const struct opt image_pull_opts[] = {
	OPT(0, "platform", "OS/ARCH[/VARIANT]", OPT_STR, struct image_pull_args, platform, "the image for this platform instead of this machine's"),
	OPT('q', "quiet", NULL, OPT_BOOL, struct image_pull_args, quiet, "show no progress"),
	LIMIT_OPT(struct image_pull_args),
	REGISTRY_IMAGE_OPTS(struct image_pull_args),
	REGISTRY_OPTS(struct image_pull_args),
	OPT_END,
};
// clang-format on

int image_pull_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_pull_args *a = args;
	own(progress) struct progress progress = { 0 };
	own(image) struct image image = { 0 };
	own(auth) struct auth given = { 0 };
	struct image_pull_options o = {
		.platform = a->platform,
		.quiet = a->quiet,
		.always = true,
		.progress = progress_update,
		.ctx = &progress,
	};
	struct layer_limits limits;
	struct err e;

	(void)n;
	o.limits = &limits;
	if (image_limits(&a->limits, &limits, &e) < 0 ||
	    registry_args(&a->registry, &given, &o.registry, &e) < 0)
		return cli_error(cli, &e);
	progress_init(&progress);
	if (!a->quiet)
		o.registry.auth.notes = (struct note_sink){ progress_note, &progress };
	if (image_pull(&cli->store, operands[0], &o, &image, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", image.id);
	return cli_done(cli, 0);
}
