"""A stream that came back another one: what of it differs, and a lane that bridges the change."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from hadua.adapters.features.extractor import DeviceReport, Extractor
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.adapters.state import Fields
from hadua.models.errors import FeatureMismatchError, InvalidInputError, StreamInvalidError
from hadua.models.features import FeatureSpec, FeatureWindow

_NAMED = 3
_LONG_S = 60.0
"""Of a longer absence no grid end is accounted for, as in a gap of a stream that did not change."""


def what_changed(before: StreamSpec, now: StreamSpec) -> str:
    """What differs for whoever reads the samples, in words; empty if nothing does.

    A name, a source_id or a serial number may be another one: that is the same stream from
    another program.
    """
    if now is before:
        return ""
    parts = []
    if now.rate_hz != before.rate_hz:
        parts.append(f"{now.rate_hz:g} Hz instead of {before.rate_hz:g}")
    if len(now.channels) != len(before.channels):
        parts.append(f"{len(now.channels)} channels instead of {len(before.channels)}")
    elif now.labels != before.labels:
        pairs = zip(before.labels, now.labels, strict=True)
        other = [f"{b!r} for {a!r}" for a, b in pairs if a != b]
        more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
        parts.append(f"other channels: {', '.join(other[:_NAMED])}{more}")
    elif now.channels != before.channels:
        parts.append("other units or kinds of channels")
    if now.type != before.type:
        parts.append(f"type {now.type!r} instead of {before.type!r}")
    return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class NoReport:
    """What is reported of a stream that could not be mapped at all."""

    problem: str

    @property
    def coverage(self) -> float:
        """None of the model's input."""
        return 0.0

    def summary(self) -> str:
        """Why."""
        return self.problem

    def to_dict(self) -> dict[str, object]:
        """As plain values."""
        return {"coverage": 0.0, "problem": self.problem, "summary": self.problem}


def go_on(
    before: StreamSpec,
    chunk: SampleChunk,
    spec: FeatureSpec,
    *,
    last_end_s: float | None,
    least: float,
    phase_s: float,
    extractor: Callable[[StreamSpec], Extractor],
) -> "ChangedStream":
    """What goes on where a stream came back another one; mapped anew, or of no use.

    Args:
        before: The stream as it was.
        chunk: The first one of it as it is.
        spec: The features.
        last_end_s: End of the last window from before, if there was one.
        least: Coverage of the model's input below which it is of no use.
        phase_s: Where windows end within a hop.
        extractor: Makes the extractor of a stream.
    """
    came = f"{spec.modality}: came back changed ({what_changed(before, chunk.spec)})"
    report: DeviceReport
    after: Extractor | None = None
    try:
        after = extractor(chunk.spec)
        report, problem = after.report, ""
        if report.coverage < least:
            problem = (
                f"it covers {report.coverage:.0%} of the model's input, {least:.0%} are needed"
            )
    except (StreamInvalidError, InvalidInputError, FeatureMismatchError) as error:
        report, problem = NoReport(str(error)), str(error)
    first_s = float(chunk.t_s[0])
    if last_end_s is None or first_s - last_end_s > _LONG_S:
        last_end_s = first_s
    return ChangedStream(
        spec,
        last_end_s=last_end_s,
        phase_s=phase_s,
        reason=f"{came} and cannot be used: {problem}" if problem else f"{came}, not enough yet",
        after=None if problem else after,
        report=report,
    )


class ChangedStream:
    """Windows of a stream that came back changed, on the grid where the old ones left off.

    One absent window per grid end, with its reason, until `after` gives its first own one; for good
    if there is no `after`. That a window straddles the change is impossible: `after` has never seen
    a sample from before. Is an `Extractor`.

    Args:
        spec: The features.
        last_end_s: End of the last window from before the change, or the time when it came.
        phase_s: Where windows end within a hop.
        reason: Of the absent windows.
        after: The extractor of the stream as it is now, or None if it is of no use.
        report: What became of its channels.
    """

    STATE: ClassVar[Fields] = {
        "_next": int,
        "_filling": bool,
        "_watermark_s": float | None,
        "_after": Extractor | None,
    }

    def __init__(
        self,
        spec: FeatureSpec,
        *,
        last_end_s: float,
        phase_s: float,
        reason: str,
        after: Extractor | None,
        report: DeviceReport,
    ) -> None:
        self._spec, self._reason, self._after, self._report = spec, reason, after, report
        self.useless = reason if after is None else ""
        self._phase_s = phase_s
        self._next = math.floor((last_end_s - phase_s) / spec.hop_s + 1e-6) + 1
        self._filling = True
        self._watermark_s: float | None = None

    @property
    def reason(self) -> str:
        """What its absent windows say."""
        return self._reason

    @property
    def spec(self) -> FeatureSpec:
        """What its windows hold."""
        return self._spec

    @property
    def watermark_s(self) -> float | None:
        """LSL time up to which input has been seen; None before the first sample."""
        return self._watermark_s

    @property
    def due_s(self) -> float:
        """No sample stamped earlier completes a window."""
        return -math.inf if self._filling or self._after is None else self._after.due_s

    @property
    def sure_s(self) -> float:
        """A sample stamped so, or later, completes the window; infinity where none surely does."""
        return math.inf if self._filling or self._after is None else self._after.sure_s

    @property
    def next_end_s(self) -> float:
        """End of the window that comes next; minus infinity where that is not known."""
        return -math.inf if self._filling or self._after is None else self._after.next_end_s

    @property
    def begin_due_s(self) -> float:
        """From about which stamp on a chunk lets it work ahead."""
        return math.inf if self._after is None else self._after.begin_due_s

    @property
    def last_s(self) -> float:
        """About the stamp of the last sample of the window that was begun; infinity: none is."""
        return math.inf if self._after is None else self._after.last_s

    def rehearse(self) -> None:
        """Go through what is left to do for that window, in vain."""
        if self._after is not None:
            self._after.rehearse()

    @property
    def report(self) -> DeviceReport:
        """How the device was mapped to the model."""
        return self._report

    @property
    def samples_stale(self) -> int:
        """Samples left out because newer ones had been taken."""
        return self._after.samples_stale if self._after is not None else 0

    def push(self, chunk: SampleChunk) -> list[FeatureWindow]:
        """Take in the next chunk and return the windows that it completes, in order."""
        windows = self._after.push(chunk) if self._after is not None else []
        if len(chunk):
            rate_hz = chunk.spec.rate_hz
            self._watermark_s = float(chunk.t_s[-1]) + (1.0 / rate_hz if rate_hz > 0.0 else 0.0)
        if not self._filling or self._watermark_s is None:
            return windows
        filled = self._fill(until_s=windows[0].end_s - 1e-6 if windows else self._watermark_s)
        self._filling = not windows
        return filled + windows

    def settle(self, *, least: int = 1) -> None:
        """Work on samples that were put aside, if there are so many."""
        if self._after is not None:
            self._after.settle(least=least)

    def reset(self) -> None:
        """Forget the signal, but not the mapping."""
        if self._after is not None:
            self._after.reset()

    def _fill(self, *, until_s: float) -> list[FeatureWindow]:
        windows = []
        while (end_s := self._next * self._spec.hop_s + self._phase_s) <= until_s:
            start_s = end_s - self._spec.window_s
            windows.append(
                FeatureWindow.absent(self._spec, start_s=start_s, end_s=end_s, reason=self._reason)
            )
            self._next += 1
        return windows
