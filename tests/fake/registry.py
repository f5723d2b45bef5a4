#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A registry that misbehaves: the repository's name says how.

registry.py PORTFILE LOGFILE [CERT KEY]: serves on $FAKE_HOST (127.0.0.1), writes the port to PORTFILE, and one line
"METHOD PATH [RANGE]" per request to LOGFILE, "METHOD PATH AUTHORIZATION" to LOGFILE.auth where there is that header.
Every image has two layers (/first, /second) and a configuration. Repositories NAME.VARIANT are in faults.py and
documents.py; $OTHER is HOST:PORT of a second one of us, for redirects. $FAKE_CUT: so many connections are cut before
any TLS. $FAKE_TLS: 1.1 or 1.3 alone, or "client": a certificate of $FAKE_CA is asked for.
"""
import gzip
import hashlib
import io
import json
import os
import socket
import ssl
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from documents import Documents
from faults import Faults

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_of(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        info.mtime = 1000000000
        t.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Image:
    def __init__(self, repo):
        self.repo = repo
        self.blobs = {}
        # Does not compress: the blobs are large enough to be cut in the middle.
        noise = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(20000))
        tars = [tar_of("first", noise), tar_of("second", b"2\n")]
        layers = [self.add(gzip.compress(t, mtime=0), LAYER) for t in tars]
        diff_ids = [sha(t) for t in tars]
        if repo == "wrong-diff-id":
            diff_ids[1] = diff_ids[0]
        if repo == "few-diff-ids":
            diff_ids.pop()
        self.diff_ids = diff_ids
        self.layers = layers
        manifest = {"schemaVersion": 2, "config": self.config("amd64"), "layers": layers}
        self.change(manifest)
        self.manifest = json.dumps(manifest).encode()
        self.type = MANIFEST
        self.manifests = {sha(self.manifest): (self.manifest, self.type)}
        documents = getattr(Documents, repo.split(".")[0].replace("-", "_"), None)
        if "." in repo and documents:
            documents(self, repo.split(".")[1], manifest)
        if repo == "index":
            self.make_index()

    def add(self, data, media_type):
        self.blobs[sha(data)] = data
        return {"mediaType": media_type, "digest": sha(data), "size": len(data)}

    def config(self, arch):
        return self.add(json.dumps({
            "os": "linux", "architecture": arch, "config": {"Cmd": [arch]},
            "rootfs": {"type": "layers", "diff_ids": self.diff_ids}}).encode(), CONFIG)

    def change(self, m):
        digest = {"upper-digest": m["layers"][0]["digest"].upper().replace("SHA", "sha"),
                  "path-digest": "sha256:../../../../../../etc/passwd",
                  "short-digest": m["layers"][0]["digest"][:-1],
                  "sha512-digest": "sha512:" + "ab" * 64}.get(self.repo)
        if digest:
            m["layers"][0]["digest"] = digest
        if self.repo == "config-digest":
            m["config"]["digest"] = "sha256:../" + m["config"]["digest"][10:]
        if self.repo == "both":
            m["manifests"] = []
        if self.repo == "body-says-index":
            m["mediaType"] = INDEX
        if self.repo == "artifact":
            m["config"]["mediaType"] = "application/vnd.example.thing+json"
        if self.repo == "negative-size":
            m["layers"][0]["size"] = -1
        if self.repo == "smaller-size":
            m["layers"][0]["size"] -= 1

    def make_index(self):
        entries = []
        for arch, variant in (("amd64", ""), ("arm64", "v8"), ("s390x", "")):
            m = json.dumps({"schemaVersion": 2, "config": self.config(arch),
                            "layers": self.layers}).encode()
            self.manifests[sha(m)] = (m, MANIFEST)
            entry = {"mediaType": MANIFEST, "digest": sha(m), "size": len(m),
                     "platform": {"os": "linux", "architecture": arch}}
            if variant:
                entry["platform"]["variant"] = variant
            entries.append(entry)
        entries.insert(0, {"mediaType": MANIFEST, "digest": sha(b"x"), "size": 1,
                           "platform": {"os": "unknown", "architecture": "unknown"}})
        self.manifest = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        self.type = INDEX
        self.manifests[sha(self.manifest)] = (self.manifest, INDEX)


class Handler(Faults, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    images, counts = {}, {}
    lock = threading.Lock()

    def log_message(self, *args):
        pass

    def count(self, key):
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.counts[key]

    def image(self, repo):
        with self.lock:
            if repo not in self.images:
                self.images[repo] = Image(repo)
            return self.images[repo]

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        try:
            self.answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_POST(self):
        self.upload()

    do_PUT = do_PATCH = do_DELETE = do_POST

    def note(self):
        with self.lock:
            self.server.log.write("%s %s %s\n" % (self.command, self.path, self.headers.get("Range", "")))
            self.server.log.flush()
            if "Authorization" in self.headers:
                self.server.auth.write("%s %s %s\n" % (self.command, self.path, self.headers["Authorization"]))
                self.server.auth.flush()

    def answer(self):
        self.note()
        parts = self.path.split("/")
        if parts[1] in ("token", "free", "signed"):
            return getattr(self, "at_" + parts[1])(parts)
        if len(parts) == 3 and parts[1] == "elsewhere":
            return self.send_bytes(self.image("redirect").blobs[parts[2]])
        repo, kind, what = parts[2], parts[3], parts[4]
        handler = getattr(self, "on_" + repo.replace("-", "_"), None)
        if handler and handler(kind, what):
            return None
        handler = getattr(self, "by_" + repo.split(".")[0].replace("-", "_"), None) if "." in repo else None
        if handler and handler(repo.split(".")[1], kind, what):
            return None
        image = self.image(repo)
        if kind == "blobs" and what in image.blobs:
            return self.send_bytes(image.blobs[what])
        if kind == "manifests" and ":" not in what:
            return self.send_bytes(image.manifest, image.type, digest=sha(image.manifest))
        if kind == "manifests" and what in image.manifests:
            data, media_type = image.manifests[what]
            return self.send_bytes(data, media_type)
        return self.send_bytes(b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such thing"}]}',
                               "application/json", 404)

    def send_bytes(self, data, media_type="application/octet-stream", status=200, length=True,
                   digest=None, more=()):
        start = 0
        if status == 200 and self.headers.get("Range") and media_type == "application/octet-stream":
            start = int(self.headers["Range"][len("bytes="):-1])
            status = 206
        self.send_response(status)
        if media_type:
            self.send_header("Content-Type", media_type)
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        if status == 206:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        for name, value in more:
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(data) - start))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[start:])
        return True

    def layer(self, kind, what):
        """The large layer's bytes, if it is asked for."""
        image = self.image(self.path.split("/")[2])
        if kind == "blobs" and what == image.layers[0]["digest"]:
            return image.blobs[what]
        return None

    def cut(self, data, ranges):
        """Promises all of it, sends half of what is left, and hangs up."""
        if not ranges:
            del self.headers["Range"]
        start = int((self.headers.get("Range") or "bytes=0-")[len("bytes="):-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start:start + (len(data) - start) // 2])
        self.close_connection = True
        return True

    def on_truncated(self, kind, what):
        data = self.layer(kind, what)
        return data and self.cut(data, False)

    def on_cut_twice(self, kind, what):
        data = self.layer(kind, what)
        return data and self.count("cut_twice") <= 2 and self.cut(data, True)

    def on_cut_no_range(self, kind, what):
        data = self.layer(kind, what)
        if not data:
            return False
        if self.count("cut_no_range") == 1:
            return self.cut(data, False)
        del self.headers["Range"]
        return self.send_bytes(data)

    def on_wrong_range(self, kind, what):
        data = self.layer(kind, what)
        if not data:
            return False
        if self.headers.get("Range"):
            return self.send_bytes(data[1:], status=206,
                                   more=[("Content-Range", "bytes 1-%d/%d" % (len(data) - 1, len(data)))])
        return self.cut(data, False)

    def on_wrong_bytes(self, kind, what):
        data = self.layer(kind, what)
        return data and self.send_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    def on_wrong_bytes_once(self, kind, what):
        data = self.layer(kind, what)
        return data and self.count("wrong_bytes_once") == 1 and self.send_bytes(b"\0" * len(data))

    def on_not_gzip(self, kind, what):
        data = self.layer(kind, what)
        return data and self.send_bytes(b"\0" * len(data))

    def on_too_long(self, kind, what):
        data = self.layer(kind, what)
        return data and self.send_bytes(data + b"\0" * 100000, length=False)

    def on_endless_blob(self, kind, what):
        data = self.layer(kind, what)
        if data:
            self.send_bytes(data, length=False)
            self.endless()
        return data

    def on_no_length(self, kind, what):
        data = self.layer(kind, what)
        return data and self.send_bytes(data, length=False)

    def on_wrong_type(self, kind, what):
        return kind == "manifests" and self.send_bytes(self.image("wrong-type").manifest, "text/plain")

    def on_no_type(self, kind, what):
        return kind == "manifests" and self.send_bytes(self.image("no-type").manifest, None)

    def on_schema1(self, kind, what):
        return kind == "manifests" and self.send_bytes(
            b'{"schemaVersion":1,"name":"x","fsLayers":[]}',
            "application/vnd.docker.distribution.manifest.v1+prettyjws")

    def on_encoded(self, kind, what):
        return kind == "manifests" and self.send_bytes(
            gzip.compress(self.image("encoded").manifest), MANIFEST, more=[("Content-Encoding", "gzip")])

    def on_wrong_manifest(self, kind, what):
        return kind == "manifests" and self.send_bytes(self.image("good").manifest, MANIFEST)

    def on_redirect(self, kind, what):
        return kind == "blobs" and self.send_bytes(b"moved", "text/plain", 307,
                                                   more=[("Location", "/elsewhere/" + what)])

    def on_redirect_loop(self, kind, what):
        return kind == "manifests" and self.send_bytes(b"", "text/plain", 302, more=[("Location", self.path)])

    def on_redirect_file(self, kind, what):
        return kind == "blobs" and self.send_bytes(b"", "text/plain", 302,
                                                   more=[("Location", "file:///etc/passwd")])

    def on_redirect_ftp(self, kind, what):
        return kind == "blobs" and self.send_bytes(b"", "text/plain", 302,
                                                   more=[("Location", "ftp://127.0.0.1:1/x")])

    def on_downgrade(self, kind, what):
        return kind == "manifests" and self.send_bytes(
            b"", "text/plain", 302, more=[("Location", "http://127.0.0.1:1/x")])

    def on_flaky(self, kind, what):
        if self.count("flaky" + self.path) > 2:
            return False
        return self.send_bytes(b"", "text/plain", 503)

    def on_slow(self, kind, what):
        """The first time one layer takes for ever."""
        data = self.layer(kind, what)
        if not data or self.count("slow") > 1:
            return False
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:100000])
        time.sleep(600)
        return True

    def on_busy(self, kind, what):
        if self.count("busy" + self.path) > 1:
            return False
        return self.send_bytes(b"", "text/plain", 429, more=[("Retry-After", "2")])

    def on_refused(self, kind, what):
        return self.send_bytes(json.dumps({"errors": [{
            "code": "DENIED", "message": "not\x1b[31m you\n" + "y" * 5000}]}).encode(),
            "application/json", 403)

    def endless(self):
        while True:
            self.wfile.write(b" " * 65536)

    def on_endless_manifest(self, kind, what):
        self.send_bytes(b"{", MANIFEST, length=False)
        self.endless()

    def on_endless_error(self, kind, what):
        self.send_bytes(b"{", "text/plain", 404, length=False)
        self.endless()

    def on_endless_headers(self, kind, what):
        self.send_response(200)
        while True:
            self.wfile.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")


class Server(ThreadingHTTPServer):
    request_queue_size = 64
    cut = int(os.environ.get("FAKE_CUT", "0"))

    def server_bind(self):
        if ":" in self.server_address[0]:
            self.address_family = socket.AF_INET6
            self.socket = socket.socket(self.address_family, self.socket_type)
        super().server_bind()

    def get_request(self):
        while self.cut > 0:
            self.cut -= 1
            self.socket.accept()[0].close()
        return super().get_request()

    def handle_error(self, request, client_address):
        pass


class TlsServer(Server):
    """The handshake is the connection's own thread's, so that a broken one holds nobody up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def finish_request(self, request, client_address):
        request = self.context.wrap_socket(request, server_side=True)
        try:
            super().finish_request(request, client_address)
        finally:
            request.close()


def main():
    tls = len(sys.argv) > 3
    server = (TlsServer if tls else Server)((os.environ.get("FAKE_HOST", "127.0.0.1"), 0), Handler)
    server.daemon_threads = True
    server.log = open(sys.argv[2], "a", encoding="ascii")
    server.auth = open(sys.argv[2] + ".auth", "a", encoding="ascii")
    server.scheme = "https" if tls else "http"
    if tls:
        server.context.load_cert_chain(sys.argv[3], sys.argv[4])
        version = os.environ.get("FAKE_TLS")
        if version == "1.1":
            server.context.set_ciphers("ALL:@SECLEVEL=0")
            server.context.minimum_version = ssl.TLSVersion.TLSv1
            server.context.maximum_version = ssl.TLSVersion.TLSv1_1
        elif version == "1.3":
            server.context.minimum_version = ssl.TLSVersion.TLSv1_3
        elif version == "client":
            server.context.verify_mode = ssl.CERT_REQUIRED
            server.context.load_verify_locations(os.environ["FAKE_CA"])
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % server.server_port)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    server.serve_forever()


main()
