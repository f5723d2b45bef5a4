/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registries.h - mirrors, insecure and blocked registries: the tables [[registry]] and
 * [[registry.mirror]] of containers-registries.conf(5), in $CONTAINERS_REGISTRIES_CONF, else
 * /etc/caddis/registries.conf, else /etc/containers/registries.conf, and then in the files *.conf
 * of the directory of that name with ".d" behind. caddis-image(1) says what is read of it.
 */
#ifndef CADDIS_IMAGE_REGISTRIES_H
#define CADDIS_IMAGE_REGISTRIES_H

#include <stdbool.h>

#include "image/ref.h"

struct registry_place {
	char *domain, *path; /* as a reference names the repository there */
	bool insecure, mirror;
};
struct registry_places {
	struct registry_place *v;
	size_t n;
};
void registry_places_free(struct registry_places *p);
OWNED_STRUCT(registry_places, struct registry_places, registry_places_free)
/*
 * Where to ask for ref, in this order: its mirrors, then the registry itself, which always is the
 * last. No file is no error. ERR_DENIED: the registry is blocked.
 */
int registries_find(const struct ref *ref, struct registry_places *out, struct err *e);

#endif
