"""The public types are what `typing/api.py` says, by mypy's strictest reading."""

import subprocess
import sys
from pathlib import Path

API = Path(__file__).parent / "typing" / "api.py"
ROOT = Path(__file__).parent.parent


def checked(*what: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty", *what],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_public_types_are_as_pinned():
    done = checked(API)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_wrong_pin_is_noticed(tmp_path: Path):
    """The package is typed for those who install it: without that, every pin would hold of `Any`."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from typing import assert_type\n"
        "from retention_engine import Client, Renewed\n"
        "assert_type(Client.from_events('acme', []).latest(Renewed), Renewed)\n"
    )
    done = checked(wrong)
    assert done.returncode == 1
    assert 'Expression is of type "Renewed | None", not "Renewed"' in done.stdout
