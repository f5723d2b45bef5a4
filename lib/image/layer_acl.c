/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer_acl.h"

#include <archive_entry.h>
#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

static const struct {
	int archive;
	uint16_t kernel;
	bool named;
} tags[] = {
	{ ARCHIVE_ENTRY_ACL_USER_OBJ, ACL_USER_OBJ, false },
	{ ARCHIVE_ENTRY_ACL_USER, ACL_USER, true },
	{ ARCHIVE_ENTRY_ACL_GROUP_OBJ, ACL_GROUP_OBJ, false },
	{ ARCHIVE_ENTRY_ACL_GROUP, ACL_GROUP, true },
	{ ARCHIVE_ENTRY_ACL_MASK, ACL_MASK, false },
	{ ARCHIVE_ENTRY_ACL_OTHER, ACL_OTHER, false },
};

static const struct {
	int archive;
	uint16_t kernel;
} perms[] = {
	{ ARCHIVE_ENTRY_ACL_READ, ACL_READ },
	{ ARCHIVE_ENTRY_ACL_WRITE, ACL_WRITE },
	{ ARCHIVE_ENTRY_ACL_EXECUTE, ACL_EXECUTE },
};

int acl_add(struct acl *a, int tag, int permset, int id, const char *name, struct err *e)
{
	struct acl_item item = { .id = (uint32_t)ACL_UNDEFINED_ID };

	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (tags[i].archive != tag)
			continue;
		item.tag = tags[i].kernel;
		if (tags[i].named && id < 0) {
			own(str) char *shown =
				str_printable(name ? name : "", name ? strlen(name) : 0);

			return err_set(e, ERR_CORRUPT, "an ACL entry for \"%.64s\" has no number",
				       shown);
		}
		if (tags[i].named)
			item.id = (uint32_t)id;
	}
	if (!item.tag)
		return err_set(e, ERR_CORRUPT, "an ACL entry of an unknown kind");
	for (size_t i = 0; i < ARRAY_LEN(perms); i++)
		item.perm |= (permset & perms[i].archive) ? perms[i].kernel : 0;
	if (a->n == ACL_MAX)
		return err_set(e, ERR_CORRUPT, "an ACL with more than %d entries", ACL_MAX);
	a->v[a->n++] = item;
	return 0;
}

static int compare(const void *x, const void *y)
{
	const struct acl_item *a = x, *b = y;

	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

void acl_print(struct acl *a, struct buf *out)
{
	struct posix_acl_xattr_header header = { .a_version = htole32(POSIX_ACL_XATTR_VERSION) };

	qsort(a->v, a->n, sizeof(a->v[0]), compare);
	out->len = 0;
	buf_addn(out, &header, sizeof(header));
	for (size_t i = 0; i < a->n; i++) {
		struct posix_acl_xattr_entry x = {
			.e_tag = htole16(a->v[i].tag),
			.e_perm = htole16(a->v[i].perm),
			.e_id = htole32(a->v[i].id),
		};

		buf_addn(out, &x, sizeof(x));
	}
}
