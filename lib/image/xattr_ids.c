/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/xattr_ids.h"

#include <endian.h>
#include <linux/capability.h>

#include "spec/id_mapping.h"

/* include/uapi/linux/posix_acl_xattr.h, posix_acl.h: a version, then entries of eight bytes. */
#define ACL_HEADER 4
#define ACL_ENTRY 8
#define ACL_USER 0x02
#define ACL_GROUP 0x08

typedef int64_t id_map(const struct objlist *map, int64_t id);

static uint32_t get32(const struct buf *b, size_t at)
{
	uint32_t v;

	memcpy(&v, b->s + at, sizeof(v));
	return le32toh(v);
}

static void put32(struct buf *b, size_t at, uint32_t v)
{
	v = htole32(v);
	memcpy(b->s + at, &v, sizeof(v));
}

static void set_revision(struct buf *value, uint32_t revision)
{
	put32(value, 0, (get32(value, 0) & ~VFS_CAP_REVISION_MASK) | revision);
}

/* Revision 2 is of the initial user namespace, 3 of the one whose root it names. */
static bool map_capability(const struct ids *ids, id_map *map, struct buf *value)
{
	uint32_t revision = value->len < 4 ? 0 : get32(value, 0) & VFS_CAP_REVISION_MASK;
	bool named = revision == VFS_CAP_REVISION_3 && value->len == XATTR_CAPS_SZ_3;
	int64_t root;

	if (!named && !(revision == VFS_CAP_REVISION_2 && value->len == XATTR_CAPS_SZ_2))
		return true;
	root = map(ids->uids, named ? get32(value, XATTR_CAPS_SZ_2) : 0);
	if (root < 0)
		return false;
	if (!named)
		buf_addn(value, "\0\0\0", 4);
	put32(value, XATTR_CAPS_SZ_2, (uint32_t)root);
	set_revision(value, root ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2);
	if (root == 0)
		value->len = XATTR_CAPS_SZ_2;
	return true;
}

static bool map_acl(const struct ids *ids, id_map *map, struct buf *value)
{
	if (value->len < ACL_HEADER || (value->len - ACL_HEADER) % ACL_ENTRY)
		return true;
	for (size_t at = ACL_HEADER; at < value->len; at += ACL_ENTRY) {
		uint32_t tag = get32(value, at) & 0xffff;
		int64_t id;

		if (tag != ACL_USER && tag != ACL_GROUP)
			continue;
		id = map(tag == ACL_USER ? ids->uids : ids->gids, get32(value, at + 4));
		if (id < 0)
			return false;
		put32(value, at + 4, (uint32_t)id);
	}
	return true;
}

static bool map_value(const struct ids *ids, id_map *map, const char *name, struct buf *value)
{
	if (!ids->uids)
		return true;
	if (str_eq(name, "security.capability"))
		return map_capability(ids, map, value);
	if (str_starts(name, "system.posix_acl_"))
		return map_acl(ids, map, value);
	return true;
}

bool xattr_ids_inside(const struct ids *ids, const char *name, struct buf *value)
{
	return map_value(ids, idmap_inside, name, value);
}

bool xattr_ids_to_host(const struct ids *ids, const char *name, struct buf *value)
{
	return map_value(ids, idmap_to_host, name, value);
}
