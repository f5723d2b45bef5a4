/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/pack_sparse.h"

#include <errno.h>
#include <unistd.h>

#include "image/pack_header.h"

#define PARTS_MAX 16384 /* readers hold the map in memory */

static void add(struct sparse *s, int64_t offset, int64_t size)
{
	s->v = xgrow(s->v, s->n, sizeof(*s->v));
	s->v[s->n++] = (struct sparse_part){ offset, size };
	s->data += size;
}

/* False: the file system cannot tell, or the file changes under us. */
static bool find_parts(int fd, int64_t size, struct sparse *s)
{
	int64_t at = 0;

	while (at < size) {
		int64_t data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0 && errno != ENXIO)
			return false;
		if (data < 0 || data >= size)
			break;
		hole = s->n == PARTS_MAX - 1 ? size : lseek(fd, data, SEEK_HOLE);
		if (hole <= data)
			return false;
		at = MIN(hole, size);
		add(s, data, at - data);
	}
	if (at < size)
		add(s, size, 0); /* as GNU tar does when the end is a hole */
	return true;
}

static void print(struct sparse *s)
{
	buf_addf(&s->text, "%zu\n", s->n);
	for (size_t i = 0; i < s->n; i++)
		buf_addf(&s->text, "%lld\n%lld\n", (long long)s->v[i].offset,
			 (long long)s->v[i].size);
	pack_padding(&s->text, (int64_t)s->text.len);
}

bool sparse_find(int fd, int64_t size, struct sparse *out)
{
	*out = (struct sparse){ 0 };
	if (!find_parts(fd, size, out) || out->data == size || lseek(fd, 0, SEEK_SET) < 0) {
		sparse_free(out);
		lseek(fd, 0, SEEK_SET);
		return false;
	}
	print(out);
	return true;
}

void sparse_free(struct sparse *s)
{
	free(s->v);
	buf_free(&s->text);
	*s = (struct sparse){ 0 };
}
