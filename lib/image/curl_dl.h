/* SPDX-License-Identifier: GPL-2.0-or-later */
/* curl_dl.h - libcurl, opened at the first request. */
#ifndef CADDIS_IMAGE_CURL_DL_H
#define CADDIS_IMAGE_CURL_DL_H

#define CURL_DISABLE_TYPECHECK /* its macros cannot go through a pointer */
#include <curl/curl.h>

#include "base/dl.h"

#define CURL_FUNCTIONS(X)                                                                          \
	X(curl_global_init)                                                                        \
	X(curl_easy_init)                                                                          \
	X(curl_easy_setopt)                                                                        \
	X(curl_easy_perform)                                                                       \
	X(curl_easy_getinfo)                                                                       \
	X(curl_easy_reset)                                                                         \
	X(curl_easy_strerror)                                                                      \
	X(curl_easy_cleanup)                                                                       \
	X(curl_slist_append)                                                                       \
	X(curl_slist_free_all)                                                                     \
	X(curl_url) X(curl_url_set) X(curl_url_get) X(curl_url_cleanup) X(curl_free)

struct curl_api {
	CURL_FUNCTIONS(DL_MEMBER)
};
extern struct curl_api curl;
/* Thread-safe, cheap when loaded. */
int curl_load(struct err *e);

#endif
