/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image_limits.h - "--limit KEY=VALUE": what a layer or an archive may cost at most. */
#ifndef CADDIS_CMD_IMAGE_LIMITS_H
#define CADDIS_CMD_IMAGE_LIMITS_H

#include "cli.h"
#include "image/layer.h"

#define LIMIT_OPT(struct_)                                                                         \
	OPT(0, "limit", "KEY=VALUE", OPT_MAP, struct_, limits,                                     \
	    "change a limit against hostile layers: bytes, entries, ratio, ratio-zstd, "           \
	    "file-size, sparse, header, path, depth, window; may be repeated")
/* The defaults, changed as given. */
int image_limits(const struct strmap *given, struct layer_limits *out, struct err *e);

#endif
