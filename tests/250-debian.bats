#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A real distribution: Debian by mmdebstrap, made into an image of several layers by buildah, pushed
# by skopeo, compressed by gzip and by zstd. What is pulled must be what umoci unpacks, entry by entry.

load helpers

setup_file() {
	local b work

	export DEBIAN=$BATS_FILE_TMPDIR/debian
	host_network mmdebstrap --variant=minbase --quiet bookworm "$DEBIAN" > "$BATS_FILE_TMPDIR/mmdebstrap.log" 2>&1 3>&-
	work=$BATS_FILE_TMPDIR/work
	export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
	# buildah is to keep its own store away from this machine's.
	run_buildah() { buildah --root "$BATS_FILE_TMPDIR/b" --runroot "$BATS_FILE_TMPDIR/br" "$@" 3>&-; }
	mkdir -p "$work/usr/share/extra/deep" "$work/etc"
	# The second layer replaces, adds what tar can carry, and the third takes away.
	echo changed > "$work/etc/issue"
	ln "$work/etc/issue" "$work/usr/share/extra/hard"
	ln -s ../../../etc/issue "$work/usr/share/extra/soft"
	ln -s /etc/passwd "$work/usr/share/extra/absolute"
	mkfifo "$work/usr/share/extra/fifo"
	truncate -s 5M "$work/usr/share/extra/sparse"
	echo end >> "$work/usr/share/extra/sparse"
	echo long > "$work/usr/share/extra/$(printf 'n%.0s' {1..200})"
	mkdir -p "$work/usr/share/extra/$(printf 'd%.0s' {1..120})/$(printf 'e%.0s' {1..120})"
	cp /bin/true "$work/usr/share/extra/setuid"
	chown 12345:54321 "$work/usr/share/extra/deep"
	chmod 4755 "$work/usr/share/extra/setuid"
	chmod 1777 "$work/usr/share/extra/deep"
	cp /bin/true "$work/usr/share/extra/capable"
	setcap cap_net_raw+ep "$work/usr/share/extra/capable"
	setfattr -n user.note -v hello "$work/usr/share/extra/capable"
	touch -d '2001-02-03 04:05:06.789012345Z' "$work/usr/share/extra/soft" "$work/etc/issue"
	b=$(run_buildah from scratch)
	run_buildah add --quiet "$b" "$DEBIAN" / > /dev/null
	run_buildah config --cmd /bin/bash --label maker=buildah "$b"
	run_buildah commit --quiet "$b" layer1 > /dev/null
	b=$(run_buildah from layer1)
	run_buildah add --quiet "$b" "$work" / > /dev/null
	run_buildah commit --quiet "$b" layer2 > /dev/null
	b=$(run_buildah from layer2)
	mnt=$(run_buildah mount "$b")
	rm -r "$mnt/usr/share/doc" "$mnt/etc/motd" "$mnt/usr/share/extra/deep"
	rm "$mnt/etc/debian_version"
	mkdir "$mnt/etc/debian_version"
	run_buildah umount "$b" > /dev/null
	run_buildah commit --quiet "$b" layer3 > /dev/null
	run_buildah push --quiet layer3 "oci:$BATS_FILE_TMPDIR/oci:latest"
	umoci unpack --image "$BATS_FILE_TMPDIR/oci:latest" "$BATS_FILE_TMPDIR/bundle" > /dev/null 2>&1
	python3 "$BATS_TEST_DIRNAME/tree.py" "$BATS_FILE_TMPDIR/bundle/rootfs" > "$BATS_FILE_TMPDIR/want"
	[ "$(wc -l < "$BATS_FILE_TMPDIR/want")" -gt 5000 ]
	chmod -R u+w "$BATS_FILE_TMPDIR/b" && rm -rf "$BATS_FILE_TMPDIR/b" "$BATS_FILE_TMPDIR/br" "$DEBIAN"
}

# The image's tree as a container sees it: its layers as one overlay, in a mount namespace of its own.
tree_of() {
	local lower

	lower=$("$CADDIS" image inspect "$1" | jq -r '.[0].layers | reverse | map(sub("^sha256:"; "") + "/tree") | join(":")')
	mkdir -p "$TEST_DIR/merged"
	# shellcheck disable=SC2016
	unshare -m sh -c 'cd "$1/layers" && mount -t overlay -o "ro,lowerdir=$2" overlay "$3" && python3 "$4" "$3"' \
		- "$CADDIS_ROOT" "$lower" "$TEST_DIR/merged" "$BATS_TEST_DIRNAME/tree.py"
}

same_as_umoci() {
	tree_of "$1" > "$TEST_DIR/got"
	diff "$BATS_FILE_TMPDIR/want" "$TEST_DIR/got" > "$TEST_DIR/diff" || fail "$(wc -l < "$TEST_DIR/diff") lines differ:" "$(head -n 20 "$TEST_DIR/diff")"
}

pushed_as() {
	skopeo copy --quiet --dest-tls-verify=false --format "$2" \
		"oci:$BATS_FILE_TMPDIR/oci:latest" "docker://$REGISTRY/debian:$1" > /dev/null
}

@test "a Debian image of several gzip layers is unpacked as umoci unpacks it" {
	start_registry
	pushed_as gzip oci
	run_ok image pull --tls-verify=false "$REGISTRY/debian:gzip"
	same_as_umoci "$REGISTRY/debian:gzip"
	run_ok ctr run --rm "$REGISTRY/debian:gzip" dpkg --version
	assert_output_has Debian
	# By name from the image's own files, and what the upper layers took away is gone.
	run_ok ctr run --rm -u daemon "$REGISTRY/debian:gzip" sh -c 'id -un; ls /usr/share/doc 2>&1; ls -d /etc/debian_version'
	assert_output_has daemon
	assert_output_has "No such file"
}

@test "the same of zstd layers" {
	start_registry
	skopeo copy --quiet --dest-tls-verify=false --dest-compress-format zstd --dest-compress --format oci \
		"oci:$BATS_FILE_TMPDIR/oci:latest" "docker://$REGISTRY/debian:zstd" > /dev/null
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/debian:zstd" | grep -q zstd ||
		zstd_by_hand
	run_ok image pull --tls-verify=false "$REGISTRY/debian:zstd"
	same_as_umoci "$REGISTRY/debian:zstd"
}

# An older skopeo keeps gzip layers as they are: from an uncompressed copy it compresses anew.
zstd_by_hand() {
	skopeo copy --quiet --dest-decompress "oci:$BATS_FILE_TMPDIR/oci:latest" "dir:$TEST_DIR/plain" > /dev/null
	skopeo copy --quiet --dest-tls-verify=false --dest-compress-format zstd --dest-compress --format oci \
		"dir:$TEST_DIR/plain" "docker://$REGISTRY/debian:zstd" > /dev/null
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/debian:zstd" | grep -q zstd
}

@test "the same of Docker's schema 2, and of plain layers" {
	start_registry
	pushed_as gzip v2s2
	run_ok image pull --tls-verify=false "$REGISTRY/debian:gzip"
	same_as_umoci "$REGISTRY/debian:gzip"
	skopeo copy --quiet --dest-decompress "oci:$BATS_FILE_TMPDIR/oci:latest" "dir:$TEST_DIR/plain" > /dev/null
	skopeo copy --quiet --dest-tls-verify=false --dest-compress=false "dir:$TEST_DIR/plain" "docker://$REGISTRY/debian:plain" > /dev/null
	run_ok image pull --tls-verify=false "$REGISTRY/debian:plain"
	same_as_umoci "$REGISTRY/debian:plain"
}
