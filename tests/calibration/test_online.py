"""The online loop: first the answer, then the learning; and nothing else when it is off."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.toy_bundle import as_measured, toy_bundle
from support.toy_people import WIDTHS, accuracy, moved, people
from support.toy_stream import QUICK, adapter, followed, of_classes, toy_stream
from torch import Tensor

from hadua.calibration.collected import Collected, CollectedWindow
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.online import OnlineAdapter
from hadua.calibration.online_reasons import FROZEN, NOTHING_MEASURED, POOR_QUALITY
from hadua.calibration.preparing import normalised
from hadua.calibration.stretches import logits_of_windows
from hadua.models.bundle import Normalisation
from hadua.models.errors import CalibrationError, InvalidInputError
from hadua.models.export import load_network
from hadua.models.features import FloatArray, Modality
from hadua.models.network import HaduaNetwork

LABELLED = people(3, n_stretches=30, turn_deg=60.0, noise=0.4)
PERSON = LabelledWindows(moved(LABELLED.windows, offset=0.7, gain=1.4), LABELLED.y)
STREAM = toy_stream(PERSON.windows)
TOLD = replace(
    QUICK,
    steps=8,
    rate=3e-3,
    anchor=0.0,
    teacher_keep=0.7,
    guard=replace(QUICK.guard, check_loss=1.0, most_divergence=99.0),
)


def state(loop: OnlineAdapter) -> dict[str, Tensor]:
    """All that answers, to compare bit for bit."""
    own = {k: v.clone() for k, v in loop.served.network.state_dict().items()}
    for m, normalisation in loop.served.normalisation.items():
        own[f"{m} mean"] = torch.from_numpy(normalisation.mean.copy())
        own[f"{m} std"] = torch.from_numpy(normalisation.std.copy())
    return own


def same(a: OnlineAdapter, b: OnlineAdapter) -> bool:
    left, right = state(a), state(b)
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def test_predicting_changes_nothing() -> None:
    asked, silent = adapter(), adapter()
    for window in STREAM[:90]:
        for _ in range(3):
            asked.predict(window)
        asked.predict(STREAM[-1])
        assert asked.observe(window) == silent.observe(window)

    assert asked.served.update == silent.served.update > 0
    assert same(asked, silent)


def test_a_window_is_never_answered_by_what_has_seen_it() -> None:
    """Whatever the windows from some moment on are, all answers before are the same."""
    plain, _ = followed(adapter(), STREAM[:80])
    for k in (1, 41, 78, 79):
        poisoned = [
            *STREAM[:k],
            *(replace(w, eeg=-9.0 * w.eeg, eye=w.eye + 3.0) for w in STREAM[k:]),
        ]
        answers, _ = followed(adapter(), poisoned[: k + 1])
        np.testing.assert_array_equal(answers[:k], plain[:k])
        assert (answers[k] != plain[k]).any()


def test_an_answer_is_that_of_the_model_before_the_window_came() -> None:
    loop = adapter()
    for window in STREAM[:120]:
        before = loop.served
        loop.predict(window)
        assert loop.served is before
        assert loop.observe(window).updated == (loop.served is not before)
    assert loop.served.update == 20  # of six windows each


def test_off_it_is_the_model_as_it_was_bit_for_bit() -> None:
    off, untouched = adapter(learning=False), adapter()
    logits, observed = followed(off, STREAM)

    assert same(off, untouched)
    assert off.served.update == 0
    assert not any(o.updated or o.rolled_back for o in observed)
    for k, window in enumerate(STREAM):
        past = [w for w in STREAM[max(0, k - 2) : k] if window.end_s - w.end_s < 2.5]
        np.testing.assert_array_equal(logits[k], as_shipped([*past, window]))


def as_shipped(windows: list[CollectedWindow]) -> FloatArray:
    """What the bundle says of the last of neighbouring windows."""
    bundle, n = toy_bundle(), len(windows)
    own = normalised(
        Collected.of(windows, WIDTHS), bundle.normalisation, stretch=np.zeros(n, np.int64)
    )
    return np.asarray(logits_of_windows(load_network(bundle), own)[-1])


def test_switched_off_in_the_middle_it_stays_as_it_is_and_goes_on_when_it_is_on_again() -> None:
    loop = adapter()
    followed(loop, STREAM[:60])
    loop.learning, served = False, loop.served
    followed(loop, STREAM[60:120])
    assert loop.served is served
    loop.learning = True
    followed(loop, STREAM[120:])
    assert loop.served.update > served.update


def test_the_same_windows_and_seed_give_the_same_bits() -> None:
    runs = [followed(adapter(seed=seed), STREAM[:90])[0].tobytes() for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_it_leaves_the_random_numbers_of_others_alone() -> None:
    loop = adapter()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    followed(loop, STREAM[:60])
    assert torch.equal(torch.rand(3), expected)


def test_it_helps_a_person_who_is_not_like_the_source() -> None:
    adapted, _ = followed(adapter(), STREAM)
    plain, _ = followed(adapter(learning=False), STREAM)
    late = slice(len(STREAM) // 2, None)
    assert accuracy(adapted[late], PERSON.y[late]) > accuracy(plain[late], PERSON.y[late]) + 0.05


@pytest.mark.parametrize(
    ("usable", "blind", "reason"),
    [(False, False, POOR_QUALITY), (True, True, NOTHING_MEASURED), (False, True, NOTHING_MEASURED)],
)
def test_a_window_that_is_not_worth_it_teaches_nothing(
    usable: bool, blind: bool, reason: str
) -> None:
    loop, untouched = adapter(), adapter()
    nothing = [np.full(width, np.nan, np.float32) for width in WIDTHS]
    for window in STREAM[:90]:
        seen = replace(window, eeg=nothing[0], eye=nothing[1]) if blind else window
        loop.predict(seen)
        assert loop.observe(seen, usable=usable).refused == reason

    assert same(loop, untouched)
    assert loop.refused == {reason: 90}


def test_a_poor_window_ends_a_piece_and_does_not_come_into_one() -> None:
    """Of six windows a piece, one poor one in every stretch leaves five, of which four may stay."""
    poor, clean = adapter(), adapter()
    for k, window in enumerate(STREAM[:60]):
        spoilt = replace(window, eeg=window.eeg + 1e6) if k % 6 == 5 else window
        poor.observe(spoilt, usable=k % 6 != 5)
        clean.observe(window)
    assert poor.refused == {POOR_QUALITY: 10}
    assert poor.served.update == 10
    assert np.abs(poor.served.normalisation[Modality.EEG].mean).max() < 100.0


@pytest.mark.parametrize("gone", ["eeg", "eye"])
def test_one_modality_is_enough(gone: str) -> None:
    windows = [replace(w, **{gone: np.full_like(getattr(w, gone), np.nan)}) for w in STREAM]
    logits, observed = followed(adapter(), windows)
    assert np.isfinite(logits).all()
    assert any(o.updated for o in observed)
    assert not any(o.refused for o in observed)


def test_constant_and_infinite_features_leave_everything_finite() -> None:
    windows = [
        replace(w, eeg=np.full_like(w.eeg, 4.0), eye=np.where(np.arange(4) == 1, np.inf, w.eye))
        for w in STREAM
    ]
    loop = adapter()
    logits, _ = followed(loop, [replace(w, eye=w.eye.astype(np.float32)) for w in windows])
    assert np.isfinite(logits).all()
    assert all(bool(torch.isfinite(v).all()) for v in state(loop).values())


def test_what_somebody_tells_is_believed() -> None:
    """Told the opposite of everything, it comes round to it; nobody else would."""
    loop, silent = (adapter(TOLD, anchored=False) for _ in range(2))
    for k, window in enumerate(STREAM[:120]):
        loop.observe(window)
        silent.observe(window)
        if k % 6 == 5:
            label = 1 - int(PERSON.y[k])
            loop.tell(label, from_s=window.end_s - 5.5, until_s=window.end_s)
    asked = STREAM[60:120]
    opposite = accuracy(np.array([loop.predict(w) for w in asked]), 1 - PERSON.y[60:120])
    plain = accuracy(np.array([silent.predict(w) for w in asked]), 1 - PERSON.y[60:120])
    assert opposite > plain + 0.3


@pytest.mark.parametrize(
    ("label", "from_s", "until_s"),
    [(2, 0.0, 1.0), (-1, 0.0, 1.0), (0, 5.0, 5.0), (0, 5.0, 4.0), (0, float("nan"), 5.0)],
)
def test_what_cannot_be_told_is_refused(label: int, from_s: float, until_s: float) -> None:
    with pytest.raises(CalibrationError, match=f"got class {label} from"):
        adapter().tell(label, from_s=from_s, until_s=until_s)


def test_learning_anew_is_due_when_so_much_more_has_been_seen_and_not_before() -> None:
    loop, due = adapter(replace(QUICK, first_pieces=20, growth=1.2)), []
    for k, window in enumerate(STREAM):
        loop.observe(window)
        if loop.relearning_due:
            due.append((k + 1) // 6)
            assert len(loop.to_relearn()) == k + 1
            assert not loop.relearning_due
    assert due == [20, 24, 29]


def test_it_is_never_due_when_it_is_not_wanted_or_there_is_too_little_to_fit() -> None:
    for settings in (replace(QUICK, growth=0.0), replace(QUICK, first_pieces=1, capacity=15)):
        loop = adapter(settings)
        followed(loop, STREAM)
        assert not loop.relearning_due


def test_of_nothing_nothing_can_be_learnt_anew() -> None:
    with pytest.raises(CalibrationError, match="got none"):
        adapter().to_relearn()


def last_bias(network: HaduaNetwork) -> Tensor:
    return [p for name, p in network.named_parameters() if name.startswith("classifier")][-1]


def test_what_was_learnt_anew_answers_at_once_and_is_the_new_start() -> None:
    loop, other = adapter(), load_network(toy_bundle())
    with torch.no_grad():
        last_bias(other).add_(3.0 * torch.tensor([1.0, -1.0]))
    followed(loop, STREAM[:60])
    before = loop.served.update
    loop.adopt(other, toy_bundle().normalisation)

    assert loop.served.update == before + 1
    off = adapter(learning=False)
    followed(off, STREAM[58:60])
    apart = loop.predict(STREAM[60]) - off.predict(STREAM[60])
    np.testing.assert_allclose(apart, [3.0, -3.0], atol=1e-4)
    with torch.no_grad():
        last_bias(other).zero_()  # the caller's own affair
    np.testing.assert_array_equal(loop.predict(STREAM[60]), off.predict(STREAM[60]) + apart)


def test_an_earlier_sitting_is_remembered_in_the_units_of_this_one() -> None:
    bundle, loop = toy_bundle(), adapter()
    earlier = as_measured(PERSON.windows, bundle)
    then = {
        m: Normalisation(n.mean + 5.0 * n.std, n.std * 2.0) for m, n in bundle.normalisation.items()
    }
    loop.remember(earlier, then)
    kept = loop.to_relearn()

    now = normalised(kept, bundle.normalisation, stretch=np.zeros(len(kept), np.int64))
    was = normalised(earlier, then, stretch=np.zeros(len(earlier), np.int64))
    np.testing.assert_allclose(now.x_eeg, was.x_eeg, atol=1e-4)
    assert not loop.relearning_due


def test_after_somebody_else_it_begins_again_as_shipped_and_with_nothing() -> None:
    """The person is known; then another one sits down, whose features lie elsewhere."""
    loop = adapter(replace(QUICK, first_pieces=20), known=True)
    followed(loop, toy_stream(of_classes([0, 1] * 10).windows))
    stranger = moved(of_classes([0, 1] * 20, seed=8).windows, offset=1.5)
    _, observed = followed(loop, toy_stream(stranger))

    assert [b.bound for b in loop.rolled_back] == ["person"]
    assert next(o for o in observed if o.rolled_back).updated
    assert "is this the person" in loop.rolled_back[0].words
    k = next(k for k, o in enumerate(observed) if o.rolled_back)
    assert k < 48
    assert loop.relearning_due  # of the stranger alone, some 200 windows on
    assert len(loop.to_relearn()) <= 6 * 40 - k


def test_right_after_somebody_else_came_nothing_is_due() -> None:
    loop = adapter(replace(QUICK, first_pieces=20), known=True)
    followed(loop, toy_stream(of_classes([0, 1] * 20).windows))
    due_before = loop.relearning_due
    stranger = moved(of_classes([0, 1] * 10, seed=8).windows, offset=1.5)
    for window in toy_stream(stranger):
        if loop.observe(window).rolled_back:
            break
    assert due_before
    assert not loop.relearning_due
    assert same(loop, adapter())


def test_a_loop_that_has_been_wrong_too_often_is_frozen_until_something_better_comes() -> None:
    strict = replace(QUICK, guard=replace(QUICK.guard, most_divergence=-1.0))
    loop = adapter(strict)
    _, observed = followed(loop, STREAM)

    assert [b.bound for b in loop.rolled_back] == ["divergence"] * 3
    assert loop.refused[FROZEN] > 0
    assert observed[-1].refused == FROZEN
    loop.adopt(load_network(toy_bundle()), toy_bundle().normalisation)
    assert loop.observe(STREAM[0]).refused == ""


def test_settings_that_make_no_sense_are_refused_and_all_are_recorded() -> None:
    for broken in ({"piece": 0}, {"rate": 0.0}, {"teacher_keep": 1.0}, {"stretch_s": 0.0}):
        with pytest.raises(InvalidInputError, match="settings of the online loop"):
            replace(QUICK, **broken)
    record = QUICK.record()
    assert record["piece"] == 6
    assert record["guard.most_divergence"] == QUICK.guard.most_divergence
    assert record["weighting.tau_s"] == QUICK.weighting.tau_s
    assert not any(isinstance(v, dict) for v in record.values())
