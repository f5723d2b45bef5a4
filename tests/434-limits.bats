#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Limits and environment of containers by option, read back from the kernel.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create --network none web
}

cgroup_of() {
	local pid

	pid=$("$CADDIS" ctr inspect "$1" | jq -r '.[0].pid')
	awk -F: '$2 ~ /(^|,)memory(,|$)/ || $1 == 0 { print $3; exit }' "/proc/$pid/cgroup"
}

on_v2() {
	[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]
}

# hugetlb_of CONTAINER: its limit of 2 MiB pages, wherever this machine has the controller.
hugetlb_of() {
	local unified=

	on_v2 || [ ! -d /sys/fs/cgroup/unified ] || unified=/unified
	cgroup_value "$unified$(cgroup_of "$1")" hugetlb.2MB.max hugetlb hugetlb.2MB.limit_in_bytes
}

has_hugetlb() {
	grep -qs hugetlb /sys/fs/cgroup/cgroup.controllers /sys/fs/cgroup/unified/cgroup.controllers || [ -d /sys/fs/cgroup/hugetlb ]
}

@test "CPU period, quota and sets of run and create reach the kernel" {
	run_ok ctr run -d -s web --name a --cpu-period 50000 --cpu-quota 20000 --cpuset-cpus 0 --cpuset-mems 0 busybox sleep 1000
	run_ok ctr create --name b --cpu-quota 30000 web busybox sleep 1000
	run_ok ctr start b
	for c in a b; do
		cgroup=$(cgroup_of "$c")
		got="$(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_quota_us) $(cgroup_value "$cgroup" cpu.max cpu cpu.cfs_period_us)"
		case $c in
		a) [[ $got = "20000 50000" || $got = "20000 50000 20000 50000" ]] || fail "$got" ;;
		b) [[ $got = "30000 100000" || $got = "30000 100000 30000 100000" ]] || fail "$got" ;;
		esac
	done
	cgroup=$(cgroup_of a)
	[ "$(cgroup_value "$cgroup" cpuset.cpus cpuset cpuset.cpus)" = 0 ]
	[ "$(cgroup_value "$cgroup" cpuset.mems cpuset cpuset.mems)" = 0 ]
	run_ok ctr exec a grep Cpus_allowed_list /proc/self/status
	[ "$(cut -f 2 <<< "$output")" = 0 ]
}

@test "what no limit can be is refused by its name, and nothing is made" {
	run_fails 125 ctr run -s web --name x --cpu-period 10 busybox true
	assert_error "--cpu-period 10: expected 1000 to 1000000"
	run_fails 125 ctr run -s web --name x --cpu-quota -2 busybox true
	assert_error "--cpu-quota -2"
	run_fails 125 ctr run -s web --name x --cpus 1 --cpu-quota 1000 busybox true
	assert_error "exclude each other"
	run_fails 125 ctr run -s web --name x --memory-swap 64m busybox true
	assert_error "--memory is needed"
	run_fails 125 ctr run -s web --name x --cpuset-cpus 4000 busybox true
	assert_error "cpuset.cpus"
	for bad in 2MB 2M:1m 0MB:1m 2MB/x:1m ../MB:1m 2MB:x; do
		run_fails 125 ctr run -s web --name x --hugetlb "$bad" busybox true
		assert_error "--hugetlb $bad"
	done
	run_fails 2 ctr create --name x --unified novalue web busybox
	assert_error novalue
}

@test "swap, huge pages and unified limits are what --print-config says" {
	run_ok ctr run --print-config -m 64m --memory-swap 96m --hugetlb 2MB:64m --hugetlb 1GB:0 --hugetlb 2MB:32m --unified memory.high=32M busybox true
	jq -e '.linux.resources | .memory_swap_limit_in_bytes == 100663296 and .unified == {"memory.high": "32M"}
		and [.hugepage_limits[] | [.page_size, (.limit // 0 | tonumber)]] == [["2MB", 33554432], ["1GB", 0]]' <<< "$output"
}

@test "a limit of huge pages is the kernel's, or an error where it has none" {
	if has_hugetlb; then
		run_ok ctr run -d -s web --name a --hugetlb 2MB:64m busybox sleep 1000
		[ "$(hugetlb_of a)" = 67108864 ]
		cat > "$TEST_DIR/c.yaml" <<-'EOF'
			metadata: {name: b}
			image: {image: busybox}
			command: [sleep, "1000"]
			linux: {resources: {hugepage_limits: [{page_size: 2MB, limit: 33554432}]}}
		EOF
		run_ok ctr run -d -s web -f "$TEST_DIR/c.yaml"
		[ "$(hugetlb_of b)" = 33554432 ]
	else
		run_fails 125 ctr run -s web --name a --hugetlb 2MB:64m busybox true
		assert_error hugetlb
	fi
}

@test "a unified limit is the kernel's, or an error where it has no such file" {
	if on_v2; then
		run_ok ctr run -d -s web --name a --unified memory.high=33554432 busybox sleep 1000
		[ "$(cat "/sys/fs/cgroup$(cgroup_of a)/memory.high")" = 33554432 ]
	else
		run_fails 125 ctr run -s web --name a --unified memory.high=33554432 busybox true
		assert_error memory.high
	fi
}

@test "--env-file sets variables for run and create, -e has the last word, bad files are errors" {
	printf '# comment\n\nA=1\n  B=two words\nC=x=y\r\nD\nE\n' > "$TEST_DIR/env"
	printf 'A=2\n' > "$TEST_DIR/env2"
	D=fromhere run_ok ctr run --rm -s web --env-file "$TEST_DIR/env" --env-file "$TEST_DIR/env2" -e C=9 busybox sh -c 'echo "$A|$B|$C|$D|${E-unset}"'
	assert_output "2|two words|9|fromhere|unset"
	run_ok ctr create --name b --env-file "$TEST_DIR/env2" web busybox sh -c 'echo "$A"'
	run_ok ctr start b
	run_ok ctr wait b
	run_ok ctr logs b
	assert_output 2
	run_fails 125 ctr run --rm -s web --env-file "$TEST_DIR/nosuch" busybox true
	assert_error "--env-file $TEST_DIR/nosuch"
	printf '=x\n' > "$TEST_DIR/env"
	run_fails 125 ctr run --rm -s web --env-file "$TEST_DIR/env" busybox true
	assert_error "a variable needs a name"
}

@test "update changes huge pages and unified limits, of one that runs and of one that does not" {
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_ok ctr create --name b web busybox sleep 1000
	if has_hugetlb; then
		run_ok ctr update --hugetlb 2MB:64m a b
		run_ok ctr update --hugetlb 2MB:32m b
		run_ok ctr start b
		[ "$(hugetlb_of a) $(hugetlb_of b)" = "67108864 33554432" ]
		run_ok ctr inspect b
		jq -e '.[0].config.linux.resources.hugepage_limits == [{page_size: "2MB", limit: 33554432}]' <<< "$output"
	else
		run_fails 1 ctr update --hugetlb 2MB:64m a
		assert_error hugetlb
	fi
	if on_v2; then
		run_ok ctr update --unified memory.high=33554432 a
		[ "$(cat "/sys/fs/cgroup$(cgroup_of a)/memory.high")" = 33554432 ]
	else
		run_fails 1 ctr update --unified memory.high=33554432 a
		assert_error memory.high
	fi
	run_fails 1 ctr update --hugetlb 8MB:1m a
	assert_error hugetlb
	run_fails 2 ctr update --hugetlb 2MB a
	assert_error "expected PAGESIZE:LIMIT"
	run_ok ctr inspect a
	jq -e '.[0].config.linux.resources.hugepage_limits | map(select(.page_size == "8MB")) == []' <<< "$output"
}
