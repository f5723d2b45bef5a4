/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/id_mapping.h"

int64_t idmap_to_host(const struct objlist *map, int64_t id)
{
	const struct oci_id_mapping *m = map->v;

	for (size_t i = 0; i < map->n; i++)
		if (id >= m[i].container_id && id < m[i].container_id + m[i].size)
			return m[i].host_id + (id - m[i].container_id);
	return -1;
}

int64_t idmap_inside(const struct objlist *map, int64_t id)
{
	const struct oci_id_mapping *m = map->v;

	for (size_t i = 0; i < map->n; i++)
		if (id >= m[i].host_id && id < m[i].host_id + m[i].size)
			return m[i].container_id + (id - m[i].host_id);
	return -1;
}
