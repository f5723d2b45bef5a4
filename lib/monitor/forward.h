/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward.h - TCP connections to a port of ours, made again to a port inside another network namespace. */
#ifndef CADDIS_MONITOR_FORWARD_H
#define CADDIS_MONITOR_FORWARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct forward_port {
	const char *address; /* IPv4 or IPv6; NULL: 127.0.0.1, and ::1 where there is one */
	uint16_t ours;	     /* 0: any; then set to what it became */
	uint16_t theirs;     /* on the namespace's loopback */
};
struct forward {
	struct forward_port *ports;
	size_t n;
	int netns; /* -1: ours */
	/* All ports listen. */
	void (*ready)(const struct forward *f);
	/* A connection could not be made inside: told, and closed. */
	void (*refused)(const struct forward *f, const struct forward_port *p, int err);
};
/*
 * Serves any number of connections at once, each at the speed of its ends, both directions ending by themselves, until
 * SIGINT, SIGTERM or SIGHUP: 0. -1: a port cannot be listened at, and none is.
 */
int forward_run(struct forward *f, struct err *e);

#endif
