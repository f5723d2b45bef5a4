#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

state() {
	"$CADDIS" ctr inspect "$1" | jq -r '.[0] | "\(.state) \(.exit_code) \(.reason) \(.restart_count)"'
}

in_state() {
	[ "$(state "$1")" = "$2" ]
}

runs() {
	"$CADDIS" ctr logs "$1" | grep -c run
}

at_least() {
	[ "$(runs "$1")" -ge "$2" ]
}

@test "on-failure:N starts it again N times, with back-off, and then gives up" {
	run_ok ctr run -d -s web --name a --restart on-failure:3 busybox sh -c 'echo run; exit 3'
	wait_until 10 in_state a "Exited 3 Error 3"
	# 0.1 + 0.2 + 0.4 s lie between the first and the last.
	run_ok ctr logs -t a
	[ "${#lines[@]}" -eq 4 ]
	first=$(date -d "${lines[0]%% *}" +%s%N)
	last=$(date -d "${lines[3]%% *}" +%s%N)
	[ $(((last - first) / 1000000)) -ge 700 ]
}

@test "on-failure does not start one again that ended well; no starts none" {
	run_ok ctr run -d -s web --name a --restart on-failure busybox sh -c 'echo run; exit 0'
	run_ok ctr run -d -s web --name b --restart no busybox sh -c 'echo run; exit 1'
	wait_until 5 in_state a "Exited 0 Completed 0"
	wait_until 5 in_state b "Exited 1 Error 0"
	sleep 0.3
	[ "$(runs a)" -eq 1 ] && [ "$(runs b)" -eq 1 ]
}

@test "always starts it again whatever it ended with, until a user stops it" {
	for policy in always unless-stopped; do
		run_ok ctr run -d -s web --name a --restart "$policy" busybox sh -c 'echo run; exit 0'
		wait_until 5 at_least a 3
		run_ok ctr stop a
		count=$(runs a)
		[[ $(state a) == "Exited 0 Completed "* ]]
		sleep 1
		[ "$(runs a)" -eq "$count" ]
		run_ok ctr rm a
	done
}

@test "one that runs, and is stopped or killed by a user, stays so" {
	for how in "stop -t 5" "kill" "kill -s TERM"; do
		run_ok ctr run -d -s web --name a --restart always busybox sh -c 'trap "exit 4" TERM; echo run; while :; do sleep 0.05; done'
		wait_until 5 at_least a 1
		# shellcheck disable=SC2086
		run_ok ctr $how a
		run_ok ctr wait a
		sleep 0.4
		[ "$(runs a)" -eq 1 ] || fail "after $how"
		run_ok ctr rm a
	done
}

@test "the monitor is kept from the OOM killer as far as it may be; what it starts, and starts again, is not" {
	run_ok ctr run -d -s web --name plain busybox sleep 1000
	bash -c "echo 300 > /proc/self/oom_score_adj; exec '$CADDIS' ctr run -d -s web --name a --restart always busybox sh -c 'echo run; sleep 1000'"
	monitor_score() {
		cat "/proc/$(awk '/^PPid:/ { print $2 }' "/proc/$(caddis ctr inspect --field pid a)/status")/oom_score_adj"
	}
	# Without CAP_SYS_RESOURCE it can only go back to 0.
	want=0
	[ $((0x$(awk '/^CapEff:/ { print $2 }' /proc/self/status) >> 24 & 1)) = 0 ] || want=-999
	protected() { [ "$(monitor_score)" = "$want" ]; }
	wait_until 5 protected
	[ "$(cat "/proc/$(caddis ctr inspect --field pid a)/oom_score_adj")" = 300 ]
	kill -9 "$(caddis ctr inspect --field pid a)"
	wait_until 5 at_least a 2
	wait_until 5 protected
	[ "$(cat "/proc/$(caddis ctr inspect --field pid a)/oom_score_adj")" = 300 ]
	[ "$(cat "/proc/$(caddis ctr inspect --field pid plain)/oom_score_adj")" = "$(cat /proc/self/oom_score_adj)" ]
	run_ok ctr rm -f a plain
}

@test "another signal of the user's does not end the policy" {
	run_ok ctr run -d -s web --name a --restart always busybox sh -c 'trap "exit 4" USR1; echo run; while :; do sleep 0.05; done'
	wait_until 5 at_least a 1
	run_ok ctr kill -s USR1 a
	wait_until 5 at_least a 2
	run_ok ctr rm -f a
}

@test "rm -f and sandbox rm end one that waits for its next start" {
	run_ok ctr run -d -s web --name a --restart always busybox sh -c 'echo run; exit 1'
	wait_until 10 at_least a 4
	run_ok ctr rm -f a
	run_ok ctr run -d -s web --name a --restart always busybox sh -c 'echo run; exit 1'
	wait_until 10 at_least a 4
	run_ok sandbox rm web
	run_ok ctr ls -aq
	assert_output ""
}

@test "a run in the foreground stays over its restarts and gives the last status" {
	run_fails 6 ctr run -s web --name a --restart on-failure:2 busybox sh -c 'echo run; exit 6'
	assert_output "run
run
run"
}

@test "update changes the policy of a running one" {
	run_ok ctr run -d -s web --name a busybox sh -c 'trap "exit 4" USR1; echo run; while :; do sleep 0.05; done'
	wait_until 5 at_least a 1
	run_ok ctr update --restart on-failure:1 a
	run_ok ctr kill -s USR1 a
	wait_until 5 at_least a 2
	run_ok ctr update --restart no a
	run_ok ctr kill -s USR1 a
	run_ok ctr wait a
	assert_output 4
	[ "$(state a)" = "Exited 4 Error 1" ]
}

@test "a policy that is none, and one with --rm, are errors" {
	for bad in sometimes on-failure:0 on-failure:x always:3 ""; do
		run_fails 125 ctr run -s web --restart "$bad" busybox true
		assert_error "--restart"
	done
	run_fails 125 ctr run --rm -s web --restart always busybox true
	run_fails 2 ctr update --restart sometimes nosuch
	run_ok ctr ls -aq
	assert_output ""
}

@test "restart stops a running one and starts it with the same files; also one that has ended" {
	run_ok ctr run -d -s web --name a busybox sh -c 'trap "exit 0" TERM; echo run >> /count; cat /count; while :; do sleep 0.05; done'
	wait_until 5 at_least a 1
	run_ok ctr restart a
	assert_output a
	wait_until 5 at_least a 3
	run_ok ctr stop a
	run_ok ctr restart -t 0 a
	wait_until 5 at_least a 6
	[[ $(state a) == "Running "* ]]
	run_fails 1 ctr restart nosuch
	assert_error "no container nosuch"
	run_fails 2 ctr restart -t x a
}

@test "a start that fails leaves no process and says why, in inspect too" {
	for case in "127 nosuch" "126 /etc/passwd"; do
		run_fails "${case%% *}" ctr run -d -s web --name a busybox "${case#* }"
		assert_error "${case#* }"
		run_ok ctr inspect a
		[ "$(jq -r '.[0] | "\(.state) \(.exit_code) \(.reason)"' <<< "$output")" = "Exited ${case%% *} StartError" ]
		[[ $(jq -r '.[0].message' <<< "$output") == *"${case#* }"* ]]
		[ "$(jq -r '.[0].pid' <<< "$output")" = 0 ]
		run_ok ctr rm a
	done
}
