"""What the network makes of the source and of one person, before and after it adapted to them."""

import io
from pathlib import Path

import numpy as np

from hadua.calibration.dataset import Dataset
from hadua.calibration.evaluation import SourceNetworks
from hadua.calibration.folds import Fold
from hadua.calibration.learner import Method
from hadua.calibration.windows import IntArray
from hadua.service.atomic_file import write_whole
from hadua.service.evaluation.map import FusedFeatures

_EACH = 750
_DOMAINS = ("people trained on", "new person")


def fused_features(
    fold: Fold, data: Dataset, networks: SourceNetworks, method: Method, *, seed: int, steps: int
) -> FusedFeatures:
    """Fused features of evenly spread windows by a method, transductive.

    The classes only colour the points.
    """
    start = networks.of(method).start
    learner = method.begin(start, seed)
    some_source, some_target = _spread(len(fold.source)), _spread(len(fold.target))

    def now() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        source = learner.fused(start.source.windows)[some_source]
        target = learner.fused(fold.target)[some_target]
        return np.concatenate((source, target)).astype(np.float32)

    before = now()
    learner.learn(fold.target, steps=steps)
    return FusedFeatures(
        before=before,
        after=now(),
        y=np.concatenate((fold.source.y[some_source], data.y[fold.rows][some_target])),
        domain=np.repeat([0, 1], (len(some_source), len(some_target))),
        classes=data.classes,
        domains=_DOMAINS,
    )


def save_fused(path: Path, features: FusedFeatures) -> None:
    """Write what `load_fused` reads; the names are the data set's."""
    write_whole(path, packed_fused(features))


def packed_fused(features: FusedFeatures) -> bytes:
    """The bytes of such a file."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        before=features.before,
        after=features.after,
        y=features.y,
        domain=features.domain,
    )
    return buffer.getvalue()


def load_fused(path: Path, *, classes: tuple[str, ...]) -> FusedFeatures:
    """Read what `save_fused` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return FusedFeatures(
            arrays["before"], arrays["after"], arrays["y"], arrays["domain"], classes, _DOMAINS
        )


def _spread(n: int) -> IntArray:
    """At most 750 of `n` rows, evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, _EACH)).astype(np.int64))
