"""From a gaze stream's chunks to one window of eye-movement features per grid end."""

from dataclasses import replace
from math import ceil, floor, inf
from typing import ClassVar

import numpy as np

from hadua.adapters.devices.gaze import map_gaze
from hadua.adapters.devices.gaze_report import GazeReport
from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eye_movement import EyeMovementFeatures, eye_feature_spec
from hadua.adapters.features.eye_pupil import CELL_HZ, MAX_HOLE_CELLS
from hadua.adapters.features.smoothing import CausalKalman
from hadua.adapters.quality.gaze_watch import objection, screen_edges_deg
from hadua.adapters.sources.source import SampleChunk, StreamSpec, joined
from hadua.adapters.state import Fields
from hadua.adapters.windows.windower import LONG_GAP_S
from hadua.models.errors import StreamInvalidError
from hadua.models.features import FeatureSpec, FeatureWindow

# After a longer silence nothing from before it is used: holes in the pupil's history are bridged up
# to this length, and an event that nobody saw the end of tells nothing.
FORGOTTEN_S = MAX_HOLE_CELLS / CELL_HZ
# Smoothed levels are those of a person, and live as long as those of the EEG.
LEVELS_FORGOTTEN_S = 60.0
_ROUNDING_S = 1e-9
HELD_AT_MOST = 128
"""Samples that are put aside at most, a second at 120 Hz: to work on that many takes four times as
long as on one, and the last of a window may have to wait for it."""


class EyeExtractor:
    """Emits `[e - window_s, e)` once no further sample of it is to be expected.

    That is after the first sample within a period of the nominal rate before `e`; and, where the
    stream is irregular or skips it, with the first sample at or after `e`.

    Ends `e` are multiples of the hop in LSL time, plus the phase. The first window is the first
    that lies wholly after the stream's first sample. From then on there is one window per end, in
    order: a silence, a lost eye or a gaze beside the screen gives absent windows with their reason.
    A silence longer than `LONG_GAP_S` is accounted for by a single one from there on; after one
    that is longer than `FORGOTTEN_S` nothing is remembered of the time before. What is emitted does
    not depend on how chunks were cut, so samples that end no window are put aside and worked on
    together with the one that does, or when `settle` says that there is time. Samples older than
    the newest seen are left out and counted: after a clock that jumped back, call `reset`.

    Args:
        stream: The gaze stream.
        spec: Features wanted: `hadua-eye/1` with any window, hop and smoothing.
        screen: The screen in front of the participant.
        phase_s: Where windows end within a hop.

    Raises:
        FeatureMismatchError: `spec` is not of `hadua-eye/1`.
    """

    STATE: ClassVar[Fields] = {
        "_features": EyeMovementFeatures,
        "_kalman": CausalKalman | None,
        "_samples_stale": int,
        "_next_k": int | None,
        "_newest_s": float | None,
    }

    def __init__(
        self, stream: StreamSpec, spec: FeatureSpec, *, screen: Screen, phase_s: float = 0.0
    ) -> None:
        own = eye_feature_spec(window_s=spec.window_s, hop_s=spec.hop_s)
        spec.require(replace(own, smoothing=spec.smoothing), where=f"stream {stream.name!r}")
        self._spec, self._phase_s = spec, phase_s
        self._mapping = map_gaze(stream, screen=screen)
        self._features = EyeMovementFeatures(
            spec.window_s,
            rate_hz=stream.rate_hz or None,
            edges_deg=screen_edges_deg(self._mapping, screen),
        )
        self._kalman = CausalKalman(spec.smoothing, len(spec.names)) if spec.smoothing else None
        # A sample this close before a window's end is its last one: the next lies at the end or
        # beyond it.
        self._last_within_s = 1.001 / stream.rate_hz if stream.rate_hz else 0.0
        self._samples_stale = 0
        self.reset()

    @property
    def spec(self) -> FeatureSpec:
        """What it extracts."""
        return self._spec

    @property
    def due_s(self) -> float:
        """No sample stamped earlier completes a window."""
        return -inf if self._seen_s is None else self._due_s()

    @property
    def sure_s(self) -> float:
        """A sample stamped so, or later, completes the window."""
        return self.due_s

    @property
    def next_end_s(self) -> float:
        """End of the window that comes next; minus infinity before the first sample."""
        return -inf if self._seen_s is None else self._end_s()

    @property
    def begin_due_s(self) -> float:
        """Never: samples are worked on as they come."""
        return inf

    @property
    def last_s(self) -> float:
        """Of no window: samples are worked on as they come."""
        return inf

    def rehearse(self) -> None:
        """Nothing: most is done, and what is left is done for every sample."""

    @property
    def report(self) -> GazeReport:
        """What of the stream it uses."""
        return self._mapping.report

    @property
    def watermark_s(self) -> float | None:
        """Every window that ends at or before this has been emitted; None before any sample."""
        return self._seen_s

    @property
    def samples_stale(self) -> int:
        """How many samples were left out because newer ones had been seen."""
        return self._samples_stale

    def reset(self) -> None:
        """Forget the signal and the smoothing, but not the mapping."""
        self._features.reset()
        if self._kalman is not None:
            self._kalman.reset()
        self._next_k: int | None = None
        self._newest_s: float | None = None  # of the samples that were worked on
        self._held: list[SampleChunk] = []
        self._n_held = 0

    @property
    def _seen_s(self) -> float | None:
        """Stamp of the newest sample, put aside or not."""
        held = self._held
        return float(held[-1].t_s[-1]) if held else self._newest_s

    def push(self, chunk: SampleChunk) -> list[FeatureWindow]:
        """Take a chunk; return the windows that its samples complete, in order.

        Raises:
            StreamInvalidError: a chunk of another stream.
        """
        self._require_own(chunk)
        if not len(chunk):
            return []
        if self._may_wait(chunk):
            self._held.append(chunk)
            self._n_held += len(chunk)
            return []
        if self._seen_s is not None and chunk.t_s[0] < self._seen_s:
            self.settle()  # so that what is stale is known as such
        return self._take(self._with_held(chunk))

    def settle(self, *, least: int = 1) -> None:
        """Work on the samples that were put aside, if there are so many."""
        if self._n_held >= max(least, 1):
            self._take(self._with_held())

    def _may_wait(self, chunk: SampleChunk) -> bool:
        """Whether it ends no window, and nothing is odd about it."""
        seen_s = self._seen_s
        return (
            seen_s is not None
            and seen_s <= chunk.t_s[0]
            and chunk.t_s.max() < self._due_s()
            and self._n_held + len(chunk) <= HELD_AT_MOST
        )

    def _with_held(self, *chunks: SampleChunk) -> SampleChunk:
        """All that was put aside, which it is no longer, and what comes after it."""
        both = (*self._held, *chunks)
        self._held, self._n_held = [], 0
        return joined(both)

    def _take(self, chunk: SampleChunk) -> list[FeatureWindow]:
        samples = self._mapping.apply(chunk)
        windows: list[FeatureWindow] = []
        done = self._stale(samples)
        while done < len(samples):
            next_s = float(samples.t_s[done])
            windows += self._until(next_s)
            stop = min(self._last_of_window(samples, done), _before_silence(samples, done))
            self._features.push(samples.between(done, stop))
            self._newest_s = float(samples.t_s[stop - 1])
            if self._newest_s >= self._due_s():
                windows.append(self._next_window())
            done = stop
        return windows

    def _last_of_window(self, samples: GazeSamples, done: int) -> int:
        """Index behind the last sample of the window that comes next."""
        end_s = self._end_s()
        beyond = int(samples.t_s.searchsorted(end_s))
        last = int(samples.t_s.searchsorted(end_s - self._last_within_s))
        return min(beyond, max(last, done) + 1)

    def _stale(self, samples: GazeSamples) -> int:
        """How many samples at the start are older than the newest seen."""
        if self._newest_s is None:
            return 0
        n = int(samples.t_s.searchsorted(self._newest_s))
        self._samples_stale += n
        return n

    def _require_own(self, chunk: SampleChunk) -> None:
        own = self._mapping.stream
        if chunk.spec is not own and chunk.spec != own:
            raise StreamInvalidError(
                f"stream {own.name!r}: a chunk of another stream",
                got=f"{chunk.spec.name!r} with {len(chunk.spec.channels)} channels",
                expected=f"{own.name!r} with {len(own.channels)} as it was mapped",
                hint="Map the stream anew if it came back changed.",
            )

    def _end_s(self) -> float:
        """End of the window that comes next."""
        return (self._next_k or 0) * self._spec.hop_s + self._phase_s

    def _due_s(self) -> float:
        """No sample stamped earlier completes the window that comes next."""
        return self._end_s() - self._last_within_s

    def _until(self, t_s: float) -> list[FeatureWindow]:
        """The windows that a sample at `t_s` completes."""
        hop_s = self._spec.hop_s
        if self._next_k is None or self._newest_s is None:
            earliest_s = t_s + self._spec.window_s - self._phase_s
            self._next_k = ceil((earliest_s - _ROUNDING_S) / hop_s)
            return []
        windows: list[FeatureWindow] = []
        while self._end_s() <= t_s:
            if self._end_s() > self._newest_s + LONG_GAP_S:
                windows.append(self._silence(t_s, silent_s=t_s - self._newest_s))
                break
            windows.append(self._next_window())
        return windows

    def _silence(self, t_s: float, *, silent_s: float) -> FeatureWindow:
        """One absent window for all ends up to `t_s`; forgets what is too long ago."""
        hop_s, first_s = self._spec.hop_s, self._end_s()
        last_k = max(self._next_k or 0, floor((t_s - self._phase_s) / hop_s))
        if self._kalman is not None:
            self._kalman.skip(last_k + 1 - (self._next_k or 0))
            if silent_s > LEVELS_FORGOTTEN_S:
                self._kalman.reset()
        if silent_s > FORGOTTEN_S:
            self._features.reset()
        self._next_k = last_k + 1
        return FeatureWindow.absent(
            self._spec,
            start_s=first_s - self._spec.window_s,
            end_s=last_k * hop_s + self._phase_s,
            reason=f"eye: nothing came for {silent_s:.1f} s",
        )

    def _next_window(self) -> FeatureWindow:
        end_s = self._end_s()
        self._next_k = (self._next_k or 0) + 1
        start_s = end_s - self._spec.window_s
        found = self._features.window(end_s)
        why_not = objection(found.signal) if found.present.any() else ""
        reason = self.report.problem or why_not or found.reason
        present = np.zeros_like(found.present) if why_not else found.present
        values = found.values
        if self._kalman is not None:
            values = self._kalman.update(values, present)
        values = np.where(present, values, np.nan)
        return FeatureWindow(
            self._spec,
            values,
            start_s,
            end_s,
            found.quality,
            present,
            reason,
            signal=found.signal,
            masked=bool(why_not),
        )


def _before_silence(samples: GazeSamples, done: int) -> int:
    """Index of the first sample after `done` that follows a silence; all of them if none does."""
    t_s = samples.t_s[done:]
    silent = t_s[1:] - t_s[:-1] > LONG_GAP_S
    return done + 1 + int(silent.argmax()) if silent.any() else len(samples)
