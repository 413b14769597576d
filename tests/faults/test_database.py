"""A database that is held, read-only, or on a slow disk: nobody waits, and no loss is silent."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import event
from support.keeping import new_data_folder

from hadua.service.journal import Published
from hadua.service.storage import writer
from hadua.service.storage.database import FILE_NAME
from hadua.service.storage.errors import StorageError
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.storage import Storage

N = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_data_folder(tmp_path / "data")


@pytest.fixture
def storage(folder: Path) -> Iterator[Storage]:
    storage = Storage.open(folder, unix_clock=lambda: 2000.0)
    storage.began(SessionRecord("s-1", 1, None, 5.0, None, "running", "", "fake@0", 0))
    storage.flush()
    yield storage
    storage.close()


def say(storage: Storage, n: int, *, first: int = 1) -> float:
    """Keep so many frames; the longest time that anyone who wrote had to wait."""
    longest_s = 0.0
    for seq in range(first, first + n):
        began_s = time.perf_counter()
        storage.append(Published("s-1", 1, seq, "prediction", f'{{"seq":{seq}}}'))
        longest_s = max(longest_s, time.perf_counter() - began_s)
    return longest_s


def kept(storage: Storage) -> list[int]:
    return [seq for seq, _, _ in storage.frames_after("s-1", 1, seq=0, limit=10_000)]


def set_on_the_writer(storage: Storage, pragma: str) -> None:
    storage.writer.call(lambda c: c.exec_driver_sql(f"PRAGMA {pragma}").close())


def test_another_program_that_holds_it_for_a_moment_costs_nothing(
    storage: Storage, folder: Path
) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert say(storage, N) < 1.0
        assert storage.writer.error is None
        other.execute("ROLLBACK")
        assert kept(storage) == list(range(1, N + 1))
    assert storage.writer.lost == 0


def test_one_that_does_not_let_go_is_named_and_what_was_lost_is_counted(
    storage: Storage, folder: Path
) -> None:
    set_on_the_writer(storage, "busy_timeout=20")
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        say(storage, 5)
        with pytest.raises(StorageError, match=r"locked.*another program hold the database"):
            storage.flush()
        other.execute("ROLLBACK")
    with pytest.raises(StorageError, match="locked"):
        storage.append(Published("s-1", 1, 6, "prediction", "{}"))
    assert (storage.writer.written, storage.writer.lost) == (0, 5)


def test_a_disk_that_became_read_only_is_said_to_whoever_writes(storage: Storage) -> None:
    say(storage, 5)
    storage.flush()
    set_on_the_writer(storage, "query_only=ON")
    say(storage, 3, first=6)

    with pytest.raises(StorageError, match=r"readonly.*read-only"):
        storage.flush()

    assert (storage.writer.written, storage.writer.lost) == (5, 3)


def test_a_disk_that_is_slow_makes_nobody_wait_who_need_not(storage: Storage) -> None:
    slow = threading.Event()

    def on_commit(connection: object) -> None:
        del connection
        slow.set()
        time.sleep(0.2)

    event.listen(storage.database._engine, "commit", on_commit)
    say(storage, 1)
    assert slow.wait(10.0)
    assert say(storage, N, first=2) < 1.0
    assert kept(storage) == list(range(1, N + 2))


def fill(storage: Storage) -> StorageError:
    """Say so much that a disk of a few pages is full; what the session is told of it."""
    pages = storage.writer.call(lambda c: int(str(c.exec_driver_sql("PRAGMA page_count").scalar())))
    set_on_the_writer(storage, f"max_page_count={pages + 8}")
    try:
        for seq in count(1):
            storage.append(Published("s-1", 1, seq, "prediction", "x" * 5000 + str(seq)))
            if seq % 10 == 0:
                storage.flush()
    except StorageError as error:
        return error
    raise AssertionError


def begin(storage: Storage, session_id: str) -> None:
    storage.began(SessionRecord(session_id, 1, None, 5.0, None, "running", "", "fake@0", 0))


def make_room(storage: Storage) -> None:
    """Room again; a change is refused at once for a moment after a fault, then it is tried."""
    until_s = time.monotonic() + 10.0
    while True:
        try:
            set_on_the_writer(storage, "max_page_count=100000")
        except StorageError:
            assert time.monotonic() < until_s
            time.sleep(0.05)
        else:
            return


def test_once_there_is_room_again_others_are_kept_and_the_ends_of_those_that_failed(
    storage: Storage,
) -> None:
    error = fill(storage)
    whole = kept(storage)
    storage.ended("s-1", 1, state="failed", reason=str(error), last_seq=whole[-1])
    assert storage.writer.error is not None

    make_room(storage)
    begin(storage, "s-2")
    storage.append(Published("s-2", 1, 1, "prediction", "{}"))
    storage.flush()

    assert [seq for seq, _, _ in storage.frames_after("s-2", 1, seq=0, limit=9)] == [1]
    first = storage.session("s-1")
    assert first is not None
    assert (first.state, first.reason, first.last_seq) == ("failed", str(error), whole[-1])
    assert whole == list(range(1, len(whole) + 1))
    assert storage.writer.error is None


def test_nothing_is_kept_of_a_session_behind_a_frame_that_was_lost(storage: Storage) -> None:
    fill(storage)
    make_room(storage)
    with pytest.raises(StorageError, match="full"):
        storage.append(Published("s-1", 1, 10**6, "prediction", "{}"))
    with pytest.raises(StorageError, match="full"):
        storage.committed(("s-1", 1)).result(10.0)

    assert kept(storage) == list(range(1, len(kept(storage)) + 1))


def test_what_waits_behind_frames_of_a_lost_session_is_made_all_the_same(storage: Storage) -> None:
    working, go_on = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        working.set()
        go_on.wait(10.0)

    storage.writer.submit(hold, durable=False)
    assert working.wait(10.0)
    say(storage, 3)
    consent = storage.writer.submit(lambda _: "made")
    storage.writer._lose([{"session_id": "s-1", "epoch": 1}])
    go_on.set()

    assert consent.result(10.0) == "made"


@pytest.mark.parametrize("where", ["packed", "insert"])
def test_a_batch_for_which_there_is_no_memory_is_lost_alone(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    say(storage, 5)
    storage.flush()

    def no_memory(*_: object) -> object:
        raise MemoryError

    with monkeypatch.context() as short:
        short.setattr(writer, where, no_memory)
        say(storage, 3, first=6)
        with pytest.raises(StorageError, match="MemoryError while writing"):
            storage.flush()
    make_room(storage)
    begin(storage, "s-2")
    storage.append(Published("s-2", 1, 1, "prediction", "{}"))
    storage.flush()

    with pytest.raises(StorageError, match="MemoryError while writing"):
        storage.append(Published("s-1", 1, 9, "prediction", "{}"))
    assert kept(storage) == [1, 2, 3, 4, 5]
    assert [seq for seq, _, _ in storage.frames_after("s-2", 1, seq=0, limit=9)] == [1]
    assert storage.writer.lost >= 1
