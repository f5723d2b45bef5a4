/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cap_name.h - the capabilities of linux/capability.h by name. */
#ifndef CADDIS_SPEC_CAP_NAME_H
#define CADDIS_SPEC_CAP_NAME_H

int cap_number(const char *name); /* "CAP_KILL" or "KILL", in any case of letters; -1: none such */
const char *cap_name(int n);	  /* without "CAP_"; NULL: none such */

#endif
