"""The mapping of a session's devices over REST: seen, confirmed, waited for, forgotten."""

import threading

from support.service import (
    EEG,
    FakeSource,
    Parts,
    Running,
    async_test,
    eventually,
    ramps,
    running,
    settings_for_tests,
)

from hadua.models.features import Modality


def parts(*, wait: bool = False) -> Parts:
    """A session `s` of one stream that stays for as long as the test lasts."""
    gate = threading.Event()
    source = FakeSource([*ramps(EEG, 3), gate, gate])
    settings = settings_for_tests(require_confirmed_mapping=wait)
    return Parts({"lsl:type=EEG": source}, settings=settings)


async def start(service: Running) -> None:
    answer = await service.http.post("/api/v1/sessions", json={"id": "s", "eeg": "lsl:type=EEG"})
    assert answer.status_code == 201
    session = service.service.sessions.get("s")
    await eventually(lambda: session.mapping.statuses())


@async_test
async def test_unconfirmed_is_visible_and_blocks_nothing() -> None:
    async with running(parts()) as service:
        await start(service)
        await service.service.sessions.get("s").running.wait()

        session = (await service.http.get("/api/v1/sessions/s")).json()
        mapping = (await service.http.get("/api/v1/sessions/s/mapping")).json()

        assert session["status"]["state"] == "running"
        assert session["status"]["mappings"]["eeg"]["state"] == "unconfirmed"
        assert mapping["mappings"] == session["status"]["mappings"]
        assert mapping["reports"] == session["reports"]


@async_test
async def test_a_confirmation_is_remembered_for_the_next_session() -> None:
    async with running(parts()) as service:
        await start(service)
        url = "/api/v1/sessions/s/mapping"
        key = (await service.http.get(url)).json()["mappings"]["eeg"]["key"]

        answer = await service.http.post(url, json={"modality": "eeg", "key": key})

        assert answer.json()["mappings"]["eeg"]["state"] == "confirmed"
        (kept,) = (await service.http.get("/api/v1/mappings")).json()["mappings"]
        assert (kept["key"], kept["stream"], kept["modality"]) == (key, "fake EEG", "eeg")
        await service.http.post("/api/v1/sessions/s/stop")
        service.service.sessions.start(
            {Modality.EEG: FakeSource(ramps(EEG, 3))}, session_id="later"
        )
        later = service.service.sessions.get("later")
        await eventually(lambda: later.mapping.statuses())
        assert later.mapping.unconfirmed() == []


@async_test
async def test_only_the_mapping_that_was_looked_at_is_confirmed() -> None:
    async with running(parts()) as service:
        await start(service)
        url = "/api/v1/sessions/s/mapping"

        for body in ({"modality": "eeg", "key": "0" * 16}, {"modality": "eye", "key": "0" * 16}):
            answer = await service.http.post(url, json=body)
            assert answer.status_code == 409
            assert answer.json()["code"] == "mapping-changed"

        assert service.service.sessions.mappings.all() == []


@async_test
async def test_where_it_is_required_the_session_waits_for_a_person() -> None:
    async with running(parts(wait=True)) as service:
        await start(service)
        session = service.service.sessions.get("s")
        await session.running.wait()
        assert (str(session.state), session.reason) == (
            "waiting",
            "the mapping of eeg is to be confirmed",
        )
        key = session.mapping.statuses()["eeg"].key

        await service.http.post("/api/v1/sessions/s/mapping", json={"modality": "eeg", "key": key})

        await eventually(lambda: session.state == "running")


@async_test
async def test_a_session_that_waits_can_be_stopped() -> None:
    async with running(parts(wait=True)) as service:
        await start(service)
        answer = await service.http.post("/api/v1/sessions/s/stop")
        assert answer.json()["status"]["state"] == "stopped"


@async_test
async def test_a_confirmation_can_be_taken_back() -> None:
    async with running(parts()) as service:
        await start(service)
        session = service.service.sessions.get("s")
        key = session.mapping.statuses()["eeg"].key
        session.mapping.confirm(Modality.EEG, key)

        answer = await service.http.delete(f"/api/v1/mappings/{key}")
        again = await service.http.delete(f"/api/v1/mappings/{key}")

        assert answer.json() == {"mappings": []}
        assert again.status_code == 404
        assert session.mapping.unconfirmed() == ["eeg"]
