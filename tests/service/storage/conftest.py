"""A database to test with: a file, and a PostgreSQL server where one is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.postgres import PostgresServer, find_postgres

from hadua.service.storage.storage import Storage


class Clock:
    def __init__(self) -> None:
        self.now_unix = 1_700_000_000.0

    def __call__(self) -> float:
        self.now_unix += 1.0
        return self.now_unix


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    programs = find_postgres()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (initdb, postgres)")
    with PostgresServer(programs) as server:
        yield server


@pytest.fixture(params=["file", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    if request.param == "file":
        return None
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def storage(tmp_path: Path, url: str | None) -> Iterator[Storage]:
    storage = Storage.open(tmp_path / "data", url=url, unix_clock=Clock())
    yield storage
    storage.close()
