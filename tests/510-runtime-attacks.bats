#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Images, options and neighbours that mean harm, on the built binary: SEC-R1 to SEC-R19 of the
# reliability tables. Others are in 391-sysctl (R12), 392-userns (R17), 410-exec (R1, R2), and, on the
# executor alone, in tests/unit: executor_hostile (R3 to R6, R10, R13), user (R7), seccomp (R15),
# protect (R1).

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create --network none web
	mkdir "$TEST_DIR/victim"
	echo untouched > "$TEST_DIR/victim/decoy"
	VICTIM=$TEST_DIR/victim
}

teardown() {
	local cgroup

	for cgroup in /sys/fs/cgroup/{,*/}caddis/*/*; do
		[ ! -e "$cgroup/freezer.state" ] || echo THAWED > "$cgroup/freezer.state"
	done
	caddis_teardown
}

# An image whose root file system FUNCTION has changed, in its current directory. A small one.
hostile_image() {
	local rootfs=$TEST_DIR/rootfs.$1 applet

	mkdir -p "$rootfs"/{bin,dev,etc,proc,root,sys,tmp,usr/bin,var}
	ln "$BATS_FILE_TMPDIR/busybox-rootfs/bin/busybox" "$rootfs/bin/busybox"
	for applet in sh true ls cat stat id grep sed head wc xargs touch sleep; do
		ln -s busybox "$rootfs/bin/$applet"
	done
	cp "$BATS_FILE_TMPDIR/busybox-rootfs/etc"/{passwd,group} "$rootfs/etc/"
	(cd "$rootfs" && "${@:2}")
	run_ok image import --cmd sh "$rootfs" "$1"
}

# Nothing of the host was written to, made, or changed its owner.
untouched() {
	[ "$(cd "$VICTIM" && find . -printf '%p %y %U:%G %m\n' | sort)" = ". d 0:0 755
./decoy f 0:0 644" ] || fail "$(find "$VICTIM" -ls)"
	[ "$(cat "$VICTIM/decoy")" = untouched ]
	[ "$(sha256sum /proc/sys/kernel/core_pattern)" = "$HOST_SYSCTLS" ]
}
HOST_SYSCTLS=$(sha256sum /proc/sys/kernel/core_pattern)

# It must not hang, and either works or says why in one line.
works_or_says_why() {
	run --separate-stderr timeout 30 "$CADDIS" "$@"
	# shellcheck disable=SC2154
	[ "$status" -eq 0 ] || { [ "$status" -eq 125 ] && [ "${#stderr_lines[@]}" -eq 1 ]; } ||
		fail "caddis $*: status $status" "$output" "$stderr"
}

@test "SEC-R1: an image's shell that is /proc/self/exe is not the program of the host" {
	local sum
	sum=$(sha256sum < "$CADDIS")$(stat -c %i "$CADDIS")
	self() { printf '#!/proc/self/exe\n' > bin/me && chmod 755 bin/me && ln -s /proc/self/exe bin/me-too; }
	hostile_image self self
	for command in me me-too; do
		run -126 "$CADDIS" ctr run --rm -s web self "$command" version
	done
	[ "$(sha256sum < "$CADDIS")$(stat -c %i "$CADDIS")" = "$sum" ]
}

@test "SEC-R2: no descriptor of ours is a way to the host: as working directory, or inherited" {
	local n
	fds() { local n; for n in {7..9}; do ln -s "/proc/self/fd/$n" "w$n"; done; }
	hostile_image fds fds
	exec 7< "$VICTIM" 8< / 9< "$CADDIS_ROOT"
	run_ok ctr run -d -s web --name app fds sleep 1000
	for n in {7..9}; do
		for dir in "/proc/self/fd/$n" "/w$n" "/proc/1/cwd/../proc/self/fd/$n"; do
			works_or_says_why ctr run --rm -s web -w "$dir" fds sh -c 'pwd; ls'
			assert_output_lacks decoy
			assert_output_lacks containers
			works_or_says_why ctr exec -w "$dir" app sh -c 'pwd; ls'
			assert_output_lacks decoy
			assert_output_lacks containers
		done
	done
	for how in "run --rm -s web fds" "exec app"; do
		# shellcheck disable=SC2086 # words; the fourth is ls's own
		run_ok ctr $how ls /proc/self/fd
		assert_output $'0\n1\n2\n3'
	done
	run_ok image import --cmd sh -w /proc/self/fd/7 "$TEST_DIR/rootfs.fds" workdir
	works_or_says_why ctr run --rm -s web workdir ls
	assert_output_lacks decoy
	exec 7<&- 8<&- 9<&-
	untouched
}

@test "SEC-R3: /proc and /sys are the kernel's or there is no container; nothing else is mounted on or in them" {
	link_proc() { mv proc bad-proc && ln -s /bad-proc proc; }
	link_sys() { rmdir sys && ln -s "$VICTIM" sys; }
	hostile_image proc link_proc
	hostile_image sys link_sys
	mkdir "$TEST_DIR/fake"
	touch "$TEST_DIR/fake/x"
	for image in proc sys; do
		run_fails 125 ctr run --rm -s web "$image" true
		[[ $stderr == *"/$image"* ]] || fail "$stderr"
	done
	for target in /proc /proc/self/attr /proc/self /proc/sys/kernel /proc/self/attr/exec; do
		run_fails 125 ctr run --rm -s web -v "$TEST_DIR/fake:$target" busybox true
		[[ $stderr == *"/proc"* ]] || fail "$stderr"
		run_fails 125 ctr run --rm -s web --tmpfs "$target" busybox true
	done
	untouched
}

@test "SEC-R4: a mount target that is swapped for a link to the host while it is looked for stays inside" {
	local swapper failed=0
	mkdir -p "$TEST_DIR/v/d" "$TEST_DIR/data"
	echo theirs > "$TEST_DIR/data/mine"
	ln -s "$VICTIM" "$TEST_DIR/v/link"
	# renameat2(RENAME_EXCHANGE), as fast as it goes
	background python3 -c '
import ctypes, sys
libc, d, l = ctypes.CDLL(None), (sys.argv[1] + "/d").encode(), (sys.argv[1] + "/link").encode()
while True: libc.renameat2(-100, d, -100, l, 2)' "$TEST_DIR/v"
	swapper=$!
	for _ in {1..15}; do
		works_or_says_why ctr run --rm -s web -v "$TEST_DIR/v:/v" -v "$TEST_DIR/data:/v/d/x" -v "$TEST_DIR/data:/v/d/new/deep" \
			busybox sh -c 'cat /v/d/x/mine /v/link/x/mine 2> /dev/null | sort -u; grep -c " /v/d\| /v/link\| /v/" /proc/self/mountinfo'
		[ "$status" -eq 0 ] || failed=$((failed + 1))
		assert_output_lacks untouched
	done
	kill "$swapper"
	untouched
	[ "$failed" -lt 15 ]
}

@test "SEC-R5, SEC-R16: what is masked is masked by our own /dev/null and an empty directory, whatever the image's is" {
	null() { mkdir -p dev && ln -sf /proc/sys/kernel/core_pattern dev/null && ln -sf /proc/sysrq-trigger dev/zero; }
	hostile_image null null
	# shellcheck disable=SC2016
	run_ok ctr run --rm -s web null sh -c '
		for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/interrupts /proc/latency_stats; do
			[ -e $f ] && echo "file $f $(stat -c %t:%T $f) $(head -c 1 $f | wc -c)"
		done
		for d in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap; do
			[ -d $d ] && echo "dir $d $(ls -A $d | wc -l)" && touch $d/x 2> /dev/null && echo "$d writable"
		done
		for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/mm/ksm/run; do
			[ -e $f ] && (echo 0 > $f) 2> /dev/null && echo "$f writable"
		done
		stat -c "%n %t:%T" /dev/null /dev/zero'
	seen=$output
	run ! grep -v -e '^file [^ ]* 1:3 0$' -e '^dir [^ ]* 0$' -e '^/dev/' <<< "$seen"
	grep -q '^file /proc/timer_list ' <<< "$seen"
	grep -q '^dir /sys/firmware ' <<< "$seen"
	run_ok ctr run --rm -s web null stat -c '%n %t:%T' /dev/null /dev/zero
	assert_output_has "/dev/null 1:3"
	assert_output_has "/dev/zero 1:5"
	untouched
}

@test "SEC-R6: /dev/console is the container's own terminal, whatever the image has in its place" {
	links() { rm -rf dev && mkdir dev && ln -s "$VICTIM" dev/pts && ln -s "$VICTIM/decoy" dev/console && ln -s "$VICTIM/decoy" dev/ptmx; }
	files() { rm -rf dev && mkdir -p dev/console dev/ptmx/x && echo x > dev/pts; }
	hostile_image links links
	hostile_image files files
	for image in links files; do
		run python3 "$BATS_TEST_DIRNAME/terminal.py" 24 80 "$CADDIS" ctr run --rm -it -s web "$image" sh -c \
			'stat -c %t:%T /dev/console; stat -c %t /dev/pts/0; grep -c " /dev/pts .* devpts " /proc/self/mountinfo'
		[ "$(tr -d '\r' <<< "$output")" = "88:0
88
1" ] || fail "$image: $output"
	done
	untouched
}

@test "SEC-R7: a user is exactly what was asked for, or nothing runs" {
	local user
	passwd() { echo '1000:x:0:0::/:/bin/sh' >> etc/passwd; }
	hostile_image passwd passwd
	run_ok ctr run -d -s web --name app passwd sleep 1000
	for user in 1=1:0 1:2=1:2 1000=1000:1000 2147483647=2147483647:0 root=0:0 user=1000:1000; do
		for how in "run --rm -s web -u ${user%=*} passwd" "exec -u ${user%=*} app"; do
			# shellcheck disable=SC2086 # words
			run_ok ctr $how sh -c 'echo $(id -u):$(id -g)'
			assert_output "${user#*=}"
		done
		run_ok image import --cmd sh -u "${user%=*}" "$TEST_DIR/rootfs.passwd" own
		run_ok ctr run --rm -s web own sh -c 'echo $(id -u):$(id -g)'
		assert_output "${user#*=}"
	done
	for user in 0x1 '1 ' ' 1' +1 -1 2147483648 4294967295 4294967296 18446744073709551616 1e3 no 1000:no a:b:c 1: 1:4294967295 "$(head -c 100000 /dev/zero | tr '\0' 1)"; do
		run_fails 125 ctr run --rm -s web -u "$user" passwd id -u
		assert_output ""
		run_fails 125 ctr exec -u "$user" app id -u
		assert_output ""
	done
}

@test "SEC-R8: the primary group is among the groups, so that what it may not do stays so" {
	secret() { echo secret > etc/not-staff && chgrp 50 etc/not-staff && chmod 604 etc/not-staff; }
	hostile_image secret secret
	run_ok ctr run -d -s web --name app secret sleep 1000
	for how in "run --rm -s web" "exec"; do
		for user in user:staff 1234:50; do
			where=$([ "$how" = exec ] && echo app || echo secret)
			# shellcheck disable=SC2086 # words
			run_ok ctr $how -u "$user" "$where" sh -c 'grep -E "^Groups:.*[^0-9]50( |$)" /proc/self/status > /dev/null && echo there; cat /etc/not-staff 2> /dev/null || echo denied'
			assert_output $'there\ndenied'
		done
		# shellcheck disable=SC2086 # words
		run_ok ctr $how -u user "$where" sh -c 'cat /etc/not-staff 2> /dev/null || echo denied'
		assert_output denied
	done
}

@test "SEC-R9: nothing is inheritable, another user has no capability, and the bounding set is what was asked for" {
	run_ok sandbox create --network none --privileged able
	run_ok ctr run -d -s web --name app --cap-add NET_ADMIN busybox sleep 1000
	caps() {
		run_ok ctr "$@" sh -c 'sed -n "s/^Cap\(...\):\t0*\([0-9a-f]\)/\1 \2/p" /proc/self/status | xargs'
		# shellcheck disable=SC2034
		read -r _ inh _ prm _ eff _ bnd _ amb <<< "$output"
		[ "$inh" = 0 ] && [ "$amb" = 0 ] || fail "$*: $output"
	}
	default=a80425fb
	caps run --rm -s web busybox
	[ "$prm $eff $bnd" = "$default $default $default" ]
	caps run --rm -s web -u 1000 busybox
	[ "$prm $eff $bnd" = "0 0 $default" ]
	caps run --rm -s web --cap-drop all --cap-add chown busybox
	[ "$prm $eff $bnd" = "1 1 1" ]
	caps run --rm -s web --cap-drop ALL -u 1000 busybox
	[ "$prm $eff $bnd" = "0 0 0" ]
	caps run --rm -s able --privileged -u 1000 busybox
	[ "$prm $eff" = "0 0" ]
	caps exec app
	[ "$bnd $eff" = "a80435fb a80435fb" ]
	caps exec -u 1000 app
	[ "$prm $eff $bnd" = "0 0 a80435fb" ]
	for cap in nosuch CAP_ 41 "NET_ADMIN " ''; do
		run_fails 125 ctr run --rm -s web --cap-add "$cap" busybox true
		assert_error capability
		run_fails 125 ctr exec --cap-add "$cap" app true
	done
}

@test "SEC-R10: a /dev that is a link to the host puts nothing there" {
	absolute() { rm -rf dev && ln -s "$VICTIM" dev; }
	relative() { rm -rf dev && ln -s "../../../../../../../../../..$VICTIM" dev; }
	for how in absolute relative; do
		hostile_image "$how" "$how"
		echo decoy > "$VICTIM/decoy" && echo untouched > "$VICTIM/decoy"
		works_or_says_why ctr run --rm -s web "$how" true
		works_or_says_why ctr run --rm --device /dev/full:/dev/full -s web "$how" true
		untouched
	done
}

@test "SEC-R11: files that we put into a container are never written through what the image has in their place" {
	local kind
	place() { # KIND: at every path that we make or write
		local f
		for f in etc/hosts etc/hostname etc/resolv.conf w; do
			case $1 in
			absolute) ln -s "$VICTIM/decoy" "$f" ;;
			relative) ln -s "../../../../../../../../..$VICTIM/decoy" "$f" ;;
			dangling) ln -s "there-${f##*/}" "$f" ;;
			outside) ln -s "$VICTIM/new" "$f" ;;
			fifo) mkfifo "$f" ;;
			directory) mkdir "$f" ;;
			device) mknod "$f" c 1 3 ;;
			loop) ln -s "${f##*/}" "$f" ;;
			esac
		done
	}
	parent() { rm -rf etc && ln -s "$VICTIM" etc && ln -s "$VICTIM" w; }
	for kind in absolute relative dangling outside fifo directory device loop; do
		hostile_image "$kind" place "$kind"
		works_or_says_why ctr run --rm -s web "$kind" cat /etc/hostname
		[ "$kind" != dangling ] || [ "$status $output" = "0 web" ] || fail "$status $output $stderr"
		[ "$status" -ne 0 ] || [ "$output" = web ] || fail "$kind: $output"
		works_or_says_why ctr run --rm -s web -w /w/x/y "$kind" pwd
		works_or_says_why ctr run --rm -s web -u user -w /w "$kind" pwd
		untouched
	done
	hostile_image parent parent
	works_or_says_why ctr run --rm -s web -w /w/x parent cat /etc/hostname
	untouched
}

@test "SEC-R13: no control group above the container's own can be reached" {
	# shellcheck disable=SC2016
	run_ok ctr run --rm -s web --security-opt seccomp=unconfined busybox sh -c '
		for dir in /sys/fs/cgroup /sys/fs/cgroup/*/; do
			mkdir $dir/x 2> /dev/null && echo "made in $dir" && rmdir $dir/x
			(echo x > $dir/release_agent) 2> /dev/null && echo "agent in $dir"
			(echo 0 > $dir/notify_on_release) 2> /dev/null && echo "agent in $dir"
		done
		ls /sys/fs/cgroup | wc -l
		cat /proc/self/cgroup'
	assert_output_lacks made
	assert_output_lacks agent
	[ "$(grep -v ':/$' <<< "$output" | grep -c "caddis")" = 0 ] || fail "$output"
	run_fails 1 ctr run --rm -s web busybox sh -c 'unshare -UrCm sh -c "mount -t cgroup -o rdma c /mnt; mount -t cgroup2 c /mnt"'
	run_fails 1 ctr run --rm -s web busybox sh -c 'mkdir /m; mount -t cgroup -o memory c /m'
	for parent in /../outside /foo/../../outside /./x /foo/.. //; do
		run_fails 2 sandbox create --network none --cgroup-parent "$parent"
	done
	[ -z "$(find /sys/fs/cgroup -maxdepth 2 -name outside)" ]
}

@test "SEC-R14: a control group that others live in, or that is frozen, is not a container's" {
	local group dir
	run_ok ctr create web --name full busybox sleep 1000
	group=$(caddis ctr inspect --field cgroup full)
	if [ -d /sys/fs/cgroup/pids ]; then
		dir=/sys/fs/cgroup/pids$group freezer=/sys/fs/cgroup/freezer$group state=freezer.state
	else
		dir=/sys/fs/cgroup$group freezer=$dir state=cgroup.freeze
	fi
	mkdir -p "$dir"
	sleep 1000 3>&- &
	stranger=$!
	TEST_PIDS+=("$stranger")
	echo "$stranger" > "$dir/cgroup.procs"
	run --separate-stderr timeout 30 "$CADDIS" ctr start full
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	assert_error "$group"
	kill -0 "$stranger"
	kill "$stranger"
	wait "$stranger" || true
	run_ok ctr rm full
	run_ok ctr create web --name cold busybox sleep 1000
	group=$(caddis ctr inspect --field cgroup cold)
	freezer=${freezer%/*}/${group##*/}
	mkdir -p "$freezer"
	case $state in
	freezer.state) echo FROZEN > "$freezer/$state" ;;
	*) echo 1 > "$freezer/$state" ;;
	esac
	run --separate-stderr timeout 30 "$CADDIS" ctr start cold
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	assert_error "$group"
}

@test "SEC-R18: what is far too long or too many works or is refused, and never hangs" {
	# Of its own making: the command line holds no more than 128 KiB of a word.
	python3 - "$TEST_DIR" <<-'PY'
		import json, sys
		d = sys.argv[1]
		def put(name, **more):
		    json.dump({"image": {"image": "busybox"}, "command": ["/bin/true"], **more}, open(f"{d}/{name}.json", "w"))
		put("annotation", annotations={"a": "x" * (10 << 20)})
		put("argv", args=["x" * 100000] * 52)
		put("env", envs=[{"key": "A", "value": "x" * (128 << 10)}])
		put("env-fits", envs=[{"key": "A", "value": "x" * (127 << 10)}])
		put("mounts", mounts=[{"container_path": f"/m/{i}", "host_path": f"{d}/victim"} for i in range(500)])
	PY
	for what in annotation argv env; do
		run --separate-stderr timeout 60 "$CADDIS" ctr run --rm -s web -f "$TEST_DIR/$what.json"
		[[ $status = 125 || $status = 126 ]] && [ "${#stderr_lines[@]}" -eq 1 ] || fail "$what: $status $stderr"
		[ "${#stderr}" -le 1000 ]
	done
	run_ok ctr run --rm -s web -f "$TEST_DIR/env-fits.json"
	run_ok ctr run --rm -s web -f "$TEST_DIR/mounts.json"
	run_ok ctr ls -aq
	assert_output ""
	untouched
}

@test "SEC-R19: modes are those that were asked for, below a set-group-ID directory too, and a read-only bind keeps its flags" {
	setgid() { chgrp 50 . && chmod 2775 . && mkdir here && chmod 0711 here; }
	hostile_image setgid setgid
	run_ok ctr run --rm -s web --tmpfs /a/b/c --tmpfs /t:mode=1730 --tmpfs /here -w /n/m setgid \
		stat -c '%n %a' /a /a/b /a/b/c /t /n /n/m
	[ "$(sed 's/ 2755$/ 755/' <<< "$output")" = "/a 755
/a/b 755
/a/b/c 1777
/t 1730
/n 755
/n/m 755" ] || fail "$output"
	mkdir "$TEST_DIR/m"
	mount -t tmpfs -o nosuid,nodev,noexec tmpfs "$TEST_DIR/m"
	run_ok ctr run --rm -s web -v "$TEST_DIR/m:/m:ro" busybox sh -c 'grep " /m " /proc/self/mountinfo | cut -d " " -f 6'
	for flag in ro nosuid nodev noexec; do
		[[ ",$output," == *",$flag,"* ]] || fail "$output lacks $flag"
	done
	umount "$TEST_DIR/m"
}
