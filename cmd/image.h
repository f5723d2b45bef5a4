/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.h - the commands of caddis image that have files of their own; image.c has their table. */
#ifndef CADDIS_CMD_IMAGE_H
#define CADDIS_CMD_IMAGE_H

#include "cli.h"
#include "inspect.h"
#include "image/image.h"
#include "table.h"

/* image_ls.c */
struct image_ls_args {
	struct list_args list;
	struct strv filter;
	const char *sort;
	bool digests;
};
extern const struct opt image_ls_opts[];
int image_ls_run(struct cli *cli, const void *args, char **operands, size_t n);

/* image_inspect.c */
struct image_inspect_args {
	struct inspect_args inspect;
	bool config, manifest, raw;
};
struct image_history_args {
	struct list_args list;
};
struct image_tree_args {
	const char *output;
};
extern const struct opt image_inspect_opts[], image_history_opts[], image_tree_opts[];
int image_inspect_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_history_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_tree_run(struct cli *cli, const void *args, char **operands, size_t n);

/* image_space.c */
struct image_df_args {
	struct list_args list;
};
struct image_prune_args {
	bool all, dry;
	struct strv filter;
};
extern const struct opt image_df_opts[], image_prune_opts[];
int image_df_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_prune_run(struct cli *cli, const void *args, char **operands, size_t n);

/* image_read.c */
struct image_export_args {
	const char *output;
};
extern const struct opt image_export_opts[];
int image_cat_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_export_run(struct cli *cli, const void *args, char **operands, size_t n);

/* image_archive.c */
struct image_load_args {
	const char *input, *name, *platform;
	struct strmap limits;
};
struct image_save_args {
	const char *output, *format, *compress;
};
extern const struct opt image_load_opts[], image_save_opts[];
int image_load_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_save_run(struct cli *cli, const void *args, char **operands, size_t n);

/* --filter of ls and prune: all must hold; of several reference= one must. */
struct image_filter {
	struct strv reference, labels; /* labels: "K" or "K=V" */
	int dangling;		       /* 0, 1; -1: either */
	int64_t since, before;	       /* ns, of the image named; 0: none */
};
int image_filter_parse(struct store *s, const struct strv *given, struct image_filter *out,
		       struct err *e);
bool image_filter_match(const struct image_filter *f, const struct image *i);
/* The names that reference= lets through. */
bool image_filter_name(const struct image_filter *f, const char *name);
void image_filter_free(struct image_filter *f);
OWNED_STRUCT(image_filter, struct image_filter, image_filter_free)
int64_t image_created(const struct image *i); /* ns; 0: it does not say */

#endif
