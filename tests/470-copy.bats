#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The files of containers, from outside: diff, export.

load helpers

setup() {
	caddis_setup
	test_image
}

@test "diff lists what was added, changed and deleted, running and stopped, and nothing of ours" {
	run_ok sandbox create --network none web
	run_ok ctr create web --name a busybox sh -c 'echo x > /new; mkdir -p /var/d/e; echo y >> /etc/passwd; rm /etc/group; rm -r /usr; mkdir /usr; echo > /usr/z; touch /done; exec sleep 1000'
	run_ok ctr diff a
	assert_output ""
	run_ok ctr start a
	wait_until 10 "$CADDIS" ctr exec a test -e /done
	want="A /done
C /etc
D /etc/group
C /etc/passwd
A /new
C /usr
D /usr/bin
A /usr/z
C /var
A /var/d
A /var/d/e"
	run_ok ctr diff a
	assert_output "$want"
	assert_no_error
	run_ok ctr stop --timeout 0 a
	run_ok ctr diff a
	assert_output "$want"
	run_ok ctr diff -o json a
	[ "$(jq -c . <<< "$output")" = '{"added":["/done","/new","/usr/z","/var/d","/var/d/e"],"changed":["/etc","/etc/passwd","/usr","/var"],"deleted":["/etc/group","/usr/bin"]}' ] || fail "$output"
}

@test "diff of a file that became a directory, and of names that are no text" {
	run_ok sandbox create --network none web
	run_ok ctr run -s web --name a busybox sh -c 'rm /etc/passwd; mkdir -p /etc/passwd/sub; touch "$(printf "/n\nA \033[1m")"'
	run_ok ctr diff a
	[ "${#lines[@]}" -eq 4 ] || fail "$output"
	[[ $output != *$'\033'* ]]
	assert_output_has "C /etc/passwd
A /etc/passwd/sub"
}

@test "diff and export say what they do not know" {
	run_fails 1 ctr diff nobody
	assert_error "no container nobody"
	run_fails 1 ctr export -o "$TEST_DIR/x.tar" nobody
	assert_error "no container nobody"
	run_fails 2 ctr diff
	run_fails 2 ctr export
	run_fails 2 ctr diff -o xml nobody
	assert_error "expected lines or json"
	[ ! -e "$TEST_DIR/x.tar" ]
	run_ok sandbox create --network none web
	run_ok ctr create web --name a busybox
	run_fails 1 ctr export -o "$TEST_DIR/none/x.tar" a
	assert_error "$TEST_DIR/none/x.tar"
}

@test "export gives the whole root file system, running and stopped, and nothing that is mounted in it" {
	mkdir "$TEST_DIR/volume"
	echo secret > "$TEST_DIR/volume/file"
	run_ok sandbox create --network none web
	run_ok ctr run -d -s web --name a -v "$TEST_DIR/volume:/vol" busybox sh -c 'echo x > /new; chown 7:8 /new; rm /etc/group; ln -s /etc/shadow /link; touch /.wh.odd /done; exec sleep 1000'
	wait_until 10 "$CADDIS" ctr exec a test -e /done
	check() {
		tar tf "$1" | grep -qx bin/busybox
		tar tf "$1" | grep -qx .wh.odd
		[ "$(tar xOf "$1" new)" = x ]
		tar tvf "$1" --numeric-owner new | grep -q ' 7/8 '
		tar tvf "$1" link | grep -q 'link -> /etc/shadow'
		tar tf "$1" | grep -qx vol/
		! tar tf "$1" | grep -Eq '^(etc/group|vol/.+|proc/.+|sys/.+)$' || fail "$(tar tf "$1")"
	}
	"$CADDIS" ctr export a > "$TEST_DIR/live.tar"
	check "$TEST_DIR/live.tar"
	run_ok ctr stop --timeout 0 a
	run_ok ctr export -o "$TEST_DIR/stopped.tar" a
	check "$TEST_DIR/stopped.tar"
	run_ok ctr restart a
}

@test "export with a user namespace: owners as the container sees them" {
	run_ok sandbox create --network none --userns auto web
	run_ok ctr run -d -s web --name a busybox sh -c 'echo x > /new; chown 7:8 /new; touch /done; exec sleep 1000'
	wait_until 10 "$CADDIS" ctr exec a test -e /done
	# Capabilities as its root gives them (revision 3, its own uid in them), and an ACL for its user 7.
	python3 - "$(echo "$CADDIS_ROOT"/containers/*/upper/new)" <<-'PY'
		import os, struct, sys
		root = os.stat(sys.argv[1]).st_uid - 7
		os.setxattr(sys.argv[1], "security.capability", struct.pack("<6I", 0x03000001, 0x2000, 0, 0, 0, root))
		acl = [(1, 6, 2**32 - 1), (2, 4, root + 7), (4, 4, 2**32 - 1), (0x10, 4, 2**32 - 1), (0x20, 4, 2**32 - 1)]
		os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in acl))
	PY
	for _ in running stopped; do
		"$CADDIS" ctr export a > "$TEST_DIR/x.tar"
		python3 - "$TEST_DIR/x.tar" <<-'PY'
			import struct, sys, tarfile
			records = tarfile.open(sys.argv[1]).getmember("new").pax_headers
			raw = {k: v.encode("utf-8", "surrogateescape") for k, v in records.items()}
			assert raw["SCHILY.xattr.security.capability"] == struct.pack("<5I", 0x02000001, 0x2000, 0, 0, 0), raw
			assert struct.pack("<HHI", 2, 4, 7) in raw["SCHILY.xattr.system.posix_acl_access"], raw
		PY
		tar tvf "$TEST_DIR/x.tar" --numeric-owner new | grep -q ' 7/8 ' || fail "$(tar tvf "$TEST_DIR/x.tar" --numeric-owner new)"
		tar tvf "$TEST_DIR/x.tar" --numeric-owner bin/busybox 'done' | awk '$2 != "0/0" { exit 1 }'
		run_ok ctr stop --timeout 0 a
	done
	run_ok ctr diff a
	assert_output "A /done
A /new"
}

@test "export of a container that swaps a directory for a symlink out of it has no byte of the host (SEC-E1)" {
	echo "of the host" > "$TEST_DIR/marker"
	run_ok sandbox create --network none web
	# /tmp/a is read between the moments that /tmp/d is seen and opened. The link leads to nothing inside.
	run_ok ctr run -d -s web --name a busybox sh -c "mkdir -p /tmp/d /tmp/a; for i in \$(seq 1000); do echo > /tmp/a/\$i; done; ln -s $TEST_DIR /tmp/l; touch /done
		while :; do mv /tmp/d /tmp/x; mv /tmp/l /tmp/d; mv /tmp/d /tmp/l; mv /tmp/x /tmp/d; done"
	wait_until 20 "$CADDIS" ctr exec a test -e /done
	end=$((SECONDS + 4))
	while [ "$SECONDS" -lt "$end" ]; do
		"$CADDIS" ctr export a > "$TEST_DIR/x.tar"
		! grep -aq 'of the host' "$TEST_DIR/x.tar" || fail "a file of the host"
	done
}
