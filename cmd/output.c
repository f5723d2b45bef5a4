/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"

static int open_stdout(struct output *o, struct err *e)
{
	if (isatty(STDOUT_FILENO)) {
		err_set(e, ERR_USAGE, "standard output is a terminal");
		return err_hint(e, "redirect it, or name a file with --output");
	}
	o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return o->fd < 0 ? err_sys(e, "standard output") : 0;
}

int output_open(const char *path, struct output *out, struct err *e)
{
	own(output) struct output o = OUTPUT_NONE;
	mode_t mask;
	struct stat st;

	*out = o;
	if (!path || str_eq(path, "-")) {
		if (open_stdout(&o, e) < 0)
			return -1;
	} else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		o.fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (o.fd < 0)
			return err_sys(e, "%s", path);
	} else {
		o.path = xstrdup(path);
		o.temporary = str_fmt("%s.XXXXXX", path);
		o.fd = mkostemp(o.temporary, O_CLOEXEC);
		if (o.fd < 0) {
			free(o.temporary);
			o.temporary = NULL;
			return err_sys(e, "%s", path);
		}
		mask = umask(077);
		umask(mask);
		if (fchmod(o.fd, 0666 & ~mask) < 0)
			return err_sys(e, "%s", path);
	}
	*out = o;
	o = (struct output)OUTPUT_NONE;
	return 0;
}

int output_open_directory(const char *path, struct output *out, struct err *e)
{
	own(str) char *temporary = str_fmt("%s.XXXXXX", path);

	*out = (struct output)OUTPUT_NONE;
	if (!mkdtemp(temporary))
		return err_sys(e, "%s", path);
	out->path = xstrdup(path);
	out->temporary = ptr_steal(temporary);
	out->directory = true;
	out->fd = open(out->temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out->fd >= 0 && fchmod(out->fd, 0755) == 0)
		return 0;
	err_sys(e, "%s", path);
	output_close(out);
	return -1;
}

int output_commit(struct output *o, struct err *e)
{
	if (!o->temporary)
		return 0;
	if (rename(o->temporary, o->path) < 0)
		return err_sys(e, "%s", o->path);
	free(o->temporary);
	o->temporary = NULL;
	return 0;
}

void output_close(struct output *o)
{
	struct err ignored;

	if (o->temporary && o->directory)
		path_remove_tree(AT_FDCWD, o->temporary, &ignored);
	else if (o->temporary)
		unlink(o->temporary);
	fd_drop(&o->fd);
	free(o->path);
	free(o->temporary);
	*o = (struct output)OUTPUT_NONE;
}

int output_sink(void *ctx, const void *p, size_t n, struct err *e)
{
	const struct output *o = ctx;

	return write_all(o->fd, p, n) < 0
		       ? err_sys(e, "write %s", o->path ? o->path : "standard output")
		       : 0;
}
