"""Features: differential entropy against one bare rfft of the same block; eye features by rate."""

from collections.abc import Callable
from functools import partial

import numpy as np
from table import Row
from timing import in_turn

from hadua.adapters.features.eeg_entropy import DifferentialEntropy


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
    return out
