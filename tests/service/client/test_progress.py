"""Whatever cuts the connection, each frame is handed on once, in order, or is in a gap."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hadua.service.client.frames import AnyFrame, OtherFrame, decode
from hadua.service.client.progress import AWAY, Onlooker, Policy, Progress
from hadua.service.wire import (
    BundleInfo,
    ByeFrame,
    GapFrame,
    Hello,
    MarkerFrame,
    StatusFrame,
    encode,
)

BUNDLE = BundleInfo(
    id="b", name="b", version="1", demo=True, notice="", classes=("a",), context=1, features={}
)
Place = tuple[int, int]


def marker(epoch: int, seq: int) -> MarkerFrame:
    return MarkerFrame(session_id="a", epoch=epoch, seq=seq, t_s=float(seq), text=f"{epoch}.{seq}")


def status(epoch: int, seq: int, state: str) -> StatusFrame:
    return StatusFrame(
        session_id="a", epoch=epoch, seq=seq, state=state, reason="", streams={},
        normalisation="", chunks_dropped=0, predictions=0, abstained=0, latency=None,
    )  # fmt: skip


def hello(epoch: int, seq: int, last_seq: int, state: str = "running") -> Hello:
    return Hello(
        session_id="a", epoch=epoch, seq=seq, last_seq=last_seq, state=state, service="",
        bundle=BUNDLE,
    )  # fmt: skip


class Service:
    """What a service with a database would send: lives of so many frames each."""

    def __init__(self, lives: Sequence[int]) -> None:
        self.lives = {epoch: n for epoch, n in enumerate(lives, start=1)}

    def answer(self, query: dict[str, object], *, until: Place) -> list[AnyFrame]:
        """The frames of one connection, made when `until` was the newest frame."""
        epoch, last = until
        known: Place = until
        if "after_seq" in query:
            known = (int(str(query.get("epoch", epoch))), int(str(query["after_seq"])))
        sent = [
            marker(e, k) for e in range(1, epoch + 1) for k in range(1, self.lives[e] + 1)
            if known < (e, k) <= until
        ]  # fmt: skip
        return [hello(epoch, known[1] if known[0] == epoch else 0, last), *sent]

    def places(self) -> list[Place]:
        return [(e, k) for e, n in self.lives.items() for k in range(1, n + 1)]


@given(
    lives=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    cuts=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=12),
)
def test_lossless_hands_on_every_frame_once(lives: list[int], cuts: list[tuple[int, int]]) -> None:
    service = Service(lives)
    places = service.places()
    progress = Progress(after_seq=0, epoch=1, endless=True)
    told: list[Place] = []
    moments = [min(m, len(places) - 1) for m, _ in sorted(cuts)] + [len(places) - 1]
    amounts = [n for _, n in sorted(cuts)] + [100]
    for moment, amount in zip(moments, amounts, strict=True):
        for frame in service.answer(progress.query(), until=places[moment])[: amount + 1]:
            told += [(f.epoch, f.seq) for f in progress.take(frame)]
    assert told == places


@given(
    n=st.integers(1, 30),
    cuts=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)), max_size=6),
)
def test_latest_says_itself_what_it_has_left_out(n: int, cuts: list[tuple[int, int]]) -> None:
    """A client that does not resume hears `hello` with a later seq than its own."""
    progress = Progress(policy="latest", endless=True)
    told: list[int] = []
    first: int | None = None
    for moment, amount in sorted(cuts):
        moment = min(moment, n)
        assert "after_seq" not in progress.query()
        frames: list[AnyFrame] = [hello(1, moment, moment)]
        frames += [marker(1, k) for k in range(moment + 1, min(moment + amount, n) + 1)]
        first = moment if first is None else first
        for frame in frames:
            for each in progress.take(frame):
                if isinstance(each, GapFrame):
                    assert each.reason == AWAY
                    told += range(each.missed_from, each.missed_to + 1)
                else:
                    told.append(each.seq)
    if first is not None:
        assert told == list(range(first + 1, first + 1 + len(told)))
        assert progress.missed <= len(told)


def test_it_is_over_with_the_last_status_of_the_present_life() -> None:
    progress = Progress(after_seq=0, epoch=1)
    progress.take(hello(2, 0, 2))
    assert progress.take(status(1, 5, "stopped"))  # the end of an earlier life
    assert progress.over is None
    last = status(2, 2, "failed")
    assert progress.take(last) == [last]
    assert progress.over is last


def test_a_session_that_is_over_already_is_so_once_all_is_heard() -> None:
    at_once, later = Progress(), Progress(after_seq=0)
    at_once.take(hello(1, 9, 9, "stopped"))
    assert at_once.over is not None
    later.take(hello(1, 0, 9, "stopped"))
    assert later.over is None


def test_a_filter_asks_for_what_says_the_end_and_hands_on_only_what_was_asked_for() -> None:
    progress = Progress(kinds=frozenset({"prediction", "gap"}))
    assert progress.query()["types"] == "prediction,status"
    progress.take(hello(1, 0, 0))
    assert progress.take(status(1, 1, "running")) == []
    gap = GapFrame(session_id="a", epoch=1, seq=4, missed_from=2, missed_to=4, reason="")
    assert progress.take(gap) == [gap]
    assert progress.missed == 3
    assert progress.take(ByeFrame(reason="")) == []


def test_an_onlooker_hands_on_all_sessions_alike() -> None:
    policy: Policy = "latest"
    onlooker = Onlooker(policy=policy, kinds=None)
    assert onlooker.query() == {"policy": "latest"}
    onlooker.take(hello(0, 0, 0))
    assert [len(onlooker.take(marker(1, k))) for k in (1, 1, 5)] == [1, 1, 1]


def test_a_type_that_is_not_known_is_handed_on_whole() -> None:
    text = '{"v":1,"type":"telepathy","session_id":"a","epoch":1,"seq":7,"mood":[1,2]}'
    frame = decode(text)
    assert isinstance(frame, OtherFrame)
    assert (frame.type, frame.seq, frame.content["mood"]) == ("telepathy", 7, [1, 2])
    known = marker(1, 2)
    assert decode(encode(known)) == known
