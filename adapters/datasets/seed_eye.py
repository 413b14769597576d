"""SEED's eye features: pickles of 4 s windows, cut into clips again.

`eye_tracking_feature/{person}_{session}` (no suffix) is a pickled dictionary: `train_data_eye` are
the windows of the first nine clips, one clip after the other, `test_data_eye` those of the other
six, both (n, 33). Where a clip ends is not in the file. A clip of n seconds has n // 4 windows of
4 s, and the published lengths say the same: 499 and 343 windows in all.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hadua.adapters.datasets.feature_arrays import rows
from hadua.adapters.datasets.feature_files import Place, Table
from hadua.adapters.datasets.pickled_npz import as_floats, read_pickle, take
from hadua.models.features import FloatArray

N_EYE = 33
SECONDS = 4
"""Length of a window of eye features."""
KEYS = ("train_data_eye", "test_data_eye")
FIRST_CLIPS = 9
"""Number of clips under the first key."""
CLIPS_S = (235, 233, 206, 238, 185, 195, 237, 216, 265, 237, 235, 233, 235, 238, 206)
"""Windows of 1 s in each clip of the published features."""


def read_eye(path: Path, *, n_eeg: Sequence[int], eeg_s: int, allow_pickle: bool) -> list[Table]:
    """Read the eye features of one sitting, clip by clip, one row for each EEG window.

    Args:
        path: The pickle.
        n_eeg: EEG windows in each clip.
        eeg_s: Length of an EEG window: 4, or 1 where every row of eye features stands for the
            four EEG windows that it covers; the seconds after the last whole one are NaN.
        allow_pickle: The user's permission.

    Raises:
        RecordingError: not allowed, damaged, or not the windows of these clips.
    """
    content = read_pickle(path, allow_pickle=allow_pickle)
    expected = [n * eeg_s // SECONDS for n in n_eeg]
    published = [n // SECONDS for n in CLIPS_S]
    clips: list[Table] = []
    for key, part in zip(KEYS, (slice(0, FIRST_CLIPS), slice(FIRST_CLIPS, None)), strict=True):
        place = Place(path, key)
        values = as_floats(take(content, key, place), place)
        table = rows(Table(_flat(values), place), n_features=N_EYE)
        clips += _cut(table, expected[part], published[part])
    if eeg_s == SECONDS:
        return clips
    return [_spread(clip, n) for clip, n in zip(clips, n_eeg, strict=True)]


def _flat(x: FloatArray) -> FloatArray:
    """Without the axes of length 1 that nested lists leave behind."""
    return x.reshape([n for n in x.shape if n != 1]) if x.ndim > 2 else x


def _cut(table: Table, expected: Sequence[int], published: Sequence[int]) -> list[Table]:
    """Cut the windows of several clips where the clips end."""
    n = len(table.values)
    lengths = next((c for c in (expected, published) if sum(c) == n), None)
    if lengths is None:
        raise table.place.error(
            "not the windows of the EEG's clips",
            got=f"shape {table.values.shape}",
            expected=f"({sum(expected)}, {N_EYE}), {len(expected)} clips of "
            f"{', '.join(map(str, expected))} windows",
            hint="Do both files belong to the same person and session?",
        )
    stops = np.cumsum(lengths).tolist()
    starts = [0, *stops[:-1]]
    return [
        Table(table.values[a:b], Place(table.place.path, f"{table.place.key}[{a}:{b}]"))
        for a, b in zip(starts, stops, strict=True)
    ]


def _spread(clip: Table, n_windows: int) -> Table:
    """Repeat each row for the EEG windows that it covers, `(n_windows, 33)`."""
    whole = n_windows // SECONDS
    if abs(whole - len(clip.values)) > 1:
        raise clip.place.error(
            "not the windows of the EEG's clip",
            got=f"{len(clip.values)} windows of {SECONDS} s",
            expected=f"{whole}, or one more or less, in {n_windows} s of EEG",
        )
    spread = np.full((n_windows, N_EYE), np.nan)
    covered = np.repeat(clip.values, SECONDS, axis=0)[:n_windows]
    spread[: len(covered)] = covered
    return Table(spread, clip.place)
