/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yaml_scalar.h - what a plain scalar of YAML 1.1 means. Inside lib/base only. */
#ifndef CADDIS_BASE_YAML_SCALAR_H
#define CADDIS_BASE_YAML_SCALAR_H

#include "base/json.h"

enum yaml_kind { YAML_NULL, YAML_BOOL, YAML_INT, YAML_REAL, YAML_TEXT };
/* *out: the value (NULL for null), the caller's. */
enum yaml_kind yaml_resolve(const char *text, struct json_object **out);

#endif
