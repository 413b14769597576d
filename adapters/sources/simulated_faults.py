"""Everything that goes wrong with streams, on demand.

A fault acts on top of the clean signal, from its start to its end, and leaves no trace: after it
the samples are the clean ones, bit for bit. Faults come from a text, `KIND[:TARGET]@START[+LENGTH]
[*SIZE]` joined by `;`, times in seconds from the stream's start, as in
`gap@30+5;flat:FP1@60;eeg.line@10+20*80`; or from `Faults.start` while the stream runs. Without a
length a fault lasts for good. A prefix `eeg.` or `gaze.` picks the stream; without one it hits
every stream that can have it. TARGET is a channel or an eye; without one, all of them.
"""

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from hadua.models.errors import UsageError
from hadua.models.features import Modality


class FaultKind(StrEnum):
    """What can go wrong; the number in brackets is SIZE and its default."""

    GAP = "gap"  # samples are missing
    FREEZE = "freeze"  # nothing arrives, then everything at once, late (paced sources only)
    DROPOUT = "dropout"  # nothing arrives any more, and nobody says so
    LOST = "lost"  # the source says that the stream is gone
    NAN = "nan"  # a channel is NaN
    INF = "inf"  # a channel is infinite
    FLAT = "flat"  # a channel is 0
    RAILED = "railed"  # a channel sits at the amplifier's end [187500 microvolts]
    LINE = "line"  # mains hum [30 microvolts]
    NOISY = "noisy"  # an electrode with bad contact: white noise [60 microvolts rms]
    JITTER = "jitter"  # stamps are late by a random time up to [0.02 s]
    RATE = "rate"  # the true rate is another than the nominal one [0.98 of it]
    DUPLICATE = "duplicate"  # chunks arrive twice; without a length, one chunk
    EYE_LOST = "eye-lost"  # an eye is not seen
    OFF_SCREEN = "off-screen"  # gaze is beside the screen [by 1.2 screen widths]
    BLINKS = "blinks"  # a blink storm: blinks of 150 ms, this many a second [2]


_EEG_ONLY = frozenset({FaultKind.RAILED, FaultKind.LINE, FaultKind.NOISY})
_GAZE_ONLY = frozenset({FaultKind.EYE_LOST, FaultKind.OFF_SCREEN})
_CHANNEL = frozenset({FaultKind.NAN, FaultKind.INF, FaultKind.FLAT}) | _EEG_ONLY
DEFAULT_SIZE = {
    FaultKind.RAILED: 187_500.0,
    FaultKind.LINE: 30.0,
    FaultKind.NOISY: 60.0,
    FaultKind.JITTER: 0.02,
    FaultKind.RATE: 0.98,
    FaultKind.OFF_SCREEN: 1.2,
    FaultKind.BLINKS: 2.0,
}
_STREAM_NAMES = {"eeg": Modality.EEG, "gaze": Modality.EYE}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one stream.

    Args:
        kind: What goes wrong.
        stream: Which stream.
        start_s: From when on, in seconds from the stream's start.
        end_s: Until when, exclusive; infinite for good.
        target: A channel's label, `left` or `right`, or `all`.
        size: How bad; see `FaultKind`.
    """

    kind: FaultKind
    stream: Modality
    start_s: float
    end_s: float = math.inf
    target: str = "all"
    size: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.start_s, self.size)
        if (
            not all(map(math.isfinite, numbers))
            or self.start_s < 0
            or not self.end_s >= self.start_s
        ):
            raise _wrong(str(self.kind), f"{self}", "0 <= start <= end, a finite size")
        if self.kind is FaultKind.RATE and not 0.5 <= self.size <= 1.5:
            raise _wrong("rate", f"{self.size}", "a ratio from 0.5 to 1.5")
        if self.kind is FaultKind.BLINKS and not 0.0 < self.size <= 4.0:
            raise _wrong("blinks", f"{self.size}", "more than 0 and at most 4 a second")
        if self.kind is FaultKind.JITTER and not 0.0 <= self.size <= 1.0:
            raise _wrong("jitter", f"{self.size}", "0 to 1 s")

    def during(self, start_s: float, end_s: float) -> bool:
        """Whether it acts at some instant of `[start_s, end_s)`."""
        if self.start_s == self.end_s:
            return start_s <= self.start_s < end_s
        return self.start_s < end_s and self.end_s > start_s


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read a schedule of faults, as the module describes it.

    Raises:
        UsageError: a text that cannot be read, with what is known.
    """
    return tuple(f for part in text.split(";") if part.strip() for f in _parse_one(part.strip()))


def make_faults(
    name: str,
    *,
    start_s: float,
    end_s: float = math.inf,
    target: str = "all",
    size: float | None = None,
) -> tuple[Fault, ...]:
    """The fault `[eeg.|gaze.]kind` on each stream that it hits."""
    prefix, dot, rest = name.rpartition(".")
    if rest not in list(FaultKind) or (dot and prefix not in _STREAM_NAMES):
        raise _wrong(
            name, repr(name), f"one of {', '.join(FaultKind)}, with eeg. or gaze. before it"
        )
    kind = FaultKind(rest)
    can = [m for m in Modality if kind not in (_GAZE_ONLY if m is Modality.EEG else _EEG_ONLY)]
    hit = [_STREAM_NAMES[prefix]] if dot else _narrowed(can, kind, target)
    if not set(hit) <= set(can):
        raise _wrong(name, repr(name), f"{kind} on {' or '.join(can)} only")
    if kind is FaultKind.DUPLICATE and end_s == math.inf:
        end_s = start_s
    size = DEFAULT_SIZE.get(kind, 0.0) if size is None else size
    return tuple(Fault(kind, m, start_s, end_s, target, size) for m in hit)


def check_targets(faults: Iterable[Fault], *, stream: Modality, labels: tuple[str, ...]) -> None:
    """Raise `UsageError` for a target that this stream has not."""
    for fault in faults:
        if fault.stream is not stream or fault.target == "all":
            continue
        known = labels if fault.kind in _CHANNEL else ()
        if fault.kind is FaultKind.EYE_LOST:
            known = ("left", "right")
        if fault.target not in known:
            expected = f"'all' or one of {', '.join(known)}" if known else "no target"
            raise _wrong(str(fault.kind), f"target {fault.target!r}", expected)


class Faults:
    """The faults of a simulated participant; they can be switched from any thread.

    Args:
        scheduled: Faults known from the start.
    """

    def __init__(self, scheduled: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: dict[int, Fault] = dict(enumerate(scheduled))
        self._next = len(self._faults)
        self._waiting: dict[int, float] = {}  # begins with the next sample; its length
        self._stopping: set[int] = set()

    def start(
        self,
        name: str,
        *,
        duration_s: float = math.inf,
        target: str = "all",
        size: float | None = None,
    ) -> tuple[int, ...]:
        """Begin a fault with the next sample of each stream it hits; numbers to `stop` it by."""
        if not duration_s >= 0:
            raise _wrong(name, f"duration {duration_s}", "0 s or more")
        made = make_faults(name, start_s=0.0, end_s=duration_s, target=target, size=size)
        with self._lock:
            numbers = tuple(range(self._next, self._next + len(made)))
            self._next += len(made)
            for number, fault in zip(numbers, made, strict=True):
                self._faults[number] = fault
                self._waiting[number] = fault.end_s
        return numbers

    def stop(self, *numbers: int) -> None:
        """End these faults (without numbers: all) before the next sample."""
        with self._lock:
            for number in numbers or tuple(self._faults):
                if self._waiting.pop(number, None) is not None:
                    del self._faults[number]
                elif number in self._faults:
                    self._stopping.add(number)

    def at(self, stream: Modality, *, now_s: float) -> tuple[Fault, ...]:
        """Faults of a stream whose next sample is at `now_s`, those just switched included."""
        if not self._faults:
            return ()
        with self._lock:
            for number, fault in self._faults.items():
                if fault.stream is stream:
                    self._faults[number] = self._settled(number, fault, now_s)
            return tuple(
                f for n, f in self._faults.items() if f.stream is stream and n not in self._waiting
            )

    def _settled(self, number: int, fault: Fault, now_s: float) -> Fault:
        if number in self._waiting:
            return replace(fault, start_s=now_s, end_s=now_s + self._waiting.pop(number))
        if number in self._stopping:
            self._stopping.discard(number)
            late_s = fault.size if fault.kind is FaultKind.JITTER else 0.0  # stamps never go back
            end_s = min(fault.end_s, now_s + late_s)
            return replace(fault, start_s=min(fault.start_s, end_s), end_s=end_s)
        return fault


def _parse_one(part: str) -> tuple[Fault, ...]:
    head, at, times = part.partition("@")
    name, _, target = head.partition(":")
    times, star, size = times.partition("*")
    start, plus, length = times.partition("+")
    try:
        start_s = float(start)
        end_s = start_s + float(length) if plus else math.inf
        value = float(size) if star else None
    except ValueError:
        at = ""
    if not at or (head.count(":") and not target):
        expected = "KIND[:TARGET]@START[+LENGTH][*SIZE]"
        raise _wrong(name, repr(part), expected)
    return make_faults(name, start_s=start_s, end_s=end_s, target=target or "all", size=value)


def _narrowed(can: list[Modality], kind: FaultKind, target: str) -> list[Modality]:
    """A channel names its stream: gaze channels begin with an eye."""
    if target == "all" or kind not in _CHANNEL:
        return can
    eye = target.startswith(("left_", "right_"))
    return [m for m in can if (m is Modality.EYE) == eye] or can


def _wrong(name: str, got: str, expected: str) -> UsageError:
    return UsageError(
        f"simulated fault {name!r}",
        got=got,
        expected=expected,
        hint="For example gap@30+5;flat:FP1@60;eeg.line@10+20*80.",
    )
