"""Cuts a recording's windows into one trial for each labelled interval."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from hadua.adapters.datasets.feature_set import FeatureTrial
from hadua.adapters.datasets.own_recordings import LabelledInterval, LabelTable, OwnRecording
from hadua.adapters.windows.alignment import AlignedWindows
from hadua.models.errors import RecordingError
from hadua.models.features import FeatureSpec, FloatArray, Modality
from hadua.service.training.data import label, usable

Specs = Mapping[Modality, FeatureSpec]

TOLERANCE_S = 1.0
"""How far an interval may reach beyond the recording: labels are rarely as exact as samples."""


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """A recording after extraction.

    Args:
        windows: In order.
        first_s: Its first sample, LSL seconds.
        last_s: Its last one.
    """

    windows: Sequence[AlignedWindows]
    first_s: float
    last_s: float


def trials_of(
    recording: OwnRecording, played: Played, table: LabelTable, *, specs: Specs, subject: int
) -> list[FeatureTrial]:
    """The trials of a recording, numbered 1 until all are there."""
    zero_s = played.first_s if recording.clock == "relative" else 0.0
    starts_s = [interval.start_s + zero_s for interval in recording.intervals]
    owner = label(played.windows, _interval_at(starts_s, recording.intervals, zero_s))
    trials = []
    for k, interval in enumerate(recording.intervals):
        rows = np.flatnonzero(owner == k)
        if not len(rows):
            raise _nothing_inside(interval, recording, played, table, zero_s=zero_s, specs=specs)
        _require_inside(interval, recording, played, table, zero_s=zero_s)
        where = f"{recording.file}, line {interval.line}"
        y = table.classes.index(interval.label)
        for windows in _runs(
            [played.windows[i] for i in rows.tolist()], next(iter(specs.values())).hop_s
        ):
            values = {m: _values(windows, m, spec) for m, spec in specs.items()}
            labels = np.full(len(windows), y, np.int64)
            trials.append(
                FeatureTrial(
                    subject, recording.session, 1, interval.stimulus, values, labels, where
                )
            )
    return trials


def _interval_at(
    starts_s: Sequence[float], intervals: Sequence[LabelledInterval], zero_s: float
) -> Callable[[float, float], int | None]:
    """Which interval holds a whole window; the ends of both may touch."""

    def index(start_s: float, end_s: float) -> int | None:
        k = int(np.searchsorted(starts_s, start_s + 1e-6, side="right")) - 1
        return k if k >= 0 and end_s <= intervals[k].end_s + zero_s + 1e-6 else None

    return index


def _require_inside(
    interval: LabelledInterval,
    recording: OwnRecording,
    played: Played,
    table: LabelTable,
    *,
    zero_s: float,
) -> None:
    first_s, last_s = played.first_s - zero_s, played.last_s - zero_s
    expected = (
        f"within the recording, {first_s:.3f} to {last_s:.3f} s on its {recording.clock} clock"
    )
    other = "relative" if recording.clock == "lsl" else "lsl"
    hint = f"If the times are on the {other} clock, say so in the column 'clock'."
    if interval.start_s < first_s - TOLERANCE_S:
        got = f"{interval.start_s:g} s"
        raise table.error(interval.line, "start_s", got=got, expected=expected, hint=hint)
    if interval.end_s > last_s + TOLERANCE_S:
        got = f"{interval.end_s:g} s"
        raise table.error(interval.line, "end_s", got=got, expected=expected, hint=hint)


def _nothing_inside(
    interval: LabelledInterval,
    recording: OwnRecording,
    played: Played,
    table: LabelTable,
    *,
    zero_s: float,
    specs: Specs,
) -> RecordingError:
    _require_inside(interval, recording, played, table, zero_s=zero_s)
    window_s, hop_s = min((spec.window_s, spec.hop_s) for spec in specs.values())
    return table.error(
        interval.line,
        "end_s",
        got=f"an interval of {interval.end_s - interval.start_s:g} s without a whole window",
        expected=f"at least {window_s + hop_s:g} s of signal: windows of {window_s:g} s "
        f"every {hop_s:g} s",
    )


def _runs(windows: Sequence[AlignedWindows], hop_s: float) -> Iterator[Sequence[AlignedWindows]]:
    """Windows without a hole in their grid, one run after the other."""
    ends_s = np.array([window.end_s for window in windows])
    borders = [0, *(np.flatnonzero(np.diff(ends_s) > 1.5 * hop_s) + 1).tolist(), len(windows)]
    for start, stop in pairwise(borders):
        yield windows[start:stop]


def _values(windows: Sequence[AlignedWindows], modality: Modality, spec: FeatureSpec) -> FloatArray:
    """`(n_windows, n_features)`, NaN where nothing was measured that a session would use."""
    values = np.full((len(windows), len(spec.names)), np.nan)
    for row, window in zip(values, windows, strict=True):
        mine = window.windows.get(modality)
        if mine is not None and usable(mine):
            row[mine.present] = mine.values[mine.present]
    return values


def numbered(trials: Sequence[FeatureTrial]) -> tuple[FeatureTrial, ...]:
    """Person after person, sitting after sitting, numbered within each sitting."""
    counts: dict[tuple[int, int], int] = {}
    out = []
    for trial in sorted(trials, key=lambda t: (t.subject, t.session)):
        sitting = trial.subject, trial.session
        counts[sitting] = counts.get(sitting, 0) + 1
        out.append(replace(trial, trial=counts[sitting]))
    return tuple(out)
