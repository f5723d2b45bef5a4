/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dl.h - libraries opened at first use, so that a command pays only for what it uses.
 *
 * One file per library names its functions once, typed by the library's own header:
 *
 *     #define CURL_FUNCTIONS(X) X(curl_easy_init) X(curl_easy_perform)
 *     struct curl_api { CURL_FUNCTIONS(DL_MEMBER) };
 *     #define CURL_ROW(fn) DL_SYMBOL(struct curl_api, fn)
 *     static const struct dl_symbol symbols[] = { CURL_FUNCTIONS(CURL_ROW) };
 *
 * Never called after a namespace of a container was entered: the files would be the container's.
 */
#ifndef CADDIS_BASE_DL_H
#define CADDIS_BASE_DL_H

#include <stddef.h>

#include "base/err.h"

struct dl_symbol {
	const char *name;
	size_t offset;
};
#define DL_MEMBER(fn) __typeof__(fn) *fn;
#define DL_SYMBOL(api, fn) { #fn, offsetof(api, fn) },

/*
 * dlopen()s soname (RTLD_NOW | RTLD_LOCAL) and fills api. The error names the library and package:
 * the Debian package that brings it. Once per process; the library stays open.
 */
int dl_load(const char *soname, const char *package, const struct dl_symbol *symbols, size_t n,
	    void *api, struct err *e);

#endif
