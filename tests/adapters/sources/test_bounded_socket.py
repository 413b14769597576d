"""A socket that neither waits nor takes without a limit."""

import socket
import time
from collections.abc import Iterator

import pytest

from hadua.adapters.sources.bounded_socket import BoundedSocket, OversizedAnswerError, connect


@pytest.fixture
def ends() -> Iterator[tuple[BoundedSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    bounded = BoundedSocket(ours)
    yield bounded, theirs
    bounded.close()
    theirs.close()


def test_it_sends_and_receives_and_remembers_how_the_answer_began(
    ends: tuple[BoundedSocket, socket.socket],
) -> None:
    ours, theirs = ends
    ours.allow(timeout_s=5.0, limit_bytes=100)
    assert ours.send(b"question") == 8
    theirs.sendall(b"a long enough answer")
    assert ours.recv(8) + ours.recv(12) == b"a long enough answer"
    assert ours.heard == b"a long enough an"


def test_the_end_of_the_other_side_is_an_error_and_no_empty_answer(
    ends: tuple[BoundedSocket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.close()
    ours.allow(timeout_s=5.0, limit_bytes=8)
    with pytest.raises(ConnectionResetError, match=r"closed the connection"):
        ours.recv(8)


def test_more_than_allowed_is_refused_before_anything_is_received(
    ends: tuple[BoundedSocket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.sendall(b"12345678")
    ours.allow(timeout_s=5.0, limit_bytes=8)
    with pytest.raises(OversizedAnswerError, match=r"got 9 bytes, expected at most 8"):
        ours.recv(9)
    assert ours.recv(8) == b"12345678"


def test_one_deadline_holds_for_a_whole_exchange(
    ends: tuple[BoundedSocket, socket.socket],
) -> None:
    ours, theirs = ends
    ours.allow(timeout_s=0.2, limit_bytes=8)
    started_s = time.monotonic()
    theirs.sendall(b"x")
    assert ours.recv(8) == b"x"
    for _ in range(2):
        with pytest.raises(TimeoutError, match=r"timed out|no time left"):
            ours.recv(8)
    assert time.monotonic() - started_s < 2.0


def test_before_anything_is_allowed_nothing_is(ends: tuple[BoundedSocket, socket.socket]) -> None:
    with pytest.raises(OversizedAnswerError, match=r"at most 0"):
        ends[0].recv(1)
    with pytest.raises(TimeoutError, match=r"no time left"):
        ends[0].send(b"x")


def test_a_second_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as gone:
            dead = gone.getsockname()
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", a) for a in (dead, ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        connect("two-addresses", port, timeout_s=2.0).close()
