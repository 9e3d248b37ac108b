"""Logs on every store, as for the tests of the log itself."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from log.conftest import any_log, log_on, new_log, place_of, postgres_server, shared_log, store
from retention_engine.log import create_log

__all__ = ["any_log", "log_on", "new_log", "place_of", "postgres_server", "shared_log", "store"]


@pytest.fixture
def new_address(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], AbstractContextManager[str]]:
    """Makes an empty log on the store of a name, as often as it is called, and gives its address."""

    @contextmanager
    def made(store: str) -> Iterator[str]:
        with place_of(store, request, tmp_path) as address:
            create_log(address).close()
            yield address

    return made
