"""What a session said and got, as the streams of an XDF file; pure: nothing is written here."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol
from xml.etree import ElementTree

import msgspec
import numpy as np

from hadua.adapters.recordings.layout import (
    FRAMES,
    LAYOUT_VERSION,
    MARKER_TYPE,
    MARKERS,
    MODALITIES,
    PREDICTIONS,
    SESSION,
    STEP_COLUMNS,
    STEPS,
    STREAM_TYPES,
    Step,
    StepEvent,
)
from hadua.adapters.recordings.stream_header import WIDEST, device_header, native_format, own_header
from hadua.adapters.recordings.xdf_encoder import XdfEncoder, exact_in
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.models.features import Modality
from hadua.service.bridge import Arrival
from hadua.service.outlet import REST
from hadua.service.wire import MarkerFrame, PredictionFrame, SessionFrame

_QUALITIES = tuple(str(m) for m in MODALITIES)


@dataclass(frozen=True, slots=True)
class Note:
    """A document (JSON) about the session."""

    t_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A frame, and its text as the clients got it."""

    t_s: float
    frame: SessionFrame
    text: str


def plain_spec(spec: StreamSpec) -> Mapping[str, object]:
    """A stream as found, as plain values; its header is that of the recorded stream."""
    return {key: value for key, value in asdict(spec).items() if key != "header"}


Entry = Arrival | Step | Said | Note


class _Strings(Protocol):
    """An entry that is a text and its time."""

    @property
    def t_s(self) -> float:
        """When."""
        ...

    @property
    def text(self) -> str:
        """What."""
        ...


@dataclass(slots=True)
class _Track:
    """The stream in which a modality's samples are written at present."""

    number: int
    spec: StreamSpec
    channel_format: str

    def takes(self, chunk: SampleChunk) -> bool:
        same = chunk.spec is self.spec or chunk.spec == self.spec
        return same and (self.channel_format == WIDEST or exact_in(chunk.x, self.channel_format))


@dataclass(slots=True)
class RecordingLog:
    """Turns entries into XDF.

    Args:
        encoder: Fresh; whoever has it writes what it holds.
        classes: Class names, in the order of the probabilities.
        facts: What is told of the recording in the header of its session stream.
        started_s: LSL time of its beginning.
    """

    encoder: XdfEncoder
    classes: tuple[str, ...]
    facts: dict[str, str]
    started_s: float
    samples: dict[Modality, int] = field(default_factory=lambda: dict.fromkeys(MODALITIES, 0))
    predictions: int = 0
    markers: int = 0
    _first: dict[Modality, int] = field(default_factory=dict)
    _parts: dict[Modality, int] = field(default_factory=lambda: dict.fromkeys(MODALITIES, 0))
    _tracks: dict[Modality, _Track] = field(default_factory=dict)
    _markers: dict[str, int] = field(default_factory=dict)
    _own: dict[str, int] = field(default_factory=dict)
    _open: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        facts = {"layout": str(LAYOUT_VERSION), **self.facts}
        self._begin_own(SESSION, ("json",), "string", facts)
        self._begin_own(STEPS, STEP_COLUMNS, "int32", {"modalities": " ".join(MODALITIES)})
        self._begin_own(FRAMES, ("json",), "string", {})
        self._begin_own(PREDICTIONS, self._prediction_columns(), WIDEST, {})

    def add(self, entries: Sequence[Entry]) -> None:
        """Encode entries; of each stream in their order, and samples before the steps of them."""
        by_kind: dict[type[Entry], list[Entry]] = defaultdict(list)
        for entry in entries:
            by_kind[type(entry)].append(entry)
        self._add_samples([e for e in by_kind[Arrival] if isinstance(e, Arrival)])
        self._add_texts(SESSION, [e for e in by_kind[Note] if isinstance(e, Note)])
        self._add_steps([e for e in by_kind[Step] if isinstance(e, Step)])
        self._add_said([e for e in by_kind[Said] if isinstance(e, Said)])

    def end(self) -> None:
        """Write the footers."""
        for number in self._open:
            self.encoder.end_stream(number)
        self._open.clear()

    def _add_samples(self, arrivals: Sequence[Arrival]) -> None:
        waiting: dict[Modality, list[SampleChunk]] = defaultdict(list)
        for arrival in arrivals:
            modality, chunk = arrival.modality, arrival.chunk
            if not len(chunk):
                continue
            self._first.setdefault(modality, arrival.first)
            track = self._tracks.get(modality)
            if track is None or not track.takes(chunk):
                self._write_samples(modality, waiting.pop(modality, []))
                self._begin_track(modality, chunk)
            waiting[modality].append(chunk)
            self.samples[modality] += len(chunk)
        for modality, chunks in waiting.items():
            self._write_samples(modality, chunks)

    def _write_samples(self, modality: Modality, chunks: Sequence[SampleChunk]) -> None:
        if chunks:
            t_s = np.concatenate([chunk.t_s for chunk in chunks])
            x = np.concatenate([chunk.x for chunk in chunks])
            self.encoder.numbers(self._tracks[modality].number, t_s, x)

    def _begin_track(self, modality: Modality, chunk: SampleChunk) -> None:
        """Begin a stream: the first, or another because what comes does not fit into the last."""
        channel_format = native_format(chunk.spec)
        if channel_format != WIDEST and not exact_in(chunk.x, channel_format):
            channel_format = WIDEST
        self._parts[modality] += 1
        spec = msgspec.json.encode(plain_spec(chunk.spec)).decode()
        facts = {"modality": str(modality), "part": str(self._parts[modality]), "spec": spec}
        header = device_header(chunk.spec, channel_format=channel_format, facts=facts)
        self._tracks[modality] = _Track(self._begin(header), chunk.spec, channel_format)

    def _add_steps(self, steps: Sequence[Step]) -> None:
        if not steps:
            return
        rows = [
            (
                MODALITIES.index(step.modality),
                step.event,
                step.first_sample - self._numbered_from(step),
                step.n_samples,
                step.gap_before,
            )
            for step in steps
        ]
        t_s = np.array([step.t_s for step in steps], np.float64)
        self.encoder.numbers(self._own[STEPS], t_s, np.array(rows, np.int32))

    def _numbered_from(self, step: Step) -> int:
        return self._first.get(step.modality, 0) if step.event == StepEvent.SAMPLES else 0

    def _add_said(self, said: Sequence[Said]) -> None:
        self._add_texts(FRAMES, said)
        rows = [self._prediction(s.frame) for s in said if isinstance(s.frame, PredictionFrame)]
        if rows:
            ends_s = [s.frame.end_s for s in said if isinstance(s.frame, PredictionFrame)]
            self.encoder.numbers(self._own[PREDICTIONS], np.array(ends_s), np.array(rows))
            self.predictions += len(rows)
        for entry in said:
            if isinstance(entry.frame, MarkerFrame):
                self._add_marker(entry.frame)

    def _add_marker(self, frame: MarkerFrame) -> None:
        name = MARKERS if frame.source in ("", REST) else frame.source
        if name not in self._markers:
            header = own_header(
                name, MARKER_TYPE, ("marker",), channel_format="string", facts={"source": name}
            )
            self._markers[name] = self._begin(header)
        self.encoder.strings(self._markers[name], [frame.t_s], [[frame.text]])
        self.markers += 1

    def _add_texts(self, name: str, texts: Sequence[_Strings]) -> None:
        self.encoder.strings(self._own[name], [e.t_s for e in texts], [[e.text] for e in texts])

    def _prediction_columns(self) -> tuple[str, ...]:
        p = (f"p_{name}" for name in self.classes)
        quality = (f"quality_{name}" for name in _QUALITIES)
        return (*p, "label_index", "confidence", "abstained", *quality, "latency_ms", "seq")

    def _prediction(self, frame: PredictionFrame) -> tuple[float, ...]:
        p = frame.probabilities or {}
        label = -1 if frame.label is None else self.classes.index(frame.label)
        return (
            *(p.get(name, math.nan) for name in self.classes),
            label,
            math.nan if frame.confidence is None else frame.confidence,
            frame.abstained,
            *(frame.quality.get(name, math.nan) for name in _QUALITIES),
            frame.latency_ms.get("total", math.nan),
            frame.seq,
        )

    def _begin_own(
        self, name: str, labels: Sequence[str], channel_format: str, facts: dict[str, str]
    ) -> None:
        header = own_header(
            name, STREAM_TYPES[name], labels, channel_format=channel_format, facts=facts
        )
        self._own[name] = self._begin(header)

    def _begin(self, header: ElementTree.Element) -> int:
        number = self.encoder.add_stream(header)
        # All stamps are on this computer's clock. Readers take a stream that does not say so for
        # one whose clock was never compared.
        self.encoder.clock_offset(number, self.started_s, 0.0)
        self._open.append(number)
        return number
