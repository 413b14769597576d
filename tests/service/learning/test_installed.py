"""An installation that only serves says so before a calibration begins, not after it."""

import threading

import pytest
from support.learning import begin_session, learning_parts
from support.service import async_test, eventually, running

from hadua.service.learning import installed


@async_test
async def test_without_what_learning_needs_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installed, "PACKAGES", ("torch", "a_package_that_is_not_there"))
    async with running(learning_parts([threading.Event()])) as service:
        path = await begin_session(service.http)
        await eventually(service.service.sessions.get("s-1").running.is_set)
        for what, body in (("calibration", {}), ("adaptation", {"on": True})):
            refused = await service.http.post(f"{path}/{what}", json=body)
            assert (refused.status_code, refused.json()["code"]) == (409, "calibration-failed")
            assert "pip install torch" in refused.json()["hint"]
            assert "'a_package_that_is_not_there'" in refused.json()["got"]
        off = await service.http.post(f"{path}/adaptation", json={"on": False})
        assert off.status_code == 200
