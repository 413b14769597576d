"""The collector stays off the way of windows, and nothing piles up for that."""

import gc
import threading
import weakref
from itertools import pairwise

import pytest
from support.service import EEG, FakeSource, Parts, async_test, eventually, running

from hadua.models.features import Modality
from hadua.service.garbage import (
    ALL_EVERY_S,
    GARBAGE,
    GIVE_BACK_EVERY_S,
    RARELY,
    YOUNG_EVERY_S,
    Garbage,
)


class Knot:
    """Refers to itself: only a collection frees it."""

    def __init__(self) -> None:
        self.me = self


def test_it_is_kept_off_and_given_back() -> None:
    before = gc.get_threshold()

    with Garbage().kept_off():
        assert gc.get_threshold() == RARELY
        assert gc.get_freeze_count() > 0

    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_what_windows_leave_is_freed_between_them_and_not_before() -> None:
    garbage = Garbage()
    with garbage.kept_off():
        knots = [weakref.ref(Knot()) for _ in range(5_000)]  # enough for several, left alone
        assert all(knot() is not None for knot in knots)

        garbage.between_windows(1000.0)

        assert all(knot() is None for knot in knots)


def test_how_often() -> None:
    made: list[int] = []
    garbage = Garbage(made.append)
    with garbage.kept_off():
        for k in range(int(2.0 * ALL_EVERY_S / 0.1)):  # a window every tenth of a second
            garbage.between_windows(1000.0 + 0.1 * k)
    garbage.between_windows(1e6)  # it is over

    assert made.count(2) == 2  # once a minute
    young = made.count(1)
    assert 0.8 * 2.0 * ALL_EVERY_S / YOUNG_EVERY_S < young <= 2.0 * ALL_EVERY_S / YOUNG_EVERY_S


def test_what_is_loaded_is_set_aside_as_often_as_asked() -> None:
    garbage = Garbage()
    garbage.set_aside()
    assert gc.get_freeze_count() == 0  # nobody asked to keep it off
    with garbage.kept_off():
        before = gc.get_freeze_count()
        loaded = [Knot() for _ in range(100)]
        garbage.set_aside()

        assert gc.get_freeze_count() >= before + len(loaded)


def test_memory_is_given_back_now_and_then_while_sessions_run() -> None:
    given = list[float]()
    now_s = 1000.0
    garbage = Garbage(lambda _: None, lambda: given.append(now_s))
    with garbage.kept_off():
        for k in range(int(2.5 * GIVE_BACK_EVERY_S / 0.1)):
            now_s = 1000.0 + 0.1 * k
            garbage.between_windows(now_s)

    least_s, most_s = GIVE_BACK_EVERY_S, GIVE_BACK_EVERY_S + ALL_EVERY_S + YOUNG_EVERY_S
    assert len(given) == 2
    assert all(least_s <= b - a < most_s for a, b in pairwise([1000.0, *given]))


def test_alone_it_collects_nothing() -> None:
    made: list[int] = []

    Garbage(made.append).between_windows(1000.0)

    assert made == []


def test_after_the_last_session_all_is_collected_and_memory_given_back() -> None:
    told: list[object] = []
    garbage = Garbage(told.append, lambda: told.append("given back"))
    garbage.after_the_last_session()
    assert told == []  # nobody asked to keep it off: it is not ours to say
    with garbage.kept_off():
        garbage.after_the_last_session()

    assert told == [2, "given back"]


@async_test
async def test_a_service_says_when_its_last_session_has_ended() -> None:
    told: list[str] = []
    sources = {name: FakeSource([threading.Event()], spec=EEG) for name in ("a", "b")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GARBAGE, "after_the_last_session", lambda: told.append("none is left"))
        async with running(Parts(sources=sources)) as service:
            sessions = service.service.sessions
            for name, source in sources.items():
                sessions.start({Modality.EEG: source}, session_id=name)
            await sessions.stop("a")
            assert told == []

            await sessions.stop("b")
            await eventually(lambda: told == ["none is left"])
