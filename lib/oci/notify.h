/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.h - sd_notify(3) out of a container whose runtime was started with $NOTIFY_SOCKET, by systemd:
 * the container gets a socket of its own, and its word that it is ready is passed on, with the pid
 * that the host knows.
 */
#ifndef CADDIS_OCI_NOTIFY_H
#define CADDIS_OCI_NOTIFY_H

#include "oci/home.h"
#include "spec/oci.h"

/* Before the process is made: the directory for the socket, its mount, and the variable. Nothing
 * without host, the value of $NOTIFY_SOCKET. */
int oci_notify_prepare(struct oci_home *h, struct oci_entry *x, struct oci_spec *s,
		       const char *host, struct err *e);
/* Before the start: the socket; -1 without error: that container has none, or host is NULL. */
int oci_notify_listen(const struct oci_entry *x, const char *host, int *sock, struct err *e);
/* After it: waits until it says that it is ready, or ends, and passes that on. */
int oci_notify_wait(const struct oci_entry *x, int sock, const char *host, struct err *e);

#endif
