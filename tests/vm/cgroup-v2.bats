#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What only a machine with cgroup v2 alone can show; tests/vm/run makes one. Every value is the kernel's.

load ../helpers

setup() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || fail "this is for a machine with cgroup v2 alone: tests/vm/run"
	caddis_setup
	test_image
	run_ok sandbox create --network none web
}

# The directory of a sandbox's or container's cgroup.
cgroup_of() {
	printf '/sys/fs/cgroup%s' "$("$CADDIS" "$1" inspect "$2" | jq -r '.[0].linux.cgroup // .[0].cgroup')"
}

@test "the limits of a container are in the files of cgroup v2" {
	run_ok ctr run -d -s web --name a --memory 64m --cpus 0.5 --pids-limit 40 --cpu-shares 512 busybox sleep 1000
	dir=$(cgroup_of ctr a)
	[ "$(cat "$dir/memory.max")" = 67108864 ]
	[ "$(cat "$dir/pids.max")" = 40 ]
	[ "$(cat "$dir/cpu.max")" = "50000 100000" ]
	# KEP-2254: 1 + (512 - 2) * 9999 / 262142
	[ "$(cat "$dir/cpu.weight")" = 20 ]
	pid=$("$CADDIS" ctr inspect a | jq '.[0].pid')
	grep -qx "$pid" "$dir/cgroup.procs"
	run_ok ctr exec a cat /proc/self/cgroup
	assert_output "0::/"
	run_ok ctr rm -f a
	[ ! -e "$dir" ]
}

@test "SEC-R14: a group that is frozen, by itself or from above, or has others in it, is no container's" {
	run_ok ctr create web --name a busybox sleep 1000
	dir=$(cgroup_of ctr a)
	mkdir -p "$dir"
	sleep 1000 3>&- &
	TEST_PIDS+=("$!")
	echo "$!" > "$dir/cgroup.procs"
	run_fails 1 ctr start a
	assert_error "has processes in it"
	kill -0 "$!"
	kill "$!"
	wait "$!" || true
	run_ok ctr rm a
	run_ok ctr create web --name b busybox sleep 1000
	dir=$(cgroup_of ctr b)
	mkdir -p "$dir"
	echo 1 > "${dir%/*}/cgroup.freeze"
	run --separate-stderr timeout 60 "$CADDIS" ctr start b
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	assert_error "is frozen"
	echo 0 > "${dir%/*}/cgroup.freeze"
	# The group itself is made anew.
	run_ok ctr create web --name c busybox sleep 1000
	dir=$(cgroup_of ctr c)
	mkdir -p "$dir"
	echo 1 > "$dir/cgroup.freeze"
	run_ok ctr start c
	run_ok ctr exec c true
}

@test "swap is limited alone, as the difference, and the monitor is all but spared by the OOM killer" {
	run_ok ctr run -d -s web --name a -m 64m --memory-swap 96m busybox sleep 1000
	dir=$(cgroup_of ctr a)
	[ "$(cat "$dir/memory.swap.max")" = 33554432 ]
	run_ok ctr update --memory-swap 128m a
	[ "$(cat "$dir/memory.swap.max")" = 67108864 ]
	run_ok ctr update --memory-swap -1 a
	[ "$(cat "$dir/memory.swap.max")" = max ]
	pid=$("$CADDIS" ctr inspect a | jq '.[0].pid')
	monitor=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
	protected() { [ "$(cat "/proc/$monitor/oom_score_adj")" = -999 ]; }
	wait_until 20 protected
	[ "$(cat "/proc/$pid/oom_score_adj")" = "$(cat /proc/self/oom_score_adj)" ]
}

@test "a container is born in its cgroup, by clone3 with CLONE_INTO_CGROUP" {
	strace -f -qq -e trace=clone3 -o "$TEST_DIR/trace" "$CADDIS" ctr run --rm -s web busybox true
	grep -q 'CLONE_INTO_CGROUP.*cgroup=' "$TEST_DIR/trace" || fail "$(cat "$TEST_DIR/trace")"
}

@test "devices outside the list are refused by a BPF program, those in it and of a privileged container work" {
	disk=$(stat -c '%Hr %Lr' /dev/vda)
	run_ok ctr run --rm -s web busybox sh -c 'head -c 4 /dev/zero | wc -c; echo x > /dev/null; head -c 4 /dev/urandom | wc -c'
	assert_output "4
4"
	# shellcheck disable=SC2086 # two numbers
	run --separate-stderr "$CADDIS" ctr run --rm -s web busybox sh -c "mknod /disk b $disk && head -c 1 /disk"
	[ "$status" -eq 1 ]
	[[ $stderr == *"Operation not permitted"* ]] || fail "$stderr"
	# shellcheck disable=SC2086
	run_ok ctr run --rm --privileged busybox sh -c "mknod /disk b $disk && head -c 8 /disk | wc -c"
	assert_output 8
}

@test "a container that exceeds its memory is OOMKilled by the count of memory.events, another that is killed is not" {
	run_fails 137 ctr run -s web --name big --memory 32m busybox sh -c 'exec tail -c 100000000 < /dev/zero'
	run_ok ctr inspect big
	[ "$(jq -r '.[0] | "\(.reason) \(.exit_code)"' <<< "$output")" = "OOMKilled 137" ] || fail "$output"
	run_ok ctr run -d -s web --name killed --memory 32m busybox sleep 1000
	run_ok ctr kill -s KILL killed
	run_ok ctr wait killed
	assert_output 137
	run_ok ctr inspect killed
	[ "$(jq -r '.[0] | "\(.reason) \(.exit_code)"' <<< "$output")" = "Error 137" ] || fail "$output"
}

@test "the limits of a sandbox hold for all its containers together" {
	run_ok sandbox create --network none --memory 64Mi --cpu 0.5 --pids-limit 50 small
	dir=$(cgroup_of sandbox small)
	[ "$(cat "$dir/memory.max")" = 67108864 ]
	[ "$(cat "$dir/cpu.max")" = "50000 100000" ]
	[ "$(cat "$dir/pids.max")" = 50 ]
	run_ok ctr run -d -s small --name one busybox sh -c 'head -c 40000000 /dev/zero | tail -c 40000000 | sleep 1000'
	one=$(cgroup_of ctr one)
	full() { [ "$(cat "$one/memory.current")" -gt 35000000 ]; }
	wait_until 120 full
	# Each alone stays below the limit. Which of the two goes is the kernel's choice.
	run_ok ctr run -d -s small --name two busybox sh -c 'exec tail -c 40000000 < /dev/zero'
	killed() { grep -qE '^oom_kill [1-9]' "$dir/memory.events"; }
	wait_until 30 killed
	run_ok sandbox rm small
	[ ! -e "$dir" ]
}

@test "nothing of caddis stays in the root of the hierarchy, and the caller stays where it was" {
	before=$(cat /proc/self/cgroup)
	run_ok ctr run --rm -s web --memory 64m busybox true
	[ "$(cat /proc/self/cgroup)" = "$before" ]
	run_ok sandbox rm web
	[ ! -e /sys/fs/cgroup/caddis ]
}

@test "a network works on this kernel: two sandboxes, one behind a part of the bridge, a published port" {
	run_ok sandbox create -p 8080:80 --ip 10.128.0.200 server
	ip -o link show master caddis0-1 | grep -q ' cad[0-9a-f]*@'
	run_ok sandbox create client
	run_ok ctr run -d -s server --name httpd busybox sh -c 'mkdir /www && echo hello > /www/index.html && exec httpd -f -p 80 -h /www'
	ip=$("$CADDIS" sandbox inspect server | jq -r '.[0].network.ips[0]')
	answers() { "$CADDIS" ctr run --rm -s client busybox wget -q -O - "http://$ip/" > "$TEST_DIR/page" 2>&1; }
	wait_until 60 answers || fail "$(cat "$TEST_DIR/page")"
	[ "$(cat "$TEST_DIR/page")" = hello ]
	exec 5<> /dev/tcp/127.0.0.1/8080
	printf 'GET / HTTP/1.0\r\n\r\n' >&5
	grep -q hello <&5
	exec 5>&-
}
