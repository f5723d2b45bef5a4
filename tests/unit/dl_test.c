/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/dl.h"

#include <math.h>

#include "base/macros.h"
#include "unit.h"

#define MATH_FUNCTIONS(X) X(cos) X(sqrt)
#define MATH_ROW(fn) DL_SYMBOL(struct math_api, fn)

struct math_api {
	MATH_FUNCTIONS(DL_MEMBER)
};
static const struct dl_symbol symbols[] = { MATH_FUNCTIONS(MATH_ROW) };

TEST(the_functions_of_a_library_are_called_through_the_struct)
{
	struct math_api api = { 0 };
	struct err e = { 0 };

	ok(dl_load("libm.so.6", "libc6", symbols, ARRAY_LEN(symbols), &api, &e) == 0, "%s", e.msg);
	ok(api.sqrt && api.sqrt(49.0) > 6.9 && api.sqrt(49.0) < 7.1, "wrong function");
	ok(api.cos && api.cos(0.0) > 0.9, "wrong function");
}

TEST(a_library_that_is_missing_is_named_with_its_package)
{
	struct math_api api;
	struct err e = { 0 };

	ok(dl_load("libnothere.so.7", "libnothere7", symbols, ARRAY_LEN(symbols), &api, &e) < 0,
	   "loaded");
	ok(strstr(e.msg, "libnothere.so.7") && strstr(e.msg, "the package libnothere7 brings it"),
	   "%s", e.msg);
}

TEST(a_library_that_lacks_a_function_is_refused)
{
	static const struct dl_symbol wrong[] = { { "no_such_function", 0 } };
	struct math_api api;
	struct err e = { 0 };

	ok(dl_load("libm.so.6", "libc6", wrong, 1, &api, &e) < 0, "loaded");
	ok(strstr(e.msg, "libm.so.6 lacks no_such_function"), "%s", e.msg);
}

int main(void)
{
	return unit_run();
}
