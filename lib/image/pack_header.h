/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack_header.h - the header of one tar entry: ustar, with PAX records for what does not fit in
 * there. */
#ifndef CADDIS_IMAGE_PACK_HEADER_H
#define CADDIS_IMAGE_PACK_HEADER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "image/pack_sparse.h"

#define TAR_BLOCK 512

struct pack_entry {
	const char *name; /* a directory's ends with a slash */
	const char *link; /* target of a symlink or hard link, else NULL */
	char type; /* '0' file, '1' hard link, '2' symlink, '3' '4' devices, '5' directory, '6' FIFO
		    */
	mode_t mode;
	uint32_t uid, gid, major, minor;
	int64_t size; /* of a file */
	int64_t mtime;
	uint32_t mtime_ns;
	const struct sparse *sparse; /* of a file: its holes are told; NULL: they are not */
};

/* One PAX record, "LENGTH KEY=VALUE\n", added to b. The value may hold any bytes. */
void pack_record(struct buf *b, const char *key, const void *value, size_t n);
/* Adds the entry's header to out, after records (which may be empty and gains what else it needs).
 */
void pack_header(struct buf *out, const struct pack_entry *entry, struct buf *records);
/* NULs up to the next block after n bytes of data. */
void pack_padding(struct buf *out, int64_t n);

#endif
