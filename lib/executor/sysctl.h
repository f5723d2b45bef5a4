/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CADDIS_EXECUTOR_SYSCTL_H
#define CADDIS_EXECUTOR_SYSCTL_H

#include "base/err.h"

/* Is key a sysctl of one of these namespaces (CLONE_NEW* that are not the host's), and value a
 * single one? */
int sysctl_check(const char *key, const char *value, unsigned namespaces, struct err *e);

#endif
