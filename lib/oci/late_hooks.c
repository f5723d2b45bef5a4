/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/late_hooks.h"

#include "executor/hooks.h"

int oci_poststart(const struct oci_entry *x, const struct oci_spec *s, struct err *e)
{
	own(str) char *state = NULL;

	if (s->hooks.poststart.n == 0)
		return 0;
	state = hooks_state(s, x->rec.id, x->rec.bundle, "running", (pid_t)x->rec.pid);
	return hooks_run("poststart", &s->hooks.poststart, state, e);
}

void oci_poststop(struct oci_home *h, const char *id, const char *bundle, const struct oci_spec *s)
{
	struct oci_hook *hooks = s->hooks.poststop.v;
	own(str) char *state = NULL;

	if (s->hooks.poststop.n == 0)
		return;
	state = hooks_state(s, id, bundle, "stopped", 0);
	for (size_t i = 0; i < s->hooks.poststop.n; i++) {
		struct objlist one = { .v = &hooks[i], .n = 1 };
		struct err e;

		if (hooks_run("poststop", &one, state, &e) < 0)
			strv_add(&h->warnings, e.msg);
	}
}
