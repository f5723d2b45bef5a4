/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apparmor.h - AppArmor profiles of containers (apparmor.d(5)).
 *
 * The default one, "caddis-default", is ours: made here, and given to the kernel by apparmor_parser
 * when it is not there.
 */
#ifndef CADDIS_POD_APPARMOR_H
#define CADDIS_POD_APPARMOR_H

#include "spec/cri.h"
#include "spec/oci.h"

bool apparmor_on(void);
/*
 * Sets spec's profile. p NULL: nothing was asked for, and the default one is left out where AppArmor
 * is off or apparmor_parser is missing; RuntimeDefault is left out where AppArmor is off, and else
 * needs the parser. Localhost: one that the kernel has, else an error.
 */
int apparmor_choose(const struct cri_profile *p, struct oci_spec *spec, struct err *e);
/* Before a start: the kernel has the default profile, if that is spec's; a reboot takes it away. */
int apparmor_load(const struct oci_spec *spec, struct err *e);

#endif
