#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Images into registries: push and copy, against the real one and one that refuses.

load helpers
load registry

setup_file() {
	export TEST_DIR=$BATS_FILE_TMPDIR LAYOUT=$BATS_FILE_TMPDIR/oci

	oci_image "$LAYOUT:a"
}

setup() {
	caddis_setup
	LAYOUT=$BATS_FILE_TMPDIR/oci
	skopeo copy --quiet "oci:$LAYOUT:a" "oci-archive:$TEST_DIR/a.tar:a:1"
	"$CADDIS" image load -i "$TEST_DIR/a.tar" > /dev/null
	start_registry
}

raw() {
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1"
}

@test "what is pushed is what skopeo reads, byte for byte, and pulls whole" {
	run_ok image push a:1 "$REGISTRY/x/a:1"
	assert_output "$("$CADDIS" image inspect a:1 | jq -r '.[0].digest')"
	[ "$(grep -c ': sent$' <<< "$stderr")" -eq 4 ] || fail "$stderr"
	[ "$(raw x/a:1)" = "$("$CADDIS" image inspect --raw a:1)" ]
	skopeo copy --quiet --src-tls-verify=false "docker://$REGISTRY/x/a:1" "dir:$TEST_DIR/copy"
	run_ok image push a:1 "$REGISTRY/x/a:1"
	[ "$(grep -c ': exists$' <<< "$stderr")" -eq 4 ] || fail "$stderr"
	run_ok image tag a:1 "$REGISTRY/x/b"
	run_ok image push -q "$REGISTRY/x/b"
	assert_no_error
	[ "$(raw x/b)" = "$(raw x/a:1)" ]
}

@test "blobs that another repository has are mounted, not sent" {
	run_ok image tag a:1 "$REGISTRY/x/a:1"
	run_ok image push -q "$REGISTRY/x/a:1"
	run_ok image push a:1 "$REGISTRY/y/b:1"
	[ "$(grep -c ': mounted$' <<< "$stderr")" -eq 4 ] || fail "$stderr"
	[ "$(raw y/b:1)" = "$(raw x/a:1)" ]
	run_ok image push --mount-from y/b a:1 "$REGISTRY/z:1"
	[ "$(grep -c ': mounted$' <<< "$stderr")" -eq 4 ] || fail "$stderr"
	# From one that does not have them: sent after all.
	run_ok image push --mount-from none/at/all a:1 "$REGISTRY/w:1"
	[ "$(raw w:1)" = "$(raw x/a:1)" ]
}

@test "blobs in chunks arrive whole" {
	run_ok image push --chunk-size 100K a:1 "$REGISTRY/x/a:1"
	skopeo copy --quiet --src-tls-verify=false "docker://$REGISTRY/x/a:1" "dir:$TEST_DIR/copy"
	[ "$(cat "$TEST_DIR/copy/manifest.json")" = "$("$CADDIS" image inspect --raw a:1)" ]
	run_fails 2 image push --chunk-size 1 a:1 "$REGISTRY/x/a:1"
	assert_error "--chunk-size"
}

@test "a blob that has gone bad on disk is not pushed" {
	local blob

	blob=$("$CADDIS" image inspect --raw a:1 | jq -r '.layers[0].digest')
	printf x | dd of="$CADDIS_ROOT/images/blobs/sha256/${blob#sha256:}" bs=1 seek=30 conv=notrunc status=none
	run_fails 1 image push -q a:1 "$REGISTRY/x/a:1"
	assert_error "blob $blob is damaged on disk"
	run raw x/a:1
	[ "$status" -ne 0 ]
}

@test "pushing what is not here, to nowhere, or where it is refused, is an error in one line" {
	run_fails 1 image push none "$REGISTRY/x:1"
	assert_error "no such image"
	run_fails 2 image push "$("$CADDIS" image ls -q)"
	assert_error "name where it is to go"
	run_fails 1 image push -q --retry 0 a:1 127.0.0.1:1/x:1
	assert_error "image 127.0.0.1:1/x:1: "
	run_fails 2 image push a:1 "$REGISTRY/X"
	start_fake_registry
	run_fails 1 image push -q a:1 "$FAKE/refused:1"
	assert_error "image $FAKE/refused:1: "
}

@test "REG-30: uploads go where the registry says, with no login elsewhere, and its refusals are readable" {
	local repo text

	start_other
	start_fake_registry
	while IFS='|' read -r repo text; do
		if [ -z "$text" ]; then
			run_ok image push --creds user:secret-pw a:1 "$FAKE/$repo:1"
			continue
		fi
		# shellcheck disable=SC2046 # none, or two words
		run_fails 1 image push -q $([ "$repo" != up.chunk416 ] || echo --chunk-size 100K) --creds user:secret-pw a:1 "$FAKE/$repo:1"
		assert_error "$text" || fail "in $repo"
	done <<-'TABLE'
		up.relative
		up.absolute
		up.plain
		up.elsewhere
		up.exists
		up.mount202
		up.noplace|does not say where
		up.chunk416|status 416
		up.toolarge|tag 1 stays
		up.immutable|tag 1 stays
	TABLE
	grep -q '^PUT /v2/up.elsewhere/blobs/uploads/one' "$TEST_DIR/other"
	grep -q 'POST /v2/up.elsewhere' "$TEST_DIR/requests.auth"
	[ ! -s "$TEST_DIR/other.auth" ] || fail "$(cat "$TEST_DIR/other.auth")"
	run_ok image push --mount-from other/one a:1 "$FAKE/up.mount202:1"
	grep -q 'POST /v2/up.mount202/blobs/uploads/?mount=sha256:.*from=other' "$TEST_DIR/requests"
	[ "$(grep -c ': sent$' <<< "$stderr")" -eq 4 ] || fail "$stderr"
}

@test "copy takes an index with all platforms, and the digest stays" {
	local here index

	here=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
	cp -r "$LAYOUT" "$TEST_DIR/dir"
	umoci tag --image "$TEST_DIR/dir:a" s390
	umoci config --image "$TEST_DIR/dir:s390" --architecture s390x
	push "$TEST_DIR/dir:a" src:here
	push "$TEST_DIR/dir:s390" src:s390
	index=$(jq -nc --arg here "$here" --arg a "$(raw src:here | sha256sum | cut -d' ' -f1)" --arg s "$(raw src:s390 | sha256sum | cut -d' ' -f1)" \
		--argjson an "$(raw src:here | wc -c)" --argjson sn "$(raw src:s390 | wc -c)" '
		{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
			{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: ("sha256:" + $a), size: $an, platform: {os: "linux", architecture: $here}},
			{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: ("sha256:" + $s), size: $sn, platform: {os: "linux", architecture: "s390x"}}]}')
	curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "$index" "http://$REGISTRY/v2/src/manifests/all"
	run_ok image copy "$REGISTRY/src:all" "$REGISTRY/dst/all:1"
	assert_output "sha256:$(printf %s "$index" | sha256sum | cut -d' ' -f1)"
	[ "$(raw dst/all:1)" = "$index" ]
	[ "$(grep -c ': mounted$' <<< "$stderr")" -eq 5 ] || fail "$stderr"
	skopeo copy --quiet --all --src-tls-verify=false "docker://$REGISTRY/dst/all:1" "dir:$TEST_DIR/copy"
	run_ok image copy -q --platform linux/s390x "$REGISTRY/src:all" "$REGISTRY/dst/one:1"
	[ "$(raw dst/one:1)" = "$(raw src:s390)" ]
	run_fails 1 image copy -q --platform linux/riscv64 "$REGISTRY/src:all" "$REGISTRY/dst/none:1"
	assert_error "no image for linux/riscv64"
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
}

@test "copy between two registries sends each blob, checked, and unpacks nothing" {
	start_fake_registry
	run_ok image copy "$FAKE/good:1" "$REGISTRY/good:1"
	[ "$(grep -c ': sent$' <<< "$stderr")" -eq 3 ] || fail "$stderr"
	skopeo copy --quiet --src-tls-verify=false "docker://$REGISTRY/good:1" "dir:$TEST_DIR/copy"
	run_ok image ls -o name
	assert_output docker.io/library/a:1
	run_fails 1 image copy -q "$FAKE/wrong-bytes:1" "$REGISTRY/bad:1"
	assert_error "digest mismatch"
	run raw bad:1
	[ "$status" -ne 0 ]
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
}
