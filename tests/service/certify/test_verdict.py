"""What a level is held against, and what the service says of itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.certificates import LEVEL

from hadua.service.certify.measured import Limits, counted, quantiles
from hadua.service.certify.said import Said


def test_a_level_within_its_limits_passes() -> None:
    assert LEVEL.failures(Limits()) == ()
    assert LEVEL.decisions_per_s == 4.0


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(p99_ms=4.0), "p99 5.0 ms (limit 4 ms)"),
        (Limits(p999_ms=8.5), "p99.9 9.0 ms (limit 8.5 ms)"),
        (Limits(lag_p99_ms=1.0), "loop lag p99 2.0 ms (limit 1 ms)"),
    ],
)
def test_each_limit_is_looked_at(limits: Limits, words: str) -> None:
    assert LEVEL.failures(limits) == (words,)


def test_what_is_lost_is_named_by_kind() -> None:
    level = replace(LEVEL, lost={"chunks_dropped": 2, "frames_dropped": 0, "sessions_failed": 1})

    assert level.failures(Limits()) == ("lost: 2 chunks dropped, 1 sessions failed (limit 0)",)
    assert level.failures(Limits(lost=3)) == ()


def test_silence_is_no_pass() -> None:
    assert "no decision came" in replace(LEVEL, decisions=0).failures(Limits())


@given(st.lists(st.floats(0.0, 1e5), min_size=1, max_size=50))
def test_every_decision_is_in_the_histogram_once(values_ms: list[float]) -> None:
    bars = counted(values_ms)

    assert sum(n for _, n in bars) == len(values_ms)
    below = sum(n for edge, n in bars if edge <= 8.0)
    assert below == sum(v < 8.0 for v in values_ms)


def test_quantiles_are_numpys() -> None:
    values = np.random.default_rng(0).exponential(size=2000)

    assert quantiles(values.tolist()) == tuple(np.quantile(values, (0.5, 0.99, 0.999)))
    assert quantiles([]) == (0.0, 0.0, 0.0)


BEFORE = """\
# HELP hadua_chunks_dropped_total Chunks.
# TYPE hadua_chunks_dropped_total counter
hadua_chunks_dropped_total{modality="eeg"} 3.0
# HELP hadua_loop_lag_seconds Lag.
# TYPE hadua_loop_lag_seconds histogram
hadua_loop_lag_seconds_bucket{le="0.001"} 0.0
hadua_loop_lag_seconds_bucket{le="0.005"} 0.0
hadua_loop_lag_seconds_bucket{le="+Inf"} 0.0
hadua_loop_lag_seconds_count 0.0
hadua_loop_lag_seconds_sum 0.0
"""
AFTER = (
    BEFORE.replace("} 3.0", "} 5.0")
    .replace('le="0.001"} 0.0', 'le="0.001"} 900.0')
    .replace('le="0.005"} 0.0', 'le="0.005"} 998.0')
    .replace('le="+Inf"} 0.0', 'le="+Inf"} 1000.0')
)


def test_metrics_are_told_as_what_happened_between_two_looks() -> None:
    before, after = Said.of(BEFORE), Said.of(AFTER)

    assert after.lost_since(before)["chunks_dropped"] == 2
    assert after.lag_ms_since(before) == (1.0, 5.0, 5.0)
    assert before.lag_ms_since(before) is None
