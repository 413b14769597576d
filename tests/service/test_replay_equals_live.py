"""The chunks that a live run received, replayed, give the same predictions bit for bit."""

import asyncio
import functools
import json
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
from support.bundles import make_bundle
from support.keeping import Forgetful
from support.service import async_test, eventually, settings_for_tests
from support.serving import Frame, predictions, sender

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.replay import ChunkReplaySource
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, StreamSpec
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.features import Modality
from hadua.models.prediction import Prediction
from hadua.models.runtime import load_runtime
from hadua.service.engine import Engine
from hadua.service.hub import Hub
from hadua.service.metrics import Metrics
from hadua.service.pipeline import Pipeline
from hadua.service.sessions import Sessions
from hadua.service.sources import live_source

MUSE = "muse_ssvep/subject1_session1_data_2017-09-14-21.20.04.csv.gz"
GLASSES = "tobii_glasses2/livedata.json.gz"
Tapped = list[tuple[Modality, SampleChunk]]


def pipeline(bundle: Bundle, streams: Mapping[Modality, StreamSpec]) -> Pipeline:
    return Pipeline(bundle, load_runtime(bundle), streams, clock=time.perf_counter, baseline_s=3.0)


async def live(bundle: Bundle, texts: Mapping[Modality, str]) -> tuple[list[Frame], Tapped]:
    """Run a session on the streams until both have been gone for a second."""
    tapped: Tapped = []
    async with Sessions(
        settings_for_tests(wait_s=20.0),
        make_engine=lambda streams: Engine(pipeline(bundle, streams)),
        hub=Hub(),
        storage=Forgetful(),
        metrics=Metrics(),
        clock=lsl_now_s,
        unix_clock=time.time,
        tap=lambda modality, chunk: tapped.append((modality, chunk)),
    ) as registry:
        sources = {m: live_source(text, modality=m) for m, text in texts.items()}
        session = registry.start(sources, session_id="live")
        await session.running.wait()
        await eventually(lambda: session.error or session.publisher.predictions >= 30)
        session.stop()
        await session.over.wait()
        assert session.error is None
        said = [msgspec.json.decode(i.text) for i in session.publisher.journal.after(0)]
    return predictions(said), tapped


def replayed(bundle: Bundle, tapped: Tapped) -> list[Prediction]:
    """The same chunks through sources and a pipeline of their own, in the order they came."""
    specs = {m: chunk.spec for m, chunk in reversed(tapped)}
    sources = {
        m: ChunkReplaySource(spec, [c for k, c in tapped if k is m]) for m, spec in specs.items()
    }
    for source in sources.values():
        source.open(1.0)
    second = pipeline(bundle, specs)
    out: list[Prediction] = []
    for modality, _ in tapped:
        chunk = sources[modality].read(1.0)
        assert chunk is not None
        out += [result.prediction for result in second.step(modality, chunk)]
    for source in sources.values():
        try:
            source.read(0.0)
        except EndOfStreamError:
            continue
        raise AssertionError("a chunk was left over")
    return out


def as_sent(prediction: Prediction) -> Frame:
    """What of a prediction a client sees and a replay can know."""
    p = prediction.probabilities
    return {
        "start_s": prediction.start_s,
        "end_s": prediction.end_s,
        "probabilities": None if p is None else dict(zip(prediction.classes, p, strict=True)),
        "label": prediction.label,
        "confidence": prediction.confidence,
        "abstained": prediction.abstained,
        "reason": prediction.reason,
        "modalities": {k: str(v) for k, v in prediction.modalities.items()},
        "quality": dict(prediction.quality),
        "bundle": prediction.bundle,
    }


@functools.partial(async_test, timeout_s=90.0)
async def test_replay_equals_live(recordings: Path, unique: str, tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path, context=4))
    arguments = ["--muse", str(recordings / MUSE), "--glasses", str(recordings / GLASSES)]
    arguments += ["--id", unique, "--seconds", "19"]
    texts = {
        Modality.EEG: f"lsl:source_id=Muse{unique}",
        Modality.EYE: f"lsl:source_id=Tobii{unique}",
    }

    with sender("recording_sender.py", *arguments):
        said, tapped = await live(bundle, texts)
    again = await asyncio.to_thread(replayed, bundle, tapped)

    assert len(said) >= 30
    # Through JSON and back a float64 stays what it is: equality here is equality of every bit.
    expected = [json.loads(json.dumps(as_sent(p))) for p in again]
    assert [{k: f[k] for k in expected[0]} for f in said] == expected[: len(said)]
    used = [f["modalities"] for f in said]
    assert {"eeg": "used", "eye": "used"} in used
    assert len({str(f["probabilities"]) for f in said}) > 20  # they do move
