/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_pull.h"

#include <stdio.h>

#include "image/image.h"
#include "image_limits.h"
#include "pod/charge.h"
#include "progress.h"

// clang-format off
const struct opt image_pull_opts[] = {
	OPT(0, "platform", "OS/ARCH[/VARIANT]", OPT_STR, struct image_pull_args, platform, "the image for this platform instead of this machine's"),
	OPT(0, "sandbox", "SANDBOX", OPT_STR, struct image_pull_args, sandbox, "charge the pull's CPU and memory to this sandbox", "sandbox"),
	OPT('q', "quiet", NULL, OPT_BOOL, struct image_pull_args, quiet, "show no progress"),
	OPT(0, "sync", NULL, OPT_BOOL, struct image_pull_args, sync, "return when the image would survive a power cut, not a moment before"),
	LIMIT_OPT(struct image_pull_args),
	REGISTRY_IMAGE_OPTS(struct image_pull_args),
	REGISTRY_OPTS(struct image_pull_args),
	OPT_END,
};
// clang-format on

struct pull_work {
	struct cli *cli;
	const char *name;
	struct image_pull_options o;
	struct progress progress;
};

static int pull(void *ctx)
{
	struct pull_work *w = ctx;
	own(image) struct image image = { 0 };
	struct err e;

	if (image_pull(&w->cli->store, w->name, &w->o, &image, &e) < 0)
		return cli_error(w->cli, &e);
	printf("%s\n", image.id);
	return cli_done(w->cli, 0);
}

static int pull_charged(struct pull_work *w, const char *sandbox)
{
	struct err e;
	int status;

	if (pod_charge(&w->cli->store, sandbox, pull, w, &status, &e) < 0)
		return cli_error(w->cli, &e);
	if (status < 128)
		return cli_done(w->cli, status);
	err_set(&e, ERR_FAIL, "image %.200s: the pull was killed by signal %d", w->name,
		status - 128);
	err_hint(&e, "sandbox %.100s may have too little memory for it", sandbox);
	return cli_error(w->cli, &e);
}

int image_pull_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_pull_args *a = args;
	own(auth) struct auth given = { 0 };
	struct pull_work w = {
		.cli = cli,
		.name = operands[0],
		.o = {
			.platform = a->platform,
			.quiet = a->quiet,
			.always = true,
			/* Whoever pays for a pull pays for all of it. */
			.sync = a->sync || a->sandbox,
			.progress = progress_update,
		},
	};
	struct layer_limits limits;
	struct err e;
	int status;

	(void)n;
	w.o.limits = &limits;
	if (image_limits(&a->limits, &limits, &e) < 0 ||
	    registry_args(&a->registry, &given, &w.o.registry, &e) < 0)
		return cli_error(cli, &e);
	progress_init(&w.progress);
	w.o.ctx = &w.progress;
	if (!a->quiet)
		w.o.registry.auth.notes = (struct note_sink){ progress_note, &w.progress };
	status = a->sandbox ? pull_charged(&w, a->sandbox) : pull(&w);
	progress_free(&w.progress);
	return status;
}
