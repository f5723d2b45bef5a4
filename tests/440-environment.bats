#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# From cron, from scripts, from odd places.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

bare() {
	env -i CADDIS_ROOT="$CADDIS_ROOT" CADDIS_STATE="$CADDIS_STATE" "$CADDIS" "$@"
}

@test "without any environment" {
	[ "$(bare ctr run --rm -s web busybox echo hi)" = hi ]
	[ "$(env -i "$CADDIS" --root "$CADDIS_ROOT" --state "$CADDIS_STATE" ctr run --rm -s web busybox echo hi)" = hi ]
}

@test "the environment that caddis runs in reaches a container by -e alone" {
	run env SECRET=x "$CADDIS" ctr run --rm -s web -e GLIBC_TUNABLES busybox env
	[ "$(sort <<< "$output" | cut -d = -f 1 | xargs)" = "HOME HOSTNAME PATH" ] || fail "$output"
	run env SHOWN=x "$CADDIS" ctr run --rm -s web -e SHOWN busybox sh -c 'echo $SHOWN'
	assert_output x
}

@test "with closed standard streams" {
	mkdir "$TEST_DIR/v"
	"$CADDIS" ctr run --rm -s web -v "$TEST_DIR/v:/v" busybox sh -c 'echo hi > /v/out; ls /proc/self/fd > /v/fds' <&- >&- 2>&-
	[ "$(cat "$TEST_DIR/v/out")" = hi ]
	[ "$(xargs < "$TEST_DIR/v/fds")" = "0 1 2 3" ]
	"$CADDIS" ctr run -d -s web --name d busybox sh -c 'echo hi; sleep 0.1' <&- >&- 2>&-
	run_ok ctr wait d
	run_ok ctr logs d
	assert_output hi
	"$CADDIS" sandbox create other <&- >&- 2>&- || [ $? -eq 1 ]
}

@test "with any umask" {
	for mask in 0000 0077 0777; do
		(umask $mask && "$CADDIS" sandbox create "m$mask" > /dev/null)
		[ "$( (umask $mask && "$CADDIS" ctr run --rm -s "m$mask" -u 1000 busybox cat /etc/hostname) )" = "m$mask" ]
		[ "$( (umask $mask && "$CADDIS" ctr run --rm -s "m$mask" busybox stat -c %a / /etc /dev/shm) | xargs)" = "755 755 1777" ]
	done
	[ "$(stat -c %a "$CADDIS_ROOT" "$CADDIS_STATE" | xargs)" = "700 700" ]
}

@test "hosts, hostname and resolv.conf are there whatever an image has in their places, and cost no new file" {
	rootfs=$TEST_DIR/rootfs
	test_rootfs "$rootfs"
	run_ok ctr run -d -s web --name plain busybox sleep 100
	run_ok ctr exec plain sh -c 'cat /etc/hostname; stat -c "%a %u" /etc; touch /etc/new; ls /etc | xargs'
	assert_output "$(printf 'web\n755 0\ngroup hostname hosts new passwd resolv.conf')"
	[ "$(find "$CADDIS_ROOT"/containers/*/upper -mindepth 1 -printf '%P ')" = "etc etc/new " ]
	run_ok ctr rm -f plain
	echo "of the image" > "$rootfs/etc/hosts"
	chmod 700 "$rootfs/etc"
	run_ok image import --cmd sh "$rootfs" own
	run_ok ctr run --rm -s web own sh -c 'grep -c image /etc/hosts; cat /etc/hostname; stat -c %a /etc'
	assert_output "$(printf '0\nweb\n700')"
	mv "$rootfs/etc" "$rootfs/usr/etc"
	ln -s usr/etc "$rootfs/etc"
	run_ok image import --cmd sh "$rootfs" link
	run_ok ctr run --rm -s web link sh -c 'cat /usr/etc/hostname; readlink /etc'
	assert_output "$(printf 'web\nusr/etc')"
	(cd "$rootfs" && rm -r etc usr/etc dev proc sys)
	run_ok image import --cmd sh "$rootfs" bare
	run_ok ctr run --rm -s web bare sh -c 'cat /etc/hostname; stat -c %a /etc; echo > /dev/null'
	assert_output "$(printf 'web\n755')"
}

@test "from a directory that is gone" {
	mkdir "$TEST_DIR/gone"
	cd "$TEST_DIR/gone"
	rmdir "$TEST_DIR/gone"
	run_ok ctr run --rm -s web busybox pwd
	assert_output /
	run_ok ctr run -d -s web --name a busybox sleep 100
	run_ok ctr exec a pwd
	run_fails 125 ctr run --rm -s web -v rel:/x busybox true
	run_fails 1 --root relative sandbox ls
	cd /
}

@test "in another locale" {
	[ "$(LC_ALL=de_DE.UTF-8 LANG=tr_TR.UTF-8 "$CADDIS" ctr run --rm -s web --cpus 0.5 busybox echo hi)" = hi ]
}

@test "with inherited file descriptors, none of which reaches a container" {
	run bash -c 'exec 7</ 8</etc 9</dev 10</proc; "$CADDIS" ctr run --rm -s web busybox ls /proc/self/fd'
	[ "$(xargs <<< "$output")" = "0 1 2 3" ] || fail "$output"
	run_ok ctr run -d -s web --name a busybox sleep 100
	run bash -c 'exec 7</ 8</etc; "$CADDIS" ctr exec a ls /proc/self/fd'
	[ "$(xargs <<< "$output")" = "0 1 2 3" ] || fail "$output"
}

@test "with ignored and blocked signals, which the container does not inherit" {
	run_ok ctr run --rm -s web busybox grep -E '^Sig(Blk|Ign)' /proc/self/status
	assert_output "SigBlk:	0000000000000000
SigIgn:	0000000000000000"
	run bash -c 'trap "" TERM HUP PIPE; "$CADDIS" ctr run --rm -s web busybox grep ^SigIgn /proc/self/status'
	[ "$output" = "SigIgn:	0000000000000000" ] || fail "$output"
	# libc's posix_spawn(), which make uses too, leaves two real-time signals ignored.
	run python3 -c 'import os, sys; os.waitpid(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)' \
		"$CADDIS" ctr run --rm -s web busybox grep ^SigIgn /proc/self/status
	[ "$output" = "SigIgn:	0000000000000000" ] || fail "$output"
}

@test "not as root it says so" {
	run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$CADDIS" sandbox ls
	[ "$status" -eq 1 ]
	assert_error "needs root"
}

@test "the roots are closed to other users, lock files too" {
	run setpriv --reuid 65534 --regid 65534 --clear-groups ls "$CADDIS_ROOT"
	[ "$status" -ne 0 ]
	[ -n "$(find "$CADDIS_ROOT" -name lock -type f -not -path '*/tree/*')" ]
	[ -z "$(find "$CADDIS_ROOT" "$CADDIS_STATE" -name '*lock*' -type f -not -path '*/tree/*' -perm /077)" ]
}

@test "a full disk for standard output is an error" {
	"$CADDIS" sandbox ls > /dev/full 2> "$TEST_DIR/err" && fail "no error"
	grep -q "No space left" "$TEST_DIR/err"
	"$CADDIS" ctr run --rm -s web busybox echo x > /dev/full 2> "$TEST_DIR/err" && fail "no error"
	grep -q "No space left" "$TEST_DIR/err"
	run_ok ctr run -d -s web --name a busybox sleep 100
	status=0
	"$CADDIS" ctr exec a echo x > /dev/full 2> "$TEST_DIR/err" || status=$?
	[ "$status" -eq 125 ]
	grep -q "No space left" "$TEST_DIR/err"
}

# in_chroot SCRIPT: run in a mount namespace of its own, whose sandboxes nobody else sees; ROOT1 is a mount, ROOT2 a
# plain directory, and each looks like this machine.
in_chroot() {
	mkdir "$TEST_DIR/root1" "$TEST_DIR/root2"
	# shellcheck disable=SC2016
	unshare -m --propagation private env ROOT1="$TEST_DIR/root1" ROOT2="$TEST_DIR/root2" bash -euc '
		mount --rbind / "$ROOT1"
		for d in /*; do
			if [ -L "$d" ]; then
				cp -P "$d" "$ROOT2/"
			elif [ -d "$d" ]; then
				mkdir "$ROOT2$d"
				mount --rbind "$d" "$ROOT2$d"
			fi
		done
		for root in "$ROOT1" "$ROOT2"; do
			try() { chroot "$root" "$CADDIS" "$@"; }
			'"$1"'
		done'
}

@test "in a chroot, whoever enters a container is in the container" {
	export TEST_DIR WHERE="test -e $TEST_DIR && echo host || echo container"
	run -0 in_chroot '
		try sandbox create --pid sandbox there > /dev/null
		try ctr run -d -s there --name a busybox sleep 1000 > /dev/null
		try ctr exec a sh -c "$WHERE"
		try ctr run --rm -s there busybox sh -c "$WHERE"
		nsenter -t "$(try ctr inspect a | jq ".[0].pid")" -m /bin/sh -c "$WHERE"
		try sandbox rm there > /dev/null'
	[ "$(xargs <<< "$output")" = "container container container container container container" ] || fail "$output"
}

@test "where /sys is mounted a second time, as in a host with a chroot" {
	mkdir "$TEST_DIR/sys"
	# shellcheck disable=SC2016
	run -0 unshare -m --propagation private sh -c 'mount --rbind /sys "$1/sys" && exec "$2" ctr run --rm busybox echo hi' - "$TEST_DIR" "$CADDIS"
	assert_output hi
}
