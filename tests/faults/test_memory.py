"""No memory, at any moment: what needed it ends in words, nothing else does, and it goes on.

First in one place after the other, in the world of the scenarios with its invariants; then in a
real process whose address space an outsider makes too small, and large again.
"""

import asyncio
import json
import random
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from support.injected import InjectedSource
from support.keeping import new_data_folder
from support.narrow import no_more_memory
from support.playing import Play
from support.real_booth import Booth, booth, eventually, require_nothing_damaged, status
from support.scenario import Step
from support.world import Person
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.recordings.session_file import read_session, session_facts
from hadua.service import publisher
from hadua.service.bridge import Bridge
from hadua.service.engine import Stepper
from hadua.service.journal import MemoryJournal
from hadua.service.recording_log import RecordingLog
from hadua.service.session import Session
from hadua.service.session_state import SessionState
from hadua.service.storage import writer
from hadua.service.storage.people_shelf import PeopleShelf
from hadua.service.subscriber import TRY_AGAIN_LATER, Subscriber
from hadua.service.workers import DaemonExecutor

Place = tuple[object, str]
ENDS_A_SESSION: dict[str, Place] = {
    "a window's features": (EegExtractor, "push"),
    "a step": (Stepper, "step"),
    "a frame": (publisher, "encode"),
    "what is remembered of a session": (MemoryJournal, "append"),
    "the reader": (InjectedSource, "read"),
    "the way to the loop": (Bridge, "_worth_waking"),
    "a recording": (RecordingLog, "add"),
    "a batch of the database": (writer, "packed"),
}
SOME = ("a window's features", "a frame", "a recording", "a batch of the database")
OF_ALL = "a batch of the database"
"""Frames of several sessions are written together, and lost together."""


@contextmanager
def no_memory(
    place: Place, *, times: int = 1, thread: str | None = None, session: str | None = None
) -> Iterator[list[int]]:
    """So often the next calls there fail; what is given has an item for each.

    With `thread`, those alone of threads whose names begin so; with `session`, none that is given
    something of another one: that says how it is whenever it looks.
    """
    owner, name = place
    real, failed = getattr(owner, name), list[int]()

    def short(*args: object, **kwargs: object) -> object:
        here = thread is None or threading.current_thread().name.startswith(thread)
        ours = session is None or all(getattr(a, "session_id", session) == session for a in args)
        if here and ours and len(failed) < times:
            failed.append(1)
            raise MemoryError
        return real(*args, **kwargs)

    setattr(owner, name, short)
    try:
        yield failed
    finally:
        setattr(owner, name, real)


@asynccontextmanager
async def a_lab(folder: Path) -> AsyncIterator[Play]:
    """Two people whose sessions run."""
    scene = Play(new_data_folder(folder), people=2)
    await scene.begin()
    sound = False
    try:
        for who in (0, 1):
            await scene.do(Step("feed", who, 1.0))
        yield scene
        sound = True
    finally:
        await scene.end(sound=sound)


def session_of(scene: Play, person: Person) -> Session:
    session = scene.world.session(person)
    assert session is not None
    return session


async def feed_until_over(scene: Play, person: Person) -> Session:
    session = session_of(scene, person)
    async with asyncio.timeout(20.0):
        while not session.over.is_set():
            await scene.happenings.do(Step("feed", scene.world.people.index(person), 0.5))
            await asyncio.sleep(0.05)
    return session


async def require_that_it_goes_on(scene: Play) -> None:
    """Both people are answered, whoever has to be started anew; every invariant holds."""
    for person in scene.world.people:
        who = scene.world.people.index(person)
        await _until(lambda: scene.world.service.storage.writer.error is None)
        before = session_of(scene, person)
        n = before.publisher.predictions
        await scene.do(Step("feed", who, 1.0))
        await scene.do(Step("feed", who, 1.0))
        after = session_of(scene, person)
        assert after.publisher.predictions > (n if after is before else 0)


def test_a_session_without_memory_fails_in_words_and_others_go_on(tmp_path: Path) -> None:
    without_memory_in(SOME, tmp_path / "data")


@pytest.mark.soak
def test_a_session_without_memory_fails_in_words_wherever_it_lacks(tmp_path: Path) -> None:
    without_memory_in(ENDS_A_SESSION, tmp_path / "data")


def without_memory_in(places: Iterable[str], folder: Path) -> None:
    """In one place after the other."""

    async def scenario() -> None:
        async with a_lab(folder) as scene:
            for where in places:
                await without_memory(scene, where, folder=folder)

    asyncio.run(scenario())


async def without_memory(scene: Play, where: str, *, folder: Path) -> None:
    """One place once; afterwards everybody is answered as before."""
    first, second = scene.world.people
    await scene.do(Step("record", 0, 0.1))
    await scene.do(Step("feed", 0, 0.5))
    recorder = session_of(scene, first).recording
    await _until(lambda: bool((told := recorder.status()) and told.size_bytes))
    at_once = {"thread": "read-", "times": 2} if where == "the way to the loop" else {}
    only = {"session": first.session_id, **at_once}
    with no_memory(ENDS_A_SESSION[where], **only) as failed:  # type: ignore[arg-type]
        session = await feed_until_over(scene, first)
    assert failed, where
    assert session.state is SessionState.FAILED, where
    assert "memory" in session.reason.lower(), (where, session.reason)
    assert where == OF_ALL or not session_of(scene, second).over.is_set()
    told = (await scene.world.http.get(first.path)).json()
    assert told["problem"]["code"] in ("memory-short", "storage-failed")
    await require_that_it_goes_on(scene)
    assert_readable(folder, told["status"]["recording"]["path"])


def assert_readable(folder: Path, name: str) -> None:
    (path,) = folder.rglob(name)
    assert session_facts(path)["session_id"] == "s-0"
    assert list(read_session(path))


@pytest.mark.parametrize("name", ["offer", "_next_waiting"])
def test_a_client_for_whom_there_is_none_comes_again_and_misses_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Subscriber, "_write", lambda *_: False)  # every frame waits for the sender

    async def scenario() -> None:
        async with a_lab(tmp_path / "data") as scene:
            first = scene.world.people[0]
            at = f"{scene.world.url.replace('http', 'ws')}{first.path}/ws"
            async with connect(f"{at}?after_seq=0&policy=lossless") as ws:
                hello = json.loads(await ws.recv())
                heard = [json.loads(await ws.recv())["seq"] for _ in range(hello["last_seq"])]
                with no_memory((Subscriber, name)) as failed:
                    for _ in range(3):
                        await scene.happenings.do(Step("feed", 0, 0.5))
                    with suppress(ConnectionClosed):
                        while True:
                            heard.append(json.loads(await ws.recv())["seq"])
                assert failed
                assert ws.close_code in (TRY_AGAIN_LATER, 1011, 1006)
            assert not session_of(scene, first).over.is_set()
            assert heard == list(range(1, len(heard) + 1))
            async with connect(f"{at}?after_seq={heard[-1]}&policy=lossless") as ws:
                hello = json.loads(await ws.recv())
                while heard[-1] < hello["last_seq"]:
                    heard.append(json.loads(await ws.recv())["seq"])
            assert heard == list(range(1, len(heard) + 1))

    asyncio.run(scenario())


def test_a_request_that_needs_a_thread_where_none_can_start_is_answered_503(tmp_path: Path) -> None:
    """As the first request does that has a person's profiles looked at."""

    start = DaemonExecutor._start

    def none_starts(executor: DaemonExecutor) -> None:
        if executor._name.startswith("learn"):
            raise RuntimeError("can't start new thread")
        start(executor)

    async def scenario() -> None:
        async with a_lab(tmp_path / "data") as scene, httpx.AsyncClient() as http:
            path = f"{scene.world.url}{scene.world.people[0].path}/rollback"
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(DaemonExecutor, "_start", none_starts)
                answer = await http.post(path, json={"version": 1})
            assert (answer.status_code, answer.json()["code"]) == (503, "memory-short")
            assert answer.headers["retry-after"]
            assert (await http.post(path, json={"version": 1})).status_code < 500
            await require_that_it_goes_on(scene)

    asyncio.run(scenario())


def test_a_request_without_memory_is_answered_503_and_the_next_one_as_ever(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_lab(tmp_path / "data") as scene, httpx.AsyncClient() as http:
            path = f"{scene.world.url}/api/v1/participants"
            with no_memory((PeopleShelf, "participants")) as failed:
                answer = await http.get(path)
            assert failed
            assert (answer.status_code, answer.json()["code"]) == (503, "memory-short")
            assert (await http.get(path)).status_code == 200
            await require_that_it_goes_on(scene)

    asyncio.run(scenario())


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15.0):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


@pytest.mark.soak  # it takes most of a minute; what it found is tested above, in the world
@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")
def test_a_process_that_is_short_of_memory_for_moments_goes_on(tmp_path: Path) -> None:
    squeezed(tmp_path, seed=1, times=2, longest_s=0.5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")
@pytest.mark.parametrize("seed", range(5))
def test_a_process_that_is_short_of_memory_again_and_again_goes_on(
    seed: int, tmp_path: Path
) -> None:
    squeezed(tmp_path, seed=seed, times=40, longest_s=3.0)


def squeezed(folder: Path, *, seed: int, times: int, longest_s: float) -> None:
    """A real process gets no more memory at random moments, while everything is asked of it.

    One thing ends it: numpy's OpenBLAS, when it is refused room for a product. What then is on the
    disk must be whole, and the next process goes on.
    """
    chance, names, ended = random.Random(seed), iter([f"s-{k}" for k in range(times)]), 0
    over = False
    while not over:
        with booth(folder, settings="min_free_mb = 0.0", versions=2) as it:
            try:
                for name in names:
                    squeeze(it, name, chance, longest_s=longest_s)
            except (httpx.TransportError, ProcessLookupError):
                if not ended_by_openblas(it):
                    raise
                ended += 1
            else:
                over = True
                require_that_it_still_serves(it)
        require_nothing_damaged(folder)
    assert ended <= times // 10, "more often than a library's affair may be"


def require_that_it_still_serves(it: Booth) -> None:
    eventually(lambda: it.begin("after").status_code == 201)
    it.predicts("after")
    it.leave()


def ended_by_openblas(it: Booth) -> bool:
    try:
        it.running.child.wait(10.0)
    except subprocess.TimeoutExpired:
        return False
    return "OpenBLAS error: Memory allocation" in it.log[-500:]


def squeeze(it: Booth, name: str, chance: random.Random, *, longest_s: float) -> None:
    """Once; what the session then is, it is in words."""
    eventually(lambda: it.begin(name).status_code in (201, 409))
    sleep(chance.uniform(0.0, longest_s))
    with no_more_memory(it.pid, more_bytes=chance.choice((0, 0, 2**20, 2**23))):
        ask_for_everything(it, name, chance, until_s=monotonic() + longest_s)
    eventually(lambda: it.http.get("/healthz").status_code == 200)
    eventually(lambda: it.state(name) in ("running", "degraded", "failed"))
    n = it.predicted(name)
    eventually(lambda: it.predicted(name) >= n + 3 or it.state(name) == "failed")
    if it.state(name) == "failed":
        assert status(it.session(name))["reason"]
    it.http.post(f"/api/v1/sessions/{name}/stop").raise_for_status()


def ask_for_everything(it: Booth, name: str, chance: random.Random, *, until_s: float) -> None:
    """Whatever comes of it is an answer in words, or a connection that is closed."""
    path = f"/api/v1/sessions/{name}"
    asked: tuple[tuple[str, str, dict[str, object] | None], ...] = (
        ("POST", f"{path}/markers", {"text": "m" * 500}),
        ("POST", f"{path}/calibration", {}),
        ("POST", f"{path}/calibration/cancel", {}),
        ("GET", f"{path}/predictions?after_seq=0&limit=1000", None),
        ("POST", "/api/v1/sessions", {"id": "other", "eeg": "sim:", "participant": "P02"}),
        ("POST", "/api/v1/sessions/other/stop", None),
        ("POST", f"{path}/rollback", {"version": 1}),
        ("GET", "/metrics", None),
        ("GET", "/api/v1/history", None),
    )
    while monotonic() < until_s:
        method, where, body = chance.choice(asked)
        with suppress(httpx.TransportError):
            answer = it.http.request(method, where, json=body)
            assert answer.status_code < 500 or answer.json()["code"] in (
                *("memory-short", "storage-failed", "recording-failed", "runtime-unavailable"),
                *("limit-reached", "bundle-invalid"),
            ), (method, where, answer.text)
