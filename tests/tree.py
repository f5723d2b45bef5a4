#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists a tree, one entry a line with all that a layer carries: tree.py DIR

type mode uid gid size device links mtime(ns) xattrs content path. A directory's size and link count
are the file system's own business and left out, as are overlayfs's own attributes."""
import hashlib, os, stat, sys

KINDS = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c",
         stat.S_IFBLK: "b", stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}


def xattrs(path):
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        if not name.startswith(("trusted.overlay.", "user.overlay.", "security.selinux")):
            found[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    return ",".join(f"{k}={found[k]}" for k in sorted(found)) or "-"


def content(path, st):
    if stat.S_ISLNK(st.st_mode):
        return os.fsencode(os.readlink(path)).hex()
    if not stat.S_ISREG(st.st_mode):
        return "-"
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") \
            else hashlib.sha256(f.read()).hexdigest()


def line(root, path):
    st = os.lstat(path)
    directory = stat.S_ISDIR(st.st_mode)
    return " ".join(str(x) for x in (
        KINDS[stat.S_IFMT(st.st_mode)], oct(stat.S_IMODE(st.st_mode)), st.st_uid, st.st_gid,
        "-" if directory else st.st_size, st.st_rdev, "-" if directory else st.st_nlink, st.st_mtime_ns,
        xattrs(path), content(path, st), repr(os.path.relpath(path, root))))


root = os.fsencode(sys.argv[1])
entries = [root]
for where, dirs, files in os.walk(root):
    entries += [os.path.join(where, n) for n in dirs + files]
for e in sorted(entries):
    print(line(root, e))
