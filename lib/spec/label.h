/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * label.h - Kubernetes' rules for labels, and selectors over them.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
#ifndef CADDIS_SPEC_LABEL_H
#define CADDIS_SPEC_LABEL_H

#include "base/err.h"
#include "base/str.h"

/*
 * [PREFIX/]NAME: a DNS subdomain of at most 253 characters, and at most 63 letters, digits, '-',
 * '_', '.' that begin and end with a letter or digit. NULL, or what was expected.
 */
const char *label_key_check(const char *key);
const char *label_value_check(const char *value); /* as NAME, or empty */

enum selector_op { SELECT_IN, SELECT_NOT_IN, SELECT_EXISTS, SELECT_NOT_EXISTS };
struct requirement {
	char *key;
	enum selector_op op;
	struct strv values; /* "=" and "==" are SELECT_IN with one, "!=" is SELECT_NOT_IN */
};
struct selector {
	struct requirement *v;
	size_t n;
};
/*
 * Requirements, comma-separated, all of which must hold: KEY=VALUE, KEY==VALUE, KEY!=VALUE, KEY in
 * (A,B), KEY notin (A,B), KEY, !KEY. != and notin hold too where there is no such label. Nothing at
 * all selects everything. The error points at the place.
 */
int selector_parse(const char *text, struct selector *out, struct err *e);
bool selector_matches(const struct selector *s, const struct strmap *labels);
void selector_free(struct selector *s);
OWNED_STRUCT(selector, struct selector, selector_free)

#endif
