"""What is removed of a window, and what is left, against scipy's recursive notch."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from support.eeg_signals import noise

from hadua.adapters.features.removal import Removal
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

WINDOWS = [(256.0, 1.0), (200.0, 2.0), (1000.0, 1.0), (500.0, 4.0)]
windows = pytest.mark.parametrize(("rate_hz", "window_s"), WINDOWS)


def removal(
    rate_hz: float, window_s: float, *, notch: float | None = None, high_pass: float | None = None
) -> Removal:
    n = round(rate_hz * window_s)
    return Removal(rate_hz, n, notch_hz=notch, high_pass_hz=high_pass)


def gain_db(remove: Removal, rate_hz: float, window_s: float, hz: float) -> float:
    """What is left of a tone of the worst phase under a Hann window."""
    t_s = np.arange(round(rate_hz * window_s)) / rate_hz
    x = np.cos(2 * np.pi * hz * t_s[:, None] + np.linspace(0.0, np.pi, 9))
    hann = scipy.signal.windows.hann(len(t_s), sym=False)[:, None]
    left = ((hann * remove(x)) ** 2).sum(axis=0) / ((hann * x) ** 2).sum(axis=0)
    return float(10.0 * np.log10(left.max() + 1e-30))


@windows
@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_mains_and_harmonics_go_and_their_neighbours_stay(
    rate_hz: float, window_s: float, mains_hz: float
) -> None:
    remove = removal(rate_hz, window_s, notch=mains_hz)

    for harmonic in (1, 2, 3):
        if harmonic * mains_hz < 0.5 * rate_hz:
            for off_hz in (0.0, 0.02, 0.05, -0.05):
                hz = harmonic * (mains_hz + off_hz)
                assert gain_db(remove, rate_hz, window_s, hz) < -40.0, hz
    near_hz = 5.0 / window_s
    for hz in (2.0, 10.0, mains_hz - near_hz, mains_hz + near_hz, 1.5 * mains_hz):
        assert abs(gain_db(remove, rate_hz, window_s, hz)) < 0.1, hz


@windows
def test_drift_goes_and_what_is_faster_stays(rate_hz: float, window_s: float) -> None:
    remove = removal(rate_hz, window_s, high_pass=1.0)

    for hz in (0.0, 0.1, 0.3, 0.5):
        assert gain_db(remove, rate_hz, window_s, hz) < -12.0, hz
    for hz in (1.0 + 2.0 / window_s, 5.0, 30.0):
        assert abs(gain_db(remove, rate_hz, window_s, hz)) < 0.3, hz


def test_a_cutoff_slower_than_the_window_takes_the_mean_alone() -> None:
    x = noise(256, columns=3) + 1e5

    left = removal(256.0, 1.0, high_pass=0.1)(x)

    np.testing.assert_allclose(left, x - x.mean(axis=0), atol=1e-9)


def test_leaves_of_hum_what_scipys_notch_leaves_once_it_has_settled() -> None:
    """Noise with strong hum: band powers agree with those after a zero-phase recursive notch."""
    rate_hz, n = 250.0, 250
    t_s = np.arange(80 * n) / rate_hz
    clean = noise(len(t_s), columns=2)
    x = clean + 40.0 * np.sin(2 * np.pi * 50.02 * t_s)[:, None]
    remove = removal(rate_hz, 1.0, notch=50.0)

    theirs = scipy.signal.filtfilt(*scipy.signal.iirnotch(50.0, 25.0, rate_hz), x, axis=0)

    def band(parts: FloatArray) -> FloatArray:
        hz, power = scipy.signal.periodogram(parts, rate_hz, window="hann", axis=0)
        edges = [(1, 4), (4, 8), (8, 14), (14, 31), (31, 50)]
        return np.array([power[(hz >= a) & (hz < b)].sum(axis=0) for a, b in edges])

    starts = range(10 * n, 70 * n, n)
    ours = np.array([band(remove(x[s : s + n])) for s in starts])
    expected = np.array([band(theirs[s : s + n]) for s in starts])
    difference = 0.5 * np.log(ours / expected)
    worst = np.abs(difference).max(axis=(0, 2))
    assert (worst[:4] < 0.02).all()
    # Gamma ends at the notch, and the two are not equally wide there.
    assert abs(difference[:, 4].mean()) < 0.06


@given(seed=st.integers(0, 100), scale=st.floats(1e-3, 1e6))
@settings(max_examples=25, deadline=None)
def test_is_a_projection(seed: int, scale: float) -> None:
    remove = removal(200.0, 1.0, notch=50.0, high_pass=0.5)
    x = scale * noise(200, columns=3, seed=seed)

    once = remove(x)

    np.testing.assert_allclose(remove(once), once, atol=1e-12 * scale * 100)
    assert np.linalg.norm(once) <= np.linalg.norm(x)


def test_channels_do_not_touch_each_other() -> None:
    remove = removal(200.0, 1.0, notch=50.0)
    x = noise(200, columns=4)
    alone = [remove(np.ascontiguousarray(x[:, a:b].T).T) for a, b in pairwise(range(5))]
    x[:, 2] = np.nan

    left = remove(np.ascontiguousarray(x.T).T)

    for k in (0, 1, 3):
        np.testing.assert_allclose(left[:, [k]], alone[k], atol=1e-12)
    assert np.isnan(left[:, 2]).all()


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(InvalidInputError, match="four times as many samples"):
        Removal(200.0, 40, notch_hz=50.0, high_pass_hz=10.0 * 2)
    with pytest.raises(InvalidInputError, match=r"got shape \(4, 256\)"):
        removal(256.0, 1.0, notch=50.0)(np.zeros((4, 256)))
