"""Write the cases that no editor writes: bytes that are not UTF-8, and compressed files. Run it from any folder.

What it writes is committed, since another version of the compressor may write other bytes.
"""  # noqa: INP001 - a script beside its data

import bz2
import gzip
import io
import lzma
import sqlite3
import tempfile
import zipfile
import zlib
from pathlib import Path

HERE = Path(__file__).parent

FIRST = b'{"client": "acme", "kind": "engaged", "at": "2026-05-01T09:00:00Z"}\n'
LAST = b'{"client": "bolt", "kind": "renewed", "at": "2026-05-02", "term_end": "2027-05-02"}\n'
GOOD = FIRST + LAST
NAIVE = b'{"client": "acme", "kind": "engaged", "at": "2026-05-03T09:00:00"}\n'


def noted(text: bytes) -> bytes:
    """A line with a note of these bytes, between two good ones."""
    return FIRST + b'{"client": "acme", "kind": "engaged", "at": "2026-05-03", "note": "' + text + b'"}\n' + LAST


def packed(content: bytes) -> bytes:
    """Content as gzip writes it, the same each time."""
    return gzip.compress(content, mtime=0)


def broken_off(content: bytes) -> bytes:
    """The start of a compressed file, up to where this content is complete."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)


def changed(content: bytes, place: int) -> bytes:
    """Content with one byte turned over."""
    place %= len(content)
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def in_a_zip(content: bytes) -> bytes:
    """A zip archive with one file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("clients.jsonl"), content)
    return archive.getvalue()


def a_database() -> bytes:
    """A SQLite file with an empty table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clients.db")
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE clients (name TEXT)")
        connection.commit()
        connection.close()
        return path.read_bytes()


FILES = {
    "latin-1.jsonl": noted("café".encode("latin-1")),
    "latin-1-in-a-key.jsonl": FIRST + '{"client": "acme", "kind": "engaged", "prénom": "x"}\n'.encode("latin-1") + LAST,
    "utf-8-cut-off.jsonl": FIRST + LAST.rstrip() + "é".encode()[:1],
    "utf-8-overlong.jsonl": noted(b"\xc0\x80"),
    "utf-8-surrogate.jsonl": noted(b"\xed\xa0\x80"),
    "utf-8-beyond-unicode.jsonl": noted(b"\xf4\x90\x80\x80"),
    "utf-16.jsonl": b"\xff\xfe" + GOOD.decode().encode("utf-16-le"),
    "utf-16-little-endian.jsonl": GOOD.decode().encode("utf-16-le"),
    "utf-16-big-endian.jsonl": GOOD.decode().encode("utf-16-be"),
    "utf-32.jsonl": b"\xff\xfe\x00\x00" + GOOD.decode().encode("utf-32-le"),
    "nul-byte.jsonl": noted(b"a\x00b"),
    "nul-padding.jsonl": FIRST + b"\x00" * 400,
    "nul-padding-in-front.jsonl": b"\x00" * 400 + GOOD,
    "gzip-truncated.jsonl.gz": broken_off(GOOD),
    "gzip-header-alone.jsonl.gz": packed(GOOD)[:10],
    "gzip-damaged.jsonl.gz": changed(packed(GOOD), 40),
    "gzip-bad-checksum.jsonl.gz": changed(packed(GOOD), -8),
    "gzip-and-rubbish.jsonl.gz": packed(GOOD) + b"and so on",
    "gzip-twice.jsonl.gz": packed(packed(GOOD)),
    "gzip-with-a-bad-line.jsonl.gz": packed(FIRST + NAIVE + LAST),
    "archive.zip": in_a_zip(GOOD),
    "compressed.bz2": bz2.compress(GOOD),
    "compressed.xz": lzma.compress(GOOD),
    "database.db": a_database(),
    "ok-gzip.jsonl.gz": packed(GOOD),
    "ok-gzip-by-another-name.jsonl": packed(GOOD),
    "ok-gzip-in-two-parts.jsonl.gz": packed(FIRST) + packed(LAST),
    "ok-plain-by-the-name-of-gz.jsonl.gz": GOOD,
    "ok-gzip-bom-crlf.jsonl.gz": packed(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n")),
}

if __name__ == "__main__":
    for name, content in FILES.items():
        (HERE / name).write_bytes(content)
