"""One suite over every database: what is kept comes back, and what is erased does not."""

import functools
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text
from support.postgres import PostgresServer

from hadua.models.errors import HaduaError
from hadua.service.journal import Kind, Published
from hadua.service.storage.database import HEAD
from hadua.service.storage.errors import (
    ConsentMissingError,
    ParticipantExistsError,
    ParticipantUnknownError,
    StorageError,
)
from hadua.service.storage.records import BoothRecord, SessionRecord
from hadua.service.storage.storage import Storage
from hadua.service.storage.tables import metadata


def a_session(
    session_id: str = "s-1", *, epoch: int = 7, participant: str | None = None, started: float = 5.0
) -> SessionRecord:
    return SessionRecord(session_id, epoch, participant, started, None, "starting", "", "fake@0", 0)


def execute(statement: str, connection: Connection) -> None:
    connection.execute(text(statement))


def say(storage: Storage, n: int, *, session_id: str = "s-1", epoch: int = 7) -> None:
    for seq in range(1, n + 1):
        kind: Kind = "status" if seq % 3 == 0 else "prediction"
        storage.append(Published(session_id, epoch, seq, kind, f'{{"seq":{seq}}}'))


def test_frames_come_back_in_order_and_by_kind(storage: Storage) -> None:
    storage.began(a_session())
    say(storage, 1203)

    kept = storage.frames_after("s-1", 7, seq=3, limit=2000)
    predictions = storage.frames_after("s-1", 7, seq=0, limit=5, kind="prediction")

    assert [seq for seq, _, _ in kept] == list(range(4, 1204))
    assert [seq for seq, _, _ in predictions] == [1, 2, 4, 5, 7]
    assert kept[0] == (4, "prediction", '{"seq":4}')
    assert storage.frames_after("s-1", 8, seq=0, limit=5) == []


def test_a_session_that_ended_says_how(storage: Storage) -> None:
    storage.began(a_session())
    say(storage, 4)
    storage.ended("s-1", 7, state="stopped", reason="asked to", last_seq=4)
    storage.flush()

    found = storage.session("s-1")

    assert found is not None
    assert (found.state, found.reason, found.last_seq) == ("stopped", "asked to", 4)
    assert found.ended_unix is not None
    assert storage.session("s-2") is None


def test_sessions_are_paged_newest_first(storage: Storage) -> None:
    for k in range(7):
        storage.began(a_session(f"s-{k}", started=float(k // 2)))
    storage.flush()
    pages, before = [], None
    while page := storage.sessions(before=before, limit=3):
        pages.append([s.id for s in page])
        before = (page[-1].started_unix, page[-1].id)

    assert pages == [["s-6", "s-5", "s-4"], ["s-3", "s-2", "s-1"], ["s-0"]]


def test_consent_is_needed_recorded_and_taken_back(storage: Storage) -> None:
    with pytest.raises(ConsentMissingError, match="no consent on record"):
        storage.require_consent("P01")
    storage.enter("P01")
    with pytest.raises(ConsentMissingError, match="no consent on record"):
        storage.require_consent("P01")
    storage.consent("P01", notice="notice/1", recorded_by="anna")
    storage.require_consent("P01")

    storage.withdraw("P01")

    with pytest.raises(ConsentMissingError, match="withdrawn"):
        storage.require_consent("P01")
    storage.consent("P01", notice="notice/2", recorded_by="anna")
    assert storage.participant("P01").consented
    assert [e.action for e in storage.trail(participant="P01")] == [
        "participant entered",
        "consent recorded",
        "consent withdrawn",
        "consent recorded",
    ]


@pytest.mark.parametrize("again", ["P01", "p01"])
def test_an_id_is_entered_once(storage: Storage, again: str) -> None:
    storage.enter("P01")

    with pytest.raises(ParticipantExistsError, match="'P01' is entered already"):
        storage.enter(again)


def test_who_is_not_there_is_said_so(storage: Storage) -> None:
    with pytest.raises(ParticipantUnknownError, match="no participant 'P09'"):
        storage.participant("P09")
    with pytest.raises(ParticipantUnknownError, match="no participant 'P09'"):
        storage.consent("P09", notice="n/1", recorded_by="anna")
    with pytest.raises(ParticipantUnknownError, match="no participant 'P09'"):
        storage.erase("P09")
    assert storage.trail() == []


def test_participants_are_paged_by_id(storage: Storage) -> None:
    for name in ("P03", "P01", "P02"):
        storage.enter(name)

    assert [p.id for p in storage.participants(limit=2)] == ["P01", "P02"]
    assert [p.id for p in storage.participants(after="P02")] == ["P03"]


def test_an_erased_participant_leaves_only_an_entry_that_names_nobody(storage: Storage) -> None:
    storage.enter("P01")
    storage.enter("P02")
    storage.consent("P01", notice="notice/1", recorded_by="anna")
    storage.began(a_session(participant="P01"))
    storage.began(a_session("s-2", participant="P02"))
    say(storage, 10)
    say(storage, 2, session_id="s-2")

    gone = storage.erase("P01")

    assert (gone.sessions, gone.frames, gone.consents) == (1, 10, 1)
    assert [p.id for p in storage.participants()] == ["P02"]
    assert [s.id for s in storage.sessions()] == ["s-2"]
    assert len(storage.frames_after("s-2", 7, seq=0, limit=9)) == 2
    entries = storage.trail()
    assert entries[-1].action == "participant erased"
    assert not any("P01" in f"{e.detail}{e.token}" for e in entries)


def test_the_trail_cannot_be_rewritten(storage: Storage) -> None:
    storage.note("service started", port=8000)
    storage.flush()

    for statement in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
        tamper = functools.partial(execute, statement)
        with pytest.raises(StorageError, match="append-only"):
            storage.writer.call(tamper)
    assert [e.action for e in storage.trail()] == ["service started"]


def test_what_is_old_is_forgotten_and_that_is_noted(storage: Storage) -> None:
    storage.began(a_session("old"))
    say(storage, 5, session_id="old")
    storage.ended("old", 7, state="stopped", reason="", last_seq=5)
    storage.flush()
    between = storage.session("old")
    storage.began(a_session("new"))
    say(storage, 5, session_id="new")
    assert between is not None
    assert between.ended_unix is not None

    assert storage.forget_before(between.ended_unix + 0.5) == (5, 1)
    assert [s.id for s in storage.sessions()] == ["new"]
    assert len(storage.frames_after("new", 7, seq=0, limit=9)) == 5
    assert storage.trail()[-1].action == "forgotten"
    assert storage.forget_before(0.0) == (0, 0)


def test_of_each_booth_the_latest_word_is_kept(storage: Storage) -> None:
    first = [BoothRecord("b-1", 5.0, "{}"), BoothRecord("b-2", 4.0, "{}")]
    storage.keep_booths(first, most=9).result(5.0)
    storage.keep_booths([BoothRecord("b-2", 6.0, '{"n":1}')], most=9).result(5.0)

    assert storage.booths(limit=9) == [
        BoothRecord("b-1", 5.0, "{}"),
        BoothRecord("b-2", 6.0, '{"n":1}'),
    ]
    assert [b.name for b in storage.booths(limit=1)] == ["b-2"]
    storage.forget_booth("b-1")
    storage.forget_booth("b-9")
    assert [b.name for b in storage.booths(limit=9)] == ["b-2"]


def test_booths_that_come_under_new_names_do_not_pile_up(storage: Storage) -> None:
    for k in range(7):
        storage.keep_booths([BoothRecord(f"b-{k}", 10.0 + k, "{}")], most=3).result(5.0)
    assert [b.name for b in storage.booths(limit=9)] == ["b-4", "b-5", "b-6"]


def test_the_migrations_make_the_tables_that_the_code_uses(storage: Storage) -> None:
    def look(connection: Connection) -> dict[str, set[str]]:
        found = inspect(connection)
        return {t: {c["name"] for c in found.get_columns(t)} for t in found.get_table_names()}

    there = storage.database.read(look)
    version = storage.database.read(
        lambda c: c.execute(text("SELECT version_num FROM alembic_version")).scalar()
    )

    assert {t.name: {c.name for c in t.columns} for t in metadata.sorted_tables} == {
        name: columns for name, columns in there.items() if name != "alembic_version"
    }
    assert version == HEAD


def test_a_change_that_fails_changes_nothing_and_the_next_one_is_made(storage: Storage) -> None:
    class NoError(HaduaError):
        pass

    def change(connection: Connection) -> None:
        connection.execute(text("INSERT INTO participants VALUES ('P05', 1.0, 'x')"))
        raise NoError("no")

    with pytest.raises(NoError, match="no"):
        storage.writer.call(change)
    storage.enter("P06")

    assert [p.id for p in storage.participants()] == ["P06"]


def test_many_threads_may_write(storage: Storage) -> None:
    names = [f"P{k:02}" for k in range(12)]
    threads = [threading.Thread(target=storage.enter, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)

    assert [p.id for p in storage.participants()] == names


def test_another_booth_on_a_servers_database_leaves_running_sessions_alone(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    booths = [Storage.open(tmp_path / name, url=url, unix_clock=lambda: 9.0) for name in "ab"]
    assert booths[0].recover() == []
    booths[0].began(a_session()).result(10.0)
    assert booths[1].recover() == []  # it is the other's, which runs
    for booth in booths:
        booth.close()

    later = Storage.open(tmp_path / "c", url=url, unix_clock=lambda: 10.0)

    assert [left.id for left in later.recover()] == ["s-1"]  # alone: nobody else can close it
    later.close()
