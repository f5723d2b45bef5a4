/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry_error.h - a registry's refusal in one readable line. */
#ifndef CADDIS_IMAGE_REGISTRY_ERROR_H
#define CADDIS_IMAGE_REGISTRY_ERROR_H

#include <stddef.h>

#include "base/err.h"

/*
 * Words an HTTP status and its body: {"errors":[{"code","message"}]}, or whatever text it is.
 * Nothing in it reaches a terminal raw, and no more than a few hundred bytes of it. Returns -1.
 */
int registry_error(long status, const char *body, size_t len, struct err *e);

#endif
