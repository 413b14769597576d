"""The table of new participants: what is scored, in which order it came, what is kept."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from participant import Task, collect, read, settings
from participant_methods import BOTH, CALIBRATED, FOLLOWED, MEETINGS, UNADAPTED, baseline
from participant_muse import in_two_sittings
from participant_scores import Person, benefit_min, figures
from participant_world import NewPerson, World
from support.toy_bundle import HOP_S, as_measured, toy_bundle
from support.toy_people import people, start

from hadua.calibration.dataset import Dataset
from hadua.calibration.learner import Method, Start
from hadua.calibration.windows import Windows
from hadua.models.features import FloatArray

RIVALS = {UNADAPTED: "ours", "other": "ours", "ours": ""}


def bits(text: str) -> npt.NDArray[np.bool_]:
    return np.array([letter == "1" for letter in text], np.bool_)


def person(seed: int, number: int, **right: str) -> Person:
    n = len(right["ours"])
    shares = {UNADAPTED if name == "plain" else name: bits(b) for name, b in right.items()}
    minutes = np.arange(n, dtype=np.float64)
    return Person(seed, number, minutes, np.arange(n) < 2, shares, {}, {})


@pytest.mark.parametrize(
    ("mine", "plain", "after"),
    [
        ("1111", "0000", 0.0),
        ("0011", "1000", 3.0),
        ("1001", "0110", None),
        ("1010", "1000", 2.0),
        ("0000", "0000", None),
        ("", "", None),
    ],
)
def test_the_time_to_benefit_is_when_it_leads_for_good(
    mine: str, plain: str, after: float | None
) -> None:
    assert benefit_min(bits(mine), bits(plain), np.arange(len(mine), dtype=np.float64)) == after


def test_a_row_is_of_the_sittings_after_the_first() -> None:
    met = [
        person(1, 0, plain="110000", other="000001", ours="001111"),
        person(1, 1, plain="001110", other="000000", ours="001111"),
    ]
    plain, other, ours = figures(met, RIVALS, unadapted=UNADAPTED)

    assert ours.people == (1.0, 1.0)
    assert (plain.mean, plain.worst, plain.first) == (0.375, 0.0, 0.5)
    assert other.people == (0.25, 0.0)
    assert (plain.hurt, other.hurt, ours.hurt) == (0.0, 0.5, 0.0)
    assert other.never == 1.0
    assert other.benefit_min is None
    assert ours.benefit_min == 4.5  # 5 minutes and 4
    assert ours.p is None
    assert plain.p == 1.0  # two pairs can say nothing


class Recorder:
    """A learner that writes down what it is asked and told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []

    def learn(self, target: Windows, *, steps: int) -> None:
        del steps
        self.events.append(("learnt", len(target)))

    def logits(self, windows: Windows) -> FloatArray:
        self.events.append(("asked", len(windows)))
        return np.tile(np.arange(len(windows), dtype=np.float64)[:, None], 2)

    def fused(self, windows: Windows) -> FloatArray:
        raise NotImplementedError


def a_world(block: int | None = None) -> World:
    labelled = people(1, n_stretches=4)
    windows = as_measured(labelled.windows, toy_bundle())
    session = np.repeat([1, 2], 12)
    own = NewPerson(windows, labelled.y, session, labelled.windows.stretch)
    return World(toy_bundle(), start().source, (own,), block)


def events(world: World, *, calibrate: bool) -> tuple[list[tuple[str, int]], FloatArray]:
    learner = Recorder()

    def begin(start: Start, seed: int) -> Recorder:
        del start, seed
        return learner

    met = baseline(Method("recorder", "Recorder", begin), calibrate=calibrate, follow=True)(
        world, world.people[0], 0
    )
    return learner.events, met.logits[:, 0]


def test_a_baseline_answers_each_trial_before_it_learns_from_it() -> None:
    seen, answers = events(a_world(), calibrate=False)
    assert seen == [
        *(("asked", 6), ("learnt", 6), ("asked", 6), ("learnt", 12)),
        *(("asked", 6), ("learnt", 18), ("asked", 6)),
    ]
    assert answers.tolist() == list(range(6)) * 4


def test_after_a_calibration_it_begins_with_the_second_sitting() -> None:
    seen, answers = events(a_world(), calibrate=True)
    assert seen[:4] == [("learnt", 12), ("asked", 12), ("asked", 6), ("learnt", 18)]
    assert len(answers) == 24


def test_in_blocks_it_still_sees_the_past_of_the_trial() -> None:
    seen, answers = events(a_world(block=4), calibrate=False)
    assert seen[:4] == [("asked", 4), ("learnt", 4), ("asked", 6), ("learnt", 6)]
    assert answers.tolist() == list(range(6)) * 4


def test_every_baseline_meets_people_in_the_same_three_ways_as_ours() -> None:
    rivals = [m.rival for m in MEETINGS]
    assert {m.name for m in MEETINGS} >= {UNADAPTED, CALIBRATED, FOLLOWED, BOTH}
    assert len({m.name for m in MEETINGS}) == len(MEETINGS)
    for ours, n in ((CALIBRATED, 4), (FOLLOWED, 4)):
        assert rivals.count(ours) == n


def kept(task: Task, right: Sequence[str]) -> None:
    content = {
        "seed": task.seed,
        "person": task.person,
        "hop_s": HOP_S,
        "window": list(range(len(right[0]))),
        "sitting": "112233",
        "right": dict(zip((UNADAPTED, CALIBRATED, BOTH), right, strict=True)),
        "rolled_back": {BOTH: ["2: spread"]},
        "relearnt": {BOTH: ["low 1.0"]},
        "git_revision": "0",
    }
    task.path.write_text(json.dumps(content), encoding="utf-8")


def test_the_table_says_how_many_of_each_seed_have_been_met(tmp_path: Path) -> None:
    runs, into = tmp_path / "runs", tmp_path / "results"
    runs.mkdir()
    for seed, n in ((1, 10), (2, 9)):
        for k in range(n):
            kept(Task("synthetic", seed, k, runs), ("010101", "111100", "111111"))

    collect("synthetic", runs, into)

    found = json.loads((into / "participant_synthetic.json").read_text(encoding="utf-8"))
    text = (into / "participant_synthetic.md").read_text(encoding="utf-8")
    assert found["people_by_seed"] == {"1": 10, "2": 9}
    assert "People met: 10 of seed 1, 9 of seed 2." in text
    assert [row["mean"] for row in found["rows"]] == [0.5, 0.5, 1.0]
    assert "| **ours, both** | **100.0 ± 0.0** | 100.0 | 0% | 0 min (0%) | 100.0 |  |" in text
    assert "Roll-backs, ours, both: 19 for spread" in text
    assert str(tmp_path) not in text + json.dumps(found)


def test_with_nobody_met_there_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nobody has been met"):
        collect("synthetic", tmp_path, tmp_path)


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    task = Task("synthetic", 3, 7, tmp_path)
    kept(task, ("010101", "111100", "111111"))
    back = read(task.path)

    assert (back.seed, back.number) == (3, 7)
    assert back.first.tolist() == [True, True, False, False, False, False]
    assert back.right[CALIBRATED].tolist() == [True] * 4 + [False] * 2
    assert back.minutes[-1] == pytest.approx(5.0 / 60.0)


def test_the_settings_can_be_written_down() -> None:
    assert json.loads(json.dumps(settings())) == settings()


def test_the_first_recordings_are_the_first_sitting() -> None:
    n = 100
    stretch = np.repeat([0, 1, 2, 3], (30, 15, 35, 20)).astype(np.int64)
    zeros = np.zeros(n, np.int64)
    data = Dataset(
        classes=("a", "b"),
        people=("P1",),
        eeg=np.zeros((n, 2), np.float32),
        eye=np.zeros((n, 0), np.float32),
        y=zeros,
        subject=zeros,
        session=zeros,
        stretch=stretch,
        stimulus=zeros,
    )
    assert np.bincount(in_two_sittings(data).session).tolist() == [0, 45, 55]
    one = replace(data, stretch=np.repeat([0, 1], (99, 1)).astype(np.int64))
    assert np.bincount(in_two_sittings(one).session).tolist() == [0, 99, 1]
