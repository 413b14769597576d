"""The resampler's filter against scipy's measure of it, and what it gives against scipy's own."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from hadua.adapters.features.resampling import (
    ATTENUATION_DB,
    PASSED,
    STOPPED,
    WindowResampler,
    impulse_response,
    reach_s,
)
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

RATES = [(256.0, 200.0), (500.0, 200.0), (1000.0, 200.0), (2048.0, 200.0), (128.0, 200.0)]
both = pytest.mark.parametrize(("rate_hz", "to_rate_hz"), RATES)


def times(resampler: WindowResampler, rate_hz: float, *, start_s: float = 7.0) -> FloatArray:
    return start_s - resampler.reach_s + np.arange(resampler.n_in) / rate_hz


def tones(t_s: FloatArray, highest_hz: float) -> FloatArray:
    """Three channels of tones up to a frequency."""
    hz = np.array([0.11, 0.53, 0.97])[:, None] * highest_hz * np.array([1.0, 0.8, 0.61])
    return np.asarray(np.cos(2 * np.pi * t_s[:, None, None] * hz).sum(axis=1))


@both
def test_passes_and_stops_what_it_says(rate_hz: float, to_rate_hz: float) -> None:
    lower_hz, fine_hz = min(rate_hz, to_rate_hz), 64.0 * rate_hz
    n = int(reach_s(rate_hz, to_rate_hz) * fine_hz) + 1
    h = impulse_response(np.arange(-n, n + 1) / fine_hz, rate_hz=rate_hz, to_rate_hz=to_rate_hz)

    hz, gain = scipy.signal.freqz(h / h.sum(), worN=np.linspace(0.0, 4 * rate_hz, 8001), fs=fine_hz)

    gain_db = 20.0 * np.log10(np.abs(gain) + 1e-12)
    assert np.abs(gain_db[hz <= PASSED * lower_hz]).max() < 0.01
    assert gain_db[hz >= STOPPED * lower_hz].max() < -ATTENUATION_DB


@both
def test_tones_come_out_as_they_are_at_the_new_instants(rate_hz: float, to_rate_hz: float) -> None:
    resampler = WindowResampler(rate_hz, to_rate_hz, window_s=1.0)
    highest_hz = PASSED * min(rate_hz, to_rate_hz)
    t_s = times(resampler, rate_hz)

    out_s, y = resampler(t_s, tones(t_s, highest_hz))

    np.testing.assert_allclose(out_s, 7.0 + np.arange(200) / 200.0, atol=0.51 / rate_hz)
    np.testing.assert_allclose(y, tones(out_s, highest_hz), atol=0.01)


@both
def test_equals_scipys_polyphase_filter_of_the_same_impulse_response(
    rate_hz: float, to_rate_hz: float
) -> None:
    resampler = WindowResampler(rate_hz, to_rate_hz, window_s=1.0)
    margin = round(resampler.reach_s * rate_hz)
    x = np.random.default_rng(3).standard_normal((resampler.n_in, 2))
    up, down = (int(r) // np.gcd(int(rate_hz), int(to_rate_hz)) for r in (to_rate_hz, rate_hz))
    n = round(margin * up)
    h = impulse_response(
        np.arange(-n, n + 1) / (rate_hz * up), rate_hz=rate_hz, to_rate_hz=to_rate_hz
    )

    y = resampler(np.arange(resampler.n_in) / rate_hz, x)[1]

    fine = scipy.signal.upfirdn(h * up / h.sum(), x, up=up, axis=0)[n:]
    theirs = fine[margin * up :: down][: len(y)]
    # The sums of the phases differ by the filter's attenuation; ours are scaled to 1 each.
    np.testing.assert_allclose(y, theirs, atol=0.004)


@pytest.mark.parametrize("true_share", [0.985, 0.9995, 1.0005, 1.01])
def test_goes_by_the_rate_at_which_samples_came_and_not_by_the_nominal_one(
    true_share: float,
) -> None:
    resampler = WindowResampler(250.0, 200.0, window_s=1.0)
    t_s = times(resampler, 250.0 * true_share)

    out_s, y = resampler(t_s, tones(t_s, 50.0))

    # 0.005 % of a second at 50 Hz, three tones; where the stream is faster, the last samples of the
    # window lack a few on one side.
    np.testing.assert_allclose(y, tones(out_s, 50.0), atol=0.06)
    np.testing.assert_allclose(y[:180], tones(out_s, 50.0)[:180], atol=0.03)


@given(offset=st.floats(-1e5, 1e5), factor=st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_is_linear_and_keeps_an_offset(offset: float, factor: float) -> None:
    resampler = WindowResampler(256.0, 200.0, window_s=0.5)
    t_s = times(resampler, 256.0)
    x = np.random.default_rng(0).standard_normal((len(t_s), 2))

    y = resampler(t_s, x)[1]

    scale = abs(offset) + factor
    np.testing.assert_allclose(
        resampler(t_s, factor * x + offset)[1], factor * y + offset, atol=1e-12 * scale
    )


def test_plans_are_few_however_the_rate_wanders() -> None:
    resampler = WindowResampler(250.0, 200.0, window_s=0.5)
    x = np.zeros((resampler.n_in, 1))
    for k in range(100):
        resampler(np.arange(resampler.n_in) / (250.0 + 0.04 * k), x)

    assert len(resampler._plans) == 32


def test_refuses_windows_without_a_sample() -> None:
    with pytest.raises(InvalidInputError, match="a sample in each window"):
        WindowResampler(256.0, 200.0, window_s=0.001)
