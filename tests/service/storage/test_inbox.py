"""Frames wait for others, changes do not, and nothing waits for ever."""

import threading
import time
from collections.abc import Iterator

import pytest

from hadua.service.storage.inbox import Inbox

LONG_S = 30.0


def taken(inbox: Inbox[str]) -> Iterator[str]:
    while len(inbox):
        yield inbox.pop()


def test_what_is_urgent_is_not_waited_with_however_many_are_before_it() -> None:
    inbox = Inbox[str](enough=10, linger_s=LONG_S)
    inbox.put("a", urgent=False)
    inbox.put("b")
    inbox.put("c")
    inbox.wait(None)
    assert inbox.pop() == "a"
    assert inbox.pop() == "b"
    inbox.wait(None)  # "c" is urgent still
    assert list(taken(inbox)) == ["c"]


def test_enough_are_not_waited_with() -> None:
    inbox = Inbox[str](enough=3, linger_s=LONG_S)
    for name in "abcd":
        inbox.put(name, urgent=False)
    inbox.wait(None)
    assert list(taken(inbox)) == [*"abcd"]


@pytest.mark.parametrize("urgent", [True, False])
def test_who_waits_is_woken_by_the_first_and_by_what_is_urgent(urgent: bool) -> None:
    inbox = Inbox[str](enough=2, linger_s=LONG_S)
    woken = threading.Event()

    def wait() -> None:
        inbox.wait(None)
        woken.set()

    threading.Thread(target=wait, daemon=True).start()
    inbox.put("a", urgent=False)
    assert not woken.wait(0.05)
    inbox.put("b", urgent=urgent)  # urgent, or enough
    assert woken.wait(10.0)
    assert list(taken(inbox)) == ["a", "b"]


def test_one_alone_waits_for_so_long_and_no_longer() -> None:
    inbox = Inbox[str](enough=10, linger_s=0.05)
    inbox.put("a", urgent=False)
    began_s = time.monotonic()
    inbox.wait(None)
    assert 0.04 < time.monotonic() - began_s < 10.0
    assert len(inbox) == 1


def test_nothing_comes() -> None:
    inbox = Inbox[str](enough=10, linger_s=LONG_S)
    inbox.wait(0.01)
    assert len(inbox) == 0
    with pytest.raises(IndexError):
        inbox.pop()
