/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container_ns.h - which namespaces a container gets: its own, its sandbox's, another container's. */
#ifndef CADDIS_POD_CONTAINER_NS_H
#define CADDIS_POD_CONTAINER_NS_H

#include "pod/container.h"

/* Adds them to the spec. ERR_USAGE when the sandbox lacks the one that is to be shared. */
int container_ns_spec(const struct store *s, const struct sandbox *sb,
		      const struct container_record *r, struct oci_spec *spec, struct err *e);
/* pid TARGET: makes target_id, a name or an ID, the ID of a container of this sandbox. */
int container_ns_resolve(struct store *s, const struct sandbox *sb, struct container_record *r,
			 struct err *e);
/*
 * At the start, pid TARGET: opens the pid namespace of that container, which must run, and puts its
 * path into the spec. *fd (-1: nothing was to do) stays open until the container was made.
 */
int container_ns_target(struct store *s, const struct container *c, struct oci_spec *spec, int *fd,
			struct err *e);

#endif
