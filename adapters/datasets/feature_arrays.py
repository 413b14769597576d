"""Arrays of published features, brought into one layout: `(n_windows, n_features)`, checked."""

from collections.abc import Sequence

import numpy as np

from hadua.adapters.datasets.feature_files import Place, Table
from hadua.models.features import FloatArray

N_CHANNELS = 62
N_BANDS = 5
N_EEG = N_CHANNELS * N_BANDS

_HINT = "Is the array transposed?"


def channel_major(table: Table, *, axes: str) -> Table:
    """Bring the DE of a trial to `(n_windows, 310)`, all bands of FP1 first.

    Args:
        table: Three-dimensional, as in the file.
        axes: Order of its axes, `c` channels, `w` windows, `b` bands, as in `cwb`.

    Raises:
        RecordingError: another shape, no window, or a value that is not finite.
    """
    x, place = table
    lengths = {"c": N_CHANNELS, "b": N_BANDS}
    if x.ndim != 3 or any(lengths.get(a, n) != n for a, n in zip(axes, x.shape, strict=True)):
        sizes = {"c": f"{N_CHANNELS}", "b": f"{N_BANDS}", "w": "n"}
        names = {"c": "channels", "b": "bands", "w": "windows"}
        raise place.error(
            "wrong shape",
            got=f"shape {x.shape}",
            expected=f"({', '.join(sizes[a] for a in axes)}), "
            f"that is ({', '.join(names[a] for a in axes)})",
            hint=_HINT,
        )
    _check_values(table, n_windows=x.shape[axes.index("w")])
    ordered = np.transpose(x, [axes.index(a) for a in "wcb"])
    return Table(np.ascontiguousarray(ordered).reshape(-1, N_EEG), place)


def rows(table: Table, *, n_features: int, transposed: bool = False) -> Table:
    """Bring a table of features to `(n_windows, n_features)`.

    Args:
        table: Two-dimensional, as in the file.
        n_features: How many features there must be.
        transposed: Whether the file has one row per feature.

    Raises:
        RecordingError: another shape, no window, or a value that is not finite.
    """
    x, place = table
    if x.ndim != 2 or x.shape[0 if transposed else 1] != n_features:
        expected = f"({n_features}, n)" if transposed else f"(n, {n_features})"
        words = "(features, windows)" if transposed else "(windows, features)"
        raise place.error(
            "wrong shape",
            got=f"shape {x.shape}",
            expected=f"{expected}, that is {words}",
            hint=_HINT if n_features in x.shape else None,
        )
    _check_values(table, n_windows=x.shape[1 if transposed else 0])
    return Table(np.ascontiguousarray(x.T if transposed else x), place)


def require_finite(table: Table) -> None:
    """Raise `RecordingError` with the first place of a value that is not finite."""
    x, place = table
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        first = tuple(int(k) for k in bad[0])
        raise place.error(
            f"{len(bad)} of {x.size} values are not finite, shape {x.shape}",
            got=f"{x[first]} at index {first}",
            expected="finite features",
            hint="Was the file changed or cut off?",
        )


def require_channel_major(trials: Sequence[Table]) -> None:
    """Refuse flat `(n, 310)` tables of one person whose levels say that they are band-major.

    The level of DE falls steeply from delta to gamma. If the column means follow the five blocks
    of 62 and not the five places within a channel, the tables are in the other order. Whatever
    shows neither pattern passes.

    Raises:
        RecordingError: they look band-major.
    """
    means = np.concatenate([table.values for table in trials]).mean(axis=0)
    in_channels = _explained(means, np.arange(N_EEG) % N_BANDS)
    in_blocks = _explained(means, np.arange(N_EEG) // N_CHANNELS)
    if in_blocks > 0.5 and in_channels < 0.1:
        raise trials[0].place.error(
            f"columns of shape {trials[0].values.shape} in another order",
            got=f"levels that follow five blocks of {N_CHANNELS} columns "
            f"({in_blocks:.0%} of their variance): band-major",
            expected=f"channel-major: {N_BANDS} bands of FP1, then of FPZ, ...",
            hint="Was the order of channels and bands swapped when the file was written?",
        )


def same_length(eeg: Table, eye: Table) -> tuple[FloatArray, FloatArray]:
    """Cut both to the shorter, if one has a window more.

    Raises:
        RecordingError: they differ by more than one window.
    """
    if abs(len(eeg.values) - len(eye.values)) > 1:
        raise eye.place.error(
            f"not the windows of the EEG in {str(eeg.place)!r}",
            got=f"shape {eye.values.shape} for EEG of shape {eeg.values.shape}",
            expected="the same number of windows, or one more or less",
            hint="Do both files belong to the same person and session?",
        )
    n = min(len(eeg.values), len(eye.values))
    return eeg.values[:n], eye.values[:n]


def unmeasured(n_windows: int, n_features: int) -> FloatArray:
    """`(n_windows, n_features)` of NaN: nothing was measured."""
    return np.full((n_windows, n_features), np.nan)


def require_labels(got: Sequence[float], known: Sequence[int], place: Place) -> None:
    """Raise `RecordingError`, showing both lists, unless they are equal."""
    if list(got) != list(known):
        raise place.error(
            "other labels than the data set's",
            got=f"[{', '.join(f'{label:g}' for label in got)}]",
            expected=str(list(known)),
            hint="Is it the label file of another data set?",
        )


def _check_values(table: Table, *, n_windows: int) -> None:
    if not n_windows:
        raise table.place.error(
            "no window", got=f"shape {table.values.shape}", expected="at least one window"
        )
    require_finite(table)


def _explained(values: FloatArray, groups: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """Share of the variance between groups of equal size."""
    total = float(values.var())
    means = np.array([values[groups == g].mean() for g in np.unique(groups)])
    return float(means.var()) / total if total > 0.0 else 0.0
