#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# buildah with caddis-oci as its runtime.

load helpers
load oci

setup() {
	oci_setup
	# caddis-oci has no --root here: buildah gives it none
	printf '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=9000:9000"]\n' > "$TEST_DIR/containers.conf"
	export CONTAINERS_CONF=$TEST_DIR/containers.conf
	export BUILDAH_RUNTIME=$RUNTIME BUILDAH_ISOLATION=oci
	cp -a "$ROOTFS" "$TEST_DIR/context"
}

teardown() {
	oci_teardown
}

buildah() {
	command buildah --root "$TEST_DIR/storage" --runroot "$TEST_DIR/run" "$@" 3>&-
}

@test "buildah builds a Dockerfile whose RUN steps are run by caddis-oci, and fails with their status" {
	cat > "$TEST_DIR/Dockerfile" <<-'DOCKER'
		FROM scratch
		COPY . /
		ARG WHO=world
		ENV A=1
		RUN mkdir /out && echo "hello $WHO $A" > /out/f && id -u > /out/root
		USER 1000
		WORKDIR /tmp
		RUN id -u > /tmp/id; readlink /proc/self/ns/net > /tmp/net
		CMD ["cat", "/out/f"]
	DOCKER
	run --separate-stderr buildah build -q --network none --build-arg WHO=you -t built -f "$TEST_DIR/Dockerfile" "$TEST_DIR/context"
	[ "$status" -eq 0 ] || fail "$stderr"
	buildah from --name c built > "$TEST_DIR/out"
	local root
	root=$(buildah mount c)
	[ "$(cat "$root/out/f" "$root/out/root" "$root/tmp/id")" = $'hello you 1\n0\n1000' ]
	[ "$(cat "$root/tmp/net")" != "$(readlink /proc/self/ns/net)" ]
	buildah umount c > "$TEST_DIR/out"
	[ "$(buildah run --network none c -- cat /out/f)" = "hello you 1" ]
	printf 'FROM built\nRUN exit 5\n' > "$TEST_DIR/Dockerfile"
	run --separate-stderr buildah build -q --network none -f "$TEST_DIR/Dockerfile" "$TEST_DIR"
	[ "$status" -eq 5 ] || fail "status $status" "$stderr"
	printf 'FROM built\nRUN ["/nonsense"]\n' > "$TEST_DIR/Dockerfile"
	run --separate-stderr buildah build -q --network none -f "$TEST_DIR/Dockerfile" "$TEST_DIR"
	[ "$status" -ne 0 ]
	[[ $stderr == *"caddis-oci: exec: \"/nonsense\""* ]] || fail "$stderr"
	[ -z "$("$RUNTIME" list -q)" ]
	buildah rm -a > "$TEST_DIR/out"
	buildah rmi -a -f > "$TEST_DIR/out"
}
