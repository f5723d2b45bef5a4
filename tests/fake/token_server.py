#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A token server for docker-registry's token authentication.

token_server.py PORTFILE LOGFILE KEY CERT: serves on 127.0.0.1 without TLS. "user" with the password "secret-pw:1" gets
what it asks for, the identity token "refresh-me" too (by POST), nobody else gets anything but to pull public/*.
One line "METHOD WHO SCOPES" per request goes to LOGFILE. Tokens are JWTs, signed by openssl with KEY, and bring CERT.
"""
import base64
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

USER = "Basic " + base64.b64encode(b"user:secret-pw:1").decode()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def jwt(access):
    with open(sys.argv[4], encoding="ascii") as f:
        cert = "".join(line.strip() for line in f if "-----" not in line)
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [cert]}
    body = {"iss": "test", "aud": "test-service", "sub": "user", "iat": now - 10, "nbf": now - 10,
            "exp": now + 300, "jti": "1", "access": access}
    text = b64(json.dumps(head).encode()) + b"." + b64(json.dumps(body).encode())
    sign = subprocess.run(["openssl", "dgst", "-sha256", "-sign", sys.argv[3]], input=text, check=True,
                          capture_output=True).stdout
    return (text + b"." + b64(sign)).decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def log_message(self, *args):
        pass

    def do_GET(self):
        query = parse_qs(urlparse(self.path).query)
        auth = self.headers.get("Authorization")
        who = "user" if auth == USER else "stranger" if auth else "anonymous"
        self.answer(who, query.get("scope", []), query.get("service"))

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        good = form.get("grant_type") == ["refresh_token"] and form.get("refresh_token") == ["refresh-me"]
        self.answer("user" if good else "stranger", " ".join(form.get("scope", [])).split(), form.get("service"))

    def answer(self, who, scopes, service):
        with self.lock:
            self.server.log.write("%s %s %s\n" % (self.command, who, " ".join(scopes)))
            self.server.log.flush()
        if who == "stranger" or service != ["test-service"]:
            return self.send(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]})
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            if who == "user" or (name.startswith("public/") and actions == "pull"):
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        token = jwt(access)
        key = "access_token" if self.command == "POST" else "token"
        return self.send(200, {key: token, "expires_in": 300})

    def send(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.log = open(sys.argv[2], "a", encoding="ascii")
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % server.server_port)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    server.serve_forever()


main()
