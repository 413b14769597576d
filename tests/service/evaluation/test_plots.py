import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import image
from support.evaluations import evaluation, fold, folds

from hadua.calibration.reliability import calibration_error
from hadua.models.errors import InvalidInputError, RuntimeUnavailableError
from hadua.service.evaluation.curves import pooled, running_accuracy
from hadua.service.evaluation.plots import confusion_plot, people_plot, write_plots

WITHOUT_SCREEN = """
import sys
from support.evaluations import evaluation
from hadua.service.evaluation.plots import people_plot
people_plot(evaluation(), "inductive")
assert "matplotlib.pyplot" not in sys.modules
"""


def test_there_is_a_plot_of_everything_1200_pixels_wide(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)

    paths = write_plots(tmp_path, evaluation())

    assert {p.stem for p in paths} == {
        *("confusion-source-only", "confusion-coral", "confusion-ours"),
        *("people-transductive", "people-inductive", "people-prequential"),
        *("reliability-transductive", "reliability-inductive", "reliability-prequential"),
        "prequential",
    }
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in paths}
    for path in paths:
        pixels = image.imread(path)
        assert pixels.shape[1] == 1200
        assert len(np.unique(pixels[..., 0])) > 20  # something is drawn
    assert dict(mpl.rcParams) == before


def test_pyplot_and_its_state_are_left_alone() -> None:
    tests = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r})\n{WITHOUT_SCREEN}"],
        capture_output=True,
        text=True,
        timeout=60.0,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_same_results_are_drawn_alike_and_others_are_not() -> None:
    one, other = evaluation(), evaluation(folds({"ours": 0.5}))

    assert people_plot(one, "inductive") == people_plot(one, "inductive")
    assert people_plot(one, "inductive") != people_plot(other, "inductive")


def test_the_least_there_can_be_is_drawn(tmp_path: Path) -> None:
    assert len(write_plots(tmp_path, evaluation([fold(right=[True])]))) == 3
    assert len(write_plots(tmp_path, evaluation([fold(protocol="prequential", right=[True])]))) == 4


def test_names_of_methods_can_not_leave_the_folder(tmp_path: Path) -> None:
    found = evaluation([fold()])
    for one in (found.rows[0], found.people[0], found.folds[0]):
        object.__setattr__(one, "method", "../../ours")
    found.titles["../../ours"] = "x"  # type: ignore[index]

    paths = write_plots(tmp_path / "plots", found)

    assert {p.parent for p in paths} == {tmp_path / "plots"}


def test_running_accuracy_ends_at_the_hits_of_each_person() -> None:
    hits = {"p1": [True, False, True], "p2": [True, True, True, False, False]}
    found = evaluation(
        [fold(protocol="prequential", person=who, right=right) for who, right in hits.items()]
    )

    curve = running_accuracy(found, "ours")

    np.testing.assert_allclose(curve, np.array([[1.0, 1 / 2, 2 / 3], [1.0, 1.0, 1.0]]))


def test_reliability_is_pooled_over_windows() -> None:
    found = evaluation(folds({"ours": 0.7}, seeds=(0,)))
    made = found.folds_of("ours", "inductive")

    error = calibration_error(
        np.concatenate([f.probabilities for f in made]), np.concatenate([f.y for f in made])
    )

    assert pooled(found, "ours", "inductive").error() == pytest.approx(error)


def test_what_is_not_there_can_not_be_drawn() -> None:
    with pytest.raises(InvalidInputError, match="method 'tent' to plot"):
        confusion_plot(evaluation([fold()]), "tent")
    with pytest.raises(InvalidInputError, match="protocol 'prequential'"):
        people_plot(evaluation([fold()]), "prequential")


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(RuntimeUnavailableError, match=r"'matplotlib'.*hadua\[evaluate\]"):
        people_plot(evaluation([fold()]), "inductive")
