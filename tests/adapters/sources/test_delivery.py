"""Raw blocks become chunks: cut at gaps, counted when handed out, refused if time is lost."""

import numpy as np
import pytest

from hadua.adapters.sources.delivery import Delivery
from hadua.adapters.sources.source import Channel, SampleChunk, StreamSpec
from hadua.models.errors import StreamInvalidError, StreamLostError
from hadua.models.features import FloatArray

SPEC = StreamSpec("Amp", (Channel("FP1"), Channel("FP2")), 250.0, "EEG")


def push(delivery: Delivery, stamp_s: FloatArray) -> list[SampleChunk]:
    """Deliver a block whose first column repeats its stamps."""
    delivery.push(stamp_s, np.stack([stamp_s, np.zeros_like(stamp_s)], axis=1))
    chunks: list[SampleChunk] = []
    while (chunk := delivery.pop()) is not None:
        chunks.append(chunk)
    return chunks


def stamps(n: int, *, start_s: float = 1000.0) -> FloatArray:
    return start_s + np.arange(n) / 250.0


def test_a_block_is_cut_at_its_gap_and_values_stay_with_their_stamps() -> None:
    delivery = Delivery(SPEC)

    chunks = push(delivery, np.concatenate([stamps(100), stamps(100) + 5.0]))

    assert [(len(c), c.gap_before) for c in chunks] == [(100, False), (100, True)]
    for chunk in chunks:
        assert np.abs(chunk.x[:, 0] - chunk.t_s).max() < 1e-9
    health = delivery.health()
    assert (health.samples, health.gaps) == (200, 1)
    assert health.lost_samples == pytest.approx(250 * 5 - 100, abs=1)


def test_what_is_not_handed_out_yet_is_not_counted() -> None:
    delivery = Delivery(SPEC)
    delivery.push(stamps(100), np.zeros((100, 2)))

    assert delivery.health().samples == 0
    delivery.pop()
    assert delivery.health().samples == 100


def test_a_block_is_copied() -> None:
    delivery, x = Delivery(SPEC), np.ones((100, 2))
    delivery.push(stamps(30), x[:30])
    x[:30] = 7.0
    delivery.push(stamps(70, start_s=1000.0 + 30 / 250.0), x[30:])
    x[:] = 7.0

    chunk = delivery.pop()

    assert chunk is not None
    assert len(chunk) == 100
    assert (chunk.x == 1.0).all()


def test_the_first_samples_wait_for_others_but_not_for_ever() -> None:
    now = [50.0]
    delivery = Delivery(SPEC, patience_s=0.5, clock=lambda: now[0])
    assert delivery.wait_s() is None
    assert push(delivery, stamps(5)) == []
    assert delivery.wait_s() == 0.5

    now[0] += 0.2
    assert push(delivery, stamps(5, start_s=1000.02)) == []
    assert delivery.wait_s() == pytest.approx(0.3)
    now[0] += 0.3
    chunk = delivery.pop()

    assert chunk is not None
    assert chunk.x[:, 0].tolist() == [*stamps(5), *stamps(5, start_s=1000.02)]
    assert (delivery.wait_s(), delivery.pop()) == (None, None)


def test_a_recordings_first_samples_wait_for_as_long_as_it_takes() -> None:
    delivery = Delivery(SPEC, patience_s=None, clock=lambda: 1e9)
    assert push(delivery, stamps(5)) == []
    assert delivery.wait_s() is None

    delivery.flush()
    chunk = delivery.pop()

    assert chunk is not None
    assert len(chunk) == 5


def test_a_block_that_does_not_fit_is_refused() -> None:
    with pytest.raises(StreamInvalidError, match=r"chunk does not fit its stream.*transposed"):
        Delivery(SPEC).push(stamps(10), np.zeros((2, 10)))


def test_a_stray_stamp_now_and_then_never_ends_a_long_stream() -> None:
    """One sample in a block with the stamp of an hour ago, 2000 times: none is in a row."""
    delivery = Delivery(SPEC)
    for i in range(2000):
        block = stamps(10, start_s=1000.0 + i * 10 / 250.0)
        block[4] = 10.0
        push(delivery, block)
        push(delivery, np.array([11.0]))
    delivery.flush()
    while delivery.pop() is not None:
        pass

    assert delivery.health().samples == 9 * 2000
    assert any("far back" in note for note in delivery.health().notes)


def test_time_that_went_back_and_stays_there_is_a_lost_stream() -> None:
    delivery = Delivery(SPEC)
    push(delivery, stamps(500))

    push(delivery, stamps(1250, start_s=10.0))  # five seconds of it: it may still catch up
    with pytest.raises(StreamLostError, match="went back and stay there"):
        push(delivery, stamps(1, start_s=15.0))

    assert delivery.health().samples == 500


def test_says_that_a_stream_comes_in_bursts() -> None:
    delivery = Delivery(SPEC)
    for i in range(10):
        burst = np.full(50, 1000.0 + 0.2 * i) + 1e-5 * np.arange(50)
        push(delivery, burst[:1])
        push(delivery, burst[1:])

    assert "sends in bursts about 200 ms apart: windows are as late" in delivery.health().notes
    assert delivery.health().lost_samples == 0


@pytest.mark.parametrize("lost", [1, 7, 5000])
def test_a_loss_that_the_sender_counts_is_a_gap_of_exactly_that_many(lost: int) -> None:
    delivery = Delivery(SPEC)
    push(delivery, stamps(100))

    delivery.lose(lost)
    chunks = push(delivery, stamps(100, start_s=1000.0 + (100 + lost) / 250.0))

    assert [c.gap_before for c in chunks] == [True]
    assert (delivery.health().gaps, delivery.health().lost_samples) == (1, lost)


def test_a_loss_that_nobody_counted_is_as_long_as_time_says() -> None:
    delivery = Delivery(SPEC)
    push(delivery, stamps(100))

    delivery.lose()
    push(delivery, stamps(100, start_s=1002.0))

    assert delivery.health().lost_samples == pytest.approx(2.0 * 250 - 100, abs=1)


def test_a_loss_before_the_first_sample_is_none() -> None:
    delivery = Delivery(SPEC)
    delivery.lose(5)

    assert [c.gap_before for c in push(delivery, stamps(100))] == [False]
    assert delivery.health().lost_samples == 0
