/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image_pull.h - image pull, push, copy, verify, login and logout, as rows of image.c's table. */
#ifndef CADDIS_CMD_IMAGE_PULL_H
#define CADDIS_CMD_IMAGE_PULL_H

#include "registry_args.h"

struct image_pull_args {
	struct registry_args registry;
	const char *platform, *sandbox;
	struct strmap limits;
	bool quiet, sync;
};
struct image_login_args {
	struct registry_args registry;
};
struct image_push_args {
	struct registry_args registry;
	const char *mount_from, *chunk;
	bool quiet;
};
struct image_copy_args {
	struct registry_args registry;
	const char *mount_from, *chunk, *platform, *from_creds, *to_creds, *from_tls, *to_tls;
	bool quiet;
};
struct image_verify_args {
	struct registry_args registry;
	const char *output;
	struct strmap limits;
	bool repair;
};
struct image_logout_args {
	const char *authfile;
	bool all;
};
extern const struct opt image_pull_opts[], image_push_opts[], image_copy_opts[], image_login_opts[],
	image_logout_opts[], image_verify_opts[];
int image_pull_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_verify_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_push_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_copy_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_login_run(struct cli *cli, const void *args, char **operands, size_t n);
int image_logout_run(struct cli *cli, const void *args, char **operands, size_t n);

#endif
