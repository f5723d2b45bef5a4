/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/view.h"

#include "base/fd.h"
#include "executor/executor.h"

/* upper, work: -1 for a read-only one. */
static int assemble(struct store *s, const struct strv *layers, int upper, int work, struct err *e)
{
	struct executor_rootfs r = { .upper = upper, .work = work };
	int *lower = xcalloc(layers->n + 1, sizeof(*lower));
	int mount = -1;

	while (r.nlower < layers->n) {
		lower[r.nlower] = image_layer_open(s, layers->v[r.nlower], e);
		if (lower[r.nlower] < 0)
			break;
		r.nlower++;
	}
	r.lower = lower;
	if (layers->n == 0)
		err_set(e, ERR_STATE, "it has no layers");
	else if (r.nlower == layers->n)
		mount = rootfs_overlay(&r, e);
	for (size_t i = 0; i < r.nlower; i++)
		close(lower[i]);
	free(lower);
	return mount;
}

int view_image(struct store *s, const struct image *i, struct err *e)
{
	return assemble(s, &i->layers, -1, -1, e);
}
