/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registries_toml.h - the part of TOML (toml.io, 1.0) that registries.conf is written in: tables,
 * arrays of tables, and in them KEY = VALUE with strings, booleans, numbers and lists of these.
 */
#ifndef CADDIS_IMAGE_REGISTRIES_TOML_H
#define CADDIS_IMAGE_REGISTRIES_TOML_H

#include "base/str.h"

enum toml_type { TOML_STRING, TOML_BOOL, TOML_OTHER /* a number or a list: read over */ };
struct toml_value {
	enum toml_type type;
	const char *s; /* of a string */
	bool b;
};
struct toml_handler {
	/* "[[registry]]" starts; also "[aliases]", with array false. */
	int (*table)(void *ctx, const char *name, bool array, struct err *e);
	int (*key)(void *ctx, const char *key, const struct toml_value *v, struct err *e);
	void *ctx;
};
/* ERR_USAGE "line N: …" for what is no TOML, or a part of it that is not read here. */
int toml_parse(const char *text, const struct toml_handler *h, struct err *e);

#endif
