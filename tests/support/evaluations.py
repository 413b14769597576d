"""Folds of made-up methods that are right as often as they are told to be, and their evaluation."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from hadua.models.features import FeatureSpec, Modality
from hadua.service.evaluation.provenance import DataOrigin, Provenance, provenance
from hadua.service.evaluation.results import Evaluation, FoldResult, Protocol
from hadua.service.evaluation.summary import summarise

CLASSES = ("sad", "neutral", "happy")
TITLES = {"source-only": "Source only", "coral": "CORAL", "ours": "HADUA, ours"}
HONEST: tuple[Protocol, ...] = ("transductive", "inductive", "prequential")


def fold(
    method: str = "ours",
    protocol: Protocol = "inductive",
    person: str = "p1",
    *,
    seed: int = 0,
    right: Sequence[bool] = (True, True, False, True),
    n_classes: int = 3,
    threshold: float | None = None,
    seconds: float = 1.0,
) -> FoldResult:
    """A fold that is right exactly where it is told to be; classes come in turn."""
    hit = np.array(right)
    y = np.arange(len(hit)) % n_classes
    rng = np.random.default_rng(len(hit))
    named = np.where(hit, y, (y + 1) % n_classes)
    p = rng.uniform(0.0, 0.2, (len(hit), n_classes))
    p[np.arange(len(hit)), named] += rng.uniform(0.4, 1.0, len(hit))
    return FoldResult(
        method=method,
        protocol=protocol,
        seed=seed,
        person=person,
        y=y,
        probabilities=p / p.sum(axis=1, keepdims=True),
        session=np.ones(len(hit), np.int64),
        order=np.arange(len(hit)),
        seconds=seconds,
        threshold=threshold,
    )


def folds(
    accuracy: Mapping[str, float],
    *,
    n_people: int = 5,
    n_windows: int = 40,
    protocols: Sequence[Protocol] = HONEST,
    seeds: Sequence[int] = (0, 1),
    n_classes: int = 3,
) -> list[FoldResult]:
    """Folds of several methods whose accuracy over people is about what is given."""
    made = []
    for i, protocol in enumerate(protocols):
        for seed in seeds:
            for k in range(n_people):
                for j, (method, share) in enumerate(accuracy.items()):
                    rng = np.random.default_rng((seed, k, j, i))
                    gain = 0.1 * (k / max(n_people - 1, 1) - 0.5)
                    right = rng.random(n_windows) < share + gain
                    made.append(
                        fold(
                            method,
                            protocol,
                            f"p{k + 1:02d}",
                            seed=seed,
                            right=right.tolist(),
                            n_classes=n_classes,
                        )
                    )
    return made


def origin(**settings: object) -> Provenance:
    """Provenance of such an evaluation; the settings are those of `ours`."""
    return provenance(
        started=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
        command=("hadua", "evaluate", "--dataset", "synthetic"),
        seeds=(0, 1),
        data=DataOrigin("synthetic", {}, 7),
        specs=(
            FeatureSpec(Modality.EEG, "de-hann", 1, ("Fp1 delta", "Fp1 theta"), 4.0, 1.0, None),
        ),
        protocol="leave one subject out",
        methods={"ours": settings, "source-only": {}},
    )


def evaluation(made: Sequence[FoldResult] | None = None) -> Evaluation:
    """A small evaluation of three methods."""
    if made is None:
        made = folds({"source-only": 0.6, "coral": 0.7, "ours": 0.85})
    return summarise(
        made,
        provenance=origin(epochs=30),
        classes=CLASSES,
        titles=TITLES,
        ours="ours",
        reference="source-only",
    )
