/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis image: the table of its commands; pull, tag, untag, rm. */
#include "image.h"

#include <stdio.h>

#include "image_import.h"
#include "image_pull.h"

struct rm_args {
	bool force, ignore;
};

// clang-format off
static const struct opt rm_opts[] = {
	OPT('f', "force", NULL, OPT_BOOL, struct rm_args, force, "remove all names; of an image in use, the names only"),
	OPT(0, "ignore", NULL, OPT_BOOL, struct rm_args, ignore, "an image that is not here is no error"),
	OPT_END,
};
// clang-format on

static int rm_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	const struct rm_args *a = args;
	own(image_removed) struct image_removed removed = { 0 };

	if (image_remove(&cli->store, operand, a->force, &removed, e) < 0)
		return a->ignore && e->kind == ERR_NOT_FOUND ? 0 : -1;
	for (size_t i = 0; i < removed.untagged.n; i++)
		printf("untagged: %s\n", removed.untagged.v[i]);
	if (removed.deleted)
		printf("deleted: %s\n", removed.deleted);
	return 0;
}

static int rm_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, rm_one, args);
}

static int tag_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	int status = 0;

	(void)args;
	for (size_t i = 1; i < n; i++) {
		struct err e;

		if (image_tag(&cli->store, operands[0], operands[i], &e) < 0)
			status = cli_error(cli, &e);
	}
	return cli_done(cli, status);
}

static int untag_one(struct cli *cli, const char *operand, const void *args, struct err *e)
{
	(void)args;
	if (image_untag(&cli->store, operand, e) < 0)
		return -1;
	printf("untagged: %s\n", operand);
	return 0;
}

static int untag_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	return cli_each(cli, operands, n, untag_one, args);
}

// clang-format off
static const struct command image_commands[] = {
	{ "ls", "", "list images", image_ls_run, image_ls_opts, sizeof(struct image_ls_args), NEED_STORE, 0, 0, NULL },
	{ "inspect", "[OPTION...] IMAGE...", "show images as JSON", image_inspect_run, image_inspect_opts, sizeof(struct image_inspect_args), NEED_STORE, 1, 0, "image" },
	{ "history", "[OPTION...] IMAGE", "show how an image was made, newest step first", image_history_run, image_history_opts, sizeof(struct image_history_args), NEED_STORE, 1, 1, "image" },
	{ "tree", "[OPTION...] [IMAGE...]", "show the layers of images and which images end where", image_tree_run, image_tree_opts, sizeof(struct image_tree_args), NEED_STORE, 0, 0, "image" },
	{ "cat", "IMAGE PATH...", "print files of an image", image_cat_run, NULL, 0, NEED_STORE, 2, 0, "image," },
	{ "export", "[OPTION...] IMAGE", "write an image's root file system as a tar archive", image_export_run, image_export_opts, sizeof(struct image_export_args), NEED_STORE, 1, 1, "image" },
	{ "pull", "IMAGE", "get an image from a registry", image_pull_run, image_pull_opts, sizeof(struct image_pull_args), NEED_STORE, 1, 1, NULL },
	{ "login", "REGISTRY", "keep the credentials for a registry", image_login_run, image_login_opts, sizeof(struct image_login_args), 0, 1, 1, NULL },
	{ "logout", "[REGISTRY]", "forget the credentials for a registry", image_logout_run, image_logout_opts, sizeof(struct image_logout_args), 0, 0, 1, NULL },
	{ "push", "[OPTION...] IMAGE [DESTINATION]", "put an image into a registry", image_push_run, image_push_opts, sizeof(struct image_push_args), NEED_STORE, 1, 2, "image" },
	{ "copy", "[OPTION...] SOURCE DESTINATION", "copy an image from registry to registry", image_copy_run, image_copy_opts, sizeof(struct image_copy_args), NEED_STORE, 2, 2, NULL },
	{ "import", "SOURCE NAME", "make an image of a directory or tar file", image_import_run, image_import_opts, sizeof(struct image_import_args), NEED_STORE, 2, 2, "file" },
	{ "load", "[OPTION...]", "get images from an archive or directory", image_load_run, image_load_opts, sizeof(struct image_load_args), NEED_STORE, 0, 0, NULL },
	{ "save", "[OPTION...] IMAGE...", "write images to an archive or directory", image_save_run, image_save_opts, sizeof(struct image_save_args), NEED_STORE, 1, 0, "image" },
	{ "rm", "IMAGE...", "remove images", rm_run, rm_opts, sizeof(struct rm_args), NEED_STORE, 1, 0, "image" },
	{ "prune", "[OPTION...]", "remove images that nobody uses", image_prune_run, image_prune_opts, sizeof(struct image_prune_args), NEED_STORE, 0, 0, NULL },
	{ "df", "[OPTION...]", "show what images take up on disk", image_df_run, image_df_opts, sizeof(struct image_df_args), NEED_STORE, 0, 0, NULL },
	{ "verify", "[OPTION...] [IMAGE...]", "check images against their digests, and repair them", image_verify_run, image_verify_opts, sizeof(struct image_verify_args), NEED_STORE, 0, 0, "image" },
	{ "tag", "IMAGE NAME...", "give an image more names", tag_run, NULL, 0, NEED_STORE, 2, 0, "image" },
	{ "untag", "NAME...", "take names away from images; the images stay", untag_run, NULL, 0, NEED_STORE, 1, 0, "image" },
	{ NULL },
};
// clang-format on
const struct command_group image_group = { "image", "images: pull, import, list, remove",
					   image_commands };
