#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helpers

@test "create prints the ID of a sandbox that is Ready and has no process" {
	run_ok sandbox create web
	[[ $output =~ ^[0-9a-f]{64}$ ]] || fail "not an ID: $output"
	id=$output
	run_ok sandbox ls -o json
	[ "$(jq -r '.[0].state' <<< "$output")" = Ready ]
	[ "$(jq -r '.[0].id' <<< "$output")" = "$id" ]
	[ -z "$(processes_left)" ] || fail "a process: $(processes_left)"
}

@test "a sandbox has namespaces of its own, with its hostname and a loopback that is up" {
	run_ok sandbox create --hostname box web
	net=$("$CADDIS" sandbox inspect web | jq -r '.[0].linux.namespaces.network')
	[ "$(readlink /proc/self/ns/net)" != "$(nsenter --net="$net" readlink /proc/self/ns/net)" ]
	nsenter --net="$net" ip -o link show lo | grep -q 'LOOPBACK,UP'
	[ "$(nsenter --uts="${net%/net}/uts" uname -n)" = box ]
	[ "$(uname -n)" != box ]
}

@test "its pins do not propagate to other mount namespaces, also where mounts are shared as under systemd" {
	background unshare -m --propagation slave sleep 30
	other=$!
	elsewhere() { [ "$(readlink /proc/self/ns/mnt)" != "$(readlink "/proc/$1/ns/mnt")" ]; }
	wait_until 3 elsewhere "$other"
	run_ok sandbox create web
	grep -q "$TEST_DIR.* nsfs " /proc/self/mountinfo
	! grep "$TEST_DIR.* nsfs " "/proc/$other/mountinfo" || fail "a pin in another mount namespace"
	run_ok sandbox rm web # a copy of all mounts would have it

	background unshare -m --propagation shared sh -c 'unshare -m --propagation slave sleep 30 & echo $! > "$0"; wait' "$TEST_DIR/pid"
	wait_until 3 test -s "$TEST_DIR/pid"
	other=$(cat "$TEST_DIR/pid")
	shared=$(ps -o ppid= -p "$other" | tr -d ' ')
	wait_until 3 elsewhere "$other"
	nsenter --mount="/proc/$shared/ns/mnt" "$CADDIS" sandbox create db
	grep -q "$TEST_DIR.* nsfs " "/proc/$shared/mountinfo"
	! grep "$TEST_DIR.* nsfs " "/proc/$other/mountinfo" || fail "a pin in a slave of a shared mount"
	nsenter --mount="/proc/$shared/ns/mnt" "$CADDIS" sandbox rm db
	! grep "$TEST_DIR/.*/ns" "/proc/$other/mountinfo" || fail "the mount of the pins stays elsewhere"
	kill "$other"
}

@test "with --network=host and --ipc=host it shares the host's namespaces" {
	test_image
	run_ok sandbox create --network host --ipc host web
	for ns in net ipc uts; do
		run_ok ctr run --rm -s web busybox readlink "/proc/self/ns/$ns"
		assert_output "$(readlink "/proc/self/ns/$ns")"
	done
}

@test "a name is taken once, and free again after rm" {
	run_ok sandbox create web
	first=$output
	run_fails 1 sandbox create web
	assert_error "the name web is in use by sandbox ${first:0:12}"
	run_ok sandbox ls -q
	[ "${#lines[@]}" -eq 1 ]
	run_ok sandbox rm web
	run_ok sandbox create web
}

@test "bad names, modes and limits are refused before anything is made" {
	for args in "a/b" "../x" "-- -x" "--name x y" "--ip 10.1.1 w" "--mac 1:2 w" "--publish 80 w" "--ipc bogus w" "--memory lots w" \
		"--cpu -1 w" "--cpu 1x w" "--pids-limit 0 w" "--cgroup-parent rel w" "--cgroup-parent /a/../b w" \
		"--cgroup-parent /a//b w" "--cgroup-parent /a/./b w" "--cgroup-parent //x w" "--run-as-group 5 w" \
		"--dns-server example.org w" "--dns-server 192.0.2.1%eth0 w" \
		"--log-directory rel w" "--hostname a..b/c w" "--nosuch w" "a b"; do
		# shellcheck disable=SC2086
		run_fails 2 sandbox create $args
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$args: $stderr"
	done
	run_fails 2 sandbox create --cgroup-parent "/$(printf 'a/%.0s' {1..300})" w
	assert_error "longer than 512 bytes"
	run_fails 2 sandbox create ""
	run_fails 2 sandbox create "$(printf 'a%.0s' {1..64})"
	run_ok sandbox ls -q
	assert_output ""
}

@test "no DNS setting can pass for another line of resolv.conf" {
	run_fails 2 sandbox create --dns-search $'a\nnameserver 192.0.2.66' w
	assert_error "dns_config.searches[0]: 'a\x0anameserver 192.0.2.66': expected one word"
	run_fails 2 sandbox create --dns-search a --dns-option "ndots:2 rotate" w
	assert_error "dns_config.options[0]: 'ndots:2 rotate': expected one word"
	run_fails 2 sandbox create --dns-server $'fe80::1%eth0\noptions x' w
	assert_error "dns_config.servers[0]"
	printf '%s' '{"dns_config": {"searches": ["ok", ""]}}' > "$TEST_DIR/dns.json"
	run_fails 2 sandbox create -f "$TEST_DIR/dns.json"
	assert_error "dns_config.searches[1]: '': expected one word"
	run_ok sandbox create --dns-server fe80::1%eth0 w
	grep -Fqx "nameserver fe80::1%eth0" "$CADDIS_ROOT"/sandboxes/*/resolv.conf
}

@test "a cgroup parent may be the root, and end with a slash" {
	test_image
	run_ok sandbox create --cgroup-parent / root
	run_ok sandbox create --cgroup-parent "/caddis-test-${BATS_TEST_NUMBER}/" slash
	for name in root slash; do
		run_ok sandbox inspect "$name" --field .linux.cgroup
		group=$output
		[[ $group != *//* ]] || fail "$group"
		run_ok ctr run -d -s "$name" --name "in-$name" busybox sleep 1000
		run_ok ctr inspect "in-$name" --field .pid
		grep -q ":$group/" "/proc/$output/cgroup"
		run_ok sandbox rm "$name"
		! find /sys/fs/cgroup -maxdepth 3 -path "*$group" | grep . || fail "$group is still there"
	done
}

@test "-o name prints names, and the IDs of those that have none" {
	run_ok sandbox create named
	run_ok sandbox create
	nameless=$output
	run_ok sandbox ls -o name
	[ "$(sort <<< "$output")" = "$(printf '%s\n' "$nameless" named | sort)" ] || fail "$output"
}

@test "stop ends its containers and drops its namespaces, twice is a success" {
	test_image
	run_ok sandbox create web
	run_ok ctr run -d -s web --name a busybox sleep 1000
	run_ok sandbox stop -t 0 web
	run_ok sandbox stop web
	[ "$("$CADDIS" sandbox inspect web | jq -r '.[0].state')" = NotReady ]
	[ "$("$CADDIS" ctr inspect a | jq -r '.[0].state')" = Exited ]
	[ -z "$(grep nsfs /proc/self/mountinfo | grep "$TEST_DIR")" ]
	run_fails 125 ctr run -s web busybox true
	assert_error "is not ready"
}

@test "rm removes a sandbox with its running containers, without -f" {
	test_image
	run_ok sandbox create web
	run_ok ctr run -d -s web busybox sleep 1000
	run_ok sandbox rm web
	assert_output web
	run_ok ctr ls -aq
	assert_output ""
	nothing_left
}

@test "rm of what does not exist is an error, and a success with --ignore" {
	run_fails 1 sandbox rm nosuch
	assert_error "no sandbox nosuch"
	run_ok sandbox rm --ignore nosuch
	run_ok sandbox create web
	run_fails 1 sandbox rm nosuch web
	assert_error "no sandbox nosuch"
	assert_output web
}

@test "an ID, a unique prefix of it and the name all find a sandbox" {
	run_ok sandbox create web
	id=$output
	for key in web "$id" "${id:0:12}"; do
		run_ok sandbox inspect "$key"
		[ "$(jq -r '.[0].id' <<< "$output")" = "$id" ]
	done
}

@test "an ambiguous prefix is an error that lists the candidates" {
	for i in {1..17}; do
		run_ok sandbox create "s$i"
		echo "$output" >> "$TEST_DIR/ids"
	done
	prefix=$(cut -c1 "$TEST_DIR/ids" | sort | uniq -d | head -n 1)
	[ -n "$prefix" ]
	run_fails 2 sandbox inspect "$prefix"
	while read -r id; do
		[ "${id:0:1}" != "$prefix" ] || assert_error "${id:0:12}"
	done < "$TEST_DIR/ids"
}

@test "ls filters by name, state and labels" {
	run_ok sandbox create --label tier=front --label x=1 a
	run_ok sandbox create --label tier=back b
	run_ok sandbox create c
	run_ok sandbox stop c
	check() {
		want=$1
		shift
		run_ok sandbox ls -o name "$@"
		[ "$(sort <<< "$output" | xargs)" = "$want" ] || fail "$*: $output"
	}
	check "a b c"
	check a --name a
	check c --state notready
	check "a b" --state Ready
	check a -l tier=front
	check "b c" -l 'tier!=front'
	check "a b" -l tier
	check c -l '!tier'
	check a -l tier=front,x=1
	check "" -l tier=front,x=2
	run_fails 2 sandbox ls --state bogus
}

@test "the limits of a sandbox hold for all its containers together" {
	test_image
	run_ok sandbox create --memory 64Mi --cpu 0.5 --pids-limit 50 web
	cgroup=$("$CADDIS" sandbox inspect web | jq -r '.[0].linux.cgroup')
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = $((64 * 1024 * 1024)) ]
	[ "$(cgroup_value "$cgroup" pids.max pids pids.max)" = 50 ]
	run_ok ctr run --rm -s web busybox cat /proc/self/cgroup
	# Two containers, each of which alone stays below: together they exceed it.
	run_ok ctr run -d -s web --name one busybox sh -c 'head -c 40000000 /dev/zero | tail -c 40000000 | sleep 30'
	run_fails 137 ctr run --rm -s web --oom-score-adj 1000 busybox sh -c 'exec tail -c 40000000 < /dev/zero'
}

@test "hosts, hostname and resolv.conf are the sandbox's, and writable by name servers given" {
	test_image
	run_ok sandbox create --dns-server 192.0.2.1 --dns-search example.org --dns-option ndots:2 web
	run_ok ctr run --rm -s web busybox cat /etc/resolv.conf /etc/hostname
	assert_output "search example.org
nameserver 192.0.2.1
options ndots:2
web"
	run_ok ctr run --rm -s web busybox grep -w web /etc/hosts
}

@test "everything given comes back from inspect" {
	run_ok sandbox create --hostname h --label a=b --annotation 'c=d e' --log-directory "$TEST_DIR/logs" \
		--cgroup-parent /caddis/test-parent --memory 32Mi web
	run_ok sandbox inspect web
	jq -e '.[0] | .name == "web" and .labels.a == "b" and .annotations.c == "d e"
		and .config.hostname == "h" and (.linux.cgroup | startswith("/caddis/test-parent/"))
		and .config.linux.resources.memory_limit_in_bytes == 33554432
		and (.created_at | test("^20[0-9][0-9]-.*Z$"))' <<< "$output"
	[ -d "$TEST_DIR/logs" ]
}
