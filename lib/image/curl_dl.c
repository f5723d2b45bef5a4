/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/curl_dl.h"

#include <pthread.h>

#define CURL_SYMBOL(fn) { #fn, offsetof(struct curl_api, fn) },
static const struct dl_symbol symbols[] = { CURL_FUNCTIONS(CURL_SYMBOL) };
struct curl_api curl;

int curl_load(struct err *e)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static bool loaded;
	int ret = 0;

	pthread_mutex_lock(&mutex);
	if (!loaded) {
		ret = dl_load("libcurl.so.4", "libcurl4", symbols, ARRAY_LEN(symbols), &curl, e);
		if (ret == 0 && curl.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
			ret = err_set(e, ERR_FAIL, "libcurl cannot be initialised");
		loaded = ret == 0;
	}
	pthread_mutex_unlock(&mutex);
	return ret;
}
