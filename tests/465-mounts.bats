#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# Mounts of containers: where they come from, what they allow, where they cannot lead.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
	mkdir -p "$TEST_DIR/v/sub/deep"
	echo file > "$TEST_DIR/v/f"
	echo deep > "$TEST_DIR/v/sub/deep/f"
}

teardown() {
	! mountpoint -q "$TEST_DIR/v/sub" || umount "$TEST_DIR/v/sub"
	caddis_teardown
}

inside() {
	run_ok ctr run --rm -s web "$@"
}

@test "-v and --mount bind what they name, to be read and written or read only" {
	for mount in "-v $TEST_DIR/v:/m" "--mount type=bind,source=$TEST_DIR/v,target=/m" "--mount=type=bind,src=$TEST_DIR/v,dst=/m,rw"; do
		# shellcheck disable=SC2086
		inside $mount busybox sh -c 'cat /m/f; echo x > /m/new'
		assert_output file
		rm "$TEST_DIR/v/new"
	done
	for mount in "-v $TEST_DIR/v:/m:ro" "--mount type=bind,source=$TEST_DIR/v,target=/m,readonly" "-v $TEST_DIR/v:/m:rro,z"; do
		# shellcheck disable=SC2086
		run_fails 1 ctr run --rm -s web $mount busybox touch /m/new
		[[ $stderr == *"Read-only file system"* ]] || fail "$stderr"
	done
	inside -v "$TEST_DIR/v/f:/etc/conf.d/f" busybox cat /etc/conf.d/f
	assert_output file
	run_ok ctr run -d -s web --name a -v "$TEST_DIR/v:/m:ro" busybox sleep 1000
	run_ok ctr inspect a
	jq -e --arg v "$TEST_DIR/v" '.[0].config.mounts == [{container_path: "/m", host_path: $v, readonly: true}]' <<< "$output"
}

@test "rro makes what is mounted below read-only too, ro does not" {
	mount -t tmpfs sub "$TEST_DIR/v/sub"
	inside -v "$TEST_DIR/v:/m:ro" busybox touch /m/sub/x
	run_fails 1 ctr run --rm -s web -v "$TEST_DIR/v:/m:rro" busybox touch /m/sub/y
	[[ $stderr == *"Read-only file system"* ]]
	run_fails 125 ctr run --rm -s web -v "$TEST_DIR/v:/m:rro,rslave" busybox true
	assert_error "recursive_read_only needs private propagation"
	echo '{"image": {"image": "busybox"}, "mounts": [{"container_path": "/m", "host_path": "/tmp", "recursive_read_only": true}]}' > "$TEST_DIR/c.json"
	run_fails 125 ctr run --rm -s web -f "$TEST_DIR/c.json" busybox true
	assert_error "recursive_read_only needs readonly"
	umount "$TEST_DIR/v/sub"
}

@test "what is mounted on the host later is seen with rslave, not with private" {
	mount --bind "$TEST_DIR/v" "$TEST_DIR/v"
	mount --make-shared "$TEST_DIR/v"
	run_ok ctr run -d -s web --name slave --mount "type=bind,source=$TEST_DIR/v,target=/m,bind-propagation=rslave" busybox sleep 1000
	run_ok ctr run -d -s web --name private -v "$TEST_DIR/v:/m" busybox sleep 1000
	mount -t tmpfs late "$TEST_DIR/v/sub"
	touch "$TEST_DIR/v/sub/late"
	run_ok ctr exec slave ls /m/sub
	assert_output late
	run_ok ctr exec private ls /m/sub
	assert_output deep
	umount "$TEST_DIR/v/sub"
	run_ok ctr rm -f slave private
	umount "$TEST_DIR/v"
}

@test "a tmpfs has the size and mode asked for" {
	inside --tmpfs /t:size=1m,mode=750 busybox sh -c 'stat -c %a /t; df -k /t | tail -n 1 | { read -r _ size _; echo "$size"; }; grep " /t " /proc/mounts'
	[ "${lines[0]}" = 750 ]
	[ "${lines[1]}" = 1024 ]
	[[ ${lines[2]} == *nosuid,nodev* ]] || fail "$output"
	inside --mount type=tmpfs,target=/t,tmpfs-size=64k,tmpfs-mode=4700 busybox stat -c %a /t
	assert_output 4700
	inside --tmpfs /t busybox stat -c %a /t
	assert_output 1777
	run_fails 1 ctr run --rm -s web --tmpfs /t:ro busybox touch /t/x
	inside --tmpfs /t:size=64k busybox sh -c 'cat /dev/zero > /t/x 2> /dev/null; stat -c %s /t/x'
	assert_output 65536
	inside -u 1000 --read-only --tmpfs /run busybox touch /run/x
}

@test "a sub-path is below its source, wherever links in it point" {
	inside --mount "type=bind,source=$TEST_DIR/v,target=/m,subpath=sub/deep" busybox cat /m/f
	assert_output deep
	inside --mount "type=bind,source=$TEST_DIR/v,target=/m,subpath=f" busybox cat /m
	assert_output file
	mkdir "$TEST_DIR/v/etc"
	echo own > "$TEST_DIR/v/etc/passwd"
	ln -s /etc "$TEST_DIR/v/absolute"
	ln -s ../../../../../../../etc "$TEST_DIR/v/relative"
	ln -s /proc/1/root "$TEST_DIR/v/magic"
	for link in absolute relative ../../../../etc sub/../../../../../etc; do
		inside --mount "type=bind,source=$TEST_DIR/v,target=/m,subpath=$link" busybox cat /m/passwd
		assert_output own
	done
	for link in magic nosuch sub/nosuch f/x; do
		run_fails 125 ctr run --rm -s web --mount "type=bind,source=$TEST_DIR/v,target=/m,subpath=$link" busybox true
		assert_error "sub-path of $TEST_DIR/v"
	done
}

@test "an option wins over the mount of a file on the same path" {
	echo '{"image": {"image": "busybox"}, "mounts": [{"container_path": "/m", "host_path": "/nosuch"},
		{"container_path": "/t", "tmpfs": {"size": 4096, "mode": 448}}]}' > "$TEST_DIR/c.json"
	run_ok ctr run --rm -s web -f "$TEST_DIR/c.json" -v "$TEST_DIR/v:/m" busybox sh -c 'cat /m/f; stat -c %a /t'
	assert_output "file
700"
}

@test "mounts that cannot be are refused, and nothing is made" {
	for args in "-v x" "-v :/m" "-v /tmp:m" "-v /tmp:/m:bogus" "-v /tmp:/m:ro:x" "-v /nosuch:/m" "-v /tmp:/" "-v /tmp:/m:size=1m" \
		"-v /tmp:/proc/self" "-v /tmp:/proc" "--tmpfs t" "--tmpfs /t:size=x" "--tmpfs /t:mode=9" "--tmpfs /t:mode=" "--tmpfs /t:bogus" \
		"--tmpfs /t:idmap" "--mount x" "--mount type=bogus,target=/m" "--mount type=bind,target=/m" "--mount type=bind,source=/tmp" \
		"--mount type=bind,source=/tmp,target=m" "--mount type=tmpfs,target=/m,source=/tmp" "--mount type=tmpfs,target=/m,subpath=x" \
		"--mount type=bind,source=/tmp,target=/m,propagation=ro" "--mount type=bind,source=/tmp,target=/m,bogus=1"; do
		# shellcheck disable=SC2086
		run_fails 125 ctr run --rm -s web $args busybox true
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$args: $stderr"
	done
	run_ok ctr ls -aq
	assert_output ""
}
