"""A gradient step: fair draws, told classes, and a teacher that is an average of the student."""

from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.pieces import piece
from support.toy_bundle import as_measured, toy_bundle
from support.toy_people import people
from support.toy_stream import QUICK

from hadua.calibration.buffer import Piece
from hadua.calibration.chance import seeded
from hadua.calibration.online_step import Student, draw_evenly
from hadua.calibration.online_stream import Stream
from hadua.calibration.timed_weighting import TimedWeighting
from hadua.models.export import load_network

PERSON = people(4, n_stretches=12)


def pieces() -> list[Piece]:
    bundle = toy_bundle()
    cuts = Stream(bundle, piece=6, stretch_s=60.0).cut(as_measured(PERSON.windows, bundle))
    return [Piece(w, k, np.full(2, 0.5), np.zeros(1)) for k, w in enumerate(cuts)]


def student(*, anchor: float = 1.0, teacher_keep: float = 0.95) -> Student:
    network = load_network(toy_bundle())
    settings = replace(QUICK, rate=1e-3, anchor=anchor, teacher_keep=teacher_keep)
    return Student(network, network, None, settings)


def stepped(own: Student, drawn: list[Piece], *, steps: int = 1, seed: int = 0) -> None:
    weighting, rng = TimedWeighting(2), np.random.default_rng(seed)
    with seeded(seed):
        for _ in range(steps):
            own.step(drawn, toy_bundle().normalisation, weighting, rng)


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@given(
    labels=st.lists(st.integers(0, 2), min_size=1, max_size=20),
    n=st.integers(1, 12),
    seed=st.integers(0, 50),
)
def test_the_classes_that_there_are_come_equally_often(
    labels: list[int], n: int, seed: int
) -> None:
    drawn = draw_evenly([piece(label) for label in labels], n, np.random.default_rng(seed))
    counts = Counter(p.label for p in drawn)

    assert len(drawn) == n
    assert max(counts.values()) - min([counts[k] for k in set(labels)]) <= 1


def test_over_many_draws_a_remainder_favours_no_class() -> None:
    rng, own = np.random.default_rng(0), [piece(0), piece(0), piece(1), piece(2)]
    counts = Counter(p.label for _ in range(300) for p in draw_evenly(own, 4, rng))
    assert max(counts.values()) < 1.2 * min(counts.values())


def test_the_teacher_moves_by_its_share_of_the_way() -> None:
    quick, slow = student(teacher_keep=0.0), student(teacher_keep=0.9)
    before = weights(quick.teacher)
    for own in (quick, slow):
        stepped(own, pieces())

    whole, part = weights(quick.teacher) - before, weights(slow.teacher) - before
    assert whole.abs().max() > 0.0
    torch.testing.assert_close(part, 0.1 * whole, rtol=1e-3, atol=1e-7)


def test_the_anchor_holds() -> None:
    free, held = student(anchor=0.0), student(anchor=1e4)
    before = weights(free.teacher)
    for own in (free, held):
        stepped(own, pieces(), steps=20)
    apart = [(weights(own.teacher) - before).norm() for own in (free, held)]
    assert apart[1] < 0.5 * apart[0]


def test_told_classes_are_learnt_against_what_the_teacher_says() -> None:
    told = [replace(p, trusted=1) for p in pieces()]
    own, left = student(anchor=0.0, teacher_keep=0.5), student(anchor=0.0, teacher_keep=0.5)
    stepped(own, told, steps=40)
    stepped(left, pieces(), steps=40)

    shares = [said_high(s) for s in (own, left)]
    assert shares[0] > shares[1] + 0.2


def said_high(own: Student) -> float:
    windows = PERSON.windows
    with torch.no_grad():
        logits = own.teacher.logits_sequence(
            torch.from_numpy(windows.x_eeg)[None],
            torch.from_numpy(windows.x_eye)[None],
            torch.from_numpy(windows.present)[None],
        )
    return float(torch.softmax(logits, dim=2)[..., 1].mean())


def test_the_same_draws_give_the_same_bits() -> None:
    twice = [student(), student()]
    for own in twice:
        stepped(own, pieces(), steps=5, seed=3)
    assert torch.equal(weights(twice[0].teacher), weights(twice[1].teacher))


def test_pieces_of_which_nothing_was_measured_change_nothing() -> None:
    own, blind = student(), []
    before = weights(own.teacher)
    for p in pieces():
        nothing = (np.full_like(x, np.nan) for x in (p.windows.eeg, p.windows.eye))
        eeg, eye = nothing
        blind.append(replace(p, windows=replace(p.windows, eeg=eeg, eye=eye)))
    stepped(own, blind)
    assert torch.equal(weights(own.teacher), before)


def test_a_weight_or_a_statistic_that_is_not_a_number_is_seen() -> None:
    own = student()
    assert own.is_finite()
    next(b for b in own.teacher.buffers() if b.is_floating_point())[0] = torch.nan
    assert not own.is_finite()
