#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# User namespaces of sandboxes (SEC-R17).

load helpers

setup() {
	caddis_setup
	test_image
}

# first_uid SANDBOX: the host's id of its root.
first_uid() {
	"$CADDIS" sandbox inspect "$1" | jq '.[0].config.linux.security_context.namespace_options.userns_options.uids[0].host_id'
}

pid_of() {
	"$CADDIS" ctr inspect "$1" | jq '.[0].pid'
}

# upper_of CONTAINER: its writable layer.
upper_of() {
	printf '%s/containers/%s/upper' "$CADDIS_ROOT" "$("$CADDIS" ctr inspect "$1" | jq -r '.[0].id')"
}

leases() {
	find "$CADDIS_STATE/userns" -mindepth 1 | wc -l
}

@test "root in a container with --userns auto is nobody on the host, and its namespaces are the sandbox's own" {
	run_ok sandbox create --userns auto web
	run_ok ctr run -d -s web --name a busybox sleep 1000
	pid=$(pid_of a)
	host=$(first_uid web)
	[ "$host" -ge 65536 ]
	[ "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$pid/status")" = "$host $host $host $host" ]
	[ "$(awk '/^Gid:/ { print $2 }' "/proc/$pid/status")" = "$host" ]
	for type in net ipc uts user; do
		path=$CADDIS_STATE/sandboxes/$("$CADDIS" sandbox inspect web | jq -r '.[0].id')/ns/$type
		[ "$(stat -Lc %i "$path")" = "$(stat -Lc %i "/proc/$pid/ns/$type")" ] || fail "$type"
	done
	[ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)" ]
	[ "$("$CADDIS" sandbox inspect web | jq -r '.[0].linux.namespaces.user')" = "$path" ]
	run_ok ctr exec a id
	assert_output "uid=0(root) gid=0(root) groups=0(root)"
	run_ok ctr exec a cat /proc/self/uid_map
	[ "$(xargs <<< "$output")" = "0 $host 65536" ]
	run_ok ctr exec -u user a sh -c 'id -u; echo $HOME'
	assert_output "1000
/tmp"
	# All of a sandbox's containers are in the one namespace.
	run_ok ctr run --rm -s web busybox readlink /proc/self/ns/user
	assert_output "$(readlink "/proc/$pid/ns/user")"
}

@test "the image's files are its own ids', and what it writes belongs to its ids on the host" {
	test_rootfs "$TEST_DIR/rootfs"
	echo secret > "$TEST_DIR/rootfs/secret"
	chown 1000:50 "$TEST_DIR/rootfs/secret"
	chmod 600 "$TEST_DIR/rootfs/secret"
	run_ok image import --cmd sh "$TEST_DIR/rootfs" owned
	run_ok sandbox create --userns auto web
	host=$(first_uid web)
	run_ok ctr run -d -s web --name a owned sh -c 'echo x > /root/new; cat /secret > /dev/null; chown 7:8 /secret; exec sleep 1000'
	run_ok ctr exec a stat -c %u:%g / /bin/busybox /etc/hosts
	assert_output "0:0
0:0
0:0"
	wait_until 5 test -e "$(upper_of a)/secret"
	run_ok ctr exec a stat -c %u:%g /secret /root/new
	assert_output "7:8
0:0"
	[ "$(stat -c %u:%g "$(upper_of a)/secret")" = "$((host + 7)):$((host + 8))" ]
	[ "$(stat -c %u:%g "$(upper_of a)/root/new")" = "$host:$host" ]
	[ "$(stat -c %u:%g "$(upper_of a)")" = "$host:$host" ]
	run_ok ctr exec -u 7:8 a cat /secret
	run_fails 1 ctr exec -u 1000:50 a cat /secret
	# The layer itself is as it was.
	run_ok ctr run --rm busybox true
	run_ok ctr run --rm owned stat -c %u:%g /secret
	assert_output "1000:50"
}

@test "a container cannot read what another sandbox's container wrote, root or not" {
	mkdir -m 1777 "$TEST_DIR/shared"
	run_ok sandbox create --userns auto one
	run_ok sandbox create --userns auto --privileged two
	[ "$(first_uid one)" != "$(first_uid two)" ]
	run_ok ctr run --rm -s one -v "$TEST_DIR/shared:/v" busybox sh -c 'umask 077; echo secret > /v/f'
	run_ok ctr run --rm -s one -v "$TEST_DIR/shared:/v" busybox cat /v/f
	assert_output secret
	run_fails 1 ctr run --rm -s two -v "$TEST_DIR/shared:/v" busybox cat /v/f
	[[ $stderr == *"Permission denied"* ]]
	run_fails 1 ctr run --rm -s two --privileged -v "$TEST_DIR/shared:/v" busybox cat /v/f
	run_fails 1 ctr run --rm -s two --cap-add ALL -v "$TEST_DIR/shared:/v" busybox sh -c 'chown 0 /v/f || exit 1'
	# Nor the host's.
	echo host > "$TEST_DIR/shared/host"
	chmod 600 "$TEST_DIR/shared/host"
	run_fails 1 ctr run --rm -s two --privileged -v "$TEST_DIR/shared:/v" busybox cat /v/host
}

@test "a volume is as it is, and with idmap belongs to the same ids as on the host" {
	mkdir "$TEST_DIR/v"
	echo x > "$TEST_DIR/v/f"
	run_ok sandbox create --userns auto web
	run_ok ctr run --rm -s web -v "$TEST_DIR/v:/v" busybox stat -c %u /v/f
	assert_output 65534
	run_fails 1 ctr run --rm -s web -v "$TEST_DIR/v:/v" busybox touch /v/g
	run_ok ctr run --rm -s web -v "$TEST_DIR/v:/v:idmap" busybox sh -c 'stat -c %u /v/f; touch /v/g; chown 9 /v/g'
	assert_output 0
	[ "$(stat -c %u:%g "$TEST_DIR/v/g")" = 9:0 ]
	run_ok sandbox create plain
	run_fails 125 ctr run --rm -s plain -v "$TEST_DIR/v:/v:idmap" busybox true
	assert_error "the container has no user namespace"
}

@test "a map is taken as it is given, with 1, 2, 50 and 340 lines" {
	for n in 1 2 50 340; do
		map=$(for ((i = 0; i < n; i++)); do printf '%s%d:%d:1' "${map_sep-}" "$i" "$((n - i))"; map_sep=,; done)
		run_ok sandbox create --userns "$map" "m$n"
		run_ok ctr run --rm -s "m$n" busybox cat /proc/self/uid_map
		[ "$(awk '{ printf "%s%d:%d:%d", (NR > 1 ? "," : ""), $1, $2, $3 }' <<< "$output")" = "$map" ] || fail "$n: $output"
		run_ok ctr run --rm -s "m$n" busybox cat /proc/self/gid_map
		[ "$(wc -l <<< "$output")" -eq "$n" ]
		run_ok ctr run -d -s "m$n" --name a busybox sh -c 'touch /x; sleep 1000'
		wait_until 5 test -e "$(upper_of a)/x"
		[ "$(stat -c %u "$(upper_of a)/x")" = "$n" ]
		run_ok ctr rm -f a
	done
	run_ok ctr run --rm -s m50 -u 49 busybox sh -c 'id -u; cat /proc/self/uid_map > /dev/null'
	assert_output 49
	run_fails 125 ctr run --rm -s m50 -u 50 busybox true
	assert_error "50:0 is not in the map"
}

@test "maps that cannot be are refused before anything is made" {
	many=$(for ((i = 0; i < 341; i++)); do printf '%s%d:%d:1' "${sep-}" "$i" "$i"; sep=,; done)
	sep=
	long=$(for ((i = 0; i < 300; i++)); do printf '%s%d:%d:1' "${sep-}" "$i" "$((3000000000 + i))"; sep=,; done)
	for map in "" bogus 0:1 0:1:2:3 0:1:0 0:1:-1 -1:1:1 0:4294967295:1 0:1:4294967295 0:0:4294967296 1:100000:65536 \
		0:100:10,5:200:10 0:100:10,10:105:10 "0:100:10," 0x0:1:1 0:1e3:1 "0:1:1 " 99999999999999999999:1:1 "$many" "$long"; do
		run_fails 2 sandbox create --userns="$map" web
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "${map:0:60}: $stderr"
		run_ok sandbox ls -q
		assert_output ""
	done
	[ "$(leases)" -eq 0 ]
}

@test "no two sandboxes have ids in common; they are leased until rm" {
	for i in 1 2 3 4 5 6; do
		run_ok sandbox create --userns auto "s$i"
	done
	[ "$(for i in 1 2 3 4 5 6; do first_uid "s$i"; done | sort -u | wc -l)" -eq 6 ]
	[ "$(leases)" -eq 6 ]
	taken=$(first_uid s1)
	run_fails 1 sandbox create --userns "0:$((taken + 5)):1" x
	assert_error "in use by sandbox s1"
	run_ok sandbox stop s1
	run_fails 1 sandbox create --userns "0:$((taken - 10)):20" x
	assert_error "in use by sandbox s1"
	run_ok sandbox rm s1
	[ "$(leases)" -eq 5 ]
	run_ok sandbox create --userns "0:$((taken - 10)):20" x
	[ "$(leases)" -eq 7 ]
	run_ok sandbox rm x s2 s3 s4 s5 s6
	[ "$(leases)" -eq 0 ]
}

@test "the range is that of /etc/subuid and /etc/subgid, and an exhausted one is an error" {
	mkdir "$TEST_DIR/etc"
	printf 'someone:100000:65536\nroot:7000000:65536\ncontainers:500000:131072\n' > "$TEST_DIR/etc/subuid"
	printf 'containers:800000:1000000\n' > "$TEST_DIR/etc/subgid"
	# shellcheck disable=SC2016
	run unshare -m sh -c '
		mount --bind "$1" /etc &&
		"$CADDIS" sandbox create --userns auto a > /dev/null && "$CADDIS" sandbox create --userns auto b > /dev/null || exit 1
		for s in a b; do "$CADDIS" sandbox inspect $s; done | jq -c ".[].config.linux.security_context.namespace_options.userns_options | [.uids[0].host_id, .gids[0].host_id]" | sort
		"$CADDIS" sandbox create --userns auto c 2>&1; echo $?
		"$CADDIS" sandbox rm a b > /dev/null' sh "$TEST_DIR/etc"
	[ "$status" -eq 0 ] || fail "$output"
	assert_output "[500000,800000]
[565536,865536]
caddis: all 2 ranges of ids for user namespaces are in use
1"
	[ "$(leases)" -eq 0 ]
}

@test "the host's network, ipc and processes are not shared with a user namespace" {
	for option in --network --pid --ipc; do
		run_fails 2 sandbox create --userns auto "$option" host web
		assert_error "cannot share the host's network, processes or ipc"
	done
	run_ok sandbox create --userns auto web
	run_fails 125 ctr run --rm -s web --pid host busybox true
	assert_error "cannot have the host's processes"
	[ "$(leases)" -eq 1 ]
}

@test "with privileges it has those of its namespace, not the host's" {
	run_ok sandbox create --userns auto --privileged web
	run_ok ctr run --rm -s web busybox grep CapEff /proc/self/status
	assert_output "CapEff:	00000000a80425fb"
	run_ok ctr run --rm -s web --privileged busybox sh -c 'mkdir /m && mount -t tmpfs t /m && hostname inside && hostname'
	assert_output inside
	run_fails 1 ctr run --rm -s web --privileged busybox mknod /sda b 8 0
	run_fails 1 ctr run --rm -s web --privileged busybox sh -c 'echo x > /proc/sys/kernel/core_pattern'
	run_fails 1 ctr run --rm -s web --privileged busybox sh -c 'echo b > /proc/sysrq-trigger'
	[ "$(uname -n)" != inside ]
}

@test "streams, terminals, shared processes and sysctls work in a user namespace" {
	run_ok sandbox create --userns auto --pid sandbox --sysctl kernel.shm_rmid_forced=1 --sysctl net.core.somaxconn=99 web
	run_ok ctr run --rm -s web busybox sh -c 'cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/core/somaxconn; ps -o comm | head -n 2 | tail -n 1'
	assert_output_has "1
99"
	# shellcheck disable=SC2016
	[ "$(echo in | "$CADDIS" ctr run --rm -i -s web busybox sh -c 'cat > /dev/stdout; echo out > /dev/stdout')" = "in
out" ]
	run_ok ctr run --rm -s web -u user busybox sh -c 'echo out > /dev/stdout; echo err > /dev/stderr'
	assert_output out
	[ "$stderr" = err ]
	run_ok ctr run --rm -t -s web -u user busybox sh -c 'tty; echo x > /dev/tty'
	assert_output_has /dev/pts/0
	run_ok ctr run -d -s web --name d busybox sh -c 'echo hello > /dev/stdout; exec sleep 1000'
	logged() { [ "$("$CADDIS" ctr logs d)" = hello ]; }
	wait_until 5 logged
	run_ok ctr exec -t d tty
	[ "$(echo x | "$CADDIS" ctr exec -i -u user d sh -c 'cat > /dev/stdout')" = x ]
	run_ok ctr kill d
	run_fails 7 ctr run --rm -s web busybox sh -c 'exit 7'
	run_fails 126 ctr run --rm -s web busybox /etc/passwd
}

@test "a create that is killed anywhere leaves no lease" {
	for call in symlinkat renameat2 move_mount; do
		for nth in 1 2 3; do
			strace -f -qq -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$nth \
				"$CADDIS" sandbox create --userns auto web > /dev/null 2>&1 || true
			"$CADDIS" sandbox rm --ignore web > /dev/null
			run_ok sandbox create web
			run_ok sandbox rm web
			run_ok sandbox ls -q
			assert_output ""
			[ "$(leases)" -eq 0 ] || fail "killed at $call $nth: $(leases) leases"
		done
	done
}
