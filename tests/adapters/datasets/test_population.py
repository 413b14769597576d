"""The benchmark population: what it promises, measured with peers that know nothing of ours."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.population_peers import accuracy, by_source, standardised, table

from hadua.adapters.datasets.feature_set import FeatureSet, FeatureTrial
from hadua.adapters.datasets.population import DEFAULT_SETTINGS, class_counts, population
from hadua.adapters.datasets.population_faults import draw_gaze_gaps
from hadua.adapters.datasets.population_maps import (
    orthonormal,
    scalp_positions,
    smooth_eeg,
    smooth_eye,
    stream,
)
from hadua.adapters.datasets.population_trial import remember
from hadua.adapters.devices.montage import SEED_62
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray, Modality

SEED = 100
MAY_IMPORT = {
    "hadua.adapters.datasets.feature_set",
    "hadua.adapters.devices.montage",
    "hadua.models.cleaning",
    "hadua.models.errors",
    "hadua.models.features",
    "hadua.models.legible",
    "hadua.models.quality",  # for its types alone
}


@cache
def whole() -> FeatureSet:
    return population(SEED)


def content(trial: FeatureTrial) -> tuple[object, ...]:
    values = tuple(trial.values[m].tobytes() for m in Modality)
    return (trial.session, trial.trial, trial.stimulus, trial.y.tobytes(), *values)


def test_the_same_seed_draws_the_same_bytes() -> None:
    first, second = (population(SEED, people=2, sessions=2) for _ in range(2))
    other = population(SEED + 1, people=2, sessions=2)

    assert list(map(content, first.trials)) == list(map(content, second.trials))
    assert content(first.trials[0]) != content(other.trials[0])


@pytest.mark.parametrize(("people", "sessions"), [(1, 3), (3, 1), (5, 2)])
def test_a_trial_does_not_depend_on_how_many_there_are(people: int, sessions: int) -> None:
    few = population(SEED, people=people, sessions=sessions)

    in_whole = {(t.subject, t.session, t.trial): content(t) for t in whole().trials}
    assert [content(t) for t in few.trials] == [
        in_whole[t.subject, t.session, t.trial] for t in few.trials
    ]


def test_counts_shapes_and_recorded_order() -> None:
    data = whole()

    origin = [(t.subject, t.session, t.trial) for t in data.trials]
    assert origin == [(k, s, t) for k in range(15) for s in (1, 2, 3) for t in range(1, 16)]
    assert len(data.people) == len(set(data.people)) == 15
    assert data.specs[Modality.EEG].names[:6] == (
        *("FP1:delta", "FP1:theta", "FP1:alpha", "FP1:beta", "FP1:gamma"),
        "FPZ:delta",
    )
    assert [len(data.specs[m].names) for m in Modality] == [310, 33]
    lengths = [len(t) for t in data.trials]
    assert (min(lengths), max(lengths)) == (9, 15)


def test_every_trial_is_one_class_and_a_clip_the_same_for_everybody() -> None:
    shown: dict[str, set[tuple[int, int]]] = {}
    for t in whole().trials:
        assert len(set(t.y.tolist())) == 1
        assert t.stimulus.startswith(f"s{t.session}c")
        shown.setdefault(t.stimulus, set()).add((int(t.y[0]), len(t)))

    assert all(len(kinds) == 1 for kinds in shown.values())
    watchers = {name: {t.subject for t in whole().trials if t.stimulus == name} for name in shown}
    assert min(map(len, watchers.values())) >= 2


def test_classes_are_out_of_balance_by_session_and_never_missing() -> None:
    counts = np.zeros((15, 3, 3), np.int64)
    repeats = 0
    for t in whole().trials:
        counts[t.subject, t.session - 1, t.y[0]] += 1
    for a, b in pairwise(whole().trials):
        repeats += a.session == b.session and a.y[0] == b.y[0]

    assert counts.min() == 3
    assert counts.max() == 8
    assert len({tuple(c) for c in counts.reshape(-1, 3).tolist()}) > 10
    assert repeats / len(whole().trials) < 0.25  # independent orders: about 0.31


@given(seed=st.integers(0, 1000), trials=st.integers(5, 40))
def test_class_counts_add_up(seed: int, trials: int) -> None:
    counts = class_counts(np.random.default_rng(seed), trials=trials)

    assert sum(counts) == trials
    assert min(counts) >= 1
    assert max(counts) <= round(0.53 * trials)


def test_flat_electrodes_are_nan_in_all_bands_from_some_trial_to_the_sessions_end() -> None:
    late, bad = 0, []
    for session in sessions_of(whole()):
        flat = []
        for t in session:
            lost = np.isnan(t.values[Modality.EEG]).reshape(len(t), 62, 5)
            assert (lost == lost[:1, :, :1]).all()
            flat.append(lost[0, :, 0])
        assert all((later >= earlier).all() for earlier, later in pairwise(flat))
        late += int((flat[-1] & ~flat[0]).sum())
        bad.append(int(flat[-1].sum()))

    assert late > 0
    assert 0 == min(bad) < max(bad) <= 4


def test_noisy_electrodes_raise_their_variance() -> None:
    calm = replace(DEFAULT_SETTINGS, flat_share=0.0, bad_noise=0.0)
    noisy, clean = (population(SEED, people=4, settings=s)
                    for s in (replace(calm, bad_noise=4.0), calm))  # fmt: skip
    touched = 0
    for a, b in zip(noisy.trials, clean.trials, strict=True):
        excess = a.values[Modality.EEG] - b.values[Modality.EEG]
        channels = np.abs(excess).reshape(len(a), 62, 5).max(axis=(0, 2)) > 0
        assert (excess >= 0).all()
        assert channels.sum() <= 4
        touched += int(channels.sum())
    assert touched > 0


def test_gaze_is_lost_in_stretches_and_by_some_people_often() -> None:
    share, gaps, lost_windows = [], 0, 0
    for k in range(15):
        lost = np.concatenate(
            [np.isnan(t.values[Modality.EYE]) for t in whole().trials if t.subject == k]
        )
        assert (lost == lost[:, :1]).all()
        share.append(lost[:, 0].mean())
        gaps += int((np.diff(lost[:, 0].astype(int), prepend=0) == 1).sum())
        lost_windows += int(lost[:, 0].sum())

    assert max(share) > 0.2
    assert min(share) < 0.02
    assert 2.5 < lost_windows / gaps < 7.0


@given(loss=st.sampled_from([0.0, 0.1, 0.5, 0.9]), seed=st.integers(0, 20))
def test_gaps_take_the_share_they_are_asked_for(loss: float, seed: int) -> None:
    settings = replace(DEFAULT_SETTINGS, gaze_gap_windows=2.0)
    n = 6000
    lost = draw_gaze_gaps(np.random.default_rng(seed), n=n, loss=loss, settings=settings)

    expected = loss if loss <= 2 / 3 else 1.0 / (1.0 + 0.5)  # `enter` cannot exceed 1
    assert abs(lost.mean() - expected) < 0.06


def test_people_and_sessions_differ_by_more_than_sampling_error() -> None:
    """Within a session, windows are at most as good as one independent value per trial."""
    means, errors = [], []
    for session in sessions_of(whole()):
        trial_means = np.stack([t.values[Modality.EEG].mean(axis=0) for t in session])
        means.append(trial_means.mean(axis=0))
        errors.append(trial_means.var(axis=0, ddof=1) / len(session))
    by_session = np.stack(means).reshape(15, 3, -1)
    error = np.nanmean(errors)

    sessions = np.nanvar(by_session, axis=1, ddof=1).mean(where=~np.isnan(by_session).any(axis=1))
    people = np.nanvar(by_session[:, 0], axis=0, ddof=1).mean()
    assert sessions > 2.0 * error
    assert people > 10.0 * error


@given(memory=st.floats(0.0, 0.95))
def test_remember_keeps_the_variance_and_has_the_memory(memory: float) -> None:
    x = remember(np.random.default_rng(1).standard_normal((40, 4000)), memory)

    assert x.var(axis=1) == pytest.approx(np.ones(40), abs=0.15)
    assert (x[1:] * x[:-1]).mean() == pytest.approx(memory, abs=0.05)


def test_electrodes_lie_on_the_sphere_apart_and_in_mirror_image() -> None:
    at = dict(zip(SEED_62, scalp_positions(), strict=True))
    xyz = np.stack(list(at.values()))
    gaps = np.linalg.norm(xyz[:, None] - xyz, axis=2) + 9 * np.eye(62)

    assert np.linalg.norm(xyz, axis=1) == pytest.approx(np.ones(62))
    assert gaps.min() > 0.05
    assert at["CZ"] == pytest.approx([0, 0, 1], abs=1e-12)
    for left, right in (("FP1", "FP2"), ("T7", "T8"), ("P3", "P4"), ("CB1", "CB2")):
        assert at[left] * [-1, 1, 1] == pytest.approx(at[right])
    assert at["FZ"][1] > 0 > at["OZ"][1]


@pytest.mark.parametrize("draw", [smooth_eeg, smooth_eye])
def test_background_has_unit_variance_and_patterns_have_unit_detectability(
    draw: Callable[[np.random.Generator, int], FloatArray],
) -> None:
    rng = stream(SEED, 9)
    x = draw(rng, 4000)
    a, b = orthonormal(draw(rng, 2))
    c = orthonormal(draw(rng, 1), beside=np.stack((a, b)))[0]

    assert x.std(axis=0) == pytest.approx(np.ones(x.shape[1]), abs=0.06)
    noise = x + 0.5 * rng.standard_normal(x.shape)
    precision = np.linalg.inv(noise.T @ noise / len(noise))
    gram = np.stack((a, b, c)) @ precision @ np.stack((a, b, c)).T
    assert gram == pytest.approx(np.eye(3), abs=0.15)


@pytest.mark.parametrize("name", ["people", "sessions", "trials", "windows"])
def test_a_count_that_is_too_small_is_named(name: str) -> None:
    counts = {"people": 1, "sessions": 1, "trials": 5, "windows": 2}
    fewer = counts | {name: counts[name] - 1}
    population(SEED, people=1, sessions=1, trials=5, windows=2)

    with pytest.raises(InvalidInputError, match=f"{name!r}.*at least {counts[name]}"):
        population(
            SEED,
            people=fewer["people"],
            sessions=fewer["sessions"],
            trials=fewer["trials"],
            windows=fewer["windows"],
        )


def test_it_imports_no_feature_and_no_model_code() -> None:
    seen = set(imported("hadua.adapters.datasets.population", set()))

    outside = {m for m in seen if not m.startswith("hadua.adapters.datasets.population")}
    assert {m for m in outside if m.startswith("hadua")} == MAY_IMPORT
    assert {m.split(".")[0] for m in outside} - {"hadua", "numpy"} <= {
        *("collections", "dataclasses", "enum", "itertools", "math", "re", "types", "typing")
    }


def test_difficulty_is_like_the_published() -> None:
    """Source-only, standardised by person, and an oracle that knows the person's other trials."""
    x, y, subject, trial = table(whole())
    by_person = standardised(x, subject)
    raw, z, oracle = [], [], []
    for k in range(0, 15, 2):
        test, others = subject == k, subject != k
        raw.append(accuracy(by_source(x, others), y, others, test))
        z.append(accuracy(by_person, y, others, test))
        folds = [test & (trial % 3 == f) for f in range(3)]
        right = [accuracy(by_person, y, test & ~fold, fold) * fold.sum() for fold in folds]
        oracle.append(sum(right) / test.sum())

    assert 0.53 < np.mean(raw) < 0.67
    assert np.min(raw) < np.mean(raw) - 0.08
    assert 0.02 < np.mean(z) - np.mean(raw) < 0.15
    assert 0.91 < np.mean(oracle) < 0.98


def sessions_of(data: FeatureSet) -> Iterator[list[FeatureTrial]]:
    for key in sorted({(t.subject, t.session) for t in data.trials}):
        yield [t for t in data.trials if (t.subject, t.session) == key]


def imported(module: str, seen: set[str]) -> Iterator[str]:
    """Every module that `module` imports, directly or through another of ours."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            yield name
            if name.startswith("hadua") and name not in seen:
                seen.add(name)
                yield from imported(name, seen)
