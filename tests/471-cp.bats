#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# ctr cp: files into containers, out of them, from one to another.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create --network none web
	HOST=$TEST_DIR/host
	mkdir "$HOST"
}

# Without the time of the top, which the test itself changes.
tree() {
	python3 "$BATS_TEST_DIRNAME/tree.py" "$1" | awk '$NF == "b\047.\047" { $8 = "-" } 1'
}

# Half-made files of an interrupted copy.
temporary() {
	find "$@" -name '.caddis-*' | grep .
}

@test "cp: where a file and a directory land, by what is there" {
	mkdir -p "$HOST/dir/sub"
	echo one > "$HOST/file"
	echo two > "$HOST/dir/sub/two"
	start_prepared a 'mkdir -p /there /deep/er; echo old > /old; ln -s /deep/er /link; ln -s /deep/new /dangling; ln -s /none/x /nowhere'
	cd "$HOST"
	inside() { # what "find" says of these paths, in one line
		run_ok ctr exec a sh -c 'cd /; find "$@" | sort | tr "\n" " "' sh "$@"
	}
	while read -r src dst look want; do
		run_ok ctr cp "$src" "a:$dst"
		inside $look
		assert_output "$want "
	done <<-'TABLE'
		file /new /new /new
		file /there /there /there /there/file
		file /old /old /old
		file link /deep/er/file /deep/er/file
		file /dangling /deep/new /deep/new
		dir /made /made /made /made/sub /made/sub/two
		dir /made/ /made/dir /made/dir /made/dir/sub /made/dir/sub/two
		dir/. /made2/ /made2 /made2 /made2/sub /made2/sub/two
		dir/. /there /there /there /there/file /there/sub /there/sub/two
	TABLE
	run_ok ctr exec a cat /old
	assert_output one
	run_ok ctr exec a readlink /dangling
	assert_output /deep/new
	while read -r src dst why; do
		run_fails 1 ctr cp "$src" "a:$dst"
		assert_error "$why"
	done <<-'TABLE'
		file /none/file the directory /none: No such
		file /none/ there is no such directory
		file /nowhere the directory /none: No such
		file /old/ Not a directory
		dir /old it is not a directory, and the source is one
		dir /none/dir the directory /none: No such
		nothing /x nothing: find it: No such file
		file/ /x Not a directory
	TABLE
	run_fails 2 ctr cp a:/made a:/made/dir
	assert_error "cannot be copied into itself"
	run_fails 2 ctr cp a:/made/. a:/made
	assert_error "cannot be copied into itself"
	# The other way: the same rules.
	for src in a:/old a:/made a:/made/.; do run_ok ctr cp "$src" "$HOST/out-${src//[^a-z.]/}"; done
	[ "$(cat out-aold)" = one ]
	[ "$(cd out-amade; find . | sort | tr '\n' ' ')" = "$(cd out-amade.; find . | sort | tr '\n' ' ')" ]
	run_ok ctr cp a:/made out-amade
	[ -f out-amade/made/sub/two ]
	run_fails 1 ctr cp a:/made file
	run_fails 1 ctr cp a:/old none/file
	[ "$(cat file)" = one ]
	# A symlink is copied as such, or with -L what it points at.
	run_ok ctr cp a:/link l1
	[ "$(readlink l1)" = /deep/er ]
	run_ok ctr cp -L a:/link l2
	[ -f l2/file ]
	# Neither takes the other's place, unless asked to.
	mkdir -p over/file
	run_ok ctr exec a mkdir /made/file
	run_fails 1 ctr cp file a:/made
	assert_error "there is a directory of that name, and this is none; replace it by --overwrite"
	run_ok ctr cp --overwrite file a:/made
	run_ok ctr exec a cat /made/file
	assert_output one
	run_fails 1 ctr cp over/. a:/made
	assert_error "what has its name is no directory"
	run_ok ctr cp --overwrite over/. a:/made
	run_ok ctr exec a test -d /made/file
}

# A tree with all that a file can have.
rich_tree() {
	mkdir -p "$1/d/empty"
	echo x > "$1/d/"$'new\nline'
	echo y > "$1/d/$(printf 'n%.0s' {1..200})"
	chown 7:8 "$1/d"
	echo suid > "$1/suid"
	chown 0:8 "$1/suid"
	chmod 4755 "$1/suid"
	echo other > "$1/other"
	chown 1000:1000 "$1/other"
	chmod 6755 "$1/other"
	ln "$1/other" "$1/d/again"
	ln -s /etc/shadow "$1/link"
	mkfifo -m 640 "$1/fifo"
	truncate -s 1T "$1/sparse"
	printf tail | dd of="$1/sparse" bs=1 seek=$((1 << 39)) conv=notrunc status=none
	python3 - "$1/other" <<-'PY'
		import os, struct, sys
		os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 0x2000, 0, 0, 0))
		os.setxattr(sys.argv[1], "user.note", b"a\0b")
		acl = [(1, 7, 2**32 - 1), (2, 4, 7), (4, 5, 2**32 - 1), (0x10, 5, 2**32 - 1), (0x20, 5, 2**32 - 1)]
		os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in acl))
	PY
	touch -h -d '1999-01-02 03:04:05.678901234' "$1/link" "$1/sparse" "$1/suid" "$1/d/empty" "$1/d"
}

# tree.py reads files whole: the sparse one is looked at by other means.
listing() {
	mv "$1/sparse" "$1.sparse"
	tree "$1"
	stat -c '%s %Y %a %u %g' "$1.sparse"
	[ "$(du -k "$1.sparse" | cut -f1)" -lt 1000 ] || echo "it has lost its hole"
	dd if="$1.sparse" bs=4 count=1 skip=$((1 << 37)) status=none
	mv "$1.sparse" "$1/sparse"
}

@test "cp -a there and back changes nothing: names, owners, times, xattrs, capabilities, links, holes" {
	rich_tree "$HOST/src"
	want=$(listing "$HOST/src")
	[[ $want == *security.capability* && $want == *posix_acl* && $want == *"new"* ]]
	run_ok sandbox create --network none --userns auto mapped
	start_prepared a true --tmpfs /mem:mode=0755
	run_ok ctr create web --name still busybox
	run_ok ctr run -d -s mapped --name b busybox sleep 1000
	for to in a:/x still:/x b:/x; do
		run_ok ctr cp -a "$HOST/src" "$to"
		assert_no_error
		run_ok ctr cp -a "$to" "$HOST/back-${to%%:*}"
		[ "$(listing "$HOST/back-${to%%:*}")" = "$want" ] || fail "$(diff <(echo "$want") <(listing "$HOST/back-${to%%:*}"))"
	done
	# Owners are those of the container, also where it has ids of its own.
	run_ok ctr exec b stat -c '%u %g %a' /x/other
	assert_output "1000 1000 6755"
	# From container to container, and through a pipe, which has no holes: without that file.
	run_ok ctr exec a rm /x/sparse
	run_ok ctr cp -a a:/x still:/y
	"$CADDIS" ctr cp -a still:/y/. - | "$CADDIS" ctr cp -a - a:/mem
	run_ok ctr cp -a a:/mem/. "$HOST/mem"
	rm "$HOST/src/sparse" "$HOST/mem/.done" 2>/dev/null || true
	[ "$(tree "$HOST/mem")" = "$(tree "$HOST/src")" ] || fail "$(diff <(tree "$HOST/src") <(tree "$HOST/mem"))"
	# Without -a it all belongs to root, who does not get others' set-user-ID programs.
	run_ok ctr cp "$HOST/src" a:/plain
	run_ok ctr exec a stat -c '%u %g %a' /plain/other /plain/suid /plain/d
	assert_output "0 0 755
0 0 4755
0 0 755"
	run_ok ctr cp a:/x "$HOST/plain"
	[ "$(stat -c '%u %g %a' "$HOST/plain/other" "$HOST/plain/suid" | tr '\n' ' ')" = "0 0 755 0 0 4755 " ]
	[ "$(stat -c %Y "$HOST/plain/suid")" = "$(stat -c %Y "$HOST/src/suid")" ]
	run_ok ctr exec b true
	run_ok ctr cp "$HOST/src/other" b:/other
	run_ok ctr exec b stat -c '%u %g' /other
	assert_output "0 0"
}

@test "cp: running, paused, stopped, created; mounts are seen while it runs, and not hidden from when it does not" {
	mkdir "$TEST_DIR/volume"
	echo f > "$HOST/f"
	start_prepared a true -v "$TEST_DIR/volume:/vol" -v "$TEST_DIR/volume:/ro:ro" --tmpfs /mem
	run_ok ctr cp "$HOST/f" a:/vol/f
	[ "$(cat "$TEST_DIR/volume/f")" = f ]
	run_ok ctr cp "$HOST/f" a:/mem/f
	run_ok ctr exec a cat /mem/f
	assert_output f
	run_fails 1 ctr cp "$HOST/f" a:/ro/g
	assert_error "a:/ro/g: \"./g\": create: Read-only file system"
	run_fails 1 ctr cp "$HOST/f" a:/etc/hosts
	assert_error "it is mounted there by itself; write to it from inside, by ctr exec"
	run_ok ctr pause a
	run_ok ctr cp "$HOST/f" a:/mem/paused
	run_ok ctr cp a:/mem/. "$HOST/mem"
	run_ok ctr resume a
	[ "$(cd "$HOST/mem"; echo *)" = "f paused" ]
	# All of it: what the kernel makes up is left out, devices too, and that is said.
	run_ok ctr cp a:/ "$HOST/all"
	[[ $stderr == *"left out: dev/null: devices are not made on the host"* ]]
	[ -f "$HOST/all/vol/f" ] && [ -f "$HOST/all/mem/f" ] && [ -d "$HOST/all/proc" ] && [ ! -e "$HOST/all/proc/version" ] && [ ! -e "$HOST/all/sys/kernel" ]
	run_ok ctr cp -q a:/dev/. "$HOST/dev"
	assert_no_error
	run_fails 2 ctr cp a:/dev/null "$HOST/null"
	assert_error "a:/dev/null: a device is not made on the host"
	[ ! -e "$HOST/null" ]
	# A file of the kernel is as long as what can be read of it, whatever its size is said to be.
	run_ok ctr cp a:/proc/version "$HOST/version"
	cmp "$HOST/version" /proc/version
	run_ok ctr cp a:/sys/class/net/lo/mtu "$HOST/mtu"
	[ "$(cat "$HOST/mtu")" = 65536 ]
	[ "$("$CADDIS" ctr cp a:/proc/version - | tar -xO)" = "$(cat /proc/version)" ]
	# What is written to is not replaced: neither a device of the host, nor one of the container's.
	mknod "$HOST/null" c 1 3
	mkfifo "$HOST/fifo"
	run_fails 1 ctr cp a:/mem/f "$HOST/null"
	assert_error "it is a device, which no copy replaces"
	run_fails 1 ctr cp --overwrite a:/mem "$HOST/null"
	assert_error "it is a device, which no copy replaces"
	run_fails 1 ctr cp --overwrite "$HOST/f" a:/dev/null
	run_fails 1 ctr cp a:/mem/f "$HOST/fifo"
	assert_error "it is a FIFO; replace it by --overwrite"
	[ -c "$HOST/null" ] && [ -p "$HOST/fifo" ]
	run_ok ctr exec a test -c /dev/null
	run_ok ctr cp --overwrite a:/mem/f "$HOST/fifo"
	[ "$(cat "$HOST/fifo")" = f ]
	run_ok ctr stop --timeout 0 a
	run_ok ctr cp "$HOST/f" a:/stopped
	run_ok ctr cp a:/stopped "$HOST/stopped"
	[ "$(cat "$HOST/stopped")" = f ]
	# A directory of the host is there all the same; what it holds does not lead out of it.
	run_ok ctr cp "$HOST/f" a:/vol/g
	[ "$(cat "$TEST_DIR/volume/g")" = f ]
	run_fails 1 ctr cp "$HOST/f" a:/ro/../ro/g2
	assert_error "/ro is mounted read-only"
	ln -s /etc "$TEST_DIR/volume/out"
	run_fails 1 ctr cp a:/vol/out/passwd "$HOST/passwd"
	run_ok ctr cp a:/vol "$HOST"
	run_ok ctr cp a:/ro/. "$HOST/ro"
	[ "$(cat "$HOST/vol/g" "$HOST/ro/g")" = "f
f" ]
	run_fails 1 ctr cp a:x/../mem/f "$HOST/f"
	assert_error "/mem is mounted only while it runs"
	run_ok ctr create web --name new --read-only busybox
	run_ok ctr cp new:/bin/busybox "$HOST/busybox"
	cmp "$HOST/busybox" "$(command -v busybox)"
	run_fails 1 ctr cp "$HOST/f" new:/f
	assert_error "its root file system is read-only"
	run_ok ctr start new
	run_ok ctr restart a
	run_ok ctr exec a cat /stopped
	assert_output f
}

@test "cp says what is wrong, and leaves nothing half made: no space, bad sources, bad streams" {
	echo old > "$HOST/old"
	head -c 3M /dev/urandom > "$HOST/big"
	start_prepared a 'echo keep > /small/big; mkfifo /fifo' --tmpfs /small:size=1m
	run_fails 1 ctr cp "$HOST/big" a:/small
	assert_error "a:/small: \"./big\": write: No space left on device"
	run_ok ctr exec a sh -c 'cat /small/big; ls -A /small'
	assert_output "keep
big"
	# An attribute of the kernel that is for writing only.
	run_fails 1 ctr cp /sys/bus/pci/rescan a:/x
	assert_error "/sys/bus/pci/rescan: open: Permission denied"
	run_fails 1 ctr cp "$HOST/none" a:/x
	run_ok ctr cp a:/fifo "$HOST/fifo"
	[ -p "$HOST/fifo" ]
	run_fails 2 ctr cp - - < /dev/null
	assert_error "neither - nor - is in a container; write CONTAINER:PATH"
	run_fails 2 ctr cp "$HOST/old" "$HOST/new"
	run_fails 2 ctr cp a: "$HOST"
	assert_error "a:: the path is empty"
	run_fails 1 ctr cp nobody:/x "$HOST"
	assert_error "no container nobody"
	run_fails 2 ctr cp "$HOST/old"
	[ "$(caddis --complete ctr cp '' | sort | tr '\n' ' ')" = ":file a: " ]
	run_fails 1 ctr cp - a:/x < /dev/null
	assert_error "a:/x: there is no such directory"
	run_fails 2 ctr cp - a:/bin/busybox < /dev/null
	assert_error "it is not a directory"
	tar c -C "$HOST" big > "$TEST_DIR/whole.tar"
	head -c 1000000 "$TEST_DIR/whole.tar" > "$TEST_DIR/cut.tar"
	run_ok ctr cp "$HOST/old" a:/big
	run_fails 1 ctr cp - a:/ < "$TEST_DIR/cut.tar"
	assert_error "bad tar archive"
	run_ok ctr exec a cat /big
	assert_output old
	tar cz -C "$HOST" old --transform 's,^,../../up/,' -P | "$CADDIS" ctr cp - a:/tmp
	run_ok ctr exec a cat /tmp/up/old
	assert_output old
	! temporary "$CADDIS_ROOT" "$HOST" || fail "half a file"
}

@test "cp that is interrupted leaves the old file or the new one" {
	head -c 30M /dev/zero > "$HOST/file"
	start_prepared a 'echo old > /file'
	upper=$(echo "$CADDIS_ROOT"/containers/*/upper)
	for signal in TERM INT; do
		mkfifo "$TEST_DIR/pipe"
		# INT would be ignored by what a shell starts in the background.
		exec 9<> "$TEST_DIR/pipe" # or opening one end waits for the other
		python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' "$CADDIS" ctr cp - a:/ < "$TEST_DIR/pipe" 3>&- &
		pid=$!
		TEST_PIDS+=("$pid")
		tar c -C "$HOST" file | head -c 20000000 >&9
		wait_until 10 temporary "$upper"
		kill -"$signal" "$pid"
		status=0
		wait "$pid" || status=$?
		exec 9>&-
		[ "$status" -eq $((128 + $(kill -l $signal))) ] || fail "status $status"
		[ "$(cat "$upper/file")" = old ]
		! temporary "$upper" || fail "half a file"
		rm "$TEST_DIR/pipe"
	done
}

@test "cp in and out of a container that swaps directories for symlinks never reaches the host (SEC-E1)" {
	mkdir "$TEST_DIR/outside"
	echo "of the host" > "$TEST_DIR/outside/f"
	echo x > "$HOST/f"
	# The link leads to nothing inside of it, on the host to a directory like that.
	start_prepared a "mkdir -p /x/dir; echo inside > /x/dir/f; ln -s $TEST_DIR/outside /x/l
		(while :; do mv /x/dir /x/t; mv /x/l /x/dir; mv /x/dir /x/l; mv /x/t /x/dir; done) &"
	end=$((SECONDS + 3))
	reached=0
	while [ "$SECONDS" -lt "$end" ]; do
		"$CADDIS" ctr cp a:/x/dir/f - > "$TEST_DIR/out.tar" 2>/dev/null && reached=1
		! grep -aq 'of the host' "$TEST_DIR/out.tar" || fail "read a file of the host"
		"$CADDIS" ctr cp "$HOST/f" a:/x/dir/f 2>/dev/null || true
		"$CADDIS" ctr cp "$HOST" a:/x/dir 2>/dev/null || true
		[ "$(ls -A "$TEST_DIR/outside")$(cat "$TEST_DIR/outside/f")" = "fof the host" ] || fail "wrote on the host"
	done
	[ "$reached" -eq 1 ] || fail "nothing was ever read"
	run_ok ctr rm -f a
	# Magic links, and hard and symbolic ones in what goes out.
	start_prepared b "mkdir -p /out/sub; ln -s $TEST_DIR/outside /out/into; ln -s ../../outside/f /out/sub/f; ln /bin/busybox /out/hard"
	run_fails 1 ctr cp b:/proc/1/root/etc/passwd "$HOST/passwd"
	run_fails 1 ctr cp "$HOST/f" "b:/proc/1/cwd/f"
	mkdir -p "$HOST/to"
	ln -s "$TEST_DIR/outside" "$HOST/to/sub"
	run_fails 1 ctr cp b:/out/. "$HOST/to"
	assert_error "what has its name is no directory"
	[ "$(ls -A "$TEST_DIR/outside")$(cat "$TEST_DIR/outside/f")" = "fof the host" ] || fail "wrote on the host"
}
