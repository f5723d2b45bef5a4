#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

# Kernel settings of a sandbox: those of its own namespaces, and the host's never (SEC-R12).

load helpers

setup() {
	caddis_setup
	test_image
	host_values > "$TEST_DIR/host.before"
}

teardown() {
	host_values > "$TEST_DIR/host.after"
	cmp "$TEST_DIR/host.before" "$TEST_DIR/host.after"
	caddis_teardown
}

host_values() {
	(cd /proc/sys && head -n 99 kernel/{shm_rmid_forced,shmmax,shmmni,msgmax,sem,core_pattern,domainname,panic} \
		fs/mqueue/{msg_max,queues_max} net/ipv4/{ip_forward,ip_unprivileged_port_start,ping_group_range} \
		net/core/somaxconn vm/overcommit_memory)
}

@test "sysctls of the network and ipc namespaces hold in all containers of the sandbox, from its start" {
	run_ok sandbox create --sysctl net.ipv4.ip_unprivileged_port_start=77 --sysctl net.core.somaxconn=333 \
		--sysctl kernel.shm_rmid_forced=1 --sysctl kernel.msgmax=4096 --sysctl "kernel.sem=250 32000 32 7" \
		--sysctl fs.mqueue.msg_max=5 --sysctl "net.ipv4.ping_group_range=0 9" web
	net=$("$CADDIS" sandbox inspect web | jq -r '.[0].linux.namespaces.network')
	[ "$(nsenter --net="$net" cat /proc/sys/net/core/somaxconn)" = 333 ]
	for _ in 1 2; do
		run_ok ctr run --rm -s web busybox sh -c 'cd /proc/sys && cat net/ipv4/ip_unprivileged_port_start \
			net/core/somaxconn kernel/shm_rmid_forced kernel/msgmax kernel/sem fs/mqueue/msg_max net/ipv4/ping_group_range'
		assert_output "77
333
1
4096
250	32000	32	7
5
0	9"
	done
	run_ok sandbox inspect web
	jq -e '.[0].config.linux.sysctls["net.core.somaxconn"] == "333"' <<< "$output"
	# Another sandbox has the kernel's own.
	run_ok ctr run --rm busybox cat /proc/sys/kernel/shm_rmid_forced
	assert_output "$(cat /proc/sys/kernel/shm_rmid_forced)"
}

@test "what does not belong to a namespace, or is more than a name and a value, is refused before anything is made" {
	refuse() {
		run_fails "${want:-2}" sandbox create --sysctl "$@" web
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$1: $stderr"
		run_ok sandbox ls -q
		assert_output ""
		run_ok sandbox create web
		run_ok sandbox rm web
	}
	for key in kernel.core_pattern kernel.panic vm.overcommit_memory fs.file-max kernel.shm_rmid_forced.x kernel.shm \
		kernel/shm_rmid_forced net/ipv4/ip_forward net.ipv4/../../kernel.panic net.../kernel/panic ..net.x net. \
		net.ipv4..ip_forward net%2fipv4.x "net.ipv4.ip_forward " .net.x /net.x "net.x
kernel.panic" netx.y NET.ipv4.ip_forward fs.mqueue kernel.shmmaxx net.netfilter.nf_conntrack_max; do
		refuse "$key=1"
	done
	refuse "kernel.shm_rmid_forced=1+kernel.core_pattern=|/x"
	refuse "kernel.shm_rmid_forced=1
kernel.panic=1"
	refuse "kernel.shm_rmid_forced="
	refuse "=1"
	refuse "kernel.shm_rmid_forced"
	# The kernel's own refusals undo the sandbox.
	want=1 refuse net.nosuch.setting=1
	want=1 refuse kernel.shm_rmid_forced=7
	want=1 refuse "kernel.shm_rmid_forced=1 x"
}

@test "a namespace that is the host's takes no sysctl" {
	run_fails 2 sandbox create --network host --sysctl net.ipv4.ip_forward=1 web
	assert_error "sysctl net.ipv4.ip_forward would change the host"
	run_fails 2 sandbox create --ipc host --sysctl kernel.shm_rmid_forced=1 web
	assert_error "sysctl kernel.shm_rmid_forced would change the host"
	run_fails 2 sandbox create --network host --sysctl kernel.domainname=x web
	assert_error "would change the host"
	run_ok sandbox create --network host --sysctl kernel.shm_rmid_forced=1 web
	run_ok sandbox create --ipc host --sysctl net.core.somaxconn=9 other
}
