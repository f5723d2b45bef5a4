# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What every test starts from and ends with: `load helpers` first thing in a file.
#
# setup gives each test roots of its own ($CADDIS_ROOT and $CADDIS_STATE below $TEST_DIR). teardown
# removes all objects through caddis and fails the test when anything is left: a mount, a cgroup, a
# process, a file. A file with a setup or teardown of its own calls caddis_setup and caddis_teardown in it.

bats_require_minimum_version 1.5.0

CADDIS=$(realpath "${CADDIS:-$BATS_TEST_DIRNAME/../build/caddis}")
export CADDIS

setup() {
	caddis_setup
}

teardown() {
	caddis_teardown
}

# The network of this machine is nobody's playground.
own_network() {
	[ -n "${TESTS_OUTSIDE-}" ] && [ "$(readlink /proc/self/ns/net)" != "$(readlink "$TESTS_OUTSIDE")" ] ||
		fail "these tests need a network namespace of their own: use 'make bats', or tests/netns bats ..."
}

# host_network COMMAND...: with this machine's own network, for those who download.
host_network() {
	nsenter --net="$TESTS_OUTSIDE" "$@"
}

caddis_setup() {
	own_network || return 1
	TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/caddis-test.XXXXXX")
	export CADDIS_ROOT=$TEST_DIR/root CADDIS_STATE=$TEST_DIR/state
	export NETCONFPATH=$TEST_DIR/net.d # whatever CNI networks this machine has
	mounts_now > "$TEST_DIR/mounts.before"
	cgroups_now > "$TEST_DIR/cgroups.before"
	network_now > "$TEST_DIR/network.before"
	TEST_PIDS=()
	export REGISTRY=
}

caddis_teardown() {
	local left=0 pid

	# Without a directory of its own there is nothing to clear, and "/" would match everything.
	[[ ${TEST_DIR-} == /*/caddis-test.* ]] || return 1
	remove_all || left=1
	for pid in "${TEST_PIDS[@]}"; do
		kill -9 "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	nothing_left || left=1
	clear_test_dir || left=1
	return "$left"
}

caddis() {
	"$CADDIS" "$@"
}

# LeakSanitizer, in such a build, cannot work in a traced process.
strace() {
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 command strace "$@"
}

# --- running caddis and looking at what it said ---
# Afterwards: $status, $output (stdout), $stderr, ${lines[@]}, ${stderr_lines[@]}.

# run_ok ARG...: caddis ARG... must end with 0.
run_ok() {
	run_fails 0 "$@"
}

# run_fails STATUS ARG...: caddis ARG... must end with exactly STATUS.
run_fails() {
	local want=$1

	shift
	must_end "$want" caddis "$CADDIS" "$@"
}

# must_end STATUS NAME COMMAND ARG...: it must end with exactly STATUS; NAME is what it is called when it does not.
must_end() {
	local want=$1 name=$2 check=()

	shift 2
	[ "$want" -ne 127 ] || check=(-127) # else bats takes it for a typing error
	run --separate-stderr "${check[@]}" "$@"
	# shellcheck disable=SC2154 # bats sets them
	[ "$status" -eq "$want" ] ||
		fail "$name ${*:2}: status $status, expected $want" "stdout: $output" "stderr: $stderr"
}

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# All of stdout, but for the newline at its end.
assert_output() {
	[ "$output" = "$1" ] || fail "expected: $1" "actual:   $output" "stderr:   ${stderr-}"
}

assert_output_has() {
	[[ $output == *"$1"* ]] || fail "expected in the output: $1" "actual: $output" "stderr: ${stderr-}"
}

assert_output_lacks() {
	[[ $output != *"$1"* ]] || fail "not expected in the output: $1" "actual: $output"
}

# stderr is exactly one line of caddis, and has TEXT in it.
assert_error() {
	# shellcheck disable=SC2154
	if [ "${#stderr_lines[@]}" -ne 1 ] || [[ $stderr != "caddis: "*"$1"* ]]; then
		fail "expected one line 'caddis: ...' with: $1" "actual: $stderr"
	fi
}

assert_no_error() {
	[ -z "$stderr" ] || fail "expected nothing on stderr" "actual: $stderr"
}

# wait_until SECONDS COMMAND...: until COMMAND succeeds.
wait_until() {
	local end=$((SECONDS + $1 + 1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "in vain waited for: $*" || return 1
		sleep 0.05
	done
}

# background COMMAND...: runs it beside the test; ended at teardown. $! is its pid.
background() {
	"$@" 3>&- &
	TEST_PIDS+=($!)
}

# --- images and registries ---

# test_rootfs DIR: a root file system of static busybox.
test_rootfs() {
	local busybox applet

	busybox=$(command -v busybox)
	mkdir -p "$1"/{bin,dev,etc,proc,root,sys,tmp,usr/bin,var}
	chmod 1777 "$1/tmp"
	cp "$busybox" "$1/bin/busybox"
	for applet in $("$busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n' > "$1/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\nstaff:x:50:user\n' > "$1/etc/group"
}

# test_image [NAME]: an image of it in the test's store, by default named "busybox". Its command is sh.
test_image() {
	local rootfs=${BATS_FILE_TMPDIR:-$BATS_RUN_TMPDIR}/busybox-rootfs

	if [ ! -d "$rootfs" ]; then
		test_rootfs "$rootfs.$$"
		mv "$rootfs.$$" "$rootfs"
	fi
	"$CADDIS" image import --cmd sh "$rootfs" "${1:-busybox}" > /dev/null
}

# start_registry [CONFIG-LINES]: Debian's docker-registry on loopback; sets $REGISTRY to HOST:PORT.
start_registry() {
	local port try

	mkdir -p "$TEST_DIR/registry"
	for try in 1 2 3 4 5; do
		port=$((20000 + (RANDOM * 7 + $$ + try) % 10000))
		cat > "$TEST_DIR/registry.yml" <<-YML
			version: 0.1
			log: {level: error, accesslog: {disabled: true}}
			storage: {filesystem: {rootdirectory: $TEST_DIR/registry}, delete: {enabled: true}}
			http:
			  addr: 127.0.0.1:$port
			${1-}
		YML
		background docker-registry serve "$TEST_DIR/registry.yml" > "$TEST_DIR/registry.log" 2>&1
		if wait_until 5 listening "$port" && kill -0 "${TEST_PIDS[-1]}" 2>/dev/null; then
			REGISTRY=127.0.0.1:$port
			return 0
		fi
	done
	fail "docker-registry does not start" "$(tail -n 3 "$TEST_DIR/registry.log")"
}

listening() {
	(: < "/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# --- nothing may be left ---

# Mounts of this namespace without their numbers, and without those of other tests and tools.
mounts_now() {
	awk -v mine="${TEST_DIR##*/}" '
		(index($0, "caddis-test.") || /\/sandboxes\/[0-9a-f]+\/ns/) && !index($0, mine) { next }
		{ $1 = $2 = ""; sub(/ (shared|master|propagate_from):[0-9]+/, ""); print }
	' /proc/self/mountinfo | sort
}

# Every cgroup of a sandbox or container, as "ID ID" lines of all hierarchies.
cgroups_now() {
	local dir

	for dir in /sys/fs/cgroup/caddis/*/ /sys/fs/cgroup/*/caddis/*/; do
		[ -d "$dir" ] && printf '%s\n' "$dir"
	done | sort
	return 0
}

# Processes that were started with our roots in their environment.
processes_left() {
	env -u CADDIS_ROOT -u CADDIS_STATE -u TEST_DIR \
		grep -lsaF "CADDIS_ROOT=$CADDIS_ROOT" /proc/[0-9]*/environ
}

# Does a root somewhere on this machine (another test, another user) own this cgroup?
cgroup_has_owner() {
	local id

	id=$(basename "$1")
	[ -n "$(find /tmp /var/tmp /var/lib/caddis -maxdepth 6 -name "$id" -not -path "$TEST_DIR/*" -print -quit 2>/dev/null)" ]
}

new_lines() {
	comm -13 "$1" "$2"
}

cgroups_left() {
	local dir

	cgroups_now > "$TEST_DIR/cgroups.after"
	new_lines "$TEST_DIR/cgroups.before" "$TEST_DIR/cgroups.after" | while read -r dir; do
		[ ! -d "$dir" ] || cgroup_has_owner "$dir" || printf '%s\n' "$dir"
	done
}

mounts_left() {
	mounts_now > "$TEST_DIR/mounts.after"
	new_lines "$TEST_DIR/mounts.before" "$TEST_DIR/mounts.after" | grep -e "$TEST_DIR" -e caddis -e nsfs
}

# Links, addresses and the firewall. Addresses that the kernel gives to links by itself do not count.
network_now() {
	ip -o link | awk '{ print "link", $2 }'
	ip -o addr show scope global | awk '{ print "address", $2, $4 }'
	nft list ruleset | sed 's/^/nft /'
}

network_left() {
	network_now | sort > "$TEST_DIR/network.after"
	sort "$TEST_DIR/network.before" | new_lines - "$TEST_DIR/network.after"
}

# What may stay once every object is gone: empty directories, images, layers, locks, version, boot.
files_left() {
	local dir

	for dir in "$CADDIS_ROOT"/{sandboxes,containers,staging,names} "$CADDIS_STATE"; do
		[ ! -d "$dir" ] || find "$dir" -mindepth 1 ! -type d ! -name lock ! -name boot
	done
	for dir in "$CADDIS_ROOT"/{sandboxes,containers,staging} "$CADDIS_STATE"/{sandboxes,containers}; do
		[ ! -d "$dir" ] || find "$dir" -mindepth 1 -maxdepth 1
	done
}

# The things above die a moment after the command that ended them: give them ten seconds.
left_over() {
	processes_left
	cgroups_left
	mounts_left
	network_left
	files_left
	return 0
}

# The default network stays when its last sandbox goes: so says the manual.
nothing_left() {
	local try left

	for try in {1..100}; do
		# A container that just ended may still be giving its sandbox's address back.
		[ ! -d "$CADDIS_ROOT/networks" ] || "$CADDIS" network prune > /dev/null || return 1
		left=$(left_over)
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	fail "left behind after $try looks:" "$left"
}

remove_all() {
	local ids

	if [ -d "$CADDIS_ROOT/containers" ]; then
		mapfile -t ids < <("$CADDIS" ctr ls -aq)
		[ "${#ids[@]}" -eq 0 ] || "$CADDIS" ctr rm -f --ignore "${ids[@]}" || return 1
	fi
	if [ -d "$CADDIS_ROOT/sandboxes" ]; then
		mapfile -t ids < <("$CADDIS" sandbox ls -q)
		[ "${#ids[@]}" -eq 0 ] || "$CADDIS" sandbox rm --ignore "${ids[@]}" || return 1
	fi
}

# Whatever happened, the next test finds a clean machine; but never delete through a mount.
clear_test_dir() {
	local pid point

	for pid in $(processes_left | cut -d/ -f3); do
		kill -9 "$pid" 2>/dev/null
	done
	awk -v d="$TEST_DIR/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r point; do umount -l "$point"; done
	rm -rf --one-file-system "$TEST_DIR"
}

# cgroup_value PATH V2-FILE V1-CONTROLLER V1-FILE: what the kernel has set.
cgroup_value() {
	if [ -e "/sys/fs/cgroup$1/$2" ]; then
		cat "/sys/fs/cgroup$1/$2"
	else
		cat "/sys/fs/cgroup/$3$1/$4"
	fi
}

# start_prepared NAME COMMAND [OPTION...]: runs it, then sleeps; waits until COMMAND is done.
start_prepared() {
	local name=$1 command=$2

	shift 2
	run_ok ctr run -d -s web --name "$name" "$@" busybox sh -c "$command
		touch /dev/done; exec sleep 1000"
	wait_until 20 "$CADDIS" ctr exec "$name" test -e /dev/done
}
