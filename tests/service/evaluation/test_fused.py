from pathlib import Path

import numpy as np
from support.evaluation import METHODS, dataset

from hadua.calibration.evaluation import Settings, SourceNetworks
from hadua.calibration.folds import fold_of
from hadua.calibration.training import Recipe
from hadua.service.evaluation.fused import fused_features, load_fused, save_fused


def test_fused_features_are_of_evenly_spread_windows_before_and_after(tmp_path: Path) -> None:
    data = dataset(people=3, trials=30, windows=8)
    fold = fold_of(data, person=0, seed=0)
    settings = Settings(n_classes=3, context=1, recipe=Recipe(epochs=1))
    networks = SourceNetworks(fold, settings, seed=0, clock=lambda: 0.0)

    made = fused_features(fold, data, networks, METHODS[1], seed=0, steps=5)
    save_fused(tmp_path / "fused.npz", made)
    back = load_fused(tmp_path / "fused.npz", classes=data.classes)

    assert (len(fold.source), len(fold.target)) == (960, 480)
    assert np.bincount(made.domain).tolist() == [750, 480], "at most 750 of each"
    own = made.domain == 1
    np.testing.assert_array_equal(made.y[own], data.y[data.subject == 0])
    assert np.unique(made.y[~own]).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(made.before[~own], made.after[~own])
    assert not np.array_equal(made.before[own], made.after[own])
    for name in ("before", "after", "y", "domain", "classes", "domains"):
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name))
