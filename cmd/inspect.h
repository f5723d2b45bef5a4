/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inspect.h - what the inspect verbs of all groups share. */
#ifndef CADDIS_CMD_INSPECT_H
#define CADDIS_CMD_INSPECT_H

#include <json-c/json.h>

#include "cli.h"

struct inspect_args {
	const char *output; /* json (default), yaml */
	const char *field;  /* ".network.ips[0]": this one, of each object */
};
// clang-format off
#define INSPECT_OPTS(struct_, member)                                                              \
	OPT('o', "output", "FORMAT", OPT_STR, struct_, member output, "output format: json or yaml", "json|yaml"), \
	OPT(0, "field", "PATH", OPT_STR, struct_, member field, "only this field of each, as text, e.g. .network.ips[0]")
// clang-format on
extern const struct opt inspect_opts[]; /* these alone, for a struct inspect_args */

/* Prints what get() makes of each operand, the caller's: a list, or a field per line. Ends with
 * cli_done(). */
int inspect_each(struct cli *cli, const struct inspect_args *a, char **operands, size_t n,
		 struct json_object *(*get)(struct cli *cli, const char *operand, struct err *e));

#endif
