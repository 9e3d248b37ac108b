"""Logs on every store, made anew for each test; a PostgreSQL server is started for the first test that needs one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from postgres_server import fresh_schema, server_address
from retention_engine.log import EventLog, create_log

MakeLog = Callable[..., AbstractContextManager[EventLog]]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server whose user may do everything."""
    with server_address() as address:
        yield address


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """The address of a log that is yet to be made on a PostgreSQL server."""
    with fresh_schema(postgres_server) as address:
        yield address


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """Each of the stores, by name."""
    return request.param


@pytest.fixture
def log_on(request: pytest.FixtureRequest, tmp_path: Path) -> MakeLog:
    """Makes an empty log on the store of a name, as often as it is called, and closes it in the end."""

    @contextmanager
    def made(store: str, **options: Any) -> Iterator[EventLog]:
        with place_of(store, request, tmp_path) as address, create_log(address, **options) as log:
            yield log

    return made


@pytest.fixture
def new_log(store: str, log_on: MakeLog) -> MakeLog:
    """Makes an empty log on each of the stores, as often as it is called, and closes it in the end."""
    return partial(log_on, store)


@pytest.fixture
def any_log(new_log: MakeLog) -> Iterator[EventLog]:
    """An empty log on each of the stores, open."""
    with new_log() as log:
        yield log


@pytest.fixture(params=["sqlite", "postgres"])
def shared_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty log on each of the stores that several processes can open."""
    with place_of(request.param, request, tmp_path) as address:
        create_log(address).close()
        yield address


@contextmanager
def place_of(store: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The address of a log that is yet to be made on the store of a name."""
    if store == "memory":
        yield "memory://"
    elif store == "sqlite":
        number = len(list(folder.glob("*.db")))
        yield f"sqlite:///{folder}/clients-{number}.db"
    else:
        with fresh_schema(request.getfixturevalue("postgres_server")) as address:
            yield address
