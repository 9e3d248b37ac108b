"""A real browser for tests, with nothing to set up by hand.

Taken is the first that starts: the program that RETENTION_TEST_BROWSER names; a Chromium, Chrome or Edge installed on this
machine; the one that Playwright keeps for itself (`playwright install chromium`). Without any of them the tests that need
one are skipped, or fail where RETENTION_REQUIRE_BROWSER is 1.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
OFFLINE = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
"""What a browser does by itself at its start is no business of a test."""


def ways() -> Iterator[dict[str, Any]]:
    """How a browser might be started, the first choice first."""
    if named := os.environ.get("RETENTION_TEST_BROWSER"):
        yield {"executable_path": named}
        return
    for name in NAMES:
        if found := shutil.which(name):
            yield {"executable_path": found}
    yield {}
    yield {"channel": "chrome"}
    yield {"channel": "msedge"}


@contextmanager
def started() -> Iterator[Any]:
    """A headless browser; the test is skipped, or fails, where none can be started."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        give_up(str(error))
    why = []
    with sync_playwright() as playwright:
        for way in ways():
            try:
                browser = playwright.chromium.launch(args=OFFLINE, **way)
            except Error as error:
                why.append(f"{way or 'its own'}: {error.message.splitlines()[0]}")
                continue
            with browser:
                yield browser
            return
        give_up("; ".join(why))


def give_up(why: str) -> NoReturn:
    """Skip the test, or fail it."""
    message = f"needs a browser, and none could be started: {why}"
    if os.environ.get("RETENTION_REQUIRE_BROWSER") == "1":
        pytest.fail(message)
    pytest.skip(message)
