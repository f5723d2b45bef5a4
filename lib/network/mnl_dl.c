/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/mnl_dl.h"

#include <stdbool.h>

#define MNL_SYMBOL(fn) DL_SYMBOL(struct mnl_api, fn)
static const struct dl_symbol symbols[] = { MNL_FUNCTIONS(MNL_SYMBOL) };
struct mnl_api mnl;

int mnl_load(struct err *e)
{
	static bool loaded;

	if (!loaded && dl_load("libmnl.so.0", "libmnl0", symbols, ARRAY_LEN(symbols), &mnl, e) < 0)
		return -1;
	loaded = true;
	return 0;
}
