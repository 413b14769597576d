"""Runs a recording through the pipeline that a live session has."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hadua.adapters.datasets.recorded_streams import RecordedSource, format_of
from hadua.adapters.recordings.session_file import StreamEnd, Took, read_session
from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.replay import XdfSource
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, Source, StreamSpec
from hadua.adapters.sources.xdf_file import stream_name_and_type, walk_xdf
from hadua.models.errors import RecordingError, UsageError
from hadua.models.features import Modality
from hadua.models.prediction import Prediction
from hadua.service.engine import Engine, EngineFactory
from hadua.service.recorded_pipeline import Rebuilder, RecordedPipeline

_READ_S = 1.0
_TYPES = {Modality.EEG: "eeg", Modality.EYE: "gaze"}
_FLAGS = {Modality.EEG: "--eeg", Modality.EYE: "--gaze"}


@dataclass(slots=True)
class Pace:
    """Holds up what is ahead of its own time.

    Args:
        speed: Times real time; None never waits.
        sleep: How to wait.
        clock: The time now.
    """

    speed: float | None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    began_s: float | None = None
    first_s: float = 0.0

    def wait_for(self, t_s: float) -> None:
        """Wait until what is stamped `t_s` may be seen; the first may be at once."""
        if self.speed is None:
            return
        if self.began_s is None:
            self.began_s, self.first_s = self.clock(), t_s
        ahead_s = (t_s - self.first_s) / self.speed - (self.clock() - self.began_s)
        if ahead_s > 0.0:
            self.sleep(ahead_s)


def replay_session(path: Path, rebuilder: Rebuilder, pace: Pace) -> Iterator[Prediction]:
    """The predictions of a session that was recorded here, by its own steps.

    Raises:
        RecordingError: damaged, or without a pipeline.
    """
    pipeline = RecordedPipeline(path, rebuilder)
    try:
        for event in read_session(path):
            if isinstance(event, Took):
                pace.wait_for(float(event.chunk.t_s[-1]))
            for result in pipeline.take(event):
                yield result.prediction
    finally:
        pipeline.close()


def replay_sources(
    sources: Mapping[Modality, Source], make_engine: EngineFactory, pace: Pace
) -> Iterator[Prediction]:
    """The predictions of streams that end, the one that is behind always first.

    Raises:
        RecordingError, StreamInvalidError: a stream that cannot be read or used.
    """
    engine: Engine | None = None
    try:
        streams: dict[Modality, StreamSpec] = {m: s.open(_READ_S) for m, s in sources.items()}
        engine = make_engine(streams)
        for taken in in_order(sources):
            yield from _step(engine, taken, pace)
    finally:
        for source in sources.values():
            source.close()
        if engine is not None:
            engine.close()


def in_order(sources: Mapping[Modality, Source]) -> Iterator[Took | StreamEnd]:
    """What open sources give, by the time of each chunk's last sample, to the end of all."""
    next_up = {m: chunk for m, source in sources.items() if (chunk := _read(source)) is not None}
    ended = [m for m in sources if m not in next_up]
    while next_up or ended:
        for modality in ended:
            yield StreamEnd(modality)
        ended = []
        if next_up:
            modality = min(next_up, key=lambda m: float(next_up[m].t_s[-1]))
            yield Took(modality, next_up.pop(modality))
            if (following := _read(sources[modality])) is not None:
                next_up[modality] = following
            else:
                ended = [modality]


def recorded_sources(path: Path, names: Mapping[Modality, str]) -> dict[Modality, Source]:
    """The EEG and gaze streams of a file, as sources that do not wait.

    Args:
        path: The file.
        names: Names of streams, by what they are to be taken for, with what else a SOURCE may say
            of them (`NAME,labels=Fp1/Fp2`); without any: by LSL type.

    Raises:
        RecordingError: not a recording, or without such a stream.
        UsageError: a name for a file whose format has none.
    """
    found = format_of(path)
    if found is not None:
        if names:
            raise UsageError(
                f"{' and '.join(_FLAGS[m] for m in names)} with {str(path)!r}",
                expected="no name: such a file holds one stream",
            )
        return {found.modality: RecordedSource(path, modality=found.modality)}
    if names:
        return {
            m: parse_source(f"file:{path},stream={name}", modality=m) for m, name in names.items()
        }
    known = [stream_name_and_type(header) for header in walk_xdf(path).headers.values()]
    there = {kind.lower() for _, kind in known}
    sources: dict[Modality, Source] = {
        m: XdfSource(path, stream=kind) for m, kind in _TYPES.items() if kind in there
    }
    if not sources:
        listed = ", ".join(f"{name!r} (type {kind!r})" for name, kind in known)
        raise RecordingError(
            f"recording {str(path)!r}",
            got=f"the streams {listed}" if listed else "no streams at all",
            expected="one of type EEG or Gaze",
            hint="Name one with --eeg NAME or --gaze NAME, if it is one." if listed else None,
        )
    return sources


def _step(engine: Engine, event: Took | StreamEnd, pace: Pace) -> Iterator[Prediction]:
    if isinstance(event, StreamEnd):
        results = engine.pipeline.end(event.modality)
    else:
        pace.wait_for(float(event.chunk.t_s[-1]))
        results = engine.pipeline.step(event.modality, event.chunk)
    for result in results:
        yield result.prediction


def _read(source: Source) -> SampleChunk | None:
    """The next chunk with something in it; None at the end."""
    try:
        while True:
            chunk = source.read(_READ_S)
            if chunk is not None and len(chunk):
                return chunk
    except EndOfStreamError:
        return None
