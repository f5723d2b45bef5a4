/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci_check.h - what the files that check a configuration share. */
#ifndef CADDIS_SPEC_OCI_CHECK_H
#define CADDIS_SPEC_OCI_CHECK_H

#include "spec/oci.h"

bool oci_known(const char *const *names, const char *s); /* names end with NULL */
/* "expected one of A, B, found \"x\"" */
int oci_check_name(const char *const *names, const char *s, struct err *e);
int oci_check_names(const char *const *names, const struct strv *l, struct err *e);
/* The types of linux.seccomp's members; what they say is seccomp_compile()'s matter. */
int oci_seccomp_check(struct json_object *profile, struct err *e);

#endif
