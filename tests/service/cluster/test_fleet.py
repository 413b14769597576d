"""Booths as processes of their own, with a pool that is killed while they run."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import pytest

from hadua.service.certify.processes import service


def predictions(url: str) -> list[dict[str, object]]:
    """All that a booth has said, oldest first."""
    found: list[dict[str, object]] = []
    while True:
        after = found[-1]["seq"] if found else 0
        query = {"after_seq": str(after), "limit": "1000"}
        page = httpx.get(f"{url}/api/v1/sessions/demo/predictions", params=query).json()
        if not page["predictions"]:
            return found
        found += page["predictions"]


def until(true: Callable[[], bool], *, timeout_s: float = 90.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.1)


def latest(url: str) -> str:
    status = httpx.get(f"{url}/api/v1/sessions/demo").json()["status"]
    return str(status["computed"])


@pytest.mark.parametrize(
    ("booths", "seconds"),
    [
        pytest.param(1, 1.0, id="bounded"),
        pytest.param(
            20, 600.0, marks=[pytest.mark.soak, pytest.mark.timeout(1500)], id="ten minutes"
        ),
    ],
)
def test_booths_lose_no_prediction_with_their_pool(booths: int, seconds: float) -> None:
    with ExitStack() as stack:
        pool, pid = stack.enter_context(service(1, ()))
        urls = []
        for k in range(booths):
            own = {"HADUA_BOOTH": f"booth-{k}", "HADUA_CLUSTER_BUDGET_MS": "500"}
            flags = ("--demo", "--cluster", pool)
            urls.append(stack.enter_context(service(1, flags, settings=own))[0])
        until(lambda: all(latest(url).startswith("pool ") for url in urls))
        time.sleep(seconds)  # it is the load's length
        fleet = httpx.get(f"{pool}/api/v1/fleet").json()["booths"]

        os.kill(pid, signal.SIGKILL)
        until(lambda: all(latest(url).startswith("here: pool ") for url in urls))
        for url in urls:
            httpx.post(f"{url}/api/v1/sessions/demo/stop", timeout=30.0).raise_for_status()
        said = {url: predictions(url) for url in urls}
        pools = {url: httpx.get(f"{url}/api/v1/fleet").json()["pool"] for url in urls}

    assert [(b["booth"], b["state"]) for b in fleet] == sorted(
        (f"booth-{k}", "alive") for k in range(booths)
    )
    assert all(b["outcomes"].get("pool", 0) > 0 for b in fleet)
    assert {pool["state"] for pool in pools.values()} == {"away"}
    for url, each in said.items():
        answered = [str(p["computed"]).split(" ")[0] for p in each if p["probabilities"]]
        # Whatever the network was asked has an answer, whoever gave it.
        assert len(answered) == sum(pools[url]["outcomes"].values())
        assert answered.count("pool") == pools[url]["outcomes"]["pool"]
        assert set(answered) == {"pool", "here:"}
