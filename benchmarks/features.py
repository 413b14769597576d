"""Features: differential entropy against one bare rfft of the same block; eye features by rate."""

from collections.abc import Callable
from functools import partial

import numpy as np
from table import Row
from timing import in_turn

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.features.cleaning import WindowCleaner
from hadua.adapters.features.eeg_entropy import DifferentialEntropy
from hadua.adapters.quality.eeg_judge import EegJudge
from hadua.models.cleaning import Cleaning


def rows() -> list[Row]:
    """62 channels, 1 s at 1000 Hz, one thread."""
    rng = np.random.default_rng(0)
    x_uv = np.ascontiguousarray(rng.standard_normal((62, 1000)) * 10.0).T  # as windows come
    entropy = DifferentialEntropy(1000.0, 1000)
    calls: dict[str, Callable[[], object]] = {
        "floor": partial(np.fft.rfft, x_uv, axis=0),
        "ours": partial(entropy, x_uv),
    }
    out: list[Row] = []
    for setting, pause_s, rounds in (("hot", 0.0, 2000), ("paced, 20 ms apart", 0.02, 300)):
        q = in_turn(calls, rounds=rounds, pause_s=pause_s)
        ratio = q["ours"].p50 / q["floor"].p50
        out.append(
            Row(
                "differential entropy, 62 ch x 1 s at 1000 Hz",
                q["ours"].p50,
                q["ours"].p99,
                "us",
                "bare np.fft.rfft, float64",
                ratio,
                setting,
            )
        )
    return out + _quality_rows()


def _quality_rows() -> list[Row]:
    """What judging and cleaning a window of 62 channels costs, against its differential entropy."""
    t_s = np.arange(1096) / 1000.0
    rng = np.random.default_rng(1)
    shared, own = rng.standard_normal((1, 1096)), rng.standard_normal((62, 1096))
    x_uv = np.ascontiguousarray(8.0 * shared + 2.0 * own).T  # neighbours are alike, as on a head
    window = np.ascontiguousarray(x_uv[:1000].T).T
    spectrum = np.fft.rfft(window.T, axis=1)
    judge = EegJudge(SEED_62, rate_hz=1000.0, n_samples=1000, leaking_hz=50.0)
    notch = WindowCleaner(
        Cleaning(notch_hz=50.0, high_pass_hz=0.5), rate_hz=1000.0, window_s=1.0, highest_hz=50.0
    )
    rate = WindowCleaner(Cleaning(rate_hz=200.0), rate_hz=1000.0, window_s=1.0, highest_hz=50.0)
    good = np.ones(62, np.bool_)
    longer = round((1.0 + 2.0 * rate.reach_s) * 1000.0)
    calls: dict[str, Callable[[], object]] = {
        "entropy": partial(DifferentialEntropy(1000.0, 1000), window),
        "quality, spectrum shared": partial(judge, window, spectrum),
        "cleaning, 50 Hz and drift": partial(notch, t_s[:1000], window, good),
        "cleaning, to 200 Hz": partial(rate, t_s[:longer], x_uv[:longer], good),
    }
    q = in_turn(calls, rounds=500, pause_s=0.0)
    return [
        Row(
            f"{name}, 62 ch x 1 s at 1000 Hz",
            q[name].p50,
            q[name].p99,
            "us",
            "differential entropy of the window",
            q[name].p50 / q["entropy"].p50,
            "hot",
        )
        for name in calls
        if name != "entropy"
    ]
