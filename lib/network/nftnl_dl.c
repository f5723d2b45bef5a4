/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/nftnl_dl.h"

#include <stdbool.h>

#define NFTNL_SYMBOL(fn) DL_SYMBOL(struct nftnl_api, fn)
static const struct dl_symbol symbols[] = { NFTNL_FUNCTIONS(NFTNL_SYMBOL) };
struct nftnl_api nftnl;

int nftnl_load(struct err *e)
{
	static bool loaded;

	if (!loaded &&
	    dl_load("libnftnl.so.11", "libnftnl11", symbols, ARRAY_LEN(symbols), &nftnl, e) < 0)
		return -1;
	loaded = true;
	return 0;
}
