#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

state() {
	"$CADDIS" ctr inspect "$1" | jq -r '.[0] | "\(.state) \(.exit_code) \(.reason)"'
}

@test "create makes a container that does not run; start runs it, once" {
	run_ok ctr create web --name a busybox sh -c 'echo started; exit 5'
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	[ "$(state a)" = "Created 0 " ]
	run_ok ctr logs a
	assert_output ""
	run_ok ctr start a
	run_ok ctr wait a
	assert_output 5
	[ "$(state a)" = "Exited 5 Error" ]
	run_fails 1 ctr start a
	assert_error "was started before"
	run_ok ctr logs a
	assert_output started
}

@test "create in a sandbox that is not there, or of an image that is not there, makes nothing" {
	run_fails 1 ctr create nosuch busybox true
	assert_error "no sandbox nosuch"
	run_fails 1 ctr create web --pull never nosuch true
	run_fails 2 ctr create web
	run_fails 2 ctr create web --name 'a/b' busybox true
	run_ok ctr ls -aq
	assert_output ""
}

@test "text that is no UTF-8 is refused by its place, and nothing is made" {
	run_fails 125 ctr run --rm -s web busybox $'echo\xff'
	assert_error "not valid UTF-8: 'echo\\xff"
	run_fails 2 ctr create web -e $'A=\xff' busybox true
	assert_error "not valid UTF-8"
	run_fails 2 sandbox create --network none --annotation $'a=\xff' bad
	assert_error "not valid UTF-8"
	run_ok ctr ls -aq
	assert_output ""
	assert_no_error
	run_ok sandbox ls -o name
	assert_output web
}

@test "several are stopped at once: each gets its signal before any is waited for" {
	# Each one's end waits for the other's signal.
	waits_for() {
		echo "trap 'touch /shared/$1; while [ ! -e /shared/$2 ]; do sleep 0.05; done; exit 5' TERM; echo up; while :; do sleep 0.05; done"
	}
	run_ok sandbox create --network none second
	mkdir "$TEST_DIR/shared"
	for pair in 'stop -t 15 one nosuch two' 'sandbox stop -t 15 web second'; do
		rm -f "$TEST_DIR/shared/"*
		run_ok ctr run -d -s web --name one -v "$TEST_DIR/shared:/shared" busybox sh -c "$(waits_for one two)"
		run_ok ctr run -d -s second --name two -v "$TEST_DIR/shared:/shared" busybox sh -c "$(waits_for two one)"
		wait_until 10 log_has one up
		wait_until 10 log_has two up
		# shellcheck disable=SC2086 # words
		case $pair in
		stop*)
			run_fails 1 ctr $pair
			assert_output $'one\ntwo'
			assert_error "no container nosuch"
			;;
		*)
			run_ok $pair
			assert_output $'web\nsecond'
			;;
		esac
		[ "$(caddis ctr inspect --field exit_code one) $(caddis ctr inspect --field exit_code two)" = "5 5" ]
		run_ok ctr rm one two
	done
}

@test "stop sends the stop signal, and SIGKILL after the grace period" {
	run_ok ctr run -d -s web --name polite busybox sh -c 'trap "exit 6" TERM; while :; do sleep 0.05; done'
	run_ok ctr stop polite
	[ "$(state polite)" = "Exited 6 Error" ]
	run_ok ctr run -d -s web --name deaf busybox sh -c 'trap "" TERM; while :; do sleep 0.05; done'
	start=$(date +%s%N)
	run_ok ctr stop -t 1 deaf
	ms=$((($(date +%s%N) - start) / 1000000))
	[ "$ms" -ge 1000 ] && [ "$ms" -lt 8000 ] || fail "$ms ms"
	[ "$(state deaf)" = "Exited 137 Error" ]
	run_ok ctr stop deaf
	run_ok ctr run -d -s web --name other --stop-signal USR1 busybox sh -c 'trap "exit 8" USR1; while :; do sleep 0.05; done'
	run_ok ctr stop other
	[ "$(state other)" = "Exited 8 Error" ]
	run_fails 125 ctr run -s web --stop-signal NOSUCH busybox true
}

@test "kill sends any signal by name or number" {
	run_ok ctr run -d -s web --name a busybox sh -c 'trap "echo usr1" USR1; trap "exit 4" INT; while :; do sleep 0.05; done'
	sleep 0.3
	run_ok ctr kill -s USR1 a
	wait_until 5 log_has a usr1
	run_ok ctr kill -s 2 a
	run_ok ctr wait a
	assert_output 4
	run_fails 1 ctr kill a
	assert_error "not running"
	run_fails 2 ctr kill -s NOSUCH a
	assert_error NOSUCH
	run_fails 2 ctr stop -t -1 a
}

log_has() {
	"$CADDIS" ctr logs "$1" | grep -q "$2"
}

@test "rm of a running container needs -f; of one that does not exist it is an error, a success with --ignore" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_fails 1 ctr rm a
	assert_error "is running"
	[ "$(state a)" = "Running 0 " ]
	run_ok ctr rm -f a
	run_fails 1 ctr rm a
	assert_error "no container a"
	run_ok ctr rm --ignore a
}

@test "several are all tried, failures all reported" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_fails 1 ctr stop -t 0 no1 a no2
	assert_output a
	[ "${#stderr_lines[@]}" -eq 2 ]
	[ "$(state a)" = "Exited 137 Error" ]
}

@test "ls shows running ones, with -a all, and filters" {
	run_ok sandbox create other
	run_ok ctr run -d -s web --name up --label k=v busybox sleep 1000
	run_ok ctr run -s other --name down busybox true
	run_ok ctr create web --name new busybox true
	check() {
		want=$1
		shift
		run_ok ctr ls -o name "$@"
		[ "$(sort <<< "$output" | xargs)" = "$want" ] || fail "$*: $output"
	}
	check up
	check "down new up" -a
	check down --state exited
	check new --state Created
	check down -a --sandbox other
	check up -l k=v
	check "" -l k=x
	check new -a --name new
	run_fails 2 ctr ls --state bogus
	run_fails 1 ctr ls --sandbox nosuch
	run_ok ctr ls
	assert_output_has "CONTAINER ID"
	assert_output_has up
}

@test "an OOM kill is told from other ends" {
	run_fails 137 ctr run -s web --name a -m 16m busybox sh -c 'exec tail -c 100000000 < /dev/zero'
	[ "$(state a)" = "Exited 137 OOMKilled" ]
	run_fails 137 ctr run -s web --name b -m 16m busybox sh -c 'exit 137'
	[ "$(state b)" = "Exited 137 Error" ]
}

@test "limits are set in the kernel" {
	run_ok ctr run -d -s web --name a -m 48m --cpus 0.75 --pids-limit 33 busybox sleep 1000
	cgroup=$("$CADDIS" ctr inspect a | jq -r '.[0].cgroup')
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((48 * 1024 * 1024)) ]
	[ "$(cgroup_value "$cgroup" pids.max pids pids.max)" = 33 ]
	quota=$(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us)
	[ "${quota%% *}" = 75000 ]
	run_ok ctr run -d -s web --name b busybox sleep 1000
	cgroup=$("$CADDIS" ctr inspect b | jq -r '.[0].cgroup')
	[ "$(cgroup_value "$cgroup" pids.max pids pids.max)" = 2048 ]
	for bad in "-m 0" "-m x" "--cpus 0" "--cpus x" "--pids-limit 0" "--pids-limit x" "--cpu-shares 1"; do
		# shellcheck disable=SC2086
		run_fails 125 ctr run -s web $bad busybox true
	done
}

@test "a container in a damaged record is named, and the others still work" {
	run_ok ctr create web --name a busybox true
	id=$output
	run_ok ctr create web --name b busybox true
	printf '{"state": 12' > "$CADDIS_ROOT/containers/$id/status.json"
	run_ok ctr ls -a -o name
	assert_output b
	[[ $stderr == *"${id:0:12}"* ]] || fail "$stderr"
	run_fails 1 ctr inspect a
	run_ok ctr start b
	run_ok sandbox rm web
}
