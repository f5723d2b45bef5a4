/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect.h"

#include <stdio.h>

#include "base/json.h"
#include "common.h"

// clang-format off
const struct opt inspect_opts[] = {
	INSPECT_OPTS(struct inspect_args, ),
	OPT_END,
};
// clang-format on

/* A text as it is, for scripts; made printable for a terminal. */
static void put_text(const char *s)
{
	own(str) char *shown = isatty(STDOUT_FILENO) ? str_printable(s, strlen(s)) : xstrdup(s);

	puts(shown);
}

static int put_field(const struct inspect_args *a, struct json_object *j, bool yaml, struct err *e)
{
	struct json_object *v;

	if (json_path_find(j, a->field, &v, e) < 0)
		return -1;
	if (json_object_is_type(v, json_type_object) || json_object_is_type(v, json_type_array))
		value_put(v, yaml);
	else
		put_text(v ? json_object_get_string(v) : "");
	return 0;
}

int inspect_each(struct cli *cli, const struct inspect_args *a, char **operands, size_t n,
		 struct json_object *(*get)(struct cli *cli, const char *operand, struct err *e))
{
	own(json) struct json_object *all = json_object_new_array();
	struct err e;
	int status = 0;
	bool yaml;

	if (output_option(a->output, &yaml, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < n; i++) {
		struct json_object *j = get(cli, operands[i], &e);

		if (!j) {
			status = cli_error(cli, &e);
			continue;
		}
		json_object_array_add(all, j);
		if (a->field && put_field(a, j, yaml, &e) < 0)
			status = cli_error(cli, &e);
	}
	if (!a->field && (json_object_array_length(all) || n > 1))
		value_put(all, yaml);
	return cli_done(cli, status);
}
