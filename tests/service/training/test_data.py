from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from support.muse_files import muse_text, write_muse

from hadua.adapters.features.normalisation import Normaliser
from hadua.adapters.sources.simulated_states import STATES, DemoSchedule
from hadua.adapters.windows.alignment import AlignedWindows
from hadua.calibration.labelled import UNLABELLED
from hadua.models.errors import RecordingError
from hadua.models.features import FeatureSpec, FeatureWindow, Modality
from hadua.service.training.data import Recorded, label, normalised, statistics
from hadua.service.training.sets import FLICKER, TrainingSet, muse_ssvep, simulated

SPEC = FeatureSpec(Modality.EEG, "test", 1, ("a", "b", "c", "d"), 1.0, 0.5)
SPECS = {Modality.EEG: SPEC}


def recorded(values: np.ndarray, *, ends_s: Sequence[float] | None = None) -> Recorded:
    """One person's windows with these `(n, 4)` values, NaN where absent."""
    ends = [0.5 * (k + 2) for k in range(len(values))] if ends_s is None else ends_s
    windows = [
        AlignedWindows(
            end_s,
            MappingProxyType(
                {Modality.EEG: FeatureWindow(SPEC, v, end_s - 1.0, end_s, 1.0, np.isfinite(v))}
            ),
        )
        for end_s, v in zip(ends, values, strict=True)
    ]
    return Recorded(0, windows, np.zeros(len(values), np.int64))


def test_every_person_counts_the_same_in_the_statistics() -> None:
    one, other = np.full((10, 4), 1.0), np.full((90, 4), 3.0)
    one[:, 3] = other[:, 3] = np.nan

    mean, std = statistics([recorded(one), recorded(other)], SPECS)[Modality.EEG]

    np.testing.assert_allclose(mean, [2.0, 2.0, 2.0, 0.0])
    np.testing.assert_allclose(std, [1.0, 1.0, 1.0, 1.0])


def test_windows_are_normalised_as_a_session_does_it() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(5.0, 2.0, (30, 4))
    source = {Modality.EEG: (np.full(4, 4.0), np.full(4, 2.0))}

    data = normalised(recorded(values), SPECS, source, baseline_s=6.0)

    there = np.ones(4, np.bool_)
    before = Normaliser(*source[Modality.EEG])
    after = before.begin_baseline(12)
    for row in values[:12]:
        after = after.observe(row, there)
    expected = [(before if k < 11 else after).apply(row, there) for k, row in enumerate(values)]
    np.testing.assert_allclose(data.windows.x_eeg, np.array(expected, np.float32))
    assert data.windows.present.tolist() == [[True, False]] * 30


def test_a_window_of_too_little_is_absent_and_zero() -> None:
    values = np.ones((2, 4))
    values[1, :2] = np.nan
    source = {Modality.EEG: (np.zeros(4), np.ones(4))}

    data = normalised(recorded(values), SPECS, source)

    assert data.windows.present[:, 0].tolist() == [True, False]
    assert data.windows.x_eeg[1].tolist() == [0.0] * 4


def test_a_hole_in_the_grid_begins_a_new_stretch() -> None:
    source = {Modality.EEG: (np.zeros(4), np.ones(4))}

    data = normalised(recorded(np.ones((4, 4)), ends_s=[1.0, 1.5, 7.0, 7.5]), SPECS, source)

    assert data.windows.depth().tolist() == [1, 2, 1, 2]


def test_a_window_of_two_states_has_no_label() -> None:
    windows = recorded(np.ones((4, 4))).windows

    y = label(windows, lambda start_s, end_s: 1 if start_s >= 0.5 or end_s <= 1.0 else None)

    assert y.tolist() == [1, 1, 1, 1]
    assert label(windows, lambda start_s, end_s: None).tolist() == [UNLABELLED] * 4


@pytest.fixture(scope="module")
def sim() -> TrainingSet:
    return simulated(people=1, seconds=45.0, seed=3, rest_s=10.0)


def test_labels_of_a_simulated_person_are_the_true_states(sim: TrainingSet) -> None:
    schedule = DemoSchedule(seed=3, rest_s=10.0)
    (recording,) = sim.recordings

    for window, y in zip(recording.windows, recording.y.tolist(), strict=True):
        truth = {
            schedule.block_at(t).state
            for t in np.linspace(window.end_s - 1, window.end_s - 1e-6, 9)
        }
        assert y == (STATES.index(truth.pop()) if len(truth) == 1 else UNLABELLED)
    assert set(recording.y.tolist()) > {UNLABELLED, 1}
    assert sim.baselines == (0.0, 10.0)


def test_labels_of_muse_windows_lie_inside_one_stimulus(tmp_path: Path) -> None:
    write_muse(tmp_path / "subject1_a.csv", muse_text(seconds=12.0, every_s=3.5))

    data = muse_ssvep(tmp_path)

    (recording,) = data.recordings
    onsets = 100.25 + 3.5 * np.arange(4)
    for window, y in zip(recording.windows, recording.y.tolist(), strict=True):
        inside = (onsets <= window.end_s - 2.0) & (window.end_s <= onsets + 3.0)
        assert y == (np.flatnonzero(inside)[0] % 2 if inside.any() else UNLABELLED)
    assert data.classes == FLICKER
    assert list(data.hashes) == ["subject1_a.csv"]


def test_a_stimulus_that_is_not_known_is_refused(tmp_path: Path) -> None:
    text = muse_text(seconds=4.0).replace(",1\n", ",7\n")
    write_muse(tmp_path / "subject1_a.csv", text)

    with pytest.raises(RecordingError, match="a marker that is not known: got 7"):
        muse_ssvep(tmp_path)
