/* SPDX-License-Identifier: GPL-2.0-or-later */
/* common.h - what several groups' commands share. */
#ifndef CADDIS_CMD_COMMON_H
#define CADDIS_CMD_COMMON_H

#include <json-c/json.h>

#include "cli.h"
#include "spec/field.h"

/* {"k": "v", …} */
struct json_object *json_of_map(const struct strmap *m);
struct json_object *json_of_list(const struct strv *l);
/* RFC 3339, or nothing for 0. */
void json_add_time(struct json_object *o, const char *key, int64_t ns);
void json_add_str(struct json_object *o, const char *key, const char *value); /* NULL: "" */
/* Pretty, with a newline, on stdout. */
void json_put(struct json_object *j);

/* "--selector": K=V, K, !K, K!=V, comma-separated. Is it satisfied? -1 with *e when it does not
 * parse. */
int selector_match(const char *selector, const struct strmap *labels, struct err *e);

/* Option values to CRI's optional integers; the name is for the error. */
int size_option(const char *name, const char *value, struct optint *out, struct err *e);
/* "--cpus 1.5": quota and period in microseconds. */
int cpus_option(const char *name, const char *value, struct optint *quota, struct optint *period,
		struct err *e);
int duration_option(const char *name, const struct optint *seconds, int64_t otherwise, int64_t *ns,
		    struct err *e);

#endif
