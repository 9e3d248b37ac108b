"""Which file systems are on another machine: SQLite's locks and shared memory don't work there."""

import os
import re
from pathlib import Path

from ..errors import LogOnNetwork

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3"}
)
_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")  # the table spells spaces and the like as \040


def file_system_of(path: Path, mounts: str) -> str:
    """The type of the file system that a path lies on, by the text of a mount table; empty where it can't be told."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        fields, types = head.split(), tail.split()
        if len(fields) > 4 and types:  # noqa: PLR2004 - the fifth field is the mount point
            point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), fields[4])
            if (path == Path(point) or Path(point) in path.parents) and len(point) >= best:
                best, kind = len(point), types[0]
    return kind


def refuse_network_file_system(path: Path) -> None:
    """Stop where a file lies on a network file system, as far as the system tells.

    Raises:
        LogOnNetwork: it does.
    """
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    kind = file_system_of(Path(os.path.realpath(path)), mounts)  # Path.resolve fails where links form a loop
    if kind in NETWORK_FILE_SYSTEMS:
        raise LogOnNetwork(f"{path} lies on a network file system ({kind})")
