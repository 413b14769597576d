"""What a session does to a loop: one class, loss, death of an electrode, another person, nonsense.

A stream has 6 windows a stretch and one a second. In each, what it says may not fall behind the
model as shipped, nor may its answers fall into one class; where something was wrong it goes back
and says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from support.toy_bundle import toy_bundle
from support.toy_people import STRETCH, WIDTHS, accuracy, moved
from support.toy_stream import QUICK, adapter, followed, of_classes, toy_stream

from hadua.calibration.collected import Collected, CollectedWindow
from hadua.calibration.labelled import IntArray, LabelledWindows
from hadua.calibration.online import OnlineAdapter
from hadua.calibration.preparing import normalised, stretches
from hadua.calibration.stretches import logits_of_windows
from hadua.models.export import load_network
from hadua.models.features import FloatArray
from hadua.models.prediction import softmax

POINT = 0.01
MIXED = [0, 1] * 10
ONE_MINUTE, FIVE_MINUTES, TEN_MINUTES = (60 * k // STRETCH for k in (1, 5, 10))
"""Stretches."""


@dataclass(frozen=True, slots=True, eq=False)
class Lived:
    """What a loop said of a stream, and what the bundle as shipped would have said."""

    loop: OnlineAdapter
    logits: FloatArray
    plain: FloatArray
    y: IntArray

    def right(self, rows: slice) -> tuple[float, float]:
        """Share right of the loop, and of the bundle as shipped."""
        return tuple(accuracy(x[rows], self.y[rows]) for x in (self.logits, self.plain))  # type: ignore[return-value]

    def spread(self, rows: slice) -> float:
        """Entropy of the mean prediction, as a share of the greatest."""
        p = softmax(self.logits[rows]).mean(axis=0)
        return float(-(p * np.log(p)).sum() / np.log(len(p)))


def lived(
    person: LabelledWindows,
    windows: Sequence[CollectedWindow] | None = None,
    *,
    loop: OnlineAdapter | None = None,
) -> Lived:
    """A person's stream through a loop; the windows as they come, if they are not the person's."""
    stream = toy_stream(person.windows) if windows is None else windows
    own = adapter() if loop is None else loop
    logits, _ = followed(own, stream)
    return Lived(own, logits, as_shipped(stream), person.y)


def as_shipped(stream: Sequence[CollectedWindow]) -> FloatArray:
    """What the bundle says of a stream."""
    bundle, own = toy_bundle(), Collected.of(stream, WIDTHS)
    stretch = stretches(own.end_s, hop_s=bundle.hop_s)
    windows = normalised(own, bundle.normalisation, stretch=stretch)
    return np.asarray(logits_of_windows(load_network(bundle), windows))


def a_person(labels: Sequence[int], *, seed: int = 3) -> LabelledWindows:
    """Somebody on another level than the source, with these classes in turn."""
    own = of_classes(labels, seed=seed, noise=0.6)
    return LabelledWindows(moved(own.windows, offset=0.5, gain=1.3), own.y)


def test_one_class_for_ten_minutes_does_not_make_it_forget_the_other() -> None:
    stream = [*MIXED, *[1] * TEN_MINUTES, *MIXED]
    own = lived(a_person(stream))
    during = slice(STRETCH * len(MIXED), STRETCH * (len(MIXED) + TEN_MINUTES))
    after = slice(during.stop, None)

    assert own.right(during)[0] >= own.right(during)[1] - POINT
    assert own.right(after)[0] >= max(own.right(after)[1] - POINT, 0.85)
    assert own.spread(after) > 0.9
    assert own.loop.rolled_back == []


def test_the_same_ten_minutes_ruin_a_running_z_score() -> None:
    """What the test above would show of a method that takes the class for the person."""
    person = a_person([*MIXED, *[1] * TEN_MINUTES, *MIXED])
    windows = toy_stream(person.windows)
    tables = [np.array([w.eeg for w in windows]), np.array([w.eye for w in windows])]
    moved_back = [standardised(x) for x in tables]
    normalisation = toy_bundle().normalisation
    eeg, eye = (z * n.std + n.mean for z, n in zip(moved_back, normalisation.values(), strict=True))
    naive = [
        replace(w, eeg=eeg[k].astype(np.float32), eye=eye[k].astype(np.float32))
        for k, w in enumerate(windows)
    ]
    logits = as_shipped(naive)
    after = slice(STRETCH * (len(MIXED) + TEN_MINUTES), None)
    assert accuracy(logits[after], person.y[after]) < 0.85


def standardised(x: npt.NDArray[np.float32]) -> FloatArray:
    rows, n = x.astype(np.float64), np.arange(1, len(x) + 1)[:, None]
    mean = np.cumsum(rows, axis=0) / n
    variance = np.cumsum(rows**2, axis=0) / n - mean**2
    return np.asarray((rows - mean) / np.sqrt(np.maximum(variance, 1e-6)))


@pytest.mark.parametrize("common", [0, 1])
def test_seventy_to_thirty_stays_seventy_to_thirty(common: int) -> None:
    labels = np.random.default_rng(0).permutation([common] * 42 + [1 - common] * 18)
    own = lived(a_person(labels.tolist()))
    late = slice(STRETCH * 30, None)

    assert own.right(late)[0] >= max(own.right(late)[1] - POINT, 0.85)
    said = float((own.logits[late].argmax(axis=1) == common).mean())
    assert said == pytest.approx(float((own.y[late] == common).mean()), abs=0.1)
    assert own.loop.rolled_back == []


@pytest.mark.parametrize("how", ["flat", "silent", "noisy"])
def test_an_electrode_that_dies_midway_takes_nothing_else_with_it(how: str) -> None:
    person = a_person([0, 1] * 40)
    windows, half = toy_stream(person.windows), 40 * STRETCH
    noise = 8.0 * np.random.default_rng(0).standard_normal(len(windows))
    value = {"flat": np.zeros(len(windows)), "silent": np.full(len(windows), np.nan)}
    dead = value.get(how, noise)
    for k in range(half, len(windows)):
        eeg = windows[k].eeg.copy()
        eeg[0] = dead[k]
        windows[k] = replace(windows[k], eeg=eeg)
    own = lived(person, windows)
    after = slice(half + STRETCH * ONE_MINUTE // 2, None)

    assert own.right(after)[0] >= own.right(after)[1] - POINT
    assert own.spread(after) > 0.8
    assert np.isfinite(own.logits).all()


def test_five_minutes_without_gaze_are_five_minutes_of_eeg() -> None:
    labels = [0, 1] * (FIVE_MINUTES // 2 + 20)
    person = a_person(labels)
    windows, lost = toy_stream(person.windows), slice(120, 120 + STRETCH * FIVE_MINUTES)
    for k in range(lost.start, lost.stop):
        windows[k] = replace(windows[k], eye=np.full_like(windows[k].eye, np.nan))
    own = lived(person, windows)
    after = slice(lost.stop, None)

    for rows in (lost, after):
        assert own.right(rows)[0] >= own.right(rows)[1] - POINT
        assert own.spread(rows) > 0.8
    assert own.right(after)[0] > 0.85
    assert own.loop.rolled_back == []


def test_a_labelled_person_replaced_by_another_is_noticed_and_leaves_nothing_behind() -> None:
    """The first one's labels are the opposite of what anybody else would say."""
    loop = adapter(replace(QUICK, growth=0.0), known=True)
    first = of_classes(MIXED)
    for k, window in enumerate(toy_stream(first.windows)):
        loop.predict(window)
        loop.observe(window)
        if k % STRETCH == STRETCH - 1:
            loop.tell(1 - int(first.y[k]), from_s=window.end_s - 5.5, until_s=window.end_s)
    other = of_classes([0, 1] * 30, seed=8)
    other = LabelledWindows(moved(other.windows, offset=-1.2), other.y)
    later = [replace(w, end_s=w.end_s + 1e5) for w in toy_stream(other.windows)]
    own = lived(other, later, loop=loop)

    assert "person" in [b.bound for b in loop.rolled_back]
    assert "is this the person it was made for?" in next(
        b.words for b in loop.rolled_back if b.bound == "person"
    )
    late = slice(STRETCH * 20, None)
    assert own.right(late)[0] >= own.right(late)[1] - POINT
    assert own.spread(late) > 0.8


def test_the_same_person_on_another_day_is_nobody_else() -> None:
    loop = adapter(known=True)
    person = of_classes([0, 1] * 20, seed=12)
    lived(LabelledWindows(moved(person.windows, offset=0.25, gain=1.2), person.y), loop=loop)
    assert loop.rolled_back == []


def test_a_self_report_that_is_stuck_is_believed_only_until_it_does_harm() -> None:
    """Someone presses the same button whatever they feel, and the loop is made to believe it."""
    credulous = replace(QUICK, steps=8, rate=3e-3, anchor=0.0, teacher_keep=0.7)
    loop, person = adapter(credulous, anchored=False), a_person([0, 1] * 40)
    windows = toy_stream(person.windows)
    for k, window in enumerate(windows):
        loop.predict(window)
        loop.observe(window)
        if k % STRETCH == STRETCH - 1:
            loop.tell(1, from_s=window.end_s - 5.5, until_s=window.end_s)
    harm = [b.bound for b in loop.rolled_back]

    assert set(harm) & {"check set", "spread", "divergence"}
    assert all(b.words for b in loop.rolled_back)
    late = slice(-STRETCH * 20, None)
    mine = accuracy(np.array([loop.predict(w) for w in windows[late]]), person.y[late])
    assert mine >= accuracy(as_shipped(windows)[late], person.y[late]) - 0.15
