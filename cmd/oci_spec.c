/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis-oci spec, features. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/json.h"
#include "common.h"
#include "oci.h"
#include "oci/features.h"
#include "oci/template.h"

// clang-format off
const struct opt oci_spec_opts[] = {
	OPT('b', "bundle", "DIR", OPT_STR, struct oci_spec_args, bundle, "where it is written [the current directory]", "dir"),
	OPT('f', "file", "FILE", OPT_STR, struct oci_spec_args, file, "another name than config.json", "file"),
	OPT(0, "rootless", NULL, OPT_BOOL, struct oci_spec_args, rootless, "with a user namespace, for somebody who is not root"),
	OPT_END,
};
// clang-format on

static int write_spec(const struct oci_spec_args *a, struct err *e)
{
	own(oci_spec) struct oci_spec spec = { 0 };
	own(json) struct json_object *j = NULL;
	own(buf) struct buf text = { 0 };
	own(str) char *path =
		str_fmt("%s/%s", a->bundle ? a->bundle : ".", a->file ? a->file : "config.json");
	own(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0 && errno == EEXIST)
		return err_set(e, ERR_EXISTS, "%s exists: remove it first", path);
	if (fd < 0)
		return err_sys(e, "create %s", path);
	oci_template(a->rootless, &spec);
	j = fields_write(&oci_spec_table, &spec);
	json_print_pretty(j, &text);
	buf_addc(&text, '\n');
	if (write_all(fd, text.s, text.len) == 0)
		return 0;
	err_sys(e, "write %s", path);
	(void)unlink(path);
	return -1;
}

int oci_spec_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	struct err e;

	(void)operands;
	(void)n;
	return write_spec(args, &e) < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}

int oci_features_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	own(json) struct json_object *j = oci_features();

	(void)args;
	(void)operands;
	(void)n;
	json_put(j);
	return cli_done(cli, 0);
}
