"""The one shape in which samples reach the rest of the program, and who may deliver them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from hadua.models.errors import HaduaError, StreamInvalidError
from hadua.models.features import FloatArray


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel as its device describes it; an empty string means: not said.

    Args:
        label: Its name (`FP1`, `left_x`).
        kind: What it measures (`EEG`, `ScreenX`, `Diameter`), LSL's `type`.
        unit: Unit as declared (`microvolts`, `normalized`).
        eye: `left`, `right`, `both` or empty.
        coordinate_system: For gaze: what x and y are relative to.
    """

    label: str
    kind: str = ""
    unit: str = ""
    eye: str = ""
    coordinate_system: str = ""


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A stream as found: who sends it, which channels, how often.

    Args:
        name: Stream name.
        channels: Channels in order.
        rate_hz: Nominal rate; 0 means irregular.
        type: LSL stream type (`EEG`, `Gaze`).
        source_id: The sender's own unique id, or empty.
        synthesised_labels: True where the device sent no labels and these were made up.
        screen_px: Screen width and height in pixels, where the device says so.
        facts: What its header says about the device (`manufacturer`, `hostname`, ...), by name.
        preset: Name of the device preset that the operator asked for; empty: it is recognised.
        header: The XML that all this was read from, for recordings; empty where there is none.
    """

    name: str
    channels: tuple[Channel, ...]
    rate_hz: float
    type: str = ""
    source_id: str = ""
    synthesised_labels: bool = False
    screen_px: tuple[float, float] | None = None
    facts: tuple[tuple[str, str], ...] = ()
    preset: str = ""
    header: str = field(default="", repr=False, compare=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """Channel labels in order."""
        return tuple(c.label for c in self.channels)

    def fact(self, name: str) -> str:
        """A fact of the header; empty where it is not said."""
        return next((value for key, value in self.facts if key == name), "")


@dataclass(frozen=True, slots=True, eq=False)
class SampleChunk:
    """Consecutive samples of one stream, in the device's own units.

    Args:
        spec: The stream.
        t_s: `(n,)` LSL time of each sample, float64, non-decreasing.
        x: `(n, n_channels)` float64, owned by this chunk; NaN and infinity arrive as they are.
        gap_before: True if samples are missing between the previous chunk and this one.
    """

    spec: StreamSpec
    t_s: FloatArray
    x: FloatArray
    gap_before: bool = False

    def __post_init__(self) -> None:
        expected = (self.t_s.shape[0], len(self.spec.channels))
        if self.t_s.ndim != 1 or self.x.shape != expected:
            raise StreamInvalidError(
                f"stream {self.spec.name!r}: chunk does not fit its stream",
                got=f"t_s {self.t_s.shape}, x {self.x.shape}",
                expected=f"(n,) and (n, {len(self.spec.channels)}), samples first",
                hint="Is the block transposed?",
            )
        if not np.isfinite(self.t_s).all():
            raise StreamInvalidError(
                f"stream {self.spec.name!r}: a time stamp is not finite",
                got=f"{self.t_s[~np.isfinite(self.t_s)][0]}",
                expected="LSL seconds",
            )
        self.t_s.setflags(write=False)
        self.x.setflags(write=False)

    def __len__(self) -> int:
        return int(self.t_s.shape[0])


def joined(chunks: Sequence[SampleChunk]) -> SampleChunk:
    """Chunks of one stream that follow each other, at least one, as one."""
    first = chunks[0]
    if len(chunks) == 1:
        return first
    t_s, x = np.concatenate([c.t_s for c in chunks]), np.concatenate([c.x for c in chunks])
    return SampleChunk(first.spec, t_s, x, first.gap_before)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """What a source can say about itself beside its samples.

    Args:
        clock_offset_s: Offset added to remote time stamps.
        clock_uncertainty_s: Its uncertainty, or None where there is no remote clock.
        lag_s: The device's constant lag that is taken off each stamp.
        lag_said_by: Who says so: `operator`, `stream`, or empty.
        samples: Samples delivered since `open`.
        gaps: Gaps seen since `open`.
        lost_samples: Samples known to be lost (estimated from the gaps and the rate).
        overflows: How often a buffer was full, so that the oldest samples went.
        answers: Whether the sender can be heard of beside its samples; None: nobody would know.
        twins: How many other senders claim to be this one.
        notes: Oddities worth telling the operator, each once.
    """

    clock_offset_s: float = 0.0
    clock_uncertainty_s: float | None = None
    lag_s: float = 0.0
    lag_said_by: str = ""
    samples: int = 0
    gaps: int = 0
    lost_samples: int = 0
    overflows: int = 0
    answers: bool | None = None
    twins: int = 0
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Marker:
    """Something that happened, and when.

    Args:
        t_s: LSL time.
        text: What; `NAME=VALUE` for a state that holds until the next one of that name.
        source: Name of the stream that it came by; empty for a source's own.
    """

    t_s: float
    text: str
    source: str = ""


class EndOfStreamError(HaduaError):
    """A finite source has delivered its last sample. Raised by `read`, and by every later one."""

    code = "end-of-stream"


@runtime_checkable
class Source(Protocol):
    """A device or a file. Owned by one thread: `open`, then `read` in a loop, then `close`."""

    @property
    def description(self) -> str:
        """The SOURCE text it was made from, as in `lsl:name=Muse`."""
        ...

    def open(self, timeout_s: float) -> StreamSpec:
        """Find the stream and make it ready, within the time given.

        Called again after a `StreamLostError`, without `close`, it finds the same stream again;
        the counts of `health` begin anew. It may have changed: the `StreamSpec` says how.

        Raises:
            StreamNotFoundError, StreamAmbiguousError, StreamInvalidError, RecordingError.
        """
        ...

    def read(self, timeout_s: float) -> SampleChunk | None:
        """Wait at most `timeout_s` for samples; None means there were none.

        Raises:
            EndOfStreamError: a finite source is exhausted.
            StreamLostError: the stream is gone; `open` finds it when it is back.
        """
        ...

    def health(self) -> SourceHealth:
        """What is known beside the samples; cheap, callable from any thread."""
        ...

    def close(self) -> None:
        """Let go of everything; idempotent, and safe before `open`."""
        ...


@runtime_checkable
class MarkedSource(Protocol):
    """A source that also knows of events beside its samples, and may leave that out."""

    def markers(self, until_s: float) -> list[Marker]:
        """Markers stamped up to `until_s` (LSL) that were not given before, in order of time.

        For the thread that reads; neither waits nor raises. The same event has the same stamp and
        text in every source that knows of it, so that it can be recognised.
        """
        ...


@runtime_checkable
class KeepingSource(Protocol):
    """A source that keeps what arrives until it is read, and then gives all of it at once."""

    @property
    def rests(self) -> bool:
        """Whether nothing is ready: what comes now is kept, and may be read later."""
        ...
