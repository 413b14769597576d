"""What every reader of licensed features must do, whatever the data set."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hadua.adapters.datasets.feature_set import FeatureSet, FeatureTrial
from hadua.models.features import Modality

Read = Callable[[Path], FeatureSet]


def trial_of(data: FeatureSet, person: str, session: int, trial: int) -> FeatureTrial:
    """The one trial of that person, session and number."""
    [found] = [
        t
        for t in data.trials
        if (data.people[t.subject], t.session, t.trial) == (person, session, trial)
    ]
    return found


def assert_equal(a: FeatureSet, b: FeatureSet) -> None:
    """Everything is equal, bit by bit."""
    for name in ("name", "classes", "specs", "people", "provenance", "hashes", "licence"):
        assert getattr(a, name) == getattr(b, name), name
    assert len(a.trials) == len(b.trials)
    for x, y in zip(a.trials, b.trials, strict=True):
        for name in ("subject", "session", "trial", "stimulus", "where"):
            assert getattr(x, name) == getattr(y, name), name
        np.testing.assert_array_equal(x.y, y.y)
        for modality in Modality:
            if modality in x.values or modality in y.values:
                np.testing.assert_array_equal(x.values[modality], y.values[modality])


def assert_hashes(data: FeatureSet, root: Path) -> None:
    """Every file below the root was read, and its hash is what hashlib says."""
    files = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}
    assert data.hashes == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()
    }


def assert_in_order(data: FeatureSet) -> None:
    """Person after person, in recorded order, each trial once."""
    order = [(t.subject, t.session, t.trial) for t in data.trials]
    assert order == sorted(set(order))
