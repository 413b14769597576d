"""A real process whose disk is full in the middle: in words, without damage, and not for ever."""

import asyncio
import errno
import os
import sys
from pathlib import Path

import httpx
import pytest
from support.narrow import fill, no_file_grows, small_disk
from support.real_booth import (
    PERSON,
    Booth,
    booth,
    eventually,
    require_nothing_damaged,
    rows,
    status,
)
from support.service import Parts, running

from hadua.calibration.store import ProfileStore
from hadua.service.person_data import PROFILES
from hadua.service.storage.people_shelf import PeopleShelf

STOPS_AT_MB = 6
SETTINGS = f"min_free_mb = {STOPS_AT_MB}.0"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts and limits of Linux")


def require_words_while_nothing_can_be_written(it: Booth, session_id: str) -> None:
    """What needs the disk says so, in the documented way; what needs none goes on."""
    eventually(lambda: it.state(session_id) == "failed")
    problem = it.session(session_id)["problem"]
    assert isinstance(problem, dict)
    assert problem["code"] in ("storage-failed", "recording-failed")
    assert "disk" in str(problem["detail"])
    assert it.begin("another").status_code == 201
    eventually(lambda: it.state("another") == "failed")
    assert "disk" in str(status(it.session("another"))["reason"])
    consent = {"notice": "notice/1", "recorded_by": "tester"}
    refused = [
        it.enter("P77"),
        it.http.post(f"/api/v1/participants/{PERSON}/consent", json=consent),
    ]
    refused += [it.http.post(f"/api/v1/sessions/{session_id}/recording")]
    for answer in refused:
        assert answer.status_code in (409, 500, 503, 507), answer.text
        assert answer.json()["code"] != "internal-error", answer.text
    assert refused[0].json()["code"] == "storage-failed"
    assert "disk" in refused[0].json()["detail"]
    assert it.http.get("/healthz").status_code == 200
    assert it.http.get(f"/api/v1/sessions/{session_id}/predictions").status_code == 200
    assert it.http.get("/api/v1/participants").status_code == 200
    features = it.http.get("/api/v1/bundles").json()["bundles"][0]["features"]["eeg"]
    windows = {
        "definition": features["definition"], "version": features["version"],
        "values": [[[0.0] * features["n_features"]]],
    }  # fmt: skip
    stateless = it.http.post("/api/v1/predict", json={"eeg": windows})
    assert stateless.status_code == 200, stateless.text


def require_that_it_goes_on(it: Booth) -> None:
    """Without a restart: a session, its recording, people, older profiles."""
    eventually(lambda: it.enter("P02").status_code in (201, 409))
    eventually(lambda: it.begin("after").status_code == 201)
    it.predicts("after")
    assert it.state("after") in ("running", "degraded")
    back = it.http.post("/api/v1/sessions/after/rollback", json={"version": 1})
    assert back.status_code == 200, back.text
    assert it.http.get("/readyz").status_code == 200
    assert it.http.post("/api/v1/sessions/after/stop").status_code == 200


def require_all_of_it(folder: Path) -> None:
    """Nothing is damaged; what was refused is not there, and what was not refused is."""
    require_nothing_damaged(folder)
    assert rows(folder, "SELECT state FROM sessions WHERE id = 'before'") == [("failed",)]
    assert rows(folder, "SELECT id FROM participants ORDER BY id") == [(PERSON,), ("P02",)]
    entered = "SELECT count(*) FROM audit WHERE action = 'participant entered'"
    assert rows(folder, entered) == [(2,)]
    assert ProfileStore(folder / "data" / PROFILES).active_version(PERSON) == 1
    assert len(list((folder / "recordings").rglob("*.xdf"))) >= 2


def test_a_disk_that_fills_up_stops_first_the_recording_then_what_must_be_kept(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", size_mb=40) as disk:
        with booth(disk, settings=SETTINGS, versions=2) as it:
            assert it.begin("before").status_code == 201
            it.predicts("before")
            nearly = fill(disk, leave_bytes=(STOPS_AT_MB - 2) * 10**6)
            eventually(lambda: "nearly full" in str(status(it.session("before"))["reason"]))
            it.predicts("before")  # without a recording
            again = it.http.post("/api/v1/sessions/before/recording")
            assert (again.status_code, again.json()["code"]) == (507, "disk-full")
            nearly.unlink()

            theirs = fill(disk)
            require_words_while_nothing_can_be_written(it, "before")
            unready = it.http.get("/readyz")
            assert unready.status_code == 503
            assert "disk" in str(unready.json()["reasons"])
            theirs.unlink()

            require_that_it_goes_on(it)
            assert "disk is nearly full" in it.log
            it.leave()
        require_all_of_it(disk)


def test_files_that_may_not_grow_any_more_are_told_of_and_the_service_goes_on_with_those_that_may(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with booth(disk, settings=SETTINGS, versions=2) as it:
        assert it.begin("before").status_code == 201
        it.predicts("before")
        with no_file_grows(it.pid):
            require_words_while_nothing_can_be_written(it, "before")
        require_that_it_goes_on(it)
        it.leave()
    require_all_of_it(disk)


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=lambda number: errno.errorcode[number]
)
def test_a_file_that_cannot_be_written_is_no_internal_error(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    async def scenario() -> None:
        async with running(Parts()) as service, httpx.AsyncClient() as http:
            monkeypatch.setattr(PeopleShelf, "participants", refuse)
            answer = await http.get(f"{service.url}/api/v1/participants")
            assert (answer.status_code, answer.json()["code"]) == (503, "storage-failed")
            assert os.strerror(number) in answer.json()["detail"]

    asyncio.run(scenario())
