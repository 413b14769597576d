"""Every fault does what it says, and leaves no trace."""

import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import ORIGIN_S, StepClock, drain, gap_stamps, joined, paced, unpaced

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.sources.simulated_faults import Fault, FaultKind, Faults, parse_faults
from hadua.adapters.sources.source import SampleChunk
from hadua.models.errors import StreamLostError, StreamNotFoundError, UsageError
from hadua.models.features import FloatArray, Modality

EEG, EYE = Modality.EEG, Modality.EYE
RATE = {EEG: 1000.0, EYE: 120.0}
FP1 = SEED_62.index("FP1")
DURATION_S = 3.0


def clean(modality: Modality) -> FloatArray:
    return joined(drain(unpaced(modality, duration_s=DURATION_S)))[1]


def damaged(modality: Modality, faults: str) -> list[SampleChunk]:
    return drain(unpaced(modality, duration_s=DURATION_S, faults=faults))


def split(modality: Modality, faults: str) -> tuple[FloatArray, FloatArray]:
    """Damaged and clean samples during [1, 2) s, after a check that all others are clean."""
    t_s, x = joined(damaged(modality, faults))
    wanted = clean(modality)
    assert t_s.size == wanted.shape[0]
    inside = (t_s > 1.0 - 1e-6) & (t_s < 2.0 - 1e-6)
    np.testing.assert_array_equal(x[~inside], wanted[~inside])
    return x[inside], wanted[inside]


def a_channel(kind: str, value: float) -> Callable[[], None]:
    def check() -> None:
        x, wanted = split(EEG, f"{kind}:FP1@1+1")
        np.testing.assert_array_equal(x[:, FP1], np.full(1000, value))
        np.testing.assert_array_equal(np.delete(x, FP1, 1), np.delete(wanted, FP1, 1))

    return check


def gap() -> None:
    for modality in Modality:
        source = unpaced(modality, duration_s=DURATION_S, faults="gap@1+1")
        chunks = drain(source)
        _, x = joined(chunks)
        wanted, n = clean(modality), int(RATE[modality])
        np.testing.assert_array_equal(x, np.delete(wanted, slice(n, 2 * n), 0))
        assert gap_stamps(chunks) == [pytest.approx((1.0 - 1 / n, 2.0))]
        health = source.health()
        assert (health.gaps, health.lost_samples, health.samples) == (1, n, 2 * n)


def dropout() -> None:
    _, x = joined(damaged(EEG, "dropout@1"))
    np.testing.assert_array_equal(x, clean(EEG)[:1000])
    clock = StepClock()
    source = paced(EEG, clock, faults=Faults(parse_faults("dropout@0.1")))
    source.open(1.0)
    got = [source.read(0.1) for _ in range(20)]
    assert sum(len(c) for c in got if c is not None) == 100
    assert got[-5:] == [None] * 5


def lost() -> None:
    for fault in ("lost@1", "dropout@1"):
        source = unpaced(EEG, duration_s=DURATION_S, faults=fault)
        source._duration_s = None  # endless: a silent stream that is not paced must say so
        source.open(1.0)
        for _ in range(50):
            assert source.read(0.0) is not None
        for _ in range(2):
            with pytest.raises(StreamLostError, match=r"'HADUA-sim-eeg': is gone"):
                source.read(0.0)


def test_a_lost_stream_is_found_again_when_the_fault_is_over() -> None:
    source = unpaced(EEG, duration_s=DURATION_S, faults="lost@1+1")
    spec = source.open(1.0)
    for _ in range(50):
        assert source.read(0.0) is not None
    with pytest.raises(StreamLostError, match=r"is gone"):
        source.read(0.0)
    assert source.open(1.0) is spec

    chunk = source.read(0.0)

    assert chunk is not None
    assert chunk.gap_before
    assert chunk.t_s[0] == pytest.approx(ORIGIN_S + 2.0)
    health = source.health()
    assert (health.samples, health.gaps, health.lost_samples) == (len(chunk), 1, 1000)


def test_a_paced_stream_is_not_found_before_the_fault_is_over() -> None:
    clock = StepClock()
    source = paced(EEG, clock, faults=Faults(parse_faults("lost@0.1+0.5")))
    source.open(1.0)
    lost_s = None
    while lost_s is None:
        try:
            source.read(0.02)
        except StreamLostError:
            lost_s = clock.now_s
    with pytest.raises(StreamNotFoundError, match=r"is gone"):
        source.open(0.3)
    assert clock.now_s == pytest.approx(lost_s + 0.3, abs=1e-3)
    source.open(2.0)
    assert clock.now_s == pytest.approx(ORIGIN_S + 0.6, abs=1e-3)

    chunks = [c for c in (source.read(0.02) for _ in range(10)) if c is not None]

    assert chunks[0].gap_before
    assert chunks[0].t_s[0] == pytest.approx(ORIGIN_S + 0.6, abs=2e-3)


def freeze() -> None:
    clock = StepClock()
    source = paced(EEG, clock, faults=Faults(parse_faults("freeze@0.1+0.5")))
    source.open(1.0)
    arrivals = []
    while clock.now_s < ORIGIN_S + 0.8:
        chunk = source.read(0.05)
        if chunk is not None:
            arrivals.append((clock.now_s - ORIGIN_S, chunk))
    late = [at_s for at_s, _ in arrivals if 0.1 <= at_s < 0.6 - 1e-6]
    assert late == []
    burst = [c for at_s, c in arrivals if at_s == pytest.approx(0.6, abs=1e-6)]
    assert sum(map(len, burst)) >= 500 - 20
    t_s, x = joined([c for _, c in arrivals])
    np.testing.assert_array_equal(x, clean(EEG)[: x.shape[0]])
    np.testing.assert_allclose(np.diff(t_s), 1e-3, atol=1e-9)


def line() -> None:
    x, wanted = split(EEG, "line@1+1*80")
    hum = x - wanted
    assert np.sqrt(2) * hum.std() == pytest.approx(80.0, rel=1e-3)
    assert abs(np.fft.rfft(hum[:, 5])).argmax() == 50


def noisy() -> None:
    x, wanted = split(EEG, "noisy:FP1@1+1")
    noise = x - wanted
    assert noise[:, FP1].std() == pytest.approx(60.0, rel=0.1)
    assert abs(np.corrcoef(noise[:-1, FP1], noise[1:, FP1])[0, 1]) < 0.15
    assert not np.delete(noise, FP1, 1).any()


def jitter() -> None:
    chunks = damaged(EEG, "jitter@1+1")
    t_s, x = joined(chunks)
    np.testing.assert_array_equal(x, clean(EEG))
    late_s = t_s - np.arange(t_s.size) / 1000.0
    inside = slice(1000, 2000)
    assert 0.001 < late_s[inside].std() < 0.02
    assert late_s.min() > -1e-9
    assert late_s.max() < 0.02
    assert np.abs(np.delete(late_s, inside)).max() < 1e-9
    assert np.diff(t_s).min() >= 0.0


def rate() -> None:
    for ratio in (0.9, 1.1):
        t_s, x = joined(damaged(EEG, f"rate@1+1*{ratio}"))
        inside = (t_s > 1.0 - 1e-6) & (t_s < 2.0 - 1e-6)
        assert inside.sum() == pytest.approx(1000 * ratio, abs=1)
        np.testing.assert_allclose(np.diff(t_s[inside]), 1 / (1000 * ratio), atol=1e-9)
        wanted = clean(EEG)
        np.testing.assert_array_equal(
            x[inside], wanted[np.floor(t_s[inside] * 1000 + 1e-4).astype(int)]
        )
        np.testing.assert_array_equal(x[~inside], np.delete(wanted, slice(1000, 2000), 0))


def duplicate() -> None:
    chunks = damaged(EEG, "duplicate@1")
    again = [(a, b) for a, b in pairwise(chunks) if a.t_s[0] == b.t_s[0]]
    assert len(again) == 1
    np.testing.assert_array_equal(again[0][0].x, again[0][1].x)
    assert again[0][0].t_s[0] == ORIGIN_S + 1.0
    chunks.remove(again[0][1])
    np.testing.assert_array_equal(joined(chunks)[1], clean(EEG))


def eye_lost() -> None:
    x, wanted = split(EYE, "eye-lost:left@1+1")
    assert np.isnan(x[:, :3]).all()
    assert not x[:, 3].any()
    np.testing.assert_array_equal(x[:, 4:], wanted[:, 4:])
    x, _ = split(EYE, "eye-lost@1+1")
    assert np.isnan(x[:, [0, 1, 2, 4, 5, 6]]).all()
    assert not x[:, [3, 7]].any()


def off_screen() -> None:
    x, wanted = split(EYE, "off-screen@1+1")
    seen = wanted[:, 3] == 1.0
    assert (x[seen][:, [0, 4]] > 1.0).all()
    np.testing.assert_array_equal(x[:, [1, 2, 3, 5, 6, 7]], wanted[:, [1, 2, 3, 5, 6, 7]])


def blinks() -> None:
    gaze, wanted = split(EYE, "blinks@1+1*3")
    closed = (gaze[:, 3] == 0) & (wanted[:, 3] == 1)
    assert np.count_nonzero(np.diff(closed.astype(int)) == 1) == 3
    assert closed.sum() / 120 == pytest.approx(0.45, abs=0.03)
    eeg, calm = split(EEG, "blinks@1+1*3")
    lid = (eeg - calm)[:, SEED_62.index("FPZ")]
    assert lid.max() == pytest.approx(110.0, rel=0.05)
    closed_at = np.interp(np.arange(1000) / 1000, np.arange(120) / 120, closed.astype(float)) > 0.5
    assert lid[closed_at].mean() > 5 * lid[~closed_at].mean()


CHECKS: dict[FaultKind, Callable[[], None]] = {
    FaultKind.GAP: gap,
    FaultKind.FREEZE: freeze,
    FaultKind.DROPOUT: dropout,
    FaultKind.LOST: lost,
    FaultKind.NAN: a_channel("nan", np.nan),
    FaultKind.INF: a_channel("inf", np.inf),
    FaultKind.FLAT: a_channel("flat", 0.0),
    FaultKind.RAILED: a_channel("railed", 187_500.0),
    FaultKind.LINE: line,
    FaultKind.NOISY: noisy,
    FaultKind.JITTER: jitter,
    FaultKind.RATE: rate,
    FaultKind.DUPLICATE: duplicate,
    FaultKind.EYE_LOST: eye_lost,
    FaultKind.OFF_SCREEN: off_screen,
    FaultKind.BLINKS: blinks,
}


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_does_what_it_says_and_leaves_no_trace(kind: FaultKind) -> None:
    CHECKS[kind]()


@pytest.mark.parametrize("modality", list(Modality))
@pytest.mark.parametrize("fault", ["jitter", "rate*1.05", "noisy", "line", "blinks", "gap"])
@given(start_s=st.floats(0.0, 1.5), length_s=st.floats(0.0, 1.2), chunk_s=st.floats(0.009, 0.7))
@settings(max_examples=6, deadline=None)
def test_a_fault_does_not_depend_on_chunking(
    modality: Modality, fault: str, start_s: float, length_s: float, chunk_s: float
) -> None:
    kind, star, size = fault.partition("*")
    if modality is EYE and kind in ("noisy", "line"):
        return
    text = f"{kind}@{start_s}+{length_s}{star}{size}"
    a, b = (
        joined(drain(unpaced(modality, duration_s=DURATION_S, faults=text, chunk_s=c)))
        for c in (None, chunk_s)
    )
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])
    assert np.diff(a[0]).min() >= 0.0


def test_faults_are_switched_while_the_stream_runs_from_another_thread() -> None:
    clock, faults = StepClock(), Faults()
    source = paced(EEG, clock, faults=faults)
    source.open(1.0)
    first = source.read(1.0)
    numbers: list[int] = []
    thread = threading.Thread(target=lambda: numbers.extend(faults.start("flat", target="FP1")))
    thread.start()
    thread.join()
    during = [source.read(1.0) for _ in range(3)]
    faults.stop(*numbers)
    after = source.read(1.0)

    assert first is not None
    assert after is not None
    chunks = [first, *(c for c in during if c is not None), after]
    x, wanted = joined(chunks)[1], clean(EEG)
    wanted = wanted[: x.shape[0]].copy()
    wanted[20:80, FP1] = 0.0
    np.testing.assert_array_equal(x, wanted)


def test_a_fault_hits_the_streams_that_can_have_it() -> None:
    assert {f.stream for f in parse_faults("gap@1")} == {EEG, EYE}
    assert [f.stream for f in parse_faults("gaze.gap@1;flat:left_pupil@2;line@3")] == [
        EYE,
        EYE,
        EEG,
    ]
    assert parse_faults("rate@2+3*0.9")[0] == Fault(FaultKind.RATE, EEG, 2.0, 5.0, size=0.9)
    assert parse_faults(" ; ") == ()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("gap@", "'gap'.*KIND"),
        ("gap:@3", "'gap'.*KIND"),
        ("gap@-3", "0 <= start"),
        ("gap@3+-1", "0 <= start"),
        ("gap@nan", "0 <= start"),
        ("rate@3*7", "0.5 to 1.5"),
        ("blinks@3*0", "at most 4"),
        ("jitter@3*9", "0 to 1 s"),
        ("foo.gap@3", "'foo.gap'"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(text: str, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        parse_faults(text)
    with pytest.raises(UsageError, match="duration -1"):
        Faults().start("gap", duration_s=-1)
