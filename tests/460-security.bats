#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# The security context of containers: by option, by file, from the sandbox; read back from the kernel.

load helpers

setup() {
	caddis_setup
	test_image
	run_ok sandbox create web
}

profile() {
	printf '%s\n' "$1" > "$TEST_DIR/profile.json"
}

status() {
	run_ok ctr run --rm -s web "$@" busybox grep -E '^(Seccomp|NoNewPrivs|Groups|Cap)' /proc/self/status
}

@test "seccomp is the built-in filter, none, or a file of Docker's format, for exec too" {
	status
	assert_output_has "Seccomp:	2"
	run_fails 1 ctr run --rm -s web busybox unshare -U true
	status --security-opt seccomp=unconfined
	assert_output_has "Seccomp:	0"
	run_ok ctr run --rm -s web --security-opt seccomp=unconfined busybox unshare -U true
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
		"syscalls": [{"names": ["mkdir", "mkdirat", "nosuchcall"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
		{"names": ["chmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_BOOT"]}},
		{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_BOOT"]}},
		{"name": "rmdir", "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "includes": {"arches": ["amd64", "arm64"], "minKernel": "5.10"}},
		{"name": "sync", "action": "SCMP_ACT_KILL_PROCESS", "includes": {"minKernel": "99.1"}}]}'
	run_ok ctr run -d -s web --name a --security-opt "seccomp=$TEST_DIR/profile.json" busybox sleep 1000
	for try in "mkdir /x" "rmdir /tmp"; do
		# shellcheck disable=SC2086
		run_fails 1 ctr exec a $try
		[[ $stderr == *"No space left"* ]] || fail "$stderr"
	done
	run_ok ctr exec a chmod 700 /tmp
	run_ok ctr exec a sync
	run_fails 1 ctr exec a hostname x
	run_fails 1 ctr run --rm -s web --cap-add SYS_BOOT --security-opt "seccomp=$TEST_DIR/profile.json" busybox chmod 700 /tmp
	[[ $stderr == *"Operation not permitted"* ]]
	run_ok ctr inspect a
	jq -e --arg p "$TEST_DIR/profile.json" \
		'.[0].config.linux.security_context.seccomp == {profile_type: "Localhost", localhost_ref: $p}' <<< "$output"
}

@test "a profile is compiled once, and a file of another profile in its place is not believed" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	run=("$CADDIS" ctr run --rm -s web --security-opt "seccomp=$TEST_DIR/profile.json" busybox mkdir /x)
	compiles() { strace -f -qq -e trace=openat,open -o "$TEST_DIR/trace" "${run[@]}" 2> /dev/null || true; grep -q libseccomp "$TEST_DIR/trace"; }
	compiles
	! compiles || fail "compiled again"
	cached=("$CADDIS_ROOT"/seccomp/*)
	[ "${#cached[@]}" -eq 1 ]
	sed -i 's/mkdir/chmod/' "${cached[0]}"
	compiles
	run "${run[@]}"
	[ "$status" -eq 1 ]
	: > "${cached[0]}"
	compiles
	[ "$(stat -c %a "$CADDIS_ROOT/seccomp" "${cached[0]}" | xargs)" = "700 600" ]
}

@test "a profile that cannot be is an error that names the place, and nothing is made" {
	refused() {
		profile "$1"
		run_fails 125 ctr run --rm -s web --security-opt "seccomp=$TEST_DIR/profile.json" busybox true
		assert_error "$2"
		[[ $stderr == *"$TEST_DIR/profile.json"* ]] || fail "$stderr"
	}
	refused '{' "profile.json"
	refused '[]' "expected an object"
	refused '{}' 'defaultAction: unknown action ""'
	refused '{"defaultAction": "ALLOW"}' 'defaultAction: unknown action "ALLOW"'
	refused '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}, {"names": ["mkdir"], "action": "NO"}]}' \
		'syscalls[1]: action: unknown action "NO"'
	refused '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO"}]}' "syscalls[0]: names"
	refused '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a", 7], "action": "SCMP_ACT_ERRNO"}]}' "syscalls[0]: names[1]: expected a string"
	refused '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": ["x"]}' "syscalls[0]: expected an object"
	refused '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 9, "op": "SCMP_CMP_EQ"}]}]}' \
		"syscalls[0]: args[0]"
	refused '{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["NO"]}' 'flags: flag "NO" is not supported'
	refused '{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x"}' "listenerPath is not supported"
	refused '{"defaultAction": "SCMP_ACT_ALLOW", "defaultAction": "SCMP_ACT_ALLOW"}' "profile.json"
	run_fails 125 ctr run --rm -s web --security-opt "seccomp=$TEST_DIR/nosuch" busybox true
	assert_error "nosuch"
	run_fails 1 sandbox create --security-opt "seccomp=$TEST_DIR/nosuch" pod
	assert_error "seccomp profile $TEST_DIR/nosuch"
	profile '{"defaultAction": "ALLOW"}'
	run_fails 2 sandbox create --security-opt "seccomp=$TEST_DIR/profile.json" pod
	assert_error "$TEST_DIR/profile.json: defaultAction: unknown action"
	run_ok sandbox ls -o name
	assert_output web
	run_fails 125 ctr run --rm -s web --security-opt bogus=1 busybox true
	assert_error "--security-opt bogus=1"
	run_ok ctr ls -aq
	assert_output ""
}

@test "what a container leaves open is as its sandbox says, and its own word wins" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	run_ok sandbox create --run-as-user 1000 --run-as-group 50 --supplemental-group 7 --supplemental-group 8 --read-only \
		--security-opt "seccomp=$TEST_DIR/profile.json" pod
	run_ok ctr run --rm -s pod busybox sh -c 'id -u; id -g; id -G | tr " " "\n" | sort -n | xargs'
	assert_output "1000
50
7 8 50"
	run_ok ctr run --rm -s pod -u 0:0 --group-add 9 busybox sh -c 'id -G | tr " " "\n" | sort -n | xargs'
	assert_output "0 7 8 9"
	run_fails 1 ctr run --rm -s pod -u 0 busybox touch /x
	[[ $stderr == *"Read-only file system"* ]]
	run_fails 1 ctr run --rm -s pod -u 0 busybox mkdir /dev/shm/x
	[[ $stderr == *"Operation not permitted"* ]]
	run_ok ctr run --rm -s pod -u 0 --security-opt seccomp=unconfined busybox mkdir /dev/shm/x
}

@test "a privileged container needs a sandbox that allows it" {
	run_fails 125 ctr run --rm -s web --privileged busybox true
	assert_error "create it with --privileged"
	run_ok ctr ls -aq
	assert_output ""
	run_ok sandbox create --privileged pod
	run_ok ctr run --rm -s pod --privileged busybox grep Seccomp: /proc/self/status
	assert_output "Seccomp:	0"
	run_ok ctr run --rm -s pod busybox grep Seccomp: /proc/self/status
	assert_output "Seccomp:	2"
	run_ok ctr run --rm --privileged busybox true
}

@test "groups: those of the user in the image and those given, or those given alone" {
	run_ok ctr run --rm -s web -u user --group-add 77 busybox sh -c 'id -G | tr " " "\n" | sort -n | xargs'
	assert_output "50 77 1000"
	run_ok ctr run --rm -s web -u user --group-add 77 --groups-policy strict busybox sh -c 'id -G | tr " " "\n" | sort -n | xargs'
	assert_output "77 1000"
	run_ok ctr run -d -s web --name a -u user --groups-policy strict busybox sleep 1000
	run_ok ctr exec a id -G
	assert_output 1000
	for args in "--group-add x" "--group-add -1" "--group-add 4294967295" "--groups-policy bogus"; do
		# shellcheck disable=SC2086
		run_fails 125 ctr run --rm -s web $args busybox true
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$stderr"
	done
}

@test "another user has the ambient capabilities asked for, and no others" {
	status -u 1000
	assert_output_has "CapEff:	0000000000000000"
	status -u 1000 --cap-add NET_ADMIN --cap-ambient net_admin
	assert_output_has "CapEff:	0000000000001000"
	assert_output_has "CapAmb:	0000000000001000"
	run_fails 125 ctr run --rm -s web -u 1000 --cap-ambient NET_ADMIN busybox true
	assert_error "add it with --cap-add"
	run_fails 125 ctr run --rm -s web --cap-ambient nosuch busybox true
	assert_error "capability 'nosuch'"
}

@test "no_new_privs is set by option, by --security-opt and by file" {
	for option in --no-new-privileges "--security-opt=no-new-privileges"; do
		status "$option"
		assert_output_has "NoNewPrivs:	1"
	done
	status
	assert_output_has "NoNewPrivs:	0"
	echo '{"image": {"image": "busybox"}, "linux": {"security_context": {"no_new_privs": true}}}' > "$TEST_DIR/c.json"
	run_ok ctr run --rm -s web -f "$TEST_DIR/c.json" busybox grep NoNewPrivs /proc/self/status
	assert_output "NoNewPrivs:	1"
}

@test "a file's masked and read-only paths replace the usual ones" {
	cat > "$TEST_DIR/c.json" <<-'JSON'
		{"image": {"image": "busybox"}, "linux": {"security_context": {
			"masked_paths": ["/etc/hostname", "/usr"], "readonly_paths": ["/var"]}}}
	JSON
	run_ok ctr run --rm -s web -f "$TEST_DIR/c.json" busybox sh -c \
		'wc -c < /etc/hostname; ls /usr; touch /var/x 2>&1; touch /tmp/x && echo free; stat -c %t:%T /etc/hostname'
	assert_output "0
touch: /var/x: Read-only file system
free
1:3"
	sed 's#"/var"#"var"#' "$TEST_DIR/c.json" > "$TEST_DIR/bad.json"
	run_fails 125 ctr run --rm -s web -f "$TEST_DIR/bad.json" busybox true
	assert_error "readonly_paths[0]: 'var' is not an absolute path"
}

@test "limits are the ones asked for, also above our own soft ones" {
	run_ok ctr run --rm -s web --ulimit nofile=77:88 --ulimit core=0 --ulimit STACK=1048576 busybox cat /proc/self/limits
	[[ $output =~ "Max open files "\ *77\ +88 ]] || fail "$output"
	[[ $output =~ "Max core file size "\ *0\ +0 ]] || fail "$output"
	[[ $output =~ "Max stack size "\ *1048576\ +1048576 ]] || fail "$output"
	run bash -c 'ulimit -Sn 200; "$CADDIS" ctr run --rm -s web --ulimit nofile=300 busybox sh -c "ulimit -n"'
	[ "$output" = 300 ]
	run_ok sandbox create --userns auto users
	run bash -c 'ulimit -Sn 200; "$CADDIS" ctr run --rm -s users --ulimit nofile=300 busybox sh -c "ulimit -n"'
	[ "$output" = 300 ]
	run_ok ctr run --rm -s web --ulimit fsize=-1 busybox sh -c 'ulimit -f'
	assert_output unlimited
	for limit in nofile "nofile=" "=5" nofile=5:4 nofile=-1:5 nofile=-2 nofile=1:2:3 nofile=x nosuch=5; do
		run_fails 125 ctr run --rm -s web --ulimit "$limit" busybox true
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$limit: $stderr"
	done
}

@test "a device is there with the access asked for, and no other is" {
	# Of a number that no driver has: an open that the rules allow ends with ENXIO, else with EPERM.
	mknod "$TEST_DIR/k" c 240 7
	run_ok ctr run -d -s web --name a --device "$TEST_DIR/k:/dev/log/k:r" busybox sleep 1000
	run_ok ctr exec a stat -c '%F %t %T' /dev/log/k
	assert_output "character special file f0 7"
	opens() {
		run_fails 1 ctr "$@"
		[[ $stderr == *"$want"* ]] || fail "$*: $stderr"
	}
	want="No such device" opens exec a sh -c 'exec 3< /dev/log/k'
	want="Operation not permitted" opens exec a sh -c 'exec 3> /dev/log/k'
	want="Operation not permitted" opens run --rm -s web busybox sh -c 'mknod /k c 240 7 && exec 3< /k'
	want="No such device" opens run --rm -s web --device "$TEST_DIR/k" busybox sh -c "exec 3<> $TEST_DIR/k"
	cgroup=$("$CADDIS" ctr inspect a | jq -r '.[0].cgroup')
	if [ -d /sys/fs/cgroup/devices ]; then
		grep -qx "c 240:7 r" "/sys/fs/cgroup/devices$cgroup/devices.list"
	fi
	run_ok sandbox create --userns auto users
	run_ok ctr run --rm -s users --device /dev/full:/dev/f busybox stat -c '%F' /dev/f
	assert_output "character special file"
	for device in "" /nosuch /etc/passwd /etc dev/null /dev/null:x:y /dev/null:/x:rq /dev/null: /dev/null:/x:r:w; do
		run_fails 125 ctr run --rm -s web --device "$device" busybox true
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$device: $stderr"
	done
}

@test "a directory stands for all devices below it, in a user namespace too, and for nothing else" {
	mkdir -p "$TEST_DIR/d/sub"
	mknod "$TEST_DIR/d/k" c 240 7
	mknod "$TEST_DIR/d/sub/z" c 1 5
	ln -s /dev/full "$TEST_DIR/d/link"
	echo x > "$TEST_DIR/d/file"
	run_fails 1 ctr run --rm -s web --device "$TEST_DIR/d:/dev/d:r" busybox sh -c 'cd /dev/d; find . -type c | sort; ls; head -c 2 sub/z | wc -c; exec 3> k'
	assert_output "./k
./sub/z
k
sub
2"
	[[ $stderr == *"Operation not permitted"* ]] || fail "$stderr"
	run_ok sandbox create --userns auto users
	run_ok ctr run --rm -s users --device "$TEST_DIR/d/sub:/dev/d" busybox sh -c 'head -c 2 /dev/d/z | wc -c'
	assert_output 2
	mkdir "$TEST_DIR/empty"
	ln -s /dev/full "$TEST_DIR/empty/link"
	run_fails 125 ctr run --rm -s web --device "$TEST_DIR/empty" busybox true
	assert_error "device $TEST_DIR/empty: there is none in that directory"
}

@test "--init reaps what is left to it, passes signals on, ends as the command ends, and is nothing of the host" {
	run_fails 7 ctr run --rm --init -s web busybox sh -c 'exit 7'
	run_fails 143 ctr run --rm --init -s web busybox sh -c 'kill -TERM $$'
	run_fails 126 ctr run --rm --init -s web busybox /etc/passwd
	run_ok ctr run --rm --init -s web busybox sh -c '(sh -c "sleep 0.1 & exit"); sleep 0.5; ps -o stat,comm | grep -c ^Z'\;true
	assert_output 0
	run_ok ctr run -d --init -s web --name a busybox sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done'
	ready() { [ "$("$CADDIS" ctr logs a)" = ready ]; }
	wait_until 5 ready
	run_ok ctr exec a sh -c 'tr "\0" " " < /proc/1/cmdline; echo x > /proc/1/exe 2> /dev/null || echo refused'
	assert_output_has "init /bin/sh sh -c"
	assert_output_has refused
	pid=$("$CADDIS" ctr inspect a | jq '.[0].pid')
	[ "$(stat -Lc %d:%i "/proc/$pid/exe")" != "$(stat -Lc %d:%i "$CADDIS")" ]
	[ "$(awk '/^Private/ { sum += $2 } END { print sum }' "/proc/$pid/smaps_rollup")" -le 32 ]
	run_ok ctr stop a
	[ "$("$CADDIS" ctr inspect a | jq '.[0].exit_code')" = 9 ]
	run_ok ctr run --rm --init -t -s web -u 1000 busybox sh -c 'tty; id -u'
	assert_output_has /dev/pts/0
	run_ok ctr run --rm --init --read-only -s web busybox true
}

@test "SELinux labels and AppArmor profiles are taken where they are on; inspect says when a label is not applied" {
	run_ok ctr run -d -s web --name a --security-opt label=type:t --security-opt label=level:s0:c1 busybox sleep 1000
	run_ok ctr inspect a
	jq -e '.[0].config.linux.security_context.selinux_options == {type: "t", level: "s0:c1"}' <<< "$output"
	if [ ! -e /sys/fs/selinux/enforce ]; then
		jq -e '.[0].notes[0] == "SELinux is not enabled: its label is not applied"' <<< "$output"
	fi
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2> /dev/null)" != Y ]; then
		run_fails 125 ctr run --rm -s web --security-opt apparmor=nosuch busybox true
		assert_error "AppArmor is not enabled"
	fi
	run_ok ctr run --rm -s web --security-opt apparmor=unconfined busybox true
}
