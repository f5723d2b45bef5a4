# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of caddis-oci: a bundle in $BUNDLE, state below $OCI_ROOT, container names with $OCI in them.

oci_setup() {
	caddis_setup
	OCI=o$$-${BATS_TEST_NUMBER}
	OCI_ROOT=$TEST_DIR/oci
	BUNDLE=$TEST_DIR/bundle
	mkdir "$BUNDLE"
	ln -s "$CADDIS" "$TEST_DIR/caddis-oci"
	RUNTIME=$TEST_DIR/caddis-oci
	ROOTFS=${BATS_FILE_TMPDIR:?}/rootfs
	[ -d "$ROOTFS" ] || test_rootfs "$ROOTFS"
	oci_config . > "$BUNDLE/config.json"
	oci_groups_now > "$TEST_DIR/oci-groups.before"
}

oci_teardown() {
	local left=0 id try groups

	for id in $("$RUNTIME" --root "$OCI_ROOT" list -q); do
		"$RUNTIME" --root "$OCI_ROOT" delete -f "$id" || left=1
	done
	[ -z "$(ls -A "$OCI_ROOT" 2>/dev/null)" ] || left=1
	for try in {1..50}; do
		oci_groups_now > "$TEST_DIR/oci-groups.after"
		groups=$(comm -13 "$TEST_DIR/oci-groups.before" "$TEST_DIR/oci-groups.after")
		[ -n "$groups" ] || break
		sleep 0.1
	done
	[ -z "$groups" ] || { echo "cgroups left after $try looks: $groups" >&2 && left=1; }
	caddis_teardown || left=1
	return "$left"
}

# Every cgroup that has this test's mark in its path.
oci_groups_now() {
	find /sys/fs/cgroup -mindepth 1 -type d -path "*$OCI*" 2>/dev/null | sort
	return 0
}

# oci_config FILTER: config.json of a busybox container that sleeps, changed by a filter of jq.
oci_config() {
	jq --arg rootfs "$ROOTFS" "$1" <<-'JSON' | jq --arg rootfs "$ROOTFS" '.root.path //= $rootfs'
		{ "ociVersion": "1.0.2",
		  "root": { "readonly": true },
		  "process": { "cwd": "/", "args": ["sleep", "1000"], "env": ["PATH=/bin:/usr/bin"], "user": { "uid": 0, "gid": 0 } },
		  "hostname": "oci",
		  "annotations": { "org.example.one": "1" },
		  "mounts": [
		    { "destination": "/proc", "type": "proc", "source": "proc" },
		    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"] },
		    { "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666", "mode=0620"] },
		    { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs" } ],
		  "linux": { "namespaces": [ { "type": "pid" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" }, { "type": "network" } ] } }
	JSON
}

oci() {
	"$RUNTIME" --root "$OCI_ROOT" "$@" 3>&-
}

# Like run_ok and run_fails, of caddis-oci.
oci_ok() {
	oci_fails 0 "$@"
}

oci_fails() {
	local want=$1

	shift
	must_end "$want" caddis-oci oci "$@"
}

# One line of caddis-oci, with TEXT in it.
oci_error() {
	# shellcheck disable=SC2154
	if [ "${#stderr_lines[@]}" -ne 1 ] || [[ $stderr != "caddis-oci: "*"$1"* ]]; then
		fail "expected one line 'caddis-oci: ...' with: $1" "actual: $stderr"
	fi
}

oci_status() {
	oci state "$1" | jq -r .status
}

oci_is() {
	[ "$(oci_status "$1")" = "$2" ]
}

# create and start, from a changed configuration.
oci_started() {
	oci_config "${2:-.}" > "$BUNDLE/config.json"
	# bats waits for the streams of what stays
	oci create -b "$BUNDLE" "$1" < /dev/null > "$TEST_DIR/$1.out" 2> "$TEST_DIR/$1.err" || fail "$(cat "$TEST_DIR/$1.err")"
	oci start "$1"
}
