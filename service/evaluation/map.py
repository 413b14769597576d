"""A map of what the network makes of windows, before and after it adapted to a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hadua.calibration.labelled import UNLABELLED, IntArray
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray
from hadua.models.runtime import Float32Array
from hadua.service.atomic_file import write_whole
from hadua.service.evaluation.canvas import (
    PALETTE,
    QUIET,
    canvas,
    dress,
    heading,
    legend,
    png,
    require,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 1500
_LEAST = 8
_MARKERS = "o^sDvPX"


@dataclass(frozen=True, slots=True, eq=False)
class FusedFeatures:
    """Fused features of the same windows by two networks.

    Args:
        before: `(n, d)` by the network before adaptation.
        after: `(n, d)` by the one after it.
        y: `(n,)` class index, or `UNLABELLED`.
        domain: `(n,)` index of the group that a window belongs to.
        classes: Class names.
        domains: Names of the groups, as in `people trained on`, `new person`.
    """

    before: FloatArray | Float32Array
    after: FloatArray | Float32Array
    y: IntArray
    domain: IntArray
    classes: tuple[str, ...]
    domains: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.y)
        if self.before.shape != self.after.shape or self.before.shape[:1] != (n,) or n < _LEAST:
            raise InvalidInputError(
                "fused features to map",
                got=f"before {self.before.shape}, after {self.after.shape}, {n} classes",
                expected=f"equal shapes (n, d), n >= {_LEAST}",
            )
        if self.domain.shape != (n,) or not (
            np.isfinite(self.before).all() and np.isfinite(self.after).all()
        ):
            raise InvalidInputError(
                "fused features to map",
                got=f"domain {self.domain.shape}",
                expected="a domain for each window, and finite features",
            )


def write_feature_map(path: Path, features: FusedFeatures, *, title: str) -> None:
    """Write the map as a PNG file, see `feature_map_plot`."""
    write_whole(path, feature_map_plot(features, title=title))


def feature_map_plot(features: FusedFeatures, *, title: str) -> bytes:
    """Draw t-SNE maps (van der Maaten and Hinton 2008), before and after, by class and by domain.

    The two maps are made apart: what can be compared is how classes part and how domains mix, not
    where a point lies or how far apart clusters are. At most 1500 windows, as many of each domain.

    Raises:
        RuntimeUnavailableError: scikit-learn or matplotlib is not installed.
    """
    rows = drawn_rows(features.domain)
    maps = [_map(np.asarray(x[rows], np.float64)) for x in (features.before, features.after)]
    figure = canvas(height_px=1250)
    heading(figure, f"{title}: t-SNE of fused features, n = {len(rows)} windows")
    panels = figure.subplots(2, 2)
    for axes, places, when in zip(panels, maps, ("before", "after"), strict=True):
        _points(axes[0], places, features.y[rows], features.classes)
        _points(axes[1], places, features.domain[rows], features.domains)
        for one, by in zip(axes, ("class", "person"), strict=True):
            dress(
                one,
                title=f"{when} adaptation, by {by}",
                x="t-SNE axis 1 (no unit)",
                y="t-SNE axis 2 (no unit)",
            )
    legend(figure, panels[1, 0], place="left", columns=3, scale=2.0)
    legend(figure, panels[1, 1], place="right", scale=2.0)
    return png(figure)


def drawn_rows(domain: IntArray) -> IntArray:
    """Rows to draw: all, or evenly spread ones, as many of each domain."""
    domains = np.unique(domain)
    share = MAX_POINTS // len(domains)
    parts = []
    for d in domains:
        rows = np.flatnonzero(domain == d)
        if len(domain) > MAX_POINTS and len(rows) > share:
            rows = rows[np.linspace(0, len(rows) - 1, share).astype(np.int64)]
        parts.append(rows)
    return np.sort(np.concatenate(parts))


def _map(x: FloatArray) -> FloatArray:
    """Two t-SNE coordinates of each row, the same every time."""
    require("sklearn.manifold", "threadpoolctl")
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(x) - 1) / 3.0)
    tsne = TSNE(n_components=2, init="pca", perplexity=perplexity, random_state=0)
    with threadpool_limits(limits=1):  # its threads wait for each other where cores are shared
        return np.asarray(tsne.fit_transform(x), np.float64)


def _points(axes: "Axes", places: FloatArray, group: IntArray, names: Sequence[str]) -> None:
    for k in (UNLABELLED, *range(len(names))):
        rows = group == k
        if rows.any():
            axes.scatter(
                places[rows, 0],
                places[rows, 1],
                s=9,
                marker="." if k == UNLABELLED else _MARKERS[k % len(_MARKERS)],
                color=QUIET if k == UNLABELLED else PALETTE[k % len(PALETTE)],
                alpha=0.65,
                linewidths=0,
                label="no label" if k == UNLABELLED else names[k],
            )
    axes.set_xticks([])
    axes.set_yticks([])
