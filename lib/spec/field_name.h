/* SPDX-License-Identifier: GPL-2.0-or-later */
/* field_name.h - a table's fields by the names that files give them. */
#ifndef CADDIS_SPEC_FIELD_NAME_H
#define CADDIS_SPEC_FIELD_NAME_H

#include "spec/field.h"

/* By its name; with FIELDS_ANY_CASE also in camelCase, or in whatever case. NULL: none. */
const struct field *field_find(const struct field_table *t, const char *key);
/* The name that key may be a slip of; NULL when none is near. */
const char *field_closest(const struct field_table *t, const char *key);

#endif
