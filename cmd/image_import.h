/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image_import.h - the verb caddis image import; inside cmd only. */
#ifndef CADDIS_CMD_IMAGE_IMPORT_H
#define CADDIS_CMD_IMAGE_IMPORT_H

#include "cli.h"

struct image_import_args {
	struct strv cmd, env, entrypoint;
	struct strmap labels, limits;
	const char *user, *workdir, *stop_signal, *platform;
};
extern const struct opt image_import_opts[];
int image_import_run(struct cli *cli, const void *args, char **operands, size_t n);

#endif
