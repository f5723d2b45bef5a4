/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.h - what sandboxes and containers use right now. */
#ifndef CADDIS_POD_STATS_H
#define CADDIS_POD_STATS_H

#include "executor/cgroup.h"
#include "pod/container.h"

struct usage {
	int64_t at;		 /* monotonic ns, to compare two of them */
	struct cgroup_stats own; /* -1: not known, or no limit; all -1 where nothing runs */
	int64_t rx, tx;		 /* bytes through the sandbox's interfaces but lo; -1: the host's, or none */
};
/* Of all its containers together. What is not there (any more) counts as using nothing. */
int usage_of_sandbox(struct store *s, const struct sandbox *sb, struct usage *out, struct err *e);
int usage_of_container(struct store *s, const struct container *c, struct usage *out,
		       struct err *e);
/* CPU time between two looks, in hundredths of a percent of one CPU; -1: not known. */
int64_t usage_cpu_percent(const struct usage *before, const struct usage *now);

#endif
