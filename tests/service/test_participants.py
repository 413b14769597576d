"""Participants over REST: entered, consenting, listed, and gone without a trace."""

import threading
from pathlib import Path

import httpx
from support.service import (
    EEG,
    FakeSource,
    Parts,
    async_test,
    eventually,
    ramps,
    running,
    settings_for_tests,
)

from hadua.adapters.sources.source import SampleChunk


def parts(folder: Path, *, gate: threading.Event | None = None) -> Parts:
    script: list[SampleChunk | Exception | threading.Event] = [*ramps(EEG, 3)]
    if gate is not None:
        script.append(gate)
    return Parts(
        sources={"fake:eeg": FakeSource(script)},
        settings=settings_for_tests(require_consent=True),
        data_folder=folder,
    )


def held_in(folder: Path) -> list[bytes]:
    return [p.read_bytes() for p in folder.rglob("*") if p.is_file()]


async def enter(http: httpx.AsyncClient, name: str, *, consent: bool = True) -> None:
    assert (await http.post("/api/v1/participants", json={"id": name})).status_code == 201
    if consent:
        body = {"notice": "notice/1", "recorded_by": "anna"}
        answer = await http.post(f"/api/v1/participants/{name}/consent", json=body)
        assert answer.json()["consented"] is True


@async_test
async def test_a_session_needs_the_participant_s_consent(new_folder: Path) -> None:
    async with running(parts(new_folder)) as service:
        body = {"eeg": "fake:eeg", "participant": "P01"}
        refused = await service.http.post("/api/v1/sessions", json=body)
        await enter(service.http, "P01")
        started = await service.http.post("/api/v1/sessions", json=body)

        assert (refused.status_code, refused.json()["code"]) == (409, "consent-missing")
        assert "hadua participants consent P01" in refused.json()["hint"]
        assert started.status_code == 201


@async_test
async def test_what_was_predicted_is_there_after_a_restart(new_folder: Path) -> None:
    async with running(parts(new_folder)) as service:
        await enter(service.http, "P01")
        body = {"eeg": "fake:eeg", "participant": "P01", "id": "s-1"}
        await service.http.post("/api/v1/sessions", json=body)
        await service.service.sessions.get("s-1").over.wait()
        before = (await service.http.get("/api/v1/sessions/s-1/predictions")).json()

    async with running(parts(new_folder)) as service:
        known = (await service.http.get("/api/v1/participants/P01/sessions")).json()["sessions"]
        after = (await service.http.get("/api/v1/sessions/s-1/predictions")).json()
        page = (await service.http.get("/api/v1/sessions/s-1/predictions?limit=1")).json()
        rest_url = f"/api/v1/sessions/s-1/predictions?after_seq={page['next_after_seq']}"
        rest = (await service.http.get(rest_url)).json()

    assert [(s["id"], s["state"], s["epoch"]) for s in known] == [
        ("s-1", "stopped", before["epoch"])
    ]
    assert len(before["predictions"]) == 3
    assert after["predictions"] == before["predictions"]
    assert (after["first_seq"], after["next_after_seq"]) == (1, before["next_after_seq"])
    assert page["predictions"] + rest["predictions"] == before["predictions"]


@async_test
async def test_withdrawing_stops_the_session_and_erasing_waits_for_that(new_folder: Path) -> None:
    gate = threading.Event()
    async with running(parts(new_folder, gate=gate)) as service:
        await enter(service.http, "P01")
        body = {"eeg": "fake:eeg", "participant": "P01", "id": "s-1"}
        await service.http.post("/api/v1/sessions", json=body)
        session = service.service.sessions.get("s-1")
        await session.running.wait()

        busy = await service.http.delete("/api/v1/participants/P01")
        withdrawn = await service.http.delete("/api/v1/participants/P01/consent")
        gate.set()
        await session.over.wait()
        await eventually(lambda: service.service.storage.writer.waiting == 0)
        gone = await service.http.delete("/api/v1/participants/P01")
        again = await service.http.get("/api/v1/participants/P01")
        said = await service.http.get("/api/v1/sessions/s-1/predictions")
        trail = (await service.http.get("/api/v1/audit")).json()["entries"]

    assert (busy.status_code, busy.json()["code"]) == (409, "participant-busy")
    assert withdrawn.json()["consented"] is False
    assert session.status().reason == "consent withdrawn"
    assert gone.json()["sessions"] == 1
    assert gone.json()["frames"] > 0
    assert again.json()["code"] == "participant-unknown"
    assert said.json()["code"] == "session-unknown"  # also what was in memory is gone
    assert [e["action"] for e in trail][-2:] == ["consent withdrawn", "participant erased"]
    assert not any(b"P01" in content for content in held_in(new_folder))


@async_test
async def test_lists_come_in_pages(new_folder: Path) -> None:
    async with running(parts(new_folder)) as service:
        for name in ("P03", "P01", "P02"):
            await enter(service.http, name, consent=False)
        first = (await service.http.get("/api/v1/participants?limit=2")).json()
        second = (await service.http.get(f"/api/v1/participants?after={first['next']}")).json()
        entries = (await service.http.get("/api/v1/audit?limit=2")).json()
        more = (await service.http.get(f"/api/v1/audit?after={entries['next']}")).json()
        for k in range(3):
            body = {"eeg": "fake:eeg", "id": f"s-{k}"}
            await service.http.post("/api/v1/sessions", json=body)
        await eventually(lambda: service.service.storage.writer.waiting == 0)
        history = (await service.http.get("/api/v1/history?limit=2")).json()
        older = (await service.http.get(f"/api/v1/history?after={history['next']}")).json()

    assert [p["id"] for p in first["participants"] + second["participants"]] == [
        "P01",
        "P02",
        "P03",
    ]
    assert second["next"] is None
    assert [e["n"] for e in entries["entries"] + more["entries"]] == [1, 2, 3]
    assert [s["id"] for s in history["sessions"] + older["sessions"]] == ["s-2", "s-1", "s-0"]


@async_test
async def test_what_cannot_be_is_refused_in_words(new_folder: Path) -> None:
    async with running(parts(new_folder)) as service:
        http = service.http
        await enter(http, "P01")
        twice = await http.post("/api/v1/participants", json={"id": "p01"})
        path = await http.post("/api/v1/participants", json={"id": "../P01"})
        nobody = await http.post(
            "/api/v1/participants/P09/consent", json={"notice": "n", "recorded_by": "x"}
        )
        empty = await http.post(
            "/api/v1/participants/P01/consent", json={"notice": "", "recorded_by": "x\n"}
        )
        cursor = await http.get("/api/v1/history?after=yesterday")

    assert (twice.status_code, twice.json()["code"]) == (409, "participant-exists")
    assert path.json()["expected"] == "1 to 64 letters, digits, '_' or '-'"
    assert (nobody.status_code, nobody.json()["code"]) == (404, "participant-unknown")
    assert empty.status_code == 422
    assert cursor.json()["code"] == "cursor-unknown"


@async_test
async def test_a_session_that_cannot_be_kept_fails_loudly(new_folder: Path) -> None:
    gate = threading.Event()
    async with running(parts(new_folder, gate=gate)) as service:
        storage = service.service.storage
        await service.http.post("/api/v1/sessions", json={"eeg": "fake:eeg", "id": "s-1"})
        session = service.service.sessions.get("s-1")
        await session.running.wait()
        storage.writer.call(lambda c: c.exec_driver_sql("DROP TABLE frames"))
        session.publisher.status(session.status())
        await eventually(lambda: storage.writer.error)
        gate.set()
        await session.over.wait()
        answer = (await service.http.get("/api/v1/sessions/s-1")).json()

    assert answer["status"]["state"] == "failed"
    assert answer["problem"]["code"] == "storage-failed"
