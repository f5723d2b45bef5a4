/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Manifests, indexes and configurations: what parses has only valid digests and sizes. */
#include "fuzz.h"

#include "image/config.h"
#include "image/manifest.h"

static void check_descriptor(const struct descriptor *d)
{
	HOLDS(digest_valid(d->digest) && d->size >= 0 && d->media_type);
}

static void check_manifest(const char *text, size_t size, const char *type)
{
	own(manifest) struct manifest m = { 0 };
	own(image) struct image i = { 0 };
	struct platform want;
	struct err e;

	if (manifest_parse(text, size, type, &m, &e) < 0)
		return;
	for (size_t k = 0; k < m.n; k++)
		check_descriptor(&m.entries[k]);
	if (m.index) {
		HOLDS(platform_parse("linux/amd64", &want, &e) == 0);
		manifest_choose(&m, &want, &e);
	} else {
		check_descriptor(&m.config);
		HOLDS(config_parse_for(&m, text, size, &i, &e) < 0 || i.layers.n == m.n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data; /* without a NUL behind */
	own(image) struct image i = { 0 };
	struct err e;

	check_manifest(text, size, NULL);
	check_manifest(text, size, MEDIA_OCI_MANIFEST);
	check_manifest(text, size, MEDIA_OCI_INDEX);
	if (config_parse(text, size, &i, &e) == 0)
		for (size_t k = 0; k < i.layers.n; k++)
			HOLDS(digest_valid(i.layers.v[k]));
	return 0;
}
