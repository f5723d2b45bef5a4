/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json from a file of somebody's, checked whole. */
#include "spec/oci.h"

#include <sys/stat.h>

#include "base/fd.h"
#include "base/json.h"

#define OCI_MAX_BYTES ((size_t)16 << 20)

static int read_text(int fd, const char *what, struct buf *text, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "%.200s", what);
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "%.200s is a directory", what);
	for (;;) {
		ssize_t n;

		buf_reserve(text, 65536);
		n = read_full(fd, text->s + text->len, 65536);
		if (n < 0)
			return err_sys(e, "read %.200s", what);
		text->len += (size_t)n;
		text->s[text->len] = '\0';
		if (n == 0)
			return 0;
		if (text->len > OCI_MAX_BYTES)
			return err_set(e, ERR_USAGE, "%.200s: larger than %zu bytes", what,
				       OCI_MAX_BYTES);
	}
}

static int load(int fd, const char *what, const struct field_table *t, void *out, struct err *e)
{
	own(buf) struct buf text = { 0 };
	own(json) struct json_object *j = NULL;

	if (read_text(fd, what, &text, e) < 0)
		return -1;
	j = json_parse(what, text.s ? text.s : "", text.len, e);
	if (!j) {
		e->kind = ERR_USAGE;
		return -1;
	}
	return fields_read(t, what, j, out, e);
}

static void make_absolute(char **path, const char *bundle)
{
	own(str) char *old = *path;

	*path = NULL;
	if (str_some(old) && old[0] != '/')
		*path = str_fmt("%s/%s", bundle, old);
	else
		*path = ptr_steal(old);
}

static bool is_bind(const struct oci_mount *m)
{
	return str_eq(m->type, "bind") || strv_has(&m->options, "bind") ||
	       strv_has(&m->options, "rbind");
}

int oci_spec_load(int fd, const char *what, const char *bundle, struct oci_spec *out,
		  struct strv *warnings, struct err *e)
{
	struct oci_mount *m;

	if (load(fd, what, &oci_spec_table, out, e) < 0)
		return -1;
	if (oci_spec_check(out, warnings, e) < 0) {
		oci_spec_free(out);
		return err_in(e, "%.200s", what);
	}
	make_absolute(&out->root.path, bundle);
	m = out->mounts.v;
	for (size_t i = 0; i < out->mounts.n; i++)
		if (is_bind(&m[i]))
			make_absolute(&m[i].source, bundle);
	return 0;
}

int oci_process_load(int fd, const char *what, struct oci_process *out, struct strv *warnings,
		     struct err *e)
{
	if (load(fd, what, &oci_process_table, out, e) < 0)
		return -1;
	if (oci_process_check(out, warnings, e) < 0) {
		fields_free(&oci_process_table, out);
		return err_in(e, "%.200s", what);
	}
	return 0;
}

int oci_resources_load(int fd, const char *what, struct oci_resources *out, struct err *e)
{
	if (load(fd, what, &oci_resources_table, out, e) < 0)
		return -1;
	if (oci_resources_check(out, e) < 0) {
		fields_free(&oci_resources_table, out);
		return err_in(e, "%.200s", what);
	}
	return 0;
}
