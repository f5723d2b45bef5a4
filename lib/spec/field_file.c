/* SPDX-License-Identifier: GPL-2.0-or-later */
/* field_file.c - structs from files that a person wrote. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/yaml.h"
#include "spec/field.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)

/* All of fd: a pipe as well as a file. */
static int read_whole(int fd, const char *what, struct buf *text, struct err *e)
{
	ssize_t n;

	buf_reserve(text, FILE_MAX_BYTES + 1);
	n = read_full(fd, text->s, FILE_MAX_BYTES + 1);
	if (n < 0)
		return err_sys(e, "read %.200s", what);
	if ((size_t)n > FILE_MAX_BYTES)
		return err_set(e, ERR_USAGE, "%.200s: larger than %zu bytes", what, FILE_MAX_BYTES);
	text->len = (size_t)n;
	text->s[n] = '\0';
	return 0;
}

int fields_read_file(const struct field_table *t, const char *path, void *out, struct err *e)
{
	bool standard = str_eq(path, "-");
	const char *what = standard ? "standard input" : path;
	own(fd) int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	own(buf) struct buf text = { 0 };
	own(json) struct json_object *j = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open %.200s", what);
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "%.200s is a directory", what);
	if (read_whole(fd, what, &text, e) < 0)
		return -1;
	j = yaml_parse(what, text.s, text.len, e);
	return j ? fields_read(t, what, j, out, e) : -1;
}
