#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Logging in to registries: Debian's docker-registry with htpasswd and with tokens, auth files, helpers.

load helpers
load registry

PASSWORD=secret-pw:1
USER_AUTH=$(printf 'user:%s' "$PASSWORD" | base64 -w0)

setup_file() {
	export TEST_DIR=$BATS_FILE_TMPDIR

	oci_image "$BATS_FILE_TMPDIR/oci:a"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=tokens" \
		-keyout "$BATS_FILE_TMPDIR/token.key" -out "$BATS_FILE_TMPDIR/token.crt" 2>/dev/null
}

setup() {
	caddis_setup
	LAYOUT=$BATS_FILE_TMPDIR/oci
	export HOME=$TEST_DIR/home XDG_RUNTIME_DIR=$TEST_DIR/run
	unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_CONFIG_HOME
	mkdir "$HOME" "$TEST_DIR/run"
	LOGIN=$HOME/.config/containers/auth.json
}

# A registry that wants user and $PASSWORD, with the images private/a and public/a.
start_password_registry() {
	# bcrypt of $PASSWORD, as docker-registry wants it
	# shellcheck disable=SC2016
	printf 'user:%s\n' '$2y$05$abcdefghijklmnopqrstuuPF8t9ERqqAZgE0BYXOUiz87t55hFr0m' > "$TEST_DIR/htpasswd"
	start_registry "auth: {htpasswd: {realm: test, path: $TEST_DIR/htpasswd}}"
	push "$LAYOUT:a" private/a:1 --dest-creds "user:$PASSWORD"
}

start_token_registry() {
	background python3 "$BATS_TEST_DIRNAME/fake/token_server.py" "$TEST_DIR/token.port" "$TEST_DIR/tokens" \
		"$BATS_FILE_TMPDIR/token.key" "$BATS_FILE_TMPDIR/token.crt" > "$TEST_DIR/token.log" 2>&1
	wait_until 10 test -s "$TEST_DIR/token.port" || fail "$(cat "$TEST_DIR/token.log")"
	start_registry "auth: {token: {realm: 'http://127.0.0.1:$(cat "$TEST_DIR/token.port")/token', service: test-service, issuer: test, rootcertbundle: $BATS_FILE_TMPDIR/token.crt}}"
	push "$LAYOUT:a" private/a:1 --dest-creds "user:$PASSWORD"
	push "$LAYOUT:a" public/a:1 --dest-creds "user:$PASSWORD"
	: > "$TEST_DIR/tokens"
}

pull() {
	run_ok image pull -q "$@"
}

# auth_file FILE KEY [VALUE-JSON]: one entry, by default the right one.
auth_file() {
	local value=${3-}

	[ -n "$value" ] || value="{\"auth\": \"$USER_AUTH\"}"
	mkdir -p "$(dirname "$1")"
	jq -n --arg k "$2" --argjson v "$value" '{auths: {($k): $v}}' > "$1"
	chmod 600 "$1"
}

# helper NAME [SECRET]: docker-credential-NAME, which notes its verbs and environment in $TEST_DIR.
helper() {
	mkdir -p "$TEST_DIR/bin"
	cat > "$TEST_DIR/bin/docker-credential-$1" <<-SH
		#!/bin/sh
		env > "$TEST_DIR/helper.env"
		ls /proc/self/fd > "$TEST_DIR/helper.fds"
		server=\$(cat)
		echo "\$1 \$server" >> "$TEST_DIR/helper.log"
		${2-}
	SH
	chmod 755 "$TEST_DIR/bin/docker-credential-$1"
	PATH=$TEST_DIR/bin:$PATH
}

@test "without credentials a private image is refused, and the way out is told" {
	start_password_registry
	run_fails 1 image pull -q "$REGISTRY/private/a:1"
	assert_error "login required (status 401)"
	assert_error "log in with 'caddis image login $REGISTRY'"
	assert_no_image
}

@test "all ways of giving a password log in: options, standard input, environment" {
	start_password_registry
	pull --creds "user:$PASSWORD" "$REGISTRY/private/a:1"
	pull --auth "$USER_AUTH" "$REGISTRY/private/a:1"
	pull --auth - "$REGISTRY/private/a:1" <<< "$USER_AUTH"
	pull --username user --password-stdin "$REGISTRY/private/a:1" <<< "$PASSWORD"
	CADDIS_PASSWORD=$PASSWORD pull --username user "$REGISTRY/private/a:1"
	CADDIS_USERNAME=user CADDIS_PASSWORD=$PASSWORD CADDIS_SERVER_ADDRESS=$REGISTRY \
		pull "$REGISTRY/private/a:1"
	CADDIS_AUTH=$USER_AUTH pull --server-address "http://$REGISTRY/v2/" "$REGISTRY/private/a:1"
}

@test "ctr run pulls with the logins of the environment and of the auth file" {
	start_password_registry
	run_fails 125 ctr run --rm --network none --pull always "$REGISTRY/private/a:1" true
	assert_error "login required"
	CADDIS_USERNAME=user CADDIS_PASSWORD=$PASSWORD CADDIS_SERVER_ADDRESS=$REGISTRY \
		run_ok ctr run --rm --network none --pull always "$REGISTRY/private/a:1" /bin/busybox true
	CADDIS_USERNAME=user CADDIS_PASSWORD=$PASSWORD \
		run_fails 125 ctr run --rm --network none --pull always "$REGISTRY/private/a:1" true
	assert_error "set CADDIS_SERVER_ADDRESS too"
	run_ok image login --username user --password-stdin "$REGISTRY" <<< "$PASSWORD"
	run_ok ctr run --rm --network none --pull always "$REGISTRY/private/a:1" /bin/busybox true
}

@test "a wrong password is told as one, and is in no message" {
	start_password_registry
	run_fails 1 image pull -q --creds user:wrong-one "$REGISTRY/private/a:1"
	assert_error "the credentials for $REGISTRY are not accepted"
	[[ $stderr != *wrong-one* ]]
	run_fails 1 image login -u user --password-stdin "$REGISTRY" <<< wrong-one
	assert_error "the credentials for $REGISTRY are not accepted"
	[ ! -e "$LOGIN" ]
}

@test "credentials that contradict each other or are malformed are a usage error" {
	run_fails 2 image pull --creds a:b --auth "$USER_AUTH" localhost:1/a
	assert_error "both an auth string and a username"
	run_fails 2 image pull --creds a:b --username c localhost:1/a
	assert_error "--creds and --username"
	run_fails 2 image pull --creds :b localhost:1/a
	assert_error "the username is empty"
	run_fails 2 image pull --auth '!!!' localhost:1/a
	assert_error "not base64"
	run_fails 2 image pull --identity-token a --registry-token b localhost:1/a
	assert_error "more than one"
	run_fails 2 image pull --username a localhost:1/a < /dev/null
	assert_error "standard input is no terminal; use --password-stdin"
	run_fails 2 image pull --username a --password-stdin localhost:1/a < /dev/null
	assert_error "standard input is empty"
	run_fails 2 image pull --username a --password-stdin localhost:1/a <<< $'x\ny'
	assert_error "control characters"
	[[ $stderr != *$'\n'* ]]
}

@test "SEC-I8: credentials of the environment need to say for which registry they are" {
	CADDIS_AUTH=$USER_AUTH run_fails 2 image pull localhost:1/a
	assert_error "set CADDIS_SERVER_ADDRESS too"
}

@test "SEC-I8: --server-address keeps credentials from every other registry" {
	start_password_registry
	run_fails 1 image pull -q --creds "user:$PASSWORD" --server-address reg.io "$REGISTRY/private/a:1"
	assert_error "login required"
	pull --creds "user:$PASSWORD" --server-address "$REGISTRY" "$REGISTRY/private/a:1"
}

@test "login stores what logs in, mode 0600, and logout removes it; podman's and docker's other entries stay" {
	start_password_registry
	auth_file "$LOGIN" other.io
	chmod 644 "$LOGIN"
	run_ok image login -u user --password-stdin "$REGISTRY" <<< "$PASSWORD"
	assert_output "logged in to $REGISTRY ($LOGIN)"
	[ "$(stat -c %a "$LOGIN")" = 600 ]
	[ "$(jq -r --arg r "$REGISTRY" '.auths[$r].auth' "$LOGIN")" = "$USER_AUTH" ]
	[ "$(jq -r '.auths["other.io"].auth' "$LOGIN")" = "$USER_AUTH" ]
	[ "$(ls -A "$(dirname "$LOGIN")")" = auth.json ]
	pull "$REGISTRY/private/a:1"
	skopeo inspect --tls-verify=false --authfile "$LOGIN" "docker://$REGISTRY/private/a:1" > /dev/null
	run_ok image logout "$REGISTRY"
	assert_output "logged out of $REGISTRY"
	[ "$(jq -c '.auths | keys' "$LOGIN")" = '["other.io"]' ]
	run_fails 1 image logout "$REGISTRY"
	assert_error "not logged in to $REGISTRY"
	run_ok image logout --all
	assert_output "logged out of other.io"
}

@test "what podman login wrote logs in" {
	start_password_registry
	podman login --tls-verify=false --authfile "$TEST_DIR/podman.json" -u user --password-stdin "$REGISTRY" <<< "$PASSWORD"
	pull --authfile "$TEST_DIR/podman.json" "$REGISTRY/private/a:1"
}

@test "login asks for the password on a terminal and does not show it" {
	start_password_registry
	run bash -c '(sleep 1; echo "$1"; sleep 1) | script -qec "$2 image login -u user $3" /dev/null' bash "$PASSWORD" "$CADDIS" "$REGISTRY"
	[ "$status" -eq 0 ] || fail "$output"
	[[ $output == *"Password: "*"logged in to $REGISTRY"* ]] || fail "$output"
	[[ ${output#*Password: } != *"$PASSWORD"* ]] || fail "$output"
}

@test "REG-11, REG-12: a registry with tokens: a password, an identity token, anonymous" {
	start_token_registry
	pull "$REGISTRY/public/a:1"
	grep -q '^GET anonymous repository:public/a:pull$' "$TEST_DIR/tokens"
	run_fails 1 image pull -q "$REGISTRY/private/a:1"
	assert_error "log in with 'caddis image login $REGISTRY'"
	pull --creds "user:$PASSWORD" "$REGISTRY/private/a:1"
	grep -q '^GET user repository:private/a:pull$' "$TEST_DIR/tokens"
	: > "$TEST_DIR/tokens"
	run_ok image rm "$REGISTRY/private/a:1"
	pull --identity-token refresh-me "$REGISTRY/private/a:1"
	[ "$(sort -u "$TEST_DIR/tokens")" = "POST user repository:private/a:pull" ] || fail "$(cat "$TEST_DIR/tokens")"
	run_fails 1 image pull -q --identity-token wrong-one "$REGISTRY/private/a:1"
	assert_error "token server 127.0.0.1: login required (status 401): UNAUTHORIZED: wrong password"
	[[ $stderr != *wrong-one* ]]
}

@test "REG-11: one token serves all layers of a pull" {
	start_token_registry
	pull --creds "user:$PASSWORD" "$REGISTRY/private/a:1"
	[ "$(grep -c . "$TEST_DIR/tokens")" -eq 1 ] || fail "$(cat "$TEST_DIR/tokens")"
}

@test "a registry token is sent as it is" {
	local token

	start_token_registry
	token=$(curl -s -u "user:$PASSWORD" "http://127.0.0.1:$(cat "$TEST_DIR/token.port")/token?service=test-service&scope=repository:private/a:pull" | jq -r .token)
	: > "$TEST_DIR/tokens"
	pull --registry-token - "$REGISTRY/private/a:1" <<< "$token"
	[ ! -s "$TEST_DIR/tokens" ]
	run_fails 1 image pull -q --registry-token garbage "$REGISTRY/private/a:1"
	assert_error "the credentials for $REGISTRY are not accepted"
}

@test "login to a registry with tokens checks the password at the token server" {
	start_token_registry
	run_ok image login -u user --password-stdin "$REGISTRY" <<< "$PASSWORD"
	pull "$REGISTRY/private/a:1"
	run_ok image login --identity-token - "$REGISTRY" <<< refresh-me
	[ "$(jq -r --arg r "$REGISTRY" '.auths[$r].identitytoken' "$LOGIN")" = refresh-me ]
	run_ok image rm "$REGISTRY/private/a:1"
	pull "$REGISTRY/private/a:1"
	run_fails 1 image login -u user --password-stdin "$REGISTRY" <<< wrong-one
	assert_error "wrong password"
}

@test "every auth file is read: runtime, containers, docker, and the environment's alone" {
	local file

	start_password_registry
	for file in "$XDG_RUNTIME_DIR/containers/auth.json" "$LOGIN" "$HOME/.docker/config.json"; do
		auth_file "$file" "$REGISTRY"
		pull "$REGISTRY/private/a:1"
		rm "$file"
	done
	auth_file "$TEST_DIR/d/config.json" "$REGISTRY"
	DOCKER_CONFIG=$TEST_DIR/d pull "$REGISTRY/private/a:1"
	REGISTRY_AUTH_FILE=$TEST_DIR/d/config.json pull "$REGISTRY/private/a:1"
	pull --authfile "$TEST_DIR/d/config.json" "$REGISTRY/private/a:1"
	auth_file "$LOGIN" "$REGISTRY"
	echo '{}' > "$TEST_DIR/empty"
	REGISTRY_AUTH_FILE=$TEST_DIR/empty run_fails 1 image pull -q "$REGISTRY/private/a:1"
	assert_error "login required"
	run_fails 1 image pull -q --authfile "$TEST_DIR/none" "$REGISTRY/private/a:1"
	assert_error "auth file $TEST_DIR/none: No such file"
}

# key | does it log in to $REGISTRY/private/a?
matches() {
	cat <<-TABLE
		$REGISTRY|yes
		https://$REGISTRY|yes
		http://$REGISTRY/v2/|yes
		$REGISTRY/private|yes
		$REGISTRY/private/a|yes
		$REGISTRY/priv|no
		$REGISTRY/private/ab|no
		$REGISTRY/private/a/b|no
		127.0.0.1|no
		${REGISTRY}0|no
		$REGISTRY.evil.com|no
		docker.io|no
	TABLE
}

@test "SEC-I8: a stored login counts for exactly its registry and path" {
	local key want n=0

	start_password_registry
	while IFS='|' read -r key want; do
		auth_file "$LOGIN" "$key"
		run --separate-stderr "$CADDIS" image pull -q "$REGISTRY/private/a:1"
		[ "$status" -eq "$([ "$want" = yes ]; echo $?)" ] || fail "$key: status $status: $stderr"
		n=$((n + 1))
	done < <(matches)
	[ "$n" -eq 12 ]
}

@test "SEC-I8: the longest key counts" {
	start_password_registry
	jq -n --arg r "$REGISTRY" --arg a "$USER_AUTH" --arg bad "$(printf user:bad | base64)" \
		'{auths: {($r): {auth: $bad}, ($r + "/private"): {auth: $a}}}' > "$TEST_DIR/auth.json"
	chmod 600 "$TEST_DIR/auth.json"
	pull --authfile "$TEST_DIR/auth.json" "$REGISTRY/private/a:1"
}

@test "SEC-I8: an auth file that others can read is used with a warning" {
	start_password_registry
	auth_file "$LOGIN" "$REGISTRY"
	chmod 644 "$LOGIN"
	run_ok image pull "$REGISTRY/private/a:1"
	[[ $stderr == *"caddis: note: auth file $LOGIN can be read by others; chmod 600 it"* ]] || fail "$stderr"
}

@test "an auth file that is broken is an error that names it, not its content" {
	local text

	start_password_registry
	mkdir -p "$(dirname "$LOGIN")"
	for text in '{' '[]' "{\"auths\": {\"$REGISTRY\": {\"auth\": \"secret!\"}}}"; do
		printf '%s' "$text" > "$LOGIN"
		chmod 600 "$LOGIN"
		run_fails 1 image pull -q "$REGISTRY/private/a:1"
		assert_error "auth file"
		assert_error "$LOGIN"
		[[ $stderr != *secret* ]]
	done
}

@test "credential helpers and stores are asked, and login and logout go through them" {
	start_password_registry
	helper one "case \$1 in get) echo '{\"ServerURL\":\"x\",\"Username\":\"user\",\"Secret\":\"$PASSWORD\"}';; esac"
	mkdir -p "$(dirname "$LOGIN")"
	jq -n --arg r "$REGISTRY" '{credHelpers: {($r): "one"}}' > "$LOGIN"
	pull "$REGISTRY/private/a:1"
	echo '{"credsStore": "one"}' > "$LOGIN"
	pull "$REGISTRY/private/a:1"
	run_ok image login -u user --password-stdin "$REGISTRY" <<< "$PASSWORD"
	assert_output "logged in to $REGISTRY (docker-credential-one)"
	run_ok image logout "$REGISTRY"
	[ "$(cut -d' ' -f1 "$TEST_DIR/helper.log" | tr '\n' ' ')" = "get get store erase " ] || fail "$(cat "$TEST_DIR/helper.log")"
	[[ $(sed -n 3p "$TEST_DIR/helper.log") == "store {"*"\"$REGISTRY\""* ]]
	[ "$(jq -c . "$LOGIN")" = '{"credsStore":"one"}' ]
}

@test "a helper gets no variable of ours, no fd and no secret on its command line" {
	start_password_registry
	helper one "echo '{\"ServerURL\":\"x\",\"Username\":\"user\",\"Secret\":\"$PASSWORD\"}'"
	mkdir -p "$(dirname "$LOGIN")"
	jq -n --arg r "$REGISTRY" '{credHelpers: {($r): "one"}}' > "$LOGIN"
	LD_LIBRARY_PATH=/nonexistent CADDIS_TEST=1 pull "$REGISTRY/private/a:1" 7< /dev/null
	! grep -E '^(CADDIS_|LD_)' "$TEST_DIR/helper.env" || false
	grep -q "^HOME=$HOME" "$TEST_DIR/helper.env"
	# 0, 1, 2, and what ls itself reads
	[ "$(grep -c . "$TEST_DIR/helper.fds")" -eq 4 ] || fail "$(cat "$TEST_DIR/helper.fds")"
}

# what the helper does | what is told
bad_helpers() {
	cat <<-'TABLE'
		echo nonsense|no JSON with Username and Secret
		echo '{}'|no JSON with Username and Secret
		yes|says more than 65536 bytes
		echo broken key ring; exit 3|status 3: broken key ring
	TABLE
}

@test "a helper that misbehaves is an error that names it" {
	local what text

	start_password_registry
	mkdir -p "$(dirname "$LOGIN")"
	jq -n --arg r "$REGISTRY" '{credHelpers: {($r): "bad"}}' > "$LOGIN"
	while IFS='|' read -r what text; do
		helper bad "$what"
		run_fails 1 image pull -q "$REGISTRY/private/a:1"
		assert_error "docker-credential-bad"
		assert_error "$text"
	done < <(bad_helpers)
	rm "$TEST_DIR/bin/docker-credential-bad"
	run_fails 1 image pull -q "$REGISTRY/private/a:1"
	assert_error "run docker-credential-bad: No such file or directory; install it"
	jq -n --arg r "$REGISTRY" '{credHelpers: {($r): "../../bad"}}' > "$LOGIN"
	run_fails 2 image pull -q "$REGISTRY/private/a:1"
	assert_error "not a helper's name"
}

@test "a helper that knows nothing leaves the pull anonymous" {
	start_password_registry
	helper none "echo 'credentials not found in native keychain'; exit 1"
	mkdir -p "$(dirname "$LOGIN")"
	jq -n --arg r "$REGISTRY" '{credHelpers: {($r): "none"}}' > "$LOGIN"
	run_fails 1 image pull -q "$REGISTRY/private/a:1"
	assert_error "login required"
}

@test "login and logout say what they need" {
	run_fails 2 image login localhost:1
	assert_error "nothing to log in with"
	run_fails 2 image login -u user --password-stdin 'no host!' <<< x
	assert_error "is not a registry"
	run_fails 2 image logout
	assert_error "expected a registry, or --all"
	run_fails 1 image logout --all
	assert_error "not logged in to any registry"
	run_fails 1 image login --retry 0 -u user --password-stdin localhost:1 <<< x
	assert_error "registry localhost:1"
	[ ! -e "$LOGIN" ]
}

# The contract's image part. One row, three lines and an empty one: its name, a command, and a condition that holds
# after it and not before it. $name is the private image, $token a bearer token for it, $id its ID once it is here.
image_rows() {
	cat <<'ROWS'
auth.Username, Password
image pull -q --username user --password-stdin "$name" <<< "$PASSWORD"
here

auth.Username, Password, together
image pull -q --creds "user:$PASSWORD" "$name"
here

auth.Auth
image pull -q --auth "$USER_AUTH" "$name"
here

auth.ServerAddress
image pull -q --creds "user:$PASSWORD" --server-address "$REGISTRY" "$name"
here

auth.IdentityToken
image pull -q --identity-token refresh-me "$name"
here && grep -q ^POST "$TEST_DIR/tokens"

auth.RegistryToken
image pull -q --registry-token "$token" "$name"
here && [ ! -s "$TEST_DIR/tokens" ]

(stored credentials), of docker
auth_file "$HOME/.docker/config.json" "$REGISTRY" && caddis image pull -q "$name"
here

(stored credentials), of containers
auth_file "$XDG_RUNTIME_DIR/containers/auth.json" "$REGISTRY" && caddis image pull -q "$name"
here

Pull(image, auth, sandboxConfig)
sandbox create --network none pays && caddis image pull -q --sandbox pays --creds "user:$PASSWORD" "$name"
here && sandbox=$("$CADDIS" sandbox ls -q --no-trunc) && [ "$(cgroup_value "/caddis/$sandbox" memory.peak memory memory.max_usage_in_bytes)" -ge 500000 ]

List()
image pull -q --creds "user:$PASSWORD" "$name"
[ "$("$CADDIS" image ls -o name)" = "$name" ]

Status(image)
image pull -q --creds "user:$PASSWORD" "$name"
[ "$("$CADDIS" image inspect "$name" | jq -r '.[0] | "\(.id) \(.names[0]) \(.size > 100000) \(.config.user)"')" = "$("$CADDIS" image ls -q --no-trunc) $name true 1000:1000" ]

ImageMetricsGetter
image pull -q --creds "user:$PASSWORD" "$name"
"$CADDIS" image df -o json | jq -e --arg n "$name" '.[] | select(.name == $n) | .blobs > 100000 and .layers > 100000 and .inodes > 8 and .unique_inodes == .inodes and .reclaimable > 0 and .shared == 0'

Remove(image)
image import "$TEST_DIR/tree" "$name" && caddis image rm "$name"
! here && [ -z "$(ls "$CADDIS_ROOT/layers")" ]
ROWS
}

here() {
	"$CADDIS" image inspect "$name" > /dev/null 2>&1
}

@test "every row of the contract's image part is done by its command, and read back" {
	local name row command condition token n=0

	start_token_registry
	name=$REGISTRY/private/a:1
	mkdir "$TEST_DIR/tree"
	token=$(curl -s -u "user:$PASSWORD" "http://127.0.0.1:$(cat "$TEST_DIR/token.port")/token?service=test-service&scope=repository:private/a:pull" | jq -r .token)
	while IFS= read -r row && IFS= read -r command && IFS= read -r condition; do
		read -r || true
		n=$((n + 1))
		: > "$TEST_DIR/tokens"
		[ "$row" = "Remove(image)" ] || ! eval "$condition" > /dev/null 2>&1 || fail "$row: it holds before"
		[[ $command == auth_file* ]] || command="caddis $command"
		eval "$command" > /dev/null || fail "$row: $command"
		eval "$condition" > /dev/null || fail "$row: $condition"
		"$CADDIS" image rm --ignore "$name" > /dev/null
		rm -rf "$HOME/.docker" "$XDG_RUNTIME_DIR/containers"
	done < <(image_rows)
	[ "$n" -eq 13 ] || fail "$n rows"
}
