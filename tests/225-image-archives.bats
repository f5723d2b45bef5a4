#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Images from and to archives: what podman, buildah, skopeo and docker's format give and take.

load helpers
load registry

setup_file() {
	export TEST_DIR=$BATS_FILE_TMPDIR LAYOUT=$BATS_FILE_TMPDIR/oci

	oci_image "$LAYOUT:a"
	umoci tag --image "$LAYOUT:a" b
	umoci config --image "$LAYOUT:b" --config.label kind=second
	umoci unpack --image "$LAYOUT:a" "$TEST_DIR/bundle"
	mv "$TEST_DIR/bundle/rootfs" "$TEST_DIR/want"
	ID=$(skopeo inspect --raw "oci:$LAYOUT:a" | jq -r .config.digest)
	export ID
}

setup() {
	caddis_setup
	LAYOUT=$BATS_FILE_TMPDIR/oci
	A=$TEST_DIR/archive
}

# Their own stores, away from this machine's.
podman() {
	command podman --root "$TEST_DIR/p" --runroot "$TEST_DIR/pr" --storage-driver vfs "$@" 3>&-
}

buildah() {
	BUILDAH_ISOLATION=chroot command buildah --root "$TEST_DIR/p" --runroot "$TEST_DIR/pr" --storage-driver vfs "$@" 3>&-
}

# tree DIR: all but the times of directories, which umoci invents where an image does not tell.
tree() {
	python3 "$BATS_TEST_DIRNAME/tree.py" "$1" | awk '$1 == "d" { $8 = "-" } 1'
}

# same_tree IMAGE: what is here is what umoci unpacks.
same_tree() {
	rm -rf "$TEST_DIR/got"
	mkdir "$TEST_DIR/got"
	"$CADDIS" image export "$1" | tar -xpf - -C "$TEST_DIR/got"
	diff <(tree "$BATS_FILE_TMPDIR/want") <(tree "$TEST_DIR/got") || fail "the trees differ"
}

# loads ARGUMENT... = NAME...: the names that load prints, each with umoci's tree behind it.
loads() {
	local args=() name

	while [ "$1" != = ]; do
		args+=("$1")
		shift
	done
	shift
	run_ok image load "${args[@]}"
	assert_output "$(printf '%s\n' "$@")"
	assert_no_error
	for name; do
		same_tree "$name"
	done
}

loaded_nothing() {
	run_ok image ls -q
	assert_output ""
	[ -z "$(find "$CADDIS_ROOT"/{staging,layers,images/blobs/sha256} -mindepth 1)" ] ||
		fail "left behind:" "$(find "$CADDIS_ROOT"/{staging,layers,images/blobs/sha256} -mindepth 1 -maxdepth 1)"
}

# In the store as NAME.
have() {
	skopeo copy --quiet "oci:$LAYOUT:a" "oci-archive:$TEST_DIR/have.tar:$1"
	"$CADDIS" image load -i "$TEST_DIR/have.tar" > /dev/null
	rm "$TEST_DIR/have.tar"
}

# --- what others write ---

@test "an OCI archive and an OCI directory of skopeo's are loaded with their names" {
	skopeo copy --quiet "oci:$LAYOUT:a" "oci-archive:$A:reg.example/x/a:1"
	loads -i "$A" = reg.example/x/a:1
	skopeo copy --quiet "oci:$LAYOUT:a" "oci:$TEST_DIR/dir:reg.example/x/b:1"
	loads -i "$TEST_DIR/dir" = reg.example/x/b:1
	[ -z "$(ls -A "$CADDIS_ROOT/staging")" ]
	[ "$("$CADDIS" image ls -q | sort -u)" = "$ID" ]
}

@test "a mere tag is no name: the image is loaded by its ID, or gets the name asked for" {
	skopeo copy --quiet "oci:$LAYOUT:a" "oci:$TEST_DIR/dir:latest"
	loads -i "$TEST_DIR/dir" = "$ID"
	loads -i "$TEST_DIR/dir" --name mine = docker.io/library/mine:latest
	run_ok image ls -o name
	assert_output docker.io/library/mine:latest
}

@test "an archive is read from standard input, plain, by gzip and by zstd" {
	skopeo copy --quiet "oci:$LAYOUT:a" "oci-archive:$A:a:1"
	loads "=" docker.io/library/a:1 < "$A"
	gzip -k "$A"
	loads "=" docker.io/library/a:1 < <(cat "$A.gz")
	zstd -q "$A"
	loads -i - = docker.io/library/a:1 < "$A.zst"
}

@test "docker-archives of skopeo's and podman's are loaded, with several names and images" {
	skopeo copy --quiet "oci:$LAYOUT:a" "docker-archive:$A:a:1" --additional-tag docker.io/library/a:2
	loads -i "$A" = docker.io/library/a:1 docker.io/library/a:2
	skopeo copy --quiet "oci:$LAYOUT:a" "containers-storage:[vfs@$TEST_DIR/p+$TEST_DIR/pr]localhost/one:1"
	skopeo copy --quiet "oci:$LAYOUT:b" "containers-storage:[vfs@$TEST_DIR/p+$TEST_DIR/pr]localhost/two:2"
	podman save -q --format docker-archive -m -o "$TEST_DIR/both" localhost/one:1 localhost/two:2
	run_ok image load -i "$TEST_DIR/both"
	[ "$(sort <<< "$output")" = localhost/one:1$'\n'localhost/two:2 ]
	same_tree localhost/one:1
	same_tree localhost/two:2
	[ "$("$CADDIS" image inspect localhost/two:2 | jq -r '.[0].config.labels.kind')" = second ]
}

@test "what buildah commits and podman saves as an OCI archive is loaded and runs" {
	local b

	b=$(buildah from scratch)
	buildah add --quiet "$b" "$BATS_FILE_TMPDIR/want" / > /dev/null
	buildah config --cmd '/bin/sh -c "echo built"' "$b"
	buildah commit --quiet "$b" built > /dev/null
	podman save -q --format oci-archive -o "$A" built
	run_ok image load -i "$A"
	assert_output localhost/built:latest
	run_ok ctr run --rm localhost/built:latest
	assert_output built
	buildah push --quiet built "docker-archive:$TEST_DIR/d:built:2"
	run_ok image load -i "$TEST_DIR/d"
	assert_output_has docker.io/library/built:2
}

@test "docker save of old, with a folder for each layer and links between them, is loaded" {
	local work=$TEST_DIR/old layers=() layer n=0

	mkdir "$work" "$TEST_DIR/plain"
	skopeo copy --quiet --dest-decompress "oci:$LAYOUT:a" "dir:$TEST_DIR/plain"
	for layer in $(skopeo inspect --raw --config "oci:$LAYOUT:a" | jq -r '.rootfs.diff_ids[]'); do
		n=$((n + 1))
		mkdir "$work/layer$n"
		cp "$TEST_DIR/plain/${layer#sha256:}" "$work/real$n.tar"
		ln -s "../real$n.tar" "$work/layer$n/layer.tar"
		echo 1.0 > "$work/layer$n/VERSION"
		layers+=("layer$n/layer.tar")
	done
	skopeo inspect --raw --config "oci:$LAYOUT:a" > "$work/config.json"
	jq -n '[{Config: "config.json", RepoTags: ["old:1"], Layers: $ARGS.positional}]' --args "${layers[@]}" > "$work/manifest.json"
	tar -cf "$A" -C "$work" .
	loads -i "$A" = docker.io/library/old:1
}

@test "an imported image is for this kind of machine, not for this very processor" {
	here=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
	test_rootfs "$TEST_DIR/rootfs"
	run_ok image import "$TEST_DIR/rootfs" plain:1
	run_ok image import --platform linux/amd64/v3 "$TEST_DIR/rootfs" leveled:1
	run_ok image ls -o json
	[ "$(jq -r '.[] | select(.name | endswith("plain:1")).platform' <<< "$output")" = "linux/$here" ]
	[ "$(jq -r '.[] | select(.name | endswith("leveled:1")).platform' <<< "$output")" = linux/amd64/v3 ]
}

@test "of an index with several platforms the wanted one is loaded" {
	local here

	here=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
	cp -r "$LAYOUT" "$TEST_DIR/dir"
	umoci tag --image "$TEST_DIR/dir:b" s390
	umoci config --image "$TEST_DIR/dir:s390" --architecture s390x
	jq --arg here "$here" '(.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "a")) as $a |
		(.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "s390")) as $s |
		.manifests = [($s + {platform: {os: "linux", architecture: "s390x"}, annotations: {"io.containerd.image.name": "multi:1"}}),
			($a + {platform: {os: "linux", architecture: $here}, annotations: {"io.containerd.image.name": "multi:1"}})]' \
		"$TEST_DIR/dir/index.json" > "$TEST_DIR/index"
	cp "$TEST_DIR/index" "$TEST_DIR/dir/index.json"
	loads -i "$TEST_DIR/dir" = docker.io/library/multi:1
	run_ok image load -i "$TEST_DIR/dir" --platform linux/s390x
	[ "$("$CADDIS" image inspect multi:1 | jq -r '.[0].architecture')" = s390x ]
	run_fails 1 image load -i "$TEST_DIR/dir" --platform linux/riscv64
	assert_error "no image for this platform"
}

# --- what we write ---

@test "an OCI archive of ours is read by skopeo and podman, and comes back the same" {
	have reg.example/x/a:1
	"$CADDIS" image save reg.example/x/a:1 > "$A"
	[ "$(skopeo inspect --raw "oci-archive:$A:reg.example/x/a:1")" = "$("$CADDIS" image inspect --raw reg.example/x/a:1)" ]
	skopeo copy --quiet "oci-archive:$A:reg.example/x/a:1" "dir:$TEST_DIR/copy"
	podman load -q -i "$A"
	[ "$(podman image inspect --format '{{.Id}}' reg.example/x/a:1)" = "${ID#sha256:}" ]
	"$CADDIS" image save -o "$TEST_DIR/again" reg.example/x/a:1
	cmp "$A" "$TEST_DIR/again"
	run_ok image rm reg.example/x/a:1
	loads -i "$A" = reg.example/x/a:1
	[ "$("$CADDIS" image inspect reg.example/x/a:1 | jq -r '.[0].id')" = "$ID" ]
}

@test "a docker-archive of ours is read by skopeo and podman, with several images" {
	have a:1
	run_ok image tag a:1 other:2
	"$CADDIS" image save --format docker-archive -o "$A" a:1 other:2
	[ "$(tar tf "$A" | grep -c '\.tar$')" -eq 3 ]
	skopeo inspect "docker-archive:$A:docker.io/library/other:2" > /dev/null
	podman load -q -i "$A"
	[ "$(podman image inspect --format '{{.Id}}' docker.io/library/a:1 docker.io/library/other:2 | uniq)" = "${ID#sha256:}" ]
	run_ok image rm a:1 other:2
	loads -i "$A" = docker.io/library/a:1 docker.io/library/other:2
	"$CADDIS" image save --format docker-archive --compress gzip -o "$TEST_DIR/gz" a:1 other:2
	cmp "$A" <(gzip -dc "$TEST_DIR/gz")
	loads -i "$TEST_DIR/gz" = docker.io/library/a:1 docker.io/library/other:2
}

@test "an OCI directory of ours is read by skopeo and umoci" {
	have a:1
	run_ok image save --format oci-dir -o "$TEST_DIR/dir" a:1
	skopeo copy --quiet "oci:$TEST_DIR/dir:docker.io/library/a:1" "dir:$TEST_DIR/copy"
	[ "$(umoci ls --layout "$TEST_DIR/dir")" = docker.io/library/a:1 ]
	run_fails 1 image save --format oci-dir -o "$TEST_DIR/dir" a:1
	assert_error "not empty"
	mkdir "$TEST_DIR/empty"
	run_ok image save --format oci-dir -o "$TEST_DIR/empty" a:1
	[ -e "$TEST_DIR/empty/index.json" ]
	[ -z "$(find "$TEST_DIR" -maxdepth 1 -name 'dir.*')" ]
}

@test "an image saved by ID has no name, and zstd comes back too" {
	have a:1
	"$CADDIS" image save --compress zstd "$ID" > "$A"
	zstd -q -t "$A"
	run_ok image rm a:1
	loads -i "$A" = "$ID"
}

@test "a blob that has gone bad on disk is not handed on" {
	local blob

	have a:1
	blob=$(jq -r '.layers[0].digest' < <("$CADDIS" image inspect --raw a:1))
	printf x | dd of="$CADDIS_ROOT/images/blobs/sha256/${blob#sha256:}" bs=1 seek=30 conv=notrunc status=none
	run_fails 1 image save -o "$A" a:1
	assert_error "blob $blob is damaged on disk; pull the image again"
	[ ! -e "$A" ]
	run_fails 1 image save --format docker-archive -o "$A" a:1
	[ ! -e "$A" ]
	[ -z "$(find "$TEST_DIR" -maxdepth 1 -name 'archive*')" ]
}

@test "saving what is not here, or in a form that is not, is an error and writes nothing" {
	have a:1
	run_fails 1 image save -o "$A" a:1 none
	assert_error "no such image"
	run_fails 2 image save --format zip a:1
	assert_error "--format: expected oci-archive, docker-archive or oci-dir"
	run_fails 2 image save --compress xz a:1
	assert_error "--compress: expected gzip, zstd or none"
	run_fails 2 image save --format oci-dir a:1
	assert_error "name the directory"
	run_fails 2 image save --format oci-dir --compress gzip -o "$A" a:1
	[ -z "$(find "$TEST_DIR" -maxdepth 1 -name 'archive*')" ]
}

# --- hostile archives ---

# archive_of DIR: as a tar.
refused() {
	tar -cf "$A" -C "$1" .
	run_fails 1 image load -i "$A"
	assert_error "$2"
	loaded_nothing
	run_fails 1 image load -i "$1"
	loaded_nothing
}

@test "an archive with a wrong blob, a missing one or a wrong diff ID is refused whole" {
	local layer

	layer=$(skopeo inspect --raw "oci:$LAYOUT:a" | jq -r '.layers[1].digest')
	skopeo copy --quiet "oci:$LAYOUT:a" "oci:$TEST_DIR/dir:a:1"
	cp -r "$TEST_DIR/dir" "$TEST_DIR/bad"
	printf x | dd of="$TEST_DIR/bad/blobs/sha256/${layer#sha256:}" bs=1 seek=30 conv=notrunc status=none
	refused "$TEST_DIR/bad" "digest mismatch: blob $layer"
	rm "$TEST_DIR/bad/blobs/sha256/${layer#sha256:}"
	refused "$TEST_DIR/bad" "blobs/sha256/${layer#sha256:}"
	mkdir "$TEST_DIR/plain"
	skopeo copy --quiet "oci:$LAYOUT:a" "docker-archive:$TEST_DIR/d.tar:a:1"
	tar -xf "$TEST_DIR/d.tar" -C "$TEST_DIR/plain"
	chmod -R u+w "$TEST_DIR/plain"
	layer=$(jq -r '.[0].Layers[1]' "$TEST_DIR/plain/manifest.json")
	rm "$TEST_DIR/plain/$layer"
	tar -cf "$TEST_DIR/plain/$layer" -C "$BATS_FILE_TMPDIR/want" etc/one
	refused "$TEST_DIR/plain" "diff ID mismatch"
}

@test "names in an archive are never paths of the host" {
	local work=$TEST_DIR/work

	mkdir "$work"
	echo '{"secret": "of the host"}' > "$TEST_DIR/secret"
	jq -n --arg p "$TEST_DIR/secret" '[{Config: $p, RepoTags: ["x:1"], Layers: []}]' > "$work/manifest.json"
	refused "$work" "is missing"
	jq -n '[{Config: "../secret", RepoTags: ["x:1"], Layers: []}]' > "$work/manifest.json"
	run_fails 1 image load -i "$work"
	assert_error "secret"
	[[ $stderr != *"os and architecture"* ]] || fail "it was read: $stderr"
	ln -s ../secret "$work/config"
	jq -n '[{Config: "config", RepoTags: ["x:1"], Layers: []}]' > "$work/manifest.json"
	run_fails 1 image load -i "$work"
	[[ $stderr != *"os and architecture"* ]] || fail "it was read: $stderr"
	ln -sf "$TEST_DIR/secret" "$work/config"
	refused "$work" "config"
	loaded_nothing
}

@test "an archive that is cut, no archive, or too large is refused" {
	skopeo copy --quiet "oci:$LAYOUT:a" "oci-archive:$TEST_DIR/whole:a:1"
	head -c 100000 "$TEST_DIR/whole" > "$A"
	run_fails 1 image load -i "$A"
	loaded_nothing
	run_fails 1 image load -i /etc/passwd
	assert_error "not a tar archive"
	run_fails 1 image load -i "$TEST_DIR/none"
	assert_error "No such file"
	tar -cf "$A" -C "$BATS_FILE_TMPDIR/want" .
	run_fails 1 image load -i "$A"
	assert_error "'caddis image import'"
	run_fails 1 image load -i "$TEST_DIR/whole" --limit bytes=100K
	assert_error "102400 bytes"
	loaded_nothing
	run_fails 2 image load -i "$TEST_DIR/whole" --limit bites=1
	assert_error "there is no limit"
	run_fails 2 image load -i "$TEST_DIR/whole" --limit bytes=lots
	assert_error "expected a number"
	run_fails 2 image load -i "$TEST_DIR/whole" --name A:B:C
	skopeo copy --quiet "oci:$LAYOUT:b" "oci:$TEST_DIR/two:b:1"
	skopeo copy --quiet "oci:$LAYOUT:a" "oci:$TEST_DIR/two:a:1"
	run_fails 2 image load -i "$TEST_DIR/two" --name one
	assert_error "2 images, and --name is for one"
	loaded_nothing
}

@test "a file that is in an archive twice, and links in a circle, are refused" {
	mkdir "$TEST_DIR/w"
	echo '[]' > "$TEST_DIR/w/manifest.json"
	tar -cf "$A" -C "$TEST_DIR/w" manifest.json manifest.json --hard-dereference
	run_fails 1 image load -i "$A"
	assert_error "twice"
	ln -sf index.json "$TEST_DIR/w/a"
	ln -sf a "$TEST_DIR/w/index.json"
	refused "$TEST_DIR/w" ""
}
