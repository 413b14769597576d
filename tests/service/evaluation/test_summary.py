from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from support.evaluations import CLASSES, TITLES, evaluation, fold, folds, origin

from hadua.calibration.reliability import calibration_error
from hadua.calibration.scores import macro_auc, score
from hadua.models.errors import InvalidInputError
from hadua.service.evaluation.results import Evaluation, FoldResult, MethodRow, Protocol
from hadua.service.evaluation.summary import by_person, score_fold, summarise


def share(accuracy: float) -> list[bool]:
    """Ten windows of which this share is right."""
    return [k < round(10 * accuracy) for k in range(10)]


def row(found: Evaluation, method: str, protocol: Protocol = "inductive") -> MethodRow:
    return next(r for r in found.rows if (r.method, r.protocol) == (method, protocol))


def test_the_figures_of_a_fold_are_those_of_its_windows() -> None:
    one = fold(right=share(0.7), threshold=0.8)

    figures = score_fold(one)

    assert figures.accuracy == 0.7
    assert figures.macro_f1 == score(one.predicted, one.y).macro_f1
    assert figures.auc == macro_auc(one.probabilities, one.y)
    assert figures.ece == calibration_error(one.probabilities, one.y)
    assert sum(map(sum, figures.confusion)) == figures.n_windows == 10
    sure = one.probabilities.max(axis=1) >= 0.8
    assert figures.coverage == sure.mean()
    assert figures.answered_accuracy == (one.predicted == one.y)[sure].mean()


def test_without_a_threshold_nothing_is_said_about_coverage() -> None:
    assert score_fold(fold()).coverage is None
    assert row(evaluation(), "ours").coverage is None


def test_seeds_are_averaged_before_people_are_compared() -> None:
    by_hand = {"p1": (0.5, 0.7), "p2": (0.9, 0.9), "p3": (0.4, 0.2)}
    found = evaluation(
        [
            fold(person=person, seed=seed, right=share(accuracy))
            for person, seeds in by_hand.items()
            for seed, accuracy in enumerate(seeds)
        ]
    )

    ours = row(found, "ours")

    assert by_person(found.people, "ours", "inductive") == pytest.approx(
        {"p1": 0.6, "p2": 0.9, "p3": 0.3}
    )
    assert ours.mean == pytest.approx(0.6)
    assert ours.sd == pytest.approx(np.std([0.6, 0.9, 0.3], ddof=1))
    assert ours.seed_sd == pytest.approx(0.0)
    assert ours.worst == pytest.approx(0.3)
    assert ours.worst_person == "p3"
    assert (ours.n_people, ours.n_seeds) == (3, 2)


def test_p_is_that_of_scipy_over_people_and_corrected_over_the_table() -> None:
    found = evaluation(
        folds({"source-only": 0.6, "coral": 0.7, "ours": 0.8}, n_people=9, n_windows=301)
    )
    tests = [r for r in found.rows if r.p_value is not None]

    assert len(tests) == 6
    for one in tests:
        mine = by_person(found.people, one.method, one.protocol)
        ours = by_person(found.people, "ours", one.protocol)
        theirs = scipy.stats.wilcoxon(list(mine.values()), list(ours.values()), method="exact")
        assert one.p_value == pytest.approx(theirs.pvalue)
    lowest = min(tests, key=lambda r: r.p_value or 0.0)
    assert lowest.p_holm == pytest.approx(6 * (lowest.p_value or 0.0))


def test_leaky_figures_are_not_tested() -> None:
    found = evaluation(
        folds({"source-only": 0.6, "ours": 0.9}, protocols=("inductive", "leaky-best-epoch"))
    )

    assert row(found, "source-only").p_value is not None
    assert row(found, "source-only", "leaky-best-epoch").p_value is None


def test_negative_transfer_counts_people_against_the_reference() -> None:
    pairs = {"p1": (0.5, 0.9), "p2": (0.5, 0.4), "p3": (0.5, 0.5), "p4": (0.5, 0.3)}
    made = []
    for person, (before, after) in pairs.items():
        made.append(fold("source-only", person=person, right=share(before)))
        made.append(fold("ours", person=person, right=share(after)))

    found = evaluation(made)

    assert row(found, "ours").negative_transfer == 0.5
    assert row(found, "source-only").negative_transfer is None


def test_one_person_has_no_deviation_and_one_class_no_area() -> None:
    one_class = replace(fold(), y=np.zeros(4, np.int64))

    ours = row(evaluation([one_class]), "ours")

    assert (ours.sd, ours.seed_sd, ours.auc) == (None, None, None)


def test_the_area_is_over_those_who_have_one() -> None:
    other = fold(person="p2")
    one_class = replace(fold(person="p1"), y=np.zeros(4, np.int64))

    assert row(evaluation([one_class, other]), "ours").auc == score_fold(other).auc


@pytest.mark.parametrize(
    ("made", "what"),
    [
        ([], "folds to summarise: got none"),
        ([fold(), fold()], "ours / inductive / seed 0 / p1.*got it twice"),
        ([fold("tent")], "method 'tent': got no title"),
        ([fold(), fold("coral", right=share(0.5))], "got 4 and 10 windows, which differ"),
        ([fold(), fold("coral", person="p2")], "method 'ours', inductive, seed 0: got nothing on"),
    ],
)
def test_what_can_not_stand_in_one_table_is_refused(made: list[FoldResult], what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        summarise(
            made,
            provenance=origin(),
            classes=CLASSES,
            titles=TITLES,
            ours="ours",
            reference="source-only",
        )


def test_a_fold_that_can_not_be_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="order rising"):
        replace(fold(), order=np.zeros(4, np.int64))
    with pytest.raises(InvalidInputError, match=r"session \(3,\)"):
        replace(fold(), session=np.ones(3, np.int64))
    with pytest.raises(InvalidInputError, match="nan seconds"):
        replace(fold(), seconds=float("nan"))
    with pytest.raises(InvalidInputError, match=r"rows that sum to 1\.5"):
        replace(fold(), probabilities=np.full((4, 3), 0.5))


def test_foremost_are_ours_the_reference_and_the_best_other() -> None:
    found = evaluation(folds({"source-only": 0.5, "coral": 0.9, "ours": 0.7}))

    assert found.foremost("inductive") == ("ours", "source-only", "coral")
    with pytest.raises(InvalidInputError, match="leaky-best-epoch"):
        found.foremost("leaky-best-epoch")
