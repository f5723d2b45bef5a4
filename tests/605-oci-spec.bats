#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What runtime-spec 1.3 says MUST be, where it can be seen on Linux: one test for each section of its files, by name.
# https://github.com/opencontainers/runtime-spec/tree/v1.3.0

load helpers
load oci

setup() {
	oci_setup
	cp "$BUNDLE/config.json" "$TEST_DIR/base.json"
}

# config FILTER: as oci_config, of a file that is there.
config() {
	jq "$1" "$TEST_DIR/base.json"
}

teardown() {
	oci_teardown
}

# inside FILTER SCRIPT: runs SCRIPT in a container of a changed configuration; its output in $output.
inside() {
	jq --arg s "$2" "$1"' | .process.args = ["sh", "-c", $s]' "$TEST_DIR/base.json" > "$BUNDLE/config.json"
	oci_ok run -b "$BUNDLE" "$OCI" < /dev/null
}

# refused FILTER TEXT: create fails with one line that has TEXT in it, and leaves nothing.
refused() {
	local status=0

	config "$1" > "$BUNDLE/config.json"
	# into files: what is created by mistake would keep a pipe open
	oci create -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2> "$TEST_DIR/err" || status=$?
	stderr=$(< "$TEST_DIR/err")
	# shellcheck disable=SC2034 # for oci_error
	mapfile -t stderr_lines < "$TEST_DIR/err"
	[ "$status" -eq 1 ] || [ "$status" -eq 2 ] || fail "$1: status $status"
	oci_error "$2"
	[ -z "$(ls -A "$OCI_ROOT" 2> /dev/null)" ] || fail "$1: left: $(ls -A "$OCI_ROOT")"
}

@test "bundle.md 1: config.json lies in the bundle's root, under that name" {
	mv "$BUNDLE/config.json" "$BUNDLE/config"
	oci_fails 1 create -b "$BUNDLE" "$OCI"
	oci_error "config.json: No such file"
}

@test "runtime.md 1, state: what it must include, before, while and after its process runs" {
	oci_started "$OCI"
	[ "$(oci state "$OCI" | jq -c '[.ociVersion, .id, .status, .bundle, .annotations["org.example.one"], (.pid > 1)]')" = \
		"[\"1.0.2\",\"$OCI\",\"running\",\"$(realpath "$BUNDLE")\",\"1\",true]" ]
	oci_ok kill "$OCI" KILL
	wait_until 10 oci_is "$OCI" stopped
	oci_ok delete "$OCI"
}

@test "runtime.md 2, lifecycle: hooks in their order, and one that fails ends it where the specification says" {
	local log=$TEST_DIR/log kind pid
	hooks='def h(k): [{path: "/bin/sh", args: ["sh", "-c", "echo \(k) >> '"$log"'"]}];
		.hooks = {prestart: h("prestart"), createRuntime: h("createRuntime"), createContainer: h("createContainer"),
			poststart: h("poststart"), poststop: h("poststop")} | .root.readonly = false'
	inside "$hooks" "true"
	[ "$(tr '\n' ' ' < "$log")" = "prestart createRuntime createContainer poststart poststop " ] || fail "$(cat "$log")"
	for kind in prestart createRuntime createContainer; do
		: > "$log"
		refused "$hooks | .hooks.${kind}[0].args[2] = \"exit 9\"" "hook ${kind}[0] /bin/sh: ended with status 9"
		[ "$(tail -n 1 "$log")" = poststop ] || fail "$kind: $(cat "$log")"
	done
	# startContainer: in the container, before the program; no program of the container's, no start
	config "$hooks"' | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat > /tmp/state"]}]
		| .process.args = ["cat", "/tmp/state"]' > "$BUNDLE/config.json"
	oci_ok run -b "$BUNDLE" "$OCI" < /dev/null
	[ "$(jq -c '[.id, .status, .pid]' <<< "$output")" = "[\"$OCI\",\"created\",1]" ] || fail "$output"
	config "$hooks"' | .hooks.startContainer = [{path: "/bin/false"}]' > "$BUNDLE/config.json"
	oci_fails 125 run -b "$BUNDLE" "$OCI" < /dev/null
	oci_error "hook startContainer[0] /bin/false: ended with status 1"
	# poststart: the container is stopped, and destroyed
	config "$hooks"' | .hooks.poststart = [{path: "/bin/false"}]' > "$BUNDLE/config.json"
	oci create -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1
	pid=$(oci state "$OCI" | jq .pid)
	oci_fails 1 start "$OCI"
	oci_error "hook poststart[0] /bin/false: ended with status 1"
	oci_fails 1 state "$OCI"
	wait_until 10 eval '! grep -q "^State:.[^Z]" "/proc/$pid/status" 2> /dev/null'
	[ "$(tail -n 1 "$log")" = poststop ] || fail "$(cat "$log")"
	# poststop: a warning, and the others run
	config "$hooks"' | .hooks.poststop |= [{path: "/bin/false"}] + . | .process.args = ["true"]' > "$BUNDLE/config.json"
	: > "$log"
	oci_ok run -b "$BUNDLE" "$OCI" < /dev/null
	[[ $stderr == *"hook poststop[0] /bin/false"* ]] || fail "no warning: $stderr"
	[ "$(tail -n 1 "$log")" = poststop ] || fail "$(cat "$log")"
}

@test "runtime.md 3, operations: each needs an ID that exists, create one that does not" {
	local verb
	for verb in state start delete "kill --all"; do
		# shellcheck disable=SC2086 # verb and option
		oci_fails 1 $verb none
		oci_error 'container "none" does not exist'
	done
	for verb in state start delete kill create; do
		run --separate-stderr oci "$verb"
		[ "$status" -ne 0 ] || fail "$verb without an ID is a success"
	done
	oci_started "$OCI"
	oci_fails 1 create -b "$BUNDLE" "$OCI"
	oci_fails 1 start "$OCI"
	oci_fails 1 delete "$OCI"
	oci_is "$OCI" running # none of them had an effect
	oci_ok delete -f "$OCI"
	inside . 'echo again' # the ID is free
	assert_output again
}

@test "config.md 1, ociVersion: in SemVer's format, of a version that is supported" {
	refused 'del(.ociVersion)' "ociVersion: is missing"
	refused '.ociVersion = "1.0"' "ociVersion: expected a version like 1.3.0"
	refused '.ociVersion = "2.0.0"' "ociVersion: version 2.0.0 of the specification is not supported"
	inside '.ociVersion = "1.3.0-dev+x.y"' 'echo ok'
	assert_output ok
}

@test "config.md 2, root: a directory that is there, read-only if so said, by a path relative to the bundle" {
	refused 'del(.root)' "root.path: is missing"
	refused '.root.path = "/nonexistent"' "/nonexistent: No such file"
	refused '.root.path = "config.json"' "not a directory"
	ln -s "$ROOTFS" "$BUNDLE/rootfs"
	inside '.root = {path: "rootfs", readonly: true}' 'touch /x 2>&1 || grep -o " / / r[ow]" /proc/self/mountinfo || grep " / ro" /proc/self/mountinfo'
	assert_output_has "Read-only file system"
}

@test "config.md 3, mounts: in the order listed, with their options; relative destinations are below /" {
	mkdir "$BUNDLE/data"
	echo one > "$BUNDLE/data/file"
	inside '.mounts += [{destination: "/tmp/a", type: "tmpfs", source: "none", options: ["size=1m"]},
		{destination: "tmp/b", type: "bind", source: "data", options: ["rbind", "ro"]},
		{destination: "/tmp/a/c", type: "bind", source: "'"$BUNDLE"'/data/file", options: ["bind", "nosuid", "nodev", "noexec", "noatime"]},
		{destination: "/tmp/o", type: "tmpfs", source: "first"}, {destination: "/tmp/o", type: "tmpfs", source: "second"}]' \
		'cat /tmp/a/c /tmp/b/file; touch /tmp/b/x 2>&1; grep -o "/tmp/a/c [^ ]*" /proc/self/mountinfo; grep " /tmp/o " /proc/self/mountinfo | tail -n 1 | grep -o second'
	assert_output "one
one
touch: /tmp/b/x: Read-only file system
/tmp/a/c rw,nosuid,nodev,noexec,noatime
second"
	refused '.mounts += [{destination: "/tmp/x", type: "nosuchfs"}]' "nosuchfs"
	refused '.mounts += [{destination: "/tmp/x", type: "tmpfs", options: ["size=nonsense"]}]' "size=nonsense"
	refused '.mounts += [{destination: "/tmp/x", type: "tmpfs", uidMappings: [{containerID: 0, hostID: 1, size: 1}],
		gidMappings: [{containerID: 0, hostID: 1, size: 1}]}]' "only bind mounts map ids"
}

@test "config.md 4, process: args, env and cwd are the ones given, and what must be there is asked for" {
	refused 'del(.process.args)' "process: args: is missing"
	refused '.process.args = []' "process: args: is missing"
	refused 'del(.process.cwd)' "process: cwd: is missing"
	refused '.process.cwd = "tmp"' "process: cwd: expected an absolute path"
	config '.process |= (.args = ["env"] | .env = ["PATH=/bin", "A=b c", "HOME=/x"])' > "$BUNDLE/config.json"
	oci_ok run -b "$BUNDLE" "$OCI" < /dev/null
	assert_output "PATH=/bin
A=b c
HOME=/x"
	inside '.process.cwd = "/tmp"' 'pwd'
	assert_output /tmp
	inside '.process.consoleSize = {height: 9, width: 9}' 'echo ignored without a terminal'
	assert_output "ignored without a terminal"
}

@test "config.md 4, process: limits are set as given, once each, and no others" {
	inside '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 99}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]' \
		'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -Hs'
	assert_output "77
99
0
$(ulimit -Hs)"
	refused '.process.rlimits = [{type: "RLIMIT_NONE", soft: 1, hard: 1}]' "process: rlimits[0].type: expected one of"
	refused '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 1, hard: 1}]' "RLIMIT_CORE is there twice"
}

@test "config.md 4, process for Linux: capabilities, noNewPrivileges, oomScoreAdj, scheduler, ioPriority" {
	inside '.process |= (.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], effective: ["CAP_KILL"], permitted: ["CAP_KILL", "CAP_CHOWN"],
		inheritable: ["CAP_CHOWN"], ambient: []} | .noNewPrivileges = true | .oomScoreAdj = 321
		| .scheduler = {policy: "SCHED_BATCH", nice: 4} | .ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0})' \
		'grep -E "^(Cap(Inh|Bnd)|NoNewPrivs)" /proc/self/status; cat /proc/self/oom_score_adj; cut -d " " -f 19,41 /proc/self/stat; ionice -p 1'
	assert_output "CapInh:	0000000000000001
CapBnd:	0000000000000021
NoNewPrivs:	1
321
4 3
idle"
	inside . 'cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status; cut -d " " -f 19,41 /proc/self/stat'
	assert_output "$(cat /proc/self/oom_score_adj)
NoNewPrivs:	0
$(cut -d " " -f 19,41 /proc/self/stat)"
	# what is not known is a warning, and no reason to fail
	inside '.process.capabilities = {bounding: ["CAP_OF_TOMORROW", "CAP_KILL"]}' 'grep CapBnd /proc/self/status'
	assert_output "CapBnd:	0000000000000020"
	[[ $stderr == *'there is no capability "CAP_OF_TOMORROW"'* ]] || fail "no warning: $stderr"
	refused '.process.scheduler = {policy: "SCHED_X"}' "process: scheduler.policy: expected one of"
	refused '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8}' "process.ioPriority.priority"
	refused '.process.oomScoreAdj = 1001' "process.oomScoreAdj: expected an integer from -1000 to 1000"
}

@test "config.md 5, user: ids, groups and umask of the process" {
	inside '.process.user = {uid: 12, gid: 34, umask: 31, additionalGids: [5, 6]}' 'id -u; id -g; id -G; umask'
	assert_output "12
34
34 5 6
0037"
	refused '.process.user.uid = -1' "process.user.uid"
	refused '.process.user.umask = 512' "process.user.umask"
}

@test "config.md 6, hostname and domainname: the container's, which need a uts namespace of its own" {
	inside '.hostname = "there" | .domainname = "example.org"' 'hostname; cat /proc/sys/kernel/domainname'
	assert_output "there
example.org"
	refused 'del(.linux.namespaces[] | select(.type == "uts"))' "hostname: needs a namespace of type uts"
	refused 'del(.hostname, (.linux.namespaces[] | select(.type == "uts"))) | .domainname = "x"' "domainname: needs a namespace of type uts"
}

@test "config.md 7, hooks: state on their input, arguments and environment as given, bounded by a timeout" {
	hook='.hooks.createRuntime = [{path: "/bin/sh", args: ["zero", "-c", "cat > '"$TEST_DIR"'/state; { echo $0; env; } > '"$TEST_DIR"'/env"], env: ["ONLY=this"]}]'
	inside "$hook" 'true'
	[ "$(jq -c '[.ociVersion, .id, .status, .bundle, .annotations["org.example.one"], (.pid > 1)]' "$TEST_DIR/state")" = \
		"[\"1.0.2\",\"$OCI\",\"creating\",\"$(realpath "$BUNDLE")\",\"1\",true]" ] || fail "$(cat "$TEST_DIR/state")"
	head -n 1 "$TEST_DIR/env" | grep -qx zero
	[ -z "$(grep -Ev '^(zero|ONLY=this|PWD=.*|_=.*|SHLVL=.*)$' "$TEST_DIR/env")" ] || fail "$(cat "$TEST_DIR/env")"
	refused '.hooks.prestart = [{path: "sh"}]' "hooks.prestart[0].path: expected an absolute path"
	refused '.hooks.prestart = [{}]' "hooks.prestart[0].path: is missing"
	refused '.hooks.prestart = [{path: "/bin/sh", timeout: 0}]' "hooks.prestart[0].timeout: expected an integer from 1"
	refused '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "1000"], timeout: 1}]' "did not end within 1 s, and was killed"
}

@test "config.md 8, annotations and 9, extensibility: unknown keys and properties are ignored, invalid values are not" {
	inside '.annotations = {"org.nobody.knows": "this"} | .unknown = {a: [1]} | .process.unknown = 1 | .linux.unknown = 2
		| .linux.resources.unknown = 3 | .windows = {layerFolders: ["x"]} | .vm = {} | .solaris = {milestone: "x"}' 'echo ignored'
	assert_output ignored
	inside 'del(.annotations)' 'echo none'
	refused '.annotations = {a: 1}' 'annotations["a"]: expected a string'
	refused '.process.terminal = "yes"' "process.terminal: expected true or false"
	refused '.mounts = {}' "mounts: expected a list"
	echo '{"ociVersion": "1.3.0",' > "$BUNDLE/config.json"
	oci_fails 2 create -b "$BUNDLE" "$OCI"
	oci_error "config.json:"
}

@test "config-linux.md 1, namespaces: new ones, the runtime's own where none is named, and joined ones of the right type" {
	inside '.linux.namespaces = [{type: "mount"}, {type: "uts"}, {type: "cgroup"}, {type: "time"}]' \
		'for n in mnt uts cgroup time net ipc pid user; do readlink /proc/self/ns/$n; done'
	local n i=0
	for n in mnt uts cgroup time net ipc pid user; do
		if [ $((i < 4)) = 1 ]; then
			[ "${lines[$i]}" != "$(readlink "/proc/self/ns/$n")" ] || fail "the container's $n is the host's"
		else
			[ "${lines[$i]}" = "$(readlink "/proc/self/ns/$n")" ] || fail "the container's $n is not the host's"
		fi
		i=$((i + 1))
	done
	oci_started "$OCI"
	local pid other=$OCI-other
	pid=$(oci state "$OCI" | jq .pid)
	config '.process.args = ["sh", "-c", "readlink /proc/self/ns/net; readlink /proc/self/ns/ipc"] | del(.hostname) | .linux.namespaces = [{type: "mount"},
		{type: "network", path: "/proc/'"$pid"'/ns/net"}, {type: "ipc", path: "/proc/'"$pid"'/ns/ipc"}]' > "$BUNDLE/config.json"
	oci_ok run -b "$BUNDLE" "$other" < /dev/null
	assert_output "$(readlink "/proc/$pid/ns/net")
$(readlink "/proc/$pid/ns/ipc")"
	oci_ok delete -f "$OCI"
	refused '.linux.namespaces += [{type: "pid"}]' "linux.namespaces[5].type: pid is there twice"
	refused '.linux.namespaces += [{type: "x"}]' "linux.namespaces[5].type: expected one of"
	refused '.linux.namespaces[4].path = "/proc/self/ns/ipc"' "/proc/self/ns/ipc is not a network namespace"
	refused '.linux.namespaces[4].path = "self"' "linux.namespaces[4].path: expected an absolute path"
	refused '.linux.namespaces[4].path = "/dev/null"' "/dev/null is not a network namespace"
}

@test "config-linux.md 2, user namespace mappings, and 3, offsets for time namespaces" {
	inside '.linux.namespaces += [{type: "user"}, {type: "time"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1000}, {containerID: 5000, hostID: 1000, size: 7}]
		| .linux.gidMappings = [{containerID: 0, hostID: 0, size: 2000}]
		| .linux.timeOffsets = {monotonic: {secs: 3600}, boottime: {secs: 864000, nanosecs: 1}}' \
		'tr -s " " < /proc/self/uid_map; tr -s " " < /proc/self/gid_map; cut -d . -f 1 /proc/uptime; tr -s " " < /proc/self/timens_offsets'
	[ "${lines[0]}|${lines[1]}|${lines[2]}" = " 0 0 1000| 5000 1000 7| 0 0 2000" ] || fail "$output"
	[ "${lines[3]}" -ge 864000 ]
	[ "${lines[4]}|${lines[5]}" = "monotonic 3600 0|boottime 864000 1" ] || fail "$output"
	refused '.linux.namespaces += [{type: "user"}]' "linux.uidMappings: is missing"
	refused '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]' "linux.uidMappings: needs a namespace of type user"
	refused '.linux.timeOffsets = {boottime: {secs: 1}}' "linux.timeOffsets: needs a namespace of type time"
	refused '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {wall: {secs: 1}}' "linux.timeOffsets: expected one of monotonic, boottime"
}

@test "config-linux.md 4, devices: those given, the default ones, and nothing else in their place" {
	inside '.linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 432, uid: 0, gid: 4}, {path: "/dev/pipe", type: "p"}]
		| .linux.resources.devices = [{allow: true, type: "c", major: 1, minor: 5, access: "rw"}]' \
		'stat -c "%n %A %t:%T %u:%g" /dev/mine; stat -c "%F" /dev/pipe; head -c 3 /dev/mine | wc -c
		for d in null zero full random urandom tty; do stat -c "%n %F %t:%T" /dev/$d; done; for l in ptmx fd stdin stdout stderr; do readlink /dev/$l; done'
	assert_output "/dev/mine crw-rw---- 1:5 0:4
fifo
3
/dev/null character special file 1:3
/dev/zero character special file 1:5
/dev/full character special file 1:7
/dev/random character special file 1:8
/dev/urandom character special file 1:9
/dev/tty character special file 5:0
pts/ptmx
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2"
	refused '.linux.devices = [{path: "/bin/sh", type: "c", major: 1, minor: 5}]' "linux.devices: /bin/sh is there already, and is not this device"
	refused '.linux.devices = [{path: "/dev/x", type: "z"}]' "linux.devices[0].type: expected one of c, b, u, p"
	refused '.linux.devices = [{type: "p"}]' "linux.devices[0].path: is missing"
}

@test "config-linux.md 5, control groups: device rules in their order, limits, unified ones, and none that cannot be" {
	local page
	page=$(find /sys/kernel/mm/hugepages -name 'hugepages-2048kB' | head -n 1)
	inside '.linux.cgroupsPath = "/caddis-spec-'"$OCI"'" | .linux.resources = {devices: [{allow: true, type: "c", major: 1, minor: 11, access: "rw"},
			{allow: false, type: "c", major: 1, minor: 11, access: "w"}],
		memory: {limit: 67108864}, pids: {limit: 17}, cpu: {shares: 512, quota: 50000, period: 100000}}
		| .linux.devices = [{path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 438}]
		| .process.capabilities = {bounding: ["CAP_SYSLOG"], effective: ["CAP_SYSLOG"], permitted: ["CAP_SYSLOG"]}' \
		'cat /proc/self/cgroup; (: < /dev/kmsg) && echo read; (: > /dev/kmsg) 2>&1 || true'
	[[ $output == *"/caddis-spec-$OCI"* ]] || fail "$output"
	assert_output_has "read"
	assert_output_has "Operation not permitted"
	refused '.linux.resources.rdma = {mlx5: {hcaHandles: 1}}' "rdma"
	refused '.linux.resources.network.classID = 7' "net_cls"
	refused '.linux.resources.unified = {"memory.nonsense": "1"}' "memory"
	refused '.linux.resources.unified = {"../x.y": "1"}' "linux.resources.unified"
	refused '.linux.resources.memory = {limit: 20, swap: 10}' "memory.swap"
	refused '.linux.cgroupsPath = "/../x"' "linux.cgroupsPath"
	[ -n "$page" ] || return 0
	refused '.linux.resources.hugepageLimits = [{pageSize: "3MB", limit: 1}]' "hugetlb.3MB"
}

@test "config-linux.md 6, intelRdt, 7, sysctl, and 13, labels: set, or an error where the machine has none" {
	inside '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "9999"}' 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax'
	assert_output "1
9999"
	refused '.linux.sysctl = {"vm.swappiness": "1"}' "vm.swappiness"
	refused '.linux.sysctl = {"net.ipv4.no_such": "1"}' "net.ipv4.no_such"
	refused '.linux.intelRdt = {closID: "a/b"}' "linux.intelRdt.closID"
	[ -e /sys/fs/resctrl/tasks ] || refused '.linux.intelRdt = {closID: "a"}' "linux.intelRdt: no resctrl file system"
	[ -e /sys/fs/selinux/enforce ] || refused '.linux.mountLabel = "a:b:c:d"' "linux.mountLabel: SELinux is not on"
	[ -e /sys/fs/selinux/enforce ] || refused '.process.selinuxLabel = "a:b:c:d"' "process.selinuxLabel: SELinux is not on"
	[ -e /sys/module/apparmor ] || refused '.process.apparmorProfile = "a"' "process.apparmorProfile: AppArmor is not on"
}

@test "config-linux.md 8, seccomp: actions as given, and errors for those that cannot be" {
	inside '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], flags: ["SECCOMP_FILTER_FLAG_LOG"],
		syscalls: [{names: ["mkdir", "mkdirat", "from_the_future"], action: "SCMP_ACT_ERRNO", errnoRet: 28}]}' 'mkdir /tmp/x 2>&1 || true'
	assert_output_has "No space left on device"
	refused '.linux.seccomp = {}' "linux.seccomp: defaultAction: is missing"
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_X"}' 'unknown action "SCMP_ACT_X"'
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1}' "defaultErrnoRet: SCMP_ACT_ALLOW takes none"
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [], action: "SCMP_ACT_ERRNO"}]}' "syscalls[0].names: is empty"
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_KILL", errnoRet: 3}]}' "errnoRet: SCMP_ACT_KILL takes none"
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}' "linux.seccomp.listenerPath: is missing"
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x"}' "listenerMetadata: goes with listenerPath"
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_Z80"]}' 'unknown: "SCMP_ARCH_Z80"'
}

@test "config-linux.md 9, rootfsPropagation, 10, maskedPaths, and 11, readonlyPaths" {
	inside '.linux.maskedPaths = ["/proc/uptime", "/proc/sys", "/not/there"] | .linux.readonlyPaths = ["/tmp", "/not/there"] | .linux.rootfsPropagation = "shared"' \
		'cat /proc/uptime | wc -c; ls /proc/sys | wc -l; touch /tmp/x 2>&1; grep -c " / [^-]*shared:" /proc/self/mountinfo'
	assert_output "0
0
touch: /tmp/x: Read-only file system
1"
	refused '.linux.rootfsPropagation = "sharp"' "linux.rootfsPropagation: expected one of"
	refused '.linux.maskedPaths = ["proc"]' "linux.maskedPaths[0]: expected an absolute path"
	refused '.linux.readonlyPaths = ["proc"]' "linux.readonlyPaths[0]: expected an absolute path"
}

@test "config-linux.md 12, personality, and 14, memoryPolicy" {
	inside '.linux.personality = {domain: "LINUX32"} | .linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0"}' \
		'cat /proc/self/personality; grep -c "interleave:0" /proc/self/numa_maps'
	[ "${lines[0]}" = 00000008 ]
	[ "${lines[1]}" -gt 0 ]
	refused '.linux.personality = {domain: "BSD"}' "linux.personality.domain: expected one of LINUX, LINUX32"
	refused '.linux.memoryPolicy = {mode: "MPOL_X"}' "linux.memoryPolicy.mode: expected one of"
	refused '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "1000"}' "linux.memoryPolicy: set MPOL_BIND for nodes 1000"
	refused '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_X"]}' "linux.memoryPolicy.flags"
}

# The tests run in a network namespace that plays the host.
@test "config-linux.md 15, netDevices: they move with their attributes and global addresses, are up, and clash with nobody" {
	ip link add cad0 type veth peer name cap0
	ip link set cad0 address 02:00:00:00:00:07 mtu 1400 up
	ip addr add 192.0.2.7/24 dev cad0
	ip addr add 2001:db8::7/64 dev cad0 nodad
	ip addr add 169.254.9.9/16 scope link dev cad0
	ip link add cad1 type veth peer name cad2
	inside '.linux.netDevices = {cad0: {name: "net0"}, cad1: {}, cad2: {name: "t%d"}}' 'ip -o addr; ip -o link'
	assert_output_has " net0    inet 192.0.2.7/24"
	assert_output_has " net0    inet6 2001:db8::7/64"
	[[ $output != *169.254.9.9* ]] || fail "an address of the link went along: $output"
	grep -E 'net0(@[^:]*)?: <[^>]*UP.*mtu 1400 .*02:00:00:00:00:07' <<< "$output"
	grep -E 'cad1(@[^:]*)?: <[^>]*UP' <<< "$output"
	grep -E ' t0(@[^:]*)?: <[^>]*UP' <<< "$output"
	wait_until 10 eval '! ip link show cap0 2> /dev/null' # gone with its other end
	ip link add cad0 type veth peer name cad1
	refused '.linux.netDevices = {cad9: {}}' 'linux.netDevices["cad9"]: look for it on the host: No such device'
	refused '.linux.netDevices = {cad0: {name: "lo"}}' 'linux.netDevices["cad0"]: there is a device lo in the container already'
	refused '.linux.netDevices = {cad0: {name: "a/b"}}' '"a/b" is no name of a network device'
	refused '.linux.netDevices = {cad0: {name: "x"}, cad1: {name: "x"}}' "x is there twice"
	refused 'del(.linux.namespaces[] | select(.type == "network")) | .linux.netDevices = {cad0: {}}' "linux.netDevices: needs a namespace of type network"
	ip link del cad0
}

@test "a caller who is root of nothing but a user namespace runs containers, in it and in one below it" {
	local dir=$TEST_DIR/rootless
	mkdir "$dir"
	cp "$CADDIS" "$dir/caddis"
	cp -r "$ROOTFS" "$dir/rootfs"
	chown 65534 "$dir"
	chmod 711 "$TEST_DIR"
	chmod 755 "$BUNDLE"
	rootless() {
		config "$1" | jq '.root.path = "'"$dir"'/rootfs" | .process.args = ["sh", "-c", "id -u; tr -s \" \" < /proc/self/uid_map; echo x > /dev/null && head -c 2 /dev/zero | wc -c; hostname"]' > "$BUNDLE/config.json"
		run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urm \
			"$dir/caddis" oci --root "$dir/state" --cgroup-manager "${2:-disabled}" run -b "$BUNDLE" "$OCI" < /dev/null 3>&-
	}
	rootless .
	[ "$status" -eq 0 ] || fail "$stderr"
	assert_output "0
 0 65534 1
2
oci"
	rootless '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .linux.gidMappings = .linux.uidMappings'
	[ "$status" -eq 0 ] || fail "$stderr"
	assert_output "0
 0 0 1
2
oci"
	rootless '.process.user.additionalGids = [7]'
	[ "$status" -ne 0 ]
	oci_error "process.user.additionalGids must be empty"
	rootless . cgroupfs
	[ "$status" -ne 0 ]
	oci_error "Permission denied; where none may be made, --cgroup-manager disabled makes none"
}
