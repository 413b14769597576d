"""What a client was answered as kept is in the database by then, whatever happens afterwards."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.keeping import new_data_folder
from support.learning import Script, begin_session, learning_parts, windows_chunks
from support.service import EEG, FakeSource, Parts, Running, async_test, eventually, ramps, running

from hadua.service import session as session_module
from hadua.service.storage.database import FILE_NAME
from hadua.service.storage.packing import unpacked


def committed(folder: Path, kind: str) -> list[dict[str, object]]:
    """Frames as anybody beside the service can read them."""
    with closing(sqlite3.connect(f"file:{folder / FILE_NAME}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT text FROM frames WHERE kind = ? ORDER BY seq", (kind,))
        return [json.loads(unpacked(text)) for (text,) in rows]


def parts_of(folder: Path, *, gate: threading.Event | None = None) -> Parts:
    source = FakeSource([*ramps(EEG, 3), threading.Event()], spec=EEG, open_gate=gate)
    return Parts(sources={"eeg": source}, data_folder=folder)


async def started(service: Running) -> str:
    answer = await service.http.post("/api/v1/sessions", json={"id": "s-1", "eeg": "eeg"})
    assert answer.status_code == 201
    return "/api/v1/sessions/s-1"


@async_test
async def test_a_marker_is_committed_when_it_is_answered(tmp_path: Path) -> None:
    folder = new_data_folder(tmp_path)
    async with running(parts_of(folder)) as service:
        path = await started(service)
        await service.service.sessions.get("s-1").running.wait()
        for k in range(5):
            answer = await service.http.post(f"{path}/markers", json={"text": f"m={k}"})
            assert answer.json()["kept"] is True
            assert committed(folder, "marker")[-1]["text"] == f"m={k}"


@async_test
async def test_while_the_streams_are_waited_for_it_is_not_kept_and_says_so(tmp_path: Path) -> None:
    folder, gate = new_data_folder(tmp_path), threading.Event()
    async with running(parts_of(folder, gate=gate)) as service:
        path = await started(service)
        answer = await service.http.post(f"{path}/markers", json={"text": "early"})
        assert (answer.status_code, answer.json()["kept"]) == (201, False)
        gate.set()
        session = service.service.sessions.get("s-1")
        await eventually(lambda: session.publisher.markers == 1)


@async_test
async def test_a_marker_that_a_session_ends_before_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "SAID_WITHIN_S", 0.05)
    folder = new_data_folder(tmp_path)
    async with running(parts_of(folder)) as service:
        path = await started(service)
        session = service.service.sessions.get("s-1")
        await session.running.wait()
        session.stop()
        answer = await service.http.post(f"{path}/markers", json={"text": "late"})
        assert (answer.status_code, answer.json()["code"]) == (409, "session-over")
        await session.over.wait()
    assert committed(folder, "marker") == []


@async_test
async def test_a_database_that_does_not_keep_up_is_no_reason_to_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hadua.service.service.KEPT_WITHIN_S", 0.1)
    go_on = threading.Event()
    async with running(parts_of(new_data_folder(tmp_path))) as service:
        path = await started(service)
        await service.service.sessions.get("s-1").running.wait()
        service.service.storage.writer.submit(lambda _: go_on.wait(10.0))
        asked_s = time.monotonic()
        answer = await service.http.post(f"{path}/markers", json={"text": "slow"})
        assert (answer.status_code, answer.json()["kept"]) == (201, False)
        assert time.monotonic() - asked_s < 5.0
        go_on.set()


@async_test
async def test_a_label_is_committed_with_its_stretch_also_while_nothing_is_learnt(
    tmp_path: Path,
) -> None:
    folder = new_data_folder(tmp_path)
    script: Script = [*windows_chunks(0, 5), threading.Event()]
    async with running(learning_parts(script, folder=folder)) as service:
        path = await begin_session(service.http)
        await service.service.sessions.get("s-1").running.wait()
        for k, name in enumerate(("low", "high", "low")):
            body = {"label": name, "from_s": float(k), "until_s": k + 0.5}
            answer = await service.http.post(f"{path}/labels", json=body)
            assert (answer.status_code, answer.json()["kept"]) == (201, True), answer.text
            told = committed(folder, "calibration")[-1]["adaptation"]
            assert isinstance(told, dict)
            assert told["last_label"] == body
            assert told["labels"] == k + 1
