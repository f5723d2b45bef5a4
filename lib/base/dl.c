/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/dl.h"

#include <dlfcn.h>
#include <string.h>

int dl_load(const char *soname, const char *package, const struct dl_symbol *symbols, size_t n,
	    void *api, struct err *e)
{
	void *lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	if (!lib) {
		const char *why = dlerror();

		err_set(e, ERR_FAIL, "cannot load the library %s: %s", soname,
			why ? why : "unknown error");
		return err_hint(e, "the package %s brings it", package);
	}
	for (size_t i = 0; i < n; i++) {
		void *fn = dlsym(lib, symbols[i].name);

		if (!fn) {
			err_set(e, ERR_FAIL, "the library %s lacks %s", soname, symbols[i].name);
			err_hint(e, "install a newer version of the package %s", package);
			dlclose(lib);
			return -1;
		}
		/* POSIX wants this way round from a data pointer to a function's. */
		memcpy((char *)api + symbols[i].offset, &fn, sizeof(fn));
	}
	return 0;
}
