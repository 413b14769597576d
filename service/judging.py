"""How good the signal of a stream is by the samples of a few seconds, before any session."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hadua.adapters.devices.gaze import map_gaze
from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.extractor import Extractor
from hadua.adapters.features.eye_extractor import EyeExtractor
from hadua.adapters.features.eye_movement import eye_feature_spec
from hadua.adapters.quality.gaze_watch import screen_edges_deg
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.models.bundle import Bundle
from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.models.quality import ChannelState, EegQuality, GazeQuality

EYE_WINDOW_S, EYE_HOP_S = 2.0, 0.25
MOST_POINTS = 240


@dataclass(frozen=True, slots=True, eq=False)
class GazeSeen:
    """Where gaze was on the screen.

    Args:
        points: `(x, y)` in halves of the screen from its middle, to the right and down; at most
            `MOST_POINTS`, evenly spread over the time.
        lost: Share of the samples in which the left and the right eye were not measured.
    """

    points: tuple[tuple[float, float], ...]
    lost: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a few seconds of a stream are worth.

    Args:
        windows: How many windows were judged.
        eeg: Of the newest window.
        bad_share: In how many of the windows each of the model's channels was bad, by name.
        eye: Of the newest window.
        gaze: Where it was.
        problem: Why nothing could be judged; empty otherwise.
    """

    windows: int = 0
    eeg: EegQuality | None = None
    bad_share: Mapping[str, float] = field(default_factory=dict)
    eye: GazeQuality | None = None
    gaze: GazeSeen | None = None
    problem: str = ""


def judged(
    spec: StreamSpec,
    chunks: Sequence[SampleChunk],
    modality: Modality,
    *,
    bundle: Bundle,
    screen: Screen,
) -> Judged:
    """Judge consecutive chunks of one stream."""
    chunks = joined(chunks)
    try:
        if modality is Modality.EYE:
            return _of_gaze(spec, chunks, screen)
        if modality in bundle.specs:
            return _of_eeg(EegExtractor(spec, bundle.specs[modality]), chunks)
    except HaduaError as error:
        return Judged(problem=str(error))
    return Judged(problem="the bundle has no input for it")


def joined(chunks: Sequence[SampleChunk]) -> list[SampleChunk]:
    """The same samples in as few chunks as there are stretches: hundreds cost ten times as much."""
    stretches: list[list[SampleChunk]] = []
    for chunk in chunks:
        if stretches and not chunk.gap_before and chunk.spec == stretches[-1][0].spec:
            stretches[-1].append(chunk)
        else:
            stretches.append([chunk])
    return [
        SampleChunk(
            some[0].spec,
            np.concatenate([c.t_s for c in some]),
            np.concatenate([c.x for c in some]),
            some[0].gap_before,
        )
        for some in stretches
    ]


def _of_eeg(extractor: Extractor, chunks: Sequence[SampleChunk]) -> Judged:
    windows = [s for s in _signals(extractor, chunks) if isinstance(s, EegQuality)]
    if not windows:
        return Judged(problem=f"no whole window of {extractor.spec.window_s:g} s was heard")
    states = [[c.state for c in window.channels()] for window in windows]
    bad = np.array([[state is ChannelState.BAD for state in row] for row in states], np.float64)
    shares = dict(zip(windows[-1].names, bad.mean(axis=0).tolist(), strict=True))
    return Judged(len(windows), eeg=windows[-1], bad_share=shares)


def _of_gaze(spec: StreamSpec, chunks: Sequence[SampleChunk], screen: Screen) -> Judged:
    features = eye_feature_spec(window_s=EYE_WINDOW_S, hop_s=EYE_HOP_S)
    extractor = EyeExtractor(spec, features, screen=screen)
    if extractor.report.problem:
        return Judged(problem=extractor.report.problem)
    windows = [s for s in _signals(extractor, chunks) if isinstance(s, GazeQuality)]
    if not windows:
        return Judged(problem=f"no whole window of {EYE_WINDOW_S:g} s was heard")
    return Judged(len(windows), eye=windows[-1], gaze=_gaze_seen(spec, chunks, screen))


def _signals(extractor: Extractor, chunks: Sequence[SampleChunk]) -> list[object]:
    return [w.signal for chunk in chunks for w in extractor.push(chunk)]


def _gaze_seen(spec: StreamSpec, chunks: Sequence[SampleChunk], screen: Screen) -> GazeSeen:
    mapping = map_gaze(spec, screen=screen)
    samples = [mapping.apply(chunk) for chunk in chunks]
    valid = np.concatenate([s.valid for s in samples])
    edges = screen_edges_deg(mapping, screen, margin=0.0)
    half = np.array([[math.tan(math.radians(e)) for e in edge] for edge in edges])
    x = np.tan(np.radians(np.concatenate([s.x_deg for s in samples]))) / half[:, 0]
    y = np.tan(np.radians(np.concatenate([s.y_deg for s in samples]))) / half[:, 1]
    seen = np.flatnonzero(valid.any(axis=1))
    few = seen[:: max(1, math.ceil(len(seen) / MOST_POINTS))]
    points = np.stack((np.nanmean(x[few], axis=1), np.nanmean(y[few], axis=1)), axis=1)
    lost = (1.0 - valid.mean(axis=0)).tolist()
    return GazeSeen(
        tuple((round(a, 3), round(b, 3)) for a, b in points.tolist()), (lost[0], lost[1])
    )
