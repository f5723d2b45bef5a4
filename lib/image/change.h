/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change.h - what a new image's configuration says other than the old one's, in the words of a
 * Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD (Docker's format only), STOPSIGNAL, USER,
 * VOLUME, WORKDIR.
 */
#ifndef CADDIS_IMAGE_CHANGE_H
#define CADDIS_IMAGE_CHANGE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * config: the object "config" of an image's configuration. "CMD [\"sh\"]", "CMD=sh", "ENV A=1 B=2".
 * ERR_USAGE names the instruction; config is then of no use.
 */
int image_change(struct json_object *config, const char *instruction, bool docker, struct err *e);

#endif
