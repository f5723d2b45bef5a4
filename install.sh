#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# From a fresh machine to a working caddis: needs bash and a package manager, nothing else.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
	cat <<'TEXT'
Usage: ./install.sh [--demo | --check | --uninstall | --help]

  (none)       install what is needed, build, install below /usr/local
  --demo       build, and show a sandbox with containers in throw-away roots
  --check      install what the tests need, build, run every test; the last line
               is "N passed, N failed"
  --uninstall  remove the installed files; images and containers stay
               (rm -r /var/lib/caddis removes those)
  --help       this text

PREFIX (default /usr/local) and DESTDIR move the installation. Packages that are
there already are left alone; with nothing missing, no network is needed.
TEXT
}

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "install.sh: $*"
	exit 1
}

# --- packages: one list per package manager and purpose ---

declare -A BUILD_PACKAGES=(
	[apt]="gcc make libc6-dev linux-libc-dev libjson-c-dev libcap-dev libseccomp-dev libcurl4-openssl-dev
		libarchive-dev libssl-dev libzstd-dev zlib1g-dev libisal-dev libsmartcols-dev libyaml-dev
		libmnl-dev libnftnl-dev ca-certificates"
	[dnf]="gcc make glibc-devel kernel-headers json-c-devel libcap-devel libseccomp-devel libcurl-devel
		libarchive-devel openssl-devel libzstd-devel zlib-devel isa-l-devel libsmartcols-devel libyaml-devel
		libmnl-devel libnftnl-devel ca-certificates"
	[apk]="gcc make musl-dev linux-headers json-c-dev libcap-dev libseccomp-dev curl-dev
		libarchive-dev openssl-dev zstd-dev zlib-dev isa-l-dev util-linux-dev yaml-dev
		libmnl-dev libnftnl-dev ca-certificates"
	[pacman]="gcc make linux-api-headers json-c libcap libseccomp curl
		libarchive openssl zstd zlib isa-l util-linux-libs libyaml libmnl libnftnl ca-certificates"
)
declare -A DEMO_PACKAGES=(
	[apt]="busybox-static" [dnf]="busybox" [apk]="busybox-static" [pacman]="busybox"
)
declare -A TEST_PACKAGES=(
	[apt]="bats docker-registry nghttp2-server skopeo umoci buildah podman catatonit containerd crun runc busybox-static mmdebstrap
		debian-archive-keyring jq openssl zstd python3 strace libcap2-bin attr acl procps iproute2 nftables
		containernetworking-plugins iptables util-linux e2fsprogs mandoc qemu-system-x86 cpio kmod apparmor shellcheck clang clang-format clang-tidy cppcheck"
	[dnf]="bats docker-distribution nghttp2 skopeo umoci buildah podman catatonit containerd crun runc busybox mmdebstrap
		jq openssl zstd python3 strace libcap attr acl procps-ng iproute nftables
		containernetworking-plugins iptables-nft util-linux e2fsprogs mandoc ShellCheck clang clang-tools-extra cppcheck"
	[apk]="bats docker-registry nghttp2 skopeo umoci buildah podman catatonit containerd crun runc busybox-static
		jq openssl zstd python3 strace libcap-utils attr acl procps iproute2 nftables
		cni-plugins iptables util-linux e2fsprogs mandoc shellcheck clang clang-extra-tools cppcheck"
	[pacman]="bats libnghttp2 skopeo umoci buildah podman catatonit containerd crun runc busybox
		jq openssl zstd python strace libcap attr acl procps-ng iproute2 nftables
		cni-plugins iptables-nft util-linux e2fsprogs mandoc shellcheck clang cppcheck"
)

manager() {
	local m

	for m in apt-get dnf apk pacman; do
		if command -v "$m" > /dev/null; then
			echo "${m%-get}"
			return
		fi
	done
}

installed() {
	case $1 in
	apt) [[ $(dpkg-query -W -f '${db:Status-Status}' "$2" 2> /dev/null) == installed ]] ;;
	dnf) rpm -q --whatprovides "$2" > /dev/null 2>&1 ;;
	apk) apk info -e "$2" > /dev/null 2>&1 ;;
	pacman) pacman -T "$2" > /dev/null 2>&1 ;;
	esac
}

# Debian starts what it installs; a registry that runs beside the tests' own is not wanted.
apt_install() {
	local policy=/usr/sbin/policy-rc.d ours=

	if [ ! -e "$policy" ]; then
		ours=$policy
		# shellcheck disable=SC2064 # the name as it is now
		trap "rm -f '$policy'" EXIT
		printf '#!/bin/sh\nexit 101\n' > "$policy"
		chmod 755 "$policy"
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get -q -o DPkg::Lock::Timeout=300 update
	apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
	if [[ " $* " == *" docker-registry "* ]] && [ -d /run/systemd/system ]; then
		systemctl disable -q docker-registry || true
	fi
	if [ "$ours" ]; then
		rm -f "$ours"
		trap - EXIT
	fi
}

# need PACKAGE...: installs those that are missing.
need() {
	local m package missing=()

	m=$(manager)
	[ "$m" ] || die "no apt-get, dnf, apk or pacman here: install the libraries in README.md, then use make"
	for package; do
		installed "$m" "$package" || missing+=("$package")
	done
	[ "${#missing[@]}" -gt 0 ] || return 0
	[ "$(id -u)" -eq 0 ] || die "missing packages; as root, run: ./install.sh, or install: ${missing[*]}"
	say "installing: ${missing[*]}"
	case $m in
	apt) apt_install "${missing[@]}" ;;
	dnf) dnf -y install --setopt=install_weak_deps=False "${missing[@]}" ;;
	apk) apk add --no-progress "${missing[@]}" ;;
	pacman) pacman -S --noconfirm --needed "${missing[@]}" ;;
	esac >&2
}

# shellcheck disable=SC2046,SC2086 # lists of words
need_build() {
	need ${BUILD_PACKAGES[$(manager)]:-}
}

# shellcheck disable=SC2046,SC2086
need_demo() {
	need ${BUILD_PACKAGES[$(manager)]:-} ${DEMO_PACKAGES[$(manager)]:-}
}

# shellcheck disable=SC2046,SC2086
need_tests() {
	need ${BUILD_PACKAGES[$(manager)]:-} ${TEST_PACKAGES[$(manager)]:-}
}

build() {
	make -s -j"$(nproc)" >&2
}

# --- the main job in a minute ---

# Prints a command as one would type it, then runs it.
show() {
	local word line=

	for word; do
		[[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || word=\'$word\'
		line+=" $word"
	done
	printf '\n#%s\n' "$line"
	"$@"
}

demo_end() {
	local ids

	set +e
	mapfile -t ids < <(caddis ctr ls -aq 2> /dev/null)
	[ "${#ids[@]}" -eq 0 ] || caddis ctr rm -f --ignore "${ids[@]}"
	mapfile -t ids < <(caddis sandbox ls -q 2> /dev/null)
	[ "${#ids[@]}" -eq 0 ] || caddis sandbox rm --ignore "${ids[@]}"
	cd /
	rm -rf --one-file-system "$DEMO"
}

demo() {
	local busybox rootfs applet

	[ "$(id -u)" -eq 0 ] || die "the demo makes namespaces and mounts: run it as root"
	DEMO=$(mktemp -d)
	export CADDIS_ROOT=$DEMO/root CADDIS_STATE=$DEMO/state NETCONFPATH=$DEMO/net.d
	PATH=$(dirname "${DEMO_CADDIS:-$PWD/build/caddis}"):$PATH
	trap demo_end EXIT
	trap 'exit 130' INT TERM
	busybox=$(command -v busybox.static || command -v busybox)
	rootfs=$DEMO/busybox
	mkdir -p "$rootfs"/{bin,dev,etc,proc,sys,tmp}
	cp "$busybox" "$rootfs/bin/busybox"
	echo 'root:x:0:0:root:/:/bin/sh' > "$rootfs/etc/passwd"
	for applet in $("$busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$rootfs/bin/$applet"
	done

	echo "caddis keeps everything of this demo below $DEMO and removes it at the end."
	show caddis image import --cmd sh "$rootfs" busybox
	show caddis image ls
	show caddis sandbox create --network none demo
	show caddis ctr run --rm -s demo busybox echo "hello from a container"
	# shellcheck disable=SC2016 # the container's shell expands it
	show caddis ctr run -d -s demo --name web busybox sh -c 'echo "pid $$ on $(hostname)"; exec sleep 1000'
	show caddis ctr exec web ps
	show caddis ctr ls
	show caddis ctr logs web
	show caddis ctr stop -t 0 web
	show caddis ctr ls -a
	show caddis sandbox rm demo
	show caddis image rm busybox
	show caddis sandbox ls
	printf '\nThat was it: nothing runs, nothing is left.\n'
}

# --- every test ---

PASSED=0
FAILED=0

# Counts TAP while it passes it on. A skipped test is a failed one.
count() {
	local line

	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		"ok "*"# skip"*) FAILED=$((FAILED + 1)) ;;
		"ok "*) PASSED=$((PASSED + 1)) ;;
		"not ok "*) FAILED=$((FAILED + 1)) ;;
		esac
	done
}

# counted NAME COMMAND...: a command that speaks TAP. If it fails without a "not ok", that counts too.
counted() {
	local name=$1 before=$FAILED tap status=0

	shift
	tap=$(mktemp)
	# The command's status survives in a file: count must run in this shell.
	count < <("$@" 2>&1 || echo "$?" > "$tap")
	[ ! -s "$tap" ] || status=$(< "$tap")
	rm -f "$tap"
	if [ "$status" -ne 0 ] && [ "$FAILED" -eq "$before" ]; then
		echo "not ok - $name ended with status $status"
		FAILED=$((FAILED + 1))
	fi
}

# One test: COMMAND succeeds. Its output is shown when it does not.
one() {
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then
		echo "ok - $name"
		PASSED=$((PASSED + 1))
	else
		printf '%s\n' "$out" | sed 's/^/# /'
		echo "not ok - $name"
		FAILED=$((FAILED + 1))
	fi
}

# The bats files in two halves at once, each in a network of its own: tests wait more than they compute.
# A test that hangs fails, and the whole run comes to an end.
half() {
	CADDIS=$PWD/build/caddis BATS_TEST_TIMEOUT=240 tests/netns timeout -k 10 1800 bats --formatter tap "$@"
}

halves() {
	local files=(tests/*.bats) one=() other=() i tap

	for i in "${!files[@]}"; do
		if ((i % 2)); then one+=("${files[i]}"); else other+=("${files[i]}"); fi
	done
	tap=$(mktemp)
	{ half "${other[@]}" > "$tap" 2>&1 || echo "# status $?" >> "$tap"; } &
	counted "bats, one half" half "${one[@]}"
	wait "$!"
	counted "bats, the other half" replay "$tap"
	rm -f "$tap"
}

# What only computes takes the time in which the bats files wait.
beside() {
	local rule

	counted "the virtual machine with cgroup v2" tests/vm/run
	for rule in format tidy cppcheck shell man layers; do
		one "lint: $rule" make -s "lint-$rule" TIDY_NODES=40000
	done
}

# A kept run, with its status.
replay() {
	cat "$1"
	! tail -n 1 "$1" | grep -q '^# status '
}

check() {
	local program tap

	[ "$(id -u)" -eq 0 ] || die "the tests make namespaces and mounts: run them as root"
	need_tests
	one "everything builds without a warning" make -s -j"$(nproc)" WERROR=1 all unit-programs
	if [ "$FAILED" -eq 0 ]; then
		for program in build/tests/unit/*_test; do
			[ -x "$program" ] && counted "$program" "$program"
		done
		tap=$(mktemp)
		{ renice -n 10 "$BASHPID" > /dev/null && beside || echo "# status $?"; } > "$tap" 2>&1 &
		halves
		wait
		counted "what ran beside them" replay "$tap"
		rm -f "$tap"
	fi
	echo "$PASSED passed, $FAILED failed"
	[ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}

case ${1-} in
"")
	need_build
	build
	make -s install PREFIX="${PREFIX:-/usr/local}" DESTDIR="${DESTDIR-}"
	say "installed: ${DESTDIR-}${PREFIX:-/usr/local}/bin/caddis; try: caddis --help, man caddis"
	;;
--demo)
	need_demo
	[ "${DEMO_CADDIS-}" ] || build # the tests bring a built one
	demo
	;;
--check)
	check
	;;
--uninstall)
	command -v make > /dev/null || need_build
	make -s uninstall PREFIX="${PREFIX:-/usr/local}" DESTDIR="${DESTDIR-}"
	;;
--help | -h)
	usage
	;;
*)
	usage >&2
	exit 2
	;;
esac
