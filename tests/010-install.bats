#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# install.sh and make install: what they put where, and that they take it away again.

load helpers

TOP=$BATS_TEST_DIRNAME/..

install_into() {
	make -s -C "$TOP" BUILD="$(dirname "$CADDIS")" DESTDIR="$TEST_DIR/dest" PREFIX=/opt/c "$@"
}

@test "make install puts program, links, manual and completions in their places" {
	local prefix=$TEST_DIR/dest/opt/c name page
	install_into install
	[ "$("$prefix/bin/caddis" version)" = "$(caddis version)" ]
	for name in sandbox ctr image oci; do
		[ "$("$prefix/bin/caddis-$name" --help)" = "$(caddis "$name" --help)" ]
		[ -e "$prefix/share/bash-completion/completions/caddis-$name" ]
	done
	for page in "$TOP"/man/*.1; do
		cmp "$page" "$prefix/share/man/man1/${page##*/}"
	done
	cmp "$TOP/man/caddis-oci.8" "$prefix/share/man/man8/caddis-oci.8"
	[ -s "$prefix/share/bash-completion/completions/caddis" ]
	[ -s "$prefix/share/zsh/site-functions/_caddis" ]
	[ -s "$prefix/share/fish/vendor_completions.d/caddis.fish" ]
}

@test "make install replaces a program that is running" {
	install_into install
	"$TEST_DIR/dest/opt/c/bin/caddis" --help > /dev/full 2>&1 || true
	local inode
	inode=$(stat -c %i "$TEST_DIR/dest/opt/c/bin/caddis")
	exec 9< "$TEST_DIR/dest/opt/c/bin/caddis"
	install_into install
	[ "$(stat -c %i "$TEST_DIR/dest/opt/c/bin/caddis")" != "$inode" ]
	[ "$(stat -Lc %i /proc/self/fd/9)" = "$inode" ]
	exec 9<&-
}

@test "make uninstall takes every file of install away, and no other" {
	install_into install
	touch "$TEST_DIR/dest/opt/c/bin/other" "$TEST_DIR/dest/opt/c/share/man/man1/other.1"
	install_into uninstall
	run bash -c "find '$TEST_DIR/dest' ! -type d | sort"
	assert_output "$TEST_DIR/dest/opt/c/bin/other
$TEST_DIR/dest/opt/c/share/man/man1/other.1"
}

@test "install.sh explains itself, and refuses what it does not know" {
	run --separate-stderr "$TOP/install.sh" --help
	[ "$status" -eq 0 ]
	assert_output_has "--check"
	run --separate-stderr "$TOP/install.sh" --chekc
	[ "$status" -eq 2 ]
	assert_output ""
}

@test "the demo does what it prints and leaves nothing behind" {
	mkdir "$TEST_DIR/tmp"
	run --separate-stderr env TMPDIR="$TEST_DIR/tmp" DEMO_CADDIS="$CADDIS" "$TOP/install.sh" --demo
	[ "$status" -eq 0 ] || fail "status $status" "$output" "$stderr"
	assert_output_has "# caddis ctr run --rm -s demo busybox echo 'hello from a container'
hello from a container"
	assert_output_has "nothing is left"
	[ -z "$(ls -A "$TEST_DIR/tmp")" ]
}

# Headers of libc and of the kernel; archive_entry.h comes with archive.h.
SYSTEM='(sys|asm|linux|net|netinet|arpa)/.*|assert|ctype|dirent|dlfcn|elf|endian|errno|fcntl|fnmatch|glob|grp|inttypes|limits|link|locale|malloc|math|poll|pthread|pty|pwd|sched|signal|spawn|std[a-z]*|string|strings|termios|threads|time|ucontext|unistd|archive_entry'

@test "every library that the sources include is among those that make asks for, and install.sh installs" {
	local include header headers package
	headers=$(make -s -C "$TOP" -pn BUILD="$TEST_DIR/b" help | sed -n 's/^HEADERS := //p')
	[ "$headers" ]
	for include in $(grep -rhoE '^#include <[^>]+\.h>' "$TOP/lib" "$TOP/cmd" | sed 's/.*<//; s/>//' | sort -u); do
		[[ ${include%.h} =~ ^($SYSTEM)$ || $include == sys/capability.h ]] && continue
		[[ " $headers" == *" ${include%%/*}"[:/]* ]] || fail "<$include> is not in the Makefile's HEADERS"
	done
	for header in $headers; do
		package=${header#*:}
		grep -qE "(^|[[:blank:]\"])$package( |\"|\$)" "$TOP/install.sh" || fail "$package is not in install.sh"
	done
}
