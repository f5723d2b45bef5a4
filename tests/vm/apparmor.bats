#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# AppArmor profiles of containers, on a machine that has it; tests/vm/run makes one.

load ../helpers

setup() {
	[ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ] || fail "this is for a machine with AppArmor: tests/vm/run"
	caddis_setup
	test_image
	run_ok sandbox create --network none --privileged web
}

profile_of() {
	cat "/proc/$("$CADDIS" ctr inspect "$1" | jq -r '.[0].pid')/attr/current"
}

loaded() {
	grep -q "^$1 (enforce)" /sys/kernel/security/apparmor/profiles
}

mounts_as() { # OPTION...: what a mount with the right for it ends with
	run --separate-stderr "$CADDIS" ctr run --rm -s web --cap-add SYS_ADMIN --security-opt seccomp=unconfined "$@" busybox mount -t tmpfs x /tmp
}

@test "the default profile is loaded when it is missing, holds for command, exec and --init, and refuses mounts" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	[ "$(profile_of a)" = "caddis-default (enforce)" ]
	run_ok ctr exec a cat /proc/self/attr/current
	assert_output "caddis-default (enforce)"
	run_ok ctr run --rm -s web --init --no-new-privileges busybox sh -c 'cat /proc/1/attr/current /proc/self/attr/current; sleep 100 & kill $!; wait $!; echo $?'
	assert_output "caddis-default (enforce)
caddis-default (enforce)
143"
	run_ok ctr stop -t 0 a
	mounts_as
	[ "$status" -ne 0 ] && [[ $stderr == *"Permission denied"* ]] || fail "$status $stderr"
	mounts_as --security-opt apparmor=default
	[ "$status" -ne 0 ]
	mounts_as --security-opt apparmor=unconfined
	[ "$status" -eq 0 ] || fail "$stderr"
	# A reboot takes it away: so does this.
	run_ok ctr create --name b web busybox cat /proc/self/attr/current
	printf 'profile caddis-default { }' | apparmor_parser -R
	run ! loaded caddis-default
	run_ok ctr start -a b
	assert_output "caddis-default (enforce)"
	loaded caddis-default
}

@test "unconfined and privileged ones have none" {
	run_ok ctr run --rm -s web --security-opt apparmor=unconfined busybox cat /proc/self/attr/current
	assert_output unconfined
	run_ok ctr run --rm -s web --privileged busybox cat /proc/self/attr/current
	assert_output unconfined
}

@test "a profile of the host's is applied by option, by file and by the former field, one that is not loaded is an error" {
	printf 'profile caddis-test flags=(attach_disconnected) { file, network, capability, deny /etc/group r, }' | apparmor_parser -Kr
	printf 'image: {image: busybox}\nlinux: {security_context: {apparmor: {profile_type: Localhost, localhost_ref: caddis-test}}}' > "$TEST_DIR/new.yaml"
	printf 'image: {image: busybox}\nlinux: {security_context: {apparmor_profile: localhost/caddis-test}}' > "$TEST_DIR/old.yaml"
	for way in "--security-opt apparmor=caddis-test" "-f $TEST_DIR/new.yaml" "-f $TEST_DIR/old.yaml"; do
		# shellcheck disable=SC2086
		run --separate-stderr "$CADDIS" ctr run --rm -s web $way busybox sh -c 'cat /proc/self/attr/current; cat /etc/group'
		[ "$output" = "caddis-test (enforce)" ] || fail "$way: $output $stderr"
		[[ $stderr == *"Permission denied"* ]] || fail "$way: $stderr"
	done
	run_fails 125 ctr run -s web --name x --security-opt apparmor=nosuch busybox true
	assert_error "AppArmor profile 'nosuch' is not loaded"
	run_fails 1 ctr inspect x
	printf 'profile caddis-test { }' | apparmor_parser -R
}
