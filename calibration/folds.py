"""One fold: who gives the source, who sets the temperature, and whose windows, bare, are the test.

The test person's labels stay behind in the data set: a `Fold` holds their windows alone, and which
rows of the data set these are, so that whoever scores can look the labels up.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hadua.calibration.dataset import Dataset, normalise, statistics
from hadua.calibration.labelled import UNLABELLED, LabelledWindows
from hadua.calibration.splits import holdout
from hadua.calibration.windows import IntArray, Windows
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray

SplitName = Literal["loso", "leave-subject-and-stimulus-out"]
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)
HELD_OUT_SHARE = 1.0 / 3.0
"""Share of each class's stimuli that `leave-subject-and-stimulus-out` keeps for the test."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """What may be known about one test person, all normalised by the source people's statistics.

    Args:
        source: Windows of those who train the networks.
        validation: Windows of those on whom the temperature is fitted; may be empty.
        target: The test person's windows in recorded order.
        rows: `(n,)` row of the data set of each window of `target`.
    """

    source: LabelledWindows
    validation: LabelledWindows
    target: Windows
    rows: IntArray


def fold_of(
    data: Dataset,
    *,
    person: int,
    seed: int,
    split: SplitName = "loso",
    n_validation: int = 0,
) -> Fold:
    """Set one person apart; nothing of theirs has a say in how the others are split.

    Args:
        data: All people.
        person: Index of the test person.
        seed: Draws the validation people and the stimuli held out, with `person`.
        split: `loso`, or besides leave out a third of the stimuli: the source is trained without
            them, and the person is adapted to and tested on nothing else.
        n_validation: How many of the other people only set the temperature; nobody if fewer than
            three would be left to train on.

    Raises:
        InvalidInputError: nobody to train on, or nothing of the person to test on.
    """
    draw = int(np.random.SeedSequence((seed, person)).generate_state(1)[0])
    others, own = data.subject != person, data.subject == person
    if split == "leave-subject-and-stimulus-out":
        held_out = held_out_stimuli(data.pick(others), seed=draw)
        others &= ~np.isin(data.stimulus, held_out)
        own &= np.isin(data.stimulus, held_out)
    rows = _recorded_order(data, own)
    if not len(rows):
        raise InvalidInputError(
            f"test person {data.people[person]!r}",
            got="no windows",
            expected="some" if split == "loso" else "some of a stimulus that others saw too",
        )
    spared = n_validation if len(np.unique(data.subject[others])) >= n_validation + 3 else 0
    people = holdout(data.subject[others], n_validation=spared, n_test=0, seed=draw)
    source = data.pick(np.isin(data.subject, people.train) & others)
    moments = statistics(source)
    return Fold(
        normalise(source, moments),
        normalise(data.pick(np.isin(data.subject, people.validation) & others), moments),
        normalise(data.pick(rows), moments).windows,
        rows,
    )


def held_out_stimuli(source: Dataset, *, seed: int, share: float = HELD_OUT_SHARE) -> IntArray:
    """Draw stimuli of every class, by what the source people's labels say they are.

    A class of which there is one stimulus only keeps it for the training.
    """
    rng, drawn = np.random.default_rng(seed), []
    ids = np.unique(source.stimulus)
    classes = np.array([_class_of(source, k) for k in ids.tolist()], np.int64)
    for c in range(len(source.classes)):
        of_class = rng.permutation(ids[classes == c])
        n = min(max(round(share * len(of_class)), 1), max(len(of_class) - 1, 0))
        drawn.append(of_class[:n])
    return np.sort(np.concatenate(drawn))


def _class_of(source: Dataset, stimulus: int) -> int:
    y = source.y[(source.stimulus == stimulus) & (source.y != UNLABELLED)]
    return int(np.bincount(y).argmax()) if len(y) else UNLABELLED


def _recorded_order(data: Dataset, mask: BoolArray) -> IntArray:
    """Rows of one person by sitting, trial and place in the trial."""
    rows = np.flatnonzero(mask)
    order = np.lexsort((data.stretch[rows], data.session[rows]))
    return rows[order].astype(np.int64)
