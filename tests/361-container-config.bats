#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Configuration files of containers.

load helpers

@test "a container runs from a file that names its image, in YAML and in JSON" {
	test_image
	mkdir "$TEST_DIR/data"
	echo hello > "$TEST_DIR/data/file"
	cat > "$TEST_DIR/app.yaml" <<-YAML
		metadata: {name: app, attempt: 2}
		image: {image: busybox}
		command: [sh, -c]
		args: ['echo \$A \$(pwd) \$(cat /data/file) \$(id -u); touch /data/x 2>&1']
		working_dir: /tmp
		envs: [{key: A, value: one}]
		mounts: [{host_path: $TEST_DIR/data, container_path: /data, readonly: true}]
		labels: {app: web}
		annotations: {build: "7"}
		linux:
		  resources: {memory_limit_in_bytes: 33554432, cpu_shares: 512, oom_score_adj: 10}
		  security_context: {run_as_user: {value: 1000}, capabilities: {drop_capabilities: [ALL]}}
	YAML
	run -1 --separate-stderr "$CADDIS" ctr run -f "$TEST_DIR/app.yaml"
	[ "${lines[0]}" = "one /tmp hello 1000" ] || fail "$output" "$stderr"
	assert_output_has "Read-only file system"
	run_ok ctr inspect --field .config app
	config=$output
	jq -e '.metadata == {name: "app", attempt: 2} and .labels.app == "web" and .annotations.build == "7"
		and .linux.resources.memory_limit_in_bytes == 33554432
		and .linux.security_context.run_as_user.value == 1000' <<< "$config"
	run_ok ctr rm app
	printf '%s' "$config" > "$TEST_DIR/app.json"
	run_ok sandbox create web
	run_ok ctr create web -f "$TEST_DIR/app.json"
	run_ok ctr inspect --field .config app
	assert_output "$config"
}

@test "limits, score and labels of a file reach the kernel" {
	test_image
	printf '%s' '{"metadata":{"name":"app"},"image":{"image":"busybox"},"args":["sleep","1000"],
		"linux":{"resources":{"memoryLimitInBytes":"33554432","cpuQuota":20000,"cpuPeriod":100000,
		"oomScoreAdj":77}}}' > "$TEST_DIR/app.json"
	run_ok ctr run -d -f "$TEST_DIR/app.json"
	cgroup=$("$CADDIS" ctr inspect --field .cgroup app)
	[ "$(cgroup_value "$cgroup" memory.max memory memory.limit_in_bytes)" = 33554432 ]
	run_ok ctr exec app cat /proc/1/oom_score_adj
	assert_output 77
}

@test "options and operands win over the file, variables, volumes and labels by name" {
	cat > "$TEST_DIR/app.yaml" <<-YAML
		metadata: {name: app}
		image: {image: one}
		command: [a, b]
		args: [c]
		envs: [{key: A, value: "1"}, {key: B, value: "2"}]
		mounts: [{host_path: /etc, container_path: /x}, {host_path: /usr, container_path: /y, readonly: true}]
		labels: {a: "1", b: "2"}
		linux:
		  resources: {memory_limit_in_bytes: 1000000, cpu_shares: 100}
		  security_context: {run_as_user: {value: 7}, capabilities: {add_capabilities: [NET_ADMIN]}}
	YAML
	run_ok ctr run -f "$TEST_DIR/app.yaml" --name other -e B=3 -e C=4 -v /tmp:/x:ro --label b=3 -m 64m \
		--user nobody --cap-add SYS_TIME --print-config two d e
	[ "$(jq -S . <<< "$output")" = "$(jq -S . <<-'JSON'
		{"metadata":{"name":"other"},"image":{"image":"two"},"command":["a","b"],"args":["d","e"],
		"envs":[{"key":"A","value":"1"},{"key":"B","value":"3"},{"key":"C","value":"4"}],
		"mounts":[{"container_path":"/x","host_path":"/tmp","readonly":true},
			{"container_path":"/y","host_path":"/usr","readonly":true}],
		"labels":{"a":"1","b":"3"},
		"linux":{"resources":{"memory_limit_in_bytes":67108864,"cpu_shares":100},
		"security_context":{"run_as_username":"nobody","capabilities":{"add_capabilities":["SYS_TIME"]}}}}
	JSON
	)" ] || fail "$output"
	run_ok ctr create nosuch -f "$TEST_DIR/app.yaml" --entrypoint z --print-config -o yaml
	assert_output_has $'command:\n- z\n'
	printf '%s\n' "$output" > "$TEST_DIR/again.yaml"
	first=$output
	run_ok ctr create nosuch -f "$TEST_DIR/again.yaml" --print-config -o yaml
	assert_output "$first"
	run_ok ctr ls -aq
	assert_output ""
}

@test "a switch that is turned off wins over a file that turns it on" {
	printf 'tty: true\nstdin: yes\nlinux: {security_context: {privileged: true, readonly_rootfs: on}}' > "$TEST_DIR/app.yaml"
	run_ok ctr run -f "$TEST_DIR/app.yaml" --print-config x
	jq -e '.tty and .stdin and (.linux.security_context | .privileged and .readonly_rootfs)' <<< "$output"
	run_ok ctr run -f "$TEST_DIR/app.yaml" --tty=false --interactive=false --privileged=false --read-only=false --print-config x
	jq -e '.tty == null and .stdin == null and .linux.security_context == null' <<< "$output"
	printf 'linux: {security_context: {privileged: true, readonly_rootfs: true}}' > "$TEST_DIR/web.yaml"
	run_ok sandbox create -f "$TEST_DIR/web.yaml" --privileged=false --print-config
	jq -e '.linux.security_context | .privileged == null and .readonly_rootfs' <<< "$output"
}

@test "a stop signal is read by name and by CRI's number" {
	test_image
	for pair in 23:SIGTERM 10:SIGINT 29:SIGUSR1 SIGHUP:SIGHUP; do
		run_ok ctr run --print-config -f - busybox < <(echo "stop_signal: ${pair%:*}")
		[ "$(jq -r .stop_signal <<< "$output")" = "${pair#*:}" ] || fail "$pair: $output"
	done
	run_fails 125 ctr run -f - busybox < <(echo "stop_signal: 66")
}

@test "what is wrong in a container's file is named with its line, and nothing is made" {
	test_image
	run_ok sandbox create web
	refused() {
		printf '%s\n' "$2" > "$TEST_DIR/app.yaml"
		run_fails 2 ctr create web -f "$TEST_DIR/app.yaml"
		assert_error "$TEST_DIR/app.yaml:$1"
		run_fails 125 ctr run --rm -f "$TEST_DIR/app.yaml"
		assert_error "$TEST_DIR/app.yaml:$1"
		run_ok ctr ls -aq
		assert_output ""
	}
	refused '2: imag: unknown field; did you mean image?' $'metadata: {name: a}\nimag: {image: busybox}'
	refused '2: envs[1].value: expected a string, found a list' $'envs: [{key: a},\n{key: b, value: []}]'
	refused '1: mounts[0].container_path: expected an absolute path, found "x"' \
		'mounts: [{container_path: x, host_path: /}]'
	refused '1: linux.resources.oom_score_adj: expected an integer from -1000 to 1000, found 1001' \
		'linux: {resources: {oom_score_adj: 1001}}'
	echo "metadata: {name: a}" > "$TEST_DIR/app.yaml"
	run_fails 2 ctr create web -f "$TEST_DIR/app.yaml"
	assert_error "no image: expected IMAGE, or image.image in the file"
	run_fails 2 ctr create web
	assert_error "no image: expected IMAGE"
	run_fails 2 ctr create web --label 'a b=c' busybox
	assert_error "label 'a b'"
}

@test "profiles in CRI's former fields mean what they did, and the newer fields win" {
	test_image
	run_ok sandbox create web
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}' > "$TEST_DIR/p.json"
	seccomp() { # FIELDS COMMAND...
		printf 'image: {image: busybox}\nlinux: {security_context: {%s}}' "$1" > "$TEST_DIR/app.yaml"
		run --separate-stderr "$CADDIS" ctr run --rm -s web -f "$TEST_DIR/app.yaml" busybox "${@:2}"
	}
	for pair in unconfined:0 runtime/default:2 "''":2; do
		seccomp "seccomp_profile_path: ${pair%:*}, apparmorProfile: unconfined" grep Seccomp: /proc/self/status
		[ "$(cut -f 2 <<< "$output")" = "${pair#*:}" ] || fail "$pair: $output $stderr"
	done
	seccomp "seccompProfilePath: localhost/$TEST_DIR/p.json" mkdir /x
	[[ $stderr == *"Operation not supported"* ]] || fail "$stderr"
	seccomp "seccompProfilePath: localhost/$TEST_DIR/p.json, seccomp: {profile_type: Unconfined}" mkdir /x
	[ "$status" -eq 0 ] || fail "$stderr"
	run_ok sandbox create -f - < <(echo "{metadata: {name: open}, linux: {security_context: {seccomp_profile_path: unconfined}}}")
	run_ok ctr run --rm -s open busybox grep Seccomp: /proc/self/status
	[ "$(cut -f 2 <<< "$output")" = 0 ]
	seccomp "seccomp_profile_path: docker/x" true
	assert_error "linux.security_context.seccomp_profile_path: expected runtime/default, unconfined or localhost/PROFILE"
	seccomp "apparmor_profile: localhost/" true
	assert_error "linux.security_context.apparmor_profile: expected"
	seccomp "seccomp_profile_path: localhost/p.json" true
	assert_error "seccomp profile 'p.json': expected an absolute path"
	run_fails 2 ctr create web -f - busybox < <(echo "windows: {resources: {}}")
	assert_error "windows: this is Linux"
	run_fails 2 sandbox create -f - < <(echo "{metadata: {name: win}, windows: {}}")
	assert_error "windows: this is Linux"
}
