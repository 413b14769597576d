import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.evaluation import Witness, indices, stream

from hadua.calibration.protocols import (
    PROTOCOL_NAMES,
    RUN,
    Budget,
    first_trials,
    inductive,
    prequential,
    transductive,
)
from hadua.models.errors import InvalidInputError

LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=9)


def test_every_protocol_has_a_function() -> None:
    assert tuple(RUN) == PROTOCOL_NAMES


def test_transductive_answers_what_it_adapted_to() -> None:
    witness, target = Witness(), stream([3, 2])

    answers = transductive(witness, target, Budget(steps=7))

    assert [(name, indices(seen)) for name, seen in witness.calls] == [
        ("learn", [0, 1, 2, 3, 4]),
        ("logits", [0, 1, 2, 3, 4]),
    ]
    assert witness.steps == [7]
    assert answers.rows.tolist() == [0, 1, 2, 3, 4]


@given(lengths=LENGTHS, cut=st.integers(0, 9), share=st.floats(0.05, 0.95))
def test_the_inductive_protocol_never_scores_a_trial_it_adapted_to(
    lengths: list[int], cut: int, share: float
) -> None:
    sessions = [1 if k < cut else 2 for k in range(len(lengths))]
    target, witness = stream(lengths, sessions=sessions), Witness()
    if max(sessions.count(1), sessions.count(2)) < 2:
        with pytest.raises(InvalidInputError, match="no sitting with more than one trial"):
            inductive(witness, target, Budget(adapt_share=share))
        return

    answers = inductive(witness, target, Budget(adapt_share=share))

    (_, adapted), (_, asked) = witness.calls
    assert sorted([*indices(adapted), *answers.rows.tolist()]) == list(range(len(target)))
    assert indices(asked) == answers.rows.tolist() == answers.logits[:, 0].tolist()
    assert not set(adapted.stretch.tolist()) & set(asked.stretch.tolist())
    for session in (1, 2):
        early = set(adapted.stretch[adapted.session == session].tolist())
        late = set(asked.stretch[asked.session == session].tolist())
        assert not early or max(early) < min(late)
        assert len(early) <= max(1, share * (len(early) + len(late)) + 1e-6)


def test_two_fifths_of_the_trials_are_adapted_to() -> None:
    target = stream([2] * 15, sessions=[1] * 10 + [2] * 5)

    early = first_trials(target, share=0.4)

    assert np.unique(target.stretch[early]).tolist() == [0, 1, 2, 3, 10, 11]


@given(lengths=LENGTHS, most=st.one_of(st.none(), st.integers(1, 8)))
def test_prequential_answers_come_before_anything_has_learned_from_them(
    lengths: list[int], most: int | None
) -> None:
    target, witness = stream(lengths), Witness()

    answers = prequential(witness, target, Budget(online_steps=3, block=most))

    learned, answered = 0, 0
    for name, seen in witness.calls:
        rows = indices(seen)
        if name == "learn":
            assert rows == list(range(answered)), "all that was answered, and no more"
            learned = len(rows)
        else:
            assert learned == answered, "whatever was answered before has been learned from"
            first = int(np.flatnonzero(target.stretch == target.stretch[answered])[0])
            assert rows[0] == first, "the past of the stretch comes along"
            assert rows == list(range(first, rows[-1] + 1))
            assert len(set(seen.stretch.tolist())) == 1
            assert rows[-1] + 1 - answered <= (most or max(lengths))
            answered = rows[-1] + 1
    assert answered == len(target)
    assert answers.rows.tolist() == answers.logits[:, 0].tolist() == list(range(len(target)))
    assert set(witness.steps) <= {3}
    assert len(witness.steps) == int(answers.logits[-1, 1]), "nothing is learned after the end"


def test_the_block_of_the_prequential_protocol_is_the_trial_by_default() -> None:
    witness = Witness()

    prequential(witness, stream([4, 1, 3]), Budget())

    assert [indices(w) for name, w in witness.calls if name == "logits"] == [
        [0, 1, 2, 3], [4], [5, 6, 7]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"steps": -1}, {"online_steps": -1}, {"block": 0}, {"adapt_share": 1.0}]
)
def test_a_budget_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match="budget of an adaptation"):
        Budget(**wrong)
