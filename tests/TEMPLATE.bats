#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Copy to NNN-topic.bats. A test's name is a sentence that could be false; a test that is skipped or
# cannot fail is no test. Each one gets fresh roots, and fails when it leaves anything behind.

load helpers

@test "the version is printed to standard output, and nothing else is" {
	run_ok version
	assert_output "caddis $(sed -n 's/^VERSION := //p' "$BATS_TEST_DIRNAME/../Makefile")"
	assert_no_error
}
