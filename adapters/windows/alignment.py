"""Brings the windows of the modalities together, one grid end after the other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from hadua.adapters.state import Fields
from hadua.models.errors import InvalidInputError
from hadua.models.features import FeatureSpec, FeatureWindow, Modality

SETTLE_S = 0.1
"""A modality seen this far beyond a grid end without a window for it has none: a window of 4 s of a
stream 2 % slower than it declares, which `Windower` still accepts, comes up to 88 ms late."""


@dataclass(frozen=True, slots=True, eq=False)
class AlignedWindows:
    """What every connected modality has to say about one grid end.

    Args:
        end_s: The grid end, LSL seconds.
        windows: One window for each connected modality, absent ones with their reason.
    """

    end_s: float
    windows: Mapping[Modality, FeatureWindow]


class Aligner:
    """Waits for the slower modality, but only so long.

    A grid end comes out once, in order: as soon as every modality has given its window or is past
    it, and at the latest when any modality has been seen up to `grace_s` behind it; who is still
    missing then is absent. Nobody waits for a modality that has ended, or that is silent: more
    than `patience_s` behind. Time is that of the data alone, so that a replay gives what live gave.
    An end for which no modality has a window (all were gone for long) is skipped and counted.

    Args:
        specs: Features of each modality that is connected; all on one hop.
        grace_s: How long to wait for the slower one, in seconds of signal.
        patience_s: Who is further behind than this is not waited for at all.
        phase_s: Where the ends lie within a hop.
    """

    STATE: ClassVar[Fields] = {
        "_ended": set[Modality],
        "_first_s": float,
        "_pending": dict[Modality, dict[int, FeatureWindow]],
        "_given_s": dict[Modality, float],
        "_watermark_s": dict[Modality, float],
        "_emitted": int | None,
        "_late_windows": int,
        "_skipped": int,
    }

    def __init__(
        self,
        specs: Sequence[FeatureSpec],
        *,
        grace_s: float = 0.25,
        patience_s: float = 2.0,
        phase_s: float = 0.0,
    ) -> None:
        self._specs = {spec.modality: spec for spec in specs}
        if not specs or len(self._specs) != len(specs) or len({s.hop_s for s in specs}) != 1:
            raise InvalidInputError(
                "modalities to align",
                got=", ".join(f"{s.modality} with hop_s={s.hop_s}" for s in specs) or "none",
                expected="each modality once, all with the same hop",
            )
        self._hop_s = specs[0].hop_s
        self._phase_s = phase_s
        self._grace_s = grace_s
        self._patience_s = patience_s
        self._ended: set[Modality] = set()
        self._first_s = math.inf  # data time at which anything was heard first
        self._pending: dict[Modality, dict[int, FeatureWindow]] = {m: {} for m in self._specs}
        self._given_s: dict[Modality, float] = dict.fromkeys(self._specs, -math.inf)
        self._watermark_s: dict[Modality, float] = dict.fromkeys(self._specs, -math.inf)
        self._emitted: int | None = None
        self._late_windows = 0
        self._skipped = 0

    @property
    def late_windows(self) -> int:
        """Windows with something in them that came after their grid end had gone out."""
        return self._late_windows

    @property
    def waits_at_s(self) -> float:
        """The earliest grid end at which a window waits for another modality; infinity: none.

        From any thread, as is `settles_at_s`.
        """
        waiting = (k for pending in self._pending.values() for k in tuple(pending))
        k = min(waiting, default=None)
        return math.inf if k is None else self._end_s(k)

    @property
    def emitted_s(self) -> float:
        """The newest grid end that came out; minus infinity before the first. From any thread."""
        k = self._emitted
        return -math.inf if k is None else self._end_s(k)

    @property
    def settles_at_s(self) -> float:
        """Before input is seen up to here, nothing but a window settles the grid end that waits.

        Infinity: none waits.
        """
        end_s = self.waits_at_s
        if math.isinf(end_s):
            return math.inf
        heard_s = max(min(self._watermark_s.values()), self._first_s)
        return min(end_s + min(SETTLE_S, self._grace_s), heard_s + self._patience_s)

    def settles_next_s(self, end_s: float, seen_s: float) -> float:
        """Where to hear of a modality may next settle a grid end, `end_s` or a later one.

        Args:
            end_s: The first that is not settled.
            seen_s: The modality is heard up to here already.
        """
        settles_s = (end_s + SETTLE_S, end_s + self._grace_s)
        hops = (max(0, math.floor((seen_s - at_s) / self._hop_s) + 1) for at_s in settles_s)
        return min(at_s + n * self._hop_s for at_s, n in zip(settles_s, hops, strict=True))

    @property
    def skipped(self) -> int:
        """Grid ends that never came out, because no modality had a window for them."""
        return self._skipped

    def push(
        self, modality: Modality, windows: Sequence[FeatureWindow], watermark_s: float | None
    ) -> list[AlignedWindows]:
        """Take in one modality's next windows and return the grid ends that are settled now.

        Args:
            modality: Whose they are.
            windows: In order; none is fine, the time alone can settle something.
            watermark_s: Up to when this modality's input has been seen; None if there was none.
        """
        for window in windows:
            self._admit(modality, window)
        if watermark_s is not None:
            self._watermark_s[modality] = max(self._watermark_s[modality], watermark_s)
            self._first_s = min(self._first_s, watermark_s)
        return self._all_settled()

    def end(self, modality: Modality) -> list[AlignedWindows]:
        """Note that a modality gives no more windows; return the grid ends that this settles."""
        self._ended.add(modality)
        return self._all_settled()

    def _all_settled(self) -> list[AlignedWindows]:
        out: list[AlignedWindows] = []
        while (k := self._settled()) is not None:
            out.append(self._emit(k))
        return out

    def _admit(self, modality: Modality, window: FeatureWindow) -> None:
        self._specs[modality].require(window.spec, where=f"aligner, {modality}")
        k = round((window.end_s - self._phase_s) / self._hop_s)
        before_s = self._given_s[modality]
        if abs(window.end_s - self._end_s(k)) > 1e-6 or window.end_s <= before_s:
            raise InvalidInputError(
                f"aligner: {modality} window out of place",
                got=f"end_s={window.end_s!r} after {before_s!r}",
                expected=f"multiples of {self._hop_s} s plus {self._phase_s}, each after the last",
            )
        self._given_s[modality] = window.end_s
        if self._emitted is None or k > self._emitted:
            self._pending[modality][k] = window
        else:
            self._late_windows += window.usable

    def _settled(self) -> int | None:
        """The next grid end, if there is one and nothing is worth waiting for any more."""
        k = min((k for pending in self._pending.values() for k in pending), default=None)
        if k is None:
            return None
        end_s = self._end_s(k)
        if max(self._watermark_s.values()) >= end_s + self._grace_s:
            return k
        return None if any(self._awaited(m, end_s) for m in self._specs) else k

    def _end_s(self, k: int) -> float:
        return k * self._hop_s + self._phase_s

    def _awaited(self, modality: Modality, end_s: float) -> bool:
        """Whether a modality may soon give a window for a grid end that it has not reached."""
        if modality in self._ended or self._given_s[modality] > end_s - 1e-6:
            return False
        return not self._silent(modality) and self._watermark_s[modality] < end_s + SETTLE_S

    def _silent(self, modality: Modality) -> bool:
        heard_s = max(self._watermark_s[modality], self._first_s)
        return max(self._watermark_s.values()) - heard_s > self._patience_s

    def _emit(self, k: int) -> AlignedWindows:
        if self._emitted is not None:
            self._skipped += k - self._emitted - 1
        self._emitted = k
        windows = {m: self._window(m, k) for m in self._specs}
        return AlignedWindows(self._end_s(k), MappingProxyType(windows))

    def _window(self, modality: Modality, k: int) -> FeatureWindow:
        window = self._pending[modality].pop(k, None)
        if window is not None:
            return window
        spec, end_s = self._specs[modality], self._end_s(k)
        return FeatureWindow.absent(
            spec, start_s=end_s - spec.window_s, end_s=end_s, reason=self._why(modality, end_s)
        )

    def _why(self, modality: Modality, end_s: float) -> str:
        behind = min(self._pending[modality].values(), key=lambda w: w.end_s, default=None)
        if behind is not None and behind.start_s < end_s and not behind.usable:
            return behind.reason  # one absent window that stands for many grid ends
        if behind is not None:
            return f"{modality}: no window up to {end_s:.3f} s, its signal starts later"
        seen_s = self._watermark_s[modality]
        if modality in self._ended:
            return f"{modality}: the stream has ended"
        if math.isinf(seen_s):
            return f"{modality}: nothing has arrived yet"
        if seen_s >= end_s:
            return f"{modality}: not enough signal yet for a window"
        if self._silent(modality):
            return f"{modality}: silent since {seen_s:.3f} s"
        late = f"late by more than {1e3 * self._grace_s:.0f} ms"
        return f"{modality}: nothing arrived up to {end_s:.3f} s ({late})"
