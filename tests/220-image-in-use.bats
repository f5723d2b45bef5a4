#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Images that containers use.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
	run_ok ctr create --name a web busybox sleep 100
}

layer_count() {
	find "$CADDIS_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l
}

@test "an image that a container uses is not removed, and the error names the container" {
	run_fails 1 image rm busybox
	assert_error "image busybox: in use by container "
	run_ok image ls -o name
	assert_output docker.io/library/busybox:latest
	[ "$(layer_count)" -eq 1 ]
}

@test "rm -f takes the name of an image in use, and the container still starts" {
	local id

	id=$("$CADDIS" image ls -q)
	run_ok image rm -f busybox
	assert_output "untagged: docker.io/library/busybox:latest"
	run_ok image ls -q
	assert_output "$id"
	run_ok ctr start web/a
	run_ok ctr rm -f web/a
	run_ok image rm "$id"
	assert_output "deleted: $id"
	[ "$(layer_count)" -eq 0 ]
}

@test "an image whose layers another image in use has is removed, the layers stay" {
	run_ok image inspect busybox
	run_ok image import --cmd other "$BATS_FILE_TMPDIR/busybox-rootfs" other
	run_ok image rm other
	assert_output_has "deleted: sha256:"
	[ "$(layer_count)" -ge 1 ]
	run_ok ctr start web/a
}

@test "a name of an image in use goes while it has another one" {
	run_ok image tag busybox second
	run_ok image rm busybox
	assert_output "untagged: docker.io/library/busybox:latest"
	run_ok image rm -f second
	run_ok ctr start web/a
}
