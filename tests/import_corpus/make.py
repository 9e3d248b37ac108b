"""Write the cases that no editor writes: bytes that are not UTF-8, and compressed files. Run it from any folder.

What it writes is committed, since another version of the compressor may write other bytes.
"""  # noqa: INP001 - a script beside its data

import gzip
import io
import zipfile
import zlib
from pathlib import Path

HERE = Path(__file__).parent

HEAD = "client,kind,at,id,note\n"
FIRST = "acme,engaged,2026-05-01T09:00:00Z,e1,first\n"
LAST = "bolt,engaged,2026-05-02,,\n"
GOOD = HEAD + FIRST + LAST
CLOUD = (
    '{"specversion": "1.0", "id": "%s", "source": "/crm", "type": "engaged", "subject": "%s", "time": "2026-05-01"}\n'
)


def packed(content: bytes) -> bytes:
    """Content as gzip writes it, the same each time."""
    return gzip.compress(content, mtime=0)


def broken_off(content: bytes) -> bytes:
    """The start of a compressed file, up to where this content is complete."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)


def a_workbook() -> bytes:
    """A zip archive such as a spreadsheet is."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("xl/workbook.xml"), b"<workbook/>")
    return archive.getvalue()


FILES = {
    "utf-16.csv": b"\xff\xfe" + GOOD.encode("utf-16-le"),
    "utf-16-without-a-mark.csv": GOOD.encode("utf-16-be"),
    "latin-1.csv": (HEAD + FIRST).encode() + "acme,engaged,2026-05-03,,café\n".encode("latin-1") + LAST.encode(),
    "latin-1-in-the-header.csv": "client,kind,at,prénom\nacme,engaged,2026-05-03,x\n".encode("latin-1"),
    "workbook.csv": a_workbook(),
    "old-workbook.csv": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    "truncated.csv.gz": broken_off(GOOD.encode()),
    "compressed-twice.csv.gz": packed(packed(GOOD.encode())),
    "bad-row.csv.gz": packed((HEAD + FIRST + "acme,engaged,2026-05-03T09:00:00,,x\n" + LAST).encode()),
    "latin-1.jsonl": (CLOUD % ("1", "acme")).encode()
    + (CLOUD % ("2", "café")).encode("latin-1")
    + (CLOUD % ("3", "bolt")).encode(),
    "ok-utf-8.csv.gz": packed((HEAD + "büro 7,engaged,2026-05-01,,naïve 日本 🎉\n" + LAST).encode()),
}

if __name__ == "__main__":
    for name, content in FILES.items():
        (HERE / name).write_bytes(content)
