#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# All or nothing at every step: system calls that fail, and processes that are killed, one at a time. Each test takes
# a sample with a start by chance, which a failure prints; tests/faults.py takes them all.

load helpers
load network

setup() {
	caddis_setup
	test_image
}

teardown() {
	remove_lan
	caddis_teardown
}

# faults MODE CASE OPTION...
faults() {
	env -u CADDIS_ROOT -u CADDIS_STATE TEST_DIR="$TEST_DIR" python3 "$BATS_TEST_DIRNAME/faults.py" "$@"
}

# sample MODE CASE EVERY
sample() {
	faults "$1" "$2" --every "$3" --start "$RANDOM" --seconds 4
}

@test "a sandbox create whose system calls fail tells it in one line and changes nothing" {
	sample error sandbox-port 9
	sample error sandbox-none 9
	sample error sandbox-userns 9
}

@test "a container create or run whose system calls fail tells it in one line and changes nothing" {
	sample error ctr-create 9
	sample error ctr-run 23
}

@test "a stop or an rm whose system calls fail is finished by the next one" {
	sample error sandbox-stop 17
	sample error sandbox-rm 17
	sample error ctr-rm 17
}

@test "what a killed command left is not listed, and the next one finds the way free" {
	sample kill sandbox-port 31
	sample kill ctr-run 41
	sample kill sandbox-update 17
	sample kill sandbox-rm 31
	sample kill ctr-rm 31
}

@test "a container that goes with its half-made sandbox is not listed" {
	faults kill ctr-run-alone --only renameat
}

@test "a sandbox of five that ignore SIGTERM stops in one grace period, and twice is a success" {
	run_ok sandbox create --network none web
	for k in 1 2 3 4 5; do
		run_ok ctr run -d -s web --name "c$k" busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done'
	done
	for k in 1 2 3 4 5; do
		wait_until 10 logged "c$k" ready
	done
	start=$SECONDS
	run_ok sandbox stop -t 4 web
	[ $((SECONDS - start)) -ge 3 ]
	[ $((SECONDS - start)) -lt 12 ] # one after the other: twenty
	for k in 1 2 3 4 5; do
		run_ok ctr inspect --field .exit_code "c$k"
		assert_output 137
	done
	run_ok sandbox stop web
	run_ok sandbox rm web
}

logged() {
	"$CADDIS" ctr logs "$1" | grep -q "$2"
}

@test "each container has its own grace period, also among others" {
	run_ok sandbox create --network none web
	run_ok ctr run -d -s web --name long --stop-timeout 60 busybox sh -c 'trap "sleep 3; exit 3" TERM; echo ready; sleep 1000 & wait'
	run_ok ctr run -d -s web --name short --stop-timeout 1 busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done'
	wait_until 10 logged long ready
	wait_until 10 logged short ready
	run_ok sandbox stop web
	run_ok ctr inspect --field .exit_code long
	assert_output 3
	run_ok ctr inspect --field .exit_code short
	assert_output 137
}

@test "a sandbox rm ends containers that run" {
	run_ok sandbox create -p 8080:80 web
	run_ok ctr run -d -s web busybox sh -c 'trap "" TERM; while :; do sleep 1; done'
	run_ok sandbox rm web
	run_ok ctr ls -aq
	assert_output ""
}

@test "after a reboot names, ports and addresses are free" {
	run_ok sandbox create -p 8080:80 --ip 10.128.0.77 web
	run_ok ctr create web --name app busybox true
	reboot
	ip link del caddis0
	nft flush ruleset
	run_ok sandbox inspect --field .state web
	assert_output NotReady
	run_ok sandbox create -p 8080:80 --ip 10.128.0.77 next
	run_ok sandbox rm web
	run_ok sandbox inspect --field .state next
	assert_output Ready
	serve next 80
	ask tcp 127.0.0.1 8080 | grep -q '^next '
	run_ok sandbox create web
	run_ok ctr ls -aq
	assert_output ""
}
