"""A slot keeps the newest frames, and a gap says exactly what is missing."""

import asyncio
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.service import async_test

from hadua.service.hub import Hub
from hadua.service.journal import Kind, MemoryJournal, Published
from hadua.service.subscriber import FORGOTTEN, SLOW, TRY_AGAIN_LATER, Policy, Subscriber


def item(seq: int, *, session: str = "a", epoch: int = 1, kind: Kind = "prediction") -> Published:
    text = json.dumps({"type": kind, "session_id": session, "epoch": epoch, "seq": seq})
    return Published(session, epoch, seq, kind, text)


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


KINDS: tuple[Kind, ...] = ("prediction", "status", "marker")


@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=60),
    wanted=st.sets(st.sampled_from(KINDS), min_size=1),
    capacity=st.integers(1, 8),
    kept_from=st.integers(0, 20),
    live_from=st.integers(0, 60),
)
def test_with_a_filter_every_wanted_frame_is_told_of_and_no_other(
    kinds: list[Kind], wanted: set[Kind], capacity: int, kept_from: int, live_from: int
) -> None:
    """Frames 1 to n of mixed types; the journal lost the first, some are offered in one burst."""

    @async_test
    async def check() -> None:
        frames = [item(k, kind=kind) for k, kind in enumerate(kinds, start=1)]
        held, live = frames[kept_from:live_from], frames[max(kept_from, live_from) :]
        subscriber = Subscriber(
            "a", capacity=capacity, kinds=frozenset(wanted), backlog=held, informed={("a", 1): 0}
        )
        for each in live:
            subscriber.offer(each)
        got, missed = await drain(subscriber)
        for frame in frames if held else frames[len(frames) - len(live) :]:
            told = (frame.seq in got) + (frame.seq in missed)
            if frame.kind in wanted:
                last = max(got, default=0)
                assert told == 1 or (told == 0 and frame.seq > last)
            else:
                assert frame.seq not in got

    check()


async def drain(subscriber: Subscriber) -> tuple[list[int], set[int]]:
    """What a client gets until nothing waits, and what it is told that it missed."""
    got: list[int] = []
    missed: set[int] = set()
    subscriber.say_goodbye("enough")
    while (frame := await next_frame(subscriber))["type"] != "bye":
        if frame["type"] == "gap":
            missed.update(seqs_told(frame))
        else:
            got += seqs_told(frame)
    assert got == sorted(set(got))
    return got, missed


@async_test
async def test_lossless_keeps_all_it_has_room_for_and_then_ends() -> None:
    subscriber = Subscriber("a", capacity=5, policy="lossless", on_drop=lambda: pytest.fail("no"))
    for seq in range(1, 6):
        subscriber.offer(item(seq))
    assert [(await next_frame(subscriber))["seq"] for _ in range(2)] == [1, 2]
    for seq in range(6, 9):
        subscriber.offer(item(seq))
    outgoing = await subscriber.next()
    assert outgoing is not None
    assert (outgoing.text, outgoing.close) == ("", TRY_AGAIN_LATER)


@async_test
async def test_a_long_backlog_leaves_room_for_what_comes_meanwhile() -> None:
    policies: tuple[Policy, ...] = ("latest", "lossless")
    for policy in policies:
        backlog = [item(seq) for seq in range(1, 101)]
        subscriber = Subscriber(
            "a", capacity=2, policy=policy, backlog=backlog, informed={("a", 1): 0}
        )
        seen: list[int] = []
        for seq in range(101, 191):
            seen += seqs_told(await next_frame(subscriber))
            subscriber.offer(item(seq))
        got, missed = await drain(subscriber)
        assert (seen + got, missed) == (list(range(1, 191)), set())


@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=60))
def test_what_is_written_at_once_keeps_its_place_among_what_waits(
    steps: list[tuple[bool, int]],
) -> None:
    """Each step: a frame is published, to a socket that takes it or not; some turns of the loop."""

    @async_test
    async def check() -> None:
        told: list[int] = []
        takes = False

        def write_now(frame: bytes) -> bool:
            if takes:
                told.append(json.loads(frame[frame.index(b"{") :])["seq"])
            return takes

        subscriber = Subscriber("a", capacity=100, write_now=write_now)
        hub = Hub()
        hub.add(subscriber)

        async def send_all() -> None:
            while (outgoing := await subscriber.next()) is not None:
                if outgoing.close is not None:
                    return
                await asyncio.sleep(0)  # a send that is on its way
                told.append(outgoing.seq)
                subscriber.delivered(outgoing)

        sender = asyncio.create_task(send_all())
        for seq, (takes, turns) in enumerate(steps, start=1):  # noqa: B007 - write_now reads it
            hub.publish(item(seq))
            for _ in range(turns):
                await asyncio.sleep(0)
        hub.close("enough")
        await sender
        assert told == list(range(1, len(steps) + 1))

    check()


@async_test
async def test_who_waits_for_nothing_gets_a_frame_at_once() -> None:
    written: list[bytes] = []

    def write_now(frame: bytes) -> bool:
        written.append(frame)
        return True

    subscribers = [Subscriber("a", capacity=8, write_now=write_now) for _ in range(3)]
    hub = Hub()
    waiting = []
    for subscriber in subscribers:
        hub.add(subscriber)
        waiting.append(asyncio.create_task(subscriber.next()))
    await asyncio.sleep(0)
    assert hub.publish(item(1)) == 3
    assert len(written) == 3
    assert written[0] is written[1] is written[2]  # framed once for all
    hub.close("enough")
    assert all([(await task) is not None for task in waiting])


@async_test
async def test_what_is_known_of_sessions_that_are_long_over_is_bounded() -> None:
    subscriber = Subscriber(None, capacity=8)
    for k in range(3000):
        subscriber.offer(item(1, session=f"s{k}"))
        assert (await next_frame(subscriber))["session_id"] == f"s{k}"
    assert len(subscriber._informed) == len(subscriber._offered) == 1024
    subscriber.offer(item(2, session="s0"))
    assert (await next_frame(subscriber))["type"] == "prediction"  # forgotten, and no false gap


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
