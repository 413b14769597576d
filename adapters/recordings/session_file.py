"""A recorded session, played back as its pipeline had it."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree

import msgspec
import numpy as np

from hadua.adapters.recordings.layout import (
    FRAMES,
    LAYOUT_VERSION,
    MODALITIES,
    SESSION,
    STEP_COLUMNS,
    STEPS,
    StepEvent,
)
from hadua.adapters.recordings.xdf_blocks import Footer, Header, Numbers, Texts, read_blocks
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray, Modality

_BEYOND = 2.0**53  # where float64 does not count any more
Document = Mapping[str, object]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Noted:
    """A document of the session stream: `recording`, `pipeline`, `profile` or `end` in `event`."""

    document: Document
    streams: Mapping[Modality, StreamSpec] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Took:
    """Samples that the pipeline took next."""

    modality: Modality
    chunk: SampleChunk


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The pipeline was told that a stream gives no more."""

    modality: Modality


@dataclass(frozen=True, slots=True)
class Swapped:
    """Another profile answers from here on; 0 is the bundle as shipped."""

    version: int


@dataclass(frozen=True, slots=True)
class Framed:
    """A frame, as the clients got it."""

    t_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The recording was cut off here."""


Event = Noted | Took | StreamEnd | Swapped | Framed | Cut


def is_session_file(path: Path) -> bool:
    """Whether this is a session that was recorded here; False for anything that is no XDF.

    Raises:
        RecordingError: it cannot be read.
    """
    try:
        first = next(read_blocks(path), None)
    except RecordingError:
        if not path.is_file():
            raise
        return False
    return isinstance(first, Header) and first.info.findtext("name") == SESSION


def session_facts(path: Path) -> dict[str, str]:
    """What the header of a recorded session tells: `session_id`, `participant`, `started`.

    Empty for a file that is no session recorded here. No more than the header is read.

    Raises:
        RecordingError: it cannot be read, or is damaged before that.
    """
    first = next(read_blocks(path), None)
    if not isinstance(first, Header) or first.info.findtext("name") != SESSION:
        return {}
    facts = first.info.find("desc/hadua")
    return {} if facts is None else {fact.tag: fact.text or "" for fact in facts}


def read_session(path: Path) -> Iterator[Event]:
    """What happened, in order.

    Raises:
        RecordingError: not a session that was recorded here, or damaged.
    """
    yield from _Reader(path).events()


class _Reader:
    """Puts steps and samples together again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[int, str] = {}
        self._open = set[int]()
        self._modality: dict[int, Modality] = {}
        self._specs: dict[Modality, StreamSpec] = {}  # of the pipeline
        self._parts: dict[int, StreamSpec] = {}  # of each stream of samples, where it says so
        self._shapes: dict[Modality, object] = {}
        self._waiting = {m: _Waiting() for m in MODALITIES}

    def events(self) -> Iterator[Event]:
        for k, block in enumerate(read_blocks(self._path)):
            if k == 0 and not (isinstance(block, Header) and _name(block) == SESSION):
                raise self._foreign()
            if isinstance(block, Header):
                self._begin(block)
            elif isinstance(block, Texts):
                yield from self._texts(block)
            elif isinstance(block, Numbers):
                yield from self._numbers(block)
            elif isinstance(block, Footer):
                self._open.discard(block.stream)
        if self._open:
            yield Cut()

    def _begin(self, header: Header) -> None:
        self._names[header.stream] = _name(header)
        self._open.add(header.stream)
        if header.stream == 1:
            self._require_known(header)
        said = header.info.findtext("desc/hadua/modality")
        if said is None:
            return
        if said not in set(Modality):
            raise self._damaged("a stream's modality", got=repr(said), expected="eeg or eye")
        self._modality[header.stream] = Modality(said)
        self._note_part(header, Modality(said))

    def _note_part(self, header: Header, modality: Modality) -> None:
        """Keep what the header of a stream of samples says that the pipeline was told of it."""
        said = header.info.findtext("desc/hadua/spec")
        if said is not None:
            self._parts[header.stream] = self._decoded(said, StreamSpec)
            self._use_one()
        elif self._shapes.setdefault(modality, _shape(header.info)) != _shape(header.info):
            raise RecordingError(
                f"recording {str(self._path)!r}: its {modality} stream came back changed",
                got="a recording of an earlier version, which does not say how",
                expected=f"one of layout {LAYOUT_VERSION}",
                hint="Only its raw signals can be used: hadua replay FILE --eeg NAME.",
            )

    def _use_one(self) -> None:
        """Let equal descriptions be one object, so that none is compared at every step."""
        for number, spec in self._parts.items():
            known = (self._specs.get(self._modality[number]), *self._parts.values())
            self._parts[number] = next(s for s in known if s == spec and s is not None)

    def _texts(self, block: Texts) -> Iterator[Noted | Framed]:
        name = self._names[block.stream]
        for t_s, (text,) in zip(block.t_s, block.rows, strict=True):
            if name == FRAMES:
                yield Framed(t_s, text)
            elif name == SESSION:
                yield self._noted(text)

    def _noted(self, text: str) -> Noted:
        document = self._decoded(text, dict[str, object])
        try:
            streams = msgspec.convert(document.get("streams", {}), dict[Modality, StreamSpec])
        except (msgspec.ValidationError, RecursionError) as error:
            raise self._damaged(f"a document of {SESSION}", got=str(error)) from error
        if not isinstance(document.get("event"), str):
            raise self._damaged(f"a document of {SESSION}", got="no event", expected="one in each")
        self._specs |= streams
        self._use_one()
        return Noted(document, streams)

    def _decoded(self, text: str, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._damaged(f"a document of {SESSION}", got=str(error)) from error

    def _numbers(self, block: Numbers) -> Iterator[Took | StreamEnd | Swapped]:
        if modality := self._modality.get(block.stream):
            self._waiting[modality].add(block)
        elif self._names[block.stream] == STEPS:
            for row in self._steps(block.x):
                yield self._step(row)

    def _steps(self, x: FloatArray) -> list[list[int]]:
        if x.shape[1] != len(STEP_COLUMNS) or not (np.abs(x) < _BEYOND).all():
            raise self._damaged("steps", got="values that cannot be", expected=str(STEP_COLUMNS))
        rows: list[list[int]] = x.astype(np.int64).tolist()
        return rows

    def _step(self, row: list[int]) -> Took | StreamEnd | Swapped:
        k, event, first, n, gap_before = row
        if k not in range(len(MODALITIES)) or first < 0 or n < 0:
            raise self._damaged("a step", got=str(row), expected=f"{STEP_COLUMNS}, none negative")
        modality = MODALITIES[k]
        if event == StepEvent.ENDED:
            return StreamEnd(modality)
        if event == StepEvent.PROFILE:
            return Swapped(first)
        taken = self._waiting[modality].take(first, n)
        specs = {id(s): s for s in (self._spec_of(modality, k) for k in taken.streams)}
        spec = next(iter(specs.values()), None)
        if len(taken.t_s) != n or len(specs) != 1 or spec is None:
            raise RecordingError(
                f"recording {str(self._path)!r}: a step without its samples",
                got=f"{modality} samples {first} to {first + n - 1}",
                expected="samples before the steps that take them",
            )
        if taken.x.shape[1:] != (len(spec.channels),):
            raise self._damaged(
                f"samples of {modality}",
                got=f"shape {taken.x.shape}",
                expected=f"{len(spec.channels)} channels, as its documents say",
            )
        return Took(modality, SampleChunk(spec, taken.t_s, taken.x, bool(gap_before)))

    def _spec_of(self, modality: Modality, stream: int) -> StreamSpec | None:
        return self._parts.get(stream, self._specs.get(modality))

    def _require_known(self, header: Header) -> None:
        layout = header.info.findtext("desc/hadua/layout") or "1"
        if not layout.isdecimal() or int(layout) > LAYOUT_VERSION:
            raise RecordingError(
                f"recording {str(self._path)!r}",
                got=f"layout {layout!r}",
                expected=f"layout {LAYOUT_VERSION} or an earlier one",
                hint="A newer version of hadua made it: use that one.",
            )

    def _damaged(self, what: str, *, got: str, expected: str | None = None) -> RecordingError:
        return RecordingError(
            f"recording {str(self._path)!r}: {what}",
            got=got,
            expected=expected,
            hint="The file was damaged or changed; copy it again.",
        )

    def _foreign(self) -> RecordingError:
        return RecordingError(
            f"recording {str(self._path)!r} is not a session that hadua-serve recorded",
            expected=f"a first stream {SESSION!r}",
            hint="Its predictions cannot be verified; `hadua replay` makes new ones.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """Samples, and the numbers of the streams of the file in which they lie."""

    streams: set[int]
    t_s: FloatArray
    x: FloatArray


class _Waiting:
    """Samples that no step has taken yet, by number."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[int, Numbers]] = deque()
        self._next = 0

    def add(self, block: Numbers) -> None:
        self._blocks.append((self._next, block))
        self._next += block.t_s.shape[0]

    def take(self, first: int, n: int) -> "_Taken":
        """Those of samples `first` to `first + n - 1` that are here; earlier ones are let go."""
        while self._blocks and self._blocks[0][0] + self._blocks[0][1].t_s.shape[0] <= first:
            self._blocks.popleft()
        parts = []
        for start, block in self._blocks:
            if start >= first + n:
                break
            part = slice(max(first - start, 0), first + n - start)
            parts.append((block.stream, block.t_s[part], block.x[part]))
        if len({x.shape[1] for _, _, x in parts}) != 1:  # none, or of streams that are no one
            return _Taken(set(), np.zeros(0), np.zeros((0, 0)))
        return _Taken(
            {stream for stream, _, _ in parts},
            np.concatenate([t_s for _, t_s, _ in parts]),
            np.concatenate([x for _, _, x in parts]),
        )


def _shape(info: ElementTree.Element) -> tuple[str | None, tuple[str | None, ...]]:
    """By what a stream of an earlier version that came back changed is known: rate and channels."""
    labels = (channel.findtext("label") for channel in info.iterfind("desc/channels/channel"))
    return info.findtext("nominal_srate"), tuple(labels)


def _name(header: Header) -> str:
    return (header.info.findtext("name") or "").strip()
