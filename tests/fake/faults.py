# SPDX-License-Identifier: GPL-2.0-or-later
"""What registry.py does on the wire for repositories NAME.VARIANT: by_NAME(variant, kind, what) answers and says
True, or leaves the request to the well-behaved registry."""
import email.utils
import gzip
import hashlib
import json
import os
import time

NOT_AUTHORISED = b'{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}'


class Faults:
    def raw(self, data):
        """Bytes as they are, and the end of the connection."""
        self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = True
        return True

    def first(self, key):
        return self.count(key + self.path) == 1

    # --- statuses and waits: REG-1, REG-2 ---

    def by_busy(self, variant, kind, what):
        """429 once, with each form of Retry-After."""
        if kind != "blobs" or not self.first("busy"):
            return False
        after = {"date": email.utils.formatdate(time.time() + 3, usegmt=True), "past": "Mon, 01 Jan 2001 00:00:00 GMT",
                 "long": "99999", "garbage": "soon", "none": None}[variant]
        return self.send_bytes(b"", "text/plain", 429, more=[("Retry-After", after)] if after else [])

    def by_once(self, variant, kind, what):
        """A status, or no reply at all, for the first request of each document."""
        if not self.first("once"):
            return False
        if variant == "reset":
            return self.raw(b"")
        return self.send_bytes(b"", "text/plain", int(variant))

    def by_always(self, variant, kind, what):
        return kind == "manifests" and self.send_bytes(b"", "text/plain", int(variant))

    # --- lengths, encodings, framing: REG-6, REG-17, REG-18 ---

    def by_length(self, variant, kind, what):
        data = self.layer(kind, what)
        if not data:
            return False
        n = len(data)
        lengths = {"negative": ["-1"], "two": [str(n), str(n - 1)], "short": [str(n - 1)], "long": [str(n + 1)],
                   "text": ["many"]}[variant]
        head = "".join("Content-Length: %s\r\n" % v for v in lengths)
        return self.raw(("HTTP/1.1 200 OK\r\n%s\r\n" % head).encode() + data)

    def by_frame(self, variant, kind, what):
        data = self.layer(kind, what)
        if not data or (variant == "badchunk" and not self.first("frame")):
            return False
        half = len(data) // 2
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % half + data[:half] + b"\r\n"
        rest = b"%x\r\n" % (len(data) - half) + data[half:] + b"\r\n0\r\n"
        if variant == "chunked":
            return self.raw(chunked + rest + b"\r\n")
        if variant == "trailer":
            return self.raw(chunked + rest + b"X-Sum: 1\r\n\r\n")
        if variant == "badchunk":
            return self.raw(chunked + b"zzz\r\n")
        if variant == "http10":
            return self.raw(b"HTTP/1.0 200 OK\r\n\r\n" + data)
        if variant == "http10cut":
            return self.raw(b"HTTP/1.0 200 OK\r\n\r\n" + data[:half])
        # keep-alive closed: a whole reply that promises more to come, then the end
        return self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n" % len(data) + data)

    def by_encoded(self, variant, kind, what):
        data = self.layer(kind, what)
        return data and self.send_bytes(gzip.compress(data), more=[("Content-Encoding", "gzip")])

    # --- slow: REG-7 ---

    def by_slow(self, variant, kind, what):
        data = self.layer(kind, what)
        if variant == "headers" and kind == "manifests":
            for c in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000:
                self.wfile.write(bytes([c]))
                time.sleep(0.5)
        if variant == "drip" and data:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for i in range(0, len(data), 30000):
                self.wfile.write(data[i:i + 30000])
                time.sleep(0.1)
            return True
        if variant == "half" and data and self.first("slow"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            time.sleep(300)
        return False

    # --- pushes: REG-30 ---

    def by_up(self, variant, kind, what):
        """What a push asks before it sends: does the repository have the blob?"""
        return self.send_bytes(b"", "text/plain", 200 if variant == "exists" else 404)

    def upload(self):
        """up.VARIANT takes blobs and manifests; the digest of each must be that of what came."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.note()
        path, _, query = self.path.partition("?")
        repo, kind, what = path.split("/")[2:5]
        variant = repo.partition(".")[2]
        if variant == "elsewhere" and self.command == "POST" and "Authorization" not in self.headers:
            return self.send_bytes(NOT_AUTHORISED, "application/json", 401, more=[("WWW-Authenticate", 'Basic realm="x"')])
        if self.command == "POST":
            place = "/v2/%s/blobs/uploads/one?state=a%%2Bb" % repo
            place = {"absolute": "http://" + self.headers["Host"] + place, "plain": place.partition("?")[0],
                     "elsewhere": "http://" + os.environ.get("OTHER", "") + place}.get(variant, place)
            return self.send_bytes(b"", "text/plain", 202, more=[] if variant == "noplace" else [("Location", place)])
        if self.command == "PATCH" and variant == "chunk416":
            return self.send_bytes(b"", "text/plain", 416, more=[("Range", "0-0")])
        if kind == "manifests":
            status, code = {"toolarge": (413, "MANIFEST_INVALID"), "immutable": (409, "TAG_IMMUTABLE")}.get(variant, (201, ""))
            return self.send_bytes(json.dumps({"errors": [{"code": code, "message": "tag %s stays" % what}]}).encode(),
                                   "application/json", status)
        want = "digest=sha256:" + hashlib.sha256(body).hexdigest()
        good = query in (want, "state=a%2Bb&" + want) and ("state" in query) == (variant != "plain")
        return self.send_bytes(b"", "text/plain", 201 if good or self.command != "PUT" else 400)

    # --- redirects: REG-8, REG-9, SEC-I4 ---

    def by_hop(self, variant, kind, what):
        """N redirects, relative ones, and then the blob."""
        if kind != "blobs":
            return False
        n = int(variant)
        return self.send_bytes(b"", "text/plain", 307, more=[("Location", "../../../free/%d/%s" % (n - 1, what))])

    def at_free(self, parts):
        n, what = int(parts[2]), parts[3]
        if n == 0:
            return self.send_bytes(self.image("hop.10").blobs[what])
        return self.send_bytes(b"", "text/plain", 307, more=[("Location", "/free/%d/%s" % (n - 1, what))])

    def by_moved(self, variant, kind, what):
        return kind == "blobs" and self.send_bytes(b"", "text/plain", int(variant),
                                                   more=[("Location", "/free/0/" + what)])

    def wants_login(self, kind):
        """True: was sent away, for there was no login."""
        if self.headers.get("Authorization") in ("Basic dXNlcjpzZWNyZXQtcHc6MQ==", "Bearer good-token"):
            return False
        return self.send_bytes(NOT_AUTHORISED, "application/json", 401, more=[
            ("WWW-Authenticate", 'Basic realm="fake"')])

    def by_away(self, variant, kind, what):
        """Wants a login, and then sends to $OTHER."""
        if self.wants_login(kind):
            return True
        if kind != "blobs" or variant == "home":
            return False
        self.server.tickets = getattr(self.server, "tickets", 0) + 1
        where = {"signed": "%s://%s/signed/%s/%d" % (self.server.scheme, os.environ["OTHER"], what, self.server.tickets),
                 "asks": "%s://%s/signed/asks/%s" % (self.server.scheme, os.environ["OTHER"], what),
                 "back": "%s://%s/signed/back/%s?home=%s" % (self.server.scheme, os.environ["OTHER"], what,
                                                          self.headers["Host"]),
                 "user": "http://user:pw@%s/signed/%s/0" % (os.environ["OTHER"], what)}[variant]
        return self.send_bytes(b"", "text/plain", 307, more=[("Location", where)])

    def at_signed(self, parts):
        """Elsewhere: a storage that wants no Authorization, and takes each URL once."""
        what = parts[3].split("?")[0]
        if parts[2] == "back":
            return self.send_bytes(b"", "text/plain", 307, more=[
                ("Location", "http://%s/v2/away.home/blobs/%s" % (self.path.split("home=")[1], what))])
        if parts[2] == "asks":
            return self.send_bytes(NOT_AUTHORISED, "application/json", 401, more=[
                ("WWW-Authenticate", 'Bearer realm="http://%s/token",service="steal"' % self.headers["Host"]),
                ("WWW-Authenticate", 'Basic realm="steal"')])
        if "Authorization" in self.headers:
            return self.send_bytes(b"only one auth mechanism", "text/plain", 400)
        if self.count("signed" + self.path) > 1:
            return self.send_bytes(b"expired", "text/plain", 403)
        data = self.image("away.signed").blobs[parts[2]]
        if len(data) > 100000 and self.count("signed large") <= 2:
            return self.cut(data, True)
        return self.send_bytes(data)

    # --- ranges: REG-10 ---

    def by_range(self, variant, kind, what):
        data = self.layer(kind, what)
        if not data:
            return False
        if not self.headers.get("Range"):
            if variant == "416" and self.count("range" + self.path) > 1:
                return False
            return self.cut(data, True)
        return self.bad_range(variant, data)

    def by_kept(self, variant, kind, what):
        """All of it for those who ask for all; a range is answered wrongly."""
        data = self.layer(kind, what)
        if not data or not self.headers.get("Range"):
            return False
        if variant == "200":
            del self.headers["Range"]
            return self.send_bytes(data)
        return self.bad_range(variant, data)

    def by_drip(self, variant, kind, what):
        """Slow, with ranges."""
        data = self.layer(kind, what)
        if not data:
            return False
        start = int((self.headers.get("Range") or "bytes=0-")[len("bytes="):-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        for i in range(start, len(data), 10000):
            self.wfile.write(data[i:i + 10000])
            time.sleep(0.01)
        return True

    def by_breaks(self, variant, kind, what):
        """Half of it, then nothing but 503 for all that one pull tries."""
        data = self.layer(kind, what)
        n = self.count("breaks" + self.path) if data else 7
        if n == 1:
            return self.cut(data, True)
        return n <= 6 and self.send_bytes(b"", "text/plain", 503)

    def bad_range(self, variant, data):
        start = int(self.headers["Range"][len("bytes="):-1])
        good = "bytes %d-%d/%d" % (start, len(data) - 1, len(data))
        values = {"total": [good + "0"], "missing": [], "two": [good, "bytes 0-1/2"], "malformed": ["bytes=%d" % start],
                  "unit": [good.replace("bytes", "lines")]}
        if variant == "416":
            return self.send_bytes(b"", "text/plain", 416)
        head = "".join("Content-Range: %s\r\n" % v for v in values[variant])
        return self.raw(("HTTP/1.1 206 Partial Content\r\n%sContent-Length: %d\r\n\r\n" % (head, len(data) - start)).encode()
                        + data[start:])

    # --- tokens: REG-11, REG-12, SEC-I5 ---

    def challenge(self, repo, scope, realm=None, more=""):
        realm = realm or "%s://%s/token/%s" % (self.server.scheme, self.headers["Host"], repo)
        return self.send_bytes(NOT_AUTHORISED, "application/json", 401, more=[
            ("WWW-Authenticate", 'Bearer realm="%s",service="fake",scope="%s"%s' % (realm, scope, more))])

    def by_token(self, variant, kind, what):
        repo, auth = "token." + variant, self.headers.get("Authorization", "")
        scope = "repository:%s:pull" % repo
        realm = {"plain": "http://%s/token/x" % os.environ.get("OTHER"), "ftp": "ftp://127.0.0.1/x",
                 "user": "http://me:pw@%s/token/x" % self.headers["Host"],
                 "foreign": "http://localhost:%s/token/x" % self.server.server_port}.get(variant)
        if variant == "scopes":
            scope = " ".join(["repository:x%d:pull" % i for i in range(120)])
        if variant == "never" or not auth.startswith("Bearer good"):
            return self.challenge(repo, scope, realm)
        if variant == "expires" and kind == "blobs":
            # each token is good for two requests
            if self.count("use" + auth) > 2:
                return self.challenge(repo, scope)
        if variant == "midblob" and self.layer(kind, what):
            if self.count("use" + auth) > 1:
                return self.challenge(repo, scope)
            return self.count("midblob") <= 2 and self.cut(self.layer(kind, what), True)
        if variant == "scope" and not auth.endswith("-wide"):
            return self.challenge(repo, scope + " repository:wide:pull", more=',error="insufficient_scope"')
        return False

    def at_token(self, parts):
        variant = parts[2].split("?")[0].split(".")[-1]
        token = "good-%d" % self.count("tokens")
        if "wide" in self.path:
            token += "-wide"
        reply = {"token": token}
        lives = {"zero": 0, "minus": -1, "huge": 1 << 62, "text": "60"}
        if variant in lives:
            reply["expires_in"] = lives[variant]
        if variant == "future":
            reply["issued_at"] = "2999-01-01T00:00:00Z"
        if variant == "access":
            reply = {"access_token": token}
        if variant == "notoken":
            reply = {"hello": 1}
        if variant == "crlf":
            reply = {"token": "good\r\nX-Injected: 1"}
        if variant == "endless":
            self.send_bytes(b"{", "application/json", length=False)
            self.endless()
        return self.send_bytes(json.dumps(reply).encode(), "application/json")

    # --- HEAD, types, warnings, errors: REG-19, REG-20, REG-33, REG-34 ---

    def by_head(self, variant, kind, what):
        if self.command != "HEAD":
            return False
        image = self.image("head." + variant)
        if variant == "said404":
            return self.send_bytes(b"", "text/plain", 404, digest="sha256:" + hashlib.sha256(image.manifest).hexdigest())
        if variant.isdigit():
            return self.send_bytes(b"", "text/plain", int(variant))
        digest = {"none": None, "wrong": "sha256:" + "0" * 64, "garbage": "sha256:../../x"}[variant]
        return self.send_bytes(image.manifest, image.type, digest=digest)

    def by_warn(self, variant, kind, what):
        image = self.image("warn." + variant)
        text = {"plain": '299 - "this image is old"', "escape": '299 - "red \x1b[31m"', "long": '299 - "%s"' % ("x" * 5000),
                "other": '110 - "stale"'}[variant]
        if kind == "blobs":
            return self.send_bytes(image.blobs[what], more=[("Warning", text)])
        return self.send_bytes(image.manifest, image.type, more=[("Warning", text)])

    def by_error(self, variant, kind, what):
        body = {
            "huge": json.dumps({"errors": [{"code": "X", "message": "y" * 60000}]}),
            "nested": "[" * 100000, "html": "<html>secret page</html>",
            "ansi": json.dumps({"errors": [{"code": "\x1b[2J", "message": "\x07bell"}]}),
            "echo": json.dumps({"errors": [{"code": "DENIED", "message": "GET https://s3/x?X-Amz-Signature=abcdef012 "
                                            "Authorization: Bearer tok12345 and secret-pw:1"}]})}[variant]
        if variant == "echo" and self.wants_login(kind):
            return True
        return self.send_bytes(body.encode(), "application/json", 403)

    def by_endless(self, variant, kind, what):
        if variant == "config" and kind == "blobs" and self.image("endless.config").config_digest == what:
            self.send_bytes(b"{", length=False)
            self.endless()
        return False
