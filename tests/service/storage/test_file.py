"""What only a file can show: kills, full disks, strangers' files, and bytes that must be gone."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text

from hadua.service.journal import Published
from hadua.service.storage.database import FILE_NAME, HEAD, Database, sqlite_url, upgrade
from hadua.service.storage.errors import StorageError
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.storage import Storage
from hadua.service.storage.writer import StorageWriter

_WRITES_UNTIL_KILLED = """
import itertools, sys
from pathlib import Path
from hadua.service.journal import Published
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.storage import Storage
storage = Storage.open(Path(sys.argv[1]), unix_clock=lambda: 1000.0)
storage.began(SessionRecord("s-1", 1, None, 5.0, None, "running", "", "fake@0", 0))
for seq in itertools.count(1):
    storage.append(Published("s-1", 1, seq, "prediction", "{}"))
    if seq % 500 == 0:
        storage.flush()
        print(seq, flush=True)
"""


def open_storage(folder: Path) -> Storage:
    return Storage.open(folder, unix_clock=lambda: 2000.0)


def test_a_new_file_is_what_the_migrations_make_of_an_empty_one(tmp_path: Path) -> None:
    made = Database(sqlite_url(tmp_path))
    migrated = create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite3'}")
    with migrated.begin() as connection:
        upgrade(connection)

    def schema(connection: Connection) -> set[tuple[str, ...]]:
        rows = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master"))
        return {tuple(" ".join(str(each).split()) for each in row) for row in rows}

    with migrated.connect() as connection:
        assert made.read(schema) == schema(connection)
        version = text("SELECT version_num FROM alembic_version")
        assert made.read(lambda c: c.execute(version).scalar()) == HEAD
        assert connection.execute(version).scalar() == HEAD
    made.close()
    migrated.dispose()


def test_a_new_file_needs_no_alembic(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from hadua.service.storage.storage import Storage\n"
        "Storage.open(Path(sys.argv[1]), unix_clock=lambda: 1.0).close()\n"
        "sys.exit('alembic' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=30.0)


_NEVER = -1
_VERSION = text("SELECT version_num FROM alembic_version")


class KilledError(BaseException):
    """As a kill between two statements."""


def _kill_at(database: str, statement: int, *, revision: str = "") -> int:
    """Make or upgrade a database up to that statement that changes it; how many there were."""
    seen = 0

    def count(c: object, cursor: object, text: str, *rest: object) -> None:
        nonlocal seen
        seen += text.lstrip().startswith(("CREATE", "INSERT", "UPDATE"))
        if seen == statement:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        if revision:
            patch.setattr("hadua.service.storage.database.make_tables", _up_to(revision))
        event.listen(Engine, "before_cursor_execute", count)
        try:
            Database(database).close()
        except KilledError:
            pass
        finally:
            event.remove(Engine, "before_cursor_execute", count)
    return seen


def _up_to(revision: str) -> Callable[..., None]:
    def make(connection: Connection, *, version: str) -> None:
        config = Config()
        config.set_main_option("script_location", "hadua.service.storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    return make


@pytest.mark.parametrize("revision", ["", "0003"])
def test_a_kill_while_tables_are_made_leaves_all_of_them_or_none(
    tmp_path: Path, revision: str
) -> None:
    def a_url(name: str) -> str:
        url = sqlite_url(tmp_path / name)
        if revision:
            _kill_at(url, _NEVER, revision=revision)
        return url

    statements = _kill_at(a_url("whole"), _NEVER)
    assert statements >= 2
    for k in range(1, statements + 1):
        url = a_url(str(k))
        assert _kill_at(url, k) == k
        database = Database(url)
        assert database.read(lambda c: c.execute(_VERSION).scalar()) == HEAD
        assert database.read(lambda c: c.execute(text("SELECT * FROM booths")).all()) == []
        database.close()


def test_two_processes_that_begin_at_once_find_one_database(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from hadua.service.storage.database import Database, sqlite_url\n"
        "print(flush=True); sys.stdin.readline()\n"
        "Database(sqlite_url(Path(sys.argv[1]))).close()\n"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    for each in both:
        assert each.stdout is not None
        each.stdout.readline()
    for each in both:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()
    for each in both:
        _, said = each.communicate(timeout=30.0)
        assert each.returncode == 0, said.decode()


def test_tables_of_a_stranger_are_not_taken_for_ours(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as raw:
        raw.execute("CREATE TABLE participants (id INTEGER)")

    with pytest.raises(StorageError, match="cannot be migrated: got table participants already"):
        Database(sqlite_url(tmp_path))


def test_what_was_flushed_survives_a_kill_and_the_session_is_closed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITES_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        flushed = [int(writer.stdout.readline()) for _ in range(3)][-1]
        os.kill(writer.pid, signal.SIGKILL)

    storage = open_storage(tmp_path)
    try:
        left = storage.recover()
        found = storage.session("s-1")
        seqs = [seq for seq, _, _ in storage.frames_after("s-1", 1, seq=0, limit=10**6)]
        assert [s.id for s in left] == ["s-1"]
        assert found is not None
        assert (found.state, found.ended_unix) == ("interrupted", 1000.0)
        assert seqs == list(range(1, found.last_seq + 1))
        assert found.last_seq >= flushed
    finally:
        storage.close()


def test_a_full_disk_is_told_to_whoever_writes_and_nothing_is_lost_in_silence(
    tmp_path: Path,
) -> None:
    storage = open_storage(tmp_path)
    storage.began(SessionRecord("s-1", 1, None, 5.0, None, "running", "", "fake@0", 0))
    storage.writer.call(lambda c: c.exec_driver_sql("PRAGMA max_page_count=80").all())
    written = 0

    def write_on() -> None:
        nonlocal written
        for seq in range(1, 10_000):
            storage.append(Published("s-1", 1, seq, "prediction", "x" * 500))
            written += 1
            if seq % 100 == 0:
                storage.flush()

    with pytest.raises(StorageError, match="disk is full"):
        write_on()
    with pytest.raises(StorageError, match="disk is full"):
        storage.enter("P01")
    storage.close()

    assert storage.writer.written + storage.writer.lost == written
    assert storage.writer.lost > 0


def test_a_queue_that_is_full_refuses(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path))
    writer = StorageWriter(database, most_waiting=0)
    with pytest.raises(StorageError, match="does not keep up: got 0 frames waiting"):
        writer.append({})
    writer.close()
    database.close()


@pytest.mark.parametrize("content", [b"not a database at all, but long enough" * 99, b"SQLite fo"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    with pytest.raises(StorageError, match="not a database"):
        open_storage(tmp_path)

    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    open_storage(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()

    with pytest.raises(StorageError, match=f"newer hadua: got version 9999, expected {HEAD}"):
        open_storage(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match=r"data folder .*--data-dir"):
        open_storage(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "url", ["nonsense", "postgresql+psycopg://u:secret@127.0.0.1:1/x", "oracle://a:secret@b/c"]
)
def test_a_url_that_leads_nowhere_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(StorageError, match="database") as caught:
        Storage.open(tmp_path, url=url, unix_clock=lambda: 0.0)

    assert "secret" not in str(caught.value)


def test_no_byte_of_an_erased_person_is_left_in_the_folder(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    name, words = "Participant-4711", "their-very-own-words"
    storage.enter(name)
    storage.enter("P02")
    storage.consent(name, notice="notice/1", recorded_by=words)
    storage.began(SessionRecord("s-1", 1, name, 5.0, None, "running", words, "fake@0", 0))
    for seq in range(1, 400):
        storage.append(Published("s-1", 1, seq, "prediction", f"{words} {seq}"))
    storage.flush()

    storage.erase(name)

    held = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for needle in (name.encode(), words.encode()):
        assert [file for file, content in held.items() if needle in content] == []
    assert any(b"P02" in content for content in held.values())
    storage.close()


def test_a_writer_that_fails_in_a_way_nobody_foresaw_tells_whoever_writes(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    storage.began(SessionRecord("s-1", 1, None, 5.0, None, "running", "", "fake@0", 0))
    storage.flush()
    storage.append(Published("s-1", 1, 1, "prediction", "{}"))

    def unforeseen(connection: object) -> None:
        raise RuntimeError("of a driver")

    event.listen(storage.database._engine, "commit", unforeseen)
    with pytest.raises(StorageError, match="RuntimeError while writing"):
        storage.flush()
    event.remove(storage.database._engine, "commit", unforeseen)

    with pytest.raises(StorageError, match="RuntimeError while writing"):
        storage.append(Published("s-1", 1, 2, "prediction", "{}"))
    with pytest.raises(StorageError, match="RuntimeError while writing"):
        storage.enter("P01")
    storage.close()
    assert (storage.writer.written, storage.writer.lost) == (0, 1)
