"""A booth and a pool over real sockets: what is sent, who answers, and what the fleet shows."""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import httpx
import numpy as np
import pytest
from support.bundles import make_bundle
from support.pipelines import CHANNELS, in_turns, pipeline_over, recorded
from support.service import (
    EEG,
    FakeRuntime,
    FakeSource,
    Parts,
    async_test,
    eventually,
    fake_bundle,
    ramps,
    running,
    settings_for_tests,
)

from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import UsageError
from hadua.models.features import BoolArray, Modality
from hadua.models.runtime import Float32Array, load_runtime
from hadua.service import fleet_keeping
from hadua.service.cluster.booth import Booth, PoolAsked
from hadua.service.cluster.fits import FitsInfo
from hadua.service.cluster.fleet import SILENT_S, Fleet, Heartbeat
from hadua.service.cluster.link import PoolState
from hadua.service.storage.records import BoothRecord

NO_FITS = FitsInfo(waiting=0, fitting=0, ended={})
WORD = {
    "version": "1",
    "bundle": "fake@0",
    "sessions": 1,
    "predictions": 7,
    "pool": "answering",
    "outcomes": {"pool": 6, "late": 1},
}


def booth_at(url: str, bundle: Bundle, *, token: str | None = None) -> Booth:
    load = FakeRuntime if bundle.id == "fake@0" else lambda: load_runtime(bundle, device="cpu")
    return Booth(bundle, PoolAsked(url, 2.0, token, "booth-1"), load=load)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20.0):
        while not true():  # noqa: ASYNC110 - a thread's state, which tells nobody
            await asyncio.sleep(0.02)


@async_test
async def test_a_booth_is_answered_by_the_pool_and_by_itself_while_that_is_away() -> None:
    given = (
        np.full((1, 3, 2), 5.0, np.float32),
        np.zeros((1, 3, 3), np.float32),
        np.ones((1, 3, 2), np.bool_),
    )
    async with running(Parts()) as pool:
        port = httpx.URL(pool.url).port or 0
        booth = booth_at(pool.url, fake_bundle())
        booth.start(lambda: dict(WORD))
        await until(lambda: booth.link.state is PoolState.ANSWERING)
        runtime = booth.runtime()
        there = await asyncio.to_thread(runtime.logits, *given)
        assert runtime.where == f"pool {pool.url}, service"  # type: ignore[attr-defined]
        fleet = (await pool.http.get("/api/v1/fleet")).json()
    (told,) = fleet["booths"]
    assert (told["booth"], told["state"], told["predictions"]) == ("booth-1", "alive", 7)
    assert told["outcomes"] == {"pool": 6, "late": 1}

    for _ in range(2):
        here = await asyncio.to_thread(runtime.logits, *given)
        assert runtime.where.startswith("here: pool ")  # type: ignore[attr-defined]
        np.testing.assert_allclose(here, there, rtol=0.0, atol=1e-6)
    await until(lambda: booth.link.state is PoolState.AWAY)

    async with running(Parts(port=port)):
        await until(lambda: booth.link.state is PoolState.ANSWERING)
        await asyncio.to_thread(runtime.logits, *given)
        assert runtime.where.startswith("pool ")  # type: ignore[attr-defined]
    runtime.close()
    booth.close()


@async_test
async def test_another_model_is_found_out_before_it_answers_anybody(tmp_path: Path) -> None:
    class Other(FakeRuntime):
        def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
            return np.asarray(super().logits(eeg, eye, present) + 1.0, np.float32)

    async with running(Parts()) as pool:
        booth = Booth(fake_bundle(), PoolAsked(pool.url, 2.0), load=Other)
        booth.start(lambda: dict(WORD))
        await until(lambda: booth.link.looked.is_set())
        assert booth.link.state is PoolState.REFUSED
        assert "answers otherwise than this booth's bundle" in booth.link.reason
        booth.close()


class Overheard(ThreadingHTTPServer):
    """A server that is not ours and speaks the protocol: knows no booths, keeps what it is sent."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.runtime = load_runtime(bundle, device="cpu")
        self.got: list[tuple[str, dict[str, object]]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    server: Overheard
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.got.append((self.path, body))
        if "/infer" not in self.path:
            return self._say(404, {})
        kinds = {"FP32": np.float32, "BOOL": np.bool_}
        arrays = {
            t["name"]: np.array(t["data"], kinds[t["datatype"]]).reshape(t["shape"])
            for t in body["inputs"]
        }
        with self.server.lock:
            logits = self.server.runtime.logits(arrays["eeg"], arrays["eye"], arrays["present"])
        out = {
            "name": "logits",
            "datatype": "FP32",
            "shape": list(logits.shape),
            "data": logits.ravel().tolist(),
        }
        return self._say(200, {"model_name": "x", "outputs": [out]})

    def _say(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


def test_features_leave_a_booth_and_raw_signals_do_not(tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path, eeg_channels=CHANNELS, context=3))
    own = Noting(bundle)
    alone = pipeline_over(bundle, recorded(), runtime=own)
    server = Overheard(bundle)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        booth = booth_at(server.url, bundle)
        booth.start(lambda: dict(WORD))
        assert booth.link.looked.wait(20.0)
        assert booth.link.state is PoolState.ANSWERING, booth.link.reason
        runtime = booth.runtime()
        looked = len(server.got)
        pipeline = pipeline_over(bundle, recorded(), runtime=runtime)

        there = [r.prediction for m, c in in_turns(recorded()) for r in pipeline.step(m, c)]
        runtime.close()
        booth.close()
    finally:
        server.shutdown()
        thread.join(10.0)
        server.server_close()
    here = [r.prediction for m, c in in_turns(recorded()) for r in alone.step(m, c)]

    assert {p.computed for p in there if p.probabilities} == {f"pool {server.url}"}
    assert [replace(p, probabilities=None, confidence=None, computed="") for p in there] == [
        replace(p, probabilities=None, confidence=None, computed="") for p in here
    ]
    for a, b in zip(there, here, strict=True):
        np.testing.assert_allclose(a.probabilities or (), b.probabilities or (), atol=1e-6)
    # All that was sent: one heartbeat, after which it knew that none are wanted, and what the
    # network takes: normalised features, to the last bit, and not a sample of a signal.
    path = f"/v2/models/{bundle.manifest.name}/infer"
    beats, asked = server.got[:1], server.got[looked:]
    assert beats == [("/api/v1/fleet/booths", {"booth": "booth-1", **WORD})]
    assert [p for p, _ in server.got[1:]] == [path] * len(server.got[1:])
    assert len(asked) == len(own.given) >= 10
    for (_, body), (eeg, eye, present) in zip(asked, own.given, strict=True):
        tensors = [_sent("eeg", eeg), _sent("eye", eye), _sent("present", present)]
        assert body == {"inputs": tensors}


def _sent(name: str, array: Float32Array | BoolArray) -> dict[str, object]:
    kind = "BOOL" if name == "present" else "FP32"
    data = array.ravel().tolist()
    return {"name": name, "shape": list(array.shape), "datatype": kind, "data": data}


class Noting:
    """The booth's own network, and what it was given."""

    name: Literal["onnx"] = "onnx"
    device: Literal["cpu"] = "cpu"

    def __init__(self, bundle: Bundle) -> None:
        self._runtime = load_runtime(bundle, device="cpu")
        self.given: list[tuple[Float32Array, Float32Array, BoolArray]] = []

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        self.given.append((eeg.copy(), eye.copy(), present.copy()))
        return self._runtime.logits(eeg, eye, present)

    def close(self) -> None:
        self._runtime.close()


@async_test
async def test_a_session_says_where_its_predictions_are_from() -> None:
    source = FakeSource(ramps(EEG, 3))
    async with running(Parts(startup={Modality.EEG: source})) as service:
        (session,) = service.service.sessions.all()
        await session.over.wait()
        shown = (await service.http.get(f"/api/v1/sessions/{session.id}")).json()
        page = (await service.http.get(f"/api/v1/sessions/{session.id}/predictions")).json()

    assert shown["status"]["computed"] == "here"
    assert {p["computed"] for p in page["predictions"]} == {"here"}


@async_test
async def test_booths_are_listed_and_forgotten_and_wrong_words_refused() -> None:
    async with running(Parts(settings=settings_for_tests())) as service:
        said = await service.http.post("/api/v1/fleet/booths", json={"booth": "b-2", **WORD})
        assert [b["booth"] for b in said.json()["booths"]] == ["b-2"]
        wrong = await service.http.post("/api/v1/fleet/booths", json={"booth": "b/2", **WORD})
        more = await service.http.post("/api/v1/fleet/booths", json={"booth": "b", "raw": [1]})
        gone = await service.http.delete("/api/v1/fleet/booths/b-2")
        again = await service.http.delete("/api/v1/fleet/booths/b-2")

    assert (wrong.status_code, more.status_code) == (422, 422)
    assert (gone.status_code, gone.json()["booths"]) == (200, [])
    assert (again.status_code, again.json()["code"]) == (404, "booth-unknown")


@async_test
async def test_a_pool_that_starts_again_knows_who_is_missing(tmp_path: Path) -> None:
    parts = Parts(data_folder=tmp_path)
    async with running(parts) as pool:
        for booth in ("b-1", "b-2", "b-3"):
            await pool.http.post("/api/v1/fleet/booths", json={"booth": booth, **WORD})
        await pool.http.delete("/api/v1/fleet/booths/b-3")
    async with running(parts) as pool:
        fleet = pool.service.fleet
        await eventually(lambda: len(fleet.info(replicas=0, fits=NO_FITS).booths) == 2)
        late = {"booth": "b-2", **WORD, "predictions": 9}
        told = (await pool.http.post("/api/v1/fleet/booths", json=late)).json()["booths"]
    async with running(replace(parts, booth=booth_at(pool.url, fake_bundle()))) as own:
        assert (await own.http.get("/api/v1/fleet")).json()["booths"] == []

    assert [(b["booth"], b["predictions"], b["outcomes"]) for b in told] == [
        ("b-1", 7, {"pool": 6, "late": 1}),
        ("b-2", 9, {"pool": 6, "late": 1}),
    ]


def test_a_word_of_before_gives_way_to_one_that_has_come_since() -> None:
    now = [100.0]
    fleet = Fleet(clock=lambda: now[0])
    fleet.hear(word("b"))

    fleet.restore([(3600.0, word("a")), (60.0, word("b"))])

    told = fleet.info(replicas=0, fits=NO_FITS).booths
    assert [(b.booth, b.state, b.heard_s_ago) for b in told] == [
        ("a", "silent", 3600.0),
        ("b", "alive", 0.0),
    ]
    now[0] = 101.0
    assert [(ago_s, said.booth) for ago_s, said in fleet.news()] == [(1.0, "b")]
    assert fleet.news() == []


def word(booth: str) -> Heartbeat:
    return Heartbeat.model_validate({"booth": booth, **WORD})


@async_test
async def test_the_fleet_is_written_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_keeping, "EVERY_S", 0.02)
    async with running(Parts(data_folder=tmp_path)) as pool:
        storage = pool.service.storage
        storage.keep_booths([BoothRecord("odd", 1.0, '{"of": "another version"}')], most=9).result(
            5.0
        )
        pool.service.fleet.hear(word("b-1"))
        await eventually(lambda: len(storage.booths(limit=9)) == 2)
        odd, kept = storage.booths(limit=9)
        assert (odd.name, kept.name) == ("odd", "b-1")
        assert abs(kept.heard_unix - pool.service.unix_clock()) < 5.0
    async with running(Parts(data_folder=tmp_path)) as pool:
        await eventually(lambda: pool.service.fleet.info(replicas=0, fits=NO_FITS).booths)
        told = (await pool.http.get("/api/v1/fleet")).json()["booths"]
    assert [b["booth"] for b in told] == ["b-1"]


def test_a_booth_that_misses_three_heartbeats_is_silent() -> None:
    now = [0.0]
    fleet = Fleet(clock=lambda: now[0])
    fleet.hear(Heartbeat.model_validate({"booth": "a", **WORD}))
    now[0] = SILENT_S
    fleet.hear(Heartbeat.model_validate({"booth": "b", **WORD}))
    assert [(b.booth, b.state) for b in fleet.info(replicas=2, fits=NO_FITS).booths] == [
        ("a", "alive"),
        ("b", "alive"),
    ]

    now[0] = SILENT_S + 0.1

    assert [b.state for b in fleet.info(replicas=2, fits=NO_FITS).booths] == ["silent", "alive"]


@pytest.mark.parametrize(
    "url",
    ["pool:8000", "ftp://pool", "http://", "http://pool/v2", "http://pool:99999", "http://[::1"],
)
def test_what_is_no_address_of_a_pool_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"--cluster: got '.*, expected the pool's address"):
        booth_at(url, fake_bundle())
