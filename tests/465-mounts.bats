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
	run_fails 1 ctr run --rm -s web --mount "type=bind,source=$TEST_DIR/v,target=/m,ro=recursive" busybox touch /m/sub/y
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

@test "a sub-path that is swapped for a link out of its source while it is mounted never shows the host" {
	mkdir "$TEST_DIR/v/etc" "$TEST_DIR/v/d"
	echo own > "$TEST_DIR/v/etc/hostname"
	echo own > "$TEST_DIR/v/d/hostname"
	ln -s /etc "$TEST_DIR/v/l"
	background python3 -c '
import os, sys, time
os.chdir(sys.argv[1])
while True:
    for way in (("d", "x"), ("l", "d")), (("d", "l"), ("x", "d")):
        for a, b in way:
            os.rename(a, b)
        time.sleep(0.002)' "$TEST_DIR/v"
	for _ in 1 2 3 4 5 6 7 8; do
		run --separate-stderr "$CADDIS" ctr run --rm -s web --mount "type=bind,source=$TEST_DIR/v,target=/m,subpath=d" busybox cat /m/hostname
		case $status in
		0) assert_output own ;;
		*) assert_error "sub-path of $TEST_DIR/v" ;; # just then there was none
		esac
	done
}

# An image "files", with data/f, data/tool, and owners.
files_image() {
	mkdir -p "$TEST_DIR/files/data"
	echo data > "$TEST_DIR/files/data/f"
	ln -s /etc "$TEST_DIR/files/data/out"
	mkdir "$TEST_DIR/files/etc"
	echo of-the-image > "$TEST_DIR/files/etc/passwd"
	chown 7:8 "$TEST_DIR/files/data/f"
	run_ok image import "$TEST_DIR/files" files
}

@test "an image is mounted read-only, whole or a path of it, by option and by file, in user namespaces too" {
	files_image
	inside --mount type=image,source=files,target=/m busybox sh -c 'cat /m/data/f; stat -c %u:%g /m/data/f; grep " /m " /proc/mounts; touch /m/x 2> /dev/null || echo refused'
	[ "${lines[0]} ${lines[1]} ${lines[3]}" = "data 7:8 refused" ] || fail "$output"
	[[ ${lines[2]} == *" ro,nosuid,nodev,"* ]] || fail "$output"
	inside --mount type=image,src=files,dst=/m,subpath=data,rw=false,ro busybox ls /m
	assert_output "f
out"
	inside --mount type=image,source=files,target=/m/f,subpath=data/f busybox cat /m/f
	assert_output data
	inside --mount type=image,source=files,target=/m,subpath=data/out busybox cat /m/passwd
	assert_output of-the-image
	run_ok sandbox create --userns auto users
	for words in "" ,subpath=data; do
		run_ok ctr run --rm -s users --mount "type=image,source=files,target=/m$words" busybox sh -c 'stat -c %u:%g /m/f /m/data/f 2> /dev/null; touch /m/x 2> /dev/null || echo refused'
		assert_output "7:8
refused"
	done
	printf 'image: {image: busybox}\nmounts: [{container_path: /m, image: {image: files}, imageSubPath: data, readonly: true}, {container_path: /n, image: {image: files}}]' > "$TEST_DIR/c.yaml"
	run_ok ctr run -d -s web --name both -f "$TEST_DIR/c.yaml" busybox sh -c 'cat /m/f /n/data/f; exec sleep 1000'
	run_ok ctr inspect both
	id=$("$CADDIS" image inspect files | jq -r '.[0].id')
	jq -e --arg id "$id" '.[0].config.mounts | map(.image.image == "files" and .image.image_ref == $id) == [true, true] and .[0].image_sub_path == "data"' <<< "$output"
	logged() { [ "$("$CADDIS" ctr logs both)" = $'data\ndata' ]; }
	wait_until 5 logged
}

@test "an image that is mounted somewhere is in use, and mounted again at each start" {
	files_image
	run_ok ctr create --name both --mount type=image,source=files,target=/m web busybox cat /m/data/f
	run_fails 1 image rm files
	assert_error "image files: in use by container both"
	run_ok image rm -f files
	run_ok image prune
	run_ok ctr start -a both
	assert_output data
	run_ok ctr restart both
	run_ok ctr wait both
	[ "$output" = 0 ]
	run_ok ctr rm both
	run_ok image prune
	run_ok image ls -o name
	assert_output docker.io/library/busybox:latest
}

@test "image mounts that cannot be are refused, and nothing is made" {
	files_image
	run_fails 125 ctr run -s web --pull never --mount type=image,source=nosuch,target=/m busybox true
	assert_error "mount on /m: image nosuch"
	run_fails 125 ctr run -s web --mount type=image,source=files,target=/m,rw busybox true
	assert_error "an image is mounted read-only"
	run_fails 125 ctr run --rm -s web --mount type=image,source=files,target=/m,subpath=nosuch busybox true
	assert_error "mount on /m: sub-path of the image"
	for words in source=,target=/m target=/m source=files source=files,target=m source=files,target=/m,size=1m \
		source=files,target=/m,idmap source=files,target=/m,rshared source=files,target=/m,bogus source=files,target=/; do
		run_fails 125 ctr run --rm -s web --mount "type=image,$words" busybox true
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$words: $stderr"
	done
	printf 'image: {image: busybox}\nmounts: [{container_path: /m, image: {image: files}, host_path: /tmp}]' > "$TEST_DIR/c.yaml"
	run_fails 125 ctr run -s web -f "$TEST_DIR/c.yaml" busybox true
	assert_error "it is of image files, and has no other source"
	printf 'image: {image: busybox}\nmounts: [{container_path: /m, host_path: /tmp, image_sub_path: x}]' > "$TEST_DIR/c.yaml"
	run_fails 125 ctr run -s web -f "$TEST_DIR/c.yaml" busybox true
	assert_error "image_sub_path without image"
	run_ok ctr ls -aq
	assert_output ""
}

@test "a bind mount has the ids that its maps say, by option and by file, without a user namespace too" {
	chown 5:6 "$TEST_DIR/v/f"
	chmod 777 "$TEST_DIR/v"
	inside -u 1001:2001 -v "$TEST_DIR/v:/m:idmap=uids=0-1000-10;gids=0-2000-10" busybox sh -c 'stat -c %u:%g /m/f; touch /m/new'
	assert_output 1005:2006
	[ "$(stat -c %u:%g "$TEST_DIR/v/new")" = 1:1 ]
	inside --mount "type=bind,source=$TEST_DIR/v,target=/m,idmap=uids=5-50-1#6-60-1" busybox stat -c %u:%g /m/f
	assert_output 50:60
	printf 'image: {image: busybox}\nmounts: [{container_path: /m, host_path: %s, uidMappings: [{host_id: 100, container_id: 0, length: 9}], gid_mappings: [{hostId: 200, containerId: 0, length: 9}]}]' "$TEST_DIR/v" > "$TEST_DIR/c.yaml"
	inside -f "$TEST_DIR/c.yaml" busybox stat -c %u:%g /m/f
	assert_output 105:206
	run_ok ctr run --print-config -f "$TEST_DIR/c.yaml" busybox
	jq -e '.mounts[0] | .uid_mappings == [{host_id: 100, length: 9}] and .gid_mappings == [{host_id: 200, length: 9}]' <<< "$output"
}

@test "maps of mounts that cannot be are refused, with the mount's name" {
	for map in idmap= idmap=0-1-2 idmap=uids= "idmap=uids=0-1-2;uids=0-1-2" "idmap=uids=0-1" idmap=uids=0-1-0 idmap=uids=x-1-2 idmap=bogus \
		idmap=uids=0-1-10#5-50-10 idmap=uids=0-4294967295-1 idmap=uids=0-0-4294967296; do
		run_fails 125 ctr run --rm -s web -v "$TEST_DIR/v:/m:$map" busybox true
		[ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == *"/m"* ]] || fail "$map: $stderr"
	done
	# A file system that cannot.
	run_fails 125 ctr run --rm -s web -v /sys/kernel:/m:idmap=uids=0-1-2 busybox true
	assert_error "mount on /m: map the ids of the mount: "
	[[ $stderr == *"its file system or this kernel cannot do that"* ]] || fail "$stderr"
	printf 'image: {image: busybox}\nmounts: [{container_path: /m, host_path: /tmp, uid_mappings: [{length: 9}]}]' > "$TEST_DIR/c.yaml"
	run_fails 125 ctr run -s web -f "$TEST_DIR/c.yaml" busybox true
	assert_error "mount on /m: uid_mappings and gid_mappings go together"
	run_ok ctr ls -aq
	assert_output ""
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
