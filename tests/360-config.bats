#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Configuration files of sandboxes, and what of them is refused.

load helpers

# refused LINE-AND-REST YAML: as a file, from standard input; nothing is made.
refused() {
	printf '%s\n' "$2" > "$TEST_DIR/web.yaml"
	run_fails 2 sandbox create -f "$TEST_DIR/web.yaml"
	assert_error "$TEST_DIR/web.yaml:$1"
	run_ok sandbox ls -q
	assert_output ""
}

@test "a file of crictl's makes a sandbox, in YAML, in JSON and from standard input" {
	cat > "$TEST_DIR/web.yaml" <<-YAML
		metadata:
		  name: web
		  namespace: default
		  uid: hdishd83djaidwnduwk28bcsb
		  attempt: 1
		hostname: box
		log_directory: $TEST_DIR/logs
		dns_config: {servers: [192.0.2.1], searches: [example.org], options: ["ndots:2"]}
		labels: {app: web, example.com/tier: front}
		annotations: {note: anything / at all}
		linux:
		  cgroup_parent: /caddis/pods
		  security_context: {namespace_options: {ipc: 2, pid: 1}}
		  resources: {memory_limit_in_bytes: 67108864, cpu_quota: 50000, cpu_period: 100000}
	YAML
	run_ok sandbox create -f "$TEST_DIR/web.yaml"
	run_ok sandbox inspect --field config web
	config=$output
	jq -e '.metadata == {name: "web", namespace: "default", uid: "hdishd83djaidwnduwk28bcsb", attempt: 1}
		and .hostname == "box" and .dns_config.options == ["ndots:2"]
		and .labels["example.com/tier"] == "front" and .annotations.note == "anything / at all"
		and .linux.security_context.namespace_options.ipc == "NODE"
		and .linux.resources.memory_limit_in_bytes == 67108864' <<< "$config"
	run_ok sandbox rm web
	# The same, as JSON.
	printf '%s' "$config" > "$TEST_DIR/web.json"
	run_ok sandbox create -f "$TEST_DIR/web.json"
	run_ok sandbox inspect --field config web
	assert_output "$config"
	run_ok sandbox rm web
	"$CADDIS" sandbox create -f - < "$TEST_DIR/web.yaml"
	run_ok sandbox inspect --field config web
	assert_output "$config"
	run_ok sandbox rm web
	run_ok sandbox create -f <(cat "$TEST_DIR/web.yaml")
}

@test "options win over the file, labels and annotations by key" {
	cat > "$TEST_DIR/web.yaml" <<-YAML
		metadata: {name: web, uid: u1}
		hostname: one
		dns_config: {servers: [192.0.2.1, 192.0.2.2], searches: [example.org]}
		labels: {a: "1", b: "2"}
		linux: {resources: {memory_limit_in_bytes: 1000000, cpu_quota: 10000, cpu_period: 100000}}
	YAML
	run_ok sandbox create -f "$TEST_DIR/web.yaml" --hostname two --label b=3 --label c=4 \
		--dns-server 192.0.2.3 --memory 64Mi --print-config other
	[ "$(jq -c . <<< "$output")" = "$(jq -c . <<-'JSON'
		{"metadata":{"name":"other","uid":"u1"},"hostname":"two","dns_config":{"servers":["192.0.2.3"],
		"searches":["example.org"]},"labels":{"a":"1","b":"3","c":"4"},"linux":{"security_context":
		{"namespace_options":{"pid":"CONTAINER"}},"resources":{"cpu_period":100000,"cpu_quota":10000,
		"memory_limit_in_bytes":67108864}}}
	JSON
	)" ] || fail "$output"
	run_ok sandbox ls -q
	assert_output ""
}

@test "what --print-config prints, in JSON and YAML, loads again and gives the same" {
	run_ok sandbox create --print-config --label "a=yes" --annotation "b=1: x" --annotation $'c=a\nb' \
		--cpu 1500m --memory 1Gi --run-as-user 1000 --supplemental-group 7 --security-opt seccomp=unconfined \
		--network host --pid sandbox --overhead-memory 1Mi web
	first=$output
	printf '%s' "$first" > "$TEST_DIR/a.json"
	run_ok sandbox create --print-config -o yaml -f "$TEST_DIR/a.json"
	printf '%s\n' "$output" > "$TEST_DIR/a.yaml"
	run_ok sandbox create --print-config -f "$TEST_DIR/a.yaml"
	assert_output "$first"
}

@test "a bad file is refused with its line and field, and nothing is made" {
	refused '3: linux.resources.cpu_quota: expected an integer, found "fast"' \
		$'linux:\n  resources:\n    cpu_quota: fast'
	refused '2: linux.resorces: unknown field; did you mean resources?' $'linux:\n  resorces: {}'
	refused '1: port_mappings[0].container_port: expected an integer from 0 to 65535, found 70000' \
		'port_mappings: [{container_port: 70000}]'
	refused '2: labels["v"]: expected a string, found the number 1.10; write it as "1.10"' \
		$'labels:\n  v: 1.10'
	refused "2: labels[\"a b\"]: expected at most 63 letters" $'labels:\n  a b: x'
	refused '2: the key "a" is there twice' $'labels: {a: x,\n  a: y}'
	refused '2: a second document' $'hostname: a\n---\nhostname: b'
	refused "3: did not find expected ',' or ']'" $'a: [\nb: c'
	refused '1: linux.security_context.namespace_options.pid: expected one of POD, CONTAINER' \
		'linux: {security_context: {namespace_options: {pid: 7}}}'
}

@test "files that are no files, too long, or not there are refused" {
	run_fails 1 sandbox create -f "$TEST_DIR/nosuch"
	assert_error "open $TEST_DIR/nosuch: No such file or directory"
	run_fails 2 sandbox create -f "$TEST_DIR"
	assert_error "is a directory"
	: > "$TEST_DIR/empty"
	run_fails 2 sandbox create -f "$TEST_DIR/empty"
	assert_error "there is nothing in it"
	head -c 1100000 /dev/zero | tr '\0' '#' > "$TEST_DIR/long"
	run_fails 2 sandbox create -f "$TEST_DIR/long"
	assert_error "larger than 1048576 bytes"
	printf 'hostname: "\xff"\n' > "$TEST_DIR/latin"
	run_fails 2 sandbox create -f "$TEST_DIR/latin"
	run_ok sandbox ls -q
	assert_output ""
}

@test "a billion laughs end in an error, at once" {
	{
		echo 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]'
		for i in {1..20}; do
			p=$((i - 1))
			echo "a$i: &a$i [*a$p, *a$p, *a$p, *a$p, *a$p, *a$p, *a$p, *a$p, *a$p, *a$p]"
		done
	} > "$TEST_DIR/bomb.yaml"
	run --separate-stderr timeout 10 "$CADDIS" sandbox create -f "$TEST_DIR/bomb.yaml"
	[ "$status" -eq 2 ]
	assert_error "too many values, with all aliases followed"
	head -c 500000 /dev/zero | tr '\0' '[' > "$TEST_DIR/deep.yaml"
	run_fails 2 sandbox create -f "$TEST_DIR/deep.yaml"
	assert_error "nested too deeply"
}

@test "labels are checked by Kubernetes' rules, annotations by their size only" {
	for bad in "a b=x" "-a=x" "A/b/c=x" "UP.example/a=x" "a=b c" "a=-" "a=$(printf 'x%.0s' {1..64})"; do
		run_fails 2 sandbox create --label "$bad" web
		assert_error "label"
	done
	run_ok sandbox create --label "example.com/a_b.c=x-1" --label "e=" --annotation "any thing/at=all " web
	long=$(head -c 100000 /dev/zero | tr '\0' x)
	run_fails 2 sandbox create --annotation "a=$long" --annotation "b=$long" --annotation "c=$long" w
	assert_error "annotations of 300003 bytes: at most 262144 together"
}

@test "quantities are Kubernetes', and what could be meant otherwise is refused" {
	limit() {
		run_ok sandbox create --print-config --memory "$1"
		[ "$(jq .linux.resources.memory_limit_in_bytes <<< "$output")" = "$2" ] || fail "$1: $output"
	}
	limit 128974848 128974848
	limit 129e6 129000000
	limit 129M 129000000
	limit 123Mi 128974848
	limit 128974848000m 128974848
	limit 1.5Gi 1610612736
	limit 0.1Ki 103
	for bad in 64m 0 -1Mi 1g 64mb 8Ei 1e30 x ""; do
		run_fails 2 sandbox create --memory "$bad" web
		assert_error "--memory $bad: "
	done
	run_fails 2 sandbox create --memory 64m web
	assert_error "less than a byte; m is milli; write 64Mi or 64M"
	for pair in 0.1=10000 100m=10000 1.5=150000 2=200000 1e1=1000000 max=-1; do
		run_ok sandbox create --print-config --cpu "${pair%=*}"
		[ "$(jq .linux.resources.cpu_quota <<< "$output")" = "${pair#*=}" ] || fail "$pair: $output"
	done
	for bad in 9m 0 -1 1x 1e9; do
		run_fails 2 sandbox create --cpu "$bad" web
	done
}

@test "the options of create that are wrong are refused" {
	for args in "--attempt -1" "--run-as-user -1" "--run-as-user 4294967295" "--supplemental-group x" \
		"--security-opt x" "--security-opt seccomp=" "--security-opt label=x:y" "-o json" \
		"--print-config -o xml" "--cpu-shares 1" "--pids-limit none"; do
		# shellcheck disable=SC2086
		run_fails 2 sandbox create $args web
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "$args: $stderr"
	done
}

@test "a field of inspect is printed alone, and one that is not there says what is" {
	run_ok sandbox create --label example.com/a=b --dns-server 192.0.2.1 --annotation "t=a\"b" web
	field() {
		run_ok sandbox inspect --field "$1" web
		assert_output "$2"
	}
	field .name web
	field name web
	field '.labels["example.com/a"]' b
	field '.config.dns_config.servers[0]' 192.0.2.1
	field .annotations.t 'a"b'
	run_fails 1 sandbox inspect --field .nam web
	assert_error "field '.nam': no 'nam' there; there are id, name, "
	run_fails 1 sandbox inspect --field '.config.dns_config.servers[1]' web
	assert_error "no [1], the list has 1"
	run_fails 1 sandbox inspect --field .name.x web
	assert_error "no 'x' in a text"
	run_fails 2 sandbox inspect --field '.name[' web
	run_ok sandbox inspect -o yaml web
	[[ $output == "- id: "* ]]
	assert_output_has "  name: web"
	run_fails 2 sandbox inspect -o xml web
	test_image
	run_ok image inspect --field .names[0] busybox
	assert_output_has busybox
	run_ok ctr create web --name app busybox
	run_ok ctr inspect --field .state app
	assert_output Created
}

@test "selectors have Kubernetes' grammar, for sandboxes and containers" {
	test_image
	run_ok sandbox create --label tier=front --label env=prod a
	run_ok sandbox create --label tier=back b
	run_ok sandbox create c
	run_ok ctr create a --name x --label tier=front busybox
	run_ok ctr create a --name y busybox
	check() {
		run_ok sandbox ls -o name -l "$1"
		[ "$(sort <<< "$output" | xargs)" = "$2" ] || fail "$1: $output"
	}
	check 'tier in (front, back)' "a b"
	check 'tier notin (front)' "b c"
	check 'tier,!env' b
	check 'tier==front,env!=dev' a
	check '' "a b c"
	run_ok ctr ls -a -o name -l 'tier in (front)'
	assert_output x
	run_fails 2 sandbox ls -l 'tier in front'
	assert_error "selector 'tier in front': expected '(' at column 9, found 'front'"
	run_fails 2 ctr ls -l 'a=1,'
	assert_error "expected a label's key at column 5, found the end"
}
