#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

field() {
	"$CADDIS" ctr inspect "$1" | jq -r ".[0].$2"
}

log_has() {
	"$CADDIS" ctr logs "$1" | grep -q "$2"
}

lines_of() {
	"$CADDIS" ctr logs "$1" | wc -l
}

counting() {
	run_ok ctr run -d -s web --name "${1-a}" busybox sh -c 'trap "exit 6" TERM; while :; do echo x; sleep 0.02; done'
	wait_until 5 log_has "${1-a}" x
}

@test "pause lets all processes stand still, resume lets them go on" {
	counting
	run_ok ctr pause a
	assert_output a
	[ "$(field a paused)" = true ]
	[ "$(field a state)" = Running ]
	run_ok ctr ls --columns name,state --no-headings
	assert_output_has Paused
	run_ok ctr ls -o name --state paused
	assert_output a
	before=$(lines_of a)
	sleep 0.5
	[ "$(lines_of a)" -eq "$before" ]
	run_ok ctr resume a
	wait_until 5 more_than "$before"
	[ "$(field a paused)" = false ]
}

more_than() {
	[ "$(lines_of a)" -gt "$1" ]
}

@test "a paused one: exec and pause are errors, logs and inspect are not" {
	counting
	run_ok ctr pause a
	run_fails 125 ctr exec a true
	assert_error "is paused"
	run_fails 1 ctr pause a
	assert_error "paused already"
	run_ok ctr logs a
	run_fails 1 ctr rm a
	assert_error "is running"
	run_ok ctr resume a
	run_fails 1 ctr resume a
	assert_error "not paused"
	run_ok ctr exec a true
}

@test "a paused one can be stopped, by its own signal, killed, and removed with -f" {
	counting
	run_ok ctr pause a
	run_ok ctr stop a
	[ "$(field a exit_code)" = 6 ]
	run_ok ctr rm a
	counting
	run_ok ctr pause a
	run_ok ctr kill a
	run_ok ctr wait a
	assert_output 137
	run_ok ctr rm a
	counting
	run_ok ctr pause a
	run_ok ctr rm -f a
	counting
	run_ok ctr pause a
	run_ok sandbox rm web
	run_ok ctr ls -aq
	assert_output ""
}

@test "a signal to a paused one arrives when it goes on" {
	counting
	run_ok ctr pause a
	run_ok ctr kill -s TERM a
	[ "$(field a state)" = Running ]
	run_ok ctr resume a
	run_ok ctr wait a
	assert_output 6
}

@test "pause and resume of one that does not run, or does not exist" {
	run_ok ctr create web --name new busybox true
	run_fails 1 ctr pause new
	assert_error "not running"
	run_fails 1 ctr resume new
	run_fails 1 ctr pause nosuch
	assert_error "no container nosuch"
}

@test "--all of pause, resume, kill, stop and rm; not together with names" {
	counting a
	counting b
	run_ok ctr create web --name new busybox true
	run_ok ctr pause --all
	[ "${#lines[@]}" -eq 2 ]
	[ "$(field a paused) $(field b paused)" = "true true" ]
	run_ok ctr pause --all
	assert_output ""
	run_ok ctr resume -a
	[ "${#lines[@]}" -eq 2 ]
	run_ok ctr kill -a -s USR2
	run_ok ctr stop -a
	[ "${#lines[@]}" -le 2 ]
	run_ok ctr ls -q
	assert_output ""
	run_fails 2 ctr rm -a new
	assert_error "exclude each other"
	for verb in pause resume kill stop rm; do
		run_fails 2 ctr "$verb"
		assert_error "CONTAINER"
	done
	run_ok ctr rm -a
	[ "${#lines[@]}" -eq 3 ]
	run_ok ctr ls -aq
	assert_output ""
	run_ok ctr rm -a
}

@test "wait for several, and for a condition" {
	run_ok ctr run -d -s web --name a busybox sh -c 'sleep 0.2; exit 3'
	run_ok ctr run -d -s web --name b busybox sh -c 'exit 0'
	run_ok ctr wait a b
	assert_output "3
0"
	run_ok ctr create web --name c busybox sh -c 'while [ ! -e /stop ]; do sleep 0.05; done; exit 5'
	"$CADDIS" ctr wait --condition running c > "$TEST_DIR/running" 3>&- &
	running=$!
	"$CADDIS" ctr wait --condition removed c > "$TEST_DIR/removed" 3>&- &
	removed=$!
	run_ok ctr start c
	wait "$running"
	[ "$(cat "$TEST_DIR/running")" = -1 ]
	run_ok ctr exec c touch /stop
	run_ok ctr wait --condition exited c
	assert_output 5
	kill -0 "$removed"
	run_ok ctr rm c
	wait "$removed"
	[ "$(cat "$TEST_DIR/removed")" = 5 ]
	run_fails 2 ctr wait --condition happy a
	assert_error "--condition happy"
	run_fails 1 ctr wait nosuch
}

@test "rename gives another name, at once and for good" {
	counting old
	run_ok ctr rename old b
	[ "$(field b name)" = b ]
	run_fails 1 ctr inspect old
	run_ok ctr exec b true
	counting old
	run_fails 1 ctr rename old b
	assert_error "the name b is in use"
	run_fails 2 ctr rename old old
	run_fails 2 ctr rename old 'x/y'
	run_fails 1 ctr rename nosuch c
	[ "$(field old name)" = old ]
	run_ok ctr stop b
	run_ok ctr rm b
	run_ok ctr rename old b
	run_ok ctr run --rm -s web --name a busybox true
	# One that never had a name.
	run_ok ctr create web busybox true
	id=$output
	run_ok ctr rename "$id" fresh
	run_ok ctr rm fresh
	run_ok ctr create web --name fresh busybox true
}

@test "a rename that is killed anywhere has happened or not, and no name is lost" {
	killed=0
	run_ok ctr create web --name a busybox true
	for call in symlinkat mkdirat renameat2 unlinkat; do
		for n in 1 2 3; do
			status=0
			strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=SIGKILL:when=$n" \
				"$CADDIS" ctr rename a b > /dev/null 2>&1 3>&- || status=$?
			[ "$status" -eq 137 ] && killed=$((killed + 1))
			run_ok ctr ls -a -o name
			[ "$output" = a ] || [ "$output" = b ] || fail "$call $n: $output"
			was=$output
			run_ok ctr inspect "$was"
			run_ok ctr rename "$was" c
			run_ok ctr rename c a
			# b is free again.
			run_ok ctr create web --name b busybox true
			run_ok ctr rm b
		done
	done
	[ "$killed" -ge 5 ] || fail "only $killed kills"
}

@test "update sets limits in the kernel at once, and they are kept for the next run" {
	run_ok ctr run -d -s web --name a -m 64m busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done'
	run_ok ctr update -m 48m --cpus 0.5 --pids-limit 77 --cpu-shares 300 --cpuset-cpus 0 a
	assert_output a
	check() {
		local cgroup

		cgroup=$(field a cgroup)
		[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((48 * 1024 * 1024)) ]
		[ "$(cgroup_value "$cgroup" pids.max pids pids.max)" = 77 ]
		[ "$(cgroup_value "$cgroup" cpuset.cpus cpuset cpuset.cpus)" = 0 ]
		quota=$(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us)
		[ "${quota%% *}" = 50000 ]
	}
	check
	[ "$(field a config.linux.resources.memory_limit_in_bytes)" = $((48 * 1024 * 1024)) ]
	[ "$(field a config.linux.resources.pids_limit)" = 77 ]
	run_ok ctr restart a
	check
	run_ok ctr stop a
	run_ok ctr update -m 32m a
	[ "$(field a config.linux.resources.memory_limit_in_bytes)" = $((32 * 1024 * 1024)) ]
}

@test "update --memory-swap sets memory and swap together, beside the memory limit that is there; -1 takes it away" {
	# The limit of both in v1, of swap alone in v2: both_or_swap MIB-OF-BOTH MIB-OF-SWAP
	both_or_swap() {
		local got

		got=$(cgroup_value "$cgroup" memory.swap.max memory memory.memsw.limit_in_bytes)
		if [ -e "/sys/fs/cgroup$cgroup/memory.swap.max" ]; then
			[ "$got" = $(($2 * 1024 * 1024)) ]
		else
			[ "$got" = $(($1 * 1024 * 1024)) ]
		fi || fail "$got"
	}
	run_ok ctr run -d -s web --name a -m 64m --memory-swap 96m busybox sleep 1000
	cgroup=$(field a cgroup)
	both_or_swap 96 32
	run_ok ctr update --memory-swap 128m a
	both_or_swap 128 64
	run_ok ctr update -m 100m a
	both_or_swap 128 28
	run_fails 1 ctr update -m 200m a
	both_or_swap 128 28
	run_ok ctr update --memory-swap -1 a
	got=$(cgroup_value "$cgroup" memory.swap.max memory memory.memsw.limit_in_bytes)
	[ "$got" = max ] || [ "$got" -gt $((1 << 60)) ] || fail "$got"
	[ "$(field a config.linux.resources.memory_swap_limit_in_bytes)" = -1 ]
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((100 * 1024 * 1024)) ]
	run_fails 2 ctr update --memory-swap -2 a
	assert_error "--memory-swap -2: not a size"
	run_ok ctr run --rm -s web --memory-swap -1 busybox true
}

@test "an update that is refused changes nothing" {
	run_ok ctr run -d -s web --name a -m 64m --pids-limit 50 busybox sleep 1000
	run_fails 1 ctr update --pids-limit 60 --cpuset-cpus 4000 a
	[ "$(cgroup_value "$(field a cgroup)" pids.max pids pids.max)" = 50 ]
	[ "$(field a config.linux.resources.pids_limit)" = 50 ]
	run_fails 2 ctr update a
	assert_error "what is to change"
	for bad in "-m x" "--cpus 0" "--cpu-shares 1" "--pids-limit 0" "--cpu-period 5" "--cpus 1 --cpu-quota 5"; do
		# shellcheck disable=SC2086
		run_fails 2 ctr update $bad a
	done
	run_fails 1 ctr update -m 1g nosuch
	assert_error "no container nosuch"
	[ "$(cgroup_value "$(field a cgroup)" memory.max memory memory.limit_in_bytes)" = $((64 * 1024 * 1024)) ]
}

@test "--stop-timeout and --stop-signal are the container's own" {
	run_ok ctr run -d -s web --name a --stop-timeout 1 --stop-signal USR1 busybox sh -c 'trap "" USR1; trap "exit 9" TERM; echo up; while :; do sleep 0.05; done'
	wait_until 5 log_has a up
	[ "$(field a stop_timeout) $(field a stop_signal)" = "1 SIGUSR1" ]
	start=$(date +%s%N)
	run_ok ctr stop a
	ms=$((($(date +%s%N) - start) / 1000000))
	[ "$ms" -ge 1000 ] && [ "$ms" -lt 9000 ] || fail "$ms ms"
	[ "$(field a exit_code)" = 137 ]
	run_fails 125 ctr run -s web --stop-timeout -1 busybox true
	assert_error "--stop-timeout"
	run_fails 125 ctr run -s web --stop-signal 9999 busybox true
	run_fails 125 ctr run -s web --stop-signal SIGFOO busybox true
}

@test "--cidfile has the ID, and must not exist before; a failure leaves none" {
	run_ok ctr run -d -s web --cidfile "$TEST_DIR/cid" --name a busybox sleep 1000
	[ "$(cat "$TEST_DIR/cid")" = "$(field a id)" ]
	run_fails 125 ctr run -s web --cidfile "$TEST_DIR/cid" busybox true
	assert_error "File exists"
	run_ok ctr ls -aq
	[ "${#lines[@]}" -eq 1 ]
	run_fails 125 ctr run -s web --cidfile "$TEST_DIR/other" --name a busybox true
	[ ! -e "$TEST_DIR/other" ]
	run_ok ctr create web --cidfile "$TEST_DIR/third" busybox true
	[ "$(cat "$TEST_DIR/third")" = "$output" ]
	run_fails 1 ctr create web --cidfile /no/such/dir/cid busybox true
	assert_error "--cidfile /no/such/dir/cid"
}

@test "exit codes and signals are told as they were, 200 instant exits among them" {
	for _ in {1..40}; do
		for code in 0 1 255 256 42; do
			status=0
			"$CADDIS" ctr run --rm -s web busybox sh -c "exit $code" || status=$?
			[ "$status" -eq $((code & 255)) ] || fail "$code: $status"
		done
	done
	for sig in 1 2 9 15 34; do
		run_fails $((128 + sig)) ctr run --rm -s web busybox sh -c "sh -c 'kill -$sig \$\$'; exit \$?"
	done
}

@test "OOMKilled exactly when the kernel's counter grew: of a child too, and not for a mere 137" {
	run_ok ctr run -s web --name child -m 16m busybox sh -c 'tail -c 100000000 < /dev/zero; exit 0'
	[ "$(field child reason) $(field child exit_code) $(field child oom_killed)" = "OOMKilled 0 true" ]
	run_ok ctr run -d -s web --name killed -m 16m busybox sleep 1000
	run_ok ctr kill killed
	run_ok ctr wait killed
	[ "$(field killed reason) $(field killed oom_killed)" = "Error false" ]
	# One run's kill is not the next one's.
	run_ok ctr create web --name again -m 16m busybox sh -c 'if [ -e /second ]; then exit 0; fi; touch /second; tail -c 100000000 < /dev/zero; exit 1'
	run_ok ctr start again
	run_ok ctr wait again
	[ "$(field again reason)" = OOMKilled ]
	run_ok ctr restart again
	run_ok ctr wait again
	[ "$(field again reason) $(field again oom_killed)" = "Completed false" ]
}
