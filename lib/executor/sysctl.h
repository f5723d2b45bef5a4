/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl.h - kernel settings that belong to a namespace, and those only. */
#ifndef CADDIS_EXECUTOR_SYSCTL_H
#define CADDIS_EXECUTOR_SYSCTL_H

#include "base/err.h"

#include "base/str.h"

/*
 * Is key a sysctl of one of these namespaces (CLONE_NEW* that are not the host's), and value a
 * single one? Keys are written with dots; '/', "..", and what several values could hide behind
 * ('+', '=', '|', a newline: CVE-2022-0811) are refused.
 */
int sysctl_check(const char *key, const char *value, unsigned namespaces, struct err *e);
/* Sets them in the namespaces that are pinned in the directory pins (ns_pin()). */
int sysctl_set_pinned(int pins, const struct strmap *sysctls, struct err *e);

#endif
