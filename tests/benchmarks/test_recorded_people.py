"""Sessions that take turns, whose readers rest and hold back, say what a pipeline alone would."""

import asyncio
import functools
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter

import msgspec
from recorded_people import EEG_CHUNK, GAZE_CHUNK, Recorded, signal
from support.keeping import Forgetful
from support.service import async_test, eventually, settings_for_tests
from support.serving import Frame, predictions

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.source import SampleChunk
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.models.prediction import Prediction
from hadua.models.runtime import load_runtime
from hadua.service.engine import Engine
from hadua.service.hub import Hub
from hadua.service.metrics import Metrics
from hadua.service.pipeline import Pipeline
from hadua.service.rehearsal import WORKED
from hadua.service.session import Session
from hadua.service.sessions import Sessions

HOP_S, PEOPLE, LEAST = 0.1, 3, 40  # thirty windows a second: many
CHUNKS = {Modality.EEG: EEG_CHUNK, Modality.EYE: GAZE_CHUNK}


class Noted(Recorded):
    """Remembers what it gave, which is all that came since it was opened."""

    def __init__(self, modality: Modality, *, origin_s: float) -> None:
        super().__init__(signal(0, modality), chunk=CHUNKS[modality], origin_s=origin_s)
        self.gave = list[SampleChunk]()

    def read(self, timeout_s: float) -> SampleChunk | None:
        chunk = super().read(timeout_s)
        if chunk is not None:
            self.gave.append(chunk)
        return chunk


def ten_a_second() -> Bundle:
    shipped = load_bundle(demo_bundle_path())
    return replace(shipped, specs={m: replace(s, hop_s=HOP_S) for m, s in shipped.specs.items()})


def alone(bundle: Bundle, sources: Mapping[Modality, Noted]) -> list[Prediction]:
    """What a pipeline says that is given every chunk by itself, in the order of time."""
    streams = {m: source.gave[0].spec for m, source in sources.items()}
    pipeline = Pipeline(bundle, load_runtime(bundle), streams, clock=time.perf_counter)
    chunks = [(float(c.t_s[-1]), m, c) for m, source in sources.items() for c in source.gave]
    return [
        result.prediction
        for _, m, chunk in sorted(chunks, key=itemgetter(0))
        for result in pipeline.step(m, chunk)
    ]


def said_by(session: Session) -> list[Frame]:
    journal = session.publisher.journal.after(0)
    return predictions([msgspec.json.decode(item.text) for item in journal])


@functools.partial(async_test, timeout_s=120.0)
async def test_of_many_people_each_gets_every_answer_that_it_would_get_alone() -> None:
    bundle, metrics, tapped = ten_a_second(), Metrics(), list[Modality]()
    for modality in Modality:
        await asyncio.to_thread(signal, 0, modality)
    async with Sessions(
        settings_for_tests(wait_s=20.0),
        make_engine=lambda streams: Engine(
            Pipeline(bundle, load_runtime(bundle), streams, clock=time.perf_counter)
        ),
        hub=Hub(),
        storage=Forgetful(),
        metrics=metrics,
        clock=lsl_now_s,
        unix_clock=time.time,
        tap=lambda modality, chunk: tapped.append(modality),
    ) as registry:
        people = [
            {m: Noted(m, origin_s=lsl_now_s() + 0.007 * k) for m in Modality} for k in range(PEOPLE)
        ]
        sessions = [registry.start(p, session_id=f"p{k}") for k, p in enumerate(people)]
        await asyncio.gather(*(session.running.wait() for session in sessions))
        await eventually(lambda: all(s.publisher.predictions >= LEAST for s in sessions))
        many = WORKED.often(lsl_now_s())
        for session in sessions:
            session.stop()
            await session.over.wait()
    assert many
    for session, sources in zip(sessions, people, strict=True):
        assert session.error is None
        said = said_by(session)
        expected = (await asyncio.to_thread(alone, bundle, sources))[: len(said)]
        assert [f["end_s"] for f in said] == [p.end_s for p in expected]
        for frame, prediction in zip(said, expected, strict=True):
            # Through JSON and back a float64 stays what it is.
            answer = dict(zip(prediction.classes, prediction.probabilities or (), strict=False))
            assert (frame["probabilities"] or {}) == json.loads(json.dumps(answer))
            assert frame["modalities"] == {k: str(v) for k, v in prediction.modalities.items()}
        assert said[-1]["modalities"] == {"eeg": "used", "eye": "used"}
        assert session.status().chunks_dropped == 0
        latencies = [float(f["latency_ms"]["total"]) for f in said]  # type: ignore[index]
        assert min(latencies) > 0.0
    reads = sum(len(source.gave) for sources in people for source in sources.values())
    assert len({str(f["probabilities"]) for f in said}) > 20  # they do move
    assert len(tapped) < 0.8 * reads  # what was read twice was stepped once
