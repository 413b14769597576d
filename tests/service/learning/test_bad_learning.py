"""What cannot be learnt from is refused in words, and the session goes on."""

import asyncio
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.keeping import new_data_folder
from support.learning import Script, ToyPipeline, begin_session, learning_parts, windows_chunks
from support.profiles import grow
from support.service import Running, async_test, eventually, running
from support.toy_bundle import toy_bundle
from support.toy_calibration import PERSON

from hadua.calibration.calibrating import Calibration
from hadua.calibration.store import ProfileStore
from hadua.models.features import Modality
from hadua.service.person_data import PROFILES

slow_test = partial(async_test, timeout_s=240.0)


async def reason_of(service: Running, path: str) -> str:
    learning = service.service.sessions.get("s-1").learning
    assert learning is not None
    await eventually(lambda: learning.calibration_state == "failed")
    asked = (await service.http.get(f"{path}/calibration")).json()["calibration"]
    session = (await service.http.get(path)).json()
    assert session["status"]["state"] in ("running", "degraded")
    return str(asked["reason"])


async def calibrated_on(pipeline: ToyPipeline, plan: dict[str, object], windows: int) -> str:
    """Why a calibration of so many windows failed."""
    go = threading.Event()
    script: Script = [go, *windows_chunks(0, windows), threading.Event()]
    async with running(learning_parts(script, pipeline=pipeline)) as service:
        path = await begin_session(service.http)
        await service.service.sessions.get("s-1").running.wait()
        begun = await service.http.post(f"{path}/calibration", json={"plan": plan})
        assert begun.status_code == 201, begun.text
        early = await service.http.post(f"{path}/calibration/finish")
        assert early.json()["code"] == "calibration-failed"
        go.set()
        return await reason_of(service, path)


@async_test
async def test_a_modality_that_is_missing_throughout_ends_it() -> None:
    pipeline = ToyPipeline(without=frozenset({Modality.EYE}))
    plan: dict[str, object] = {"baseline_s": 0.0, "windows": 120, "most_s": 60.0}
    reason = await calibrated_on(pipeline, plan, 80)
    assert "60 short of eye in 60 s" in reason


@async_test
async def test_poor_quality_throughout_ends_it() -> None:
    plan: dict[str, object] = {"baseline_s": 0.0, "windows": 120, "most_s": 60.0}
    reason = await calibrated_on(ToyPipeline(quality=0.1), plan, 80)
    assert "0 of 120 windows" in reason
    assert "most others: poor quality" in reason


@slow_test
async def test_features_that_never_change_end_it() -> None:
    plan: dict[str, object] = {"baseline_s": 0.0, "windows": 120}
    reason = await calibrated_on(ToyPipeline(constant=True), plan, 121)
    assert "the same in every window" in reason


@async_test
async def test_a_damaged_version_is_not_gone_back_to(tmp_path: Path) -> None:
    folder = new_data_folder(tmp_path)
    grow(ProfileStore(folder / PROFILES), toy_bundle(), versions=2)
    damaged = folder / PROFILES / PERSON / "versions" / "000001" / "model.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00\x01")
    async with running(
        learning_parts([*windows_chunks(0, 5), threading.Event()], folder=folder)
    ) as service:
        path = await begin_session(service.http)
        session = service.service.sessions.get("s-1")
        await eventually(lambda: session.publisher.predictions == 5)
        back = await service.http.post(f"{path}/rollback")
        assert (back.status_code, back.json()["code"]) == (409, "profile-invalid")
        shipped = await service.http.post(f"{path}/rollback", json={"version": 0})
        assert shipped.status_code == 200, shipped.text
        assert shipped.json()["profile_version"] == 0
        assert session.state.over is False


@async_test
async def test_an_id_that_leads_elsewhere_is_refused() -> None:
    async with running(learning_parts([threading.Event()])) as service:
        for participant in ("../x", "a\x00b", "a\nb", ""):
            body = {"eeg": "toy", "participant": participant}
            started = await service.http.post("/api/v1/sessions", json=body)
            assert started.status_code == 422, participant
        for participant in ("con", "a b", "%0A"):
            shown = await service.http.get(f"/api/v1/participants/{participant}/profiles")
            assert (shown.status_code, shown.json()["code"]) == (422, "invalid-input"), participant


@async_test
async def test_nobodys_session_learns_nothing() -> None:
    async with running(learning_parts([threading.Event()])) as service:
        path = await begin_session(service.http, None)
        for what, body in (("calibration", None), ("adaptation", {"on": True}), ("rollback", None)):
            asked = await service.http.post(f"{path}/{what}", json=body)
            assert (asked.status_code, asked.json()["code"]) == (409, "participant-missing"), what


@async_test
async def test_a_calibration_that_is_asked_for_while_its_session_ends_is_not_left_behind() -> None:
    begun, go_on = threading.Event(), threading.Event()
    begin = Calibration.begin

    def slowly(*what: Any, **more: Any) -> Calibration:
        begun.set()
        go_on.wait(30.0)
        return begin(*what, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Calibration, "begin", slowly)
        async with running(learning_parts([threading.Event()])) as service:
            path = await begin_session(service.http)
            session = service.service.sessions.get("s-1")
            await session.running.wait()
            asking = asyncio.create_task(service.http.post(f"{path}/calibration"))
            await eventually(begun.is_set)
            session.stop()
            await eventually(lambda: session.learning is not None and session.learning.ending)
            go_on.set()
            answered = await asking
            await session.over.wait()
            left = {task.get_name() for task in asyncio.all_tasks()}

    assert (answered.status_code, answered.json()["code"]) == (409, "session-not-running")
    assert "next session" in answered.json()["detail"] + answered.json().get("hint", "")
    assert not [name for name in left if name.startswith("calibration-")]
