"""Samples of any rate become the same steps."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scanpaths import Saccade, scanpath

from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.features.eye_coverage import Coverage
from hadua.adapters.features.eye_event import EyeEventKind
from hadua.adapters.features.eye_events import EyeEventDetector
from hadua.adapters.features.eye_grid import STEP_S, EyeGrid, GridStep, GridSteps

RATES = [30.0, 60.0, 66.7, 120.0, 250.0, 300.0, 500.0, 600.0, 1000.0, 1200.0]


def ramp(rate_hz: float, *, lost: tuple[float, float] = (9.0, 9.0)) -> GazeSamples:
    """One second of gaze whose x is its own time, 10 degrees a second."""
    t_s = 50.0 + np.arange(round(rate_hz)) / rate_hz
    valid = np.stack([(t_s < lost[0]) | (t_s >= lost[1])] * 2, axis=1)
    x = np.where(valid, 10.0 * (t_s - 50.0)[:, None], np.nan)
    return GazeSamples(t_s, x, x, x, valid)


def steps(gaze: GazeSamples) -> list[GridStep]:
    found = EyeGrid().push(gaze)
    return [found.step(i) for i in range(len(found))]


@pytest.mark.parametrize("rate_hz", RATES)
def test_steps_are_consecutive_and_hold_the_value_of_their_middle(rate_hz: float) -> None:
    found = steps(ramp(rate_hz))

    k = [s.k for s in found]
    assert k == list(range(k[0], k[0] + len(k)))
    assert len(found) == pytest.approx(1.0 / STEP_S, abs=2.0 / rate_hz / STEP_S + 2)
    inner = [s for s in found[2:] if s.left.measured]
    assert [s.left.x_deg for s in inner] == pytest.approx(
        [10.0 * ((s.k + 0.5) * STEP_S - 50.0) for s in inner], abs=1e-6
    )


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_gap_is_as_long_as_the_samples_were_lost(rate_hz: float) -> None:
    found = steps(ramp(rate_hz, lost=(50.3, 50.55)))

    lost_s = STEP_S * sum(not s.left.measured for s in found)
    assert lost_s == pytest.approx(0.25, abs=1.0 / rate_hz + STEP_S)
    assert all(s.observed for s in found)


def test_the_mean_length_of_gaps_is_unbiased_at_a_low_rate() -> None:
    """Over all phases of a 60 Hz tracker a gap of 0.2 s is 0.2 s long on average."""
    lengths = [
        STEP_S * sum(not s.left.measured for s in steps(ramp(60.0, lost=(a, a + 0.2))))
        for a in 50.3 + np.arange(60) / 3600.0
    ]

    assert float(np.mean(lengths)) == pytest.approx(0.2, abs=0.003)


def test_samples_that_were_never_sent_are_steps_not_observed() -> None:
    gaze = ramp(120.0, lost=(50.3, 50.5))
    k = gaze.valid[:, 0]
    sent = GazeSamples(gaze.t_s[k], gaze.x_deg[k], gaze.y_deg[k], gaze.pupil_mm[k], gaze.valid[k])

    silent = [s for s in steps(sent) if not s.observed]

    assert STEP_S * len(silent) == pytest.approx(0.2, abs=0.02)
    assert not any(s.left.measured for s in silent)


def test_repeated_time_stamps_are_averaged() -> None:
    gaze = ramp(100.0)
    t_s = np.repeat(gaze.t_s[::2], 2)
    twice = GazeSamples(t_s, gaze.x_deg, gaze.y_deg, gaze.pupil_mm, gaze.valid)

    assert all(np.isfinite(s.left.x_deg) for s in steps(twice))


@settings(deadline=None)
@given(nominal=st.sampled_from([0.5, 60.0, 600.0, 1200.0]))
def test_a_wrong_nominal_rate_changes_nothing(nominal: float) -> None:
    gaze = scanpath((Saccade(0.5, 8.0),), length_s=2.0, blinks=[(1.0, 0.2)])

    events = EyeEventDetector(nominal).push(gaze)

    assert [e.kind for e in events] == [
        EyeEventKind.FIXATION,
        EyeEventKind.SACCADE,
        EyeEventKind.FIXATION,
        EyeEventKind.BLINK,
    ]


def test_coverage_counts_runs_and_ignores_steps_still_to_come() -> None:
    coverage = Coverage(2)
    k = np.arange(100)
    for at in (k[:7], k[7:7], k[7:50], k[50:]):
        coverage.push(at, np.stack(((at < 20) | (at >= 40), at >= 0), axis=1))

    for asked, tail_steps, expected in (
        ((0, 100), 0, (0.8, 1.0)),
        ((20, 60), 0, (0.5, 1.0)),
        ((60, 105), 10, (1.0, 1.0)),
        ((60, 140), 10, (0.5, 0.5)),
    ):
        assert coverage.share(*asked, tail_steps=tail_steps).tolist() == pytest.approx(expected)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, hadua.adapters.features.eye_extractor; "
        "print([m for m in ('scipy', 'torch', 'pandas', 'pylsl') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=12),
    rate_hz=st.sampled_from([30.0, 120.0, 500.0, 1200.0]),
    holes=st.lists(st.tuples(st.floats(50.0, 51.0), st.floats(0.0, 0.6)), max_size=2),
    lost=st.floats(50.0, 51.0),
)
def test_steps_and_events_are_the_same_bits_however_samples_were_cut(
    sizes: list[int], rate_hz: float, holes: list[tuple[float, float]], lost: float
) -> None:
    gaze = ramp(rate_hz, lost=(lost, lost + 0.12))
    sent = np.ones(len(gaze), np.bool_)
    for start_s, length_s in holes:
        sent &= (gaze.t_s < start_s) | (gaze.t_s >= start_s + length_s)
    gaze = GazeSamples(
        gaze.t_s[sent], gaze.x_deg[sent], gaze.y_deg[sent], gaze.pupil_mm[sent], gaze.valid[sent]
    )
    edges = np.minimum([0, *np.cumsum(sizes), len(gaze)], len(gaze))
    parts = [gaze.between(int(a), int(b)) for a, b in pairwise(edges)]

    whole, grid = EyeGrid().push(gaze), EyeGrid()
    cut = GridSteps.joined([grid.push(part) for part in parts])
    detector = EyeEventDetector(rate_hz)

    assert whole.k.tolist() == cut.k.tolist()
    assert whole.eyes.tobytes() == cut.eyes.tobytes()
    assert whole.observed.tolist() == cut.observed.tolist()
    assert whole.known_s.tolist() == cut.known_s.tolist()
    assert EyeEventDetector(rate_hz).push(gaze) == [e for p in parts for e in detector.push(p)]
