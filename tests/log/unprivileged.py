"""Runs the real command, or tries the library, as a user for whom permissions count.

`python unprivileged.py command ARGUMENTS...` or `python unprivileged.py library ADDRESS [read_only]`. Started by root it
gives up its rights for good, after importing all that it needs: others may be barred from the folders of this Python.
"""

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

from retention_engine import Engaged
from retention_engine.cli import main as command
from retention_engine.log import create_log, open_log
from retention_engine.log.sqlite import SQLiteStore

NOBODY = 65_534
AT = "2026-01-01"


def import_all() -> None:
    """Have everything imported that the command imports when it is used."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for words in (["replay", "memory://"], ["explain", "memory://", "nobody"], ["no-such-command"]):
            try:
                command(words)
            except SystemExit:
                continue


def give_up_rights() -> None:
    """Become nobody, if root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    os.chdir("/")


def library(address: str, *options: str) -> dict[str, str]:
    """Open a log, or make one, read and write: how each went."""
    found = {}

    def attempt(name: str, work) -> object:
        try:
            done = work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            found[name] = type(error).__name__
            return None
        found[name] = "done"
        return done

    if "create" in options:
        attempt("created", lambda: create_log(address))
        return found
    log = attempt("opened", lambda: open_log(address, read_only="read_only" in options))
    if log is not None:
        attempt("read", lambda: list(log.tail()))
        attempt("streamed", lambda: list(log.clients()))
        attempt("written", lambda: log.record(Engaged(client="acme", at=AT, id="attempt")))
        attempt("closed", log.close)
    return found


def main() -> None:
    """Give up rights and run what is asked for."""
    assert SQLiteStore is not None
    import_all()
    give_up_rights()
    what, *words = sys.argv[1:]
    if what == "command":
        command(words)
    else:
        sys.stdout.write(json.dumps(library(*words)))


if __name__ == "__main__":
    main()
