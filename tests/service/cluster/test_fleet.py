"""Booths as processes of their own, with a pool that is killed while they run."""

import functools
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import httpx
import psutil
import pytest

from hadua.service.certify.processes import service

get = functools.partial(httpx.get, timeout=60.0)  # of a machine that is busy with twenty booths


def predictions(url: str) -> list[dict[str, object]]:
    """All that a booth has said, oldest first."""
    found: list[dict[str, object]] = []
    while True:
        after = found[-1]["seq"] if found else 0
        query = {"after_seq": str(after), "limit": "1000"}
        page = get(f"{session(url)}/predictions", params=query).json()
        if not page["predictions"]:
            return found
        found += page["predictions"]


def until(true: Callable[[], bool], *, timeout_s: float = 90.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.1)


@functools.cache
def session(url: str) -> str:
    """The address of a booth's only session."""
    (only,) = get(f"{url}/api/v1/sessions").json()["sessions"]
    return f"{url}/api/v1/sessions/{only['id']}"


def latest(url: str) -> str:
    return str(get(session(url)).json()["status"]["computed"])


def pooled(url: str) -> bool:
    return latest(url).startswith("pool ")


class Watch:
    """Looks at the fleet and its processes every so often, for the figures of a soak."""

    def __init__(self, pool: str, pids: Sequence[int]) -> None:
        self._pool, self._processes = pool, [psutil.Process(pid) for pid in pids]
        self.alive: list[int] = []
        self._began_s, self._used_s = time.monotonic(), self._cpu_s()

    def look(self) -> list[dict[str, object]]:
        booths: list[dict[str, object]] = get(f"{self._pool}/api/v1/fleet").json()["booths"]
        self.alive.append(sum(booth["state"] == "alive" for booth in booths))
        return booths

    def told(self) -> dict[str, object]:
        wall_s = time.monotonic() - self._began_s
        used = [b - a for a, b in zip(self._used_s, self._cpu_s(), strict=True)]
        rss = [round(p.memory_info().rss / 2**20) for p in self._processes]
        return {
            "seconds": round(wall_s),
            "load": os.getloadavg()[0],
            "booths alive, least": min(self.alive),
            "pool: share of a core": round(used[0] / wall_s, 3),
            "booths: share of a core, mean": round(sum(used[1:]) / len(used[1:]) / wall_s, 3),
            "pool: MB": rss[0],
            "booths: MB, most": max(rss[1:]),
        }

    def _cpu_s(self) -> list[float]:
        times = [p.cpu_times() for p in self._processes]
        return [t.user + t.system for t in times]


@pytest.mark.parametrize(
    ("booths", "seconds", "speed"),
    [
        pytest.param(1, 1.0, 1.0, id="bounded"),
        # Twenty people in real time would take a core and a half of an idle machine.
        pytest.param(
            20, 600.0, 0.2, marks=[pytest.mark.soak, pytest.mark.timeout(1800)], id="ten minutes"
        ),
    ],
)
def test_booths_lose_no_prediction_with_their_pool(
    booths: int, seconds: float, speed: float, capsys: pytest.CaptureFixture[str]
) -> None:
    patience_s = 90.0 + 10.0 * booths  # they start on the cores that they run on
    with ExitStack() as stack:
        pool, pid = stack.enter_context(service(1, ()))
        urls, pids = [], [pid]
        for k in range(booths):
            own = {"HADUA_BOOTH": f"booth-{k:02d}", "HADUA_CLUSTER_BUDGET_MS": "500"}
            person = f"sim:person={k},speed={speed}"
            flags = ("--eeg", person, "--gaze", person, "--cluster", pool)
            url, booth = stack.enter_context(service(1, flags, settings=own))
            urls.append(url)
            pids.append(booth)
        for url in urls:  # one after the other: all of them at once are seldom not late
            until(functools.partial(pooled, url), timeout_s=patience_s)
        watch, end_s = Watch(pool, pids), time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0.0:
            time.sleep(min(10.0, left_s))  # it is the load's length
            fleet = watch.look()
        figures = watch.told()

        os.kill(pid, signal.SIGKILL)
        until(
            lambda: all(latest(url).startswith("here: pool ") for url in urls),
            timeout_s=patience_s,
        )
        for url in urls:
            httpx.post(f"{session(url)}/stop", timeout=60.0).raise_for_status()
        said = {url: predictions(url) for url in urls}
        pools = {url: get(f"{url}/api/v1/fleet").json()["pool"] for url in urls}
    outcomes: Counter[str] = Counter()
    for each in pools.values():
        outcomes.update(each["outcomes"])
    if seconds > 60.0:
        with capsys.disabled():
            sys.stdout.write(f"\n{json.dumps({**figures, 'windows': dict(outcomes)}, indent=1)}\n")

    assert [booth["booth"] for booth in fleet] == [f"booth-{k:02d}" for k in range(booths)]
    assert {booth["state"] for booth in fleet} == {"alive"}
    assert all(dict(b["outcomes"]).get("pool", 0) > 0 for b in fleet)  # type: ignore[call-overload]
    assert {each["state"] for each in pools.values()} == {"away"}
    for url, frames in said.items():
        answered = [str(p["computed"]).split(" ")[0] for p in frames if p["probabilities"]]
        # Whatever the network was asked has an answer, whoever gave it.
        assert len(answered) == sum(pools[url]["outcomes"].values())
        assert answered.count("pool") == pools[url]["outcomes"]["pool"]
        assert set(answered) == {"pool", "here:"}
