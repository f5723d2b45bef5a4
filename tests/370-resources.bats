#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The limits of a sandbox, which hold for its containers together, and change while it lives.

load helpers

# hold MB: a container's command that keeps as much memory as that, says so, and stays.
hold() {
	printf 'head -c %d000000 /dev/zero | { tail -c %d000000; } | sleep 1000' "$1" "$1"
}

cgroup_of() {
	"$CADDIS" sandbox inspect --field .linux.cgroup "$1"
}

limits() {
	[ "$("$CADDIS" sandbox inspect --field .limits "$1" | jq -c .)" = "$2" ] ||
		fail "$("$CADDIS" sandbox inspect --field .limits "$1")"
}

@test "two containers that together exceed the memory of their sandbox are limited, one alone is not" {
	test_image
	run_ok sandbox create --network none --memory 64Mi web
	run_ok ctr run --rm -s web busybox sh -c 'head -c 40000000 /dev/zero | tail -c 40000000 | wc -c'
	assert_output 40000000
	run_ok ctr run -d -s web --name one busybox sh -c "$(hold 40)"
	big() { [ "$("$CADDIS" sandbox stats -o json web | jq '.[0].memory_working_set')" -gt 40000000 ]; }
	wait_until 60 big
	# The kernel may choose between the two; it is told which.
	run_fails 137 ctr run -s web --name two --oom-score-adj 1000 busybox sh -c 'exec tail -c 40000000 < /dev/zero'
	run_ok ctr inspect --field .reason two
	assert_output OOMKilled
}

@test "the CPU time of a sandbox's containers together is limited" {
	test_image
	run_ok sandbox create --network none --cpu 200m web
	for c in one two; do
		run_ok ctr run -d -s web --name "$c" busybox sh -c 'while :; do :; done'
	done
	cgroup=$(cgroup_of web)
	throttled() {
		[ "$(cgroup_value "$cgroup" cpu.stat cpu cpu.stat | awk '$1 == "nr_throttled" { print $2 }')" -ge "$1" ]
	}
	wait_until 20 throttled 5
	# A second of wall time holds 0.2 s of CPU time; 0.6 allows for a slow look.
	before=$("$CADDIS" sandbox stats -o json web | jq '.[0].cpu_usage_ns')
	start=$(date +%s%N)
	wait_until 20 throttled 20
	used=$(($("$CADDIS" sandbox stats -o json web | jq '.[0].cpu_usage_ns') - before))
	wall=$(($(date +%s%N) - start))
	[ "$used" -lt $((wall * 6 / 10)) ] || fail "$used ns in $wall ns"
}

@test "the processes of a sandbox's containers together are limited" {
	test_image
	run_ok sandbox create --network none --pids-limit 20 web
	for c in one two; do
		run_ok ctr run -d -s web --name "$c" busybox sh -c 'for i in 1 2 3 4 5 6 7; do sleep 1000 & done; wait'
	done
	full() { [ "$("$CADDIS" sandbox stats -o json web | jq '.[0].pids')" -ge 16 ]; }
	wait_until 10 full
	run --separate-stderr "$CADDIS" ctr run --rm -s web busybox sh -c 'for i in 1 2 3 4 5 6 7; do sleep 10 & done; echo all'
	[ "$status" -ne 0 ] || fail "more than 20 processes: $output"
	[[ $output != *all* ]]
	[ "$("$CADDIS" sandbox stats -o json web | jq '.[0].pids_limit')" = 20 ]
}

@test "update changes the limits of a running sandbox in the kernel, and inspect shows them" {
	test_image
	run_ok sandbox create --network none --memory 64Mi --cpu 500m web
	run_ok ctr run -d -s web busybox sleep 1000
	cgroup=$(cgroup_of web)
	run_ok sandbox update --memory 128Mi --cpu 1.5 --pids-limit 77 --cpu-shares 512 --cpuset-cpus 0 web
	assert_output web
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((128 * 1024 * 1024)) ]
	[ "$(cgroup_value "$cgroup" pids.max pids pids.max)" = 77 ]
	[ "$(cgroup_value "$cgroup" cpuset.cpus cpuset cpuset.cpus)" = 0 ]
	quota=$(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us)
	[ "${quota% *}" = 150000 ] || fail "$quota"
	limits web '{"cpu":"1500m","memory":"128Mi","pids":"77"}'
	run_ok sandbox inspect --field .linux.resources web
	jq -e '.memory_limit_in_bytes == 134217728 and .cpu_quota == 150000 and .pids_limit == 77
		and .cpu_shares == 512 and .cpuset_cpus == "0"' <<< "$output"
	# What it was created with stays as it was.
	run_ok sandbox inspect --field .config.linux.resources.memory_limit_in_bytes web
	assert_output $((64 * 1024 * 1024))
	# One limit changes, the others stay; none again.
	run_ok sandbox update --pids-limit max --memory 256Mi web
	limits web '{"cpu":"1500m","memory":"256Mi"}'
	[ "$(cgroup_value "$cgroup" pids.max pids pids.max)" = max ]
	run_ok sandbox update --memory max --cpu max web
	limits web '{}'
	quota=$(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us)
	[[ ${quota% *} == -1 || ${quota% *} == max ]] || fail "$quota"
	# Its processes are in the groups that only an update made.
	run_ok sandbox rm web
	nothing_left
}

@test "update limits a sandbox that had no limits, with the processes that run already" {
	test_image
	run_ok sandbox create --network none web
	run_ok ctr run -d -s web --name one busybox sh -c 'for i in 1 2 3 4; do sleep 1000 & done; wait'
	five() { [ "$("$CADDIS" ctr exec one ps | wc -l)" -ge 6 ]; }
	wait_until 10 five
	run_ok sandbox update --pids-limit 6 --memory 64Mi web
	[ "$("$CADDIS" sandbox stats -o json web | jq '.[0].pids >= 5 and .[0].pids_limit == 6')" = true ]
	run_fails 137 ctr run --rm -s web --oom-score-adj 1000 busybox sh -c 'exec tail -c 80000000 < /dev/zero'
}

@test "a memory limit below what is used, and other bad updates, change nothing" {
	test_image
	run_ok sandbox create --network none --memory 128Mi --cpu 1 web
	run_ok ctr run -d -s web busybox sh -c "$(hold 40)"
	big() { [ "$("$CADDIS" sandbox stats -o json web | jq '.[0].memory_working_set')" -gt 40000000 ]; }
	wait_until 60 big
	run_fails 1 sandbox update --memory 16Mi web
	assert_error "its containers use"
	cgroup=$(cgroup_of web)
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((128 * 1024 * 1024)) ]
	run_fails 1 sandbox update --cpuset-cpus 4000 --cpu 2 web
	[ "${#stderr_lines[@]}" -eq 1 ]
	quota=$(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us)
	[ "${quota% *}" = 100000 ] || fail "$quota"
	limits web '{"cpu":"1","memory":"128Mi"}'
	for args in "" "--memory 64m" "--cpu 1m" "--pids-limit 0" "--cpu-shares 1" "--memory -1"; do
		# shellcheck disable=SC2086
		run_fails 2 sandbox update $args web
	done
	run_fails 1 sandbox update --cpu 1 nosuch
	assert_error "no sandbox nosuch"
	run_ok sandbox stop -t 0 web
	run_fails 1 sandbox update --cpu 2 web
	assert_error "is not ready"
}

@test "overhead is added to the limits, and alone limits nothing" {
	run_ok sandbox create --network none --memory 64Mi --cpu 500m --overhead-memory 16Mi --overhead-cpu 250m a
	cgroup=$(cgroup_of a)
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((80 * 1024 * 1024)) ]
	quota=$(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us)
	[ "${quota% *}" = 75000 ] || fail "$quota"
	limits a '{"cpu":"750m","memory":"80Mi"}'
	run_ok sandbox update --memory 32Mi a
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((48 * 1024 * 1024)) ]
	run_ok sandbox create --network none --overhead-memory 16Mi b
	limits b '{}'
}

@test "the cgroup of a sandbox is made below its parent, and goes with it" {
	test_image
	run_ok sandbox create --network none --cgroup-parent /caddis/pods/a --memory 64Mi web
	cgroup=$(cgroup_of web)
	[[ $cgroup == /caddis/pods/a/* ]]
	run_ok ctr run --rm -s web busybox true
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((64 * 1024 * 1024)) ]
	run_ok sandbox rm web
	[ -z "$(find /sys/fs/cgroup -path "*$cgroup" 2>/dev/null)" ]
}

@test "a limit that this system has no controller for is an error that names it, and nothing is made" {
	echo '{"metadata": {"name": "huge"}, "linux": {"resources": {"hugepage_limits": [{"page_size": "2MB", "limit": 0}]}}}' \
		> "$TEST_DIR/huge.json"
	mkdir "$TEST_DIR/v2"
	# A group of v2 whose parent gives it no controller is all that this mount namespace has of cgroups.
	# shellcheck disable=SC2016 # for the inner shells
	unshare -m --propagation private sh -ec '
		mount -t cgroup2 none "$1/v2"
		cd "$1/v2"
		mkdir -p "$2/in"
		(echo 0 > "$2/in/cgroup.procs"
		exec unshare -C sh -ec "mount -t cgroup2 none /sys/fs/cgroup; for what; do
			\"\$CADDIS\" sandbox create --network none \$what 2>&1 || true
		done
		\"\$CADDIS\" sandbox ls -q; \"\$CADDIS\" sandbox create --network none none > /dev/null" sh \
			"-f $1/huge.json" "-m 64Mi" "--cpu 1" "--pids-limit 5")
		rmdir "$2/in" "$2"' sh "$TEST_DIR" "caddis-test.$$" > "$TEST_DIR/said"
	for controller in hugetlb memory cpu pids; do
		echo "caddis: a limit needs the cgroup controller $controller, which this system lacks"
	done | diff - "$TEST_DIR/said"
	run_ok sandbox ls -o name
	assert_output none
}
