/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <errno.h>

#include "unit.h"

TEST(an_error_grows_context_in_front_and_a_hint_behind)
{
	struct err e;

	errno = ENOENT;
	same_int(err_sys(&e, "open %s", "x"), -1);
	same_int(err_in(&e, "sandbox %s", "web"), -1);
	same_int(err_hint(&e, "create it"), -1);
	same_str(e.msg, "sandbox web: open x: No such file or directory; create it");
	same_int(e.kind, ERR_NOT_FOUND);
	same_int(e.sys, ENOENT);
}

TEST(a_message_too_long_is_cut_and_stays_a_string)
{
	struct err e;

	err_set(&e, ERR_FAIL, "%0600d", 1);
	same_int(strlen(e.msg), sizeof(e.msg) - 1);
	err_in(&e, "front");
	err_hint(&e, "behind");
	same_int(strlen(e.msg), sizeof(e.msg) - 1);
	ok(strncmp(e.msg, "front: 0000", 11) == 0, "%s", e.msg);
	err_set(&e, ERR_FAIL, "%0501d", 1);
	err_hint(&e, "behind");
	ok(strlen(e.msg) < sizeof(e.msg), "no end");
	errno = EIO;
	err_sys(&e, "%0600d", 1);
	same_int(strlen(e.msg), sizeof(e.msg) - 1);
}

TEST(one_error_is_one_atomic_write)
{
	same_int(sizeof(struct err), 512);
}

TEST(exit_codes_tell_usage_and_the_commands_own_trouble)
{
	struct err e;

	err_set(&e, ERR_USAGE, "x");
	same_int(err_exit_code(&e), 2);
	same_int(err_exit_code_run(&e), 125);
	err_set(&e, ERR_NOEXEC, "x");
	same_int(err_exit_code(&e), 1);
	same_int(err_exit_code_run(&e), 126);
	err_set(&e, ERR_NOCOMMAND, "x");
	same_int(err_exit_code_run(&e), 127);
}

int main(void)
{
	return unit_run();
}
