# SPDX-License-Identifier: GPL-2.0-or-later
"""hostile.py CASE [PATH]: writes a tar that means harm to standard output; PATH is what it aims at."""
import gzip
import io
import struct
import sys
import tarfile

FILE, LINK, SYM, DIR, CHR, BLK, FIFO = (
    tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
AIM = sys.argv[2] if len(sys.argv) > 2 else "/nowhere"


def entry(name, kind=FILE, data=b"", pax=None, raw=None, **fields):
    """One entry's blocks. raw: (offset, bytes) pairs put into its header afterwards."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, len(data)
    info.pax_headers = dict(pax or {})
    for key, value in fields.items():
        setattr(info, key, value)
    if isinstance(name, bytes):
        raw = [(0, name.ljust(100, b"\0")[:100])] + list(raw or [])
    else:
        info.name = name
    blocks = bytearray(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
    header = len(blocks) - 512
    for offset, value in raw or []:
        blocks[header + offset:header + offset + len(value)] = value
    if raw:
        blocks[header + 148:header + 156] = b" " * 8
        blocks[header + 148:header + 156] = b"%06o\0 " % sum(blocks[header:header + 512])
    return bytes(blocks) + data + b"\0" * (-len(data) % 512)


END = b"\0" * 1024


def sparse(entries):
    numbers = b"%d\n" % entries + b"".join(b"%d\n0\n" % i for i in range(entries))
    return entry("s", data=numbers + b"\0" * (-len(numbers) % 512),
                 pax={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": str(entries)})


CASES = {
    "symlink": lambda: entry("a", SYM, linkname=AIM) + entry("a/f", data=b"evil") + entry("up", SYM, linkname="../" * 20 + AIM) +
    entry("up/g", data=b"evil") + entry("a", SYM, linkname="b") + entry("b", SYM, linkname=AIM) + entry("a/h", data=b"evil"),
    "chain": lambda: b"".join(entry(f"l{i}", SYM, linkname=f"l{i + 1}") for i in range(60)) + entry("l0/f", data=b"x"),
    "names": lambda: b"".join(entry(n, data=b"x") for n in (
        b"../up", b"/abs", b"./../dot", b"a/../../in", b"s//t", b"new\nline", b"inv\xffalid", b"../../../../../../" + AIM.encode()[:60])),
    "dots": lambda: entry(b"..", DIR) + entry(b"/", DIR) + entry(b"//", DIR) + entry(b".", DIR) + entry(b"ok", data=b"x"),
    "long-name": lambda: entry("n" * 300),
    "long-path": lambda: entry("p/" * 2500 + "f"),
    "pax-path": lambda: entry("x", data=b"x", pax={"path": "../../.." + AIM + "/pax"}),
    "root-symlink": lambda: entry(b"./.", SYM, linkname=AIM) + entry("f", data=b"x"),
    "root-file": lambda: entry(b".", FILE),
    "root-device": lambda: entry(b".", CHR, devmajor=1, devminor=1),
    "hardlink": lambda: entry("h", LINK, linkname=AIM) + entry("h", data=b"evil"),
    "hardlink-up": lambda: entry("h", LINK, linkname="../" * 20 + AIM),
    "hardlink-symlink": lambda: entry("s", SYM, linkname=AIM) + entry("h", LINK, linkname="s") + entry("h", data=b"evil"),
    "hardlink-through": lambda: entry("d", SYM, linkname=AIM.rpartition("/")[0]) + entry("h", LINK, linkname="d/" + AIM.rpartition("/")[2]),
    "hardlink-dir": lambda: entry("d", DIR) + entry("h", LINK, linkname="d"),
    "hardlink-data": lambda: entry("s", SYM, linkname=AIM) + entry("h", LINK, linkname="s", raw=[(124, b"00000000004\0")]) +
    b"evil" + b"\0" * 508,
    "metadata": lambda: entry("m", SYM, linkname=AIM, mode=0o6777, uid=1, gid=1, mtime=1, pax={
        "SCHILY.xattr.trusted.evil": "1"}),
    "acl": lambda: entry("m", SYM, linkname=AIM, pax={"SCHILY.acl.access": "user::rwx,group::rwx,other::rwx,user:1:rwx,mask::rwx"}),
    "whiteout-empty": lambda: entry(".wh."),
    "whiteout-dot": lambda: entry(".wh.."),
    "whiteout-dots": lambda: entry(".wh..."),
    "whiteout-dir": lambda: entry(".wh.d/f"),
    "whiteout-device": lambda: entry("c", CHR),
    "whiteout-outside": lambda: entry("o", SYM, linkname=AIM) + entry("o/.wh.file"),
    "whiteouts": lambda: entry("d/x", data=b"1") + entry("d/.wh.x") + entry("d/.wh..wh..opq") + entry(".wh.e", data=b"full") +
    entry("e", DIR) + entry("e/y", data=b"2"),
    "overlay": lambda: b"".join(entry(n, k, pax={"SCHILY.xattr." + x: v}) for n, k, x, v in (
        ("r", DIR, "trusted.overlay.redirect", "/"), ("o", DIR, "trusted.overlay.opaque", "y"), ("m", FILE, "trusted.overlay.metacopy", "1"),
        ("u", DIR, "user.overlay.opaque", "y"), ("w", FILE, "trusted.overlay.whiteout", "y"), ("n", DIR, "trusted.overlay.overlay.opaque", "y"))),
    "labels": lambda: entry("f", data=b"x", pax={"SCHILY.xattr.security.selinux": "a:b:c:s0", "SCHILY.xattr.security.ima": "x",
                            "SCHILY.xattr.security.evm": "x", "SCHILY.xattr.system.nfs4_acl": "x", "SCHILY.xattr.user.kept": "yes"}),
    "xattr-big": lambda: entry("f", data=b"x", pax={"SCHILY.xattr.user.big": "v" * 70000}),
    "xattr-many": lambda: entry("f", data=b"x", pax={f"SCHILY.xattr.user.a{i}": "v" * 100 for i in range(10000)}),
    "nodes": lambda: entry("mem", CHR, devmajor=1, devminor=1, mode=0o666) + entry("disk", BLK, devmajor=8, mode=0o666) +
    entry("fifo", FIFO) + entry("suid", data=b"x", mode=0o6755) + entry("sdir", DIR, mode=0o7777),
    "zeros": lambda: entry("zeros", data=b"\0" * (100 << 20)),
    "window": lambda: b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00",
    "members": lambda: gzip.compress(entry("f", data=b"x"), mtime=0) + gzip.compress(b"", mtime=0) * 100000 + gzip.compress(END, mtime=0),
    "sparse-map": lambda: sparse(300000),
    "sparse-huge": lambda: entry("s", data=b"1\n0\n0\n".ljust(512, b"\0"), pax={
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": str(10 << 40)}),
    "pax-huge": lambda: entry("PaxHeaders/x", tarfile.XHDTYPE, raw=[(124, b"02360000000\0")]) + b"9" * (8 << 20),
    "pax-many": lambda: entry("f", pax={f"k{i}": "v" for i in range(100000)}),
    "size-negative": lambda: entry("f", raw=[(124, b"\xff" * 12)]) + entry("g", data=b"x"),
    "size-huge": lambda: entry("f", raw=[(124, b"\x80" + b"\x7f" * 11)]),
    "size-garbage": lambda: entry("f", raw=[(124, b"zzzzzzzzzzzz")]) + entry("g", data=b"x"),
    "many": lambda: b"".join(entry(f"f{i}") for i in range(200)),
    "same": lambda: b"".join(entry("same", data=b"%d" % i) for i in range(3000)),
    "deep": lambda: entry("d/" * 100000 + "f"),
    "zip": lambda: b"PK\x03\x04" + b"\0" * 600,
    "7zip": lambda: b"7z\xbc\xaf\x27\x1c" + b"\0" * 600,
    "cpio": lambda: b"070701" + b"0" * 104 + b"f\0" + b"\0" * 600,
    "ar": lambda: b"!<arch>\nf/              0           0     0     100644  4         `\nabcd" + b"\0" * 600,
    "xar": lambda: b"xar!" + b"\0" * 600,
    "iso9660": lambda: b"\0" * 32768 + b"\x01CD001\x01" + b"\0" * 4000,
    "mtree": lambda: b"#mtree\nf type=file contents=" + AIM.encode() + b"\n",
    "lrzip": lambda: b"LRZI" + b"\0" * 600,
    "grzip": lambda: b"GRZipII\0\2\4:)" + b"\0" * 600,
    "uid-max": lambda: entry("f", uid=(1 << 32) - 1),
    "uid-31": lambda: entry("f", uid=1 << 31, gid=(1 << 32) - 2, uname="root", gname="root"),
    "times": lambda: b"".join(entry(f"t{i}", pax={"mtime": t}) for i, t in enumerate(
        ("-9223372036854775808", "9223372036854775807", "-1.5", "1.9999999999999", "nonsense"))),
    "plain": lambda: entry("f", data=b"x"),
}

out = sys.stdout.buffer
blocks = CASES[sys.argv[1]]()
out.write(blocks + (END if blocks[:2] not in (b"PK", b"\x1f\x8b", b"\x28\xb5") else b""))
