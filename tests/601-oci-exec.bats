#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# caddis-oci exec, and the hooks that are the command line's.

load helpers
load oci

setup() {
	oci_setup
}

teardown() {
	oci_teardown
}

@test "exec runs the container's own process changed, or all of another one from a file" {
	local c=$OCI pid
	oci_started "$c" '.process.env += ["A=own"] | .process.noNewPrivileges = false |
		.process.capabilities = {bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"]}'
	pid=$(oci state "$c" | jq .pid)
	oci_fails 7 exec "$c" sh -c "readlink /proc/self/ns/net; echo \$A \$HOME; pwd; grep -E 'CapEff|NoNewPrivs' /proc/self/status; exit 7"
	assert_output "$(readlink "/proc/$pid/ns/net")"$'\nown /root\n/\nCapEff:\t0000000000000001\nNoNewPrivs:\t0'
	oci_ok exec -e A=new -e B=2 -u 1000:50 -g 77 --cwd /tmp --cap CAP_KILL --no-new-privs "$c" \
		sh -c "echo \$A \$B; id; pwd; grep -E 'CapEff|NoNewPrivs' /proc/self/status"
	assert_output $'new 2\nuid=1000(user) gid=50(staff) groups=50(staff),77\n/tmp\nCapEff:\t0000000000000020\nNoNewPrivs:\t1'
	oci_config '.process | .args = ["sh", "-c", "cat; echo $X"] | .env += ["X=file"]' > "$TEST_DIR/process.json"
	run oci exec --process "$TEST_DIR/process.json" "$c" <<< in
	assert_output $'in\nfile'
	oci exec -d --pid-file "$TEST_DIR/pid" "$c" sleep 1002 < /dev/null > "$TEST_DIR/out" 2>&1
	tr '\0' ' ' < "/proc/$(cat "$TEST_DIR/pid")/cmdline" | grep -q "sleep 1002"
	[ "$(cat "/proc/$(cat "$TEST_DIR/pid")/cgroup")" = "$(cat "/proc/$pid/cgroup")" ]
	run python3 "$BATS_TEST_DIRNAME/terminal.py" 33 99 "$RUNTIME" --root "$OCI_ROOT" exec -t "$c" sh -c "tty; stty size"
	assert_output_has "/dev/pts/0"
	assert_output_has "33 99"
	run --separate-stderr bash -c 'exec 3<<< three; "$@"' _ "$RUNTIME" --root "$OCI_ROOT" exec --preserve-fds 1 "$c" sh -c 'cat <&3'
	assert_output three
	oci_ok pause "$c"
	oci_fails 125 exec "$c" true
	oci_error "it is paused"
	rm "$TEST_DIR/pid"
	background "$RUNTIME" --root "$OCI_ROOT" exec -d --ignore-paused --pid-file "$TEST_DIR/pid" "$c" sleep 1003 < /dev/null > "$TEST_DIR/out" 2>&1
	sleep 0.3
	[ ! -e "$TEST_DIR/pid" ] # it waits
	oci_ok resume "$c"
	wait_until 5 test -s "$TEST_DIR/pid"
	grep -q sleep "/proc/$(cat "$TEST_DIR/pid")/cmdline"
}

@test "what is wrong with an exec is named: its words, the container, the program, the cgroup" {
	oci_started "$OCI"
	oci_fails 125 exec "$OCI"
	oci_error "which command?"
	oci_fails 125 exec "$OCI-none" true
	oci_error "container \"$OCI-none\" does not exist"
	oci_fails 127 exec "$OCI" nonsense
	oci_error "executable file not found in \$PATH"
	oci_fails 126 exec "$OCI" /etc
	oci_fails 125 exec -p "$TEST_DIR/none" "$OCI"
	oci_error "--process $TEST_DIR/none: No such file"
	oci_fails 125 exec -p "$BUNDLE/config.json" "$OCI" true
	oci_fails 125 exec -p "$BUNDLE/config.json" -e A=1 "$OCI"
	oci_fails 125 exec -e A "$OCI" true
	oci_fails 125 exec -g x "$OCI" true
	oci_fails 125 exec --cap CAP_NONSENSE "$OCI" true
	oci_fails 125 exec --cgroup none "$OCI" true
	oci_error "--cgroup none: there is no such cgroup"
	oci_fails 125 exec -d -t "$OCI" true
	oci_error "--console-socket"
	oci_fails 125 exec --pid-file "$TEST_DIR/none/pid" "$OCI" sleep 1000
	oci_fails 125 exec --preserve-fds 50 "$OCI" true
	[ "$(oci exec "$OCI" sh -c 'ps | grep -c "[s]leep"')" = 1 ] # nothing of these runs
	oci_ok kill "$OCI" KILL
	wait_until 5 oci_is "$OCI" stopped
	oci_fails 125 exec "$OCI" true
	oci_error "it is stopped"
}

# hooks NAME...: each writes its name, status and pid to $TEST_DIR/hooks.
hooks() {
	local name filter=.

	for name; do
		filter+=" | .hooks.$name = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"jq -r '\\\"$name \\\" + .status + \\\" \\\" + (.pid|tostring) + \\\" \\\" + .bundle' >> $TEST_DIR/hooks\"], env: [\"PATH=$PATH\"]}]"
	done
	printf '%s' "$filter"
}

@test "hooks run at their points with the state on standard input, those after the end as well" {
	local pid bundle
	bundle=$(realpath "$BUNDLE")
	oci_config "$(hooks prestart createRuntime poststart poststop)" > "$BUNDLE/config.json"
	oci create -b "$BUNDLE" --pid-file "$TEST_DIR/pid" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1
	pid=$(cat "$TEST_DIR/pid")
	[ "$(cat "$TEST_DIR/hooks")" = "prestart creating $pid $bundle"$'\n'"createRuntime creating $pid $bundle" ]
	oci_ok start "$OCI"
	[ "$(tail -n +3 "$TEST_DIR/hooks")" = "poststart running $pid $bundle" ]
	oci_ok delete -f "$OCI"
	[[ $(tail -n +4 "$TEST_DIR/hooks") == "poststop stopped"*"$bundle" ]]
	# One that fails: before the start nothing is left, after the end it is a warning.
	oci_config "$(hooks poststop) | .hooks.createRuntime = [{path: \"/bin/false\"}]" > "$BUNDLE/config.json"
	oci_fails 1 create -b "$BUNDLE" "$OCI"
	oci_error createRuntime
	[[ $(tail -n +5 "$TEST_DIR/hooks") == "poststop stopped"* ]]
	[ -z "$(ls -A "$OCI_ROOT")" ]
	oci_config "$(hooks poststop) | .hooks.poststart = [{path: \"/bin/false\"}]" > "$BUNDLE/config.json"
	oci create -b "$BUNDLE" "$OCI" < /dev/null > "$TEST_DIR/out" 2>&1
	oci_fails 1 start "$OCI"
	oci_error poststart
	[ "$(grep -c poststop "$TEST_DIR/hooks")" = 3 ]
	[ -z "$(ls -A "$OCI_ROOT")" ]
	oci_started "$OCI" "$(hooks poststop) | .hooks.poststop |= [{path: \"/bin/false\"}] + ."
	oci_ok --log "$TEST_DIR/log" --log-format json delete -f "$OCI"
	[[ $stderr == "caddis-oci: warning: "*poststop* ]]
	[ "$(jq -r .level "$TEST_DIR/log")" = warning ]
	[ "$(grep -c poststop "$TEST_DIR/hooks")" = 4 ]
}

@test "update changes limits of a running container, from options, a file or standard input" {
	local c=$OCI group=/caddis-oci-$OCI
	oci_started "$c"
	oci_ok update --memory 64m --pids-limit 33 --cpu-share 512 "$c"
	[ "$(cgroup_value "$group" memory.max memory memory.limit_in_bytes)" = 67108864 ]
	[ "$(cgroup_value "$group" pids.max pids pids.max)" = 33 ]
	echo '{"memory": {"limit": 33554432}, "pids": {"limit": 44}}' > "$TEST_DIR/r.json"
	oci_ok update -r "$TEST_DIR/r.json" --pids-limit 55 "$c"
	[ "$(cgroup_value "$group" memory.max memory memory.limit_in_bytes)" = 33554432 ]
	[ "$(cgroup_value "$group" pids.max pids pids.max)" = 55 ]
	oci_ok update -r - "$c" < "$TEST_DIR/r.json"
	[ "$(cgroup_value "$group" pids.max pids pids.max)" = 44 ]
	oci_fails 2 update --memory lots "$c"
	oci_fails 2 update --l3-cache-schema x "$c"
	echo '{"memory": {"limit": "x"}}' > "$TEST_DIR/r.json"
	oci_fails 2 update -r "$TEST_DIR/r.json" "$c"
	oci_error "memory.limit"
	oci_fails 1 update -r "$TEST_DIR/none" "$c"
	oci_ok kill "$c" 9
	wait_until 5 oci_is "$c" stopped
	oci_fails 1 update --memory 64m "$c"
	oci_error "it is stopped"
}
