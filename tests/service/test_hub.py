"""A slot keeps the newest frames, and a gap says exactly what is missing."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import async_test

from hadua.service.hub import FORGOTTEN, SLOW, Hub, Subscriber
from hadua.service.journal import MemoryJournal, Published


def item(seq: int, *, session: str = "a", epoch: int = 1) -> Published:
    text = json.dumps({"type": "prediction", "session_id": session, "epoch": epoch, "seq": seq})
    return Published(session, epoch, seq, "prediction", text)


async def next_frame(subscriber: Subscriber) -> dict[str, object]:
    outgoing = await subscriber.next()
    assert outgoing is not None
    subscriber.delivered(outgoing)
    return msgspec.json.decode(outgoing.text, type=dict[str, object])


def seqs_told(frame: dict[str, object]) -> list[int]:
    if frame["type"] == "gap":
        first, last = frame["missed_from"], frame["missed_to"]
        assert isinstance(first, int)
        assert isinstance(last, int)
        return list(range(first, last + 1))
    assert isinstance(frame["seq"], int)
    return [frame["seq"]]


@given(bursts=st.lists(st.integers(1, 30), min_size=1, max_size=10), reads=st.integers(1, 12))
def test_a_client_is_told_of_every_seq_once_in_order(bursts: list[int], reads: int) -> None:
    @async_test
    async def check() -> None:
        subscriber = Subscriber("a", capacity=8)
        told: list[int] = []
        last = 0
        for burst in bursts:
            for _ in range(burst):
                last += 1
                subscriber.offer(item(last))
            for _ in range(reads):
                if told[-1:] != [last]:
                    told += seqs_told(await next_frame(subscriber))
        while told[-1:] != [last]:
            told += seqs_told(await next_frame(subscriber))
        assert told == list(range(1, last + 1))

    check()


@async_test
async def test_the_newest_eight_win_and_the_others_are_counted() -> None:
    dropped = []
    subscriber = Subscriber("a", capacity=8, on_drop=lambda: dropped.append(1))
    for seq in range(1, 21):
        subscriber.offer(item(seq))
    gap = await next_frame(subscriber)
    assert (gap["type"], gap["missed_from"], gap["missed_to"]) == ("gap", 1, 12)
    assert gap["seq"] == 12
    assert gap["reason"] == SLOW
    assert [(await next_frame(subscriber))["seq"] for _ in range(8)] == list(range(13, 21))
    assert subscriber.frames_dropped == len(dropped) == 12


@async_test
async def test_a_frame_that_could_not_be_sent_becomes_part_of_the_gap() -> None:
    subscriber = Subscriber("a", capacity=8)
    for seq in (1, 2, 3):
        subscriber.offer(item(seq))
    await next_frame(subscriber)
    await subscriber.next()  # 2 is taken, but it never gets through
    subscriber.missed()
    gap = await next_frame(subscriber)
    assert (gap["missed_from"], gap["missed_to"]) == (2, 2)
    assert (await next_frame(subscriber))["seq"] == 3


@async_test
async def test_what_the_journal_let_go_is_a_gap_of_its_own_reason() -> None:
    journal = MemoryJournal(capacity=5)
    for seq in range(1, 21):
        journal.append(item(seq))
    subscriber = Subscriber("a", capacity=8, backlog=journal.after(3), informed={("a", 1): 3})
    gap = await next_frame(subscriber)
    assert (gap["missed_from"], gap["missed_to"], gap["reason"]) == (4, 15, FORGOTTEN)
    assert (await next_frame(subscriber))["seq"] == 16


@async_test
async def test_sessions_do_not_mix_and_goodbye_comes_last() -> None:
    hub = Hub()
    one, all_of_them = Subscriber("a", capacity=8), Subscriber(None, capacity=8)
    hub.add(one)
    hub.add(all_of_them)
    hub.publish(item(1))
    hub.publish(item(1, session="b"))
    hub.close("that is all")
    assert [(await next_frame(one))["type"] for _ in range(2)] == ["prediction", "bye"]
    frames = [await next_frame(all_of_them) for _ in range(3)]
    assert [f["session_id"] for f in frames[:2]] == ["a", "b"]
    assert frames[2]["reason"] == "that is all"


@given(capacity=st.integers(1, 20), n=st.integers(0, 60), after=st.integers(0, 70))
def test_the_journal_holds_the_latest_and_says_from_where(
    capacity: int, n: int, after: int
) -> None:
    journal = MemoryJournal(capacity=capacity)
    for seq in range(1, n + 1):
        journal.append(item(seq))
    held = list(range(max(1, n - capacity + 1), n + 1))
    assert journal.first_seq == (held[0] if held else n + 1)
    assert journal.last_seq == n
    assert [i.seq for i in journal.after(after)] == [seq for seq in held if seq > after]


def test_the_journal_refuses_a_hole() -> None:
    journal = MemoryJournal(capacity=3)
    with pytest.raises(ValueError, match="got seq 2, expected 1"):
        journal.append(item(2))
