# SPDX-License-Identifier: GPL-2.0-or-later
"""What registry.py serves for repositories NAME.VARIANT: NAME(image, variant, manifest) makes image.manifest anew."""
import gzip
import hashlib
import io
import json
import subprocess
import tarfile

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar+gzip"


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def put(image, text, media_type=MANIFEST):
    image.manifest = text if isinstance(text, bytes) else json.dumps(text).encode()
    image.type = media_type
    image.manifests[sha(image.manifest)] = (image.manifest, media_type)


def small_tar(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        t.addfile(info, io.BytesIO(content))
    return out.getvalue()


def config(image, diff_ids, **more):
    return image.add(json.dumps({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["amd64"]},
                                 "rootfs": {"type": "layers", "diff_ids": diff_ids}, **more}).encode(), CONFIG)


def image_of(image, tars, media_type=LAYER, pack=lambda t: gzip.compress(t, mtime=0), **more):
    layers = [image.add(pack(t), media_type) for t in tars]
    put(image, {"schemaVersion": 2, "config": config(image, [sha(t) for t in tars], **more), "layers": layers})


class Documents:
    # SEC-I2: a document that could be read as two things
    @staticmethod
    def json(image, variant, m):
        text = json.dumps(m)
        image.manifests = {}
        put(image, {
            "duplicate": text.replace('{"schemaVersion": 2', '{"schemaVersion": 1, "schemaVersion": 2', 1),
            "trailing": text + "{}", "bom": "\ufeff" + text, "nul": text + "\0",
            "deep": text[:-1] + ', "x": ' + "[" * 100000 + "]" * 100000 + "}",
            "huge": text.replace(str(m["layers"][0]["size"]), "1e400"), "fraction": text.replace(
                str(m["layers"][0]["size"]), "1.5"), "string": '"text"', "empty": "", "comment": "/* */" + text,
            "single": text.replace('"', "'")}.get(variant, text).encode("utf-16" if variant == "utf16" else "utf-8"))

    # SEC-I1
    @staticmethod
    def digest(image, variant, m):
        m["layers"][0]["digest"] = {
            "dots": "sha256:../../../../tmp/x", "upper": "sha256:" + "AB" * 32, "short": "sha256:" + "a" * 63,
            "long": "sha256:" + "a" * 65, "md5": "md5:" + "a" * 32, "empty": "sha256:", "colon": ":",
            "plus": "a+b:" + "a" * 64, "big": "sha256:" + "a" * 10000, "slash": "sha256:" + "a" * 60 + "/../",
            "query": "sha256:" + "a" * 60 + "?x=y", "number": 5}[variant]
        put(image, m)

    # REG-20
    @staticmethod
    def type(image, variant, m):
        if variant == "inbody":
            m["mediaType"] = MANIFEST
        put(image, m, {"charset": MANIFEST + "; charset=utf-8", "inbody": "text/plain", "upper": MANIFEST.upper(),
                       "index": INDEX}[variant])

    # REG-21
    @staticmethod
    def index(image, variant, m):
        entry = {"mediaType": MANIFEST, "digest": sha(image.manifest), "size": len(image.manifest)}
        image.manifests[sha(image.manifest)] = (image.manifest, MANIFEST)
        here = {**entry, "platform": {"os": "linux", "architecture": "amd64"}}
        attestation = {**entry, "digest": sha(b"?"), "platform": {"os": "unknown", "architecture": "unknown"}}
        noted = {**here, "digest": sha(b"?"), "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
        entries = {"empty": [], "attested": [attestation, here], "attestedfirst": [noted, here], "only-attested": [attestation],
                   "many": [{**here, "platform": {"os": "linux", "architecture": "a%d" % i}} for i in range(17000)] + [here],
                   "toomany": [{}] * 100001, "unknown-os": [{**here, "platform": {"os": "plan9", "architecture": "amd64"}}],
                   "unmarked": [entry], "wrongsize": [{**here, "size": 7}],
                   "variants": [{**here, "platform": {"os": "linux", "architecture": "amd64", "variant": v}, "digest": d}
                                for v, d in (("v3", sha(b"3")), ("v2", sha(b"2")))] + [here]}.get(variant, [here])
        inner = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        for _ in range({"nested": 1, "nested9": 9}.get(variant, 0)):
            text = json.dumps(inner).encode()
            image.manifests[sha(text)] = (text, INDEX)
            inner = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
                {"mediaType": INDEX, "digest": sha(text), "size": len(text),
                 "platform": {"os": "linux", "architecture": "amd64"}}]}
        put(image, inner, INDEX)

    # REG-22
    @staticmethod
    def schema(image, variant, m):
        m.update({"unknown": {"future": {"a": [1]}}, "subject": {"subject": {
            "mediaType": MANIFEST, "digest": sha(b"s"), "size": 1}}, "three": {"schemaVersion": 3},
                  "none": {"schemaVersion": None}, "artifacttype": {
                      "artifactType": "application/x.thing", "config": {
                          "mediaType": OCI + "empty.v1+json", "digest": sha(b"{}"), "size": 2}}}[variant])
        if variant == "artifacttype":
            m["config"]["mediaType"] = "application/vnd.oci.empty.v1+json"
        put(image, m)

    # REG-23
    @staticmethod
    def packed(image, variant, m):
        tars = [small_tar("second", b"2\n"), small_tar("first", b"1" * 640000)]
        zstd = lambda t: subprocess.run(["zstd", "-qc"], input=t, capture_output=True, check=True).stdout
        skip = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
        gz = lambda t: gzip.compress(t, mtime=0)
        pack = {"none": lambda t: t, "members": lambda t: gz(t[:700]) + gz(b"") + gz(t[700:]), "zstd": zstd,
                "skippable": lambda t: skip + zstd(t[:700]) + skip + zstd(t[700:]) + skip}[variant]
        kind = {"none": "tar", "members": "tar+gzip"}.get(variant, "tar+zstd")
        image_of(image, tars, OCI + "layer.v1." + kind, pack)

    # REG-24
    @staticmethod
    def layers(image, variant, m):
        tars = {"zero": [], "blocks": [b"\0" * 1024], "nothing": [b""], "history": [small_tar("second", b"2\n")]}.get(variant)
        if tars is None:
            tars = [small_tar("file%d" % i, b"%d\n" % i) for i in range(int(variant.strip("x")))]
        more = {"history": [{"created_by": "x"}, {"created_by": "y", "empty_layer": True}, {}]} if variant == "history" else {}
        if variant.endswith("x"):
            tars = tars[:1] * len(tars)
        image_of(image, tars, **more)

    # REG-26
    @staticmethod
    def foreign(image, variant, m):
        layer = m["layers"][0]
        layer["mediaType"] = OCI + "layer.nondistributable.v1.tar+gzip"
        layer["urls"] = ["http://127.0.0.1:1/steal", "file:///etc/passwd"]
        if variant == "gone":
            del image.blobs[layer["digest"]]
        put(image, m)

    # REG-27
    @staticmethod
    def conf(image, variant, m):
        text = {"empty": b"", "notjson": b"hello", "big": b" " * (5 << 20) + b"{}", "array": b"[]",
                "nodiff": b'{"os":"linux","architecture":"amd64"}', "noos": b'{"rootfs":{"type":"layers","diff_ids":[]}}',
                "type": b"{}"}[variant]
        m["config"] = image.add(text, "application/x.unknown" if variant == "type" else CONFIG)
        put(image, m)

    # REG-28
    @staticmethod
    def data(image, variant, m):
        right = image.blobs[m["config"]["digest"]]
        import base64
        m["config"]["data"] = base64.b64encode(right if variant == "right" else b"{}" if variant == "wrong" else
                                               right + b" ").decode()
        put(image, m)

    @staticmethod
    def endless(image, variant, m):
        image.config_digest = m["config"]["digest"]
