from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.windows.alignment import AlignedWindows, Aligner
from hadua.models.errors import FeatureMismatchError, InvalidInputError
from hadua.models.features import FeatureSpec, FeatureWindow, Modality

HOP_S = 0.5
EEG = FeatureSpec(Modality.EEG, "hadua-de", 1, ("k",), 1.0, HOP_S)
EYE = FeatureSpec(Modality.EYE, "hadua-eye", 1, ("k",), 4.0, HOP_S)
SPECS = {Modality.EEG: EEG, Modality.EYE: EYE}


def window(spec: FeatureSpec, k: int) -> FeatureWindow:
    """A window whose one value is its own number."""
    end_s = k * HOP_S
    there = np.ones(1, np.bool_)
    return FeatureWindow(spec, np.array([float(k)]), end_s - spec.window_s, end_s, 1.0, there)


def gap(spec: FeatureSpec, first: int, last: int, reason: str = "eeg: cable") -> FeatureWindow:
    return FeatureWindow.absent(
        spec, start_s=first * HOP_S - spec.window_s, end_s=last * HOP_S, reason=reason
    )


def content(out: list[AlignedWindows]) -> list[tuple[int, float | None, float | None]]:
    """Grid end, EEG value, eye value; None where absent."""
    return [(round(a.end_s / HOP_S), value(a, Modality.EEG), value(a, Modality.EYE)) for a in out]


def value(aligned: AlignedWindows, modality: Modality) -> float | None:
    window = aligned.windows[modality]
    return float(window.values[0]) if window.usable else None


Step = tuple[Modality, int]


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[list[Step], dict[Modality, set[int]]]:
    """Pushes of two modalities in any order, and which grid ends each has a window for."""
    n = draw(st.integers(1, 25))
    ks = st.sets(st.integers(1, n))
    order = draw(st.permutations([m for m in SPECS for _ in range(n)]))
    counts = dict.fromkeys(SPECS, 0)
    steps = []
    for m in order:
        counts[m] += 1
        steps.append((m, counts[m]))
    return steps, {m: draw(ks) for m in SPECS}


def run(
    steps: list[Step],
    have: dict[Modality, set[int]],
    *,
    grace_s: float,
    patience_s: float = 2.0,
) -> tuple[Aligner, list[AlignedWindows]]:
    aligner = Aligner([EEG, EYE], grace_s=grace_s, patience_s=patience_s)
    out: list[AlignedWindows] = []
    for m, k in steps:
        windows = [window(SPECS[m], k)] if k in have[m] else []
        out += aligner.push(m, windows, watermark_s=k * HOP_S)
    for m in SPECS:  # both go on for long, so that everything is settled
        out += aligner.push(m, [], watermark_s=1e3)
    return aligner, out


@given(case=interleavings(), grace_s=st.sampled_from([0.0, 0.25, 3.0]))
@settings(max_examples=150, deadline=None)
def test_each_grid_end_comes_once_in_order_and_holds_only_its_own(
    case: tuple[list[Step], dict[Modality, set[int]]], grace_s: float
) -> None:
    steps, have = case
    aligner, out = run(steps, have, grace_s=grace_s)

    got = content(out)
    numbers = [k for k, _, _ in got]
    assert all(a < b for a, b in pairwise(numbers))
    for k, eeg, eye in got:
        assert eeg in (None, k)
        assert eye in (None, k)
    # Every window is in exactly one place: in its pair, or among the late ones.
    used = sum((eeg is not None) + (eye is not None) for _, eeg, eye in got)
    assert used + aligner.late_windows == sum(map(len, have.values()))
    if numbers:
        assert aligner.skipped == numbers[-1] - numbers[0] + 1 - len(numbers)


@given(case=interleavings())
@settings(max_examples=150, deadline=None)
def test_content_does_not_depend_on_interleaving_when_nothing_is_late(
    case: tuple[list[Step], dict[Modality, set[int]]],
) -> None:
    steps, have = case

    aligner, out = run(steps, have, grace_s=100.0, patience_s=100.0)

    expected = [
        (k, *(float(k) if k in have[m] else None for m in (Modality.EEG, Modality.EYE)))
        for k in sorted(have[Modality.EEG] | have[Modality.EYE])
    ]
    assert content(out) == expected
    assert aligner.late_windows == 0


def test_one_modality_alone_waits_for_nothing() -> None:
    aligner = Aligner([EEG])

    out = aligner.push(Modality.EEG, [window(EEG, 4)], watermark_s=2.0)

    assert [(a.end_s, list(a.windows)) for a in out] == [(2.0, [Modality.EEG])]


def test_goes_out_at_the_moment_when_the_slower_one_is_there() -> None:
    aligner = Aligner([EEG, EYE])
    assert aligner.push(Modality.EEG, [window(EEG, 24)], watermark_s=12.1) == []

    assert content(aligner.push(Modality.EYE, [window(EYE, 24)], watermark_s=12.0)) == [
        (24, 24.0, 24.0)
    ]


def test_who_is_late_is_absent_with_the_reason_and_counted_when_it_comes() -> None:
    aligner = Aligner([EEG, EYE])
    for k in (23, 24):
        aligner.push(Modality.EEG, [window(EEG, k)], watermark_s=k * HOP_S)
        if k == 23:
            aligner.push(Modality.EYE, [window(EYE, k)], watermark_s=k * HOP_S)
    assert aligner.push(Modality.EEG, [], watermark_s=12.249) == []

    (late,) = aligner.push(Modality.EEG, [], watermark_s=12.25)

    eye = late.windows[Modality.EYE]
    assert eye.reason == "eye: nothing arrived up to 12.000 s (late by more than 250 ms)"
    assert (eye.start_s, eye.end_s, eye.usable) == (8.0, 12.0, False)
    assert aligner.push(Modality.EYE, [window(EYE, 24)], watermark_s=12.3) == []
    assert aligner.late_windows == 1


def test_a_modality_that_never_came_is_told_so() -> None:
    (first,) = Aligner([EEG, EYE]).push(Modality.EEG, [window(EEG, 2)], watermark_s=2.0)

    assert first.windows[Modality.EYE].reason == "eye: nothing has arrived yet"


def test_a_stream_that_starts_later_holds_nothing_back() -> None:
    aligner = Aligner([EEG, EYE], grace_s=1.0)
    aligner.push(Modality.EEG, [window(EEG, 2), window(EEG, 3)], watermark_s=1.5)

    out = aligner.push(Modality.EYE, [window(EYE, 8)], watermark_s=1.6)

    assert content(out) == [(2, 2.0, None), (3, 3.0, None)]
    assert out[0].windows[Modality.EYE].reason.endswith("its signal starts later")


def test_one_absent_window_for_a_long_gap_explains_every_end_in_it() -> None:
    aligner = Aligner([EEG, EYE], patience_s=200.0)
    for m in SPECS:
        aligner.push(m, [window(SPECS[m], 9)], watermark_s=4.5)
    aligner.push(Modality.EEG, [gap(EEG, 10, 200)], watermark_s=100.0)

    out = aligner.push(Modality.EYE, [window(EYE, k) for k in (10, 11)], watermark_s=5.5)
    assert content(out) == [(10, None, 10.0), (11, None, 11.0)]
    assert {a.windows[Modality.EEG].reason for a in out} == {"eeg: cable"}

    out = aligner.push(Modality.EYE, [gap(EYE, 12, 200, "eye: cable")], watermark_s=100.0)
    assert [(a.end_s, a.windows[Modality.EYE].reason) for a in out] == [(100.0, "eye: cable")]
    assert aligner.skipped == 188


def test_absent_windows_that_come_late_are_no_loss() -> None:
    aligner = Aligner([EEG, EYE])
    aligner.push(Modality.EYE, [window(EYE, 9), window(EYE, 10)], watermark_s=5.3)

    aligner.push(Modality.EEG, [gap(EEG, 9, 9), gap(EEG, 10, 10)], watermark_s=5.5)

    assert aligner.late_windows == 0


@pytest.mark.parametrize("end_s", [2.2, 2.0, 1.5])
def test_refuses_windows_off_the_grid_or_out_of_order(end_s: float) -> None:
    aligner = Aligner([EEG])
    aligner.push(Modality.EEG, [window(EEG, 4)], watermark_s=2.0)
    bad = FeatureWindow.absent(EEG, start_s=end_s - 1.0, end_s=end_s, reason="x")

    with pytest.raises(InvalidInputError, match=r"out of place.*multiples of 0.5 s"):
        aligner.push(Modality.EEG, [bad], watermark_s=3.0)


def test_refuses_windows_of_other_features() -> None:
    with pytest.raises(FeatureMismatchError, match="aligner, eeg"):
        Aligner([EEG]).push(Modality.EEG, [window(EYE, 4)], watermark_s=2.0)


def test_refuses_modalities_on_different_grids() -> None:
    other = FeatureSpec(Modality.EYE, "hadua-eye", 1, ("k",), 4.0, 1.0)
    for specs in ([], [EEG, EEG], [EEG, other]):
        with pytest.raises(InvalidInputError, match="same hop"):
            Aligner(specs)


def test_nobody_waits_for_a_modality_that_has_ended() -> None:
    aligner = Aligner([EEG, EYE])
    aligner.push(Modality.EYE, [window(EYE, 23)], watermark_s=11.5)
    assert content(aligner.push(Modality.EEG, [window(EEG, 23)], watermark_s=11.5)) == [
        (23, 23.0, 23.0)
    ]
    assert aligner.push(Modality.EEG, [window(EEG, 24)], watermark_s=12.0) == []

    (waiting,) = aligner.end(Modality.EYE)
    (later,) = aligner.push(Modality.EEG, [window(EEG, 25)], watermark_s=12.5)

    assert content([waiting, later]) == [(24, 24.0, None), (25, 25.0, None)]
    assert later.windows[Modality.EYE].reason == "eye: the stream has ended"


def test_a_silent_modality_is_waited_for_only_until_it_is_known_to_be_silent() -> None:
    aligner = Aligner([EEG, EYE])
    aligner.push(Modality.EYE, [window(EYE, 20)], watermark_s=10.0)
    delays_s = []
    for ms in range(10_000, 15_000, 20):  # EEG alone goes on, 20 ms at a time
        now_s = ms / 1000
        fresh = [window(EEG, k)] if (k := round(now_s / HOP_S)) * HOP_S == now_s else []
        for out in aligner.push(Modality.EEG, fresh, watermark_s=now_s):
            delays_s.append(round(now_s - out.end_s, 3))
    # Ends 10.5, 11, 11.5 are waited for; at 12.02 it is silent for more than two seconds.
    assert delays_s == [0.0, 0.26, 0.26, 0.26, 0.02, *[0.0] * 5]

    back = aligner.push(Modality.EYE, [window(EYE, 30)], watermark_s=15.0)
    back += aligner.push(Modality.EEG, [window(EEG, 30)], watermark_s=15.0)

    assert content(back) == [(30, 30.0, 30.0)]


def test_a_modality_that_is_past_a_grid_end_without_a_window_is_not_waited_for() -> None:
    aligner = Aligner([EEG, EYE])
    aligner.push(Modality.EYE, [], watermark_s=2.1)

    (first,) = aligner.push(Modality.EEG, [window(EEG, 4)], watermark_s=2.0)

    assert first.windows[Modality.EYE].reason == "eye: not enough signal yet for a window"


def test_a_window_of_a_stream_slower_than_it_declares_is_not_late() -> None:
    """Four seconds at 251.5 Hz instead of 256 Hz: the last sample comes 70 ms after the end."""
    aligner = Aligner([EEG, EYE])
    aligner.push(Modality.EYE, [window(EYE, 4)], watermark_s=2.0)
    assert aligner.push(Modality.EEG, [], watermark_s=2.06) == []

    (first,) = aligner.push(Modality.EEG, [window(EEG, 4)], watermark_s=2.08)

    assert content([first]) == [(4, 4.0, 4.0)]
    assert aligner.late_windows == 0


@given(
    case=interleavings(),
    grace_s=st.sampled_from([0.0, 0.25, 3.0]),
    patience_s=st.sampled_from([0.3, 2.0]),
    share=st.floats(0.0, 0.999),
)
@settings(max_examples=150, deadline=None)
def test_input_seen_up_to_less_than_it_says_settles_nothing(
    case: tuple[list[Step], dict[Modality, set[int]]],
    grace_s: float,
    patience_s: float,
    share: float,
) -> None:
    steps, have = case
    aligner = Aligner([EEG, EYE], grace_s=grace_s, patience_s=patience_s)
    for m in SPECS:  # with a first sample anything may come
        aligner.push(m, [], watermark_s=0.0)
    for m, k in steps:
        for seen_m in SPECS:
            until_s = aligner.settles_at_s
            if until_s < np.inf:
                assert aligner.push(seen_m, [], watermark_s=share * until_s) == []
        windows = [window(SPECS[m], k)] if k in have[m] else []
        aligner.push(m, windows, watermark_s=k * HOP_S)
    assert (aligner.waits_at_s == np.inf) == (aligner.settles_at_s == np.inf)
