import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import image

from hadua.calibration.labelled import UNLABELLED
from hadua.models.errors import InvalidInputError, RuntimeUnavailableError
from hadua.service.evaluation.map import (
    MAX_POINTS,
    FusedFeatures,
    drawn_rows,
    feature_map_plot,
    write_feature_map,
)


def features(n: int = 40) -> FusedFeatures:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    y[0] = UNLABELLED
    x = rng.normal(0.0, 1.0, (n, 8)) + 4.0 * y[:, None]
    return FusedFeatures(
        x, 2.0 * x, y, np.arange(n) // (n // 2), ("a", "b", "c"), ("trained on", "new")
    )


def test_the_map_is_drawn_the_same_every_time(tmp_path: Path) -> None:
    write_feature_map(tmp_path / "map.png", features(), title="ours")

    assert image.imread(tmp_path / "map.png").shape[1] == 1200
    assert (tmp_path / "map.png").read_bytes() == feature_map_plot(features(), title="ours")


def test_few_windows_are_mapped_too() -> None:
    assert feature_map_plot(features(8), title="ours").startswith(b"\x89PNG")


@given(
    sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=5),
    seed=st.integers(0, 5),
)
def test_no_more_than_can_be_drawn_and_every_domain_its_share(sizes: list[int], seed: int) -> None:
    domain = np.repeat(np.arange(len(sizes)), sizes)
    domain = np.random.default_rng(seed).permutation(domain)

    rows = drawn_rows(domain)

    assert len(rows) <= MAX_POINTS
    assert (np.diff(rows) > 0).all()
    share = MAX_POINTS // len(sizes)
    for d, size in enumerate(sizes):
        drawn = int((domain[rows] == d).sum())
        assert drawn == (size if len(domain) <= MAX_POINTS else min(size, share))


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"after": np.zeros((39, 8))}, r"after \(39, 8\)"),
        ({"before": np.full((40, 8), np.nan)}, "finite features"),
        ({"domain": np.zeros(39, np.int64)}, r"domain \(39,\)"),
        ({"y": np.zeros(39, np.int64)}, "39 classes"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, object], what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        replace(features(), **changed)  # type: ignore[arg-type]


def test_too_few_windows_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="n >= 8"):
        features(6)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)

    with pytest.raises(RuntimeUnavailableError, match=r"'scikit-learn'.*hadua\[evaluate\]"):
        feature_map_plot(features(), title="ours")
