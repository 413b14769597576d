from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.muse_files import muse_text, write_muse

from hadua.adapters.datasets.feature_set import FeatureSet, FeatureTrial
from hadua.adapters.datasets.population import population
from hadua.calibration.folds import fold_of
from hadua.calibration.labelled import UNLABELLED
from hadua.models.errors import RecordingError, UsageError
from hadua.models.features import FeatureSpec, Modality
from hadua.service.evaluation.plan import DatasetName, Plan
from hadua.service.evaluation.sets import as_dataset, from_recordings, open_sets, require_root
from hadua.service.evaluation.store import load, store
from hadua.service.training.sets import muse_ssvep

EEG = FeatureSpec(Modality.EEG, "test-eeg", 1, ("A:x", "B:x"), 1.0, 1.0)
EYE = FeatureSpec(Modality.EYE, "test-eye", 1, ("a", "b", "c"), 1.0, 1.0)
PLAN = Plan("synthetic", ("source-only",), ("transductive",), seeds=2, people=3)


def features(*specs: FeatureSpec) -> FeatureSet:
    """Two people, two sittings, the windows of a trial numbered through."""
    trials, at = [], 0
    for subject in (0, 1):
        for k, n in enumerate((2, 3, 1)):
            values = {s.modality: np.full((n, len(s.names)), np.nan) for s in specs}
            for v in values.values():
                v[:, 0] = np.arange(at, at + n)
            at += n
            trials.append(
                FeatureTrial(subject, 1 + k // 2, 1 + k % 2, f"clip {k}", values, np.full(n, k % 2))
            )
    names = {s.modality: s for s in specs}
    return FeatureSet("test", ("x", "y"), names, ("P", "Q"), tuple(trials), (), {}, "none")


@pytest.mark.parametrize("specs", [(EEG, EYE), (EEG,), (EYE,)], ids=["both", "eeg", "eye"])
def test_trials_of_any_modalities_become_one_table(specs: tuple[FeatureSpec, ...]) -> None:
    data = as_dataset(features(*specs))

    widths = {s.modality: len(s.names) for s in specs}
    assert data.eeg.shape == (12, widths.get(Modality.EEG, 0))
    assert data.eye.shape == (12, widths.get(Modality.EYE, 0))
    measured = data.eeg if EEG in specs else data.eye
    assert measured[:, 0].tolist() == list(range(12))
    assert np.isnan(measured[:, 1:]).all()
    assert data.subject.tolist() == [0] * 6 + [1] * 6
    assert data.session.tolist() == [1, 1, 1, 1, 1, 2] * 2
    assert data.stretch.tolist() == [0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5]
    assert data.stimulus.tolist() == [0, 0, 1, 1, 1, 2] * 2, "the same for whoever saw it"
    assert data.y.tolist() == [0, 0, 1, 1, 1, 0] * 2


def test_every_seed_draws_people_of_its_own() -> None:
    first, second = open_sets(PLAN, None, allow_pickle=False, on_file=lambda done, total: None)
    again, _ = open_sets(PLAN, None, allow_pickle=False, on_file=lambda done, total: None)

    assert len(first.data.people) == 3
    assert first.people_with_labels() == [0, 1, 2]
    assert first.content_hash() == again.content_hash() != second.content_hash()
    np.testing.assert_array_equal(first.data.y, as_dataset(population(0, people=3)).y)


def test_seeds_begin_where_the_plan_says() -> None:
    (_, second) = open_sets(PLAN, None, allow_pickle=False, on_file=lambda done, total: None)
    later = replace(PLAN, first_seed=1, seeds=1)
    noted: list[tuple[int, int]] = []

    (opened,) = open_sets(
        later, None, allow_pickle=False, on_file=lambda done, total: noted.append((done, total))
    )

    assert list(later.seed_range()) == [1]
    assert opened.content_hash() == second.content_hash()
    assert noted == [(1, 1)]


def test_one_changed_value_changes_the_hash() -> None:
    (opened, _) = open_sets(PLAN, None, allow_pickle=False, on_file=lambda done, total: None)
    eye = opened.data.eye.copy()
    eye[-1, -1] += 1e-3

    changed = replace(opened, data=replace(opened.data, eye=eye))

    assert changed.content_hash() != opened.content_hash()


def test_what_is_stored_comes_back_mapped_and_equal(tmp_path: Path) -> None:
    data = as_dataset(features(EEG, EYE))
    store(tmp_path / "set", as_dataset(features(EEG)))

    store(tmp_path / "set", data)
    back = load(tmp_path / "set")

    assert isinstance(back.eeg, np.memmap)
    assert (back.classes, back.people) == (data.classes, data.people)
    for name in ("eeg", "eye", "y", "subject", "session", "stretch", "stimulus"):
        np.testing.assert_array_equal(getattr(back, name), getattr(data, name))
    assert fold_of(back, person=1, seed=0).target.x_eye.dtype == np.float32


def test_muse_recordings_become_trials_of_sittings(tmp_path: Path) -> None:
    names = ("subject1_session1_a", "subject1_session2_a", "subject1_session2_b", "subject2_a")
    for seed, name in enumerate(names):
        write_muse(tmp_path / f"{name}.csv.gz", muse_text(seconds=12.0, seed=seed))
    training = muse_ssvep(tmp_path)

    data = as_dataset(from_recordings(training))

    n = [len(r.y) for r in training.recordings]
    assert data.people == ("subject1", "subject2")
    assert data.session.tolist() == np.repeat([1, 2, 2, 1], n).tolist()
    assert data.subject.tolist() == np.repeat([0, 0, 0, 1], n).tolist()
    assert len(np.unique(data.stretch)) == len(np.unique(data.stimulus)) == 4
    assert data.eye.shape == (sum(n), 0)
    assert data.eeg.shape == (sum(n), 20)
    np.testing.assert_array_equal(data.y, np.concatenate([r.y for r in training.recordings]))
    window = training.recordings[0].windows[3].windows[Modality.EEG]
    np.testing.assert_allclose(
        data.eeg[3], np.where(window.present, window.values, np.nan), rtol=1e-6
    )


def test_real_muse_recordings_become_trials_of_sittings(recordings: Path, tmp_path: Path) -> None:
    for pattern in ("subject1_*-21.20.*", "subject3_*"):
        for path in (recordings / "muse_ssvep").glob(pattern):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    plan = replace(PLAN, dataset="muse-ssvep", people=None)

    (opened,) = open_sets(plan, tmp_path, allow_pickle=False, on_file=lambda done, total: None)

    data = opened.data
    assert data.people == ("subject1", "subject3")
    assert opened.people_with_labels() == [0, 1]
    assert {int(s) for s in data.session[data.subject == 1]} == {1, 2, 3}
    assert len(opened.hashes) == 5
    assert len(np.unique(data.stretch)) >= 5
    assert 0.2 < (data.y != UNLABELLED).mean() < 0.5, "between two flickers there is nothing"


@pytest.mark.parametrize(
    ("dataset", "root", "pickle", "message"),
    [
        ("synthetic", Path("x"), False, "--dataset synthetic: got --root 'x', expected no --root"),
        ("seed", None, False, "--dataset seed: got no --root, expected --root, the folder"),
        ("muse-ssvep", Path("x"), True, "--allow-pickle: expected a data set whose files may"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    dataset: DatasetName, root: Path | None, pickle: bool, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        require_root(dataset, root, allow_pickle=pickle)


def test_more_people_than_there_are_cannot_be_used(tmp_path: Path) -> None:
    for seed, name in enumerate(("subject1_a", "subject2_a")):
        write_muse(tmp_path / f"{name}.csv.gz", muse_text(seed=seed))
    plan = replace(PLAN, dataset="muse-ssvep", people=5)

    with pytest.raises(UsageError, match="--people: got 5, expected 2 or fewer"):
        list(open_sets(plan, tmp_path, allow_pickle=False, on_file=lambda done, total: None))


def test_a_folder_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    plan = replace(PLAN, dataset="official", people=None)

    with pytest.raises(RecordingError, match="nowhere"):
        list(
            open_sets(
                plan, tmp_path / "nowhere", allow_pickle=False, on_file=lambda done, total: None
            )
        )
