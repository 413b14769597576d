"""From recordings to arrays that a network can learn from, by the very steps of the live path.

The extractors, the aligner, the rule of what counts as measured and the normaliser are those that
`Pipeline` runs; only the label is added. Here adapters and calibration meet.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.extractor import Extractor
from hadua.adapters.features.eye_extractor import EyeExtractor
from hadua.adapters.features.normalisation import Normaliser
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.adapters.windows.alignment import AlignedWindows, Aligner
from hadua.calibration.labelled import UNLABELLED, LabelledWindows, concatenate
from hadua.calibration.windows import IntArray, Windows
from hadua.models.features import BoolArray, FeatureSpec, FeatureWindow, FloatArray, Modality

Specs = Mapping[Modality, FeatureSpec]
Statistics = Mapping[Modality, tuple[FloatArray, FloatArray]]

MODALITIES = (Modality.EEG, Modality.EYE)
MIN_COVERAGE = {Modality.EEG: 0.75, Modality.EYE: 0.5}
"""Share of a modality's features that a window needs to count as measured, here and when served."""


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """The windows of one recording of one person, before normalisation.

    Args:
        subject: Index of the person.
        windows: Aligned windows in order of time.
        y: `(n_windows,)` class index or `UNLABELLED`.
    """

    subject: int
    windows: Sequence[AlignedWindows]
    y: IntArray


def extract(
    streams: Mapping[Modality, tuple[StreamSpec, Iterator[SampleChunk]]], specs: Specs
) -> list[AlignedWindows]:
    """Run the streams of one recording through extractors and aligner, the later one waiting."""
    extractors = {m: _extractor(spec, streams[m][0]) for m, spec in specs.items()}
    aligner = Aligner(list(specs.values()))
    chunks = {m: streams[m][1] for m in specs}
    out: list[AlignedWindows] = []
    while chunks:
        behind = min(chunks, key=lambda m: extractors[m].watermark_s or -np.inf)
        chunk = next(chunks[behind], None)
        if chunk is None:
            del chunks[behind]
            continue
        windows = extractors[behind].push(chunk)
        out += aligner.push(behind, windows, watermark_s=extractors[behind].watermark_s)
    return out


def label(
    windows: Sequence[AlignedWindows], state_of: Callable[[float, float], int | None]
) -> IntArray:
    """`(n,)` class of each window, `UNLABELLED` where it holds more than one.

    Args:
        windows: Windows in order.
        state_of: Class throughout a stretch from start to end (LSL seconds), or None.
    """
    y = [state_of(_start_s(w), w.end_s) for w in windows]
    return np.array([UNLABELLED if c is None else c for c in y], np.int64)


def statistics(recordings: Sequence[Recorded], specs: Specs) -> Statistics:
    """Mean and standard deviation of every feature over people, each counting the same.

    A feature that was never measured, or never varied, gets the standard deviation 1.
    """
    return {m: _moments([_table(r, m) for r in recordings]) for m in specs}


def normalised(
    recording: Recorded,
    specs: Specs,
    source: Statistics,
    *,
    baseline_s: float = 0.0,
) -> LabelledWindows:
    """Normalise a recording as a session does that starts with it.

    Args:
        recording: What to normalise.
        specs: Features of each modality of the model.
        source: Statistics of the people the network is trained on.
        baseline_s: Length of the resting baseline at its start; 0 for none.
    """
    n, hop_s = len(recording.windows), next(iter(specs.values())).hop_s
    baseline = _Rest(baseline_s, [w.end_s for w in recording.windows], hop_s)
    x = {m: np.zeros((n, 0), np.float32) for m in MODALITIES}
    present = np.zeros((n, len(MODALITIES)), np.bool_)
    for k, m in enumerate(MODALITIES):
        if m not in specs:
            continue
        table = _table(recording, m)
        present[:, k] = table.used
        applied = _apply(Normaliser(*source[m]), table, baseline)
        x[m] = np.where(present[:, k, None], applied, 0.0).astype(np.float32)
    subject = np.full(n, recording.subject, np.int64)
    windows = Windows(
        x[Modality.EEG],
        x[Modality.EYE],
        present,
        subject,
        np.ones_like(subject),
        _stretches(recording, hop_s),
    )
    return LabelledWindows(windows, recording.y)


def assemble(
    recordings: Sequence[Recorded],
    specs: Specs,
    source: Statistics,
    *,
    baselines: Sequence[float] = (0.0,),
) -> LabelledWindows:
    """All recordings as one set, each once per baseline length, as separate stretches."""
    return concatenate(
        [
            normalised(recording, specs, source, baseline_s=baseline_s)
            for baseline_s in baselines
            for recording in recordings
        ]
    )


def _extractor(spec: FeatureSpec, stream: StreamSpec) -> Extractor:
    if spec.modality is Modality.EEG:
        return EegExtractor(stream, spec)
    return EyeExtractor(stream, spec, screen=Screen())


def _start_s(window: AlignedWindows) -> float:
    """Start of the shortest modality's window: the stretch that the label speaks of."""
    return max(w.start_s for w in window.windows.values())


def usable(window: FeatureWindow) -> bool:
    """Whether a session would use it: the rule of `Pipeline` for what is not masked."""
    return window.usable and window.coverage >= MIN_COVERAGE[window.spec.modality]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The windows of one modality: what is used of them, and what may be learned from.

    Args:
        values: `(n, d)`.
        present: `(n, d)` where there is a value.
        measured: `(n, d)` where it was measured of a channel that was good.
        used: `(n,)` windows that are not masked.
    """

    values: FloatArray
    present: BoolArray
    measured: BoolArray
    used: BoolArray


def _table(recording: Recorded, modality: Modality) -> _Table:
    windows = [w.windows[modality] for w in recording.windows]
    used = np.array([usable(w) for w in windows], np.bool_)
    return _Table(
        np.stack([w.values for w in windows]),
        np.stack([w.present for w in windows]),
        np.stack([w.measured for w in windows]) & used[:, None],
        used,
    )


@dataclass(frozen=True, slots=True)
class _Rest:
    """When a session's resting baseline begins and ends; the rules of `Pipeline`."""

    baseline_s: float
    ends_s: Sequence[float]
    hop_s: float

    @property
    def windows(self) -> int:
        return math.ceil(self.baseline_s / self.hop_s)

    def is_over(self, i: int) -> bool:
        return self.ends_s[i] >= self.ends_s[0] + self.baseline_s


def _apply(normaliser: Normaliser, table: _Table, rest: _Rest) -> FloatArray:
    """`(n, d)`; a baseline is observed window by window and counts from its last one on."""
    if rest.windows:
        normaliser = normaliser.begin_baseline(rest.windows)
    out = np.zeros_like(table.values)
    for i, x in enumerate(table.values):
        if normaliser.observing and table.used[i]:
            normaliser = normaliser.observe(x, table.measured[i])
        if rest.is_over(i):
            normaliser = normaliser.end_baseline()
        out[i] = normaliser.apply(x, table.present[i])
    return out


def _moments(tables: Sequence[_Table]) -> tuple[FloatArray, FloatArray]:
    weights = np.concatenate([t.measured / np.maximum(t.measured.sum(axis=0), 1) for t in tables])
    values = np.concatenate([np.where(t.measured, t.values, 0.0) for t in tables])
    total = np.maximum(weights.sum(axis=0), 1e-12)
    mean = (weights * values).sum(axis=0) / total
    sd = np.sqrt((weights * (values - mean) ** 2).sum(axis=0) / total)
    return mean, np.where(sd > 1e-6 * np.maximum(np.abs(mean), 1.0), sd, 1.0)


def _stretches(recording: Recorded, hop_s: float) -> IntArray:
    """`(n,)` ids: a new one wherever the grid of windows has a hole."""
    ends = np.array([w.end_s for w in recording.windows])
    return np.cumsum(np.r_[False, np.diff(ends) > 1.5 * hop_s][: len(ends)]).astype(np.int64)
