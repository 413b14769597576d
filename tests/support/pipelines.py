"""A simulated recording, pipelines over it, and what they should say, reckoned another way."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import torch

from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eeg_extractor import EegExtractor
from hadua.adapters.features.eye_extractor import EyeExtractor
from hadua.adapters.features.normalisation import Normaliser
from hadua.adapters.sources.simulated_faults import Faults, parse_faults
from hadua.adapters.sources.simulator import Simulation, make_pair
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk, StreamSpec
from hadua.models.bundle import Bundle
from hadua.models.export import load_network
from hadua.models.features import FeatureWindow, FloatArray, Modality
from hadua.models.prediction import Prediction, softmax
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.pipeline import Pipeline

ORIGIN_S = 1000.0
SECONDS = 10.0
CHANNELS = ("FP1", "FP2", "CZ", "OZ", "C3", "C4")

Chunks = Mapping[Modality, Sequence[SampleChunk]]
Windows = Mapping[Modality, Mapping[float, FeatureWindow]]


@cache
def recorded(faults: str = "") -> Chunks:
    """EEG and gaze of one person, in the simulator's own chunks."""
    return made(Simulation(person=2, seed=5), seconds=SECONDS, faults=faults)


def made(simulation: Simulation, *, seconds: float, faults: str = "") -> Chunks:
    """What a simulated person gives in so many seconds."""
    pair = make_pair(
        simulation,
        origin_s=ORIGIN_S,
        speed=None,
        duration_s=seconds,
        faults=Faults(parse_faults(faults)),
    )
    chunks: dict[Modality, list[SampleChunk]] = {}
    for source in pair:
        source.open(1.0)
        chunks[source.modality] = mine = []
        try:
            while (chunk := source.read(1.0)) is not None:
                mine.append(chunk)
        except EndOfStreamError:
            source.close()
    return chunks


def in_turns(chunks: Chunks) -> list[tuple[Modality, SampleChunk]]:
    """The chunks of all streams by the time of their last sample."""
    every = [(m, chunk) for m, mine in chunks.items() for chunk in mine]
    return sorted(every, key=lambda pair: float(pair[1].t_s[-1]))


def pipeline_over(
    bundle: Bundle,
    chunks: Chunks,
    *,
    runtime: Runtime | None = None,
    baseline_s: float = 0.0,
    screen: Screen | None = None,
    phase_s: float = 0.0,
) -> Pipeline:
    """A pipeline for these streams; its clock stands still."""
    return Pipeline(
        bundle,
        runtime or load_runtime(bundle, device="cpu"),
        streams_of(chunks),
        clock=lambda: 0.0,
        baseline_s=baseline_s,
        screen=screen,
        phase_s=phase_s,
    )


def streams_of(chunks: Chunks) -> dict[Modality, StreamSpec]:
    return {m: mine[0].spec for m, mine in chunks.items()}


def stepped(pipeline: Pipeline, chunks: Chunks) -> list[Prediction]:
    """Every prediction, those at the end of the streams too."""
    results = [r for m, chunk in in_turns(chunks) for r in pipeline.step(m, chunk)]
    results += [r for m in chunks for r in pipeline.end(m)]
    return [r.prediction for r in results]


def recut(chunks: Sequence[SampleChunk], sizes: Iterable[int]) -> list[SampleChunk]:
    """The same samples in chunks of these sizes, cut at gaps as well."""
    out: list[SampleChunk] = []
    sizes = iter(sizes)
    gaps = [i for i, chunk in enumerate(chunks) if chunk.gap_before]
    for start, stop in pairwise(sorted({0, *gaps, len(chunks)})):
        part = chunks[start:stop]
        t_s = np.concatenate([c.t_s for c in part])
        x = np.concatenate([c.x for c in part])
        done = 0
        while done < len(t_s):
            at = slice(done, done + next(sizes))
            gap = part[0].gap_before and done == 0
            out.append(SampleChunk(part[0].spec, t_s[at].copy(), x[at].copy(), gap))
            done = at.stop
    return out


def shifted(chunks: Sequence[SampleChunk], by_s: float) -> list[SampleChunk]:
    """The same chunks `by_s` later, after a gap."""
    return [
        SampleChunk(c.spec, c.t_s + by_s, c.x, c.gap_before or i == 0) for i, c in enumerate(chunks)
    ]


def features_of(bundle: Bundle, chunks: Chunks) -> Windows:
    """The feature windows of each modality by grid end: one extractor, all samples at once."""
    windows: dict[Modality, dict[float, FeatureWindow]] = {}
    for modality, mine in chunks.items():
        spec, stream = bundle.specs[modality], mine[0].spec
        extractor = (
            EegExtractor(stream, spec)
            if modality is Modality.EEG
            else EyeExtractor(stream, spec, screen=Screen())
        )
        windows[modality] = {w.end_s: w for c in mine for w in extractor.push(c)}
    return windows


def reckoned(
    bundle: Bundle,
    windows: Windows,
    ends_s: Sequence[float],
    *,
    baseline: Mapping[Modality, Normaliser] | None = None,
    baseline_from_s: Mapping[Modality, float] | None = None,
) -> list[FloatArray | None]:
    """Probabilities at each grid end by the network as it was trained, one window after another.

    Args:
        bundle: The model.
        windows: As `features_of` gives them.
        ends_s: Grid ends that are answered.
        baseline: Statistics after the resting baseline, by modality.
        baseline_from_s: First end at which they are in force.
    """
    network = load_network(bundle)
    source = {m: Normaliser(n.mean, n.std) for m, n in bundle.normalisation.items()}
    tokens: list[dict[Modality, FloatArray]] = []
    answers: list[FloatArray | None] = []
    for i, end_s in enumerate(ends_s):
        token: dict[Modality, FloatArray] = {}
        for m in windows:
            window = windows[m].get(end_s)
            if window is None or window.present.mean() < bundle.manifest.min_coverage[m]:
                continue
            after = baseline and baseline_from_s and end_s >= baseline_from_s[m]
            normaliser = baseline[m] if baseline and after else source[m]
            token[m] = normaliser.apply(window.values, window.present)
        if i and end_s - ends_s[i - 1] > 1.001 * bundle.hop_s:
            tokens.clear()
        tokens = [*tokens, token][-bundle.context :]
        if not token:
            answers.append(None)
            continue
        inputs = [
            torch.tensor(
                np.array([t.get(m, np.zeros(bundle.width(m))) for t in tokens])[None],
                dtype=torch.float32,
            )
            for m in (Modality.EEG, Modality.EYE)
        ]
        present = torch.tensor([[[m in t for m in (Modality.EEG, Modality.EYE)] for t in tokens]])
        with torch.no_grad():
            logits = network(*inputs, present)[0].numpy()
        answers.append(softmax(logits, temperature=bundle.manifest.temperature))
    return answers
