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

/* "--output": json (also NULL) or yaml. -1 for anything else; *yaml otherwise. */
int output_option(const char *output, bool *yaml, struct err *e);
void value_put(struct json_object *j, bool yaml); /* on stdout, pretty */
/* What --print-config prints. */
int config_print(const struct field_table *t, const void *config, const char *output,
		 struct err *e);

/* Options win over a file: one that was not given changes nothing, a list replaces the list, maps
 * are merged by key. */
void option_win(char **field, const char *given);
void option_win_bool(bool *field, const struct optint *given);
void option_win_list(struct strv *field, const struct strv *given);
void option_win_map(struct strmap *field, const struct strmap *given);

/* Option values to CRI's optional integers; the name is for the error. */
int size_option(const char *name, const char *value, struct optint *out, struct err *e);
/* "--cpus 1.5": quota and period in microseconds. */
int cpus_option(const char *name, const char *value, struct optint *quota, struct optint *period,
		struct err *e);
/*
 * Kubernetes' quantities (base/quantity.h) as limits; "max" is none (-1). Refused: what is no
 * quantity, negative, less than a byte ("64m" is 0.064 bytes), less than 10m of a CPU, which is the
 * least that the kernel takes.
 */
int memory_quantity_option(const char *name, const char *value, struct optint *out, struct err *e);
int cpu_quantity_option(const char *name, const char *value, struct optint *quota,
			struct optint *period, struct err *e);
int duration_option(const char *name, const struct optint *seconds, int64_t otherwise, int64_t *ns,
		    struct err *e);
/* A point in time, or how long ago ("10m"): ns since 1970. NULL: nothing. */
int time_option(const char *name, const char *text, int64_t *ns, struct err *e);

#endif
