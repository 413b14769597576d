"""Kills a real service again and again, at random moments, and compares what it has kept.

    python benchmarks/restarts.py --kills 200 --seed 1

A process of `hadua-serve` records, follows its participant, and takes markers, labels, consents,
calibrations and roll-backs over REST from a client that remembers what was acknowledged. At a
random moment, some of them while it still starts, it is killed by SIGKILL, by its process id. The
next life must be ready soon, and must have everything that was acknowledged.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import psutil
from acknowledged import Acknowledged, Said
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

PERSON = "P01"
EARLY = 0.15
"""Share of lives that end while they start."""
LEARNING = 0.3
"""Share of lives long enough for the process that learns to start."""
LONGEST_S = 12.0
"""A life that is long enough to learn something."""
REQUEST_TIMEOUT_S = 5.0
START_TIMEOUT_S = 60.0
ORPHANS_GONE_S = 30.0  # of a machine that has other things to do: the leash looks every 0.5 s


@dataclass
class Outcome:
    """What the lives have shown.

    Args:
        ready_s: From each start to `ready`.
        acknowledged: How often each kind of thing was acknowledged.
        lost: Whatever was acknowledged and not there afterwards, in words.
        unkept_ms: How long before the kill the oldest frame was heard that was not kept.
        versions: Profiles that were whole in the end.
    """

    kills: int = 0
    early: int = 0
    ready_s: list[float] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    unkept_ms: list[float] = field(default_factory=list)
    heard: int = 0
    unkept: int = 0
    versions: int = 0

    def report(self) -> dict[str, object]:
        """Figures for the table."""
        ready = sorted(self.ready_s)
        return {
            "kills": self.kills,
            "of them while it started": self.early,
            "ready_s": {"p50": round(median(ready), 2), "max": round(ready[-1], 2)},
            "acknowledged": self.acknowledged,
            "lost": self.lost,
            "frames heard": self.heard,
            "heard and not yet committed": self.unkept,
            "oldest of those, ms before the kill": round(max(self.unkept_ms, default=0.0)),
            "profile versions, all whole": self.versions,
        }


def command_of(folder: Path) -> list[str]:
    """The service: simulated streams, recorded, with a participant who is followed."""
    config = folder / "hadua.toml"
    config.write_text(
        "adaptation = true\nrequire_consent = false\nmin_free_mb = 1.0\nkeep_days = 3650.0\n"
    )
    streams = ("--eeg", "sim:", "--gaze", "sim:", "--participant", PERSON)
    kept = ("--data-dir", str(folder / "data"), "--record", str(folder / "recordings"))
    serve = (sys.executable, "-m", "hadua.service.cli.serve", "--port", "0")
    return [*serve, "--config", str(config), *streams, *kept]


@dataclass
class Life:
    """One process, its address once it is ready, and how long that took."""

    process: psutil.Popen
    began_s: float
    url: str = ""
    ready_s: float = 0.0
    killed_s: float = 0.0
    orphans: list[str] = field(default_factory=list)
    watchdog: threading.Timer = field(default_factory=lambda: threading.Timer(0.0, lambda: None))
    errors: list[str] = field(default_factory=list)

    def become_ready(self) -> None:
        """Wait for the line that says so."""
        line = self.process.stdout.readline()
        self.ready_s = time.perf_counter() - self.began_s
        if not line.startswith("hadua is ready: "):
            raise AssertionError(f"it did not start: {line!r} {self.errors}")
        self.watchdog.cancel()
        self.url = line.removeprefix("hadua is ready: ").strip()

    def kill(self) -> None:
        """End it without a word, by its process id, and see what of it stays."""
        children = self.process.children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        _, left = psutil.wait_procs(children, timeout=ORPHANS_GONE_S)
        self.orphans = [" ".join(child.cmdline()) for child in left]


@contextmanager
def a_life(folder: Path) -> Iterator[Life]:
    """A service; killed with the block, whatever happens."""
    process = psutil.Popen(
        command_of(folder), stdout=-1, stderr=-1, text=True, encoding="utf-8", cwd=folder
    )
    life = Life(process, time.perf_counter())
    life.watchdog = threading.Timer(START_TIMEOUT_S, process.kill)
    reader = threading.Thread(target=lambda: life.errors.extend(process.stderr))
    reader.start()
    life.watchdog.start()
    try:
        yield life
    finally:
        life.watchdog.cancel()
        if process.is_running():
            with suppress(psutil.NoSuchProcess):
                life.kill()
        reader.join()
        process.stdout.close()
        process.stderr.close()


class Ear(threading.Thread):
    """Hears every frame of the session, and when."""

    def __init__(self, url: str, session_id: str) -> None:
        super().__init__(name="ear")
        self.at = f"{url.replace('http', 'ws')}/api/v1/sessions/{session_id}/ws"
        self.heard: list[tuple[Said, float]] = []

    def run(self) -> None:
        """Listen until the service is gone."""
        with (
            suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError),
            connect(self.at, open_timeout=REQUEST_TIMEOUT_S) as ws,
        ):
            while True:
                text = ws.recv()
                frame = json.loads(text)
                if frame["type"] not in ("hello", "gap", "bye"):
                    said = Said.of(frame["session_id"], frame["epoch"], frame["seq"], text)
                    self.heard.append((said, time.perf_counter()))


Act = Callable[[httpx.Client, str, Acknowledged, random.Random], None]


def mark(http: httpx.Client, path: str, known: Acknowledged, chance: random.Random) -> None:
    """A marker that nobody has sent before."""
    text = f"m-{chance.getrandbits(64):x}"
    answer = http.post(f"{path}/markers", json={"text": text})
    if answer.status_code == 201 and answer.json()["kept"]:
        known.marker(path.rpartition("/")[2], text)


def label(http: httpx.Client, path: str, known: Acknowledged, chance: random.Random) -> None:
    """A label of the latest stretch."""
    classes = http.get("/api/v1/bundles").json()["bundles"][0]["classes"]
    body = {"label": chance.choice(classes), "last_s": chance.uniform(1.0, 9.0)}
    answer = http.post(f"{path}/labels", json=body)
    if answer.status_code == 201 and answer.json()["kept"]:
        told = answer.json()
        known.label(path.rpartition("/")[2], told["label"], told["from_s"], told["until_s"])


def consent(http: httpx.Client, path: str, known: Acknowledged, chance: random.Random) -> None:
    """A consent of somebody new."""
    del path
    person = f"N-{chance.getrandbits(48):x}"
    if http.post("/api/v1/participants", json={"id": person}).status_code == 201:
        known.participant(person)
        body = {"notice": "notice/1", "recorded_by": "tester"}
        if http.post(f"/api/v1/participants/{person}/consent", json=body).is_success:
            known.consent(person)


def calibrate(http: httpx.Client, path: str, known: Acknowledged, chance: random.Random) -> None:
    """Begin one, or end the one that goes on; both are in the trail."""
    del chance
    answer = http.post(f"{path}/calibration")
    if answer.status_code == 201:
        known.action("calibration started", answer.json()["calibration"]["id"])
    elif answer.json().get("code") == "calibration-active":
        going_on = http.get(f"{path}/calibration").json()["calibration"]["id"]
        if http.post(f"{path}/calibration/cancel").is_success:
            known.action("calibration cancelled", going_on)


def go_back(http: httpx.Client, path: str, known: Acknowledged, chance: random.Random) -> None:
    """To what was before, if anything was; and follow again."""
    reason = f"r-{chance.getrandbits(64):x}"
    if http.post(f"{path}/rollback", json={"reason": reason}).is_success:
        known.event(reason)
    http.post(f"{path}/adaptation", json={"on": True})


def look(http: httpx.Client, path: str, known: Acknowledged, chance: random.Random) -> None:
    """What REST shows is kept: the newest page of answers, profiles, the trail."""
    del chance
    answer = http.get(f"/api/v1/participants/{PERSON}/profiles")
    if answer.is_success:
        known.profiles(answer.json())
    http.get(f"{path}/predictions", params={"limit": 5})


ACTS: tuple[Act, ...] = (mark, mark, mark, label, label, consent, calibrate, go_back, look)


def live(life: Life, known: Acknowledged, chance: random.Random, *, lasts_s: float) -> Ear | None:
    """Ask for one thing after another until the service is gone, which it is after so long."""
    end = threading.Timer(lasts_s, lambda: _remember_and_kill(life, known))
    with httpx.Client(base_url=life.url, timeout=REQUEST_TIMEOUT_S) as http:
        session_id = str(http.get("/api/v1/sessions").json()["sessions"][0]["id"])
        ear = Ear(life.url, session_id)
        ear.start()
        end.start()
        try:
            while True:
                chance.choice(ACTS)(http, f"/api/v1/sessions/{session_id}", known, chance)
        except httpx.HTTPError:
            end.join()
    ear.join()
    return ear


def _remember_and_kill(life: Life, known: Acknowledged) -> None:
    known.look_at_database()
    life.killed_s = time.perf_counter()
    life.kill()


def restarts(
    folder: Path, *, kills: int, seed: int, say: Callable[[str], None], longest_s: float = LONGEST_S
) -> Outcome:
    """So many lives and their ends; and one more, which must have everything."""
    chance, outcome = random.Random(seed), Outcome()
    known = Acknowledged(folder / "data", PERSON)
    for n in range(kills + 1):
        if n < kills and n and chance.random() < EARLY:
            with a_life(folder) as life:
                time.sleep(chance.uniform(0.0, 1.0))
            outcome.early += 1
            outcome.kills += 1
            continue
        with a_life(folder) as life:
            life.become_ready()
            outcome.ready_s.append(life.ready_s)
            with httpx.Client(base_url=life.url, timeout=30.0) as http:
                outcome.lost += [f"kill {n}: {what}" for what in known.missing(http)]
            if n == kills:
                break
            long = chance.random() < LEARNING
            lasts_s = chance.uniform(longest_s / 3 if long else 0.0, longest_s if long else 3.0)
            lasts_s = min(lasts_s, longest_s)
            ear = live(life, known, chance, lasts_s=lasts_s)
            outcome.kills += 1
            _count_unkept(outcome, known, ear, life)
            outcome.lost += [f"kill {n}: it outlived the service: {each}" for each in life.orphans]
        if any("Traceback" in line for line in life.errors):
            outcome.lost.append(f"kill {n}: a traceback in the log: {''.join(life.errors)[-2000:]}")
        say(f"{n + 1}/{kills} ready {life.ready_s:.2f} s, lost {outcome.lost}")
    outcome.acknowledged = known.counts()
    outcome.versions = known.require_whole_profiles()
    return outcome


def _count_unkept(outcome: Outcome, known: Acknowledged, ear: Ear | None, life: Life) -> None:
    """Frames that a client heard and the database has not: those of its last moments."""
    if ear is None:
        return
    kept = known.kept_frames()
    outcome.heard += len(ear.heard)
    missing = [at_s for said, at_s in ear.heard if said.place not in kept]
    outcome.unkept += len(missing)
    outcome.unkept_ms += [(life.killed_s - at_s) * 1e3 for at_s in missing]


def main() -> None:
    """Kill as often as asked; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hadua-restarts-") as folder:
        outcome = restarts(
            Path(folder),
            kills=asked.kills,
            seed=asked.seed,
            say=lambda line: print(line, flush=True),
        )
    print(json.dumps(outcome.report(), indent=2))
    sys.exit(bool(outcome.lost))


if __name__ == "__main__":
    main()
