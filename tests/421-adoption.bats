#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# The monitor is killed, and its container lives on: LOG-9 of the reliability tables.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

state() {
	"$CADDIS" ctr inspect "$1" | jq -r '.[0] | "\(.state) \(.exit_code) \(.reason)"'
}

init_of() {
	"$CADDIS" ctr inspect "$1" | jq '.[0].pid'
}

monitor_of() {
	awk '/^PPid:/ { print $2 }' "/proc/$(init_of "$1")/status"
}

# The lock that a living monitor holds; without looking at the container, which would give it a new one.
has_monitor() {
	! flock -n "$CADDIS_STATE/containers/$1/run" true
}

# kill_monitor NAME: and waits until it is gone.
kill_monitor() {
	local monitor id

	monitor=$(monitor_of "$1")
	id=$("$CADDIS" ctr inspect "$1" | jq -r '.[0].id')
	[ "$(cat "/proc/$monitor/comm")" != systemd ] && [ "$monitor" -gt 1 ]
	kill -9 "$monitor"
	wait_until 5 test ! -e "/proc/$monitor"
	ID=$id
}

has_kernel() {
	[ "$(printf '%s\n%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]
}

@test "a running container whose monitor is killed lives on, and the next command gives it a new one" {
	run_ok ctr run -d -s web --name a busybox sh -c 'trap "exit 21" TERM; while :; do sleep 0.05; done'
	inner=$(init_of a)
	kill_monitor a
	run ! has_monitor "$ID"
	[ -e "/proc/$inner" ]
	run_ok ctr ls
	assert_output_has Running
	has_monitor "$ID" || fail "nobody adopted it"
	run_ok ctr stop a
	if has_kernel 6.15; then
		[ "$(state a)" = "Exited 21 Error" ] || fail "$(state a)"
	else
		[ "$(state a)" = "Exited 255 Unknown" ] || fail "$(state a)"
	fi
}

@test "what is printed while there is no monitor, and after, is logged; the container meets no SIGPIPE" {
	# Killed between its read and its write, a monitor loses what it had read: here it has written all of it.
	run_ok ctr run -d -s web --name a busybox sh -c 'trap go=1 USR1; i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); while [ $i = 21 ] && [ ! "$go" ]; do usleep 10000; done; usleep 5000; done; exit 7'
	wait_until 5 log_has a "line 20"
	inner=$(init_of a)
	kill_monitor a
	kill -USR1 "$inner"
	sleep 0.3
	run_ok ctr wait a
	has_kernel 6.15 && assert_output 7
	run_ok ctr logs a
	[ "$output" = "$(for i in {0..399}; do echo "line $i"; done)" ] || fail "${#lines[@]} lines"
}

log_has() {
	"$CADDIS" ctr logs "$1" | grep -q "$2"
}

@test "a container that ends without a monitor is Exited with an unknown code within a second, never 0" {
	run_ok ctr run -d -s web --name a busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done'
	inner=$(init_of a)
	kill_monitor a
	kill "$inner"
	wait_until 3 test ! -e "/proc/$inner"
	[ "$(state a)" = "Exited 255 Unknown" ]
	run_ok ctr ls -a
	assert_output_has 255
	run_ok ctr wait a
	assert_output 255
	run_ok ctr rm a
}

@test "an exec goes on when the monitor is killed" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	"$CADDIS" ctr exec a sh -c 'echo up; sleep 1; echo end; exit 3' > "$TEST_DIR/out" 3>&- &
	pid=$!
	wait_until 5 grep -q up "$TEST_DIR/out"
	kill_monitor a
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 3 ]
	[ "$(cat "$TEST_DIR/out")" = "up
end" ]
}

@test "an attached client stays, over a new monitor, to the end of the container" {
	run_ok ctr run -d -s web --name a busybox sh -c 'i=0; while [ $i -lt 60 ]; do echo n$i; i=$((i+1)); usleep 50000; done; exit 9'
	"$CADDIS" ctr attach a > "$TEST_DIR/out" 3>&- < /dev/null &
	pid=$!
	wait_until 5 grep -q n3 "$TEST_DIR/out"
	kill_monitor a
	status=0
	wait "$pid" || status=$?
	has_kernel 6.15 && [ "$status" -eq 9 ]
	grep -q n59 "$TEST_DIR/out"
}

@test "wait learns the exit code although the monitor is killed while it waits" {
	run_ok ctr run -d -s web --name a busybox sh -c 'trap "exit 33" TERM; while :; do sleep 0.05; done'
	inner=$(init_of a)
	"$CADDIS" ctr wait a > "$TEST_DIR/out" 3>&- &
	pid=$!
	kill_monitor a
	wait_until 5 has_monitor "$ID"
	kill "$inner"
	wait "$pid"
	if has_kernel 6.15; then
		[ "$(cat "$TEST_DIR/out")" = 33 ]
	else
		[ "$(cat "$TEST_DIR/out")" = 255 ]
	fi
}

@test "ten commands at once give it one monitor" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	kill_monitor a
	for i in {1..10}; do
		"$CADDIS" ctr inspect a > /dev/null 3>&- &
		pids[i]=$!
	done
	for i in {1..10}; do
		wait "${pids[i]}"
	done
	[ "$(pgrep -fc "ctr adopt $ID")" -eq 1 ]
	[ "$(state a)" = "Running 0 " ]
}

@test "a --restart container is started again by its new monitor" {
	run_ok ctr run -d -s web --name a --restart on-failure busybox sh -c 'echo run; sleep 1000 & wait'
	wait_until 5 log_has a run
	kill_monitor a
	inner=$(init_of a)
	kill -9 "$inner"
	wait_until 5 again a
	run_ok ctr stop -t 0 a
}

again() {
	[ "$("$CADDIS" ctr inspect "$1" | jq -r '.[0] | "\(.state) \(.restart_count)"')" = "Running 1" ]
}

@test "a --rm container whose monitor was killed is removed when it ends" {
	run_ok ctr run -d --rm --name a busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done'
	kill_monitor a
	run_ok ctr ls -q
	[ -n "$output" ]
	run_ok ctr stop a
	wait_until 5 no_containers
}

no_containers() {
	[ -z "$("$CADDIS" ctr ls -aq)" ]
}

@test "a terminal is lost with its monitor: the container meets a hang-up, and its end is known" {
	run_ok ctr run -d -t -s web --name a busybox sh -c 'trap "exit 5" HUP; while :; do sleep 0.05; done'
	inner=$(init_of a)
	kill_monitor a
	wait_until 5 test ! -e "/proc/$inner"
	[ "$(state a)" = "Exited 255 Unknown" ]
}

@test "a foreground run that is killed takes its container along" {
	"$CADDIS" ctr run -s web --name a busybox sleep 1000 > /dev/null 3>&- &
	pid=$!
	wait_until 5 is_running a
	inner=$(init_of a)
	kill -9 "$pid"
	wait_until 5 test ! -e "/proc/$inner"
	[ "$(state a)" = "Exited 255 Unknown" ]
}

is_running() {
	[ "$("$CADDIS" ctr inspect "$1" 2> /dev/null | jq -r '.[0].state')" = Running ]
}

@test "no monitor is in its container's cgroups, and none keeps the environment of who started it" {
	SECRET=s3cret run_ok ctr run -d -s web --name a -m 64m busybox sleep 1000
	monitor=$(monitor_of a)
	id=$("$CADDIS" ctr inspect a | jq -r '.[0].id')
	run ! grep -q "$id" "/proc/$monitor/cgroup"
	grep -q "$id" "/proc/$(init_of a)/cgroup"
	grep -qa CADDIS_STATE "/proc/$monitor/environ"
	run ! grep -qa s3cret "/proc/$monitor/environ"
}
