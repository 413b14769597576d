"""Recordings: XDF files of others, and sessions that were recorded here."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec
import numpy as np
from fuzz.containers import xdf_damaged, xdf_of, xdf_parts
from fuzz.target import Feed, Target
from support.service import SPECS, a_prediction, ramp
from support.xdf_writer import XdfStream, write_xdf

from hadua.adapters.recordings.layout import Step, StepEvent
from hadua.adapters.recordings.session_file import is_session_file, session_facts
from hadua.adapters.recordings.xdf_encoder import XdfEncoder
from hadua.adapters.sources.replay import XdfSource
from hadua.adapters.sources.source import SampleChunk
from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.service.bridge import Arrival
from hadua.service.engine import Engine
from hadua.service.pipeline_state import unpack
from hadua.service.prediction_frame import Moment, prediction_frame
from hadua.service.recorded_pipeline import Rebuild
from hadua.service.recorded_profile import RecordedProfile
from hadua.service.recording_log import Note, RecordingLog, Said
from hadua.service.verification import verify
from hadua.service.wire import encode

CLOCK_OFFSET = 4
REAL = ("minimal.xdf", "empty_streams.xdf")


class _Deaf:
    """A pipeline that takes everything and says nothing."""

    normalisation_state = "source"

    def step(self, modality: Modality, chunk: SampleChunk) -> tuple[()]:
        return ()

    def end(self, modality: Modality) -> tuple[()]:
        return ()

    def reports(self) -> dict[str, dict[str, object]]:
        return {}

    def losses(self) -> dict[str, int]:
        return {}


class _Rebuilder:
    """Gives such a pipeline for whatever a file says."""

    notes = ()

    def engine(self, needs: Rebuild, profile: RecordedProfile | None) -> Engine:
        if needs.state is not None:
            unpack(needs.state.bytes())
        return Engine(_Deaf())

    def swap(self, engine: Engine, needs: Rebuild, profile: RecordedProfile | None) -> None:
        pass


def session_file() -> bytes:
    """A session of 30 samples, two predictions and its documents."""
    encoder = XdfEncoder(datetime="2026-11-26T12:00:00")
    log = RecordingLog(encoder, ("calm", "tense"), {"session_id": "s", "participant": "P01"}, 1.0)
    streams = {str(m): msgspec.to_builtins(spec) for m, spec in SPECS.items()}
    told = {
        "streams": streams, "settings": {}, "runtime": {"name": "onnx", "device": "cpu"},
        "bundle": {"id": "fake@0", "digest": "0" * 64}, "steps_before": 0,
    }  # fmt: skip
    notes = [
        {"event": "recording", "machine": {"python": "3.11"}},
        {"event": "profile", "version": 1, "sha256": "0" * 64, "data": "AAAA"},
        {"event": "pipeline", **told},
    ]
    log.add([Note(1.0, msgspec.json.encode(note).decode()) for note in notes])
    for k in range(3):
        for modality, spec in SPECS.items():
            chunk = ramp(spec, 10 * k, 10 * k + 10)
            step = Step(modality, StepEvent.SAMPLES, float(k), 10 * k, 10)
            log.add([Arrival(modality, chunk, float(k), 10 * k), step])
    log.add([Step(Modality.EEG, StepEvent.PROFILE, 3.0, 1)])
    moment = Moment(
        session_id="s", epoch=1, seq=1, time_unix=1.7e9, latency_ms={}, clock_uncertainty_ms=None
    )
    frame = prediction_frame(a_prediction(), moment)
    log.add([Said(2.0, frame, encode(frame))])
    log.add([Step(Modality.EEG, StepEvent.ENDED, 3.0), Note(3.0, '{"event":"end"}')])
    log.end()
    return encoder.take()


def seeds() -> list[bytes]:
    """Files that are read, small: made here, and real ones where they are at hand."""
    t_s = np.arange(20) / 100.0
    x = np.stack((t_s, -t_s), axis=1)
    streams = [
        XdfStream(
            "a", "EEG", 100.0, t_s, x, ("Fp1", "Fp2"), block=8, offsets=((0.0, 0.1), (1.0, 0.1))
        ),
        XdfStream("b", "Gaze", 0.0, t_s, x, ("x", "y"), block=7, footer=False),
    ]
    with tempfile.TemporaryDirectory(prefix="hadua-fuzz-") as scratch:
        made = Path(scratch) / "made.xdf"
        write_xdf(made, streams)
        found = [session_file(), made.read_bytes()]
    folder = Path(os.environ.get("HADUA_RECORDINGS", "nowhere")) / "xdf"
    return found + [(folder / name).read_bytes() for name in REAL if (folder / name).is_file()]


def _mutate(numbers: Random, files: Sequence[bytes]) -> bytes:
    file = numbers.choice(files)
    if numbers.random() < 0.99:  # pyxdf's fit of the clocks takes a hundred times the rest
        file = xdf_of([part for part in xdf_parts(file) if part[0] != CLOCK_OFFSET])
    return xdf_damaged(numbers, file, files)


def _foreign(folder: Path) -> Feed:
    path = folder / "input.xdf"

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        refusal: HaduaError | None = None
        for stream, speed in (("eeg", None), ("gaze", 1.0)):
            try:
                XdfSource(path, stream=stream, speed=speed).load()
            except HaduaError as error:
                refusal = error
        if refusal is not None:
            raise refusal

    return feed


def _session(folder: Path) -> Feed:
    path = folder / "input.xdf"

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(HaduaError):
            session_facts(path)
        is_session_file(path)
        verify(path, _Rebuilder())

    return feed


TARGETS = (
    Target("xdf", "`file:` SOURCEs: walk, header, pyxdf", seeds, _mutate, _foreign),
    Target(
        "session", "recorded sessions: blocks, documents, steps, frames", seeds, _mutate, _session
    ),
)
